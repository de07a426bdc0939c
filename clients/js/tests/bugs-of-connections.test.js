// The first eight of the twenty kinds of bugs that users of chat clients file, each shown to be absent.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "../src/index.js";
import { World, advance, fakeClock, settle } from "./fake.js";
import { HOUR, MINUTE, Page, jwt, live, say, talking, texts } from "./help.js";

describe("1 storms", () => {
  test("clients that were cut off together come back apart, and wait longer each time", async (t) => {
    fakeClock(t);
    const world = new World();
    const clients = Array.from({ length: 40 }, (_, n) => createClient(world.options(n + 1)));
    for (const client of clients) client.start();
    t.after(() => clients.forEach((client) => client.close()));
    await advance(100);
    world.handshake = () => 503;
    const cut = Date.now();
    const tries = [];
    const { WebSocket } = world;
    const before = world.sockets.length;
    world.cut();
    const at = new Map();
    for (let n = 0; n < 2400; n++) {
      await advance(50);
      for (const socket of world.sockets.slice(before + tries.length)) {
        tries.push(Date.now() - cut);
        at.set(socket.token, [...(at.get(socket.token) ?? []), Date.now() - cut]);
      }
    }
    const firsts = [...at.values()].map(([first]) => first);
    assert.ok(Math.max(...firsts) <= 1050, "the first wait is up to a second");
    assert.ok(new Set(firsts).size > 10, "they come apart");
    const waits = [...at.values()].flatMap((times) => times.slice(1).map((time, n) => time - times[n]));
    assert.ok(Math.max(...waits) > 10_000 && Math.max(...waits) <= 30_100, "waits grow up to half a minute");
    assert.ok(tries.length < clients.length * 20, `${tries.length} tries in two minutes`);
    assert.ok(WebSocket);
  });

  test("a service that takes a connection and ends it at once is not asked again and again without a wait", async (t) => {
    const { world } = await live(t);
    const before = world.sockets.length;
    for (let n = 0; n < 600; n++) {
      await advance(100);
      world.cut();
    }
    assert.ok(world.sockets.length - before < 30, `${world.sockets.length - before} connections in a minute`);
  });
});

describe("2 heartbeats", () => {
  test("`sync` is said in time although a hidden page's timers are a minute late", async (t) => {
    const { world } = await live(t);
    const asked = () => world.asked("sync").length;
    await advance(8 * MINUTE + 1000);
    assert.equal(asked(), 1);
    await advance(8 * MINUTE + 1000);
    assert.equal(asked(), 2);
    assert.equal(world.sockets.length, 1);
  });

  test("what the last connection still waited for does not end the next one", async (t) => {
    const { world, client } = await live(t);
    world.fate = ({ action }) => (action === "sync" ? "unanswered" : undefined);
    await advance(8 * MINUTE + 1000);
    world.cut();
    world.fate = () => undefined;
    await advance(2000);
    assert.equal(client.get().state, "live");
    await advance(MINUTE);
    assert.deepEqual([client.get().state, world.sockets.length], ["live", 2]);
  });

  test("a connection that is silent is replaced", async (t) => {
    const { world, client } = await live(t);
    const [dead] = world.sockets;
    world.fate = (_, socket) => (socket === dead ? "lost" : undefined);
    await advance(9 * MINUTE);
    assert.equal(client.get().state, "live");
    assert.equal(dead.readyState, 3);
  });

  test("a connection that the service has forgotten is replaced", async (t) => {
    const { world, client, conversation } = await talking(t);
    const [dead] = world.sockets;
    world.fate = (_, socket) => socket === dead && { error: { status: 400, code: "CONNECTION_UNKNOWN" } };
    conversation.send("hello");
    await advance(3000);
    assert.deepEqual([client.get().state, dead.readyState, conversation.get().messages[0].delivery], ["live", 3, "sent"]);
  });
});

describe("3 reconnects", () => {
  test("who has stopped stays away", async (t) => {
    const { world, client, stop } = await live(t);
    stop();
    await advance(100);
    assert.deepEqual([client.get().state, world.open().length], ["idle", 0]);
    await advance(HOUR);
    assert.equal(world.sockets.length, 1);
  });

  test("who stops while it connects, or waits to, stays away as well", async (t) => {
    fakeClock(t);
    const world = new World();
    const client = createClient(world.options(1));
    client.start()();
    await advance(HOUR);
    assert.deepEqual([client.get().state, world.open().length], ["idle", 0]);
    world.handshake = () => 503;
    const stop = client.start();
    await advance(20);
    assert.equal(client.get().state, "waiting");
    stop();
    const { length } = world.sockets;
    await advance(HOUR);
    assert.deepEqual([client.get().state, world.sockets.length], ["idle", length]);
  });

  test("who goes on knows what it knew, and hears what it missed", async (t) => {
    const { world, client, stop, conversation } = await talking(t);
    say(world, "one");
    await advance(100);
    stop();
    await advance(100);
    say(world, "two");
    const asked = world.requests.length;
    client.start();
    await advance(100);
    assert.deepEqual(texts(conversation), ["one", "two"]);
    assert.equal(world.requests.length, asked, "nothing is loaded anew");
  });

  test("after a freeze a dead connection is found at once, and one that lives is kept", async (t) => {
    const events = new Page();
    const { world, client } = await live(t, { events });
    events.wake("pageshow");
    events.wake("online");
    await advance(5000);
    assert.deepEqual([world.sockets.length, world.asked("sync").length], [1, 1]);
    const [dead] = world.sockets;
    world.fate = (_, socket) => (socket === dead ? "lost" : undefined);
    events.wake("resume");
    await advance(4200);
    assert.deepEqual([client.get().state, world.sockets.length], ["live", 2]);
  });

  test("who wakes up does not wait any longer", async (t) => {
    const events = new Page();
    const { world, client } = await live(t, { events });
    world.handshake = () => 503;
    world.cut();
    await advance(5 * MINUTE);
    world.handshake = () => 101;
    events.wake("online");
    await advance(50);
    assert.equal(client.get().state, "live");
  });
});

describe("4 token loops", () => {
  test("a token is kept as long as it is good, whatever happens to connections", async (t) => {
    let asked = 0;
    const { world, client } = await live(t, { getToken: () => (asked++, jwt({ exp: Date.now() / 1000 + 36_000 })) });
    for (let n = 0; n < 10; n++) {
      world.cut();
      await advance(MINUTE);
    }
    assert.deepEqual([client.get().state, asked, world.sockets.length], ["live", 1, 11]);
  });

  test("before its end another one is asked for, once, and the connection is replaced without a break", async (t) => {
    const whys = [];
    const getToken = (why) => (whys.push(why), jwt({ exp: Date.now() / 1000 + 3600 }));
    const { world, client } = await live(t, { getToken });
    const states = new Set();
    client.subscribe(() => states.add(client.get().state));
    await advance(HOUR + 10 * MINUTE);
    assert.deepEqual(whys, ["first", "expiring"]);
    assert.deepEqual([[...states], world.sockets.length, world.open().length], [["live"], 2, 1]);
  });

  test("a clock that is wrong by a day, and a token that comes again, are no loop", async (t) => {
    for (const exp of [-86_400, 100]) {
      let asked = 0;
      const token = jwt({ exp: 1_700_000_000 + exp });
      await t.test(String(exp), async (t) => {
        const { client } = await live(t, { getToken: () => (asked++, token) });
        await advance(HOUR);
        assert.deepEqual([client.get().state, asked < 4], ["live", true]);
      });
    }
  });

  test("a refused token is asked for once more; then nothing happens until the next start", async (t) => {
    fakeClock(t);
    const world = new World();
    world.isGood = () => false;
    const whys = [];
    const client = createClient(world.options(1, { getToken: (why) => (whys.push(why), "1.bad") }));
    client.start();
    await advance(HOUR);
    assert.deepEqual([client.get().state, whys], ["refused", ["first", "refused"]]);
    world.isGood = () => true;
    client.start();
    await advance(100);
    assert.equal(client.get().state, "live");
    client.close();
  });

  test("nobody logged in is refused, and a token function that fails or hangs is asked again", async (t) => {
    fakeClock(t);
    const world = new World();
    const nobody = createClient(world.options(1, { getToken: () => null }));
    nobody.start();
    let asked = 0;
    const signals = [];
    const getToken = (_, signal) => {
      signals.push(signal);
      asked++;
      if (asked === 1) throw new Error("down");
      return asked === 2 ? new Promise(() => {}) : "1";
    };
    const client = createClient(world.options(1, { getToken }));
    const errors = [];
    client.on("error", ({ error }) => errors.push(error.message));
    client.start();
    await advance(MINUTE);
    assert.deepEqual([nobody.get().state, client.get().state, asked, errors[0]], ["refused", "live", 3, "down"]);
    assert.deepEqual(signals.map(({ aborted }) => aborted), [false, true, false]);
    client.close();
    nobody.close();
  });
});

describe("5 old tokens and old users", () => {
  test("a token that was refused on the way is not used again, and nothing is lost", async (t) => {
    let count = 0;
    const { world, client, conversation } = await talking(t, { getToken: () => `1.${++count}` });
    world.isGood = (token) => token !== "1.1";
    world.fate = (_, { token }) => token === "1.1" && { error: { status: 401, code: "TOKEN_EXPIRED" } };
    conversation.send("hello");
    await advance(3000);
    assert.deepEqual([client.get().state, count, conversation.get().messages[0].delivery], ["live", 2, "sent"]);
    assert.deepEqual(world.sockets.map(({ token }) => token), ["1.1", "1.2"]);
  });

  test("after the end nothing of the user is left", async (t) => {
    const { world, client, conversation } = await talking(t);
    say(world, "secret");
    await advance(100);
    client.close();
    assert.deepEqual(client.get(), { state: "closed", user: undefined, unread: 0 });
    assert.deepEqual([conversation.get().messages, client.inbox.get().entries, client.profiles.get()], [[], [], {}]);
    client.start();
    await advance(HOUR);
    assert.deepEqual([client.get().state, world.sockets.length], ["closed", 1]);
    assert.equal(conversation.send("x").delivery, "sending");
    await settle();
    assert.equal(conversation.get().messages[0].delivery, "failed");
  });

  test("the token of another user is refused: nothing is sent or shown as somebody else", async (t) => {
    let user = 1;
    const { world, client, conversation } = await talking(t, { getToken: () => jwtOf(user) });
    function jwtOf(id) {
      return `${id}.${Buffer.from(JSON.stringify({ exp: Date.now() / 1000 + 600 })).toString("base64url")}`;
    }
    world.fate = ({ action }) => (action === "send" ? "lost" : undefined);
    conversation.send("of user 1");
    user = 3;
    const errors = [];
    client.on("error", ({ error }) => errors.push(error.code));
    await advance(HOUR);
    assert.deepEqual([client.get().state, client.get().user, errors], ["refused", 1, ["OTHER_USER"]]);
    assert.equal([...world.conversations.keys()].includes("dm:2-3"), false);
  });
});

describe("6 connections of before", () => {
  test("what comes late of an older connection is not heard", async (t) => {
    const { world, conversation } = await talking(t);
    const [old] = world.sockets;
    world.cut();
    await advance(2000);
    const data = { state: { inbox_key: "user-2", rev: 9e9, prev_rev: 9e8 }, entry: { id: "x", seq: 99, rev: 9e9, author: 2, text: "late" } };
    old.onmessage({ data: JSON.stringify({ event: "message.new", data }) });
    old.onmessage({ data: JSON.stringify({ id: 1, result: { user: 7, cursor: "x", recovered: false, entries: [] } }) });
    await advance(2000);
    assert.deepEqual(texts(conversation), []);
  });

  test("an end during the handshake leaves no connection", async (t) => {
    fakeClock(t);
    const world = new World();
    for (const wait of [0, 3, 7, 12]) {
      const client = createClient(world.options(1));
      client.start();
      await advance(wait);
      client.close();
      await advance(1000);
      assert.deepEqual([client.get().state, world.open().length], ["closed", 0], `after ${wait} ms`);
    }
  });

  test("a handshake without an end is given up", async (t) => {
    fakeClock(t);
    const world = new World();
    world.latency = HOUR;
    const client = createClient(world.options(1));
    client.start();
    await advance(11_000);
    world.latency = 5;
    await advance(22_000);
    assert.equal(client.get().state, "live");
    client.close();
  });
});

describe("7 strict mode", () => {
  test("who starts twice has one connection, and what is released and started again in one breath stays", async (t) => {
    fakeClock(t);
    const world = new World();
    const client = createClient(world.options(1));
    client.start()();
    const stop = client.start();
    const stopToo = client.start();
    const conversation = client.conversation({ user: 2 });
    conversation.open()();
    const release = conversation.open();
    await advance(100);
    stop();
    stop();
    await advance(100);
    assert.deepEqual([client.get().state, world.sockets.length], ["live", 1]);
    assert.equal(world.requests.filter((request) => request.startsWith("GET /user/2")).length, 1);
    stopToo();
    release();
    await advance(100);
    assert.equal(client.get().state, "idle");
    client.close();
  });
});

describe("8 listeners", () => {
  test("each listener is called once, and not after it was removed", async (t) => {
    const { world, client, conversation } = await talking(t);
    const heard = [];
    const listener = () => heard.push("x");
    const removes = [client.on("message.new", listener), client.on("message.new", listener)];
    const unsubscribe = conversation.subscribe(listener);
    say(world, "a");
    await advance(100);
    assert.ok(heard.length >= 3);
    removes[0]();
    removes[0]();
    unsubscribe();
    heard.length = 0;
    say(world, "b");
    await advance(100);
    assert.equal(heard.length, 1, "the other one stays");
  });

  test("a listener that throws harms nobody", async (t) => {
    const { world, client, conversation } = await talking(t);
    const thrown = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (then, ...given) => setTimeout(() => {
      try {
        then();
      } catch (error) {
        thrown.push(error.message);
      }
    }, ...given);
    t.after(() => {
      globalThis.setTimeout = setTimeout;
    });
    client.on("message.new", () => {
      throw new Error("mine");
    });
    say(world, "a");
    await advance(100);
    assert.deepEqual([texts(conversation), thrown], [["a"], ["mine"]]);
  });

  test("the page's events are listened to while it runs, and not afterwards", async (t) => {
    const events = new Page();
    const { client, stop } = await live(t, { events });
    assert.equal(events.listening, 4);
    stop();
    await advance(10);
    assert.equal(events.listening, 0);
    client.start();
    client.close();
    assert.equal(events.listening, 0);
  });
});

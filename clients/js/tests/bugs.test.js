// The twenty kinds of bugs that users of chat clients file, each shown to be absent. A clock and a service in memory, so that hours take milliseconds.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { createClient } from "../src/index.js";
import { World, advance, fakeClock, settle } from "./fake.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const folder = new URL("..", import.meta.url).pathname;
const sources = readdirSync(`${folder}src`).map((name) => readFileSync(`${folder}src/${name}`, "utf8"));

/** A world, and a client of user 1 that is live in it. */
const live = async (t, options = {}, world = new World()) => {
  fakeClock(t);
  const client = createClient(world.options(1, options));
  t.after(() => client.close());
  const stop = client.start();
  await advance(100);
  assert.equal(client.get().state, "live");
  return { world, client, stop };
};
/** The same, with an open conversation with user 2. */
const talking = async (t, options, world) => {
  const all = await live(t, options, world);
  const conversation = all.client.conversation({ user: 2 });
  const release = conversation.open();
  await advance(100);
  assert.equal(conversation.get().loaded, true);
  return { ...all, conversation, release };
};
const texts = (conversation) => conversation.get().messages.map(({ text }) => text);
const say = (world, text) => world.send(2, "user", 1, { type: "text", text });
const jwt = (claims) => `1.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
/** A page's events, which counts who listens. */
class Page extends EventTarget {
  listening = 0;
  addEventListener(...given) {
    this.listening++;
    super.addEventListener(...given);
  }
  removeEventListener(...given) {
    this.listening--;
    super.removeEventListener(...given);
  }
  wake(type = "resume") {
    this.dispatchEvent(new globalThis.Event(type));
  }
}

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

describe("9 retries", () => {
  test("a message whose answer was lost is repeated under its name, is stored once and shown as sent", async (t) => {
    const { world, client } = await live(t);
    let times = 0;
    world.fate = ({ action }) => (action === "send" && ++times < 3 ? "unanswered" : undefined);
    const conversation = client.conversation({ user: 2 });
    conversation.send("once");
    await advance(MINUTE);
    const names = new Set(world.asked("send").map(({ client_id }) => client_id));
    assert.deepEqual([times, names.size], [3, 1]);
    conversation.open();
    await advance(100);
    assert.deepEqual(conversation.get().messages.map(({ text, delivery }) => [text, delivery]), [["once", "sent"]]);
    assert.equal(world.conversation(1, "user", 2).messages.length, 1);
  });

  test("a message that arrived before its connection was cut is sent as soon as that is seen", async (t) => {
    const { world, conversation } = await talking(t);
    world.fate = ({ action }, socket) => {
      if (action !== "send") return;
      setTimeout(() => world.cut(socket), 1);
      return "unanswered";
    };
    const { client_id } = conversation.send("arrived");
    await advance(2000);
    const [message, ...more] = conversation.get().messages;
    assert.deepEqual([message.client_id, message.delivery, more], [client_id, "sent", []]);
  });

  test("passing errors are tried again, others fail, can be tried again and taken away", async (t) => {
    const { world, conversation } = await talking(t);
    const errors = [429, 500, 502, 503, 504, 403];
    world.fate = ({ action }) => {
      const status = action === "send" && errors.shift();
      return status && { error: { status, code: status === 403 ? "NOT_ACCEPTED" : "BUSY", message: "no" } };
    };
    const { client_id } = conversation.send("x");
    await advance(2 * MINUTE);
    const [failed] = conversation.get().messages;
    assert.deepEqual([failed.delivery, failed.error.code, errors], ["failed", "NOT_ACCEPTED", []]);
    conversation.retry(client_id);
    assert.equal(conversation.get().messages[0].delivery, "sending");
    await advance(100);
    assert.equal(conversation.get().messages[0].delivery, "sent");
    errors.push(403);
    const other = conversation.send("y");
    await advance(100);
    conversation.discard(other.client_id);
    assert.deepEqual(texts(conversation), ["x"]);
  });

  test("a send that waited for 23 hours is failed, because the service may have forgotten its name", async (t) => {
    const { world, conversation } = await talking(t);
    world.handshake = () => 503;
    world.cut();
    const { client_id } = conversation.send("old");
    await advance(23 * HOUR + MINUTE);
    world.handshake = () => 101;
    await advance(MINUTE);
    assert.deepEqual([conversation.get().messages[0].delivery, conversation.get().messages[0].error.code], ["failed", "TOO_OLD"]);
    assert.equal(world.asked("send").length, 0);
    conversation.retry(client_id);
    await advance(100);
    assert.equal(conversation.get().messages[0].delivery, "sent");
  });
});

describe("10 local echo", () => {
  test("messages keep their order from the first moment on, and one is under way at a time", async (t) => {
    const { world, conversation } = await talking(t);
    let under = 0;
    let most = 0;
    world.fate = ({ action }) => {
      if (action === "send") most = Math.max(most, ++under);
      setTimeout(() => under--, world.latency);
      return { late: Math.random() * 50 };
    };
    const all = ["a", "b", "c", "d"];
    for (const text of all) conversation.send(text);
    const orders = new Set();
    conversation.subscribe(() => orders.add(texts(conversation).join("")));
    await advance(2000);
    assert.deepEqual([texts(conversation), [...orders], most], [all, ["abcd"], 1]);
  });

  test("a failed one does not hold up the next, and stays below what is stored", async (t) => {
    const { world, conversation } = await talking(t);
    world.fate = ({ text }) => text === "bad" && { error: { status: 400, message: "no" } };
    conversation.send("bad");
    conversation.send("good");
    await advance(100);
    say(world, "other");
    await advance(100);
    assert.deepEqual(texts(conversation), ["good", "other", "bad"]);
  });

  test("metadata that is no JSON fails the message and nothing else", async (t) => {
    const { client, conversation } = await talking(t);
    const loop = {};
    loop.self = loop;
    conversation.send("x", loop);
    conversation.send("y");
    await advance(100);
    assert.deepEqual(conversation.get().messages.map(({ text, delivery }) => [text, delivery]), [["y", "sent"], ["x", "failed"]]);
    assert.equal(client.get().state, "live");
  });
});

describe("11 silent gaps", () => {
  test("a lost push shows at the next one, a second later", async (t) => {
    const { world, conversation, client } = await talking(t);
    world.travels = () => [];
    say(world, "lost");
    world.travels = () => [0];
    say(world, "next");
    await advance(50);
    assert.deepEqual(texts(conversation), ["next"]);
    await advance(1100);
    assert.deepEqual([texts(conversation), client.get().unread], [["lost", "next"], 2]);
  });

  test("pushes that overtake each other cost nothing", async (t) => {
    const { world, conversation, client } = await talking(t);
    say(world, "0");
    await advance(100);
    const waits = [300, 200, 100];
    world.travels = () => [waits.shift()];
    for (const text of ["a", "b", "c"]) say(world, text);
    const asked = world.frames.length;
    await advance(3000);
    assert.deepEqual([texts(conversation), client.get().unread, world.frames.length], [["0", "a", "b", "c"], 4, asked]);
  });

  test("a lost last push shows at the next `sync`", async (t) => {
    const { world, conversation } = await talking(t);
    world.travels = () => [];
    say(world, "lost");
    await advance(9 * MINUTE);
    assert.deepEqual(texts(conversation), ["lost"]);
  });

  test("what happened during a cut is told, by pages", async (t) => {
    const { world, conversation, client } = await talking(t);
    world.page = 2;
    world.cut();
    for (let n = 0; n < 7; n++) say(world, String(n));
    await advance(3000);
    assert.deepEqual([texts(conversation).join(""), client.get().unread], ["0123456", 7]);
  });

  test("who is very far behind loads the newest page, and not all that was missed", async (t) => {
    const { world, conversation } = await talking(t);
    say(world, "first");
    await advance(100);
    world.cut();
    for (let n = 0; n < 600; n++) say(world, String(n));
    await advance(3000);
    assert.deepEqual([texts(conversation).length, texts(conversation).at(-1), conversation.get().more], [30, "599", true]);
    assert.equal(world.asked("changes").length, 0);
  });
});

describe("12 resyncs", () => {
  test("unsent messages outlast a store that was lost, and a conversation that was set back", async (t) => {
    const { world, conversation, client } = await talking(t);
    say(world, "stored");
    await advance(100);
    world.fate = ({ action }) => (action === "send" ? "lost" : undefined);
    conversation.send("unsent");
    await advance(10);
    world.user(1).epoch = "d";
    world.cut();
    await advance(3000);
    assert.deepEqual([client.get().state, texts(conversation)], ["live", ["stored", "unsent"]]);
    // A failover took back the last revisions.
    const one = world.conversation(1, "user", 2);
    one.messages.length = 0;
    one.rev = 1;
    world.clock += 1000;
    say(world, "new");
    await advance(3000);
    assert.deepEqual(texts(conversation), ["new", "unsent"]);
    world.fate = () => undefined;
    await advance(MINUTE);
    assert.deepEqual(texts(conversation), ["new", "unsent"]);
    assert.equal(conversation.get().messages[1].delivery, "sent");
  });
});

describe("13 rejections", () => {
  test("what can't be done any more is rejected, and nobody who does not look is told by a crash", async (t) => {
    const unhandled = [];
    const listener = (error) => unhandled.push(error);
    process.on("unhandledRejection", listener);
    t.after(() => process.off("unhandledRejection", listener));
    const { world, client, conversation } = await talking(t);
    world.fate = () => "lost";
    world.restFate = () => "hangs";
    const promises = [
      conversation.edit("x", "y"),
      conversation.delete("x"),
      conversation.react("x", "👍"),
      conversation.read("x"),
      conversation.members.list(),
      conversation.members.join(),
      conversation.settings({ muted: true }),
    ];
    conversation.edit("x", "nobody looks");
    await advance(100);
    client.close();
    for (const promise of promises) await assert.rejects(promise, { code: "CLOSED" });
    await assert.rejects(conversation.delete("x"), { code: "CLOSED" });
    await settle();
    assert.deepEqual(unhandled, []);
  });

  test("an error that stays is rejected with its code", async (t) => {
    const { conversation } = await talking(t);
    await Promise.all([assert.rejects(conversation.edit("none", "x"), { code: "NOT_FOUND", status: 404 }), advance(100)]);
  });
});

describe("14 no DOM", () => {
  test("it can be imported and made where there is no DOM, no WebSocket and no fetch", () => {
    const script = `
      for (const name of ["WebSocket", "fetch", "document", "window", "navigator", "crypto", "EventTarget"]) delete globalThis[name];
      const { createClient } = await import("${folder}src/index.js");
      const client = createClient({ socket: "ws://x", api: "http://x", getToken: () => null });
      if (client.get().state !== "idle" || client.conversation({ user: 1 }).get().messages.length) throw new Error("not idle");
      client.start();
      setTimeout(() => { if (client.get().state !== "refused") throw new Error(client.get().state); client.close(); }, 20);`;
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { stdio: "pipe" });
  });
});

describe("15 memory", () => {
  test("conversations that nobody shows are forgotten, the least recently used first, and come back when asked for", async (t) => {
    const { world, client } = await live(t, { keep: { conversations: 3 } });
    const loads = (user) => world.requests.filter((request) => request.startsWith(`GET /user/${user}?`)).length;
    const first = client.conversation({ user: 100 });
    for (let user = 100; user < 120; user++) {
      const release = client.conversation({ user }).open();
      await advance(50);
      release();
    }
    client.conversation({ user: 119 }).open();
    await advance(50);
    assert.deepEqual([loads(100), loads(119)], [1, 1], "a recent one is still there");
    assert.equal(first.get().loaded, false, "an old one is not");
    first.open();
    await advance(50);
    assert.deepEqual([first.get().loaded, loads(100)], [true, 2]);
    say(world, "x");
    world.send(100, "user", 1, { type: "text", text: "hello" });
    await advance(50);
    assert.deepEqual(texts(first), ["hello"], "who held it goes on");
  });

  test("what is shown, listened to or not sent stays", async (t) => {
    const { world, client } = await live(t, { keep: { conversations: 1 } });
    client.conversation({ user: 50 }).open();
    const heard = [];
    client.conversation({ user: 51 }).subscribe(() => heard.push(51));
    world.fate = ({ action }) => (action === "send" ? "lost" : undefined);
    client.conversation({ user: 52 }).send("unsent");
    for (let user = 100; user < 110; user++) client.conversation({ user }).open()();
    await advance(100);
    assert.equal(client.conversation({ user: 50 }).get().loaded, true);
    assert.deepEqual(texts(client.conversation({ user: 52 })), ["unsent"]);
    client.conversation({ user: 51 }).send("x");
    assert.ok(heard.length);
  });
});

describe("16 storage, 17 eval, 18 React Native", () => {
  test("nothing of it is in the sources", () => {
    for (const source of sources) {
      const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      assert.doesNotMatch(code, /localStorage|sessionStorage|indexedDB|cookie|\beval\b|new Function|URLSearchParams|new URL\b|randomUUID/);
    }
  });

  test("it works where storage throws, code can't be made of text, and URLs and random ids are missing", () => {
    const script = `
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "URLSearchParams", "crypto"])
        Object.defineProperty(globalThis, name, { get() { throw new Error(name + " is touched"); } });
      const { createClient } = await import("${folder}src/index.js");
      const { World } = await import("${folder}tests/fake.js");
      const world = new World();
      const client = createClient(world.options(1));
      client.start();
      const conversation = client.conversation({ user: 2 });
      conversation.open();
      conversation.send("hello");
      setTimeout(() => {
        if (conversation.get().messages[0].delivery !== "sent") throw new Error("not sent");
        client.close();
      }, 200);`;
    const flags = ["--disallow-code-generation-from-strings", "--input-type=module"];
    execFileSync(process.execPath, [...flags, "-e", script], { stdio: "pipe" });
  });
});

describe("19 types", () => {
  test("they are right for ES modules and for CommonJS, and so are the built files", () => {
    const at = `${folder}dist/check`;
    for (const script of ["build", "types"]) execFileSync("npm", ["run", script, "--silent"], { cwd: folder, stdio: "pipe" });
    rmSync(at, { recursive: true, force: true });
    mkdirSync(`${at}/node_modules`, { recursive: true });
    const use = `
      interface Mood { mood: string }
      const client: Client<Mood> = createClient<Mood>({ socket: "", api: "", getToken: async (why, signal) => why === "first" && !signal.aborted ? "x" : null });
      const conversation = client.conversation({ topic: "x" });
      const message: Message<Mood> = conversation.send({ text: "hi", mentions: [1, "a"] }, { mood: "good" });
      const mood: string | undefined = message.metadata?.mood;
      const stop: () => void = client.start();
      client.on("message.new", ({ target, entry }) => [target, entry]);
      // @ts-expect-error there is no such event
      client.on("nothing", () => {});
      // @ts-expect-error neither user nor topic
      client.conversation({ group: 1 });
      const entries = client.inbox.get().entries.map(({ unread, latest }) => [unread, latest?.text]);
      export const all = [mood, stop, entries];`;
    for (const kind of ["mts", "cts"])
      writeFileSync(`${at}/use.${kind}`, `import { createClient, type Client, type Message } from "senna-chat";${use}`);
    execFileSync("ln", ["-sfn", folder, `${at}/node_modules/senna-chat`]);
    writeFileSync(`${at}/tsconfig.json`, JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2022", lib: ["es2022", "dom"], strict: true, noEmit: true, types: [] },
      files: ["use.mts", "use.cts"],
    }));
    try {
      execFileSync(`${folder}node_modules/.bin/tsc`, ["-p", at], { stdio: "pipe" });
    } catch (error) {
      assert.fail(String(error.stdout));
    }
    for (const [flags, load] of [
      [["--input-type=commonjs"], `const { createClient } = require("senna-chat");`],
      [["--input-type=module"], `import { createClient } from "senna-chat";`],
    ])
      execFileSync(process.execPath, [...flags, "-e", `${load} if (typeof createClient !== "function") throw new Error();`], { cwd: at });
    assert.ok(existsSync(`${folder}dist/index.js`));
    rmSync(at, { recursive: true });
  });
});

describe("20 long timers", () => {
  test("a token that is good for a hundred years, and waits without an end, fire nothing at once", async (t) => {
    let asked = 0;
    const getToken = () => (asked++, jwt({ exp: Date.now() / 1000 + 100 * 365 * 86_400 }));
    const { world } = await live(t, { getToken, pace: { heartbeat: Infinity, renew: Infinity } });
    await advance(HOUR);
    assert.deepEqual([asked, world.sockets.length, world.asked("sync").length], [1, 1, 0]);
    await advance(30 * 24 * HOUR);
    assert.deepEqual([asked, world.sockets.length], [1, 1], "also after the longest time that a timer counts");
  });
});

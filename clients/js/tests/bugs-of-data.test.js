// Eleven more of the twenty kinds of bugs that users of chat clients file, each shown to be absent. The nineteenth is in package.test.js.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { createClient } from "../src/index.js";
import { World, advance, settle } from "./fake.js";
import { HOUR, MINUTE, jwt, live, say, talking, texts } from "./help.js";

const folder = new URL("..", import.meta.url).pathname;
const sources = readdirSync(`${folder}src`).filter((name) => name.endsWith(".js")).map((name) => readFileSync(`${folder}src/${name}`, "utf8"));

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
      // From now on a send has no answer: only the conversation itself can tell.
      world.fate = ({ action }) => (action === "send" ? "lost" : undefined);
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

describe("9 a frame that API Gateway does not take", () => {
  test("fails its message, and does not end the connection", async (t) => {
    const { world, client, conversation } = await talking(t);
    // Three bytes each, so more than 32 KiB in all.
    conversation.send("語".repeat(11_000));
    conversation.send("y");
    await advance(100);
    assert.deepEqual(conversation.get().messages.map(({ text, delivery }) => [text[0], delivery]), [["y", "sent"], ["語", "failed"]]);
    assert.equal(conversation.get().messages[1].error.message, "too long");
    assert.equal(client.get().state, "live");
    assert.equal(world.sockets.length, 1);
    conversation.send("語".repeat(5_000));
    await advance(100);
    assert.equal(conversation.get().messages[1].delivery, "sent");
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

describe("members of a topic", () => {
  /** A client that shows the members of a topic: it lists them when it is told to. */
  const showing = async (t) => {
    const { world, client } = await live(t);
    world.send(1, "topic", "t", { text: "first" });
    const topic = client.conversation({ topic: "t" });
    const shown = [];
    let told = 0;
    const list = async () => {
      const { members } = await topic.members.list();
      shown.splice(0, Infinity, ...members.map(({ id }) => id));
    };
    client.on("members", ({ target }) => {
      assert.deepEqual({ ...target }, { topic: "t" });
      told++;
      list();
    });
    topic.open();
    await advance(100);
    list();
    await advance(100);
    assert.deepEqual(shown, [1]);
    return { world, client, shown, told: () => told };
  };

  test("who writes there is a member, also again after leaving", async (t) => {
    const { world, shown, told } = await showing(t);
    world.send(2, "topic", "t", { text: "hi" });
    await advance(100);
    assert.deepEqual(shown, [1, 2]);
    const before = told();
    world.send(2, "topic", "t", { text: "hi again" });
    await advance(100);
    assert.equal(told(), before, "who is known to be there tells nothing new");
    const one = world.conversation(2, "topic", "t");
    one.members.delete("2");
    world.change(one, 2, "member.left", () => ({ user: 2 }));
    await advance(100);
    assert.deepEqual(shown, [1]);
    world.send(2, "topic", "t", { text: "back" });
    await advance(100);
    assert.deepEqual(shown, [1, 2]);
  });

  test("what the platform itself writes brings no member and no read position", async (t) => {
    const { world, client, shown, told } = await showing(t);
    const before = told();
    world.send(1, "topic", "t", { text: "The topic closes at six", author: "senna:system", system: true });
    await advance(100);
    assert.equal(told(), before);
    assert.deepEqual(shown, [1]);
    const {
      messages: [, message],
      reads,
    } = client.conversation({ topic: "t" }).get();
    assert.deepEqual([message.author, message.system], ["senna:system", true]);
    assert.equal(reads["senna:system"], undefined, "nobody has seen what was written before it");
  });

  test("they are listed again when all had to be loaded anew", async (t) => {
    const { world, shown } = await showing(t);
    world.travels = () => [];
    world.send(2, "topic", "t", { text: "hi" });
    await advance(100);
    assert.deepEqual(shown, [1]);
    // The service knows nothing of the cursor any more.
    for (const user of world.users.values()) user.epoch = "other";
    world.cut();
    await advance(5000);
    assert.deepEqual(shown, [1, 2]);
  });
});

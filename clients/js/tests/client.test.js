// What an application sees, on a clock and a service in memory.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "../src/index.js";
import { World, advance, fakeClock, running } from "./fake.js";

const HOUR = 3_600_000;

const live = async (t, options = {}, world = new World()) => {
  fakeClock(t);
  const client = createClient(world.options(1, options));
  t.after(() => client.close());
  const states = [];
  client.subscribe(() => states.push(client.get().state));
  client.start();
  await advance(100);
  return { world, client, states };
};
const talking = async (t, options, world) => {
  const all = await live(t, options, world);
  const conversation = all.client.conversation({ user: 2 });
  const release = conversation.open();
  await advance(100);
  return { ...all, conversation, release };
};
const say = (world, text, by = 2, more = {}) => world.send(by, "user", 1, { type: "text", text, ...more });
const texts = (conversation) => conversation.get().messages.map(({ text }) => text);

describe("states", () => {
  test("it is idle, connecting, loading, live, waiting, and live again", async (t) => {
    const { world, client, states } = await live(t);
    world.cut();
    await advance(2000);
    const steps = states.filter((state, n) => state !== states[n - 1]);
    assert.deepEqual(steps, ["connecting", "loading", "live", "waiting", "connecting", "loading", "live"]);
    assert.deepEqual(client.get(), { state: "live", user: 1, unread: 0 });
  });

  test("after its end no timer runs", async (t) => {
    const { world, client, conversation } = await talking(t);
    conversation.send("x");
    conversation.typing();
    say(world, "y");
    await advance(3);
    client.close();
    await advance(1000);
    assert.equal(running(), 0);
  });

  test("a connection is renewed before the service ends it: the new one is ready before the old one goes", async (t) => {
    const { world, client, conversation, states } = await talking(t);
    states.length = 0;
    const heard = [];
    client.on("message.new", ({ entry }) => heard.push(entry.text));
    // Messages all the time, so that some come while there are two connections.
    const sent = [];
    let most = 0;
    world.latency = 100;
    for (let n = 0; n < 2400; n++) {
      const text = String(n);
      sent.push(text);
      if (n % 3) say(world, text);
      else conversation.send(text);
      await advance(3000);
      most = Math.max(most, world.open().length);
    }
    await advance(2000);
    assert.deepEqual([world.sockets.length, world.open().length, new Set(states)], [2, 1, new Set(["live"])]);
    assert.deepEqual(heard, sent.filter((_, n) => n % 3), "each is heard once, in its order");
    assert.deepEqual([...texts(conversation)].sort(), [...sent].sort());
    assert.equal(world.asked("send").length, 800, "nothing had to be repeated");
    assert.equal(client.get().unread, 2);
  });

  test("an own message that the new connection hears of before the old one has its answer is no event", async (t) => {
    const { world, client, conversation } = await talking(t, { pace: { renew: 10_000 } });
    const heard = [];
    client.on("message.new", ({ entry }) => heard.push(entry.text));
    // Whenever the new connection opens, one of them is under way.
    world.latency = 400;
    world.fate = ({ action }) => (action === "send" ? { late: 100 } : undefined);
    await advance(8500);
    for (let n = 0; n < 10; n++) conversation.send("own");
    say(world, "other");
    await advance(60_000);
    assert.deepEqual([heard, texts(conversation).length], [["other"], 11]);
  });

  test("an answer under way outlasts a renewal", async (t) => {
    const { world, conversation } = await talking(t, { pace: { renew: 10_000 } });
    world.fate = ({ action }) => (action === "send" ? { late: 8000 } : undefined);
    await advance(8500);
    conversation.send("slow");
    await advance(2500);
    assert.equal(world.open().length, 2);
    await advance(7000);
    assert.deepEqual([conversation.get().messages[0].delivery, world.asked("send").length], ["sent", 1]);
  });

  test("a frame that comes twice is heard once", async (t) => {
    const { world, client, conversation } = await talking(t);
    const heard = [];
    client.on("message.new", ({ entry }) => heard.push(entry.text));
    world.travels = () => [0, 30];
    for (const text of ["a", "b"]) say(world, text);
    await advance(2000);
    assert.deepEqual([heard, texts(conversation), client.get().unread], [["a", "b"], ["a", "b"], 2]);
  });

  test("who stops while a token is asked for does not connect", async (t) => {
    fakeClock(t);
    const world = new World();
    const client = createClient(world.options(1, { getToken: () => new Promise((go) => setTimeout(() => go("1"), 500)) }));
    const stop = client.start();
    await advance(100);
    stop();
    await advance(1000);
    assert.deepEqual([client.get().state, world.sockets.length], ["idle", 0]);
    client.close();
  });

  test("a renewal that fails is tried again, and the old connection serves on", async (t) => {
    const { world, client, states } = await live(t, { pace: { renew: 10_000 } });
    states.length = 0;
    world.handshake = () => 503;
    await advance(60_000);
    assert.equal(client.get().state, "live");
    assert.ok(world.sockets.length > 3);
    world.handshake = () => 101;
    await advance(31_000);
    assert.deepEqual([new Set(states), world.sockets[0].readyState], [new Set(["live"]), 3]);
  });

  test("REST is tried again while the service is down, and a 401 asks for a token", async (t) => {
    fakeClock(t);
    const world = new World();
    const fates = ["lost", "hangs", [503, { status: 503 }], [429, {}], [401, {}]];
    world.restFate = (path) => (path.startsWith("/list") ? fates.shift() : undefined);
    const whys = [];
    const client = createClient(world.options(1, { getToken: (why) => (whys.push(why), "1." + whys.length) }));
    client.start();
    await advance(60_000);
    assert.deepEqual([client.get().state, fates, whys, world.sockets.length], ["live", [], ["first", "refused"], 1]);
    client.close();
  });
});

describe("the inbox", () => {
  test("pinned conversations stand first, then the newest activity; a page at a time", async (t) => {
    const world = new World();
    for (let user = 10; user < 20; user++) {
      fakeClock(t);
      world.user(1);
      world.send(user, "user", 1, { type: "text", text: `from ${user}` });
      for (const { timestamp } of world.conversation(1, "user", user).messages) timestamp.epoch += user;
    }
    const { client } = await live(t, { page: 4 }, world);
    const ids = () => client.inbox.get().entries.map(({ id }) => id);
    assert.deepEqual([ids(), client.inbox.get().more, client.get().unread], [[19, 18, 17, 16], true, 10]);
    client.inbox.more();
    client.inbox.more();
    await advance(100);
    assert.equal(ids().length, 8);
    client.inbox.more();
    await advance(100);
    assert.deepEqual([ids().length, client.inbox.get().more, client.get().unread], [10, false, 10]);
    assert.deepEqual(client.inbox.get().entries[0].profile, { id: 19, username: "user 19" });
    await Promise.all([client.conversation({ user: 12 }).settings({ pinned: true }), advance(200)]);
    assert.deepEqual(ids().slice(0, 2), [12, 19]);
    say(world, "again", 10);
    await advance(100);
    assert.deepEqual(ids().slice(0, 2), [12, 10]);
    await Promise.all([client.conversation({ user: 10 }).settings({ muted: true }), advance(200)]);
    assert.equal(client.get().unread, 9, "muted ones are not counted");
    await Promise.all([client.conversation({ user: 11 }).settings({ hidden: true }), advance(200)]);
    assert.equal(ids().includes(11), false);
  });

  test("somebody new shows with what the platform says, asked for once", async (t) => {
    const { world, client } = await live(t);
    client.inbox.subscribe(() => client.inbox.get());
    for (const user of [5, 6, 7]) say(world, "hi", user);
    await advance(200);
    assert.deepEqual(client.inbox.get().entries.map(({ profile }) => profile.username).sort(), ["user 5", "user 6", "user 7"]);
    assert.equal(world.requests.filter((request) => request.startsWith("GET /profiles")).length, 1);
    assert.equal(client.profile({ user: 8 }), undefined);
    await advance(200);
    assert.equal(client.profile({ user: 8 }).username, "user 8");
  });

  test("an entry stays the same object until something of it changes, and so does the client's own value", async (t) => {
    const { world, client } = await live(t);
    client.inbox.subscribe(() => client.inbox.get());
    say(world, "a", 5);
    say(world, "b", 6);
    await advance(200);
    const before = client.inbox.get().entries;
    const own = client.get();
    world.read(5, "user", 1);
    await advance(200);
    const after = client.inbox.get().entries;
    const of = (entries, id) => entries.find((entry) => entry.id === id);
    assert.equal(of(after, 6), of(before, 6));
    assert.equal(client.get(), own);
  });
});

describe("a conversation", () => {
  test("reading is asked for once, only forward, one at a time", async (t) => {
    const { world, client, conversation } = await talking(t);
    for (const text of ["a", "b", "c", "d"]) say(world, text);
    await advance(100);
    assert.equal(conversation.get().unread, 4);
    const ids = conversation.get().messages.map(({ id }) => id);
    for (const id of [ids[0], ids[1], ids[0], ids[2], ids[2]]) conversation.read(id);
    await advance(100);
    assert.deepEqual(world.asked("read").map(({ up_to }) => up_to), [ids[0], ids[2]]);
    assert.deepEqual([conversation.get().unread, client.get().unread], [1, 1]);
    conversation.read();
    await advance(100);
    conversation.read();
    await advance(100);
    assert.deepEqual([world.asked("read").length, client.get().unread], [3, 0]);
  });

  test("a read that arrives late reads nothing that came after it was asked for", async (t) => {
    const { world, client, conversation } = await talking(t);
    say(world, "a");
    await advance(100);
    world.cut();
    await advance(1);
    conversation.read();
    say(world, "b");
    await advance(1000);
    assert.equal(world.asked("read").length, 1);
    assert.deepEqual([conversation.get().unread, client.get().unread], [1, 1]);
    conversation.read();
    await advance(100);
    assert.equal(client.get().unread, 0);
  });

  test("who reads a message that the store has lost loads the conversation anew", async (t) => {
    const { world, client, conversation } = await talking(t);
    say(world, "a");
    say(world, "b");
    await advance(100);
    world.conversation(1, "user", 2).messages.pop();
    await Promise.all([conversation.read(), advance(200)]);
    assert.deepEqual(texts(conversation), ["a"]);
    conversation.read();
    await advance(100);
    assert.equal(conversation.get().reads[1], 1);
    // A message that was never shown here is the caller's mistake.
    await Promise.all([assert.rejects(conversation.read("nothing"), { status: 404 }), advance(100)]);
    assert.deepEqual(texts(conversation), ["a"]);
  });

  test("without a loaded message, all that there is is read", async (t) => {
    const { world, client } = await live(t);
    say(world, "a");
    await advance(100);
    client.conversation({ user: 2 }).read();
    await advance(100);
    assert.deepEqual(world.asked("read").map(({ up_to }) => up_to), [undefined]);
    assert.equal(client.get().unread, 0);
  });

  test("what is read on another device, or answered there, is read here", async (t) => {
    const { world, client } = await live(t);
    say(world, "a");
    await advance(100);
    world.read(1, "user", 2);
    await advance(100);
    assert.equal(client.get().unread, 0);
    say(world, "b");
    await advance(100);
    world.send(1, "user", 2, { type: "text", text: "answered" });
    await advance(100);
    assert.equal(client.get().unread, 0);
  });

  test("typing is said at most every three seconds, heard for six, and ended by a message", async (t) => {
    const { world, conversation } = await talking(t);
    for (let n = 0; n < 40; n++) {
      conversation.typing();
      await advance(100);
    }
    assert.deepEqual(world.asked("typing").map(({ state }) => state), ["start", "start"]);
    conversation.typing(false);
    conversation.typing(false);
    await advance(100);
    assert.deepEqual(world.asked("typing").map(({ state }) => state), ["start", "start", "stop"]);
    const types = (what) => world.push(1, { event: `typing.${what}`, data: { state: { inbox_key: "user-2" }, user: 2 } });
    types("start");
    await advance(100);
    assert.deepEqual(conversation.get().typing, [2]);
    await advance(6000);
    assert.deepEqual(conversation.get().typing, []);
    types("start");
    await advance(100);
    types("stop");
    await advance(100);
    assert.deepEqual(conversation.get().typing, []);
    types("start");
    await advance(100);
    say(world, "done");
    await advance(100);
    assert.deepEqual(conversation.get().typing, []);
  });

  test("the service is told what is watched: what is open, and users; again on each new connection, and only then", async (t) => {
    const { world, client, release } = await talking(t);
    const watches = () => world.asked("watch").map(({ users, conversation }) => [users, conversation?.target_id]);
    assert.deepEqual(watches(), [[[], 2]]);
    const unwatch = client.watch([7, 8]);
    client.watch([8])();
    await advance(100);
    assert.deepEqual(watches().slice(1), [[[7, 8], 2]]);
    assert.deepEqual(client.presence.get()[7], { online: false, last_active: null });
    world.push(1, { event: "presence", data: { id: 7, online: true, last_active: null } });
    await advance(100);
    assert.equal(client.presence.get()[7].online, true);
    world.cut();
    await advance(2000);
    assert.deepEqual(watches().slice(2), [[[7, 8], 2]]);
    unwatch();
    release();
    await advance(100);
    assert.deepEqual(watches().slice(3), [[[], undefined]]);
  });

  test("the presence of who writes while seeming to be offline is asked for once more", async (t) => {
    const { world, client } = await talking(t);
    client.watch([2]);
    await advance(100);
    assert.equal(client.presence.get()[2].online, false);
    const watches = () => world.asked("watch").length;
    const before = watches();
    // Presence is not told to strangers. The first answer ends that, and the service tells nobody.
    world.user(2).sockets.add({});
    t.after(() => world.user(2).sockets.clear());
    world.push(1, { event: "message.new", data: { state: world.stateFor(1, world.conversation(1, "user", 2)), entry: { id: "x", seq: 1, author: 2 } } });
    await advance(100);
    assert.equal(client.presence.get()[2].online, true);
    assert.equal(watches(), before + 1);
    say(world, "more");
    await advance(100);
    assert.equal(watches(), before + 1);
  });

  test("what can't be loaded says why, and is tried again when it is opened again", async (t) => {
    const { world, client } = await live(t);
    world.restFate = (path) => (path.startsWith("/topic") ? [403, { code: "NOT_A_MEMBER", status: 403, message: "no" }] : undefined);
    const topic = client.conversation({ topic: "club" });
    const release = topic.open();
    await advance(HOUR);
    assert.deepEqual([topic.get().loaded, topic.get().error.code], [false, "NOT_A_MEMBER"]);
    assert.equal(world.requests.filter((request) => request.startsWith("GET /topic/club")).length, 1);
    release();
    world.restFate = () => undefined;
    topic.open();
    await advance(100);
    assert.deepEqual([topic.get().loaded, topic.get().error], [true, undefined]);
  });

  test("one that nobody shows is only asked about when it is opened again", async (t) => {
    const { world, conversation, release } = await talking(t);
    say(world, "a");
    await advance(100);
    release();
    world.cut();
    say(world, "b");
    await advance(2000);
    assert.deepEqual([texts(conversation), world.asked("changes").length], [["a"], 0]);
    conversation.open();
    await advance(100);
    assert.deepEqual([texts(conversation), world.asked("changes").length], [["a", "b"], 1]);
  });

  test("a reply shows its message at once, with mentions and an image", async (t) => {
    const { world, conversation } = await talking(t);
    say(world, "question");
    await advance(100);
    const [{ id }] = conversation.get().messages;
    const shown = conversation.send({ image: "https://x/y.png", reply_to: id, mentions: [2] });
    assert.deepEqual([shown.type, shown.author, shown.reply_to.excerpt, shown.mentions], ["image", 1, "question", [2]]);
    await advance(100);
    const [{ action, type, image, reply_to, mentions }] = world.asked("send");
    assert.deepEqual({ action, type, image, reply_to, mentions }, { action: "send", type: "image", image: "https://x/y.png", reply_to: id, mentions: [2] });
  });
});

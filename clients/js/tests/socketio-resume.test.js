// Reconnection under the official client of Socket.IO: what a page is told of the time without a connection.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { io } from "socket.io-client";
import { createTransport } from "../src/socketio/index.js";
import { World, advance, fakeClock } from "./fake.js";
import { say } from "./help.js";

const SEEDS = Number(process.env.WALKS ?? 20);

/** A page of user 1 that shows nothing but what events tell. */
const page = (t, world) => {
  const { socket: address, api, WebSocket, fetch, events } = world.options(1);
  const transports = [createTransport({ socket: address, api, WebSocket, fetch, events, pace: { firstWait: 10 } })];
  page.last = { transports };
  const socket = io("http://page", { transports, auth: { token: "1" }, forceNew: true });
  t.after(() => socket.disconnect());
  const told = [];
  const states = [];
  /** Texts by conversation and position, as the page shows them. */
  const shown = new Map();
  const show = ({ seq, text }, { inbox_key: key }) => {
    assert.ok(!shown.has(`${key} ${seq}`), `told twice: ${text}`);
    shown.set(`${key} ${seq}`, text);
  };
  socket.on("new-message", (message, state) => {
    told.push(`new ${message.text}`);
    show(message, state);
  });
  socket.on("message-updated", (message, { inbox_key: key }) => {
    told.push(`updated ${message.text}`);
    shown.set(`${key} ${message.seq}`, message.text);
  });
  socket.on("message-deleted", ({ id, seq }, { inbox_key: key }) => {
    told.push(`deleted ${id}`);
    shown.delete(`${key} ${seq}`);
  });
  socket.on("connect", () => states.push(socket.recovered ? "recovered" : "new"));
  socket.on("disconnect", () => states.push("cut"));
  return { socket, told, states, shown, show };
};
const connected = async (t, prepare = () => {}) => {
  fakeClock(t);
  const world = new World();
  prepare(world);
  const all = page(t, world);
  await advance(100);
  assert.deepEqual(all.states, ["new"]);
  /** Cuts the connection; what is done meanwhile is done before the next one. */
  const away = async (meanwhile) => {
    world.cut();
    meanwhile();
    await advance(5000);
  };
  return { world, away, ...all };
};

describe("Socket.IO: reconnection", () => {
  test("what happened meanwhile is told once and in order, and `recovered` is true", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => say(world, "before"));
    const first = say(world, "a").result.entry;
    const second = say(world, "b").result.entry;
    await advance(100);
    await away(() => {
      const { id } = say(world, "c").result.entry;
      world.edit(2, "user", 1, id, "c!");
      world.edit(2, "user", 1, first.id, "a!");
      world.delete(2, "user", 1, second.id);
      world.delete(2, "user", 1, say(world, "nobody saw it").result.entry.id);
      say(world, "d");
    });
    assert.deepEqual(told, ["new a", "new b", "updated a!", `deleted ${second.id}`, "new c!", "new d"]);
    assert.deepEqual(states, ["new", "cut", "recovered"]);
    await away(() => {});
    say(world, "e");
    await advance(100);
    assert.deepEqual(told.slice(6), ["new e"]);
  });

  test("the client gives the cursor of the last event as the offset", async (t) => {
    const { world, away, socket, told } = await connected(t);
    say(world, "a");
    await advance(100);
    const { cursor } = world.sync(1);
    await away(() => say(world, "b"));
    assert.equal(world.asked("hello").at(-1).since, cursor);
    const { cursor: next } = world.sync(1);
    socket.emit("send", { target: "user", target_id: 2, type: "text", text: "acknowledged" });
    await advance(100);
    await away(() => {});
    assert.equal(world.asked("hello").at(-1).since, next);
    assert.deepEqual(told, ["new a", "new b"]);
  });

  test("a conversation that began meanwhile is told from its beginning, and a topic from where one joined", async (t) => {
    const { world, away, told, states } = await connected(t);
    for (let n = 0; n < 5; n++) world.send(2, "topic", "club", { type: "text", text: `old ${n}` });
    await away(() => {
      world.send(3, "user", 1, { type: "text", text: "hello" });
      world.send(3, "user", 1, { type: "text", text: "stranger" });
      world.send(1, "topic", "club", { type: "text", text: "joined elsewhere" });
      world.send(2, "topic", "club", { type: "text", text: "welcome" });
    });
    assert.deepEqual(told.sort(), ["new hello", "new stranger", "new welcome"]);
    assert.equal(states.at(-1), "recovered");
  });

  test("a history that could not be loaded is loaded by the next connection", async (t) => {
    const { world, away, told, states } = await connected(t);
    let losses = 0;
    world.restFate = (path) => (/^.user/.test(path) && !losses++ ? "lost" : undefined);
    await away(() => say(world, "a"));
    await advance(5000);
    assert.deepEqual([told, states, losses], [["new a"], ["new", "cut", "recovered", "cut", "recovered"], 2]);
  });

  test("conversations are asked for one after the other", async (t) => {
    const { world, away, told } = await connected(t, (world) => {
      for (let user = 100; user < 140; user++) world.send(user, "user", 1, { type: "text", text: "old" });
    });
    let [running, most] = [0, 0];
    world.fate = ({ action }) => {
      if (action !== "changes") return;
      most = Math.max(most, ++running);
      setTimeout(() => running--, 4);
    };
    await away(() => {
      for (let user = 100; user < 140; user++) world.send(user, "user", 1, { type: "text", text: "new" });
    });
    assert.deepEqual([told.length, most], [40, 1]);
  });

  test("changes come in pages, and many of them not at all: then the page loads its state anew", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => say(world, "0"));
    world.page = 7;
    await away(() => {
      for (let n = 0; n < 40; n++) say(world, `m${n}`);
      world.edit(2, "user", 1, "dm:1-2#3", "m1!");
    });
    assert.deepEqual(told, Array.from({ length: 40 }, (_, n) => `new m${n}${n === 1 ? "!" : ""}`));
    assert.equal(states.at(-1), "recovered");
    await away(() => {
      for (let n = 0; n < 600; n++) say(world, `n${n}`);
    });
    assert.deepEqual([told.length, states.slice(3)], [40, ["cut", "cut", "new"]]);
    say(world, "now");
    await advance(100);
    assert.equal(told.at(-1), "new now");
  });

  test("many edits, and a new conversation of many messages, are not told one by one either", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => {
      for (let n = 1; n <= 550; n++) say(world, `m${n}`);
    });
    await away(() => {
      for (let n = 1; n <= 550; n++) world.edit(2, "user", 1, `dm:1-2#${n}`, "edited");
    });
    assert.deepEqual([told, states.at(-1)], [[], "new"]);
    await away(() => {
      for (let n = 0; n < 150; n++) world.send(3, "user", 1, { type: "text", text: `n${n}` });
    });
    assert.deepEqual([told, states.slice(-2)], [[], ["cut", "new"]]);
  });

  test("a conversation that the user left elsewhere is not asked for", async (t) => {
    const { world, away, told } = await connected(t, (world) => say(world, "0"));
    await away(() => {
      say(world, "a");
      world.user(1).entries.get("dm:1-2").left = true;
    });
    assert.deepEqual([told, world.asked("changes").length], [[], 0]);
  });

  test("an entry with a higher revision than its conversation is asked for once", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => say(world, "0"));
    await away(() => {
      say(world, "a");
      world.user(1).entries.get("dm:1-2").rev += 5;
    });
    assert.deepEqual([told, states.at(-1), world.asked("changes").length], [["new a"], "recovered", 1]);
  });

  const leap = (world) => {
    const state = { inbox_key: "user-2", rev: 10_000, prev_rev: 1 };
    world.push(1, { event: "message.updated", data: { state, entry: { id: "x", seq: 1 } } });
  };
  const LOSSES = {
    "a store that was lost": (world) => {
      world.user(1).epoch = "d";
    },
    "a conversation that was set back": (world) => {
      say(world, "a");
      world.changes = () => ({ reset: true, state: { rev: 1 }, messages: [], deleted: [], more: false });
    },
    "a frame that leads past what is known": (world) => setTimeout(() => leap(world), 4000),
    "another user": (world, socket) => {
      world.user(9).place = 10_000;
      socket.auth = { token: "9" };
    },
  };
  for (const [name, happens] of Object.entries(LOSSES))
    test(`${name} begins a new session, which is told what comes`, async (t) => {
      const { world, away, socket, told, states } = await connected(t, (world) => say(world, "0"));
      await away(() => happens(world, socket));
      await advance(5000);
      delete world.changes;
      assert.equal(states.at(-1), "new");
      world.send(3, "user", socket.auth.token, { type: "text", text: "now" });
      await advance(100);
      assert.deepEqual(told, ["new now"]);
    });

  test("the page hears that it is connected before it hears of the end", async (t) => {
    for (let ms = 0; ms < 30; ms++) {
      fakeClock(t);
      const world = new World();
      say(world, "0");
      world.travels = () => [-5];
      const { socket, states } = page(t, world);
      await advance(ms);
      leap(world);
      await advance(10_000);
      assert.match(states.join(), /^new(,cut,new)?$/, `after ${ms} ms`);
      socket.disconnect();
    }
  });

  test("a transport remembers the 20 sessions that were used last", async (t) => {
    const { world, states } = await connected(t);
    const { transports } = page.last;
    const others = Array.from({ length: 20 }, () => io("http://page", { transports, auth: { token: "5" }, forceNew: true }));
    t.after(() => others.forEach((socket) => socket.disconnect()));
    await advance(100);
    world.cut();
    await advance(20_000);
    assert.deepEqual([states, others.filter(({ recovered }) => recovered).length > 10], [["new", "cut", "new"], true]);
  });

  test("who has more conversations than a page of the list is told of those that it knows", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => {
      for (let user = 100; user < 250; user++) {
        world.send(user, "user", 1, { type: "text", text: "old" });
      }
    });
    const newest = [...world.user(1).entries.values()].sort((a, b) => b.timestamp.epoch - a.timestamp.epoch)[0].id;
    await away(() => world.send(newest, "user", 1, { type: "text", text: "known" }));
    assert.deepEqual([told, states.at(-1)], [["new known"], "recovered"]);
    const first = world.requests.filter((request) => /list/.test(request)).length;
    world.send(249, "user", 1, { type: "text", text: "live" });
    await advance(1100);
    assert.deepEqual([told.at(-1), states.at(-1), first], ["new live", "recovered", 2]);
    await away(() => world.send(248, "user", 1, { type: "text", text: "missed" }));
    assert.equal(states.at(-1), "new");
  });

  test("an edit in a conversation that is not known is told, and nothing is asked", async (t) => {
    const { world, away, told, states } = await connected(t, (world) => {
      for (let n = 0; n < 300; n++) world.send(100 + (n % 150), "user", 1, { type: "text", text: "old" });
    });
    const listed = world.rest(1, "GET", "/list?per_page=100").entries.map(({ id }) => id);
    const other = Array.from({ length: 150 }, (_, n) => n + 100).find((user) => !listed.includes(user));
    const [first, second] = world.conversation(other, "user", 1).messages;
    world.edit(other, "user", 1, first.id, "new");
    await advance(1100);
    assert.deepEqual([told, states, world.asked("sync").length], [["updated new"], ["new"], 0]);
    // Nobody knows whether the page was told of the second message.
    await away(() => world.edit(other, "user", 1, second.id, "new"));
    assert.deepEqual([told, states.at(-1)], [["updated new"], "new"]);
  });

  test("an own message whose answer was lost is told, and one that was acknowledged is not", async (t) => {
    const { world, away, socket, told } = await connected(t, (world) => say(world, "0"));
    const answers = [];
    const send = (text) => socket.emit("send", { target: "user", target_id: 2, type: "text", text }, ({ entry }) => answers.push(entry.text));
    world.travels = () => [];
    say(world, "lost push");
    send("acknowledged");
    await advance(100);
    world.fate = ({ action }) => (action === "send" ? "unanswered" : undefined);
    send("no answer");
    await advance(100);
    await away(() => (world.travels = () => [0]));
    assert.deepEqual([answers, told], [["acknowledged"], ["new lost push", "new no answer"]]);
  });

  for (let seed = 1; seed <= SEEDS; seed++)
    test(`whatever the network does, the page ends with what is stored: seed ${seed}`, async (t) => {
      const { world, socket, shown, show, states } = await connected(t);
      let state = seed * 2_654_435_761;
      const random = (below) => {
        state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
        return (state >>> 8) % below;
      };
      world.page = 3;
      world.travels = () => (random(4) ? [random(300)] : random(2) ? [] : [random(900), random(2000)]);
      const pick = (one) => one.messages[random(one.messages.length)];
      for (let step = 0; step < 150; step++) {
        const by = 2 + random(3);
        const one = world.conversation(by, "user", 1);
        const message = one.messages.length ? pick(one) : undefined;
        const what = random(12);
        if (what < 5 || !message) world.send(by, "user", 1, { type: "text", text: `${step}` });
        else if (what === 5) world.edit(message.author, "user", message.author === 1 ? by : 1, message.id, `${step}!`);
        else if (what === 6) world.delete(message.author, "user", message.author === 1 ? by : 1, message.id);
        else if (what === 7) world.cut();
        else if (what < 10) {
          // The page shows an own message when it is acknowledged.
          const content = { target: "user", target_id: by, type: "text", text: `own ${step}` };
          if (socket.connected) socket.emit("send", content, ({ entry, state }) => show(entry, state));
        }
        else await advance(random(1500));
      }
      world.travels = () => [0];
      await advance(30_000);
      world.cut();
      await advance(30_000);
      const stored = new Map();
      for (const one of world.conversations.values())
        for (const { seq, text, deleted } of one.messages) if (!deleted) stored.set(`${world.stateFor(1, one).inbox_key} ${seq}`, text);
      assert.deepEqual([...shown].sort(), [...stored].sort());
      assert.ok(states.includes("recovered") && states.filter((state) => state === "new").length === 1, states.join());
    });
});

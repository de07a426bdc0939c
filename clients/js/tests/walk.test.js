// A random walk: clients and a service that do what they like, over a network that loses, doubles, delays and cuts. Whatever happens, in the end every
// client shows what the service has.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "../src/index.js";
import { World, advance, fakeClock } from "./fake.js";

/** Mulberry32: small, and the same numbers for the same seed. */
const randomOf = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

const walk = async (seed, t) => {
  fakeClock(t);
  const random = randomOf(seed);
  const original = Math.random;
  Math.random = random;
  t.after(() => {
    Math.random = original;
  });
  const pick = (list) => list[Math.floor(random() * list.length)];
  const world = new World();
  world.page = 3;
  const troubled = () => {
    world.travels = () => (random() < 0.15 ? [] : random() < 0.1 ? [0, random() * 1500] : [random() < 0.3 ? random() * 1800 : 0]);
    world.fate = () => {
      const chance = random();
      if (chance < 0.03) return "lost";
      if (chance < 0.06) return "unanswered";
      if (chance < 0.09) return { error: { status: 503, code: "UNAVAILABLE" } };
      if (chance < 0.1) return { error: { status: 400, code: "CONNECTION_UNKNOWN" } };
      return chance < 0.3 ? { late: random() * 400 } : undefined;
    };
    world.restFate = () => (random() < 0.1 ? pick(["lost", "hangs", [503, { status: 503 }]]) : undefined);
    world.handshake = () => (random() < 0.1 ? 503 : 101);
  };
  troubled();
  const pace = { heartbeat: 8000, answer: 1000, firstWait: 100, longestWait: 1000, renew: 9000 };
  // Two devices of user 1.
  const clients = [1, 1, 2, 3].map((user) => createClient(world.options(user, { pace, page: 4, keep: { conversations: seed % 2 ? 1 : 20 } })));
  for (const client of clients) client.start();
  const pairs = [
    [0, 2],
    [0, 3],
    [1, 2],
    [1, 3],
    [2, 1],
    [3, 1],
  ];
  const releases = new Map();
  await advance(random() * 300);
  if (seed % 3) for (const [index, other] of pairs) releases.set(`${index} ${other}`, clients[index].conversation({ user: other }).open());
  for (let step = 0; step < 220; step++) {
    const [index, other] = pick(pairs);
    const client = clients[index];
    const conversation = client.conversation({ user: other });
    const { messages } = conversation.get();
    const stored = messages.filter(({ id }) => id);
    const mine = stored.filter(({ author }) => author === client.get().user);
    const what = random();
    if (what < 0.3) conversation.send(`${seed}.${step}`);
    else if (what < 0.4 && mine.length) conversation.edit(pick(mine).id, `edited ${step}`);
    else if (what < 0.47 && mine.length) conversation.delete(pick(mine).id);
    else if (what < 0.57) conversation.read(random() < 0.5 ? pick(stored)?.id : undefined);
    else if (what < 0.6) {
      const key = `${index} ${other}`;
      releases.get(key)?.();
      if (!releases.delete(key)) releases.set(key, conversation.open());
    } else if (what < 0.63) conversation.older();
    else if (what < 0.67 && world.open().length) world.cut(pick(world.open()));
    else if (what < 0.73) world.send(other, "user", client.get().user ?? 1, { type: "text", text: `else ${step}` });
    else if (what < 0.75) conversation.settings({ muted: random() < 0.5 });
    // The store was lost and came back from a copy: cursors of before are nobody's.
    else if (what < 0.755) world.user(client.get().user ?? 1).epoch += "c";
    else await advance(random() * 300);
  }
  // Let go: no more trouble, and all is shown.
  Object.assign(world, { travels: () => [0], fate: () => undefined, restFate: () => undefined, handshake: () => 101 });
  for (const [index, other] of pairs) clients[index].conversation({ user: other }).open();
  await advance(25_000);
  for (const [index, other] of pairs) {
    const client = clients[index];
    const { user } = client.get();
    assert.equal(client.get().state, "live");
    const one = world.conversation(user, "user", other);
    const live = one.messages.filter(({ deleted }) => !deleted);
    const conversation = client.conversation({ user: other });
    while (conversation.get().more) {
      conversation.older();
      await advance(50);
    }
    const shown = conversation.get().messages;
    const plain = ({ id, seq, rev, author, text }) => ({ id, seq, rev, author, text });
    assert.deepEqual(shown.map(plain), live.map(plain), `messages of ${user} with ${other}`);
    for (const { seq, author, seen, delivery } of shown) {
      const reader = author === user ? other : user;
      assert.deepEqual([seen, delivery], [(one.reads[reader] ?? 0) >= seq, "sent"], `message ${seq} of ${user} with ${other}`);
    }
    const entry = client.inbox.get().entries.find(({ id }) => id === other);
    const expected = world.user(user).entries.get(one.key);
    if (!expected) continue;
    const fields = (entry) => [entry.rev, entry.unread, entry.read.seq, entry.latest?.id, entry.latest?.text, entry.timestamp.epoch, !!entry.muted];
    assert.deepEqual(fields(entry), fields(expected), `inbox of ${user}`);
    assert.equal(client.get().unread, world.unreadTotal(user), `unread of ${user}`);
  }
  // Nothing was stored twice.
  for (const { messages } of world.conversations.values()) {
    const texts = messages.map(({ sent }) => sent);
    assert.equal(new Set(texts).size, texts.length);
  }
  for (const client of clients) client.close();
  return world;
};

const first = +(process.env.SEED ?? 1);
for (let seed = first; seed < first + +(process.env.WALKS ?? 12); seed++)
  test(`whatever the network does, every client ends with what the service has (seed ${seed})`, (t) => walk(seed, t));

// The client against a real stack: the binaries that are deployed, behind the local gateway. `cargo build` makes them; SENNA_BIN may name others.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { createClient } from "../src/index.js";
import { isBuilt, startStack, tokenOf } from "./stack.js";

/** Waits until it holds. */
const until = async (holds, what, limit = 15_000) => {
  for (const end = Date.now() + limit; Date.now() < end; await new Promise((go) => setTimeout(go, 20))) if (holds()) return;
  assert.fail(`not in time: ${what}`);
};

const texts = (conversation) => conversation.get().messages.map(({ text }) => text);

describe("on a real stack", { skip: !isBuilt && "there is no target/debug/senna: run cargo build" }, () => {
  let stack;
  let users = 1000;
  const clients = [];
  const clientOf = (user, more = {}) => {
    const client = createClient({
      socket: stack.websocket,
      api: stack.rest,
      getToken: () => tokenOf(user),
      WebSocket,
      pace: { firstWait: 50, ...more.pace },
    });
    clients.push(client);
    return client;
  };
  /** Two users who have never met, each with a client that has started. */
  const pair = async () => {
    const [one, other] = [++users, ++users];
    const [a, b] = [clientOf(one), clientOf(other)];
    a.start();
    b.start();
    await until(() => a.get().state === "live" && b.get().state === "live", "both are live");
    return { a, b, one, other, ab: a.conversation({ user: other }), ba: b.conversation({ user: one }) };
  };

  before(async () => {
    stack = await startStack();
  });
  after(async () => {
    for (const client of clients) client.close();
    await stack?.stop();
  });

  test("a message is shown at once, is acknowledged, and arrives at the other side's screen and inbox", async () => {
    const { b, one, ab, ba } = await pair();
    ab.open();
    ba.open();
    await until(() => ab.get().loaded && ba.get().loaded, "both have loaded");
    const heard = [];
    b.on("message.new", ({ target, entry }) => heard.push([target, entry.text]));
    const shown = ab.send("hello", { mood: "fine" });
    assert.deepEqual([shown.delivery, texts(ab)], ["sending", ["hello"]]);
    await until(() => ab.get().messages[0].delivery === "sent", "it is acknowledged");
    assert.equal(ab.get().messages[0].client_id, shown.client_id);
    await until(() => texts(ba)[0] === "hello", "it arrives");
    assert.deepEqual(ba.get().messages[0].metadata, { mood: "fine" });
    assert.deepEqual(heard, [[{ user: String(one) }, "hello"]]);
    await until(() => b.inbox.get().entries[0]?.unread === 1, "it is unread");
    assert.equal(b.get().unread, 1);
    assert.equal(b.inbox.get().entries[0].latest.text, "hello");
    await until(() => b.inbox.get().entries[0].profile, "the platform tells who it is from");
    await ba.read();
    assert.equal(b.get().unread, 0);
    await until(() => ab.get().messages[0].seen, "the sender sees that it was read");
    ba.send("oops");
    await until(() => ab.get().messages.length === 2, "the answer arrives");
    const { id } = ab.get().messages[0];
    await ab.edit(id, "hello!");
    await until(() => texts(ba)[0] === "hello!", "the edit arrives");
    await ba.react(id, "👍");
    await until(() => ab.get().messages[0].reactions?.[0].count === 1, "the reaction arrives");
    await ba.react(id, "👍", false);
    await until(() => !ab.get().messages[0].reactions, "it is taken back");
    await ab.delete(id);
    assert.deepEqual(texts(ab), ["oops"]);
    await until(() => texts(ba).join() === "oops", "the deletion arrives");
  });

  test("what was sent and changed while the connections were cut is there afterwards, once and in order", async () => {
    const { a, b, ab, ba } = await pair();
    ab.open();
    ba.open();
    await until(() => ab.get().loaded && ba.get().loaded, "both have loaded");
    const expected = [];
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 5; n++) {
        expected.push(`${round}.${n}`);
        ab.send(`${round}.${n}`);
      }
      await new Promise((go) => setTimeout(go, 60));
      await stack.cut(0.7);
    }
    await until(() => ab.get().messages.every(({ delivery }) => delivery === "sent"), "all are acknowledged");
    await until(() => texts(ba).length === expected.length, "all have arrived");
    assert.deepEqual(texts(ab), expected);
    assert.deepEqual(texts(ba), expected);
    await until(() => b.get().unread === expected.length, "they are unread");
    assert.equal(a.get().unread, 0);
  });

  test("a group: joining by sending, members, read positions, leaving", async () => {
    const { a, b, one, other } = await pair();
    const topic = `group-${one}`;
    const [at, bt] = [a.conversation({ topic }), b.conversation({ topic })];
    at.open();
    at.send("first");
    await until(() => at.get().messages[0]?.delivery === "sent", "sending joins");
    await bt.members.join();
    bt.open();
    await until(() => texts(bt)[0] === "first", "who joins reads what is there");
    bt.send({ text: "second", reply_to: bt.get().messages[0].id, mentions: [one] });
    assert.equal(bt.get().messages[1].reply_to.excerpt, "first");
    await until(() => texts(at)[1] === "second", "it arrives");
    assert.equal(at.get().messages[1].reply_to.excerpt, "first");
    await until(() => a.inbox.get().entries[0]?.mentioned === 1, "the mention counts");
    await at.read();
    await until(() => at.get().unread === 0, "it is read");
    await until(() => bt.get().reads[one] === 2, "the other member, who has the group on the screen, sees that");
    const { members, total } = await at.members.list();
    assert.equal(total, 2);
    assert.deepEqual(members.map(({ id }) => id).sort(), [one, other]);
    await at.settings({ muted: true, pinned: true });
    await until(() => a.inbox.get().entries[0].pinned, "it is pinned");
    const gone = [];
    a.on("member.left", ({ user }) => gone.push(user));
    await bt.members.leave();
    await until(() => gone.length === 1, "the other member hears of it");
    await until(() => b.inbox.get().entries.length === 0, "who left has it no more");
  });

  test("typing and presence are shown, also after the connection was cut", async () => {
    const { a, b, other, ab, ba } = await pair();
    ab.open();
    ba.open();
    ab.send("hi");
    ba.send("hi you");
    await until(() => texts(ab).length === 2 && texts(ba).length === 2, "they know each other");
    a.watch([other]);
    await until(() => a.presence.get()[other]?.online, "the other is online");
    await stack.cut();
    await until(() => a.get().state !== "live", "the cut is seen");
    await until(() => a.get().state === "live" && b.get().state === "live", "they are back");
    await until(() => {
      ba.typing();
      return ab.get().typing.length;
    }, "typing shows");
    assert.deepEqual(ab.get().typing, [other]);
    ba.send("done");
    await until(() => !ab.get().typing.length, "a message ends it");
  });

  test("older messages come by pages", async () => {
    const { a, ab, other } = await pair();
    ab.open();
    for (let n = 1; n <= 25; n++) ab.send(String(n));
    await until(() => ab.get().messages.at(-1).delivery === "sent", "all are acknowledged", 30_000);
    const paged = createClient({
      socket: stack.websocket,
      api: stack.rest,
      getToken: () => tokenOf(other),
      WebSocket,
      page: 10,
    });
    clients.push(paged);
    paged.start();
    const again = paged.conversation({ user: a.get().user });
    again.open();
    await until(() => again.get().loaded, "the newest page");
    assert.deepEqual([texts(again)[0], again.get().messages.length, again.get().more], ["16", 10, true]);
    await again.older();
    await again.older();
    assert.deepEqual([texts(again)[0], again.get().messages.length, again.get().more], ["1", 25, false]);
  });

  test("a refused token is asked for once more, then the client waits for the next start", async () => {
    const whys = [];
    let token = "none.of.ours";
    const client = createClient({
      socket: stack.websocket,
      api: stack.rest,
      getToken: (why) => {
        whys.push(why);
        return token;
      },
      WebSocket,
      pace: { firstWait: 20 },
    });
    clients.push(client);
    client.start();
    await until(() => client.get().state === "refused", "it is refused");
    assert.deepEqual(whys, ["first", "refused"]);
    token = tokenOf(++users);
    client.start();
    await until(() => client.get().state === "live", "the next start asks again");
  });

  test("a new connection takes the place of an old one without a gap", async () => {
    const { one, other } = await pair();
    const renewing = clientOf(one, { pace: { renew: 300 } });
    const states = new Set();
    renewing.start();
    await until(() => renewing.get().state === "live", "it is live");
    renewing.subscribe(() => states.add(renewing.get().state));
    const sender = clientOf(other);
    sender.start();
    const from = sender.conversation({ user: one });
    const to = renewing.conversation({ user: other });
    to.open();
    from.open();
    const expected = Array.from({ length: 30 }, (_, n) => `n${n}`);
    const heard = [];
    renewing.on("message.new", ({ entry }) => heard.push(entry.text));
    for (const text of expected) {
      from.send(text);
      await new Promise((go) => setTimeout(go, 50));
    }
    await until(() => texts(to).length === expected.length, "all have arrived");
    assert.deepEqual(texts(to), expected);
    assert.deepEqual(heard.sort(), [...expected].sort(), "each was heard once");
    assert.deepEqual([...states], ["live"]);
  });
});

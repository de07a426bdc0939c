// What a client knows and how it takes what it hears, without a network: as the unit tests of tests/src/follower/replica.rs.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as boxes from "../src/inbox.js";
import * as replicas from "../src/replica.js";

const message = (seq, rev, text, author = 1) => ({ id: `m${seq}`, seq, rev, author, text });
const gone = (seq, rev) => ({ id: `m${seq}`, seq, rev, deleted: true });
const changes = (rev, messages, deleted = [], more = false) => ({ state: { rev }, messages, deleted, more });
const texts = (one) => replicas.shown(one, 1, 2).map(({ text }) => text);
/** A conversation that was loaded when it had this revision. */
const loaded = (rev = 0, messages = [], prev = null) => {
  const one = replicas.unknown();
  replicas.newest(one, { state: { rev, prev }, messages });
  return one;
};
/** Takes a pushed change, and returns what is left open of it. */
const push = (one, from, entry, rev = entry.rev) => {
  replicas.take(one, entry, rev);
  return replicas.linked(one, from, rev);
};

describe("a conversation", () => {
  test("frames that overtake each other close the chain, and the newest state stays", () => {
    const one = loaded();
    assert.ok(push(one, 5, message(1, 6, "edited")));
    assert.deepEqual([one.rev, texts(one)], [0, ["edited"]]);
    assert.equal(push(one, 0, message(1, 5, "first")), false);
    assert.deepEqual([one.rev, texts(one), one.links.size], [6, ["edited"], 0]);
    push(one, 6, gone(1), 7);
    push(one, 0, message(1, 5, "first"));
    assert.deepEqual(texts(one), [], "a deleted message stays deleted");
  });

  test("a chain that does not close is a gap, which is told once", () => {
    const one = loaded();
    const link = push(one, 5, message(2, 6, "two"));
    assert.equal(replicas.isGap(one, link), true);
    assert.equal(replicas.isGap(one, link), false);
    assert.deepEqual([one.rev, one.heard], [0, 6]);
    replicas.changed(one, changes(6, [message(1, 5, "one"), message(2, 6, "two")]), 6);
    assert.deepEqual([one.rev, one.heard, texts(one)], [6, 6, ["one", "two"]]);
  });

  test("the reads of a user whose id is a name of every object are kept too", () => {
    const one = loaded();
    const ids = ["constructor", "__proto__", "toString"];
    for (const id of ids) {
      replicas.hasRead(one, id, 7);
      replicas.hasRead(one, id, 3);
    }
    assert.deepEqual(Object.entries(one.reads), ids.map((id) => [id, 7]));
    assert.equal({}.constructor, Object);
  });

  test("changes come by pages, and what is pushed meanwhile links to the last one", () => {
    const one = loaded();
    one.heard = 9;
    replicas.changed(one, changes(5, [message(1, 5, "one")], [], true), 9);
    assert.deepEqual([one.rev, one.heard], [5, 9]);
    push(one, 9, message(3, 10, "three"));
    replicas.changed(one, changes(9, [message(2, 8, "two")], [gone(1, 9)]), 9);
    assert.deepEqual([one.rev, one.heard, texts(one)], [10, 9, ["two", "three"]]);
  });

  test("a late push of a message that is not known is an older or a deleted one", () => {
    const one = loaded(9, [message(2, 6, "two")]);
    push(one, 0, message(1, 5, "deleted"));
    assert.deepEqual(texts(one), ["two"]);
  });

  test("a history that is older than what was pushed before it takes nothing back", () => {
    const one = replicas.unknown();
    push(one, 5, message(2, 6, "pushed"));
    push(one, 3, message(1, 4, "deleted meanwhile"));
    replicas.newest(one, { state: { rev: 5, prev: null }, messages: [] });
    assert.deepEqual([texts(one), one.rev], [["pushed"], 6]);
  });

  test("an older page moves no revision, and an edit that was heard of before it stays", () => {
    const one = loaded(9, [message(5, 9, "five")], "m5");
    push(one, 9, message(2, 10, "edited"));
    assert.deepEqual(texts(one), ["five"], "no hole is shown");
    replicas.older(one, { state: { rev: 9, prev: null }, messages: [message(1, 1, "one"), message(2, 2, "two")] });
    assert.deepEqual([texts(one), one.rev, one.before], [["one", "edited", "five"], 10, null]);
  });

  const setBacks = {
    "the answer says so": (one) => replicas.changed(one, { ...changes(3, []), reset: true }, 5),
    "a position is given again": (one) => push(one, 5, { ...message(1, 9, "new"), id: "another" }),
    "a push follows on an older revision": (one) => push(one, 3, message(7, 9, "new")),
  };
  for (const [how, setBack] of Object.entries(setBacks))
    test(`a conversation that was set back is loaded anew: ${how}`, () => {
      const one = loaded(5, [message(1, 5, "lost")]);
      const { age } = one;
      setBack(one);
      assert.equal(one.loaded, false);
      assert.notEqual(one.age, age, "what was asked before is known by it");
      assert.ok(!texts(one).includes("lost"));
    });

  test("seen follows from the other side's position, which only grows", () => {
    const one = loaded(3, [message(1, 1, "a"), message(2, 2, "b"), message(3, 3, "c")]);
    const seen = () => replicas.shown(one, 1, 2).map(({ seen }) => seen);
    assert.deepEqual(seen(), [false, false, false]);
    replicas.hasRead(one, 2, 2);
    replicas.hasRead(one, 2, 1);
    assert.deepEqual(seen(), [true, true, false]);
    push(one, 3, message(4, 4, "an answer", 2));
    assert.deepEqual(seen().slice(0, 3), [true, true, true], "who writes has read");
  });

  test("a reply shows the newest that is known of its message", () => {
    const reply_to = { id: "m1", seq: 1, rev: 1, author: 2, type: "text", excerpt: "first" };
    const one = loaded(2, [message(1, 1, "first", 2), { ...message(2, 2, "reply"), reply_to }]);
    const quote = () => replicas.shown(one, 1, 2).at(-1).reply_to;
    assert.equal(quote().excerpt, "first");
    push(one, 2, message(1, 3, "😀".repeat(200), 2));
    assert.equal(quote().excerpt, "😀".repeat(100));
    push(one, 3, gone(1), 4);
    assert.deepEqual(quote(), { id: "m1", seq: 1, deleted: true });
  });

  test("a message stays the same object until something of it changes", () => {
    const one = loaded(2, [message(1, 1, "a"), message(2, 2, "b")]);
    const [a, b] = replicas.shown(one, 1, 2);
    push(one, 2, message(2, 3, "edited"));
    const [a2, b2] = replicas.shown(one, 1, 2);
    assert.equal(a2, a);
    assert.notEqual(b2, b);
  });
});

describe("the inbox", () => {
  const entry = (id, rev, more) => ({
    type: "user",
    id,
    rev,
    latest: null,
    timestamp: { epoch: rev },
    unread: 0,
    mentioned: 0,
    read: { seq: 0 },
    ...more,
  });
  const listed = (...entries) => {
    const box = boxes.unknown("c0");
    boxes.listed(box, { state: { next: null, unread_total: 0 }, entries });
    return box;
  };
  const frame = (prev, cursor, prev_rev, rev, more) => ({
    event: "message.new",
    prev,
    cursor,
    data: { state: { inbox_key: "user-2", prev_rev, rev }, entry: { ...message(rev, rev, "x", 2), timestamp: { epoch: rev } }, ...more },
  });

  test("frames are applied once, in the order of the cursors", () => {
    const box = listed(entry(2, 5));
    box.links.add(frame("c1", "c2", 6, 7));
    assert.equal(boxes.follow(box, 1), false);
    assert.equal(box.cursor, "c0");
    box.links.add(frame("c0", "c1", 5, 6));
    box.links.add(frame("c0", "c1", 5, 6));
    boxes.follow(box, 1);
    const { unread, rev, latest } = box.entries.get("user-2");
    assert.deepEqual([box.cursor, unread, rev, latest.seq, box.unread], ["c2", 2, 7, 7, 2]);
  });

  test("a frame of a conversation that is not known makes the client ask", () => {
    const box = listed();
    const unknown = frame("c0", "c1", 0, 6);
    box.links.add(unknown);
    assert.equal(boxes.follow(box, 1), true);
    boxes.caughtUp(box, { cursor: "c1", entries: [entry(2, 6, { unread: 1 })], unread_total: 1, more: false }, [unknown]);
    assert.deepEqual([box.cursor, box.unread, box.links.size], ["c1", 1, 0]);
  });

  test("one's own message and one's own reading leave nothing unread", () => {
    const box = listed(entry(2, 5, { unread: 3, mentioned: 1 }));
    box.unread = 3;
    box.links.add(frame("c0", "c1", 5, 6, { entry: { ...message(6, 6, "mine", 1), timestamp: { epoch: 6 } } }));
    boxes.follow(box, 1);
    const { unread, mentioned, read } = box.entries.get("user-2");
    assert.deepEqual([unread, mentioned, read], [0, 0, { seq: 6 }]);
    box.links.add(frame("c1", "c2", 6, 7));
    const read7 = { state: { inbox_key: "user-2" }, entry: undefined, user: 1, read: { seq: 7, unread: 0, mentioned: 0 } };
    box.links.add({ event: "message.read", prev: "c2", cursor: "c3", data: read7 });
    boxes.follow(box, 1);
    assert.deepEqual([box.cursor, box.unread, box.entries.get("user-2").rev], ["c3", 0, 7]);
  });

  test("a deletion of the newest or of an unread message makes the client ask; of another one it does not", () => {
    const latest = message(5, 5, "x", 2);
    const deleted = (id, seq) => frame("c0", "c1", 5, 6, { entry: { id, seq, deleted: true } });
    for (const [seq, read, asks] of [
      [5, 5, true],
      [4, 3, true],
      [4, 5, false],
    ]) {
      const box = listed(entry(2, 5, { latest, read: { seq: read } }));
      box.links.add({ ...deleted(`m${seq}`, seq), event: "message.deleted" });
      assert.equal(boxes.follow(box, 1), asks);
    }
  });

  test("muted conversations are not counted, and one that was left is gone", () => {
    const box = listed(entry(2, 5, { unread: 3 }));
    box.unread = 3;
    boxes.put(box, entry(2, 5, { unread: 3, muted: true }));
    assert.equal(box.unread, 0);
    const tell = (one) => boxes.caughtUp(box, { cursor: "c1", entries: [one], unread_total: 0, more: false }, []);
    const isThere = () => !box.entries.get("user-2").left;
    tell(entry(2, 6, { left: true }));
    assert.equal(isThere(), false);
    tell(entry(2, 6));
    assert.equal(isThere(), false, "what was told before does not bring it back");
    tell(entry(2, 7));
    assert.equal(isThere(), true, "a higher revision does");
  });
});

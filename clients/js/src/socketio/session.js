/**
 * What a page was told, and how it is told the rest: rules 2 to 4 of docs/clients.md for a page that keeps nothing, but hears events.
 *
 * A session lives longer than its connections. The next connection tells what changed since the last one. If that cannot be known, the session is
 * forgotten: the page gets a new one, sees `socket.recovered === false`, and loads its state anew, as with a Socket.IO server.
 *
 * @import { Id } from "../types.js"
 *
 * @typedef {ReturnType<typeof unknown>} Session
 * @typedef {ReturnType<typeof conversation>} Told
 */

import { keyOf } from "../inbox.js";
import { isPassing } from "../tools.js";

/** A page that missed more messages of one conversation loads it anew. */
const FAR = 500;
/** Entries on a page of the list, and messages on a page of the history: the most that the service gives. */
export const PAGE = 100;
/** How many own writes are remembered. */
const OWN = 500;
/** Stands for the revision of a conversation that began while there was no connection, until it is loaded. */
const UNMET = -1;

/** A session of a page that was told nothing. @param {string} pid its name; Socket.IO's client gives it back when it connects again */
export const unknown = (pid) => ({
  pid,
  /** @type {Id | undefined} */
  user: undefined,
  /** The token of its last connection. @type {string | undefined} */
  token: undefined,
  /** Up to where the page was told, or will be told by what the conversations have heard of. @type {string | undefined} */
  cursor: undefined,
  /** Whether all conversations that were there at the beginning are known. */
  complete: false,
  /** By `inbox_key`. @type {Map<string, Told>} */
  conversations: new Map(),
  /** The newest writes that the page knows by their acknowledgement: the revision of each message. @type {Map<string, number>} */
  own: new Map(),
});

/** @param {number} rev the page was told everything up to it @param {number} seq the highest position that the page was told of */
const conversation = (rev, seq) => ({
  rev,
  seq,
  /** A revision that was heard of. While it is higher than `rev`, the page has to be told something. */
  heard: rev,
  /** Frames that wait for the one before them. @type {Set<any>} */
  waiting: new Set(),
});

/** The first lists of a session: what they name, the page loads by itself. @param {Session} session @param {any[]} lists */
export const listed = (session, lists) => {
  for (const { entries } of lists)
    for (const entry of entries) session.conversations.set(keyOf(entry), conversation(entry.rev, entry.latest?.seq ?? 0));
  session.cursor = lists[0].state.cursor;
  session.complete = lists.every(({ state }) => state.next == null);
};

/**
 * Tells a page what comes over one connection.
 *
 * @param {Session} session
 * @param {object} means
 * @param {(frame: object, within?: number) => Promise<any>} means.ask a question over the connection: nothing if the connection has ended
 * @param {(path: string) => Promise<{ status: number, body: any }>} means.get a question over REST
 * @param {(event: string, ...what: any[]) => void} means.emit
 * @param {(key: string) => Promise<any> | undefined} means.settled waits for the acknowledgement of the writes to a conversation that are under way
 * @param {(ms: number, then: () => void) => void} means.later
 * @param {number} means.gap for which a frame waits for the one before it, in milliseconds
 * @param {() => boolean} means.isOver whether the connection has ended
 * @param {() => void} means.lost ends the connection
 * @param {() => void} means.forget ends the connection and the session
 */
export const teller = (session, { ask, get, emit, settled, later, gap, isOver, lost, forget }) => {
  /** Frames whose cursor waits for the one before it. @type {Set<any>} */
  const links = new Set();
  /** @type {Set<Told>} */
  const busy = new Set();
  let syncing = false;
  let syncOwed = false;

  /** The client of Socket.IO keeps a text at the end as the offset, with which it connects again. @param {string} event @param {...any} what */
  const tell = (event, ...what) => emit(event, ...what, session.cursor);

  /** @param {any} frame */
  const tellFrame = ({ event, data }) => {
    if (event === "message.new") tell("new-message", data.entry, data.state);
    else if (/^message\.(updated|deleted)/.test(event)) tell(event.replace(".", "-"), data.entry, data.state);
    else tell(event.replace(".", "-"), data);
  };

  /** Rule 4: tells what follows on what the page was told. @param {Told} one */
  const link = (one) => {
    for (let next; one.rev !== UNMET && (next = [...one.waiting].find(({ data: { state } }) => isLinked(one, state))); ) {
      one.waiting.delete(next);
      const { rev, prev_rev } = next.data.state;
      if (rev <= one.rev) continue;
      // The store was set back.
      if (prev_rev < one.rev) return forget();
      one.rev = rev;
      one.seq = Math.max(one.seq, next.data.entry?.seq ?? 0);
      if (!next.mine) tellFrame(next);
    }
  };

  /** Rule 4: moves the cursor along what was pushed. */
  const follow = () => {
    for (let next; !syncing && (next = [...links].find(({ prev }) => prev === session.cursor)); ) {
      links.delete(next);
      session.cursor = next.cursor;
    }
  };

  /** What changed in a conversation since the page was told. Nothing if the connection has ended. @param {string} key @param {Told} one */
  const changes = async (key, one) => {
    /** @type {Map<string, any>} */
    const messages = new Map();
    const all = { state: { rev: one.rev }, messages, read: {}, members: false };
    for (let since = one.rev; ; since = all.state.rev) {
      const answer = await ask({ action: "changes", ...whereOf(key), since });
      if (!answer) return;
      const { result } = answer;
      // Of a conversation that the user may not read any more there is nothing to tell.
      if (!result) return { ...all, state: { rev: one.heard } };
      if (result.reset) return forget();
      for (const message of [...result.messages, ...result.deleted]) messages.set(message.id, message);
      if (messages.size > FAR) return forget();
      all.state = result.state;
      Object.assign(all.read, result.read);
      all.members ||= !!result.members;
      if (!result.more) return all;
    }
  };

  /**
   * What is in a conversation that began while there was no connection. Nothing if the connection has ended.
   *
   * @param {string} key
   * @param {Told} one
   */
  const newest = async (key, one) => {
    const { target, target_id } = whereOf(key);
    const { status, body } = await get(`/${target}/${encodeURIComponent(target_id)}?per_page=${PAGE}`);
    if (isOver()) return;
    if (!status || isPassing({ status })) return lost();
    if (status !== 200) return { state: { rev: one.heard }, messages: new Map(), read: {}, members: false };
    const fresh = body.messages.filter((/** @type {any} */ { seq }) => seq > one.seq);
    if (body.state.prev && fresh.length === body.messages.length) return forget();
    /** @type {Map<string, any>} */
    const messages = new Map();
    for (const message of fresh) messages.set(message.id, { ...message, author: message.author.id });
    const { key: name, rev } = body.state;
    return { state: { key: name, inbox_key: key, rev }, messages, read: {}, members: false };
  };

  /** Rule 3: tells what changed in a conversation. @param {string} key @param {Told} one */
  const tend = async (key, one) => {
    if (busy.has(one)) return;
    busy.add(one);
    while (one.heard > one.rev && !isOver()) {
      const { heard } = one;
      const answer = await (one.rev === UNMET ? newest(key, one) : changes(key, one));
      if (!answer) break;
      // It may tell of an own write whose acknowledgement is still to come.
      await settled(key);
      if (isOver()) break;
      const { state, messages, read, members } = answer;
      const told = one.seq;
      for (const message of [...messages.values()].sort((a, b) => a.seq - b.seq)) {
        const { id, seq, rev, author } = message;
        one.seq = Math.max(one.seq, seq);
        const known = session.own.get(id);
        if (known && rev <= known) continue;
        const isNew = seq > told && !known;
        if (author != null) tell(isNew ? "new-message" : "message-updated", message, state);
        else if (!isNew) tell("message-deleted", { id, seq, deleted: true }, state);
      }
      for (const [user, seq] of Object.entries(read)) tell("message-read", { state, user, read: { seq } });
      if (members) tell("members", { state });
      one.rev = Math.max(one.rev, state.rev);
      if (one.heard === heard) one.heard = one.rev;
      link(one);
    }
    busy.delete(one);
  };

  /** One after the other: who comes back after a long time has many. */
  const tendAll = async () => {
    for (const [key, one] of session.conversations) await tend(key, one);
  };

  /** Rules 2 and 3: takes the answer to a `hello` or `sync`. @param {any} answer */
  const caughtUp = ({ recovered, entries, cursor, more }) => {
    if (!recovered) return forget();
    for (const entry of entries) {
      const key = keyOf(entry);
      let one = session.conversations.get(key);
      if (!one) {
        if (!session.complete) return forget();
        // Who joins a topic has read everything up to there.
        one = conversation(UNMET, entry.type === "topic" ? entry.read.seq : 0);
        session.conversations.set(key, one);
      }
      if (entry.latest?.seq - one.seq > FAR) return forget();
      one.heard = Math.max(one.heard, entry.rev);
      if (entry.left) one.rev = one.heard;
    }
    session.cursor = cursor;
    tendAll();
    if (more) sync();
    else follow();
  };

  /** Says `sync`, one at a time. @param {number} [within] ends the connection if there is no answer in so many milliseconds */
  const sync = async (within) => {
    syncOwed = true;
    if (syncing) return;
    syncing = true;
    while (syncOwed && !isOver()) {
      syncOwed = false;
      const answer = await ask({ action: "sync", since: session.cursor }, within);
      if (isOver()) return;
      if (answer?.result) caughtUp(answer.result);
      else lost();
    }
    syncing = false;
    follow();
  };

  /** A frame waits for the one before it. @param {string} key @param {Told} one @param {any} frame */
  const wait = (key, one, frame) => {
    one.heard = Math.max(one.heard, frame.data.state.rev);
    one.waiting.add(frame);
    link(one);
    if (one.waiting.has(frame)) later(gap, () => one.waiting.has(frame) && tend(key, one));
  };

  /** Takes a pushed frame, or with `mine` the answer to a write of the page in its shape. @param {any} frame */
  const hear = (frame) => {
    const { cursor, prev, data } = frame;
    const { inbox_key: key, rev, prev_rev } = data.state ?? {};
    if (frame.mine && rev) {
      session.own.delete(data.entry.id);
      if (session.own.set(data.entry.id, rev).size > OWN) session.own.delete([...session.own.keys()][0]);
    }
    if (!rev && !frame.mine) tellFrame(frame);
    const isNext = cursor && prev === session.cursor;
    if (cursor) {
      links.add(frame);
      follow();
      if (links.has(frame)) later(gap, () => links.delete(frame) && sync());
    }
    if (!rev) return;
    let one = session.conversations.get(key);
    // Its first change, or a message before which the page was told everything.
    if (!one && (prev_rev === 0 || (isNext && frame.event === "message.new"))) {
      one = conversation(prev_rev, prev_rev && data.entry.seq - 1);
      session.conversations.set(key, one);
    }
    if (one) wait(key, one, frame);
    else if (!isNext) sync();
    else if (!frame.mine) tellFrame(frame);
  };

  return { caughtUp, hear, sync };
};

/** Whether a change was told, or follows on what was told. @param {Told} one @param {{ rev: number, prev_rev?: number }} state */
const isLinked = ({ rev: told }, { rev, prev_rev = Infinity }) => rev <= told || prev_rev <= told;

/** @param {string} key */
const whereOf = (key) => {
  const [target] = key.split("-", 1);
  return { target, target_id: key.slice(target.length + 1) };
};

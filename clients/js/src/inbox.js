/**
 * What a client knows of its inbox: rules 2 and 4 of docs/clients.md, without a network.
 *
 * A frame that is pushed does not tell the whole entry. What it changes follows from it, because a frame has a cursor only if it says all that is new
 * in its entry. So frames are applied once, in the order of the cursors, and where one does not tell enough, `sync` does.
 *
 * @import { Id } from "./types.js"
 *
 * @typedef {ReturnType<typeof unknown>} Inbox
 */

import { same } from "./tools.js";

/** @param {any} entry */
export const keyOf = (entry) => entry.type + "-" + entry.id;

/** An inbox of which nothing is known. What happens from the cursor on will be told. @param {string} [cursor] */
export const unknown = (cursor) => ({
  cursor,
  /** Whether the list was loaded under it. */
  loaded: false,
  /** By key. @type {Map<string, any>} */
  entries: new Map(),
  /** Frames that wait for the ones before them. @type {Set<any>} */
  links: new Set(),
  /** What to give as `before` for the next page of the list. @type {string | null} */
  next: null,
  unread: 0,
});

/** @param {any} entry */
const counted = (entry) => (entry && !entry.muted && !entry.left ? entry.unread : 0);

/**
 * Takes an entry, unless a newer one is known.
 *
 * @param {Inbox} box
 * @param {any} entry
 * @param {boolean} [page] it stands on a page that may be older than what is known
 */
export const put = (box, entry, page) => {
  const key = keyOf(entry);
  const known = box.entries.get(key);
  // Who has left comes back with a higher revision only.
  if (known && (page || (known.left && !entry.left) ? known.rev >= entry.rev : known.rev > entry.rev)) return;
  // One has read on since it was written.
  if (known?.read.seq > entry.read.seq) {
    const { read, unread, mentioned } = known;
    entry = { ...entry, read, unread, mentioned };
  }
  box.unread += counted(entry) - counted(known);
  box.entries.set(key, entry);
};

/**
 * A page of the list. The first one completes the loading.
 *
 * @param {Inbox} box
 * @param {any} page
 */
export const listed = (box, { entries, state }) => {
  // The service counts all of them, also those that were not loaded.
  const unread = box.loaded ? box.unread : state.unread_total;
  for (const entry of entries) put(box, entry, true);
  box.next = state.next;
  box.unread = unread;
  box.loaded = true;
};

/**
 * Rule 2: takes the answer to a `hello` or `sync`.
 *
 * @param {Inbox} box
 * @param {any} answer
 * @param {any[]} before the frames that were waiting when it was asked: the answer tells what they do
 */
export const caughtUp = (box, { entries, cursor, unread_total, more }, before) => {
  for (const entry of entries) put(box, entry);
  box.cursor = cursor;
  box.unread = unread_total;
  if (!more) for (const frame of before) box.links.delete(frame);
};

/**
 * What a frame makes of its entry. False if it does not tell enough.
 *
 * @param {Inbox} box
 * @param {any} frame
 * @param {Id | undefined} me
 */
const apply = (box, { event, data: { state, entry, user, read } }, me) => {
  const known = box.entries.get(state.inbox_key);
  const { rev, prev_rev } = state;
  if (!known) return false;
  if (rev ? known.rev >= rev : read && known.read.seq >= read.seq) return true;
  if (known.left || (rev && known.rev !== prev_rev)) return false;
  const next = { ...known };
  if (rev) next.rev = rev;
  if (event === "message.new") {
    next.latest = entry;
    next.timestamp = entry.timestamp;
    next.hidden = false;
    next.unread++;
    if (entry.mentions?.some((/** @type {Id} */ id) => same(id, me))) next.mentioned++;
    if (same(entry.author, me)) {
      next.unread = next.mentioned = 0;
      next.read = { seq: entry.seq };
    }
  } else if (event === "message.updated") {
    if (known.latest?.id === entry.id) next.latest = entry;
  } else if (event === "message.read") {
    if (same(user, me)) {
      next.unread = read.unread;
      next.mentioned = read.mentioned;
      next.read = { seq: read.seq };
    }
  } else if (event === "conversation.settings") {
    const { muted, hidden, pinned } = entry;
    Object.assign(next, { muted, hidden, pinned });
  }
  // What stands there now, nobody told.
  else if (event === "message.deleted" ? known.latest?.id === entry?.id || entry?.seq > known.read.seq : same(user, me))
    return false;
  put(box, next);
  return true;
};

/**
 * Rule 4: moves the cursor along. True if `sync` is owed, because a frame does not tell enough.
 *
 * @param {Inbox} box
 * @param {Id | undefined} me
 */
export const follow = (box, me) => {
  for (let frame; box.loaded && (frame = [...box.links].find(({ prev }) => prev === box.cursor)); ) {
    if (!apply(box, frame, me)) return true;
    box.links.delete(frame);
    box.cursor = frame.cursor;
  }
  return false;
};

/** Rule 4: a frame did not link in time. True if `sync` is owed. @param {Inbox} box @param {any} frame */
export const isMissed = (box, frame) => {
  const { rev, inbox_key } = frame.data.state;
  return box.links.delete(frame) && !(rev <= box.entries.get(inbox_key)?.rev);
};

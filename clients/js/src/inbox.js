/**
 * What a client knows of its inbox: rules 2 and 4 of docs/clients.md, without a network.
 *
 * A frame that is pushed does not tell the whole entry. What it changes follows from it, because a frame has a cursor only if it says all that is new
 * in its entry. So frames are applied once, in the order of the cursors, and where one does not tell enough, `sync` does.
 *
 * @import { Id } from "./types.js"
 *
 * @typedef {ReturnType<typeof inbox>} Inbox
 */

import { same } from "./tools.js";

/** @param {any} entry */
export const keyOf = (entry) => entry.type + "-" + entry.id;

export const inbox = () => {
  /** By key. @type {Map<string, any>} */
  let entries = new Map();
  /** Frames that wait for the ones before them. @type {any[]} */
  let links = [];
  /** @type {string | undefined} */
  let cursor;
  let loaded = false;
  /** Answers that are under way. Until they are there, the cursor stays where they were asked from. */
  let held = 0;
  /** What to give as `before` for the next page. @type {string | null} */
  let next = null;
  let unread = 0;

  /** @param {any} entry */
  const counted = (entry) => (entry && !entry.muted ? entry.unread : 0);

  /**
   * Takes an entry, unless a newer one is known.
   *
   * @param {any} entry
   * @param {boolean} [page] it stands on a page that may be older than what is known
   */
  const put = (entry, page) => {
    const key = keyOf(entry);
    const known = entries.get(key);
    if (known && (page ? known.rev >= entry.rev : known.rev > entry.rev)) return;
    // One has read on since it was written.
    if (known?.read.seq > entry.read.seq) {
      const { read, unread, mentioned } = known;
      entry = { ...entry, read, unread, mentioned };
    }
    unread += counted(entry) - counted(known);
    entries.set(key, entry);
  };

  /**
   * What the next frame makes of its entry. False if it does not tell enough.
   *
   * @param {any} frame
   * @param {Id | undefined} me
   */
  const apply = ({ event, data: { state, entry, user, read } }, me) => {
    const known = entries.get(state.inbox_key);
    const { rev = known?.rev, prev_rev } = state;
    if (!known) return false;
    if (state.rev ? known.rev >= rev : read && known.read.seq >= read.seq) return true;
    if (event === "conversation.settings") {
      put(entry);
      return true;
    }
    if (state.rev && known.rev !== prev_rev) return false;
    let { latest, mentioned } = known;
    /** @type {any} */
    const more = {};
    if (event === "message.new") {
      const mine = same(entry.author, me);
      latest = entry;
      mentioned = mine ? 0 : mentioned + (entry.mentions?.some((/** @type {Id} */ id) => same(id, me)) ? 1 : 0);
      Object.assign(more, { timestamp: entry.timestamp, hidden: undefined, unread: mine ? 0 : known.unread + 1 });
      if (mine) more.read = { seq: entry.seq };
    } else if (event === "message.updated") {
      if (latest?.id === entry.id) latest = entry;
    } else if (event === "message.read") {
      if (same(user, me)) {
        Object.assign(more, { unread: read.unread, read: { seq: read.seq } });
        mentioned = read.mentioned;
      }
    }
    // What stands there now, nobody told.
    else if (event === "message.deleted" ? latest?.id === entry?.id || entry?.seq > known.read.seq : same(user, me))
      return false;
    put({ ...known, ...more, latest, mentioned, rev });
    return true;
  };

  return {
    entries: () => entries,
    unread: () => unread,
    next: () => next,
    loaded: () => loaded,
    /** Rule 2: what `hello` gives as `since`: the cursor, once the list was loaded under it. */
    since: () => (loaded ? cursor : undefined),
    /** @param {number} by */
    hold: (by) => {
      held += by;
    },
    /** Rule 2: forgets everything. What happens from `at` on will be told; the rest must be loaded. @param {string} [at] */
    forget: (at) => {
      cursor = at;
      loaded = false;
      entries = new Map();
      links = [];
      next = null;
      unread = 0;
    },
    put,
    /**
     * A page of the list. The first one completes the loading.
     *
     * @param {any} page
     * @param {boolean} [first]
     */
    listed: (page, first) => {
      const before = unread;
      for (const entry of page.entries) put(entry, true);
      next = page.state.next;
      // The service counts all of them, also those that were not loaded.
      unread = first ? page.state.unread_total : before;
      loaded = true;
    },
    /**
     * Rule 2: takes the answer to a `hello` or `sync`.
     *
     * @param {any} answer
     * @param {any[]} known the frames that were waiting when it was asked: the answer tells what they do
     */
    caughtUp: (answer, known) => {
      for (const entry of answer.entries)
        if (!entry.left) put(entry);
        else if (entry.rev >= (entries.get(keyOf(entry))?.rev ?? 0)) entries.delete(keyOf(entry));
      cursor = answer.cursor;
      unread = answer.unread_total;
      if (!answer.more) links = links.filter((frame) => !known.includes(frame));
    },
    links: () => links,
    /** A frame that was pushed, or the answer to an own write. @param {any} frame */
    link: (frame) => {
      links.push(frame);
    },
    /**
     * Rule 4: moves the cursor along. True if `sync` is owed, because a frame does not tell enough.
     *
     * @param {Id | undefined} me
     */
    close: (me) => {
      for (let frame; loaded && !held && (frame = links.find(({ prev }) => prev === cursor)); ) {
        if (!apply(frame, me)) return true;
        links = links.filter((other) => other !== frame);
        cursor = frame.cursor;
      }
      return false;
    },
    /** Rule 4: a frame did not link in time. True if `sync` is owed. @param {any} frame */
    isGap: (frame) => {
      const open = links.includes(frame);
      links = links.filter((other) => other !== frame);
      const { rev, inbox_key } = frame.data.state;
      return open && !(rev <= entries.get(inbox_key)?.rev);
    },
  };
};

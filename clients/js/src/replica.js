/**
 * What a client knows of one conversation: rules 1, 3 and 4 of docs/clients.md, without a network. `tests/src/follower/` is the same in Rust.
 *
 * It is plain data and functions on it, so that a conversation can be forgotten as a whole.
 *
 * @import { Id } from "./types.js"
 *
 * @typedef {{ id: string, rev: number, entry: any, view?: any }} Known a message as of the revision that last changed it; without `entry` it is deleted
 * @typedef {{ from: number, to: number }} Link a step of a chain whose beginning is not known yet
 * @typedef {ReturnType<typeof unknown>} Replica
 */

import { same } from "./tools.js";

/**
 * A conversation of which nothing is known.
 *
 * @param {number} [heard]
 */
export const unknown = (heard = 0) => ({
  /** The revision up to which all is known. */
  rev: 0,
  /** A revision that was heard of: `changes` is owed while it is the newer one. */
  heard,
  loaded: false,
  /** The highest position that is known. */
  high: 0,
  /** The oldest position that is shown; what is known of older ones waits for their page. */
  low: 0,
  /** What to give as `before` for older messages. @type {string | null} */
  before: null,
  /** By position. @type {Map<number, Known>} */
  messages: new Map(),
  /** The highest position that each user has read. @type {Record<string, number>} */
  reads: {},
  /** @type {Set<Link>} */
  links: new Set(),
  /** A new object with each forgetting, so that answers to what was asked before can be told. */
  age: {},
});

/** Rule 3: everything has to be loaded anew, up to that revision. @param {Replica} one @param {number} [heard] */
export const forget = (one, heard) => {
  Object.assign(one, unknown(heard));
};

/** Rule 1: read positions only grow. @param {Replica} one @param {Id} user @param {number} seq */
export const hasRead = (one, user, seq) => {
  // A user's id may be the name of a property of every object, such as `constructor`: that value is not a number.
  if (seq && !(seq <= one.reads[user])) one.reads = { ...one.reads, [user]: seq };
};

/**
 * Rules 1 and 4: takes a message if it is newer than what is known of it. One that is not known although everything up to its revision is stands on
 * an older page, or was deleted.
 *
 * @param {Replica} one
 * @param {any} entry
 * @param {number} rev
 * @param {boolean} [page] it stands on a page of the history: then it is there, whatever its revision
 */
export const take = (one, entry, rev, page) => {
  const { id, seq, author, system } = entry;
  if (!seq) return;
  const known = one.messages.get(seq);
  // The position was given again: the store has lost the message that stood there.
  if (known && known.id !== id) return forget(one, Math.max(rev, one.heard));
  one.high = Math.max(one.high, seq);
  const live = author != null;
  if (rev > (known ? known.rev : page ? -1 : one.rev)) one.messages.set(seq, { id, rev, entry: live && entry });
  // Also an older state says that its author has read up to there. The platform itself reads nothing.
  if (live && !system) hasRead(one, author, seq);
};

/** Rule 4: a change that follows on what is known makes its revision the known one. @param {Replica} one */
export const close = (one) => {
  for (let next; one.loaded && (next = [...one.links].find(({ from }) => from <= one.rev)); ) {
    const { from, to } = next;
    one.links.delete(next);
    if (from < one.rev && to > one.rev) forget(one, to);
    else one.rev = Math.max(one.rev, to);
  }
};

/**
 * Rule 4: a frame said that a change led from one revision to another.
 *
 * @param {Replica} one
 * @param {number | undefined} from
 * @param {number} to
 * @returns {Link | false} what is left open
 */
export const linked = (one, from = Infinity, to) => {
  const link = { from, to };
  one.links.add(link);
  close(one);
  return one.links.has(link) && link;
};

/** Rule 4: what did not link in time is a gap. @param {Replica} one @param {Link} link */
export const isGap = (one, link) => {
  const open = one.links.delete(link);
  if (open) one.heard = Math.max(one.heard, link.to);
  return open && one.heard > one.rev;
};

/**
 * Rule 3: takes the newest page of the history. It names no deleted messages, so of what was pushed before only what is newer is kept.
 *
 * @param {Replica} one
 * @param {any} page
 */
export const newest = (one, page) => {
  const { age } = one;
  const { rev } = page.state;
  for (const [seq, known] of one.messages) if (known.rev <= rev) one.messages.delete(seq);
  older(one, page);
  if (age !== one.age) return;
  one.rev = rev;
  one.loaded = true;
  close(one);
};

/** Takes a page of older messages, which moves no revision. @param {Replica} one @param {any} page */
export const older = (one, { state, messages }) => {
  const { age } = one;
  for (const message of messages) take(one, message, message.rev, true);
  if (age !== one.age) return;
  one.before = state.prev;
  one.low = state.prev ? messages[0].seq : 0;
};

/**
 * Rule 3: takes a page of changes.
 *
 * @param {Replica} one
 * @param {any} answer
 * @param {number} heard what was heard of when it was asked for
 */
export const changed = (one, answer, heard) => {
  const { age } = one;
  const { rev } = answer.state;
  if (answer.reset) return forget(one, rev);
  for (const entry of answer.messages.concat(answer.deleted)) take(one, entry, entry.rev);
  if (age !== one.age) return;
  for (const reader in answer.read) hasRead(one, reader, answer.read[reader]);
  one.rev = Math.max(one.rev, rev);
  if (answer.more) one.heard = Math.max(one.heard, one.rev + 1);
  else if (one.heard === heard) one.heard = one.rev;
  close(one);
};

/** By characters, so that none is cut in two. @param {any} message */
export const excerptOf = ({ text = "" }) => [...text].slice(0, 100).join("");

/**
 * Rule 1: what a reply shows of another message, from the newest state that is known of that.
 *
 * @param {Replica} one
 * @param {any} quote
 */
const quoted = (one, quote) => {
  const known = quote && one.messages.get(quote.seq);
  if (!known || !(known.rev > quote.rev)) return quote;
  const { id, seq } = quote;
  const { rev, entry } = known;
  return entry ? { ...quote, rev, excerpt: excerptOf(entry) } : { id, seq, deleted: true };
};

/**
 * Live messages in their order. A message stays the same object until something of it changes.
 *
 * @param {Replica} one
 * @param {Id | undefined} me
 * @param {Id | undefined} other of a direct conversation: a message is seen if the one who has not written it has read up to it
 */
export const shown = (one, me, other) =>
  [...one.messages]
    .filter(([seq, { entry }]) => entry && seq >= one.low)
    .sort(([one], [other]) => one - other)
    .map(([, known]) => {
      const { entry, view } = known;
      const reader = same(entry.author, me) ? other : me;
      const seen = other != null && reader != null && one.reads[reader] >= entry.seq;
      const reply_to = quoted(one, entry.reply_to);
      if (!view || view.seen !== seen || view.reply_to?.rev !== reply_to?.rev)
        known.view = { ...entry, reply_to, status: undefined, delivery: "sent", seen };
      return known.view;
    });

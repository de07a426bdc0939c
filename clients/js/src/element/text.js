/**
 * The words of users and of the element itself: links, mentions, times, and sentences that can be replaced.
 */

import { h, link } from "./dom.js";

/** Words of the element. `{name}` and the like are filled in. A page replaces some or all by the property `strings`. */
export const STRINGS = {
  inbox: "Messages",
  inboxEmpty: "No conversations yet",
  chatEmpty: "No messages yet",
  choose: "Choose a conversation",
  messages: "Messages with {name}",
  write: "Write a message",
  send: "Send",
  more: "Load more",
  loading: "Loading",
  newest: "Newest message",
  unread: "unread",
  you: "You",
  online: "Online",
  typing: "Typing: {names}",
  edited: "edited",
  sending: "sending",
  sent: "sent",
  seen: "seen",
  failed: "Not sent",
  retry: "Try again",
  discard: "Discard",
  image: "Image",
  deleted: "Deleted message",
  actions: "Actions",
  reactions: "👍 ❤️ 😂 😮 😢 🎉",
  reply: "Reply",
  replyTo: "Reply to {name}",
  edit: "Edit",
  delete: "Delete",
  deleteSure: "Delete for everyone?",
  cancel: "Cancel",
  pin: "Pin",
  unpin: "Unpin",
  pinned: "pinned",
  mute: "Mute",
  unmute: "Unmute",
  muted: "muted",
  hide: "Hide",
  join: "Join",
  joinHint: "You are not a member.",
  leave: "Leave",
  mention: "Mention",
  back: "Back to messages",
  open: "Open chat",
  close: "Close chat",
  connecting: "Connecting…",
  refused: "You are signed out.",
  wrong: "That did not work: {why}",
};

/** @typedef {keyof typeof STRINGS} StringName */

/**
 * A sentence with its values.
 *
 * @param {string} sentence
 * @param {Record<string, any>} [values]
 */
export const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (all, name) => values?.[name] ?? all);

/** Only these two schemes open a page. What ends a sentence ends no address. */
const LINK = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,:;!?)\]]/gi;

/**
 * An address as the browser reads it; nothing if it is invalid or has another scheme.
 *
 * @param {any} text
 * @param {RegExp} [schemes]
 * @returns {string | undefined}
 */
export const safeUrl = (text, schemes = /^https?:$/) => {
  try {
    const { href, protocol } = new URL(text);
    if (schemes.test(protocol)) return href;
  } catch {}
  return undefined;
};

/** Pictures are only loaded where nobody on the way can change or see them. @param {unknown} text */
export const safeImage = (text) => safeUrl(text, /^https:$/);

/**
 * A text with its links.
 *
 * @param {string} text
 * @returns {import("./dom.js").Many[]}
 */
const linked = (text) => {
  const parts = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const href = safeUrl(found);
    if (!href) continue;
    parts.push(text.slice(from, index), link("a", href, found));
    from = index + found.length;
  }
  return [...parts, text.slice(from)];
};

/**
 * A text with its links, and the names that its author mentioned.
 *
 * @param {string} text
 * @param {{ name: string, isMe: boolean }[]} mentions
 * @returns {import("./dom.js").Many[]}
 */
export const rich = (text, mentions) => {
  /** @type {any[]} */
  let parts = [text];
  // Name by name, and not by recursion: a message with thousands of names must not exhaust the reader's stack.
  for (const { name, isMe } of mentions) {
    const mark = h("span.mention" + (isMe ? ".me" : ""), null, "@" + name);
    parts = parts.flatMap((part) =>
      part.split ? part.split("@" + name).flatMap((/** @type {string} */ rest, /** @type {number} */ n) => (n ? [mark, rest] : rest)) : part,
    );
  }
  return parts.flatMap((part) => (part.split ? linked(part) : part));
};

/** @param {number} one @param {number} [other] */
export const sameDay = (one, other = Date.now()) => new Date(one).toDateString() === new Date(other).toDateString();

const DAY = 864e5;

/**
 * Times as the language of the page writes them.
 *
 * @param {string} [language]
 */
export const times = (language) => {
  try {
    Intl.getCanonicalLocales(language);
  } catch {
    // Some pages write a language in an invalid form, such as `en_US`.
    language = undefined;
  }
  /** @param {Intl.DateTimeFormatOptions} options @returns {(epoch: number) => string} */
  const format = (options) => new Intl.DateTimeFormat(language, options).format;
  const clock = format({ timeStyle: "short" });
  const short = format({ day: "numeric", month: "short" });
  const full = format({ dateStyle: "full" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return {
    clock,
    /** For the inbox. @param {number} epoch */
    brief: (epoch) => (sameDay(epoch) ? clock : short)(epoch),
    /** For the beginning of a day. @param {number} epoch */
    day: (epoch) => {
      for (const ago of [0, 1]) if (sameDay(epoch, Date.now() - ago * DAY)) return relative.format(-ago, "day");
      return full(epoch);
    },
  };
};

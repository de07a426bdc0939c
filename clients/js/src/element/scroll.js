/**
 * Where the messages stand on the screen, which of them are new, and what was read.
 *
 * @import { App } from "./app.js"
 */

/** So near to an end, in pixels, counts as being there. */
const NEAR = 48;
/** So near to the oldest message, in pixels, older ones are loaded. */
const EARLY = 240;

/** @param {App} app @returns {HTMLElement | null} */
const scroller = (app) => app.find(".messages");

/** Whether the user sees the newest message now. @param {App} app */
const isReading = (app) =>
  app.isAtEnd && app.isInSight && document.visibilityState === "visible" && !!scroller(app)?.clientHeight;

/** Takes note of messages that have come. @param {App} app */
export const arrived = (app) => {
  const { messages, entry, reads, loaded } = app.conversation.get();
  if (!loaded) return;
  const { heard } = app;
  const newest = messages.findLast(({ seq }) => seq)?.seq ?? 0;
  const known = heard ?? entry?.read.seq ?? reads[app.me ?? ""] ?? newest;
  app.heard = Math.max(newest, heard ?? 0);
  const fresh = messages.filter(({ seq = 0, author }) => seq > known && !app.isMe(author));
  if (!fresh[0]) return;
  // What was there before is no news.
  if (heard != null) {
    // After a long cut there may be many: the newest are enough.
    const said = fresh
      .slice(-3)
      .map(({ author, text = app.say("image"), system }) => (system ? text : `${app.author(author)}: ${text}`))
      .join("\n");
    // The same words again are only heard if something changes.
    app.said = said + (said === app.said ? "\u00a0" : "");
    if (isReading(app)) return;
  }
  if (!app.fresh) app.mark = fresh[0].seq;
  app.fresh += fresh.length;
};

/** Where the first message in sight stands, so that it can stay there. @param {App} app */
export const measure = (app) => {
  const box = scroller(app);
  const top = box?.getBoundingClientRect().top ?? 0;
  const node = [...(box?.querySelectorAll(".message") ?? [])].find((node) => node.getBoundingClientRect().bottom > top);
  return node && { node, at: node.getBoundingClientRect().top };
};

/** @param {HTMLElement} box */
const toEnd = (box) => {
  box.scrollTop = box.scrollHeight;
};

/**
 * After a change: the newest message stays in sight if it was, else what was in sight stays where it was.
 *
 * @param {App} app
 * @param {ReturnType<typeof measure>} before
 */
export const settle = (app, before) => {
  const box = scroller(app);
  if (!box || !app.view?.loaded) return;
  const mark = box.querySelector(".unread-mark");
  if (!before && mark) {
    toEnd(box);
    const above = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
    // The first unread message is where reading begins.
    if (above < 0) box.scrollTop += above - NEAR;
  } else if (app.isAtEnd) toEnd(box);
  else if (before?.node.isConnected) box.scrollTop += before.node.getBoundingClientRect().top - before.at;
  app.isAtEnd = isNearEnd(box);
  look(app);
};

/** @param {HTMLElement} box */
const isNearEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;

/** Loads what is nearly in sight, and says what was read. @param {App} app */
export const look = (app) => {
  const box = scroller(app);
  const { conversation, view } = app;
  // What has failed would fail again at once.
  if (!box?.clientHeight || !view?.loaded || app.notice) return;
  if (view.more && box.scrollTop < EARLY) app.doing(conversation.older());
  if (!isReading(app) || app.isOutside) return;
  if (app.fresh) {
    app.fresh = 0;
    app.changed();
  }
  // `read` asks for nothing if the newest message is read already. It also clears the count of unread messages when none of them is left to show.
  if (view.unread || view.messages.some(({ seq }) => seq)) app.doing(conversation.read());
};

/** The user scrolled, or the element has another size. @param {App} app @param {boolean} [isMoved] by the user */
export const scrolled = (app, isMoved) => {
  const box = scroller(app);
  if (!box) return;
  const { isAtEnd } = app;
  if (isMoved) app.isAtEnd = isNearEnd(box);
  else if (isAtEnd) toEnd(box);
  look(app);
  if (isAtEnd !== app.isAtEnd) app.changed();
};

/** Goes to the newest message. @param {App} app */
export const toNewest = (app) => {
  app.isAtEnd = true;
  app.draw();
};

/**
 * Goes to a message that is quoted, and loads what lies between.
 *
 * @param {App} app
 * @param {{ id: string }} quote
 */
export const toMessage = async (app, { id }) => {
  const { conversation } = app;
  let node;
  while (!(node = app.find(`[data-id="${CSS.escape(id)}"]`))) {
    if (app.conversation !== conversation || !app.view.more || app.notice) return;
    await app.doing(conversation.older(100));
    app.draw();
  }
  app.isAtEnd = false;
  node.scrollIntoView({ block: "center" });
  node.querySelector(".act").focus({ preventScroll: true });
};

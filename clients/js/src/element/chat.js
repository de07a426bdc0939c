/**
 * One conversation on the screen: its head, its messages and its composer.
 *
 * @import { App } from "./app.js"
 * @import { Many } from "./dom.js"
 */

import { composer } from "./composer.js";
import { arrows, h, hidden, iconButton } from "./dom.js";
import { menuOfChat } from "./menu.js";
import { message } from "./message.js";
import { avatar, closer, loading, nothing } from "./panel.js";
import { scrolled, toNewest } from "./scroll.js";
import { sameDay } from "./text.js";
import { same } from "../tools.js";

/** Messages of one author that follow each other within this many ms stand together. */
const TOGETHER = 3e5;

/** @param {App} app */
const head = (app) => {
  const { target, client, members = [] } = app;
  if (!target) return;
  const isTopic = "topic" in target;
  const names = members.filter(({ id }) => !same(id, app.me)).map(({ id }) => app.name({ user: id }));
  const online = !isTopic && client?.presence.get()[target.user]?.online;
  const below = isTopic ? names.slice(0, 8).join(", ") || app.say("group") : online ? app.say("online") : "";
  return h(
    "header",
    { key: "head" },
    !app.isFixed && iconButton("back", app.say("back"), app.back),
    avatar(app, target),
    h("div.lines", null, h("h2.title", null, h("bdi", null, app.name(target))), below && h("p.below", null, below)),
    iconButton("dots", app.say("actions"), (event) => menuOfChat(app, event)),
    closer(app),
  );
};

/** The messages with their separators. @param {App} app @returns {Many[]} */
const rows = (app) => {
  const { messages = [], more } = app.conversation?.get() ?? {};
  /** @type {Many[]} */
  const rows = [];
  if (more)
    rows.push(
      h("li.between", null, h("button.plain", { onclick: () => app.doing(app.conversation?.older()) }, app.say("earlier"))),
    );
  let before;
  for (const one of messages) {
    const { epoch, iso } = one.timestamp;
    const isNewDay = !before || !sameDay(before.timestamp.epoch, epoch);
    if (isNewDay) rows.push(h("li.between.day", { key: one.client_id ?? one.id }, h("time", { datetime: iso }, app.time.day(epoch))));
    const isMark = one.seq != null && one.seq === app.mark;
    if (isMark) rows.push(h("li.between.unread-mark", null, h("span", null, app.say("unread"))));
    const isFirst = isNewDay || isMark || !before || !same(before.author, one.author) || epoch - before.timestamp.epoch > TOGETHER;
    rows.push(message(app, one, isFirst));
    before = one;
  }
  return rows;
};

/** @param {App} app */
const typing = (app) => {
  const who = app.conversation?.get().typing ?? [];
  const names = who.map((user) => app.name({ user })).join(", ");
  return h("div.typing", null,
    names && [h("span.dots", { "aria-hidden": "true" }, h("i", null), h("i", null), h("i", null)), h("bdi", null, app.say("typing", { names }))],
  );
};

/** @param {App} app */
export const chat = (app) => {
  const { target, conversation } = app;
  const view = conversation?.get();
  if (!target || !view) return h("div.chat.empty", null, nothing(app.say("choose")));
  const { messages, loaded, error } = view;
  const name = app.name(target);
  return h("div.chat", null,
    head(app),
    app.isOutside &&
      h("div.banner", null,
        h("span", null, app.say("joinHint")),
        h("button", { onclick: () => app.doing(conversation?.members.join()) }, app.say("join")),
      ),
    h(
      "div.messages",
      // Another conversation has a node of its own, and so its own place.
      { key: Object.entries(target), role: "region", tabindex: "0", "aria-label": app.say("messages", { name }), onkeydown: (/** @type {KeyboardEvent} */ event) => arrows(".act", event), onscroll: () => scrolled(app, true) },
      error && h("div.nothing", { role: "alert" }, h("p", null, app.say("noChat")), h("p.hint", null, error.message), h("button.plain", { onclick: app.again }, app.say("retry"))),
      !loaded && !messages.length && !error && loading(app),
      loaded && !messages.length && nothing(app.say("chatEmpty"), app.say("chatEmptyHint", { name })),
      messages.length > 0 && h("ol", { "aria-label": app.say("messages", { name }) }, ...rows(app)),
    ),
    h("div.foot", null,
      !app.isAtEnd &&
        iconButton("down", app.say("newest"), () => toNewest(app)),
      !app.isAtEnd && app.fresh > 0 && h("span.badge.fresh-count", null, app.fresh, hidden(app.say("unreadCount", { n: "" }))),
      typing(app),
      composer(app),
    ),
  );
};

/**
 * One conversation on the screen: its head, its messages and its composer.
 *
 * @import { App } from "./app.js"
 * @import { Target } from "../types.js"
 * @import { Many } from "./dom.js"
 */

import { composer } from "./composer.js";
import { arrows, badge, dots, h, iconButton } from "./dom.js";
import { menuOfChat } from "./menu.js";
import { message } from "./message.js";
import { avatar, closer, loading, nothing } from "./panel.js";
import { scrolled, toNewest } from "./scroll.js";
import { sameDay } from "./text.js";
import { same } from "../tools.js";

/** Messages of one author that follow each other within this many ms stand together. */
const TOGETHER = 3e5;

/** @param {App} app @param {Target} target */
const head = (app, target) => {
  const names = app.members.filter(({ id }) => !app.isMe(id)).map(({ id }) => app.name({ user: id }));
  const isOnline = "user" in target && app.client.presence.get()[target.user]?.online;
  const below = app.isGroup ? names.join(", ") : isOnline && app.say("online");
  return h(
    "header",
    null,
    !app.isFixed && iconButton("back", app.say("back"), app.back),
    avatar(app, target),
    h("div.lines", null, h("h2.title", null, h("bdi", null, app.name(target))), below && h("p.below", null, below)),
    iconButton("dots", app.say("actions"), (event) => menuOfChat(app, event)),
    closer(app),
  );
};

/** The messages with their separators. @param {App} app @returns {Many[]} */
const rows = (app) => {
  const { messages, more } = app.view;
  /** @type {Many[]} */
  const rows = [];
  if (more)
    rows.push(
      h("li.between", null, h("button.plain", { onclick: () => app.doing(app.conversation.older()) }, app.say("more"))),
    );
  let before;
  for (const one of messages) {
    const { epoch, iso } = one.timestamp;
    const isNewDay = !before || !sameDay(before.timestamp.epoch, epoch);
    if (isNewDay)
      rows.push(
        h("li.between.day", { key: one.client_id ?? one.id }, h("time", { datetime: iso }, app.time.day(epoch))),
      );
    const isMark = one.seq != null && one.seq === app.mark;
    if (isMark) rows.push(h("li.between.unread-mark", null, h("span", null, app.say("unread"))));
    const isFirst =
      isNewDay || isMark || !before || !same(before.author, one.author) || epoch - before.timestamp.epoch > TOGETHER;
    rows.push(message(app, one, isFirst, one === messages.at(-1)));
    before = one;
  }
  return rows;
};

/** @param {App} app */
const typing = (app) => {
  const names = app.view.typing.map((user) => app.name({ user })).join(", ");
  return h("div.typing", null, names && [dots(), h("bdi", null, app.say("typing", { names }))]);
};

/** @param {App} app */
export const chat = (app) => {
  const { target, conversation } = app;
  if (!target) return h("div.chat", null, nothing(app.say("choose")));
  const { messages, loaded, error } = app.view;
  return h(
    "div.chat",
    null,
    head(app, target),
    app.isOutside &&
      h(
        "div.banner",
        null,
        h("span", null, app.say("joinHint")),
        h("button", { onclick: () => app.doing(conversation.members.join()) }, app.say("join")),
      ),
    h(
      messages.length ? "ol.messages" : "div.messages",
      // Another conversation has a node of its own, and so its own place.
      {
        key: app.key,
        tabindex: "0",
        "aria-label": app.say("messages", { name: app.name(target) }),
        onkeydown: (/** @type {KeyboardEvent} */ event) => arrows(".act", event),
        onscroll: () => scrolled(app, true),
      },
      messages.length
        ? rows(app)
        : error
          ? h(
              "div.nothing",
              { role: "alert" },
              h("p", null, app.say("wrong", { why: error.message })),
              h("button.plain", { onclick: app.again }, app.say("retry")),
            )
          : loaded
            ? nothing(app.say("chatEmpty"))
            : loading(app),
    ),
    h(
      "div.foot",
      null,
      !app.isAtEnd &&
        iconButton(
          "down",
          app.say("newest"),
          () => toNewest(app),
          app.fresh > 0 && badge(app.fresh, app.say("unread")),
        ),
      typing(app),
      composer(app),
    ),
  );
};

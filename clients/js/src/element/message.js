/**
 * One message on the screen.
 *
 * @import { App } from "./app.js"
 * @import { Message } from "../types.js"
 */

import { h, hidden, icon, link } from "./dom.js";
import { menuOfMessage, react } from "./menu.js";
import { avatar } from "./panel.js";
import { toMessage } from "./scroll.js";
import { rich, safeImage } from "./text.js";

/** What a reply answers to. @param {App} app @param {any} quote */
const quoted = (app, quote) => {
  const { deleted, author, excerpt, type } = quote;
  const text = deleted ? app.say("deleted") : type === "image" || !excerpt ? app.say("image") : excerpt;
  return h(
    "button.quote",
    { disabled: !!deleted, onclick: () => toMessage(app, quote) },
    author != null && h("bdi.name", null, app.author(author)),
    h("span.excerpt", { dir: "auto" }, text),
  );
};

/** @param {App} app @param {Message<any>} message */
const content = (app, { type, text = "", image, mentions = [] }) => {
  if (type !== "image") {
    const names = mentions.map((id) => ({ name: app.name({ user: id }), isMe: app.isMe(id) }));
    // A longer name may begin with a shorter one.
    names.sort((one, other) => other.name.length - one.name.length);
    return h("span.text", { dir: "auto" }, ...rich(text, names));
  }
  const src = safeImage(image);
  // A picture that can't be loaded shows its `alt`, and the link still leads there.
  return link(
    "a.image",
    src,
    h("img", { src, alt: app.say("image"), loading: "lazy", referrerpolicy: "no-referrer" }),
  );
};

/** When it was sent, and what became of it. @param {App} app @param {Message<any>} message @param {boolean} mine */
const meta = (app, { timestamp, edited, delivery, seq = Infinity }, mine) => {
  const { reads } = app.view;
  // In a group it is enough that somebody has.
  const isRead = Object.keys(reads).some((id) => !app.isMe(id) && reads[id] >= seq);
  const state = delivery === "sending" ? "sending" : isRead ? "seen" : "sent";
  const words = app.say(state);
  return h(
    "span.meta",
    null,
    edited && h("span", null, app.say("edited")),
    h("time", { datetime: timestamp.iso }, app.time.clock(timestamp.epoch)),
    mine &&
      delivery !== "failed" &&
      h(
        "span.delivery." + state,
        { title: words },
        icon(state === "sending" ? "dots" : state === "seen" ? "checks" : "check"),
        hidden(words),
      ),
  );
};

/** Why it was not sent, and what to do then. @param {App} app @param {Message<any>} message */
const failed = (app, { error, client_id = "" }) =>
  h(
    "div.failed",
    { role: "alert" },
    h("span", null, app.say("failed"), error?.message && ": " + error.message),
    h("button", { onclick: () => act(app, () => app.conversation.retry(client_id)) }, app.say("retry")),
    h("button", { onclick: () => act(app, () => app.conversation.discard(client_id)) }, app.say("discard")),
  );

/** The buttons go away, so the focus goes to where one writes. @param {App} app @param {() => void} work */
const act = (app, work) => {
  work();
  app.focus();
};

/** @param {App} app @param {Message<any>} message */
const reactions = (app, message) =>
  h(
    "div.chips",
    null,
    ...(message.reactions ?? []).map(({ reaction, count, users, mine }) =>
      h(
        "button.chip",
        {
          key: reaction,
          title: users.map(app.author).join(", "),
          "aria-pressed": `${mine}`,
          onclick: () => react(app, message, reaction, !mine),
        },
        reaction,
        h("span", null, count),
      ),
    ),
  );

/** @param {App} app @param {Message<any>} message @param {boolean} isFirst of those of its author @param {boolean} isLast of all */
export const message = (app, message, isFirst, isLast) => {
  const { id, client_id, author, system, delivery, reply_to } = message;
  const key = client_id ?? id;
  if (system) return h("li.between.system.message", { key }, content(app, message));
  const mine = app.isMe(message.author);
  const whose = mine ? "mine" : "theirs";
  const isGroup = app.isGroup && !mine;
  return h(
    `li.message.${whose}${isFirst ? ".first" : ""}${isGroup ? ".grouped" : ""}`,
    { key, "data-id": id },
    isGroup && isFirst && avatar(app, { user: author }),
    h(
      "div.column",
      null,
      isGroup && isFirst ? h("bdi.name", null, app.author(author)) : hidden(app.author(author) + ":"),
      h(
        "div.row",
        null,
        h(
          `div.bubble.${whose}.${message.type}`,
          null,
          reply_to && quoted(app, reply_to),
          content(app, message),
          meta(app, message, mine),
        ),
        delivery === "sent" &&
          h(
            "button.act.round",
            {
              // One can be reached by Tab, the others from there by the arrows.
              tabindex: isLast ? 0 : -1,
              "aria-haspopup": "menu",
              "aria-label": app.say("actions"),
              onclick: (/** @type {Event} */ event) => menuOfMessage(app, message, event),
            },
            icon("dots"),
          ),
      ),
      message.reactions?.length && reactions(app, message),
      delivery === "failed" && failed(app, message),
    ),
  );
};

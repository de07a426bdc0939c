/**
 * The list of conversations.
 *
 * @import { App } from "./app.js"
 * @import { InboxEntry, Target } from "../types.js"
 */

import { arrows, badge, h, hidden, icon } from "./dom.js";
import { avatar, closer, loading, nothing } from "./panel.js";

/** Opens a conversation, unless the page wants to show it elsewhere. @param {App} app @param {Target} target */
const choose = (app, target) => {
  const event = new CustomEvent("senna-open", { detail: target, bubbles: true, composed: true, cancelable: true });
  if (!app.host.dispatchEvent(event)) return;
  app.show(target);
  app.focus();
};

/** The newest message in one line. @param {App} app @param {InboxEntry<any>} entry */
const excerpt = (app, { type, latest }) => {
  if (!latest) return "";
  const text = latest.text ?? app.say("image");
  return latest.system || (type !== "topic" && !app.isMe(latest.author)) ? text : `${app.author(latest.author)}: ${text}`;
};

/** @param {App} app @param {InboxEntry<any>} entry */
const row = (app, entry) => {
  const { type, id, latest, timestamp, unread, mentioned, muted, pinned } = entry;
  /** @type {any} */
  const target = { [type]: id };
  const key = `${type},${id}`;
  return h(
    "li",
    { key },
    h(
      `button.entry${unread ? ".unread" : ""}${muted ? ".quiet" : ""}`,
      {
        "data-key": key,
        "aria-current": key === app.key && "true",
        onclick: () => choose(app, target),
      },
      avatar(app, target),
      h(
        "span.lines",
        null,
        h(
          "span.line",
          null,
          h("bdi.title", null, app.name(target)),
          pinned && [icon("pin"), hidden(app.say("pinned"))],
          muted && [icon("mute"), hidden(app.say("muted"))],
          h("time", { datetime: timestamp.iso }, latest && app.time.brief(timestamp.epoch)),
        ),
        h(
          "span.line",
          null,
          h("span.excerpt", { dir: "auto" }, excerpt(app, entry)),
          mentioned > 0 && badge("@", app.say("mention")),
          unread > 0 && badge(unread, app.say("unread")),
        ),
      ),
    ),
  );
};

/** @param {App} app */
export const inbox = (app) => {
  const { entries, loaded, more } = app.client.inbox.get();
  return h(
    "div.inbox",
    null,
    h("header", null, h("h2.title", null, app.say("inbox")), closer(app)),
    h(
      entries.length ? "ul.entries" : "div.entries",
      { "aria-label": app.say("inbox"), onkeydown: (/** @type {KeyboardEvent} */ event) => arrows(".entry", event) },
      entries.length ? entries.map((entry) => row(app, entry)) : loaded ? nothing(app.say("inboxEmpty")) : loading(app),
      more &&
        h(
          "li.between",
          null,
          h("button.plain", { onclick: () => app.doing(app.client.inbox.more()) }, app.say("more")),
        ),
    ),
  );
};

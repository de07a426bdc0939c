/**
 * What an element consists of in each of its modes.
 *
 * @import { App } from "./app.js"
 * @import { Many } from "./dom.js"
 */

import { chat } from "./chat.js";
import { badge, dots, h, hidden, icon, iconButton } from "./dom.js";
import { inbox } from "./inbox.js";
import { menu } from "./menu.js";
import { safeImage } from "./text.js";

/**
 * The picture of a user or topic. Without one, the first letter stands on one of eight colours.
 *
 * @param {App} app
 * @param {import("../types.js").Target} target
 */
export const avatar = (app, target) => {
  const name = app.name(target);
  const { picture_url, cover_image_thumbnail } = app.profile(target);
  const src = safeImage(picture_url ?? cover_image_thumbnail);
  const [[type, id]] = Object.entries(target);
  const online = type === "user" && app.client.presence.get()[id]?.online;
  const hue = name.charCodeAt(0) + name.length;
  return h(
    "span.avatar." + type,
    { "--hue": hue },
    h("span.letters", { "aria-hidden": "true" }, [...name][0]?.toUpperCase()),
    src && h("img", { src, alt: "", loading: "lazy", referrerpolicy: "no-referrer", onerror: gone }),
    online && h("span.dot", null, hidden(app.say("online"))),
  );
};

/** A picture that can't be shown leaves the letters to be seen. @param {any} event */
const gone = ({ target }) => (target.hidden = true);

/** What is said where there is nothing yet. @param {string} title */
export const nothing = (title) => h("div.nothing", null, icon("chat"), h("p", null, title));

/** @param {App} app */
export const loading = (app) => h("div.loading", { role: "status" }, dots(), hidden(app.say("loading")));

/** Says what is wrong with the connection, once it has lasted. @param {App} app */
const banner = (app) => {
  const { state } = app.client.get();
  return h(
    "div.banner",
    { role: "status" },
    app.isAway && h("span", null, app.say(/refused|closed/.test(state) ? "refused" : "connecting")),
    // `start` asks for a token again; that it is counted does no harm, because the element lets go of it at once.
    app.isAway && state === "refused" && h("button", { onclick: () => app.client.start()() }, app.say("retry")),
  );
};

/** @param {App} app */
const errors = (app) =>
  h(
    "div.notice",
    { role: "alert" },
    app.notice && h("span", null, app.notice),
    app.notice && iconButton("close", app.say("cancel"), () => app.complain("")),
  );

/** The button in a panel's head that closes the popup. @param {App} app @returns {Many} */
export const closer = (app) => app.isPopup && iconButton("close", app.say("close"), () => close(app));

/** The inbox, the conversation, or both side by side. @param {App} app */
export const panel = (app) =>
  h(
    "section.panel" + (app.target ? ".talking" : ""),
    {
      role: app.isPopup && "dialog",
      "aria-label": app.isFixed && app.target ? app.say("messages", { name: app.name(app.target) }) : app.say("inbox"),
      onkeydown: (/** @type {KeyboardEvent} */ event) => escaped(app, event),
    },
    banner(app),
    h("div.body", null, !app.isFixed && inbox(app), (app.target || !app.isPopup) && chat(app)),
    errors(app),
    menu(app),
  );

/** @param {App} app @param {KeyboardEvent} event */
const escaped = (app, event) => {
  if (event.key === "Escape" && !event.isComposing && !app.menu && app.isPopup) close(app);
};

/** A round button in the corner of the page, and the panel above it while it is open. @param {App} app @returns {Many} */
export const popup = (app) => {
  const unread = app.client.get().unread;
  return [
    app.isOpen && panel(app),
    h(
      "button.launcher",
      {
        "aria-expanded": `${app.isOpen}`,
        onclick: () => (app.isOpen ? close(app) : open(app)),
      },
      icon(app.isOpen ? "down" : "chat"),
      hidden(app.say(app.isOpen ? "close" : "open")),
      !app.isOpen && unread > 0 && badge(unread, app.say("unread")),
    ),
  ];
};

/** @param {App} app */
export const open = (app) => {
  app.isOpen = app.isAtEnd = true;
  app.draw();
  (app.find("textarea, .entry") ?? app.find(".panel button"))?.focus();
};

/** @param {App} app */
export const close = (app) => {
  app.isOpen = false;
  app.menu = undefined;
  app.draw();
  app.find(".launcher")?.focus();
};

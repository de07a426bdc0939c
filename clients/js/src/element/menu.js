/**
 * The one menu of an element: it stands beside what it was opened from, inside of the panel.
 *
 * @import { App, Item, Menu } from "./app.js"
 * @import { Message } from "../types.js"
 */

import { arrows, h } from "./dom.js";
import { concern } from "./composer.js";

/** Pixels between the menu and what is around it. */
const GAP = 6;

/** @param {App} app @param {Menu} menu */
const openMenu = (app, menu) => {
  app.menu = menu;
  app.draw();
  const node = app.find(".menu");
  // A popover stands above everything, and closes by Escape or a click elsewhere.
  node.showPopover();
  const { left, top, bottom } = menu.trigger.getBoundingClientRect();
  const above = top - GAP - node.offsetHeight;
  // Properties set by a script are no inline style for a content-security policy.
  node.style.top = (above > 0 ? above : bottom + GAP) + "px";
  node.style.left = Math.max(GAP, Math.min(left, innerWidth - node.offsetWidth - GAP)) + "px";
  node.querySelector("button")?.focus();
};

/** @param {App} app @param {Item} item */
const run = (app, item) => {
  const { menu } = app;
  if (item.danger && menu?.sure !== item) {
    if (menu) menu.sure = item;
    return app.changed();
  }
  app.menu = undefined;
  app.draw();
  app.focus();
  item.run();
};

/** @param {App} app */
export const menu = (app) => {
  const { menu } = app;
  if (!menu) return;
  const { message, items, sure } = menu;
  const reactions = message?.id ? app.say("reactions").split(/\s+/) : [];
  return h(
    "div.menu",
    {
      role: "menu",
      "aria-label": app.say("actions"),
      popover: "",
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Tab") app.find(".menu").hidePopover();
        arrows("button", event);
      },
      ontoggle: (/** @type {any} */ { newState }) => {
        if (newState !== "closed") return;
        // Unless the user went elsewhere.
        if (app.root.activeElement?.matches(".menu *") ?? true) menu.trigger.focus();
        app.menu = undefined;
        app.changed();
      },
    },
    reactions.length > 0 &&
      h(
        "div.reactions",
        { role: "group" },
        ...reactions.map((reaction) => {
          const mine = !!message?.reactions?.some((one) => one.reaction === reaction && one.mine);
          return h(
            "button",
            {
              role: "menuitemcheckbox",
              "aria-checked": `${mine}`,
              onclick: () => run(app, { label: reaction, run: () => react(app, message, reaction, !mine) }),
            },
            reaction,
          );
        }),
      ),
    ...items.map((item) =>
      h(
        "button.item" + (item.danger ? ".danger" : ""),
        { key: item.label, role: "menuitem", onclick: () => run(app, item) },
        sure === item ? app.say("deleteSure") : item.label,
      ),
    ),
  );
};

/** @param {App} app @param {any} message @param {string} reaction @param {boolean} on */
export const react = (app, message, reaction, on) => app.doing(app.conversation.react(message.id, reaction, on));

/** What can be done with a message. @param {App} app @param {Message<any>} message @param {Event} event */
export const menuOfMessage = (app, message, { currentTarget }) => {
  const { conversation, members } = app;
  const { id = "", text } = message;
  const mine = app.isMe(message.author);
  const mayRemove = mine || members.some((one) => app.isMe(one.id) && one.role !== "member");
  /** @type {(Item | false | undefined | "")[]} */
  const items = [
    { label: app.say("reply"), run: () => concern(app, undefined, message) },
    mine && text && { label: app.say("edit"), run: () => concern(app, message) },
    mayRemove && { label: app.say("delete"), danger: true, run: () => app.doing(conversation.delete(id)) },
  ];
  openMenu(app, {
    message,
    items: /** @type {Item[]} */ (items.filter(Boolean)),
    trigger: /** @type {HTMLElement} */ (currentTarget),
  });
};

/** What can be done with a conversation. @param {App} app @param {Event} event */
export const menuOfChat = (app, { currentTarget }) => {
  const { conversation } = app;
  const { pinned, muted } = app.view.entry ?? {};
  /** @param {object} wish */
  const set = (wish) => app.doing(conversation.settings(wish));
  /** @type {(Item | false | undefined)[]} */
  const items = [
    { label: app.say(pinned ? "unpin" : "pin"), run: () => set({ pinned: !pinned }) },
    { label: app.say(muted ? "unmute" : "mute"), run: () => set({ muted: !muted }) },
    !app.isFixed && { label: app.say("hide"), run: () => gone(app, () => set({ hidden: true })) },
    app.isGroup &&
      !app.isOutside && {
        label: app.say("leave"),
        run: () => gone(app, () => app.doing(conversation.members.leave())),
      },
  ];
  openMenu(app, {
    items: /** @type {Item[]} */ (items.filter(Boolean)),
    trigger: /** @type {HTMLElement} */ (currentTarget),
  });
};

/** @param {App} app @param {() => unknown} work */
const gone = (app, work) => {
  if (!app.isFixed) app.back();
  work();
};

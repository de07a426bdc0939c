/**
 * The one menu of an element: it stands beside what it was opened from, inside of the panel.
 *
 * @import { App, Item, Menu } from "./app.js"
 * @import { Message } from "../types.js"
 */

import { arrows, h } from "./dom.js";
import { toEdit, toReply } from "./composer.js";
import { has } from "./text.js";
import { same } from "../tools.js";

/** Pixels between the menu and what is around it. */
const GAP = 6;

/** @param {App} app @param {boolean} [isBack] the focus goes back to where it came from */
export const closeMenu = (app, isBack) => {
  const { menu } = app;
  if (!menu) return;
  app.menu = undefined;
  app.draw();
  if (isBack) menu.trigger.focus();
};

/** @param {App} app @param {Menu} menu */
const openMenu = (app, menu) => {
  app.menu = menu;
  app.draw();
  const node = app.find(".menu");
  const around = node.parentElement.getBoundingClientRect();
  const at = menu.trigger.getBoundingClientRect();
  const below = at.bottom + GAP;
  const top = below + node.offsetHeight < around.bottom ? below : at.top - GAP - node.offsetHeight;
  const left = Math.min(at.left, around.right - node.offsetWidth - GAP);
  // Properties set by a script are no inline style for a content-security policy.
  node.style.top = Math.max(GAP, top - around.top) + "px";
  node.style.left = Math.max(GAP, left - around.left) + "px";
  node.querySelector("button")?.focus();
};

/** @param {App} app @param {Item} item */
const run = (app, item) => {
  const { menu } = app;
  if (item.danger && menu?.sure !== item) {
    if (menu) menu.sure = item;
    return app.changed();
  }
  closeMenu(app);
  app.find("textarea")?.focus();
  item.run();
};

/** @param {App} app @param {KeyboardEvent} event */
const move = (app, event) => {
  if (event.key === "Escape" || event.key === "Tab") {
    event.stopPropagation();
    event.preventDefault();
    return closeMenu(app, true);
  }
  arrows("button", event);
};

/** @param {App} app */
export const menu = (app) => {
  const { menu } = app;
  if (!menu) return;
  const { message, items, sure } = menu;
  const reactions = message?.id ? app.say("reactions").split(/\s+/) : [];
  return h("div.menu", {
      role: "menu",
      "aria-label": app.say("actions"),
      onkeydown: (/** @type {KeyboardEvent} */ event) => move(app, event),
      onfocusout: (/** @type {FocusEvent} */ { currentTarget, relatedTarget }) => {
        const node = /** @type {Node} */ (currentTarget);
        if (node.isConnected && relatedTarget && !node.contains(/** @type {Node} */ (relatedTarget))) closeMenu(app);
      },
    },
    reactions.length > 0 &&
      h("div.reactions", { role: "group" },
        ...reactions.map((reaction) => {
          const mine = !!message?.reactions?.some((one) => one.reaction === reaction && one.mine);
          return h(
            "button",
            {
              role: "menuitemcheckbox",
              "aria-checked": String(mine),
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
export const react = (app, message, reaction, on) => app.doing(app.conversation?.react(message.id, reaction, on));

/** What can be done with a message. @param {App} app @param {Message<any>} message @param {Event} event */
export const menuOfMessage = (app, message, { currentTarget }) => {
  const { conversation, me, members } = app;
  const { id = "", text } = message;
  const mine = same(message.author, me);
  const mayRemove = mine || members?.some((one) => same(one.id, me) && one.role !== "member");
  /** @type {(Item | false | undefined | "")[]} */
  const items = [
    { label: app.say("reply"), run: () => toReply(app, message) },
    text && { label: app.say("copy"), run: () => app.doing(navigator.clipboard?.writeText(text)) },
    mine && text && { label: app.say("edit"), run: () => toEdit(app, message) },
    mayRemove && { label: app.say("delete"), danger: true, run: () => app.doing(conversation?.delete(id)) },
  ];
  openMenu(app, { message, items: /** @type {Item[]} */ (items.filter(Boolean)), trigger: /** @type {HTMLElement} */ (currentTarget) });
};

/** What can be done with a conversation. @param {App} app @param {Event} event */
export const menuOfChat = (app, { currentTarget }) => {
  const { conversation, target, members, me } = app;
  if (!conversation) return;
  const { pinned, muted } = conversation.get().entry ?? {};
  /** @param {object} wish */
  const set = (wish) => app.doing(conversation.settings(wish));
  const isMember = has(members?.map(({ id }) => id), me);
  /** @type {(Item | false | undefined)[]} */
  const items = [
    { label: app.say(pinned ? "unpin" : "pin"), run: () => set({ pinned: !pinned }) },
    { label: app.say(muted ? "unmute" : "mute"), run: () => set({ muted: !muted }) },
    !app.isFixed && { label: app.say("hide"), run: () => gone(app, () => set({ hidden: true })) },
    target && "topic" in target && isMember && { label: app.say("leave"), run: () => gone(app, () => app.doing(conversation.members.leave())) },
  ];
  openMenu(app, { items: /** @type {Item[]} */ (items.filter(Boolean)), trigger: /** @type {HTMLElement} */ (currentTarget) });
};

/** @param {App} app @param {() => unknown} work */
const gone = (app, work) => {
  if (!app.isFixed) app.back();
  work();
};

/**
 * Where one writes.
 *
 * @import { App } from "./app.js"
 * @import { Message } from "../types.js"
 */

import { h, icon, iconButton } from "./dom.js";
import { safeImage } from "./text.js";
import { same } from "../tools.js";

/** A text that is nothing but the address of a picture is sent as the picture. */
const PICTURE = /^https:\/\/\S+\.(?:apng|avif|gif|jpe?g|png|webp)(?:\?\S*)?$/i;
/** So many names are offered for a mention. */
const OFFERED = 6;
/** The service takes so many mentions of a message. */
const MENTIONED = 20;

/** @param {App} app @returns {HTMLTextAreaElement | null} */
const field = (app) => app.find("textarea");

/** Puts a text where one writes. @param {App} app @param {string} text */
export const write = (app, text) => {
  const area = field(app);
  if (!area) return;
  area.value = text;
  grow(area);
};

/** Browsers that can't do it by themselves are told how high the text is. @param {HTMLTextAreaElement} area */
const grow = (area) => {
  if (CSS.supports("field-sizing", "content")) return;
  area.style.height = "auto";
  area.style.height = area.scrollHeight + "px";
};

/** @param {App} app @param {Message<any>} message */
export const toReply = (app, message) => {
  app.editing = undefined;
  app.quote = message;
  app.draw();
  field(app)?.focus();
};

/** @param {App} app @param {Message<any>} message */
export const toEdit = (app, message) => {
  app.keepDraft();
  app.quote = undefined;
  app.editing = message;
  app.draw();
  write(app, message.text ?? "");
  field(app)?.focus();
};

/** Neither replies nor edits any more. @param {App} app */
const cancel = (app) => {
  const { editing } = app;
  app.quote = app.editing = app.choices = undefined;
  app.draw();
  if (editing) write(app, app.draft);
  field(app)?.focus();
};

/** Who can be mentioned: the others in a group, and who wrote in it. @param {App} app */
const people = (app) => {
  const { members = [], conversation, me, target } = app;
  if (!target || !("topic" in target)) return [];
  const ids = [...members.map(({ id }) => id), ...(conversation?.get().messages ?? []).map(({ author }) => author)];
  return [...new Map(ids.filter((id) => !same(id, me)).map((id) => [String(id), { id, name: app.name({ user: id }) }])).values()];
};

/** @param {App} app */
const submit = (app) => {
  const { conversation, editing, quote } = app;
  const area = field(app);
  const text = area?.value.trim();
  if (!conversation || !area || !text) return;
  const mentions = people(app).filter(({ name }) => text.includes("@" + name)).map(({ id }) => id).slice(0, MENTIONED);
  if (editing?.id) {
    if (text !== editing.text) app.doing(conversation.edit(editing.id, text));
    return cancel(app);
  }
  const image = PICTURE.test(text) && safeImage(text);
  app.mark = app.quote = app.choices = undefined;
  app.fresh = 0;
  app.isAtEnd = true;
  area.value = "";
  grow(area);
  conversation.send({ ...(image ? { image } : { text }), ...(quote?.id && { reply_to: quote.id }), ...(mentions.length && { mentions }) });
  app.draw();
  area.focus();
};

/** Looks for an `@` before the caret. @param {App} app @param {HTMLTextAreaElement} area */
const suggest = (app, area) => {
  const [all, begun] = area.value.slice(0, area.selectionStart).match(/(?:^|\s)@([^\s@]*)$/u) ?? [];
  const wanted = begun?.toLowerCase() ?? "";
  const found = all == null ? [] : people(app).filter(({ name }) => name.toLowerCase().startsWith(wanted)).slice(0, OFFERED);
  const before = app.choices;
  app.choices = found.length ? { from: area.selectionStart - wanted.length - 1, people: found, at: 0 } : undefined;
  if (before || app.choices) app.changed();
};

/** Completes the name. @param {App} app @param {number} at */
const complete = (app, at) => {
  const { choices } = app;
  const area = field(app);
  if (!choices || !area) return;
  area.setRangeText(`@${choices.people[at].name} `, choices.from, area.selectionStart, "end");
  app.choices = undefined;
  app.draw();
  area.focus();
};

/** @param {App} app @param {KeyboardEvent} event */
const pressed = (app, event) => {
  const { key, shiftKey, isComposing, keyCode } = event;
  // An input method uses these keys itself. Safari tells of it by 229 alone.
  if (isComposing || keyCode === 229) return;
  const { choices, conversation } = app;
  const area = /** @type {HTMLTextAreaElement} */ (event.target);
  if (choices) {
    const step = { ArrowDown: 1, ArrowUp: choices.people.length - 1 }[key];
    if (step) choices.at = (choices.at + step) % choices.people.length;
    else if (key === "Enter" || key === "Tab") complete(app, choices.at);
    else if (key === "Escape") app.choices = undefined;
    else return;
    app.changed();
  } else if (key === "Enter" && !shiftKey) submit(app);
  else if (key === "Escape" && (app.quote || app.editing)) cancel(app);
  else if (key === "ArrowUp" && !area.value && !app.editing) {
    const last = conversation?.get().messages.findLast(({ author, id, type }) => id && type === "text" && same(author, app.me));
    if (!last) return;
    toEdit(app, last);
  } else return;
  event.preventDefault();
  event.stopPropagation();
};

/** @param {App} app */
export const composer = (app) => {
  const { quote, editing, choices, conversation } = app;
  const about = editing ?? quote;
  return h("form.composer", {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit(app);
      },
    },
    choices &&
      h(
        "ul.choices.menu",
        { id: "choices", role: "listbox", "aria-label": app.say("mention") },
        ...choices.people.map(({ name }, at) =>
          h(
            "li.item",
            // The field keeps the focus.
            { id: "choice" + at, role: "option", "aria-selected": String(at === choices.at), onmousedown: (/** @type {Event} */ event) => event.preventDefault(), onclick: () => complete(app, at) },
            h("bdi", null, name),
          ),
        ),
      ),
    about &&
      h("div.about", null,
        icon(editing ? "edit" : "reply"),
        h("span.lines", null, h("span.name", null, editing ? app.say("editing") : app.say("replyTo", { name: app.author(about.author) })), h("span.excerpt", { dir: "auto" }, about.text ?? app.say("image"))),
        iconButton("close", app.say("cancel"), () => cancel(app)),
      ),
    h("div.field", null,
      h("textarea.input", {
        // A draft belongs to one conversation.
        key: Object.entries(app.target ?? {}),
        rows: "1",
        dir: "auto",
        enterkeyhint: "send",
        "aria-label": app.say("write"),
        placeholder: app.say("write"),
        "aria-autocomplete": "list",
        "aria-controls": choices && "choices",
        "aria-activedescendant": choices && "choice" + choices.at,
        onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(app, event),
        oninput: (/** @type {any} */ { target }) => {
          grow(target);
          conversation?.typing(target.value !== "");
          suggest(app, target);
        },
      }),
      iconButton("send", app.say(editing ? "edit" : "send"), null),
    ),
  );
};

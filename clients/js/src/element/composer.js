/**
 * Where one writes.
 *
 * @import { App } from "./app.js"
 * @import { Message } from "../types.js"
 */

import { h, iconButton } from "./dom.js";
import { safeImage } from "./text.js";

/** A text that is nothing but the address of a picture is sent as the picture. */
const PICTURE = /^https:\/\/\S+\.(?:apng|avif|gif|jpe?g|png|webp)(?:\?\S*)?$/i;
/** So many names are offered for a mention. */
const OFFERED = 6;
/** The service takes so many mentions of a message. */
const MENTIONED = 20;

/** Puts a text where one writes. @param {App} app @param {string} [text] */
export const write = (app, text = "") => {
  const area = app.find("textarea");
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

/**
 * What one writes next changes a message, answers one, or neither.
 *
 * @param {App} app
 * @param {Message<any>} [editing]
 * @param {Message<any>} [quote]
 */
export const concern = (app, editing, quote) => {
  const isOther = editing !== app.editing;
  Object.assign(app, { editing, quote, choices: undefined, notice: "" });
  app.draw();
  if (isOther) write(app, editing ? editing.text : app.drafts[app.key]);
  app.focus();
};

/** Who can be mentioned: the others in a group, and who wrote in it. @param {App} app */
const people = (app) => {
  if (!app.isGroup) return [];
  const ids = [...app.members.map(({ id }) => id), ...app.view.messages.map(({ author }) => author)].map(String);
  return [...new Set(ids)].filter((id) => !app.isMe(id)).map((id) => ({ id, name: app.name({ user: id }) }));
};

/** @param {App} app */
const submit = (app) => {
  const { conversation, editing, quote } = app;
  const text = app.find("textarea").value.trim();
  if (!text) return;
  if (editing) {
    if (text !== editing.text) app.doing(conversation.edit(editing.id ?? "", text));
    return concern(app);
  }
  const image = PICTURE.test(text) && safeImage(text);
  const named = people(app).filter(({ name }) => text.includes("@" + name));
  const mentions = named.slice(0, MENTIONED).map(({ id }) => id);
  write(app);
  app.drafts[app.key] = "";
  app.mark = undefined;
  app.fresh = 0;
  app.isAtEnd = true;
  conversation.send({ ...(image ? { image } : { text }), reply_to: quote?.id, ...(mentions[0] && { mentions }) });
  concern(app);
};

/** Something was written. @param {App} app @param {HTMLTextAreaElement} area */
const written = (app, area) => {
  const { value, selectionStart } = area;
  grow(area);
  if (!app.editing) app.drafts[app.key] = value;
  app.conversation.typing(value !== "");
  // Whoever may be meant by an `@` before the caret is offered.
  const [, begun] = value.slice(0, selectionStart).match(/(?:^|\s)@([^\s@]*)$/) ?? [];
  const found =
    begun == null ? [] : people(app).filter(({ name }) => name.toLowerCase().startsWith(begun.toLowerCase()));
  app.choices =
    found[0] && begun != null
      ? { from: selectionStart - begun.length, people: found.slice(0, OFFERED), at: 0 }
      : undefined;
  app.changed();
};

/** Completes the name. @param {App} app @param {number} at */
const complete = (app, at) => {
  const { choices } = app;
  if (!choices) return;
  const area = app.find("textarea");
  area.setRangeText(choices.people[at].name + " ", choices.from, area.selectionStart, "end");
  written(app, area);
};

/** @param {App} app @param {KeyboardEvent} event */
const pressed = (app, event) => {
  const { key, shiftKey, isComposing, keyCode } = event;
  // An input method uses these keys itself. Safari tells of it by 229 alone.
  if (isComposing || keyCode === 229) return;
  const { choices } = app;
  if (choices) {
    const step = { ArrowDown: 1, ArrowUp: choices.people.length - 1 }[key];
    if (step) choices.at = (choices.at + step) % choices.people.length;
    else if (key === "Enter" || key === "Tab") complete(app, choices.at);
    else if (key === "Escape") app.choices = undefined;
    else return;
    app.changed();
  } else if (key === "Enter" && !shiftKey) submit(app);
  else if (key === "Escape" && (app.quote || app.editing)) concern(app);
  else return;
  event.preventDefault();
  event.stopPropagation();
};

/** @param {App} app */
export const composer = (app) => {
  const { quote, editing, choices } = app;
  const about = editing ?? quote;
  return h(
    "div.composer",
    null,
    choices &&
      h(
        "ul.choices.menu",
        { id: "choices", role: "listbox", "aria-label": app.say("mention") },
        ...choices.people.map(({ name }, at) =>
          h(
            "li.item",
            // The field keeps the focus.
            {
              id: "choice" + at,
              role: "option",
              "aria-selected": `${at === choices.at}`,
              onmousedown: (/** @type {Event} */ event) => event.preventDefault(),
              onclick: () => complete(app, at),
            },
            h("bdi", null, name),
          ),
        ),
      ),
    about &&
      h(
        "div.about",
        null,
        h(
          "span.lines",
          null,
          h("span.name", null, editing ? app.say("edit") : app.say("replyTo", { name: app.author(about.author) })),
          h("span.excerpt", { dir: "auto" }, about.text ?? app.say("image")),
        ),
        iconButton("close", app.say("cancel"), () => concern(app)),
      ),
    h(
      "div.field",
      null,
      h("textarea.input", {
        // A draft belongs to one conversation.
        key: app.key,
        rows: "1",
        dir: "auto",
        enterkeyhint: "send",
        "aria-label": app.say("write"),
        placeholder: app.say("write"),
        "aria-autocomplete": "list",
        "aria-controls": choices && "choices",
        "aria-activedescendant": choices && "choice" + choices.at,
        onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(app, event),
        oninput: (/** @type {any} */ { target }) => written(app, target),
      }),
      iconButton("send", app.say(editing ? "edit" : "send"), () => submit(app)),
    ),
  );
};

/**
 * What one element shows and does: its client, the open conversation, and what the user is about to do in it.
 *
 * @import { Client, Conversation, Id, Member, Message, Target } from "../types.js"
 * @import { Many } from "./dom.js"
 * @import { StringName } from "./text.js"
 *
 * @typedef {object} Item one line of a menu
 * @property {string} label
 * @property {() => unknown} run
 * @property {boolean} [danger] asks once more
 *
 * @typedef {object} Menu
 * @property {Item[]} items
 * @property {Message<any>} [message] the one that it belongs to: then it offers reactions
 * @property {HTMLElement} trigger has the focus again when it closes
 * @property {Item} [sure] was chosen once
 */

import { write } from "./composer.js";
import { h, patch } from "./dom.js";
import { panel, popup } from "./panel.js";
import { arrived, measure, settle } from "./scroll.js";
import { STRINGS, fill, has, times } from "./text.js";
import { same } from "../tools.js";

/** A short loss of the connection is not worth a word. In ms. */
const PATIENCE = 800;
/** So many users of the inbox have their presence shown; a client may watch 100. */
const WATCHED = 60;

export class App {
  /** @type {Client<any> | undefined} */
  client;
  /** Whose conversation is open. @type {Target | undefined} */
  target;
  /** @type {Conversation<any> | undefined} */
  conversation;
  /** Words that the page put in the place of ours. @type {Partial<Record<StringName, string>>} */
  strings = {};
  time = times(undefined);
  /** Whether the popup is open. */
  isOpen = false;
  /** @type {Menu | undefined} */
  menu;
  /** The message that is replied to. @type {Message<any> | undefined} */
  quote;
  /** The message that is edited. @type {Message<any> | undefined} */
  editing;
  /** Who may be meant by the `@…` before the caret. @type {{ from: number, people: { id: Id, name: string }[], at: number } | undefined} */
  choices;
  /** What was written and not sent, by conversation. @type {Map<string, string>} */
  drafts = new Map();
  /** @type {Member[] | undefined} */
  members;
  /** The position up to which messages were noticed here; nothing before the first load. @type {number | undefined} */
  heard;
  /** The position of the first unread message. @type {number | undefined} */
  mark;
  /** Whether the messages behind the mark were seen. */
  isMarkSeen = false;
  /** How many messages came while the newest was out of sight. */
  fresh = 0;
  /** Whether the newest message is in sight. */
  isAtEnd = true;
  /** Whether the element is on the part of the page that the user sees. */
  isInSight = true;
  /** Whether the client was live once. */
  wasLive = false;
  /** Whether to speak of the connection. */
  isAway = false;
  /** For screen readers. */
  said = "";
  /** An error that the user has to know of. */
  notice = "";

  /** What takes back the subscriptions to the client. @type {(() => void)[]} */
  #ends = [];
  /** The same for the conversation. @type {(() => void)[]} */
  #chatEnds = [];
  #isDue = false;
  #watched = "";
  #unwatch = () => {};
  /** @type {any} */
  #away;
  /** @type {any} */
  #field;

  /** @param {HTMLElement & { mode: string }} host @param {ShadowRoot} root */
  constructor(host, root) {
    this.host = host;
    this.root = root;
  }

  get me() {
    return this.client?.get().user;
  }

  /** Whether the conversation is the only one that this element shows. */
  get isFixed() {
    return this.host.mode === "chat" || (this.host.mode === "popup" && (this.host.hasAttribute("user") || this.host.hasAttribute("topic")));
  }

  /** Words. @param {StringName} name @param {Record<string, unknown>} [values] */
  say = (name, values) => fill(this.strings[name] ?? STRINGS[name], values);

  /** A part of the element. @param {string} selector @returns {any} */
  find = (selector) => this.root.querySelector(selector);

  /** What the platform says about a user or topic, as far as it is known. @param {Target} target @returns {Record<string, any>} */
  profile = (target) => this.client?.profile(target) ?? {};

  /** What a user or topic is called. @param {Target} target @returns {string} */
  name = (target) => {
    const [id] = Object.values(target);
    const { username, name, title } = this.profile(target);
    return String(username ?? name ?? title ?? id);
  };

  /** The author of a message, as one is called here. @param {Id} id */
  author = (id) => (same(id, this.me) ? this.say("you") : this.name({ user: id }));

  /** Takes a client, and shows what it knows. @param {Client<any>} client */
  attach(client) {
    this.client = client;
    this.#ends = [
      client.subscribe(this.#stateChanged),
      client.inbox.subscribe(this.changed),
      client.presence.subscribe(this.changed),
      client.profiles.subscribe(this.changed),
      client.on("members", ({ target }) => {
        if (target && this.target && this.#keyOf(target) === this.#keyOf(this.target)) this.#loadMembers();
      }),
      client.start(),
    ];
    this.#stateChanged();
    if (this.target) this.show(this.target);
  }

  /** Lets the client go. */
  detach() {
    this.#leave();
    this.#unwatch();
    this.#watched = "";
    clearTimeout(this.#away);
    for (const end of this.#ends.splice(0)) end();
    this.client = undefined;
    this.wasLive = this.isAway = false;
  }

  /** @param {Target} target */
  #keyOf = (target) => String(Object.entries(target)[0]);

  /** Opens a conversation. @param {Target} target */
  show(target) {
    this.#leave();
    this.target = target;
    const { client } = this;
    if (!client) return;
    const conversation = (this.conversation = client.conversation(target));
    this.#chatEnds = [
      conversation.open(),
      conversation.subscribe(() => {
        arrived(this);
        this.changed();
      }),
      () => conversation.typing(false),
    ];
    if ("topic" in target) this.#loadMembers();
    arrived(this);
    this.draw();
  }

  /** Opens it again after an error. */
  again = () => this.target && this.show(this.target);

  /** Goes back to the inbox. */
  back = () => {
    const { target } = this;
    this.#leave();
    this.target = undefined;
    this.draw();
    this.find(target ? `[data-key="${CSS.escape(this.#keyOf(target))}"]` : ".entry")?.focus();
  };

  #leave() {
    for (const end of this.#chatEnds.splice(0)) end();
    this.keepDraft();
    this.conversation = this.members = this.heard = this.mark = this.menu = this.quote = this.editing = this.choices = undefined;
    this.fresh = 0;
    this.isAtEnd = true;
    this.notice = "";
  }

  /** Remembers what is written, until it is sent. */
  keepDraft() {
    const { target } = this;
    const text = this.find("textarea")?.value;
    if (target && text != null && !this.editing) this.drafts.set(this.#keyOf(target), text);
  }

  get draft() {
    return this.target ? (this.drafts.get(this.#keyOf(this.target)) ?? "") : "";
  }

  #loadMembers = async () => {
    const { conversation } = this;
    const { members } = (await conversation?.members.list().catch(() => undefined)) ?? {};
    if (conversation !== this.conversation) return;
    this.members = members;
    this.changed();
  };

  /** Whether one is not in the group. What is not known is no reason to say so. */
  get isOutside() {
    return !!this.members && this.members.length < 100 && !has(this.members.map(({ id }) => id), this.me);
  }

  /** Does what can fail, and says so. @param {Promise<unknown> | undefined} work */
  doing = async (work) => {
    try {
      await work;
    } catch (/** @type {any} */ error) {
      if (error.code !== "CLOSED") this.complain(this.say("wrong", { why: error.message }));
    }
  };

  /** @param {string} text */
  complain(text) {
    this.notice = text;
    this.changed();
  }

  /** Says something to screen readers. @param {string} text */
  announce(text) {
    // The same words again are only heard if something changes.
    this.said = text + (this.said === text ? "\u00a0" : "");
    this.changed();
  }

  #stateChanged = () => {
    const { state } = this.client?.get() ?? {};
    if (state === "live") {
      clearTimeout(this.#away);
      this.#away = undefined;
      this.wasLive = true;
      this.isAway = false;
    } else if (state === "refused" || state === "closed") this.isAway = true;
    else
      this.#away ??= setTimeout(() => {
        this.isAway = true;
        this.changed();
      }, PATIENCE);
    this.changed();
  };

  /** Draws what has changed, once for all changes of the same moment. */
  changed = () => {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (this.client) this.draw();
    });
  };

  /** Asks for the presence of those who are on the screen. */
  #watch() {
    const { client, target } = this;
    if (!client) return;
    /** @type {Id[]} */
    const users = target && "user" in target ? [target.user] : [];
    if (!this.isFixed) for (const { type, id } of client.inbox.get().entries.slice(0, WATCHED)) if (type === "user") users.push(id);
    if (users.join() === this.#watched) return;
    this.#watched = users.join();
    const end = client.watch(users);
    this.#unwatch();
    this.#unwatch = end;
  }

  /** Makes the element's nodes what they should be now. */
  draw() {
    const { root, host } = this;
    this.#watch();
    const focused = /** @type {HTMLElement | null} */ (root.activeElement);
    const before = measure(this);
    /** @type {Many[]} */
    const parts = [
      host.mode === "popup" ? popup(this) : panel(this),
      // Apart from the messages, because a list that is a live region would also read the history that is loaded above.
      h("div.sr", { "aria-live": "polite" }, this.said),
    ];
    patch(root, h("div", null, ...parts).children);
    // Each conversation has a field of its own, which begins with what was not sent.
    const field = this.find("textarea");
    if (field !== this.#field) write(this, this.draft);
    this.#field = field;
    settle(this, before);
    if (focused?.isConnected && root.activeElement !== focused) focused.focus();
  }
}

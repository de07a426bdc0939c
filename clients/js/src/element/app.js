/**
 * What one element shows and does: its client, the open conversation, and what the user is about to do in it.
 *
 * @import { Client, Conversation, ConversationView, Id, Member, Message, Target } from "../types.js"
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
import { STRINGS, fill, times } from "./text.js";
import { same } from "../tools.js";

/** A short loss of the connection is not worth a word. In ms. */
const PATIENCE = 800;
/** So many users of the inbox have their presence shown; a client may watch 100. */
const WATCHED = 60;

export class App {
  /** Nothing is drawn without one. @type {Client<any>} */
  client = /** @type {any} */ (undefined);
  /** Whose conversation is open. @type {Target | undefined} */
  target;
  /** The same as a text. */
  key = "";
  /** Whether it is that of a group. */
  isGroup = false;
  /** @type {Conversation<any>} */
  conversation = /** @type {any} */ (undefined);
  /** What is shown of it. @type {ConversationView<any>} */
  view = /** @type {any} */ (undefined);
  /** Words that the page put in the place of ours. @type {Partial<Record<StringName, string>>} */
  strings = {};
  time = times();
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
  /** What was written and not sent, by conversation. @type {Record<string, string>} */
  drafts = {};
  /** How messages were drawn, and of what. @type {WeakMap<object, any>} */
  rows = new WeakMap();
  /** Of the group, as far as they are known. @type {Member[]} */
  members = [];
  /** Whether one is not among them, as far as it is known. @type {boolean | undefined} */
  isOutside;
  /** The position up to which messages were noticed here; nothing before the first load. @type {number | undefined} */
  heard;
  /** The position of the first unread message. @type {number | undefined} */
  mark;
  /** How many messages were not seen yet. */
  fresh = 0;
  /** Whether the newest message is in sight. */
  isAtEnd = true;
  /** Whether the element is on the part of the page that the user sees. */
  isInSight = true;
  /** Whether to speak of the connection. */
  /** @type {any} */
  isAway;
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
    return this.client.get().user;
  }

  get isPopup() {
    return this.host.mode === "popup";
  }

  /** Whether the conversation is the only one that this element shows. */
  get isFixed() {
    return this.host.matches("[mode=chat], [mode=popup]:is([user], [topic])");
  }

  /** Whether that is the user of this element. @param {Id} id */
  isMe = (id) => same(id, this.me);

  /** Words. @param {StringName} name @param {Record<string, unknown>} [values] */
  say = (name, values) => fill(this.strings[name] ?? STRINGS[name], values);

  /** A part of the element. @param {string} selector @returns {any} */
  find = (selector) => this.root.querySelector(selector);

  /** Puts the focus where one writes. */
  focus = () => this.find("textarea")?.focus();

  /** What the platform says about a user or topic, as far as it is known. @param {Target} target @returns {Record<string, any>} */
  profile = (target) => this.client.profile(target) ?? {};

  /** What a user or topic is called. @param {Target} target */
  name = (target) => {
    const { username, name, title } = this.profile(target);
    return String(username ?? name ?? title ?? Object.values(target)[0]);
  };

  /** The author of a message, as one is called here. @param {Id} id */
  author = (id) => (this.isMe(id) ? this.say("you") : this.name({ user: id }));

  /** Takes a client, and shows what it knows. @param {Client<any>} client */
  attach(client) {
    this.client = client;
    this.#ends = [
      client.subscribe(this.#stateChanged),
      ...[client.inbox, client.presence, client.profiles].map(({ subscribe }) => subscribe(this.changed)),
      client.on("members", ({ target }) => keyOf(target) === this.key && this.#loadMembers()),
      client.start(),
    ];
    this.#stateChanged();
    this.again();
  }

  /** Lets the client go. */
  detach() {
    this.#leave();
    this.#unwatch();
    this.#watched = "";
    this.#away = this.isAway = clearTimeout(this.#away);
    for (const end of this.#ends) end();
    this.client = /** @type {any} */ (undefined);
  }

  /** Opens a conversation, or none. @param {Target} [target] */
  show(target) {
    this.#leave();
    this.target = target;
    this.key = keyOf(target);
    if (!this.client) return;
    if (target) {
      const conversation = (this.conversation = this.client.conversation(target));
      const heard = () => {
        arrived(this);
        this.changed();
      };
      this.#chatEnds = [conversation.open(), conversation.subscribe(heard), () => conversation.typing(false)];
      this.isGroup = "topic" in target;
      if (this.isGroup) this.#loadMembers();
      arrived(this);
    }
    this.draw();
  }

  /** Opens it once more. */
  again = () => this.show(this.target);

  /** Goes back to the inbox. */
  back = () => {
    const { key } = this;
    this.show();
    this.find(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };

  #leave() {
    for (const end of this.#chatEnds.splice(0)) end();
    this.conversation = this.view = /** @type {any} */ (undefined);
    this.heard = this.mark = this.menu = this.quote = this.editing = this.choices = this.isOutside = undefined;
    this.members = [];
    this.fresh = 0;
    this.isAtEnd = true;
    this.notice = this.said = "";
  }

  #loadMembers = async () => {
    const { conversation } = this;
    const answer = await conversation.members.list().catch(() => {});
    if (!answer || conversation !== this.conversation) return;
    this.members = answer.members;
    // Of a larger group only the first are known.
    this.isOutside = !answer.next && !this.members.some(({ id }) => this.isMe(id));
    this.changed();
  };

  /** Does what can fail, and says so. That one has left, and that one reads without being a member, is no failure. @param {Promise<unknown> | undefined} work */
  doing = (work) =>
    work?.catch(
      (error) => !/CLOSED|NOT_A_M/.test(error.code) && this.complain(this.say("wrong", { why: error.message })),
    );

  /** @param {string} text */
  complain(text) {
    this.notice = text;
    this.changed();
  }

  #stateChanged = () => {
    // `clearTimeout` answers undefined.
    if (this.client.get().state === "live") this.#away = this.isAway = clearTimeout(this.#away);
    else
      // Tries that fail meanwhile do not put it off.
      this.#away ??= setTimeout(() => {
        this.isAway = true;
        this.changed();
      }, PATIENCE);
    this.changed();
  };

  /** Draws what has changed, once for all changes of the same moment. */
  changed = () => {
    if (!this.#isDue)
      queueMicrotask(() => {
        this.#isDue = false;
        this.draw();
      });
    this.#isDue = true;
  };

  /** Asks for the presence of those who are on the screen. */
  #watch() {
    const { client, target } = this;
    const direct = client.inbox.get().entries.filter(({ type }) => type === "user");
    const users = direct.slice(0, WATCHED).map(({ id }) => id);
    if (target && "user" in target) users.push(target.user);
    if (users.join() === this.#watched) return;
    this.#watched = users.join();
    const end = client.watch(users);
    this.#unwatch();
    this.#unwatch = end;
  }

  /** Makes the element's nodes what they should be now. */
  draw() {
    const { root } = this;
    if (!this.client) return;
    this.#watch();
    this.view = this.conversation?.get();
    const focused = /** @type {HTMLElement | null} */ (root.activeElement);
    const before = measure(this);
    // What is said stands apart from the messages: a list that is a live region would also read the history that is loaded above.
    const all = h(
      "",
      null,
      this.isPopup ? popup(this) : panel(this),
      h("div.sr", { "aria-live": "polite" }, this.said),
    );
    patch(root, all.children);
    // Each conversation has a field of its own, which begins with what was not sent.
    const field = this.find("textarea");
    if (field !== this.#field) write(this, this.drafts[this.key]);
    this.#field = field;
    settle(this, before);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }
}

/** A target as a text. @param {Target} [target] */
const keyOf = (target) => String(Object.entries(target ?? {}));

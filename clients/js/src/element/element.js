/**
 * `<senna-chat>`: what a page says to the element, by attributes and properties.
 *
 * @import { Client, Options, Target } from "../types.js"
 * @import { StringName } from "./text.js"
 */

import { createClient } from "../index.js";
import { App } from "./app.js";
import { close, open } from "./panel.js";
import { scrolled } from "./scroll.js";
import { CHAT } from "./style-chat.js";
import { STYLE } from "./style.js";
import { times } from "./text.js";

/** Where there is no DOM, the module can be imported all the same, as when a server renders the page. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** One for all elements. A sheet that is made by a script is no inline style for a content-security policy. @type {CSSStyleSheet | undefined} */
let sheet;

/** Properties that a page may have set before the element was defined. */
const PROPERTIES = /** @type {const} */ (["client", "getToken", "strings", "target"]);

/**
 * A chat on a page.
 *
 * | attribute | what |
 * | --- | --- |
 * | `mode` | `inbox` (the default), `chat` (one conversation) or `popup` (a button in the corner) |
 * | `socket`, `api` | the addresses of the service, if it has no `client` |
 * | `token`, `token-url` | a token, for tries; or an address of the page's own server that answers `{"token": "…"}` |
 * | `user`, `topic` | the conversation to open |
 * | `theme` | `light` or `dark`; without it as the user's system is |
 * | `lang`, `dir` | as everywhere in HTML |
 *
 * Events: `senna-open` before a conversation of the inbox is opened; `detail` is its target. Who calls `preventDefault()` shows it elsewhere.
 */
export class SennaChat extends Base {
  static observedAttributes = ["api", "lang", "mode", "socket", "token", "token-url", "topic", "user"];

  /** @type {App} */
  #app;
  /** The client that the page gave. @type {Client<any> | undefined} */
  #given;
  /** The client that the element made. @type {Client<any> | undefined} */
  #own;
  /** @type {Options["getToken"] | undefined} */
  #getToken;
  #isDue = false;
  /** What goes on while it stands on a page. @type {(() => void)[]} */
  #ends = [];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE + CHAT);
    }
    root.adoptedStyleSheets = [sheet];
    this.#app = new App(this, root);
  }

  connectedCallback() {
    for (const name of PROPERTIES)
      if (Object.hasOwn(this, name)) {
        /** @type {any} */
        const self = this;
        const value = self[name];
        delete self[name];
        self[name] = value;
      }
    const app = this.#app;
    const resized = new ResizeObserver(() => scrolled(app));
    resized.observe(this);
    const inSight = new IntersectionObserver((seen) => {
      app.isInSight = !!seen.at(-1)?.isIntersecting;
      app.changed();
    });
    inSight.observe(this);
    document.addEventListener("visibilitychange", app.changed);
    // `load` does not bubble: pictures that arrive move what is below them.
    const loaded = () => scrolled(app);
    app.root.addEventListener("load", loaded, true);
    this.#ends = [
      () => resized.disconnect(),
      () => inSight.disconnect(),
      () => document.removeEventListener("visibilitychange", app.changed),
      () => app.root.removeEventListener("load", loaded, true),
    ];
    this.#changed();
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
    // Connected again in the same breath, it was only moved: the client stays connected for that long.
    if (this.#app.client) this.#app.detach();
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    const app = this.#app;
    if (name === "user" || name === "topic") {
      if (value != null) app.show(/** @type {Target} */ ({ [name]: value }));
      else if (app.target && name in app.target) app.show();
    } else if (name === "socket" || name === "api") this.#renew();
    else if (name.startsWith("token") && this.#own?.get().state === "refused") this.#own.start()();
    this.#changed();
  }

  /** `inbox`, `chat` or `popup`. */
  get mode() {
    return this.getAttribute("mode") ?? "inbox";
  }

  /** Returns a token of the user, as the client's option of this name. @returns {Options["getToken"] | undefined} */
  get getToken() {
    return this.#getToken;
  }
  set getToken(getToken) {
    this.#getToken = getToken;
    this.#changed();
  }

  /**
   * The client that it uses: one that the page gave, which several elements can share, or the element's own. The page closes its own.
   *
   * @returns {Client<any> | undefined}
   */
  get client() {
    return this.#given ?? this.#own;
  }
  set client(client) {
    this.#renew();
    this.#given = client ?? undefined;
    this.#changed();
  }

  /** Words in the place of ours; see `STRINGS`. @returns {Partial<Record<StringName, string>>} */
  get strings() {
    return this.#app.strings;
  }
  set strings(strings) {
    this.#app.strings = strings ?? {};
    this.#app.changed();
  }

  /** The conversation that is open. @returns {Target | undefined} */
  get target() {
    return this.#app.target;
  }
  set target(target) {
    this.#app.show(target ?? undefined);
  }

  /** Opens the popup, and a conversation. @param {Target} [target] */
  open(target) {
    if (target) this.#app.show(target);
    open(this.#app);
  }

  /** Closes the popup. */
  close() {
    if (this.#app.isOpen) close(this.#app);
  }

  /** Puts the caret where one writes. */
  focus() {
    this.#app.find("textarea, .entry, button")?.focus();
  }

  /** The client does not fit any more. */
  #renew() {
    if (this.#app.client) this.#app.detach();
    this.#own?.close();
    this.#own = undefined;
  }

  /** Asks where the page said. @type {Options["getToken"]} */
  #ask = async (why, signal) => {
    if (this.#getToken) return this.#getToken(why, signal);
    const url = this.getAttribute("token-url");
    if (!url) return this.getAttribute("token");
    const response = await fetch(url, { signal, credentials: "include", cache: "no-store" });
    const { status, ok } = response;
    if (status === 401 || status === 403) return;
    if (!ok) throw new Error(`${url} answered ${status}`);
    return (await response.json()).token;
  };

  /** Takes what the page has said up to now, once it has said all. */
  #changed() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.isConnected) return;
      const app = this.#app;
      const [socket, api] = [this.getAttribute("socket"), this.getAttribute("api")];
      const isKnown = this.#getToken || this.hasAttribute("token") || this.hasAttribute("token-url");
      if (!this.client && socket && api && isKnown) this.#own = createClient({ socket, api, getToken: this.#ask });
      app.time = times(/** @type {HTMLElement | null} */ (this.closest("[lang]"))?.lang || undefined);
      if (this.client && app.client !== this.client) app.attach(this.client);
      else app.draw();
    });
  }
}

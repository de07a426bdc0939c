/** Defines `<senna-chat>`: `senna-chat/element`. */

import { SennaChat } from "./element.js";

// A page may load the module twice, from two places.
if (globalThis.customElements && !customElements.get("senna-chat")) customElements.define("senna-chat", SennaChat);

export { SennaChat };
export { STRINGS } from "./text.js";

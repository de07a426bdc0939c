/**
 * A small renderer: descriptions of nodes in, changed nodes out. What stays the same keeps its node, its focus and its place. Text only ever becomes
 * text nodes, and attributes are never parsed, so nothing that a user wrote can become markup.
 *
 * @typedef {{ name: string, props: Record<string, any>, children: Child[] }} Description
 * @typedef {Description | string | number} Child
 * @typedef {Child | Many[] | null | undefined | false | ""} Many
 */

/**
 * Describes a node.
 *
 * @param {string} name its tag and classes, as in `span.badge`. The classes are also its parts, so that a page can style each of them
 * @param {Record<string, any> | null} [props] those that begin with `on` are listeners, `key` tells siblings of one name apart, all others are attributes
 * @param {...Many} children
 * @returns {Description}
 */
export const h = (name, props, ...children) => ({
  name,
  props: props ?? {},
  children: /** @type {Child[]} */ (children.flat(9).filter((child) => child || child === 0)),
});

/** @param {any} node @param {Record<string, any>} props */
const dress = (node, props) => {
  const before = node.dressed ?? {};
  node.dressed = props;
  for (const name in { ...before, ...props }) {
    const value = props[name];
    if (value === before[name] || name === "key") continue;
    if (name.startsWith("on")) node[name] = value ?? null;
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (value == null || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
};

/**
 * Makes the children of a node what is described.
 *
 * @param {ParentNode} parent
 * @param {Child[]} children
 * @returns {void}
 */
export const patch = (parent, children) => {
  /** @type {Map<unknown, any>} */
  const nodes = new Map();
  /** How many there are of a name, so that thousands of links cost no more than each of them. @type {Record<string, number>} */
  const counts = {};
  const keys = children.map((child) => {
    if (typeof child !== "object") return;
    const name = child.name.split(".", 2) + (child.props.key ?? "");
    // A name begins with a letter, so that the number before it has an end.
    const key = (counts[name] = -~counts[name]) + name;
    nodes.set(key, undefined);
    return key;
  });
  for (const child of [...parent.childNodes]) {
    /** @type {any} */
    const node = child;
    if (nodes.has(node.key)) nodes.set(node.key, node);
    // What goes, goes first, so that what stays is not moved: a moved node loses its focus.
    else if (node.key) node.remove();
  }
  /** @type {any} */
  let at = parent.firstChild;
  children.forEach((child, index) => {
    const key = keys[index];
    let node = nodes.get(key);
    if (typeof child === "object") {
      const [tag, ...classes] = child.name.split(".");
      node ??= /svg|path/.test(tag)
        ? document.createElementNS("http://www.w3.org/2000/svg", tag)
        : document.createElement(tag);
      node.key = key;
      // What is described by the same object is as it was.
      if (node.child !== child) {
        node.child = child;
        const names = classes.join(" ") || null;
        dress(node, { class: names, part: names, ...child.props });
        patch(node, child.children);
      }
    } else {
      node = at?.nodeType === Node.TEXT_NODE ? at : document.createTextNode("");
      if (node.data !== "" + child) node.data = child;
    }
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  });
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
};

/** The lines of each icon, in a square of 24. */
const ICONS = {
  back: "M15 5l-7 7 7 7",
  chat: "M4 5h16v11H10l-6 4z",
  check: "M5 13l4 4L19 7",
  checks: "M2 13l4 4L16 7M11 16l1 1L22 7",
  close: "M6 6l12 12M18 6L6 18",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  down: "M12 5v14M5 12l7 7 7-7",
  mute: "M6 9a6 6 0 0 1 12 0c0 5 2 6 2 6H4s2-1 2-6M10 20h4M4 4l16 16",
  pin: "M9 4h6l-1 6 4 4H6l4-4zM12 14v6",
  send: "M12 19V5M5 12l7-7 7 7",
};

/** A picture that says nothing to who does not see it. @param {keyof typeof ICONS} name */
export const icon = (name) =>
  h("svg.icon." + name, { viewBox: "0 0 24 24", "aria-hidden": "true" }, h("path", { d: ICONS[name] }));

/**
 * A button that shows an icon alone.
 *
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {(event: any) => void} onclick
 * @param {Many} [more]
 */
export const iconButton = (name, label, onclick, more) =>
  h(`button.${name}.round`, { title: label, onclick }, icon(name), hidden(label), more);

/** A number, with its meaning for those who do not see it. @param {string | number} shown @param {string} said */
export const badge = (shown, said) => h("span.badge", null, shown, hidden(said));

/** Something goes on. */
export const dots = () => h("span.dots", null, h("i"), h("i"), h("i"));

/** Opens another page, which learns nothing of this one. @param {string} name @param {string | undefined} href @param {Child} child */
export const link = (name, href, child) =>
  h(name, { href, target: "_blank", rel: "noopener noreferrer nofollow" }, child);

/** Words for screen readers alone. @param {string} text */
export const hidden = (text) => h("span.sr", null, text);

/**
 * The arrows go from one of a list to the next.
 *
 * @param {string} selector
 * @param {KeyboardEvent} event
 */
export const arrows = (selector, event) => {
  const { key, target, currentTarget } = event;
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[key];
  const all = /** @type {any[]} */ ([.../** @type {Element} */ (currentTarget).querySelectorAll(selector)]);
  const at = all.indexOf(target);
  if (!step || at < 0) return;
  event.preventDefault();
  all[at + step]?.focus();
};

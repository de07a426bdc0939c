// The page of the local stack: two people side by side, what their sockets say, and switches for faults. It uses the very files of the package.
import { createClient } from "/src/index.js";
import "/src/element/index.js";

/** So many frames stay in the log. */
const KEPT = 200;

const $ = (selector) => document.querySelector(selector);
const log = $("#log");

/** Makes a node. Text stays text. */
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

// What the sockets say.

/** What a frame is about, in a few words. */
const summary = ({ event, action, data, result, error, ...frame }) => {
  if (error) return `error ${error.status} ${error.code ?? ""}`;
  if (action)
    return [action, frame.target && `${frame.target}/${frame.target_id}`, frame.text ?? frame.reaction ?? frame.state]
      .filter(Boolean)
      .join(" ");
  if (event) return [event, data.entry?.text ?? data.user ?? data.id].filter((part) => part != null).join(" ");
  if (result)
    return [
      "ok",
      result.entry?.seq && `message ${result.entry.seq}`,
      result.recovered && "resumed",
      result.entries && `${result.entries.length} entries`,
      result.messages && `${result.messages.length} changes`,
    ]
      .filter(Boolean)
      .join(" · ");
  return "";
};

/** Shows a line. `kind` is `out`, `in`, `push`, `open` or `end`. */
const note = (person, kind, text, raw) => {
  const sign = { out: "↑", in: "↓", push: "⇣", open: "●", end: "○" }[kind];
  const time = new Date().toLocaleTimeString(undefined, { hour12: false });
  const line = make(
    "li",
    { class: kind },
    make("time", {}, time),
    make("b", { class: `p${person.index}` }, person.name),
    make("i", { "aria-hidden": "true" }, sign),
  );
  if (raw) line.append(make("details", {}, make("summary", {}, text), make("code", {}, raw)));
  else line.append(make("span", {}, text));
  log.prepend(line);
  while (log.children.length > KEPT) log.lastChild.remove();
};

/** A WebSocket that tells what goes through it. */
const telling = (person) =>
  class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("open", () => note(person, "open", "connected"));
      this.addEventListener("close", ({ code }) => note(person, "end", `connection ended (${code})`));
      this.addEventListener("message", ({ data }) => {
        const frame = JSON.parse(data);
        note(person, frame.event ? "push" : "in", summary(frame), data);
      });
    }
    send(data) {
      note(person, "out", summary(JSON.parse(data)), data);
      super.send(data);
    }
  };

// The people.

const STATES = {
  idle: "not connected",
  connecting: "connecting",
  loading: "resuming",
  live: "live",
  waiting: "waiting for the next try",
  refused: "signed out",
  closed: "closed",
};

/** A person's card: who it is, how the connection is, and the element. */
const card = (person, other, config) => {
  const client = createClient({
    socket: config.websocket,
    api: config.rest,
    getToken: () => person.token,
    WebSocket: telling(person),
    // This page cuts connections for sport: nobody wants to wait for half a minute after the tenth time.
    pace: { firstWait: 300, longestWait: 3000 },
  });
  person.client = client;
  const state = make("span", { class: "state" });
  const show = () => {
    const { state: now } = client.get();
    state.textContent = STATES[now];
    state.dataset.state = now;
  };
  client.subscribe(show);
  show();
  const element = make("senna-chat", { mode: "inbox" });
  element.client = client;
  element.target = { user: other.user };
  person.element = element;
  for (const topic of config.topics ?? [])
    client
      .conversation({ topic })
      .members.join()
      .catch(() => {});
  return make(
    "section",
    { class: "person", "aria-label": person.name },
    make("div", { class: "head" }, make("h2", { class: `p${person.index}` }, person.name), state),
    element,
  );
};

const wait = (ms) => new Promise((go) => setTimeout(go, ms));

/** A short conversation, so that there is something to look at. */
const talk = async ([one, other]) => {
  const [from, to] = [one.client.conversation({ user: other.user }), other.client.conversation({ user: one.user })];
  const lines = [
    [from, "Is the deployment done?"],
    [to, "Yes, ten minutes ago 🎉"],
    [to, "One stack, eighteen functions. The notes are at https://example.com/notes"],
    [from, "And if the network goes away now?"],
    [to, "Cut it and see. Whatever is written meanwhile arrives afterwards, once and in order."],
  ];
  for (const [by, text] of lines) {
    by.typing();
    await wait(500);
    by.send(text);
    await wait(350);
  }
  const { messages } = from.get();
  const last = messages.findLast(({ author }) => String(author) === String(other.user));
  if (last?.id) await from.react(last.id, "👍").catch(() => {});
};

// The faults.

const faults = async (fault, on) => {
  const said = $("#said");
  const response = await fetch("/faults", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault, on }),
  }).catch(() => undefined);
  if (response?.status === 404) {
    $("#faults").hidden = true;
    return;
  }
  if (!response?.ok) {
    said.textContent = "That fault can't be made now.";
    return;
  }
  const { faults = {} } = await response.json();
  for (const button of document.querySelectorAll("[role=switch]"))
    button.setAttribute("aria-checked", String(!!faults[button.dataset.fault]));
  said.textContent =
    { cut: "All connections were cut.", "kill-redis": "Redis is gone for three seconds." }[fault] ?? "";
};

$("#faults").addEventListener("click", ({ target }) => {
  const { fault } = target.dataset ?? {};
  if (fault) faults(fault, target.getAttribute("aria-checked") !== "true");
});

// The lines to copy.

const lines = (config) => {
  const [one, other] = config.people;
  const values = { ...config, token: one?.token, other: other?.user };
  const code = $("#code");
  const tabs = [...document.querySelectorAll("pre[data-tab]")].map((source, index) => {
    const { tab } = source.dataset;
    const text = source.textContent.replace(/\[\{(\w+)\}\]/g, (_, name) => values[name] ?? "");
    const button = make("button", { type: "button", role: "tab", id: `tab-${index}`, "aria-controls": "code" }, tab);
    const choose = () => {
      for (const one of tabs) {
        one.setAttribute("aria-selected", String(one === button));
        one.tabIndex = one === button ? 0 : -1;
      }
      code.textContent = text;
      code.setAttribute("aria-labelledby", button.id);
    };
    button.addEventListener("click", choose);
    return button;
  });
  $("#tabs").append(...tabs);
  $("#tabs").addEventListener("keydown", ({ key, target }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const next = step && tabs.at((tabs.indexOf(target) + step) % tabs.length);
    next?.focus();
    next?.click();
  });
  tabs[0].click();
};

const copied = async () => {
  const button = $("#copy");
  try {
    await navigator.clipboard.writeText($("#code").textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren($("#code"));
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
};

// Light and dark.

const themed = (isDark) => {
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  $("#theme").setAttribute("aria-pressed", String(isDark));
  for (const element of document.querySelectorAll("senna-chat"))
    element.setAttribute("theme", isDark ? "dark" : "light");
};

const start = async () => {
  const response = await fetch("/config.json");
  if (!response.ok) throw new Error(`/config.json answered ${response.status}`);
  const config = await response.json();
  const people = config.people.slice(0, 2);
  people.forEach((person, index) => Object.assign(person, { index, name: person.name ?? person.user }));
  $("#people").append(...people.map((person, index) => card(person, people[1 - index], config)));
  $("#faults").hidden = !config.faults;
  lines(config);
  $("#talk").addEventListener("click", () => talk(people));
  $("#clear").addEventListener("click", () => log.replaceChildren());
  $("#copy").addEventListener("click", copied);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", ({ matches }) => themed(matches));
  $("#theme").addEventListener("click", () => themed(document.documentElement.dataset.theme !== "dark"));
  themed(dark.matches);
};

start().catch((error) => {
  $("#trouble").textContent = `The page can't start: ${error.message}`;
});

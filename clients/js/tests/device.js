// The client as a device of the proof, which breaks everything around it (tests/proof). Several clients live in this process. Each line of standard
// input is an order in JSON, with a number; the answer is a line of standard output with the same number. It ends with its standard input.
//
// What is done and shown goes through the package's interface alone. What the proof has to know beside it, it hears on the wire, as the browser's
// network panel would: how often something was asked for, and what the answer was; the `WebSocket` and `fetch` that a client is given tell that.
import { connect, Socket } from "node:net";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { createClient } from "../src/index.js";

/** Frames that write. */
const WRITES = new Set(["send", "update", "delete", "read", "react"]);
/** Who has asked nothing for so long asks nothing more by itself but the next `sync`: the longest wait between two tries is shorter. */
const REST = 3500;
/** The pause between two of a client's own moods, in milliseconds. */
const MOODS = 4000;
/** How long a conversation is closed, in milliseconds. */
const CLOSED = 15_000;

const sleep = (ms) => new Promise((go) => setTimeout(go, ms));

/** A small generator of numbers, so that a seed decides what happens by chance here too. @param {number} seed */
const seeded = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** A connection where there is no network. */
const nowhere = () => {
  const socket = new Socket();
  setImmediate(() => socket.destroy(new Error("there is no network")));
  return socket;
};

class Device {
  /** Connections that have not ended, and what is known of each. */
  lines = new Set();
  /** Questions that have no answer yet: what is asked, by connection and number. */
  open = new Map();
  requests = 0;
  lastAsked = 0;
  /** When the last `hello` or `sync` was asked whose answer had no more to tell. */
  synced = 0;
  awayUntil = 0;
  /** The write that is under way. There is one at a time. */
  writing = undefined;
  tally = { connections: 0, recovered: 0, reloaded: 0, unknown: 0 };
  conversations = new Map();
  /** The members of topics that are shown, by topic: those that were loaded, and whether others are being loaded. */
  members = new Map();
  acting = true;

  constructor({ socket, api, token, pace, talks, watch, members }) {
    const device = this;
    this.pace = pace;
    this.events = new EventTarget();
    this.client = createClient({
      socket,
      api,
      getToken: () => token,
      WebSocket: class extends WebSocket {
        constructor(url, protocols) {
          let tcp;
          super(url, protocols, {
            createConnection: (options) => (tcp = device.isAway() ? nowhere() : connect({ ...options, path: undefined })),
          });
          device.watchLine(this, () => tcp.resetAndDestroy());
        }
        send(text) {
          super.send(text);
          device.asks(this, JSON.parse(text));
        }
      },
      fetch: (url, init) => device.fetch(url, init),
      events: this.events,
      pace,
      // Conversations that are closed for a while are forgotten at times.
      keep: { conversations: 4 },
    });
    this.showsMembers = members;
    if (watch) this.client.watch(watch);
    this.client.on("members", ({ target }) => this.loadMembers(target));
    this.client.on("error", ({ error }) => console.error(`a client of the proof: ${error?.stack ?? error}`));
    this.release = this.client.start();
    for (const target of talks) {
      const conversation = this.client.conversation(target);
      this.conversations.set(JSON.stringify(target), { conversation, close: conversation.open() });
      this.loadMembers(target);
    }
    this.haveMoods();
  }

  // What it hears on the wire.

  isAway = () => Date.now() < this.awayUntil;

  watchLine(line, cut) {
    const known = { line, cut, connection: undefined };
    this.lines.add(known);
    this.open.set(line, new Map());
    line.on("open", () => this.tally.connections++);
    line.on("close", () => {
      this.lines.delete(known);
      this.open.delete(line);
    });
    line.on("message", (text) => this.hears(known, JSON.parse(text)));
  }

  asks(line, frame) {
    const { id, action } = frame;
    const at = (this.lastAsked = Date.now());
    const write = WRITES.has(action) ? this.writing : undefined;
    this.open.get(line)?.set(id, { frame, at, write });
    if (write) write.attempts++;
  }

  hears(known, { id, result, error }) {
    const asked = this.open.get(known.line)?.get(id);
    if (!asked) return;
    this.open.get(known.line).delete(id);
    const { frame, at, write } = asked;
    if (error?.code === "CONNECTION_UNKNOWN") this.tally.unknown++;
    if (!result) return;
    if (frame.action === "hello" || frame.action === "sync") {
      if (frame.action === "hello") known.connection = result.connection_id;
      if (frame.since && frame.action === "hello" && result.recovered) this.tally.recovered++;
      if (frame.since && !result.recovered) this.tally.reloaded++;
      if (!result.more) this.synced = at;
    } else if (write) write.result = result;
  }

  async fetch(url, init) {
    if (this.isAway()) throw new TypeError("away");
    this.requests++;
    this.lastAsked = Date.now();
    if (init.method && this.writing) this.writing.attempts++;
    try {
      return await fetch(url, init);
    } finally {
      this.requests--;
      this.lastAsked = Date.now();
    }
  }

  /** Whether it waits for an answer. One that did not come in time is not waited for any more. */
  isAsking() {
    const since = Date.now() - this.pace.answer;
    return this.requests > 0 || [...this.open.values()].some((open) => [...open.values()].some(({ at }) => at > since));
  }

  // What users do beside writing: they close and open conversations, scroll back, type, wake their device, and turn it off.

  async haveMoods() {
    for (;;) {
      await sleep(Math.random() * MOODS);
      if (!this.acting) return;
      const all = [...this.conversations.values()];
      const one = all[Math.floor(Math.random() * all.length)];
      const mood = Math.random();
      if (mood < 0.3) {
        one.close?.();
        one.close = undefined;
        setTimeout(() => this.openAgain(one), Math.random() * CLOSED);
      } else if (mood < 0.5) one.conversation.older();
      else if (mood < 0.8) one.conversation.typing();
      else if (mood < 0.95) this.events.dispatchEvent(new Event("online"));
      else {
        this.release();
        await sleep(Math.random() * 2000);
        this.release = this.client.start();
      }
    }
  }

  openAgain(one) {
    one.close ??= one.conversation.open();
  }

  // Whose members are shown, which are loaded again when the client says so.

  async loadMembers({ topic }) {
    if (!this.showsMembers || topic == null) return;
    const shown = this.members.get(topic) ?? { owed: 0, loaded: 0, ids: [] };
    this.members.set(topic, shown);
    shown.owed++;
    if (shown.loading) return;
    shown.loading = true;
    while (shown.loaded < shown.owed) {
      const { owed } = shown;
      try {
        const { members } = await this.client.conversation({ topic }).members.list();
        shown.ids = members.map(({ id }) => id);
        shown.loaded = owed;
      } catch (error) {
        // Who has left may not look any more, and is told when that is over.
        console.error(`a client of the proof: members: ${error?.stack ?? error}`);
        break;
      }
    }
    shown.loading = false;
  }

  // What it is told to do.

  conversation(target) {
    return this.conversations.get(JSON.stringify(target)).conversation;
  }

  /** Sends, and waits until the client shows what became of it. */
  async send(conversation, { text, reply_to, mentions }, mine) {
    const { client_id } = conversation.send({ text, reply_to, mentions });
    const shown = await new Promise((resolve) => {
      const look = () => {
        const message = conversation.get().messages.find((one) => one.client_id === client_id);
        if (message?.delivery === "sending") return;
        stop();
        resolve(message);
      };
      const stop = conversation.subscribe(look);
      look();
    });
    if (shown?.delivery === "failed") {
      conversation.discard(client_id);
      throw shown.error;
    }
    const entry = mine.result?.entry;
    if (shown && entry && shown.id !== entry.id) mine.wrong = `a send is shown as ${shown.id} and answered as ${entry.id}`;
    if (!shown && !entry) mine.wrong = `a send has vanished: ${text}`;
    // Without an answer the client has found it in the conversation.
    if (!entry && shown) mine.result = { entry: { id: shown.id, seq: shown.seq } };
  }

  /** Does what a frame of this kind asks for, and answers when the client knows what became of it: with the service's own answer. */
  async write({ action, target, target_id, message_id, ...content }) {
    const conversation = this.conversation({ [target]: target_id });
    const mine = (this.writing = { attempts: 0 });
    let error;
    try {
      if (action === "send") await this.send(conversation, content, mine);
      else if (action === "update" && content.status) await conversation.read(message_id);
      else if (action === "update") await conversation.edit(message_id, content.text);
      else if (action === "delete") await conversation.delete(message_id);
      else if (action === "read") await conversation.read(content.up_to);
      else if (action === "react") await conversation.react(message_id, content.reaction, !content.remove);
      else if (action === "settings") mine.result = (await conversation.settings(content)) ?? {};
      else mine.result = await conversation.members[action]();
    } catch (reason) {
      error = { status: reason?.status ?? 0, code: reason?.code, message: String(reason?.message ?? reason) };
      if (mine.result) mine.wrong = `${action} was answered and has failed all the same: ${JSON.stringify(error)}`;
    }
    this.writing = undefined;
    return { attempts: mine.attempts, result: mine.result, error, wrong: mine.wrong };
  }

  /** Its network resets every connection, and is away for so long. */
  cut({ ms }) {
    this.awayUntil = Date.now() + ms;
    for (const { cut } of this.lines) cut();
    if (ms) setTimeout(() => this.events.dispatchEvent(new Event("online")), ms + 10);
    return {};
  }

  newest({ to, count }) {
    const stored = this.conversation(to).get().messages.filter(({ id }) => id);
    return { messages: stored.slice(-count).reverse().map(shape) };
  }

  /** Comes to rest: everything is open and loaded, the service has been asked for news since, and nothing is asked any more. */
  async rest() {
    this.acting = false;
    for (const one of this.conversations.values()) this.openAgain(one);
    const from = Date.now();
    this.events.dispatchEvent(new Event("online"));
    while (this.client.get().state !== "live" || this.synced < from) await sleep(50);
    for (let at = 0, all = [...this.conversations.values()]; at < all.length; ) {
      const view = all[at].conversation.get();
      if (view.error || (view.loaded && !view.more)) at++;
      else if (view.loaded) await all[at].conversation.older(100).catch(() => {});
      else await sleep(50);
    }
    while (this.isAsking() || Date.now() - this.lastAsked < REST) await sleep(50);
    return {};
  }

  view({ to }) {
    const { messages, entry, error } = this.conversation(to).get();
    const isIn = entry && !entry.left;
    if (isIn && error) console.error(`a client of the proof shows ${JSON.stringify(to)} with ${error.stack}`);
    return {
      messages: isIn ? messages.map(shape) : [],
      entry: isIn ? entry : undefined,
      members: isIn && this.members.has(to.topic) ? this.members.get(to.topic).ids : undefined,
    };
  }

  status() {
    const { state, unread } = this.client.get();
    const connections = [...this.lines].map(({ connection }) => connection).filter(Boolean);
    return { state, unread, connections, tally: this.tally };
  }
}

/** A message as the API has it. */
const shape = ({ seen, ...message }) => ({ ...message, status: seen ? "seen" : undefined });

const devices = new Map();
const orders = createInterface({ input: process.stdin });
orders.on("line", async (line) => {
  const { id, device, order, ...given } = JSON.parse(line);
  let answer;
  try {
    if (order === "seed") Math.random = seeded(given.seed);
    else if (order === "start") devices.set(device, new Device(given));
    else answer = await devices.get(device)[order](given);
  } catch (error) {
    answer = { failed: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify({ ...answer, id }) + "\n");
});
orders.on("close", () => process.exit());

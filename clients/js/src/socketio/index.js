/**
 * A transport for the official client of Socket.IO, 4.8 and newer: pages that were written for the Node.js server which Senna succeeds go on working.
 *
 * Nothing of Socket.IO goes over the network, and nothing of it is imported here: the client's packets are translated on the page.
 *
 * @import { Options } from "../types.js"
 */

import { LONGEST } from "../socket.js";
import { timers, uniqueId } from "../tools.js";
import { serve } from "./server.js";

/** The longest wait before another try, in ms. The client of Socket.IO gives up waiting after 20 s (its option `timeout`). */
const LONGEST_WAIT = 15e3;
/** A connection that lasted so long was good, in ms. */
const GOOD = 6e4;
/** No ping is ever due: questions without an answer tell that a connection is dead. Half of the longest time that `setTimeout` takes, in ms. */
const NEVER = 2 ** 30;

/**
 * Makes a transport for the option `transports` of Socket.IO's client.
 *
 * @param {Pick<Options, "socket" | "api" | "pace" | "WebSocket" | "fetch" | "events">} options as for `createClient`
 * @returns {new (options: any) => any}
 */
export const createTransport = ({
  socket,
  api,
  pace,
  WebSocket = globalThis.WebSocket,
  fetch = globalThis.fetch,
  events = globalThis,
}) => {
  /** Sessions live longer than transports: each connection has a new one. @type {Map<string, import("./session.js").Session>} */
  const sessions = new Map();
  /** How many connections in a row did not last. */
  let failures = 0;
  const times = { heartbeat: 48e4, answer: 1e4, wake: 3e3, gap: 1e3, firstWait: 500, longestWait: 3e4, ...pace };
  const service = { socket, api, WebSocket, fetch, events, pace: times };

  /** What `Socket` of engine.io-client 6.6 uses of its `Transport`. */
  class Transport {
    /** Whether it can send. */
    writable = false;
    /** @type {Map<string, Set<(given?: any) => void>>} */
    #listeners = new Map();
    #timers = timers(times);
    #since = Infinity;
    #server = serve(
      service,
      sessions,
      (packet) => this.#fire("packet", { type: "message", data: packet }),
      (why, wasOpen) => this.#ended(why, wasOpen),
    );

    /** @param {{ query: Record<string, string> }} options */
    constructor({ query }) {
      this.query = query;
    }

    get name() {
      return "senna";
    }

    /** @param {string} event @param {(given?: any) => void} listener */
    on(event, listener) {
      const all = this.#listeners.get(event) ?? new Set();
      this.#listeners.set(event, all.add(listener));
      return this;
    }

    /** @param {string} [event] */
    removeAllListeners(event) {
      if (event) this.#listeners.delete(event);
      else this.#listeners.clear();
      return this;
    }

    /** The service cannot say anything before it knows the token, so the open packet is made here. */
    open() {
      // The client's own wait never grows, because opening always works.
      const wait = failures && Math.random() * Math.min(LONGEST_WAIT, times.firstWait * 2 ** failures);
      this.#timers.later(wait, () => {
        if (!WebSocket) return this.#ended("there is no WebSocket here: give that of the package ws as the option WebSocket", false);
        this.writable = true;
        this.#since = Date.now();
        const data = { sid: uniqueId(), upgrades: [], pingInterval: NEVER, pingTimeout: NEVER - 1, maxPayload: LONGEST };
        this.#fire("packet", { type: "open", data: JSON.stringify(data) });
      });
      return this;
    }

    close() {
      this.#timers.clear();
      this.#server.close();
      return this;
    }

    /** @param {{ type: string, data?: any }[]} packets */
    send(packets) {
      this.writable = false;
      const batch = [...packets];
      // Not at once: a client that says its first word does not listen yet, and it first remembers how many packets it has sent.
      Promise.resolve().then(() => {
        for (const { type, data } of batch) if (type === "message") this.#server.take(data);
        this.writable = true;
        this.#fire("drain");
      });
    }

    /** @param {string} why @param {boolean} wasOpen */
    #ended(why, wasOpen) {
      failures = Date.now() - this.#since > GOOD ? 0 : failures + 1;
      // The client hands packets on a moment later, and must not hear of the end before.
      this.#timers.later(0, () => {
        if (wasOpen) this.#fire("close", { description: why });
        else this.#fire("error", Object.assign(new Error(why), { type: "TransportError" }));
      });
    }

    /** @param {string} event @param {any} [what] */
    #fire(event, what) {
      this.#listeners.get(event)?.forEach((listener) => listener(what));
    }
  }
  return Transport;
};

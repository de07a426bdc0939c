/**
 * The messages of one conversation that the service has not acknowledged: rule 5 of docs/clients.md. They are sent one after the other, so that they
 * are stored in their order, and none is lost when the conversation is loaded anew.
 *
 * @import { Content } from "./types.js"
 *
 * @typedef {{ at: number, content: any, view: any }} Unsent
 */

import { fault, uniqueId } from "./tools.js";

/** A retry key is remembered for a day. Later the same send would be another message. */
const LONGEST = 23 * 3600e3;

/** @param {Content} content @returns {any} */
export const bodyOf = (content) => (typeof content === "string" ? { text: content } : content);

/**
 * @param {(content: any, isWanted: () => boolean) => Promise<unknown>} write
 * @param {() => void} changed
 */
export const outbox = (write, changed) => {
  /** @type {Unsent[]} */
  let unsent = [];
  let busy = false;

  const flush = async () => {
    if (busy) return;
    busy = true;
    for (let next; (next = unsent.find(({ view }) => view.delivery === "sending")); ) {
      const one = next;
      try {
        await write(one.content, () => {
          if (Date.now() - one.at > LONGEST) throw fault("TOO_OLD");
          return unsent.includes(one);
        });
        drop(one.view.client_id);
      } catch (error) {
        one.view = { ...one.view, delivery: "failed", error };
        changed();
      }
    }
    busy = false;
  };

  /** @param {string} id */
  const drop = (id) => {
    unsent = unsent.filter(({ view }) => view.client_id !== id);
    changed();
  };

  return {
    views: () => unsent.map(({ view }) => view),
    size: () => unsent.length,
    /**
     * @param {Content} content
     * @param {unknown} metadata
     * @param {any} reply_to
     */
    send: (content, metadata, reply_to) => {
      const given = bodyOf(content);
      const epoch = Date.now();
      /** @type {any} */
      const whole = { type: given?.image ? "image" : "text", metadata, ...given, client_id: uniqueId() };
      const view = {
        ...whole,
        reply_to,
        timestamp: { epoch, iso: new Date(epoch).toISOString() },
        delivery: "sending",
        seen: false,
      };
      unsent.push({ at: epoch, content: whole, view });
      changed();
      flush();
      return view;
    },
    /** @param {string} id */
    retry: (id) => {
      const one = unsent.find(({ view }) => view.client_id === id && view.error);
      if (!one) return;
      one.at = Date.now();
      one.view = { ...one.view, delivery: "sending", error: undefined };
      changed();
      flush();
    },
    /** It was discarded, or has arrived. @param {string} id */
    drop,
  };
};

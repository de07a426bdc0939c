/**
 * One conversation: what goes on in it, and what an application holds of it.
 *
 * @import { Conversation, Id, Store } from "./types.js"
 *
 * @typedef {ReturnType<typeof import("./replica.js").unknown> & {
 *   key: string, target: any, where: { target: string, target_id: Id }, path: string, facade: Conversation<any>,
 *   opens: number, busy?: boolean, error?: any, typing: Map<string, { user: Id, until: number }>, typed: number,
 *   toRead?: any, reading?: Promise<void>, out: ReturnType<typeof outbox>,
 *   members?: Set<string>, changed: () => void, watchers: Set<unknown>, view: Store<any> }} Conversing
 */

import { bodyOf, outbox } from "./outbox.js";
import * as replicas from "./replica.js";
import { once, single, store, uniqueId } from "./tools.js";

/** How seldom one says to be typing: the service takes it every two seconds. */
const TYPING_EVERY = 3e3;

/** A message that is shown, or the newest one. @param {Conversing | undefined} one @param {string} [id] @returns {any} */
export const find = (one, id) =>
  one?.view
    .get()
    .messages.filter((/** @type {any} */ message) => message.seq && (!id || message.id === id))
    .at(-1);

/**
 * Makes conversations. What it is given is the client's.
 *
 * @param {ReturnType<typeof import("./rest.js").rest>} ask over REST
 * @param {(frame: any, isWanted?: () => boolean) => Promise<any>} write
 * @param {(frame: object) => unknown} signal asks without waiting for an answer, if there is a connection
 * @param {(work: () => Promise<any>) => Promise<any>} promise
 * @param {() => Promise<void>} sync
 * @param {(one: Conversing) => void} tend
 * @param {() => void} watch
 * @param {(one: Conversing, isWanted: () => boolean, before: string, count?: number) => Promise<any>} history
 * @param {(type: string, id: Id, isUsed?: boolean) => Conversing} at
 * @param {(key: string) => any} entryOf
 * @param {() => Id | undefined} me
 * @returns {(key: string, type: string, id: Id) => Conversing}
 */
export const conversing = (ask, write, signal, promise, sync, tend, watch, history, at, entryOf, me) => (key, type, id) => {
  const target = { [type]: id };
  const where = { target: type, target_id: id };
  const path = `/${type}/${encodeURIComponent(id)}`;
  /** Who writes is not known before the first connection. @param {object} unsent @returns {any} */
  const byMe = (unsent) => ({ ...unsent, author: me() });
  const [view, changed, watchers] = store(() => {
    const entry = entryOf(key);
    return {
      messages: [...replicas.shown(one, me(), target.user), ...one.out.views().map(byMe)],
      loaded: one.loaded,
      more: one.before != null,
      typing: [...one.typing.values()].filter(({ until }) => until > Date.now()).map(({ user }) => user),
      unread: entry?.unread ?? 0,
      entry,
      reads: one.reads,
      error: one.error,
    };
  });

  // What an application holds. It finds the conversation at each call, so it is good as long as the client, whatever was forgotten.
  const the = () => at(type, id);
  /** @param {string} action @param {object} more */
  const change = (action, more) => write({ action, ...where, ...more });
  /** @param {string} method @param {object} [body] @returns {(user: Id) => Promise<any>} */
  const member = (method, body) => (user) =>
    promise(() => ask(`${path}/members/${encodeURIComponent(user)}`, undefined, method, body));
  /** @type {Conversation<any>} */
  const facade = {
    target: /** @type {any} */ (target),
    get: () => the().view.get(),
    subscribe: (listener) => the().view.subscribe(listener),
    open: () => {
      const one = at(type, id, true);
      one.opens++;
      one.error = undefined;
      tend(one);
      watch();
      return once(() => {
        one.opens--;
        at(type, id, true);
        watch();
      });
    },
    older: (count) => {
      const one = the();
      return single(promise, one, "paging", async () => {
        const { age, before } = one;
        const isWanted = () => age === one.age;
        if (before == null) return;
        const more = await history(one, isWanted, before, count);
        if (more && isWanted()) replicas.older(one, more);
        one.changed();
        tend(one);
      });
    },
    send: (content, metadata) => {
      const one = the();
      one.typed = 0;
      const id = bodyOf(content)?.reply_to;
      const quoted = id && find(one, id);
      return byMe(one.out.send(content, metadata, quoted && { ...quoted, excerpt: replicas.excerptOf(quoted) }));
    },
    retry: (clientId) => the().out.retry(clientId),
    discard: (clientId) => the().out.drop(clientId),
    edit: (message_id, content) =>
      change("update", {
        message_id,
        ...bodyOf(content),
        client_id: uniqueId(),
      }),
    delete: (message_id) => change("delete", { message_id }),
    read: (up_to) => {
      const one = the();
      // The newest message that is known here, by its id. Newer ones may be stored before the request arrives, and nobody has seen them.
      const last = find(one, up_to) ?? { id: up_to };
      if (!(last.seq <= one.toRead?.seq)) one.toRead = last;
      // One request at a time. Of the calls that come meanwhile, the one with the newest message counts.
      return single(promise, one, "reading", async () => {
        for (let next; (next = one.toRead); ) {
          const { id, seq } = next;
          one.toRead = undefined;
          // What is known to be read is not asked for again.
          if (!(seq <= one.reads[me() ?? ""]))
            await change("read", { up_to: id }).catch((error) => {
              if (!seq || error.status !== 404) throw error;
              // The store has lost a message that is shown here, so the conversation is loaded anew.
              replicas.forget(one);
              tend(one);
            });
        }
      });
    },
    react: (message_id, reaction, on = true) => change("react", { message_id, reaction, remove: !on }),
    typing: (on = true) => {
      const one = the();
      const now = Date.now();
      const isDue = on ? now - one.typed > TYPING_EVERY : one.typed;
      if (isDue && signal({ action: "typing", ...where, state: on ? "start" : "stop" })) one.typed = on ? now : 0;
    },
    settings: (wish) =>
      promise(async () => {
        await ask(path + "/settings", undefined, "PUT", wish);
        // Settings count in the order of the cursor, in which this answer has no place.
        await sync();
      }),
    members: {
      list: (after) =>
        promise(async () => {
          const query = after == null ? "" : "&after=" + encodeURIComponent(after);
          const answer = await ask(path + "/members?limit=100" + query);
          const one = the();
          for (const { id, read } of answer.members) {
            (one.members ??= new Set()).add("" + id);
            replicas.hasRead(one, id, read.seq);
          }
          one.changed();
          return answer;
        }),
      join: () => member("PUT")("me"),
      leave: () => member("DELETE")("me"),
      add: (user, role) => member("PUT", { role })(user),
      remove: member("DELETE"),
    },
  };

  /** @type {Conversing} */
  const one = Object.assign(replicas.unknown(), {
    key,
    target,
    where,
    path,
    facade,
    opens: 0,
    typing: new Map(),
    typed: 0,
    out: outbox((content, isWanted) => write({ action: "send", ...where, ...content }, isWanted), changed),
    changed,
    watchers,
    view,
  });
  return one;
};

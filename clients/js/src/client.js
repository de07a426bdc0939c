/**
 * The client: what it does when, and what an application sees of it. What it knows is in `replica.js` and `inbox.js`.
 *
 * @import { Client, Conversation, Event, EventName, Id, Options, Presence, Profile, State } from "./types.js"
 * @import { Connection } from "./socket.js"
 *
 * @typedef {ReturnType<typeof import("./replica.js").unknown> & {
 *   key: string, target: any, where: { target: string, target_id: Id }, path: string, facade: import("./types.js").Conversation<any>,
 *   opens: number, busy: boolean, error?: any, typing: Map<string, { user: Id, cancel: () => void }>, typed: number,
 *   asked: number, toRead?: { up_to?: string }, reading?: Promise<void>,
 *   out: ReturnType<typeof outbox>, changed: () => void, watchers: Set<unknown>, view: import("./types.js").Store<any> }} Conversing a conversation, and what goes on in it
 */

import * as boxes from "./inbox.js";
import { bodyOf, outbox } from "./outbox.js";
import * as replicas from "./replica.js";
import { rest } from "./rest.js";
import { dial } from "./socket.js";
import { REFUSED, tokens } from "./token.js";
import { failure, fault, isPassing, once, same, store, tell, timers, uniqueId } from "./tools.js";

/** Who said to be typing types for so long, unless more is heard. */
const TYPING_LASTS = 6e3;
/** How seldom one says to be typing: the service takes it every two seconds. */
const TYPING_EVERY = 3e3;
/** Who is so many messages behind loads a conversation anew. */
const FAR = 500;
/** Cursors of so many frames are remembered, by which one that comes twice is known. */
const REMEMBERED = 200;
/** `resume` follows a freeze. */
const WAKING = ["visibilitychange", "pageshow", "resume", "online"];
/** What the answer to an own write tells, as others are told of it. @type {Record<string, string>} */
const TOLD = { send: "new", delete: "deleted", read: "read" };

/**
 * Makes a client of one user.
 *
 * @template [M=unknown]
 * @param {Options} options
 * @returns {Client<M>}
 */
export const createClient = (options) => {
  const pace = {
    heartbeat: 48e4,
    answer: 1e4,
    wake: 3e3,
    gap: 1e3,
    firstWait: 500,
    longestWait: 3e4,
    renew: 66e5,
    ...options.pace,
  };
  const { page = 30, keep: { conversations = 20 } = {}, events = globalThis } = options;
  const { later, pause, clear } = timers(pace);
  const token = tokens(options.getToken, pace.longestWait, later);
  const box = boxes.inbox();

  /** @type {State} */
  let state = "idle";
  /** @type {Id | undefined} */
  let me;
  let starts = 0;
  let failures = 0;
  /** Attempts to connect have numbers: what comes late of an older one is dropped. */
  let attempt = 0;
  let trying = false;
  /** The connection in use. @type {Connection | undefined} */
  let line;
  /** One that is to take its place. @type {Connection | undefined} */
  let trial;
  let syncing = false;
  let syncOwed = false;
  let woke = 0;
  /** What cancels the next attempt, renewal, `sync` and `watch`. @type {Record<string, () => void>} */
  const plans = {};
  /** Who waits for a connection. @type {(() => void)[]} */
  let waiting = [];
  /** What rejects promises that will never be kept. @type {Set<(error: Error) => void>} */
  const pending = new Set();
  /** @type {Set<string>} */
  const heard = new Set();
  /** The least recently used ones first. @type {Map<string, Conversing>} */
  const records = new Map();
  /** @type {Map<string, Set<(event: Event) => void>>} */
  const listeners = new Map();
  /** @type {Record<string, Presence>} */
  let present = {};
  /** Lists of users whose presence somebody wants. @type {Set<readonly Id[]>} */
  const watched = new Set();
  /** @type {Record<string, Profile>} */
  let known = {};
  /** Keys of profiles that are to be asked for. @type {Set<string>} */
  const unknown = new Set();
  /** Keys of profiles that were. @type {Set<string>} */
  const asked = new Set();
  /** @type {WeakMap<object, any>} */
  const entryViews = new WeakMap();
  /** @type {any} */
  const works = {};

  const [own, ownChanged] = store(() => ({ state, user: me, unread: box.unread }));
  const [presence, presenceChanged] = store(() => present);
  const [profiles, profilesChanged] = store(() => known);
  const [list, listChanged] = store(() => ({
    entries: [...box.entries.values()]
      .filter(({ hidden, left }) => !hidden && !left)
      .sort((one, other) => +!!other.pinned - +!!one.pinned || other.timestamp.epoch - one.timestamp.epoch)
      .map(entryView),
    loaded: box.loaded,
    more: box.next != null,
  }));

  /** An entry with its profile: the same object until one of them changes. @param {any} entry */
  const entryView = (entry) => {
    const profile = profileOf(boxes.keyOf(entry));
    let view = entryViews.get(entry);
    if (!view || view.profile !== profile) {
      const { latest } = entry;
      view = { ...entry, profile, latest: latest && { ...latest, delivery: "sent", seen: latest.status === "seen" } };
      entryViews.set(entry, view);
    }
    return view;
  };

  /** @param {string} name @param {number} ms @param {() => void} then */
  const plan = (name, ms, then) => {
    plans[name]?.();
    plans[name] = later(ms, then);
  };

  /** @param {State} to */
  const turn = (to) => {
    if (state !== to) {
      state = to;
      ownChanged();
    }
  };

  /** @param {EventName} name @param {Event} event */
  const emit = (name, event) => listeners.get(name)?.forEach((listener) => tell(listener, event));

  /**
   * A promise for the application: it is rejected when the client is closed.
   *
   * @param {() => Promise<any>} work
   * @returns {Promise<any>}
   */
  const promise = (work) => {
    const kept = new Promise((resolve, reject) => {
      if (state === "closed") return reject(fault("CLOSED"));
      pending.add(reject);
      const end = () => pending.delete(reject);
      work().then(resolve, reject).then(end);
    });
    // Who does not look at it is not told by a crash.
    kept.catch(() => {});
    return kept;
  };

  /**
   * The same, for work of which there is only one at a time.
   *
   * @param {any} works
   * @param {string} name
   * @param {() => Promise<void>} work
   * @returns {Promise<void>}
   */
  const single = (works, name, work) =>
    (works[name] ??= promise(async () => {
      try {
        await work();
      } finally {
        works[name] = undefined;
      }
    }));

  /** A message that is shown, or the newest one. @param {Conversing | undefined} one @param {string} [id] @returns {any} */
  const find = (one, id) =>
    one?.view
      .get()
      .messages.filter((/** @type {any} */ message) => message.seq && (!id || message.id === id))
      .at(-1);

  // How it stays connected: rules 2 and 6.

  const connect = async () => {
    if (trying) return;
    trying = true;
    const mine = ++attempt;
    plans.connect?.();
    if (!line) turn("connecting");
    let bearer;
    try {
      bearer = await token.get();
    } catch (error) {
      if (mine !== attempt) return;
      if (error === REFUSED) return halt("refused");
      emit("error", { error });
      return again();
    }
    if (mine !== attempt) return;
    const c = dial(options.WebSocket ?? globalThis.WebSocket, options.socket, bearer, pace.answer, later, hear, ended);
    trial = c;
    // `ended` hears of it if it does not open, or does not last.
    if (!(await c.opened) || c !== trial) return;
    if (!line) turn("loading");
    if (!(await catchUp(c, "hello")) || c !== trial) return;
    if (line !== c) line?.leave();
    line = c;
    trial = undefined;
    trying = false;
    c.since = Date.now();
    token.good();
    turn("live");
    // Before API Gateway ends it, and before the token is over; not all clients at once.
    const left = token.left();
    plan("renew", Math.min(pace.renew * (1 - Math.random() / 10), left > 0 ? left : Infinity), connect);
    waiting.splice(0).forEach((go) => go());
    for (const one of records.values()) one.error = undefined;
    tendAll();
    watch();
  };

  /** Tries again later. The wait grows until a connection has lasted. */
  const again = () => {
    trying = false;
    if (!line) turn("waiting");
    plan("connect", Math.random() * Math.min(pace.longestWait, pace.firstWait * 2 ** ++failures), connect);
  };

  /** @param {Connection} c */
  const ended = async (c) => {
    const isTrial = c === trial;
    if (c === line) {
      line = undefined;
      if (Date.now() - c.since > pace.longestWait) failures = 0;
      if (trying && !isTrial) turn("connecting");
    } else if (!isTrial) return;
    if (isTrial) {
      trial = undefined;
      const mine = ++attempt;
      // A browser does not tell why a handshake failed.
      if (!(await c.opened)) await ask("", () => false).catch(() => {});
      if (mine === attempt) again();
    } else if (!trying) again();
  };

  /** Ends all that goes on. @param {State} as */
  const halt = (as) => {
    if (state === "closed") return;
    attempt++;
    trying = false;
    for (const name in plans) plans[name]();
    line?.end();
    trial?.end();
    line = trial = undefined;
    listen("remove");
    turn(as);
  };

  /** The service does not take a token. True if that is the end. @param {string} bearer */
  const refused = (bearer) => {
    const end = token.refuse(bearer);
    if (end) halt("refused");
    return end;
  };

  const ask = rest(
    options.api,
    options.fetch ?? globalThis.fetch,
    token,
    pace.answer,
    { later, pause },
    refused,
  );

  /** The page or device may have slept: what is open may be dead. @param {globalThis.Event} event */
  const wake = ({ type }) => {
    const now = Date.now();
    // These events come in bunches.
    if ((type === WAKING[0] && globalThis.document?.hidden) || now - woke < pace.wake) return;
    woke = now;
    if (state === "waiting") connect();
    else if (state === "live" && line) catchUp(line, "sync", pace.wake);
  };

  /** @param {"add" | "remove"} how */
  const listen = (how) => {
    // Captured, because not all of them bubble.
    for (const kind of WAKING) events?.[`${how}EventListener`]?.(kind, wake, true);
  };

  /** A question over a connection. @param {Connection} c @param {object} frame @param {number} [within] */
  const say = async (c, frame, within) => {
    const answer = (await c.ask(frame, within)) ?? {};
    const { status, code } = answer.error ?? {};
    if (status === 401) refused(c.token);
    if (status === 401 || code === "CONNECTION_UNKNOWN") c.lost();
    return answer;
  };

  /**
   * Rule 2: brings the inbox up to date. False if it did not; then it has ended the connection.
   *
   * @param {Connection} c
   * @param {string} [action]
   * @param {number} [within]
   */
  const catchUp = async (c, action = "sync", within) => {
    box.held++;
    const before = [...box.links];
    try {
      for (let tries = 0; !c.dead; ) {
        const { result, error } = await say(c, { action, since: boxes.since(box) }, within);
        if (c.dead) break;
        if (!result) {
          if (error?.status === 400) boxes.forgetAll(box);
          else if (error ? isPassing(error) : !within && !tries) {
            await pause(++tries);
            continue;
          }
          c.lost();
          break;
        }
        if (me != null && !same(me, result.user)) {
          // Nothing of one user is shown to another, or sent as another.
          emit("error", { error: fault("OTHER_USER") });
          halt("refused");
          break;
        }
        me = result.user;
        if (result.recovered) {
          boxes.caughtUp(box, result, before);
          entriesCame(result.entries);
        } else {
          boxes.forgetAll(box, result.cursor);
          heard.clear();
          for (const one of records.values()) replicas.forget(one);
        }
        if (!line) line = c;
        if (c === line) tendAll();
        action = "sync";
        tries = 0;
        if (result.more) continue;
        if (!box.loaded) {
          const first = await ask("/list?per_page=" + page, () => !c.dead);
          if (c.dead) break;
          boxes.listed(box, first);
          entriesCame(first.entries);
          tendAll();
        }
        plan("beat", pace.heartbeat, sync);
        return true;
      }
    } catch (error) {
      emit("error", { error });
      c.lost();
    } finally {
      box.held--;
      follow();
    }
    return false;
  };

  /** Says `sync`, one at a time. */
  const sync = async () => {
    syncOwed = true;
    if (syncing) return;
    syncing = true;
    while (syncOwed && line && state === "live") {
      syncOwed = false;
      await catchUp(line);
    }
    syncing = false;
  };

  // What it hears: rules 1, 3 and 4.

  /** Rule 4: moves the cursor along what was pushed. */
  const follow = () => {
    if (boxes.follow(box, me)) sync();
    ownChanged();
    listChanged();
  };

  /** Entries tell of revisions, of read positions, and of users. @param {any[]} entries */
  const entriesCame = (entries) => {
    for (const entry of entries) {
      const one = records.get(boxes.keyOf(entry));
      learn(entry.type, entry[entry.type]);
      if (one) {
        one.heard = Math.max(one.heard, entry.rev);
        if (me != null) replicas.hasRead(one, me, entry.read.seq);
        one.changed();
      }
    }
  };

  /** A pushed frame, or the answer to an own write in its shape. @param {any} frame @param {boolean} [mine] */
  const hear = (frame, mine) => {
    const { event, data, cursor } = frame;
    if (cursor) {
      if (heard.has(cursor)) return;
      heard.add(cursor);
      for (const oldest of heard) if (heard.size > REMEMBERED) heard.delete(oldest);
    }
    const { state: at, user } = data;
    const key = at?.inbox_key;
    const one = records.get(key);
    if (event === "presence") cameOrWent([data]);
    else if (/^typing/.test(event)) one && types(one, user, event === "typing.start");
    else if (key) {
      if (one) took(one, event, data);
      if (cursor || at.rev) {
        box.links.add(frame);
        follow();
        if (box.links.has(frame)) later(pace.gap, () => boxes.isMissed(box, frame) && sync());
      }
      one?.changed();
    }
    if (mine) return;
    const of = key && { target: { [key.split("-", 1)]: key.replace(/^\w+-/, "") } };
    emit(event, { ...data, ...of });
    if (/^member/.test(event)) emit("members", of);
  };

  /** What a frame says of its conversation. @param {Conversing} one @param {string} event @param {any} data */
  const took = (one, event, { state: { rev, prev_rev }, entry, user, read }) => {
    const isMessage = /^message/.test(event);
    if (isMessage && entry?.author != null) types(one, entry.author, false);
    // Of one that is not loaded, its loading will tell.
    if (one.loaded || one.busy) {
      if (read) replicas.hasRead(one, user, read.seq);
      else if (isMessage && entry) replicas.take(one, entry, entry.rev ?? rev);
      const link = rev && replicas.linked(one, prev_rev, rev);
      if (link)
        later(pace.gap, () => {
          if (replicas.isGap(one, link)) tend(one);
        });
    }
    if (isMessage) arrived(one, [entry]);
    tend(one);
  };

  /** Own messages that were sent are not unsent any more. @param {Conversing} one @param {any[]} messages */
  const arrived = (one, messages) => {
    for (const message of messages) if (message?.client_id && same(message.author, me)) one.out.drop(message.client_id);
  };

  /** @param {Conversing} one @param {Id} user @param {boolean} on */
  const types = (one, user, on) => {
    const name = String(user);
    const before = one.typing.get(name);
    if (same(user, me) || (!on && !before)) return;
    before?.cancel();
    one.typing.delete(name);
    if (on) one.typing.set(name, { user, cancel: later(TYPING_LASTS, () => types(one, user, false)) });
    one.changed();
  };

  /** @param {any[]} entries */
  const cameOrWent = (entries) => {
    for (const { id, online, last_active } of entries) present = { ...present, [id]: { online, last_active } };
    presenceChanged();
  };

  /** Rule 3: brings a conversation that is shown up to date. @param {Conversing} one */
  const tend = async (one) => {
    if (one.busy) return;
    one.busy = true;
    for (let tries = 0; line && isShown(one) && !one.error && (!one.loaded || one.heard > one.rev); ) {
      const { age, loaded, rev, heard } = one;
      const isWanted = () => age === one.age && isShown(one);
      try {
        if (loaded && one.messages.size && box.entries.get(one.key)?.latest?.seq - Math.max(...one.messages.keys()) > FAR)
          replicas.forget(one, heard);
        else if (loaded) {
          const { result, error } = await say(line, { action: "changes", ...one.where, since: rev });
          if (!result) throw error;
          if (isWanted()) {
            replicas.changed(one, result, heard);
            arrived(one, result.messages);
            if (result.members) emit("members", { target: one.target });
          }
        } else {
          const first = await history(one, "?per_page=" + page, isWanted);
          if (first && isWanted()) {
            replicas.newest(one, first);
            arrived(one, first.messages);
          }
        }
        tries = 0;
      } catch (/** @type {any} */ error) {
        if (!isPassing(error)) one.error = failure(error);
        else await pause(++tries);
      }
      one.changed();
    }
    one.busy = false;
  };

  const tendAll = () => records.forEach(tend);

  /** Also one that nobody looks at must learn whether what was sent has arrived. @param {Conversing} one */
  const isShown = (one) => one.opens > 0 || (one.loaded && one.out.size() > 0);

  /** A page of messages as they are elsewhere, with ids for authors. @param {Conversing} one @param {string} query @param {() => boolean} isWanted */
  const history = async (one, query, isWanted) => {
    const answer = await ask(one.path + query, isWanted);
    if (!answer) return;
    learn(one.where.target, answer.entry);
    for (const message of answer.messages) {
      learn("user", message.author);
      message.author = message.author.id;
      if (message.status && one.target.user != null && me != null)
        replicas.hasRead(one, same(message.author, me) ? one.target.user : me, message.seq);
    }
    return answer;
  };

  // What the platform says about users and topics.

  /** @param {string} type @param {Profile | undefined} profile */
  const learn = (type, profile) => {
    if (!profile) return;
    const key = boxes.keyOf({ type, id: profile.id });
    // A bare id says that the platform is silent now.
    if (known[key] && (Object.keys(profile).length < 2 || JSON.stringify(known[key]) === JSON.stringify(profile))) return;
    known = { ...known, [key]: profile };
    profilesChanged();
    listChanged();
    records.get(key)?.changed();
  };

  /** What is known; all the rest is asked for at once. @param {string} key */
  const profileOf = (key) => {
    if (!known[key] && !asked.has(key)) {
      asked.add(key);
      if (unknown.add(key).size === 1) later(20, askForProfiles);
    }
    return known[key];
  };

  const askForProfiles = async () => {
    const keys = [...unknown].slice(0, 100);
    keys.forEach((key) => unknown.delete(key));
    if (unknown.size) later(20, askForProfiles);
    const types = ["user", "topic"];
    const query = types.map((type) => {
      const ids = keys.filter((key) => key.startsWith(type));
      return `${type}s=` + ids.map((key) => encodeURIComponent(key.slice(type.length + 1)));
    });
    const answer = await ask("/profiles?" + query.join("&")).catch(() => {});
    for (const type of types) for (const profile of answer?.[type + "s"] ?? []) learn(type, profile);
  };

  // What it writes: rule 5.

  /**
   * Writes until there is an answer, and takes it as others take the event.
   *
   * @param {any} frame
   * @param {() => boolean} [isWanted] may also throw
   */
  const write = (frame, isWanted) =>
    promise(async () => {
      for (let tries = 0; ; await pause(++tries)) {
        if (state !== "live")
          await new Promise((/** @type {(go: void) => void} */ go) => {
            waiting.push(go);
          });
        if (isWanted && !isWanted()) return;
        if (!line) continue;
        const c = line;
        const { result, error, cursor, prev } = await say(c, frame);
        if (result) {
          const data = { ...result, user: me };
          if (frame.action === "delete") {
            const id = frame.message_id;
            data.entry = { id, seq: find(records.get(result.state.inbox_key), id)?.seq };
          }
          hear({ event: "message." + (TOLD[frame.action] ?? "updated"), data, cursor, prev }, true);
          return;
        }
        if (!error && c === line && !c.dead) catchUp(c, "sync", pace.wake);
        if (!isPassing(error)) throw failure(error);
      }
    });

  /** Tells the service what this connection wants to hear of: the conversation that was opened last, and users. */
  const watch = () =>
    plan("watch", 0, async () => {
      const c = line;
      if (!c || state !== "live") return;
      const conversation = [...records.values()].reverse().find((one) => one.opens)?.where;
      const users = [...new Set([...watched].flat())].slice(-100);
      const frame = { action: "watch", users, conversation };
      const wish = JSON.stringify(frame);
      if (wish === c.watched || (!c.watched && !conversation && !users.length)) return;
      c.watched = wish;
      const { result, error } = await say(c, frame);
      if (result) cameOrWent(result.entries);
      else if (isPassing(error) && c.watched === wish) {
        c.watched = "?";
        plan("watch", pace.firstWait, watch);
      }
    });

  // What the application sees.

  /** @param {string} type @param {Id} id */
  const at = (type, id) => {
    const key = boxes.keyOf({ type, id });
    const one = records.get(key) ?? conversing(key, type, id);
    records.set(key, one);
    return one;
  };

  /** It is used now, so others are forgotten before it. @param {Conversing} one */
  const touch = (one) => {
    records.delete(one.key);
    let spare = records.size + 1 - conversations;
    for (const [key, other] of records)
      if (spare > 0 && !other.opens && !other.watchers.size && !other.out.size()) {
        records.delete(key);
        spare--;
      }
    records.set(one.key, one);
  };

  /** @param {string} key @param {string} type @param {Id} id @returns {Conversing} */
  const conversing = (key, type, id) => {
    const target = { [type]: id };
    const where = { target: type, target_id: id };
    const path = `/${type}/${encodeURIComponent(id)}`;
    const [view, changed, watchers] = store(() => {
      const entry = box.entries.get(key);
      return {
        messages: [...replicas.shown(one, me, target.user), ...one.out.views(me)],
        loaded: one.loaded,
        more: one.before != null,
        typing: [...one.typing.values()].map(({ user }) => user),
        unread: entry?.unread ?? 0,
        entry: entry && entryView(entry),
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
    /** @type {Conversation<M>} */
    const facade = {
      target: /** @type {any} */ (target),
      get: () => the().view.get(),
      subscribe: (listener) => the().view.subscribe(listener),
      open: () => {
        const one = the();
        one.opens++;
        one.error = undefined;
        touch(one);
        tend(one);
        watch();
        return once(() => {
          one.opens--;
          touch(one);
          watch();
        });
      },
      older: (count = page) => {
        const one = the();
        return single(one, "paging", async () => {
          const { age, before } = one;
          const isWanted = () => age === one.age;
          if (before == null) return;
          const more = await history(one, `?before=${before}&per_page=${count}`, isWanted);
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
        return one.out.send(content, metadata, me, quoted && { ...quoted, excerpt: replicas.excerptOf(quoted) });
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
        const seq = find(one, up_to)?.seq ?? Infinity;
        // What is known to be read, or asked for, is not asked for again.
        if (seq > Math.max(one.asked, one.reads[me ?? ""] ?? 0)) {
          if (seq < Infinity) one.asked = seq;
          one.toRead = { up_to };
        }
        // One at a time: of what is read meanwhile, the last counts.
        return single(one, "reading", async () => {
          try {
            for (let next; (next = one.toRead); ) {
              one.toRead = undefined;
              await change("read", next);
            }
          } catch (error) {
            one.asked = 0;
            throw error;
          }
        });
      },
      react: (message_id, reaction, on = true) => change("react", { message_id, reaction, remove: !on }),
      typing: (on = true) => {
        const one = the();
        const now = Date.now();
        if (state !== "live" || !line || (on ? now - one.typed < TYPING_EVERY : !one.typed)) return;
        one.typed = on ? now : 0;
        say(line, { action: "typing", ...where, state: on ? "start" : "stop" });
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
            for (const { id, read } of answer.members) replicas.hasRead(one, id, read.seq);
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
      busy: false,
      typing: new Map(),
      typed: 0,
      asked: 0,
      out: outbox((content, isWanted) => write({ action: "send", ...where, ...content }, isWanted), changed),
      changed,
      watchers,
      view,
    });
    return one;
  };

  return {
    ...own,
    presence,
    profiles,
    start: () => {
      starts++;
      if (state === "idle" || state === "refused") {
        if (state === "refused") token.forget();
        listen("add");
        connect();
      }
      return once(() => {
        starts--;
        // Not at once: frameworks release and start again in one breath.
        later(0, () => starts || halt("idle"));
      });
    },
    inbox: {
      ...list,
      more: () =>
        single(works, "paging", async () => {
          const { next } = box;
          if (next == null) return;
          const more = await ask(`/list?before=${encodeURIComponent(next)}&per_page=${page}`);
          // All that was known may have been forgotten meanwhile.
          if (box.next === next) boxes.listed(box, more);
          entriesCame(more.entries);
          follow();
        }),
    },
    conversation: (target) => {
      const [[type, id]] = Object.entries(target);
      const one = at(type, id);
      touch(one);
      return one.facade;
    },
    watch: (users) => {
      const wish = [...users];
      watched.add(wish);
      watch();
      return once(() => {
        watched.delete(wish);
        watch();
      });
    },
    profile: (target) => {
      const [[type, id]] = Object.entries(target);
      return profileOf(boxes.keyOf({ type, id }));
    },
    on: (name, listener) => {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all);
      const mine = (/** @type {Event} */ event) => listener(event);
      all.add(mine);
      return () => {
        all.delete(mine);
      };
    },
    close: () => {
      halt("closed");
      clear();
      token.forget();
      pending.forEach((reject) => reject(fault("CLOSED")));
      boxes.forgetAll(box);
      me = undefined;
      known = {};
      present = {};
      const all = [...records.values()];
      records.clear();
      for (const one of all) {
        replicas.forget(one);
        one.out.forget();
        one.typing.clear();
        one.changed();
      }
      watched.clear();
      listeners.clear();
      [ownChanged, listChanged, presenceChanged, profilesChanged].forEach((changed) => changed());
    },
  };
};

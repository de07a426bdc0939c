/**
 * The client: what it does when, and what an application sees of it. What it knows is in `replica.js` and `inbox.js`.
 *
 * @import { Client, Event, EventName, Id, Options, Presence, State } from "./types.js"
 * @import { Connection } from "./socket.js"
 * @import { Conversing } from "./conversation.js"
 */

import { conversing, find } from "./conversation.js";
import * as boxes from "./inbox.js";
import * as replicas from "./replica.js";
import { profiles } from "./profiles.js";
import { rest } from "./rest.js";
import { dial } from "./socket.js";
import { REFUSED, tokens } from "./token.js";
import { failure, fault, isPassing, once, same, single, store, tell, timers } from "./tools.js";

/** Who said to be typing types for so long, unless more is heard. */
const TYPING_LASTS = 6e3;
/** Who is so many messages behind loads a conversation anew. */
const FAR = 500;
/** Cursors of so many frames are remembered, by which one that comes twice is known. */
const REMEMBERED = 200;
/** `resume` follows a freeze. */
export const WAKING = ["visibilitychange", "pageshow", "resume", "online"];
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
  let box = boxes.unknown();
  /** How many answers of the inbox are under way. Until they are there, the cursor stays where they were asked from. */
  let held = 0;

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
  /** @type {WeakMap<object, any>} */
  const entryViews = new WeakMap();
  /** @type {any} */
  const works = {};

  const [own, ownChanged] = store(() => ({ state, user: me, unread: box.unread }));
  const [presence, presenceChanged] = store(() => present);
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
    const profile = people.of(boxes.keyOf(entry));
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
      work()
        .then(resolve, reject)
        .then(() => pending.delete(reject));
    });
    // Who does not look at it is not told by a crash.
    kept.catch(() => {});
    return kept;
  };

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
    Object.values(plans).forEach((cancel) => cancel());
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

  const people = profiles(ask, later, (key) => {
    listChanged();
    records.get(key)?.changed();
  });

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
    held++;
    const before = [...box.links];
    try {
      for (let tries = 0; !c.dead; ) {
        // Only a cursor under which the list was loaded is good for another `hello`.
        const { result, error } = await say(c, { action, since: box.loaded ? box.cursor : undefined }, within);
        if (c.dead) break;
        if (!result) {
          if (error?.status === 400) box = boxes.unknown();
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
        // Conversations may be loaded before the inbox is: who reads them wants to know which messages are the user's own.
        ownChanged();
        if (result.recovered) {
          boxes.caughtUp(box, result, before);
          entriesCame(result.entries);
        } else {
          box = boxes.unknown(result.cursor);
          heard.clear();
          for (const one of records.values()) replicas.forget(one);
        }
        if (!line) line = c;
        if (c === line) tendAll();
        action = "sync";
        tries = 0;
        if (result.more) continue;
        if (!box.loaded) {
          const first = await ask(`/list?per_page=${page}`, () => !c.dead);
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
      held--;
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
    if (!held && boxes.follow(box, me)) sync();
    ownChanged();
    listChanged();
  };

  /** Entries tell of revisions, of read positions, and of users. @param {any[]} entries */
  const entriesCame = (entries) => {
    for (const entry of entries) {
      const one = records.get(boxes.keyOf(entry));
      people.learn(entry.type, entry[entry.type]);
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
      if (heard.add(cursor).size > REMEMBERED) heard.delete([...heard][0]);
    }
    const { state: at, user } = data;
    const key = at?.inbox_key;
    const one = records.get(key);
    if (event === "presence") cameOrWent([data]);
    else if (/typing/.test(event)) one && types(one, user, /start/.test(event));
    else if (key) {
      if (one) {
        // While there are two connections, what was sent over one is pushed to the other.
        mine ||= one.out.views().some(({ client_id }) => client_id === data.entry?.client_id);
        took(one, event, data);
      }
      if (cursor || at.rev) {
        box.links.add(frame);
        follow();
        if (box.links.has(frame)) later(pace.gap, () => boxes.isMissed(box, frame) && sync());
      }
      one?.changed();
    }
    if (mine) return;
    // Who was a stranger when it was asked seemed to be offline, and does not now: a write accepts.
    if (present[data.entry?.author]?.online === false) watch(true);
    const of = key && { target: { [key.split("-", 1)]: key.replace(/.+?-/, "") } };
    emit(event, { ...data, ...of });
    if (/member/.test(event)) moved(one ?? of);
  };

  /** What a frame says of its conversation. @param {Conversing} one @param {string} event @param {any} data */
  const took = (one, event, { state: { rev, prev_rev }, entry, user, read }) => {
    const isMessage = /message/.test(event);
    // The platform itself is never a member and never types.
    const author = isMessage && entry && !entry.system && entry.author;
    if (author) {
      types(one, author, false);
      // Who writes in a topic is a member.
      if (!one.members?.has("" + author)) moved(one);
    }
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
    arrived(one, [entry]);
    tend(one);
  };

  /** Own messages that were sent are not unsent any more. Only their author sees a `client_id`. @param {Conversing} one @param {any[]} messages */
  const arrived = (one, messages) => {
    for (const message of messages) if (message?.client_id) one.out.drop(message.client_id);
  };

  /** Rule 3: the members of a topic may be others than those that were listed. @param {any} one */
  const moved = (one) => {
    delete one.members;
    if (one.target.user == null) emit("members", { target: one.target });
  };

  /** @param {Conversing} one @param {Id} user @param {boolean} on */
  const types = (one, user, on) => {
    if (same(user, me)) return;
    one.typing.delete("" + user);
    if (on) {
      one.typing.set("" + user, { user, until: Date.now() + TYPING_LASTS });
      later(TYPING_LASTS, one.changed);
    }
    one.changed();
  };

  /** @param {any[]} entries */
  const cameOrWent = (entries) => {
    for (const { id, ...more } of entries) present = { ...present, [id]: more };
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
        if (loaded && one.high && box.entries.get(one.key)?.latest?.seq - one.high > FAR) replicas.forget(one, heard);
        else if (loaded) {
          const { result, error } = await say(line, { action: "changes", ...one.where, since: rev });
          if (!result) throw error;
          if (isWanted()) {
            replicas.changed(one, result, heard);
            arrived(one, result.messages);
            if (result.members) moved(one);
          }
        } else {
          const first = await history(one, isWanted);
          if (first && isWanted()) {
            replicas.newest(one, first);
            arrived(one, first.messages);
            moved(one);
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

  /**
   * A page of messages as they are elsewhere, with ids for authors.
   *
   * @param {Conversing} one
   * @param {() => boolean} isWanted
   * @param {string} [before]
   * @param {number} [count]
   */
  const history = async (one, isWanted, before, count = page) => {
    const answer = await ask(`${one.path}?per_page=${count}` + (before ? "&before=" + before : ""), isWanted);
    if (!answer) return;
    people.learn(one.where.target, answer.entry);
    for (const message of answer.messages) {
      people.learn("user", message.author);
      message.author = message.author.id;
      if (message.status && one.target.user != null && me != null)
        replicas.hasRead(one, same(message.author, me) ? one.target.user : me, message.seq);
    }
    return answer;
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

  /** Tells the service what this connection wants to hear of: the conversation that was opened last, and users. @param {boolean} [anew] */
  const watch = (anew) =>
    plan("watch", 0, async () => {
      const c = line;
      if (!c || state !== "live") return;
      const conversation = [...records.values()].reverse().find((one) => one.opens)?.where;
      const users = [...new Set([...watched].flat())].slice(-100);
      const frame = { action: "watch", users, conversation };
      const wish = JSON.stringify(frame);
      if ((wish === c.watched && !anew) || (!c.watched && !conversation && !users.length)) return;
      c.watched = wish;
      const { result, error } = await say(c, frame);
      if (result) cameOrWent(result.entries);
      else if (isPassing(error)) {
        c.watched = "";
        plan("watch", pace.firstWait, watch);
      }
    });

  // What the application sees.

  /**
   * What goes on in a conversation. One that is used is kept; of others that nobody needs, the least recently used ones are forgotten.
   *
   * @param {string} type
   * @param {Id} id
   * @param {boolean} [isUsed]
   */
  const at = (type, id, isUsed) => {
    const key = boxes.keyOf({ type, id });
    const one = records.get(key) ?? make(key, type, id);
    if (isUsed) {
      records.delete(key);
      for (const [key, other] of records)
        if (records.size >= conversations && !other.opens && !other.watchers.size && !other.out.size()) records.delete(key);
    }
    records.set(key, one);
    return one;
  };

  const make = conversing(
    ask,
    write,
    (frame) => state === "live" && line && say(line, frame),
    promise,
    sync,
    tend,
    watch,
    history,
    at,
    (key) => {
      const entry = box.entries.get(key);
      return entry && entryView(entry);
    },
    () => me,
  );

  return {
    ...own,
    presence,
    profiles: people.store,
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
        single(promise, works, "paging", async () => {
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
      return at(type, id, true).facade;
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
      return people.of(boxes.keyOf({ type, id }));
    },
    on: (name, listener) => {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all);
      const mine = (/** @type {Event} */ event) => listener(event);
      all.add(mine);
      return () => all.delete(mine);
    },
    close: () => {
      halt("closed");
      clear();
      token.forget();
      pending.forEach((reject) => reject(fault("CLOSED")));
      box = boxes.unknown();
      me = undefined;
      people.forget();
      present = {};
      const all = [...records.values()];
      records.clear();
      // Who looks at a conversation finds an empty one.
      for (const one of all) one.changed();
      watched.clear();
      listeners.clear();
      ownChanged();
      listChanged();
      presenceChanged();
    },
  };
};

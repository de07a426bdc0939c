/**
 * Plays the server that a client of Socket.IO talks to, over one connection of ours.
 *
 * Packets: https://socket.io/docs/v4/socket-io-protocol. The Node.js server that Senna succeeds (https://github.com/car-throttle/senna-sockets,
 * `src/server.js` and `src/api.js`) emitted `new-message`, and took the token by the event `authenticate` of the package `socketio-jwt` 4. A page can
 * still do that, or give `auth: { token }` as Socket.IO 4 has it.
 *
 * @import { Pace } from "../types.js"
 * @import { Session } from "./session.js"
 */

import { WAKING } from "../client.js";
import { LONGEST, dial } from "../socket.js";
import { endOf } from "../token.js";
import { isPassing, same, timers, uniqueId } from "../tools.js";
import { PAGE, listed, teller, unknown } from "./session.js";

/** How long the predecessor waited for `authenticate`, in ms. */
const AUTHENTICATE_WITHIN = 15e3;
/** How long before its end a token is replaced, in ms; and how long after its end the service has refused it (`SOCK_JWT_LEEWAY` is 5 s). */
const RENEW_BEFORE = 6e4;
const LEEWAY = 6e3;
/** How many sessions are remembered. A page needs one for each of its sockets. */
const SESSIONS = 20;
/** The acknowledgement of `unauthorized`, by which a page asks to be disconnected. No other event of ours has one. */
const FAREWELL = 0;
const PARSER = "only the default parser of Socket.IO can be used";
const LOST = "the connection was lost";
/** Actions that change something: others are told of it, and the page by the acknowledgement. */
const WRITES = ["send", "update", "delete", "read", "react"];

/** type, attachments, namespace, acknowledgement, data @type {RegExp} */
const PACKET = /^(\d)(?:(\d+)-)?(?:(\/[^,]*),?)?(\d*)([^]*)$/;

/** Whether the service does not take a token, or its user. @param {number} [status] */
const isRefusal = (status) => status === 401 || status === 403;

/** An error of the client itself, in the shape of the service's. @param {string} code @param {string} message @param {number} [status] */
const problem = (code, message, status = 400) => ({ error: true, code, name: "ArgumentError", message, status });

/**
 * @param {object} given
 * @param {string} given.socket
 * @param {string} given.api
 * @param {any} given.WebSocket
 * @param {typeof globalThis.fetch} given.fetch
 * @param {EventTarget | null} given.events
 * @param {Omit<Pace, "renew">} given.pace
 * @param {Map<string, Session>} sessions by `pid`
 * @param {(packet: string) => void} reply
 * @param {(why: string, isOpen: boolean) => void} ended hears of its end, unless `close` is it; and whether the page was connected
 */
export const serve = ({ socket, api, WebSocket, fetch, events, pace }, sessions, reply, ended) => {
  const { later, pause, clear } = timers(pace);
  /** The connection, and what it tells the page. @type {import("../socket.js").Connection | undefined} */
  let line;
  /** @type {ReturnType<typeof teller> | undefined} */
  let telling;
  /** @type {Session} */
  let session;
  /** The cursor of the last event that the page had. @type {string | undefined} */
  let offset;
  let isOpen = false;
  let over = false;
  /** Parts of a binary packet that are still to come. */
  let attachments = 0;
  /** Cancels waiting for `authenticate`, the next `sync`, and the end of the token. @type {Record<string, () => void>} */
  const plans = {};
  /** The last write to each conversation. @type {Map<string, Promise<any>>} */
  const queues = new Map();

  /** @param {string} name @param {number} ms @param {() => void} then */
  const plan = (name, ms, then) => {
    plans[name]?.();
    plans[name] = later(ms, then);
  };

  /** @param {"add" | "remove"} how */
  const listen = (how) => {
    for (const kind of WAKING) events?.[`${how}EventListener`]?.(kind, wake, true);
  };

  const close = () => {
    if (over) return;
    over = true;
    if (telling) listen("remove");
    clear();
    line?.end();
  };

  /** @param {string} why @returns {undefined} */
  const fail = (why) => {
    if (over) return;
    close();
    ended(why, isOpen);
  };

  /** The page cannot be told what it missed: its next connection begins anew. @returns {undefined} */
  const forget = () => {
    sessions.delete(session.pid);
    fail("what was missed is not known");
  };

  /** @param {string} event @param {...any} what */
  const emit = (event, ...what) => reply("2" + JSON.stringify([event, ...what]));
  const disconnect = () => {
    reply("1");
    close();
  };

  /** The page or device may have slept: what is open may be dead. @param {globalThis.Event} event */
  const wake = ({ type }) => {
    if (type !== WAKING[0] || !globalThis.document?.hidden) telling?.sync(pace.wake);
  };

  const beat = () =>
    plan("beat", pace.heartbeat, () => {
      telling?.sync();
      beat();
    });

  /** @param {string} token @param {string} path @returns {Promise<{ status: number, body: any }>} status 0 where there was no answer */
  const get = async (token, path) => {
    const stop = new AbortController();
    const cancel = later(pace.answer, () => stop.abort());
    try {
      const response = await fetch(api + path, { headers: { Authorization: "Bearer " + token }, signal: stop.signal });
      return { status: response.status, body: await response.json() };
    } catch {
      return { status: 0, body: undefined };
    } finally {
      cancel();
    }
  };

  /** Asks once. No answer, a refused token and an unknown connection are the end of it. @param {object} frame @param {number} [within] */
  const say = async (frame, within) => {
    const c = line;
    const answer = await c?.ask(frame, within);
    if (!answer || answer.error?.status === 401 || answer.error?.code === "CONNECTION_UNKNOWN") c?.lost();
    return answer;
  };

  /** Asks what can be asked again. @param {object} frame @param {number} [within] */
  const ask = async (frame, within) => {
    for (let tries = 0; ; await pause(++tries)) {
      const answer = await say(frame, within);
      if (over) return;
      if (answer?.result || !isPassing(answer?.error)) return answer;
    }
  };

  /**
   * Connects the session. Nothing if the connection has ended.
   *
   * @param {string} token
   * @returns {Promise<{ error?: any, sid?: string, begin?: () => void } | undefined>}
   *   why the token was refused; or the connection's id, and what begins to tell the page
   */
  const connect = async (token) => {
    /** @type {any[]} */
    const early = [];
    let isReady = false;
    const c = (line = dial(
      WebSocket,
      socket,
      token,
      pace.answer,
      later,
      (frame) => (telling ? telling.hear(frame) : early.push(frame)),
      () => isReady && fail(LOST),
    ));
    /** @param {number} status @param {any} [error] */
    const refused = (status, error) => {
      if (!isRefusal(status)) return fail(LOST);
      c.end();
      return { error };
    };
    if (!(await c.opened)) {
      if (over) return;
      // A browser does not tell why a handshake failed.
      const { status, body } = await get(token, "");
      return over ? undefined : refused(status, body);
    }
    const since = session.cursor && (offset ?? session.cursor);
    const [answer, ...lists] = await Promise.all([
      c.ask({ action: "hello", since }),
      ...(since ? [] : ["", "&hidden=1"].map((more) => get(token, `/list?no_format&per_page=${PAGE}${more}`))),
    ]);
    if (over) return;
    const { result, error } = answer ?? {};
    const bad = lists.find(({ status }) => status !== 200);
    if (c.dead || !result) return refused(error?.status, error);
    if (bad) return refused(bad.status, bad.body);
    if (since) {
      if (!result.recovered || !same(session.user, result.user)) return forget();
    } else {
      session.user = result.user;
      listed(session, lists.map(({ body }) => body));
    }
    isReady = true;
    const { gap } = pace;
    const told = teller(session, {
      ask,
      get: (path) => get(token, path),
      emit,
      settled: (key) => queues.get(key),
      later,
      gap,
      isOver: () => over,
      lost: c.lost,
      forget,
    });
    if (since) told.caughtUp(result);
    if (over) return;
    return {
      sid: result.connection_id,
      begin: () => {
        telling = told;
        early.forEach(told.hear);
        listen("add");
        beat();
        renew(token);
      },
    };
  };

  /** A connection is good as long as its token. For the next one Socket.IO's client asks the page's `auth` for a token. @param {string} token */
  const renew = (token) => {
    const life = endOf(token) - Date.now();
    // A page that has no other token keeps this one to its end.
    const due = session.token === token ? life + LEEWAY : Math.max(life * 0.9, life - RENEW_BEFORE);
    session.token = token;
    if (life > 0 && life < Infinity) plan("renew", due, () => fail("the token ends"));
  };

  /** CONNECT. @param {any} auth */
  const greet = async ({ pid, offset: at, token } = /** @type {any} */ ({})) => {
    session = sessions.get(pid) ?? unknown(uniqueId());
    // The last one that was used is the last one that is forgotten.
    sessions.delete(session.pid);
    sessions.set(session.pid, session);
    if (sessions.size > SESSIONS) sessions.delete([...sessions.keys()][0]);
    offset = at;
    if (token == null) {
      welcome(uniqueId());
      return plan("authenticate", AUTHENTICATE_WITHIN, disconnect);
    }
    const done = await connect(String(token));
    if (done?.error) reply("4" + JSON.stringify({ message: done.error.message, data: done.error }));
    if (!done?.begin) return;
    welcome(done.sid);
    done.begin();
  };

  /** The page is connected. @param {string | undefined} sid */
  const welcome = (sid) => {
    isOpen = true;
    reply("0" + JSON.stringify({ sid, pid: session.pid }));
  };

  /** The predecessor's way to give a token; and the way to give a fresh one before the last one ends. @param {any} given */
  const authenticate = async (given) => {
    plans.authenticate?.();
    const token = given?.token;
    const done =
      typeof token !== "string"
        ? { error: problem("INVALID_TOKEN_ERR", "token must be a string", 401) }
        : await (telling ? prolong(token, telling) : connect(token));
    if (done?.error) {
      const { message } = done.error;
      const data = { message, code: "invalid_token", type: "UnauthorizedError" };
      return reply(`2${FAREWELL}` + JSON.stringify(["unauthorized", { message, data }]));
    }
    if (!done?.begin) return;
    emit("authenticated");
    done.begin();
  };

  /** Gives the connection a fresh token. @param {string} token @param {ReturnType<typeof teller>} to */
  const prolong = async (token, to) => {
    const { result, error } = (await line?.ask({ action: "hello", since: session.cursor, token })) ?? {};
    if (over) return;
    if (!result) return isRefusal(error?.status) ? { error } : fail(LOST);
    const begin = () => {
      to.caughtUp(result);
      renew(token);
    };
    return { begin };
  };

  /** EVENT: an action of ours. @param {string} action @param {any[]} given @param {(answer: any) => void} answer */
  const act = async (action, given, answer) => {
    const [what = {}] = given;
    if (given.length > 1 || typeof what !== "object" || !what || Array.isArray(what))
      return answer(problem("INVALID_JSON", `"${action}" takes one object`));
    if (!telling) return answer(problem("NOT_AUTHENTICATED", "You are not authenticated", 401));
    const isWrite = WRITES.includes(action);
    const key = `${what.target}-${what.target_id}`;
    // Rule 5: those that overlap may be stored in either order.
    const before = isWrite && queues.get(key);
    const turn = (async () => {
      await before;
      return say({ ...what, action });
    })();
    if (isWrite) {
      queues.set(key, turn);
      turn.then(() => queues.get(key) === turn && queues.delete(key));
    }
    const { result, error, cursor, prev } = (await turn) ?? {};
    if (over) return;
    // An error without a code is of this side.
    if (error) return answer("code" in error ? error : problem("FRAME_TOO_LARGE", `"${action}" is longer than ${LONGEST} bytes, the limit`, 413));
    if (isWrite && result.state?.rev) {
      const entry = result.entry ?? { id: what.message_id };
      telling.hear({ event: "message.updated", mine: true, cursor, prev, data: { ...result, entry } });
    }
    answer(result);
  };

  /** Takes a packet of the page. @param {string | ArrayBuffer | ArrayBufferView | Blob} packet */
  const take = (packet) => {
    if (over) return;
    if (typeof packet !== "string") return --attachments < 0 ? fail(PARSER) : undefined;
    const [, type, parts, namespace = "/", id, data] = packet.match(PACKET) ?? [];
    if (!type) return fail(PARSER);
    if (namespace !== "/") return type === "0" ? reply(`4${namespace},{"message":"Invalid namespace"}`) : undefined;
    /** A failure that nobody waits for is an event. @param {any} answer */
    const answer = (answer) => (id ? reply(`3${id}` + JSON.stringify([answer])) : answer.error && emit("error", answer));
    if (type === "0") greet(data ? JSON.parse(data) : undefined);
    else if (type === "1") close();
    else if (type === "2") {
      const [event, ...given] = JSON.parse(data);
      if (event === "authenticate") authenticate(given[0]);
      else act(event, given, answer);
    } else if (type === "3" && +id === FAREWELL) disconnect();
    else if (type === "5") {
      attachments += Number(parts);
      answer(problem("BINARY_NOT_SUPPORTED", "binary data cannot be sent: upload images by POST /api/uploads, and send their address", 415));
    }
  };

  return { take, close };
};

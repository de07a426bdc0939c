/**
 * Tokens come from a function of the application. One is kept as long as it is good, so that a reconnect does not ask for another.
 *
 * @import { Options } from "./types.js"
 */

import { fault } from "./tools.js";

/** Where the platform has no token, or only refused ones. */
export const REFUSED = fault("REFUSED");

/**
 * The end of a token, in ms since 1970. Nobody is believed for it: it only says when to ask for another.
 *
 * @param {string} token
 */
export const endOf = (token) => {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).exp * 1000 || Infinity;
  } catch {
    return Infinity;
  }
};

/**
 * @param {Options["getToken"]} getToken
 * @param {number} limit for an answer of it
 * @param {(ms: number, then: () => void) => () => void} later
 */
export const tokens = (getToken, limit, later) => {
  /** @type {string | null | undefined} */
  let token;
  /** @type {Promise<string> | undefined} */
  let asking;
  /** @type {AbortController} */
  let stop;
  let due = Infinity;
  let refusals = 0;
  /** How long it is good. */
  const left = () => due - Date.now();
  /** @param {"first" | "expiring" | "refused"} why */
  const ask = (why) =>
    (asking ??= (async () => {
      const { signal } = (stop = new AbortController());
      const cancel = later(limit, () => stop.abort());
      try {
        const fresh = await Promise.race([
          // Also what it throws at once comes later.
          (async () => getToken(why, signal))(),
          new Promise((_, reject) => {
            signal.onabort = reject;
          }),
        ]);
        if (!fresh) throw REFUSED;
        const life = endOf(fresh) - Date.now();
        // One that seems to be over already came with a wrong clock, and one that came again is all there is: the service will say when it is over.
        due = life > 0 && fresh !== token ? Date.now() + Math.max(life * 0.9, life - 6e4) : Infinity;
        return (token = fresh);
      } finally {
        cancel();
        asking = undefined;
      }
    })());
  return {
    /** The token, or a fresh one shortly before its end. Rejects with `REFUSED`, or with what the application's function failed with. */
    get: async () => {
      if (asking) return asking;
      if (refusals > 1) throw REFUSED;
      return !token ? ask(refusals ? "refused" : "first") : left() > 0 ? token : ask("expiring");
    },
    left,
    /** The service takes it. */
    good: () => {
      refusals = 0;
    },
    /** The service does not take this one. True if it is the second in a row: that is the end. @param {string} refused */
    refuse: (refused) => {
      if (token === refused) {
        refusals++;
        token = null;
      }
      return refusals > 1;
    },
    forget: () => {
      stop?.abort();
      token = null;
      refusals = 0;
    },
  };
};

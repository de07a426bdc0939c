/**
 * Questions over REST.
 */

import { failure, isPassing, timers } from "./tools.js";
import { REFUSED, tokens } from "./token.js";

/**
 * @param {string} api
 * @param {typeof globalThis.fetch} fetch
 * @param {ReturnType<typeof tokens>} token
 * @param {number} limit for an answer
 * @param {Pick<ReturnType<typeof timers>, "later" | "pause">} clock
 * @param {(token: string) => boolean} refused hears of a refused token; true if that is the end
 */
export const rest =
  (api, fetch, token, limit, { later, pause }, refused) =>
  /**
   * Asks until there is an answer. Rejects with what the service says that stays, or with `REFUSED`.
   *
   * @param {string} path
   * @param {() => boolean} [isWanted] nothing is the answer once nobody wants another try
   * @param {string} [method]
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async (path, isWanted, method, body) => {
    for (let tries = 0; ; await pause(++tries)) {
      const stop = new AbortController();
      /** @type {(() => void) | undefined} */
      let cancel;
      /** @type {any} */
      let response, answer, bearer;
      try {
        bearer = await token.get();
        cancel = later(limit, () => stop.abort());
        response = await fetch(api + path, {
          method,
          headers: { Authorization: "Bearer " + bearer, ...(body && { "Content-Type": "application/json" }) },
          body: body && JSON.stringify(body),
          signal: stop.signal,
        });
        answer = await response.json();
      } catch (error) {
        if (error === REFUSED) throw REFUSED;
      }
      cancel?.();
      const status = response?.status;
      if (status === 401 && refused(bearer)) throw REFUSED;
      if (answer) {
        if (status < 300) return answer;
        if (!isPassing({ status })) throw failure({ status, ...answer });
      }
      if (isWanted && !isWanted()) return;
    }
  };

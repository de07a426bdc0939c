/**
 * Small things that every part uses: timers, stores, and which errors are worth another try.
 *
 * @import { ChatError, Pace, Store } from "./types.js"
 */

/** The longest time that `setTimeout` takes. Beyond it, it fires at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Timers of one client, so that all of them end with it.
 *
 * @param {Pick<Pace, "firstWait" | "longestWait">} pace
 */
export const timers = (pace) => {
  /** @type {Set<() => void>} */
  const running = new Set();
  /**
   * Calls once after so many milliseconds, also if they are more than `setTimeout` can count. Returns what cancels it.
   *
   * @param {number} ms
   * @param {() => void} then
   */
  const later = (ms, then) => {
    /** @type {any} */
    let timer;
    const cancel = () => {
      clearTimeout(timer);
      running.delete(cancel);
    };
    const arm = () => {
      const part = Math.min(ms, LONGEST);
      ms -= part;
      timer = setTimeout(() => {
        if (ms > 0) return arm();
        running.delete(cancel);
        then();
      }, part);
    };
    running.add(cancel);
    arm();
    return cancel;
  };
  return {
    later,
    /**
     * A wait that is random from nothing on ("full jitter"), and longer each time: clients that were cut off together do not come back together.
     *
     * @param {number} times
     * @returns {Promise<void>}
     */
    pause: (times) =>
      new Promise((resolve) => {
        later(Math.random() * Math.min(pace.longestWait, pace.firstWait * 2 ** times), resolve);
      }),
    clear: () => running.forEach((cancel) => cancel()),
  };
};

/**
 * Calls what the application gave. What it throws is reported as any uncaught error, and stops nothing here.
 *
 * @param {(...given: any[]) => void} listener
 * @param {...any} given
 */
export const tell = (listener, ...given) => {
  try {
    listener(...given);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
};

/**
 * A store whose value is made when somebody looks at it after a change, and stays the same object until something in it changes.
 *
 * @param {() => any} make
 * @returns {[Store<any>, () => void, Set<unknown>]} the store, what to call after a change, and who listens
 */
export const store = (make) => {
  /** @type {Set<() => void>} */
  const listeners = new Set();
  /** @type {any} */
  let value;
  let stale = true;
  return [
    {
      get: () => {
        if (stale) {
          stale = false;
          const next = make();
          if (!value || Object.keys(next).some((key) => next[key] !== value[key])) value = next;
        }
        return value;
      },
      subscribe: (listener) => {
        // Its own function, so that one listener can subscribe twice.
        const own = () => listener();
        listeners.add(own);
        return () => listeners.delete(own);
      },
    },
    () => {
      stale = true;
      for (const listener of [...listeners]) tell(listener);
    },
    listeners,
  ];
};

/** `5` and `"5"` are one id. @param {unknown} one @param {unknown} other */
export const same = (one, other) => String(one) === String(other);

/**
 * Whether the same can be asked again (rule 5 of docs/clients.md), of a refused token with the next one.
 *
 * @param {any} error the `error` of a frame, or nothing where no answer came
 */
export const isPassing = (error) =>
  !error || /^(401|429|50[0234])$/.test(error.status) || error.code === "CONNECTION_UNKNOWN";

/** What a promise is rejected with. @param {any} error @returns {ChatError} */
export const failure = (error) => Object.assign(new Error(error.message), error);

/** An error of the client itself. @param {string} code */
export const fault = (code) => failure({ code, message: code });

/**
 * A promise of work of which there is only one at a time.
 *
 * @param {(work: () => Promise<any>) => Promise<any>} promise
 * @param {any} works
 * @param {string} name
 * @param {() => Promise<void>} work
 * @returns {Promise<void>}
 */
export const single = (promise, works, name, work) =>
  (works[name] ??= promise(async () => {
    try {
      await work();
    } finally {
      works[name] = undefined;
    }
  }));

/** A name that no other write has. `crypto.randomUUID` is missing in React Native and on pages without TLS. */
export const uniqueId = () => `${Date.now()}${Math.random()}${Math.random()}`;

/** What works the first time only. @param {() => void} work */
export const once = (work) => () => {
  work();
  work = () => {};
};

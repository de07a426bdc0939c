/**
 * What the platform says about users and topics. Lists and histories bring it; of those who are only met in a push it is asked for.
 *
 * @import { Profile } from "./types.js"
 */

import { keyOf } from "./inbox.js";
import { store } from "./tools.js";

/** How long others are waited for, to ask for all at once. */
const TOGETHER = 20;
const TYPES = ["user", "topic"];

/**
 * @param {(path: string) => Promise<any>} ask
 * @param {(ms: number, then: () => void) => unknown} later
 * @param {(key: string) => void} changed
 */
export const profiles = (ask, later, changed) => {
  /** @type {Record<string, Profile>} */
  let known = {};
  /** Keys that are to be asked for. @type {Set<string>} */
  const unknown = new Set();
  /** Keys that were. @type {Set<string>} */
  const asked = new Set();
  const [view, viewChanged] = store(() => known);

  const askForThem = async () => {
    const keys = [...unknown].slice(0, 100);
    keys.forEach((key) => unknown.delete(key));
    if (unknown.size) later(TOGETHER, askForThem);
    const query = TYPES.map((type) => {
      const ids = keys.filter((key) => key.startsWith(type));
      return `${type}s=` + ids.map((key) => encodeURIComponent(key.slice(type.length + 1)));
    });
    const answer = await ask("/profiles?" + query.join("&")).catch(() => {});
    for (const type of TYPES) for (const profile of answer?.[type + "s"] ?? []) learn(type, profile);
  };

  /** @param {string} type @param {Profile | undefined} profile */
  const learn = (type, profile) => {
    if (!profile) return;
    const key = keyOf({ type, id: profile.id });
    // A bare id says that the platform is silent now.
    if (known[key] && (Object.keys(profile).length < 2 || JSON.stringify(known[key]) === JSON.stringify(profile))) return;
    known = { ...known, [key]: profile };
    viewChanged();
    changed(key);
  };

  return {
    store: view,
    learn,
    /** What is known; all the rest is asked for at once. @param {string} key */
    of: (key) => {
      if (!known[key] && !asked.has(key)) {
        asked.add(key);
        if (unknown.add(key).size === 1) later(TOGETHER, askForThem);
      }
      return known[key];
    },
    forget: () => {
      known = {};
      viewChanged();
    },
  };
};

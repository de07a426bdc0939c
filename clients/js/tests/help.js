// What most tests begin with.
import assert from "node:assert/strict";
import { createClient } from "../src/index.js";
import { World, advance, fakeClock } from "./fake.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** A world, and a client of user 1 that is live in it. */
export const live = async (t, options = {}, world = new World()) => {
  fakeClock(t);
  const client = createClient(world.options(1, options));
  t.after(() => client.close());
  const stop = client.start();
  await advance(100);
  assert.equal(client.get().state, "live");
  return { world, client, stop };
};
/** The same, with an open conversation with user 2. */
export const talking = async (t, options, world) => {
  const all = await live(t, options, world);
  const conversation = all.client.conversation({ user: 2 });
  const release = conversation.open();
  await advance(100);
  assert.equal(conversation.get().loaded, true);
  return { ...all, conversation, release };
};
export const texts = (conversation) => conversation.get().messages.map(({ text }) => text);
export const say = (world, text) => world.send(2, "user", 1, { type: "text", text });
export const jwt = (claims) => `1.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
/** A page's events, which counts who listens. */
export class Page extends EventTarget {
  listening = 0;
  addEventListener(...given) {
    this.listening++;
    super.addEventListener(...given);
  }
  removeEventListener(...given) {
    this.listening--;
    super.removeEventListener(...given);
  }
  wake(type = "resume") {
    this.dispatchEvent(new globalThis.Event(type));
  }
}

// The hooks with the real React, in StrictMode, which mounts everything twice.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Window } from "happy-dom";
import { act, createElement as h, StrictMode, useState } from "react";
import { renderToString } from "react-dom/server";
import { createClient } from "../src/index.js";
import * as senna from "../src/react.js";
import { World } from "./fake.js";
import { Page } from "./help.js";

const { ChatProvider, useChat, useChatEvent, useClient, useConversation, useInbox, usePresence, useProfile } = senna;

/** Real time passes, and React renders what it brings. */
const pass = (ms = 60) => act(() => new Promise((go) => setTimeout(go, ms)));

describe("React hooks", () => {
  let createRoot;
  const window = new Window();
  before(async () => {
    const globals = { window, document: window.document, navigator: window.navigator, IS_REACT_ACT_ENVIRONMENT: true };
    for (const [name, value] of Object.entries(globals))
      Object.defineProperty(globalThis, name, { value, configurable: true });
    ({ createRoot } = await import("react-dom/client"));
  });
  after(() => window.happyDOM.close());

  /** A client of user 1, a page that counts listeners, and what renders below a provider in StrictMode. */
  const stage = (t, options) => {
    const world = new World();
    const page = new Page();
    const client = createClient(world.options(1, { events: page, ...options }));
    const root = createRoot(document.createElement("div"));
    t.after(async () => {
      await act(() => root.unmount());
      client.close();
    });
    const render = (...children) =>
      act(() => root.render(h(StrictMode, null, h(ChatProvider, { client }, ...children))));
    return { world, page, client, root, render };
  };

  test("StrictMode makes one connection, and nothing is left after the end", async (t) => {
    const { world, page, client, root, render } = stage(t);
    const seen = [];
    const Shown = () => {
      const { messages, loaded } = useConversation({ user: 2 });
      seen.push(loaded, useChat().state, useInbox().loaded);
      return h("p", null, messages.map(({ text }) => text).join());
    };
    await render(h(Shown));
    await pass();
    assert.equal(client.get().state, "live");
    assert.equal(world.sockets.length, 1);
    assert.equal(page.listening, 4);
    assert.ok(seen.includes(true));
    await act(() => root.render(null));
    await pass();
    assert.equal(client.get().state, "idle");
    assert.equal(page.listening, 0);
    assert.equal(world.sockets[0].readyState, 3);
    assert.equal(world.sockets.length, 1);
    // A conversation that nobody holds open is not loaded again.
    const asked = world.requests.length + world.frames.length;
    world.send(2, "user", 1, { type: "text", text: "late" });
    await pass();
    assert.equal(world.requests.length + world.frames.length, asked);
  });

  test("messages are shown as they come, and those that are sent at once", async (t) => {
    const { world, render } = stage(t);
    const heard = [];
    let talk;
    const Shown = () => {
      const { messages, conversation, unread } = useConversation({ user: 2 });
      const { entries } = useInbox();
      useChatEvent("message.new", ({ entry }) => heard.push(entry.text));
      talk = { texts: messages.map(({ text }) => text), conversation, unread, latest: entries[0]?.latest.text };
      return null;
    };
    await render(h(Shown));
    await pass();
    await act(() => talk.conversation.send("mine"));
    assert.deepEqual(talk.texts, ["mine"]);
    await pass();
    world.send(2, "user", 1, { type: "text", text: "yours" });
    await pass();
    assert.deepEqual(talk, { ...talk, texts: ["mine", "yours"], unread: 1, latest: "yours" });
    assert.deepEqual(heard, ["yours"]);
  });

  test("another target releases the conversation before", async (t) => {
    const { client, render } = stage(t, { keep: { conversations: 1 } });
    let go;
    const Shown = () => {
      const [user, setUser] = useState(2);
      go = setUser;
      return h("p", null, useConversation({ user }).conversation.target.user);
    };
    await render(h(Shown));
    await pass();
    const first = client.conversation({ user: 2 });
    assert.equal(first.get().loaded, true);
    await act(() => go(3));
    await pass();
    assert.equal(client.conversation({ user: 3 }).get().loaded, true);
    // Only what nobody holds open is forgotten.
    assert.equal(first.get().loaded, false);
  });

  test("profiles and presence are asked for once", async (t) => {
    const { world, render } = stage(t);
    let known;
    const Shown = () => {
      known = [useProfile({ user: 2 }), usePresence([2])];
      return null;
    };
    await render(h(Shown), h(Shown));
    await pass(100);
    assert.equal(known[0].id, 2);
    assert.equal(world.requests.filter((request) => request.includes("/profiles")).length, 1);
    assert.ok(known[1][2]);
    const watches = world.frames.filter(({ action }) => action === "watch");
    assert.deepEqual(
      watches.map(({ users }) => users),
      [[2]],
    );
  });

  test("a server renders without asking for anything", () => {
    const world = new World();
    const client = createClient(world.options(1));
    const Shown = () => {
      const { loaded, messages } = useConversation({ topic: "club" });
      return h(
        "p",
        null,
        useChat().state,
        String(loaded),
        messages.length,
        useProfile({ user: 2 })?.id,
        useInbox().entries.length,
      );
    };
    assert.equal(renderToString(h(ChatProvider, { client }, h(Shown))).replace(/<!-- -->/g, ""), "<p>idlefalse00</p>");
    assert.deepEqual([world.sockets.length, world.requests.length], [0, 0]);
    client.close();
  });

  test("without a provider the error says what is missing", () => {
    const Shown = () => useClient() && null;
    assert.throws(() => renderToString(h(Shown)), /no <ChatProvider>/);
  });
});

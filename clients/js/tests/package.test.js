// The package as others get it: packed, installed from its tarball without a network, loaded as ES modules and as CommonJS, with types for both; and the
// page of the README, tried as a new user would.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch } from "./browser.js";
import { skip, until } from "./elements.js";
import { servePage } from "./page-server.js";
import { startStack, tokenOf } from "./stack.js";

const folder = new URL("..", import.meta.url).pathname;

/** Runs it, and fails with what it printed. */
const run = (command, args, cwd, env = {}) => {
  try {
    return execFileSync(command, args, { cwd, stdio: "pipe", encoding: "utf8", env: { ...process.env, ...env } });
  } catch (error) {
    assert.fail(`${command} ${args.join(" ")}\n${error.stdout}\n${error.stderr}`);
  }
};

const CORE = `
  interface Mood { mood: string }
  const client: Client<Mood> = createClient<Mood>({ socket: "", api: "", getToken: async (why, signal) => why === "first" && !signal.aborted ? "x" : null });
  const conversation = client.conversation({ topic: "x" });
  const message: Message<Mood> = conversation.send({ text: "hi", mentions: [1, "a"] }, { mood: "good" });
  const mood: string | undefined = message.metadata?.mood;
  const stop: () => void = client.start();
  client.on("message.new", ({ target, entry }) => [target, entry]);
  // @ts-expect-error there is no such event
  client.on("nothing", () => {});
  // @ts-expect-error neither user nor topic
  client.conversation({ group: 1 });
  const entries = client.inbox.get().entries.map(({ unread, latest }) => [unread, latest?.text]);
  export const all = [mood, stop, entries];`;
const REACT = `
  const Chat = () => {
    const { messages, conversation } = useConversation<{ mood: string }>({ user: 2 });
    const name: string | undefined = useProfile({ user: 2 })?.username;
    const unread: number = useChat().unread + useInbox().entries.length;
    const online: boolean | undefined = usePresence([2])["2"]?.online;
    useChatEvent("message.new", ({ entry }) => entry);
    // @ts-expect-error there is no such event
    useChatEvent("nothing", () => {});
    const mood: string | undefined = messages[0]?.metadata?.mood;
    return createElement("p", null, name, unread, online, mood, conversation.target.toString());
  };
  export const app = (client: Client) => createElement(ChatProvider, { client }, createElement(Chat));`;
const ELEMENT = `
  const element = new SennaChat();
  element.getToken = async () => "x";
  element.target = { user: 2 };
  element.strings = { write: "Schreib" };
  // @ts-expect-error there is no such sentence
  element.strings = { nothing: "x" };
  const client: Client<any> | undefined = element.client;
  document.querySelector("senna-chat")?.open({ topic: "club" });
  // @ts-expect-error there is no such conversation
  document.querySelector("senna-chat")?.open({ group: 1 });
  export const part: HTMLElement = element;
  export const words: string = STRINGS.write + client?.get().unread;`;
const SOCKET_IO = `
  const transport = createTransport({ socket: "", api: "", pace: { answer: 5000 } });
  const socket = io("http://localhost", { transports: [transport], auth: { token: "x" }, autoConnect: false });
  // @ts-expect-error the address of the socket is missing
  createTransport({ api: "" });
  export const recovered: boolean = socket.recovered;`;
const USES = {
  core: `import { createClient, type Client, type Message } from "senna-chat";${CORE}`,
  react: `import { createElement } from "react";
    import type { Client } from "senna-chat";
    import { ChatProvider, useChat, useChatEvent, useConversation, useInbox, usePresence, useProfile } from "senna-chat/react";${REACT}`,
  element: `import type { Client } from "senna-chat"; import { SennaChat, STRINGS } from "senna-chat/element";${ELEMENT}`,
  socketio: `import { io } from "socket.io-client"; import { createTransport } from "senna-chat/socket.io";${SOCKET_IO}`,
};
const EXPORTS = {
  "senna-chat": ["createClient"],
  "senna-chat/react": [
    "ChatProvider",
    "useChat",
    "useChatEvent",
    "useClient",
    "useConversation",
    "useInbox",
    "usePresence",
    "useProfile",
  ],
  "senna-chat/element": ["STRINGS", "SennaChat"],
  "senna-chat/socket.io": ["createTransport"],
};

describe("19 the package", () => {
  const at = mkdtempSync(join(tmpdir(), "senna-chat-"));
  const installed = join(at, "node_modules/senna-chat");
  let packed;

  before(() => {
    [packed] = JSON.parse(run("npm", ["pack", "--json", "--silent", "--pack-destination", at], folder));
    writeFileSync(join(at, "package.json"), JSON.stringify({ name: "user", private: true }));
    // Its cache is empty, and there is no network: there is nothing else to fetch.
    run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(at, packed.filename)], at, {
      npm_config_cache: join(at, "cache"),
    });
    mkdirSync(join(at, "node_modules/@types"), { recursive: true });
    for (const name of ["react", "@types/react", "csstype", "socket.io-client"])
      symlinkSync(join(folder, "node_modules", name), join(at, "node_modules", name));
  });
  after(() => rmSync(at, { recursive: true }));

  test("holds what it needs and nothing else", () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of paths)
      assert.match(path, /^(src\/[\w./-]+\.js|dist\/[\w./-]+\.(c?js|d\.c?ts)|README\.md|LICENSE|package\.json)$/);
    for (const name of ["index", "react", "element", "socket.io"])
      for (const kind of ["js", "cjs"]) assert.ok(paths.includes(`dist/${name}.${kind}`));
    const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    assert.equal(dependencies, undefined);
    assert.deepEqual(
      readdirSync(join(at, "node_modules")).filter((name) => !/^(\.|@types|react|csstype|socket\.io-client)/.test(name)),
      ["senna-chat"],
    );
  });

  for (const [entry, names] of Object.entries(EXPORTS))
    test(`${entry} loads as an ES module and as CommonJS, without a DOM`, () => {
      const check = `if (Object.keys(all).filter((name) => name !== "default" && name !== "module.exports").sort().join() !== "${names}") throw new Error(Object.keys(all));`;
      run(process.execPath, ["--input-type=module", "-e", `import * as all from "${entry}"; ${check}`], at);
      run(process.execPath, ["--input-type=commonjs", "-e", `const all = require("${entry}"); ${check}`], at);
    });

  test("has types for both that say what is right and what is wrong", () => {
    const files = [];
    for (const [name, text] of Object.entries(USES))
      for (const kind of ["mts", "cts"]) {
        files.push(`${name}.${kind}`);
        writeFileSync(join(at, `${name}.${kind}`), text);
      }
    const compilerOptions = {
      module: "nodenext",
      target: "es2022",
      lib: ["es2023", "dom"],
      strict: true,
      noEmit: true,
      types: [],
    };
    writeFileSync(join(at, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    run(join(folder, "node_modules/.bin/tsc"), ["-p", at], at);
  });

  test("names no place of the machine on which it was made", () => {
    for (const { path } of packed.files) assert.ok(!readFileSync(join(installed, path), "utf8").includes(folder), path);
  });

  test("is a chat with the page of the README, which has at most 20 lines and no build", { skip }, async (t) => {
    const [, html] = readFileSync(join(folder, "README.md"), "utf8").match(/```html\n(<!doctype html>[\s\S]*?)```/);
    assert.ok(html.trim().split("\n").length <= 20);
    const stack = await startStack();
    t.after(() => stack.stop());
    const [me, other] = [700_001, 700_002];
    const [rest, websocket] = [stack.rest, stack.websocket].map((url) => url.replace("127.0.0.1", "localhost"));
    const token = tokenOf(me);
    // What the README tells the reader to replace.
    const page = html
      .replace("ws://localhost:3006", websocket)
      .replace("http://localhost:3005/api", rest)
      .replace("THE TOKEN OF USER 1", token)
      .replace('user="2"', `user="${other}"`);
    for (const [what, count] of [
      [websocket, 1],
      [rest, 1],
      [token, 1],
      [String(other), 1],
    ])
      assert.equal(page.split(what).length - 1, count, what);
    const site = await servePage(stack, {
      pages: { "/my.html": page },
      files: { node_modules: join(at, "node_modules") },
    });
    t.after(() => site.stop());
    const browser = await launch();
    t.after(() => browser.close());
    const tab = await browser.newPage();
    const faults = [];
    tab.on("pageerror", ({ message }) => faults.push(message));
    await tab.goto(`${site.url}/my.html`);
    const field = tab.getByPlaceholder("Write a message");
    await field.fill("hello from the README");
    await field.press("Enter");
    await tab.locator(".delivery.sent").waitFor();
    const history = async () => {
      const response = await fetch(`${rest}/user/${me}`, { headers: { Authorization: `Bearer ${tokenOf(other)}` } });
      return (await response.json()).messages;
    };
    await until(async () => (await history())[0]?.text === "hello from the README", "it is stored");
    assert.deepEqual(faults, []);
  });
});

test("the client, the element and the transport are within their sizes", () => {
  assert.match(run(process.execPath, ["scripts/size.js"], folder), /the client.*\nthe element.*\nthe transport/);
});

test("the sources have no wrong types", () => {
  run(join(folder, "node_modules/.bin/tsc"), ["--noEmit", "-p", "."], folder);
});

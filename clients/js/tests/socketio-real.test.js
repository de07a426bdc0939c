// The official client of Socket.IO against a real stack, in Node and in a browser: the binaries that are deployed, behind the local gateway.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { createTransport } from "../src/socketio/index.js";
import { launch, noBrowser } from "./browser.js";
import { servePage } from "./page-server.js";
import { isBuilt, startStack, tokenOf } from "./stack.js";

const notBuilt = !isBuilt && "there is no target/debug/senna: run cargo build";

/** Waits until it holds. */
const until = async (holds, what, limit = 15_000) => {
  for (const end = Date.now() + limit; Date.now() < end; await new Promise((go) => setTimeout(go, 20))) if (holds()) return;
  assert.fail(`not in time: ${what}`);
};

let users = Math.floor(Math.random() * 1e6) * 1000;

describe("Socket.IO on a real stack", { skip: notBuilt }, () => {
  let stack;
  const sockets = [];
  before(async () => {
    stack = await startStack();
  });
  after(async () => {
    for (const socket of sockets) socket.disconnect();
    await stack?.stop();
  });

  const page = (auth) => {
    const transport = createTransport({ socket: stack.websocket, api: stack.rest, WebSocket, pace: { firstWait: 20 } });
    const socket = io("http://localhost", { transports: [transport], auth, forceNew: true, reconnectionDelay: 50 });
    sockets.push(socket);
    const texts = [];
    socket.on("new-message", ({ text }) => texts.push(text));
    return { socket, texts };
  };
  const connected = async (user) => {
    const all = page({ token: tokenOf(user) });
    await until(() => all.socket.connected, "it connects");
    return all;
  };
  const post = async (by, path, body, method = "POST") => {
    const headers = { "X-Auth-Token": tokenOf(by), "Content-Type": "application/json" };
    const response = await fetch(`${stack.rest}${path}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(response.ok, String(response.status));
    return response.json();
  };

  test("a page of the predecessor, as its protocol was: `authenticate`, POST, and `new-message` at both sides", async () => {
    const [one, other] = [++users, ++users];
    const pages = [one, other].map((user) => ({ user, ...page() }));
    for (const { socket, user } of pages) socket.on("connect", () => socket.emit("authenticate", { token: tokenOf(user) }));
    await Promise.all(pages.map(({ socket }) => new Promise((go) => socket.on("authenticated", go))));
    const heard = [];
    for (const { socket } of pages) socket.on("new-message", (message) => heard.push(message));
    const { entry } = await post(one, `/user/${other}`, { type: "text", text: "Hello, world!" });
    await until(() => heard.length === 2, "both hear it");
    for (const message of heard) assert.deepEqual(message, { ...entry });
    const { id, author, timestamp, type, text } = heard[0];
    assert.deepEqual([id, author, type, text], [entry.id, one, "text", "Hello, world!"]);
    assert.equal(new Date(timestamp.iso).getTime(), timestamp.epoch);
  });

  test("actions are acknowledged, errors too, and the other side hears of them", async () => {
    const [one, other] = [++users, ++users];
    const [a, b] = [await connected(one), await connected(other)];
    const events = [];
    b.socket.onAny((event, what) => events.push([event, what.text ?? what.id]));
    const to = { target: "user", target_id: other };
    const { entry } = await a.socket.emitWithAck("send", { ...to, type: "text", text: "hello", client_id: "1" });
    const again = await a.socket.emitWithAck("send", { ...to, type: "text", text: "hello", client_id: "1" });
    assert.equal(again.entry.id, entry.id);
    await a.socket.emitWithAck("update", { ...to, message_id: entry.id, text: "hello!" });
    await a.socket.emitWithAck("delete", { ...to, message_id: entry.id });
    await until(() => events.length === 3, "it is told");
    assert.deepEqual(events, [["new-message", "hello"], ["message-updated", "hello!"], ["message-deleted", entry.id]]);
    assert.deepEqual(a.texts, []);
    const error = await a.socket.emitWithAck("send", { ...to, type: "poem" });
    assert.deepEqual([error.error, error.code, error.status], [true, "MESSAGES_INVALID_TYPE", 400]);
    assert.equal((await a.socket.emitWithAck("dance", {})).code, "UNKNOWN_ACTION");
  });

  test("what was sent while the connections were cut is told once and in order, also to who joined a topic", async () => {
    const [one, other, club] = [++users, ++users, `club-${users}`];
    const { socket, texts } = await connected(one);
    const recovered = [];
    socket.on("connect", () => recovered.push(socket.recovered));
    await post(other, `/topic/${club}`, { type: "text", text: "before" });
    await post(one, `/topic/${club}/members/me`, undefined, "PUT");
    const expected = [];
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 4; n++) {
        for (const path of [`/user/${one}`, `/topic/${club}`]) {
          const text = `${path} ${round}.${n}`;
          expected.push(text);
          await post(other, path, { type: "text", text });
        }
        if (n === 1) await stack.cut();
      }
      await until(() => socket.connected, "it is back");
    }
    await until(() => texts.length >= expected.length, `all are told: ${texts}`);
    for (const path of ["/user", "/topic"]) {
      const of = (all) => all.filter((text) => text.startsWith(path));
      assert.deepEqual(of(texts), of(expected));
    }
    assert.ok(recovered.length > 0 && recovered.every(Boolean), String(recovered));
  });

  test("the example of the README sends a message", async () => {
    const [, example] = readFileSync(new URL("../README.md", import.meta.url), "utf8").match(/```js\n(import { io }[^]*?)```/);
    const script = example
      .replace("ws://localhost:3006", stack.websocket)
      .replace("http://localhost:3005/api", stack.rest)
      .replace("io({", 'io("http://localhost", {');
    const begin = `import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket; const token = "${tokenOf(++users)}";`;
    const folder = new URL("..", import.meta.url).pathname;
    const given = ["--input-type=module", "-e", `${begin}${script}socket.disconnect();`];
    const { stdout } = await promisify(execFile)(process.execPath, given, { cwd: folder });
    assert.match(stdout, /^[0-9a-f-]{36}\n$/);
  });

  test("a bad token is a connect_error with the error of the service, and the next token connects", async () => {
    const { socket } = page({ token: "none.of.ours" });
    const error = await new Promise((go) => socket.on("connect_error", go));
    assert.deepEqual([error.data.code, error.data.status, socket.active], ["INVALID_TOKEN_ERR", 401, false]);
    assert.equal(error.message, error.data.message);
    socket.auth = { token: tokenOf(++users) };
    socket.connect();
    await until(() => socket.connected, "it connects");
  });
});

describe("Socket.IO in a browser", { skip: noBrowser ?? notBuilt }, () => {
  const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Socket.IO</title><link rel="icon" href="/demo/icon.svg">
    <script type="module" src="/page.js"></script>`;
  const PAGE = `
    import { io } from "/node_modules/socket.io-client/dist/socket.io.esm.min.js";
    import { createTransport } from "/src/socketio/index.js";
    const { websocket, rest, people } = await (await fetch("/config.json")).json();
    window.start = (token = people[0].token) => {
      const transports = [createTransport({ socket: websocket, api: rest, pace: { firstWait: 20 } })];
      const socket = io({ transports, auth: { token }, reconnectionDelay: 50 });
      const heard = [];
      socket.on("new-message", ({ text }) => heard.push(text));
      socket.on("connect", () => heard.push(socket.recovered ? "recovered" : "connected"));
      socket.on("disconnect", (reason) => heard.push(reason));
      socket.on("connect_error", ({ message, data }) => heard.push(data.code));
      Object.assign(window, { socket, heard });
    };`;
  const [me, other] = [++users, ++users];
  let stack, site, browser;
  before(async () => {
    stack = await startStack();
    const files = { node_modules: new URL("../node_modules", import.meta.url).pathname };
    site = await servePage(stack, { users: [me, other], pages: { "/page.html": HTML, "/page.js": PAGE }, files });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await stack?.stop();
  });
  /** The page, and what its console and its content-security policy say. */
  const visit = async () => {
    const page = await browser.newPage();
    const faults = [];
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`${site.url}/page.html`);
    await page.waitForFunction(() => window.start);
    const heard = async (count) => {
      const all = await page.waitForFunction((count) => heard.length >= count && heard, count);
      return all.jsonValue();
    };
    return { page, faults, heard };
  };
  const post = async (text) => {
    const headers = { "X-Auth-Token": tokenOf(other), "Content-Type": "application/json" };
    await fetch(`${stack.rest}/user/${me}`, { method: "POST", headers, body: JSON.stringify({ type: "text", text }) });
  };

  test("a page hears messages, is acknowledged, and is told after a cut what it missed", async () => {
    const { page, heard, faults } = await visit();
    await page.evaluate(() => start());
    await heard(1);
    await post("hello");
    await heard(2);
    const to = { target: "user", target_id: other, type: "text", text: "hi" };
    const answer = await page.evaluate((to) => socket.emitWithAck("send", to), to);
    assert.deepEqual([answer.entry.author, answer.entry.text], [me, "hi"]);
    await stack.cut();
    await post("meanwhile");
    await heard(5);
    await post("after");
    assert.deepEqual(await heard(6), ["connected", "hello", "transport close", "recovered", "meanwhile", "after"]);
    assert.deepEqual(faults.filter((text) => !/WebSocket connection/.test(text)), []);
    await page.close();
  });

  test("a page is told that its token is bad, although a browser does not say why a connection failed", async () => {
    const { page, heard } = await visit();
    await page.evaluate(() => start("none.of.ours"));
    assert.deepEqual(await heard(1), ["INVALID_TOKEN_ERR"]);
    assert.equal(await page.evaluate(() => socket.active), false);
    await page.close();
  });
});

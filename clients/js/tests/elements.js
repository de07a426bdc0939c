// A page with elements of the package, in a browser, on a real stack.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before } from "node:test";
import WebSocket from "ws";
import { createClient } from "../src/index.js";
import { launch, noBrowser } from "./browser.js";
import { servePage } from "./page-server.js";
import { isBuilt, startStack, tokenOf } from "./stack.js";

/** Why tests in a browser are skipped; nothing if they are not. */
export const skip = noBrowser ?? (!isBuilt && "there is no target/debug/senna: run cargo build");

const BLANK = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A page</title><link rel="icon" href="/demo/icon.svg"><main><h1>A page</h1></main><script type="module" src="/src/element/index.js"></script>`;

let users = Math.floor(Math.random() * 1e6) * 1000;

/** Starts everything before the tests of a suite, and ends it after them. */
export const stage = (options = {}) => {
  const the = {};
  const open = [];
  before(async () => {
    the.stack = await startStack(...(options.stack ?? []));
    the.site = await servePage(the.stack, { pages: { "/blank.html": BLANK, ...options.pages }, ...options.site });
    the.browser = await launch();
  });
  after(async () => {
    await the.browser?.close();
    await the.site?.stop();
    await the.stack?.stop();
  });
  afterEach(async () => {
    for (const { page, client, faults } of open.splice(0)) {
      client?.close();
      if (!page) continue;
      await page.context().close();
      assert.deepEqual(faults, [], "what the page's console and its content-security policy say");
    }
  });

  /** A user whom nobody has met yet. */
  the.newUser = () => String(++users);

  /** A page. What goes wrong on it fails the test. */
  the.visit = async (path = "/blank.html", context = {}) => {
    const page = await the.browser.newPage({
      reducedMotion: "reduce",
      viewport: { width: 1000, height: 800 },
      ...context,
    });
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    // The sample platform names pictures that do not exist, and a cut connection is no fault of the page.
    const isExpected = (text) => /ERR_NAME_NOT_RESOLVED|ERR_INTERNET_DISCONNECTED|WebSocket connection/.test(text);
    page.on(
      "console",
      (message) => message.type() === "error" && !isExpected(message.text()) && faults.push(`${message.text()} ${message.location().url}`),
    );
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error(`policy: ${violatedDirective} ${blockedURI}`),
      );
    });
    open.push({ page, faults });
    await page.goto(the.site.url + path);
    return page;
  };

  /** Puts an element on the page, and returns its locator. */
  the.add = async (page, user, attributes = {}, properties = {}) => {
    const id = `e${await page.locator("senna-chat").count()}`;
    const { websocket: socket, rest: api } = the.site.config;
    await page.evaluate(
      ([attributes, properties]) => {
        const element = document.createElement("senna-chat");
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        Object.assign(element, properties);
        document.querySelector("main").append(element);
      },
      [{ id, socket, api, token: tokenOf(user), ...attributes }, properties],
    );
    return page.locator(`#${id}`);
  };

  /** A user elsewhere, without a browser. */
  the.device = async (user) => {
    const client = createClient({
      socket: the.stack.websocket,
      api: the.stack.rest,
      getToken: () => tokenOf(user),
      WebSocket,
      pace: { firstWait: 50 },
    });
    open.push({ client });
    client.start();
    await until(() => client.get().state === "live", "the device is live");
    return client;
  };

  /** Two users in conversation: one by the element, the other by a device. */
  the.pair = async (attributes = {}, context = {}) => {
    const [me, other] = [the.newUser(), the.newUser()];
    const page = await the.visit("/blank.html", context);
    const device = await the.device(other);
    const theirs = device.conversation({ user: me });
    theirs.open();
    const element = await the.add(page, me, { mode: "chat", user: other, ...attributes });
    await element.getByText("No messages yet").waitFor();
    return { page, element, device, theirs, me, other, field: element.getByPlaceholder("Write a message") };
  };
  return the;
};

/** Waits until it holds. */
export const until = async (holds, what, limit = 30_000) => {
  for (const end = Date.now() + limit; Date.now() < end; await new Promise((go) => setTimeout(go, 20)))
    if (await holds()) return;
  assert.fail(`not in time: ${what}`);
};

/** The texts of the bubbles, in their order. */
export const texts = (element) => element.locator(".bubble .text").allTextContents();

/** Sends messages from a device, one after the other. */
export const say = async (conversation, ...all) => {
  for (const text of all) conversation.send(text);
  await until(() => conversation.get().messages.every(({ delivery }) => delivery === "sent"), "the device has sent");
};

/** What has the focus, through the shadow root. */
export const focused = (page) =>
  page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className ?? "");

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds that is serious or critical. The policy of the page does not hold for what the browser's debugger evaluates. */
export const serious = async (page) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const bad = violations.filter(({ impact }) => /serious|critical/.test(impact));
  return bad.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 90)} ${any[0]?.message ?? ""}`).join(" | ")}`,
  );
};

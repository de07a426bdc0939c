// <senna-chat>: the inbox, groups, the popup, and what a page says to it. In a real browser, on a real stack, under a strict content-security policy.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { focused, say, serious, skip, stage, texts, until } from "./elements.js";

describe("the element's modes", { skip }, () => {
  const the = stage();

  /** A user with a conversation with each of so many others, who have written. */
  const busy = async (count) => {
    const me = the.newUser();
    const others = [];
    for (let n = 0; n < count; n++) {
      const other = the.newUser();
      const device = await the.device(other);
      const theirs = device.conversation({ user: me });
      theirs.open();
      await say(theirs, `hello from ${n}`);
      others.push({ other, device, theirs });
    }
    return { me, others };
  };

  test("the inbox shows what is unread, opens a conversation, and has it back where it was", async () => {
    const { me, others } = await busy(3);
    const page = await the.visit("/blank.html", { viewport: { width: 500, height: 700 } });
    const element = await the.add(page, me);
    const entries = element.locator(".entry");
    await until(async () => (await entries.count()) === 3, "all are there");
    assert.match(await entries.nth(0).textContent(), /hello from 2/);
    assert.match(await entries.nth(0).locator(".badge").textContent(), /^1\s*unread$/);
    await entries.nth(0).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await element.locator(".bubble").waitFor();
    assert.deepEqual(await texts(element), ["hello from 1"]);
    assert.equal(await focused(page), "input");
    // On a narrow screen one of both is shown.
    assert.equal(await entries.nth(0).isVisible(), false);
    await until(() => others[1].theirs.get().messages[0].seen, "it is read");
    await element.getByRole("button", { name: "Back to messages" }).click();
    await until(async () => (await entries.nth(1).locator(".badge").count()) === 0, "the badge is gone");
    assert.match(
      await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent),
      /hello from 1/,
    );
    await say(others[1].theirs, "and again");
    await until(async () => /and again/.test(await entries.nth(0).textContent()), "the newest activity is first");
    // It was moved, and has kept the focus.
    assert.match(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent), /and again/);
  });

  test("on a wide screen the inbox stands beside the conversation", async () => {
    const { me } = await busy(1);
    const page = await the.visit("/blank.html", { viewport: { width: 1000, height: 700 } });
    const element = await the.add(page, me);
    await element.getByText("Choose a conversation").waitFor();
    await element.locator(".entry").click();
    await element.locator(".bubble").waitFor();
    assert.equal(await element.locator(".entry").isVisible(), true);
    assert.equal(await element.locator(".entry").getAttribute("aria-current"), "true");
    assert.equal(await element.getByRole("button", { name: "Back to messages" }).isVisible(), false);
  });

  test("a conversation is pinned, muted and hidden", async () => {
    const { me, others } = await busy(2);
    const element = await the.add(await the.visit(), me);
    const entries = element.locator(".entry");
    await entries.nth(1).click();
    const choose = async (name) => {
      await element.locator("header .dots.round").click();
      await element.getByRole("menuitem", { name, exact: true }).click();
    };
    await choose("Pin");
    await until(async () => /hello from 0.*/.test(await entries.nth(0).textContent()), "the pinned one is first");
    await entries.nth(0).locator(".icon.pin").waitFor();
    await choose("Mute");
    await entries.nth(0).locator(".icon.mute").waitFor();
    await choose("Unpin");
    await until(async () => (await element.locator(".icon.pin").count()) === 0, "it is not pinned any more");
    await choose("Hide");
    await until(async () => (await entries.count()) === 1, "it is not shown");
    assert.equal(await element.evaluate((node) => node.target), undefined);
    await say(others[0].theirs, "back");
    await until(async () => (await entries.count()) === 2, "a new message brings it back");
  });

  test("a group: names, mentions by the keyboard, joining and leaving", async () => {
    const [me, other] = [the.newUser(), the.newUser()];
    const topic = `club-${me}`;
    const device = await the.device(other);
    const theirs = device.conversation({ topic });
    theirs.open();
    await say(theirs, "welcome");
    const page = await the.visit();
    const element = await the.add(page, me, { topic });
    const join = element.getByRole("button", { name: "Join", exact: true });
    await join.waitFor();
    // To look at an open group is no fault.
    await page.waitForTimeout(300);
    assert.equal(await element.locator(".notice").textContent(), "");
    await join.click();
    await join.waitFor({ state: "detached" });
    assert.equal(await element.locator(".bubble.theirs").count(), 1);
    assert.equal(await element.locator("bdi.name").textContent(), other);
    assert.equal(await element.locator(".notice").textContent(), "");
    const field = element.getByPlaceholder("Write a message");
    await field.focus();
    await page.keyboard.type(`hey @${other.slice(0, 4)}`);
    const option = element.getByRole("option", { name: other });
    await option.waitFor();
    assert.equal(await option.getAttribute("aria-selected"), "true");
    assert.equal(await field.getAttribute("aria-activedescendant"), await option.getAttribute("id"));
    await page.keyboard.press("Tab");
    assert.equal(await field.inputValue(), `hey @${other} `);
    await page.keyboard.press("Enter");
    await until(() => theirs.get().messages[1]?.mentions?.map(String).join() === other, "the mention arrives");
    assert.equal(await element.locator(".mention").textContent(), `@${other}`);
    theirs.send({ text: `@${me} yes`, mentions: [me] });
    assert.equal(await element.locator(".mention.me").textContent(), `@${me}`);
    await theirs.read();
    await element.locator(".delivery.seen").waitFor();
    await element.locator("header .dots.round").click();
    await element.getByRole("menuitem", { name: "Leave" }).click();
    await until(async () => (await theirs.members.list()).total === 1, "one has left");
  });

  test("the popup opens, closes by Escape, and gives the focus back", async () => {
    const { me, others } = await busy(1);
    const page = await the.visit();
    const element = await the.add(page, me, { mode: "popup" });
    const launcher = element.getByRole("button", { name: /Open chat\s*1\s*unread/ });
    await launcher.waitFor();
    assert.equal(await element.getByRole("dialog").count(), 0);
    await launcher.focus();
    await page.keyboard.press("Enter");
    await element.getByRole("dialog").waitFor();
    // Opening it reads nothing yet.
    assert.equal(others[0].theirs.get().messages[0].seen, false);
    await page.keyboard.press("Enter");
    await element.getByPlaceholder("Write a message").waitFor();
    assert.equal(await focused(page), "input");
    await until(() => others[0].theirs.get().messages[0].seen, "it is read");
    await page.keyboard.type("a draft");
    await page.keyboard.press("Escape");
    await element.getByRole("dialog").waitFor({ state: "detached" });
    assert.match(await focused(page), /launcher/);
    await page.keyboard.press("Enter");
    assert.equal(await element.getByPlaceholder("Write a message").inputValue(), "a draft");
    await element.getByRole("button", { name: "Close chat" }).first().click();
    await element.getByRole("dialog").waitFor({ state: "detached" });
    await say(others[0].theirs, "unseen");
    await element.getByRole("button", { name: /1\s*unread/ }).waitFor();
  });

  test("on a phone the popup fills the screen", async () => {
    const { me, others } = await busy(1);
    const page = await the.visit("/blank.html", {
      viewport: { width: 390, height: 700 },
      hasTouch: true,
      isMobile: true,
    });
    const element = await the.add(page, me, { mode: "popup", user: others[0].other });
    await element.getByRole("button", { name: /Open chat/ }).tap();
    await element.locator(".bubble").waitFor();
    assert.deepEqual(await element.locator(".panel").boundingBox(), { x: 0, y: 0, width: 390, height: 700 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  });

  test("axe-core finds nothing serious, in light and dark", async () => {
    const { me, others } = await busy(2);
    for (const theme of ["light", "dark"]) {
      const page = await the.visit("/blank.html", { colorScheme: theme });
      const inbox = await the.add(page, me, { user: others[0].other });
      await inbox.locator(".bubble").first().waitFor();
      const field = inbox.getByPlaceholder("Write a message");
      await field.fill(`see https://example.com/${theme}`);
      await field.press("Enter");
      await inbox.locator(".delivery.sent").last().waitFor();
      await inbox.locator(".act").last().focus();
      await page.keyboard.press("Enter");
      await inbox.getByRole("menuitem", { name: "Reply" }).waitFor();
      assert.deepEqual(await serious(page), [], `${theme}, with a menu`);
      await inbox.getByRole("menuitem", { name: "Reply" }).click();
      await inbox.getByText("Reply to You").waitFor();
      await field.fill("x".repeat(20_000));
      await field.press("Enter");
      await inbox.locator(".failed").waitFor();
      assert.deepEqual(await serious(page), [], `${theme}, with a failed message`);
      await inbox.getByRole("button", { name: "Discard" }).click();
      await page.evaluate(() => document.querySelector("senna-chat").remove());
      const popup = await the.add(page, me, { mode: "popup" });
      await popup.getByRole("button", { name: /Open chat/ }).click();
      await popup.locator(".entry").first().waitFor();
      assert.deepEqual(await serious(page), [], `${theme}, the popup`);
      await page.context().close();
    }
  });

  test("the theme attribute decides, variables and parts are the page's, and words can be replaced", async () => {
    const { page, element } = await the.pair({ theme: "dark" });
    const colour = (selector, name) =>
      element.locator(selector).evaluate((node, name) => getComputedStyle(node)[name], name);
    assert.equal(await colour(".panel", "backgroundColor"), "rgb(22, 23, 27)");
    await element.evaluate((node) => node.setAttribute("theme", "light"));
    assert.equal(await colour(".panel", "backgroundColor"), "rgb(255, 255, 255)");
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        "senna-chat { --senna-background: rgb(1, 2, 3) } senna-chat::part(field) { color: rgb(4, 5, 6) }",
      );
      document.adoptedStyleSheets.push(sheet);
    });
    assert.equal(await colour(".panel", "backgroundColor"), "rgb(1, 2, 3)");
    assert.equal(await colour(".field", "color"), "rgb(4, 5, 6)");
    await element.evaluate((node) => (node.strings = { write: "Nachricht schreiben", chatEmpty: "Noch nichts" }));
    await element.getByPlaceholder("Nachricht schreiben").waitFor();
    await element.getByText("Noch nichts").waitFor();
  });

  test("right-to-left turns everything around, and the language writes the times", async () => {
    const { element, theirs, field } = await the.pair({ dir: "rtl", lang: "ar" });
    await field.fill("مرحبا");
    await field.press("Enter");
    await say(theirs, "hello");
    await until(async () => (await texts(element)).length === 2, "both are shown");
    const side = async (name) => {
      const { x, width } = await element.locator(`.bubble.${name}`).boundingBox();
      const all = await element.boundingBox();
      return x + width / 2 < all.x + all.width / 2 ? "left" : "right";
    };
    assert.deepEqual([await side("mine"), await side("theirs")], ["left", "right"]);
    assert.equal(await element.locator(".day time").textContent(), "اليوم");
  });

  test("an invalid language does no harm", async () => {
    const { element, field } = await the.pair({ lang: "en_US" });
    await field.fill("hi");
    await field.press("Enter");
    await element.locator(".delivery.sent").waitFor();
    assert.match(await element.locator(".day time").textContent(), /./);
  });

  test("elements share the client of the page, and one that is moved keeps its connection", async () => {
    const { me, others } = await busy(1);
    const page = await the.visit();
    let sockets = 0;
    page.on("websocket", () => sockets++);
    const first = await the.add(page, me);
    await first.locator(".entry").waitFor();
    await page.evaluate((user) => {
      const [one] = document.querySelectorAll("senna-chat");
      const other = document.createElement("senna-chat");
      other.id = "other";
      other.setAttribute("mode", "chat");
      other.client = one.client;
      document.querySelector("main").append(other);
      // The page shows what the inbox opens in the other element.
      one.addEventListener("senna-open", (event) => {
        event.preventDefault();
        other.target = event.detail;
      });
    }, others[0].other);
    await first.locator(".entry").click();
    await page.locator("#other .bubble").waitFor();
    assert.equal(await first.locator(".bubble").count(), 0);
    await page.evaluate(() =>
      document.body.append(document.querySelector("senna-chat"), document.querySelector("#other")),
    );
    await say(others[0].theirs, "still here");
    await page.locator("#other .bubble").getByText("still here").waitFor();
    assert.equal(sockets, 1);
    // One that is taken away lets its conversation and its client go.
    const state = await page.evaluate(async () => {
      const { client } = document.querySelector("senna-chat");
      for (const one of document.querySelectorAll("senna-chat")) one.remove();
      await new Promise((go) => setTimeout(go, 50));
      return client.get().state;
    });
    assert.equal(state, "idle");
  });

  test("a token comes from the page's server, and a user who is logged out is told so", async () => {
    const me = the.newUser();
    const page = await the.visit();
    const { websocket: socket, rest: api } = the.site.config;
    const { tokenOf } = await import("./stack.js");
    // A browser writes a 401 to its console, so the page answers for the server.
    await page.evaluate((token) => {
      const { fetch } = window;
      window.status = 401;
      window.fetch = (url, ...more) =>
        url === "/token" ? Promise.resolve(Response.json({ token }, { status: +window.status })) : fetch(url, ...more);
    }, tokenOf(me));
    await page.evaluate(
      ([socket, api]) => {
        document.querySelector("main").innerHTML =
          `<senna-chat id="e0" socket="${socket}" api="${api}" token-url="/token"></senna-chat>`;
      },
      [socket, api],
    );
    const element = page.locator("#e0");
    await element.getByText("You are signed out").waitFor();
    await page.evaluate(() => (window.status = 200));
    await element.getByRole("button", { name: "Try again" }).click();
    await element.getByText("No conversations yet").waitFor();
    await element.getByText("You are signed out").waitFor({ state: "detached" });
  });

  test("what one user began to write is not shown to the next", async () => {
    const { page, element, field, other } = await the.pair();
    await field.fill("a secret");
    const { tokenOf } = await import("./stack.js");
    await page.evaluate(
      async ([token, socket, api]) => {
        const { createClient } = await import("/src/index.js");
        document.querySelector("senna-chat").client = createClient({ socket, api, getToken: () => token });
      },
      [tokenOf(the.newUser()), the.site.config.websocket, the.site.config.rest],
    );
    await element.getByText("No messages yet").waitFor();
    assert.equal(await field.inputValue(), "");
    assert.deepEqual(await element.evaluate((node) => node.target), { user: other });
  });

  test("properties that were set before the element was defined count", async () => {
    const page = await the.visit();
    const found = await page.evaluate(async () => {
      const { SennaChat } = await import("/src/element/element.js");
      const element = document.createElement("not-yet");
      element.strings = { inbox: "Before" };
      customElements.define("not-yet", class extends SennaChat {});
      document.querySelector("main").append(element);
      return [Object.hasOwn(element, "strings"), element.strings.inbox];
    });
    assert.deepEqual(found, [false, "Before"]);
  });
});

test("the element makes no markup of text, and no code", () => {
  const folder = new URL("../src/element/", import.meta.url);
  for (const name of readdirSync(folder))
    assert.doesNotMatch(
      readFileSync(new URL(name, folder), "utf8"),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\b|new Function|"style"/,
    );
});

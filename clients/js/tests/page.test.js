// The page of the local stack in a real browser: two people, what their sockets say, the switches for faults, and the lines to copy.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { serious, skip, stage, texts, until } from "./elements.js";

describe("the page", { skip }, () => {
  const the = stage();

  /** The page with two people whom nobody has met yet. */
  const visit = async (context = {}, more = {}) => {
    const users = [the.newUser(), the.newUser()];
    const topic = `group-${users[0]}`;
    const { people, ...config } = the.site.config;
    const { tokenOf } = await import("./stack.js");
    const mine = {
      ...config,
      topics: [topic],
      ...more,
      people: people.map(({ name }, index) => ({ name, user: users[index], token: tokenOf(users[index]) })),
    };
    const page = await the.visit("/blank.html", { viewport: { width: 1400, height: 1000 }, ...context });
    await page.route("**/config.json", (route) => route.fulfill({ json: mine }));
    await page.goto(the.site.url);
    const [ada, grace] = [0, 1].map((index) => page.locator("senna-chat").nth(index));
    const fields = [ada, grace].map((one) => one.getByPlaceholder("Write a message"));
    await page.locator(".state[data-state=live]").nth(1).waitFor();
    const write = async (index, text) => {
      await fields[index].fill(text);
      await fields[index].press("Enter");
    };
    return { page, ada, grace, write, topic };
  };

  test("two people chat side by side, and the log tells what their sockets say", async () => {
    const { page, ada, grace, write } = await visit();
    await write(0, "hello <img src=x onerror=alert(1)>");
    await until(async () => (await texts(grace)).join() === "hello <img src=x onerror=alert(1)>", "it arrives");
    await write(1, "hi");
    await until(async () => (await texts(ada)).length === 2, "the answer arrives");
    await ada.locator(".delivery.seen").waitFor();
    const log = page.locator("#log");
    for (const words of ["connected", "hello <img src=x onerror=alert(1)>", "message.new", "read user/"])
      await log.locator("summary, span", { hasText: words }).first().waitFor();
    assert.equal(await log.locator("img").count(), 0);
    await log.locator("summary").first().click();
    assert.match(await log.locator("code").first().textContent(), /^\{.*\}$/s);
    await page.getByRole("button", { name: "Clear" }).click();
    assert.equal(await log.locator("li").count(), 0);
  });

  test("each has an inbox with the group", async () => {
    const { ada, topic } = await visit();
    await ada.getByRole("button", { name: "Back to messages" }).click();
    await ada.locator(".entry").getByText(topic).click();
    await ada.getByPlaceholder("Write a message").fill("hello all");
    await ada.getByPlaceholder("Write a message").press("Enter");
    await ada.locator(".delivery.sent").waitFor();
  });

  test("connections are cut by a button, and what is written meanwhile arrives once and in order", async () => {
    const { page, ada, grace, write } = await visit();
    const expected = [];
    for (let n = 0; n < 12; n++) {
      if (n % 4 === 1) await page.getByRole("button", { name: "Cut the connections" }).click();
      expected.push(`${n}`);
      await write(n % 2, `${n}`);
    }
    for (const one of [ada, grace]) {
      await until(async () => (await texts(one)).length === expected.length, "all are there");
      await until(async () => (await one.locator(".delivery.sending").count()) === 0, "all are acknowledged");
    }
    assert.deepEqual(await texts(ada), await texts(grace));
    assert.deepEqual(
      (await texts(ada)).sort((one, other) => one - other),
      expected,
    );
    await page.locator("#log .end").first().waitFor();
    assert.equal(await page.locator("#said").textContent(), "All connections were cut.");
  });

  test("a switch shows what the stack does, and lost pushes lose nothing", async () => {
    const { page, grace, write } = await visit();
    const lose = page.getByRole("switch", { name: "Lose pushes" });
    assert.equal(await lose.getAttribute("aria-checked"), "false");
    await lose.click();
    await until(async () => (await lose.getAttribute("aria-checked")) === "true", "it is on");
    await write(0, "lost");
    await page.waitForTimeout(500);
    assert.deepEqual(await texts(grace), []);
    await lose.click();
    await until(async () => (await lose.getAttribute("aria-checked")) === "false", "it is off");
    await write(0, "next");
    await until(async () => (await texts(grace)).join() === "lost,next", "the next push shows that one was lost");
  });

  test("a page without faults hides the switches", async () => {
    const { page } = await visit({}, { faults: false });
    assert.equal(await page.locator("#faults").isVisible(), false);
    const other = (await visit()).page;
    assert.equal(await other.locator("#faults").isVisible(), true);
    // The answer of a server without them; a real 404 would also be in the browser's console.
    await other.evaluate(() => {
      const { fetch } = window;
      window.fetch = (url, ...more) =>
        url === "/faults" ? Promise.resolve(new Response("{}", { status: 404 })) : fetch(url, ...more);
    });
    await other.getByRole("button", { name: "Cut the connections" }).click();
    await other.locator("#faults").waitFor({ state: "hidden" });
  });

  test("the lines to copy name this stack, and can be reached and copied by the keyboard", async () => {
    const { page } = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
    const tabs = await page.getByRole("tab").allTextContents();
    assert.deepEqual(tabs, ["HTML", "JavaScript", "React", "curl", "Node", "Python", "Ruby", "PHP", "Go"]);
    await page.getByRole("tab", { name: "HTML" }).focus();
    const { rest, websocket } = the.site.config;
    for (const name of tabs) {
      const tab = page.getByRole("tab", { name, exact: true });
      assert.equal(await tab.getAttribute("aria-selected"), "true");
      const text = await page.locator("#code").textContent();
      assert.doesNotMatch(text, /\[\{|&lt;|undefined/, name);
      if (/HTML|JavaScript|React/.test(name)) assert.ok(text.includes(websocket) && text.includes(rest), name);
      // "A five-line token endpoint": without the comment that says what to install.
      if (/Node|Python|Ruby|PHP|Go/.test(name))
        assert.ok(
          text
            .trim()
            .split("\n")
            .filter((line) => !/^(#|\/\/)/.test(line)).length <= 6,
          name,
        );
      await page.keyboard.press("ArrowRight");
    }
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator("#code").textContent());
  });

  test("axe-core finds nothing serious on it, in light and dark, and it fits a phone", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const { page, ada, write } = await visit({ colorScheme, viewport: { width: 390, height: 800 } });
      await write(0, "hello");
      await ada.locator(".delivery").waitFor();
      assert.deepEqual(await serious(page), [], colorScheme);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    }
  });

  test("the button for the theme changes the page and its elements", async () => {
    const { page } = await visit();
    const colours = () =>
      page.evaluate(() =>
        [document.documentElement, document.querySelector("senna-chat").shadowRoot.querySelector(".panel")].map(
          (node) => getComputedStyle(node).backgroundColor,
        ),
      );
    const light = await colours();
    await page.getByRole("button", { name: "Dark" }).click();
    assert.deepEqual(
      [light, await colours()],
      [
        ["rgb(245, 246, 250)", "rgb(255, 255, 255)"],
        ["rgb(14, 15, 18)", "rgb(22, 23, 27)"],
      ],
    );
  });

  test("people who are let talk have something to say", async () => {
    const { page, grace } = await visit();
    await page.getByRole("button", { name: "Let them talk" }).click();
    await grace.locator(".chip").waitFor();
    assert.equal((await texts(grace)).length, 5);
  });

  test("without its configuration the page says so", async () => {
    const page = await the.visit();
    await page.route("**/config.json", (route) => route.fulfill({ status: 200, body: "nothing" }));
    await page.goto(the.site.url);
    await page.getByRole("alert").getByText("The page can't start").waitFor();
  });

  test("it is the same as the stack itself serves it, where a function can be frozen and Redis killed", async (t) => {
    const { page: address } = the.stack;
    if (!address) return t.skip("this stack serves no page: build it anew");
    const ours = readFileSync(new URL("../demo/index.html", import.meta.url), "utf8");
    if ((await (await fetch(address)).text()) !== ours) return t.skip("this stack serves the page of another checkout");
    const page = await the.visit("/blank.html", { viewport: { width: 1400, height: 1000 } });
    await page.goto(address);
    const [ada, grace] = [0, 1].map((index) => page.locator("senna-chat").nth(index));
    const write = async (one, text) => {
      await one.getByPlaceholder("Write a message").fill(text);
      await one.getByPlaceholder("Write a message").press("Enter");
    };
    const arrives = (one, text, limit) => until(async () => (await texts(one)).at(-1) === text, text, limit);
    await page.locator(".state[data-state=live]").nth(1).waitFor();
    await write(ada, "hello");
    await arrives(grace, "hello");
    await page.getByRole("button", { name: "Cut the connections" }).click();
    await write(grace, "after a cut");
    await arrives(ada, "after a cut");
    const freeze = page.getByRole("switch", { name: "Freeze a function" });
    await freeze.click();
    await until(async () => (await freeze.getAttribute("aria-checked")) === "true", "it is on");
    await write(ada, "through the frost");
    await arrives(grace, "through the frost", 30_000);
    await freeze.click();
    await until(async () => (await freeze.getAttribute("aria-checked")) === "false", "it is off");
    await page.getByRole("button", { name: "Kill Redis for 3 s" }).click();
    await page.getByText("Redis is gone for three seconds.").waitFor();
    await write(grace, "without Redis");
    await arrives(ada, "without Redis", 30_000);
    assert.deepEqual(await texts(ada), await texts(grace));
    for (const [path, kind, name, schema] of [
      ["/openapi", "GET", "/api/list", "ListAnswer"],
      ["/asyncapi", "send", "hello", "HelloFrame"],
    ]) {
      await page.goto(address + path);
      const one = page.locator("details").filter({ has: page.locator("summary", { hasText: kind }) }).filter({ has: page.getByText(name, { exact: true }) }).first();
      await one.locator("summary").click();
      await one.getByRole("link", { name: schema, exact: true }).first().click();
      await page.locator(`details#${schema}[open] pre`).getByText('"type": "object"').first().waitFor();
    }
  });
});

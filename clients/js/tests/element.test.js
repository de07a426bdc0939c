// <senna-chat> in a real browser, on a real stack, under a strict content-security policy.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { focused, say, skip, stage, texts, until } from "./elements.js";

describe("the element", { skip }, () => {
  const the = stage();

  test("Enter sends, Shift+Enter breaks the line, and the focus stays where one writes", async () => {
    const { page, element, theirs, field } = await the.pair();
    await field.focus();
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    assert.deepEqual(await texts(element), []);
    await page.keyboard.press("Enter");
    await until(() => theirs.get().messages[0]?.text === "one\ntwo", "it arrives");
    assert.equal(await field.inputValue(), "");
    assert.equal(await focused(page), "input");
    await element.locator(".delivery.sent").waitFor();
    await theirs.read();
    await element.locator(".delivery.seen").waitFor();
  });

  test("neither Enter nor Shift+Enter does anything while an input method composes", async () => {
    const { element, theirs, field } = await the.pair();
    await field.fill("にほん");
    for (const more of [{ isComposing: true }, { isComposing: true, shiftKey: true }, { keyCode: 229 }]) {
      const isLeft = await field.evaluate(
        (node, more) =>
          node.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...more })),
        more,
      );
      // The input method still gets the key.
      assert.equal(isLeft, true);
    }
    assert.equal(await field.inputValue(), "にほん");
    assert.deepEqual(await texts(element), []);
    assert.equal(theirs.get().messages.length, 0);
  });

  test("one edits, answers, reacts and deletes by the keyboard", async () => {
    const { page, element, theirs, field } = await the.pair();
    await field.fill("hello");
    await field.press("Enter");
    await until(() => theirs.get().messages[0]?.text === "hello", "it arrives first");
    await say(theirs, "hi there");
    await until(async () => (await texts(element)).length === 2, "both are shown");
    /** Opens the menu of a message, and chooses by arrows. */
    const choose = async (index, name) => {
      // Tab leads to the newest message, the arrows from there to the others.
      await field.focus();
      while (!/^act/.test(await focused(page))) await page.keyboard.press("Shift+Tab");
      for (let n = await element.locator(".act").count(); n > index + 1; n--) await page.keyboard.press("ArrowUp");
      await page.keyboard.press("Enter");
      await element.getByRole("menu").waitFor();
      for (let n = 0; n < 20; n++) {
        if ((await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent)) === name) break;
        await page.keyboard.press("ArrowDown");
      }
      await page.keyboard.press("Enter");
    };
    await choose(0, "Edit");
    await until(async () => (await field.inputValue()) === "hello", "the text can be edited");
    await page.keyboard.type(" again");
    await page.keyboard.press("Enter");
    await until(() => theirs.get().messages[0].text === "hello again", "the edit arrives");
    await element.getByText("edited").waitFor();

    await choose(1, "Reply");
    await page.keyboard.type("an answer");
    await page.keyboard.press("Enter");
    await until(() => theirs.get().messages[2]?.reply_to?.excerpt === "hi there", "the reply arrives");
    await element.locator(".quote").getByText("hi there").waitFor();

    await choose(1, "👍");
    await until(() => theirs.get().messages[1].reactions?.[0].reaction === "👍", "the reaction arrives");
    const chip = element.locator(".chip");
    assert.equal(await chip.getAttribute("aria-pressed"), "true");
    await chip.click();
    await until(() => !theirs.get().messages[1].reactions, "it is taken back");

    await element.locator(".act").nth(0).focus();
    await page.keyboard.press("Enter");
    await element.getByRole("menuitem", { name: "Delete" }).click();
    assert.equal(theirs.get().messages.length, 3);
    await element.getByRole("menuitem", { name: "Delete for everyone?" }).click();
    await until(() => theirs.get().messages.length === 2, "the deletion arrives");
    assert.equal(await focused(page), "input");
    await until(async () => (await texts(element)).length === 2, "it is gone here too");
    assert.deepEqual(await texts(element), ["hi there", "an answer"]);
  });

  test("Escape leaves the menu with the focus where it was, and then the edit with the draft as it was", async () => {
    const { page, element, field } = await the.pair();
    await field.fill("first");
    await field.press("Enter");
    await element.locator(".act").waitFor({ state: "attached" });
    await field.fill("a draft");
    await element.locator(".act").focus();
    await page.keyboard.press("Enter");
    await element.getByRole("menu").waitFor();
    await page.keyboard.press("Escape");
    await element.locator(".menu").waitFor({ state: "detached" });
    assert.match(await focused(page), /^act/);
    await page.keyboard.press("Enter");
    await element.getByRole("menuitem", { name: "Edit" }).click();
    assert.equal(await field.inputValue(), "first");
    await page.keyboard.press("Escape");
    assert.equal(await field.inputValue(), "a draft");
    assert.equal(await element.locator(".about").count(), 0);
  });

  test("text stays text, and only safe addresses become links", async () => {
    const { page, element, theirs } = await the.pair();
    const evil = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b>`;
    await say(
      theirs,
      evil,
      "javascript:alert(1) data:text/html,hi",
      "see (https://example.com/a?b=1), or HTTP://EXAMPLE.COM.",
    );
    await until(async () => (await texts(element)).length === 3, "they are shown");
    assert.equal((await texts(element))[0], evil);
    assert.equal(await element.locator(".bubble img, .bubble script, .bubble b").count(), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    const links = await element
      .locator(".bubble a")
      .evaluateAll((all) => all.map(({ href, rel, target, textContent }) => [href, rel, target, textContent]));
    const kept = ["noopener noreferrer nofollow", "_blank"];
    assert.deepEqual(links, [
      ["https://example.com/a?b=1", ...kept, "https://example.com/a?b=1"],
      ["http://example.com/", ...kept, "HTTP://EXAMPLE.COM"],
    ]);
    // Also not in a quote, a name, or the inbox.
    theirs.send({ text: "again", reply_to: theirs.get().messages[0].id });
    await element.locator(".quote").waitFor();
    assert.equal(await element.locator(".quote img, .quote b").count(), 0);
  });

  test("a picture is shown, with a link to it that tells nothing of this page", async () => {
    const { element, theirs } = await the.pair();
    theirs.send({ image: "https://example.com/cat.png" });
    const picture = element.locator(".bubble img");
    await picture.waitFor({ state: "attached" });
    assert.equal(await picture.getAttribute("src"), "https://example.com/cat.png");
    assert.equal(await picture.getAttribute("alt"), "Image");
    assert.equal(await picture.getAttribute("referrerpolicy"), "no-referrer");
    const link = element.locator("a.image");
    assert.deepEqual(
      [await link.getAttribute("href"), await link.getAttribute("rel")],
      ["https://example.com/cat.png", "noopener noreferrer nofollow"],
    );
  });

  test("only https pictures are loaded, whatever the service says", async () => {
    const page = await the.visit();
    const urls = await page.evaluate(async () => {
      const { safeImage, safeUrl } = await import("/src/element/text.js");
      const all = [
        "https://a.example/x",
        "http://a.example/x",
        "javascript:alert(1)",
        "data:image/png,x",
        "//a.example",
        "x",
        null,
      ];
      return [all.map((url) => safeImage(url) ?? null), all.map((url) => safeUrl(url) ?? null)];
    });
    assert.deepEqual(urls, [
      ["https://a.example/x", null, null, null, null, null, null],
      ["https://a.example/x", "http://a.example/x", null, null, null, null, null],
    ]);
  });

  test("a message of thousands of links and names is drawn in a moment", async () => {
    const page = await the.visit();
    const took = await page.evaluate(async () => {
      const { h, patch } = await import("/src/element/dom.js");
      const { rich } = await import("/src/element/text.js");
      const times = ["http://a ", "@5", "@5 http://a "].map((words) => {
        const place = document.createElement("div");
        const begun = performance.now();
        const text = words.repeat((16 * 1024) / words.length);
        patch(place, [h("span.text", null, ...rich(text, [{ name: "5", isMe: true }]))]);
        if (place.textContent !== text) throw Error("it is not whole");
        return performance.now() - begun;
      });
      return Math.max(...times);
    });
    assert.ok(took < 1000, `${took} ms`);
  });

  test("a message and a profile with a wrong address are no link and load nothing", async () => {
    const page = await the.visit();
    const shown = await page.evaluate(async () => {
      const { patch } = await import("/src/element/dom.js");
      const { message } = await import("/src/element/message.js");
      const { avatar } = await import("/src/element/panel.js");
      const wrong = ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "http://a.example/x", " java\nscript:alert(1)"];
      const app = {
        view: { reads: {} },
        client: { presence: { get: () => ({}) } },
        time: { clock: () => "" },
        say: (word) => word,
        name: () => "name",
        author: () => "name",
        isMe: () => false,
      };
      return wrong.map((url) => {
        const profile = () => ({ picture_url: url, profile_url: url, cover_image_thumbnail: url });
        const body = { id: "m", seq: 1, author: 2, type: "image", image: url, timestamp: { iso: "", epoch: 0 } };
        const place = document.createElement("div");
        patch(place, [message({ ...app, profile }, body, true, true), avatar({ ...app, profile }, { user: 2 })]);
        const addresses = [...place.querySelectorAll("*")].flatMap((node) => [...node.attributes]);
        return addresses.filter(({ name }) => /^(href|src|action|on.*|style)$/.test(name)).map(({ value }) => value);
      });
    });
    assert.deepEqual(shown.flat().filter((value) => !value.startsWith("--hue")), []);
  });

  test("a message that the service refuses can be discarded, and the focus goes back to the field", async () => {
    const { page, element, field } = await the.pair();
    await field.fill("x".repeat(20_000));
    await field.press("Enter");
    const failed = element.locator(".failed");
    await failed.waitFor();
    assert.equal(await failed.getAttribute("role"), "alert");
    assert.match(await failed.textContent(), /^Not sent: .*16/);
    await failed.getByRole("button", { name: "Discard" }).click();
    await until(async () => (await element.locator(".bubble").count()) === 0, "it is gone");
    assert.equal(await focused(page), "input");
  });

  test("what is written while there is no connection is sent once when it is back", async () => {
    const { page, element, theirs, field } = await the.pair();
    await page.context().setOffline(true);
    await until(async () => {
      // Again, should a new connection have been on its way already.
      await the.stack.cut();
      return element.locator(".banner").getByText("Connecting").isVisible();
    }, "the element says so", 60_000);
    for (const text of ["a", "b", "c"]) {
      await field.fill(text);
      await field.press("Enter");
    }
    assert.equal(await element.locator(".delivery.sending").count(), 3);
    await page.context().setOffline(false);
    await until(() => theirs.get().messages.length === 3, "they arrive");
    await until(async () => (await element.locator(".delivery.sending").count()) === 0, "they are acknowledged");
    assert.deepEqual(
      theirs.get().messages.map(({ text }) => text),
      ["a", "b", "c"],
    );
    assert.deepEqual(await texts(element), ["a", "b", "c"]);
    await element.locator(".banner").getByText("Connecting").waitFor({ state: "detached" });
  });

  test("new messages are announced apart from the list, history is not", async () => {
    const { element, theirs, other } = await the.pair();
    const region = element.locator("[aria-live=polite]");
    await say(theirs, "news");
    await until(async () => (await region.textContent()) === `${other}: news`, "it is announced");
    assert.equal(await element.locator(".messages [aria-live], .messages [role=log]").count(), 0);
    await say(theirs, "news");
    await until(
      async () => (await region.textContent()) === `${other}: news\u00a0`,
      "the same words are announced once more",
    );
    assert.match(await element.getByRole("list").getAttribute("aria-label"), /^Messages with/);
  });

  test("history loads above without moving what one reads, and a button leads to the newest", async () => {
    const [me, other] = [the.newUser(), the.newUser()];
    const device = await the.device(other);
    const theirs = device.conversation({ user: me });
    theirs.open();
    await say(theirs, ...Array.from({ length: 29 }, (_, n) => `message ${n + 1}`));
    const mine = await the.device(me);
    await mine.conversation({ user: other }).read();
    const answers = mine.conversation({ user: other });
    for (let n = 30; n <= 70; n++) answers.send(`message ${n}`);
    await until(() => answers.get().messages.every(({ delivery }) => delivery === "sent"), "all are sent", 30_000);
    const page = await the.visit();
    const element = await the.add(page, me, { mode: "chat", user: other });
    await element.getByText("message 70", { exact: true }).waitFor();
    const box = element.locator(".messages");
    assert.ok(
      await box.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight < 2),
      "it begins at the newest",
    );
    const top = () =>
      box.evaluate((node) => {
        const edge = node.getBoundingClientRect().top;
        const first = [...node.querySelectorAll(".message")].find((one) => one.getBoundingClientRect().bottom > edge);
        return [first.querySelector(".text").textContent, Math.round(first.getBoundingClientRect().top - edge)];
      });
    const before = await box.evaluate((node) => {
      node.scrollTop = 100;
      return node.scrollHeight;
    });
    const [text, at] = await top();
    await until(
      () => box.evaluate((node, before) => node.scrollHeight > before + 500, before),
      "older ones are loaded",
    );
    const moved = await box.evaluate((node, text) => {
      const one = [...node.querySelectorAll(".message")].find((one) => one.querySelector(".text").textContent === text);
      return Math.round(one.getBoundingClientRect().top - node.getBoundingClientRect().top);
    }, text);
    assert.ok(Math.abs(moved - at) <= 2, `it moved from ${at} to ${moved}`);
    await say(theirs, "the newest");
    const down = element.getByRole("button", { name: /Newest message/ });
    await down.getByText("1").waitFor();
    await down.click();
    await until(() => theirs.get().messages.at(-1).seen, "it is read once it is in sight");
    await down.waitFor({ state: "detached" });
  });

  test("a quote leads to its message, also where that is not loaded yet", async () => {
    const [me, other] = [the.newUser(), the.newUser()];
    const theirs = (await the.device(other)).conversation({ user: me });
    theirs.open();
    await say(theirs, "the first");
    const { id } = theirs.get().messages[0];
    const mine = (await the.device(me)).conversation({ user: other });
    for (let n = 0; n < 60; n++) (n % 2 ? mine : theirs).send(`between ${n}`);
    await until(() => mine.get().messages.every(({ delivery }) => delivery === "sent"), "all are sent", 30_000);
    theirs.send({ text: "an answer", reply_to: id });
    await until(() => theirs.get().messages.at(-1).delivery === "sent", "the answer is sent");
    const page = await the.visit();
    const element = await the.add(page, me, { mode: "chat", user: other });
    await element.locator(".quote").click();
    const first = element.locator(".bubble .text").getByText("the first", { exact: true });
    await first.waitFor();
    await until(async () => /^act/.test(await focused(page)), "the message has the focus");
    const [box, at] = [await element.locator(".messages").boundingBox(), await first.boundingBox()];
    assert.ok(at.y > box.y && at.y + at.height < box.y + box.height, "it is in sight");
  });

  test("who types draws no message again, so that it is as quick in a long conversation", async () => {
    const { page, element, theirs, field } = await the.pair();
    const draws = async (work) => {
      // The renderer calls this once for each node that it describes.
      await page.evaluate(() => {
        const { flat } = Array.prototype;
        window.drawn = 0;
        Array.prototype.flat = function (...given) {
          window.drawn++;
          return flat.apply(this, given);
        };
        window.undo = () => (Array.prototype.flat = flat);
      });
      await work();
      return page.evaluate(() => (window.undo(), window.drawn));
    };
    await say(theirs, "one");
    await until(async () => (await texts(element)).length === 1, "it is shown");
    await page.waitForTimeout(300);
    const few = await draws(() => field.press("a"));
    await say(theirs, ...Array.from({ length: 30 }, (_, n) => `${n}`));
    await until(async () => (await texts(element)).length === 31, "they are shown");
    await page.waitForTimeout(300);
    const many = await draws(() => field.press("b"));
    assert.ok(few > 0);
    assert.equal(many, few);
    // What does change is still drawn.
    await theirs.react(theirs.get().messages[0].id, "🎉");
    await element.locator(".chip").waitFor();
  });

  test("the first unread message has a mark before it, and days are told apart", async () => {
    const [me, other] = [the.newUser(), the.newUser()];
    const theirs = (await the.device(other)).conversation({ user: me });
    theirs.open();
    await say(theirs, "old");
    const mine = await the.device(me);
    await mine.conversation({ user: other }).read();
    await say(theirs, "new 1", "new 2");
    const page = await the.visit();
    const element = await the.add(page, me, { mode: "chat", user: other });
    await element.getByText("new 2").waitFor();
    const rows = await element
      .locator(".messages > li")
      .evaluateAll((all) => all.map((one) => (one.querySelector(".bubble .text") ?? one.firstChild).textContent));
    assert.deepEqual(rows, ["today", "old", "unread", "new 1", "new 2"]);
    await until(() => mine.get().unread === 0, "they are read because they are in sight");
    assert.equal(await element.locator(".unread-mark").count(), 1);
  });

  test("a page that is not in sight reads nothing", async () => {
    const { page, element, theirs } = await the.pair();
    await page.evaluate(() => {
      document.querySelector("main").insertAdjacentHTML("afterbegin", "<p>");
      document.querySelector("p").style.height = "3000px";
    });
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(200);
    await say(theirs, "unseen");
    await until(async () => (await texts(element)).length === 1, "it is there");
    await page.waitForTimeout(400);
    assert.equal(theirs.get().messages[0].seen, false);
    await element.scrollIntoViewIfNeeded();
    await until(() => theirs.get().messages[0].seen, "it is read once it is in sight");
  });

  test("typing and presence show", async () => {
    const { element, theirs, field } = await the.pair();
    await field.fill("hi");
    await field.press("Enter");
    await element.locator(".delivery.sent").waitFor();
    // A stranger learns nothing of one's presence, until one answers.
    assert.equal(await element.locator("header .dot").count(), 0);
    await say(theirs, "hi you");
    await element.locator("header .dot").waitFor();
    await element.getByText("Online", { exact: true }).first().waitFor();
    theirs.typing();
    await element.locator(".typing bdi").waitFor();
    await say(theirs, "done");
    await element.locator(".typing bdi").waitFor({ state: "detached" });
  });
});

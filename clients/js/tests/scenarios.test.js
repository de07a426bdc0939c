// Three scenarios by the client in a real browser: sending, a cut, and the turn-over before two hours. No message is late by more than a second, beyond
// the time for which there was no connection.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { skip, stage } from "./elements.js";
import { tokenOf } from "./stack.js";

/** In ms. */
const LATE = Number(process.env.SENNA_LATE_MS ?? 1000);

/**
 * Two clients on one page, and so on one clock, write to each other in turn.
 *
 * @returns how late each message was at the other side, without the time of outages; and what the clients went through
 */
const converse = async ([websocket, rest, users, tokens, pace, count, every]) => {
  const { createClient } = await import("/src/index.js");
  const pause = (ms) => new Promise((go) => setTimeout(go, ms));
  const people = users.map((user, index) => {
    const client = createClient({ socket: websocket, api: rest, getToken: () => tokens[index], pace });
    const person = {
      client,
      conversation: client.conversation({ user: users[1 - index] }),
      arrived: new Map(),
      outages: [],
      states: new Set(),
      tokens,
    };
    person.conversation.open();
    client.start();
    return person;
  });
  for (const { client } of people) while (client.get().state !== "live") await pause(5);
  for (const person of people) {
    const { client, conversation, arrived, outages, states } = person;
    client.subscribe(() => {
      const { state } = client.get();
      states.add(state);
      const last = outages.at(-1);
      if (state !== "live" && (!last || last.to)) outages.push({ from: performance.now() });
      if (state === "live" && last && !last.to) last.to = performance.now();
    });
    conversation.subscribe(() => {
      for (const { text } of conversation.get().messages) if (!arrived.has(text)) arrived.set(text, performance.now());
    });
  }
  const sent = [];
  for (let n = 0; n < count; n++) {
    const by = n % 2;
    sent.push({ text: `${n}`, at: performance.now(), to: 1 - by });
    people[by].conversation.send(`${n}`);
    await pause(every);
  }
  // The other side can have a message before its author has the answer.
  const isDone = ({ client, conversation }) => {
    const { messages } = conversation.get();
    const isSent = messages.length === count && messages.every(({ delivery }) => delivery === "sent");
    return isSent && client.get().state === "live";
  };
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(20)) if (people.every(isDone)) break;
  const outages = people.flatMap(({ outages }) => outages);
  const lateness = sent.map(({ text, at, to }) => {
    const then = people[to].arrived.get(text);
    if (then == null) return Infinity;
    // It could not arrive before the last outage that it met was over.
    const from = outages
      .filter((one) => one.from < then && (one.to ?? Infinity) > at)
      .reduce((latest, one) => Math.max(latest, one.to ?? Infinity), at);
    return then - from;
  });
  const orders = people.map(({ conversation }) =>
    conversation.get().messages.map(({ text, delivery }) => `${text} ${delivery}`),
  );
  const states = people.map(({ states }) => [...states]);
  for (const { client } of people) client.close();
  return { lateness: lateness.map((ms) => Math.round(ms)), orders, states, outages: outages.length };
};

const scenarios = (the) => {
  const run = async ({ pace = {}, count, every, meanwhile = () => {} }) => {
    const users = [the.newUser(), the.newUser()];
    const page = await the.visit();
    let sockets = 0;
    page.on("websocket", () => sockets++);
    const { websocket, rest } = the.site.config;
    const result = page.evaluate(converse, [
      websocket,
      rest,
      users,
      users.map((user) => tokenOf(user)),
      pace,
      count,
      every,
    ]);
    await Promise.all([result, meanwhile()]);
    const { lateness, orders, states, outages } = await result;
    assert.deepEqual(orders[0], orders[1]);
    assert.equal(orders[0].length, count);
    assert.ok(orders[0].every((text) => text.endsWith(" sent")));
    const worst = Math.max(...lateness);
    assert.ok(worst <= LATE, `one was late by ${worst} ms: ${lateness.join(" ")}`);
    const sorted = [...lateness].sort((one, other) => one - other);
    return { worst, median: sorted[sorted.length >> 1], states, sockets, outages };
  };
  const told = ({ worst, median, sockets, outages }) =>
    `median ${median} ms, worst ${worst} ms, ${sockets} connections, ${outages} outages`;
  return { run, told };
};

describe("in a browser", { skip }, () => {
  const the = stage();
  const { run, told } = scenarios(the);

  test("what is sent arrives within a second", async (t) => {
    const all = await run({ count: 60, every: 40 });
    t.diagnostic(told(all));
    assert.equal(all.sockets, 2);
    assert.equal(all.outages, 0);
  });

  test("after a cut, what was sent meanwhile is there within a second of the new connection", async (t) => {
    const all = await run({
      count: 80,
      every: 60,
      meanwhile: async () => {
        for (let n = 0; n < 3; n++) {
          await new Promise((go) => setTimeout(go, 1300));
          await the.stack.cut();
        }
      },
    });
    t.diagnostic(told(all));
    assert.ok(all.outages >= 2, `there were ${all.outages} outages`);
  });
});

describe("in a browser, where two hours are ten seconds", { skip }, () => {
  // API Gateway's clock runs faster, and the client's own times with it.
  const SCALE = 720;
  const the = stage({ stack: ["--clock-scale", `${SCALE}`] });
  const { run, told } = scenarios(the);

  test("a new connection takes the place of one that comes of age, and nothing is late", async (t) => {
    const all = await run({ pace: { renew: 66e5 / SCALE, heartbeat: 48e4 / SCALE }, count: 240, every: 100 });
    t.diagnostic(told(all));
    assert.ok(
      all.states.flat().every((state) => state === "live"),
      "no client left the state `live`",
    );
    assert.equal(all.outages, 0);
    // Twenty-four seconds are more than two lives of each client's connection.
    assert.ok(all.sockets >= 6, `there were ${all.sockets} connections`);
  });
});

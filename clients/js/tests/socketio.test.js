// The transport under the official client of Socket.IO, on a clock and a service in memory.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { io } from "socket.io-client";
import { createTransport } from "../src/socketio/index.js";
import { World, advance, fakeClock, running, settle } from "./fake.js";
import { HOUR, MINUTE, Page, jwt, say } from "./help.js";

const EVENTS = ["new-message", "message-updated", "message-deleted", "message-read", "members", "typing-start", "error"];

/** A page of user 1 with the official client, and what it hears. */
const page = (t, world, { auth = { token: "1" }, transport = {}, ...more } = {}) => {
  const { socket: address, api, WebSocket, fetch, events } = world.options(1);
  const transports = [createTransport({ socket: address, api, WebSocket, fetch, events, ...transport })];
  const socket = io("http://page", { transports, auth, forceNew: true, randomizationFactor: 0, ...more });
  t.after(() => socket.disconnect());
  const heard = [];
  const states = [];
  for (const event of EVENTS) socket.on(event, (...what) => heard.push([event, ...what]));
  socket.on("connect", () => states.push(socket.recovered ? "recovered" : "connect"));
  socket.on("connect_error", (error) => states.push(`error: ${error.message}`));
  socket.on("disconnect", (reason) => states.push(reason));
  return { socket, heard, states, told: () => heard.map(([event, { text, id }]) => `${event} ${text ?? id}`) };
};
const connected = async (t, options, world = new World()) => {
  fakeClock(t);
  const all = page(t, world, options);
  await advance(100);
  assert.equal(all.socket.connected, true);
  return { world, ...all };
};
const send = (text, more) => ({ target: "user", target_id: 2, type: "text", text, ...more });

describe("Socket.IO: connecting", () => {
  test("the token in `auth` connects, and the socket has the id of the connection", async (t) => {
    const { world, socket, states } = await connected(t);
    assert.deepEqual([socket.id, socket.recovered, states], ["x", false, ["connect"]]);
    assert.equal(world.open().length, 1);
    socket.disconnect();
    await settle();
    assert.deepEqual([world.open().length, states.at(-1), running()], [0, "io client disconnect", 0]);
  });

  test("no ping goes over the network, and `sync` keeps the connection open", async (t) => {
    const { world, socket, states } = await connected(t);
    await advance(90 * MINUTE);
    assert.deepEqual([socket.connected, states, world.sockets.length], [true, ["connect"], 1]);
    assert.deepEqual(world.frames.map(({ action }) => action), ["hello", ...Array(11).fill("sync")]);
  });

  test("a refused token is a connect_error with the error of the service, and is not tried again", async (t) => {
    fakeClock(t);
    const world = new World();
    world.isGood = () => false;
    world.restFate = () => [401, { error: true, code: "INVALID_TOKEN_ERR", message: "jwt expired", status: 401 }];
    const fetch = async () => ({ status: 401, json: async () => ({ error: true, code: "INVALID_TOKEN_ERR", message: "jwt expired", status: 401 }) });
    const { socket, states } = page(t, world, { transport: { fetch } });
    let data;
    socket.on("connect_error", (error) => (data = error.data));
    await advance(HOUR);
    assert.deepEqual(states, ["error: jwt expired"]);
    assert.deepEqual([data.code, data.status, socket.active, world.sockets.length], ["INVALID_TOKEN_ERR", 401, false, 1]);
    world.isGood = () => true;
  });

  test("an end of the token is an end of the connection, and `auth` is asked for the next token", async (t) => {
    let asked = 0;
    const auth = (give) => give({ token: jwt({ n: ++asked, exp: Date.now() / 1000 + 3600 }) });
    const { world, socket, states, told } = await connected(t, { auth });
    await advance(59 * MINUTE + 10_000);
    assert.deepEqual([states, asked, socket.connected], [["connect", "transport close", "recovered"], 2, true]);
    say(world, "after");
    await advance(100);
    assert.deepEqual(told(), ["new-message after"]);
  });

  test("a page that keeps one token is not connected again and again before its end", async (t) => {
    const token = jwt({ exp: 1_700_000_000 + 3600 });
    const { world, states } = await connected(t, { auth: { token } });
    await advance(58 * MINUTE);
    assert.equal(world.sockets.length, 1);
    // It asked for another token a minute before the end, and got the same.
    await advance(1.95 * MINUTE);
    assert.equal(world.sockets.length, 2);
    world.isGood = () => false;
    world.restFate = () => [401, { message: "jwt expired", status: 401 }];
    await advance(HOUR);
    assert.equal(world.sockets.length, 3);
    assert.match(states.at(-1), /^error/);
    world.isGood = () => true;
  });

  test("a service that is down is asked less and less often", async (t) => {
    fakeClock(t);
    const world = new World();
    world.handshake = () => 503;
    world.restFate = () => [503, { status: 503 }];
    const { socket, states } = page(t, world);
    await advance(10 * MINUTE);
    assert.ok(world.sockets.length > 20 && world.sockets.length < 150, String(world.sockets.length));
    assert.equal(states[0], "error: the connection was lost");
    assert.equal(socket.active, true);
    world.handshake = () => 101;
    world.restFate = () => undefined;
    await advance(MINUTE);
    assert.equal(socket.connected, true);
  });

  test("without a WebSocket the error says what to do", async (t) => {
    fakeClock(t);
    const { states } = page(t, new World(), { transport: { WebSocket: null }, reconnection: false });
    await advance(100);
    assert.match(states[0], /give that of the package ws as the option WebSocket/);
  });

  test("a page that wakes up finds out in three seconds that its connection is dead", async (t) => {
    const events = new Page();
    const { world, socket, states } = await connected(t, { transport: { events } });
    world.fate = () => "lost";
    events.wake();
    await advance(3100);
    assert.equal(states.at(-1), "transport close");
    world.fate = () => undefined;
    await advance(5000);
    assert.equal(states.at(-1), "recovered");
    socket.disconnect();
    await settle();
    assert.equal(events.listening, 0);
  });

  test("another namespace is refused, and so is another parser", async (t) => {
    const { world, socket, states } = await connected(t);
    const other = socket.io.socket("/admin");
    let error;
    other.on("connect_error", ({ message }) => (error = message));
    await advance(100);
    assert.deepEqual([error, states, socket.connected], ["Invalid namespace", ["connect"], true]);
    class Encoder {
      encode = (packet) => [new TextEncoder().encode(JSON.stringify(packet)).buffer];
    }
    class Decoder {
      on = off;
      off = off;
      destroy = off;
    }
    const off = () => {};
    const alien = page(t, world, { parser: { Encoder, Decoder }, reconnection: false });
    await advance(100);
    assert.equal(alien.states[0], "error: only the default parser of Socket.IO can be used");
  });
});

describe("Socket.IO: the predecessor's way", () => {
  const legacy = { auth: null };

  test("`authenticate` after connecting gives the token, and also a fresh one before its end", async (t) => {
    const { world, socket, heard, states } = await connected(t, legacy);
    assert.equal(world.sockets.length, 0);
    let authenticated = 0;
    socket.on("authenticated", () => authenticated++);
    socket.emit("authenticate", { token: jwt({ exp: Date.now() / 1000 + 600 }) });
    await advance(100);
    assert.equal(authenticated, 1);
    say(world, "hi");
    await advance(100);
    const [[event, message]] = heard;
    assert.deepEqual([event, message.author, message.type, message.text], ["new-message", 2, "text", "hi"]);
    await advance(8 * MINUTE);
    socket.emit("authenticate", { token: jwt({ exp: Date.now() / 1000 + 600 }) });
    await advance(8 * MINUTE);
    assert.deepEqual([authenticated, states], [2, ["connect"]]);
    assert.equal(world.asked("hello").at(-1).token.split(".").length, 3);
    // A refused one ends nothing, as the one before it is still good.
    const refused = [];
    socket.on("unauthorized", ({ message }) => refused.push(message));
    world.fate = ({ token }) => token && { error: { code: "INVALID_TOKEN_ERR", message: "jwt expired", status: 401 } };
    socket.emit("authenticate", { token: "bad" });
    await advance(100);
    assert.deepEqual([refused, states], [["jwt expired"], ["connect"]]);
  });

  test("after a cut the page authenticates again, and is told what it missed", async (t) => {
    const { world, socket, told, states } = await connected(t, legacy);
    const authenticate = () => socket.emit("authenticate", { token: "1" });
    socket.on("connect", authenticate);
    authenticate();
    await advance(100);
    say(world, "a");
    await advance(100);
    world.cut();
    say(world, "b");
    await advance(5000);
    say(world, "c");
    await advance(100);
    assert.deepEqual([told(), states], [["new-message a", "new-message b", "new-message c"], ["connect", "transport close", "recovered"]]);
  });

  test("a refused token is told by `unauthorized`, and its callback disconnects", async (t) => {
    const { world, socket, states } = await connected(t, legacy);
    world.handshake = () => 401;
    world.restFate = () => [401, { message: "invalid signature", status: 401 }];
    const told = [];
    socket.on("unauthorized", (error, callback) => {
      told.push(error);
      callback();
    });
    socket.emit("authenticate", { token: "1" });
    await advance(100);
    const message = "invalid signature";
    assert.deepEqual(told, [{ message, data: { message, code: "invalid_token", type: "UnauthorizedError" } }]);
    assert.deepEqual(states, ["connect", "io server disconnect"]);
  });

  test("who does not authenticate is disconnected after 15 seconds, and gets an error before", async (t) => {
    const { socket, states } = await connected(t, legacy);
    const answers = [];
    socket.emit("send", send("x"), ({ code, status }) => answers.push(code, status));
    await advance(100);
    assert.deepEqual(answers, ["NOT_AUTHENTICATED", 401]);
    await advance(15_000);
    assert.deepEqual(states, ["connect", "io server disconnect"]);
  });
});

describe("Socket.IO: events", () => {
  test("a message comes with its conversation and with the offset", async (t) => {
    const { world, heard } = await connected(t);
    say(world, "hi");
    await advance(100);
    const [[event, message, state, offset]] = heard;
    assert.deepEqual([event, message.text, state.inbox_key], ["new-message", "hi", "user-2"]);
    assert.equal(offset, world.sync(1).cursor);
  });

  test("frames that overtake each other or come twice are told once and in order", async (t) => {
    const { world, told } = await connected(t);
    say(world, "0");
    await advance(50);
    let n = 0;
    world.travels = () => [[400, 5], [300], [200, 250], [0]][n++ % 4];
    for (const text of ["a", "b", "c", "d"]) say(world, text);
    await advance(999);
    assert.deepEqual(told(), ["0", "a", "b", "c", "d"].map((text) => `new-message ${text}`));
    assert.equal(world.asked("changes").length, 0);
  });

  test("a push that was lost is told after a second, by the next frame; one that nothing follows, by the next `sync`", async (t) => {
    const { world, told } = await connected(t);
    say(world, "a");
    await advance(50);
    world.travels = () => [];
    say(world, "b");
    world.travels = () => [0];
    say(world, "c");
    await advance(1100);
    assert.deepEqual(told(), ["new-message a", "new-message b", "new-message c"]);
    world.travels = () => [];
    say(world, "d");
    await advance(8 * MINUTE);
    assert.equal(told().at(-1), "new-message d");
  });

  test("a frame without a cursor shows that one is missing, too", async (t) => {
    const { world, told } = await connected(t);
    say(world, "a");
    await advance(50);
    world.travels = () => [];
    say(world, "b");
    world.travels = (frame) => {
      delete frame.cursor;
      return [0];
    };
    say(world, "c");
    await advance(1100);
    assert.deepEqual(told(), ["new-message a", "new-message b", "new-message c"]);
  });

  test("a message is either in the list that the page loads after connecting, or told", async (t) => {
    for (let ms = 0; ms < 30; ms++) {
      fakeClock(t);
      const world = new World();
      world.travels = () => [-5];
      let isListed = false;
      world.rest = (...given) => {
        const answer = World.prototype.rest.apply(world, given);
        if (/list/.test(given[2])) isListed = answer.entries.length > 0;
        return answer;
      };
      const { socket, told } = page(t, world);
      await advance(ms);
      say(world, "a");
      await advance(2000);
      assert.deepEqual(told(), isListed ? [] : ["new-message a"], `after ${ms} ms`);
      socket.disconnect();
    }
  });

  test("edits, deletions, read positions and typing are events too", async (t) => {
    const { world, told, heard } = await connected(t);
    const { id } = say(world, "a").result.entry;
    world.edit(2, "user", 1, id, "b");
    world.read(1, "user", 2, id);
    world.delete(2, "user", 1, id);
    world.push(1, { event: "typing.start", data: { state: { inbox_key: "user-2" }, user: 2 } });
    await advance(1100);
    assert.deepEqual(told().slice(0, 2), ["new-message a", "message-updated b"]);
    const [read, gone, typing] = heard.slice(2);
    assert.deepEqual([read[0], read[1].user, gone[0], gone[1]], ["message-read", 1, "message-deleted", { id, seq: 1, deleted: true }]);
    assert.deepEqual([typing[0], typing[1].user], ["typing-start", 2]);
  });
});

describe("Socket.IO: acknowledgements", () => {
  test("an action is acknowledged with what the service answers, and is not told as an event again", async (t) => {
    const { world, socket, heard } = await connected(t);
    const answers = [];
    socket.emit("send", send("a"), (answer) => answers.push(answer));
    await advance(1100);
    const [{ state, entry }] = answers;
    assert.deepEqual([state.inbox_key, entry.text, entry.author], ["user-2", "a", 1]);
    socket.emit("update", { target: "user", target_id: 2, message_id: entry.id, text: "b" }, (answer) => answers.push(answer));
    await advance(1100);
    assert.equal(answers[1].entry.text, "b");
    say(world, "c");
    await advance(1100);
    assert.deepEqual(heard.map(([event, { text }]) => [event, text]), [["new-message", "c"]]);
    assert.deepEqual([world.asked("changes").length, world.asked("sync").length], [0, 0]);
  });

  test("the error of the service is acknowledged, or is the event `error` where nobody waits", async (t) => {
    const { world, socket, heard } = await connected(t);
    world.fate = ({ action }) => action === "send" && { error: { error: true, code: "NOT_ACCEPTED", status: 403, message: "no" } };
    const answers = [];
    socket.emit("send", send("a"), (answer) => answers.push(answer));
    socket.emit("send", send("b"));
    await advance(100);
    assert.deepEqual(answers, [{ error: true, code: "NOT_ACCEPTED", status: 403, message: "no" }]);
    assert.deepEqual([heard[0][0], heard[0][1].code], ["error", "NOT_ACCEPTED"]);
  });

  test("with the option `retries` and a `client_id` a message whose answer was lost is stored, acknowledged and shown once", async (t) => {
    const { world, socket, heard, states } = await connected(t, { retries: 3, ackTimeout: 60_000 });
    world.fate = ({ action }) => (action === "send" ? "unanswered" : undefined);
    const answers = [];
    socket.emit("send", send("a", { client_id: "1" }), (error, { entry }) => answers.push(error, entry.text));
    await advance(100);
    world.fate = () => undefined;
    world.cut();
    await advance(5000);
    assert.deepEqual([answers, heard, states.at(-1)], [[null, "a"], [], "recovered"]);
    assert.equal(world.conversation(1, "user", 2).messages.length, 1);
  });

  test("messages of one conversation are sent one after the other", async (t) => {
    const { world, socket } = await connected(t);
    world.fate = ({ text }) => ({ late: text === "a" ? 300 : 0 });
    for (const text of ["a", "b", "c"]) socket.emit("send", send(text));
    socket.emit("send", { ...send("x"), target_id: 3 });
    await advance(200);
    assert.deepEqual(world.asked("send").map(({ text }) => text), ["a", "x"]);
    await advance(500);
    assert.deepEqual(world.asked("send").map(({ text }) => text), ["a", "x", "b", "c"]);
  });

  test("what is no action is refused before it is sent", async (t) => {
    const { world, socket } = await connected(t);
    const codes = [];
    const refused = (...given) => socket.emit(...given, ({ error, code, message, status }) => codes.push([error, code, status, message]));
    refused("send", "text");
    refused("send", {}, {});
    refused("send", send("x".repeat(33_000)));
    refused("send", { ...send("x"), file: new Uint8Array(3), more: new Uint8Array(3) });
    await advance(100);
    assert.deepEqual(codes, [
      [true, "INVALID_JSON", 400, '"send" takes one object'],
      [true, "INVALID_JSON", 400, '"send" takes one object'],
      [true, "BINARY_NOT_SUPPORTED", 415, "binary data cannot be sent: upload images by POST /api/uploads, and send their address"],
      [true, "FRAME_TOO_LARGE", 413, '"send" is longer than 32768 bytes, the limit'],
    ]);
    assert.equal(world.asked("send").length, 0);
    socket.emit("send", send("y"));
    await advance(100);
    assert.equal(world.asked("send").length, 1);
  });
});

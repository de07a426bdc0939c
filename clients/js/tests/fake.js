// A service, a network and a clock in memory. The network can lose, delay, double and cut.

const { setImmediate } = globalThis;
const system = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now };
/** The longest time that a timer counts: beyond it, it fires at once. */
const LONGEST = 2 ** 31 - 1;

let now = 0;
let last = 0;
/** @type {Map<number, { at: number, then: () => void }>} */
const timers = new Map();

/** Takes the clock from the system until the test ends. */
export const fakeClock = (t) => {
  now = 1_700_000_000_000;
  timers.clear();
  Date.now = () => now;
  globalThis.setTimeout = (then, ms = 0) => {
    timers.set(++last, { at: now + (ms > LONGEST ? 1 : Math.max(0, ms)), then });
    return last;
  };
  globalThis.clearTimeout = (id) => timers.delete(id);
  t.after(() => {
    Date.now = system.now;
    Object.assign(globalThis, { setTimeout: system.setTimeout, clearTimeout: system.clearTimeout });
  });
};

/** Lets promises go on. */
export const settle = async () => {
  for (let n = 0; n < 3; n++) await new Promise((go) => setImmediate(go));
};

/** How many timers run. */
export const running = () => timers.size;

/** Moves the clock from one timer to the next. */
export const advance = async (ms) => {
  const end = now + ms;
  await settle();
  for (;;) {
    let first;
    for (const [id, timer] of timers) if (timer.at <= end && (!first || timer.at < first.at)) first = { id, ...timer };
    if (!first) break;
    timers.delete(first.id);
    now = Math.max(now, first.at);
    first.then();
    await settle();
  }
  now = end;
};

const copy = (value) => structuredClone(value);
const directKey = (one, other) => "dm:" + [one, other].map(String).sort().join("-");

export class World {
  latency = 5;
  /** How many messages or entries an answer over the socket holds. */
  page = 100;
  clock = 100;
  conversations = new Map();
  users = new Map();
  sockets = [];
  /** What was asked, in its order. */
  frames = [];
  requests = [];
  /** The status of the next handshakes, by default 101. */
  handshake = () => 101;
  /** Whether a token is good. */
  isGood = () => true;
  /** What becomes of a pushed frame: how long each copy of it travels. */
  travels = () => [0];
  /** What becomes of a question: "lost" before it is done, "unanswered" after it, or an error. */
  fate = () => undefined;
  /** An answer in place of the service's own. */
  restFate = () => undefined;

  constructor() {
    const world = this;
    this.WebSocket = class {
      readyState = 0;
      constructor(url, protocols) {
        Object.assign(this, { url, protocols, token: protocols[1].slice("bearer.".length) });
        world.sockets.push(this);
        setTimeout(() => {
          if (this.readyState) return;
          if (world.handshake(this) !== 101 || !world.isGood(this.token)) return world.cut(this);
          this.readyState = 1;
          this.user = world.user(this.token).id;
          world.user(this.user).sockets.add(this);
          this.onopen?.({});
        }, world.latency);
      }
      send(text) {
        if (this.readyState !== 1) return;
        const frame = JSON.parse(text);
        world.frames.push(frame);
        setTimeout(() => world.answer(this, frame), world.latency);
      }
      close() {
        this.readyState = 3;
        world.user(this.user).sockets.delete(this);
      }
    };
    this.fetch = (url, { method = "GET", headers, body, signal } = {}) =>
      new Promise((resolve, reject) => {
        const path = url.replace("http://chat/api", "");
        this.requests.push(`${method} ${path}`);
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
        setTimeout(() => {
          const token = headers.Authorization.slice("Bearer ".length);
          const fate = this.restFate(path);
          if (fate === "lost") return reject(new TypeError("fetch failed"));
          if (fate === "hangs") return;
          let [status, answer] = this.isGood(token) ? (fate ?? [200]) : [401, { code: "INVALID_TOKEN_ERR", status: 401 }];
          if (status < 300 && !answer) answer = this.rest(this.user(token).id, method, path, body && JSON.parse(body));
          if (!answer) [status, answer] = [404, { code: "NOT_FOUND", message: "Not found", status: 404 }];
          resolve({ status, json: async () => copy(answer) });
        }, this.latency);
      });
  }

  /** The options of a client of this user. */
  options(user, more = {}) {
    return {
      socket: "ws://chat",
      api: "http://chat/api",
      getToken: () => String(user),
      WebSocket: this.WebSocket,
      fetch: this.fetch,
      events: null,
      ...more,
    };
  }

  user(id) {
    const key = String(id).split(".")[0];
    if (!this.users.has(key))
      this.users.set(key, { id: +key || key, place: 0, entries: new Map(), changed: new Map(), sockets: new Set(), epoch: "c" });
    return this.users.get(key);
  }

  /** Ends a connection as a network does: the other side hears of it. */
  cut(...sockets) {
    for (const socket of sockets.length ? sockets : this.open()) {
      if (socket.readyState === 3) continue;
      socket.readyState = 3;
      this.user(socket.user).sockets.delete(socket);
      socket.onclose?.({});
    }
  }

  open() {
    return this.sockets.filter(({ readyState }) => readyState === 1);
  }

  asked(action) {
    return this.frames.filter((frame) => frame.action === action);
  }

  conversation(me, target, id) {
    const key = target === "user" ? directKey(me, id) : `topic:${id}`;
    if (!this.conversations.has(key)) {
      const members = target === "user" ? [String(me), String(id)] : [];
      this.conversations.set(key, { key, target, id, rev: 0, messages: [], members: new Set(members), reads: {}, readRevs: {}, done: new Map() });
    }
    return this.conversations.get(key);
  }

  nameFor(user, one) {
    if (one.target === "topic") return { type: "topic", id: one.id };
    const other = [...one.members].find((member) => member !== String(user)) ?? String(user);
    return { type: "user", id: this.user(other).id };
  }

  stateFor(user, one) {
    const { type, id } = this.nameFor(user, one);
    return { key: one.key, inbox_key: `${type}-${id}` };
  }

  shown(user, { client_id, ...message }) {
    return String(message.author) === String(user) && client_id ? { ...message, client_id } : message;
  }

  entry(user, one) {
    const live = one.messages.filter(({ deleted }) => !deleted);
    const read = one.reads[user] ?? 0;
    const unread = live.filter(({ seq, author }) => seq > read && String(author) !== String(user));
    const settings = this.user(user).settings?.[one.key] ?? {};
    return {
      ...this.nameFor(user, one),
      latest: live.length ? this.shown(user, live.at(-1)) : null,
      timestamp: one.messages.at(-1)?.timestamp ?? { epoch: 0, iso: "" },
      unread: unread.length,
      mentioned: unread.filter(({ mentions }) => mentions?.some((id) => String(id) === String(user))).length,
      read: { seq: read },
      rev: one.rev,
      ...settings,
    };
  }

  unreadTotal(user) {
    return [...this.user(user).entries.values()].reduce((sum, { unread, muted }) => sum + (muted ? 0 : unread), 0);
  }

  /** Does a change, tells everybody, and returns what the answer says beside its body. */
  change(one, by, event, make, from) {
    const prev_rev = one.rev;
    const rev = (one.rev = ++this.clock);
    const data = make(rev);
    let place = {};
    for (const member of one.members) {
      const user = this.user(member);
      const known = user.entries.get(one.key);
      const entry = this.entry(member, one);
      user.entries.set(one.key, entry);
      const prev = user.epoch + user.place;
      user.place = ++this.clock;
      user.changed.set(one.key, user.place);
      // Only a frame that says all that is new in the entry moves the cursor.
      const at = (known?.rev ?? 0) === prev_rev ? { cursor: user.epoch + user.place, prev } : {};
      const state = { ...this.stateFor(member, one), rev, prev_rev };
      const told = data.entry?.author != null ? { ...data, entry: this.shown(member, data.entry) } : { ...data };
      if (event === "message.read" && member === String(by)) told.read = { ...data.read, unread: entry.unread, mentioned: entry.mentioned };
      this.push(member, { event, ...at, data: { state, ...told } }, from);
      if (member === String(by)) place = { state, ...at };
    }
    return place;
  }

  push(user, frame, from) {
    for (const socket of this.user(user).sockets)
      if (socket !== from)
        for (const after of this.travels(frame, socket)) {
          const text = JSON.stringify(frame);
          setTimeout(() => socket.readyState === 1 && socket.onmessage?.({ data: text }), this.latency + after);
        }
  }

  send(by, target, id, content, from) {
    const one = this.conversation(by, target, id);
    one.members.add(String(by));
    const { client_id } = content;
    const done = client_id && one.done.get(`${by} ${client_id}`);
    if (done) return done;
    let message;
    const place = this.change(
      one,
      by,
      "message.new",
      (rev) => {
        const seq = one.messages.length + 1;
        const epoch = Date.now();
        message = { id: `${one.key}#${seq}`, seq, rev, author: this.user(by).id, timestamp: { epoch, iso: new Date(epoch).toISOString() }, ...content };
        // As it was sent, whatever becomes of it.
        Object.defineProperty(message, "sent", { value: content.text });
        one.messages.push(message);
        one.reads[by] = seq;
        return { entry: copy(message) };
      },
      from,
    );
    const { cursor, prev, state } = place;
    const answer = { result: { state, entry: copy(this.shown(by, message)) }, cursor, prev };
    if (client_id) one.done.set(`${by} ${client_id}`, answer);
    return answer;
  }

  /** Changes a message in place. */
  update(by, one, message, make, from) {
    const { state, cursor, prev } = this.change(
      one,
      by,
      message.deleted ? "message.deleted" : "message.updated",
      (rev) => {
        make(message);
        message.rev = rev;
        return { entry: message.deleted ? { id: message.id, seq: message.seq, deleted: true } : copy(message) };
      },
      from,
    );
    return { state, cursor, prev };
  }

  edit(by, target, id, messageId, text, from) {
    const one = this.conversation(by, target, id);
    const message = one.messages.find((other) => other.id === messageId);
    if (!message || message.deleted) return { error: { status: 404, code: "NOT_FOUND", message: "Message not found" } };
    const { state, cursor, prev } = this.update(by, one, message, (it) => (it.text = text), from);
    return { result: { state, entry: copy(this.shown(by, message)) }, cursor, prev };
  }

  delete(by, target, id, messageId, from) {
    const one = this.conversation(by, target, id);
    const message = one.messages.find((other) => other.id === messageId);
    if (!message) return { error: { status: 404, code: "NOT_FOUND", message: "Message not found" } };
    if (message.deleted) return { result: { state: { ...this.stateFor(by, one), rev: one.rev } } };
    message.deleted = true;
    const { state, cursor, prev } = this.update(by, one, message, () => {}, from);
    return { result: { state, message: "Message deleted", success: true }, cursor, prev };
  }

  read(by, target, id, upTo, from) {
    const one = this.conversation(by, target, id);
    const seq = upTo ? one.messages.find((other) => other.id === upTo)?.seq : one.messages.length;
    if (!seq) return { error: { status: 404, code: "NOT_FOUND", message: "Message not found" } };
    let place = { state: { ...this.stateFor(by, one), rev: one.rev } };
    if (seq > (one.reads[by] ?? 0))
      place = this.change(
        one,
        by,
        "message.read",
        (rev) => {
          one.reads[by] = seq;
          one.readRevs[by] = rev;
          return { user: this.user(by).id, read: { seq } };
        },
        from,
      );
    const { state, cursor, prev } = place;
    const entry = this.entry(by, one);
    const read = { seq: one.reads[by], unread: entry.unread, mentioned: entry.mentioned, unread_total: this.unreadTotal(by) };
    return { result: { state, read }, cursor, prev };
  }

  sync(id, since) {
    const user = this.user(id);
    const at = since?.startsWith(user.epoch) ? +since.slice(user.epoch.length) : undefined;
    const base = { user: user.id, connection_id: "x", unread_total: this.unreadTotal(id) };
    if (at === undefined || at > user.place)
      return { ...base, cursor: user.epoch + user.place, recovered: false, entries: [], more: false };
    const changed = [...user.changed].filter(([, place]) => place > at).sort(([, one], [, other]) => one - other);
    const shown = changed.slice(0, this.page);
    const more = shown.length < changed.length;
    const cursor = user.epoch + (more ? shown.at(-1)[1] : user.place);
    return { ...base, cursor, recovered: true, entries: shown.map(([key]) => user.entries.get(key)), more };
  }

  changes(by, target, id, since) {
    const one = this.conversation(by, target, id);
    const state = this.stateFor(by, one);
    if (since > one.rev) return { state: { ...state, rev: one.rev }, reset: true, messages: [], deleted: [], more: false };
    const changed = one.messages.filter(({ rev }) => rev > since).sort((a, b) => a.rev - b.rev);
    const shown = changed.slice(0, this.page);
    const more = shown.length < changed.length;
    const bySeq = [...shown].sort((a, b) => a.seq - b.seq);
    return {
      state: { ...state, rev: more ? shown.at(-1).rev : one.rev },
      messages: bySeq.filter(({ deleted }) => !deleted).map((message) => this.shown(by, message)),
      deleted: bySeq.filter(({ deleted }) => deleted).map(({ id, seq, rev }) => ({ id, seq, rev })),
      read: Object.fromEntries(Object.entries(one.reads).filter(([user]) => one.readRevs[user] > since)),
      more,
    };
  }

  answer(socket, frame) {
    if (socket.readyState !== 1) return;
    const fate = this.fate(frame, socket);
    if (fate === "lost") return;
    const { id, action, target, target_id: to, message_id, since, up_to, ...rest } = frame;
    const by = socket.user;
    let answer;
    if (fate?.error) answer = fate;
    else if (action === "hello" || action === "sync") answer = { result: this.sync(by, since) };
    else if (action === "changes") answer = { result: this.changes(by, target, to, since) };
    else if (action === "send") answer = this.send(by, target, to, rest, socket);
    else if (action === "update") answer = this.edit(by, target, to, message_id, rest.text, socket);
    else if (action === "delete") answer = this.delete(by, target, to, message_id, socket);
    else if (action === "read") answer = this.read(by, target, to, up_to, socket);
    else if (action === "watch") answer = { result: { entries: rest.users.map((user) => ({ id: user, online: this.user(user).sockets.size > 0, last_active: null })) } };
    else answer = { result: {} };
    const text = JSON.stringify({ id, ...answer });
    if (fate === "unanswered") return;
    setTimeout(() => socket.readyState === 1 && socket.onmessage?.({ data: text }), this.latency + (fate?.late ?? 0));
  }

  rest(by, method, path, body) {
    const [, first, id, more] = path.split(/[/?]/);
    const query = Object.fromEntries((path.split("?")[1] ?? "").split("&").map((part) => part.split("=")));
    const size = +query.per_page || 10;
    const profile = (type, id) => ({ id, [type === "user" ? "username" : "title"]: `${type} ${id}` });
    if (!first) return { authenticated: true };
    if (first === "list") {
      const { place, epoch } = this.user(by);
      const all = [...this.user(by).entries.values()].sort((a, b) => b.timestamp.epoch - a.timestamp.epoch);
      const from = +query.before || 0;
      const entries = all.slice(from, from + size).map((entry) => ({ ...entry, [entry.type]: profile(entry.type, entry.id) }));
      const next = from + size < all.length ? String(from + size) : null;
      return { state: { next, unread_total: this.unreadTotal(by), cursor: epoch + place }, entries };
    }
    if (first === "profiles") return { users: (query.users?.split(",") ?? []).map((id) => profile("user", +id)), topics: [] };
    const one = this.conversation(by, first, +id || id);
    if (more === "members") {
      const member = (id) => ({ id: +id || id, role: "member", read: { seq: one.reads[id] ?? 0 } });
      return { members: [...one.members].map(member), total: one.members.size, next: null };
    }
    if (more === "settings") {
      const user = this.user(by);
      user.settings = { ...user.settings, [one.key]: { ...user.settings?.[one.key], ...body } };
      const entry = this.entry(by, one);
      user.entries.set(one.key, entry);
      const prev = user.epoch + user.place;
      user.place = ++this.clock;
      user.changed.set(one.key, user.place);
      this.push(by, { event: "conversation.settings", cursor: user.epoch + user.place, prev, data: { state: this.stateFor(by, one), entry } });
      return { state: {}, entry };
    }
    const live = one.messages.filter(({ deleted }) => !deleted);
    const end = query.before ? live.findIndex((message) => message.id === decodeURIComponent(query.before)) : live.length;
    const from = Math.max(0, end - size);
    const seen = (message) => {
      const reader = [...one.members].find((member) => member !== String(message.author));
      return first === "user" && one.reads[reader] >= message.seq ? { status: "seen" } : {};
    };
    const messages = live.slice(from, end).map((message) => ({ ...this.shown(by, message), author: profile("user", message.author), ...seen(message) }));
    return { state: { rev: one.rev, prev: from > 0 ? live[from].id : null }, entry: profile(first, one.id), messages };
  }
}

/**
 * One connection: questions and their answers, and what is pushed.
 *
 * @typedef {object} Connection
 * @property {string} token
 * @property {boolean} dead
 * @property {number} since when it was ready
 * @property {string} watched what it was last told to watch
 * @property {Promise<boolean>} opened whether it opened
 * @property {(frame: object, within?: number) => Promise<any>} ask the answer to a question; nothing if none came in time, or before the end
 * @property {() => void} end ends it without a word
 * @property {() => void} lost ends it, as if the network had
 * @property {() => void} leave another one is in its place: it ends when its last question is answered
 */

/** The longest frame, in bytes: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
export const LONGEST = 32_768;

/**
 * Opens a connection. After its end nothing of it is heard any more.
 *
 * @param {any} WebSocket
 * @param {string} url
 * @param {string} token
 * @param {number} limit for opening it, and for an answer
 * @param {(ms: number, then: () => void) => () => void} later
 * @param {(frame: any) => void} pushed
 * @param {(connection: Connection) => void} ended hears of every end but `end()`'s
 * @returns {Connection}
 */
export const dial = (WebSocket, url, token, limit, later, pushed, ended) => {
  /** @type {Map<number, (answer?: any) => void>} */
  const waiting = new Map();
  let asked = 0;
  let leaving = false;
  /** @type {any} */
  let socket;
  /** @type {(opened: boolean) => void} */
  let open;

  /** @param {unknown} [silent] */
  const end = (silent) => {
    if (connection.dead) return;
    connection.dead = true;
    cancel();
    // `ws` throws what nobody listens to, also after its end.
    if (socket) socket.onopen = socket.onmessage = socket.onclose = socket.onerror = () => {};
    try {
      socket.close();
    } catch {}
    open(false);
    waiting.forEach((answer) => answer());
    if (!silent) ended(connection);
  };
  const lost = () => end();

  /** @type {Connection} */
  const connection = {
    token,
    dead: false,
    since: Infinity,
    watched: "",
    opened: new Promise((resolve) => {
      open = resolve;
    }),
    ask: (frame, within = limit) =>
      new Promise((resolve) => {
        const id = ++asked;
        const cancel = later(within, () => answer());
        /** @param {any} [frame] */
        const answer = (frame) => {
          cancel();
          waiting.delete(id);
          resolve(frame);
          if (leaving && !waiting.size) end(true);
        };
        if (connection.dead) return answer();
        waiting.set(id, answer);
        try {
          const text = JSON.stringify({ ...frame, id });
          // By bytes. API Gateway ends a connection over which a longer frame comes, and would end each one after it.
          if (encodeURIComponent(text).replace(/%../g, "%").length > LONGEST) throw "too long";
          socket.send(text);
        } catch (error) {
          // Or metadata that is no JSON.
          answer({ error: { status: 400, message: String(error) } });
        }
      }),
    end: () => end(true),
    lost,
    leave: () => {
      leaving = true;
      if (!waiting.size) end(true);
    },
  };

  const cancel = later(limit, lost);
  try {
    socket = new WebSocket(url, ["senna.v1", "bearer." + token]);
    socket.onopen = () => {
      cancel();
      open(true);
    };
    socket.onclose = socket.onerror = lost;
    socket.onmessage = (/** @type {{ data: string }} */ { data }) => {
      let frame;
      try {
        frame = JSON.parse(data);
      } catch {
        return;
      }
      if (frame.event) pushed(frame);
      else waiting.get(frame.id)?.(frame);
    };
  } catch {
    // The address or the token is invalid. Told later, as every other end.
    later(0, lost);
  }
  return connection;
};

// Serves the page as the local stack does, with its content-security policy, for a stack that a test has started.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { tokenOf } from "./stack.js";

const ROOT = new URL("..", import.meta.url).pathname;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

/** What each switch of the page means for the stack's control address. The stack itself can do more: freeze a function, and kill Redis. */
const PLANS = { "lose-pushes": { "push-failed": 1 }, throttle: { "push-throttled": 0.5 }, freeze: {} };

/**
 * Starts a server on a free port of the loopback.
 *
 * @param {Awaited<ReturnType<typeof import("./stack.js").startStack>>} stack
 * @param {{ users?: [string, string], topics?: string[], pages?: Record<string, string>, faults?: boolean, files?: Record<string, string> }} [options]
 *   `pages` are further pages by path, `files` further folders by their first path
 */
export const servePage = async (
  stack,
  { users = ["1", "2"], topics = [], pages = {}, faults = true, files = {} } = {},
) => {
  const on = { "lose-pushes": false, throttle: false, freeze: false };
  const own = ({ url }) => url.replace("127.0.0.1", "localhost");
  const policy = [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "img-src https:",
    `connect-src 'self' ${own({ url: stack.websocket })} ${new URL(own({ url: stack.rest })).origin}`,
  ].join("; ");
  const config = {
    websocket: own({ url: stack.websocket }),
    rest: own({ url: stack.rest }),
    people: users.map((user, index) => ({ user, name: ["Ada", "Grace"][index], token: tokenOf(user) })),
    topics,
    faults,
  };

  const answer = async (request, response) => {
    const { pathname } = new URL(request.url, "http://page");
    const say = (status, body, type = "application/json") => {
      response.writeHead(status, {
        "Content-Type": type,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
      });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    if (pathname === "/config.json") return say(200, config);
    if (pathname === "/faults" && faults && request.method === "POST") {
      let text = "";
      for await (const part of request) text += part;
      const wish = JSON.parse(text);
      if (wish.fault === "cut") await stack.cut();
      else if (wish.fault in on) {
        on[wish.fault] = wish.on;
        await stack.faults(
          Object.assign(
            {},
            ...Object.keys(on)
              .filter((name) => on[name])
              .map((name) => PLANS[name]),
          ),
        );
      } else if (wish.fault !== "kill-redis") return say(400, {});
      return say(200, { faults: on });
    }
    if (pages[pathname]) return say(200, pages[pathname], TYPES[extname(pathname)] ?? TYPES[".html"]);
    const [, first, ...rest] = pathname.split("/");
    const file =
      pathname === "/"
        ? `${ROOT}demo/index.html`
        : files[first]
          ? `${files[first]}/${rest.join("/")}`
          : first === "src"
            ? ROOT + pathname.slice(1)
            : `${ROOT}demo${pathname}`;
    if (pathname.includes("..") || !TYPES[extname(file)] || !existsSync(file)) return say(404, {});
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)],
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
    });
    createReadStream(file).pipe(response);
  };

  const server = createServer((request, response) =>
    answer(request, response).catch(() => response.writeHead(500).end()),
  );
  await new Promise((go) => server.listen(0, "127.0.0.1", go));
  return {
    url: `http://localhost:${server.address().port}`,
    config,
    stop: () =>
      new Promise((go) => {
        server.closeAllConnections();
        server.close(go);
      }),
  };
};

// The local stack as a child process. It stops with this process, however that ends.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

const SECRET = "the secret of the black-box tests";
const SENNA = process.env.SENNA_BIN ?? new URL("../../../target/debug/senna", import.meta.url).pathname;

export const isBuilt = existsSync(SENNA);

/** Starts a stack on free ports, and returns its addresses and what stops it. @param {...string} more arguments, as `--clock-scale` */
export const startStack = async (...more) => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("SOCK_"));
  const child = spawn(SENNA, ["--fresh", "--json", "--stop-with-stdin", "--no-build", ...more], {
    cwd: new URL("../../..", import.meta.url).pathname,
    env: { ...Object.fromEntries(own), SOCK_HTTP_PORT: "0", SOCK_WS_PORT: "0", SOCK_PAGE_PORT: "0", SOCK_JWT_SECRET: SECRET, SOCK_LIMITS: "off" },
    stdio: ["pipe", "pipe", process.env.SENNA_LOG ? "inherit" : "ignore"],
  });
  const line = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (status) => reject(new Error(`the stack ended with ${status}; SENNA_LOG=1 shows why`)));
  });
  const { rest, websocket, control, page } = JSON.parse(line);
  return {
    rest,
    websocket,
    page,
    /** Resets this share of the open connections. */
    cut: async (fraction = 1) => {
      await fetch(`${control}/connections/cut`, { method: "POST", body: JSON.stringify({ fraction }) });
    },
    faults: async (plan) => {
      await fetch(`${control}/faults`, { method: "PUT", body: JSON.stringify(plan) });
    },
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.stdin.end();
      }),
  };
};

/** A token of a user, as the platform signs it. */
export const tokenOf = (user, claims = {}) => {
  const part = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ user_id: user, ...claims })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
};

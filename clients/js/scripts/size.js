// What the entries cost a page, as its bundler would deliver them. Fails when that is too much.
import { gzip } from "pako";
import { bundle } from "./bundle.js";

// Not Node's own: what that makes differs by some bytes from one processor and version to another.
const sizeOf = async (entry) => gzip(await bundle(entry), { level: 9 }).length;

const core = await sizeOf("index");
const element = (await sizeOf("element/index")) - core;
for (const [what, bytes, limit] of [
  ["the client", core, 8192],
  ["the element, beside the client", element, 12_288],
  ["the transport for Socket.IO", await sizeOf("socketio/index"), 6144],
]) {
  console.log(`${what}, minified and gzipped: ${bytes} of ${limit} bytes`);
  if (bytes > limit) process.exitCode = 1;
}

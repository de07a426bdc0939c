// What the client and the element cost a page, as its bundler would deliver them. Fails when that is too much.
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.js";

const sizeOf = async (entry) => gzipSync(await bundle(entry), { level: 9 }).length;

const core = await sizeOf("index");
const element = (await sizeOf("element/index")) - core;
for (const [what, bytes, limit] of [
  ["the client", core, 8192],
  ["the element, beside the client", element, 12_288],
]) {
  console.log(`${what}, minified and gzipped: ${bytes} of ${limit} bytes`);
  if (bytes > limit) process.exitCode = 1;
}

// One minified file for each entry and kind of module: for `require`, and for pages that have no bundler.
import { mkdirSync, writeFileSync } from "node:fs";
import { bundle } from "./bundle.js";

mkdirSync("dist", { recursive: true });
for (const [entry, name] of [
  ["index", "index"],
  ["react", "react"],
  ["element/index", "element"],
  ["socketio/index", "socket.io"],
]) {
  writeFileSync(`dist/${name}.js`, await bundle(entry, "esm"));
  writeFileSync(`dist/${name}.cjs`, await bundle(entry, "cjs"));
}

// One file for each kind of module. The sources themselves run in browsers and in Node as they are.
import { buildSync } from "esbuild";

for (const [format, file] of [
  ["esm", "dist/index.js"],
  ["cjs", "dist/index.cjs"],
])
  buildSync({ entryPoints: ["src/index.js"], bundle: true, format, target: "es2022", outfile: file });

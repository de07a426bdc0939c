// What the whole client costs a page, as its bundler would deliver it. Fails when that is too much.
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const LIMIT = 8192;
const { outputFiles } = buildSync({
  entryPoints: ["src/index.js"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  write: false,
});
const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
console.log(`index.js, minified and gzipped: ${bytes} of ${LIMIT} bytes`);
if (bytes > LIMIT) process.exitCode = 1;

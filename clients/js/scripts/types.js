// The types that TypeScript reads: from the comments of the sources, once for `import` and once for `require`.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const folder = "dist/types";
rmSync(folder, { recursive: true, force: true });
execFileSync("tsc", ["-p", ".", "--emitDeclarationOnly"], { stdio: "inherit", shell: process.platform === "win32" });
// CommonJS may not read declarations of ES modules, so it has its own of each.
for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(`${folder}/${file}`, "utf8").replace(/(["'])(\.\.?\/[\w/-]+)\.js\1/g, "$1$2.cjs$1");
  writeFileSync(`${folder}/${file.replace(".d.ts", ".d.cts")}`, text);
}

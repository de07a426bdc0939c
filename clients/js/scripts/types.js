// The types that TypeScript reads: from the comments of the sources, once for `import` and once for `require`.
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const folder = "dist/types";
rmSync(folder, { recursive: true, force: true });
execFileSync("tsc", ["-p", ".", "--emitDeclarationOnly"], { stdio: "inherit", shell: process.platform === "win32" });
// CommonJS may not read declarations of ES modules, so it has its own of each.
for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(`${folder}/${file}`, "utf8").replace(/(["'])(\.\.?\/[\w/-]+)\.js\1/g, "$1$2.cjs$1");
  writeFileSync(`${folder}/${file.replace(".d.ts", ".d.cts")}`, text);
}
// What `document.querySelector("senna-chat")` finds. Comments can't say that; and if both kinds did, a program with
// both would have two classes of one name.
appendFileSync(
  `${folder}/element/index.d.ts`,
  'declare global { interface HTMLElementTagNameMap { "senna-chat": SennaChat } }\n',
);

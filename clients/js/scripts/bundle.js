// How the package's files are made of its sources, which themselves run in browsers and in Node as they are.
import { readFileSync } from "node:fs";
import { build, transformSync } from "esbuild";

/** The style sheet is a text of the element, in which esbuild would leave every blank. */
const styles = {
  name: "styles",
  setup: ({ onLoad }) =>
    onLoad({ filter: /element\/(style|style-chat)\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/(?<== )`([^`]*)`/, (_, css) => {
        const { code } = transformSync(css, {
          loader: "css",
          minify: true,
          target: ["chrome123", "firefox120", "safari17.5"],
        });
        return JSON.stringify(code.trim());
      }),
    })),
};

/**
 * One entry with all that it needs, minified. React stays outside.
 *
 * @param {string} entry a file of `src`
 * @param {"esm" | "cjs"} format
 * @returns {Promise<Uint8Array>}
 */
export const bundle = async (entry, format = "esm") => {
  const { outputFiles } = await build({
    entryPoints: [`src/${entry}.js`],
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    charset: "utf8",
    external: ["react"],
    plugins: [styles],
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].contents;
};

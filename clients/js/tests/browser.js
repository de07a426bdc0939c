// The Chromium of the system, without a window.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

const executablePath = [process.env.CHROMIUM_BIN, ...PLACES].find((path) => path && existsSync(path));

/** Why there are no tests in a browser; nothing if there are. */
export const noBrowser = executablePath
  ? undefined
  : "there is no Chromium: run .ci/install-chromium, or name one by CHROMIUM_BIN";

export const launch = () =>
  chromium.launch({
    executablePath,
    // Its sandbox does not start as root, and a container may have little shared memory. The pages are our own.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
  });

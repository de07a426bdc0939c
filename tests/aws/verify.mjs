// Verifies webhooks with the library of Standard Webhooks for JavaScript.
// Arguments: the folder where it is installed. Standard input: [{"secret", "headers", "body"}, …]. Prints [true or false, …].
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "package.json"));
const { Webhook } = require("standardwebhooks");
const results = JSON.parse(readFileSync(0, "utf8")).map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
});
console.log(JSON.stringify(results));

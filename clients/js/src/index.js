/** A chat client that follows docs/clients.md. */
export { createClient } from "./client.js";
export * from "./types.js";

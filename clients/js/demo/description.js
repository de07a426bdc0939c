/*
 * Shows a description of the API, OpenAPI or AsyncAPI, as a list that one can read. The viewers of the registries have megabytes, or want styles and
 * scripts that the policy of this page refuses; whoever likes one gives it the file.
 */

const file = `${location.pathname}.json`;

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
const node = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const nameOf = (/** @type {string} */ reference) => /** @type {string} */ (reference.split("/").pop());

/** JSON, in which each reference leads to what it names. @param {unknown} value */
const code = (value) => {
  const parts = JSON.stringify(value, null, 2).split(/"\$ref": "(#[^"]+)"/);
  return node("pre", {}, ...parts.map((part, place) => (place % 2 ? node("a", { href: `#${nameOf(part)}` }, nameOf(part)) : part)));
};

/** What can be opened. @param {string} kind @param {string} name @param {string} words @param {(Node | string)[]} inside @param {string} [id] */
const entry = (kind, name, words, inside, id) =>
  node("details", id ? { id } : {}, node("summary", {}, node("b", {}, kind), node("code", {}, name), node("span", {}, words)), ...inside);

/** @param {string} title @param {string | undefined} words @param {any} schema */
const part = (title, words, schema) => [
  node("h3", {}, title),
  ...(words ? [node("p", {}, words)] : []),
  ...(schema ? [code(schema)] : []),
];

/** @param {any} content */
const schemaOf = (content) => /** @type {any} */ (Object.values(content ?? {})[0])?.schema;

/** @param {any} api */
const routes = (api) =>
  Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) =>
      entry(method.toUpperCase(), path, operation.summary ?? "", [
        ...(operation.description ? [node("p", {}, operation.description)] : []),
        ...(operation.parameters ?? []).flatMap((/** @type {any} */ one) =>
          one.$ref ? [code(one)] : part(`${one.name} (${one.in})`, one.description, one.schema),
        ),
        ...(operation.requestBody ? part("Body", operation.requestBody.description, schemaOf(operation.requestBody.content)) : []),
        ...Object.entries(operation.responses).flatMap(([status, answer]) =>
          answer.$ref ? [node("h3", {}, status), code(answer)] : part(status, answer.description, schemaOf(answer.content)),
        ),
      ]),
    ),
  );

/** @param {any} api */
const frames = (api) =>
  Object.entries(api.operations).map(([name, operation]) => {
    const payloads = (/** @type {any[]} */ messages) =>
      messages.flatMap(({ $ref }) => {
        const message = api.components.messages[nameOf($ref)];
        return part(message.title ?? message.name, message.summary, message.payload);
      });
    return entry(operation.action, name, operation.summary ?? "", [
      ...(operation.description ? [node("p", {}, operation.description)] : []),
      ...payloads(operation.messages),
      ...payloads(operation.reply?.messages ?? []),
    ]);
  });

/** Opens what the address names. */
const open = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
};

const show = async () => {
  const description = /** @type {HTMLElement} */ (document.getElementById("description"));
  document.getElementById("raw")?.setAttribute("href", file);
  const answer = await fetch(file);
  if (!answer.ok) {
    description.append(node("p", {}, `${file} can't be had: ${answer.status}.`));
    return;
  }
  const api = await answer.json();
  document.getElementById("about")?.append(`${api.openapi ? `OpenAPI ${api.openapi}` : `AsyncAPI ${api.asyncapi}`}, version ${api.info.version}`);
  description.append(
    node("p", {}, api.info.description ?? ""),
    node("h2", {}, api.paths ? "Routes" : "Frames: send is what a client sends, receive what it is told"),
    ...(api.paths ? routes(api) : frames(api)),
  );
  for (const [kind, all] of Object.entries(api.components)) {
    if (kind === "messages" || kind === "securitySchemes") continue;
    description.append(
      node("h2", {}, kind[0].toUpperCase() + kind.slice(1)),
      ...Object.entries(all).map(([name, one]) => entry("", name, one.description?.split("\n")[0] ?? "", [code(one)], name)),
    );
  }
  open();
};

addEventListener("hashchange", open);
show();

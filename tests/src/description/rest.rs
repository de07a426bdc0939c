//! The REST API in `OpenAPI` 3.1: its routes, what each takes, and every answer of each.

mod answers;
mod moderation;
mod uploads;

use serde_json::{Map, Value, json};

use super::components::schemas;
use super::errors::{ERRORS, answered};
use super::platform;
use super::schema::{NUMBER_MAX, named, short_list, whole};

/// The codes that an error can have; `None` for the one that has no code.
pub(super) type Codes = &'static [Option<&'static str>];

/// What everything but the welcome can answer.
const ALWAYS: Codes = &[
    Some("NOT_AUTHENTICATED"),
    Some("INVALID_TOKEN_ERR"),
    Some("TOKEN_REVOKED"),
    Some("RATE_LIMITED"),
    Some("UNAVAILABLE"),
];
/// Errors of every route that changes something.
const WRITING: Codes = &[Some("BANNED")];
pub(super) const TARGET: Codes = &[Some("MESSAGES_INVALID_TARGET"), Some("INVALID_ID")];
/// Errors of a path that names a topic, or a user.
pub(super) const TOPIC: Codes = &[Some("INVALID_ID")];
const MEMBERS: Codes = &[Some("NOT_A_MEMBER")];
pub(super) const BODY: Codes = &[
    Some("INVALID_JSON"),
    Some("DUPLICATE_KEY"),
    Some("INVALID_FIELD"),
    Some("BODY_TOO_LARGE"),
    Some("BODY_COMPRESSED"),
];
pub(super) const CONTENT: Codes = &[
    None,
    Some("FORBIDDEN_KEY"),
    Some("INVALID_TEXT"),
    Some("INVALID_IMAGE"),
    Some("INVALID_CLIENT_ID"),
    Some("TEXT_TOO_LARGE"),
    Some("IMAGE_TOO_LARGE"),
    Some("METADATA_TOO_LARGE"),
    Some("RETRY_KEY_REUSED"),
];
pub(super) const ACCEPTED: Codes = &[Some("NOT_ACCEPTED")];
pub(super) const FOUND: Codes = &[Some("NOT_FOUND")];
const FORBIDDEN: Codes = &[Some("FORBIDDEN")];

/// A route.
pub(super) struct Route {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// Query and header parameters.
    parameters: Vec<Value>,
    /// The schema of the body, and whether there must be one.
    body: Option<(&'static str, bool)>,
    /// The schema of a success.
    answer: &'static str,
    /// What can go wrong beside what always can.
    errors: Vec<Codes>,
}

impl Route {
    pub(super) const fn new(
        (method, path): (&'static str, &'static str),
        (id, tag): (&'static str, &'static str),
        summary: &'static str,
        answer: &'static str,
        errors: Vec<Codes>,
    ) -> Self {
        Self {
            method,
            path,
            id,
            tag,
            summary,
            parameters: Vec::new(),
            body: None,
            answer,
            errors,
        }
    }

    pub(super) fn taking(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub(super) fn with_body(mut self, schema: &'static str, required: bool) -> Self {
        self.body = Some((schema, required));
        self.errors.push(BODY);
        self
    }

    fn operation(&self) -> Value {
        let is_platform = self.tag == platform::TAG;
        let status = match self.id {
            "send" | "sendAs" | "report" | "upload" => "201",
            "erase" => "202",
            _ => "200",
        };
        let parts = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<Value> = parts
            .map(|name| path_parameter(name, is_platform))
            .chain(self.parameters.iter().cloned())
            .chain(is_platform.then(platform::domain))
            .collect();
        let always = if is_platform { platform::ALWAYS } else { ALWAYS };
        let writing = if self.method == "get" || is_platform {
            &[]
        } else {
            WRITING
        };
        let codes = self
            .errors
            .iter()
            .chain([&always, &writing])
            .copied()
            .flatten()
            .copied();
        let mut responses = failures(&codes.collect::<Vec<_>>());
        if self.id == uploads::SHOW {
            let location = json!({"description": "Where the image is for five minutes.", "schema": {"type": "string"}});
            let found = json!({"description": "The image is there.", "headers": {"Location": location}});
            responses.insert("302".to_owned(), found);
        } else {
            let mut done = answer("Done.", &named(self.answer));
            if self.id == "export" {
                // Each line is what the schema says.
                done["content"] = json!({"application/x-ndjson": {"schema": named(self.answer)}});
            }
            responses.insert(status.to_owned(), done);
        }
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": parameters,
            "responses": responses,
        });
        if self.id == uploads::SHOW {
            operation["security"] = json!([{"token": []}, {"bearer": []}, {uploads::TOKEN: []}]);
        }
        if is_platform {
            operation["security"] = json!([{platform::SECURITY: []}]);
        }
        if let Some((schema, required)) = self.body {
            operation["requestBody"] = json!({
                "required": required, "content": {"application/json": {"schema": named(schema)}},
            });
        }
        operation
    }
}

/// The whole description.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    paths.insert("/api".to_owned(), welcome());
    for route in routes()
        .into_iter()
        .chain(moderation::routes())
        .chain(uploads::routes())
        .chain(platform::routes())
    {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method] = route.operation();
    }
    let mut schemas = schemas();
    let own = answers::schemas()
        .into_iter()
        .chain(moderation::schemas())
        .chain(uploads::schemas())
        .chain(platform::schemas());
    schemas.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Senna",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Realtime chat for a platform that already has users.",
            "description": "The REST API. What others do arrives over the WebSocket, which asyncapi.json describes.\n\nEvery answer to OPTIONS of a \
                browser is 204. A path with slashes too many gets 308 to the right one. A request to any other route gets 404 with \
                `NOT_FOUND`, or 401 if its token is not good.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://localhost:3005", "description": "The local stack that `cargo run` starts."}],
        "security": [{"token": []}, {"bearer": []}],
        "tags": [
            {"name": "Service", "description": "Whether the service is up."},
            {"name": "Messages", "description": "Reading and writing in a conversation."},
            {"name": "Inbox", "description": "Your conversations."},
            {"name": "People", "description": "Members, profiles and presence."},
            {"name": platform::TAG, "description": "Routes for the platform's own server. Without `SOCK_PLATFORM_KEY` they are 404."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "apiKey", "in": "header", "name": "X-Auth-Token",
                    "description": "A JWT of the platform; its claim `user_id` says who asks. `SOCK_JWT_HEADER` names another header.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The same token."},
                uploads::TOKEN: {
                    "type": "apiKey", "in": "query", "name": "token", "description": "The same token, for the address of an image.",
                },
                "platform": {
                    "type": "http", "scheme": "bearer", "description": "The key, or one of the two keys, in `SOCK_PLATFORM_KEY`.",
                },
            },
            "schemas": schemas,
        },
    })
}

fn welcome() -> Value {
    let mut responses = failures(&[Some("INVALID_TOKEN_ERR"), Some("UNAVAILABLE")]);
    responses.insert("200".to_owned(), answer("The service is up.", &named("Welcome")));
    json!({
        "get": {
            "operationId": "welcome", "tags": ["Service"], "summary": "Says that the service is there, and whether the token is valid.",
            "security": [{}, {"token": []}, {"bearer": []}],
            "responses": responses,
        },
        "head": {
            "operationId": "monitor", "tags": ["Service"], "summary": "The same without a body, as monitors ask.",
            "security": [{}, {"token": []}, {"bearer": []}],
            "responses": {
                "200": {"description": "The service is up."},
                "401": {"description": "The token is invalid or expired."},
                "500": {"description": "The function failed."},
                "503": {"description": "The platform's key set did not answer, or the function was too slow."},
            },
        },
    })
}

fn routes() -> Vec<Route> {
    const MESSAGES: &str = "Messages";
    const INBOX: &str = "Inbox";
    const PEOPLE: &str = "People";
    vec![
        Route::new(
            ("get", "/api/list"),
            ("list", INBOX),
            "The inbox: pinned conversations, then those with the newest activity.",
            "ListAnswer",
            vec![&[Some("INVALID_PAGE"), Some("INVALID_FIELD")]],
        )
        .taking(paging())
        .taking([
            query(
                "before",
                "The `state.next` of a page: pages that new activity does not shift.",
                named("Place"),
            ),
            query("hidden", "Only hidden conversations.", flag()),
            query(
                "no_format",
                "Plain entries: no profiles, and times in milliseconds.",
                flag(),
            ),
        ]),
        Route::new(
            ("get", "/api/sync"),
            ("sync", INBOX),
            "The inbox entries that changed since a cursor. Without a cursor there are none, and the answer tells the present cursor.",
            "SyncAnswer",
            vec![&[Some("INVALID_FIELD")]],
        )
        .taking([query("since", "A cursor from an earlier answer.", named("Cursor"))]),
        Route::new(
            ("put", "/api/{target}/{id}/settings"),
            ("settings", INBOX),
            "Mutes, hides or pins a conversation in your inbox.",
            "SettingsAnswer",
            vec![TARGET, FOUND, MEMBERS, &[None]],
        )
        .with_body("Settings", true),
        Route::new(
            ("get", "/api/{target}/{id}"),
            ("history", MESSAGES),
            "A page of a conversation, oldest first; page 1 is the newest.",
            "HistoryAnswer",
            vec![TARGET, FOUND, MEMBERS, &[Some("INVALID_PAGE")]],
        )
        .taking(paging())
        .taking(
            [
                ("before", "Messages that are older than this one."),
                ("after", "Messages that are newer than this one."),
                ("around", "Messages around this one."),
            ]
            .map(|(name, words)| {
                query(
                    name,
                    &format!("{words} One of `page`, `before`, `after` and `around`."),
                    named("MessageId"),
                )
            }),
        ),
        Route::new(
            ("post", "/api/{target}/{id}"),
            ("send", MESSAGES),
            "Sends a message.",
            "MessageAnswer",
            vec![
                TARGET,
                MEMBERS,
                ACCEPTED,
                CONTENT,
                &[Some("MESSAGES_INVALID_TYPE"), Some("TOPIC_FULL")],
            ],
        )
        .taking([retry_key()])
        .with_body("Send", true),
        Route::new(
            ("get", "/api/{target}/{id}/changes"),
            ("changes", MESSAGES),
            "What changed in a conversation since a revision.",
            "ChangesAnswer",
            vec![TARGET, MEMBERS, &[Some("INVALID_FIELD")]],
        )
        .taking([needed(
            "since",
            "The `rev` up to which you know the conversation, or 0.",
            whole(0),
        )]),
        Route::new(
            ("post", "/api/{target}/{id}/read"),
            ("read", MESSAGES),
            "Says that you have read up to a message. The position only moves forward.",
            "ReadAnswer",
            vec![TARGET, FOUND, MEMBERS],
        )
        .with_body("MarkRead", false),
        Route::new(
            ("post", "/api/{target}/{id}/{message_id}"),
            ("update", MESSAGES),
            "Edits your message, or marks the other side's as seen.",
            "MessageAnswer",
            vec![
                TARGET,
                FOUND,
                MEMBERS,
                ACCEPTED,
                FORBIDDEN,
                CONTENT,
                &[Some("TOO_MANY_EDITS")],
            ],
        )
        .taking([retry_key()])
        .with_body("Update", true),
        Route::new(
            ("delete", "/api/{target}/{id}/{message_id}"),
            ("delete", MESSAGES),
            "Deletes your message, or any message as a moderator of the topic. A repetition gets the same answer.",
            "DeletedAnswer",
            vec![TARGET, FOUND, MEMBERS, FORBIDDEN],
        ),
        Route::new(
            ("put", "/api/{target}/{id}/{message_id}/reactions/{reaction}"),
            ("react", MESSAGES),
            "Gives a reaction.",
            "MessageAnswer",
            vec![
                TARGET,
                FOUND,
                MEMBERS,
                ACCEPTED,
                &[Some("INVALID_REACTION"), Some("TOO_MANY_REACTIONS"), Some("TOPIC_FULL")],
            ],
        ),
        Route::new(
            ("delete", "/api/{target}/{id}/{message_id}/reactions/{reaction}"),
            ("takeBack", MESSAGES),
            "Takes a reaction back.",
            "MessageAnswer",
            vec![TARGET, FOUND, MEMBERS, ACCEPTED, &[Some("INVALID_REACTION")]],
        ),
        Route::new(
            ("get", "/api/topic/{id}/members"),
            ("members", PEOPLE),
            "Who is in a topic, and how far each has read.",
            "MembersAnswer",
            vec![TOPIC, MEMBERS, &[Some("INVALID_PAGE")]],
        )
        .taking(paging())
        .taking([query("after", "The `next` of a page.", named("Id"))]),
        Route::new(
            ("put", "/api/topic/{id}/members/{user}"),
            ("addMember", PEOPLE),
            "Joins a topic, adds a member, or gives a member a role.",
            "MemberAnswer",
            vec![TOPIC, MEMBERS, FORBIDDEN, &[Some("TOPIC_FULL")]],
        )
        .with_body("GiveRole", false),
        Route::new(
            ("delete", "/api/topic/{id}/members/{user}"),
            ("removeMember", PEOPLE),
            "Leaves a topic, or removes a member.",
            "MemberAnswer",
            vec![TOPIC, MEMBERS, FORBIDDEN],
        ),
        Route::new(
            ("get", "/api/profiles"),
            ("profiles", PEOPLE),
            "What the platform says about users and topics; at most 100 in all, and at least one of the two lists.",
            "ProfilesAnswer",
            vec![&[Some("INVALID_FIELD"), Some("INVALID_ID")]],
        )
        .taking([ids("users", false), ids("topics", false)]),
        Route::new(
            ("get", "/api/presence"),
            ("presence", PEOPLE),
            "Who is online, among the users whom you may see.",
            "PresenceAnswer",
            vec![&[Some("INVALID_FIELD"), Some("INVALID_ID")]],
        )
        .taking([ids("ids", true)]),
    ]
}

/// What can go wrong, by status, and what API Gateway itself answers.
fn failures(codes: &[Option<&'static str>]) -> Map<String, Value> {
    let mut responses = Map::new();
    let of_gateway = [
        (400, "Bad Request: the request line is malformed."),
        (
            413,
            "Request Entity Too Large: more than 10 MB, or headers of more than 10,240 bytes.",
        ),
        (429, "Too Many Requests: the route gets too many from all users."),
        (500, "Internal Server Error: the function failed."),
        (
            503,
            "Service Unavailable: the function was too slow, or there were too many.",
        ),
    ];
    let mut statuses: Vec<u16> = of_gateway.iter().map(|(status, _)| *status).collect();
    let errors: Vec<_> = ERRORS.iter().filter(|error| codes.contains(&error.code)).collect();
    statuses.extend(errors.iter().map(|error| error.status));
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let here = || errors.iter().filter(|error| error.status == status);
        let gateway = of_gateway.iter().find(|(of, _)| *of == status);
        let codes: Vec<_> = here().map(|error| error.code).collect();
        let ours = here().map(|error| format!("- `{}`: {}", error.code.unwrap_or("null"), error.when));
        let lines: Vec<String> = ours.chain(gateway.map(|(_, words)| format!("- {words}"))).collect();
        let schema = match (codes.is_empty(), gateway) {
            (true, _) => named("GatewayError"),
            (false, None) => answered(status, &codes),
            (false, Some(_)) => json!({"anyOf": [answered(status, &codes), named("GatewayError")]}),
        };
        responses.insert(status.to_string(), answer(&lines.join("\n"), &schema));
    }
    responses
}

fn answer(words: &str, schema: &Value) -> Value {
    json!({"description": words, "content": {"application/json": {"schema": schema}}})
}

fn path_parameter(name: &str, is_platform: bool) -> Value {
    let of_platform = is_platform.then(|| platform::path_parameter(name)).flatten();
    let (words, schema) = of_platform.unwrap_or_else(|| match name {
        "target" => ("Whether the other side is a user or a topic.", named("Target")),
        "message_id" => ("The message.", named("MessageName")),
        "upload" => (
            "The name of the image.",
            json!({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
        ),
        "reaction" => ("The reaction, percent-encoded.", named("ReactionText")),
        "user" => (
            "The member; `me` is you.",
            json!({"anyOf": [named("Id"), {"const": "me"}]}),
        ),
        _ => ("The user or topic.", named("Id")),
    });
    json!({"name": name, "in": "path", "required": true, "description": words, "schema": schema})
}

pub(super) fn query(name: &str, words: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": words, "schema": schema})
}

fn needed(name: &str, words: &str, schema: Value) -> Value {
    let mut parameter = query(name, words, schema);
    parameter["required"] = json!(true);
    parameter
}

fn ids(name: &str, required: bool) -> Value {
    let mut parameter = query(name, "Ids, separated by commas.", short_list(named("Id"), 100));
    parameter["style"] = json!("form");
    parameter["explode"] = json!(false);
    parameter["required"] = json!(required);
    parameter
}

fn flag() -> Value {
    json!({"type": "string", "enum": ["", "1", "true", "0", "false"]})
}

fn many() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10})
}

/// How many entries a page has.
pub(super) fn limit() -> Value {
    query("limit", "How many.", many())
}

fn paging() -> [Value; 3] {
    [
        query(
            "page",
            "From 1 on.",
            json!({"type": "integer", "minimum": 1, "maximum": NUMBER_MAX, "default": 1}),
        ),
        query("per_page", "How many.", many()),
        query("limit", "The same as `per_page`.", many()),
    ]
}

pub(super) fn retry_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "description": "In place of `client_id` in the body.",
        "schema": named("RetryKey"),
    })
}

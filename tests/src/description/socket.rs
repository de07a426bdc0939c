//! The WebSocket in `AsyncAPI` 3, as a client sees it: what it sends and is answered, and what it is told.

use serde_json::{Map, Value, json};

use super::components::schemas;
use super::schema::{Property, about, closed, exactly, like, named, one_of, open, or_null, short_list, text, whole};

/// An action: its name, what it does, the properties of its frame beside `action` and `id`, and its result.
struct Action {
    name: &'static str,
    does: &'static str,
    frame: Value,
    result: &'static str,
}

/// An event: its name, what it tells, its data, and whether it has a place among all that the user was told.
struct Event {
    name: &'static str,
    tells: &'static str,
    data: Value,
    placed: bool,
}

/// The schema of the frame that asks for this action.
pub(super) fn frame_of(action: &str) -> String {
    format!("{}Frame", camel(action))
}

/// The schema of the answer to this action when it could be done.
pub(super) fn reply_to(action: &str) -> String {
    format!("{}Reply", camel(action))
}

/// The schema of the frame that tells this event.
pub(super) fn event(name: &str) -> String {
    format!("{}Event", camel(name))
}

/// The schema of the answer to a frame that could not be done.
pub(super) const ERROR: &str = "ErrorReply";
/// The schema of what API Gateway says in our place.
pub(super) const GATEWAY: &str = "GatewayFrame";

/// `message.new` as `MessageNew`.
fn camel(name: &str) -> String {
    let words = name.split('.').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    });
    words.collect()
}

/// The whole description.
pub(super) fn document() -> Value {
    let (actions, events) = (actions(), events());
    let mut schemas = schemas();
    schemas.insert("FrameId".to_owned(), frame_id());
    let mut messages = Map::new();
    let mut operations = Map::new();
    let mut add = |name: &str, title: &str, schema: Value| {
        let words = schema["description"].clone();
        schemas.insert(name.to_owned(), schema);
        messages.insert(
            name.to_owned(),
            json!({"name": name, "title": title, "summary": words, "contentType": "application/json", "payload": named(name)}),
        );
    };
    add(ERROR, "error", error_reply());
    add(GATEWAY, "error of API Gateway", gateway_frame());
    for Action {
        name,
        does,
        frame,
        result,
    } in &actions
    {
        add(&frame_of(name), name, about(does, frame.clone()));
        add(
            &reply_to(name),
            &format!("answer to {name}"),
            about(&format!("The answer to `{name}`."), reply(result)),
        );
    }
    for Event {
        name,
        tells,
        data,
        placed,
    } in &events
    {
        add(&event(name), name, about(tells, told(name, data.clone(), *placed)));
    }
    let in_channel = |name: &str| json!({"$ref": format!("#/channels/chat/messages/{name}")});
    let chat = || json!({"$ref": "#/channels/chat"});
    for Action { name, does, .. } in &actions {
        let replies = [reply_to(name), ERROR.to_owned(), GATEWAY.to_owned()];
        operations.insert(
            (*name).to_owned(),
            json!({
                "action": "send", "channel": chat(), "summary": does, "messages": [in_channel(&frame_of(name))],
                "reply": {"channel": chat(), "messages": replies.map(|name| in_channel(&name))},
            }),
        );
    }
    for Event { name, tells, .. } in &events {
        operations.insert(
            format!("on{}", camel(name)),
            json!({"action": "receive", "channel": chat(), "summary": tells, "messages": [in_channel(&event(name))]}),
        );
    }
    let of_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    let token =
        json!({"type": "string", "description": "The token, where no header can be set. Better: a subprotocol."});
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Senna",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The WebSocket, as a client sees it. Frames are JSON text. The token comes as header `X-Auth-Token` or \
                `Authorization: Bearer`, as subprotocol (`senna.v1, bearer.<token>`), or as `?token=`; without a good one the handshake gets 401 \
                with the error of the REST API, a banned user or a page of an origin that is not allowed 403, and who asks too often 429. A user has a limited number of connections: one more \
                ends the oldest. clients.md beside this file says how a client loses nothing.",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:3006", "protocol": "ws", "description": "The local stack that `cargo run` starts.",
                "security": [{"$ref": "#/components/securitySchemes/token"}, {"$ref": "#/components/securitySchemes/bearer"}],
            },
        },
        "channels": {
            "chat": {
                "address": "/",
                "title": "A connection",
                "description": "Lives two hours at the most, and ten minutes without a frame.",
                "messages": of_channel,
                "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": {"token": token}}}},
            },
        },
        "operations": operations,
        "components": {
            "securitySchemes": {
                "token": {"type": "httpApiKey", "in": "header", "name": "X-Auth-Token", "description": "A JWT of the platform."},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The same token."},
            },
            "messages": messages,
            "schemas": schemas,
        },
    })
}

/// A client's frame: other properties are left alone.
fn asks<const N: usize, const M: usize>(
    action: &'static str,
    required: [Property; N],
    optional: [Property; M],
) -> Value {
    let mut frame = open(required, optional);
    frame["properties"]["action"] = exactly(action);
    frame["properties"]["id"] = or_null(named("FrameId"));
    let mut names = vec![json!("action")];
    names.extend(frame["required"].as_array().cloned().unwrap_or_default());
    frame["required"] = Value::Array(names);
    frame
}

/// The same about a conversation.
fn asks_of<const M: usize>(action: &'static str, required: &[Property], optional: [Property; M]) -> Value {
    let mut frame = asks(
        action,
        [("target", named("Target")), ("target_id", named("Id"))],
        optional,
    );
    for (name, schema) in required {
        frame["properties"][*name] = schema.clone();
        if let Some(names) = frame["required"].as_array_mut() {
            names.push(json!(name));
        }
    }
    frame
}

/// A frame about a conversation that is also a body of the REST API.
fn asks_as(action: &'static str, body: &str, required: &[Property]) -> Value {
    json!({"allOf": [asks_of(action, required, []), named(body)]})
}

fn actions() -> Vec<Action> {
    let action = |name, does, frame, result| Action {
        name,
        does,
        frame,
        result,
    };
    let since = || ("since", or_null(named("Cursor")));
    let message = || ("message_id", named("MessageName"));
    let conversation = open([("target", named("Target")), ("target_id", named("Id"))], []);
    vec![
        action(
            "hello",
            "Answers who you are, and what changed since the cursor.",
            asks("hello", [], [since(), ("token", text())]),
            "SyncAnswer",
        ),
        action(
            "sync",
            "Tells which conversations changed since the cursor.",
            asks("sync", [], [since()]),
            "SyncAnswer",
        ),
        action(
            "changes",
            "Tells what changed in a conversation since a revision.",
            asks_of("changes", &[("since", whole(0))], []),
            "ChangesAnswer",
        ),
        action(
            "send",
            "Sends a message.",
            asks_as("send", "Send", &[]),
            "MessageAnswer",
        ),
        action(
            "update",
            "Edits your message, or marks the other side's as seen.",
            asks_as("update", "Update", &[message()]),
            "MessageAnswer",
        ),
        action(
            "delete",
            "Deletes a message.",
            asks_of("delete", &[message()], []),
            "DeletedAnswer",
        ),
        action(
            "read",
            "Says that you have read up to a message.",
            asks_as("read", "MarkRead", &[]),
            "ReadAnswer",
        ),
        action(
            "react",
            "Gives a reaction, or takes it back.",
            asks_of(
                "react",
                &[message(), ("reaction", named("ReactionText"))],
                [("remove", json!({"type": ["boolean", "null"]}))],
            ),
            "MessageAnswer",
        ),
        action(
            "typing",
            "Says that you begin to type, or stop; at most every 2 s.",
            asks_of("typing", &[("state", one_of(&["start", "stop"]))], []),
            "Taken",
        ),
        action(
            "watch",
            "Names the users whose presence this connection wants, and the conversation on its screen. The next one replaces it.",
            asks(
                "watch",
                [],
                [
                    ("users", or_null(short_list(named("Id"), 100))),
                    ("conversation", or_null(conversation)),
                ],
            ),
            "PresenceAnswer",
        ),
        action("ping", "Asks for the server's time.", asks("ping", [], []), "Pong"),
    ]
}

fn events() -> Vec<Event> {
    let event = |name, tells, data, placed| Event {
        name,
        tells,
        data,
        placed,
    };
    let entry = |schema: Value| closed([("state", named("State")), ("entry", schema)], []);
    let user = || ("user", named("Id"));
    let read = closed(
        [("up_to", or_null(named("MessageId"))), ("seq", named("Position"))],
        [
            ("unread", about("Only the reader's own devices are told.", whole(0))),
            ("mentioned", about("Only the reader's own devices are told.", whole(0))),
        ],
    );
    let member = || closed([("state", named("State")), user(), ("role", named("Role"))], []);
    let typing = || closed([("state", named("State")), user()], []);
    vec![
        event("message.new", "A message was sent.", entry(named("Message")), true),
        event(
            "message.updated",
            "A message was edited, or reacted to.",
            entry(named("Message")),
            true,
        ),
        event(
            "message.deleted",
            "A message was deleted.",
            entry(named("DeletedMessage")),
            true,
        ),
        event(
            "message.read",
            "Somebody has read. In a topic, to others than the reader it is fleeting.",
            closed([("state", named("State")), user(), ("read", read)], []),
            true,
        ),
        event(
            "member.joined",
            "Somebody joined a topic, or got another role.",
            member(),
            true,
        ),
        event("member.left", "Somebody left a topic.", member(), true),
        event(
            "conversation.settings",
            "An own device changed the settings of a conversation.",
            entry(named("InboxEntry")),
            true,
        ),
        event("typing.start", "Somebody types. Forget it after 6 s.", typing(), false),
        event("typing.stop", "Somebody stopped typing.", typing(), false),
        event(
            "presence",
            "Somebody came, or has been gone for 10 s.",
            named("Presence"),
            false,
        ),
    ]
}

/// What is pushed. An event with a place tells it where the place of the user moved; one that is fleeting never does.
fn told(name: &'static str, data: Value, placed: bool) -> Value {
    let mut event = closed([("event", exactly(name)), ("data", data)], []);
    if placed {
        add_place(&mut event);
    }
    event
}

fn reply(result: &str) -> Value {
    let result = match result {
        "Taken" => closed([], []),
        "Pong" => closed([("pong", about("Milliseconds since 1970.", whole(0)))], []),
        other => named(other),
    };
    let mut reply = closed([("result", result)], [("id", named("FrameId"))]);
    add_place(&mut reply);
    reply
}

fn add_place(frame: &mut Value) {
    frame["properties"]["cursor"] = about("The user's place after this.", named("Cursor"));
    frame["properties"]["prev"] = about(
        "The user's place before it: who does not know it has missed something.",
        named("Cursor"),
    );
    // Together or not at all.
    frame["dependencies"] = json!({"cursor": ["prev"], "prev": ["cursor"]});
}

fn error_reply() -> Value {
    about(
        "The answer to a frame that could not be done. The connection stays.",
        closed([("error", named("Error"))], [("id", named("FrameId"))]),
    )
}

fn gateway_frame() -> Value {
    let example = json!({"message": "Internal server error", "connectionId": "XDmENcnwIE0CFEQ=", "requestId": "XDmGEE2RoE0FRdQ="});
    let text = || json!({"type": "string"});
    about(
        "What API Gateway says where no function could. It names no frame: ask again.",
        like(
            example,
            closed(
                [("message", text()), ("connectionId", text()), ("requestId", text())],
                [],
            ),
        ),
    )
}

/// What a client calls its frame.
fn frame_id() -> Value {
    json!({
        "description": "The client's own name for a frame, which the answer repeats: at most 128 bytes of JSON.",
        "oneOf": [{"type": "string", "maxLength": 126}, {"type": "number"}],
        "examples": [1],
    })
}

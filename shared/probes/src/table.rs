//! Every probe.

use super::{Call, Expected, Probe};

/// A request without a token, which is refused before the store is asked.
const fn open(function: &'static str, route: &'static str, path: &'static str) -> Probe {
    Probe {
        function,
        call: Call::Rest { route, path, body: "" },
        signed: false,
        expected: Expected::Status(&[401]),
    }
}

/// A request with a token. Where the status shows that the store was asked, the store works.
const fn signed(
    function: &'static str,
    route: &'static str,
    path: &'static str,
    body: &'static str,
    right: &'static [u16],
) -> Probe {
    Probe {
        function,
        call: Call::Rest { route, path, body },
        signed: true,
        expected: Expected::Status(right),
    }
}

const fn event(function: &'static str, call: Call, expected: Expected) -> Probe {
    Probe {
        function,
        call,
        signed: false,
        expected,
    }
}

/// The probes of all functions. Writes name a message that does not exist, or lack what they need, so they are refused. The refusal with 404 comes
/// from the store. `send`, `settings` and `report` are refused before the store: a question to it would leave something there, or take from
/// a limit that is small.
pub const PROBES: &[Probe] = &[
    Probe {
        function: "welcome",
        call: Call::Rest {
            route: "GET /api",
            path: "/api",
            body: "",
        },
        signed: false,
        expected: Expected::Status(&[200]),
    },
    signed("welcome", "GET /api", "/api", "", &[200]),
    open("list", "GET /api/list", "/api/list"),
    signed("list", "GET /api/list", "/api/list", "", &[200]),
    open("history", "GET /api/{target}/{id}", "/api/user/senna-check"),
    signed("history", "GET /api/{target}/{id}", "/api/user/senna-check", "", &[200]),
    open("sync", "GET /api/sync", "/api/sync"),
    signed("sync", "GET /api/sync", "/api/sync", "", &[200]),
    open(
        "changes",
        "GET /api/{target}/{id}/changes",
        "/api/user/senna-check/changes?since=0",
    ),
    signed(
        "changes",
        "GET /api/{target}/{id}/changes",
        "/api/user/senna-check/changes?since=0",
        "",
        &[200],
    ),
    open("profiles", "GET /api/profiles", "/api/profiles?users=senna-check"),
    signed(
        "profiles",
        "GET /api/profiles",
        "/api/profiles?users=senna-check",
        "",
        &[200],
    ),
    open("presence", "GET /api/presence", "/api/presence?ids=senna-check"),
    signed(
        "presence",
        "GET /api/presence",
        "/api/presence?ids=senna-check",
        "",
        &[200],
    ),
    open("send", "POST /api/{target}/{id}", "/api/user/senna-check"),
    signed(
        "send",
        "POST /api/{target}/{id}",
        "/api/user/senna-check",
        r#"{"type":"text"}"#,
        &[400],
    ),
    open(
        "update",
        "POST /api/{target}/{id}/{message_id}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001",
    ),
    signed(
        "update",
        "POST /api/{target}/{id}/{message_id}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001",
        r#"{"text":"x"}"#,
        &[404],
    ),
    open(
        "delete",
        "DELETE /api/{target}/{id}/{message_id}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001",
    ),
    signed(
        "delete",
        "DELETE /api/{target}/{id}/{message_id}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001",
        "",
        &[404],
    ),
    open("read", "POST /api/{target}/{id}/read", "/api/user/senna-check/read"),
    signed(
        "read",
        "POST /api/{target}/{id}/read",
        "/api/user/senna-check/read",
        r#"{"up_to":"0192f0e4-7d00-7000-8000-000000000001"}"#,
        &[404],
    ),
    open(
        "reactions",
        "DELETE /api/{target}/{id}/{message_id}/reactions/{reaction}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001/reactions/x",
    ),
    signed(
        "reactions",
        "DELETE /api/{target}/{id}/{message_id}/reactions/{reaction}",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001/reactions/x",
        "",
        &[404],
    ),
    open(
        "settings",
        "PUT /api/{target}/{id}/settings",
        "/api/user/senna-check/settings",
    ),
    signed(
        "settings",
        "PUT /api/{target}/{id}/settings",
        "/api/user/senna-check/settings",
        r#"{"muted":"x"}"#,
        &[400],
    ),
    open(
        "members",
        "GET /api/topic/{id}/members",
        "/api/topic/senna-check/members",
    ),
    // 403 where topics are only for their members.
    signed(
        "members",
        "GET /api/topic/{id}/members",
        "/api/topic/senna-check/members",
        "",
        &[200, 403],
    ),
    open("blocks", "GET /api/blocks", "/api/blocks"),
    signed("blocks", "GET /api/blocks", "/api/blocks", "", &[200]),
    open(
        "report",
        "POST /api/{target}/{id}/{message_id}/report",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001/report",
    ),
    signed(
        "report",
        "POST /api/{target}/{id}/{message_id}/report",
        "/api/user/senna-check/0192f0e4-7d00-7000-8000-000000000001/report",
        "{}",
        &[400],
    ),
    open(
        "uploads",
        "GET /api/uploads/{upload}",
        "/api/uploads/0192f0e4-7d00-7000-8000-000000000001",
    ),
    // 404 too where nothing can be uploaded.
    signed(
        "uploads",
        "GET /api/uploads/{upload}",
        "/api/uploads/0192f0e4-7d00-7000-8000-000000000001?message=user/senna-check/0192f0e4-7d00-7000-8000-000000000001",
        "",
        &[404],
    ),
    // 404 where the platform's server has no key, and so no routes.
    Probe {
        function: "platform",
        call: Call::Rest {
            route: "GET /platform/reports",
            path: "/platform/reports",
            body: "",
        },
        signed: false,
        expected: Expected::Status(&[401, 404]),
    },
    event("connect", Call::Connect, Expected::Status(&[401])),
    // The store is asked for a connection that it does not know, so the next two need no token to show that the store works.
    event("disconnect", Call::Disconnect, Expected::Status(&[200])),
    event(
        "message",
        Call::Frame(r#"{"action":"sync"}"#),
        Expected::Refusal("CONNECTION_UNKNOWN"),
    ),
    event("message", Call::Frame(r#"{"action":"ping"}"#), Expected::Result),
    event("worker", Call::Jobs, Expected::NoFailures),
];

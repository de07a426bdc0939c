//! Blocks and reports.

use serde_json::{Value, json};

use super::super::schema::{about, boolean, closed, like, list, named, or_null};
use super::{FORBIDDEN, FOUND, MEMBERS, Route, TARGET, TOPIC, paging, query};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            ("post", "/api/{target}/{id}/{message_id}/report"),
            ("report", "Messages"),
            "Reports a message of somebody else to the platform's moderators, as it is now. A repetition gets the first answer. After an \
                edit it is a new report.",
            "ReportAnswer",
            vec![TARGET, FOUND, MEMBERS, FORBIDDEN, &[Some("TOO_MANY_REPORTS")]],
        )
        .with_body("Report", true),
        Route::new(
            ("put", "/api/user/{id}/block"),
            ("block", "People"),
            "Blocks a user, who can then no longer write to you. Neither of you sees whether the other is online.",
            "BlockAnswer",
            vec![TOPIC, &[Some("INVALID_FIELD"), Some("TOO_MANY_BLOCKS")]],
        ),
        Route::new(
            ("delete", "/api/user/{id}/block"),
            ("unblock", "People"),
            "Unblocks a user.",
            "BlockAnswer",
            vec![TOPIC, &[Some("INVALID_FIELD")]],
        ),
        Route::new(
            ("get", "/api/blocks"),
            ("blocks", "People"),
            "Lists the users whom you have blocked, the newest block first.",
            "BlocksAnswer",
            vec![&[Some("INVALID_PAGE"), Some("INVALID_FIELD")]],
        )
        .taking(paging())
        .taking([query("after", "The `next` of a page.", named("Place"))]),
    ]
}

pub(super) fn schemas() -> [(&'static str, Value); 3] {
    let block = closed([("id", named("Id")), ("blocked", boolean())], []);
    let blocked = closed([("id", named("Id")), ("since", named("Timestamp"))], []);
    let next = about("Give it as `after`; null at the end.", or_null(named("Place")));
    let blocks = closed([("entries", list(blocked)), ("next", next)], []);
    let report = closed(
        [
            ("id", json!({"type": "string", "pattern": "^[0-9a-f]{32}$"})),
            ("reported", named("Timestamp")),
        ],
        [],
    );
    [
        ("BlockAnswer", like(json!({"id": 2, "blocked": true}), block)),
        ("BlocksAnswer", blocks),
        ("ReportAnswer", report),
    ]
}

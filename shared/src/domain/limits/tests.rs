//! `docs/limits.md` says each limit with the value that it has here.

use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../../../docs/limits.md");
const SOURCE: &str = include_str!("../limits.rs");

/// `10000` is `10,000`.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8(groups.join(&b',')).unwrap()
}

/// `65536` is `64 KiB`, and what is no multiple stays a number of bytes.
fn bytes(value: impl TryInto<u64>) -> String {
    let value = value.try_into().unwrap_or_default();
    match value {
        _ if value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        _ if value.is_multiple_of(1 << 10) => format!("{} KiB", value >> 10),
        _ => format!("{} bytes", number(value)),
    }
}

fn count(value: impl TryInto<u64>) -> String {
    number(value.try_into().unwrap_or_default())
}

/// `120000` is `2 minutes`.
fn time(ms: u64) -> String {
    let (value, unit) = match ms {
        _ if ms.is_multiple_of(86_400_000) => (ms / 86_400_000, "day"),
        _ if ms.is_multiple_of(3_600_000) => (ms / 3_600_000, "hour"),
        _ if ms.is_multiple_of(60_000) => (ms / 60_000, "minute"),
        _ if ms.is_multiple_of(1_000) => return format!("{} s", ms / 1_000),
        _ => return format!("{ms} ms"),
    };
    format!("{value} {unit}{}", if value == 1 { "" } else { "s" })
}

/// A constant, how the row of the page begins, and what stands in that row.
macro_rules! rows {
    ($($name:ident $unit:ident $label:literal)*) => {
        [$((stringify!($name), $unit($name), $label)),*]
    };
}

/// Nobody meets these: they say in which steps work is done, or what stays inside.
const INSIDE: [&str; 13] = [
    "CONNECTION_ID_BYTES",
    "CONNECTION_LIFETIME_MS",
    "ENTRY_RECORD_BYTES",
    "EXPORT_TRIPS",
    "FRAME_OVERHEAD_BYTES",
    "PART_BLOCKS",
    "PART_BYTES",
    "PART_IMAGES",
    "PART_MESSAGES",
    "PART_REPORTS",
    "TRIM_EVERY_MS",
    "TRIM_MARGIN_MS",
    "VERSIONS_AT_ONCE",
];

fn documented() -> Vec<(&'static str, String, &'static str)> {
    rows! {
        TEXT_BYTES bytes "text of a message"
        TEXT_JSON_BYTES bytes "text of a message"
        METADATA_BYTES bytes "`metadata` of a message"
        IMAGE_BYTES bytes "address of an image"
        UPLOAD_BYTES bytes "uploaded image"
        BODY_BYTES bytes "body of a request"
        FRAME_BYTES bytes "WebSocket frame"
        FRAME_ID_BYTES bytes "`id` of a client's frame"
        NUMERIC_ID_MAX count "id of a user or topic"
        ID_BYTES count "id of a user or topic"
        DOMAIN_BYTES count "handle of a site"
        RETRY_KEY_CHARS count "`client_id`, `Idempotency-Key`"
        MENTIONS_MAX count "mentions in a message"
        REACTION_BYTES bytes "a reaction"
        REACTION_KINDS count "different reactions to a message"
        REACTIONS_MAX count "reactions to a message, counted by member"
        EXCERPT_CHARS count "quoted text in a reply"
        TOPIC_MEMBERS_MAX count "members of a topic"
        CONNECTIONS_MAX count "connections of a user"
        BLOCKS_MAX count "users whom a user has blocked"
        VERSIONS_MAX count "edits of a message"
        REMARK_BYTES bytes "reason of a report"
        REPORTS_MAX count "reports of a site"
        REPORT_VERSIONS_BYTES bytes "earlier versions in a report"
        BAN_REASON_BYTES bytes "reason of a ban"
        PER_PAGE_MAX count "entries on a page"
        PER_PAGE_DEFAULT count "entries on a page"
        IDS_MAX count "ids in `watch`"
        WATCHERS_MAX count "connections that watch a user"
        CHANGES_FRAME_PAGE count "a page of `sync` or `changes` over the WebSocket"
        CHANGES_FRAME_BYTES bytes "a page of `sync` or `changes` over the WebSocket"
        CHANGES_BODY_PAGE count "the same over REST"
        CHANGES_BODY_BYTES bytes "the same over REST"
        PLATFORM_PAGE_BYTES bytes "a page for the platform's server"
        EXPORT_LINES count "a page of an export"
        TYPING_EVERY_MS time "`typing` of a connection"
        FRAMES_UNASKED count "frames of a connection that are under way"
        WATCHED_PER_FRAME count "users in a `watch`"
        FLEETING_PUSH_MS time "typing and read positions"
        FLEETING_BURST_MS time "typing and read positions"
        NOTICE_EVERY_MS time "notices `message.undelivered`"
        TOKEN_GRACE_MS time "a connection after `exp`"
        HANDSHAKE_MS time "a handshake"
        OFFLINE_AFTER_MS time "\"offline\""
        RETRY_KEY_MS time "a `client_id` is remembered"
        OPERATION_MS time "a write without a `client_id`"
        JOB_QUEUED_MS time "a job that the queue holds"
        NOTICED_MS time "a notice of an undelivered message"
        ERASURE_LOOKS_AGAIN_MS time "an erasure looks once more"
        ERASURE_KEPT_MS time "an erasure is known to be done"
    }
    .to_vec()
}

/// The rows of all tables that begin with these words.
fn rows_of(label: &str) -> Vec<&'static str> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter(|row| row.starts_with(label)).collect()
}

#[test]
fn the_page_of_limits_says_each_value() {
    for (name, value, label) in documented() {
        let rows = rows_of(label);
        let [row] = rows[..] else {
            panic!("{} rows begin with {label:?}", rows.len())
        };
        let words = |text: &str| -> Vec<String> { text.split([' ', ',', ';', ':']).map(str::to_owned).collect() };
        let said = row.split_once(" | ").unwrap().1;
        let stands = words(said)
            .windows(words(&value).len())
            .any(|part| part == words(&value));
        assert!(stands, "{name} is {value}, and docs/limits.md says {row}");
    }
}

#[test]
fn every_limit_is_on_the_page_or_shows_nowhere() {
    let names = SOURCE
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(':'));
    let names: BTreeSet<&str> = names.map(|(name, _)| name).collect();
    let mut known: BTreeSet<&str> = documented().into_iter().map(|(name, ..)| name).collect();
    known.extend(INSIDE);
    assert_eq!(names, known);
}

#[test]
fn the_page_of_limits_says_the_default_rates() {
    let rates = super::super::usage::Limits::DEFAULT;
    assert!(PAGE.contains(rates), "{rates}");
}

#[test]
fn the_page_of_limits_names_the_error_of_each_limit() {
    let is_code = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let of_a_limit = |word: &&str| {
        word.ends_with("_TOO_LARGE")
            || word.ends_with("_FULL")
            || word.starts_with("TOO_MANY_")
            || *word == "RATE_LIMITED"
    };
    let words = include_str!("../../error.rs").split('"');
    let codes: BTreeSet<&str> = words.filter(is_code).filter(of_a_limit).collect();
    assert!(codes.len() > 8, "{codes:?}");
    for code in codes {
        assert!(
            PAGE.contains(&format!("`{code}`")),
            "docs/limits.md does not name {code}"
        );
    }
}

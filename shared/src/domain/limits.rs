//! Every limit that a client can meet, in one place.

/// Largest numeric id: the largest integer that JSON numbers carry exactly everywhere (RFC 8259, section 6).
pub const NUMERIC_ID_MAX: u64 = (1 << 53) - 1;
/// Longest id that is a string, in bytes.
pub const ID_BYTES: usize = 64;
/// Longest domain handle, in bytes.
pub const DOMAIN_BYTES: usize = 32;
/// Longest connection id that is believed, in bytes; API Gateway's have 16.
pub const CONNECTION_ID_BYTES: usize = 128;

/// Largest request body over REST, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;
/// Longest text of a message, in bytes of UTF-8.
pub const TEXT_BYTES: usize = 16 * 1024;
/// Largest WebSocket frame that API Gateway carries, in bytes.
///
/// # Source
/// "Amazon API Gateway quotas for WebSocket APIs": frame size 32 KB, not adjustable.
pub const FRAME_BYTES: usize = 32 * 1024;
/// What a frame holds beside text and metadata at the most, in bytes: 2 KiB for ids, keys, timestamps, cursors and JSON around them; 7 KiB for the
/// excerpt of a message that is replied to, mentions, the client's own name for it, and reactions.
pub const FRAME_OVERHEAD_BYTES: usize = 9 * 1024;
/// Longest text as it stands in JSON, in bytes: escapes count, so that every message fits one frame whatever its metadata.
pub const TEXT_JSON_BYTES: usize = FRAME_BYTES - METADATA_BYTES - FRAME_OVERHEAD_BYTES;
/// Largest image that users can upload, in bytes, unless `SOCK_UPLOAD_BYTES_MAX` says otherwise.
pub const UPLOAD_BYTES: u64 = 10 * 1024 * 1024;
/// Longest image address, in bytes. Beyond this, browsers and proxies begin to refuse addresses.
pub const IMAGE_BYTES: usize = 2 * 1024;
/// Largest metadata object as the client wrote it, in bytes of JSON.
pub const METADATA_BYTES: usize = 4 * 1024;
/// Longest reaction, in bytes of UTF-8.
pub const REACTION_BYTES: usize = 32;
/// Different reactions to one message.
pub const REACTION_KINDS: u64 = 20;
/// Reactions to one message, counted by member.
pub const REACTIONS_MAX: u64 = 2_000;
/// Participants that a message can mention.
pub const MENTIONS_MAX: usize = 20;
/// How much of a text a reply to it shows, in characters.
pub const EXCERPT_CHARS: usize = 100;
/// Longest `id` of a client's WebSocket frame as it stands in JSON, in bytes.
pub const FRAME_ID_BYTES: usize = 128;

/// The most users whom a user can block.
pub const BLOCKS_MAX: u64 = 10_000;
/// Longest reason of a report, and longest note of its resolution, in bytes of UTF-8.
pub const REMARK_BYTES: usize = 1_000;
/// The most reports that a site keeps. A new one then replaces the oldest resolved one.
pub const REPORTS_MAX: u64 = 100_000;
/// The most bytes of earlier versions that a report copies, as packed messages. If they are longer, it copies the newest and the oldest in turn.
pub const REPORT_VERSIONS_BYTES: usize = 64 * 1024;
/// The bytes of JSON after which a page for the platform ends, of reports or of a conversation with its earlier versions. The store ends it after as many
/// packed bytes. One entry alone may be longer, and still fits into an answer of Lambda.
pub const PLATFORM_PAGE_BYTES: usize = 512 * 1024;
/// Messages whose earlier versions are read in one round trip.
pub const VERSIONS_AT_ONCE: usize = 5;
/// The most edits of a message, where its earlier versions are kept. All of them are kept, and the last one before its deletion.
pub const VERSIONS_MAX: u64 = 20;
/// Members of a topic at the most: `SOCK_TOPIC_MEMBERS_MAX` can only lower it. A send tells every member before it is answered.
pub const TOPIC_MEMBERS_MAX: u64 = 1_000;
/// Users whose presence a connection can watch, and ids that a request for presence or profiles can name.
pub const IDS_MAX: usize = 100;
/// For every so many users, a `watch` counts as one more frame and a question for presence as one more request: each user is a script in another slot.
pub const WATCHED_PER_FRAME: usize = 10;
/// Connections that can watch one user, or have one conversation on the screen, at a time. Each adds one push to an event.
pub const WATCHERS_MAX: u64 = 1_000;
/// How often a connection can say that its user begins to type, in milliseconds.
pub const TYPING_EVERY_MS: u64 = 2_000;
/// How long after the end of the last connection a user counts as online, in milliseconds, so that a reconnect is no flicker.
pub const OFFLINE_AFTER_MS: u64 = 10_000;

/// What one push of something fleeting uses up of what a conversation may push, in milliseconds: 250 pushes in a second, so that typing and read
/// positions in a topic of a thousand do not take the account's quota away from messages.
///
/// # Source
/// "Amazon API Gateway quotas": 10,000 requests per second in an account, calls of `@connections` among them.
pub const FLEETING_PUSH_MS: u64 = 4;
/// How much of it may be used up ahead, in milliseconds: 2,500 pushes at once.
pub const FLEETING_BURST_MS: u64 = 10_000;

/// Entries on a page unless the client says otherwise.
pub const PER_PAGE_DEFAULT: u64 = 10;
/// Most entries on a page.
pub const PER_PAGE_MAX: u64 = 100;

/// How long a connection lives at the most, in milliseconds: API Gateway ends it after two hours; five minutes are margin.
///
/// # Source
/// "Amazon API Gateway quotas for WebSocket APIs": connection duration 2 hours, not adjustable.
pub const CONNECTION_LIFETIME_MS: u64 = (2 * 60 + 5) * 60 * 1000;

/// How long a handshake takes at the most, in milliseconds: API Gateway gives `$connect` 29 seconds.
///
/// # Source
/// "Amazon API Gateway quotas for WebSocket APIs": integration timeout 29 seconds.
pub const HANDSHAKE_MS: u64 = 30_000;
/// How long after the end of its token a connection may still be given a fresh one, in milliseconds. After that it is ended when it is next met.
pub const TOKEN_GRACE_MS: u64 = 60_000;
/// The most connections of one user, unless `SOCK_CONNECTIONS_MAX` says otherwise. Each adds one push to every message to the user.
pub const CONNECTIONS_MAX: u64 = 20;
/// The most frames of one connection that may be under way; beyond that, its writes are admitted first.
pub const FRAMES_UNASKED: u64 = 4;

/// Longest reason of a ban, in bytes of UTF-8.
pub const BAN_REASON_BYTES: usize = 500;

/// Inbox entries on a page of those that changed, or messages that are looked at for a page of changes, in a frame.
pub const CHANGES_FRAME_PAGE: u64 = 100;
/// The same in the answer to a request.
pub const CHANGES_BODY_PAGE: u64 = 1_000;
/// How much of a frame such a page may take, in bytes: the rest is for what stands around it.
pub const CHANGES_FRAME_BYTES: usize = FRAME_BYTES - 1024;
/// How much of the answer to a request such a page may take, in bytes: a long absence costs few requests, and none that is slow.
pub const CHANGES_BODY_BYTES: usize = 512 * 1024;
/// Longest packed message that an inbox entry repeats, in bytes. A reader of the inbox fetches a longer one.
pub const ENTRY_RECORD_BYTES: usize = 512;

/// Longest retry key (`client_id`, `Idempotency-Key`), in characters.
pub const RETRY_KEY_CHARS: usize = 64;
/// How long a retry key is remembered, in milliseconds: a day.
pub const RETRY_KEY_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a write without a retry key is remembered, in milliseconds: longer than we or the client library send it again.
pub const OPERATION_MS: u64 = 10_000;
/// After a notice of a message that reached nobody, the platform is told of the same user and conversation again so much later, in milliseconds.
pub const NOTICE_EVERY_MS: u64 = 30_000;
/// How long such a notice is remembered, in milliseconds.
pub const NOTICED_MS: u64 = 24 * 60 * 60 * 1000;
/// How often the worker looks for messages and reports that are too old, in milliseconds: they live up to an hour longer, and as long as a walk takes.
pub const TRIM_EVERY_MS: u64 = 60 * 60 * 1000;
/// So long before the end of its time the worker begins no further step of that, in milliseconds: what it has begun is then done.
pub const TRIM_MARGIN_MS: u64 = 10_000;
/// How long a function relies on a queued job that the worker has not begun, in milliseconds.
pub const JOB_QUEUED_MS: u64 = 60_000;

/// Messages that one step of an erasure or of an export looks at, at the most: a step keeps Redis busy for a few milliseconds.
pub const PART_MESSAGES: u64 = 100;
/// After so many bytes of packed messages such a step ends.
pub const PART_BYTES: usize = 256 * 1024;
/// Blocks that one step of an erasure takes back, at the most.
pub const PART_BLOCKS: usize = 20;
/// Images that one step of an erasure deletes, at the most: that many requests to S3 at once.
pub const PART_IMAGES: usize = 20;
/// Reports that one step of an erasure or of an export looks at, at the most.
pub const PART_REPORTS: u64 = 50;
/// Lines of an export after which a page ends.
pub const EXPORT_LINES: usize = 500;
/// Round trips for one page of an export, at the most: a page may be empty where the user has written little.
pub const EXPORT_TRIPS: usize = 20;
/// How long after it was asked for an erasure looks for the last time, in milliseconds: no request that was admitted before takes so long.
///
/// # Source
/// "Amazon API Gateway quotas": a request takes 30 seconds at the most.
pub const ERASURE_LOOKS_AGAIN_MS: u64 = 60_000;
/// How long it is known that an erasure is done, in milliseconds: 30 days.
pub const ERASURE_KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests;

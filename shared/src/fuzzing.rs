//! The checks of the fuzz targets in `tests/fuzz`. Compiled only for them, for tests and for the documentation.
//!
//! Each function reads bytes from outside and checks rules that must hold for all inputs. The tests below run each function on the inputs that are
//! kept in `tests/fuzz/corpus/`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a target says that a rule is broken"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use futures_util::FutureExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lambda_runtime::Context;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapters::clock::SystemClock;
use crate::adapters::directory::profile::{self, Kind, PROFILE_BYTES};
use crate::adapters::jwt::Identity;
use crate::adapters::jwt::key_set::PublicKeys;
use crate::adapters::redis::bytes::number_bytes;
use crate::adapters::redis::{entry, record};
use crate::config::{Environment, IdentityConfig};
use crate::domain::limits::{ENTRY_RECORD_BYTES, EXCERPT_CHARS, FRAME_BYTES, ID_BYTES, IDS_MAX, MENTIONS_MAX};
use crate::domain::{
    BodyKind, Change, ChangeKind, Conversation, Cursor, Domain, Draft, Edit, Id, InboxPlace, Latest, Member, Message,
    MessageId, MetadataEdit, Principal, Projection, Quote, Quoted, Reaction, Reads, Target, User,
};
use crate::error::ApiError;
use crate::ports::{Clock as _, Profile};
use crate::runtime::answer::reply;
use crate::runtime::event::Event;
use crate::runtime::rest::RestRequest;
use crate::runtime::socket::SocketEvent;
use crate::wire::{self, ClientFrame, RequestBody};

/// The secret that signs the tokens of [`token`].
const SECRET: &str = "a secret of more than 32 bytes, for fuzzing";

static IDENTITY: LazyLock<Option<Identity>> = LazyLock::new(|| identity(SECRET));
/// Knows only a secret that has signed nothing, so it accepts no token.
static STRANGER: LazyLock<Option<Identity>> = LazyLock::new(|| identity("a secret that no token was ever signed with"));

fn identity(secret: &str) -> Option<Identity> {
    let env: Environment = [("SOCK_JWT_SECRET".to_owned(), secret.to_owned())]
        .into_iter()
        .collect();
    Identity::new(IdentityConfig::from_env(&env).ok()?).ok()
}

/// Requests as API Gateway hands them to a function. Every request gets an answer, and no answer is an error of ours.
pub fn http_event(bytes: &[u8]) {
    let Some(json) = raw_json(bytes) else { return };
    let event = Event::new(&json);
    if let Some(identity) = STRANGER.as_ref() {
        let known = identity.of_headers(event.headers()).now_or_never();
        let known =
            known.map(|known| known.map(|principal| assert!(principal.is_none(), "nobody signs with that key")));
        check(known.unwrap_or(Ok(())));
    }
    let request = RestRequest::new(event, None);
    check(request.target().map(|target| same_target(&target)));
    check(request.topic().map(|target| same_target(&target)));
    check(wire::message_id(&request.message_id()).map(same_message_id));
    check(request.reaction().map(|reaction| same_reaction(&reaction)));
    check(request.members_page().map(|page| assert!(page.limit <= 100)));
    check(
        request
            .inbox_window()
            .map(|window| window.after.iter().for_each(same_place)),
    );
    check(request.window());
    check(request.since());
    check(request.revision());
    check(request.flag("no_format"));
    check(request.idempotency_key());
    check(request.presence_ids().map(|ids| same_ids(&ids, IDS_MAX)));
    check(
        request
            .profiles()
            .map(|(users, topics)| same_ids(&[users, topics].concat(), IDS_MAX)),
    );
    request.is_preflight();
    match request.body() {
        Ok(body) => request_body(body),
        Err(error) => check::<()>(Err(error)),
    }
}

/// Events of the WebSocket API: handshakes and frames.
pub fn socket_event(bytes: &[u8]) {
    let Some(json) = raw_json(bytes) else { return };
    let Some(event) = SocketEvent::new(Event::new(&json), &Context::default()) else {
        return;
    };
    if let Some(identity) = STRANGER.as_ref() {
        let token = event.query("token").or_else(|| identity.token_of(event.headers()));
        let known = token.and_then(|token| identity.principal(token, event.headers()).now_or_never());
        check(known.map_or(Ok(()), |known| {
            known.map(|_| unreachable!("nobody signs with that key"))
        }));
    }
    match event.frame() {
        Ok(text) => frame(text.as_bytes()),
        Err(error) => check::<()>(Err(error)),
    }
}

/// Frames of clients. An answer repeats the frame's id, and an error is one of the client.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let frame = match ClientFrame::parse(text) {
        Ok(frame) => frame,
        Err(error) => return check::<()>(Err(error)),
    };
    let id = frame.id();
    if let Ok(id) = id {
        let answer = wire::reply_error(id, wire::error_body(&ApiError::RouteNotFound, "a"));
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let expected = id.map(|id| serde_json::from_str::<Value>(id.get()).ok());
        // A number too large for floating point is repeated as it was written, and cannot be compared as a value.
        assert!(
            expected == Some(None) || answer.get("id").cloned() == expected.flatten(),
            "{answer}"
        );
    }
    check(id);
    frame.action();
    check(frame.target().map(|target| same_target(&target)));
    check(frame.conversation().map(|target| target.iter().for_each(same_target)));
    check(frame.users().map(|ids| same_ids(&ids, IDS_MAX)));
    check(frame.reaction().map(|(reaction, _)| same_reaction(&reaction)));
    check(frame.types());
    check(frame.since());
    check(frame.token());
    check(frame.revision());
    check(
        frame
            .message_id()
            .and_then(|id| wire::message_id(&id))
            .map(same_message_id),
    );
    request_body(text);
}

/// Tokens. The bytes as they are are never a good token. With the bytes as claims of a token of ours, the user's id must render to itself.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let forged = STRANGER.as_ref().and_then(|identity| verified(identity, text));
    assert!(
        forged.is_none_or(|outcome| outcome.is_err()),
        "nobody signs with that key"
    );
    let Ok(claims) = serde_json::from_str::<Value>(text) else {
        return;
    };
    crypto::install();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let Ok(token) = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key) else {
        return;
    };
    let Some(Ok(principal)) = IDENTITY.as_ref().and_then(|identity| verified(identity, &token)) else {
        return;
    };
    same_id(&principal.user.id);
    let is_over = principal
        .until_ms
        .is_some_and(|until| until + 1_000 < SystemClock.now_ms());
    assert!(!is_over, "an old token was taken: {claims}");
    assert!(
        claims.get("user_id").is_some_and(|user| !user.is_null()),
        "a token without a user: {claims}"
    );
}

fn verified(identity: &Identity, token: &str) -> Option<Result<Principal, ApiError>> {
    identity.principal(token, &http::HeaderMap::new()).now_or_never()
}

/// Everything that clients keep of ours and give back: cursors, places in an inbox, ids of messages. What is accepted is what we would write.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(cursor) = Cursor::parse(text) {
        assert_eq!(cursor.to_string(), text);
    }
    if let Ok(place) = InboxPlace::parse(text) {
        same_place(&place);
    }
    if let Some(id) = MessageId::parse(text) {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(id) = Id::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    check(wire::revision(text).map(|revision| assert_eq!(wire::revision(&revision.to_string()).ok(), Some(revision))));
}

/// Packed messages, as the store keeps them. What can be read can be packed again and says the same.
pub fn record(bytes: &[u8]) {
    const SEQ: u64 = 3;
    let unpacked = record::unpack(SEQ, bytes);
    let without = record::without_reactions(bytes);
    let Ok(stored) = unpacked else { return };
    let bare = without.and_then(|bare| record::unpack(SEQ, &bare));
    let bare = bare.map(|bare| (bare.id, bare.rev, bare.author, bare.deleted, bare.message));
    let expected = stored.message.clone().map(|message| Message {
        reactions: Vec::new(),
        ..message
    });
    assert_eq!(
        bare,
        Ok((stored.id, stored.rev, stored.author.clone(), stored.deleted, expected))
    );
    let Some(message) = stored.message else { return };
    shown(&message);
    let draft = Draft {
        body: message.body.clone(),
        metadata: message.metadata.clone(),
        reply_to: message.reply_to.as_ref().map(|quote| quote.id),
        mentions: message.mentions.clone(),
        retry_key: message.retry_key.clone(),
    };
    let packed = [
        &record::head(&draft)[..],
        &record::identity(message.id),
        &number_bytes::<7>(message.rev),
        &record::pack_content(&message.author, &draft),
        &record::pack_retry_key(&draft),
    ];
    let again = record::unpack(SEQ, &packed.concat()).map(|stored| stored.message);
    let expected = Message {
        reply_to: draft.reply_to.map(|id| Quote { id, quoted: None }),
        reactions: Vec::new(),
        edited_ms: None,
        ..message
    };
    assert_eq!(again, Ok(Some(expected)));
}

/// Packed inbox entries: the bytes as an entry, and the bytes as the newest message of an entry that we pack.
pub fn entry(bytes: &[u8]) {
    let Some(user) = some_user() else { return };
    let target = Target::User(user.id.clone());
    if let Ok(unpacked) = entry::unpack(target.clone(), bytes) {
        let found = unpacked.entry.latest.as_ref().map(|latest| latest.id.seq);
        assert!(found.is_none() || unpacked.latest_elsewhere.is_none());
        let frame = wire::settings_event(&user, &unpacked.entry).map(|event| event.frame(None));
        assert!(frame.is_some_and(|frame| is_json(&frame)));
    }
    entry::read_reads(bytes).ok();

    let number = u64::try_from(bytes.len()).unwrap_or_default();
    let conversation = Conversation::of(&user, &target);
    let member = Member {
        id: user.id.clone(),
        read_seq: number,
        others_see_seq: number,
        unread: number / 2,
        mentioned: number / 3,
        left: false,
        left_now: false,
        has_written: true,
        reacted: 0,
    };
    let projection = Projection {
        clock: number,
        rev: number,
        last_seq: 3,
        activity_ms: number,
        latest: Some(Latest {
            seq: 3,
            record: bytes.to_vec(),
        }),
        members: vec![member.clone()],
        emptied: false,
    };
    let unpacked = entry::unpack(target, &entry::pack(&conversation, &projection, &member));
    assert!(unpacked.is_ok(), "an entry of ours can be read");
    let Ok(unpacked) = unpacked else { return };
    let entry = &unpacked.entry;
    assert_eq!((entry.rev, entry.activity_ms), (number, number));
    assert_eq!(
        (entry.read_seq, entry.unread, entry.mentioned),
        (number, number / 2, number / 3)
    );
    let record = record::without_reactions(bytes).ok();
    let record = record.filter(|record| record.len() <= ENTRY_RECORD_BYTES);
    assert_eq!(unpacked.latest_elsewhere, record.is_none().then_some(3));
    let latest = record.and_then(|record| record::unpack(3, &record).ok());
    assert_eq!(entry.latest, latest.and_then(|latest| latest.message));
}

/// Answers of the platform: users, topics, and sets of keys. A profile is a small object that has its id and only fields that were asked for.
pub fn platform_answer(bytes: &[u8]) {
    for kind in [Kind::Users, Kind::Topics] {
        let profiles: BTreeMap<_, _> = profile::parse(kind, bytes).into_iter().flatten().collect();
        for (id, profile) in &profiles {
            passes(kind, id, profile);
        }
    }
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        PublicKeys::parse(bytes, algorithm).ok();
    }
}

/// A profile has the fields that it may have, and no others.
fn passes(kind: Kind, id: &Id, profile: &Profile) {
    same_id(id);
    let Profile::Known(json) = profile else { return };
    assert!(json.len() <= PROFILE_BYTES, "{} bytes", json.len());
    let profile: Value = serde_json::from_str(json).unwrap_or_default();
    let shown = profile.get("id").and_then(|id| wire::id_from_json(id).ok());
    assert_eq!(shown.as_ref(), Some(id), "{json}");
    for (field, _) in profile.as_object().into_iter().flatten() {
        assert!(kind.fields().contains(&field.as_str()), "{json}");
    }
}

fn raw_json(bytes: &[u8]) -> Option<Box<RawValue>> {
    RawValue::from_string(std::str::from_utf8(bytes).ok()?.to_owned()).ok()
}

/// JSON as its grammar has it. A number may be larger than this machine's largest: only bytes that we did not write can have one.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// An error is one of the client, and its answer is valid for API Gateway.
fn check<T>(outcome: Result<T, ApiError>) {
    let Err(error) = outcome else { return };
    let status = error.status();
    assert!((400..500).contains(&status), "{status} {error}");
    let reply = serde_json::to_value(reply(Err(error), "a", true)).unwrap_or_default();
    assert_eq!(reply.get("statusCode"), Some(&Value::from(status)));
    assert!(
        reply.get("body").and_then(Value::as_str).is_some_and(is_json),
        "{reply}"
    );
}

/// Reads a body as the body of every kind of request.
fn request_body(json: &str) {
    let body = match RequestBody::parse_optional(json) {
        Ok(body) => body,
        Err(error) => return check::<()>(Err(error)),
    };
    check(body.to_draft(None).map(|draft| fits_a_frame(&draft)));
    check(body.to_edit().map(|edit| changes_something(&edit)));
    check(body.up_to().map(|id| id.into_iter().for_each(same_message_id)));
    check(body.client_id());
    check(body.role());
    check(body.settings());
}

fn changes_something(edit: &Edit) {
    let has_content = edit.text.is_some() || edit.image.is_some();
    assert!(has_content || edit.seen || edit.metadata != MetadataEdit::Keep);
}

/// An accepted message can be shown, and its push fits a frame, with the longest excerpt and the longest ids.
fn fits_a_frame(draft: &Draft) {
    same_ids(&draft.mentions, MENTIONS_MAX);
    let Ok(author) = Id::parse(&"x".repeat(ID_BYTES)) else {
        return;
    };
    let id = MessageId {
        ms: (1 << 48) - 1,
        random: 0,
        seq: (1 << 40) - 1,
    };
    let quoted = Some(Quoted {
        author: author.clone(),
        kind: BodyKind::Text,
        excerpt: "👋".repeat(EXCERPT_CHARS),
        rev: 1,
    });
    let message = Message {
        id,
        author,
        body: draft.body.clone(),
        metadata: draft.metadata.clone(),
        retry_key: draft.retry_key.clone(),
        reply_to: draft.reply_to.map(|id| Quote { id, quoted }),
        mentions: draft.mentions.clone(),
        reactions: Vec::new(),
        edited_ms: Some(id.ms),
        rev: 1,
    };
    let length = shown(&message);
    assert!(length <= FRAME_BYTES, "a frame of {length} bytes");
}

/// Shows a message as its push does, and returns the length of the frame in bytes.
fn shown(message: &Message) -> usize {
    let author = User {
        domain: some_user().map_or_else(|| unreachable!("a user"), |user| user.domain),
        id: message.author.clone(),
    };
    let receiver = Member {
        has_written: true,
        ..Member::new(author.id.clone())
    };
    let change = Change {
        kind: ChangeKind::Sent,
        id: message.id,
        message: Some(message.clone()),
        member: None,
        rev: message.rev,
        prev_rev: None,
        repeated: false,
        private: false,
    };
    let conversation = Conversation::of(&author, &Target::User(author.id.clone()));
    let event = wire::change_event(&receiver, &conversation, &change, &Reads::default());
    let frame = event.map(|event| event.frame(None)).unwrap_or_default();
    assert!(is_json(&frame), "{frame}");
    frame.len()
}

fn some_user() -> Option<User> {
    let (domain, id) = (Domain::parse("site").ok()?, Id::from_number(7).ok()?);
    Some(User { domain, id })
}

fn same_id(id: &Id) {
    assert_eq!(Id::parse(&id.to_string()).as_ref(), Ok(id));
}

fn same_ids(ids: &[Id], most: usize) {
    assert!(ids.len() <= most, "{} ids", ids.len());
    ids.iter().for_each(same_id);
}

fn same_target(target: &Target) {
    assert_eq!(Target::from_inbox_key(&target.to_string()).as_ref(), Some(target));
}

fn same_place(place: &InboxPlace) {
    assert_eq!(InboxPlace::parse(&place.to_string()).as_ref(), Ok(place));
}

fn same_message_id(id: MessageId) {
    assert_eq!(MessageId::parse(&id.to_string()), Some(id));
}

fn same_reaction(reaction: &Reaction) {
    assert_eq!(Reaction::parse(reaction.as_str()).as_ref(), Ok(reaction));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Runs a target on all of its kept inputs.
    fn replay(target: &str, body: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/fuzz/corpus")
            .join(target);
        let inputs = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let inputs: Vec<_> = inputs.collect();
        assert!(inputs.len() > 5, "{} has {} inputs", folder.display(), inputs.len());
        for input in inputs {
            // If a check fails, the test's output ends with the input. Else it is not shown.
            println!("{}", input.display());
            body(&fs::read(input).unwrap());
        }
    }

    #[test]
    fn the_kept_inputs_of_every_target_pass() {
        replay("http_event", http_event);
        replay("socket_event", socket_event);
        replay("frame", frame);
        replay("token", token);
        replay("cursor", cursor);
        replay("record", record);
        replay("entry", entry);
        replay("platform_answer", platform_answer);
    }
}

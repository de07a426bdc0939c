//! Tests a promise of the limits: every message that can be sent fits one WebSocket frame, in every event and answer that has it.

use proptest::prelude::*;

use super::{
    ChangesAnswer, EntryAnswer, Pong, RequestBody, SyncAnswer, change_event, reply_result, settings_event, to_json,
};
use crate::domain::limits::{
    EXCERPT_CHARS, FRAME_BYTES, FRAME_ID_BYTES, IMAGE_BYTES, MENTIONS_MAX, METADATA_BYTES, REACTION_BYTES,
    REACTION_KINDS, REACTIONS_MAX, RETRY_KEY_CHARS, TEXT_BYTES, TEXT_JSON_BYTES,
};
use crate::domain::{
    BodyKind, Change, ChangeKind, ConnectionId, Conversation, Cursor, Domain, Draft, Id, Member, Message, MessageId,
    Outcome, Place, Quote, Quoted, Reacted, Reaction, Reads, Settings, Target, User,
};
use crate::ports::{ChangedEntries, Changes, InboxEntry, PageBounds, Stored};

const MANY: u64 = (1 << 53) - 1;
const PLACE: Cursor = Cursor {
    epoch: u64::MAX,
    position: MANY,
};
/// Characters that take one to six bytes in JSON, and one to four in UTF-8.
const CHARACTERS: [&str; 9] = ["x", "\"", "\\", "\n", "\u{1}", "\u{7f}", "ä", "\u{2028}", "\u{10fffd}"];
/// Of the ids: `~` takes three bytes in a key.
const OF_IDS: [&str; 3] = ["~", ":", "9"];

/// The sizes and characters of a message and of the parts around it.
#[derive(Clone, Copy, Debug)]
struct Shape {
    character: &'static str,
    of_ids: &'static str,
    text: usize,
    metadata: usize,
    excerpt: usize,
    mentions: usize,
    reactions: usize,
    is_image: bool,
    is_topic: bool,
}

/// A text of this character that takes at most so many bytes in JSON.
fn of(character: &str, bytes: usize) -> String {
    character.repeat(bytes / (to_json(&character).len() - 2))
}

impl Shape {
    fn id(self) -> Id {
        Id::parse(&self.of_ids.repeat(64)).unwrap()
    }

    /// The message of a client, read as `send` reads it; `None` if a limit refuses it.
    fn draft(self) -> Option<Draft> {
        let content = if self.is_image {
            format!("https://a.example/{}", "x".repeat(self.text.min(IMAGE_BYTES - 18)))
        } else {
            format!("x{}", of(self.character, self.text))
        };
        let kind = if self.is_image { "image" } else { "text" };
        let escaped = of("\"", self.metadata.saturating_sub(8));
        let client_id = if self.character.chars().all(char::is_control) {
            "\\"
        } else {
            self.character
        };
        let body = serde_json::json!({
            "type": kind, kind: content, "metadata": {"x": escaped},
            "client_id": client_id.repeat(RETRY_KEY_CHARS),
        });
        RequestBody::parse(&body.to_string()).unwrap().to_draft(None).ok()
    }

    /// The stored message, with everything that scripts show with it.
    fn message(self) -> Option<Message> {
        let draft = self.draft()?;
        let id = MessageId {
            ms: 1 << 45,
            random: 1 << 33,
            seq: (1 << 40) - 1,
        };
        let quoted = Quoted {
            author: self.id(),
            kind: BodyKind::Text,
            excerpt: Quoted::excerpt(&self.character.repeat(self.excerpt)),
            rev: MANY,
        };
        // `shown_prelude.lua` names ten users of each reaction, and no more in all than 2,048 bytes with four for each.
        let named = 2_048_usize / (64 + 4);
        let reacted = |place: usize| Reacted {
            reaction: Reaction::parse(&"\"".repeat(REACTION_BYTES)).unwrap(),
            count: REACTIONS_MAX,
            users: vec![self.id(); named.saturating_sub(place * 10).min(10)],
            mine: true,
        };
        Some(Message {
            id,
            author: self.id(),
            body: draft.body,
            metadata: draft.metadata,
            retry_key: draft.retry_key,
            reply_to: Some(Quote {
                id,
                quoted: Some(quoted),
            }),
            mentions: vec![self.id(); self.mentions],
            reactions: (0..self.reactions).map(reacted).collect(),
            edited_ms: Some(1 << 45),
            rev: MANY,
        })
    }

    /// Every frame that can have the message.
    fn frames(self) -> Vec<(&'static str, String)> {
        let Some(message) = self.message() else {
            return Vec::new();
        };
        let (id, other) = (self.id(), Id::parse(&"|".repeat(64)).unwrap());
        let user = User {
            id: id.clone(),
            domain: Domain::parse(&"d".repeat(32)).unwrap(),
        };
        let target = if self.is_topic {
            Target::Topic(other.clone())
        } else {
            Target::User(other.clone())
        };
        let conversation = Conversation::of(&user, &target);
        let reads = Reads(vec![(id.clone(), MANY), (other, MANY)]);
        let member = Member {
            id,
            read_seq: MANY,
            others_see_seq: MANY,
            unread: MANY,
            mentioned: MANY,
            left: false,
            left_now: false,
            has_written: true,
            reacted: u32::MAX,
        };
        let change = Change {
            kind: ChangeKind::Edited,
            id: message.id,
            message: Some(message.clone()),
            member: None,
            rev: MANY,
            prev_rev: Some(MANY),
            repeated: false,
            private: false,
        };
        let place = Place {
            cursor: PLACE,
            prev: PLACE,
        };
        let event = change_event(&member, &conversation, &change, &reads)
            .unwrap()
            .frame(Some(place));
        let outcome = Outcome {
            conversation: conversation.clone(),
            change,
            reads: reads.clone(),
            own: Some(member),
            unread_total: MANY,
            place: Some(place),
        };
        let stored = Stored {
            id: message.id,
            rev: MANY,
            author: message.author.clone(),
            deleted: false,
            message: Some(message.clone()),
        };
        let tombstone = Stored {
            deleted: true,
            message: None,
            ..stored.clone()
        };
        let changes = Changes {
            reset: true,
            rev: MANY,
            more: true,
            messages: [vec![tombstone; 100], vec![stored; 100]].concat(),
            reads: reads.clone(),
            members: true,
        };
        let entry = InboxEntry {
            target,
            latest: Some(message),
            reads,
            activity_ms: 1 << 45,
            unread: MANY,
            mentioned: MANY,
            read_seq: MANY,
            settings: Settings {
                muted: true,
                hidden: true,
                pinned: true,
            },
            left: true,
            rev: MANY,
        };
        let settings = settings_event(&user, &entry).unwrap().frame(Some(place));
        let of_inbox = ChangedEntries {
            cursor: PLACE,
            recovered: false,
            more: true,
            unread_total: MANY,
            entries: vec![(PLACE, entry); 100],
        };
        let bytes = PageBounds::FRAME.bytes;
        let of_changes = ChangesAnswer::new(&user, &conversation, &changes, bytes);
        let from_message = Changes {
            messages: changes.messages.into_iter().skip(100).collect(),
            ..changes
        };
        let of_messages = ChangesAnswer::new(&user, &conversation, &from_message, bytes);
        let connection = ConnectionId::parse(&"=".repeat(16)).unwrap();
        let sync = SyncAnswer::new(&user, &of_inbox, bytes).over(&connection);
        vec![
            ("a push", event),
            ("the settings", settings),
            (
                "the answer to a write",
                answer(&EntryAnswer::new(&user, &outcome), Some(place)),
            ),
            ("changes", answer(&of_changes, None)),
            ("changes that begin with the message", answer(&of_messages, None)),
            ("sync", answer(&sync, None)),
        ]
    }
}

/// The answer to a frame with the longest id.
fn answer(result: &impl serde::Serialize, place: Option<Place>) -> String {
    let id = to_json(&"i".repeat(FRAME_ID_BYTES - 2));
    reply_result(serde_json::from_str(&id).ok(), result, place)
}

fn longest() -> Shape {
    Shape {
        character: "\u{1}",
        of_ids: "~",
        text: TEXT_JSON_BYTES - 1,
        metadata: METADATA_BYTES,
        excerpt: EXCERPT_CHARS,
        mentions: MENTIONS_MAX,
        reactions: usize::try_from(REACTION_KINDS).unwrap(),
        is_image: false,
        is_topic: false,
    }
}

#[test]
fn the_longest_message_of_each_kind_of_character_fits_a_frame() {
    for character in CHARACTERS {
        // One that takes as many bytes in JSON as in UTF-8 meets the other limit first.
        for text in [TEXT_JSON_BYTES - 1, TEXT_BYTES - 1] {
            let shape = Shape {
                character,
                text,
                ..longest()
            };
            let frames = shape.frames();
            assert!(!frames.is_empty() || text > TEXT_BYTES, "{character:?} is refused");
            for (name, frame) in frames {
                assert!(
                    frame.len() <= FRAME_BYTES,
                    "{name} of {character:?} has {} bytes",
                    frame.len()
                );
            }
        }
    }
    let longest = longest().frames();
    assert!(
        longest.iter().any(|(_, frame)| frame.len() > FRAME_BYTES - 3_000),
        "this is near the limit"
    );
    let pong = answer(&Pong { pong: MANY }, None);
    assert!(pong.len() < 512);
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let sizes = (
        0..=TEXT_BYTES,
        0..=METADATA_BYTES,
        0..=EXCERPT_CHARS,
        0..=MENTIONS_MAX,
        0..=20_usize,
    );
    let kinds = (
        prop::sample::select(&CHARACTERS[..]),
        prop::sample::select(&OF_IDS[..]),
        any::<bool>(),
        any::<bool>(),
    );
    (sizes, kinds).prop_map(|(sizes, (character, of_ids, is_image, is_topic))| Shape {
        character,
        of_ids,
        text: sizes.0,
        metadata: sizes.1,
        excerpt: sizes.2,
        mentions: sizes.3,
        reactions: sizes.4,
        is_image,
        is_topic,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_that_can_be_sent_fits_a_frame(shape in any_shape()) {
        for (name, frame) in shape.frames() {
            prop_assert!(frame.len() <= FRAME_BYTES, "{name} has {} bytes", frame.len());
        }
    }
}

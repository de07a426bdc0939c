//! What functions of the HTTP API answer.

use serde::Serialize;

use super::event::Reply;
use crate::error::ApiError;
use crate::wire;

/// What a handler answers: a status and a JSON body, or lines of JSON.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: u16,
    body: String,
    content_type: &'static str,
    cache_control: String,
    header: Option<(&'static str, String)>,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::new(200, wire::to_json(body))
    }

    /// 201 with this body.
    pub fn created(body: &impl Serialize) -> Self {
        Self::new(201, wire::to_json(body))
    }

    /// 202 with this body: the work is done later.
    pub fn accepted(body: &impl Serialize) -> Self {
        Self::new(202, wire::to_json(body))
    }

    /// 200 with lines of JSON, and the address of the next page, if there is one (RFC 8288).
    pub fn lines(lines: String, next: Option<String>) -> Self {
        Self {
            content_type: "application/x-ndjson",
            header: next.map(|address| ("link", format!("<{address}>; rel=\"next\""))),
            ..Self::new(200, lines)
        }
    }

    /// 204, which has no body.
    pub fn nothing() -> Self {
        Self::new(204, String::new())
    }

    /// 308: the same request belongs to this address.
    pub fn moved(location: String) -> Self {
        Self {
            header: Some(("location", location)),
            ..Self::new(308, String::new())
        }
    }

    /// 302: what was asked for is at this address, which the client may remember for so many seconds.
    pub fn found(location: String, kept_s: u64) -> Self {
        Self {
            header: Some(("location", location)),
            cache_control: format!("private, max-age={kept_s}"),
            ..Self::new(302, String::new())
        }
    }

    fn new(status: u16, body: String) -> Self {
        Self {
            status,
            body,
            content_type: "application/json",
            cache_control: "no-store".to_owned(),
            header: None,
        }
    }
}

/// What API Gateway is told. An answer to HEAD has no body.
pub(crate) fn reply(outcome: Result<Answer, ApiError>, request_id: &str, has_body: bool) -> Reply {
    let retry_after = outcome.as_ref().err().and_then(ApiError::retry_after);
    let answer = outcome.unwrap_or_else(|error| {
        let body = wire::to_json(&wire::error_body(&error, request_id));
        Answer::new(error.status(), body)
    });
    let body = if has_body { answer.body } else { String::new() };
    let reply = Reply::new(answer.status, body)
        .with("content-type", answer.content_type)
        .with("cache-control", answer.cache_control);
    let reply = match answer.header {
        Some((name, value)) => reply.with(name, value),
        None => reply,
    };
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::event::LAMBDA_ANSWER_BYTES;
    use super::*;
    use crate::domain::limits::{
        EXCERPT_CHARS, FRAME_BYTES, MENTIONS_MAX, METADATA_BYTES, PER_PAGE_MAX, PLATFORM_PAGE_BYTES, REACTION_BYTES,
        REACTION_KINDS, REACTIONS_MAX, REMARK_BYTES, RETRY_KEY_CHARS, TEXT_JSON_BYTES,
    };
    use crate::domain::{
        Body, BodyKind, Change, ChangeKind, Conversation, Cursor, Domain, Id, InboxPlace, Member, Message, MessageId,
        Metadata, Page, Place, Quote, Quoted, Reacted, Reaction, Reads, Report, ReportId, RetryKey, Settings, Target,
        TimePlace, User, Window,
    };
    use crate::ports::{
        History, Inbox, InboxEntry, Listing, Profile, Profiles, Recorded, ReportsPage, Stored, Versions,
    };
    use crate::wire::{RecordedAnswer, ReportsAnswer};

    /// A JSON object of this many bytes, full of quotes: as text they would be escaped once more.
    fn object(bytes: usize) -> String {
        format!(r#"{{"x":"{}"}}"#, "\\\"".repeat((bytes - 8) / 2))
    }

    #[test]
    fn a_browser_believes_the_content_type_of_every_answer() {
        for outcome in [
            Ok(Answer::ok(&())),
            Ok(Answer::nothing()),
            Ok(Answer::moved("/api/list".to_owned())),
            Ok(Answer::found("https://example.com/image".to_owned(), 60)),
            Err(ApiError::RouteNotFound),
        ] {
            let reply = serde_json::to_value(reply(outcome, "id", true)).unwrap();
            assert_eq!(reply["headers"]["x-content-type-options"], "nosniff", "{reply}");
            assert_eq!(reply["headers"]["content-type"], "application/json", "{reply}");
        }
    }

    fn longest_reply(body: &impl Serialize) -> usize {
        let answer = Answer::ok(body);
        assert!(answer.body.len() > 3_000_000, "{} bytes", answer.body.len());
        let reply = serde_json::to_string(&reply(Ok(answer), "id", true)).unwrap();
        assert!(reply.contains("\"isBase64Encoded\":true"));
        reply.len()
    }

    /// Control characters take six times as many bytes in JSON as in the store.
    fn longest_message(seq: u64) -> Message {
        Message {
            id: MessageId { ms: 1, random: 1, seq },
            author: Id::from_number(1).unwrap(),
            body: Body::new(BodyKind::Text, format!("x{}", "\u{1}".repeat(TEXT_JSON_BYTES / 6 - 1))).unwrap(),
            metadata: Some(Metadata::new(object(METADATA_BYTES)).unwrap()),
            retry_key: None,
            reply_to: None,
            mentions: Vec::new(),
            reactions: Vec::new(),
            edited_ms: None,
            rev: 1,
        }
    }

    fn reply_bytes(body: &impl Serialize) -> usize {
        let reply = reply(Ok(Answer::ok(body)), "id", true);
        serde_json::to_string(&reply).unwrap().len()
    }

    #[test]
    fn the_longest_pages_for_the_platform_fit_lambda_and_say_where_the_next_begins() {
        let user = User {
            id: Id::from_number(1).unwrap(),
            domain: Domain::parse("site").unwrap(),
        };
        let conversation = Conversation::of(&user, &Target::User(Id::from_number(2).unwrap()));
        let earlier = vec![longest_message(1); 21];
        let stored = |seq| Stored {
            id: longest_message(seq).id,
            rev: 1,
            author: user.id.clone(),
            deleted: false,
            message: Some(longest_message(seq)),
        };
        let recorded = Recorded {
            rev: 1,
            messages: (1..=PER_PAGE_MAX).rev().map(stored).collect(),
            next: None,
        };
        let kept = (1..=PER_PAGE_MAX).map(|seq| (seq, earlier.clone())).collect();
        for (versions, shown) in [(kept, 1), (Versions::new(), 22)] {
            let answer = RecordedAnswer::new(&user, &conversation, &recorded, &versions, PLATFORM_PAGE_BYTES);
            let bytes = reply_bytes(&answer);
            assert!(bytes < LAMBDA_ANSWER_BYTES, "{bytes} bytes of a conversation");
            let json = serde_json::to_value(&answer).unwrap();
            let entries = json["entries"].as_array().unwrap();
            assert_eq!((entries.len(), &json["next"]), (shown, &entries[shown - 1]["id"]));
        }
        let unreadable = Recorded {
            messages: Vec::new(),
            next: Some(7),
            ..recorded
        };
        let answer = RecordedAnswer::new(&user, &conversation, &unreadable, &Versions::new(), 1);
        let next = serde_json::to_value(&answer).unwrap()["next"].clone();
        assert_eq!(MessageId::parse(next.as_str().unwrap()).unwrap().seq, 7);

        let report = |number: u64| Report {
            id: ReportId::from_bits(number.into()),
            reported_ms: number,
            reporter: user.id.clone(),
            reason: "\u{1}".repeat(REMARK_BYTES),
            conversation: conversation.clone(),
            message: Some(longest_message(1)),
            deleted: false,
            earlier: earlier.clone(),
            resolved: None,
        };
        let page = ReportsPage {
            reports: (1..=PER_PAGE_MAX).rev().map(report).collect(),
            next: None,
        };
        let answer = ReportsAnswer::new(&page, PLATFORM_PAGE_BYTES);
        let bytes = reply_bytes(&answer);
        assert!(bytes < LAMBDA_ANSWER_BYTES, "{bytes} bytes of reports");
        let json = serde_json::to_value(&answer).unwrap();
        let last = &page.reports[json["entries"].as_array().unwrap().len() - 1];
        let next = TimePlace::parse(json["next"].as_str().unwrap()).unwrap();
        assert_eq!((next.ms, next.name), (last.reported_ms, last.id.to_string()));
    }

    /// The longest answers that clients can ask for: a page of the longest messages between users with the longest ids, each with a profile
    /// of 4 KiB.
    #[test]
    fn the_longest_history_and_list_fit_lambda() {
        const MANY: u64 = (1 << 53) - 1;
        let [ann, bob] = ["~", ":"].map(|character| User {
            id: Id::parse(&character.repeat(64)).unwrap(),
            domain: Domain::parse(&"d".repeat(32)).unwrap(),
        });
        let profile = || Profile::Known(Arc::from(object(4 * 1024)));
        let listing = Listing {
            users: [(ann.id.clone(), profile()), (bob.id.clone(), profile())].into(),
            topics: Profiles::new(),
        };
        let target = Target::User(bob.id.clone());
        let reads = Reads(vec![(bob.id.clone(), MANY)]);
        let page = Page {
            number: MANY,
            per_page: PER_PAGE_MAX,
        };
        let on_page = usize::try_from(PER_PAGE_MAX).unwrap();
        // A quote takes two bytes of JSON, a control character six.
        for (character, bytes) in [("\"", 2), ("\\", 2), ("\u{1}", 6)] {
            let id = MessageId {
                ms: 1 << 45,
                random: 1 << 33,
                seq: 1 << 40,
            };
            // The script names so many users of all reactions together.
            let reacted = Reacted {
                reaction: Reaction::parse(&"\"".repeat(REACTION_BYTES)).unwrap(),
                count: REACTIONS_MAX,
                users: vec![bob.id.clone(); 2],
                mine: true,
            };
            let message = Message {
                id,
                author: ann.id.clone(),
                body: Body::new(
                    BodyKind::Text,
                    format!("x{}", character.repeat(TEXT_JSON_BYTES / bytes - 1)),
                )
                .unwrap(),
                metadata: Some(Metadata::new(object(METADATA_BYTES)).unwrap()),
                retry_key: Some(RetryKey::parse(&"\u{10fffd}".repeat(RETRY_KEY_CHARS)).unwrap()),
                reply_to: Some(Quote {
                    id,
                    quoted: Some(Quoted {
                        author: bob.id.clone(),
                        kind: BodyKind::Text,
                        excerpt: "\u{1}".repeat(EXCERPT_CHARS),
                        rev: MANY,
                    }),
                }),
                mentions: vec![bob.id.clone(); MENTIONS_MAX],
                reactions: vec![reacted.clone(); usize::try_from(REACTION_KINDS).unwrap()],
                edited_ms: Some(1 << 45),
                rev: MANY,
            };
            let history = History {
                rev: MANY,
                total: MANY,
                messages: vec![message.clone(); on_page],
                older: true,
                newer: true,
                reads: reads.clone(),
            };
            let conversation = Conversation::of(&ann, &target);
            let body = wire::history(&conversation, &ann, &target, &Window::Page(page), &history, &listing);
            let bytes = longest_reply(&body);
            assert!(bytes < LAMBDA_ANSWER_BYTES, "{bytes} bytes of history");
            let place = Place {
                cursor: Cursor::new(u64::MAX, MANY),
                prev: Cursor::new(u64::MAX, MANY),
            };
            let change = Change {
                kind: ChangeKind::Sent,
                id,
                message: Some(message.clone()),
                member: None,
                rev: MANY,
                prev_rev: Some(MANY),
                repeated: false,
                private: false,
            };
            let member = Member {
                id: ann.id.clone(),
                read_seq: MANY,
                others_see_seq: MANY,
                unread: MANY,
                mentioned: MANY,
                left: false,
                left_now: false,
                has_written: true,
                reacted: u32::MAX,
            };
            let event = wire::change_event(&member, &conversation, &change, &reads).unwrap();
            let bytes = event.frame(Some(place)).len();
            assert!(bytes <= FRAME_BYTES, "{bytes} bytes of a frame");
            let entry = InboxEntry {
                target: target.clone(),
                latest: Some(message),
                reads: reads.clone(),
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
            let inbox = Inbox {
                cursor: Cursor::new(u64::MAX, u64::MAX),
                total: MANY,
                unread_total: MANY,
                entries: vec![entry; on_page],
                next: Some(InboxPlace {
                    order: MANY,
                    target: target.clone(),
                }),
            };
            let bytes = longest_reply(&wire::list(&ann, &page.into(), &inbox, Some(&listing)));
            assert!(bytes < LAMBDA_ANSWER_BYTES, "{bytes} bytes of list");
        }
    }
}

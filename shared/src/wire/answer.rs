//! The bodies of answers.

use serde::Serialize;
use serde_json::value::RawValue;

use super::message::{ConversationState, IdJson, MessageJson, Reader, Timestamp};
use crate::domain::{
    Change, ChangeKind, Conversation, Id, Member, MembersPage, Outcome, Target, TopicMember, User, Window, total_pages,
};
use crate::error::ApiError;
use crate::ports::{History, Listing, Presence, Profile, Profiles};

/// The body of every error, and the `error` of an error frame.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    error: bool,
    code: Option<&'static str>,
    name: &'static str,
    message: String,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    request_id: String,
}

/// Writes an error for the client, with the id under which its request stands in the logs.
pub fn error_body(error: &ApiError, request_id: &str) -> ErrorBody {
    ErrorBody {
        error: true,
        code: error.code(),
        name: error.name(),
        message: error.to_string(),
        status: error.status(),
        retry_after: error.retry_after(),
        request_id: request_id.to_owned(),
    }
}

/// The answer of `GET /api`.
#[derive(Debug, Serialize)]
pub struct WelcomeAnswer {
    authenticated: bool,
    message: &'static str,
    success: bool,
}

impl WelcomeAnswer {
    /// Welcomes a client, with a token or without.
    pub fn new(authenticated: bool) -> Self {
        Self {
            authenticated,
            message: "Welcome to a realtime chat API",
            success: true,
        }
    }
}

/// The answer to a send, an update or a reaction.
#[derive(Debug, Serialize)]
pub struct EntryAnswer {
    state: ConversationState,
    entry: Option<MessageJson<IdJson>>,
}

impl EntryAnswer {
    /// Shows the message to the user who sent or changed it.
    pub fn new(user: &User, outcome: &Outcome) -> Self {
        let message = outcome.change.message.as_ref();
        let reader = Reader {
            id: &user.id,
            reads: &outcome.reads,
            reacted: outcome.own.as_ref().map(|own| own.reacted),
        };
        Self {
            state: outcome_state(user, outcome),
            entry: message.map(|message| MessageJson::new(message, reader)),
        }
    }
}

fn outcome_state(user: &User, outcome: &Outcome) -> ConversationState {
    ConversationState::after(&outcome.conversation, &user.id, &outcome.change)
}

/// How far a member has read.
#[derive(Debug, Serialize)]
pub(super) struct ReadJson {
    up_to: Option<String>,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentioned: Option<u64>,
}

impl ReadJson {
    /// The position of a member; `own` is what is left to read, for the member alone.
    pub(super) fn new(change: &Change, member: &TopicMember, own: Option<&Member>) -> Self {
        let seq = member.read_seq;
        Self {
            up_to: up_to(change).filter(|_| seq == change.id.seq),
            seq,
            unread: own.map(|own| own.unread),
            mentioned: own.map(|own| own.mentioned),
        }
    }
}

/// The id of the message up to which somebody has read. `None` before the first message, and after retention has removed the message.
fn up_to(change: &Change) -> Option<String> {
    (change.id.ms > 0).then(|| change.id.to_string())
}

/// The answer to a move of one's own read position.
#[derive(Debug, Serialize)]
pub struct ReadAnswer {
    state: ConversationState,
    read: OwnRead,
}

#[derive(Debug, Serialize)]
struct OwnRead {
    up_to: Option<String>,
    seq: u64,
    unread: u64,
    mentioned: u64,
    unread_total: u64,
}

impl ReadAnswer {
    /// Tells the reader what is left to read.
    pub fn new(user: &User, outcome: &Outcome) -> Self {
        let seq = outcome.change.id.seq;
        let own = outcome.own.as_ref();
        Self {
            state: outcome_state(user, outcome),
            read: OwnRead {
                up_to: up_to(&outcome.change),
                seq,
                unread: own.map_or(0, |own| own.unread),
                mentioned: own.map_or(0, |own| own.mentioned),
                unread_total: outcome.unread_total,
            },
        }
    }
}

/// Whether a user is there.
#[derive(Debug, Serialize)]
pub(super) struct PresenceJson {
    id: IdJson,
    online: bool,
    last_active: Option<Timestamp>,
}

impl PresenceJson {
    pub(super) fn new(id: &Id, presence: Presence) -> Self {
        Self {
            id: IdJson(id.clone()),
            online: presence.online,
            last_active: presence.active_ms.map(Timestamp::from_ms),
        }
    }
}

/// The presence of users: the answer of `GET /api/presence`, and the result of `watch`.
#[derive(Debug, Serialize)]
pub struct PresenceAnswer {
    entries: Vec<PresenceJson>,
}

impl PresenceAnswer {
    /// Shows users in the order in which they were asked for.
    pub fn new(seen: &[(Id, Presence)]) -> Self {
        let entry = |(id, presence): &(Id, Presence)| PresenceJson::new(id, *presence);
        Self {
            entries: seen.iter().map(entry).collect(),
        }
    }
}

/// A member of a topic.
#[derive(Debug, Serialize)]
struct MemberJson {
    id: IdJson,
    role: &'static str,
    /// Absent of who is asked to leave and is no member.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<Timestamp>,
    read: ReadSeq,
}

/// A read position.
#[derive(Debug, Serialize)]
pub(super) struct ReadSeq {
    pub(super) seq: u64,
}

impl From<&TopicMember> for MemberJson {
    fn from(member: &TopicMember) -> Self {
        Self {
            id: IdJson(member.id.clone()),
            role: member.role.name(),
            joined: (member.joined_ms > 0).then(|| Timestamp::from_ms(member.joined_ms)),
            read: ReadSeq { seq: member.read_seq },
        }
    }
}

/// The answer to a change of a topic's members: the member.
#[derive(Debug, Serialize)]
pub struct MemberAnswer {
    #[serde(flatten)]
    member: Option<MemberJson>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left: bool,
    state: ConversationState,
}

impl MemberAnswer {
    /// Shows the member to the user who added or removed it.
    pub fn new(user: &User, outcome: &Outcome) -> Self {
        let change = &outcome.change;
        let left = change.kind == ChangeKind::Left;
        let state = if left && change.repeated {
            // Also who may see nothing of the topic can leave it, and a revision tells when somebody wrote there.
            ConversationState::new(&outcome.conversation, &user.id)
        } else {
            outcome_state(user, outcome)
        };
        Self {
            member: change.member.as_ref().map(MemberJson::from),
            left,
            state,
        }
    }
}

/// A part of a topic's members.
#[derive(Debug, Serialize)]
pub struct MembersAnswer {
    members: Vec<MemberJson>,
    total: usize,
    next: Option<IdJson>,
}

/// Shows a part of all members; `next` is what to give as `after`.
pub fn members(all: &[TopicMember], page: &MembersPage) -> MembersAnswer {
    let mut rest = all
        .iter()
        .filter(|member| page.after.as_ref().is_none_or(|after| member.id > *after));
    let shown: Vec<_> = rest.by_ref().take(page.limit).collect();
    let more = rest.next().is_some();
    MembersAnswer {
        next: shown.last().filter(|_| more).map(|member| IdJson(member.id.clone())),
        members: shown.into_iter().map(MemberJson::from).collect(),
        total: all.len(),
    }
}

/// The answer to a deletion.
#[derive(Debug, Serialize)]
pub struct DeletedAnswer {
    state: ConversationState,
    message: &'static str,
    success: bool,
}

impl DeletedAnswer {
    /// Confirms the deletion to the user who asked for it.
    pub fn new(user: &User, outcome: &Outcome) -> Self {
        Self {
            state: outcome_state(user, outcome),
            message: "Message deleted",
            success: true,
        }
    }
}

#[derive(Debug, Serialize)]
struct HistoryState {
    key: String,
    page: Option<u64>,
    per_page: u64,
    total: u64,
    total_pages: u64,
    rev: u64,
    next: Option<String>,
    prev: Option<String>,
}

/// The answer of a history.
#[derive(Debug, Serialize)]
pub struct HistoryAnswer {
    state: HistoryState,
    entry: ProfileJson,
    messages: Vec<MessageJson<ProfileJson>>,
}

/// A part of a conversation, with the platform's objects in place of ids.
///
/// `state.prev` is what to give as `before` for older messages and `state.next` as `after` for newer ones; null where there are none.
pub fn history(
    conversation: &Conversation,
    user: &User,
    target: &Target,
    window: &Window,
    history: &History,
    listing: &Listing,
) -> HistoryAnswer {
    let (page, per_page) = match *window {
        Window::Page(page) => (Some(page.number), page.per_page),
        Window::Before(_, per_page) | Window::After(_, per_page) | Window::Around(_, per_page) => (None, per_page),
    };
    HistoryAnswer {
        state: HistoryState {
            key: conversation.key(),
            page,
            per_page,
            total: history.total,
            total_pages: total_pages(history.total, per_page),
            rev: history.rev,
            next: history
                .messages
                .last()
                .filter(|_| history.newer)
                .map(|message| message.id.to_string()),
            prev: history
                .messages
                .first()
                .filter(|_| history.older)
                .map(|message| message.id.to_string()),
        },
        entry: ProfileJson::of_target(target, listing),
        messages: history
            .messages
            .iter()
            .map(|message| {
                MessageJson::by(
                    ProfileJson::of(&message.author, &listing.users),
                    message,
                    Reader::new(&user.id, &history.reads),
                )
            })
            .collect(),
    }
}

/// What the platform says about an id. In its place: the bare id when the platform is silent; also `unknown` for an id that it does not know.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ProfileJson {
    Known(Box<RawValue>),
    Bare { id: IdJson },
    Unknown { id: IdJson, unknown: bool },
}

impl ProfileJson {
    fn of(id: &Id, profiles: &Profiles) -> Self {
        let bare = || Self::Bare { id: IdJson(id.clone()) };
        match profiles.get(id) {
            Some(Profile::Known(json)) => RawValue::from_string(json.to_string()).map_or_else(|_| bare(), Self::Known),
            Some(Profile::Unknown) => Self::Unknown {
                id: IdJson(id.clone()),
                unknown: true,
            },
            Some(Profile::Unavailable) | None => bare(),
        }
    }

    pub(super) fn of_target(target: &Target, listing: &Listing) -> Self {
        match target {
            Target::User(id) => Self::of(id, &listing.users),
            Target::Topic(id) => Self::of(id, &listing.topics),
        }
    }
}

/// The answer of the profiles.
#[derive(Debug, Serialize)]
pub struct ProfilesAnswer {
    users: Vec<ProfileJson>,
    topics: Vec<ProfileJson>,
}

/// What the platform says about these users and topics, in the order in which they were asked for.
pub fn profiles(users: &[Id], topics: &[Id], listing: &Listing) -> ProfilesAnswer {
    let shown = |ids: &[Id], profiles| ids.iter().map(|id| ProfileJson::of(id, profiles)).collect();
    ProfilesAnswer {
        users: shown(users, &listing.users),
        topics: shown(topics, &listing.topics),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Domain, Page, Reads};
    use crate::wire::to_json;

    pub(crate) fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    pub(crate) fn ann() -> User {
        User {
            domain: Domain::parse("site").unwrap(),
            id: id("1"),
        }
    }

    pub(crate) fn listing() -> Listing {
        let known = |json: &str| Profile::Known(Arc::from(json));
        Listing {
            users: [
                (id("7"), known(r#"{"id":7,"username":"bob"}"#)),
                (id("8"), Profile::Unknown),
            ]
            .into(),
            topics: [
                (id("7"), known(r#"{"id":7,"title":"Cats"}"#)),
                (id("9"), Profile::Unavailable),
            ]
            .into(),
        }
    }

    #[test]
    fn a_history_of_a_topic_begins_with_the_topic() {
        let history_of = |target: &Target| {
            let empty = History {
                rev: 0,
                total: 0,
                messages: Vec::new(),
                older: false,
                newer: false,
                reads: Reads::default(),
            };
            let window = Window::Page(Page::parse(None, None).unwrap());
            let conversation = Conversation::of(&ann(), target);
            to_json(&history(&conversation, &ann(), target, &window, &empty, &listing()).entry)
        };
        assert_eq!(history_of(&Target::User(id("7"))), r#"{"id":7,"username":"bob"}"#);
        assert_eq!(history_of(&Target::Topic(id("7"))), r#"{"id":7,"title":"Cats"}"#);
        assert_eq!(history_of(&Target::Topic(id("8"))), r#"{"id":8}"#);
    }

    #[test]
    fn profiles_keep_the_order_in_which_they_were_asked_for() {
        let (users, topics) = ([id("9"), id("8"), id("7")], [id("9"), id("7")]);
        insta::assert_snapshot!(to_json(&profiles(&users, &topics, &listing())), @r#"{"users":[{"id":9},{"id":8,"unknown":true},{"id":7,"username":"bob"}],"topics":[{"id":9},{"id":7,"title":"Cats"}]}"#);
    }
}

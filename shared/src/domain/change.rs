//! What a write does to a conversation, and how the conversation is after it.

use super::{ConnectionId, Conversation, Cursor, Id, Message, MessageId, Quote, Role};

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A message was sent.
    Sent,
    /// The author edited a message.
    Edited,
    /// A member reacted to a message, or took a reaction back.
    Reacted,
    /// The author or a moderator deleted a message.
    Deleted,
    /// A member has read up to a message.
    Read,
    /// A member joined a topic, or has another role there.
    Joined,
    /// A member left a topic, or was removed.
    Left,
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// Which message it is about; for a change of members the zero id, whose `seq` is 0. For a read position up to a message that retention removed,
    /// only `seq` is known, and the rest is 0.
    pub id: MessageId,
    /// The message as it is now; `None` if it is deleted.
    pub message: Option<Message>,
    /// The member who joined, left or has read.
    pub member: Option<TopicMember>,
    /// The revision that the change gave the conversation.
    pub rev: u64,
    /// The revision before it. `None` for a deletion or a read position that is asked for again after later changes, where it is not known any
    /// more.
    pub prev_rev: Option<u64>,
    /// Whether this was done before, and was only asked for again.
    pub repeated: bool,
    /// A read position that only its member sees: in a topic, or while the other side has blocked the member. It has no revision.
    pub private: bool,
}

impl Change {
    /// Whether that member has joined, left or read by it.
    pub fn is_about(&self, member: &Member) -> bool {
        self.member.as_ref().is_some_and(|of| of.id == member.id)
    }
}

/// How a conversation is after a write: what each of its members has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// The conversation's clock at this decision. Of two projections the one with the higher clock is newer, and says all that the other one says.
    pub clock: u64,
    /// The revision of the conversation: the clock at the last change that all members see.
    pub rev: u64,
    /// The position of the newest message, live or deleted.
    pub last_seq: u64,
    /// When the newest message was stored, in milliseconds since 1970.
    pub activity_ms: u64,
    /// The newest live message.
    pub latest: Option<Latest>,
    /// Everyone whom this concerns: all members, and who has just left. A read position in a topic concerns its reader alone.
    pub members: Vec<Member>,
    /// Whether all its messages were removed for their age. A direct conversation then leaves the inboxes until the next message.
    pub emptied: bool,
}

impl Projection {
    /// How far each member has read, as that member sees it. Only the members of a direct conversation may know it.
    pub fn reads(&self, shown_to: &Id) -> Reads {
        let read = |member: &Member| {
            let is_own = member.id == *shown_to;
            let seq = if is_own { member.read_seq } else { member.others_see_seq };
            (member.id.clone(), seq)
        };
        Reads(self.members.iter().map(read).collect())
    }
}

/// The newest live message of a conversation, on its way from the conversation to the inboxes as the store packs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its position.
    pub seq: u64,
    /// The packed message.
    pub record: Vec<u8>,
}

/// A member of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub id: Id,
    /// The position up to which the member has read.
    pub read_seq: u64,
    /// The position that other members see. It does not move while the other side of a direct conversation has blocked the member.
    pub others_see_seq: u64,
    /// Live messages of others behind `read_seq`.
    pub unread: u64,
    /// Those of them that mention the member.
    pub mentioned: u64,
    /// Whether the user is no member any more: the conversation leaves the inbox.
    pub left: bool,
    /// Whether the user was a member until this change. The inbox then notes the end, also of a conversation that it does not know yet.
    pub left_now: bool,
    /// Whether the member has written there. Whoever only was written to reveals nothing to a stranger.
    pub has_written: bool,
    /// Which of the reactions to the changed message are the member's: one bit for each, the lowest for the first.
    pub reacted: u32,
}

impl Member {
    /// A member who has neither read nor written anything.
    pub fn new(id: Id) -> Self {
        Self {
            id,
            read_seq: 0,
            others_see_seq: 0,
            unread: 0,
            mentioned: 0,
            left: false,
            left_now: false,
            has_written: false,
            reacted: 0,
        }
    }
}

/// A member of a topic, as its other members see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMember {
    /// The user.
    pub id: Id,
    /// What the member may do.
    pub role: Role,
    /// When the member joined, in milliseconds since 1970.
    pub joined_ms: u64,
    /// The position up to which the member has read.
    pub read_seq: u64,
}

/// A connection that shows a conversation, or waits for news of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watcher {
    /// The user who owns the connection.
    pub user: Id,
    /// The connection.
    pub connection: ConnectionId,
}

/// How far the members of a direct conversation have read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub Vec<(Id, u64)>);

impl Reads {
    /// Whether someone other than its author has read up to a message. False for a system message: a client takes it for the other side's position,
    /// and here it may be the reader's own.
    pub fn have_seen(&self, message: &Message) -> bool {
        let has_seen = |(id, seq): &(Id, u64)| *id != message.author && *seq >= message.id.seq;
        !message.author.is_system() && self.0.iter().any(has_seen)
    }
}

/// What a write did, and how the conversation is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the write did.
    pub change: Change,
    /// How the conversation is now, which may be newer than the change if that was done before.
    pub projection: Projection,
    /// Who has the conversation on the screen: who is told fleetingly that a member of a topic has read.
    pub watchers: Vec<Watcher>,
    /// Of a send that was done before: what it replies to, as that is now. `None` too if the author may not read there any more.
    pub reply_to: Option<Quote>,
}

/// Where a change stands among all that a user was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The user's place after it.
    pub cursor: Cursor,
    /// The user's place before it. A client that is at another place has missed something.
    pub prev: Cursor,
}

/// A write that is done: what its caller is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it was done.
    pub conversation: Conversation,
    /// What was done.
    pub change: Change,
    /// How far the members have read.
    pub reads: Reads,
    /// How the conversation is for the caller; `None` for a caller who is no member.
    pub own: Option<Member>,
    /// Unread messages in the caller's whole inbox, muted conversations left out.
    pub unread_total: u64,
    /// Where it stands among all that the caller was told; `None` if the caller was told before, or something newer.
    pub place: Option<Place>,
}

//! What a write does to a conversation, and how the conversation is after it.

use super::{Conversation, Cursor, Id, Message, MessageId};

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A message was sent.
    Sent,
    /// The author edited a message.
    Edited,
    /// The author deleted a message.
    Deleted,
    /// A member has read up to a message.
    Read,
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// Which message it is about.
    pub id: MessageId,
    /// The message as it is now; `None` if it is deleted.
    pub message: Option<Message>,
    /// The revision that the change gave the conversation.
    pub rev: u64,
    /// The revision before it. `None` for a deletion or a read position that is asked for again after later changes, where it is not known any
    /// more.
    pub prev_rev: Option<u64>,
    /// Whether this was done before, and was only asked for again.
    pub repeated: bool,
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
    /// Everyone who has the conversation in the inbox.
    pub members: Vec<Member>,
}

impl Projection {
    /// How far each member has read.
    pub fn reads(&self) -> Reads {
        let read = |member: &Member| (member.id.clone(), member.read_seq);
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
    /// Live messages of others behind it.
    pub unread: u64,
}

/// How far the members of a direct conversation have read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub Vec<(Id, u64)>);

impl Reads {
    /// Whether someone else than its author has read up to a message.
    pub fn have_seen(&self, message: &Message) -> bool {
        self.0
            .iter()
            .any(|(id, seq)| *id != message.author && *seq >= message.id.seq)
    }
}

/// What a write did, and how the conversation is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the write did.
    pub change: Change,
    /// How the conversation is now, which may be newer than the change if that was done before.
    pub projection: Projection,
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
    /// Where it stands among all that the caller was told; `None` if the caller was told before, or something newer.
    pub place: Option<Place>,
}

//! The erasure of a user: everything of the user goes, in steps that may each be repeated.

use super::{Target, TimePlace};

/// What becomes of the direct conversations of an erased user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectConversations {
    /// The other side keeps its own messages. Only the id in the name of the conversation is left of the user.
    #[default]
    Keep,
    /// The conversations go as a whole, also for the other side.
    Remove,
}

impl DirectConversations {
    /// Reads a word of the platform's server.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "keep" => Some(Self::Keep),
            "remove" => Some(Self::Remove),
            _ => None,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// No step was done yet.
    Queued,
    /// Some steps are done.
    Running,
    /// Nothing of the user is left.
    Done,
}

impl ErasureState {
    /// Reads a word that `name` gave.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "queued" => Some(Self::Queued),
            "running" => Some(Self::Running),
            "done" => Some(Self::Done),
            _ => None,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
        }
    }
}

/// An erasure that the platform's server has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Names this erasure: 32 hexadecimal digits.
    pub job: String,
    /// How far it is.
    pub state: ErasureState,
    /// What becomes of direct conversations.
    pub conversations: DirectConversations,
    /// When it was asked for, in milliseconds since 1970.
    pub asked_ms: u64,
    /// The conversation in which it goes on, and the position up to which that was looked at.
    pub at: Option<(Target, u64)>,
    /// The place in the list of reports after which it goes on.
    pub reports: Option<TimePlace>,
}

//! What the command line asks for.

/// Whom to chat with, as whom and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The WebSocket's address.
    pub url: String,
    /// The REST API's address; without it there are no earlier messages and no names.
    pub api: Option<String>,
    /// The user's token.
    pub token: String,
    /// With whom.
    pub with: With,
}

/// The other side of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum With {
    /// The user with this id.
    User(String),
    /// The topic with this id.
    Topic(String),
}

impl With {
    /// `target` of frames and addresses.
    pub(super) fn target(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Topic(_) => "topic",
        }
    }

    /// `target_id`.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Topic(id) => id,
        }
    }

    pub(super) fn is_topic(&self) -> bool {
        matches!(self, Self::Topic(_))
    }
}

//! `senna chat`: one conversation in a terminal, for trying and for support, against any deployment.
//!
//! It follows `docs/clients.md`. [`state`] is what it knows and [`news`] what of it is not on the screen yet, both without a network;
//! [`wire`] asks one thing at a time; [`session`] stays connected, and does what is typed.

mod explain;
mod input;
mod names;
mod news;
mod rest;
mod session;
mod state;
mod terminal;
mod wire;

pub use explain::Refusal;
pub use rest::RestError;

use session::Session;

use super::connect::ConnectError;

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
    fn target(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Topic(_) => "topic",
        }
    }

    /// `target_id`.
    fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Topic(id) => id,
        }
    }

    fn is_topic(&self) -> bool {
        matches!(self, Self::Topic(_))
    }
}

/// Why the chat ended before its user wanted.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The REST API can't be asked.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The API refused.
    #[error("{0}")]
    Refused(Refusal),
    /// Some lines of the input were not done.
    #[error("{failed} of the lines failed, as said above")]
    Failed {
        /// How many.
        failed: usize,
    },
    /// The input ended, and the service does not answer.
    #[error(
        "no answer for {seconds} seconds since the end of the input; what was sent last may or may not have arrived, \
         so look before you send it again"
    )]
    NoAnswer {
        /// How long.
        seconds: u64,
    },
}

/// Chats until the user, or the input, ends it.
///
/// # Errors
/// [`ChatError`].
pub async fn chat(options: Options) -> Result<(), ChatError> {
    Session::new(options)?.run().await
}

//! `senna chat`: one conversation in a terminal, for trying and for support, against any deployment.
//!
//! It follows `docs/clients.md`. [`state`] is what it knows and [`news`] what of it is not on the screen yet, both without a network;
//! [`wire`] asks one thing at a time; [`session`] stays connected, and does what is typed.

mod error;
mod explain;
mod input;
mod names;
mod news;
mod options;
mod rest;
mod session;
mod state;
mod terminal;
mod wire;

pub use error::ChatError;
pub use explain::Refusal;
pub use options::{Options, With};
pub use rest::RestError;

use session::Session;

/// Chats until the user, or the input, ends it.
///
/// # Errors
/// [`ChatError`].
pub async fn chat(options: Options) -> Result<(), ChatError> {
    Session::new(options)?.run().await
}

//! What the routes do, the same over REST and over the WebSocket.

mod fan_out;
mod read;
mod write;

pub use read::{history, inbox};
pub use write::{Caller, Writer};

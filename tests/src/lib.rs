//! The harness of the black-box suites: it starts the real local stack and speaks HTTP and WebSocket to it, as clients do.
//!
//! Nothing here knows the core crate: bodies and frames are plain JSON, so that a wrong shape cannot agree with itself.
//!
//! A test asks for a [`Chat`], which is the stack that all tests share or one of its own, makes a few users that no other test
//! has, and lets them act:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use tests::Chat;
//!
//! let chat = Chat::shared().await?;
//! let [ann, bob] = chat.users(["ann", "bob"]);
//! let mut listener = bob.connect().await?;
//! let sent = ann.send_text(&bob, "Hello").await?;
//! println!("{}\n{}", chat.shown_json(&sent), listener.event().await?);
//! # Ok(())
//! # }
//! ```

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod answer;
mod backend;
mod chat;
pub mod description;
pub mod documents;
mod executables;
pub mod figure;
pub mod follower;
mod http_client;
pub mod javascript;
mod mask;
pub mod old_server;
pub mod platform;
pub mod plot;
mod processes;
mod raw_redis;
pub mod sam;
mod socket;
mod stack;
mod target;
mod terminal;
pub mod token;
mod uploads;
mod user;
pub mod web_server;
mod webhooks;

pub use answer::{Answer, error_line};
pub use backend::{Backend, KEYS};
pub use chat::{Chat, USER_AGENT};
pub use executables::{blackbox, function, senna};
pub use follower::Follower;
pub use http_client::{Request, exchange};
pub use processes::Processes;
pub use raw_redis::RawRedis;
pub use socket::{Handshake, Socket};
pub use stack::{Addresses, SECRET, Stack};
pub use target::{Target, Topic};
pub use terminal::Terminal;
pub use uploads::{ask_s3, post_form, upload};
pub use user::User;
pub use webhooks::{Answering, Noticed, Webhooks};

use std::{path::Path, time::Duration};

/// How long a test waits for anything that must come. Generous, because only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The project's folder.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Looks again and again until there is what is looked for. For what nothing announces, as the end of a process or a key that
/// vanishes from Redis; everything else is awaited.
///
/// # Errors
/// When it isn't there within [`PATIENCE`]; what `look` fails with.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.map_err(|_| anyhow::anyhow!("waited {} s in vain until {what}", PATIENCE.as_secs()))?
}

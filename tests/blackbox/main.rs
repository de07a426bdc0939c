//! The chat as clients see it: the real stack, spoken to over HTTP and WebSocket.
//!
//! `cargo test -p tests --test blackbox` builds the functions, starts the stack on free ports and runs everything below. What the
//! contract says of shapes and errors stands in the tests as snapshots, with names in place of ids and times.
//!
//! `tests/aws/sam_local.rs` runs what uses the shared stack once more, with the functions of REST in Docker.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod browsers;
mod generated;
mod handshakes;
mod identity;
mod ids;
mod routes;
mod tokens;

mod bodies;
mod deleting;
mod limits;
mod logs;
mod secrets;
mod sending;
mod updating;
mod uploads;
mod usage;

mod asked_profiles;
mod history;
mod inbox;
mod inbox_paging;
mod profiles;
mod unread;
mod walking;
#[cfg(test)]
mod webhooks;

mod hostile;
mod members;
mod platform;
mod platform_erasure;
mod platform_moderation;
mod topic_access;
mod topics;
mod untrusted;

mod blocks;
mod reactions;
mod reading;
mod replies;
mod reports;
mod settings;

mod presence;
mod typing;

mod actions;
mod expiring;
mod following;
mod pushes;
mod resuming;
mod retrying;
mod sites;

mod check;
mod hook;
mod migrating;
mod terminal;

mod crashes;
mod crowd;
mod dead_connections;
mod key_set;
mod other_settings;
mod redis_down;
mod retention;
mod troubled_platform;

//! The core of Senna: what a chat is, and everything that the functions share.
//!
//! Read it in this order. Each layer knows only the ones above it, which `tests/tidy/layers.rs` checks against this list.
//!
//! - [`domain`]: ids, messages, conversations, pages, events and their limits. Pure: no I/O, no clock, no HTTP, no Redis.
//! - [`ports`]: what the chat needs from outside, as traits: a store, pushes, the platform's directory, the time.
//! - [`error`]: the one error that clients see, with its code, name and status.
//! - [`metrics`]: what is counted and timed.
//! - [`trace`]: the spans of an invocation, for the log and for X-Ray.
//! - [`wire`]: the JSON of requests, answers and pushed frames.
//! - [`app`]: what the routes do, the same over REST and over the WebSocket.
//! - [`config`]: every environment variable.
//! - [`adapters`]: the ports on Redis, API Gateway and HTTP; and tokens.
//! - [`runtime`]: how a function meets Lambda: events in, answers out, logs.
//! - [`wiring`]: the parts that functions are made of.
//! - [`fuzzing`]: the checks of the fuzz targets; no function contains it.

pub mod domain;
pub mod ports;

pub mod error;
pub mod metrics;
pub mod trace;
pub mod wire;

pub mod app;

pub mod config;

pub mod adapters;

pub mod runtime;

pub mod wiring;

#[cfg(any(test, doc, fuzzing))]
pub mod fuzzing;

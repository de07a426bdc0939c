//! SQS: standard queues, and the API through which functions and tools use them.
//!
//! A queue here promises what SQS promises and no more: each message at least once, in any order. Which messages a receive gets is chosen at random
//! on purpose, and faults deliver messages late or once more. Times run as fast as `--clock-scale` says. Messages are kept in memory.
//!
//! `messages` is one queue, `queues` are all of them, with waiting receives; [`api`] is the service.
//!
//! # Source
//! Amazon SQS API reference and developer guide; the service model in the SDKs.

pub mod api;
mod error;
mod messages;
mod queues;

pub use api::Sqs;
pub use messages::Received;
pub use queues::Queues;

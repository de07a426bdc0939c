//! A real Redis or Valkey server: found on this machine or fetched, and run as a child process.

pub mod fetch;
mod options;
pub mod server;

pub use options::{Options, RedisError};
pub use server::RedisServer;

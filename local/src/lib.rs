//! The local stack: what `cargo run` starts.
//!
//! It plays AWS on this machine: API Gateway in front ([`gateway`]), Lambda behind ([`lambda`]), both set up from the same
//! `template.yaml` that is deployed ([`template`]), with a Redis ([`redis_server`]) and a sample platform ([`platform`]) at
//! their side. The functions are the real executables, started as child processes; this crate never links the core crate, so
//! it can't agree with it on a mistake.

pub mod cli;
pub mod clock;
pub mod control;
pub mod faults;
pub mod functions_build;
pub mod gateway;
pub mod guard;
pub mod ids;
pub mod lambda;
pub mod listen;
pub mod logs;
pub mod platform;
pub mod redis_fetch;
pub mod redis_server;
pub mod sam;
pub mod screen;
pub mod server;
pub mod settings;
pub mod stack;
pub mod stop;
pub mod template;
pub mod token;
pub mod watch;

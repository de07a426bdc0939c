//! The local stack: what `cargo run` starts. It plays AWS on this machine.
//!
//! The functions are the real executables, started as child processes. What plays AWS here doesn't know the core crate, so it
//! can't agree with it on a mistake. Only [`developer::migrate`] does, which writes through the core's store.
//! `probes`, which `senna check` shares with the function `check`, does not know the core crate either.
//!
//! Each room knows only rooms further down in this table.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`developer`] | what a developer types and sees: the command line, the screen, `senna listen`, `chat`, `check` and `migrate`, Ctrl-C |
//! | [`stack`] | starts all the parts below in order and stops them; the control address |
//! | [`project`] | the clone of Senna: its settings, the build of the functions, `--watch`, tokens, `sam local` |
//! | [`gateway`] | API Gateway: the HTTP API, the WebSocket API, `@connections` |
//! | [`triggers`] | what runs functions by itself: messages of queues, and schedules |
//! | [`sqs`] | SQS: queues and their API |
//! | [`lambda`] | Lambda: the functions' processes, the Runtime API, Invoke |
//! | [`template`] | reads `template.yaml`, the same that is deployed |
//! | [`redis`] | a Redis or Valkey server: found or fetched, and run |
//! | [`platform`] | a sample platform with two users |
//! | [`s3`] | S3: uploaded images as files |
//! | [`server`] | listening and HTTP/1.1, for all of the above |
//! | [`faults`] | what goes wrong on purpose |
//! | [`aws`] | AWS's forms of ids and times, and the account, Region and keys that stand in for real ones |
//! | [`machine`] | this machine: lines on the screen, and no process left behind |

pub mod aws;
pub mod developer;
pub mod faults;
pub mod gateway;
pub mod lambda;
pub mod machine;
pub mod platform;
pub mod project;
pub mod redis;
pub mod s3;
pub mod server;
pub mod sqs;
pub mod stack;
pub mod template;
pub mod triggers;

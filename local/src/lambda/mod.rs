//! Lambda: runs the functions' executables under the Runtime API, one request at a time in each process and as many
//! processes as requests come at once, up to a bound.
//!
//! [`pool`] decides which process gets a request, `process` is one of them, `runtime_api` is what it talks to, `journal` is
//! what it writes, and [`invoke_api`] lets tools call functions as they would call Lambda.

mod call;
mod error;
mod function;
pub mod invoke_api;
mod journal;
pub mod limits;
pub mod pool;
mod process;
mod runtime_api;
pub mod spec;

pub use call::{Call, Invocation, InvokeResult};
pub use error::InvokeError;
pub use function::LogError;
pub use invoke_api::InvokeApi;
pub use pool::{Lambda, StartError};
pub use spec::{FunctionSpec, LambdaOptions, Rest};

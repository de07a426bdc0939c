//! The clone of Senna that the stack runs: its settings, the build of its functions, tokens, and `sam local`.

pub mod build;
pub mod sam;
pub mod settings;
pub mod token;
pub mod watch;

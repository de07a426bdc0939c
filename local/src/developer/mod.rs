//! What a developer types and sees: the command line, the screen, `senna listen`, `senna chat`, `senna migrate`, and how the stack is told to stop.

pub mod chat;
pub mod cli;
pub mod connect;
mod harmless;
pub mod listen;
pub mod migrate;
pub mod screen;
pub mod stop;

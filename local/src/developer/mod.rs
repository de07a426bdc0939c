//! What a developer types and sees: the command line, the screen, `senna listen`, `senna chat`, `senna check`, `senna migrate`, and how the stack is told to stop.

pub mod chat;
pub mod check;
pub mod cli;
pub mod connect;
pub mod deployment;
mod harmless;
pub mod listen;
pub mod migrate;
mod rest;
pub mod screen;
pub mod stop;

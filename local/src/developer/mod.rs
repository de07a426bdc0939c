//! What a developer types and sees: the command line, the screen, `senna listen`, and how the stack is told to stop.

pub mod cli;
pub mod listen;
pub mod screen;
pub mod stop;

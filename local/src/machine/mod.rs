//! This machine: lines on the screen, and no process left behind.

pub mod guard;
pub mod logs;

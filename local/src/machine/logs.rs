//! The stack's own lines and those of the functions, on standard error, one whole line at a time.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    sync::LazyLock,
};

/// Colours of the prefixes, by a hash of the name, so that one function keeps its colour.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 96];

/// Whether standard error is a terminal, which gets colours. It stays what it is.
static IS_TERMINAL: LazyLock<bool> = LazyLock::new(|| io::stderr().is_terminal());

/// Writes `name | line`.
pub fn line(name: &str, text: impl Display) {
    let line = if *IS_TERMINAL {
        let sum = name.bytes().fold(0_usize, |sum, byte| sum + usize::from(byte));
        let colour = COLOURS.get(sum % COLOURS.len()).copied().unwrap_or(36);
        format!("\u{1b}[{colour}m{name:>10} |\u{1b}[0m {text}\n")
    } else {
        format!("{name:>10} | {text}\n")
    };
    // Standard error has no buffer: each piece that is written is a system call, so the line goes in one piece. It fails when nobody
    // reads standard error any more, and then there is nobody to tell.
    drop(io::stderr().write_all(line.as_bytes()));
}

/// A line of the stack itself.
pub fn stack(text: impl Display) {
    line("senna", text);
}

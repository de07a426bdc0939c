//! The stack's own lines and those of the functions, on standard error, one whole line at a time.

use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _},
};

/// Colours of the prefixes, by a hash of the name, so that one function keeps its colour.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 96];

/// Writes `name | line`.
pub fn line(name: &str, text: impl Display) {
    let mut stderr = std::io::stderr().lock();
    // It fails when nobody reads standard error any more, and then there is nobody to tell.
    let written = if stderr.is_terminal() {
        let sum = name.bytes().fold(0_usize, |sum, byte| sum + usize::from(byte));
        let colour = COLOURS.get(sum % COLOURS.len()).copied().unwrap_or(36);
        writeln!(stderr, "\u{1b}[{colour}m{name:>10} |\u{1b}[0m {text}")
    } else {
        writeln!(stderr, "{name:>10} | {text}")
    };
    drop(written);
}

/// A line of the stack itself.
pub fn stack(text: impl Display) {
    line("senna", text);
}

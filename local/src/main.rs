//! `senna`, the binary behind `cargo run`: see [`local::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::main()
}

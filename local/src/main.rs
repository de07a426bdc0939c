//! `senna`, the binary behind `cargo run`: see [`local::developer::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    local::developer::cli::main()
}

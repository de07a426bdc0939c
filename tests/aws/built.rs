//! The functions as `sam build` makes them, which is how they are deployed: cargo-lambda has settings of its own.

use std::{env, fs};

use tests::root;

use crate::support::skipped;

/// Rust's standard library says this where a panic cannot unwind, so the text is in every program that unwinds.
const UNWINDS: &[u8] = b"failed to initiate panic";
/// The source of the crate that is linked in place of it.
const ABORTS: &[u8] = b"library/panic_abort/";

/// A function that aborts answers nothing: the client gets API Gateway's own error, and Lambda starts a new process for the next request.
#[test]
fn a_panic_unwinds() {
    let built = root().join(".aws-sam/build");
    let Ok(folders) = fs::read_dir(&built) else {
        assert!(env::var_os("CI").is_none(), "CI runs sam build first");
        return skipped("there is no .aws-sam/build; sam build makes it");
    };
    let mut functions = 0;
    for folder in folders {
        let file = folder.unwrap().path().join("bootstrap");
        if !file.is_file() {
            continue;
        }
        let program = fs::read(&file).unwrap();
        let has = |text: &[u8]| program.windows(text.len()).any(|window| window == text);
        assert!(has(UNWINDS) && !has(ABORTS), "{} aborts", file.display());
        functions += 1;
    }
    assert!(functions > 0, "{} holds no function", built.display());
}

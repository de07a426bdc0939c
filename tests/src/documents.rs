//! The commands that the documents tell people to type.

use std::fs;

use anyhow::{Context as _, Result};

use crate::root;

/// The pages for whoever tries, deploys or runs Senna.
const PAGES: [&str; 4] = ["README.md", "docs/deploy.md", "docs/operations.md", "docs/limits.md"];

/// How a text in backticks begins that is a command, and not a name.
const PROGRAMS: [&str; 9] = [
    "cargo ",
    "sam ",
    "aws ",
    "npm ",
    "gh ",
    "openssl ",
    "dig ",
    "terraform ",
    ".ci/",
];

/// Each command once, as it is typed: lines that begin with `$ ` (blanks before it do not count), and texts in backticks that begin with a program and have an argument. What
/// follows two blanks and `#` is a remark. A line that ends with `\` goes on in the next one.
///
/// # Errors
/// If a page can't be read.
pub fn commands() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).context(page)?;
        let text = text.replace("\\\n", "");
        for line in text.lines() {
            if let Some(typed) = line.trim_start().strip_prefix("$ ") {
                let typed = typed.split("  #").next().unwrap_or_default();
                found.push(typed.split_whitespace().collect::<Vec<_>>().join(" "));
            } else {
                let spans = line.split('`').skip(1).step_by(2);
                let begins = |span: &str| PROGRAMS.iter().any(|program| span.starts_with(program));
                let typed = spans.filter(|span| begins(span) || span.contains(" cargo run"));
                found.extend(typed.map(str::to_owned));
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

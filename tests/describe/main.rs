//! Writes the descriptions of the API to `docs/`: `cargo run -p tests --bin describe`.

use anyhow::{Context as _, Result};
use tests::{description, root};

fn main() -> Result<()> {
    for (name, text) in description::files() {
        std::fs::write(root().join(name), text).with_context(|| format!("can't write {name}"))?;
    }
    Ok(())
}

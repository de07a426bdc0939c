//! Draws what was measured: `cargo run -p tests --bin plots`.
//!
//! Each `docs/figures/NAME.json` becomes `NAME-light.svg` and `NAME-dark.svg`. A page shows the one that fits the reader's scheme:
//!
//! ```html
//! <picture>
//!   <source media="(prefers-color-scheme: dark)" srcset="figures/fan-out-dark.svg">
//!   <img alt="What it shows, in words." src="figures/fan-out-light.svg">
//! </picture>
//! ```

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::fs;

use anyhow::Result;
use tests::plot::{DARK, LIGHT, draw};
use tests::{figure::Figure, root};

fn main() -> Result<()> {
    for figure in Figure::all()? {
        for scheme in [&LIGHT, &DARK] {
            let file = root().join(format!("docs/figures/{}-{}.svg", figure.name, scheme.name));
            fs::write(&file, draw(&figure, scheme))?;
            println!("{}", file.display());
        }
    }
    Ok(())
}

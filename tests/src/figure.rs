//! What a measurement found, as data from which a picture is drawn.
//!
//! Each command that measures takes `--save` and then writes its figures to `docs/figures/`; `cargo run -p tests --bin plots` draws them.
//! So a picture shows one run of one command, and whoever doubts it repeats the command.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::root;

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The name of its files, as `fan-out`.
    pub name: String,
    /// What the reader sees in it, in a line.
    pub title: String,
    /// The command that measured it, from the project's folder.
    pub command: String,
    /// What a reader must know to read it right. `docs/performance.md` says when and on which machine.
    pub note: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// Lines in the order of the legend; with categories on the horizontal axis, groups of bars.
    pub series: Vec<Series>,
}

/// An axis, which may be one of numbers or one of categories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// What it shows, and its unit: `recipients`, `milliseconds`.
    pub label: String,
    /// Powers of ten have the same distance.
    #[serde(default)]
    pub logarithmic: bool,
    /// Names in place of numbers: the point `(0.0, y)` belongs to the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// A line, or the bars of one color.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Drawn with dashes, as a 99th percentile beside a median of the same color.
    #[serde(default)]
    pub dashed: bool,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

impl Axis {
    /// An axis of numbers.
    pub fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            logarithmic: false,
            categories: Vec::new(),
        }
    }

    /// An axis of numbers on which powers of ten have the same distance.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self {
            logarithmic: true,
            ..Self::linear(label)
        }
    }

    /// An axis of names.
    pub fn categories(names: Vec<String>) -> Self {
        Self {
            categories: names,
            ..Self::linear("")
        }
    }
}

impl Series {
    /// A line without dashes.
    pub fn solid(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            dashed: false,
            points,
        }
    }
}

impl Figure {
    /// What all measurements found last, in the order of their names.
    ///
    /// # Errors
    /// When a file can't be read, or is no figure.
    pub fn all() -> Result<Vec<Self>> {
        let mut figures = Vec::new();
        for entry in fs::read_dir(root().join("docs/figures")).context("docs/figures")? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let figure = serde_json::from_str(&fs::read_to_string(&path)?);
                figures.push(figure.with_context(|| path.display().to_string())?);
            }
        }
        figures.sort_by(|one: &Self, other| one.name.cmp(&other.name));
        Ok(figures)
    }

    /// Writes it to `docs/figures/`, where it replaces what an earlier run found.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save(&self) -> Result<PathBuf> {
        let folder = root().join("docs/figures");
        fs::create_dir_all(&folder).context("docs/figures")?;
        let file = folder.join(format!("{}.json", self.name));
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n").with_context(|| file.display().to_string())?;
        Ok(file)
    }
}

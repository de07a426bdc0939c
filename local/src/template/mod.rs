//! `template.yaml`: one description of routes, functions and environment, for AWS and for this machine.
//!
//! [`yaml`] reads the text and keeps positions, [`intrinsics`] evaluates `!Ref`, `!Sub` and their like, and [`model`] takes
//! from the result what the local stack serves. It refuses what it can't understand, and names the line: a guess here would
//! be a surprise after `sam deploy`. It ignores `Rules` and `Outputs`, which concern only a deployment.

mod events;
#[cfg(any(test, doc, fuzzing))]
pub mod fuzzing;
mod http;
pub mod intrinsics;
mod known;
pub mod model;
mod parameters;
mod queue;
pub mod selection;
mod timeout;
mod websocket;
mod wrong;
pub mod yaml;

use std::{collections::BTreeMap, io, path::Path};

pub use events::{QueueMapping, Schedule};
pub use http::{Cors, HttpApi, HttpRoute};
pub use model::{Function, Template};
pub use queue::{Queue, Redrive};
pub use websocket::{WebSocketApi, WebSocketRoute};
pub use wrong::Wrong;

/// Why a template can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file can't be read.
    #[error("can't read the template {path}: {source}; run this in a clone of Senna or name the file with --template")]
    Unreadable {
        /// The path that was tried.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{file} line {}, column {}: {}", .wrong.line, .wrong.column, .wrong.what)]
    Wrong {
        /// The file's name.
        file: String,
        /// Where, and what.
        wrong: Wrong,
    },
}

/// Reads the template at `path`, with these values of parameters in place of their defaults.
///
/// # Errors
/// [`TemplateError`], when the file can't be read or something in it is wrong.
pub fn read(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Template, TemplateError> {
    let text = std::fs::read_to_string(path).map_err(|source| TemplateError::Unreadable {
        path: path.display().to_string(),
        source,
    })?;
    let read = yaml::parse(&text).and_then(|root| model::build(&root, parameters));
    read.map_err(|wrong| TemplateError::Wrong {
        file: path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned(),
        wrong,
    })
}

/// Reads a template from its text, with its parameters at their defaults.
///
/// # Errors
/// [`Wrong`], at the first place that can't be understood.
pub fn parse(text: &str) -> Result<Template, Wrong> {
    model::build(&yaml::parse(text)?, &BTreeMap::new())
}

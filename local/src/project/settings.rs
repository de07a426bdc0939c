//! The environment that `cargo run` was started in, read once.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A variable has a value that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The value is no port.
    #[error("{variable} must be a port from 0 to 65535 (0 is any free one), as {variable}={example}, and is {value:?}")]
    Port {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// A value that can be used.
        example: u16,
    },
}

/// The `SOCK_*` variables of the environment. An empty one counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads this process's environment. A variable that isn't UTF-8 is left out.
    pub fn from_env() -> Self {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads the given variables.
    pub fn from_vars(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(
            named
                .filter(|(name, value)| name.starts_with("SOCK_") && !value.is_empty())
                .collect(),
        )
    }

    /// These variables, for a test.
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let variables = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Self::from_vars(variables)
    }

    /// The same with another value of this variable.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.0.clone();
        all.insert(name.to_owned(), value.to_owned());
        Self(all)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `SOCK_HTTP_HOST`: where both gateways listen.
    pub fn host(&self) -> &str {
        self.get("SOCK_HTTP_HOST").unwrap_or("localhost")
    }

    /// `SOCK_HTTP_PORT`: the REST address.
    ///
    /// # Errors
    /// [`SettingsError::Port`], when it is no port.
    pub fn http_port(&self) -> Result<u16, SettingsError> {
        self.port("SOCK_HTTP_PORT", 3005)
    }

    /// `SOCK_WS_PORT`: the WebSocket and `@connections` address.
    ///
    /// # Errors
    /// [`SettingsError::Port`], when it is no port.
    pub fn ws_port(&self) -> Result<u16, SettingsError> {
        self.port("SOCK_WS_PORT", 3006)
    }

    /// `SOCK_PAGE_PORT`: the page with two people who chat.
    ///
    /// # Errors
    /// [`SettingsError::Port`], when it is no port.
    pub fn page_port(&self) -> Result<u16, SettingsError> {
        self.port("SOCK_PAGE_PORT", 3007)
    }

    fn port(&self, variable: &'static str, default: u16) -> Result<u16, SettingsError> {
        let Some(value) = self.get(variable) else {
            return Ok(default);
        };
        value.parse().map_err(|_| SettingsError::Port {
            variable,
            value: value.to_owned(),
            example: default,
        })
    }
}

/// The folders of a workspace that the stack uses.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The workspace: where `template.yaml` is.
    pub root: PathBuf,
    /// The template itself.
    pub template: PathBuf,
}

impl Folders {
    /// The folders of the workspace that this program was built from, or those of another template.
    pub fn new(template: Option<&Path>) -> Self {
        let template = template.map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("template.yaml"),
            Path::to_owned,
        );
        let root = template
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .map_or_else(|| PathBuf::from("."), Path::to_owned);
        Self { root, template }
    }

    /// What the stack keeps between runs; git ignores it.
    pub fn state(&self) -> PathBuf {
        self.root.join(".senna")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_unless_a_variable_says_otherwise() {
        let none = Settings::of(&[("SOCK_HTTP_PORT", ""), ("OTHER", "x")]);
        assert_eq!(
            (none.host(), none.http_port(), none.ws_port()),
            ("localhost", Ok(3005), Ok(3006))
        );
        let some = Settings::of(&[
            ("SOCK_HTTP_HOST", "0.0.0.0"),
            ("SOCK_HTTP_PORT", "8080"),
            ("SOCK_WS_PORT", "0"),
        ]);
        assert_eq!(
            (some.host(), some.http_port(), some.ws_port()),
            ("0.0.0.0", Ok(8080), Ok(0))
        );
    }

    #[test]
    fn a_bad_port_names_the_variable() {
        assert_eq!(
            Settings::of(&[("SOCK_WS_PORT", "70000")])
                .ws_port()
                .unwrap_err()
                .to_string(),
            "SOCK_WS_PORT must be a port from 0 to 65535 (0 is any free one), as SOCK_WS_PORT=3006, and is \"70000\""
        );
    }
}

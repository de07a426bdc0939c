//! Which deployment a command talks to, and as whom: one set of options for `check`, `chat` and `listen`.

use std::time::Duration;

use clap::Args;

use crate::project::{
    settings::{Folders, Settings, SettingsError},
    token::{Signer, TokenError},
};

/// How long a token is good that a command signs for itself.
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// A deployment, and a user of it. Without the two addresses it is this machine's stack.
#[derive(Debug, Args)]
pub struct Deployment {
    /// The REST API, `https://…/api` (the stack's output `RestAddress`) [this machine's stack, if --socket is left out too]
    #[arg(long, value_name = "REST")]
    url: Option<String>,
    /// The WebSocket, `wss://…` with its stage if it has one (the stack's output `SocketAddress`) [this machine's stack, if --url is left out too]
    #[arg(long, value_name = "WEBSOCKET")]
    socket: Option<String>,
    /// A token of your platform
    #[arg(long)]
    token: Option<String>,
    /// The user to be, with a token that this program signs (only with HS256, HS384 and HS512)
    #[arg(long, value_name = "ID", required_unless_present = "token", conflicts_with = "token")]
    user: Option<String>,
    /// What the token of --user is signed with. Others on this machine can see it; `SOCK_JWT_SECRET` is safer [`SOCK_JWT_SECRET`, else this machine's
    /// development secret]
    #[arg(long, requires = "user")]
    secret: Option<String>,
}

/// Why a command can't begin.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The REST address of a deployment was given, and its WebSocket was not.
    #[error("give --socket too: the WebSocket of the deployment that --url names")]
    NoSocket,
    /// The other way round.
    #[error("give --url too: the REST API of the deployment that --socket names")]
    NoRest,
    /// A token was given, and another user too.
    #[error("--with needs --user: with --token this program can't sign a token for another user")]
    NoSecret,
    /// A port is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No token can be signed.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Deployment {
    /// The WebSocket's address.
    ///
    /// # Errors
    /// [`DeploymentError::NoSocket`], or [`DeploymentError::Settings`].
    pub(super) fn socket(&self, settings: &Settings) -> Result<String, DeploymentError> {
        match (&self.socket, &self.url) {
            (Some(socket), _) => Ok(socket.clone()),
            (None, Some(_)) => Err(DeploymentError::NoSocket),
            (None, None) => Ok(format!("ws://localhost:{}", settings.ws_port()?)),
        }
    }

    /// The REST API's address; `None` if only the WebSocket was given.
    ///
    /// # Errors
    /// [`DeploymentError::Settings`].
    pub(super) fn rest(&self, settings: &Settings) -> Result<Option<String>, DeploymentError> {
        match (&self.url, &self.socket) {
            (Some(url), _) => Ok(Some(url.clone())),
            (None, Some(_)) => Ok(None),
            (None, None) => Ok(Some(format!("http://localhost:{}/api", settings.http_port()?))),
        }
    }

    /// The user's token.
    ///
    /// # Errors
    /// [`DeploymentError::Token`], when it can't be signed.
    pub(super) fn token(&self, settings: &Settings, folders: &Folders) -> Result<String, DeploymentError> {
        match (&self.token, &self.user) {
            (Some(token), _) => Ok(token.clone()),
            (None, user) => self.sign(user.as_deref().unwrap_or_default(), settings, folders),
        }
    }

    /// The token of another user.
    ///
    /// # Errors
    /// [`DeploymentError::NoSecret`]; [`DeploymentError::Token`], when it can't be signed.
    pub(super) fn token_of(
        &self,
        user: &str,
        settings: &Settings,
        folders: &Folders,
    ) -> Result<String, DeploymentError> {
        match &self.token {
            Some(_) => Err(DeploymentError::NoSecret),
            None => self.sign(user, settings, folders),
        }
    }

    fn sign(&self, user: &str, settings: &Settings, folders: &Folders) -> Result<String, DeploymentError> {
        let signer = match &self.secret {
            Some(secret) => Signer::new(&settings.with("SOCK_JWT_SECRET", secret), &folders.state())?,
            None => Signer::new(settings, &folders.state())?,
        };
        Ok(signer.mint(user, TOKEN_TTL)?)
    }
}

//! A test's view of a stack.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use http::{HeaderMap, StatusCode};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::description::check;
use crate::mask::Mask;
use crate::platform::Platform;
use crate::sam::THROUGH_SAM;
use crate::stack::{SECRET, Stack};
use crate::token::Signer;
use crate::{Answer, Backend, Handshake, KEYS, Request, Topic, User, http_client, socket};

/// The `User-Agent` that the shared stack is configured with.
pub const USER_AGENT: &str = "Senna black box";
/// The sites of the shared stack, beside the default `myplatform`.
const DOMAINS: &str = "chat.red.test=red,CHAT.blue.test.:443=blue,[0::1]=six";

/// The id of the first user; every user and topic of a test process has another. Large enough to be nothing else in a body.
static NEXT_ID: AtomicU64 = AtomicU64::new(1_000_001);

/// A stack as one test sees it: with its own users, and its own placeholders in what is shown. A test has one of these.
#[derive(Clone, Debug)]
pub struct Chat {
    stack: Arc<Stack>,
    signer: Signer,
    mask: Arc<Mutex<Mask>>,
    _turn: Arc<Turn>,
}

/// Tests run side by side, but for those that measure time.
#[derive(Debug)]
enum Turn {
    Together(#[expect(dead_code, reason = "it is held, not read")] OwnedRwLockReadGuard<()>),
    Alone(#[expect(dead_code, reason = "it is held, not read")] OwnedRwLockWriteGuard<()>),
}

impl Turn {
    fn lock() -> Arc<RwLock<()>> {
        static LOCK: OnceLock<Arc<RwLock<()>>> = OnceLock::new();
        Arc::clone(LOCK.get_or_init(Arc::default))
    }

    async fn together() -> Self {
        Self::Together(Self::lock().read_owned().await)
    }

    async fn alone() -> Self {
        Self::Alone(Self::lock().write_owned().await)
    }
}

impl Chat {
    /// The stack that tests share.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn shared() -> Result<Self> {
        Self::on_shared(Turn::together().await)
    }

    /// The shared stack while no other test runs: for what is measured in time.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn shared_alone() -> Result<Self> {
        Self::on_shared(Turn::alone().await)
    }

    /// A stack of the test's own, with these variables, whose tokens are signed with [`SECRET`].
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn own(variables: &[(&str, &str)]) -> Result<Self> {
        Self::own_signed(variables, Signer::secret(Algorithm::HS256, SECRET)).await
    }

    /// A stack of the test's own, with these flags and variables.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn own_with(flags: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let turn = Turn::together().await;
        let signer = Signer::secret(Algorithm::HS256, SECRET);
        Ok(Self::new(Arc::new(Stack::start_with(flags, variables)?), signer, turn))
    }

    /// A stack of the test's own, with another signer of tokens.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn own_signed(variables: &[(&str, &str)], signer: Signer) -> Result<Self> {
        let turn = Turn::together().await;
        Ok(Self::new(Arc::new(Stack::start(variables)?), signer, turn))
    }

    fn on_shared(turn: Turn) -> Result<Self> {
        static SHARED: OnceLock<Result<Arc<Stack>, String>> = OnceLock::new();
        let start = || {
            let variables = [
                ("SOCK_DOMAINS", DOMAINS),
                ("SOCK_API_URL", platform()?.url()),
                ("SOCK_API_USER_AGENT", USER_AGENT),
                ("SOCK_PLATFORM_KEY", KEYS),
            ];
            let stack = if env::var_os(THROUGH_SAM).is_some() {
                Stack::start_with_sam(&variables)
            } else {
                Stack::start(&variables)
            };
            stack.map(Arc::new)
        };
        let shared = SHARED.get_or_init(|| start().map_err(|error| format!("{error:#}")));
        let stack = shared.clone().map_err(|error| anyhow!(error))?;
        Ok(Self::new(stack, Signer::secret(Algorithm::HS256, SECRET), turn))
    }

    fn new(stack: Arc<Stack>, signer: Signer, turn: Turn) -> Self {
        Self {
            stack,
            signer,
            mask: Arc::default(),
            _turn: Arc::new(turn),
        }
    }

    /// The stack itself.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The platform of the shared stack.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn platform(&self) -> Result<&'static Platform> {
        platform()
    }

    /// Who signs this stack's tokens.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// New users with numeric ids that grow in this order. In what is shown they have these names.
    pub fn users<const N: usize>(&self, names: [&str; N]) -> [User; N] {
        self.ids(names).map(|id| self.user(&json!(id)))
    }

    /// New topics with numeric ids, as [`Chat::users`] makes users.
    pub fn topics<const N: usize>(&self, names: [&str; N]) -> [Topic; N] {
        self.ids(names).map(|id| Topic { id: json!(id) })
    }

    fn ids<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        // One step, so that another test's ids don't come between.
        let first = NEXT_ID.fetch_add(N as u64, Ordering::Relaxed);
        let mut number = first;
        names.map(|name| {
            let id = number;
            number += 1;
            self.with_mask(|mask| mask.name(id, name));
            id
        })
    }

    /// The user with this id.
    pub fn user(&self, id: &Value) -> User {
        User::new(self.clone(), id.clone())
    }

    /// The platform's own server.
    pub fn backend(&self) -> Backend {
        Backend::new(self.clone())
    }

    /// Sends a request to the REST address; the path begins after `/api`.
    ///
    /// # Errors
    /// When there is no answer in time, or none in JSON.
    pub async fn rest(&self, request: Request) -> Result<Answer> {
        let (_, base) = self.rest_address()?;
        let request = Request {
            path: format!("{base}{}", request.path),
            ..request
        };
        let (status, headers, body) = self.exchange(request).await?;
        Answer::new(status.as_u16(), headers, body)
    }

    /// Sends a request to the REST address, whatever its path, and returns the whole response.
    ///
    /// # Errors
    /// When there is no answer in time, or it is not as the description of the API has it.
    pub async fn exchange(&self, request: Request) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let (address, base) = self.rest_address()?;
        // The description knows no stage.
        let stage = base.strip_suffix("/api").unwrap_or_default();
        let path = request.path.strip_prefix(stage).unwrap_or(&request.path);
        let described = Request {
            path: path.to_owned(),
            ..request.clone()
        };
        let (status, headers, body) = http_client::exchange(address, request).await?;
        check::rest(&described, status.as_u16(), &headers, &body)?;
        Ok((status, headers, body))
    }

    /// Host and port of the REST address, and its path.
    ///
    /// # Errors
    /// When the stack gave an address of another form.
    pub fn rest_address(&self) -> Result<(&str, &str)> {
        let rest = self
            .stack
            .addresses
            .rest
            .strip_prefix("http://")
            .context("REST is HTTP")?;
        let slash = rest.find('/').context("REST has a path")?;
        Ok(rest.split_at(slash))
    }

    /// Begins a WebSocket connection with this path (`/`, or with stage and query) and these headers.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn handshake(&self, path: &str, headers: &[(&str, &str)]) -> Result<Handshake> {
        socket::handshake(self.websocket_address()?, path, headers, None).await
    }

    /// Host and port of the WebSocket address.
    ///
    /// # Errors
    /// When the stack gave an address of another form.
    pub fn websocket_address(&self) -> Result<&str> {
        self.stack
            .addresses
            .websocket
            .strip_prefix("ws://")
            .context("the WebSocket address begins with ws://")
    }

    /// An answer with placeholders, for a snapshot.
    pub fn shown(&self, answer: &Answer) -> String {
        format!("{} {}", answer.status, self.shown_json(&answer.body))
    }

    /// A body or frame with placeholders, for a snapshot.
    pub fn shown_json(&self, value: &Value) -> String {
        self.with_mask(|mask| mask.shown(value))
    }

    /// A text with placeholders, for a snapshot.
    pub fn shown_text(&self, text: &str) -> String {
        self.with_mask(|mask| mask.text(text))
    }

    fn with_mask<T>(&self, act: impl FnOnce(&mut Mask) -> T) -> T {
        act(&mut self.mask.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn platform() -> Result<&'static Platform> {
    static PLATFORM: OnceLock<Result<Platform, String>> = OnceLock::new();
    let platform = PLATFORM.get_or_init(|| Platform::start().map_err(|error| format!("{error:#}")));
    platform.as_ref().map_err(|error| anyhow!("{error}"))
}

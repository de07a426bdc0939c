//! The connections that are open, by id.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use tokio::sync::{mpsc, watch};

use crate::aws::clock;

/// A connection, from the start of its handshake to the end of its `$disconnect`.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) connected_at_ms: i64,
    pub(crate) source_ip: IpAddr,
    pub(crate) user_agent: Option<String>,
    /// The `Host` that the client connected to.
    pub(crate) domain: String,
    /// Messages on their way to the client. Bounded: a client that doesn't read must not fill our memory.
    pub(crate) outgoing: mpsc::Sender<String>,
    /// Whether the connection is between the end of its handshake and its own end. Only then can functions push to it.
    open: AtomicBool,
    last_active_ms: AtomicI64,
    close: watch::Sender<Option<End>>,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// `disconnectStatusCode`.
    pub(crate) code: u16,
    /// `disconnectReason`.
    pub(crate) reason: String,
    /// What the client sees of the end.
    pub(crate) goodbye: Goodbye,
}

/// What a client sees of the end of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// A close frame with the code and reason of the end.
    Frame,
    /// The answer to its own close frame.
    Answer,
    /// Nothing: it has gone without a close frame.
    Nothing,
    /// Its TCP connection is reset.
    Reset,
}

impl End {
    /// The gateway ends the connection, with `code`.
    pub(crate) fn by_gateway(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            goodbye: Goodbye::Frame,
        }
    }

    /// The connection was idle for too long, or is too old.
    pub(crate) fn going_away() -> Self {
        Self::by_gateway(1001, "Going away")
    }

    /// A `DELETE @connections/{id}` ends the connection. The reason is from a recorded `$disconnect`.
    pub(crate) fn deleted() -> Self {
        Self::by_gateway(1000, "Connection Closed Normally")
    }

    /// The client ends the connection. Without a code it is 1005, with the reason of a recorded event.
    pub(crate) fn by_client(code_and_reason: Option<(u16, String)>) -> Self {
        let (code, reason) =
            code_and_reason.unwrap_or_else(|| (1005, "Client-side close frame status not set".to_owned()));
        Self {
            code,
            reason,
            goodbye: Goodbye::Answer,
        }
    }

    /// The TCP connection was lost. No reason is recorded, so it is empty.
    pub(crate) fn lost() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
            goodbye: Goodbye::Nothing,
        }
    }

    /// The control address cut the TCP connection.
    pub(crate) fn cut() -> Self {
        Self {
            goodbye: Goodbye::Reset,
            ..Self::lost()
        }
    }
}

/// Why a message could not be handed to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushError {
    /// It is not open, or not yet.
    Gone,
    /// The most messages that may wait for the client are waiting.
    Full,
}

impl Connection {
    /// A connection whose handshake begins.
    pub(crate) fn new(
        id: String,
        (source_ip, user_agent): (IpAddr, Option<String>),
        domain: String,
        outgoing: mpsc::Sender<String>,
    ) -> Self {
        let now_ms = clock::now_ms();
        Self {
            id,
            connected_at_ms: now_ms,
            source_ip,
            user_agent,
            domain,
            outgoing,
            open: AtomicBool::new(false),
            last_active_ms: AtomicI64::new(now_ms),
            close: watch::Sender::new(None),
        }
    }

    /// The handshake has ended, and the idle time begins.
    fn opened(&self) {
        self.touch();
        self.open.store(true, Ordering::Release);
    }

    /// The end has come.
    pub(crate) fn closed(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Whether it can be pushed to.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Notes that there was a message, in either direction.
    pub(crate) fn touch(&self) {
        self.last_active_ms.store(clock::now_ms(), Ordering::Relaxed);
    }

    /// When the last message went in either direction.
    pub(crate) fn last_active_ms(&self) -> i64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }

    /// Hands a message over, without waiting.
    pub(crate) fn push(&self, message: String) -> Result<(), PushError> {
        if !self.is_open() {
            return Err(PushError::Gone);
        }
        self.outgoing.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PushError::Full,
            mpsc::error::TrySendError::Closed(_) => PushError::Gone,
        })
    }

    /// Asks the connection to end; false when it is not open.
    pub(crate) fn close(&self, end: End) -> bool {
        let open = self.open.swap(false, Ordering::AcqRel);
        if open {
            self.close.send_replace(Some(end));
        }
        open
    }

    /// Waits until somebody asks the connection to end.
    pub(crate) async fn asked_to_close(&self) -> End {
        let mut asked = self.close.subscribe();
        match asked.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_else(End::lost),
            // The sender is in `self`.
            Err(_) => End::lost(),
        }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<BTreeMap<String, Arc<Connection>>>,
    count: watch::Sender<usize>,
    /// Set when the stack stops: a connection whose handshake ends later ends at once, in this way.
    closing: OnceLock<End>,
}

impl Registry {
    /// Adds a connection.
    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        self.change(|all| {
            all.insert(connection.id.clone(), Arc::clone(connection));
        });
    }

    /// Removes a connection whose `$disconnect` has run.
    pub(crate) fn remove(&self, id: &str) {
        self.change(|all| {
            all.remove(id);
        });
    }

    /// The connection with this id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// The connections that are open.
    pub(crate) fn open(&self) -> Vec<Arc<Connection>> {
        let all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.values()
            .filter(|connection| connection.is_open())
            .cloned()
            .collect()
    }

    /// Opens a connection whose handshake has ended, and asks it to end at once if all were asked in the meantime.
    pub(crate) fn opened(&self, connection: &Connection) {
        // It holds the lock that `close_all` takes, so one of the two always sees what the other did.
        let _all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connection.opened();
        if let Some(end) = self.closing.get() {
            connection.close(end.clone());
        }
    }

    /// Asks every connection to end, now or as soon as its handshake has ended. This can't be undone.
    pub(crate) fn close_all(&self, end: &End) {
        let all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.closing.get_or_init(|| end.clone());
        for connection in all.values() {
            connection.close(end.clone());
        }
    }

    /// Waits until there is no connection left.
    pub(crate) async fn all_gone(&self) {
        // It can't fail: the sender is in `self`.
        drop(self.count.subscribe().wait_for(|count| *count == 0).await);
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Connection>>)) {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut all);
        self.count.send_replace(all.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_in_its_handshake_ends_with_all_others() {
        let registry = Registry::default();
        let connection = |id: &str| {
            let client = (IpAddr::from([127, 0, 0, 1]), None);
            let connection = Arc::new(Connection::new(
                id.to_owned(),
                client,
                String::new(),
                mpsc::channel(1).0,
            ));
            registry.add(&connection);
            connection
        };
        let (open, in_handshake) = (connection("open"), connection("in handshake"));
        registry.opened(&open);
        assert!(open.is_open());
        registry.close_all(&End::going_away());
        registry.opened(&in_handshake);
        for connection in [open, in_handshake] {
            assert!(!connection.is_open(), "{}", connection.id);
            assert_eq!(*connection.close.borrow(), Some(End::going_away()), "{}", connection.id);
        }
    }
}

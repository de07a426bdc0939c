//! A store of its own for each rule, with a clock that the rule sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use local::redis::{Options, RedisServer};
use redis::cluster::ClusterClient;
use redis::{Client, TlsCertificates};
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;
use shared::domain::{
    Body, BodyKind, ConnectionId, Conversation, Domain, EventLogBounds, Id, MessageId, Page, Target, User, Window,
};
use shared::ports::{Change, Clock, Delivered, History, Notice, Store, Unavailable};

/// Small enough to be reached.
pub(crate) const BOUNDS: EventLogBounds = EventLogBounds {
    length: 200,
    age_ms: 60_000,
};
/// A moment in 2025.
pub(crate) const NOW: u64 = 1_750_000_000_000;

pub(crate) fn server() -> RedisServer {
    RedisServer::start(&Options::default()).unwrap()
}

/// Where servers are, and whose signature they show.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) urls: Vec<String>,
    pub(crate) authority: Option<String>,
}

impl Address {
    pub(crate) fn of(server: &RedisServer) -> Self {
        Self::from_url(server.url())
    }

    pub(crate) fn from_url(url: String) -> Self {
        Self {
            urls: vec![url],
            authority: None,
        }
    }

    /// The same servers for another user, who has a password.
    pub(crate) fn as_user(&self, user_and_password: &str) -> Self {
        let url = |url: &String| url.replace("://", &format!("://{user_and_password}@"));
        Self {
            urls: self.urls.iter().map(url).collect(),
            ..self.clone()
        }
    }
}

/// A clock that stands still until it is set.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A store whose keys no one else uses, and two users who talk.
pub(crate) struct World {
    pub(crate) store: RedisStore<TestClock>,
    pub(crate) clock: TestClock,
    pub(crate) anna: User,
    pub(crate) ben: User,
    pub(crate) chat: Conversation,
    admin: Address,
    prefix: String,
}

impl World {
    pub(crate) async fn new(address: &Address) -> Self {
        Self::with_admin(address, address).await
    }

    /// `admin` is where a rule that takes data away by itself does so.
    pub(crate) async fn with_admin(address: &Address, admin: &Address) -> Self {
        static PREFIXES: AtomicU64 = AtomicU64::new(1);
        let prefix = format!("test-{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
        Self::of_prefix(prefix, address, admin).await
    }

    /// Another process: the same data by another store.
    pub(crate) async fn elsewhere(&self, address: &Address) -> Self {
        Self::of_prefix(self.prefix.clone(), address, &self.admin).await
    }

    async fn of_prefix(prefix: String, address: &Address, admin: &Address) -> Self {
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let config = RedisConfig {
            urls: address.urls.clone(),
            authority: address.authority.clone(),
            prefix: prefix.clone(),
        };
        let store = RedisStore::connect(config, clock.clone()).await.unwrap();
        let (anna, ben) = (user("site", "1"), user("site", "ben"));
        let chat = Conversation::of(&anna, &Target::User(ben.id.clone()));
        Self {
            store,
            clock,
            anna,
            ben,
            chat,
            admin: admin.clone(),
            prefix,
        }
    }

    pub(crate) async fn say(&self, author: &User, content: &str) -> Change {
        self.try_to_say(author, content).await.unwrap()
    }

    pub(crate) async fn try_to_say(&self, author: &User, content: &str) -> Result<Change, Unavailable> {
        self.store
            .append_message(&self.chat, &author.id, &text(content), None, None)
            .await
    }

    /// The whole of a send: the conversation, then both inboxes.
    pub(crate) async fn send(&self, author: &User, content: &str) -> Change {
        let change = self.say(author, content).await;
        for participant in [&self.anna, &self.ben] {
            self.deliver(participant, &change, change.sent_by(&participant.id))
                .await;
        }
        change
    }

    pub(crate) async fn deliver(&self, to: &User, change: &Change, read_seq: u64) -> Delivered {
        let notice = Notice {
            change,
            conversation: &self.chat,
            read_seq,
            bounds: BOUNDS,
        };
        self.store.deliver(to, &notice).await.unwrap()
    }

    pub(crate) async fn delete(&self, author: &User, id: MessageId) -> Change {
        self.store
            .delete_message(&self.chat, id, &author.id)
            .await
            .unwrap()
            .unwrap()
    }

    /// The keys of the conversation that every message touches.
    pub(crate) fn chat_keys(&self) -> [String; 3] {
        let tag = format!("{{{}:{}}}", self.prefix, self.chat.key());
        ["log", "gone", "meta"].map(|part| format!("{tag}:{part}"))
    }

    /// The key by id of a connection.
    pub(crate) fn connection_key(&self, id: &ConnectionId) -> String {
        format!("{{{}:connection:{id}}}", self.prefix)
    }

    /// Takes the conversation's keys away, as if its server had never had them.
    pub(crate) async fn forget_conversation(&self) {
        let mut builder = ClusterClient::builder(self.admin.urls.iter().map(String::as_str));
        if let Some(pem) = &self.admin.authority {
            builder = builder.certs(TlsCertificates {
                client_tls: None,
                root_cert: Some(pem.clone().into_bytes()),
            });
        }
        let mut delete = redis::cmd("DEL");
        delete.arg(&self.chat_keys());
        if let Ok(mut connection) = builder.build().unwrap().get_async_connection().await {
            return delete.exec_async(&mut connection).await.unwrap();
        }
        let client = Client::open(self.admin.urls[0].as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        delete.exec_async(&mut connection).await.unwrap();
    }

    pub(crate) async fn history(&self, window: Window) -> History {
        self.store.history(&self.chat, &window).await.unwrap().unwrap()
    }
}

pub(crate) fn user(domain: &str, id: &str) -> User {
    User {
        domain: Domain::parse(domain).unwrap(),
        id: Id::parse(id).unwrap(),
    }
}

pub(crate) fn text(content: &str) -> Body {
    Body::new(BodyKind::Text, content.to_owned()).unwrap()
}

pub(crate) fn page(number: u64, per_page: u64) -> Window {
    Window::Page(Page { number, per_page })
}

pub(crate) fn texts(history: &History) -> Vec<&str> {
    history.messages.iter().map(|message| message.body.content()).collect()
}

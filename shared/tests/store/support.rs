//! A store of its own for each rule, with a clock that the rule sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use local::redis_server::{Options, RedisServer};
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;
use shared::domain::{Body, BodyKind, Conversation, Domain, EventLogBounds, Id, MessageId, Page, Target, User, Window};
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
    url: String,
    prefix: String,
}

impl World {
    pub(crate) async fn new(url: &str) -> Self {
        static PREFIXES: AtomicU64 = AtomicU64::new(1);
        let prefix = format!("test-{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let config = RedisConfig {
            url: url.to_owned(),
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
            url: url.to_owned(),
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

    /// Takes the conversation's keys away, as if its server had never had them.
    pub(crate) async fn forget_conversation(&self) {
        let tag = format!("{{{}:{}}}", self.prefix, self.chat.key());
        let keys = ["log", "gone", "meta"].map(|part| format!("{tag}:{part}"));
        let mut delete = redis::cmd("DEL");
        delete.arg(&keys);
        let cluster = redis::cluster::ClusterClient::new([self.url.as_str()]).unwrap();
        if let Ok(mut connection) = cluster.get_async_connection().await {
            return delete.exec_async(&mut connection).await.unwrap();
        }
        let client = redis::Client::open(self.url.as_str()).unwrap();
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

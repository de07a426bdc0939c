//! A store of its own for each rule, with a clock that the rule sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use local::redis::{Options, RedisServer};
use redis::cluster::ClusterClient;
use redis::{Client, TlsCertificates};
use shared::adapters::redis::RedisStore;
use shared::app::Usage;
use shared::config::RedisConfig;
use shared::domain::limits::{CONNECTIONS_MAX, TOPIC_MEMBERS_MAX};
use shared::domain::{
    Actor, Admission, Asker, Body, BodyKind, ConnectionId, Conversation, Cursor, Decision, Domain, Draft, Edit, Id,
    InboxWindow, Limits, Member, MessageId, MetadataEdit, Page, Principal, Reaction, Remark, RetryKey, Role,
    SettingsEdit, Target, TopicClaim, TopicMember, User, Window,
};
use shared::ports::{
    Clock, Filed, Gate as _, GateError, History, Inbox, InboxEntry, Moderation as _, PageBounds, Set, Store,
    StoreError, Terms, Told,
};

use crate::releases::Edits;

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
    config: RedisConfig,
    /// What every release of this world writes in its scripts.
    edits: Edits,
}

/// A log of few messages has segments of every kind: whole ones, and such whose first positions were moved away.
const SHORT_SEGMENTS: Edits = &[
    ("local SEGMENT = 32", "local SEGMENT = 3"),
    ("local LISTED = 64", "local LISTED = 1"),
];

impl World {
    pub(crate) async fn with_short_segments(address: &Address) -> Self {
        Self::of_prefix(Self::new_prefix(), address, address, SHORT_SEGMENTS).await
    }

    pub(crate) async fn new(address: &Address) -> Self {
        Self::with_admin(address, address).await
    }

    /// `admin` is where a rule that takes data away by itself does so.
    pub(crate) async fn with_admin(address: &Address, admin: &Address) -> Self {
        Self::of_prefix(Self::new_prefix(), address, admin, &[]).await
    }

    fn new_prefix() -> String {
        static PREFIXES: AtomicU64 = AtomicU64::new(1);
        format!("test-{}", PREFIXES.fetch_add(1, Ordering::Relaxed))
    }

    /// Another release: the same data by a store whose scripts were edited so.
    pub(crate) async fn as_release(&self, edits: Edits) -> Self {
        let own = Box::leak([self.edits, edits].concat().into_boxed_slice());
        let store = RedisStore::connect_as(self.config.clone(), self.clock.clone(), own)
            .await
            .unwrap();
        Self {
            store,
            clock: self.clock.clone(),
            anna: self.anna.clone(),
            ben: self.ben.clone(),
            chat: self.chat.clone(),
            admin: self.admin.clone(),
            prefix: self.prefix.clone(),
            config: self.config.clone(),
            edits: self.edits,
        }
    }

    /// Another process: the same data by another store.
    pub(crate) async fn elsewhere(&self, address: &Address) -> Self {
        Self::of_prefix(self.prefix.clone(), address, &self.admin, self.edits).await
    }

    async fn of_prefix(prefix: String, address: &Address, admin: &Address, edits: Edits) -> Self {
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let config = RedisConfig {
            urls: address.urls.clone(),
            authority: address.authority.clone(),
            prefix: prefix.clone(),
        };
        let store = RedisStore::connect_as(config.clone(), clock.clone(), edits)
            .await
            .unwrap();
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
            config,
            edits,
        }
    }

    /// The first step of a send.
    pub(crate) async fn say(&self, author: &User, content: &str) -> Decision {
        self.try_to_say(author, content).await.unwrap()
    }

    pub(crate) async fn try_to_say(&self, author: &User, content: &str) -> Result<Decision, StoreError> {
        self.append(author, &draft(content)).await
    }

    pub(crate) async fn append(&self, author: &User, draft: &Draft) -> Result<Decision, StoreError> {
        self.store
            .append_message(&self.chat, &open(author), draft, TOPIC_MEMBERS_MAX)
            .await
    }

    /// The whole of a send of more than a text.
    pub(crate) async fn send_draft(&self, author: &User, draft: &Draft) -> Decision {
        self.finish(self.append(author, draft).await.unwrap()).await
    }

    /// The whole of a send.
    pub(crate) async fn send(&self, author: &User, content: &str) -> Decision {
        self.finish(self.say(author, content).await).await
    }

    /// The second step of a write: all members are told.
    pub(crate) async fn finish(&self, decision: Decision) -> Decision {
        for member in &decision.projection.members {
            let told = self.store.tell(&self.chat, &decision.projection, member);
            told.await.unwrap();
        }
        decision
    }

    pub(crate) async fn tell(&self, to: &User, decision: &Decision) -> Told {
        let members = &decision.projection.members;
        let member = members.iter().find(|member| member.id == to.id).unwrap();
        self.store.tell(&self.chat, &decision.projection, member).await.unwrap()
    }

    pub(crate) async fn update(&self, by: &User, id: MessageId, edit: &Edit) -> Result<Decision, StoreError> {
        self.store.update_message(&self.chat, id, &open(by), edit, None).await
    }

    pub(crate) async fn edit(&self, author: &User, id: MessageId, content: &str) -> Decision {
        self.update(author, id, &new_text(content)).await.unwrap()
    }

    pub(crate) async fn see(&self, reader: &User, id: MessageId) -> Decision {
        self.update(reader, id, &SEEN).await.unwrap()
    }

    pub(crate) async fn delete(&self, author: &User, id: MessageId) -> Decision {
        self.store
            .delete_message(&self.chat, id, &acting(author))
            .await
            .unwrap()
    }

    /// Adds a member to the topic, or gives one a role.
    pub(crate) async fn put(&self, by: &Actor, member: &User, role: Option<Role>) -> Result<Decision, StoreError> {
        self.store
            .put_member(&self.chat, by, &member.id, role, TOPIC_MEMBERS_MAX)
            .await
    }

    /// The platform makes someone a member with that role.
    pub(crate) async fn make(&self, member: &User, role: Role) -> Decision {
        let made = self.put(&Actor::Platform, member, Some(role)).await;
        self.finish(made.unwrap()).await
    }

    /// The whole of a join of one's own.
    pub(crate) async fn join(&self, user: &User) -> Decision {
        let joined = self.put(&Actor::User(open(user)), user, None).await;
        self.finish(joined.unwrap()).await
    }

    /// The first step of leaving.
    pub(crate) async fn go(&self, user: &User) -> Decision {
        let gone = self.store.remove_member(&self.chat, &Actor::Platform, &user.id);
        gone.await.unwrap()
    }

    /// The whole of leaving.
    pub(crate) async fn leave(&self, user: &User) -> Decision {
        self.finish(self.go(user).await).await
    }

    /// The members of the topic and their roles.
    pub(crate) async fn members(&self) -> Vec<(String, Role)> {
        let members = self.store.members(&self.chat, &open(&self.anna)).await.unwrap();
        let member = |member: TopicMember| (member.id.to_string(), member.role);
        members.into_iter().map(member).collect()
    }

    /// The whole of a move of a read position.
    pub(crate) async fn read(&self, by: &User, up_to: Option<MessageId>) -> Decision {
        let moved = self.store.read_up_to(&self.chat, &by.id, up_to).await;
        self.finish(moved.unwrap().unwrap()).await
    }

    /// Gives a reaction, or takes it back.
    pub(crate) async fn react(
        &self,
        by: &User,
        id: MessageId,
        reaction: &str,
        give: bool,
    ) -> Result<Decision, StoreError> {
        let reaction = Reaction::parse(reaction).unwrap();
        self.store.react(&self.chat, id, &by.id, &reaction, give).await
    }

    /// The whole of a change of settings.
    pub(crate) async fn set(&self, user: &User, edit: SettingsEdit) -> Option<Set> {
        let target = self.chat.as_seen_by(&user.id);
        self.store.set(user, &target, edit).await.unwrap()
    }

    /// Reports a message as that user.
    pub(crate) async fn report(&self, by: &Asker, id: MessageId, reason: &str) -> Result<Filed, StoreError> {
        let reason = Remark::parse(reason).unwrap();
        let complaint = self.store.complaint(&self.chat, by, id, &reason).await?;
        self.store.file(&complaint).await
    }

    /// Records a connection; false if the user may not have it.
    pub(crate) async fn opens(&self, user: &User, id: &ConnectionId, opened_ms: u64) -> bool {
        let opened = self.store.open_connection(&principal(user), id, opened_ms, TERMS).await;
        match opened {
            Ok(_) => true,
            Err(GateError::Refused(_)) => false,
            Err(GateError::Unavailable(error)) => panic!("{error}"),
        }
    }

    /// The user who owns a connection.
    pub(crate) async fn connection(&self, id: &ConnectionId) -> Option<Principal> {
        let frame = self.store.frame(id, None).await.unwrap();
        frame.map(|frame| frame.principal)
    }

    /// Admission without limits.
    pub(crate) fn usage(&self) -> Usage<'_> {
        Usage {
            gate: &self.store,
            clock: &self.clock,
            limits: &Limits::OFF,
        }
    }

    /// The first entries of an inbox, hidden ones left out. The unread messages of all that are not muted sum up to what is kept apart.
    pub(crate) async fn inbox(&self, of: &User) -> Inbox {
        let page = Page {
            number: 1,
            per_page: 100,
        };
        let inbox = self.store.inbox(of, &page.into()).await.unwrap();
        let hidden = self.hidden(of).await;
        let counted = inbox
            .entries
            .iter()
            .chain(&hidden)
            .filter(|entry| !entry.settings.muted);
        let sum = counted.map(|entry| entry.unread).sum::<u64>();
        assert_eq!(inbox.unread_total, sum, "the total is kept apart and must agree");
        inbox
    }

    /// What a user has hidden.
    pub(crate) async fn hidden(&self, of: &User) -> Vec<InboxEntry> {
        let page = Page {
            number: 1,
            per_page: 100,
        };
        let window = InboxWindow {
            hidden: true,
            ..page.into()
        };
        self.store.inbox(of, &window).await.unwrap().entries
    }

    /// The entry of the conversation in that user's slot, also one that the inbox does not show.
    pub(crate) async fn entry(&self, of: &User) -> Option<InboxEntry> {
        let all = self
            .store
            .changed_entries(of, Some(Cursor::default()), PageBounds::BODY);
        let own_name = self.chat.as_seen_by(&of.id);
        let entries = all.await.unwrap().entries.into_iter().map(|(_, entry)| entry);
        entries.into_iter().find(|entry| entry.target == own_name)
    }

    pub(crate) async fn unread(&self, of: &User) -> u64 {
        self.inbox(of).await.unread_total
    }

    /// The keys of the conversation.
    pub(crate) fn chat_keys(&self) -> [String; 8] {
        let tag = format!("{{{}:{}}}", self.prefix, self.chat.key());
        let parts = [
            "log",
            "meta",
            "members",
            "gone",
            "stamps",
            "mentions",
            "reactions",
            "watching",
        ];
        parts.map(|part| format!("{tag}:{part}"))
    }

    /// Whether somebody has not read a mention in the conversation.
    pub(crate) async fn has_mentions(&self) -> bool {
        self.command(redis::cmd("EXISTS").arg(&self.chat_keys()[5])).await == redis::Value::Int(1)
    }

    /// The keys of a user's slot.
    pub(crate) fn user_keys(&self, user: &User) -> [String; 9] {
        let tag = format!("{{{}:{}:user:{}}}", self.prefix, user.domain, user.id);
        let parts = [
            "inbox",
            "entries",
            "changed",
            "meta",
            "connections",
            "hidden",
            "watchers",
            "limits",
            "opened",
        ];
        parts.map(|part| format!("{tag}:{part}"))
    }

    /// The key by id of a connection.
    pub(crate) fn connection_key(&self, id: &ConnectionId) -> String {
        format!("{{{}:connection:{id}}}", self.prefix)
    }

    /// Takes keys away, as if their server had never had them.
    pub(crate) async fn forget(&self, keys: &[String]) {
        let mut delete = redis::cmd("DEL");
        delete.arg(keys);
        self.command(&delete).await;
    }

    /// Sends a command to the server of its keys.
    pub(crate) async fn command(&self, command: &redis::Cmd) -> redis::Value {
        let mut builder = ClusterClient::builder(self.admin.urls.iter().map(String::as_str));
        if let Some(pem) = &self.admin.authority {
            builder = builder.certs(TlsCertificates {
                client_tls: None,
                root_cert: Some(pem.clone().into_bytes()),
            });
        }
        if let Ok(mut connection) = builder.build().unwrap().get_async_connection().await {
            return command.query_async(&mut connection).await.unwrap();
        }
        let client = Client::open(self.admin.urls[0].as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }

    pub(crate) async fn history(&self, window: Window) -> History {
        self.history_for(&self.anna, window).await
    }

    /// A part of the conversation as that user is shown it.
    pub(crate) async fn history_for(&self, reader: &User, window: Window) -> History {
        self.store.history(&self.chat, &open(reader), &window).await.unwrap()
    }

    /// The same, back in the direct conversation.
    pub(crate) fn direct(mut self) -> Self {
        self.chat = Conversation::of(&self.anna, &Target::User(self.ben.id.clone()));
        self
    }

    /// The same with a topic in place of the direct conversation.
    pub(crate) fn in_topic(mut self, id: &str) -> Self {
        self.chat = Conversation::of(&self.anna, &Target::Topic(Id::parse(id).unwrap()));
        self
    }
}

pub(crate) fn user(domain: &str, id: &str) -> User {
    User {
        domain: Domain::parse(domain).unwrap(),
        id: Id::parse(id).unwrap(),
    }
}

/// The conditions for new connections, unless a rule is about them.
pub(crate) const TERMS: Terms<'_> = Terms {
    connections_max: CONNECTIONS_MAX,
    takings: &[],
};

/// A user without further claims.
pub(crate) fn principal(user: &User) -> Principal {
    Principal {
        user: user.clone(),
        topics: TopicClaim::default(),
        until_ms: None,
        issued_ms: None,
    }
}

/// How that member is after a decision.
pub(crate) fn own<'a>(decision: &'a Decision, user: &User) -> &'a Member {
    let mut members = decision.projection.members.iter();
    members.find(|member| member.id == user.id).unwrap()
}

/// A user who asks where anyone may.
pub(crate) fn open(user: &User) -> Asker {
    Asker {
        id: user.id.clone(),
        admission: Admission::Open,
    }
}

/// A user who acts where everyone may act.
pub(crate) fn acting(user: &User) -> Actor {
    Actor::User(open(user))
}

/// A user who asks where only members may.
pub(crate) fn closed(user: &User) -> Asker {
    Asker {
        id: user.id.clone(),
        admission: Admission::Members,
    }
}

/// A message that says this and nothing else.
pub(crate) fn draft(content: &str) -> Draft {
    Draft {
        body: text(content),
        metadata: None,
        reply_to: None,
        mentions: Vec::new(),
        retry_key: None,
    }
}

/// The same with a retry key.
pub(crate) fn with_key(content: &str, key: &str) -> Draft {
    Draft {
        retry_key: Some(RetryKey::parse(key).unwrap()),
        ..draft(content)
    }
}

pub(crate) fn text(content: &str) -> Body {
    Body::new(BodyKind::Text, content.to_owned()).unwrap()
}

/// An edit of a text.
pub(crate) fn new_text(content: &str) -> Edit {
    Edit {
        text: Some(text(content)),
        seen: false,
        ..SEEN
    }
}

/// What someone else than the author asks for.
pub(crate) const SEEN: Edit = Edit {
    text: None,
    image: None,
    metadata: MetadataEdit::Keep,
    seen: true,
};

pub(crate) fn page(number: u64, per_page: u64) -> Window {
    Window::Page(Page { number, per_page })
}

pub(crate) fn texts(history: &History) -> Vec<&str> {
    history.messages.iter().map(|message| message.body.content()).collect()
}

//! A conversation, and everybody who may try to use it.

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Socket, Target, Topic, User, upload};
use tokio::sync::OnceCell;

/// The host of another site on the same stack.
const OTHER_SITE: &str = "chat.red.test";

/// The key of the platform's server.
const KEY: &str = "the-key-of-the-platform-in-the-tests-of-access";

/// The end of a ban for ever, as Redis has it.
const FOR_EVER_MS: u64 = 9_007_199_254_740_991;

/// `SOCK_TOPIC_ACCESS` of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    Claim,
    Platform,
}

/// The kind of conversation with which a table is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A direct conversation.
    Direct,
    /// A topic. With `claim`, whether the callers' tokens name it.
    Topic { access: Access, is_named: bool },
}

impl Place {
    /// The places that a table is about, by the heading above it.
    ///
    /// # Errors
    /// When there is no such heading.
    pub(crate) fn named(heading: &str) -> Result<Vec<Self>> {
        let topic = |access, is_named| Self::Topic { access, is_named };
        Ok(match heading {
            "Direct conversations" | "Banned users and revoked tokens" => vec![Self::Direct],
            "Topics that are open to the caller" => vec![topic(Access::Open, false), topic(Access::Claim, true)],
            "Topics that the token does not name" => vec![topic(Access::Claim, false)],
            "Topics of the platform" => vec![topic(Access::Platform, false)],
            "The platform's server" => vec![Self::Direct, topic(Access::Open, false)],
            "Banned users and revoked tokens in topics" => vec![topic(Access::Open, false)],
            other => bail!("no test knows what the table below {other:?} is about"),
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Topic { access, is_named } => match (access, is_named) {
                (Access::Open, _) => "topic, open",
                (Access::Claim, true) => "topic, claim",
                (Access::Claim, false) => "topic, claim of others",
                (Access::Platform, _) => "topic, platform",
            },
        }
    }
}

/// One stack for each kind of access. They share one Redis, so that users can become members on an open stack first.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    open: OnceCell<Chat>,
    claim: OnceCell<Chat>,
    platform: OnceCell<Chat>,
}

impl Stacks {
    async fn open(&self) -> Result<&Chat> {
        let variables = [("SOCK_DOMAINS", "chat.red.test=red"), ("SOCK_PLATFORM_KEY", KEY)];
        self.open
            .get_or_try_init(|| async { Chat::own(&variables).await })
            .await
    }

    async fn with(&self, access: Access) -> Result<&Chat> {
        let open = self.open().await?;
        let (cell, name) = match access {
            Access::Open => return Ok(open),
            Access::Claim => (&self.claim, "claim"),
            Access::Platform => (&self.platform, "platform"),
        };
        let redis = open.stack().addresses.redis.as_str();
        let variables = [
            ("SOCK_DOMAINS", "chat.red.test=red"),
            ("SOCK_TOPIC_ACCESS", name),
            ("SOCK_REDIS_URL", redis),
        ];
        cell.get_or_try_init(|| async { Chat::own(&variables).await }).await
    }
}

/// The caller.
#[derive(Debug)]
pub(crate) struct Actor {
    /// `None` for a request without a token.
    pub(crate) user: Option<User>,
    /// The host of the request, unless it is that of the default site.
    pub(crate) host: Option<&'static str>,
    /// The platform's key, or the caller's substitute for it.
    pub(crate) key: Option<&'static str>,
}

/// A conversation with a message of its author, and one of the other side or of an owner.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The stack under test.
    pub(crate) chat: Chat,
    /// The text of the author's message.
    pub(crate) said: String,
    /// The author's message.
    pub(crate) message: Value,
    /// The name of the image that the author's message shows, where the row is about one; else the message is a text.
    pub(crate) image: String,
    /// The message of the other side, or of an owner.
    pub(crate) answer: Value,
    /// The topic; `None` in a direct conversation.
    pub(crate) topic: Option<Topic>,
    author: User,
    other: User,
    stranger: User,
    member: User,
    moderator: User,
    owner: User,
    former: User,
    /// A user who is no member.
    newcomer: User,
    /// A member whom a request can be about; where the row says so, a moderator or an owner.
    guest: User,
    is_named: bool,
    // Open for as long as the scene lives: both sides of a direct conversation are online.
    _sockets: Vec<Socket>,
}

/// Sends the image, or the text if there is none.
async fn say(author: &User, to: &impl Target, said: &str, image: &str) -> Result<Value> {
    if image.is_empty() {
        return author.send_text(to, said).await;
    }
    let body = json!({"type": "image", "image": image});
    let sent = author.call(Method::POST, &to.path(), Some(&body)).await?.ok(201)?;
    Ok(sent["entry"].clone())
}

impl Scene {
    /// Makes users, a conversation and its messages, as this row needs them.
    ///
    /// # Errors
    /// When the stack does not do its part.
    pub(crate) async fn set(stacks: &Stacks, place: Place, row: &str) -> Result<Self> {
        let open = stacks.open().await?;
        let [author, other, stranger, newcomer] = open.users(["author", "other", "stranger", "newcomer"]);
        let [member, moderator, owner, former, guest] = open.users(["member", "moderator", "owner", "former", "guest"]);
        let said = format!("said by {}", author.id);
        let image = if row.contains("{upload}") {
            upload(&author, b"an image").await?
        } else {
            String::new()
        };
        let (topic, message, answer, sockets);
        let (access, is_named) = match place {
            Place::Direct => (Access::Open, false),
            Place::Topic { access, is_named } => (access, is_named),
        };
        if place == Place::Direct {
            topic = None;
            message = say(&author, &other, &said, &image).await?;
            answer = other.send_text(&author, "an answer").await?;
            sockets = vec![author.connect().await?, other.connect().await?];
        } else {
            let [made] = open.topics(["topic"]);
            answer = owner.send_text(&made, "first").await?;
            for user in [&member, &moderator, &former, &guest] {
                user.join(&made).await?.ok(200)?;
            }
            former.leave(&made).await?.ok(200)?;
            message = say(&author, &made, &said, &image).await?;
            let redis = RawRedis::of(open).await?;
            redis.give_role(&made, &moderator, 1).await?;
            redis.give_role(&made, &owner, 2).await?;
            let role = match row.rsplit('`').next() {
                Some(" a moderator") => 1,
                Some(" an owner") => 2,
                _ => 0,
            };
            redis.give_role(&made, &guest, role).await?;
            (topic, sockets) = (Some(made), Vec::new());
        }
        Ok(Self {
            chat: stacks.with(access).await?.clone(),
            said,
            message,
            image: image.rsplit('/').next().unwrap_or_default().to_owned(),
            answer,
            topic,
            author,
            other,
            stranger,
            member,
            moderator,
            owner,
            former,
            newcomer,
            guest,
            is_named,
            _sockets: sockets,
        })
    }

    /// Has the author block the other side, where the column says so.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) async fn block(&self, column: &str) -> Result<()> {
        if matches!(column, "blocked" | "blocker") {
            let path = format!("{}/block", self.other.path());
            self.author.call(Method::PUT, &path, None).await?.ok(200)?;
        }
        Ok(())
    }

    /// Bans the caller or revokes the tokens, where the column says so, as the platform's server does.
    ///
    /// # Errors
    /// What Redis says.
    pub(crate) async fn note(&self, column: &str, actor: &Actor) -> Result<()> {
        let (field, ms) = match column {
            "banned" => ("banned", FOR_EVER_MS),
            // The tests' tokens do not say when they were issued, so any time is later.
            "revoked" => ("revoked", 1),
            _ => return Ok(()),
        };
        let id = actor.user.as_ref().map_or(&Value::Null, |user| &user.id);
        let key = format!("{{senna-sockets:myplatform:user:{id}}}:meta");
        RawRedis::of(&self.chat)
            .await?
            .run(&format!("HSET {key} {field} {ms}"))
            .await
    }

    /// The caller of that column.
    ///
    /// # Errors
    /// When nobody does.
    pub(crate) fn actor(&self, column: &str) -> Result<Actor> {
        let is_topic = self.topic.is_some();
        let user = match column {
            "no token" | "the platform" | "a wrong key" => None,
            "author" | "blocker" | "another site" | "a user" => Some(&self.author),
            "stranger" => Some(&self.stranger),
            "other side" | "blocked" if !is_topic => Some(&self.other),
            "member" if is_topic => Some(&self.member),
            "moderator" if is_topic => Some(&self.moderator),
            "owner" if is_topic => Some(&self.owner),
            "former member" if is_topic => Some(&self.former),
            // The user who may do the most otherwise.
            "banned" | "revoked" => Some(if is_topic { &self.owner } else { &self.author }),
            other => bail!("no test knows who {other:?} is"),
        };
        let claim = if self.is_named {
            json!(["*"])
        } else {
            json!(["another"])
        };
        Ok(Actor {
            user: user.map(|user| self.chat.user(&user.id).with_topics(&claim)),
            host: (column == "another site").then_some(OTHER_SITE),
            key: match column {
                "the platform" => Some(KEY),
                "a wrong key" => Some("a-key-that-nobody-has-given-to-the-platform"),
                _ => None,
            },
        })
    }

    /// The conversation as that caller names it: a direct one by its other side; strangers name its author.
    pub(crate) fn target(&self, actor: &Actor) -> &dyn Target {
        match (&self.topic, &actor.user) {
            (Some(topic), _) => topic,
            (None, Some(user)) if user.id == self.author.id => &self.other,
            (None, _) => &self.author,
        }
    }

    /// The path of a route of the platform's server with ids in it: of the author, the conversation and its members.
    pub(crate) fn in_path_of_platform(&self, path: &str) -> String {
        let (author, other) = (self.author.id.to_string(), self.other.id.to_string());
        let (target, id, a, b) = match &self.topic {
            Some(topic) => ("topic", topic.id.to_string(), topic.id.to_string(), "-".to_owned()),
            None => ("user", other.clone(), author.clone(), other),
        };
        path.replace("/users/{user}", &format!("/users/{author}"))
            .replace("{target}", target)
            .replace("{id}", &id)
            .replace("{a}", &a)
            .replace("{b}", &b)
    }

    /// A user who is no member, to be added.
    pub(crate) fn newcomer(&self) -> &User {
        &self.newcomer
    }

    /// A member, to be removed.
    pub(crate) fn guest(&self) -> &User {
        &self.guest
    }
}

//! The last edition's send, as its Rust code did it at commit ff8c96b: the same scripts, keys, arguments and round trips.

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue as _, Script, ToRedisArgs, Value};
use shared::adapters::clock::SystemClock;
use shared::domain::limits::RETRY_KEY_MS;
use shared::domain::{Conversation, Draft, Id, Metadata, Target, User};
use shared::ports::Clock as _;
use uuid::Uuid;

use crate::{Edition, Error};

/// The bounds of a user's event log unless an environment variable said otherwise.
const EVENTS_KEPT: u64 = 1_000;
const EVENTS_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What `changed` in `last_edition/conversation_prelude.lua` returns.
type Changed = (
    bool,
    u64,
    u64,
    u64,
    u64,
    u64,
    Vec<u8>,
    u64,
    Vec<u8>,
    Vec<(String, u64)>,
    Vec<u8>,
);

pub(crate) struct LastEdition {
    prefix: String,
    redis: MultiplexedConnection,
    message_append: Script,
    event_append: Script,
}

impl LastEdition {
    pub(crate) async fn new(redis: MultiplexedConnection, prefix: &str) -> Result<Self, Error> {
        let script = |prelude: &str, script: &str| Script::new(&[prelude, script].concat());
        let last = Self {
            prefix: prefix.to_owned(),
            message_append: script(
                include_str!("last_edition/conversation_prelude.lua"),
                include_str!("last_edition/message_append.lua"),
            ),
            event_append: script(
                include_str!("last_edition/user_prelude.lua"),
                include_str!("last_edition/event_append.lua"),
            ),
            redis,
        };
        for script in [&last.message_append, &last.event_append] {
            script.prepare_invoke().load_async(&mut last.redis.clone()).await?;
        }
        Ok(last)
    }

    async fn run(&self, script: &Script, keys: &[String], arguments: Vec<Vec<u8>>) -> Result<Value, Error> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len()).arg(keys).arg(arguments);
        Ok(command.query_async(&mut self.redis.clone()).await?)
    }

    async fn deliver(
        &self,
        conversation: &Conversation,
        to: &Id,
        changed: &Changed,
        asked_ms: u64,
    ) -> Result<Value, Error> {
        let (repeated, _, revision, last_seq, activity_ms, latest_seq, latest, seq, _, sent, _) = changed;
        let tag = format!("{{{}:{}:user:{}}}", self.prefix, conversation.domain(), to.in_key());
        let keys = ["inbox", "chats", "connections", "events", "meta"].map(|part| format!("{tag}:{part}"));
        let own = sent.iter().find(|(author, _)| *author == to.to_string());
        let arguments = Arguments::default()
            .arg(SystemClock.now_ms())
            .arg(Uuid::new_v4().as_u64_pair().1)
            .arg(conversation.as_seen_by(to).to_string())
            .arg(1)
            .arg(*seq)
            .arg(asked_ms)
            .arg(u8::from(*repeated))
            .arg(*revision)
            .arg(*last_seq)
            .arg(*activity_ms)
            .arg(*latest_seq)
            .arg(latest)
            .arg(own.map_or(0, |(_, seq)| *seq))
            .arg("")
            .arg(EVENTS_KEPT)
            .arg(EVENTS_KEPT_MS);
        self.run(&self.event_append, &keys, arguments.0).await
    }
}

impl Edition for LastEdition {
    async fn send(&self, author: &User, to: &User, draft: &Draft) -> Result<(), Error> {
        let conversation = Conversation::of(author, &Target::User(to.id.clone()));
        let tag = format!("{{{}:{}}}", self.prefix, conversation.key());
        let mut keys = ["log", "gone", "meta"].map(|part| format!("{tag}:{part}")).to_vec();
        if let Some(key) = &draft.retry_key {
            keys.push(format!("{tag}:retry:{}:{key}", author.id.in_key()));
        }
        let now = SystemClock.now_ms();
        let arguments = Arguments::default()
            .arg(now)
            .arg(&[1_u8 << 5])
            .arg(tail(&author.id, draft))
            .arg(RETRY_KEY_MS);
        let answer = self.run(&self.message_append, &keys, arguments.0).await?;
        let changed = Changed::from_redis_value(answer)?;
        let participants = conversation.founders();
        let deliveries = participants
            .iter()
            .map(|participant| self.deliver(&conversation, participant, &changed, now));
        try_join_all(deliveries).await?;
        Ok(())
    }
}

/// A record from its random bytes on.
fn tail(author: &Id, draft: &Draft) -> Vec<u8> {
    let author = author.to_string();
    let content = draft.body.content();
    let low = |number: usize, bytes: usize| number.to_be_bytes().split_at(size_of::<usize>() - bytes).1.to_vec();
    [
        &Uuid::new_v4().as_bytes()[11..],
        &low(author.len(), 1),
        author.as_bytes(),
        &low(content.len(), 2),
        content.as_bytes(),
        draft.metadata.as_ref().map_or("", Metadata::as_json).as_bytes(),
    ]
    .concat()
}

/// The arguments of a script.
#[derive(Default)]
struct Arguments(Vec<Vec<u8>>);

impl Arguments {
    fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.0.extend(argument.to_redis_args());
        self
    }
}

//! The old server's Redis. It is only read, in small pieces, so that the old server can go on meanwhile.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult, aio::MultiplexedConnection, cmd};

/// Messages that are read at once. The old server takes bodies of 1 MB.
pub(super) const PAGE: u64 = 100;
/// Keys, or parts of a key, that one SCAN looks at, about.
const SCANNED: u64 = 500;
/// How long an answer may take: 100 messages of 1 MB over a slow line.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Reads the keys of the old server. Their names are given without what all of them begin with.
pub(super) struct Source {
    connection: MultiplexedConnection,
    prefix: String,
}

/// An id in the list of a conversation, and the data of that message.
pub(super) type Entry = (Vec<u8>, Option<Vec<u8>>);

impl Source {
    pub(super) async fn connect(url: &str, prefix: &str) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(ANSWER_LIMIT))
            .set_connection_timeout(Some(CONNECT_LIMIT));
        let client = Client::open(url)?;
        Ok(Self {
            connection: client.get_multiplexed_async_connection_with_config(&config).await?,
            // The client library of the old server put it before each key.
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}:")
            },
        })
    }

    /// The whole name of a key.
    fn key(&self, name: &str) -> String {
        format!("{}messages:{name}", self.prefix)
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &redis::Cmd) -> RedisResult<T> {
        command.query_async(&mut self.connection).await
    }

    /// Some keys under the prefix, and where to go on; 0 is the beginning and the end. A key may come twice. A name without `messages:` is none of the
    /// old server's keys.
    pub(super) async fn scan(&mut self, cursor: u64) -> RedisResult<(u64, Vec<Result<String, String>>)> {
        let pattern: String = self.prefix.chars().flat_map(literally).chain(['*']).collect();
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCANNED);
        let (next, keys): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
        let start = self.key("");
        let name = |key: Vec<u8>| {
            let name = str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(&start));
            name.map(str::to_owned)
                .ok_or_else(|| String::from_utf8_lossy(&key).into_owned())
        };
        Ok((next, keys.into_iter().map(name).collect()))
    }

    /// A page of a conversation, from that place of its list on.
    pub(super) async fn page(&mut self, list: &str, first: u64) -> RedisResult<Vec<Entry>> {
        let mut range = cmd("LRANGE");
        range.arg(self.key(list)).arg(first).arg(first + PAGE - 1);
        let ids: Vec<Vec<u8>> = self.ask(&range).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut data = cmd("HMGET");
        data.arg(format!("{}:data", self.key(list))).arg(&ids);
        let data: Vec<Option<Vec<u8>>> = self.ask(&data).await?;
        Ok(ids.into_iter().zip(data).collect())
    }

    /// How many messages have data.
    pub(super) async fn data_count(&mut self, list: &str) -> RedisResult<u64> {
        let mut count = cmd("HLEN");
        count.arg(format!("{}:data", self.key(list)));
        self.ask(&count).await
    }

    /// Some ids that have data, and where to go on.
    pub(super) async fn data_ids(&mut self, list: &str, cursor: u64) -> RedisResult<(u64, Vec<Vec<u8>>)> {
        let mut scan = cmd("HSCAN");
        scan.arg(format!("{}:data", self.key(list))).arg(cursor);
        scan.arg("COUNT").arg(PAGE);
        let (next, pairs): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
        Ok((next, pairs.into_iter().step_by(2).collect()))
    }

    /// How many of these keys there are.
    pub(super) async fn existing(&mut self, names: &[String]) -> RedisResult<usize> {
        let mut found = 0;
        for name in names {
            let mut exists = cmd("EXISTS");
            exists.arg(self.key(name));
            found += self.ask::<usize>(&exists).await?;
        }
        Ok(found)
    }

    /// When a conversation was last written to, as that inbox knows it; `None` if it is not there.
    pub(super) async fn score(&mut self, inbox: &str, entry: &str) -> RedisResult<Option<f64>> {
        let mut score = cmd("ZSCORE");
        score.arg(self.key(inbox)).arg(entry);
        self.ask(&score).await
    }

    /// Some entries of an inbox with the times of their last sends, and where to go on.
    pub(super) async fn entries(&mut self, inbox: &str, cursor: u64) -> RedisResult<(u64, Vec<(String, f64)>)> {
        let mut scan = cmd("ZSCAN");
        scan.arg(self.key(inbox)).arg(cursor).arg("COUNT").arg(PAGE);
        self.ask(&scan).await
    }
}

/// A character that stands for itself in a pattern.
fn literally(character: char) -> impl Iterator<Item = char> {
    let escape = matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-').then_some('\\');
    escape.into_iter().chain([character])
}

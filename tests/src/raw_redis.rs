//! The stack's Redis, for what no client of the chat can see.

use anyhow::{Context as _, Result};
use redis::aio::MultiplexedConnection;
use redis::{Client, FromRedisValue};

use crate::user::id_text;
use crate::{Chat, Topic, User};

/// A connection to a stack's Redis.
#[derive(Clone)]
pub struct RawRedis(MultiplexedConnection);

impl std::fmt::Debug for RawRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RawRedis").finish_non_exhaustive()
    }
}

impl RawRedis {
    /// Connects.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub async fn of(chat: &Chat) -> Result<Self> {
        let client = Client::open(chat.stack().addresses.redis.as_str())?;
        Ok(Self(client.get_multiplexed_async_connection().await?))
    }

    /// Runs a command: words separated by spaces.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn run<T: FromRedisValue>(&self, command: &str) -> Result<T> {
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap_or_default());
        for word in words {
            cmd.arg(word);
        }
        self.query(&cmd).await
    }

    /// Runs a command whose words may be anything.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T> {
        Ok(command.query_async(&mut self.0.clone()).await?)
    }

    /// The connections that are recorded of a user with a numeric id on the default site.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn connections(&self, user: &User) -> Result<Vec<String>> {
        self.run(&format!("ZRANGE {} 0 -1", connections_key(user))).await
    }

    /// The server's time so many minutes from now, in milliseconds since 1970.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn in_minutes(&self, minutes: u64) -> Result<u64> {
        let (seconds, _): (u64, u64) = self.run("TIME").await?;
        Ok((seconds + minutes * 60) * 1_000)
    }

    /// Records a connection of a user that does not exist, and when it would end at the latest.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn add_connection(&self, user: &User, connection: &str, expires_ms: u64) -> Result<()> {
        self.run(&format!("ZADD {} {expires_ms} {connection}", connections_key(user)))
            .await
    }

    /// Gives a member of a topic of the default site this role, as the platform does: 0 member, 1 moderator, 2 owner. Clients are not told.
    ///
    /// # Errors
    /// When the user is no member; what Redis says.
    pub async fn give_role(&self, topic: &Topic, member: &User, role: u8) -> Result<()> {
        let key = format!("{{senna-sockets:myplatform:topic:{}}}:members", id_text(&topic.id));
        let id = id_text(&member.id);
        let mut read = redis::cmd("HGET");
        let packed: Option<Vec<u8>> = read.arg(&key).arg(&id).query_async(&mut self.0.clone()).await?;
        let mut packed = packed.context("no such member")?;
        // The low half of the second byte is the role.
        let flags = packed.get_mut(1).context("a packed member has two bytes")?;
        *flags = *flags & 0xf0 | role;
        let mut write = redis::cmd("HSET");
        Ok(write
            .arg(&key)
            .arg(&id)
            .arg(packed)
            .query_async(&mut self.0.clone())
            .await?)
    }
}

fn connections_key(user: &User) -> String {
    format!("{{senna-sockets:myplatform:user:{}}}:connections", user.id)
}

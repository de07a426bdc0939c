//! From the POST to the frame: one message to a topic whose members listen.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tests::PATIENCE;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::quantile;
use crate::side::{Client, Side};

/// Who writes, and listens to nothing.
const AUTHOR: u64 = 1;

/// What a number of recipients waited, in milliseconds.
pub(crate) struct Waited {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// A topic, its listening members, and its author.
struct Group {
    topic: String,
    recipients: usize,
    author: Client,
    told: UnboundedReceiver<Instant>,
    waited: Vec<f64>,
}

impl Group {
    async fn new(side: &Side, recipients: usize) -> Result<Self> {
        let topic = format!("with{recipients}");
        let first = 10_000 + recipients as u64;
        let members: Vec<u64> = (first..).take(recipients).collect();
        if !side.speaks_socket_io {
            join(side, &topic, &members).await?;
        }
        let (sender, told) = unbounded_channel();
        stream::iter(members.into_iter().enumerate())
            .map(|(number, user)| {
                let (sender, topic) = (sender.clone(), &topic);
                async move { side.listen(number, user, &[topic], sender).await }
            })
            .buffer_unordered(16)
            .try_collect::<()>()
            .await?;
        Ok(Self {
            recipients,
            // Of the other process than the first recipient.
            author: side.client(1, AUTHOR).await?,
            told,
            waited: Vec::new(),
            topic,
        })
    }

    /// Sends one message, and waits until all recipients have it.
    async fn send(&mut self, counts: bool) -> Result<()> {
        let path = format!("/api/topic/{}", self.topic);
        let begun = Instant::now();
        self.author
            .ask(&path, Some("Hello, everyone, this is a message."))
            .await?;
        for _ in 0..self.recipients {
            let came = timeout(PATIENCE, self.told.recv()).await;
            let came = came
                .context("a recipient got no frame")?
                .context("all connections ended")?;
            if counts {
                self.waited.push(came.duration_since(begun).as_secs_f64() * 1e3);
            }
        }
        Ok(())
    }

    fn waited(&mut self) -> Waited {
        Waited {
            p50: quantile(&mut self.waited, 0.5),
            p99: quantile(&mut self.waited, 0.99),
        }
    }
}

/// Writes the members as `conversation_prelude.lua` describes them, because a join by each of them would be told to all others.
async fn join(side: &Side, topic: &str, members: &[u64]) -> Result<()> {
    let script =
        "for _, id in ipairs(ARGV) do redis.call('HSET', KEYS[1], id, struct.pack('>I1I1I6I5I7', 1, 0, 0, 0, 0)) end";
    let key = format!("{{senna-sockets:myplatform:topic:{topic}}}:members");
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(1).arg(key).arg(AUTHOR).arg(members);
    Ok(command.query_async(&mut side.redis.clone()).await?)
}

/// Sends so many messages on each side, in turns, and returns what both made this number of recipients wait.
pub(crate) async fn measure(sides: [&Side; 2], recipients: usize, messages: usize) -> Result<[Waited; 2]> {
    let [mut ours, mut theirs] = [
        Group::new(sides[0], recipients).await?,
        Group::new(sides[1], recipients).await?,
    ];
    for round in 0..messages + 3 {
        // The first ones start functions and fill entries.
        let counts = round >= 3;
        // Each side begins every other round.
        if round % 2 == 0 {
            ours.send(counts).await.context("Senna")?;
        }
        theirs.send(counts).await.context("Socket.IO")?;
        if round % 2 == 1 {
            ours.send(counts).await.context("Senna")?;
        }
    }
    Ok([ours.waited(), theirs.waited()])
}

//! Requests a second, and how long the slowest wait: send, history and list.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::quantile;
use crate::side::Side;

/// Clients that ask at the same time.
const CLIENTS: usize = 16;
/// One turn of one side.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 4;

/// Users whose inboxes have so many conversations.
const SMALL: (u64, u64) = (2, 10);
const LARGE: (u64, u64) = (3, 1_000);
/// Messages in the conversation that is read.
const MESSAGES: u64 = 200;

/// A kind of request.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    user: u64,
    path: fn(usize) -> String,
    text: Option<&'static str>,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        name: "send",
        user: SMALL.0,
        path: |client| format!("/api/user/{}", 100 + client % 10),
        text: Some("Hello, this is a message of fifty characters, yes."),
    },
    Kind {
        name: "history of 10",
        user: SMALL.0,
        path: |_| "/api/user/100".to_owned(),
        text: None,
    },
    Kind {
        name: "list of 10 chats",
        user: SMALL.0,
        path: |_| "/api/list".to_owned(),
        text: None,
    },
    Kind {
        name: "list of 1,000 chats",
        user: LARGE.0,
        path: |_| "/api/list".to_owned(),
        text: None,
    },
];

/// What one side did with one kind of request.
#[derive(Default)]
pub(crate) struct Done {
    waited_ms: Vec<f64>,
    took: Duration,
    redis_us: f64,
}

impl Done {
    pub(crate) fn a_second(&self) -> f64 {
        self.waited_ms.len() as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn p99_ms(&mut self) -> f64 {
        quantile(&mut self.waited_ms, 0.99)
    }

    /// Redis's processor time per request, in microseconds.
    pub(crate) fn redis_us(&self) -> f64 {
        self.redis_us / self.waited_ms.len() as f64
    }
}

/// Writes the conversations that are read later.
pub(crate) async fn prepare(side: &Side) -> Result<()> {
    for (user, conversations) in [SMALL, LARGE] {
        let writing = (0..8_u64).map(|client| async move {
            let mut http = side.client(0, user).await?;
            for other in (0..conversations).filter(|other| other % 8 == client) {
                http.ask(&format!("/api/user/{}", 100 + other), Some("Hello")).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(writing).await?;
    }
    let mut http = side.client(0, SMALL.0).await?;
    for _ in 0..MESSAGES {
        http.ask("/api/user/100", Some("Hello")).await?;
    }
    Ok(())
}

/// Lets all clients ask both sides, in turns.
pub(crate) async fn measure(sides: [&Side; 2], kind: &Kind) -> Result<[Done; 2]> {
    let mut done = [Done::default(), Done::default()];
    for turn in 0..=TURNS {
        let mut both: Vec<_> = sides.into_iter().zip(&mut done).collect();
        // Each side begins every other turn.
        if turn % 2 == 1 {
            both.reverse();
        }
        for (side, done) in both {
            let one = ask(side, kind).await?;
            // The first turn starts functions and warms up what compiles at run time.
            if turn > 0 {
                done.waited_ms.extend(one.waited_ms);
                done.took += one.took;
                done.redis_us += one.redis_us;
            }
        }
    }
    Ok(done)
}

async fn ask(side: &Side, kind: &Kind) -> Result<Done> {
    let before = side.redis_us().await?;
    let begun = Instant::now();
    let asking = (0..CLIENTS).map(|client| async move {
        let mut http = side.client(client, kind.user).await?;
        let path = (kind.path)(client);
        let mut waited = Vec::new();
        while begun.elapsed() < TURN {
            let asked = Instant::now();
            http.ask(&path, kind.text).await?;
            waited.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        anyhow::Ok(waited)
    });
    let waited = try_join_all(asking).await?;
    Ok(Done {
        waited_ms: waited.concat(),
        took: begun.elapsed(),
        redis_us: side.redis_us().await? - before,
    })
}

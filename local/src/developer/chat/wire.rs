//! One connection, on which one thing is asked at a time.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    explain::Refusal,
    state::{field, text},
};
use crate::developer::connect::Socket;

/// How long an answer may take. After that the connection is taken for lost: a new one is cheap.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// The longest wait before a repetition or a new connection (rule 6).
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The longest wait before the first of them.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The connection is lost, or as good as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

/// An open connection.
pub(super) struct Wire {
    socket: Socket,
    asked: u64,
    /// Frames that were pushed while an answer was awaited.
    pushed: VecDeque<Value>,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            asked: 0,
            pushed: VecDeque::new(),
        }
    }

    /// The next frame that the service pushed. Waiting for it may be given up at any time.
    pub(super) async fn next(&mut self) -> Result<Value, Lost> {
        loop {
            if let Some(frame) = self.pushed.pop_front() {
                return Ok(frame);
            }
            let frame = self.receive().await?;
            if text(&frame, "event").is_some() {
                return Ok(frame);
            }
        }
    }

    /// Asks, and returns the frame of the answer.
    pub(super) async fn ask(&mut self, frame: &Value) -> Result<Result<Value, Refusal>, Lost> {
        match timeout(ANSWER_LIMIT, self.exchange(frame)).await {
            Ok(answer) => answer,
            Err(_) => Err(Lost),
        }
    }

    async fn exchange(&mut self, frame: &Value) -> Result<Result<Value, Refusal>, Lost> {
        self.asked += 1;
        let id = json!(self.asked);
        let mut frame = frame.clone();
        if let Some(fields) = frame.as_object_mut() {
            fields.insert("id".to_owned(), id.clone());
        }
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.map_err(|_| Lost)?;
        loop {
            let frame = self.receive().await?;
            if text(&frame, "event").is_some() {
                self.pushed.push_back(frame);
                continue;
            }
            let error = field(&frame, "error");
            // A frame of API Gateway itself names no question. There is only one.
            let refusal = if error.is_object() {
                Refusal::of(error, 500)
            } else if field(&frame, "id").is_null() {
                Refusal::of(&frame, 500)
            } else if *field(&frame, "id") == id {
                return Ok(Ok(frame));
            } else {
                continue;
            };
            return if refusal.is_unknown_connection() {
                Err(Lost)
            } else {
                Ok(Err(refusal))
            };
        }
    }

    async fn receive(&mut self) -> Result<Value, Lost> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(frame) = serde_json::from_str(&text) {
                        return Ok(frame);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Lost),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        timeout(FIRST_WAIT, self.socket.close(None)).await.ok();
    }
}

/// How long to wait after so many failures: any time up to a limit that doubles, so that many clients do not come back together.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST_WAIT).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_random_below_a_limit_that_doubles_up_to_twenty_seconds() {
        let longest = |failures| (0..2000).map(|_| pause(failures)).max().unwrap_or_default();
        for (failures, limit) in [(1, 500), (2, 1000), (4, 4000), (7, 20_000), (1000, 20_000)] {
            let limit = Duration::from_millis(limit);
            let longest = longest(failures);
            assert!(
                longest <= limit && longest > limit.mul_f64(0.9),
                "{failures}: {longest:?}"
            );
        }
    }
}

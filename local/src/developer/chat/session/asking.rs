//! Questions, repeated until there is an answer: rule 5 of `docs/clients.md`.

use serde_json::Value;
use tokio::time::sleep;

use super::{Session, Undone};
use crate::developer::chat::{error::ChatError, explain::Refusal, rest::RestError, wire::pause};

impl Session {
    /// Asks what must have an answer.
    pub(super) async fn question(&mut self, frame: Value) -> Result<Value, Undone> {
        let frame = without_null(frame);
        match self.passing(&frame).await? {
            Ok(answer) => Ok(answer),
            Err(refusal) => Err(Undone::Fatal(ChatError::Refused(refusal))),
        }
    }

    /// Rule 5: asks until there is an answer on this connection that will not change.
    pub(super) async fn passing(&mut self, frame: &Value) -> Result<Result<Value, Refusal>, Undone> {
        let mut failures = 0;
        loop {
            let wire = self.wire.as_mut().ok_or(Undone::Lost)?;
            match wire.ask(frame).await? {
                Err(refusal) if refusal.is_passing() => {
                    failures += 1;
                    self.stumble(failures, &refusal.to_string()).await?;
                }
                answer => {
                    self.trouble = None;
                    return Ok(answer);
                }
            }
        }
    }

    /// Asks the REST API until there is an answer; `None` if there is no such API.
    pub(super) async fn get(&mut self, path: &str) -> Result<Option<Value>, Undone> {
        if self.rest.is_none() {
            return Ok(None);
        }
        for failures in 1.. {
            match self.ask_rest(path).await {
                Ok(answer) => return Ok(Some(answer)),
                // An address that never answered is likely to be wrong.
                Err(Some(error)) if error.is_passing() && self.api_answers => {
                    self.stumble(failures, &error.to_string()).await?;
                }
                Err(Some(error)) => return Err(Undone::Fatal(error.into())),
                Err(None) => break,
            }
        }
        Ok(None)
    }

    /// Asks the REST API once. No error means that there is no such API.
    pub(super) async fn ask_rest(&mut self, path: &str) -> Result<Value, Option<RestError>> {
        let answer = self.rest.as_ref().ok_or(None)?.get(path).await?;
        self.api_answers = true;
        Ok(answer)
    }

    /// Says once why it takes so long, and waits a little.
    pub(super) async fn stumble(&mut self, failures: u32, why: &str) -> Result<(), Undone> {
        if failures == 2 {
            self.say(&format!("· trying again: {why}"));
        }
        self.check_patience().map_err(Undone::Fatal)?;
        sleep(pause(failures)).await;
        Ok(())
    }
}

fn without_null(mut frame: Value) -> Value {
    if let Some(fields) = frame.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    frame
}

//! What the clients do while things go wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use serde_json::Value;
use tests::follower::{Over, Write, Written};
use tests::{Follower, User};
use tokio::time::{Instant, sleep};

use crate::ledger::Ledger;

/// The pause between two requests of a client, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 100..500;
/// How far back messages are edited, deleted and seen.
const RECENT: usize = 40;

/// One client, the users it talks with, and where it writes down what was acknowledged.
pub(crate) struct Device<'a> {
    pub(crate) follower: &'a Follower,
    pub(crate) others: Vec<User>,
    pub(crate) ledger: &'a Mutex<Ledger>,
    pub(crate) random: Rng,
    /// A name that no other client has.
    pub(crate) name: String,
}

impl Device<'_> {
    /// Sends, edits, deletes and sees until then. What it has begun it sees through.
    pub(crate) async fn act(&mut self, until: Instant) -> Result<()> {
        for number in 1.. {
            sleep(Duration::from_millis(self.random.u64(PAUSE_MS))).await;
            if Instant::now() >= until {
                break;
            }
            let Some(other) = self.random.choice(&self.others).cloned() else {
                break;
            };
            let over = if self.random.u8(..100) < 60 {
                Over::Socket
            } else {
                Over::Rest
            };
            match self.random.u8(..100) {
                ..55 => self.send(over, &other, number).await?,
                55..70 => self.edit(over, &other, number).await?,
                70..80 => self.delete(over, &other).await?,
                _ => self.see(over, &other).await?,
            }
        }
        Ok(())
    }

    /// Sends a message whose text nobody else sends.
    pub(crate) async fn send(&self, over: Over, to: &User, number: u64) -> Result<()> {
        let text = format!("{} {number}", self.name);
        let client_id = format!("{}-{number}", self.name);
        let written = self.write(over, &Write::send(to, &text, &client_id)).await;
        let answer = written
            .answer
            .map_err(|error| anyhow::anyhow!("a send was refused: {error}"))?;
        let entry = &answer["entry"];
        let (id, seq) = (text_of(&entry["id"])?, number_of(&entry["seq"])?);
        let place = (text_of(&answer["state"]["key"])?, seq);
        ensure!(entry["text"] == text, "{id} is the answer to a send of something else");
        self.ledger().sent(id, place, self.user()?, &text);
        Ok(())
    }

    async fn edit(&mut self, over: Over, other: &User, number: u64) -> Result<()> {
        let Some((id, _)) = self.choose(other, true)? else {
            return Ok(());
        };
        let text = format!("{} {number} edited", self.name);
        let client_id = format!("{}-{number}-edit", self.name);
        let written = self.write(over, &Write::edit(other, &id, &text, &client_id)).await;
        match &written.answer {
            Ok(answer) => {
                let rev = number_of(&answer["state"]["rev"])?;
                self.ledger().edited(&id, rev, &text);
            }
            Err(error) => self.refused(&id, error)?,
        }
        Ok(())
    }

    async fn delete(&mut self, over: Over, other: &User) -> Result<()> {
        let Some((id, _)) = self.choose(other, true)? else {
            return Ok(());
        };
        let written = self.write(over, &Write::delete(other, &id)).await;
        match &written.answer {
            Ok(_) => self.ledger().deleted(&id),
            Err(error) => self.refused(&id, error)?,
        }
        Ok(())
    }

    async fn see(&mut self, over: Over, other: &User) -> Result<()> {
        let Some((id, seq)) = self.choose(other, false)? else {
            return Ok(());
        };
        let (user, key) = (self.user()?, key(self.follower.user(), other)?);
        let Written { attempts, answer } = self.write(over, &Write::seen(other, &id)).await;
        match &answer {
            Ok(_) => self.ledger().seen(&key, seq, user),
            Err(error) => {
                if attempts > 1 {
                    self.ledger().perhaps_read(&key, user, seq);
                }
                self.refused(&id, error)?;
            }
        }
        Ok(())
    }

    /// One of the newest messages that the client shows: an own one, or one of the other side's that was not seen.
    fn choose(&mut self, other: &User, own: bool) -> Result<Option<(String, u64)>> {
        let messages = self.follower.newest(other, RECENT);
        let author = if own { &self.follower.user().id } else { &other.id };
        let by = |message: &&Value| author_of(message) == author && (own || message["status"].is_null());
        let chosen = self.random.choice(messages.iter().filter(by).collect::<Vec<_>>());
        chosen
            .map(|message| Ok((text_of(&message["id"])?.to_owned(), number_of(&message["seq"])?)))
            .transpose()
    }

    /// Asks until there is an answer.
    async fn write(&self, over: Over, write: &Write) -> Written {
        let written = self.follower.write(over, write).await;
        self.ledger().asked_again(u64::from(written.attempts - 1));
        written
    }

    fn refused(&self, id: &str, error: &Value) -> Result<()> {
        let status = number_of(&error["status"])?;
        self.ledger().refused(id, status);
        Ok(())
    }

    fn user(&self) -> Result<u64> {
        number_of(&self.follower.user().id)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of the conversation of two users with numeric ids.
pub(crate) fn key(one: &User, other: &User) -> Result<String> {
    let (one, other) = (number_of(&one.id)?, number_of(&other.id)?);
    Ok(format!("myplatform:dm:{}-{}", one.min(other), one.max(other)))
}

/// A message's author: the id, or in a history the platform's object.
fn author_of(message: &Value) -> &Value {
    let author = &message["author"];
    if author.is_object() { &author["id"] } else { author }
}

pub(crate) fn number_of(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("{value} is no number"))
}

pub(crate) fn text_of(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

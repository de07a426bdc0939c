//! What the clients do while things go wrong.

use std::ops::Range;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use http::Method;
use serde_json::{Value, json};
use tests::User;
use tests::follower::{Over, Talk, Write, Written};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::ledger::{Acknowledged, Ledger, Refused, Setting, When};

/// How far back messages are edited, deleted, seen, answered and reacted to.
const RECENT: usize = 40;
/// The reactions that are given.
const REACTIONS: [&str; 4] = ["\u{1f44d}", "\u{2764}\u{fe0f}", "+1", "\u{1f389}"];
/// How many texts are longer than what a reply shows of them, in percent.
const LONG: u8 = 20;

/// One client, what it talks in, and where it writes down what was acknowledged.
pub(crate) struct Device<'a> {
    pub(crate) client: &'a Client,
    pub(crate) talks: Vec<Talk>,
    pub(crate) ledger: &'a Mutex<Ledger>,
    pub(crate) random: Rng,
    /// A name that no other client has.
    pub(crate) name: String,
    /// The pause between two requests, in milliseconds.
    pub(crate) pause_ms: Range<u64>,
    /// Whether it has a connection, and so knows messages.
    pub(crate) is_connected: bool,
    /// The settings that no other client of the user changes.
    pub(crate) settings: Vec<Setting>,
    /// The topic that it never leaves, so that there is always somebody.
    pub(crate) home: Option<Talk>,
    pub(crate) began: Instant,
}

impl Device<'_> {
    /// Does what users do until then. What it has begun it sees through.
    pub(crate) async fn act(&mut self, until: Instant) -> Result<()> {
        for number in 1.. {
            sleep(Duration::from_millis(self.random.u64(self.pause_ms.clone()))).await;
            if Instant::now() >= until {
                break;
            }
            let Some(talk) = self.random.choice(&self.talks).cloned() else {
                break;
            };
            let over = if self.is_connected && self.random.u8(..100) < 60 {
                Over::Socket
            } else {
                Over::Rest
            };
            // Who has no connection comes and goes, and sets something, more often.
            match self.random.u8(if self.is_connected { ..100 } else { ..130 }) {
                ..40 => self.say(over, &talk, number).await?,
                40..50 => self.edit(over, &talk, number).await?,
                50..57 => self.delete(over, &talk).await?,
                57..65 => self.see(over, &talk).await?,
                65..75 => self.read(over, &talk).await?,
                75..90 => self.react(over, &talk).await?,
                90..95 | 100..118 => self.come_or_go(&talk).await?,
                _ => self.set(&talk).await?,
            }
        }
        Ok(())
    }

    /// Sends a message whose text nobody else sends: a reply or a mention at times.
    async fn say(&mut self, over: Over, to: &Talk, number: u64) -> Result<()> {
        let mut text = format!("{} {number}", self.name);
        if self.random.u8(..100) < LONG {
            text.extend(std::iter::repeat_n(" \u{e4}", 60));
        }
        let client_id = format!("{}-{number}", self.name);
        let write = Write::send(to, &text, &client_id);
        match self.random.u8(..100) {
            ..25 => {
                let chosen = self.choose(to, |_| true).await?;
                self.send(over, to, &text, write, chosen.map(|(id, _)| id), Vec::new())
                    .await
            }
            25..45 => {
                let mentions = self.others(to).await?;
                self.send(over, to, &text, write, None, mentions).await
            }
            _ => self.send(over, to, &text, write, None, Vec::new()).await,
        }
    }

    /// Sends a message over REST that says no more than this.
    pub(crate) async fn tell(&self, to: &Talk, what: &str) -> Result<()> {
        let text = format!("{} {what} {}", self.name, to.id());
        let write = Write::send(to, &text, &text);
        self.send(Over::Rest, to, &text, write, None, Vec::new()).await
    }

    async fn send(
        &self,
        over: Over,
        to: &Talk,
        text: &str,
        write: Write,
        reply_to: Option<String>,
        mentions: Vec<u64>,
    ) -> Result<()> {
        let write = if let Some(id) = &reply_to {
            write.reply_to(id)
        } else {
            write
        };
        let write = if mentions.is_empty() {
            write
        } else {
            write.mention(&mentions)
        };
        let key = key(self.client.user(), to)?;
        let mut sent = Acknowledged {
            key: key.clone(),
            author: self.user()?,
            text: text.to_owned(),
            reply_to,
            mentions,
            ..Acknowledged::default()
        };
        let (when, Written { attempts, answer }) = self.write(over, &write).await?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let refused = Refused {
                    message: sent.reply_to.clone(),
                    mentions: sent.mentions.clone(),
                    ..self.refusal(&key, &error)?
                };
                let mut ledger = self.ledger();
                ledger.refused(refused);
                if attempts > 1 {
                    ledger.perhaps_sent.insert(sent.text.clone(), sent);
                }
                return Ok(());
            }
        };
        let entry = &answer["entry"];
        let id = text_of(&entry["id"])?;
        sent.seq = number_of(&entry["seq"])?;
        let (user, state) = (sent.author, &answer["state"]);
        if state.is_null() {
            // The client has found its message in the conversation, before there was an answer.
            let mut ledger = self.ledger();
            ledger.sent(id, sent, when);
            if to.is_topic() {
                ledger.was_member(&key, user, when);
            }
            return Ok(());
        }
        ensure!(state["key"] == key, "{id} is the answer to a send to elsewhere");
        ensure!(entry["text"] == text, "{id} is the answer to a send of something else");
        let rev = number_of(&state["rev"])?;
        let mut ledger = self.ledger();
        ledger.sent(id, sent, when);
        if to.is_topic() {
            // A send is done once, however late: it lets nobody in a second time.
            ledger.is_member(&key, user, rev, When { attempts: 1, ..when });
        }
        Ok(())
    }

    async fn edit(&mut self, over: Over, talk: &Talk, number: u64) -> Result<()> {
        let me = self.client.user().id.clone();
        let Some((id, _)) = self.choose(talk, |message| *author_of(message) == me).await? else {
            return Ok(());
        };
        let text = format!("{} {number} edited", self.name);
        let client_id = format!("{}-{number}-edit", self.name);
        let (when, written) = self.write(over, &Write::edit(talk, &id, &text, &client_id)).await?;
        match &written.answer {
            Ok(answer) => {
                let rev = number_of(&answer["state"]["rev"])?;
                self.ledger().edited(&id, rev, &text, when);
            }
            Err(error) => {
                self.ledger().perhaps_edited(&id, &text, when);
                self.refused(talk, Some(&id), error)?;
            }
        }
        Ok(())
    }

    async fn delete(&mut self, over: Over, talk: &Talk) -> Result<()> {
        let me = self.client.user().id.clone();
        let Some((id, _)) = self.choose(talk, |message| *author_of(message) == me).await? else {
            return Ok(());
        };
        let (when, written) = self.write(over, &Write::delete(talk, &id)).await?;
        match &written.answer {
            Ok(_) => self.ledger().deleted(&id),
            Err(error) => {
                self.ledger().perhaps_deleted(&id, when);
                self.refused(talk, Some(&id), error)?;
            }
        }
        Ok(())
    }

    async fn see(&mut self, over: Over, talk: &Talk) -> Result<()> {
        let me = self.client.user().id.clone();
        let unseen = |message: &Value| *author_of(message) != me && message["status"].is_null();
        let Some((id, seq)) = self.choose(talk, unseen).await? else {
            return Ok(());
        };
        let (user, key) = (self.user()?, key(self.client.user(), talk)?);
        let (when, Written { attempts, answer }) = self.write(over, &Write::seen(talk, &id)).await?;
        match &answer {
            Ok(Value::Null) => {}
            Ok(_) => self.ledger().seen(&key, seq, user, when),
            Err(error) => {
                if attempts > 1 {
                    self.ledger().perhaps_read(&key, user, seq);
                }
                self.refused(talk, Some(&id), error)?;
            }
        }
        Ok(())
    }

    /// Reads up to a message, or to the newest.
    async fn read(&mut self, over: Over, talk: &Talk) -> Result<()> {
        let up_to = if self.random.u8(..100) < 70 {
            self.choose(talk, |_| true).await?
        } else {
            None
        };
        let (user, key) = (self.user()?, key(self.client.user(), talk)?);
        let write = Write::read(talk, up_to.as_ref().map(|(id, _)| id.as_str()));
        let (when, Written { attempts, answer }) = self.write(over, &write).await?;
        match &answer {
            Ok(Value::Null) => {}
            Ok(answer) => {
                let seq = number_of(&answer["read"]["seq"])?;
                let mut ledger = self.ledger();
                if up_to.as_ref().is_some_and(|(_, asked)| seq < *asked) {
                    ledger.wrong.push(format!("{key}: {user} has read up to {seq} only"));
                }
                ledger.read(&key, seq, user, up_to.is_none(), when);
            }
            Err(error) => {
                if let Some((_, seq)) = up_to.as_ref().filter(|_| attempts > 1) {
                    self.ledger().perhaps_read(&key, user, *seq);
                }
                self.refused(talk, up_to.as_ref().map(|(id, _)| id.as_str()), error)?;
            }
        }
        Ok(())
    }

    /// Gives a reaction, or takes one back, which need not have been given.
    async fn react(&mut self, over: Over, talk: &Talk) -> Result<()> {
        let Some((id, _)) = self.choose(talk, |_| true).await? else {
            return Ok(());
        };
        let give = self.random.u8(..100) < 65;
        let reaction = self.random.choice(REACTIONS).context("there are some")?;
        let user = self.user()?;
        let (when, written) = self.write(over, &Write::react(talk, &id, reaction, give)).await?;
        match &written.answer {
            Ok(answer) => {
                let rev = number_of(&answer["entry"]["rev"])?;
                let mut given = answer["entry"]["reactions"].as_array().into_iter().flatten();
                let is_mine = given.any(|given| given["reaction"] == reaction && given["mine"] == true);
                let mut ledger = self.ledger();
                if is_mine != give {
                    ledger
                        .wrong
                        .push(format!("{id}: the answer to a reaction of {user} does not show it"));
                }
                ledger.reacted(&id, user, reaction, give, rev, when);
            }
            Err(error) => {
                self.ledger().perhaps_reacted(&id, user, reaction, give, when);
                self.refused(talk, Some(&id), error)?;
            }
        }
        Ok(())
    }

    /// Joins or leaves a topic.
    async fn come_or_go(&mut self, topic: &Talk) -> Result<()> {
        if !topic.is_topic() || self.home.as_ref() == Some(topic) {
            return Ok(());
        }
        if self.random.bool() {
            return self.join(topic).await;
        }
        let (user, key) = (self.user()?, key(self.client.user(), topic)?);
        self.ledger().leaves(&key, user);
        let (when, written) = self.write(Over::Rest, &Write::leave(topic)).await?;
        match &written.answer {
            Ok(answer) => {
                let rev = answer["state"]["rev"].as_u64();
                self.ledger().left(&key, user, rev, when);
            }
            Err(error) => self.refused(topic, None, error)?,
        }
        Ok(())
    }

    /// Joins a topic.
    pub(crate) async fn join(&self, topic: &Talk) -> Result<()> {
        let (user, key) = (self.user()?, key(self.client.user(), topic)?);
        // Who is no member now will have nothing to read of what is there.
        let newest = {
            let ledger = self.ledger();
            if ledger.may_be_member(&key, user, true) {
                0
            } else {
                ledger.newest(&key)
            }
        };
        let (when, written) = self.write(Over::Rest, &Write::join(topic)).await?;
        match &written.answer {
            Ok(answer) => {
                let (rev, seq) = (number_of(&answer["state"]["rev"])?, number_of(&answer["read"]["seq"])?);
                let mut ledger = self.ledger();
                if seq < newest {
                    let what = format!("{key}: {user} has joined at {seq}, with {newest} messages before");
                    ledger.wrong.push(what);
                }
                ledger.joined(&key, user, seq, rev, when);
            }
            Err(error) => self.refused(topic, None, error)?,
        }
        Ok(())
    }

    /// Mutes or pins a conversation, or hides it until the next message; or the other way round.
    async fn set(&mut self, talk: &Talk) -> Result<()> {
        let on = self.random.bool();
        if self.random.u8(..100) < 30 {
            // Whether it stays hidden depends on the messages that come meanwhile.
            let hide = Write::settings(talk, json!({"hidden": on}));
            let (_, written) = self.write(Over::Rest, &hide).await?;
            return written
                .answer
                .as_ref()
                .map_or_else(|error| self.refused(talk, None, error), |_| Ok(()));
        }
        match self.random.choice(self.settings.clone()) {
            Some(setting) => self.turn(talk, setting, on).await,
            None => Ok(()),
        }
    }

    /// Sets a setting.
    pub(crate) async fn turn(&self, talk: &Talk, setting: Setting, on: bool) -> Result<()> {
        let (user, key) = (self.user()?, key(self.client.user(), talk)?);
        let write = Write::settings(talk, json!({setting.name(): on}));
        let (when, written) = self.write(Over::Rest, &write).await?;
        match &written.answer {
            Ok(_) => self.ledger().set(&key, user, setting, on, when),
            Err(error) => self.refused(talk, None, error)?,
        }
        Ok(())
    }

    /// One of the newest messages that are like this. A client without a connection asks for the newest.
    async fn choose(&mut self, talk: &Talk, is: impl Fn(&Value) -> bool) -> Result<Option<(String, u64)>> {
        let messages = if self.is_connected {
            self.client.newest(talk, RECENT).await?
        } else {
            let path = format!("{}?per_page={RECENT}", talk.path());
            let answer = self.client.user().call(Method::GET, &path, None).await;
            // Without an answer it chooses nothing.
            let mut body = answer.map(|answer| answer.body).unwrap_or_default();
            body["messages"].as_array_mut().map(std::mem::take).unwrap_or_default()
        };
        let chosen = self
            .random
            .choice(messages.iter().filter(|message| is(message)).collect::<Vec<_>>());
        chosen
            .map(|message| Ok((text_of(&message["id"])?.to_owned(), number_of(&message["seq"])?)))
            .transpose()
    }

    /// Up to two participants whom a message can mention: those who have written there lately.
    async fn others(&mut self, talk: &Talk) -> Result<Vec<u64>> {
        let me = self.user()?;
        let mut users = Vec::new();
        for message in self.client.newest(talk, RECENT).await? {
            let author = number_of(author_of(&message))?;
            if author != me && !users.contains(&author) {
                users.push(author);
            }
        }
        self.random.shuffle(&mut users);
        users.truncate(2);
        Ok(users)
    }

    /// Asks until there is an answer.
    async fn write(&self, over: Over, write: &Write) -> Result<(When, Written)> {
        let asked = self.now();
        let written = self.client.write(over, write).await?;
        self.ledger().asked_again(u64::from(written.attempts.saturating_sub(1)));
        let when = When {
            asked,
            answered: self.now(),
            attempts: written.attempts,
        };
        Ok((when, written))
    }

    fn refused(&self, talk: &Talk, message: Option<&str>, error: &Value) -> Result<()> {
        let refused = Refused {
            message: message.map(str::to_owned),
            ..self.refusal(&key(self.client.user(), talk)?, error)?
        };
        self.ledger().refused(refused);
        Ok(())
    }

    fn refusal(&self, key: &str, error: &Value) -> Result<Refused> {
        Ok(Refused {
            status: number_of(&error["status"])?,
            key: key.to_owned(),
            by: self.user()?,
            ..Refused::default()
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn user(&self) -> Result<u64> {
        number_of(&self.client.user().id)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a conversation as this user names it, whose id is a number, as is that of the other one.
pub(crate) fn key(user: &User, talk: &Talk) -> Result<String> {
    if talk.is_topic() {
        return Ok(format!("myplatform:topic:{}", text_of(talk.id())?));
    }
    let (one, other) = (number_of(&user.id)?, number_of(talk.id())?);
    Ok(format!("myplatform:dm:{}-{}", one.min(other), one.max(other)))
}

/// A message's author: the id, or in a history the platform's object.
fn author_of(message: &Value) -> &Value {
    let author = &message["author"];
    if author.is_object() { &author["id"] } else { author }
}

#[track_caller]
pub(crate) fn number_of(value: &Value) -> Result<u64> {
    let at = Location::caller();
    value.as_u64().with_context(|| format!("{value} is no number at {at}"))
}

pub(crate) fn text_of(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

//! A client that goes through it all: the model in Rust, or the client in JavaScript.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::follower::{Over, Talk, Tally, Write, Written};
use tests::{Follower, User};
use tokio::time::Instant;

use crate::javascript::Script;
use crate::observe;
use crate::sight::View;

/// What a proof needs of a client.
#[derive(Clone, Debug)]
pub(crate) enum Client {
    /// The one by which the rules of `docs/clients.md` are tested.
    Rust(Follower),
    /// The package `senna-chat`.
    JavaScript(Box<Script>),
}

impl Client {
    /// Whose client it is.
    pub(crate) fn user(&self) -> &User {
        match self {
            Self::Rust(follower) => follower.user(),
            Self::JavaScript(script) => script.user(),
        }
    }

    /// Asks until there is an answer. The client in JavaScript chooses by itself how it asks. Its answer is null where it asked for nothing,
    /// because it knew that it was done.
    pub(crate) async fn write(&self, over: Over, write: &Write) -> Result<Written> {
        match self {
            Self::Rust(follower) => Ok(follower.write(over, write).await),
            Self::JavaScript(script) => script.write(write).await,
        }
    }

    /// So many of the newest messages that it knows of a conversation, the newest first.
    pub(crate) async fn newest(&self, talk: &Talk, count: usize) -> Result<Vec<Value>> {
        match self {
            Self::Rust(follower) => Ok(follower.newest(talk, count)),
            Self::JavaScript(script) => script.newest(talk, count).await,
        }
    }

    /// Drops the connection without a goodbye. A new one comes after this time at the earliest.
    pub(crate) fn cut(&self, away: Duration) {
        match self {
            Self::Rust(follower) => follower.cut(away),
            Self::JavaScript(script) => script.cut(away),
        }
    }

    /// Returns when it knows all that had happened by then, which is not later than now.
    pub(crate) async fn rest(&self, quiet: Instant) -> Result<()> {
        match self {
            Self::Rust(follower) => {
                let is_at_rest = |status: &tests::follower::Status| status.caught_up.is_some_and(|with| with >= quiet);
                follower.status().wait_for(is_at_rest).await?;
                Ok(())
            }
            Self::JavaScript(script) => script.rest().await,
        }
    }

    /// What it still has to ask for, for a report.
    pub(crate) fn owes(&self) -> String {
        match self {
            Self::Rust(follower) => follower.owes(),
            Self::JavaScript(_) => "it is the one in JavaScript".to_owned(),
        }
    }

    /// The ids of its connections. While one takes the place of another it has two.
    pub(crate) async fn connections(&self) -> Result<Vec<String>> {
        match self {
            Self::Rust(follower) => Ok(follower.status().borrow().connection.iter().cloned().collect()),
            Self::JavaScript(script) => Ok(script.status().await?.connections),
        }
    }

    /// What it has been through.
    pub(crate) async fn tally(&self) -> Result<Tally> {
        match self {
            Self::Rust(follower) => Ok(follower.tally()),
            Self::JavaScript(script) => Ok(script.status().await?.tally),
        }
    }

    /// What it shows of a conversation.
    pub(crate) async fn view(&self, talk: &Talk) -> Result<View> {
        match self {
            Self::Rust(follower) => observe::view(follower, talk),
            Self::JavaScript(script) => script.view(talk).await.context("a client in JavaScript"),
        }
    }
}

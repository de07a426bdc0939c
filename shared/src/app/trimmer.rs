//! Removes what is older than its site keeps.

use futures_util::stream::{self, StreamExt as _};

use super::Progress;
use crate::domain::limits::TRIM_EVERY_MS;
use crate::domain::{Conversation, Domain, Projection, Retention};
use crate::error::Chain;
use crate::ports::{Clock, Store, Trimmed, Trimming, Unavailable, Walk};

/// Conversations that are looked at, or members who are told, at once.
const AT_ONCE: usize = 16;

/// Walks through all conversations once an hour, and removes the messages and reports that are too old.
///
/// It may die anywhere: the next one goes on. Two at once do the same twice, which changes nothing.
#[derive(Clone, Copy)]
pub struct Trimmer<'a> {
    /// Where members are told.
    pub store: &'a dyn Store,
    /// Where old messages stand.
    pub trimming: &'a dyn Trimming,
    /// How long each site keeps messages.
    pub retention: &'a Retention,
    /// All sites of the installation.
    pub sites: &'a [Domain],
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Trimmer<'_> {
    /// Takes steps until the walk is done or it is `until_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Unavailable`]; the next call goes on.
    pub async fn run(&self, until_ms: u64) -> Result<(), Unavailable> {
        while self.clock.now_ms() < until_ms && self.step(until_ms).await? == Progress::More {}
        Ok(())
    }

    /// Looks at the next conversations of the walk, a bounded number. If it is `until_ms` before all of them are done, the next step looks at them
    /// again. The first step of a walk removes the old reports.
    ///
    /// # Errors
    /// [`Unavailable`]; the next step goes on.
    pub async fn step(&self, until_ms: u64) -> Result<Progress, Unavailable> {
        if self.retention.is_off() {
            return Ok(Progress::Done);
        }
        let now_ms = self.clock.now_ms();
        let begun = self.trimming.walk().await?;
        let (mut walk, place) = match begun {
            Some(Walk { began_ms, place: None }) if now_ms < began_ms + TRIM_EVERY_MS => return Ok(Progress::Done),
            Some(Walk {
                began_ms,
                place: Some(place),
            }) => (Walk { began_ms, place: None }, place),
            _ => {
                self.trim_reports(now_ms).await?;
                let began_ms = now_ms;
                (Walk { began_ms, place: None }, String::new())
            }
        };
        let stretch = self.trimming.stretch(&place).await?;
        let mut looking = stream::iter(&stretch.conversations)
            .map(|conversation| self.trim(conversation, now_ms, until_ms))
            .buffer_unordered(AT_ONCE);
        let (mut failed, mut is_late) = (None, false);
        while let Some(looked) = looking.next().await {
            match looked {
                Ok(progress) => is_late |= progress == Progress::More,
                Err(error) => failed = Some(error),
            }
        }
        drop(looking);
        if let Some(error) = failed {
            // A conversation that fails each time must not keep the others from their turn. The next walk looks at it again.
            tracing::error!(error = %Chain(&error), "old messages were not removed from every conversation");
        }
        walk.place = if is_late { Some(place) } else { stretch.next };
        self.trimming.keep_walk(&walk).await?;
        Ok(match walk.place {
            Some(_) => Progress::More,
            None => Progress::Done,
        })
    }

    async fn trim_reports(&self, now_ms: u64) -> Result<(), Unavailable> {
        for site in self.sites {
            if let Some(before_ms) = self.retention.before_ms(site, now_ms) {
                while self.trimming.trim_reports(site, before_ms).await? {}
            }
        }
        Ok(())
    }

    /// Removes the old messages of a conversation, and tells its members what is left.
    async fn trim(&self, conversation: &Conversation, now_ms: u64, until_ms: u64) -> Result<Progress, Unavailable> {
        let Some(before_ms) = self.retention.before_ms(conversation.domain(), now_ms) else {
            return Ok(Progress::Done);
        };
        let mut told = None;
        while self.clock.now_ms() < until_ms {
            match self.trimming.trim(conversation, before_ms, told.as_deref()).await? {
                Trimmed::Nothing => return Ok(Progress::Done),
                Trimmed::More => {}
                Trimmed::ToTell(projection, note) => {
                    self.tell(conversation, &projection).await?;
                    told = Some(note);
                }
            }
        }
        Ok(Progress::More)
    }

    /// Tells all members, also when one of them cannot be told. Nothing is pushed: a client goes on showing what it has.
    async fn tell(&self, conversation: &Conversation, projection: &Projection) -> Result<(), Unavailable> {
        let mut telling = stream::iter(&projection.members)
            .map(|member| self.store.tell(conversation, projection, member))
            .buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some(told) = telling.next().await {
            failed = told.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}

//! What is fleeting: who types, and who is there.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::time::sleep;
use tracing::{Span, field};

use super::fan_out::{self, Post};
use super::speaker::check;
use super::usage::check_frame;
use super::{Usage, asker, conversation};
use crate::domain::limits::OFFLINE_AFTER_MS;
use crate::domain::{
    ConnectionId, Domain, Id, Principal, Target, TopicAccess, TopicClaim, TopicRules, Use, User, Watcher,
};
use crate::error::{ApiError, Chain};
use crate::ports::{
    Clock, Due, Presence, PresenceReader, Push, Signals, Store, Taking, Terms, Unavailable, Watches, Watching,
};
use crate::wire;

/// How long a function may look for users who are due to be told offline, in milliseconds. API Gateway gives `$disconnect` 29 s; the rest is for
/// the last users.
const LOOK_MS: u64 = 24_000;

/// A user, whether the user is online, and when the user was last active in milliseconds since 1970.
pub type Seen = (Id, Presence);

/// Tells what is fleeting.
#[derive(Clone, Copy)]
pub struct Signaller<'a> {
    /// Where connections are.
    pub store: &'a dyn Store,
    /// Where it is kept who watches.
    pub signals: &'a dyn Signals,
    /// How watchers hear of it.
    pub push: &'a dyn Push,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who may see what of topics.
    pub topics: TopicRules,
    /// Whether users see who is online.
    pub shows_presence: bool,
    /// How much users may do.
    pub usage: Usage<'a>,
}

impl Signaller<'_> {
    /// Records a connection. If the user comes online by it, the user's watchers are told. If the user then has too many connections, the oldest one
    /// is ended.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`], [`ApiError::Banned`], [`ApiError::TokenRevoked`], [`ApiError::Unavailable`].
    pub async fn connect(
        &self,
        principal: &Principal,
        connection: &ConnectionId,
        opened_ms: u64,
    ) -> Result<(), ApiError> {
        let takings = self.usage.of_handshake(true);
        self.open(principal, connection, opened_ms, &takings).await
    }

    async fn open(
        &self,
        principal: &Principal,
        connection: &ConnectionId,
        opened_ms: u64,
        takings: &[Taking],
    ) -> Result<(), ApiError> {
        let mut principal = principal.clone();
        if self.topics.access != TopicAccess::Claim {
            // Nobody asks for them, and they may be many.
            principal.topics = TopicClaim::default();
        }
        let terms = Terms {
            connections_max: self.usage.limits.connections_max,
            takings,
        };
        let opening = self.store.open_connection(&principal, connection, opened_ms, terms);
        let opened = opening.await?;
        self.usage.mark(connection, opened.near_until_ms).await;
        let mut posts: Vec<_> = Post::ending(&principal.user, opened.ended).into_iter().collect();
        let presence = Presence {
            online: true,
            active_ms: Some(opened.active_ms),
            ..Presence::default()
        };
        if self.shows_presence {
            posts.extend(presence_posts(&principal.user, presence, &opened.watchers));
        }
        fan_out::push_all(self.store, self.push, posts).await;
        Ok(())
    }

    /// Extends a connection until another token of its user ends, and renews what it watches, as far as that token allows it. That takes as many
    /// frames as to watch it did.
    ///
    /// # Errors
    /// As [`Signaller::connect`].
    pub async fn renew(
        &self,
        principal: &Principal,
        connection: &ConnectionId,
        opened_ms: u64,
    ) -> Result<(), ApiError> {
        let takings = self.usage.of_handshake(false);
        self.open(principal, connection, opened_ms, &takings).await?;
        let watches = self.signals.watched(connection).await?;
        if watches == Watches::default() {
            return Ok(());
        }
        match self.watch(connection, watches).await {
            Err(error @ (ApiError::Unavailable(_) | ApiError::RateLimited { .. })) => Err(error),
            // It may not watch the topic any more, and does not.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Refuses what a connection asks for after its token.
    async fn check(&self, principal: &Principal, connection: &ConnectionId) -> Result<(), ApiError> {
        check(self.store, self.push, self.clock.now_ms(), principal, connection).await
    }

    /// Forgets a connection. If its user is offline now, watchers are told some seconds later, so that a reconnect is no flicker. One function at a
    /// time stays awake for that, and tells of all users of the site who are due meanwhile.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn disconnect(&self, connection: &ConnectionId) -> Result<(), ApiError> {
        let ended = self.store.end_connection(connection).await?;
        let Some(ended) = ended.filter(|ended| ended.offline && self.shows_presence) else {
            return Ok(());
        };
        let now = self.clock.now_ms();
        let until_ms = now + LOOK_MS;
        let due_ms = now + OFFLINE_AFTER_MS;
        if self.signals.note_offline(&ended.user, due_ms, until_ms).await? {
            self.look(&ended.user, due_ms, until_ms).await?;
        }
        Ok(())
    }

    /// Waits until users are due, and tells their watchers, until nobody is due or the time is over. Users whose watchers are not told by then stay
    /// due for the next look, which may tell those of the last fan-out a second time.
    async fn look(&self, user: &User, mut due_ms: u64, until_ms: u64) -> Result<(), Unavailable> {
        let mut told = Due::default();
        while due_ms.max(self.clock.now_ms()) <= until_ms {
            sleep(Duration::from_millis(due_ms.saturating_sub(self.clock.now_ms()))).await;
            let due = self.signals.take_due(&user.domain, until_ms, &told).await?;
            told = self.tell_offline(&user.domain, due.users).await;
            told.again_ms = due.again_ms;
            due_ms = match due.next_ms {
                None => break,
                // The next call says who was told.
                Some(_) if !told.users.is_empty() => 0,
                Some(next_ms) => next_ms,
            };
        }
        Ok(())
    }

    /// Tells the watchers of users who are offline, in one fan-out. Answers whom it need not try again.
    async fn tell_offline(&self, domain: &Domain, users: Vec<Id>) -> Due {
        let (mut told, mut posts) = (Due::default(), Vec::new());
        let lookups = users.into_iter().map(async |id| {
            let user = User {
                domain: domain.clone(),
                id,
            };
            (self.signals.watchers_of_offline(&user).await, user)
        });
        for (found, user) in join_all(lookups).await {
            match found {
                Ok((watchers, active_ms)) => {
                    let presence = Presence {
                        active_ms,
                        ..Presence::default()
                    };
                    posts.extend(presence_posts(&user, presence, &watchers));
                    told.users.push(user.id);
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "watchers are told later who is offline"),
            }
        }
        fan_out::push_all(self.store, self.push, posts).await;
        told
    }

    /// Has a connection told of the presence of users, and of what is fleeting in the conversation on its screen; in place of what it watched
    /// before. Answers the presence of these users as it is now.
    ///
    /// # Errors
    /// [`ApiError::ConnectionUnknown`], [`ApiError::ConnectionExpired`], [`ApiError::RateLimited`], [`ApiError::NotAMember`],
    /// [`ApiError::Unavailable`].
    pub async fn watch(&self, connection: &ConnectionId, mut watches: Watches) -> Result<Vec<Seen>, ApiError> {
        let frames = self.usage.limits.bucket(Use::Frames);
        let asked = watches.users.clone();
        if !self.shows_presence {
            watches.users.clear();
        }
        let watching = self.signals.watch(connection, &watches, frames).await?;
        let watching = watching.ok_or(ApiError::ConnectionUnknown)?;
        check_frame(watching.frame_wait_ms)?;
        self.check(&watching.principal, connection).await?;
        let user = &watching.principal.user;
        let before: Vec<_> = watching.before.iter().map(|before| before.without(&watches)).collect();
        let (seen, is_member, ()) = tokio::join!(
            self.watch_users(connection, &watching, &watches),
            self.watch_conversation(connection, &watching, watches.conversation.as_ref()),
            self.leave(user, connection, &before)
        );
        let (is_member, mut seen) = match (is_member, seen) {
            (Ok(is_member), Ok(seen)) => (is_member, seen),
            (is_member, seen) => {
                // The client may not see the topic, or nobody knows what it may see: it watches nothing.
                self.signals.unwatch(user, connection, &watches).await?;
                is_member?;
                return Ok(seen?);
            }
        };
        let mut strangers = Watches::default();
        for (id, presence) in &mut seen {
            if !is_shown(user, id, *presence, is_member) {
                // A member of the topic was watched for that; others may have been companions at the last watch.
                let is_watched = presence.is_member || watching.before.iter().any(|before| before.users.contains(id));
                strangers.users.extend(is_watched.then(|| id.clone()));
                *presence = Presence::default();
            }
        }
        if !strangers.users.is_empty() {
            self.signals.unwatch(user, connection, &strangers).await?;
        }
        Ok(asked
            .into_iter()
            .map(|id| {
                let known = seen.iter().find(|(of, _)| *of == id);
                let presence = known.map_or(Presence::default(), |(_, presence)| *presence);
                (id, presence)
            })
            .collect())
    }

    /// Ends what a connection watched; if that fails, it ends with the connection.
    async fn leave(&self, user: &User, connection: &ConnectionId, before: &[Watches]) {
        let left = before
            .iter()
            .map(|before| self.signals.unwatch(user, connection, before));
        if let Err(error) = try_join_all(left).await {
            tracing::warn!(error = %Chain(&error), "a connection goes on to watch what it left");
        }
    }

    async fn watch_users(
        &self,
        connection: &ConnectionId,
        watching: &Watching,
        watches: &Watches,
    ) -> Result<Vec<Seen>, Unavailable> {
        let topic = match &watches.conversation {
            Some(Target::Topic(id)) => Some(id),
            _ => None,
        };
        let reader = PresenceReader {
            user: &watching.principal.user,
            topic,
            connection: Some((connection, watching.expires_ms)),
        };
        presences(self.signals, &watches.users, reader).await
    }

    /// Says whether the user is a member.
    async fn watch_conversation(
        &self,
        connection: &ConnectionId,
        watching: &Watching,
        target: Option<&Target>,
    ) -> Result<bool, ApiError> {
        let Some(target) = target else { return Ok(false) };
        let reader = asker(self.topics, &watching.principal, target)?;
        let conversation = conversation(&watching.principal.user, target);
        let watched = self
            .signals
            .watch_conversation(&conversation, &reader, connection, watching.expires_ms);
        Ok(watched.await?)
    }

    /// Tells those who have the conversation on the screen that the connection's user begins to type, or stops.
    ///
    /// # Errors
    /// [`ApiError::ConnectionUnknown`], [`ApiError::ConnectionExpired`], [`ApiError::RateLimited`], [`ApiError::TypingTooOften`],
    /// [`ApiError::NotAMember`], [`ApiError::Unavailable`].
    pub async fn types(&self, connection: &ConnectionId, target: &Target, starts: bool) -> Result<(), ApiError> {
        let frames = self.usage.limits.bucket(Use::Frames);
        let typing = self.signals.typing(connection, target, starts, frames).await?;
        let typing = typing.ok_or(ApiError::ConnectionUnknown)?;
        check_frame(typing.frame_wait_ms)?;
        self.check(&typing.principal, connection).await?;
        if typing.wait_ms > 0 {
            return Err(ApiError::TypingTooOften(typing.wait_ms));
        }
        if !typing.is_news {
            return Ok(());
        }
        let user = &typing.principal.user;
        let by = asker(self.topics, &typing.principal, target)?;
        let conversation = conversation(user, target);
        let watchers = self.signals.watchers(&conversation, &by).await?;
        let posts: Vec<_> = others(&watchers, &user.id)
            .filter_map(|watcher| {
                let event = wire::typing_event(&watcher.user, &conversation, &user.id, starts)?;
                Some(Post::on_screen(&conversation, watcher, event))
            })
            .collect();
        fan_out::push_all(self.store, self.push, posts).await;
        Ok(())
    }
}

/// Those who watch, but for the connections of the user who is watched.
fn others<'a>(watchers: &'a [Watcher], by: &Id) -> impl Iterator<Item = &'a Watcher> {
    watchers.iter().filter(move |watcher| watcher.user != *by)
}

/// What those who watch a user are told.
fn presence_posts(of: &User, presence: Presence, watchers: &[Watcher]) -> impl Iterator<Item = Post> {
    others(watchers, &of.id).filter_map(move |watcher| {
        let event = wire::presence_event(&of.id, presence)?;
        Some(Post::about(of, watcher, event))
    })
}

/// The presence of users, as far as the reader may know it. Without signals, nobody is shown.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn presence(signals: Option<&dyn Signals>, user: &User, of: &[Id]) -> Result<Vec<Seen>, ApiError> {
    Span::current().record("user", field::display(&user.id));
    let Some(signals) = signals else {
        return Ok(of.iter().map(|id| (id.clone(), Presence::default())).collect());
    };
    let reader = PresenceReader {
        user,
        topic: None,
        connection: None,
    };
    let mut seen = presences(signals, of, reader).await?;
    for (id, presence) in &mut seen {
        if !is_shown(user, id, *presence, false) {
            *presence = Presence::default();
        }
    }
    Ok(seen)
}

async fn presences(signals: &dyn Signals, of: &[Id], reader: PresenceReader<'_>) -> Result<Vec<Seen>, Unavailable> {
    let presences = of
        .iter()
        .map(async |id| Ok((id.clone(), signals.presence(id, reader).await?)));
    try_join_all(presences).await
}

/// Whether a reader may know the presence of a user: of oneself, of who has written to the reader, and of members of a topic that both are in.
fn is_shown(reader: &User, of: &Id, presence: Presence, is_member: bool) -> bool {
    *of == reader.id || presence.has_written || is_member && presence.is_member
}

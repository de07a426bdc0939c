//! The actions of the platform's own server. It may do everything, as a user or as the platform itself.

use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::fan_out::{self, Post};
use super::write::{Caller, Writer};
use super::{Counted, conversation};
use crate::domain::limits::{PLATFORM_PAGE_BYTES, VERSIONS_AT_ONCE};
use crate::domain::{
    Actor, Admission, Asker, Ban, ConnectionId, Conversation, Domain, Draft, Id, Job, Message, Outcome, Principal,
    Role, Target, TopicClaim, User,
};
use crate::error::ApiError;
use crate::ports::{Clock, Moderation, Oversight, Recorded, Unavailable, Versions, Watches};

/// Sites on which tokens are revoked at once.
const SITES_AT_ONCE: usize = 16;

/// Carries out what the platform's server asks for.
///
/// Changes of conversations keep the promises of [`Writer`]: members are told and pushed to as with any other change.
#[derive(Clone, Copy)]
pub struct Platform<'a> {
    /// Changes conversations. The access rules of topics and the limits of use do not apply to the platform.
    pub writer: Writer<'a>,
    /// The store of bans and revocations.
    pub oversight: &'a dyn Oversight,
    /// The store of reports and earlier versions.
    pub moderation: &'a dyn Moderation,
    /// All sites: a token is good on each of them.
    pub sites: &'a [Domain],
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Platform<'_> {
    /// Sends a message as a user, who thereby joins the topic; or as the platform itself, in the user's conversation.
    ///
    /// # Errors
    /// As [`Writer::send`].
    pub async fn send(
        &self,
        user: &User,
        target: &Target,
        draft: &Draft,
        as_system: bool,
    ) -> Result<Outcome, ApiError> {
        let author = Asker {
            id: if as_system { Id::system() } else { user.id.clone() },
            admission: Admission::Open,
        };
        self.writer.send_by(author, &caller(user), target, draft).await
    }

    /// Deletes any message of the conversation that `user` calls `target`.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Unavailable`].
    pub async fn delete(&self, user: &User, target: &Target, message_id: &str) -> Result<Outcome, ApiError> {
        self.writer
            .delete_by(&Actor::Platform, &caller(user), target, message_id)
            .await
    }

    /// Adds a member to a topic, or changes a member's role.
    ///
    /// # Errors
    /// [`ApiError::TopicFull`], [`ApiError::Unavailable`].
    pub async fn put_member(
        &self,
        domain: &Domain,
        topic: &Target,
        member: &Id,
        role: Option<Role>,
    ) -> Result<Outcome, ApiError> {
        let caller = caller(&nobody(domain));
        self.writer
            .put_member_by(&Actor::Platform, &caller, topic, member, role)
            .await
    }

    /// Removes a member from a topic.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn remove_member(&self, domain: &Domain, topic: &Target, member: &Id) -> Result<Outcome, ApiError> {
        let (writer, caller) = (self.writer, caller(&nobody(domain)));
        writer.remove_member_by(&Actor::Platform, &caller, topic, member).await
    }

    /// Bans a user and ends the user's connections. The ban replaces an earlier one.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if the ban is over already; [`ApiError::Unavailable`]: the user may then be banned or not, and it is safe to ask
    /// again.
    pub async fn ban(&self, user: &User, ban: &Ban) -> Result<(), ApiError> {
        if ban.until_ms.is_some_and(|until_ms| until_ms <= self.clock.now_ms()) {
            return Err(ApiError::InvalidField {
                field: "until",
                expected: "a time in the future",
            });
        }
        let banning = self.oversight.ban(user, ban);
        let Some(later) = self.writer.later else {
            return Ok(self.end(user, &banning.await?).await?);
        };
        let (user, at_ms) = (user.clone(), self.clock.now_ms());
        let job = Job::Banned {
            user: user.clone(),
            at_ms,
        };
        let (connections, promise) = later.promising(job, banning).await?;
        let (ended, ()) = join(self.end(&user, &connections), later.keep(&promise)).await;
        Ok(ended?)
    }

    /// Ends the ban of a user, if there is one.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn unban(&self, user: &User) -> Result<(), ApiError> {
        Ok(self.oversight.unban(user).await?)
    }

    /// The user's ban, if there is one and it is not over.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn ban_of(&self, user: &User) -> Result<Option<Ban>, ApiError> {
        let now = self.clock.now_ms();
        let ban = self.oversight.ban_of(user).await?;
        Ok(ban.filter(|ban| ban.until_ms.is_none_or(|until_ms| until_ms > now)))
    }

    /// Revokes a user's tokens on all sites, and ends the user's connections there. Returns from when on a token must be issued to be accepted, in
    /// milliseconds since 1970: the next whole second, because tokens tell whole seconds (RFC 7519, section 4.1.6).
    ///
    /// # Errors
    /// [`ApiError::Unavailable`]; it is safe to ask again.
    pub async fn revoke(&self, id: &Id) -> Result<u64, ApiError> {
        let at_ms = self.next_second_ms();
        let revoking = self.sites.iter().map(async |domain| {
            let user = User {
                domain: domain.clone(),
                id: id.clone(),
            };
            self.revoke_until(&user, at_ms).await
        });
        let revoked: Result<Vec<()>, _> = stream::iter(revoking)
            .buffer_unordered(SITES_AT_ONCE)
            .try_collect()
            .await;
        revoked?;
        Ok(at_ms)
    }

    /// Revokes a user's tokens on the user's site alone, and ends the user's connections there.
    ///
    /// # Errors
    /// [`Unavailable`]; it is safe to ask again.
    pub(super) async fn revoke_on_site(&self, user: &User) -> Result<(), Unavailable> {
        self.revoke_until(user, self.next_second_ms()).await
    }

    fn next_second_ms(&self) -> u64 {
        self.clock.now_ms().div_ceil(1000) * 1000
    }

    async fn revoke_until(&self, user: &User, at_ms: u64) -> Result<(), Unavailable> {
        let connections = self.oversight.revoke(user, at_ms).await?;
        self.end(user, &connections).await
    }

    /// A page of the conversation that `user` calls `target`, deleted messages too: newest first, below a position. With it the kept versions, by
    /// position. They may be twenty times as long as the messages. So they are read for a few messages at a time, and the page ends early when it is full.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn recorded(
        &self,
        user: &User,
        target: &Target,
        below: Option<u64>,
        count: u64,
    ) -> Result<(Conversation, Recorded, Versions), ApiError> {
        let conversation = conversation(user, target);
        let mut recorded = self.oversight.recorded(&conversation, below, count).await?;
        let (mut versions, mut bytes, mut shown) = (Versions::new(), 0, 0);
        for part in recorded.messages.chunks(VERSIONS_AT_ONCE) {
            if bytes > PLATFORM_PAGE_BYTES {
                break;
            }
            let seqs: Vec<u64> = part.iter().map(|stored| stored.id.seq).collect();
            let before = self.moderation.versions(&conversation, &seqs).await?;
            let now = part.iter().filter_map(|stored| stored.message.as_ref());
            bytes += now.chain(before.values().flatten()).map(bytes_of).sum::<usize>();
            versions.extend(before);
            shown += part.len();
        }
        if shown < recorded.messages.len() {
            recorded.messages.truncate(shown);
            recorded.next = recorded.messages.last().map(|stored| stored.id.seq);
        }
        Ok((conversation, recorded, versions))
    }

    /// Forgets connections, so that their next frame is refused, and then ends them. All are ended, even if the store fails for one.
    pub(super) async fn end(&self, user: &User, connections: &[ConnectionId]) -> Result<(), Unavailable> {
        let watches = Watches::default();
        let closing = connections
            .iter()
            .map(|connection| self.writer.store.close_connection(user, connection, &watches));
        let closed = join_all(closing).await;
        let ending = Post::ending(user, connections.to_vec());
        fan_out::push_all(self.writer.store, self.writer.push, ending).await;
        closed.into_iter().collect()
    }
}

/// How much a message takes at the least.
fn bytes_of(message: &Message) -> usize {
    let metadata = message.metadata.as_ref();
    message.body.content().len() + metadata.map_or(0, |metadata| metadata.as_json().len())
}

/// The platform's server in place of a user. It has no connection of its own, so all connections of the user are told.
pub(super) fn caller(user: &User) -> Caller {
    Caller {
        principal: Principal {
            user: user.clone(),
            topics: TopicClaim::default(),
            until_ms: None,
            issued_ms: None,
        },
        connection: None,
        counted: Counted::Never,
    }
}

/// Stands for the user in a request about a topic, which names none.
fn nobody(domain: &Domain) -> User {
    User {
        domain: domain.clone(),
        id: Id::system(),
    }
}

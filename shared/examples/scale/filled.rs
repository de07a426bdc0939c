//! Conversations and inboxes of a size.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use shared::adapters::clock::SystemClock;
use shared::domain::limits::{CONNECTIONS_MAX, TOPIC_MEMBERS_MAX};
use shared::domain::{
    Actor, Admission, Asker, Body, BodyKind, ConnectionId, Conversation, Cursor, Decision, Domain, Draft, Id,
    MessageId, Principal, Target, TopicClaim, User,
};
use shared::ports::{Clock as _, PageBounds, Store as _, Terms};

use crate::{Error, Store};

/// Writes under way at once while something is filled.
const AT_ONCE: usize = 64;

/// A conversation of a size.
pub(crate) struct Filled {
    pub(crate) size: u64,
    pub(crate) chat: Conversation,
    pub(crate) author: User,
    pub(crate) reader: User,
    /// Id and revision of each message, in their order.
    messages: Vec<(MessageId, u64)>,
}

impl Filled {
    /// A direct conversation.
    pub(crate) async fn new(store: &Store, size: u64) -> Result<Self, Error> {
        let (author, reader) = (user(1_000_000_000 + size)?, user(2_000_000_000 + size)?);
        let chat = Conversation::of(&author, &Target::User(reader.id.clone()));
        Self::fill(store, size, chat, author, reader).await
    }

    /// A topic with two members.
    pub(crate) async fn topic(store: &Store, size: u64) -> Result<Self, Error> {
        let (author, reader) = (user(5_000_000_000 + size)?, user(6_000_000_000 + size)?);
        let chat = Conversation::of(&author, &Target::Topic(user(size)?.id));
        for member in [&author, &reader] {
            join(store, &chat, member).await?;
        }
        Self::fill(store, size, chat, author, reader).await
    }

    async fn fill(store: &Store, size: u64, chat: Conversation, author: User, reader: User) -> Result<Self, Error> {
        let draft = fifty()?;
        let writing = stream::iter(0..size).map(|_| append(store, &chat, &author, &draft));
        let mut messages: Vec<(MessageId, u64)> = writing
            .buffer_unordered(AT_ONCE)
            .map_ok(|decision| (decision.change.id, decision.change.rev))
            .try_collect()
            .await?;
        messages.sort_by_key(|(_, rev)| *rev);
        Ok(Self {
            size,
            chat,
            author,
            reader,
            messages,
        })
    }

    /// A message that is this far from the oldest one, from 0 to 1.
    pub(crate) fn message(&self, place: f64) -> Result<MessageId, Error> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of messages"
        )]
        let at = ((self.messages.len() - 1) as f64 * place) as usize;
        Ok(self.messages.get(at).ok_or("no message")?.0)
    }

    /// The revision at which so many messages were yet to come.
    pub(crate) fn rev_before(&self, missed: u64) -> u64 {
        before(&self.messages, missed).map_or(0, |(_, rev)| rev)
    }

    /// Asks for everything since a revision, as a client does: how many messages there were, and how many requests it took.
    pub(crate) async fn missed(&self, store: &Store, since: u64) -> Result<(u64, u64), Error> {
        let (mut since, mut found, mut requests) = (since, 0, 0);
        loop {
            let changes = store
                .changes(&self.chat, &asker(&self.reader), since, PageBounds::BODY)
                .await?;
            requests += 1;
            found += changes.messages.len() as u64;
            if !changes.more {
                return Ok((found, requests));
            }
            since = changes.rev;
        }
    }

    pub(crate) fn tag(&self) -> String {
        format!("{{scale:{}}}", self.chat.key())
    }
}

/// An inbox of a size.
pub(crate) struct FilledInbox {
    pub(crate) size: u64,
    pub(crate) owner: User,
    /// A conversation in it, and how it is after its newest message.
    pub(crate) chat: Conversation,
    pub(crate) author: User,
    /// The owner's place after each conversation had come.
    cursors: Vec<Cursor>,
}

impl FilledInbox {
    pub(crate) async fn new(store: &Store, size: u64) -> Result<Self, Error> {
        let owner = user(3_000_000_000 + size)?;
        let draft = fifty()?;
        let filling = stream::iter(0..size).map(async |number| {
            let author = user(4_000_000_000 + number)?;
            let chat = Conversation::of(&author, &Target::User(owner.id.clone()));
            let decision = append(store, &chat, &author, &draft).await?;
            tell(store, &chat, &decision, &owner).await
        });
        let mut cursors: Vec<Cursor> = filling.buffer_unordered(AT_ONCE).try_collect().await?;
        cursors.sort_by_key(|cursor| cursor.position);
        let author = user(4_000_000_000)?;
        Ok(Self {
            size,
            chat: Conversation::of(&author, &Target::User(owner.id.clone())),
            owner,
            author,
            cursors,
        })
    }

    /// Opens a connection of the owner.
    pub(crate) async fn connect(&self, store: &Store) -> Result<ConnectionId, Error> {
        let owner = Principal {
            user: self.owner.clone(),
            topics: TopicClaim::default(),
            until_ms: None,
            issued_ms: None,
        };
        let id = ConnectionId::parse("L0SM9cOFvHcCIhw=")?;
        let terms = Terms {
            connections_max: CONNECTIONS_MAX,
            takings: &[],
        };
        let opened = store.open_connection(&owner, &id, SystemClock.now_ms(), terms).await;
        opened.map_err(|_| "a connection was refused")?;
        Ok(id)
    }

    pub(crate) fn newest(&self) -> Cursor {
        self.cursors.last().copied().unwrap_or_default()
    }

    /// The place at which so many conversations had not yet changed.
    pub(crate) fn cursor_before(&self, missed: u64) -> Cursor {
        before(&self.cursors, missed).unwrap_or(Cursor::new(self.newest().epoch, 0))
    }

    /// Asks for everything since a place, as a client does.
    pub(crate) async fn missed(&self, store: &Store, since: Cursor) -> Result<(u64, u64), Error> {
        let (mut since, mut found, mut requests) = (since, 0, 0);
        loop {
            let changed = store
                .changed_entries(&self.owner, Some(since), PageBounds::BODY)
                .await?;
            requests += 1;
            found += changed.entries.len() as u64;
            if !changed.more {
                return Ok((found, requests));
            }
            since = changed.cursor;
        }
    }

    pub(crate) fn tag(&self) -> String {
        format!("{{scale:{}:user:{}}}", self.owner.domain, self.owner.id.in_key())
    }
}

/// The last one before so many; `None` if there are no more than these.
fn before<T: Copy>(all: &[T], missed: u64) -> Option<T> {
    let known = all.len().saturating_sub(usize::try_from(missed).ok()?);
    all.get(known.checked_sub(1)?).copied()
}

pub(crate) async fn join(store: &Store, topic: &Conversation, member: &User) -> Result<(), Error> {
    let by = Actor::User(asker(member));
    store
        .put_member(topic, &by, &member.id, None, TOPIC_MEMBERS_MAX)
        .await?;
    Ok(())
}

pub(crate) async fn append(
    store: &Store,
    chat: &Conversation,
    author: &User,
    draft: &Draft,
) -> Result<Decision, Error> {
    Ok(store
        .append_message(chat, &asker(author), draft, TOPIC_MEMBERS_MAX)
        .await?)
}

/// Tells a member how the conversation is after this decision, and returns the member's new place.
pub(crate) async fn tell(
    store: &Store,
    chat: &Conversation,
    decision: &Decision,
    user: &User,
) -> Result<Cursor, Error> {
    let projection = &decision.projection;
    let mut members = projection.members.iter();
    let member = members.find(|member| member.id == user.id).ok_or("not a member")?;
    let told = store.tell(chat, projection, member).await?;
    Ok(told.place.ok_or("the user knew it already")?.cursor)
}

pub(crate) fn user(id: u64) -> Result<User, Error> {
    Ok(User {
        domain: Domain::parse("site")?,
        id: Id::parse(&id.to_string())?,
    })
}

pub(crate) fn asker(user: &User) -> Asker {
    Asker {
        id: user.id.clone(),
        admission: Admission::Open,
    }
}

pub(crate) fn fifty() -> Result<Draft, Error> {
    Ok(Draft {
        body: Body::new(BodyKind::Text, format!("{:050}", 7))?,
        metadata: None,
        reply_to: None,
        mentions: Vec::new(),
        retry_key: None,
    })
}

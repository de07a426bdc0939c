//! Taking over conversations from the Node.js server before Senna, for `senna migrate`. `docs/migrate.md` says what becomes of them.

use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer, content_hash, record};
use crate::domain::limits::TOPIC_MEMBERS_MAX;
use crate::domain::{Conversation, Draft, Id, MessageId, OldId, Projection, Target, User};
use crate::ports::{Clock, Stored, Unavailable};

/// A message of the server before ours.
#[derive(Clone, Debug)]
pub struct OldMessage {
    /// The id that it had there, and by which clients may go on naming it.
    pub old: Option<OldId>,
    /// When it was sent, in milliseconds since 1970.
    pub ms: u64,
    /// Who wrote it.
    pub author: Id,
    /// What it says.
    pub draft: Draft,
}

/// A member of a conversation of the server before ours.
#[derive(Clone, Debug)]
pub struct OldMember {
    /// The user.
    pub id: Id,
    /// Since when, in milliseconds since 1970.
    pub joined_ms: u64,
    /// The position up to which the user has read.
    pub read_seq: u64,
    /// Whether the user has written there.
    pub has_written: bool,
}

/// A part of a conversation to be taken over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// How many messages come before.
    pub before: u64,
    /// The messages, the oldest first.
    pub messages: &'a [OldMessage],
    /// Members, and how far they have read.
    pub members: &'a [OldMember],
    /// When something last happened in the conversation, in milliseconds since 1970; 0 for the time of its newest message.
    pub activity_ms: u64,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// It was taken over, now or before. Its members have to be told of the projection; if the part has one member, of that member alone.
    Done(Projection),
    /// The conversation was changed by others, so nothing more is taken over.
    InUse,
    /// There are neither messages in the part nor before.
    Empty,
    /// The topic takes no more members.
    Full,
}

/// What was taken over of a conversation.
#[derive(Debug)]
pub struct Imported {
    /// How many messages.
    pub taken: u64,
    /// Whether others have changed the conversation.
    pub in_use: bool,
    /// The messages that were asked for: each `None` if it is not there any more, and what its old id stands for.
    pub messages: Vec<(Option<Stored>, Option<MessageId>)>,
}

impl<C: Clock> RedisStore<C> {
    /// Takes over a part of a conversation. Calling it twice changes nothing more. It refuses once anything else has changed the conversation.
    ///
    /// # Errors
    /// [`Unavailable`]; calling it again is safe.
    pub async fn import(&self, conversation: &Conversation, batch: &Batch<'_>) -> Result<Import, Unavailable> {
        let mut keys = self.deciding(conversation);
        keys.extend(self.keys.conversation(conversation, &[OfConversation::Old]));
        let mut call = Call::new(&self.scripts.conversation_import, keys)
            .arg(batch.before)
            .arg(batch.activity_ms)
            .arg(TOPIC_MEMBERS_MAX)
            .arg(batch.messages.len());
        for message in batch.messages {
            let old = message.old.as_ref().map_or(&[][..], |old| old.as_bytes());
            let content = record::pack_content(&message.author, &message.draft);
            // The same message gets the same id each time.
            let hash = content_hash(&[b"import", old, &content]);
            let random = hash.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
            let id = MessageId {
                ms: message.ms,
                random: random >> (64 - MessageId::RANDOM_BITS),
                seq: 0,
            };
            call = call
                .arg(old)
                .arg([&record::head(&message.draft)[..], &record::identity(id)].concat())
                .arg(content);
        }
        for member in batch.members {
            call = call
                .arg(member.id.to_string())
                .arg(member.joined_ms)
                .arg(member.read_seq)
                .arg(u8::from(member.has_written));
        }
        answer::import(self.link.script(call).await?)
    }

    /// Reads what was taken over of a conversation: the message at a position and those behind it, one for each old id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn imported(
        &self,
        conversation: &Conversation,
        first: u64,
        olds: &[Option<OldId>],
    ) -> Result<Imported, Unavailable> {
        let keys = self.keys.log(conversation, &[OfConversation::Old]);
        let call = Call::new(&self.scripts.imported_read, keys).arg(first);
        let call = olds.iter().fold(call, |call, old| {
            call.arg(old.as_ref().map_or(&[][..], |old| old.as_bytes()))
        });
        answer::imported(first, self.link.script(call).await?)
    }

    /// Whether the user's inbox has an entry of that conversation, also one that the user has left or hidden.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn has_entry(&self, user: &User, target: &Target) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("HEXISTS");
        command.arg(self.keys.user(user, &[OfUser::Entries]));
        command.arg(target.to_string());
        answer::yes(self.link.command(&command).await?)
    }

    /// The message that had this id in the server before ours.
    pub(super) async fn imported_as(
        &self,
        conversation: &Conversation,
        old: OldId,
    ) -> Result<Option<MessageId>, Unavailable> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys.conversation(conversation, &[OfConversation::Old]));
        command.arg(&old.as_bytes()[..]);
        answer::old_message(self.link.command(&command).await?)
    }
}

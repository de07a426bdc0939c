//! Publishing a change that stands in its conversation: each member is told, and then its connections.

use std::collections::HashMap;
use std::time::Instant;

use futures_util::future::join;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::fan_out::{self, Outbox, Post};
use super::{Caller, Later, Writer};
use crate::domain::{
    Change, ChangeKind, Conversation, Decision, Id, Member, Outcome, Place, Projection, Reads, Watcher,
};
use crate::ports::{Promise, Told, Unavailable};
use crate::wire::{self, Event};

/// Members that are told at once.
const CONCURRENT_TELLS: usize = 64;

impl Writer<'_> {
    /// Tells every member how the conversation is now, then pushes the change to their connections. A change without a message or a member is pushed to
    /// nobody: clients see the gap in the revisions, and ask.
    pub(super) async fn publish(
        &self,
        caller: &Caller,
        conversation: Conversation,
        decision: Decision,
    ) -> Result<Outcome, Unavailable> {
        self.publish_promised(caller, conversation, decision, None).await
    }

    /// The same, with a promise that the worker will look for members whom it does not reach.
    pub(super) async fn publish_promised(
        &self,
        caller: &Caller,
        conversation: Conversation,
        decision: Decision,
        promised: Option<(Later<'_>, Promise)>,
    ) -> Result<Outcome, Unavailable> {
        let Decision {
            change,
            projection,
            watchers,
            ..
        } = decision;
        let begun = Instant::now();
        let (outbox, posts) = Outbox::new();
        let telling = async {
            let told = self
                .tell_all(caller, &conversation, &change, &projection, &watchers, outbox)
                .await;
            let took = begun.elapsed();
            if let Some((later, promise)) = &promised
                && told.needs_worker()
            {
                later.keep(promise).await;
            }
            (told, took)
        };
        // A member's own inbox is told before its connections are. Nobody waits for the inboxes of all others.
        let pushing = fan_out::fan_out(self.store, self.push, posts);
        let ((told, telling_took), reached) = join(telling, pushing).await;
        if let Some((later, promise)) = &promised
            && !told.needs_worker()
        {
            // Connections that were gone, or did not answer, count as none.
            if told.unread.iter().all(|post| reached.get(*post) == Some(&true)) {
                later.forget(promise).await;
            } else {
                later.keep(promise).await;
            }
        }
        tracing::debug!(
            members = projection.members.len(),
            told_ms = telling_took.as_millis(),
            pushed_ms = begun.elapsed().as_millis(),
            "published"
        );
        let user = &caller.principal.user;
        let reads = reads(&conversation, &projection, &user.id);
        let own = projection.members.into_iter().find(|member| member.id == user.id);
        match told.failed {
            Some(error) => Err(error),
            None => Ok(Outcome {
                conversation,
                change,
                reads,
                own,
                unread_total: told.unread_total,
                place: told.place,
            }),
        }
    }

    /// Tells every member how the conversation is now, and puts what is to be pushed into the outbox.
    async fn tell_all(
        &self,
        caller: &Caller,
        conversation: &Conversation,
        change: &Change,
        projection: &Projection,
        watchers: &[Watcher],
        mut outbox: Outbox,
    ) -> ToldAll {
        let user = &caller.principal.user;
        let mut events = Events::new(conversation, change, projection);
        let mut all = ToldAll::default();
        let (mut untold, mut tells) = (projection.members.iter(), FuturesUnordered::new());
        loop {
            // Half of them begin together, so that Redis gets many commands in one piece.
            if tells.len() <= CONCURRENT_TELLS / 2 {
                let next = untold.by_ref().take(CONCURRENT_TELLS / 2);
                tells.extend(next.map(|member| self.tell(conversation, projection, member)));
            }
            let Some((member, told)) = tells.next().await else {
                break;
            };
            // All are seen through, also when one fails: a repetition finds the others told, and does not push to them again.
            let told = match told {
                Ok(told) => told,
                Err(error) => {
                    all.failed = Some(error);
                    continue;
                }
            };
            if member.id == user.id {
                all.unread_total = told.unread_total;
            }
            all.is_away |= told.connections.is_empty() && member.unread > 0;
            if let Some(ending) = Post::ending(&conversation.user(&member.id), told.overdue.clone()) {
                outbox.take(ending);
            }
            // A member who was told before is not told again. A new writer that was overtaken still pushes its own change. A private change may
            // have told other members something that they had missed: their clients see the gap, and ask.
            if change.repeated && told.place.is_none() || change.private && !change.is_about(member) {
                continue;
            }
            let own_place = told.place.filter(|_| says_all(change, projection, member, &told));
            if member.id == user.id {
                all.place = own_place;
            }
            let connections = caller.others(told.connections);
            if connections.is_empty() || change.id.seq == 0 && change.member.is_none() {
                continue;
            }
            if let Some(event) = events.of(member) {
                let post = outbox.take(Post::new(conversation.user(&member.id), connections, event, own_place));
                if member.unread > 0 {
                    all.unread.push(post);
                }
            }
        }
        if !change.repeated {
            for post in fleeting(&mut events, watchers, &user.id) {
                outbox.take(post);
            }
        }
        all
    }

    async fn tell<'m>(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &'m Member,
    ) -> (&'m Member, Result<Told, Unavailable>) {
        let told = self.store.tell(conversation, projection, member).await;
        (member, told)
    }
}

/// What came of telling all members.
#[derive(Default)]
struct ToldAll {
    failed: Option<Unavailable>,
    /// The writer's own.
    place: Option<Place>,
    unread_total: u64,
    /// A member has something unread and no connection.
    is_away: bool,
    /// The numbers of the posts to members who have something unread.
    unread: Vec<usize>,
}

impl ToldAll {
    /// Whether the worker has something to do, whatever the pushes reach.
    fn needs_worker(&self) -> bool {
        self.is_away || self.failed.is_some()
    }
}

/// Whether a frame says all that is new to a member, whose client's cursor may only move then: not if the member had missed something before.
fn says_all(change: &Change, projection: &Projection, member: &Member, told: &Told) -> bool {
    if change.kind == ChangeKind::Joined && change.is_about(member) {
        // Its own entry begins anew, and the event does not say how.
        return false;
    }
    if change.private {
        return told.known_rev == projection.rev;
    }
    change.rev == projection.rev && change.prev_rev == Some(told.known_rev)
}

/// How far members have read, as that user sees it.
fn reads(conversation: &Conversation, projection: &Projection, shown_to: &Id) -> Reads {
    if conversation.is_direct() {
        projection.reads(shown_to)
    } else {
        Reads::default()
    }
}

/// The events of one change, each made once for all members to whom it looks the same.
struct Events<'a> {
    conversation: &'a Conversation,
    change: &'a Change,
    projection: &'a Projection,
    made: HashMap<(Option<Id>, u32), Option<Event>>,
}

impl<'a> Events<'a> {
    fn new(conversation: &'a Conversation, change: &'a Change, projection: &'a Projection) -> Self {
        Self {
            conversation,
            change,
            projection,
            made: HashMap::new(),
        }
    }

    /// How the change looks to that member.
    fn of(&mut self, member: &Member) -> Option<Event> {
        let Self {
            conversation,
            change,
            projection,
            made,
        } = self;
        let is_author = change
            .message
            .as_ref()
            .is_some_and(|message| message.author == member.id);
        let is_special = conversation.is_direct() || is_author || change.is_about(member);
        let looks = (is_special.then(|| member.id.clone()), member.reacted);
        let event = made.entry(looks).or_insert_with(|| {
            let reads = reads(conversation, projection, &member.id);
            wire::change_event(member, conversation, change, &reads)
        });
        event.clone()
    }
}

/// What those who have the topic on the screen are told of a member who has read; the member's own connections know it already.
fn fleeting(events: &mut Events<'_>, watchers: &[Watcher], reader: &Id) -> Vec<Post> {
    let others = watchers.iter().filter(|watcher| watcher.user != *reader);
    let post = |watcher: &Watcher| {
        let event = events.of(&Member::new(watcher.user.clone()))?;
        Some(Post::on_screen(events.conversation, watcher, event))
    };
    others.filter_map(post).collect()
}

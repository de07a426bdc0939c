//! Catching up: what happened since a client was last told.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use tracing::{Span, field};

use crate::domain::limits::{EVENT_PAGE_BYTES, EVENT_PAGE_LENGTH};
use crate::domain::{Conversation, Cursor, Event, EventKind, EventRef, Place, Target, User};
use crate::error::ApiError;
use crate::ports::{Snapshot, Store, Unavailable};
use crate::wire::{self, CatchUp};

/// The events of a user after a cursor, as many as fit one frame; without a cursor, only from where on there will be some.
///
/// A message appears once on a page, in its present state and at the place of the first event that is about it: the log keeps references. One
/// round trip reads them, a second one the messages.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn catch_up(store: &dyn Store, user: &User, since: Option<Cursor>) -> Result<CatchUp, ApiError> {
    Span::current().record("user", field::display(&user.id));
    let page = store.events(user, since, EVENT_PAGE_LENGTH).await?;
    let Some(since) = since.filter(|_| page.recovered) else {
        return Ok(CatchUp::new(user, page.end, false, Vec::new(), false));
    };
    let messages = Messages::read(store, user, &page.events).await?;
    let (mut cursor, mut frames, mut length) = (since, Vec::new(), 0);
    let mut told = HashSet::new();
    for reference in &page.events {
        if let Some(event) = messages.event(user, reference)
            && !told.contains(&(&reference.target, reference.seq))
        {
            let frame = wire::event_frame(user, &event);
            length += frame.len() + 1;
            if length > EVENT_PAGE_BYTES && !frames.is_empty() {
                break;
            }
            told.insert((&reference.target, reference.seq));
            frames.push(frame);
        }
        cursor = reference.cursor;
    }
    let more = cursor.position < page.end.position;
    Ok(CatchUp::new(user, cursor, true, frames, more))
}

/// The messages that a page of events is about.
struct Messages(HashMap<(Target, u64), (u64, crate::ports::Stored)>);

impl Messages {
    /// Reads them, each conversation's in one step and all conversations at once.
    async fn read(store: &dyn Store, user: &User, events: &[EventRef]) -> Result<Self, Unavailable> {
        let mut seqs: HashMap<&Target, Vec<u64>> = HashMap::new();
        for event in events {
            let seqs = seqs.entry(&event.target).or_default();
            if !seqs.contains(&event.seq) {
                seqs.push(event.seq);
            }
        }
        let reads = seqs.into_iter().map(async |(target, seqs)| {
            let snapshot = store.messages(&Conversation::of(user, target), &seqs).await?;
            Ok::<_, Unavailable>((target, seqs, snapshot))
        });
        let mut messages = HashMap::new();
        for (
            target,
            seqs,
            Snapshot {
                revision,
                messages: stored,
            },
        ) in try_join_all(reads).await?
        {
            let stored = seqs.into_iter().zip(stored);
            messages.extend(stored.filter_map(|(seq, stored)| Some(((target.clone(), seq), (revision, stored?)))));
        }
        Ok(Self(messages))
    }

    /// What a reference means now. `None` if the conversation's store has lost the message.
    fn event(&self, user: &User, reference: &EventRef) -> Option<Event> {
        let (revision, stored) = self.0.get(&(reference.target.clone(), reference.seq))?;
        Some(Event {
            kind: match (&stored.message, reference.kind) {
                (None, _) => EventKind::MessageDeleted,
                // A failover took the deletion back, or gave its position to another message.
                (Some(_), EventKind::MessageDeleted) => EventKind::MessageUpdated,
                (Some(_), kind) => kind,
            },
            conversation: Conversation::of(user, &reference.target),
            id: stored.id,
            message: stored.message.clone(),
            revision: *revision,
            place: Place {
                cursor: reference.cursor,
                prev: None,
            },
        })
    }
}

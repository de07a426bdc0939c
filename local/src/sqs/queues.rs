//! All queues, and receives that wait for a message.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    error::SqsError,
    messages::{Counts, HideError, Message, Messages, Received},
};
use crate::{aws::clock, faults::Faults, machine::logs, template::Queue};

/// The longest time for which a message may be hidden since it was received.
///
/// # Source
/// SQS API reference, `ChangeMessageVisibility`: 12 hours.
pub(super) const HIDDEN_MAX: Duration = Duration::from_hours(12);

/// The queues of a template.
#[derive(Debug)]
pub struct Queues {
    all: BTreeMap<String, OneQueue>,
    faults: Arc<Faults>,
    scale: u32,
}

/// A queue and its messages.
#[derive(Debug)]
struct OneQueue {
    settings: Queue,
    created_ms: i64,
    messages: Mutex<Messages>,
    /// Told when a message may have become visible earlier than was known.
    changed: Notify,
}

impl OneQueue {
    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    /// Empty queues, by logical id. Their times run `scale` times as fast.
    pub fn new(queues: BTreeMap<String, Queue>, faults: Arc<Faults>, scale: u32) -> Self {
        let created_ms = clock::now_ms();
        let new = |settings| OneQueue {
            settings,
            created_ms,
            messages: Mutex::default(),
            changed: Notify::new(),
        };
        Self {
            all: queues.into_iter().map(|(name, queue)| (name, new(queue))).collect(),
            faults,
            scale: scale.max(1),
        }
    }

    fn scaled_ms(&self, time: Duration) -> i64 {
        clock::millis(time / self.scale)
    }

    fn queue(&self, name: &str) -> Result<&OneQueue, SqsError> {
        self.all.get(name).ok_or_else(SqsError::no_queue)
    }

    /// What the template says of a queue, and when it was made, in milliseconds since 1970.
    ///
    /// # Errors
    /// If there is no such queue.
    pub(super) fn settings(&self, name: &str) -> Result<(&Queue, i64), SqsError> {
        let queue = self.queue(name)?;
        Ok((&queue.settings, queue.created_ms))
    }

    /// Adds a message, which is hidden for `delay`, and returns its id.
    ///
    /// # Errors
    /// If there is no such queue.
    pub(super) fn send(&self, name: &str, body: String, delay: Option<Duration>) -> Result<String, SqsError> {
        let queue = self.queue(name)?;
        let now = clock::now_ms();
        let delay = self.scaled_ms(delay.unwrap_or(queue.settings.delay));
        let late = self.faults.queue_late().map_or(0, clock::millis);
        let message = Message::new(body, now, now + delay + late);
        let id = message.id.clone();
        queue.messages().add(message);
        queue.changed.notify_waiters();
        Ok(id)
    }

    /// Receives up to `most` messages, and hides them for `hidden` or as long as the queue says. Waits for the first one until `until`, and
    /// without a time for ever.
    ///
    /// # Errors
    /// If there is no such queue.
    pub(super) async fn receive(
        &self,
        name: &str,
        most: usize,
        hidden: Option<Duration>,
        until: Option<Instant>,
    ) -> Result<Vec<Received>, SqsError> {
        let queue = self.queue(name)?;
        loop {
            let mut changed = std::pin::pin!(queue.changed.notified());
            // From here on it knows of every change, also of one before the wait below.
            changed.as_mut().enable();
            let (received, next) = self.receive_now(queue, most, hidden);
            if !received.is_empty() || until.is_some_and(|until| until <= Instant::now()) {
                return Ok(received);
            }
            let next = next.map(|at| {
                let left = u64::try_from(at.saturating_sub(clock::now_ms())).unwrap_or_default();
                Instant::now() + Duration::from_millis(left.max(1))
            });
            match next.into_iter().chain(until).min() {
                Some(at) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
                None => changed.await,
            }
        }
    }

    /// The messages that can be received now. Without any, also when the next one becomes visible.
    fn receive_now(&self, queue: &OneQueue, most: usize, hidden: Option<Duration>) -> (Vec<Received>, Option<i64>) {
        let now = clock::now_ms();
        let hidden_until = now + self.scaled_ms(hidden.unwrap_or(queue.settings.visibility));
        let mut messages = queue.messages();
        messages.expire(now - self.scaled_ms(queue.settings.retention));
        let redrive = queue.settings.redrive.as_ref();
        let dead = redrive.map(|redrive| (&redrive.dead_letters, messages.dead(now, redrive.receives)));
        let mut all = Vec::new();
        for (received, message) in messages.receive(now, most, hidden_until) {
            if let Some(late) = self.faults.queue_doubled() {
                messages.add(message.copy(now + clock::millis(late)));
            }
            all.push(received);
        }
        let next = messages.next_visible();
        drop(messages);
        if let Some((name, dead)) = dead.filter(|(_, dead)| !dead.is_empty())
            && let Some(target) = self.all.get(name)
        {
            for mut message in dead {
                logs::stack(format_args!("the message {} is now in {name}", message.id));
                message.visible_ms = now;
                target.messages().add(message);
            }
            target.changed.notify_waiters();
        }
        (all, next)
    }

    /// Waits for messages and receives up to `most`, for a mapping. `None` if there is no such queue.
    pub async fn next_batch(&self, name: &str, most: usize) -> Option<Vec<Received>> {
        self.receive(name, most, None, None).await.ok()
    }

    /// Deletes the message of a handle.
    ///
    /// # Errors
    /// If there is no such queue.
    pub(super) fn delete(&self, name: &str, handle: &str) -> Result<(), SqsError> {
        self.queue(name)?.messages().delete(handle);
        Ok(())
    }

    /// Deletes the messages of these handles, for a mapping.
    pub fn done<'a>(&self, name: &str, handles: impl Iterator<Item = &'a str>) {
        for handle in handles {
            // A mapping is of a queue that is there.
            self.delete(name, handle).ok();
        }
    }

    /// Hides a received message for another time from now on.
    ///
    /// # Errors
    /// If there is no such queue, the message is not in flight, or it would be hidden for too long.
    pub(super) fn hide(&self, name: &str, handle: &str, time: Duration) -> Result<(), SqsError> {
        let queue = self.queue(name)?;
        let now = clock::now_ms();
        let until = now + self.scaled_ms(time);
        let hidden = queue.messages().hide(handle, now, until, self.scaled_ms(HIDDEN_MAX));
        queue.changed.notify_waiters();
        hidden.map_err(|error| match error {
            HideError::NotInFlight => SqsError::not_in_flight(),
            HideError::TooLong => SqsError::value(
                "VisibilityTimeout",
                &time.as_secs().into(),
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
            ),
        })
    }

    /// How many messages a queue has.
    ///
    /// # Errors
    /// If there is no such queue.
    pub(super) fn counts(&self, name: &str) -> Result<Counts, SqsError> {
        Ok(self.queue(name)?.messages().counts(clock::now_ms()))
    }
}

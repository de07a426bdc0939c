//! The messages of one queue. Times are milliseconds since 1970.

use uuid::Uuid;

/// A message that is not deleted.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) sent_ms: i64,
    /// From when on a receive may get it.
    pub(super) visible_ms: i64,
    /// How often it was received.
    pub(super) receives: u64,
    pub(super) first_received_ms: i64,
    /// The handle that the last receive got, and when that was.
    receipt: Option<(String, i64)>,
}

/// A message as a receive gets it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its id, the same each time.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// By which this receive may delete the message.
    pub receipt: String,
    /// How often it was received, this time included.
    pub receives: u64,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// When it was received for the first time, in milliseconds since 1970.
    pub first_received_ms: i64,
}

/// How many messages there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    /// Received, and not deleted.
    pub(super) hidden: usize,
    /// Never received, because their delay is not over.
    pub(super) delayed: usize,
}

/// Why a message can't be hidden for another time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HideError {
    /// It is visible, or deleted.
    NotInFlight,
    /// It would be hidden for longer than is allowed since it was received.
    TooLong,
}

impl Message {
    /// A new message.
    pub(super) fn new(body: String, now: i64, visible_ms: i64) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            body,
            sent_ms: now,
            visible_ms,
            receives: 0,
            first_received_ms: 0,
            receipt: None,
        }
    }

    /// The same message on another server of SQS, which does not know that it was received.
    pub(super) fn copy(&self, visible_ms: i64) -> Self {
        Self {
            visible_ms,
            receipt: None,
            ..self.clone()
        }
    }

    fn has(&self, handle: &str) -> bool {
        self.receipt.as_ref().is_some_and(|(receipt, _)| receipt == handle)
    }
}

/// The messages of one queue.
#[derive(Debug, Default)]
pub(super) struct Messages(Vec<Message>);

impl Messages {
    pub(super) fn add(&mut self, message: Message) {
        self.0.push(message);
    }

    /// Forgets what was sent before this time.
    pub(super) fn expire(&mut self, before: i64) {
        self.0.retain(|message| message.sent_ms >= before);
    }

    /// Takes out the messages that have been received so often, and would be received again now.
    ///
    /// # Source
    /// SQS developer guide, "Using dead-letter queues in Amazon SQS": SQS moves a message that was received more often than `maxReceiveCount`.
    pub(super) fn dead(&mut self, now: i64, receives: u64) -> Vec<Message> {
        let is_dead = |message: &mut Message| message.visible_ms <= now && message.receives >= receives;
        self.0.extract_if(.., is_dead).collect()
    }

    /// Receives up to `most` visible messages, chosen at random, and hides them until `hidden_until`. Returns each with its message.
    pub(super) fn receive(&mut self, now: i64, most: usize, hidden_until: i64) -> Vec<(Received, Message)> {
        let visible = self.0.iter_mut().filter(|message| message.visible_ms <= now);
        let mut chosen = fastrand::choose_multiple(visible, most);
        fastrand::shuffle(&mut chosen);
        let receive = |message: &mut Message| {
            message.receives += 1;
            if message.receives == 1 {
                message.first_received_ms = now;
            }
            message.visible_ms = hidden_until;
            let receipt = Uuid::new_v4().to_string();
            message.receipt = Some((receipt.clone(), now));
            let received = Received {
                id: message.id.clone(),
                body: message.body.clone(),
                receipt,
                receives: message.receives,
                sent_ms: message.sent_ms,
                first_received_ms: message.first_received_ms,
            };
            (received, message.clone())
        };
        chosen.into_iter().map(receive).collect()
    }

    /// Deletes the message whose last receive got this handle, even if it is visible again. An older handle does nothing.
    ///
    /// # Source
    /// SQS API reference, `DeleteMessage`.
    pub(super) fn delete(&mut self, handle: &str) {
        self.0.retain(|message| !message.has(handle));
    }

    /// Hides a received message until another time; it may be hidden for `most` milliseconds since it was received.
    ///
    /// # Errors
    /// [`HideError`].
    pub(super) fn hide(&mut self, handle: &str, now: i64, until: i64, most: i64) -> Result<(), HideError> {
        let message = self.0.iter_mut().find(|message| message.has(handle));
        let message = message.filter(|message| message.visible_ms > now);
        let message = message.ok_or(HideError::NotInFlight)?;
        let received = message.receipt.as_ref().map_or(now, |(_, at)| *at);
        if until > received.saturating_add(most) {
            return Err(HideError::TooLong);
        }
        message.visible_ms = until;
        Ok(())
    }

    /// When the next message becomes visible that is not visible yet.
    pub(super) fn next_visible(&self) -> Option<i64> {
        self.0.iter().map(|message| message.visible_ms).min()
    }

    pub(super) fn counts(&self, now: i64) -> Counts {
        let mut counts = Counts::default();
        for message in &self.0 {
            let count = match (message.visible_ms <= now, message.receives) {
                (true, _) => &mut counts.visible,
                (false, 0) => &mut counts.delayed,
                (false, _) => &mut counts.hidden,
            };
            *count += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bodies: std::ops::Range<u32>) -> Messages {
        let mut messages = Messages::default();
        for body in bodies {
            messages.add(Message::new(body.to_string(), 0, 0));
        }
        messages
    }

    fn bodies(received: &[(Received, Message)]) -> Vec<String> {
        received.iter().map(|(received, _)| received.body.clone()).collect()
    }

    #[test]
    fn a_message_is_hidden_for_a_time_and_then_delivered_again_with_another_handle() {
        let mut messages = filled(0..1);
        let first = messages.receive(10, 10, 40);
        assert!(messages.receive(39, 10, 80).is_empty());
        let second = messages.receive(40, 10, 80);
        let handles = [&first, &second].map(|received| received[0].0.receipt.clone());
        assert_ne!(handles[0], handles[1]);
        assert_eq!((second[0].0.receives, second[0].0.first_received_ms), (2, 10));
        messages.delete(&handles[0]);
        assert_eq!(messages.counts(50).hidden, 1, "the older handle deletes nothing");
        messages.delete(&handles[1]);
        assert_eq!(messages.counts(50), Counts::default());
    }

    #[test]
    fn messages_come_in_any_order_and_none_twice() {
        let in_order: Vec<String> = (0..20).map(|body| body.to_string()).collect();
        let orders: Vec<_> = (0..20).map(|_| bodies(&filled(0..20).receive(0, 20, 1))).collect();
        assert!(
            orders.iter().any(|order| *order != in_order),
            "every order was the first one"
        );
        for mut order in orders {
            order.sort_by_key(|body| body.parse::<u32>().unwrap());
            assert_eq!(order, in_order);
        }
    }

    #[test]
    fn a_message_is_dead_after_its_last_receive_has_ended() {
        let mut messages = filled(0..1);
        for now in [0, 10] {
            assert!(messages.dead(now, 2).is_empty());
            assert_eq!(messages.receive(now, 1, now + 10).len(), 1);
        }
        assert!(messages.dead(19, 2).is_empty(), "its last receive may still delete it");
        assert_eq!(messages.dead(20, 2).len(), 1);
    }

    #[test]
    fn only_a_message_in_flight_can_be_hidden_and_not_for_ever() {
        let mut messages = filled(0..1);
        let handle = messages.receive(0, 1, 10)[0].0.receipt.clone();
        assert_eq!(messages.hide(&handle, 5, 100, 100), Ok(()));
        assert_eq!(messages.hide(&handle, 50, 101, 100), Err(HideError::TooLong));
        assert_eq!(messages.hide(&handle, 50, 50, 100), Ok(()));
        assert_eq!(messages.hide(&handle, 50, 60, 100), Err(HideError::NotInFlight));
        assert_eq!(messages.next_visible(), Some(50));
    }
}

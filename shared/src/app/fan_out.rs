//! Pushing events to many connections.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;

use crate::domain::{ConnectionId, Conversation, Domain, Place, User, Watcher};
use crate::error::Chain;
use crate::metrics::{self, Metric};
use crate::ports::{Delivery, Live, Push, Store, Watches};
use crate::wire::Event;

/// Posts that are under way at once. Each may hold a connection to API Gateway open.
const CONCURRENT_POSTS: usize = 64;
/// How long one post may take, its repetitions included.
const POST_LIMIT: Duration = Duration::from_millis(1_500);
/// How long all posts together may take: the longest that pushes delay an answer.
const FAN_OUT_LIMIT: Duration = Duration::from_millis(2_500);

/// An event for the connections of one user; or the end of these connections.
pub(super) struct Post {
    user: User,
    connections: Vec<Live>,
    event: Option<Event>,
    place: Option<Place>,
    /// The watch for which the connections are told.
    found_in: Watches,
}

impl Post {
    /// `place` is where the event stands among all that the user was told; none for a fleeting one.
    pub(super) fn new(user: User, connections: Vec<Live>, event: Event, place: Option<Place>) -> Self {
        Self {
            user,
            connections,
            event: Some(event),
            place,
            found_in: Watches::default(),
        }
    }

    /// Ends connections, because their token expired long ago, the user has too many, or the user is banned or revoked; `None` if there are none.
    /// `$disconnect` then forgets them.
    pub(super) fn ending(user: &User, connections: Vec<ConnectionId>) -> Option<Self> {
        let dead = |id| Live { id, opening: false };
        (!connections.is_empty()).then(|| Self {
            user: user.clone(),
            connections: connections.into_iter().map(dead).collect(),
            event: None,
            place: None,
            found_in: Watches::default(),
        })
    }

    /// A fleeting event for one connection that has the conversation on the screen.
    pub(super) fn on_screen(conversation: &Conversation, watcher: &Watcher, event: Event) -> Self {
        let found_in = Watches {
            conversation: Some(conversation.as_seen_by(&watcher.user)),
            users: Vec::new(),
        };
        Self::to_watcher(conversation.domain(), watcher, found_in, event)
    }

    /// A fleeting event for one connection that watches the user.
    pub(super) fn about(user: &User, watcher: &Watcher, event: Event) -> Self {
        let found_in = Watches {
            users: vec![user.id.clone()],
            conversation: None,
        };
        Self::to_watcher(&user.domain, watcher, found_in, event)
    }

    fn to_watcher(domain: &Domain, watcher: &Watcher, found_in: Watches, event: Event) -> Self {
        let user = User {
            domain: domain.clone(),
            id: watcher.user.clone(),
        };
        let live = Live {
            id: watcher.connection.clone(),
            opening: false,
        };
        Self {
            found_in,
            ..Self::new(user, vec![live], event, None)
        }
    }
}

/// Pushes the events and forgets the connections that are gone. It never fails: every member's inbox was told already. Answers whether each post
/// reached one of its connections at least.
pub(super) async fn fan_out(store: &dyn Store, push: &dyn Push, posts: &[Post]) -> Vec<bool> {
    let all = posts
        .iter()
        .enumerate()
        .flat_map(|(number, post)| post.connections.iter().map(move |live| (number, post, live)));
    let mut reached = vec![false; posts.len()];
    let mut untold: usize = posts.iter().map(|post| post.connections.len()).sum();
    // A frame is written when its turn comes, so that a thousand long ones are never in memory at once.
    let mut under_way = stream::iter(all)
        .map(async |(number, post, live)| (number, deliver(store, push, post, live).await))
        .buffer_unordered(CONCURRENT_POSTS);
    let all = async {
        while let Some((number, has_reached)) = under_way.next().await {
            untold -= 1;
            if let Some(reached) = reached.get_mut(number) {
                *reached |= has_reached;
            }
        }
    };
    if timeout(FAN_OUT_LIMIT, all).await.is_err() {
        metrics::add(Metric::PushFailures, untold);
        tracing::warn!(untold, limit_ms = FAN_OUT_LIMIT.as_millis(), "fan-out took too long");
    }
    reached
}

/// Answers whether the gateway took it.
async fn deliver(store: &dyn Store, push: &dyn Push, post: &Post, live: &Live) -> bool {
    let connection = &live.id;
    let posting = async {
        match &post.event {
            Some(event) => push.post(connection, Bytes::from(event.frame(post.place))).await,
            None => push.end(connection).await,
        }
    };
    let posted = timeout(POST_LIMIT, posting).await;
    let is_taken = matches!(posted, Ok(Ok(Delivery::Sent)));
    match posted {
        Ok(Ok(Delivery::Sent)) if post.event.is_none() => tracing::info!(%connection, "ended"),
        Ok(Ok(Delivery::Sent)) => {}
        Ok(Ok(Delivery::Gone)) if live.opening => tracing::info!(%connection, "not told: its handshake is under way"),
        Ok(Ok(Delivery::Gone)) => match store.close_connection(&post.user, connection, &post.found_in).await {
            Ok(()) => tracing::info!(%connection, "forgot a connection that is gone"),
            // It stays for the next push to find.
            Err(error) => tracing::warn!(%connection, error = %Chain(&error), "could not forget a connection"),
        },
        Ok(Err(error)) => tracing::warn!(%connection, error = %Chain(&error), "push failed"),
        Err(_) => {
            metrics::count(Metric::PushFailures);
            tracing::warn!(%connection, limit_ms = POST_LIMIT.as_millis(), "push took too long");
        }
    }
    is_taken
}

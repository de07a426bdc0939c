//! Pushing events to many connections.

use std::collections::VecDeque;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

use crate::domain::{ConnectionId, Conversation, Domain, Place, User, Watcher};
use crate::error::Chain;
use crate::metrics::{self, Metric};
use crate::ports::{Delivery, Live, Push, Store, Watches};
use crate::wire::Event;

/// Posts that are under way at once. Each may hold a connection to API Gateway open.
const CONCURRENT_POSTS: usize = 64;
/// How long one post may take, its repetitions included.
const POST_LIMIT: Duration = Duration::from_millis(1_500);
/// How long posts may take after the last one has come: the longest that pushes delay an answer.
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

/// Takes posts while earlier ones are under way. No more come once it is dropped.
pub(super) struct Outbox {
    posts: UnboundedSender<Post>,
    taken: usize,
}

impl Outbox {
    /// An outbox, and what [`fan_out`] takes its posts from.
    pub(super) fn new() -> (Self, UnboundedReceiver<Post>) {
        let (posts, taken_out) = unbounded_channel();
        (Self { posts, taken: 0 }, taken_out)
    }

    /// Answers the number of the post, from 0 on.
    pub(super) fn take(&mut self, post: Post) -> usize {
        // It fails only after the fan-out, which ends when the outbox does.
        self.posts.send(post).ok();
        self.taken += 1;
        self.taken - 1
    }
}

/// Pushes these events, as [`fan_out`] does.
pub(super) async fn push_all(store: &dyn Store, push: &dyn Push, posts: impl IntoIterator<Item = Post>) {
    let (mut outbox, taken) = Outbox::new();
    for post in posts {
        outbox.take(post);
    }
    drop(outbox);
    fan_out(store, push, taken).await;
}

/// Pushes events as they come, and forgets the connections that are gone. It never fails: the inbox of whom a post is for was told already. Answers
/// of each post whether it reached one of its connections at least.
pub(super) async fn fan_out(store: &dyn Store, push: &dyn Push, mut posts: UnboundedReceiver<Post>) -> Vec<bool> {
    let mut waiting: VecDeque<(usize, Arc<Post>, Live)> = VecDeque::new();
    let (mut reached, mut under_way) = (Vec::new(), FuturesUnordered::new());
    let mut more_come = true;
    let mut limit = pin!(sleep(FAN_OUT_LIMIT));
    loop {
        // A frame is written when its turn comes, so that a thousand long ones are never in memory at once.
        while under_way.len() < CONCURRENT_POSTS
            && let Some((number, post, live)) = waiting.pop_front()
        {
            under_way.push(async move { (number, deliver(store, push, &post, &live).await) });
        }
        select! {
            biased;
            post = posts.recv(), if more_come => if let Some(mut post) = post {
                let connections = mem::take(&mut post.connections);
                let (number, post) = (reached.len(), Arc::new(post));
                waiting.extend(connections.into_iter().map(|live| (number, Arc::clone(&post), live)));
                reached.push(false);
            } else {
                more_come = false;
                limit.as_mut().reset(Instant::now() + FAN_OUT_LIMIT);
            },
            Some((number, has_reached)) = under_way.next(), if !under_way.is_empty() => {
                if let Some(reached) = reached.get_mut::<usize>(number) {
                    *reached |= has_reached;
                }
            }
            () = &mut limit, if !more_come && !under_way.is_empty() => {
                let untold = waiting.len() + under_way.len();
                metrics::add(Metric::PushFailures, untold);
                tracing::warn!(untold, limit_ms = FAN_OUT_LIMIT.as_millis(), "fan-out took too long");
                break;
            }
            else => break,
        }
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

//! Pushing one event to many connections.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;

use crate::domain::{ConnectionId, User};
use crate::error::Chain;
use crate::metrics::{self, Metric};
use crate::ports::{Delivery, Push, Store};

/// Posts that are under way at once. Each may hold a connection to API Gateway open.
const CONCURRENT_POSTS: usize = 64;
/// How long one post may take, its repetitions included.
const POST_LIMIT: Duration = Duration::from_secs(1);
/// How long all posts together may take: the longest that pushes delay an answer.
const FAN_OUT_LIMIT: Duration = Duration::from_millis(2_500);

/// A frame for the connections of one user.
pub(super) struct Post<'a> {
    pub(super) user: &'a User,
    pub(super) connections: Vec<ConnectionId>,
    pub(super) frame: Bytes,
}

/// Pushes the frames and forgets the connections that are gone. It never fails: every event is in its receiver's log already.
pub(super) async fn fan_out(store: &dyn Store, push: &dyn Push, posts: &[Post<'_>]) {
    let mut deliveries = Vec::new();
    for post in posts {
        deliveries.extend(
            post.connections
                .iter()
                .map(|connection| deliver(store, push, post, connection)),
        );
    }
    let all = stream::iter(deliveries).buffer_unordered(CONCURRENT_POSTS).count();
    if timeout(FAN_OUT_LIMIT, all).await.is_err() {
        tracing::warn!(
            limit_ms = FAN_OUT_LIMIT.as_millis(),
            "fan-out took too long, some connections were not told"
        );
    }
}

async fn deliver(store: &dyn Store, push: &dyn Push, post: &Post<'_>, connection: &ConnectionId) {
    match timeout(POST_LIMIT, push.post(connection, post.frame.clone())).await {
        Ok(Ok(Delivery::Sent)) => {}
        Ok(Ok(Delivery::Gone)) => match store
            .close_connections(post.user, std::slice::from_ref(connection))
            .await
        {
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
}

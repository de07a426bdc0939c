//! What the platform knows about its users and topics.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::Id;

/// What the platform says about an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The platform's own object, passed through as JSON.
    Known(Arc<str>),
    /// The platform does not know the id.
    Unknown,
    /// The platform did not answer.
    Unavailable,
}

/// Profiles by id.
pub type Profiles = HashMap<Id, Profile>;

/// What the platform says about users, and about topics: a user and a topic may have the same id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Users.
    pub users: Profiles,
    /// Topics.
    pub topics: Profiles,
}

/// Looks users and topics up. It never fails: chat goes on when the platform is down.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The profiles of these users, all of them in at most one request.
    async fn users(&self, ids: &[Id]) -> Profiles;

    /// The profiles of these topics, all of them in at most one request.
    async fn topics(&self, ids: &[Id]) -> Profiles;
}

//! Profiles that a process keeps for a short time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::profile::Kind;
use crate::domain::Id;
use crate::ports::Profile;

/// Profiles, none older than `age`, and at most `most`.
#[derive(Debug)]
pub(super) struct Kept {
    profiles: Mutex<HashMap<(Kind, Id), (Instant, Profile)>>,
    age: Duration,
    most: usize,
}

impl Kept {
    pub(super) fn new(age: Duration, most: usize) -> Self {
        Self {
            profiles: Mutex::default(),
            age,
            most,
        }
    }

    pub(super) fn get(&self, kind: Kind, id: &Id) -> Option<Profile> {
        let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, profile) = profiles.get(&(kind, id.clone()))?;
        (since.elapsed() < self.age).then(|| profile.clone())
    }

    /// Keeps a profile from now on. If there is no room, the old ones go; if that is not enough, all go. The next requests bring back those that are
    /// in use.
    pub(super) fn insert(&self, kind: Kind, id: Id, profile: Profile) {
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        if profiles.len() >= self.most {
            profiles.retain(|_, (since, _)| since.elapsed() < self.age);
        }
        if profiles.len() >= self.most {
            profiles.clear();
        }
        profiles.insert((kind, id), (Instant::now(), profile));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn id(number: u64) -> Id {
        Id::from_number(number).unwrap()
    }

    fn known(name: &str) -> Profile {
        Profile::Known(Arc::from(name))
    }

    #[test]
    fn a_profile_is_kept_until_it_is_old() {
        let kept = Kept::new(Duration::from_mins(1), 10);
        kept.insert(Kind::Users, id(1), known("ann"));
        kept.insert(Kind::Users, id(1), known("anna"));
        assert_eq!(kept.get(Kind::Users, &id(1)), Some(known("anna")));
        assert_eq!(kept.get(Kind::Topics, &id(1)), None);
        let forgetful = Kept::new(Duration::ZERO, 10);
        forgetful.insert(Kind::Users, id(1), known("ann"));
        assert_eq!(forgetful.get(Kind::Users, &id(1)), None);
    }

    #[test]
    fn there_are_never_too_many_and_the_newest_is_always_there() {
        for age in [Duration::ZERO, Duration::from_mins(1)] {
            let kept = Kept::new(age, 3);
            for number in 1..=20 {
                kept.insert(Kind::Users, id(number), Profile::Unknown);
                assert!(kept.profiles.lock().unwrap().len() <= 3);
                assert!(kept.profiles.lock().unwrap().contains_key(&(Kind::Users, id(number))));
            }
        }
    }
}

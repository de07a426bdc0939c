//! Who talks with whom, and how each of them names it.

use std::fmt;

use super::{Domain, Id};

/// A user of one site.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The site.
    pub domain: Domain,
    /// The platform's id of the user.
    pub id: Id,
}

impl User {
    /// The inbox's key as clients see it: `{domain}:inbox:{user}`.
    pub fn inbox_key(&self) -> String {
        format!("{}:inbox:{}", self.domain, self.id.in_key())
    }
}

/// A conversation as one participant names it. A topic will be the second kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The direct conversation with that user.
    User(Id),
}

impl Target {
    /// Reads a name that its `Display` wrote.
    pub fn from_inbox_key(key: &str) -> Option<Self> {
        key.strip_prefix("user-")
            .and_then(|id| Id::parse(id).ok())
            .map(Self::User)
    }
}

/// Writes the inbox key: `user-{id}`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user-{id}"),
        }
    }
}

/// A conversation as everyone shares it: two users of one site, in an order that doesn't depend on who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conversation {
    domain: Domain,
    low: Id,
    high: Id,
}

impl Conversation {
    /// The conversation that `user` calls `target`. A user's conversation with itself is a place for notes.
    pub fn of(user: &User, target: &Target) -> Self {
        let Target::User(other) = target;
        let (low, high) = if user.id <= *other {
            (&user.id, other)
        } else {
            (other, &user.id)
        };
        Self {
            domain: user.domain.clone(),
            low: low.clone(),
            high: high.clone(),
        }
    }

    /// The site that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The conversation inside its domain: `dm:{low}-{high}`. No two pairs of ids give the same text.
    pub fn name(&self) -> String {
        format!("dm:{}-{}", self.low.in_key(), self.high.in_key())
    }

    /// The key as clients see it: `{domain}:dm:{low}-{high}`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.domain, self.name())
    }

    /// Everyone who has this conversation in the inbox; each once.
    pub fn participants(&self) -> Vec<User> {
        let mut ids = vec![&self.low, &self.high];
        ids.dedup();
        ids.into_iter()
            .map(|id| User {
                domain: self.domain.clone(),
                id: id.clone(),
            })
            .collect()
    }

    /// How this participant names the conversation.
    pub fn as_seen_by(&self, participant: &Id) -> Target {
        let other = if *participant == self.low {
            &self.high
        } else {
            &self.low
        };
        Target::User(other.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn direct(a: &str, b: &str) -> Conversation {
        let user = User {
            domain: Domain::parse("site").unwrap(),
            id: Id::parse(a).unwrap(),
        };
        Conversation::of(&user, &Target::User(Id::parse(b).unwrap()))
    }

    #[test]
    fn both_sides_share_one_key() {
        assert_eq!(direct("524376", "388636"), direct("388636", "524376"));
        assert_eq!(direct("10", "9").key(), "site:dm:9-10");
        assert_eq!(direct("b", "7").key(), "site:dm:7-b");
    }

    #[test]
    fn each_side_names_the_other() {
        let conversation = direct("1", "2");
        assert_eq!(conversation.as_seen_by(&Id::parse("1").unwrap()).to_string(), "user-2");
        assert_eq!(conversation.as_seen_by(&Id::parse("2").unwrap()).to_string(), "user-1");
        assert_eq!(direct("1", "1").participants().len(), 1);
        assert_eq!(
            direct("1", "1").as_seen_by(&Id::parse("1").unwrap()).to_string(),
            "user-1"
        );
    }

    proptest! {
        #[test]
        fn no_two_pairs_share_a_key(
            a in "[ab:-]{1,4}", b in "[ab:-]{1,4}", c in "[ab:-]{1,4}", d in "[ab:-]{1,4}",
        ) {
            let same_pair = (a == c && b == d) || (a == d && b == c);
            prop_assert_eq!(direct(&a, &b).key() == direct(&c, &d).key(), same_pair);
        }

        #[test]
        fn an_inbox_key_survives_its_text(id in "[a-z0-9_.:@~+=-]{1,64}") {
            if let Ok(id) = Id::parse(&id) {
                let target = Target::User(id);
                prop_assert_eq!(Target::from_inbox_key(&target.to_string()), Some(target));
            }
        }
    }
}

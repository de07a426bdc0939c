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

/// A conversation as one of its members names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The direct conversation with that user.
    User(Id),
    /// The conversation of a group.
    Topic(Id),
}

impl Target {
    /// Reads a name that its `Display` wrote.
    pub fn from_inbox_key(key: &str) -> Option<Self> {
        let (kind, id) = key.split_once('-')?;
        let id = Id::parse(id).ok()?;
        match kind {
            "user" => Some(Self::User(id)),
            "topic" => Some(Self::Topic(id)),
            _ => None,
        }
    }

    /// The kind as clients write it, and the id.
    pub fn parts(&self) -> (&'static str, &Id) {
        match self {
            Self::User(id) => ("user", id),
            Self::Topic(id) => ("topic", id),
        }
    }
}

/// Writes the inbox key: `user-{id}` or `topic-{id}`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind}-{id}")
    }
}

/// A conversation as all of its members share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conversation {
    domain: Domain,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Two users, in an order that does not depend on who asks.
    Direct { low: Id, high: Id },
    /// A group.
    Topic(Id),
}

impl Conversation {
    /// The conversation that `user` calls `target`. A user's conversation with itself is a place for notes.
    pub fn of(user: &User, target: &Target) -> Self {
        let kind = match target {
            Target::Topic(id) => Kind::Topic(id.clone()),
            Target::User(other) => {
                let (low, high) = (other.min(&user.id).clone(), other.max(&user.id).clone());
                Kind::Direct { low, high }
            }
        };
        Self {
            domain: user.domain.clone(),
            kind,
        }
    }

    /// The site that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The key as clients see it: `{domain}:dm:{low}-{high}` or `{domain}:topic:{id}`. No two conversations have the same.
    pub fn key(&self) -> String {
        match &self.kind {
            Kind::Direct { low, high } => format!("{}:dm:{}-{}", self.domain, low.in_key(), high.in_key()),
            Kind::Topic(id) => format!("{}:topic:{}", self.domain, id.in_key()),
        }
    }

    /// The conversation with that key; `None` if no conversation has it.
    pub fn from_key(key: &str) -> Option<Self> {
        let (domain, rest) = key.split_once(':')?;
        let kind = match rest.split_once(':')? {
            ("dm", sides) => {
                let (low, high) = sides.split_once('-')?;
                let (low, high) = (Id::from_key(low)?, Id::from_key(high)?);
                (low <= high).then_some(Kind::Direct { low, high })?
            }
            ("topic", id) => Kind::Topic(Id::from_key(id)?),
            _ => return None,
        };
        let domain = Domain::parse(domain).ok()?;
        Some(Self { domain, kind })
    }

    /// The members with which it begins: both sides of a direct conversation, each once. Others join.
    pub fn founders(&self) -> Vec<Id> {
        match &self.kind {
            Kind::Direct { low, high } if low == high => vec![low.clone()],
            Kind::Direct { low, high } => vec![low.clone(), high.clone()],
            Kind::Topic(_) => Vec::new(),
        }
    }

    /// Whether all members see how far each of them has read.
    pub fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct { .. })
    }

    /// The user of this site with that id.
    pub fn user(&self, id: &Id) -> User {
        User {
            domain: self.domain.clone(),
            id: id.clone(),
        }
    }

    /// How this member names the conversation.
    pub fn as_seen_by(&self, member: &Id) -> Target {
        match &self.kind {
            Kind::Direct { low, high } if member == low => Target::User(high.clone()),
            Kind::Direct { low, .. } => Target::User(low.clone()),
            Kind::Topic(id) => Target::Topic(id.clone()),
        }
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
        assert_eq!(direct("1", "1").founders().len(), 1);
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
        fn a_key_names_its_conversation(a in "[ab:~-]{1,4}", b in "[ab:~-]{1,4}|[1-9][0-9]{0,4}") {
            let direct = direct(&a, &b);
            let user = direct.user(&direct.founders()[0]);
            let topic = Conversation::of(&user, &Target::Topic(Id::parse(&a).unwrap()));
            for conversation in [direct, topic] {
                prop_assert_eq!(Conversation::from_key(&conversation.key()), Some(conversation));
            }
        }

        #[test]
        fn another_text_names_no_conversation(key in "(site:)?(dm|topic|user):[a-b:%-]{0,5}|.*") {
            if let Some(conversation) = Conversation::from_key(&key) {
                prop_assert_eq!(conversation.key(), key);
            }
        }

        #[test]
        fn an_inbox_key_survives_its_text(id in "[a-z0-9_.:@~+=-]{1,64}") {
            if let Ok(id) = Id::parse(&id) {
                for target in [Target::User(id.clone()), Target::Topic(id)] {
                    prop_assert_eq!(Target::from_inbox_key(&target.to_string()), Some(target));
                }
            }
        }
    }
}

//! Who may do what in a topic.

use std::fmt;

use super::limits::TOPIC_MEMBERS_MAX;
use super::{Id, InvalidId, Target, User};

/// Who may join a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicAccess {
    /// Anyone of the site. Sending joins, and reading needs no membership.
    #[default]
    Open,
    /// Anyone whose token names the topic. To them it is open, to others it is closed.
    Claim,
    /// Nobody: the platform's server adds members.
    Platform,
}

/// The rules of all topics of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicRules {
    /// Who may join.
    pub access: TopicAccess,
    /// Members of one topic at the most.
    pub members_max: u64,
}

impl Default for TopicRules {
    fn default() -> Self {
        Self {
            access: TopicAccess::default(),
            members_max: TOPIC_MEMBERS_MAX,
        }
    }
}

/// What a user may do in a conversation before the conversation itself is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The user may read, and joins by writing.
    Open,
    /// Only a member may do anything.
    Members,
}

impl TopicRules {
    /// What a user whose token names these topics may do at `target`; `None` if the user may not even ask. The two of a direct conversation are
    /// its members from the beginning.
    pub fn admission(&self, claim: &TopicClaim, target: &Target) -> Option<Admission> {
        match (target, self.access) {
            (Target::User(_), _) | (Target::Topic(_), TopicAccess::Open) => Some(Admission::Open),
            (Target::Topic(id), TopicAccess::Claim) => claim.names(id).then_some(Admission::Open),
            (Target::Topic(_), TopicAccess::Platform) => Some(Admission::Members),
        }
    }
}

/// The topics that a token names in its claim `topics`: ids, or beginnings of ids that end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicClaim(Vec<Box<str>>);

impl TopicClaim {
    /// Takes the items of a claim; what can be no id, and no beginning of one, names nothing.
    pub fn new(items: impl IntoIterator<Item = String>) -> Self {
        let names_something = |item: &String| match item.strip_suffix('*') {
            Some("") => true,
            // `007` is no id, but `007-x` is.
            Some(beginning) => matches!(Id::parse(beginning), Ok(_) | Err(InvalidId::LeadingZeros)),
            None => Id::parse(item).is_ok(),
        };
        Self(
            items
                .into_iter()
                .filter(names_something)
                .map(String::into_boxed_str)
                .collect(),
        )
    }

    /// Reads what `Display` wrote.
    pub fn stored(text: &str) -> Self {
        Self::new(text.split(',').map(str::to_owned))
    }

    /// Whether the claim names a topic.
    pub fn names(&self, topic: &Id) -> bool {
        let topic = topic.to_string();
        self.0.iter().any(|item| match item.strip_suffix('*') {
            Some(beginning) => topic.starts_with(beginning),
            None => **item == *topic,
        })
    }
}

/// Writes the items with commas, which no id has, between them.
impl fmt::Display for TopicClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// A user, and what the user's token says beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: User,
    /// The topics that the token names.
    pub topics: TopicClaim,
    /// Until when the token is good, in milliseconds since 1970; `None` if it has no end.
    pub until_ms: Option<u64>,
    /// When the token was issued, in milliseconds since 1970; `None` if it does not say.
    pub issued_ms: Option<u64>,
}

/// What a member of a topic may do. A higher role may do all that a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also removes messages and members, and adds members.
    Moderator,
    /// Also makes moderators of members, and members of moderators. The platform makes owners.
    Owner,
}

impl Role {
    /// All roles, the lowest first.
    pub const ALL: [Self; 3] = [Self::Member, Self::Moderator, Self::Owner];

    /// The role as clients write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A user who asks for something in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The user.
    pub id: Id,
    /// What the user may do without being a member.
    pub admission: Admission,
}

/// Who changes the members of a topic, or deletes a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user, who may do what the user's role allows. Where admission is open, anyone may join, and moderators may add others.
    User(Asker),
    /// The platform, which may do everything.
    Platform,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_topics_by_id_or_by_their_beginning() {
        let claim = TopicClaim::new(["5", "team:a", "club-*"].map(str::to_owned));
        let names = |id: &str| claim.names(&Id::parse(id).unwrap());
        for named in ["5", "team:a", "club-", "club-7"] {
            assert!(names(named), "{named}");
        }
        for other in ["55", "team:ab", "team", "clu", "Club-7"] {
            assert!(!names(other), "{other}");
        }
        let zeros = TopicClaim::new(["00*", "007"].map(str::to_owned));
        assert!(zeros.names(&Id::parse("007-x").unwrap()));
        for other in ["0", "7", "0-7"] {
            assert!(!zeros.names(&Id::parse(other).unwrap()), "{other}");
        }
        assert_eq!(zeros.to_string(), "00*");
        assert_eq!(TopicClaim::stored("00*"), zeros);
        assert!(TopicClaim::new(["*".to_owned()]).names(&Id::parse("x").unwrap()));
        assert_eq!(TopicClaim::stored(&claim.to_string()), claim);
        assert_eq!(TopicClaim::stored(""), TopicClaim::default());
    }

    #[test]
    fn each_kind_of_access_admits_as_it_says() {
        let claim = TopicClaim::new(["5".to_owned()]);
        let admission = |access, target: &str| {
            let rules = TopicRules {
                access,
                ..TopicRules::default()
            };
            rules.admission(&claim, &Target::from_inbox_key(target).unwrap())
        };
        for access in [TopicAccess::Open, TopicAccess::Claim, TopicAccess::Platform] {
            assert_eq!(admission(access, "user-6"), Some(Admission::Open));
        }
        assert_eq!(admission(TopicAccess::Open, "topic-6"), Some(Admission::Open));
        assert_eq!(admission(TopicAccess::Claim, "topic-5"), Some(Admission::Open));
        assert_eq!(admission(TopicAccess::Claim, "topic-6"), None);
        assert_eq!(admission(TopicAccess::Platform, "topic-5"), Some(Admission::Members));
    }
}

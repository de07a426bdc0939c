//! The names of the old server's keys.
//!
//! # Source
//! car-throttle/senna-sockets, `src/api.js` and `src/config.js`. All keys begin with `{SOCK_REDIS_PREFIX}:messages:{site}:`. Behind that stands
//! `dm:{one}-{other}` or `topic:{id}`, a list of message ids, oldest first, with a hash `…:data` of id and JSON; `inbox:{user}`, a sorted set of
//! `user-{id}` and `topic-{id}` by the time of the last send in milliseconds; or `activity:{user}`, a hash that nothing reads.

use shared::domain::{Conversation, Domain, Id, Target, User};

/// What stands behind the site in the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// The list of the messages of two users.
    Direct(&'a str),
    /// The list of the messages of a topic.
    Topic(&'a str),
    /// The data of the messages of that list.
    Data,
    /// The inbox of a user.
    Inbox(&'a str),
    /// When a user last wrote.
    Activity,
}

/// Reads a name behind `messages:`: the site, and what stands behind it.
pub(super) fn read(name: &str) -> Option<(&str, Name<'_>)> {
    let (site, rest) = name.split_once(':')?;
    let (kind, id) = rest.split_once(':')?;
    let name = match kind {
        "dm" | "topic" if id.ends_with(":data") => Name::Data,
        "dm" => Name::Direct(id),
        "topic" => Name::Topic(id),
        "inbox" => Name::Inbox(id),
        "activity" => Name::Activity,
        _ => return None,
    };
    Some((site, name))
}

/// The conversation of two users. An id may have a `-` too; `None` if that leaves more than one way to read the name, or none.
pub(super) fn direct(site: &Domain, sides: &str) -> Option<Conversation> {
    let ways = sides.match_indices('-').filter_map(|(at, _)| {
        let (one, other) = sides.split_at_checked(at)?;
        Some((Id::parse(one).ok()?, Id::parse(other.strip_prefix('-')?).ok()?))
    });
    let mut ways = ways.take(2);
    let (id, other) = ways.next().filter(|_| ways.next().is_none())?;
    let domain = site.clone();
    Some(Conversation::of(&User { domain, id }, &Target::User(other)))
}

/// The conversation of a topic.
pub(super) fn topic(site: &Domain, id: &str) -> Option<Conversation> {
    let id = Id::parse(id).ok()?;
    let anyone = User {
        domain: site.clone(),
        id: id.clone(),
    };
    Some(Conversation::of(&anyone, &Target::Topic(id)))
}

/// The names of the lists of two users, first the one in which the lower id comes first. The old server compared numbers by value and texts by their
/// characters. So there is one list, unless the platform began to write ids in another way.
pub(super) fn lists(site: &str, conversation: &Conversation) -> [String; 2] {
    let sides = conversation.founders();
    let (low, high) = (sides.first(), sides.last());
    let name = |one: Option<&Id>, other: Option<&Id>| match (one, other) {
        (Some(one), Some(other)) => format!("{site}:dm:{one}-{other}"),
        _ => String::new(),
    };
    [name(low, high), name(high, low)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_old_server_are_understood() {
        assert_eq!(read("site:dm:1-2"), Some(("site", Name::Direct("1-2"))));
        assert_eq!(read("site:dm:1-2:data"), Some(("site", Name::Data)));
        assert_eq!(read("site:topic:7"), Some(("site", Name::Topic("7"))));
        assert_eq!(read("site:topic:7:data"), Some(("site", Name::Data)));
        assert_eq!(read("site:inbox:1"), Some(("site", Name::Inbox("1"))));
        assert_eq!(read("site:activity:1"), Some(("site", Name::Activity)));
        for unknown in ["", "site", "site:dm", "events", "site:rooms:1"] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn two_ids_are_read_only_where_there_is_one_way() {
        let site = Domain::parse("site").unwrap();
        let key = |sides| direct(&site, sides).map(|conversation| conversation.key());
        assert_eq!(key("388636-524376").unwrap(), "site:dm:388636-524376");
        assert_eq!(
            key("10-9").unwrap(),
            "site:dm:9-10",
            "two texts, of which 10 is the lower one"
        );
        assert_eq!(key("5-5").unwrap(), "site:dm:5-5");
        for sides in ["a-b-c", "5", "-5", "5-", "5-007", "5-undefined null"] {
            assert_eq!(key(sides), None, "{sides}");
        }
        let ten = direct(&site, "10-9").unwrap();
        assert_eq!(lists("old", &ten), ["old:dm:9-10", "old:dm:10-9"]);
    }
}

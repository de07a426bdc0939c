//! Rules of topics: who is a member, who may do what, and what members and others are told.

use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{Actor, Asker, ChangeKind, Cursor, Decision, Draft, Id, Role, User};
use shared::ports::{PageBounds, Store as _, StoreError};

use crate::support::{NOW, World, closed, draft, new_text, open, own, page, texts, user, with_key};

fn names(members: &[(String, Role)]) -> Vec<&str> {
    members.iter().map(|(id, _)| id.as_str()).collect()
}

pub(crate) async fn who_joins_has_nothing_unread(world: World) {
    let world = world.in_topic("cats");
    let carl = user("site", "carl");
    for content in ["a", "b"] {
        world.send(&world.anna, content).await;
    }
    world.clock.set(NOW + 7);
    let joined = world.join(&world.ben).await;
    let member = joined.change.member.clone().unwrap();
    assert_eq!(
        (joined.change.kind, joined.change.repeated),
        (ChangeKind::Joined, false)
    );
    assert_eq!(
        (member.role, member.joined_ms, member.read_seq),
        (Role::Member, NOW + 7, 2)
    );
    let told = own(&joined, &world.ben);
    assert_eq!((told.unread, told.has_written, told.left), (0, false, false));
    let entry = world.entry(&world.ben).await.unwrap();
    assert_eq!((entry.unread, entry.read_seq, entry.rev), (0, 2, joined.change.rev));
    assert_eq!(entry.latest.unwrap().body.content(), "b");
    let entry = world.entry(&world.anna).await.unwrap();
    assert_eq!(entry.rev, joined.change.rev, "the others are told too");

    world.send(&world.anna, "c").await;
    assert_eq!(world.unread(&world.ben).await, 1);
    world.send(&carl, "who sends joins").await;
    assert_eq!(names(&world.members().await), ["1", "ben", "carl"]);
    let entry = world.entry(&carl).await.unwrap();
    assert_eq!((entry.unread, entry.read_seq), (0, 4));
    assert_eq!(world.unread(&world.ben).await, 2);

    let left = world.leave(&world.ben).await;
    assert_eq!((left.change.kind, left.change.repeated), (ChangeKind::Left, false));
    assert!(own(&left, &world.ben).left);
    assert_eq!(names(&world.members().await), ["1", "carl"]);
    assert_eq!(
        (world.inbox(&world.ben).await.total, world.unread(&world.ben).await),
        (0, 0)
    );
    let entry = world.entry(&world.ben).await.unwrap();
    assert!(entry.left, "a client that was away learns of it");
    world.send(&carl, "without ben").await;
    assert_eq!(world.inbox(&world.ben).await.total, 0);

    let back = world.join(&world.ben).await;
    assert!(!back.change.repeated);
    let inbox = world.inbox(&world.ben).await;
    assert_eq!((inbox.total, inbox.unread_total), (1, 0), "a rejoin begins anew");
    assert!(!inbox.entries[0].left);
    world.send(&world.anna, "welcome").await;
    assert_eq!(world.unread(&world.ben).await, 1);
}

pub(crate) async fn a_repeated_change_of_members_changes_nothing(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    let same = |again: &Decision, first: &Decision| {
        assert!(again.change.repeated);
        assert_eq!(again.change.member, first.change.member);
        assert_eq!(again.projection, first.projection);
    };
    let joined = world.join(&world.ben).await;
    same(&world.join(&world.ben).await, &joined);
    let made = world.make(&world.ben, Role::Moderator).await;
    let role = |decision: &Decision| decision.change.member.as_ref().unwrap().role;
    assert_eq!((role(&made), made.change.repeated), (Role::Moderator, false));
    assert_eq!(
        (made.change.kind, made.change.prev_rev),
        (ChangeKind::Joined, Some(joined.change.rev))
    );
    same(&world.make(&world.ben, Role::Moderator).await, &made);
    let again = world.join(&world.ben).await;
    assert_eq!(
        (role(&again), again.change.repeated),
        (Role::Moderator, true),
        "to join again is no way down"
    );
    let left = world.leave(&world.ben).await;
    assert_eq!(role(&left), Role::Moderator);
    let again = world.leave(&world.ben).await;
    assert!(again.change.repeated);
    assert!(own(&left, &world.ben).left_now && !own(&again, &world.ben).left_now);
    assert_eq!(again.projection.clock, left.projection.clock);
    let sent = world.send_draft(&world.ben, &with_key("joins", "k")).await;
    assert_eq!(names(&world.members().await), ["1", "ben"]);
    world.leave(&world.ben).await;
    let again = world.send_draft(&world.ben, &with_key("joins", "k")).await;
    assert!(again.change.repeated && again.change.id == sent.change.id);
    assert_eq!(
        names(&world.members().await),
        ["1"],
        "a repeated send joins nobody again"
    );
    let back = world.join(&world.ben).await;
    assert_eq!(role(&back), Role::Member, "a role is lost with the membership");
}

/// A client links what it is told: a repetition that names another change's revisions would hide that change.
pub(crate) async fn a_repetition_never_stands_for_another_change(world: World) {
    let world = world.in_topic("cats");
    let first = world.send(&world.anna, "a").await.change;
    world.join(&world.ben).await;
    let second = world.send(&world.anna, "b").await.change;
    let unlinked = |again: Decision, what: &str| {
        assert!(again.change.repeated, "{what}");
        let links = again.change.rev == second.rev && again.change.prev_rev.is_some();
        assert!(!links, "{what}: {:?}", again.change);
    };
    unlinked(world.join(&world.ben).await, "join");
    unlinked(world.leave(&user("site", "stranger")).await, "leave");
    unlinked(
        world.react(&world.ben, first.id, "x", false).await.unwrap(),
        "take back",
    );
    unlinked(world.read(&world.anna, Some(first.id)).await, "read");
}

/// What is tried, and what each may do where anyone may join, and where only members may do anything.
struct Row {
    what: &'static str,
    tries: Try,
    /// Stranger, member, moderator, owner, platform: `+` done, `=` done already, `n` not a member, `r` the role is too low, `f` forbidden,
    /// `-` cannot be.
    open: &'static str,
    closed: &'static str,
}

enum Try {
    Put(&'static str, Option<Role>),
    Remove(&'static str),
    /// `me` is who acts.
    DeleteMessage,
    EditMessage,
    Send,
    Read,
    React,
    SeeHistory,
    SeeChanges,
    SeeMembers,
}

const fn row(what: &'static str, tries: Try, open: &'static str, closed: &'static str) -> Row {
    Row {
        what,
        tries,
        open,
        closed,
    }
}

const MEMBER: Option<Role> = Some(Role::Member);
const MODERATOR: Option<Role> = Some(Role::Moderator);
const OWNER: Option<Role> = Some(Role::Owner);

const TABLE: [Row; 27] = [
    row("join", Try::Put("me", None), "+===-", "n===-"),
    row("join as member", Try::Put("me", MEMBER), "+=rr-", "n=rr-"),
    row("make oneself moderator", Try::Put("me", MODERATOR), "rr=r-", "nr=r-"),
    row("make oneself owner", Try::Put("me", OWNER), "rrr=-", "nrr=-"),
    row("add", Try::Put("new", None), "nr+++", "nrrr+"),
    row("add as member", Try::Put("new", MEMBER), "nr+++", "nrrr+"),
    row("add as moderator", Try::Put("new", MODERATOR), "nrr++", "nrrr+"),
    row("add as owner", Try::Put("new", OWNER), "nrrr+", "nrrr+"),
    row("add again", Try::Put("member", None), "n====", "n===="),
    row(
        "make a member moderator",
        Try::Put("member", MODERATOR),
        "nrr++",
        "nrr++",
    ),
    row("make a member owner", Try::Put("member", OWNER), "nrrr+", "nrrr+"),
    row(
        "make a moderator member",
        Try::Put("moderator", MEMBER),
        "nrr++",
        "nrr++",
    ),
    row("make a moderator owner", Try::Put("moderator", OWNER), "nrrr+", "nrrr+"),
    row("make an owner member", Try::Put("owner", MEMBER), "nrrr+", "nrrr+"),
    row("remove a member", Try::Remove("member"), "nr+++", "nr+++"),
    row("remove a moderator", Try::Remove("moderator"), "nrr++", "nrr++"),
    row("remove an owner", Try::Remove("owner"), "nrrr+", "nrrr+"),
    row("remove a stranger", Try::Remove("new"), "nr===", "nr==="),
    row("leave", Try::Remove("me"), "=+++-", "=+++-"),
    row("delete another's message", Try::DeleteMessage, "ff+++", "nf+++"),
    row("edit another's message", Try::EditMessage, "ffff-", "nfff-"),
    row("send", Try::Send, "++++-", "n+++-"),
    row("read", Try::Read, "n+++-", "n+++-"),
    row("react", Try::React, "n+++-", "n+++-"),
    row("see the history", Try::SeeHistory, "++++-", "n+++-"),
    row("see the changes", Try::SeeChanges, "++++-", "n+++-"),
    row("see the members", Try::SeeMembers, "++++-", "n+++-"),
];

const ACTORS: [(&str, Option<Role>); 5] = [
    ("stranger", None),
    ("one", MEMBER),
    ("two", MODERATOR),
    ("three", OWNER),
    ("platform", None),
];

pub(crate) async fn the_role_decides_who_may_do_what(world: World) {
    let mut world = world;
    let mut number = 0;
    for row in &TABLE {
        for (is_open, marks) in [(true, row.open), (false, row.closed)] {
            for ((name, role), mark) in ACTORS.into_iter().zip(marks.chars()) {
                number += 1;
                world = world.in_topic(&format!("t{number}"));
                let by = user("site", name);
                let asker = if is_open { open(&by) } else { closed(&by) };
                let actor = if name == "platform" {
                    Actor::Platform
                } else {
                    Actor::User(asker.clone())
                };
                let others = [
                    ("member", Role::Member),
                    ("moderator", Role::Moderator),
                    ("owner", Role::Owner),
                ];
                for (id, role) in others {
                    world
                        .put(&Actor::Platform, &user("site", id), Some(role))
                        .await
                        .unwrap();
                }
                if let Some(role) = role {
                    world.put(&Actor::Platform, &by, Some(role)).await.unwrap();
                }
                let message = world.say(&user("site", "member"), "theirs").await.change.id;
                let before = (world.members().await, world.history(page(1, 10)).await);
                let outcome = tried(&world, &row.tries, &by, &asker, &actor, message).await;
                let what = format!("{} as {name}, open: {is_open}", row.what);
                assert_eq!(outcome, mark, "{what}");
                let after = (world.members().await, world.history(page(1, 10)).await);
                if outcome == '+' {
                    let expected = changed(before.0, &row.tries, name, role);
                    assert_eq!(after.0, expected, "{what}");
                } else {
                    assert_eq!(after, before, "{what}");
                }
            }
        }
    }
}

/// The members after it was done.
fn changed(mut members: Vec<(String, Role)>, tries: &Try, me: &str, own: Option<Role>) -> Vec<(String, Role)> {
    let of = |name: &str| if name == "me" { me.to_owned() } else { name.to_owned() };
    match tries {
        Try::Put(name, role) => {
            members.retain(|(id, _)| *id != of(name));
            members.push((of(name), role.unwrap_or(Role::Member)));
        }
        Try::Remove(name) => members.retain(|(id, _)| *id != of(name)),
        Try::Send if own.is_none() => members.push((me.to_owned(), Role::Member)),
        _ => {}
    }
    members.sort_by_key(|(id, _)| Id::parse(id).unwrap());
    members
}

async fn tried(
    world: &World,
    tries: &Try,
    by: &User,
    asker: &Asker,
    actor: &Actor,
    message: shared::domain::MessageId,
) -> char {
    // Nobody asks as the platform for what has no such asker.
    if *actor == Actor::Platform
        && !matches!(tries, Try::Put("new" | "member" | "moderator" | "owner", _))
        && !matches!(
            tries,
            Try::Remove("new" | "member" | "moderator" | "owner") | Try::DeleteMessage
        )
    {
        return '-';
    }
    let (store, chat) = (&world.store, &world.chat);
    let of = |name: &str| if name == "me" { by.clone() } else { user("site", name) };
    let decided = match tries {
        Try::Put(name, role) => world.put(actor, &of(name), *role).await,
        Try::Remove(name) => store.remove_member(chat, actor, &of(name).id).await,
        Try::DeleteMessage => store.delete_message(chat, message, actor).await,
        Try::EditMessage => {
            store
                .update_message(chat, message, asker, &new_text("mine"), None)
                .await
        }
        Try::Send => store.append_message(chat, asker, &draft("hi"), TOPIC_MEMBERS_MAX).await,
        Try::Read => store.read_up_to(chat, &by.id, None).await.map(Option::unwrap),
        Try::React => world.react(by, message, "x", true).await,
        Try::SeeHistory => return seen(store.history(chat, asker, &page(1, 10)).await),
        Try::SeeChanges => return seen(store.changes(chat, asker, 0, PageBounds::BODY).await),
        Try::SeeMembers => return seen(store.members(chat, asker).await),
    };
    match decided {
        Ok(decision) if decision.change.repeated => '=',
        decided => seen(decided),
    }
}

fn seen<T>(outcome: Result<T, StoreError>) -> char {
    match outcome {
        Ok(_) => '+',
        Err(StoreError::NotAMember) => 'n',
        Err(StoreError::RoleTooLow) => 'r',
        Err(StoreError::Forbidden) => 'f',
        Err(error) => panic!("{error}"),
    }
}

/// In an open topic what one wrote stays one's own after leaving.
pub(crate) async fn who_has_left_an_open_topic_still_edits_and_deletes_own_messages(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "stays").await;
    let id = world.send(&world.ben, "mine").await.change.id;
    world.leave(&world.ben).await;
    let edit = async |asker| {
        world
            .store
            .update_message(&world.chat, id, &asker, &new_text("mine!"), None)
            .await
    };
    assert!(matches!(edit(closed(&world.ben)).await, Err(StoreError::NotAMember)));
    let edited = edit(open(&world.ben)).await.unwrap();
    assert!(edited.projection.members.iter().all(|member| member.id != world.ben.id));
    world.finish(edited).await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["stays", "mine!"]);
    let deletion = world
        .store
        .delete_message(&world.chat, id, &Actor::User(closed(&world.ben)))
        .await;
    assert!(matches!(deletion, Err(StoreError::NotAMember)));
    let deleted = world.delete(&world.ben, id).await;
    world.finish(deleted).await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["stays"]);
    assert_eq!(names(&world.members().await), ["1"]);
}

pub(crate) async fn a_full_topic_takes_nobody_more(world: World) {
    let world = world.in_topic("cats");
    let (carl, dora) = (user("site", "carl"), user("site", "dora"));
    let send = async |by: &User| {
        let sent = world
            .store
            .append_message(&world.chat, &open(by), &draft("hi"), 3)
            .await;
        sent.map(|_| ())
    };
    let join = async |by: &User, actor: Actor| {
        let joined = world.store.put_member(&world.chat, &actor, &by.id, None, 3).await;
        joined.map(|_| ())
    };
    send(&world.anna).await.unwrap();
    send(&world.ben).await.unwrap();
    join(&carl, Actor::User(open(&carl))).await.unwrap();
    let before = world.history(page(1, 10)).await;
    assert!(matches!(send(&dora).await, Err(StoreError::TopicFull(3))));
    assert!(matches!(
        join(&dora, Actor::User(open(&dora))).await,
        Err(StoreError::TopicFull(3))
    ));
    assert!(matches!(
        join(&dora, Actor::Platform).await,
        Err(StoreError::TopicFull(3))
    ));
    assert_eq!(world.history(page(1, 10)).await, before);
    for member in [&world.anna, &carl] {
        send(member).await.unwrap();
        join(member, Actor::User(open(member))).await.unwrap();
    }
    world.leave(&world.ben).await;
    send(&dora).await.unwrap();
    assert_eq!(names(&world.members().await), ["1", "carl", "dora"]);
}

/// A function that was late tells of a message after its receiver has left.
pub(crate) async fn a_late_telling_never_brings_a_topic_back(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    world.join(&world.ben).await;
    let late = world.say(&world.anna, "b").await;
    world.leave(&world.ben).await;
    assert_eq!(world.tell(&world.ben, &late).await.place, None);
    assert!(world.entry(&world.ben).await.unwrap().left);
    assert_eq!(world.inbox(&world.ben).await.total, 0);

    // Carl was added, and has left before he was told of it.
    let carl = user("site", "carl");
    let added = world.put(&Actor::Platform, &carl, None).await.unwrap();
    world.leave(&carl).await;
    world.tell(&carl, &added).await;
    assert_eq!(world.inbox(&carl).await.total, 0);
}

pub(crate) async fn who_never_was_a_member_gets_no_entry_by_leaving(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    let left = world.leave(&world.ben).await;
    assert!(left.change.repeated);
    assert_eq!(world.entry(&world.ben).await, None);
    let now = world
        .store
        .changed_entries(&world.ben, None, PageBounds::BODY)
        .await
        .unwrap();
    assert_eq!(now.cursor, Cursor::default());
    let nowhere = world.in_topic("dogs");
    let left = nowhere.leave(&nowhere.ben).await;
    assert_eq!((left.change.rev, left.projection.clock), (0, 0), "nothing begins by it");
}

/// Members see a topic without messages in their inboxes as of its beginning.
pub(crate) async fn an_empty_topic_stands_in_the_inbox(world: World) {
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    let entry = world.inbox(&world.ben).await.entries.remove(0);
    assert_eq!((entry.unread, entry.latest, entry.activity_ms), (0, None, NOW));
}

/// Many members, of whom some come late, leave and come back; messages that mention some of them; deletions and moves of positions.
pub(crate) async fn unread_and_mentioned_are_exact_for_each_of_many(world: World) {
    let world = world.in_topic("cats");
    let users: Vec<User> = (0..12).map(|number| user("site", &format!("u{number}"))).collect();
    // Position up to which each member has read; nobody who is no member.
    let mut reads: Vec<Option<u64>> = vec![None; users.len()];
    // Author, who is mentioned, whether it is alive; and the id.
    let mut said: Vec<(usize, Vec<usize>, bool, shared::domain::MessageId)> = Vec::new();
    let mut random = 7_u64;
    let mut roll = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    for step in 0..240 {
        let who = roll(users.len());
        let last = said.len() as u64;
        let decision = match roll(12) {
            0 | 1 if reads[who].is_none() => {
                reads[who] = Some(last);
                world.join(&users[who]).await
            }
            2 if reads[who].is_some() && roll(3) == 0 => {
                reads[who] = None;
                world.leave(&users[who]).await
            }
            3..=4 if reads[who].is_some() && last > 0 => {
                let to = roll(said.len());
                reads[who] = reads[who].max(Some(to as u64 + 1));
                world.read(&users[who], Some(said[to].3)).await
            }
            5 | 6 if last > 0 => {
                let which = roll(said.len());
                said[which].2 = false;
                let deleted = world.delete(&users[said[which].0], said[which].3).await;
                world.finish(deleted).await
            }
            _ => {
                let wanted = (0..roll(4)).map(|_| roll(users.len())).collect::<Vec<_>>();
                let mut mentions: Vec<usize> = wanted.into_iter().filter(|of| reads[*of].is_some()).collect();
                mentions.dedup();
                let draft = Draft {
                    mentions: mentions.iter().map(|of| users[*of].id.clone()).collect(),
                    ..draft(&step.to_string())
                };
                let sent = world.send_draft(&users[who], &draft).await;
                said.push((who, mentions, true, sent.change.id));
                reads[who] = Some(said.len() as u64);
                sent
            }
        };
        for (number, user) in users.iter().enumerate() {
            let told = decision.projection.members.iter().find(|member| member.id == user.id);
            let Some(read) = reads[number] else {
                assert!(told.is_none_or(|told| told.left), "step {step}");
                continue;
            };
            let behind = said
                .iter()
                .zip(1..)
                .filter(|((_, _, alive, _), seq)| *alive && *seq > read);
            let behind: Vec<_> = behind.collect();
            let mentioned = behind
                .iter()
                .filter(|((author, mentions, _, _), _)| *author != number && mentions.contains(&number));
            let expected = (behind.len() as u64, mentioned.count() as u64, read);
            if let Some(told) = told {
                assert_eq!(
                    (told.unread, told.mentioned, told.read_seq),
                    expected,
                    "step {step}, user {number}"
                );
            }
            let entry = world.entry(user).await.unwrap();
            assert_eq!(
                (entry.unread, entry.mentioned, entry.read_seq),
                expected,
                "entry of user {number} at {step}"
            );
        }
    }
    assert!(said.len() > 60 && said.iter().filter(|(_, _, alive, _)| !alive).count() > 15);
}

/// What a reader who was away is told of members.
pub(crate) async fn changes_tell_that_members_have_changed(world: World) {
    let world = world.in_topic("cats");
    let sent = world.send(&world.anna, "a").await.change;
    let news = async |world: &World, since: u64| {
        let reader = open(&world.anna);
        let changes = world.store.changes(&world.chat, &reader, since, PageBounds::BODY);
        changes.await.unwrap().members
    };
    assert!(news(&world, 0).await && !news(&world, sent.rev).await);
    let joined = world.join(&world.ben).await.change.rev;
    assert!(news(&world, sent.rev).await && !news(&world, joined).await);
    let made = world.make(&world.ben, Role::Moderator).await.change.rev;
    assert!(news(&world, joined).await && !news(&world, made).await);
    let left = world.leave(&world.ben).await.change.rev;
    assert!(news(&world, made).await && !news(&world, left).await);
    let since = world.send(&user("site", "carl"), "who sends joins").await.change.rev;
    assert!(news(&world, left).await && !news(&world, since).await);
    world.send(&world.anna, "b").await;
    assert!(!news(&world, since).await);
    let direct = world.direct();
    direct.send(&direct.anna, "hi").await;
    assert!(
        !news(&direct, 0).await,
        "the two of a direct conversation are always the same"
    );
}

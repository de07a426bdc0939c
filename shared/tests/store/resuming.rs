//! Rules of resuming: what a client learns that was away.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{Asker, Conversation, Cursor, Decision, Target, User};
use shared::ports::{ChangedEntries, Changes, InboxEntry, PageBounds, Store as _};

use crate::support::{Address, NOW, World, draft, new_text, open, server, text, user};

const ALL: PageBounds = PageBounds {
    count: 1_000,
    bytes: 1 << 20,
};

async fn entries(world: &World, since: Cursor) -> ChangedEntries {
    world.store.changed_entries(&world.ben, Some(since), ALL).await.unwrap()
}

async fn place(world: &World) -> Cursor {
    let now = world.store.changed_entries(&world.ben, None, ALL).await.unwrap();
    assert!(!now.recovered && now.entries.is_empty());
    now.cursor
}

async fn changes(world: &World, since: u64, bounds: PageBounds) -> Changes {
    world
        .store
        .changes(&world.chat, &open(&world.ben), since, bounds)
        .await
        .unwrap()
}

/// What a page of changes shows: position, and what the message says.
fn shown(changes: &Changes) -> Vec<(u64, Option<&str>)> {
    changes
        .messages
        .iter()
        .map(|stored| {
            (
                stored.id.seq,
                stored.message.as_ref().map(|message| message.body.content()),
            )
        })
        .collect()
}

/// Someone tells Ben something, in the conversation with a user of that name.
async fn told_by(world: &World, name: &str, content: &str) -> Cursor {
    let other = user("site", name);
    let chat = Conversation::of(&world.ben, &Target::User(other.id.clone()));
    let sent = world
        .store
        .append_message(&chat, &open(&other), &draft(content), TOPIC_MEMBERS_MAX)
        .await;
    let Decision { projection, .. } = sent.unwrap();
    let ben = projection
        .members
        .iter()
        .find(|member| member.id == world.ben.id)
        .unwrap();
    let told = world.store.tell(&chat, &projection, ben).await.unwrap();
    told.place.unwrap().cursor
}

fn names(page: &ChangedEntries) -> Vec<String> {
    page.entries.iter().map(|(_, entry)| entry.target.to_string()).collect()
}

pub(crate) async fn a_cursor_tells_which_conversations_moved(world: World) {
    let start = place(&world).await;
    assert_eq!(start, Cursor::default(), "a user who has nothing has a cursor too");
    let mut cursors = vec![start];
    for name in ["a", "b", "a", "c", "b"] {
        cursors.push(told_by(&world, name, "hi").await);
    }
    assert!(cursors.windows(2).all(|pair| pair[0].position < pair[1].position));
    let expected: [&[&str]; 6] = [
        &["user-a", "user-c", "user-b"],
        &["user-a", "user-c", "user-b"],
        &["user-a", "user-c", "user-b"],
        &["user-c", "user-b"],
        &["user-b"],
        &[],
    ];
    for (since, expected) in cursors.iter().zip(expected) {
        let page = entries(&world, *since).await;
        assert!(page.recovered && !page.more);
        assert_eq!(
            (names(&page), page.cursor),
            (expected.iter().map(ToString::to_string).collect(), cursors[5])
        );
        assert_eq!(page.unread_total, 5);
    }

    let (mut since, mut told) = (start, Vec::new());
    let one = PageBounds { count: 1, ..ALL };
    loop {
        let page = world.store.changed_entries(&world.ben, Some(since), one).await.unwrap();
        told.extend(names(&page));
        since = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!((told, since), (names(&entries(&world, start).await), cursors[5]));
    let full = PageBounds { bytes: 1, ..ALL };
    let page = world
        .store
        .changed_entries(&world.ben, Some(start), full)
        .await
        .unwrap();
    assert_eq!(
        (names(&page), page.more),
        (vec!["user-a".to_owned()], true),
        "a page ends where it is full"
    );
}

/// Messages that are too long for an entry are fetched one by one, so a page takes few of them.
pub(crate) async fn a_page_of_long_messages_ends_early(world: World) {
    let (mut since, mut told, mut pages) = (place(&world).await, Vec::new(), 0);
    for number in 0..40 {
        told_by(&world, &format!("u{number}"), &"x".repeat(600 + number)).await;
    }
    loop {
        let page = world
            .store
            .changed_entries(&world.ben, Some(since), PageBounds::FRAME)
            .await
            .unwrap();
        let length = |entry: &InboxEntry| entry.latest.as_ref().unwrap().body.content().len() - 600;
        told.extend(page.entries.iter().map(|(_, entry)| length(entry)));
        (since, pages) = (page.cursor, pages + 1);
        if !page.more {
            break;
        }
    }
    assert_eq!((told, pages), ((0..40).collect(), 3));
}

pub(crate) async fn a_slot_that_was_lost_or_set_back_says_so(world: World) {
    let first = told_by(&world, "a", "hi").await;
    let last = told_by(&world, "b", "hi").await;
    for wrong in [
        Cursor {
            epoch: last.epoch ^ 1,
            ..last
        },
        Cursor {
            position: last.position + 1,
            ..last
        },
    ] {
        let page = entries(&world, wrong).await;
        assert_eq!((page.recovered, page.entries.len(), page.cursor), (false, 0, last));
    }
    world.forget(&world.user_keys(&world.ben)).await;
    assert!(!entries(&world, last).await.recovered);
    world.clock.set(NOW + 1_000);
    let next = told_by(&world, "a", "hi again").await;
    assert!(next.position > last.position, "no place is given twice");
    assert!(!entries(&world, first).await.recovered, "another epoch");
}

pub(crate) async fn a_writer_that_comes_late_sets_nothing_back(world: World) {
    let sent = world.send(&world.anna, "a").await;
    let late = world.edit(&world.anna, sent.change.id, "late").await;
    let seen = world.see(&world.ben, sent.change.id).await;
    assert!(world.tell(&world.ben, &seen).await.place.is_some());
    let before = place(&world).await;
    let told = world.tell(&world.ben, &late).await;
    assert_eq!(told.place, None);
    assert_eq!((place(&world).await, world.unread(&world.ben).await), (before, 0));
    let inbox = world.inbox(&world.ben).await;
    assert_eq!(
        inbox.entries[0].latest.as_ref().unwrap().body,
        text("late"),
        "the later writer has told it"
    );
}

/// A conversation that was changed in all ways, read from every revision that it had, in pages of every size.
pub(crate) async fn changes_are_what_is_newer_than_a_revision(world: World) {
    let mut revs = vec![0];
    let mut states: Vec<BTreeMap<u64, (u64, Option<String>)>> = vec![BTreeMap::new()];
    let mut ids = Vec::new();
    for step in 0..60_u64 {
        world.clock.set(NOW + step / 7);
        let mut state = states.last().unwrap().clone();
        let which = usize::try_from(step * 7 % 11).unwrap();
        let alive = |index: &usize| state.get(&(*index as u64 + 1)).is_some_and(|(_, said)| said.is_some());
        let chosen = Some(which % ids.len().max(1))
            .filter(|index| alive(index))
            .map(|index| (index, ids[index]));
        let change = match (step % 5, chosen) {
            (1 | 3, Some((_, id))) => world.edit(&world.anna, id, &format!("edit {step}")).await.change,
            (4, Some((_, id))) if step % 2 == 0 => world.delete(&world.anna, id).await.change,
            (4, Some((_, id))) => world.see(&world.ben, id).await.change,
            _ => world.say(&world.anna, &format!("new {step}")).await.change,
        };
        if change.repeated {
            continue;
        }
        if ids.len() < usize::try_from(change.id.seq).unwrap() {
            ids.push(change.id);
        }
        if change.kind != shared::domain::ChangeKind::Read {
            let said = change.message.map(|message| message.body.content().to_owned());
            state.insert(change.id.seq, (change.rev, said));
        }
        revs.push(change.rev);
        states.push(state);
    }
    // More than a page of edits and deletions, after which nothing is new.
    let mut state = states.last().unwrap().clone();
    let alive: Vec<u64> = state
        .iter()
        .filter(|(_, (_, said))| said.is_some())
        .map(|(seq, _)| *seq)
        .collect();
    for (number, seq) in alive.iter().enumerate() {
        let id = ids[usize::try_from(seq - 1).unwrap()];
        let change = if number % 2 == 0 {
            world.edit(&world.anna, id, "at last").await.change
        } else {
            world.delete(&world.anna, id).await.change
        };
        let said = change.message.map(|message| message.body.content().to_owned());
        state.insert(*seq, (change.rev, said));
        revs.push(change.rev);
        states.push(state.clone());
    }
    assert!(revs.is_sorted() && ids.len() > 10 && alive.len() > 8);
    let now = states.last().unwrap();
    for since in &revs {
        let newer: BTreeMap<_, _> = now.iter().filter(|(_, (rev, _))| rev > since).collect();
        for count in [1, 2, 7, 1_000] {
            for bytes in [1, 300, 1 << 20] {
                let (mut from, mut told) = (*since, BTreeMap::new());
                loop {
                    let page = changes(&world, from, PageBounds { count, bytes }).await;
                    assert!(!page.reset && page.rev >= from);
                    for stored in page.messages {
                        let said = stored.message.map(|message| message.body.content().to_owned());
                        assert!(stored.rev > from && stored.rev <= page.rev);
                        let once = told.insert(stored.id.seq, (stored.rev, said));
                        assert_eq!(once, None, "a message is told once");
                    }
                    from = page.rev;
                    if !page.more {
                        break;
                    }
                }
                assert_eq!(
                    told.iter().collect::<BTreeMap<_, _>>(),
                    newer,
                    "since {since}, {count} in {bytes}"
                );
                assert_eq!(from, *revs.last().unwrap());
            }
        }
    }
}

pub(crate) async fn changes_tell_who_has_read(world: World) {
    let sent = world.say(&world.anna, "a").await.change;
    let seen = world.see(&world.ben, sent.id).await.change;
    let since_sent = changes(&world, sent.rev, ALL).await;
    assert_eq!(
        (since_sent.reads.0, since_sent.rev),
        (vec![(world.ben.id.clone(), 1)], seen.rev)
    );
    assert!(changes(&world, seen.rev, ALL).await.reads.0.is_empty());
}

pub(crate) async fn a_conversation_that_was_set_back_says_so_and_goes_on(world: World) {
    for content in ["a", "b", "c"] {
        world.send(&world.anna, content).await;
    }
    let known = changes(&world, 0, ALL).await.rev;
    let elsewhere = told_by(&world, "c", "untouched").await;
    world.forget(&world.chat_keys()).await;
    let reset = changes(&world, known, ALL).await;
    assert_eq!((reset.reset, reset.rev, reset.messages), (true, 0, Vec::new()));

    world.clock.set(NOW + 5);
    let next = world.send(&world.anna, "new").await.change;
    assert!(next.rev > known, "no revision is given twice");
    assert_eq!(shown(&changes(&world, known, ALL).await), [(1, Some("new"))]);
    let inbox = world.inbox(&world.ben).await;
    assert_eq!((inbox.entries[0].rev, inbox.entries[0].unread), (next.rev, 1));
    // The user's slot knows nothing of it, and neither do other conversations.
    let page = entries(&world, elsewhere).await;
    assert_eq!((page.recovered, names(&page)), (true, vec!["user-1".to_owned()]));
}

#[tokio::test]
async fn a_client_that_was_long_away_learns_exactly_what_changed() {
    let server = server();
    a_long_absence_costs_what_changed(World::new(&Address::of(&server)).await).await;
}

/// Ben is away while 100,000 changes happen in 50 conversations, some of them to messages that he knows.
async fn a_long_absence_costs_what_changed(world: World) {
    const CHATS: u64 = 50;
    const SENDS: u64 = 1_200;
    const EDITS: u64 = 800;
    let chat = |number: u64| {
        let other: User = user("site", &format!("u{number}"));
        (
            Conversation::of(&world.ben, &Target::User(other.id.clone())),
            open(&other),
        )
    };
    let append = async |chat: &Conversation, author: &Asker, content: String| {
        let content = draft(&content);
        world
            .store
            .append_message(chat, author, &content, TOPIC_MEMBERS_MAX)
            .await
            .unwrap()
    };
    let tell = async |chat: &Conversation, decision: &Decision| {
        for member in &decision.projection.members {
            world.store.tell(chat, &decision.projection, member).await.unwrap();
        }
    };
    // One more, in which nothing happens.
    let mut known = Vec::new();
    for number in 0..=CHATS {
        let (chat, other) = chat(number);
        let decision = append(&chat, &other, "known".to_owned()).await;
        tell(&chat, &decision).await;
        known.push((decision.change.id, decision.change.rev));
    }
    let since = place(&world).await;
    let (world, tell, append, known) = (&world, &tell, &append, &known);
    let away = (0..CHATS).map(|number| async move {
        let (chat, other) = chat(number);
        for change in 0..SENDS {
            append(&chat, &other, format!("{number} {change}")).await;
        }
        let first = known[usize::try_from(number).unwrap()].0;
        for change in 0..EDITS {
            let edit = new_text(&change.to_string());
            let edited = world
                .store
                .update_message(&chat, first, &other, &edit, None)
                .await
                .unwrap();
            if change == EDITS - 1 {
                tell(&chat, &edited).await;
            }
        }
    });
    join_all(away).await;

    let page = entries(world, since).await;
    assert!(page.recovered && !page.more);
    let mut moved = names(&page);
    moved.sort();
    let mut all: Vec<String> = (0..CHATS).map(|number| format!("user-u{number}")).collect();
    all.sort();
    assert_eq!(moved, all);
    assert!(page.entries.iter().all(|(_, entry)| entry.unread == SENDS + 1));

    // He shows three of them.
    for number in [0, 17, 49] {
        let (chat, _) = chat(number);
        let (id, mut rev) = known[usize::try_from(number).unwrap()];
        let (mut told, mut pages) = (Vec::new(), 0);
        loop {
            let page = world
                .store
                .changes(&chat, &open(&world.ben), rev, PageBounds::BODY)
                .await
                .unwrap();
            told.extend(page.messages.into_iter().map(|stored| stored.id.seq));
            (rev, pages) = (page.rev, pages + 1);
            if !page.more {
                break;
            }
        }
        assert_eq!((told.last(), pages), (Some(&id.seq), 2), "the last change was an edit");
        told.sort_unstable();
        assert_eq!(told, (1..=SENDS + 1).collect::<Vec<_>>());
    }
    let quiet = known[usize::try_from(CHATS).unwrap()];
    let nothing = world
        .store
        .changes(&chat(CHATS).0, &open(&world.ben), quiet.1, ALL)
        .await
        .unwrap();
    assert_eq!((nothing.messages.len(), nothing.more, nothing.rev), (0, false, quiet.1));
}

/// What one user does to a conversation costs others only what they show of it.
pub(crate) async fn a_flood_moves_one_entry(world: World) {
    let before = told_by(&world, "friend", "hi").await;
    let flood = world.say(&world.anna, "0").await;
    for number in 0..2_000 {
        let sent = world.say(&world.anna, &number.to_string()).await;
        let edited = world.edit(&world.anna, flood.change.id, &number.to_string()).await;
        world.tell(&world.ben, &sent).await;
        world.tell(&world.ben, &edited).await;
    }
    told_by(&world, "friend", "still there?").await;
    let page = entries(&world, before).await;
    assert_eq!(names(&page), ["user-1", "user-friend"]);
    assert_eq!(world.inbox(&world.ben).await.total, 2);
}

//! Rules of what is taken over from the server before ours.

use shared::adapters::redis::import::{Batch, Import, OldMember, OldMessage};
use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{Conversation, Id, OldId, Projection, Target};
use shared::ports::{Store as _, Trimmed, Trimming as _};

use crate::support::{NOW, World, draft, new_text, open, page, texts};

const HOUR: u64 = 60 * 60 * 1000;

fn old_id(number: u64) -> OldId {
    OldId::parse(&format!("215066e1-e4a6-4a67-93b3-{number:012}")).unwrap()
}

/// Messages of the one user, an hour after another, the last one a day ago.
fn messages(world: &World, count: u64) -> Vec<OldMessage> {
    let message = |number| OldMessage {
        old: Some(old_id(number)),
        ms: NOW - (24 + count - number) * HOUR,
        author: world.anna.id.clone(),
        draft: draft(&number.to_string()),
    };
    (1..=count).map(message).collect()
}

fn member(id: &Id, read_seq: u64) -> OldMember {
    OldMember {
        id: id.clone(),
        joined_ms: NOW - 48 * HOUR,
        read_seq,
        has_written: read_seq > 0,
    }
}

fn of_members(members: &[OldMember]) -> Batch<'_> {
    Batch {
        members,
        ..Batch::default()
    }
}

async fn import(world: &World, batch: Batch<'_>) -> Import {
    world.store.import(&world.chat, &batch).await.unwrap()
}

async fn taken(world: &World, batch: Batch<'_>) -> Projection {
    match import(world, batch).await {
        Import::Done(projection) => projection,
        other => panic!("{other:?}"),
    }
}

async fn history(world: &World) -> Vec<String> {
    let history = world
        .store
        .history(&world.chat, &open(&world.anna), &page(1, 100))
        .await;
    texts(&history.unwrap()).into_iter().map(str::to_owned).collect()
}

pub(crate) async fn what_is_taken_over_twice_is_there_once(world: World) {
    let messages = messages(&world, 4);
    let part = |before: u64, to: usize| Batch {
        before,
        messages: &messages[usize::try_from(before).unwrap()..to],
        ..Batch::default()
    };
    taken(&world, part(0, 2)).await;
    // The answer was lost; the next run has other parts.
    taken(&world, part(0, 2)).await;
    taken(&world, part(1, 3)).await;
    taken(&world, part(0, 4)).await;
    assert_eq!(history(&world).await, ["1", "2", "3", "4"]);
    let members = [member(&world.anna.id, 4), member(&world.ben.id, 1)];
    let sides = Batch {
        before: 4,
        members: &members,
        activity_ms: NOW - HOUR,
        ..Batch::default()
    };
    let projection = taken(&world, sides).await;
    assert_eq!(taken(&world, sides).await, projection, "nothing is new");
    for member in &projection.members {
        world.store.tell(&world.chat, &projection, member).await.unwrap();
    }
    let read_on = [member(&world.ben.id, 2)];
    let projection = taken(
        &world,
        Batch {
            members: &read_on,
            ..sides
        },
    )
    .await;
    world
        .store
        .tell(&world.chat, &projection, &projection.members[0])
        .await
        .unwrap();
    let entry = world.entry(&world.ben).await.unwrap();
    assert_eq!((entry.unread, entry.activity_ms), (2, NOW - HOUR));
    assert_eq!(entry.latest.unwrap().id.ms, NOW - 24 * HOUR);
    let olds: Vec<_> = (1..=4).map(|number| Some(old_id(number))).collect();
    let imported = world.store.imported(&world.chat, 1, &olds).await.unwrap();
    assert_eq!((imported.taken, imported.in_use), (4, false));
    for (place, (stored, named)) in imported.messages.into_iter().enumerate() {
        assert_eq!(stored.unwrap().id, named.unwrap());
        assert_eq!(named.unwrap().seq, place as u64 + 1);
    }
}

pub(crate) async fn what_others_have_changed_takes_nothing_over(world: World) {
    let messages = messages(&world, 2);
    let all = Batch {
        messages: &messages,
        ..Batch::default()
    };
    taken(&world, all).await;
    assert_eq!(world.send(&world.ben, "3").await.change.id.seq, 3);
    assert_eq!(import(&world, all).await, Import::InUse);
    assert!(world.store.imported(&world.chat, 1, &[]).await.unwrap().in_use);
    let topic = world.in_topic("cars");
    topic.join(&topic.anna).await;
    assert_eq!(import(&topic, all).await, Import::InUse);
    assert_eq!(topic.store.imported(&topic.chat, 1, &[]).await.unwrap().taken, 0);
}

pub(crate) async fn a_topic_takes_over_members_only_with_messages_and_up_to_its_limit(world: World) {
    let world = world.in_topic("cars");
    let ids = (1..=TOPIC_MEMBERS_MAX).map(|number| Id::from_number(number).unwrap());
    let mut members: Vec<OldMember> = ids.map(|id| member(&id, 1)).collect();
    assert_eq!(import(&world, of_members(&members)).await, Import::Empty);
    let messages = messages(&world, 1);
    let all = Batch {
        messages: &messages,
        ..Batch::default()
    };
    taken(&world, all).await;
    members.push(member(&world.ben.id, 1));
    assert_eq!(import(&world, of_members(&members)).await, Import::Full);
    assert_eq!(taken(&world, of_members(&members[..1])).await.members.len(), 1);
    let alone = taken(&world, of_members(&members[1..2])).await;
    assert_eq!(alone.members.len(), 1, "a single member is told alone");
    assert_eq!(world.members().await.len(), 2);
}

pub(crate) async fn an_old_id_names_a_message_as_long_as_it_is_there(world: World) {
    let messages = messages(&world, 2);
    let members = [member(&world.anna.id, 2), member(&world.ben.id, 0)];
    let all = Batch {
        messages: &messages,
        members: &members,
        ..Batch::default()
    };
    taken(&world, all).await;
    let named = |number| world.store.old_message(&world.chat, old_id(number));
    assert_eq!(named(3).await.unwrap(), None);
    let second = named(2).await.unwrap().unwrap();
    assert_eq!((second.seq, second.ms), (2, NOW - 24 * HOUR));
    world.update(&world.anna, second, &new_text("edited")).await.unwrap();
    assert_eq!(history(&world).await, ["1", "edited"]);
    let other = Conversation::of(&world.anna, &Target::User(world.anna.id.clone()));
    assert_eq!(
        world.store.old_message(&other, old_id(2)).await.unwrap(),
        None,
        "only in its conversation"
    );

    let trimmed = world.store.trim(&world.chat, NOW - 24 * HOUR, None).await.unwrap();
    assert!(matches!(trimmed, Trimmed::ToTell(..)));
    assert_eq!(named(2).await.unwrap(), Some(second));
    let trimmed = world.store.trim(&world.chat, NOW, None).await.unwrap();
    assert!(matches!(trimmed, Trimmed::ToTell(..)));
    assert_eq!(named(2).await.unwrap(), None, "nothing of it is kept");
    assert_eq!(
        import(&world, all).await,
        Import::InUse,
        "what became too old does not come back"
    );
}

//! Rules of long conversations: a message is at its position, whether it stands in the list of the newest ones or in a segment.

use shared::domain::{MessageId, Window};
use shared::ports::{PageBounds, Store as _, Trimming as _};

use crate::releases::Edits;
use crate::support::{NOW, World, open, page, texts};

/// The last release kept all records in the list.
const ONE_LIST: Edits = &[
    (
        "local STATE_VERSION, STATE, STATE_BYTES = 2, '>I1I7I7I7I6I5I5I5', 43",
        "local STATE_VERSION, STATE, STATE_BYTES = 1, '>I1I7I7I7I6I5I5', 38",
    ),
    ("math.max(state.base, state.sealed)", "state.base"),
    (
        "if seq - state.sealed < LISTED + count then return seq end",
        "if seq then return seq end",
    ),
];

/// Sends that many messages, one each millisecond, whose texts are their positions.
async fn fill(world: &World, count: u64) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for number in 1..=count {
        world.clock.set(NOW + number);
        ids.push(world.say(&world.anna, &format!("<{number}>")).await.change.id);
    }
    ids
}

fn numbers(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.map(|number| format!("<{number}>")).collect()
}

/// How many records stand in the list, and what all segments hold.
async fn stored(world: &World) -> (u64, Vec<Vec<u8>>) {
    let log = world.chat_keys()[0].clone();
    let segments = log.replace(":log", ":segments");
    let listed = world.command(redis::cmd("LLEN").arg(log)).await;
    let segments = world.command(redis::cmd("HVALS").arg(segments)).await;
    (
        redis::from_redis_value(listed).unwrap(),
        redis::from_redis_value(segments).unwrap(),
    )
}

fn holds(segments: &[Vec<u8>], content: &str) -> bool {
    let mut windows = segments.iter().flat_map(|segment| segment.windows(content.len()));
    windows.any(|window| window == content.as_bytes())
}

pub(crate) async fn a_long_conversation_is_read_and_changed_everywhere(world: World) {
    let ids = fill(&world, 300).await;
    let (listed, segments) = stored(&world).await;
    assert!(listed < 100 && !segments.is_empty(), "{listed} and {}", segments.len());

    assert_eq!(texts(&world.history(page(3, 80)).await), numbers(61..=140));
    for seq in [
        1_u64, 2, 31, 32, 33, 64, 65, 100, 160, 223, 224, 225, 256, 257, 299, 300,
    ] {
        let id = ids[usize::try_from(seq).unwrap() - 1];
        let before = world.history(Window::Before(id, 40)).await;
        assert_eq!(
            texts(&before),
            numbers(seq.saturating_sub(40).max(1)..seq),
            "before {seq}"
        );
        let after = world.history(Window::After(id, 40)).await;
        assert_eq!(texts(&after), numbers(seq + 1..=(seq + 40).min(300)), "after {seq}");
    }
    let since = world.history(page(1, 1)).await.rev;
    for (seq, place) in [(1, 0), (32, 31), (33, 32), (150, 149), (224, 223), (300, 299)] {
        world.edit(&world.anna, ids[place], &format!("new {seq}")).await;
        let around = world.history(Window::Around(ids[place], 1)).await;
        assert_eq!(texts(&around), [format!("new {seq}")]);
    }
    world.react(&world.ben, ids[40], "x", true).await.unwrap();
    world.delete(&world.anna, ids[41]).await;
    let changes = async |since| {
        let changes = world
            .store
            .changes(&world.chat, &open(&world.ben), since, PageBounds::BODY)
            .await
            .unwrap();
        changes
            .messages
            .iter()
            .map(|stored| (stored.id.seq, stored.deleted))
            .collect::<Vec<_>>()
    };
    let later = [1, 32, 33, 150, 224, 300, 41, 42].map(|seq| (seq, seq == 42));
    assert_eq!(changes(since).await, later);
    // The revision of a message is its time.
    let from_there = changes((NOW + 200) * 1024).await;
    let sent: Vec<u64> = (201..=300).filter(|seq| ![224, 300].contains(seq)).collect();
    assert_eq!(
        from_there[..sent.len()],
        sent.iter().map(|seq| (*seq, false)).collect::<Vec<_>>()
    );
    assert_eq!(from_there[sent.len()..], later);
    let last = world.history(Window::After(ids[39], 2)).await;
    assert_eq!(texts(&last), numbers([41, 43].into_iter()));
    assert_eq!(last.messages[0].reactions.len(), 1);
}

pub(crate) async fn no_byte_of_a_message_that_was_moved_away_stays(world: World) {
    fill(&world, 140).await;
    let (_, segments) = stored(&world).await;
    assert!(holds(&segments, "<40>") && holds(&segments, "<41>"));

    world.store.trim(&world.chat, NOW + 41, None).await.unwrap();
    let (_, segments) = stored(&world).await;
    for number in 1..=40 {
        assert!(!holds(&segments, &format!("<{number}>")), "{number}");
    }
    assert!(holds(&segments, "<41>"));
    assert_eq!(texts(&world.history(page(1, 200)).await), numbers(41..=140));

    // Also of the list, whose next segment begins in the middle.
    world.store.trim(&world.chat, NOW + 139, None).await.unwrap();
    let (listed, segments) = stored(&world).await;
    assert_eq!((listed, segments.len()), (2, 0));
    for number in 141..=300 {
        world.clock.set(NOW + number);
        world.say(&world.anna, &format!("<{number}>")).await;
    }
    assert_eq!(texts(&world.history(page(1, 200)).await), numbers(139..=300));
    world.store.trim(&world.chat, NOW + 150, None).await.unwrap();
    assert_eq!(texts(&world.history(page(1, 200)).await), numbers(150..=300));
}

pub(crate) async fn a_log_of_the_last_release_becomes_segments(world: World) {
    let last = world.as_release(ONE_LIST).await;
    let ids = fill(&last, 200).await;
    assert_eq!(stored(&world).await, (200, Vec::new()));
    assert_eq!(texts(&world.history(page(2, 50)).await), numbers(101..=150));
    world.edit(&world.anna, ids[9], "ten").await;

    // Each send makes one segment at the most, so none takes long.
    for number in 201..=210 {
        let before = stored(&world).await.1.len();
        world.say(&world.anna, &format!("<{number}>")).await;
        assert!(stored(&world).await.1.len() <= before + 1);
    }
    assert!(stored(&world).await.0 < 190);
    assert_eq!(texts(&world.history(page(1, 200)).await), numbers(11..=210));
    assert_eq!(texts(&world.history(Window::Before(ids[10], 2)).await), ["<9>", "ten"]);
    world.edit(&world.anna, ids[9], "10").await;
    assert_eq!(texts(&world.history(Window::Before(ids[10], 1)).await), ["10"]);
}

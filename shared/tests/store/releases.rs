//! Rules of neighbouring releases that serve one store: neither fails on, nor damages, what the other one wrote.
//!
//! The next release is this one with its scripts edited: it writes a section that this one does not know, or counts up a version. With the
//! release after this one, its predecessor's scripts come here as files, and these rules run both ways.

use shared::domain::{ConnectionId, Cursor, Decision, Draft, Principal, Role, TimeWindow};
use shared::ports::{Blocks as _, Changes, Moderation as _, PageBounds, ReportsOf, Store as _, StoreError, Watches};

use crate::signals::at_now;
use crate::support::{TERMS, World, acting, open, page, principal, text, texts, with_key};

/// What another release writes in place of what, in every script that has it.
pub(crate) type Edits = &'static [(&'static str, &'static str)];

/// The next release adds a section to every record.
const NEW_SECTION: Edits = &[(
    "state.rev) .. ARGV[4]\n",
    "state.rev) .. ARGV[4] .. struct.pack('>I1I2', 200, 3) .. 'new'\n",
)];

/// The next release gives members a version of its own.
const NEW_MEMBER: Edits = &[(
    "local MEMBER_VERSION, MEMBER, HAS_WRITTEN = 1",
    "local MEMBER_VERSION, MEMBER, HAS_WRITTEN = 2",
)];

/// The next release gives records, entries, reactions, and what decisions rest on, a version of its own.
const NEW_VERSIONS: Edits = &[
    ("local RECORD, DELETED, MORE = 2", "local RECORD, DELETED, MORE = 3"),
    ("ARGV[2] .. identity", "string.char(3 * 32) .. identity"),
    (
        "local STATE_VERSION, STATE, STATE_BYTES = 2",
        "local STATE_VERSION, STATE, STATE_BYTES = 3",
    ),
    NEW_MEMBER[0],
    (
        "local OPERATION_VERSION, OPERATION = 1",
        "local OPERATION_VERSION, OPERATION = 2",
    ),
    ("local SET_VERSION, SET = 1", "local SET_VERSION, SET = 2"),
    ("local VERSION, HEAD = 1", "local VERSION, HEAD = 2"),
    (
        "local chat, entry = ARGV[3], ARGV[4]",
        "local chat, entry = ARGV[3], string.char(2) .. string.sub(ARGV[4], 2)",
    ),
];

/// The last release knows neither replies, mentions nor reactions: it copies their sections, and does nothing else for them.
const LAST_RELEASE: Edits = &[
    ("for tag = TEXT, REACTED do", "for tag = TEXT, CHANGED do"),
    ("  if reply then record = record .. quote(state, reply) end\n", ""),
    (
        "  if reactions and section(record, REACTED) then record = record .. reactions_to(reactions, seq, reader) end\n",
        "",
    ),
    (
        "each_id(section(record, MENTIONS), function(id) call('ZREM', mentions, id .. '\\0' .. pack('>I5', seq)) end)\n",
        "",
    ),
    ("if has_more(record) then call('HDEL', reactions, int(seq)) end\n", ""),
    (
        "  if has_mentions then call('ZREMRANGEBYLEX', mentions, '[' .. id .. '\\0', '[' .. id .. '\\0' .. pack('>I5', seq)) end\n",
        "",
    ),
];

/// The last release knows no tokens that end before their connections.
const ENDLESS_TOKENS: Edits = &[
    (
        "pairs({[4] = 'topics', [5] = 'until', [6] = 'issued'})",
        "pairs({[4] = 'topics'})",
    ),
    ("connections, '-inf', ARGV[7]", "connections, '-inf', ARGV[1]"),
    ("if ARGV[6] ~= '' and", "if false and"),
    (
        "call('ZRANGE', connections, 0, -1, 'WITHSCORES')",
        "call('ZRANGEBYSCORE', connections, '(' .. ARGV[1], '+inf', 'WITHSCORES')",
    ),
    ("= known.opening, head", "= '', head"),
];

#[test]
fn every_edit_of_another_release_finds_its_place() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/adapters/redis/scripts");
    let scripts = std::fs::read_dir(folder).unwrap();
    let sources = scripts.map(|script| std::fs::read_to_string(script.unwrap().path()).unwrap());
    let all = sources.collect::<String>();
    let edits = NEW_SECTION.iter().chain(NEW_VERSIONS).chain(LAST_RELEASE);
    for (from, _) in edits.chain(ENDLESS_TOKENS) {
        assert!(all.contains(from), "{from}");
    }
}

async fn changes(world: &World) -> Changes {
    world
        .store
        .changes(&world.chat, &open(&world.ben), 0, PageBounds::BODY)
        .await
        .unwrap()
}

pub(crate) async fn an_older_release_shows_what_it_knows_of_a_newer_one(world: World) {
    for edits in [NEW_SECTION, NEW_VERSIONS] {
        let next = world.as_release(edits).await;
        next.forget(&next.chat_keys()).await;
        next.forget(&next.user_keys(&next.anna)).await;
        next.forget(&next.user_keys(&next.ben)).await;
        let first = next.send(&next.anna, "from the next release").await.change;
        let second = next.send(&next.anna, "deleted there").await.change;
        let deleted = next.delete(&next.anna, second.id).await;
        next.finish(deleted).await;

        assert_eq!(texts(&world.history(page(1, 10)).await), ["from the next release"]);
        assert_eq!(changes(&world).await, changes(&next).await);
        assert_eq!(changes(&world).await.messages[0].id, first.id);
        let inbox = world.inbox(&world.ben).await;
        assert_eq!(inbox, next.inbox(&next.ben).await);
        assert_eq!((inbox.total, inbox.unread_total), (1, 1));
        assert_eq!(
            inbox.entries[0].latest.as_ref().unwrap().body,
            text("from the next release")
        );
        let since = Some(Cursor::default());
        let sync = world
            .store
            .changed_entries(&world.ben, since, PageBounds::FRAME)
            .await
            .unwrap();
        assert_eq!(sync.entries.len(), 1);
    }
}

pub(crate) async fn an_older_release_copies_what_it_does_not_know(world: World) {
    let next = world.as_release(NEW_SECTION).await;
    let id = next.send(&next.anna, "first").await.change.id;
    let edited = world.edit(&world.anna, id, "second").await;
    world.finish(edited).await;
    let record: Vec<u8> = redis::from_redis_value(
        world
            .command(redis::cmd("LINDEX").arg(&world.chat_keys()[0]).arg(0))
            .await,
    )
    .unwrap();
    assert!(record.windows(6).any(|bytes| bytes == [200, 0, 3, b'n', b'e', b'w']));
    assert_eq!(texts(&next.history(page(1, 10)).await), ["second"]);
    // Both write in turn.
    next.send(&next.ben, "third").await;
    world.send(&world.anna, "fourth").await;
    assert_eq!(texts(&next.history(page(1, 10)).await), ["second", "third", "fourth"]);
    assert_eq!((world.unread(&world.anna).await, next.unread(&next.ben).await), (0, 1));
}

pub(crate) async fn an_older_release_refuses_to_rewrite_a_newer_version(world: World) {
    let next = world.as_release(NEW_VERSIONS).await;
    let id = next.send(&next.anna, "newer").await.change.id;
    let refused = |outcome: Result<Decision, _>| {
        let error: StoreError = outcome.unwrap_err();
        assert_eq!(error.to_string(), "redis is unavailable", "the client tries again");
    };
    refused(world.try_to_say(&world.anna, "older").await);
    refused(world.update(&world.anna, id, &crate::support::new_text("older")).await);
    refused(world.update(&world.ben, id, &crate::support::SEEN).await);
    refused(world.store.delete_message(&world.chat, id, &acting(&world.anna)).await);
    assert_eq!(texts(&world.history(page(1, 10)).await), ["newer"]);

    let again = next.edit(&next.anna, id, "newer!").await;
    let member = &again.projection.members[0];
    assert!(world.store.tell(&world.chat, &again.projection, member).await.is_err());
    next.finish(again).await;
    assert_eq!(texts(&next.history(page(1, 10)).await), ["newer!"]);
    // A newer member beside an older state: nothing is half written.
    let member = world.as_release(NEW_MEMBER).await;
    member.forget(&member.chat_keys()).await;
    member.say(&member.anna, "newer").await;
    let before = changes(&world).await;
    refused(world.try_to_say(&world.anna, "older").await);
    assert_eq!(changes(&world).await, before);
    // An older release has written here too: the next one goes on.
    let theirs = world.as_release(&[]).await;
    theirs.forget(&theirs.chat_keys()).await;
    theirs.forget(&theirs.user_keys(&theirs.anna)).await;
    theirs.forget(&theirs.user_keys(&theirs.ben)).await;
    theirs.send(&theirs.anna, "older").await;
    next.send(&next.ben, "newer").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["older", "newer"]);
}

/// The last release serves the same conversation as this one.
pub(crate) async fn the_last_release_leaves_replies_mentions_and_reactions_alone(world: World) {
    let last = world.as_release(LAST_RELEASE).await;
    let first = world.send(&world.anna, "first").await.change.id;
    let draft = |content: &str| Draft {
        reply_to: Some(first),
        mentions: vec![world.ben.id.clone()],
        ..with_key(content, content)
    };
    let second = world.send_draft(&world.anna, &draft("second")).await.change;
    let third = world.send_draft(&world.anna, &draft("third")).await.change.id;
    let fourth = world.send_draft(&world.anna, &draft("fourth")).await.change.id;
    for by in [&world.ben, &world.anna] {
        world.react(by, second.id, "x", true).await.unwrap();
        world.react(by, third, "y", true).await.unwrap();
    }
    let before = world.history(page(1, 10)).await.messages;
    let edited = last.edit(&last.anna, second.id, "edited there").await;
    last.finish(edited).await;
    let after = &world.history(page(1, 10)).await.messages[1];
    assert_eq!(
        (&after.reply_to, &after.mentions, &after.reactions, &after.retry_key),
        (
            &before[1].reply_to,
            &before[1].mentions,
            &before[1].reactions,
            &before[1].retry_key
        )
    );
    assert_eq!((after.reactions[0].count, after.body.content()), (2, "edited there"));
    let again = world.append(&world.anna, &draft("second")).await.unwrap().change;
    assert!(again.repeated && again.rev == second.rev);

    let mentioned = async || {
        let entry = world.entry(&world.ben).await.unwrap();
        (entry.unread, entry.mentioned)
    };
    let deleted = last.delete(&last.anna, third).await;
    last.finish(deleted).await;
    assert_eq!(
        texts(&world.history(page(1, 10)).await),
        ["first", "edited there", "fourth"]
    );
    let taken = world.react(&world.ben, third, "y", false).await;
    assert!(taken.is_err(), "a deleted message has none");
    // It moves a position, and leaves what was mentioned before it.
    let seen = last.see(&last.ben, second.id).await;
    last.finish(seen).await;
    let edited = world.edit(&world.anna, fourth, "fourth!").await;
    world.finish(edited).await;
    assert_eq!(mentioned().await.0, 1);
    let seen = last.see(&last.ben, fourth).await;
    last.finish(seen).await;
    let edited = world.edit(&world.anna, fourth, "fourth?").await;
    world.finish(edited).await;
    assert_eq!(mentioned().await, (0, 0), "what is read is mentioned no more");
    world.send_draft(&world.anna, &draft("fifth")).await;
    assert_eq!(mentioned().await, (1, 1));
    world.read(&world.ben, None).await;
    assert_eq!(mentioned().await, (0, 0));
}

/// Both releases record connections of one user, and find those of the other.
pub(crate) async fn the_last_release_and_this_one_share_connections(world: World) {
    let (world, now) = at_now(world);
    let last = world.as_release(ENDLESS_TOKENS).await;
    let id = |text| ConnectionId::parse(text).unwrap();
    let (phone, desk, gone) = (id("phone="), id("desk="), id("gone="));
    let token = |seconds: u64| Principal {
        until_ms: Some(now + seconds * 1_000),
        ..principal(&world.ben)
    };
    for connection in [&phone, &gone] {
        let opened = world.store.open_connection(&token(100), connection, now, TERMS).await;
        opened.unwrap();
    }
    let opened = last
        .store
        .open_connection(&principal(&world.ben), &desk, now, TERMS)
        .await;
    opened.unwrap();
    let change = world.say(&world.anna, "hi").await;
    let told = async |by: &World, seconds: u64| {
        world.clock.set(now + seconds * 1_000);
        let told = by.tell(&world.ben, &change).await;
        told.connections
            .iter()
            .map(|live| live.id.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(told(&last, 1).await, told(&world, 1).await);
    // Who owns it is known before a push can find it, so what the last release takes for gone in its handshake is forgotten whole.
    let nothing = Watches::default();
    let forget = last.store.close_connection(&world.ben, &gone, &nothing);
    forget.await.unwrap();
    assert_eq!(world.connection(&gone).await, None);
    assert_eq!(told(&world, 2).await, "phone= desk=");
    assert_eq!(last.connection(&phone).await.unwrap().user, world.ben);
    assert_eq!(world.connection(&desk).await, Some(principal(&world.ben)));
    // The last release forgets in passing whose token is over; a fresh token brings it back.
    world.clock.set(now + 101_000);
    last.store
        .open_connection(&token(100), &gone, now, TERMS)
        .await
        .unwrap();
    world
        .store
        .open_connection(&token(300), &phone, now, TERMS)
        .await
        .unwrap();
    assert_eq!(told(&last, 102).await, "phone= desk=");
    assert_eq!(told(&world, 102).await, "phone= desk=");
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn words(words: &str) -> Vec<Vec<u8>> {
    words.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A conversation and a slot as the second edition wrote them: Anna said "first" with a retry key, Ben "second"; she edited hers, he deleted his.
/// These bytes stand in customers' stores: every later release must serve them.
pub(crate) async fn the_bytes_of_the_second_edition_are_served(world: World) {
    let first = "40 01977420dc00 00cca241f6 065dd083700000 01 31 01 0006 666972737421 04 0006 01977420dc01 05 0007 065dd083700400";
    let second = "41 01977420dc00 0233b3efd6 065dd083700001 03 62656e 05 0007 065dd083700401";
    let state = "01 065dd083700401 065dd083700401 065dd083700400 01977420dc00 0000000000 0000000002";
    let (anna, ben) = (
        "01 00 000000000000 0000000001 065dd083700000",
        "01 00 000000000000 0000000002 065dd083700001",
    );
    let operation = "01 065dd083700000 00000000000000 0000000001 01977420dc0000cca241f6 55691690dba7dd54";
    let entry = "01 00 065dd083700401 0000000000 065dd083700401 01977420dc00 0000000001";
    let entry = format!("{entry} 01 0031 {first} 02 0010 01 31 0000000001 03 62656e 0000000002");

    let [log, meta, members, gone, stamps, ..] = world.chat_keys();
    let [inbox, entries, changed, own, ..] = world.user_keys(&world.ben);
    let retry = log.replace(":log", ":op:1:k");
    let run = async |name: &str, key: &str, arguments: &[Vec<u8>]| {
        world.command(redis::cmd(name).arg(key).arg(arguments)).await;
    };
    run("RPUSH", &log, &[bytes(first), bytes(second)]).await;
    run("HSET", &meta, &[b"state".to_vec(), bytes(state)]).await;
    run(
        "HSET",
        &members,
        &[b"1".to_vec(), bytes(anna), b"ben".to_vec(), bytes(ben)],
    )
    .await;
    run("SET", &retry, &[bytes(operation)]).await;
    run("ZADD", &gone, &words("2 2")).await;
    run("ZADD", &stamps, &words("1792000000001024 1 1792000000001025 2")).await;
    run("ZADD", &inbox, &words("1750000000000 user-1")).await;
    run("HSET", &entries, &[b"user-1".to_vec(), bytes(&entry)]).await;
    run("ZADD", &changed, &words("1792000000001024 user-1")).await;
    run(
        "HSET",
        &own,
        &words("epoch 9336201613644256869 position 1792000000001024 unread 0"),
    )
    .await;

    assert_eq!(texts(&world.history(page(1, 10)).await), ["first!"]);
    let all = changes(&world).await;
    let revs: Vec<u64> = all.messages.iter().map(|stored| stored.rev).collect();
    assert_eq!(revs, [1_792_000_000_001_024, 1_792_000_000_001_025]);
    let shown = world.inbox(&world.ben).await;
    assert_eq!(shown.entries[0].latest.as_ref().unwrap().body, text("first!"));
    assert_eq!(shown.cursor.to_string(), "gZDZ5vyx1mUGXdCDcAQA");

    let again = world.append(&world.anna, &with_key("first", "k")).await;
    let again = again.unwrap().change;
    assert_eq!((again.repeated, again.id.seq), (true, 1));
    world.send(&world.anna, "third").await;
    let edited = world.edit(&world.anna, again.id, "first!!").await;
    world.finish(edited).await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["first!!", "third"]);
    assert_eq!(world.unread(&world.ben).await, 1);
}

/// A topic and a slot as the first release with topics wrote them: Anna said "first", and Ben replied "second", which mentions her; both gave that a
/// thumb. She has pinned and muted the topic. These bytes stand in customers' stores: every later release must serve them.
pub(crate) async fn the_bytes_of_topics_are_served(world: World) {
    let world = world.in_topic("cats");
    let first = "40 01977420dc00 01fed95a8c 065dd083700000 01 31 01 0005 6669727374 09 0002 6b31";
    let second = "42 01977420dc00 0136970da5 065dd083700001 03 62656e 01 0006 7365636f6e64 03 0007 7b2261223a317d \
                  06 0010 0000000001 01977420dc00 01fed95a8c 07 0002 01 31 09 0002 6b32 05 0007 065dd083700003 08 0000";
    let state = "01 065dd083700003 065dd083700003 065dd083700002 01977420dc00 0000000000 0000000000";
    let (anna, ben) = (
        "01 10 01977420dc00 0000000001 065dd083700000",
        "01 10 01977420dc00 0000000002 065dd083700001",
    );
    let thumbs = "01 04 f09f918d 0002 000007 00 62656e 00 31 00";
    let quote = "40 000f 065dd083700000 01 01 31 6669727374";
    let entry = "01 45 065dd083700003 0000000001 065dd083700003 01977420dc00 0000000002 01 0066";
    let entry = format!("{entry} {second} {quote} 03 000a 0000000001 0000000001");

    let [log, meta, members, _, stamps, mentions, reactions, _] = world.chat_keys();
    let [inbox, entries, changed, own, ..] = world.user_keys(&world.anna);
    let run = async |name: &str, key: &str, arguments: &[Vec<u8>]| {
        world.command(redis::cmd(name).arg(key).arg(arguments)).await;
    };
    let named = |names: &str, packed: &[&str]| {
        let values = packed.iter().map(|packed| bytes(packed));
        words(names)
            .into_iter()
            .zip(values)
            .flat_map(|(name, value)| [name, value])
            .collect::<Vec<_>>()
    };
    run("RPUSH", &log, &[bytes(first), bytes(second)]).await;
    run("HSET", &meta, &named("state", &[state])).await;
    run("HSET", &meta, &words("members 1792000000000001")).await;
    run("HSET", &members, &named("1 ben", &[anna, ben])).await;
    run("ZADD", &stamps, &words("1792000000000003 2")).await;
    run("ZADD", &mentions, &named("0", &["31 00 0000000002"])).await;
    run("HSET", &reactions, &named("2", &[thumbs])).await;
    run("ZADD", &inbox, &words("36934372088832 topic-cats")).await;
    run("HSET", &entries, &named("topic-cats", &[&entry])).await;
    run("ZADD", &changed, &words("1792000000000004 topic-cats")).await;
    run(
        "HSET",
        &own,
        &words("epoch 11550551106094388020 position 1792000000000004 unread 0"),
    )
    .await;

    let messages = world.history(page(1, 10)).await.messages;
    let reply = &messages[1];
    let (quote, thumbs) = (reply.reply_to.as_ref().unwrap(), &reply.reactions[0]);
    assert_eq!(
        (quote.id, reply.mentions[0].to_string()),
        (messages[0].id, "1".to_owned())
    );
    assert_eq!(quote.quoted.as_ref().unwrap().excerpt, "first");
    assert_eq!((thumbs.reaction.as_str(), thumbs.count, thumbs.mine), ("👍", 2, true));
    assert_eq!(thumbs.users, [world.ben.id.clone(), world.anna.id.clone()]);
    assert_eq!(reply.retry_key.as_ref().unwrap().to_string(), "k2");
    let shown = world.inbox(&world.anna).await.entries.remove(0);
    assert!(shown.settings.muted && shown.settings.pinned && !shown.settings.hidden);
    assert_eq!((shown.unread, shown.mentioned, shown.read_seq), (1, 1, 1));
    assert_eq!(shown.latest.unwrap().reply_to.as_ref(), Some(quote));

    let id = reply.id;
    world.react(&world.anna, id, "👍", false).await.unwrap();
    world.read(&world.anna, None).await;
    let shown = world.inbox(&world.anna).await.entries.remove(0);
    assert_eq!((shown.unread, shown.mentioned, shown.settings.pinned), (0, 0, true));
    world.send(&world.ben, "third").await;
    assert_eq!(world.entry(&world.anna).await.unwrap().unread, 1);
    let deleted = world.delete(&world.ben, id).await;
    world.finish(deleted).await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["first", "third"]);
    world.make(&world.ben, Role::Owner).await;
    assert_eq!(world.members().await[1].1, Role::Owner);
}

pub(crate) async fn a_block_of_a_newer_release_holds_and_stays_as_it_is(world: World) {
    let newer = world
        .as_release(&[("local BLOCKED_VERSION = 1", "local BLOCKED_VERSION = 2")])
        .await;
    world.send(&world.ben, "hello").await;
    newer.store.block(&world.anna, &world.ben.id).await.unwrap();
    let refused = world.try_to_say(&world.ben, "again").await;
    assert!(matches!(refused, Err(StoreError::NotAccepted)), "the safe side");
    world.store.unblock(&world.anna, &world.ben.id).await.unwrap_err();
    let meta = world.chat_keys()[1].clone();
    let packed = world.command(redis::cmd("HGET").arg(meta).arg("blocked")).await;
    assert_eq!(packed, redis::Value::BulkString(b"\x021".to_vec()));
    newer.store.unblock(&world.anna, &world.ben.id).await.unwrap();
    world.send(&world.ben, "again").await;
}

pub(crate) async fn a_report_of_a_newer_release_is_not_resolved(world: World) {
    let id = world.send(&world.ben, "rude").await.change.id;
    let domain = world.anna.domain.clone();
    let filed = world.report(&open(&world.anna), id, "rude").await.unwrap();
    let records = world.chat_keys()[0]
        .replace(&world.chat.key(), "site:reports")
        .replace(":log", ":records");
    let report = filed.id.to_string();
    let packed = world.command(redis::cmd("HGET").arg(&records).arg(&report)).await;
    let packed: Vec<u8> = redis::from_redis_value(packed).unwrap();
    let of_newer = [&[2][..], &packed[1..]].concat();
    world
        .command(redis::cmd("HSET").arg(&records).arg(&report).arg(&of_newer))
        .await;
    world.store.resolve(&domain, filed.id, None).await.unwrap_err();
    let window = TimeWindow { after: None, limit: 10 };
    let open = world.store.reports(&domain, ReportsOf::Open, &window).await.unwrap();
    assert_eq!(open.reports.len(), 1, "it stays open, and can be read");
    world
        .command(redis::cmd("HSET").arg(&records).arg(&report).arg(&packed))
        .await;
    assert!(world.store.resolve(&domain, filed.id, None).await.unwrap().is_some());
}

//! Rules of reports and of earlier versions: a report shows its message as it was, even if the message changed later.

use shared::domain::limits::{REPORTS_MAX, VERSIONS_MAX};
use shared::domain::{Message, MessageId, Remark, TimeWindow, User};
use shared::ports::{Filed, Moderation as _, ReportsOf, ReportsPage, Store as _, StoreError};

use crate::support::{NOW, World, closed, draft, open, page, texts, user};

fn because(text: &str) -> Remark {
    Remark::parse(text).unwrap()
}

async fn report(world: &World, by: &User, id: MessageId) -> Result<Filed, StoreError> {
    world.report(&open(by), id, "rude").await
}

async fn reports(world: &World, of: ReportsOf) -> ReportsPage {
    let window = TimeWindow {
        after: None,
        limit: 100,
    };
    let domain = &world.anna.domain;
    world.store.reports(domain, of, &window).await.unwrap()
}

fn said(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.content()).collect()
}

/// The same store, which keeps earlier versions.
async fn keeping(world: &World) -> World {
    let mut keeping = world.as_release(&[]).await;
    keeping.store = keeping.store.keeping_versions();
    keeping
}

async fn versions(world: &World, id: MessageId) -> Vec<String> {
    let all = world.store.versions(&world.chat, &[id.seq, id.seq + 1]).await.unwrap();
    let of_message = all.get(&id.seq).map(|versions| said(versions)).unwrap_or_default();
    of_message.into_iter().map(str::to_owned).collect()
}

pub(crate) async fn a_report_keeps_the_message_as_it_was(world: World) {
    let first = world.send(&world.anna, "a question").await.change.id;
    let reply = shared::domain::Draft {
        reply_to: Some(first),
        ..draft("a rude answer")
    };
    let id = world.send_draft(&world.ben, &reply).await.change.id;
    world.clock.set(NOW + 5);
    let filed = report(&world, &world.anna, id).await.unwrap();
    assert_eq!(filed.reported_ms, NOW + 5);
    // Once for each reporter and message.
    world.clock.set(NOW + 9);
    assert_eq!(report(&world, &world.anna, id).await.unwrap(), filed);
    let edited = world.edit(&world.ben, id, "polite now").await;
    world.finish(edited).await;
    let deleted = world.delete(&world.ben, id).await;
    world.finish(deleted).await;

    let all = reports(&world, ReportsOf::All).await;
    assert_eq!((all.reports.len(), all.next), (1, None));
    let shown = &all.reports[0];
    assert_eq!(
        (shown.id, shown.reported_ms, &shown.reporter),
        (filed.id, NOW + 5, &world.anna.id)
    );
    assert_eq!((shown.reason.as_str(), &shown.conversation), ("rude", &world.chat));
    let message = shown.message.as_ref().unwrap();
    assert_eq!(
        (message.id, &message.author, message.body.content()),
        (id, &world.ben.id, "a rude answer")
    );
    let quoted = message.reply_to.as_ref().unwrap().quoted.as_ref().unwrap();
    assert_eq!(quoted.excerpt, "a question");
    assert!(shown.earlier.is_empty() && !shown.deleted && shown.resolved.is_none());
}

pub(crate) async fn a_message_that_was_edited_can_be_reported_again(world: World) {
    let id = world.send(&world.ben, "rude").await.change.id;
    let first = report(&world, &world.anna, id).await.unwrap();
    world.react(&world.anna, id, "x", true).await.unwrap();
    assert_eq!(
        report(&world, &world.anna, id).await.unwrap(),
        first,
        "it says the same"
    );
    world.edit(&world.ben, id, "much worse").await;
    world.clock.set(NOW + 7);
    let second = report(&world, &world.anna, id).await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(report(&world, &world.anna, id).await.unwrap(), second);
    let said_then: Vec<String> = reports(&world, ReportsOf::Open)
        .await
        .reports
        .into_iter()
        .map(|report| report.message.unwrap().body.content().to_owned())
        .collect();
    assert_eq!(said_then, ["much worse", "rude"]);
}

pub(crate) async fn a_user_reports_only_readable_messages_of_others(world: World) {
    let id = world.send(&world.ben, "rude").await.change.id;
    let own = report(&world, &world.ben, id).await;
    assert!(matches!(own, Err(StoreError::OwnMessage)));
    let nothing = MessageId {
        random: id.random ^ 1,
        ..id
    };
    assert!(matches!(
        report(&world, &world.anna, nothing).await,
        Err(StoreError::NotFound)
    ));
    world.delete(&world.ben, id).await;
    assert!(matches!(
        report(&world, &world.anna, id).await,
        Err(StoreError::NotFound)
    ));

    let world = world.in_topic("cats");
    let id = world.send(&world.ben, "rude to all").await.change.id;
    let carl = user("site", "carl");
    let outside = world.report(&closed(&carl), id, "rude").await;
    assert!(matches!(outside, Err(StoreError::NotAMember)));
    let first = report(&world, &world.anna, id).await.unwrap();
    let second = report(&world, &carl, id).await.unwrap();
    assert_ne!(first.id, second.id, "each reporter has one");
    assert_eq!(reports(&world, ReportsOf::Open).await.reports.len(), 2);
    let elsewhere = &user("elsewhere", "1").domain;
    let window = TimeWindow { after: None, limit: 10 };
    let other_site = world.store.reports(elsewhere, ReportsOf::All, &window).await.unwrap();
    assert_eq!(other_site.reports, []);
}

pub(crate) async fn reports_are_listed_in_pages_and_resolved_once(world: World) {
    let domain = world.anna.domain.clone();
    let mut filed = Vec::new();
    for number in 0..5 {
        let id = world.send(&world.ben, &number.to_string()).await.change.id;
        world.clock.set(NOW + [0, 1, 1, 2, 3][number]);
        filed.push(report(&world, &world.anna, id).await.unwrap());
    }
    world.clock.set(NOW + 50);
    let note = because("warned");
    let resolved = world.store.resolve(&domain, filed[1].id, Some(&note)).await.unwrap();
    let resolution = resolved.unwrap().resolved.unwrap();
    assert_eq!((resolution.ms, resolution.note.as_deref()), (NOW + 50, Some("warned")));
    world.clock.set(NOW + 60);
    let again = world
        .store
        .resolve(&domain, filed[1].id, Some(&because("other")))
        .await
        .unwrap();
    assert_eq!(again.unwrap().resolved, Some(resolution), "what was noted first stays");
    let other_site = &user("elsewhere", "1").domain;
    assert_eq!(world.store.resolve(other_site, filed[1].id, None).await.unwrap(), None);

    let listed = async |of, limit| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let window = TimeWindow { after, limit };
            let page = world.store.reports(&domain, of, &window).await.unwrap();
            all.extend(
                page.reports
                    .into_iter()
                    .map(|report| report.message.unwrap().body.content().to_owned()),
            );
            let Some(next) = page.next else { return all };
            after = Some(next);
        }
    };
    assert_eq!(listed(ReportsOf::All, 100).await, listed(ReportsOf::All, 2).await);
    let mut all = listed(ReportsOf::All, 2).await;
    assert_eq!(all[..2], ["4", "3"]);
    all.sort();
    assert_eq!(all, ["0", "1", "2", "3", "4"]);
    assert_eq!(listed(ReportsOf::Resolved, 2).await, ["1"]);
    assert_eq!(listed(ReportsOf::Open, 1).await, ["4", "3", "2", "0"]);
}

pub(crate) async fn a_full_list_of_reports_loses_the_oldest_resolved_one(world: World) {
    let domain = world.anna.domain.clone();
    let id = world.send(&world.ben, "first").await.change.id;
    let first = report(&world, &world.anna, id).await.unwrap();
    let all = world.chat_keys()[0]
        .replace(&world.chat.key(), "site:reports")
        .replace(":log", ":all");
    let mut numbers = 0..REPORTS_MAX - 1;
    while numbers.start < numbers.end {
        let mut fill = redis::cmd("ZADD");
        fill.arg(&all);
        for number in numbers.by_ref().take(10_000) {
            fill.arg(number).arg(format!("{number:032x}"));
        }
        world.command(&fill).await;
    }
    let id = world.send(&world.ben, "second").await.change.id;
    let refused = report(&world, &world.anna, id).await;
    assert!(
        matches!(refused, Err(StoreError::TooManyReports)),
        "nobody has looked at the others"
    );
    world.store.resolve(&domain, first.id, None).await.unwrap();
    let second = report(&world, &world.anna, id).await.unwrap();
    let open = reports(&world, ReportsOf::Open).await.reports;
    assert_eq!(open.iter().map(|report| report.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(reports(&world, ReportsOf::Resolved).await.reports, []);
    assert_eq!(world.store.resolve(&domain, first.id, None).await.unwrap(), None);
}

pub(crate) async fn earlier_versions_are_kept_if_the_site_wants_it(world: World) {
    let id = world.send(&world.anna, "not kept").await.change.id;
    world.edit(&world.anna, id, "still not kept").await;
    assert_eq!(versions(&world, id).await, [""; 0]);

    let world = keeping(&world).await;
    let id = world.send(&world.anna, "0").await.change.id;
    for number in 1..VERSIONS_MAX {
        world.edit(&world.anna, id, &number.to_string()).await;
    }
    // A repeated edit keeps nothing twice; a deletion keeps what was said last.
    let retry = shared::domain::RetryKey::parse("k").unwrap();
    let edit = crate::support::new_text("last");
    for _ in 0..2 {
        let by = open(&world.anna);
        let edited = world
            .store
            .update_message(&world.chat, id, &by, &edit, Some(&retry))
            .await;
        edited.unwrap();
    }
    let kept = versions(&world, id).await;
    assert_eq!((kept.len() as u64, kept[0].as_str()), (VERSIONS_MAX, "0"));
    let washed_out = world
        .update(&world.anna, id, &crate::support::new_text("harmless"))
        .await;
    assert!(matches!(washed_out, Err(StoreError::TooManyEdits)));
    world.delete(&world.anna, id).await;
    world.delete(&world.anna, id).await;
    let kept = versions(&world, id).await;
    assert_eq!(kept.len() as u64, VERSIONS_MAX + 1);
    assert_eq!([&kept[..1], &kept[19..]].concat(), ["0", "19", "last"]);
    assert_eq!(texts(&world.history(page(1, 10)).await), ["still not kept"]);

    // Where nothing is kept any more, a deletion takes what was kept, and so does its repetition.
    let ids = [
        world.send(&world.anna, "a").await.change.id,
        world.send(&world.anna, "a").await.change.id,
    ];
    for id in ids {
        world.edit(&world.anna, id, "b").await;
        assert_eq!(versions(&world, id).await, ["a"]);
    }
    world.delete(&world.anna, ids[1]).await;
    assert_eq!(versions(&world, ids[1]).await, ["a", "b"]);
    let world = world.as_release(&[]).await;
    for id in ids {
        world.delete(&world.anna, id).await;
        assert_eq!(versions(&world, id).await, [""; 0]);
    }
}

pub(crate) async fn versions_that_cannot_be_read_take_nothing_else_away(world: World) {
    let world = keeping(&world).await;
    let ids = [
        world.send(&world.ben, "a").await.change.id,
        world.send(&world.ben, "a").await.change.id,
    ];
    for id in ids {
        world.edit(&world.ben, id, "b").await;
    }
    let edits = world.chat_keys()[0].replace(":log", ":edits");
    let mut damage = redis::cmd("HSET");
    damage.arg(&edits).arg(ids[0].seq).arg(&b"\x01\xff\xff\xff"[..]);
    world.command(&damage).await;
    let kept = world.store.versions(&world.chat, &ids.map(|id| id.seq)).await.unwrap();
    assert_eq!(kept.into_keys().collect::<Vec<_>>(), [ids[1].seq]);
    report(&world, &world.anna, ids[0]).await.unwrap();
    let shown = &reports(&world, ReportsOf::All).await.reports[0];
    assert_eq!((said(shown.message.as_slice()), shown.earlier.len()), (vec!["b"], 0));
}

pub(crate) async fn a_report_shows_the_versions_that_are_kept(world: World) {
    let world = keeping(&world).await;
    let id = world.send(&world.ben, "very rude").await.change.id;
    world.edit(&world.ben, id, "rude").await;
    world.edit(&world.ben, id, "polite").await;
    report(&world, &world.anna, id).await.unwrap();
    world.delete(&world.ben, id).await;
    let carl = user("site", "carl");
    let shown = &reports(&world, ReportsOf::All).await.reports[0];
    assert_eq!(said(shown.message.as_slice()), ["polite"]);
    assert_eq!(said(&shown.earlier), ["very rude", "rude"]);

    // Where they are too long, the first and the last ones stay.
    let padding = "x".repeat(16_000);
    let id = world.send(&world.ben, &format!("0 {padding}")).await.change.id;
    for number in 1..=VERSIONS_MAX {
        world.edit(&world.ben, id, &format!("{number} {padding}")).await;
    }
    world.clock.set(NOW + 1);
    report(&world, &world.anna, id).await.unwrap();
    let shown = &reports(&world, ReportsOf::All).await.reports[0];
    let numbers = said(&shown.earlier)
        .into_iter()
        .map(|text| text.trim_end_matches([' ', 'x']));
    assert_eq!(numbers.collect::<Vec<_>>(), ["0", "1", "18", "19"]);

    // Deleted before it could be reported.
    let world = world.in_topic("cats");
    let id = world.send(&world.ben, "gone soon").await.change.id;
    world.delete(&world.ben, id).await;
    world.clock.set(NOW + 2);
    report(&world, &carl, id).await.unwrap();
    let shown = &reports(&world, ReportsOf::All).await.reports[0];
    assert_eq!(
        (said(shown.message.as_slice()), shown.deleted),
        (vec!["gone soon"], true)
    );
    assert!(shown.earlier.is_empty());
}

//! The erasure of a user: nothing of the user is left, and everything of others is right.
//!
//! Every step is cut off at every place where it waits, and done again. Then every key of the store is read, and its bytes are searched.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use async_trait::async_trait;
use shared::app::{Eraser, Later, Platform, Progress, Writer};
use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{
    Conversation, DirectConversations, ErasureState, ExportPlace, Id, ImageType, Job, Target, TimeWindow, TopicRules,
    Upload, User,
};
use shared::ports::{
    Blocks as _, Clock as _, ExportLine, History, InboxEntry, Moderation as _, PageBounds, Promises as _, ReportsOf,
    Store as _, Unavailable, UploadForm, Uploads,
};

use crate::dying::Wires;
use crate::later::TestQueue;
use crate::signals::at_now;
use crate::support::{World, draft, open, page, user, with_key};
use crate::zoo::{WORD, Zoo, direct};

/// Lets a future run until it has waited so often. What it has begun is cut off there.
async fn cut_off<F: Future>(future: F, waits: usize) -> Option<F::Output> {
    let (mut future, mut waited) = (pin!(future), 0);
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// The owners of images, one for each image. It deletes one at a time.
#[derive(Default)]
struct TestImages(Mutex<Vec<User>>);

impl TestImages {
    fn add(&self, owner: &User) {
        self.0.lock().unwrap().push(owner.clone());
    }

    fn owners(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|owner| owner.id.to_string())
            .collect()
    }
}

#[async_trait]
impl Uploads for TestImages {
    fn bytes_max(&self) -> u64 {
        0
    }

    fn form(&self, _: &Upload, _: ImageType, _: u64) -> Result<UploadForm, Unavailable> {
        Err(Unavailable::new("s3", "it only deletes"))
    }

    async fn keep(&self, _: &Upload) -> Result<bool, Unavailable> {
        Ok(false)
    }

    fn address(&self, _: &Upload) -> Result<String, Unavailable> {
        Err(Unavailable::new("s3", "it only deletes"))
    }

    async fn delete_some(&self, owner: &User) -> Result<bool, Unavailable> {
        let mut owners = self.0.lock().unwrap();
        let place = owners.iter().position(|other| other == owner);
        Ok(place.map(|place| owners.swap_remove(place)).is_some())
    }
}

pub(crate) fn eraser<'a>(world: &'a World, push: &'a Wires, queue: Option<&'a TestQueue>) -> Eraser<'a> {
    let promises = &world.store;
    Eraser {
        platform: Platform {
            writer: Writer {
                store: &world.store,
                push,
                topics: TopicRules::default(),
                usage: world.usage(),
                later: queue.map(|queue| Later { promises, queue }),
                uploads: None,
            },
            oversight: &world.store,
            moderation: &world.store,
            sites: &[],
            clock: &world.clock,
        },
        erasures: &world.store,
        blocks: &world.store,
    }
}

/// Erases to the end. Each step is cut off after its first wait, then after its second one, and so on, until it is through.
async fn erase(zoo: &Zoo, mode: DirectConversations) {
    let (push, queue, images) = (Wires::default(), TestQueue::default(), TestImages::default());
    let mut eraser = eraser(&zoo.world, &push, Some(&queue));
    eraser.platform.writer = eraser.platform.writer.keeping_images(Some(&images));
    for owner in [&zoo.gone, &zoo.gone, &zoo.world.ben] {
        images.add(owner);
    }
    let asked = eraser.ask(&zoo.gone, mode).await.unwrap();
    assert_eq!((asked.state, asked.conversations), (ErasureState::Queued, mode));
    let again = eraser.ask(&zoo.gone, DirectConversations::Keep).await.unwrap();
    assert_eq!(again, asked, "the same job while it is under way");
    let job = Job::Erase(zoo.gone.clone());
    assert_eq!(queue.next().map(|(job, _)| job).as_ref(), Some(&job));
    zoo.world.store.take(&job).await.unwrap();
    let (mut waits, mut cut, mut waited) = (0, 0, false);
    loop {
        let Some(progress) = cut_off(eraser.step(&zoo.gone), waits).await else {
            (waits, cut) = (waits + 1, cut + 1);
            continue;
        };
        waits = 0;
        match progress.unwrap() {
            Progress::Done => break,
            Progress::More => {}
            Progress::Later(after) => {
                assert!(!waited, "one look more is enough");
                waited = true;
                assert_eq!(images.owners(), ["ben"], "images need not wait");
                images.add(&zoo.gone);
                // Requests that were admitted before the erasure are carried out now.
                let late = with_key(&format!("{WORD} late"), "key-2");
                zoo.say(&zoo.cats, &zoo.gone, &late).await;
                // The functions that carry out these die before anybody is told.
                for chat in [&zoo.dogs, &direct(&zoo.gone, &zoo.world.ben)] {
                    let sent = zoo
                        .world
                        .store
                        .append_message(chat, &open(&zoo.gone), &late, TOPIC_MEMBERS_MAX)
                        .await;
                    assert!(!sent.unwrap().change.repeated);
                }
                let now = zoo.world.clock.now_ms();
                zoo.world.clock.set(now + u64::try_from(after.as_millis()).unwrap());
            }
        }
    }
    assert!(waited && cut > 100, "cut off {cut} times");
    assert_eq!(images.owners(), ["ben"]);
    let done = eraser.erasure(&zoo.gone).await.unwrap();
    assert_eq!((done.state, done.job), (ErasureState::Done, asked.job.clone()));
    assert_eq!(eraser.step(&zoo.gone).await.unwrap(), Progress::Done);
    let anew = eraser.ask(&zoo.gone, mode).await.unwrap();
    assert_ne!(anew.job, asked.job, "after the end it begins anew");
    zoo.world.clock.set(zoo.world.clock.now_ms() + 100_000);
    while eraser.step(&zoo.gone).await.unwrap() != Progress::Done {}
    zoo.world.store.take(&job).await.unwrap();
}

pub(crate) async fn an_erased_user_leaves_only_the_names_of_direct_conversations(world: World) {
    let zoo = Zoo::new(world).await;
    zoo.assert_in_order().await;
    let traces = zoo.traces(DirectConversations::Keep).await;
    assert!(traces.len() > 50, "{}", traces.len());
    let mut before = Vec::new();
    for chat in zoo.conversations() {
        before.push(zoo.history(&chat).await);
    }
    erase(&zoo, DirectConversations::Keep).await;
    assert_eq!(zoo.traces(DirectConversations::Keep).await, [""; 0]);
    zoo.assert_in_order().await;

    for (chat, before) in zoo.conversations().iter().zip(before) {
        let after = zoo.history(chat).await;
        let said = |history: &History| -> Vec<_> {
            let others = history.messages.iter().filter(|message| message.author != zoo.gone.id);
            others
                .map(|message| (message.id, message.author.clone(), message.body.clone()))
                .collect()
        };
        assert_eq!(said(&after), said(&before), "what others said stays in {}", chat.key());
        assert_eq!(after.messages.len(), said(&after).len());
        // A client that was away learns it all from `changes`.
        let mut known = before.messages;
        let (mut since, bounds) = (before.rev, PageBounds { count: 7, bytes: 4096 });
        loop {
            let changes = zoo
                .world
                .store
                .changes(chat, &open(&zoo.world.anna), since, bounds)
                .await
                .unwrap();
            assert!(!changes.reset);
            for stored in changes.messages {
                known.retain(|message| message.id != stored.id);
                known.extend(stored.message);
            }
            since = changes.rev;
            if !changes.more {
                break;
            }
        }
        known.sort_by_key(|message| message.id.seq);
        for message in &mut known {
            let reply = message
                .reply_to
                .as_mut()
                .filter(|reply| reply.quoted.as_ref().is_some_and(|quoted| quoted.author == zoo.gone.id));
            // What a reply shows is as of its own revision, so a client takes it from the message itself (rule 1).
            if let Some(reply) = reply {
                reply.quoted = None;
            }
        }
        assert_eq!(known, after.messages, "{}", chat.key());
        assert_eq!(since, after.rev);
    }
    let reports = zoo
        .world
        .store
        .reports(&zoo.gone.domain, ReportsOf::All, &first_page())
        .await
        .unwrap();
    let mut reporters: Vec<String> = reports
        .reports
        .iter()
        .map(|report| report.reporter.to_string())
        .collect();
    reporters.sort();
    assert_eq!(
        reporters,
        ["ben", "carl", "senna:nobody"],
        "those about the user's messages are gone"
    );
    let blocked = zoo
        .world
        .store
        .blocks(&zoo.world.ben, &first_page())
        .await
        .unwrap()
        .blocks;
    assert_eq!(blocked, []);
    let ben = zoo
        .say(
            &direct(&zoo.gone, &zoo.world.ben),
            &zoo.world.ben,
            &draft("still there"),
        )
        .await;
    assert!(
        ben.seq > 1 && zoo.world.inbox(&zoo.gone).await.entries.is_empty(),
        "nobody else is told"
    );
}

pub(crate) async fn an_erased_user_leaves_nothing_if_direct_conversations_go(world: World) {
    let zoo = Zoo::new(world).await;
    let place = zoo
        .world
        .store
        .changed_entries(&zoo.world.ben, None, PageBounds::BODY)
        .await
        .unwrap()
        .cursor;
    let kept = zoo.history(&direct(&zoo.world.anna, &zoo.world.ben)).await;
    erase(&zoo, DirectConversations::Remove).await;
    assert_eq!(zoo.traces(DirectConversations::Remove).await, [""; 0]);
    zoo.assert_in_order().await;
    assert_eq!(zoo.history(&direct(&zoo.world.anna, &zoo.world.ben)).await, kept);
    let targets = |entries: Vec<InboxEntry>| entries.iter().map(|entry| entry.target.to_string()).collect::<Vec<_>>();
    assert_eq!(
        targets(zoo.world.inbox(&zoo.world.ben).await.entries),
        ["user-1", "topic-dogs", "topic-cats"]
    );
    let resumed = zoo
        .world
        .store
        .changed_entries(&zoo.world.ben, Some(place), PageBounds::BODY)
        .await
        .unwrap();
    assert!(!resumed.recovered, "a client that comes back loads the inbox anew");
}

pub(crate) async fn a_conversation_of_two_erased_users_goes(world: World) {
    let (world, _) = at_now(world);
    let zoo = Zoo {
        gone: user("site", "gone~user"),
        carl: user("site", "carl"),
        cats: Conversation::of(&world.anna, &Target::Topic(Id::parse("cats").unwrap())),
        dogs: Conversation::of(&world.anna, &Target::Topic(Id::parse("dogs").unwrap())),
        world,
    };
    let chat = direct(&zoo.gone, &zoo.carl);
    for by in [&zoo.gone, &zoo.carl] {
        zoo.say(&chat, by, &draft(WORD)).await;
    }
    let (push, queue) = (Wires::default(), TestQueue::default());
    let eraser = eraser(&zoo.world, &push, Some(&queue));
    for user in [&zoo.gone, &zoo.carl] {
        eraser.ask(user, DirectConversations::Keep).await.unwrap();
        zoo.world.clock.set(zoo.world.clock.now_ms() + 100_000);
        while eraser.step(user).await.unwrap() != Progress::Done {}
    }
    assert_eq!(zoo.history(&chat).await.rev, 0);
}

pub(crate) async fn an_export_has_everything_of_a_user_once(world: World) {
    let zoo = Zoo::new(world).await;
    let (push, queue) = (Wires::default(), TestQueue::default());
    let eraser = eraser(&zoo.world, &push, Some(&queue));
    let (mut lines, mut place, mut pages) = (Vec::new(), Some(ExportPlace::default()), 0);
    while let Some(from) = place {
        let from = ExportPlace::parse(&from.to_string()).unwrap_or_default();
        let exported = shared::app::export(eraser, &zoo.gone, from).await.unwrap();
        lines.extend(exported.lines);
        (place, pages) = (exported.next, pages + 1);
    }
    let count = |is: &dyn Fn(&ExportLine) -> bool| lines.iter().filter(|line| is(line)).count();
    let (mut own, mut reacted) = (0, 0);
    let own_notes = direct(&zoo.gone, &zoo.gone);
    for chat in zoo.conversations().iter().chain([&own_notes]) {
        let all = zoo
            .world
            .store
            .history(chat, &open(&zoo.gone), &page(1, 100))
            .await
            .unwrap()
            .total;
        assert!(all > 0);
        for message in zoo.history(chat).await.messages {
            let has_reacted = message.reactions.iter().any(|given| given.users.contains(&zoo.gone.id));
            own += usize::from(message.author == zoo.gone.id);
            reacted += usize::from(has_reacted && message.author != zoo.gone.id);
        }
    }
    assert_eq!(
        count(&|line| matches!(line, ExportLine::Message(_, message) if message.author == zoo.gone.id)),
        own
    );
    assert_eq!(count(&|line| matches!(line, ExportLine::Message(..))), own);
    assert_eq!(count(&|line| matches!(line, ExportLine::Reaction(..))), reacted);
    assert_eq!(
        count(&|line| matches!(line, ExportLine::Conversation(_))),
        6,
        "hidden ones and a left one too"
    );
    assert_eq!(
        count(&|line| matches!(line, ExportLine::Block(id, _) if *id == zoo.carl.id)),
        1
    );
    assert_eq!(count(&|line| matches!(line, ExportLine::Report(_))), 1);
    assert!(matches!(&lines[0], ExportLine::User(Some(ban)) if ban.until_ms.is_none()));
    assert!(own > 30 && reacted > 20, "{own} {reacted} in {pages} pages");
}

fn first_page() -> TimeWindow {
    TimeWindow {
        after: None,
        limit: 100,
    }
}

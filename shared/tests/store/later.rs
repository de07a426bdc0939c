//! Rules of jobs: each promised one is handed over, and the platform is told once of what reaches nobody.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use shared::app::{Caller, Counted, Later, Platform, Worker, Writer, report, set_block};
use shared::domain::limits::{JOB_QUEUED_MS, NOTICE_EVERY_MS, TOPIC_MEMBERS_MAX};
use shared::domain::{Ban, Job, Remark, Role, SettingsEdit, TopicRules, User};
use shared::ports::{Clock as _, Notice, Promises as _, Queue, Store as _, Unavailable, Watches, Webhook};

use crate::dying::Wires;
use crate::signals::id;
use crate::support::{NOW, World, draft, principal};

/// Jobs as they were handed over, each with the time after which it is due.
#[derive(Default)]
pub(crate) struct TestQueue {
    jobs: Mutex<VecDeque<(Job, Duration)>>,
    is_down: Mutex<bool>,
}

impl TestQueue {
    pub(crate) fn next(&self) -> Option<(Job, Duration)> {
        self.jobs.lock().unwrap().pop_front()
    }
}

#[async_trait]
impl Queue for TestQueue {
    async fn hand_over(&self, job: &Job, after: Duration) -> Result<(), Unavailable> {
        if *self.is_down.lock().unwrap() {
            return Err(Unavailable::new("sqs", "it is down"));
        }
        self.jobs.lock().unwrap().push_back((job.clone(), after));
        Ok(())
    }

    async fn put_off(&self, _: &str, _: Duration) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Notices as the platform has confirmed them.
#[derive(Default)]
struct TestWebhook {
    notices: Mutex<VecDeque<Notice>>,
    is_down: Mutex<bool>,
}

#[async_trait]
impl Webhook for TestWebhook {
    async fn send(&self, notice: &Notice) -> Result<(), Unavailable> {
        if *self.is_down.lock().unwrap() {
            return Err(Unavailable::new("webhook", "it is down"));
        }
        self.notices.lock().unwrap().push_back(notice.clone());
        Ok(())
    }
}

impl TestWebhook {
    /// The next notice: its id and its body.
    fn next(&self) -> Option<(String, Value)> {
        let notice = self.notices.lock().unwrap().pop_front()?;
        Some((notice.id, serde_json::from_str(&notice.body).unwrap()))
    }
}

/// A world with a queue and a platform that wants to know.
struct Scene {
    world: World,
    queue: TestQueue,
    webhook: TestWebhook,
    wires: Wires,
}

impl Scene {
    fn new(world: World) -> Self {
        Self {
            world,
            queue: TestQueue::default(),
            webhook: TestWebhook::default(),
            wires: Wires::default(),
        }
    }

    fn later(&self) -> Later<'_> {
        Later {
            promises: &self.world.store,
            queue: &self.queue,
        }
    }

    fn writer<'a>(&'a self, wires: &'a Wires) -> Writer<'a> {
        Writer {
            uploads: None,
            store: &self.world.store,
            push: wires,
            topics: TopicRules {
                members_max: TOPIC_MEMBERS_MAX,
                ..TopicRules::default()
            },
            usage: self.world.usage(),
            later: Some(self.later()),
        }
    }

    async fn send(&self, author: &User, content: &str) {
        let wires = Wires::default();
        let target = self.world.chat.as_seen_by(&author.id);
        let (writer, caller, draft) = (self.writer(&wires), caller(author), draft(content));
        writer.send(&caller, &target, &draft).await.unwrap();
    }

    fn worker(&self) -> Worker<'_> {
        let store = &self.world.store;
        Worker {
            store,
            undelivered: store,
            moderation: store,
            oversight: store,
            promises: store,
            eraser: crate::erasing::eraser(&self.world, &self.wires, None),
            queue: &self.queue,
            webhook: Some(&self.webhook),
            clock: &self.world.clock,
        }
    }

    /// Carries out the next job; false if there is none.
    async fn work(&self) -> bool {
        let Some((job, _)) = self.queue.next() else {
            return false;
        };
        self.worker().carry_out(&job).await.unwrap();
        true
    }

    /// Does all that is due, and returns the next notice: its recipient, text, and unread messages in the whole inbox.
    async fn notice(&self) -> Option<String> {
        while self.work().await {}
        let (_, body) = self.webhook.next()?;
        assert_eq!(body["type"], "message.undelivered");
        let data = &body["data"];
        let [user, text] = [&data["user"], &data["message"]["text"]].map(|text| text.as_str().unwrap());
        Some(format!("{user} {text} {}", data["unread_total"]))
    }

    async fn promises(&self) -> usize {
        let later = self.world.clock.now_ms() + 1;
        self.world.store.forgotten(later).await.unwrap().len()
    }
}

fn caller(user: &User) -> Caller {
    Caller {
        principal: principal(user),
        connection: None,
        counted: Counted::First,
    }
}

pub(crate) async fn the_queue_has_a_job_once(world: World) {
    let (store, job) = (&world.store, Job::Undelivered(world.chat.clone()));
    world.clock.set(NOW);
    let first = store.promise(job.clone()).await.unwrap();
    let second = store.promise(job.clone()).await.unwrap();
    let third = store.promise(job.clone()).await.unwrap();
    assert_eq!(store.forgotten(NOW + 1).await.unwrap().len(), 3);
    assert_eq!(store.forgotten(NOW).await.unwrap(), []);
    assert!(store.claim(&first).await.unwrap());
    assert!(!store.claim(&second).await.unwrap(), "the queue has it");
    store.drop_promise(&first).await.unwrap();
    assert_eq!(store.forgotten(NOW + 1).await.unwrap(), std::slice::from_ref(&third));

    store.take(&job).await.unwrap();
    assert!(store.claim(&third).await.unwrap(), "the worker has looked already");
    world.clock.set(NOW + JOB_QUEUED_MS);
    assert!(
        store.claim(&third).await.unwrap(),
        "nobody waits for a queue that is late"
    );

    let later = Job::UndeliveredLater(world.chat.clone());
    let due = NOW + 2 * JOB_QUEUED_MS;
    assert!(store.claim_later(&later, due).await.unwrap());
    assert!(!store.claim_later(&later, due + 1).await.unwrap());
    store.take(&job).await.unwrap();
    assert!(store.claim(&third).await.unwrap(), "nobody waits for a later look");
    // The clock of whoever looks may be behind: the look that comes too early for it queues the next one.
    store.take(&later).await.unwrap();
    assert!(store.claim_later(&later, due).await.unwrap());
    world.clock.set(due);
    assert!(store.claim_later(&later, due + 1).await.unwrap());
}

pub(crate) async fn a_member_without_a_connection_is_told_of_once(world: World) {
    let scene = Scene::new(world.direct());
    let (anna, ben) = (&scene.world.anna, &scene.world.ben);
    scene.world.clock.set(NOW);
    scene.send(anna, "one").await;
    assert_eq!(scene.queue.jobs.lock().unwrap().len(), 1);
    scene.send(anna, "two").await;
    assert_eq!(scene.queue.jobs.lock().unwrap().len(), 1, "one job for both");
    assert_eq!(scene.promises().await, 0);
    assert_eq!(
        scene.notice().await,
        Some(format!("{} two 2", ben.id)),
        "the last state"
    );
    assert_eq!(scene.notice().await, None);

    // A repetition of the job finds nothing to tell.
    let job = Job::Undelivered(scene.world.chat.clone());
    scene.worker().carry_out(&job).await.unwrap();
    assert_eq!(scene.notice().await, None);

    scene.send(anna, "three").await;
    let (again, _) = scene.queue.next().unwrap();
    scene.worker().carry_out(&again).await.unwrap();
    scene.send(anna, "four").await;
    let wait = Duration::from_millis(NOTICE_EVERY_MS);
    let later = Job::UndeliveredLater(scene.world.chat.clone());
    assert_eq!(scene.queue.jobs.lock().unwrap()[0], (later, wait), "30 s later");
    scene.world.clock.set(NOW + NOTICE_EVERY_MS);
    assert_eq!(scene.notice().await, Some(format!("{} four 4", ben.id)));
    assert_eq!(scene.notice().await, None);
}

pub(crate) async fn nobody_is_told_of_who_knows_or_does_not_care(world: World) {
    let scene = Scene::new(world.direct());
    let (anna, ben) = (scene.world.anna.clone(), scene.world.ben.clone());
    let mut now = NOW;
    let mut pass = || {
        now += NOTICE_EVERY_MS;
        scene.world.clock.set(now);
    };
    let bens = id("bens=");
    assert!(scene.world.opens(&ben, &bens, NOW).await);
    scene.send(&anna, "connected").await;
    assert_eq!(scene.queue.next(), None, "his connection was told");
    assert_eq!(scene.promises().await, 0);
    scene
        .world
        .store
        .close_connection(&ben, &bens, &Watches::default())
        .await
        .unwrap();

    pass();
    scene.send(&anna, "read").await;
    scene.world.read(&ben, None).await;
    assert_eq!(scene.notice().await, None);

    pass();
    let muting = |muted| SettingsEdit {
        muted: Some(muted),
        ..SettingsEdit::default()
    };
    scene.world.set(&ben, muting(true)).await;
    scene.send(&anna, "muted").await;
    assert_eq!(scene.notice().await, None);
    scene.world.set(&ben, muting(false)).await;

    pass();
    scene.send(&anna, "deleted").await;
    let gone = scene.world.entry(&ben).await.unwrap().latest.unwrap().id;
    let deleted = scene.world.delete(&anna, gone).await;
    scene.world.finish(deleted).await;
    assert_eq!(
        scene.notice().await,
        Some(format!("{} muted 1", ben.id)),
        "what is left"
    );

    pass();
    scene.send(&anna, "to nobody").await;
    assert!(scene.world.opens(&ben, &bens, now).await);
    assert_eq!(scene.notice().await, None, "he came back in time, and resumes");
}

pub(crate) async fn members_of_a_topic_are_told_of_one_by_one(world: World) {
    let scene = Scene::new(world.in_topic("cats"));
    let world = &scene.world;
    world.clock.set(NOW);
    let carl = crate::support::user("site", "carl");
    for member in [&world.anna, &world.ben, &carl] {
        world.make(member, Role::Member).await;
    }
    set_block(&world.store, world.usage(), &caller(&carl), &world.anna.id, true)
        .await
        .unwrap();
    scene.send(&world.anna, "cats").await;
    assert_eq!(
        scene.notice().await,
        Some(format!("{} cats 1", world.ben.id)),
        "Carl has blocked Anna"
    );
    assert_eq!(scene.notice().await, None);
    // Ben was told a moment ago, and Carl was not.
    scene.send(&world.ben, "dogs").await;
    assert!(scene.work().await);
    let told: Vec<_> = std::iter::from_fn(|| scene.webhook.next()).collect();
    let mut users: Vec<_> = told.iter().map(|(_, body)| body["data"]["user"].to_string()).collect();
    users.sort();
    assert_eq!(users, ["\"carl\"", "1"]);
}

pub(crate) async fn a_notice_that_failed_is_told_again_under_the_same_id(world: World) {
    let scene = Scene::new(world.direct());
    scene.world.clock.set(NOW);
    scene.send(&scene.world.anna, "one").await;
    let (job, _) = scene.queue.next().unwrap();
    *scene.webhook.is_down.lock().unwrap() = true;
    scene.worker().carry_out(&job).await.unwrap_err();
    *scene.webhook.is_down.lock().unwrap() = false;
    scene.worker().carry_out(&job).await.unwrap();
    let (first, _) = scene.webhook.next().unwrap();
    // The worker dies before it has noted that it told: the platform is told twice, and recognises that.
    let noticed = scene.world.user_keys(&scene.world.ben)[0].replace(":inbox", ":noticed");
    scene.world.forget(&[noticed]).await;
    scene.worker().carry_out(&job).await.unwrap();
    assert_eq!(scene.webhook.next().unwrap().0, first);
}

pub(crate) async fn what_nobody_handed_over_is_found(world: World) {
    let scene = Scene::new(world.direct());
    let ben = &scene.world.ben;
    scene.world.clock.set(NOW);
    *scene.queue.is_down.lock().unwrap() = true;
    scene.send(&scene.world.anna, "one").await;
    assert_eq!((scene.promises().await, scene.queue.next()), (1, None));
    *scene.queue.is_down.lock().unwrap() = false;
    scene.worker().sweep().await.unwrap();
    assert_eq!(scene.queue.next(), None, "its function may be at it yet");
    scene.world.clock.set(NOW + 60_001);
    scene.worker().sweep().await.unwrap();
    assert_eq!(scene.notice().await, Some(format!("{} one 1", ben.id)));
    assert_eq!(scene.promises().await, 0);

    // A function that dies with its message stored, and before it asked whether anybody is there.
    let job = Job::Undelivered(scene.world.chat.clone());
    scene.world.store.promise(job).await.unwrap();
    scene.world.send(&scene.world.anna, "two").await;
    scene.world.clock.set(NOW + 200_000);
    scene.worker().sweep().await.unwrap();
    assert_eq!(scene.notice().await, Some(format!("{} two 2", ben.id)));
}

pub(crate) async fn a_send_that_was_refused_leaves_no_promise(world: World) {
    let scene = Scene::new(world.in_topic("cats"));
    scene.world.clock.set(NOW);
    let wires = Wires::default();
    let mut writer = scene.writer(&wires);
    writer.topics.access = shared::domain::TopicAccess::Platform;
    let target = scene.world.chat.as_seen_by(&scene.world.anna.id);
    let refused = writer.send(&caller(&scene.world.anna), &target, &draft("no")).await;
    assert_eq!(refused.unwrap_err().code(), Some("NOT_A_MEMBER"));
    assert_eq!(scene.promises().await, 0);
}

pub(crate) async fn the_platform_is_told_of_reports_and_bans(world: World) {
    let scene = Scene::new(world.direct());
    let world = &scene.world;
    world.clock.set(NOW);
    let id = world.send(&world.ben, "rude").await.change.id.to_string();
    let target = world.chat.as_seen_by(&world.anna.id);
    let (topics, later) = (TopicRules::default(), Some(scene.later()));
    let reason = Remark::parse("it is rude").unwrap();
    let anna = caller(&world.anna);
    let filed = report(&world.store, topics, later, &anna, &target, &id, &reason);
    let filed = filed.await.unwrap();
    while scene.work().await {}
    let (_, body) = scene.webhook.next().unwrap();
    assert_eq!(body["type"], "message.reported");
    assert_eq!(body["data"]["report"]["id"], filed.id.to_string());
    assert_eq!(body["data"]["report"]["message"]["text"], "rude");

    let wires = Wires::default();
    let platform = Platform {
        sites: &[],
        writer: scene.writer(&wires),
        oversight: &world.store,
        moderation: &world.store,
        clock: &world.clock,
    };
    let ban = Ban {
        until_ms: Some(NOW + 60_000),
        reason: Some("spam".to_owned()),
    };
    platform.ban(&world.ben, &ban).await.unwrap();
    while scene.work().await {}
    let (_, body) = scene.webhook.next().unwrap();
    assert_eq!(body["type"], "user.banned");
    let data = &body["data"];
    assert_eq!(
        (&data["until"]["epoch"], &data["reason"]),
        (&Value::from(NOW + 60_000), &Value::from("spam"))
    );
    assert_eq!(scene.promises().await, 0);

    // A ban that is over when the worker comes to it is not told.
    platform.ban(&world.ben, &ban).await.unwrap();
    platform.unban(&world.ben).await.unwrap();
    while scene.work().await {}
    assert_eq!(scene.webhook.next(), None);
}

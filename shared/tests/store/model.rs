//! Messages are sent, edited, deleted and seen; functions die between the two steps of a write; frames are lost or late. A client
//! that follows the rules of `docs/clients.md` ends with what a fresh client loads, once everything unanswered has been asked for again.
//!
//! The real scripts on a real server, under `Writer` and the answers that the functions give. The schedules are random.

mod client;

use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::app::{Caller, Writer};
use shared::domain::{ConnectionId, Conversation, Draft, Edit, MessageId, RetryKey, Target, TopicRules, User};
use shared::error::ApiError;
use shared::ports::Store as _;

use self::client::{Client, Known, loaded};
use crate::dying::{Dying, LateTelling, Wires, held};
use crate::support::{Address, NOW, SEEN, World, new_text, open, page, principal, server, user, with_key};

/// Schedules that are tried, and steps in each at the most.
const CASES: u32 = 600;
const STEPS: usize = 60;
const USERS: [&str; 3] = ["1", "ben", "3"];

#[derive(Clone, Debug)]
enum Step {
    /// A user asks for something. It may die before these participants are told; or they are told, but later.
    Write {
        who: usize,
        with: usize,
        what: What,
        untold: [bool; 2],
        late: bool,
    },
    /// Something that was not answered is asked for again.
    Retry { which: usize },
    /// A late participant is told now.
    Late { which: usize },
    /// One of the frames on their way to a user arrives, or is lost.
    Frame { who: usize, which: usize, lost: bool },
    /// A user asks what was missed.
    Sync { who: usize },
    /// A user's connection is cut: what has not linked yet is forgotten.
    Cut { who: usize },
    /// A user's client forgets a conversation, and loads it anew by its history.
    Load { who: usize, with: usize },
    /// The clock goes on, or another function's clock is behind.
    Clock { ms: i8 },
}

#[derive(Clone, Copy, Debug)]
enum What {
    Send,
    Edit(usize),
    Delete(usize),
    See(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        4 => Just(What::Send),
        2 => (0..8_usize).prop_map(What::Edit),
        1 => (0..8_usize).prop_map(What::Delete),
        1 => (0..8_usize).prop_map(What::See),
    ];
    let untold = prop_oneof![3 => Just([false; 2]), 1 => any::<[bool; 2]>()];
    prop_oneof![
        6 => (0..3_usize, 0..3_usize, what, untold, any::<bool>())
            .prop_map(|(who, with, what, untold, late)| Step::Write { who, with, what, untold, late }),
        1 => any::<usize>().prop_map(|which| Step::Retry { which }),
        1 => any::<usize>().prop_map(|which| Step::Late { which }),
        6 => (0..3_usize, any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(who, which, lost)| Step::Frame { who, which, lost }),
        1 => (0..3_usize).prop_map(|who| Step::Sync { who }),
        1 => (0..3_usize).prop_map(|who| Step::Cut { who }),
        2 => (0..3_usize, 0..3_usize).prop_map(|(who, with)| Step::Load { who, with }),
        1 => any::<i8>().prop_map(|ms| Step::Clock { ms }),
    ]
}

/// What was asked for, so that it can be asked for again.
#[derive(Clone)]
struct Request {
    who: usize,
    with: usize,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Send(Draft),
    Update(MessageId, Edit, RetryKey),
    Delete(MessageId),
}

struct Run {
    world: World,
    users: [User; 3],
    clients: [Client; 3],
    wires: Wires,
    now: u64,
    sent: Vec<(Conversation, MessageId, usize)>,
    /// How far each user has read, by conversation: what it wrote and what it saw.
    read: HashMap<(usize, String), u64>,
    unanswered: Vec<Request>,
    late: Vec<LateTelling>,
    retry_keys: u32,
}

impl Run {
    async fn new(address: &Address) -> Self {
        let world = World::new(address).await;
        let users = USERS.map(|id| user("site", id));
        let mut clients: [Client; 3] = Default::default();
        for (number, (client, of)) in clients.iter_mut().zip(&users).enumerate() {
            let id = ConnectionId::parse(&number.to_string()).unwrap();
            assert!(world.opens(of, &id, NOW * 2).await);
            client.sync(&world, of).await;
        }
        Self {
            world,
            users,
            clients,
            wires: Wires::default(),
            now: NOW,
            sent: Vec::new(),
            read: HashMap::new(),
            unanswered: Vec::new(),
            late: Vec::new(),
            retry_keys: 0,
        }
    }

    async fn step(&mut self, step: Step) {
        self.now += 1;
        self.world.clock.set(self.now);
        match step {
            Step::Write {
                who,
                with,
                what,
                untold,
                late,
            } => {
                let Some(request) = self.request(who, with, what) else {
                    return;
                };
                let ends = [who, with].map(|number| self.users[number].clone());
                let untold = ends
                    .into_iter()
                    .zip(untold)
                    .filter_map(|(user, untold)| untold.then_some(user));
                self.ask(request, untold.collect(), late).await;
            }
            Step::Retry { which } if !self.unanswered.is_empty() => {
                let request = self.unanswered.remove(which % self.unanswered.len());
                self.ask(request, Vec::new(), false).await;
            }
            Step::Late { which } if !self.late.is_empty() => {
                let late = self.late.remove(which % self.late.len());
                let LateTelling {
                    conversation,
                    projection,
                    member,
                } = late;
                self.world
                    .store
                    .tell(&conversation, &projection, &member)
                    .await
                    .unwrap();
            }
            Step::Frame { who, which, lost } => {
                let mut wires = held(&self.wires.0);
                let frames = wires.entry(who.to_string()).or_default();
                if !frames.is_empty() {
                    let frame = frames.remove(which % frames.len());
                    if !lost {
                        self.clients[who].frame(&serde_json::from_slice(&frame).unwrap());
                    }
                }
            }
            Step::Sync { who } => self.clients[who].sync(&self.world, &self.users[who]).await,
            Step::Cut { who } => self.clients[who].cut(),
            Step::Load { who, with } => {
                let target = Target::User(self.users[with].id.clone());
                self.clients[who].load(&self.world, &self.users[who], &target).await;
            }
            Step::Clock { ms } => self.now = self.now.saturating_add_signed(ms.into()),
            Step::Retry { .. } | Step::Late { .. } => {}
        }
    }

    /// What the step asks for, if there is a message that it can ask it of.
    fn request(&mut self, who: usize, with: usize, what: What) -> Option<Request> {
        self.retry_keys += 1;
        let content = format!("text {}", self.retry_keys);
        let conversation = self.conversation(who, with);
        let pick = |index: usize, own: bool| {
            let fits =
                |(of, _, author): &&(Conversation, MessageId, usize)| *of == conversation && (*author == who) == own;
            let fitting: Vec<_> = self.sent.iter().filter(fits).collect();
            Some(fitting.get(index.checked_rem(fitting.len())?)?.1)
        };
        let key = RetryKey::parse(&self.retry_keys.to_string()).unwrap();
        let act = match what {
            What::Send => Act::Send(with_key(&content, &self.retry_keys.to_string())),
            What::Edit(index) => Act::Update(pick(index, true)?, new_text(&content), key),
            What::Delete(index) => Act::Delete(pick(index, true)?),
            What::See(index) => Act::Update(pick(index, false)?, SEEN, key),
        };
        Some(Request { who, with, act })
    }

    fn conversation(&self, who: usize, with: usize) -> Conversation {
        Conversation::of(&self.users[who], &Target::User(self.users[with].id.clone()))
    }

    /// Asks for something; functions die before they tell these users.
    async fn ask(&mut self, request: Request, untold: Vec<User>, late: bool) {
        let Request { who, with, ref act } = request;
        let dying = Dying {
            store: &self.world.store,
            untold: Mutex::new(untold),
            late: Mutex::new(late.then(Vec::new)),
        };
        let writer = Writer {
            store: &dying,
            push: &self.wires,
            topics: TopicRules::default(),
        };
        let caller = Caller {
            principal: principal(&self.users[who]),
            connection: None,
        };
        let target = Target::User(self.users[with].id.clone());
        let conversation = self.conversation(who, with);
        let answer = match act {
            Act::Send(draft) => writer.send(&caller, &target, draft).await.map(|outcome| {
                let id = outcome.change.id;
                self.sent.push((conversation.clone(), id, who));
                id.seq
            }),
            Act::Update(id, edit, key) => {
                let done = writer.update(&caller, &target, &id.to_string(), edit, Some(key)).await;
                done.map(|_| if edit.seen { id.seq } else { 0 })
            }
            Act::Delete(id) => writer.delete(&caller, &target, &id.to_string()).await.map(|_| 0),
        };
        self.late.extend(held(&dying.late).take().into_iter().flatten());
        match answer {
            Ok(read) => {
                let position = self.read.entry((who, conversation.key())).or_default();
                *position = read.max(*position);
            }
            // Someone deleted it in the meantime; there is nothing to ask for any more.
            Err(ApiError::MessageNotFound) => {}
            Err(ApiError::Unavailable(_)) => self.unanswered.push(request),
            Err(error) => panic!("{error}"),
        }
    }

    /// Everything unanswered is asked for again, and every client asks what it missed.
    async fn rest(&mut self) {
        while !self.unanswered.is_empty() {
            self.step(Step::Retry { which: 0 }).await;
        }
        for who in 0..3 {
            self.clients[who].sync(&self.world, &self.users[who]).await;
        }
    }

    async fn check(&self) {
        for (who, (client, of)) in self.clients.iter().zip(&self.users).enumerate() {
            for (key, fresh) in loaded(&self.world, of).await {
                let known = client.conversations.get(&key).map(Known::shown).unwrap_or_default();
                assert_eq!(
                    known, fresh,
                    "what user {who} holds of {key}, and what a fresh client loads"
                );
            }
            let inbox = self.world.inbox(of).await;
            for entry in &inbox.entries {
                let conversation = Conversation::of(of, &entry.target);
                let history = self
                    .world
                    .store
                    .history(&conversation, &open(of), &page(1, 100))
                    .await
                    .unwrap();
                assert_eq!(entry.latest.as_ref(), history.messages.last(), "entry of user {who}");
                assert_eq!(
                    (entry.rev, &entry.reads),
                    (history.rev, &history.reads),
                    "entry of user {who}"
                );
                // A read whose answer was lost may have moved the position all the same.
                let answered = self.read.get(&(who, conversation.key())).copied().unwrap_or_default();
                let position = history.reads.0.iter().find(|(reader, _)| *reader == of.id);
                let read = position.map_or(0, |(_, seq)| *seq);
                assert!(read >= answered, "read position of user {who}");
                let unread = history
                    .messages
                    .iter()
                    .filter(|message| message.author != of.id && message.id.seq > read);
                assert_eq!(entry.unread, unread.count() as u64, "unread of user {who}");
            }
        }
        let mut ids: Vec<_> = self.sent.iter().map(|(of, id, _)| (of.key(), id.seq)).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "an answered message has a place of its own");
    }
}

#[test]
fn what_a_client_holds_is_a_fresh_state() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let mut run = Run::new(&Address::of(&server)).await;
            for step in steps {
                run.step(step).await;
            }
            run.rest().await;
            run.check().await;
        });
        Ok(())
    };
    let schedules = prop::collection::vec(step(), 1..STEPS);
    if let Err(error) = TestRunner::new(config).run(&schedules, run) {
        panic!("{error}");
    }
}

//! Users talk with each other and in topics, which they join and leave; they edit, delete, react, reply, mention, read and block; functions die
//! between the two steps of a write; frames are lost or late. Once every unanswered request has been repeated, a client that follows the rules of
//! `docs/clients.md` has the same state as a fresh client, and every inbox agrees with the conversations.
//!
//! The real scripts on a real server, under `Writer` and the answers that the functions give. The schedules are random.

mod client;
mod step;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::app::{self, Caller, Counted, Writer};
use shared::domain::{
    ConnectionId, Conversation, Draft, Edit, Message, MessageId, Outcome, Quoted, Reacted, Reaction, RetryKey,
    SettingsEdit, Target, TopicRules, User,
};
use shared::error::ApiError;
use shared::ports::{History, InboxEntry, Store as _};

use self::client::{Client, Known, id, loaded};
use self::step::{Step, What, step};
use crate::dying::{Dying, LateTelling, Wires, held};
use crate::support::{Address, NOW, SEEN, World, new_text, open, page, principal, server, user, with_key};

/// Schedules that are tried, and steps in each at the most.
const CASES: u32 = 600;
const STEPS: usize = 70;
const USERS: [&str; 3] = ["1", "ben", "3"];
/// Where they talk: with each other, and in topics.
const TOPICS: [&str; 2] = ["cats", "7"];
const PLACES: usize = USERS.len() + TOPICS.len();
const REACTIONS: [&str; 2] = ["👍", "y:z"];

/// What was asked for, so that it can be asked for again.
#[derive(Clone)]
struct Request {
    who: usize,
    at: usize,
    act: Act,
    /// The position that the first try of a send was given.
    seq: Option<u64>,
}

#[derive(Clone)]
enum Act {
    Send(Draft),
    Update(MessageId, Edit, RetryKey),
    Delete(MessageId),
    Read(Option<MessageId>),
    React(MessageId, Reaction, bool),
    Join,
    Leave,
    Block(bool),
}

/// What must be true of a conversation, from what was decided in it.
#[derive(Default)]
struct Truth {
    last: u64,
    /// How far each member has read.
    reads: HashMap<usize, u64>,
    /// How far each has read, as the other side sees it: it does not move while the other side has blocked the member.
    others_see: HashMap<usize, u64>,
    /// Who has blocked the other side.
    blocks: HashSet<usize>,
    /// By position: reactions in the order in which each was first given, and who gave it, the newest first.
    reactions: HashMap<u64, Vec<(Reaction, Vec<usize>)>>,
    /// Who has left at some time.
    left: HashSet<usize>,
    /// How each user has set it, and up to which message that user knew it then.
    settings: HashMap<usize, ([bool; 3], u64)>,
}

impl Truth {
    fn react(&mut self, seq: u64, reaction: &Reaction, who: usize, give: bool) {
        let all = self.reactions.entry(seq).or_default();
        let given = all.iter_mut().find(|(known, _)| known == reaction);
        match (give, given) {
            (true, None) => all.push((reaction.clone(), vec![who])),
            (true, Some((_, users))) if !users.contains(&who) => users.insert(0, who),
            (false, Some((_, users))) => users.retain(|user| *user != who),
            _ => {}
        }
        all.retain(|(_, users)| !users.is_empty());
    }
}

struct Run {
    world: World,
    users: [User; 3],
    clients: [Client; 3],
    wires: Wires,
    now: u64,
    sent: Vec<(Conversation, MessageId, usize)>,
    truths: HashMap<String, Truth>,
    unanswered: Vec<Request>,
    late: Vec<LateTelling>,
    retry_keys: u32,
}

impl Run {
    async fn new(address: &Address, short_segments: bool) -> Self {
        let world = if short_segments {
            World::with_short_segments(address).await
        } else {
            World::new(address).await
        };
        let users = USERS.map(|id| user("site", id));
        let mut clients = users.each_ref().map(Client::of);
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
            truths: HashMap::new(),
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
                at,
                what,
                untold,
                late,
            } => {
                let Some(request) = self.request(who, at, what) else {
                    return;
                };
                let untold = self.users.iter().zip(untold).filter(|(_, untold)| *untold);
                let untold = untold.map(|(user, _)| user.clone()).collect();
                self.ask(request, untold, late).await;
            }
            Step::Set { who, at, edit } => self.set(who, at, edit).await,
            Step::Retry { which } if !self.unanswered.is_empty() => {
                let request = self.unanswered.remove(which % self.unanswered.len());
                self.ask(request, Vec::new(), false).await;
            }
            Step::Late { which } if !self.late.is_empty() => {
                let late = self.late.remove(which % self.late.len());
                self.tell(&late).await;
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
            Step::Load { who, at } => {
                let target = target(at);
                self.clients[who].load(&self.world, &self.users[who], &target).await;
            }
            Step::Clock { ms } => self.now = self.now.saturating_add_signed(ms.into()),
            Step::Retry { .. } | Step::Late { .. } => {}
        }
    }

    async fn tell(&self, late: &LateTelling) {
        let LateTelling {
            conversation,
            projection,
            member,
        } = late;
        self.world.store.tell(conversation, projection, member).await.unwrap();
    }

    /// What the step asks for, if there is a message that it can ask it of.
    fn request(&mut self, who: usize, at: usize, what: What) -> Option<Request> {
        self.retry_keys += 1;
        let key = self.retry_keys.to_string();
        // Some are longer than an excerpt, or than an inbox entry keeps.
        let content = format!(
            "text {key} {}",
            "a☕👋".repeat([0, 50, 100][self.retry_keys as usize % 3])
        );
        let conversation = self.conversation(who, at);
        let pick = |index: usize, own: Option<bool>| {
            let fits = |(of, _, author): &&(Conversation, MessageId, usize)| {
                *of == conversation && own.is_none_or(|own| (*author == who) == own)
            };
            let fitting: Vec<_> = self.sent.iter().filter(fits).collect();
            Some(fitting.get(index.checked_rem(fitting.len())?)?.1)
        };
        let retry_key = RetryKey::parse(&key).unwrap();
        let act = match what {
            What::Send(reply, mention) => Act::Send(Draft {
                reply_to: reply.and_then(|index| pick(index, None)),
                mentions: mention.map(|whom| id(USERS[whom])).into_iter().collect(),
                ..with_key(&content, &key)
            }),
            What::Edit(index) => Act::Update(pick(index, Some(true))?, new_text(&content), retry_key),
            What::Delete(index) => Act::Delete(pick(index, Some(true))?),
            What::See(index) => Act::Update(pick(index, Some(false))?, SEEN, retry_key),
            What::Read(index) => Act::Read(index.and_then(|index| pick(index, None))),
            What::React(index, reaction, give) => {
                Act::React(pick(index, None)?, Reaction::parse(REACTIONS[reaction]).unwrap(), give)
            }
            What::Join if at >= USERS.len() => Act::Join,
            What::Leave if at >= USERS.len() => Act::Leave,
            What::Block(on) if at < USERS.len() && at != who => Act::Block(on),
            What::Join | What::Leave | What::Block(_) => return None,
        };
        Some(Request {
            who,
            at,
            act,
            seq: None,
        })
    }

    fn conversation(&self, who: usize, at: usize) -> Conversation {
        Conversation::of(&self.users[who], &target(at))
    }

    fn truth(&mut self, who: usize, at: usize) -> &mut Truth {
        let key = self.conversation(who, at).key();
        self.truths.entry(key).or_default()
    }

    /// Asks for something; functions die before they tell these users.
    async fn ask(&mut self, mut request: Request, untold: Vec<User>, late: bool) {
        let Request { who, at, ref act, .. } = request;
        let dying = Dying {
            store: &self.world.store,
            untold: Mutex::new(untold),
            late: Mutex::new(late.then(Vec::new)),
            last: None,
        };
        let writer = Writer {
            uploads: None,
            store: &dying,
            push: &self.wires,
            topics: TopicRules::default(),
            usage: self.world.usage(),
            later: None,
        };
        let caller = self.caller(who);
        let (target, me) = (target(at), &self.users[who].id);
        if let Act::Block(on) = act {
            let (on, caller) = (*on, &caller);
            return self.block(caller, who, at, on).await;
        }
        let answer = match act {
            Act::Send(draft) => writer.send(&caller, &target, draft).await,
            Act::Update(id, edit, key) => writer.update(&caller, &target, &id.to_string(), edit, Some(key)).await,
            Act::Delete(id) => writer.delete(&caller, &target, &id.to_string()).await,
            Act::Read(up_to) => writer.read(&caller, &target, *up_to).await,
            Act::React(id, reaction, give) => {
                let id = id.to_string();
                writer.react(&caller, &target, &id, reaction, *give).await
            }
            Act::Join => writer.put_member(&caller, &target, me, None).await,
            Act::Leave => writer.remove_member(&caller, &target, me).await,
            Act::Block(_) => return,
        };
        self.late.extend(held(&dying.late).take().into_iter().flatten());
        let is_member = at < USERS.len() || self.truth(who, at).reads.contains_key(&who);
        match answer {
            Ok(outcome) => {
                self.decided(&mut request);
                self.answered(&request, &outcome);
            }
            Err(ApiError::Unavailable(_)) => {
                self.decided(&mut request);
                self.unanswered.push(request);
            }
            // Someone deleted it in the meantime; there is nothing to ask for any more.
            Err(ApiError::MessageNotFound) => {}
            Err(ApiError::NotAccepted) => {
                assert!(
                    self.truth(who, at).blocks.contains(&at),
                    "user {at} has blocked user {who}"
                );
                assert!(matches!(act, Act::Send(_) | Act::Update(..) | Act::React(..)));
            }
            Err(ApiError::NotAMember) => assert!(!is_member, "user {who} is a member at {at}"),
            // What it replies to was deleted, or whom it mentions is not there.
            Err(ApiError::InvalidField { .. }) => {
                let Act::Send(draft) = act else { panic!("no field") };
                assert!(draft.reply_to.is_some() || !draft.mentions.is_empty());
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn block(&mut self, caller: &Caller, who: usize, at: usize, on: bool) {
        let (store, usage, other) = (&self.world.store, self.world.usage(), id(USERS[at]));
        app::set_block(store, usage, caller, &other, on).await.unwrap();
        let blocks = &mut self.truth(who, at).blocks;
        if on {
            blocks.insert(who)
        } else {
            blocks.remove(&who)
        };
    }

    fn caller(&self, who: usize) -> Caller {
        Caller {
            principal: principal(&self.users[who]),
            connection: None,
            counted: Counted::First,
        }
    }

    /// Follows what the conversation has decided, whether the client knows it or not.
    fn decided(&mut self, request: &mut Request) {
        let (who, is_direct) = (request.who, request.at < USERS.len());
        let sides = [who, request.at];
        let truth = self.truth(who, request.at);
        let is_new = request.seq.is_none();
        let read = match &request.act {
            Act::Send(_) if request.seq.is_none() => {
                truth.last += 1;
                request.seq = Some(truth.last);
                for side in sides.into_iter().filter(|_| is_direct) {
                    truth.reads.entry(side).or_default();
                }
                truth.reads.entry(who).or_default();
                request.seq
            }
            Act::Join => {
                let last = truth.last;
                truth.reads.entry(who).or_insert(last);
                None
            }
            Act::Leave => {
                truth.reads.remove(&who);
                truth.left.insert(who);
                None
            }
            Act::React(id, reaction, give) => {
                truth.react(id.seq, reaction, who, *give);
                None
            }
            Act::Read(None) => Some(truth.last),
            Act::Read(Some(id)) => Some(id.seq),
            Act::Update(id, edit, _) if edit.seen => Some(id.seq),
            _ => None,
        };
        if let Some(position) = truth.reads.get_mut(&who) {
            *position = read.unwrap_or_default().max(*position);
            // A repeated send moves nothing.
            if read.is_some() && is_new && !(is_direct && request.at != who && truth.blocks.contains(&request.at)) {
                truth.others_see.insert(who, *position);
            }
        }
    }

    fn answered(&mut self, request: &Request, outcome: &Outcome) {
        if let Act::Send(_) = request.act {
            assert_eq!(Some(outcome.change.id.seq), request.seq);
            let conversation = self.conversation(request.who, request.at);
            self.sent.push((conversation, outcome.change.id, request.who));
        }
    }

    async fn set(&mut self, who: usize, at: usize, [muted, hidden, pinned]: [Option<bool>; 3]) {
        let edit = SettingsEdit { muted, hidden, pinned };
        let caller = self.caller(who);
        let set = app::set(
            &self.world.store,
            &self.wires,
            TopicRules::default(),
            &caller,
            &target(at),
            edit,
        )
        .await;
        let entry = match set {
            Ok((entry, _)) => entry,
            Err(ApiError::ConversationNotFound) => return,
            Err(error) => panic!("{error}"),
        };
        for (asked, is_set) in [muted, hidden, pinned].into_iter().zip(switches(&entry)) {
            assert!(asked.is_none_or(|asked| asked == is_set));
        }
        let latest = entry.latest.as_ref().map_or(0, |latest| latest.id.seq);
        self.truth(who, at).settings.insert(who, (switches(&entry), latest));
    }

    /// Everything unanswered is asked for again, whoever is late tells, and every client asks what it missed.
    async fn rest(&mut self) {
        while !self.unanswered.is_empty() {
            self.step(Step::Retry { which: 0 }).await;
        }
        for late in std::mem::take(&mut self.late) {
            self.tell(&late).await;
        }
        for who in 0..USERS.len() {
            self.clients[who].sync(&self.world, &self.users[who]).await;
        }
    }

    async fn check(&self) {
        for (who, of) in self.users.iter().enumerate() {
            let mut entries = self.world.inbox(of).await.entries;
            entries.extend(self.world.hidden(of).await);
            for at in 0..PLACES {
                let key = target(at).to_string();
                let entry = entries.iter().find(|entry| entry.target == target(at));
                let truth = self.truths.get(&self.conversation(who, at).key());
                let read = truth.and_then(|truth| truth.reads.get(&who));
                let (Some(truth), Some(read)) = (truth, read) else {
                    assert_eq!(entry, None, "user {who} is no member of {key}");
                    assert!(!self.clients[who].lists(&key), "client of user {who} knows it: {key}");
                    continue;
                };
                self.check_client(who, at, truth).await;
                let entry = entry.unwrap_or_else(|| panic!("user {who} is a member of {key}"));
                assert!(self.clients[who].lists(&key), "client of user {who} lists {key}");
                self.check_entry(who, at, truth, *read, entry).await;
            }
            let unmuted = entries.iter().filter(|entry| !entry.settings.muted);
            let total: u64 = unmuted.map(|entry| entry.unread).sum();
            assert_eq!(self.world.inbox(of).await.unread_total, total, "user {who}");
        }
        let mut ids: Vec<_> = self.sent.iter().map(|(of, id, _)| (of.key(), id.seq)).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "an answered message has a place of its own");
    }

    /// What a client holds of a conversation is what a fresh one loads.
    async fn check_client(&self, who: usize, at: usize, truth: &Truth) {
        let (of, target) = (&self.users[who], target(at));
        let known = self.clients[who].conversations.get(&target.to_string());
        let is_direct = at < USERS.len();
        let shown = known.map(|known| known.shown(is_direct)).unwrap_or_default();
        let fresh = loaded(&self.world, of, &target).await;
        assert_eq!(
            shown, fresh,
            "what user {who} holds of {target}, and what a fresh client loads"
        );
        if is_direct {
            return;
        }
        let members: BTreeSet<String> = truth.reads.keys().map(|member| USERS[*member].to_owned()).collect();
        let known = known.map(Known::members).unwrap_or_default();
        assert_eq!(known, members, "whom user {who} knows in {target}");
        let conversation = self.conversation(who, at);
        for member in self.world.store.members(&conversation, &open(of)).await.unwrap() {
            let number = USERS.iter().position(|name| id(name) == member.id).unwrap();
            assert_eq!(
                truth.reads.get(&number),
                Some(&member.read_seq),
                "user {number} in {target}"
            );
        }
    }

    /// An entry says what follows from its conversation.
    async fn check_entry(&self, who: usize, at: usize, truth: &Truth, read: u64, entry: &InboxEntry) {
        let (of, conversation) = (&self.users[who], self.conversation(who, at));
        let history = self
            .world
            .store
            .history(&conversation, &open(of), &page(1, 100))
            .await
            .unwrap();
        let what = format!("entry of user {who} at {at}");
        for message in &history.messages {
            check_message(message, &history, truth, who);
        }
        let mut newest = history.messages.last().cloned();
        if let Some(newest) = &mut newest {
            newest.reactions.clear();
        }
        assert_eq!(entry.latest, newest, "{what}");
        assert_eq!((entry.rev, &entry.reads), (history.rev, &history.reads), "{what}");
        let behind = history.messages.iter().filter(|message| message.id.seq > read);
        let unread: Vec<_> = behind.filter(|message| message.author != of.id).collect();
        let mentioned = unread.iter().filter(|message| message.mentions.contains(&of.id));
        let expected = (read, unread.len() as u64, mentioned.count() as u64);
        assert_eq!((entry.read_seq, entry.unread, entry.mentioned), expected, "{what}");
        if at < USERS.len() && at != who {
            let other = entry.reads.0.iter().find(|(of, _)| *of == id(USERS[at]));
            let others_see = truth.others_see.get(&at).copied().unwrap_or_default();
            assert_eq!(other.map_or(0, |(_, seq)| *seq), others_see, "{what}: the other side");
        }
        let known = &self.clients[who].conversations[&target(at).to_string()];
        assert!(known.reads.get(USERS[who]).is_none_or(|known| *known <= read), "{what}");

        let shown = self.clients[who].settings.get(&target(at).to_string());
        assert_eq!(
            shown.copied().unwrap_or_default(),
            switches(entry),
            "{what}, as the client shows it"
        );
        let Some(([muted, hidden, pinned], known)) = truth.settings.get(&who) else {
            assert!(truth.left.contains(&who) || switches(entry) == [false; 3], "{what}");
            return;
        };
        // Leaving takes settings away when the inbox hears of it, which may be before or after they were made.
        if truth.left.contains(&who) {
            return;
        }
        assert_eq!(
            (entry.settings.muted, entry.settings.pinned),
            (*muted, *pinned),
            "{what}"
        );
        let is_newer = newest.is_some_and(|newest| newest.id.seq > *known);
        assert!(!(entry.settings.hidden && (is_newer || !hidden)), "{what}: hidden");
        assert!(entry.settings.hidden || !hidden || truth.last > *known, "{what}: shown");
    }
}

/// A message shows the reactions that were given to it, and what it replies to as that is now.
fn check_message(message: &Message, history: &History, truth: &Truth, who: usize) {
    let given = truth.reactions.get(&message.id.seq).into_iter().flatten();
    let expected = given.map(|(reaction, users)| Reacted {
        reaction: reaction.clone(),
        count: users.len() as u64,
        users: users.iter().map(|user| id(USERS[*user])).collect(),
        mine: users.contains(&who),
    });
    assert_eq!(
        message.reactions,
        expected.collect::<Vec<_>>(),
        "reactions to {message:?}"
    );
    if let Some(reply) = &message.reply_to {
        let quoted = history.messages.iter().find(|quoted| quoted.id == reply.id);
        let expected = quoted.map(|quoted| Quoted {
            author: quoted.author.clone(),
            kind: quoted.body.kind(),
            excerpt: quoted.body.content().chars().take(100).collect(),
            rev: quoted.rev,
        });
        assert_eq!(reply.quoted, expected, "what {message:?} replies to");
    }
}

fn target(at: usize) -> Target {
    match USERS.get(at) {
        Some(name) => Target::User(id(name)),
        None => Target::Topic(id(TOPICS[at - USERS.len()])),
    }
}

fn switches(entry: &InboxEntry) -> [bool; 3] {
    let settings = entry.settings;
    [settings.muted, settings.hidden, settings.pinned]
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
    let run = |(short_segments, steps): (bool, Vec<Step>)| {
        runtime.block_on(async {
            let mut run = Run::new(&Address::of(&server), short_segments).await;
            for step in steps {
                run.step(step).await;
            }
            run.rest().await;
            run.check().await;
        });
        Ok(())
    };
    let schedules = (any::<bool>(), prop::collection::vec(step(), 1..STEPS));
    if let Err(error) = TestRunner::new(config).run(&schedules, run) {
        panic!("{error}");
    }
}

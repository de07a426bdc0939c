//! The chat itself: it stays connected and up to date, shows what is new, and does what is typed.

mod asking;
mod commands;
mod hearing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::rustls::ClientConfig;

use super::{
    error::ChatError,
    input::Input,
    names::Names,
    news::{News, View, named},
    options::{Options, With},
    rest::{Rest, RestError},
    state::{Membership, NEWEST_REV, Own, Replica, author, field, id_text, list, number, text},
    terminal::Terminal,
    wire::{Lost, Wire, pause},
};
use crate::developer::connect::{connect, tls};

/// How many messages a page has.
const PAGE: usize = 20;

/// A `sync` after this long keeps the connection open, and tells of a last push that was lost (rule 6 asks for nine minutes at most).
const HEARTBEAT: Duration = Duration::from_mins(4);

/// How long `typing.start` is good for.
const TYPING: Duration = Duration::from_secs(6);

/// How long a script waits for a service that does not answer, once its input has ended.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the first connection is tried.
const FIRST_ATTEMPTS: u32 = 5;

/// The most users whose presence can be watched.
const WATCHED: usize = 100;

/// Why something was not done.
enum Undone {
    /// The connection is lost.
    Lost,
    /// There is no use in going on.
    Fatal(ChatError),
}

impl From<Lost> for Undone {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

/// A chat under way.
pub(super) struct Session {
    options: Options,
    tls: Arc<ClientConfig>,
    rest: Option<Rest>,
    wire: Option<Wire>,
    terminal: Terminal,
    input: Input,
    replica: Replica,
    view: View,
    names: Names,
    next_sync: Instant,
    /// Until when each user is taken to be typing.
    typing: BTreeMap<String, Instant>,
    /// Who is there, of those whose presence is watched.
    online: BTreeMap<String, bool>,
    /// Who has written, or is a member.
    met: BTreeSet<String>,
    /// The place before which there are earlier messages.
    earlier: Option<String>,
    /// What the platform calls the topic.
    title: String,
    /// Whether the REST API has answered once, so that its address is right.
    api_answers: bool,
    is_welcomed: bool,
    /// False once the service has said that the user is no member.
    is_member: bool,
    /// Since when nothing works.
    trouble: Option<Instant>,
    failed: usize,
}

impl Session {
    /// A chat that has not begun.
    ///
    /// # Errors
    /// [`RestError::Address`].
    pub(super) fn new(options: Options) -> Result<Self, RestError> {
        let tls = tls();
        let rest = options.api.as_deref();
        let rest = rest.map(|api| Rest::new(api, &options.token, &tls)).transpose()?;
        let key = format!("{}-{}", options.with.target(), options.with.id());
        Ok(Self {
            tls,
            rest,
            wire: None,
            terminal: Terminal::new(),
            input: Input::start(),
            replica: Replica::new("", &key),
            view: View::default(),
            names: Names::default(),
            next_sync: Instant::now() + HEARTBEAT,
            typing: BTreeMap::new(),
            online: BTreeMap::new(),
            met: BTreeSet::new(),
            earlier: None,
            title: String::new(),
            api_answers: false,
            is_welcomed: false,
            is_member: true,
            trouble: None,
            failed: 0,
            options,
        })
    }

    /// Chats until the end.
    ///
    /// # Errors
    /// [`ChatError`].
    pub(super) async fn run(mut self) -> Result<(), ChatError> {
        self.wire = Some(self.begin().await?);
        if self.rest.is_none() {
            self.say("· no --url was given: earlier messages and names are not shown");
        }
        if let Err(undone) = self.greet().await {
            self.recover(undone).await?;
        }
        let mut is_open = true;
        while is_open || !(self.is_done() || self.terminal.is_typed()) {
            match self.step(is_open).await {
                Ok(goes_on) => is_open = goes_on,
                Err(undone) => self.recover(undone).await?,
            }
        }
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
        match self.failed {
            failed if failed > 0 && !self.terminal.is_typed() => Err(ChatError::Failed { failed }),
            _ => Ok(()),
        }
    }

    /// The first connection. An address or a token may be wrong, and trying again would hide it: only a server that is busy is asked again.
    async fn begin(&self) -> Result<Wire, ChatError> {
        let mut failures = 0;
        loop {
            failures += 1;
            match connect(&self.options.url, &self.options.token, &self.tls).await {
                Ok(socket) => return Ok(Wire::new(socket)),
                Err(error) if error.is_busy() && failures < FIRST_ATTEMPTS => sleep(pause(failures)).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says who chats with whom, once.
    async fn welcome(&mut self) {
        if std::mem::replace(&mut self.is_welcomed, true) {
            return;
        }
        let me = self.replica.me().to_owned();
        self.learn_names(vec![me.clone()]).await;
        let with = match &self.options.with {
            With::User(id) => format!("with {}", self.names.of(id)),
            With::Topic(id) => format!("in topic {id} {}", self.title).trim_end().to_owned(),
        };
        let hint = if self.terminal.is_typed() {
            "; /help says how"
        } else {
            ""
        };
        self.say(&format!("· you are {}, {with}{hint}", self.names.of(&me)));
    }

    /// Nothing is left to show or to say.
    fn is_done(&self) -> bool {
        self.replica.is_settled() && !(self.is_member && self.replica.unread().is_some())
    }

    /// Does what is owed, or waits for something to happen. False when the input has ended.
    async fn step(&mut self, is_open: bool) -> Result<bool, Undone> {
        if !self.replica.is_loaded() {
            self.load().await?;
        }
        self.catch_up().await?;
        self.show().await;
        if self.is_member
            && self.replica.is_settled()
            && let Some((_, id)) = self.replica.unread()
        {
            let up_to = json!(id);
            self.read(&up_to).await?;
            return Ok(is_open);
        }
        if !is_open && self.is_done() {
            return Ok(false);
        }
        let due = self.due();
        let wire = self.wire.as_mut().ok_or(Undone::Lost)?;
        tokio::select! {
            frame = wire.next() => {
                let frame = frame?;
                self.hear(&frame).await?;
            }
            typed = self.input.next(), if is_open => match typed {
                Some(line) => return self.typed(line).await,
                None => return Ok(false),
            },
            () = sleep_until(due) => self.on_time().await?,
        }
        Ok(is_open)
    }

    /// When there is something to do without being told.
    fn due(&self) -> Instant {
        let gap = self.replica.next_gap();
        let typing = self.typing.values().min().copied();
        [gap, typing].into_iter().flatten().fold(self.next_sync, Instant::min)
    }

    async fn on_time(&mut self) -> Result<(), Undone> {
        let now = Instant::now();
        self.typing.retain(|_, until| *until > now);
        if self.replica.has_gap(now) || self.next_sync <= now {
            self.sync().await?;
        }
        Ok(())
    }

    /// Waits for a new connection, unless there is no use in it.
    async fn recover(&mut self, undone: Undone) -> Result<(), ChatError> {
        if let Undone::Fatal(error) = undone {
            return Err(error);
        }
        self.say("· connection lost, trying again; Ctrl-C ends");
        let mut failures = 0;
        loop {
            self.wire = None;
            failures += 1;
            self.check_patience()?;
            sleep(pause(failures)).await;
            match connect(&self.options.url, &self.options.token, &self.tls).await {
                Ok(socket) => self.wire = Some(Wire::new(socket)),
                Err(error) if error.is_final() => return Err(error.into()),
                Err(_) => continue,
            }
            match self.greet().await {
                Ok(()) => break,
                Err(Undone::Lost) => {}
                Err(Undone::Fatal(error)) => return Err(error),
            }
        }
        self.say("· back");
        Ok(())
    }

    /// A script must end: it gives up when its input has ended and nothing works for a while.
    fn check_patience(&mut self) -> Result<(), ChatError> {
        let since = *self.trouble.get_or_insert_with(Instant::now);
        let seconds = PATIENCE.as_secs();
        if self.input.has_ended() && since.elapsed() > PATIENCE {
            return Err(ChatError::NoAnswer { seconds });
        }
        Ok(())
    }

    /// Rules 2 and 3 on a new connection: what changed in the inbox, then in the conversation.
    async fn greet(&mut self) -> Result<(), Undone> {
        let answer = self
            .question(json!({"action": "hello", "since": self.replica.since()}))
            .await?;
        let result = field(&answer, "result");
        self.replica.set_me(id_text(field(result, "user")));
        self.takes_inbox(result).await?;
        if self.replica.is_loaded() {
            // Whether the inbox named it or not: of a topic that one only reads it tells nothing.
            self.changes().await?;
        } else {
            self.load().await?;
        }
        self.catch_up().await?;
        self.welcome().await;
        self.show().await;
        self.watch().await?;
        self.trouble = None;
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), Undone> {
        let answer = self
            .question(json!({"action": "sync", "since": self.replica.cursor()}))
            .await?;
        self.takes_inbox(field(&answer, "result")).await
    }

    /// Takes the answer to a `hello` or `sync`, and asks for the rest of it.
    async fn takes_inbox(&mut self, result: &Value) -> Result<(), Undone> {
        let mut result = result.clone();
        loop {
            let membership = self.replica.caught_up(&result);
            self.membership(membership);
            self.next_sync = Instant::now() + HEARTBEAT;
            if field(&result, "more") != true {
                return Ok(());
            }
            let answer = self
                .question(json!({"action": "sync", "since": self.replica.cursor()}))
                .await?;
            result = field(&answer, "result").clone();
        }
    }

    fn membership(&mut self, membership: Membership) {
        if membership == Membership::Ended {
            self.is_member = false;
            self.say("· you have left, or were removed; what is new is not told any more");
        }
    }

    /// Rule 3: loads the conversation.
    async fn load(&mut self) -> Result<(), Undone> {
        self.terminal.forget_day();
        let path = format!("{}?per_page={PAGE}", self.path());
        let Some(page) = self.get(&path).await? else {
            // A revision that is not yet: the answer names the present one, from which on everything is told.
            let answer = self
                .question(self.about("changes", json!({"since": NEWEST_REV})))
                .await?;
            let state = field(field(&answer, "result"), "state");
            self.replica.loaded(number(state, "rev").unwrap_or_default(), &[]);
            return Ok(());
        };
        let about = field(&page, "entry");
        text(about, "title").unwrap_or_default().clone_into(&mut self.title);
        if !self.options.with.is_topic() {
            self.names.learn(about);
        }
        let rev = number(field(&page, "state"), "rev").unwrap_or_default();
        let messages = self.page(&page);
        self.replica.loaded(rev, &messages);
        self.view.starts_with(&messages);
        Ok(())
    }

    /// The messages of a page of the history, which names their authors and the place before it.
    fn page(&mut self, page: &Value) -> Vec<Value> {
        self.earlier = text(field(page, "state"), "prev").map(str::to_owned);
        let messages: Vec<Value> = list(page, "messages").cloned().collect();
        for message in &messages {
            self.names.learn(field(message, "author"));
            self.met.insert(author(message));
        }
        messages
    }

    /// Rule 3: asks for what is newer than what is known, until nothing is.
    async fn catch_up(&mut self) -> Result<(), Undone> {
        while self.replica.owed().is_some() {
            self.changes().await?;
        }
        Ok(())
    }

    /// Asks for a page of changes. If the store was set back the conversation has to be loaded anew.
    async fn changes(&mut self) -> Result<(), Undone> {
        let since = self.replica.since_rev();
        let answer = self.question(self.about("changes", json!({"since": since}))).await?;
        let result = field(&answer, "result");
        if number(field(result, "state"), "rev").is_none() {
            // It would be asked again at once, and for ever.
            return Err(Undone::Lost);
        }
        self.replica.changed(since, result);
        if field(result, "members") == true {
            self.say("· members have come or gone; /who shows them");
        }
        if !self.replica.is_loaded() {
            self.load().await?;
        }
        Ok(())
    }

    /// Shows what is new, once nothing is missing before it.
    async fn show(&mut self) {
        if !self.replica.is_settled() {
            return;
        }
        let news = self.view.news(&mut self.replica);
        self.show_all(&news).await;
    }

    async fn show_all(&mut self, news: &[News]) {
        self.learn_names(news.iter().flat_map(named).collect()).await;
        for one in news {
            self.terminal.show(one, &self.names);
        }
    }

    /// Asks the platform who these are, as far as nobody asked before. Without an answer they are shown by their ids.
    async fn learn_names(&mut self, users: Vec<String>) {
        let mut users: Vec<_> = users.into_iter().filter(|user| !self.names.knows(user)).collect();
        users.sort();
        users.dedup();
        let Some(rest) = &self.rest else { return };
        for users in users.chunks(100) {
            let ids: Vec<_> = users.iter().map(|user| encoded(user)).collect();
            if let Ok(answer) = rest.get(&format!("/profiles?users={}", ids.join(","))).await {
                list(&answer, "users").for_each(|profile| self.names.learn(profile));
            }
        }
    }

    /// Marks as read what is shown.
    async fn read(&mut self, up_to: &Value) -> Result<(), Undone> {
        match self.passing(&self.about("read", json!({"up_to": up_to}))).await? {
            Ok(answer) => self.replica.answered(&answer, Own::Other),
            Err(refusal) if refusal.is_not_a_member() => self.not_a_member(),
            // The message may have been deleted meanwhile: then its push says so.
            Err(_) => self.replica.reads_up_to_newest(),
        }
        Ok(())
    }

    /// A frame about this conversation.
    fn about(&self, action: &str, mut frame: Value) -> Value {
        if let Some(fields) = frame.as_object_mut() {
            fields.insert("action".to_owned(), json!(action));
            fields.insert("target".to_owned(), json!(self.options.with.target()));
            fields.insert("target_id".to_owned(), json!(self.options.with.id()));
        }
        frame
    }

    /// The conversation's path in the REST API.
    fn path(&self) -> String {
        format!("/{}/{}", self.options.with.target(), encoded(self.options.with.id()))
    }

    /// The conversation's inbox key.
    fn key(&self) -> String {
        format!("{}-{}", self.options.with.target(), self.options.with.id())
    }

    fn say(&self, line: &str) {
        self.terminal.say(line);
    }
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

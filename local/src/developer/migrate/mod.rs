//! `senna migrate`: takes over the data of the Node.js server before Senna.
//!
//! It knows the core, because it writes through the core's own store. `docs/migrate.md` says what becomes of what.

mod compare;
mod message;
mod names;
mod progress;
mod report;
mod source;
mod take;
mod walk;

use std::{collections::BTreeMap, fmt, io, path::PathBuf};

use redis::RedisError;
use shared::{
    adapters::{clock::SystemClock, redis::RedisStore},
    config::{ConfigError, Environment, RedisConfig},
    domain::{Conversation, Domain, Id, User},
    ports::{Clock as _, Unavailable},
};

use self::{
    names::Name,
    report::{Kind, Report},
    source::Source,
};
use super::{screen, stop::StopSignal};

/// What is to be migrated, and how.
#[derive(Debug)]
pub struct Options {
    /// The old server's Redis.
    pub from: String,
    /// Senna's Redis.
    pub to: String,
    /// First part of the old server's keys, its `SOCK_REDIS_PREFIX`.
    pub prefix: String,
    /// First part of Senna's keys, its `SOCK_REDIS_PREFIX`.
    pub to_prefix: String,
    /// Sites of the old server and their names in Senna; without any, all sites under their own names.
    pub sites: BTreeMap<String, Domain>,
    /// Nothing is unread afterwards.
    pub all_read: bool,
    /// Only look.
    pub dry_run: bool,
    /// Where findings are written.
    pub report: PathBuf,
}

/// Why a migration is not complete.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The old server's Redis does not answer, or not as it should.
    #[error("can't read the old server's Redis (--from)")]
    From(#[source] RedisError),
    /// Senna's Redis does not answer.
    #[error("can't use Senna's Redis (--to)")]
    To(#[from] Unavailable),
    /// The address or the prefix of Senna's Redis is invalid.
    #[error("--to or --to-prefix is invalid")]
    Config(#[from] ConfigError),
    /// The report cannot be written.
    #[error("can't write the report {path}")]
    Report {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The user stopped it.
    #[error("stopped; the same command goes on where it was")]
    Stopped,
    /// Something was not taken over, or is another thing now.
    #[error("{differences} differences between both sides: see the lines \"different\" and \"in-use\" in {path}")]
    Different {
        /// How many.
        differences: u64,
        /// The report.
        path: String,
    },
}

impl From<RedisError> for MigrateError {
    fn from(error: RedisError) -> Self {
        Self::From(error)
    }
}

/// The name of a site in Senna.
pub type Site = Domain;

/// Reads `OLD=NEW`, or `NAME` for a site that keeps its name.
///
/// # Errors
/// What a name must be.
pub fn site(text: &str) -> Result<(String, Domain), String> {
    let (old, new) = text.split_once('=').unwrap_or((text, text));
    let domain = Domain::parse(new).map_err(|error| format!("the name in Senna {error}"))?;
    Ok((old.to_owned(), domain))
}

/// Both sides, and what was found.
struct Migration<'a> {
    options: &'a Options,
    source: Source,
    store: RedisStore<SystemClock>,
    report: Report,
    now_ms: u64,
    keys: Keys,
    messages: Messages,
}

/// How many keys the migration reads.
#[derive(Debug, Default)]
struct Keys {
    conversations: u64,
    inboxes: u64,
}

/// How many messages can be taken over, and how many of them stood in Senna's Redis before this run.
#[derive(Debug, Default)]
struct Messages {
    all: u64,
    before: u64,
}

/// A key of the old server that the migration reads.
enum Found {
    /// The list of a conversation.
    Conversation(Chat),
    /// The data of the messages of that list.
    Data(String),
    /// An inbox.
    Inbox(Inbox),
}

/// A conversation, and where the old server keeps it.
struct Chat {
    conversation: Conversation,
    site: String,
    list: String,
}

/// An inbox, and where the old server keeps it.
struct Inbox {
    owner: User,
    site: String,
    name: String,
}

/// Takes over everything, then compares both sides.
///
/// # Errors
/// [`MigrateError`]. What was taken over until then stays, and the next run goes on there.
pub async fn migrate(options: &Options) -> Result<(), MigrateError> {
    let mut stop = StopSignal::new(false);
    tokio::select! {
        outcome = run(options) => outcome,
        // Each step stands by itself, so it may end between any two.
        () = stop.asked() => Err(MigrateError::Stopped),
    }
}

async fn run(options: &Options) -> Result<(), MigrateError> {
    let variables = [
        ("SOCK_REDIS_URL", &options.to),
        ("SOCK_REDIS_PREFIX", &options.to_prefix),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.clone()));
    let config = RedisConfig::from_env(&Environment::from_iter(variables))?;
    let report = Report::new(&options.report).map_err(|source| options.unwritten(source))?;
    let mut migration = Migration {
        options,
        source: Source::connect(&options.from, &options.prefix).await?,
        store: RedisStore::connect(config, SystemClock).await?,
        report,
        now_ms: SystemClock.now_ms(),
        keys: Keys::default(),
        messages: Messages::default(),
    };
    let outcome = migration.run().await;
    migration.report.lines().iter().for_each(screen::line);
    screen::line(format_args!("each of them is named in {}", options.report.display()));
    outcome
}

impl Options {
    fn unwritten(&self, source: io::Error) -> MigrateError {
        let path = self.report.display().to_string();
        MigrateError::Report { path, source }
    }
}

impl Migration<'_> {
    async fn run(&mut self) -> Result<(), MigrateError> {
        self.count().await?;
        self.take_conversations().await?;
        self.take_inboxes().await?;
        let Messages { all, before } = self.messages;
        let Keys { conversations, inboxes } = self.keys;
        screen::line(format_args!(
            "{} {all} messages in {conversations} conversations, {before} of them before this run, and {inboxes} inboxes",
            if self.options.dry_run {
                "would take over"
            } else {
                "took over"
            },
        ));
        if self.options.dry_run {
            return Ok(());
        }
        self.compare().await?;
        let left_out = [Kind::Different, Kind::InUse, Kind::SecondList];
        match left_out.iter().map(|kind| self.report.count(*kind)).sum() {
            0 => Ok(()),
            differences => Err(MigrateError::Different {
                differences,
                path: self.options.report.display().to_string(),
            }),
        }
    }

    /// Counts a finding and writes it to the report.
    fn note(&mut self, kind: Kind, key: &str, what: &str, detail: impl fmt::Display) -> Result<(), MigrateError> {
        let noted = self.report.add(kind, key, what, detail);
        noted.map_err(|source| self.options.unwritten(source))
    }

    /// Counts the keys of each kind, and names those that nobody understands.
    async fn count(&mut self) -> Result<(), MigrateError> {
        let mut cursor = 0;
        loop {
            let (next, names) = self.source.scan(cursor).await?;
            for name in names {
                match name.as_deref().map(|name| self.understand(name)) {
                    Err(key) => self.note(Kind::UnknownKey, key, "", "")?,
                    Ok(Err(kind)) => self.note(kind, &name.unwrap_or_default(), "", "")?,
                    Ok(Ok(None)) => {}
                    Ok(Ok(Some(Found::Conversation(chat)))) => {
                        if self.is_second(&chat).await? {
                            self.note(Kind::SecondList, &chat.list, "", "")?;
                        } else {
                            self.keys.conversations += 1;
                        }
                    }
                    Ok(Ok(Some(Found::Data(list)))) => {
                        if self.source.existing(std::slice::from_ref(&list)).await? == 0 {
                            self.note(Kind::NoList, &list, "", "")?;
                        }
                    }
                    Ok(Ok(Some(Found::Inbox(_)))) => self.keys.inboxes += 1,
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Some keys that the migration reads, and where to go on.
    async fn found(&mut self, cursor: u64) -> Result<(u64, Vec<Found>), MigrateError> {
        let (next, names) = self.source.scan(cursor).await?;
        let understood = names
            .iter()
            .flatten()
            .filter_map(|name| self.understand(name).ok().flatten());
        let mut found: Vec<Found> = understood.collect();
        let mut second = Vec::new();
        for key in &found {
            second.push(matches!(key, Found::Conversation(chat) if self.is_second(chat).await?));
        }
        let mut second = second.into_iter();
        found.retain(|_| !second.next().unwrap_or_default());
        Ok((next, found))
    }

    /// What a key is; `None` for one that is not needed.
    fn understand(&self, name: &str) -> Result<Option<Found>, Kind> {
        let (site, key) = names::read(name).ok_or(Kind::UnknownKey)?;
        let domain = match self.options.sites.get(site) {
            Some(domain) => domain.clone(),
            None if self.options.sites.is_empty() => Domain::parse(site).map_err(|_| Kind::BadName)?,
            None => return Ok(None),
        };
        let chat = |conversation: Option<Conversation>| {
            Ok(Some(Found::Conversation(Chat {
                conversation: conversation.ok_or(Kind::BadName)?,
                site: site.to_owned(),
                list: name.to_owned(),
            })))
        };
        match key {
            Name::Direct(sides) => chat(names::direct(&domain, sides)),
            Name::Topic(id) => chat(names::topic(&domain, id)),
            Name::Data => Ok(name.strip_suffix(":data").map(|list| Found::Data(list.to_owned()))),
            Name::Inbox(id) => {
                let id = Id::parse(id).map_err(|_| Kind::BadName)?;
                Ok(Some(Found::Inbox(Inbox {
                    owner: User { domain, id },
                    site: site.to_owned(),
                    name: name.to_owned(),
                })))
            }
            Name::Activity => Ok(None),
        }
    }

    /// Whether there is another list of the same two users, which is the one that is taken over.
    async fn is_second(&mut self, chat: &Chat) -> Result<bool, MigrateError> {
        if !chat.conversation.is_direct() {
            return Ok(false);
        }
        let [first, _] = names::lists(&chat.site, &chat.conversation);
        Ok(chat.list != first && self.source.existing(&[first]).await? > 0)
    }
}

/// Whether a key is of another type than its name says.
fn is_of_other_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

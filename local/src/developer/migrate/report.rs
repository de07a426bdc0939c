//! What the migration found that is not as it should be: counted, and written to a file. No line has a text that a user wrote.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Write as _},
    path::Path,
};

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A key that the old server does not write.
    UnknownKey,
    /// A key of another type than its name says.
    OtherType,
    /// A key whose site or ids are invalid, or can be read in more than one way.
    BadName,
    /// A second list of the same two users, in the other order.
    SecondList,
    /// Data of messages without the list that gives their order.
    NoList,
    /// Data of a message that the list does not name.
    NotListed,
    /// An id in the list without data.
    NoData,
    /// Data that is no JSON object.
    NotJson,
    /// Data without an id; the old server does not show it either.
    NoId,
    /// No author, or one whose id is invalid.
    NoAuthor,
    /// A direct message by a third user.
    ForeignAuthor,
    /// Neither text nor image.
    UnknownType,
    /// No text or image in it.
    NoContent,
    /// A text in which nothing is visible.
    Invisible,
    /// An id that stands in the list a second time.
    Duplicate,
    /// The id in the data is another one than in the list.
    IdDiffers,
    /// An id that is no UUID.
    IdNotKept,
    /// No time, or one in the future.
    NoTime,
    /// A time before that of the message before it.
    TimeOrder,
    /// A text over today's limits.
    TextCut,
    /// A text that is another JSON value.
    NotText,
    /// An image whose address Senna does not take.
    ImageAsText,
    /// Metadata that Senna does not take.
    MetadataLeft,
    /// Fields that the old server does not write.
    FieldLeft,
    /// An inbox entry of a conversation without messages.
    NoConversation,
    /// An inbox entry that names no conversation.
    UnknownEntry,
    /// A member of a topic that takes no more.
    TopicFull,
    /// A conversation that was changed through Senna already.
    InUse,
    /// Both sides agree.
    Same,
    /// Both sides do not agree.
    Different,
}

impl Kind {
    /// The word in the file, and what it means on the screen.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UnknownKey => ("unknown-key", "keys that the old server does not write; left out"),
            Self::OtherType => ("other-type", "keys of another type than their names say; left out"),
            Self::BadName => ("bad-name", "keys whose site or ids cannot be read; left out"),
            Self::SecondList => ("second-list", "second lists of the same two users; left out"),
            Self::NoList => ("no-list", "data of conversations without their list; left out"),
            Self::NotListed => ("not-listed", "messages that the list does not name; left out"),
            Self::NoData => ("no-data", "ids without data; left out"),
            Self::NotJson => ("not-json", "messages whose data is no JSON object; left out"),
            Self::NoId => ("no-id", "messages without an id in their data; left out"),
            Self::NoAuthor => ("no-author", "messages without a valid author; left out"),
            Self::ForeignAuthor => ("foreign-author", "direct messages by a third user; left out"),
            Self::UnknownType => ("unknown-type", "messages of an unknown type; left out"),
            Self::NoContent => ("no-content", "messages without content; left out"),
            Self::Invisible => ("invisible", "messages in which nothing is visible; left out"),
            Self::Duplicate => ("duplicate", "repeated ids; left out"),
            Self::IdDiffers => (
                "id-differs",
                "messages with another id in their data; the list's id is valid",
            ),
            Self::IdNotKept => (
                "id-not-kept",
                "messages whose old id is no UUID, and is not valid any more",
            ),
            Self::NoTime => (
                "no-time",
                "messages without a valid time; they have that of a neighbour",
            ),
            Self::TimeOrder => (
                "time-order",
                "messages that were older than the one before; they have its time",
            ),
            Self::TextCut => ("text-cut", "texts that were cut to today's limits"),
            Self::NotText => ("not-text", "texts that were another JSON value; written as JSON"),
            Self::ImageAsText => (
                "image-as-text",
                "images without a valid https address; the address is a text now",
            ),
            Self::MetadataLeft => (
                "metadata-left",
                "messages whose metadata Senna does not take; without it",
            ),
            Self::FieldLeft => ("field-left", "messages with unknown fields; without them"),
            Self::NoConversation => (
                "no-conversation",
                "inbox entries of conversations without messages; left out",
            ),
            Self::UnknownEntry => ("unknown-entry", "inbox entries that name no conversation; left out"),
            Self::TopicFull => ("topic-full", "members over the limit of a topic; left out"),
            Self::InUse => (
                "in-use",
                "conversations that were changed through Senna before they were complete",
            ),
            Self::Same => ("same", "conversations that are the same on both sides"),
            Self::Different => ("different", "differences between both sides"),
        }
    }
}

/// The file and the counts.
#[derive(Debug)]
pub(super) struct Report {
    file: File,
    counts: BTreeMap<Kind, u64>,
}

impl Report {
    /// Begins a file, over an older one.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            counts: BTreeMap::new(),
        })
    }

    /// Counts a finding and writes its line: kind, key, what in the key, and a detail, with tabs between them.
    pub(super) fn add(&mut self, kind: Kind, key: &str, what: &str, detail: impl fmt::Display) -> io::Result<()> {
        *self.counts.entry(kind).or_default() += 1;
        // A damaged key or id may have any characters.
        let plain = |text: &str| text.escape_debug().to_string();
        let (word, _) = kind.words();
        writeln!(self.file, "{word}\t{}\t{}\t{detail}", plain(key), plain(what))
    }

    /// How often something was found.
    pub(super) fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// A line for the screen for each kind that was found.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(kind, count): (&Kind, &u64)| format!("{count:>10} {} ({})", kind.words().1, kind.words().0);
        self.counts.iter().map(line).collect()
    }
}

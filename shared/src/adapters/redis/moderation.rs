//! Reports, and earlier versions of messages, on Redis.
//!
//! A report, by byte: version; then sections as in a record: the reporter; the conversation as the reporter names it; the reason; the position of the
//! message (5) and 1 if it was deleted; its record; each of its earlier versions, the oldest first; once it is resolved, when (6) and the note.

use std::collections::VecDeque;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::bytes::{Corrupt, Reader, number_bytes, push_section, text};
use super::keys::OfConversation;
use super::link::Call;
use super::{RedisStore, answer, record};
use crate::domain::limits::{PLATFORM_PAGE_BYTES, REPORT_VERSIONS_BYTES, REPORTS_MAX, VERSIONS_MAX};
use crate::domain::{
    Admission, Asker, Conversation, Domain, Id, Message, MessageId, Remark, Report, ReportId, Resolution, Target,
    TimeWindow, User,
};
use crate::ports::{Clock, Complaint, Filed, Moderation, ReportsOf, ReportsPage, StoreError, Unavailable, Versions};

const VERSION: u8 = 1;
const REPORTER: u8 = 1;
const CONVERSATION: u8 = 2;
const REASON: u8 = 3;
const PLACE: u8 = 4;
const RECORD: u8 = 5;
const EARLIER: u8 = 6;
const RESOLVED: u8 = 7;

/// The version of the packed earlier versions of a message.
const EDITS_VERSION: u8 = 1;

impl<C> RedisStore<C> {
    /// The same, but edits and deletions keep the earlier versions of messages.
    #[must_use]
    pub fn keeping_versions(mut self) -> Self {
        self.versions = VERSIONS_MAX;
        self
    }
}

#[async_trait]
impl<C: Clock> Moderation for RedisStore<C> {
    async fn complaint(
        &self,
        conversation: &Conversation,
        reporter: &Asker,
        id: MessageId,
        reason: &Remark,
    ) -> Result<Complaint, StoreError> {
        use OfConversation::{Edits, Members};
        let keys = self.keys.log(conversation, &[Members, Edits]);
        let call = Call::new(&self.scripts.report_read, keys)
            .arg(reporter.id.to_string())
            .arg(u8::from(reporter.admission == Admission::Members))
            .arg(id.seq)
            .arg(record::identity(id));
        let evidence = answer::report_evidence(self.link.script(call).await?)?;
        let seen = as_it_was(id.seq, evidence)?;
        Ok(Complaint {
            domain: conversation.domain().clone(),
            id: report_id(conversation, &reporter.id, id, &seen.record)?,
            packed: pack(conversation, &reporter.id, id.seq, reason, &seen),
        })
    }

    async fn file(&self, complaint: &Complaint) -> Result<Filed, StoreError> {
        let Complaint { domain, id, packed } = complaint;
        let keys = self.keys.reports(domain, &["all", "open", "resolved", "records"]);
        let call = Call::new(&self.scripts.report_put, keys)
            .arg(self.clock.now_ms())
            .arg(id.to_string())
            .arg(packed.as_slice())
            .arg(REPORTS_MAX);
        let reported_ms = answer::filed(self.link.script(call).await?)?;
        Ok(Filed { id: *id, reported_ms })
    }

    async fn report_of(&self, domain: &Domain, id: ReportId) -> Result<Option<Report>, Unavailable> {
        let call = Call::new(
            &self.scripts.report_named,
            self.keys.reports(domain, &["all", "records"]),
        );
        answer::report(domain, id, self.link.script(call.arg(id.to_string())).await?)
    }

    async fn reports(&self, domain: &Domain, of: ReportsOf, window: &TimeWindow) -> Result<ReportsPage, Unavailable> {
        let set = match of {
            ReportsOf::All => "all",
            ReportsOf::Open => "open",
            ReportsOf::Resolved => "resolved",
        };
        let keys = self.keys.reports(domain, &[set, "records"]);
        let call = Call::new(&self.scripts.reports_read, keys)
            .arg(window.limit)
            .arg(PLATFORM_PAGE_BYTES);
        let call = match &window.after {
            Some(place) => call.arg(place.ms).arg(place.name.as_str()),
            None => call,
        };
        answer::reports(domain, self.link.script(call).await?)
    }

    async fn resolve(
        &self,
        domain: &Domain,
        id: ReportId,
        note: Option<&Remark>,
    ) -> Result<Option<Report>, Unavailable> {
        let note = note.map_or("", Remark::as_str);
        let mut resolved = Vec::new();
        let value = [&number_bytes::<6>(self.clock.now_ms())[..], note.as_bytes()].concat();
        push_section(&mut resolved, RESOLVED, &value);
        let keys = self.keys.reports(domain, &["all", "open", "resolved", "records"]);
        let call = Call::new(&self.scripts.report_resolve, keys)
            .arg(id.to_string())
            .arg(resolved);
        answer::report(domain, id, self.link.script(call).await?)
    }

    async fn versions(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Versions, Unavailable> {
        if seqs.is_empty() {
            return Ok(Versions::new());
        }
        let mut command = redis::cmd("HMGET");
        command
            .arg(self.keys.conversation(conversation, &[OfConversation::Edits]))
            .arg(seqs);
        answer::versions(seqs, self.link.command(&command).await?)
    }
}

/// The same three and the same content give the same id, so that a repetition finds the first report. Reactions are no content.
fn report_id(
    conversation: &Conversation,
    reporter: &Id,
    message: MessageId,
    record: &[u8],
) -> Result<ReportId, Corrupt> {
    let (key, id) = (conversation.key(), message.to_string());
    let mut hash = Sha256::new_with_prefix([key.as_str(), &id, &reporter.to_string()].join("\n"));
    if let Some(said) = record::unpack(message.seq, record)?.message {
        let (content, metadata) = (said.body.content(), said.metadata.as_ref());
        hash.update(format!("\n{}\n{content}", content.len()));
        hash.update(metadata.map_or("", |metadata| metadata.as_json()));
    }
    let bits = hash.finalize().into_iter().take(16);
    Ok(ReportId::from_bits(
        bits.fold(0, |bits, byte| bits << 8 | u128::from(byte)),
    ))
}

/// A reported message: its record, and its packed earlier versions.
pub(super) struct Evidence {
    pub(super) record: Vec<u8>,
    pub(super) versions: Vec<u8>,
}

/// A message as it was before it was deleted, if it was.
struct AsItWas {
    record: Vec<u8>,
    deleted: bool,
    earlier: Vec<Vec<u8>>,
}

fn as_it_was(seq: u64, evidence: Evidence) -> Result<AsItWas, Corrupt> {
    let Evidence { mut record, versions } = evidence;
    let mut earlier: Vec<Vec<u8>> = kept(seq, &versions).into_iter().map(<[u8]>::to_vec).collect();
    let deleted = record::unpack(seq, &record)?.deleted;
    if deleted && let Some(last) = earlier.pop() {
        record = last;
    }
    Ok(AsItWas {
        record,
        deleted,
        earlier,
    })
}

fn pack(conversation: &Conversation, reporter: &Id, seq: u64, reason: &Remark, seen: &AsItWas) -> Vec<u8> {
    let AsItWas {
        record,
        deleted,
        earlier,
    } = seen;
    let mut packed = vec![VERSION];
    push_section(&mut packed, REPORTER, reporter.to_string().as_bytes());
    push_section(
        &mut packed,
        CONVERSATION,
        conversation.as_seen_by(reporter).to_string().as_bytes(),
    );
    push_section(&mut packed, REASON, reason.as_str().as_bytes());
    let place = [&number_bytes::<5>(seq)[..], &[u8::from(*deleted)]].concat();
    push_section(&mut packed, PLACE, &place);
    push_section(&mut packed, RECORD, record);
    for version in from_both_ends(earlier) {
        push_section(&mut packed, EARLIER, version);
    }
    packed
}

/// The versions that a report repeats, the oldest first. An author cannot push what was said first or last out of it.
fn from_both_ends(earlier: &[Vec<u8>]) -> impl Iterator<Item = &Vec<u8>> {
    let mut rest: VecDeque<_> = earlier.iter().collect();
    let (mut oldest, mut newest, mut bytes) = (Vec::new(), VecDeque::new(), 0);
    loop {
        let is_older = newest.len() > oldest.len();
        let next = if is_older { rest.pop_front() } else { rest.pop_back() };
        bytes += next.map_or(0, Vec::len);
        match next.filter(|_| bytes <= REPORT_VERSIONS_BYTES) {
            Some(version) if is_older => oldest.push(version),
            Some(version) => newest.push_front(version),
            None => return oldest.into_iter().chain(newest),
        }
    }
}

/// Unpacks a report. From a newer format it takes the parts that it knows.
pub(super) fn unpack(domain: &Domain, id: ReportId, reported_ms: u64, packed: &[u8]) -> Result<Report, Corrupt> {
    let mut reader = Reader(packed);
    reader.byte()?;
    let (mut reporter, mut target, mut reason) = (None, None, String::new());
    let (mut seq, mut deleted, mut resolved) = (0, false, None);
    let (mut message, mut earlier) = (None, Vec::new());
    while !reader.is_empty() {
        let (tag, value) = reader.section()?;
        match tag {
            REPORTER => reporter = Id::stored(text(value)?).ok(),
            CONVERSATION => target = Target::from_inbox_key(text(value)?),
            REASON => text(value)?.clone_into(&mut reason),
            PLACE => {
                let mut place = Reader(value);
                (seq, deleted) = (place.number::<5>()?, place.flag()?);
            }
            RECORD => message = readable(seq, value),
            EARLIER => earlier.extend(readable(seq, value)),
            RESOLVED => {
                let mut value = Reader(value);
                let ms = value.number::<6>()?;
                let note = Some(text(value.0)?.to_owned()).filter(|note| !note.is_empty());
                resolved = Some(Resolution { ms, note });
            }
            _ => {}
        }
    }
    let reporter = reporter.ok_or(Corrupt("reporter"))?;
    let user = User {
        domain: domain.clone(),
        id: reporter.clone(),
    };
    Ok(Report {
        id,
        reported_ms,
        conversation: Conversation::of(&user, &target.ok_or(Corrupt("conversation"))?),
        reporter,
        reason,
        message,
        deleted,
        earlier,
        resolved,
    })
}

/// A packed report without a user: nobody has made it, and no copied message mentions the user or quotes the user's words. Empty if the report is about
/// a message of the user, or a direct conversation with the user; `None` if it has nothing of the user. What cannot be read stays.
pub(super) fn without_user(packed: &[u8], user: &Id) -> Option<Vec<u8>> {
    let (mut reader, name) = (Reader(packed), user.to_string());
    let (mut new, mut found) = (vec![reader.byte().ok()?], false);
    while !reader.is_empty() {
        let (tag, value) = reader.section().ok()?;
        let copy = match tag {
            REPORTER if value == name.as_bytes() => Some(Id::nobody().to_string().into_bytes()),
            CONVERSATION if value == format!("user-{name}").as_bytes() => return Some(Vec::new()),
            RECORD | EARLIER if record::author_of(value).is_ok_and(|author| author == *user) => return Some(Vec::new()),
            RECORD | EARLIER => record::without_user(value, user).ok().flatten(),
            _ => None,
        };
        found |= copy.is_some();
        push_section(&mut new, tag, copy.as_deref().unwrap_or(value));
    }
    found.then_some(new)
}

/// The kept versions of a message that can be read, the oldest first.
pub(super) fn read_versions(seq: u64, packed: &[u8]) -> Vec<Message> {
    let all = kept(seq, packed).into_iter();
    all.filter_map(|version| readable(seq, version)).collect()
}

/// The packed versions. If they cannot be read, there are none, so that they take away neither those of other messages nor a report.
fn kept(seq: u64, packed: &[u8]) -> Vec<&[u8]> {
    split(packed)
        .inspect_err(|error| tracing::error!(%error, seq, "left out earlier versions that cannot be read"))
        .unwrap_or_default()
}

fn split(packed: &[u8]) -> Result<Vec<&[u8]>, Corrupt> {
    let mut reader = Reader(packed);
    let mut versions = Vec::new();
    if packed.is_empty() || reader.byte()? != EDITS_VERSION {
        return Ok(versions);
    }
    while !reader.is_empty() {
        let length = usize::try_from(reader.number::<3>()?).map_err(|_| Corrupt("length"))?;
        versions.push(reader.take(length)?);
    }
    Ok(versions)
}

/// A kept message. An earlier version has no copy of the message that it replied to, which would look deleted.
fn readable(seq: u64, record: &[u8]) -> Option<Message> {
    let mut message = record::unpack(seq, record).ok()?.message?;
    message.reply_to = message.reply_to.filter(|quote| quote.quoted.is_some());
    Some(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes::tests::from_hex;
    use super::*;

    /// Reports in format 1. They stay in customers' stores, so every later release must read these bytes.
    #[test]
    fn reports_of_version_1_stay_readable() {
        let record = |text: &str| format!("40 0192f0e47d00 0000000007 064bc391f40001 01 37 01 0002 {text}");
        let (now, before) = (record("6869"), record("686f"));
        let packed = format!(
            "01 01 0002 3432 02 0006 757365722d37 03 0004 7370616d 04 0006 0000000003 00 05 001a {now} 06 001a {before} 07 0008 0192f0e47d01 6f6b"
        );
        let (domain, id) = (Domain::parse("site").unwrap(), ReportId::from_bits(7));
        let report = unpack(&domain, id, 5, &from_hex(&packed)).unwrap();
        assert_eq!(report.conversation.key(), "site:dm:7-42");
        assert_eq!(
            (report.reporter.to_string().as_str(), report.reason.as_str()),
            ("42", "spam")
        );
        assert_eq!(report.message.unwrap().body.content(), "hi");
        assert_eq!(report.earlier[0].body.content(), "ho");
        let resolved = report.resolved.unwrap();
        assert_eq!((resolved.ms, resolved.note.as_deref()), (0x0192_f0e4_7d01, Some("ok")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let domain = Domain::parse("site").unwrap();
            unpack(&domain, ReportId::from_bits(7), 5, &bytes).ok();
            read_versions(7, &bytes);
        }
    }
}

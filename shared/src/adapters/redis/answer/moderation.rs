//! What the scripts of blocks and reports answer.

use redis::Value;

use super::{corrupt, list, next, read, refusal};
use crate::adapters::redis::bytes::{Reader, text};
use crate::adapters::redis::moderation::{Evidence, read_versions, unpack};
use crate::domain::{Domain, Id, Report, ReportId, TimePlace};
use crate::ports::{BlocksPage, ReportsPage, StoreError, Unavailable, Versions};

/// The version of the field `blocked`, as in `block_prelude.lua`.
const BLOCKED_VERSION: u8 = 1;

/// What `block_put.lua` answers: nothing, or a word for a refusal.
pub(in crate::adapters::redis) fn done(answer: Value) -> Result<(), StoreError> {
    match list(answer)?.next() {
        None => Ok(()),
        Some(word) => Err(refusal(&read::<Vec<u8>>(word)?)),
    }
}

/// Whether the field `blocked` of a conversation names this user as one who has blocked the other side. What a newer release has packed counts as
/// a block, as in `block_prelude.lua`.
pub(in crate::adapters::redis) fn has_blocked(user: &Id, answer: Value) -> Result<bool, Unavailable> {
    let Some(packed) = read::<Option<Vec<u8>>>(answer)? else {
        return Ok(false);
    };
    let mut packed = Reader(&packed);
    let (version, user) = (packed.byte()?, user.to_string());
    Ok(version > BLOCKED_VERSION || text(packed.0)?.split(' ').any(|name| name == user))
}

/// What `blocks_read.lua` answers.
pub(in crate::adapters::redis) fn blocks(answer: Value) -> Result<BlocksPage, Unavailable> {
    let mut items = list(answer)?;
    let more: bool = next(&mut items)?;
    let (mut blocks, mut last) = (Vec::new(), None);
    while let Some(name) = items.next() {
        let (name, ms): (String, u64) = (read(name)?, next(&mut items)?);
        blocks.push((Id::parse(&name).map_err(|_| corrupt("a blocked user"))?, ms));
        last = Some(TimePlace { ms, name });
    }
    Ok(BlocksPage {
        blocks,
        next: last.filter(|_| more),
    })
}

/// What `report_read.lua` answers.
pub(in crate::adapters::redis) fn report_evidence(answer: Value) -> Result<Evidence, StoreError> {
    let mut items = list(answer)?;
    let record: Vec<u8> = next(&mut items)?;
    let Some(versions) = items.next() else {
        return Err(refusal(&record));
    };
    Ok(Evidence {
        record,
        versions: read(versions)?,
    })
}

/// What `report_put.lua` answers: when the report was made first, in milliseconds since 1970.
pub(in crate::adapters::redis) fn filed(answer: Value) -> Result<u64, StoreError> {
    let word: String = next(&mut list(answer)?)?;
    word.parse().map_err(|_| refusal(word.as_bytes()))
}

/// What `reports_read.lua` answers. A report that cannot be read is left out, so that it does not take the others away.
pub(in crate::adapters::redis) fn reports(domain: &Domain, answer: Value) -> Result<ReportsPage, Unavailable> {
    let mut items = list(answer)?;
    let more: bool = next(&mut items)?;
    let (mut reports, mut last) = (Vec::new(), None);
    while let Some(name) = items.next() {
        let (name, ms): (String, u64) = (read(name)?, next(&mut items)?);
        let packed: Vec<u8> = next(&mut items)?;
        let id = ReportId::parse(&name).ok_or(corrupt("a report's id"))?;
        let report = unpack(domain, id, ms, &packed);
        let report = report.inspect_err(|error| tracing::error!(%error, %id, "left out a report that cannot be read"));
        reports.extend(report);
        last = Some(TimePlace { ms, name });
    }
    Ok(ReportsPage {
        reports,
        next: last.filter(|_| more),
    })
}

/// What `report_resolve.lua` and `report_named.lua` answer.
pub(in crate::adapters::redis) fn report(
    domain: &Domain,
    id: ReportId,
    answer: Value,
) -> Result<Option<Report>, Unavailable> {
    let mut items = list(answer)?;
    let Some(ms) = items.next() else { return Ok(None) };
    let packed: Vec<u8> = next(&mut items)?;
    Ok(Some(unpack(domain, id, read(ms)?, &packed)?))
}

/// What HMGET answers for the earlier versions of the messages at these positions.
pub(in crate::adapters::redis) fn versions(seqs: &[u64], answer: Value) -> Result<Versions, Unavailable> {
    let mut all = Versions::new();
    for (seq, packed) in seqs.iter().zip(read::<Vec<Option<Vec<u8>>>>(answer)?) {
        let versions = packed.map_or_else(Vec::new, |packed| read_versions(*seq, &packed));
        if !versions.is_empty() {
            all.insert(*seq, versions);
        }
    }
    Ok(all)
}

//! Everything of a user, in pages.

use super::Eraser;
use crate::domain::limits::{EXPORT_LINES, EXPORT_TRIPS, PART_REPORTS, PER_PAGE_MAX, PLATFORM_PAGE_BYTES};
use crate::domain::{Conversation, Cursor, ExportPlace, Target, TimePlace, TimeWindow, User};
use crate::error::ApiError;
use crate::ports::{ExportLine, ExportPage, PageBounds, ReportsOf};

/// A page of everything of a user. It ends when it is full, or after so many round trips. A conversation in which something happens meanwhile can
/// come twice, and none is left out.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn export(eraser: Eraser<'_>, user: &User, place: ExportPlace) -> Result<ExportPage, ApiError> {
    let (mut lines, mut place) = (Vec::new(), Some(place));
    for _ in 0..EXPORT_TRIPS {
        let Some(from) = place else { break };
        if lines.len() >= EXPORT_LINES || lines.iter().map(bytes_of).sum::<usize>() >= PLATFORM_PAGE_BYTES {
            place = Some(from);
            break;
        }
        place = some(eraser, user, from, &mut lines).await?;
    }
    Ok(ExportPage { lines, next: place })
}

/// Adds the lines of one round trip. Returns the place after them.
async fn some(
    eraser: Eraser<'_>,
    user: &User,
    place: ExportPlace,
    lines: &mut Vec<ExportLine>,
) -> Result<Option<ExportPlace>, ApiError> {
    match place {
        ExportPlace::Start => {
            lines.push(ExportLine::User(eraser.platform.oversight.ban_of(user).await?));
            blocks(eraser, user, None, lines).await
        }
        ExportPlace::Blocks(after) => blocks(eraser, user, Some(after), lines).await,
        ExportPlace::Conversations(since) => {
            let bounds = PageBounds {
                count: 1,
                ..PageBounds::BODY
            };
            let store = eraser.platform.writer.store;
            let changed = store.changed_entries(user, Some(since), bounds).await?;
            if !changed.recovered && since != Cursor::default() {
                // The user's slot was lost, or set back: all that is left comes again.
                return Ok(Some(ExportPlace::Conversations(Cursor::default())));
            }
            let Some((then, mut entry)) = changed.entries.into_iter().next() else {
                // One that cannot be read is left out.
                let next = ExportPlace::Conversations(changed.cursor);
                return Ok(Some(if changed.more { next } else { ExportPlace::Reports(None) }));
            };
            let target = entry.target.clone();
            entry.latest = None;
            lines.push(ExportLine::Conversation(entry));
            messages(eraser, user, target, 0, then, lines).await
        }
        ExportPlace::Messages { target, after, then } => messages(eraser, user, target, after, then, lines).await,
        ExportPlace::Reports(after) => {
            let window = TimeWindow {
                after,
                limit: PART_REPORTS,
            };
            let moderation = eraser.platform.moderation;
            let page = moderation.reports(&user.domain, ReportsOf::All, &window).await?;
            let own = page.reports.into_iter().filter(|report| report.reporter == user.id);
            lines.extend(own.map(ExportLine::Report));
            Ok(page.next.map(|next| ExportPlace::Reports(Some(next))))
        }
    }
}

async fn blocks(
    eraser: Eraser<'_>,
    user: &User,
    after: Option<TimePlace>,
    lines: &mut Vec<ExportLine>,
) -> Result<Option<ExportPlace>, ApiError> {
    let window = TimeWindow {
        after,
        limit: PER_PAGE_MAX,
    };
    let page = eraser.blocks.blocks(user, &window).await?;
    lines.extend(page.blocks.into_iter().map(|(id, since)| ExportLine::Block(id, since)));
    let conversations = ExportPlace::Conversations(Cursor::default());
    Ok(Some(page.next.map_or(conversations, ExportPlace::Blocks)))
}

async fn messages(
    eraser: Eraser<'_>,
    user: &User,
    target: Target,
    after: u64,
    then: Cursor,
    lines: &mut Vec<ExportLine>,
) -> Result<Option<ExportPlace>, ApiError> {
    let conversation = Conversation::of(user, &target);
    let written = eraser.erasures.written(&conversation, Some(&user.id), after).await?;
    for message in written.messages.into_iter().filter_map(|stored| stored.message) {
        if message.author == user.id {
            lines.push(ExportLine::Message(target.clone(), message));
            continue;
        }
        let given = message.reactions.into_iter().filter(|reacted| reacted.mine);
        lines.extend(given.map(|reacted| ExportLine::Reaction(target.clone(), message.id, reacted.reaction)));
    }
    let after = written.part.up_to;
    Ok(Some(if written.part.more {
        ExportPlace::Messages { target, after, then }
    } else {
        ExportPlace::Conversations(then)
    }))
}

/// How much a line takes at the least, in bytes.
fn bytes_of(line: &ExportLine) -> usize {
    match line {
        ExportLine::Message(_, message) => {
            let metadata = message.metadata.as_ref();
            message.body.content().len() + metadata.map_or(0, |metadata| metadata.as_json().len())
        }
        ExportLine::Report(report) => report.reason.len(),
        _ => 0,
    }
}

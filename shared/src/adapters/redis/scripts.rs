//! The Lua scripts, one file each in `scripts/`. Those of a conversation begin with the preludes that they use.

use super::link::{Edits, Script};

/// Every script, made once per process.
pub(super) struct Scripts {
    pub(super) message_append: Script,
    pub(super) message_update: Script,
    pub(super) message_delete: Script,
    pub(super) message_react: Script,
    pub(super) read_move: Script,
    pub(super) member_put: Script,
    pub(super) member_remove: Script,
    pub(super) members_read: Script,
    pub(super) messages_read: Script,
    pub(super) history_read: Script,
    pub(super) changes_read: Script,
    pub(super) entry_tell: Script,
    pub(super) entry_set: Script,
    pub(super) entries_read: Script,
    pub(super) inbox_read: Script,
    pub(super) admit: Script,
    pub(super) connection_open: Script,
    pub(super) connection_name: Script,
    pub(super) connection_close: Script,
    pub(super) connection_frame: Script,
    pub(super) connection_mark: Script,
    pub(super) connection_watch: Script,
    pub(super) connection_type: Script,
    pub(super) conversation_watch: Script,
    pub(super) conversation_watchers: Script,
    pub(super) presence_read: Script,
    pub(super) offline_note: Script,
    pub(super) offline_take: Script,
    pub(super) offline_watchers: Script,
    pub(super) block_put: Script,
    pub(super) block_set: Script,
    pub(super) blocks_read: Script,
    pub(super) report_put: Script,
    pub(super) report_read: Script,
    pub(super) report_named: Script,
    pub(super) report_resolve: Script,
    pub(super) reports_read: Script,
    pub(super) user_ban: Script,
    pub(super) user_revoke: Script,
    pub(super) records_read: Script,
    pub(super) user_records_read: Script,
    pub(super) conversation_erase: Script,
    pub(super) entry_aside: Script,
    pub(super) entry_drop: Script,
    pub(super) report_erase: Script,
    pub(super) erasure_ask: Script,
    pub(super) conversation_import: Script,
    pub(super) imported_read: Script,
    pub(super) conversation_trim: Script,
    pub(super) reports_trim: Script,
    pub(super) walk_keep: Script,
    pub(super) job_promise: Script,
    pub(super) job_claim: Script,
    pub(super) undelivered_read: Script,
    pub(super) undelivered_note: Script,
}

/// Lets a script write where Redis is full: what it writes is small, or a promise that was given already.
///
/// # Source
/// Redis documentation, "Scripting with Lua", script flags; since Redis 7.0.
const EVEN_IF_FULL: &str = "#!lua flags=allow-oom\n";

impl Scripts {
    pub(super) fn new(edits: Edits) -> Self {
        let script = |parts: &[&'static str]| Script::new(parts, edits);
        let prelude = include_str!("scripts/conversation_prelude.lua");
        let log = include_str!("scripts/log_prelude.lua");
        let records = include_str!("scripts/record_prelude.lua");
        let shown = include_str!("scripts/shown_prelude.lua");
        let members = include_str!("scripts/member_prelude.lua");
        let decisions = include_str!("scripts/decision_prelude.lua");
        let entries = include_str!("scripts/entry_prelude.lua");
        let reading = |body| script(&[prelude, log, records, shown, body]);
        // Made at once where a script looks into records anyway; else only when `records` is called.
        let view = "return shown, reacted, find, is_deleted, quote end\n";
        let eager = [records, shown, "local function records() ", view];
        let lazy = ["local function records()\n", records, shown, view];
        let deciding = |flags, body: &[&'static str]| {
            script(&[&[flags, prelude, log], &lazy[..], &[decisions, members], body].concat())
        };
        let changing = |flags, body: &[&'static str]| {
            script(&[&[flags, prelude, log], &eager[..], &[decisions, members], body].concat())
        };
        let appending = include_str!("scripts/appending_prelude.lua");
        let rewriting = include_str!("scripts/rewriting_prelude.lua");
        let reading_up_to = include_str!("scripts/reading_prelude.lua");
        let operations = include_str!("scripts/operation_prelude.lua");
        let roles = include_str!("scripts/role_prelude.lua");
        let usage = include_str!("scripts/usage_prelude.lua");
        let frames = include_str!("scripts/frame_prelude.lua");
        let fleeting = include_str!("scripts/fleeting_prelude.lua");
        let blocks = include_str!("scripts/block_prelude.lua");
        let edits = include_str!("scripts/edits_prelude.lua");
        let times = include_str!("scripts/times_prelude.lua");
        Self {
            message_append: deciding(
                "",
                &[
                    operations,
                    blocks,
                    appending,
                    include_str!("scripts/message_append.lua"),
                ],
            ),
            message_update: changing(
                "",
                &[
                    operations,
                    rewriting,
                    edits,
                    blocks,
                    reading_up_to,
                    fleeting,
                    include_str!("scripts/message_update.lua"),
                ],
            ),
            message_delete: changing(
                EVEN_IF_FULL,
                &[rewriting, edits, roles, include_str!("scripts/message_delete.lua")],
            ),
            message_react: changing("", &[rewriting, blocks, include_str!("scripts/message_react.lua")]),
            read_move: deciding(
                "",
                &[blocks, reading_up_to, fleeting, include_str!("scripts/read_move.lua")],
            ),
            member_put: deciding("", &[roles, include_str!("scripts/member_put.lua")]),
            member_remove: deciding(EVEN_IF_FULL, &[roles, include_str!("scripts/member_remove.lua")]),
            members_read: script(&[include_str!("scripts/members_read.lua")]),
            messages_read: reading(include_str!("scripts/messages_read.lua")),
            history_read: reading(include_str!("scripts/history_read.lua")),
            changes_read: reading(include_str!("scripts/changes_read.lua")),
            entry_tell: script(&[EVEN_IF_FULL, entries, include_str!("scripts/entry_tell.lua")]),
            entry_set: script(&[entries, include_str!("scripts/entry_set.lua")]),
            entries_read: script(&[include_str!("scripts/entries_read.lua")]),
            inbox_read: script(&[include_str!("scripts/inbox_read.lua")]),
            admit: script(&[EVEN_IF_FULL, usage, include_str!("scripts/admit.lua")]),
            connection_frame: script(&[EVEN_IF_FULL, frames, include_str!("scripts/connection_frame.lua")]),
            connection_mark: script(&[EVEN_IF_FULL, include_str!("scripts/connection_mark.lua")]),
            connection_open: script(&[EVEN_IF_FULL, usage, include_str!("scripts/connection_open.lua")]),
            connection_name: script(&[EVEN_IF_FULL, include_str!("scripts/connection_name.lua")]),
            connection_close: script(&[EVEN_IF_FULL, include_str!("scripts/connection_close.lua")]),
            connection_watch: script(&[frames, include_str!("scripts/connection_watch.lua")]),
            connection_type: script(&[frames, include_str!("scripts/connection_type.lua")]),
            conversation_watch: script(&[include_str!("scripts/conversation_watch.lua")]),
            conversation_watchers: script(&[fleeting, blocks, include_str!("scripts/conversation_watchers.lua")]),
            presence_read: script(&[include_str!("scripts/presence_read.lua")]),
            offline_note: script(&[EVEN_IF_FULL, include_str!("scripts/offline_note.lua")]),
            offline_take: script(&[EVEN_IF_FULL, include_str!("scripts/offline_take.lua")]),
            offline_watchers: script(&[include_str!("scripts/offline_watchers.lua")]),
            block_put: script(&[EVEN_IF_FULL, include_str!("scripts/block_put.lua")]),
            block_set: script(&[EVEN_IF_FULL, blocks, include_str!("scripts/block_set.lua")]),
            blocks_read: script(&[times, include_str!("scripts/blocks_read.lua")]),
            report_put: script(&[include_str!("scripts/report_put.lua")]),
            report_read: reading(include_str!("scripts/report_read.lua")),
            report_named: script(&[include_str!("scripts/report_named.lua")]),
            report_resolve: script(&[include_str!("scripts/report_resolve.lua")]),
            reports_read: script(&[times, include_str!("scripts/reports_read.lua")]),
            user_ban: script(&[EVEN_IF_FULL, include_str!("scripts/user_ban.lua")]),
            user_revoke: script(&[EVEN_IF_FULL, include_str!("scripts/user_revoke.lua")]),
            records_read: reading(include_str!("scripts/records_read.lua")),
            user_records_read: reading(include_str!("scripts/user_records_read.lua")),
            conversation_erase: changing(
                EVEN_IF_FULL,
                &[
                    rewriting,
                    edits,
                    include_str!("scripts/erasing_prelude.lua"),
                    include_str!("scripts/conversation_erase.lua"),
                ],
            ),
            entry_aside: script(&[EVEN_IF_FULL, include_str!("scripts/entry_aside.lua")]),
            entry_drop: script(&[EVEN_IF_FULL, entries, include_str!("scripts/entry_drop.lua")]),
            report_erase: script(&[EVEN_IF_FULL, include_str!("scripts/report_erase.lua")]),
            erasure_ask: script(&[EVEN_IF_FULL, include_str!("scripts/erasure_ask.lua")]),
            conversation_import: deciding("", &[appending, include_str!("scripts/conversation_import.lua")]),
            imported_read: script(&[prelude, log, include_str!("scripts/imported_read.lua")]),
            conversation_trim: deciding(EVEN_IF_FULL, &[include_str!("scripts/conversation_trim.lua")]),
            walk_keep: script(&[EVEN_IF_FULL, include_str!("scripts/walk_keep.lua")]),
            reports_trim: script(&[EVEN_IF_FULL, include_str!("scripts/reports_trim.lua")]),
            job_promise: script(&[EVEN_IF_FULL, include_str!("scripts/job_promise.lua")]),
            job_claim: script(&[EVEN_IF_FULL, include_str!("scripts/job_claim.lua")]),
            undelivered_read: script(&[include_str!("scripts/undelivered_read.lua")]),
            undelivered_note: script(&[EVEN_IF_FULL, include_str!("scripts/undelivered_note.lua")]),
        }
    }
}

//! The Lua scripts, one file each in `scripts/`. Those of a conversation begin with the preludes that they use.

use super::link::Script;

/// Every script, made once per process.
pub(super) struct Scripts {
    pub(super) message_append: Script,
    pub(super) message_update: Script,
    pub(super) message_delete: Script,
    pub(super) messages_read: Script,
    pub(super) history_read: Script,
    pub(super) changes_read: Script,
    pub(super) entry_tell: Script,
    pub(super) entries_read: Script,
    pub(super) inbox_read: Script,
    pub(super) connection_open: Script,
    pub(super) connection_name: Script,
}

/// Lets a script write where Redis is full: what it writes is small, or a promise that was given already.
///
/// # Source
/// Redis documentation, "Scripting with Lua", script flags; since Redis 7.0.
const EVEN_IF_FULL: &str = "#!lua flags=allow-oom\n";

impl Scripts {
    /// `edit` may change a source: a test makes a neighbouring release of it.
    pub(super) fn new(edit: impl Fn(&str) -> String) -> Self {
        let script = |parts: &[&str]| Script::new(edit(&parts.concat()));
        let prelude = include_str!("scripts/conversation_prelude.lua");
        let records = include_str!("scripts/record_prelude.lua");
        let decisions = include_str!("scripts/decision_prelude.lua");
        Self {
            message_append: script(&[prelude, decisions, include_str!("scripts/message_append.lua")]),
            message_update: script(&[prelude, records, decisions, include_str!("scripts/message_update.lua")]),
            message_delete: script(&[
                EVEN_IF_FULL,
                prelude,
                records,
                decisions,
                include_str!("scripts/message_delete.lua"),
            ]),
            messages_read: script(&[prelude, include_str!("scripts/messages_read.lua")]),
            history_read: script(&[prelude, records, include_str!("scripts/history_read.lua")]),
            changes_read: script(&[prelude, records, include_str!("scripts/changes_read.lua")]),
            entry_tell: script(&[EVEN_IF_FULL, include_str!("scripts/entry_tell.lua")]),
            entries_read: script(&[include_str!("scripts/entries_read.lua")]),
            inbox_read: script(&[include_str!("scripts/inbox_read.lua")]),
            connection_open: script(&[EVEN_IF_FULL, include_str!("scripts/connection_open.lua")]),
            connection_name: script(&[EVEN_IF_FULL, include_str!("scripts/connection_name.lua")]),
        }
    }
}

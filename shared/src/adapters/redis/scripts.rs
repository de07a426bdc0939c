//! The Lua scripts, one file each in `scripts/`. Those of a conversation begin with the prelude.

use super::link::Script;

/// Every script, made once per process.
pub(super) struct Scripts {
    pub(super) message_append: Script,
    pub(super) message_edit: Script,
    pub(super) message_seen: Script,
    pub(super) message_delete: Script,
    pub(super) history_read: Script,
    pub(super) event_append: Script,
    pub(super) log_end: Script,
    pub(super) inbox_read: Script,
    pub(super) connection_open: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let conversation = |script: &str| Script::new([include_str!("scripts/prelude.lua"), script].concat());
        let user = |script: &str| Script::new(script.to_owned());
        Self {
            message_append: conversation(include_str!("scripts/message_append.lua")),
            message_edit: conversation(include_str!("scripts/message_edit.lua")),
            message_seen: conversation(include_str!("scripts/message_seen.lua")),
            message_delete: conversation(include_str!("scripts/message_delete.lua")),
            history_read: conversation(include_str!("scripts/history_read.lua")),
            event_append: user(include_str!("scripts/event_append.lua")),
            log_end: user(include_str!("scripts/log_end.lua")),
            inbox_read: user(include_str!("scripts/inbox_read.lua")),
            connection_open: user(include_str!("scripts/connection_open.lua")),
        }
    }
}

//! The Lua scripts, one file each in `scripts/`. Those of a conversation begin with one prelude, those of a user with another.

use super::link::Script;

/// Every script, made once per process.
pub(super) struct Scripts {
    pub(super) message_append: Script,
    pub(super) message_edit: Script,
    pub(super) message_seen: Script,
    pub(super) message_delete: Script,
    pub(super) history_read: Script,
    pub(super) messages_read: Script,
    pub(super) event_append: Script,
    pub(super) events_read: Script,
    pub(super) inbox_read: Script,
    pub(super) connection_open: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let conversation =
            |script: &str| Script::new([include_str!("scripts/conversation_prelude.lua"), script].concat());
        let user = |script: &str| Script::new([include_str!("scripts/user_prelude.lua"), script].concat());
        Self {
            message_append: conversation(include_str!("scripts/message_append.lua")),
            message_edit: conversation(include_str!("scripts/message_edit.lua")),
            message_seen: conversation(include_str!("scripts/message_seen.lua")),
            message_delete: conversation(include_str!("scripts/message_delete.lua")),
            history_read: conversation(include_str!("scripts/history_read.lua")),
            messages_read: conversation(include_str!("scripts/messages_read.lua")),
            event_append: user(include_str!("scripts/event_append.lua")),
            events_read: user(include_str!("scripts/events_read.lua")),
            inbox_read: user(include_str!("scripts/inbox_read.lua")),
            connection_open: user(include_str!("scripts/connection_open.lua")),
        }
    }
}

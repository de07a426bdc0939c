//! What a user does to a conversation in the user's own inbox.

/// How a conversation stands in a user's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its unread messages are left out of the inbox's total.
    pub muted: bool,
    /// The inbox does not show it until a new message comes.
    pub hidden: bool,
    /// It stands before those that are not pinned.
    pub pinned: bool,
}

/// What a user changes of that; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettingsEdit {
    /// See [`Settings::muted`].
    pub muted: Option<bool>,
    /// See [`Settings::hidden`].
    pub hidden: Option<bool>,
    /// See [`Settings::pinned`].
    pub pinned: Option<bool>,
}

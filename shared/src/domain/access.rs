//! Who may do what in a topic.

/// Who may join a topic without being added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicAccess {
    /// Everyone of the site.
    #[default]
    Open,
    /// Who has the topic in the claim `topics` of the token.
    Claim,
    /// Nobody: only the platform's own server adds members.
    Platform,
}

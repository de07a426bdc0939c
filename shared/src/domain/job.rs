//! Work that is done after the answer, by another function.

use super::{Conversation, Domain, ReportId, User};

/// A piece of work for the worker. It names things and holds no state: whoever carries it out looks at how things are then. So it may be carried out
/// twice, late, and in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Tell the platform which members of a conversation have new messages, and no connection.
    Undelivered(Conversation),
    /// The same at a later time, for members of whom the platform was told a moment ago.
    UndeliveredLater(Conversation),
    /// Tell the platform of a report.
    Reported {
        /// The site.
        domain: Domain,
        /// The report.
        report: ReportId,
    },
    /// Tell the platform of the ban of a user.
    Banned {
        /// The user.
        user: User,
        /// When the platform's server asked for the ban, in milliseconds since 1970.
        at_ms: u64,
    },
    /// Erase a user, or go on with it.
    Erase(User),
}

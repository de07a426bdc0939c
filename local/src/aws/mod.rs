//! AWS's forms of ids and times, its signatures, and the account, Region and keys that stand in for real ones.

pub mod clock;
pub mod ids;
pub(crate) mod signature;
pub mod stand_ins;

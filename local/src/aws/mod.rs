//! AWS's forms of ids and times, and the account, Region and keys that stand in for real ones.

pub mod clock;
pub mod ids;
pub mod stand_ins;

//! The limits of use: token buckets, and the reasons to refuse a request.

use thiserror::Error;

use super::limits::CONNECTIONS_MAX;

/// A kind of use. Each kind has a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Messages that a user sends.
    Sends,
    /// Edits, deletions, reactions, read positions, settings, changes of members, and blocks.
    Edits,
    /// Conversations that a user begins.
    Conversations,
    /// Requests over REST, and handshakes.
    Requests,
    /// Frames of one connection.
    Frames,
    /// Reports of messages.
    Reports,
    /// Images that a user uploads.
    Uploads,
}

impl Use {
    /// All kinds, in the order in which [`Limits`] keeps them.
    pub const ALL: [Self; 7] = [
        Self::Sends,
        Self::Edits,
        Self::Conversations,
        Self::Requests,
        Self::Frames,
        Self::Reports,
        Self::Uploads,
    ];

    /// Its name in settings, in errors and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::Edits => "edits",
            Self::Conversations => "conversations",
            Self::Requests => "requests",
            Self::Frames => "frames",
            Self::Reports => "reports",
            Self::Uploads => "uploads",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A token bucket: it holds `burst` tokens, and gets one back in each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How long one token takes to come back, in microseconds.
    pub interval_us: u64,
    /// How many tokens it holds.
    pub burst: u64,
}

impl Bucket {
    /// Slowest rate: one token in a day, in microseconds. The fastest is one in a microsecond, the unit of the store.
    const INTERVAL_MAX_US: u64 = 24 * 60 * 60 * 1_000_000;
    /// Most tokens.
    const BURST_MAX: u64 = 1_000_000;

    /// Reads `per-second:burst`, as `0.5:10`; `None` for anything else, or if a number is out of range.
    pub fn parse(text: &str) -> Option<Self> {
        let (per_second, burst) = text.split_once(':')?;
        let interval_us = 1_000_000_000_000_000_u64.checked_div(billionths(per_second)?)?;
        let burst = whole(burst)?;
        let in_range = (1..=Self::INTERVAL_MAX_US).contains(&interval_us) && (1..=Self::BURST_MAX).contains(&burst);
        in_range.then_some(Self { interval_us, burst })
    }
}

/// A number without a sign, which Rust's own parser would accept.
fn whole(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// A decimal number with at most nine digits behind its point, times a billion.
fn billionths(number: &str) -> Option<u64> {
    let (before, behind) = number.split_once('.').unwrap_or((number, "0"));
    if behind.is_empty() || behind.len() > 9 {
        return None;
    }
    whole(before)?
        .checked_mul(1_000_000_000)?
        .checked_add(whole(&format!("{behind:0<9}"))?)
}

/// The limits of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bucket of each kind, in the order of [`Use::ALL`]; `None` where nothing is limited.
    buckets: [Option<Bucket>; Use::ALL.len()],
    /// The most connections of one user. The next one ends the oldest.
    pub connections_max: u64,
}

/// Why a text is not a list of limits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be off, or pairs as sends=10:30,edits=off: tokens per second (0.0000116 to 1000000) and at once (1 to 1000000), of sends, edits, \
     conversations, requests, frames, reports and uploads, each once"
)]
pub struct InvalidLimits;

impl Limits {
    /// The limits unless the settings say otherwise.
    pub const DEFAULT: &str =
        "sends=10:30,edits=5:15,conversations=0.02:60,requests=20:60,frames=10:40,reports=0.002:5,uploads=0.05:20";

    /// No limits but that of connections.
    pub const OFF: Self = Self {
        buckets: [None; Use::ALL.len()],
        connections_max: CONNECTIONS_MAX,
    };

    /// Reads names and rates, as [`Limits::DEFAULT`]. A name that is left out keeps its default. `off` as a rate removes that limit, and alone all
    /// of them.
    ///
    /// # Errors
    /// [`InvalidLimits`].
    pub fn parse(text: &str) -> Result<Self, InvalidLimits> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        Self::OFF.with(Self::DEFAULT)?.with(text)
    }

    /// The same with the rates of this text, which has each name at most once.
    fn with(mut self, text: &str) -> Result<Self, InvalidLimits> {
        let mut named = Vec::new();
        for pair in text.split(',') {
            let (name, rate) = pair.trim().split_once('=').ok_or(InvalidLimits)?;
            let kind = Use::named(name)
                .filter(|kind| !named.contains(kind))
                .ok_or(InvalidLimits)?;
            named.push(kind);
            let bucket = match rate {
                "off" => None,
                rate => Some(Bucket::parse(rate).ok_or(InvalidLimits)?),
            };
            if let Some(slot) = self.buckets.get_mut(kind as usize) {
                *slot = bucket;
            }
        }
        Ok(self)
    }

    /// The bucket of a kind; `None` if it is not limited.
    pub fn bucket(&self, kind: Use) -> Option<Bucket> {
        self.buckets.get(kind as usize).copied().flatten()
    }
}

/// Why a user may not do something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A bucket is empty.
    TooMany {
        /// The kind of use.
        kind: Use,
        /// How long to wait until the bucket has the tokens, in milliseconds.
        wait_ms: u64,
    },
    /// The user is banned.
    Banned {
        /// The end of the ban, in milliseconds since 1970; `None` for ever.
        until_ms: Option<u64>,
    },
    /// The token was issued before all tokens of the user were revoked.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_left_out_keeps_its_default() {
        let limits = Limits::parse("sends=0.5:3, frames=off").unwrap();
        let bucket = |interval_us, burst| Some(Bucket { interval_us, burst });
        assert_eq!(limits.bucket(Use::Sends), bucket(2_000_000, 3));
        assert_eq!(limits.bucket(Use::Frames), None);
        assert_eq!(limits.bucket(Use::Edits), bucket(200_000, 15));
        assert_eq!(limits.bucket(Use::Conversations), bucket(50_000_000, 60));
        assert_eq!(limits.bucket(Use::Requests), bucket(50_000, 60));
        assert_eq!(limits.bucket(Use::Reports), bucket(500_000_000, 5));
        assert_eq!(limits.bucket(Use::Uploads), bucket(20_000_000, 20));
        assert_eq!(Limits::parse("off").unwrap(), Limits::OFF);
        assert_eq!(
            Limits::parse(Limits::DEFAULT).unwrap().bucket(Use::Sends),
            bucket(100_000, 30)
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "on",
            "sends",
            "sends=",
            "sends=10",
            "sends=10:",
            "sends=:30",
            "sends=10:0",
            "sends=0:30",
            "sends=-1:30",
            "sends=1e3:30",
            "sends=inf:30",
            "sends=10:30:5",
            "sends=.5:1",
            "sends=5.:1",
            "sends=0.0000000001:1",
            "sends=+1:1",
            "sends=10:1.5",
            "sends=10:30,",
            "sends=10:30,sends=5:15",
            "Sends=10:30",
            "pushes=10:30",
            "sends=2000000:1",
            "sends=0.00001:1",
            "off,sends=1:1",
        ] {
            assert_eq!(Limits::parse(text), Err(InvalidLimits), "{text}");
        }
    }
}

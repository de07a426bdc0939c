//! Which faults there are, and how they are written.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Value, json};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `$disconnect` does not run; AWS calls it best effort.
    DisconnectLost,
    /// A client has sent too many messages: its connection is closed with 1008. AWS documents the code and not the rate.
    MessageRefused,
    /// `@connections` answers 429 because there are too many requests.
    PushThrottled,
    /// `@connections` answers 410 though the connection is open, as has been reported of AWS.
    PushGone,
    /// `@connections` answers 500.
    PushFailed,
    /// `@connections` answers 429 because the client's buffer is full.
    PushFull,
    /// `@connections` takes this long to answer.
    PushLatency,
    /// A push is accepted, and delivered only after [`Fault::PushLateBy`].
    PushLate,
    /// How late a late push is.
    PushLateBy,
    /// A function's process is killed while it works on a request.
    Kill,
    /// A function begins this much later to work on a request.
    FunctionLate,
    /// A queue answers a sent message with 500, and does not have it.
    QueueFailed,
    /// A queue delivers a message again, though it may have been deleted, after [`Fault::QueueLateBy`].
    QueueDoubled,
    /// A queue delivers a message only after [`Fault::QueueLateBy`].
    QueueLate,
    /// How late a late or doubled message is.
    QueueLateBy,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::DisconnectLost,
        Self::MessageRefused,
        Self::PushThrottled,
        Self::PushGone,
        Self::PushFailed,
        Self::PushFull,
        Self::PushLatency,
        Self::PushLate,
        Self::PushLateBy,
        Self::Kill,
        Self::FunctionLate,
        Self::QueueFailed,
        Self::QueueDoubled,
        Self::QueueLate,
        Self::QueueLateBy,
    ];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::DisconnectLost => "disconnect-lost",
            Self::MessageRefused => "message-refused",
            Self::PushThrottled => "push-throttled",
            Self::PushGone => "push-gone",
            Self::PushFailed => "push-failed",
            Self::PushFull => "push-full",
            Self::PushLatency => "push-latency",
            Self::PushLate => "push-late",
            Self::PushLateBy => "push-late-by",
            Self::Kill => "kill",
            Self::FunctionLate => "function-late",
            Self::QueueFailed => "queue-failed",
            Self::QueueDoubled => "queue-doubled",
            Self::QueueLate => "queue-late",
            Self::QueueLateBy => "queue-late-by",
        }
    }

    fn named(name: &str) -> Result<Self, FaultError> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| FaultError::Unknown(name.to_owned()))
    }

    /// Whether its setting is a range of milliseconds. All other settings are a chance.
    fn is_time(self) -> bool {
        matches!(
            self,
            Self::PushLatency | Self::PushLateBy | Self::FunctionLate | Self::QueueLateBy
        )
    }
}

/// The longest time that a fault may take. Nothing waits longer than this.
const LONGEST_MS: u64 = 60_000;

/// Why a fault's setting can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no fault of this name.
    #[error("there is no fault {0:?}; there are {names}", names = Fault::ALL.map(Fault::name).join(", "))]
    Unknown(String),
    /// The value is no chance.
    #[error("{fault} is a chance from 0 to 1, as {fault}=0.1, and not {value:?}")]
    Chance {
        /// The fault.
        fault: &'static str,
        /// What was given.
        value: String,
    },
    /// The value is no time.
    #[error(
        "{fault} is a time in milliseconds up to {LONGEST_MS}, as {fault}=50 or {fault}=50..200, and not {value:?}"
    )]
    Time {
        /// The fault.
        fault: &'static str,
        /// What was given.
        value: String,
    },
    /// There is no `=`.
    #[error("a fault is given as NAME=VALUE, and not as {0:?}")]
    Form(String),
    /// The JSON is no object.
    #[error("faults are a JSON object of names and values, as {{\"push-throttled\": 0.1}}")]
    NoObject,
}

/// How often a fault happens, or how long it takes.
#[derive(Debug, Clone, PartialEq)]
enum Setting {
    Chance(f64),
    Millis(RangeInclusive<u64>),
}

impl Setting {
    fn parse(fault: Fault, value: &str) -> Result<Self, FaultError> {
        let (name, text) = (fault.name(), value.to_owned());
        if fault.is_time() {
            let (low, high) = value.split_once("..").unwrap_or((value, value));
            let millis = |text: &str| text.parse().ok().filter(|millis| *millis <= LONGEST_MS);
            match (millis(low), millis(high)) {
                (Some(low), Some(high)) if low <= high => Ok(Self::Millis(low..=high)),
                _ => Err(FaultError::Time {
                    fault: name,
                    value: text,
                }),
            }
        } else {
            let chance = value.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
            chance.map(Self::Chance).ok_or(FaultError::Chance {
                fault: name,
                value: text,
            })
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Chance(chance) => json!(chance),
            Self::Millis(range) => json!(self::range(range)),
        }
    }
}

fn range(range: &RangeInclusive<u64>) -> String {
    format!("{}..{}", range.start(), range.end())
}

/// Which faults happen, and how often. None by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan(BTreeMap<Fault, Setting>);

impl Plan {
    /// Adds what a `NAME=VALUE` says.
    ///
    /// # Errors
    /// [`FaultError`], when there is no such fault, or the value can't be used.
    pub fn add(&mut self, text: &str) -> Result<(), FaultError> {
        let (name, value) = text.split_once('=').ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let fault = Fault::named(name)?;
        self.0.insert(fault, Setting::parse(fault, value)?);
        Ok(())
    }

    /// A plan from its JSON: `{"push-throttled": 0.1, "push-latency": "50..200"}`.
    ///
    /// # Errors
    /// [`FaultError`], when there is no such fault, or the value can't be used.
    pub fn from_json(plan: &Value) -> Result<Self, FaultError> {
        let mut read = Self::default();
        for (name, value) in plan.as_object().ok_or(FaultError::NoObject)? {
            let fault = Fault::named(name)?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            read.0.insert(fault, Setting::parse(fault, &text)?);
        }
        Ok(read)
    }

    /// The plan as [`Plan::from_json`] reads it.
    pub fn to_json(&self) -> Value {
        let settings = self
            .0
            .iter()
            .map(|(fault, setting)| (fault.name().to_owned(), setting.to_json()));
        Value::Object(settings.collect())
    }

    /// Whether anything happens at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn chance(&self, fault: Fault) -> f64 {
        match self.0.get(&fault) {
            Some(Setting::Chance(chance)) => *chance,
            _ => 0.0,
        }
    }

    pub(super) fn millis(&self, fault: Fault) -> Option<RangeInclusive<u64>> {
        match self.0.get(&fault) {
            Some(Setting::Millis(range)) => Some(range.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::faults) fn plan(texts: &[&str]) -> Result<Plan, FaultError> {
        let mut plan = Plan::default();
        texts.iter().try_for_each(|text| plan.add(text))?;
        Ok(plan)
    }

    #[test]
    fn a_plan_is_the_same_from_flags_and_from_json() {
        let flags = plan(&[
            "push-throttled=0.25",
            "push-latency=20..200",
            "push-late-by=7",
            "kill=1",
        ])
        .unwrap();
        let json = json!({"push-throttled": 0.25, "push-latency": "20..200", "push-late-by": 7, "kill": 1});
        assert_eq!(Plan::from_json(&json).unwrap(), flags);
        assert_eq!(Plan::from_json(&flags.to_json()).unwrap(), flags);
    }

    #[test]
    fn what_is_no_fault_is_refused_in_words() {
        let refused = |text: &str| plan(&[text]).unwrap_err().to_string();
        insta::assert_snapshot!(refused("push-lost=1"), @r#"there is no fault "push-lost"; there are disconnect-lost, message-refused, push-throttled, push-gone, push-failed, push-full, push-latency, push-late, push-late-by, kill, function-late, queue-failed, queue-doubled, queue-late, queue-late-by"#);
        insta::assert_snapshot!(refused("kill"), @r#"a fault is given as NAME=VALUE, and not as "kill""#);
        insta::assert_snapshot!(refused("kill=2"), @r#"kill is a chance from 0 to 1, as kill=0.1, and not "2""#);
        insta::assert_snapshot!(refused("push-latency=9..1"), @r#"push-latency is a time in milliseconds up to 60000, as push-latency=50 or push-latency=50..200, and not "9..1""#);
        assert_eq!(Plan::from_json(&json!([])), Err(FaultError::NoObject));
    }
}

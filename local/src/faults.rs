//! Faults on demand: what AWS does to a program once in a while, done here as often as asked.
//!
//! Each fault has a name and a setting, from the command line (`--fault push-throttled=0.1`) or at run time (see
//! [`control`](crate::control)). Chance comes from a seed: with the same seed the n-th decision about a fault is the same, so that
//! a run that failed can be repeated as far as the order of requests can.

use std::{
    collections::BTreeMap,
    fmt,
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `$disconnect` does not run; AWS calls it best effort.
    DisconnectLost,
    /// A client's message is one too many: its connection is closed with 1008. AWS documents the code and not the rate.
    MessageRefused,
    /// `@connections` answers 429 for its rate.
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
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
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
        }
    }

    fn named(name: &str) -> Result<Self, FaultError> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| FaultError::Unknown(name.to_owned()))
    }

    /// Whether its setting is a range of milliseconds; otherwise it is a chance.
    fn is_time(self) -> bool {
        matches!(self, Self::PushLatency | Self::PushLateBy)
    }
}

/// How late a late push is, unless said otherwise.
const LATE_BY_MS: RangeInclusive<u64> = 500..=2000;
/// The longest time that a fault may take: beyond what anything waits for.
const LONGEST_MS: u64 = 60_000;

/// Why a setting is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such fault.
    #[error("there is no fault {0:?}; there are {names}", names = Fault::ALL.map(Fault::name).join(", "))]
    Unknown(String),
    /// Not a chance.
    #[error("{fault} is a chance from 0 to 1, as {fault}=0.1, and not {value:?}")]
    Chance {
        /// The fault.
        fault: &'static str,
        /// What was given.
        value: String,
    },
    /// Not a time.
    #[error(
        "{fault} is a time in milliseconds up to {LONGEST_MS}, as {fault}=50 or {fault}=50..200, and not {value:?}"
    )]
    Time {
        /// The fault.
        fault: &'static str,
        /// What was given.
        value: String,
    },
    /// No name.
    #[error("a fault is given as NAME=VALUE, and not as {0:?}")]
    Form(String),
    /// The faults as a whole.
    #[error("faults are a JSON object of names and values, as {{\"push-throttled\": 0.1}}")]
    NoObject,
}

/// How often or how long.
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
    /// [`FaultError`], when there is no such fault, or it takes no such value.
    pub fn add(&mut self, text: &str) -> Result<(), FaultError> {
        let (name, value) = text.split_once('=').ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let fault = Fault::named(name)?;
        self.0.insert(fault, Setting::parse(fault, value)?);
        Ok(())
    }

    /// A plan from its JSON: `{"push-throttled": 0.1, "push-latency": "50..200"}`.
    ///
    /// # Errors
    /// [`FaultError`], when there is no such fault, or it takes no such value.
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

    fn chance(&self, fault: Fault) -> f64 {
        match self.0.get(&fault) {
            Some(Setting::Chance(chance)) => *chance,
            _ => 0.0,
        }
    }

    fn millis(&self, fault: Fault) -> Option<RangeInclusive<u64>> {
        match self.0.get(&fault) {
            Some(Setting::Millis(range)) => Some(range.clone()),
            _ => None,
        }
    }
}

/// The faults of a stack: the plan, which can change while it runs, and what has happened by it.
pub struct Faults {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    plan: Plan,
    /// One for each fault, so that the decisions about one don't depend on how often another was asked for.
    random: BTreeMap<Fault, Rng>,
    injected: BTreeMap<Fault, u64>,
    /// For connections that are cut, which nothing but a request at run time does.
    cuts: Rng,
    cut: usize,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Default for Faults {
    /// None, until a plan is made.
    fn default() -> Self {
        Self::new(Plan::default(), 0)
    }
}

impl Faults {
    /// Faults by `plan`, by chance from `seed`.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let random = Fault::ALL.into_iter().zip(0..).map(|(fault, number)| {
            // What a generator gives first for seeds that are close is far apart.
            let own_seed = Rng::with_seed(seed.wrapping_add(number)).u64(..);
            (fault, Rng::with_seed(own_seed))
        });
        Self {
            seed,
            state: Mutex::new(State {
                plan,
                random: random.collect(),
                injected: BTreeMap::new(),
                cuts: Rng::with_seed(seed),
                cut: 0,
            }),
        }
    }

    /// Replaces the plan. What was decided before stays decided.
    pub fn plan(&self, plan: Plan) {
        self.with(|state| state.plan = plan);
    }

    /// The seed, the plan, and how often each fault has happened.
    pub fn to_json(&self) -> Value {
        self.with(|state| {
            let injected = Fault::ALL
                .into_iter()
                .filter(|fault| *fault != Fault::PushLateBy)
                .map(|fault| (fault.name().to_owned(), json!(state.injected.get(&fault).unwrap_or(&0))));
            let cut = ("cut".to_owned(), json!(state.cut));
            let injected: Map<String, Value> = injected.chain([cut]).collect();
            json!({"seed": self.seed, "faults": state.plan.to_json(), "injected": injected})
        })
    }

    /// Whether a fault of chance happens now.
    pub fn happens(&self, fault: Fault) -> bool {
        self.with(|state| {
            let chance = state.plan.chance(fault);
            let happens = chance > 0.0 && state.random.get_mut(&fault).is_some_and(|random| random.f64() < chance);
            if happens {
                *state.injected.entry(fault).or_default() += 1;
            }
            happens
        })
    }

    /// Whether a function's process is to be killed while it works on the request that it has just taken.
    pub fn kill(&self) -> bool {
        self.happens(Fault::Kill)
    }

    /// How long the answer of `@connections` is to be held back.
    pub fn push_latency(&self) -> Option<Duration> {
        self.with(|state| {
            let range = state.plan.millis(Fault::PushLatency)?;
            *state.injected.entry(Fault::PushLatency).or_default() += 1;
            state.time(Fault::PushLatency, range)
        })
    }

    /// How late this push is to be delivered.
    pub fn push_late(&self) -> Option<Duration> {
        if !self.happens(Fault::PushLate) {
            return None;
        }
        self.with(|state| {
            let range = state.plan.millis(Fault::PushLateBy).unwrap_or(LATE_BY_MS);
            state.time(Fault::PushLateBy, range)
        })
    }

    /// Chooses this share of the connections that are to be cut, by chance, and counts them.
    pub fn cut<T>(&self, connections: Vec<T>, fraction: f64) -> Vec<T> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of how many connections a machine holds"
        )]
        let count = (connections.len() as f64 * fraction).round() as usize;
        self.with(|state| {
            state.cut += count;
            state.cuts.choose_multiple(connections, count)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn time(&mut self, fault: Fault, range: RangeInclusive<u64>) -> Option<Duration> {
        self.random
            .get_mut(&fault)
            .map(|random| Duration::from_millis(random.u64(range)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(texts: &[&str]) -> Result<Plan, FaultError> {
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
        insta::assert_snapshot!(refused("push-lost=1"), @r#"there is no fault "push-lost"; there are disconnect-lost, message-refused, push-throttled, push-gone, push-failed, push-full, push-latency, push-late, push-late-by, kill"#);
        insta::assert_snapshot!(refused("kill"), @r#"a fault is given as NAME=VALUE, and not as "kill""#);
        insta::assert_snapshot!(refused("kill=2"), @r#"kill is a chance from 0 to 1, as kill=0.1, and not "2""#);
        insta::assert_snapshot!(refused("push-latency=9..1"), @r#"push-latency is a time in milliseconds up to 60000, as push-latency=50 or push-latency=50..200, and not "9..1""#);
        assert_eq!(Plan::from_json(&json!([])), Err(FaultError::NoObject));
    }

    #[test]
    fn the_same_seed_makes_the_same_decisions() {
        let decisions = |seed, asks_for_another_too: bool| -> Vec<bool> {
            let faults = Faults::new(plan(&["kill=0.5", "push-gone=0.5"]).unwrap(), seed);
            let decide = |_| {
                if asks_for_another_too {
                    faults.happens(Fault::PushGone);
                }
                faults.kill()
            };
            let decisions: Vec<bool> = (0..64).map(decide).collect();
            let count = decisions.iter().filter(|happens| **happens).count();
            assert_eq!(faults.to_json()["injected"]["kill"], count);
            decisions
        };
        assert_eq!(decisions(8, false), decisions(8, true));
        assert_ne!(decisions(8, false), decisions(9, false));
        let decisions = decisions(8, false);
        assert!(decisions.contains(&true) && decisions.contains(&false));
    }

    #[test]
    fn a_share_of_the_connections_is_cut() {
        let faults = Faults::default();
        assert_eq!(faults.cut((0..10).collect(), 0.5).len(), 5);
        assert_eq!(faults.cut((0..10).collect(), 1.0).len(), 10);
        assert!(faults.cut(Vec::<u8>::new(), 1.0).is_empty());
        assert_eq!(faults.to_json()["injected"]["cut"], 15);
    }

    #[test]
    fn no_fault_happens_without_a_plan_and_each_with_certainty() {
        let faults = Faults::default();
        assert!(!faults.kill());
        assert_eq!((faults.push_latency(), faults.push_late()), (None, None));
        faults.plan(plan(&["kill=1", "push-latency=5", "push-late=1", "push-late-by=9"]).unwrap());
        assert!(faults.kill());
        assert_eq!(faults.push_latency(), Some(Duration::from_millis(5)));
        assert_eq!(faults.push_late(), Some(Duration::from_millis(9)));
    }
}

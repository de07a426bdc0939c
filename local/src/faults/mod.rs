//! Faults on demand: what happens on AWS once in a while happens here as often as a developer wants.
//!
//! Each fault has a name and a setting, from the command line (`--fault push-throttled=0.1`) or at run time (see
//! [`control`](crate::stack::control)). A seed decides the chance: with the same seed the n-th decision about a fault is the
//! same. So a run that failed can be repeated, as far as the order of its requests can.

mod plan;

use std::{
    collections::BTreeMap,
    fmt,
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Map, Value, json};

pub use plan::{Fault, FaultError, Plan};

/// How late a late push is by default.
const LATE_BY_MS: RangeInclusive<u64> = 500..=2000;

/// The faults of a stack: the plan, which can change while it runs, and what has happened by it.
pub struct Faults {
    seed: u64,
    state: Mutex<State>,
}

struct State {
    plan: Plan,
    /// One generator for each fault: the decisions about one fault must not depend on how often another was decided.
    random: BTreeMap<Fault, Rng>,
    injected: BTreeMap<Fault, u64>,
    /// The generator for connections that are cut. Only a request to the control address cuts connections.
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
    /// No faults until there is a plan.
    fn default() -> Self {
        Self::new(Plan::default(), 0)
    }
}

impl Faults {
    /// The faults of `plan`; `seed` decides the chance.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let random = Fault::ALL.into_iter().zip(0..).map(|(fault, number)| {
            // Seeds that follow each other would give similar generators, so each gets a random seed of its own.
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

    /// Replaces the plan. Decisions that were made before stay.
    pub fn plan(&self, plan: Plan) {
        self.with(|state| state.plan = plan);
    }

    /// The seed, the plan, and how often each fault has happened.
    pub fn to_json(&self) -> Value {
        self.with(|state| {
            let injected = Fault::ALL
                .into_iter()
                .filter(|fault| !matches!(fault, Fault::PushLateBy | Fault::QueueLateBy))
                .map(|fault| (fault.name().to_owned(), json!(state.injected.get(&fault).unwrap_or(&0))));
            let cut = ("cut".to_owned(), json!(state.cut));
            let injected: Map<String, Value> = injected.chain([cut]).collect();
            json!({"seed": self.seed, "faults": state.plan.to_json(), "injected": injected})
        })
    }

    /// Whether this fault happens now.
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
        self.delay(Fault::PushLatency)
    }

    /// How much later a function begins to work on a request.
    pub fn function_late(&self) -> Option<Duration> {
        self.delay(Fault::FunctionLate)
    }

    fn delay(&self, fault: Fault) -> Option<Duration> {
        self.with(|state| {
            let range = state.plan.millis(fault)?;
            *state.injected.entry(fault).or_default() += 1;
            state.time(fault, range)
        })
    }

    /// How late this push is to be delivered.
    pub fn push_late(&self) -> Option<Duration> {
        self.late(Fault::PushLate, Fault::PushLateBy)
    }

    /// How late this message of a queue is to be delivered for the first time.
    pub fn queue_late(&self) -> Option<Duration> {
        self.late(Fault::QueueLate, Fault::QueueLateBy)
    }

    /// After what time this message of a queue is to be delivered once more.
    pub fn queue_doubled(&self) -> Option<Duration> {
        self.late(Fault::QueueDoubled, Fault::QueueLateBy)
    }

    fn late(&self, fault: Fault, by: Fault) -> Option<Duration> {
        if !self.happens(fault) {
            return None;
        }
        self.with(|state| {
            let range = state.plan.millis(by).unwrap_or(LATE_BY_MS);
            state.time(by, range)
        })
    }

    /// Chooses this share of the connections at random, to be cut, and counts them.
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
    use plan::tests::plan;

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

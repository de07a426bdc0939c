//! What runs functions by itself: event source mappings, which give them the messages of queues, and schedules.

mod mapping;
mod schedule;

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    lambda::Lambda,
    sqs::Queues,
    template::{QueueMapping, Schedule},
};

/// When schedules run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// As the template says, with a clock that runs this many times as fast.
    Template(u32),
    /// All of them at this interval.
    Every(Duration),
    /// Never.
    #[default]
    Never,
}

/// All mappings and schedules, until this is dropped.
#[derive(Debug)]
pub struct Triggers {
    _running: JoinSet<()>,
}

impl Triggers {
    /// Starts `mappings` and `schedules`. `concurrency` is how many batches a mapping has in work at a time, if the template does not say it.
    pub fn start(
        lambda: &Arc<Lambda>,
        queues: &Arc<Queues>,
        mappings: Vec<QueueMapping>,
        schedules: Vec<Schedule>,
        concurrency: usize,
        pace: Pace,
    ) -> Self {
        let mut running = JoinSet::new();
        for mapping in mappings {
            running.spawn(mapping::run(
                mapping,
                Arc::clone(lambda),
                Arc::clone(queues),
                concurrency,
            ));
        }
        for schedule in schedules {
            let every = match pace {
                Pace::Template(scale) => schedule.every / scale.max(1),
                Pace::Every(interval) => interval,
                Pace::Never => continue,
            };
            running.spawn(schedule::run(schedule, every, Arc::clone(lambda)));
        }
        Self { _running: running }
    }
}

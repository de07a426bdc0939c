//! A rule of `EventBridge` that runs a function on a schedule.
//!
//! # Source
//! Amazon `EventBridge` user guide, "Creating a rule that runs on a schedule": the event.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    aws::{
        clock, ids,
        stand_ins::{ACCOUNT, REGION},
    },
    lambda::Lambda,
    template::Schedule,
};

/// Runs a schedule for ever, for the first time after `every`. A run that takes longer does not hold up the next one.
pub(super) async fn run(schedule: Schedule, every: Duration, lambda: Arc<Lambda>) {
    let every = every.max(Duration::from_millis(1));
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let (lambda, function) = (Arc::clone(&lambda), schedule.function.clone());
        let event = event(&schedule);
        // A failure is in the function's log.
        tokio::spawn(async move { lambda.invoke(&function, event).await });
    }
}

fn event(schedule: &Schedule) -> Bytes {
    let Schedule { function, name, .. } = schedule;
    // To the second, as the time of a rule is.
    let now = clock::now_ms() / 1000 * 1000;
    let event = json!({
        "version": "0",
        "id": ids::lambda_request_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": clock::iso_form(now).replace(".000Z", "Z"),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{function}{name}")],
        "detail": {},
    });
    event.to_string().into()
}

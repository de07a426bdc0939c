//! Promised jobs on Redis, spread over as many slots as there are shards.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use sha2::{Digest as _, Sha256};

use super::link::Call;
use super::{RedisStore, answer, random_bits};
use crate::domain::Job;
use crate::domain::limits::JOB_QUEUED_MS;
use crate::ports::{Clock, Promise, Promises, Unavailable};
use crate::wire;

/// Slots that hold promises.
const SHARDS: u8 = 16;
/// Forgotten promises that are read of each shard at once.
const FORGOTTEN_AT_ONCE: u64 = 100;

/// A promise as a member of a set: its identity, then its job.
fn member(promise: &Promise) -> String {
    format!("{:016x}{}", promise.identity, wire::job(&promise.job))
}

/// The shard of a job. Equal jobs are in one shard.
fn shard(job: &str) -> u8 {
    Sha256::digest(job).first().copied().unwrap_or_default() % SHARDS
}

impl<C: Clock> RedisStore<C> {
    async fn claim_until(&self, job: &str, until_ms: u64, promise: &str) -> Result<bool, Unavailable> {
        let call = Call::new(&self.scripts.job_claim, self.keys.jobs(shard(job)))
            .arg(self.clock.now_ms())
            .arg(job)
            .arg(until_ms)
            .arg(promise);
        answer::yes(self.link.script(call).await?)
    }
}

#[async_trait]
impl<C: Clock> Promises for RedisStore<C> {
    async fn promise(&self, job: Job) -> Result<Promise, Unavailable> {
        let identity = random_bits(64);
        let promise = Promise { job, identity };
        let shard = shard(&wire::job(&promise.job));
        let call = Call::new(&self.scripts.job_promise, self.keys.jobs(shard))
            .arg(self.clock.now_ms())
            .arg(member(&promise));
        self.link.script(call).await?;
        Ok(promise)
    }

    async fn claim(&self, promise: &Promise) -> Result<bool, Unavailable> {
        let (job, until_ms) = (wire::job(&promise.job), self.clock.now_ms() + JOB_QUEUED_MS);
        self.claim_until(&job, until_ms, &member(promise)).await
    }

    async fn drop_promise(&self, promise: &Promise) -> Result<(), Unavailable> {
        let [promised, _] = self.keys.jobs(shard(&wire::job(&promise.job)));
        let mut command = redis::cmd("ZREM");
        command.arg(promised).arg(member(promise));
        self.link.command(&command).await.map(drop)
    }

    async fn take(&self, job: &Job) -> Result<(), Unavailable> {
        let job = wire::job(job);
        let [_, queued] = self.keys.jobs(shard(&job));
        let mut command = redis::cmd("ZREM");
        command.arg(queued).arg(job);
        self.link.command(&command).await.map(drop)
    }

    async fn claim_later(&self, job: &Job, due_ms: u64) -> Result<bool, Unavailable> {
        let job = wire::job(job);
        self.claim_until(&job, due_ms, "").await
    }

    async fn forgotten(&self, before_ms: u64) -> Result<Vec<Promise>, Unavailable> {
        let reading = (0..SHARDS).map(async |shard| {
            let [promised, queued] = self.keys.jobs(shard);
            // Its job was late, or whoever noted it has died. Jobs name users, and no trace of an erased one may stay.
            let mut late = redis::cmd("ZREMRANGEBYSCORE");
            late.arg(queued).arg("-inf").arg(self.clock.now_ms());
            self.link.command(&late).await?;
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(promised).arg("-inf").arg(format!("({before_ms}"));
            command.arg("LIMIT").arg(0).arg(FORGOTTEN_AT_ONCE);
            answer::texts(self.link.command(&command).await?)
        });
        let members = try_join_all(reading).await?.into_iter().flatten();
        // A newer release may know jobs that this one does not. They wait for it.
        let promise = |member: String| {
            let (identity, job) = member.split_at_checked(16)?;
            Some(Promise {
                identity: u64::from_str_radix(identity, 16).ok()?,
                job: wire::parse_job(job)?,
            })
        };
        Ok(members.filter_map(promise).collect())
    }
}

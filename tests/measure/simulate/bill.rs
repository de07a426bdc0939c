//! What a month needs, what it costs, and where it meets a wall.

use crate::habits::Month;
use crate::prices::{
    ABLY_MESSAGE, ABLY_MINUTE, ABLY_PACKAGE, CACHE_ECPU, CACHE_GB_HOUR, CACHE_NODE_HOUR, EVENTS_MINUTE,
    EVENTS_OPERATION, HTTP_REQUEST, INTERNET_GB, LAMBDA_GB_SECOND, LAMBDA_REQUEST, LOGS_GB, Plan, SENDBIRD,
    SOCKET_MESSAGE, SOCKET_MINUTE, STREAM, TABLE_GB, TABLE_READ, TABLE_WRITE,
};

/// What an operation takes: measured by a command of this repository, whose numbers stand in `docs/performance.md`, or assumed, as each line says.
mod takes {
    /// Redis's processor time in seconds for the conversation's step: "send" of `scale`.
    pub(super) const DECIDE: f64 = 82e-6;
    /// For each member who is told: "a message comes" of `scale`, less "send".
    pub(super) const TELL: f64 = 78e-6;
    /// For a read: three histories and a list of `scale`, on average.
    pub(super) const READ: f64 = 84e-6;
    /// For an admission. Assumed, because `scale` does not measure it: half as much as "sync, nothing new", the shortest script there.
    pub(super) const ADMIT: f64 = 25e-6;
    /// For a connection that opens and ends. Assumed: four scripts as short as an admission.
    pub(super) const SESSION: f64 = 100e-6;
    /// Bytes in Redis for a message of 50 characters, and for a conversation in an inbox with its newest message (`scale`, the largest sizes).
    pub(super) const MESSAGE_BYTES: f64 = 87.0;
    pub(super) const ENTRY_BYTES: f64 = 360.0;
    /// Lambda's billed seconds, with 256 MB, which have a seventh of a processor. Assumed: Redis 0.6 ms away, a push 10 ms, 64 pushes at once, and the
    /// processor time that `cold-start` measures for warm requests, times seven.
    pub(super) const READ_SECONDS: f64 = 0.004;
    pub(super) const WRITE_SECONDS: f64 = 0.006;
    pub(super) const PUSHING_SECONDS: f64 = 0.010;
    /// Processor time of a push at a seventh of a processor (`group`: 0.3 ms of a whole one).
    pub(super) const PUSH_SECONDS: f64 = 0.002;
    pub(super) const MEMORY_GB: f64 = 0.25;
    /// Bytes of a pushed frame or an answer on average, and of log lines for a request. Assumed.
    pub(super) const FRAME_BYTES: f64 = 600.0;
    pub(super) const ANSWER_BYTES: f64 = 4_000.0;
    pub(super) const LOG_BYTES: f64 = 250.0;
}

/// AWS's default quotas of an account in a Region, all of which can be raised (see `docs/limits.md`).
mod quota {
    /// "Lambda quotas": concurrent executions.
    pub(super) const CONCURRENCY: f64 = 1_000.0;
    /// "Amazon API Gateway quotas": requests a second of all APIs, and new WebSocket connections a second.
    pub(super) const REQUESTS: f64 = 10_000.0;
    pub(super) const CONNECTIONS: f64 = 500.0;
    /// One cache.r7g.xlarge: bytes that data may take, and the part of its processor that commands may take.
    pub(super) const NODE_BYTES: f64 = 26.0 * 0.7 * 1e9;
    pub(super) const NODE_PROCESSOR: f64 = 0.5;
}

const HOURS: f64 = 730.0;

pub(crate) struct Bill {
    month: Month,
    redis_bytes: f64,
    redis_processors: f64,
    shards: f64,
    lambda_seconds: f64,
    invocations: f64,
    concurrency: f64,
    gateway_requests: f64,
    new_connections: f64,
}

impl Bill {
    pub(crate) fn of(month: &Month) -> Self {
        let month = month.clone();
        let writes = month.messages + month.other_writes;
        let telling = month.messages * month.members_a_message + month.other_writes * 2.0;
        let redis_seconds = writes * (takes::ADMIT + takes::DECIDE)
            + telling * takes::TELL
            + (month.reads + month.signals) * takes::READ
            + month.sessions * takes::SESSION;
        let redis_bytes = month.stored_messages * takes::MESSAGE_BYTES
            + month.users * month.conversations_a_user * takes::ENTRY_BYTES;
        let redis_processors = redis_seconds * month.peak;
        let shards = (redis_bytes / quota::NODE_BYTES)
            .max(redis_processors / quota::NODE_PROCESSOR)
            .ceil();
        let invocations = writes + month.reads + month.signals + 2.0 * month.sessions;
        let lambda_seconds = writes * (takes::WRITE_SECONDS + takes::PUSHING_SECONDS)
            + month.pushes() * takes::PUSH_SECONDS
            + (month.reads + month.signals + 2.0 * month.sessions) * takes::READ_SECONDS;
        Self {
            redis_bytes,
            redis_processors,
            shards,
            lambda_seconds,
            invocations,
            // Little's law: how many run at once is how many begin in a second, times how long each takes.
            concurrency: lambda_seconds * month.peak,
            gateway_requests: (invocations + month.pushes()) * month.peak,
            new_connections: month.sessions * month.peak,
            month,
        }
    }

    pub(crate) fn needs(&self) -> [(&'static str, String); 6] {
        [
            ("memory of Redis", format!("{:.2} GB", self.redis_bytes / 1e9)),
            (
                "processors of Redis at the peak",
                format!("{:.3}", self.redis_processors),
            ),
            (
                "shards of cache.r7g.xlarge, one replica each",
                format!("{:.0}", self.shards),
            ),
            (
                "Lambda executions at once at the peak",
                format!("{:.1} (quota {})", self.concurrency, quota::CONCURRENCY),
            ),
            (
                "API Gateway requests a second at the peak",
                format!("{:.1} (quota {})", self.gateway_requests, quota::REQUESTS),
            ),
            (
                "new connections a second at the peak",
                format!("{:.2} (quota {})", self.new_connections, quota::CONNECTIONS),
            ),
        ]
    }

    pub(crate) fn items(&self) -> [(&'static str, f64); 6] {
        let month = &self.month;
        // Over REST are the reads, and a third of the writes.
        let rest = month.reads + (month.messages + month.other_writes) / 3.0;
        let frames = (month.messages + month.other_writes) * 2.0 / 3.0 * 2.0 + month.signals + month.pushes();
        let bytes_out = month.pushes() * takes::FRAME_BYTES + month.reads * takes::ANSWER_BYTES;
        // A script counts as its bytes or its time, whichever is more; four for a write, and two for a read, is what their bytes come to.
        let ecpu = (month.messages + month.other_writes) * (4.0 + month.members_a_message)
            + month.reads * 4.0
            + month.signals * 2.0;
        let serverless = (self.redis_bytes / 1e9).max(0.1) * HOURS * CACHE_GB_HOUR + ecpu * CACHE_ECPU;
        let nodes = self.shards.max(1.0) * 2.0 * HOURS * CACHE_NODE_HOUR;
        [
            (
                "Lambda",
                self.invocations * LAMBDA_REQUEST + self.lambda_seconds * takes::MEMORY_GB * LAMBDA_GB_SECOND,
            ),
            ("HTTP API", rest * HTTP_REQUEST),
            (
                "WebSocket API",
                frames * SOCKET_MESSAGE + month.connection_minutes * SOCKET_MINUTE,
            ),
            (
                "ElastiCache, the cheaper of Serverless and nodes",
                serverless.min(nodes),
            ),
            ("CloudWatch Logs", self.invocations * takes::LOG_BYTES / 1e9 * LOGS_GB),
            ("data to the internet", bytes_out / 1e9 * INTERNET_GB),
        ]
    }

    pub(crate) fn total(&self) -> f64 {
        self.items().iter().map(|(_, dollars)| dollars).sum()
    }

    /// The item that costs the most.
    pub(crate) fn largest(&self) -> &'static str {
        let items = self.items().into_iter();
        items
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map_or("", |(item, _)| item)
    }

    /// The default quota of which this month needs the most, if it needs more than there is.
    pub(crate) fn first_wall(&self) -> String {
        let walls = [
            (
                "Lambda's quota of concurrent executions",
                self.concurrency / quota::CONCURRENCY,
            ),
            (
                "API Gateway's quota of requests",
                self.gateway_requests / quota::REQUESTS,
            ),
            (
                "API Gateway's quota of new connections",
                self.new_connections / quota::CONNECTIONS,
            ),
        ];
        let first = walls.into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
        match first {
            Some((name, part)) if part > 1.0 => format!("{name}, {part:.1} times the default: ask AWS for more"),
            Some((name, part)) => format!("none; the nearest is {name}, of which {:.1}% is used", part * 100.0),
            None => "none".to_owned(),
        }
    }
}

/// What others would cost for the same month; `None` where their price lists end.
pub(crate) fn others(month: &Month) -> [(&'static str, Option<f64>); 4] {
    let delivered = month.messages + month.pushes() + month.signals * 2.0;
    let ably = ABLY_PACKAGE + delivered * ABLY_MESSAGE + month.connection_minutes * 2.0 * ABLY_MINUTE;
    // A message is an item, and so is each member's entry in the inbox; a history of ten messages is two reads, as is a page of an inbox.
    let table = (month.messages * (1.0 + month.members_a_message) + month.other_writes * 2.0) * TABLE_WRITE
        + month.reads * 2.0 * TABLE_READ
        + month.stored_messages * 300.0 / 1e9 * TABLE_GB;
    let events = delivered * EVENTS_OPERATION
        + month.sessions * 3.0 * EVENTS_OPERATION
        + month.connection_minutes * EVENTS_MINUTE
        + table;
    [
        ("Stream Chat", by_users(&STREAM, month.users)),
        ("Sendbird", by_users(&SENDBIRD, month.users)),
        ("Ably", Some(ably)),
        ("AppSync Events and DynamoDB", Some(events)),
    ]
}

fn by_users(plan: &Plan, users: f64) -> Option<f64> {
    (users <= plan.ends).then(|| plan.price + (users - plan.users).max(0.0) * plan.more)
}

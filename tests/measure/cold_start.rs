//! How fast the deployed functions start, and how much they weigh, beside a bare one: `cargo run -p tests --bin cold-start`. The bare one is made
//! with `lambda_http`, as most teams do; `bare-runtime` has the runtime alone, which is less than a team could use.
//!
//! It builds them as `sam build` does, plays Lambda's Runtime API to one process after the other, in turns, so that a busy machine is equally
//! unfair to all, and prints medians and their ratios to the bare function's. `first poll` is the time from the start of the process to its
//! first request for an event, `first answer` that to its first answer, over a real Redis on this machine. Processor time is that of
//! warm requests, which the same process answers one after the other: the median of rounds, in which the functions take turns too.
//!
//! With `--instructions` it counts the instructions of a warm request instead, by Valgrind, which must be installed: a number that hardly differs between runs.
//! They are those of the function itself, without the kernel's.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use std::env;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use clap::Parser;
use http::StatusCode;
use jsonwebtoken::Algorithm;
use local::redis::{Options, RedisServer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::root;
use tests::token::{FAR_AWAY, Signer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const SECRET: &str = "a-secret-of-more-than-32-bytes-for-this";

/// How fast the deployed functions start, beside a bare one.
#[derive(Parser)]
struct Arguments {
    /// How often each function is started.
    #[arg(long, default_value_t = 40)]
    starts: usize,
    /// How many warm requests each function answers in each of the rounds.
    #[arg(long, default_value_t = 200)]
    requests: u32,
    /// Count the instructions of a warm request, by Valgrind.
    #[arg(long)]
    instructions: bool,
    /// Measure what was built last.
    #[arg(long)]
    no_build: bool,
}

/// How many warm requests are counted.
const COUNTED: u32 = 100;
/// How many rounds of warm requests there are.
const ROUNDS: usize = 20;

/// A function, and the event that it is measured with.
struct Subject {
    name: &'static str,
    event: String,
    file: PathBuf,
    starts: Vec<Start>,
    warm: Vec<Duration>,
}

#[derive(Clone, Copy)]
struct Start {
    poll: Duration,
    answer: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let signer = Signer::secret(Algorithm::HS256, SECRET);
    let token = |user: &str| signer.sign(&json!({"user_id": user, "exp": FAR_AWAY}));
    // Nobody is connected to whom `send` would push.
    let mut subjects = subjects(&token("ann")?, &token("carl")?);
    if !arguments.no_build {
        build(&subjects)?;
    }
    let redis = RedisServer::start(&Options::default())?;
    if arguments.instructions {
        return count_instructions(&subjects, &redis.url()).await;
    }
    for turn in 0..=arguments.starts {
        for subject in &mut subjects {
            let start = Running::start(subject, &redis.url()).await?.first_answer().await;
            let start = start.with_context(|| subject.name)?;
            // The first start reads the program from the disk.
            if turn > 0 {
                subject.starts.push(start);
            }
        }
    }
    let mut warm = Vec::new();
    for subject in &subjects {
        let mut running = Running::start(subject, &redis.url()).await?;
        running.first_answer().await?;
        warm.push(running);
    }
    for _ in 0..ROUNDS {
        for (subject, running) in subjects.iter_mut().zip(&mut warm) {
            subject.warm.push(running.processor_time(arguments.requests).await?);
        }
    }
    print(&subjects)
}

async fn count_instructions(subjects: &[Subject], redis: &str) -> Result<()> {
    println!("function         instructions of a warm request");
    let mut bare = None;
    for subject in subjects {
        let begun = Running::counted(subject, redis).await?.instructions(1).await?;
        let whole = Running::counted(subject, redis).await?;
        let whole = whole.instructions(1 + COUNTED).await?;
        let each = whole.saturating_sub(begun) / u64::from(COUNTED);
        let bare = *bare.get_or_insert(each);
        println!("{:<12}{each:>12} {:>8.2} x", subject.name, ratio(each, bare));
    }
    Ok(())
}

fn subjects(writing: &str, connecting: &str) -> Vec<Subject> {
    let rest = |method: &str, route: &str, path: &str, body: Option<Value>| {
        json!({
            "version": "2.0",
            "routeKey": format!("{method} {route}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"x-auth-token": writing, "host": "chat.example.com", "content-type": "application/json"},
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"},
            "body": body.map(|body| body.to_string()),
            "isBase64Encoded": false,
        })
    };
    let socket = |event_type: &str, route: &str, body: Option<Value>| {
        json!({
            "headers": {"x-auth-token": connecting, "host": "chat.example.com"},
            "requestContext": {
                "eventType": event_type, "routeKey": route, "connectionId": "L0SM9cOFvHcCIhw=", "connectedAt": 1_700_000_000_000_u64, "requestId": "r", "stage": "live",
            },
            "body": body.map(|body| body.to_string()),
            "isBase64Encoded": false,
        })
    };
    let text = json!({"type": "text", "text": "Hello"});
    let mut send = rest("POST", "/api/{target}/{id}", "/api/user/bob", Some(text));
    send["pathParameters"] = json!({"target": "user", "id": "bob"});
    let events = [
        ("bare", rest("GET", "/api", "/api", None)),
        ("bare-runtime", rest("GET", "/api", "/api", None)),
        ("welcome", rest("GET", "/api", "/api", None)),
        ("list", rest("GET", "/api/list", "/api/list", None)),
        ("connect", socket("CONNECT", "$connect", None)),
        ("send", send),
        (
            "message",
            socket("MESSAGE", "$default", Some(json!({"action": "ping", "id": 1}))),
        ),
    ];
    let subject = |(name, event): (&'static str, Value)| Subject {
        name,
        event: event.to_string(),
        file: root().join("target/lambda").join(name).join("bootstrap"),
        starts: Vec::new(),
        warm: Vec::new(),
    };
    events.map(subject).into_iter().collect()
}

/// Builds as `sam build` does, for this machine's processor.
fn build(subjects: &[Subject]) -> Result<()> {
    let tools = root().join(".senna/sam/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&path)))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["lambda", "build", "--release"]);
    for subject in subjects {
        cargo.args(["--bin", subject.name]);
    }
    let built = cargo.env("PATH", path).current_dir(root()).status()?;
    ensure!(
        built.success(),
        "cargo lambda could not build the functions; `.ci/sam-setup tools` installs it"
    );
    Ok(())
}

/// A process of a function, and the Runtime API that it asks.
///
/// # Source
/// AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
struct Running {
    child: Child,
    begun: Instant,
    api: Api,
    said: mpsc::UnboundedReceiver<(Instant, Said)>,
    served: JoinHandle<()>,
}

/// What a function says to the Runtime API.
enum Said {
    Poll,
    Answer(Bytes),
    Error(Bytes),
}

#[derive(Clone)]
struct Api {
    event: Arc<str>,
    /// How many events may be given.
    events: Arc<Semaphore>,
    said: mpsc::UnboundedSender<(Instant, Said)>,
}

impl Running {
    async fn start(subject: &Subject, redis: &str) -> Result<Self> {
        Self::run(Command::new(&subject.file), subject, redis).await
    }

    /// Starts the function under Valgrind, which counts its instructions.
    async fn counted(subject: &Subject, redis: &str) -> Result<Self> {
        let mut command = Command::new("valgrind");
        let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        command.args(tool).arg(&subject.file).stderr(Stdio::piped());
        Self::run(command, subject, redis).await
    }

    async fn run(mut command: Command, subject: &Subject, redis: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, said) = mpsc::unbounded_channel();
        let api = Api {
            event: subject.event.as_str().into(),
            events: Arc::new(Semaphore::new(0)),
            said: sender,
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .fallback(failed)
            .with_state(api.clone());
        let served = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        let begun = Instant::now();
        command
            .env_clear()
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", subject.name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("SOCK_PUSH_ENDPOINT", "https://example.com/live"),
                ("SOCK_REDIS_URL", redis),
                ("SOCK_JWT_SECRET", SECRET),
                ("SOCK_LIMITS", "off"),
                ("SOCK_LOG", "error"),
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ])
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdout(Stdio::null());
        let child = command.spawn();
        let program = command.get_program().display();
        let child =
            child.with_context(|| format!("{program} does not start: was it built, or is Valgrind missing?"))?;
        Ok(Self {
            child,
            begun,
            api,
            said,
            served,
        })
    }

    /// Gives an event as soon as it is asked for, and waits for the answer.
    async fn first_answer(&mut self) -> Result<Start> {
        self.api.events.add_permits(1);
        let (Said::Poll, polled) = self.hear().await? else {
            bail!("the function answered before it asked");
        };
        let answer = self.answer().await?;
        Ok(Start {
            poll: polled - self.begun,
            answer: answer - self.begun,
        })
    }

    /// Processor time of the process for each of so many warm requests.
    async fn processor_time(&mut self, requests: u32) -> Result<Duration> {
        let before = self.processor_time_so_far()?;
        for _ in 0..requests {
            self.api.events.add_permits(1);
            self.answer().await?;
        }
        Ok(self.processor_time_so_far()?.saturating_sub(before) / requests)
    }

    /// Answers so many requests, ends the process, and returns what Valgrind counted.
    async fn instructions(mut self, requests: u32) -> Result<u64> {
        self.first_answer().await?;
        for _ in 1..requests {
            self.api.events.add_permits(1);
            self.answer().await?;
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let mut report = String::new();
        let output = self.child.stderr.as_mut().context("its standard error is not ours")?;
        output.read_to_string(&mut report)?;
        let count = report.lines().find_map(|line| line.split_once("Collected : "));
        Ok(count.context("Valgrind counted nothing")?.1.trim().parse()?)
    }

    async fn answer(&mut self) -> Result<Instant> {
        loop {
            match self.hear().await? {
                (Said::Poll, _) => {}
                (Said::Error(body), _) => bail!("the function failed: {}", String::from_utf8_lossy(&body)),
                (Said::Answer(body), at) => {
                    let answer: Value = serde_json::from_slice(&body)?;
                    let status = answer["statusCode"].as_u64();
                    ensure!(
                        status.is_some_and(|status| status < 300),
                        "the function answered {answer}"
                    );
                    return Ok(at);
                }
            }
        }
    }

    async fn hear(&mut self) -> Result<(Said, Instant)> {
        let heard = timeout(Duration::from_secs(10), self.said.recv()).await;
        let (at, said) = heard
            .context("the function says nothing")?
            .context("the Runtime API ended")?;
        Ok((said, at))
    }

    /// What its threads have run since it started.
    ///
    /// # Source
    /// The kernel's `Documentation/scheduler/sched-stats.rst`: the first number of `schedstat`, in nanoseconds.
    fn processor_time_so_far(&self) -> Result<Duration> {
        let mut time = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let running = stat.split_whitespace().next().context("no time in schedstat")?;
            time += Duration::from_nanos(running.parse()?);
        }
        Ok(time)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        self.served.abort();
    }
}

async fn next(State(api): State<Api>) -> impl IntoResponse {
    api.said.send((Instant::now(), Said::Poll)).ok();
    if let Ok(permit) = api.events.acquire().await {
        permit.forget();
    }
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        ("lambda-runtime-deadline-ms", (FAR_AWAY * 1_000).to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:1:function:f".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
        ),
    ];
    (headers, api.event.to_string())
}

async fn answered(State(api): State<Api>, body: Bytes) -> StatusCode {
    api.said.send((Instant::now(), Said::Answer(body))).ok();
    StatusCode::ACCEPTED
}

async fn failed(State(api): State<Api>, body: Bytes) -> StatusCode {
    api.said.send((Instant::now(), Said::Error(body))).ok();
    StatusCode::ACCEPTED
}

fn print(subjects: &[Subject]) -> Result<()> {
    let Some(bare) = subjects.first() else { return Ok(()) };
    let (poll, answer) = (bare.start(|start| start.poll), bare.start(|start| start.answer));
    let warm = median(bare.warm.clone());
    println!("function       first poll         first answer       warm, processor time   gzip -9");
    for subject in subjects {
        let (its_poll, its_answer) = (subject.start(|start| start.poll), subject.start(|start| start.answer));
        let its_warm = median(subject.warm.clone());
        println!(
            "{:<12} {:>6.1} ms {:>5.2} x   {:>6.1} ms {:>5.2} x   {:>8.2} ms {:>5.2} x     {:>5.2} MB",
            subject.name,
            ms(its_poll),
            ms(its_poll) / ms(poll),
            ms(its_answer),
            ms(its_answer) / ms(answer),
            ms(its_warm),
            ms(its_warm) / ms(warm),
            zipped_mb(&subject.file)?,
        );
    }
    Ok(())
}

impl Subject {
    fn start(&self, time: impl Fn(&Start) -> Duration) -> Duration {
        median(self.starts.iter().map(time).collect())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(count: u64, base: u64) -> f64 {
    count as f64 / base as f64
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn zipped_mb(file: &Path) -> Result<f64> {
    let zipped = Command::new("gzip").args(["-9", "--stdout"]).arg(file).output();
    let bytes = u32::try_from(zipped.context("there is no gzip")?.stdout.len())?;
    Ok(f64::from(bytes) / 1e6)
}

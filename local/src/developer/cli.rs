//! The command line of `cargo run`.

use std::{error::Error, io, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

use super::{
    chat::{self, With},
    check,
    deployment::{Deployment, DeploymentError},
    listen, migrate, screen,
    stop::StopSignal,
};
use crate::{
    faults::Plan,
    lambda::Rest,
    machine::{guard, logs},
    project::{
        settings::{Folders, Settings},
        token::{Signer, random_key},
    },
    stack::{Build, Options, Stack},
    triggers::Pace,
};

/// Every variable that the stack reads.
const ENVIRONMENT: &str = "\
Environment (an empty variable counts as unset):
  SOCK_HTTP_HOST        where to listen: localhost, or an address of this machine such as 0.0.0.0 [localhost]
  SOCK_HTTP_PORT        port of the REST API; 0 is any free one [3005]
  SOCK_WS_PORT          port of the WebSocket API and of @connections; 0 is any free one [3006]
  SOCK_PAGE_PORT        port of the page with two people who chat; 0 is any free one [3007]
  SOCK_REDIS_URL        a Redis or Valkey to use, redis(s)://… or valkey(s)://… [one of the stack's own, with its data in .senna/data]
  SOCK_API_URL          the platform's API, for users and topics [a sample platform of the stack's own]
  SOCK_JWT_ALGORITHM    the accepted signature [HS256]
  SOCK_JWT_SECRET       secret of the HS algorithms [a random one, kept in .senna/jwt-secret]
  SOCK_JWT_PUBLIC_KEY   key of the other algorithms, in PEM
  SOCK_JWKS_URL         key set of the other algorithms; SOCK_JWT_ISSUER or SOCK_JWT_AUDIENCE must be set with it
  SOCK_JWT_ISSUER       who may have issued a token, with commas; the stack's own tokens name the first one [anyone]
  SOCK_JWT_AUDIENCE     for whom a token may be, with commas; the stack's own tokens name the first one [anyone]
  SOCK_PLATFORM_KEY     key of the platform's own server, of 32 bytes at least [another one each time; none with --json]
  SOCK_JWT_USER_CLAIM   the claim that names the user, in the stack's own tokens too [user_id]
Any other SOCK_* variable that template.yaml gives to a function (SOCK_DOMAIN_HANDLE, SOCK_DOMAINS, SOCK_JWT_HEADER,
SOCK_JWT_LEEWAY, SOCK_JWT_SECRET_PREVIOUS, SOCK_REDIS_PREFIX, SOCK_API_USER_AGENT, SOCK_LOG) is passed on to it in place of the template's value. SOCK_PUSH_ENDPOINT and
SOCK_QUEUE_URL are always the stack's own.";

/// Every fault that can be asked for.
const FAULTS: &str = "\
Faults, with --fault or while the stack runs (PUT /faults at the address `control` of --json):
  disconnect-lost=0.1                    $disconnect doesn't run
  message-refused=0.1                    a client's message closes its connection with 1008, too many requests
  push-throttled=0.1, push-full=0.1      @connections answers 429, for its rate or the client's full buffer
  push-gone=0.1, push-failed=0.1         it answers 410 for an open connection, or 500
  push-latency=50..200                   it takes that many milliseconds
  push-late=0.1, push-late-by=500..2000  it accepts a message and delivers it that many milliseconds later
  function-late=3000                     a function begins that many milliseconds later to work on a request
  kill=0.01                              a function is killed while it works on a request
  queue-failed=0.1                       the queue answers 500 to a message that is sent
  queue-late=0.1, queue-doubled=0.1      the queue delivers a message late, or once more
  queue-late-by=500..2000                by that many milliseconds
POST /connections/cut {\"fraction\": 0.5} at `control` cuts that share of the connections without a goodbye.";

/// Senna on this machine: the functions, API Gateway in front, Redis and a sample platform at their side.
#[derive(Debug, Parser)]
#[command(name = "senna", version, after_help = [ENVIRONMENT, FAULTS].join("\n\n"), args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

/// Flags of the stack itself.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Run {
    /// Print one JSON line on standard output when everything is ready, for scripts: `page`, `rest`, `websocket`, `push`, `lambda`, `queues`, `redis`, `platform`, `uploads`, `control`, `jwt_secret`
    #[arg(long)]
    json: bool,
    /// Keep nothing: data goes to a temporary folder that is removed at the end
    #[arg(long)]
    fresh: bool,
    /// Stop when standard input closes, which happens whenever the script or test that started this ends
    #[arg(long)]
    stop_with_stdin: bool,
    /// Don't build: use the functions that lie beside this program
    #[arg(long)]
    no_build: bool,
    /// Build the functions again when their sources change, and use the new ones as soon as they build; connections stay open
    #[arg(long, conflicts_with = "no_build")]
    watch: bool,
    /// The most processes at a time of a function without `ReservedConcurrentExecutions`; beyond it requests wait, where AWS would
    /// answer with an error at a thousand
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Stop each process between two requests, as Lambda freezes it: its sockets stay open, and it does nothing after its answer
    #[arg(long)]
    freeze: bool,
    /// Start a new process for every request, so that each is a cold start
    #[arg(long, conflicts_with = "freeze")]
    cold: bool,
    /// Refuse requests to `@connections` and to the queue that are not signed with the functions' keys, as AWS does
    #[arg(long)]
    sigv4: bool,
    /// Let the clock of gateway, queue and schedule run N times as fast: idle and old connections are closed after 10 minutes / N and 2 hours / N
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    clock_scale: u32,
    /// Run what is on a schedule every MS milliseconds, in place of what the template says; 0 never runs it
    #[arg(long, value_name = "MS")]
    schedule: Option<u64>,
    /// Let a fault happen, with a chance from 0 to 1; give it again for more faults. See below
    #[arg(long, value_name = "NAME=VALUE")]
    fault: Vec<String>,
    /// The seed of the random numbers that decide about faults: the same seed makes the same decisions [default: another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Also write FILE, which lets functions in Docker use this stack: `sam local start-api --env-vars FILE`
    #[arg(long, value_name = "FILE", env = "SENNA_SAM_ENV")]
    sam_env: Option<PathBuf>,
    /// The value of a parameter of the template, in place of its default; give it again for more parameters
    #[arg(long, value_name = "KEY=VALUE", value_parser = parameter)]
    parameter: Vec<(String, String)>,
    /// Another template than this workspace's template.yaml; the functions are built in its folder
    #[arg(long, value_name = "FILE", global = true)]
    template: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a development token for a user
    Token {
        /// The user's id; digits make a numeric id
        #[arg(long, value_name = "ID")]
        user: String,
        /// How long it is valid, in seconds
        #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
        ttl: u32,
    },
    /// Check a deployment from outside, step by step, and say of each failure what is likely wrong and what to do
    ///
    /// It reads from every REST route, sends two messages, cuts a connection and comes back. At the end it deletes its messages; their
    /// conversation stays in the inbox of the user. It fails if a step failed.
    Check(Check),
    /// Connect to the WebSocket, print every frame, and send every line that is typed
    Listen(Deployment),
    /// Chat in the terminal with a user or in a topic, on this machine's stack or any deployment
    ///
    /// It shows the last 20 messages, then what happens, and marks as read what it shows. A typed line is sent; /help lists what
    /// else there is. When its connection is cut it comes back and loses nothing. From a pipe it sends line by line, ends with the
    /// input, and fails if one of the lines failed.
    Chat(Chat),
    /// Take over the data of the Node.js server before Senna: conversations, inboxes, read positions. docs/migrate.md says how
    ///
    /// It only reads from the old server's Redis. It may be stopped and run again. At the end it compares both sides, and fails if
    /// they differ.
    Migrate(Migrate),
    /// Kill what is left when the stack has gone
    #[command(hide = true)]
    Guard,
}

#[derive(Debug, Args)]
struct Chat {
    #[command(flatten)]
    deployment: Deployment,
    /// The user to chat with
    #[arg(
        long,
        value_name = "USER",
        required_unless_present = "topic",
        conflicts_with = "topic"
    )]
    with: Option<String>,
    /// The topic to chat in
    #[arg(long)]
    topic: Option<String>,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    deployment: Deployment,
    /// The user who gets the messages of the check; needs --user. Your webhook may be told that one of them waits for this user. Without it they go to
    /// the user's own notes, and nobody else sees them
    #[arg(long, value_name = "ID", requires = "user")]
    with: Option<String>,
    /// Also check that pages of this origin may use the deployment, as `https://www.example.com`
    #[arg(long)]
    origin: Option<String>,
    /// The deployment has no `ApiUrl`: don't check what the platform says of users
    #[arg(long)]
    no_platform: bool,
}

#[derive(Debug, Args)]
struct Migrate {
    /// The old server's Redis, `redis://` or `rediss://`
    #[arg(long, value_name = "URL", env = "SENNA_MIGRATE_FROM", hide_env_values = true)]
    from: String,
    /// Senna's Redis, as `SOCK_REDIS_URL` names it
    #[arg(long, value_name = "URL", env = "SENNA_MIGRATE_TO", hide_env_values = true)]
    to: String,
    /// First part of the old server's keys, its `SOCK_REDIS_PREFIX`; may be empty
    #[arg(long, default_value = "senna-sockets")]
    prefix: String,
    /// First part of Senna's keys, its `SOCK_REDIS_PREFIX`
    #[arg(long, value_name = "PREFIX", default_value = "senna-sockets")]
    to_prefix: String,
    /// A site (`SOCK_DOMAIN_HANDLE`) to take over, and its name in Senna if that is another one; give it again for more [default: all]
    #[arg(long, value_name = "OLD[=NEW]", value_parser = migrate::site)]
    site: Vec<(String, migrate::Site)>,
    /// Take every message for read: for a platform whose clients never said `seen`
    #[arg(long)]
    all_read: bool,
    /// Write nothing but the report
    #[arg(long)]
    dry_run: bool,
    /// Where every finding is named, without texts of messages
    #[arg(long, value_name = "FILE", default_value = "migrate-report.tsv")]
    report: PathBuf,
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What the command line takes. A test parses the commands of the documents with it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        // Before anything that can fail or start threads: the guard must outlive everything else.
        Some(Command::Guard) => {
            guard::run(io::stdin());
            return ExitCode::SUCCESS;
        }
        command => on_runtime(perform(command, cli.run)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // It fails when nobody reads standard error any more.
            drop(writeln!(io::stderr(), "senna: {}", sentence(&*error)));
            ExitCode::FAILURE
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

async fn perform(command: Option<Command>, run: Run) -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env();
    let folders = Folders::new(run.template.as_deref());
    let mint =
        |user: &str, ttl: u32| Signer::new(&settings, &folders.state())?.mint(user, Duration::from_secs(ttl.into()));
    match command {
        None => serve(&settings, run).await,
        Some(Command::Token { user, ttl }) => {
            screen::line(mint(&user, ttl)?);
            Ok(())
        }
        Some(Command::Listen(deployment)) => {
            let token = deployment.token(&settings, &folders)?;
            Ok(listen::listen(&deployment.socket(&settings)?, &token).await?)
        }
        Some(Command::Chat(Chat {
            deployment,
            with,
            topic,
        })) => {
            let options = chat::Options {
                url: deployment.socket(&settings)?,
                api: deployment.rest(&settings)?,
                token: deployment.token(&settings, &folders)?,
                with: topic.map_or_else(|| With::User(with.unwrap_or_default()), With::Topic),
            };
            Ok(chat::chat(options).await?)
        }
        Some(Command::Migrate(Migrate {
            from,
            to,
            prefix,
            to_prefix,
            site,
            all_read,
            dry_run,
            report,
        })) => {
            let options = migrate::Options {
                from,
                to,
                prefix,
                to_prefix,
                sites: site.into_iter().collect(),
                all_read,
                dry_run,
                report,
            };
            Ok(migrate::migrate(&options).await?)
        }
        Some(Command::Check(Check {
            deployment,
            with,
            origin,
            no_platform,
        })) => {
            let token = deployment.token(&settings, &folders)?;
            let reader = with.map(|user| deployment.token_of(&user, &settings, &folders));
            let options = check::Options {
                rest: deployment.rest(&settings)?.ok_or(DeploymentError::NoRest)?,
                socket: deployment.socket(&settings)?,
                reader: reader.transpose()?.unwrap_or_else(|| token.clone()),
                token,
                origin,
                with_platform: !no_platform,
            };
            Ok(check::check(options).await?)
        }
        Some(Command::Guard) => Ok(()),
    }
}

async fn serve(settings: &Settings, run: Run) -> Result<(), Box<dyn Error>> {
    let Run {
        json,
        fresh,
        stop_with_stdin,
        no_build,
        watch,
        concurrency,
        freeze,
        cold,
        sigv4,
        clock_scale,
        schedule,
        fault,
        seed,
        sam_env,
        parameter,
        template,
    } = run;
    let mut faults = Plan::default();
    fault.iter().try_for_each(|text| faults.add(text))?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    if !faults.is_empty() {
        logs::stack(format_args!("faults: {} --seed {seed}", faults.to_json()));
    }
    let options = Options {
        template,
        parameters: parameter.into_iter().collect(),
        build: match (no_build, watch) {
            (true, _) => Build::Never,
            (false, true) => Build::Again,
            (false, false) => Build::Once,
        },
        fresh,
        concurrency: concurrency.into(),
        rest: match (cold, freeze) {
            (true, _) => Rest::Ends,
            (false, true) => Rest::Frozen,
            (false, false) => Rest::Waits,
        },
        sam_env,
        sigv4,
        clock_scale,
        faults,
        seed,
        schedules: match schedule {
            None => Pace::Template(clock_scale),
            Some(0) => Pace::Never,
            Some(millis) => Pace::Every(Duration::from_millis(millis)),
        },
        // With --json, only the variable decides whether there are routes for the platform.
        platform_key: (!json).then(random_key),
    };
    let mut stop = StopSignal::new(stop_with_stdin);
    let stack = tokio::select! {
        stack = Stack::start(settings, &options) => stack?,
        // Dropping a half-started stack stops what it had started.
        () = stop.asked() => return Ok(()),
    };
    if json {
        screen::ready_json(stack.addresses());
    } else {
        screen::ready(stack.addresses(), "cargo run --");
    }
    stop.asked().await;
    tokio::select! {
        () = stack.stop() => {}
        // The user asked twice. The guard kills what is left.
        () = stop.asked() => {}
    }
    Ok(())
}

/// An error and its causes as one sentence.
fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::stack::StackError;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_error_is_one_sentence_with_its_causes() {
        let cause = io::Error::other("no space left");
        let error = StackError::Guard(cause);
        assert_eq!(sentence(&error), "can't start the guard process: no space left");
    }
}

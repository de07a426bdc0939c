//! `senna check`: a deployment from outside, step by step, for a person who deploys for the first time.
//!
//! `probes` has what every REST route is asked, and what a wrong answer means; the function `check` asks the same before a new version gets traffic.
//! Here is what only a client can see: addresses, clocks, connections, pushes, and what the platform says.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod clock;
mod conversation;
mod report;
mod rest;
mod socket;

use std::sync::Arc;

use futures_util::future::join_all;
use probes::{Call, PROBES, Problem};
use reqwest::Method;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use self::{
    report::{Report, skip},
    rest::{Request, Rest},
    socket::Line,
};
use super::connect::tls;
use crate::aws::clock::now_ms;

/// How many requests at once must get through.
const BURST: usize = 10;

const NO_REST: &str = "because the REST API does not answer";
const NO_CONNECTION: &str = "because there is no connection";

/// What is checked, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The REST API's address.
    pub rest: String,
    /// The WebSocket's address.
    pub socket: String,
    /// The token of the user who checks.
    pub token: String,
    /// The token of the user who gets the messages, which may be the same.
    pub reader: String,
    /// The origin of pages that must be allowed.
    pub origin: Option<String>,
    /// Whether the platform must be known.
    pub with_platform: bool,
}

/// Why a check is no success.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The REST address is none.
    #[error("{0} is not an address such as http://localhost:3005/api or https://chat.example.com/api")]
    Address(String),
    /// Some steps failed.
    #[error("{0} of the steps failed; correct the first one, then check again")]
    Failed(usize),
}

/// Checks a deployment, and shows a line for each step.
///
/// # Errors
/// [`CheckError`], if a step fails.
pub async fn check(options: Options) -> Result<(), CheckError> {
    let tls = tls();
    let check = Check {
        rest: Rest::new(&options.rest, &options.token, &tls)?,
        report: Report::default(),
        tls,
        options,
    };
    match check.run().await {
        0 => Ok(()),
        failed => Err(CheckError::Failed(failed)),
    }
}

/// A check under way.
struct Check {
    options: Options,
    tls: Arc<ClientConfig>,
    rest: Rest,
    report: Report,
}

impl Check {
    /// Goes through all steps, and says how many have failed.
    async fn run(mut self) -> usize {
        let welcome = self.welcome().await;
        let answered = self.report.step("rest", welcome);
        let mut is_accepted = false;
        if let Some(date) = &answered {
            let clock = clock::compare(date.as_deref(), now_ms()).map(|said| (said, ()));
            self.report.step("clock", clock);
            let token = self.token().await;
            is_accepted = self.report.step("token", token).is_some();
        } else {
            skip(&["clock", "token"], NO_REST);
        }
        let parties = self.handshakes().await;
        let parties = self.report.step("handshake", parties);
        // Before all else that asks the platform: functions leave a slow platform alone for a moment, and it would look as if it were not there.
        match &parties {
            _ if !self.options.with_platform => {}
            Some((writer, _)) => {
                let platform = self.platform(&writer.id()).await;
                self.report.step("platform", platform);
            }
            None => skip(&["platform"], NO_CONNECTION),
        }
        if answered.is_some() {
            let functions = self.functions(is_accepted).await;
            self.report.step("functions", functions);
        } else {
            skip(&["functions"], NO_REST);
        }
        if is_accepted {
            let limits = self.limits().await;
            self.report.step("limits", limits);
        } else {
            skip(&["limits"], "because no token was accepted");
        }
        match parties {
            Some(parties) => self.messages(parties).await,
            None => skip(&conversation::STEPS, NO_CONNECTION),
        }
        if let Some(origin) = self.options.origin.clone() {
            let allowed = self.origin(&origin).await;
            self.report.step("origin", allowed);
        }
        self.report.failed()
    }

    /// The service is there. Finds the date of its answer.
    async fn welcome(&self) -> Result<(String, Option<String>), Problem> {
        let request = Request {
            path: "/api",
            ..Request::default()
        };
        let (answer, headers) = self.rest.send(&request).await?;
        if answer.status != 200 || answer.body["success"] != true {
            return Err(Problem::of(&answer));
        }
        let date = headers
            .get("date")
            .and_then(|date| date.to_str().ok())
            .map(str::to_owned);
        Ok(("Senna answers".to_owned(), date))
    }

    /// The token is accepted.
    async fn token(&self) -> Result<(String, ()), Problem> {
        let times = clock::of_token(&self.options.token, now_ms());
        let body = self.rest.ask(Method::GET, "/api", "", 200).await;
        let body = body.map_err(|problem| Problem {
            said: format!("{}; {times}", problem.said),
            ..problem
        })?;
        if body["authenticated"] == true {
            return Ok((format!("it is accepted; {times}"), ()));
        }
        Err(Problem::new(
            "the token did not arrive",
            "something in between removes the header Authorization",
            "call the API without a proxy in between",
        ))
    }

    /// Each function of a REST route answers, and its store too.
    async fn functions(&self, signed: bool) -> Result<(String, ()), Problem> {
        let (mut asked, mut failed, mut first) = (Vec::new(), Vec::new(), None);
        let rest = PROBES.iter().filter(|probe| matches!(probe.call, Call::Rest { .. }));
        for probe in rest.filter(|probe| signed || !probe.signed) {
            if asked.last() != Some(&probe.function) {
                asked.push(probe.function);
            }
            if let Err(problem) = probe.run(&self.rest).await {
                failed.push(probe.function);
                first.get_or_insert(problem);
            }
        }
        failed.dedup();
        match first {
            None => Ok((format!("{} answer, each as it should", asked.len()), ())),
            Some(problem) => Err(Problem {
                said: format!("{}: {}", failed.join(", "), problem.said),
                ..problem
            }),
        }
    }

    /// Some requests at once get through.
    async fn limits(&self) -> Result<(String, ()), Problem> {
        let start = Instant::now();
        let asking = (0..BURST).map(|_| self.rest.ask(Method::GET, "/api/blocks", "", 200));
        let answers: Result<Vec<_>, Problem> = join_all(asking).await.into_iter().collect();
        answers?;
        let took = start.elapsed().as_millis();
        Ok((format!("{BURST} requests at once are answered, within {took} ms"), ()))
    }

    /// Pages of an origin may use both APIs.
    async fn origin(&self, origin: &str) -> Result<(String, ()), Problem> {
        let refused = |what: &str| {
            Problem::new(
                format!("{what} does not allow pages of {origin}"),
                "the parameter AllowedOrigins does not have this origin",
                "add it to AllowedOrigins, written as the browser writes it: scheme, host, and a port unless it is the usual one",
            )
        };
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        let preflight = Request {
            method: Method::OPTIONS,
            path: "/api/user/senna-check",
            headers: &headers,
            ..Request::default()
        };
        let (answer, headers) = self.rest.send(&preflight).await?;
        let allowed = headers.get("access-control-allow-origin");
        let allowed = allowed.and_then(|allowed| allowed.to_str().ok());
        let is_allowed = allowed.is_some_and(|allowed| allowed == "*" || allowed == origin);
        if !(200..300).contains(&answer.status) || !is_allowed {
            return Err(refused("the REST API"));
        }
        Line::open(&self.options.socket, Some(&self.options.token), Some(origin), &self.tls).await?;
        Ok((format!("pages of {origin} may use both APIs"), ()))
    }
}

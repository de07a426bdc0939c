//! What is asked of a deployment to see whether it works, and what a wrong answer means.
//!
//! Two programs ask: `cargo run -- check`, over the network, after a deployment; and the function `check`, which invokes a new version of a function
//! before it gets traffic. The questions and the judgement are the same, so both are here. How a question gets there is their [`Way`]. This crate
//! knows neither the core nor the local stack.
//!
//! No probe changes data. A signed one takes from the limits of use of its user, whose key in the store expires within seconds.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod event;
mod problem;
mod table;

use serde_json::Value;

pub use problem::Problem;
pub use table::PROBES;

/// A user who sends and receives nothing. Probes name this id where a route needs one.
pub const USER: &str = "senna-check";

/// A question to one function.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The function, by the name of its folder.
    pub function: &'static str,
    /// What it is asked.
    pub call: Call,
    /// Whether the call carries a token.
    pub signed: bool,
    expected: Expected,
}

/// What a function is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A request of the HTTP API.
    Rest {
        /// Method and path of the route, as `template.yaml` has them.
        route: &'static str,
        /// The path, with its query.
        path: &'static str,
        /// The body; empty for none.
        body: &'static str,
    },
    /// A handshake of the WebSocket API.
    Connect,
    /// The end of a connection that never was.
    Disconnect,
    /// A frame of a connection that never was.
    Frame(&'static str),
    /// A batch of the queue without jobs.
    Jobs,
}

/// The right answer.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// One of these statuses, in our form.
    Status(&'static [u16]),
    /// A frame with a result.
    Result,
    /// A frame with the error that has this code.
    Refusal(&'static str),
    /// No job that failed.
    NoFailures,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `Null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// An answer whose body is this text.
    pub fn new(status: u16, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body).unwrap_or_default();
        Self { status, body }
    }

    /// Whether Senna wrote it, as far as its form tells: a JSON object, and for an error the one form of all errors.
    pub fn is_ours(&self) -> bool {
        match self.status {
            ..400 => self.body.is_object(),
            status => self.body["error"] == true && self.body["status"] == status,
        }
    }
}

/// How a question gets to a function, and its answer back.
pub trait Way {
    /// Asks.
    ///
    /// # Errors
    /// [`Problem`] if there is no answer.
    fn ask(&self, probe: &Probe) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

impl Probe {
    /// Asks on this way, and judges the answer.
    ///
    /// # Errors
    /// [`Problem`] if there is no answer, or a wrong one.
    pub async fn run(&self, way: &impl Way) -> Result<(), Problem> {
        self.judge(&way.ask(self).await?)
    }

    fn judge(&self, answer: &Answer) -> Result<(), Problem> {
        let is_right = match self.expected {
            Expected::Status(right) => right.contains(&answer.status) && answer.is_ours(),
            Expected::Result => answer.status == 200 && answer.body["result"].is_object(),
            Expected::Refusal(code) if answer.body["error"]["code"] == code => true,
            // A frame has its error inside.
            Expected::Refusal(_) if answer.body["error"].is_object() => {
                let error = &answer.body["error"];
                let status = error["status"].as_u64().and_then(|status| status.try_into().ok());
                let (status, body) = (status.unwrap_or(answer.status), error.clone());
                return Err(Problem::of(&Answer { status, body }));
            }
            Expected::Refusal(_) => false,
            Expected::NoFailures => answer.body["batchItemFailures"] == Value::Array(Vec::new()),
        };
        if is_right { Ok(()) } else { Err(Problem::of(answer)) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn probe(function: &str, signed: bool) -> &'static Probe {
        let mut found = PROBES.iter().filter(|probe| probe.function == function);
        found.find(|probe| probe.signed == signed).unwrap()
    }

    #[test]
    fn an_answer_in_our_form_with_the_right_status_is_right() {
        let ours = Answer::new(401, br#"{"error":true,"status":401,"code":"NOT_AUTHENTICATED"}"#);
        let gateways = Answer::new(401, br#"{"message":"Unauthorized"}"#);
        let list = probe("list", false);
        assert!(list.judge(&ours).is_ok());
        assert!(list.judge(&gateways).is_err(), "API Gateway's own 401 proves nothing");
        assert!(probe("list", true).judge(&ours).is_err());
        let read = Answer::new(200, br#"{"entries":[]}"#);
        assert!(probe("list", true).judge(&read).is_ok());
        assert!(probe("list", true).judge(&Answer::new(200, b"<html>")).is_err());
    }

    #[test]
    fn the_error_of_a_frame_is_judged_by_its_own_status() {
        let sync = PROBES
            .iter()
            .find(|probe| matches!(probe.expected, Expected::Refusal(_)));
        let down = json!({"error": {"error": true, "code": "UNAVAILABLE", "status": 503}});
        let answer = Answer {
            status: 200,
            body: down,
        };
        let problem = sync.unwrap().judge(&answer).unwrap_err();
        assert!(problem.cause.contains("Redis"), "{problem}");
    }

    #[test]
    fn signed_probes_are_of_rest_routes_and_change_nothing() {
        for probe in PROBES.iter().filter(|probe| probe.signed) {
            let Call::Rest { route, body, .. } = probe.call else {
                panic!("{probe:?}")
            };
            // A write names a message that does not exist, or has a body without what it needs.
            let Expected::Status(right) = probe.expected else {
                panic!("{probe:?}")
            };
            let refused = right.iter().all(|status| *status >= 400);
            assert!(route.starts_with("GET ") || refused, "{route} {body}");
        }
    }

    #[test]
    fn every_function_is_asked_without_a_token_first() {
        let functions: BTreeSet<_> = PROBES.iter().map(|probe| probe.function).collect();
        for function in functions {
            let first = PROBES.iter().find(|probe| probe.function == function).unwrap();
            assert!(!first.signed, "{function}");
        }
    }
}

//! REST requests of a check.

use std::time::Duration;

use probes::{Answer, Call, Probe, Problem, Way};
use reqwest::{Client, Method, header::HeaderMap};
use tokio_rustls::rustls::ClientConfig;

use super::CheckError;
use crate::developer::{harmless::harmless, rest};

/// How long an answer may take: the longest that API Gateway waits for a function.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The REST API with the token of the user who checks.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client,
    /// The address without `/api`.
    base: String,
    token: String,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The path, `/api` included, and the query.
    pub(super) path: &'a str,
    /// The body; empty for none.
    pub(super) body: &'a str,
    /// Whether it carries the token.
    pub(super) signed: bool,
    pub(super) headers: &'a [(&'static str, &'a str)],
}

impl Rest {
    /// The API at this address, which may end in `/api` or not.
    ///
    /// # Errors
    /// [`CheckError::Address`].
    pub(super) fn new(url: &str, token: &str, tls: &ClientConfig) -> Result<Self, CheckError> {
        let found = rest::client(url, tls, ANSWER_LIMIT);
        let (client, base) = found.ok_or_else(|| CheckError::Address(harmless(url)))?;
        Ok(Self {
            client,
            base,
            token: token.to_owned(),
        })
    }

    /// Asks, and returns the answer with its headers.
    ///
    /// # Errors
    /// [`Problem`], if there is no answer.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<(Answer, HeaderMap), Problem> {
        let url = format!("{}{}", self.base, request.path);
        let mut sending = self.client.request(request.method.clone(), url);
        if request.signed {
            sending = sending.bearer_auth(&self.token);
        }
        if !request.body.is_empty() {
            sending = sending
                .header("Content-Type", "application/json")
                .body(request.body.to_owned());
        }
        for (name, value) in request.headers {
            sending = sending.header(*name, *value);
        }
        let response = sending.send().await.map_err(|error| self.no_answer(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = rest::body(response).await.map_err(|error| self.no_answer(&error))?;
        Ok((Answer::new(status, &body.unwrap_or_default()), headers))
    }

    /// Asks with the token, and returns the body of an answer with this status.
    ///
    /// # Errors
    /// [`Problem`], if there is no answer, or another one.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &str,
        right: u16,
    ) -> Result<serde_json::Value, Problem> {
        let request = Request {
            method,
            path,
            body,
            signed: true,
            headers: &[],
        };
        let (answer, _) = self.send(&request).await?;
        if answer.status == right && answer.is_ours() {
            Ok(answer.body)
        } else {
            Err(Problem::of(&answer))
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Problem {
        if error.is_timeout() {
            return Problem::new(
                format!("{} did not answer within {} s", self.base, ANSWER_LIMIT.as_secs()),
                "the host does not take connections from here, or a function hangs",
                "look whether this machine reaches the internet, and whether a firewall or proxy is in between",
            );
        }
        Problem::new(
            format!("there is no connection to {}", self.base),
            "the address is wrong, nothing runs there, or its certificate is not valid",
            "give the output RestAddress of the stack; on a custom domain look at its DNS record and its certificate",
        )
    }
}

impl Way for Rest {
    async fn ask(&self, probe: &Probe) -> Result<Answer, Problem> {
        let Call::Rest { route, path, body } = probe.call else {
            // Only API Gateway itself can send the other events.
            return Err(Problem::new(
                "this is no request",
                "this program has a fault",
                "report it",
            ));
        };
        let method = route.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
        let request = Request {
            method,
            path,
            body,
            signed: probe.signed,
            headers: &[],
        };
        Ok(self.send(&request).await?.0)
    }
}

//! Serves the function of the platform's own server: its requests have a key in place of a user's token.

use super::answer::Answer;
use super::event::Event;
use super::rest::RestRequest;
use super::{StartError, in_time};
use crate::adapters::platform_key::{PlatformCaller, PlatformKeys};
use crate::domain::{Domain, ExportPlace, Id, MessageId, ReportId, Target, User};
use crate::error::ApiError;
use crate::ports::ReportsOf;
use crate::wire;

/// A request with one of the platform's keys.
#[derive(Debug)]
pub struct PlatformRequest {
    caller: PlatformCaller,
    rest: RestRequest,
}

impl PlatformRequest {
    /// The part that every request has.
    pub fn rest(&self) -> &RestRequest {
        &self.rest
    }

    /// Method and path of the route, as the template has them.
    pub fn route(&self) -> &str {
        self.rest.route()
    }

    /// The site of the request.
    pub fn domain(&self) -> &Domain {
        &self.caller.domain
    }

    /// `{user}` of the path.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`].
    pub fn user(&self) -> Result<User, ApiError> {
        self.id("user", "the user's id").map(|id| self.user_of(id))
    }

    /// The conversation that a path names by `{target}`, `{a}` and `{b}`: of two users, or of a topic, where `{b}` is `-`. Returned as a member and
    /// that member's name for the conversation.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`]; [`ApiError::InvalidField`] for a topic with two ids.
    pub fn conversation(&self) -> Result<(User, Target), ApiError> {
        let kind = self.rest.path_parameter("target");
        if kind == "topic" {
            if self.rest.path_parameter("b") != "-" {
                return Err(ApiError::InvalidField {
                    field: "what follows the topic's id in the path",
                    expected: "-",
                });
            }
            let topic = wire::target(kind, self.rest.path_parameter("a"))?;
            return Ok((self.user_of(Id::system()), topic));
        }
        let other = wire::target(kind, self.rest.path_parameter("b"))?;
        let user = self.id("a", "the first user's id")?;
        Ok((self.user_of(user), other))
    }

    /// `{id}` of a path that names a report.
    ///
    /// # Errors
    /// [`ApiError::ReportNotFound`] for a text that is not an id of a report.
    pub fn report_id(&self) -> Result<ReportId, ApiError> {
        ReportId::parse(self.rest.path_parameter("id")).ok_or(ApiError::ReportNotFound)
    }

    /// `state` of the query: which reports to list. Without it all of them.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but `open` or `resolved`.
    pub fn reports_of(&self) -> Result<ReportsOf, ApiError> {
        match self.rest.query("state").as_deref() {
            None => Ok(ReportsOf::All),
            Some("open") => Ok(ReportsOf::Open),
            Some("resolved") => Ok(ReportsOf::Resolved),
            Some(_) => Err(ApiError::InvalidField {
                field: "state",
                expected: "open or resolved",
            }),
        }
    }

    /// The position from which a list goes on, from the `next` of its last page.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything else.
    pub fn after(&self) -> Result<Option<u64>, ApiError> {
        let after = self.rest.query("after").map(|text| {
            let id = MessageId::parse(&text).ok_or(ApiError::InvalidField {
                field: "after",
                expected: "the next of a page",
            });
            id.map(|id| id.seq)
        });
        after.transpose()
    }

    /// The place in an export at which the page begins.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but what an earlier page gave.
    pub fn export_place(&self) -> Result<ExportPlace, ApiError> {
        let place = self.rest.query("after").map(|text| {
            ExportPlace::parse(&text).map_err(|_| ApiError::InvalidField {
                field: "after",
                expected: "that of the Link of a page",
            })
        });
        place.unwrap_or(Ok(ExportPlace::default()))
    }

    fn id(&self, name: &str, field: &'static str) -> Result<Id, ApiError> {
        Id::parse(self.rest.path_parameter(name)).map_err(|reason| ApiError::InvalidId { field, reason })
    }

    fn user_of(&self, id: Id) -> User {
        User {
            domain: self.caller.domain.clone(),
            id,
        }
    }
}

/// Serves requests until Lambda ends the process. A request without a key of the platform is refused before the handler sees it. Each request that
/// may change something leaves a line in the log, whatever its outcome. The line has ids and no texts.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve<H, F>(route: &str, keys: &PlatformKeys, handler: H) -> Result<(), StartError>
where
    H: Fn(PlatformRequest) -> F,
    F: Future<Output = Result<Answer, ApiError>>,
{
    let answer = async |event: Event, deadline_ms| {
        let caller = keys.caller(event.headers())?;
        let rest = RestRequest::new(event, None);
        let audit = Audit::new(&caller, &rest);
        let outcome = in_time(deadline_ms, handler(PlatformRequest { caller, rest })).await;
        audit.log(outcome.as_ref().map_or_else(ApiError::status, |answer| answer.status));
        outcome
    };
    super::http::serve(route, answer).await
}

/// Logs a change that the platform asked for. The span of the invocation adds the request's id.
struct Audit {
    caller: PlatformCaller,
    action: String,
    path: String,
    changes: bool,
}

impl Audit {
    fn new(caller: &PlatformCaller, rest: &RestRequest) -> Self {
        Self {
            caller: caller.clone(),
            action: rest.route().to_owned(),
            // The path has ids and nothing else.
            path: rest.path().to_owned(),
            changes: rest.method() != "GET",
        }
    }

    fn log(&self, status: u16) {
        if !self.changes {
            return;
        }
        let PlatformCaller { domain, key } = &self.caller;
        let (action, path) = (&self.action, &self.path);
        tracing::info!(audit = true, action, path, %domain, key, status, "the platform asked for a change");
    }
}

//! Functions of the HTTP API: one event is one request.

use std::convert::Infallible;

use http::{HeaderValue, Method, StatusCode, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, Response, service_fn};
use serde::Serialize;
use tracing::Instrument as _;

use super::{StartError, in_time, log};
use crate::adapters::clock::SystemClock;
use crate::adapters::jwt::Identity;
use crate::app::Caller;
use crate::domain::limits::BODY_BYTES;
use crate::domain::{Cursor, InvalidPage, MessageId, Page, RetryKey, Target, User, Window};
use crate::error::ApiError;
use crate::metrics;
use crate::ports::Clock as _;
use crate::wire;

/// From this length on a body travels in base64, which makes it a third longer whatever it holds.
const BINARY_FROM_BYTES: usize = 1024 * 1024;

/// What a handler answers: a status and a JSON body.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self {
            status: 200,
            body: wire::to_json(body),
        }
    }

    /// 204, which has no body.
    pub fn nothing() -> Self {
        Self {
            status: 204,
            body: String::new(),
        }
    }

    /// 201 with this body.
    pub fn created(body: &impl Serialize) -> Self {
        Self {
            status: 201,
            body: wire::to_json(body),
        }
    }
}

/// A request whose token, if it has one, is good.
#[derive(Debug)]
pub struct RestRequest {
    request: Request,
    user: Option<User>,
}

impl RestRequest {
    /// The user, if the request has a token.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`ApiError::NotAuthenticated`] without a token.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        let user = self.user.clone().ok_or(ApiError::NotAuthenticated)?;
        Ok(Caller { user, connection: None })
    }

    /// Whether the request came here because no other route fits.
    pub fn is_unrouted(&self) -> bool {
        match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref() == Some("$default"),
            _ => false,
        }
    }

    /// Whether a browser asks what a page of another origin may do. The gateway adds the answer's headers, but leaves the status to the
    /// function if a route takes OPTIONS.
    pub fn is_preflight(&self) -> bool {
        let headers = self.request.headers();
        self.request.method() == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// `{target}` and `{id}` of the path.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
    pub fn target(&self) -> Result<Target, ApiError> {
        wire::target(&self.path_parameter("target"), &self.path_parameter("id"))
    }

    /// `{message_id}` of the path.
    pub fn message_id(&self) -> String {
        self.path_parameter("message_id")
    }

    /// No id and no target holds a `%`, so a parameter that arrives still encoded can safely be decoded here.
    fn path_parameter(&self, name: &str) -> String {
        let parameters = self.request.path_parameters_ref();
        let raw = parameters
            .and_then(|parameters| parameters.first(name))
            .unwrap_or_default();
        percent_decoded(raw)
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.request
            .query_string_parameters_ref()
            .and_then(|query| query.first(name))
    }

    /// Whether the query has this name, with a value or without.
    pub fn has_query(&self, name: &str) -> bool {
        self.query(name).is_some()
    }

    /// `page`, and `per_page` or its alias `limit`.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`].
    pub fn page(&self) -> Result<Page, ApiError> {
        Ok(Page::parse(
            self.query("page"),
            self.query("per_page").or_else(|| self.query("limit")),
        )?)
    }

    /// The page, or what stands `before`, `after` or `around` a message.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`]; [`ApiError::MessageNotFound`] for an id that we cannot have given.
    pub fn window(&self) -> Result<Window, ApiError> {
        let page = self.page()?;
        let anchored = [
            (self.query("before"), Window::Before as fn(MessageId, u64) -> Window),
            (self.query("after"), Window::After),
            (self.query("around"), Window::Around),
        ];
        let mut window = self.has_query("page").then_some(Window::Page(page));
        for (anchor, variant) in anchored {
            let Some(text) = anchor else { continue };
            let id = MessageId::parse(text).ok_or(ApiError::MessageNotFound)?;
            if window.replace(variant(id, page.per_page)).is_some() {
                return Err(InvalidPage::Several.into());
            }
        }
        Ok(window.unwrap_or(Window::Page(page)))
    }

    /// `since` of the query, if there is one.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a cursor.
    pub fn since(&self) -> Result<Option<Cursor>, ApiError> {
        self.query("since").map(wire::cursor).transpose()
    }

    /// `since` of the query: the revision that the client knows.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, or not a whole number.
    pub fn revision(&self) -> Result<u64, ApiError> {
        wire::revision(self.query("since").unwrap_or("-"))
    }

    /// `Idempotency-Key`, if there is one.
    ///
    /// # Errors
    /// [`ApiError::InvalidRetryKey`].
    pub fn idempotency_key(&self) -> Result<Option<RetryKey>, ApiError> {
        const NAME: &str = "Idempotency-Key";
        let key = |value: &HeaderValue| wire::retry_key(NAME, value.to_str().unwrap_or_default());
        self.request.headers().get(NAME).map(key).transpose()
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`ApiError::BodyTooLarge`]; [`ApiError::InvalidJson`] if it is no UTF-8.
    pub fn body(&self) -> Result<&str, ApiError> {
        let body = self.request.body();
        if body.len() > BODY_BYTES {
            return Err(ApiError::BodyTooLarge(body.len()));
        }
        std::str::from_utf8(body).map_err(|_| ApiError::InvalidJson("body"))
    }
}

fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Serves requests until Lambda ends the process. A bad token is refused before the handler sees the request.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve<H, F>(route: &str, identity: &Identity, handler: H) -> Result<(), StartError>
where
    H: Fn(RestRequest) -> F + Sync,
    F: Future<Output = Result<Answer, ApiError>> + Send,
{
    let handler = &handler;
    let respond = |request: Request| {
        let context = request.lambda_context();
        let span = log::span(route, &context);
        let answer = async move {
            let work = async {
                let user = identity.of_headers(request.headers()).await?;
                handler(RestRequest { request, user }).await
            };
            let outcome = in_time(context.deadline, work).await;
            log::log_outcome(outcome.as_ref().map(|answer| answer.status));
            metrics::flush(SystemClock.now_ms());
            Ok::<_, Infallible>(response(outcome, &context.request_id))
        };
        answer.instrument(span)
    };
    Ok(lambda_http::run(service_fn(respond)).await?)
}

fn response(outcome: Result<Answer, ApiError>, request_id: &str) -> Response<Body> {
    let answer = outcome.unwrap_or_else(|error| Answer {
        status: error.status(),
        body: wire::to_json(&wire::error_body(&error, request_id)),
    });
    // As text, every quote would be escaped once more inside Lambda's own answer, and a full page of quotes exceed its limit.
    let body = if answer.body.len() > BINARY_FROM_BYTES {
        Body::Binary(answer.body.into_bytes())
    } else {
        Body::Text(answer.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

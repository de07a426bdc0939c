//! Functions of the HTTP API: one event is one request.

use std::borrow::Cow;
use std::collections::HashSet;

use http::{HeaderValue, header};

use super::event::Event;
use super::{StartError, in_time};
use crate::adapters::jwt::Identity;
use crate::app::{Caller, Counted};
use crate::domain::limits::{BODY_BYTES, IDS_MAX};
use crate::domain::{
    Cursor, Id, InboxWindow, InvalidPage, MembersPage, MessageId, Page, Principal, Reaction, RetryKey, Target,
    TimeWindow, Upload, User, Window,
};
use crate::error::ApiError;
use crate::wire;

pub use super::answer::Answer;

/// A request whose token, if it has one, is good.
#[derive(Debug)]
pub struct RestRequest {
    event: Event,
    principal: Option<Principal>,
}

impl RestRequest {
    /// A request of this user, if its token names one.
    pub(crate) fn new(event: Event, principal: Option<Principal>) -> Self {
        Self { event, principal }
    }

    /// The user, if the request has a token.
    pub fn user(&self) -> Option<&User> {
        self.principal.as_ref().map(|principal| &principal.user)
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`ApiError::NotAuthenticated`] without a token.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        let principal = self.principal.clone().ok_or(ApiError::NotAuthenticated)?;
        Ok(Caller {
            principal,
            connection: None,
            counted: Counted::First,
        })
    }

    /// The method, as `GET`.
    pub fn method(&self) -> &str {
        self.event.text("/requestContext/http/method")
    }

    /// Method and path of the route, as the template has them.
    pub fn route(&self) -> &str {
        self.event.text("/routeKey")
    }

    /// The path, which API Gateway has decoded.
    ///
    /// # Source
    /// Recorded requests to an HTTP API, in the tests of github.com/hotsock/voker (`vokerhttp/testdata/ingress-paths.json`): the path is decoded,
    /// cut at a question mark (`%3F`), and decoded once more. A function cannot see what was cut off.
    pub fn path(&self) -> &str {
        self.event.text("/rawPath")
    }

    /// The stage, which the path begins with unless it is `$default`.
    ///
    /// # Source
    /// API Gateway developer guide, "Stages for HTTP APIs": the path of a stage with a name is `/{name}/…`, that of `$default` has none.
    pub fn stage(&self) -> &str {
        self.event.text("/requestContext/stage")
    }

    /// The query, as the client wrote it.
    pub fn raw_query(&self) -> &str {
        self.event.text("/rawQueryString")
    }

    /// Whether a browser asks what a page of another origin may do. The gateway adds the answer's headers, but leaves the status to the
    /// function if a route takes OPTIONS.
    pub fn is_preflight(&self) -> bool {
        let headers = self.event.headers();
        self.method() == "OPTIONS"
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// `{target}` and `{id}` of the path.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
    pub fn target(&self) -> Result<Target, ApiError> {
        wire::target(self.path_parameter("target"), self.path_parameter("id"))
    }

    /// `{id}` of a path that is about a topic.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`].
    pub fn topic(&self) -> Result<Target, ApiError> {
        wire::target("topic", self.path_parameter("id"))
    }

    /// `{user}` of the path; `me` is who asks.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`].
    pub fn member(&self, caller: &Caller) -> Result<Id, ApiError> {
        match self.path_parameter("user") {
            "me" => Ok(caller.principal.user.id.clone()),
            text => Id::parse(text).map_err(|reason| ApiError::InvalidId {
                field: "the member's id",
                reason,
            }),
        }
    }

    /// `{message_id}` of the path.
    pub fn message_id(&self) -> String {
        self.path_parameter("message_id").to_owned()
    }

    /// `{upload}` of the path.
    ///
    /// # Errors
    /// [`ApiError::ImageNotFound`] for a text that is not a name of an image.
    pub fn upload(&self) -> Result<Upload, ApiError> {
        Upload::parse(self.path_parameter("upload")).ok_or(ApiError::ImageNotFound)
    }

    /// `message` of the query: the conversation as the reader calls it, and the message, as `user/5/0192…` or `topic/cats/0192…`.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it has another form; [`ApiError::InvalidTarget`], [`ApiError::InvalidId`]; [`ApiError::ImageNotFound`] for an id
    /// that we cannot have given.
    pub fn named_message(&self) -> Result<(Target, MessageId), ApiError> {
        let text = self.query("message").unwrap_or_default();
        let Ok([kind, id, message]) = <[&str; 3]>::try_from(text.split('/').collect::<Vec<_>>()) else {
            return Err(ApiError::InvalidField {
                field: "message",
                expected: "the message that shows the image, as user/5/MESSAGE_ID",
            });
        };
        let message = MessageId::parse(message).ok_or(ApiError::ImageNotFound)?;
        Ok((wire::target(kind, id)?, message))
    }

    /// The address of the request, without a query. It begins with `https`, as every address of API Gateway.
    pub fn address(&self) -> String {
        let host = self.event.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        format!("https://{host}{}", self.path().trim_end_matches('/'))
    }

    /// The same request, whose token may also stand in the query, as `token`. A token in a header counts more.
    ///
    /// # Errors
    /// As [`Identity::of_headers`].
    pub async fn or_token_of_query(mut self, identity: &Identity) -> Result<Self, ApiError> {
        if self.principal.is_none()
            && let Some(token) = self.event.query("token").filter(|token| !token.is_empty())
        {
            self.principal = Some(identity.principal(&token, self.event.headers()).await?);
        }
        Ok(self)
    }

    /// `{reaction}` of the path.
    ///
    /// # Errors
    /// [`ApiError::InvalidReaction`].
    pub fn reaction(&self) -> Result<Reaction, ApiError> {
        Ok(Reaction::parse(self.path_parameter("reaction"))?)
    }

    /// The part of the members that is asked for: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`], [`ApiError::InvalidId`].
    pub fn members_page(&self) -> Result<MembersPage, ApiError> {
        let per_page = self.page()?.per_page;
        let after = self.query("after").map(|text| {
            let field = "after";
            Id::parse(&text).map_err(|reason| ApiError::InvalidId { field, reason })
        });
        Ok(MembersPage {
            after: after.transpose()?,
            limit: usize::try_from(per_page).unwrap_or(usize::MAX),
        })
    }

    /// `{id}` of a path that names another user.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`].
    pub fn other_user(&self) -> Result<Id, ApiError> {
        Id::parse(self.path_parameter("id")).map_err(|reason| ApiError::InvalidId {
            field: "the user's id",
            reason,
        })
    }

    /// The requested part of a list by time: at most `limit` entries after `after`.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`], [`ApiError::InvalidField`].
    pub fn time_window(&self) -> Result<TimeWindow, ApiError> {
        Ok(TimeWindow {
            after: self.query("after").map(|text| wire::time_place(&text)).transpose()?,
            limit: self.page()?.per_page,
        })
    }

    /// The part of the inbox that is asked for: a page, or what stands after `before`; with `hidden`, of what is hidden.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`], [`ApiError::InvalidField`].
    pub fn inbox_window(&self) -> Result<InboxWindow, ApiError> {
        let after = self.query("before").map(|text| wire::inbox_place(&text)).transpose()?;
        if after.is_some() && self.query("page").is_some() {
            return Err(InvalidPage::Several.into());
        }
        Ok(InboxWindow {
            page: self.page()?,
            after,
            hidden: self.flag("hidden")?,
        })
    }

    /// A parameter of the path, taken from the decoded path: whether `pathParameters` arrive decoded is not documented. It is never decoded
    /// again, or `a%2562` would be the user `ab`. Empty if the path is not that of the route: API Gateway finds the route before it decodes
    /// for the second time, so `/api/user/user%252F5` arrives as `/api/user/user/5` and must not mean the user 5.
    pub(super) fn path_parameter(&self, name: &str) -> &str {
        let pattern: Vec<&str> = self.route().split('/').skip(1).collect();
        let path: Vec<&str> = self.path().trim_end_matches('/').split('/').skip(1).collect();
        let behind = path.len().checked_sub(pattern.len());
        let Some((before, ours)) = behind.and_then(|place| path.split_at_checked(place)) else {
            return "";
        };
        // A stage or a mapping may stand before our routes.
        let is_ours = before == [self.stage()] || pattern.first().is_none_or(|root| !before.contains(root));
        let mut pairs = pattern.iter().zip(ours);
        let fits = is_ours
            && pairs
                .clone()
                .all(|(part, segment)| part.starts_with('{') || part == segment);
        let found = pairs.find(|(part, _)| part.trim_start_matches('{').trim_end_matches('}') == name);
        found.filter(|_| fits).map_or("", |(_, segment)| segment)
    }

    pub(super) fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.event.query(name)
    }

    /// Whether the query turns this on: without a value, or with `1` or `true`. `0` and `false` leave it off.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for any other value.
    pub fn flag(&self, field: &'static str) -> Result<bool, ApiError> {
        match self.query(field).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("" | "1" | "true") => Ok(true),
            Some(_) => Err(ApiError::InvalidField {
                field,
                expected: "1, true, 0, false or without a value",
            }),
        }
    }

    /// `page`, and `per_page` or its alias `limit`.
    ///
    /// # Errors
    /// [`ApiError::InvalidPage`].
    pub fn page(&self) -> Result<Page, ApiError> {
        let per_page = self.query("per_page").or_else(|| self.query("limit"));
        Ok(Page::parse(self.query("page").as_deref(), per_page.as_deref())?)
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
        let mut window = self.query("page").map(|_| Window::Page(page));
        for (anchor, variant) in anchored {
            let Some(text) = anchor else { continue };
            let id = wire::message_id(&text)?;
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
        self.query("since").map(|text| wire::cursor(&text)).transpose()
    }

    /// `since` of the query: the revision that the client knows.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, or not a whole number.
    pub fn revision(&self) -> Result<u64, ApiError> {
        wire::revision(self.query("since").as_deref().unwrap_or("-"))
    }

    /// `users` and `topics` of the query: whose profiles are asked for.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if both are absent, or if they are more than [`IDS_MAX`] together; [`ApiError::InvalidId`].
    pub fn profiles(&self) -> Result<(Vec<Id>, Vec<Id>), ApiError> {
        let (users, topics) = (self.ids("users")?, self.ids("topics")?);
        if users.is_none() && topics.is_none() {
            return Err(ApiError::InvalidField {
                field: "users or topics",
                expected: "given, as users=1,2&topics=3",
            });
        }
        let (users, topics) = (users.unwrap_or_default(), topics.unwrap_or_default());
        if users.len() + topics.len() > IDS_MAX {
            return Err(ApiError::InvalidField {
                field: "users and topics",
                expected: "at most 100 ids together",
            });
        }
        Ok((users, topics))
    }

    /// `ids` of the query: the users whose presence is asked for.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, or names more than [`IDS_MAX`]; [`ApiError::InvalidId`].
    pub fn presence_ids(&self) -> Result<Vec<Id>, ApiError> {
        let ids = self.ids("ids")?.filter(|ids| ids.len() <= IDS_MAX);
        ids.ok_or(ApiError::InvalidField {
            field: "ids",
            expected: "at most 100 ids with commas between them",
        })
    }

    /// Ids of the query with commas between them, in the order given and each once. `None` if the query does not have the field; empty places
    /// in the list are left out.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`], which names the field.
    fn ids(&self, field: &'static str) -> Result<Option<Vec<Id>>, ApiError> {
        let Some(list) = self.query(field) else { return Ok(None) };
        let (mut ids, mut known) = (Vec::new(), HashSet::new());
        for text in list.split(',').filter(|text| !text.is_empty()) {
            // A client may ask for the author of system messages, as for any other.
            let id = Id::stored(text).map_err(|reason| ApiError::InvalidId { field, reason })?;
            if known.insert(id.clone()) {
                ids.push(id);
            }
        }
        Ok(Some(ids))
    }

    /// `Idempotency-Key`, if there is one.
    ///
    /// # Errors
    /// [`ApiError::InvalidRetryKey`].
    pub fn idempotency_key(&self) -> Result<Option<RetryKey>, ApiError> {
        const NAME: &str = "Idempotency-Key";
        let key = |value: &HeaderValue| wire::retry_key(NAME, value.to_str().unwrap_or_default());
        self.event.headers().get(NAME).map(key).transpose()
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`ApiError::BodyTooLarge`], [`ApiError::Compressed`]; [`ApiError::InvalidJson`] if it is not UTF-8.
    pub fn body(&self) -> Result<&str, ApiError> {
        let length = self.event.body_bytes();
        if length > BODY_BYTES {
            return Err(ApiError::BodyTooLarge(length));
        }
        self.event.body_text("body")
    }
}

/// Serves requests until Lambda ends the process. A bad token is refused before the handler sees the request.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve<H, F>(route: &str, identity: &Identity, handler: H) -> Result<(), StartError>
where
    H: Fn(RestRequest) -> F,
    F: Future<Output = Result<Answer, ApiError>>,
{
    let answer = async |event: Event, deadline_ms| {
        let work = async {
            let principal = identity.of_headers(event.headers()).await?;
            handler(RestRequest::new(event, principal)).await
        };
        in_time(deadline_ms, work).await
    };
    super::http::serve(route, answer).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::answer::reply;
    use super::*;
    use crate::config::{Environment, IdentityConfig};

    fn request(event: &Value) -> RestRequest {
        let event = Event::new(&serde_json::value::to_raw_value(event).unwrap());
        RestRequest::new(event, None)
    }

    fn to(route: &str, path: &str) -> RestRequest {
        request(&json!({"routeKey": route, "rawPath": path, "pathParameters": {"id": "not read"}}))
    }

    #[test]
    fn a_path_names_one_target_and_no_other() {
        let target = |path: &str| match to("POST /api/{target}/{id}", path).target() {
            Ok(target) => target.to_string(),
            Err(error) => error.code().unwrap_or_default().to_owned(),
        };
        assert_eq!(target("/api/user/auth:a@b+c=d~e.f_g-h"), "user-auth:a@b+c=d~e.f_g-h");
        assert_eq!(target("/live/api/user/5"), "user-5");
        for other in ["a?b", "a#b", "a%b", "a%62", "a%2562", "a\0", "a b", "ä"] {
            assert_eq!(target(&format!("/api/user/{other}")), "INVALID_ID", "{other:?}");
        }
        for other in [
            "/api/user/user/5",
            "/api/api/user/5",
            "/api/villain/x/user/5",
            "/user/5",
            "/x/user/5",
        ] {
            assert_eq!(target(other), "MESSAGES_INVALID_TARGET", "{other}");
        }
        assert_eq!(target("/api/user/5/"), "user-5");
        assert_eq!(target("/api/user/"), "MESSAGES_INVALID_TARGET");
        let in_stage = json!({"routeKey": "POST /api/{target}/{id}", "rawPath": "/api/api/user/5", "requestContext": {"stage": "api"}});
        assert_eq!(request(&in_stage).target().unwrap().to_string(), "user-5");
        let update = to("POST /api/{target}/{id}/{message_id}", "/api/user/5/7");
        assert_eq!(
            (update.target().unwrap().to_string(), update.message_id()),
            ("user-5".to_owned(), "7".to_owned())
        );
    }

    #[test]
    fn a_retry_key_that_cannot_be_read_is_refused_and_not_overlooked() {
        let key = |text: &str| request(&json!({"headers": {"idempotency-key": text}})).idempotency_key();
        assert!(key("a").unwrap().is_some());
        for text in ["ä", "", "\u{fffd}"] {
            assert_eq!(key(text).unwrap_err().code(), Some("INVALID_CLIENT_ID"), "{text}");
        }
        assert!(request(&json!({})).idempotency_key().unwrap().is_none());
    }

    #[test]
    fn profiles_are_asked_for_by_ids_each_once() {
        let asked = |query: &str| match request(&json!({"rawQueryString": query})).profiles() {
            Ok(asked) => format!("{asked:?}"),
            Err(error) => format!("{} {error}", error.code().unwrap_or_default()),
        };
        let some = |users: &[&str], topics: &[&str]| {
            let ids = |texts: &[&str]| texts.iter().map(|text| Id::parse(text).unwrap()).collect::<Vec<_>>();
            format!("{:?}", (ids(users), ids(topics)))
        };
        assert_eq!(asked("users=2,1,2&topics=2,a%2Bb"), some(&["2", "1"], &["2", "a+b"]));
        assert_eq!(asked("topics=%33%2C4"), some(&[], &["3", "4"]));
        for nothing in ["users=", "topics", "users=,&topics=,,"] {
            assert_eq!(asked(nothing), some(&[], &[]), "{nothing}");
        }
        insta::assert_snapshot!(asked(""), @"INVALID_FIELD users or topics must be given, as users=1,2&topics=3");
        insta::assert_snapshot!(asked("users=1, 2"), @"INVALID_ID users must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |");
        insta::assert_snapshot!(asked("users=1&topics=007"), @"INVALID_ID topics must not have leading zeros");
        let list = |count: usize| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        let most = IDS_MAX - 1;
        assert!(asked(&format!("users={0},{0}&topics=1", list(most))).starts_with('('));
        let refused = asked(&format!("users={}&topics=1,2", list(most)));
        insta::assert_snapshot!(refused, @"INVALID_FIELD users and topics must be at most 100 ids together");
        assert!(refused.contains(&IDS_MAX.to_string()));
    }

    #[test]
    fn a_flag_is_on_or_off() {
        let flag = |query: &str| request(&json!({"rawQueryString": query})).flag("no_format").ok();
        for on in ["no_format", "no_format=", "no_format=1", "a=b&no_format=true"] {
            assert_eq!(flag(on), Some(true), "{on}");
        }
        for off in ["", "no_formats", "no_format=0", "no_format=false"] {
            assert_eq!(flag(off), Some(false), "{off}");
        }
        assert_eq!(flag("no_format=maybe"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(".*", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// A text as a client may send it, or something that no text is.
    fn any_text() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => ".*".prop_map(Value::from),
            1 => "(/|%|[?]|#|a|api|user)*".prop_map(Value::from),
            1 => prop_oneof![Just("1.2.3.4.5"), Just("xn--"), Just("a:65536"), Just("[::1"), Just("")].prop_map(Value::from),
            1 => any_json(),
        ]
    }

    proptest! {
        /// Whatever the event holds, there is an answer.
        #[test]
        fn every_event_is_answered(
            [host, path, query, method, body, token] in [any_text(), any_text(), any_text(), any_text(), any_text(), any_text()],
            route in prop_oneof![Just("POST /api/{target}/{id}/{message_id}"), Just("$default"), Just("")],
            is_base64 in any::<bool>(),
            other in any_json(),
        ) {
            let env: Environment = [("SOCK_JWT_SECRET".to_owned(), "a secret of more than 32 bytes, for tests".to_owned())].into_iter().collect();
            let identity = Identity::new(IdentityConfig::from_env(&env).unwrap()).unwrap();
            let whole = json!({
                "routeKey": route, "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": is_base64,
                "headers": {"host": host, "x-auth-token": token, "idempotency-key": body},
                "multiValueHeaders": other, "queryStringParameters": other,
                "requestContext": {"http": {"method": method}},
            });
            for event in [whole, other] {
                let request = request(&event);
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(identity.of_headers(request.event.headers())).ok();
                let outcome = request.target().and_then(|_| request.window())
                    .and_then(|_| request.profiles())
                    .and_then(|_| request.since()).and_then(|_| request.idempotency_key()).and_then(|_| request.flag("no_format"))
                    .and_then(|_| wire::RequestBody::parse(request.body()?)?.to_edit())
                    .map(|_| Answer::nothing());
                request.message_id();
                request.is_preflight();
                let reply = serde_json::to_value(reply(outcome, "id", true)).unwrap();
                prop_assert!(reply["statusCode"].as_u64().unwrap() < 500);
            }
        }
    }
}

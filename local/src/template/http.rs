//! The HTTP API of a template: its stage, its CORS and its routes.

use std::time::Duration;

use super::{
    intrinsics::Scope,
    known, timeout,
    wrong::Wrong,
    yaml::{Node, scalar},
};

/// The longest that an HTTP API waits for a function.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);
/// The logical id that the transform gives the API of events that name none.
const IMPLICIT_API: &str = "ServerlessHttpApi";

/// The HTTP API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpApi {
    /// Logical id, which stands in for the API's id; empty without an API.
    pub id: String,
    /// `StageName`, the first part of every path; `None` for `$default`, which has no part in it.
    pub stage: Option<String>,
    /// `CorsConfiguration`.
    pub cors: Option<Cors>,
    /// The routes.
    pub routes: Vec<HttpRoute>,
}

/// Which pages on other origins may use the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// `AllowOrigins`.
    pub origins: Vec<String>,
    /// `AllowMethods`.
    pub methods: Vec<String>,
    /// `AllowHeaders`.
    pub headers: Vec<String>,
    /// `ExposeHeaders`.
    pub exposed: Vec<String>,
    /// `MaxAge`, in seconds.
    pub max_age: Option<String>,
    /// `AllowCredentials`.
    pub credentials: bool,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// Method in upper case and path, `ANY` for every method; `None` for `$default`.
    pub method_and_path: Option<(String, String)>,
    /// Logical id of the function.
    pub function: String,
    /// The longest that the gateway waits.
    pub timeout: Duration,
}

/// What a template says of an API beside its routes; `globals` is what `Globals` says of all.
///
/// # Errors
/// [`Wrong`], when the local stack can't serve it.
pub(super) fn api(scope: &Scope<'_>, id: &str, own: Option<&Node>, globals: Option<&Node>) -> Result<HttpApi, Wrong> {
    known::only(known::HTTP_API, globals, "Globals.HttpApi")?;
    known::only(known::HTTP_API, own, id)?;
    let property = |key: &str| match (own.and_then(|own| own.get(key)), globals.and_then(|all| all.get(key))) {
        (Some(own), Some(_)) => Err(own.wrong(format!(
            "{key} is in Globals too, and the local stack doesn't merge them"
        ))),
        (own, all) => Ok(own.or(all)),
    };
    if let Some(auth) = property("Auth")? {
        known::only(&["EnableIamAuthorizer"], Some(auth), "Auth")?;
        if let Some(iam) = auth.get("EnableIamAuthorizer")
            && scope.required(iam)? != "false"
        {
            return Err(iam.wrong("the local stack plays no authorizer in front of the functions"));
        }
    }
    let stage = property("StageName")?.map(|node| scope.required(node)).transpose()?;
    let cors = match property("CorsConfiguration")?
        .map(|node| scope.choose(node))
        .transpose()?
        .flatten()
    {
        Some(node) => cors(scope, node)?,
        None => None,
    };
    Ok(HttpApi {
        id: id.to_owned(),
        stage: stage.filter(|stage| stage != "$default"),
        cors,
        routes: Vec::new(),
    })
}

/// # Source
/// SAM specification, `HttpApiCorsConfiguration`: a mapping, or `true` for every origin and nothing more.
fn cors(scope: &Scope<'_>, node: &Node) -> Result<Option<Cors>, Wrong> {
    if let Ok(text) = scalar(node, "CorsConfiguration") {
        return match text {
            "true" => Ok(Some(Cors {
                origins: vec!["*".to_owned()],
                ..Cors::default()
            })),
            "false" => Ok(None),
            _ => Err(node.wrong("CorsConfiguration is true, or a mapping")),
        };
    }
    let keys = [
        "AllowCredentials",
        "AllowHeaders",
        "AllowMethods",
        "AllowOrigins",
        "ExposeHeaders",
        "MaxAge",
    ];
    known::only(&keys, Some(node), "CorsConfiguration")?;
    let list = |key: &str| node.get(key).map_or(Ok(Vec::new()), |list| scope.texts(list));
    let text = |key: &str| node.get(key).map(|value| scope.required(value)).transpose();
    let cors = Cors {
        origins: list("AllowOrigins")?,
        methods: list("AllowMethods")?,
        headers: list("AllowHeaders")?,
        exposed: list("ExposeHeaders")?,
        max_age: text("MaxAge")?,
        credentials: text("AllowCredentials")?.as_deref() == Some("true"),
    };
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        return Err(node.wrong("AllowCredentials can't be with the origin *: API Gateway refuses it"));
    }
    Ok(Some(cors))
}

/// Adds the route of a function's event, with the id of the API that it belongs to.
///
/// # Errors
/// [`Wrong`], when the local stack can't serve it.
pub(super) fn route(
    scope: &Scope<'_>,
    function: &str,
    (name, event): (&str, &Node),
    routes: &mut Vec<(String, HttpRoute)>,
) -> Result<(), Wrong> {
    known::only(known::HTTP_EVENT, event.get("Properties"), &format!("the event {name}"))?;
    let property = |key: &str| event.get("Properties").and_then(|all| all.get(key));
    let text = |key: &str| property(key).map(|node| scope.required(node)).transpose();
    if let Some(at) = property("PayloadFormatVersion").filter(|node| scope.required(node).as_deref() != Ok("2.0")) {
        return Err(at.wrong("the local stack makes events of format 2.0 alone"));
    }
    let method_and_path = match (text("Method")?, text("Path")?) {
        (None, None) => None,
        (_, Some(path)) if path == "$default" => None,
        (method, Some(path)) => Some((method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase(), path)),
        (Some(_), None) => return Err(event.wrong(format!("the event {name} has a Method and no Path"))),
    };
    let method_and_path =
        method_and_path.map(|(method, path)| (if method == "*" { "ANY".to_owned() } else { method }, path));
    if routes.iter().any(|(_, route)| route.method_and_path == method_and_path) {
        return Err(event.wrong(format!("the route of {name} is there twice")));
    }
    let api = text("ApiId")?.unwrap_or_else(|| IMPLICIT_API.to_owned());
    if let Some((other, _)) = routes.first().filter(|(other, _)| *other != api) {
        return Err(event.wrong(format!(
            "the local stack serves one HTTP API; {name} is of {api}, and others of {other}"
        )));
    }
    let timeout = timeout::timeout(scope, property("TimeoutInMillis"), INTEGRATION_LIMIT)?;
    let route = HttpRoute {
        method_and_path,
        function: function.to_owned(),
        timeout,
    };
    routes.push((api, route));
    Ok(())
}

/// The API that the routes belong to, with the routes.
///
/// # Errors
/// [`Wrong`], when the template has no such API.
pub(super) fn with_routes(
    scope: &Scope<'_>,
    root: &Node,
    apis: Vec<HttpApi>,
    routes: Vec<(String, HttpRoute)>,
    globals: Option<&Node>,
) -> Result<HttpApi, Wrong> {
    let Some((id, _)) = routes.first() else {
        return Ok(HttpApi::default());
    };
    let mut api = match apis.into_iter().find(|api| api.id == *id) {
        Some(api) => api,
        None if id == IMPLICIT_API => api(scope, id, None, globals)?,
        None => return Err(root.wrong(format!("a route is of {id}, which is no HTTP API of this template"))),
    };
    api.routes = routes.into_iter().map(|(_, route)| route).collect();
    Ok(api)
}

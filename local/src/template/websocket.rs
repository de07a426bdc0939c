//! The WebSocket API of a template.

use std::{collections::BTreeMap, time::Duration};

use super::{
    intrinsics::Scope,
    known,
    selection::Selection,
    timeout,
    wrong::Wrong,
    yaml::{Node, scalar},
};
use crate::aws::stand_ins::function_arn;

/// The longest that a WebSocket API waits for a function.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(29);

/// The WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketApi {
    /// Logical id, which stands in for the API's id.
    pub id: String,
    /// `StageName`, the first part of the path on AWS.
    pub stage: String,
    /// `RouteSelectionExpression`.
    pub selection: Selection,
    /// The routes by key.
    pub routes: BTreeMap<String, WebSocketRoute>,
}

/// A route of the WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRoute {
    /// Logical id of the function.
    pub function: String,
    /// Whether the function's answer is sent to the client.
    pub two_way: bool,
    /// The longest that the gateway waits.
    pub timeout: Duration,
}

impl WebSocketApi {
    /// Makes all routes one-way that have no response. `answering` are the logical ids of those that have one.
    pub(super) fn keep_two_way(&mut self, answering: &[String]) {
        for (key, route) in &mut self.routes {
            route.two_way &= answering.contains(&route_id(&self.id, key));
        }
    }
}

/// What a template says of an API; `globals` is what `Globals` says of all.
///
/// # Errors
/// [`Wrong`], when the local stack can't serve it.
pub(super) fn api(scope: &Scope<'_>, id: &str, resource: &Node, globals: Option<&Node>) -> Result<WebSocketApi, Wrong> {
    let own = resource.get("Properties");
    known::only(known::WEBSOCKET_API, globals, "Globals.WebSocketApi")?;
    known::only(known::WEBSOCKET_API, own, id)?;
    let property = |key: &str| {
        let own = own.and_then(|own| own.get(key));
        own.or_else(|| globals.and_then(|globals| globals.get(key)))
    };
    let needed = |key: &str| property(key).ok_or_else(|| resource.wrong(format!("{id} needs {key}")));
    let expression = needed("RouteSelectionExpression")?;
    let selection = Selection::parse(&scope.required(expression)?)
        .map_err(|what| expression.wrong(format!("RouteSelectionExpression: {what}")))?;
    let mut routes = BTreeMap::new();
    for (key, route) in property("Routes").map_or(Ok(&[][..]), |node| node.entries("Routes"))? {
        known::only(known::WEBSOCKET_ROUTE, Some(route), &format!("the route {key}"))?;
        let Some(arn) = route.get("FunctionArn") else {
            return Err(route.wrong(format!("the route {key} needs FunctionArn")));
        };
        let target = scope.required(arn)?;
        let Some(function) = target.strip_prefix(&function_arn("")) else {
            return Err(arn.wrong(format!("{target} is not the ARN of a function of this template")));
        };
        let answers = route.get("RouteResponseSelectionExpression");
        let answers = answers.map(|node| scope.required(node)).transpose()?;
        routes.insert(
            key.clone(),
            WebSocketRoute {
                function: function.to_owned(),
                two_way: answers.as_deref() == Some("$default"),
                timeout: timeout::timeout(scope, route.get("IntegrationTimeout"), INTEGRATION_LIMIT)?,
            },
        );
    }
    Ok(WebSocketApi {
        id: id.to_owned(),
        stage: scope.required(needed("StageName")?)?,
        selection,
        routes,
    })
}

/// The route that a `RouteResponse` is for, if it is the `$default` response: the only one that makes a route two-way.
///
/// # Errors
/// [`Wrong`], when it doesn't name its route as expected.
pub(super) fn answered_route(scope: &Scope<'_>, properties: Option<&Node>) -> Result<Option<String>, Wrong> {
    let property = |key: &str| properties.and_then(|properties| properties.get(key));
    match (property("RouteResponseKey"), property("RouteId")) {
        (Some(key), Some(route)) if scope.required(key)? == "$default" => match route.call() {
            // This is not evaluated: it names a resource that only the transform makes.
            Some(("Ref", name)) => scalar(name, "Ref").map(|name| Some(name.to_owned())),
            _ => Err(route.wrong("RouteId must be a !Ref to the route that the transform makes")),
        },
        _ => Ok(None),
    }
}

/// The logical id that the transform gives a route: the API's, the key without `$` and with one capital, and `Route`.
fn route_id(api: &str, key: &str) -> String {
    let (first, rest) = key.trim_start_matches('$').split_at_checked(1).unwrap_or_default();
    format!("{api}{}{}Route", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::route_id;

    #[test]
    fn the_id_of_a_route_is_the_transforms() {
        assert_eq!(route_id("Api", "$default"), "ApiDefaultRoute");
        assert_eq!(route_id("Api", "sendMessage"), "ApiSendmessageRoute");
    }
}

//! Which route of an HTTP API a request takes.
//!
//! # Source
//! API Gateway developer guide, "Routing API requests": full match first, then a match with a greedy variable, then
//! `$default`; the most specific match wins. The path is decoded before it is matched (recorded requests), which is why an
//! encoded slash can't be part of a path variable.

use std::{collections::BTreeMap, time::Duration};

use http::Method;

use crate::template::HttpRoute;

/// The routes of an API, the most specific first.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Route>,
    default: Option<Target>,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `POST /api/{target}/{id}` or `$default`.
    pub key: String,
    /// The function's name.
    pub function: String,
    /// The longest that the gateway waits for it.
    pub timeout: Duration,
}

#[derive(Debug, Clone)]
struct Route {
    /// `None` stands for every method.
    method: Option<String>,
    pattern: Vec<Segment>,
    target: Target,
}

/// A part of a route's path, the most specific kind first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    Variable(String),
    Greedy(String),
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Variable(name.to_owned()),
            },
            None => Self::Exact(text.to_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Exact(_) => 0,
            Self::Variable(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

impl Routes {
    /// Arranges the routes of a template.
    pub fn new(declared: &[HttpRoute]) -> Self {
        let mut routes = Vec::new();
        let mut default = None;
        for route in declared {
            let target = |key: String| Target {
                key,
                function: route.function.clone(),
                timeout: route.timeout,
            };
            match &route.method_and_path {
                None => default = Some(target("$default".to_owned())),
                Some((method, path)) => routes.push(Route {
                    method: (method != "ANY").then(|| method.clone()),
                    pattern: path.split('/').skip(1).map(Segment::parse).collect(),
                    target: target(format!("{method} {path}")),
                }),
            }
        }
        routes.sort_by_key(|route| {
            (
                route.pattern.iter().map(Segment::rank).collect::<Vec<_>>(),
                route.method.is_none(),
            )
        });
        Self { routes, default }
    }

    /// The route for a method and a decoded path, with the values of its path variables.
    pub fn find(&self, method: &Method, path: &str) -> Option<(&Target, BTreeMap<String, String>)> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let fits = |route: &Route| route.method.as_deref().is_none_or(|wanted| wanted == method.as_str());
        let mut found = self.routes.iter().filter(|route| fits(route));
        let found = found.find_map(|route| Some((&route.target, matched(&route.pattern, &segments)?)));
        found.or_else(|| self.default.as_ref().map(|target| (target, BTreeMap::new())))
    }
}

/// The variables of `pattern` in `segments`, if it matches.
fn matched(pattern: &[Segment], segments: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    let mut rest = segments.iter();
    for part in pattern {
        match part {
            Segment::Greedy(name) => {
                let value = rest.as_slice().join("/");
                variables.insert(name.clone(), value.clone());
                return (!value.is_empty()).then_some(variables);
            }
            Segment::Exact(text) => {
                if rest.next() != Some(&text.as_str()) {
                    return None;
                }
            }
            Segment::Variable(name) => {
                let value = rest.next().filter(|value| !value.is_empty())?;
                variables.insert(name.clone(), (*value).to_owned());
            }
        }
    }
    rest.next().is_none().then_some(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let declared = keys.iter().map(|key| HttpRoute {
            method_and_path: key
                .split_once(' ')
                .map(|(method, path)| (method.to_owned(), path.to_owned())),
            function: "F".to_owned(),
            timeout: Duration::from_secs(30),
        });
        Routes::new(&declared.collect::<Vec<_>>())
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let routes = routes(&[
            "$default",
            "ANY /{proxy+}",
            "POST /api/{target}/{id}/{message_id}",
            "GET /api/{target}/{id}",
            "POST /api/{target}/{id}",
            "GET /api/list",
            "POST /api/{target}/{id}/read",
            "GET /api/{rest+}",
        ]);
        let key = |method: Method, path: &str| routes.find(&method, path).unwrap().0.key.clone();
        assert_eq!(key(Method::GET, "/api/list"), "GET /api/list");
        assert_eq!(key(Method::POST, "/api/user/5/read"), "POST /api/{target}/{id}/read");
        assert_eq!(
            key(Method::POST, "/api/user/5/other"),
            "POST /api/{target}/{id}/{message_id}"
        );
        assert_eq!(key(Method::GET, "/api/user/5"), "GET /api/{target}/{id}");
        assert_eq!(key(Method::GET, "/api/user/5/6"), "GET /api/{rest+}");
        assert_eq!(key(Method::DELETE, "/api/list"), "ANY /{proxy+}");
        assert_eq!(key(Method::GET, "/"), "$default");
    }

    #[test]
    fn variables_hold_what_the_path_holds() {
        let routes = routes(&["GET /api/{target}/{id}", "GET /files/{path+}"]);
        let variables = |path: &str| {
            routes
                .find(&Method::GET, path)
                .map(|(_, variables)| variables.into_iter().collect::<Vec<_>>())
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            variables("/api/user/a b@c"),
            Some(vec![pair("id", "a b@c"), pair("target", "user")])
        );
        assert_eq!(variables("/files/a/b"), Some(vec![pair("path", "a/b")]));
        for path in [
            "/api/user/",
            "/api//5",
            "/api/user",
            "/api/user/5/",
            "/files/",
            "/files",
        ] {
            assert_eq!(variables(path), None, "{path}");
        }
    }
}

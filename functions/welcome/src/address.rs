//! Addresses that mean one of our routes, although no route of API Gateway fits them.

use percent_encoding::{CONTROLS, utf8_percent_encode};

/// The routes of the other functions. `tests/tidy` compares them with the template.
const ROUTES: [&str; 37] = [
    "GET /api/list",
    "GET /api/sync",
    "GET /api/profiles",
    "GET /api/presence",
    "GET /api/blocks",
    "POST /api/uploads",
    "GET /api/uploads/{upload}",
    "PUT /api/user/{id}/block",
    "DELETE /api/user/{id}/block",
    "GET /api/{target}/{id}",
    "GET /api/{target}/{id}/changes",
    "POST /api/{target}/{id}",
    "POST /api/{target}/{id}/{message_id}",
    "DELETE /api/{target}/{id}/{message_id}",
    "POST /api/{target}/{id}/read",
    "POST /api/{target}/{id}/{message_id}/report",
    "PUT /api/{target}/{id}/{message_id}/reactions/{reaction}",
    "DELETE /api/{target}/{id}/{message_id}/reactions/{reaction}",
    "PUT /api/{target}/{id}/settings",
    "GET /api/topic/{id}/members",
    "PUT /api/topic/{id}/members/{user}",
    "DELETE /api/topic/{id}/members/{user}",
    "POST /platform/users/{user}/messages/{target}/{id}",
    "GET /platform/conversations/{target}/{a}/{b}",
    "DELETE /platform/messages/{target}/{a}/{b}/{message_id}",
    "PUT /platform/topics/{id}/members/{user}",
    "DELETE /platform/topics/{id}/members/{user}",
    "GET /platform/users/{user}/ban",
    "PUT /platform/users/{user}/ban",
    "DELETE /platform/users/{user}/ban",
    "POST /platform/users/{user}/revoke",
    "GET /platform/users/{user}/export",
    "POST /platform/users/{user}/erase",
    "GET /platform/users/{user}/erase",
    "POST /platform/users/{user}/profile-changed",
    "GET /platform/reports",
    "POST /platform/reports/{id}/resolve",
];

/// Where a request belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Here: `GET /api`, or `HEAD`, as monitors ask.
    Welcome,
    /// To this path of another function, which the client must ask for itself: a path of API Gateway's routes has no empty parts.
    Elsewhere(String),
}

/// The route that is meant by `path`, which is decoded. It begins with the stage, unless that is `$default`.
pub(crate) fn route(method: &str, path: &str, stage: &str) -> Option<Route> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let behind_stage = match parts.split_first() {
        Some((first, rest)) if *first == stage => rest,
        _ => &parts,
    };
    if behind_stage == ["api"] {
        return ["GET", "HEAD"].contains(&method).then_some(Route::Welcome);
    }
    let has_empty_parts = path.split('/').skip(1).count() > parts.len();
    let is_plain = parts.iter().all(|part| is_plain(part));
    let is_ours = has_empty_parts && is_plain && ROUTES.iter().any(|route| fits(route, method, behind_stage));
    is_ours.then(|| Route::Elsewhere(format!("/{}", parts.join("/").replace('|', "%7C"))))
}

/// Whether an id can look so. Anything else would have to be encoded in the new address, and could be decoded there into another id.
fn is_plain(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@~+=|-".contains(&byte);
    part.bytes().all(plain) && part != "." && part != ".."
}

/// The path with the query as the client wrote it.
pub(crate) fn with_query(path: String, query: &str) -> String {
    if query.is_empty() {
        return path;
    }
    format!("{path}?{}", utf8_percent_encode(query, CONTROLS))
}

fn fits(route: &str, method: &str, parts: &[&str]) -> bool {
    let Some((wanted, pattern)) = route.split_once(' ') else {
        return false;
    };
    let mut pattern = pattern.split('/').skip(1);
    let all = parts.iter().all(|part| {
        let wanted = pattern.next();
        wanted.is_some_and(|wanted| wanted.starts_with('{') || wanted == *part)
    });
    wanted == method && all && pattern.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(method: &str, path: &str) -> String {
        match route(method, path, "live") {
            None => "404".to_owned(),
            Some(Route::Welcome) => "200".to_owned(),
            Some(Route::Elsewhere(path)) => format!("308 {path}"),
        }
    }

    #[test]
    fn slashes_too_many_mean_the_route_without_them() {
        let lines: Vec<String> = [
            ("GET", "/api/"),
            ("GET", "//api"),
            ("HEAD", "/api"),
            ("POST", "/api/"),
            ("GET", "/"),
            ("GET", ""),
            ("GET", "/api/list/"),
            ("GET", "//api//list"),
            ("HEAD", "/api/list/"),
            ("GET", "/api/list"),
            ("POST", "/api/list/"),
            ("GET", "/api/lists/"),
            ("POST", "/api/user/5/"),
            ("POST", "/api//user/5//7"),
            ("DELETE", "/api/user/5/7/"),
            ("GET", "/api/user/5/changes/"),
            ("PUT", "/api/user/5/settings/"),
            ("DELETE", "/api/topic/5//members/me"),
            ("GET", "/api/user/5/members/"),
            ("PUT", "/api/user/5/7//reactions/+1"),
            ("PUT", "/api/user/5/7//reactions/\u{1f44d}"),
            ("GET", "/live/api"),
            ("GET", "/live/api/"),
            ("GET", "//live//api/sync"),
            ("POST", "/live/api/user/5/"),
            ("GET", "/live/"),
            ("GET", "/other/api/"),
            ("GET", "/api/user//"),
            ("GET", "//evil.example/"),
            ("POST", "/api/user/auth0|a@b.c/"),
            ("GET", "/api/user/a%62/"),
            ("GET", "/api/user/../"),
            ("GET", "/api/user/ä\r\nSet-Cookie: a/"),
        ]
        .iter()
        .map(|(method, path)| format!("{method} {}: {}", path.escape_debug(), shown(method, path)))
        .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        GET /api/: 200
        GET //api: 200
        HEAD /api: 200
        POST /api/: 404
        GET /: 404
        GET : 404
        GET /api/list/: 308 /api/list
        GET //api//list: 308 /api/list
        HEAD /api/list/: 404
        GET /api/list: 404
        POST /api/list/: 404
        GET /api/lists/: 404
        POST /api/user/5/: 308 /api/user/5
        POST /api//user/5//7: 308 /api/user/5/7
        DELETE /api/user/5/7/: 308 /api/user/5/7
        GET /api/user/5/changes/: 308 /api/user/5/changes
        PUT /api/user/5/settings/: 308 /api/user/5/settings
        DELETE /api/topic/5//members/me: 308 /api/topic/5/members/me
        GET /api/user/5/members/: 404
        PUT /api/user/5/7//reactions/+1: 308 /api/user/5/7/reactions/+1
        PUT /api/user/5/7//reactions/👍: 404
        GET /live/api: 200
        GET /live/api/: 200
        GET //live//api/sync: 308 /live/api/sync
        POST /live/api/user/5/: 308 /live/api/user/5
        GET /live/: 404
        GET /other/api/: 404
        GET /api/user//: 404
        GET //evil.example/: 404
        POST /api/user/auth0|a@b.c/: 308 /api/user/auth0%7Ca@b.c
        GET /api/user/a%62/: 404
        GET /api/user/../: 404
        GET /api/user/ä\r\nSet-Cookie: a/: 404
        ");
        assert_eq!(
            with_query("/a".to_owned(), "b=c&d=\r\n\u{e4}%20"),
            "/a?b=c&d=%0D%0A%C3%A4%20"
        );
        assert_eq!(with_query("/a".to_owned(), ""), "/a");
    }
}

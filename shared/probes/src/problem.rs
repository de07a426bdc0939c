//! What a wrong answer means: the likely cause, and what to do next.

use std::fmt;

use super::Answer;

/// How much of what a server says is shown, in characters.
const SAID_CHARS: usize = 300;

/// Why a check failed, for a person who deploys for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened.
    pub said: String,
    /// What is most likely wrong.
    pub cause: &'static str,
    /// What to do.
    pub next: &'static str,
}

impl Problem {
    /// A problem with these words.
    pub fn new(said: impl Into<String>, cause: &'static str, next: &'static str) -> Self {
        let said = said.into();
        Self { said, cause, next }
    }

    /// A wrong answer.
    pub fn of(answer: &Answer) -> Self {
        let text = |name: &str| -> String {
            let text = answer.body[name].as_str().unwrap_or_default();
            text.chars().take(SAID_CHARS).filter(|c| !c.is_control()).collect()
        };
        let (code, name, message) = (text("code"), text("name"), text("message"));
        let words = [code.as_str(), message.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let said = match words.join(": ") {
            words if words.is_empty() => format!("it answered {}", answer.status),
            words => format!("it answered {} ({words})", answer.status),
        };
        let (cause, next) = if answer.is_ours() && answer.status >= 400 {
            of_ours(answer.status, &code, &name, &message)
        } else {
            of_the_gateway(answer)
        };
        Self { said, cause, next }
    }

    /// A function that ended without an answer. `said` is what Lambda says of it; `log` is the end of its log.
    pub fn of_a_failed_function(said: &str, log: &str) -> Self {
        let said: String = said.chars().take(SAID_CHARS).filter(|c| !c.is_control()).collect();
        if said.contains("timed out") {
            return Self::new(
                said,
                "what the function waits for does not answer: Redis, the key set or the platform",
                "look at the security groups and the routes of its subnets",
            );
        }
        // A function says on one line why it can't start.
        let error = log.lines().rev().find(|line| line.contains("Error: "));
        let said = error.map_or_else(|| said.clone(), |line| format!("{said}; {}", line.trim()));
        Self::new(
            said,
            "the function ended by itself: a variable is missing or wrong, so it can't start",
            "look for its last lines in the log group of the functions, and correct the parameter that they name",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { said, cause, next } = self;
        write!(formatter, "{said}. Likely cause: {cause}. Next: {next}.")
    }
}

type Meaning = (&'static str, &'static str);

/// Errors that Senna's functions answer. The table of all codes is `shared/src/error.rs`.
fn of_ours(status: u16, code: &str, name: &str, message: &str) -> Meaning {
    match (status, code) {
        (503, _) => (
            "a function can't reach what it needs: Redis (its address, password, TLS, or a security group), or the key set of JwksUrl",
            "look in the log of the functions for lines with \"failed\" or \"starting without redis\": they say what did not answer, and why",
        ),
        (429, _) => (
            "the parameter Limits lets one user do less than this check needs, or the check ran a moment ago",
            "wait a minute and try again, or set Limits higher",
        ),
        (401, "INVALID_TOKEN_ERR") => of_a_token(name, message),
        (401, "TOKEN_REVOKED") => (
            "your platform has revoked the tokens of this user",
            "let the user log in again, and give the new token",
        ),
        (401, "NOT_AUTHENTICATED") => (
            "the token did not arrive: something in between removes the header Authorization",
            "call the API without a proxy in between",
        ),
        (401, "CONNECTION_UNKNOWN") => (
            "the store has lost the connection, or two functions use different stores or prefixes",
            "compare the variables SOCK_REDIS_URL and SOCK_REDIS_PREFIX of connect and message",
        ),
        (403, "BANNED") => ("your platform has banned this user", "give a token of another user"),
        (403, "ORIGIN_NOT_ALLOWED") => (
            "the parameter AllowedOrigins does not have this origin",
            "add it to AllowedOrigins, written as the browser writes it: scheme, host, and a port unless it is the usual one",
        ),
        (404, _) if name == "RouteNotFoundError" => (
            "the address leads to Senna, but its path is not that of the API",
            "give the output RestAddress of the stack; it ends in /api",
        ),
        _ => (
            "the functions are of another release than this check, or another request changed something meanwhile",
            "deploy this release and try again",
        ),
    }
}

fn of_a_token(name: &str, message: &str) -> Meaning {
    match (name, message) {
        ("TokenExpiredError", _) => (
            "the token is over, or the clock of the machine that signed it is wrong",
            "get a fresh token; if it is fresh, set the clock of your platform",
        ),
        ("NotBeforeError", _) => (
            "the token is not good yet: the clock of the machine that signed it is ahead",
            "set the clock of your platform, or raise JwtLeeway",
        ),
        (_, "invalid signature") => (
            "the token is signed with another secret, key or algorithm than the deployment accepts",
            "compare JwtSecretArn (or JwtPublicKey, JwksUrl) and JwtAlgorithm with what your platform signs with",
        ),
        (_, "jwt issuer invalid" | "jwt audience invalid") => (
            "the token's claim iss or aud is none of JwtIssuer or JwtAudience",
            "compare these claims with the two parameters",
        ),
        (_, message) if message.starts_with("Incorrect token") => (
            "the token has no usable id in the claim that names the user",
            "set JwtUserClaim to the claim of your platform's tokens that has the user's id",
        ),
        _ => (
            "this is not a whole JWT",
            "copy the whole token, without quotes and line breaks",
        ),
    }
}

/// What API Gateway answers itself, by its status, and everything else.
///
/// # Source
/// API Gateway developer guide, "Troubleshooting issues with HTTP API Lambda integrations"; recorded answers of HTTP and WebSocket APIs.
fn of_the_gateway(answer: &Answer) -> Meaning {
    let is_gateway = answer.body["message"].is_string();
    match answer.status {
        403 if is_gateway => (
            "this is the address of a WebSocket, of another API, or without its stage",
            "give the outputs RestAddress and SocketAddress of the stack",
        ),
        404 if is_gateway => (
            "API Gateway has no such API or route there",
            "give the output RestAddress of the stack as it is; on a custom domain look at its mapping",
        ),
        429 => (
            "API Gateway throttles: RestRateLimit or SocketRateLimit is low, or the account's quota is used up",
            "raise the parameter, or look at the quota \"Throttle rate\" of API Gateway",
        ),
        502 | 500 if is_gateway => (
            "the function ended without an answer: it crashed, it can't start, or API Gateway may not call it",
            "look at the last lines of this function in the log group of the functions",
        ),
        503 | 504 if is_gateway => (
            "the function did not answer in time",
            "look in its log for what it waits for: Redis, the platform or the key set",
        ),
        _ => (
            "another server than Senna answers at this address",
            "give the outputs RestAddress and SocketAddress of the stack",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(status: u16, body: &str) -> &'static str {
        Problem::of(&Answer::new(status, body.as_bytes())).cause
    }

    #[test]
    fn an_error_of_ours_is_told_from_one_of_api_gateway() {
        let ours = cause(
            503,
            r#"{"error":true,"status":503,"code":"UNAVAILABLE","message":"The service is unavailable"}"#,
        );
        assert!(ours.contains("Redis"), "{ours}");
        let gateway = cause(503, r#"{"message":"Service Unavailable"}"#);
        assert!(gateway.contains("in time"), "{gateway}");
        assert!(cause(200, "<html>").contains("another server"));
    }

    #[test]
    fn every_fault_of_a_token_has_its_own_cause() {
        let token = |name: &str, message: &str| {
            cause(
                401,
                &format!(
                    r#"{{"error":true,"status":401,"code":"INVALID_TOKEN_ERR","name":"{name}","message":"{message}"}}"#
                ),
            )
        };
        let causes = [
            token("TokenExpiredError", "jwt expired"),
            token("NotBeforeError", "jwt not active"),
            token("JsonWebTokenError", "invalid signature"),
            token("JsonWebTokenError", "jwt audience invalid"),
            token("UnauthenticatedError", "Incorrect token - please try a different one"),
            token(
                "JsonWebTokenError",
                "Your token is invalid - please check it and try again",
            ),
        ];
        for (place, cause) in causes.iter().enumerate() {
            assert!(!causes.iter().skip(place + 1).any(|other| other == cause), "{cause}");
        }
    }

    #[test]
    fn a_function_that_cannot_start_shows_its_own_reason() {
        let log = "INIT\nError: SOCK_JWT_ALGORITHM must be one of HS256\nREPORT RequestId: 1";
        let problem = Problem::of_a_failed_function("Runtime.ExitError: exit status 1", log);
        assert!(problem.to_string().contains("SOCK_JWT_ALGORITHM must be"), "{problem}");
        let slow = Problem::of_a_failed_function("Sandbox.Timedout: Task timed out after 10.00 seconds", "");
        assert!(slow.cause.contains("does not answer"), "{slow}");
    }

    #[test]
    fn what_a_server_says_is_cut_and_has_no_control_characters() {
        let body = format!(r#"{{"message":"\u001b[2J{}"}}"#, "x".repeat(1_000));
        let problem = Problem::of(&Answer::new(400, body.as_bytes()));
        assert!(
            problem.said.len() < 400 && !problem.said.contains('\u{1b}'),
            "{problem}"
        );
    }
}

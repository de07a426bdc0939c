//! The steps of a check that need a connection: two messages, a cut, and the way back.

use probes::Problem;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Check, report::skip, socket::Line};

/// The text of the messages.
const TEXT: &str = "This message is from `senna check`, which deletes it at once.";

/// After this time the platform is too slow: functions wait for it for 5 s and then answer without it.
const SLOW_PLATFORM_MS: u128 = 4_000;

/// The steps that need a message, in order.
pub(super) const STEPS: [&str; 4] = ["send", "push", "resume", "clean-up"];

/// A connected user.
pub(super) struct Party {
    line: Line,
    /// The id, as JSON has it.
    user: Value,
    cursor: Value,
}

impl Party {
    /// The id, as a path has it.
    pub(super) fn id(&self) -> String {
        id_text(&self.user)
    }
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// A message of the check.
struct Sent {
    id: String,
    rev: Value,
}

impl Sent {
    fn of(answer: &Value) -> Self {
        Self {
            id: id_text(&answer["entry"]["id"]),
            rev: answer["state"]["rev"].clone(),
        }
    }
}

impl Check {
    /// The steps from the first message to its deletion.
    pub(super) async fn messages(&mut self, (mut writer, mut reader): (Party, Party)) {
        let conversation = format!("/api/user/{}", path_part(&reader.id()));
        let stored = self.send(&conversation).await;
        let Some(first) = self.report.step("send", stored) else {
            skip(&["push", "resume", "clean-up"], "because the message was not sent");
            return;
        };
        let push = push(&mut reader, &first).await;
        self.report.step("push", push);
        let mut sent = vec![first.id.clone()];
        let resume = self.resume(&mut writer, reader, &first, &mut sent).await;
        self.report.step("resume", resume);
        let clean = self.clean(&conversation, &sent).await;
        self.report.step("clean-up", clean);
    }

    /// A handshake without a token is refused. With one it is accepted, and `hello` says who the user is.
    pub(super) async fn handshakes(&self) -> Result<(String, (Party, Party)), Problem> {
        if Line::open(&self.options.socket, None, None, &self.tls).await.is_ok() {
            return Err(Problem::new(
                "a handshake without a token was accepted",
                "another server than Senna answers at this address, or the route $connect does not lead to the function connect",
                "give the output SocketAddress of the stack",
            ));
        }
        let writer = self.party(&self.options.token, None).await?;
        let reader = self.party(&self.options.reader, None).await?;
        let who = match (writer.id(), reader.id()) {
            (writer, reader) if writer == reader => format!("you are user {writer}"),
            (writer, reader) => format!("you are user {writer}, and the other is user {reader}"),
        };
        Ok((who, (writer, reader)))
    }

    async fn party(&self, token: &str, since: Option<&Value>) -> Result<Party, Problem> {
        let mut line = Line::open(&self.options.socket, Some(token), None, &self.tls).await?;
        let hello = match since {
            Some(since) => json!({"action": "hello", "since": since}),
            None => json!({"action": "hello"}),
        };
        let said = line.ask(hello).await?;
        if since.is_some() && said["recovered"] != true {
            return Err(Problem::new(
                "the cursor from a moment ago is not known any more",
                "the store was emptied or set back meanwhile, or two functions use different stores",
                "compare the variables SOCK_REDIS_URL and SOCK_REDIS_PREFIX of the functions",
            ));
        }
        Ok(Party {
            line,
            user: said["user"].clone(),
            cursor: said["cursor"].clone(),
        })
    }

    /// What the platform says of a user.
    pub(super) async fn platform(&self, user: &str) -> Result<(String, ()), Problem> {
        let start = Instant::now();
        let path = format!("/api/profiles?users={}", path_part(user));
        let body = self.rest.ask(Method::GET, &path, "", 200).await?;
        let took = start.elapsed().as_millis();
        let profile = &body["users"][0];
        if profile["unknown"] == true {
            return Ok((format!("your API answers; it does not know user {user}"), ()));
        }
        if profile.as_object().is_some_and(|profile| profile.len() > 1) {
            return Ok((format!("your API says who user {user} is, within {took} ms"), ()));
        }
        let said = format!("nothing is known of user {user} but the id, after {took} ms");
        Err(if took >= SLOW_PLATFORM_MS {
            Problem::new(
                said,
                "your API does not answer within 5 s, or the functions can't reach it",
                "look how fast it answers GET ApiUrl/v1/users; in a VPC the functions need an IPv6 address of it, or a NAT gateway",
            )
        } else {
            Problem::new(
                said,
                "ApiUrl is not set or wrong, or your API does not answer GET /v1/users with 200 and {\"entries\": […]}",
                "set ApiUrl, or look at the answer of your API; if the chat needs no names, check with --no-platform",
            )
        })
    }

    async fn send(&self, conversation: &str) -> Result<(String, Sent), Problem> {
        let body = json!({"type": "text", "text": TEXT}).to_string();
        let answer = self.rest.ask(Method::POST, conversation, &body, 201).await?;
        Ok(("a message is stored".to_owned(), Sent::of(&answer)))
    }

    /// Cuts the reader's connection, sends meanwhile, and comes back.
    async fn resume(
        &self,
        writer: &mut Party,
        reader: Party,
        first: &Sent,
        sent: &mut Vec<String>,
    ) -> Result<(String, ()), Problem> {
        let Party { line, user, cursor } = reader;
        // Without a goodbye, as a network that is gone.
        drop(line);
        let frame = json!({"action": "send", "target": "user", "target_id": user, "type": "text", "text": TEXT});
        let second = Sent::of(&writer.line.ask(frame).await?);
        sent.push(second.id.clone());
        let mut reader = self.party(&self.options.reader, Some(&cursor)).await?;
        let asked = json!({"action": "changes", "target": "user", "target_id": writer.user, "since": first.rev});
        let changes = reader.line.ask(asked).await?;
        let messages = changes["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        if messages.iter().any(|message| message["id"] == second.id.as_str()) {
            let detail = "after a cut connection, the message that was sent meanwhile is found";
            return Ok((detail.to_owned(), ()));
        }
        Err(Problem::new(
            "the message that was sent meanwhile is not among the changes",
            "two functions use different stores or prefixes",
            "compare the variables SOCK_REDIS_URL and SOCK_REDIS_PREFIX of the functions",
        ))
    }

    /// Deletes the messages.
    async fn clean(&self, conversation: &str, sent: &[String]) -> Result<(String, ()), Problem> {
        for message in sent {
            let path = format!("{conversation}/{message}");
            self.rest.ask(Method::DELETE, &path, "", 200).await?;
        }
        let detail = format!(
            "{} messages are deleted; their conversation stays in the inbox",
            sent.len()
        );
        Ok((detail, ()))
    }
}

async fn push(reader: &mut Party, sent: &Sent) -> Result<(String, ()), Problem> {
    let start = Instant::now();
    if reader.line.pushed("message.new", &sent.id).await?.is_some() {
        let took = start.elapsed().as_millis();
        return Ok((
            format!("the message arrives over the other connection, {took} ms after the answer"),
            (),
        ));
    }
    Err(Problem::new(
        "the message is stored, and does not arrive over the open connection",
        "the functions can't reach @connections: in a VPC they need IPv6 with an egress-only gateway, or a NAT gateway; \
         an interface endpoint for execute-api with private DNS is in the way too",
        "look at the alarm PushFailures, and in the log of the function send",
    ))
}

/// An id in a path or a query. Ids have no other characters that mean something there.
fn path_part(id: &str) -> String {
    id.replace('%', "%25").replace('+', "%2B").replace('|', "%7C")
}

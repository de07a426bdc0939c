//! Who may do what in a topic, by the three kinds of access.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Request, Target as _, Topic, User};

/// Everybody who can meet a topic, and a topic with a message of its owner and one of its member.
struct Scene {
    chat: Chat,
    topic: Topic,
    actors: Vec<(&'static str, User)>,
    guest: User,
    kept: Value,
    doomed: Value,
}

impl Scene {
    /// In a topic into which only the platform lets members, they are put before its time: `chat` is open, and `closed` is the same
    /// Redis.
    async fn set(open: &Chat, closed: &Chat, claim: &Value) -> Result<Self> {
        let names = ["stranger", "member", "moderator", "owner", "guest"];
        let users = open.users(names).map(|user| user.with_topics(claim));
        let [topic] = open.topics(["cats"]);
        let kept = users[3].send_text(&topic, "kept").await?;
        let doomed = users[3].send_text(&topic, "doomed").await?;
        users[1].join(&topic).await?.ok(200)?;
        users[2].join(&topic).await?.ok(200)?;
        let redis = RawRedis::of(open).await?;
        redis.give_role(&topic, &users[2], 1).await?;
        redis.give_role(&topic, &users[3], 2).await?;
        let [stranger, member, moderator, owner, guest] = users.map(|user| {
            let same = closed.user(&user.id);
            same.with_topics(claim)
        });
        Ok(Self {
            chat: closed.clone(),
            topic,
            actors: vec![
                ("stranger", stranger),
                ("member", member),
                ("moderator", moderator),
                ("owner", owner),
            ],
            guest,
            kept,
            doomed,
        })
    }

    /// What each of them is answered, one line for each action over REST and one over the WebSocket: the status, and the code of an error.
    async fn table(&self) -> Result<String> {
        let message = |message: &Value| message["id"].as_str().unwrap_or_default().to_owned();
        let (kept, doomed) = (message(&self.kept), message(&self.doomed));
        let (guest, owner) = (&self.guest.id, &self.actors[3].1.id);
        let text = json!({"type": "text", "text": "x"});
        let rest = [
            ("reads the history", Method::GET, String::new(), Value::Null),
            ("reads changes", Method::GET, "/changes?since=0".to_owned(), Value::Null),
            ("lists members", Method::GET, "/members".to_owned(), Value::Null),
            ("moves the position", Method::POST, "/read".to_owned(), Value::Null),
            (
                "marks seen",
                Method::POST,
                format!("/{kept}"),
                json!({"status": "seen"}),
            ),
            (
                "reacts",
                Method::PUT,
                format!("/{kept}/reactions/%F0%9F%91%8D"),
                Value::Null,
            ),
            (
                "takes a reaction back",
                Method::DELETE,
                format!("/{kept}/reactions/%F0%9F%91%8D"),
                Value::Null,
            ),
            (
                "edits the owner's message",
                Method::POST,
                format!("/{kept}"),
                json!({"text": "y"}),
            ),
            (
                "deletes the owner's message",
                Method::DELETE,
                format!("/{doomed}"),
                Value::Null,
            ),
            ("mutes", Method::PUT, "/settings".to_owned(), json!({"muted": true})),
            ("adds a guest", Method::PUT, format!("/members/{guest}"), Value::Null),
            (
                "makes the guest a moderator",
                Method::PUT,
                format!("/members/{guest}"),
                json!({"role": "moderator"}),
            ),
            (
                "makes the guest an owner",
                Method::PUT,
                format!("/members/{guest}"),
                json!({"role": "owner"}),
            ),
            (
                "removes the guest",
                Method::DELETE,
                format!("/members/{guest}"),
                Value::Null,
            ),
            (
                "removes the owner",
                Method::DELETE,
                format!("/members/{owner}"),
                Value::Null,
            ),
            ("joins", Method::PUT, "/members/me".to_owned(), Value::Null),
            ("sends", Method::POST, String::new(), text.clone()),
        ];
        let frames = [
            ("ws changes", self.topic.frame("changes", json!({"since": 0}))),
            ("ws read", self.topic.frame("read", json!({}))),
            (
                "ws react",
                self.topic.frame("react", json!({"message_id": kept, "reaction": "+1"})),
            ),
            (
                "ws update",
                self.topic.frame("update", json!({"message_id": kept, "text": "z"})),
            ),
            ("ws typing", self.topic.frame("typing", json!({"state": "start"}))),
            (
                "ws watch",
                json!({"action": "watch", "users": [], "conversation": {"target": "topic", "target_id": self.topic.id}}),
            ),
            ("ws send", self.topic.frame("send", text)),
        ];
        let leave = ("leaves", Method::DELETE, "/members/me".to_owned(), Value::Null);
        let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
        for (_, actor) in &self.actors {
            let mut socket = actor.connect().await?;
            let mut answers: Vec<(&str, String)> = Vec::new();
            let shown = |error: &Value, status: u16| match error["code"].as_str() {
                Some(code) => format!("{status} {code}"),
                None => status.to_string(),
            };
            for (what, method, end, body) in rest.iter().take(rest.len() - 3) {
                let path = format!("{}{end}", self.topic.path());
                let body = Some(body).filter(|body| !body.is_null());
                let answer = actor.call(method.clone(), &path, body).await?;
                answers.push((what, shown(&answer.body, answer.status)));
            }
            for (what, frame) in &frames {
                let answer = socket.ask(frame.clone()).await?;
                let error = &answer["error"];
                let status = error["status"].as_u64().unwrap_or(200);
                answers.push((what, shown(error, u16::try_from(status)?)));
            }
            for (what, method, end, body) in [
                &rest[rest.len() - 3],
                &leave,
                &rest[rest.len() - 2],
                &leave,
                &rest[rest.len() - 1],
            ] {
                let path = format!("{}{end}", self.topic.path());
                let body = Some(body).filter(|body| !body.is_null());
                let answer = actor.call(method.clone(), &path, body).await?;
                answers.push((what, shown(&answer.body, answer.status)));
            }
            socket.close().await?;
            if lines.is_empty() {
                lines = answers.iter().map(|(what, _)| (*what, Vec::new())).collect();
            }
            for (line, (_, answer)) in lines.iter_mut().zip(answers) {
                line.1.push(answer);
            }
        }
        let lines = lines
            .iter()
            .map(|(what, answers)| format!("{what}: {}", answers.join(" | ")));
        Ok(self.chat.shown_text(&lines.collect::<Vec<_>>().join("\n")))
    }
}

#[tokio::test]
async fn in_an_open_topic_anyone_reads_and_joins() -> Result<()> {
    let chat = Chat::shared().await?;
    let scene = Scene::set(&chat, &chat, &Value::Null).await?;
    insta::assert_snapshot!(scene.table().await?, @r"
    reads the history: 200 | 200 | 200 | 200
    reads changes: 200 | 200 | 200 | 200
    lists members: 200 | 200 | 200 | 200
    moves the position: 403 NOT_A_MEMBER | 200 | 200 | 200
    marks seen: 403 NOT_A_MEMBER | 200 | 200 | 403 FORBIDDEN
    reacts: 403 NOT_A_MEMBER | 200 | 200 | 200
    takes a reaction back: 403 NOT_A_MEMBER | 200 | 200 | 200
    edits the owner's message: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    deletes the owner's message: 403 FORBIDDEN | 403 FORBIDDEN | 200 | 200
    mutes: 404 NOT_FOUND | 200 | 200 | 200
    adds a guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    makes the guest a moderator: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 200
    makes the guest an owner: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN
    removes the guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    ws changes: 200 | 200 | 200 | 200
    ws read: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws react: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws update: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    ws typing: 200 | 200 | 200 | 200
    ws watch: 200 | 200 | 200 | 200
    ws send: 200 | 200 | 200 | 200
    removes the owner: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    leaves: 200 | 200 | 200 | 200
    joins: 200 | 200 | 200 | 200
    leaves: 200 | 200 | 200 | 200
    sends: 201 | 201 | 201 | 201
    ");
    Ok(())
}

#[tokio::test]
async fn with_claims_a_topic_is_open_to_users_whose_token_names_it() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let scene = Scene::set(&chat, &chat, &json!(["*"])).await?;
    insta::assert_snapshot!(scene.table().await?, @r"
    reads the history: 200 | 200 | 200 | 200
    reads changes: 200 | 200 | 200 | 200
    lists members: 200 | 200 | 200 | 200
    moves the position: 403 NOT_A_MEMBER | 200 | 200 | 200
    marks seen: 403 NOT_A_MEMBER | 200 | 200 | 403 FORBIDDEN
    reacts: 403 NOT_A_MEMBER | 200 | 200 | 200
    takes a reaction back: 403 NOT_A_MEMBER | 200 | 200 | 200
    edits the owner's message: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    deletes the owner's message: 403 FORBIDDEN | 403 FORBIDDEN | 200 | 200
    mutes: 404 NOT_FOUND | 200 | 200 | 200
    adds a guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    makes the guest a moderator: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 200
    makes the guest an owner: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN
    removes the guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    ws changes: 200 | 200 | 200 | 200
    ws read: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws react: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws update: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    ws typing: 200 | 200 | 200 | 200
    ws watch: 200 | 200 | 200 | 200
    ws send: 200 | 200 | 200 | 200
    removes the owner: 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN | 200
    leaves: 200 | 200 | 200 | 200
    joins: 200 | 200 | 200 | 200
    leaves: 200 | 200 | 200 | 200
    sends: 201 | 201 | 201 | 201
    ");

    // A token that names nothing, or others, lets nobody do anything but leave, members neither.
    let scene = Scene::set(&chat, &chat, &json!(["*"])).await?;
    let without: Vec<_> = scene
        .actors
        .iter()
        .map(|(name, user)| (*name, user.with_topics(&json!(["other", 7]))))
        .collect();
    let scene = Scene {
        actors: without,
        ..scene
    };
    insta::assert_snapshot!(scene.table().await?, @r"
    reads the history: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    reads changes: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    lists members: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    moves the position: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    marks seen: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    reacts: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    takes a reaction back: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    edits the owner's message: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    deletes the owner's message: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    mutes: 404 NOT_FOUND | 200 | 200 | 200
    adds a guest: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    makes the guest a moderator: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    makes the guest an owner: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    removes the guest: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws changes: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws read: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws react: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws update: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws typing: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws watch: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ws send: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    removes the owner: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 200
    leaves: 200 | 200 | 200 | 200
    joins: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    leaves: 200 | 200 | 200 | 200
    sends: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ");

    // What names which topic.
    let team = Topic {
        id: json!(format!("team:{}", ann.id)),
    };
    let [number] = chat.topics(["number"]);
    let mut lines = Vec::new();
    for claim in [
        json!([team.id]),
        json!(["team:*"]),
        json!(["team*"]),
        json!(["*"]),
        json!([number.id]),
        json!([number.id.to_string()]),
        json!(["Team:*"]),
        json!(["*:*"]),
        json!([]),
        json!("team:*"),
        json!({"team:*": true}),
        json!(7),
        json!([null, ["team:*"], {"a": 1}, true, "", "**"]),
        json!(["team:*,x", "a b"]),
    ] {
        let user = bob.with_topics(&claim);
        let rest = [user.history(&team, "").await?, user.history(&number, "").await?].map(|answer| answer.status);
        let mut socket = user.connect().await?;
        let mut codes = Vec::new();
        for topic in [&team, &number] {
            let answer = socket.ask(topic.frame("changes", json!({"since": 0}))).await?;
            codes.push(answer["error"]["status"].as_u64().unwrap_or(200));
        }
        lines.push(format!("{claim}: {rest:?} {codes:?}"));
        socket.close().await?;
    }
    insta::assert_snapshot!(chat.shown_text(&lines.join("\n")), @r#"
    ["team:[ann]"]: [200, 403] [200, 403]
    ["team:*"]: [200, 403] [200, 403]
    ["team*"]: [200, 403] [200, 403]
    ["*"]: [200, 200] [200, 200]
    [[number]]: [403, 200] [403, 200]
    ["[number]"]: [403, 200] [403, 200]
    ["Team:*"]: [403, 403] [403, 403]
    ["*:*"]: [403, 403] [403, 403]
    []: [403, 403] [403, 403]
    "team:*": [403, 403] [403, 403]
    {"team:*":true}: [403, 403] [403, 403]
    7: [403, 403] [403, 403]
    [null,["team:*"],{"a":1},true,"","**"]: [403, 403] [403, 403]
    ["team:*,x","a b"]: [403, 403] [403, 403]
    "#);
    // Without the claim in the token as well.
    assert_eq!(cem.history(&team, "").await?.status, 403);
    // A direct conversation needs none.
    cem.send_text(&bob, "Hello").await?;

    // A hundred names in one token are known to the connection too.
    let many: Vec<Value> = (0..100).map(|number| json!(format!("club-{number}"))).collect();
    let mut socket = ann.with_topics(&json!(many)).connect().await?;
    let last = Topic { id: json!("club-99") };
    socket
        .result(last.frame("send", json!({"type": "text", "text": "x"})))
        .await?;
    Ok(())
}

#[tokio::test]
async fn only_the_platform_lets_members_into_its_topics() -> Result<()> {
    let open = Chat::own(&[]).await?;
    let redis = open.stack().addresses.redis.clone();
    let variables = [("SOCK_TOPIC_ACCESS", "platform"), ("SOCK_REDIS_URL", redis.as_str())];
    let closed = Chat::own(&variables).await?;
    let scene = Scene::set(&open, &closed, &Value::Null).await?;
    insta::assert_snapshot!(scene.table().await?, @r"
    reads the history: 403 NOT_A_MEMBER | 200 | 200 | 200
    reads changes: 403 NOT_A_MEMBER | 200 | 200 | 200
    lists members: 403 NOT_A_MEMBER | 200 | 200 | 200
    moves the position: 403 NOT_A_MEMBER | 200 | 200 | 200
    marks seen: 403 NOT_A_MEMBER | 200 | 200 | 403 FORBIDDEN
    reacts: 403 NOT_A_MEMBER | 200 | 200 | 200
    takes a reaction back: 403 NOT_A_MEMBER | 200 | 200 | 200
    edits the owner's message: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 200
    deletes the owner's message: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    mutes: 404 NOT_FOUND | 200 | 200 | 200
    adds a guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN
    makes the guest a moderator: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN
    makes the guest an owner: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 403 FORBIDDEN
    removes the guest: 403 NOT_A_MEMBER | 403 FORBIDDEN | 200 | 200
    ws changes: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws read: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws react: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws update: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 200
    ws typing: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws watch: 403 NOT_A_MEMBER | 200 | 200 | 200
    ws send: 403 NOT_A_MEMBER | 200 | 200 | 200
    removes the owner: 403 NOT_A_MEMBER | 403 FORBIDDEN | 403 FORBIDDEN | 200
    leaves: 200 | 200 | 200 | 200
    joins: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    leaves: 200 | 200 | 200 | 200
    sends: 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER | 403 NOT_A_MEMBER
    ");
    // A topic that nobody has made looks the same to a stranger.
    let [nowhere] = open.topics(["nowhere"]);
    let (_, stranger) = &scene.actors[0];
    assert_eq!(
        stranger.history(&nowhere, "").await?.error()?,
        stranger.history(&scene.topic, "").await?.error()?
    );
    assert_eq!(stranger.leave(&nowhere).await?.status, 200);
    insta::assert_snapshot!(open.shown(&stranger.leave(&scene.topic).await?), @r#"
    200 {
      "id": [stranger],
      "left": true,
      "read": {"seq": 0},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
    }
    "#);
    assert_eq!(stranger.list("").await?.body["state"]["total"], 0);
    Ok(())
}

#[tokio::test]
async fn a_full_topic_takes_nobody_more() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_MEMBERS_MAX", "2")]).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "one").await?;
    bob.join(&cats).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown(&cem.join(&cats).await?), @r#"
    409 {
      "code": "TOPIC_FULL",
      "error": true,
      "message": "this topic has 2 members, the limit",
      "name": "ConflictError",
      "request_id": "[request 1]",
      "status": 409
    }
    "#);
    let sent = cem.send(&cats, &json!({"type": "text", "text": "x"})).await?;
    insta::assert_snapshot!(sent.error()?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    let mut socket = cem.connect().await?;
    let frame = cats.frame("send", json!({"type": "text", "text": "x"}));
    insta::assert_snapshot!(socket.error(frame).await?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 1).await?;
    insta::assert_snapshot!(ann.add(&cats, &cem, &Value::Null).await?.error()?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    // Members go on, and whoever leaves makes room.
    bob.send_text(&cats, "two").await?;
    bob.join(&cats).await?.ok(200)?;
    bob.leave(&cats).await?.ok(200)?;
    cem.send_text(&cats, "three").await?;
    assert_eq!(bob.join(&cats).await?.status, 409);
    assert_eq!(ann.whole_history(&cats).await?.len(), 3);
    Ok(())
}

/// The claim of the token at hand counts, not that of an earlier one.
#[tokio::test]
async fn a_connection_has_the_topics_of_its_own_token() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann] = chat.users(["ann"]);
    let [cats] = chat.topics(["cats"]);
    let named = ann.with_topics(&json!([cats.id]));
    let (mut with, mut without) = (named.connect().await?, ann.connect().await?);
    let send = cats.frame("send", json!({"type": "text", "text": "x"}));
    with.result(send.clone()).await?;
    insta::assert_snapshot!(without.error(send).await?, @"403 NOT_A_MEMBER ForbiddenError: Your token does not name this topic");
    let watch = json!({"action": "watch", "users": [], "conversation": {"target": "topic", "target_id": cats.id}});
    insta::assert_snapshot!(without.error(watch.clone()).await?, @"403 NOT_A_MEMBER ForbiddenError: Your token does not name this topic");
    with.result(watch).await?;
    // As a query parameter and a subprotocol too.
    let query = format!("/?token={}", named.token()?);
    let mut socket = chat.handshake(&query, &[]).await?.open()?;
    socket.result(cats.frame("changes", json!({"since": 0}))).await?;
    let protocols = format!("senna.v1, bearer.{}", named.token()?);
    let offered = [("Sec-WebSocket-Protocol", protocols.as_str())];
    let mut socket = chat.handshake("/", &offered).await?.open()?;
    socket.result(cats.frame("changes", json!({"since": 0}))).await?;
    let bearer = vec![("Authorization".to_owned(), format!("Bearer {}", named.token()?))];
    let request = Request {
        path: cats.path(),
        headers: bearer,
        ..Request::default()
    };
    assert_eq!(chat.rest(request).await?.status, 200);
    Ok(())
}

/// Membership alone does not show what is written in a topic that the token has to name.
#[tokio::test]
async fn an_inbox_withholds_messages_of_topics_that_the_token_does_not_name() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let (ann, named) = (ann.with_topics(&json!([cats.id])), bob.with_topics(&json!([cats.id])));
    named.join(&cats).await?.ok(200)?;
    ann.send_text(&bob, "direct").await?;
    ann.send_text(&cats, "secret").await?;
    let latest = |body: &Value| {
        let entries = body["entries"].as_array().into_iter().flatten();
        let latest = entries.map(|entry| format!("{} {}", entry["unread"], entry["latest"]["text"]));
        latest.collect::<Vec<_>>().join(", ")
    };
    let sync = format!("/sync?since={}", cursor_of_the_beginning());
    for (user, list, changed) in [
        (&named, r#"1 "secret", 1 "direct""#, r#"1 "direct", 1 "secret""#),
        (&bob, r#"1 null, 1 "direct""#, r#"1 "direct", 1 null"#),
    ] {
        assert_eq!(latest(&user.list("").await?.ok(200)?), list);
        assert_eq!(latest(&user.list("?no_format").await?.ok(200)?), list);
        assert_eq!(latest(&user.call(Method::GET, &sync, None).await?.ok(200)?), changed);
        let mut socket = user.connect().await?;
        let hello = json!({"action": "hello", "since": cursor_of_the_beginning()});
        assert_eq!(latest(&socket.result(hello).await?), changed);
        socket.close().await?;
    }
    let mut of_bob = named.connect().await?;
    let set = bob.set(&cats, &json!({"pinned": true})).await?.ok(200)?;
    assert_eq!(
        (&set["entry"]["pinned"], &set["entry"]["latest"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(of_bob.event().await?["data"]["entry"]["latest"], Value::Null);
    Ok(())
}

/// Where every user begins.
fn cursor_of_the_beginning() -> &'static str {
    "AAAAAAAAAAAAAAAAAAAA"
}

//! Who is in a topic: joining, adding, roles, leaving, removing.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Target as _, Topic, User};

/// The ids and roles of all members, in their order.
async fn roles(chat: &Chat, user: &User, topic: &Topic) -> Result<String> {
    let body = user.members(topic, "?limit=100").await?.ok(200)?;
    let members = body["members"].as_array().into_iter().flatten();
    let role = |member: &Value| format!("{} {}", member["id"], member["role"].as_str().unwrap_or_default());
    Ok(chat.shown_text(&members.map(role).collect::<Vec<_>>().join(", ")))
}

#[tokio::test]
async fn joining_and_leaving_is_answered_with_the_member() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "Hello").await?;
    insta::assert_snapshot!(chat.shown(&bob.join(&cats).await?), @r#"
    200 {
      "id": [bob],
      "joined": {epoch, iso},
      "read": {"seq": 1},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    let again = bob.join(&cats).await?;
    insta::assert_snapshot!(chat.shown(&again), @r#"
    200 {
      "id": [bob],
      "joined": {epoch, iso},
      "read": {"seq": 1},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "rev": [rev 2]}
    }
    "#);
    // Who joins has nothing unread.
    assert_eq!(bob.unread(&cats).await?, (0, 0));
    ann.send_text(&cats, "one").await?;
    assert_eq!(bob.unread(&cats).await?, (1, 1));
    insta::assert_snapshot!(chat.shown(&bob.leave(&cats).await?), @r#"
    200 {
      "id": [bob],
      "joined": {epoch, iso},
      "left": true,
      "read": {"seq": 1},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.leave(&cats).await?), @r#"
    200 {
      "id": [bob],
      "left": true,
      "read": {"seq": 0},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
    }
    "#);
    assert_eq!(roles(&chat, &bob, &cats).await?, "[ann] member");
    insta::assert_snapshot!(chat.shown(&bob.list("").await?), @r#"
    200 {
      "entries": [],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[bob]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 0,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    // A send brings one back, with what came meanwhile read.
    ann.send_text(&cats, "two").await?;
    bob.send_text(&cats, "back").await?;
    assert_eq!(bob.unread(&cats).await?, (0, 0));
    assert_eq!(ann.unread(&cats).await?, (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_topic_without_a_message_stands_in_the_inbox_of_its_members() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let [cats, dogs] = chat.topics(["cats", "dogs"]);
    ann.join(&cats).await?.ok(200)?;
    ann.join(&dogs).await?.ok(200)?;
    let list = ann.list("?no_format&per_page=1").await?;
    insta::assert_snapshot!(chat.shown(&list), @r#"
    200 {
      "entries": [
        {
          "id": [dogs],
          "latest": null,
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": [ms],
          "type": "topic",
          "unread": 0
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": "[place 1]",
        "page": 1,
        "per_page": 1,
        "total": 2,
        "total_pages": 2,
        "unread_total": 0
      }
    }
    "#);
    let next = list.body["state"]["next"].as_str().unwrap_or_default();
    let rest = ann.list(&format!("?no_format&per_page=1&before={next}")).await?;
    insta::assert_snapshot!(chat.shown(&rest), @r#"
    200 {
      "entries": [
        {
          "id": [cats],
          "latest": null,
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 2],
          "timestamp": [ms],
          "type": "topic",
          "unread": 0
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": null,
        "per_page": 1,
        "total": 2,
        "total_pages": 2,
        "unread_total": 0
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn roles_decide_who_adds_and_removes_whom() -> Result<()> {
    let chat = Chat::shared().await?;
    let [owner, moderator, member, other, guest] = chat.users(["owner", "moderator", "member", "other", "guest"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&owner, &moderator, &member, &other] {
        user.join(&cats).await?.ok(200)?;
    }
    let redis = RawRedis::of(&chat).await?;
    redis.give_role(&cats, &owner, 2).await?;
    redis.give_role(&cats, &moderator, 1).await?;
    let before = "[owner] owner, [moderator] moderator, [member] member, [other] member";
    assert_eq!(roles(&chat, &guest, &cats).await?, before);
    let mut lines = Vec::new();
    for (name, actor) in [
        ("guest", &guest),
        ("member", &member),
        ("moderator", &moderator),
        ("owner", &owner),
    ] {
        for (what, subject, body) in [
            ("adds a member", &other, Value::Null),
            ("adds a member with a role", &other, json!({"role": "member"})),
            ("gives moderator", &other, json!({"role": "moderator"})),
            ("gives owner", &other, json!({"role": "owner"})),
            ("takes moderator", &moderator, json!({"role": "member"})),
            ("takes owner", &owner, json!({"role": "moderator"})),
        ] {
            let answer = actor.add(&cats, subject, &body).await?;
            lines.push(match answer.status {
                200 => format!("{name} {what}: {}", roles(&chat, &guest, &cats).await?),
                _ => format!("{name} {what}: {}", answer.error()?),
            });
            redis.give_role(&cats, &owner, 2).await?;
            redis.give_role(&cats, &moderator, 1).await?;
            redis.give_role(&cats, &other, 0).await?;
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    guest adds a member: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest adds a member with a role: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest gives moderator: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest gives owner: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest takes moderator: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest takes owner: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    member adds a member: [owner] owner, [moderator] moderator, [member] member, [other] member
    member adds a member with a role: [owner] owner, [moderator] moderator, [member] member, [other] member
    member gives moderator: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    member gives owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    member takes moderator: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    member takes owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator adds a member: [owner] owner, [moderator] moderator, [member] member, [other] member
    moderator adds a member with a role: [owner] owner, [moderator] moderator, [member] member, [other] member
    moderator gives moderator: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator gives owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator takes moderator: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator takes owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    owner adds a member: [owner] owner, [moderator] moderator, [member] member, [other] member
    owner adds a member with a role: [owner] owner, [moderator] moderator, [member] member, [other] member
    owner gives moderator: [owner] owner, [moderator] moderator, [member] member, [other] moderator
    owner gives owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    owner takes moderator: [owner] owner, [moderator] member, [member] member, [other] member
    owner takes owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    ");
    let mut lines = Vec::new();
    for (name, actor) in [("guest", &guest), ("member", &member), ("moderator", &moderator)] {
        for (what, subject) in [("an owner", &owner), ("a moderator", &moderator), ("a member", &other)] {
            if subject.id == actor.id {
                continue;
            }
            let answer = actor.remove(&cats, subject).await?;
            lines.push(match answer.status {
                200 => format!("{name} removes {what}: {}", roles(&chat, &guest, &cats).await?),
                _ => format!("{name} removes {what}: {}", answer.error()?),
            });
        }
    }
    for (what, subject) in [("a moderator", &moderator), ("nobody", &guest), ("oneself", &owner)] {
        let answer = owner.remove(&cats, subject).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        lines.push(format!("owner removes {what}: {}", roles(&chat, &guest, &cats).await?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    guest removes an owner: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest removes a moderator: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    guest removes a member: 403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    member removes an owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    member removes a moderator: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    member removes a member: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator removes an owner: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    moderator removes a member: [owner] owner, [moderator] moderator, [member] member
    owner removes a moderator: [owner] owner, [member] member
    owner removes nobody: [owner] owner, [member] member
    owner removes oneself: [member] member
    ");
    Ok(())
}

#[tokio::test]
async fn a_moderator_adds_somebody_who_did_not_ask() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "Hello").await?;
    assert_eq!(
        ann.add(&cats, &bob, &Value::Null).await?.error()?,
        "403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that"
    );
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 1).await?;
    insta::assert_snapshot!(chat.shown(&ann.add(&cats, &bob, &Value::Null).await?), @r#"
    200 {
      "id": [bob],
      "joined": {epoch, iso},
      "read": {"seq": 1},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    assert_eq!(bob.unread(&cats).await?, (0, 0));
    insta::assert_snapshot!(ann.add(&cats, &cem, &json!({"role": "moderator"})).await?.error()?, @"403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that");
    // An owner may give the role with the membership.
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 2).await?;
    insta::assert_snapshot!(chat.shown(&ann.add(&cats, &cem, &json!({"role": "moderator"})).await?), @r#"
    200 {
      "id": [cem],
      "joined": {epoch, iso},
      "read": {"seq": 1},
      "role": "moderator",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 3]}
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_wrong_request_about_members_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.join(&cats).await?.ok(200)?;
    let path = format!("{}/members", cats.path());
    let mut lines = Vec::new();
    for (method, path, body) in [
        (Method::PUT, format!("{path}/me"), r#"{"role":"king"}"#),
        (Method::PUT, format!("{path}/me"), r#"{"role":7}"#),
        (Method::PUT, format!("{path}/me"), r#"{"role":"owner"}"#),
        (Method::PUT, format!("{path}/me"), r#"{"role":"member","role":"owner"}"#),
        (Method::PUT, format!("{path}/me"), "[]"),
        (Method::PUT, format!("{path}/me"), "{"),
        (Method::PUT, format!("{path}/05"), ""),
        (Method::PUT, format!("{path}/a%20b"), ""),
        (Method::PUT, format!("{path}/me%2F5"), ""),
        (Method::DELETE, format!("{path}/05"), ""),
        (Method::PUT, "/topic/05/members/me".to_owned(), ""),
        (Method::GET, "/topic/05/members".to_owned(), ""),
        (Method::GET, format!("{path}?limit=0"), ""),
        (Method::GET, format!("{path}?limit=101"), ""),
        (Method::GET, format!("{path}?after=05"), ""),
        (Method::GET, format!("/user/{}/members", bob.id), ""),
        (Method::PUT, format!("/user/{}/members/me", bob.id), ""),
        (Method::POST, format!("{path}/me/x"), ""),
        (Method::DELETE, path.clone(), ""),
    ] {
        let answer = ann.call_raw(method.clone(), &path, body.as_bytes().to_vec()).await?;
        let shown = chat.shown_text(&format!("{method} {path} {body}"));
        lines.push(format!("{shown}: {}", answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    PUT /topic/[cats]/members/me {"role":"king"}: 400 INVALID_FIELD ArgumentError: role must be member, moderator or owner
    PUT /topic/[cats]/members/me {"role":7}: 400 INVALID_FIELD ArgumentError: role must be member, moderator or owner
    PUT /topic/[cats]/members/me {"role":"owner"}: 403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    PUT /topic/[cats]/members/me {"role":"member","role":"owner"}: 400 DUPLICATE_KEY ArgumentError: the body has the key "role" twice
    PUT /topic/[cats]/members/me []: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    PUT /topic/[cats]/members/me {: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    PUT /topic/[cats]/members/05 : 400 INVALID_ID ArgumentError: the member's id must not have leading zeros
    PUT /topic/[cats]/members/a%20b : 400 INVALID_ID ArgumentError: the member's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    PUT /topic/[cats]/members/me%2F5 : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    DELETE /topic/[cats]/members/05 : 400 INVALID_ID ArgumentError: the member's id must not have leading zeros
    PUT /topic/05/members/me : 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    GET /topic/05/members : 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    GET /topic/[cats]/members?limit=0 : 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    GET /topic/[cats]/members?limit=101 : 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    GET /topic/[cats]/members?after=05 : 400 INVALID_ID ArgumentError: after must not have leading zeros
    GET /user/[bob]/members : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    PUT /user/[bob]/members/me : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    POST /topic/[cats]/members/me/x : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    DELETE /topic/[cats]/members : 404 NOT_FOUND NotFound: Message not found
    "#);
    assert_eq!(roles(&chat, &ann, &cats).await?, "[ann] member");
    Ok(())
}

#[tokio::test]
async fn members_come_in_pages_by_id() -> Result<()> {
    let chat = Chat::shared().await?;
    let [cats] = chat.topics(["cats"]);
    let users = chat.users(["u1", "u2", "u3", "u4", "u5"]);
    let named = chat.user(&json!(format!("zoe-{}", cats.id)));
    for user in users.iter().rev().chain([&named]) {
        user.join(&cats).await?.ok(200)?;
    }
    let ann = &users[0];
    let (mut after, mut pages) = (String::new(), Vec::new());
    for _ in 0..4 {
        let body = ann.members(&cats, &format!("?limit=2{after}")).await?.ok(200)?;
        let ids = body["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| &member["id"]);
        pages.push(chat.shown_text(&format!(
            "{} next {} of {}",
            json!(ids.collect::<Vec<_>>()),
            body["next"],
            body["total"]
        )));
        if body["next"].is_null() {
            break;
        }
        after = format!("&after={}", body["next"].to_string().trim_matches('"'));
        // Who comes or goes before the place does not shift what follows.
        users[0].leave(&cats).await?.ok(200)?;
    }
    insta::assert_snapshot!(pages.join("\n"), @r#"
    [[u1],[u2]] next [u2] of 6
    [[u3],[u4]] next [u4] of 5
    [[u5],"zoe-[cats]"] next null of 5
    "#);
    let all = ann.members(&cats, "").await?.ok(200)?;
    assert_eq!(all["members"].as_array().map(Vec::len), Some(5));
    // The place may be one of somebody who has left, or who never was there.
    let body = ann.members(&cats, "?after=0&per_page=1").await?.ok(200)?;
    assert_eq!(body["members"][0]["id"], users[1].id);
    Ok(())
}

#[tokio::test]
async fn members_are_told_who_comes_and_goes() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "Hello").await?;
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 2).await?;
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    bob.join(&cats).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "role": "member",
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]},
        "user": [bob]
      },
      "event": "member.joined",
      "prev": "[cursor 2]"
    }
    "#);
    // The own devices too.
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "data": {
        "role": "member",
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]},
        "user": [bob]
      },
      "event": "member.joined"
    }
    "#);
    ann.add(&cats, &bob, &json!({"role": "moderator"})).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "data": {
        "role": "moderator",
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 3]},
        "user": [bob]
      },
      "event": "member.joined"
    }
    "#);
    assert_eq!(of_ann.event().await?["event"], "member.joined");
    // Nothing changes, so nobody is told.
    ann.add(&cats, &bob, &json!({"role": "moderator"})).await?.ok(200)?;
    bob.join(&cats).await?.ok(200)?;
    cem.leave(&cats).await?.ok(200)?;
    ann.remove(&cats, &bob).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "cursor": "[cursor 3]",
      "data": {
        "role": "moderator",
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]},
        "user": [bob]
      },
      "event": "member.left",
      "prev": "[cursor 4]"
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 5]",
      "data": {
        "role": "moderator",
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]},
        "user": [bob]
      },
      "event": "member.left",
      "prev": "[cursor 6]"
    }
    "#);
    // Who is no member is told nothing more.
    ann.send_text(&cats, "without Bob").await?;
    assert_eq!(of_ann.names_so_far().await?, ["message.new"]);
    // Who leaves once more is answered, and nobody is told.
    cem.send_text(&cats, "hi").await?;
    ann.read(&cats, None).await?.ok(200)?;
    assert_eq!(of_ann.names_so_far().await?, ["message.new", "message.read"]);
    let mut of_cem = cem.connect().await?;
    bob.leave(&cats).await?.ok(200)?;
    for socket in [&mut of_ann, &mut of_bob, &mut of_cem] {
        assert_eq!(socket.names_so_far().await?, [""; 0]);
    }
    assert_eq!(of_bob.names_so_far().await?, [""; 0]);
    // Joining by a send is told by its message.
    bob.send_text(&cats, "with Bob").await?;
    assert_eq!(of_ann.names_so_far().await?, ["message.new"]);
    Ok(())
}

/// The event does not say how the entry is that begins anew. So it has no place, and the client asks.
#[tokio::test]
async fn who_comes_back_asks_how_the_inbox_is() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "Hello").await?;
    bob.join(&cats).await?.ok(200)?;
    let mut of_bob = bob.connect().await?;
    bob.leave(&cats).await?.ok(200)?;
    let left = of_bob.event().await?;
    bob.join(&cats).await?.ok(200)?;
    let joined = of_bob.event().await?;
    assert_eq!(joined["data"]["state"]["prev_rev"], left["data"]["state"]["rev"]);
    assert_eq!(
        (&joined["event"], &joined["cursor"]),
        (&json!("member.joined"), &Value::Null)
    );
    let sync = json!({"action": "sync", "since": left["cursor"]});
    let entry = of_bob.result(sync).await?["entries"][0].clone();
    assert_eq!(
        (&entry["read"]["seq"], &entry["latest"]["text"]),
        (&json!(1), &json!("Hello"))
    );
    // What follows has a place again.
    ann.send_text(&cats, "one").await?;
    assert!(of_bob.event().await?["cursor"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_client_that_was_away_learns_who_came_and_that_it_left() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "Hello").await?;
    bob.join(&cats).await?.ok(200)?;
    let cursor = bob.list("").await?.ok(200)?["state"]["cursor"].clone();
    let changes = async |user: &User, since: &Value| {
        let path = format!("{}/changes?since={since}", cats.path());
        user.call(Method::GET, &path, None).await?.ok(200)
    };
    let known = changes(&bob, &json!(0)).await?["state"]["rev"].clone();
    assert_eq!(changes(&bob, &known).await?["members"], Value::Null);
    ann.leave(&cats).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&changes(&bob, &known).await?), @r#"
    {
      "deleted": [],
      "members": true,
      "messages": [],
      "more": false,
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "rev": [rev 1]}
    }
    "#);
    bob.leave(&cats).await?.ok(200)?;
    let sync = |cursor: &Value| format!("/sync?since={}", cursor.as_str().unwrap_or_default());
    let missed = bob.call(Method::GET, &sync(&cursor), None).await?;
    insta::assert_snapshot!(chat.shown(&missed), @r#"
    200 {
      "cursor": "[cursor 1]",
      "entries": [
        {
          "id": [cats],
          "latest": null,
          "left": true,
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 2],
          "timestamp": {epoch, iso},
          "type": "topic",
          "unread": 0
        }
      ],
      "more": false,
      "recovered": true,
      "unread_total": 0,
      "user": [bob]
    }
    "#);
    let mut socket = bob.connect().await?;
    let result = socket.result(json!({"action": "sync", "since": cursor})).await?;
    assert_eq!(result["entries"][0]["left"], true);
    // Who comes back is there again.
    bob.join(&cats).await?.ok(200)?;
    let back = bob
        .call(Method::GET, &sync(&missed.body["cursor"]), None)
        .await?
        .ok(200)?;
    assert_eq!(back["entries"][0]["left"], Value::Null);
    assert_eq!(bob.list("").await?.body["state"]["total"], 1);
    Ok(())
}

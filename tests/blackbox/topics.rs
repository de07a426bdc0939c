//! Conversations of a group, as their members see them.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Target as _, Topic};

#[tokio::test]
async fn who_sends_to_a_topic_joins_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cats] = chat.users(["ann", "bob", "cats"]);
    let cats = Topic { id: cats.id };
    let platform = chat.platform()?;
    platform.add_topic(&json!({"id": cats.id, "title": "Cats", "status": "open"}));
    platform.add(&json!({"id": ann.id, "username": "ann"}));
    // Whoever may join sees that nobody is there yet.
    insta::assert_snapshot!(chat.shown(&bob.members(&cats, "").await?), @r#"200 {"members": [], "next": null, "total": 0}"#);
    insta::assert_snapshot!(chat.shown(&bob.history(&cats, "").await?), @r#"
    200 {
      "entry": {"id": [cats], "status": "open", "title": "Cats"},
      "messages": [],
      "state": {
        "key": "myplatform:topic:[cats]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": 0,
        "total": 0,
        "total_pages": 1
      }
    }
    "#);
    let sent = ann.send(&cats, &json!({"type": "text", "text": "Hello"})).await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.history(&cats, "").await?), @r#"
    200 {
      "entry": {"id": [cats], "status": "open", "title": "Cats"},
      "messages": [
        {
          "author": {"id": [ann], "username": "ann"},
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "myplatform:topic:[cats]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": [rev 1],
        "total": 1,
        "total_pages": 1
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.members(&cats, "").await?), @r#"
    200 {
      "members": [{"id": [ann], "joined": {epoch, iso}, "read": {"seq": 1}, "role": "member"}],
      "next": null,
      "total": 1
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.list("").await?), @r#"
    200 {
      "entries": [
        {
          "id": [cats],
          "latest": {
            "author": [ann],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "Hello",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 1},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "topic": {"id": [cats], "status": "open", "title": "Cats"},
          "type": "topic",
          "unread": 0
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    // Looking is not joining.
    assert_eq!(bob.list("").await?.body["state"]["total"], 0);
    Ok(())
}

#[tokio::test]
async fn every_member_but_the_asking_connection_is_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem, eve] = chat.users(["ann", "bob", "cem", "eve"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&ann, &bob, &cem] {
        user.join(&cats).await?.ok(200)?;
    }
    let mut asking = ann.connect().await?;
    let mut told = [
        ann.connect().await?,
        bob.connect().await?,
        bob.connect().await?,
        cem.connect().await?,
    ];
    let mut stranger = eve.connect().await?;
    let sent = asking
        .ask(cats.frame("send", json!({"type": "text", "text": "Hello"})))
        .await?;
    insta::assert_snapshot!(chat.shown_json(&sent), @r#"
    {
      "cursor": "[cursor 1]",
      "id": 2,
      "prev": "[cursor 2]",
      "result": {
        "entry": {
          "author": [ann],
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
      }
    }
    "#);
    let id = sent["result"]["entry"]["id"].clone();
    let event = told[1].event().await?;
    insta::assert_snapshot!(chat.shown_json(&event), @r#"
    {
      "cursor": "[cursor 3]",
      "data": {
        "entry": {
          "author": [ann],
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
      },
      "event": "message.new",
      "prev": "[cursor 4]"
    }
    "#);
    assert_eq!(event["data"]["entry"], sent["result"]["entry"]);
    let updated = asking
        .result(cats.frame("update", json!({"message_id": id, "text": "Hello!"})))
        .await?;
    insta::assert_snapshot!(chat.shown_json(&updated), @r#"
    {
      "entry": {
        "author": [ann],
        "edited": {epoch, iso},
        "id": "[id 1]",
        "rev": [rev 3],
        "seq": 1,
        "text": "Hello!",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 3]}
    }
    "#);
    assert_eq!(told[1].event().await?["data"]["entry"], updated["entry"]);
    let deleted = asking.result(cats.frame("delete", json!({"message_id": id}))).await?;
    insta::assert_snapshot!(chat.shown_json(&deleted), @r#"
    {
      "message": "Message deleted",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]},
      "success": true
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&told[1].event().await?), @r#"
    {
      "cursor": "[cursor 5]",
      "data": {
        "entry": {"deleted": true, "id": "[id 1]", "seq": 1},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]}
      },
      "event": "message.deleted",
      "prev": "[cursor 6]"
    }
    "#);
    for (index, socket) in told.iter_mut().enumerate() {
        let due: &[&str] = match index {
            1 => &[],
            _ => &["message.new", "message.updated", "message.deleted"],
        };
        assert_eq!(socket.names_so_far().await?, due, "{index}");
    }
    assert_eq!(asking.names_so_far().await?, [""; 0]);
    assert_eq!(stranger.names_so_far().await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_topic_over_rest_is_as_a_direct_conversation() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let hello = ann.send_text(&cats, "Hello").await?;
    bob.send_text(&cats, "Hi").await?;
    let updated = ann.update(&cats, &hello, &json!({"text": "Hello!"})).await?;
    insta::assert_snapshot!(chat.shown(&updated), @r#"
    200 {
      "entry": {
        "author": [ann],
        "edited": {epoch, iso},
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello!",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    assert_eq!(
        bob.update(&cats, &hello, &json!({"text": "mine"})).await?.error()?,
        "403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen"
    );
    assert_eq!(
        bob.delete(&cats, &hello).await?.error()?,
        "403 FORBIDDEN ForbiddenError: Only the author, or a moderator or owner of the topic, can delete a message"
    );
    // A topic shows no `status`: who has read what stands in its members.
    let seen = bob.update(&cats, &hello, &json!({"status": "seen"})).await?;
    insta::assert_snapshot!(chat.shown(&seen), @r#"
    200 {
      "entry": {
        "author": [ann],
        "edited": {epoch, iso},
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello!",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.history(&cats, "").await?), @r#"
    200 {
      "entry": {"id": [cats], "unknown": true},
      "messages": [
        {
          "author": {"id": [ann], "unknown": true},
          "edited": {epoch, iso},
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello!",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        {
          "author": {"id": [bob], "unknown": true},
          "id": "[id 2]",
          "rev": [rev 2],
          "seq": 2,
          "text": "Hi",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "myplatform:topic:[cats]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": [rev 1],
        "total": 2,
        "total_pages": 1
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.members(&cats, "").await?), @r#"
    200 {
      "members": [
        {"id": [ann], "joined": {epoch, iso}, "read": {"seq": 1}, "role": "member"},
        {"id": [bob], "joined": {epoch, iso}, "read": {"seq": 2}, "role": "member"}
      ],
      "next": null,
      "total": 2
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.delete(&cats, &hello).await?), @r#"
    200 {
      "message": "Message deleted",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 3]},
      "success": true
    }
    "#);
    assert_eq!(ann.delete(&cats, &hello).await?.status, 200);
    let changes = format!("{}/changes?since=0", cats.path());
    insta::assert_snapshot!(chat.shown(&bob.call(Method::GET, &changes, None).await?), @r#"
    200 {
      "deleted": [{"id": "[id 1]", "rev": [rev 3], "seq": 1}],
      "members": true,
      "messages": [
        {
          "author": [bob],
          "id": "[id 2]",
          "rev": [rev 2],
          "seq": 2,
          "text": "Hi",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "more": false,
      "read": {"[bob]": 2},
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "rev": [rev 3]}
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_moderator_deletes_what_others_have_written() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let message = ann.send_text(&cats, "rude").await?;
    bob.join(&cats).await?.ok(200)?;
    assert_eq!(bob.delete(&cats, &message).await?.status, 403);
    RawRedis::of(&chat).await?.give_role(&cats, &bob, 1).await?;
    let mut listener = ann.connect().await?;
    assert_eq!(bob.delete(&cats, &message).await?.status, 200);
    insta::assert_snapshot!(chat.shown_json(&listener.event().await?), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "entry": {"deleted": true, "id": "[id 1]", "seq": 1},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]}
      },
      "event": "message.deleted",
      "prev": "[cursor 2]"
    }
    "#);
    assert_eq!(
        bob.update(&cats, &ann.send_text(&cats, "more").await?, &json!({"text": "nice"}))
            .await?
            .status,
        403,
        "a moderator does not put words into mouths"
    );
    Ok(())
}

#[tokio::test]
async fn a_topic_and_a_user_of_one_id_are_apart() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let topic = Topic { id: bob.id.clone() };
    ann.send_text(&bob, "to Bob").await?;
    ann.send_text(&topic, "to the topic").await?;
    assert_eq!(bob.list("").await?.body["state"]["total"], 1);
    let entries = ann.list("?no_format").await?.ok(200)?["entries"].take();
    let texts = ["user", "topic"].map(|kind| {
        let of_kind = |entry: &&Value| entry["type"] == kind;
        let entry = entries.as_array().into_iter().flatten().find(of_kind);
        entry.map(|entry| entry["latest"]["text"].clone())
    });
    assert_eq!(texts, [Some(json!("to Bob")), Some(json!("to the topic"))]);
    assert_eq!(ann.whole_history(&topic).await?.len(), 1);
    Ok(())
}

/// Ids that take the most bytes in every key and frame.
#[tokio::test]
async fn the_longest_ids_of_topics_work() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, number] = chat.users(["ann", "bob", "number"]);
    for id in [
        format!("{}{}", "~".repeat(57), number.id),
        format!("{}{}", ":".repeat(57), number.id),
        format!("-|:{}", number.id),
        format!("9007199254740992{}", number.id),
    ] {
        let topic = Topic { id: json!(id) };
        ann.send_text(&topic, "x").await?;
        bob.join(&topic).await?.ok(200)?;
        let mut socket = bob.connect().await?;
        ann.send_text(&topic, "y").await?;
        assert_eq!(
            socket.event().await?["data"]["state"]["inbox_key"],
            format!("topic-{id}"),
            "{id}"
        );
        assert_eq!(bob.unread(&topic).await?.0, 1, "{id}");
        let next = bob.list("?per_page=1").await?.ok(200)?["state"]["next"].clone();
        if let Some(next) = next.as_str() {
            assert_eq!(bob.list(&format!("?before={next}")).await?.status, 200, "{id}");
        }
        assert_eq!(bob.leave(&topic).await?.status, 200, "{id}");
    }
    Ok(())
}

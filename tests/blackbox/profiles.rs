//! What the platform says about users, in inbox and history.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::{Chat, USER_AGENT, User, platform::Asked};

/// The one request that asked for this user.
fn only_request(chat: &Chat, user: &User) -> Result<Asked> {
    let mut asked = chat.platform()?.asked_for(&user.id);
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.pop().context("one request")
}

/// The ids of a request, in order of value.
fn ids(asked: &Asked) -> Vec<&str> {
    let mut ids: Vec<&str> = asked
        .query
        .rsplit("ids=")
        .next()
        .unwrap_or_default()
        .split(',')
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn the_fields_that_were_asked_for_pass_through() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let whole = json!({
        "id": ann.id, "username": "ann", "role": ["admin", {"of": 2.5}], "picture_url": null, "profile_url": "https://p.example/ü",
    });
    let mut more = whole.clone();
    more["password_hash"] = json!("$2y$10$");
    more["more"] = json!({"nested": [1]});
    chat.platform()?.add(&more);
    // Nothing but an id, and that as digits.
    chat.platform()?.add(&json!({"id": bob.id.to_string()}));
    ann.send_text(&bob, "Hello").await?;
    let history = bob.history(&ann, "").await?;
    insta::assert_snapshot!(chat.shown(&history), @r#"
    200 {
      "entry": {
        "id": [ann],
        "picture_url": null,
        "profile_url": "https://p.example/ü",
        "role": ["admin", {"of": 2.5}],
        "username": "ann"
      },
      "messages": [
        {
          "author": {
            "id": [ann],
            "picture_url": null,
            "profile_url": "https://p.example/ü",
            "role": ["admin", {"of": 2.5}],
            "username": "ann"
          },
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "myplatform:dm:[ann]-[bob]",
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
    assert_eq!(bob.list("").await?.body["entries"][0]["user"], whole);
    assert_eq!(
        ann.list("").await?.body["entries"][0]["user"],
        json!({"id": bob.id.to_string()})
    );
    Ok(())
}

#[tokio::test]
async fn a_page_of_the_inbox_takes_one_request() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users(["u1", "u2", "u3", "u4", "u5"]);
    for other in &others {
        chat.platform()?.add(&json!({"id": other.id, "username": "someone"}));
        other.send_text(&ann, "Hello").await?;
    }
    let body = ann.list("").await?.ok(200)?;
    let names = body["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| &entry["user"]["username"]);
    assert_eq!(names.collect::<Vec<_>>(), ["someone"; 5]);
    let asked = only_request(&chat, &others[0])?;
    assert_eq!(asked.user_agent, USER_AGENT);
    assert_eq!(ids(&asked), others.each_ref().map(|other| other.id.to_string()));
    let fields = asked.query.split("&ids=").next().unwrap_or_default();
    assert_eq!(fields, "fields=id,username,role,picture_url,profile_url");
    Ok(())
}

#[tokio::test]
async fn a_history_takes_one_request() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    chat.platform()?.add(&json!({"id": ann.id, "username": "ann"}));
    for _ in 0..3 {
        ann.send_text(&bob, "x").await?;
        bob.send_text(&ann, "x").await?;
    }
    let body = ann.history(&bob, "").await?.ok(200)?;
    assert_eq!(
        ids(&only_request(&chat, &bob)?),
        [ann.id.to_string(), bob.id.to_string()]
    );
    let authors: Vec<Value> = body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| message["author"].clone())
        .collect();
    let known = json!({"id": ann.id, "username": "ann"});
    // The platform does not know this author, whose words do not become nobody's.
    let unknown = json!({"id": bob.id, "unknown": true});
    assert_eq!(
        authors,
        [&known, &unknown].repeat(3).into_iter().cloned().collect::<Vec<_>>()
    );
    assert_eq!(body["entry"], unknown);
    assert_eq!(ann.list("").await?.body["entries"][0]["user"], unknown);
    Ok(())
}

#[tokio::test]
async fn what_the_platform_said_is_kept_for_a_while() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "x").await?;
    // Of users whom the platform doesn't know, too. One request at a time is done by one process, which keeps it, unless others
    // are busy; there are ten at the most.
    for _ in 0..30 {
        assert_eq!(ann.history(&bob, "").await?.ok(200)?["entry"]["unknown"], true);
    }
    let asked = chat.platform()?.asked_for(&bob.id).len();
    assert!((1..=10).contains(&asked), "asked {asked} times for 30 pages");
    Ok(())
}

#[tokio::test]
async fn ids_of_all_kinds_can_be_asked_for() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    for id in ["profile+plus", "profile=@:~.-_x", "profile|7", "1983516295378495151"] {
        let user = chat.user(&json!(id));
        // Many platforms write a long number as a number.
        let given = id.parse::<u64>().map_or(json!(id), |number| json!(number));
        chat.platform()?.add(&json!({"id": given, "username": id}));
        user.send_text(&ann, "x").await?;
        let expected = json!({"id": id, "username": id});
        assert_eq!(ann.history(&user, "").await?.ok(200)?["entry"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn without_format_and_for_sending_nobody_is_asked() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    ann.update(&bob, &message, &json!({"text": "y"})).await?.ok(200)?;
    ann.list("?no_format").await?.ok(200)?;
    ann.delete(&bob, &message).await?.ok(200)?;
    bob.list("?no_format").await?.ok(200)?;
    assert_eq!(chat.platform()?.asked_for(&ann.id), []);
    assert_eq!(chat.platform()?.asked_for(&bob.id), []);
    Ok(())
}

#[tokio::test]
async fn an_empty_page_asks_for_nobody() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    ann.list("").await?.ok(200)?;
    assert_eq!(chat.platform()?.asked_for(&json!("")), []);
    assert_eq!(chat.platform()?.asked_for(&ann.id), []);
    Ok(())
}

#[tokio::test]
async fn a_large_profile_is_its_id() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let picture = format!("https://p.example/{}", "x".repeat(63_000));
    chat.platform()?
        .add(&json!({"id": ann.id, "username": "ann", "picture_url": picture}));
    chat.platform()?
        .add(&json!({"id": bob.id, "username": "bob", "picture_url": "x".repeat(4_000)}));
    for _ in 0..100 {
        ann.send_text(&bob, "x").await?;
    }
    let body = ann.history(&bob, "?per_page=100").await?.ok(200)?;
    let messages = body["messages"].as_array().context("messages")?;
    assert_eq!(messages.len(), 100);
    assert!(
        messages
            .iter()
            .all(|message| message["author"] == json!({"id": ann.id}))
    );
    assert_eq!(body["entry"]["username"], "bob", "4 KiB are not reached");
    Ok(())
}

#[tokio::test]
async fn an_id_that_the_platform_refuses_costs_the_others_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, ben] = chat.users(["ann", "ben"]);
    let others = chat.users(["u1", "u2", "u3", "u4", "u5", "u6", "u7"]);
    for other in &others {
        chat.platform()?.add(&json!({"id": other.id, "username": "someone"}));
        other.send_text(&ann, "Hello").await?;
    }
    let refused = &others[2];
    chat.platform()?.refuse(&refused.id);
    refused.send_text(&ben, "Hello").await?;
    // At once, and as often as one likes: there is no pause, and no search for the refused id again.
    for _ in 0..30 {
        let body = ann.list("").await?.ok(200)?;
        let entries = body["entries"].as_array().context("entries")?;
        assert_eq!(entries.len(), others.len());
        for entry in entries {
            let expected = if entry["id"] == refused.id {
                json!({"id": refused.id})
            } else {
                json!({"id": entry["id"], "username": "someone"})
            };
            assert_eq!(entry["user"], expected);
        }
        assert_eq!(
            ben.list("").await?.ok(200)?["entries"][0]["user"],
            json!({"id": refused.id})
        );
    }
    // One of seven is found by four requests, in each of ten processes at the most.
    let asked = chat.platform()?.asked_for(&refused.id).len();
    assert!((4..=40).contains(&asked), "asked {asked} times");
    Ok(())
}

//! `GET /api/list?before=`: pages of an inbox that new activity does not shift.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Chat, User};

/// The ids of a page, and the place from which the next one goes on.
async fn page(chat: &Chat, user: &User, before: Option<&str>) -> Result<(String, Option<String>)> {
    let before = before.map(|place| format!("&before={place}")).unwrap_or_default();
    let body = user.list(&format!("?no_format&per_page=3{before}")).await?.ok(200)?;
    let entries = body["entries"].as_array().into_iter().flatten();
    let ids: Vec<_> = entries.map(|entry| chat.shown_json(&entry["id"])).collect();
    Ok((ids.join(" "), body["state"]["next"].as_str().map(str::to_owned)))
}

#[tokio::test]
async fn activity_meanwhile_shifts_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users(["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"]);
    for other in &others {
        other.send_text(&ann, "x").await?;
    }
    let (first, next) = page(&chat, &ann, None).await?;
    assert_eq!(first, "[u8] [u7] [u6]");
    // One from behind, one of the page itself, and the very one at which it ended move to the front.
    for moved in [&others[2], &others[7], &others[5]] {
        moved.send_text(&ann, "y").await?;
    }
    let (second, next) = page(&chat, &ann, next.as_deref()).await?;
    assert_eq!(second, "[u5] [u4] [u2]");
    others[0].send_text(&ann, "y").await?;
    let (third, end) = page(&chat, &ann, next.as_deref()).await?;
    assert_eq!((third.as_str(), end), ("", None), "what moved is told by sync");
    Ok(())
}

#[tokio::test]
async fn the_state_of_a_page_after_a_place() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    bob.send_text(&ann, "x").await?;
    cem.send_text(&ann, "x").await?;
    let first = ann.list("?per_page=1&no_format").await?.ok(200)?;
    let next = first["state"]["next"].as_str().unwrap_or_default();
    insta::assert_snapshot!(chat.shown(&ann.list(&format!("?before={next}&limit=1")).await?), @r#"
    200 {
      "entries": [
        {
          "id": [bob],
          "latest": {
            "author": [bob],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "x",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 1,
          "user": {"id": [bob], "unknown": true}
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
        "unread_total": 2
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn pinned_ones_are_not_met_twice() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users(["u1", "u2", "u3", "u4", "u5", "u6"]);
    for other in &others {
        other.send_text(&ann, "x").await?;
    }
    for pinned in &others[..4] {
        ann.set(pinned, &json!({"pinned": true})).await?.ok(200)?;
    }
    let (first, next) = page(&chat, &ann, None).await?;
    let (second, end) = page(&chat, &ann, next.as_deref()).await?;
    assert_eq!((first.as_str(), second.as_str()), ("[u4] [u3] [u2]", "[u1] [u6] [u5]"));
    assert_eq!(end, None);
    // Hidden ones have pages of their own.
    for hidden in &others[2..] {
        ann.set(hidden, &json!({"hidden": true})).await?.ok(200)?;
    }
    let body = ann.list("?hidden=1&per_page=3&no_format").await?.ok(200)?;
    assert_eq!(body["entries"].as_array().map(Vec::len), Some(3));
    let place = body["state"]["next"].as_str().unwrap_or_default();
    let body = ann
        .list(&format!("?hidden=1&per_page=3&no_format&before={place}"))
        .await?
        .ok(200)?;
    assert_eq!(body["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["state"]["next"], Value::Null);
    Ok(())
}

/// Topics can be joined within one millisecond; then their ids decide.
#[tokio::test]
async fn conversations_of_one_instant_are_all_met() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let topics = chat.topics(["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"]);
    let joins = topics.iter().map(|topic| ann.join(topic));
    for joined in futures_util::future::join_all(joins).await {
        joined?.ok(200)?;
    }
    let (mut met, mut place) = (Vec::new(), None);
    loop {
        let (ids, next) = page(&chat, &ann, place.as_deref()).await?;
        met.extend(ids.split(' ').map(str::to_owned));
        if next.is_none() {
            break;
        }
        place = next;
    }
    met.sort();
    assert_eq!(met.join(" "), "[t1] [t2] [t3] [t4] [t5] [t6] [t7] [t8] [t9]");
    Ok(())
}

#[tokio::test]
async fn a_wrong_place_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    bob.send_text(&ann, "x").await?;
    let mut lines = Vec::new();
    for query in [
        "?before=",
        "?before=x",
        "?before=%00",
        "?before=MSB1c2VyLTU%3D",
        "?before=MSB1c2VyLTU",
        "?before=MSB1c2VyLTU&page=1",
        "?page=2&before=MSB1c2VyLTU",
        "?before=LTEgdXNlci01",
        "?before=MSB2aWxsYWluLTU",
        "?before=OTk5OTk5OTk5OTk5OTk5OTk5OTk5IHVzZXItNQ",
        "?before=0192f0e4-7d00-7000-8000-000000000001",
        "?before=MSB1c2VyLTU&before=x",
    ] {
        let answer = ann.list(query).await?;
        lines.push(format!(
            "{query}: {}",
            answer
                .error()
                .unwrap_or_else(|_| format!("{} {}", answer.status, answer.body["entries"]))
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    ?before=: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=x: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=%00: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=MSB1c2VyLTU%3D: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=MSB1c2VyLTU: 200 []
    ?before=MSB1c2VyLTU&page=1: 400 INVALID_PAGE ArgumentError: only one of page, before, after and around can be given
    ?page=2&before=MSB1c2VyLTU: 400 INVALID_PAGE ArgumentError: only one of page, before, after and around can be given
    ?before=LTEgdXNlci01: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=MSB2aWxsYWluLTU: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=OTk5OTk5OTk5OTk5OTk5OTk5OTk5IHVzZXItNQ: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=0192f0e4-7d00-7000-8000-000000000001: 400 INVALID_FIELD ArgumentError: before must be the state.next of a list
    ?before=MSB1c2VyLTU&before=x: 200 []
    ");
    Ok(())
}

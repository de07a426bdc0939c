//! `GET /api/user/{id}`: pages, and what stands around a message.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, User};

/// Two users with 35 messages, written by turns, of which seven are deleted; and the texts that are left, oldest first.
pub(crate) async fn conversation(chat: &Chat) -> Result<(User, User, Vec<Value>)> {
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut left = Vec::new();
    for number in 1..=35 {
        let (from, to) = if number % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        let message = from.send_text(to, &format!("m{number}")).await?;
        // The first, the last, two in a row, and across the border of a page.
        if [1, 9, 10, 17, 24, 25, 35].contains(&number) {
            from.delete(to, &message).await?.ok(200)?;
        } else {
            left.push(message);
        }
    }
    Ok((ann, bob, left))
}

pub(crate) fn texts(messages: &Value) -> Vec<&str> {
    messages
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|message| message["text"].as_str())
        .collect()
}

/// The state and the texts of a page, on one line.
fn summary(chat: &Chat, answer: &Answer) -> String {
    let state = &answer.body["state"];
    let numbers = ["page", "per_page", "total", "total_pages"].map(|name| format!("{name} {}", state[name]));
    let cursors = ["prev", "next"].map(|name| format!("{name} {}", chat.shown_json(&state[name])));
    format!(
        "{} | {} | {}",
        numbers.join(", "),
        cursors.join(", "),
        texts(&answer.body["messages"]).join(" ")
    )
}

pub(crate) fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn nobody_has_written_yet() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    insta::assert_snapshot!(chat.shown(&ann.history(&bob, "").await?), @r#"
    200 {
      "entry": {"id": [bob], "unknown": true},
      "messages": [],
      "state": {
        "key": "myplatform:dm:[ann]-[bob]",
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
    assert_eq!(ann.list("").await?.body["state"]["total"], 0, "asking leaves no trace");
    Ok(())
}

#[tokio::test]
async fn pages_go_back_from_the_newest() -> Result<()> {
    let chat = Chat::shared().await?;
    let (ann, bob, left) = conversation(&chat).await?;
    let mut lines = Vec::new();
    for query in [
        "",
        "?page=2",
        "?page=3",
        "?page=4",
        "?page=1000000000",
        "?per_page=3&page=10",
        "?per_page=100",
        "?per_page=28",
        "?limit=27&page=2",
    ] {
        let answer = ann.history(&bob, query).await?;
        lines.push(format!("{query}: {}", summary(&chat, &answer)));
        assert_eq!(
            bob.history(&ann, query).await?.body["messages"],
            answer.body["messages"],
            "both see the same"
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    : page 1, per_page 10, total 28, total_pages 3 | prev "[id 1]", next null | m23 m26 m27 m28 m29 m30 m31 m32 m33 m34
    ?page=2: page 2, per_page 10, total 28, total_pages 3 | prev "[id 2]", next "[id 3]" | m12 m13 m14 m15 m16 m18 m19 m20 m21 m22
    ?page=3: page 3, per_page 10, total 28, total_pages 3 | prev null, next "[id 4]" | m2 m3 m4 m5 m6 m7 m8 m11
    ?page=4: page 4, per_page 10, total 28, total_pages 3 | prev null, next null | 
    ?page=1000000000: page 1000000000, per_page 10, total 28, total_pages 3 | prev null, next null | 
    ?per_page=3&page=10: page 10, per_page 3, total 28, total_pages 10 | prev null, next "[id 5]" | m2
    ?per_page=100: page 1, per_page 100, total 28, total_pages 1 | prev null, next null | m2 m3 m4 m5 m6 m7 m8 m11 m12 m13 m14 m15 m16 m18 m19 m20 m21 m22 m23 m26 m27 m28 m29 m30 m31 m32 m33 m34
    ?per_page=28: page 1, per_page 28, total 28, total_pages 1 | prev null, next null | m2 m3 m4 m5 m6 m7 m8 m11 m12 m13 m14 m15 m16 m18 m19 m20 m21 m22 m23 m26 m27 m28 m29 m30 m31 m32 m33 m34
    ?limit=27&page=2: page 2, per_page 27, total 28, total_pages 2 | prev null, next "[id 5]" | m2
    "#);
    let all: Vec<Value> = ann.whole_history(&bob).await?;
    assert_eq!(
        all.iter().map(id).collect::<Vec<_>>(),
        left.iter().map(id).collect::<Vec<_>>()
    );
    Ok(())
}

#[tokio::test]
async fn a_page_that_cannot_be() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let queries = [
        "?page=0",
        "?page=-1",
        "?page=1.5",
        "?page=x",
        "?page=",
        "?page=%2B1",
        "?page=99999999999999999999",
        "?per_page=0",
        "?per_page=101",
        "?per_page=x",
        "?limit=0",
        "?limit=101",
        "?limit=",
    ];
    let mut lines = Vec::new();
    for query in queries {
        let error = ann.history(&bob, query).await?.error()?;
        lines.push(format!("{query}: {error}"));
        assert_eq!(ann.list(query).await?.error()?, error, "the inbox refuses the same");
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    ?page=0: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=-1: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=1.5: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=x: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=%2B1: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?page=99999999999999999999: 400 INVALID_PAGE ArgumentError: page must be an integer from 1 to 1000000000
    ?per_page=0: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ?per_page=101: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ?per_page=x: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ?limit=0: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ?limit=101: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ?limit=: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ");
    Ok(())
}

#[tokio::test]
async fn before_after_and_around_a_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let (ann, bob, left) = conversation(&chat).await?;
    let (first, middle, last) = (id(&left[0]), id(&left[14]), id(&left[27]));
    let queries = [
        format!("?before={middle}"),
        format!("?before={middle}&per_page=3"),
        format!("?before={first}"),
        format!("?after={middle}&limit=3"),
        format!("?after={middle}&per_page=100"),
        format!("?after={last}"),
        format!("?around={middle}&per_page=5"),
        format!("?around={middle}&per_page=4"),
        format!("?around={middle}&per_page=1"),
        format!("?around={first}&per_page=5"),
        format!("?around={last}&per_page=5"),
    ];
    let mut lines = vec![format!("middle is {}", left[14]["text"])];
    for query in queries {
        lines.push(format!(
            "{}: {}",
            chat.shown_text(&query),
            summary(&chat, &ann.history(&bob, &query).await?)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    middle is "m19"
    ?before=[id 1]: page null, per_page 10, total 28, total_pages 3 | prev "[id 2]", next "[id 3]" | m6 m7 m8 m11 m12 m13 m14 m15 m16 m18
    ?before=[id 1]&per_page=3: page null, per_page 3, total 28, total_pages 10 | prev "[id 4]", next "[id 3]" | m15 m16 m18
    ?before=[id 5]: page null, per_page 10, total 28, total_pages 3 | prev null, next null | 
    ?after=[id 1]&limit=3: page null, per_page 3, total 28, total_pages 10 | prev "[id 6]", next "[id 7]" | m20 m21 m22
    ?after=[id 1]&per_page=100: page null, per_page 100, total 28, total_pages 1 | prev "[id 6]", next null | m20 m21 m22 m23 m26 m27 m28 m29 m30 m31 m32 m33 m34
    ?after=[id 8]: page null, per_page 10, total 28, total_pages 3 | prev null, next null | 
    ?around=[id 1]&per_page=5: page null, per_page 5, total 28, total_pages 6 | prev "[id 9]", next "[id 10]" | m16 m18 m19 m20 m21
    ?around=[id 1]&per_page=4: page null, per_page 4, total 28, total_pages 7 | prev "[id 9]", next "[id 6]" | m16 m18 m19 m20
    ?around=[id 1]&per_page=1: page null, per_page 1, total 28, total_pages 28 | prev "[id 1]", next "[id 1]" | m19
    ?around=[id 5]&per_page=5: page null, per_page 5, total 28, total_pages 6 | prev null, next "[id 2]" | m2 m3 m4 m5 m6
    ?around=[id 8]&per_page=5: page null, per_page 5, total 28, total_pages 6 | prev "[id 11]", next null | m30 m31 m32 m33 m34
    "#);
    Ok(())
}

#[tokio::test]
async fn a_window_hangs_on_one_message_that_is_there() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let message = ann.send_text(&bob, "x").await?;
    let elsewhere = ann.send_text(&eve, "x").await?;
    let (here, elsewhere) = (id(&message), id(&elsewhere));
    let queries = [
        "?before=x".to_owned(),
        "?after=".to_owned(),
        "?around=215066e1-e4a6-4a67-93b3-372519f7dfff".to_owned(),
        format!("?before={elsewhere}"),
        format!("?before={here}&after={here}"),
        format!("?page=1&around={here}"),
        format!("?around={here}&per_page=0"),
    ];
    let mut lines = Vec::new();
    for query in queries {
        lines.push(format!(
            "{}: {}",
            chat.shown_text(&query),
            ann.history(&bob, &query).await?.error()?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    ?before=x: 404 NOT_FOUND NotFound: Message not found
    ?after=: 404 NOT_FOUND NotFound: Message not found
    ?around=[id 1]: 404 NOT_FOUND NotFound: Message not found
    ?before=[id 2]: 404 NOT_FOUND NotFound: Message not found
    ?before=[id 3]&after=[id 3]: 400 INVALID_PAGE ArgumentError: only one of page, before, after and around can be given
    ?page=1&around=[id 3]: 400 INVALID_PAGE ArgumentError: only one of page, before, after and around can be given
    ?around=[id 3]&per_page=0: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    ");
    Ok(())
}

#[tokio::test]
async fn a_deleted_message_still_holds_its_place() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sent = Vec::new();
    for number in 1..=5 {
        sent.push(ann.send_text(&bob, &format!("m{number}")).await?);
    }
    ann.delete(&bob, &sent[2]).await?.ok(200)?;
    let gone = id(&sent[2]);
    let mut lines = Vec::new();
    for query in ["before", "after", "around"] {
        lines.push(format!(
            "{query}: {}",
            summary(&chat, &ann.history(&bob, &format!("?{query}={gone}")).await?)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    before: page null, per_page 10, total 4, total_pages 1 | prev null, next "[id 1]" | m1 m2
    after: page null, per_page 10, total 4, total_pages 1 | prev "[id 2]", next null | m4 m5
    around: page null, per_page 10, total 4, total_pages 1 | prev null, next null | m1 m2 m4 m5
    "#);
    Ok(())
}

#[tokio::test]
async fn strangers_see_nothing_of_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let message = ann.send_text(&bob, "between us").await?;
    for with in [&ann, &bob] {
        assert_eq!(eve.history(with, "").await?.body["messages"], json!([]));
        let around = format!("{}?around={}", with.path(), id(&message));
        assert_eq!(eve.call(Method::GET, &around, None).await?.status, 404);
    }
    assert_eq!(eve.list("").await?.body["entries"], json!([]));
    Ok(())
}

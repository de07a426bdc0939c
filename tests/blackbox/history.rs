//! `GET /api/user/{id}`: pages, and walking from a message.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, User};

/// Two users with 35 messages, written by turns, of which seven are deleted; and the texts that are left, oldest first.
async fn conversation(chat: &Chat) -> Result<(User, User, Vec<Value>)> {
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

fn texts(messages: &Value) -> Vec<&str> {
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

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn nobody_has_written_yet() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    insta::assert_snapshot!(chat.shown(&ann.history(&bob, "").await?), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
        "?page=1&page=2",
    ];
    let mut lines = Vec::new();
    for query in queries {
        let error = ann.history(&bob, query).await?.error()?;
        lines.push(format!("{query}: {error}"));
        assert_eq!(ann.list(query).await?.error()?, error, "the inbox refuses the same");
    }
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
    Ok(())
}

/// Follows `prev` from the newest page to the oldest, or `next` back, and returns the texts in the order in which they came.
async fn walk(user: &User, with: &User, first: Answer, cursor: &str, parameter: &str) -> Result<Vec<String>> {
    let mut answer = first;
    let mut pages = Vec::new();
    for _ in 0..20 {
        pages.push(texts(&answer.body["messages"]).join(" "));
        let Some(place) = answer.body["state"][cursor].as_str() else {
            return Ok(pages);
        };
        answer = user.history(with, &format!("?{parameter}={place}&per_page=6")).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_ne!(texts(&answer.body["messages"]), [""; 0], "a cursor leads to something");
    }
    anyhow::bail!("no end after {pages:?}")
}

#[tokio::test]
async fn a_walk_is_not_shifted_by_new_messages() -> Result<()> {
    let chat = Chat::shared().await?;
    let (ann, bob, left) = conversation(&chat).await?;
    let expected: Vec<&str> = left.iter().filter_map(|message| message["text"].as_str()).collect();
    let first = ann.history(&bob, "?per_page=6").await?;
    // The newest page is read, and then more comes in.
    for number in 36..=38 {
        bob.send_text(&ann, &format!("m{number}")).await?;
    }
    let mut back = walk(&ann, &bob, first, "prev", "before").await?;
    assert_eq!(back.len(), 5);
    back.reverse();
    assert_eq!(
        back.join(" "),
        expected.join(" "),
        "nothing is missing and nothing is twice"
    );
    let oldest = ann
        .history(&bob, &format!("?before={}&per_page=6", id(&left[6])))
        .await?;
    let forth = walk(&ann, &bob, oldest, "next", "after").await?;
    assert_eq!(forth.join(" "), format!("{} m36 m37 m38", expected.join(" ")));
    Ok(())
}

#[tokio::test]
async fn a_page_in_the_middle_can_be_walked_both_ways() -> Result<()> {
    let chat = Chat::shared().await?;
    let (ann, bob, left) = conversation(&chat).await?;
    let page = ann.history(&bob, "?page=2&per_page=6").await?;
    let newer = walk(&ann, &bob, page.clone(), "next", "after").await?;
    let mut older = walk(&ann, &bob, page, "prev", "before").await?;
    older.reverse();
    // The page itself is in both walks.
    older.pop().context("the page itself")?;
    let all = [older, newer].concat().join(" ");
    assert_eq!(
        all,
        left.iter()
            .filter_map(|message| message["text"].as_str())
            .collect::<Vec<_>>()
            .join(" ")
    );
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

//! Walking through a history by the cursors of its pages, which new messages don't shift.

use anyhow::{Context as _, Result, bail};
use tests::{Answer, Chat, User};

use crate::history::{conversation, id, texts};

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
    bail!("no end after {pages:?}")
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

//! The platform doesn't take messages away, whatever its troubles.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::platform::{Mood, Platform};
use tests::{Chat, User, until};
use tokio::time::Instant;

/// The platform's object of the other side, from a page that must be there.
async fn profile(user: &User, with: &User) -> Result<Value> {
    let body = user.history(with, "").await?.ok(200)?;
    assert_eq!(body["messages"][0]["text"], "Hello", "the message is there");
    assert_eq!(
        user.list("").await?.ok(200)?["entries"][0]["user"],
        body["entry"],
        "the inbox says the same"
    );
    Ok(body["entry"].clone())
}

#[tokio::test]
async fn ids_stand_in_for_what_it_does_not_say() -> Result<()> {
    let platform = Platform::start()?;
    let chat = Chat::own(&[("SOCK_API_URL", platform.url())]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    platform.add(&json!({"id": bob.id, "username": "bob"}));
    ann.send_text(&bob, "Hello").await?;
    let bare = json!({"id": bob.id});

    platform.is(Mood::Silent);
    let start = Instant::now();
    let body = ann.history(&bob, "").await?;
    let took = start.elapsed();
    insta::assert_snapshot!(chat.shown(&body), @r#"
    200 {
      "entry": {"id": [bob]},
      "messages": [
        {
          "author": {"id": [ann]},
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
    assert!(
        (Duration::from_millis(4_900)..Duration::from_secs(7)).contains(&took),
        "{took:?}"
    );
    // A platform that didn't answer is left alone for a moment, so that not every page waits.
    let start = Instant::now();
    assert_eq!(ann.history(&bob, "").await?.ok(200)?["entry"], bare);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    for mood in [Mood::Failing, Mood::Babbling, Mood::Endless, Mood::Redirecting] {
        platform.is(mood);
        let asked = platform.asked_for(&bob.id).len();
        let start = Instant::now();
        until("the platform is asked again", async || {
            assert_eq!(profile(&ann, &bob).await?, bare, "{mood:?}");
            Ok((platform.asked_for(&bob.id).len() > asked + 1).then_some(()))
        })
        .await?;
        // Two pauses of two seconds, and no timeout of five.
        assert!(
            start.elapsed() < Duration::from_secs(8),
            "{mood:?} {:?}",
            start.elapsed()
        );
    }

    // A refusal is an answer: every page asks again.
    platform.is(Mood::Refusing);
    until("a page that asks", async || {
        let asked = platform.asked_for(&bob.id).len();
        assert_eq!(profile(&ann, &bob).await?, bare);
        Ok((platform.asked_for(&bob.id).len() == asked + 2).then_some(()))
    })
    .await?;

    platform.is(Mood::Well);
    let known = until("the platform is believed again", async || {
        let entry = ann.history(&bob, "").await?.ok(200)?["entry"].clone();
        Ok(Some(entry).filter(|entry| *entry != bare))
    });
    assert_eq!(known.await?, json!({"id": bob.id, "username": "bob"}));
    // What it said is kept, so a new trouble doesn't show at once.
    platform.is(Mood::Failing);
    let entry = ann.history(&bob, "").await?.ok(200)?["entry"].clone();
    assert_eq!(entry.get("username").context("it was kept")?, "bob");
    Ok(())
}

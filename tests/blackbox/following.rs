//! A client that follows `docs/clients.md` knows what a fresh one loads, whatever it was not told.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tests::follower::{Over, Pace, Status, Write};
use tests::{Chat, Follower, RawRedis, User, until};

fn pace() -> Pace {
    Pace {
        heartbeat: Duration::from_millis(300),
        first_wait: Duration::from_millis(20),
        ..Pace::default()
    }
}

async fn status(follower: &Follower, is: impl Fn(&Status) -> bool) -> Result<Status> {
    until("the client gets there", async || {
        let status = follower.status().borrow().clone();
        Ok(is(&status).then_some(status))
    })
    .await
}

async fn knows(follower: &Follower, with: &User, texts: &[&str]) -> Result<()> {
    let own_words = |messages: &[Value]| {
        messages
            .iter()
            .map(|message| message["text"].clone())
            .collect::<Vec<_>>()
    };
    until("the client knows it", async || {
        Ok((own_words(&follower.messages(with)) == texts).then_some(()))
    })
    .await
}

#[tokio::test]
async fn it_loads_what_there_is_and_goes_on_from_there() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    for text in ["one", "two"] {
        ann.send_text(&bob, text).await?;
    }
    let follower = Follower::start(&bob, pace(), 1);
    knows(&follower, &ann, &["one", "two"]).await?;
    let written = follower.write(Over::Socket, &Write::send(&ann, "three", "t")).await;
    let id = written.answer.unwrap_or_default()["entry"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    follower
        .write(Over::Socket, &Write::edit(&ann, &id, "three!", "e"))
        .await;
    knows(&follower, &ann, &["one", "two", "three!"]).await?;
    assert_eq!(follower.tally().reloaded, 0);
    Ok(())
}

#[tokio::test]
async fn it_resumes_after_its_connection_was_cut() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let gone = ann.send_text(&bob, "gone").await?;
    let follower = Follower::start(&bob, pace(), 1);
    knows(&follower, &ann, &["gone"]).await?;
    let before = status(&follower, |status| status.connection.is_some())
        .await?
        .connection;
    follower.cut(Duration::ZERO);
    ann.send_text(&bob, "while it was away").await?;
    ann.delete(&bob, &gone).await?.ok(200)?;
    knows(&follower, &ann, &["while it was away"]).await?;
    status(&follower, |status| {
        status.connection.is_some() && status.connection != before
    })
    .await?;
    let tally = follower.tally();
    assert_eq!((tally.recovered, tally.reloaded), (1, 0), "it went on from its cursor");
    Ok(())
}

#[tokio::test]
async fn it_is_told_of_a_push_that_was_lost_though_no_other_follows() -> Result<()> {
    let chat = Chat::own_with(&["--fault", "push-failed=1"], &[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let follower = Follower::start(&bob, pace(), 1);
    status(&follower, |status| status.caught_up.is_some()).await?;
    ann.send_text(&bob, "never pushed").await?;
    knows(&follower, &ann, &["never pushed"]).await
}

#[tokio::test]
async fn it_connects_again_when_its_connection_was_taken_for_gone() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let follower = Follower::start(&bob, pace(), 1);
    let before = status(&follower, |status| status.connection.is_some())
        .await?
        .connection;
    let redis = RawRedis::of(&chat).await?;
    let id = before.clone().unwrap_or_default();
    let () = redis.run(&format!("DEL {{senna-sockets:connection:{id}}}")).await?;
    status(&follower, |status| {
        status.connection.is_some() && status.connection != before
    })
    .await?;
    assert_eq!(follower.tally().unknown, 1);
    ann.send(&bob, &json!({"type": "text", "text": "Hello"}))
        .await?
        .ok(201)?;
    knows(&follower, &ann, &["Hello"]).await
}

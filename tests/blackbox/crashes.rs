//! Functions that are killed in the middle of their work.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Chat, Processes, RawRedis, until};
use tokio::sync::mpsc;

/// Waits until Redis holds a write back, so that a function is in the middle of its request for certain.
async fn held_back(redis: &RawRedis) -> Result<()> {
    let look = async || {
        let info: String = redis.run("INFO clients").await?;
        Ok(info.contains("blocked_clients:1").then_some(()))
    };
    until("a write is held back", look).await
}

#[tokio::test]
async fn who_asks_is_told_that_the_function_was_killed() -> Result<()> {
    let chat = Chat::own(&[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    let processes = Processes::of(chat.stack());
    ann.send_text(&bob, "before").await?;

    let () = redis.run("CLIENT PAUSE 60000 WRITE").await?;
    let body = json!({"type": "text", "text": "killed"});
    let killing = async {
        held_back(&redis).await?;
        processes.kill("send")
    };
    let (answer, killed) = tokio::join!(ann.send(&bob, &body), killing);
    let answer = answer?;
    assert_eq!(killed?, 1);
    insta::assert_snapshot!(chat.shown(&answer), @r#"500 {"message": "Internal Server Error"}"#);
    let () = redis.run("CLIENT UNPAUSE").await?;

    let after = ann.send_text(&bob, "after").await?;
    assert_eq!(
        after["seq"], 2,
        "the next request works, and the killed one has stored nothing"
    );
    let texts: Vec<Value> = bob
        .whole_history(&ann)
        .await?
        .iter()
        .map(|message| message["text"].clone())
        .collect();
    assert_eq!(texts, ["before", "after"]);

    let mut socket = ann.connect().await?;
    let frame =
        json!({"action": "send", "id": "k", "target": "user", "target_id": bob.id, "type": "text", "text": "by frame"});
    let () = redis.run("CLIENT PAUSE 60000 WRITE").await?;
    socket.write(&frame.to_string()).await?;
    held_back(&redis).await?;
    assert_eq!(processes.kill("message")?, 1);
    let answer = socket.answer().await?;
    assert_eq!(
        (&answer["message"], &answer["connectionId"]),
        (&json!("Internal server error"), &json!(socket.id))
    );
    let () = redis.run("CLIENT UNPAUSE").await?;
    let again = socket.result(frame).await?;
    assert_eq!(
        again["entry"]["seq"], 3,
        "the connection is still there, and the retry is the only message"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_however_often_functions_are_killed() -> Result<()> {
    let chat = Chat::own(&[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let processes = Processes::of(chat.stack());
    let (answered, mut counted) = mpsc::unbounded_channel();
    let (ann_and_bob, answered) = ((&ann, &bob), &answered);
    let sending = try_join_all((0..8).map(async |task| {
        let (from, to) = if task % 2 == 0 {
            ann_and_bob
        } else {
            (ann_and_bob.1, ann_and_bob.0)
        };
        let mut answers = Vec::new();
        for number in 0..25 {
            let body = json!({"type": "text", "text": format!("{task}.{number}")});
            let answer = from.send(to, &body).await?;
            answers.push((answer.status, answer.body["entry"].clone()));
            answered.send(())?;
        }
        anyhow::Ok(answers)
    }));
    // While seven others are waiting for theirs.
    let killing = async {
        let mut killed = 0;
        for answers in 1..200 {
            counted.recv().await;
            if answers % 8 == 0 {
                killed += processes.kill("send")?;
            }
        }
        anyhow::Ok(killed)
    };
    let (answers, killed) = tokio::try_join!(sending, killing)?;
    let answers = answers.concat();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for (status, _) in &answers {
        *statuses.entry(*status).or_default() += 1;
    }
    assert!(
        statuses.keys().all(|status| [201, 500].contains(status)),
        "{statuses:?}"
    );
    assert!(killed > 5 && statuses.len() == 2, "{killed} killed, {statuses:?}");

    let history = ann.whole_history(&bob).await?;
    assert_eq!(history, bob.whole_history(&ann).await?);
    let mut times_in_history = BTreeMap::<&str, usize>::new();
    for message in &history {
        *times_in_history
            .entry(message["text"].as_str().unwrap_or_default())
            .or_default() += 1;
    }
    assert!(
        times_in_history.values().all(|times| *times == 1),
        "nothing is there twice"
    );
    for (_, entry) in answers.iter().filter(|(status, _)| *status == 201) {
        assert!(
            times_in_history.contains_key(entry["text"].as_str().unwrap_or_default()),
            "{entry} was acknowledged"
        );
    }
    let seqs: Vec<_> = history.iter().filter_map(|message| message["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(ann.send_text(&bob, "after").await?["seq"], seqs.len() as u64 + 1);
    // The next message mends what a killed function left undone in the inboxes.
    assert_eq!(bob.list("").await?.body["entries"][0]["latest"]["text"], "after");
    Ok(())
}

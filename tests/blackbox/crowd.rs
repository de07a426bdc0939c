//! Many senders at once.

use std::collections::BTreeSet;

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::Value;
use tests::Chat;

const TASKS: usize = 20;
const EACH: usize = 10;

fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().filter_map(|message| message["seq"].as_u64()).collect()
}

#[tokio::test]
async fn two_hundred_messages_have_one_order() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut listener = bob.connect().await?;
    let tasks = (0..TASKS).map(async |task| {
        let (from, to) = if task % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        let mut entries = Vec::new();
        for number in 0..EACH {
            entries.push(from.send_text(to, &format!("{task}.{number}")).await?);
        }
        // One sender's messages stand in the order in which they were sent.
        assert!(seqs(&entries).is_sorted(), "{entries:?}");
        anyhow::Ok(entries)
    });
    let acknowledged = try_join_all(tasks).await?.concat();
    let expected: Vec<u64> = (1..=200).collect();

    let mut answered = seqs(&acknowledged);
    answered.sort_unstable();
    assert_eq!(answered, expected, "no gap and no double in the answers");
    let history = ann.whole_history(&bob).await?;
    assert_eq!(seqs(&history), expected, "no gap and no double in the history");
    assert_eq!(history, bob.whole_history(&ann).await?, "both readers see the same");
    let times: Vec<_> = history
        .iter()
        .filter_map(|message| message["timestamp"]["epoch"].as_u64())
        .collect();
    assert!(times.len() == 200 && times.is_sorted(), "order and time agree");
    for entry in &acknowledged {
        let place = entry["seq"]
            .as_u64()
            .and_then(|seq| usize::try_from(seq - 1).ok())
            .and_then(|place| history.get(place));
        assert_eq!(
            place.map(|message| &message["text"]),
            Some(&entry["text"]),
            "the answer told the right place"
        );
    }
    let told: Vec<Value> = listener
        .events_so_far()
        .await?
        .iter()
        .map(|event| event["data"]["entry"].clone())
        .collect();
    assert_eq!(
        seqs(&told).into_iter().collect::<BTreeSet<_>>().len(),
        200,
        "a listener is told of each"
    );
    let latest = bob.list("").await?.ok(200)?["entries"][0]["latest"].clone();
    assert_eq!(latest["seq"], 200, "previews that come late never replace newer ones");
    Ok(())
}

#[tokio::test]
async fn many_senders_to_one_reader_are_all_counted() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users([
        "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12",
    ]);
    let sending = others.iter().map(async |other| {
        for _ in 0..3 {
            other.send_text(&ann, "x").await?;
        }
        anyhow::Ok(())
    });
    try_join_all(sending).await?;
    let state = ann.list("").await?.ok(200)?["state"].clone();
    assert_eq!((&state["total"], &state["unread_total"]), (&12.into(), &36.into()));
    Ok(())
}

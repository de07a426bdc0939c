//! Unread is exact: what is after the reader's position and not the reader's own.

use anyhow::Result;
use serde_json::json;
use tests::Chat;

#[tokio::test]
async fn it_counts_what_others_have_sent() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    for number in 1..=3 {
        ann.send_text(&bob, "x").await?;
        assert_eq!(bob.unread(&ann).await?, (number, number));
        assert_eq!(ann.unread(&bob).await?, (0, 0), "what is mine is not unread");
    }
    cem.send_text(&bob, "x").await?;
    assert_eq!(bob.unread(&cem).await?, (1, 4));
    assert_eq!(bob.unread(&ann).await?, (3, 4));
    // Looking is not reading.
    bob.history(&ann, "").await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (3, 4));
    Ok(())
}

#[tokio::test]
async fn sending_moves_the_own_position() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    for _ in 0..3 {
        ann.send_text(&bob, "x").await?;
    }
    bob.send_text(&ann, "read").await?;
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    assert_eq!(ann.unread(&bob).await?, (1, 1));
    ann.send_text(&bob, "x").await?;
    assert_eq!((bob.unread(&ann).await?, ann.unread(&bob).await?), ((1, 1), (0, 0)));
    Ok(())
}

#[tokio::test]
async fn seeing_a_message_reads_everything_up_to_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(ann.send_text(&bob, "x").await?);
    }
    bob.see(&ann, &sent[2]).await?;
    assert_eq!(bob.unread(&ann).await?, (2, 2));
    bob.see(&ann, &sent[0]).await?;
    assert_eq!(bob.unread(&ann).await?, (2, 2), "a position never goes back");
    bob.see(&ann, &sent[4]).await?;
    bob.see(&ann, &sent[4]).await?;
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_deleted_message_is_not_unread() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(ann.send_text(&bob, "x").await?);
    }
    ann.delete(&bob, &sent[1]).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (3, 3));
    ann.delete(&bob, &sent[1]).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (3, 3), "deleting again takes nothing");
    bob.see(&ann, &sent[2]).await?;
    assert_eq!(bob.unread(&ann).await?, (1, 1));
    ann.delete(&bob, &sent[0]).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (1, 1), "it was read before it was deleted");
    ann.delete(&bob, &sent[3]).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    ann.delete(&bob, &sent[2]).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    ann.send_text(&bob, "x").await?;
    assert_eq!(bob.unread(&ann).await?, (1, 1));
    Ok(())
}

#[tokio::test]
async fn edits_and_own_deletions_count_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let from_ann = ann.send_text(&bob, "x").await?;
    ann.update(&bob, &from_ann, &json!({"text": "y"})).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (1, 1));
    let from_bob = bob.send_text(&ann, "x").await?;
    ann.send_text(&bob, "x").await?;
    bob.delete(&ann, &from_bob).await?.ok(200)?;
    assert_eq!(bob.unread(&ann).await?, (1, 1), "only the others' messages count");
    assert_eq!(ann.unread(&bob).await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn the_total_is_over_the_whole_inbox() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem, dan] = chat.users(["ann", "bob", "cem", "dan"]);
    let from_bob = bob.send_text(&ann, "x").await?;
    bob.send_text(&ann, "x").await?;
    cem.send_text(&ann, "x").await?;
    dan.send_text(&ann, "x").await?;
    let total = async |query: &str| anyhow::Ok(ann.list(query).await?.ok(200)?["state"]["unread_total"].clone());
    // Also where the page shows less.
    for query in ["", "?per_page=1", "?page=9", "?no_format"] {
        assert_eq!(total(query).await?, 4, "{query}");
    }
    ann.send_text(&cem, "x").await?;
    assert_eq!(total("").await?, 3);
    bob.delete(&ann, &from_bob).await?.ok(200)?;
    assert_eq!(total("").await?, 2);
    Ok(())
}

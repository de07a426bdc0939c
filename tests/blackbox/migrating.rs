//! `senna migrate`: what the old server left, taken over into a stack and then asked for by REST.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::{
    Chat, RawRedis, User,
    old_server::{OldServer, THEN, message},
};

/// The default site of a stack.
const HERE: &str = "myplatform";

/// A file of a test's own.
fn report() -> Result<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report.tsv");
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    Ok((folder, file))
}

/// The first words of the lines of a report, and how often each stands there.
fn kinds(report: &str) -> Result<BTreeMap<String, usize>> {
    let mut kinds = BTreeMap::new();
    for line in fs::read_to_string(report)?.lines() {
        let kind = line.split('\t').next().unwrap_or_default();
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    Ok(kinds)
}

/// Every key of a site, without the site, and its value as Redis keeps it.
async fn everything(redis: &RawRedis, site: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let start = format!("{{senna-sockets:{site}:");
    let names: Vec<String> = redis.run(&format!("KEYS {start}*")).await?;
    let mut values = BTreeMap::new();
    for name in names {
        let value = redis.query(redis::cmd("DUMP").arg(&name)).await?;
        values.insert(name.replacen(&start, "", 1), value);
    }
    Ok(values)
}

fn texts(history: &[Value]) -> Vec<&str> {
    history.iter().filter_map(|message| message["text"].as_str()).collect()
}

/// The conversations of an inbox, and when each was last active after [`THEN`].
async fn inbox(user: &User) -> Result<Vec<(String, u64)>> {
    let body = user.list("").await?.ok(200)?;
    let entries = body["entries"].as_array().context("entries")?.iter();
    let entry = |entry: &Value| {
        let name = format!("{}-{}", entry["type"].as_str().unwrap_or_default(), entry["id"]);
        (
            name,
            entry["timestamp"]["epoch"]
                .as_u64()
                .unwrap_or_default()
                .saturating_sub(THEN),
        )
    };
    Ok(entries.map(entry).collect())
}

#[tokio::test]
async fn what_the_old_server_had_is_there() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cleo] = chat.users(["ann", "bob", "cleo"]);
    let [cars] = chat.topics(["cars"]);
    let old = OldServer::new(&chat, "old-1", "oldplatform").await?;
    let one = old.send(&ann, &bob, 1_000, "one").await?;
    old.send(&bob, &ann, 2_000, "two").await?;
    let mut three = old.send(&ann, &bob, 3_000, "three").await?;
    let four = old.send(&ann, &bob, 4_000, "four").await?;
    // An edit and `seen` write the data again; a deletion removes it.
    (three["text"], three["status"]) = (json!("3"), json!("seen"));
    old.write(&OldServer::direct(&ann, &bob), &three).await?;
    let gone = old.send(&bob, &ann, 4_500, "gone").await?;
    let (list, id) = (OldServer::direct(&ann, &bob), gone["id"].as_str().context("an id")?);
    old.run("HDEL", &format!("{list}:data"), &[id]).await?;
    old.run("LREM", &list, &["-1", id]).await?;
    old.send(&cleo, &ann, 5_000, "hello").await?;
    let image = json!({"type": "image", "image": "https://img.example/cat.png", "metadata": {"width": 5}});
    old.store(&OldServer::direct(&cleo, &ann), &message(&cleo, 5_500, &image))
        .await?;
    old.post(&ann, &cars, 6_000, "red").await?;
    old.post(&bob, &cars, 7_000, "blue").await?;
    old.run("ZREM", &format!("inbox:{}", cleo.id), &[&format!("user-{}", ann.id)])
        .await?;

    let (_folder, file) = report()?;
    let said = old.migrate(HERE, &file, &[])?;
    assert!(
        said.contains("took over 8 messages in 3 conversations, 0 of them before this run, and 2 inboxes"),
        "{said}"
    );
    assert_eq!(kinds(&file)?, BTreeMap::from([("same".to_owned(), 3)]));

    let history = ann.whole_history(&bob).await?;
    assert_eq!(texts(&history), ["one", "two", "3", "four"]);
    for (index, message) in history.iter().enumerate() {
        assert_eq!(message["timestamp"]["epoch"], json!(THEN + 1_000 * (index as u64 + 1)));
        assert_eq!(message["seq"], json!(index + 1));
    }
    let seen: Vec<bool> = history.iter().map(|message| message["status"] == "seen").collect();
    assert_eq!(seen, [true, true, true, false]);
    let of_cleo = ann.whole_history(&cleo).await?;
    assert_eq!(
        (&of_cleo[1]["image"], &of_cleo[1]["metadata"]),
        (&image["image"], &image["metadata"])
    );

    let names = |entries: Vec<(&str, &Value, u64)>| -> Vec<(String, u64)> {
        entries
            .into_iter()
            .map(|(kind, id, at)| (format!("{kind}-{id}"), at))
            .collect()
    };
    let of_ann = [
        ("topic", &cars.id, 6_000),
        ("user", &cleo.id, 5_500),
        ("user", &bob.id, 4_500),
    ];
    assert_eq!(inbox(&ann).await?, names(of_ann.to_vec()));
    assert_eq!(
        inbox(&bob).await?,
        names(vec![("topic", &cars.id, 7_000), ("user", &ann.id, 4_500)])
    );
    assert_eq!(inbox(&cleo).await?, [], "it was taken out of this inbox");
    assert_eq!(cleo.list("?hidden=1").await?.ok(200)?["state"]["total"], 1);
    assert_eq!(ann.unread(&bob).await?, (0, 2));
    assert_eq!(ann.unread(&cleo).await?.0, 2);
    assert_eq!(bob.unread(&ann).await?, (1, 1), "the topic counts as read");
    let members = ann.members(&cars, "").await?.ok(200)?;
    assert_eq!(members["members"].as_array().map(Vec::len), Some(2));

    // Old ids are good for what clients of the old server do.
    let edited = ann.update(&bob, &four, &json!({"text": "4"})).await?.ok(200)?;
    assert_eq!(
        (&edited["entry"]["text"], &edited["entry"]["id"]),
        (&json!("4"), &history[3]["id"])
    );
    assert_eq!(bob.update(&ann, &four, &json!({"text": "5"})).await?.status, 403);
    bob.see(&ann, &four).await?;
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    for _ in 0..2 {
        ann.delete(&bob, &one).await?.ok(200)?;
    }
    bob.react(&ann, &three, "👍").await?.ok(200)?;
    let history = bob.whole_history(&ann).await?;
    assert_eq!(texts(&history), ["two", "3", "4"]);
    assert_eq!(history[1]["reactions"][0]["count"], 1);
    assert_eq!(
        ann.delete(&bob, &gone).await?.error()?,
        "404 NOT_FOUND NotFound: Message not found"
    );
    // A new message comes after the old ones.
    assert_eq!(bob.send_text(&ann, "five").await?["seq"], 5);
    cleo.send_text(&ann, "again").await?;
    assert_eq!(inbox(&cleo).await?.len(), 1, "a new message brings it back");
    ann.send_text(&cars, "green").await?;
    assert_eq!(bob.unread(&cars).await?.0, 1);

    // A run after that changes nothing, and takes edits and deletions for what they are.
    old.migrate(HERE, &file, &[])?;
    assert_eq!(kinds(&file)?, BTreeMap::from([("same".to_owned(), 3)]));
    assert_eq!(texts(&bob.whole_history(&ann).await?), ["two", "3", "4", "five"]);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_a_second_run_changes_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cars] = chat.topics(["cars"]);
    let (redis, old) = (RawRedis::of(&chat).await?, OldServer::new(&chat, "old-2", "two").await?);
    for number in 0..250 {
        old.send(&ann, &bob, number, "x").await?;
    }
    old.post(&ann, &cars, 1_000, "y").await?;
    let (_folder, file) = report()?;
    let said = old.migrate("new-2", &file, &["--dry-run"])?;
    assert!(
        said.contains("would take over 251 messages in 2 conversations"),
        "{said}"
    );
    assert_eq!(everything(&redis, "new-2").await?.len(), 0);

    old.migrate("new-2", &file, &[])?;
    let first = everything(&redis, "new-2").await?;
    let said = old.migrate("new-2", &file, &[])?;
    assert!(
        said.contains("took over 251 messages in 2 conversations, 251 of them before"),
        "{said}"
    );
    ensure!(
        everything(&redis, "new-2").await? == first,
        "a second run changes nothing"
    );

    // What the old server stored in between comes behind.
    old.send(&bob, &ann, 2_000, "late").await?;
    let said = old.migrate("new-2", &file, &["--all-read"])?;
    assert!(
        said.contains("took over 252 messages in 2 conversations, 251 of them before"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_killed_goes_on() -> Result<()> {
    let chat = Chat::shared().await?;
    let (redis, old) = (
        RawRedis::of(&chat).await?,
        OldServer::new(&chat, "old-3", "three").await?,
    );
    let users = chat.users(["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"]);
    let [ann, others @ ..] = &users;
    let [cars] = chat.topics(["cars"]);
    for number in 0..200 {
        for other in others {
            old.send(ann, other, number, &format!("text {number}")).await?;
        }
        old.post(ann, &cars, number, "z").await?;
    }
    let (_folder, file) = report()?;
    old.migrate("whole", &file, &[])?;
    let (mut killed, mut wait_ms) = (0, 5);
    loop {
        let mut run = old.migration("cut", &file, &[])?;
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        if let Some(status) = run.try_wait()? {
            ensure!(status.success(), "{status}");
            break;
        }
        run.kill()?;
        run.wait()?;
        (killed, wait_ms) = (killed + 1, wait_ms + 15);
    }
    assert!(killed > 3, "{killed}");
    let (whole, cut) = (everything(&redis, "whole").await?, everything(&redis, "cut").await?);
    let names = |site: &BTreeMap<String, Vec<u8>>| site.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&cut), names(&whole));
    // The others hold the times of the run.
    let same = |name: &&String| {
        [":log", ":old", "}:members", "}:inbox"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    for name in whole.keys().filter(same) {
        assert!(cut[name] == whole[name], "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_named_and_stops_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cleo] = chat.users(["ann", "bob", "cleo"]);
    let [cars] = chat.topics(["cars"]);
    let old = OldServer::new(&chat, "old-4", "four").await?;
    let list = OldServer::direct(&ann, &bob);
    let first = old.send(&ann, &bob, 1_000, "a secret").await?;
    let id = first["id"].as_str().context("an id")?;
    old.run("RPUSH", &list, &[id]).await?;
    old.run("RPUSH", &list, &["00000000-0000-4000-8000-000000000000"])
        .await?;
    let broken = "11111111-1111-4111-8111-111111111111";
    old.run("RPUSH", &list, &[broken]).await?;
    old.run("HSET", &format!("{list}:data"), &[broken, "{\"text\": \"a secret"])
        .await?;
    let text = json!({"type": "text", "text": "a secret"});
    let changed = |field: &str, value: Value| {
        let mut message = message(&ann, 2_000, &text);
        message[field] = value;
        message
    };
    let wrong = [
        changed("author", Value::Null),
        changed("author", cleo.id.clone()),
        changed("type", json!("video")),
        changed("text", json!("")),
        changed("text", json!("\n")),
        changed("timestamp", json!("soon")),
        changed("timestamp", json!("1999-01-01T00:00:00.000Z")),
        changed("text", json!("a secret ".repeat(20_000))),
        changed("text", json!(["a secret"])),
        changed("metadata", json!("a secret")),
        changed("flavour", json!("a secret")),
        message(
            &ann,
            2_000,
            &json!({"type": "image", "image": "http://img.example/secret"}),
        ),
    ];
    for message in &wrong {
        old.store(&list, message).await?;
    }
    // Its id is not a UUID, and differs from the id in its data.
    old.run("RPUSH", &list, &["7"]).await?;
    old.run("HSET", &format!("{list}:data"), &["7", &first.to_string()])
        .await?;
    old.write(&list, &message(&ann, 3_000, &text)).await?;
    old.write("dm:1-3", &message(&ann, 3_000, &text)).await?;
    old.store("dm:a-b-c", &message(&ann, 3_000, &text)).await?;
    old.run("SET", "dm:1-4", &["a secret"]).await?;
    old.run("SET", "rooms:5", &["a secret"]).await?;
    old.run("HSET", &format!("activity:{}", ann.id), &["last_active", "now"])
        .await?;
    old.enter(&ann, &format!("user-{}", cleo.id), 4_000).await?;
    old.enter(&ann, &format!("topic-{}", cars.id), 4_000).await?;
    old.enter(&ann, "bot-1", 4_000).await?;

    let (_folder, file) = report()?;
    old.migrate(HERE, &file, &[])?;
    let expected = [
        ("bad-name", 1),
        ("duplicate", 1),
        ("field-left", 1),
        ("foreign-author", 1),
        ("id-differs", 1),
        ("id-not-kept", 1),
        ("image-as-text", 1),
        ("invisible", 1),
        ("metadata-left", 1),
        ("no-author", 1),
        ("no-content", 1),
        ("no-conversation", 2),
        ("no-data", 1),
        ("no-list", 1),
        ("no-time", 1),
        ("not-json", 1),
        ("not-listed", 1),
        ("not-text", 1),
        ("other-type", 1),
        ("same", 1),
        ("text-cut", 1),
        ("time-order", 2),
        ("unknown-entry", 1),
        ("unknown-key", 1),
        ("unknown-type", 1),
    ];
    let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(kinds(&file)?, BTreeMap::from(expected));
    assert!(
        !fs::read_to_string(&file)?.contains("secret"),
        "no text of a user stands in the report"
    );
    let history = bob.whole_history(&ann).await?;
    assert_eq!(history.len(), 9);
    assert_eq!(history[3]["text"].as_str().map(|text| text.ends_with('…')), Some(true));
    assert_eq!(
        (&history[7]["type"], &history[7]["text"]),
        (&json!("text"), &json!("http://img.example/secret"))
    );
    Ok(())
}

#[tokio::test]
async fn a_difference_fails_the_run() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cleo] = chat.users(["ann", "bob", "cleo"]);
    let (redis, old) = (
        RawRedis::of(&chat).await?,
        OldServer::new(&chat, "old-5", "five").await?,
    );
    old.send(&ann, &bob, 1_000, "x").await?;
    old.send(&ann, &cleo, 1_000, "y").await?;
    let (_folder, file) = report()?;
    old.migrate(HERE, &file, &[])?;
    let fails = |kind: &str, count| -> Result<()> {
        let Output { status, stderr, .. } = old.migration(HERE, &file, &[])?.output()?;
        assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stderr));
        assert_eq!(kinds(&file)?.get(kind), Some(&count));
        Ok(())
    };
    // Senna goes on with a conversation, and so does the old server.
    ann.send_text(&bob, "here").await?;
    old.send(&ann, &bob, 2_000, "there").await?;
    fails("in-use", 1)?;
    assert_eq!(texts(&ann.whole_history(&bob).await?), ["x", "here"]);
    // Another record in the place of a message.
    let log = |with: &User| format!("{{senna-sockets:{HERE}:dm:{}-{}}}:log", ann.id, with.id);
    let (of_bob, of_cleo) = (log(&bob), log(&cleo));
    let record: Vec<u8> = redis.query(redis::cmd("LINDEX").arg(&of_bob).arg(0)).await?;
    redis
        .query::<()>(redis::cmd("LSET").arg(&of_cleo).arg(0).arg(record))
        .await?;
    fails("different", 2)?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_command_says_what_is_wrong() -> Result<()> {
    let chat = Chat::shared().await?;
    let old = OldServer::new(&chat, "old-6", "six").await?;
    let (_folder, file) = report()?;
    let Output { status, stderr, .. } = old.migration("a b", &file, &[])?.output()?;
    assert_eq!(status.code(), Some(2));
    assert!(String::from_utf8(stderr)?.contains("the name in Senna must be 1 to 32 of A-Z a-z 0-9 . _ -"));
    let Output { status, stderr, .. } = old.migration("six", "/nowhere/report", &[])?.output()?;
    assert_eq!(status.code(), Some(1));
    assert!(String::from_utf8(stderr)?.contains("can't write the report /nowhere/report"));
    // An id of the old server that was not taken over is no message's.
    let [ann] = chat.users(["ann"]);
    let unknown = ann
        .call(Method::DELETE, "/user/5/215066e1-e4a6-4a67-93b3-372519f7dfff", None)
        .await?;
    assert_eq!(unknown.error()?, "404 NOT_FOUND NotFound: Message not found");
    Ok(())
}

//! `senna chat`: two people in two terminals, and a script at the end of a pipe.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Terminal, User};

/// Two users whom the platform knows by these names.
fn known<const N: usize>(chat: &Chat, names: [&str; N]) -> Result<[User; N]> {
    let users = chat.users(names);
    for (user, name) in users.iter().zip(names) {
        chat.platform()?.add(&json!({"id": user.id, "username": name}));
    }
    Ok(users)
}

/// What was shown, without days and times.
fn timeless(shown: &str) -> Vec<String> {
    let is_time = |word: &&str| word.len() == 5 && word.as_bytes().get(2) == Some(&b':');
    let line = |line: &str| {
        let words = line.split(' ').filter(|word| !is_time(word));
        words.collect::<Vec<_>>().join(" ")
    };
    shown.lines().filter(|line| !line.starts_with('—')).map(line).collect()
}

/// The lines that are messages, without their times, and whether they were sent from here.
fn messages(shown: &str) -> Vec<String> {
    let lines = timeless(shown).into_iter();
    let lines = lines.map(|line| line.trim_start_matches("✓ ").to_owned());
    lines.filter(|line| line.starts_with('#')).collect()
}

async fn cut(chat: &Chat) -> Result<()> {
    let everything = json!({"fraction": 1});
    let cut = chat
        .stack()
        .control(Method::POST, "/connections/cut", &everything)
        .await;
    cut.map(drop)
}

#[tokio::test]
async fn two_people_see_what_the_other_does() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = known(&chat, ["ann", "bob"])?;
    let (mut of_ann, mut of_bob) = (Terminal::of(&chat, &ann, &bob)?, Terminal::of(&chat, &bob, &ann)?);
    of_ann.shows("· you are ann, with bob").await?;
    of_bob.shows("· you are bob, with ann").await?;
    of_ann.types("Hello, Bob")?;
    of_bob.shows("ann: Hello, Bob").await?;
    of_ann.shows("· seen up to #1").await?;
    of_bob.types("/react 👍")?;
    of_ann.shows("· reactions to #1: 👍 1").await?;
    of_bob.types("/unreact #1 👍")?;
    of_ann.shows("· reactions to #1: none").await?;
    of_bob.types("/reply 1 Hello, Ann")?;
    of_ann.shows("bob: (to #1 ann “Hello, Bob”) Hello, Ann").await?;
    of_ann.types("/edit Hello, dear Bob")?;
    of_bob.shows("· ann edited #1: Hello, dear Bob").await?;
    of_bob.types("/delete")?;
    of_ann.shows("· #2 of bob was deleted").await?;
    of_ann.types("//help is not a command")?;
    of_bob.shows("ann: /help is not a command").await?;
    of_bob.types("/who")?;
    of_bob.shows(&format!("· ann (id {}), online", ann.id)).await?;
    let mut phone = bob.connect().await?;
    let typing = json!({"action": "typing", "target": "user", "target_id": ann.id, "state": "start"});
    phone.result(typing).await?;
    of_ann.shows("· bob is typing").await?;
    let image = json!({"type": "image", "image": "https://a.example/b.png"});
    bob.send(&ann, &image).await?.ok(201)?;
    of_ann.shows("bob: [image] https://a.example/b.png").await?;
    of_bob.shows("bob: [image] https://a.example/b.png").await?;
    let (ended_well, shown) = of_ann.ends().await?;
    assert!(ended_well, "{shown}");
    assert!(shown.contains("· bob is online"), "{shown}");
    insta::assert_snapshot!(messages(&shown).join("\n"), @r"
    #1 ann: Hello, Bob
    #2 bob: (to #1 ann “Hello, Bob”) Hello, Ann
    #3 ann: /help is not a command
    #4 bob: [image] https://a.example/b.png
    ");
    let (ended_well, shown) = of_bob.ends().await?;
    assert!(ended_well, "{shown}");
    insta::assert_snapshot!(messages(&shown).join("\n"), @r"
    #1 ann: Hello, Bob
    #2 bob: (to #1 ann “Hello, Bob”) Hello, Ann
    #3 ann: /help is not a command
    #4 bob: [image] https://a.example/b.png
    ");
    // Who comes later sees how it stands.
    let (_, shown) = Terminal::of(&chat, &bob, &ann)?.ends().await?;
    insta::assert_snapshot!(messages(&shown).join("\n"), @r"
    #1 ann: Hello, dear Bob (edited)
    #3 ann: /help is not a command
    #4 bob: [image] https://a.example/b.png
    ");
    Ok(())
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_connections_are_cut_and_pushes_fail() -> Result<()> {
    let chat = Chat::own_with(&["--fault", "push-failed=0.3", "--seed", "7"], &[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut of_ann, mut of_bob) = (Terminal::of(&chat, &ann, &bob)?, Terminal::of(&chat, &bob, &ann)?);
    // Without the REST API, and so without what was before.
    let (token, with) = (bob.token()?, ann.id.to_string());
    let url = &chat.stack().addresses.websocket;
    let without_api = Terminal::start(&["--token", &token, "--with", &with, "--socket", url])?;
    for terminal in [&of_ann, &of_bob, &without_api] {
        terminal.shows("· you are").await?;
    }
    let edited = ann.send_text(&bob, "before").await?;
    for round in 0..4 {
        for (terminal, name) in [(&mut of_ann, "a"), (&mut of_bob, "b")] {
            for number in 0..3 {
                terminal.types(&format!("{name}{round}{number}"))?;
            }
        }
        cut(&chat).await?;
        let text = format!("before, changed {round} times");
        ann.update(&bob, &edited, &json!({"text": text})).await?.ok(200)?;
        of_ann.shows(&format!("a{round}2")).await?;
        of_bob.shows(&format!("b{round}2")).await?;
    }
    cut(&chat).await?;
    let all = bob.whole_history(&ann).await?;
    assert_eq!(all.len(), 25);
    let sent = |message: &Value| {
        let (seq, text) = (&message["seq"], message["text"].as_str().unwrap_or_default());
        format!("#{seq} user {}: {text}", message["author"]["id"])
    };
    let expected: Vec<_> = all.iter().map(sent).collect();
    for terminal in [of_ann, of_bob, without_api] {
        terminal.shows("· back").await?;
        for message in all.iter().filter(|message| message["id"] != edited["id"]) {
            terminal
                .shows(&format!(": {}\n", message["text"].as_str().unwrap_or_default()))
                .await?;
        }
        terminal.shows("before, changed 3 times").await?;
        let (ended_well, shown) = terminal.ends().await?;
        assert!(ended_well, "{shown}");
        // The first message may have been met before or after an edit, but once.
        let shown = messages(&shown);
        assert_eq!(shown.get(1..), expected.get(1..), "each once and in order");
        assert!(
            shown.first().context("a first message")?.contains(": before"),
            "{shown:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_script_sends_line_by_line_and_learns_whether_all_went_well() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = known(&chat, ["ann", "bob"])?;
    let mut script = Terminal::of(&chat, &ann, &bob)?;
    let lines: Vec<_> = (1..=45).map(|number| format!("line {number}")).collect();
    script.types_bytes(lines.join("\n").as_bytes())?;
    let (ended_well, shown) = script.ends().await?;
    assert!(ended_well, "{shown}");
    let line = |number| format!("#{number} ann: line {number}");
    let lines = |numbers: std::ops::RangeInclusive<u32>| numbers.map(line).collect::<Vec<_>>();
    assert_eq!(messages(&shown), lines(1..=45));
    assert!(shown.lines().any(|line| line.starts_with("✓ #45 ")), "{shown}");

    let mut reader = Terminal::of(&chat, &bob, &ann)?;
    reader.types("/older\n/older\n/older")?;
    let (ended_well, shown) = reader.ends().await?;
    assert!(ended_well, "{shown}");
    assert_eq!(messages(&shown), [lines(26..=45), lines(6..=25), lines(1..=5)].concat());
    assert!(shown.contains("· there is nothing earlier"), "{shown}");
    assert_eq!(bob.unread(&ann).await?, (0, 0), "what is shown is read");

    for (line, why) in [
        ("/delete #9", "✗ no message #9 is shown here; /older shows earlier ones"),
        ("/edit ", "✗ write it as /edit TEXT or /edit #12 TEXT"),
        ("/edit #45 not mine", "✗ not edited: "),
        ("/nonsense", "✗ there is no command /nonsense"),
        ("\u{200b}", "✗ not sent: "),
    ] {
        let mut failing = Terminal::of(&chat, &bob, &ann)?;
        failing.types(line)?;
        let (ended_well, shown) = failing.ends().await?;
        assert!(!ended_well && shown.contains(why), "{line}: {shown}");
        assert!(shown.contains("senna: 1 of the lines failed, as said above"), "{shown}");
    }
    let mut garbled = Terminal::of(&chat, &bob, &ann)?;
    garbled.types_bytes(b"\xff\n")?;
    garbled.types(&"\u{1}".repeat(8000))?;
    garbled.types("but this")?;
    let (ended_well, shown) = garbled.ends().await?;
    assert!(!ended_well && shown.contains("✗ the line is not UTF-8"), "{shown}");
    assert!(
        shown.contains("✗ not sent: it is longer than a WebSocket frame may be"),
        "{shown}"
    );
    assert_eq!(messages(&shown).pop().as_deref(), Some("#46 bob: but this"));
    Ok(())
}

#[tokio::test]
async fn texts_and_names_of_strangers_do_nothing_to_the_terminal() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let name = "eve\u{1b}[2J\n#9 10:00 bob\u{202e}";
    chat.platform()?.add(&json!({"id": ann.id, "username": name}));
    let live = Terminal::of(&chat, &bob, &ann)?;
    live.shows("· you are").await?;
    let text = "\u{1b}]0;title\u{7}\u{9b}31m\r\u{8}red\u{202e}\n#2 10:00 bob: I owe you a house\u{2028}✓";
    let sent = ann.send_text(&bob, text).await?;
    ann.react(&bob, &sent, "\u{202e}").await?;
    ann.send_text(&bob, "the last").await?;
    live.shows(": the last").await?;
    let (_, later) = Terminal::of(&chat, &bob, &ann)?.ends().await?;
    for shown in [live.ends().await?.1, later] {
        let is_harmful = |character: char| {
            let turns =
                matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
            turns || (character.is_control() && character != '\n')
        };
        assert!(!shown.contains(is_harmful), "{shown:?}");
        assert!(
            shown.contains("␛]0;title␇\u{fffd}31m␍␈red\u{fffd}⏎#2 10:00 bob: I owe you a house⏎✓"),
            "{shown}"
        );
        assert!(
            !shown
                .lines()
                .any(|line| line.starts_with("#2") && line.contains("house")),
            "{shown}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_topic_has_members_who_come_and_go() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = known(&chat, ["ann", "bob"])?;
    let [cats] = chat.topics(["cats"]);
    chat.platform()?.add_topic(&json!({"id": cats.id, "title": "Cats"}));
    let mut of_ann = Terminal::of(&chat, &ann, &cats)?;
    of_ann
        .shows(&format!("· you are ann, in topic {} Cats", cats.id))
        .await?;
    of_ann.shows("· you are not a member of this topic").await?;
    of_ann.types("First")?;
    of_ann.shows("· you are a member now").await?;
    let mut of_bob = Terminal::of(&chat, &bob, &cats)?;
    of_bob.shows("ann: First").await?;
    of_bob.types("Second")?;
    of_ann.shows("bob: Second").await?;
    of_ann.types("Third")?;
    of_bob.shows("ann: Third").await?;
    of_ann.types("/who")?;
    of_ann.shows(&format!("· bob (id {}), member, online", bob.id)).await?;
    bob.leave(&cats).await?.ok(200)?;
    of_ann.shows("· bob has left").await?;
    of_bob.shows("· you have left, or were removed").await?;
    of_bob.types("Fourth")?;
    of_ann.shows("bob: Fourth").await?;
    for terminal in [of_ann, of_bob] {
        let (ended_well, shown) = terminal.ends().await?;
        assert!(ended_well, "{shown}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(messages(&shown).join("\n"), @r"
            #1 ann: First
            #2 bob: Second
            #3 ann: Third
            #4 bob: Fourth
            ");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "platform")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (token, bob) = (ann.token()?, bob.id.to_string());
    let addresses = &chat.stack().addresses;
    let (url, api) = (addresses.websocket.as_str(), addresses.rest.as_str());
    let nobody = "http://127.0.0.1:1/api";
    for (flags, why) in [
        (
            vec!["--token", "bad", "--with", &bob, "--socket", url],
            "the handshake was refused with 401 (Your token is invalid",
        ),
        (
            vec!["--token", &token, "--with", "007", "--socket", url],
            "check the ids after --with, --topic and --user",
        ),
        (
            vec!["--token", &token, "--with", "a b", "--socket", url, "--url", api],
            "check the ids after --with, --topic and --user",
        ),
        (
            vec!["--token", &token, "--topic", "7", "--socket", url],
            "(403 NOT_A_MEMBER); only members may do that",
        ),
        (
            vec!["--token", &token, "--topic", "7", "--socket", url, "--url", api],
            "(403 NOT_A_MEMBER); only members may do that",
        ),
        (
            vec![
                "--token",
                &token,
                "--with",
                &bob,
                "--socket",
                "wss://no-such-host.invalid",
            ],
            "can't find the host no-such-host.invalid",
        ),
        (
            vec!["--token", &token, "--with", &bob, "--socket", "ws://127.0.0.1:1"],
            "can't connect to ws://127.0.0.1:1; is the stack running?",
        ),
        (
            vec!["--token", &token, "--with", &bob, "--socket", api],
            "is not a WebSocket address such as ws://localhost:3006",
        ),
        (
            vec!["--token", &token, "--with", &bob, "--socket", url, "--url", nobody],
            "can't reach http://127.0.0.1:1/api",
        ),
        (
            vec!["--token", &token, "--with", &bob, "--socket", url, "--url", url],
            "is not an address such as http://localhost:3005/api",
        ),
        (vec!["--token", &token, "--socket", url], "--with <USER>"),
    ] {
        let (ended_well, shown) = Terminal::start(&flags)?.ends().await?;
        assert!(!ended_well && shown.contains(why), "{why}: {shown}");
    }
    Ok(())
}

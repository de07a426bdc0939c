//! A send, beside the commands of the Node.js server before Senna.

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use shared::domain::{Conversation, Target, User};
use shared::ports::Store as _;

use crate::filled::{append, fifty, user};
use crate::{Error, REPEATS, Statistics, Store, TURNS, median};

/// Prints what both cost Redis, one send at a time, between twenty users.
pub(crate) async fn compare(store: &Store, redis: &Statistics) -> Result<(), Error> {
    let users: Vec<User> = (0..20)
        .map(|number| user(5_000_000_000 + number))
        .collect::<Result<_, _>>()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let mut spent = [0.0; 2];
        for (side, spent) in spent.iter_mut().enumerate() {
            let before = redis.processor().await?;
            for number in 0..REPEATS as usize {
                let pair = (users.get(number % 20), users.get((number + 1 + turn) % 20));
                let (Some(author), Some(to)) = pair else { continue };
                if side == 0 {
                    send(store, author, to).await?;
                } else {
                    old_send(&mut redis.0.clone(), number, author, to).await?;
                }
            }
            *spent = redis.processor().await?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(REPEATS);
        }
        // The first turn begins the conversations.
        if turn > 0 {
            ours.push(spent[0]);
            theirs.push(spent[1]);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("Senna {ours:.1}, before {theirs:.1}: {:.2} times", ours / theirs);
    Ok(())
}

/// The conversation decides, then both members are told. Admission is not in it: the server before had no limits of use.
async fn send(store: &Store, author: &User, to: &User) -> Result<(), Error> {
    let chat = Conversation::of(author, &Target::User(to.id.clone()));
    let decision = append(store, &chat, author, &fifty()?).await?;
    let projection = &decision.projection;
    let telling = projection
        .members
        .iter()
        .map(|member| store.tell(&chat, projection, member));
    try_join_all(telling).await?;
    Ok(())
}

/// The message in a hash, its id in a list, the author's activity, and both inboxes, in one transaction.
async fn old_send(redis: &mut MultiplexedConnection, number: usize, author: &User, to: &User) -> Result<(), Error> {
    let (one, other) = (author.id.to_string(), to.id.to_string());
    let list = format!(
        "old:messages:site:dm:{}",
        if one < other { [&*one, &other] } else { [&*other, &one] }.join("-")
    );
    let id = uuid::Uuid::new_v4().to_string();
    let text = format!("{number:050}");
    let message = serde_json::json!({"id": id, "author": one, "timestamp": "2026-01-01T00:00:00.000Z", "type": "text", "text": text});
    let mut writing = redis::pipe();
    writing.atomic();
    writing.hset(format!("{list}:data"), &id, message.to_string());
    writing.rpush(&list, &id);
    writing.hset(
        format!("old:messages:site:activity:{one}"),
        "last_active",
        "Thu Jan 01 2026 00:00:00 GMT+0000",
    );
    writing.zadd(
        format!("old:messages:site:inbox:{one}"),
        format!("user-{other}"),
        number,
    );
    writing.zadd(
        format!("old:messages:site:inbox:{other}"),
        format!("user-{one}"),
        number,
    );
    Ok(writing.query_async(redis).await?)
}

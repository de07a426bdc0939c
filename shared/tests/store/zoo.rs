//! A user with everything, others who have the same, and a look at every byte of the store.

use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{
    Actor, Ban, Conversation, Cursor, Decision, DirectConversations, Draft, Id, Message, MessageId, Metadata, Reaction,
    Remark, Role, SettingsEdit, Target, User, Window,
};
use shared::ports::{
    Blocks as _, History, InboxEntry, Moderation as _, Oversight as _, PageBounds, PresenceReader, Signals as _,
    Store as _, Watches,
};

use crate::signals::{at_now, id};
use crate::support::{SEEN, World, acting, closed, draft, new_text, open, page, user, with_key};

/// Is part of every text that the erased user writes.
pub(crate) const WORD: &str = "zebra";

/// The world with the users and conversations of these rules.
pub(crate) struct Zoo {
    pub(crate) world: World,
    pub(crate) gone: User,
    pub(crate) carl: User,
    pub(crate) cats: Conversation,
    pub(crate) dogs: Conversation,
}

pub(crate) fn direct(one: &User, other: &User) -> Conversation {
    Conversation::of(one, &Target::User(other.id.clone()))
}

fn react_with(reaction: &str) -> Reaction {
    Reaction::parse(reaction).unwrap()
}

impl Zoo {
    pub(crate) fn others(&self) -> [&User; 3] {
        [&self.world.anna, &self.world.ben, &self.carl]
    }

    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        let Self { world, gone, carl, .. } = self;
        let pairs = [
            (gone, &world.anna),
            (gone, &world.ben),
            (gone, carl),
            (&world.anna, &world.ben),
        ];
        let direct = pairs.map(|(one, other)| direct(one, other));
        direct
            .into_iter()
            .chain([self.cats.clone(), self.dogs.clone()])
            .collect()
    }

    /// Sends, and tells everyone.
    pub(crate) async fn say(&self, chat: &Conversation, by: &User, what: &Draft) -> MessageId {
        let store = &self.world.store;
        let sent = store
            .append_message(chat, &open(by), what, TOPIC_MEMBERS_MAX)
            .await
            .unwrap();
        let sent = self.told(chat, sent).await;
        sent.change.id
    }

    pub(crate) async fn told(&self, chat: &Conversation, decision: Decision) -> Decision {
        for member in &decision.projection.members {
            self.world.store.tell(chat, &decision.projection, member).await.unwrap();
        }
        decision
    }

    async fn react(&self, chat: &Conversation, by: &User, id: MessageId) {
        let reacted = self.world.store.react(chat, id, &by.id, &react_with("🦓"), true).await;
        self.told(chat, reacted.unwrap()).await;
    }

    async fn edit(&self, chat: &Conversation, by: &User, id: MessageId, text: &str) {
        let edited = self
            .world
            .store
            .update_message(chat, id, &open(by), &new_text(text), None)
            .await;
        self.told(chat, edited.unwrap()).await;
    }

    async fn report(&self, chat: &Conversation, by: &User, id: MessageId) {
        let (store, rude) = (&self.world.store, Remark::parse("rude").unwrap());
        let complaint = store.complaint(chat, &closed(by), id, &rude).await.unwrap();
        store.file(&complaint).await.unwrap();
    }

    /// The live messages of a conversation, as nobody's own, and its revision.
    pub(crate) async fn history(&self, chat: &Conversation) -> History {
        let mut all = self
            .world
            .store
            .history(chat, &open(&self.world.anna), &page(1, 100))
            .await
            .unwrap();
        while all.older {
            let first = all.messages[0].id;
            let older = self
                .world
                .store
                .history(chat, &open(&self.world.anna), &Window::Before(first, 100))
                .await
                .unwrap();
            all.older = older.older;
            all.messages = older.messages.into_iter().chain(all.messages).collect();
        }
        all
    }

    pub(crate) async fn entries(&self, of: &User) -> Vec<InboxEntry> {
        let all = self
            .world
            .store
            .changed_entries(of, Some(Cursor::default()), PageBounds::BODY)
            .await;
        all.unwrap().entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Makes a user with everything, and others who have the same.
    pub(crate) async fn new(world: World) -> Self {
        let (mut world, now) = at_now(world);
        world.store = world.as_release(&[]).await.store.keeping_versions();
        let topic = |name: &str| Conversation::of(&world.anna, &Target::Topic(Id::parse(name).unwrap()));
        let zoo = Self {
            gone: user("site", "gone~user"),
            carl: user("site", "carl"),
            cats: topic("cats"),
            dogs: topic("dogs"),
            world,
        };
        let (gone, carl, anna, ben) = (&zoo.gone, &zoo.carl, &zoo.world.anna, &zoo.world.ben);
        let store = &zoo.world.store;
        let texts = |text: &str| format!("{WORD} {text}");
        let mentioning = |text: &str, who: &[&User]| Draft {
            mentions: who.iter().map(|user| user.id.clone()).collect(),
            ..draft(text)
        };

        let with_ben = direct(gone, ben);
        let first = zoo.say(&with_ben, gone, &with_key(&texts("first"), "key-1")).await;
        let long = zoo.say(&with_ben, gone, &draft(&texts(&"long ".repeat(800)))).await;
        let metadata = Draft {
            metadata: Some(Metadata::new(format!(r#"{{"a":"{WORD}"}}"#)).unwrap()),
            ..mentioning(&texts("metadata"), &[ben])
        };
        zoo.say(&with_ben, gone, &metadata).await;
        let answer = Draft {
            reply_to: Some(first),
            ..mentioning("an answer of ben", &[gone])
        };
        let answer = zoo.say(&with_ben, ben, &answer).await;
        zoo.edit(&with_ben, ben, answer, "an edited answer of ben").await;
        zoo.edit(&with_ben, gone, long, &texts("edited")).await;
        zoo.react(&with_ben, ben, first).await;
        zoo.react(&with_ben, gone, answer).await;
        let dropped = zoo.say(&with_ben, gone, &draft(&texts("deleted"))).await;
        let dropped = store.delete_message(&with_ben, dropped, &acting(gone)).await.unwrap();
        zoo.told(&with_ben, dropped).await;
        let seen = store
            .update_message(&with_ben, answer, &open(gone), &SEEN, None)
            .await
            .unwrap();
        zoo.told(&with_ben, seen).await;
        for number in 0..3 {
            zoo.say(&with_ben, gone, &draft(&texts(&format!("unread {number}"))))
                .await;
        }
        let quoting = Draft {
            reply_to: Some(first),
            ..draft("ben quotes")
        };
        zoo.say(&with_ben, ben, &quoting).await;
        zoo.say(&direct(gone, anna), anna, &draft("unread to the user")).await;
        zoo.say(&direct(gone, carl), gone, &draft(&texts("to carl"))).await;
        zoo.say(&direct(gone, gone), gone, &draft(&texts("notes"))).await;
        let kept = zoo
            .say(&direct(anna, ben), anna, &with_key("between others", "key-1"))
            .await;
        zoo.react(&direct(anna, ben), ben, kept).await;

        for member in [anna, ben, carl, gone] {
            let role = (member.id == gone.id).then_some(Role::Owner);
            let put = store.put_member(&zoo.cats, &Actor::Platform, &member.id, role, TOPIC_MEMBERS_MAX);
            zoo.told(&zoo.cats, put.await.unwrap()).await;
        }
        let mut last_of_gone = first;
        for number in 0..60 {
            let by = [gone, anna, ben, gone][number % 4];
            let text = if by.id == gone.id {
                texts(&format!("cats {number}"))
            } else {
                format!("cats {number}")
            };
            let what = match number % 12 {
                0 => mentioning(&text, &[anna, carl]),
                1 | 2 => mentioning(&text, &[gone, carl]),
                5 => Draft {
                    reply_to: Some(last_of_gone),
                    ..draft(&text)
                },
                _ => draft(&text),
            };
            let said = zoo.say(&zoo.cats, by, &what).await;
            if by.id == gone.id {
                last_of_gone = said;
                zoo.react(&zoo.cats, anna, said).await;
            } else {
                zoo.react(&zoo.cats, gone, said).await;
                zoo.react(&zoo.cats, carl, said).await;
            }
            if number == 30 {
                zoo.told(
                    &zoo.cats,
                    store.read_up_to(&zoo.cats, &carl.id, None).await.unwrap().unwrap(),
                )
                .await;
            }
        }
        for number in 0..130 {
            zoo.say(&zoo.cats, anna, &draft(&format!("more cats {number}"))).await;
        }
        let quote = Draft {
            reply_to: Some(last_of_gone),
            ..mentioning("quotes and mentions", &[gone])
        };
        let quote = zoo.say(&zoo.cats, anna, &quote).await;
        zoo.say(&zoo.cats, gone, &draft(&texts("the newest"))).await;
        zoo.say(&zoo.dogs, gone, &draft(&texts("dogs"))).await;
        zoo.say(&zoo.dogs, ben, &draft("dogs of ben")).await;
        let left = store
            .remove_member(&zoo.dogs, &Actor::Platform, &gone.id)
            .await
            .unwrap();
        zoo.told(&zoo.dogs, left).await;

        let on = Some(true);
        let settings = |muted, hidden, pinned| SettingsEdit { muted, hidden, pinned };
        let of_cats = Target::Topic(Id::parse("cats").unwrap());
        store
            .set(gone, &Target::User(ben.id.clone()), settings(on, None, on))
            .await
            .unwrap();
        store
            .set(gone, &Target::User(anna.id.clone()), settings(None, on, None))
            .await
            .unwrap();
        store
            .set(carl, &Target::User(gone.id.clone()), settings(on, on, None))
            .await
            .unwrap();
        store
            .set(ben, &Target::User(gone.id.clone()), settings(None, None, on))
            .await
            .unwrap();
        store.set(ben, &of_cats, settings(on, None, None)).await.unwrap();

        zoo.report(&with_ben, gone, answer).await;
        zoo.report(&with_ben, ben, first).await;
        zoo.report(&zoo.cats, carl, quote).await;
        zoo.report(&zoo.cats, carl, last_of_gone).await;
        zoo.report(&direct(anna, ben), ben, kept).await;

        for (connection, of) in [("gone-1=", gone), ("gone-2=", gone), ("ben-1=", ben)] {
            assert!(zoo.world.opens(of, &id(connection), now).await);
        }
        let watching = |users: &[&User], conversation: &Target| Watches {
            users: users.iter().map(|user| user.id.clone()).collect(),
            conversation: Some(conversation.clone()),
        };
        for (connection, of, whom) in [("gone-1=", gone, ben), ("ben-1=", ben, gone)] {
            let watches = watching(&[whom], &of_cats);
            store.watch(&id(connection), &watches, None).await.unwrap();
            store
                .watch_conversation(&zoo.cats, &open(of), &id(connection), now + 60_000)
                .await
                .unwrap();
            let reader = PresenceReader {
                user: of,
                topic: None,
                connection: Some((&id(connection), now + 60_000)),
            };
            store.presence(&whom.id, reader).await.unwrap();
        }
        let ban = Ban {
            until_ms: None,
            reason: Some(texts("banned")),
        };
        store.ban(gone, &ban).await.unwrap();
        store.block(ben, &gone.id).await.unwrap();
        store.block(gone, &carl.id).await.unwrap();
        store.block(anna, &carl.id).await.unwrap();
        zoo
    }

    /// Every key of the store, and all bytes of its value.
    async fn everything(&self) -> Vec<(String, Vec<Vec<u8>>)> {
        let world = &self.world;
        let prefix = world.connection_key(&id("x"));
        let prefix = prefix.split(":connection").next().unwrap();
        let pattern = format!("{prefix}:*").replace('{', "\\{");
        let keys = world.command(redis::cmd("KEYS").arg(pattern)).await;
        let keys: Vec<String> = redis::from_redis_value(keys).unwrap();
        let mut all = Vec::new();
        for key in keys {
            let kind: String = redis::from_redis_value(world.command(redis::cmd("TYPE").arg(&key)).await).unwrap();
            let mut command = match kind.as_str() {
                "list" => redis::cmd("LRANGE"),
                "hash" => redis::cmd("HGETALL"),
                "zset" => redis::cmd("ZRANGE"),
                "string" => redis::cmd("GET"),
                // It has expired since.
                "none" => continue,
                other => panic!("{other}"),
            };
            command.arg(&key);
            if matches!(kind.as_str(), "list" | "zset") {
                command.arg(0).arg(-1);
            }
            let value = match world.command(&command).await {
                redis::Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
                redis::Value::Array(values) => values,
                value => vec![value],
            };
            let bytes = value
                .into_iter()
                .map(|value| redis::from_redis_value::<Vec<u8>>(value).unwrap_or_default());
            all.push((key, bytes.collect()));
        }
        assert!(all.len() > 20, "{} keys", all.len());
        all
    }

    /// Where the store names the user, or has words of the user. Connections of others may name whom they watch, until they end.
    pub(crate) async fn traces(&self, mode: DirectConversations) -> Vec<String> {
        let name = self.gone.id.to_string();
        let allowed = |text: &str| mode == DirectConversations::Keep && text == format!("user-{name}");
        let has = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            !allowed(&text) && (text.contains(&name) || text.contains(&self.gone.id.in_key()) || text.contains(WORD))
        };
        let mut found = Vec::new();
        for (key, values) in self.everything().await {
            // What is remembered of a write without a retry key has no id of a user, and goes after ten seconds.
            let is_operation = key.split(":op:").nth(1).is_some_and(|name| name.len() == 16);
            if key.contains(":connection:ben-1=") || is_operation {
                continue;
            }
            let is_direct = key.contains(":dm:") && mode == DirectConversations::Keep;
            let own_name = if is_direct {
                key.split("}:").nth(1).unwrap()
            } else {
                &key
            };
            found.extend(has(own_name.as_bytes()).then(|| key.clone()));
            let values = values.iter().filter(|value| has(value));
            found.extend(values.map(|value| format!("{key}: {}", String::from_utf8_lossy(value))));
        }
        found
    }

    /// The inboxes of others follow from the histories.
    pub(crate) async fn assert_in_order(&self) {
        for user in self.others() {
            self.world.inbox(user).await;
            for entry in self.entries(user).await {
                let chat = Conversation::of(user, &entry.target);
                let what = format!("{} of {}", entry.target, user.id);
                if entry.left {
                    continue;
                }
                let history = self
                    .world
                    .store
                    .history(&chat, &open(user), &page(1, 100))
                    .await
                    .unwrap();
                let all = self.history(&chat).await.messages;
                let unread: Vec<_> = all.iter().filter(|message| message.id.seq > entry.read_seq).collect();
                let mentioned = unread.iter().filter(|message| message.mentions.contains(&user.id));
                assert_eq!(
                    (entry.unread, entry.mentioned),
                    (unread.len() as u64, mentioned.count() as u64),
                    "{what}"
                );
                assert_eq!(history.total, all.len() as u64, "{what}");
                assert_eq!(entry.rev, history.rev, "{what}");
                let latest = |message: &Message| (message.id, message.reply_to.clone(), message.mentions.clone());
                assert_eq!(entry.latest.as_ref().map(latest), all.last().map(latest), "{what}");
            }
        }
    }
}

//! What users ask for, each as one use of the store.

use futures_util::future::LocalBoxFuture;
use shared::domain::{
    Actor, Body, BodyKind, Draft, Edit, InboxWindow, MetadataEdit, Page, Reaction, SettingsEdit, Target, Window,
};
use shared::ports::{PageBounds, PresenceReader, Signals as _, Store as _};

use crate::filled::{Filled, FilledInbox, append, asker, fifty, join, tell, user};
use crate::{Error, Store};

/// One use of an operation. The number makes each use of a write differ from the one before.
pub(crate) type Run<T> = for<'a> fn(&'a Store, &'a T, u32) -> LocalBoxFuture<'a, Result<(), Error>>;

const PAGE: Page = Page {
    number: 1,
    per_page: 10,
};

pub(crate) const OF_CONVERSATION: [(&str, Run<Filled>); 10] = [
    ("send", |store, filled, _| {
        Box::pin(async move {
            append(store, &filled.chat, &filled.author, &fifty()?).await?;
            Ok(())
        })
    }),
    ("edit, in the middle", |store, filled, number| {
        Box::pin(async move {
            let edit = Edit {
                text: Some(Body::new(BodyKind::Text, format!("{number:050}"))?),
                image: None,
                metadata: MetadataEdit::Keep,
                seen: false,
            };
            let id = filled.message(0.5)?;
            let by = asker(&filled.author);
            store.update_message(&filled.chat, id, &by, &edit, None).await?;
            Ok(())
        })
    }),
    ("send, and delete it", |store, filled, _| {
        Box::pin(async move {
            let sent = append(store, &filled.chat, &filled.author, &fifty()?).await?;
            let by = Actor::User(asker(&filled.author));
            store.delete_message(&filled.chat, sent.change.id, &by).await?;
            Ok(())
        })
    }),
    ("react, to the oldest", |store, filled, number| {
        Box::pin(async move {
            let (id, by) = (filled.message(0.0)?, &filled.reader.id);
            let give = number.is_multiple_of(2);
            store.react(&filled.chat, id, by, &Reaction::parse("+1")?, give).await?;
            Ok(())
        })
    }),
    ("send, and read up to it", |store, filled, _| {
        Box::pin(async move {
            append(store, &filled.chat, &filled.author, &fifty()?).await?;
            store.read_up_to(&filled.chat, &filled.reader.id, None).await?;
            Ok(())
        })
    }),
    ("history, the newest", |store, filled, _| {
        history(store, filled, Window::Page(PAGE))
    }),
    ("history, in the middle", |store, filled, _| {
        Box::pin(async move { history(store, filled, Window::Before(filled.message(0.5)?, 10)).await })
    }),
    ("history, the oldest", |store, filled, _| {
        Box::pin(async move { history(store, filled, Window::After(filled.message(0.0)?, 10)).await })
    }),
    ("changes, of the last 10", |store, filled, _| changes(store, filled, 10)),
    ("changes, from the middle", |store, filled, _| {
        changes(store, filled, filled.size / 2)
    }),
];

pub(crate) const OF_TOPIC: [(&str, Run<Filled>); 3] = [
    ("send, with a mention", |store, filled, _| {
        Box::pin(async move {
            let draft = Draft {
                mentions: vec![filled.reader.id.clone()],
                ..fifty()?
            };
            append(store, &filled.chat, &filled.author, &draft).await?;
            Ok(())
        })
    }),
    ("join, and leave", |store, filled, _| {
        Box::pin(async move {
            let guest = user(9)?;
            join(store, &filled.chat, &guest).await?;
            let by = Actor::User(asker(&guest));
            store.remove_member(&filled.chat, &by, &guest.id).await?;
            Ok(())
        })
    }),
    ("members", |store, filled, _| {
        Box::pin(async move {
            store.members(&filled.chat, &asker(&filled.reader)).await?;
            Ok(())
        })
    }),
];

pub(crate) const OF_INBOX: [(&str, Run<FilledInbox>); 7] = [
    ("a message comes", |store, filled, _| {
        Box::pin(async move {
            let decision = append(store, &filled.chat, &filled.author, &fifty()?).await?;
            tell(store, &filled.chat, &decision, &filled.owner).await?;
            Ok(())
        })
    }),
    ("list, the first page", |store, filled, _| list(store, filled, 1)),
    ("list, the last page", |store, filled, _| {
        list(store, filled, filled.size / 10)
    }),
    ("sync, nothing new", |store, filled, _| {
        Box::pin(async move {
            let changed = store.changed_entries(&filled.owner, Some(filled.newest()), PageBounds::BODY);
            changed.await?;
            Ok(())
        })
    }),
    ("mute, or not", |store, filled, number| {
        Box::pin(async move {
            let edit = SettingsEdit {
                muted: Some(number.is_multiple_of(2)),
                ..SettingsEdit::default()
            };
            let target = Target::User(filled.author.id.clone());
            store.set(&filled.owner, &target, edit).await?;
            Ok(())
        })
    }),
    ("connect, and disconnect", |store, filled, _| {
        Box::pin(async move {
            let connection = filled.connect(store).await?;
            store.end_connection(&connection).await?;
            Ok(())
        })
    }),
    ("presence, of the owner", |store, filled, _| {
        Box::pin(async move {
            let reader = PresenceReader {
                user: &filled.author,
                topic: None,
                connection: None,
            };
            store.presence(&filled.owner.id, reader).await?;
            Ok(())
        })
    }),
];

/// The first ten changes since so many messages were yet to come.
fn changes<'a>(store: &'a Store, filled: &'a Filled, missed: u64) -> LocalBoxFuture<'a, Result<(), Error>> {
    let bounds = PageBounds {
        count: 10,
        ..PageBounds::BODY
    };
    Box::pin(async move {
        let since = filled.rev_before(missed);
        store
            .changes(&filled.chat, &asker(&filled.reader), since, bounds)
            .await?;
        Ok(())
    })
}

fn history<'a>(store: &'a Store, filled: &'a Filled, window: Window) -> LocalBoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        store.history(&filled.chat, &asker(&filled.reader), &window).await?;
        Ok(())
    })
}

fn list<'a>(store: &'a Store, filled: &'a FilledInbox, number: u64) -> LocalBoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        let window = InboxWindow::from(Page { number, ..PAGE });
        store.inbox(&filled.owner, &window).await?;
        Ok(())
    })
}

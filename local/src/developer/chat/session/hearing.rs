//! What others do: pushed frames, who types and who is there.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Session, TYPING, Undone, WATCHED};
use crate::developer::chat::{
    options::With,
    state::{field, id_text, list, text},
    terminal::local,
};

impl Session {
    /// Takes what was pushed.
    pub(super) async fn hear(&mut self, frame: &Value) -> Result<(), Undone> {
        let membership = self.replica.pushed(frame);
        let data = field(frame, "data");
        let is_here = text(field(data, "state"), "inbox_key") == Some(&self.key());
        let user = id_text(field(data, "user"));
        match text(frame, "event").unwrap_or_default() {
            "presence" => self.present(data).await,
            _ if !is_here => {}
            "typing.start" => {
                let is_new = self.typing.insert(user.clone(), Instant::now() + TYPING).is_none();
                self.learn_names(vec![user.clone()]).await;
                if is_new {
                    self.say(&format!("· {} is typing", self.names.of(&user)));
                }
            }
            "typing.stop" => drop(self.typing.remove(&user)),
            "message.new" => {
                let author = id_text(field(field(data, "entry"), "author"));
                self.typing.remove(&author);
                // Presence is shown to those whom one has written to, so a first message may show more.
                if self.met.insert(author.clone()) && !self.replica.is_me(&author) {
                    self.watch().await?;
                }
            }
            event @ ("member.joined" | "member.left") => {
                let is_me = self.replica.is_me(&user);
                self.learn_names(vec![user.clone()]).await;
                let name = self.names.of(&user);
                match event {
                    "member.joined" => {
                        self.is_member |= is_me;
                        self.say(&format!("· {name} has joined"));
                        self.watch().await?;
                    }
                    _ if !is_me => self.say(&format!("· {name} has left")),
                    _ => {}
                }
            }
            _ => {}
        }
        self.membership(membership);
        Ok(())
    }

    /// Says who came or went.
    pub(super) async fn present(&mut self, presence: &Value) {
        let (user, online) = (id_text(field(presence, "id")), field(presence, "online") == true);
        if self.replica.is_me(&user) || self.online.insert(user.clone(), online) == Some(online) {
            return;
        }
        self.learn_names(vec![user.clone()]).await;
        let name = self.names.of(&user);
        let last = local(field(presence, "last_active")).filter(|_| !online);
        let last = last.map_or_else(String::new, |last| {
            format!(", last active {}", last.format("%e %b %H:%M"))
        });
        self.say(&format!(
            "· {name} is {}{last}",
            if online { "online" } else { "offline" }
        ));
    }

    /// Watches who types here, and who is there of the other side or of the members.
    pub(super) async fn watch(&mut self) -> Result<(), Undone> {
        let users = match &self.options.with {
            With::User(id) => vec![id.clone()],
            With::Topic(_) => self.members().await,
        };
        let with = json!({"target": self.options.with.target(), "target_id": self.options.with.id()});
        let users: Vec<_> = users.into_iter().take(WATCHED).collect();
        let frame = json!({"action": "watch", "users": users, "conversation": with});
        let answer = match self.passing(&frame).await? {
            Ok(answer) => answer,
            Err(refusal) if refusal.is_not_a_member() => {
                self.not_a_member();
                return Ok(());
            }
            // Neither is needed.
            Err(_) => return Ok(()),
        };
        let entries: Vec<Value> = list(field(&answer, "result"), "entries").cloned().collect();
        for entry in entries {
            // Who shows nothing may be there or not.
            if field(&entry, "online") == true || !field(&entry, "last_active").is_null() {
                self.present(&entry).await;
            }
        }
        Ok(())
    }

    /// The ids of the first members of the topic; none without an answer of the REST API.
    pub(super) async fn members(&mut self) -> Vec<String> {
        let Ok(page) = self.ask_rest(&self.members_path()).await else {
            return Vec::new();
        };
        let ids: Vec<_> = list(&page, "members")
            .map(|member| id_text(field(member, "id")))
            .collect();
        self.met.extend(ids.iter().cloned());
        if field(&page, "next").is_null() && !ids.iter().any(|id| self.replica.is_me(id)) {
            self.not_a_member();
        }
        ids
    }

    pub(super) fn members_path(&self) -> String {
        format!("{}/members?limit={WATCHED}", self.path())
    }

    pub(super) fn not_a_member(&mut self) {
        if self.is_member {
            self.is_member = false;
            self.say("· you are not a member of this topic: what is new is not told until you send something, which joins if the topic is open");
        }
    }
}

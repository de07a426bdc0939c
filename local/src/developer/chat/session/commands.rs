//! What is typed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{PAGE, Session, Undone};
use crate::developer::chat::{
    explain::Refusal,
    input::{Command, HELP},
    rest::RestError,
    state::{Own, field, id_text, list, text},
};

/// What API Gateway takes in one frame, in bytes, with a little left for the number of the question. It ends a connection for more, and so it
/// would end every one on which that is repeated.
const FRAME_BYTES: usize = 32 * 1024 - 64;

impl Session {
    /// Does what a line says. False when the user wants to end.
    pub(super) async fn typed(&mut self, line: Result<String, &'static str>) -> Result<bool, Undone> {
        let command = match line {
            Ok(line) => Command::read(&line),
            Err(why) => Some(Command::Wrong(why.to_owned())),
        };
        self.terminal.prompt();
        match command {
            None => {}
            Some(Command::Quit) => {
                self.input.end();
                return Ok(false);
            }
            Some(Command::Help) => HELP.lines().for_each(|line| self.say(line)),
            Some(Command::Older) => self.older().await,
            Some(Command::Who) => self.who().await?,
            Some(Command::Wrong(why)) => self.fail(&why),
            Some(Command::Send(text)) => self.send(json!({"type": "text", "text": text})).await?,
            Some(Command::Reply(place, text)) => {
                if let Some(id) = self.at(place) {
                    self.send(json!({"type": "text", "text": text, "reply_to": id})).await?;
                }
            }
            Some(Command::Edit(place, text)) => {
                if let Some(id) = self.chosen(place, true) {
                    let change = json!({"message_id": id, "text": text, "client_id": Uuid::new_v4().to_string()});
                    self.write("update", change, Own::Other).await?;
                }
            }
            Some(Command::Delete(place)) => {
                if let Some(id) = self.chosen(place, true) {
                    self.write("delete", json!({"message_id": id}), Own::Delete(&id))
                        .await?;
                }
            }
            Some(Command::React(place, reaction, remove)) => {
                if let Some(id) = self.chosen(place, false) {
                    let reaction = json!({"message_id": id, "reaction": reaction, "remove": remove});
                    self.write("react", reaction, Own::Other).await?;
                }
            }
        }
        Ok(true)
    }

    /// The message that a command names, or the newest: an own one, or one of others.
    fn chosen(&mut self, place: Option<u64>, own: bool) -> Option<String> {
        if let Some(place) = place {
            return self.at(place);
        }
        let newest = self.replica.newest(own).map(|(_, id)| id.to_owned());
        if newest.is_none() {
            let whose = if own { "yours" } else { "others" };
            self.fail(&format!("no message of {whose} is shown here; name one, as in #12"));
        }
        newest
    }

    fn at(&mut self, place: u64) -> Option<String> {
        let id = self.view.id_at(place).map(str::to_owned);
        if id.is_none() {
            self.fail(&format!("no message #{place} is shown here; /older shows earlier ones"));
        }
        id
    }

    async fn send(&mut self, mut message: Value) -> Result<(), Undone> {
        let client_id = Uuid::new_v4().to_string();
        self.view.sends(&client_id);
        if let Some(fields) = message.as_object_mut() {
            fields.insert("client_id".to_owned(), json!(client_id));
        }
        self.write("send", message, Own::Send).await
    }

    /// Rule 5: asks for it until there is an answer, also across connections.
    async fn write(&mut self, action: &str, content: Value, own: Own<'_>) -> Result<(), Undone> {
        let frame = self.about(action, content);
        if frame.to_string().len() > FRAME_BYTES {
            self.fail("not sent: it is longer than a WebSocket frame may be, 32 KB");
            return Ok(());
        }
        let answer = loop {
            match self.passing(&frame).await {
                Ok(answer) => break answer,
                Err(undone) => self.recover(undone).await.map_err(Undone::Fatal)?,
            }
        };
        match answer {
            Ok(answer) => {
                self.replica.answered(&answer, own);
                if own == Own::Send {
                    self.joins().await?;
                }
            }
            Err(refusal) => self.refused(action, &refusal),
        }
        Ok(())
    }

    /// Who sends is a member from then on.
    async fn joins(&mut self) -> Result<(), Undone> {
        if !self.is_member {
            self.is_member = true;
            self.say("· you are a member now");
            self.watch().await?;
        }
        Ok(())
    }

    fn refused(&mut self, action: &str, refusal: &Refusal) {
        let what = match action {
            "send" => "not sent",
            "update" => "not edited",
            "delete" => "not deleted",
            _ => "no reaction",
        };
        self.fail(&format!("{what}: {refusal}"));
    }

    fn fail(&mut self, why: &str) {
        self.failed += 1;
        self.say(&format!("✗ {why}"));
    }

    /// Shows a page of messages before the oldest that is shown.
    async fn older(&mut self) {
        if self.rest.is_some() && self.earlier.is_none() {
            self.say("· there is nothing earlier");
            return;
        }
        let before = self.earlier.clone().unwrap_or_default();
        let path = format!("{}?per_page={PAGE}&before={before}", self.path());
        let page = match self.ask_rest(&path).await {
            Ok(page) => page,
            Err(error) => return self.no_rest("earlier messages", error),
        };
        let messages = self.page(&page);
        self.replica.older(&messages);
        let news = self.view.earlier(&messages, &self.replica);
        self.terminal.forget_day();
        self.show_all(&news).await;
        self.terminal.forget_day();
        self.say("· these were earlier ones");
    }

    fn no_rest(&mut self, what: &str, error: Option<RestError>) {
        let why = error.map_or_else(
            || format!("{what} come from the REST API: give its address with --url"),
            |error| error.to_string(),
        );
        self.fail(&why);
    }

    /// Shows who is here: both sides, or the members.
    async fn who(&mut self) -> Result<(), Undone> {
        self.watch().await?;
        let members = if let Some(other) = self.replica.other() {
            [self.replica.me().to_owned(), other]
                .map(|user| (user, String::new()))
                .to_vec()
        } else {
            let page = match self.ask_rest(&self.members_path()).await {
                Ok(page) => page,
                Err(error) => {
                    self.no_rest("members", error);
                    return Ok(());
                }
            };
            if !field(&page, "next").is_null() {
                self.say("· the first of the members:");
            }
            let role = |member| format!(", {}", text(member, "role").unwrap_or("member"));
            list(&page, "members")
                .map(|member| (id_text(field(member, "id")), role(member)))
                .collect()
        };
        self.learn_names(members.iter().map(|(user, _)| user.clone()).collect())
            .await;
        for (user, role) in members {
            let there = match self.online.get(&user) {
                _ if self.replica.is_me(&user) => ", you",
                Some(true) => ", online",
                Some(false) => ", offline",
                None => "",
            };
            self.say(&format!("· {} (id {user}){role}{there}", self.names.of(&user)));
        }
        Ok(())
    }
}

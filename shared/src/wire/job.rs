//! Jobs in JSON: bodies of queued messages, and promises in the store.

use serde::{Deserialize, Serialize};

use super::to_json;
use crate::domain::{Conversation, Domain, Id, Job, ReportId, Target, User};

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
enum JobJson {
    /// `user` is the first user of a direct conversation, and names it; a topic needs none.
    Undelivered {
        domain: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        conversation: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        later: bool,
    },
    Reported {
        domain: String,
        report: String,
    },
    Banned {
        domain: String,
        user: String,
        at: u64,
    },
    Erase {
        domain: String,
        user: String,
    },
}

/// Writes a job. Equal jobs give equal texts.
pub fn job(job: &Job) -> String {
    let shown = match job {
        Job::Undelivered(conversation) | Job::UndeliveredLater(conversation) => {
            let founder = conversation.founders().into_iter().next();
            let target = conversation.as_seen_by(founder.as_ref().unwrap_or(&Id::system()));
            JobJson::Undelivered {
                domain: conversation.domain().to_string(),
                user: founder.map(|user| user.to_string()),
                conversation: target.to_string(),
                later: matches!(job, Job::UndeliveredLater(_)),
            }
        }
        Job::Reported { domain, report } => JobJson::Reported {
            domain: domain.to_string(),
            report: report.to_string(),
        },
        Job::Banned { user, at_ms } => JobJson::Banned {
            domain: user.domain.to_string(),
            user: user.id.to_string(),
            at: *at_ms,
        },
        Job::Erase(user) => JobJson::Erase {
            domain: user.domain.to_string(),
            user: user.id.to_string(),
        },
    };
    to_json(&shown)
}

/// Reads a job that [`job`] wrote; `None` for any other text, as of a newer release.
pub fn parse_job(text: &str) -> Option<Job> {
    let user = |domain: &str, id: Id| {
        let domain = Domain::parse(domain).ok()?;
        Some(User { domain, id })
    };
    match serde_json::from_str(text).ok()? {
        JobJson::Undelivered {
            domain,
            user: founder,
            conversation,
            later,
        } => {
            let target = Target::from_inbox_key(&conversation)?;
            let founder = match (founder, &target) {
                (Some(founder), Target::User(_)) => Id::parse(&founder).ok()?,
                (None, Target::Topic(_)) => Id::system(),
                _ => return None,
            };
            let conversation = Conversation::of(&user(&domain, founder)?, &target);
            Some(if later {
                Job::UndeliveredLater(conversation)
            } else {
                Job::Undelivered(conversation)
            })
        }
        JobJson::Reported { domain, report } => Some(Job::Reported {
            domain: Domain::parse(&domain).ok()?,
            report: ReportId::parse(&report)?,
        }),
        JobJson::Banned { domain, user: id, at } => Some(Job::Banned {
            user: user(&domain, Id::parse(&id).ok()?)?,
            at_ms: at,
        }),
        JobJson::Erase { domain, user: id } => Some(Job::Erase(user(&domain, Id::parse(&id).ok()?)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> User {
        User {
            domain: Domain::parse("site").unwrap(),
            id: Id::parse(id).unwrap(),
        }
    }

    #[test]
    fn a_job_survives_its_text() {
        let direct = |a: &str, b: &str| Conversation::of(&user(a), &Target::User(Id::parse(b).unwrap()));
        let topic = Conversation::of(&user("1"), &Target::Topic(Id::parse("a-b").unwrap()));
        let report = ReportId::from_bits(7);
        let jobs = [
            Job::Undelivered(direct("7", "ann")),
            Job::Undelivered(direct("7", "7")),
            Job::Undelivered(topic.clone()),
            Job::UndeliveredLater(topic),
            Job::Reported {
                domain: user("1").domain,
                report,
            },
            Job::Banned {
                user: user("ann"),
                at_ms: 9,
            },
            Job::Erase(user("ann")),
        ];
        for wanted in jobs {
            assert_eq!(parse_job(&job(&wanted)), Some(wanted));
        }
        assert_eq!(
            job(&Job::Undelivered(direct("7", "ann"))),
            job(&Job::Undelivered(direct("ann", "7")))
        );
        insta::assert_snapshot!(job(&Job::Undelivered(direct("7", "ann"))), @r#"{"job":"undelivered","domain":"site","user":"7","conversation":"user-ann"}"#);
    }

    #[test]
    fn another_text_is_no_job() {
        for wrong in [
            "",
            "[]",
            r#"{"job":"unheard"}"#,
            r#"{"job":"undelivered","domain":"site","conversation":"user-7"}"#,
            r#"{"job":"undelivered","domain":"{}","user":"7","conversation":"user-7"}"#,
            r#"{"job":"reported","domain":"site","report":"7"}"#,
        ] {
            assert_eq!(parse_job(wrong), None, "{wrong}");
        }
    }
}

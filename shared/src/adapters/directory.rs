//! The platform's API: one request for all ids of a page, kept for a short time.

mod kept;
pub(crate) mod profile;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::USER_AGENT;
use http::{Method, StatusCode};
use tokio::time::timeout;

use self::kept::Kept;
use self::profile::Kind;
use super::clock::SystemClock;
use super::http_client::{Address, HttpClient, InvalidAddress, NoAnswer};
use crate::config::DirectoryConfig;
use crate::domain::Id;
use crate::error::Chain;
use crate::ports::{Clock as _, Directory, Profile, Profiles, Unavailable};

/// How long the platform may take, for all requests of a page together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a process keeps a profile, in milliseconds. After a change of a profile, nobody sees the old one longer than that.
pub const KEPT_MS: u64 = 10_000;
/// How many are kept in one process.
const KEPT_PROFILES: usize = 10_000;
/// How long the platform is left alone after it failed, in milliseconds, so that not every page waits for its timeout. It is one platform: a
/// failure at users spares it topics too.
const PAUSE_MS: u64 = 2_000;
/// How many requests a page may cost when the platform refuses some ids. It is enough to find one refused id among a hundred by halves.
const REQUESTS_MAX: usize = 16;

/// Profiles from the platform's API. Without its address there are no profiles.
#[derive(Debug)]
pub struct PlatformDirectory {
    api: Option<Api>,
    kept: Kept,
    silent_until_ms: AtomicU64,
}

impl PlatformDirectory {
    /// Prepares the client; nothing is asked yet.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn new(config: DirectoryConfig) -> Result<Self, InvalidAddress> {
        let api = match config.url {
            Some(url) => Some(Api {
                address: Address::new(&url)?,
                user_agent: config.user_agent,
                client: HttpClient::new(TIMEOUT, None),
            }),
            None => None,
        };
        Ok(Self {
            api,
            kept: Kept::new(Duration::from_millis(KEPT_MS), KEPT_PROFILES),
            silent_until_ms: AtomicU64::new(0),
        })
    }

    /// Asks the platform, and keeps what it said. What is missing in the profiles was not answered.
    async fn ask(&self, api: &Api, kind: Kind, ids: &[Id]) -> Profiles {
        let mut answered = Profiles::new();
        if SystemClock.now_ms() < self.silent_until_ms.load(Ordering::Relaxed) {
            return answered;
        }
        let asking = timeout(TIMEOUT, api.profiles(kind, ids, &mut answered)).await;
        if let Err(error) = asking.unwrap_or_else(|elapsed| Err(Unavailable::new("platform", elapsed))) {
            tracing::warn!(error = %Chain(&error), of = kind.name(), ids = ids.len(), "answering without profiles");
            self.silent_until_ms
                .store(SystemClock.now_ms() + PAUSE_MS, Ordering::Relaxed);
        }
        for id in ids {
            if let Some(profile) = answered.get(id) {
                self.kept.insert(kind, id.clone(), profile.clone());
            }
        }
        answered
    }

    /// What is kept, and what the platform says about the rest.
    async fn profiles(&self, kind: Kind, ids: &[Id]) -> Profiles {
        let Some(api) = &self.api else { return Profiles::new() };
        let mut profiles = Profiles::new();
        let mut missing: Vec<Id> = Vec::new();
        // The platform itself has no profile.
        for id in ids.iter().filter(|id| !id.is_system()) {
            match self.kept.get(kind, id) {
                Some(profile) => {
                    profiles.insert(id.clone(), profile);
                }
                None if missing.contains(id) => {}
                None => missing.push(id.clone()),
            }
        }
        if !missing.is_empty() {
            let mut answered = self.ask(api, kind, &missing).await;
            for id in missing {
                let profile = answered.remove(&id).unwrap_or(Profile::Unavailable);
                profiles.insert(id, profile);
            }
        }
        profiles
    }
}

#[async_trait]
impl Directory for PlatformDirectory {
    async fn users(&self, ids: &[Id]) -> Profiles {
        self.profiles(Kind::Users, ids).await
    }

    async fn topics(&self, ids: &[Id]) -> Profiles {
        self.profiles(Kind::Topics, ids).await
    }
}

#[derive(Debug)]
struct Api {
    address: Address,
    user_agent: String,
    client: HttpClient,
}

/// What the platform does with one request.
enum Answer {
    Profiles(Profiles),
    /// It refuses the request as it is: perhaps for one of the ids, or because the address is too long.
    Refused(StatusCode),
}

impl Api {
    /// Adds what the platform says about these ids. When it refuses a request for several ids, they are asked for again by halves, side by
    /// side, so that one id that it does not like costs the others nothing. An id that it refuses alone has the profile
    /// [`Profile::Unavailable`]; those that [`REQUESTS_MAX`] leaves no request for have none.
    ///
    /// # Errors
    /// If the platform fails at one of the requests. The profiles of the others are added.
    async fn profiles(&self, kind: Kind, ids: &[Id], profiles: &mut Profiles) -> Result<(), Unavailable> {
        let mut groups = vec![ids];
        let mut left = REQUESTS_MAX;
        let mut failure = None;
        let mut refusal = None;
        while !groups.is_empty() && failure.is_none() {
            groups.truncate(left);
            left -= groups.len();
            let answers = join_all(groups.iter().map(|group| self.request(kind, group))).await;
            let mut halves = Vec::new();
            for (group, answer) in groups.into_iter().zip(answers) {
                match answer {
                    Ok(Answer::Profiles(known)) => {
                        profiles.extend(group.iter().map(|id| (id.clone(), Profile::Unknown)));
                        profiles.extend(known);
                    }
                    Ok(Answer::Refused(status)) if is_about_us(status) => refusal = Some(status),
                    Ok(Answer::Refused(status)) => {
                        refusal = Some(status);
                        if let [id] = group {
                            profiles.insert(id.clone(), Profile::Unavailable);
                        } else {
                            let (one, other) = group.split_at(group.len() / 2);
                            halves.extend([one, other]);
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
            groups = halves;
        }
        if let Some(status) = refusal {
            let requests = REQUESTS_MAX - left;
            tracing::warn!(%status, of = kind.name(), ids = ids.len(), requests, "the platform refused a request for profiles");
        }
        failure.map_or(Ok(()), Err)
    }

    async fn request(&self, kind: Kind, ids: &[Id]) -> Result<Answer, Unavailable> {
        let ids = ids.iter().map(Id::to_string).collect::<Vec<_>>().join(",");
        // Commas stay as the platform's contract has them. Of what an id may hold, `+` means a space in a query, and `|` may not stand in one.
        let ids = ids.replace('+', "%2B").replace('|', "%7C");
        let (name, fields) = (kind.name(), kind.fields().join(","));
        let path = format!("/v1/{name}?fields={fields}&ids={ids}");
        match self.ask(&path).await {
            Ok(body) => {
                let known = profile::parse(kind, &body).map_err(|error| Unavailable::new("platform", error))?;
                Ok(Answer::Profiles(known))
            }
            Err(NoAnswer::Status(status)) if status.is_client_error() => Ok(Answer::Refused(status)),
            Err(error) => Err(Unavailable::new("platform", error)),
        }
    }

    async fn ask(&self, path: &str) -> Result<Bytes, NoAnswer> {
        let request = self.address.request(Method::GET, path);
        let request = request.header(USER_AGENT, &self.user_agent).body(Bytes::new())?;
        self.client.ask(request).await
    }
}

/// Whether the platform refuses us and not the ids: then smaller requests would be refused too.
fn is_about_us(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Starts a platform that knows nobody but user 7 and topic 7, and answers 400 to every request for one of these ids. Returns its directory
    /// and the number of requests that it gets.
    async fn platform(refused: &[u64]) -> (PlatformDirectory, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Some(format!("http://{}", listener.local_addr().unwrap()));
        let user_agent = "Senna".to_owned();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, refused) = (Arc::clone(&requests), refused.to_vec());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 8_192];
                let length = socket.read(&mut request).await.unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
                let line = String::from_utf8_lossy(&request[..length]);
                let ids = line
                    .split("ids=")
                    .nth(1)
                    .and_then(|rest| rest.split(' ').next())
                    .unwrap();
                let is_bad = ids.split(',').any(|id| refused.contains(&id.parse().unwrap()));
                let status = if is_bad { "400 Bad Request" } else { "200 OK" };
                let users = "GET /v1/users?fields=id,username,role,picture_url,profile_url&ids=";
                let topics = "GET /v1/topics?fields=id,title,status,cover_image_thumbnail&ids=";
                let body = match ids {
                    "7" if line.starts_with(users) => r#"{"entries":[{"id":7,"username":"ann"}]}"#,
                    "7" if line.starts_with(topics) => r#"{"entries":[{"id":7,"title":"Cats"}]}"#,
                    _ => r#"{"entries":[]}"#,
                };
                let head = format!("connection: close\r\ncontent-length: {}", body.len());
                let answer = format!("HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}");
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (
            PlatformDirectory::new(DirectoryConfig { url, user_agent }).unwrap(),
            requests,
        )
    }

    fn page() -> Vec<Id> {
        (0..100).map(|number| Id::from_number(number).unwrap()).collect()
    }

    fn without_answer(profiles: &Profiles) -> usize {
        profiles
            .values()
            .filter(|profile| **profile == Profile::Unavailable)
            .count()
    }

    #[tokio::test]
    async fn one_refused_id_among_a_hundred_is_found() {
        for refused in [0, 42, 99] {
            let (directory, requests) = platform(&[refused]).await;
            let profiles = directory.users(&page()).await;
            assert_eq!((profiles.len(), without_answer(&profiles)), (100, 1));
            assert_eq!(profiles[&Id::from_number(refused).unwrap()], Profile::Unavailable);
            let asked = requests.load(Ordering::Relaxed);
            assert!(asked <= REQUESTS_MAX, "{asked} requests");
            directory.users(&page()).await;
            assert_eq!(requests.load(Ordering::Relaxed), asked, "all is kept");
        }
    }

    #[tokio::test]
    async fn a_page_costs_a_bounded_number_of_requests_and_the_next_ones_find_more() {
        let (directory, requests) = platform(&[3, 33, 63, 93]).await;
        let mut missing = 100;
        for pages in 1..10 {
            let profiles = directory.users(&page()).await;
            assert_eq!(profiles.len(), 100);
            assert!(requests.load(Ordering::Relaxed) <= pages * REQUESTS_MAX);
            assert!(without_answer(&profiles) <= missing);
            missing = without_answer(&profiles);
        }
        assert_eq!(missing, 4);
    }

    #[tokio::test]
    async fn a_user_and_a_topic_with_one_id_are_two() {
        let (directory, requests) = platform(&[]).await;
        let seven = [Id::from_number(7).unwrap()];
        let known = |json: &str| Profiles::from([(seven[0].clone(), Profile::Known(Arc::from(json)))]);
        for _ in 0..2 {
            assert_eq!(directory.users(&seven).await, known(r#"{"id":7,"username":"ann"}"#));
            assert_eq!(directory.topics(&seven).await, known(r#"{"id":7,"title":"Cats"}"#));
        }
        assert_eq!(requests.load(Ordering::Relaxed), 2, "each is kept");
    }

    #[tokio::test]
    async fn a_refused_topic_costs_the_others_nothing() {
        let (directory, requests) = platform(&[42]).await;
        let profiles = directory.topics(&page()).await;
        assert_eq!((profiles.len(), without_answer(&profiles)), (100, 1));
        assert!(requests.load(Ordering::Relaxed) <= REQUESTS_MAX);
    }
}

//! What functions are made of. A function asks for the parts that it uses, and so is given only the variables that these read.

use crate::adapters::api_gateway::ApiGatewayPush;
use crate::adapters::clock::SystemClock;
use crate::adapters::deployments::Deployments;
use crate::adapters::directory::PlatformDirectory;
use crate::adapters::jwt::Identity;
use crate::adapters::platform_key::PlatformKeys;
use crate::adapters::probe_token::ProbeTokens;
use crate::adapters::redis::RedisStore;
use crate::adapters::s3::S3Uploads;
use crate::adapters::sqs::SqsQueue;
use crate::adapters::webhook::PlatformWebhook;
use crate::app::{Eraser, Later, Platform, Signaller, Trimmer, Usage, Worker, Writer};
use crate::config::{
    AllowedOrigins, DeploymentsConfig, DirectoryConfig, EditsConfig, Environment, IdentityConfig, PlatformConfig,
    PresenceConfig, PushConfig, QueueConfig, RedisConfig, SigningConfig, Sites, UploadsConfig, WebhookConfig,
};
use crate::domain::{Domain, Limits, Retention, TopicRules};
use crate::ports::{
    Blocks, Erasures, Gate, Moderation, Oversight, Promises, Push, Queue, Signals, Store, Trimming, Undelivered,
    Webhook,
};
use crate::runtime::{StartError, start};

/// Makes the parts of a function from the environment. Each method fails with the variable that is missing or wrong.
#[derive(Debug)]
pub struct Wiring {
    env: Environment,
}

impl Wiring {
    /// Reads the environment and starts the log.
    ///
    /// # Errors
    /// [`StartError`] if the log's variables are wrong.
    pub fn start() -> Result<Self, StartError> {
        Ok(Self { env: start()? })
    }

    /// Who a request comes from.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the tokens or sites is missing or wrong.
    pub fn identity(&self) -> Result<Identity, StartError> {
        Ok(Identity::new(IdentityConfig::from_env(&self.env)?)?)
    }

    /// Recognises the platform's own server.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the platform's keys or of the sites is wrong.
    pub fn platform_keys(&self) -> Result<PlatformKeys, StartError> {
        let config = PlatformConfig::from_env(&self.env)?;
        Ok(PlatformKeys::new(&config, Sites::from_env(&self.env)?))
    }

    /// Where messages live.
    ///
    /// # Errors
    /// [`StartError`] if a variable of Redis is missing or wrong.
    pub async fn store(&self) -> Result<RedisStore<SystemClock>, StartError> {
        Ok(RedisStore::connect(RedisConfig::from_env(&self.env)?, SystemClock).await?)
    }

    /// The same for a function that changes messages, and may have to keep their earlier versions.
    ///
    /// # Errors
    /// As [`Wiring::store`]; also if the variable of the kept edits is wrong.
    pub async fn changing_store(&self) -> Result<RedisStore<SystemClock>, StartError> {
        let kept = EditsConfig::from_env(&self.env)?.kept;
        let store = self.store().await?;
        Ok(if kept { store.keeping_versions() } else { store })
    }

    /// The platform's users and topics.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the platform's API is wrong.
    pub fn directory(&self) -> Result<PlatformDirectory, StartError> {
        Ok(PlatformDirectory::new(DirectoryConfig::from_env(&self.env)?)?)
    }

    /// How live connections hear of changes.
    ///
    /// # Errors
    /// [`StartError`] if the push endpoint is missing or wrong.
    pub fn push(&self) -> Result<ApiGatewayPush, StartError> {
        Ok(ApiGatewayPush::new(PushConfig::from_env(&self.env)?))
    }

    /// What gives jobs to the worker, if there is one.
    ///
    /// # Errors
    /// [`StartError`] if the address of the queue is wrong.
    pub fn queue(&self) -> Result<Option<SqsQueue>, StartError> {
        Ok(QueueConfig::from_env(&self.env)?.map(SqsQueue::new))
    }

    /// How the platform is told of what happened, if it wants to know.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the webhook is wrong.
    pub fn webhook(&self) -> Result<Option<PlatformWebhook>, StartError> {
        Ok(WebhookConfig::from_env(&self.env)?
            .map(PlatformWebhook::new)
            .transpose()?)
    }

    /// Where uploaded images are, if the installation has a place for them.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the uploads is wrong.
    pub fn uploads(&self) -> Result<Option<S3Uploads>, StartError> {
        Ok(UploadsConfig::from_env(&self.env)?.map(S3Uploads::new))
    }

    /// Who may join topics, and how many.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the topics is wrong.
    pub fn topics(&self) -> Result<TopicRules, StartError> {
        Ok(TopicRules::from_env(&self.env)?)
    }

    /// How long each site keeps messages, and all sites.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the sites or of the retention is wrong.
    pub fn retention(&self) -> Result<(Retention, Vec<Domain>), StartError> {
        let sites = Sites::from_env(&self.env)?;
        Ok((Retention::from_env(&self.env, &sites)?, sites.all()))
    }

    /// Whether users see who is online.
    ///
    /// # Errors
    /// [`StartError`] if the variable of presence is wrong.
    pub fn presence(&self) -> Result<PresenceConfig, StartError> {
        Ok(PresenceConfig::from_env(&self.env)?)
    }

    /// The origins whose pages may open a connection.
    ///
    /// # Errors
    /// [`StartError`] if the variable of the origins is wrong.
    pub fn origins(&self) -> Result<AllowedOrigins, StartError> {
        Ok(AllowedOrigins::from_env(&self.env)?)
    }

    /// The limits of use.
    ///
    /// # Errors
    /// [`StartError`] if a variable of the limits is wrong.
    pub fn limits(&self) -> Result<Limits, StartError> {
        Ok(Limits::from_env(&self.env)?)
    }

    /// The deployments that a hook checks.
    ///
    /// # Errors
    /// [`StartError`] if Lambda's own variables are missing.
    pub fn deployments(&self) -> Result<Deployments, StartError> {
        Ok(Deployments::new(DeploymentsConfig::from_env(&self.env)?))
    }

    /// Signs tokens for a check, if it has the secret. A wrong variable is no error here: the function that checks must be able to report the others,
    /// which have the same variables and do not start.
    pub fn probe_tokens(&self) -> Option<ProbeTokens> {
        match SigningConfig::from_env(&self.env) {
            Ok(config) => config.map(ProbeTokens::new),
            Err(error) => {
                tracing::warn!(error = %error, "no tokens can be signed");
                None
            }
        }
    }

    /// Admits requests of users.
    pub fn usage<'a>(&self, gate: &'a dyn Gate, limits: &'a Limits) -> Usage<'a> {
        let clock = &SystemClock;
        Usage { gate, clock, limits }
    }

    /// What tells fleeting signals.
    pub fn signaller<'a, S: Store + Signals + Gate>(
        &self,
        store: &'a S,
        push: &'a dyn Push,
        topics: TopicRules,
        presence: PresenceConfig,
        limits: &'a Limits,
    ) -> Signaller<'a> {
        Signaller {
            store,
            signals: store,
            push,
            clock: &SystemClock,
            topics,
            shows_presence: presence.enabled,
            usage: self.usage(store, limits),
        }
    }

    /// The actions of the platform's own server.
    pub fn platform<'a, S: Oversight + Moderation>(
        &self,
        writer: Writer<'a>,
        store: &'a S,
        sites: &'a [Domain],
    ) -> Platform<'a> {
        Platform {
            sites,
            writer,
            oversight: store,
            moderation: store,
            clock: &SystemClock,
        }
    }

    /// What exports and erases users.
    pub fn eraser<'a, S: Erasures + Blocks>(&self, platform: Platform<'a>, store: &'a S) -> Eraser<'a> {
        Eraser {
            platform,
            erasures: store,
            blocks: store,
        }
    }

    /// What changes conversations.
    pub fn writer<'a, S: Store + Gate>(
        &self,
        store: &'a S,
        push: &'a dyn Push,
        topics: TopicRules,
        limits: &'a Limits,
    ) -> Writer<'a> {
        let usage = self.usage(store, limits);
        Writer {
            store,
            push,
            topics,
            usage,
            later: None,
            uploads: None,
        }
    }

    /// The same for a function that sends messages, of which the worker learns.
    pub fn sender<'a, S: Store + Gate>(
        &self,
        store: &'a S,
        push: &'a dyn Push,
        topics: TopicRules,
        limits: &'a Limits,
        later: Option<Later<'a>>,
    ) -> Writer<'a> {
        Writer {
            later,
            ..self.writer(store, push, topics, limits)
        }
    }

    /// What hands jobs to the worker.
    pub fn later<'a>(&self, promises: &'a dyn Promises, queue: Option<&'a SqsQueue>) -> Option<Later<'a>> {
        queue.map(|queue| Later { promises, queue })
    }

    /// What removes old messages and reports.
    pub fn trimmer<'a, S: Store + Trimming>(
        &self,
        store: &'a S,
        (retention, sites): &'a (Retention, Vec<Domain>),
    ) -> Trimmer<'a> {
        Trimmer {
            store,
            trimming: store,
            retention,
            sites,
            clock: &SystemClock,
        }
    }

    /// What carries out jobs.
    pub fn worker<'a, S: Store + Undelivered + Moderation + Oversight + Promises>(
        &self,
        store: &'a S,
        eraser: Eraser<'a>,
        queue: &'a dyn Queue,
        webhook: Option<&'a PlatformWebhook>,
    ) -> Worker<'a> {
        Worker {
            store,
            undelivered: store,
            moderation: store,
            oversight: store,
            promises: store,
            eraser,
            queue,
            webhook: webhook.map(|webhook| webhook as &dyn Webhook),
            clock: &SystemClock,
        }
    }
}

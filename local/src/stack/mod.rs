//! The whole stack: it starts its parts in order, and stops them in order.

pub mod control;
pub mod page;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    aws::stand_ins::{function_arn, queue_path},
    faults::{Faults, Plan},
    gateway::{HttpGateway, WebSocketGateway, WebSocketOptions, limits::Limits},
    lambda::{self, FunctionSpec, InvokeApi, Lambda, LambdaOptions, Rest},
    machine::guard::Guard,
    platform::Platform,
    project::{
        build::{self, BuildError},
        sam::{self, Relays, SamError},
        settings::{Folders, Settings, SettingsError},
        token::{Signer, TokenError},
        watch::{Kept, Project, Watch, WatchError},
    },
    redis::{self, RedisError, RedisServer},
    s3::S3,
    server::{BindError, Listeners},
    sqs::{Queues, Sqs},
    template::{self, Template, TemplateError},
    triggers::{Pace, Triggers},
};
use control::Control;
use page::{OwnRedis, Page};

/// How long `$disconnect` may take for all open connections when the stack stops.
const GOODBYE: Duration = Duration::from_millis(1500);

/// The flags of `cargo run`. The variables of the environment are in [`Settings`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Another template than that of this workspace.
    pub template: Option<PathBuf>,
    /// Values of the template's parameters, in place of their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Where the functions come from.
    pub build: Build,
    /// Keep nothing.
    pub fresh: bool,
    /// The most processes at a time of a function without a reservation.
    pub concurrency: usize,
    /// What becomes of a function's process between two requests.
    pub rest: Rest,
    /// Where to write the environment for `sam local start-api`.
    pub sam_env: Option<PathBuf>,
    /// Whether requests to `@connections` must be signed.
    pub sigv4: bool,
    /// How many times as fast the gateway's clock runs for its limits; 0 means 1.
    pub clock_scale: u32,
    /// The faults that are on from the start.
    pub faults: Plan,
    /// The seed that decides about the faults.
    pub seed: u64,
    /// When schedules run.
    pub schedules: Pace,
    /// The key of the platform's own server, unless `SOCK_PLATFORM_KEY` gives another.
    pub platform_key: Option<String>,
}

/// Where the functions come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Build {
    /// They are built at the start.
    #[default]
    Once,
    /// They are built at the start, and again when their sources change.
    Again,
    /// They lie beside this program.
    Never,
}

/// Why the stack doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The template can't be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A variable can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An address can't be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The functions don't build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Redis doesn't start.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The development secret can't be kept.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `sam local` can't use the stack.
    #[error(transparent)]
    Sam(#[from] SamError),
    /// A log can't be written.
    #[error(transparent)]
    Lambda(#[from] lambda::LogError),
    /// A function doesn't start.
    #[error(transparent)]
    Function(#[from] lambda::StartError),
    /// The sources can't be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The guard doesn't start.
    #[error("can't start the guard process")]
    Guard(#[source] io::Error),
    /// A temporary folder can't be made.
    #[error("can't make a temporary folder")]
    Temporary(#[source] io::Error),
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    addresses: Addresses,
    // Rust drops the fields in this order when the stack is not stopped: first what takes requests, last what requests need.
    _page: Page,
    _control: Control,
    _http: HttpGateway,
    websocket: Option<WebSocketGateway>,
    _invoke: InvokeApi,
    _triggers: Triggers,
    _sqs: Sqs,
    _watch: Option<Watch>,
    lambda: Arc<Lambda>,
    _relays: Option<Relays>,
    _platform: Option<Platform>,
    _s3: S3,
    redis: OwnRedis,
    _temporary: Option<TempDir>,
    _guard: Arc<Guard>,
}

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The page with two people who chat.
    pub page: String,
    /// The REST address, `/api` included.
    pub rest: String,
    /// The WebSocket address, without stage.
    pub websocket: String,
    /// The base of `@connections`, stage included: the value of `SOCK_PUSH_ENDPOINT`.
    pub push: String,
    /// Where Lambda's Invoke is: the value for `--endpoint-url`.
    pub lambda: String,
    /// Where SQS is: the value for `--endpoint-url`, and what the URLs of queues begin with.
    pub queues: String,
    /// The queue whose messages a function gets: the value of `SOCK_QUEUE_URL`. Empty without one.
    pub queue: String,
    /// `SOCK_REDIS_URL`.
    pub redis: String,
    /// `SOCK_API_URL`.
    pub platform: String,
    /// `SOCK_UPLOADS_BUCKET`.
    pub uploads: String,
    /// Where faults are switched and connections cut.
    pub control: String,
    /// The signer of development tokens; absent when only the platform can sign.
    pub signer: Option<Signer>,
    /// The key, or the two keys, of the platform's own server; absent when there are no routes for it.
    pub platform_key: Option<String>,
}

impl Stack {
    /// Starts everything and returns when it is ready.
    ///
    /// # Errors
    /// [`StackError`]. Everything that has been started is stopped again.
    pub async fn start(settings: &Settings, options: &Options) -> Result<Self, StackError> {
        let folders = Folders::new(options.template.as_deref());
        let template = template::read(&folders.template, &options.parameters)?;
        // Before the build, which takes a while, so that the user learns of a taken port at once.
        let http = Listeners::bind(settings.host(), settings.http_port()?, "SOCK_HTTP_PORT").await?;
        let ws = Listeners::bind(settings.host(), settings.ws_port()?, "SOCK_WS_PORT").await?;
        let page = Listeners::bind(settings.host(), settings.page_port()?, "SOCK_PAGE_PORT").await?;
        let invoke = Listeners::bind("127.0.0.1", 0, "nothing").await?;
        let sqs = Listeners::bind("127.0.0.1", 0, "nothing").await?;
        let signer = match Signer::new(settings, &folders.state()) {
            Ok(signer) => Some(signer),
            Err(TokenError::Asymmetric { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let own = std::env::current_exe().map_err(StackError::Guard)?;
        let guard = Arc::new(Guard::start(&own).map_err(StackError::Guard)?);
        let temporary = if options.fresh {
            Some(TempDir::with_prefix("senna-").map_err(StackError::Temporary)?)
        } else {
            None
        };
        if let Some(folder) = &temporary {
            guard.remove(folder.path());
        }
        let redis = own_redis(settings, &folders, temporary.as_ref(), &guard);
        let functions = async {
            let binaries: Vec<&str> = template
                .functions
                .values()
                .map(|function| function.binary.as_str())
                .collect();
            if options.build == Build::Never {
                build::beside_this_program(&binaries)
            } else {
                build::build(&folders.root, &binaries).await
            }
            .map_err(StackError::from)
        };
        let (redis, executables) = tokio::try_join!(redis, functions)?;
        let kept = if options.build == Build::Again {
            Some(Kept::new(&executables, &folders.state(), &guard).map_err(WatchError::from)?)
        } else {
            None
        };
        let executables = kept.as_ref().map_or(executables, |kept| kept.executables.clone());
        let platform = match settings.get("SOCK_API_URL") {
            Some(_) => None,
            None => Some(Platform::start().await?),
        };
        let place = temporary
            .as_ref()
            .map_or_else(|| folders.state(), |folder| folder.path().to_owned());
        let s3 = S3::start(place.join("s3")).await?;
        // The name by which a client on this machine reaches the host that we listen on.
        let host = reachable(settings.host());
        let stage = template.websocket.as_ref().map_or("", |api| api.stage.as_str());
        let http_stage = template.http.stage.as_ref().map(|stage| format!("/{stage}"));
        let mut addresses = Addresses {
            page: format!(
                "http://{}:{}",
                if host == "127.0.0.1" { "localhost" } else { &host },
                page.port()
            ),
            rest: format!("http://{host}:{}{}/api", http.port(), http_stage.unwrap_or_default()),
            websocket: format!("ws://{host}:{}", ws.port()),
            push: format!("http://{host}:{}/{stage}", ws.port()),
            lambda: format!("http://127.0.0.1:{}", invoke.port()),
            queues: format!("http://127.0.0.1:{}", sqs.port()),
            queue: template.mappings.first().map_or_else(String::new, |mapping| {
                format!("http://127.0.0.1:{}{}", sqs.port(), queue_path(&mapping.queue))
            }),
            redis: redis
                .as_ref()
                .map(RedisServer::url)
                .or_else(|| settings.get("SOCK_REDIS_URL").map(str::to_owned))
                .unwrap_or_default(),
            platform: platform
                .as_ref()
                .map(Platform::url)
                .or_else(|| settings.get("SOCK_API_URL"))
                .unwrap_or_default()
                .to_owned(),
            uploads: s3.bucket("uploads"),
            control: String::new(),
            signer,
            platform_key: settings
                .get("SOCK_PLATFORM_KEY")
                .map(str::to_owned)
                .or_else(|| options.platform_key.clone()),
        };
        let functions = specs(&template, &executables, settings, &addresses);
        let relays = match &options.sam_env {
            Some(file) => Some(sam::start(&functions, file).await?),
            None => None,
        };
        let faults = Arc::new(Faults::new(options.faults.clone(), options.seed));
        let lambda = Lambda::start(
            functions,
            LambdaOptions {
                concurrency: options.concurrency,
                rest: options.rest,
                logs: Some(place.join("logs")),
                faults: Arc::clone(&faults),
                guard: Some(Arc::clone(&guard)),
            },
        )?;
        let lambda = Arc::new(lambda);
        lambda.warm_up().await?;
        let watch = kept.map(|kept| {
            let project = Project {
                binaries: template
                    .functions
                    .iter()
                    .map(|(id, function)| (id.clone(), function.binary.clone()))
                    .collect(),
                folders,
                lambda: Arc::clone(&lambda),
                guard: Arc::clone(&guard),
            };
            Watch::start(project, kept)
        });
        let watch = watch.transpose()?;
        let limits = Limits::default().scaled(options.clock_scale);
        let socket_options = WebSocketOptions {
            limits: limits.clone(),
            signed: options.sigv4,
            faults: Arc::clone(&faults),
        };
        let queues = Arc::new(Queues::new(template.queues, Arc::clone(&faults), options.clock_scale));
        let address = addresses.queues.clone();
        let sqs = Sqs::start(sqs, address, Arc::clone(&queues), Arc::clone(&faults), options.sigv4);
        let triggers = Triggers::start(
            &lambda,
            &queues,
            template.mappings,
            template.schedules,
            options.concurrency,
            options.schedules,
        );
        let websocket = template
            .websocket
            .map(|api| WebSocketGateway::start(ws, api, Arc::clone(&lambda), socket_options));
        let registry = websocket.as_ref().map(WebSocketGateway::registry).unwrap_or_default();
        let control = Control::start(Arc::clone(&faults), Arc::clone(&registry)).await?;
        control.url().clone_into(&mut addresses.control);
        let redis = Arc::new(Mutex::new(redis));
        let parts = page::Parts {
            rest: addresses.rest.clone(),
            websocket: addresses.websocket.clone(),
            signer: addresses.signer.clone(),
            project: Folders::new(None).root,
            faults,
            registry,
            redis: Arc::clone(&redis),
        };
        let page = Page::start(page, parts);
        let http = HttpGateway::start(http, template.http, Arc::clone(&lambda), limits);
        Ok(Self {
            addresses,
            _page: page,
            _control: control,
            _http: http,
            websocket,
            _invoke: InvokeApi::start(invoke, Arc::clone(&lambda)),
            _triggers: triggers,
            _sqs: sqs,
            _watch: watch,
            lambda,
            _relays: relays,
            _platform: platform,
            _s3: s3,
            redis,
            _temporary: temporary,
            _guard: guard,
        })
    }

    /// Where everything is.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Stops everything: connections say goodbye, functions end, Redis writes its data.
    pub async fn stop(self) {
        let Self {
            _http: http,
            _triggers: triggers,
            websocket,
            lambda,
            redis,
            ..
        } = self;
        drop(triggers);
        if let Some(websocket) = &websocket {
            websocket.stop(GOODBYE).await;
        }
        drop(http);
        drop(websocket);
        lambda.stop().await;
        // It blocks until the server has ended.
        let stopped =
            tokio::task::spawn_blocking(move || drop(redis.lock().unwrap_or_else(PoisonError::into_inner).take()));
        drop(stopped.await);
    }
}

async fn own_redis(
    settings: &Settings,
    folders: &Folders,
    temporary: Option<&TempDir>,
    guard: &Arc<Guard>,
) -> Result<Option<RedisServer>, StackError> {
    if settings.get("SOCK_REDIS_URL").is_some() {
        return Ok(None);
    }
    let data = temporary
        .map_or_else(|| folders.state(), |folder| folder.path().to_owned())
        .join("data");
    let cache = folders.state().join("bin");
    let options = redis::Options {
        data_dir: Some(data),
        own_group: true,
        guard: Some(Arc::clone(guard)),
        ..Default::default()
    };
    let started = tokio::task::spawn_blocking(move || RedisServer::start_from(&cache, &options)).await;
    match started {
        Ok(server) => Ok(Some(server?)),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// The host that a client on this machine uses to reach us. It is `127.0.0.1` and not `localhost`, which a client may resolve to an
/// address that this machine doesn't have.
fn reachable(host: &str) -> String {
    match host {
        "localhost" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        other if other.contains(':') => format!("[{other}]"),
        other => other.to_owned(),
    }
}

fn specs(
    template: &Template,
    executables: &BTreeMap<String, PathBuf>,
    settings: &Settings,
    addresses: &Addresses,
) -> BTreeMap<String, FunctionSpec> {
    let specs = template.functions.iter().filter_map(|(id, function)| {
        let environment = function.environment.iter();
        let environment =
            environment.map(|(name, value)| (name.clone(), local_value(name, value, settings, addresses)));
        let spec = FunctionSpec {
            name: function.name.clone(),
            arn: function_arn(id),
            executable: executables.get(&function.binary)?.clone(),
            timeout: function.timeout,
            memory_mb: function.memory_mb,
            reserved: function.reserved,
            environment: environment.collect(),
        };
        Some((id.clone(), spec))
    });
    specs.collect()
}

/// The value of a variable that the template names. In this order: what must be the stack's own, what the user has set, what
/// the stack provides, what the template says.
fn local_value(name: &str, in_template: &str, settings: &Settings, addresses: &Addresses) -> String {
    let brought = match name {
        // Always the stack's own: a push to another address would reach nobody here.
        "SOCK_PUSH_ENDPOINT" => return addresses.push.clone(),
        // The same for the queue. A deployment gives it to some functions only if there is a webhook.
        "SOCK_QUEUE_URL" if in_template.is_empty() && settings.get("SOCK_WEBHOOK_URL").is_none() => {
            return String::new();
        }
        "SOCK_QUEUE_URL" => return addresses.queue.clone(),
        "SOCK_REDIS_URL" => Some(addresses.redis.as_str()),
        "SOCK_UPLOADS_BUCKET" => Some(addresses.uploads.as_str()),
        "SOCK_API_URL" => Some(addresses.platform.as_str()),
        "SOCK_PLATFORM_KEY" => addresses.platform_key.as_deref(),
        "SOCK_JWT_SECRET" => addresses.signer.as_ref().map(Signer::secret),
        _ => None,
    };
    settings.get(name).or(brought).unwrap_or(in_template).to_owned()
}

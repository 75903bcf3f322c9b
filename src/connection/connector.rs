//! All connections of one run.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OnceCell, Semaphore};

use super::embedded::{Images, RunnerImage};
use super::error::{ConnectionError, Problem};
use super::link::{Connection, Link};
use super::marker::random;
use super::openssh::ControlDirectory;
use super::ssh::{HostKeyMemory, JumpHosts, Keyring, PassphrasePrompt, Session};
use super::ssh_config::arguments::{ConfigFile, parse_arguments};
use super::ssh_config::parse::{Item, Known, parse_file};
use super::ssh_config::resolve::{Given, resolve};
use super::ssh_config::{ConfigError, ConfigFiles, Home, HostSettings};
use super::target::{Target, Transport};

/// Receives a remark for the user; each is said once for a run.
pub type WarningHook = Arc<dyn Fn(&str) + Send + Sync>;

/// What a run brings along.
#[derive(Clone)]
pub struct ConnectorSettings {
    /// Who runs this program.
    pub home: Home,
    /// Where `ssh_config` is read, unless `-F` says otherwise.
    pub files: ConfigFiles,
    /// The runner that is sent to hosts.
    pub runner: RunnerImage,
    /// Where runners for other architectures lie: `canvass-runner-aarch64` …
    pub runner_directory: Option<PathBuf>,
    /// Asks for passphrases; without it locked keys are passed over.
    pub passphrase: Option<PassphrasePrompt>,
    /// Takes remarks on settings.
    pub warn: Option<WarningHook>,
    /// How many connections may be in the making at once.
    pub handshakes: usize,
    /// How many of them with one server; beyond 10, servers begin to drop some (`MaxStartups`).
    pub handshakes_per_server: usize,
}

impl fmt::Debug for ConnectorSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectorSettings")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl ConnectorSettings {
    /// Those of this process: its user, the usual files, the runner inside this program, further
    /// runners in the directory that `CANVASS_RUNNERS` names.
    pub fn of_process() -> Self {
        let home = Home::of_process();
        Self {
            files: ConfigFiles::usual(&home),
            runner: RunnerImage::embedded(),
            runner_directory: home.variables.get("CANVASS_RUNNERS").map(PathBuf::from),
            home,
            passphrase: None,
            warn: None,
            handshakes: 64,
            handshakes_per_server: 8,
        }
    }
}

/// Opens the connections of a run; what they have in common is kept here.
pub struct Connector {
    pub(crate) settings: ConnectorSettings,
    pub(crate) images: Images,
    pub(crate) keyring: Keyring,
    pub(crate) host_keys: Arc<HostKeyMemory>,
    pub(crate) jump_hosts: JumpHosts,
    pub(crate) handshakes: Semaphore,
    pub(crate) control: OnceCell<ControlDirectory>,
    servers: SyncMutex<HashMap<(String, u16), Arc<Semaphore>>>,
    files: Mutex<HashMap<PathBuf, Arc<Vec<Item>>>>,
    warned: SyncMutex<HashSet<String>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Begins a run.
    pub fn new(settings: ConnectorSettings) -> Arc<Self> {
        Arc::new(Self {
            images: Images::new(settings.runner.clone(), settings.runner_directory.clone()),
            keyring: Keyring::new(settings.passphrase.clone()),
            host_keys: Arc::default(),
            jump_hosts: JumpHosts::default(),
            handshakes: Semaphore::new(settings.handshakes.max(1)),
            control: OnceCell::new(),
            servers: SyncMutex::default(),
            files: Mutex::default(),
            warned: SyncMutex::default(),
            settings,
        })
    }

    /// Opens a connection.
    pub async fn connect(self: &Arc<Self>, target: &Target) -> Result<Connection, ConnectionError> {
        let opened = match target.transport {
            Transport::Local => Ok(Link::Local),
            Transport::OpenSsh => super::openssh::connect(self, target).await.map(Link::OpenSsh),
            Transport::Ssh => self.ssh(target).await.map(Link::Ssh),
        };
        let link = opened.map_err(|problem| ConnectionError::new(&target.name, problem))?;
        Ok(Connection::new(Arc::clone(self), target.name.clone(), link))
    }

    /// Ends what connections share: jump hosts and master connections of `ssh`.
    pub async fn close(&self) {
        self.jump_hosts.close().await;
    }

    async fn ssh(self: &Arc<Self>, target: &Target) -> Result<Arc<Session>, Problem> {
        let (settings, arguments) = self.resolve(target).await?;
        let policy = match (target.host_keys, settings.host_keys) {
            (super::target::HostKeys::Strict, Some(configured)) => configured,
            (given, _) => given,
        };
        let opener = super::open::Opener {
            connector: self,
            arguments: &arguments,
            timeout: settings.connect_timeout.unwrap_or(target.connect_timeout),
            policy,
        };
        let first_key = target.private_key.as_ref().and(settings.identity_files.first());
        opener.open(&settings, first_key, target.password.as_ref()).await.map(Arc::new)
    }

    /// What `ssh_config` and the arguments say about a target.
    pub(crate) async fn resolve(
        &self,
        target: &Target,
    ) -> Result<(HostSettings, Sources), ConfigError> {
        let home = &self.settings.home;
        let arguments = parse_arguments(&target.ssh_arguments, home)?;
        let files = match arguments.file {
            None => self.settings.files.clone(),
            Some(ConfigFile::None) => ConfigFiles { user: None, system: None },
            Some(ConfigFile::Path(path)) => ConfigFiles { user: Some(path), system: None },
        };
        let sources = Sources { options: arguments.options, files: self.read(files).await? };
        let given = Given {
            port: target.port,
            user: target.user.clone(),
            identity: target.private_key.as_ref().map(|key| home.tilde(&key.to_string_lossy())),
        };
        let settings = self.settings_of(&target.address, &given, &sources)?;
        Ok((settings, sources))
    }

    /// What the files say about a host.
    pub(crate) fn settings_of(
        &self,
        alias: &str,
        given: &Given,
        sources: &Sources,
    ) -> Result<HostSettings, ConfigError> {
        let mut items: Vec<&[Item]> = vec![&sources.options];
        items.extend(sources.files.iter().map(|file| file.as_slice()));
        let (settings, ignored) = resolve(alias, given, &items, &self.settings.home)?;
        for option in ignored {
            let place = format!("{}:{}", option.place.file.display(), option.place.line);
            let name = option.name;
            self.warn(&match option.known {
                Known::Yes => format!("{place}: `{name}` is not supported and has no effect; use `connection: openssh` where it matters"),
                Known::No => format!("{place}: `{name}` is no option of ssh_config and has no effect"),
            });
        }
        Ok(settings)
    }

    async fn read(&self, files: ConfigFiles) -> Result<Vec<Arc<Vec<Item>>>, ConfigError> {
        let mut found = Vec::new();
        for path in [files.user, files.system].into_iter().flatten() {
            let mut cache = self.files.lock().await;
            let items = if let Some(items) = cache.get(&path) {
                Arc::clone(items)
            } else {
                let (home, file) = (self.settings.home.clone(), path.clone());
                let parsed = tokio::task::spawn_blocking(move || parse_file(&file, &home)).await;
                let parsed = parsed.unwrap_or_else(|error| {
                    Err(ConfigError::Unreadable { file: path.clone(), reason: error.to_string() })
                })?;
                let items = Arc::new(parsed);
                cache.insert(path, Arc::clone(&items));
                items
            };
            found.push(items);
        }
        Ok(found)
    }

    fn warn(&self, text: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = &self.settings.warn
            && warned.insert(text.to_owned())
        {
            hook(text);
        }
    }

    /// Bounds the logins that are under way with one server.
    pub(crate) fn server(&self, address: &str, port: u16) -> Arc<Semaphore> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let permits = self.settings.handshakes_per_server.max(1);
        let server = servers.entry((address.to_owned(), port));
        Arc::clone(server.or_insert_with(|| Arc::new(Semaphore::new(permits))))
    }

    /// A pause that grows with the attempts and differs between hosts.
    pub(crate) fn pause(attempt: u32) -> Duration {
        let spread = random::<1>().map_or(128, |[byte]| u64::from(byte));
        Duration::from_millis(200 * u64::from(attempt) + spread * u64::from(attempt))
    }
}

/// Where the settings of a target come from.
#[derive(Debug)]
pub(crate) struct Sources {
    options: Vec<Item>,
    files: Vec<Arc<Vec<Item>>>,
}

impl Sources {
    /// The same files without the target's own options, for hosts on the way.
    pub(crate) fn without_options(&self) -> Self {
        Self { options: Vec::new(), files: self.files.clone() }
    }
}

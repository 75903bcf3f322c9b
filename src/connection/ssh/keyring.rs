//! Keys: files, each read and unlocked once for a run, and the agent.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, Error, PrivateKey, PublicKey, decode_secret_key};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, OnceCell, Semaphore};

use crate::connection::secret::Secret;

/// Asks for the passphrase of a key; `None` when there is none to be had. May block.
pub type PassphrasePrompt = Arc<dyn Fn(&PassphraseRequest) -> Option<Secret> + Send + Sync>;

/// What is asked when a key is locked.
#[derive(Debug, Clone)]
pub struct PassphraseRequest {
    /// The key's file.
    pub file: PathBuf,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How often a passphrase is asked for.
const ATTEMPTS: u32 = 3;

/// How many connections to the agent there are at once.
const AGENT_CONNECTIONS: usize = 8;

/// All keys of a run.
pub(crate) struct Keyring {
    prompt: Option<PassphrasePrompt>,
    /// Held while a person is asked.
    asking: Arc<Mutex<()>>,
    files: Mutex<HashMap<PathBuf, Arc<KeyFile>>>,
    agents: Mutex<HashMap<PathBuf, Arc<OnceCell<Vec<AgentIdentity>>>>>,
    pub(crate) agent_slots: Semaphore,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keyring").finish_non_exhaustive()
    }
}

/// A file with a private key.
pub(crate) struct KeyFile {
    path: PathBuf,
    /// The public part, where it can be read without a passphrase.
    pub(crate) public: Option<PublicKey>,
    /// A certificate beside the key (`KEY-cert.pub`).
    pub(crate) certificate: Option<Certificate>,
    state: KeyState,
    unlocked: OnceCell<Result<Arc<PrivateKey>, String>>,
}

enum KeyState {
    Missing,
    Broken(String),
    Open(Arc<PrivateKey>),
    Locked(String),
}

impl KeyFile {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.state, KeyState::Missing)
    }
}

fn read_key(path: PathBuf) -> KeyFile {
    let text = std::fs::read_to_string(&path);
    let certificate = read_certificate(&suffixed(&path, "-cert.pub")).ok();
    let beside = || {
        let text = std::fs::read_to_string(suffixed(&path, ".pub")).ok()?;
        PublicKey::from_openssh(text.trim()).ok()
    };
    let (state, public) = match text {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (KeyState::Missing, None),
        Err(error) => (KeyState::Broken(error.to_string()), None),
        Ok(text) => match decode_secret_key(&text, None) {
            Ok(key) => {
                let public = key.public_key().clone();
                (KeyState::Open(Arc::new(key)), Some(public))
            }
            Err(Error::KeyIsEncrypted) => {
                let inside = PrivateKey::from_openssh(&text).ok();
                let public = inside.map(|key| key.public_key().clone()).or_else(beside);
                (KeyState::Locked(text), public)
            }
            Err(error) => match PublicKey::from_openssh(text.trim()) {
                // a public key names one that the agent holds
                Ok(public) => (KeyState::Broken("it is a public key".to_owned()), Some(public)),
                Err(_) => (KeyState::Broken(error.to_string()), beside()),
            },
        },
    };
    KeyFile { path, public, certificate, state, unlocked: OnceCell::new() }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Reads an OpenSSH certificate.
pub(crate) fn read_certificate(path: &Path) -> Result<Certificate, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Certificate::from_openssh(text.trim()).map_err(|error| error.to_string())
}

impl Keyring {
    pub(crate) fn new(prompt: Option<PassphrasePrompt>) -> Self {
        Self {
            prompt,
            asking: Arc::default(),
            files: Mutex::default(),
            agents: Mutex::default(),
            agent_slots: Semaphore::new(AGENT_CONNECTIONS),
        }
    }

    /// The key in a file, as far as it can be known without a passphrase.
    pub(crate) async fn file(&self, path: &Path) -> Arc<KeyFile> {
        let mut files = self.files.lock().await;
        if let Some(file) = files.get(path) {
            return Arc::clone(file);
        }
        let owned = path.to_owned();
        let read = tokio::task::spawn_blocking(move || read_key(owned)).await;
        let file = Arc::new(read.unwrap_or_else(|error| KeyFile {
            path: path.to_owned(),
            public: None,
            certificate: None,
            state: KeyState::Broken(error.to_string()),
            unlocked: OnceCell::new(),
        }));
        files.insert(path.to_owned(), Arc::clone(&file));
        file
    }

    /// The private key, after asking for the passphrase where it needs one.
    pub(crate) async fn unlock(&self, file: &KeyFile) -> Result<Arc<PrivateKey>, String> {
        let path = file.path.display();
        match &file.state {
            KeyState::Open(key) => Ok(Arc::clone(key)),
            KeyState::Missing => Err(format!("{path} does not exist")),
            KeyState::Broken(reason) => Err(format!("{path} cannot be used: {reason}")),
            KeyState::Locked(text) => {
                let unlocked = file.unlocked.get_or_init(|| self.ask(&file.path, text)).await;
                unlocked.clone()
            }
        }
    }

    async fn ask(&self, path: &Path, text: &str) -> Result<Arc<PrivateKey>, String> {
        let shown = path.display();
        let Some(prompt) = self.prompt.clone() else {
            return Err(format!(
                "{shown} is locked with a passphrase, and nobody can be asked; add it to ssh-agent"
            ));
        };
        let asking = Arc::clone(&self.asking).lock_owned().await;
        let (file, text) = (path.to_owned(), text.to_owned());
        let unlocked = tokio::task::spawn_blocking(move || {
            let _asking = asking;
            for attempt in 1..=ATTEMPTS {
                let request = PassphraseRequest { file: file.clone(), attempt };
                let passphrase = prompt(&request)?;
                if let Ok(key) = decode_secret_key(&text, Some(passphrase.expose())) {
                    return Some(Ok(Arc::new(key)));
                }
            }
            Some(Err(format!("{} stays locked: wrong passphrase", file.display())))
        });
        match unlocked.await {
            Ok(Some(unlocked)) => unlocked,
            Ok(None) => Err(format!("{shown} is locked with a passphrase, and none was given")),
            Err(error) => Err(format!("{shown} cannot be unlocked: {error}")),
        }
    }

    /// What an agent holds; read once for a run.
    pub(crate) async fn identities(&self, socket: &Path) -> Result<Vec<AgentIdentity>, String> {
        let cell = Arc::clone(self.agents.lock().await.entry(socket.to_owned()).or_default());
        let identities = cell
            .get_or_try_init(async || {
                let mut agent = connect_agent(socket).await?;
                agent.request_identities().await.map_err(|error| agent_problem(socket, &error))
            })
            .await?;
        Ok(identities.clone())
    }
}

/// Opens a connection to an agent.
pub(crate) async fn connect_agent(socket: &Path) -> Result<AgentClient<UnixStream>, String> {
    AgentClient::connect_uds(socket).await.map_err(|error| agent_problem(socket, &error))
}

fn agent_problem(socket: &Path, error: &Error) -> String {
    format!("the agent at {} cannot be used: {error}", socket.display())
}

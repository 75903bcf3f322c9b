//! An SSH session and the channels on it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle};
use russh::keys::PublicKeyOrCertificate;
use russh::{Disconnect, Pty};

use super::authentication::Login;
use super::host_key::HostKeyCheck;
use super::keyring::Keyring;
use super::route::Stream;
use crate::connection::error::{HostKeyProblem, Problem};
use crate::connection::privilege::Terminal;
use crate::connection::process::{Process, of_channel};
use crate::connection::secret::Secret;
use crate::connection::ssh_config::HostSettings;

/// How long an idle connection is trusted before it is asked for a sign of life.
const ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How many signs of life may be missing.
const ALIVE_COUNT: usize = 3;

/// How long a server may take to open a channel.
const CHANNEL_TIMEOUT: Duration = Duration::from_mins(1);

/// An authenticated connection to a server.
pub(crate) struct Session {
    handle: Handle<Watcher>,
    fate: Fate,
    /// The session that carries this one; it must outlive it.
    _carrier: Option<Arc<Session>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("closed", &self.handle.is_closed())
            .finish_non_exhaustive()
    }
}

/// Why a session ended, as soon as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate(Arc<Mutex<Option<String>>>);

impl Fate {
    fn set(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// The reason, if the session has ended.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at what a session goes through.
#[derive(Debug)]
pub(crate) struct Watcher {
    check: HostKeyCheck,
    fate: Fate,
    silence: Duration,
}

/// What ends a session.
#[derive(Debug)]
pub(crate) enum SessionError {
    Russh(russh::Error),
    HostKey(HostKeyProblem),
}

impl From<russh::Error> for SessionError {
    fn from(error: russh::Error) -> Self {
        Self::Russh(error)
    }
}

impl SessionError {
    fn words(&self, silence: Duration) -> String {
        match self {
            Self::Russh(russh::Error::KeepaliveTimeout) => {
                format!("no sign of life for {} s", silence.as_secs())
            }
            Self::Russh(russh::Error::HUP | russh::Error::Disconnect) => {
                "the server closed the connection".to_owned()
            }
            Self::Russh(error) => error.to_string(),
            Self::HostKey(problem) => problem.to_string(),
        }
    }
}

impl client::Handler for Watcher {
    type Error = SessionError;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        self.check.judge(shown).await.map_err(SessionError::HostKey)?;
        Ok(true)
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.fate.set(format!("the server said goodbye: {}", info.message.trim()));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.fate.set(error.words(self.silence));
                Err(error)
            }
        }
    }
}

/// Where a session leads and who opens it.
pub(crate) struct Way<'w> {
    pub(crate) settings: &'w HostSettings,
    pub(crate) first_key: Option<&'w PathBuf>,
    pub(crate) password: Option<&'w Secret>,
    pub(crate) keyring: &'w Keyring,
}

/// Why no session came up.
pub(crate) enum Setback {
    /// The server hung up before anything was said; it may help to come back later.
    Dropped,
    /// Final.
    Problem(Problem),
}

impl<P: Into<Problem>> From<P> for Setback {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

/// A session that is not logged in yet.
pub(crate) struct Greeted {
    handle: Handle<Watcher>,
    fate: Fate,
}

/// Agrees with the server on keys and checks the host key.
pub(crate) async fn greet(
    stream: Stream,
    settings: &HostSettings,
    check: HostKeyCheck,
) -> Result<Greeted, Setback> {
    let interval = settings.alive_interval.unwrap_or(ALIVE_INTERVAL);
    let count = settings.alive_count.unwrap_or(ALIVE_COUNT);
    let config = client::Config {
        preferred: check.preferred(),
        keepalive_interval: (!interval.is_zero()).then_some(interval),
        keepalive_max: count,
        nodelay: true,
        ..client::Config::default()
    };
    let fate = Fate::default();
    let silence =
        interval.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1));
    let watcher = Watcher { check, fate: fate.clone(), silence };
    match client::connect_stream(Arc::new(config), stream, watcher).await {
        Ok(handle) => Ok(Greeted { handle, fate }),
        Err(SessionError::HostKey(problem)) => Err(problem.into()),
        Err(SessionError::Russh(error)) if hung_up(&error) => Err(Setback::Dropped),
        Err(SessionError::Russh(error)) => Err(Setback::Problem(Problem::Handshake {
            address: settings.host_name.clone(),
            port: settings.port,
            reason: error.to_string(),
        })),
    }
}

fn hung_up(error: &russh::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        russh::Error::HUP | russh::Error::Disconnect => true,
        russh::Error::IO(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        }
        _ => false,
    }
}

impl Greeted {
    /// Logs in.
    pub(crate) async fn login(
        mut self,
        way: &Way<'_>,
        carrier: Option<Arc<Session>>,
    ) -> Result<Session, Problem> {
        Login::new(&mut self.handle, way.keyring, way.settings, way.first_key, way.password)
            .run()
            .await?;
        Ok(Session { handle: self.handle, fate: self.fate, _carrier: carrier })
    }
}

impl Session {
    /// Whether nothing can be done with it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Why it ended, once it has.
    pub(crate) fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Runs a line in the login shell.
    pub(crate) async fn open(&self, line: &str, terminal: Terminal) -> Result<Process, Problem> {
        let opened = async {
            let channel = self.handle.channel_open_session().await?;
            if terminal == Terminal::Raw {
                channel.request_pty(false, "dumb", 200, 50, 0, 0, &RAW).await?;
            }
            channel.exec(true, line).await?;
            Ok(channel)
        };
        let channel = self.bounded(opened).await?;
        Ok(of_channel(channel))
    }

    /// Opens a stream from the server to another address.
    pub(crate) async fn forward(&self, host: &str, port: u16) -> Result<Stream, Problem> {
        let opened = self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        let channel = self.bounded(opened).await?;
        Ok(Box::new(channel.into_stream()))
    }

    async fn bounded<T>(
        &self,
        opened: impl Future<Output = Result<T, russh::Error>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(CHANNEL_TIMEOUT, opened).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                Err(Problem::Channel { reason: format!("{reason:?}") })
            }
            Ok(Err(error)) => {
                let reason = self.fate.reason().unwrap_or_else(|| error.to_string());
                Err(Problem::Lost { reason, stderr: String::new() })
            }
            Err(_) => Err(Problem::Lost {
                reason: format!("no channel within {} s", CHANNEL_TIMEOUT.as_secs()),
                stderr: String::new(),
            }),
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(&self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        // the other side may be gone already
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// A terminal that changes nothing that passes through it.
const RAW: [(Pty, u32); 12] = [
    (Pty::ECHO, 0),
    (Pty::ECHOE, 0),
    (Pty::ECHOK, 0),
    (Pty::ECHONL, 0),
    (Pty::ICANON, 0),
    (Pty::ISIG, 0),
    (Pty::IEXTEN, 0),
    (Pty::IXON, 0),
    (Pty::ICRNL, 0),
    (Pty::INLCR, 0),
    (Pty::OPOST, 0),
    (Pty::CS8, 1),
];

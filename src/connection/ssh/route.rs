//! The way to a server: straight, through a command, over other servers.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::session::Session;
use crate::connection::error::Problem;
use crate::connection::open_files;
use crate::connection::process::Tail;
use crate::connection::ssh_config::{Family, Hop, HostSettings};

/// Something that carries bytes both ways.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// A connection on which SSH is spoken.
pub(crate) type Stream = Box<dyn Carrier>;

/// One place for the session to a jump host, locked while it is being opened.
type Slot = Arc<Mutex<JumpHost>>;

/// What is known of a jump host.
#[derive(Debug, Default)]
pub(crate) struct JumpHost {
    /// The session that is open.
    pub(crate) session: Option<Arc<Session>>,
    /// When it could not be opened last, and why.
    pub(crate) failed: Option<(Instant, Arc<Problem>)>,
}

/// The sessions with jump hosts, shared by all that jump over them.
#[derive(Debug, Default)]
pub(crate) struct JumpHosts {
    slots: Mutex<HashMap<Vec<Hop>, Slot>>,
}

impl JumpHosts {
    /// The place for the session that leads over these hosts.
    pub(crate) async fn slot(&self, hops: &[Hop]) -> Slot {
        Arc::clone(self.slots.lock().await.entry(hops.to_vec()).or_default())
    }

    /// Says goodbye to all.
    pub(crate) async fn close(&self) {
        let slots: Vec<_> = self.slots.lock().await.drain().map(|(_, slot)| slot).collect();
        for slot in slots {
            if let Some(session) = slot.lock().await.session.take() {
                session.close().await;
            }
        }
    }
}

/// Connects straight.
pub(crate) async fn straight(settings: &HostSettings) -> Result<Stream, Problem> {
    let (name, port) = (settings.host_name.as_str(), settings.port);
    let not_found = |reason: String| Problem::NameNotFound { name: name.to_owned(), reason };
    let found = tokio::net::lookup_host((name, port)).await;
    let addresses: Vec<SocketAddr> = found
        .map_err(|error| not_found(error.to_string()))?
        .filter(|address| match settings.family {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        })
        .collect();
    let mut last = not_found("it has no address of the wanted family".to_owned());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // worse latency is no reason to fail
                let _ = stream.set_nodelay(true);
                return Ok(Box::new(stream));
            }
            Err(error) => last = network_problem(name, port, &error),
        }
    }
    Err(last)
}

fn network_problem(address: &str, port: u16, error: &io::Error) -> Problem {
    let address = address.to_owned();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Problem::Refused { address, port },
        _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            Problem::TooManyFiles { address, port, bound: open_files::bound() }
        }
        _ => Problem::Network { address, port, reason: error.to_string() },
    }
}

/// The input and output of a `ProxyCommand`; the command is killed when this is dropped.
struct ProxyStream {
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

/// What a `ProxyCommand` says on its error stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyWords(Arc<SyncMutex<Tail>>);

impl ProxyWords {
    /// Its last words, once the command has ended.
    pub(crate) async fn words(&self) -> String {
        for _ in 0..10 {
            let words = self.0.lock().unwrap_or_else(PoisonError::into_inner).words();
            if !words.is_empty() {
                return words;
            }
            // the reader may be on its way
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        String::new()
    }
}

/// Starts a `ProxyCommand`.
pub(crate) fn through_command(command: &str) -> Result<(Stream, ProxyWords), Problem> {
    let failed = |error: io::Error| Problem::ProxyCommand {
        command: command.to_owned(),
        reason: error.to_string(),
    };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let missing = || failed(io::ErrorKind::BrokenPipe.into());
    let words = ProxyWords::default();
    if let Some(mut stderr) = child.stderr.take() {
        let words = words.clone();
        // ends with the command, which is killed with its stream
        tokio::spawn(async move {
            let mut part = [0; 1024];
            while let Ok(length @ 1..) = stderr.read(&mut part).await {
                let part = part.get(..length).unwrap_or_default();
                words.0.lock().unwrap_or_else(PoisonError::into_inner).push(part);
            }
        });
    }
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    Ok((Box::new(ProxyStream { _child: child, stdin, stdout }), words))
}

impl AsyncRead for ProxyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(context, buffer)
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(context)
    }
}

//! A program on the other side: what goes in, what comes out.

use std::fmt;
use std::io;
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use russh::ChannelMsg;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::runtime::Handle;

/// Where the program's input is written; dropping it ends the input.
pub(crate) type Input = Box<dyn AsyncWrite + Send + Unpin>;

/// A program that runs.
pub(crate) struct Process {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

/// Something that came from a program.
#[derive(Debug)]
pub(crate) enum Event {
    Stdout(Bytes),
    Stderr(Bytes),
    Ended(Ending),
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With this status.
    Status(i32),
    /// By a signal.
    Signal(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "it ended with status {status}"),
            Self::Signal(signal) => write!(formatter, "it was ended by signal {signal}"),
        }
    }
}

/// What comes out of a program, in order.
pub(crate) enum Output {
    /// A child of this process; it is killed when this is dropped.
    Child(Box<ChildOutput>),
    /// A channel of an SSH session; it is closed when this is dropped.
    Channel(ChannelOutput),
}

/// The output of a command on a channel.
pub(crate) struct ChannelOutput {
    read: russh::ChannelReadHalf,
    write: Option<russh::ChannelWriteHalf<Msg>>,
}

impl Drop for ChannelOutput {
    fn drop(&mut self) {
        // what still runs there sees its input and output close; a `sudo` that waits for a
        // password would otherwise keep the next one waiting
        if let (Some(write), Ok(runtime)) = (self.write.take(), Handle::try_current()) {
            runtime.spawn(async move {
                let _ = write.close().await;
            });
        }
    }
}

impl Output {
    /// The next event; `None` when nothing comes any more.
    ///
    /// May be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Child(child) => child.next().await,
            Self::Channel(channel) => loop {
                match channel.read.wait().await? {
                    ChannelMsg::Data { data } => return Some(Event::Stdout(data)),
                    ChannelMsg::ExtendedData { data, ext: 1 } => return Some(Event::Stderr(data)),
                    ChannelMsg::ExitStatus { exit_status } => {
                        let status = i32::try_from(exit_status).unwrap_or(i32::MAX);
                        return Some(Event::Ended(Ending::Status(status)));
                    }
                    ChannelMsg::ExitSignal { signal_name, .. } => {
                        return Some(Event::Ended(Ending::Signal(format!("{signal_name:?}"))));
                    }
                    ChannelMsg::Close => return None,
                    _ => {}
                }
            },
        }
    }
}

/// The output of a child process.
pub(crate) struct ChildOutput {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stdout_buffer: BytesMut,
    stderr_buffer: BytesMut,
    ended: bool,
}

impl ChildOutput {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.stdout.is_none() && self.stderr.is_none() {
                if self.ended {
                    return None;
                }
                let status = self.child.wait().await;
                self.ended = true;
                return Some(Event::Ended(status.map_or(Ending::Status(-1), ending)));
            }
            tokio::select! {
                more = fill(&mut self.stdout, &mut self.stdout_buffer), if self.stdout.is_some() => match more {
                    Some(data) => return Some(Event::Stdout(data)),
                    None => self.stdout = None,
                },
                more = fill(&mut self.stderr, &mut self.stderr_buffer), if self.stderr.is_some() => match more {
                    Some(data) => return Some(Event::Stderr(data)),
                    None => self.stderr = None,
                },
            }
        }
    }
}

/// Room for what comes in one go; each process holds it twice while it is silent.
const READ_AHEAD: usize = 16 * 1024;

async fn fill<R: AsyncRead + Unpin>(
    reader: &mut Option<R>,
    buffer: &mut BytesMut,
) -> Option<Bytes> {
    buffer.reserve(READ_AHEAD);
    match reader.as_mut()?.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(buffer.split().freeze()),
    }
}

fn ending(status: std::process::ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Status(code),
        (None, Some(signal)) => Ending::Signal(signal.to_string()),
        (None, None) => Ending::Status(-1),
    }
}

/// Starts a child in a process group of its own, so that Ctrl-C reaches only this program.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Process> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    super::open_files::lower(child.id());
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let output = ChildOutput {
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
        child,
        stdout_buffer: BytesMut::new(),
        stderr_buffer: BytesMut::new(),
        ended: false,
    };
    Ok(Process { input: Box::new(input), output: Output::Child(Box::new(output)) })
}

/// The two sides of an SSH channel on which a command was started.
pub(crate) fn of_channel(channel: russh::Channel<Msg>) -> Process {
    let (read, write) = channel.split();
    let input = Box::new(Box::pin(write.make_writer()));
    Process { input, output: Output::Channel(ChannelOutput { read, write: Some(write) }) }
}

/// The last part of what a program said, for messages.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    const LIMIT: usize = 2048;

    /// Adds what came.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
        let excess = self.0.len().saturating_sub(Self::LIMIT);
        self.0.drain(..excess);
    }

    /// The text since the last line break.
    pub(crate) fn pending(&self) -> String {
        let start = self.0.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        String::from_utf8_lossy(self.0.get(start..).unwrap_or_default()).into_owned()
    }

    /// The last lines that say something, in one line.
    pub(crate) fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let start = lines.len().saturating_sub(5);
        lines.get(start..).unwrap_or_default().join("; ")
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

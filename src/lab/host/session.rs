//! A command of a channel: its streams, its signals, its end. As OpenSSH's server does it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use russh::server::Handle;
use russh::{ChannelId, Sig};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::accounts::Account;

/// What was asked for before the command.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) environment: Vec<(String, String)>,
    /// Kind, columns, rows.
    pub(super) terminal: Option<(String, u32, u32)>,
}

/// A command that runs; dropping it closes its streams and leaves it alone, as `sshd` does.
pub(super) struct Running {
    group: Option<Pid>,
    /// Unbounded: the session must not wait for a command that does not read.
    input: Option<UnboundedSender<Vec<u8>>>,
    _streams: oneshot::Sender<()>,
}

impl Running {
    /// Starts a command in the account's shell, or the shell itself.
    pub(super) fn start(
        account: &Account,
        wanted: &Wanted,
        command: Option<&[u8]>,
        channel: ChannelId,
        handle: Handle,
    ) -> io::Result<Self> {
        let mut child = prepare(account, wanted, command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (sender, receiver) = unbounded_channel();
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(feed(stdin, receiver));
        }
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (keep, gone) = oneshot::channel();
        tokio::spawn(async move {
            let out = pump(stdout, channel, handle.clone(), Stream::Output);
            let errors = pump(stderr, channel, handle.clone(), Stream::Errors);
            let status = async {
                if let Ok(status) = child.wait().await {
                    report(status, channel, &handle).await;
                }
            };
            tokio::select! {
                // the client has closed the channel: nobody reads any more
                _ = gone => {}
                _ = async { tokio::join!(out, errors, status) } => {
                    let _ = handle.eof(channel).await;
                    let _ = handle.close(channel).await;
                }
            }
        });
        Ok(Self { group, input: Some(sender), _streams: keep })
    }

    /// Bytes for its standard input.
    pub(super) fn input(&self, data: &[u8]) {
        if let Some(input) = &self.input {
            let _ = input.send(data.to_vec());
        }
    }

    /// The end of its standard input.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Signals all its processes.
    pub(super) fn signal(&self, signal: &Sig) {
        if let (Some(group), Some(signal)) = (self.group, number(signal)) {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// The command line, environment and folder of a session.
fn prepare(account: &Account, wanted: &Wanted, command: Option<&[u8]>) -> Command {
    let shell = OsString::from(&account.shell);
    let mut words: Vec<OsString> = Vec::new();
    if account.uid != 0 {
        let ids = [format!("--reuid={}", account.uid), format!("--regid={}", account.gid)];
        words.push("setpriv".into());
        words.extend(ids.map(OsString::from));
        words.extend(["--init-groups", "--inh-caps=-all"].map(OsString::from));
    }
    match (&wanted.terminal, command) {
        (None, Some(command)) => {
            words.extend([shell, "-c".into(), OsString::from_vec(command.to_vec())]);
        }
        (None, None) => words.extend([shell, "-l".into()]),
        (Some((_, columns, rows)), command) => {
            let mut line = OsString::from(format!("stty rows {rows} cols {columns}; "));
            match command {
                Some(command) => line.push(OsStr::from_bytes(command)),
                None => line.push(format!("exec {} -l", account.shell)),
            }
            // gives it a terminal and copies to and fro
            words.extend(["script", "-q", "-e", "-c"].map(OsString::from));
            words.extend([line, "/dev/null".into()]);
        }
    }
    let mut words = words.into_iter();
    let mut prepared = Command::new(words.next().unwrap_or_default());
    let home = if Path::new(&account.home).is_dir() { account.home.as_str() } else { "/" };
    prepared
        .args(words)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", &account.home)
        .env("USER", &account.name)
        .env("LOGNAME", &account.name)
        .env("SHELL", &account.shell)
        .env("SSH_CONNECTION", "127.0.0.1 0 127.0.0.1 22")
        .envs(wanted.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(home);
    if let Some((kind, ..)) = &wanted.terminal {
        prepared.env("TERM", kind);
    }
    prepared
}

async fn feed(mut stdin: ChildStdin, mut data: UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = data.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            break;
        }
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Output,
    Errors,
}

/// Sends what the command writes until it or the client ends.
async fn pump(
    source: Option<impl AsyncRead + Unpin>,
    channel: ChannelId,
    handle: Handle,
    stream: Stream,
) {
    let Some(mut source) = source else { return };
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..length).map(<[u8]>::to_vec) else { break };
        let sent = match stream {
            Stream::Output => handle.data(channel, bytes).await,
            Stream::Errors => handle.extended_data(channel, 1, bytes).await,
        };
        if sent.is_err() {
            break;
        }
    }
}

/// Tells the client how the command ended.
async fn report(status: ExitStatus, channel: ChannelId, handle: &Handle) {
    if let Some(code) = status.code() {
        let _ = handle.exit_status_request(channel, u32::try_from(code).unwrap_or(255)).await;
        return;
    }
    let signal = NUMBERS.iter().find(|(_, number)| Some(number.as_raw()) == status.signal());
    let name = signal.map_or_else(
        || Sig::Custom(status.signal().unwrap_or_default().to_string()),
        |(name, _)| name.clone(),
    );
    let core = status.core_dumped();
    let _ = handle.exit_signal_request(channel, name, core, String::new(), String::new()).await;
}

/// The signals of RFC 4254, section 6.10.
const NUMBERS: [(Sig, Signal); 12] = [
    (Sig::ABRT, Signal::ABORT),
    (Sig::ALRM, Signal::ALARM),
    (Sig::FPE, Signal::FPE),
    (Sig::HUP, Signal::HUP),
    (Sig::ILL, Signal::ILL),
    (Sig::INT, Signal::INT),
    (Sig::KILL, Signal::KILL),
    (Sig::PIPE, Signal::PIPE),
    (Sig::QUIT, Signal::QUIT),
    (Sig::SEGV, Signal::SEGV),
    (Sig::TERM, Signal::TERM),
    (Sig::USR1, Signal::USR1),
];

fn number(signal: &Sig) -> Option<Signal> {
    let same = |other: &Sig| std::mem::discriminant(other) == std::mem::discriminant(signal);
    NUMBERS.iter().find(|(name, _)| same(name)).map(|(_, number)| *number)
}

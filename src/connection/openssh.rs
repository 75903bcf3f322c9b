//! SSH by the system's `ssh`: one master connection a host, a child process for each runner.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Mutex;

use super::connector::Connector;
use super::error::Problem;
use super::marker::marker;
use super::open::ATTEMPTS;
use super::privilege::Terminal;
use super::process::{Process, Tail, spawn};
use super::target::{HostKeys, Target};

/// How long a login may take once the connection stands.
const LOGIN: Duration = Duration::from_mins(1);

/// Between two looks at what `ssh` does.
const PAUSE: Duration = Duration::from_millis(20);

/// Sockets of master connections, in a directory that only this user enters.
#[derive(Debug)]
pub(crate) struct ControlDirectory(PathBuf);

impl ControlDirectory {
    /// A new directory. Names of sockets must be short, so it lies in `/tmp`, or else where
    /// `TMPDIR` says.
    fn create() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!("canvass-{}", marker()?);
        let create = |parent: &Path| {
            let path = parent.join(&name);
            std::fs::DirBuilder::new().mode(0o700).create(&path).map(|()| Self(path))
        };
        create(Path::new("/tmp")).or_else(|_| create(&std::env::temp_dir()))
    }
}

impl Drop for ControlDirectory {
    fn drop(&mut self) {
        // an `ssh` that is just ending may take its socket away under our hands: once more then
        for _ in 0..3 {
            if std::fs::remove_dir_all(&self.0).is_ok() {
                break;
            }
        }
    }
}

/// A master connection.
pub(crate) struct Master {
    /// All arguments but the terminal's and the command.
    arguments: Vec<String>,
    /// The master process; killed when this is dropped.
    child: Mutex<Child>,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Master").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// Brings the master connection up.
pub(crate) async fn connect(
    connector: &Arc<Connector>,
    target: &Target,
) -> Result<Arc<Master>, Problem> {
    if target.password.is_some() {
        return Err(Problem::Unsupported {
            what: "a password",
            connection: "openssh",
            hint: "use a key or an agent, or `connection: ssh`, which takes passwords",
        });
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        match log_in(connector, target).await {
            Err(Problem::OpenSsh { reason }) if attempt < ATTEMPTS && is_dropped(&reason) => {
                tokio::time::sleep(Connector::pause(attempt)).await;
            }
            end => return end,
        }
    }
}

/// Whether a server, or one on the way, has dropped the connection before the login, as it does
/// where too many are in the making (`MaxStartups`).
fn is_dropped(reason: &str) -> bool {
    // behind a jump host there is no address of the other side
    ["exchange_identification: ", "banner exchange: ", "Connection closed by UNKNOWN "]
        .iter()
        .any(|words| reason.contains(words))
        && ["closed by", "reset by"].iter().any(|words| reason.contains(words))
}

async fn log_in(connector: &Arc<Connector>, target: &Target) -> Result<Arc<Master>, Problem> {
    let failed = |source| Problem::Spawn { program: "ssh".to_owned(), source };
    let create = async || {
        let created = tokio::task::spawn_blocking(ControlDirectory::create).await;
        created.map_err(io::Error::other).flatten()
    };
    let control = connector.control.get_or_try_init(create).await.map_err(failed)?;
    let socket = control.0.join(marker().map_err(failed)?);
    let arguments = arguments(target, &socket);
    let server = connector.server(&target.address, target.port.unwrap_or(22));
    let _here = server.acquire().await;
    let _all = connector.handshakes.acquire().await;
    let mut child = Command::new("ssh")
        .args(["-N", "-M", "-T"])
        .args(&arguments)
        .arg("--")
        .arg(&target.address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let words: Arc<SyncMutex<Tail>> = Arc::default();
    if let Some(stderr) = child.stderr.take() {
        // ends with the child
        tokio::spawn(collect(stderr, Arc::clone(&words)));
    }
    // ssh bounds the way to the login (ConnectTimeout), not the login itself
    let deadline = target.connect_timeout + LOGIN;
    let up = tokio::time::timeout(deadline, until_up(&socket, &mut child)).await;
    let said = || words.lock().unwrap_or_else(PoisonError::into_inner).words();
    match up {
        Ok(Up::Yes) => {
            let mut arguments = arguments;
            arguments.extend(["--".to_owned(), target.address.clone()]);
            Ok(Arc::new(Master { arguments, child: Mutex::new(child) }))
        }
        Ok(Up::Ended) => {
            // its last words may still be on their way
            tokio::time::sleep(PAUSE).await;
            Err(Problem::OpenSsh { reason: said() })
        }
        Err(_) => Err(Problem::OpenSsh {
            reason: format!("no connection within {} s; {}", deadline.as_secs(), said()),
        }),
    }
}

/// Whether the master has taken up its work.
enum Up {
    Yes,
    Ended,
}

async fn until_up(socket: &Path, child: &mut Child) -> Up {
    loop {
        if tokio::fs::try_exists(socket).await.unwrap_or(false) {
            return Up::Yes;
        }
        if let Ok(Some(_)) | Err(_) = child.try_wait() {
            return Up::Ended;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn collect(mut stderr: ChildStderr, words: Arc<SyncMutex<Tail>>) {
    let mut part = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut part).await {
        let part = part.get(..length).unwrap_or_default();
        words.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

/// The arguments that master and runners share; the first value of an option wins.
fn arguments(target: &Target, socket: &Path) -> Vec<String> {
    let mut words = Vec::new();
    let mut option =
        |name: &str, value: &str| words.extend(["-o".to_owned(), format!("{name}={value}")]);
    option("BatchMode", "yes");
    option("ControlPath", &socket.to_string_lossy().replace('%', "%%"));
    option("ControlPersist", "no");
    option("ConnectTimeout", &target.connect_timeout.as_secs().max(1).to_string());
    if let Some(user) = &target.user {
        option("User", user);
    }
    if let Some(port) = target.port {
        option("Port", &port.to_string());
    }
    if let Some(key) = &target.private_key {
        option("IdentityFile", &format!("\"{}\"", key.display()));
    }
    match target.host_keys {
        // ssh_config decides; in batch mode `ask` refuses
        HostKeys::Strict => {}
        HostKeys::AcceptNew => option("StrictHostKeyChecking", "accept-new"),
        HostKeys::Off => option("StrictHostKeyChecking", "no"),
    }
    words.extend(target.ssh_arguments.iter().cloned());
    // last, so that the user's own values win
    for (name, value) in [("ServerAliveInterval", "15"), ("ServerAliveCountMax", "3")] {
        words.extend(["-o".to_owned(), format!("{name}={value}")]);
    }
    words
}

impl Master {
    /// Runs a line in the login shell, over the master connection.
    pub(crate) fn open(&self, line: &str, terminal: Terminal) -> Result<Process, Problem> {
        let terminal = match terminal {
            Terminal::None => "-T",
            Terminal::Raw => "-tt",
        };
        let mut command = Command::new("ssh");
        // with a terminal, ssh itself would speak after the host's last words
        command.args(["-o", "LogLevel=ERROR"]);
        command.args(["-o", "ControlMaster=no", terminal]).args(&self.arguments).arg(line);
        spawn(&mut command).map_err(|source| Problem::Spawn { program: "ssh".to_owned(), source })
    }

    /// Ends the master connection.
    pub(crate) async fn close(&self) {
        let mut child = self.child.lock().await;
        // it may have ended by itself
        let _ = child.kill().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::target::Transport;

    #[test]
    fn a_connection_that_is_dropped_before_the_login_is_tried_again() {
        // the words of OpenSSH's client
        for (reason, dropped) in [
            ("kex_exchange_identification: Connection closed by remote host", true),
            ("kex_exchange_identification: read: Connection reset by peer", true),
            ("banner exchange: Connection to UNKNOWN port -1: Connection reset by peer", true),
            ("Connection closed by UNKNOWN port 65535", true),
            ("ssh: connect to host h port 22: Connection refused", false),
            ("ssh: connect to host h port 22: Connection timed out", false),
            ("u@h: Permission denied (publickey).", false),
            ("Connection closed by 10.0.0.1 port 22", false),
        ] {
            assert_eq!(is_dropped(reason), dropped, "{reason}");
        }
    }

    #[test]
    fn the_users_arguments_stand_before_our_defaults() {
        let target = Target {
            port: Some(2222),
            user: Some("u".into()),
            private_key: Some("/k e y".into()),
            ssh_arguments: vec!["-o".into(), "ServerAliveInterval=1".into()],
            host_keys: HostKeys::AcceptNew,
            ..Target::new("h", Transport::OpenSsh)
        };
        let words = arguments(&target, Path::new("/s/100%"));
        let text = words.join(" ");
        for part in [
            "ControlPath=/s/100%%",
            "User=u",
            "Port=2222",
            "IdentityFile=\"/k e y\"",
            "accept-new",
            "BatchMode=yes",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.find("ServerAliveInterval=1 ") < text.find("ServerAliveInterval=15"));
    }
}

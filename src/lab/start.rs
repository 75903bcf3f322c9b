//! Bringing hosts up, and taking them down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::error::LabError;
use super::files::{self, Files, Listener};
use super::host::{Answer, Life, Orders};
use super::missing::missing;
use super::state;

/// How long a host may take; a machine that is busy needs some time for many of them.
const PATIENCE: Duration = Duration::from_mins(1);

/// Names of lab hosts, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// `h1`, `h2` … as many as wanted.
    pub fn numbered(count: usize) -> Self {
        Self((1..=count).map(|number| format!("h{number}")).collect())
    }

    /// These names: letters, digits and dashes.
    pub fn of(names: impl IntoIterator<Item = String>) -> Result<Self, LabError> {
        let mut known: Vec<String> = Vec::new();
        for name in names {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let valid = (1..=63).contains(&name.len())
                && name.bytes().all(plain)
                && !name.starts_with('-')
                && !name.ends_with('-');
            if !valid {
                return Err(LabError::Name(name));
            }
            if known.contains(&name) {
                return Err(LabError::Twice(name));
            }
            known.push(name);
        }
        Ok(Self(known))
    }

    /// The names in order.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// What to bring up.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its hosts.
    pub names: Names,
    /// The `canvass` program, which starts itself in the namespaces.
    pub program: PathBuf,
}

impl Start {
    /// Hosts of these names, by the program that is running.
    pub fn new(names: Names) -> Result<Self, LabError> {
        let program = std::env::current_exe()
            .map_err(|source| LabError::Start { program: "canvass".into(), source })?;
        Ok(Self { names, program })
    }
}

/// A host that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabHost {
    /// Its name.
    pub name: String,
    /// The port of its server on 127.0.0.1.
    pub port: u16,
    /// The process that holds its namespaces.
    pub pid: u32,
}

/// A lab that ends with this value, or with this process.
#[derive(Debug)]
pub struct Lab {
    files: Files,
    hosts: Vec<Started>,
}

/// A host and what it hangs on.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) host: LabHost,
    pub(super) key: PrivateKey,
    child: Child,
    /// The host ends when this closes.
    lifeline: Option<ChildStdin>,
}

impl Lab {
    /// Brings hosts up, all at once.
    ///
    /// # Errors
    ///
    /// What this machine lacks; nothing is left then.
    pub async fn up(start: Start) -> Result<Self, LabError> {
        let key = files::new_key()?;
        let dir = blocking(state::fresh).await?;
        let files = Files { dir };
        let mut lab = Self { files, hosts: Vec::new() };
        lab.files.write_key(&key)?;
        lab.hosts = start_all(&start, &lab.files.dir, &key, Life::Parents).await?;
        let listeners: Vec<_> = lab.hosts.iter().map(Started::listener).collect();
        lab.files.write(&listeners)?;
        Ok(lab)
    }

    /// The hosts in order.
    pub fn hosts(&self) -> impl Iterator<Item = &LabHost> {
        self.hosts.iter().map(|started| &started.host)
    }

    /// An INI inventory of all hosts in the group `lab`.
    pub fn inventory_path(&self) -> PathBuf {
        self.files.inventory()
    }

    /// A configuration for OpenSSH's client: `ssh -F FILE h1`.
    pub fn ssh_config_path(&self) -> PathBuf {
        self.files.ssh_config()
    }

    /// The keys of the hosts.
    pub fn known_hosts_path(&self) -> PathBuf {
        self.files.known_hosts()
    }

    /// The key that the hosts let in.
    pub fn key_path(&self) -> PathBuf {
        self.files.key()
    }

    /// Ends all hosts and waits until nothing of them is left.
    pub async fn down(mut self) -> Result<(), LabError> {
        let mut ends = JoinSet::new();
        for mut started in std::mem::take(&mut self.hosts) {
            ends.spawn(async move {
                drop(started.lifeline.take());
                if timeout(Duration::from_secs(2), started.child.wait()).await.is_err() {
                    let _ = started.child.kill().await;
                }
            });
        }
        while ends.join_next().await.is_some() {}
        let dir = self.files.dir.clone();
        blocking(move || fs::remove_dir_all(&dir).map_err(LabError::file("remove", dir))).await
    }
}

impl Drop for Lab {
    /// Ends the hosts without waiting for it.
    fn drop(&mut self) {
        self.hosts.clear();
        let _ = fs::remove_dir_all(&self.files.dir);
    }
}

impl Started {
    pub(super) fn listener(&self) -> Listener {
        Listener {
            name: self.host.name.clone(),
            port: self.host.port,
            key: self.key.public_key().clone(),
        }
    }
}

/// Runs what touches files off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LabError::Start {
            program: "a thread".into(),
            source: std::io::Error::other(error),
        }),
    }
}

/// Starts all hosts at once and waits until each listens; those that did are ended when one does not.
pub(super) async fn start_all(
    start: &Start,
    dir: &Path,
    client: &PrivateKey,
    life: Life,
) -> Result<Vec<Started>, LabError> {
    let client_key = client.public_key().to_openssh().map_err(LabError::Key)?;
    let mut starting = JoinSet::new();
    for (index, name) in start.names.0.iter().enumerate() {
        let key = files::new_key()?;
        let orders = Orders {
            name: name.clone(),
            dir: dir.join(name).to_string_lossy().into_owned(),
            host_key: key.to_openssh(LineEnding::LF).map_err(LabError::Key)?.to_string(),
            client_key: client_key.clone(),
            life,
        };
        let (program, dir) = (start.program.clone(), dir.to_owned());
        starting.spawn(async move { (index, start_one(&program, &dir, orders, key).await) });
    }
    let mut started = Vec::new();
    let mut failed = None;
    while let Some(joined) = starting.join_next().await {
        match joined {
            Ok((index, Ok(host))) => started.push((index, host)),
            Ok((_, Err(error))) => failed = failed.or(Some(error)),
            Err(error) => {
                let source = std::io::Error::other(error);
                failed = failed.or(Some(LabError::Start { program: "a task".into(), source }));
            }
        }
    }
    if let Some(error) = failed {
        for (_, mut host) in started {
            let _ = host.child.kill().await;
        }
        return Err(error);
    }
    started.sort_by_key(|(index, _)| *index);
    Ok(started.into_iter().map(|(_, host)| host).collect())
}

async fn start_one(
    program: &Path,
    dir: &Path,
    orders: Orders,
    key: PrivateKey,
) -> Result<Started, LabError> {
    let name = orders.name.clone();
    let log = dir.join(format!("{name}.log"));
    let (place, said) = (PathBuf::from(&orders.dir), log.clone());
    let said = blocking(move || {
        state::make_private(&place)?;
        fs::File::create(&said).map_err(LabError::file("create", said))
    })
    .await?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--uts"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
        if has_ranges() {
            command.arg("--map-auto");
        }
    }
    let mut child = command
        .arg(program)
        .args(["lab-host", "init", &name])
        .arg(dir)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(said)
        .current_dir("/")
        // a signal from the terminal is for whoever started the lab
        .process_group(0)
        .kill_on_drop(orders.life == Life::Parents)
        .spawn()
        .map_err(|source| LabError::Start { program: "unshare".into(), source })?;
    let answer = timeout(PATIENCE, talk(&mut child, &orders)).await;
    let failed = match answer {
        Ok(Some((Answer::Up(port), lifeline))) => {
            let lifeline = Some(lifeline).filter(|_| orders.life == Life::Parents);
            let pid = child.id().unwrap_or_default();
            return Ok(Started { host: LabHost { name, port, pid }, key, child, lifeline });
        }
        Ok(Some((Answer::Failed(said), _))) => Some(said),
        Ok(None) => None,
        Err(_) => {
            end(&mut child).await;
            return Err(LabError::Slow { host: name, seconds: PATIENCE.as_secs() });
        }
    };
    end(&mut child).await;
    let said = match failed {
        Some(said) => said,
        None => tokio::fs::read_to_string(&log).await.unwrap_or_default().trim().to_owned(),
    };
    let said = if said.is_empty() { "it ended without a word".into() } else { said };
    let missing = blocking(|| Ok(missing())).await?;
    Err(LabError::Host { host: name, said, missing })
}

/// Ends what was started, with the helper that some versions of `unshare` leave when they fail.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}

/// Gives the orders and takes the answer; `None` where the host ends without one.
async fn talk(child: &mut Child, orders: &Orders) -> Option<(Answer, ChildStdin)> {
    let mut input = child.stdin.take()?;
    let output = child.stdout.take()?;
    let line = serde_json::to_string(orders).ok()? + "\n";
    input.write_all(line.as_bytes()).await.ok()?;
    let mut answer = String::new();
    let mut output = BufReader::new(output);
    tokio::select! {
        read = output.read_line(&mut answer) => read.ok()?,
        ended = ended(child) => ended?,
    };
    Some((serde_json::from_str(&answer).ok()?, input))
}

/// `None` once a process has ended, without reaping it: the rest of its group is still to be ended.
async fn ended(child: &Child) -> Option<usize> {
    let pid = i32::try_from(child.id()?).ok().and_then(Pid::from_raw)?;
    loop {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::Pid(pid), look).ok()?.is_some() {
            // what it said last may still be in the pipe
            sleep(Duration::from_millis(200)).await;
            return None;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether this user has ranges of ids to map, and the programs that map them.
fn has_ranges() -> bool {
    let id = rustix::process::getuid().as_raw();
    let name = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    let listed = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split(':').next())
            .any(|owner| Some(owner) == name.as_deref() || owner.parse() == Ok(id))
    };
    let there = |program: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()))
    };
    listed("/etc/subuid") && listed("/etc/subgid") && there("newuidmap") && there("newgidmap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        assert_eq!(Names::numbered(2).as_slice(), ["h1", "h2"]);
        let of = |names: &[&str]| Names::of(names.iter().map(|name| (*name).to_owned()));
        assert!(of(&["web-1", "db"]).is_ok());
        for bad in ["", "a b", "-a", "a-", "../x", "a.b", &"x".repeat(64)] {
            assert!(matches!(of(&[bad]), Err(LabError::Name(_))), "{bad}");
        }
        assert!(matches!(of(&["a", "a"]), Err(LabError::Twice(_))));
    }
}

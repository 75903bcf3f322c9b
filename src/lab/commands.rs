//! `canvass lab up|list|shell|down`: a lab that stays until it is taken down.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use russh::keys::{PrivateKey, PublicKey};

use super::error::LabError;
use super::files::{self, Files, Listener};
use super::host::Life;
use super::start::{Names, Start, Started, blocking, start_all};
use super::state::{self, Record, RecordedHost};

/// What to do with the kept lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabCommand {
    /// Bring hosts up beside those that are.
    Up(Names),
    /// Tell which hosts are there.
    List,
    /// Take these hosts down; all where none is named.
    Down(Vec<String>),
}

/// A host of the kept lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The port of its server on 127.0.0.1.
    pub port: u16,
    /// The process that holds its namespaces.
    pub pid: i32,
    /// Whether it still runs.
    pub up: bool,
}

impl LabCommand {
    /// Does it, and tells the hosts that are there after it.
    pub async fn run(self) -> Result<Vec<Listed>, LabError> {
        match self {
            Self::Up(names) => Self::up(Start::new(names)?).await,
            Self::List => blocking(|| Ok(list(&state::kept()?, &record()?))).await,
            Self::Down(names) => blocking(move || down(&names)).await,
        }
    }

    /// Brings hosts up beside those that are, by a named program.
    pub async fn up(start: Start) -> Result<Vec<Listed>, LabError> {
        let (dir, mut known) = blocking(|| {
            let dir = state::kept()?;
            state::make_private(&dir)?;
            let mut record = record()?;
            record.hosts.retain(|host| host.is_up(&dir));
            Ok((dir, record))
        })
        .await?;
        if let Some(twice) =
            known.hosts.iter().find(|host| start.names.as_slice().contains(&host.name))
        {
            return Err(LabError::Twice(twice.name.clone()));
        }
        let files = Files { dir: dir.clone() };
        let key = match known.hosts.is_empty() {
            false => PrivateKey::read_openssh_file(files.key()).map_err(LabError::Key)?,
            true => {
                let key = files::new_key()?;
                files.write_key(&key)?;
                key
            }
        };
        let started = start_all(&start, &dir, &key, Life::Own).await?;
        for host in &started {
            known.hosts.push(recorded(host)?);
        }
        blocking(move || {
            known.write(&dir)?;
            files.write(&listeners(&known)?)?;
            Ok(list(&dir, &known))
        })
        .await
    }

    /// OpenSSH's client for a shell on a host (the first where none is named), or a command.
    ///
    /// The caller runs it with its own terminal.
    pub fn shell(host: Option<&str>, command: &[String]) -> Result<Command, LabError> {
        let dir = state::kept()?;
        let hosts = record()?.hosts;
        let mut up = hosts.iter().filter(|host| host.is_up(&dir));
        let found = match host {
            None => up.next().ok_or(LabError::NoLab)?,
            Some(name) => up
                .find(|host| host.name == name)
                .ok_or_else(|| LabError::Unknown(name.to_owned()))?,
        };
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(Files { dir }.ssh_config());
        if command.is_empty() {
            ssh.arg("-t");
        }
        ssh.arg(&found.name).args(command);
        Ok(ssh)
    }

    /// The inventory of the kept lab; an error where none is up.
    pub fn inventory_path() -> Result<std::path::PathBuf, LabError> {
        let dir = state::kept()?;
        if record()?.hosts.iter().any(|host| host.is_up(&dir)) {
            Ok(Files { dir }.inventory())
        } else {
            Err(LabError::NoLab)
        }
    }
}

fn record() -> Result<Record, LabError> {
    Ok(Record::read(&state::kept()?)?.unwrap_or(Record { hosts: Vec::new() }))
}

fn recorded(started: &Started) -> Result<RecordedHost, LabError> {
    Ok(RecordedHost {
        name: started.host.name.clone(),
        port: started.host.port,
        pid: i32::try_from(started.host.pid).unwrap_or_default(),
        key: started.key.public_key().to_openssh().map_err(LabError::Key)?,
    })
}

fn listeners(record: &Record) -> Result<Vec<Listener>, LabError> {
    let listener = |host: &RecordedHost| {
        let key = PublicKey::from_openssh(&host.key).map_err(LabError::Key)?;
        Ok(Listener { name: host.name.clone(), port: host.port, key })
    };
    record.hosts.iter().map(listener).collect()
}

fn list(dir: &Path, record: &Record) -> Vec<Listed> {
    let listed = |host: &RecordedHost| Listed {
        name: host.name.clone(),
        port: host.port,
        pid: host.pid,
        up: host.is_up(dir),
    };
    record.hosts.iter().map(listed).collect()
}

fn down(names: &[String]) -> Result<Vec<Listed>, LabError> {
    let dir = state::kept()?;
    let mut record = record()?;
    if let Some(unknown) =
        names.iter().find(|name| !record.hosts.iter().any(|host| host.name == **name))
    {
        return Err(LabError::Unknown(unknown.clone()));
    }
    let leaves = |host: &RecordedHost| names.is_empty() || names.contains(&host.name);
    let leaving: Vec<RecordedHost> =
        record.hosts.iter().filter(|host| leaves(host)).cloned().collect();
    record.hosts.retain(|host| !leaves(host));
    for host in &leaving {
        host.kill(&dir);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while leaving.iter().any(|host| host.is_up(&dir)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    if record.hosts.is_empty() {
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(LabError::file("remove", &dir))?;
        }
        return Ok(Vec::new());
    }
    for host in &leaving {
        let _ = fs::remove_dir(dir.join(&host.name));
        let _ = fs::remove_file(dir.join(format!("{}.log", host.name)));
    }
    record.write(&dir)?;
    Files { dir: dir.clone() }.write(&listeners(&record)?)?;
    Ok(list(&dir, &record))
}

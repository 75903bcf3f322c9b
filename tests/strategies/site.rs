//! Where plays run, and what came of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::play::Play;

/// Stands for `ssh`: the master is there when its socket is, a command runs here.
const SSH: &str = r#"#!/bin/sh
for word; do
    case $word in
        ControlPath=*) socket=${word#ControlPath=} ;;
        -M) master=1 ;;
    esac
done
if [ -n "$master" ]; then
    : > "$socket"
    exec sleep 600
fi
exec /bin/sh -c "$word"
"#;

const TEMPLATE: &str = "{% for host in groups.all %}{{ host }} {{ hostvars[host].v1 | default('-') }} {{ hostvars[host].r1.stdout | default('-') }}\n{% endfor %}";

/// A folder with hosts.
pub(crate) struct Site {
    folder: TempDir,
}

/// What came of a run.
#[derive(Debug, PartialEq)]
struct Outcome {
    code: Option<i32>,
    recap: Json,
    /// What each host did, in order.
    hosts: BTreeMap<String, Vec<String>>,
    warnings: std::collections::BTreeSet<String>,
    files: BTreeMap<PathBuf, String>,
}

impl Site {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("strategies-").tempdir_in("/tmp")?;
        let (programs, home) = (folder.path().join("programs"), folder.path().join("home"));
        fs::create_dir_all(&programs)?;
        fs::create_dir_all(home)?;
        fs::write(programs.join("ssh"), SSH)?;
        fs::set_permissions(programs.join("ssh"), fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder })
    }

    /// Plays under both strategies; an error tells the first difference.
    pub(crate) fn compare(&self, play: &Play) -> Result<()> {
        let linear = self.run(play, &["--strategy", "linear"]).context("linear")?;
        if linear.hosts.len() < play.hosts && linear.code != Some(0) {
            // the first of two plays has lost all its hosts: the second has begun only at once
            return Ok(());
        }
        let dag = self.run(play, &["--strategy", "dag", "--overlap-plays"]).context("dag")?;
        if linear == dag {
            return Ok(());
        }
        for (host, done) in &linear.hosts {
            let other = dag.hosts.get(host).cloned().unwrap_or_default();
            for (at, step) in done.iter().enumerate() {
                let there = other.get(at);
                ensure!(there == Some(step), "{host}\nlinear: {step}\ndag:    {there:?}");
            }
            let more = other.get(done.len());
            ensure!(more.is_none(), "{host} goes on under dag: {more:?}");
        }
        for (path, text) in &linear.files {
            let other = dag.files.get(path);
            ensure!(other == Some(text), "{}\nlinear: {text}\ndag: {other:?}", path.display());
        }
        bail!(
            "linear: {:?} {} {:?}\ndag: {:?} {} {:?}\nfiles {:?}",
            linear.code,
            linear.recap,
            linear.warnings,
            dag.code,
            dag.recap,
            dag.warnings,
            dag.files.keys()
        )
    }

    fn run(&self, play: &Play, strategy: &[&str]) -> Result<Outcome> {
        let output = self.played(play, strategy)?;
        let mut outcome = Outcome::of(&output, &self.told())?;
        files(&self.root(), &mut outcome.files)?;
        Ok(outcome)
    }

    /// The folder with those of all hosts.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("work/root")
    }

    /// What was told so far.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("work/events")).unwrap_or_default()
    }

    /// Plays with these arguments.
    pub(crate) fn played(&self, play: &Play, arguments: &[&str]) -> Result<Output> {
        let work = self.folder.path().join("work");
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        let root = work.join("root");
        fs::create_dir_all(root.join("here"))?;
        let mut inventory = String::new();
        for host in (1..=play.hosts).map(|number| format!("h{number}")) {
            fs::create_dir_all(root.join(&host))?;
            let home = root.join(&host);
            inventory.push_str(&format!(
                "{host} ansible_host={host}.test home={} root={}\n",
                home.display(),
                root.display()
            ));
        }
        fs::write(work.join("inventory.ini"), inventory)?;
        fs::write(work.join("playbook.yml"), &play.playbook)?;
        fs::write(work.join("all.j2"), TEMPLATE)?;
        for (name, text) in &play.files {
            fs::write(work.join(name), text)?;
        }
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let programs = self.folder.path().join("programs");
        let program = std::env::var_os("CANVASS_PROGRAM");
        let output = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_canvass").into()))
            .env_clear()
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("HOME", self.folder.path().join("home"))
            .current_dir(&work)
            .args(["play", "-i", "inventory.ini", "--connection", "openssh"])
            .args(arguments)
            .args(["--events", "events", "playbook.yml"])
            .output()?;
        Ok(output)
    }
}

impl Outcome {
    fn of(output: &Output, told: &str) -> Result<Self> {
        let mut outcome = Self {
            code: output.status.code(),
            recap: Json::Null,
            hosts: BTreeMap::new(),
            warnings: std::collections::BTreeSet::new(),
            files: BTreeMap::new(),
        };
        let mut names = BTreeMap::new();
        for line in told.lines() {
            outcome.note(&serde_json::from_str(line)?, &mut names);
        }
        ensure!(
            !outcome.recap.is_null(),
            "the run did not end: {:?}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(outcome)
    }

    fn note(&mut self, event: &Json, names: &mut BTreeMap<u64, String>) {
        let task =
            event["task"].as_u64().and_then(|id| names.get(&id)).cloned().unwrap_or_default();
        match event["event"].as_str().unwrap_or_default() {
            "task_started" => {
                let task = &event["task"];
                let line = task.pointer("/place/line");
                let name = format!("{} {}", task["name"], line.unwrap_or(&Json::Null));
                names.insert(task["id"].as_u64().unwrap_or_default(), name);
            }
            kind @ ("item_finished" | "host_finished" | "retrying") => {
                let mut outcome = event["outcome"].clone();
                settle(&mut outcome);
                let host = event["host"].as_str().unwrap_or_default().to_owned();
                self.hosts.entry(host).or_default().push(format!("{kind} {task} {outcome}"));
            }
            "rescued" => {
                let host = event["host"].as_str().unwrap_or_default().to_owned();
                self.hosts.entry(host).or_default().push(format!("rescued {task}"));
            }
            "included" => {
                for host in event["hosts"].as_array().into_iter().flatten() {
                    let host = host.as_str().unwrap_or_default().to_owned();
                    let told = format!("included {task} {} {}", event["name"], event["item"]);
                    self.hosts.entry(host).or_default().push(told);
                }
            }
            "notice" if event["level"] == "warning" => {
                self.warnings.insert(event["text"].to_string());
            }
            "run_finished" => self.recap = event["recap"].clone(),
            _ => {}
        }
    }
}

/// Takes away what differs from run to run.
fn settle(value: &mut Json) {
    match value {
        Json::Object(fields) => {
            for name in ["took", "start", "end", "delta"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(settle);
        }
        Json::Array(elements) => elements.iter_mut().for_each(settle),
        _ => {}
    }
}

fn files(folder: &Path, found: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            let text = fs::read_to_string(&path)?;
            found.insert(path, text);
        }
    }
    Ok(())
}

//! What `--report FILE.json` tells of a run, and comparing two runs by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value as Json;

/// The parts of a report that runs are compared by; `docs/report.md` has all.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    plays: Vec<Play>,
    /// Counts by host and word.
    pub(crate) recap: BTreeMap<String, BTreeMap<String, i64>>,
    interrupted: bool,
}

#[derive(Debug, Deserialize)]
struct Play {
    tasks: Vec<Task>,
}

#[derive(Debug, Deserialize)]
struct Task {
    name: String,
    hosts: BTreeMap<String, Host>,
    changes: Vec<Json>,
}

#[derive(Debug, Deserialize)]
struct Host {
    status: String,
}

impl Report {
    /// Reads a report and its text.
    pub(crate) fn read(path: &Path) -> Result<(Self, String)> {
        let text = fs::read_to_string(path).context("there is no report file")?;
        let report = serde_json::from_str(&text).with_context(|| format!("no report: {text}"))?;
        Ok((report, text))
    }

    /// Whether the user interrupted it.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    fn tasks(&self) -> impl Iterator<Item = (usize, &Task)> {
        self.plays
            .iter()
            .enumerate()
            .flat_map(|(number, play)| play.tasks.iter().map(move |task| (number, task)))
    }

    /// What each task did, told for each host: play, task, host, status, changes.
    fn told(&self, without: &[String]) -> Vec<String> {
        let known = self.tasks().filter(|(_, task)| !without.contains(&task.name));
        known
            .flat_map(|(number, task)| {
                let statuses = task.hosts.iter().map(move |(host, report)| {
                    format!("play {number} `{}` on {host}: {}", task.name, report.status)
                });
                let changes = task.changes.iter().map(move |change| {
                    let text = change.get("unified").and_then(Json::as_str).unwrap_or_default();
                    let hosts = change.get("hosts").unwrap_or(&Json::Null);
                    format!("play {number} `{}` on {hosts}\n{text}", task.name)
                });
                statuses.chain(changes).collect::<Vec<_>>()
            })
            .collect()
    }

    /// That this dry run told what the real run did, except for the tasks that it cannot know and
    /// those that hang on them.
    pub(crate) fn foretells(
        &self,
        real: &Self,
        unknown: &[String],
        after: &[String],
    ) -> Result<()> {
        for (_, task) in self.tasks() {
            let is_unknown = task.hosts.values().any(|host| host.status == "unknown");
            ensure!(
                !is_unknown || unknown.contains(&task.name),
                "the dry run does not know what `{}` does, and the scenario does not say so",
                task.name
            );
        }
        for name in unknown {
            let known = self.tasks().filter(|(_, task)| task.name == *name).any(|(_, task)| {
                !task.hosts.is_empty() && task.hosts.values().all(|host| host.status != "unknown")
            });
            ensure!(!known, "the dry run knows what `{name}` does; the scenario says it cannot");
        }
        let without = [unknown, after].concat();
        same("the dry run", &self.told(&without), "the real run", &real.told(&without))
    }

    /// That this run changed nothing.
    pub(crate) fn changed_nothing(&self) -> Result<()> {
        let changed: Vec<String> = self
            .told(&[])
            .into_iter()
            .filter(|line| line.ends_with(": changed") || line.contains('\n'))
            .collect();
        ensure!(changed.is_empty(), "the second run changed something:\n{}", changed.join("\n"));
        Ok(())
    }

    /// That each task ended as in that run.
    pub(crate) fn is_same(&self, first: &Self) -> Result<()> {
        same("the first run", &first.told(&[]), "the second run", &self.told(&[]))
    }
}

fn same(one: &str, ones: &[String], other: &str, others: &[String]) -> Result<()> {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (left, right) = (only(ones, others), only(others, ones));
    ensure!(
        left.is_empty() && right.is_empty(),
        "two runs differ\n--- only {one}\n{}\n--- only {other}\n{}",
        left.join("\n"),
        right.join("\n")
    );
    Ok(())
}

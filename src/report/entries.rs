//! What is to be told of a change report, whichever face tells it.

use std::collections::BTreeSet;

use super::event::RunMode;
use super::model::{ChangeReport, Failure, SharedEffect, TaskReport, TaskStatus};
use super::moment;
use super::text::one_line;

/// A change of a task, and the hosts that share it.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed<'a> {
    /// The hosts.
    pub hosts: Vec<&'a str>,
    /// Its diffs as text.
    pub diffs: Vec<&'a str>,
    /// Why, where no diff says it.
    pub reasons: Vec<String>,
    /// Whether all these hosts changed something and failed then.
    pub ended_badly: bool,
}

/// The changes of a task: first those with a diff, then the hosts that have none.
pub fn changed(task: &TaskReport) -> Vec<Changed<'_>> {
    let drawn: Vec<_> = task.changes.iter().filter(|change| !change.unified.is_empty()).collect();
    let mut left = task.hosts_with(TaskStatus::Changed);
    let mut found = Vec::new();
    for same in drawn.chunk_by(|a, b| a.hosts == b.hosts) {
        let Some(first) = same.first() else { continue };
        let told: BTreeSet<&str> = first.hosts.iter().map(String::as_str).collect();
        left.retain(|host| !told.contains(host));
        found.push(Changed {
            hosts: first.hosts.iter().map(String::as_str).collect(),
            diffs: same.iter().map(|change| change.unified.as_str()).collect(),
            reasons: Vec::new(),
            ended_badly: ended_badly(task, &first.hosts),
        });
    }
    if !left.is_empty() {
        let reasons = reasons(task, &left);
        found.push(Changed { hosts: left, diffs: Vec::new(), reasons, ended_badly: false });
    }
    found
}

fn ended_badly(task: &TaskReport, hosts: &[String]) -> bool {
    hosts
        .iter()
        .all(|host| task.hosts.get(host).is_some_and(|host| host.status != TaskStatus::Changed))
}

/// Why hosts were changed, each reason once.
pub fn reasons(task: &TaskReport, hosts: &[&str]) -> Vec<String> {
    let wanted: BTreeSet<&str> = hosts.iter().copied().collect();
    let mut reasons: Vec<String> = Vec::new();
    for effect in &task.effects {
        let reason = reason(effect);
        let touched = effect.hosts.iter().any(|host| wanted.contains(host.as_str()));
        if touched && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

fn reason(effect: &SharedEffect) -> String {
    if !effect.reason.trim().is_empty() {
        return one_line(&effect.reason);
    }
    kind(&effect.effect)
}

/// The effect's word (`write_file`), as its JSON has it, for people.
pub fn kind(effect: &canvass_modules::effect::Effect) -> String {
    let value = serde_json::to_value(effect).unwrap_or_default();
    let word = value.get("effect").and_then(serde_json::Value::as_str);
    word.unwrap_or("effect").replace('_', " ")
}

/// What counts of a whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digest {
    /// All hosts.
    pub hosts: usize,
    /// Hosts that were or would be changed.
    pub changed: usize,
    /// Hosts with a failure that nothing caught.
    pub failed: usize,
    /// Hosts that could not be reached, or were lost.
    pub unreachable: usize,
    /// Hosts of which something cannot be known.
    pub unknown: usize,
    /// All tasks that some host went to.
    pub tasks: usize,
    /// Tasks that changed something or would.
    pub changed_tasks: usize,
    /// How long the run took.
    pub seconds: Option<f64>,
}

impl Digest {
    /// Of this report.
    pub fn of(report: &ChangeReport) -> Self {
        let mut hosts: BTreeSet<&str> = report.recap.keys().map(String::as_str).collect();
        let (mut changed, mut failed) = (BTreeSet::new(), BTreeSet::new());
        let (mut unreachable, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        let (mut tasks, mut changed_tasks) = (0, 0);
        for play in &report.plays {
            hosts.extend(play.hosts.iter().map(String::as_str));
        }
        for task in report.tasks().filter(|task| !task.hosts.is_empty()) {
            tasks += 1;
            let mut changes = false;
            for (name, host) in &task.hosts {
                let caught = host.ignored || host.rescued;
                match host.status {
                    TaskStatus::Changed => {
                        changed.insert(name.as_str());
                        changes = true;
                    }
                    TaskStatus::Unknown => {
                        unknown.insert(name.as_str());
                    }
                    TaskStatus::Failed if !caught => {
                        failed.insert(name.as_str());
                    }
                    TaskStatus::Unreachable if !caught => {
                        unreachable.insert(name.as_str());
                    }
                    TaskStatus::Failed
                    | TaskStatus::Unreachable
                    | TaskStatus::Ok
                    | TaskStatus::Skipped => {}
                }
            }
            changed_tasks += usize::from(changes);
        }
        let ends = report.started.as_deref().zip(report.finished.as_deref());
        Self {
            hosts: hosts.len(),
            changed: changed.len(),
            failed: failed.len(),
            unreachable: unreachable.len(),
            unknown: unknown.len(),
            tasks,
            changed_tasks,
            seconds: ends.and_then(|(from, to)| moment::seconds_between(from, to)),
        }
    }

    /// Whether all hosts did all of it.
    pub fn is_well(&self) -> bool {
        self.failed + self.unreachable == 0
    }

    /// One sentence on how it ended.
    pub fn verdict(&self, report: &ChangeReport) -> String {
        let hosts = |count: usize| counted(count, "host");
        let mut parts = Vec::new();
        if self.failed > 0 {
            parts.push(format!("{} failed", hosts(self.failed)));
        }
        if self.unreachable > 0 {
            parts.push(format!("{} unreachable", hosts(self.unreachable)));
        }
        let would = match report.mode {
            RunMode::Apply => "changed",
            RunMode::Rehearsal => "would change",
        };
        match (self.changed, report.mode) {
            (0, RunMode::Apply) => parts.push("nothing changed".to_owned()),
            (0, RunMode::Rehearsal) => parts.push("nothing would change".to_owned()),
            (count, _) => {
                let tasks = counted(self.changed_tasks, "task");
                parts.push(format!("{tasks} {would} {}", hosts(count)));
            }
        }
        if self.unknown > 0 {
            parts.push(format!("{} with something unknown", hosts(self.unknown)));
        }
        let text = parts.join(", ");
        if report.interrupted {
            return format!("Interrupted: {text}");
        }
        if report.exit_code.is_none() {
            return format!("Broke off: {text}");
        }
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    }
}

/// A number and its word.
pub fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

/// What follows a failure's hosts: the item, and whether it was caught.
pub fn circumstances(failure: &Failure) -> String {
    let item = failure.cause.item.as_ref().map(|item| format!(" (item={})", one_line(item)));
    let caught = match (failure.rescued, failure.ignored) {
        (true, _) => " (rescued)",
        (false, true) => " (ignored)",
        (false, false) => "",
    };
    item.unwrap_or_default() + caught
}

/// The last lines of an output, and how many there are before them.
pub fn last_lines(output: &str, most: usize) -> (String, usize) {
    let output = super::text::clean(output.trim_end());
    let lines: Vec<&str> = output.lines().collect();
    let left = lines.len().saturating_sub(most);
    (lines.get(left..).unwrap_or_default().join("\n"), left)
}

/// The output that tells most of a failure, with its name: standard error, or standard output
/// where there is none.
pub fn output(failure: &Failure) -> Option<(&'static str, &str)> {
    let cause = &failure.cause;
    let outputs = [("stderr", &cause.stderr), ("stdout", &cause.stdout)];
    let told = outputs.into_iter().find_map(|(name, text)| Some((name, text.as_deref()?)));
    told.filter(|(_, text)| text.trim() != cause.reason.trim())
}

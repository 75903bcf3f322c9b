//! What is to be told of a change report, whichever face tells it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use indexmap::IndexMap;

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
    pub diffs: Vec<Cow<'a, str>>,
    /// Whether the diffs of these hosts differ in their own names, for which [`OWN_NAME`] stands.
    pub own_names: bool,
    /// Why, where no diff says it.
    pub reasons: Vec<String>,
    /// Whether all these hosts changed something and failed then.
    pub ended_badly: bool,
}

/// Stands for a host's own name in a diff that several hosts share apart from it.
pub const OWN_NAME: &str = "‹host›";

/// What people are told where [`OWN_NAME`] stands in a diff.
pub const OWN_NAME_SAYS: &str = "‹host› is each one's own name";

/// The changes of a task: first those with a diff, then the hosts that have none. Hosts of which
/// the diffs differ in nothing but their own names are told together.
pub fn changed(task: &TaskReport) -> Vec<Changed<'_>> {
    let drawn: Vec<_> = task.changes.iter().filter(|change| !change.unified.is_empty()).collect();
    let mut left = task.hosts_with(TaskStatus::Changed);
    let told: BTreeSet<&str> =
        drawn.iter().flat_map(|change| &change.hosts).map(String::as_str).collect();
    left.retain(|host| !told.contains(host));
    let mut found: Vec<Changed<'_>> = Vec::new();
    // what a host shares with no other stands in one place
    let mut alone: IndexMap<&str, usize> = IndexMap::new();
    for same in drawn.chunk_by(|a, b| a.hosts == b.hosts) {
        let Some(first) = same.first() else { continue };
        let diffs = same.iter().map(|change| Cow::from(change.unified.as_str()));
        if let [host] = first.hosts.as_slice() {
            let place = *alone.entry(host).or_insert(found.len());
            if let Some(known) = found.get_mut(place) {
                known.diffs.extend(diffs);
                continue;
            }
        }
        found.push(Changed {
            hosts: first.hosts.iter().map(String::as_str).collect(),
            diffs: diffs.collect(),
            own_names: false,
            reasons: Vec::new(),
            ended_badly: ended_badly(task, &first.hosts),
        });
    }
    let mut found = apart_from_names(found, &alone);
    if !left.is_empty() {
        let reasons = reasons(task, &left);
        let (diffs, own_names, ended_badly) = (Vec::new(), false, false);
        found.push(Changed { hosts: left, diffs, own_names, reasons, ended_badly });
    }
    found
}

/// The diffs that a host has been changed by, or else the reasons, as text.
pub fn changed_on<'a>(task: &'a TaskReport, host: &str) -> (Vec<&'a str>, Vec<String>) {
    let of_host = task.changes.iter().filter(|change| change.hosts.iter().any(|it| it == host));
    let diffs: Vec<_> =
        of_host.map(|change| change.unified.as_str()).filter(|text| !text.is_empty()).collect();
    let reasons = if diffs.is_empty() { reasons(task, &[host]) } else { Vec::new() };
    (diffs, reasons)
}

/// Joins what single hosts were changed by, where nothing but their own names differs.
fn apart_from_names<'a>(
    found: Vec<Changed<'a>>,
    alone: &IndexMap<&str, usize>,
) -> Vec<Changed<'a>> {
    let mut alike: IndexMap<(Vec<String>, bool), Vec<usize>> = IndexMap::new();
    for (host, place) in alone {
        let Some(changed) = found.get(*place) else { continue };
        let Some(diffs) = without_name(&changed.diffs, host) else { continue };
        alike.entry((diffs, changed.ended_badly)).or_default().push(*place);
    }
    let mut found: Vec<Option<Changed<'a>>> = found.into_iter().map(Some).collect();
    for ((diffs, _), places) in alike.into_iter().filter(|(_, places)| places.len() > 1) {
        let mut all = places.iter().filter_map(|place| found.get_mut(*place)?.take());
        let Some(mut first) = all.next() else { continue };
        first.hosts.extend(all.flat_map(|changed| changed.hosts));
        first.diffs = diffs.into_iter().map(Cow::from).collect();
        first.own_names = true;
        if let Some(place) = places.first().and_then(|place| found.get_mut(*place)) {
            *place = Some(first);
        }
    }
    found.into_iter().flatten().collect()
}

/// Diffs with [`OWN_NAME`] in place of a host's name; `None` where it is in none of them.
fn without_name(diffs: &[Cow<'_, str>], host: &str) -> Option<Vec<String>> {
    if host.is_empty() || diffs.iter().any(|diff| diff.contains(OWN_NAME)) {
        return None;
    }
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let mut is_there = false;
    let mut general = |diff: &Cow<'_, str>| {
        let mut text = String::with_capacity(diff.len());
        let mut rest: &str = diff;
        let mut last = None;
        while let Some((before, behind)) = rest.split_once(host) {
            let stands_before = before.chars().next_back().or(last).is_some_and(is_word);
            let stands_behind = behind.chars().next().is_some_and(is_word);
            text.push_str(before);
            match stands_before || stands_behind {
                true => text.push_str(host),
                false => {
                    text.push_str(OWN_NAME);
                    is_there = true;
                }
            }
            last = host.chars().next_back();
            rest = behind;
        }
        text + rest
    };
    let general = diffs.iter().map(&mut general).collect();
    is_there.then_some(general)
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
    if !effect.record.reason.trim().is_empty() {
        return one_line(&effect.record.reason);
    }
    kind(&effect.record.effect)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Run, changed as wrote, outcome};

    fn told(hosts: &[&str], texts: &[&[&str]]) -> Vec<String> {
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut run = Run::new(RunMode::Apply, &names);
        let task = run.task("config", "template");
        for (host, texts) in names.iter().zip(texts) {
            let of = |(number, text): (usize, &&str)| wrote(&format!("/{number}"), "", text);
            let diffs = texts.iter().enumerate().map(of).flat_map(|one| one.diffs).collect();
            let status = crate::report::event::Status::Changed;
            run.host(task, host, crate::report::event::Outcome { diffs, ..outcome(status) });
        }
        let mut gatherer = Gatherer::new();
        run.finish(0).iter().for_each(|event| gatherer.event(event));
        let report = gatherer.report();
        let task = report.tasks().next().unwrap();
        let told = changed(task).into_iter().map(|change| {
            let lines = change.diffs.iter().flat_map(|diff| diff.lines());
            let added = lines.filter(|line| line.starts_with('+') && !line.starts_with("+++"));
            let sign = if change.own_names { "=" } else { ":" };
            format!("{}{sign} {}", change.hosts.join(","), added.collect::<Vec<_>>().join(" "))
        });
        told.collect()
    }

    #[test]
    fn diffs_that_differ_in_own_names_are_one() {
        let three = ["web1", "web2", "web10"];
        for (texts, expected) in [
            // only the name differs
            (
                [&["I am web1\n"][..], &["I am web2\n"], &["I am web10\n"]],
                vec!["web1,web2,web10= +I am ‹host›"],
            ),
            // something else differs, too
            (
                [&["web1 1\n"], &["web2 1\n"], &["web10 2\n"]],
                vec!["web1,web2= +‹host› 1", "web10: +web10 2"],
            ),
            // another's name, longer words, names with more behind them
            (
                [&["web2\n"], &["web1\n"], &["xweb10 web10.example\n"]],
                vec!["web1: +web2", "web2: +web1", "web10: +xweb10 web10.example"],
            ),
            (
                [&["web1.a web1-a\n"], &["web2.a web1-a\n"], &["web10.a web1-a\n"]],
                vec!["web1,web2,web10= +‹host›.a web1-a"],
            ),
            // what is shared as it is stands apart
            (
                [&["web1\n", "same\n", "of web1\n"], &["web2\n", "same\n", "of web2\n"], &["x\n"]],
                vec!["web1,web2= +‹host› +of ‹host›", "web1,web2: +same", "web10: +x"],
            ),
            // the sign itself is in a text
            (
                [&["‹host› web1\n"], &["‹host› web2\n"], &["x\n"]],
                vec!["web1: +‹host› web1", "web2: +‹host› web2", "web10: +x"],
            ),
        ] {
            assert_eq!(told(&three, &texts), expected);
        }
    }
}

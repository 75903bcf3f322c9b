//! Two runs beside each other: what drifted, what ended otherwise, what got slower.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

use super::hosts::{fold, natural};
use super::model::{ChangeReport, Position, TaskReport, TaskStatus};
use super::moment;
use super::text::{clean, one_line, visible};

/// A task is told as slower or faster from this share on.
const SHARE: f64 = 1.25;

/// And from these seconds on.
const SECONDS: f64 = 0.5;

/// What differs between two runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Hosts of the first run alone.
    pub hosts_gone: Vec<String>,
    /// Hosts of the second run alone.
    pub hosts_new: Vec<String>,
    /// Tasks of the first run alone.
    pub tasks_gone: Vec<String>,
    /// Tasks of the second run alone.
    pub tasks_new: Vec<String>,
    /// What was as it should be in the first run and was changed in the second.
    pub drifted: Vec<Drift>,
    /// Other tasks that ended otherwise.
    pub results: Vec<Turn>,
    /// Tasks that took longer or shorter, those that lost most first.
    pub times: Vec<Time>,
    /// How long both runs took.
    pub seconds: (Option<f64>, Option<f64>),
}

/// Something that was in order and had to be put there again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The task.
    pub task: String,
    /// Where it stands.
    pub place: Position,
    /// The hosts.
    pub hosts: Vec<String>,
    /// What was done about it, each diff once.
    pub diffs: Vec<String>,
}

/// A task that ended otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// The task.
    pub task: String,
    /// Where it stands.
    pub place: Position,
    /// How it ended in the first run.
    pub from: TaskStatus,
    /// How in the second.
    pub to: TaskStatus,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// How long a task took on a host, on average.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Time {
    /// The task.
    pub task: String,
    /// Where it stands.
    pub place: Position,
    /// Seconds in the first run.
    pub before: f64,
    /// Seconds in the second.
    pub after: f64,
}

/// What makes a task of one run that of another; the line may have moved.
type Key<'a> = (&'a str, Option<&'a str>, &'a str, &'a str, usize);

fn keyed(report: &ChangeReport) -> Vec<(Key<'_>, &TaskReport)> {
    let mut times: HashMap<_, usize> = HashMap::new();
    let mut found = Vec::new();
    for play in &report.plays {
        for task in &play.tasks {
            let name = (&*play.name, task.role.as_deref(), &*task.name, &*task.module);
            let time = times.entry(name).or_default();
            found.push(((name.0, name.1, name.2, name.3, *time), task));
            *time += 1;
        }
    }
    found
}

impl Comparison {
    /// Of a run with one that came after it.
    pub fn of(before: &ChangeReport, after: &ChangeReport) -> Self {
        let (mut found, old, new) = (Self::default(), keyed(before), keyed(after));
        let (hosts, others) = (hosts(before), hosts(after));
        let only = |these: &BTreeSet<&str>, those: &BTreeSet<&str>| {
            let mut only: Vec<String> =
                these.difference(those).map(|host| (*host).to_owned()).collect();
            only.sort_by(|a, b| natural(a, b));
            only
        };
        found.hosts_gone = only(&hosts, &others);
        found.hosts_new = only(&others, &hosts);
        let olds: HashMap<_, _> = old.iter().copied().collect();
        let news: HashMap<_, _> = new.iter().copied().collect();
        let gone = old.iter().filter(|(key, _)| !news.contains_key(key));
        found.tasks_gone = gone.map(|(_, task)| task.title()).collect();
        let came = new.iter().filter(|(key, _)| !olds.contains_key(key));
        found.tasks_new = came.map(|(_, task)| task.title()).collect();
        for (key, task) in &new {
            if let Some(old) = olds.get(key) {
                found.compare(old, task);
            }
        }
        found.times.sort_by(|a, b| (b.after - b.before).total_cmp(&(a.after - a.before)));
        found.seconds = (seconds(before), seconds(after));
        found
    }

    fn compare(&mut self, before: &TaskReport, after: &TaskReport) {
        let mut turns: BTreeMap<(TaskStatus, TaskStatus), Vec<String>> = BTreeMap::new();
        let (mut old, mut new, mut both) = (0.0, 0.0, 0u32);
        for (host, now) in &after.hosts {
            let Some(then) = before.hosts.get(host) else { continue };
            if then.status != now.status {
                turns.entry((then.status, now.status)).or_default().push(host.clone());
            } else if now.status != TaskStatus::Skipped {
                (old, new, both) = (old + then.seconds, new + now.seconds, both + 1);
            }
        }
        let (task, place) = (after.title(), after.place.clone());
        for ((from, to), hosts) in turns {
            let (task, place) = (task.clone(), place.clone());
            if (from, to) == (TaskStatus::Ok, TaskStatus::Changed) {
                let told = after.changes.iter().filter(|change| {
                    !change.unified.is_empty()
                        && change.hosts.iter().any(|host| hosts.contains(host))
                });
                let diffs = told.map(|change| change.unified.clone()).collect();
                self.drifted.push(Drift { task, place, hosts, diffs });
            } else {
                self.results.push(Turn { task, place, from, to, hosts });
            }
        }
        if both > 0 {
            let (before, after) = (old / f64::from(both), new / f64::from(both));
            let (less, more) = if before < after { (before, after) } else { (after, before) };
            if more - less >= SECONDS && more >= less * SHARE {
                self.times.push(Time { task, place, before, after });
            }
        }
    }

    /// Whether both runs did the same in about the same time.
    pub fn is_same(&self) -> bool {
        *self == Self { seconds: self.seconds, ..Self::default() }
    }

    /// As text for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (title, list) in [
            ("Only in the first run, hosts", &self.hosts_gone),
            ("Only in the second run, hosts", &self.hosts_new),
        ] {
            if !list.is_empty() {
                let _ = writeln!(text, "{title}: {}", clean(&fold(list)));
            }
        }
        for (title, list) in [
            ("Only in the first run, tasks", &self.tasks_gone),
            ("Only in the second run, tasks", &self.tasks_new),
        ] {
            if !list.is_empty() {
                let _ = writeln!(text, "{title}:");
                for task in list {
                    let _ = writeln!(text, "  {}", one_line(task));
                }
            }
        }
        if !self.drifted.is_empty() {
            text.push_str("\nDRIFTED: in order in the first run, changed in the second\n");
        }
        for drift in &self.drifted {
            let _ = writeln!(text, "\n{}", heading(&drift.task, &drift.place));
            let _ = writeln!(text, "  {}", clean(&fold(&drift.hosts)));
            for diff in &drift.diffs {
                text.push_str(&visible(diff.trim_end()));
                text.push('\n');
            }
        }
        if !self.results.is_empty() {
            text.push_str("\nENDED OTHERWISE\n\n");
        }
        for turn in &self.results {
            let (from, to) = (turn.from.word(), turn.to.word());
            let hosts = fold(&turn.hosts);
            let heading = heading(&turn.task, &turn.place);
            let _ = writeln!(text, "{heading}\n  {from} → {to}: {}", clean(&hosts));
        }
        if !self.times.is_empty() {
            text.push_str("\nTIME of a host, on average\n\n");
        }
        for time in &self.times {
            let (before, after) = (moment::words(time.before), moment::words(time.after));
            let heading = heading(&time.task, &time.place);
            let _ = writeln!(text, "{heading}\n  {before} → {after}");
        }
        if let (Some(before), Some(after)) = self.seconds {
            let (before, after) = (moment::words(before), moment::words(after));
            let _ = writeln!(text, "\nThe whole run: {before} → {after}");
        }
        if self.is_same() {
            return format!("Both runs did the same.{text}");
        }
        let sums = [
            (self.drifted.len(), "task drifted", "tasks drifted"),
            (self.results.len(), "other result", "other results"),
            (self.times.len(), "other time", "other times"),
        ];
        let told = sums.iter().filter(|(count, ..)| *count > 0);
        let told: Vec<String> = told
            .map(|(count, one, many)| match count {
                1 => format!("1 {one}"),
                _ => format!("{count} {many}"),
            })
            .collect();
        let told =
            if told.is_empty() { "hosts or tasks differ".to_owned() } else { told.join(", ") };
        format!("{told}\n{}{text}", if text.starts_with('\n') { "" } else { "\n" })
    }
}

fn heading(task: &str, place: &Position) -> String {
    format!("TASK [{}]  {}", one_line(task), clean(&place.to_string()))
}

fn hosts(report: &ChangeReport) -> BTreeSet<&str> {
    report.tasks().flat_map(|task| task.hosts.keys()).map(String::as_str).collect()
}

fn seconds(report: &ChangeReport) -> Option<f64> {
    moment::seconds_between(report.started.as_deref()?, report.finished.as_deref()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::event::{Outcome, RunMode, Status};
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Run, changed, names, outcome};

    fn run(of: &[(&str, &dyn Fn(&str) -> Outcome)], hosts: usize) -> ChangeReport {
        let hosts = names("web", hosts);
        let mut run = Run::new(RunMode::Apply, &hosts);
        for (name, outcome) in of {
            let task = run.task(name, "copy");
            for host in &hosts {
                run.host(task, host, outcome(host));
            }
        }
        let mut gatherer = Gatherer::new();
        for event in run.finish(0) {
            gatherer.event(&event);
        }
        gatherer.report()
    }

    #[test]
    fn a_run_is_the_same_as_itself() {
        let report = run(&[("page", &|_| outcome(Status::Ok))], 2);
        let found = Comparison::of(&report, &report);
        assert!(found.is_same());
        assert_eq!(found.text(), "Both runs did the same.\nThe whole run: 1m30s → 1m30s\n");
    }

    #[test]
    fn tells_what_drifted_what_turned_and_what_got_slower() {
        let before = run(
            &[
                ("page", &|_| outcome(Status::Ok)),
                ("rest", &|_| outcome(Status::Ok)),
                ("gone", &|_| outcome(Status::Ok)),
                ("slow", &|_| Outcome { took: Duration::from_secs(1), ..outcome(Status::Ok) }),
            ],
            3,
        );
        let after = run(
            &[
                ("page", &|host| match host {
                    "web02" => changed("/x", "drifted\n", "right\n"),
                    _ => outcome(Status::Ok),
                }),
                ("rest", &|_| outcome(Status::Failed)),
                ("came", &|_| outcome(Status::Ok)),
                ("slow", &|_| Outcome { took: Duration::from_secs(4), ..outcome(Status::Ok) }),
            ],
            4,
        );
        insta::assert_snapshot!(Comparison::of(&before, &after).text(), @r"
        1 task drifted, 1 other result, 1 other time

        Only in the second run, hosts: web04
        Only in the first run, tasks:
          gone
        Only in the second run, tasks:
          came

        DRIFTED: in order in the first run, changed in the second

        TASK [page]  site.yml:10
          web02
        --- before: /x
        +++ after: /x
        @@ -1 +1 @@
        -drifted
        +right

        ENDED OTHERWISE

        TASK [web : rest]  site.yml:20
          ok → failed: web[01-03]

        TIME of a host, on average

        TASK [slow]  site.yml:40
          1.0s → 4.0s

        The whole run: 1m30s → 1m30s
        ");
    }
}

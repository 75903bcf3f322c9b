//! What the page's script knows: hosts, tasks, and how each ended when, as small as it can be.

use std::collections::HashMap;

use serde::Serialize;

use crate::report::hosts::natural;
use crate::report::model::{ChangeReport, TaskStatus};

/// The hosts of a report by number, sorted as people sort.
pub(super) struct HostTable<'a> {
    pub(super) names: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> HostTable<'a> {
    pub(super) fn of(report: &'a ChangeReport) -> Self {
        let played = report.plays.iter().flat_map(|play| play.hosts.iter());
        let worked = report.tasks().flat_map(|task| task.hosts.keys());
        let all = report.recap.keys().chain(played).chain(worked).map(String::as_str);
        let mut names: Vec<&str> =
            all.collect::<std::collections::HashSet<_>>().into_iter().collect();
        names.sort_by(|a, b| natural(a, b));
        let numbers = names.iter().enumerate().map(|(number, name)| (*name, number)).collect();
        Self { names, numbers }
    }

    pub(super) fn number(&self, host: &str) -> Option<usize> {
        self.numbers.get(host).copied()
    }

    /// Numbers of hosts as ranges: `0-39 42`.
    pub(super) fn ranges<H: AsRef<str>>(&self, hosts: &[H]) -> String {
        let mut numbers: Vec<usize> =
            hosts.iter().filter_map(|host| self.number(host.as_ref())).collect();
        numbers.sort_unstable();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 >= number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        let drawn = ranges.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        drawn.collect::<Vec<_>>().join(" ")
    }
}

#[derive(Serialize)]
struct Data<'a> {
    hosts: &'a [&'a str],
    tasks: Vec<Task<'a>>,
}

#[derive(Serialize)]
struct Task<'a> {
    /// Title.
    n: String,
    /// Role.
    r: &'a str,
    /// A letter for each host, `-` where it did not come there.
    s: String,
    /// When each host that came there began, in milliseconds.
    b: Vec<u64>,
    /// How long each took.
    d: Vec<u64>,
}

/// The letter of a status.
pub(super) fn letter(status: TaskStatus) -> char {
    match status {
        TaskStatus::Ok => 'o',
        TaskStatus::Changed => 'c',
        TaskStatus::Skipped => 's',
        TaskStatus::Failed => 'f',
        TaskStatus::Unreachable => 'u',
        TaskStatus::Unknown => 'k',
    }
}

/// As JSON.
pub(super) fn json(report: &ChangeReport, hosts: &HostTable<'_>) -> String {
    let tasks = report.tasks().map(|task| {
        let (mut letters, mut begun, mut took) = (String::new(), Vec::new(), Vec::new());
        for name in &hosts.names {
            let Some(host) = task.hosts.get(*name) else {
                letters.push('-');
                continue;
            };
            letters.push(letter(host.status));
            begun.push(milliseconds(host.started));
            took.push(milliseconds(host.seconds));
        }
        let role = task.role.as_deref().unwrap_or_default();
        Task { n: task.title(), r: role, s: letters, b: begun, d: took }
    });
    let data = Data { hosts: &hosts.names, tasks: tasks.collect() };
    serde_json::to_string(&data).unwrap_or_else(|_| "null".to_owned())
}

fn milliseconds(seconds: f64) -> u64 {
    let time = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

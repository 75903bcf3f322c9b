//! Where the time of a run went, by host and by task.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::hosts::natural;
use super::model::ChangeReport;
use super::moment;
use super::spent::Spent;
use super::text::one_line;

/// Hosts and tasks that a table names; the rest is one line.
const NAMED: usize = 12;

/// Columns of a name.
const NAME: usize = 32;

/// Where the time of a run went; of hosts that worked at the same time all of it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile<'a> {
    /// All of it.
    pub whole: Spent,
    /// By host, the longest first.
    pub hosts: Vec<(&'a str, Spent)>,
    /// By task, in the order of the report: its number there, its title, and by host.
    pub tasks: Vec<Line>,
}

/// A task in a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number among all tasks of the report.
    pub task: usize,
    /// Its role and name.
    pub title: String,
    /// Where its time went, of all hosts.
    pub spent: Spent,
}

impl<'a> Profile<'a> {
    /// Of a report; `None` where nobody asked for it.
    pub fn of(report: &'a ChangeReport) -> Option<Self> {
        let mut hosts: IndexMap<&str, Spent> = IndexMap::new();
        let mut tasks = Vec::new();
        let mut whole = Spent::default();
        let mut asked = false;
        for (number, task) in report.tasks().enumerate() {
            let mut line = Line { task: number, title: task.title(), spent: Spent::default() };
            for (name, host) in &task.hosts {
                let Some(spent) = host.spent else { continue };
                asked = true;
                *hosts.entry(name).or_default() += spent;
                line.spent += spent;
                whole += spent;
            }
            tasks.push(line);
        }
        let mut hosts: Vec<(&str, Spent)> = hosts.into_iter().collect();
        hosts.sort_by(|(a, left), (b, right)| {
            right.whole().total_cmp(&left.whole()).then_with(|| natural(a, b))
        });
        asked.then_some(Self { whole, hosts, tasks })
    }

    /// The parts that took any time, by their number in [`Spent::NAMES`].
    pub fn shown(&self) -> Vec<usize> {
        let whole = self.whole.parts();
        let parts = whole.iter().enumerate().filter(|(_, seconds)| **seconds > 0.0);
        parts.map(|(part, _)| part).collect()
    }

    /// The rows of a table: all, hosts, tasks; the longest first, what is too much in one row.
    pub fn rows(&self) -> Vec<(String, Spent)> {
        let mut rows = vec![("all".to_owned(), self.whole)];
        for (word, lines) in [("host", self.by_host()), ("task", self.by_task())] {
            let more = lines.get(NAMED..).unwrap_or_default();
            let named = lines.iter().take(NAMED);
            rows.extend(named.map(|(name, spent)| (format!("{word} {name}"), *spent)));
            if !more.is_empty() {
                let mut rest = Spent::default();
                for (_, spent) in more {
                    rest += *spent;
                }
                rows.push((format!("{} more {word}s", more.len()), rest));
            }
        }
        rows
    }

    /// As a table for a terminal.
    pub fn text(&self) -> String {
        let shown = self.shown();
        let mut text = format!("{:<NAME$} {:>9}", "", "all");
        for part in &shown {
            let _ = write!(text, " {:>9}", Spent::NAMES.get(*part).copied().unwrap_or_default());
        }
        text.push('\n');
        for (name, spent) in self.rows() {
            let name: String = one_line(&name).chars().take(NAME).collect();
            let _ = write!(text, "{name:<NAME$} {:>9}", seconds(spent.whole()));
            for part in &shown {
                let _ = write!(text, " {:>9}", seconds(part_of(&spent, *part)));
            }
            text.push('\n');
        }
        text
    }

    fn by_host(&self) -> Vec<(String, Spent)> {
        self.hosts.iter().map(|(name, spent)| ((*name).to_owned(), *spent)).collect()
    }

    /// The longest first.
    pub fn by_task(&self) -> Vec<(String, Spent)> {
        let mut lines: Vec<(String, Spent)> =
            self.tasks.iter().map(|line| (line.title.clone(), line.spent)).collect();
        lines.sort_by(|(_, a), (_, b)| b.whole().total_cmp(&a.whole()));
        lines
    }
}

/// Seconds of a part, by its number in [`Spent::NAMES`].
pub fn part_of(spent: &Spent, part: usize) -> f64 {
    spent.parts().get(part).copied().unwrap_or_default()
}

/// Time for a table: milliseconds below a second.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        nothing if nothing <= 0.0 => "-".to_owned(),
        short if short < 0.0005 => "<1ms".to_owned(),
        short if short < 0.9995 => format!("{:.0}ms", short * 1000.0),
        short if short < 99.95 => format!("{short:.1}s"),
        long => moment::words(long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::{RunMode, Status};
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Run, names, outcome};

    fn report(profiled: bool) -> ChangeReport {
        let hosts = names("web", 14);
        let mut run = Run::new(RunMode::Apply, &hosts);
        for (task, apply) in [("install", 1.5), ("page", 0.02)] {
            let task = run.task(task, "command");
            for host in &hosts {
                let spent = Spent { connect: 0.1, apply, ..Spent::default() };
                let slow = host == "web03";
                let mut done = outcome(Status::Ok);
                done.spent = profiled.then_some(match slow {
                    true => Spent { barrier: 9.0, ..spent },
                    false => spent,
                });
                run.host(task, host, done);
            }
        }
        let mut gatherer = Gatherer::new();
        for event in run.finish(0) {
            gatherer.event(&event);
        }
        gatherer.report()
    }

    #[test]
    fn the_longest_comes_first_and_all_of_it_counts() {
        let report = report(true);
        let profile = Profile::of(&report).unwrap();
        assert_eq!(profile.hosts.first().unwrap().0, "web03");
        assert!((profile.whole.whole() - 14.0 * 1.72 - 18.0).abs() < 1e-6, "{profile:?}");
        let text = profile.text();
        let rows: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["all", "barrier", "connect", "apply"], "{text}");
        assert_eq!(rows[1], ["all", "42.1s", "18.0s", "2.8s", "21.3s"]);
        assert_eq!(rows[2], ["host", "web03", "19.7s", "18.0s", "200ms", "1.5s"]);
        assert_eq!(rows[14][..4], ["2", "more", "hosts", "3.4s"], "{text}");
        assert_eq!(rows[15], ["task", "install", "31.4s", "9.0s", "1.4s", "21.0s"], "{text}");
    }

    #[test]
    fn nobody_has_asked() {
        assert_eq!(Profile::of(&report(false)), None);
    }
}

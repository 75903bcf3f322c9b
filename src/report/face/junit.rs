//! The report as `JUnit`: a suite a host, a case a task.

use crate::report::entries;
use crate::report::model::{ChangeReport, Failure, HostReport, TaskReport, TaskStatus};
use crate::report::moment;
use crate::report::xml::Element;

/// Draws it.
pub(super) fn draw(report: &ChangeReport) -> String {
    let mut hosts: Vec<&str> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for task in report.tasks() {
        hosts.extend(task.hosts.keys().map(String::as_str).filter(|host| seen.insert(*host)));
    }
    hosts.sort_by(|a, b| crate::report::hosts::natural(a, b));
    let suites: Vec<Suite> = hosts.into_iter().map(|host| Suite::of(report, host)).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let time = report.started.as_deref().zip(report.finished.as_deref());
    let time = time.and_then(|(from, to)| moment::seconds_between(from, to));
    let mut root = Element::new("testsuites")
        .with("name", report.playbooks.join(", "))
        .with("tests", sum(|suite| suite.cases.len()))
        .with("failures", sum(|suite| suite.failures))
        .with("errors", sum(|suite| suite.errors))
        .with("skipped", sum(|suite| suite.skipped));
    if let Some(time) = time {
        root = root.with("time", seconds(time));
    }
    for suite in suites {
        root.push(suite.element(report));
    }
    root.document()
}

struct Suite {
    host: String,
    cases: Vec<Element>,
    failures: usize,
    errors: usize,
    skipped: usize,
    time: f64,
}

impl Suite {
    fn of(report: &ChangeReport, host: &str) -> Self {
        let (host, cases) = (host.to_owned(), Vec::new());
        let mut suite = Self { host, cases, failures: 0, errors: 0, skipped: 0, time: 0.0 };
        for play in &report.plays {
            for task in &play.tasks {
                if let Some(told) = task.hosts.get(&suite.host) {
                    suite.add(&play.name, task, told);
                }
            }
        }
        suite
    }

    fn add(&mut self, play: &str, task: &TaskReport, told: &HostReport) {
        self.time += told.seconds;
        let mut case = Element::new("testcase")
            .with("classname", format!("{}.{play}", self.host))
            .with("name", task.title())
            .with("file", &task.place.file)
            .with("line", task.place.line)
            .with("time", seconds(told.seconds));
        let caught = told.ignored || told.rescued;
        match told.status {
            TaskStatus::Failed | TaskStatus::Unreachable if !caught => {
                let failures = task.failures.iter();
                for failure in failures.filter(|failure| failure.hosts.contains(&self.host)) {
                    case.push(fault(task, failure));
                }
                match told.status {
                    TaskStatus::Failed => self.failures += 1,
                    _ => self.errors += 1,
                }
            }
            TaskStatus::Failed | TaskStatus::Unreachable => {
                let word = if told.rescued { "rescued" } else { "ignored" };
                case.push(Element::new("system-out").text(format!("failed, and was {word}")));
            }
            TaskStatus::Skipped => {
                self.skipped += 1;
                case.push(Element::new("skipped"));
            }
            TaskStatus::Unknown => {
                self.skipped += 1;
                let unknown = task.unknown.iter();
                let unknown = unknown.filter(|unknown| unknown.hosts.contains(&self.host));
                let reasons: Vec<&str> = unknown.map(|unknown| unknown.reason.as_str()).collect();
                let message = format!("unknown: {}", reasons.join("; "));
                case.push(Element::new("skipped").with("message", message));
            }
            TaskStatus::Changed => {
                case.push(Element::new("system-out").text(changes(task, &self.host)));
            }
            TaskStatus::Ok => {}
        }
        self.cases.push(case);
    }

    fn element(self, report: &ChangeReport) -> Element {
        let mut element = Element::new("testsuite")
            .with("name", &self.host)
            .with("tests", self.cases.len())
            .with("failures", self.failures)
            .with("errors", self.errors)
            .with("skipped", self.skipped)
            .with("time", seconds(self.time));
        if let Some(started) = &report.started {
            element = element.with("timestamp", started.get(..19).unwrap_or(started));
        }
        element = element.with("hostname", &self.host);
        for case in self.cases {
            element.push(case);
        }
        element
    }
}

fn fault(task: &TaskReport, failure: &Failure) -> Element {
    let name = match failure.status {
        TaskStatus::Unreachable => "error",
        _ => "failure",
    };
    let item = failure.cause.item.as_ref().map(|item| format!("(item={item}) "));
    let message = item.unwrap_or_default() + failure.cause.reason.trim();
    let mut text = format!("{}\n{}", task.place, message);
    if let Some((name, output)) = entries::output(failure) {
        text = format!("{text}\n\n{name}:\n{}", output.trim_end());
    }
    Element::new(name).with("message", message).with("type", failure.status.word()).text(text)
}

/// What a host was changed by.
fn changes(task: &TaskReport, host: &str) -> String {
    let mut text = "changed\n".to_owned();
    let (diffs, reasons) = entries::changed_on(task, host);
    text.extend(reasons.iter().map(|reason| format!("- {reason}\n")));
    text.extend(diffs);
    text
}

fn seconds(time: f64) -> String {
    format!("{time:.3}")
}

//! The change report as text.

use std::fmt::Write as _;

use super::result::indented;
use super::{DiffOutput, HumanOptions, Verbosity};
use crate::report::color::Paint;
use crate::report::diff::LineKind;
use crate::report::entries::{self, OWN_NAME_SAYS, circumstances};
use crate::report::event::RunMode;
use crate::report::hosts::fold;
use crate::report::model::{ChangeReport, Failure, TaskReport, TaskStatus};
use crate::report::profile::Profile;
use crate::report::recap::{self, RecapLines, banner};
use crate::report::text::{clean, one_line, visible};

/// Reasons that are told of a change without a diff.
const TOLD_REASONS: usize = 5;

/// Last lines of a failed command's output that are told.
const TOLD_OUTPUT: usize = 20;

pub(super) fn draw(report: &ChangeReport, options: &HumanOptions) -> String {
    let summary = Summary { report, options };
    let mut text = String::new();
    for part in [
        summary.state(),
        summary.changes(),
        summary.failures(),
        summary.unknown(),
        summary.rest(),
        summary.recap(),
        summary.profile(),
    ] {
        append(&mut text, &part);
    }
    text
}

/// Adds a part; the empty line that ends one part and the one that starts the next are one.
fn append(text: &mut String, part: &str) {
    let doubled = text.ends_with("\n\n") && part.starts_with('\n');
    text.push_str(part.get(usize::from(doubled)..).unwrap_or_default());
}

struct Summary<'a> {
    report: &'a ChangeReport,
    options: &'a HumanOptions,
}

impl Summary<'_> {
    fn paint(&self, paint: Paint, text: &str) -> String {
        self.options.color.paint(paint, text)
    }

    fn banner(&self, title: &str) -> String {
        let banner = banner(title, self.options.columns);
        format!("\n{}\n", self.paint(Paint::Heading, &banner))
    }

    /// Whether the report is of a whole run.
    fn state(&self) -> String {
        let text = if self.report.interrupted {
            "The run was interrupted; this is what was done until then."
        } else if self.report.exit_code.is_none() {
            "The run broke off; this is what was done until then."
        } else {
            return String::new();
        };
        format!("\n{}\n", self.paint(Paint::Failed, text))
    }

    /// Where the time went, where somebody asked.
    fn profile(&self) -> String {
        let Some(profile) = Profile::of(self.report) else { return String::new() };
        self.banner("PROFILE") + &profile.text()
    }

    fn changes(&self) -> String {
        let (title, nothing) = match self.report.mode {
            RunMode::Apply => ("CHANGES", "Nothing was changed."),
            RunMode::Rehearsal => ("WOULD CHANGE", "Nothing would change."),
        };
        let mut tasks = String::new();
        for task in self.report.tasks() {
            append(&mut tasks, &self.task_changes(task));
        }
        if tasks.is_empty() {
            return format!("\n{nothing}\n");
        }
        self.banner(title) + &tasks
    }

    fn task_changes(&self, task: &TaskReport) -> String {
        let mut text = String::new();
        if self.options.diff == DiffOutput::Hidden {
            let hosts = task.hosts_with(TaskStatus::Changed);
            if !hosts.is_empty() {
                text.push_str(&self.changed_line(&hosts, false, false));
                text.push_str(&self.reasons(&entries::reasons(task, &hosts)));
            }
        } else {
            for change in entries::changed(task) {
                text.push_str(&self.changed_line(
                    &change.hosts,
                    change.ended_badly,
                    change.own_names,
                ));
                text.extend(change.diffs.iter().map(|diff| self.diff(diff)));
                text.push_str(&self.reasons(&change.reasons));
            }
        }
        if text.is_empty() { text } else { self.title(task) + &text }
    }

    /// A task may have changed something and failed then.
    fn changed_line(&self, hosts: &[&str], ended_badly: bool, own_names: bool) -> String {
        let word = match self.report.mode {
            RunMode::Apply => "changed",
            RunMode::Rehearsal => "would change",
        };
        let then = if ended_badly { " (and did not end well)" } else { "" };
        let line = format!("{word}: {}{then}", clean(&fold(hosts)));
        let names = if own_names { format!(" ({OWN_NAME_SAYS})") } else { String::new() };
        self.paint(Paint::Changed, &line) + &names + "\n"
    }

    fn diff(&self, unified: &str) -> String {
        let mut text = String::with_capacity(unified.len());
        let mut lines = unified.split_inclusive('\n');
        for line in lines.by_ref().take(self.options.longest_diff) {
            let shown = visible(line);
            text.push_str(&match LineKind::of(line) {
                LineKind::Added => self.paint(Paint::Added, &shown),
                LineKind::Removed => self.paint(Paint::Removed, &shown),
                LineKind::Hunk => self.paint(Paint::Hunk, &shown),
                LineKind::Context => shown.into_owned(),
            });
        }
        let left = lines.count();
        if left > 0 {
            let _ = write!(text, "... {left} more lines of this diff are in `--report FILE`\n\n");
        }
        text
    }

    /// Why hosts were changed, where no diff says it.
    fn reasons(&self, reasons: &[String]) -> String {
        let most = match self.options.verbosity {
            Verbosity::Normal => TOLD_REASONS,
            Verbosity::Results | Verbosity::Paths | Verbosity::Effects => usize::MAX,
        };
        let told = reasons.iter().take(most).map(|reason| format!("  - {reason}\n"));
        let mut text = told.collect::<Vec<_>>().concat();
        if reasons.len() > most {
            let _ = writeln!(text, "  - and {} more (-v tells them)", reasons.len() - most);
        }
        text
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        // hosts that were lost come first: nothing else is known of them
        for status in [TaskStatus::Unreachable, TaskStatus::Failed] {
            for task in self.report.tasks() {
                let lines: String = task
                    .failures
                    .iter()
                    .filter(|failure| failure.status == status)
                    .map(|failure| self.failure(failure))
                    .collect();
                if !lines.is_empty() {
                    text.push_str(&self.title(task));
                    text.push_str(&lines);
                }
            }
        }
        if text.is_empty() { text } else { self.banner("UNREACHABLE AND FAILED") + &text }
    }

    fn failure(&self, failure: &Failure) -> String {
        let (word, paint) = match failure.status {
            TaskStatus::Unreachable => ("unreachable", Paint::Unreachable),
            _ => ("failed", Paint::Failed),
        };
        let cause = &failure.cause;
        let mut line = format!("{word}: {}", clean(&fold(&failure.hosts)));
        line.push_str(&circumstances(failure));
        let reason = clean(cause.reason.trim());
        let many = reason.contains('\n');
        line.push_str(if many { ":" } else { ": " });
        if !many {
            line.push_str(&reason);
        }
        if let Some(rc) = cause.rc.filter(|rc| *rc != 0) {
            let _ = write!(line, " (rc {rc})");
        }
        let paint = if failure.ignored || failure.rescued { Paint::Skipped } else { paint };
        let mut text = self.paint(paint, &line) + "\n";
        if many {
            text.push_str(&indented(&reason, 4));
        }
        if let Some((name, output)) = entries::output(failure) {
            text.push_str(&last_lines(name, output));
        }
        text
    }

    fn unknown(&self) -> String {
        let mut text = String::new();
        for task in self.report.tasks().filter(|task| !task.unknown.is_empty()) {
            text.push_str(&self.title(task));
            for unknown in &task.unknown {
                let hosts = fold(&unknown.hosts);
                let line = format!("unknown: {}: {}", clean(&hosts), one_line(&unknown.reason));
                text.push_str(&self.paint(Paint::Unknown, &line));
                text.push('\n');
            }
        }
        if text.is_empty() { text } else { self.banner("UNKNOWN BEFORE IT IS DONE") + &text }
    }

    /// How many tasks had nothing to tell.
    fn rest(&self) -> String {
        let (mut fine, mut skipped) = (0, 0);
        for task in self.report.tasks().filter(|task| !task.hosts.is_empty()) {
            let all = |wanted: &[TaskStatus]| {
                task.hosts.values().all(|host| wanted.contains(&host.status))
            };
            if all(&[TaskStatus::Skipped]) {
                skipped += 1;
            } else if all(&[TaskStatus::Ok, TaskStatus::Skipped]) {
                fine += 1;
            }
        }
        let counted = |count: usize| match count {
            1 => "1 task".to_owned(),
            _ => format!("{count} tasks"),
        };
        let hint = match self.options.verbosity {
            Verbosity::Normal => " (-v tells them)",
            Verbosity::Results | Verbosity::Paths | Verbosity::Effects => "",
        };
        match (fine, skipped) {
            (0, 0) => String::new(),
            (fine, 0) => format!("\n{} with nothing to do{hint}\n", counted(fine)),
            (0, skipped) => format!("\n{} skipped{hint}\n", counted(skipped)),
            (fine, skipped) => {
                format!("\n{} with nothing to do, {skipped} skipped{hint}\n", counted(fine))
            }
        }
    }

    fn recap(&self) -> String {
        let lines = if self.report.recap.len() > self.options.recap_hosts {
            RecapLines::Folded
        } else {
            RecapLines::PerHost
        };
        let rows = recap::draw(&self.report.recap, self.report.mode, self.options.color, lines);
        format!("\n{}\n{rows}\n", banner("PLAY RECAP", self.options.columns))
    }

    fn title(&self, task: &TaskReport) -> String {
        let word = if task.handler { "HANDLER" } else { "TASK" };
        let role = task.role.as_ref().map(|role| format!("{} : ", one_line(role)));
        let title = format!("{word} [{}{}]", role.unwrap_or_default(), one_line(&task.name));
        let place = clean(&task.place.to_string()).into_owned();
        format!("\n{}  {}\n", self.paint(Paint::Heading, &title), self.paint(Paint::Faint, &place))
    }
}

fn last_lines(name: &str, output: &str) -> String {
    let (told, left) = entries::last_lines(output, TOLD_OUTPUT);
    let note = match left {
        0 => String::new(),
        left => format!(" (the last {TOLD_OUTPUT} of {} lines)", left + TOLD_OUTPUT),
    };
    format!("  {name}{note}:\n{}", indented(&told, 4))
}

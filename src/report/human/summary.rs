//! The change report as text.

use std::fmt::Write as _;

use super::result::{indented, kind};
use super::{DiffOutput, HumanOptions, Verbosity};
use crate::report::color::Paint;
use crate::report::diff::LineKind;
use crate::report::event::RunMode;
use crate::report::hosts::fold;
use crate::report::model::{Change, ChangeReport, Failure, TaskReport, TaskStatus};
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
        let mut left = task.hosts_with(TaskStatus::Changed);
        let mut text = String::new();
        if self.options.diff == DiffOutput::Shown {
            let drawn: Vec<&Change> =
                task.changes.iter().filter(|change| !change.unified.is_empty()).collect();
            for same in drawn.chunk_by(|a, b| a.hosts == b.hosts) {
                let Some(first) = same.first() else { continue };
                left.retain(|host| !first.hosts.iter().any(|known| known == host));
                text.push_str(&self.changed_line(task, &first.hosts));
                for change in same {
                    text.push_str(&self.diff(&change.unified));
                }
            }
        }
        if !left.is_empty() {
            text.push_str(&self.changed_line(task, &left));
            text.push_str(&self.reasons(task, &left));
        }
        if text.is_empty() { text } else { self.title(task) + &text }
    }

    fn changed_line<H: AsRef<str>>(&self, task: &TaskReport, hosts: &[H]) -> String {
        let word = match self.report.mode {
            RunMode::Apply => "changed",
            RunMode::Rehearsal => "would change",
        };
        // a task may have changed something and failed then
        let failed = hosts.iter().all(|host| {
            task.hosts.get(host.as_ref()).is_some_and(|host| host.status != TaskStatus::Changed)
        });
        let then = if failed { " (and did not end well)" } else { "" };
        let line = format!("{word}: {}{then}", clean(&fold(hosts)));
        self.paint(Paint::Changed, &line) + "\n"
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
    fn reasons(&self, task: &TaskReport, hosts: &[&str]) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for effect in &task.effects {
            let reason = if effect.reason.trim().is_empty() {
                kind(&effect.effect)
            } else {
                one_line(&effect.reason)
            };
            let touched = effect.hosts.iter().any(|host| hosts.contains(&host.as_str()));
            if touched && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
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
        if let Some(item) = &cause.item {
            let _ = write!(line, " (item={})", one_line(item));
        }
        if failure.rescued {
            line.push_str(" (rescued)");
        } else if failure.ignored {
            line.push_str(" (ignored)");
        }
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
        // the output on standard error tells the most; standard output is for those without
        let outputs = [("stderr", &cause.stderr), ("stdout", &cause.stdout)];
        let told = outputs.into_iter().find_map(|(name, output)| Some((name, output.as_ref()?)));
        if let Some((name, output)) = told
            && output.trim() != cause.reason.trim()
        {
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
    let output = clean(output.trim_end());
    let lines: Vec<&str> = output.lines().collect();
    let left = lines.len().saturating_sub(TOLD_OUTPUT);
    let told = lines.get(left..).unwrap_or_default().join("\n");
    let note = match left {
        0 => String::new(),
        left => format!(" (the last {TOLD_OUTPUT} of {} lines)", left + TOLD_OUTPUT),
    };
    format!("  {name}{note}:\n{}", indented(&told, 4))
}

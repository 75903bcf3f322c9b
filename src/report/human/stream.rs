//! Lines while the run is on.
//!
//! Results of a task that read the same are held until the task is over and told in one line with
//! their hosts folded; a failure is told at once.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::result::{effects, indented, json, message};
use super::{HumanOptions, Live, Verbosity};
use crate::report::color::Paint;
use crate::report::event::{Event, Outcome, RunMode, Status, TaskHead};
use crate::report::gather::{cause, label};
use crate::report::hosts::{fold, natural};
use crate::report::text::{clean, one_line};

/// Labels of items that a line names.
const NAMED_ITEMS: usize = 5;

pub(super) struct Stream {
    options: HumanOptions,
    mode: RunMode,
    tasks: HashMap<usize, TaskHead>,
    plays: HashMap<usize, String>,
    /// Play whose heading stands above.
    headed_play: Option<usize>,
    /// Task whose heading stands above.
    headed: Option<usize>,
    /// Task of the held lines, and lines with their hosts.
    held: Option<usize>,
    lines: Vec<(Line, Vec<String>)>,
    items: HashMap<(usize, String), Items>,
}

/// What a host did with the items of a task so far.
#[derive(Default)]
struct Items {
    count: usize,
    changed: Vec<String>,
    told_failures: usize,
}

/// A line about results that read the same.
#[derive(Clone, PartialEq)]
struct Line {
    paint: Paint,
    word: &'static str,
    /// What follows the hosts.
    text: String,
    /// What stands below.
    block: String,
}

impl Stream {
    pub(super) fn new(options: HumanOptions) -> Self {
        Self {
            options,
            mode: RunMode::Apply,
            tasks: HashMap::new(),
            plays: HashMap::new(),
            headed_play: None,
            headed: None,
            held: None,
            lines: Vec::new(),
            items: HashMap::new(),
        }
    }

    /// The lines that the event brings.
    pub(super) fn event(&mut self, event: &Event) -> String {
        match event {
            Event::RunStarted { mode, .. } => {
                self.mode = *mode;
                String::new()
            }
            Event::PlayStarted { play, name, hosts, .. } => {
                let mut text = self.release();
                (self.headed, self.headed_play) = (None, None);
                let heading = format!("PLAY [{}] on {}", one_line(name), clean(&fold(hosts)));
                self.plays.insert(*play, heading);
                if self.tells_all() {
                    text.push_str(&self.play_heading(*play));
                }
                text
            }
            Event::NoHosts { name, pattern, .. } => {
                let text = format!(
                    "\nPLAY [{}]: no host matches `{}`\n",
                    one_line(name),
                    one_line(pattern)
                );
                self.release() + &self.options.color.paint(Paint::Skipped, &text)
            }
            Event::TaskStarted { task } => {
                let mut text = self.release();
                self.tasks.insert(task.id, task.clone());
                if self.options.verbosity >= Verbosity::Results {
                    text.push_str(&self.heading(task.id));
                }
                text
            }
            Event::ItemFinished { task, host, outcome } => self.item(*task, host, outcome),
            Event::Retrying { task, host, left, outcome } => {
                if self.options.verbosity < Verbosity::Results {
                    return String::new();
                }
                let reason = one_line(&cause(outcome).reason);
                let text = format!("  retrying: {}: {reason} ({left} left)\n", clean(host));
                self.at_once(*task, &self.options.color.paint(Paint::Faint, &text))
            }
            Event::Output { task, host, lines, .. } => {
                let mut text =
                    if self.held == Some(*task) { String::new() } else { self.release() };
                let host = self.options.color.paint(Paint::Faint, &format!("  {} |", clean(host)));
                let mut told = String::new();
                for line in lines {
                    let _ = writeln!(told, "{host} {}", one_line(line));
                }
                text.push_str(&self.at_once(*task, &told));
                text
            }
            Event::HostFinished { task, host, outcome } => self.host(*task, host, outcome),
            Event::Rescued { host, task } => {
                let text = format!("  rescued: {}\n", clean(host));
                self.at_once(*task, &self.options.color.paint(Paint::Ok, &text))
            }
            Event::Interrupted | Event::RunFinished { .. } => self.release(),
            Event::Included { task, name, hosts, .. } => {
                if self.options.verbosity < Verbosity::Results {
                    return String::new();
                }
                let text = format!("  included: {} for {}\n", clean(name), clean(&fold(hosts)));
                self.at_once(*task, &self.options.color.paint(Paint::Faint, &text))
            }
            Event::HostStarted { .. }
            | Event::Polled { .. }
            | Event::Waiting { .. }
            | Event::Notice { .. }
            | Event::CustomStats { .. }
            | Event::NoHostsLeft => String::new(),
        }
    }

    /// The lines that are still held.
    pub(super) fn finish(&mut self) -> String {
        self.release()
    }

    /// Without a live view all that matters is told; with one only what cannot wait.
    fn tells_all(&self) -> bool {
        self.options.live == Live::Off || self.options.verbosity >= Verbosity::Results
    }

    fn item(&mut self, task: usize, host: &str, outcome: &Outcome) -> String {
        let items = self.items.entry((task, host.to_owned())).or_default();
        items.count += 1;
        let label = match (&outcome.item, outcome.censored) {
            (Some(item), false) => one_line(&label(item)),
            _ => "censored".to_owned(),
        };
        match &outcome.status {
            Status::Failed | Status::Unreachable => {
                items.told_failures += 1;
                let line = self.failure(outcome);
                return self.release() + &self.at_once(task, &self.draw(&line, &[host.to_owned()]));
            }
            Status::Changed => items.changed.push(label.clone()),
            Status::Ok | Status::Skipped | Status::Unknown { .. } => {}
        }
        if outcome.verbose_always {
            let line = told(Paint::Ok, &format!(" (item={label})"), &message(outcome));
            return self.hold(task, host, line);
        }
        if self.options.verbosity >= Verbosity::Results {
            let (paint, word) = self.word(&outcome.status);
            let json = json(outcome, self.options.verbosity);
            let text = format!(" (item={label}) => {json}{}", self.time(outcome));
            return self.hold(task, host, Line { paint, word, text, block: self.effects(outcome) });
        }
        String::new()
    }

    fn host(&mut self, task: usize, host: &str, outcome: &Outcome) -> String {
        let items = self.items.remove(&(task, host.to_owned())).unwrap_or_default();
        let verbose = self.options.verbosity >= Verbosity::Results;
        let (paint, word) = self.word(&outcome.status);
        match &outcome.status {
            Status::Failed | Status::Unreachable => {
                let line = if items.told_failures > 0 {
                    if !outcome.ignored {
                        return String::new();
                    }
                    Line { paint, word, text: ": ignored".to_owned(), block: String::new() }
                } else {
                    self.failure(outcome)
                };
                return self.release() + &self.at_once(task, &self.draw(&line, &[host.to_owned()]));
            }
            Status::Ok if outcome.verbose_always => {
                if items.count > 0 {
                    return String::new();
                }
                return self.hold(task, host, told(paint, "", &message(outcome)));
            }
            Status::Ok | Status::Skipped if !verbose => return String::new(),
            Status::Changed | Status::Unknown { .. } if !self.tells_all() => return String::new(),
            Status::Ok | Status::Skipped | Status::Changed | Status::Unknown { .. } => {}
        }
        let mut text = delegated(outcome);
        if !items.changed.is_empty() && !verbose {
            text.push_str(&named_items(&items.changed));
        }
        if let Status::Unknown { reason } = &outcome.status {
            let _ = write!(text, ": {}", one_line(reason));
        }
        let mut block = String::new();
        if verbose && items.count == 0 {
            let _ = write!(text, " => {}", json(outcome, self.options.verbosity));
            block = self.effects(outcome);
        }
        text.push_str(&self.time(outcome));
        self.hold(task, host, Line { paint, word, text, block })
    }

    fn failure(&self, outcome: &Outcome) -> Line {
        let (paint, word) = self.word(&outcome.status);
        let cause = cause(outcome);
        let item = cause.item.map(|item| format!(" (item={})", one_line(&item)));
        let ignored = if outcome.ignored { " (ignored)" } else { "" };
        let mut text = format!(
            "{}{}: {}{ignored}{}",
            delegated(outcome),
            item.unwrap_or_default(),
            one_line(&cause.reason),
            self.time(outcome)
        );
        let mut block = String::new();
        if self.options.verbosity >= Verbosity::Results && !outcome.censored {
            let _ = write!(text, " => {}", json(outcome, self.options.verbosity));
            block = self.effects(outcome);
        }
        Line { paint, word, text, block }
    }

    fn effects(&self, outcome: &Outcome) -> String {
        if self.options.verbosity < Verbosity::Effects || outcome.censored {
            return String::new();
        }
        let lines = effects(outcome);
        let lines = lines.iter().map(|line| format!("    - {}\n", one_line(line)));
        lines.collect::<Vec<_>>().concat()
    }

    fn time(&self, outcome: &Outcome) -> String {
        if self.options.verbosity < Verbosity::Effects {
            return String::new();
        }
        format!(" ({:.3}s)", outcome.took.as_secs_f64())
    }

    fn word(&self, status: &Status) -> (Paint, &'static str) {
        match status {
            Status::Ok => (Paint::Ok, "ok"),
            Status::Changed if self.mode == RunMode::Rehearsal => (Paint::Changed, "would change"),
            Status::Changed => (Paint::Changed, "changed"),
            Status::Skipped => (Paint::Skipped, "skipped"),
            Status::Failed => (Paint::Failed, "failed"),
            Status::Unreachable => (Paint::Unreachable, "unreachable"),
            Status::Unknown { .. } => (Paint::Unknown, "unknown"),
        }
    }

    /// Holds a line until the task is over; gives the lines of another task that were held.
    fn hold(&mut self, task: usize, host: &str, line: Line) -> String {
        let before = if self.held == Some(task) { String::new() } else { self.release() };
        self.held = Some(task);
        match self.lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, hosts)) => hosts.push(host.to_owned()),
            None => self.lines.push((line, vec![host.to_owned()])),
        }
        before
    }

    /// Draws what is held.
    fn release(&mut self) -> String {
        let mut lines = std::mem::take(&mut self.lines);
        // which host was faster is no news
        lines.sort_by(|(_, left), (_, right)| match (left.first(), right.first()) {
            (Some(left), Some(right)) => natural(left, right),
            (left, right) => left.cmp(&right),
        });
        let Some(task) = self.held.take() else { return String::new() };
        let drawn: String = lines.iter().map(|(line, hosts)| self.draw(line, hosts)).collect();
        self.at_once(task, &drawn)
    }

    /// The text below the heading of its task.
    fn at_once(&mut self, task: usize, text: &str) -> String {
        self.heading(task) + text
    }

    fn draw(&self, line: &Line, hosts: &[String]) -> String {
        let hosts = fold(hosts);
        let colon = if line.word.is_empty() { "" } else { ": " };
        let head = format!("  {}{colon}{}{}", line.word, clean(&hosts), line.text);
        self.options.color.paint(line.paint, &head) + "\n" + &line.block
    }

    fn play_heading(&mut self, play: usize) -> String {
        if self.headed_play == Some(play) {
            return String::new();
        }
        self.headed_play = Some(play);
        let Some(heading) = self.plays.get(&play) else { return String::new() };
        format!("\n{}\n", self.options.color.paint(Paint::Heading, heading))
    }

    fn heading(&mut self, task: usize) -> String {
        if self.headed == Some(task) {
            return String::new();
        }
        self.headed = Some(task);
        let Some(head) = self.tasks.get(&task).cloned() else { return String::new() };
        let play = self.play_heading(head.play);
        let title = self.options.color.paint(Paint::Heading, &title(&head));
        let mut text = format!("{play}\n{title}\n");
        if self.options.verbosity >= Verbosity::Paths {
            let path = format!("  task path: {}:{}", head.place.file.display(), head.place.line);
            text.push_str(&self.options.color.paint(Paint::Faint, &clean(&path)));
            text.push('\n');
        }
        text
    }
}

fn title(head: &TaskHead) -> String {
    let word = if head.handler { "HANDLER" } else { "TASK" };
    let role = head.role.as_ref().map(|role| format!("{} : ", one_line(role)));
    format!("{word} [{}{}]", role.unwrap_or_default(), one_line(&head.name))
}

/// A message of a `debug` task: beside the hosts when it is one line, below them otherwise.
fn told(paint: Paint, item: &str, message: &str) -> Line {
    let (text, block) = if message.contains('\n') {
        (format!("{item}:"), indented(message, 4))
    } else {
        (format!("{item}: {message}"), String::new())
    };
    Line { paint, word: "", text, block }
}

fn delegated(outcome: &Outcome) -> String {
    outcome.delegated_to.as_ref().map(|to| format!(" -> {}", clean(to))).unwrap_or_default()
}

fn named_items(labels: &[String]) -> String {
    let named = labels.iter().take(NAMED_ITEMS).cloned().collect::<Vec<_>>().join(", ");
    match labels.len().checked_sub(NAMED_ITEMS) {
        Some(more) if more > 0 => format!(" (items: {named} and {more} more)"),
        _ => format!(" (items: {named})"),
    }
}

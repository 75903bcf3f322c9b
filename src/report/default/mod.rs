//! The look of Ansible's default output, for the name `ansible-playbook`.
//!
//! Banners, a line a result, diffs above their result, the recap: what scripts that read
//! `ansible-playbook`'s output look for. Not drawn: cows, and the chain of causes that Ansible
//! prints between an `[ERROR]` and the result (message, file, line and the lines around are).

mod origin;
mod python;
pub(super) mod result;
mod speech;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::Consumer;
use super::color::{Color, Paint};
use super::diff::{LineKind, draw};
use super::event::{Event, Level, Outcome, RunMode, Status, TaskHead};
use super::gather::Gatherer;
use super::human::{DiffOutput, Verbosity};
use super::recap::{self, RecapLines, banner};
use super::text::{clean, visible};

pub(super) use origin::error as failure;
pub use origin::place;
pub use speech::{Speech, speak};

/// What Ansible prints in place of an item that `no_log` hides.
const CENSORED_ITEM: &str = "(censored due to no_log)";

/// How the output looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultOptions {
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether it is coloured.
    pub color: Color,
    /// Whether diffs are shown.
    pub diff: DiffOutput,
    /// Width of the terminal, if the output goes to one.
    pub columns: Option<u16>,
}

/// Writes events as Ansible's default output does.
pub struct DefaultOutput<O, T> {
    out: O,
    talk: T,
    options: DefaultOptions,
    mode: RunMode,
    tasks: HashMap<usize, TaskHead>,
    /// Task whose banner stands above.
    headed: Option<usize>,
    /// Items of each task and host that were told.
    items: HashMap<(usize, String), usize>,
    /// Knows which notices were told.
    gatherer: Gatherer,
}

impl<O: Write + Send, T: Write + Send> DefaultOutput<O, T> {
    /// Results go to `out` (standard output), warnings to `talk` (standard error).
    pub fn new(out: O, talk: T, options: DefaultOptions) -> Self {
        Self {
            out,
            talk,
            options,
            mode: RunMode::Apply,
            tasks: HashMap::new(),
            headed: None,
            items: HashMap::new(),
            gatherer: Gatherer::new(),
        }
    }

    fn say(&mut self, paint: Option<Paint>, text: &str) -> io::Result<()> {
        let text = visible(text);
        match paint {
            Some(paint) => writeln!(self.out, "{}", self.options.color.paint(paint, &text)),
            None => writeln!(self.out, "{text}"),
        }
    }

    fn banner(&mut self, title: &str) -> io::Result<()> {
        let line = banner(clean(title).trim(), self.options.columns);
        writeln!(self.out, "\n{line}")
    }

    fn task_banner(&mut self, id: usize) -> io::Result<()> {
        if self.headed == Some(id) {
            return Ok(());
        }
        self.headed = Some(id);
        let Some(head) = self.tasks.get(&id).cloned() else { return Ok(()) };
        let word = if head.handler { "RUNNING HANDLER" } else { "TASK" };
        self.banner(&format!("{word} [{}]", titled(&head)))?;
        if self.options.verbosity >= Verbosity::Paths {
            let file = origin::absolute(&head.place.file);
            let path = format!("task path: {}:{}", file.display(), head.place.line);
            self.say(Some(Paint::Faint), &path)?;
        }
        Ok(())
    }

    /// One item's or one host's result.
    fn result(&mut self, task: usize, host: &str, outcome: &Outcome) -> io::Result<()> {
        self.task_banner(task)?;
        let head = self.tasks.get(&task).cloned();
        let module = head.as_ref().map_or("", |head| head.module.as_str());
        let delegated = outcome.delegated_to.as_ref().filter(|to| *to != host);
        let label = match delegated {
            Some(to) => format!("{host} -> {to}"),
            None => host.to_owned(),
        };
        let item = outcome.item.as_ref().map(|item| {
            let label =
                if outcome.censored { CENSORED_ITEM.to_owned() } else { python::text(item) };
            format!("(item={label})")
        });
        let result = result::dump(outcome, module, &self.options, result::Indent::ByVerbosity);
        match &outcome.status {
            Status::Failed | Status::Unreachable => {
                if let Some(head) = &head
                    && outcome.status == Status::Failed
                {
                    let error = origin::error(head, outcome);
                    self.say(Some(Paint::Failed), &error)?;
                }
                let line = match (&outcome.status, item) {
                    (Status::Unreachable, _) => {
                        format!("fatal: [{label}]: UNREACHABLE! => {result}")
                    }
                    (_, Some(item)) => format!("failed: [{label}] {item} => {result}"),
                    (_, None) => format!("fatal: [{label}]: FAILED! => {result}"),
                };
                let paint = if outcome.status == Status::Failed {
                    Paint::Failed
                } else {
                    Paint::Unreachable
                };
                self.say(Some(paint), &line)
            }
            Status::Ok | Status::Changed | Status::Skipped | Status::Unknown { .. } => {
                let (word, paint) = match &outcome.status {
                    Status::Changed => ("changed", Paint::Changed),
                    Status::Skipped => ("skipping", Paint::Skipped),
                    Status::Unknown { .. } => ("unknown", Paint::Unknown),
                    _ => ("ok", Paint::Ok),
                };
                if outcome.status == Status::Changed {
                    self.diffs(outcome)?;
                }
                let shown = if outcome.status == Status::Skipped { host } else { &label };
                let mut line = format!("{word}: [{shown}]");
                if let Some(item) = &item {
                    let _ = write!(line, " => {item}");
                    if outcome.status == Status::Skipped {
                        line.push(' ');
                    }
                }
                if let Status::Unknown { reason } = &outcome.status {
                    let _ = write!(line, " => {reason}");
                }
                let verbose = self.options.verbosity >= Verbosity::Results;
                if verbose || (outcome.verbose_always && !outcome.censored) {
                    let _ = write!(line, " => {result}");
                }
                self.say(Some(paint), &line)
            }
        }
    }

    fn diffs(&mut self, outcome: &Outcome) -> io::Result<()> {
        if self.options.diff == DiffOutput::Hidden || outcome.censored {
            return Ok(());
        }
        for line in outcome.diffs.iter().map(draw).collect::<String>().split_inclusive('\n') {
            // line ends of other systems are no danger
            let text = line.trim_end_matches(['\r', '\n']);
            let end = line.get(text.len()..).unwrap_or_default();
            let text = visible(text);
            let text = match LineKind::of(line) {
                LineKind::Added => self.options.color.paint(Paint::Added, &text),
                LineKind::Removed => self.options.color.paint(Paint::Removed, &text),
                LineKind::Hunk => self.options.color.paint(Paint::Hunk, &text),
                LineKind::Context => text.into_owned(),
            };
            write!(self.out, "{text}{end}")?;
        }
        Ok(())
    }

    fn host_finished(&mut self, task: usize, host: &str, outcome: &Outcome) -> io::Result<()> {
        let items = self.items.remove(&(task, host.to_owned())).unwrap_or(0);
        if items == 0 {
            self.result(task, host, outcome)?;
        } else if outcome.status == Status::Skipped {
            self.say(Some(Paint::Skipped), &format!("skipping: [{host}]"))?;
        }
        if outcome.ignored {
            self.say(Some(Paint::Skipped), "...ignoring")?;
        }
        Ok(())
    }

    fn notice(&mut self, level: Level, text: &str) -> io::Result<()> {
        let color = self.options.color;
        let text = match level {
            Level::Debug if self.options.verbosity < Verbosity::Effects => return Ok(()),
            Level::Debug | Level::Info => {
                format!("{}\n", color.paint(Paint::Faint, &clean(text.trim_end())))
            }
            Level::Warning => speak(Speech::Warning, text, color),
            Level::Deprecation => speak(Speech::Deprecation, text, color),
        };
        self.talk.write_all(text.as_bytes())
    }
}

impl<O: Write + Send, T: Write + Send> Consumer for DefaultOutput<O, T> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { mode, playbooks, .. } => {
                self.mode = *mode;
                if self.options.verbosity >= Verbosity::Paths {
                    for playbook in playbooks {
                        let name = playbook.rsplit('/').next().unwrap_or(playbook);
                        self.banner(&format!("PLAYBOOK: {name}"))?;
                    }
                }
            }
            Event::PlayStarted { name, .. } => {
                self.headed = None;
                self.banner(&format!("PLAY [{name}]"))?;
            }
            Event::NoHosts { name, .. } => {
                self.banner(&format!("PLAY [{name}]"))?;
                self.say(Some(Paint::Skipped), "skipping: no hosts matched")?;
            }
            Event::TaskStarted { task } => {
                self.tasks.insert(task.id, task.clone());
                self.task_banner(task.id)?;
            }
            Event::ItemFinished { task, host, outcome } => {
                *self.items.entry((*task, host.clone())).or_default() += 1;
                self.result(*task, host, outcome)?;
            }
            Event::Retrying { task, host, left, .. } => {
                let name = self.tasks.get(task).map(titled).unwrap_or_default();
                let text = format!("FAILED - RETRYING: [{host}]: {name} ({left} retries left).");
                self.say(Some(Paint::Faint), &text)?;
            }
            Event::HostFinished { task, host, outcome } => {
                self.host_finished(*task, host, outcome)?;
            }
            Event::Included { name, hosts, item, .. } => {
                let item = item
                    .as_ref()
                    .map(|item| format!(" => (item={})", crate::report::gather::label(item)));
                let text = format!(
                    "included: {name} for {}{}",
                    hosts.join(", "),
                    item.unwrap_or_default()
                );
                self.say(Some(Paint::Skipped), &text)?;
            }
            Event::Notice { level, text, .. } => {
                let told = self.gatherer.notices();
                self.gatherer.event(event);
                if self.gatherer.notices() > told {
                    self.notice(*level, text)?;
                }
            }
            Event::Interrupted => {
                let text = speak(Speech::Error, "User interrupted execution", self.options.color);
                self.talk.write_all(text.as_bytes())?;
            }
            Event::RunFinished { recap, .. } => {
                self.banner("PLAY RECAP")?;
                let rows = recap::draw(recap, self.mode, self.options.color, RecapLines::PerHost);
                writeln!(self.out, "{rows}")?;
            }
            Event::HostStarted { .. } | Event::Rescued { .. } | Event::CustomStats { .. } => {}
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.talk.flush()
    }
}

/// A task's name with its role; Ansible names a task without a name by its module as written.
fn titled(head: &TaskHead) -> String {
    match &head.role {
        Some(role) => format!("{role} : {}", head.name),
        None => head.name.clone(),
    }
}

#[cfg(test)]
mod tests;

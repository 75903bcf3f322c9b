//! The look of Ansible's default output, for the name `ansible-playbook`.
//!
//! Banners, a line a result, diffs above their result, the recap: what scripts that read
//! `ansible-playbook`'s output look for. Not drawn: cows.

mod dump;
mod options;
mod origin;
mod python;
pub(super) mod result;
mod speech;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value as Json;

use super::Consumer;
use super::color::Paint;
use super::event::{Event, Level, Outcome, Progress, RunMode, Status, TaskHead};
use super::gather::Gatherer;
use super::human::Verbosity;
use super::recap::{self, RecapLines, banner};
use super::text::{clean, visible};

pub use options::{DefaultOptions, Details, ResultFormat, Shown};
pub use origin::{NO_LABEL, place};
pub(super) use origin::{absolute, error as failure, message as failure_message};
pub(super) use result::is_quiet as is_setup;
pub(crate) use speech::HOW_TO_SILENCE;
pub use speech::{Speech, speak};

/// What a `meta` task does is told with this before it.
const META: &str = "META: ";

/// What Ansible prints in place of an item that `no_log` hides.
const CENSORED_ITEM: &str = "(censored due to no_log)";

/// Writes events as Ansible's default output does.
pub struct DefaultOutput<O, T> {
    out: O,
    talk: T,
    options: DefaultOptions,
    mode: RunMode,
    tasks: HashMap<usize, TaskHead>,
    /// Whether the play's hosts wait for each other; banners come with results otherwise.
    lockstep: bool,
    /// Task whose banner stands above.
    headed: Option<usize>,
    /// The `meta` task that a host has done last.
    acted: Option<usize>,
    /// Items of each task and host that were told.
    items: HashMap<(usize, String), usize>,
    /// Warnings and errors that were told.
    told: HashSet<String>,
    /// Knows which notices were told.
    gatherer: Gatherer,
    /// What `set_stats` gathered.
    stats: Vec<(String, Json)>,
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
            lockstep: true,
            headed: None,
            acted: None,
            items: HashMap::new(),
            told: HashSet::new(),
            gatherer: Gatherer::new(),
            stats: Vec::new(),
        }
    }

    fn say(&mut self, paint: Option<Paint>, text: &str) -> io::Result<()> {
        let line = self.painted(paint, text);
        self.out.write_all(line.as_bytes())
    }

    /// To standard error where failures are asked for there.
    fn say_failed(&mut self, paint: Paint, text: &str) -> io::Result<()> {
        let line = self.painted(Some(paint), text);
        match self.options.failed_to_stderr {
            true => {
                self.out.flush()?;
                self.talk.write_all(line.as_bytes())
            }
            false => self.out.write_all(line.as_bytes()),
        }
    }

    fn painted(&self, paint: Option<Paint>, text: &str) -> String {
        let text = visible(text);
        match paint {
            Some(paint) => format!("{}\n", self.options.color.paint(paint, &text)),
            None => format!("{text}\n"),
        }
    }

    fn banner(&mut self, title: &str) -> io::Result<()> {
        let line = banner(clean(title).trim(), self.options.columns);
        writeln!(self.out, "\n{line}")
    }

    fn mark(&self, rehearsed: bool) -> &'static str {
        match rehearsed && self.options.shown.contains(Details::CHECK_MARKERS) {
            true => " [CHECK MODE]",
            false => "",
        }
    }

    /// The title of a `meta` task stands above each of the hosts that do it.
    fn meta_banner(&mut self) -> io::Result<()> {
        let Some(id) = self.headed.filter(|_| self.lockstep) else { return Ok(()) };
        let is_meta = self.tasks.get(&id).is_some_and(|head| head.module.ends_with(".meta"));
        if is_meta && self.acted.replace(id) == Some(id) {
            self.headed = None;
            self.task_banner(id)?;
        }
        Ok(())
    }

    fn task_banner(&mut self, id: usize) -> io::Result<()> {
        if self.headed == Some(id) {
            return Ok(());
        }
        self.headed = Some(id);
        let Some(head) = self.tasks.get(&id).cloned() else { return Ok(()) };
        let word = if head.handler { "RUNNING HANDLER" } else { "TASK" };
        let mark = self.mark(head.check);
        let arguments = match self.shows(Details::ARGUMENTS) && !head.arguments.is_empty() {
            true => format!(" {}", head.arguments),
            false => String::new(),
        };
        self.banner(&format!("{word} [{}{arguments}]{mark}", titled(&head).trim()))?;
        if self.options.verbosity >= Verbosity::Paths {
            self.task_path(&head)?;
        }
        Ok(())
    }

    fn task_path(&mut self, head: &TaskHead) -> io::Result<()> {
        let file = origin::absolute(&head.place.file);
        let path = format!("task path: {}:{}", file.display(), head.place.line);
        self.say(Some(Paint::Faint), &path)
    }

    fn shows(&self, detail: Details) -> bool {
        self.options.shown.contains(detail)
    }

    /// One item's or one host's result.
    fn result(&mut self, task: usize, host: &str, outcome: &Outcome) -> io::Result<()> {
        let hidden = match &outcome.status {
            Status::Ok => !self.shows(Details::OK),
            Status::Skipped => !self.shows(Details::SKIPPED),
            Status::Changed | Status::Failed | Status::Unreachable | Status::Unknown { .. } => {
                false
            }
        };
        if hidden {
            return Ok(());
        }
        self.task_banner(task)?;
        let head = self.tasks.get(&task).cloned();
        self.warnings(outcome)?;
        let module = head.as_ref().map_or("", |head| head.module.as_str());
        let label = host_label(host, outcome);
        let item = outcome.item.as_ref().map(|item| {
            let label =
                if outcome.censored { CENSORED_ITEM.to_owned() } else { python::text(item) };
            format!("(item={label})")
        });
        let without;
        let dumped = match &outcome.status {
            // a loop without items has no results worth telling
            Status::Skipped => {
                without = result::without_items(outcome);
                &without
            }
            _ => outcome,
        };
        let result = result::dump(dumped, module, &self.options, result::Indent::ByVerbosity);
        match &outcome.status {
            Status::Failed | Status::Unreachable => {
                let paint = match outcome.status {
                    Status::Failed => Paint::Failed,
                    _ => Paint::Unreachable,
                };
                if let Some(head) = &head {
                    self.error(head, outcome)?;
                }
                let line = match (&outcome.status, &item) {
                    (_, Some(item)) => format!("failed: [{label}] {item} => {result}"),
                    (Status::Unreachable, _) => {
                        format!("fatal: [{label}]: UNREACHABLE! => {result}")
                    }
                    (_, None) => format!("fatal: [{label}]: FAILED! => {result}"),
                };
                if let Some(head) = &head
                    && item.is_none()
                    && outcome.status == Status::Failed
                    && self.shows(Details::TASK_PATH_ON_FAILURE)
                    && self.options.verbosity < Verbosity::Paths
                {
                    self.task_path(head)?;
                }
                self.say_failed(paint, &line)
            }
            Status::Ok | Status::Changed | Status::Skipped | Status::Unknown { .. } => {
                let (word, paint) = match &outcome.status {
                    Status::Changed => ("changed", Paint::Changed),
                    Status::Skipped => ("skipping", Paint::Skipped),
                    Status::Unknown { .. } => ("unknown", Paint::Unknown),
                    _ => ("ok", Paint::Ok),
                };
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
                let shows = verbose || (outcome.verbose_always && !outcome.censored);
                if shows && !result::is_quiet(module) {
                    let _ = write!(line, " => {result}");
                }
                self.say(Some(paint), &line)
            }
        }
    }

    /// Warnings of a result; each text once in a run.
    fn warnings(&mut self, outcome: &Outcome) -> io::Result<()> {
        for (speech, text) in result::warnings(outcome) {
            self.speak(speech, &text)?;
        }
        Ok(())
    }

    fn speak(&mut self, speech: Speech, text: &str) -> io::Result<()> {
        let line = speak(speech, text, self.options.color);
        if !self.told.insert(line.clone()) {
            return Ok(());
        }
        // what was printed before stands before it
        self.out.flush()?;
        self.talk.write_all(line.as_bytes())
    }

    /// The error above a failed result; each text once in a run.
    fn error(&mut self, head: &TaskHead, outcome: &Outcome) -> io::Result<()> {
        let Some(error) = origin::error(head, outcome) else {
            return match origin::of_include(outcome) {
                Some(text) => self.speak(Speech::Error, &text),
                None => Ok(()),
            };
        };
        match self.told.insert(error.clone()) {
            true => self.say_failed(Paint::Failed, &error),
            false => Ok(()),
        }
    }

    /// The diffs that the result holds, where something changed.
    fn diffs(&mut self, task: usize, outcome: &Outcome) -> io::Result<()> {
        if outcome.censored {
            return Ok(());
        }
        let text = result::diffs(outcome, &self.options);
        if text.is_empty() {
            return Ok(());
        }
        self.task_banner(task)?;
        let text: String = text
            .split_inclusive('\n')
            .map(|line| result::paint_diff(line, self.options.color))
            .collect();
        self.out.write_all(text.as_bytes())
    }

    fn host_finished(&mut self, task: usize, host: &str, outcome: &Outcome) -> io::Result<()> {
        let items = self.items.remove(&(task, host.to_owned())).unwrap_or(0);
        if items == 0 {
            self.diffs(task, outcome)?;
            self.result(task, host, outcome)?;
        } else {
            self.total(task, host, outcome)?;
        }
        if outcome.ignored {
            self.say(Some(Paint::Skipped), "...ignoring")?;
        }
        Ok(())
    }

    /// The result of a loop whose items were told.
    fn total(&mut self, task: usize, host: &str, outcome: &Outcome) -> io::Result<()> {
        let Some(head) = self.tasks.get(&task).cloned() else { return Ok(()) };
        match outcome.status {
            Status::Skipped if self.shows(Details::SKIPPED) => {
                self.task_banner(task)?;
                let mut line = format!("skipping: [{host}]");
                if self.options.verbosity >= Verbosity::Results {
                    let shown = result::without_items(outcome);
                    let indent = result::Indent::ByVerbosity;
                    let result = result::dump(&shown, &head.module, &self.options, indent);
                    let _ = write!(line, " => {result}");
                }
                self.say(Some(Paint::Skipped), &line)
            }
            // what is left of a failed loop of `debug` is its message alone
            Status::Failed if result::is_debug(&head.module) && !outcome.censored => {
                if self.shows(Details::TASK_PATH_ON_FAILURE)
                    && self.options.verbosity < Verbosity::Paths
                {
                    self.task_path(&head)?;
                }
                let indent = result::Indent::Never;
                let result = result::dump(outcome, &head.module, &self.options, indent);
                let label = host_label(host, outcome);
                self.say_failed(Paint::Failed, &format!("fatal: [{label}]: FAILED! => {result}"))
            }
            Status::Unreachable => {
                let indent = result::Indent::ByVerbosity;
                let result = result::dump(outcome, &head.module, &self.options, indent);
                let label = host_label(host, outcome);
                let line = format!("fatal: [{label}]: UNREACHABLE! => {result}");
                self.say_failed(Paint::Unreachable, &line)
            }
            _ => Ok(()),
        }
    }

    fn notice(&mut self, level: Level, text: &str) -> io::Result<()> {
        let speech = match level {
            Level::Trace if self.options.verbosity < Verbosity::Effects => return Ok(()),
            Level::Debug if self.options.verbosity < Verbosity::Paths => return Ok(()),
            Level::Trace | Level::Debug | Level::Info => {
                let text = clean(text.trim_end());
                return self.say(Some(Paint::Verbose), &text);
            }
            Level::Warning => Speech::Warning,
            Level::Deprecation => Speech::Deprecation,
        };
        if speech == Speech::Deprecation {
            if !self.shows(Details::DEPRECATIONS) {
                return Ok(());
            }
            self.speak(Speech::Warning, HOW_TO_SILENCE)?;
        }
        self.speak(speech, text)
    }

    fn custom_stats(&mut self) -> io::Result<()> {
        if self.stats.is_empty() || !self.shows(Details::CUSTOM_STATS) {
            return Ok(());
        }
        self.banner("CUSTOM STATS: ")?;
        let stats = std::mem::take(&mut self.stats);
        for (host, values) in stats.iter().filter(|(host, _)| host != "_run") {
            let line = format!("\t{host}: {}", result::flat(values, &self.options));
            self.say(None, &line)?;
        }
        for (_, values) in stats.iter().filter(|(host, _)| host == "_run") {
            let line = format!("\n\tRUN: {}", result::flat(values, &self.options));
            self.say(None, &line)?;
        }
        writeln!(self.out)
    }

    fn dry_run(&mut self) -> io::Result<()> {
        match self.mode == RunMode::Rehearsal && self.shows(Details::CHECK_MARKERS) {
            true => self.banner("DRY RUN"),
            false => Ok(()),
        }
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
                self.dry_run()?;
            }
            Event::PlayStarted { name, lockstep, check, .. } => {
                self.headed = None;
                self.lockstep = *lockstep;
                let mark = self.mark(*check);
                match name.trim() {
                    "" => self.banner(&format!("PLAY{mark}"))?,
                    name => self.banner(&format!("PLAY [{name}]{mark}"))?,
                }
            }
            Event::NoHosts { name, .. } => {
                self.banner(&format!("PLAY [{}]", name.trim()))?;
                self.say(Some(Paint::Skipped), "skipping: no hosts matched")?;
            }
            Event::NoHostsLeft => self.banner("NO MORE HOSTS LEFT")?,
            Event::TaskStarted { task } => {
                self.tasks.insert(task.id, task.clone());
                let all = self.shows(Details::OK) && self.shows(Details::SKIPPED);
                if self.lockstep && all {
                    self.task_banner(task.id)?;
                }
            }
            Event::ItemFinished { task, host, outcome } => {
                *self.items.entry((*task, host.clone())).or_default() += 1;
                self.diffs(*task, outcome)?;
                self.result(*task, host, outcome)?;
            }
            Event::Retrying { task, host, left, outcome } => {
                let name = self.tasks.get(task).map(titled).unwrap_or_default();
                let label = host_label(host, outcome);
                let mut text =
                    format!("FAILED - RETRYING: [{label}]: {name} ({left} retries left).");
                if self.options.verbosity >= Verbosity::Effects {
                    let indent = result::Indent::ByVerbosity;
                    text.push_str("Result was: ");
                    text.push_str(&result::dump(outcome, "", &self.options, indent));
                }
                self.say(Some(Paint::Faint), &text)?;
            }
            Event::HostFinished { task, host, outcome } => {
                self.host_finished(*task, host, outcome)?;
            }
            Event::Included { task, name, hosts, item } => {
                self.task_banner(*task)?;
                let label = item.as_ref().map(python::text).filter(|label| !label.is_empty());
                let item = label.map(|label| format!(" => (item={label})"));
                let text = format!(
                    "included: {name} for {}{}",
                    hosts.join(", "),
                    item.unwrap_or_default()
                );
                self.say(Some(Paint::Included), &text)?;
            }
            Event::Notice { level: level @ (Level::Trace | Level::Debug), text, .. } => {
                if text.starts_with(META) {
                    self.meta_banner()?;
                }
                self.notice(*level, text)?;
            }
            Event::Notice { level, text, place, marked, .. } => {
                let told = self.gatherer.notices();
                self.gatherer.event(event);
                if self.gatherer.notices() > told {
                    let place = place.as_ref().filter(|_| *marked).map(origin::place);
                    let place = place.map(|place| format!("\n{place}")).unwrap_or_default();
                    self.notice(*level, &format!("{text}{place}"))?;
                }
            }
            Event::Interrupted => self.speak(Speech::Error, "User interrupted execution")?,
            Event::CustomStats { stats } => {
                self.stats = stats
                    .iter()
                    .map(|(host, values)| (host.clone(), Json::Object(values.clone())))
                    .collect();
            }
            // an error ended it, which is told elsewhere
            Event::RunFinished { exit_code: 1, .. } => {}
            Event::RunFinished { recap, .. } => {
                self.banner("PLAY RECAP")?;
                let rows = recap::draw(recap, self.mode, self.options.color, RecapLines::PerHost);
                writeln!(self.out, "{rows}")?;
                self.custom_stats()?;
                self.dry_run()?;
            }
            Event::HostStarted { task, host, .. } => {
                if self.shows(Details::HOST_START)
                    && let Some(head) = self.tasks.get(task)
                {
                    let word = if head.handler { "HANDLER" } else { "TASK" };
                    let text = format!(" [started {word}: {} on {host}]", titled(head));
                    self.say(Some(Paint::Ok), &text)?;
                }
            }
            Event::Polled { host, job, progress, .. } => {
                let text = match progress {
                    Progress::Running => {
                        format!("ASYNC POLL on {host}: jid={job} started=True finished=False")
                    }
                    Progress::Over => format!("ASYNC OK on {host}: jid={job}"),
                    Progress::Failed => format!("ASYNC FAILED on {host}: jid={job}"),
                };
                self.say(Some(Paint::Faint), &text)?;
            }
            Event::Rescued { .. } | Event::Waiting { .. } | Event::Output { .. } => {}
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.talk.flush()
    }
}

/// The host with the one that did its work, and that one's address where it has another name.
fn host_label(host: &str, outcome: &Outcome) -> String {
    let Some(to) = outcome.delegated_to.as_ref().filter(|to| *to != host) else {
        return host.to_owned();
    };
    match outcome.delegated_address.as_ref().filter(|address| *address != to) {
        Some(address) => format!("{host} -> {to}({address})"),
        None => format!("{host} -> {to}"),
    }
}

/// A task's name with its role, which Ansible leaves out where another role is included; a task
/// without a name goes by its module as written.
fn titled(head: &TaskHead) -> String {
    match &head.role {
        Some(_) if head.module == "ansible.builtin.include_role" => head.name.clone(),
        Some(role) => format!("{role} : {}", head.name),
        None => head.name.clone(),
    }
}

#[cfg(test)]
mod tests;

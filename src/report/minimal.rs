//! The output of the name `ansible`: a block or a line a host, without banners.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use serde_json::Value as Json;

use super::Consumer;
use super::color::Paint;
use super::default::{DefaultOptions, Speech, failure, result, speak};
use super::event::{Event, Level, Outcome, Status, TaskHead};
use super::gather::Gatherer;
use super::text::visible;

/// Modules whose result is shown as the command's output.
const COMMANDS: [&str; 5] = ["command", "win_command", "shell", "win_shell", "raw"];

/// What both outputs share.
struct Lines<O, T> {
    out: O,
    talk: T,
    options: DefaultOptions,
    tasks: HashMap<usize, TaskHead>,
    gatherer: Gatherer,
    /// Warnings and errors that were told.
    told: HashSet<String>,
}

impl<O: Write + Send, T: Write + Send> Lines<O, T> {
    fn new(out: O, talk: T, options: DefaultOptions) -> Self {
        Self {
            out,
            talk,
            options,
            tasks: HashMap::new(),
            gatherer: Gatherer::new(),
            told: HashSet::new(),
        }
    }

    fn say(&mut self, paint: Paint, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.options.color.paint(paint, &visible(text)))
    }

    /// Each text once in a run.
    fn speak(&mut self, speech: Speech, text: &str) -> io::Result<()> {
        let line = speak(speech, text, self.options.color);
        match self.told.insert(line.clone()) {
            true => self.talk.write_all(line.as_bytes()),
            false => Ok(()),
        }
    }

    /// Notes tasks, tells notices; gives the result that is to be shown.
    fn take<'e>(
        &mut self,
        event: &'e Event,
    ) -> io::Result<Option<(&'e str, &'e Outcome, Option<TaskHead>)>> {
        match event {
            Event::TaskStarted { task } => {
                self.tasks.insert(task.id, task.clone());
            }
            Event::HostFinished { task, host, outcome } => {
                for (speech, text) in result::warnings(outcome) {
                    self.speak(speech, &text)?;
                }
                return Ok(Some((host, outcome, self.tasks.get(task).cloned())));
            }
            Event::Notice { level, text, .. } => {
                let told = self.gatherer.notices();
                self.gatherer.event(event);
                let speech = match level {
                    Level::Warning => Speech::Warning,
                    Level::Deprecation => Speech::Deprecation,
                    Level::Trace | Level::Debug | Level::Info => return Ok(None),
                };
                if self.gatherer.notices() > told {
                    self.speak(speech, text)?;
                }
            }
            Event::Interrupted => {
                self.speak(Speech::Error, "User interrupted execution")?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.talk.flush()
    }
}

fn is_command(head: Option<&TaskHead>) -> bool {
    let module = head.map_or("", |head| head.module.rsplit('.').next().unwrap_or_default());
    COMMANDS.contains(&module)
}

fn field<'o>(outcome: &'o Outcome, name: &str) -> &'o str {
    outcome.result.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn rc(outcome: &Outcome) -> i64 {
    outcome.result.get("rc").and_then(Json::as_i64).unwrap_or(-1)
}

fn word(outcome: &Outcome) -> (&'static str, Paint) {
    match outcome.status {
        Status::Changed => ("CHANGED", Paint::Changed),
        Status::Failed => ("FAILED", Paint::Failed),
        Status::Unknown { .. } => ("UNKNOWN", Paint::Unknown),
        _ => ("SUCCESS", Paint::Ok),
    }
}

/// A block a host.
pub struct Minimal<O, T> {
    lines: Lines<O, T>,
}

impl<O: Write + Send, T: Write + Send> Minimal<O, T> {
    /// Results go to `out` (standard output), warnings to `talk` (standard error).
    pub fn new(out: O, talk: T, options: DefaultOptions) -> Self {
        Self { lines: Lines::new(out, talk, options) }
    }
}

impl<O: Write + Send, T: Write + Send> Consumer for Minimal<O, T> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Some((host, outcome, head)) = self.lines.take(event)? else { return Ok(()) };
        let lines = &mut self.lines;
        let module = head.as_ref().map_or("", |head| head.module.as_str());
        let dumped = result::dump(outcome, module, &lines.options, result::Indent::Always);
        let (state, paint) = word(outcome);
        if outcome.status == Status::Failed
            && let Some(error) = head.as_ref().and_then(|head| failure(head, outcome))
            && lines.told.insert(error.clone())
        {
            lines.say(Paint::Failed, &error)?;
        }
        let diffs =
            if outcome.censored { String::new() } else { result::diffs(outcome, &lines.options) };
        if !diffs.is_empty() {
            let color = lines.options.color;
            let drawn = diffs.split_inclusive('\n').map(|line| result::paint_diff(line, color));
            let drawn: String = drawn.collect();
            lines.out.write_all(drawn.as_bytes())?;
        }
        let command = is_command(head.as_ref()) && !outcome.result.contains_key("ansible_job_id");
        match &outcome.status {
            Status::Skipped => lines.say(Paint::Skipped, &format!("{host} | SKIPPED"))?,
            Status::Unreachable => {
                lines.say(Paint::Unreachable, &format!("{host} | UNREACHABLE! => {dumped}"))?;
            }
            Status::Unknown { reason } => {
                lines.say(paint, &format!("{host} | {state} => {reason}"))?;
            }
            _ if command => {
                let parts = ["stdout", "stderr", "msg"].map(|name| field(outcome, name)).concat();
                lines.say(paint, &format!("{host} | {state} | rc={} >>\n{parts}", rc(outcome)))?;
            }
            Status::Failed => lines.say(paint, &format!("{host} | FAILED! => {dumped}"))?,
            _ => lines.say(paint, &format!("{host} | {state} => {dumped}"))?,
        }
        lines.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}

/// A line a host.
pub struct OneLine<O, T> {
    lines: Lines<O, T>,
}

impl<O: Write + Send, T: Write + Send> OneLine<O, T> {
    /// Results go to `out` (standard output), warnings to `talk` (standard error).
    pub fn new(out: O, talk: T, options: DefaultOptions) -> Self {
        Self { lines: Lines::new(out, talk, options) }
    }
}

impl<O: Write + Send, T: Write + Send> Consumer for OneLine<O, T> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Some((host, outcome, head)) = self.lines.take(event)? else { return Ok(()) };
        let lines = &mut self.lines;
        // what stands on several lines is told on one, with the spaces that were before each
        let indent = match outcome.verbose_always {
            true => result::Indent::Always,
            false => result::Indent::Flush,
        };
        let dumped = result::dump(outcome, "", &lines.options, indent).replace('\n', "");
        let (state, paint) = word(outcome);
        let command = is_command(head.as_ref()) && !outcome.result.contains_key("ansible_job_id");
        let flat = |name| field(outcome, name).replace('\n', "\\n").replace('\r', "\\r");
        match &outcome.status {
            Status::Skipped => lines.say(Paint::Skipped, &format!("{host} | SKIPPED"))?,
            Status::Unreachable => {
                let text = format!("{host} | UNREACHABLE!: {}", field(outcome, "msg"));
                lines.say(Paint::Unreachable, &text)?;
            }
            Status::Unknown { reason } => {
                lines.say(paint, &format!("{host} | {state} => {reason}"))?;
            }
            Status::Failed if !command => {
                lines.say(paint, &format!("{host} | FAILED! => {dumped}"))?;
            }
            _ if command => {
                let mut text =
                    format!("{host} | {state} | rc={} | (stdout) {}", rc(outcome), flat("stdout"));
                if !field(outcome, "stderr").is_empty() {
                    text.push_str(&format!(" (stderr) {}", flat("stderr")));
                }
                lines.say(paint, &text)?;
                if outcome.status == Status::Failed {
                    lines.say(paint, &format!("{host} | FAILED! => {dumped}"))?;
                }
            }
            _ => lines.say(paint, &format!("{host} | {state} => {dumped}"))?,
        }
        lines.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}

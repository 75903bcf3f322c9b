//! `ansible.posix.json`: the whole run as one JSON text, at its end.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::SystemTime;

use serde_json::{Map, Value as Json, json};

use crate::report::Color;
use crate::report::Consumer;
use crate::report::default::{Speech, absolute, result, speak};
use crate::report::event::{Event, Level, Outcome, Status, TaskHead};
use crate::report::gather::Gatherer;
use crate::report::python_json::{Ascii, Layout, dumps};
use crate::source::Place;

use super::clock;

/// How the text looks.
#[derive(Debug, Clone, Copy)]
pub struct JsonOptions {
    /// Columns of a level; none is one line.
    pub indent: Option<usize>,
    /// Whether what `set_stats` gathered is in it.
    pub custom_stats: bool,
    /// Colour of warnings.
    pub color: Color,
}

/// Gathers a run and writes it at its end.
pub struct JsonOutput<O, T> {
    out: O,
    talk: T,
    options: JsonOptions,
    plays: Vec<Play>,
    tasks: HashMap<usize, TaskHead>,
    custom: Map<String, Json>,
    gatherer: Gatherer,
}

struct Play {
    head: Map<String, Json>,
    lockstep: bool,
    started: String,
    ended: Option<String>,
    tasks: Vec<Task>,
}

struct Task {
    id: usize,
    /// The one host that it is for, where hosts do not wait for each other.
    host: Option<String>,
    head: Map<String, Json>,
    started: String,
    ended: Option<String>,
    hosts: Map<String, Json>,
}

impl<O: Write + Send, T: Write + Send> JsonOutput<O, T> {
    /// The text goes to `out` (standard output), warnings to `talk` (standard error).
    pub fn new(out: O, talk: T, options: JsonOptions) -> Self {
        Self {
            out,
            talk,
            options,
            plays: Vec::new(),
            tasks: HashMap::new(),
            custom: Map::new(),
            gatherer: Gatherer::new(),
        }
    }

    fn begin(&mut self, id: usize, host: Option<&str>) {
        let Some(head) = self.tasks.get(&id) else { return };
        let name = match &head.role {
            Some(role) => format!("{role} : {}", head.name),
            None => head.name.clone(),
        };
        let task = Task {
            id,
            host: host.map(str::to_owned),
            head: described(&name, "task", id, &head.place),
            started: now(),
            ended: None,
            hosts: Map::new(),
        };
        if let Some(play) = self.plays.last_mut() {
            play.tasks.push(task);
        }
    }

    fn result(&mut self, id: usize, host: &str, outcome: &Outcome) {
        let action = self.tasks.get(&id).map(|head| head.action.clone());
        let Some(play) = self.plays.last_mut() else { return };
        let of = |task: &&mut Task| {
            task.id == id && task.host.as_ref().is_none_or(|known| known == host)
        };
        let Some(task) = play.tasks.iter_mut().rev().find(of) else { return };
        let mut fields = outcome.result.clone();
        match outcome.status {
            Status::Failed => fields.insert("failed".to_owned(), Json::from(true)),
            Status::Skipped => fields.insert("skipped".to_owned(), Json::from(true)),
            Status::Ok | Status::Changed => fields.shift_remove("failed"),
            Status::Unreachable | Status::Unknown { .. } => None,
        };
        fields.insert("_ansible_no_log".to_owned(), Json::from(outcome.censored));
        fields.insert("action".to_owned(), Json::from(action.unwrap_or_default()));
        task.hosts.insert(host.to_owned(), Json::Object(fields));
        let at = now();
        task.ended = Some(at.clone());
        play.ended = Some(at);
    }

    fn write(&mut self, stats: Json) -> io::Result<()> {
        let plays: Vec<Json> =
            std::mem::take(&mut self.plays).into_iter().map(Json::from).collect();
        let mut custom = std::mem::take(&mut self.custom);
        let global = custom.shift_remove("_run").unwrap_or_else(|| json!({}));
        let (custom, global) = match self.options.custom_stats {
            true => (Json::Object(custom), global),
            false => (json!({}), json!({})),
        };
        let whole = json!({
            "plays": plays,
            "stats": stats,
            "custom_stats": custom,
            "global_custom_stats": global,
        });
        let layout = self.options.indent.map_or(Layout::Line, Layout::Indented);
        writeln!(self.out, "{}", dumps(&whole, layout, Ascii::Escaped))?;
        self.out.flush()
    }

    fn speak(&mut self, speech: Speech, text: &str) -> io::Result<()> {
        self.talk.write_all(speak(speech, text, self.options.color).as_bytes())
    }
}

fn now() -> String {
    clock::utc(SystemTime::now())
}

fn described(name: &str, kind: &str, number: usize, place: &Place) -> Map<String, Json> {
    let path = format!("{}:{}", absolute(&place.file).display(), place.line);
    Map::from_iter([
        ("name".to_owned(), Json::from(name)),
        ("id".to_owned(), Json::from(format!("{kind}-{number}"))),
        ("path".to_owned(), Json::from(path)),
    ])
}

fn with_duration(mut head: Map<String, Json>, started: String, ended: Option<String>) -> Json {
    let mut duration = Map::from_iter([("start".to_owned(), Json::from(started))]);
    duration.extend(ended.map(|ended| ("end".to_owned(), Json::from(ended))));
    head.insert("duration".to_owned(), Json::Object(duration));
    Json::Object(head)
}

impl From<Play> for Json {
    fn from(play: Play) -> Self {
        let tasks: Vec<Self> = play
            .tasks
            .into_iter()
            .map(|task| {
                let head = with_duration(task.head, task.started, task.ended);
                json!({"task": head, "hosts": task.hosts})
            })
            .collect();
        json!({"play": with_duration(play.head, play.started, play.ended), "tasks": tasks})
    }
}

impl<O: Write + Send, T: Write + Send> Consumer for JsonOutput<O, T> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::PlayStarted { play, name, lockstep, place, .. } => self.plays.push(Play {
                head: described(name, "play", *play, place),
                lockstep: *lockstep,
                started: now(),
                ended: None,
                tasks: Vec::new(),
            }),
            Event::TaskStarted { task } => {
                self.tasks.insert(task.id, task.clone());
                if self.plays.last().is_some_and(|play| play.lockstep) {
                    self.begin(task.id, None);
                }
            }
            Event::HostStarted { task, host, .. }
                if self.plays.last().is_some_and(|play| !play.lockstep) =>
            {
                self.begin(*task, Some(host));
            }
            Event::HostFinished { task, host, outcome } => {
                for (speech, text) in result::warnings(outcome) {
                    self.speak(speech, &text)?;
                }
                self.result(*task, host, outcome);
            }
            Event::Notice { level, text, .. } => {
                let told = self.gatherer.notices();
                self.gatherer.event(event);
                let speech = match level {
                    Level::Warning => Speech::Warning,
                    Level::Deprecation => Speech::Deprecation,
                    Level::Trace | Level::Debug | Level::Info => return Ok(()),
                };
                if self.gatherer.notices() > told {
                    self.speak(speech, text)?;
                }
            }
            Event::Interrupted => self.speak(Speech::Error, "User interrupted execution")?,
            Event::CustomStats { stats } => {
                let stats = stats.iter();
                self.custom = stats
                    .map(|(host, values)| (host.clone(), Json::from(values.clone())))
                    .collect();
            }
            Event::RunFinished { recap, .. } => {
                let line = |counts: &crate::report::event::Recap| {
                    json!({
                        "ok": counts.ok,
                        "changed": counts.changed,
                        "unreachable": counts.unreachable,
                        "failures": counts.failed,
                        "skipped": counts.skipped,
                        "rescued": counts.rescued,
                        "ignored": counts.ignored,
                    })
                };
                let stats = recap.iter().map(|(host, counts)| (host.clone(), line(counts)));
                self.write(Json::Object(stats.collect()))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.talk.flush()
    }
}

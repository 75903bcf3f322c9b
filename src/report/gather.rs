//! Gathers the change report from events.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use canvass_modules::diff::Diff;
use canvass_modules::wire::EffectRecord;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::diff;
use super::event::{Event, Level, Outcome, RunMode, Status, TaskHead};
use super::hosts::natural;
use super::model::{
    Cause, Change, ChangeReport, Failure, HostReport, ItemReport, NoticeReport, PlayReport,
    Position, SCHEMA, SharedEffect, SharedItems, TaskReport, TaskStatus, Unknown,
};
use super::moment::rfc3339;
use super::python_json::{Ascii, Layout, dumps};

/// What stands in place of what `no_log` hides.
pub const CENSORED: &str = "hidden because the task has `no_log`";

/// Takes the events of a run and knows the report so far.
#[derive(Debug, Default)]
pub struct Gatherer {
    mode: Option<RunMode>,
    began: Option<SystemTime>,
    started: Option<String>,
    finished: Option<String>,
    playbooks: Vec<String>,
    interrupted: bool,
    exit_code: Option<i32>,
    plays: Vec<Play>,
    /// Where each task of the run lies: play and task.
    tasks: HashMap<usize, (usize, usize)>,
    notices: Vec<NoticeReport>,
    recap: std::collections::BTreeMap<String, super::event::Recap>,
}

#[derive(Debug)]
struct Play {
    report: PlayReport,
    tasks: Vec<Task>,
    /// How often each task began in this batch, to tell repeats of a task from another batch.
    begun: HashMap<TaskKey, usize>,
}

/// What makes two tasks of different batches the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TaskKey {
    file: std::path::PathBuf,
    line: u32,
    column: u32,
    name: String,
    role: Option<String>,
    handler: bool,
}

#[derive(Debug)]
struct Task {
    key: (TaskKey, usize),
    head: TaskHead,
    hosts: IndexMap<String, HostReport>,
    diffs: Shared<Diff>,
    effects: Shared<EffectRecord>,
    unknown: Shared<String>,
    failures: IndexMap<String, Vec<Cause>>,
    failed_items: HashMap<String, Vec<Cause>>,
    begun: HashMap<String, f64>,
    items: HashMap<String, Vec<ItemReport>>,
    all_items: Shared<Vec<ItemReport>>,
}

impl Gatherer {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What may happen to hosts in this run.
    pub fn mode(&self) -> RunMode {
        self.mode.unwrap_or(RunMode::Apply)
    }

    /// Whether the run has begun.
    pub fn has_begun(&self) -> bool {
        self.mode.is_some()
    }

    /// How many distinct notices there were.
    pub fn notices(&self) -> usize {
        self.notices.len()
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted { at, mode, playbooks } => {
                self.began = Some(*at);
                self.started = Some(rfc3339(*at));
                self.mode = Some(*mode);
                self.playbooks.clone_from(playbooks);
            }
            Event::PlayStarted { play, name, hosts, place, lockstep, .. } => {
                let play = self.play(*play, name, Position::from(place));
                play.report.lockstep = *lockstep;
                play.begun.clear();
                for host in hosts {
                    if !play.report.hosts.contains(host) {
                        play.report.hosts.push(host.clone());
                    }
                }
            }
            Event::NoHosts { play, name, pattern, place } => {
                let play = self.play(*play, name, Position::from(place));
                play.report.unmatched_pattern = Some(pattern.clone());
            }
            Event::TaskStarted { task } => self.task_started(task),
            Event::HostStarted { at, task, host } => {
                let began = self.began.and_then(|began| at.duration_since(began).ok());
                if let Some(task) = self.task(*task) {
                    let began = began.unwrap_or_default().as_secs_f64();
                    task.begun.insert(host.clone(), began);
                }
            }
            Event::Waiting { .. }
            | Event::Polled { .. }
            | Event::Output { .. }
            | Event::Retrying { .. }
            | Event::Included { .. } => {}
            Event::ItemFinished { task, host, outcome } => {
                if let Some(task) = self.task(*task) {
                    task.item_finished(host, outcome);
                }
            }
            Event::HostFinished { task, host, outcome } => {
                if let Some(task) = self.task(*task) {
                    task.host_finished(host, outcome);
                }
            }
            Event::Rescued { host, task } => {
                if let Some(task) = self.task(*task)
                    && let Some(host) = task.hosts.get_mut(host)
                {
                    host.rescued = true;
                }
            }
            Event::Notice { level: Level::Trace, .. } => {}
            Event::Notice { level, text, place, host, .. } => {
                let place = place.as_ref().map(Position::from);
                let notice =
                    NoticeReport { level: *level, text: text.clone(), place, host: host.clone() };
                if !self.notices.contains(&notice) {
                    self.notices.push(notice);
                }
            }
            Event::CustomStats { .. } | Event::NoHostsLeft => {}
            Event::Interrupted => self.interrupted = true,
            Event::RunFinished { at, recap, exit_code } => {
                self.finished = Some(rfc3339(*at));
                self.recap.clone_from(recap);
                self.exit_code = Some(*exit_code);
            }
        }
    }

    /// The report so far.
    pub fn report(&self) -> ChangeReport {
        ChangeReport {
            schema: SCHEMA.to_owned(),
            engine: concat!("canvass ", env!("CARGO_PKG_VERSION")).to_owned(),
            mode: self.mode(),
            started: self.started.clone(),
            finished: self.finished.clone(),
            playbooks: self.playbooks.clone(),
            interrupted: self.interrupted,
            exit_code: self.exit_code,
            plays: self.plays.iter().map(Play::report).collect(),
            notices: self.notices.clone(),
            recap: self.recap.clone(),
        }
    }

    fn play(&mut self, number: usize, name: &str, place: Position) -> &mut Play {
        let known = self.plays.iter().position(|play| play.report.number == number);
        let index = known.unwrap_or(self.plays.len());
        if known.is_none() {
            let report = PlayReport {
                number,
                name: name.to_owned(),
                place,
                hosts: Vec::new(),
                lockstep: false,
                unmatched_pattern: None,
                tasks: Vec::new(),
            };
            self.plays.push(Play { report, tasks: Vec::new(), begun: HashMap::new() });
        }
        #[expect(clippy::indexing_slicing, reason = "found above, or pushed at this index")]
        &mut self.plays[index]
    }

    fn task_started(&mut self, head: &TaskHead) {
        let known = self.plays.iter().position(|play| play.report.number == head.play);
        let Some((index, play)) = known.and_then(|index| Some((index, self.plays.get_mut(index)?)))
        else {
            return;
        };
        let key = TaskKey {
            file: head.place.file.clone(),
            line: head.place.line,
            column: head.place.column,
            name: head.name.clone(),
            role: head.role.clone(),
            handler: head.handler,
        };
        let times = play.begun.entry(key.clone()).or_default();
        *times += 1;
        let key = (key, *times);
        let place = play.tasks.iter().position(|task| task.key == key).unwrap_or_else(|| {
            play.tasks.push(Task::new(key, head.clone()));
            play.tasks.len() - 1
        });
        self.tasks.insert(head.id, (index, place));
    }

    fn task(&mut self, id: usize) -> Option<&mut Task> {
        let (play, task) = self.tasks.get(&id)?;
        self.plays.get_mut(*play)?.tasks.get_mut(*task)
    }
}

impl Play {
    fn report(&self) -> PlayReport {
        let tasks = self.tasks.iter().map(Task::report).collect();
        PlayReport { tasks, ..self.report.clone() }
    }
}

impl Task {
    fn new(key: (TaskKey, usize), head: TaskHead) -> Self {
        Self {
            key,
            head,
            hosts: IndexMap::new(),
            diffs: Shared::default(),
            effects: Shared::default(),
            unknown: Shared::default(),
            failures: IndexMap::new(),
            failed_items: HashMap::new(),
            begun: HashMap::new(),
            items: HashMap::new(),
            all_items: Shared::default(),
        }
    }

    fn item_finished(&mut self, host: &str, outcome: &Outcome) {
        if failed(&outcome.status) {
            self.failed_items.entry(host.to_owned()).or_default().push(cause(outcome));
        }
        let item = match (&outcome.item, outcome.censored) {
            (Some(item), false) => label(item),
            _ => "censored".to_owned(),
        };
        let report = ItemReport { item, status: status(&outcome.status) };
        self.items.entry(host.to_owned()).or_default().push(report);
    }

    fn host_finished(&mut self, host: &str, outcome: &Outcome) {
        let report = HostReport {
            status: status(&outcome.status),
            ignored: outcome.ignored,
            rescued: false,
            delegated_to: outcome.delegated_to.clone(),
            started: self.begun.remove(host).unwrap_or_default(),
            seconds: outcome.took.as_secs_f64(),
            spent: outcome.spent,
        };
        let quiet = matches!(outcome.status, Status::Ok | Status::Skipped);
        self.hosts.insert(host.to_owned(), report);
        if !quiet && !outcome.censored {
            for diff in &outcome.diffs {
                self.diffs.add(diff, host);
            }
            for effect in &outcome.effects {
                self.effects.add(effect, host);
            }
        }
        if let Some(items) = self.items.remove(host) {
            self.all_items.add(&Arc::new(items), host);
        }
        let items = self.failed_items.remove(host).unwrap_or_default();
        if let Status::Unknown { reason } = &outcome.status {
            self.unknown.add(&Arc::new(reason.clone()), host);
        }
        if failed(&outcome.status) {
            let causes = if items.is_empty() { vec![cause(outcome)] } else { items };
            self.failures.insert(host.to_owned(), causes);
        }
    }

    fn report(&self) -> TaskReport {
        let mut hosts = self.hosts.clone();
        hosts.sort_by(|a, _, b, _| natural(a, b));
        let mut failures: Vec<Failure> = Vec::new();
        for (host, causes) in &self.failures {
            let Some(report) = self.hosts.get(host) else { continue };
            for cause in causes {
                let same = failures.iter_mut().find(|failure| {
                    failure.cause == *cause
                        && failure.status == report.status
                        && failure.ignored == report.ignored
                        && failure.rescued == report.rescued
                });
                match same {
                    Some(failure) => failure.hosts.push(host.clone()),
                    None => failures.push(Failure {
                        hosts: vec![host.clone()],
                        status: report.status,
                        ignored: report.ignored,
                        rescued: report.rescued,
                        cause: cause.clone(),
                    }),
                }
            }
        }
        for failure in &mut failures {
            failure.hosts.sort_by(|a, b| natural(a, b));
            failure.hosts.dedup();
        }
        failures.sort_by(|a, b| match (a.hosts.first(), b.hosts.first()) {
            (Some(a), Some(b)) => natural(a, b),
            _ => std::cmp::Ordering::Equal,
        });
        TaskReport {
            name: self.head.name.clone(),
            role: self.head.role.clone(),
            module: self.head.module.clone(),
            handler: self.head.handler,
            place: Position::from(&self.head.place),
            hosts,
            changes: self.diffs.map(|diff, hosts| Change {
                hosts,
                diff: Arc::clone(diff),
                unified: diff::draw(diff),
            }),
            effects: self
                .effects
                .map(|record, hosts| SharedEffect { hosts, record: Arc::clone(record) }),
            failures,
            unknown: self
                .unknown
                .map(|reason, hosts| Unknown { hosts, reason: (**reason).clone() }),
            items: self
                .all_items
                .map(|items, hosts| SharedItems { hosts, items: (**items).clone() }),
        }
    }
}

/// Distinct things and the hosts that share them, in the order of their first host.
#[derive(Debug)]
struct Shared<T> {
    /// Each with its hosts, and when it was added for each.
    entries: Vec<(Arc<T>, Vec<(String, usize)>)>,
    added: usize,
    /// Entries by the hash of their JSON.
    index: HashMap<u64, Vec<usize>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), added: 0, index: HashMap::new() }
    }
}

impl<T: PartialEq + Serialize> Shared<T> {
    fn add(&mut self, thing: &Arc<T>, host: &str) {
        let mut hasher = DefaultHasher::new();
        // a thing that is no JSON shares the hash of the empty text; equality decides anyway
        serde_json::to_string(&**thing).unwrap_or_default().hash(&mut hasher);
        let candidates = self.index.entry(hasher.finish()).or_default();
        self.added += 1;
        for &at in candidates.iter() {
            if let Some((known, hosts)) = self.entries.get_mut(at)
                && (Arc::ptr_eq(known, thing) || known == thing)
            {
                // items of a loop may share a diff on the same host
                if !hosts.iter().any(|(known, _)| known == host) {
                    hosts.push((host.to_owned(), self.added));
                }
                return;
            }
        }
        candidates.push(self.entries.len());
        self.entries.push((Arc::clone(thing), vec![(host.to_owned(), self.added)]));
    }

    /// In the order of the first host, and of what that host told: which host was faster must not
    /// be seen.
    fn map<R>(&self, draw: impl Fn(&Arc<T>, Vec<String>) -> R) -> Vec<R> {
        let mut entries: Vec<(&Arc<T>, Vec<(String, usize)>)> = Vec::new();
        for (thing, hosts) in &self.entries {
            let mut hosts = hosts.clone();
            hosts.sort_by(|(a, _), (b, _)| natural(a, b));
            entries.push((thing, hosts));
        }
        entries.sort_by(|(_, these), (_, those)| match (these.first(), those.first()) {
            (Some((a, first)), Some((b, second))) => natural(a, b).then(first.cmp(second)),
            _ => std::cmp::Ordering::Equal,
        });
        let names = |hosts: Vec<(String, usize)>| hosts.into_iter().map(|(name, _)| name).collect();
        entries.into_iter().map(|(thing, hosts)| draw(thing, names(hosts))).collect()
    }
}

fn failed(status: &Status) -> bool {
    matches!(status, Status::Failed | Status::Unreachable)
}

fn status(status: &Status) -> TaskStatus {
    match status {
        Status::Ok => TaskStatus::Ok,
        Status::Changed => TaskStatus::Changed,
        Status::Skipped => TaskStatus::Skipped,
        Status::Failed => TaskStatus::Failed,
        Status::Unreachable => TaskStatus::Unreachable,
        Status::Unknown { .. } => TaskStatus::Unknown,
    }
}

/// Why a task or an item failed, read from its result.
pub(super) fn cause(outcome: &Outcome) -> Cause {
    if outcome.censored {
        return Cause { reason: CENSORED.to_owned(), ..Cause::default() };
    }
    let result = &outcome.result;
    let stderr = text_field(result, "stderr").or_else(|| text_field(result, "module_stderr"));
    let stdout = text_field(result, "stdout").or_else(|| text_field(result, "module_stdout"));
    let rc = result.get("rc").and_then(Json::as_i64);
    // an include says it as `reason`
    let reason = match result.get("msg").or_else(|| result.get("reason")) {
        Some(Json::String(text)) if !text.trim().is_empty() => text.clone(),
        Some(other) if !other.is_null() && !other.is_string() => {
            dumps(other, Layout::Line, Ascii::Kept)
        }
        _ => match rc {
            Some(rc) => format!("ended with {rc}"),
            None => "no reason was given".to_owned(),
        },
    };
    let place = outcome.causes.last().and_then(|cause| cause.place.as_ref());
    let reason = match place {
        Some(place) => format!("{reason} ({place})"),
        None => reason,
    };
    Cause { item: outcome.item.as_ref().map(label), reason, rc, stderr, stdout }
}

/// The label of an item as Ansible shows it: text as it is, anything else as JSON.
pub(super) fn label(item: &Json) -> String {
    match item {
        Json::String(text) => text.clone(),
        other => dumps(other, Layout::Line, Ascii::Kept),
    }
}

fn text_field(result: &Map<String, Json>, field: &str) -> Option<String> {
    let text = result.get(field)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

//! The journal of a run: what each host has done, so that another run can go on from there.
//!
//! Every result is a line, handed as it comes to whoever keeps it, with what is registered and set;
//! the run does not wait for that. A run that [goes on](Past) begins at the first play; a step that a host has done already is not done
//! again, its result is taken from the journal. So includes, blocks, batches, notified handlers and
//! variables stand as they stood, and each host goes on at its own place. What only acts on the run
//! (`debug`, `assert`, includes, facts) is done again, and so is a step whose registered result is
//! a secret: no secret is in a journal.

mod line;
mod past;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::Value as Json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

pub use past::Past;

use line::{Entry, EntryKey, Line};

use super::hold::StepId;
use super::outcome::TaskResult;
use crate::report::mask::Secrets;
use crate::source::inputs;

/// Keeps a journal, and knows the one of the run that is gone on with.
#[derive(Debug)]
pub struct Journal {
    /// When the run began.
    pub(super) started: SystemTime,
    past: Option<Arc<Past>>,
    lines: Mutex<Option<UnboundedSender<Line>>>,
    work: Mutex<Option<JoinHandle<io::Result<()>>>>,
    /// How often each host came to each step.
    times: Mutex<HashMap<(String, StepId), usize>>,
    /// How many of the files that were read are told.
    inputs: AtomicUsize,
}

impl Journal {
    /// Begins a journal within the runtime of the run; lines are kept by `keep`, some at a time,
    /// each with its line feed.
    pub fn begin(
        keep: impl FnMut(&str) -> io::Result<()> + Send + 'static,
        header: Json,
        started: SystemTime,
        past: Option<Arc<Past>>,
    ) -> Self {
        let (lines, given) = unbounded_channel();
        let work = tokio::task::spawn_blocking(move || write(keep, given));
        let this = Self {
            started,
            past,
            lines: Mutex::new(Some(lines)),
            work: Mutex::new(Some(work)),
            times: Mutex::default(),
            inputs: AtomicUsize::new(0),
        };
        this.tell(Line::Begin { header });
        this.tell_inputs();
        for (host, key, entry) in this.past.iter().flat_map(|past| past.entries()) {
            let (host, key, entry) = (host.to_owned(), key.clone(), entry.clone());
            this.tell(Line::Done { host, key: Box::new(key), entry: Box::new(entry) });
        }
        this
    }

    /// Whether it goes on with an earlier run.
    pub(super) fn goes_on(&self) -> bool {
        self.past.is_some()
    }

    /// The step that a host stands at, by its number among equal ones.
    pub(super) fn stands_at(&self, host: &str, step: StepId) -> EntryKey {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let time = times.get(&(host.to_owned(), step.clone())).copied().unwrap_or_default();
        EntryKey { step, time }
    }

    /// What came of a step in the run that is gone on with.
    pub(super) fn replayed(&self, host: &str, key: &EntryKey) -> Option<TaskResult> {
        self.past.as_ref()?.entry(host, key).map(Entry::replayed)
    }

    /// Notes what came of the step that a host stands at.
    pub(super) fn note(&self, host: &str, step: StepId, total: &TaskResult, secrets: &Secrets) {
        self.tell_inputs();
        let key = self.stands_at(host, step);
        {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.insert((host.to_owned(), key.step.clone()), key.time + 1);
        }
        match Entry::of(&key.step.module, total, secrets) {
            // it is there from the beginning
            Some(_) if self.past.as_ref().is_some_and(|past| past.entry(host, &key).is_some()) => {}
            Some(entry) => {
                let (key, entry) = (Box::new(key), Box::new(entry));
                self.tell(Line::Done { host: host.to_owned(), key, entry });
            }
            None if total.verdict == super::outcome::Verdict::Failed && !total.ignored => {
                self.failed(host);
            }
            None => {}
        }
    }

    /// A host has failed with others.
    pub(super) fn failed(&self, host: &str) {
        self.tell(Line::Failed { host: host.to_owned() });
    }

    /// What has failed on a host was caught.
    pub(super) fn rescued(&self, host: &str) {
        self.tell(Line::Rescued { host: host.to_owned() });
    }

    /// Waits until all is written.
    ///
    /// # Errors
    ///
    /// When some of it could not be written.
    pub async fn end(&self) -> io::Result<()> {
        self.tell_inputs();
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        match work {
            Some(work) => work.await.unwrap_or_else(|error| Err(io::Error::other(error))),
            None => Ok(()),
        }
    }

    fn tell(&self, line: Line) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // a writer that has ended tells why at the end
        let _ = lines.as_ref().map(|lines| lines.send(line));
    }

    fn tell_inputs(&self) {
        let count = inputs::count();
        let told = self.inputs.swap(count, Ordering::Relaxed);
        if count > told {
            for (path, sha256) in inputs::noted() {
                self.tell(Line::Input { path, sha256 });
            }
        }
    }
}

/// So many lines are kept at once.
const LINES: usize = 512;

fn write(
    mut keep: impl FnMut(&str) -> io::Result<()>,
    mut given: UnboundedReceiver<Line>,
) -> io::Result<()> {
    let mut lines = Vec::new();
    let mut text = String::new();
    while given.blocking_recv_many(&mut lines, LINES) > 0 {
        for line in lines.drain(..) {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        keep(&text)?;
        text.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::outcome::Verdict;
    use super::*;
    use crate::source::Place;

    fn step(line: u32) -> StepId {
        StepId {
            play: 0,
            place: Place { file: "site.yml".into(), line, column: 7 },
            role: None,
            handler: false,
            item: None,
            task: "t".to_owned(),
            module: "ansible.builtin.command".to_owned(),
        }
    }

    fn result(verdict: Verdict, registered: &str) -> TaskResult {
        let mut result = TaskResult::new(verdict, serde_json::Map::new());
        let value = crate::template::from_json(&json!({ "stdout": registered }));
        result.learnt.set.insert("out".to_owned(), crate::vars::Var::Data(value));
        result
    }

    async fn past(note: impl FnOnce(&Journal, &Secrets)) -> Past {
        past_after(None, note).await
    }

    async fn past_after(before: Option<Past>, note: impl FnOnce(&Journal, &Secrets)) -> Past {
        let kept = Arc::new(Mutex::new(String::new()));
        let keep = {
            let kept = Arc::clone(&kept);
            move |lines: &str| {
                kept.lock().unwrap().push_str(lines);
                Ok(())
            }
        };
        let header = json!({"schema": "x"});
        let journal = Journal::begin(keep, header, SystemTime::now(), before.map(Arc::new));
        let mut secrets = Secrets::new();
        secrets.add("hunter2");
        note(&journal, &secrets);
        journal.end().await.unwrap();
        let kept = kept.lock().unwrap();
        assert!(!kept.contains("hunter2"));
        // the end of what was being written when the run broke off does not count
        Past::read(&format!("{kept}{{\"line\": \"do")).unwrap()
    }

    #[tokio::test]
    async fn a_step_that_is_done_comes_back_with_what_it_registered() {
        let past = past(|journal, secrets| {
            for text in ["first", "second"] {
                journal.note("h", step(4), &result(Verdict::Changed, text), secrets);
            }
        })
        .await;
        assert_eq!((past.header["schema"].as_str(), past.steps_of("h")), (Some("x"), 2));
        let journal =
            Journal::begin(|_| Ok(()), Json::Null, SystemTime::now(), Some(Arc::new(past)));
        for text in ["first", "second"] {
            let key = journal.stands_at("h", step(4));
            let replayed = journal.replayed("h", &key).unwrap();
            journal.note("h", step(4), &replayed, &Secrets::new());
            assert_eq!(replayed.verdict, Verdict::Changed);
            let crate::vars::Var::Data(value) = &replayed.learnt.set["out"] else { panic!() };
            assert_eq!(value.get_attr("stdout").unwrap().as_str(), Some(text));
        }
        assert!(journal.replayed("h", &journal.stands_at("h", step(4))).is_none());
        assert!(journal.replayed("other", &journal.stands_at("other", step(4))).is_none());
    }

    #[tokio::test]
    async fn what_comes_after_a_failure_is_done_again_unless_it_was_rescued() {
        for (rescued, steps) in [(false, 1), (true, 3)] {
            let past = past(|journal, secrets| {
                for (line, verdict) in [(4, Verdict::Ok), (6, Verdict::Failed)] {
                    journal.note("h", step(line), &result(verdict, "x"), secrets);
                }
                if rescued {
                    journal.rescued("h");
                }
                journal.note("h", step(8), &result(Verdict::Ok, "x"), secrets);
            })
            .await;
            assert_eq!(past.steps_of("h"), steps);
        }
    }

    #[tokio::test]
    async fn a_run_that_goes_on_and_breaks_off_at_once_has_lost_nothing() {
        let first = past(|journal, secrets| {
            for line in [4, 6, 8] {
                journal.note("h", step(line), &result(Verdict::Ok, "x"), secrets);
            }
        })
        .await;
        let second = past_after(Some(first), |journal, secrets| {
            let key = journal.stands_at("h", step(4));
            journal.note("h", step(4), &journal.replayed("h", &key).unwrap(), secrets);
            journal.failed("h");
        })
        .await;
        assert_eq!(second.steps_of("h"), 3);
    }

    #[tokio::test]
    async fn a_registered_secret_is_not_kept() {
        let past = past(|journal, secrets| {
            journal.note("h", step(4), &result(Verdict::Ok, "it is hunter2"), secrets);
        })
        .await;
        assert_eq!(past.steps_of("h"), 0);
    }
}

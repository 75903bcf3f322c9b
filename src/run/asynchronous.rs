//! `async` and `poll`: a task that goes on as a job of its own on the host.

use std::sync::Arc;
use std::time::Duration;

use canvass_modules::wire::{Detach, Mode};
use serde_json::{Map, Value as Json};

use crate::playbook::Task;
use crate::report::event::{Event, Progress};
use crate::vars::Scope;

use super::action::{self, After, RemoteCall};
use super::invocation;
use super::job::{Job, Setting};
use super::keyword::{KeywordError, KeywordReader, python_text};
use super::outcome::{TaskResult, Verdict};

const STATUS: &str = "ansible.builtin.async_status";

/// Seconds between two looks when `poll` is not given (`poll_interval`; Ansible's default is 15).
fn interval() -> f64 {
    let set = crate::settings::current().integer("DEFAULT_POLL_INTERVAL");
    f64::from(set.and_then(|set| u32::try_from(set).ok()).unwrap_or(15))
}

/// Modules whose controller part knows no jobs, though their work is a runner's.
const TRANSFERRING: &[&str] = &["ansible.builtin.assemble", "ansible.builtin.unarchive"];

/// A task that is to be a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Asynchronous {
    /// Seconds that it may take.
    limit: f64,
    /// Seconds between two looks; 0 does not look.
    poll: f64,
}

impl Asynchronous {
    /// What the task says; `None` for one that is waited for.
    pub(super) fn of(reader: KeywordReader<'_>, task: &Task) -> Result<Option<Self>, KeywordError> {
        let Some(limit) = &task.r#async else { return Ok(None) };
        let limit = reader.number("async", limit)?;
        let poll = match &task.poll {
            Some(node) => reader.number("poll", node)?,
            None => interval(),
        };
        Ok((limit > 0.0).then_some(Self { limit, poll }))
    }
}

/// Whether a module can be a job.
pub(super) fn supports(module: &str) -> bool {
    let native = action::find(module).is_none() || module == "ansible.builtin.uri";
    native && !TRANSFERRING.contains(&module)
}

/// The folder of the host that keeps the results of jobs.
pub(super) fn directory(scope: &Scope) -> String {
    let variable = scope.value("ansible_async_dir").ok().flatten();
    variable
        .map(|value| python_text(&value))
        .or_else(|| std::env::var("ANSIBLE_ASYNC_DIR").ok())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "~/.ansible_async".to_owned())
}

impl Job {
    /// Starts calls as jobs, and looks at them until they are over unless `poll` is 0.
    pub(super) async fn detached(
        &self,
        setting: &Arc<Setting>,
        asynchronous: &Asynchronous,
        calls: Vec<RemoteCall>,
    ) -> Vec<TaskResult> {
        if asynchronous.poll <= 0.0 {
            return self.send(setting, calls, detach(setting, asynchronous)).await;
        }
        let mut results = Vec::with_capacity(calls.len());
        for call in calls {
            let (module, arguments) = (call.module.clone(), call.arguments.clone());
            let started = self.send(setting, vec![call], detach(setting, asynchronous)).await.pop();
            results.push(match started {
                Some(started) if started.verdict == Verdict::Changed => {
                    let mut result = self.watched(setting, asynchronous, &started).await;
                    if result.result.contains_key("ansible_job_id") {
                        result.result.shift_remove(invocation::FIELD);
                        invocation::note(&module, &arguments, &mut result);
                    }
                    result
                }
                Some(failed) => failed,
                None => TaskResult::failed("the host gave no answer"),
            });
        }
        results
    }

    fn polled(&self, job: &str, progress: Progress) {
        self.play.run.tell(Event::Polled {
            task: self.id,
            host: self.host.clone(),
            job: job.to_owned(),
            progress,
        });
    }

    /// Looks at a job until it is over, then forgets its file.
    async fn watched(
        &self,
        setting: &Arc<Setting>,
        asynchronous: &Asynchronous,
        started: &TaskResult,
    ) -> TaskResult {
        let Some(name) = started.result.get("ansible_job_id").and_then(Json::as_str) else {
            return TaskResult::failed("No job id was returned by the async task");
        };
        let finished =
            |result: &TaskResult| result.result.get("finished") == Some(&Json::from(true));
        let mut left = asynchronous.limit;
        let mut last = None;
        while left > 0.0 {
            tokio::time::sleep(Duration::try_from_secs_f64(asynchronous.poll).unwrap_or_default())
                .await;
            let look = self.send(setting, vec![look(setting, name, "status")], None).await.pop();
            let over = look
                .as_ref()
                .is_some_and(|result| finished(result) || result.verdict == Verdict::Failed);
            last = look;
            if over {
                break;
            }
            self.polled(name, Progress::Running);
            left -= asynchronous.poll;
        }
        match last {
            Some(result) if finished(&result) => {
                self.send(setting, vec![look(setting, name, "cleanup")], None).await;
                self.polled(
                    name,
                    match result.verdict {
                        Verdict::Failed => Progress::Failed,
                        _ => Progress::Over,
                    },
                );
                result
            }
            last => {
                self.polled(name, Progress::Failed);
                let mut result = TaskResult::failed(format!(
                    "async task did not complete within the requested time - {}s",
                    asynchronous.limit
                ));
                if let Some(mut last) = last {
                    last.result.retain(|name, _| !matches!(name.as_str(), "changed" | "failed"));
                    result.set("async_result", Json::Object(last.result));
                }
                result
            }
        }
    }
}

fn detach(setting: &Setting, asynchronous: &Asynchronous) -> Option<Detach> {
    let number = crate::connection::random_number();
    Some(Detach {
        job: format!("j{}", number % 1_000_000_000_000),
        limit: Duration::try_from_secs_f64(asynchronous.limit).unwrap_or_default().as_secs().max(1),
        directory: directory(&setting.scope),
    })
    .filter(|_| setting.mode == Mode::Apply)
}

fn look(setting: &Setting, job: &str, mode: &str) -> RemoteCall {
    let mut arguments = Map::new();
    for (name, value) in
        [("jid", job), ("mode", mode), ("_async_dir", directory(&setting.scope).as_str())]
    {
        arguments.insert(name.to_owned(), Json::from(value));
    }
    RemoteCall { module: STATUS.to_owned(), arguments, source: None, after: After::Nothing }
}

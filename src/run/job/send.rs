//! Calls of modules on the host.

use std::sync::Arc;

use canvass_modules::wire::{Detach, Mode, TaskRequest};

use crate::connection::{ConnectionError, Privilege, Target, TaskSource, Transport};

use super::{Job, Setting, blocking};
use crate::run::action::{RemoteCall, Runs, Synchronize};
use crate::run::check_mode;
use crate::run::outcome::TaskResult;
use crate::run::registered_diff;

impl Job {
    /// Sends calls of one module to the host in one message; a result for each.
    pub(super) async fn remote(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
    ) -> Vec<TaskResult> {
        match &setting.asynchronous {
            Some(asynchronous) if setting.mode == Mode::Apply => {
                self.detached(setting, asynchronous, calls).await
            }
            _ => self.send(setting, calls, None).await,
        }
    }

    /// rsync runs on this machine, or where the task does.
    pub(super) async fn synchronized(
        &self,
        setting: &Arc<Setting>,
        trees: Synchronize,
    ) -> TaskResult {
        let delegated = setting.delegated.as_ref().map(|to| to.host.as_str());
        let (runs, call) = trees.call(&setting.target, delegated, &setting.privilege);
        let results = match runs {
            Runs::Controller => {
                let here = Target::new("localhost", Transport::Local);
                self.send_to((&here, &Privilege::Same), setting, vec![call], None).await
            }
            Runs::There(privilege) => {
                self.send_to((&setting.target, &privilege), setting, vec![call], None).await
            }
        };
        let gone = || TaskResult::failed("the host gave no answer");
        results.into_iter().next().unwrap_or_else(gone)
    }

    /// Sends calls as they are, or as jobs.
    pub(in crate::run) async fn send(
        &self,
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        detach: Option<Detach>,
    ) -> Vec<TaskResult> {
        self.send_to((&setting.target, &setting.privilege), setting, calls, detach).await
    }

    async fn send_to(
        &self,
        (target, privilege): (&Target, &Privilege),
        setting: &Arc<Setting>,
        calls: Vec<RemoteCall>,
        detach: Option<Detach>,
    ) -> Vec<TaskResult> {
        let Some(first) = calls.first() else { return Vec::new() };
        let count = calls.len();
        let mut request = TaskRequest {
            id: 0,
            module: first.module.clone(),
            mode: setting.mode,
            diff: setting.diff,
            environment: setting.environment.clone(),
            items: Vec::with_capacity(count),
            rehearsed: Vec::new(),
            timeout: setting.timeout.map(|timeout| timeout.as_secs().max(1)),
            sources: Vec::new(),
            detach,
        };
        let mut sources = Vec::new();
        let mut after = Vec::new();
        for (index, call) in calls.into_iter().enumerate() {
            let mut arguments = call.arguments;
            if let Some(source) = call.source {
                let source = numbered(source, index as u64 + 1);
                let (TaskSource::Bytes { source: described, .. }
                | TaskSource::File { source: described, .. }) = &source;
                let described = serde_json::to_value(described).unwrap_or_default();
                arguments.insert(canvass_modules::wire::SOURCE_ARGUMENT.to_owned(), described);
                sources.push(source);
            }
            after.push(call.after);
            request.items.push(arguments);
        }
        let pool = &self.play.run.pool;
        // only Ansible's check mode reads the arguments again
        let checked = (setting.mode == Mode::Check).then(|| request.items.clone());
        let module = request.module.clone();
        let asked = self.task.task.action.module.clone();
        match pool.task(target, privilege, request, sources).await {
            Err(error) => (0..count).map(|_| lost(&error)).collect(),
            Ok(replies) => {
                let registers_diff = setting.registers_diff;
                blocking(move || {
                    replies
                        .into_iter()
                        .zip(after)
                        .map(|(mut reply, after)| {
                            after.work(&mut reply);
                            let item = reply.item;
                            let mut result = TaskResult::from_reply(reply);
                            if let Some(arguments) =
                                checked.as_ref().and_then(|items| items.get(item))
                            {
                                check_mode::word(&module, arguments, &mut result);
                            }
                            registered_diff::register(&asked, registers_diff, &mut result);
                            result
                        })
                        .collect()
                })
                .await
            }
        }
    }
}

/// The result when the connection gave none.
pub(super) fn lost(error: &ConnectionError) -> TaskResult {
    if error.is_unreachable() { TaskResult::unreachable(error) } else { TaskResult::failed(error) }
}

fn numbered(source: TaskSource, id: u64) -> TaskSource {
    match source {
        TaskSource::Bytes { mut source, bytes } => {
            source.id = id;
            TaskSource::Bytes { source, bytes }
        }
        TaskSource::File { mut source, path } => {
            source.id = id;
            TaskSource::File { source, path }
        }
    }
}

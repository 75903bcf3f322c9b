//! What a dry run cannot know of a host any more: a task that nobody knows what it does may make
//! what a later one lacks, so that the failure of that one is no failure yet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use canvass_modules::registry;
use canvass_modules::wire::{ItemReply, Mode, NOW_IT_FAILS, Status};
use serde_json::Value as Json;

use super::job::{Job, Setting};
use super::outcome::{TaskResult, Verdict};
use crate::source::Kind;

/// Modules that change nothing on a host.
const READERS: &[&str] = &[
    "ansible.builtin.async_status",
    "ansible.builtin.fetch",
    "ansible.builtin.find",
    "ansible.builtin.getent",
    "ansible.builtin.mount_facts",
    "ansible.builtin.package_facts",
    "ansible.builtin.ping",
    "ansible.builtin.service_facts",
    "ansible.builtin.setup",
    "ansible.builtin.slurp",
    "ansible.builtin.stat",
    "ansible.builtin.wait_for",
];

/// The last task of each host that nobody knows what it does.
#[derive(Debug, Default)]
pub(crate) struct Unforeseen(Mutex<HashMap<String, String>>);

impl Unforeseen {
    fn note(&self, host: &str, task: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(host.to_owned(), task.to_owned());
    }

    fn on(&self, host: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }
}

impl Job {
    /// Notes a task that may act, and of which nobody knows how.
    pub(super) fn note_unforeseen(&self, total: &TaskResult) {
        let task = &self.task.task;
        let module = task.action.module.as_str();
        if !matches!(total.verdict, Verdict::Unknown(_))
            || total.changes_nothing()
            || task.changed_when.iter().flatten().any(|it| matches!(it.kind, Kind::Bool(false)))
            || READERS.contains(&module)
            || (registry::find(module).is_none() && task.action.own.is_none())
        {
            return;
        }
        let delegated =
            self.task.keywords.iter().rev().find_map(|level| level.delegate_to.as_ref());
        let host = match delegated.map(|node| &node.kind) {
            Some(Kind::Str(text)) if !text.value.contains("{{") => text.value.as_str(),
            _ => self.host.as_str(),
        };
        let name = match task.name.as_ref().map(|node| &node.kind) {
            Some(Kind::Str(text)) => &text.value,
            _ => &task.action.written,
        };
        self.play.run.unforeseen.note(host, name);
    }

    /// Takes failures for unknown that such a task may have kept away. What a failure says is part
    /// of the reason, which shows and is handed on to other tasks: not where `no_log` hides it.
    pub(super) fn excuse(&self, mode: Mode, setting: &Setting, replies: &mut [ItemReply]) {
        self.take_for_unknown(mode, setting, replies);
        if mode != Mode::Apply && self.censors(&setting.scope) {
            for reply in replies {
                if let Status::Unknown { reason } = &mut reply.status
                    && let Some(at) = reason.find(NOW_IT_FAILS)
                {
                    reason.truncate(at + NOW_IT_FAILS.len());
                }
            }
        }
    }

    fn take_for_unknown(&self, mode: Mode, setting: &Setting, replies: &mut [ItemReply]) {
        let host = setting.delegated.as_ref().map_or(&self.host, |to| &to.host);
        let Some(task) = self.play.run.unforeseen.on(host).filter(|_| mode != Mode::Apply) else {
            return;
        };
        for reply in replies.iter_mut().filter(|reply| reply.status == Status::Failed) {
            let said = reply.returned.get("msg").and_then(Json::as_str).unwrap_or_default();
            let reason = format!("`{task}` comes first and may mend it; {NOW_IT_FAILS}: {said}");
            reply.status = Status::Unknown { reason };
        }
    }
}

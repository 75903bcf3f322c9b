//! The task debugger: someone looks at a task that has ended, changes it and runs it again.
//!
//! Commands are those of Ansible's debugger
//! (<https://docs.ansible.com/ansible-core/2.19/playbook_guide/playbooks_debugger.html>);
//! expressions are those of templates, which Python's are close to.

mod command;
mod session;
mod shown;

use crate::graph::StepTask;
use crate::playbook::Keywords;

use super::keyword::KeywordReader;
use super::outcome::{TaskResult, Verdict};
use super::settings::Debugging;

pub(crate) use session::{Decision, Session};

/// When a task is debugged, as the keyword `debugger` says it.
fn said(reader: KeywordReader<'_>) -> Option<String> {
    let pick: fn(&Keywords) -> Option<&crate::source::Node> = |level| level.debugger.as_ref();
    reader.text("debugger", pick).ok().flatten()
}

/// Whether the debugger opens after a task that ended like this.
pub(crate) fn opens(reader: KeywordReader<'_>, debugging: Debugging, result: &TaskResult) -> bool {
    let passed_over = result.ignored && debugging.ignores_ignored;
    let failed = result.verdict == Verdict::Failed && !passed_over;
    let unreachable = result.verdict == Verdict::Unreachable;
    match said(reader).as_deref() {
        Some("always") => true,
        Some("never") => false,
        Some("on_failed") if failed => true,
        Some("on_unreachable") if unreachable => true,
        Some("on_skipped") if result.verdict == Verdict::Skipped => true,
        _ => debugging.enabled && (failed || unreachable),
    }
}

/// A task as prompts name it.
pub(crate) fn title(task: &StepTask) -> String {
    let name = task.task.name.as_ref().and_then(|name| name.as_str());
    let name = name.unwrap_or(&task.task.action.written);
    match &task.role {
        Some(role) => format!("TASK: {} : {name}", role.name),
        None => format!("TASK: {name}"),
    }
}

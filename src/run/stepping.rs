//! `--step` and `--start-at-task`: which tasks of a play are run at all.

use canvass_modules::module::wildcard;

use crate::graph::{StepKind, StepTask, Steps};

/// The first task of a play whose name is this one, or fits it as a shell pattern.
pub(crate) fn find(steps: &Steps, wanted: &str) -> Option<usize> {
    let fits = |task: &StepTask| {
        let name = task.task.name.as_ref().and_then(|name| name.as_str());
        let name = name.unwrap_or(&task.task.action.written);
        let full = task.role.as_ref().map(|role| format!("{} : {name}", role.name));
        let names = [Some(name.to_owned()), full];
        names.iter().flatten().any(|name| name == wanted || wildcard::matches(wanted, name))
    };
    steps.list.iter().position(|step| step.kind == StepKind::Task && fits(&step.task))
}

/// What someone answers to the question whether a task is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is not.
    No,
    /// It is.
    Yes,
    /// It is, and nobody is asked any more.
    Continue,
}

impl Answer {
    /// Reads an answer; all that is no other word means no.
    pub(crate) fn of(line: &str) -> Self {
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => Self::Yes,
            "c" | "continue" => Self::Continue,
            _ => Self::No,
        }
    }
}

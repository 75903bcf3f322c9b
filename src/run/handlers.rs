//! Handlers: who is told, and by which names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::StepTask;
use crate::template::Templar;
use crate::vars::Scope;

/// The handlers of a play by the names that notify them.
#[derive(Default)]
pub(crate) struct Handlers {
    /// In the order in which they run.
    steps: Vec<Arc<StepTask>>,
    /// Number of a handler by the address of its step task.
    numbers: HashMap<usize, usize>,
    names: Vec<Names>,
}

struct Names {
    name: String,
    qualified: Option<String>,
    listen: Vec<String>,
}

/// Why a handler is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notified {
    /// A task changed something.
    Changed,
    /// Whether a task changes something is unknown, and why.
    Unknown(String),
}

impl Handlers {
    /// Adds handlers; names with templates are rendered with the scope of the play. Those of a
    /// role that is there already are left out.
    pub(crate) fn add(&mut self, handlers: &[Arc<StepTask>], templar: &Templar, scope: &Scope) {
        let text = |node: &crate::source::Node| match templar.node(node, scope) {
            Ok(value) => value.to_string(),
            Err(_) => node.as_str().unwrap_or_default().to_owned(),
        };
        let known: Vec<_> = self.steps.iter().map(|step| Arc::as_ptr(&step.task)).collect();
        for handler in handlers.iter().filter(|step| !known.contains(&Arc::as_ptr(&step.task))) {
            self.numbers.insert(Arc::as_ptr(handler) as usize, self.names.len());
            let name = handler.task.name.as_ref().map(text).unwrap_or_default();
            self.names.push(Names {
                qualified: handler.role.as_ref().map(|role| format!("{} : {name}", role.name)),
                name,
                listen: handler.task.listen.iter().map(text).collect(),
            });
            self.steps.push(Arc::clone(handler));
        }
    }

    /// All handlers, in the order in which they run.
    pub(crate) fn steps(&self) -> &[Arc<StepTask>] {
        &self.steps
    }

    /// The number of a handler's step.
    pub(crate) fn number(&self, handler: &Arc<StepTask>) -> Option<usize> {
        self.numbers.get(&(Arc::as_ptr(handler) as usize)).copied()
    }

    /// The handlers that a notification reaches: the last of that name, and all that listen.
    pub(crate) fn reached(&self, notification: &str) -> Vec<usize> {
        let by_name = self.names.iter().rposition(|names| {
            !names.name.is_empty()
                && (names.name == notification || names.qualified.as_deref() == Some(notification))
        });
        let listening = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, names)| names.listen.iter().any(|topic| topic == notification))
            .map(|(number, _)| number);
        let mut reached: Vec<usize> = by_name.into_iter().chain(listening).collect();
        reached.sort_unstable();
        reached.dedup();
        reached
    }
}

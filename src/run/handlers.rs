//! Handlers: who is told, and by which names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::{StepTask, Steps};
use crate::template::Templar;
use crate::vars::Scope;

/// The handlers of a play by the names that notify them.
pub(crate) struct Handlers {
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
    /// Reads the names; those with templates are rendered with the scope of the play.
    pub(crate) fn of(steps: &Steps, templar: &Templar, scope: &Scope) -> Self {
        let text = |node: &crate::source::Node| match templar.node(node, scope) {
            Ok(value) => value.to_string(),
            Err(_) => node.as_str().unwrap_or_default().to_owned(),
        };
        let mut numbers = HashMap::new();
        let mut names = Vec::new();
        for handler in steps.handlers() {
            numbers.insert(Arc::as_ptr(handler) as usize, names.len());
            let name = handler.task.name.as_ref().map(text).unwrap_or_default();
            names.push(Names {
                qualified: handler.role.as_ref().map(|role| format!("{} : {name}", role.name)),
                name,
                listen: handler.task.listen.iter().map(text).collect(),
            });
        }
        Self { numbers, names }
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

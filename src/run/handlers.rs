//! Handlers: who is told, and by which names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::StepTask;
use crate::playbook::Role;
use crate::source::Node;
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
    /// What is to be told of names that cannot be rendered.
    unusable: Vec<String>,
}

struct Names {
    /// The role that brings it, by its address; the play's own are one group.
    group: Option<usize>,
    name: String,
    /// The names of its role.
    roles: Vec<String>,
    listen: Vec<String>,
}

impl Names {
    /// Whether a notification means this name, alone or behind that of the role.
    fn means(&self, notification: &str, name: &str) -> bool {
        let behind = notification.strip_suffix(name).and_then(|front| front.strip_suffix(" : "));
        notification == name
            || behind.is_some_and(|front| self.roles.iter().any(|role| role == front))
    }
}

/// A role's name as written, without its collection and with it.
fn names_of(role: &Role) -> Vec<String> {
    let short = role.name.rsplit('.').next().unwrap_or(&role.name).to_owned();
    let mut names = vec![role.name.clone(), short.clone()];
    let parts: Vec<_> = role.path.iter().map(|part| part.to_string_lossy()).collect();
    let found = parts.iter().rposition(|part| part == "ansible_collections");
    if let Some([namespace, collection, ..]) = found.and_then(|at| parts.get(at + 1..)) {
        names.push(format!("{namespace}.{collection}.{short}"));
    }
    names
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
        let written = |node: &Node| node.as_str().unwrap_or_default().to_owned();
        let mut unusable = Vec::new();
        let known: Vec<_> = self.steps.iter().map(|step| Arc::as_ptr(&step.task)).collect();
        for handler in handlers.iter().filter(|step| !known.contains(&Arc::as_ptr(&step.task))) {
            self.numbers.insert(Arc::as_ptr(handler) as usize, self.names.len());
            let name =
                match handler.task.name.as_ref().map(|name| (name, templar.node(name, scope))) {
                    Some((_, Ok(name))) => name.to_string(),
                    Some((name, Err(error))) => {
                        if handler.task.listen.is_empty() {
                            unusable.push(format!(
                                "Handler '{}' is unusable because it has no listen topics and the \
                             name could not be templated (host-specific variables are not \
                             supported in handler names). The error: {error}",
                                written(name)
                            ));
                        }
                        written(name)
                    }
                    None => String::new(),
                };
            self.names.push(Names {
                group: handler.role.as_ref().map(|role| Arc::as_ptr(role) as usize),
                roles: handler.role.as_ref().map(|role| names_of(role)).unwrap_or_default(),
                name,
                // topics are taken as they are written
                listen: handler.task.listen.iter().map(written).collect(),
            });
            self.steps.push(Arc::clone(handler));
        }
        self.unusable.extend(unusable);
    }

    /// What makes handlers unusable, told once: when the first notification looks for one.
    pub(crate) fn take_unusable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unusable)
    }

    /// All handlers, in the order in which they run.
    pub(crate) fn steps(&self) -> &[Arc<StepTask>] {
        &self.steps
    }

    /// The number of a handler's step.
    pub(crate) fn number(&self, handler: &Arc<StepTask>) -> Option<usize> {
        self.numbers.get(&(Arc::as_ptr(handler) as usize)).copied()
    }

    /// The handlers that a notification reaches: one of that name, and all that listen. Of several
    /// with the name it is the first of those that came last, from a role or from the play.
    pub(crate) fn reached(&self, notification: &str) -> Vec<usize> {
        let named =
            |names: &Names| !names.name.is_empty() && names.means(notification, &names.name);
        let last = self.names.iter().rfind(|names| named(names)).map(|names| names.group);
        let by_name = last.and_then(|group| {
            self.names.iter().position(|names| names.group == group && named(names))
        });
        let listening = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, names)| names.listen.iter().any(|topic| names.means(notification, topic)))
            .map(|(number, _)| number);
        let mut reached: Vec<usize> = by_name.into_iter().chain(listening).collect();
        reached.sort_unstable();
        reached.dedup();
        reached
    }
}

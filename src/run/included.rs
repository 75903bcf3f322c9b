//! What a task included, from its arguments to the steps that it brings.

use std::sync::Arc;

use minijinja::Value;
use serde_json::Value as Json;

use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::{CompileError, StepKind, StepTask, Steps};
use crate::playbook::{Entry, IncludeError, IncludeSite, PlaybookErrorKind, Role, TaskFile};
use crate::report::event::ErrorCause;
use crate::vars::{Layer, Var};

use super::action::{Include, IncludeCall};
use super::context::PlayContext;
use super::outcome::{TaskResult, Verdict};

/// Something that a task included on a host.
#[derive(Debug, Clone)]
pub(crate) struct Included {
    pub what: Part,
    /// The variables of the round, in a loop.
    pub item: Arc<Layer>,
    /// The label of the round, in a loop.
    pub label: Option<Json>,
}

/// What was included.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Tasks(Arc<TaskFile>),
    Role(Arc<Role>),
}

impl Included {
    /// Whether another host has included the same: then both go through the same steps.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same = match (&self.what, &other.what) {
            (Part::Tasks(one), Part::Tasks(two)) => Arc::ptr_eq(one, two),
            (Part::Role(one), Part::Role(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        same && self.label == other.label && same_values(&self.item, &other.item)
    }

    /// Whether a role comes with it that gives variables or handlers to the whole play.
    pub(crate) fn gives_to_play(&self) -> bool {
        match &self.what {
            Part::Role(role) => gives(role),
            Part::Tasks(file) => any_gives(&file.entries),
        }
    }

    /// What reports name: the path of a file, the name of a role.
    pub(crate) fn name(&self) -> String {
        match &self.what {
            Part::Tasks(file) => file.path.to_string_lossy().into_owned(),
            Part::Role(role) => role.name.clone(),
        }
    }

    /// The steps that it brings.
    pub(crate) fn compile(
        &self,
        play: &PlayContext,
        include: &StepTask,
        kind: StepKind,
    ) -> Result<Steps, CompileError> {
        let filter = &play.run.settings.tags;
        match &self.what {
            Part::Tasks(file) => Steps::of_file(include, &file.entries, kind, filter),
            Part::Role(role) => Steps::of_role(include, role, kind, filter),
        }
    }
}

fn gives(role: &Role) -> bool {
    !role.handlers.is_empty()
        || role.gives_variables()
        || role.dependencies.iter().any(|other| gives(other))
        || any_gives(&role.tasks)
}

fn any_gives(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| match entry {
        Entry::Role(import) => gives(&import.role),
        Entry::Task(_) => false,
        Entry::Block(block) => {
            [&block.block, &block.rescue, &block.always].iter().any(|part| any_gives(part))
        }
    })
}

fn same_values(one: &Layer, two: &Layer) -> bool {
    let data = |var: Option<&Var>| -> Option<Value> {
        match var {
            Some(Var::Data(value)) => Some(value.clone()),
            _ => None,
        }
    };
    one.len() == two.len()
        && one.iter().all(|(name, value)| data(Some(value)) == data(two.get(name)))
}

/// Why nothing was included, with absolute paths.
fn reason(error: &IncludeError) -> String {
    if let IncludeError::NoRole(missing) = error
        && let PlaybookErrorKind::RoleNotFound { name, searched } = &missing.kind
    {
        let working = std::env::current_dir().unwrap_or_default();
        let searched = searched.iter().map(|folder| match folder.as_os_str().is_empty() {
            true => working.clone(),
            false => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        });
        let kind =
            PlaybookErrorKind::RoleNotFound { name: name.clone(), searched: searched.collect() };
        return kind.to_string();
    }
    error.to_string()
}

/// Reads what a task includes.
pub(super) fn read(
    play: &PlayContext,
    step: &StepTask,
    is_handler: bool,
    call: IncludeCall,
) -> TaskResult {
    let site = IncludeSite {
        file: step.task.path.clone(),
        playbook: play.directory.clone(),
        role: step.role.as_ref().map(|role| role.path.clone()),
        is_handler,
        play: play.number,
        around: play.play.keywords.vars.clone(),
        span: step.task.span.clone(),
    };
    let includes = &play.run.includes;
    let read = match &call.what {
        Include::Tasks(file) => {
            includes.tasks(file, &site).map(|(file, warnings)| (Part::Tasks(file), warnings))
        }
        Include::Role(role) => {
            includes.role(role, &site).map(|(role, warnings)| (Part::Role(role), warnings))
        }
    };
    let mut returned = call.returned;
    match read {
        Ok((what, warnings)) => {
            for warning in warnings {
                let place = warning.span.as_ref().map(crate::source::Span::place);
                match warning.severity {
                    Severity::Deprecation => play.run.goes_away(warning.message, place),
                    _ => play.run.remark(warning.message, place),
                }
            }
            let mut result = TaskResult::new(Verdict::Ok, returned);
            result.includes.push(Included { what, item: Arc::default(), label: None });
            result
        }
        Err(error) => {
            match &call.what {
                Include::Tasks(_) => returned.shift_remove("include_args"),
                Include::Role(_) => {
                    returned.clear();
                    None
                }
            };
            let reason = reason(&error);
            returned.insert("reason".to_owned(), Json::from(reason.as_str()));
            let mut result = TaskResult::new(Verdict::Failed, returned);
            let named = matches!(call.what, Include::Role(_)).then(|| {
                let mut arguments = step.task.action.arguments.iter();
                arguments.find(|(name, _)| matches!(name.as_str(), "name" | "role"))
            });
            let place = named.flatten().map(|(_, node)| node.span.place());
            result.causes = vec![ErrorCause::new(reason, place)];
            if let IncludeError::Wrong(errors) = &error {
                result.broken = errors.iter().map(|error| Diagnostic::error(error)).collect();
            }
            result
        }
    }
}

//! What can be known to be wrong before the first host is touched.

use std::collections::BTreeSet;
use std::sync::Arc;

use canvass_modules::registry;

use crate::diagnostics::{Diagnostic, Explain};
use crate::graph::{StepTask, Steps, TagFilter};
use crate::playbook::{ModuleFace, Modules, Options, Playbook, is_builtin, is_include, moved};
use crate::source::{Kind, Node, Span};
use crate::template::{Templar, TemplateError};

use super::{action, vars_files};

/// All modules that a task can name: those of the runner and those of the controller.
#[derive(Debug, Clone, Copy)]
pub enum ModuleTable {
    /// Parameters are checked when a playbook is read.
    Early,
    /// Parameters, and modules that are not there yet, are refused by the task that has them, as
    /// Ansible does: a task that is skipped may have what it likes.
    Late,
}

impl Modules for ModuleTable {
    fn is_late(&self) -> bool {
        matches!(self, Self::Late)
    }

    fn find(&self, name: &str) -> Option<ModuleFace> {
        let found = known(name);
        // what acts on the run itself is settled when the playbook is read
        if matches!(self, Self::Early) || name == "ansible.builtin.meta" || is_include(name) {
            return found;
        }
        match found {
            Some(face) => Some(ModuleFace { options: Options::Any, ..face }),
            None if is_builtin(name) => {
                Some(ModuleFace { free_form: false, options: Options::Any })
            }
            None => None,
        }
    }

    fn redirect(&self, short: &str) -> Option<String> {
        moved(short)
    }

    fn names(&self) -> Vec<&'static str> {
        module_names()
    }
}

/// The modules without those that the user has forbidden.
#[derive(Debug, Clone)]
pub struct AdmittedModules {
    /// What there is.
    pub table: ModuleTable,
    /// Fully qualified names of those that are forbidden.
    pub rejected: Arc<BTreeSet<String>>,
}

impl Modules for AdmittedModules {
    fn find(&self, name: &str) -> Option<ModuleFace> {
        self.table.find(name).filter(|_| !self.is_rejected(name))
    }

    fn redirect(&self, short: &str) -> Option<String> {
        self.table.redirect(short)
    }

    fn is_rejected(&self, name: &str) -> bool {
        self.rejected.contains(name)
    }

    fn is_late(&self) -> bool {
        self.table.is_late()
    }

    fn names(&self) -> Vec<&'static str> {
        let names = self.table.names().into_iter();
        names.filter(|name| !self.is_rejected(name)).collect()
    }
}

fn known(name: &str) -> Option<ModuleFace> {
    if let Some(entry) = action::find(name) {
        let options = match entry.options {
            Some(options) => Options::Known(options(), (entry.rules)()),
            None => Options::Any,
        };
        return Some(ModuleFace { free_form: entry.free_form, options });
    }
    registry::find(name).map(|entry| ModuleFace {
        free_form: entry.free_form,
        options: Options::Known((entry.options)(), (entry.rules)()),
    })
}

/// The fully qualified names of all modules, sorted.
pub fn module_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        registry::MODULES.iter().map(|entry| entry.name).chain(action::names()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Finds templates and conditions that cannot be parsed, and notifications without a handler.
pub fn check(playbooks: &[Playbook], templar: &Arc<Templar>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        let steps = match Steps::compile(play, &TagFilter::default()) {
            Ok(steps) => steps,
            Err(error) => {
                problems.push(Diagnostic::error(&error));
                continue;
            }
        };
        let mut checker = Checker { templar, problems: &mut problems };
        for node in play.keywords.vars.iter().map(|(_, node)| node) {
            checker.template(node);
        }
        problems.extend(vars_files::missing(play));
        notifications(&steps, &mut problems);
        let mut checker = Checker { templar, problems: &mut problems };
        let mut seen = std::collections::HashSet::new();
        for step in &steps.list {
            if seen.insert(Arc::as_ptr(&step.task)) {
                checker.task(&step.task);
            }
        }
        for handler in &steps.handlers {
            checker.task(handler);
        }
    }
    problems.dedup();
    problems
}

/// A notification that reaches no handler.
#[derive(Debug, thiserror::Error)]
#[error(
    "The requested handler '{name}' was not found in either the main handlers list nor in the \
     listening handlers list"
)]
struct UnknownHandler {
    name: String,
    nearest: Option<String>,
    span: Span,
}

impl Explain for UnknownHandler {
    fn span(&self) -> Option<&Span> {
        Some(&self.span)
    }

    fn hints(&self) -> Vec<String> {
        self.nearest.iter().map(|name| format!("did you mean `{name}`?")).collect()
    }
}

/// Notifications are checked where neither they nor the handlers' names hold templates.
fn notifications(steps: &Steps, problems: &mut Vec<Diagnostic>) {
    // it is warned of when it is notified
    if !crate::settings::current().boolean("ERROR_ON_MISSING_HANDLER") {
        return;
    }
    // what is included while the play runs may bring handlers
    if steps.list.iter().any(|step| is_include(&step.task.task.action.module)) {
        return;
    }
    let mut names = Vec::new();
    for handler in &steps.handlers {
        for node in handler.task.name.iter().chain(&handler.task.listen) {
            let Some(name) = node.as_str() else { continue };
            if holds_template(name) {
                return;
            }
            names.push(name.to_owned());
            if let Some(role) = &handler.role {
                names.push(format!("{} : {name}", role.name));
            }
        }
    }
    for task in steps.list.iter().map(|step| &step.task).chain(&steps.handlers) {
        for node in task.notify() {
            let Some(name) = node.as_str().filter(|name| !holds_template(name)) else { continue };
            if names.iter().any(|known| known == name) {
                continue;
            }
            let nearest = names
                .iter()
                .map(|known| (strsim::damerau_levenshtein(known, name), known))
                .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
                .min()
                .map(|(_, known)| known.clone());
            let error = UnknownHandler { name: name.to_owned(), nearest, span: node.span.clone() };
            problems.push(Diagnostic::error(&error));
        }
    }
}

fn holds_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

struct Checker<'a> {
    templar: &'a Templar,
    problems: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn task(&mut self, step: &StepTask) {
        let task = &step.task;
        let action = &task.action;
        // what fails there does not end the play
        if task.keywords.ignore_errors.as_ref().is_some_and(|node| node.kind != Kind::Bool(false)) {
            return;
        }
        let expressions = action::find(&action.module).map_or(&[] as &[&str], |e| e.expressions);
        for (name, node) in &action.arguments {
            if expressions.contains(&name.as_str()) {
                for condition in node.as_seq().unwrap_or(std::slice::from_ref(node)) {
                    self.condition(condition);
                }
            } else {
                self.template(node);
            }
        }
        let keywords = &task.keywords;
        let conditions = keywords.when.iter().chain(task.changed_when.iter().flatten());
        let conditions = conditions.chain(task.failed_when.iter().flatten());
        for condition in conditions.chain(task.until.iter().flatten()) {
            self.condition(condition);
        }
        let templates = [
            task.name.as_ref(),
            action.variable_arguments.as_ref(),
            task.r#loop.as_ref().map(|over| &over.value),
            keywords.delegate_to.as_ref(),
            keywords.become_user.as_ref(),
            task.retries.as_ref(),
            task.delay.as_ref(),
            task.r#async.as_ref(),
            task.poll.as_ref(),
        ];
        let templates = templates.into_iter().flatten().chain(&keywords.environment);
        let templates = templates.chain(keywords.vars.iter().map(|(_, node)| node));
        for template in templates.chain(&keywords.notify) {
            self.template(template);
        }
    }

    fn template(&mut self, node: &Node) {
        let checked = self.templar.check(node);
        self.note(checked);
    }

    fn condition(&mut self, node: &Node) {
        let checked = self.templar.check_condition(node);
        self.note(checked);
    }

    fn note(&mut self, checked: Result<(), TemplateError>) {
        if let Err(error) = checked {
            self.problems.push(Diagnostic::error(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{self, NoNames, SearchPaths};

    fn problems(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("play.yml");
        std::fs::write(&path, text).unwrap();
        let search = SearchPaths::default();
        match playbook::load(&path, &ModuleTable::Early, &search, &NoNames) {
            Ok(loaded) => check(&[loaded.playbook], &Templar::new())
                .into_iter()
                .map(|problem| problem.message)
                .collect(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn tells_before_the_first_host_what_is_wrong() {
        let cases = [
            // keywords of plays and of `loop_control` that are modules where tasks stand
            ("- hosts: all\n  tasks: [{user: name=ada}, {pause: seconds=1}]\n", ""),
            ("- hosts: all\n  vars_files: [gone.yml]\n", "could not find the variables file"),
            ("- hosts: all\n  vars_files: ['{{ x }}.yml']\n", ""),
            ("- hosts: all\n  vars_files: [[gone.yml, other.yml]]\n", ""),
            ("- hosts: all\n  tasks: [{ping: , notify: Nobody}]\n", "handler 'Nobody'"),
            ("- hosts: all\n  tasks: [{debug: {msg: '{{ x'}}]\n", "Syntax error in template"),
            ("- hosts: all\n  tasks: [{ping: , when: a b}]\n", "Syntax error in expression"),
            ("- hosts: all\n  tasks: [{debug: {msg: '{{ 1 | nosuch }}'}}]\n", "nosuch"),
            ("- hosts: all\n  tasks: [{file: {path: /x, state: gone}}]\n", "state must be one of"),
            (
                "- hosts: all\n  tasks: [{file: {path: /x, nosuch: '{{ a }}'}}]\n",
                "Unsupported param",
            ),
            (
                "- hosts: all\n  tasks: [{file: {path: /x, nosuch: '{{ a | default(omit) }}'}}]\n",
                "",
            ),
        ];
        for (text, expected) in cases {
            let found = problems(text).join("\n");
            assert_eq!(found.is_empty(), expected.is_empty(), "{text}{found}");
            assert!(found.contains(expected), "{text}{found}");
        }
    }
}

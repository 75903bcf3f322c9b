//! Variables with names that belong to the language: they are warned of, each once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::report::event::Level;
use crate::source::Place;

use super::context::RunContext;

/// The keywords of plays, roles, blocks and tasks, and the functions of templates.
const NAMES: [&str; 74] = [
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "async_val",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "loop_with",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "omit",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
    "with_",
];

/// What was warned of in a run.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<String>>);

impl Warned {
    /// Warns of reserved names among these, at the place where they were set.
    pub(crate) fn of<'n>(
        &self,
        run: &RunContext,
        names: impl IntoIterator<Item = &'n str>,
        place: Option<&Place>,
    ) {
        for name in names.into_iter().filter(|name| NAMES.contains(name)) {
            let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            if new {
                let text = format!("Found variable using reserved name '{name}'.");
                run.notice(Level::Warning, text, place.cloned());
            }
        }
    }
}

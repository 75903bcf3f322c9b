//! Names of variables that belong to the language: they are warned of.

use crate::diagnostics::Diagnostic;
use crate::source::Node;

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

/// Whether a variable should have another name.
pub(crate) fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
}

/// What is said of a variable with this name, which stands here, if it should have another one.
pub(crate) fn remark(name: &Node) -> Option<Diagnostic> {
    let text = name.as_str().filter(|name| is_reserved(name))?;
    Some(Diagnostic::warning(words(text), Some(name.span.clone())))
}

/// What is said of it.
pub(crate) fn words(name: &str) -> String {
    format!("Found variable using reserved name '{name}'.")
}

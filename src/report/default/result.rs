//! A result as Ansible prints it after the line of a host.

use serde_json::{Map, Value as Json};

use crate::report::event::Outcome;
use crate::report::human::Verbosity;
use crate::report::python_json::{Ascii, Layout, dumps};

use super::DefaultOptions;

/// Whether a result stands on several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Indent {
    /// From `-vvv` on, and where the task asks for it (`debug`).
    ByVerbosity,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The result as JSON, without what Ansible leaves out at this verbosity.
pub(in crate::report) fn dump(
    outcome: &Outcome,
    module: &str,
    options: &DefaultOptions,
    indent: Indent,
) -> String {
    let long = options.verbosity >= Verbosity::Effects;
    let mut fields: Map<String, Json> = outcome.result.clone();
    if matches!(module, "ansible.builtin.debug" | "ansible.legacy.debug" | "debug") {
        let message = fields.contains_key("msg");
        fields.retain(|field, _| match field.as_str() {
            "msg" | "exception" => true,
            "changed" | "failed" | "skipped" | "invocation" | "item" | "ansible_loop_var" => false,
            _ => !message,
        });
    }
    fields.retain(|field, _| {
        !field.starts_with("_ansible_")
            && !matches!(field.as_str(), "exception" | "warnings" | "deprecations")
            && (long || !matches!(field.as_str(), "invocation" | "diff"))
    });
    // told by the line's first words
    fields.retain(|field, _| !matches!(field.as_str(), "failed" | "skipped"));
    let block = match indent {
        Indent::ByVerbosity => long || outcome.verbose_always,
        Indent::Always => true,
        Indent::Never => false,
    };
    let layout = if block { Layout::Block } else { Layout::Line };
    dumps(&Json::Object(fields), layout, Ascii::Kept)
}

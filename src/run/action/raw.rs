//! `ansible.builtin.raw`: a line for a shell of the host, without a runner.

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::connection::quoting::quote;

use super::{ActionError, ActionInput, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.raw`.
    pub struct RawParams {
        /// The script.
        _raw_params: String,
        /// The shell that reads it.
        executable: Option<String>,
    }
}

/// The shell that reads lines where nothing else is said.
const USUAL_SHELL: &str = "/bin/sh";

pub(super) fn prepare(
    _input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    // Ansible does not look at others (`chdir`, `creates`)
    arguments.retain(|name, _| ["_raw_params", "executable"].contains(&name.as_str()));
    let params: RawParams = parse("ansible.builtin.raw", &arguments)?;
    let script = params._raw_params;
    let set = || {
        let shell = crate::settings::current().text("DEFAULT_EXECUTABLE");
        shell.filter(|shell| shell != USUAL_SHELL)
    };
    let shell = params.executable.filter(|shell| !shell.is_empty()).or_else(set);
    Ok(Prepared::Raw(match shell.filter(|shell| !shell.is_empty()) {
        Some(shell) => format!("exec {} -c {}", quote(&shell), quote(&script)),
        None => script,
    }))
}

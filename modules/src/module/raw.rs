//! `ansible.builtin.raw`: runs a line in a shell, without anything else.
//!
//! Follows the action of ansible-core 2.19. The engine runs it over the connection where it can,
//! so that hosts on which the runner cannot start are reached; this is the part that the runner
//! has. Check mode: unknown before it ran. Diff: none.
//!
//! ```yaml
//! - name: Look at the kernel
//!   ansible.builtin.raw: uname -r
//! ```
//!
//! Returns `rc`, `stdout`, `stdout_lines`, `stderr`, `stderr_lines`.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::command::{NON_ZERO, failed};
use super::text_lines::output_fields;
use crate::contract::{Conclusion, Module, Plan, Stop};
use crate::effect::{Applied, Command, Effect};
use crate::host::Host;
use crate::params;

params! {
    /// Parameters of `ansible.builtin.raw`.
    pub struct Params {
        /// The line.
        free_form ("_raw_params"): Option<String>,
        /// The shell that runs it, with `-c`; by default `/bin/sh`.
        executable: Option<PathBuf>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Raw;

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No line.
    #[error("no command given")]
    Nothing,
}

impl Module for Raw {
    type Params = Params;
    type Observed = ();

    fn observe(_params: &Params, _host: &mut dyn Host) -> Result<(), Stop> {
        Ok(())
    }

    fn plan(params: &Params, _observed: &()) -> Result<Plan, Stop> {
        let line = params.free_form.as_ref().filter(|line| !line.trim().is_empty());
        let line = line.ok_or_else(|| Stop::failed(Error::Nothing))?;
        let shell = params.executable.as_ref().map(|path| path.to_string_lossy().into_owned());
        let shell = shell.unwrap_or_else(|| "/bin/sh".to_owned());
        let mut plan = Plan::nothing();
        plan.push(
            Effect::Run(Command::new([shell, "-c".to_owned(), line.clone()])),
            "a command always runs",
        );
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &(),
        _plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let Some(Applied::Ran(output)) = applied.first() else {
            return Ok(Conclusion::default());
        };
        let mut returned = output_fields(output);
        if output.success() {
            return Ok(Conclusion { changed: true, returned });
        }
        returned.insert("changed".to_owned(), Json::from(true));
        Err(failed(NON_ZERO, returned))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Params, Raw};
    use crate::contract::{Module as _, Stop};
    use crate::effect::{Applied, Output};
    use crate::params::Params as _;

    #[test]
    fn a_line_runs_and_its_status_counts() {
        let given = json!({"_raw_params": "echo a; exit 3"});
        let params = Params::parse("raw", given.as_object().unwrap()).unwrap();
        let plan = Raw::plan(&params, &()).unwrap();
        let output = Output { status: 3, stdout: b"a\r\n".to_vec(), ..Output::default() };
        let Err(Stop::Failed(failure)) =
            Raw::conclude(&params, &(), &plan, &[Applied::Ran(output)])
        else {
            panic!()
        };
        assert_eq!(failure.returned["stdout"], json!("a\r\n"));
        assert_eq!(failure.returned["stdout_lines"], json!(["a"]));
        assert_eq!(failure.returned["rc"], json!(3));
    }

    #[test]
    fn an_empty_line_is_refused() {
        let params = Params::parse("raw", &serde_json::Map::new()).unwrap();
        assert_eq!(Raw::plan(&params, &()).unwrap_err().to_string(), "no command given");
    }
}

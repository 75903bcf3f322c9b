//! `ansible.builtin.script`: runs a program of the controller on the host.
//!
//! Follows the action of ansible-core 2.19: the program lies in a private directory while it
//! runs, the line is read by a shell. Check mode: unknown before it ran; where `creates` or
//! `removes` tell that it would not run, that is said. Diff: none.
//!
//! ```yaml
//! - name: Set the database up once
//!   ansible.builtin.script: setup-database.sh --size large
//!   args:
//!     creates: /var/lib/db/ready
//! ```
//!
//! Returns `rc`, `stdout`, `stdout_lines`, `stderr`, `stderr_lines`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/script_module.html>

use std::path::PathBuf;

use serde_json::Value as Json;

use super::command::{NON_ZERO, failed};
use super::copy::EngineSource;
use super::text_lines::set_streams;
use super::{expansion, shell_words};
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, COMMAND_FILE, Command, CommandFile, Effect};
use crate::host::{Follow, Host, HostError};
use crate::params;
use crate::params::Rule;

params! {
    /// Parameters of `ansible.builtin.script`.
    pub struct Params {
        /// The program of the controller and its arguments.
        _raw_params: Option<String>,
        /// The same, by name.
        cmd: Option<String>,
        /// Run only when nothing is there.
        creates: Option<String>,
        /// Run only when something is there.
        removes: Option<String>,
        /// Run in this directory; an absolute path.
        chdir: Option<String>,
        /// The interpreter that runs it.
        executable: Option<String>,
        /// Whether the program is decrypted where the vault has it.
        decrypt: bool = true,
        /// The program, given by the engine.
        @flatten engine: EngineSource,
    }
    rules [
        Rule::RequiredOneOf(&["_raw_params", "cmd"]),
        Rule::MutuallyExclusive(&["_raw_params", "cmd"]),
    ]
}

/// The module.
#[derive(Debug)]
pub struct Script;

/// What decides whether it runs.
#[derive(Debug)]
pub struct Observed {
    /// Why it does not run.
    skipped: Option<String>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No program.
    #[error("no program given")]
    Nothing,
    /// The line has open quotation marks.
    #[error(transparent)]
    Split(#[from] shell_words::SplitError),
    /// A relative place to run in.
    #[error("chdir {0} must be an absolute path for a Unix-aware remote node")]
    RelativeDirectory(String),
    /// The engine did not say what the program is.
    #[error("the engine gave no program")]
    NoSource,
}

impl Params {
    /// The whole line.
    pub fn line(&self) -> &str {
        self._raw_params.as_ref().or(self.cmd.as_ref()).map(|line| line.trim()).unwrap_or_default()
    }

    /// The program's name as written.
    pub fn program(&self) -> Result<String, Error> {
        shell_words::split(self.line())?.into_iter().next().ok_or(Error::Nothing)
    }
}

impl Module for Script {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let mut exists = |given: &Option<String>| -> Result<Option<(String, bool)>, Stop> {
            let Some(given) = given else { return Ok(None) };
            let path = PathBuf::from(expansion::text(given, host)?);
            Ok(Some((given.clone(), host.stat(&path, Follow::Yes)?.is_some())))
        };
        let (creates, removes) = (exists(&params.creates)?, exists(&params.removes)?);
        let skipped = match (creates, removes) {
            (Some((path, true)), _) => Some(format!("{path} exists, matching creates option")),
            (_, Some((path, false))) => {
                Some(format!("{path} does not exist, matching removes option"))
            }
            _ => None,
        };
        Ok(Observed { skipped })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if let Some(why) = &observed.skipped {
            plan.set("msg", why.as_str());
            plan.set("skipped", true);
            return Ok(plan);
        }
        if let Some(directory) = params.chdir.as_ref().filter(|path| !path.starts_with('/')) {
            return Err(Stop::failed(Error::RelativeDirectory(directory.clone())));
        }
        if let Some(why) = &params.engine.missing {
            return Err(Stop::failed(why));
        }
        let program = params.program().map_err(Stop::failed)?;
        let source = params.engine.source.clone().ok_or_else(|| Stop::failed(Error::NoSource))?;
        let name = program.rsplit('/').next().unwrap_or("script").replace('\'', "_");
        let is_bare = |letter: char| letter.is_ascii_alphanumeric() || "-_.+@%".contains(letter);
        let file = match name.chars().all(is_bare) {
            true => COMMAND_FILE.to_owned(),
            false => format!("'{COMMAND_FILE}'"),
        };
        // the arguments keep their quotation marks: a shell reads them
        let written = quoted_as_written(params.line(), &program);
        let line = params.line().replacen(&written, &file, 1);
        let line = match &params.executable {
            Some(interpreter) => format!("{interpreter} {line}"),
            None => line,
        };
        let command = Command {
            argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), line],
            directory: params.chdir.as_ref().map(PathBuf::from),
            file: Some(CommandFile { source, name }),
            ..Command::default()
        };
        plan.push(Effect::Run(command), "a program always runs");
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let Some(Applied::Ran(output)) = applied.first() else {
            return Ok(Conclusion { changed: false, returned });
        };
        returned.insert("rc".to_owned(), Json::from(output.status));
        set_streams(&mut returned, &output.stdout_text(), &output.stderr_text());
        if output.success() {
            return Ok(Conclusion { changed: true, returned });
        }
        returned.insert("changed".to_owned(), Json::from(true));
        Err(failed(NON_ZERO, returned))
    }

    fn explain(params: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match (&error, &params.chdir) {
            (HostError::Io { path, .. }, Some(directory)) if path.as_os_str() == &**directory => {
                // a shell that cannot go there says so
                let mut returned = Returned::new();
                let said = format!("/bin/sh: 1: cd: can't cd to {directory}\n");
                set_streams(&mut returned, "", &said);
                returned.insert("rc".to_owned(), Json::from(2));
                returned.insert("changed".to_owned(), Json::from(true));
                failed(NON_ZERO, returned)
            }
            _ => Stop::Host(error),
        }
    }
}

/// The program's part of the line: with quotation marks around it where it has some.
fn quoted_as_written(line: &str, program: &str) -> String {
    for quote in ['\'', '"'] {
        let quoted = format!("{quote}{program}{quote}");
        if line.starts_with(&quoted) {
            return quoted;
        }
    }
    if line.starts_with(program) {
        return program.to_owned();
    }
    // blanks behind backslashes
    let escaped = program.replace(' ', "\\ ");
    if line.starts_with(&escaped) { escaped } else { program.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::params::Params as _;

    fn plan(arguments: Json, observed: &Observed) -> Result<Plan, Stop> {
        let mut arguments = arguments.as_object().unwrap().clone();
        let source = json!({"id": 1, "size": 3, "sha1": "x"});
        arguments.insert("_canvass_source".to_owned(), source);
        let params =
            Params::parse("script", &arguments).map_err(|errors| Stop::failed(&errors[0]))?;
        Script::plan(&params, observed)
    }

    #[test]
    fn the_program_stands_where_its_name_stood() {
        let table = [
            (json!({"_raw_params": "dir/a.sh one 'two three'"}), "{} one 'two three'", "a.sh"),
            (json!({"cmd": "'my prog.sh' a"}), "'{}' a", "my prog.sh"),
            (json!({"cmd": "my\\ prog.sh a"}), "'{}' a", "my prog.sh"),
            (
                json!({"cmd": "a.py", "executable": "/usr/bin/python3 -E"}),
                "/usr/bin/python3 -E {}",
                "a.py",
            ),
        ];
        for (arguments, line, name) in table {
            let plan = plan(arguments, &Observed { skipped: None }).unwrap();
            let Effect::Run(command) = &plan.effects[0].effect else { panic!() };
            assert_eq!(command.argv[2].replace(COMMAND_FILE, "{}"), line);
            assert_eq!(command.file.as_ref().unwrap().name, name);
        }
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let table = [
            (json!({}), "one of the following is required: _raw_params, cmd"),
            (
                json!({"cmd": "a", "chdir": "x"}),
                "chdir x must be an absolute path for a Unix-aware remote node",
            ),
            (json!({"cmd": "'a"}), "No closing quotation"),
        ];
        for (arguments, message) in table {
            let stop = plan(arguments, &Observed { skipped: None }).unwrap_err();
            assert_eq!(stop.to_string(), message);
        }
    }
}

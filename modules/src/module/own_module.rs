//! A module of the user's own that is a program: a binary, or a script for an interpreter of the
//! host.
//!
//! Follows `modules/` of ansible-core 2.19: the program is given the path of a file with its
//! arguments and prints one JSON object, the result. What it prints before and after it does not
//! count. The arguments lie in memory while it runs, not on a disk. Check mode: unknown before it
//! ran. Diff: what the program returns as `diff`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/dev_guide/developing_program_flow_modules.html>

use std::path::Path;

use serde_json::Value as Json;

use super::command::failed;
use super::copy::EngineSource;
use super::text_lines::lines;
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, COMMAND_FILE, Command, CommandFile, Effect, HANDED_FILE, Output};
use crate::host::{Follow, Host, HostError};
use crate::params;

params! {
    /// What the engine says of it.
    pub struct Params {
        /// Its file's name.
        file_name: String,
        /// The program that runs it with its arguments; a binary needs none.
        interpreter: Vec<String>,
        /// Whether any Python of version 3 does where the interpreter is not there.
        any_python: bool = false,
        /// What it reads from the file that it is given.
        handed: String,
        /// Its content.
        @flatten engine: EngineSource,
    }
}

/// The module.
#[derive(Debug)]
pub struct OwnModule;

/// What runs it.
#[derive(Debug)]
pub struct Observed {
    interpreter: Vec<String>,
}

/// Why nothing comes of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine did not say what the program is.
    #[error("the engine gave no program")]
    NoSource,
    /// What should run it is not there.
    #[error("The module interpreter '{0}' was not found.")]
    NoInterpreter(String),
    /// It printed no JSON object.
    #[error("Module result deserialization failed: No start of json char found")]
    NoObject,
    /// What it printed is none.
    #[error("Module result deserialization failed: {0}")]
    BadObject(String),
    /// It failed and does not say why; the words are those of ansible-core.
    #[error("Task failed: Action failed: Unknown error.")]
    NoReason,
}

/// Where Python of version 3 is looked for.
const PYTHONS: [&str; 3] =
    ["/usr/bin/python3", "/usr/local/bin/python3", "/usr/libexec/platform-python"];

impl Module for OwnModule {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let mut interpreter = params.interpreter.clone();
        if let Some(first) = interpreter.first_mut().filter(|_| params.any_python)
            && host.stat(Path::new(first.as_str()), Follow::Yes)?.is_none()
        {
            for python in PYTHONS {
                if host.stat(Path::new(python), Follow::Yes)?.is_some() {
                    python.clone_into(first);
                    break;
                }
            }
        }
        Ok(Observed { interpreter })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let source = params.engine.source.clone().ok_or_else(|| Stop::failed(Error::NoSource))?;
        let mut argv = observed.interpreter.clone();
        argv.extend([COMMAND_FILE, HANDED_FILE].map(str::to_owned));
        let command = Command {
            argv,
            file: Some(CommandFile { source, name: params.file_name.clone() }),
            handed: Some(params.handed.clone()),
            ..Command::default()
        };
        let mut plan = Plan::nothing();
        plan.push(Effect::Run(command), "a module of the user's own always runs");
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        _plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        match applied.first() {
            Some(Applied::Ran(output)) => result(output),
            _ => Ok(Conclusion::default()),
        }
    }

    fn explain(
        _params: &Params,
        observed: &Observed,
        _planned: &Planned,
        error: HostError,
    ) -> Stop {
        let (HostError::Spawn { source, .. }, Some(interpreter)) =
            (&error, observed.interpreter.first())
        else {
            return Stop::Host(error);
        };
        if source.kind() != std::io::ErrorKind::NotFound {
            return Stop::Host(error);
        }
        Stop::failed(Error::NoInterpreter(interpreter.clone())).with("rc", 127)
    }
}

/// The result that a program printed.
fn result(output: &Output) -> Result<Conclusion, Stop> {
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let unread = |error: Error| {
        Stop::failed(error)
            .with("module_stdout", stdout.as_str())
            .with("module_stderr", stderr.as_str())
            .with("rc", output.status)
    };
    let (object, junk) = object(&stdout).ok_or_else(|| unread(Error::NoObject))?;
    let mut returned: Returned = serde_json::from_str(object)
        .map_err(|error| unread(Error::BadObject(error.to_string())))?;
    let mut warnings = Vec::new();
    if !junk.is_empty() {
        warnings.push(format!("Module invocation had junk after the JSON data: {junk}"));
    }
    returned.values_mut().for_each(strip);
    let internal: Vec<String> =
        returned.keys().filter(|name| name.starts_with("_ansible_")).cloned().collect();
    for name in internal {
        let value = returned.shift_remove(&name).unwrap_or_default();
        let value = params::plain(&value);
        warnings
            .push(format!("Removed unexpected internal key in module return: {name} = {value}"));
    }
    if !warnings.is_empty() {
        let mut all: Vec<Json> = warnings.into_iter().map(Json::from).collect();
        if let Some(Json::Array(own)) = returned.shift_remove("warnings") {
            all.extend(own);
        }
        returned.insert("warnings".to_owned(), Json::Array(all));
    }
    for stream in ["stdout", "stderr"] {
        let name = format!("{stream}_lines");
        if let Some(Json::String(text)) = returned.get(stream)
            && !returned.contains_key(&name)
        {
            let split = lines(text);
            returned.insert(name, Json::from(split));
        }
    }
    let is_true =
        |value: &Json| !matches!(params::plain(value).as_str(), "" | "False" | "0" | "None");
    let flag = |returned: &Returned, name: &str| returned.get(name).map(is_true);
    let has_failed =
        flag(&returned, "failed").unwrap_or_else(|| flag(&returned, "rc") == Some(true));
    let changed = flag(&returned, "changed").unwrap_or_default();
    if !has_failed {
        returned.shift_remove("failed");
        return Ok(Conclusion { changed, returned });
    }
    let message = match returned.get("msg") {
        Some(message) => params::plain(message),
        None => Error::NoReason.to_string(),
    };
    returned.insert("changed".to_owned(), Json::from(changed));
    Err(failed(&message, returned))
}

/// Takes what belongs to Ansible itself out of what lies deeper.
fn strip(value: &mut Json) {
    match value {
        Json::Object(entries) => {
            entries.retain(|name, _| !name.starts_with("_ansible_"));
            entries.values_mut().for_each(strip);
        }
        Json::Array(entries) => entries.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The object among the lines of an output, and what follows it.
fn object(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('{') {
            let rest = text.get(start..)?;
            let mut end = rest.len();
            for line in rest.split_inclusive('\n').rev() {
                if line.trim_end().ends_with('}') {
                    break;
                }
                end -= line.len();
            }
            // an object without an end is told by what reads it
            let end = if end == 0 { rest.len() } else { end };
            let (object, junk) = rest.split_at_checked(end)?;
            return Some((object, junk.trim()));
        }
        start += line.len();
    }
    None
}

impl Params {
    /// The arguments of a call, in the shape in which a task gives them to a runner.
    pub fn call(
        file_name: String,
        interpreter: Vec<String>,
        any_python: bool,
        handed: String,
    ) -> Returned {
        Returned::from_iter([
            ("file_name".to_owned(), Json::from(file_name)),
            ("interpreter".to_owned(), Json::from(interpreter)),
            ("any_python".to_owned(), Json::from(any_python)),
            ("handed".to_owned(), Json::from(handed)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(status: i32, stdout: &str) -> Output {
        Output {
            status,
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"err\n".to_vec(),
            started: None,
            ended: None,
        }
    }

    #[test]
    fn results_are_found_among_what_is_printed() {
        // each row as ansible-core 2.19 registers it
        let table = [
            ("{\"a\": 1}", false, json!({"a": 1})),
            (
                "first\n[ no list]\n  {\"changed\": true,\n\"stdout\": \"a\\nb\"}\n",
                true,
                json!({"changed": true, "stdout": "a\nb", "stdout_lines": ["a", "b"]}),
            ),
            (
                "{\"a\": 1, \"failed\": false}\nmoar garbage\n",
                false,
                json!({"a": 1, "warnings":
                    ["Module invocation had junk after the JSON data: moar garbage"]}),
            ),
            (
                "{\"_ansible_x\": 1, \"warnings\": [\"w\"]}",
                false,
                json!({"warnings":
                    ["Removed unexpected internal key in module return: _ansible_x = 1", "w"]}),
            ),
        ];
        for (stdout, changed, returned) in table {
            let conclusion = result(&output(5, stdout)).unwrap();
            assert_eq!(conclusion.changed, changed, "{stdout}");
            assert_eq!(Json::Object(conclusion.returned), returned, "{stdout}");
        }
    }

    #[test]
    fn failures_are_told() {
        let table = [
            ("no json\n", "Module result deserialization failed: No start of json char found"),
            ("{\"failed\": true, \"msg\": \"no\"}", "no"),
            ("{\"rc\": 4}", "Task failed: Action failed: Unknown error."),
        ];
        for (stdout, message) in table {
            assert_eq!(result(&output(3, stdout)).unwrap_err().to_string(), message);
        }
        let Err(Stop::Failed(failure)) = result(&output(3, "{\"a\": \n")) else { panic!() };
        assert!(failure.message.starts_with("Module result deserialization failed: "));
        assert_eq!(failure.returned["module_stderr"], "err\n");
        assert_eq!(failure.returned["rc"], 3);
    }

    #[test]
    fn a_python_of_the_host_serves() {
        let mut host = crate::host::memory::MemoryHost::new().with_file(PYTHONS[0], "");
        let params = |any_python| Params {
            file_name: "a.py".to_owned(),
            interpreter: vec!["/usr/bin/python".to_owned(), "-E".to_owned()],
            any_python,
            handed: String::new(),
            engine: EngineSource::default(),
        };
        for (any, first) in [(true, PYTHONS[0]), (false, "/usr/bin/python")] {
            let observed = OwnModule::observe(&params(any), &mut host).unwrap();
            assert_eq!(observed.interpreter, [first, "-E"]);
        }
    }
}

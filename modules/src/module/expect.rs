//! `ansible.builtin.expect`: runs a program on a terminal and answers what it asks.
//!
//! Follows the module of ansible-core 2.19, which needs `pexpect` on the host; here the runner
//! holds the terminal. Check mode: not supported, as there; a rehearsal calls it unknown. Diff:
//! none.
//!
//! ```yaml
//! - name: Set a password where the program insists on a terminal
//!   ansible.builtin.expect:
//!     command: passwd ann
//!     responses:
//!       (?i)password: "{{ password }}"
//!   no_log: true
//! ```
//!
//! Returns `cmd`, `rc`, `stdout`, `stdout_lines`, `start`, `end`, `delta`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/expect_module.html>

use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::command::{NON_ZERO, failed};
use super::local_time::{LocalTime, python_delta};
use super::text_lines::{lines, utf8};
use super::{expansion, shell_words};
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Answer, Applied, Command, Dialogue, ENDED, Effect};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::params;
use crate::params::{ParamValue as _, plain};

params! {
    /// Parameters of `ansible.builtin.expect`.
    pub struct Params {
        /// The command; no shell reads it.
        command: String,
        /// Run in this directory.
        chdir: Option<PathBuf>,
        /// Run only when nothing is there.
        creates: Option<PathBuf>,
        /// Run only when something is there.
        removes: Option<PathBuf>,
        /// Patterns of questions, each with its answer, or with a list of answers in order.
        responses: Map<String, Json>,
        /// Seconds to wait for a question or the end; null waits on.
        timeout: Json = Json::from(30),
        /// Whether the terminal shows the answers.
        echo: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct Expect;

/// What decides whether it runs.
#[derive(Debug)]
pub struct Observed {
    directory: Option<PathBuf>,
    /// Why it does not run.
    skipped: Option<String>,
    /// Whether the program is there.
    found: bool,
    clock: LocalTime,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No command.
    #[error("no command given")]
    Nothing,
    /// The line has open quotation marks.
    #[error(transparent)]
    Split(#[from] shell_words::SplitError),
    /// No such program.
    #[error("The command was not found or was not executable: {0}.")]
    NoProgram(String),
    /// It cannot run there.
    #[error("Task failed: Module failed: {reason}: '{}'", .directory.display())]
    Directory {
        /// Why not.
        reason: &'static str,
        /// Where.
        directory: PathBuf,
    },
    /// `timeout` is no number.
    #[error("argument 'timeout' is of type {got} and we were unable to convert to int: {reason}")]
    Timeout {
        /// The type that was given.
        got: &'static str,
        /// Why not.
        reason: String,
    },
    /// It said nothing for too long.
    #[error("command exceeded timeout")]
    Exceeded,
}

impl Module for Expect {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let words = words(params)?;
        let directory = match &params.chdir {
            Some(given) => {
                let directory = expansion::path(given, host)?;
                let reason = match host.stat(&directory, Follow::Yes)?.map(|stat| stat.kind) {
                    Some(FileKind::Directory) => None,
                    Some(_) => Some("[Errno 20] Not a directory"),
                    None => Some("[Errno 2] No such file or directory"),
                };
                if let Some(reason) = reason {
                    return Err(Stop::failed(Error::Directory { reason, directory }));
                }
                Some(directory)
            }
            None => None,
        };
        let mut exists = |given: &Option<PathBuf>| -> Result<Option<(String, bool)>, Stop> {
            let Some(given) = given else { return Ok(None) };
            let path = expansion::path(given, host)?;
            let place = directory.as_ref().map_or_else(|| path.clone(), |base| base.join(&path));
            Ok(Some((path.display().to_string(), host.stat(&place, Follow::Yes)?.is_some())))
        };
        let (creates, removes) = (exists(&params.creates)?, exists(&params.removes)?);
        let skipped = match (creates, removes) {
            (Some((path, true)), _) => Some(format!("skipped, since {path} exists")),
            (_, Some((path, false))) => Some(format!("skipped, since {path} does not exist")),
            _ => None,
        };
        let program = words.first().map(String::as_str).unwrap_or_default();
        let found = skipped.is_some() || host.find_program(program)?.is_some();
        Ok(Observed { directory, skipped, found, clock: LocalTime::of(host) })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("cmd", params.command.as_str());
        if let Some(why) = &observed.skipped {
            plan.set("stdout", why.as_str());
            plan.set("stdout_lines", lines(why));
            plan.set("rc", 0);
            return Ok(plan);
        }
        let argv = words(params)?;
        if !observed.found {
            let program = argv.first().cloned().unwrap_or_default();
            return Err(Stop::failed(Error::NoProgram(program)));
        }
        let dialogue = Dialogue {
            answers: params
                .responses
                .iter()
                .map(|(question, value)| answer(question, value))
                .collect(),
            patience: patience(&params.timeout)?,
            echo: params.echo,
        };
        let command = Command {
            argv,
            directory: observed.directory.clone(),
            dialogue: Some(dialogue),
            ..Command::default()
        };
        plan.push(Effect::Run(command), "a command always runs");
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let Some(Applied::Ran(output)) = applied.first() else {
            return Ok(Conclusion { changed: false, returned });
        };
        let text = utf8(&output.stdout)?.trim_end_matches(['\r', '\n']).to_owned();
        let mut set = |name: &str, value: Json| returned.insert(name.to_owned(), value);
        set("stdout_lines", Json::from(lines(&text)));
        set("stdout", Json::from(text));
        set("rc", Json::from((output.status != ENDED).then_some(output.status)));
        if let (Some(started), Some(ended)) = (output.started, output.ended) {
            set("start", Json::from(observed.clock.python_text(started)));
            set("end", Json::from(observed.clock.python_text(ended)));
            set("delta", Json::from(python_delta(started, ended)));
        }
        if output.success() {
            return Ok(Conclusion { changed: true, returned });
        }
        returned.insert("changed".to_owned(), Json::from(true));
        let exceeded = Error::Exceeded.to_string();
        Err(failed(if output.status == ENDED { &exceeded } else { NON_ZERO }, returned))
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::Unanswered { .. } => failed(&error.to_string(), Returned::new()),
            error => Stop::Host(error),
        }
    }
}

fn words(params: &Params) -> Result<Vec<String>, Stop> {
    if params.command.trim().is_empty() {
        return Err(Stop::failed(Error::Nothing).with("rc", 256));
    }
    shell_words::split(&params.command).map_err(Stop::failed)
}

fn answer(question: &str, value: &Json) -> Answer {
    let line = |value: &Json| format!("{}\n", plain(value).trim_end_matches('\n'));
    let (lines, repeats) = match value {
        Json::Array(values) => (values.iter().map(line).collect(), false),
        value => (vec![line(value)], true),
    };
    Answer { question: question.to_owned(), lines, repeats }
}

fn patience(given: &Json) -> Result<Option<u64>, Stop> {
    if given.is_null() {
        return Ok(None);
    }
    match i64::from_json(given) {
        Ok(seconds) => Ok(Some(u64::try_from(seconds).unwrap_or(0))),
        Err(_) => Err(Stop::failed(Error::Timeout {
            got: if given.is_string() { "<class 'str'>" } else { "<class 'list'>" },
            reason: format!("\"{}\" cannot be converted to an int", plain(given)),
        })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::effect::Output;
    use crate::params::Params as _;

    fn params(arguments: Json) -> Params {
        Params::parse("expect", arguments.as_object().unwrap()).unwrap()
    }

    fn observed() -> Observed {
        Observed { directory: None, skipped: None, found: true, clock: LocalTime::utc() }
    }

    #[test]
    fn questions_have_one_answer_or_several() {
        let params = params(json!({
            "command": "passwd 'ann b'", "responses": {"a": 1, "b": ["x", "y\n"]}, "timeout": null,
        }));
        let plan = Expect::plan(&params, &observed()).unwrap();
        let Effect::Run(command) = &plan.effects[0].effect else { panic!() };
        assert_eq!(command.argv, ["passwd", "ann b"]);
        let dialogue = command.dialogue.as_ref().unwrap();
        assert_eq!(dialogue.patience, None);
        assert_eq!(
            (&dialogue.answers[0].lines[..], dialogue.answers[0].repeats),
            (&["1\n".to_owned()][..], true)
        );
        assert_eq!(dialogue.answers[1].lines, ["x\n", "y\n"]);
    }

    #[test]
    fn failures_are_worded_as_ansible_words_them() {
        let given = params(json!({"command": " ", "responses": {}}));
        assert_eq!(Expect::plan(&given, &observed()).unwrap_err().to_string(), "no command given");
        let given = params(json!({"command": "x", "responses": {}}));
        let plan = Expect::plan(&given, &observed()).unwrap();
        for (status, stdout, message) in [
            (ENDED, &b""[..], "command exceeded timeout"),
            (2, b"a", "non-zero return code"),
            (
                0,
                b"a\xff",
                "Task failed: Refusing to deserialize an invalid UTF8 string value: 'utf-8' codec can't encode character '\\udcff' in position 1: surrogates not allowed",
            ),
        ] {
            let output = Output { status, stdout: stdout.to_vec(), ..Output::default() };
            let stop = Expect::conclude(&given, &observed(), &plan, &[Applied::Ran(output)]);
            assert_eq!(stop.unwrap_err().to_string(), message);
        }
    }
}

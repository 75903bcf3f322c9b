//! `ansible.builtin.command` and `ansible.builtin.shell`: run a program, or a shell line.
//!
//! Follows the modules of ansible-core 2.19. Whether something changed is not known to them: a
//! command that ran always counts as a change. `creates` and `removes` decide before. Check
//! mode: the outcome of a command is unknown before it ran; where `creates` or `removes` tell
//! that it would not run, that is said. Diff: none.
//!
//! Differs from Ansible: a rehearsal words a skipped command as `Did not run command`, too.
//!
//! ```yaml
//! - name: Initialise the database once
//!   ansible.builtin.command:
//!     argv: [/usr/bin/initdb, --data, /var/lib/db]
//!     creates: /var/lib/db/VERSION
//! - name: Count lines
//!   ansible.builtin.shell: cat *.log | wc -l
//!   args:
//!     chdir: /var/log
//! ```
//!
//! Returns `cmd`, `rc`, `stdout`, `stdout_lines`, `stderr`, `stderr_lines`, `start`, `end`,
//! `delta` (local time of the host) and `msg`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::local_time::{LocalTime, python_delta};
use super::text_lines::{lines, set_streams, utf8};
use super::{expansion, shell_words, wildcard};
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Command as Program, Effect, Output};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::params;
use crate::params::Rule;

params! {
    /// Parameters of `ansible.builtin.command` and `ansible.builtin.shell`.
    pub struct Params {
        /// The command as one line; split into words by `command`, handed to a shell by `shell`.
        _raw_params: Option<String>,
        /// The same, by name.
        cmd: Option<String>,
        /// The command as a list of words; `command` only.
        argv: Option<Vec<String>>,
        /// Run in this directory.
        chdir: Option<PathBuf>,
        /// Run only when nothing is there; may have wildcards.
        creates: Option<PathBuf>,
        /// Run only when something is there; may have wildcards.
        removes: Option<PathBuf>,
        /// The shell that runs the line; by default `/bin/sh`.
        executable: Option<PathBuf>,
        /// Written to the standard input of the command.
        stdin: Option<String>,
        /// Whether a newline is added to `stdin`.
        stdin_add_newline: bool = true,
        /// Whether newlines at the end of the output are cut off.
        strip_empty_ends: bool = true,
        /// Whether `~` and `$VARIABLE` in words are expanded; `command` only.
        expand_argument_vars: bool = true,
        /// Whether `command` does what `shell` does.
        _uses_shell: bool = false,
    }
    rules [
        Rule::RequiredOneOf(&["_raw_params", "cmd", "argv"]),
        Rule::MutuallyExclusive(&["_raw_params", "cmd", "argv"]),
    ]
}

/// `ansible.builtin.command`.
#[derive(Debug)]
pub struct Command;

/// `ansible.builtin.shell`.
#[derive(Debug)]
pub struct Shell;

/// What decides whether and how the command runs.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The words as the host's variables expand them; empty for a shell line.
    words: Vec<String>,
    /// Where it runs.
    directory: Directory,
    /// What `creates` found.
    creates: Option<Guard>,
    /// What `removes` found.
    removes: Option<Guard>,
    /// The host's clock, to word start and end.
    clock: LocalTime,
}

#[derive(Debug, Clone)]
enum Directory {
    Default,
    There(PathBuf),
    Missing,
}

#[derive(Debug, Clone)]
struct Guard {
    pattern: String,
    exists: bool,
}

impl Params {
    fn line(&self) -> Option<&str> {
        self._raw_params.as_deref().or(self.cmd.as_deref())
    }
}

/// Why a command is not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The line is empty.
    #[error("Argument 'args' to run_command must be list or string")]
    Nothing,
    /// There are no words.
    #[error("Error executing command.")]
    NoWords,
    /// The line has open quotation marks.
    #[error(transparent)]
    Split(#[from] shell_words::SplitError),
    /// `chdir` is no directory.
    #[error("Unable to change directory before execution.")]
    Directory,
}

/// What a task asks for, before the host's variables are expanded.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    Nothing,
    Words(Vec<String>),
    Shell(String),
    /// Words that a shell reads.
    ShellWords(Vec<String>),
}

impl Line {
    fn shown(&self) -> Json {
        match self {
            Self::Nothing => Json::Null,
            Self::Words(words) | Self::ShellWords(words) => Json::from(words.clone()),
            Self::Shell(line) => Json::from(line.clone()),
        }
    }
}

fn words(params: &Params) -> Result<Line, Stop> {
    if params._uses_shell {
        return Ok(shell_line(params));
    }
    Ok(match (params.line(), &params.argv) {
        (Some(line), _) if !line.trim().is_empty() => Line::Words(
            shell_words::split(line).map_err(|error| Stop::failed(Error::Split(error)))?,
        ),
        (None, Some(argv)) => Line::Words(argv.clone()),
        _ => Line::Nothing,
    })
}

fn shell_line(params: &Params) -> Line {
    match (params.line(), &params.argv) {
        (Some(line), _) if !line.is_empty() => Line::Shell(line.to_owned()),
        (None, Some(argv)) => Line::ShellWords(argv.clone()),
        _ => Line::Nothing,
    }
}

fn observe(params: &Params, line: &Line, host: &mut dyn Host) -> Result<Observed, Stop> {
    let directory = match &params.chdir {
        None => Directory::Default,
        Some(given) => {
            let path = expansion::path(given, host)?;
            match host.stat(&path, Follow::Yes)? {
                Some(stat) if stat.kind == FileKind::Directory => Directory::There(path),
                _ => Directory::Missing,
            }
        }
    };
    let creates = guard(params.creates.as_deref(), &directory, host)?;
    let removes = guard(params.removes.as_deref(), &directory, host)?;
    let words = match line {
        Line::Nothing | Line::Shell(_) | Line::ShellWords(_) => Vec::new(),
        Line::Words(words) if params.expand_argument_vars => words
            .iter()
            .map(|word| expansion::text(word, host))
            .collect::<Result<_, HostError>>()?,
        Line::Words(words) => words.clone(),
    };
    Ok(Observed { words, directory, creates, removes, clock: LocalTime::of(host) })
}

fn guard(
    pattern: Option<&Path>,
    directory: &Directory,
    host: &mut dyn Host,
) -> Result<Option<Guard>, Stop> {
    let Some(pattern) = pattern else { return Ok(None) };
    let pattern = expansion::path(pattern, host)?;
    let place = match directory {
        Directory::There(directory) => directory.join(&pattern),
        Directory::Default | Directory::Missing => pattern.clone(),
    };
    let exists = !wildcard::glob(&place, host)?.is_empty();
    Ok(Some(Guard { pattern: pattern.to_string_lossy().into_owned(), exists }))
}

fn plan(params: &Params, line: &Line, observed: &Observed) -> Result<Plan, Stop> {
    if matches!(observed.directory, Directory::Missing) {
        let mut stop = Stop::failed(Error::Directory).with("cmd", line.shown());
        for field in ["rc", "start", "end", "delta"] {
            stop = stop.with(field, Json::Null);
        }
        return Err(stop.with("stdout", "").with("stderr", ""));
    }
    let skipped = match (&observed.creates, &observed.removes) {
        (Some(creates), _) if creates.exists => Some((&creates.pattern, "exists")),
        (_, Some(removes)) if !removes.exists => Some((&removes.pattern, "does not exist")),
        _ => None,
    };
    let mut plan = Plan::nothing();
    plan.set("cmd", line.shown());
    if let (Line::Words(_), Some(shell)) = (line, &params.executable) {
        let warning = format!(
            "As of Ansible 2.4, the parameter 'executable' is no longer supported with the \
             'command' module. Not using '{}'.",
            shell.display()
        );
        plan.set("warnings", Json::from(vec![warning]));
    }
    if let Some((pattern, why)) = skipped {
        plan.set("rc", 0);
        plan.set("msg", format!("Did not run command since '{pattern}' {why}"));
        set_streams(&mut plan.returned, &format!("skipped, since {pattern} {why}"), "");
        for field in ["start", "end", "delta"] {
            plan.set(field, Json::Null);
        }
        return Ok(plan);
    }
    let shell = |line: &str| {
        let shell = match &params.executable {
            Some(path) => path.to_string_lossy().into_owned(),
            None => "/bin/sh".to_owned(),
        };
        vec![shell, "-c".to_owned(), line.to_owned()]
    };
    let argv = match line {
        Line::Nothing => {
            let stop = Stop::failed(Error::Nothing).with("cmd", Json::Null);
            return Err(stop.with("rc", NOT_STARTED));
        }
        Line::Words(_) if observed.words.is_empty() => {
            let stop = Stop::failed(Error::NoWords).with("cmd", "").with("rc", NOT_STARTED);
            return Err(stop.with("stdout", "").with("stderr", ""));
        }
        Line::Words(_) => observed.words.clone(),
        Line::Shell(line) => shell(line),
        Line::ShellWords(words) => {
            let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
            shell(&words.join(" "))
        }
    };
    let newline = if params.stdin_add_newline { "\n" } else { "" };
    let command = Program {
        argv,
        directory: match &observed.directory {
            Directory::There(path) => Some(path.clone()),
            Directory::Default | Directory::Missing => None,
        },
        stdin: params.stdin.as_ref().map(|text| format!("{text}{newline}")),
        ..Program::default()
    };
    let reason = match (&observed.creates, &observed.removes) {
        (Some(creates), _) => format!("`{}` does not exist", creates.pattern),
        (None, Some(removes)) => format!("`{}` exists", removes.pattern),
        (None, None) => "a command always runs".to_owned(),
    };
    plan.push(Effect::Run(command), reason);
    Ok(plan)
}

fn conclude(
    params: &Params,
    observed: &Observed,
    plan: &Plan,
    applied: &[Applied],
) -> Result<Conclusion, Stop> {
    let mut returned = plan.returned.clone();
    let Some(Applied::Ran(output)) = applied.first() else {
        return Ok(Conclusion { changed: false, returned });
    };
    word_output(&mut returned, output, &observed.clock)?;
    strip(&mut returned, params);
    if output.success() {
        returned.insert("msg".to_owned(), Json::from(""));
        return Ok(Conclusion { changed: true, returned });
    }
    returned.insert("changed".to_owned(), Json::from(true));
    Err(failed(NON_ZERO, returned))
}

/// The return code of what is no command.
const NOT_STARTED: i64 = 257;

/// The message of a command that ended with an error.
pub(super) const NON_ZERO: &str = "non-zero return code";

/// A failed task with these fields.
pub(super) fn failed(message: &str, returned: Returned) -> Stop {
    Stop::Failed(Box::new(crate::contract::Failure { message: message.to_owned(), returned }))
}

fn word_output(returned: &mut Returned, output: &Output, clock: &LocalTime) -> Result<(), Stop> {
    returned.insert("rc".to_owned(), Json::from(output.status));
    set_streams(returned, &utf8(&output.stdout)?, &utf8(&output.stderr)?);
    if let (Some(started), Some(ended)) = (output.started, output.ended) {
        returned.insert("start".to_owned(), Json::from(clock.python_text(started)));
        returned.insert("end".to_owned(), Json::from(clock.python_text(ended)));
        returned.insert("delta".to_owned(), Json::from(python_delta(started, ended)));
    }
    Ok(())
}

fn strip(returned: &mut Returned, params: &Params) {
    if !params.strip_empty_ends {
        return;
    }
    for (stream, stream_lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        if let Some(Json::String(text)) = returned.get_mut(stream) {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
            let split = lines(text);
            returned.insert(stream_lines.to_owned(), Json::from(split));
        }
    }
}

/// Words that a program could not be started, as Ansible does; `errno` is the return code.
fn explain(planned: &Planned, error: HostError) -> Stop {
    let (Effect::Run(command), HostError::Spawn { source, .. }) = (&planned.effect, &error) else {
        return Stop::Host(error);
    };
    let mut returned = Returned::new();
    let cmd = command.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    returned.insert("cmd".to_owned(), Json::from(cmd));
    // Python finds a directory under an empty name
    let empty = command.argv.first().is_some_and(String::is_empty);
    let number = if empty {
        rustix::io::Errno::ACCESS.raw_os_error()
    } else {
        source.raw_os_error().unwrap_or(2)
    };
    returned.insert("rc".to_owned(), Json::from(number));
    returned.insert("reason".to_owned(), Json::from(error.to_string()));
    set_streams(&mut returned, "", "");
    failed("Error executing command.", returned)
}

/// Quotes a word for people, as Python's `shlex.quote` does.
pub(super) fn quote(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "@%+=:,./-_".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\"'\"'"))
    }
}

impl Module for Command {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe(params, &words(params)?, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        plan(params, &words(params)?, observed)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        conclude(params, observed, plan, applied)
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        explain(planned, error)
    }
}

impl Module for Shell {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe(params, &shell_line(params), host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        plan(params, &shell_line(params), observed)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        conclude(params, observed, plan, applied)
    }

    fn explain(_: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        explain(planned, error)
    }
}

#[cfg(test)]
mod tests;

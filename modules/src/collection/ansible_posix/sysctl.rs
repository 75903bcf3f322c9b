//! `ansible.posix.sysctl`: parameters of the kernel, in a file and now.
//!
//! Follows the module of ansible.posix 2.1 on Linux. Check mode: full. Diff: the file and the value.
//!
//! ```yaml
//! - name: Forward packets
//!   ansible.posix.sysctl:
//!     name: net.ipv4.ip_forward
//!     value: "1"
//!     sysctl_file: /etc/sysctl.d/60-forward.conf
//! ```
//!
//! Returns nothing of its own.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, Output, SettingChange};
use crate::host::{Host, HostError};
use crate::module::file_attributes::FileAttributes;
use crate::module::program;
use crate::module::text_edit::{TextFile, Writing};
use crate::params::{Rule, plain};
use crate::{choices, params};

choices! {
    /// Whether the file has the parameter.
    pub enum State {
        /// It has.
        Present = "present",
        /// It has not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `ansible.posix.sysctl`.
    pub struct Params {
        /// The name, with dots.
        name ("key"): String,
        /// The value.
        value ("val"): Option<String>,
        /// Whether the file has the parameter.
        state: State = State::Present,
        /// Whether the kernel reads the file again when something changes.
        reload: bool = true,
        /// Whether the kernel is told the value, too.
        sysctl_set: bool = false,
        /// Whether unknown parameters are no failure.
        ignoreerrors: bool = false,
        /// The file; by default `/etc/sysctl.conf`.
        sysctl_file: Option<PathBuf>,
    }
    rules [Rule::RequiredIf("state", "present", &["value"])]
}

/// The module.
#[derive(Debug)]
pub struct Sysctl;

/// What is known of the file and the kernel.
#[derive(Debug)]
pub struct Observed {
    program: String,
    file: TextFile,
    /// The file's name as programs are given it.
    shown: String,
    /// What the kernel has; `None` where it does not know the name.
    now: Option<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no name.
    #[error("name cannot be blank")]
    NoName,
    /// There is no value.
    #[error("value cannot be blank")]
    NoValue,
    /// The kernel does not take it.
    #[error("setting {0} failed: {1}")]
    Set(String, String),
    /// The file is not taken.
    #[error("Failed to reload sysctl: {0}")]
    Reload(String),
}

impl Module for Sysctl {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.name.is_empty() {
            return Err(Stop::failed(Error::NoName));
        }
        if params.state == State::Present && params.value.as_deref() == Some("") {
            return Err(Stop::failed(Error::NoValue));
        }
        let program = program::required(host, "sysctl")?;
        let path = params.sysctl_file.clone().unwrap_or_else(|| "/etc/sysctl.conf".into());
        let file = TextFile::observe(&path, &FileAttributes::default(), None, host)?;
        let name = params.name.trim();
        let now = match host.rehearsed(KIND, name) {
            Some(kept) => kept.value.as_ref().map(plain),
            None => {
                let output = program::query(host, [program.as_str(), "-e", "-n", name])?;
                output.success().then(|| output.stdout_text())
            }
        };
        let shown = path.to_string_lossy().into_owned();
        Ok(Observed { program, file, shown, now })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let name = params.name.trim();
        let present = params.state == State::Present;
        let value = value_of(params.value.as_deref());
        let text = observed.file.text_or_empty().characters;
        let in_file = in_file(&text, name);
        let runs = observed
            .now
            .as_deref()
            .is_some_and(|now| now.split_whitespace().eq(value.split_whitespace()));
        let (mut changed, write) = match (in_file.as_deref(), present) {
            (None, true) => (true, true),
            (None, false) => (false, false),
            (Some(there), false) if !there.is_empty() => (true, true),
            (Some(there), _) if there != value => (true, true),
            _ => (params.reload && !runs, false),
        };
        let mut set = false;
        if params.sysctl_set && present && !runs {
            changed = true;
            set = observed.now.is_some();
        }
        let mut plan = Plan::nothing();
        let options: &[&str] = if params.ignoreerrors { &["-e"] } else { &[] };
        let command = |words: &[&str]| {
            let words = std::iter::once(observed.program.as_str())
                .chain(options.iter().copied())
                .chain(words.iter().copied());
            program::command(words)
        };
        if set {
            let pair = format!("{name}={value}");
            plan.push(
                observed.setting(name, &value, command(&["-w", &pair])),
                "the kernel has another value",
            );
        }
        if write {
            let new = fixed(&text, name, present.then_some(value.as_str()));
            let writing = Writing { backup: false, validate: None, unsafe_writes: false };
            observed.file.plan(Some(&new), "the file differs", writing, &mut plan)?;
        }
        if changed && params.reload {
            let after = if present {
                value.as_str()
            } else {
                observed.now.as_deref().unwrap_or_default().trim()
            };
            let command = command(&["-p", &observed.shown]);
            plan.push(observed.setting(name, after, command), "the file is read again");
        }
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        for (planned, outcome) in plan.effects.iter().zip(applied) {
            if let (Effect::Setting(_), Applied::Ran(output)) = (&planned.effect, outcome)
                && refused(&output.stderr_text())
            {
                return Err(failure(params, observed, planned, output));
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => failure(params, observed, planned, &output),
            error => Stop::Host(error),
        }
    }
}

const KIND: &str = "sysctl";

impl Observed {
    fn setting(&self, name: &str, value: &str, command: Command) -> Effect {
        Effect::Setting(SettingChange {
            kind: KIND.to_owned(),
            name: name.to_owned(),
            before: self.now.as_ref().map(|now| Json::from(now.trim())),
            after: Some(Json::from(value)),
            commands: vec![command],
            ..SettingChange::default()
        })
    }
}

fn failure(params: &Params, observed: &Observed, planned: &Planned, output: &Output) -> Stop {
    let said = format!("{}{}", output.stdout_text(), output.stderr_text());
    let reload = match &planned.effect {
        Effect::Setting(change) => {
            change.commands.iter().any(|command| command.argv.last() == Some(&observed.shown))
        }
        _ => false,
    };
    if reload {
        Stop::failed(Error::Reload(said))
    } else {
        Stop::failed(Error::Set(params.name.trim().to_owned(), said))
    }
}

/// Whether a value was refused although the program ended with 0.
fn refused(errors: &str) -> bool {
    errors.lines().any(|line| {
        line.starts_with("sysctl: setting key \"")
            && (line.ends_with("\": Invalid argument")
                || line.ends_with("\": Read-only file system"))
    })
}

/// `yes` and `no` are numbers here.
fn value_of(given: Option<&str>) -> String {
    let given = given.unwrap_or_default();
    match given.to_lowercase().as_str() {
        "yes" | "on" | "1" | "true" | "t" | "y" => "1".to_owned(),
        "no" | "off" | "0" | "false" | "f" | "n" => "0".to_owned(),
        _ => given.trim().to_owned(),
    }
}

/// Name and value of a line that sets something.
fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    line.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
}

fn in_file(text: &str, name: &str) -> Option<String> {
    let values = text.lines().filter_map(pair).filter(|(known, _)| *known == name);
    values.last().map(|(_, value)| value.to_owned())
}

/// The file with each name once, and this one as it shall be.
fn fixed(text: &str, name: &str, value: Option<&str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match pair(line) {
            None => lines.push(line.trim().to_owned()),
            Some((known, _)) if seen.contains(&known) => {}
            Some((known, old)) => {
                seen.push(known);
                if known != name {
                    lines.push(format!("{known}={old}"));
                } else if let Some(value) = value {
                    lines.push(format!("{name}={value}"));
                }
            }
        }
    }
    if let (false, Some(value)) = (seen.contains(&name), value) {
        lines.push(format!("{name}={value}"));
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Sysctl, refused};
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn host(file: &str, now: Option<&str>) -> MemoryHost {
        let output = Output {
            status: i32::from(now.is_none()),
            stdout: now.unwrap_or_default().into(),
            ..Output::default()
        };
        MemoryHost::new()
            .with_program("sysctl")
            .with_file("/etc/sysctl.conf", file)
            .with_output(&["/usr/bin/sysctl", "-e", "-n", "a.b"], output)
    }

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Sysctl>(host, arguments)
    }

    #[test]
    fn outcomes_are_those_of_the_collection() {
        let reload = "sysctl -p /etc/sysctl.conf";
        let set = "sysctl -w a.b=2";
        let table: &[(&str, Option<&str>, Json, &str, &[&str])] = &[
            ("# c\nx = 1\n", Some("1"), json!({"value": 2}), "# c\nx=1\na.b=2\n", &[reload]),
            ("a.b = 2\n", Some("2\n"), json!({"value": 2}), "a.b = 2\n", &[]),
            ("a.b = 2\n", Some("3\n"), json!({"value": 2}), "a.b = 2\n", &[reload]),
            ("a.b=2\n", Some("3"), json!({"value": 2, "reload": false}), "a.b=2\n", &[]),
            (
                "a.b=2\n",
                Some("3"),
                json!({"value": 2, "reload": false, "sysctl_set": true}),
                "a.b=2\n",
                &[set],
            ),
            (
                "a.b=1\na.b=3\n",
                Some("1"),
                json!({"value": "2", "sysctl_set": true}),
                "a.b=2\n",
                &[set, reload],
            ),
            ("x=1\na.b=1\n", Some("1"), json!({"state": "absent"}), "x=1\n", &[reload]),
            ("x=1\n", Some("1"), json!({"state": "absent"}), "x=1\n", &[]),
            ("a.b=1\n", Some("1"), json!({"value": "yes"}), "a.b=1\n", &[]),
        ];
        for (file, now, more, expected, commands) in table {
            let arguments = crate::recorded::with(&json!({"name": "a.b"}), more);
            let mut host = host(file, *now);
            let ended = run(&mut host, &arguments);
            let changes = file != expected || !commands.is_empty();
            let status = if changes { Status::Changed } else { Status::Ok };
            assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
            let text = host.read("/etc/sysctl.conf".as_ref()).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), *expected, "{arguments}");
            let ran: Vec<String> = host
                .applied()
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
                    _ => None,
                })
                .map(|line| line.replace("/usr/bin/", ""))
                .collect();
            assert_eq!(ran, *commands, "{arguments}");
        }
    }

    #[test]
    fn a_rehearsal_knows_the_value_afterwards() {
        let mut host = RehearsalHost::new(host("", Some("1")));
        let arguments = json!({"name": "a.b", "value": "2"});
        assert_eq!(run(&mut host, &arguments).status, Status::Changed);
        assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    }

    #[test]
    fn refusals_are_told() {
        let error = "sysctl: setting key \"a.b\": Invalid argument\n";
        assert!(refused(error) && !refused("sysctl: cannot stat /proc/sys/x\n"));
        let output = Output { stderr: error.into(), ..Output::default() };
        let mut host =
            host("", Some("1")).with_output(&["/usr/bin/sysctl", "-p", "/etc/sysctl.conf"], output);
        let ended = run(&mut host, &json!({"name": "a.b", "value": "x"}));
        assert_eq!(ended.returned["msg"], json!(format!("Failed to reload sysctl: {error}")));
        let ended = run(&mut host, &json!({"name": "", "value": "x"}));
        assert_eq!(ended.returned["msg"], "name cannot be blank");
    }
}

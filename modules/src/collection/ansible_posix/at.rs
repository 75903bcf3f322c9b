//! `ansible.posix.at`: commands that run once, later.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the command.
//!
//! Differs: a command is given to `at` by its standard input, so no `script_file` is returned for
//! it.
//!
//! ```yaml
//! - name: Look again in twenty minutes
//!   ansible.posix.at:
//!     command: /usr/local/bin/look
//!     count: 20
//!     units: minutes
//!     unique: true
//! ```
//!
//! Returns `state`, `count`, `units`, `script_file`.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Command, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What the count counts.
    pub enum Units {
        /// Minutes.
        Minutes = "minutes",
        /// Hours.
        Hours = "hours",
        /// Days.
        Days = "days",
        /// Weeks.
        Weeks = "weeks",
    }
}

choices! {
    /// Whether the job shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.posix.at`.
    pub struct Params {
        /// The command.
        command: Option<String>,
        /// A script of the host.
        script_file: Option<PathBuf>,
        /// How many units from now.
        count: Option<i64>,
        /// What the count counts.
        units: Option<Units>,
        /// Whether the job shall be there.
        state: State = State::Present,
        /// Whether a job that is there is enough.
        unique: bool = false,
    }
    rules [
        Rule::MutuallyExclusive(&["command", "script_file"]),
        Rule::RequiredOneOf(&["command", "script_file"]),
    ]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no time.
    #[error("present state requires count and units")]
    NoTime,
}

/// The module.
#[derive(Debug)]
pub struct At;

/// What is known of the jobs.
#[derive(Debug)]
pub struct Observed {
    program: String,
    script: String,
    /// Numbers of the jobs that do the same.
    jobs: Vec<String>,
    /// Whether a dry run would have made one.
    rehearsed: bool,
}

const KIND: &str = "at";

impl Module for At {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let program = program::required(host, "at")?;
        let timed = params.count.is_some_and(|count| count != 0) && params.units.is_some();
        if params.state == State::Present && !timed {
            return Err(Stop::failed(Error::NoTime));
        }
        let script = match (&params.command, &params.script_file) {
            (Some(command), _) => command.clone(),
            (None, Some(path)) => {
                let text = host.read(path).map_err(|error| unreadable(params, &program, error))?;
                String::from_utf8_lossy(&text).into_owned()
            }
            (None, None) => String::new(),
        };
        let script = script.trim().to_owned();
        let mut observed = Observed { program, script, jobs: Vec::new(), rehearsed: false };
        if params.state == State::Absent || params.unique {
            match host.rehearsed(KIND, &observed.script) {
                Some(kept) => observed.rehearsed = kept.value.is_some(),
                None => observed.jobs = observed.matching(host)?,
            }
        }
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("state", params.state.word());
        let there = observed.rehearsed || !observed.jobs.is_empty();
        if params.state == State::Absent {
            if there {
                let remove = |job: &String| program::command([&observed.program, "-r", job]);
                let commands = observed.jobs.iter().map(remove).collect();
                plan.push(observed.change(true, false, commands), "it is there");
            }
            return Ok(plan);
        }
        if params.unique && there {
            return Ok(plan);
        }
        let (count, units) = (params.count.unwrap_or_default(), params.units);
        let units = units.map(Units::word).unwrap_or_default();
        plan.set("count", count);
        plan.set("units", units);
        let mut argv = vec![observed.program.clone()];
        let mut stdin = None;
        if let Some(path) = &params.script_file {
            let path = path.to_string_lossy().into_owned();
            plan.set("script_file", path.clone());
            argv.extend(["-f".to_owned(), path]);
        } else {
            stdin = params.command.as_ref().map(|command| format!("{command}\n"));
        }
        let count = count.to_string();
        argv.extend(["now", "+", &count, units].map(str::to_owned));
        let command = Command { stdin, ..program::command(argv) };
        plan.push(observed.change(there, true, vec![command]), "it is not there");
        Ok(plan)
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

/// What `at` says of a script that it cannot read.
fn unreadable(params: &Params, program: &str, error: HostError) -> Stop {
    let (HostError::Io { path, source, .. }, State::Present, Some(units)) =
        (&error, params.state, params.units)
    else {
        return error.into();
    };
    let (path, reason) = (path.display(), source.to_string());
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let count = params.count.unwrap_or_default();
    let command = format!("{program} -f {path} now + {count} {}", units.word());
    Stop::failed(format!(
        "warning: commands will be executed using /bin/sh\nCannot open input file {path}: {reason}"
    ))
    .with("rc", 1)
    .with("cmd", command)
}

impl Observed {
    fn change(&self, before: bool, after: bool, commands: Vec<Command>) -> Effect {
        let text = |there: bool| there.then(|| Json::from(format!("{}\n", self.script)));
        // a second job of the same script is one more
        let before = if before && after { false } else { before };
        Effect::Setting(SettingChange {
            kind: KIND.to_owned(),
            name: self.script.clone(),
            before: text(before),
            after: text(after),
            commands,
            ..SettingChange::default()
        })
    }

    /// The numbers of the jobs that hold the script.
    fn matching(&self, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
        let queue = program::required(host, "atq")?;
        let mut ask = |argv: &[&str]| {
            let output = program::query(host, argv.iter().copied())?;
            if output.success() { Ok(output.stdout_text()) } else { Err(program::failure(&output)) }
        };
        let listed = ask(&[&queue])?;
        let mut jobs = Vec::new();
        for job in listed.lines().filter_map(|line| line.split_whitespace().next()) {
            if ask(&[&self.program, "-c", job])?.contains(&self.script) {
                jobs.push(job.to_owned());
            }
        }
        Ok(jobs)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::At;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<At>(host, arguments)
    }

    fn host() -> MemoryHost {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        MemoryHost::new()
            .with_program("at")
            .with_program("atq")
            .with_output(&["/usr/bin/atq"], output("7\tThu Nov 26 18:40:00 2026 a root\n"))
            .with_output(
                &["/usr/bin/at", "-c", "7"],
                output("#!/bin/sh\ncd /root\nls -d / >/dev/null\n"),
            )
            .with_file("/root/script", "ls -d / >/dev/null\n")
    }

    #[test]
    fn jobs_come_and_go() {
        let there = "ls -d / >/dev/null";
        let table: &[(Json, &str)] = &[
            (json!({"command": there, "count": 20, "units": "minutes"}), "now + 20 minutes"),
            (json!({"command": there, "count": 2, "units": "days", "unique": true}), ""),
            (
                json!({"command": "true", "count": 2, "units": "days", "unique": true}),
                "now + 2 days",
            ),
            (
                json!({"script_file": "/root/script", "count": 1, "units": "hours"}),
                "-f /root/script now + 1 hours",
            ),
            (json!({"script_file": "/root/script", "state": "absent"}), "-r 7"),
            (json!({"command": "true", "state": "absent"}), ""),
        ];
        for (arguments, command) in table {
            let mut live = host();
            let ended = run(&mut live, arguments);
            let ran = live.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands.first()?.argv.get(1..)?.join(" ")),
                _ => None,
            });
            assert_eq!(ran.unwrap_or_default(), *command, "{arguments}: {:?}", ended.returned);
        }
        let mut rehearsal = RehearsalHost::new(host());
        let once = json!({"command": "true", "count": 2, "units": "days", "unique": true});
        assert_eq!(run(&mut rehearsal, &once).status, Status::Changed);
        assert_eq!(run(&mut rehearsal, &once).status, Status::Ok);
        let gone = json!({"command": there, "state": "absent"});
        assert_eq!(run(&mut rehearsal, &gone).status, Status::Changed);
        assert_eq!(run(&mut rehearsal, &gone).status, Status::Ok);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (arguments, message) in [
            (json!({"command": "x", "count": 1}), "present state requires count and units"),
            (json!({}), "one of the following is required: command, script_file"),
        ] {
            assert_eq!(run(&mut host(), &arguments).returned["msg"], message);
        }
    }
}

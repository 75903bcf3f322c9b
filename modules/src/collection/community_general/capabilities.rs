//! `community.general.capabilities`: what a program may do without being root's.
//!
//! Follows the module of community.general 12, through `getcap` and `setcap`. Check mode: full. Diff:
//! the capabilities.
//!
//! ```yaml
//! - name: The server may take a low port
//!   community.general.capabilities:
//!     path: /usr/local/bin/server
//!     capability: cap_net_bind_service+ep
//! ```
//!
//! Returns `state`, `msg`, `stdout`.

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;
use crate::params::plain;
use crate::{choices, params};

choices! {
    /// Whether the program has the capability.
    pub enum State {
        /// It has not.
        Absent = "absent",
        /// It has.
        Present = "present",
    }
}

params! {
    /// Parameters of `community.general.capabilities`.
    pub struct Params {
        /// The program.
        path ("key"): String,
        /// The capability, with an operator and flags (`cap_chown+ep`).
        capability ("cap"): String,
        /// Whether the program has the capability.
        state: State = State::Present,
    }
}

/// The module.
#[derive(Debug)]
pub struct Capabilities;

/// A capability, an operator and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Capability {
    name: String,
    flags: String,
}

/// What is known of the program.
#[derive(Debug)]
pub struct Observed {
    setcap: String,
    path: String,
    wanted: Capability,
    there: Vec<Capability>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has no operator.
    #[error("Couldn't find operator (one of: ('=', '-', '+'))")]
    NoOperator,
    /// It cannot be looked at.
    #[error("Unable to get capabilities of {0}")]
    Get(String),
    /// It does not take them.
    #[error("Unable to set capabilities of {0}")]
    Set(String),
}

const KIND: &str = "capabilities";

impl Module for Capabilities {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let getcap = program::required(host, "getcap")?;
        let setcap = program::required(host, "setcap")?;
        let path = params.path.trim().to_owned();
        let given = params.capability.trim().to_lowercase();
        let wanted = match (parse(&given), params.state) {
            (Some(wanted), _) => wanted,
            (None, State::Absent) => Capability { name: given, flags: String::new() },
            (None, State::Present) => return Err(Stop::failed(Error::NoOperator)),
        };
        let there = match host.rehearsed(KIND, &path) {
            Some(kept) => {
                let text = kept.value.as_ref().map(plain).unwrap_or_default();
                text.split(' ').filter_map(parse).collect()
            }
            None => ask(&getcap, &path, host)?,
        };
        Ok(Observed { setcap, path, wanted, there })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("state", params.state.word());
        let Observed { setcap, path, wanted, there } = observed;
        let present = params.state == State::Present;
        let differs = match present {
            true => !there.contains(wanted),
            false => there.iter().any(|known| known.name == wanted.name),
        };
        if !differs {
            return Ok(plan);
        }
        let others = there.iter().filter(|known| known.name != wanted.name);
        let after: Vec<Capability> =
            others.chain(Some(wanted).filter(|_| present)).cloned().collect();
        let change = SettingChange {
            kind: KIND.to_owned(),
            name: path.clone(),
            before: Some(Json::from(text(there))),
            after: Some(Json::from(text(&after))),
            commands: vec![program::command([setcap.as_str(), &text(&after), path])],
            ..SettingChange::default()
        };
        plan.push(Effect::Setting(change), "they differ");
        plan.set("msg", "capabilities changed");
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let Some(Applied::Ran(output)) = applied.first() {
            returned.insert("stdout".to_owned(), Json::from(output.stdout_text()));
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, observed: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => {
                Stop::failed(Error::Set(observed.path.clone()))
                    .with("stdout", output.stdout_text())
                    .with("stderr", output.stderr_text())
            }
            error => Stop::Host(error),
        }
    }
}

fn text(capabilities: &[Capability]) -> String {
    let words: Vec<String> =
        capabilities.iter().map(|known| format!("{}{}", known.name, known.flags)).collect();
    words.join(" ")
}

fn parse(word: &str) -> Option<Capability> {
    let at = ['=', '-', '+'].iter().find_map(|operator| word.find(*operator))?;
    let (name, flags) = word.split_at(at);
    Some(Capability { name: name.to_owned(), flags: flags.to_owned() })
}

fn ask(getcap: &str, path: &str, host: &mut dyn Host) -> Result<Vec<Capability>, Stop> {
    let output = program::query(host, [getcap, "-v", path])?;
    let said = output.stdout_text();
    let said = said.trim();
    let refused = || {
        Stop::failed(Error::Get(path.to_owned()))
            .with("stdout", said)
            .with("stderr", output.stderr_text())
    };
    if !output.success() || !output.stderr.is_empty() {
        return Err(refused());
    }
    if said == path {
        return Ok(Vec::new());
    }
    let words = match said.split_once(" =") {
        // as older versions print it
        Some((_, words)) => words,
        None if said.ends_with(')') => return Err(refused()),
        None => said.split_whitespace().nth(1).unwrap_or_default(),
    };
    let mut found = Vec::new();
    for word in words.split_whitespace() {
        let word = word.to_lowercase();
        let Some(last) = parse(&word) else { return Err(Stop::failed(Error::NoOperator)) };
        let names = last.name.split(',');
        found.extend(
            names.map(|name| Capability { name: name.to_owned(), flags: last.flags.clone() }),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Capabilities;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    fn run(said: &str, arguments: &Json) -> (Executed, String) {
        let output = Output { stdout: said.into(), ..Output::default() };
        let mut host = MemoryHost::new()
            .with_program("getcap")
            .with_program("setcap")
            .with_output(&["/usr/bin/getcap", "-v", "/f"], output);
        let all = crate::recorded::with(&json!({"path": "/f"}), arguments);
        let ended = crate::recorded::run::<Capabilities>(&mut host, &all);
        let ran = host.applied().iter().find_map(|effect| match effect {
            Effect::Setting(change) => change.commands[0].argv.get(1).cloned(),
            _ => None,
        });
        (ended, ran.unwrap_or_default())
    }

    #[test]
    fn capabilities_come_and_go() {
        for (said, arguments, expected) in [
            ("/f\n", json!({"cap": "cap_chown+ep"}), "cap_chown+ep"),
            ("/f cap_chown=ep\n", json!({"cap": "cap_chown=ep"}), ""),
            ("/f = cap_chown+ep\n", json!({"cap": "CAP_CHOWN+ep"}), ""),
            ("/f cap_a,cap_b=ep\n", json!({"cap": "cap_b=i"}), "cap_a=ep cap_b=i"),
            ("/f cap_a,cap_b=ep\n", json!({"cap": "cap_b", "state": "absent"}), "cap_a=ep"),
            ("/f\n", json!({"cap": "cap_b", "state": "absent"}), ""),
        ] {
            let (ended, ran) = run(said, &arguments);
            assert_eq!(ran, expected, "{said} {arguments}");
            assert_eq!(ended.status == Status::Changed, !expected.is_empty());
        }
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        let (ended, _) = run("/f\n", &json!({"cap": "cap_chown"}));
        assert_eq!(ended.returned["msg"], "Couldn't find operator (one of: ('=', '-', '+'))");
        let (ended, _) = run("/f (No such file or directory)\n", &json!({"cap": "cap_a+e"}));
        assert_eq!(ended.returned["msg"], "Unable to get capabilities of /f");
    }
}

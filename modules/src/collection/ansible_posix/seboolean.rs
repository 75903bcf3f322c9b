//! `ansible.posix.seboolean`: booleans of SELinux, now or for good.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the value.
//!
//! Differs: Python's SELinux libraries are not needed, `getsebool`, `semanage` and `setsebool` are
//! asked; without `semanage` the value for good is what the policy store has.
//!
//! ```yaml
//! - name: Let the web server connect
//!   ansible.posix.seboolean:
//!     name: httpd_can_network_connect
//!     state: true
//!     persistent: true
//! ```
//!
//! Returns `name`, `persistent`, `state`.

use std::path::Path;

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Follow, Host, HostError};
use crate::module::program;
use crate::params;

params! {
    /// Parameters of `ansible.posix.seboolean`.
    pub struct Params {
        /// The boolean.
        name: String,
        /// Whether it is on.
        state: bool,
        /// Whether it stays so over a start of the host.
        persistent: bool = false,
        /// Whether a host without SELinux running is set for later.
        ignore_selinux_state: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct Seboolean;

/// What is known of the boolean.
#[derive(Debug)]
pub struct Observed {
    program: String,
    on: bool,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SELinux does not run.
    #[error("SELinux is disabled on this host.")]
    Disabled,
    /// There is no such boolean.
    #[error("Failed to determine current state for boolean {0}")]
    Unknown(String),
    /// The policy has no such boolean.
    #[error("SELinux boolean {0} is not defined in persistent policy")]
    NotInPolicy(String),
    /// It is not taken.
    #[error("Failed to set boolean {0} to {1}")]
    Failed(String, &'static str),
}

impl Module for Seboolean {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let runs = host.stat(Path::new("/sys/fs/selinux/enforce"), Follow::Yes)?.is_some();
        if !runs && !params.ignore_selinux_state {
            return Err(Stop::failed(Error::Disabled));
        }
        let program = program::required(host, "setsebool")?;
        if let Some(kept) = host.rehearsed(kind(params), &params.name) {
            let on = kept.value.as_ref().and_then(Json::as_bool).unwrap_or_default();
            return Ok(Observed { program, on });
        }
        let on = if params.persistent {
            for_good(&params.name, host)?
        } else if runs {
            now(&params.name, host)?
        } else {
            // nothing is set where nothing runs
            params.state
        };
        Ok(Observed { program, on })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("persistent", params.persistent);
        plan.set("state", params.state);
        if observed.on != params.state {
            let mut words = vec![observed.program.as_str()];
            if params.persistent {
                words.push("-P");
            }
            words.extend([params.name.as_str(), word(params.state)]);
            let change = SettingChange {
                kind: kind(params).to_owned(),
                name: params.name.clone(),
                before: Some(Json::from(observed.on)),
                after: Some(Json::from(params.state)),
                commands: vec![program::command(words)],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), format!("it is {}", word(observed.on)));
        }
        Ok(plan)
    }

    fn explain(params: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => {
                let value = if params.state { "True" } else { "False" };
                Stop::failed(Error::Failed(params.name.clone(), value))
                    .with("stderr", output.stderr_text())
            }
            error => Stop::Host(error),
        }
    }
}

fn kind(params: &Params) -> &'static str {
    if params.persistent { "SELinux boolean for good" } else { "SELinux boolean" }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The value that counts: `httpd_can_network_connect --> off`.
fn now(name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    let getsebool = program::required(host, "getsebool")?;
    let output = program::query(host, [getsebool.as_str(), name])?;
    let text = output.stdout_text();
    match text.split("-->").nth(1).map(str::trim) {
        Some(value) if output.success() => Ok(value == "on"),
        _ => Err(Stop::failed(Error::Unknown(name.to_owned()))),
    }
}

/// The value after a start of the host: `name (off , on) what it is for`, the second one.
fn for_good(name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    if let Some(semanage) = host.find_program("semanage")? {
        let semanage = semanage.to_string_lossy().into_owned();
        let output = program::query(host, [semanage.as_str(), "boolean", "--list", "--noheading"])?;
        return listed(&output.stdout_text(), name)
            .ok_or_else(|| Stop::failed(Error::NotInPolicy(name.to_owned())));
    }
    let config = host.read(Path::new("/etc/selinux/config")).unwrap_or_default();
    let config = String::from_utf8_lossy(&config).into_owned();
    let policy = config.lines().find_map(|line| line.trim().strip_prefix("SELINUXTYPE="));
    let policy = policy.unwrap_or("targeted").trim().to_owned();
    let path = format!("/var/lib/selinux/{policy}/active/booleans.local");
    let stored = host.read(Path::new(&path)).unwrap_or_default();
    let stored = String::from_utf8_lossy(&stored).into_owned();
    let value = stored.lines().find_map(|line| {
        let (known, value) = line.split_once('=')?;
        (known.trim() == name).then(|| matches!(value.trim(), "1" | "on" | "true"))
    });
    value.map_or_else(|| now(name, host), Ok)
}

fn listed(text: &str, name: &str) -> Option<bool> {
    text.lines().find_map(|line| {
        let (known, rest) = line.split_once('(')?;
        let (_, value) = rest.split_once(')')?.0.split_once(',')?;
        (known.trim() == name).then(|| value.trim() == "on")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Seboolean, listed};
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    fn run(host: &mut MemoryHost, arguments: &Json) -> Executed {
        crate::recorded::run::<Seboolean>(host, arguments)
    }

    fn host() -> MemoryHost {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        MemoryHost::new()
            .with_program("setsebool")
            .with_program("getsebool")
            .with_program("semanage")
            .with_file("/sys/fs/selinux/enforce", "1")
            .with_output(&["/usr/bin/getsebool", "a"], output("a --> on\n"))
            .with_output(
                &["/usr/bin/semanage", "boolean", "--list", "--noheading"],
                output("a          (on   ,  off)  Allow a to b (c)\n"),
            )
    }

    #[test]
    fn now_and_for_good_are_apart() {
        for (arguments, expected) in [
            (json!({"name": "a", "state": true}), None),
            (json!({"name": "a", "state": false}), Some("/usr/bin/setsebool a off")),
            (
                json!({"name": "a", "state": "yes", "persistent": true}),
                Some("/usr/bin/setsebool -P a on"),
            ),
            (json!({"name": "a", "state": false, "persistent": true}), None),
        ] {
            let mut host = host();
            let ended = run(&mut host, &arguments);
            let ran = host.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
                _ => None,
            });
            assert_eq!(ran.as_deref(), expected, "{arguments}");
            assert_eq!(ended.status == Status::Changed, expected.is_some());
            assert_eq!(run(&mut host, &arguments).status, Status::Ok);
        }
        assert_eq!(listed("x (off , on) y\n", "x"), Some(true));
    }

    #[test]
    fn outcomes_are_those_of_the_collection() {
        let cases = include_str!("seboolean_cases.json");
        crate::recorded::programs_run_as_recorded::<Seboolean>(MemoryHost::new, cases);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (mut host, arguments, message) in [
            (
                MemoryHost::new(),
                json!({"name": "a", "state": true}),
                "SELinux is disabled on this host.",
            ),
            (
                host(),
                json!({"name": "b", "state": true, "persistent": true}),
                "SELinux boolean b is not defined in persistent policy",
            ),
        ] {
            assert_eq!(run(&mut host, &arguments).returned["msg"], message);
        }
    }
}

//! `ansible.builtin.sysvinit`: starts, stops and enables services by their init scripts.
//!
//! Follows the module of ansible-core 2.19, through the script in `/etc/init.d`, and `update-rc.d`
//! or `chkconfig` for `enabled`. Check mode: full. Diff: the service.
//!
//! Differs from Ansible: `daemonize` has no effect, a script that stays is waited for; where a
//! script's `status` says nothing that is understood, its exit status decides.
//!
//! ```yaml
//! - name: Run the old daemon
//!   ansible.builtin.sysvinit:
//!     name: olddaemon
//!     state: started
//!     enabled: true
//! ```
//!
//! Returns `name` and `status` (`enabled` and the state, each with `changed`, `rc`, `stdout`,
//! `stderr`).

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::program;
use super::wildcard;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, Output, UnitAction, UnitChange};
use crate::host::{Follow, Host, HostError};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What a service shall do.
    pub enum State {
        /// It runs.
        Started = "started",
        /// It does not run.
        Stopped = "stopped",
        /// It is stopped and started.
        Restarted = "restarted",
        /// It reads its configuration again.
        Reloaded = "reloaded",
    }
}

params! {
    /// Parameters of `ansible.builtin.sysvinit`.
    pub struct Params {
        /// The service.
        name ("service"): String,
        /// What it shall do.
        state: Option<State>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// Seconds between stop and start.
        sleep: u64 = 1_u64,
        /// Looked for among the running processes instead of asking the script.
        pattern: Option<String>,
        /// Further words for the script.
        arguments ("args"): Option<String>,
        /// The run levels that `enabled` is about.
        runlevels: Option<Vec<String>>,
        /// No effect: the script is waited for.
        daemonize: bool = false,
    }
    rules [Rule::RequiredOneOf(&["state", "enabled"])]
}

/// The module.
#[derive(Debug)]
pub struct Sysvinit;

/// What is known of the service.
#[derive(Debug)]
pub struct Observed {
    script: PathBuf,
    runs: bool,
    /// Whether it is enabled, in each run level that is asked for.
    enabled: Vec<bool>,
    tool: Option<Tool>,
    words: Vec<String>,
}

/// The program that decides what starts at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    UpdateRc,
    Chkconfig,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such service.
    #[error("Could not find the requested service {0}: ")]
    Missing(String),
    /// Nothing here decides what starts at boot.
    #[error("Could not determine how to enable or disable service {0} at boot")]
    NoTool(String),
    /// Words with open quotation marks.
    #[error(transparent)]
    Words(#[from] super::shell_words::SplitError),
}

impl Module for Sysvinit {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let script = Path::new("/etc/init.d").join(&params.name);
        if host.stat(&script, Follow::Yes)?.is_none() {
            return Err(Stop::failed(Error::Missing(params.name.clone())));
        }
        let mut enabled = Vec::new();
        let levels = params.runlevels.clone().unwrap_or_else(|| vec!["?".to_owned()]);
        for level in levels {
            let links = format!("/etc/rc{level}.d/S??{}", params.name);
            enabled.push(!wildcard::glob(Path::new(&links), host)?.is_empty());
        }
        if let Some(known) = host.rehearsed_unit(&params.name).and_then(|unit| unit.enabled) {
            enabled.fill(known);
        }
        let runs = match (&params.state, &params.pattern) {
            (None, _) => false,
            (_, Some(pattern)) => {
                let processes = program::query(host, ["ps", "auxww"])?.stdout_text();
                processes.lines().any(|line| line.contains(pattern))
            }
            (Some(_), None) => runs(params, &script, host)?,
        };
        let tool = if host.find_program("update-rc.d")?.is_some() {
            Some(Tool::UpdateRc)
        } else {
            host.find_program("chkconfig")?.map(|_| Tool::Chkconfig)
        };
        let arguments = params.arguments.as_deref().unwrap_or_default();
        let words = super::shell_words::split(arguments)
            .map_err(|error| Stop::failed(Error::Words(error)))?;
        Ok(Observed { script, runs, enabled, tool, words })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        let unit = |action, command| {
            Effect::Unit(UnitChange { name: params.name.clone(), action, command })
        };
        if let Some(wanted) = params.enabled.filter(|wanted| observed.enabled.contains(&!wanted)) {
            let error = || Stop::failed(Error::NoTool(params.name.clone()));
            let argv = boot(params, observed.tool.ok_or_else(error)?, wanted);
            let (action, reason) = if wanted {
                (UnitAction::Enable, "it is not enabled")
            } else {
                (UnitAction::Disable, "it is enabled")
            };
            plan.push(unit(action, program::command(argv)), reason);
        }
        let script = observed.script.to_string_lossy().into_owned();
        let call = |verb: &str| {
            let argv = [script.clone(), verb.to_owned()].into_iter();
            program::command(argv.chain(observed.words.iter().cloned()))
        };
        match params.state {
            Some(State::Started) if !observed.runs => {
                plan.push(unit(UnitAction::Start, call("start")), "it does not run");
            }
            Some(State::Stopped) if observed.runs => {
                plan.push(unit(UnitAction::Stop, call("stop")), "it runs");
            }
            Some(State::Restarted) => {
                plan.push(unit(UnitAction::Stop, call("stop")), "as asked");
                let start = after_a_pause(params.sleep, call("start"));
                plan.push(unit(UnitAction::Start, start), "as asked");
            }
            Some(State::Reloaded) => {
                plan.push(unit(UnitAction::Reload, call("reload")), "as asked");
            }
            Some(State::Started | State::Stopped) | None => {}
        }
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let mut enabled = outcome(None);
        let mut state = outcome(None);
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let Effect::Unit(change) = &planned.effect else { continue };
            let output = match applied {
                Applied::Ran(output) => Some(output),
                _ => None,
            };
            let slot = match change.action {
                UnitAction::Enable | UnitAction::Disable => &mut enabled,
                _ => &mut state,
            };
            *slot = outcome(output);
            if let Json::Object(fields) = slot {
                fields.insert("changed".to_owned(), Json::from(true));
            }
        }
        if let (Some(levels), Json::Object(fields)) = (&params.runlevels, &mut enabled) {
            fields.insert("runlevels".to_owned(), Json::from(levels.clone()));
        }
        let mut status = json!({"enabled": enabled});
        if let (Some(wanted), Json::Object(status)) = (params.state, &mut status) {
            status.insert(wanted.word().to_owned(), state);
        }
        returned.insert("status".to_owned(), status);
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let (HostError::CommandFailed { output, .. }, Effect::Unit(change)) =
            (&error, &planned.effect)
        else {
            return Stop::Host(error);
        };
        let verb = match change.action {
            UnitAction::Enable => "enable",
            UnitAction::Disable => "disable",
            UnitAction::Stop if params.state == Some(State::Restarted) => "restart",
            UnitAction::Stop => "stop",
            UnitAction::Reload => "reload",
            _ => "start",
        };
        Stop::failed(format!("Failed to {verb} service: {}", params.name))
            .with("rc", output.status)
            .with("stdout", output.stdout_text())
            .with("stderr", output.stderr_text())
    }
}

/// A command after some seconds, in one call, so that nothing comes between.
pub(super) fn after_a_pause(seconds: u64, command: Command) -> Command {
    let pause = "sleep \"$1\"; shift; exec \"$@\"";
    let mut argv = ["/bin/sh", "-c", pause, "sh"].map(str::to_owned).to_vec();
    argv.push(seconds.to_string());
    argv.extend(command.argv);
    Command { argv, ..command }
}

fn outcome(output: Option<&Output>) -> Json {
    json!({
        "changed": false,
        "rc": output.map(|output| output.status),
        "stdout": output.map(Output::stdout_text),
        "stderr": output.map(Output::stderr_text),
    })
}

/// The call that makes it start at boot or not.
fn boot(params: &Params, tool: Tool, wanted: bool) -> Vec<String> {
    let name = params.name.clone();
    let levels = params.runlevels.clone().unwrap_or_default();
    let mut argv = Vec::new();
    match tool {
        Tool::UpdateRc => {
            let verb = match (wanted, levels.is_empty()) {
                (true, true) => "defaults",
                (true, false) => "enable",
                (false, _) => "disable",
            };
            argv.extend(["update-rc.d".to_owned(), name, verb.to_owned()]);
            argv.extend(levels);
        }
        Tool::Chkconfig => {
            argv.push("chkconfig".to_owned());
            if !levels.is_empty() {
                argv.extend(["--level".to_owned(), levels.concat()]);
            }
            argv.extend([name, if wanted { "on" } else { "off" }.to_owned()]);
        }
    }
    argv
}

/// What the script says of itself, read as Ansible reads it.
fn runs(params: &Params, script: &Path, host: &mut dyn Host) -> Result<bool, Stop> {
    if let Some(active) = host.rehearsed_unit(&params.name).and_then(|unit| unit.active) {
        return Ok(active);
    }
    let output = match host.find_program("service")? {
        Some(service) => {
            let service = service.to_string_lossy().into_owned();
            program::query(host, [service.as_str(), &params.name, "status"])?
        }
        None => program::query(host, [script.to_string_lossy().as_ref(), "status"])?,
    };
    Ok(says_running(&params.name, &output))
}

fn says_running(name: &str, output: &Output) -> bool {
    let text = output.stdout_text();
    if name == "iptables" && text.contains("ACCEPT") {
        return true;
    }
    if text.matches('\n').count() <= 1 {
        let said = text.to_lowercase().replace(&name.to_lowercase(), "");
        let stopped = ["stop", "is dead ", "dead but ", "could not access pid file", "inactive"];
        if stopped.iter().any(|word| said.contains(word)) {
            return false;
        }
        let started = ["run", "start", "active"];
        if started.iter().any(|word| said.contains(word)) && !said.contains("not ") {
            return true;
        }
    }
    output.success()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, Sysvinit, says_running};
    use crate::contract::{Module as _, Plan};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(status: &Output, arguments: Json) -> Plan {
        let mut host = MemoryHost::new()
            .with_program("service")
            .with_program("update-rc.d")
            .with_file("/etc/init.d/x", "")
            .with_file("/etc/rc3.d/S01x", "")
            .with_output(&["/usr/bin/service", "x", "status"], status.clone());
        let mut arguments = arguments;
        arguments["name"] = json!("x");
        let params = Params::parse("sysvinit", arguments.as_object().unwrap()).unwrap();
        let observed = Sysvinit::observe(&params, &mut host).unwrap();
        Sysvinit::plan(&params, &observed).unwrap()
    }

    #[test]
    fn services_are_driven_by_their_scripts() {
        let up = Output::default();
        let down = Output { status: 3, ..Output::default() };
        let table: &[(&Output, Json, &[&str])] = &[
            (&up, json!({"state": "started", "enabled": true}), &[]),
            (&down, json!({"state": "started", "args": "-v"}), &["/etc/init.d/x start -v"]),
            (
                &up,
                json!({"state": "stopped", "enabled": false}),
                &["update-rc.d x disable", "/etc/init.d/x stop"],
            ),
            (&up, json!({"enabled": true, "runlevels": ["3", "5"]}), &["update-rc.d x enable 3 5"]),
            (&up, json!({"state": "reloaded"}), &["/etc/init.d/x reload"]),
            (
                &up,
                json!({"state": "restarted", "sleep": 0}),
                &[
                    "/etc/init.d/x stop",
                    "/bin/sh -c sleep \"$1\"; shift; exec \"$@\" sh 0 /etc/init.d/x start",
                ],
            ),
        ];
        for (status, arguments, expected) in table {
            let plan = plan(status, arguments.clone());
            let calls: Vec<String> = plan
                .effects
                .iter()
                .map(|planned| match &planned.effect {
                    Effect::Unit(change) => change.command.argv.join(" "),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(calls, *expected, "{arguments}");
        }
    }

    #[test]
    fn the_status_is_read_as_ansible_reads_it() {
        for (status, text, running) in [
            (0, "x is running.\n", true),
            (0, "x is not running.\n", true),
            (3, "x is not running.\n", false),
            (0, "x is stopped\n", false),
            (0, "", true),
            (1, "", false),
        ] {
            let output = Output { status, stdout: text.into(), ..Output::default() };
            assert_eq!(says_running("x", &output), running, "{text:?}");
        }
    }
}

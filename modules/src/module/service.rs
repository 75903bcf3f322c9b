//! `ansible.builtin.service`: starts, stops and enables services by the host's manager.
//!
//! Follows the module of ansible-core 2.19. Under systemd it is
//! [`systemd_service`](super::systemd_service); elsewhere it drives init scripts through
//! `service NAME ACTION`, and `update-rc.d`, `chkconfig` or `rc-update` for `enabled`. Check
//! mode: full. Diff: none.
//!
//! Differs from Ansible: without systemd, whether a service runs is what its `status` action
//! says; `pattern` and `sleep` are used there only.
//!
//! ```yaml
//! - name: Run the web server
//!   ansible.builtin.service:
//!     name: nginx
//!     state: started
//! ```
//!
//! Returns `name`, `state`, `enabled`, and `status` under systemd.

use std::path::Path;

use super::setup::service_manager_of;
use super::systemd_service::{self, Scope, State, SystemdService};
use super::wildcard;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, UnitAction, UnitChange};
use crate::host::{Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.service`.
    pub struct Params {
        /// The service; only a reload of systemd itself does without.
        name: Option<String>,
        /// What it shall do.
        state: Option<State>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// Seconds between stop and start of a restart, without systemd.
        sleep: Option<u64>,
        /// Looked for among the running processes when there is no `status` action.
        pattern: Option<String>,
        /// The run level for `OpenRC`.
        runlevel: String = "default".to_owned(),
        /// Further words for the init script, without systemd.
        arguments ("args"): String = String::new(),
        /// The service manager to use; `auto` finds it.
        r#use: String = "auto".to_owned(),
        /// Whether starting is forbidden; systemd only.
        masked: Option<bool>,
        /// Whether systemd reads its unit files again first; systemd only.
        daemon_reload ("daemon-reload"): Option<bool>,
        /// Whether systemd starts itself again first; systemd only.
        daemon_reexec ("daemon-reexec"): Option<bool>,
        /// Whose systemd it is; systemd only.
        scope: Option<Scope>,
        /// Whether the end of the work is not waited for; systemd only.
        no_block: Option<bool>,
        /// Whether links of units are overwritten; systemd only.
        force: Option<bool>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Service;

/// What the service manager knows.
#[derive(Debug, Clone)]
pub enum Observed {
    /// systemd runs here.
    Systemd(systemd_service::Observed),
    /// There are init scripts.
    Script(Script),
}

/// What is known of an init script.
#[derive(Debug, Clone)]
pub struct Script {
    exists: bool,
    runs: bool,
    enabled: bool,
    tool: Option<BootTool>,
}

/// The program that decides what starts at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BootTool {
    OpenRc,
    UpdateRc,
    Chkconfig,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Init scripts have names.
    #[error("missing required arguments: name")]
    Unnamed,
    /// There is no such service.
    #[error("Could not find the requested service {0}: host")]
    Missing(String),
    /// Nothing here decides what starts at boot.
    #[error("Could not determine how to enable or disable service {0} at boot")]
    NoBootTool(String),
    /// An option that only systemd has.
    #[error("Unsupported parameters for (service) module: {0}. It is an option of systemd.")]
    SystemdOnly(&'static str),
    /// A service manager that is not known.
    #[error(
        "unsupported service manager `{0}`; known are auto, systemd, sysvinit, openrc, service"
    )]
    Manager(String),
    /// The process that answers to a pattern cannot be started through systemd.
    #[error(transparent)]
    Words(#[from] super::shell_words::SplitError),
}

fn systemd_params(params: &Params) -> systemd_service::Params {
    systemd_service::Params {
        name: params.name.clone(),
        state: params.state,
        enabled: params.enabled,
        force: params.force,
        masked: params.masked,
        daemon_reload: params.daemon_reload.unwrap_or(false),
        daemon_reexec: params.daemon_reexec.unwrap_or(false),
        scope: params.scope.unwrap_or(Scope::System),
        no_block: params.no_block.unwrap_or(false),
    }
}

impl Module for Service {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let manager = match params.r#use.as_str() {
            "auto" => service_manager_of(host)?,
            other => other.to_owned(),
        };
        match manager.as_str() {
            "systemd" | "ansible.builtin.systemd" | "ansible.legacy.systemd" => {
                SystemdService::observe(&systemd_params(params), host).map(Observed::Systemd)
            }
            "sysvinit"
            | "ansible.legacy.sysvinit"
            | "ansible.builtin.sysvinit"
            | "openrc"
            | "service"
            | "ansible.builtin.service" => script(params, host).map(Observed::Script),
            // what process 1 is called in a container says nothing
            _ if params.r#use == "auto" => {
                let systemctl = host.find_program("systemctl")?.is_some();
                let init = Path::new("/etc/init.d").join(params.named());
                if systemctl && host.stat(&init, Follow::Yes)?.is_none() {
                    SystemdService::observe(&systemd_params(params), host).map(Observed::Systemd)
                } else {
                    script(params, host).map(Observed::Script)
                }
            }
            other => Err(Stop::failed(Error::Manager(other.to_owned()))),
        }
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        match observed {
            Observed::Systemd(observed) => SystemdService::plan(&systemd_params(params), observed),
            Observed::Script(script) => plan_script(params, script),
        }
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        match observed {
            Observed::Systemd(observed) => {
                SystemdService::conclude(&systemd_params(params), observed, plan, applied)
            }
            Observed::Script(_) => {
                Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
            }
        }
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match observed {
            Observed::Systemd(observed) => {
                SystemdService::explain(&systemd_params(params), observed, planned, error)
            }
            Observed::Script(_) => match &error {
                HostError::CommandFailed { output, .. } => {
                    Stop::failed(output.stderr_text() + &output.stdout_text())
                }
                _ => Stop::Host(error),
            },
        }
    }
}

impl Params {
    fn named(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

fn script(params: &Params, host: &mut dyn Host) -> Result<Script, Stop> {
    if params.name.is_none() {
        return Err(Stop::failed(Error::Unnamed));
    }
    for (name, given) in [
        ("masked", params.masked.is_some()),
        ("daemon_reload", params.daemon_reload.is_some()),
        ("daemon_reexec", params.daemon_reexec.is_some()),
        ("scope", params.scope.is_some()),
        ("no_block", params.no_block.is_some()),
        ("force", params.force.is_some()),
    ] {
        if given {
            return Err(Stop::failed(Error::SystemdOnly(name)));
        }
    }
    let path = Path::new("/etc/init.d").join(params.named());
    let exists = host.stat(&path, Follow::Yes)?.is_some();
    let mut tool = None;
    for (name, kind) in [
        ("rc-update", BootTool::OpenRc),
        ("update-rc.d", BootTool::UpdateRc),
        ("chkconfig", BootTool::Chkconfig),
    ] {
        if tool.is_none() && host.find_program(name)?.is_some() {
            tool = Some(kind);
        }
    }
    if !exists {
        return Ok(Script { exists, runs: false, enabled: false, tool });
    }
    let runs = if params.state.is_none() {
        false
    } else if let Some(pattern) = &params.pattern {
        let output = host.query(&Command::new(["ps", "-e", "-o", "args"]))?;
        output.stdout_text().lines().any(|line| line.contains(pattern))
    } else {
        host.query(&service_command(params, "status", tool)?)?.success()
    };
    let links = match tool {
        Some(BootTool::OpenRc) => format!("/etc/runlevels/{}/{}", params.runlevel, params.named()),
        _ => format!("/etc/rc[35].d/S??{}", params.named()),
    };
    let enabled = !wildcard::glob(Path::new(&links), host)?.is_empty();
    Ok(Script { exists, runs, enabled, tool })
}

fn service_command(params: &Params, action: &str, tool: Option<BootTool>) -> Result<Command, Stop> {
    let mut argv = match tool {
        Some(BootTool::OpenRc) => vec!["rc-service".to_owned()],
        _ => vec!["service".to_owned()],
    };
    argv.extend([params.named().to_owned(), action.to_owned()]);
    let words = super::shell_words::split(&params.arguments)
        .map_err(|error| Stop::failed(Error::Words(error)))?;
    argv.extend(words);
    Ok(Command::new(argv))
}

fn plan_script(params: &Params, script: &Script) -> Result<Plan, Stop> {
    if !script.exists {
        return Err(Stop::failed(Error::Missing(params.named().to_owned())));
    }
    let mut plan = Plan::nothing();
    plan.set("name", params.named());
    if let Some(enabled) = params.enabled {
        plan.set("enabled", enabled);
        if enabled != script.enabled {
            let tool = script
                .tool
                .ok_or_else(|| Stop::failed(Error::NoBootTool(params.named().to_owned())))?;
            let (action, reason) = if enabled {
                (UnitAction::Enable, "it is not enabled")
            } else {
                (UnitAction::Disable, "it is enabled")
            };
            let command = boot_command(params, tool, action);
            plan.push(
                Effect::Unit(UnitChange { name: params.named().to_owned(), action, command }),
                reason,
            );
        }
    }
    let Some(state) = params.state else { return Ok(plan) };
    let mut act = |action: UnitAction, verb: &str, reason: &str| {
        let command = service_command(params, verb, script.tool)?;
        plan.push(
            Effect::Unit(UnitChange { name: params.named().to_owned(), action, command }),
            reason,
        );
        Ok::<(), Stop>(())
    };
    let mut reached = state.word();
    match state {
        State::Started if !script.runs => act(UnitAction::Start, "start", "it does not run")?,
        State::Stopped if script.runs => act(UnitAction::Stop, "stop", "it runs")?,
        State::Started | State::Stopped => {}
        State::Restarted => {
            reached = "started";
            if params.sleep.is_none() {
                act(UnitAction::Restart, "restart", "as asked")?;
            } else {
                act(UnitAction::Stop, "stop", "as asked")?;
                let seconds = params.sleep.unwrap_or_default().to_string();
                // the pause is part of the start, so that nothing comes between
                let start = service_command(params, "start", script.tool)?;
                let script = "sleep \"$1\"; shift; exec \"$@\"";
                let mut argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
                argv.extend(["sh".to_owned(), seconds]);
                argv.extend(start.argv);
                let change = UnitChange {
                    name: params.named().to_owned(),
                    action: UnitAction::Start,
                    command: Command::new(argv),
                };
                plan.push(Effect::Unit(change), "as asked");
            }
        }
        State::Reloaded => {
            reached = "started";
            act(UnitAction::Reload, "reload", "as asked")?;
        }
    }
    plan.set("state", reached);
    Ok(plan)
}

fn boot_command(params: &Params, tool: BootTool, action: UnitAction) -> Command {
    let name = params.named();
    let enable = action == UnitAction::Enable;
    match tool {
        BootTool::OpenRc => {
            let verb = if enable { "add" } else { "del" };
            Command::new(["rc-update", verb, name, &params.runlevel])
        }
        BootTool::UpdateRc => {
            Command::new(["update-rc.d", name, if enable { "enable" } else { "disable" }])
        }
        BootTool::Chkconfig => Command::new(["chkconfig", name, if enable { "on" } else { "off" }]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{BootTool, Params, Script, plan_script};
    use crate::effect::Effect;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    #[test]
    fn init_scripts_are_driven_by_their_tools() {
        let script = |runs, enabled, tool| Script { exists: true, runs, enabled, tool: Some(tool) };
        let table: &[(Json, Script, &[&str])] = &[
            (json!({"state": "started"}), script(true, true, BootTool::UpdateRc), &[]),
            (
                json!({"state": "started", "enabled": true}),
                script(false, false, BootTool::UpdateRc),
                &["update-rc.d x enable", "service x start"],
            ),
            (
                json!({"state": "stopped", "enabled": false}),
                script(true, true, BootTool::OpenRc),
                &["rc-update del x default", "rc-service x stop"],
            ),
            (
                json!({"state": "restarted"}),
                script(true, true, BootTool::Chkconfig),
                &["service x restart"],
            ),
        ];
        for (arguments, script, expected) in table {
            let mut arguments = arguments.clone();
            arguments["name"] = json!("x");
            let params = Params::parse("service", arguments.as_object().unwrap()).unwrap();
            let plan = plan_script(&params, script).unwrap();
            let commands: Vec<String> = plan
                .effects
                .iter()
                .map(|planned| match &planned.effect {
                    Effect::Unit(change) => change.command.argv.join(" "),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(commands, *expected, "{arguments}");
        }
        let params = Params::parse("service", json!({"name": "x"}).as_object().unwrap()).unwrap();
        let missing = Script { exists: false, runs: false, enabled: false, tool: None };
        let stop = plan_script(&params, &missing).unwrap_err();
        assert_eq!(stop.to_string(), "Could not find the requested service x: host");
    }

    #[test]
    fn systemd_alone_is_reloaded_without_a_name() {
        let params =
            Params::parse("service", json!({"daemon_reload": true}).as_object().unwrap()).unwrap();
        let mut host = MemoryHost::new();
        assert!(super::systemd_params(&params).daemon_reload);
        let stop = super::script(&params, &mut host).unwrap_err();
        assert_eq!(stop.to_string(), "missing required arguments: name");
    }
}

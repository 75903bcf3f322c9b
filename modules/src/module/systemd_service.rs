//! `ansible.builtin.systemd_service` (also `systemd`): starts, stops and enables units.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none. `restarted` and
//! `reloaded` always change; `daemon_reload` and `daemon_reexec` never count as a change.
//!
//! Where systemd is not process 1 (a chroot, an image), units are enabled by `systemctl`
//! through their links; starting is left out in a chroot and refused elsewhere, as in Ansible.
//!
//! ```yaml
//! - name: Run the web server now and at boot
//!   ansible.builtin.systemd_service:
//!     name: nginx
//!     state: started
//!     enabled: true
//!     daemon_reload: true
//! ```
//!
//! Returns `name`, `status` (what `systemctl show` says), `enabled`, `state`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, UnitAction, UnitChange};
use crate::host::{Follow, Host, HostError, UnitState};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What a unit shall do.
    pub enum State {
        /// Told to read its configuration, in any case.
        Reloaded = "reloaded",
        /// Started anew, in any case.
        Restarted = "restarted",
        /// Running.
        Started = "started",
        /// Not running.
        Stopped = "stopped",
    }
}

choices! {
    /// Whose service manager is meant.
    pub enum Scope {
        /// The system's.
        System = "system",
        /// That of the user who acts.
        User = "user",
        /// That of all users.
        Global = "global",
    }
}

params! {
    /// Parameters of `ansible.builtin.systemd_service`.
    pub struct Params {
        /// The unit; `.service` may be left out.
        name ("service", "unit"): Option<String>,
        /// What it shall do.
        state: Option<State>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// Whether existing links are overwritten.
        force: Option<bool>,
        /// Whether it cannot be started at all.
        masked: Option<bool>,
        /// Whether unit files are read again first.
        daemon_reload ("daemon-reload"): bool = false,
        /// Whether the manager itself is started anew first.
        daemon_reexec ("daemon-reexec"): bool = false,
        /// Whose service manager is meant.
        scope: Scope = Scope::System,
        /// Whether not to wait until it is done.
        no_block: bool = false,
    }
    rules [
        Rule::RequiredBy("state", &["name"]),
        Rule::RequiredBy("enabled", &["name"]),
        Rule::RequiredBy("masked", &["name"]),
    ]
}

/// The module.
#[derive(Debug)]
pub struct SystemdService;

/// What the service manager knows of the unit.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The state of the unit, where one is named.
    pub unit: UnitState,
    /// Whether there is an init script of that name.
    pub init_script: bool,
    /// Whether it is an init script alone that starts in no run level.
    pub script_is_off: bool,
    /// Whether this is a chroot or systemd is told to be offline.
    pub offline: bool,
    /// For `systemctl --user`, where the environment lacks it.
    pub runtime_directory: Option<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pattern of names.
    #[error(
        "This module does not currently support using glob patterns, found '{pattern}' in service name: {name}"
    )]
    Pattern {
        /// The wildcard.
        pattern: char,
        /// The name.
        name: String,
    },
    /// No systemd here.
    #[error("Failed to find required executable \"systemctl\"")]
    NoSystemctl,
    /// There is no such unit.
    #[error("Could not find the requested service {0}: host")]
    Missing(String),
    /// The unit file is broken.
    #[error("Error loading unit file '{name}': {reason}")]
    Load {
        /// The unit.
        name: String,
        /// Why.
        reason: String,
    },
    /// The manager does not say whether it runs.
    #[error("Service is in unknown state")]
    UnknownState,
}

impl Module for SystemdService {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let name = params.name.as_deref().unwrap_or_default();
        if let Some(pattern) = name.chars().find(|character| matches!(character, '*' | '?' | '[')) {
            return Err(Stop::failed(Error::Pattern { pattern, name: name.to_owned() }));
        }
        if host.find_program("systemctl")?.is_none() {
            return Err(Stop::failed(Error::NoSystemctl));
        }
        let runtime_directory = match host.environment("XDG_RUNTIME_DIR") {
            Some(_) => None,
            None => host.identity()?.id.map(|id| format!("/run/user/{id}")),
        };
        let mut observed =
            Observed { offline: is_offline(host)?, runtime_directory, ..Observed::default() };
        if !name.is_empty() {
            observed.unit = unit_state(params, name, &observed, host)?;
            let script = Path::new("/etc/init.d").join(name);
            observed.init_script =
                host.stat(&script, Follow::Yes)?.is_some_and(|stat| stat.mode & 0o111 != 0);
            if params.enabled.is_some() && observed.unit.enablement == "generated" {
                let asked = host.query(&systemctl(params, &observed, &["is-enabled", name]))?;
                observed.script_is_off = !asked.success();
            }
        }
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("status", json!(observed.unit.properties));
        if !observed.offline {
            let reload = |verb: &str| UnitChange {
                name: String::new(),
                action: UnitAction::DaemonReload,
                command: systemctl(params, observed, &[verb]),
            };
            if params.daemon_reload {
                plan.push(Effect::Unit(reload("daemon-reload")), "unit files are read again");
            }
            if params.daemon_reexec {
                plan.push(Effect::Unit(reload("daemon-reexec")), "the manager is started anew");
            }
        }
        let Some(name) = params.name.as_deref() else { return Ok(plan) };
        let unit = &observed.unit;
        let property = |key: &str| unit.properties.get(key).map(String::as_str);
        let masked = unit.enablement == "masked";
        if let Some(reason) = property("LoadError").filter(|_| {
            unit.exists && !masked && !matches!(property("LoadState"), Some("loaded" | "not-found"))
        }) {
            let reason = reason.to_owned();
            return Err(Stop::failed(Error::Load { name: name.to_owned(), reason }));
        }
        if masked && params.masked.is_none() && plan.effects.is_empty() {
            refuse_masked(params, observed, name)?;
        }
        let mut act = |action: UnitAction, verb: &str, reason: &str| {
            let change = UnitChange {
                name: with_suffix(name),
                action,
                command: systemctl(params, observed, &[verb, name]),
            };
            plan.push(Effect::Unit(change), reason);
        };
        match params.masked {
            Some(true) if !masked => act(UnitAction::Mask, "mask", "it is not masked"),
            Some(false) if masked => act(UnitAction::Unmask, "unmask", "it is masked"),
            _ => {}
        }
        let found = unit.exists || observed.init_script;
        if !found && (params.enabled.is_some() || params.state.is_some()) {
            return Err(Stop::failed(Error::Missing(name.to_owned())));
        }
        // a static unit has nothing to enable and counts as enabled
        let enabled = matches!(unit.enablement.as_str(), "enabled" | "static" | "generated")
            && !observed.script_is_off;
        match params.enabled {
            Some(true) if !enabled => act(UnitAction::Enable, "enable", "it is not enabled"),
            Some(false) if enabled => act(UnitAction::Disable, "disable", "it is enabled"),
            _ => {}
        }
        let mut reached = None;
        if let Some(state) = params.state {
            reached = Some(state.word());
            match property("ActiveState") {
                Some(active) => {
                    let runs = matches!(active, "active" | "activating");
                    match state {
                        State::Started | State::Restarted | State::Reloaded if !runs => {
                            act(UnitAction::Start, "start", "it does not run");
                        }
                        State::Stopped if runs || active == "deactivating" => {
                            act(UnitAction::Stop, "stop", "it runs");
                        }
                        State::Started | State::Stopped => {}
                        State::Restarted => act(UnitAction::Restart, "restart", "as asked"),
                        State::Reloaded => act(UnitAction::Reload, "reload", "as asked"),
                    }
                    if matches!(state, State::Restarted | State::Reloaded) {
                        reached = Some("started");
                    }
                }
                None if observed.offline => {}
                None => return Err(Stop::failed(Error::UnknownState)),
            }
        }
        if let Some(wanted) = params.enabled {
            plan.set("enabled", wanted);
        }
        if let Some(state) = reached {
            plan.set("state", state);
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        _applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let changed = plan.effects.iter().any(|planned| {
            !matches!(&planned.effect, Effect::Unit(change) if change.action == UnitAction::DaemonReload)
        });
        Ok(Conclusion { changed, returned: plan.returned.clone() })
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let (Effect::Unit(change), HostError::CommandFailed { output, .. }) =
            (&planned.effect, &error)
        else {
            return Stop::Host(error);
        };
        let name = params.name.as_deref().unwrap_or_default();
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        let verb = match change.action {
            UnitAction::Start => "start",
            UnitAction::Stop => "stop",
            UnitAction::Restart => "restart",
            UnitAction::Reload => "reload",
            UnitAction::Enable | UnitAction::Disable => {
                let verb = if change.action == UnitAction::Enable { "enable" } else { "disable" };
                return Stop::failed(format!("Unable to {verb} service {name}: {stdout}{stderr}"));
            }
            UnitAction::Mask | UnitAction::Unmask => {
                let verb = if change.action == UnitAction::Mask { "mask" } else { "unmask" };
                let stderr = stderr.trim();
                return Stop::failed(format!("Failed to {verb} the service ({name}): {stderr}"));
            }
            UnitAction::DaemonReload => {
                let verb = change.command.argv.last().map_or("daemon-reload", String::as_str);
                let status = output.status;
                return Stop::failed(format!("failure {status} during {verb}: {stderr}"));
            }
        };
        Stop::failed(format!("Unable to {verb} service {name}: {stderr}"))
    }
}

/// Adds the suffix that `systemctl` adds.
fn with_suffix(name: &str) -> String {
    const SUFFIXES: [&str; 11] = [
        "service",
        "socket",
        "device",
        "mount",
        "automount",
        "swap",
        "target",
        "path",
        "timer",
        "slice",
        "scope",
    ];
    match name.rsplit_once('.') {
        Some((_, suffix)) if SUFFIXES.contains(&suffix) => name.to_owned(),
        _ => format!("{name}.service"),
    }
}

fn systemctl(params: &Params, observed: &Observed, words: &[&str]) -> Command {
    let mut argv = vec!["systemctl".to_owned()];
    if params.scope != Scope::System {
        argv.push(format!("--{}", params.scope));
    }
    if params.no_block {
        argv.push("--no-block".to_owned());
    }
    if params.force == Some(true) {
        argv.push("--force".to_owned());
    }
    argv.extend(words.iter().map(ToString::to_string));
    let environment = observed
        .runtime_directory
        .iter()
        .map(|directory| ("XDG_RUNTIME_DIR".to_owned(), directory.clone()));
    Command { argv, environment: environment.collect(), ..Command::default() }
}

fn is_offline(host: &mut dyn Host) -> Result<bool, HostError> {
    if host.environment("SYSTEMD_OFFLINE").as_deref() == Some("1") {
        return Ok(true);
    }
    let here = host.stat(Path::new("/"), Follow::Yes)?;
    // who may not look at process 1 is taken to be on the real root
    let Ok(Some(first)) = host.stat(Path::new("/proc/1/root/."), Follow::Yes) else {
        return Ok(false);
    };
    Ok(here.is_some_and(|here| here.inode != first.inode || here.device != first.device))
}

fn unit_state(
    params: &Params,
    name: &str,
    observed: &Observed,
    host: &mut dyn Host,
) -> Result<UnitState, Stop> {
    let state = if params.scope == Scope::System {
        match host.unit(name) {
            Ok(state) => Some(state),
            Err(HostError::CommandFailed { .. }) => None,
            Err(error) => return Err(Stop::Host(error)),
        }
    } else {
        let output = host.query(&systemctl(params, observed, &["show", name]))?;
        output.success().then(|| shown(&output.stdout_text()))
    };
    match state {
        Some(state) if !state.properties.is_empty() => Ok(state),
        // `show` needs the manager; the unit files can be looked at without
        _ => {
            let mut ask = |words: &[&str]| host.query(&systemctl(params, observed, words));
            let enablement = ask(&["is-enabled", name])?.stdout_text().trim().to_owned();
            let known = matches!(
                enablement.as_str(),
                "enabled"
                    | "enabled-runtime"
                    | "linked"
                    | "linked-runtime"
                    | "masked"
                    | "masked-runtime"
                    | "static"
                    | "indirect"
                    | "disabled"
                    | "generated"
                    | "transient"
            );
            let listed = known || ask(&["list-unit-files", &with_suffix(name)])?.success();
            Ok(UnitState { exists: listed, enablement, ..UnitState::default() })
        }
    }
}

fn shown(text: &str) -> UnitState {
    let properties: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let property = |key: &str| properties.get(key).cloned().unwrap_or_default();
    UnitState {
        exists: !matches!(property("LoadState").as_str(), "not-found" | ""),
        active: matches!(property("ActiveState").as_str(), "active" | "activating"),
        enablement: property("UnitFileState"),
        properties,
    }
}

/// What is masked does not start, which a dry run hears from nobody else.
fn refuse_masked(params: &Params, observed: &Observed, name: &str) -> Result<(), Stop> {
    let active = observed.unit.properties.get("ActiveState").map(String::as_str);
    let verb = match (params.state, active) {
        // enabling comes first, and fails in words of its own
        _ if params.enabled == Some(true) => return Ok(()),
        (Some(State::Restarted), Some("active" | "activating")) => "restart",
        (
            Some(State::Started | State::Restarted | State::Reloaded),
            Some("inactive" | "failed"),
        ) => "start",
        _ => return Ok(()),
    };
    let unit = with_suffix(name);
    Err(Stop::failed(format!(
        "Unable to {verb} service {name}: Failed to {verb} {unit}: Unit {unit} is masked.\n"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Observed, Params, SystemdService, with_suffix};
    use crate::contract::Module as _;
    use crate::effect::{Effect, Output};
    use crate::host::{HostError, UnitState};
    use crate::params::Params as _;

    fn params(arguments: Json) -> Params {
        Params::parse("systemd", arguments.as_object().unwrap()).unwrap()
    }

    fn observed(active: &str, enablement: &str) -> Observed {
        let properties = [("ActiveState", active), ("LoadState", "loaded")];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let unit = UnitState {
            exists: true,
            active: active == "active",
            enablement: enablement.to_owned(),
            properties: properties.into(),
        };
        Observed { unit, ..Observed::default() }
    }

    fn commands(arguments: Json, observed: &Observed) -> (Vec<String>, bool) {
        let params = params(arguments);
        let plan = SystemdService::plan(&params, observed).unwrap();
        let commands = plan.effects.iter().map(|planned| match &planned.effect {
            Effect::Unit(change) => change.command.argv.join(" "),
            other => panic!("{other:?}"),
        });
        let changed = SystemdService::conclude(&params, observed, &plan, &[]).unwrap().changed;
        (commands.collect(), changed)
    }

    #[test]
    fn an_init_script_is_enabled_where_it_starts_in_a_run_level() {
        let on = observed("active", "generated");
        let off = Observed { script_is_off: true, ..on.clone() };
        let enable = || json!({"name": "x", "enabled": true});
        let disable = || json!({"name": "x", "enabled": false});
        assert!(!commands(enable(), &on).1);
        assert!(commands(disable(), &on).1);
        assert_eq!(commands(enable(), &off).0, ["systemctl enable x"]);
        assert!(!commands(disable(), &off).1);
    }

    #[test]
    fn what_is_masked_does_not_start() {
        let plan = |arguments: &Json, active: &str| {
            let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
            let planned = SystemdService::plan(&params, &observed(active, "masked"));
            planned.map(|plan| plan.changes()).map_err(|stop| stop.to_string())
        };
        let refused = |verb: &str| {
            Err(format!(
                "Unable to {verb} service x: Failed to {verb} x.service: Unit x.service is masked.\n"
            ))
        };
        for (arguments, active, expected) in [
            (json!({"name": "x", "state": "started"}), "inactive", refused("start")),
            (json!({"name": "x", "state": "reloaded"}), "failed", refused("start")),
            (json!({"name": "x", "state": "restarted"}), "active", refused("restart")),
            (json!({"name": "x", "state": "started"}), "active", Ok(false)),
            (json!({"name": "x", "state": "stopped"}), "active", Ok(true)),
            (json!({"name": "x", "state": "started", "masked": false}), "inactive", Ok(true)),
        ] {
            assert_eq!(plan(&arguments, active), expected, "{arguments}");
        }
    }

    #[test]
    fn units_come_into_the_state_that_is_asked_for() {
        let table: &[(Json, Observed, &[&str], bool)] = &[
            (json!({"state": "started"}), observed("active", ""), &[], false),
            (json!({"state": "started"}), observed("activating", ""), &[], false),
            (json!({"state": "started"}), observed("failed", ""), &["systemctl start x"], true),
            (json!({"state": "stopped"}), observed("inactive", ""), &[], false),
            (
                json!({"state": "stopped"}),
                observed("deactivating", ""),
                &["systemctl stop x"],
                true,
            ),
            (json!({"state": "restarted"}), observed("active", ""), &["systemctl restart x"], true),
            (json!({"state": "restarted"}), observed("inactive", ""), &["systemctl start x"], true),
            (json!({"state": "reloaded"}), observed("active", ""), &["systemctl reload x"], true),
            (json!({"enabled": true}), observed("active", "enabled"), &[], false),
            (json!({"enabled": true}), observed("active", "static"), &[], false),
            (
                json!({"enabled": true}),
                observed("active", "indirect"),
                &["systemctl enable x"],
                true,
            ),
            (
                json!({"enabled": false}),
                observed("active", "enabled"),
                &["systemctl disable x"],
                true,
            ),
            (json!({"enabled": false}), observed("active", "disabled"), &[], false),
            (json!({"masked": true}), observed("active", "enabled"), &["systemctl mask x"], true),
            (json!({"masked": true}), observed("active", "masked"), &[], false),
            (
                json!({"masked": false, "enabled": true, "state": "started", "scope": "user"}),
                observed("inactive", "masked"),
                &[
                    "systemctl --user unmask x",
                    "systemctl --user enable x",
                    "systemctl --user start x",
                ],
                true,
            ),
            (
                json!({"daemon_reload": true}),
                observed("active", ""),
                &["systemctl daemon-reload"],
                false,
            ),
            (
                json!({"daemon-reexec": true, "state": "started", "no_block": true}),
                observed("inactive", ""),
                &["systemctl --no-block daemon-reexec", "systemctl --no-block start x"],
                true,
            ),
        ];
        for (arguments, observed, expected, changed) in table {
            let mut arguments = arguments.clone();
            arguments["name"] = json!("x");
            let (commands, did_change) = commands(arguments.clone(), observed);
            assert_eq!(commands, *expected, "{arguments}");
            assert_eq!(did_change, *changed, "{arguments}");
        }
    }

    #[test]
    fn refusals_are_worded_as_ansible_words_them() {
        let missing = Observed::default();
        let offline = Observed { offline: true, init_script: true, ..Observed::default() };
        let lost = Observed { init_script: true, ..Observed::default() };
        let table = [
            (
                json!({"name": "x", "state": "started"}),
                &missing,
                Some("Could not find the requested service x: host"),
            ),
            (
                json!({"name": "x", "enabled": true}),
                &missing,
                Some("Could not find the requested service x: host"),
            ),
            (json!({"name": "x", "state": "started"}), &lost, Some("Service is in unknown state")),
            (json!({"name": "x", "state": "started"}), &offline, None),
            (json!({"name": "x", "masked": true}), &missing, None),
        ];
        for (arguments, observed, message) in table {
            let planned = SystemdService::plan(&params(arguments.clone()), observed);
            let got = planned.err().map(|stop| stop.to_string());
            assert_eq!(got.as_deref(), message, "{arguments}");
        }
        let given = params(json!({"name": "x", "state": "started"}));
        let stopped = observed("inactive", "disabled");
        let plan = SystemdService::plan(&given, &stopped).unwrap();
        let output =
            Output { status: 1, stderr: b"Failed to start\n".to_vec(), ..Output::default() };
        let error = HostError::CommandFailed { command: String::new(), output: Box::new(output) };
        let stop = SystemdService::explain(&given, &stopped, &plan.effects[0], error);
        assert_eq!(stop.to_string(), "Unable to start service x: Failed to start\n");
    }

    #[test]
    fn names_get_their_suffix() {
        assert_eq!(with_suffix("cron"), "cron.service");
        assert_eq!(with_suffix("ssh.socket"), "ssh.socket");
        assert_eq!(with_suffix("a.b"), "a.b.service");
    }
}

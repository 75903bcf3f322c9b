//! `ansible.builtin.service`: starts, stops and enables services by the host's manager.
//!
//! Follows the module of ansible-core 2.19. Under systemd it is
//! [`systemd_service`](super::systemd_service), under System V's init
//! [`sysvinit`](super::sysvinit); elsewhere it drives `OpenRC`, or init scripts through
//! `service NAME ACTION`, and `rc-update`, `update-rc.d` or `chkconfig` for `enabled`. Check
//! mode: full. Diff: the unit.
//!
//! Differs from Ansible: under runit it is `community.general.runit` for the services that runit
//! has, without a word in `use`.
//!
//! ```yaml
//! - name: Run the web server
//!   ansible.builtin.service:
//!     name: nginx
//!     state: started
//! ```
//!
//! Returns `name`, `state`, `enabled`, and `status` under systemd and System V's init, `sv` under
//! runit.

mod script;

use std::path::Path;

use serde_json::{Map, Value as Json};

pub use self::script::Script;
use super::setup::service_manager_of;
use super::systemd_service::{self, Scope, State, SystemdService};
use super::sysvinit::{self, Sysvinit};
use crate::collection::community_general::runit::{self, Runit};
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::Applied;
use crate::host::{Follow, Host, HostError};
use crate::params;
use crate::params::{Params as ParamSet, message};

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
        /// The run level for `OpenRC`; by default `default`.
        runlevel: Option<String>,
        /// The run levels that `enabled` is about; System V's init only.
        runlevels: Option<Vec<String>>,
        /// No effect; System V's init only.
        daemonize: Option<bool>,
        /// Further words for the init script, without systemd.
        arguments ("args"): Option<String>,
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
#[derive(Debug)]
pub enum Observed {
    /// systemd runs here.
    Systemd(systemd_service::Observed),
    /// System V's init does.
    Sysvinit(sysvinit::Params, sysvinit::Observed),
    /// runit does.
    Runit(runit::Params, runit::Observed),
    /// There is `OpenRC`, or there are init scripts.
    Script(Script),
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Services have names.
    #[error("missing required arguments: name")]
    Unnamed,
    /// Options that others have.
    #[error(
        "Unsupported parameters for (ansible.legacy.service) module: {0}. Supported parameters \
         include: arguments, enabled, name, pattern, runlevel, sleep, state (args)."
    )]
    OfOthers(String),
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

/// The parameters of another module, by its own rules.
fn parsed<P: ParamSet>(module: &str, given: &Map<String, Json>) -> Result<P, Stop> {
    P::parse(module, given).map_err(|errors| Stop::failed(message(&errors)))
}

fn sysvinit_params(params: &Params) -> Result<sysvinit::Params, Stop> {
    let mut given = params.of_others();
    for (name, value) in [
        ("name", params.name.clone().map(Json::from)),
        ("state", params.state.map(|state| state.word().into())),
        ("enabled", params.enabled.map(Json::from)),
        ("sleep", params.sleep.map(Json::from)),
        ("pattern", params.pattern.clone().map(Json::from)),
        ("arguments", params.arguments.clone().map(Json::from)),
        ("runlevel", params.runlevel.clone().map(Json::from)),
    ] {
        given.extend(value.map(|value| (name.to_owned(), value)));
    }
    parsed("ansible.legacy.sysvinit", &given)
}

impl Module for Service {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let manager = match params.r#use.as_str() {
            "auto" => service_manager_of(host)?,
            other => other.to_owned(),
        };
        let short = ["ansible.builtin.", "ansible.legacy.", "community.general."]
            .iter()
            .find_map(|prefix| manager.strip_prefix(prefix))
            .unwrap_or(&manager);
        let of_systemd = |host| {
            let of_sysvinit = params.of_sysvinit();
            if !of_sysvinit.is_empty() {
                parsed::<systemd_service::Params>("ansible.legacy.systemd", &of_sysvinit)?;
            }
            let wants = [("state", params.state.is_some()), ("enabled", params.enabled.is_some())];
            if let (None, Some((what, _))) = (&params.name, wants.iter().find(|(_, given)| *given))
            {
                let told = format!("missing parameter(s) required by '{what}': name");
                return Err(Stop::failed(told));
            }
            SystemdService::observe(&systemd_params(params), host).map(Observed::Systemd)
        };
        match short {
            "systemd" | "systemd_service" => of_systemd(host),
            // the module of that name finds systemd where it runs
            "service" if params.r#use != "auto" && service_manager_of(host)? == "systemd" => {
                of_systemd(host)
            }
            "sysvinit" => {
                let params = sysvinit_params(params)?;
                Sysvinit::observe(&params, host)
                    .map(|observed| Observed::Sysvinit(params, observed))
            }
            "runit" => {
                params.not_of_systemd()?;
                let asked = params.r#use != "auto";
                match runit::behind_service(params.named(), params.enabled, params.state, host)? {
                    Some(of_runit) if asked || of_runit.is_there(host)? => {
                        Runit::observe(&of_runit, host)
                            .map(|observed| Observed::Runit(of_runit, observed))
                    }
                    _ => script::observe(params, host).map(Observed::Script),
                }
            }
            // what process 1 is called in a container says nothing
            other if params.r#use == "auto" && !matches!(other, "openrc" | "service") => {
                let systemctl = host.find_program("systemctl")?.is_some();
                let init = Path::new("/etc/init.d").join(params.named());
                if systemctl && host.stat(&init, Follow::Yes)?.is_none() {
                    // only where systemd is sure to run may both be left out
                    if params.asks_nothing() {
                        return Err(Stop::failed(script::Error::NothingAsked));
                    }
                    of_systemd(host)
                } else {
                    params.not_of_systemd()?;
                    script::observe(params, host).map(Observed::Script)
                }
            }
            // what is no module is `service` itself
            _ => {
                params.not_of_systemd()?;
                script::observe(params, host).map(Observed::Script)
            }
        }
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        match observed {
            Observed::Systemd(observed) => SystemdService::plan(&systemd_params(params), observed),
            Observed::Sysvinit(params, observed) => Sysvinit::plan(params, observed),
            Observed::Runit(params, observed) => Runit::plan(params, observed),
            Observed::Script(script) => script::plan(params, script),
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
            Observed::Sysvinit(params, observed) => {
                Sysvinit::conclude(params, observed, plan, applied)
            }
            Observed::Runit(params, observed) => Runit::conclude(params, observed, plan, applied),
            Observed::Script(_) => {
                Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
            }
        }
    }

    fn revisit(
        _: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        match observed {
            Observed::Runit(params, observed) => Runit::revisit(params, observed, host, returned),
            _ => Ok(()),
        }
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        match observed {
            Observed::Systemd(observed) => {
                SystemdService::explain(&systemd_params(params), observed, planned, error)
            }
            Observed::Sysvinit(params, observed) => {
                Sysvinit::explain(params, observed, planned, error)
            }
            Observed::Runit(params, observed) => Runit::explain(params, observed, planned, error),
            Observed::Script(_) => script::explain(params, planned, error),
        }
    }
}

impl Params {
    fn named(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether only a name is given.
    fn asks_nothing(&self) -> bool {
        let reads = [self.daemon_reload, self.daemon_reexec, self.masked];
        self.state.is_none() && self.enabled.is_none() && reads.iter().all(Option::is_none)
    }

    /// What only System V's init has, of what is given.
    fn of_sysvinit(&self) -> Map<String, Json> {
        let runlevels =
            self.runlevels.clone().map(|levels| ("runlevels".to_owned(), levels.into()));
        let daemonize = self.daemonize.map(|daemonize| ("daemonize".to_owned(), daemonize.into()));
        runlevels.into_iter().chain(daemonize).collect()
    }

    /// What only other managers have, of what is given.
    fn of_others(&self) -> Map<String, Json> {
        let mut given = self.of_sysvinit();
        for (name, value) in [
            ("masked", self.masked),
            ("daemon_reload", self.daemon_reload),
            ("daemon_reexec", self.daemon_reexec),
            ("scope", self.scope.map(|_| true)),
            ("no_block", self.no_block),
            ("force", self.force),
        ] {
            given.extend(value.map(|value| (name.to_owned(), value.into())));
        }
        given
    }

    /// Refuses what only other managers have.
    fn not_of_systemd(&self) -> Result<(), Stop> {
        let mut others: Vec<String> = self.of_others().into_iter().map(|(name, _)| name).collect();
        others.sort();
        if !others.is_empty() {
            return Err(Stop::failed(Error::OfOthers(others.join(", "))));
        }
        if self.name.is_none() {
            return Err(Stop::failed(Error::Unnamed));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Params, Service};
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;
    use crate::recorded::{commands, run};
    use crate::wire::Status;

    #[test]
    fn systemd_alone_is_reloaded_without_a_name() {
        let params = |arguments: serde_json::Value| {
            Params::parse("service", arguments.as_object().unwrap()).unwrap()
        };
        assert!(super::systemd_params(&params(json!({"daemon_reload": true}))).daemon_reload);
        let stop = params(json!({"state": "started"})).not_of_systemd().unwrap_err();
        assert_eq!(stop.to_string(), "missing required arguments: name");
    }

    #[test]
    fn each_manager_has_its_own_rules() {
        // recorded from the action `service` of ansible-core 2.19.14
        let sysvinit = "Supported parameters include: arguments, daemonize, enabled, name, \
            pattern, runlevels, sleep, state (args, service).";
        let service = "Supported parameters include: arguments, enabled, name, pattern, runlevel, \
            sleep, state (args).";
        let started = |more: serde_json::Value| {
            let mut arguments = json!({"name": "x", "state": "started"});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            arguments
        };
        for (arguments, message) in [
            (
                json!({"name": "x", "use": "sysvinit"}),
                "one of the following is required: state, enabled".to_owned(),
            ),
            (
                started(json!({"use": "sysvinit", "runlevel": "3"})),
                format!(
                    "Unsupported parameters for (ansible.legacy.sysvinit) module: runlevel. {sysvinit}"
                ),
            ),
            (
                started(json!({"use": "sysvinit", "masked": true, "daemon_reload": true})),
                format!(
                    "Unsupported parameters for (ansible.legacy.sysvinit) module: daemon_reload, \
                     masked. {sysvinit}"
                ),
            ),
            (
                started(
                    json!({"use": "sysvinit", "runlevels": [3], "daemonize": true, "args": "x"}),
                ),
                "Could not find the requested service x: ".to_owned(),
            ),
            (
                json!({"use": "sysvinit", "state": "started"}),
                "missing required arguments: name".to_owned(),
            ),
            (
                started(json!({"use": "service", "runlevels": [3]})),
                format!(
                    "Unsupported parameters for (ansible.legacy.service) module: runlevels. {service}"
                ),
            ),
            (
                started(json!({"use": "service", "masked": true})),
                format!(
                    "Unsupported parameters for (ansible.legacy.service) module: masked. {service}"
                ),
            ),
            (
                started(json!({"use": "nosuchmanager"})),
                "Could not find the requested service x: host".to_owned(),
            ),
        ] {
            let mut host = MemoryHost::new().with_file("/proc/1/comm", "init\n");
            let ended = run::<Service>(&mut host, &arguments);
            assert_eq!(ended.returned["msg"], message, "{arguments}");
        }
    }

    #[test]
    fn the_manager_of_the_host_does_it() {
        let down = Output { stdout: b"down: /etc/service/x: 9s\n".to_vec(), ..Output::default() };
        let mut host = MemoryHost::new()
            .with_file("/proc/1/comm", "runit\n")
            .with_program("sv")
            .with_file("/etc/sv/x/run", "")
            .with_link("/etc/service/x", "/etc/sv/x")
            .with_output(&["/usr/bin/sv", "status", "/etc/service/x"], down);
        let arguments = json!({"name": "x", "state": "started", "enabled": true});
        let ended = run::<Service>(&mut host, &arguments);
        assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
        assert_eq!(commands(&host), [["sv", "start", "/etc/service/x"]]);
        assert_eq!(ended.returned["sv"]["svc_full"], "/etc/service/x");
        let mut host = MemoryHost::new()
            .with_file("/proc/1/comm", "runit\n")
            .with_program("sv")
            .with_program("service")
            .with_program("update-rc.d")
            .with_file("/etc/init.d/y", "");
        let ended = run::<Service>(&mut host, &json!({"name": "y", "enabled": true}));
        assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
        assert_eq!(
            commands(&host),
            [["update-rc.d", "y", "defaults"], ["update-rc.d", "y", "enable"]]
        );
        let up = Output { stdout: b"y is running\n".to_vec(), ..Output::default() };
        let mut host = host
            .with_file("/proc/1/comm", "init\n")
            .with_output(&["/usr/bin/service", "y", "status"], up);
        let ended = run::<Service>(&mut host, &json!({"name": "y", "state": "started"}));
        assert_eq!(ended.status, Status::Ok, "{:?}", ended.returned);
        assert_eq!(ended.returned["status"]["started"]["changed"], false);
    }
}

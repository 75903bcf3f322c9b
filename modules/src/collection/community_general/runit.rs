//! `community.general.runit`: services that runit supervises.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the link and the service.
//!
//! ```yaml
//! - name: The cache of names runs
//!   community.general.runit:
//!     name: dnscache
//!     state: started
//!     enabled: true
//! ```
//!
//! Returns `sv`: `state`, `full_state`, `pid`, `duration` as `sv status` tells them after the task,
//! `enabled` as it was before, `svc_full` and `src_full`.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Follow, Host};
use crate::module::{program, systemd_service};
use crate::{choices, params};

choices! {
    /// What a service shall do.
    pub enum State {
        /// It is ended by force.
        Killed = "killed",
        /// It runs once.
        Once = "once",
        /// It reads its configuration again.
        Reloaded = "reloaded",
        /// It is stopped and started.
        Restarted = "restarted",
        /// It runs.
        Started = "started",
        /// It does not run.
        Stopped = "stopped",
    }
}

params! {
    /// Parameters of `community.general.runit`.
    pub struct Params {
        /// The service.
        name: String,
        /// What it shall do.
        state: Option<State>,
        /// Whether it is supervised; one that is not does not run.
        enabled: Option<bool>,
        /// The directory whose services are supervised.
        service_dir: String = "/var/service".to_owned(),
        /// The directory in which services are defined.
        service_src: String = "/etc/sv".to_owned(),
    }
}

/// The module.
#[derive(Debug)]
pub struct Runit;

/// What is known of the service.
#[derive(Debug, Clone)]
pub struct Observed {
    program: String,
    enabled: bool,
    defined: bool,
    status: Status,
}

/// What `sv status` says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Status {
    state: String,
    full: Option<String>,
    process: Option<String>,
    seconds: Option<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What shall be supervised is not defined.
    #[error("Could not find source for service to enable ({0}).")]
    NoSource(String),
}

const KIND: &str = "runit";

impl Params {
    fn service(&self) -> String {
        format!("{}/{}", self.service_dir, self.name)
    }

    fn source(&self) -> String {
        format!("{}/{}", self.service_src, self.name)
    }

    /// Whether runit knows the service.
    pub(crate) fn is_there(&self, host: &mut dyn Host) -> Result<bool, Stop> {
        for path in [self.service(), self.source()] {
            if host.stat(Path::new(&path), Follow::No)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The parameters for what `service` asks; `None` where runit is not to be had.
pub(crate) fn behind_service(
    name: &str,
    enabled: Option<bool>,
    state: Option<systemd_service::State>,
    host: &mut dyn Host,
) -> Result<Option<Params>, Stop> {
    if host.find_program("sv")?.is_none() {
        return Ok(None);
    }
    // distributions differ in the place
    let usual = host.stat(Path::new("/var/service"), Follow::Yes)?.is_some();
    let service_dir = if usual { "/var/service" } else { "/etc/service" }.to_owned();
    let state = state.map(|state| match state {
        systemd_service::State::Started => State::Started,
        systemd_service::State::Stopped => State::Stopped,
        systemd_service::State::Restarted => State::Restarted,
        systemd_service::State::Reloaded => State::Reloaded,
    });
    let service_src = "/etc/sv".to_owned();
    Ok(Some(Params { name: name.to_owned(), state, enabled, service_dir, service_src }))
}

impl Module for Runit {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let program = program::required(host, "sv")?;
        let enabled = host.stat(Path::new(&params.service()), Follow::No)?.is_some();
        let defined = host.stat(Path::new(&params.source()), Follow::Yes)?.is_some();
        let status = if enabled {
            Status::ask(params, &program, host)?
        } else {
            Status { state: "stopped".to_owned(), ..Status::default() }
        };
        Ok(Observed { program, enabled, defined, status })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        match params.enabled {
            Some(true) if !observed.enabled => {
                if !observed.defined {
                    return Err(Stop::failed(Error::NoSource(params.source())));
                }
                let (path, target) = (params.service().into(), params.source().into());
                plan.push(Effect::MakeSymlink { path, target }, "it is not supervised");
            }
            Some(false) if observed.enabled => {
                let stop = setting(params, observed, "stopped", "force-stop", &params.source());
                plan.push(stop, "it is supervised");
                plan.push(Effect::Remove { path: params.service().into() }, "it is supervised");
            }
            _ => {}
        }
        if let Some(state) = params.state.filter(|state| state.word() != observed.status.state) {
            let (verb, after) = match state {
                State::Started => ("start", "started"),
                State::Stopped => ("stop", "stopped"),
                State::Killed => ("force-stop", "stopped"),
                State::Once => ("once", "started"),
                State::Restarted => ("restart", "restarted"),
                State::Reloaded => ("reload", "reloaded"),
            };
            let reason = format!("it is {}", observed.status.state.trim());
            plan.push(setting(params, observed, after, verb, &params.service()), reason);
        }
        Ok(plan)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        let mut now = Status::ask(params, &observed.program, host)?;
        let before = &observed.status;
        now.process = now.process.or_else(|| before.process.clone());
        now.seconds = now.seconds.or_else(|| before.seconds.clone());
        let sv = json!({
            "state": now.state,
            "enabled": observed.enabled,
            "svc_full": params.service(),
            "src_full": params.source(),
            "pid": now.process,
            "duration": now.seconds,
            "full_state": now.full,
        });
        returned.insert("sv".to_owned(), sv);
        Ok(())
    }
}

fn setting(params: &Params, observed: &Observed, after: &str, verb: &str, path: &str) -> Effect {
    let mut command = program::command([observed.program.as_str(), verb, path]);
    // what comes of it is told by the status after it
    command.accepts = (1..=255).collect();
    Effect::Setting(SettingChange {
        kind: KIND.to_owned(),
        name: params.service(),
        before: Some(Json::from(observed.status.state.trim())),
        after: Some(Json::from(after)),
        commands: vec![command],
        ..SettingChange::default()
    })
}

impl Status {
    fn ask(params: &Params, program: &str, host: &mut dyn Host) -> Result<Self, Stop> {
        let service = params.service();
        if let Some(kept) = host.rehearsed(KIND, &service) {
            let told = kept.value.unwrap_or_default();
            let state = match told.as_str() {
                Some("restarted" | "reloaded") | None => "started",
                Some(state) => state,
            };
            return Ok(Self { state: state.to_owned(), ..Self::default() });
        }
        let output = program::query(host, [program, "status", &service])?;
        let (said, wrong) = (output.stdout_text(), output.stderr_text());
        if !wrong.is_empty() {
            return Ok(Self { state: wrong.clone(), full: Some(wrong), ..Self::default() });
        }
        Ok(Self::read(said))
    }

    fn read(full: String) -> Self {
        // what follows is about its log
        let own = full.split("; ").next().unwrap_or_default();
        let state = match own.split_once(':') {
            Some(("run", _)) => "started",
            Some(("down", _)) => "stopped",
            _ => "unknown",
        };
        let digits = |text: &str| -> Option<String> {
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            text.get(..end).filter(|digits| !digits.is_empty()).map(str::to_owned)
        };
        let process = own.split("(pid ").skip(1).find_map(digits);
        let seconds = own.split(' ').skip(1).find_map(|word| {
            let rest = |digits: &String| word.get(digits.len()..).unwrap_or_default();
            digits(word).filter(|digits| rest(digits).starts_with('s'))
        });
        Self { state: state.to_owned(), process, seconds, full: Some(full) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Runit, Status};
    use crate::host::memory::MemoryHost;
    use crate::recorded::programs_run_as_recorded;

    #[test]
    fn services_come_and_go_as_recorded() {
        programs_run_as_recorded::<Runit>(
            || MemoryHost::new().unforeseen(),
            include_str!("runit_cases.json"),
        );
    }

    #[test]
    fn the_status_is_read() {
        for (text, state, process, seconds) in [
            ("run: /var/service/x: (pid 364) 263s\n", "started", Some("364"), Some("263")),
            (
                "down: /var/service/x: 1s, normally up; run: log: (pid 3) 9s\n",
                "stopped",
                None,
                Some("1"),
            ),
            ("fail: /var/service/x: unable to open\n", "unknown", None, None),
        ] {
            let read = Status::read(text.to_owned());
            assert_eq!(read.state, state, "{text}");
            assert_eq!(read.process.as_deref(), process, "{text}");
            assert_eq!(read.seconds.as_deref(), seconds, "{text}");
        }
    }
}

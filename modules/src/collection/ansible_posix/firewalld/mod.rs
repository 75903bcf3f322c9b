//! `ansible.posix.firewalld`: ports, services and rules of firewalld.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the setting, now and for good.
//!
//! What is set for good is read from the files of firewalld, what is set now is asked for over D-Bus.
//! Where they do not tell, `firewall-cmd` is asked, or `firewall-offline-cmd` where firewalld does
//! not run. These programs make the change.
//!
//! Differs: no Python library is needed; a port that a range holds is there already; `forward` is
//! seen where firewalld does not run.
//!
//! ```yaml
//! - name: Serve the web
//!   ansible.posix.firewalld:
//!     service: https
//!     permanent: true
//!     immediate: true
//!     state: enabled
//! ```
//!
//! Returns `msg`.

mod daemon;
mod files;
mod params;
mod subject;
#[cfg(test)]
mod tests;

use serde_json::Value as Json;

use self::daemon::Daemon;
use self::files::ZoneFile;
pub use self::params::{Params, State, Target};
use self::subject::Subject;
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing would last.
    #[error("offline cannot be enabled unless permanent changes are allowed")]
    OfflineNow,
    /// It does not run.
    #[error(
        "firewall is not currently running, unable to perform immediate actions without a running \
         firewall daemon"
    )]
    NotRunning,
    /// Zones are there for good.
    #[error(
        "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to \
         'false' or the 'immediate' flag to 'true'."
    )]
    ZoneNow,
    /// A port without a protocol.
    #[error("improper port format (missing protocol?)")]
    Port,
    /// Two ports at once.
    #[error("Only one port forward supported at a time")]
    Forwards,
    /// A zone is not enabled.
    #[error("absent and present state can only be used in zone level operations")]
    ZoneState,
    /// firewalld does not take it.
    #[error("ERROR: Exception caught: {0}")]
    Refused(String),
}

/// What is known of the setting.
#[derive(Debug)]
pub struct Observed {
    program: String,
    daemon: Daemon,
    zone: String,
    /// What is set; nothing where only the zone is named without a state of its own.
    subject: Option<Subject>,
    /// Whether it is so for good, where that is asked.
    permanent: Option<bool>,
    /// Whether it is so now, where that is asked.
    now: Option<bool>,
}

/// The module.
#[derive(Debug)]
pub struct Firewalld;

impl Module for Firewalld {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let online = program::required(host, "firewall-cmd")?;
        let daemon = Daemon::of(&online, host)?;
        let running = daemon.is_up();
        if params.offline && !params.permanent {
            return Err(Stop::failed(Error::OfflineNow));
        }
        let immediate = (params.immediate && (running || !params.offline)) || !params.permanent;
        if immediate && !running {
            return Err(Stop::failed(Error::NotRunning));
        }
        let program =
            if running { online } else { program::required(host, "firewall-offline-cmd")? };
        let subject = Subject::of(params)?;
        if subject.as_ref().is_some_and(Subject::is_zone) && immediate {
            return Err(Stop::failed(Error::ZoneNow));
        }
        let zone = match params.zone.as_ref().filter(|zone| !zone.is_empty()) {
            Some(zone) => zone.clone(),
            None => default_zone(&program, daemon, host)?,
        };
        let mut observed = Observed { program, daemon, zone, subject, permanent: None, now: None };
        if observed.subject.is_some() {
            if params.permanent {
                observed.permanent = Some(observed.is_set(Lasting::ForGood, params.state, host)?);
            }
            if immediate {
                observed.now = Some(observed.is_set(Lasting::Now, params.state, host)?);
            }
            observed.refuse_unknown_service(params.state, host)?;
        }
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let mut said = Vec::new();
        if let Some(subject) = &observed.subject {
            said.push(observed.operation().to_owned());
            let wanted = subject.wanted(params.state);
            for (there, lasting) in
                [(observed.permanent, Lasting::ForGood), (observed.now, Lasting::Now)]
            {
                if there.is_some_and(|there| there != wanted) {
                    let effect = observed.change(params, subject, lasting, wanted);
                    plan.push(effect, lasting.reason());
                }
            }
            if plan.changes() {
                said.extend(subject.told(&observed.zone, params.state, wanted));
            }
        }
        if !observed.daemon.is_up() {
            said.push("(offline operation: only on-disk configs were altered)".to_owned());
        }
        plan.set("msg", said.join(", "));
        Ok(plan)
    }

    fn explain(_: &Params, observed: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => observed.refusal(&output.stderr_text()),
            error => Stop::Host(error),
        }
    }
}

/// Which of the two settings of firewalld is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    ForGood,
    Now,
}

impl Lasting {
    fn reason(self) -> &'static str {
        match self {
            Self::ForGood => "it is not so for good",
            Self::Now => "it is not so now",
        }
    }
}

impl Observed {
    /// What is told where a program of firewalld's refuses a change.
    fn refusal(&self, words: &str) -> Stop {
        let mut said = self.daemon.exception(words);
        said.push(' ');
        said.push_str(self.operation());
        if said.contains("INVALID_SERVICE") {
            said.push_str(
                ", Services are defined by port/tcp relationship and named as they are in \
                 /etc/services (on most systems)",
            );
        }
        Stop::failed(Error::Refused(said))
    }

    /// A service that would be added must be there, which a dry run hears from nobody else.
    fn refuse_unknown_service(&self, state: State, host: &mut dyn Host) -> Result<(), Stop> {
        let Some(Subject::Listed { word: "service", value }) = &self.subject else { return Ok(()) };
        let adds = [self.permanent, self.now].contains(&Some(false)) && state == State::Enabled;
        if !adds || files::has_service(value, host)? != Some(false) {
            return Ok(());
        }
        let reason = match self.permanent {
            Some(false) => format!("Zone '{}': '{value}' not among existing services", self.zone),
            _ => value.clone(),
        };
        Err(self.refusal(&format!("INVALID_SERVICE: {reason}")))
    }

    fn operation(&self) -> &'static str {
        match (self.permanent, self.now) {
            (Some(_), Some(_)) => "Permanent and Non-Permanent(immediate) operation",
            (Some(_), None) => "Permanent operation",
            _ => "Non-permanent operation",
        }
    }

    /// The words before the action.
    fn base(&self, lasting: Lasting, with_zone: bool) -> Vec<String> {
        let mut argv = vec![self.program.clone()];
        if lasting == Lasting::ForGood && self.daemon.is_up() {
            argv.push("--permanent".to_owned());
        }
        if with_zone {
            argv.push(format!("--zone={}", self.zone));
        }
        argv
    }

    fn kind(&self, lasting: Lasting) -> String {
        let word = if lasting == Lasting::ForGood { "permanent" } else { "runtime" };
        format!("firewalld {word} {}", self.zone)
    }

    fn is_set(&self, lasting: Lasting, state: State, host: &mut dyn Host) -> Result<bool, Stop> {
        let Some(subject) = &self.subject else { return Ok(false) };
        if let Some(kept) = host.rehearsed(&self.kind(lasting), &subject.name()) {
            return Ok(subject.rehearsed(kept.value.as_ref()));
        }
        // a zone that a dry run made has nothing in it
        if host.rehearsed(&self.kind(lasting), "zone").is_some_and(|kept| kept.value.is_some()) {
            return Ok(subject.in_new_zone());
        }
        if let Some(known) = self.known(lasting, state, subject, host)? {
            return Ok(known);
        }
        if self.daemon == Daemon::WouldRun {
            return Err(HostError::Unknown("firewalld would be started first".to_owned()).into());
        }
        let mut argv = self.base(lasting, !matches!(subject, Subject::Zone));
        argv.push(subject.question());
        let output = program::query(host, argv)?;
        match subject.answer(&self.zone, &output) {
            Some(answer) => Ok(answer),
            None => {
                let said = format!("{}{}", output.stderr_text(), output.stdout_text());
                Err(Stop::failed(Error::Refused(self.daemon.exception(&said))))
            }
        }
    }

    /// Whether it is set, where that is known without a program of firewalld's.
    fn known(
        &self,
        lasting: Lasting,
        state: State,
        subject: &Subject,
        host: &mut dyn Host,
    ) -> Result<Option<bool>, HostError> {
        if lasting == Lasting::Now && self.daemon == Daemon::Runs {
            return daemon::has(&self.zone, subject, host);
        }
        // what starts takes what is there for good
        match subject {
            Subject::Zone => files::has_zone(&self.zone, host),
            // it tells rules that are none
            Subject::Listed { word: "rich-rule", .. } if self.daemon != Daemon::WouldRun => {
                Ok(None)
            }
            _ => Ok(ZoneFile::read(&self.zone, host)?.and_then(|file| match subject {
                // firewalld does not add what a range has
                Subject::Listed { word: "port", value }
                    if state == State::Enabled && file.covers(value) =>
                {
                    Some(true)
                }
                _ => file.has(subject),
            })),
        }
    }

    fn change(&self, params: &Params, subject: &Subject, lasting: Lasting, wanted: bool) -> Effect {
        let mut argv = self.base(lasting, !matches!(subject, Subject::Zone));
        let action = subject.action(&self.zone, wanted);
        // the program for files takes these names for those of its ancestor
        argv.push(match action.strip_prefix("--remove-service=") {
            Some(service) if !self.daemon.is_up() => {
                format!("--remove-service-from-zone={service}")
            }
            _ => action,
        });
        if wanted && lasting == Lasting::Now && params.timeout > 0 && subject.takes_timeout() {
            argv.push(format!("--timeout={}", params.timeout));
        }
        let value = |there: bool| subject.value(there).map(Json::from);
        Effect::Setting(SettingChange {
            kind: self.kind(lasting),
            name: subject.name(),
            before: value(!wanted),
            after: value(wanted),
            commands: vec![program::command(argv)],
            ..SettingChange::default()
        })
    }
}

fn default_zone(program: &str, daemon: Daemon, host: &mut dyn Host) -> Result<String, Stop> {
    let known = match daemon {
        Daemon::Runs => daemon::default_zone(host)?,
        Daemon::Stopped | Daemon::WouldRun => files::default_zone(host)?,
    };
    match known {
        Some(zone) => Ok(zone),
        None => ask(&[program, "--get-default-zone"], host),
    }
}

fn ask(argv: &[&str], host: &mut dyn Host) -> Result<String, Stop> {
    let output = program::query(host, argv.iter().copied())?;
    if output.success() {
        return Ok(output.stdout_text().trim().to_owned());
    }
    Err(Stop::failed(Error::Refused(output.stderr_text().trim().to_owned())))
}

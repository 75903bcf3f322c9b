//! `community.general.ufw`: Ubuntu's firewall.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the rules, and what is said of
//! the state.
//!
//! Differs: a default policy that an inactive firewall would take counts as a change; `commands` has
//! those that change something and the first question.
//!
//! ```yaml
//! - name: Let the administrators in
//!   community.general.ufw:
//!     rule: allow
//!     port: ssh
//!     proto: tcp
//! ```
//!
//! Returns `commands`, `msg`.

mod params;
mod rules;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value as Json;

pub use self::params::{Direction, Logging, Params, Policy, State};
use crate::contract::{Module, Plan, Planned, Returned, Stop};
use crate::effect::{Effect, SettingChange};
use crate::host::{Host, HostError};
use crate::module::program;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A direction of rules.
    #[error(
        "For default, direction must be one of \"outgoing\", \"incoming\" and \"routed\", or \
         direction must not be specified."
    )]
    DefaultDirection,
    /// A direction of defaults.
    #[error(
        "For rules, direction must be one of \"in\" and \"out\", or direction must not be specified."
    )]
    RuleDirection,
    /// Two interfaces.
    #[error("Only route rules can combine interface_in and interface_out")]
    TwoInterfaces,
}

/// The module.
#[derive(Debug)]
pub struct Ufw;

/// What is known of the firewall.
#[derive(Debug)]
pub struct Observed {
    program: String,
    active: bool,
    logging: Option<String>,
    /// The policy of the direction that is asked for.
    policy: Option<String>,
    /// The rule of the task: its command, and what it removes and adds.
    rule: Option<rules::Outcome>,
}

const KIND: &str = "ufw";

impl Module for Ufw {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let program = program::required(host, "ufw")?;
        let status = match program::query(host, [program.as_str(), "status", "verbose"]) {
            Ok(output) if output.success() => output.stdout_text(),
            Ok(output) => {
                let (errors, said) = (output.stderr_text(), output.stdout_text());
                let message = if errors.is_empty() { said } else { errors };
                let asked = format!("{program} status verbose");
                return Err(Stop::failed(message).with("commands", vec![asked]));
            }
            // what would be installed first cannot be asked, but its file says that it is off
            Err(HostError::Unknown(_)) if is_off(host)? => "Status: inactive\n".to_owned(),
            Err(error) => return Err(error.into()),
        };
        let kept = |name: &str, host: &mut dyn Host| {
            host.rehearsed(KIND, name).and_then(|kept| kept.value?.as_str().map(str::to_owned))
        };
        let active = match kept("state", host) {
            Some(state) => state == "active",
            None => status.lines().any(|line| line == "Status: active"),
        };
        let logging = kept("logging", host).or_else(|| logging_of(&status));
        let mut policy = None;
        if params.default.is_some() {
            if !matches!(
                params.direction,
                None | Some(Direction::Incoming | Direction::Outgoing | Direction::Routed)
            ) {
                return Err(Stop::failed(Error::DefaultDirection));
            }
            let direction = params.policy_of();
            policy = match kept(&format!("default {direction}"), host) {
                Some(policy) => Some(policy),
                None => policy_of(direction, host)?,
            };
        }
        let rule = match params.rule {
            Some(_) => Some(rules::outcome(params, &program, host)?),
            None => None,
        };
        Ok(Observed { program, active, logging, policy, rule })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let mut commands = vec![format!("{} status verbose", observed.program)];
        if let Some(state) = params.state {
            commands.push(observed.state(state, &mut plan));
        }
        if let Some(policy) = params.default {
            let direction = params.policy_of();
            let mut argv = observed.argv(&["default", policy.word()]);
            argv.extend(params.direction.map(|direction| direction.word().to_owned()));
            commands.push(argv.join(" "));
            let differs = observed.policy.as_deref() != Some(policy.word());
            // what is off stays off as long as nothing is routed
            if differs && observed.policy.as_deref() != Some("disabled") {
                let name = format!("default {direction}");
                let change = setting(name, observed.policy.clone(), policy.word(), argv);
                plan.push(change, "the policy differs");
            }
        }
        if let Some(outcome) = &observed.rule {
            commands.push(outcome.argv.join(" "));
            if outcome.changes() {
                plan.push(outcome.effect(), "the rules differ");
            }
        }
        if let Some(logging) = params.logging {
            let argv = observed.argv(&["logging", logging.word()]);
            commands.push(argv.join(" "));
            if observed.logs_otherwise(logging) {
                // `on` is the level `low` unless there was another
                let after = if logging == Logging::On { "low" } else { logging.word() };
                let before = observed.logging.clone();
                let change = setting("logging".to_owned(), before, after, argv);
                plan.push(change, "the logging differs");
            }
        }
        plan.set("commands", commands);
        Ok(plan)
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        match program::query(host, [observed.program.as_str(), "status", "verbose"]) {
            Ok(output) => {
                returned.insert("msg".to_owned(), output.stdout_text().trim_end().into());
            }
            // the rest is known all the same
            Err(HostError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { command, output } => {
                let (errors, said) = (output.stderr_text(), output.stdout_text());
                let message = if errors.is_empty() { said } else { errors };
                Stop::failed(message).with("commands", vec![command])
            }
            error => Stop::Host(error),
        }
    }
}

impl Observed {
    fn argv(&self, words: &[&str]) -> Vec<String> {
        std::iter::once(self.program.as_str())
            .chain(words.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    /// Plans a state and gives its command.
    fn state(&self, state: State, plan: &mut Plan) -> String {
        let word = |active: bool| if active { "active" } else { "inactive" };
        let (action, after, changes) = match state {
            State::Enabled => ("enable", true, !self.active),
            State::Disabled => ("disable", false, self.active),
            // these count as changes whatever they change
            State::Reloaded => ("reload", self.active, true),
            State::Reset => ("reset", false, true),
        };
        let argv = self.argv(&["-f", action]);
        if changes {
            let deed = match state {
                State::Reloaded => Some("reloaded".to_owned()),
                State::Reset => Some("reset".to_owned()),
                State::Enabled | State::Disabled => None,
            };
            let change = SettingChange {
                deed,
                clears: (state == State::Reset).then(|| KIND.to_owned()),
                ..change(
                    "state".to_owned(),
                    Some(word(self.active).to_owned()),
                    word(after),
                    argv.clone(),
                )
            };
            plan.push(Effect::Setting(change), "the state differs");
        }
        argv.join(" ")
    }

    fn logs_otherwise(&self, logging: Logging) -> bool {
        match self.logging.as_deref() {
            Some("off") => logging != Logging::Off,
            Some(level) => {
                logging == Logging::Off || (logging != Logging::On && logging.word() != level)
            }
            None => true,
        }
    }
}

fn change(name: String, before: Option<String>, after: &str, argv: Vec<String>) -> SettingChange {
    SettingChange {
        kind: KIND.to_owned(),
        name,
        before: before.map(Json::from),
        after: Some(Json::from(after)),
        commands: vec![program::command(argv)],
        ..SettingChange::default()
    }
}

fn setting(name: String, before: Option<String>, after: &str, argv: Vec<String>) -> Effect {
    Effect::Setting(change(name, before, after, argv))
}

/// Whether its configuration says that it is not enabled.
fn is_off(host: &mut dyn Host) -> Result<bool, Stop> {
    let text = host.read(Path::new("/etc/ufw/ufw.conf"))?;
    Ok(String::from_utf8_lossy(&text).lines().any(|line| line.trim() == "ENABLED=no"))
}

/// The level of `Logging: on (low)`, or `off`.
fn logging_of(status: &str) -> Option<String> {
    let words = status.lines().find_map(|line| line.strip_prefix("Logging: "))?;
    let level = words.strip_prefix("on (").and_then(|rest| rest.strip_suffix(')'));
    Some(level.unwrap_or(words).to_owned())
}

/// The policy of a direction, from the file that ufw keeps it in.
fn policy_of(direction: &str, host: &mut dyn Host) -> Result<Option<String>, Stop> {
    let key = match direction {
        "outgoing" => "DEFAULT_OUTPUT_POLICY",
        "routed" => "DEFAULT_FORWARD_POLICY",
        _ => "DEFAULT_INPUT_POLICY",
    };
    let text = host.read(Path::new("/etc/default/ufw"))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    Ok(value.map(|value| match value.trim_matches('"') {
        "DROP" => "deny".to_owned(),
        "ACCEPT" => "allow".to_owned(),
        other => other.to_lowercase(),
    }))
}

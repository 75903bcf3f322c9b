//! The keywords of an item, as they stand after rendering.

use std::collections::BTreeMap;
use std::time::Duration;

use canvass_modules::wire::Mode;

use crate::connection::{Privilege, Target};
use crate::report::event::RunMode;
use crate::vars::Scope;

use super::Job;
use crate::run::asynchronous::Asynchronous;
use crate::run::keyword::{KeywordError, KeywordReader, LONGEST_TIMEOUT};
use crate::run::outcome::{Delegated, TaskResult};
use crate::run::settings::{CheckMode, DiffMode};
use crate::run::target;

/// Where and how an item is done.
#[derive(Clone)]
pub(in crate::run) struct Setting {
    /// The variables that the item sees.
    pub scope: Scope,
    pub delegated: Option<Delegated>,
    /// The host that facts are learnt of, when it is not the task's own (`delegate_facts`).
    pub facts_of: Option<String>,
    pub target: Target,
    pub privilege: Privilege,
    pub environment: BTreeMap<String, String>,
    pub mode: Mode,
    pub diff: bool,
    /// Whether the registered result holds the diff, as with Ansible's `--diff`.
    pub registers_diff: DiffMode,
    pub timeout: Option<Duration>,
    /// Set for a task that is to be a job of its own.
    pub asynchronous: Option<Asynchronous>,
    /// The handlers that are told when something changes.
    pub notifies: Vec<String>,
}

impl Setting {
    /// Whether items with both can go to a host in one message.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.target == other.target
            && self.privilege == other.privilege
            && self.environment == other.environment
            && self.mode == other.mode
            && self.diff == other.diff
            && self.registers_diff == other.registers_diff
            && self.timeout == other.timeout
            && self.asynchronous == other.asynchronous
            && self.notifies == other.notifies
    }

    /// Marks a result with where it comes from.
    pub(super) fn mark(&self, result: &mut TaskResult) {
        result.delegated.clone_from(&self.delegated);
        result.notifies.clone_from(&self.notifies);
        if let Some(host) = &self.facts_of {
            result.learnt.move_to(host);
        }
    }
}

impl Job {
    /// Settles the keywords of an item; `host` is the one that it is delegated to.
    pub(super) fn settle(
        &self,
        scope: &Scope,
        host: Option<String>,
    ) -> Result<Setting, KeywordError> {
        let run = &self.play.run;
        let reader = self.reader(scope);
        let away = host.as_ref().map(|host| self.play.host_scope(host));
        let seen = away.as_ref().unwrap_or(scope);
        let name = host.as_ref().unwrap_or(&self.host);
        reader.refuse_unreadable()?;
        let target = target::target(name, seen, Some(reader), &run.settings)?;
        let privilege = target::privilege(seen, reader, &run.settings, &target)?;
        if let Some(password) = &target.password {
            run.keep_secret(password.expose());
        }
        if let Privilege::Become { password: Some(password), .. } = &privilege {
            run.keep_secret(password.expose());
        }
        let privilege = target::without_same_user(privilege, &target, &run.settings);
        let facts_of = match &host {
            Some(host)
                if reader.boolean("delegate_facts", |level| level.delegate_facts.as_ref())?
                    == Some(true) =>
            {
                Some(host.clone())
            }
            _ => None,
        };
        let diff = reader.boolean("diff", |level| level.diff.as_ref())?;
        let timeout = match reader.nearest(|level| level.timeout.as_ref()) {
            Some(node) => match reader.number("timeout", node)? {
                0.0 => None,
                seconds if (0.0..=f64::from(LONGEST_TIMEOUT)).contains(&seconds) => {
                    Some(Duration::from_secs_f64(seconds))
                }
                seconds => {
                    return Err(KeywordError::Timeout { seconds, span: node.span.clone() });
                }
            },
            None => run.settings.task_timeout,
        };
        Ok(Setting {
            notifies: reader.topics(self.task.notify())?,
            asynchronous: Asynchronous::of(reader, &self.task.task)?,
            environment: self.environment(reader)?,
            delegated: host.map(|host| Delegated {
                // an address by its old name is not shown
                address: match seen.find("ansible_host") {
                    Some(_) => target.address.clone(),
                    None => host.clone(),
                },
                host,
            }),
            facts_of,
            target,
            privilege,
            mode: self.mode(reader)?,
            diff: diff.unwrap_or(true),
            registers_diff: match diff {
                Some(true) => DiffMode::On,
                Some(false) => DiffMode::Off,
                None => run.settings.diff,
            },
            timeout,
            scope: scope.clone(),
        })
    }

    /// What may happen to the host.
    pub(super) fn mode(&self, reader: KeywordReader<'_>) -> Result<Mode, KeywordError> {
        let settings = &self.play.run.settings;
        let check = reader.boolean("check_mode", |level| level.check_mode.as_ref())?;
        Ok(match (settings.mode, check) {
            (_, Some(false)) | (RunMode::Apply, None) => Mode::Apply,
            // in a dry run, too, it only looks
            (_, Some(true)) => Mode::Check,
            (RunMode::Rehearsal, _) => match settings.check {
                CheckMode::Rehearsal => Mode::Rehearse,
                CheckMode::Alone => Mode::Check,
            },
        })
    }

    /// The environment; facts are gathered without what only facts would tell.
    fn environment(
        &self,
        reader: KeywordReader<'_>,
    ) -> Result<BTreeMap<String, String>, KeywordError> {
        let module = self.task.task.action.module.as_str();
        let gathers = matches!(module, "ansible.builtin.setup" | "ansible.builtin.gather_facts");
        if gathers { reader.environment_of_facts() } else { reader.environment() }
    }
}

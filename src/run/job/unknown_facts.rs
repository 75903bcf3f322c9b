//! Facts that a task of a dry run would have brought, and nobody knows.

use super::Job;
use crate::run::fact_cache::HostFacts;
use crate::run::host_vars::Facts;
use crate::run::outcome::{TaskResult, Verdict};
use crate::vars::{Scope, unknown};

impl Job {
    /// Notes them as unknown, so that what reads them is unknown, too, and does not fail.
    pub(super) fn note_unknown_facts(&self, scope: &Scope, total: &mut TaskResult) {
        let Verdict::Unknown(reason) = &total.verdict else { return };
        let Some(name) = self.fact_name(scope) else { return };
        let value = unknown(reason);
        total.learnt.facts = Some(Facts::Gathered(HostFacts::from_iter([(name, value)])));
    }

    /// The fact that the module would bring.
    fn fact_name(&self, scope: &Scope) -> Option<String> {
        let action = &self.task.task.action;
        match action.module.as_str() {
            "ansible.builtin.getent" => {
                let (_, node) = action.arguments.iter().find(|(name, _)| name == "database")?;
                let database = self.play.run.templar.node(node, scope).ok()?;
                Some(format!("getent_{database}"))
            }
            "ansible.builtin.mount_facts" => Some("mount_points".to_owned()),
            "ansible.builtin.package_facts" => Some("packages".to_owned()),
            "ansible.builtin.service_facts" => Some("services".to_owned()),
            _ => None,
        }
    }
}

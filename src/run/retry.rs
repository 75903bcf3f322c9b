//! `until`, `retries` and `delay`.

use std::time::Duration;

use crate::playbook::Task;

use super::keyword::{KeywordError, KeywordReader};

/// How often and how soon a task is tried again.
pub(super) struct Retry {
    /// Tries after the first.
    pub retries: u64,
    /// The time between tries.
    pub delay: Duration,
}

impl Retry {
    /// Ansible's defaults are three tries more, five seconds apart.
    pub(super) fn of(reader: KeywordReader<'_>, task: &Task) -> Result<Self, KeywordError> {
        let retries = match &task.retries {
            Some(node) => reader.number("retries", node)?,
            None => 3.0,
        };
        let delay = match &task.delay {
            Some(node) => reader.number("delay", node)?,
            None => 5.0,
        };
        // less than one try more is one, as in Ansible
        let retries = if retries < 1.0 { 1.0 } else { retries };
        Ok(Self {
            retries: format!("{retries:.0}").parse().unwrap_or(3),
            delay: Duration::try_from_secs_f64(if delay < 0.0 { 1.0 } else { delay })
                .unwrap_or_default(),
        })
    }
}

//! The contract that every module keeps: observe, plan, conclude.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::effect::{Applied, Effect};
use crate::host::{Host, HostError};
use crate::params::Params;

/// The fields a module returns, as a task registers them (`changed`, `failed`, `diff` and
/// `invocation` are added by the engine).
pub type Returned = Map<String, Json>;

/// A unit of work that brings one thing of a host into the state that its parameters describe.
///
/// The three steps are apart so that deciding is pure: only [`Module::observe`] reads the host,
/// only [`Host::apply`] changes it, and no module asks whether it is a dry run.
pub trait Module {
    /// The typed parameters.
    type Params: Params;
    /// What must be known of the host to decide.
    type Observed;

    /// Whether its results hold `ansible_facts`, which become variables of the host: no task that
    /// may read one is sent before they are there. [`crate::execute`] refuses facts of a module
    /// that does not say so.
    const RETURNS_FACTS: bool = false;

    /// Asks the host for all that [`Module::plan`] needs.
    fn observe(params: &Self::Params, host: &mut dyn Host) -> Result<Self::Observed, Stop>;

    /// What a dry run warns of: what is missing now and may be made by another play before the
    /// real one. Asks, never changes; asked before [`Module::observe`], and only in a dry run, so
    /// that the module itself need not know that it is one. Most modules warn of nothing.
    fn foresee(_params: &Self::Params, _host: &mut dyn Host) -> Result<Vec<String>, Stop> {
        Ok(Vec::new())
    }

    /// Decides what to do, without the host.
    fn plan(params: &Self::Params, observed: &Self::Observed) -> Result<Plan, Stop>;

    /// Words the result from what applying the effects gave, in the order of `plan.effects`.
    ///
    /// The default returns the fields that the plan already knew.
    fn conclude(
        _params: &Self::Params,
        _observed: &Self::Observed,
        plan: &Plan,
        _applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(Conclusion { changed: plan.changes(), returned: plan.returned.clone() })
    }

    /// Adds to the result what only a look at the host after all effects tells: the owner, mode
    /// and size that a file has now. Asks, never changes; the default adds nothing.
    fn revisit(
        _params: &Self::Params,
        _observed: &Self::Observed,
        _host: &mut dyn Host,
        _returned: &mut Returned,
    ) -> Result<(), Stop> {
        Ok(())
    }

    /// A text of a file as diffs show it, where it holds secrets; nothing where all is shown.
    fn conceal(_text: &str) -> Option<String> {
        None
    }

    /// Words the failure of an effect; the effects after it are not applied.
    ///
    /// The default reports the host's error as it is.
    fn explain(
        _params: &Self::Params,
        _observed: &Self::Observed,
        _planned: &Planned,
        error: HostError,
    ) -> Stop {
        Stop::Host(error)
    }
}

/// What a module decided.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The effects in the order in which they must happen; empty when all is as it should be.
    pub effects: Vec<Planned>,
    /// The fields of the result that are known before acting.
    pub returned: Returned,
    /// Values within them that only acting would tell: as JSON pointers, and why.
    pub unknown: BTreeMap<String, String>,
}

/// One effect and why it is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What will change.
    pub effect: Effect,
    /// Why, in a few words for the report: `mode is 0644, not 0600`.
    pub reason: String,
}

impl Plan {
    /// A plan that changes nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds an effect with its reason.
    pub fn push(&mut self, effect: Effect, reason: impl Into<String>) {
        self.effects.push(Planned { effect, reason: reason.into() });
    }

    /// Sets a field of the result.
    pub fn set(&mut self, field: &str, value: impl Into<Json>) {
        self.returned.insert(field.to_owned(), value.into());
    }

    /// Whether applying this plan changes the host.
    pub fn changes(&self) -> bool {
        !self.effects.is_empty()
    }
}

/// How a task of a module ended, before the engine's own conditions (`changed_when` …).
#[derive(Debug, Clone, Default)]
pub struct Conclusion {
    /// Whether the host was changed.
    pub changed: bool,
    /// The fields of the result.
    pub returned: Returned,
}

/// Why a module did not come to a conclusion.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The host could not answer or could not be changed; [`HostError::Unknown`] makes the whole
    /// task unknown.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The module refuses or the work failed: a failed task with `msg` and further fields.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
}

/// The result of a failed task.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// The `msg` field, worded as Ansible's module words it where scripts look for it.
    pub message: String,
    /// Further fields (`rc`, `stdout`, `path` …).
    pub returned: Returned,
}

impl Stop {
    /// A failed task with this message.
    pub fn failed(message: impl ToString) -> Self {
        Self::Failed(Box::new(Failure { message: message.to_string(), returned: Returned::new() }))
    }

    /// Adds a field to the result of a failed task.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Json>) -> Self {
        if let Self::Failed(failure) = &mut self {
            failure.returned.insert(field.to_owned(), value.into());
        }
        self
    }
}

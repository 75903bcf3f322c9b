//! `ansible.builtin.meta`: acts on the run itself.

use canvass_modules::params::ParamValue as _;
use canvass_modules::{choices, params};
use serde_json::{Map, Value as Json};

use crate::diagnostics::Explain as _;
use crate::playbook::Task;

use super::{ActionError, ActionInput, Finished, Prepared, parse};

choices! {
    /// What a `meta` task does.
    pub enum Meta {
        /// Runs the notified handlers here; the graph has their steps.
        FlushHandlers = "flush_handlers",
        /// Ends the play for all hosts of the batch.
        EndPlay = "end_play",
        /// Ends the play for this host.
        EndHost = "end_host",
        /// Ends the role for this host.
        EndRole = "end_role",
        /// Lets failed and lost hosts take part again.
        ClearHostErrors = "clear_host_errors",
        /// Closes the connections to the host.
        ResetConnection = "reset_connection",
        /// Ends the batch.
        EndBatch = "end_batch",
        /// Forgets the host's facts.
        ClearFacts = "clear_facts",
        /// Reads the inventory again; what tasks added stays.
        RefreshInventory = "refresh_inventory",
        /// Nothing.
        Noop = "noop",
    }
}

params! {
    /// Parameters of `ansible.builtin.meta`.
    pub struct MetaParams {
        /// What to do.
        _raw_params: Meta,
    }
}

impl Meta {
    /// What a task does, if it is a `meta` task without a template.
    pub(crate) fn of(task: &Task) -> Option<Self> {
        if task.action.module != "ansible.builtin.meta" {
            return None;
        }
        let (_, value) = task.action.arguments.iter().find(|(name, _)| name == "_raw_params")?;
        Self::from_json(&Json::from(value.as_str()?.trim())).ok()
    }

    /// What is told where it was done.
    pub(crate) fn told(self, host: &str, role: &str) -> String {
        match self {
            Self::FlushHandlers => format!("triggered running handlers for {host}"),
            Self::EndPlay => "ending play".to_owned(),
            Self::EndHost => format!("ending play for {host}"),
            Self::EndRole => format!("ending role {role} for {host}"),
            Self::ClearHostErrors => "cleared host errors".to_owned(),
            Self::ResetConnection => "reset connection".to_owned(),
            Self::EndBatch => "ending batch".to_owned(),
            Self::ClearFacts => "facts cleared".to_owned(),
            Self::RefreshInventory => "inventory successfully refreshed".to_owned(),
            Self::Noop => "noop".to_owned(),
        }
    }

    /// What is told where its condition said no.
    pub(crate) fn told_skipped(self, host: &str, role: &str) -> String {
        let rest = match self {
            Self::FlushHandlers => format!(", not running handlers for {host}"),
            Self::EndPlay => ", continuing play".to_owned(),
            Self::EndHost => format!(", continuing execution for {host}"),
            Self::EndRole => format!(", continuing role {role} for {host}"),
            Self::ClearHostErrors => format!(", not clearing host error state for {host}"),
            Self::EndBatch => ", continuing current batch".to_owned(),
            Self::ClearFacts => format!(", not clearing facts and fact cache for {host}"),
            Self::ResetConnection | Self::RefreshInventory | Self::Noop => String::new(),
        };
        format!("{self} conditional evaluated to False{rest}")
    }

    /// Whether it is done once for all hosts where they go in step.
    pub(crate) fn is_for_all(self) -> bool {
        match self {
            Self::EndPlay
            | Self::EndBatch
            | Self::ClearFacts
            | Self::ClearHostErrors
            | Self::RefreshInventory => true,
            Self::FlushHandlers
            | Self::EndHost
            | Self::EndRole
            | Self::ResetConnection
            | Self::Noop => false,
        }
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: MetaParams = parse("ansible.builtin.meta", &arguments)?;
    if params._raw_params == Meta::RefreshInventory
        && let Err(errors) = input.inventory.refresh()
    {
        let texts = errors.iter().map(|error| match error.span() {
            Some(span) => format!("{error} ({})", span.place()),
            None => error.to_string(),
        });
        let texts: Vec<String> = texts.collect();
        return Ok(Prepared::Done(Finished::failed(texts.join("\n"))));
    }
    Ok(Prepared::Meta(params._raw_params))
}

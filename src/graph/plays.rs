//! Why a play waits for the one before it, where plays may overlap.

use std::fmt;

use crate::source::Place;

/// Why a play runs beside no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayReason {
    /// It does not run under `dag`.
    Strategy,
    /// It has hosts that the other has.
    Hosts,
    /// A host of it is this machine, or the same as one of the other.
    Machine,
    /// It works on another host than its own: `delegate_to`.
    Delegation,
    /// It reads variables of other hosts.
    OtherHosts,
    /// It changes the groups or the inventory.
    Groups,
    /// It adds to figures of the whole run: `set_stats`.
    Statistics,
    /// It writes on this machine.
    Controller,
    /// It asks someone: `vars_prompt`, `pause`, the debugger.
    Input,
    /// It lets failed hosts take part again: `meta: clear_host_errors`.
    Errors,
    /// What it does or reads is not known beforehand: a name that is a template, `include_vars`.
    Unknown,
}

/// Why a play waits for the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayEdge {
    /// The reason.
    pub reason: PlayReason,
    /// The task that is one.
    pub place: Option<Place>,
}

impl PlayReason {
    /// What it waits for.
    pub fn words(self) -> &'static str {
        match self {
            Self::Strategy => "not all under dag",
            Self::Hosts => "hosts of both",
            Self::Machine => "this machine, or one of both",
            Self::Delegation => "delegate_to",
            Self::OtherHosts => "variables of other hosts",
            Self::Groups => "groups change",
            Self::Statistics => "set_stats",
            Self::Controller => "writes on the controller",
            Self::Input => "asks someone",
            Self::Errors => "clear_host_errors",
            Self::Unknown => "not known beforehand",
        }
    }
}

impl From<PlayReason> for PlayEdge {
    fn from(reason: PlayReason) -> Self {
        Self { reason, place: None }
    }
}

impl fmt::Display for PlayEdge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason.words())?;
        match &self.place {
            Some(place) => write!(formatter, " at {place}"),
            None => Ok(()),
        }
    }
}

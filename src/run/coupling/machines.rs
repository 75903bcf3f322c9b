//! Which machines the hosts of a batch are.

use std::collections::HashSet;

use crate::connection::Transport;

use super::super::context::PlayContext;
use super::super::keyword::KeywordReader;
use super::super::target;

/// What is at the other end.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Machine {
    /// This machine.
    Here,
    /// The one at this address and port.
    At(String, Option<u16>),
}

/// Whether two names of the batch lead to one machine: then what one of them does, the other sees.
pub(super) fn are_shared(play: &PlayContext, batch: &[String]) -> bool {
    let mut seen = HashSet::new();
    batch.iter().filter_map(|host| of(play, host)).any(|machine| !seen.insert(machine))
}

/// The machine of a host; none where its address cannot be read: it is not reached anyway.
pub(super) fn of(play: &PlayContext, host: &str) -> Option<Machine> {
    let run = &play.run;
    let levels = [std::sync::Arc::clone(&play.play.keywords)];
    let scope = play.host_scope(host);
    let reader = KeywordReader { templar: &run.templar, scope: &scope, levels: &levels };
    let target = target::target(host, &scope, Some(reader), &run.settings).ok()?;
    Some(match target.transport {
        Transport::Local => Machine::Here,
        Transport::Ssh | Transport::OpenSsh => Machine::At(target.address, target.port),
    })
}

//! Whether several hosts of a batch are one machine.

use std::collections::HashSet;

use crate::connection::Transport;

use super::super::context::PlayContext;
use super::super::keyword::KeywordReader;
use super::super::target;

/// Whether two names of the batch lead to one machine: then what one of them does, the other sees.
pub(super) fn are_shared(play: &PlayContext, batch: &[String]) -> bool {
    let run = &play.run;
    let levels = [std::sync::Arc::clone(&play.play.keywords)];
    let mut seen = HashSet::new();
    batch.iter().any(|host| {
        let scope = play.host_scope(host);
        let reader = KeywordReader { templar: &run.templar, scope: &scope, levels: &levels };
        // a host whose address cannot be read is not reached anyway
        let Ok(target) = target::target(host, &scope, Some(reader), &run.settings) else {
            return false;
        };
        let machine = match target.transport {
            Transport::Local => None,
            Transport::Ssh | Transport::OpenSsh => Some((target.address, target.port)),
        };
        !seen.insert(machine)
    })
}

//! `ansible.builtin.wait_for_connection`: waits until the host can be reached and works.

use std::time::Duration;

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, Prepared, parse, refuse_others};

params! {
    /// Parameters of `ansible.builtin.wait_for_connection`.
    pub struct WaitForConnectionParams {
        /// Seconds for one connection.
        connect_timeout: u64 = 5_u64,
        /// Seconds to wait first.
        delay: u64 = 0_u64,
        /// Seconds between two tries.
        sleep: u64 = 1_u64,
        /// Seconds to try.
        timeout: u64 = 600_u64,
    }
}

/// How a host is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reconnect {
    /// Time to wait first.
    pub delay: Duration,
    /// Time between two tries.
    pub sleep: Duration,
    /// Time to try.
    pub timeout: Duration,
    /// Time for one connection.
    pub connect: Duration,
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    refuse_others(input, &arguments, &["connect_timeout", "delay", "sleep", "timeout"])?;
    let params: WaitForConnectionParams = parse("ansible.builtin.wait_for_connection", &arguments)?;
    Ok(Prepared::Reconnect(Reconnect {
        delay: Duration::from_secs(params.delay),
        sleep: Duration::from_secs(params.sleep),
        timeout: Duration::from_secs(params.timeout),
        connect: Duration::from_secs(params.connect_timeout),
    }))
}

//! `ansible.builtin.ping`: answers from the host, to show that tasks can run there.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none.
//!
//! ```yaml
//! - name: See whether the host answers
//!   ansible.builtin.ping:
//! ```
//!
//! Returns `ping`: the value of `data`.

use crate::contract::{Module, Plan, Stop};
use crate::host::Host;
use crate::params;

params! {
    /// Parameters of `ansible.builtin.ping`.
    pub struct Params {
        /// The text to answer with; `crash` makes the module fail.
        data: String = "pong".to_owned(),
    }
}

/// The module.
#[derive(Debug)]
pub struct Ping;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `data` is `crash`.
    #[error("Task failed: Module failed: boom")]
    Asked,
}

impl Module for Ping {
    type Params = Params;
    type Observed = ();

    fn observe(_params: &Params, _host: &mut dyn Host) -> Result<(), Stop> {
        Ok(())
    }

    fn plan(params: &Params, _observed: &()) -> Result<Plan, Stop> {
        if params.data == "crash" {
            return Err(Stop::failed(Error::Asked));
        }
        let mut plan = Plan::nothing();
        plan.set("ping", params.data.clone());
        Ok(plan)
    }
}

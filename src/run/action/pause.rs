//! `ansible.builtin.pause` and `ansible.builtin.raw`.

use std::time::Duration;

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use super::{ActionError, ActionInput, Finished, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.pause`.
    pub struct PauseParams {
        /// Minutes to wait.
        minutes: Option<f64>,
        /// Seconds to wait.
        seconds: Option<f64>,
    }
    rules [
        params::Rule::MutuallyExclusive(&["minutes", "seconds"]),
        params::Rule::RequiredOneOf(&["minutes", "seconds"]),
    ]
}

params! {
    /// Parameters of `ansible.builtin.raw`.
    pub struct RawParams {
        /// The script.
        _raw_params: String,
    }
}

pub(super) fn prepare(
    _input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: PauseParams = parse("ansible.builtin.pause", &arguments)?;
    let seconds = params.minutes.map(|minutes| minutes * 60.0).or(params.seconds).unwrap_or(1.0);
    // a wait of less than a second is one second, as in Ansible
    let wait = Duration::try_from_secs_f64(seconds.max(1.0))
        .map_err(|error| ActionError::Include(format!("cannot pause for {seconds} s: {error}")))?;
    let mut returned = Map::new();
    returned.insert("delta".to_owned(), Json::from(wait.as_secs()));
    let unit = if params.minutes.is_some() { "minutes" } else { "seconds" };
    let amount = params.minutes.unwrap_or(wait.as_secs_f64());
    returned.insert("stdout".to_owned(), Json::from(format!("Paused for {amount} {unit}")));
    Ok(Prepared::Wait(wait, Finished::ok(returned)))
}

pub(super) fn raw(
    _input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: RawParams = parse("ansible.builtin.raw", &arguments)?;
    Ok(Prepared::Raw(params._raw_params))
}

//! `ansible.builtin.wait_for`: waits for a port, a file, or a text in a file.
//!
//! Follows the module of ansible-core 2.19. Changes nothing. Check mode: full; what an earlier
//! task would have started or made is taken as there as far as the rehearsal knows it. Diff: none.
//!
//! Differs from Ansible: `state: drained`, and `search_regex` with a port, are refused.
//!
//! ```yaml
//! - name: Wait until the web server answers
//!   ansible.builtin.wait_for:
//!     port: 8080
//!     timeout: 30
//! ```
//!
//! Returns `elapsed`, `state`, `port`, `path`, `search_regex`, `match_groups`,
//! `match_groupdict`, and the attributes of `path`.

use std::path::PathBuf;
use std::time::Duration;

use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

use super::{expansion, file_attributes};
use crate::contract::{Module, Plan, Returned, Stop};
use crate::host::{Follow, Host, HostError};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// What is waited for.
    pub enum State {
        /// The port is open, or the file is there.
        Started = "started",
        /// The port is closed, or the file is gone.
        Stopped = "stopped",
        /// As `started`.
        Present = "present",
        /// As `stopped`.
        Absent = "absent",
        /// No connections are left; not supported.
        Drained = "drained",
    }
}

params! {
    /// Parameters of `ansible.builtin.wait_for`.
    pub struct Params {
        /// The host whose port is waited for, as seen from the target.
        host: String = "127.0.0.1".to_owned(),
        /// The port.
        port: Option<u32>,
        /// The file.
        path: Option<PathBuf>,
        /// A pattern that must be found in the file, in several lines at once.
        search_regex: Option<String>,
        /// What is waited for.
        state: State = State::Started,
        /// Seconds to wait at most.
        timeout: u64 = 300_u64,
        /// Seconds to wait first.
        delay: u64 = 0_u64,
        /// Seconds between two looks.
        sleep: u64 = 1_u64,
        /// Seconds to wait for one connection.
        connect_timeout: u64 = 5_u64,
        /// What is said when it takes too long.
        msg: Option<String>,
        /// Hosts whose connections do not count for `drained`; not supported.
        exclude_hosts: Option<Vec<String>>,
        /// States of connections that count for `drained`; not supported.
        active_connection_states: Option<Vec<String>>,
    }
    rules [Rule::MutuallyExclusive(&["port", "path"])]
}

/// The module.
#[derive(Debug)]
pub struct WaitFor;

/// What came of the waiting.
#[derive(Debug)]
pub struct Observed {
    returned: Returned,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `drained` is not supported.
    #[error("state drained is not supported; wait for `stopped`")]
    Drained,
    /// A pattern needs a file.
    #[error("search_regex is supported with path only")]
    PatternNeedsPath,
    /// A pattern cannot be found in what is gone.
    #[error("state=absent should only be used for checking a path in the wait_for module")]
    PathOnly,
    /// The pattern is broken.
    #[error("search_regex is not a valid pattern: {0}")]
    Pattern(Box<fancy_regex::Error>),
    /// There is no such port.
    #[error("{0} is no port")]
    Port(u32),
    /// It took too long.
    #[error("{0}")]
    Timeout(String),
}

enum Target {
    Nothing,
    Port(u16),
    Path(PathBuf, Option<Regex>),
}

impl Module for WaitFor {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let target = target(params, host)?;
        let started = host.now().seconds;
        let elapsed =
            |host: &mut dyn Host| u64::try_from(host.now().seconds - started).unwrap_or(0);
        if params.delay > 0 {
            host.sleep(Duration::from_secs(params.delay));
        }
        let mut returned = Returned::new();
        let wants_gone = matches!(params.state, State::Stopped | State::Absent);
        loop {
            let reached = match &target {
                Target::Nothing => false,
                Target::Port(port) => {
                    let patience = Duration::from_secs(params.connect_timeout);
                    host.connects(&params.host, *port, patience)? != wants_gone
                }
                Target::Path(path, pattern) => {
                    look(path, pattern.as_ref(), params.state, host, &mut returned)?
                }
            };
            if reached {
                break;
            }
            if elapsed(host) >= params.timeout {
                if matches!(target, Target::Nothing) {
                    break;
                }
                let message =
                    params.msg.clone().unwrap_or_else(|| timeout_message(params, &target));
                let stop = Stop::failed(Error::Timeout(message));
                return Err(stop.with("elapsed", elapsed(host)));
            }
            host.sleep(Duration::from_secs(params.sleep.max(1)));
        }
        for (field, value) in [
            ("elapsed", Json::from(elapsed(host))),
            ("state", Json::from(params.state.word())),
            ("port", Json::from(params.port)),
            (
                "path",
                Json::from(params.path.as_ref().map(|path| path.to_string_lossy().into_owned())),
            ),
            ("search_regex", Json::from(params.search_regex.clone())),
        ] {
            returned.insert(field.to_owned(), value);
        }
        returned.entry("match_groups").or_insert_with(|| Json::Array(Vec::new()));
        returned.entry("match_groupdict").or_insert_with(|| Json::Object(Map::new()));
        if let Target::Path(path, _) = &target {
            file_attributes::describe(host, path, &mut returned)?;
        }
        Ok(Observed { returned })
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        Ok(Plan { effects: Vec::new(), returned: observed.returned.clone() })
    }
}

fn target(params: &Params, host: &mut dyn Host) -> Result<Target, Stop> {
    if params.state == State::Drained
        || params.exclude_hosts.is_some()
        || params.active_connection_states.is_some()
    {
        return Err(Stop::failed(Error::Drained));
    }
    if let Some(port) = params.port {
        if params.search_regex.is_some() {
            return Err(Stop::failed(Error::PatternNeedsPath));
        }
        let port = u16::try_from(port).map_err(|_| Stop::failed(Error::Port(port)))?;
        return Ok(Target::Port(port));
    }
    let Some(path) = &params.path else {
        if params.state == State::Absent {
            return Err(Stop::failed(Error::PathOnly));
        }
        return Ok(Target::Nothing);
    };
    // `^` and `$` match at each line
    let pattern = params.search_regex.as_ref().map(|pattern| Regex::new(&format!("(?m){pattern}")));
    let pattern =
        pattern.transpose().map_err(|error| Stop::failed(Error::Pattern(Box::new(error))))?;
    Ok(Target::Path(expansion::path(path, host)?, pattern))
}

/// Whether the file is as it is waited for.
fn look(
    path: &std::path::Path,
    pattern: Option<&Regex>,
    state: State,
    host: &mut dyn Host,
    returned: &mut Returned,
) -> Result<bool, Stop> {
    let there = host.stat(path, Follow::Yes)?.is_some();
    if matches!(state, State::Stopped | State::Absent) {
        return Ok(!there);
    }
    let Some(pattern) = pattern.filter(|_| there) else { return Ok(there) };
    let content = match host.read(path) {
        Ok(content) => content,
        // it may be gone again
        Err(HostError::Io { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let text = String::from_utf8_lossy(&content).into_owned();
    let found = pattern
        .captures(text.as_str())
        .map_err(|error| Stop::failed(Error::Pattern(Box::new(error))))?;
    let Some(found) = found else { return Ok(false) };
    let value =
        |group: Option<fancy_regex::Match<'_>>| Json::from(group.map(|group| group.as_str()));
    let groups: Vec<Json> = found.iter().skip(1).map(value).collect();
    let named: Map<String, Json> = pattern
        .capture_names()
        .flatten()
        .map(|name| (name.to_owned(), value(found.name(name))))
        .collect();
    returned.insert("match_groups".to_owned(), Json::from(groups));
    returned.insert("match_groupdict".to_owned(), Json::from(named));
    Ok(true)
}

fn timeout_message(params: &Params, target: &Target) -> String {
    let gone = matches!(params.state, State::Stopped | State::Absent);
    match (target, gone) {
        (Target::Port(port), false) => format!("Timeout when waiting for {}:{port}", params.host),
        (Target::Port(port), true) => {
            format!("Timeout when waiting for {}:{port} to stop.", params.host)
        }
        (Target::Path(path, _), true) => {
            format!("Timeout when waiting for {} to be absent.", path.display())
        }
        (Target::Path(path, Some(_)), false) => {
            let pattern = params.search_regex.as_deref().unwrap_or_default();
            format!("Timeout when waiting for search string {pattern} in {}", path.display())
        }
        (Target::Path(path, None), false) => {
            format!("Timeout when waiting for file {}", path.display())
        }
        (Target::Nothing, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, WaitFor};
    use crate::contract::Module as _;
    use crate::host::fake::FakeHost;
    use crate::params::Params as _;

    fn wait(arguments: Json) -> Result<Json, String> {
        let mut host = FakeHost::new();
        host.file("/etc/passwd", "daemon:x\nroot:x:0\n");
        let params = Params::parse("wait_for", arguments.as_object().unwrap()).unwrap();
        WaitFor::observe(&params, &mut host)
            .map(|observed| Json::from(observed.returned))
            .map_err(|stop| stop.to_string())
    }

    #[test]
    fn a_file_and_its_text_are_found() {
        let found =
            wait(json!({"path": "/etc/passwd", "search_regex": "^(r)oot:(?P<x>x)"})).unwrap();
        assert_eq!(found["match_groups"], json!(["r", "x"]));
        assert_eq!(found["match_groupdict"], json!({"x": "x"}));
        assert_eq!(found["state"], json!("file"));
        let gone = wait(json!({"path": "/nope", "state": "absent"})).unwrap();
        assert_eq!(gone["state"], json!("absent"));
        assert_eq!(gone["match_groups"], json!([]));
    }

    #[test]
    fn waiting_ends_with_ansibles_words() {
        let table = [
            (json!({"path": "/nope", "timeout": 0}), "Timeout when waiting for file /nope"),
            (
                json!({"path": "/etc/passwd", "search_regex": "zzz", "timeout": 0}),
                "Timeout when waiting for search string zzz in /etc/passwd",
            ),
            (
                json!({"path": "/etc/passwd", "state": "absent", "timeout": 0}),
                "Timeout when waiting for /etc/passwd to be absent.",
            ),
            (json!({"path": "/nope", "timeout": 0, "msg": "hello"}), "hello"),
            (json!({"port": 70000}), "70000 is no port"),
            (
                json!({"state": "drained", "port": 1}),
                "state drained is not supported; wait for `stopped`",
            ),
            (json!({"port": 1, "search_regex": "x"}), "search_regex is supported with path only"),
        ];
        for (arguments, message) in table {
            assert_eq!(wait(arguments.clone()).unwrap_err(), message, "{arguments}");
        }
    }
}

//! `ansible.builtin.wait_for`: waits for a port, a file, or a text in a file.
//!
//! Follows the module of ansible-core 2.19. Changes nothing. Check mode: full; what an earlier
//! task would have started or made is taken as there as far as the rehearsal knows it. Diff: none.
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

mod connections;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use self::connections::Connections;
use super::text_edit::Text;
use super::{expansion, file_attributes, text_edit};
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::Timestamp;
use crate::host::{Follow, Host, HostError, Patience};
use crate::python_regex::{self, Captures, Flags, Regex};
use crate::{choices, params};

choices! {
    /// What is waited for.
    pub enum State {
        /// As `stopped`.
        Absent = "absent",
        /// No connections to the port are left.
        Drained = "drained",
        /// As `started`.
        Present = "present",
        /// The port is open, or the file is there.
        Started = "started",
        /// The port is closed, or the file is gone.
        Stopped = "stopped",
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
        /// A pattern that must be found in the file, or in what the port says.
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
        /// Hosts whose connections do not count for `drained`.
        exclude_hosts: Option<Vec<String>>,
        /// States of connections that count for `drained`.
        active_connection_states: Option<Vec<String>>,
    }
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
    /// One of both.
    #[error("port and path parameter can not both be passed to wait_for")]
    PortAndPath,
    /// A file is absent, not stopped.
    #[error("state=stopped should only be used for checking a port in the wait_for module")]
    PortOnly,
    /// A file has no connections.
    #[error("state=drained should only be used for checking a port in the wait_for module")]
    DrainedPath,
    /// Connections of a host count for `drained` only.
    #[error("exclude_hosts should only be with state=drained")]
    ExcludeHosts,
    /// No such state of a connection.
    #[error("unknown active_connection_state ({0}) defined")]
    ConnectionState(String),
    /// The pattern is broken.
    #[error("Invalid regular expression: {0}")]
    Pattern(python_regex::Error),
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
    Drained(Connections, u16),
    Path(PathBuf),
}

impl Module for WaitFor {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let target = target(params, host)?;
        // broken ones are told before anything is waited for
        pattern(params, &Text::read(Vec::new()))?;
        let started = host.now();
        if params.delay > 0 {
            host.sleep(Duration::from_secs(params.delay));
        }
        let end = Duration::from_secs(params.timeout);
        let mut returned = Returned::new();
        if matches!(target, Target::Nothing) {
            host.sleep(end);
        } else {
            loop {
                let left = end.saturating_sub(since(started, host));
                if left.is_zero() {
                    let message =
                        params.msg.clone().unwrap_or_else(|| timeout_message(params, &target));
                    let stop = Stop::failed(Error::Timeout(message));
                    return Err(stop.with("elapsed", since(started, host).as_secs()));
                }
                if is_reached(&target, params, left, host, &mut returned)? {
                    break;
                }
                host.sleep(Duration::from_secs(params.sleep));
            }
        }
        let path = match &target {
            Target::Path(path) => Json::from(path.to_string_lossy().into_owned()),
            _ => Json::Null,
        };
        for (field, value) in [
            ("elapsed", Json::from(since(started, host).as_secs())),
            ("state", Json::from(params.state.word())),
            ("port", Json::from(params.port)),
            ("path", path),
            ("search_regex", Json::from(params.search_regex.clone())),
        ] {
            returned.insert(field.to_owned(), value);
        }
        returned.entry("match_groups").or_insert_with(|| Json::Array(Vec::new()));
        returned.entry("match_groupdict").or_insert_with(|| Json::Object(Map::new()));
        if let Target::Path(path) = &target {
            file_attributes::describe(host, path, &mut returned)?;
        }
        Ok(Observed { returned })
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        Ok(Plan { returned: observed.returned.clone(), ..Plan::nothing() })
    }
}

/// The time since a moment.
fn since(moment: Timestamp, host: &mut dyn Host) -> Duration {
    let whole = |stamp: Timestamp| {
        Duration::new(u64::try_from(stamp.seconds).unwrap_or_default(), stamp.nanoseconds)
    };
    whole(host.now()).saturating_sub(whole(moment))
}

fn target(params: &Params, host: &mut dyn Host) -> Result<Target, Stop> {
    let refused = |error: Error| Err(Stop::failed(error).with("elapsed", 0));
    let port = params.port.filter(|port| *port != 0);
    match (&params.path, port, params.state) {
        (Some(_), Some(_), _) => return refused(Error::PortAndPath),
        (Some(_), _, State::Stopped) => return refused(Error::PortOnly),
        (Some(_), _, State::Drained) => return refused(Error::DrainedPath),
        (_, _, state) if params.exclude_hosts.is_some() && state != State::Drained => {
            return refused(Error::ExcludeHosts);
        }
        _ => {}
    }
    let states = connections::states(params.active_connection_states.as_deref());
    let states = match states {
        Ok(states) => states,
        Err(unknown) => return refused(Error::ConnectionState(unknown)),
    };
    if let Some(path) = &params.path {
        return Ok(Target::Path(expansion::path(path, host)?));
    }
    let number = |port: u32| u16::try_from(port).map_err(|_| Stop::failed(Error::Port(port)));
    Ok(match (port, params.state) {
        (port, State::Drained) => {
            let excluded = params.exclude_hosts.as_deref().unwrap_or_default();
            let connections = Connections::of(&params.host, excluded, states, host)?;
            Target::Drained(connections, number(port.unwrap_or_default())?)
        }
        (Some(port), _) => Target::Port(number(port)?),
        (None, _) => Target::Nothing,
    })
}

fn pattern(params: &Params, text: &Text) -> Result<Option<Regex>, Stop> {
    let flags = Flags { multi_line: true, ..Flags::default() };
    let compiled = params.search_regex.as_ref().map(|written| {
        text_edit::compile(written, flags, text).map_err(|stop| match stop {
            Stop::Failed(failure) => {
                Stop::failed(format!("Invalid regular expression: {}", failure.message))
            }
            stop => stop,
        })
    });
    compiled.transpose()
}

fn is_reached(
    target: &Target,
    params: &Params,
    left: Duration,
    host: &mut dyn Host,
    returned: &mut Returned,
) -> Result<bool, Stop> {
    let wants_gone = matches!(params.state, State::Stopped | State::Absent);
    match target {
        Target::Nothing => Ok(true),
        Target::Drained(connections, port) => Ok(connections.count(*port, host)? == 0),
        Target::Port(port) => {
            let connect = Duration::from_secs(params.connect_timeout);
            if params.search_regex.is_none() || wants_gone {
                return Ok(host.connects(&params.host, *port, connect)? != wants_gone);
            }
            let patience = Patience { connect, whole: left };
            let mut broken = None;
            let mut enough = |heard: &[u8]| match find(params, heard.to_vec()) {
                Ok(found) => found.is_some(),
                Err(stop) => {
                    broken = Some(stop);
                    true
                }
            };
            let heard = host.hears(&params.host, *port, patience, &mut enough)?;
            broken.map_or(Ok(heard), Err)
        }
        Target::Path(path) => look(path, params, wants_gone, host, returned),
    }
}

/// Whether the file is as it is waited for.
fn look(
    path: &std::path::Path,
    params: &Params,
    wants_gone: bool,
    host: &mut dyn Host,
    returned: &mut Returned,
) -> Result<bool, Stop> {
    let there = host.stat(path, Follow::Yes)?.is_some();
    if wants_gone {
        return Ok(!there);
    }
    if !there || params.search_regex.is_none() {
        return Ok(there);
    }
    let content = match host.read(path) {
        Ok(content) => content,
        // it may be gone again
        Err(HostError::Io { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let Some((groups, named)) = find(params, content)? else { return Ok(false) };
    returned.insert("match_groups".to_owned(), groups);
    returned.insert("match_groupdict".to_owned(), named);
    Ok(true)
}

/// The groups that the pattern finds, by number and by name.
fn find(params: &Params, content: Vec<u8>) -> Result<Option<(Json, Json)>, Stop> {
    let text = Text::read(content);
    let Some(pattern) = pattern(params, &text)? else { return Ok(None) };
    let found = pattern.search(&text.characters).map_err(Stop::failed)?;
    let Some(found) = found else { return Ok(None) };
    let value = |found: &Captures<'_>, index: usize| {
        Json::from(
            found
                .get(index)
                .map(|group| String::from_utf8_lossy(&text.bytes(group.as_str())).into_owned()),
        )
    };
    let groups: Vec<Json> = (1..found.len()).map(|index| value(&found, index)).collect();
    let named: Map<String, Json> = pattern
        .group_names()
        .enumerate()
        .filter_map(|(index, name)| Some((name?.to_owned(), value(&found, index))))
        .collect();
    Ok(Some((Json::from(groups), Json::from(named))))
}

fn timeout_message(params: &Params, target: &Target) -> String {
    let gone = matches!(params.state, State::Stopped | State::Absent);
    match (target, gone) {
        (Target::Port(port), false) => match &params.search_regex {
            Some(pattern) => format!(
                "Timeout when waiting for search string {pattern} in {}:{port}",
                params.host
            ),
            None => format!("Timeout when waiting for {}:{port}", params.host),
        },
        (Target::Drained(_, port), _) => {
            format!("Timeout when waiting for {}:{port} to drain", params.host)
        }
        (Target::Port(port), true) => {
            format!("Timeout when waiting for {}:{port} to stop.", params.host)
        }
        (Target::Path(path), true) => {
            format!("Timeout when waiting for {} to be absent.", path.display())
        }
        (Target::Path(path), false) => match &params.search_regex {
            Some(pattern) => {
                format!("Timeout when waiting for search string {pattern} in {}", path.display())
            }
            None => format!("Timeout when waiting for file {}", path.display()),
        },
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
                json!({"port": 1, "search_regex": "x", "timeout": 1}),
                "Timeout when waiting for search string x in 127.0.0.1:1",
            ),
            (
                json!({"port": 1, "path": "/x"}),
                "port and path parameter can not both be passed to wait_for",
            ),
            (
                json!({"path": "/x", "state": "stopped"}),
                "state=stopped should only be used for checking a port in the wait_for module",
            ),
            (
                json!({"path": "/x", "state": "drained"}),
                "state=drained should only be used for checking a port in the wait_for module",
            ),
            (
                json!({"port": 1, "exclude_hosts": "x"}),
                "exclude_hosts should only be with state=drained",
            ),
            (
                json!({"port": 1, "state": "drained", "active_connection_states": "LISTEN"}),
                "unknown active_connection_state (LISTEN) defined",
            ),
            (
                json!({"path": "/x", "search_regex": "("}),
                "Invalid regular expression: missing ), unterminated subpattern at position 0",
            ),
        ];
        for (arguments, message) in table {
            assert_eq!(wait(arguments.clone()).unwrap_err(), message, "{arguments}");
        }
    }
}

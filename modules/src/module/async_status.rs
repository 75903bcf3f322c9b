//! `ansible.builtin.async_status`: asks how far a job is that `async` started.
//!
//! Follows the module of ansible-core 2.19. Changes nothing but the job's own file. Check mode:
//! full. Diff: none.
//!
//! ```yaml
//! - name: Start a long job
//!   ansible.builtin.command: /usr/local/bin/reindex
//!   async: 3600
//!   poll: 0
//!   register: reindex
//! - name: Wait for it
//!   ansible.builtin.async_status:
//!     jid: "{{ reindex.ansible_job_id }}"
//!   register: job
//!   until: job is finished
//!   retries: 100
//!   delay: 10
//! ```
//!
//! Returns `ansible_job_id`, `started`, `finished`, `results_file`, what the job itself returned,
//! or `erased`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/async_status_module.html>

use std::path::PathBuf;

use serde_json::Value as Json;

use super::expansion;
use crate::contract::{Conclusion, Failure, Module, Plan, Returned, Stop};
use crate::effect::{Applied, Effect};
use crate::host::{Follow, Host};
use crate::{choices, params};

choices! {
    /// What is asked for.
    pub enum JobMode {
        /// How far it is.
        Status = "status",
        /// To forget its result.
        Cleanup = "cleanup",
    }
}

params! {
    /// Parameters of `ansible.builtin.async_status`.
    pub struct Params {
        /// The name of the job.
        jid: String,
        /// What is asked for.
        mode: JobMode = JobMode::Status,
        /// Where results are kept; given by the engine.
        _async_dir: String = "~/.ansible_async".to_owned(),
    }
}

/// The module.
#[derive(Debug)]
pub struct AsyncStatus;

/// What is there of the job.
#[derive(Debug)]
pub struct Observed {
    path: PathBuf,
    /// What its file holds; `None` when there is none.
    content: Option<Vec<u8>>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such job.
    #[error("could not find job")]
    Missing,
}

impl Module for AsyncStatus {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = PathBuf::from(expansion::text(&params._async_dir, host)?).join(&params.jid);
        let content = match host.stat(&path, Follow::Yes)? {
            Some(_) => Some(host.read(&path)?),
            None => None,
        };
        Ok(Observed { path, content })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let path = observed.path.display().to_string();
        plan.returned = frame(params, &path);
        let Some(content) = &observed.content else {
            let mut returned = plan.returned;
            returned.insert("started".to_owned(), Json::from(true));
            returned.insert("finished".to_owned(), Json::from(true));
            return Err(failed(&Error::Missing.to_string(), returned));
        };
        if params.mode == JobMode::Cleanup {
            plan.push(Effect::Remove { path: observed.path.clone() }, "its result is read");
            return Ok(plan);
        }
        // a file that is not written yet: the job runs
        let Ok(Json::Object(result)) = serde_json::from_slice(content) else { return Ok(plan) };
        let over = !result.contains_key("started");
        plan.returned.extend(result);
        if over {
            plan.set("finished", true);
            plan.set("ansible_job_id", params.jid.as_str());
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        _applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let changed = returned.get("changed").and_then(Json::as_bool) == Some(true);
        if returned.shift_remove("failed").and_then(|failed| failed.as_bool()) == Some(true) {
            let message = returned.shift_remove("msg");
            let message = message.map(|text| crate::params::plain(&text)).unwrap_or_default();
            return Err(failed(&message, returned));
        }
        Ok(Conclusion { changed, returned })
    }
}

/// The fields that are always there.
fn frame(params: &Params, path: &str) -> Returned {
    let status = params.mode == JobMode::Status;
    let mut returned = Returned::new();
    let mut set = |name: &str, value: Json| returned.insert(name.to_owned(), value);
    set("started", Json::from(status));
    set("finished", Json::from(false));
    for stream in ["stdout", "stderr"] {
        set(stream, Json::from(""));
    }
    for lines in ["stdout_lines", "stderr_lines"] {
        set(lines, Json::Array(Vec::new()));
    }
    set("ansible_job_id", Json::from(params.jid.as_str()));
    set(if status { "results_file" } else { "erased" }, Json::from(path));
    returned
}

fn failed(message: &str, returned: Returned) -> Stop {
    Stop::Failed(Box::new(Failure { message: message.to_owned(), returned }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::execute::{Execution, execute};
    use crate::host::fake::FakeHost;
    use crate::wire::Status;

    #[test]
    fn a_job_is_told_by_its_file() {
        let mut host = FakeHost::new();
        host.directory("/j", 0o700);
        host.file("/j/run.1", r#"{"started": true, "finished": false, "ansible_job_id": "run.1"}"#);
        host.file("/j/new.2", "");
        host.file("/j/done.3", r#"{"changed": true, "rc": 0, "stdout": "a"}"#);
        host.file("/j/bad.4", r#"{"changed": true, "rc": 1, "failed": true, "msg": "no"}"#);
        let table = [
            ("run.1", Status::Ok, json!({"started": true, "finished": false, "stdout": ""})),
            ("new.2", Status::Ok, json!({"started": true, "finished": false})),
            ("done.3", Status::Changed, json!({"started": true, "finished": true, "stdout": "a"})),
            ("bad.4", Status::Failed, json!({"finished": true, "msg": "no", "rc": 1})),
            ("none", Status::Failed, json!({"finished": true, "msg": "could not find job"})),
        ];
        for (jid, status, expected) in table {
            let arguments = json!({"jid": jid, "_async_dir": "/j"});
            let arguments = arguments.as_object().unwrap();
            let done =
                execute::<AsyncStatus>("x", Execution { host: &mut host, arguments, diff: false });
            assert_eq!(done.status, status, "{jid}");
            assert_eq!(done.returned["ansible_job_id"], json!(jid));
            assert_eq!(done.returned["results_file"], json!(format!("/j/{jid}")));
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&done.returned[field], value, "{jid} {field}");
            }
        }
        let arguments = json!({"jid": "run.1", "_async_dir": "/j", "mode": "cleanup"});
        let done = crate::recorded::run::<AsyncStatus>(&mut host, &arguments);
        assert_eq!((done.status, done.returned["erased"].clone()), (Status::Ok, json!("/j/run.1")));
        assert!(!host.paths("/j").contains(&"/j/run.1".to_owned()));
    }
}

//! `ansible.builtin.fetch`: brings a file of the host to the controller, the part on the host.
//!
//! Follows the module of ansible-core 2.19. The engine writes the file. Check mode: full. Diff:
//! none.
//!
//! ```yaml
//! - name: Keep the certificate of each host
//!   ansible.builtin.fetch:
//!     src: /etc/ssl/site.pem
//!     dest: certificates
//! ```
//!
//! Gives the engine `content` in base64, `encoding`, `source` and `remote_checksum` (SHA-1); no
//! `content` but `msg` and `file` where there is nothing to fetch and `fail_on_missing` is off.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/fetch_module.html>

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{host_path, slurp};
use crate::contract::{Module, Plan, Stop};
use crate::host::{DigestAlgorithm, FileKind, Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.fetch`.
    pub struct Params {
        /// The file on the host.
        src: PathBuf,
        /// Where it goes on the controller; the engine's.
        dest: PathBuf,
        /// Whether a missing file is a failure.
        fail_on_missing: bool = true,
        /// Whether `dest` is the file, not a directory for files by host; the engine's.
        flat: bool = false,
        /// Whether the checksums are compared after; the engine's.
        validate_checksum: bool = true,
    }
}

/// What is there.
#[derive(Debug)]
pub enum Observed {
    /// A file.
    File {
        /// Its path.
        source: PathBuf,
        /// What it holds.
        content: Vec<u8>,
        /// SHA-1 of it.
        checksum: String,
    },
    /// A file that cannot be read, and need not.
    Closed {
        /// The path.
        source: PathBuf,
    },
    /// Nothing to fetch.
    Nothing {
        /// The path.
        source: PathBuf,
        /// Why not.
        reason: Error,
    },
}

/// Why nothing is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("the remote file does not exist, not transferring, ignored")]
    Missing,
    /// It is no file.
    #[error("remote file is a directory, fetch cannot work on directories")]
    Directory,
}

/// The module.
#[derive(Debug)]
pub struct Fetch;

impl Module for Fetch {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let source = host_path::expand(host, &params.src)?;
        let reason = match host.stat(&source, Follow::Yes)? {
            None => Error::Missing,
            Some(stat) if stat.kind == FileKind::Directory => Error::Directory,
            Some(_) => {
                let content = match host.read(&source) {
                    Err(HostError::Io { source: error, .. })
                        if error.kind() == std::io::ErrorKind::PermissionDenied =>
                    {
                        if !params.fail_on_missing {
                            return Ok(Observed::Closed { source });
                        }
                        let name = source.display().to_string();
                        return Err(Stop::failed(slurp::Error::Unreadable(name)));
                    }
                    content => content?,
                };
                let checksum = host.digest(&source, DigestAlgorithm::Sha1)?;
                return Ok(Observed::File { source, content, checksum });
            }
        };
        Ok(Observed::Nothing { source, reason })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        match observed {
            Observed::File { source, content, checksum } => {
                plan.set("content", STANDARD.encode(content));
                plan.set("encoding", "base64");
                plan.set("source", source.display().to_string());
                plan.set("remote_checksum", checksum.as_str());
            }
            Observed::Closed { source } => plan.set("file", source.display().to_string()),
            Observed::Nothing { reason, .. } if params.fail_on_missing => {
                return Err(Stop::failed(reason));
            }
            Observed::Nothing { reason: Error::Directory, .. } => {
                plan.set("msg", format!("{}, not transferring, ignored", Error::Directory));
            }
            Observed::Nothing { source, reason } => {
                plan.set("msg", reason.to_string());
                plan.set("file", source.display().to_string());
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::execute::{Execution, execute};
    use crate::host::fake::FakeHost;
    use crate::wire::Status;

    #[test]
    fn a_file_comes_with_its_checksum_and_nothing_with_a_reason() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "zzz");
        let missing = "the remote file does not exist, not transferring, ignored";
        let directory = "remote file is a directory, fetch cannot work on directories";
        for (source, strict, status, field, value) in [
            ("/tmp/f", true, Status::Ok, "content", "enp6"),
            (
                "/tmp/f",
                true,
                Status::Ok,
                "remote_checksum",
                "40fa37ec00c761c7dbb6ebdee6d4a260b922f5f4",
            ),
            ("/tmp/none", true, Status::Failed, "msg", missing),
            ("/tmp/none", false, Status::Ok, "msg", missing),
            ("/tmp/none", false, Status::Ok, "file", "/tmp/none"),
            ("/tmp", true, Status::Failed, "msg", directory),
        ] {
            let arguments = json!({"src": source, "dest": "x", "fail_on_missing": strict});
            let arguments = arguments.as_object().unwrap();
            let execution = Execution { host: &mut host, arguments, diff: false };
            let done = execute::<Fetch>("ansible.builtin.fetch", execution);
            assert_eq!((done.status, &done.returned[field]), (status, &json!(value)));
        }
    }
}

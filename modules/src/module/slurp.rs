//! `ansible.builtin.slurp`: reads a file of the host.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none.
//!
//! ```yaml
//! - name: Read the key of the host
//!   ansible.builtin.slurp:
//!     src: /etc/ssh/ssh_host_ed25519_key.pub
//!   register: key
//! ```
//!
//! Returns `content` in base64, `encoding` and `source`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/slurp_module.html>

use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::host_path;
use crate::contract::{Module, Plan, Stop};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.slurp`.
    pub struct Params {
        /// The file.
        src ("path"): PathBuf,
    }
}

/// The file that was read.
#[derive(Debug)]
pub struct Observed {
    source: PathBuf,
    content: Vec<u8>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("File not found: {0}")]
    Missing(String),
    /// A file stands where a folder of its path should.
    #[error("Unable to slurp file: Not a directory: {0}")]
    BelowFile(String),
    /// It is no file.
    #[error("Source is a directory and must be a file: {0}")]
    Directory(String),
    /// The runner's user may not.
    #[error("File is not readable: {0}")]
    Unreadable(String),
}

/// The module.
#[derive(Debug)]
pub struct Slurp;

impl Module for Slurp {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let source = host_path::expand(host, &params.src)?;
        let name = source.display().to_string();
        let is_denied = |error: &HostError| {
            matches!(error, HostError::Io { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied)
        };
        let stat = match host.stat(&source, Follow::Yes) {
            // a folder above it may be closed
            Err(error) if is_denied(&error) => return Err(Stop::failed(Error::Unreadable(name))),
            found => found?,
        };
        let Some(stat) = stat else {
            let above = source.ancestors().skip(1).map(|folder| host.stat(folder, Follow::Yes));
            let nearest = above.filter_map(Result::ok).flatten().next();
            return Err(Stop::failed(match nearest {
                Some(nearest) if nearest.kind != FileKind::Directory => Error::BelowFile(name),
                _ => Error::Missing(name),
            }));
        };
        if stat.kind == FileKind::Directory {
            return Err(Stop::failed(Error::Directory(name)));
        }
        match host.read(&source) {
            Ok(content) => Ok(Observed { source, content }),
            Err(error) if is_denied(&error) => Err(Stop::failed(Error::Unreadable(name))),
            Err(error) => Err(error.into()),
        }
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("content", STANDARD.encode(&observed.content));
        plan.set("encoding", "base64");
        plan.set("source", observed.source.display().to_string());
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::execute::{Execution, execute};
    use crate::host::fake::FakeHost;

    #[test]
    fn a_file_is_read_and_what_is_none_refused() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "zzz");
        for (source, field, value) in [
            ("/tmp/f", "content", "enp6"),
            ("/tmp/f", "encoding", "base64"),
            ("/tmp/f", "source", "/tmp/f"),
            ("/tmp/none", "msg", "File not found: /tmp/none"),
            ("/tmp/f/g", "msg", "Unable to slurp file: Not a directory: /tmp/f/g"),
            ("/tmp", "msg", "Source is a directory and must be a file: /tmp"),
        ] {
            let arguments = json!({"path": source});
            let arguments = arguments.as_object().unwrap();
            let execution = Execution { host: &mut host, arguments, diff: false };
            let done = execute::<Slurp>("ansible.builtin.slurp", execution);
            assert_eq!(done.returned[field], json!(value));
        }
    }
}

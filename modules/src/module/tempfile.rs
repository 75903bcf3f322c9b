//! `ansible.builtin.tempfile`: makes a file or directory of a new name.
//!
//! Follows the module of ansible-core 2.19. Check mode: full (the name is another in the run).
//! Diff: full.
//!
//! ```yaml
//! - name: Make room for the build
//!   ansible.builtin.tempfile:
//!     state: directory
//!     suffix: build
//!   register: room
//! ```
//!
//! Returns `path`, `state`, `mode`, `owner`, `group`, `uid`, `gid`, `size`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/tempfile_module.html>

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};

use super::{file_attributes, host_path};
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::{Attributes, Content, Effect, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::{choices, params};

choices! {
    /// What is made.
    pub enum State {
        /// A file.
        File = "file",
        /// A directory.
        Directory = "directory",
    }
}

params! {
    /// Parameters of `ansible.builtin.tempfile`.
    pub struct Params {
        /// What is made.
        state: State = State::File,
        /// The directory; by default the host's for temporary files.
        path: Option<PathBuf>,
        /// Start of the name.
        prefix: String = "ansible.".to_owned(),
        /// End of the name.
        suffix: String = String::new(),
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is missing.
    #[error("[Errno 2] No such file or directory: '{0}'")]
    NoDirectory(String),
    /// Nothing free was found.
    #[error("[Errno 17] No usable temporary file name found")]
    NoName,
    /// A part of the name leads elsewhere.
    #[error("{0} must be a valid file name component")]
    Component(&'static str),
}

/// The module.
#[derive(Debug)]
pub struct Tempfile;

impl Module for Tempfile {
    type Params = Params;
    /// The new path.
    type Observed = PathBuf;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<PathBuf, Stop> {
        for (option, part) in [("prefix", &params.prefix), ("suffix", &params.suffix)] {
            if part.contains('/') {
                return Err(Stop::failed(Error::Component(option)));
            }
        }
        let directory = match &params.path {
            Some(path) => host_path::expand(host, path)?,
            None => temporary_directory(host)?,
        };
        for _ in 0..100 {
            let path =
                directory.join(format!("{}{}{}", params.prefix, random_name(), params.suffix));
            let there = host.stat(&directory, Follow::Yes)?;
            if there.is_none_or(|stat| stat.kind != FileKind::Directory) {
                return Err(Stop::failed(Error::NoDirectory(path.display().to_string())));
            }
            if host.stat(&path, Follow::No)?.is_none() {
                return Ok(path);
            }
        }
        Err(Stop::failed(Error::NoName))
    }

    fn plan(params: &Params, path: &PathBuf) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let effect = match params.state {
            State::Directory => Effect::MakeDirectory { path: path.clone(), mode: Some(0o700) },
            State::File => Effect::WriteFile(WriteFile {
                path: path.clone(),
                content: Content::Bytes(Vec::new()),
                attributes: Attributes { mode: Some(0o600), ..Attributes::default() },
                validate: None,
                backup: false,
                unsafe_writes: false,
            }),
        };
        plan.push(effect, "each run makes a new one");
        plan.set("path", path.display().to_string());
        Ok(plan)
    }

    fn revisit(
        _params: &Params,
        path: &PathBuf,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        Ok(file_attributes::describe(host, path, returned)?)
    }
}

fn temporary_directory(host: &mut dyn Host) -> Result<PathBuf, HostError> {
    for variable in ["TMPDIR", "TEMP", "TMP"] {
        if let Some(path) = host.environment(variable).filter(|path| !path.is_empty()) {
            let stat = host.stat(Path::new(&path), Follow::Yes)?;
            if stat.is_some_and(|stat| stat.kind == FileKind::Directory) {
                return Ok(PathBuf::from(path));
            }
        }
    }
    Ok(PathBuf::from("/tmp"))
}

/// Eight characters that nobody can guess.
fn random_name() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_";
    (0..8u64)
        .filter_map(|count| {
            // each state is seeded from the system's random numbers
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(count);
            let index = hasher.finish() % LETTERS.len() as u64;
            LETTERS.get(usize::try_from(index).ok()?).copied().map(char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::execute::{Executed, Execution, execute};
    use crate::host::fake::FakeHost;
    use crate::wire::Status;

    fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
        let arguments = arguments.as_object().unwrap();
        execute::<Tempfile>("ansible.builtin.tempfile", Execution { host, arguments, diff: false })
    }

    #[test]
    fn each_run_makes_a_new_one() {
        let mut host = FakeHost::new();
        host.directory("/tmp/d", 0o755);
        let first = run(&mut host, &json!({}));
        let second = run(&mut host, &json!({}));
        assert_eq!((&first.status, &first.returned["mode"]), (&Status::Changed, &json!("0600")));
        assert_ne!(first.returned["path"], second.returned["path"]);
        let path = first.returned["path"].as_str().unwrap();
        assert!(path.starts_with("/tmp/ansible.") && path.len() == 21, "{path}");
        let arguments =
            json!({"state": "directory", "prefix": "yy", "suffix": ".x", "path": "/tmp/d"});
        let done = run(&mut host, &arguments);
        let path = done.returned["path"].as_str().unwrap();
        assert!(path.starts_with("/tmp/d/yy") && path.ends_with(".x"), "{path}");
        assert_eq!(
            (&done.returned["mode"], &done.returned["state"]),
            (&json!("0700"), &json!("directory"))
        );
        let done = run(&mut host, &json!({"path": "/tmp/none"}));
        assert!(done.returned["msg"].as_str().unwrap().starts_with("[Errno 2]"));
    }
}

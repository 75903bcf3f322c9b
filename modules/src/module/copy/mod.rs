//! `ansible.builtin.copy`: puts a file or a tree in its place, the part on the host.
//!
//! Follows the module of ansible-core 2.19. The engine reads the controller's files: it sends
//! one task a file with `_canvass_source` (or `content`), expands directories and replaces
//! `mode: preserve` by the mode that it saw. With `remote_src` all happens here. Check mode:
//! full. Diff: full.
//!
//! Files are compared by SHA-1; the content of an equal file is not sent.
//!
//! Differs: after copying a directory with `remote_src` into a new one, `dest` names the copy in
//! the first run too; what was copied of a directory with one file counts as a change, also where
//! Ansible tells of its last directory; an unknown owner is refused before anything is written.
//!
//! ```yaml
//! - name: Greet who logs in
//!   ansible.builtin.copy:
//!     content: "This is {{ inventory_hostname }}\n"
//!     dest: /etc/motd
//!     mode: "0644"
//! ```
//!
//! Returns `dest`, `src`, `checksum` (SHA-1), `md5sum` when written, `backup_file` with `backup`,
//! `path` when nothing was written, and of what is there `state`, `mode`, `owner`, `group`, `uid`,
//! `gid`, `size`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/copy_module.html>

mod observe;
mod plan;
#[cfg(test)]
mod tests;
mod tree;

use std::path::PathBuf;

use serde_json::Value as Json;

pub use self::observe::Observed;
pub(crate) use self::observe::python_json;
use super::file_attributes::{self, FileAttributes};
use super::file_mode::FileMode;
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Source};
use crate::host::{DigestAlgorithm, Follow, Host, HostError};
use crate::params;
use crate::params::{OptionSpec, Reader, Rule};
use crate::wire::{MISSING_ARGUMENT, PARENTS_ARGUMENT, SOURCE_ARGUMENT};

params! {
    /// Parameters of `ansible.builtin.copy`.
    pub struct Params {
        /// The file or directory to copy; on the host with `remote_src`. A directory that ends
        /// with `/` gives its content, else itself.
        src: Option<PathBuf>,
        /// The content of the file, instead of `src`.
        content: Option<Json>,
        /// Where to; a path that ends with `/` and an existing directory take the name of `src`.
        dest: PathBuf,
        /// Name that the file has on the controller; set by the engine.
        _original_basename: Option<String>,
        /// Whether `src` is on the host.
        remote_src: bool = false,
        /// Permission bits of the directories that are made.
        directory_mode: Option<FileMode>,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Command that must accept the new file, with `%s` for its name.
        validate: Option<String>,
        /// Whether a file that is there is replaced.
        force ("thirsty"): bool = true,
        /// Whether a link at `dest` is followed.
        follow: bool = false,
        /// Whether links in `src` are followed: on the controller by the engine, where that is the
        /// default; below a directory of the host only when asked for.
        local_follow: Option<bool>,
        /// SHA-1 that the content must have.
        checksum: Option<String>,
        /// Whether vaulted files are decrypted; the engine does it.
        decrypt: bool = true,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
        /// What the engine holds for this task.
        @flatten engine: EngineSource,
    }
    rules [Rule::MutuallyExclusive(&["src", "content"])]
}

/// The content that the engine holds for a task (`_canvass_source`); no option of a playbook.
#[derive(Debug, Clone, Default)]
pub struct EngineSource {
    /// What it holds.
    pub source: Option<Source>,
    /// Whether missing directories above the file are taken as made ([`PARENTS_ARGUMENT`]).
    pub supposes_parents: bool,
    /// Why it holds nothing ([`MISSING_ARGUMENT`]).
    pub missing: Option<String>,
}

impl params::Params for EngineSource {
    fn options() -> Vec<OptionSpec> {
        Vec::new()
    }

    fn rules() -> Vec<Rule> {
        Vec::new()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let value = reader.take::<Option<Json>>(SOURCE_ARGUMENT, &[], None)?;
        let supposes_parents = reader.take::<Option<bool>>(PARENTS_ARGUMENT, &[], None)?;
        Some(Self {
            missing: reader.take::<Option<String>>(MISSING_ARGUMENT, &[], None)?,
            source: value.and_then(|value| serde_json::from_value(value).ok()),
            supposes_parents: supposes_parents.unwrap_or_default(),
        })
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither option is given.
    #[error("src (or content) is required")]
    NothingToCopy,
    /// The engine sent no content for `src`.
    #[error("the content of {0} was not sent")]
    NotSent(String),
    /// `content` has no name to take.
    #[error("can not use content with a dir as dest")]
    ContentToDirectory,
    /// It is not there.
    #[error("Source {0} not found")]
    NoSource(String),
    /// It is neither file nor directory.
    #[error("Cannot copy invalid source '{0}': not a file")]
    Special(String),
    /// A link that shall be followed leads to nothing.
    #[error("{0} cannot be copied: the link leads to nothing")]
    DanglingLink(String),
    /// A link that shall be followed leads to a directory that holds it.
    #[error("{0} cannot be copied: the link leads to a directory that holds it")]
    CircularLink(String),
    /// The parent is missing.
    #[error("Destination directory {0} does not exist")]
    NoDirectory(String),
    /// An ancestor is no directory.
    #[error("Destination {0} cannot be made: an ancestor is not a directory")]
    AncestorNotDirectory(String),
    /// A file would be copied over a directory.
    #[error("cannot copy file {from} over {to}, which is no file")]
    OverDirectory {
        /// The source.
        from: String,
        /// What is there.
        to: String,
    },
    /// A directory would be copied over something else.
    #[error("cannot copy directory {from} over {to}, which is no directory")]
    OverFile {
        /// The source.
        from: String,
        /// What is there.
        to: String,
    },
    /// The content is another.
    #[error("Copied file does not match the expected checksum. Transfer failed.")]
    Checksum,
    /// No place for the file's name.
    #[error("validate must contain %s: {0}")]
    Validate(String),
}

/// The module.
#[derive(Debug)]
pub struct Copy;

impl Module for Copy {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        plan::plan(params, observed)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        Ok(with_backup(plan, applied, "backup_file"))
    }

    fn explain(_: &Params, observed: &Observed, _: &Planned, error: HostError) -> Stop {
        refused(observed, error)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        if observed.is_kept(params) {
            return Ok(());
        }
        file_attributes::describe(host, &observed.dest, returned)?;
        let is_file = observed.source.is_file();
        let wrote = is_file && (params.remote_src || !observed.is_same());
        if wrote && host.stat(&observed.dest, Follow::Yes)?.is_some() {
            let digest = host.digest(&observed.dest, DigestAlgorithm::Md5)?;
            returned.insert("md5sum".to_owned(), digest.into());
        }
        Ok(())
    }
}

/// What is said of a file that the program which validates it refuses.
pub(crate) fn refused(observed: &Observed, error: HostError) -> Stop {
    let HostError::Validation { output, .. } = error else { return Stop::Host(error) };
    Stop::failed("failed to validate")
        .with("exit_status", output.status)
        .with("stdout", output.stdout_text())
        .with("stderr", output.stderr_text())
        .with("checksum", observed.checksum())
}

/// The result of a plan, with the place of the old file in a field.
pub(crate) fn with_backup(plan: &Plan, applied: &[Applied], field: &str) -> Conclusion {
    let mut returned = plan.returned.clone();
    for outcome in applied {
        if let Applied::Written { backup: Some(path), .. } = outcome {
            returned.insert(field.to_owned(), path.display().to_string().into());
        }
    }
    Conclusion { changed: plan.changes(), returned }
}

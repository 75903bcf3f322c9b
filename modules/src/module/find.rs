//! `ansible.builtin.find`: lists files of the host by name, age, size, content and mode.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none.
//!
//! Differs: the files come sorted by name within each directory; with `follow` a link that leads
//! back up is listed and not descended into.
//!
//! ```yaml
//! - name: Find logs of last month
//!   ansible.builtin.find:
//!     paths: /var/log/site
//!     patterns: "*.log"
//!     age: 4w
//!   register: old
//! ```
//!
//! Returns `files` (as `stat` tells them, with `checksum` on demand), `matched`, `examined`,
//! `skipped_paths`, `msg`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/find_module.html>

mod filter;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use self::filter::{Filter, Verdict};
use super::file_facts::{ChecksumAlgorithm, facts};
use super::file_mode::FileMode;
use super::host_path;
use crate::contract::{Module, Plan, Stop};
use crate::host::{FileKind, Follow, Host};
use crate::{choices, params};

choices! {
    /// What is listed.
    pub enum FileType {
        /// Anything.
        Any = "any",
        /// Directories.
        Directory = "directory",
        /// Regular files.
        File = "file",
        /// Symbolic links.
        Link = "link",
    }
}

choices! {
    /// The time that `age` means.
    pub enum AgeStamp {
        /// Of the last access.
        Access = "atime",
        /// Of the last change of the status.
        Status = "ctime",
        /// Of the last change of the content.
        Modification = "mtime",
    }
}

params! {
    /// Parameters of `ansible.builtin.find`.
    pub struct Params {
        /// The directories.
        paths ("name", "path"): Vec<PathBuf>,
        /// Names, with `*`, `?` and `[…]`, or regular expressions with `use_regex`.
        patterns ("pattern"): Option<Vec<String>>,
        /// Names that are left out.
        excludes ("exclude"): Option<Vec<String>>,
        /// Pattern that a line of the file must start with.
        contains: Option<String>,
        /// How files are read for `contains`; UTF-8 by default.
        encoding: Option<String>,
        /// Whether `contains` is searched in the whole content.
        read_whole_file: bool = false,
        /// What is listed.
        file_type: FileType = FileType::File,
        /// Least age, or with a minus greatest: a number with `s`, `m`, `h`, `d`, `w`.
        age: Option<String>,
        /// The time that `age` means.
        age_stamp: AgeStamp = AgeStamp::Modification,
        /// Least size, or with a minus greatest: a number with `b`, `k`, `m`, `g`, `t`.
        size: Option<String>,
        /// Permission bits of which one must be set, or all with `exact_mode`.
        mode: Option<FileMode>,
        /// Whether the permission bits must be those of `mode` and no other.
        exact_mode: bool = true,
        /// Whether directories are descended into.
        recurse: bool = false,
        /// How deep, the directory itself is 1.
        depth: Option<i64>,
        /// Whether names that start with a dot are listed.
        hidden: bool = false,
        /// Whether links to directories are descended into.
        follow: bool = false,
        /// Whether the checksum of files is told.
        get_checksum: bool = false,
        /// The digest of `checksum`.
        checksum_algorithm ("checksum", "checksum_algo"): ChecksumAlgorithm = ChecksumAlgorithm::Sha1,
        /// Whether names are regular expressions.
        use_regex: bool = false,
        /// Most files that are listed.
        limit: Option<i64>,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an age.
    #[error("failed to process age")]
    Age,
    /// Not a size.
    #[error("failed to process size")]
    Size,
    /// No such encoding.
    #[error("unknown encoding: {0}")]
    Encoding(String),
    /// A file is not written in it.
    #[error(
        "Failed to read the file {path} due to an encoding error. current encoding: {encoding}"
    )]
    Undecodable {
        /// The file.
        path: String,
        /// The encoding.
        encoding: String,
    },
    /// Nothing may be listed.
    #[error("limit cannot be 0 (use None for unlimited)")]
    NoLimit,
}

/// The module.
#[derive(Debug)]
pub struct Find;

/// What was found.
#[derive(Debug, Default)]
pub struct Observed {
    files: Vec<Json>,
    examined: usize,
    skipped: Map<String, Json>,
    limited: Option<i64>,
}

impl Module for Find {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let filter = Filter::read(params, host.now())?;
        let mut observed = Observed::default();
        for path in &params.paths {
            let path = host_path::expand(host, path)?;
            let name = path.display().to_string();
            let directory = host.stat(&path, Follow::Yes)?;
            if directory.is_none_or(|stat| stat.kind != FileKind::Directory) {
                let reason = format!("'{name}' is not a directory");
                observed.skipped.insert(name, reason.into());
                continue;
            }
            match walk(params, &filter, &path, &mut Vec::new(), host, &mut observed) {
                // a file that cannot be read as text ends the look at this path
                Err(Stop::Failed(failure)) => {
                    observed.skipped.insert(name, failure.message.into());
                }
                walked => walked?,
            }
        }
        Ok(observed)
    }

    fn plan(_params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let message = match (observed.limited, observed.skipped.is_empty()) {
            (Some(_), _) => "Limit of matches reached".to_owned(),
            (None, true) => "All paths examined".to_owned(),
            (None, false) => "Not all paths examined, check warnings for details".to_owned(),
        };
        plan.set("msg", message);
        plan.set("matched", observed.files.len());
        plan.set("examined", observed.examined);
        plan.set("files", observed.files.clone());
        plan.set("skipped_paths", observed.skipped.clone());
        let warnings: Vec<String> = observed
            .skipped
            .iter()
            .map(|(path, reason)| {
                let reason = reason.as_str().unwrap_or_default();
                format!("Skipped '{path}' path due to this access issue: {reason}\n")
            })
            .collect();
        if !warnings.is_empty() {
            plan.set("warnings", warnings);
        }
        Ok(plan)
    }
}

/// The depth at which links of a rehearsal are taken for a circle, as the kernel does.
const MOST_LINKS: usize = 40;

/// Lists a directory, then those below it.
fn walk(
    params: &Params,
    filter: &Filter,
    directory: &Path,
    above: &mut Vec<(u64, u64)>,
    host: &mut dyn Host,
    observed: &mut Observed,
) -> Result<(), Stop> {
    let names = match host.list(directory) {
        Ok(names) => names,
        Err(error) => {
            // a directory that may not be read is passed over, as Ansible does
            let reason = error.to_string();
            observed.skipped.insert(directory.display().to_string(), reason.into());
            return Ok(());
        }
    };
    observed.examined += names.len();
    let depth = above.len() + 1;
    if params.depth.is_some_and(|deepest| usize::try_from(deepest).is_ok_and(|most| depth > most)) {
        return Ok(());
    }
    let mut below = Vec::new();
    for name in names {
        let path = directory.join(&name);
        let Some(stat) = host.stat(&path, Follow::No)? else { continue };
        let descends = match stat.kind {
            FileKind::Directory => true,
            FileKind::Link if params.follow => {
                let end = host.stat(&path, Follow::Yes)?;
                end.is_some_and(|stat| stat.kind == FileKind::Directory)
            }
            _ => false,
        };
        if descends && params.recurse {
            below.push(path.clone());
        }
        if observed.limited.is_some() {
            return Ok(());
        }
        let passes = match filter.judge(&name, &stat)? {
            Verdict::Yes => true,
            Verdict::No => false,
            Verdict::ByContent => match host.read(&path) {
                Ok(content) => filter.is_in(&path, content)?,
                Err(_) => false,
            },
        };
        if !passes {
            continue;
        }
        let mut told = facts(&path.display().to_string(), &stat);
        if params.get_checksum && stat.kind == FileKind::File {
            let digest = host.digest(&path, params.checksum_algorithm.into())?;
            told.insert("checksum".to_owned(), digest.into());
        }
        observed.files.push(Json::Object(told));
        let full = params.limit.filter(|limit| {
            usize::try_from(*limit).is_ok_and(|limit| observed.files.len() >= limit)
        });
        if full.is_some() {
            observed.limited = full;
            return Ok(());
        }
    }
    let Some(here) = host.stat(directory, Follow::Yes)? else { return Ok(()) };
    let here = (here.device, here.inode);
    // a link that leads back up; directories of a rehearsal have no number, but some depth
    let circles = if here.1 == 0 { above.len() > MOST_LINKS } else { above.contains(&here) };
    if circles {
        return Ok(());
    }
    above.push(here);
    for path in below {
        walk(params, filter, &path, above, host, observed)?;
    }
    above.pop();
    Ok(())
}

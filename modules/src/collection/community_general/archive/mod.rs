//! `community.general.archive`: packs files and trees of the host.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: that the archive is new, or its
//! attributes.
//!
//! Differs: an archive whose members are as they would be packed is left as it is, and a change is
//! one, too, where only what is packed already goes; an archive never packs itself; sizes may
//! differ, as the library that compresses is another.
//!
//! ```yaml
//! - name: Pack the logs of last month
//!   community.general.archive:
//!     path: /var/log/app/*.log
//!     dest: /srv/archive/app.tar.xz
//!     format: xz
//!     remove: true
//! ```
//!
//! Returns `archived`, `dest`, `dest_state`, `arcroot`, `missing`, `expanded_paths`,
//! `expanded_exclude_paths`.

mod observe;
mod paths;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use self::observe::Observed;
use self::observe::Source;
use crate::contract::{Module, Plan, Planned, Returned, Stop};
use crate::effect::{Compression, Content, Effect, Member, PackFormat, Packed, WriteFile};
use crate::host::{FileKind, Host, HostError};
use crate::module::file_attributes::{self, FileAttributes};
use crate::{choices, params};

choices! {
    /// How files are packed.
    pub enum Format {
        /// Compressed with bzip2.
        Bz2 = "bz2",
        /// Compressed with gzip.
        Gz = "gz",
        /// Not compressed.
        Tar = "tar",
        /// Compressed with LZMA.
        Xz = "xz",
        /// A zip file.
        Zip = "zip",
    }
}

params! {
    /// Parameters of `community.general.archive`.
    pub struct Params {
        /// Files and trees, by paths or patterns of paths.
        path: Vec<PathBuf>,
        /// How they are packed.
        format: Format = Format::Gz,
        /// The archive; by default the path of a single file with the format as its ending.
        dest: Option<PathBuf>,
        /// Paths, or patterns of paths, that are left out of `path`.
        exclude_path: Option<Vec<PathBuf>>,
        /// Patterns of names that are left out of trees.
        exclusion_patterns: Option<Vec<PathBuf>>,
        /// Whether a single file becomes an archive, too.
        force_archive: bool = false,
        /// Whether what was packed is removed.
        remove: bool = false,
        /// Owner, group and mode of the archive.
        @flatten attributes: FileAttributes,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The patterns match nothing.
    #[error("Error, no source paths were found")]
    NoSource,
    /// An archive needs a name.
    #[error("Error, must specify \"dest\" when archiving multiple files or trees")]
    NoDest,
    /// It would remove itself.
    #[error("Error, created archive can not be contained in source paths when remove=true")]
    Inside,
    /// A file cannot be packed.
    #[error("Error when writing {format} archive at {dest}: {reason}")]
    Write {
        /// The kind.
        format: String,
        /// The archive.
        dest: String,
        /// Why not.
        reason: String,
    },
    /// A file cannot be compressed.
    #[error("Unable to write to compressed file: {0}")]
    Compress(String),
}

/// The module.
#[derive(Debug)]
pub struct Archive;

impl Format {
    fn compression(self) -> Compression {
        match self {
            Self::Bz2 => Compression::Bzip2,
            Self::Gz => Compression::Gzip,
            Self::Xz => Compression::Xz,
            Self::Tar | Self::Zip => Compression::None,
        }
    }
}

impl Module for Archive {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let differs = match (&observed.there, observed.sources.is_empty()) {
            (_, true) => false,
            (None, _) => true,
            (Some((_, members)), _) => *members != observed.members,
        };
        if differs {
            let wanted = &observed.wanted;
            let attributes = match &observed.there {
                Some((stat, _)) => wanted.for_replaced(stat),
                None => wanted.for_new(FileKind::File),
            };
            let members = observed
                .packed
                .iter()
                .map(|Source { path, name, .. }| Member { path: path.clone(), name: name.clone() });
            let packed = Packed { format: observed.format, members: members.collect() };
            let write = WriteFile {
                path: observed.dest.clone(),
                content: Content::Packed(packed),
                attributes,
                validate: None,
                backup: false,
                unsafe_writes: params.attributes.unsafe_writes,
            };
            let reason =
                if observed.there.is_some() { "its members differ" } else { "it is absent" };
            plan.push(Effect::WriteFile(write), reason);
        } else if let Some((stat, _)) = &observed.there {
            observed.wanted.plan(&observed.dest, stat, &mut plan);
        }
        if params.remove {
            for path in &observed.removed {
                plan.push(Effect::Remove { path: path.clone() }, "it is packed");
            }
        }
        for (field, value) in observed.returned() {
            plan.set(field, value);
        }
        Ok(plan)
    }

    fn revisit(
        _: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        Ok(file_attributes::describe(host, &observed.dest, returned)?)
    }

    fn explain(params: &Params, observed: &Observed, planned: &Planned, error: HostError) -> Stop {
        let (HostError::Io { .. }, Effect::WriteFile(write)) = (&error, &planned.effect) else {
            return Stop::Host(error);
        };
        let (dest, reason) = (write.path.display().to_string(), error.in_python(&write.path));
        if matches!(observed.format, PackFormat::Single(_)) {
            let path = observed.sources.join(", ");
            let stop = Stop::failed(Error::Compress(reason)).with("dest", dest);
            let mut looked = Returned::new();
            if let [only] = observed.packed.as_slice() {
                file_attributes::add_stat(&only.stat, &mut looked);
            }
            let stop = looked.into_iter().fold(stop, |stop, (name, value)| stop.with(&name, value));
            return stop.with("path", path);
        }
        let format = match params.format {
            Format::Zip | Format::Tar => params.format.word().to_owned(),
            other => format!("tar.{other}"),
        };
        Stop::failed(Error::Write { format, dest, reason })
    }
}

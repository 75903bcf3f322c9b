//! What archives would bring, unpacked in a private place.

use std::path::Path;
use std::sync::Arc;

use super::overlay::{Below, Body, Entry, Sight};
use super::{KEPT_CONTENT, RehearsalHost};
use crate::effect::Unpack;
use crate::host::{FileKind, FileStat, Follow, Host, HostError};

/// The most that an archive may hold to be unpacked for a rehearsal, in bytes.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;

/// The most of its content that is kept in memory, in bytes.
const MAX_KEPT: u64 = 64 * 1024 * 1024;

impl<B: Host> RehearsalHost<B> {
    /// Lays the content of an archive over the host; of a huge one only that it would be there.
    pub(super) fn unpack_archive(&mut self, unpack: &Unpack) -> Result<(), HostError> {
        if unpack.size > MAX_UNPACKED {
            return self.fill(&unpack.into);
        }
        let archive = self.lay_out(&unpack.archive)?;
        let Ok(scratch) = self.base.scratch() else { return self.fill(&unpack.into) };
        let output = self.base.query(&unpack.command_for(&archive, &scratch));
        let laid = match output {
            Ok(output) if output.success() => {
                let mut layer = Layer { keep_newer: unpack.keep_newer, left: MAX_KEPT };
                self.lay_tree(&scratch, &unpack.into, &mut layer)
            }
            Ok(output) => Err(HostError::CommandFailed {
                command: shell_words::join(&unpack.command_for(&archive, &unpack.into).argv),
                output: Box::new(output),
            }),
            Err(error) => Err(error),
        };
        self.base.discard(&scratch);
        laid
    }

    fn lay_tree(&mut self, from: &Path, to: &Path, layer: &mut Layer) -> Result<(), HostError> {
        for name in self.base.list(from)? {
            let (source, place) = (from.join(&name), to.join(&name));
            let Some(stat) = self.base.stat(&source, Follow::No)? else { continue };
            let is_directory = stat.kind == FileKind::Directory;
            let place = self.locate(&place, Follow::No)?;
            let there = self.entry_stat(&place)?;
            let stays = match &there {
                Some(there) if is_directory => there.kind == FileKind::Directory,
                Some(there) => layer.keep_newer && there.modified > stat.modified,
                None => false,
            };
            if !stays {
                self.lay_file(&source, &place, stat, layer);
            }
            if is_directory {
                self.lay_tree(&source, &place, layer)?;
            }
        }
        Ok(())
    }

    fn lay_file(&mut self, source: &Path, place: &Path, mut stat: FileStat, layer: &mut Layer) {
        let body = match stat.kind {
            FileKind::File => layer.content_of(source, &stat, &mut self.base),
            _ => Body::None,
        };
        let below = match self.overlay.see(place) {
            Sight::Host => Below::Host,
            Sight::Entry(_) | Sight::Absent | Sight::Unknown(_) => Below::Nothing,
        };
        stat.inode = 0;
        self.overlay.put(place, Entry { stat, body, below });
    }
}

/// How an archive is laid over the host.
struct Layer {
    keep_newer: bool,
    /// Bytes of content that may still be kept.
    left: u64,
}

impl Layer {
    fn content_of<B: Host>(&mut self, source: &Path, stat: &FileStat, base: &mut B) -> Body {
        if stat.size <= KEPT_CONTENT.min(self.left)
            && let Ok(bytes) = base.read(source)
        {
            self.left -= stat.size;
            return Body::Bytes(Arc::new(bytes));
        }
        Body::Unknown("its content comes with an archive that would be unpacked first".to_owned())
    }
}

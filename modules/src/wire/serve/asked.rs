//! Sources that did not come with their request.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::Replies;
use super::inbox::{Inbox, Piece};
use crate::effect::Source;
use crate::host::HostError;
use crate::host::live::{Interrupt, Sink, Sources};
use crate::wire::FromRunner;
use crate::wire::delta::Basis;

/// Asks the engine for sources that did not come with the request.
pub(super) struct Asked {
    pub(super) task: u64,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) replies: Replies,
}

impl Sources for Asked {
    fn deliver(
        &mut self,
        source: &Source,
        basis: Option<&Path>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        // what cannot be read saves nothing
        let mut known = basis.and_then(|path| Known::of(path).ok());
        self.inbox.want(Some(source.id));
        let delivered = self.pass_on(source, known.as_mut(), sink);
        self.inbox.want(None);
        delivered
    }
}

impl Asked {
    fn pass_on(
        &self,
        source: &Source,
        mut known: Option<&mut Known>,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        let basis = known.as_ref().map(|known| known.basis.clone());
        let want = FromRunner::Want { task: self.task, source: source.id, basis };
        self.replies.send(&want).map_err(|_| HostError::Cancelled)?;
        loop {
            match self.inbox.next_piece() {
                Piece::Bytes(bytes) => sink(&bytes)?,
                Piece::Blocks { first, count } => {
                    let known = known.as_mut().ok_or(HostError::SourceMissing(source.id))?;
                    known.blocks(first, count, source, sink)?;
                }
                Piece::End => return Ok(()),
                Piece::Broken => {
                    self.interrupt.check()?;
                    return Err(HostError::SourceMissing(source.id));
                }
            }
        }
    }
}

/// A file of the host that was told to the engine.
struct Known {
    file: File,
    basis: Basis,
}

impl Known {
    fn of(path: &Path) -> io::Result<Self> {
        // whoever may write beside must not lead elsewhere, nor let it wait
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut file = File::options().read(true).custom_flags(flags).open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let basis = Basis::of(&mut file, meta.len())?;
        Ok(Self { file, basis })
    }

    /// Passes blocks on.
    fn blocks(
        &mut self,
        first: u32,
        count: u32,
        source: &Source,
        sink: &mut Sink<'_>,
    ) -> Result<(), HostError> {
        let changed = |_| HostError::SourceMissing(source.id);
        self.file.seek(SeekFrom::Start(self.basis.offset(first))).map_err(changed)?;
        let mut bytes = vec![0; self.basis.block as usize];
        for _ in 0..count {
            self.file.read_exact(&mut bytes).map_err(changed)?;
            sink(&bytes)?;
        }
        Ok(())
    }
}

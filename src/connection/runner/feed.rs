//! Sources on their way to a runner: whole, or as differences from what the host has.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass_modules::wire::delta::{self, Basis, Part};
use canvass_modules::wire::frame::{BLOB_CHUNK, Kind};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use super::super::error::Problem;
use super::frames::framed;
use super::{Shared, TaskSource, unreadable};

/// What a runner wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) task: u64,
    /// Number of the source.
    pub(super) id: u64,
    /// What the host has that may be alike.
    pub(super) basis: Option<Basis>,
}

/// Answers what the runner wants, one source after the other.
pub(super) async fn feed(
    shared: Arc<Shared>,
    mut wants: mpsc::UnboundedReceiver<Wanted>,
    blobs: mpsc::Sender<Vec<u8>>,
) {
    while let Some(Wanted { task, id, basis }) = wants.recv().await {
        let source = {
            let state = shared.state();
            state.waiting.get(&task).and_then(|waiting| waiting.sources.get(&id)).cloned()
        };
        let whole = match source {
            None => Ok(false),
            Some(source) => {
                Outlet { shared: &shared, task, id, blobs: &blobs }
                    .send_source(&source, basis)
                    .await
            }
        };
        let whole = whole.unwrap_or_else(|problem| {
            shared.finish(task, Err(problem));
            false
        });
        let Ok(frame) = framed(Kind::BlobEnd, &[&id.to_be_bytes(), &[u8::from(whole)]]) else {
            return;
        };
        if blobs.send(frame).await.is_err() {
            return;
        }
    }
}

/// Where the parts of a source go.
#[derive(Clone, Copy)]
struct Outlet<'a> {
    shared: &'a Arc<Shared>,
    task: u64,
    id: u64,
    blobs: &'a mpsc::Sender<Vec<u8>>,
}

impl Outlet<'_> {
    /// Sends a source; gives whether all of it went out.
    async fn send_source(self, source: &TaskSource, basis: Option<Basis>) -> Result<bool, Problem> {
        match (source, basis) {
            (TaskSource::Bytes { bytes, .. }, _) => {
                for chunk in bytes.chunks(BLOB_CHUNK) {
                    if !self.send(self.content(chunk)).await {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (TaskSource::File { path, .. }, None) => self.send_file(path).await,
            (TaskSource::File { path, .. }, Some(basis)) => {
                self.send_differences(path.clone(), basis).await
            }
        }
    }

    async fn send_file(self, path: &Path) -> Result<bool, Problem> {
        let failed = |error: std::io::Error| unreadable(path.to_owned(), &error);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        let mut chunk = vec![0; BLOB_CHUNK];
        loop {
            let length = file.read(&mut chunk).await.map_err(failed)?;
            if length == 0 {
                return Ok(true);
            }
            if !self.send(self.content(chunk.get(..length).unwrap_or_default())).await {
                return Ok(false);
            }
        }
    }

    /// Sends what a file has and the basis has not. The search is work of its own thread.
    async fn send_differences(self, path: PathBuf, basis: Basis) -> Result<bool, Problem> {
        let (parts, mut found) = mpsc::channel(2);
        let id = self.id;
        let search = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || {
                let mut file = std::fs::File::open(path)?;
                let mut tell = |part: Part<'_>| {
                    frame_of(id, part).is_ok_and(|frame| parts.blocking_send(frame).is_ok())
                };
                delta::compare(&mut file, &basis, &mut tell)
            })
        };
        while let Some(frame) = found.recv().await {
            if !self.send(Ok(frame)).await {
                // the search ends when nobody takes its parts
                return Ok(false);
            }
        }
        let ended = search.await.map_err(std::io::Error::other).flatten();
        ended.map_err(|error| unreadable(path, &error).into())
    }

    fn content(self, chunk: &[u8]) -> std::io::Result<Vec<u8>> {
        frame_of(self.id, Part::Content(chunk))
    }

    /// Sends a frame; whether the task still waits for more.
    async fn send(self, frame: std::io::Result<Vec<u8>>) -> bool {
        let Ok(frame) = frame else { return false };
        self.blobs.send(frame).await.is_ok() && self.shared.state().waiting.contains_key(&self.task)
    }
}

fn frame_of(id: u64, part: Part<'_>) -> std::io::Result<Vec<u8>> {
    let id = id.to_be_bytes();
    match part {
        Part::Content(content) => framed(Kind::Blob, &[&id, content]),
        Part::Blocks { first, count } => {
            framed(Kind::Blocks, &[&id, &first.to_be_bytes(), &count.to_be_bytes()])
        }
    }
}

#[cfg(test)]
mod tests {
    use canvass_modules::effect::Source;

    use super::super::Waiting;
    use super::*;

    #[tokio::test]
    async fn a_file_travels_as_what_the_host_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let old: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
        let new = [b"before", &*old, b"behind"].concat();
        std::fs::write(&path, &new).unwrap();
        let shared = Arc::new(Shared::default());
        let (replies, _) = mpsc::unbounded_channel();
        let source = Source { id: 4, size: new.len() as u64, sha1: String::new() };
        let source = TaskSource::File { source, path };
        let sources = [(4, source)].into();
        let waiting = Waiting {
            items_left: 1,
            replies,
            hearers: crate::connection::Hearers::default(),
            sources,
            done: None,
        };
        shared.state().waiting.insert(9, waiting);
        let basis = Basis::of(&mut &*old, old.len() as u64).unwrap();
        for (basis, frames, most) in
            [(None, 1, new.len() + 13), (Some(basis.clone()), 3, 2 * basis.block as usize)]
        {
            let (wants, want_queue) = mpsc::unbounded_channel();
            let (blobs, mut blob_queue) = mpsc::channel(2);
            wants.send(Wanted { task: 9, id: 4, basis }).unwrap();
            drop(wants);
            let feeder = tokio::spawn(feed(Arc::clone(&shared), want_queue, blobs));
            let mut came = Vec::new();
            while let Some(frame) = blob_queue.recv().await {
                came.push(frame);
            }
            feeder.await.unwrap();
            let end = came.pop().unwrap();
            assert_eq!(end.last(), Some(&1));
            assert_eq!(came.len(), frames);
            let sent: usize = came.iter().map(Vec::len).sum();
            assert!(sent <= most, "{sent}");
        }
    }
}

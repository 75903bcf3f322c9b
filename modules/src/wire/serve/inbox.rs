//! What came in from the engine, sorted by a thread of its own.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::live::{Interrupt, Stopped};
use crate::wire::frame::{self, Kind};
use crate::wire::{TaskRequest, ToRunner};

/// Pieces of a source that may wait in memory before the reading thread waits too.
const WAITING_PIECES: usize = 16;

/// Requests in order, and the pieces of the source that is being read.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    interrupt: Arc<Interrupt>,
}

#[derive(Debug, Default)]
struct State {
    tasks: VecDeque<Box<TaskRequest>>,
    current: Option<u64>,
    wanted: Option<u64>,
    pieces: VecDeque<Piece>,
    /// The task and item that were decided last, and how.
    decision: Option<(u64, usize, bool)>,
    closed: bool,
}

/// A part of a source.
#[derive(Debug)]
pub(super) enum Piece {
    /// Content.
    Bytes(Vec<u8>),
    /// Blocks of the basis that was told.
    Blocks {
        /// The first.
        first: u32,
        /// How many.
        count: u32,
    },
    /// All of it came.
    End,
    /// The rest will not come.
    Broken,
}

impl Inbox {
    pub(super) fn new(interrupt: Arc<Interrupt>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), interrupt }
    }

    /// Reads frames until the stream ends, then stops all work.
    pub(super) fn listen(&self, input: &mut impl Read) -> io::Result<()> {
        let ended = self.listen_to_the_end(input);
        let mut state = self.lock();
        state.closed = true;
        state.tasks.clear();
        self.interrupt.stop(Stopped::Disconnected);
        self.changed.notify_all();
        ended
    }

    fn listen_to_the_end(&self, input: &mut impl Read) -> io::Result<()> {
        while let Some((kind, body)) = frame::read(input)? {
            match kind {
                Kind::Message => self.take_message(&body)?,
                Kind::Blob => {
                    let (id, content) = split_id(&body)?;
                    self.take_piece(id, Piece::Bytes(content.to_vec()));
                }
                Kind::Blocks => {
                    let (id, blocks) = split_id(&body)?;
                    self.take_piece(id, split_blocks(blocks)?);
                }
                Kind::BlobEnd => {
                    let (id, whole) = split_id(&body)?;
                    let piece = if whole == [1] { Piece::End } else { Piece::Broken };
                    self.take_piece(id, piece);
                }
            }
        }
        Ok(())
    }

    fn take_message(&self, body: &[u8]) -> io::Result<()> {
        let message = serde_json::from_slice(body)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut state = self.lock();
        match message {
            ToRunner::Task(task) => state.tasks.push_back(task),
            ToRunner::Cancel { id } => {
                state.tasks.retain(|task| task.id != id);
                if state.current == Some(id) {
                    self.interrupt.stop(Stopped::Cancelled);
                }
            }
            ToRunner::Decide { id, item, agreed } => state.decision = Some((id, item, agreed)),
        }
        self.changed.notify_all();
        Ok(())
    }

    fn take_piece(&self, id: u64, piece: Piece) {
        let full = |state: &mut State| {
            state.wanted == Some(id)
                && state.pieces.len() >= WAITING_PIECES
                && self.interrupt.stopped().is_none()
        };
        let mut state =
            self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        // what nobody waits for any more is dropped
        if state.wanted == Some(id) {
            state.pieces.push_back(piece);
            self.changed.notify_all();
        }
    }

    /// The next request; `None` when there will be none.
    pub(super) fn next_task(&self) -> Option<Box<TaskRequest>> {
        let idle = |state: &mut State| state.tasks.is_empty() && !state.closed;
        let mut state =
            self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let task = state.tasks.pop_front();
        state.current = task.as_ref().map(|task| task.id);
        task
    }

    /// The current request is done; a cancellation that is still to come finds nothing.
    pub(super) fn finish_task(&self) {
        let mut state = self.lock();
        state.current = None;
        self.interrupt.clear();
    }

    /// From now on pieces of this source are kept.
    pub(super) fn want(&self, source: Option<u64>) {
        let mut state = self.lock();
        state.wanted = source;
        state.pieces.clear();
        self.changed.notify_all();
    }

    /// The next piece of the wanted source.
    pub(super) fn next_piece(&self) -> Piece {
        loop {
            let mut state = self.lock();
            if let Some(piece) = state.pieces.pop_front() {
                self.changed.notify_all();
                return piece;
            }
            if state.closed {
                return Piece::Broken;
            }
            drop(state);
            if self.interrupt.check().is_err() {
                return Piece::Broken;
            }
            // a stop is signalled elsewhere, so look for it now and then
            let waiting = |state: &mut State| state.pieces.is_empty() && !state.closed;
            drop(
                self.changed
                    .wait_timeout_while(self.lock(), std::time::Duration::from_millis(50), waiting)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    /// Waits for what the engine says to what an item proposed; no when the work is to stop.
    pub(super) fn decision(&self, task: u64, item: usize) -> bool {
        loop {
            let mut state = self.lock();
            match state.decision.take() {
                Some((id, index, agreed)) if (id, index) == (task, item) => return agreed,
                _ => {}
            }
            if state.closed {
                return false;
            }
            drop(state);
            if self.interrupt.check().is_err() {
                return false;
            }
            // a stop is signalled elsewhere, so look for it now and then
            let waiting = |state: &mut State| state.decision.is_none() && !state.closed;
            drop(
                self.changed
                    .wait_timeout_while(self.lock(), std::time::Duration::from_millis(50), waiting)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn split_id(body: &[u8]) -> io::Result<(u64, &[u8])> {
    let (id, rest) = body
        .split_first_chunk::<8>()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "blob without an id"))?;
    Ok((u64::from_be_bytes(*id), rest))
}

fn split_blocks(body: &[u8]) -> io::Result<Piece> {
    let both = body.split_first_chunk::<4>().and_then(|(first, rest)| {
        Some((u32::from_be_bytes(*first), u32::from_be_bytes(rest.try_into().ok()?)))
    });
    let (first, count) =
        both.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "blocks without numbers"))?;
    Ok(Piece::Blocks { first, count })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn blob(id: u64, content: &[u8]) -> Vec<u8> {
        let body = [id.to_be_bytes().as_slice(), content].concat();
        let mut framed = Vec::new();
        frame::write(&mut framed, Kind::Blob, &body).unwrap();
        framed
    }

    fn end(id: u64, whole: u8) -> Vec<u8> {
        let body = [id.to_be_bytes().as_slice(), &[whole]].concat();
        let mut framed = Vec::new();
        frame::write(&mut framed, Kind::BlobEnd, &body).unwrap();
        framed
    }

    #[test]
    fn pieces_come_in_order_and_memory_is_bounded() {
        let inbox = Arc::new(Inbox::new(Arc::new(Interrupt::new())));
        inbox.want(Some(5));
        let stream: Vec<u8> = (0..100_u8)
            .flat_map(|number| [blob(5, &[number]), blob(6, b"not asked for")].concat())
            .chain(end(5, 1))
            .collect();
        let listener = std::thread::spawn({
            let inbox = inbox.clone();
            move || inbox.listen(&mut stream.as_slice())
        });
        for number in 0..100 {
            assert!(inbox.lock().pieces.len() <= WAITING_PIECES);
            assert!(matches!(inbox.next_piece(), Piece::Bytes(bytes) if bytes == [number]));
        }
        assert!(matches!(inbox.next_piece(), Piece::End));
        listener.join().unwrap().unwrap();
        assert!(matches!(inbox.next_piece(), Piece::Broken), "nothing comes after the stream");
    }

    #[test]
    fn a_reader_that_gives_up_does_not_block_the_channel() {
        let inbox = Arc::new(Inbox::new(Arc::new(Interrupt::new())));
        inbox.want(Some(5));
        let stream: Vec<u8> = (0..100).flat_map(|_| blob(5, b"x")).chain(end(5, 0)).collect();
        let listener = std::thread::spawn({
            let inbox = inbox.clone();
            move || inbox.listen(&mut stream.as_slice())
        });
        assert!(matches!(inbox.next_piece(), Piece::Bytes(_)));
        inbox.want(None);
        listener.join().unwrap().unwrap();
    }

    #[test]
    fn a_deadline_ends_waiting_for_pieces() {
        let interrupt = Arc::new(Interrupt::new());
        let inbox = Inbox::new(interrupt.clone());
        inbox.want(Some(1));
        interrupt.limit(Some(Duration::from_millis(20)));
        let started = Instant::now();
        assert!(matches!(inbox.next_piece(), Piece::Broken));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn frames_that_are_none_stop_the_work() {
        let streams = [
            b"\0\0\0\x02\0{}".to_vec(),
            b"\0\0\0\x03\x01abc".to_vec(),
            b"\0\0\0\x01\x09x".to_vec(),
            b"\0\0".to_vec(),
        ];
        for stream in streams {
            let interrupt = Arc::new(Interrupt::new());
            let inbox = Inbox::new(interrupt.clone());
            assert!(inbox.listen(&mut stream.as_slice()).is_err(), "{stream:?}");
            assert_eq!(interrupt.stopped(), Some(Stopped::Disconnected));
            assert!(inbox.next_task().is_none());
        }
    }
}

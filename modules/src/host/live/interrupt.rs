//! What must be ended or removed when a task is cancelled, times out or loses its engine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::host::HostError;

/// Shared between the thread that works and the one that listens to the engine.
///
/// It knows the process groups and staged files that exist right now, so that nothing of them
/// outlives the runner.
#[derive(Debug, Default)]
pub struct Interrupt {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: Option<Stopped>,
    deadline: Option<Deadline>,
    groups: Vec<Pid>,
    staged: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    limit: Duration,
}

/// Why the work stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The engine cancelled the task.
    Cancelled,
    /// The engine is gone.
    Disconnected,
}

impl Interrupt {
    /// Nothing to end yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the work: commands are asked to end, waiting ends at once.
    pub fn stop(&self, why: Stopped) {
        let mut state = self.lock();
        if state.stopped != Some(Stopped::Disconnected) {
            state.stopped = Some(why);
        }
        signal(&state.groups, Signal::TERM);
        self.changed.notify_all();
    }

    /// Makes ready for the next task; a lost engine stays lost.
    pub fn clear(&self) {
        let mut state = self.lock();
        if state.stopped == Some(Stopped::Cancelled) {
            state.stopped = None;
        }
        state.deadline = None;
    }

    /// Why the work stops, if it does.
    pub fn stopped(&self) -> Option<Stopped> {
        self.lock().stopped
    }

    /// Bounds what follows; `None` lifts the bound.
    pub fn limit(&self, limit: Option<Duration>) {
        self.lock().deadline = limit
            .and_then(|limit| Instant::now().checked_add(limit).map(|at| Deadline { at, limit }));
    }

    /// Blocks until the engine is gone.
    pub fn wait_for_disconnect(&self) {
        let lost = |state: &mut State| state.stopped != Some(Stopped::Disconnected);
        drop(self.changed.wait_while(self.lock(), lost).unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the work may go on.
    pub fn check(&self) -> Result<(), HostError> {
        let state = self.lock();
        if state.stopped.is_some() {
            return Err(HostError::Cancelled);
        }
        match state.deadline {
            Some(deadline) if Instant::now() >= deadline.at => {
                Err(HostError::TimedOut(deadline.limit))
            }
            _ => Ok(()),
        }
    }

    /// Time that is left; `None` without a bound.
    pub fn remaining(&self) -> Option<Duration> {
        self.lock().deadline.map(|deadline| deadline.at.saturating_duration_since(Instant::now()))
    }

    /// Waits, but not beyond a stop or the deadline.
    pub fn sleep(&self, duration: Duration) {
        let duration = self.remaining().map_or(duration, |left| left.min(duration));
        let state = self.lock();
        drop(
            self.changed
                .wait_timeout_while(state, duration, |state| state.stopped.is_none())
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Ends every process group and removes every staged file and directory, for the last breath.
    pub fn end_everything(&self) {
        let mut state = self.lock();
        signal(&state.groups, Signal::KILL);
        for path in state.staged.drain(..) {
            if std::fs::remove_file(&path).is_err() {
                let _ = std::fs::remove_dir_all(&path);
            }
        }
    }

    /// Starts a child that leads its own process group, known here before anyone can stop it.
    pub(super) fn spawn(
        &self,
        start: impl FnOnce() -> io::Result<Child>,
    ) -> io::Result<(Child, Pid)> {
        let mut state = self.lock();
        let child = start()?;
        let pid = Pid::from_child(&child);
        state.groups.push(pid);
        Ok((child, pid))
    }

    /// Collects a child that has ended; with `Rest::End` also ends what is left of its group.
    ///
    /// The group is signalled before the child is collected: until then its number is taken.
    pub(super) fn collect(&self, child: &mut Child, rest: Rest) -> io::Result<ExitStatus> {
        let mut state = self.lock();
        let pid = Pid::from_child(child);
        if rest == Rest::End {
            signal(&[pid], Signal::KILL);
        }
        let status = child.wait();
        state.groups.retain(|group| *group != pid);
        status
    }

    /// Notes a file that must not survive.
    pub(super) fn stage(&self, path: &Path) {
        self.lock().staged.push(path.to_owned());
    }

    /// Forgets a staged file that is gone or in its place.
    pub(super) fn unstage(&self, path: &Path) {
        self.lock().staged.retain(|staged| staged != path);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of processes that a command left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They live on (a daemon that a command started).
    Keep,
    /// They end with it.
    End,
}

fn signal(groups: &[Pid], signal: Signal) {
    for group in groups {
        // a group that is gone already is as good as ended
        let _ = kill_process_group(*group, signal);
    }
}

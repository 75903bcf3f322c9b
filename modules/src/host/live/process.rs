//! Commands: started in a process group of their own, captured, ended when they must.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

use super::clock;
use super::interrupt::{Interrupt, Rest};
use crate::effect::{Command, Output};
use crate::host::HostError;
use crate::wire::{OUTPUT_CHUNK, StdStream};

/// Hears what commands print while they run; a command waits for it.
pub type Listener = Box<dyn FnMut(StdStream, &[u8]) + Send>;

/// Where programs are looked for when the environment does not say.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a command that is told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long output may be silent after the command itself ended, when a process that it left
/// behind still holds the pipe.
const SILENCE: Duration = Duration::from_millis(250);

/// How often a stop is looked for while a command is silent.
const TICK: Duration = Duration::from_millis(100);

/// Runs a command to its end.
pub(super) fn run(
    command: &Command,
    environment: &BTreeMap<String, String>,
    interrupt: &Interrupt,
    listener: Option<&mut Listener>,
) -> Result<Output, HostError> {
    interrupt.check()?;
    let (program, arguments) =
        command.argv.split_first().ok_or_else(|| HostError::BadCommand(String::new()))?;
    if let Some(directory) = &command.directory {
        // otherwise the error of a missing directory reads as one of a missing program
        std::fs::metadata(directory).map_err(|source| HostError::Io {
            action: "change to directory",
            path: directory.clone(),
            source,
        })?;
    }
    let mut process = std::process::Command::new(program);
    process
        .args(arguments)
        .process_group(0)
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if std::env::var_os("PATH").is_none() {
        process.env("PATH", DEFAULT_PATH);
    }
    process.envs(environment).envs(&command.environment);
    if let Some(directory) = &command.directory {
        process.current_dir(directory);
    }
    let started = clock::now();
    let (child, pid) = interrupt
        .spawn(|| process.spawn())
        .map_err(|source| HostError::Spawn { program: program.clone(), source })?;
    let input = command.stdin.clone().unwrap_or_default().into_bytes();
    let captured = Capture::new(child, pid, input, listener).finish(interrupt);
    let (status, stdout, stderr) = match captured {
        Ok(captured) => captured?,
        Err(source) => return Err(HostError::Spawn { program: program.clone(), source }),
    };
    let status = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
    Ok(Output { status, stdout, stderr, started: Some(started), ended: Some(clock::now()) })
}

type Captured = (ExitStatus, Vec<u8>, Vec<u8>);

/// A running command with its pipes.
struct Capture<'a> {
    child: Child,
    pid: Pid,
    handle: Option<OwnedFd>,
    input: Option<(ChildStdin, Vec<u8>, usize)>,
    pipes: [Pipe; 2],
    /// When it was told to end, and why.
    ending: Option<(Instant, HostError)>,
    ended_at: Option<Instant>,
    listener: Option<&'a mut Listener>,
}

struct Pipe {
    stream: StdStream,
    source: Option<Box<dyn ReadFd>>,
    bytes: Vec<u8>,
}

trait ReadFd: Read + AsFd {}
impl<T: Read + AsFd> ReadFd for T {}

impl<'a> Capture<'a> {
    fn new(mut child: Child, pid: Pid, input: Vec<u8>, listener: Option<&'a mut Listener>) -> Self {
        let pipe = |stream, source: Option<Box<dyn ReadFd>>| {
            let bytes = Vec::new();
            Pipe { stream, source, bytes }
        };
        let stdout = child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn ReadFd>);
        let stderr = child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn ReadFd>);
        let input = child.stdin.take().map(|pipe| (pipe, input, 0));
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok();
        Self {
            child,
            pid,
            handle,
            input,
            pipes: [pipe(StdStream::Stdout, stdout), pipe(StdStream::Stderr, stderr)],
            ending: None,
            ended_at: None,
            listener,
        }
    }

    fn finish(mut self, interrupt: &Interrupt) -> io::Result<Result<Captured, HostError>> {
        let followed = self.follow(interrupt);
        let rest = if self.ending.is_some() || followed.is_err() { Rest::End } else { Rest::Keep };
        let status = interrupt.collect(&mut self.child, rest);
        followed?;
        let status = status?;
        if let Some((_, why)) = self.ending {
            return Ok(Err(why));
        }
        let [stdout, stderr] = self.pipes;
        Ok(Ok((status, stdout.bytes, stderr.bytes)))
    }

    /// Moves bytes until the command has ended and its output is complete.
    fn follow(&mut self, interrupt: &Interrupt) -> io::Result<()> {
        for pipe in &self.pipes {
            if let Some(source) = &pipe.source {
                unblock(source.as_fd())?;
            }
        }
        if let Some((input, ..)) = &self.input {
            unblock(input.as_fd())?;
        }
        loop {
            self.end_if_due(interrupt);
            if self.ended_at.is_none() && self.has_ended()? {
                self.ended_at = Some(Instant::now());
            }
            let open = self.pipes.iter().any(|pipe| pipe.source.is_some());
            match self.ended_at {
                Some(_) if !open || self.ending.is_some() => {
                    self.move_bytes()?;
                    return Ok(());
                }
                Some(at) if at.elapsed() >= SILENCE => return Ok(()),
                _ => {}
            }
            self.wait()?;
            if self.move_bytes()? && self.ended_at.is_some() {
                self.ended_at = Some(Instant::now());
            }
        }
    }

    fn end_if_due(&mut self, interrupt: &Interrupt) {
        match &self.ending {
            None => {
                if let Err(why) = interrupt.check() {
                    let _ = kill_process_group(self.pid, Signal::TERM);
                    self.ending = Some((Instant::now(), why));
                }
            }
            Some((since, _)) if since.elapsed() >= GRACE => {
                let _ = kill_process_group(self.pid, Signal::KILL);
            }
            Some(_) => {}
        }
    }

    /// Whether it has ended, without collecting it.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(self.pid), options)?.is_some())
    }

    fn wait(&self) -> io::Result<()> {
        let mut watched = Vec::with_capacity(4);
        for pipe in &self.pipes {
            if let Some(source) = &pipe.source {
                watched.push(PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN));
            }
        }
        if let Some((input, ..)) = &self.input {
            watched.push(PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT));
        }
        let mut tick = TICK;
        match &self.handle {
            Some(handle) if self.ended_at.is_none() => {
                watched.push(PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN));
            }
            Some(_) => {}
            // an old kernel: look again soon
            None => tick = Duration::from_millis(5),
        }
        let timeout =
            Timespec { tv_sec: 0, tv_nsec: i64::try_from(tick.as_nanos()).unwrap_or_default() };
        match poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves what is there; tells whether anything came.
    fn move_bytes(&mut self) -> io::Result<bool> {
        self.feed();
        let mut moved = false;
        for pipe in &mut self.pipes {
            moved |= pipe.drain(self.listener.as_deref_mut())?;
        }
        Ok(moved)
    }

    fn feed(&mut self) {
        let Some((pipe, bytes, sent)) = &mut self.input else { return };
        while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
            match pipe.write(rest) {
                Ok(count) if count > 0 => *sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // it does not want to read: its own business
                _ => break,
            }
        }
        self.input = None;
    }
}

impl Pipe {
    fn drain(&mut self, mut listener: Option<&mut Listener>) -> io::Result<bool> {
        let mut moved = false;
        let mut buffer = [0; OUTPUT_CHUNK];
        while let Some(source) = &mut self.source {
            match source.read(&mut buffer) {
                Ok(0) => self.source = None,
                Ok(count) => {
                    moved = true;
                    let piece = buffer.get(..count).unwrap_or_default();
                    self.bytes.extend_from_slice(piece);
                    if let Some(listener) = &mut listener {
                        listener(self.stream, piece);
                        // one piece at a time, so that a stop is seen between two
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }
}

fn unblock(pipe: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}

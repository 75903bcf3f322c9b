//! Programs on a terminal of their own, and answers to what they ask.
//!
//! The runner starts itself as `canvass-runner terminal PROGRAM…` with the terminal as its
//! standard streams; that process makes the terminal its own and becomes the program.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, ioctl_tiocsctty, kill_process_group, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::clock;
use super::interrupt::{Interrupt, Rest};
use super::process::DEFAULT_PATH;
use crate::effect::{Command, Dialogue, ENDED, Output};
use crate::host::HostError;
use crate::python_regex::{self, Regex};

/// How often a stop is looked for while a program is silent.
const TICK: Duration = Duration::from_millis(100);

/// How long a program that closed its terminal may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// Makes the standard input this process's terminal, and becomes the program.
pub fn become_program(arguments: &[String]) -> io::Result<()> {
    let Some((program, arguments)) = arguments.get(1..).and_then(<[String]>::split_first) else {
        return Err(io::Error::other("no program"));
    };
    setsid()?;
    ioctl_tiocsctty(io::stdin())?;
    Err(std::process::Command::new(program).args(arguments).exec())
}

/// Runs a command on a new terminal to its end.
pub(super) fn run(
    command: &Command,
    dialogue: &Dialogue,
    environment: &BTreeMap<String, String>,
    interrupt: &Interrupt,
) -> Result<Output, HostError> {
    interrupt.check()?;
    let program = command.argv.first().cloned().unwrap_or_default();
    let failed = |source| HostError::Spawn { program: program.clone(), source };
    let questions = questions(dialogue)?;
    let (master, terminal) = open(dialogue.echo).map_err(failed)?;
    let end = || terminal.try_clone().map(Stdio::from);
    let mut process = std::process::Command::new("/proc/self/exe");
    process.arg("terminal").args(&command.argv);
    if std::env::var_os("PATH").is_none() {
        process.env("PATH", DEFAULT_PATH);
    }
    process.envs(environment).envs(&command.environment);
    if let Some(directory) = &command.directory {
        process.current_dir(directory);
    }
    process
        .stdin(end().map_err(failed)?)
        .stdout(end().map_err(failed)?)
        .stderr(end().map_err(failed)?);
    let started = clock::now();
    let (mut child, pid) = interrupt.spawn(|| process.spawn()).map_err(failed)?;
    drop((process, terminal));
    let mut talk = Talk {
        master: std::fs::File::from(master),
        unread: Vec::new(),
        said: Vec::new(),
        questions,
    };
    let heard = talk.hold(dialogue, interrupt);
    let over = matches!(heard, Ok(true));
    let deadline = Instant::now() + GRACE;
    let mut by_itself = false;
    while over && !by_itself && Instant::now() < deadline {
        by_itself = child.try_wait().map_err(failed)?.is_some();
        if !by_itself {
            interrupt.sleep(Duration::from_millis(5));
        }
    }
    if !by_itself {
        let _ = kill_process_group(pid, Signal::HUP);
    }
    let rest = if by_itself { Rest::Keep } else { Rest::End };
    let status = interrupt.collect(&mut child, rest).map_err(failed)?;
    heard?;
    let status = status.code().filter(|_| by_itself).unwrap_or(ENDED);
    let stdout = talk.said;
    let ended = Some(clock::now());
    Ok(Output { status, stdout, stderr: Vec::new(), started: Some(started), ended })
}

/// A question's pattern, with the answers that are left.
struct Question {
    written: String,
    pattern: Regex,
    lines: std::collections::VecDeque<String>,
    repeats: bool,
}

fn questions(dialogue: &Dialogue) -> Result<Vec<Question>, HostError> {
    let flags = python_regex::Flags { dot_all: true, ..python_regex::Flags::default() };
    let compile = |answer: &crate::effect::Answer| {
        let pattern = python_regex::compile(&answer.question, flags)
            .map_err(|error| HostError::BadCommand(error.to_string()))?;
        Ok(Question {
            written: answer.question.clone(),
            pattern,
            lines: answer.lines.iter().cloned().collect(),
            repeats: answer.repeats,
        })
    };
    dialogue.answers.iter().map(compile).collect()
}

/// Both ends of a new terminal.
fn open(echo: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
    if !echo {
        let mut modes = tcgetattr(&terminal)?;
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Now, &modes)?;
    }
    Ok((master, terminal))
}

struct Talk {
    master: std::fs::File,
    /// What came since the last answer.
    unread: Vec<u8>,
    /// All before.
    said: Vec<u8>,
    questions: Vec<Question>,
}

impl Talk {
    /// Answers until the program closes its terminal (`true`) or is silent for too long.
    fn hold(&mut self, dialogue: &Dialogue, interrupt: &Interrupt) -> Result<bool, HostError> {
        let patience = dialogue.patience.map(Duration::from_secs);
        let mut since = Instant::now();
        loop {
            interrupt.check()?;
            while self.answer()? {
                since = Instant::now();
            }
            if patience.is_some_and(|patience| since.elapsed() >= patience) {
                self.said.append(&mut self.unread);
                return Ok(false);
            }
            if !self.listen()? {
                self.said.append(&mut self.unread);
                return Ok(true);
            }
        }
    }

    /// Takes in what the program writes for a moment; `false` when it closed its terminal.
    fn listen(&mut self) -> Result<bool, HostError> {
        let failed = |source| HostError::Spawn { program: "the terminal".to_owned(), source };
        let mut watched = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN)];
        let tick = i64::try_from(TICK.as_nanos()).unwrap_or_default();
        match poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: tick })) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let mut buffer = [0; 4096];
        match self.master.read(&mut buffer) {
            // the last holder of the other end is gone
            Ok(0) => Ok(false),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                Ok(false)
            }
            Ok(count) => {
                self.unread.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(failed(error)),
        }
    }

    /// Answers the first question in what came; `false` when there is none.
    fn answer(&mut self) -> Result<bool, HostError> {
        let text = Text::of(&self.unread);
        let mut first: Option<(usize, usize, usize)> = None;
        for (index, question) in self.questions.iter().enumerate() {
            let found = question.pattern.search(&text.characters);
            let found = found.map_err(|error| HostError::BadCommand(error.to_string()))?;
            let Some(place) = found.and_then(|found| found.get(0).map(|whole| whole.range()))
            else {
                continue;
            };
            if first.is_none_or(|(start, ..)| place.start < start) {
                first = Some((place.start, place.end, index));
            }
        }
        let Some((_, end, index)) = first else { return Ok(false) };
        let end = text.bytes_before(end);
        let rest = self.unread.split_off(end.min(self.unread.len()));
        let before = std::mem::replace(&mut self.unread, rest);
        let Some(question) = self.questions.get_mut(index) else { return Ok(false) };
        let line = if question.repeats {
            question.lines.front().cloned()
        } else {
            question.lines.pop_front()
        };
        let Some(line) = line else {
            return Err(HostError::Unanswered {
                question: question.written.clone(),
                output: python_bytes(&before),
            });
        };
        self.said.extend_from_slice(&before);
        // a program that is gone reads no answer; the end of its output tells
        let _ = self.master.write_all(line.as_bytes());
        Ok(true)
    }
}

/// Bytes as Python shows them.
fn python_bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for &byte in bytes {
        match byte {
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\\' => text.push_str("\\\\"),
            _ if char::from(byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push(quote);
    text
}

/// Output as characters: UTF-8, or else each byte one.
struct Text {
    characters: String,
    bytewise: bool,
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { characters: text.to_owned(), bytewise: false },
            Err(_) => {
                Self { characters: bytes.iter().copied().map(char::from).collect(), bytewise: true }
            }
        }
    }

    fn bytes_before(&self, end: usize) -> usize {
        if self.bytewise {
            self.characters.get(..end).map_or(end, |text| text.chars().count())
        } else {
            end
        }
    }
}

//! What can go wrong on the way to a runner.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::privilege::BecomeMethod;
use super::ssh_config::ConfigError;

/// Why a host or a runner on it cannot be used.
#[derive(Debug, Error)]
#[error("{host}: {problem}")]
pub struct ConnectionError {
    /// The host's name in the inventory.
    pub host: String,
    /// What happened.
    #[source]
    pub problem: Box<Problem>,
}

impl ConnectionError {
    pub(crate) fn new(host: &str, problem: impl Into<Problem>) -> Self {
        Self { host: host.to_owned(), problem: Box::new(problem.into()) }
    }

    /// Whether the host counts as unreachable (in Ansible's sense), rather than the task as failed.
    pub fn is_unreachable(&self) -> bool {
        match *self.problem {
            Problem::Become(BecomeProblem::TimedOut { .. }) => true,
            Problem::Become(_) | Problem::Runner(_) | Problem::DeadlinePassed { .. } => false,
            _ => true,
        }
    }

    /// Whether the runner or the connection ended under a task.
    pub fn is_lost(&self) -> bool {
        matches!(*self.problem, Problem::Lost { .. })
    }
}

/// What happened on the way to a host.
#[derive(Debug, Error)]
pub enum Problem {
    /// The options for the connection do not make sense.
    #[error("cannot use the SSH settings: {0}")]
    Config(#[from] ConfigError),
    /// Nobody listens.
    #[error(
        "cannot connect to {address} port {port}: connection refused\n\nis sshd running there, on that port?"
    )]
    Refused {
        /// The address that was tried.
        address: String,
        /// The port.
        port: u16,
    },
    /// No answer in time.
    #[error("cannot connect to {address} port {port}: no answer within {} s while {stage}", .after.as_secs_f32())]
    TimedOut {
        /// The address that was tried.
        address: String,
        /// The port.
        port: u16,
        /// The bound.
        after: Duration,
        /// What was going on.
        stage: &'static str,
    },
    /// The name has no address.
    #[error(
        "cannot connect to `{name}`: the name cannot be resolved ({reason})\n\nset `ansible_host`, or `HostName` in ssh_config"
    )]
    NameNotFound {
        /// The name.
        name: String,
        /// What the resolver said.
        reason: String,
    },
    /// The network said no.
    #[error("cannot connect to {address} port {port}: {reason}")]
    Network {
        /// The address that was tried.
        address: String,
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// This machine lets the program open no further connection.
    #[error(
        "cannot connect to {address} port {port}: this program may have no more than {bound} files open, and has\n\nraise the bound (`ulimit -n`), or take fewer hosts in one run (`--limit`, `--shard`)"
    )]
    TooManyFiles {
        /// The address that was tried.
        address: String,
        /// The port.
        port: u16,
        /// How many files may be open.
        bound: u64,
    },
    /// The `ProxyCommand` could not be run.
    #[error("cannot run the ProxyCommand `{command}`: {reason}")]
    ProxyCommand {
        /// The command.
        command: String,
        /// What the system or the command said.
        reason: String,
    },
    /// A jump host could not be used.
    #[error("cannot jump over `{hop}`: {problem}")]
    Jump {
        /// The jump host.
        hop: String,
        /// What happened there.
        problem: Arc<Problem>,
    },
    /// The host's key is not the one that is known.
    #[error(transparent)]
    HostKey(#[from] HostKeyProblem),
    /// The two sides do not understand each other.
    #[error("cannot agree with {address} port {port} on an SSH session: {reason}")]
    Handshake {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// What the library said.
        reason: String,
    },
    /// The server closed the connection before we were logged in, again and again.
    #[error(
        "the SSH server at {address} port {port} closed the connection before the login ({attempts} attempts)\n\nit may limit connections that are not logged in yet (MaxStartups), or not let this address in"
    )]
    Dropped {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// The server did not let us in.
    #[error("authentication as `{user}` failed; tried: {}; the server takes: {accepted}{}", listed(.tried), hints(.notes))]
    Authentication {
        /// The remote user.
        user: String,
        /// What was tried, in order.
        tried: Vec<String>,
        /// The methods that the server named.
        accepted: String,
        /// Keys that could not be used and other remarks.
        notes: Vec<String>,
    },
    /// The connection or the runner ended.
    #[error("the connection was lost: {reason}{}", last_words(.stderr))]
    Lost {
        /// How it ended.
        reason: String,
        /// The last lines that came on the error stream.
        stderr: String,
    },
    /// A command with a deadline took longer.
    #[error("the command did not end within {} s", .after.as_secs_f32())]
    DeadlinePassed {
        /// The bound.
        after: Duration,
    },
    /// The server opens no further channel.
    #[error(
        "the SSH server opens no channel: {reason}\n\nraise MaxSessions of sshd, or run fewer things at once"
    )]
    Channel {
        /// What the server said.
        reason: String,
    },
    /// The system's `ssh` could not do it.
    #[error("`ssh` failed: {reason}")]
    OpenSsh {
        /// Its last words.
        reason: String,
    },
    /// A program on this machine could not be run.
    #[error("cannot run `{program}` on this machine")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What was asked for is not supported on this way.
    #[error("{what} is not supported by `connection: {connection}`\n\n{hint}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The connection.
        connection: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// Another user could not be become.
    #[error(transparent)]
    Become(#[from] BecomeProblem),
    /// The runner cannot work there.
    #[error(transparent)]
    Runner(#[from] RunnerProblem),
}

/// What is wrong with the key that a host shows.
#[derive(Debug, Clone, Error)]
pub enum HostKeyProblem {
    /// Never seen.
    #[error("the host key of `{name}` is not known ({kind} {fingerprint})\n\ncheck it and add it to {}, for example with `ssh-keyscan`, or allow new keys: StrictHostKeyChecking=accept-new", shown(.files))]
    Unknown {
        /// The name that was looked up.
        name: String,
        /// The kind of key.
        kind: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// Where it was looked up.
        files: Vec<PathBuf>,
    },
    /// Another than before.
    #[error("THE HOST KEY OF `{name}` HAS CHANGED: it shows {kind} {fingerprint}, but {}:{line} says otherwise; somebody may be listening in\n\nif the host was set up anew: ssh-keygen -R '{name}'", .file.display())]
    Changed {
        /// The name that was looked up.
        name: String,
        /// The kind of key.
        kind: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// The file with another key.
        file: PathBuf,
        /// The line there.
        line: usize,
    },
    /// Marked as revoked.
    #[error("the host key of `{name}` is revoked by {}:{line} ({fingerprint})\n\nthe key is in wrong hands; give the host a new one", .file.display())]
    Revoked {
        /// The name that was looked up.
        name: String,
        /// Its SHA-256 fingerprint.
        fingerprint: String,
        /// The file that says so.
        file: PathBuf,
        /// The line there.
        line: usize,
    },
    /// A certificate that does not hold.
    #[error("the host certificate of `{name}` is not valid: {reason}")]
    Certificate {
        /// The name that was looked up.
        name: String,
        /// Why.
        reason: String,
    },
    /// `known_hosts` cannot be read or written.
    #[error("cannot use {}: {reason}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Why another user cannot be become.
#[derive(Debug, Error)]
pub enum BecomeProblem {
    /// The program said no to the password.
    #[error("Incorrect {method} password: cannot become `{user}`")]
    WrongPassword {
        /// The program.
        method: BecomeMethod,
        /// The user.
        user: String,
    },
    /// There is no password, and the program wants one.
    #[error(
        "Missing {method} password: cannot become `{user}`\n\ngive it with -K (--ask-become-pass) or `ansible_become_password`"
    )]
    PasswordRequired {
        /// The program.
        method: BecomeMethod,
        /// The user.
        user: String,
    },
    /// The program is not there.
    #[error(
        "cannot become `{user}`: `{method}` is not on the host ({said})\n\ninstall it, or set `become_method` or `become_exe`"
    )]
    MethodMissing {
        /// The program.
        method: BecomeMethod,
        /// The user.
        user: String,
        /// What the shell said.
        said: String,
    },
    /// The program neither asks for a password nor begins.
    #[error(
        "Timed out waiting for become success or become password prompt: nothing came for {} s",
        .after.as_secs()
    )]
    TimedOut {
        /// The bound.
        after: Duration,
    },
    /// The program wants a terminal, and there is none to give.
    #[error(
        "cannot become `{user}`: {method} asks for the password only on a terminal, which a local connection has not\n\nuse sudo, allow it without a password, or run canvass as that user"
    )]
    TerminalRequired {
        /// The program.
        method: BecomeMethod,
        /// The user.
        user: String,
    },
    /// The program refused.
    #[error("cannot become `{user}` by {method}: {said}")]
    Refused {
        /// The program.
        method: BecomeMethod,
        /// The user.
        user: String,
        /// Its words.
        said: String,
    },
}

/// Why the runner cannot work on a host.
#[derive(Debug, Error)]
pub enum RunnerProblem {
    /// No directory will do.
    #[error(
        "no place for the runner: each of these was refused:{tried}\n\none private directory is needed where files can be written and run: $XDG_CACHE_HOME, ~/.cache, /var/tmp, /tmp, /dev/shm or /run/user"
    )]
    NoPlace {
        /// The directories, each with the reason.
        tried: String,
    },
    /// No runner for this machine.
    #[error("there is no runner for `{architecture}`, only for {}\n\nput an executable `canvass-runner-{architecture}` into {}", listed(.available), directory.as_ref().map_or_else(|| "a directory and name that in CANVASS_RUNNERS".to_owned(), |directory| directory.display().to_string()))]
    WrongArchitecture {
        /// What `uname -m` says there.
        architecture: String,
        /// What there is.
        available: Vec<String>,
        /// Where further runners are looked for.
        directory: Option<PathBuf>,
    },
    /// A runner in the directory cannot be read.
    #[error("cannot read the runner {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The shell did not come up.
    #[error("the login did not start /bin/sh: {said}")]
    NoShell {
        /// The last words.
        said: String,
    },
    /// It ended before it was ready.
    #[error("the runner did not start: {said}")]
    DidNotStart {
        /// The last words.
        said: String,
    },
    /// What runs is not what was sent.
    #[error(
        "the runner on the host is not the one that was sent (its hash is `{hash}`)\n\nremove ~/.cache/canvass there and look who changed it"
    )]
    WrongHash {
        /// The hash that it gave.
        hash: String,
    },
    /// No progress.
    #[error("the runner did not start within {} s; last words: {said}", .after.as_secs())]
    TimedOut {
        /// The bound.
        after: Duration,
        /// The last words.
        said: String,
    },
    /// The runner speaks another language.
    #[error("the runner's answer cannot be read: {reason}")]
    Protocol {
        /// Why.
        reason: String,
    },
    /// The file of a task cannot be read here.
    #[error("cannot send {}: {reason}", .path.display())]
    SourceUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Two tasks with one number.
    #[error("task {id} is already in work on this runner")]
    DuplicateTask {
        /// The number.
        id: u64,
    },
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn hints(notes: &[String]) -> String {
    notes.iter().fold(String::new(), |text, note| text + "\n\n" + note)
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; last words: {stderr}") }
}

fn shown(files: &[PathBuf]) -> String {
    files.first().map_or_else(|| "known_hosts".to_owned(), |file| file.display().to_string())
}

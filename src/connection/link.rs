//! An open connection: runners and raw commands on a host.

use std::sync::Arc;
use std::time::Duration;

use super::bootstrap::{Failure, READ, Started, Trust, entry, greet, send, start};
use super::connector::Connector;
use super::conversation::Conversation;
use super::error::{BecomeProblem, ConnectionError, Problem, RunnerProblem};
use super::marker::marker;
use super::openssh::Master;
use super::privilege::{BecomeMethod, Privilege, Terminal};
use super::process::{Ending, Event, Process};
use super::runner::Runner;
use super::ssh::Session;

/// A host that can be worked on.
#[derive(Debug)]
pub struct Connection {
    connector: Arc<Connector>,
    host: String,
    link: Link,
}

/// What a connection is made of.
#[derive(Debug)]
pub(crate) enum Link {
    Local,
    Ssh(Arc<Session>),
    OpenSsh(Arc<Master>),
}

/// What a raw command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; of a command that a signal ended, 128 and more, as in a shell.
    pub status: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it wrote on the error stream.
    pub stderr: Vec<u8>,
}

impl Link {
    async fn open(&self, line: &str, terminal: Terminal) -> Result<Process, Problem> {
        match self {
            Self::Local => super::local::open(line),
            Self::Ssh(session) => session.open(line, terminal).await,
            Self::OpenSsh(master) => master.open(line, terminal),
        }
    }

    /// What is known about why the connection ended.
    fn fate(&self) -> Box<dyn Fn() -> Option<String> + Send + 'static> {
        match self {
            Self::Local | Self::OpenSsh(_) => Box::new(|| None),
            Self::Ssh(session) => {
                let fate = session.fate();
                Box::new(move || fate.reason())
            }
        }
    }
}

impl Connection {
    pub(crate) fn new(connector: Arc<Connector>, host: String, link: Link) -> Self {
        Self { connector, host, link }
    }

    /// The host's name in the inventory.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The line that starts a shell with a privilege, for those who look closely.
    pub fn command(privilege: &Privilege) -> String {
        entry(privilege, "", Terminal::None).line
    }

    /// Starts a runner with a privilege.
    pub async fn runner(&self, privilege: &Privilege) -> Result<Runner, ConnectionError> {
        let error = |problem| ConnectionError::new(&self.host, problem);
        let mut terminal = self.first_terminal(privilege).map_err(error)?;
        let mut trust = Trust::Seal;
        loop {
            let problem = match self.start(privilege, terminal, trust).await {
                Ok(started) => {
                    let taken = Runner::take_over(&self.host, started, self.link.fate()).await;
                    match (taken, trust) {
                        (Err(error), Trust::Seal) if is_broken(&error.problem) => {
                            trust = Trust::Nothing;
                            continue;
                        }
                        (taken, _) => return taken,
                    }
                }
                Err(Failure::TerminalRequired) if terminal == Terminal::None => {
                    terminal = self.terminal(privilege).map_err(error)?;
                    continue;
                }
                Err(Failure::BrokenSeal) => {
                    trust = Trust::Nothing;
                    continue;
                }
                Err(Failure::TerminalRequired) => no_terminal(privilege),
                Err(Failure::Problem(problem)) => problem,
            };
            return Err(error(problem));
        }
    }

    async fn start(
        &self,
        privilege: &Privilege,
        terminal: Terminal,
        trust: Trust,
    ) -> Result<Started, Failure> {
        let marker = marker().map_err(no_marker)?;
        let entry = entry(privilege, &marker, terminal);
        let process = self.link.open(&entry.line, terminal).await?;
        let images = &self.connector.images;
        let started = start(process, privilege, &entry, &marker, terminal, trust, images).await;
        match (&started, self.link.fate()()) {
            (
                Err(
                    Failure::BrokenSeal | Failure::Problem(Problem::Runner(_) | Problem::Become(_)),
                ),
                Some(reason),
            ) => Err(Problem::Lost { reason, stderr: String::new() }.into()),
            _ => started,
        }
    }

    /// doas reads passwords from a terminal only; the others need one only where configured so.
    fn first_terminal(&self, privilege: &Privilege) -> Result<Terminal, Problem> {
        match privilege {
            Privilege::Become { method: BecomeMethod::Doas, password: Some(_), .. } => {
                self.terminal(privilege)
            }
            Privilege::Same | Privilege::Become { .. } => Ok(Terminal::None),
        }
    }

    fn terminal(&self, privilege: &Privilege) -> Result<Terminal, Problem> {
        match self.link {
            Link::Local => Err(no_terminal(privilege)),
            Link::Ssh(_) | Link::OpenSsh(_) => Ok(Terminal::Raw),
        }
    }

    /// Runs a script by `/bin/sh` without a runner; its input is empty.
    pub async fn raw(
        &self,
        privilege: &Privilege,
        script: &str,
        deadline: Option<Duration>,
    ) -> Result<Output, ConnectionError> {
        let work = self.run_raw(privilege, script);
        let done = match deadline {
            None => work.await,
            Some(after) => match tokio::time::timeout(after, work).await {
                Ok(done) => done,
                Err(_) => Err(Failure::Problem(Problem::DeadlinePassed { after })),
            },
        };
        done.map_err(|failure| {
            let problem = match failure {
                Failure::TerminalRequired => no_terminal(privilege),
                Failure::Problem(problem) => problem,
                // there is no runner in this
                Failure::BrokenSeal => RunnerProblem::NoShell { said: String::new() }.into(),
            };
            ConnectionError::new(&self.host, problem)
        })
    }

    async fn run_raw(&self, privilege: &Privilege, script: &str) -> Result<Output, Failure> {
        let terminal = self.first_terminal(privilege)?;
        let marker = marker().map_err(no_marker)?;
        let entry = entry(privilege, &marker, terminal);
        let process = self.link.open(&entry.line, terminal).await?;
        let mut conversation = Conversation::new(process, &marker, entry.question.clone());
        greet(&mut conversation, privilege, &entry).await?;
        let text = format!("m={marker}; {READ}\nexec </dev/null\n{script}\n{marker}\n");
        // an error shows as the end of the output
        let _ = send(&mut conversation, text.as_bytes()).await;
        let mut ending = None;
        let (mut process, rest, _) = conversation.into_parts();
        let mut output = Output { status: -1, stdout: rest.to_vec(), stderr: Vec::new() };
        while let Some(event) = process.output.next().await {
            match event {
                Event::Stdout(data) => output.stdout.extend_from_slice(&data),
                Event::Stderr(data) => output.stderr.extend_from_slice(&data),
                Event::Ended(how) => ending = Some(how),
            }
        }
        output.status = match ending {
            Some(Ending::Status(status)) => status,
            Some(Ending::Signal(_)) => 255,
            None => {
                let reason =
                    self.link.fate()().unwrap_or_else(|| "the channel was closed".to_owned());
                let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(Problem::Lost { reason, stderr }.into());
            }
        };
        Ok(output)
    }

    /// Says goodbye; runners on this connection end.
    pub async fn close(self) {
        match self.link {
            Link::Local => {}
            Link::Ssh(session) => session.close().await,
            Link::OpenSsh(master) => master.close().await,
        }
    }
}

/// Whether it was the program itself that did not do.
fn is_broken(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Runner(RunnerProblem::WrongHash { .. } | RunnerProblem::DidNotStart { .. })
    )
}

fn no_marker(error: std::io::Error) -> Problem {
    RunnerProblem::DidNotStart { said: format!("no random numbers here: {error}") }.into()
}

fn no_terminal(privilege: &Privilege) -> Problem {
    match privilege {
        Privilege::Become { method, user, .. } => {
            BecomeProblem::TerminalRequired { method: *method, user: user.clone() }.into()
        }
        Privilege::Same => {
            RunnerProblem::NoShell { said: "the login wants a terminal".to_owned() }.into()
        }
    }
}

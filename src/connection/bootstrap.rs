//! From a login to a running runner: one command on the host.
//!
//! The login shell gets one short constant line: `/bin/sh`, through `sudo`, `su` or `doas` where
//! that is asked for, which greets with a random marker and obeys the first line of its input. So
//! nothing depends on the login shell's dialect, and nothing but the marker is in the host's
//! process list.
//!
//! That line is `start.sh`: it becomes the runner where it lies ready, at the price of one `ls`.
//! Otherwise it asks for more, and `bootstrap.sh` looks closer or takes the runner in. A runner
//! was verified before it got its seal (its mode, and not to be newer than its directory); one
//! that has the seal and does not come up all the same is not trusted the next time.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt as _;

use super::conversation::{Conversation, Encoding, Signal};
use super::embedded::{Images, RunnerImage};
use super::error::{BecomeProblem, Problem, RunnerProblem};
use super::privilege::{BecomeMethod, Privilege, PrivilegedLine, Terminal, privileged_line};
use super::process::{Process, Tail};
use super::quoting::quote;

const START: &str = include_str!("start.sh");
const SCRIPT: &str = include_str!("bootstrap.sh");

/// Obeys all lines that follow, up to the marker.
///
/// dash reads its input byte by byte, so that what is after the marker is left for others.
pub(crate) const READ: &str = "s=; n=$(printf \"\\nx\"); n=${n%x}; \
     while IFS= read -r l; do [ \"$l\" = \"$m\" ] && break; s=$s$l$n; done; eval \"$s\"";

/// How long the host may say nothing while a runner starts.
const SILENCE: Duration = Duration::from_mins(2);

/// The line for the login shell and what to answer when a password is asked for.
///
/// `;` and single quotes mean the same to every shell; there is no `!` for `csh`.
pub(crate) fn entry(privilege: &Privilege, marker: &str, terminal: Terminal) -> PrivilegedLine {
    let raw = match terminal {
        Terminal::None => "",
        Terminal::Raw => "stty raw -echo 2>/dev/null;",
    };
    let reader =
        format!("{raw}printf \"\\ncanvass-boot %s hello\\n\" {marker};IFS= read -r l;eval \"$l\"");
    privileged_line(privilege, &format!("/bin/sh -c {}", quote(&reader)), marker)
}

/// Whether a runner with the seal is taken for what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is.
    Seal,
    /// It is verified again: it did not come up.
    Nothing,
}

/// What scripts are told about a runner.
fn parameters(marker: &str, image: &RunnerImage, terminal: Terminal) -> String {
    let quiet = match terminal {
        Terminal::None => "",
        Terminal::Raw => "quiet",
    };
    format!(
        "m={marker}; a={}; h={}; g={}; z={}; e={quiet};",
        quote(&image.architecture),
        quote(&image.sha256),
        image.gzip.len(),
        image.size,
    )
}

/// The lines of a script without its comments.
fn lines(script: &str) -> impl Iterator<Item = &str> {
    script.lines().filter(|line| !line.starts_with('#'))
}

/// What the first shell reads first.
fn first_words(marker: &str, image: &RunnerImage, terminal: Terminal, trust: Trust) -> String {
    let parameters = parameters(marker, image, terminal);
    match trust {
        Trust::Seal => {
            let start: Vec<&str> = lines(START).map(str::trim).collect();
            format!("{parameters} v=; {} {READ}\n", start.join(" "))
        }
        Trust::Nothing => format!("{parameters} v=all; {READ}\n{}", script(marker)),
    }
}

/// The script that looks closer, as [`READ`] takes it.
fn script(marker: &str) -> String {
    let text = String::with_capacity(SCRIPT.len());
    lines(SCRIPT).fold(text, |text, line| text + line + "\n") + marker + "\n"
}

/// A runner that has printed its magic line.
pub(crate) struct Started {
    pub(crate) process: Process,
    /// What came after the magic line already.
    pub(crate) rest: BytesMut,
    pub(crate) errors: Tail,
    /// Whether a terminal stands between: the end of the input does not reach the runner then.
    pub(crate) terminal: Terminal,
    /// The hash that the runner has to show.
    pub(crate) sha256: String,
}

/// Why no runner came up: something that a terminal would cure, or not.
pub(crate) enum Failure {
    /// The program for the privilege insists on a terminal.
    TerminalRequired,
    /// A runner that had the seal ended at once.
    BrokenSeal,
    /// Final.
    Problem(Problem),
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

/// Waits until the first shell greets, and gives the password when it is asked for.
pub(crate) async fn greet(
    conversation: &mut Conversation,
    privilege: &Privilege,
    entry: &PrivilegedLine,
) -> Result<(), Failure> {
    let mut answered = false;
    loop {
        let signal = match privilege {
            Privilege::Same => next(conversation).await?,
            Privilege::Become { asking, .. } => {
                let signal = tokio::time::timeout(asking.patience, conversation.signal()).await;
                signal.map_err(|_| BecomeProblem::TimedOut { after: asking.patience })?
            }
        };
        match (signal, &entry.answer) {
            (Signal::Hello, _) => break,
            (Signal::Question, Some(password)) if !answered => {
                answered = true;
                let line = password.line();
                let sent = send(conversation, &line).await;
                sent.map_err(|_| no_privilege(conversation, privilege, answered))?;
            }
            (Signal::Question, _) => {
                return Err(Failure::Problem(asked_in_vain(privilege, answered)));
            }
            (Signal::End, _) => return Err(no_privilege(conversation, privilege, answered)),
            _ => {}
        }
    }
    conversation.no_more_questions();
    conversation.noise.clear();
    conversation.errors.clear();
    Ok(())
}

/// Turns a fresh process of [`entry`] into a runner.
pub(crate) async fn start(
    process: Process,
    privilege: &Privilege,
    entry: &PrivilegedLine,
    marker: &str,
    terminal: Terminal,
    trust: Trust,
    images: &Images,
) -> Result<Started, Failure> {
    let mut conversation = Conversation::new(process, marker, entry.question.clone());
    let mut image = images.first();
    let words = first_words(marker, &image, terminal, trust);
    // without a question in the way, they go out at once and save a round trip
    let at_once = matches!(privilege, Privilege::Same) && terminal == Terminal::None;
    if at_once {
        // an error shows as the end of the output, with the reason
        let _ = send(&mut conversation, words.as_bytes()).await;
    }
    greet(&mut conversation, privilege, entry).await?;
    if !at_once {
        let _ = send(&mut conversation, words.as_bytes()).await;
    }
    let mut sealed = trust == Trust::Seal;
    loop {
        match next(&mut conversation).await? {
            Signal::Runner => {
                let (process, rest, errors) = conversation.into_parts();
                let sha256 = image.sha256.clone();
                return Ok(Started { process, rest, errors, terminal, sha256 });
            }
            Signal::More => {
                sealed = false;
                let _ = send(&mut conversation, script(marker).as_bytes()).await;
            }
            Signal::Architecture(name) => {
                image = images.find(&name).await?;
                let line = format!("{} {} {}\n", image.sha256, image.gzip.len(), image.size);
                let _ = send(&mut conversation, line.as_bytes()).await;
            }
            Signal::Need(encoding) => {
                let _ = send_image(&mut conversation, images, &image, encoding).await?;
            }
            Signal::Nowhere(tried) => return Err(RunnerProblem::NoPlace { tried }.into()),
            Signal::End if sealed => return Err(Failure::BrokenSeal),
            Signal::End => {
                let said = conversation.last_words();
                return Err(RunnerProblem::DidNotStart { said }.into());
            }
            Signal::Hello | Signal::Question => {}
        }
    }
}

async fn send_image(
    conversation: &mut Conversation,
    images: &Images,
    image: &Arc<RunnerImage>,
    encoding: Encoding,
) -> Result<Result<(), std::io::Error>, Problem> {
    let _turn = images.turn().await;
    Ok(match encoding {
        Encoding::Gzip => send(conversation, &image.gzip).await,
        Encoding::Raw => {
            let program = images
                .program(image)
                .await
                .map_err(|error| RunnerProblem::DidNotStart { said: error.to_string() })?;
            send(conversation, &program).await
        }
    })
}

pub(crate) async fn send(conversation: &mut Conversation, data: &[u8]) -> std::io::Result<()> {
    conversation.process.input.write_all(data).await?;
    conversation.process.input.flush().await
}

async fn next(conversation: &mut Conversation) -> Result<Signal, Problem> {
    if let Ok(signal) = tokio::time::timeout(SILENCE, conversation.signal()).await {
        return Ok(signal);
    }
    let said = conversation.last_words();
    Err(RunnerProblem::TimedOut { after: SILENCE, said }.into())
}

fn asked_in_vain(privilege: &Privilege, answered: bool) -> Problem {
    let Privilege::Become { method, user, .. } = privilege else {
        return RunnerProblem::NoShell { said: "it asked for a password".to_owned() }.into();
    };
    let (method, user) = (*method, user.clone());
    if answered {
        BecomeProblem::WrongPassword { method, user }.into()
    } else {
        BecomeProblem::PasswordRequired { method, user }.into()
    }
}

/// The end came before the first shell: reads out of the last words why.
fn no_privilege(conversation: &Conversation, privilege: &Privilege, answered: bool) -> Failure {
    let said = conversation.last_words();
    let Privilege::Become { method, user, executable, .. } = privilege else {
        return RunnerProblem::NoShell { said }.into();
    };
    let (method, user) = (*method, user.clone());
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&[
        "must have a tty",
        "tty is required",
        "a terminal is required",
        "must be run from a terminal",
    ]) {
        // sudo without a password says so too when it may not read one
        if !(method == BecomeMethod::Sudo && has(&["a terminal is required to read the password"]))
        {
            return Failure::TerminalRequired;
        }
    }
    let program = executable.as_deref().unwrap_or(method.name());
    let absent = ["not found", "No such file", "Unknown command"];
    if has(&absent) && said.contains(program) {
        return BecomeProblem::MethodMissing { method, user, said }.into();
    }
    let wrong = [
        "incorrect password attempt",
        "Sorry, try again",
        "Authentication failure",
        "Authentication failed",
        "incorrect password",
        "Permission denied",
    ];
    if answered && has(&wrong) {
        return BecomeProblem::WrongPassword { method, user }.into();
    }
    let required = ["a password is required", "Authentication required", "a terminal is required"];
    let unasked =
        method == BecomeMethod::Su && has(&["Authentication failure", "incorrect password"]);
    if !answered && (has(&required) || unasked) {
        return BecomeProblem::PasswordRequired { method, user }.into();
    }
    BecomeProblem::Refused { method, user, said }.into()
}

//! Asking for passwords on the terminal.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use console::Term;
use zeroize::Zeroizing;

use crate::connection::Secret;
use crate::run::{Ask, Question};

use super::CommandError;

/// Asks for a secret; an error with what to use `instead` where nobody answers.
fn password(question: &str, instead: &str) -> Result<Secret, CommandError> {
    let name = question.split('[').next().unwrap_or_default().trim_end_matches(": ");
    match hidden(question) {
        Ok(Some(answer)) => Ok(Secret::new(answer.as_str())),
        Ok(None) => Err(CommandError::options(
            format!(
                "cannot ask for the {name}: there is no terminal, and standard input has ended"
            ),
            Some(&format!("use `{instead}`")),
        )),
        Err(error) => Err(CommandError::options(
            format!("cannot ask for the {name}: {error}"),
            Some(&format!("use `{instead}`")),
        )),
    }
}

/// Asks for a secret on the terminal; `None` where there is none.
pub(crate) fn ask(question: &str) -> Option<Secret> {
    let terminal = terminal()?;
    terminal.write_str(question).ok()?;
    terminal.read_secure_line().ok().map(Secret::new)
}

/// Asks on the terminal without showing what is typed; reads standard input where there is no
/// terminal. None at its end.
pub(super) fn hidden(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    if let Some(terminal) = terminal() {
        terminal.write_str(question)?;
        return terminal.read_secure_line().map(|line| Some(Zeroizing::new(line)));
    }
    line(question)
}

/// Asks on standard error and reads a line of standard input; none at its end.
pub(super) fn line(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    io::stderr().lock().write_all(question.as_bytes())?;
    let mut line = Zeroizing::new(String::new());
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())))
}

/// The terminal that the process was started at, wherever its streams lead.
fn terminal() -> Option<Term> {
    let terminal = fs::File::options().read(true).write(true).open("/dev/tty").ok()?;
    Some(Term::read_write_pair(terminal.try_clone().ok()?, terminal))
}

/// Asks the questions of plays; `None` where there is no terminal.
pub(crate) fn asker() -> Option<Ask> {
    let terminal = Term::stderr();
    let interactive = terminal.is_term() && io::IsTerminal::is_terminal(&io::stdin());
    interactive.then(|| -> Ask {
        Arc::new(move |question: &Question| {
            terminal.write_str(&question.text).ok()?;
            match question.private {
                true => terminal.read_secure_line().ok(),
                false => terminal.read_line().ok(),
            }
        })
    })
}

/// Asks a question that takes yes or no; an error with a hint where there is nobody to ask.
pub(crate) fn yes(question: &str) -> Result<bool, &'static str> {
    let terminal = Term::stderr();
    if !io::IsTerminal::is_terminal(&io::stdin()) {
        // answers can be piped
        let _ = terminal.write_str(question);
        let mut line = String::new();
        return match io::stdin().read_line(&mut line) {
            Ok(read) if read > 0 => Ok(is_yes(&line)),
            _ => Err("there is no terminal; `--on-drift stop-host` leaves such hosts out"),
        };
    }
    let asked = terminal.write_str(question).and_then(|()| terminal.read_line());
    asked.map(|line| is_yes(&line)).map_err(|_| "the terminal is gone")
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Asks each question once in this process, and answers it again as it was answered.
pub(crate) fn remembered(ask: Ask) -> Ask {
    static ANSWERS: Mutex<BTreeMap<String, Zeroizing<String>>> = Mutex::new(BTreeMap::new());
    Arc::new(move |question: &Question| {
        let known = |answers: &BTreeMap<String, Zeroizing<String>>| {
            answers.get(&question.text).map(|answer| answer.to_string())
        };
        let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known(&answers) {
            return Some(answer);
        }
        let answer = ask(question)?;
        answers.insert(question.text.clone(), Zeroizing::new(answer.clone()));
        Some(answer)
    })
}

/// Asks whoever is at standard input: the question goes to standard output.
pub(crate) fn reader() -> Ask {
    Arc::new(|question: &Question| {
        let mut out = io::stdout();
        out.write_all(question.text.as_bytes()).and_then(|()| out.flush()).ok()?;
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    })
}

/// Asked for, read from a file, or none.
pub(crate) fn secret(
    ask: bool,
    file: Option<&Path>,
    question: &str,
    instead: &str,
) -> Result<Option<Secret>, CommandError> {
    match (ask, file) {
        (_, Some(file)) => from_file(file).map(Some),
        (true, None) => password(question, instead).map(Some),
        (false, None) => Ok(None),
    }
}

/// What a file holds, or prints where it is a program, without the line end; `-` is standard
/// input.
pub(crate) fn from_file(path: &Path) -> Result<Secret, CommandError> {
    let shown = path.display();
    let wrong = |why: String| CommandError::other(why, None);
    let text = if path == Path::new("-") {
        io::read_to_string(io::stdin())
            .map_err(|error| wrong(format!("cannot read standard input: {error}")))?
    } else if !path.exists() {
        return Err(wrong(format!("The password file {shown} was not found")));
    } else if is_program(path) {
        let output = Command::new(path).stderr(Stdio::inherit()).output().map_err(|error| {
            wrong(format!(
                "Problem occurred when trying to run the password script {shown} ({error}). If \
                 this is not a script, remove the executable bit from the file."
            ))
        })?;
        if !output.status.success() {
            let code = output.status.code().unwrap_or(-1);
            return Err(wrong(format!(
                "The password script {shown} returned an error (rc={code})"
            )));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        fs::read_to_string(path)
            .map_err(|error| wrong(format!("Could not read password file {shown}: {error}")))?
            .trim()
            .to_owned()
    };
    match text.trim_matches(['\r', '\n']) {
        "" => Err(wrong(format!("Empty password was provided from file ({shown})"))),
        text => Ok(Secret::new(text)),
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

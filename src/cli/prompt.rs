//! Asking for passwords on the terminal.

use std::path::Path;

use console::Term;

use crate::connection::Secret;

use super::CommandError;

/// Asks for a secret; refused where nobody can answer.
pub(crate) fn password(question: &str, instead: &str) -> Result<Secret, CommandError> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(CommandError::options(
            format!("cannot ask for the {question}: there is no terminal"),
            Some(&format!("use `{instead}`")),
        ));
    }
    ask(question).ok_or_else(|| CommandError::options(format!("no {question} was given"), None))
}

/// Asks for a secret on the terminal; `None` when nobody answers.
pub(crate) fn ask(question: &str) -> Option<Secret> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return None;
    }
    terminal.write_str(&format!("{question}: ")).ok()?;
    terminal.read_secure_line().ok().map(Secret::new)
}

/// The first line of a file that holds a secret.
pub(crate) fn from_file(path: &Path) -> Result<Secret, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::options(format!("cannot read `{}`: {error}", path.display()), None)
    })?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

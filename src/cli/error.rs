//! What ends a command before or beside its work, and with which exit code.

use crate::diagnostics::{Color, Diagnostic, Explain, render};
use crate::inventory::InventoryError;
use crate::playbook::{PlaybookError, PlaybookErrorKind};
use crate::vault::VaultError;

/// The exit codes, as Ansible's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Something else went wrong.
    Error = 1,
    /// A playbook, an inventory or variables cannot be understood (ansible-playbook's parser
    /// error; unreachable hosts share the number).
    Parse = 4,
    /// Options that do not fit together.
    Options = 5,
}

/// What ends a command.
#[derive(Debug)]
pub struct CommandError {
    status: ExitStatus,
    diagnostics: Vec<Diagnostic>,
}

impl CommandError {
    /// Files of the user are wrong.
    pub(crate) fn parse(diagnostics: Vec<Diagnostic>) -> Self {
        Self { status: ExitStatus::Parse, diagnostics }
    }

    /// Files of the user are wrong, in each of these ways.
    pub(crate) fn parse_all<E: Explain + 'static>(errors: &[E]) -> Self {
        let told = errors.iter().map(|error| Diagnostic::error(error)).collect();
        // what stays locked, or is not there, is nothing that cannot be understood
        match errors.iter().any(is_locked) || errors.first().is_some_and(is_missing) {
            true => Self { status: ExitStatus::Error, diagnostics: told },
            false => Self::parse(told),
        }
    }

    /// Options do not fit together or cannot be understood.
    pub(crate) fn options(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { status: ExitStatus::Options, diagnostics: vec![plain(message.into(), hint)] }
    }

    /// Something else.
    pub(crate) fn other(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { status: ExitStatus::Error, diagnostics: vec![plain(message.into(), hint)] }
    }

    /// Something else, with all that led to it.
    pub(crate) fn caused(error: &dyn std::error::Error, hint: Option<&str>) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        Self::other(message, hint)
    }

    /// As it is shown on standard error.
    pub fn rendered(&self) -> String {
        self.diagnostics.iter().map(draw).collect::<Vec<_>>().join("\n")
    }

    /// What is wrong.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.status as u8
    }
}

/// A name that leads nowhere, or that only a run could tell: as in Ansible no error of the parser.
fn is_missing(error: &(impl Explain + 'static)) -> bool {
    let error: &(dyn std::error::Error + 'static) = error;
    if error.downcast_ref::<InventoryError>().is_some_and(InventoryError::is_unread) {
        return true;
    }
    let error = error.downcast_ref::<PlaybookError>();
    error.is_some_and(|error| {
        use PlaybookErrorKind::{RoleNotFound, StaticName};
        matches!(error.kind, RoleNotFound { .. } | StaticName { .. })
    })
}

fn is_locked(error: &(impl Explain + 'static)) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<VaultError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A message as it is shown on standard error.
pub(crate) fn draw(diagnostic: &Diagnostic) -> String {
    let color = match console::colors_enabled_stderr() {
        true => Color::Always,
        false => Color::Never,
    };
    render(diagnostic, color)
}

fn plain(message: String, hint: Option<&str>) -> Diagnostic {
    Diagnostic {
        severity: crate::diagnostics::Severity::Error,
        message,
        span: None,
        label: None,
        hints: hint.map(str::to_owned).into_iter().collect(),
    }
}

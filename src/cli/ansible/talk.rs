//! What the programs say beside their output, in Ansible's form: `[WARNING]: …`, `[ERROR]: …`.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::diagnostics::{Diagnostic, Severity};
use crate::report::default::{HOW_TO_SILENCE, Speech, place, speak};
use crate::report::log::Log;
use crate::report::{Color, Terminal};
use crate::settings::Settings;
use crate::source::Span;
use crate::template::Told;

use super::Invocation;

/// The release whose behaviour this program follows.
pub(in crate::cli) const CORE: &str = "2.19.14";

/// How messages look; set once, by [`begin`].
static LOOK: LazyLock<Mutex<Look>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Look {
    color: Color,
    told: HashSet<String>,
    verbosity: u8,
    log: Option<Log>,
}

/// Settles how messages look, and tells what is worth knowing of the settings.
pub(super) fn begin(settings: &Settings) {
    {
        let mut look = LOOK.lock().unwrap_or_else(PoisonError::into_inner);
        look.color = color(settings);
        look.log = settings.path("DEFAULT_LOG_PATH").and_then(|path| open_log(&path));
    }
    for text in settings.warnings() {
        warning(text);
    }
}

/// The log of what is said, if there is one.
pub(super) fn log() -> Option<Log> {
    LOOK.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
}

fn open_log(path: &Path) -> Option<Log> {
    let user = rustix::process::getuid();
    let user = std::env::var("USER").unwrap_or_else(|_| format!("uid={}", user.as_raw()));
    let shown = path.display();
    if path.is_dir() {
        let text =
            format!("[WARNING]: DEFAULT_LOG_PATH can not be a directory '{shown}', aborting\n");
        crate::cli::raw(&text);
        return None;
    }
    Log::open(path, &user)
        .map_err(|_| {
            crate::cli::raw(&format!(
                "[WARNING]: log file at '{shown}' is not writeable and we cannot create it, \
                 aborting\n\n"
            ));
        })
        .ok()
}

/// Whether output is coloured: `ANSIBLE_FORCE_COLOR`, `ANSIBLE_NOCOLOR`, else on a terminal.
pub(in crate::cli) fn color(settings: &Settings) -> Color {
    let terminal = console::Term::stdout().is_term();
    let terminal = if terminal { Terminal::Yes } else { Terminal::No };
    let forced = settings.boolean("ANSIBLE_FORCE_COLOR");
    match (settings.boolean("ANSIBLE_NOCOLOR"), forced, terminal) {
        (_, true, _) => Color::On,
        (true, ..) | (_, _, Terminal::No) => Color::Off,
        (false, false, Terminal::Yes) => Color::On,
    }
}

/// A warning; each text is told once.
pub(in crate::cli) fn warning(text: &str) {
    say(Speech::Warning, text);
}

/// What rendering tells; each text once.
pub(super) fn told(told: Told<'_>) {
    match told {
        Told::Warning(text) => warning(text),
        Told::Discouraged { text, span, help } => {
            let mut text = text.to_owned();
            match span {
                Some(span) => text.push_str(&format!("\n{}\n", place(&span.place()).trim_end())),
                None => text.push('\n'),
            }
            if let Some(help) = help {
                text.push_str(&format!("\n{help}"));
            }
            warning(&text);
        }
        Told::Deprecation { text, span, help } => deprecation(text, span, help),
    }
}

/// A use of what goes away, with its place.
fn deprecation(text: &str, span: Option<&Span>, help: Option<&str>) {
    let mut text = format!("{text} This feature will be removed from ansible-core version 2.23.");
    if let Some(span) = span {
        text.push_str(&format!("\n{}", place(&span.place())));
    }
    if let Some(help) = help {
        text.push_str(&format!("\n\n{help}"));
    }
    going(&text);
}

/// That something goes away, where that is of interest.
fn going(text: &str) {
    if crate::settings::current().boolean("DEPRECATION_WARNINGS") {
        say(Speech::Warning, HOW_TO_SILENCE);
        say(Speech::Deprecation, text);
    }
}

/// What is worth knowing from so many `-v` on.
pub(super) fn verbose(from: u8, text: &str) {
    if LOOK.lock().unwrap_or_else(PoisonError::into_inner).verbosity < from {
        return;
    }
    match crate::settings::current().boolean("VERBOSE_TO_STDERR") {
        true => crate::cli::raw(&format!("{text}\n")),
        false => crate::cli::print(&format!("{text}\n")),
    }
}

/// With `-v`, which file the settings come from.
pub(super) fn header(program: &str, settings: &Settings, verbosity: u8) {
    LOOK.lock().unwrap_or_else(PoisonError::into_inner).verbosity = verbosity;
    let tell = match settings.boolean("VERBOSE_TO_STDERR") {
        true => crate::cli::raw,
        false => crate::cli::print,
    };
    if verbosity > 1 {
        tell(&about(program, settings));
    }
    if verbosity > 0 {
        tell(&match settings.file() {
            Some(file) => format!("Using {} as config file\n", file.path.display()),
            None => "No config file found; using defaults\n".to_owned(),
        });
    }
}

/// What ended a program.
pub(in crate::cli) fn error(text: &str) {
    say(Speech::Error, text);
}

/// A diagnostic with its place and the lines around it.
pub(in crate::cli) fn diagnostic(diagnostic: &Diagnostic) {
    let mut text = diagnostic.message.clone();
    let hints = diagnostic.hints.join(" ");
    if let Some(span) = &diagnostic.span {
        text.push_str(&format!("\n{}", place(&span.place())));
        if !hints.is_empty() {
            text.push_str(&format!("\n{hints}"));
        }
    } else if !hints.is_empty() {
        text.push_str(&format!(" {hints}"));
    }
    match diagnostic.severity {
        Severity::Error => say(Speech::Error, &text),
        Severity::Warning => say(Speech::Warning, &text),
        Severity::Deprecation => going(&text),
    }
}

fn say(speech: Speech, text: &str) {
    let mut look = LOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let line = speak(speech, text, look.color);
    if look.told.insert(line.clone()) {
        crate::cli::raw(&line);
        if let Some(log) = &look.log {
            log.write(&line);
        }
    }
}

/// `--version`, wherever it stands before `--`.
pub(super) fn version(program: &str, invocation: &Invocation) -> Option<ExitCode> {
    let asked = |word: &&std::ffi::OsString| word.to_str() == Some("--version");
    invocation.arguments.iter().skip(1).take_while(|word| *word != "--").find(asked)?;
    crate::cli::print(&about(program, &invocation.settings));
    Some(ExitCode::SUCCESS)
}

/// Versions and paths.
fn about(program: &str, settings: &Settings) -> String {
    let file = settings.file().map_or("None".to_owned(), |file| file.path.display().to_string());
    let list = |name| {
        let items = settings.list(name);
        items.iter().map(|item| format!("'{item}'")).collect::<Vec<_>>().join(", ")
    };
    let location = std::env::current_exe().unwrap_or_default();
    format!(
        "{program} [core {CORE}]\n  config file = {file}\n  configured module search path = [{}]\n  \
         ansible collection location = {}\n  executable location = {}\n  canvass version = {}\n",
        list("DEFAULT_MODULE_PATH"),
        settings.list("COLLECTIONS_PATHS").join(":"),
        location.display(),
        env!("CARGO_PKG_VERSION"),
    )
}

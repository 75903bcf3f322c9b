//! Lines that are typed, with a memory and completion on a terminal, or piped in.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use super::super::super::print;
use crate::settings::Settings;

/// What was typed.
pub(super) enum Line {
    Text(String),
    /// Ctrl-C
    Interrupted,
    /// Ctrl-D, or nothing more comes.
    End,
}

/// Where lines come from.
pub(super) enum Lines {
    Typed { editor: Box<Editor<Words, DefaultHistory>>, memory: Option<PathBuf> },
    Piped,
}

impl Lines {
    pub(super) fn new(settings: &Settings) -> Self {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Self::Piped;
        }
        let Ok(mut editor) = Editor::new() else { return Self::Piped };
        let memory = settings.home().map(|home| home.join(".ansible-console_history"));
        if let Some(memory) = &memory {
            // the first time there is none
            let _ = editor.load_history(memory);
        }
        editor.set_helper(Some(Words::default()));
        Self::Typed { editor: Box::new(editor), memory }
    }

    /// What words can be completed to.
    pub(super) fn offer(&mut self, words: Vec<String>) {
        if let Self::Typed { editor, .. } = self {
            editor.set_helper(Some(Words { words }));
        }
    }

    /// The next line.
    pub(super) fn next(&mut self, prompt: &str) -> io::Result<Line> {
        let Self::Typed { editor, .. } = self else {
            print(prompt);
            let mut line = String::new();
            return Ok(match io::stdin().lock().read_line(&mut line)? {
                0 => Line::End,
                _ => Line::Text(line),
            });
        };
        match editor.readline(prompt) {
            Ok(line) => {
                // a line that is not remembered does no harm
                let _ = editor.add_history_entry(&line);
                Ok(Line::Text(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Self::Typed { editor, memory: Some(memory) } = self {
            // as above
            let _ = editor.save_history(memory);
        }
    }
}

/// Completes the word before the cursor.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<String>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or_default();
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = before.get(start..).unwrap_or_default();
        let fits = self.words.iter().filter(|known| known.starts_with(word));
        Ok((start, fits.cloned().collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

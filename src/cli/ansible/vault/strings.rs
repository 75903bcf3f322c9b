//! `encrypt_string`: strings become values for YAML files.

use std::io::{self, IsTerminal as _};

use clap::Args;
use zeroize::Zeroizing;

use super::super::super::CommandError;
use super::super::super::prompt::{hidden, line};
use super::Locking;
use super::files::{self, Old, wrong};

/// Which strings, and the names that they get.
#[derive(Debug, Args)]
pub(super) struct Strings {
    /// The strings; `-` is standard input
    #[arg(value_name = "string_to_encrypt")]
    pub(super) texts: Vec<String>,
    /// Ask for the string
    #[arg(short, long)]
    prompt: bool,
    /// Show what is typed
    #[arg(long)]
    show_input: bool,
    /// The variable of a string; may be given several times, in order
    #[arg(short, long)]
    name: Vec<String>,
    /// The variable of the string from standard input
    #[arg(long)]
    stdin_name: Option<String>,
}

/// A string, where it comes from, and its variable.
struct Plain {
    text: Zeroizing<String>,
    source: &'static str,
    name: Option<String>,
}

fn refused(text: &str) -> CommandError {
    CommandError::options(text, None)
}

impl Strings {
    fn reads_stdin(&self) -> bool {
        self.texts.iter().any(|text| text == "-")
            || self.stdin_name.is_some()
            || (self.texts.is_empty() && !self.prompt)
    }

    /// Refuses what does not go together.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        if self.prompt && self.reads_stdin() {
            let text = "The --prompt option is not supported if also reading input from stdin";
            return Err(refused(text));
        }
        Ok(())
    }

    /// Writes the encrypted strings.
    pub(super) fn encrypt(
        &self,
        locking: &Locking,
        output: Option<&str>,
    ) -> Result<(), CommandError> {
        let mut plains = Vec::new();
        if self.prompt {
            plains.push(self.asked()?);
        }
        if self.reads_stdin() {
            plains.push(self.piped()?);
        }
        self.given(&mut plains)?;
        let mut text = String::new();
        for (number, plain) in (1..).zip(&plains) {
            let ciphertext = locking.encrypt(plain.text.as_bytes())?;
            if plains.len() > 1 {
                super::super::super::say(&match &plain.name {
                    Some(name) => format!(
                        "# The encrypted version of variable (\"{name}\", the string #{number} from {}).",
                        plain.source
                    ),
                    None => format!(
                        "# The encrypted version of the string #{number} from {}.)",
                        plain.source
                    ),
                });
            }
            text.push_str(&yaml(&ciphertext, plain.name.as_deref()));
        }
        files::write(output.unwrap_or("-"), text.as_bytes(), Old::Shredded)
    }

    fn asked(&self) -> Result<Plain, CommandError> {
        let ask = |answer: io::Result<Option<Zeroizing<String>>>| {
            answer
                .map_err(|error| wrong(format!("cannot ask: {error}")))
                .map(Option::unwrap_or_default)
        };
        let name = ask(line("Variable name (enter for no name): "))?;
        let text = match self.show_input {
            true => ask(line("String to encrypt:"))?,
            false => ask(hidden("String to encrypt (hidden): "))?,
        };
        if text.is_empty() {
            let text = "The plaintext provided from the prompt was empty, not encrypting";
            return Err(refused(text));
        }
        let name = (!name.is_empty()).then(|| name.to_string());
        Ok(Plain { text, source: "the interactive prompt", name })
    }

    fn piped(&self) -> Result<Plain, CommandError> {
        if io::stdout().is_terminal() {
            super::super::super::say(
                "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content \
                 does not already have a newline)",
            );
        }
        let text = io::read_to_string(io::stdin().lock())
            .map_err(|error| wrong(format!("cannot read standard input: {error}")))?;
        if text.is_empty() {
            return Err(refused("stdin was empty, not encrypting"));
        }
        Ok(Plain { text: Zeroizing::new(text), source: "stdin", name: self.stdin_name.clone() })
    }

    fn given(&self, plains: &mut Vec<Plain>) -> Result<(), CommandError> {
        let texts: Vec<&String> = self.texts.iter().filter(|text| *text != "-").collect();
        if let Some(last) = self.name.last()
            && texts.len() > self.name.len()
        {
            super::super::super::say(&format!(
                "The number of --name options do not match the number of args.\nThe last named \
                 variable will be \"{last}\". The rest will not have names."
            ));
        }
        let names = self.name.iter().map(|name| Some(name.clone())).chain(std::iter::repeat(None));
        for (text, name) in texts.into_iter().zip(names) {
            if text.is_empty() {
                let text =
                    "The plaintext provided from the command line args was empty, not encrypting";
                return Err(refused(text));
            }
            let text = Zeroizing::new(text.clone());
            plains.push(Plain { text, source: "the command line args", name });
        }
        Ok(())
    }
}

/// A ciphertext as the value of a YAML file.
fn yaml(ciphertext: &str, name: Option<&str>) -> String {
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    let mut text = format!("{name}!vault |\n");
    for line in ciphertext.lines() {
        text.push_str(&format!("          {line}\n"));
    }
    text
}

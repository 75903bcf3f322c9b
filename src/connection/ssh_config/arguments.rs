//! The words of `ansible_ssh_common_args` and `ansible_ssh_extra_args`.

use std::path::PathBuf;

use super::parse::{Item, Place, parse_line};
use super::{ConfigError, Home};

/// What the arguments of `ssh` say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshArguments {
    /// Options, in order, as if from a file.
    pub options: Vec<Item>,
    /// `-F`: the only file to read.
    pub file: Option<ConfigFile>,
}

/// What `-F` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFile {
    /// `-F none`.
    None,
    /// A file.
    Path(PathBuf),
}

/// Reads the arguments that also russh can follow.
pub fn parse_arguments(words: &[String], home: &Home) -> Result<SshArguments, ConfigError> {
    let mut found = SshArguments::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let refuse = |reason: &str| ConfigError::Argument {
            argument: word.clone(),
            reason: reason.to_owned(),
        };
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next() else {
            return Err(refuse(
                "is no option of ssh\n\nuse `connection: openssh` for what only ssh itself understands",
            ));
        };
        let attached = letters.as_str();
        let flags_only = |all: &str| word.chars().skip(1).all(|letter| all.contains(letter));
        if flags_only("CqTaxk46n") && !word.contains(['4', '6']) {
            // compression, quiet, no terminal, no forwarding, no input: as it is here anyway
            continue;
        }
        if matches!(word.as_str(), "-4" | "-6") {
            let family = if word == "-4" { "inet" } else { "inet6" };
            found.options.push(option(&format!("AddressFamily={family}"), home)?);
            continue;
        }
        if !"oFipljJ".contains(letter) {
            return Err(refuse(
                "is not supported by this connection; -o, -F, -i, -p, -l, -J are\n\nuse `connection: openssh` for what only ssh itself understands",
            ));
        }
        let value = if attached.is_empty() {
            words.next().ok_or_else(|| refuse("has no value"))?.clone()
        } else {
            attached.to_owned()
        };
        match letter {
            'o' => found.options.push(option(&value, home)?),
            'F' if value == "none" => found.file = Some(ConfigFile::None),
            'F' => found.file = Some(ConfigFile::Path(home.tilde(&value))),
            'i' => found.options.push(option(&format!("IdentityFile=\"{value}\""), home)?),
            'p' => found.options.push(option(&format!("Port={value}"), home)?),
            'l' => found.options.push(option(&format!("User=\"{value}\""), home)?),
            _ => found.options.push(option(&format!("ProxyJump={value}"), home)?),
        }
    }
    Ok(found)
}

fn option(text: &str, home: &Home) -> Result<Item, ConfigError> {
    let place = Place { file: "command line".into(), line: 1 };
    match parse_line(text, place, home, 0)? {
        Item::Host(_) | Item::Match(_) => Err(ConfigError::Argument {
            argument: text.to_owned(),
            reason: "is for files only".to_owned(),
        }),
        item => Ok(item),
    }
}

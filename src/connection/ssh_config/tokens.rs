//! `%h`, `%p` … and `${NAME}` and `~` in values.

use std::path::PathBuf;

use super::{ConfigError, Home};

/// What the `%` sequences stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// `%h`: the host's name, `HostName` applied.
    pub(crate) host: String,
    /// `%n`: the name as it was given.
    pub(crate) original: String,
    /// `%p`.
    pub(crate) port: String,
    /// `%r`: the remote user.
    pub(crate) user: String,
    /// `%j`: the jump hosts.
    pub(crate) jump: String,
    /// `%k`: the host key's alias.
    pub(crate) alias: String,
}

impl Tokens {
    /// Replaces the `%` sequences.
    pub(crate) fn expand(
        &self,
        option: &'static str,
        value: &str,
        home: &Home,
    ) -> Result<String, ConfigError> {
        let mut text = String::with_capacity(value.len());
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            let token = letters.next();
            text.push_str(match token {
                Some('%') => "%",
                Some('h') => &self.host,
                Some('n') => &self.original,
                Some('p') => &self.port,
                Some('r') => &self.user,
                Some('j') => &self.jump,
                Some('k') => &self.alias,
                Some('u') => &home.user,
                Some('d') => home.directory.to_str().unwrap_or_default(),
                Some('i') => &home.uid,
                Some('l') => &home.host_name,
                Some('L') => home.host_name.split('.').next().unwrap_or_default(),
                other => {
                    return Err(ConfigError::Token {
                        token: other.map(String::from).unwrap_or_default(),
                        option,
                        value: value.to_owned(),
                    });
                }
            });
        }
        Ok(text)
    }

    /// A path: `~`, `%` sequences and `${NAME}`.
    pub(crate) fn path(
        &self,
        option: &'static str,
        value: &str,
        home: &Home,
    ) -> Result<PathBuf, ConfigError> {
        let value = home.environment(option, value)?;
        let value = self.expand(option, &value, home)?;
        Ok(home.tilde(&value))
    }
}

//! `ssh_config`: what the user has written about hosts, as `ssh_config(5)` says.
//!
//! [`parse`](parse::parse) reads files into a tree, [`resolve`](resolve::resolve) walks the tree
//! for one host, the first value of an option winning, [`arguments`] reads the options of
//! `ansible_ssh_common_args`.

pub mod arguments;
mod files;
mod keyword;
pub mod parse;
mod pattern;
pub mod resolve;
mod settings;
mod tokens;

#[cfg(test)]
mod tests;

pub use files::{ConfigFiles, Home};
pub(crate) use pattern::{matches_list, matches_pattern};
pub use settings::{
    Agent, AgentKeys, Family, Hop, HostSettings, Identities, KnownNames, Proxy, RefusedMethod,
};

use std::path::PathBuf;

use thiserror::Error;

/// Why SSH settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {reason}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A line does not parse.
    #[error("{}:{line}: {reason}", .file.display())]
    Line {
        /// The file, or `command line`.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The options given for the host cannot be used.
    #[error("`{argument}` in ansible_ssh_common_args or ansible_ssh_extra_args {reason}")]
    Argument {
        /// The word.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `%` sequence that is not known.
    #[error("`%{token}` in {option} is not supported (`{value}`)")]
    Token {
        /// The letter.
        token: String,
        /// Where it stands.
        option: &'static str,
        /// The whole value.
        value: String,
    },
    /// A variable that is not set.
    #[error("`${{{name}}}` in {option} is not set in the environment")]
    Environment {
        /// The variable.
        name: String,
        /// Where it stands.
        option: &'static str,
    },
}

//! From a host's name to a runner that works there.
//!
//! A [`Connector`] is made once for a run; [`Connector::connect`] opens a [`Connection`] by
//! russh, by the system's `ssh` or to this machine; [`Connection::runner`] starts a [`Runner`] as
//! the user who is logged in or, by `sudo`, `su` or `doas`, as another; [`Runner::task`] lets it
//! work. `bootstrap` brings the runner to the host, `quoting` is the only place that writes shell
//! words.

mod bootstrap;
mod connector;
mod conversation;
mod embedded;
mod error;
mod link;
mod local;
mod marker;
mod open;
pub(crate) mod open_files;
mod openssh;
mod privilege;
mod process;
pub mod quoting;
mod runner;
mod secret;
mod ssh;
pub mod ssh_config;
mod target;

#[cfg(test)]
mod tests;

pub use connector::{Connector, ConnectorSettings, WarningHook};
pub use embedded::RunnerImage;
pub use error::{BecomeProblem, ConnectionError, HostKeyProblem, Problem, RunnerProblem};
pub use link::{Connection, Output};
pub(crate) use marker::{random, random_number};
pub use privilege::{Asking, BecomeMethod, Privilege};
pub use runner::{Answer, Asked, Hearers, Runner, TaskSource};
pub use secret::Secret;
pub use ssh::{PassphrasePrompt, PassphraseRequest};
pub use target::{HostKeys, Target, Transport};

//! SSH in this process, by russh.

mod authentication;
mod host_key;
mod keyring;
mod known_hosts;
mod route;
mod session;

pub(crate) use host_key::HostKeyMemory;
pub(crate) use keyring::Keyring;
pub use keyring::{PassphrasePrompt, PassphraseRequest};
pub(crate) use route::{JumpHosts, ProxyWords, Stream, straight, through_command};
pub(crate) use session::{Greeted, Session, Setback, Way, greet};

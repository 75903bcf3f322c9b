//! Inside a lab host: its first process, its file system, its server.

mod accounts;
mod init;
mod machine;
mod mounts;
mod server;
mod session;
mod shadow;
mod system;

use std::ffi::OsString;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What a host is told over its standard input, one JSON line; what follows is only the end of
/// its parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Orders {
    /// Its host name.
    pub(super) name: String,
    /// An empty folder to lay the file system in.
    pub(super) dir: String,
    /// Its own key, in OpenSSH's form.
    pub(super) host_key: String,
    /// The key that it lets in, in OpenSSH's form.
    pub(super) client_key: String,
    /// Whether it ends when its parent does.
    pub(super) life: Life,
}

/// When a host ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Life {
    /// With the process that started it.
    Parents,
    /// Never: `canvass lab down` ends it.
    Own,
}

/// What a host answers on its standard output, one JSON line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It listens on this port of 127.0.0.1.
    Up(u16),
    /// It cannot come up, and why.
    Failed(String),
}

/// What `canvass lab-host …` does: the arguments behind `lab-host`.
///
/// Only a lab starts it; call it before any other thread is there.
pub fn host_main(arguments: &[OsString]) -> ExitCode {
    match arguments.first().and_then(|argument| argument.to_str()) {
        Some("init") => init::run(),
        Some("serve") => server::run(),
        _ => ExitCode::from(2),
    }
}

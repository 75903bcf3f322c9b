//! Throwaway hosts on this machine: each a process tree in namespaces of its own behind an
//! embedded SSH server.
//!
//! A lab host sees this machine's file system through a copy-on-write overlay, has its own
//! processes, host name, `/tmp`, `/run` and `/dev`, and shares kernel, clock and network with the
//! machine; its server listens on a port of 127.0.0.1 and lets one generated key in. Everything
//! that changes in it lives in memory and vanishes with it.
//!
//! Three processes make a host: `unshare` (util-linux) opens the namespaces, this program starts
//! in them as their first process (`lab-host init`, [`host_main`]), lays the file system, and
//! runs the SSH server beside it (`lab-host serve`). The first process ends when its parent is
//! gone, and the kernel then ends all others: nothing stays behind, even when the parent is killed.
//!
//! What it is not: a border against a hostile root, and a machine with systemd. Kernel settings
//! (`/proc/sys`, `/sys`) are the machine's and cannot be written. As an ordinary user the
//! host's root is that user: other ids need ranges in `/etc/subuid` and `/etc/subgid`
//! with `newuidmap`, files that the user cannot read are not there, and files of the machine's
//! root outside of `/etc` can be replaced but not changed in place.

mod commands;
mod error;
mod files;
mod host;
mod missing;
mod start;
mod state;

pub use commands::{LabCommand, Listed};
pub use error::LabError;
pub use host::host_main;
pub use start::{Lab, LabHost, Names, Start};

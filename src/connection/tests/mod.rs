//! Connections against real programs: shells, `sshd`, `ssh`, `sudo`.

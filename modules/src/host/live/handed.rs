//! Texts that a program reads as a file: they lie in memory, not on a disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::host::HostError;

/// A text that is there as long as this is.
#[derive(Debug)]
pub(super) struct Text(File);

impl Text {
    pub(super) fn new(text: &str) -> Result<Self, HostError> {
        let written = || -> io::Result<Self> {
            let mut file = File::from(memfd_create("arguments", MemfdFlags::CLOEXEC)?);
            file.write_all(text.as_bytes())?;
            Ok(Self(file))
        };
        let path = || PathBuf::from("a file in memory");
        written().map_err(|source| HostError::Io { action: "write", path: path(), source })
    }

    /// Where processes of the same user find it.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

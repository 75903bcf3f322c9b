//! SELinux contexts of files: the attribute `security.selinux`.

use std::path::Path;

use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};
use rustix::io::Errno;

use super::LiveHost;
use super::files::io_error;
use crate::host::{Context, ContextChange, HostError, selinux};

const NAME: &str = "security.selinux";

/// The longest context that is read, in bytes; the kernel's own bound is a page.
const LONGEST: usize = 4096;

/// The context of a path; `None` where it has none.
pub(super) fn read(path: &Path) -> Result<Option<Context>, HostError> {
    let mut buffer = [0; LONGEST];
    match lgetxattr(path, NAME, &mut buffer) {
        Ok(length) => {
            let text = buffer.get(..length).unwrap_or_default();
            Ok(Context::parse(&String::from_utf8_lossy(text)))
        }
        Err(Errno::NODATA | Errno::NOTSUP | Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(io_error("read the SELinux context of", path, error)),
    }
}

/// Sets what a change makes of the context.
pub(super) fn change(
    host: &mut LiveHost,
    path: &Path,
    change: &ContextChange,
) -> Result<(), HostError> {
    let Some(now) = read(path)? else { return Ok(()) };
    let Some(after) = selinux::changed(path, &now, change, host)? else { return Ok(()) };
    // with the zero at its end, as the library writes it
    let text = format!("{after}\0");
    match lsetxattr(path, NAME, text.as_bytes(), XattrFlags::empty()) {
        // a file system whose files have the context of its mount
        Ok(()) | Err(Errno::NOTSUP) => Ok(()),
        Err(error) => Err(io_error("set the SELinux context of", path, error)),
    }
}

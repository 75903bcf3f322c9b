//! What dpkg has installed, from its own file.
//!
//! `dpkg-query` reads all of it into a tree for each question, which takes longer than everything
//! else that a task does.

use std::fs;
use std::path::Path;

/// dpkg's database (deb-status, dpkg(1)).
const STATUS: &str = "/var/lib/dpkg/status";

/// Changes that dpkg has not put into the database yet.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// What the database says about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// This version is installed.
    Installed(String),
    /// It is not installed.
    Absent,
    /// Only dpkg itself can tell.
    AskDpkg,
}

/// Looks a package up.
pub(super) fn look_up(name: &str) -> Known {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    // other names are patterns, or carry an architecture
    if name.is_empty() || !name.bytes().all(plain) || !settled(Path::new(UPDATES)) {
        return Known::AskDpkg;
    }
    let Ok(status) = fs::read(STATUS) else { return Known::AskDpkg };
    version(&status, name).map_or(Known::Absent, Known::Installed)
}

fn settled(updates: &Path) -> bool {
    fs::read_dir(updates).is_ok_and(|mut entries| entries.next().is_none())
}

fn version(status: &[u8], name: &str) -> Option<String> {
    let header = format!("Package: {name}");
    let mut ours = false;
    let mut installed = false;
    let mut version = None;
    for line in status.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            if installed && version.is_some() {
                return version;
            }
            (ours, installed, version) = (false, false, None);
        } else if line == header.as_bytes() {
            ours = true;
        } else if ours {
            if let Some(words) = line.strip_prefix(b"Status: ") {
                installed = words.rsplit(|byte| *byte == b' ').next() == Some(b"installed");
            } else if let Some(value) = line.strip_prefix(b"Version: ") {
                version = Some(String::from_utf8_lossy(value).trim().to_owned());
            }
        }
    }
    version.filter(|_| installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_has_a_version() {
        let status = b"Package: one\nStatus: install ok installed\nVersion: 1:2-3\n\
            Conffiles:\n /etc/one 0 Package: two\n\nPackage: two\nStatus: deinstall ok config-files\n\
            Version: 4\n\nPackage: three\nStatus: install ok half-configured\nVersion: 5\n\n\
            Package: two\nArchitecture: i386\nStatus: hold ok installed\nVersion: 6\n\n\
            Package: four-dev\nStatus: install ok installed\nVersion: 7\n";
        for (name, expected) in [
            ("one", Some("1:2-3")),
            ("two", Some("6")),
            ("three", None),
            ("four", None),
            ("four-dev", Some("7")),
            ("five", None),
        ] {
            assert_eq!(version(status, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn patterns_and_architectures_are_left_to_dpkg() {
        for name in ["lib*", "libc6:amd64", "", "Upper"] {
            assert_eq!(look_up(name), Known::AskDpkg, "{name}");
        }
    }
}

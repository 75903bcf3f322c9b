//! The Python that the host has, though nothing here needs one.

use std::path::PathBuf;

use serde_json::json;

use super::probe::Probe;
use crate::contract::Returned;

/// A Python of the host.
#[derive(Debug)]
pub(super) struct Python {
    path: PathBuf,
    version: Option<Version>,
}

/// The Python in the search path.
pub(super) fn find(probe: &mut Probe<'_>) -> Option<Python> {
    let (name, path) = ["python3", "python"].iter().find_map(|name| {
        let answer = probe.host().find_program(name);
        let path = probe.note(answer).flatten()?;
        Some((*name, path))
    })?;
    let answer = probe.output(&[name, "--version"]);
    Some(Python { path, version: answer.as_deref().and_then(Version::parse) })
}

impl Python {
    /// `python`: where it is, and which.
    pub(super) fn tell(&self, facts: &mut Returned) {
        let mut told = json!({"executable": self.path.display().to_string(), "type": "cpython"});
        if let (Some(version), Some(told)) = (&self.version, told.as_object_mut()) {
            let Version { major, minor, micro, level, serial } = version;
            told.insert(
                "version".to_owned(),
                json!({
                    "major": major,
                    "minor": minor,
                    "micro": micro,
                    "releaselevel": level,
                    "serial": serial,
                }),
            );
            told.insert("version_info".to_owned(), json!([major, minor, micro, level, serial]));
        }
        facts.insert("python".to_owned(), told);
    }

    /// `python_version`
    pub(super) fn tell_version(&self, facts: &mut Returned) {
        if let Some(Version { major, minor, micro, .. }) = &self.version {
            facts.insert("python_version".to_owned(), json!(format!("{major}.{minor}.{micro}")));
        }
    }
}

/// A version as `sys.version_info` has it.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    major: u32,
    minor: u32,
    micro: u32,
    level: &'static str,
    serial: u32,
}

impl Version {
    /// From what `python3 --version` prints.
    fn parse(printed: &str) -> Option<Self> {
        let text = printed.trim().strip_prefix("Python ")?.trim_end_matches('+');
        let mut parts = text.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let last = parts.next().unwrap_or("0");
        let end = last.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(last.len());
        let (micro, release) = last.split_at(end);
        let levels = [("a", "alpha"), ("b", "beta"), ("rc", "candidate")];
        let (level, serial) = levels
            .iter()
            .find_map(|(short, level)| Some((*level, release.strip_prefix(short)?.parse().ok()?)))
            .unwrap_or(("final", 0));
        Some(Self { major, minor, micro: micro.parse().ok()?, level, serial })
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_those_that_python_prints() {
        for (printed, expected) in [
            ("Python 3.11.2\n", Some((3, 11, 2, "final", 0))),
            ("Python 3.13.0rc1", Some((3, 13, 0, "candidate", 1))),
            ("Python 3.15.0a7+", Some((3, 15, 0, "alpha", 7))),
            ("pyenv: python3: command not found", None),
        ] {
            let found = Version::parse(printed);
            let found = found.map(|it| (it.major, it.minor, it.micro, it.level, it.serial));
            assert_eq!(found, expected, "{printed}");
        }
    }
}

//! Questions to a host whose missing answers are no errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::effect::{Command, Output};
use crate::host::{FileKind, FileStat, Follow, Host, HostError};
use crate::module::program::LOCALE;

/// Asks a host; what cannot be read is absent, what is unknown is remembered.
pub(super) struct Probe<'a> {
    host: &'a mut dyn Host,
    unknown: Option<HostError>,
    warnings: Vec<String>,
    unknown_facts: BTreeMap<String, String>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(host: &'a mut dyn Host) -> Self {
        Self { host, unknown: None, warnings: Vec::new(), unknown_facts: BTreeMap::new() }
    }

    pub(super) fn host(&mut self) -> &mut dyn Host {
        self.host
    }

    /// Notes what people should know.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// What was noted so far.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Notes a fact that only acting would tell, by its JSON pointer, and why.
    pub(super) fn unknown_fact(&mut self, pointer: String, reason: String) {
        self.unknown_facts.insert(pointer, reason);
    }

    /// The facts that only acting would tell.
    pub(super) fn take_unknown_facts(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.unknown_facts)
    }

    /// Fails when an answer was only to be had by acting.
    pub(super) fn finish(self) -> Result<(), HostError> {
        self.unknown.map_or(Ok(()), Err)
    }

    pub(super) fn note<T>(&mut self, answer: Result<T, HostError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error @ HostError::Unknown(_)) => {
                self.unknown.get_or_insert(error);
                None
            }
            Err(_) => None,
        }
    }

    pub(super) fn stat(&mut self, path: impl AsRef<Path>, follow: Follow) -> Option<FileStat> {
        let answer = self.host.stat(path.as_ref(), follow);
        self.note(answer).flatten()
    }

    pub(super) fn exists(&mut self, path: impl AsRef<Path>) -> bool {
        self.stat(path, Follow::Yes).is_some()
    }

    pub(super) fn is_directory(&mut self, path: impl AsRef<Path>) -> bool {
        self.stat(path, Follow::Yes).is_some_and(|stat| stat.kind == FileKind::Directory)
    }

    /// The whole text of a file that is there.
    pub(super) fn text(&mut self, path: impl AsRef<Path>) -> Option<String> {
        let path = path.as_ref();
        self.stat(path, Follow::Yes).filter(|stat| stat.kind == FileKind::File)?;
        let answer = self.host.read(path);
        self.note(answer).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The text without white space around; `None` when nothing is left.
    pub(super) fn content(&mut self, path: impl AsRef<Path>) -> Option<String> {
        let text = self.text(path)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The names in a directory; none when it is not there.
    pub(super) fn list(&mut self, path: impl AsRef<Path>) -> Vec<String> {
        if !self.is_directory(&path) {
            return Vec::new();
        }
        let answer = self.host.list(path.as_ref());
        self.note(answer).unwrap_or_default()
    }

    pub(super) fn link_target(&mut self, path: impl AsRef<Path>) -> Option<PathBuf> {
        self.stat(path, Follow::No)?.link_target
    }

    /// The last part of a link's target.
    pub(super) fn link_name(&mut self, path: impl AsRef<Path>) -> Option<String> {
        let target = self.link_target(path)?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    pub(super) fn has_program(&mut self, name: &str) -> bool {
        let answer = self.host.find_program(name);
        self.note(answer).flatten().is_some()
    }

    /// Runs a program that only reads, if it is there.
    pub(super) fn query(&mut self, argv: &[&str]) -> Option<Output> {
        let (program, arguments) = argv.split_first()?;
        let answer = self.host.find_program(program);
        let path = self.note(answer).flatten()?;
        let mut words = vec![path.to_string_lossy().into_owned()];
        words.extend(arguments.iter().map(ToString::to_string));
        let mut command = Command::new(words);
        command.environment.insert("LC_ALL".to_owned(), LOCALE.to_owned());
        command.environment.insert("LANGUAGE".to_owned(), "C".to_owned());
        let answer = self.host.query(&command);
        self.note(answer)
    }

    /// Standard output of a program that ended well.
    pub(super) fn output(&mut self, argv: &[&str]) -> Option<String> {
        self.query(argv).filter(Output::success).map(|output| output.stdout_text())
    }
}

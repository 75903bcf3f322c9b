//! A text file that is edited in place: what `lineinfile`, `blockinfile` and `replace` share.

use std::path::{Path, PathBuf};

use super::file_attributes::{FileAttributes, Wanted};
use super::host_path;
use crate::contract::{Plan, Stop};
use crate::effect::{Content, Effect, WriteFile};
use crate::host::{FileKind, FileStat, Follow, Host};
use crate::params;
use crate::python_regex;

params! {
    /// Options that the modules share which edit a file.
    pub struct Editing {
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Command that must accept the new file, with `%s` for its name.
        validate: Option<String>,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
}

impl Editing {
    /// Looks at the file.
    pub(crate) fn observe(&self, path: &Path, host: &mut dyn Host) -> Result<TextFile, Stop> {
        let validate = self.validate.as_deref();
        TextFile::observe_as(path, Follow::Yes, &self.attributes, validate, host)
    }

    /// How the new text is written.
    pub(crate) fn writing(&self) -> Writing<'_> {
        Writing {
            backup: self.backup,
            validate: self.validate.as_deref(),
            unsafe_writes: self.attributes.unsafe_writes,
        }
    }
}

/// The file as it is.
#[derive(Debug)]
pub struct TextFile {
    /// Its path, with links followed: what is edited is the end of them.
    pub(crate) path: PathBuf,
    /// What is there.
    pub(crate) stat: Option<FileStat>,
    /// Its text; `None` when it is missing.
    pub(crate) text: Option<Text>,
    missing: Vec<PathBuf>,
    ancestor: Option<FileKind>,
    wanted: Wanted,
}

/// The text of a file: UTF-8, or else each byte taken for a character, so that no byte is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The characters.
    pub(crate) characters: String,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Bytes,
}

/// How the new text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'a> {
    /// Keep the old file.
    pub(crate) backup: bool,
    /// The command that must accept the new one.
    pub(crate) validate: Option<&'a str>,
    /// Write in place if need be.
    pub(crate) unsafe_writes: bool,
}

/// Why a file is not edited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no file.
    #[error("Path {0} is a directory !")]
    Directory(String),
    /// No place for the file's name.
    #[error("validate must contain %s: {0}")]
    Validate(String),
    /// It cannot be created.
    #[error("Error creating {0}: an ancestor is not a directory")]
    AncestorNotDirectory(String),
}

impl Text {
    /// Reads the bytes of a file.
    pub(crate) fn read(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(characters) => Self { characters, encoding: Encoding::Utf8 },
            Err(error) => Self {
                characters: error.into_bytes().into_iter().map(char::from).collect(),
                encoding: Encoding::Bytes,
            },
        }
    }

    /// A text of a task in the same form, to compare it with this or put it in.
    pub(crate) fn adopt(&self, text: &str) -> String {
        match self.encoding {
            Encoding::Utf8 => text.to_owned(),
            Encoding::Bytes => text.bytes().map(char::from).collect(),
        }
    }

    /// The bytes of a changed text.
    pub(crate) fn bytes(&self, changed: &str) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => changed.as_bytes().to_vec(),
            Encoding::Bytes => {
                changed.chars().filter_map(|character| u8::try_from(character).ok()).collect()
            }
        }
    }
}

impl TextFile {
    /// Looks at the file.
    pub(crate) fn observe(
        path: &Path,
        attributes: &FileAttributes,
        validate: Option<&str>,
        host: &mut dyn Host,
    ) -> Result<Self, Stop> {
        Self::observe_as(path, Follow::Yes, attributes, validate, host)
    }

    /// Looks at the file, or at the link that would be replaced by one.
    pub(crate) fn observe_as(
        path: &Path,
        follow: Follow,
        attributes: &FileAttributes,
        validate: Option<&str>,
        host: &mut dyn Host,
    ) -> Result<Self, Stop> {
        if let Some(command) = validate.filter(|command| !command.contains("%s")) {
            return Err(Stop::failed(Error::Validate(command.to_owned())));
        }
        let expanded: PathBuf = host_path::expand(host, path)?.components().collect();
        let path = match follow {
            Follow::Yes => host_path::follow_links(host, &expanded)?,
            Follow::No => expanded.clone(),
        };
        let mut stat = host.stat(&path, Follow::Yes)?;
        if stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Directory) {
            let error = Error::Directory(expanded.display().to_string());
            return Err(Stop::failed(error).with("rc", 256));
        }
        let text = match stat {
            Some(_) => Some(Text::read(host.read(&path)?)),
            None => None,
        };
        let (missing, ancestor) =
            if stat.is_some() { (Vec::new(), None) } else { host_path::ancestors(host, &path)? };
        let wanted = attributes.resolve(host)?;
        if let Some(stat) = &mut stat {
            wanted.complete(&path, stat, host);
        }
        Ok(Self { path, stat, text, missing, ancestor, wanted })
    }

    /// The text, empty for a missing file.
    pub(crate) fn text_or_empty(&self) -> Text {
        self.text.clone().unwrap_or(Text { characters: String::new(), encoding: Encoding::Utf8 })
    }

    /// Plans that the file holds `changed` (`None`: stays) and has its attributes, and gives the
    /// message for what happens.
    pub(crate) fn plan(
        &self,
        changed: Option<&str>,
        message: &str,
        writing: Writing<'_>,
        plan: &mut Plan,
    ) -> Result<String, Stop> {
        let attributes = match &self.stat {
            Some(stat) => self.wanted.for_replaced(stat),
            None => self.wanted.for_new(FileKind::File),
        };
        let told = match &self.stat {
            Some(stat) => self.wanted.differs(stat),
            None => changed.is_some() && !attributes.is_empty(),
        };
        if let Some(changed) = changed {
            self.plan_parents(plan)?;
            let write = WriteFile {
                path: self.path.clone(),
                content: Content::Bytes(self.text_or_empty().bytes(changed)),
                attributes,
                validate: writing.validate.map(str::to_owned),
                backup: writing.backup && self.stat.is_some(),
                unsafe_writes: writing.unsafe_writes,
            };
            plan.push(Effect::WriteFile(write), message);
        } else if let Some(stat) = &self.stat {
            self.wanted.plan(&self.path, stat, plan);
        }
        let others = "ownership, perms or SE linux context changed";
        Ok(match (told, changed) {
            (false, _) => message.to_owned(),
            (true, Some(_)) if !message.is_empty() => format!("{message} and {others}"),
            // as Ansible puts them together
            (true, _) => format!("{message}{others}"),
        })
    }

    fn plan_parents(&self, plan: &mut Plan) -> Result<(), Stop> {
        if self.stat.is_some() {
            return Ok(());
        }
        if self.ancestor != Some(FileKind::Directory) {
            let path = self.path.display().to_string();
            return Err(Stop::failed(Error::AncestorNotDirectory(path)));
        }
        for path in &self.missing {
            let effect = Effect::MakeDirectory { path: path.clone(), mode: None };
            plan.push(effect, "it is absent");
        }
        Ok(())
    }
}

/// Compiles a pattern of a task for this text.
pub(crate) fn compile(
    pattern: &str,
    flags: python_regex::Flags,
    text: &Text,
) -> Result<python_regex::Regex, Stop> {
    let ascii = flags.ascii || text.encoding == Encoding::Bytes;
    let flags = python_regex::Flags { ascii, ..flags };
    python_regex::compile(&text.adopt(pattern), flags).map_err(Stop::failed)
}

/// The text in lines, each with its line end; only `\n` ends one.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost_when_a_text_is_no_utf8() {
        let latin = b"gr\xfcn\n\xff".to_vec();
        let text = Text::read(latin.clone());
        assert_eq!(text.bytes(&text.characters), latin);
        let changed = text.characters.replace("gr", &text.adopt("ö"));
        assert_eq!(text.bytes(&changed), b"\xc3\xb6\xfcn\n\xff");
        let utf8 = Text::read("grün".into());
        assert_eq!(utf8.bytes(&utf8.characters), "grün".as_bytes());
    }
}

//! Which collection is wanted, and where it is to be had.

use std::path::Path;

use serde_json::Value as Json;

use super::GalaxyError;
use super::document::plain;
use super::meta::{MANIFEST, SOURCE};

/// Where a collection is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A server: one of those that are configured, by its number, or any of them.
    Server(Option<usize>),
    /// A git repository, by its pointer.
    Git(String),
    /// The address of a tarball.
    Url(String),
    /// A tarball.
    File(String),
    /// A folder, built or not.
    Folder(String),
    /// A folder of folders.
    Folders(String),
}

impl Origin {
    /// The word for it, as `type` takes it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Server(_) => "galaxy",
            Self::Git(_) => "git",
            Self::Url(_) => "url",
            Self::File(_) => "file",
            Self::Folder(_) => "dir",
            Self::Folders(_) => "subdirs",
        }
    }

    /// Whether it only stands for others.
    pub(super) fn is_virtual(&self) -> bool {
        matches!(self, Self::Git(_) | Self::Folders(_))
    }

    /// The path, address or pointer.
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Server(_) => "",
            Self::Git(text)
            | Self::Url(text)
            | Self::File(text)
            | Self::Folder(text)
            | Self::Folders(text) => text,
        }
    }
}

/// A collection that is wanted, or that was picked.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// `namespace.name`; none of what only stands for others, or is not known yet.
    pub name: Option<String>,
    /// Conditions on its version, or the version that it has.
    pub version: Json,
    /// Where it is to be had.
    pub origin: Origin,
}

impl std::fmt::Display for Collection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, &self.origin) {
            (Some(name), _) => write!(formatter, "{name}:{}", plain(&self.version)),
            (None, Origin::Git(_)) => formatter.write_str("git collection from a Git repo"),
            (None, origin) => write!(formatter, "{} collection from a namespace", origin.word()),
        }
    }
}

impl Collection {
    /// What it is known by among others.
    pub(super) fn identity(&self) -> String {
        match &self.name {
            Some(name) if !self.origin.is_virtual() => name.clone(),
            _ => format!(
                "<virtual namespace from {} of type {}>",
                self.origin.source(),
                self.origin.word()
            ),
        }
    }

    /// The version as text.
    pub(super) fn version_text(&self) -> String {
        plain(&self.version)
    }

    /// `namespace` and `name`.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.name.as_deref().and_then(|name| name.split_once('.')).unwrap_or_default()
    }

    /// Takes an argument: `ns.name`, `ns.name:>=1.0.0`, a path, an address, a git pointer. The
    /// name of what is a file or folder is still to be read from it.
    ///
    /// # Errors
    ///
    /// What names nothing.
    pub fn parse(text: &str) -> Result<Self, GalaxyError> {
        let wanted = |name: &str, version: &str| {
            Self::of(&Wanted {
                name: Some(name),
                version: Json::from(version),
                ..Wanted::default()
            })
        };
        if is_pointer(text) || is_collection_name(text) {
            return wanted(text, "*");
        }
        if let Some((name, version)) = text.split_once(':') {
            return wanted(name, if version.is_empty() { "*" } else { version });
        }
        // `ns.name>=1.0.0`, as Python's packages are asked for
        match text.find(['<', '>', '=', '!', '~']) {
            Some(at) if is_collection_name(text.get(..at).unwrap_or_default().trim()) => {
                let (name, version) = text.split_at(at);
                wanted(name.trim(), &version.replace(' ', ""))
            }
            _ => wanted(text, "*"),
        }
    }

    /// Of what a file says of it.
    pub(super) fn of(wanted: &Wanted<'_>) -> Result<Self, GalaxyError> {
        let (mut name, source) = (wanted.name, wanted.source);
        let kind = match wanted.kind {
            Some(kind) => kind,
            None => match name {
                Some(text) if is_collection_name(text) => "galaxy",
                Some(text) if is_pointer(text) => detected(text)?,
                _ => return Err(nothing(name, source)),
            },
        };
        if kind == "galaxy" {
            let Some(name) = name else {
                return Err(GalaxyError::refused(
                    "Collections requirement entry should contain the key 'name' if it's requested \
                     from a Galaxy-like index server.",
                ));
            };
            return Ok(Self {
                name: Some(name.to_owned()),
                version: wanted.version.clone(),
                origin: Origin::Server(wanted.server),
            });
        }
        let text = match source {
            Some(source) => source,
            None => name.take().unwrap_or_default(),
        };
        let folder = || text.trim_end_matches('/').to_owned();
        let origin = match kind {
            "git" => Origin::Git(text.to_owned()),
            "url" => Origin::Url(text.to_owned()),
            "file" => Origin::File(text.to_owned()),
            "dir" => Origin::Folder(folder()),
            "subdirs" => Origin::Folders(text.to_owned()),
            _ => {
                return Err(GalaxyError::refused(
                    "The collection requirement entry key 'type' must be one of file, galaxy, git, \
                     dir, subdirs, or url.",
                ));
            }
        };
        let name = name.filter(|_| source.is_some() && wanted.kind.is_some()).map(str::to_owned);
        Ok(Self { name, version: wanted.version.clone(), origin })
    }
}

/// What a file, or an argument, says of a collection.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) version: Json,
    pub(super) source: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    /// The server of this number.
    pub(super) server: Option<usize>,
}

fn detected(text: &str) -> Result<&'static str, GalaxyError> {
    let path = Path::new(text);
    if is_git(text) {
        return Ok("git");
    }
    if is_http(text) {
        return Ok("url");
    }
    if path.is_file() {
        return Ok("file");
    }
    match (path.join(MANIFEST).is_file(), path.join(SOURCE).is_file()) {
        (true, true) => Err(GalaxyError::refused(format!(
            "Collection requirement at '{text}' has both a {MANIFEST} file and a {SOURCE}.\nThe \
             requirement must either be an installed collection directory or a source collection \
             directory, not both."
        ))),
        (false, false) => Ok("subdirs"),
        _ => Ok("dir"),
    }
}

fn nothing(name: Option<&str>, source: Option<&str>) -> GalaxyError {
    let folder = [source, name].into_iter().flatten().find(|text| Path::new(text).is_dir());
    let tip = match (folder, name) {
        (Some(folder), _) => format!(
            "\n\nTip: Make sure you are pointing to the right subdirectory — `{folder}` looks like \
             a directory but it is neither a collection, nor a namespace dir."
        ),
        (None, Some(name)) => format!("\n\nCould not find {name}."),
        (None, None) => String::new(),
    };
    GalaxyError::refused(format!(
        "Neither the collection requirement entry key 'name', nor 'source' point to a concrete \
         resolvable collection artifact. Also 'name' is not an FQCN. A valid collection name must \
         be in the format <namespace>.<collection>. Please make sure that the namespace and the \
         collection name contain characters from [a-zA-Z0-9_] only.{tip}"
    ))
}

fn is_git(text: &str) -> bool {
    text.starts_with("git+") || text.starts_with("git@")
}

/// Whether it is an address of the web.
pub(super) fn is_http(text: &str) -> bool {
    let scheme = text.split("://").next().filter(|scheme| scheme.len() < text.len());
    scheme.is_some_and(|scheme| matches!(scheme.to_lowercase().as_str(), "http" | "https"))
}

/// Whether it leads to a collection without a server.
fn is_pointer(text: &str) -> bool {
    let path = Path::new(text);
    is_git(text)
        || is_http(text)
        || path.is_file()
        || is_collection(path)
        || !collections_below(path).is_empty()
}

/// Whether a folder is a collection, built or not.
pub(super) fn is_collection(path: &Path) -> bool {
    path.join(MANIFEST).is_file() || path.join(SOURCE).is_file()
}

/// The collections in the folders of a folder, sorted.
pub(super) fn collections_below(path: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let hidden =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !hidden(path) && is_collection(path))
        .collect();
    found.sort();
    found
}

/// Words that Python keeps for itself, which no part of a collection's name may be.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Whether it is `namespace.name`.
pub fn is_collection_name(text: &str) -> bool {
    let word = |part: &str| {
        let begins = part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        begins
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && !KEYWORDS.contains(&part)
    };
    match text.split_once('.') {
        Some((namespace, name)) => word(namespace) && word(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_collections() {
        for (text, name, version, kind) in [
            ("ns.name", Some("ns.name"), "*", "galaxy"),
            ("ns.name:1.0.0", Some("ns.name"), "1.0.0", "galaxy"),
            ("ns.name:>=1.0.0,<2.0.0", Some("ns.name"), ">=1.0.0,<2.0.0", "galaxy"),
            ("ns.name>=1.0.0", Some("ns.name"), ">=1.0.0", "galaxy"),
            ("git+https://example.com/a/b.git", None, "*", "git"),
            ("git@example.com:a/b.git", None, "*", "git"),
            ("https://example.com/a-b-1.0.0.tar.gz", None, "*", "url"),
        ] {
            let found = Collection::parse(text).unwrap();
            assert_eq!(found.name.as_deref(), name, "{text}");
            assert_eq!(found.version_text(), version, "{text}");
            assert_eq!(found.origin.word(), kind, "{text}");
        }
        assert!(Collection::parse("nothing").is_err());
        assert!(is_collection_name("a.b_1") && !is_collection_name("a.b.c"));
        assert!(!is_collection_name("a.import") && !is_collection_name("1a.b"));
    }
}

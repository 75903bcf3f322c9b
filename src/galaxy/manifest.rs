//! Which files of a folder make the collection, with their checksums.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use canvass_modules::module::wildcard;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::meta::Meta;
use super::{GalaxyError, Voice, directives};

/// Patterns of files that are never part of a collection.
const IGNORED: [&str; 8] = [
    "MANIFEST.json",
    "FILES.json",
    "galaxy.yml",
    "galaxy.yaml",
    ".git",
    "*.pyc",
    "*.retry",
    "tests/output",
];
/// Folders that are never part of a collection, wherever they are.
const IGNORED_FOLDERS: [&str; 7] = ["CVS", ".bzr", ".hg", ".git", ".svn", "__pycache__", ".tox"];

/// A file or folder of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path within the collection.
    pub(super) name: String,
    /// The SHA-256 of a file; none of a folder.
    pub(super) checksum: Option<String>,
}

/// The files of a folder that make the collection, sorted.
pub(super) fn entries(
    folder: &Path,
    meta: &Meta,
    voice: &dyn Voice,
) -> Result<Vec<Entry>, GalaxyError> {
    let ignored = meta.build_ignore();
    match &meta.manifest {
        Some(_) if !ignored.is_empty() => {
            Err(GalaxyError::refused("\"build_ignore\" and \"manifest\" are mutually exclusive"))
        }
        Some(control) => directed(folder, meta, control, voice),
        None => walked(folder, meta, ignored, voice),
    }
}

/// All files but those that patterns leave out.
fn walked(
    folder: &Path,
    meta: &Meta,
    ignored: Vec<String>,
    voice: &dyn Voice,
) -> Result<Vec<Entry>, GalaxyError> {
    let built = format!("{}-{}-*.tar.gz", meta.namespace(), meta.name());
    let patterns = IGNORED.iter().map(|pattern| (*pattern).to_owned());
    let patterns: Vec<String> = patterns.chain([built]).chain(ignored).collect();
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let inside = folder.join(&relative);
        for entry in fs::read_dir(&inside).map_err(GalaxyError::file("read", &inside))? {
            let entry = entry.map_err(GalaxyError::file("read", &inside))?;
            let (path, below) = (entry.path(), relative.join(entry.file_name()));
            let name = below.display().to_string();
            let is_folder = path.is_dir();
            let by_name =
                is_folder && IGNORED_FOLDERS.iter().any(|ignored| entry.file_name() == *ignored);
            if by_name || patterns.iter().any(|pattern| wildcard::matches(pattern, &name)) {
                voice.detail(3, &format!("Skipping '{}' for collection build", path.display()));
                continue;
            }
            if !is_folder {
                found.push(Entry { checksum: Some(checksum(&path)?), name });
                continue;
            }
            if path.is_symlink() {
                if !leads_inside(&path, folder) {
                    voice.warn(&format!(
                        "Skipping '{}' as it is a symbolic link to a directory outside the collection",
                        path.display()
                    ));
                    continue;
                }
            } else {
                folders.push(below);
            }
            found.push(Entry { name, checksum: None });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The files that directives choose, with the folders above them.
fn directed(
    folder: &Path,
    meta: &Meta,
    control: &Json,
    voice: &dyn Voice,
) -> Result<Vec<Entry>, GalaxyError> {
    let all = directives::of(meta, control)?;
    voice.detail(3, "Manifest Directives:");
    for directive in &all {
        voice.detail(3, &format!("    {directive}"));
    }
    let files = directives::chosen(folder, &all)?;
    let mut names = BTreeSet::new();
    for file in &files {
        for above in file.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            names.insert((above.to_owned(), false));
        }
        names.insert((file.clone(), true));
    }
    let entry = |(path, is_file): (PathBuf, bool)| {
        let checksum = is_file.then(|| checksum(&folder.join(&path))).transpose()?;
        Ok(Entry { name: path.display().to_string(), checksum })
    };
    names.into_iter().map(entry).collect()
}

/// Whether a link leads to something within a folder.
pub(super) fn leads_inside(link: &Path, folder: &Path) -> bool {
    match (fs::canonicalize(link), fs::canonicalize(folder)) {
        (Ok(target), Ok(folder)) => target.starts_with(folder),
        _ => false,
    }
}

/// The SHA-256 of a file.
pub(super) fn checksum(path: &Path) -> Result<String, GalaxyError> {
    let content = fs::read(path).map_err(GalaxyError::file("read", path))?;
    Ok(digest(&content))
}

/// The SHA-256 of bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `FILES.json`
pub(super) fn files(entries: &[Entry]) -> Json {
    let root = Entry { name: ".".to_owned(), checksum: None };
    let row = |entry: &Entry| {
        let kind = if entry.checksum.is_some() { "file" } else { "dir" };
        json!({
            "name": entry.name,
            "ftype": kind,
            "chksum_type": entry.checksum.as_ref().map(|_| "sha256"),
            "chksum_sha256": entry.checksum,
            "format": 1,
        })
    };
    let rows: Vec<Json> = std::iter::once(&root).chain(entries).map(row).collect();
    json!({ "files": rows, "format": 1 })
}

/// `MANIFEST.json`
pub(super) fn manifest(meta: &Meta, files: &[u8]) -> Json {
    json!({
        "collection_info": meta.info(),
        "file_manifest_file": {
            "name": "FILES.json",
            "ftype": "file",
            "chksum_type": "sha256",
            "chksum_sha256": digest(files),
            "format": 1,
        },
        "format": 1,
    })
}

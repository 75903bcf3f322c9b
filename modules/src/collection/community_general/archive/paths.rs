//! Paths that a task names, and their root.

use std::path::{Path, PathBuf};

use crate::contract::Stop;
use crate::host::Host;
use crate::module::{host_path, wildcard};

/// Expands paths and patterns; tells whether there was a pattern.
pub(super) fn expand(paths: &[PathBuf], host: &mut dyn Host) -> Result<(Vec<String>, bool), Stop> {
    let mut all = Vec::new();
    let mut patterns = false;
    for path in paths {
        let path = host_path::expand(host, path)?;
        let text = path.display().to_string();
        if text.contains(['*', '?']) {
            patterns = true;
            let found = wildcard::glob(&path, host)?;
            all.extend(found.iter().map(|path| path.display().to_string()));
        } else {
            all.push(text);
        }
    }
    Ok((all, patterns))
}

/// The directory that all lie in, with a slash at its end.
pub(super) fn root(paths: &[String]) -> String {
    let folders: Vec<String> = paths.iter().map(|path| with_slash(folder(path))).collect();
    let Some(first) = folders.first() else { return String::new() };
    let mut common = first.as_str();
    for other in &folders {
        let same = common.char_indices().zip(other.chars());
        let length = same
            .take_while(|((_, one), other)| one == other)
            .last()
            .map_or(0, |((at, one), _)| at + one.len_utf8());
        common = common.get(..length).unwrap_or_default();
    }
    with_slash(folder(common))
}

/// What stands before the last slash.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => path.get(..at).unwrap_or_default().trim_end_matches('/'),
        None => "",
    }
}

pub(super) fn with_slash(path: &str) -> String {
    if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// A path without the root.
pub(super) fn below<'a>(root: &str, path: &'a str) -> &'a str {
    path.strip_prefix(root).unwrap_or(path)
}

/// Whether the name ends as that of an archive does.
pub(super) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".zip"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn roots_are_those_of_the_collection() {
        for (paths, expected) in [
            (vec!["/path/to/foo"], "/path/to/"),
            (vec!["/path/to/foo/"], "/path/to/foo/"),
            (vec!["/path/to/foo", "/path/wong/foo"], "/path/"),
            (vec!["/path/to", "/path/too"], "/path/"),
            (vec!["/a", "/b"], "/"),
        ] {
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            assert_eq!(root(&paths), expected, "{paths:?}");
        }
    }
}

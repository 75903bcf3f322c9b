//! Whether the files that a plan was made from are still the same.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use canvass_modules::host::sha256;

use super::format::Input;
use crate::source::inputs::{Inputs, whole};

/// A file that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Its content is another.
    Content(String),
    /// It is not there, or cannot be read.
    Missing(String),
    /// The plan does not know it.
    Added(String),
}

impl fmt::Display for Changed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(path) => write!(formatter, "`{path}` has changed"),
            Self::Missing(path) => write!(formatter, "`{path}` is gone"),
            Self::Added(path) => write!(formatter, "`{path}` was not there"),
        }
    }
}

/// A path as a plan has it: relative to `root` where it lies below it.
pub fn relative(path: &Path, root: &Path) -> String {
    let path = whole(path);
    path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned()
}

/// The inputs of a plan that is made in `root`.
pub fn of(noted: &Inputs, root: &Path) -> Vec<Input> {
    let input = |(path, sha256): (&PathBuf, &String)| Input {
        path: relative(path, root),
        sha256: sha256.clone(),
    };
    noted.iter().map(input).collect()
}

/// What has changed since, as the files are now.
pub fn changed(inputs: &[Input], root: &Path) -> Vec<Changed> {
    let look = |input: &Input| match std::fs::read(root.join(&input.path)) {
        Err(_) => Some(Changed::Missing(input.path.clone())),
        Ok(content) if sha256(&content) != input.sha256 => {
            Some(Changed::Content(input.path.clone()))
        }
        Ok(_) => None,
    };
    inputs.iter().filter_map(look).collect()
}

/// What a run has read and the plan does not know, or knows otherwise.
pub fn unknown(inputs: &[Input], noted: &Inputs, root: &Path) -> Vec<Changed> {
    let known: BTreeSet<&str> = inputs.iter().map(|input| input.path.as_str()).collect();
    let look = |input: &Input| match known.contains(input.path.as_str()) {
        false => Some(Changed::Added(input.path.clone())),
        true if !inputs.contains(input) => Some(Changed::Content(input.path.clone())),
        true => None,
    };
    of(noted, root).iter().filter_map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_not_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let path = |name: &str| root.join(name);
        for name in ["a", "b", "c"] {
            std::fs::write(path(name), name).unwrap();
        }
        let noted: Inputs =
            ["a", "b", "c"].map(|name| (path(name), sha256(name.as_bytes()))).into();
        let inputs = of(&noted, root);
        assert_eq!(inputs[0].path, "a");
        assert_eq!(changed(&inputs, root), []);
        std::fs::write(path("a"), "other").unwrap();
        std::fs::remove_file(path("b")).unwrap();
        let told = [Changed::Content("a".to_owned()), Changed::Missing("b".to_owned())];
        assert_eq!(changed(&inputs, root), told);
        let now: Inputs = [(path("a"), "1".to_owned()), (path("d"), "2".to_owned())].into();
        let told = [Changed::Content("a".to_owned()), Changed::Added("d".to_owned())];
        assert_eq!(unknown(&inputs, &now, root), told);
    }
}

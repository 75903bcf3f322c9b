//! Which files of the controller a run has read, and what they held.
//!
//! A plan names every one of them, so that an apply can tell a changed project from the approved
//! one. Files are read in many places (YAML, inventories, templates, lookups, files that go to
//! hosts), on many threads and, by templates, in the middle of an expression; all of them note
//! what they read here. Nothing is kept unless [`watch`] was called.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use canvass_modules::host::sha256;
use sha2::Digest as _;

/// Files with the SHA-256 of their content in hexadecimal.
pub type Inputs = BTreeMap<PathBuf, String>;

static NOTED: Mutex<Option<Inputs>> = Mutex::new(None);

fn noted_so_far() -> MutexGuard<'static, Option<Inputs>> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on what is read is noted; what was noted before is forgotten.
pub fn watch() {
    *noted_so_far() = Some(Inputs::new());
}

/// All that was read since [`watch`].
pub fn noted() -> Inputs {
    noted_so_far().clone().unwrap_or_default()
}

/// How many files were read since [`watch`].
pub fn count() -> usize {
    noted_so_far().as_ref().map_or(0, Inputs::len)
}

/// Notes a file that was read whole. Of a file that is read again the first content counts.
pub fn note(path: &Path, content: &[u8]) {
    if let Some(noted) = noted_so_far().as_mut() {
        noted.entry(whole(path)).or_insert_with(|| sha256(content));
    }
}

/// Reads a file whole and notes it.
///
/// # Errors
///
/// As [`std::fs::read`].
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let content = whole_of(path)?;
    note(path, &content);
    Ok(content)
}

/// So much is read of what is no regular file (devices, pipes) and may never end.
const MOST_OF_STREAMS: u64 = 64 * 1024 * 1024;

fn whole_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let about = file.metadata()?;
    let mut content = Vec::new();
    if about.is_file() {
        content.reserve(usize::try_from(about.len()).unwrap_or_default());
        (&file).read_to_end(&mut content)?;
        return Ok(content);
    }
    (&file).take(MOST_OF_STREAMS + 1).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > MOST_OF_STREAMS) {
        let text = format!("it is no file, and gives more than {MOST_OF_STREAMS} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, text));
    }
    Ok(content)
}

/// Reads a text whole and notes it.
///
/// # Errors
///
/// As [`std::fs::read_to_string`].
pub fn read_to_string(path: &Path) -> std::io::Result<String> {
    let content = whole_of(path)?;
    note(path, &content);
    let no_text = |_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no UTF-8 text");
    String::from_utf8(content).map_err(no_text)
}

/// The SHA-256 of a file too large to be held, in the making; none where nobody is interested.
#[derive(Debug)]
pub struct Stream(Option<sha2::Sha256>);

impl Stream {
    /// Begins.
    pub fn begin() -> Self {
        Self(noted_so_far().is_some().then(sha2::Sha256::new))
    }

    /// Takes in more.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.0 {
            digest.update(bytes);
        }
    }

    /// Notes the file.
    pub fn end(self, path: &Path) {
        use std::fmt::Write as _;
        let Some(digest) = self.0 else { return };
        let text = digest.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        if let Some(noted) = noted_so_far().as_mut() {
            noted.entry(whole(path)).or_insert(text);
        }
    }
}

/// A path from the root; without `..` where that leads to the same file.
pub fn whole(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if !path.components().any(|part| part == Component::ParentDir) {
        return path;
    }
    let mut short = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(short.pop()),
            part => short.push(part),
        }
    }
    match (path.canonicalize(), short.canonicalize()) {
        (Ok(one), Ok(other)) if one != other => path,
        _ => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_parents_is_shortened_where_that_means_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(root.join("c/d")).unwrap();
        for file in ["a/x", "c/x"] {
            std::fs::write(root.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink(root.join("c/d"), root.join("a/link")).unwrap();
        assert_eq!(whole(&root.join("a/b/../x")), root.join("a/x"));
        assert_eq!(whole(&root.join("a/link/../x")), root.join("a/link/../x"));
        assert!(whole(Path::new("x")).is_absolute());
    }
}

//! A built collection: a tarball with its manifest in front.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;

use super::GalaxyError;
use super::archive::{self, Content, Member};
use super::manifest::digest;
use super::meta::{MANIFEST, Meta};

/// A built collection, read.
#[derive(Debug)]
pub(super) struct Artifact {
    path: PathBuf,
    members: Vec<Member>,
}

impl Artifact {
    /// Reads one.
    pub(super) fn read(path: &Path) -> Result<Self, GalaxyError> {
        let shown = path.display();
        if !path.exists() {
            return Err(GalaxyError::refused(format!(
                "Unable to find collection artifact file at '{shown}'."
            )));
        }
        let Some(members) = archive::read(path)? else {
            return Err(GalaxyError::refused(format!(
                "Collection artifact at '{shown}' is not a valid tar file."
            )));
        };
        let artifact = Self { path: path.to_owned(), members };
        if artifact.member(MANIFEST).is_none() {
            return Err(GalaxyError::refused(format!(
                "Collection at '{shown}' does not contain the required file {MANIFEST}."
            )));
        }
        Ok(artifact)
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// What it says of itself.
    pub(super) fn meta(&self) -> Result<Meta, GalaxyError> {
        Meta::of_manifest(self.file(MANIFEST)?)
    }

    /// The content of a file; a link's is that of the member it leads to.
    pub(super) fn file(&self, name: &str) -> Result<&[u8], GalaxyError> {
        let mut name = name.to_owned();
        // a chain of links ends soon or is none
        for _ in 0..16 {
            match self.member(&name).map(|member| &member.content) {
                Some(Content::File(bytes)) => return Ok(bytes),
                Some(Content::Link(target)) => {
                    let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
                    name = normalised(&folder.join(target)).display().to_string();
                }
                _ => break,
            }
        }
        Err(GalaxyError::refused(format!(
            "Collection tar at '{}' does not contain the expected file '{name}'.",
            self.path.display()
        )))
    }

    /// JSON of a file.
    pub(super) fn json(&self, name: &str) -> Result<Json, GalaxyError> {
        serde_json::from_slice(self.file(name)?).map_err(|_| {
            GalaxyError::refused(format!(
                "Collection tar file member {name} does not contain a valid json string."
            ))
        })
    }

    /// Writes what `FILES.json` names into a folder that is not there yet; nothing of it is left
    /// where that fails.
    pub(super) fn unpack(&self, folder: &Path) -> Result<(), GalaxyError> {
        let done = self.unpack_all(folder);
        if done.is_err() {
            let _ = fs::remove_dir_all(folder);
            if let Some(namespace) = folder.parent() {
                // only where it is empty
                let _ = fs::remove_dir(namespace);
            }
        }
        done
    }

    fn unpack_all(&self, folder: &Path) -> Result<(), GalaxyError> {
        fs::create_dir_all(folder).map_err(GalaxyError::file("make", folder))?;
        self.write(MANIFEST, None, folder)?;
        self.write("FILES.json", None, folder)?;
        let files = self.json("FILES.json")?;
        for row in files.get("files").and_then(Json::as_array).into_iter().flatten() {
            let text = |key| row.get(key).and_then(Json::as_str);
            let Some(name) = text("name").filter(|name| *name != ".") else { continue };
            match text("ftype") {
                Some("file") => self.write(name, text("chksum_sha256"), folder)?,
                _ => self.make_folder(name, folder)?,
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, checksum: Option<&str>, folder: &Path) -> Result<(), GalaxyError> {
        let bytes = self.file(name)?;
        if checksum.is_some_and(|expected| expected != digest(bytes)) {
            return Err(GalaxyError::refused(format!(
                "Checksum mismatch for '{name}' inside collection at '{}'",
                self.path.display()
            )));
        }
        let path = normalised(&folder.join(name));
        let parent =
            path.parent().filter(|parent| parent.starts_with(folder)).ok_or_else(|| {
                GalaxyError::refused(format!(
                    "Cannot extract tar entry '{name}' as it will be placed outside the collection \
                 directory"
                ))
            })?;
        inside(parent, folder, name)?;
        fs::create_dir_all(parent).map_err(GalaxyError::file("make", parent))?;
        let Some(member) = self.member(name) else { return Ok(()) };
        if let Content::Link(target) = &member.content {
            return link(name, target, &path, folder);
        }
        fs::write(&path, bytes).map_err(GalaxyError::file("write", &path))?;
        let mode = if member.mode & 0o100 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .map_err(GalaxyError::file("set the mode of", &path))
    }

    fn make_folder(&self, name: &str, folder: &Path) -> Result<(), GalaxyError> {
        let member = self.member(name.trim_end_matches('/')).ok_or_else(|| {
            GalaxyError::refused(format!("Unable to extract '{name}' from collection"))
        })?;
        let path = normalised(&folder.join(name));
        let parent =
            path.parent().filter(|parent| parent.starts_with(folder)).ok_or_else(|| {
                GalaxyError::refused(format!(
                    "Cannot extract tar entry '{name}' as it will be placed outside the collection \
                 directory"
                ))
            })?;
        inside(parent, folder, name)?;
        fs::create_dir_all(parent).map_err(GalaxyError::file("make", parent))?;
        match &member.content {
            Content::Link(target) => link(name, target, &path, folder),
            _ => fs::create_dir_all(&path).map_err(GalaxyError::file("make", &path)),
        }
    }
}

/// A link of the archive that was made before must not lead what comes after out of the folder.
fn inside(parent: &Path, folder: &Path, name: &str) -> Result<(), GalaxyError> {
    let there = parent.ancestors().find(|path| path.exists());
    let escapes = there
        .and_then(|path| fs::canonicalize(path).ok())
        .is_some_and(|real| fs::canonicalize(folder).is_ok_and(|folder| !real.starts_with(folder)));
    match escapes {
        true => Err(GalaxyError::refused(format!(
            "Cannot extract tar entry '{name}' as it will be placed outside the collection directory"
        ))),
        false => Ok(()),
    }
}

fn link(name: &str, target: &str, path: &Path, folder: &Path) -> Result<(), GalaxyError> {
    let beside = path.parent().unwrap_or(folder);
    if !normalised(&beside.join(target)).starts_with(folder) {
        return Err(GalaxyError::refused(format!(
            "Cannot extract symlink '{name}' in collection: path points to location outside of \
             collection '{target}'"
        )));
    }
    symlink(target, path).map_err(GalaxyError::file("link", path))
}

/// A path without `.` and `..`.
pub(super) fn normalised(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !whole.pop() {
                    whole.push("..");
                }
            }
            other => whole.push(other),
        }
    }
    whole
}

//! The tarball of a role.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value as Json;

use super::archive::{self, Content, Member};
use super::artifact::normalised;
use super::{GalaxyError, document};

/// The names of the page of a role.
const PAGES: [&str; 2] = ["meta/main.yml", "meta/main.yaml"];

/// A role in a tarball.
#[derive(Debug)]
pub(super) struct RoleArchive {
    members: Vec<Member>,
    /// The folder of the role within.
    folder: String,
    /// What `meta/main.yml` says.
    pub(super) meta: Json,
}

impl RoleArchive {
    /// Reads one.
    pub(super) fn read(path: &Path) -> Result<Self, GalaxyError> {
        let Some(members) = archive::read(path)? else {
            return Err(GalaxyError::refused(
                "the downloaded file does not appear to be a valid tar archive.",
            ));
        };
        // of several, the one that lies highest
        let folder_of = |member: &Member| {
            let is_page = PAGES.iter().any(|page| member.name.contains(page));
            let parent =
                |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            is_page.then(|| parent(&parent(&member.name)))
        };
        let found = members
            .iter()
            .filter_map(|member| Some((folder_of(member)?, member)))
            .min_by_key(|(folder, _)| folder.len());
        let Some((folder, page)) = found else {
            return Err(GalaxyError::refused(
                "this role does not appear to have a meta/main.yml file.",
            ));
        };
        let wrong = || {
            GalaxyError::refused("this role does not appear to have a valid meta/main.yml file.")
        };
        let Content::File(bytes) = &page.content else { return Err(wrong()) };
        let meta = document::parse(Path::new(&page.name), bytes.clone()).map_err(|_| wrong())?;
        Ok(Self { members, folder, meta })
    }

    /// Writes the role's files and links into a folder. What would lie, or lead, outside of the
    /// role is an error.
    pub(super) fn unpack(&self, into: &Path) -> Result<(), GalaxyError> {
        // the folder within counts as if it lay here
        let root = std::path::absolute(normalised(Path::new(&self.folder)))
            .map_err(GalaxyError::file("find", Path::new(&self.folder)))?;
        for member in &self.members {
            if !matches!(member.content, Content::File(_) | Content::Link(_)) {
                continue;
            }
            let name = member.name.replacen(&self.folder, "", usize::from(!self.folder.is_empty()));
            let name = within(&root, &root, name.trim_start_matches('/'), "name", &root)?;
            let path = into.join(&name);
            let parent = path.parent().unwrap_or(into);
            fs::create_dir_all(parent).map_err(GalaxyError::file("make", parent))?;
            // a link that came before must not lead out
            let real = fs::canonicalize(parent).map_err(GalaxyError::file("find", parent))?;
            let whole = fs::canonicalize(into).map_err(GalaxyError::file("find", into))?;
            if !real.starts_with(&whole) {
                return Err(outside("name", &real, &whole));
            }
            if path.is_symlink() {
                fs::remove_file(&path).map_err(GalaxyError::file("replace", &path))?;
            }
            match &member.content {
                Content::File(bytes) => {
                    fs::write(&path, bytes).map_err(GalaxyError::file("write", &path))?;
                    finish(&path, member)?;
                }
                Content::Link(target) => {
                    let beside = root.join(&name);
                    let beside = beside.parent().unwrap_or(&root);
                    within(&root, beside, target, "linkname", &root)?;
                    symlink(target, &path).map_err(GalaxyError::file("link", &path))?;
                }
                Content::Folder | Content::Other => {}
            }
        }
        Ok(())
    }
}

/// A path within the role, as seen from a folder of it.
fn within(
    root: &Path,
    folder: &Path,
    name: &str,
    what: &str,
    shown: &Path,
) -> Result<PathBuf, GalaxyError> {
    let whole = folder.join(name);
    match normalised(&whole).strip_prefix(root) {
        Ok(relative) => Ok(relative.to_owned()),
        Err(_) => Err(outside(what, &whole, shown)),
    }
}

fn outside(what: &str, path: &Path, root: &Path) -> GalaxyError {
    GalaxyError::refused(format!(
        "Invalid {what} for tarfile member: path {} is not a subpath of the role {}",
        path.display(),
        root.display()
    ))
}

fn finish(path: &Path, member: &Member) -> Result<(), GalaxyError> {
    let mode = member.mode & 0o755 | 0o600;
    let mode = if mode & 0o100 == 0 { mode & !0o111 } else { mode };
    let file =
        fs::File::options().write(true).open(path).map_err(GalaxyError::file("open", path))?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(member.changed))
        .map_err(GalaxyError::file("set the time of", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(GalaxyError::file("set the mode of", path))
}

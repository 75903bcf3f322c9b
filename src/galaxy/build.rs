//! Making a tarball, or an installed folder, of a collection's source.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::document::{plain, to_json};
use super::manifest::{self, Entry, leads_inside};
use super::meta::{MANIFEST, Meta};
use super::{GalaxyError, Voice};

/// Builds the collection of a folder into a tarball in another.
///
/// # Errors
///
/// A `galaxy.yml` that is missing or wrong, a tarball that is there already, files that cannot be
/// read.
pub fn build(
    folder: &Path,
    output: &Path,
    force: bool,
    voice: &dyn Voice,
) -> Result<PathBuf, GalaxyError> {
    let meta = Meta::of_source(folder, voice)?;
    let entries = manifest::entries(folder, &meta, voice)?;
    let name = format!("{}-{}-{}.tar.gz", meta.namespace(), meta.name(), plain(meta.version()));
    let path = output.join(name);
    let shown = path.display();
    if path.is_dir() {
        return Err(GalaxyError::refused(format!(
            "The output collection artifact '{shown}' already exists, but is a directory - aborting"
        )));
    }
    if path.exists() && !force {
        return Err(GalaxyError::refused(format!(
            "The file '{shown}' already exists. You can use --force to re-create the collection \
             artifact."
        )));
    }
    let bytes = packed(folder, &meta, &entries)?;
    fs::write(&path, bytes).map_err(GalaxyError::file("write", &path))?;
    voice.say(&format!("Created collection for {}.{} at {shown}", meta.namespace(), meta.name()));
    Ok(path)
}

/// The two files in front, and what they hold.
fn in_front(meta: &Meta, entries: &[Entry]) -> [(&'static str, Vec<u8>); 2] {
    let files = to_json(&manifest::files(entries));
    let about = to_json(&manifest::manifest(meta, &files));
    [(MANIFEST, about), ("FILES.json", files)]
}

fn packed(folder: &Path, meta: &Meta, entries: &[Entry]) -> Result<Vec<u8>, GalaxyError> {
    let wrong = GalaxyError::file("pack", folder);
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let work = || -> Result<Vec<u8>, GalaxyError> {
        for (name, content) in in_front(meta, entries) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
            let mut header = header(EntryType::Regular, 0o644, now);
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, name, content.as_slice())
                .map_err(GalaxyError::file("pack", Path::new(name)))?;
        }
        for entry in entries {
            let path = folder.join(&entry.name);
            append(&mut builder, entry, &path, folder)?;
        }
        let encoder = builder.into_inner().map_err(wrong)?;
        encoder.finish().map_err(GalaxyError::file("pack", folder))
    };
    work()
}

fn append(
    builder: &mut Builder<GzEncoder<Vec<u8>>>,
    entry: &Entry,
    path: &Path,
    folder: &Path,
) -> Result<(), GalaxyError> {
    let wrong = |error| GalaxyError::file("pack", path)(error);
    if path.is_symlink() {
        let Ok(target) = fs::canonicalize(path) else {
            let target = fs::read_link(path).unwrap_or_default();
            return Err(GalaxyError::refused(format!(
                "Failed to find the target path '{}' for the symlink '{}'.",
                target.display(),
                path.display()
            )));
        };
        if leads_inside(path, folder) {
            let beside = path.parent().unwrap_or(folder);
            let beside = fs::canonicalize(beside).unwrap_or_else(|_| beside.to_owned());
            let mut header = header(EntryType::Symlink, 0o777, 0);
            return builder
                .append_link(&mut header, &entry.name, relative(&target, &beside))
                .map_err(wrong);
        }
    }
    let about = fs::metadata(path).map_err(wrong)?;
    let changed = u64::try_from(about.mtime()).unwrap_or_default();
    if about.is_dir() {
        let mut header = header(EntryType::Directory, 0o755, changed);
        return builder
            .append_data(&mut header, format!("{}/", entry.name), std::io::empty())
            .map_err(wrong);
    }
    let content = fs::read(path).map_err(wrong)?;
    let mode = if about.mode() & 0o100 == 0 { 0o644 } else { 0o755 };
    let mut header = header(EntryType::Regular, mode, changed);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, &entry.name, content.as_slice()).map_err(wrong)
}

fn header(kind: EntryType, mode: u32, changed: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(changed);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// The way from a folder to a path.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let common =
        path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(common).map(|_| std::path::Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

/// Installs the collection of a source folder: what its tarball would bring.
pub(super) fn build_folder(
    folder: &Path,
    meta: &Meta,
    output: &Path,
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    let entries = manifest::entries(folder, meta, voice)?;
    let write = |path: &Path, content: &[u8], mode: u32| {
        let mut file = fs::File::create(path).map_err(GalaxyError::file("write", path))?;
        file.write_all(content).map_err(GalaxyError::file("write", path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(GalaxyError::file("set the mode of", path))
    };
    fs::create_dir_all(output).map_err(GalaxyError::file("make", output))?;
    for (name, content) in in_front(meta, &entries) {
        write(&output.join(name), &content, 0o644)?;
    }
    let mut entries = entries;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    for entry in &entries {
        let (from, to) = (folder.join(&entry.name), output.join(&entry.name));
        if from.is_symlink() {
            let target = fs::read_link(&from).map_err(GalaxyError::file("read", &from))?;
            std::os::unix::fs::symlink(target, &to).map_err(GalaxyError::file("link", &to))?;
        } else if from.is_dir() {
            fs::create_dir_all(&to).map_err(GalaxyError::file("make", &to))?;
        } else {
            let content = fs::read(&from).map_err(GalaxyError::file("read", &from))?;
            let about = fs::metadata(&from).map_err(GalaxyError::file("read", &from))?;
            write(&to, &content, if about.mode() & 0o100 == 0 { 0o644 } else { 0o755 })?;
        }
    }
    Ok(())
}

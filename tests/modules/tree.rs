//! The files of a case.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::IFlags;
use serde_json::{Map, Value as Json};

/// Flags that whoever owns a file may set.
const FLAGS: [(char, IFlags); 3] =
    [('S', IFlags::SYNC), ('d', IFlags::NODUMP), ('A', IFlags::NOATIME)];

/// Whether the file system has them.
pub(crate) fn has_flags(folder: &Path) -> bool {
    flags(folder).is_ok_and(|there| set_flags(folder, there | IFlags::NODUMP).is_ok())
}

fn flags(path: &Path) -> Result<IFlags> {
    Ok(rustix::fs::ioctl_getflags(fs::File::open(path)?)?)
}

fn set_flags(path: &Path, flags: IFlags) -> Result<()> {
    Ok(rustix::fs::ioctl_setflags(fs::File::open(path)?, flags)?)
}

/// Lays out what a case begins with.
pub(crate) fn lay_out(folder: &Path, tree: &Json) -> Result<()> {
    make_directory(folder)?;
    for (path, entry) in tree.as_object().into_iter().flatten() {
        let at = folder.join(path);
        if let Some(parent) = at.parent() {
            make_directory(parent)?;
        }
        if let Some(target) = entry["link"].as_str() {
            std::os::unix::fs::symlink(target, &at)?;
            continue;
        }
        if let Some(other) = entry["hard"].as_str() {
            fs::hard_link(folder.join(other), &at)?;
            continue;
        }
        let directory = entry.get("directory").is_some();
        if directory {
            make_directory(&at)?;
        } else {
            let text = entry.as_str().or_else(|| entry["text"].as_str());
            let content = match (text, entry["base64"].as_str()) {
                (None, Some(coded)) => STANDARD.decode(coded)?,
                (text, _) => text.unwrap_or_default().as_bytes().to_vec(),
            };
            fs::write(&at, content).with_context(|| at.display().to_string())?;
        }
        let mode = entry["mode"].as_str().unwrap_or(if directory { "0755" } else { "0644" });
        set_mode(&at, u32::from_str_radix(mode, 8)?)?;
        if let Some(letters) = entry["flags"].as_str() {
            let named = FLAGS.iter().filter(|(letter, _)| letters.contains(*letter));
            set_flags(&at, named.fold(flags(&at)?, |all, (_, flag)| all | *flag))?;
        }
    }
    Ok(())
}

/// How a file is looked at.
#[derive(PartialEq)]
pub(crate) enum Look {
    /// With all it holds.
    In,
    /// That it is there.
    Opaque,
    /// Not at all.
    Past,
}

/// What lies in a folder, in the same form.
pub(crate) fn seen(folder: &Path, look: &dyn Fn(&str) -> Look) -> Result<Map<String, Json>> {
    let mut found = Map::new();
    see(folder, folder, look, &mut found)?;
    Ok(found)
}

fn see(
    root: &Path,
    folder: &Path,
    look: &dyn Fn(&str) -> Look,
    found: &mut Map<String, Json>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if look(&name) == Look::Past {
            continue;
        }
        let metadata = fs::symlink_metadata(&path)?;
        let mode = metadata.permissions().mode() & 0o7777;
        let mut entry = Map::new();
        if metadata.is_symlink() {
            entry.insert("link".into(), fs::read_link(&path)?.to_string_lossy().into());
            found.insert(name, entry.into());
            continue;
        }
        if mode != if metadata.is_dir() { 0o755 } else { 0o644 } {
            entry.insert("mode".into(), format!("{mode:04o}").into());
        }
        let there = flags(&path).unwrap_or(IFlags::empty());
        let letters = FLAGS.iter().filter(|(_, flag)| there.contains(*flag));
        let letters: String = letters.map(|(letter, _)| *letter).collect();
        if !letters.is_empty() {
            entry.insert("flags".into(), letters.into());
        }
        if metadata.is_dir() {
            entry.insert("directory".into(), true.into());
            found.insert(name, entry.into());
            see(root, &path, look, found)?;
            continue;
        }
        if look(&name) == Look::Opaque {
            entry.insert("opaque".into(), true.into());
            found.insert(name, entry.into());
            continue;
        }
        let entry = match String::from_utf8(fs::read(&path)?) {
            Ok(text) if entry.is_empty() => text.into(),
            Ok(text) => {
                entry.insert("text".into(), text.into());
                entry.into()
            }
            Err(bytes) => {
                entry.insert("base64".into(), STANDARD.encode(bytes.as_bytes()).into());
                entry.into()
            }
        };
        found.insert(name, entry);
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    fs::create_dir(path).with_context(|| path.display().to_string())?;
    set_mode(path, 0o755)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

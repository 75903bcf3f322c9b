//! `community.general.filetree`: all files of folders with what they are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use minijinja::Value;

use super::Request;
use crate::template::failure::Outcome;
use crate::template::python::string_keys;

/// Folders are not followed deeper.
const MAXIMUM_DEPTH: usize = 200;

/// `filetree`; a path that an earlier folder has counts there only.
pub(super) fn filetree(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let mut found: IndexMap<PathBuf, Value> = IndexMap::new();
    for term in request.texts()? {
        let (folder, name) = term.rsplit_once('/').unwrap_or(("", &term));
        let candidates = request.scope.directories().beneath(Path::new(folder));
        let folder = candidates.iter().find(|path| path.exists()).or(candidates.last());
        let root = folder.map(|folder| folder.join(name)).unwrap_or_default();
        let shown = shown_root(&root, name);
        walk(&root, &shown, Path::new(""), 0, &mut found);
    }
    Ok(found.into_values().collect())
}

/// The root as Python joins it: with a slash at its end where the term had one.
fn shown_root(root: &Path, name: &str) -> String {
    let text = root.to_string_lossy();
    match name.is_empty() && !text.ends_with('/') {
        true => format!("{text}/"),
        false => text.into_owned(),
    }
}

/// Folders of a folder first, then its files, then what is in the folders.
fn walk(
    folder: &Path,
    root: &str,
    below: &Path,
    depth: usize,
    found: &mut IndexMap<PathBuf, Value>,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.path().is_dir());
    for entry in folders.iter().chain(&files) {
        let path = below.join(entry.file_name());
        if !found.contains_key(&path)
            && let Some(properties) = properties(&entry.path(), root, &path)
        {
            found.insert(path, properties);
        }
    }
    for entry in folders {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if !is_link && depth < MAXIMUM_DEPTH {
            walk(&entry.path(), root, &below.join(entry.file_name()), depth + 1, found);
        }
    }
}

fn properties(file: &Path, root: &str, path: &Path) -> Option<Value> {
    let status = fs::symlink_metadata(file).ok()?;
    let text = |path: &Path| Value::from(path.to_string_lossy());
    let mut properties = vec![("root", Value::from(root)), ("path", text(path))];
    let kind = status.file_type();
    if kind.is_symlink() {
        properties.push(("state", "link".into()));
        properties.push(("src", text(&fs::read_link(file).ok()?)));
    } else if kind.is_dir() {
        properties.push(("state", "directory".into()));
    } else if kind.is_file() {
        properties.push(("state", "file".into()));
        properties.push(("src", text(file)));
    } else {
        return None;
    }
    let named = |name: Option<String>, id: u32| name.map_or_else(|| Value::from(id), Value::from);
    let mode = format!("0{:03o}", status.mode() & 0o7777);
    let seconds = |seconds: i64, nanoseconds: i64| {
        #[expect(clippy::cast_precision_loss, reason = "Python's times are floats, too")]
        let time = seconds as f64 + nanoseconds as f64 / 1e9;
        Value::from(time)
    };
    properties.extend([
        ("uid", Value::from(status.uid())),
        ("gid", Value::from(status.gid())),
        ("owner", named(name_in("/etc/passwd", status.uid()), status.uid())),
        ("group", named(name_in("/etc/group", status.gid()), status.gid())),
        ("mode", mode.into()),
        ("size", Value::from(status.size())),
        ("mtime", seconds(status.mtime(), status.mtime_nsec())),
        ("ctime", seconds(status.ctime(), status.ctime_nsec())),
    ]);
    Some(string_keys(properties))
}

/// The name of a number in a table of accounts.
pub(in crate::template) fn name_in(table: &str, id: u32) -> Option<String> {
    let table = fs::read_to_string(table).ok()?;
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

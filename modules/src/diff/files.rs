//! What paths were and will be.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use super::{Diff, Fields};
use crate::effect::Attributes;
use crate::host::{Context, FileFlags, FileKind, FileStat, FlagChange, Follow, Host, HostError};

/// The largest content that is shown, in bytes; Ansible's `max_diff_size`.
const MAX_SHOWN: u64 = 104_448;

/// How it is said that a content is too large to be shown; the bound follows.
pub(super) const LARGER_THAN: &str = "larger than ";

/// How it is said that a content is no text.
pub(super) const BINARY: &str = "binary";

/// The bound of this process.
static BOUND: AtomicU64 = AtomicU64::new(MAX_SHOWN);

/// Sets the size in bytes up to which files are shown, for all that this process does; 0 is no
/// bound, and none is the usual one.
pub fn show_up_to(bytes: Option<u64>) {
    BOUND.store(bytes.unwrap_or(MAX_SHOWN), Ordering::Relaxed);
}

/// So many entries of a removed directory are shown.
const MAX_TREE: usize = 1000;

/// A path that effects touch.
#[derive(Debug)]
pub(super) struct PathSubject {
    path: PathBuf,
    stat: Result<Option<FileStat>, HostError>,
    /// Read only where an effect may change it.
    content: Option<Shown>,
    pub(super) shows_content: bool,
    sets_owner: bool,
    sets_group: bool,
    /// The flags that were there, and what is asked for.
    flags: Option<(Option<FileFlags>, FlagChange)>,
    /// The context that was there, where it changes.
    context: Option<Context>,
    pub(super) sets_mode: bool,
    pub(super) sets_times: bool,
    pub(super) hard_link_to: Option<PathBuf>,
    /// What a directory that is removed holds.
    tree: Option<Tree>,
}

/// All that is below a directory.
#[derive(Debug, Default)]
struct Tree {
    directories: Vec<String>,
    files: Vec<String>,
}

impl Tree {
    /// Walks as far as [`MAX_TREE`] entries.
    fn walk(&mut self, folder: &Path, host: &mut dyn Host) {
        let mut below = Vec::new();
        for name in host.list(folder).unwrap_or_default() {
            if self.directories.len() + self.files.len() >= MAX_TREE {
                return;
            }
            let path = folder.join(name);
            match host.stat(&path, Follow::No) {
                Ok(Some(stat)) if stat.kind == FileKind::Directory => {
                    self.directories.push(path.display().to_string());
                    below.push(path);
                }
                _ => self.files.push(path.display().to_string()),
            }
        }
        for path in below {
            self.walk(&path, host);
        }
    }
}

/// One side of a content.
#[derive(Debug, PartialEq)]
enum Shown {
    Text(String),
    Hidden(String),
}

impl PathSubject {
    pub(super) fn before(path: &Path, host: &mut dyn Host) -> Self {
        Self {
            path: path.to_owned(),
            stat: host.stat(path, Follow::No),
            content: None,
            shows_content: false,
            sets_owner: false,
            sets_group: false,
            flags: None,
            context: None,
            sets_mode: false,
            sets_times: false,
            hard_link_to: None,
            tree: None,
        }
    }

    /// Notes what a directory holds, before it is removed.
    pub(super) fn keep_tree(&mut self, host: &mut dyn Host) {
        if matches!(&self.stat, Ok(Some(stat)) if stat.kind == FileKind::Directory) {
            let mut tree = Tree::default();
            tree.walk(&self.path, host);
            self.tree = Some(tree);
        }
    }

    /// Reads the content, before the first effect that may change it.
    pub(super) fn keep_content(&mut self, host: &mut dyn Host) {
        if self.content.is_none() {
            self.content = Some(Shown::of(&self.path, host));
        }
    }

    pub(super) fn set_attributes(&mut self, attributes: &Attributes, host: &mut dyn Host) {
        self.sets_owner |= attributes.owner.is_some();
        self.sets_group |= attributes.group.is_some();
        self.sets_mode |= attributes.mode.is_some();
        if let Some(change) = &attributes.flags {
            let now = host.flags(&self.path).unwrap_or_default();
            let before = self.flags.take().map_or(now, |(before, _)| before);
            self.flags = Some((before, change.clone()));
        }
        if attributes.context.is_some() && self.context.is_none() {
            self.context = host.context(&self.path).unwrap_or_default();
        }
    }

    pub(super) fn diffs(self, host: &mut dyn Host) -> Vec<Diff> {
        let after = host.stat(&self.path, Follow::No);
        let content = self.content_diff(&after, host);
        let context = self.context.as_ref().and_then(|_| host.context(&self.path).ok()?);
        let attributes = self.attributes_diff(&after, context.as_ref(), content.is_some());
        content.into_iter().chain(attributes).collect()
    }

    fn content_diff(
        &self,
        after: &Result<Option<FileStat>, HostError>,
        host: &mut dyn Host,
    ) -> Option<Diff> {
        if !self.shows_content || !matches!(after, Ok(Some(_))) {
            return None;
        }
        let before = self.content.as_ref()?;
        let after = Shown::of(&self.path, host);
        let header = self.path.display().to_string();
        match (before, after) {
            (Shown::Text(before), Shown::Text(after)) if *before == after => None,
            (Shown::Text(before), Shown::Text(after)) => {
                Some(Diff::new(header, Json::from(before.clone()), Json::from(after)))
            }
            (Shown::Hidden(note), after) => Some(hidden(header, note, "", after.text())),
            (before, Shown::Hidden(note)) => Some(hidden(header, &note, before.text(), "")),
        }
    }

    fn attributes_diff(
        &self,
        after: &Result<Option<FileStat>, HostError>,
        context: Option<&Context>,
        shown: bool,
    ) -> Option<Diff> {
        let (Ok(before), Ok(after)) = (&self.stat, after) else { return None };
        let mut old = Fields::default();
        let mut new = Fields::default();
        old.set("state", state(before.as_ref()));
        new.set("state", state(after.as_ref()));
        if let (Some(target), Some(_)) = (&self.hard_link_to, after) {
            new.set("state", "hard");
            new.set("src", target.display().to_string());
        }
        for (stat, fields) in [(before, &mut old), (after, &mut new)] {
            let target = stat.as_ref().and_then(|stat| stat.link_target.as_ref());
            if let Some(target) = target {
                fields.set("src", target.display().to_string());
            }
        }
        self.compare(before.as_ref(), after.as_ref(), (&mut old, &mut new));
        if let (Some((flags, change)), Some(_)) = (&self.flags, after) {
            if before.is_some() {
                old.set("attributes", flags.map(FileFlags::letters));
            }
            new.set("attributes", change.to_string());
        }
        if let (Some(before), Some(after)) = (&self.context, context)
            && before != after
        {
            old.set("secontext", before.parts());
            new.set("secontext", after.parts());
        }
        let only_state = new.0.len() == 1;
        if shown && only_state {
            // the content tells that it is new
            return None;
        }
        if self.sets_times && only_state && old == new {
            new.set("state", "touch");
        }
        let mut diff = Diff::of_fields("path", &self.path.display().to_string(), old, new)?;
        if let (Some(tree), None, Json::Object(before)) = (&self.tree, after, &mut diff.before) {
            let held = serde_json::json!({"directories": tree.directories, "files": tree.files});
            before.insert("path_content".to_owned(), held);
        }
        Some(diff)
    }

    /// Owner, group and mode: what differs, and of a new path what was asked for. Flags are shown as
    /// Ansible shows them: those that were there, and the change.
    fn compare(
        &self,
        before: Option<&FileStat>,
        after: Option<&FileStat>,
        (old, new): (&mut Fields, &mut Fields),
    ) {
        let Some(after) = after else { return };
        let before = before.filter(|before| before.kind == after.kind);
        if after.kind != FileKind::Link
            && before.map_or(self.sets_mode, |before| before.mode != after.mode)
        {
            if let Some(before) = before {
                old.set("mode", octal(before.mode));
            }
            new.set("mode", octal(after.mode));
        }
        if before.map_or(self.sets_owner, |before| !before.owner.is(&after.owner)) {
            if let Some(before) = before {
                old.set("owner", before.owner.label());
            }
            new.set("owner", after.owner.label());
        }
        if before.map_or(self.sets_group, |before| !before.group.is(&after.group)) {
            if let Some(before) = before {
                old.set("group", before.group.label());
            }
            new.set("group", after.group.label());
        }
    }
}

fn hidden(header: String, note: &str, before: &str, after: &str) -> Diff {
    Diff { note: Some(note.to_owned()), ..Diff::new(header, Json::from(before), Json::from(after)) }
}

fn octal(mode: u32) -> String {
    format!("0{mode:03o}")
}

/// The word that the `state` option has for it.
fn state(stat: Option<&FileStat>) -> &'static str {
    match stat.map(|stat| stat.kind) {
        None => "absent",
        Some(FileKind::Directory) => "directory",
        Some(FileKind::Link) => "link",
        Some(_) => "file",
    }
}

impl Shown {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Hidden(_) => "",
        }
    }

    /// The content of a file as text; nothing where there is none.
    fn of(path: &Path, host: &mut dyn Host) -> Self {
        match host.stat(path, Follow::Yes) {
            Ok(Some(stat)) if stat.kind == FileKind::File => {
                let bound = BOUND.load(Ordering::Relaxed);
                if bound > 0 && stat.size > bound {
                    return Self::Hidden(format!("{LARGER_THAN}{bound} bytes"));
                }
            }
            Ok(_) => return Self::Text(String::new()),
            Err(error) => return Self::Hidden(error.to_string()),
        }
        match host.read(path) {
            Ok(bytes) if bytes.contains(&0) => Self::Hidden(BINARY.to_owned()),
            Ok(bytes) => Self::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Self::Hidden(error.to_string()),
        }
    }
}

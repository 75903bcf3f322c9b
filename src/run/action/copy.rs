//! `ansible.builtin.copy`: the controller's part; content and files go to the runner as sources.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use canvass_modules::module::copy::Params;
use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::connection::TaskSource;
use crate::report::python_json::{self, Ascii, Layout};

use super::local_files::LocalFiles;
use super::template::bytes_source;
use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.builtin.copy";

pub(super) fn prepare(
    input: &ActionInput<'_>,
    mut arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    refuse_incomplete(&arguments)?;
    let params: Params = parse(MODULE, &arguments)?;
    if let Some(content) = params.content {
        arguments.shift_remove("content");
        let text = match content {
            Json::String(text) => text,
            Json::Object(_) | Json::Array(_) => {
                python_json::dumps(&content, Layout::Line, Ascii::Escaped)
            }
            other => params::plain(&other),
        };
        // as if it came from a file of the controller that is only ours
        if arguments.get("mode").and_then(Json::as_str) == Some("preserve") {
            arguments.insert("mode".to_owned(), Json::from("0600"));
        }
        return Ok(remote(arguments, Some(bytes_source(text.into_bytes()))));
    }
    let name = params.src.clone().unwrap_or_default().to_string_lossy().into_owned();
    if params.remote_src {
        return Ok(remote(arguments, None));
    }
    let path = files::find(input.directories, "files", &name)?;
    if path.is_dir() {
        let contents_only = name.ends_with('/');
        let tree = Tree {
            files: input.files,
            contents_only,
            dest: params.dest.to_string_lossy().into_owned(),
            links: if params.local_follow == Some(false) { Links::Kept } else { Links::Followed },
            decrypt: params.decrypt,
        };
        return tree.prepare(&path, arguments);
    }
    let basename = path.file_name().map(|name| name.to_string_lossy().into_owned());
    arguments.insert("_original_basename".to_owned(), Json::from(basename));
    preserve_mode(&path, &mut arguments)?;
    Ok(Prepared::Remote(copied(path, arguments, input.files, params.decrypt)?))
}

/// What the action itself wants, in its words.
fn refuse_incomplete(arguments: &Map<String, Json>) -> Result<(), ActionError> {
    let text = |name: &str| {
        let value = arguments.get(name).filter(|value| !value.is_null());
        value.map(params::plain)
    };
    let src = text("src").filter(|src| !src.is_empty());
    let dest = text("dest").unwrap_or_default();
    let content = text("content").is_some();
    let refused = if src.is_none() && !content {
        "src (or content) is required"
    } else if dest.is_empty() {
        "dest is required"
    } else if src.is_some() && content {
        "src and content are mutually exclusive"
    } else if content && dest.ends_with('/') {
        "can not use content with a dir as dest"
    } else {
        return Ok(());
    };
    Err(ActionError::Include(refused.to_owned()))
}

fn remote(arguments: Map<String, Json>, source: Option<TaskSource>) -> Prepared {
    Prepared::Remote(call(MODULE, arguments, source))
}

/// One file of the controller that goes to the host.
fn copied(
    path: PathBuf,
    arguments: Map<String, Json>,
    files: &LocalFiles,
    decrypt: bool,
) -> Result<RemoteCall, ActionError> {
    let from = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let source = Some(files.source(&path, decrypt)?);
    Ok(RemoteCall { module: MODULE.to_owned(), arguments, source, after: After::From(from) })
}

fn call(module: &str, arguments: Map<String, Json>, source: Option<TaskSource>) -> RemoteCall {
    RemoteCall { module: module.to_owned(), arguments, source, after: After::Nothing }
}

/// A directory that is made and filled file by file.
struct Tree<'a> {
    files: &'a LocalFiles,
    contents_only: bool,
    dest: String,
    links: Links,
    decrypt: bool,
}

/// What becomes of links in a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// What they lead to is copied, unless they lead back up or nowhere.
    Followed,
    /// They are made there, too.
    Kept,
}

impl Tree<'_> {
    fn prepare(&self, root: &Path, arguments: Map<String, Json>) -> Result<Prepared, ActionError> {
        let base = match root.file_name() {
            Some(name) if !self.contents_only => Path::new(&self.dest).join(name),
            _ => PathBuf::from(&self.dest),
        };
        // those of one kind go to the host together
        let (mut directories, mut links, mut files) = (Vec::new(), Vec::new(), Vec::new());
        let above: Vec<PathBuf> = std::fs::canonicalize(root).into_iter().collect();
        let mut open = vec![(PathBuf::new(), above)];
        while let Some((below, above)) = open.pop() {
            let mut entries = list(&root.join(&below))?;
            entries.sort();
            directories.push(make_directory(&base.join(&below), &arguments));
            for name in entries {
                let inner = below.join(name);
                let path = root.join(&inner);
                match self.kind(&path, &above) {
                    Entry::Directory(above) => open.push((inner, above)),
                    Entry::Link(target) => {
                        links.push(make_link(&base.join(&inner), &target, &arguments));
                    }
                    Entry::File => {
                        let mut arguments = arguments.clone();
                        let target = base.join(&inner).to_string_lossy().into_owned();
                        arguments.insert("dest".to_owned(), Json::from(target));
                        preserve_mode(&path, &mut arguments)?;
                        files.push(copied(path, arguments, self.files, self.decrypt)?);
                    }
                }
            }
        }
        // with one file, the result is that of the last part: a link, a directory, or the file
        let (folders, single) = (directories.len(), files.len() == 1);
        let told = if links.is_empty() {
            folders - usize::from(folders > 1)
        } else {
            folders + links.len()
        };
        let calls = [directories, files, links].concat();
        let mut returned = Map::new();
        // the tree is in it, as Ansible words it
        let dest = format!("{}/", self.dest.trim_end_matches('/'));
        returned.insert("dest".to_owned(), Json::from(dest));
        returned.insert("src".to_owned(), Json::from(root.to_string_lossy().into_owned()));
        Ok(Prepared::Several { calls, returned, told: single.then_some(told) })
    }

    fn kind(&self, path: &Path, above: &[PathBuf]) -> Entry {
        let real = std::fs::canonicalize(path).ok();
        let enter = |real: &Option<PathBuf>| {
            Entry::Directory(above.iter().cloned().chain(real.clone()).collect())
        };
        match std::fs::read_link(path) {
            Ok(target) => match &real {
                _ if self.links == Links::Kept => Entry::Link(target),
                Some(end) if end.is_file() => Entry::File,
                Some(end) if end.is_dir() && !above.contains(end) => enter(&real),
                _ => Entry::Link(target),
            },
            Err(_) if path.is_dir() => enter(&real),
            Err(_) => Entry::File,
        }
    }
}

/// Something in a tree.
enum Entry {
    /// A directory, and those that are above what is in it.
    Directory(Vec<PathBuf>),
    Link(PathBuf),
    File,
}

fn make_link(path: &Path, target: &Path, arguments: &Map<String, Json>) -> RemoteCall {
    let mut made = Map::new();
    made.insert("path".to_owned(), Json::from(path.to_string_lossy().into_owned()));
    made.insert("src".to_owned(), Json::from(target.to_string_lossy().into_owned()));
    made.insert("state".to_owned(), Json::from("link"));
    made.insert("force".to_owned(), Json::from(true));
    made.insert("follow".to_owned(), Json::from(false));
    for name in ["owner", "group"] {
        if let Some(value) = arguments.get(name) {
            made.insert(name.to_owned(), value.clone());
        }
    }
    call("ansible.builtin.file", made, None)
}

fn make_directory(path: &Path, arguments: &Map<String, Json>) -> RemoteCall {
    let mut made = Map::new();
    made.insert("path".to_owned(), Json::from(path.to_string_lossy().into_owned()));
    made.insert("state".to_owned(), Json::from("directory"));
    for (from, to) in [("owner", "owner"), ("group", "group"), ("directory_mode", "mode")] {
        if let Some(value) = arguments.get(from) {
            made.insert(to.to_owned(), value.clone());
        }
    }
    call("ansible.builtin.file", made, None)
}

fn list(path: &Path) -> Result<Vec<std::ffi::OsString>, ActionError> {
    let unreadable = |source| ActionError::Read { path: path.to_owned(), source };
    std::fs::read_dir(path)
        .map_err(unreadable)?
        .map(|entry| Ok(entry.map_err(unreadable)?.file_name()))
        .collect()
}

pub(super) fn preserve_mode(
    path: &Path,
    arguments: &mut Map<String, Json>,
) -> Result<(), ActionError> {
    if arguments.get("mode").and_then(Json::as_str) == Some("preserve") {
        let metadata = std::fs::metadata(path)
            .map_err(|source| ActionError::Read { path: path.to_owned(), source })?;
        let mode = format!("0{:o}", metadata.permissions().mode() & 0o7777);
        arguments.insert("mode".to_owned(), Json::from(mode));
    }
    Ok(())
}

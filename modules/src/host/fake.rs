//! A host in memory, for the tests of modules.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use sha1::{Digest as _, Sha1};

use super::{
    AccountKey, Context, DigestAlgorithm, FileFlags, FileKind, FileStat, Follow, Group, Host,
    HostError, HttpRequest, HttpResponse, UnitState, User,
};
use crate::contract::Planned;
use crate::effect::{
    Applied, Attributes, Command, Content, Effect, Output, Principal, Source, Timestamp, WriteFile,
};

/// Files, accounts and answers that a test lays out.
#[derive(Debug)]
pub(crate) struct FakeHost {
    nodes: BTreeMap<PathBuf, Node>,
    /// Users and groups: name and number.
    pub(crate) accounts: Vec<(String, u32)>,
    /// Contents of sources by id.
    pub(crate) sources: HashMap<u64, Vec<u8>>,
    /// Variables of the environment.
    pub(crate) variables: HashMap<String, String>,
    /// Answers to queries and runs by the joined command.
    pub(crate) outputs: HashMap<String, Output>,
    /// What was applied, in order.
    pub(crate) applied: Vec<Effect>,
    clock: i64,
    next_inode: u64,
}

#[derive(Debug, Clone)]
struct Node {
    stat: FileStat,
    content: Vec<u8>,
}

fn root() -> Principal {
    Principal { name: Some("root".into()), id: Some(0) }
}

fn io_error(action: &'static str, path: &Path, kind: io::ErrorKind) -> HostError {
    HostError::Io { action, path: path.to_owned(), source: kind.into() }
}

impl FakeHost {
    /// Only `/` and `/tmp`.
    pub(crate) fn new() -> Self {
        let mut host = Self {
            nodes: BTreeMap::new(),
            accounts: vec![("root".into(), 0), ("www".into(), 33)],
            sources: HashMap::new(),
            variables: HashMap::from([("HOME".into(), "/root".into())]),
            outputs: HashMap::new(),
            applied: Vec::new(),
            clock: 1_000,
            next_inode: 1,
        };
        host.directory("/", 0o755);
        host.directory("/tmp", 0o1777);
        host
    }

    fn insert(&mut self, path: &str, kind: FileKind, mode: u32, content: &[u8]) {
        let now = Timestamp { seconds: self.clock, nanoseconds: 0 };
        let stat = FileStat {
            kind,
            mode,
            owner: root(),
            group: root(),
            size: if kind == FileKind::Directory { 4096 } else { content.len() as u64 },
            link_target: None,
            accessed: now,
            modified: now,
            status_changed: now,
            inode: self.next_inode,
            device: 1,
            special_device: 0,
            links: 1,
            block_size: 4096,
            blocks: 8,
            flags: None,
            context: None,
        };
        self.next_inode += 1;
        self.nodes.insert(PathBuf::from(path), Node { stat, content: content.to_vec() });
    }

    /// Lays a directory.
    pub(crate) fn directory(&mut self, path: &str, mode: u32) -> &mut Self {
        self.insert(path, FileKind::Directory, mode, b"");
        self
    }

    /// Lays a file of mode 0644.
    pub(crate) fn file(&mut self, path: &str, content: &str) -> &mut Self {
        self.insert(path, FileKind::File, 0o644, content.as_bytes());
        self
    }

    /// Lays a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.insert(path, FileKind::Link, 0o777, target.as_bytes());
        if let Some(node) = self.nodes.get_mut(Path::new(path)) {
            node.stat.link_target = Some(target.into());
        }
        self
    }

    /// Gives a file just these flags.
    pub(crate) fn flag(&mut self, path: &str, letters: &str) -> &mut Self {
        let stat = &mut self.nodes.get_mut(Path::new(path)).unwrap().stat;
        stat.flags = Some(FileFlags::of(letters));
        self
    }

    /// Gives a file a context.
    pub(crate) fn labelled(&mut self, path: &str, context: &str) -> &mut Self {
        let stat = &mut self.nodes.get_mut(Path::new(path)).unwrap().stat;
        stat.context = Context::parse(context);
        self
    }

    /// Lays the content of a source and gives the argument that refers to it.
    pub(crate) fn source(&mut self, id: u64, content: &str) -> serde_json::Value {
        self.sources.insert(id, content.as_bytes().to_vec());
        let sha1 = digest(content.as_bytes());
        serde_json::json!({"id": id, "size": content.len(), "sha1": sha1})
    }

    /// The text of a file, following links.
    pub(crate) fn text(&mut self, path: &str) -> String {
        String::from_utf8(self.read(Path::new(path)).unwrap()).unwrap()
    }

    /// The mode of a path, not following links.
    pub(crate) fn mode(&mut self, path: &str) -> u32 {
        self.stat(Path::new(path), Follow::No).unwrap().unwrap().mode
    }

    /// All paths below one.
    pub(crate) fn paths(&self, below: &str) -> Vec<String> {
        self.nodes
            .keys()
            .filter(|path| path.starts_with(below) && *path != Path::new(below))
            .map(|path| path.display().to_string())
            .collect()
    }

    fn resolve(&self, path: &Path, follow: Follow) -> Option<PathBuf> {
        let mut todo: Vec<PathBuf> =
            path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect();
        let mut at = PathBuf::from("/");
        let mut hops = 0;
        while let Some(part) = todo.pop() {
            match part.components().next() {
                Some(Component::RootDir) => at = PathBuf::from("/"),
                Some(Component::ParentDir) => {
                    at.pop();
                }
                Some(Component::Normal(name)) => {
                    let next = at.join(name);
                    let target = self.nodes.get(&next).and_then(|n| n.stat.link_target.clone());
                    match target {
                        Some(target) if !todo.is_empty() || follow == Follow::Yes => {
                            hops += 1;
                            if hops > 40 {
                                return None;
                            }
                            let parts: Vec<_> = target.components().collect();
                            todo.extend(parts.iter().rev().map(|p| PathBuf::from(p.as_os_str())));
                        }
                        _ => at = next,
                    }
                }
                _ => {}
            }
        }
        Some(at)
    }

    fn node(&self, path: &Path, follow: Follow) -> Option<&Node> {
        self.nodes.get(&self.resolve(path, follow)?)
    }

    fn principal(&self, wanted: &Principal) -> Principal {
        let found = self
            .accounts
            .iter()
            .find(|(name, id)| wanted.name.as_ref() == Some(name) || wanted.id == Some(*id));
        found.map_or_else(
            || wanted.clone(),
            |(name, id)| Principal { name: Some(name.clone()), id: Some(*id) },
        )
    }

    fn set(&mut self, path: &Path, attributes: &Attributes) {
        let owner = attributes.owner.as_ref().map(|owner| self.principal(owner));
        let group = attributes.group.as_ref().map(|group| self.principal(group));
        let at = self.resolve(path, Follow::No).unwrap();
        let stat = &mut self.nodes.get_mut(&at).unwrap().stat;
        stat.owner = owner.unwrap_or_else(|| stat.owner.clone());
        stat.group = group.unwrap_or_else(|| stat.group.clone());
        stat.mode = attributes.mode.unwrap_or(stat.mode);
        if let Some(change) = &attributes.flags {
            stat.flags = change.of(stat.flags.unwrap_or_default(), stat.kind).ok();
        }
    }

    fn write(&mut self, write: &WriteFile) -> Result<Applied, HostError> {
        let content = match &write.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Source(source) => self.read_source(source)?,
            Content::File(path) => self.read(path)?,
            Content::Packed(_) => b"packed".to_vec(),
        };
        let path = self.resolve(&write.path, Follow::No).unwrap();
        let parent = path.parent().unwrap().to_owned();
        if self.node(&parent, Follow::Yes).is_none_or(|n| n.stat.kind != FileKind::Directory) {
            return Err(io_error("write", &write.path, io::ErrorKind::NotFound));
        }
        if let Some(validate) = &write.validate
            && let Some(output) = self.outputs.get(validate)
            && !output.success()
        {
            let output = Box::new(output.clone());
            return Err(HostError::Validation { command: validate.clone(), output });
        }
        let old = self.nodes.get(&path).cloned();
        let mut applied = Applied::Done;
        if write.backup
            && let Some(old) = &old
        {
            let kept = PathBuf::from(format!("{}.1.backup~", path.display()));
            self.nodes.insert(kept.clone(), old.clone());
            applied = Applied::Written { backup: Some(kept), validation: None };
        }
        self.insert(&path.display().to_string(), FileKind::File, 0o644, &content);
        if let Some(old) = old {
            let stat = &mut self.nodes.get_mut(&path).unwrap().stat;
            stat.mode = old.stat.mode;
            stat.owner = old.stat.owner;
            stat.group = old.stat.group;
        }
        self.set(&path, &write.attributes);
        Ok(applied)
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha1::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Host for FakeHost {
    fn stat(&mut self, path: &Path, follow: Follow) -> Result<Option<FileStat>, HostError> {
        let mut at = path.parent();
        while let Some(parent) = at {
            if let Some(node) = self.node(parent, Follow::Yes) {
                if node.stat.kind != FileKind::Directory {
                    return Ok(None);
                }
                break;
            }
            at = parent.parent();
        }
        Ok(self.node(path, follow).map(|node| FileStat {
            flags: None,
            context: None,
            ..node.stat.clone()
        }))
    }

    fn flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        Ok(self.node(path, Follow::No).and_then(|node| node.stat.flags))
    }

    fn context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        Ok(self.node(path, Follow::No).and_then(|node| node.stat.context.clone()))
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, HostError> {
        match self.node(path, Follow::Yes) {
            Some(node) if node.stat.kind == FileKind::File => Ok(node.content.clone()),
            Some(_) => Err(io_error("read", path, io::ErrorKind::IsADirectory)),
            None => Err(io_error("read", path, io::ErrorKind::NotFound)),
        }
    }

    /// SHA-1 as it is; others as a mark with their name, so that tests tell them apart.
    fn digest(&mut self, path: &Path, algorithm: DigestAlgorithm) -> Result<String, HostError> {
        let content = self.read(path)?;
        Ok(match algorithm {
            DigestAlgorithm::Sha1 => digest(&content),
            other => format!("{other:?}:{}", String::from_utf8_lossy(&content)),
        })
    }

    fn read_source(&mut self, source: &Source) -> Result<Vec<u8>, HostError> {
        self.sources.get(&source.id).cloned().ok_or(HostError::SourceMissing(source.id))
    }

    fn list(&mut self, path: &Path) -> Result<Vec<String>, HostError> {
        let at = self.resolve(path, Follow::Yes).unwrap();
        if self.nodes.get(&at).is_none_or(|node| node.stat.kind != FileKind::Directory) {
            return Err(io_error("list", path, io::ErrorKind::NotFound));
        }
        let names = self.nodes.keys().filter(|key| key.parent() == Some(&at));
        Ok(names.map(|key| key.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }

    fn user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        let found = self.accounts.iter().find(|(name, id)| match key {
            AccountKey::Name(wanted) => wanted == name || wanted.parse() == Ok(*id),
            AccountKey::Id(wanted) => wanted == id,
        });
        Ok(found.map(|(name, id)| User {
            name: name.clone(),
            uid: Some(*id),
            gid: Some(*id),
            comment: String::new(),
            home: if *id == 0 { "/root".into() } else { format!("/home/{name}").into() },
            shell: "/bin/sh".into(),
            password_hash: None,
            expires: None,
        }))
    }

    fn group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        let user = self.user(key)?;
        Ok(user.map(|user| Group { name: user.name, gid: user.gid, members: Vec::new() }))
    }

    fn groups(&mut self) -> Result<Vec<Group>, HostError> {
        Ok(Vec::new())
    }

    fn find_program(&mut self, name: &str) -> Result<Option<PathBuf>, HostError> {
        let path = PathBuf::from("/usr/bin").join(name);
        Ok(self.nodes.contains_key(&path).then_some(path))
    }

    fn query(&mut self, command: &Command) -> Result<Output, HostError> {
        Ok(self.outputs.get(&command.argv.join(" ")).cloned().unwrap_or_default())
    }

    fn unit(&mut self, _name: &str) -> Result<UnitState, HostError> {
        Ok(UnitState::default())
    }

    fn foresees(&mut self) -> bool {
        true
    }

    fn package(&mut self, _manager: &str, _name: &str) -> Result<Option<String>, HostError> {
        Ok(None)
    }

    fn fetch(&mut self, request: &HttpRequest) -> Result<HttpResponse, HostError> {
        Err(HostError::Http { url: request.url.clone(), reason: "no network".into() })
    }

    fn connects(&mut self, _: &str, _: u16, _: Duration) -> Result<bool, HostError> {
        Ok(false)
    }

    fn sleep(&mut self, duration: Duration) {
        self.clock += i64::try_from(duration.as_secs()).unwrap();
    }

    fn now(&mut self) -> Timestamp {
        Timestamp { seconds: self.clock, nanoseconds: 0 }
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn identity(&mut self) -> Result<Principal, HostError> {
        Ok(root())
    }

    fn apply(&mut self, planned: &Planned) -> Result<Applied, HostError> {
        self.applied.push(planned.effect.clone());
        match &planned.effect {
            Effect::WriteFile(write) => return self.write(write),
            Effect::MakeDirectory { path, mode } => {
                let path = self.resolve(path, Follow::No).unwrap();
                assert!(!self.nodes.contains_key(&path), "{} exists", path.display());
                assert!(self.nodes.contains_key(path.parent().unwrap()), "{}", path.display());
                self.directory(&path.display().to_string(), mode.unwrap_or(0o755));
            }
            Effect::MakeSymlink { path, target } => {
                let path = self.resolve(path, Follow::No).unwrap();
                self.link(&path.display().to_string(), &target.display().to_string());
            }
            Effect::MakeHardLink { path, target } => {
                let path = self.resolve(path, Follow::No).unwrap();
                let node = self.node(target, Follow::No).unwrap().clone();
                self.nodes.insert(path, node);
            }
            Effect::SetAttributes { path, attributes } => self.set(path, attributes),
            Effect::SetTimes { path, accessed, modified, .. } => {
                let path = self.resolve(path, Follow::Yes).unwrap();
                let stat = &mut self.nodes.get_mut(&path).unwrap().stat;
                stat.accessed = accessed.unwrap_or(stat.accessed);
                stat.modified = modified.unwrap_or(stat.modified);
            }
            Effect::Remove { path } => {
                let path = self.resolve(path, Follow::No).unwrap();
                self.nodes.retain(|key, _| !key.starts_with(&path));
            }
            Effect::CopyFile { from, to } => {
                let node = self.node(from, Follow::Yes).unwrap().clone();
                self.nodes.insert(self.resolve(to, Follow::No).unwrap(), node);
            }
            Effect::Run(command) => return self.query(command).map(Applied::Ran),
            other => unreachable!("{other:?}"),
        }
        Ok(Applied::Done)
    }
}

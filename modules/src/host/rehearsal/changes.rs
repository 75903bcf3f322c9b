//! Effects on files, laid over the host.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::overlay::{Below, Body, Entry};
use super::paths::io_error;
use super::{KEPT_CONTENT, RehearsalHost};
use crate::effect::{Attributes, Content, Principal, Source, Timestamp, WriteFile};
use crate::host::{AccountKey, FileKind, FileStat, Follow, Host, HostError};

impl<B: Host> RehearsalHost<B> {
    pub(super) fn write_file(&mut self, write: &WriteFile) -> Result<(), HostError> {
        let path = self.locate(&write.path, Follow::No)?;
        if self.entry_stat(&path)?.is_some_and(|stat| stat.kind == FileKind::Directory) {
            return Err(io_error("replace", &write.path, io::ErrorKind::IsADirectory));
        }
        // a link is replaced, but its target gives owner and mode
        let model = self.stat(&write.path, Follow::Yes)?;
        let parent = self.require_parent("create a file in", &path)?;
        self.require_free("replace", &path)?;
        let (body, size) = self.body_of(&write.content)?;
        let mut stat = match model {
            Some(model) if model.kind == FileKind::File => model,
            _ => {
                let mode = 0o666 & !self.umask();
                self.new_stat(FileKind::File, mode, &parent)?
            }
        };
        stat.size = size;
        stat.blocks = size.div_ceil(512);
        stat.links = 1;
        self.touch(&mut stat);
        self.give(&mut stat, &write.attributes)?;
        self.overlay.put(&path, Entry { stat, body, below: Below::Nothing });
        self.change_context(&path, &write.attributes)?;
        self.change_flags(&path, &write.attributes)
    }

    fn body_of(&mut self, content: &Content) -> Result<(Body, u64), HostError> {
        match content {
            Content::Bytes(bytes) => Ok((Body::Bytes(Arc::new(bytes.clone())), bytes.len() as u64)),
            Content::Source(source) if source.size > KEPT_CONTENT => {
                Ok((Body::Source(source.clone()), source.size))
            }
            Content::Source(source) => {
                let bytes = self.load_source(source)?;
                Ok((Body::Bytes(bytes), source.size))
            }
            Content::Packed(_) => {
                let reason = "how files are packed is known when they are".to_owned();
                Ok((Body::Unknown(reason), 0))
            }
            Content::File(from) => {
                let from = self.locate(from, Follow::Yes)?;
                let entry = self.entry(&from)?;
                let entry =
                    entry.ok_or_else(|| io_error("read", &from, io::ErrorKind::NotFound))?;
                Ok((entry.body, entry.stat.size))
            }
        }
    }

    pub(super) fn load_source(&mut self, source: &Source) -> Result<Arc<Vec<u8>>, HostError> {
        if let Some(known) = self.sources.get(&source.id) {
            return Ok(known.clone());
        }
        let bytes = Arc::new(self.base.read_source(source)?);
        self.sources.insert(source.id, bytes.clone());
        Ok(bytes)
    }

    pub(super) fn make_directory(
        &mut self,
        path: &Path,
        mode: Option<u32>,
    ) -> Result<(), HostError> {
        let path = self.locate(path, Follow::No)?;
        let parent = self.require_parent("create directory", &path)?;
        if self.entry_stat(&path)?.is_some() {
            return Err(io_error("create directory", &path, io::ErrorKind::AlreadyExists));
        }
        let usual = 0o777 & !self.umask();
        let mut stat = self.new_stat(FileKind::Directory, usual, &parent)?;
        if parent.mode & 0o2000 != 0 {
            stat.mode |= 0o2000;
        }
        stat.mode = mode.unwrap_or(stat.mode);
        stat.size = 4096;
        stat.links = 2;
        self.overlay.put(&path, Entry { stat, body: Body::None, below: Below::Nothing });
        Ok(())
    }

    pub(super) fn make_symlink(&mut self, path: &Path, target: &Path) -> Result<(), HostError> {
        let path = self.locate(path, Follow::No)?;
        let parent = self.require_parent("create link", &path)?;
        self.refuse_directory(&path)?;
        let mut stat = self.new_stat(FileKind::Link, 0o777, &parent)?;
        stat.size = target.as_os_str().len() as u64;
        stat.link_target = Some(target.to_owned());
        self.overlay.put(&path, Entry { stat, body: Body::None, below: Below::Nothing });
        Ok(())
    }

    pub(super) fn make_hard_link(&mut self, path: &Path, target: &Path) -> Result<(), HostError> {
        let path = self.locate(path, Follow::No)?;
        self.require_parent("create link", &path)?;
        self.refuse_directory(&path)?;
        let target = self.locate(target, Follow::No)?;
        let mut entry = self.must_entry("create link", &target)?;
        if entry.stat.kind == FileKind::Directory {
            return Err(io_error("create link", &path, io::ErrorKind::PermissionDenied));
        }
        if path == target {
            return Err(io_error("create link", &path, io::ErrorKind::AlreadyExists));
        }
        entry.stat.links += 1;
        self.overlay.link(&target, &path, entry);
        Ok(())
    }

    pub(super) fn set_attributes(
        &mut self,
        path: &Path,
        attributes: &Attributes,
    ) -> Result<(), HostError> {
        let path = self.locate(path, Follow::No)?;
        let mut entry = self.must_entry("set the attributes of", &path)?;
        let mut attributes = attributes.clone();
        if entry.stat.kind == FileKind::Link {
            attributes.mode = None;
        }
        let flags = attributes.flags.take();
        if !attributes.is_empty() {
            self.require_free("set the attributes of", &path)?;
        }
        self.give(&mut entry.stat, &attributes)?;
        entry.stat.status_changed = self.now();
        self.overlay.amend(&path, entry);
        self.change_context(&path, &attributes)?;
        self.change_flags(&path, &Attributes { flags, ..Attributes::default() })
    }

    pub(super) fn set_times(
        &mut self,
        path: &Path,
        accessed: Option<Timestamp>,
        modified: Option<Timestamp>,
    ) -> Result<(), HostError> {
        let path = self.locate(path, Follow::Yes)?;
        let mut entry = self.must_entry("set the times of", &path)?;
        self.require_free("set the times of", &path)?;
        entry.stat.accessed = accessed.unwrap_or(entry.stat.accessed);
        entry.stat.modified = modified.unwrap_or(entry.stat.modified);
        entry.stat.status_changed = self.now();
        self.overlay.amend(&path, entry);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> Result<(), HostError> {
        let path = self.locate(path, Follow::No)?;
        self.require_free("remove", &path)?;
        self.require_open(&path)?;
        self.overlay.remove(&path);
        Ok(())
    }

    pub(super) fn copy_file(&mut self, from: &Path, to: &Path) -> Result<(), HostError> {
        let from = self.locate(from, Follow::Yes)?;
        let to = self.locate(to, Follow::No)?;
        self.require_parent("create a file in", &to)?;
        self.refuse_directory(&to)?;
        let mut entry = self.must_entry("read", &from)?;
        self.require_free("replace", &to)?;
        entry.stat.inode = 0;
        entry.stat.links = 1;
        entry.stat.flags = None;
        self.overlay.put(&to, entry);
        Ok(())
    }

    fn refuse_directory(&mut self, path: &Path) -> Result<(), HostError> {
        match self.entry_stat(path)? {
            Some(stat) if stat.kind == FileKind::Directory => {
                Err(io_error("replace", path, io::ErrorKind::IsADirectory))
            }
            _ => Ok(()),
        }
    }

    fn must_entry(&mut self, action: &'static str, path: &Path) -> Result<Entry, HostError> {
        self.entry(path)?.ok_or_else(|| io_error(action, path, io::ErrorKind::NotFound))
    }

    /// A file that the runner's user makes now in a directory.
    pub(super) fn new_stat(
        &mut self,
        kind: FileKind,
        mode: u32,
        parent: &FileStat,
    ) -> Result<FileStat, HostError> {
        let owner = self.base.identity()?;
        let group = if parent.mode & 0o2000 == 0 {
            self.primary_group(&owner)?
        } else {
            parent.group.clone()
        };
        let now = self.now();
        Ok(FileStat {
            kind,
            mode,
            owner,
            group,
            size: 0,
            link_target: None,
            accessed: now,
            modified: now,
            status_changed: now,
            inode: 0,
            device: parent.device,
            special_device: 0,
            links: 1,
            block_size: parent.block_size,
            blocks: 0,
            flags: None,
            context: None,
        })
    }

    fn primary_group(&mut self, user: &Principal) -> Result<Principal, HostError> {
        let key = key_of(user);
        let gid = self.base.user(&key)?.and_then(|user| user.gid).or(user.id);
        let group = match gid {
            Some(gid) => self.base.group(&AccountKey::Id(gid))?,
            None => None,
        };
        Ok(Principal { name: group.map(|group| group.name), id: gid })
    }

    fn touch(&mut self, stat: &mut FileStat) {
        let now = self.now();
        stat.modified = now;
        stat.status_changed = now;
        stat.inode = 0;
        stat.flags = None;
    }

    /// Sets owner, group and mode as far as given.
    fn give(&mut self, stat: &mut FileStat, attributes: &Attributes) -> Result<(), HostError> {
        if let Some(owner) = &attributes.owner {
            stat.owner = self.complete_user(owner)?;
        }
        if let Some(group) = &attributes.group {
            stat.group = self.complete_group(group)?;
        }
        stat.mode = attributes.mode.unwrap_or(stat.mode);
        Ok(())
    }

    fn complete_user(&mut self, owner: &Principal) -> Result<Principal, HostError> {
        match (self.user(&key_of(owner)), owner.id) {
            (Ok(Some(user)), _) => Ok(Principal { id: user.uid, name: Some(user.name) }),
            (_, Some(_)) => Ok(owner.clone()),
            (Ok(None), None) => Err(HostError::NoSuchAccount { kind: "user", name: owner.label() }),
            (Err(error), None) => Err(error),
        }
    }

    fn complete_group(&mut self, group: &Principal) -> Result<Principal, HostError> {
        match (self.group(&key_of(group)), group.id) {
            (Ok(Some(found)), _) => Ok(Principal { id: found.gid, name: Some(found.name) }),
            (_, Some(_)) => Ok(group.clone()),
            (Ok(None), None) => {
                Err(HostError::NoSuchAccount { kind: "group", name: group.label() })
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The umask of the runner, by the kernel's word for it.
    pub(super) fn umask(&mut self) -> u32 {
        let status = self.base.read(Path::new("/proc/self/status")).unwrap_or_default();
        String::from_utf8_lossy(&status)
            .lines()
            .find_map(|line| line.strip_prefix("Umask:"))
            .and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
            .unwrap_or(0o022)
    }

    /// Lays a directory and what a skeleton holds for a new user.
    pub(super) fn make_home(
        &mut self,
        home: &Path,
        mode: u32,
        owner: &Principal,
        group: &Principal,
    ) -> Result<(), HostError> {
        if self.stat(home, Follow::Yes)?.is_some() {
            return Ok(());
        }
        // useradd makes missing parents too
        let missing: Vec<PathBuf> = home.ancestors().skip(1).map(Path::to_owned).collect();
        for parent in missing.iter().rev() {
            if self.stat(parent, Follow::Yes)?.is_none() {
                self.make_directory(parent, Some(0o755))?;
            }
        }
        self.make_directory(home, Some(mode))?;
        let attributes = Attributes {
            owner: Some(owner.clone()),
            group: Some(group.clone()),
            ..Attributes::default()
        };
        self.set_attributes(home, &attributes)?;
        self.copy_skeleton(Path::new("/etc/skel"), home, &attributes)
    }

    fn copy_skeleton(
        &mut self,
        from: &Path,
        to: &Path,
        attributes: &Attributes,
    ) -> Result<(), HostError> {
        for name in self.list(from).unwrap_or_default() {
            let (source, copy) = (from.join(&name), to.join(&name));
            let Some(stat) = self.stat(&source, Follow::No)? else { continue };
            match (stat.kind, &stat.link_target) {
                (FileKind::File, _) => self.copy_file(&source, &copy)?,
                (FileKind::Link, Some(target)) => self.make_symlink(&copy, target)?,
                (FileKind::Directory, _) => {
                    self.make_directory(&copy, Some(stat.mode))?;
                    self.copy_skeleton(&source, &copy, attributes)?;
                }
                _ => continue,
            }
            self.set_attributes(&copy, attributes)?;
        }
        Ok(())
    }
}

pub(super) fn key_of(principal: &Principal) -> AccountKey {
    match (principal.id, &principal.name) {
        (Some(id), _) => AccountKey::Id(id),
        (None, name) => AccountKey::Name(name.clone().unwrap_or_default()),
    }
}

//! Flags of files as they would be, and what they forbid.

use std::path::Path;

use rustix::io::Errno;

use super::RehearsalHost;
use super::overlay::Body;
use crate::effect::Attributes;
use crate::host::{FileFlags, FileKind, Host, HostError};

impl<B: Host> RehearsalHost<B> {
    /// The flags of a located path.
    pub(super) fn entry_flags(&mut self, path: &Path) -> Result<Option<FileFlags>, HostError> {
        let Some(stat) = self.entry_stat(path)? else { return Ok(None) };
        if stat.flags.is_some() {
            return Ok(stat.flags);
        }
        if !matches!(stat.kind, FileKind::File | FileKind::Directory) {
            return Ok(None);
        }
        // what a rehearsal makes has no number yet
        if stat.inode != 0 {
            return match self.entry(path)?.map(|entry| entry.body) {
                Some(Body::Host(file)) => self.base.flags(&file),
                _ => self.base.flags(path),
            };
        }
        let parent = path.parent().unwrap_or(Path::new("/"));
        Ok(self.entry_flags(parent)?.map(|flags| flags.inherited(stat.kind)))
    }

    /// Sets flags where attributes ask for it.
    pub(super) fn change_flags(
        &mut self,
        path: &Path,
        attributes: &Attributes,
    ) -> Result<(), HostError> {
        let Some(change) = &attributes.flags else { return Ok(()) };
        let Some(mut entry) = self.entry(path)? else { return Ok(()) };
        let Some(now) = self.entry_flags(path)? else {
            return Err(HostError::flags(path, Errno::NOTSUP, "reading"));
        };
        let after = change.of(now, entry.stat.kind);
        entry.stat.flags = Some(after.map_err(|letter| HostError::no_flag(path, letter))?);
        self.overlay.amend(path, entry);
        Ok(())
    }

    /// Fails where flags keep what is there from being changed.
    pub(super) fn require_free(
        &mut self,
        action: &'static str,
        path: &Path,
    ) -> Result<(), HostError> {
        // flags that nobody may read are met by the real run
        match self.entry_flags(path) {
            Ok(Some(flags)) if flags.is_fixed() => Err(forbidden(action, path)),
            _ => Ok(()),
        }
    }

    /// Fails where flags of its directory keep a name from being taken away.
    pub(super) fn require_open(&mut self, path: &Path) -> Result<(), HostError> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        match self.entry_flags(parent) {
            Ok(Some(flags)) if flags.is_fixed() => Err(forbidden("remove", path)),
            _ => Ok(()),
        }
    }

    /// Fails where flags of a directory keep it from taking a name.
    pub(super) fn require_writable(
        &mut self,
        action: &'static str,
        directory: &Path,
        path: &Path,
    ) -> Result<(), HostError> {
        match self.entry_flags(directory) {
            Ok(Some(flags)) if flags.is_immutable() => Err(forbidden(action, path)),
            _ => Ok(()),
        }
    }
}

fn forbidden(action: &'static str, path: &Path) -> HostError {
    HostError::Io { action, path: path.to_owned(), source: Errno::PERM.into() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::contract::Planned;
    use crate::effect::{Attributes, Content, Effect, WriteFile};
    use crate::host::memory::MemoryHost;
    use crate::host::{FileFlags, FlagChange, Host as _, HostError};

    const EXTENTS: u32 = 0x0008_0000;

    fn host() -> MemoryHost {
        let with = |bits| {
            move |stat: &mut crate::host::FileStat| {
                stat.flags = Some(FileFlags::from_bits(bits));
            }
        };
        MemoryHost::new()
            .with_file("/etc/motd", "x")
            .with_file("/etc/fixed", "x")
            .with_directory("/closed")
            .with_file("/closed/f", "x")
            .with_file("/tmp/f", "x")
            .with_stat("/etc", with(EXTENTS | 0x80))
            .with_stat("/etc/motd", with(EXTENTS))
            .with_stat("/etc/fixed", with(EXTENTS | 0x10))
            .with_stat("/closed", with(EXTENTS | 0x10))
            .with_stat("/closed/f", with(EXTENTS))
    }

    fn flags(host: &mut MemoryHost, path: &str) -> Option<String> {
        host.flags(Path::new(path)).unwrap().map(FileFlags::letters)
    }

    fn set(path: &str, change: &str) -> Effect {
        let flags = FlagChange::parse(change);
        Effect::SetAttributes {
            path: path.into(),
            attributes: Attributes { flags, ..Attributes::default() },
        }
    }

    fn write(path: &str) -> Effect {
        Effect::WriteFile(WriteFile {
            path: path.into(),
            content: Content::Bytes(Vec::new()),
            attributes: Attributes::default(),
            validate: None,
            backup: false,
            unsafe_writes: false,
        })
    }

    fn apply(host: &mut MemoryHost, effect: Effect) -> Result<(), HostError> {
        host.apply(&Planned { effect, reason: String::new() }).map(|_| ())
    }

    #[test]
    fn later_tasks_see_flags_and_what_they_forbid() {
        let mut host = host();
        apply(&mut host, set("/etc/motd", "+i")).unwrap();
        assert_eq!(flags(&mut host, "/etc/motd").as_deref(), Some("ie"));
        let refused = apply(&mut host, write("/etc/motd")).unwrap_err();
        assert!(
            refused.to_string().starts_with("cannot replace `/etc/motd`: Operation not permitted")
        );
        apply(&mut host, set("/etc/motd", "-i")).unwrap();
        apply(&mut host, write("/etc/motd")).unwrap();
        // a new file has what its directory hands down
        assert_eq!(flags(&mut host, "/etc/motd").as_deref(), Some("Ae"));
        assert_eq!(flags(&mut host, "/nowhere"), None);
    }

    #[test]
    fn what_is_immutable_stays_as_it_is() {
        let mut host = host();
        let mode = Attributes { mode: Some(0o600), ..Attributes::default() };
        for effect in [
            write("/etc/fixed"),
            Effect::Remove { path: "/etc/fixed".into() },
            Effect::SetAttributes { path: "/etc/fixed".into(), attributes: mode },
            Effect::MakeDirectory { path: "/closed/d".into(), mode: None },
            Effect::MakeSymlink { path: "/closed/l".into(), target: "x".into() },
            Effect::Remove { path: "/closed/f".into() },
        ] {
            let refused = apply(&mut host, effect.clone()).unwrap_err().to_string();
            assert!(refused.contains("Operation not permitted"), "{effect:?}: {refused}");
        }
    }

    #[test]
    fn where_there_are_no_flags_none_are_set() {
        let mut host = host();
        for (effect, reason) in [
            (set("/tmp/f", "+i"), "Operation not supported while reading flags on /tmp/f"),
            (set("/etc/motd", "+q"), "`q` is no flag to be set"),
        ] {
            match apply(&mut host, effect) {
                Err(HostError::Flags { reason: given, .. }) => assert_eq!(given, reason),
                other => unreachable!("{other:?}"),
            }
        }
    }
}

//! Owner, group, mode and flags: the options that all modules of files share.
//!
//! Follows the fragment `files` of ansible-core 2.19. `attributes` needs no `chattr`. The
//! SELinux options do nothing where SELinux is off, as in Ansible; no library is needed where it is
//! on, `_default` is read from the files of the policy.

use std::path::Path;

use serde_json::Value as Json;

use super::file_mode::{FileMode, octal};
use crate::contract::{Plan, Returned, Stop};
use crate::effect::{Attributes, Effect, Principal};
use crate::host::{
    AccountKey, ContextChange, FileKind, FileStat, FlagChange, Follow, Host, HostError, Part,
    selinux,
};
use crate::params;

params! {
    /// Options for the attributes of a file.
    pub struct FileAttributes {
        /// Name or number of the user that shall own it.
        owner: Option<String>,
        /// Name or number of the group that shall own it.
        group: Option<String>,
        /// Permission bits: octal text (`"0644"`), or symbolic (`u=rwX,go=rX`).
        mode: Option<FileMode>,
        /// Flags as `chattr` knows them: `+i` adds, `-i` removes, letters alone are all that it
        /// shall have. A change counts as Ansible counts it: always where flags are removed, else
        /// where the letters that `lsattr` tells are not those of the option.
        attributes ("attr"): Option<String>,
        /// User part of the SELinux context; `_default` is that of the policy.
        seuser: Option<String>,
        /// Role part of the SELinux context.
        serole: Option<String>,
        /// Type part of the SELinux context.
        setype: Option<String>,
        /// Level part of the SELinux context, where the policy has levels.
        selevel: Option<String>,
        /// Whether a file may be written in place where it cannot be replaced.
        unsafe_writes: bool = false,
    }
}

impl Default for FileAttributes {
    /// Nothing is asked for.
    fn default() -> Self {
        Self {
            owner: None,
            group: None,
            mode: None,
            attributes: None,
            seuser: None,
            serole: None,
            setype: None,
            selevel: None,
            unsafe_writes: false,
        }
    }
}

/// Why attributes cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The owner does not exist.
    #[error("chown failed: failed to look up user {0}")]
    NoSuchUser(String),
    /// The group does not exist.
    #[error("chgrp failed: failed to look up group {0}")]
    NoSuchGroup(String),
    /// `preserve` where nothing is copied.
    #[error("mode must be in octal or symbolic form")]
    NothingToPreserve,
}

/// Owner, group and mode as the host knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The owner.
    pub owner: Option<Principal>,
    /// The group.
    pub group: Option<Principal>,
    /// The mode; never [`FileMode::Preserve`].
    pub mode: Option<FileMode>,
    /// The flags.
    pub flags: Option<FlagChange>,
    /// Parts of the SELinux context, where SELinux is on.
    pub context: Option<ContextChange>,
    /// The umask of the runner.
    pub umask: u32,
}

/// What differs, and the words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is to be set.
    pub attributes: Attributes,
    /// `mode is 0644, not 0600`.
    pub reason: String,
}

impl FileAttributes {
    /// Looks up owner and group.
    pub fn resolve(&self, host: &mut dyn Host) -> Result<Wanted, Stop> {
        if self.mode == Some(FileMode::Preserve) {
            return Err(Stop::failed(Error::NothingToPreserve));
        }
        let owner = match &self.owner {
            Some(name) => Some(find_user(host, name)?),
            None => None,
        };
        let group = match &self.group {
            Some(name) => Some(find_group(host, name)?),
            None => None,
        };
        let flags = self.attributes.as_deref().and_then(FlagChange::parse);
        let context = self.context(host)?;
        Ok(Wanted { owner, group, mode: self.mode.clone(), flags, context, umask: umask(host) })
    }

    /// Warns of an owner and a group that are not there yet.
    pub fn foresee(&self, host: &mut dyn Host) -> Result<Vec<String>, Stop> {
        let mut warnings = Vec::new();
        if let Some(name) = self.owner.as_deref().filter(|name| !name.is_empty())
            && is_missing(host.user(&account_key(name)))?
        {
            warnings.push(not_there_yet("user", "uid", name));
        }
        if let Some(name) = self.group.as_deref().filter(|name| !name.is_empty())
            && is_missing(host.group(&account_key(name)))?
        {
            warnings.push(not_there_yet("group", "gid", name));
        }
        Ok(warnings)
    }

    /// The parts of the context that are asked for; none where SELinux is off.
    fn context(&self, host: &mut dyn Host) -> Result<Option<ContextChange>, HostError> {
        let mut change = ContextChange {
            user: Part::of(self.seuser.as_ref()),
            role: Part::of(self.serole.as_ref()),
            kind: Part::of(self.setype.as_ref()),
            level: Part::of(self.selevel.as_ref()),
        };
        if change == ContextChange::default() || !selinux::is_on(host)? {
            return Ok(None);
        }
        if !selinux::has_levels(host) {
            change.level = None;
        }
        Ok(Some(change).filter(|change| *change != ContextChange::default()))
    }
}

/// What is all digits is a number here, and no name.
fn account_key(name: &str) -> AccountKey {
    name.trim().parse().map_or_else(|_| AccountKey::Name(name.to_owned()), AccountKey::Id)
}

fn is_missing<T>(found: Result<Option<T>, HostError>) -> Result<bool, Stop> {
    match found {
        Ok(account) => Ok(account.is_none()),
        Err(HostError::NoSuchAccount { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn not_there_yet(kind: &str, number: &str, name: &str) -> String {
    let what = match account_key(name) {
        AccountKey::Id(id) => format!("with {number} {id}"),
        AccountKey::Name(name) => name,
    };
    format!("failed to look up {kind} {what}. Create {kind} up to this point in real play")
}

fn find_user(host: &mut dyn Host, name: &str) -> Result<Principal, Stop> {
    match host.user(&AccountKey::Name(name.to_owned())) {
        Ok(Some(user)) => Ok(Principal { name: Some(user.name), id: user.uid }),
        Ok(None) | Err(HostError::NoSuchAccount { .. }) => match name.parse() {
            Ok(id) => Ok(Principal { name: None, id: Some(id) }),
            Err(_) => Err(Stop::failed(Error::NoSuchUser(name.to_owned()))),
        },
        Err(error) => Err(error.into()),
    }
}

fn find_group(host: &mut dyn Host, name: &str) -> Result<Principal, Stop> {
    match host.group(&AccountKey::Name(name.to_owned())) {
        Ok(Some(group)) => Ok(Principal { name: Some(group.name), id: group.gid }),
        Ok(None) | Err(HostError::NoSuchAccount { .. }) => match name.parse() {
            Ok(id) => Ok(Principal { name: None, id: Some(id) }),
            Err(_) => Err(Stop::failed(Error::NoSuchGroup(name.to_owned()))),
        },
        Err(error) => Err(error.into()),
    }
}

/// The umask of the runner, from `/proc`; 022 where that does not tell.
fn umask(host: &mut dyn Host) -> u32 {
    host.read(Path::new("/proc/self/status"))
        .ok()
        .and_then(|status| {
            let text = String::from_utf8_lossy(&status).into_owned();
            let line = text.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        })
        .unwrap_or(0o022)
}

impl Wanted {
    /// Whether no attribute is asked for.
    pub fn is_empty(&self) -> bool {
        self.owner.is_none()
            && self.group.is_none()
            && self.mode.is_none()
            && self.flags.is_none()
            && self.context.is_none()
    }

    /// The same but for the flags.
    #[must_use]
    pub fn but_flags(&self) -> Self {
        Self { flags: None, ..self.clone() }
    }

    /// The flags alone.
    #[must_use]
    pub fn only_flags(&self) -> Self {
        Self { flags: self.flags.clone(), ..Self::default() }
    }

    /// Looks at flags and context of a path, where they count; those that cannot be read are none.
    pub fn complete(&self, path: &Path, stat: &mut FileStat, host: &mut dyn Host) {
        if self.flags.is_some() {
            stat.flags = host.flags(path).unwrap_or_default();
        }
        if let Some(change) = &self.context
            && let Some(now) = host.context(path).unwrap_or_default()
        {
            let due = selinux::changed(path, &now, change, host).unwrap_or_default();
            stat.context = due.is_some().then_some(now);
        }
    }

    /// What the file gets that replaces one like this: a new file has not the flags of the old one.
    pub fn for_replaced(&self, stat: &FileStat) -> Attributes {
        let difference = self.difference(stat).map(|difference| difference.attributes);
        let (flags, context) = (self.flags.clone(), self.context.clone());
        Attributes { flags, context, ..difference.unwrap_or_default() }
    }

    /// Whether something of a path is not as it shall be.
    pub fn differs(&self, stat: &FileStat) -> bool {
        self.difference(stat).is_some()
    }

    /// What of a path is not as it shall be. Links have no mode of their own.
    fn difference(&self, stat: &FileStat) -> Option<Difference> {
        let mut attributes = Attributes::default();
        let mut reasons = Vec::new();
        if let Some(owner) = self.owner.as_ref().filter(|owner| !owner.is(&stat.owner)) {
            reasons.push(format!("owner is {}, not {}", stat.owner.label(), owner.label()));
            attributes.owner = Some(owner.clone());
        }
        if let Some(group) = self.group.as_ref().filter(|group| !group.is(&stat.group)) {
            reasons.push(format!("group is {}, not {}", stat.group.label(), group.label()));
            attributes.group = Some(group.clone());
        }
        let mode = (stat.kind != FileKind::Link)
            .then(|| self.mode.as_ref()?.of(stat.mode, stat.kind, self.umask))
            .flatten();
        if let Some(mode) = mode.filter(|mode| *mode != stat.mode) {
            reasons.push(format!("mode is {}, not {}", octal(stat.mode), octal(mode)));
            attributes.mode = Some(mode);
        } else if !attributes.is_empty() {
            // a change of owner clears setuid and setgid
            attributes.mode = mode.filter(|mode| mode & 0o6000 != 0);
        }
        if let Some(flags) = self.flags.as_ref().filter(|flags| flags.is_due(stat.flags)) {
            let now = stat.flags.unwrap_or_default().letters();
            let now = if now.is_empty() { "none".to_owned() } else { now };
            reasons.push(format!("attributes are {now}, asked for are {flags}"));
            attributes.flags = Some(flags.clone());
        }
        // kept by `complete` where it is to change
        if let (Some(change), Some(now)) = (&self.context, &stat.context) {
            reasons.push(format!("the SELinux context is {now}"));
            attributes.context = Some(change.clone());
        }
        (!attributes.is_empty()).then(|| Difference { attributes, reason: reasons.join(", ") })
    }

    /// What something new of this kind gets.
    pub fn for_new(&self, kind: FileKind) -> Attributes {
        let base = if kind == FileKind::Directory { 0o777 } else { 0o666 } & !self.umask;
        Attributes {
            owner: self.owner.clone(),
            group: self.group.clone(),
            mode: self.mode.as_ref().and_then(|mode| mode.of(base, kind, self.umask)),
            flags: self.flags.clone(),
            context: self.context.clone(),
        }
    }

    /// Plans a directory that is not there.
    pub fn plan_directory(&self, path: &Path, plan: &mut Plan) {
        let mut attributes = self.for_new(FileKind::Directory);
        let mode = attributes.mode;
        plan.push(Effect::MakeDirectory { path: path.to_owned(), mode }, "it is absent");
        let reason = match (&attributes.owner, &attributes.group) {
            (None, None) => {
                attributes.mode = None;
                "it is new and has given attributes"
            }
            // the mode again, for a change of owner clears setuid and setgid
            _ => "it is new and has a given owner",
        };
        if !attributes.is_empty() {
            plan.push(Effect::SetAttributes { path: path.to_owned(), attributes }, reason);
        }
    }

    /// Plans what makes an existing path as it shall be.
    pub fn plan(&self, path: &Path, stat: &FileStat, plan: &mut Plan) {
        if let Some(Difference { attributes, reason }) = self.difference(stat) {
            plan.push(Effect::SetAttributes { path: path.to_owned(), attributes }, reason);
        }
    }
}

/// Adds what a path looks like to a result, as Ansible does for every module with a path.
pub(crate) fn describe(
    host: &mut dyn Host,
    path: &Path,
    returned: &mut Returned,
) -> Result<(), HostError> {
    if let Some(stat) = host.stat(path, Follow::No)? {
        add_stat(&stat, returned);
        if selinux::is_on(host)?
            && let Some(context) = host.context(path).unwrap_or_default()
        {
            returned.insert("secontext".to_owned(), context.to_string().into());
        }
    }
    Ok(())
}

/// Adds these facts to a result.
pub(crate) fn add_stat(stat: &FileStat, returned: &mut Returned) {
    let mut set = |field: &str, value: Json| returned.insert(field.to_owned(), value);
    set("uid", stat.owner.id.into());
    set("gid", stat.group.id.into());
    set("owner", stat.owner.label().into());
    set("group", stat.group.label().into());
    // Ansible puts a nought before three or four digits here
    set("mode", format!("0{:03o}", stat.mode).into());
    set("state", state_word(stat).into());
    set("size", stat.size.into());
}

/// Ansible's word for what a path is.
pub(crate) fn state_word(stat: &FileStat) -> &'static str {
    match stat.kind {
        FileKind::Link => "link",
        FileKind::Directory => "directory",
        FileKind::File
        | FileKind::CharacterDevice
        | FileKind::BlockDevice
        | FileKind::Fifo
        | FileKind::Socket => {
            if stat.links > 1 {
                "hard"
            } else {
                "file"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::fake::FakeHost;
    use crate::params::Params as _;

    fn wanted(host: &mut FakeHost, arguments: Json) -> Result<Wanted, String> {
        FileAttributes::parse("file", arguments.as_object().unwrap())
            .map_err(|errors| errors[0].to_string())?
            .resolve(host)
            .map_err(|stop| stop.to_string())
    }

    #[test]
    fn only_what_differs_is_set() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "");
        let stat = host.stat(Path::new("/tmp/f"), Follow::No).unwrap().unwrap();
        let cases = [
            (json!({}), None),
            (json!({"mode": "0644", "owner": "root", "group": 0}), None),
            (json!({"mode": "0600"}), Some("mode is 0644, not 0600")),
            (json!({"owner": "www"}), Some("owner is root, not www")),
            (json!({"owner": "33"}), Some("owner is root, not www")),
            (json!({"group": 4711}), Some("group is root, not 4711")),
            (
                json!({"owner": "www", "mode": "u+x"}),
                Some("owner is root, not www, mode is 0644, not 0744"),
            ),
        ];
        for (arguments, reason) in cases {
            let difference = wanted(&mut host, arguments.clone()).unwrap().difference(&stat);
            assert_eq!(difference.map(|d| d.reason).as_deref(), reason, "{arguments}");
        }
    }

    #[test]
    fn setuid_survives_a_change_of_owner() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "");
        let mut stat = host.stat(Path::new("/tmp/f"), Follow::No).unwrap().unwrap();
        stat.mode = 0o4755;
        let wanted = wanted(&mut host, json!({"owner": "www", "mode": "4755"})).unwrap();
        assert_eq!(wanted.difference(&stat).unwrap().attributes.mode, Some(0o4755));
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        let mut host = FakeHost::new();
        for (arguments, message) in [
            (json!({"owner": "nosuch"}), "chown failed: failed to look up user nosuch"),
            (json!({"group": "nosuch"}), "chgrp failed: failed to look up group nosuch"),
            (json!({"mode": "preserve"}), "mode must be in octal or symbolic form"),
        ] {
            assert_eq!(wanted(&mut host, arguments).unwrap_err(), message);
        }
    }

    #[test]
    fn parts_of_contexts_count_where_selinux_is_on() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "");
        let asked = json!({"setype": "httpd_sys_content_t", "selevel": "s0:c1"});
        assert!(wanted(&mut host, asked.clone()).unwrap().is_empty());
        host.directory("/sys", 0o755).directory("/sys/fs", 0o755);
        host.directory("/sys/fs/selinux", 0o755).file("/sys/fs/selinux/enforce", "1");
        let context = |host: &mut FakeHost, arguments| wanted(host, arguments).unwrap().context;
        let change = context(&mut host, asked.clone()).unwrap();
        assert_eq!(change.kind, Some(Part::Given("httpd_sys_content_t".to_owned())));
        assert_eq!((change.user, change.level), (None, None), "the policy has no levels");
        host.file("/sys/fs/selinux/mls", "1");
        let change = context(&mut host, asked.clone()).unwrap();
        assert_eq!(change.level, Some(Part::Given("s0:c1".to_owned())));
        assert_eq!(context(&mut host, json!({"seuser": "", "setype": null})), None);
        // what is so already is left alone
        host.labelled("/tmp/f", "system_u:object_r:tmp_t:s0");
        for (arguments, reason) in [
            (asked, Some("the SELinux context is system_u:object_r:tmp_t:s0")),
            (json!({"setype": "tmp_t", "selevel": "s0"}), None),
        ] {
            let wanted = wanted(&mut host, arguments.clone()).unwrap();
            let mut stat = host.stat(Path::new("/tmp/f"), Follow::No).unwrap().unwrap();
            wanted.complete(Path::new("/tmp/f"), &mut stat, &mut host);
            let difference = wanted.difference(&stat);
            assert_eq!(difference.map(|found| found.reason).as_deref(), reason, "{arguments}");
        }
    }
}

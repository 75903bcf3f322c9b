//! Users and groups from the host's files, and from `getent` for directories behind NSS.
//!
//! The C library's own look-ups are out: a static one would load the host's NSS plugins.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::host::{AccountKey, Group, User};

/// A line of `/etc/passwd`.
pub(super) fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let _password = fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User {
        name: name.to_owned(),
        uid: Some(uid),
        gid: Some(gid),
        comment: fields.next().unwrap_or_default().to_owned(),
        home: PathBuf::from(fields.next().unwrap_or_default()),
        shell: fields.next().unwrap_or_default().to_owned(),
        password_hash: None,
        expires: None,
    })
}

/// A line of `/etc/group`.
pub(super) fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let _password = fields.next()?;
    let gid = fields.next()?.parse().ok()?;
    let members = fields.next().unwrap_or_default();
    Some(Group {
        name: name.to_owned(),
        gid: Some(gid),
        members: members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}

/// Adds the hash and the day of expiry from the text of `/etc/shadow`.
pub(super) fn add_shadow(user: &mut User, shadow: &str) {
    let Some(line) = shadow.lines().find(|line| line.split(':').next() == Some(&user.name)) else {
        return;
    };
    let fields: Vec<&str> = line.split(':').collect();
    user.password_hash = fields.get(1).map(|hash| (*hash).to_owned());
    user.expires = fields.get(7).and_then(|day| day.parse().ok());
}

/// The account databases, read again when their files change.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: Table<User>,
    groups: Table<Group>,
    /// What `getent` said, by database and key.
    asked: HashMap<(&'static str, String), Option<String>>,
}

#[derive(Debug)]
struct Table<T> {
    stamp: Option<Stamp>,
    rows: Vec<T>,
    by_id: BTreeMap<u32, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { stamp: None, rows: Vec::new(), by_id: BTreeMap::new() }
    }
}

/// Tells two states of a file apart.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    inode: u64,
    size: u64,
}

impl<T> Table<T> {
    fn refresh(&mut self, path: &Path, parse: fn(&str) -> Option<T>, id: fn(&T) -> Option<u32>) {
        use std::os::unix::fs::MetadataExt as _;
        let stamp = std::fs::metadata(path).ok().map(|meta| Stamp {
            modified: (meta.mtime(), meta.mtime_nsec()),
            inode: meta.ino(),
            size: meta.size(),
        });
        if stamp == self.stamp && stamp.is_some() {
            return;
        }
        let bytes = std::fs::read(path).unwrap_or_default();
        self.rows = String::from_utf8_lossy(&bytes).lines().filter_map(parse).collect();
        self.by_id.clear();
        for (index, row) in self.rows.iter().enumerate() {
            if let Some(id) = id(row) {
                // as the C library: the first line of a number counts
                self.by_id.entry(id).or_insert(index);
            }
        }
        self.stamp = stamp;
    }

    fn find(&self, key: &AccountKey, name: fn(&T) -> &str) -> Option<&T> {
        let by_id = |id: u32| self.by_id.get(&id).and_then(|index| self.rows.get(*index));
        match key {
            AccountKey::Id(id) => by_id(*id),
            AccountKey::Name(wanted) => self
                .rows
                .iter()
                .find(|row| name(row) == wanted)
                .or_else(|| wanted.parse().ok().and_then(by_id)),
        }
    }
}

impl Accounts {
    /// Forgets what `getent` said; the files are watched.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    /// A user; `getent` asks the host's `getent` for a database and key.
    pub(super) fn user(
        &mut self,
        key: &AccountKey,
        getent: impl FnOnce(&'static str, &str) -> Option<String>,
    ) -> Option<User> {
        self.users.refresh(Path::new("/etc/passwd"), parse_user, |user| user.uid);
        if let Some(user) = self.users.find(key, |user| &user.name) {
            return Some(user.clone());
        }
        self.ask("passwd", key, getent).as_deref().and_then(parse_user)
    }

    /// A group; see [`Accounts::user`].
    pub(super) fn group(
        &mut self,
        key: &AccountKey,
        getent: impl FnOnce(&'static str, &str) -> Option<String>,
    ) -> Option<Group> {
        if let Some(group) = self.groups().find(key, |group| &group.name) {
            return Some(group.clone());
        }
        self.ask("group", key, getent).as_deref().and_then(parse_group)
    }

    /// All local groups.
    pub(super) fn all_groups(&mut self) -> Vec<Group> {
        self.groups().rows.clone()
    }

    fn groups(&mut self) -> &Table<Group> {
        self.groups.refresh(Path::new("/etc/group"), parse_group, |group| group.gid);
        &self.groups
    }

    fn ask(
        &mut self,
        database: &'static str,
        key: &AccountKey,
        getent: impl FnOnce(&'static str, &str) -> Option<String>,
    ) -> Option<String> {
        let key = match key {
            AccountKey::Name(name) => name.clone(),
            AccountKey::Id(id) => id.to_string(),
        };
        // an empty key or one that looks like an option would list the database
        if key.is_empty() || key.starts_with('-') {
            return None;
        }
        self.asked
            .entry((database, key))
            .or_insert_with_key(|(database, key)| getent(database, key))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_lines_are_read_as_the_c_library_does() {
        let user = parse_user("www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin").unwrap();
        assert_eq!((user.uid, user.gid), (Some(33), Some(33)));
        assert_eq!(user.home, Path::new("/var/www"));
        for bad in ["", "#x:x:1:1:::", "x:x:one:1:::", "+::::::", "x"] {
            assert_eq!(parse_user(bad), None, "{bad}");
        }
    }

    #[test]
    fn group_lines_give_their_members() {
        let group = parse_group("adm:x:4:syslog,ann").unwrap();
        assert_eq!(group.members, ["syslog", "ann"]);
        assert_eq!(parse_group("empty:x:5:").unwrap().members, Vec::<String>::new());
    }

    #[test]
    fn shadow_adds_hash_and_expiry() {
        let mut user = parse_user("ann:x:1:1::/:/bin/sh").unwrap();
        add_shadow(&mut user, "bob:!:1::::::\nann:$6$x:1:0:9:7::20000:\n");
        assert_eq!(user.password_hash.as_deref(), Some("$6$x"));
        assert_eq!(user.expires, Some(20000));
    }
}

//! Users and groups as they would be.

use std::path::{Path, PathBuf};

use super::RehearsalHost;
use super::scripts::may_make_account;
use crate::effect::{AccountAction, GroupChange, Principal, UserChange};
use crate::host::{AccountKey, Group, Host, HostError, User};

impl<B: Host> RehearsalHost<B> {
    pub(super) fn find_user(&mut self, key: &AccountKey) -> Result<Option<User>, HostError> {
        let made = self.overlay.users.values().flatten();
        let found = match key {
            AccountKey::Name(name) => match self.overlay.users.get(name) {
                Some(known) => return Ok(known.clone()),
                None => name.parse().ok().and_then(|id| with_uid(made, id)),
            },
            AccountKey::Id(id) => with_uid(made, *id),
        };
        if found.is_some() {
            return Ok(found);
        }
        match self.base.user(key)? {
            // changed or removed since, so what the host says is no longer so
            Some(user) if self.overlay.users.contains_key(&user.name) => Ok(None),
            Some(user) => Ok(Some(user)),
            None => self.missing_account(key),
        }
    }

    pub(super) fn find_group(&mut self, key: &AccountKey) -> Result<Option<Group>, HostError> {
        let made = self.overlay.groups.values().flatten();
        let found = match key {
            AccountKey::Name(name) => match self.overlay.groups.get(name) {
                Some(known) => return Ok(known.clone()),
                None => name.parse().ok().and_then(|id| with_gid(made, id)),
            },
            AccountKey::Id(id) => with_gid(made, *id),
        };
        if found.is_some() {
            return Ok(found);
        }
        match self.base.group(key)? {
            Some(group) if self.overlay.groups.contains_key(&group.name) => Ok(None),
            Some(group) => Ok(Some(group)),
            None => self.missing_account(key),
        }
    }

    pub(super) fn all_groups(&mut self) -> Result<Vec<Group>, HostError> {
        let mut groups = self.base.groups()?;
        groups.retain(|group| !self.overlay.groups.contains_key(&group.name));
        groups.extend(self.overlay.groups.values().flatten().cloned());
        Ok(groups)
    }

    /// An account that is not there: absent, or perhaps made by a package's script.
    fn missing_account<T>(&self, key: &AccountKey) -> Result<Option<T>, HostError> {
        if let AccountKey::Name(name) = key {
            let maker = self.overlay.scripts.iter().find(|one| may_make_account(&one.text, name));
            if let Some(script) = maker {
                return Err(HostError::Unknown(format!(
                    "a script of package `{}`, which would run first, may make it",
                    script.package
                )));
            }
        }
        self.unless_pending()
    }

    /// Nothing, unless a package that would be installed first may bring it.
    pub(super) fn unless_pending<T>(&self) -> Result<Option<T>, HostError> {
        match self.overlay.pending() {
            Some(reason) => Err(HostError::Unknown(reason)),
            None => Ok(None),
        }
    }

    pub(super) fn change_group(&mut self, change: &GroupChange) -> Result<(), HostError> {
        let name = change.name.clone();
        let known = match change.action {
            AccountAction::Remove => {
                self.overlay.groups.insert(name, None);
                return Ok(());
            }
            AccountAction::Create => None,
            AccountAction::Modify => self.find_group(&AccountKey::Name(name.clone()))?,
        };
        let mut group =
            known.unwrap_or_else(|| Group { name: name.clone(), gid: None, members: Vec::new() });
        group.gid = change.gid.or(group.gid);
        self.overlay.groups.insert(name, Some(group));
        Ok(())
    }

    pub(super) fn change_user(&mut self, change: &UserChange) -> Result<(), HostError> {
        match change.action {
            AccountAction::Create => self.create_user(change),
            AccountAction::Modify => self.modify_user(change),
            AccountAction::Remove => self.remove_user(change),
        }
    }

    fn create_user(&mut self, change: &UserChange) -> Result<(), HostError> {
        let group = self.primary_group_of(change)?;
        let user = User {
            name: change.name.clone(),
            uid: change.uid,
            gid: group.gid,
            comment: change.comment.clone().unwrap_or_default(),
            home: change.home.clone().unwrap_or_else(|| Path::new("/home").join(&change.name)),
            shell: change.shell.clone().unwrap_or_else(|| "/bin/sh".to_owned()),
            password_hash: Some("!".to_owned()),
            expires: None,
        };
        let owner = Principal { name: Some(user.name.clone()), id: user.uid };
        let home = user.home.clone();
        self.overlay.users.insert(change.name.clone(), Some(user));
        self.set_memberships(change)?;
        if change.creates_home {
            let group = Principal { name: Some(group.name), id: group.gid };
            let mode = self.home_mode();
            self.make_home(&home, mode, &owner, &group)?;
        }
        Ok(())
    }

    /// The group that is asked for, or one of the user's own that `useradd` makes.
    fn primary_group_of(&mut self, change: &UserChange) -> Result<Group, HostError> {
        if let Some(wanted) = &change.group {
            let key = AccountKey::Name(wanted.clone());
            return self
                .find_group(&key)?
                .ok_or_else(|| HostError::NoSuchAccount { kind: "group", name: wanted.clone() });
        }
        let key = AccountKey::Name(change.name.clone());
        if let Ok(Some(group)) = self.find_group(&key) {
            return Ok(group);
        }
        let group = Group { name: change.name.clone(), gid: change.uid, members: Vec::new() };
        self.overlay.groups.insert(change.name.clone(), Some(group.clone()));
        Ok(group)
    }

    fn modify_user(&mut self, change: &UserChange) -> Result<(), HostError> {
        let key = AccountKey::Name(change.name.clone());
        let mut user = self
            .find_user(&key)?
            .ok_or_else(|| HostError::NoSuchAccount { kind: "user", name: change.name.clone() })?;
        user.uid = change.uid.or(user.uid);
        if change.group.is_some() {
            user.gid = self.primary_group_of(change)?.gid;
        }
        user.comment = change.comment.clone().unwrap_or(user.comment);
        user.shell = change.shell.clone().unwrap_or(user.shell);
        user.home = change.home.clone().unwrap_or(user.home);
        let owner = Principal { name: Some(user.name.clone()), id: user.uid };
        let (home, gid) = (user.home.clone(), user.gid);
        self.overlay.users.insert(change.name.clone(), Some(user));
        self.set_memberships(change)?;
        if change.creates_home {
            let name = match gid {
                Some(gid) => self.find_group(&AccountKey::Id(gid))?.map(|group| group.name),
                None => None,
            };
            let mode = self.home_mode();
            self.make_home(&home, mode, &owner, &Principal { name, id: gid })?;
        }
        Ok(())
    }

    fn remove_user(&mut self, change: &UserChange) -> Result<(), HostError> {
        let name = change.name.clone();
        let user = self.find_user(&AccountKey::Name(name.clone()))?;
        self.overlay.users.insert(name.clone(), None);
        for mut group in self.all_groups()? {
            let own = group.name == name && group.members.iter().all(|member| *member == name);
            if own {
                self.overlay.groups.insert(group.name, None);
            } else if group.members.contains(&name) {
                group.members.retain(|member| *member != name);
                self.overlay.groups.insert(group.name.clone(), Some(group));
            }
        }
        let removes_home = |word: &String| word == "-r" || word == "--remove";
        if let Some(user) = user
            && change.commands.iter().any(|command| command.argv.iter().any(removes_home))
        {
            self.remove(&user.home)?;
        }
        Ok(())
    }

    /// Makes the supplementary groups those that the change names.
    fn set_memberships(&mut self, change: &UserChange) -> Result<(), HostError> {
        let Some(wanted) = &change.groups else { return Ok(()) };
        let mut groups = Vec::with_capacity(wanted.len());
        for name in wanted {
            let found = self.find_group(&AccountKey::Name(name.clone()))?;
            groups.push(
                found.ok_or_else(|| HostError::NoSuchAccount {
                    kind: "group",
                    name: name.clone(),
                })?,
            );
        }
        for mut group in self.all_groups()? {
            let is = group.members.contains(&change.name);
            let shall = groups.iter().any(|wanted| wanted.name == group.name);
            if is && !shall {
                group.members.retain(|member| *member != change.name);
            } else if shall && !is {
                group.members.push(change.name.clone());
            } else {
                continue;
            }
            self.overlay.groups.insert(group.name.clone(), Some(group));
        }
        Ok(())
    }

    /// The mode of new home directories by `/etc/login.defs`.
    fn home_mode(&mut self) -> u32 {
        let path = PathBuf::from("/etc/login.defs");
        let text = self.read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let setting = |key: &str| {
            text.lines().find_map(|line| {
                let mut words = line.split_whitespace();
                (words.next() == Some(key))
                    .then(|| words.next().and_then(|mode| u32::from_str_radix(mode, 8).ok()))
                    .flatten()
            })
        };
        setting("HOME_MODE").unwrap_or_else(|| 0o777 & !setting("UMASK").unwrap_or(0o022))
    }
}

fn with_uid<'a>(mut users: impl Iterator<Item = &'a User>, uid: u32) -> Option<User> {
    users.find(|user| user.uid == Some(uid)).cloned()
}

fn with_gid<'a>(mut groups: impl Iterator<Item = &'a Group>, gid: u32) -> Option<Group> {
    groups.find(|group| group.gid == Some(gid)).cloned()
}

//! What users and groups were and will be.

use std::collections::BTreeMap;

use super::{Diff, Fields};
use crate::effect::{AccountAction, GroupChange, UserChange};
use crate::host::{AccountKey, Group, Host, User};

/// A user that effects touch.
#[derive(Debug)]
pub(super) struct UserSubject {
    name: String,
    user: Option<User>,
    groups: Vec<String>,
    shown: Shown,
    details: BTreeMap<String, (Option<String>, String)>,
}

/// The fields that the changes name; of a new user only these are shown.
#[derive(Debug, Default)]
struct Shown {
    uid: bool,
    /// As the change names it.
    group: Option<String>,
    groups: bool,
    home: bool,
    shell: bool,
    comment: bool,
}

impl UserSubject {
    pub(super) fn before(change: &UserChange, host: &mut dyn Host) -> Self {
        Self {
            name: change.name.clone(),
            user: find(&change.name, host),
            groups: memberships(&change.name, host),
            shown: Shown::default(),
            details: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, change: &UserChange) {
        self.shown.uid |= change.uid.is_some();
        self.shown.group = change.group.clone().or(self.shown.group.take());
        self.shown.groups |= change.groups.is_some();
        // the home of a new user is worth knowing, also where it is the default
        self.shown.home |= change.home.is_some() || change.action == AccountAction::Create;
        self.shown.shell |= change.shell.is_some();
        self.shown.comment |= change.comment.is_some();
        self.details.extend(change.details.clone());
    }

    pub(super) fn diff(self, host: &mut dyn Host) -> Option<Diff> {
        let user = find(&self.name, host);
        let groups = memberships(&self.name, host);
        let mut before = self.shown.fields(self.user.as_ref(), &self.groups, host);
        let mut after = self.shown.fields(user.as_ref(), &groups, host);
        for (name, (was, is)) in self.details {
            if let Some(was) = was {
                before.set(&name, was);
            }
            after.set(&name, is);
        }
        Diff::of_fields("name", &self.name, before, after).map(|diff| about("user", diff))
    }
}

impl Shown {
    fn fields(&self, user: Option<&User>, groups: &[String], host: &mut dyn Host) -> Fields {
        let mut fields = Fields::default();
        let Some(user) = user else {
            fields.set("state", "absent");
            return fields;
        };
        fields.set("state", "present");
        if self.uid
            && let Some(uid) = user.uid
        {
            fields.set("uid", uid);
        }
        if let Some(wanted) = &self.group {
            let name = match user.gid {
                Some(gid) => {
                    let group = host.group(&AccountKey::Id(gid)).ok().flatten();
                    group.map_or_else(|| gid.to_string(), |group| group.name)
                }
                // a group that would only be made has no number yet
                None => wanted.clone(),
            };
            fields.set("group", name);
        }
        if self.groups {
            fields.set("groups", groups.to_vec());
        }
        if self.home {
            fields.set("home", user.home.display().to_string());
        }
        if self.shell {
            fields.set("shell", user.shell.clone());
        }
        if self.comment {
            fields.set("comment", user.comment.clone());
        }
        fields
    }
}

/// A group that effects touch.
#[derive(Debug)]
pub(super) struct GroupSubject {
    name: String,
    group: Option<Group>,
    shows_gid: bool,
}

impl GroupSubject {
    pub(super) fn before(change: &GroupChange, host: &mut dyn Host) -> Self {
        let group = host.group(&AccountKey::Name(change.name.clone())).ok().flatten();
        Self { name: change.name.clone(), group, shows_gid: change.gid.is_some() }
    }

    pub(super) fn diff(self, host: &mut dyn Host) -> Option<Diff> {
        let after = host.group(&AccountKey::Name(self.name.clone())).ok().flatten();
        let [old, new] = [self.group, after].map(|group| {
            let mut fields = Fields::default();
            fields.set("state", if group.is_some() { "present" } else { "absent" });
            if self.shows_gid
                && let Some(gid) = group.and_then(|group| group.gid)
            {
                fields.set("gid", gid);
            }
            fields
        });
        Diff::of_fields("name", &self.name, old, new).map(|diff| about("group", diff))
    }
}

fn about(kind: &str, diff: Diff) -> Diff {
    let header = format!("{kind} {}", diff.before_header);
    Diff { before_header: header.clone(), after_header: header, ..diff }
}

fn find(name: &str, host: &mut dyn Host) -> Option<User> {
    host.user(&AccountKey::Name(name.to_owned())).ok().flatten()
}

/// The supplementary groups of a user, sorted.
fn memberships(name: &str, host: &mut dyn Host) -> Vec<String> {
    let mut groups: Vec<String> = host
        .groups()
        .unwrap_or_default()
        .into_iter()
        .filter(|group| group.members.iter().any(|member| member == name))
        .map(|group| group.name)
        .collect();
    groups.sort();
    groups
}

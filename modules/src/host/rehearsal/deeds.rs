//! What maintainer scripts plainly do, done to the overlay.

use std::path::{Path, PathBuf};

use super::RehearsalHost;
use super::overlay::{Body, PackageScript, Sight};
use super::scripts::{self, Deed, Ownership};
use crate::effect::{Attributes, Principal};
use crate::host::{AccountKey, FileKind, FileStat, Follow, Group, Host, HostError, User};
use crate::module::file_mode::FileMode;
use crate::module::wildcard;

impl<B: Host> RehearsalHost<B> {
    /// Does what a script plainly does to files, and starts the units of its package; all packages are unpacked before.
    pub(super) fn follow(&mut self, script: PackageScript) {
        for deed in &scripts::deeds(&script.text) {
            match deed {
                Deed::Link { path, target } if matches!(self.stat(path, Follow::No), Ok(None)) => {
                    let _ = self.make_symlink(path, target);
                }
                Deed::Directory(path) => self.make_directories(path),
                Deed::Copy { from, to } => {
                    if let Some(made) = self.copy_deed(from, to)
                        && scripts::rewrites(&script.text, &made)
                    {
                        self.obscure(&made, &script.package);
                    }
                }
                Deed::Attributes(given) => self.give_away(given),
                Deed::PhpModule { version, sapi, module } => {
                    self.enable_php(version, sapi, module);
                }
                Deed::Link { .. } | Deed::User(_) | Deed::Group(_) => {}
            }
        }
        // what the host has already keeps its owner, as far as anybody knows
        for (path, package) in &script.doubtful {
            if let Ok(path) = self.locate(path, Follow::Yes)
                && matches!(self.overlay.see(&path), Sight::Entry(_))
            {
                self.overlay.doubtful.insert(path, package.clone());
            }
        }
        // units look for what the script makes
        self.start_units(&script.units, &script.text);
        self.overlay.scripts.push(script);
    }

    /// A copy of what the package brings, or of what is there, to where there is nothing; where it
    /// was made.
    fn copy_deed(&mut self, from: &Path, to: &Path) -> Option<PathBuf> {
        let located = self.locate(to, Follow::Yes).ok()?;
        let to = match self.entry_stat(&located).ok()? {
            Some(stat) if stat.kind == FileKind::Directory => located.join(from.file_name()?),
            _ => located,
        };
        let is_file = |stat: &FileStat| stat.kind == FileKind::File;
        let source = self.stat(from, Follow::Yes).ok().flatten();
        if source.is_some_and(|stat| is_file(&stat))
            && matches!(self.stat(&to, Follow::No), Ok(None))
        {
            if let Some(parent) = to.parent() {
                self.make_directories(parent);
            }
            // what does not fit here would not fit in reality either
            return self.copy_file(from, &to).is_ok().then_some(to);
        }
        None
    }

    /// Nobody knows what stands in a file that the script of a package fills.
    fn obscure(&mut self, path: &Path, package: &str) {
        if let Ok(Some(mut entry)) = self.entry(path) {
            entry.body = Body::Unknown(format!(
                "a script of package `{package}` fills `{}`",
                path.display()
            ));
            self.overlay.put(path, entry);
        }
    }

    /// Sets owner, group and mode of what is there.
    fn give_away(&mut self, given: &Ownership) {
        let principal = |word: &Option<String>| {
            word.as_ref().map(|word| match word.parse() {
                Ok(id) => Principal { id: Some(id), name: None },
                Err(_) => Principal { id: None, name: Some(word.clone()) },
            })
        };
        let mode = given.mode.as_ref().and_then(|mode| FileMode::parse(mode).ok());
        let paths: Vec<PathBuf> =
            given.paths.iter().flat_map(|pattern| self.matching(pattern)).collect();
        for path in paths {
            if given.makes {
                self.make_directories(&path);
            }
            let Ok(Some(stat)) = self.stat(&path, Follow::Yes) else { continue };
            let Ok(located) = self.locate(&path, Follow::Yes) else { continue };
            let attributes = Attributes {
                owner: principal(&given.owner),
                group: principal(&given.group),
                mode: mode.as_ref().and_then(|mode| mode.of(stat.mode, stat.kind, 0)),
                ..Attributes::default()
            };
            // an account that nobody knows would not be given anything in reality either
            let _ = self.set_attributes(&located, &attributes);
        }
    }

    /// The paths that a pattern names; its last part may have wildcards.
    fn matching(&mut self, pattern: &str) -> Vec<PathBuf> {
        let path = Path::new(pattern);
        match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(folder), Some(name)) if name.contains(['*', '?', '[']) => {
                let names = self.list(folder).unwrap_or_default().into_iter();
                names
                    .filter(|found| wildcard::matches(name, found))
                    .map(|found| folder.join(found))
                    .collect()
            }
            _ => vec![path.to_owned()],
        }
    }

    /// Links the configuration of a module by its priority, as `phpenmod(8)` does.
    fn enable_php(&mut self, version: &str, sapi: &str, module: &str) {
        let home = Path::new("/etc/php").join(version);
        let available = home.join("mods-available").join(format!("{module}.ini"));
        let Ok(text) = self.read(&available) else { return };
        let text = String::from_utf8_lossy(&text).into_owned();
        let priority = text.lines().find_map(|line| line.trim().strip_prefix("; priority="));
        let name = format!("{}-{module}.ini", priority.unwrap_or("20").trim());
        for program in self.list(&home).unwrap_or_default() {
            let link = home.join(&program).join("conf.d").join(&name);
            let place = link.parent().map(|parent| self.stat(parent, Follow::Yes));
            let there = matches!(place, Some(Ok(Some(_))));
            if there
                && (sapi == "ALL" || sapi == program)
                && matches!(self.overlay.see(&link), Sight::Host | Sight::Absent)
            {
                let _ = self.make_symlink(&link, &available);
            }
        }
    }

    pub(super) fn do_account(&mut self, deed: &Deed) {
        let name = match deed {
            Deed::User(name) | Deed::Group(name) => name.clone(),
            Deed::Link { .. }
            | Deed::Directory(_)
            | Deed::Copy { .. }
            | Deed::Attributes(_)
            | Deed::PhpModule { .. } => return,
        };
        let key = AccountKey::Name(name.clone());
        if matches!(self.find_group(&key), Ok(None)) {
            let group = Group { name: name.clone(), gid: None, members: Vec::new() };
            self.overlay.groups.insert(name.clone(), Some(group));
        }
        if matches!(deed, Deed::User(_)) && matches!(self.find_user(&key), Ok(None)) {
            let user = User {
                name: name.clone(),
                uid: None,
                gid: None,
                comment: String::new(),
                home: PathBuf::from("/nonexistent"),
                shell: "/usr/sbin/nologin".to_owned(),
                password_hash: Some("!".to_owned()),
                expires: None,
            };
            self.overlay.users.insert(name, Some(user));
        }
    }

    /// Debian starts and enables the units of a package, where systemd runs and no policy
    /// forbids it.
    fn start_units(&mut self, units: &[String], script: &str) {
        let there = |found: Result<Option<FileStat>, HostError>| matches!(found, Ok(Some(_)));
        let forbidden = there(self.stat(Path::new("/usr/sbin/policy-rc.d"), Follow::Yes));
        let systemd = there(self.base.stat(Path::new("/run/systemd/system"), Follow::Yes));
        for unit in units.iter().filter(|unit| !unit.contains("@.")) {
            let handling = scripts::unit_handling(script, unit);
            let started = handling.starts && systemd && !forbidden && self.conditions_hold(unit);
            let changes = self.overlay.units.entry(unit.clone()).or_default();
            if handling.enables {
                changes.enablement = Some("enabled");
            }
            if started {
                changes.active = Some(true);
            }
        }
    }
}

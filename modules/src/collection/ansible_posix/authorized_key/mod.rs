//! `ansible.posix.authorized_key`: keys that may log in as a user.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the file.
//!
//! ```yaml
//! - name: Let the team in
//!   ansible.posix.authorized_key:
//!     user: deploy
//!     key: "{{ lookup('file', 'team.pub') }}"
//!     exclusive: true
//! ```
//!
//! Returns the parameters and `keyfile`.

mod keys;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use self::keys::{Key, Line};
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::{Attributes, Content, Effect, Principal, WriteFile};
use crate::host::{AccountKey, FileKind, FileStat, Follow, Host, HttpRequest};
use crate::module::{expansion, file_attributes, host_path};
use crate::{choices, params};

choices! {
    /// Whether the keys shall be there.
    pub enum State {
        /// They shall not.
        Absent = "absent",
        /// They shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.posix.authorized_key`.
    pub struct Params {
        /// The user who owns the file.
        user: String,
        /// Keys, a line each; or an address, or `file://` and a path of the host.
        key: String,
        /// The file; by default `~USER/.ssh/authorized_keys`.
        path: Option<PathBuf>,
        /// Whether the directory is made and given to the user.
        manage_dir: bool = true,
        /// Whether the keys shall be there.
        state: State = State::Present,
        /// Options of the keys, instead of those that stand before them.
        key_options: Option<String>,
        /// Whether all other keys go.
        exclusive: bool = false,
        /// The comment of the keys, instead of theirs.
        comment: Option<String>,
        /// Whether the server's certificate is checked where `key` is an address.
        validate_certs: bool = true,
        /// Whether a link is followed, not replaced.
        follow: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct AuthorizedKey;

/// What is known of the file.
#[derive(Debug)]
pub struct Observed {
    path: PathBuf,
    /// Where it is written.
    target: PathBuf,
    text: String,
    /// The lines that are given.
    given: String,
    owner: Principal,
    group: Principal,
    directory: PathBuf,
    directory_stat: Option<FileStat>,
    /// Directories to make, outermost first.
    missing: Vec<PathBuf>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such user.
    #[error("Failed to lookup user {0}: \"getpwnam(): name not found: '{0}'\"")]
    NoUser(String),
    /// The address gives nothing.
    #[error("Error getting key from: {0}")]
    Address(String),
    /// The file with the key is not there.
    #[error("Path to a key file not found: {0}")]
    NoFile(String),
    /// It is no file.
    #[error("Path to a key is a directory and must be a file: {0}")]
    NotFile(String),
    /// It is no key.
    #[error("invalid key specified: {0}")]
    Invalid(String),
}

impl Module for AuthorizedKey {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let given = given(params, host)?;
        let Some(user) = host.user(&AccountKey::Name(params.user.clone()))? else {
            return Err(Stop::failed(Error::NoUser(params.user.clone())));
        };
        let path = match &params.path {
            Some(path) => expansion::path(path, host)?,
            None => user.home.join(".ssh/authorized_keys"),
        };
        let directory = host_path::parent(&path);
        let target =
            if params.follow { host_path::follow_links(host, &path)? } else { path.clone() };
        let text = match host.stat(&path, Follow::Yes)? {
            Some(stat) if stat.kind == FileKind::File => {
                String::from_utf8_lossy(&host.read(&path)?).into_owned()
            }
            _ => String::new(),
        };
        let directory_stat = host.stat(&directory, Follow::Yes)?;
        let (missing, _) = host_path::ancestors(host, &target)?;
        let owner = Principal { name: Some(user.name), id: user.uid };
        let group = match user.gid {
            Some(gid) => {
                let name = host.group(&AccountKey::Id(gid))?.map(|group| group.name);
                Principal { name, id: Some(gid) }
            }
            None => owner.clone(),
        };
        Ok(Observed { path, target, text, given, owner, group, directory, directory_stat, missing })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let mut set = |name: &str, value: Json| plan.set(name, value);
        set("user", params.user.clone().into());
        set("key", params.key.clone().into());
        let path = params.path.as_ref().map(|path| path.to_string_lossy().into_owned());
        set("path", path.into());
        set("manage_dir", params.manage_dir.into());
        set("state", params.state.word().into());
        set("key_options", params.key_options.clone().into());
        set("exclusive", params.exclusive.into());
        set("comment", params.comment.clone().into());
        set("validate_certs", params.validate_certs.into());
        set("follow", params.follow.into());
        set("keyfile", observed.path.to_string_lossy().into_owned().into());
        if let Some(lines) = edited(params, observed)? {
            let text: String = lines.iter().map(Line::render).collect();
            observed.plan_write(params, text, &mut plan);
        }
        Ok(plan)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        // a result with a path tells what lies there
        if params.path.is_some() {
            file_attributes::describe(host, &observed.path, returned)?;
        }
        Ok(())
    }
}

impl Observed {
    fn plan_write(&self, params: &Params, text: String, plan: &mut Plan) {
        let owned = |mode| Attributes {
            owner: Some(self.owner.clone()),
            group: Some(self.group.clone()),
            mode: Some(mode),
            ..Attributes::default()
        };
        for path in &self.missing {
            let private = params.manage_dir && *path == self.directory;
            let mode = private.then_some(0o700);
            plan.push(Effect::MakeDirectory { path: path.clone(), mode }, "it is absent");
        }
        if params.manage_dir {
            let right = self.directory_stat.as_ref().is_some_and(|stat| {
                self.owner.is(&stat.owner) && self.group.is(&stat.group) && stat.mode == 0o700
            });
            if !right {
                let path = self.directory.clone();
                let effect = Effect::SetAttributes { path, attributes: owned(0o700) };
                plan.push(effect, "it is the user's");
            }
        }
        let write = WriteFile {
            path: self.target.clone(),
            content: Content::Bytes(text.into_bytes()),
            attributes: owned(0o600),
            validate: None,
            backup: false,
            unsafe_writes: false,
        };
        plan.push(Effect::WriteFile(write), "its keys differ");
    }
}

/// The lines that are given, from where they are.
fn given(params: &Params, host: &mut dyn Host) -> Result<String, Stop> {
    let key = params.key.clone();
    let mut text = key.clone();
    if key.starts_with("http") {
        let request = HttpRequest {
            url: key.clone(),
            insecure: !params.validate_certs,
            use_proxy: true,
            headers: vec![("User-Agent".to_owned(), "ansible-httpget".to_owned())],
            ..HttpRequest::default()
        };
        let refused = || Stop::failed(Error::Address(key.clone()));
        let answer = host.fetch(&request).map_err(|error| match error {
            crate::host::HostError::Http { .. } => refused(),
            error => Stop::Host(error),
        })?;
        if answer.status != 200 {
            return Err(refused());
        }
        text = String::from_utf8_lossy(&answer.body).into_owned();
    }
    if text.starts_with("file") {
        let path = text.split_once("://").map_or(text.as_str(), |(_, path)| path).to_owned();
        let path = path.strip_prefix("localhost").unwrap_or(&path).to_owned();
        text = match host.stat(Path::new(&path), Follow::Yes)? {
            None => return Err(Stop::failed(Error::NoFile(path))),
            Some(stat) if stat.kind != FileKind::File => {
                return Err(Stop::failed(Error::NotFile(path)));
            }
            Some(_) => String::from_utf8_lossy(&host.read(Path::new(&path))?).into_owned(),
        };
    }
    Ok(text)
}

/// The lines of the file as they shall be; `None` where they are so.
fn edited(params: &Params, observed: &Observed) -> Result<Option<Vec<Line>>, Stop> {
    let present = params.state == State::Present;
    let mut lines = keys::read(&observed.text);
    let mut wanted: Vec<String> = Vec::new();
    let mut changed = false;
    for line in observed.given.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut key =
            Key::parse(line).ok_or_else(|| Stop::failed(Error::Invalid(line.to_owned())))?;
        if let Some(options) = &params.key_options {
            key.options = keys::options(options);
        }
        if let Some(comment) = &params.comment {
            key.comment.clone_from(comment);
        }
        let known =
            lines.iter().position(|known| matches!(known, Line::Key(it) if it.blob == key.blob));
        wanted.push(key.blob.clone());
        match (known.and_then(|at| Some((at, lines.get(at)?))), present) {
            (Some((_, Line::Key(there))), true) if there.is(&key) => {}
            (Some((at, _)), true) => {
                lines.remove(at);
                lines.push(Line::Key(key));
                changed = true;
            }
            (None, true) => {
                lines.push(Line::Key(key));
                changed = true;
            }
            (Some((at, _)), false) => {
                lines.remove(at);
                changed = true;
            }
            (None, false) => {}
        }
    }
    if present && params.exclusive {
        let before = lines.len();
        lines.retain(|line| wanted.iter().any(|key| key == line.id()));
        changed |= lines.len() != before;
    }
    Ok(changed.then_some(lines))
}

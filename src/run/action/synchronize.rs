//! `ansible.posix.synchronize`: where rsync runs, and what the other end is called.
//!
//! Follows the action of ansible.posix 2.1: rsync runs here, or where the task is delegated to, and
//! reaches the host by itself.

use std::path::Path;

use canvass_modules::collection::ansible_posix::synchronize::{Mode, Params};
use serde_json::{Map, Value as Json};

use crate::connection::{BecomeMethod, Privilege, Target, Transport};
use crate::template::to_json;

use super::{ActionError, ActionInput, After, Prepared, RemoteCall, files, parse};

const MODULE: &str = "ansible.posix.synchronize";

/// Names of this machine.
const HERE: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// Trees that are to be made equal.
#[derive(Debug)]
pub(crate) struct Synchronize {
    arguments: Map<String, Json>,
    mode: Mode,
    set_remote_user: bool,
    use_ssh_args: bool,
    /// Both paths as they are here.
    here: [String; 2],
    /// Both paths as written.
    written: [String; 2],
    /// Name and address of the host that the task is for.
    name: String,
    address: String,
    user: Option<String>,
    port: Option<Json>,
    password: Option<Json>,
}

/// Where rsync runs.
pub(crate) enum Runs {
    /// On this machine.
    Controller,
    /// Where the task runs, by its own rights or as the connection's user.
    There(Privilege),
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    if !given("src") || !given("dest") {
        let text = "synchronize requires both src and dest parameters are set";
        return Err(ActionError::Include(text.to_owned()));
    }
    let params: Params = parse(MODULE, &arguments)?;
    let variable = |name: &str| -> Result<Option<Json>, ActionError> {
        match input.scope.value(name)? {
            Some(value) => Ok(Some(to_json(&value)?).filter(|value| !value.is_null())),
            None => Ok(None),
        }
    };
    let text = |value: Option<Json>| value.map(|value| canvass_modules::params::plain(&value));
    let address = text(variable("ansible_host")?).unwrap_or_else(|| input.host.to_owned());
    let mut arguments = arguments;
    if let Some(path) = variable("ansible_rsync_path")? {
        arguments.insert("_local_rsync_path".to_owned(), path);
    }
    let here = [&params.src, &params.dest].map(|path| absolute(input, path));
    let password = match variable("ansible_ssh_pass")? {
        Some(password) => Some(password),
        None => variable("ansible_password")?,
    };
    Ok(Prepared::Synchronize(Box::new(Synchronize {
        arguments,
        mode: params.mode,
        set_remote_user: params.set_remote_user,
        use_ssh_args: params.use_ssh_args,
        here,
        written: [params.src, params.dest],
        name: input.host.to_owned(),
        address,
        user: text(variable("ansible_user")?),
        port: variable("ansible_port")?,
        password,
    })))
}

/// A relative path of this machine: in the role's files, or beside the playbook.
fn absolute(input: &ActionInput<'_>, path: &str) -> String {
    if path.contains(':') || path.starts_with('/') {
        return path.to_owned();
    }
    let base = input.directories.roles.first().unwrap_or(&input.directories.playbook);
    let found = files::find(input.directories, "files", path);
    let found = found.unwrap_or_else(|_| base.join(Path::new(path)));
    let found = found.to_string_lossy().into_owned();
    match path.ends_with('/') && !found.ends_with('/') {
        true => format!("{found}/"),
        false => found,
    }
}

impl Synchronize {
    /// The call, and where it is made.
    pub(crate) fn call(
        self,
        target: &Target,
        delegated_to: Option<&str>,
        privilege: &Privilege,
    ) -> (Runs, RemoteCall) {
        let itself = delegated_to.is_some_and(|host| host == self.name || host == self.address);
        let remote = target.transport != Transport::Local;
        let dest_is_local = itself || (delegated_to.is_none() && !remote);
        let there = itself || (delegated_to.is_some() && remote);
        let mut arguments = self.arguments.clone();
        let mut set = |name: &str, value: Json| arguments.insert(name.to_owned(), value);
        let mut paths = self.here.clone();
        let mut place = Runs::There(privilege.clone());
        if !dest_is_local {
            let user = self.user.clone().or_else(|| target.user.clone());
            let user = user.filter(|_| self.set_remote_user);
            let port = self.port.clone().or_else(|| target.port.map(Json::from));
            let far = self.far_end(user.as_deref(), port.is_some(), there);
            match self.mode {
                Mode::Push => paths[1] = far,
                Mode::Pull => paths[0] = far,
            }
            let given = |name: &str| self.arguments.get(name).is_some_and(|value| !value.is_null());
            if let Some(port) = port.filter(|_| !given("dest_port")) {
                set("dest_port", port);
            }
            if let Some(key) = target.private_key.as_ref().filter(|_| !given("private_key")) {
                set("private_key", Json::from(key.to_string_lossy().into_owned()));
            }
            if let Some(path) = as_another(privilege).filter(|_| !given("rsync_path")) {
                set("rsync_path", Json::from(path));
            }
            if self.use_ssh_args {
                set("_ssh_args", Json::from(shell_words::join(&target.ssh_arguments)));
            }
            if let Some(password) = self.password.clone() {
                set("_local_rsync_password", password);
            }
            // rights are for the far end
            place = if there { Runs::There(Privilege::Same) } else { Runs::Controller };
        }
        let [src, dest] = paths;
        set("src", Json::from(src));
        set("dest", Json::from(dest));
        let module = MODULE.to_owned();
        (place, RemoteCall { module, arguments, source: None, after: After::Nothing })
    }

    /// The path on the host as rsync names it.
    fn far_end(&self, user: Option<&str>, has_port: bool, there: bool) -> String {
        let [src, dest] = &self.written;
        let path = if self.mode == Mode::Push { dest } else { src };
        if path.starts_with("rsync://") {
            return path.clone();
        }
        let host = self.address.as_str();
        if HERE.contains(&host) && !has_port && !there {
            let [src, dest] = &self.here;
            return if self.mode == Mode::Push { dest.clone() } else { src.clone() };
        }
        let login = user.map(|user| format!("{user}@")).unwrap_or_default();
        if host.contains(':') {
            return format!("[{login}{host}]:{path}");
        }
        match (path.contains(':'), path.contains('@')) {
            (false, _) => format!("{login}{host}:{path}"),
            (true, false) => format!("{login}{path}"),
            (true, true) => path.clone(),
        }
    }
}

/// rsync on the far end, where the task becomes another user by sudo.
fn as_another(privilege: &Privilege) -> Option<String> {
    match privilege {
        Privilege::Become { method: BecomeMethod::Sudo, user, .. } => {
            Some(format!("sudo -u {user} rsync"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{Mode, Runs, Synchronize};
    use crate::connection::{Privilege, Target, Transport};

    fn trees(mode: Mode, address: &str) -> Synchronize {
        let both = ["/a".to_owned(), "/b".to_owned()];
        Synchronize {
            arguments: Map::new(),
            mode,
            set_remote_user: true,
            use_ssh_args: false,
            here: both.clone(),
            written: both,
            name: "web".to_owned(),
            address: address.to_owned(),
            user: Some("ann".to_owned()),
            port: None,
            password: None,
        }
    }

    #[test]
    fn the_far_end_is_named_as_ansible_names_it() {
        let table = [
            (Mode::Push, "10.0.0.1", Transport::Ssh, None, "/a", "ann@10.0.0.1:/b", true),
            (Mode::Pull, "web", Transport::Ssh, None, "ann@web:/a", "/b", true),
            (Mode::Push, "::2", Transport::Ssh, None, "/a", "[ann@::2]:/b", true),
            (Mode::Push, "web", Transport::Local, None, "/a", "/b", false),
            (Mode::Push, "web", Transport::Ssh, Some("web"), "/a", "/b", false),
            (Mode::Push, "web", Transport::Ssh, Some("db"), "/a", "ann@web:/b", false),
            (Mode::Push, "web", Transport::Local, Some("localhost"), "/a", "ann@web:/b", true),
        ];
        for (mode, address, transport, delegated, src, dest, here) in table {
            let target = Target::new("x", transport);
            let (place, call) = trees(mode, address).call(&target, delegated, &Privilege::Same);
            assert_eq!(call.arguments["src"], json!(src), "{address} {delegated:?}");
            assert_eq!(call.arguments["dest"], json!(dest), "{address} {delegated:?}");
            assert_eq!(matches!(place, Runs::Controller), here, "{address} {delegated:?}");
        }
    }
}

//! `ansible.builtin.hostname`: names the host, now and at the next start.
//!
//! Follows the module of ansible-core 2.19 on Linux: by `hostnamectl` where systemd runs, else by
//! the file of the distribution. Check mode: full. Diff: the name.
//!
//! Differs from Ansible: `use` takes the ways of Linux only; `ansible_fqdn` and `ansible_domain`
//! are left out where the new name cannot be resolved before it is set.
//!
//! ```yaml
//! - name: The name of the host
//!   ansible.builtin.hostname:
//!     name: web01.example.com
//! ```
//!
//! Returns `name` and `ansible_facts`.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::program;
use super::setup::{distribution_of, service_manager_of};
use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Command, Content, Effect, SettingChange, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::{choices, params};

choices! {
    /// How the name is set.
    pub enum Use {
        /// `/etc/hostname` and `hostname -F`.
        Alpine = "alpine",
        /// As `systemd`.
        Debian = "debian",
        /// Of other systems.
        Foreign = "freebsd" | "generic" | "macos" | "macosx" | "darwin" | "openbsd",
        /// `/etc/conf.d/hostname`.
        Openrc = "openrc",
        /// `/etc/sysconfig/network`.
        Redhat = "redhat",
        /// `/etc/HOSTNAME`.
        Sles = "sles",
        /// Of another system.
        Solaris = "solaris",
        /// `hostnamectl`.
        Systemd = "systemd",
    }
}

params! {
    /// Parameters of `ansible.builtin.hostname`.
    pub struct Params {
        /// The name.
        name: String,
        /// How it is set; by default as the host is made.
        r#use: Option<Use>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Hostname;

/// What is known of the name.
#[derive(Debug, Clone)]
pub struct Observed {
    current: String,
    permanent: String,
    way: Way,
}

/// Where the name is kept.
#[derive(Debug, Clone)]
enum Way {
    /// With systemd, by this program.
    Systemd(String),
    /// In a file, by this form; and what the file has now.
    File { path: PathBuf, form: Form, text: Option<String>, now: Option<String> },
}

/// How a file holds the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It is the name.
    Plain,
    /// `hostname="NAME"`.
    Quoted,
    /// `HOSTNAME=NAME`.
    Network,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody knows how.
    #[error("hostname module cannot be used on platform Linux ({0})")]
    Platform(String),
    /// systemd does not take it.
    #[error("name cannot be longer than 64 characters on systemd servers, try a shorter name")]
    TooLong,
    /// `/etc/sysconfig/network` has no name.
    #[error("Unable to locate HOSTNAME entry in {0}")]
    NoEntry(String),
    /// A way of another system.
    #[error("Task failed: Module failed.")]
    Foreign,
    /// The file is not written.
    #[error("failed to update hostname: {0}")]
    NotWritten(String),
    /// A program failed.
    #[error("Command failed rc={0}, out={1}, err={2}")]
    Failed(i32, String, String),
}

impl Module for Hostname {
    type Params = Params;
    type Observed = Observed;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let place = match params.r#use {
            Some(Use::Systemd | Use::Debian) => None,
            Some(Use::Foreign | Use::Solaris) => return Err(Stop::failed(Error::Foreign)),
            None if service_manager_of(host)? == "systemd" => None,
            Some(Use::Alpine) => Some(ALPINE),
            Some(Use::Openrc) => Some(OPENRC),
            Some(Use::Redhat) => Some(REDHAT),
            Some(Use::Sles) => Some(("/etc/HOSTNAME", Form::Plain, false)),
            None => Some(usual(host)?),
        };
        let Some((path, form, sets_now)) = place else {
            let program = program::required(host, "hostnamectl")?;
            let current = systemd(&program, "--transient", host)?;
            let permanent = systemd(&program, "--static", host)?;
            return Ok(Observed { current, permanent, way: Way::Systemd(program) });
        };
        let now = if sets_now { Some(program::required(host, "hostname")?) } else { None };
        in_file(Path::new(path), form, now, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let name = params.name.as_str();
        let differs = [&observed.permanent, &observed.current].map(|known| known != name);
        match &observed.way {
            Way::Systemd(program) => by_systemd(name, program, differs, observed, &mut plan)?,
            Way::File { path, form, text, now } if differs != [false, false] => {
                let write = WriteFile {
                    path: path.clone(),
                    content: Content::Bytes(renamed(*form, text.as_deref(), name).into_bytes()),
                    attributes: Attributes::default(),
                    validate: None,
                    backup: false,
                    unsafe_writes: true,
                };
                plan.push(Effect::WriteFile(write), format!("it is {}", observed.permanent));
                if let Some(program) = now {
                    let file = path.to_string_lossy().into_owned();
                    let command = program::command([program.clone(), "-F".to_owned(), file]);
                    let change = setting(observed.current.clone(), name, vec![command]);
                    plan.push(change, "the name that counts now");
                }
            }
            Way::File { .. } => {}
        }
        plan.set("name", name);
        let short = name.split('.').next().unwrap_or_default();
        plan.set("ansible_facts", json!({"ansible_hostname": short, "ansible_nodename": name}));
        Ok(plan)
    }

    fn revisit(
        _params: &Params,
        _observed: &Observed,
        host: &mut dyn Host,
        returned: &mut crate::contract::Returned,
    ) -> Result<(), Stop> {
        if host.rehearsed("hostname", "hostname").is_some() {
            return Ok(());
        }
        let full = super::setup::full_name_of(host)?;
        if let Some(Json::Object(facts)) = returned.get_mut("ansible_facts") {
            let domain = full.split_once('.').map(|(_, domain)| domain).unwrap_or_default();
            facts.insert("ansible_domain".to_owned(), Json::from(domain));
            facts.insert("ansible_fqdn".to_owned(), Json::from(full.clone()));
        }
        Ok(())
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match &error {
            HostError::CommandFailed { output, .. } => Stop::failed(Error::Failed(
                output.status,
                output.stdout_text(),
                output.stderr_text(),
            )),
            HostError::Io { path, .. } => Stop::failed(Error::NotWritten(error.in_python(path))),
            _ => Stop::Host(error),
        }
    }
}

fn setting(before: String, name: &str, commands: Vec<Command>) -> Effect {
    Effect::Setting(SettingChange {
        kind: "hostname".to_owned(),
        name: "hostname".to_owned(),
        before: Some(Json::from(before)),
        after: Some(Json::from(name)),
        commands,
        ..SettingChange::default()
    })
}

/// A file, its form, and whether `hostname -F` is run with it.
type Place = (&'static str, Form, bool);

const ALPINE: Place = ("/etc/hostname", Form::Plain, true);
const OPENRC: Place = ("/etc/conf.d/hostname", Form::Quoted, false);
const REDHAT: Place = ("/etc/sysconfig/network", Form::Network, false);

/// The place of the distribution where systemd does not run.
fn usual(host: &mut dyn Host) -> Result<Place, Stop> {
    let name = distribution_of(host)?;
    Ok(match name.as_str() {
        "Alpine" => ALPINE,
        "Gentoo" => OPENRC,
        "RedHat" | "CentOS" | "Anolis" | "CloudLinux" | "Alinux" | "Scientific" | "OracleLinux"
        | "Virtuozzo" | "Amazon" | "Altlinux" | "EuroLinux" => REDHAT,
        "Debian" | "Ubuntu" | "Kali" | "Parrot" | "Linux Mint" | "Devuan" | "Raspbian" | "Uos"
        | "Deepin" | "Kylin" | "Linaro" | "Neon" | "Void" | "Pop!_OS" | "Cumulus Linux" => {
            ("/etc/hostname", Form::Plain, false)
        }
        _ => return Err(Stop::failed(Error::Platform(name))),
    })
}

/// A name that systemd keeps, as a rehearsal left it.
fn systemd(program: &str, kind: &str, host: &mut dyn Host) -> Result<String, Stop> {
    if let Some(kept) = host.rehearsed("hostname", "hostname") {
        return Ok(kept.value.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned());
    }
    let output = program::query(host, [program, kind, "status"])?;
    if !output.success() {
        let (out, err) = (output.stdout_text(), output.stderr_text());
        return Err(Stop::failed(Error::Failed(output.status, out, err)));
    }
    Ok(output.stdout_text().trim().to_owned())
}

fn by_systemd(
    name: &str,
    program: &str,
    [permanent, current]: [bool; 2],
    observed: &Observed,
    plan: &mut Plan,
) -> Result<(), Stop> {
    let mut commands = Vec::new();
    // the permanent one first, or NetworkManager complains
    for (differs, options) in
        [(permanent, &["--pretty", "--static"][..]), (current, &["--transient"][..])]
    {
        if differs {
            let words = std::iter::once(program).chain(options.iter().copied());
            commands.push(program::command(words.chain(["set-hostname", name])));
        }
    }
    if commands.is_empty() {
        return Ok(());
    }
    if name.chars().count() > 64 {
        return Err(Stop::failed(Error::TooLong));
    }
    let before = if current { &observed.current } else { &observed.permanent };
    let reason = format!("it is {before}");
    plan.push(setting(before.clone(), name, commands), reason);
    Ok(())
}

fn in_file(
    path: &Path,
    form: Form,
    now: Option<String>,
    host: &mut dyn Host,
) -> Result<Observed, Stop> {
    let is_file = |stat: &crate::host::FileStat| stat.kind == FileKind::File;
    let text = match host.stat(path, Follow::Yes)?.filter(is_file) {
        Some(_) => Some(String::from_utf8_lossy(&host.read(path)?).into_owned()),
        None => None,
    };
    let prefix = match form {
        Form::Plain => "",
        Form::Quoted => "hostname=",
        Form::Network => "HOSTNAME=",
    };
    let held = text.as_deref().unwrap_or_default();
    let permanent = if form == Form::Plain {
        held.trim().to_owned()
    } else {
        let line = held.lines().find_map(|line| line.trim().strip_prefix(prefix));
        if line.is_none() && form == Form::Network {
            return Err(Stop::failed(Error::NoEntry(path.display().to_string())));
        }
        line.unwrap_or_default().trim().trim_matches('"').to_owned()
    };
    let way = Way::File { path: path.to_owned(), form, text, now };
    Ok(Observed { current: permanent.clone(), permanent, way })
}

/// The text of the file with another name.
fn renamed(form: Form, text: Option<&str>, name: &str) -> String {
    let (prefix, line) = match form {
        Form::Plain => return format!("{name}\n"),
        Form::Quoted => ("hostname=", format!("hostname=\"{name}\"")),
        Form::Network => ("HOSTNAME", format!("HOSTNAME={name}")),
    };
    let mut found = false;
    let mut lines: Vec<String> = Vec::new();
    for old in text.unwrap_or_default().lines() {
        if old.trim().starts_with(prefix) && !(found && form == Form::Quoted) {
            found = true;
            lines.push(line.clone());
        } else {
            lines.push(old.to_owned());
        }
    }
    if !found {
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Form, Hostname, Params, renamed};
    use crate::contract::Module as _;
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn params(arguments: &Json) -> Params {
        Params::parse("hostname", arguments.as_object().unwrap()).unwrap()
    }

    fn systemd(transient: &str, fixed: &str) -> MemoryHost {
        let output =
            |name: &str| Output { stdout: format!("{name}\n").into(), ..Output::default() };
        let program = "/usr/bin/hostnamectl";
        MemoryHost::new()
            .with_program("hostnamectl")
            .with_output(&[program, "--transient", "status"], output(transient))
            .with_output(&[program, "--static", "status"], output(fixed))
    }

    #[test]
    fn systemd_sets_what_differs() {
        let program = "/usr/bin/hostnamectl";
        let transient = format!("{program} --transient set-hostname new");
        let fixed = format!("{program} --pretty --static set-hostname new");
        let table: &[(&str, &str, &[&String])] = &[
            ("new", "new", &[]),
            ("old", "new", &[&transient]),
            ("new", "old", &[&fixed]),
            ("old", "old", &[&fixed, &transient]),
        ];
        for (current, permanent, expected) in table {
            let given = params(&json!({"name": "new", "use": "systemd"}));
            let mut host = systemd(current, permanent);
            let observed = Hostname::observe(&given, &mut host).unwrap();
            let plan = Hostname::plan(&given, &observed).unwrap();
            let commands: Vec<String> = plan
                .effects
                .iter()
                .flat_map(|planned| match &planned.effect {
                    Effect::Setting(change) => change.commands.clone(),
                    other => panic!("{other:?}"),
                })
                .map(|command| command.argv.join(" "))
                .collect();
            assert_eq!(commands.iter().collect::<Vec<_>>(), *expected);
        }
    }

    #[test]
    fn files_keep_their_other_lines() {
        let table = [
            (Form::Plain, Some("old\n"), "new\n"),
            (Form::Network, Some("A=b\nHOSTNAME=old\n"), "A=b\nHOSTNAME=new\n"),
            (Form::Network, Some("A=b\n"), "A=b\nHOSTNAME=new\n"),
            (Form::Quoted, Some("# x\nhostname=\"old\"\n"), "# x\nhostname=\"new\"\n"),
        ];
        for (form, text, expected) in table {
            assert_eq!(renamed(form, text, "new"), expected);
        }
    }
}

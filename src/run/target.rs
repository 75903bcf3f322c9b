//! Which connection and which privilege a task takes: variables win over keywords, keywords over
//! the command line.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use minijinja::value::ValueKind;

use crate::connection::ssh_config::Home;
use crate::connection::{Asking, BecomeMethod, HostKeys, Privilege, Secret, Target, Transport};
use crate::template::{TemplateError, TemplateErrorKind};
use crate::vars::Scope;

use super::keyword::{KeywordError, KeywordReader, truth};
use super::settings::RunSettings;

/// The address and manner to reach a host by its variables.
pub(crate) fn target(
    host: &str,
    scope: &Scope,
    keywords: Option<KeywordReader<'_>>,
    settings: &RunSettings,
) -> Result<Target, KeywordError> {
    let defaults = &settings.connection;
    let variables = Variables { scope };
    let keyword = |keyword, pick| match keywords {
        Some(reader) => reader.text(keyword, pick),
        None => Ok(None),
    };
    let transport = match first([
        variables.text(&["ansible_connection"])?,
        keyword("connection", |level| level.connection.as_ref())?,
    ]) {
        Some(word) => transport(&word)?,
        None => defaults.transport,
    };
    let user = first([
        variables.text(&["ansible_ssh_user", "ansible_user"])?,
        keyword("remote_user", |level| level.remote_user.as_ref())?,
        defaults.user.clone(),
    ]);
    let port = first([
        variables.text(&["ansible_ssh_port", "ansible_port"])?,
        keyword("port", |level| level.port.as_ref())?,
        defaults.port.map(|port| port.to_string()),
    ]);
    let mut ssh_arguments = Vec::new();
    for name in ["ansible_ssh_common_args", "ansible_ssh_extra_args"] {
        if let Some(text) = variables.text(&[name])? {
            ssh_arguments.extend(words(name, &text)?);
        }
    }
    ssh_arguments.extend(defaults.ssh_arguments.iter().cloned());
    let timeout = variables
        .text(&["ansible_ssh_timeout", "ansible_timeout"])?
        .and_then(|text| text.parse().ok())
        .map_or(defaults.timeout, Duration::from_secs);
    Ok(Target {
        name: host.to_owned(),
        transport,
        address: variables
            .text(&["ansible_ssh_host", "ansible_host"])?
            .unwrap_or_else(|| host.to_owned()),
        port: port.map(|text| number(&text)).transpose()?,
        user,
        private_key: variables
            .text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
            .map(expand_home)
            .or_else(|| defaults.private_key.clone()),
        password: variables
            .text(&["ansible_ssh_pass", "ansible_ssh_password", "ansible_password"])?
            .map(Secret::new)
            .or_else(|| defaults.password.clone()),
        ssh_arguments,
        connect_timeout: timeout,
        host_keys: match variables
            .text(&["ansible_ssh_host_key_checking", "ansible_host_key_checking"])?
        {
            Some(word) if truth(&word.as_str().into()) == Some(false) => HostKeys::Off,
            _ => defaults.host_keys,
        },
    })
}

/// The privilege that a task takes on the host with these variables, where it logs in so.
pub(crate) fn privilege(
    scope: &Scope,
    keywords: KeywordReader<'_>,
    settings: &RunSettings,
    target: &Target,
) -> Result<Privilege, KeywordError> {
    let defaults = &settings.privilege;
    let variables = Variables { scope };
    let wanted = match variables.text(&["ansible_become"])? {
        Some(word) => truth(&word.as_str().into()).unwrap_or(false),
        None => keywords
            .boolean("become", |level| level.r#become.as_ref())?
            .unwrap_or(defaults.r#become),
    };
    if !wanted {
        return Ok(Privilege::Same);
    }
    let method = match first([
        variables.text(&["ansible_become_method"])?,
        keywords.text("become_method", |level| level.become_method.as_ref())?,
    ]) {
        Some(word) => become_method(&word)?,
        None => defaults.method,
    };
    let program = defaults.programs.get(&method).cloned().unwrap_or_default();
    // the program's own variables win over those of all programs
    let variable = |option: &str, common: &[&str]| {
        let own = format!("ansible_{method}_{option}");
        let names: Vec<&str> =
            std::iter::once(own.as_str()).chain(common.iter().copied()).collect();
        variables.text(&names)
    };
    let patience = match target.transport {
        Transport::Local => variables
            .text(&["ansible_local_become_success_timeout"])?
            .and_then(|text| text.trim().parse().ok())
            .map_or(Asking::default().patience, Duration::from_secs),
        Transport::Ssh | Transport::OpenSsh => target.connect_timeout + Duration::from_secs(2),
    };
    Ok(Privilege::Become {
        method,
        user: first([
            variable("user", &["ansible_become_user"])?,
            keywords.text("become_user", |level| level.become_user.as_ref())?,
        ])
        .unwrap_or_else(|| defaults.user.clone()),
        executable: first([
            variable("exe", &["ansible_become_exe"])?,
            keywords.text("become_exe", |level| level.become_exe.as_ref())?,
            program.executable,
        ]),
        flags: first([
            variable("flags", &["ansible_become_flags"])?,
            keywords.text("become_flags", |level| level.become_flags.as_ref())?,
            program.flags,
        ]),
        directory: variable("chdir", &[])?
            .or(program.directory)
            .filter(|directory| method == BecomeMethod::Sudo && !directory.is_empty()),
        password: variable("pass", &["ansible_become_pass", "ansible_become_password"])?
            .map(Secret::new)
            .or_else(|| defaults.password.clone())
            .or(program.password),
        asking: Asking {
            prompts: match method {
                BecomeMethod::Su => variables.texts("ansible_su_prompt_l10n")?,
                BecomeMethod::Sudo | BecomeMethod::Doas => None,
            }
            .unwrap_or(program.prompts),
            patience,
        },
    })
}

/// The privilege without one that the login has already, as in Ansible: `become` to the user who
/// is logged in needs no `sudo` on the host. An unnamed login may be anybody.
pub(crate) fn without_same_user(
    privilege: Privilege,
    target: &Target,
    settings: &RunSettings,
) -> Privilege {
    match &privilege {
        Privilege::Become { user, .. }
            if !settings.privilege.allow_same_user && is_login(user, target) =>
        {
            Privilege::Same
        }
        Privilege::Become { .. } | Privilege::Same => privilege,
    }
}

fn is_login(user: &str, target: &Target) -> bool {
    static LOCAL: LazyLock<String> = LazyLock::new(|| Home::of_process().user);
    match target.transport {
        Transport::Local => *LOCAL == user,
        Transport::Ssh | Transport::OpenSsh => target.user.as_deref() == Some(user),
    }
}

struct Variables<'a> {
    scope: &'a Scope,
}

impl Variables<'_> {
    /// A variable as a list of texts: a list, or text with commas.
    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, KeywordError> {
        let Some(value) = self.scope.value(name)? else { return Ok(None) };
        Ok(match value.kind() {
            ValueKind::None | ValueKind::Undefined => None,
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter().into_iter().flatten();
                Some(items.map(|item| super::keyword::python_text(&item)).collect())
            }
            _ => {
                let text = super::keyword::python_text(&value);
                Some(text.split(',').map(|word| word.trim().to_owned()).collect())
            }
        })
    }

    /// The first of these variables that is set, as text.
    fn text(&self, names: &[&str]) -> Result<Option<String>, KeywordError> {
        for name in names {
            // what keywords and settings imply comes after this
            if self.scope.find(name).is_some()
                && let Some(value) = self.scope.value(name)?
            {
                match value.kind() {
                    ValueKind::None | ValueKind::Undefined => {}
                    _ => return Ok(Some(super::keyword::python_text(&value))),
                }
            }
        }
        Ok(None)
    }
}

fn first<const N: usize>(candidates: [Option<String>; N]) -> Option<String> {
    candidates.into_iter().flatten().next()
}

/// The transport that a word names.
pub fn transport(word: &str) -> Result<Transport, TemplateError> {
    match word.rsplit('.').next().unwrap_or(word) {
        "ssh" | "smart" | "russh" | "paramiko" => Ok(Transport::Ssh),
        "openssh" => Ok(Transport::OpenSsh),
        "local" => Ok(Transport::Local),
        _ => Err(failed(format!(
            "connection `{word}` is not supported; try `ssh`, `openssh` or `local`"
        ))),
    }
}

/// The way to privilege that a word names.
pub fn become_method(word: &str) -> Result<BecomeMethod, TemplateError> {
    match word.rsplit('.').next().unwrap_or(word) {
        "sudo" => Ok(BecomeMethod::Sudo),
        "su" => Ok(BecomeMethod::Su),
        "doas" => Ok(BecomeMethod::Doas),
        _ => Err(failed(format!(
            "become method `{word}` is not supported; try `sudo`, `su` or `doas`"
        ))),
    }
}

fn words(name: &str, text: &str) -> Result<Vec<String>, TemplateError> {
    shell_words::split(text).map_err(|error| failed(format!("cannot split `{name}`: {error}")))
}

fn number(text: &str) -> Result<u16, TemplateError> {
    text.trim().parse().map_err(|_| failed(format!("`{text}` is not a port number")))
}

fn failed(message: String) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Failed(message))
}

fn expand_home(path: String) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_login_of_that_name_is_enough() {
        let local = Home::of_process().user;
        for (transport, login, user, enough) in [
            (Transport::Ssh, Some("root"), "root", true),
            (Transport::OpenSsh, Some("root"), "root", true),
            (Transport::Ssh, Some("deploy"), "root", false),
            (Transport::Ssh, None, "root", false),
            (Transport::Local, None, local.as_str(), true),
            (Transport::Local, Some("somebody"), "somebody", false),
        ] {
            let target = Target {
                name: "h".to_owned(),
                transport,
                address: "h".to_owned(),
                port: None,
                user: login.map(str::to_owned),
                private_key: None,
                password: None,
                ssh_arguments: Vec::new(),
                connect_timeout: Duration::from_secs(1),
                host_keys: HostKeys::Strict,
            };
            assert_eq!(is_login(user, &target), enough, "{transport:?} {login:?} {user}");
        }
    }
}

//! Variables that say how a task logs in (`ansible_user`, `ansible_connection` …), where nothing
//! sets them: Ansible derives them from keywords and settings for each task.
//!
//! They are there for conditions, arguments and keywords of the task; a loop, the task's name, `vars`
//! and `hostvars` do not have them. Each property has several names: where one of them is set, it is
//! the value of the others.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;

use crate::connection::Transport;
use crate::graph::StepTask;
use crate::template::{Failure, Outcome, Templar, TemplateErrorKind};
use crate::vars::{Implied, Scope};

use super::keyword::{KeywordError, KeywordReader};
use super::settings::RunSettings;

/// The names of this machine.
const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a task's login is made of. Values of the run may hold it: it must not hold the run.
pub(crate) struct LoginVariables {
    pub templar: Arc<Templar>,
    pub settings: Arc<RunSettings>,
    pub task: Arc<StepTask>,
    /// The task's host.
    pub host: String,
    /// The host that it is delegated to, and what is set for that one.
    pub away: Option<(String, Scope)>,
}

impl fmt::Debug for LoginVariables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LoginVariables").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A property of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Connection,
    Address,
    User,
    Password,
    Port,
    Timeout,
    PrivateKey,
    Pipelining,
    Executable,
    ConnectionUser,
    ModuleCompression,
}

impl Property {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "ansible_connection" => Self::Connection,
            "ansible_ssh_host" | "ansible_host" => Self::Address,
            "ansible_ssh_user" | "ansible_user" => Self::User,
            "ansible_ssh_pass" | "ansible_password" => Self::Password,
            "ansible_ssh_port" | "ansible_port" => Self::Port,
            "ansible_ssh_timeout" | "ansible_timeout" => Self::Timeout,
            "ansible_ssh_private_key_file" | "ansible_private_key_file" => Self::PrivateKey,
            "ansible_ssh_pipelining" | "ansible_pipelining" => Self::Pipelining,
            "ansible_shell_executable" => Self::Executable,
            "ansible_connection_user" => Self::ConnectionUser,
            "ansible_module_compression" => Self::ModuleCompression,
            _ => return None,
        })
    }

    /// The variables that set it, the strongest first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Connection => &["ansible_connection"],
            Self::Address => &["ansible_ssh_host", "ansible_host"],
            Self::User => &["ansible_ssh_user", "ansible_user"],
            Self::Password => &["ansible_ssh_pass", "ansible_password"],
            Self::Port => &["ansible_ssh_port", "ansible_port"],
            Self::Timeout => &["ansible_ssh_timeout", "ansible_timeout"],
            Self::PrivateKey => &["ansible_ssh_private_key_file", "ansible_private_key_file"],
            Self::Pipelining => &["ansible_ssh_pipelining", "ansible_pipelining"],
            Self::Executable => &["ansible_shell_executable"],
            Self::ConnectionUser => &["ansible_connection_user"],
            Self::ModuleCompression => &["ansible_module_compression"],
        }
    }
}

impl Implied for LoginVariables {
    fn value(&self, name: &str, scope: &Scope) -> Outcome<Option<Value>> {
        Property::of(name).map_or(Ok(None), |property| self.property(property, &scope.stated()))
    }
}

impl LoginVariables {
    /// A property; `scope` is without what this type adds.
    fn property(&self, property: Property, scope: &Scope) -> Outcome<Option<Value>> {
        let seen = self.away.as_ref().map_or(scope, |(_, away)| away);
        for name in property.names() {
            if seen.find(name).is_some()
                && let Some(value) = seen.lookup(name)?
            {
                return Ok(Some(typed(property, value)));
            }
        }
        let defaults = &self.settings.connection;
        Ok(match property {
            Property::Connection => Some(self.connection(scope)?),
            Property::Address => Some(Value::from(self.name())),
            Property::User => {
                let user = self.keyword(scope, "remote_user")?;
                user.or_else(|| defaults.user.clone()).map(Value::from)
            }
            Property::ConnectionUser => {
                let connection = self.property(Property::Connection, scope)?;
                match connection.as_ref().and_then(Value::as_str) {
                    Some("local") => self.property(Property::User, scope)?,
                    _ => None,
                }
            }
            Property::Password => {
                defaults.password.as_ref().map(|password| Value::from(password.expose()))
            }
            Property::Port => defaults.port.map(Value::from),
            Property::Timeout => Some(Value::from(defaults.timeout.as_secs())),
            Property::PrivateKey => {
                defaults.private_key.as_ref().map(|key| Value::from(key.to_string_lossy()))
            }
            Property::Pipelining => {
                Some(Value::from(crate::settings::current().boolean("ANSIBLE_PIPELINING")))
            }
            Property::Executable => {
                crate::settings::current().text("DEFAULT_EXECUTABLE").map(Value::from)
            }
            Property::ModuleCompression => {
                crate::settings::current().text("DEFAULT_MODULE_COMPRESSION").map(Value::from)
            }
        })
    }

    /// The host that is logged in to.
    fn name(&self) -> &str {
        self.away.as_ref().map_or(self.host.as_str(), |(host, _)| host)
    }

    fn connection(&self, scope: &Scope) -> Outcome<Value> {
        let usual = match self.settings.connection.transport {
            Transport::Local => "local",
            Transport::Ssh | Transport::OpenSsh => "ssh",
        };
        let said = self.keyword(scope, "connection")?;
        let said = said.unwrap_or_else(|| usual.to_owned());
        let Some((host, _)) = &self.away else { return Ok(Value::from(said)) };
        let address = self.property(Property::Address, scope)?;
        let is_here = |name: &str| LOCALHOST.contains(&name);
        let here = is_here(host) && address.as_ref().and_then(Value::as_str).is_some_and(is_here);
        Ok(Value::from(match (here, said.as_str()) {
            (true, _) => "local",
            (false, "local") => "ssh",
            (false, said) => said,
        }))
    }

    fn keyword(&self, scope: &Scope, keyword: &'static str) -> Outcome<Option<String>> {
        let reader = KeywordReader::of(&self.templar, scope, &self.task);
        let text = reader.text(
            keyword,
            match keyword {
                "connection" => |level| level.connection.as_ref(),
                _ => |level| level.remote_user.as_ref(),
            },
        );
        text.map_err(|error| {
            Failure::new(match error {
                KeywordError::Template(error) | KeywordError::Rendering { error, .. } => error.kind,
                error => TemplateErrorKind::Failed(error.to_string()),
            })
        })
    }
}

/// Numbers that variables write as text.
fn typed(property: Property, value: Value) -> Value {
    match property {
        Property::Port | Property::Timeout => {
            let number = value.as_str().and_then(|text| text.trim().parse::<u64>().ok());
            number.map_or(value, Value::from)
        }
        _ => value,
    }
}

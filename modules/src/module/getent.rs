//! `ansible.builtin.getent`: reads entries of the host's databases (`passwd`, `group`, `services` …).
//!
//! Follows the module of ansible-core 2.19, through `getent`. Check mode: full; of `passwd` and
//! `group` a rehearsal knows a named account that an earlier task makes, changes or removes.
//! Diff: none.
//!
//! ```yaml
//! - name: Who is root?
//!   ansible.builtin.getent:
//!     database: passwd
//!     key: root
//! - ansible.builtin.debug:
//!     var: ansible_facts.getent_passwd.root
//! ```
//!
//! Returns `ansible_facts.getent_DATABASE`: the fields of each entry by its name.

use serde_json::{Map, Value as Json};

use super::program;
use crate::contract::{Module, Plan, Returned, Stop};
use crate::effect::Output;
use crate::host::{AccountKey, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.getent`.
    pub struct Params {
        /// The database.
        database: String,
        /// The entry; without, all are read.
        key: Option<String>,
        /// The service of the name service switch that is asked (`files`, `ldap` …).
        service: Option<String>,
        /// What separates the fields; by default a colon or white space, as the database has it.
        split: Option<String>,
        /// Whether an entry that is not there is a failure.
        fail_key: bool = true,
    }
}

/// The module.
#[derive(Debug)]
pub struct Getent;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such database.
    #[error("Missing arguments, or database unknown.")]
    Database,
    /// There is no such entry.
    #[error("One or more supplied key could not be found in the database.")]
    Key,
    /// All entries are not to be had.
    #[error("Enumeration not supported on this database.")]
    Enumeration,
    /// Something else.
    #[error("Unexpected failure!")]
    Other,
    /// Fields cannot be separated by nothing.
    #[error("empty separator")]
    Separator,
}

impl Module for Getent {
    type Params = Params;
    type Observed = Output;

    const RETURNS_FACTS: bool = true;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Output, Stop> {
        let mut argv = vec![program::required(host, "getent")?, params.database.clone()];
        argv.extend(params.key.clone());
        if let Some(service) = &params.service {
            argv.extend(["-s".to_owned(), service.clone()]);
        }
        let mut output = program::query(host, argv)?;
        if let (Some(key), None) = (&params.key, &params.service) {
            rehearse(&params.database, key, &mut output, host)?;
        }
        Ok(output)
    }

    fn plan(params: &Params, output: &Output) -> Result<Plan, Stop> {
        let fact = format!("getent_{}", params.database);
        let mut plan = Plan::nothing();
        let facts = |entries: Json| Json::Object(Map::from_iter([(fact.clone(), entries)]));
        let error = match output.status {
            0 => {
                let found = entries(&output.stdout_text(), separator(params)?);
                plan.set("ansible_facts", facts(Json::Object(found)));
                return Ok(plan);
            }
            1 => Error::Database,
            2 => Error::Key,
            3 => Error::Enumeration,
            _ => Error::Other,
        };
        match (&error, &params.key) {
            (Error::Key, Some(key)) if !params.fail_key => {
                let none = Map::from_iter([(key.clone(), Json::Null)]);
                plan.set("ansible_facts", facts(Json::Object(none)));
                plan.set("msg", error.to_string());
                Ok(plan)
            }
            _ => Err(Stop::failed(error)),
        }
    }
}

/// What fields are separated by; `None` is white space.
fn separator(params: &Params) -> Result<Option<&str>, Stop> {
    let colons = matches!(params.database.as_str(), "passwd" | "shadow" | "group" | "gshadow");
    match params.split.as_deref() {
        Some("") => Err(Stop::failed(Error::Separator)),
        Some(split) => Ok(Some(split)),
        None => Ok(colons.then_some(":")),
    }
}

/// The fields of each entry by its first; an entry that comes again makes a list of lists.
fn entries(text: &str, separator: Option<&str>) -> Returned {
    let mut found: Returned = Map::new();
    let mut again: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut fields: Vec<&str> = match separator {
            Some(separator) => line.split(separator).collect(),
            None => line.split_whitespace().collect(),
        };
        if fields.is_empty() {
            continue;
        }
        let name = fields.remove(0).to_owned();
        let fields = Json::from(fields);
        match found.get_mut(&name) {
            None => {
                found.insert(name, fields);
            }
            Some(Json::Array(known)) if again.contains(&name) => known.push(fields),
            Some(known) => {
                *known = Json::from(vec![known.take(), fields]);
                again.push(name);
            }
        }
    }
    found
}

/// Puts in what the host would have: accounts that earlier effects made, changed or removed.
fn rehearse(
    database: &str,
    key: &str,
    output: &mut Output,
    host: &mut dyn Host,
) -> Result<(), HostError> {
    let account = AccountKey::Name(key.to_owned());
    let line = match database {
        "passwd" => match host.user(&account)? {
            None => None,
            Some(user) => {
                let numbers = user.uid.zip(user.gid);
                let (uid, gid) = numbers.ok_or_else(|| unknown("user", key))?;
                let (home, shell) = (user.home.display(), &user.shell);
                Some(format!("{}:x:{uid}:{gid}:{}:{home}:{shell}", user.name, user.comment))
            }
        },
        "group" => match host.group(&account)? {
            None => None,
            Some(group) => {
                let gid = group.gid.ok_or_else(|| unknown("group", key))?;
                Some(format!("{}:x:{gid}:{}", group.name, group.members.join(",")))
            }
        },
        "shadow" if output.status == 2 && host.user(&account)?.is_some() => {
            // only root reads it, and only a rehearsal knows a user without it
            let identity = host.identity()?;
            return if identity.id == Some(0) { Err(unknown("user", key)) } else { Ok(()) };
        }
        _ => return Ok(()),
    };
    match (line, output.status) {
        (Some(line), 0) => {
            let told = output.stdout_text();
            let fields = |line: &str| {
                line.trim_end().split(':').skip(2).map(str::to_owned).collect::<Vec<_>>()
            };
            if told.lines().count() == 1 && fields(&told) != fields(&line) {
                output.stdout = format!("{line}\n").into_bytes();
            }
        }
        (Some(line), 2) => {
            *output = Output { stdout: format!("{line}\n").into_bytes(), ..Output::default() };
        }
        (None, 0) => *output = Output { status: 2, ..Output::default() },
        _ => {}
    }
    Ok(())
}

fn unknown(kind: &str, name: &str) -> HostError {
    HostError::Unknown(format!("{kind} `{name}` would be made first"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Getent, Params};
    use crate::contract::Module as _;
    use crate::effect::Output;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn params(arguments: &Json) -> Params {
        Params::parse("getent", arguments.as_object().unwrap()).unwrap()
    }

    fn output(status: i32, stdout: &str) -> Output {
        Output { status, stdout: stdout.into(), ..Output::default() }
    }

    #[test]
    fn entries_are_read_as_ansible_reads_them() {
        let table = [
            (
                json!({"database": "passwd"}),
                "root:x:0:0:root:/root:/bin/sh\n",
                json!({"root": ["x", "0", "0", "root", "/root", "/bin/sh"]}),
            ),
            (
                json!({"database": "ahosts"}),
                "1.1.1.1  STREAM one\n1.1.1.1  DGRAM\n1.1.1.1  RAW\n::1 STREAM\n",
                json!({"1.1.1.1": [["STREAM", "one"], ["DGRAM"], ["RAW"]], "::1": ["STREAM"]}),
            ),
            (json!({"database": "x", "split": "|"}), "a|b|\n", json!({"a": ["b", ""]})),
        ];
        for (arguments, stdout, expected) in table {
            let given = params(&arguments);
            let plan = Getent::plan(&given, &output(0, stdout)).unwrap();
            let fact = format!("getent_{}", given.database);
            assert_eq!(plan.returned["ansible_facts"][&fact], expected, "{arguments}");
        }
    }

    #[test]
    fn failures_are_told_by_the_status() {
        for (status, message) in [
            (1, "Missing arguments, or database unknown."),
            (2, "One or more supplied key could not be found in the database."),
            (3, "Enumeration not supported on this database."),
            (9, "Unexpected failure!"),
        ] {
            let given = params(&json!({"database": "passwd", "key": "x"}));
            let stop = Getent::plan(&given, &output(status, "")).unwrap_err();
            assert_eq!(stop.to_string(), message);
        }
        let given = params(&json!({"database": "passwd", "key": "x", "fail_key": false}));
        let plan = Getent::plan(&given, &output(2, "")).unwrap();
        assert_eq!(plan.returned["ansible_facts"], json!({"getent_passwd": {"x": null}}));
    }

    #[test]
    fn accounts_of_the_rehearsal_count() {
        let given = params(&json!({"database": "passwd", "key": "ann"}));
        let mut host = MemoryHost::new()
            .with_program("getent")
            .with_user("ann", 7)
            .with_output(&["/usr/bin/getent", "passwd", "ann"], output(2, ""));
        let found = Getent::observe(&given, &mut host).unwrap();
        assert_eq!(found.stdout_text(), "ann:x:7:7::/home/ann:/bin/sh\n");
    }
}

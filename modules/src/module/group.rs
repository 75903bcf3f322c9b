//! `ansible.builtin.group`: creates, changes and removes groups.
//!
//! Follows the module of ansible-core 2.19, through `groupadd`, `groupmod` and `groupdel`,
//! those of libuser where `local` asks for them, or busybox's `addgroup` and `delgroup` where those are missing. Check mode: full. Diff: none.
//!
//! Differs from Ansible: busybox cannot change the number of a group, which is refused.
//!
//! ```yaml
//! - name: A group for those who deploy
//!   ansible.builtin.group:
//!     name: deploy
//!     gid: 1500
//! ```
//!
//! Returns `name`, `state`, `gid`, `system`.

use serde_json::Value as Json;

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{AccountAction, Applied, Command, Effect, GroupChange};
use crate::host::{AccountKey, Group as Found, Host, HostError};
use crate::{choices, params};

choices! {
    /// Whether an account shall be there.
    pub enum State {
        /// It is not there.
        Absent = "absent",
        /// It is there.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.builtin.group`.
    pub struct Params {
        /// The group.
        name: String,
        /// Its number.
        gid: Option<u32>,
        /// Whether it shall be there.
        state: State = State::Present,
        /// Whether a new group gets a number from the system's range.
        system: bool = false,
        /// Whether only local databases are changed, through libuser.
        local: bool = false,
        /// Whether a number may be used twice; needs `gid`.
        non_unique: bool = false,
        /// Whether a group is removed even when it is the primary group of a user.
        force: bool = false,
        /// The lowest number for a new group.
        gid_min: Option<u32>,
        /// The highest number for a new group.
        gid_max: Option<u32>,
    }
}

/// The module.
#[derive(Debug)]
pub struct Group;

/// What is known of the group.
#[derive(Debug, Clone)]
pub struct Observed {
    found: Option<Found>,
    tools: Tools,
}

/// The programs that change accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tools {
    /// `useradd`, `groupadd` …
    Shadow,
    /// `luseradd`, `lgroupadd` … of libuser, which change local databases only.
    Libuser,
    /// `adduser`, `addgroup` …
    Busybox,
}

impl Tools {
    /// The programs of the host; `local` asks for those of libuser.
    pub(super) fn find(
        host: &mut dyn Host,
        program: &'static str,
        local: bool,
    ) -> Result<Self, Stop> {
        if !local {
            return Self::of(host, program);
        }
        super::program::required(host, &format!("l{program}"))?;
        Ok(Self::Libuser)
    }

    fn of(host: &mut dyn Host, program: &'static str) -> Result<Self, Stop> {
        if host.find_program(program)?.is_some() {
            return Ok(Self::Shadow);
        }
        let other = if program.starts_with("user") { "adduser" } else { "addgroup" };
        if host.find_program(other)?.is_some() {
            return Ok(Self::Busybox);
        }
        Err(Stop::failed(Error::NoProgram(program)))
    }

    /// Prints an entry of a database, to learn what a change made of it.
    pub(super) fn lookup(self, database: &str, name: &str) -> Command {
        match self {
            Self::Shadow | Self::Libuser => Command::new(["getent", database, name]),
            Self::Busybox => {
                Command::new(["grep", &format!("^{name}:"), &format!("/etc/{database}")])
            }
        }
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Accounts cannot be changed here.
    #[error("Failed to find required executable \"{0}\"")]
    NoProgram(&'static str),
    /// An option that does not go with `local`.
    #[error("'{0}' can not be used with 'local'")]
    Local(&'static str),
    /// `non_unique` without a number.
    #[error("non_unique is True but all of the following are missing: gid")]
    NonUnique,
    /// busybox has no `groupmod`.
    #[error("cannot change the gid of group `{0}`: there is no `groupmod`")]
    NoGroupmod(String),
}

impl Module for Group {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        for (name, limit) in [("gid_min", params.gid_min), ("gid_max", params.gid_max)] {
            if params.local && limit.is_some() {
                return Err(Stop::failed(Error::Local(name)));
            }
        }
        let found = host.group(&AccountKey::Name(params.name.clone()))?;
        Ok(Observed { found, tools: Tools::find(host, "groupadd", params.local)? })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        if params.non_unique && params.gid.is_none() {
            return Err(Stop::failed(Error::NonUnique));
        }
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("state", params.state.word());
        let change = match (params.state, &observed.found) {
            (State::Absent, None) => None,
            (State::Absent, Some(_)) => Some((
                AccountAction::Remove,
                "it exists".to_owned(),
                vec![removal(params, observed.tools)],
            )),
            (State::Present, None) => {
                let commands = vec![
                    creation(params, observed.tools),
                    observed.tools.lookup("group", &params.name),
                ];
                Some((AccountAction::Create, "it does not exist".to_owned(), commands))
            }
            (State::Present, Some(found)) => match params.gid {
                Some(gid) if found.gid != Some(gid) => {
                    if observed.tools == Tools::Busybox {
                        return Err(Stop::failed(Error::NoGroupmod(params.name.clone())));
                    }
                    let program = if params.local { "lgroupmod" } else { "groupmod" }.to_owned();
                    let mut argv = vec![program, "-g".to_owned(), gid.to_string()];
                    argv.extend(params.non_unique.then(|| "-o".to_owned()));
                    argv.push(params.name.clone());
                    let was = found.gid.map_or_else(|| "unknown".to_owned(), |gid| gid.to_string());
                    Some((
                        AccountAction::Modify,
                        format!("gid is {was}, not {gid}"),
                        vec![Command::new(argv)],
                    ))
                }
                _ => None,
            },
        };
        if params.state == State::Present {
            plan.set("system", params.system);
            let gid = params.gid.or_else(|| observed.found.as_ref().and_then(|found| found.gid));
            if let Some(gid) = gid {
                plan.set("gid", gid);
            }
        }
        if let Some((action, reason, commands)) = change {
            let change =
                GroupChange { action, name: params.name.clone(), commands, gid: params.gid };
            plan.push(Effect::Group(change), reason);
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        if let (None, Some(Applied::Ran(output))) = (&observed.found, applied.first()) {
            let entry = output.stdout_text();
            if let Some(gid) = entry.split(':').nth(2).and_then(|gid| gid.parse::<u32>().ok()) {
                returned.insert("gid".to_owned(), Json::from(gid));
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(params: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match &error {
            HostError::CommandFailed { output, .. } => {
                Stop::failed(output.stderr_text()).with("name", params.name.clone())
            }
            _ => Stop::Host(error),
        }
    }
}

fn creation(params: &Params, tools: Tools) -> Command {
    let mut argv = Vec::new();
    let gid = params.gid.map(|gid| gid.to_string());
    match tools {
        Tools::Shadow | Tools::Libuser => {
            argv.push(if params.local { "lgroupadd" } else { "groupadd" }.to_owned());
            if let Some(gid) = gid {
                argv.extend(["-g".to_owned(), gid]);
                argv.extend(params.non_unique.then(|| "-o".to_owned()));
            }
            argv.extend(params.system.then(|| "-r".to_owned()));
            for (name, limit) in [("GID_MIN", params.gid_min), ("GID_MAX", params.gid_max)] {
                if let Some(limit) = limit {
                    argv.extend(["-K".to_owned(), format!("{name}={limit}")]);
                }
            }
        }
        Tools::Busybox => {
            argv.push("addgroup".to_owned());
            if let Some(gid) = gid {
                argv.extend(["-g".to_owned(), gid]);
            }
            argv.extend(params.system.then(|| "-S".to_owned()));
        }
    }
    argv.push(params.name.clone());
    Command::new(argv)
}

fn removal(params: &Params, tools: Tools) -> Command {
    let mut argv = match tools {
        Tools::Shadow => vec!["groupdel".to_owned()],
        Tools::Libuser => vec!["lgroupdel".to_owned()],
        Tools::Busybox => vec!["delgroup".to_owned()],
    };
    argv.extend((params.force && tools == Tools::Shadow).then(|| "-f".to_owned()));
    argv.push(params.name.clone());
    Command::new(argv)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Group, Observed, Params, Tools};
    use crate::contract::Module as _;
    use crate::effect::{Applied, Effect, Output};
    use crate::host::Group as Found;
    use crate::params::Params as _;

    fn params(mut arguments: Json) -> Params {
        arguments["name"] = json!("g");
        Params::parse("group", arguments.as_object().unwrap()).unwrap()
    }

    fn there(gid: u32) -> Option<Found> {
        Some(Found { name: "g".to_owned(), gid: Some(gid), members: Vec::new() })
    }

    #[test]
    fn groups_are_made_changed_and_removed() {
        let table: &[(Json, Option<Found>, Tools, &[&str])] = &[
            (json!({}), there(5), Tools::Shadow, &[]),
            (json!({"gid": 5}), there(5), Tools::Shadow, &[]),
            (json!({}), None, Tools::Shadow, &["groupadd g", "getent group g"]),
            (
                json!({"gid": 7, "system": true, "non_unique": true}),
                None,
                Tools::Shadow,
                &["groupadd -g 7 -o -r g", "getent group g"],
            ),
            (
                json!({"gid": 7, "system": true}),
                None,
                Tools::Busybox,
                &["addgroup -g 7 -S g", "grep ^g: /etc/group"],
            ),
            (json!({"gid": 7}), there(5), Tools::Shadow, &["groupmod -g 7 g"]),
            (json!({"state": "absent"}), there(5), Tools::Shadow, &["groupdel g"]),
            (
                json!({"state": "absent", "force": true}),
                there(5),
                Tools::Shadow,
                &["groupdel -f g"],
            ),
            (json!({"state": "absent"}), None, Tools::Shadow, &[]),
        ];
        for (arguments, found, tools, expected) in table {
            let observed = Observed { found: found.clone(), tools: *tools };
            let plan = Group::plan(&params(arguments.clone()), &observed).unwrap();
            let commands: Vec<String> = plan
                .effects
                .iter()
                .flat_map(|planned| match &planned.effect {
                    Effect::Group(change) => change.commands.clone(),
                    other => panic!("{other:?}"),
                })
                .map(|command| command.argv.join(" "))
                .collect();
            assert_eq!(commands, *expected, "{arguments}");
        }
    }

    #[test]
    fn the_number_of_a_new_group_is_read_back() {
        let given = params(json!({}));
        let observed = Observed { found: None, tools: Tools::Shadow };
        let plan = Group::plan(&given, &observed).unwrap();
        let output = Output { stdout: b"g:x:1002:\n".to_vec(), ..Output::default() };
        let conclusion =
            Group::conclude(&given, &observed, &plan, &[Applied::Ran(output)]).unwrap();
        assert_eq!(
            Json::from(conclusion.returned),
            json!({"name": "g", "state": "present", "system": false, "gid": 1002})
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let busybox = Observed { found: there(5), tools: Tools::Busybox };
        let stop = Group::plan(&params(json!({"gid": 7})), &busybox).unwrap_err();
        assert!(stop.to_string().contains("groupmod"));
        let stop = Group::plan(&params(json!({"non_unique": true})), &busybox).unwrap_err();
        assert!(stop.to_string().contains("missing: gid"));
    }
}

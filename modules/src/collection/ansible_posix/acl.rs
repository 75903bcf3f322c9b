//! `ansible.posix.acl`: access control lists of files.
//!
//! Follows the module of ansible.posix 2.1 on Linux, through `getfacl` and `setfacl`. Check mode:
//! full; the list that is returned is the one before. Diff: the entry.
//!
//! ```yaml
//! - name: The web server reads the logs
//!   ansible.posix.acl:
//!     path: /var/log/app
//!     etype: user
//!     entity: www-data
//!     permissions: rx
//!     state: present
//! ```
//!
//! Returns `acl` and `msg`.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Returned, Stop};
use crate::effect::{Effect, Output, SettingChange};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::{expansion, program};
use crate::{choices, params};

choices! {
    /// Whose entry it is.
    pub enum EntityType {
        /// A group's.
        Group = "group",
        /// The most that named users and groups may.
        Mask = "mask",
        /// Everyone else's.
        Other = "other",
        /// A user's.
        User = "user",
    }
}

choices! {
    /// What is done.
    pub enum State {
        /// The entry goes.
        Absent = "absent",
        /// The entry is there.
        Present = "present",
        /// The list is returned.
        Query = "query",
    }
}

choices! {
    /// Whether the mask follows from the entries.
    pub enum RecalculateMask {
        /// As `setfacl` does it.
        Default = "default",
        /// It does.
        Mask = "mask",
        /// It stays.
        NoMask = "no_mask",
    }
}

params! {
    /// Parameters of `ansible.posix.acl`.
    pub struct Params {
        /// The file or directory.
        path ("name"): PathBuf,
        /// The whole entry, `type:name:permissions`.
        entry: Option<String>,
        /// The user or group.
        entity: String = String::new(),
        /// Whose entry it is.
        etype: Option<EntityType>,
        /// Letters of `rwx`.
        permissions: Option<String>,
        /// What is done.
        state: State = State::Query,
        /// Whether links are followed.
        follow: bool = true,
        /// Whether it is what new files in a directory get.
        default: bool = false,
        /// Whether all below gets it.
        recursive ("recurse"): bool = false,
        /// Whether the mask follows from the entries.
        recalculate_mask: RecalculateMask = RecalculateMask::Default,
        /// Whether the lists are those of `NFSv4`.
        use_nfsv4_acls: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct Acl;

/// What is known of the list.
#[derive(Debug)]
pub struct Observed {
    path: String,
    entry: String,
    /// What changes it; `None` where nothing is to be changed.
    command: Option<Vec<String>>,
    list: Vec<String>,
    /// The command that tells the list.
    tell: Vec<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("Path not found or not accessible.")]
    NoPath,
    /// An option does not go with the state.
    #[error("'{0}' MUST NOT be set when 'state={1}'.")]
    NotWith(&'static str, State),
    /// A mask is only for changes.
    #[error("'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'.")]
    Mask,
    /// An option is needed.
    #[error("'{0}' MUST be set when 'state={1}'.")]
    Needed(&'static str, State),
    /// Two ways to say it.
    #[error("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.")]
    Both,
    /// The entry has another form.
    #[error("'entry' MUST have {0} sections divided by ':' when 'state={1}'.")]
    Form(&'static str, State),
}

const KIND: &str = "acl";

/// An entry, taken apart.
#[derive(Debug, Default)]
struct Entry {
    default: Option<bool>,
    kind: Option<String>,
    entity: String,
    permissions: Option<String>,
}

impl Module for Acl {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let path = expansion::path(&params.path, host)?;
        let Some(stat) = host.stat(&path, Follow::Yes)? else {
            return Err(Stop::failed(Error::NoPath));
        };
        check(params)?;
        let path = path.to_string_lossy().into_owned();
        let entry = split(params);
        let default = entry.default.unwrap_or(params.default);
        let text = text(params, &entry);
        let mut set = None;
        if params.state != State::Query {
            let argv = command(params, default, &path, Some(&text), host)?;
            let name = format!("{path} {text}");
            let differs = match host.rehearsed(KIND, &name) {
                Some(kept) => kept.value.is_some() != (params.state == State::Present),
                None => differs(params, &argv, &text, host)?,
            };
            let is_directory = stat.kind == FileKind::Directory;
            let takes = is_directory || !default || params.recursive || params.use_nfsv4_acls;
            if differs && !takes && params.state == State::Present {
                // its test does not tell
                let stderr = format!("setfacl: {path}: Only directories can have default ACLs\n");
                let output = Output { status: 1, stderr: stderr.into(), ..Output::default() };
                let command = shell_words::join(&argv);
                let error = HostError::CommandFailed { command, output: Box::new(output) };
                return Err(program::explain(error));
            }
            set = Some(argv).filter(|_| differs);
        }
        let tell = command(params, default, &path, None, host)?;
        let list = list(&tell, host)?;
        Ok(Observed { path, entry: text, command: set, list, tell })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let entry = &observed.entry;
        plan.set(
            "msg",
            match params.state {
                State::Present => format!("{entry} is present"),
                State::Absent => format!("{entry} is absent"),
                State::Query => "current acl".to_owned(),
            },
        );
        plan.set("acl", observed.list.clone());
        if let Some(argv) = &observed.command {
            let there = Some(Json::from(entry.clone()));
            let present = params.state == State::Present;
            let change = SettingChange {
                kind: KIND.to_owned(),
                name: format!("{} {entry}", observed.path),
                before: there.clone().filter(|_| !present),
                after: there.filter(|_| present),
                commands: vec![program::command(argv.clone())],
                ..SettingChange::default()
            };
            plan.push(Effect::Setting(change), "the entry differs");
        }
        Ok(plan)
    }

    fn revisit(
        _params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        if observed.command.is_some() {
            returned.insert("acl".to_owned(), Json::from(list(&observed.tell, host)?));
        }
        Ok(())
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

fn check(params: &Params) -> Result<(), Stop> {
    let state = params.state;
    let given = params.entry.as_deref().filter(|entry| !entry.is_empty());
    let permissions = params.permissions.as_deref().is_some_and(|it| !it.is_empty());
    let error = match (state, given) {
        (State::Query, _) if params.recursive => Error::NotWith("recursive", state),
        (State::Query, _) if params.recalculate_mask != RecalculateMask::Default => Error::Mask,
        (State::Absent, None) if permissions && !params.use_nfsv4_acls => {
            Error::NotWith("permissions", state)
        }
        (State::Absent, None) if params.entity.is_empty() => Error::Needed("entity", state),
        (State::Absent | State::Present, None) if params.etype.is_none() => {
            Error::Needed("etype", state)
        }
        (_, Some(_)) if params.etype.is_some() || !params.entity.is_empty() || permissions => {
            Error::Both
        }
        (State::Present, Some(entry)) if !matches!(entry.matches(':').count(), 2 | 3) => {
            Error::Form("3 or 4", state)
        }
        (State::Absent, Some(entry)) if !matches!(entry.matches(':').count(), 1 | 2) => {
            Error::Form("2 or 3", state)
        }
        (State::Query, Some(_)) => Error::NotWith("entry", state),
        _ => return Ok(()),
    };
    Err(Stop::failed(error))
}

fn split(params: &Params) -> Entry {
    let Some(entry) = params.entry.as_deref().filter(|entry| !entry.is_empty()) else {
        return Entry {
            default: None,
            kind: params.etype.map(|kind| kind.word().to_owned()),
            entity: params.entity.clone(),
            permissions: params.permissions.clone(),
        };
    };
    let mut parts: Vec<&str> = entry.split(':').collect();
    let default = entry.to_lowercase().starts_with('d').then(|| parts.remove(0)).map(|_| true);
    let part = |index: usize| parts.get(index).copied();
    let kind = match part(0).unwrap_or_default().to_lowercase().chars().next() {
        Some('u') => Some("user"),
        Some('g') => Some("group"),
        Some('m') => Some("mask"),
        Some('o') => Some("other"),
        _ => None,
    };
    Entry {
        default,
        kind: kind.map(str::to_owned),
        entity: part(1).unwrap_or_default().to_owned(),
        permissions: part(2).map(str::to_owned),
    }
}

fn text(params: &Params, entry: &Entry) -> String {
    let kind = entry.kind.as_deref().unwrap_or_default();
    let permissions = entry.permissions.as_deref().filter(|it| !it.is_empty());
    if params.use_nfsv4_acls {
        let flag = if kind == "group" { "g" } else { "" };
        return format!("A:{flag}:{}:{}tcy", entry.entity, permissions.unwrap_or_default());
    }
    match permissions.filter(|_| params.state == State::Present) {
        Some(permissions) => format!("{kind}:{}:{permissions}", entry.entity),
        None => format!("{kind}:{}", entry.entity),
    }
}

/// The command that changes the entry, or tells the list.
fn command(
    params: &Params,
    default: bool,
    path: &str,
    entry: Option<&str>,
    host: &mut dyn Host,
) -> Result<Vec<String>, Stop> {
    let nfs = params.use_nfsv4_acls;
    let program = match (entry, nfs) {
        (Some(_), true) => "nfs4_setfacl",
        (Some(_), false) => "setfacl",
        (None, true) => "nfs4_getfacl",
        (None, false) => "getfacl",
    };
    let mut words = vec![program::required(host, program)?];
    let mut add = |word: &str| words.push(word.to_owned());
    if default {
        add("-d");
    }
    match entry {
        Some(entry) => {
            add(match (params.state, nfs) {
                (State::Absent, _) => "-x",
                (_, true) => "-a",
                (_, false) => "-m",
            });
            add(entry);
        }
        None => {
            if !nfs {
                add("--absolute-names");
            }
            add("--omit-header");
        }
    }
    if params.recursive && !nfs {
        add("--recursive");
    }
    match params.recalculate_mask {
        RecalculateMask::Mask if entry.is_some() => add("--mask"),
        RecalculateMask::NoMask if entry.is_some() => add("--no-mask"),
        _ => {}
    }
    if !params.follow && !nfs {
        add("--physical");
    }
    add(path);
    Ok(words)
}

/// Whether the command would change something, by its own word.
fn differs(
    params: &Params,
    argv: &[String],
    entry: &str,
    host: &mut dyn Host,
) -> Result<bool, Stop> {
    let mut words = argv.to_vec();
    words.insert(1, "--test".to_owned());
    let output = program::query(host, words.iter().cloned())?;
    if !output.success() {
        // what a rehearsal only would make has no entries yet
        if output.stderr_text().contains("No such file") {
            return Ok(params.state == State::Present);
        }
        return Err(program::failure(&output).with("cmd", words.join(" ")));
    }
    let lines = lines(&output.stdout_text());
    if params.use_nfsv4_acls {
        return Ok(lines.iter().filter(|line| *line == entry).count() != 2);
    }
    Ok(!lines.iter().any(|line| line.ends_with("*,*")))
}

fn list(argv: &[String], host: &mut dyn Host) -> Result<Vec<String>, Stop> {
    let output = program::query(host, argv.iter().cloned())?;
    if !output.success() && !output.stderr_text().contains("No such file") {
        return Err(program::failure(&output));
    }
    Ok(lines(&output.stdout_text()))
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.trim().to_owned())
        .collect();
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Acl;
    use crate::effect::{Effect, Output};
    use crate::execute::Executed;
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    fn run(host: &mut MemoryHost, arguments: &Json) -> Executed {
        crate::recorded::run::<Acl>(host, arguments)
    }

    fn host(test: &[&str], answer: &str) -> MemoryHost {
        let output = |text: &str| Output { stdout: text.into(), ..Output::default() };
        let get = ["/usr/bin/getfacl", "--absolute-names", "--omit-header", "/f"];
        let get_default = ["/usr/bin/getfacl", "-d", "--absolute-names", "--omit-header", "/d"];
        MemoryHost::new()
            .with_program("setfacl")
            .with_program("getfacl")
            .with_file("/f", "")
            .with_directory("/d")
            .with_output(&get, output("user::rw-\ngroup::r--\n\n"))
            .with_output(&get_default, output(""))
            .with_output(test, output(answer))
    }

    #[test]
    fn entries_come_and_go() {
        let set = "/usr/bin/setfacl -m user:ann:rw /f";
        let table: &[(Json, &str, &str, Option<&str>)] = &[
            (
                json!({"etype": "user", "entity": "ann", "permissions": "rw", "state": "present"}),
                "--test -m user:ann:rw /f",
                "/f: user::rw-,user:ann:rw-,group::r--,mask::rw-,other::r--,*\n",
                Some(set),
            ),
            (
                json!({"etype": "user", "entity": "ann", "permissions": "rw", "state": "present"}),
                "--test -m user:ann:rw /f",
                "/f: *,*\n",
                None,
            ),
            (
                json!({"entry": "default:group:adm:rx", "state": "present", "path": "/d"}),
                "--test -d -m group:adm:rx /d",
                "/d: x\n",
                Some("/usr/bin/setfacl -d -m group:adm:rx /d"),
            ),
            (
                json!({"entry": "u:ann", "state": "absent", "recalculate_mask": "mask"}),
                "--test -x user:ann --mask /f",
                "/f: x\n",
                Some("/usr/bin/setfacl -x user:ann --mask /f"),
            ),
        ];
        for (arguments, test, answer, expected) in table {
            let test: Vec<&str> =
                std::iter::once("/usr/bin/setfacl").chain(test.split(' ')).collect();
            let mut host = host(&test, answer);
            let arguments = crate::recorded::with(&json!({"path": "/f"}), arguments);
            let ended = run(&mut host, &arguments);
            let status = if expected.is_some() { Status::Changed } else { Status::Ok };
            assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
            let ran = host.applied().iter().find_map(|effect| match effect {
                Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
                _ => None,
            });
            assert_eq!(ran.as_deref(), *expected, "{arguments}");
        }
        let ended = run(&mut host(&[], ""), &json!({"path": "/f"}));
        assert_eq!(ended.returned["acl"], json!(["user::rw-", "group::r--"]));
        assert_eq!(ended.returned["msg"], "current acl");
    }

    #[test]
    fn only_directories_have_defaults() {
        let test = ["/usr/bin/setfacl", "--test", "-d", "-m", "group:adm:rx", "/f"];
        let arguments = json!({"entry": "default:group:adm:rx", "state": "present", "path": "/f"});
        let ended = run(&mut host(&test, "/f: x\n"), &arguments);
        let told = "setfacl: /f: Only directories can have default ACLs";
        assert_eq!((&ended.returned["msg"], ended.status), (&json!(told), Status::Failed));
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        for (arguments, message) in [
            (json!({"path": "/no"}), "Path not found or not accessible."),
            (json!({"recursive": true}), "'recursive' MUST NOT be set when 'state=query'."),
            (json!({"state": "absent"}), "'entity' MUST be set when 'state=absent'."),
            (json!({"state": "present"}), "'etype' MUST be set when 'state=present'."),
            (
                json!({"state": "present", "entry": "u:a"}),
                "'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'.",
            ),
            (
                json!({"state": "present", "entry": "u:a:r", "etype": "user"}),
                "'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.",
            ),
            (
                json!({"state": "absent", "etype": "user", "entity": "a", "permissions": "r"}),
                "'permissions' MUST NOT be set when 'state=absent'.",
            ),
        ] {
            let all = crate::recorded::with(&json!({"path": "/f"}), &arguments);
            assert_eq!(run(&mut host(&[], ""), &all).returned["msg"], message);
        }
    }
}

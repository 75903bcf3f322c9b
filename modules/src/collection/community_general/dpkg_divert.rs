//! `community.general.dpkg_divert`: where packages put a file that is ours.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: the diversion.
//!
//! ```yaml
//! - name: Keep the packaged configuration aside
//!   community.general.dpkg_divert:
//!     path: /etc/screenrc
//!     rename: true
//! ```
//!
//! Returns `commands`, `messages`, `diversion`.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Effect, SettingChange};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::{expansion, program};
use crate::{choices, params};

choices! {
    /// Whether the diversion shall be there.
    pub enum State {
        /// It shall not.
        Absent = "absent",
        /// It shall.
        Present = "present",
    }
}

params! {
    /// Parameters of `community.general.dpkg_divert`.
    pub struct Params {
        /// The file that packages shall not put here.
        path: PathBuf,
        /// Whether the diversion shall be there.
        state: State = State::Present,
        /// The package whose file stays; by default none, `LOCAL`.
        holder: Option<String>,
        /// Where packages put it; by default beside, with `.distrib` behind its name.
        divert: Option<PathBuf>,
        /// Whether the file is moved along.
        rename: bool = false,
        /// Whether it may take the place of another.
        force: bool = false,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is in the way.
    #[error("Set 'force' param to True to force renaming of files.")]
    InTheWay,
    /// dpkg does not do it.
    #[error("Unexpected error while changing state of the diversion.")]
    Refused,
}

/// A diversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    divert: String,
    holder: String,
}

/// What is known of the diversion.
#[derive(Debug)]
pub struct Observed {
    program: String,
    path: String,
    /// Where packages shall put it.
    target: String,
    before: Option<Diversion>,
    /// Whether a directory is there; none can be diverted.
    is_directory: bool,
    /// Whether something is there now.
    path_exists: bool,
    /// Whether something is where it would be moved to.
    other_exists: bool,
    /// Whether something is where packages put it until now.
    old_exists: bool,
}

/// The module.
#[derive(Debug)]
pub struct DpkgDivert;

const KIND: &str = "dpkg diversion";

impl Module for DpkgDivert {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let path = text(expansion::path(&params.path, host)?);
        let target = match &params.divert {
            Some(divert) => text(expansion::path(divert, host)?),
            None => format!("{path}.distrib"),
        };
        let program = program::required(host, "dpkg-divert")?;
        let before = before(&program, &path, host)?;
        let other = match (params.state, &before) {
            (State::Present, _) => Some(target.clone()),
            (State::Absent, before) => before.as_ref().map(|before| before.divert.clone()),
        };
        let mut exists = |path: Option<&str>| match path {
            Some(path) => host.stat(Path::new(path), Follow::Yes).map(|stat| stat.is_some()),
            None => Ok(false),
        };
        let path_exists = exists(Some(&path))?;
        let other_exists = exists(other.as_deref())?;
        let old_exists = exists(before.as_ref().map(|before| before.divert.as_str()))?;
        let is_directory = host
            .stat(Path::new(&path), Follow::No)?
            .is_some_and(|stat| stat.kind == FileKind::Directory);
        Ok(Observed {
            program,
            path,
            target,
            before,
            is_directory,
            path_exists,
            other_exists,
            old_exists,
        })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        let wanted = observed.wanted(params);
        let main = observed.command(params, wanted.as_ref(), params.rename);
        plan.set("diversion", observed.shown(wanted.as_ref()));
        plan.set("commands", vec![main.join(" ")]);
        if wanted == observed.before {
            let message = match &wanted {
                Some(diversion) => format!("Leaving '{}'", observed.words(diversion)),
                None => format!("No diversion 'any diversion of {}', none removed.", observed.path),
            };
            plan.set("messages", vec![message]);
            return Ok(plan);
        }
        if observed.is_directory {
            let stop = Stop::failed(Error::Refused).with("cmd", main.join(" ")).with("rc", 2);
            return Err(stop.with("diversion", observed.shown(observed.before.as_ref())));
        }
        match (&observed.before, &wanted) {
            (Some(before), Some(after)) => observed.replace(params, before, after, &mut plan),
            (from, to) => {
                let rename = params.rename;
                let in_the_way = rename && observed.path_exists && observed.other_exists;
                if in_the_way && !params.force {
                    let stop = Stop::failed(Error::InTheWay).with("cmd", main.join(" "));
                    return Err(stop.with("diversion", observed.shown(from.as_ref())));
                }
                if in_the_way {
                    let place = if to.is_some() { &observed.target } else { &observed.path };
                    plan.push(Effect::Remove { path: place.into() }, "it is in the way");
                }
                let moves = match (from, to) {
                    (None, Some(to)) => Some((observed.path.clone(), to.divert.clone())),
                    (Some(from), _) => Some((from.divert.clone(), observed.path.clone())),
                    (None, None) => None,
                };
                let word = if to.is_some() { "Adding" } else { "Removing" };
                let shown =
                    to.as_ref().or(from.as_ref()).map(|diversion| observed.words(diversion));
                plan.set("messages", vec![format!("{word} '{}'", shown.unwrap_or_default())]);
                let change = SettingChange {
                    moves: moves.filter(|_| rename).into_iter().map(paths).collect(),
                    ..observed.change(from.as_ref(), to.as_ref(), vec![main])
                };
                plan.push(Effect::Setting(change), "the diversion differs");
            }
        }
        Ok(plan)
    }

    fn conclude(
        _params: &Params,
        _observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let told = applied.iter().filter_map(|outcome| match outcome {
            Applied::Ran(output) => Some(Json::from(output.stdout_text().trim_end())),
            _ => None,
        });
        if let (Some(last), Some(Json::Array(messages))) =
            (told.last(), returned.get_mut("messages"))
            && let Some(place) = messages.last_mut()
        {
            *place = last;
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

fn paths((from, to): (String, String)) -> (PathBuf, PathBuf) {
    (from.into(), to.into())
}

impl Observed {
    fn wanted(&self, params: &Params) -> Option<Diversion> {
        let holder = params.holder.as_deref().filter(|holder| !holder.is_empty());
        (params.state == State::Present).then(|| Diversion {
            divert: self.target.clone(),
            holder: holder.unwrap_or("LOCAL").to_owned(),
        })
    }

    /// The diversion as `dpkg-divert` names it.
    fn words(&self, diversion: &Diversion) -> String {
        let Diversion { divert, holder } = diversion;
        match holder.as_str() {
            "LOCAL" => format!("local diversion of {} to {divert}", self.path),
            _ => format!("diversion of {} to {divert} by {holder}", self.path),
        }
    }

    fn shown(&self, diversion: Option<&Diversion>) -> Json {
        let state = if diversion.is_some() { "present" } else { "absent" };
        json!({
            "path": self.path,
            "state": state,
            "divert": diversion.map(|diversion| diversion.divert.clone()),
            "holder": diversion.map(|diversion| diversion.holder.clone()),
        })
    }

    /// The command that makes the diversion, or removes it.
    fn command(&self, params: &Params, wanted: Option<&Diversion>, rename: bool) -> Vec<String> {
        let rename = if rename { "--rename" } else { "--no-rename" };
        let mut argv = vec![self.program.clone(), rename.to_owned()];
        let mut add = |words: &[&str]| argv.extend(words.iter().map(|word| (*word).to_owned()));
        match wanted {
            Some(diversion) => {
                match diversion.holder.as_str() {
                    "LOCAL" => add(&["--local"]),
                    holder => add(&["--package", holder]),
                }
                if params.divert.is_some() {
                    add(&["--divert", &self.target]);
                }
                add(&["--add", &self.path]);
            }
            None => add(&["--remove", &self.path]),
        }
        argv
    }

    /// Another holder or place: the old diversion goes first, and a file that lies at the old place
    /// is moved where nothing is in its way.
    fn replace(&self, params: &Params, before: &Diversion, after: &Diversion, plan: &mut Plan) {
        let commands =
            vec![self.command(params, None, false), self.command(params, Some(after), false)];
        plan.set("commands", commands.iter().map(|argv| argv.join(" ")).collect::<Vec<_>>());
        let messages = [("Removing", before), ("Adding", after)]
            .map(|(word, diversion)| format!("{word} '{}'", self.words(diversion)));
        plan.set("messages", messages.to_vec());
        let change = self.change(Some(before), Some(after), commands);
        plan.push(Effect::Setting(change), "the diversion differs");
        if before.divert != after.divert && self.old_exists && !self.other_exists {
            let (from, to) = (PathBuf::from(&before.divert), PathBuf::from(&after.divert));
            let copy = Effect::CopyFile { from: from.clone(), to };
            plan.push(copy, "packages put it there now");
            plan.push(Effect::Remove { path: from }, "packages no longer put it here");
        }
    }

    fn change(
        &self,
        before: Option<&Diversion>,
        after: Option<&Diversion>,
        commands: Vec<Vec<String>>,
    ) -> SettingChange {
        SettingChange {
            kind: KIND.to_owned(),
            name: self.path.clone(),
            before: Some(self.shown(before)),
            after: Some(self.shown(after)),
            commands: commands.into_iter().map(program::command).collect(),
            ..SettingChange::default()
        }
    }
}

/// The diversion as dpkg knows it, or as a dry run left it.
fn before(program: &str, path: &str, host: &mut dyn Host) -> Result<Option<Diversion>, Stop> {
    if let Some(kept) = host.rehearsed(KIND, path) {
        let kept = kept.value.unwrap_or_default();
        let field = |name: &str| kept.get(name).and_then(Json::as_str).map(str::to_owned);
        let diversion = field("divert").zip(field("holder"));
        return Ok(diversion.map(|(divert, holder)| Diversion { divert, holder }));
    }
    let mut ask = |option: &str| {
        let output = program::query(host, [program, option, path])?;
        if output.success() {
            Ok(output.stdout_text().trim_end().to_owned())
        } else {
            Err(program::failure(&output).with("cmd", [program, option, path].join(" ")))
        }
    };
    let holder = ask("--listpackage")?;
    if holder.is_empty() {
        return Ok(None);
    }
    Ok(Some(Diversion { divert: ask("--truename")?, holder }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::DpkgDivert;
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::rehearsal::RehearsalHost;
    use crate::wire::Status;

    fn host(holder: &str, divert: &str) -> RehearsalHost<MemoryHost> {
        let output =
            |text: &str| Output { stdout: format!("{text}\n").into(), ..Output::default() };
        let none = holder.is_empty();
        let listed = if none { Output::default() } else { output(holder) };
        let program = "/usr/bin/dpkg-divert";
        RehearsalHost::new(
            MemoryHost::new()
                .with_program("dpkg-divert")
                .with_output(&[program, "--listpackage", "/etc/rc"], listed)
                .with_output(&[program, "--truename", "/etc/rc"], output(divert))
                .with_file("/etc/rc", "text"),
        )
    }

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<DpkgDivert>(host, arguments)
    }

    #[test]
    fn diversions_come_and_go() {
        // commands and messages are those of community.general 11.4.2 with dpkg 1.21
        let add = "/usr/bin/dpkg-divert --no-rename --local --add /etc/rc";
        let table: &[(&str, &str, Json, &[&str], &[&str], bool)] = &[
            (
                "",
                "",
                json!({}),
                &[add],
                &["Adding 'local diversion of /etc/rc to /etc/rc.distrib'"],
                true,
            ),
            (
                "LOCAL",
                "/etc/rc.distrib",
                json!({}),
                &[add],
                &["Leaving 'local diversion of /etc/rc to /etc/rc.distrib'"],
                false,
            ),
            (
                "",
                "",
                json!({"holder": "p", "divert": "/etc/old"}),
                &["/usr/bin/dpkg-divert --no-rename --package p --divert /etc/old --add /etc/rc"],
                &["Adding 'diversion of /etc/rc to /etc/old by p'"],
                true,
            ),
            (
                "LOCAL",
                "/etc/rc.distrib",
                json!({"holder": "p"}),
                &[
                    "/usr/bin/dpkg-divert --no-rename --remove /etc/rc",
                    "/usr/bin/dpkg-divert --no-rename --package p --add /etc/rc",
                ],
                &[
                    "Removing 'local diversion of /etc/rc to /etc/rc.distrib'",
                    "Adding 'diversion of /etc/rc to /etc/rc.distrib by p'",
                ],
                true,
            ),
            (
                "LOCAL",
                "/etc/rc.distrib",
                json!({"state": "absent"}),
                &["/usr/bin/dpkg-divert --no-rename --remove /etc/rc"],
                &["Removing 'local diversion of /etc/rc to /etc/rc.distrib'"],
                true,
            ),
            (
                "",
                "",
                json!({"state": "absent"}),
                &["/usr/bin/dpkg-divert --no-rename --remove /etc/rc"],
                &["No diversion 'any diversion of /etc/rc', none removed."],
                false,
            ),
        ];
        for (holder, divert, more, commands, messages, changed) in table {
            let arguments = crate::recorded::with(&json!({"path": "/etc/rc"}), more);
            let mut host = host(holder, divert);
            let ended = run(&mut host, &arguments);
            assert_eq!(ended.returned["commands"], json!(commands), "{arguments}");
            assert_eq!(ended.returned["messages"], json!(messages), "{arguments}");
            assert_eq!(ended.status == Status::Changed, *changed, "{arguments}");
            assert_eq!(run(&mut host, &arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn the_file_moves_along() {
        let mut host = host("", "");
        let there = |host: &mut RehearsalHost<MemoryHost>, path: &str| {
            host.stat(path.as_ref(), super::Follow::No).unwrap().is_some()
        };
        assert_eq!(
            run(&mut host, &json!({"path": "/etc/rc", "rename": true})).status,
            Status::Changed
        );
        assert!(!there(&mut host, "/etc/rc") && there(&mut host, "/etc/rc.distrib"));
        let back = json!({"path": "/etc/rc", "rename": true, "state": "absent"});
        assert_eq!(run(&mut host, &back).status, Status::Changed);
        assert!(there(&mut host, "/etc/rc") && !there(&mut host, "/etc/rc.distrib"));
    }

    #[test]
    fn a_file_in_the_way_goes_by_force_alone() {
        let host = || {
            let base = MemoryHost::new()
                .with_program("dpkg-divert")
                .with_output(
                    &["/usr/bin/dpkg-divert", "--listpackage", "/etc/rc"],
                    Output::default(),
                )
                .with_file("/etc/rc", "new")
                .with_file("/etc/rc.distrib", "old");
            RehearsalHost::new(base)
        };
        let arguments = json!({"path": "/etc/rc", "rename": true});
        assert_eq!(
            run(&mut host(), &arguments).returned["msg"],
            "Set 'force' param to True to force renaming of files."
        );
        let forced = json!({"path": "/etc/rc", "rename": true, "force": true});
        let mut host = host();
        assert_eq!(run(&mut host, &forced).status, Status::Changed);
        assert_eq!(host.read("/etc/rc.distrib".as_ref()).unwrap(), b"new");
    }
}

//! `ansible.builtin.subversion`: checks a subversion repository out, and keeps it at a revision.
//!
//! Follows the module of ansible-core 2.19, through `svn`. Check mode: full; what a new checkout
//! holds is unknown to later tasks. Diff: the revision.
//!
//! Differs from Ansible: a password is always read from the standard input, which svn knows since
//! 1.10.
//!
//! ```yaml
//! - name: The application at a revision
//!   ansible.builtin.subversion:
//!     repo: https://example.com/svn/app/trunk
//!     dest: /srv/app
//!     revision: "1234"
//! ```
//!
//! Returns `before` and `after` (revision and address).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::expansion;
use super::program;
use crate::contract::{Conclusion, Module, Plan, Planned, Returned, Stop};
use crate::effect::{Applied, Command, Effect, Output, SettingChange};
use crate::host::{Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.subversion`.
    pub struct Params {
        /// The address of the repository.
        repo ("name", "repository"): String,
        /// Where it is checked out.
        dest: Option<PathBuf>,
        /// The revision.
        revision ("rev", "version"): String = "HEAD".to_owned(),
        /// Whether local changes are thrown away.
        force: bool = false,
        /// The user.
        username: Option<String>,
        /// Its password.
        @secret password: Option<String>,
        /// The `svn` to use.
        executable: Option<PathBuf>,
        /// Whether the files are taken without being a checkout.
        export: bool = false,
        /// Whether a missing checkout is made.
        checkout: bool = true,
        /// Whether a checkout that is there is brought up to date.
        update: bool = true,
        /// Whether a checkout of another address is switched.
        switch: bool = true,
        /// Whether a directory that is no checkout becomes one.
        in_place: bool = false,
        /// Whether certificates are checked.
        validate_certs: bool = false,
    }
}

/// The module.
#[derive(Debug)]
pub struct Subversion;

/// What is known of the checkout.
#[derive(Debug)]
pub struct Observed {
    svn: Svn,
    dest: Option<PathBuf>,
    state: State,
    /// The revision of the repository, where only that is asked for.
    remote: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Missing,
    /// It is something else.
    Other,
    Checkout(Box<Checkout>),
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Checkout {
    revision: String,
    url: String,
    /// The revision that it shall have.
    wanted: String,
    modified: bool,
}

#[derive(Debug, Clone)]
struct Svn {
    words: Vec<String>,
    password: Option<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nowhere to put it.
    #[error(
        "the destination directory must be specified unless checkout=no, update=no, and export=no"
    )]
    NoDestination,
    /// There are changes.
    #[error("ERROR: modified files exist in the repository.")]
    Modified,
    /// Something else is there.
    #[error("ERROR: {0} folder already exists, but its not a subversion repository.")]
    Other(String),
}

/// The reason of the effect that tells the revision.
const TELL: &str = "the revision is part of the result";

impl Svn {
    fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let words = words.into_iter().map(str::to_owned);
        let mut command = program::command(self.words.iter().cloned().chain(words));
        command.stdin.clone_from(&self.password);
        command
    }
}

impl Module for Subversion {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let svn = svn(params, host)?;
        let dest = match &params.dest {
            Some(dest) => Some(expansion::path(dest, host)?),
            None if params.checkout || params.update || params.export => {
                return Err(Stop::failed(Error::NoDestination));
            }
            None => None,
        };
        let mut observed = Observed { svn, dest, state: State::Missing, remote: None };
        if !params.export && !params.update && !params.checkout {
            let output = ask(&observed.svn, &["info", &params.repo], host)?;
            observed.remote = Some(revision(&output));
            return Ok(observed);
        }
        let Some(dest) = observed.dest.clone() else { return Ok(observed) };
        observed.state = look(params, &observed.svn, &dest, host)?;
        Ok(observed)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if let Some(remote) = &observed.remote {
            plan.set("after", remote.clone());
            return Ok(plan);
        }
        let Some(dest) = &observed.dest else { return Ok(plan) };
        let shown = dest.to_string_lossy().into_owned();
        let svn = &observed.svn;
        let revision = params.revision.as_str();
        let get = |action: &str, force: bool| {
            let mut words = vec![action];
            words.extend(force.then_some("--force"));
            words.extend(["-r", revision, &params.repo, &shown]);
            svn.call(words)
        };
        let info = svn.call(["info", &shown]);
        match &observed.state {
            _ if params.export => {
                push(
                    dest,
                    [None, Some(revision)],
                    vec![get("export", params.force)],
                    "as asked",
                    &mut plan,
                );
            }
            State::Missing if params.checkout => {
                plan.set("before", Json::Null);
                let commands = vec![get("checkout", false)];
                push(dest, [None, Some(revision)], commands, "it is not there", &mut plan);
                push(dest, [Some(revision); 2], vec![info], TELL, &mut plan);
            }
            State::Missing => {}
            State::Other if params.in_place => {
                plan.set("before", Json::Null);
                let mut commands = vec![get("checkout", true)];
                if params.force {
                    commands.push(svn.call(["revert", "-R", &shown]));
                }
                push(dest, [None, Some(revision)], commands, "it is no checkout", &mut plan);
                push(dest, [Some(revision); 2], vec![info], TELL, &mut plan);
            }
            State::Other => return Err(Stop::failed(Error::Other(shown))),
            State::Checkout(_) if !params.update => {}
            State::Checkout(checkout) => {
                let pair = |revision: &str, url: &str| Json::from(vec![revision, url]);
                plan.set("before", pair(&checkout.revision, &checkout.url));
                if checkout.modified && !params.force {
                    return Err(Stop::failed(Error::Modified));
                }
                let elsewhere = params.switch && checkout.url != format!("URL: {}", params.repo);
                let mut commands = Vec::new();
                if elsewhere {
                    commands.push(svn.call([
                        "switch",
                        "--revision",
                        revision,
                        &params.repo,
                        &shown,
                    ]));
                }
                if checkout.modified {
                    commands.push(svn.call(["revert", "-R", &shown]));
                }
                if elsewhere || checkout.revision != checkout.wanted {
                    commands.push(svn.call(["update", "-r", revision, &shown]));
                }
                let url =
                    if elsewhere { format!("URL: {}", params.repo) } else { checkout.url.clone() };
                plan.set("after", pair(&checkout.wanted, &url));
                if !commands.is_empty() {
                    let sides = [Some(checkout.revision.as_str()), Some(checkout.wanted.as_str())];
                    push(dest, sides, commands, "it differs", &mut plan);
                    push(dest, [Some(&checkout.wanted); 2], vec![info], TELL, &mut plan);
                }
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
        let mut returned: Returned = plan.returned.clone();
        for (planned, applied) in plan.effects.iter().zip(applied) {
            if let (TELL, Applied::Ran(output)) = (planned.reason.as_str(), applied) {
                returned.insert("after".to_owned(), vec![revision(output), url(output)].into());
            }
        }
        Ok(Conclusion { changed: plan.changes(), returned })
    }

    fn explain(_: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        program::explain(error)
    }
}

fn svn(params: &Params, host: &mut dyn Host) -> Result<Svn, Stop> {
    let program = match &params.executable {
        Some(path) => expansion::path(path, host)?.to_string_lossy().into_owned(),
        None => program::required(host, "svn")?,
    };
    let mut words = vec![program, "--non-interactive".to_owned(), "--no-auth-cache".to_owned()];
    words.extend((!params.validate_certs).then(|| "--trust-server-cert".to_owned()));
    if let Some(user) = params.username.as_ref().filter(|user| !user.is_empty()) {
        words.extend(["--username".to_owned(), user.clone()]);
    }
    let password = params.password.clone().filter(|password| !password.is_empty());
    words.extend(password.as_ref().map(|_| "--password-from-stdin".to_owned()));
    Ok(Svn { words, password })
}

fn ask(svn: &Svn, words: &[&str], host: &mut dyn Host) -> Result<Output, Stop> {
    let output = host.query(&svn.call(words.iter().copied()))?;
    if output.success() { Ok(output) } else { Err(program::failure(&output)) }
}

fn look(params: &Params, svn: &Svn, dest: &Path, host: &mut dyn Host) -> Result<State, Stop> {
    let shown = dest.to_string_lossy().into_owned();
    if let Some(kept) = host.rehearsed("subversion", &shown) {
        let revision = kept.value.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned();
        return Ok(State::Checkout(Box::new(Checkout {
            url: format!("URL: {}", params.repo),
            wanted: revision.clone(),
            revision,
            modified: false,
        })));
    }
    if params.export || host.stat(dest, Follow::Yes)?.is_none() {
        return Ok(State::Missing);
    }
    let info = host.query(&svn.call(["info", &shown]))?;
    if !info.success() {
        return Ok(State::Other);
    }
    let mut checkout =
        Checkout { revision: revision(&info), url: url(&info), ..Checkout::default() };
    if params.update {
        let status = ask(svn, &["status", "--quiet", "--ignore-externals", &shown], host)?;
        let touched = |line: &str| !line.is_empty() && !line.starts_with(['?', 'X']);
        checkout.modified = status.stdout_text().lines().any(touched);
        let wanted = ask(svn, &["info", "-r", &params.revision, &params.repo], host)?;
        checkout.wanted = revision(&wanted);
    }
    Ok(State::Checkout(Box::new(checkout)))
}

/// The line that tells the revision: the first of a word and a number.
fn revision(info: &Output) -> String {
    let text = info.stdout_text();
    let is_revision = |line: &&str| {
        line.split_once(':').is_some_and(|(name, number)| {
            let number = number.trim();
            !name.trim().contains(' ')
                && !number.is_empty()
                && number.chars().all(|digit| digit.is_ascii_digit())
        })
    };
    text.lines().find(is_revision).unwrap_or("Unable to get revision").to_owned()
}

fn url(info: &Output) -> String {
    let text = info.stdout_text();
    let line = text.lines().find(|line| line.starts_with("URL:") || line.starts_with("URL :"));
    line.unwrap_or("Unable to get URL").to_owned()
}

fn push(
    dest: &Path,
    [before, after]: [Option<&str>; 2],
    commands: Vec<Command>,
    reason: &str,
    plan: &mut Plan,
) {
    let change = SettingChange {
        kind: "subversion".to_owned(),
        name: dest.to_string_lossy().into_owned(),
        before: before.map(Json::from),
        after: after.map(Json::from),
        commands,
        fills: vec![dest.to_owned()],
        ..SettingChange::default()
    };
    plan.push(Effect::Setting(change), reason);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, Subversion};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Effect, Output};
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    const SVN: [&str; 4] =
        ["/usr/bin/svn", "--non-interactive", "--no-auth-cache", "--trust-server-cert"];

    fn told(host: MemoryHost, words: &[&str], stdout: &str) -> MemoryHost {
        let argv: Vec<&str> = SVN.iter().chain(words).copied().collect();
        host.with_output(&argv, Output { stdout: stdout.into(), ..Output::default() })
    }

    fn checkout(status: &str, wanted: &str) -> MemoryHost {
        let host = MemoryHost::new().with_program("svn").with_directory("/d");
        let host = told(host, &["info", "/d"], "Path: d\nURL: http://r\nRevision: 3\n");
        let host = told(host, &["status", "--quiet", "--ignore-externals", "/d"], status);
        told(host, &["info", "-r", "HEAD", "http://r"], &format!("Revision: {wanted}\n"))
    }

    fn plan(mut host: MemoryHost, arguments: &Json) -> Result<Plan, Stop> {
        let mut arguments = arguments.clone();
        arguments["repo"] = json!("http://r");
        arguments["dest"] = json!("/d");
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let observed = Subversion::observe(&params, &mut host)?;
        Subversion::plan(&params, &observed)
    }

    fn calls(plan: &Plan) -> Vec<String> {
        let changes = plan.effects.iter().map(|planned| match &planned.effect {
            Effect::Setting(change) => change.commands.clone(),
            other => panic!("{other:?}"),
        });
        changes.flatten().map(|command| command.argv[4..].join(" ")).collect()
    }

    #[test]
    fn checkouts_are_made_and_follow() {
        let none = || MemoryHost::new().with_program("svn");
        let made = plan(none(), &json!({})).unwrap();
        assert_eq!(calls(&made), ["checkout -r HEAD http://r /d", "info /d"]);
        let exported = plan(none(), &json!({"export": true, "force": true})).unwrap();
        assert_eq!(calls(&exported), ["export --force -r HEAD http://r /d"]);
        let behind = plan(checkout("", "5"), &json!({})).unwrap();
        assert_eq!(calls(&behind), ["update -r HEAD /d", "info /d"]);
        assert_eq!(behind.returned["before"], json!(["Revision: 3", "URL: http://r"]));
        assert!(!plan(checkout("", "3"), &json!({})).unwrap().changes());
    }

    #[test]
    fn local_changes_are_kept_unless_forced() {
        let stop = plan(checkout("M       d/x\n", "3"), &json!({})).unwrap_err();
        assert_eq!(stop.to_string(), "ERROR: modified files exist in the repository.");
        let forced = plan(checkout("M       d/x\n", "3"), &json!({"force": true})).unwrap();
        assert_eq!(calls(&forced), ["revert -R /d", "info /d"]);
    }

    #[test]
    fn a_password_is_no_argument() {
        let given = json!({"username": "ann", "password": "hunter2"});
        let plan = plan(MemoryHost::new().with_program("svn"), &given).unwrap();
        let Effect::Setting(change) = &plan.effects[0].effect else { panic!() };
        assert!(!change.commands[0].argv.iter().any(|word| word.contains("hunter2")));
        assert_eq!(change.commands[0].stdin.as_deref(), Some("hunter2"));
    }
}

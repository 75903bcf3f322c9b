//! `ansible.builtin.git`: checks a git repository out, and keeps the checkout at a version.
//!
//! Follows the module of ansible-core 2.19, through `git`. What the remote has is asked with one
//! `ls-remote`. Check mode: full; what a new checkout holds is unknown to later tasks. Diff: the
//! commit.
//!
//! Differs from Ansible: nothing is fetched when the checkout already stands at the version; git
//! before 1.9.1 is not catered for; the diff names the commits and does not list their changes.
//!
//! ```yaml
//! - name: The application at a release
//!   ansible.builtin.git:
//!     repo: https://example.com/app.git
//!     dest: /srv/app
//!     version: v1.4.2
//!     depth: 1
//! ```
//!
//! Returns `before` and `after` (commits), `remote_url_changed`, `submodules_changed`,
//! `git_dir_before`, `git_dir_now`, `msg` and `warnings`.

mod archive;
mod commands;
mod observe;
mod params;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

pub use params::Params;

use self::archive::Archive;
use self::commands::Git;
use crate::contract::{Conclusion, Module, Plan, Planned, Stop};
use crate::effect::{Applied, Command, Effect, SettingChange};
use crate::host::{Host, HostError};

/// The module.
#[derive(Debug)]
pub struct GitCheckout;

/// What is known of the checkout and of the remote.
#[derive(Debug)]
pub struct Observed {
    git: Git,
    /// The repository as git is told of it.
    repo: String,
    dest: Option<PathBuf>,
    remote: Remote,
    checkout: Option<Checkout>,
    archive: Option<Archive>,
    warnings: Vec<String>,
}

/// What the remote has of the version.
#[derive(Debug, Clone, Default, PartialEq)]
struct Remote {
    /// The commit; `None` where only the checkout may know it.
    commit: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// `HEAD`.
    Head,
    Branch,
    Tag,
    /// A commit, as far as one can know.
    #[default]
    Commit,
}

/// A checkout that is there.
#[derive(Debug, Clone, Default)]
struct Checkout {
    /// Its commit.
    commit: String,
    /// Its branch; `None` when it is detached.
    branch: Option<String>,
    /// The branch that `HEAD` means.
    head: String,
    /// The commit that the version means here, where it is no branch.
    resolved: Option<String>,
    /// Whether the branch of that name is here.
    has_branch: bool,
    modified: bool,
    url: Option<String>,
    url_differs: bool,
    submodules_differ: bool,
    /// The repository, when it must move to `separate_git_dir`.
    moves_from: Option<PathBuf>,
    is_annotated_tag: bool,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nowhere to put it.
    #[error("the destination directory must be specified unless clone=no")]
    NoDestination,
    /// There are changes.
    #[error("Local modifications exist in the destination: {0} (force=no).")]
    Modified(String),
    /// The remote does not have the version.
    #[error("Could not determine remote revision for {0}")]
    NoRevision(String),
    /// `.git` is a file and leads nowhere.
    #[error(
        "Current repo does not have a valid reference to a separate Git dir or it refers to the \
         invalid path"
    )]
    GitFile,
    /// A number that was not quoted.
    #[error("umask must be defined as a quoted octal integer")]
    UmaskType,
    /// Not octal.
    #[error("umask must be an octal integer")]
    Umask,
    /// The name of the archive tells no format.
    #[error("Unable to get file extension from archive file name : {0}")]
    ArchiveName(String),
    /// Somebody else signed.
    #[error("The gpg_allowlist does not include the public key \"{0}\" for this commit")]
    Signer(String),
    /// `separate_git_dir` is taken.
    #[error("Separate-git-dir path {0} already exists.")]
    GitDirExists(String),
    /// There is no ssh.
    #[error("Remote host is missing ssh command, so you cannot use acceptnewhostkey option.")]
    NoSsh,
}

/// The reason of the effect that checks the signature.
const VERIFY: &str = "the signature must be good";
/// The reason of the effect after which the commit is told.
const ARRIVE: &str = "to the version";

impl Module for GitCheckout {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        observe::observe(params, host)
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        if !observed.warnings.is_empty() {
            plan.set("warnings", observed.warnings.clone());
        }
        match (&observed.checkout, &observed.dest) {
            (Some(checkout), Some(_)) => update(params, observed, checkout, &mut plan)?,
            (None, Some(dest)) if params.clone => {
                plan.set("before", Json::Null);
                plan.set("after", observed.remote.commit.clone());
                let after = observed.remote.commit.clone();
                let mut commands = commands::clone(params, observed, dest);
                commands.extend(commands::switch(params, observed, None));
                commands.extend(commands::submodules(params, &observed.git, dest));
                if params.verify_commit {
                    push(dest, [None, after.clone()], commands, "it is not there", &mut plan);
                    verify(params, observed, dest, &mut plan);
                    commands = Vec::new();
                }
                let before = if params.verify_commit { after.clone() } else { None };
                commands.push(observed.git.at(dest, ["rev-parse", "HEAD"]));
                push(dest, [before, after], commands, ARRIVE, &mut plan);
            }
            _ => {
                // only a look at the remote, which counts as a change
                plan.set("before", Json::Null);
                plan.set("after", observed.remote.commit.clone());
            }
        }
        if let (Some(archive), Some(dest)) = (&observed.archive, &observed.dest) {
            archive.plan(params, &observed.git, dest, &mut plan);
        }
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut returned = plan.returned.clone();
        let only_asked = observed.checkout.is_none() && !params.clone;
        for (planned, applied) in plan.effects.iter().zip(applied) {
            let Applied::Ran(output) = applied else { continue };
            if planned.reason == ARRIVE {
                returned.insert("after".to_owned(), Json::from(output.stdout_text().trim()));
            }
            if planned.reason == VERIFY
                && let Some(allowed) = params.gpg_allowlist.as_ref().filter(|list| !list.is_empty())
            {
                let signer = commands::signer(&output.stderr_text());
                if !allowed.contains(&signer) {
                    return Err(Stop::failed(Error::Signer(signer))
                        .with("rc", output.status)
                        .with("stdout", output.stdout_text())
                        .with("stderr", output.stderr_text()));
                }
            }
        }
        let asks = [ARRIVE, VERIFY, "it differs"];
        let rests = plan.effects.iter().any(|planned| !asks.contains(&planned.reason.as_str()));
        let moved = returned.get("before") != returned.get("after");
        Ok(Conclusion { changed: only_asked || rests || moved, returned })
    }

    fn explain(params: &Params, _: &Observed, planned: &Planned, error: HostError) -> Stop {
        let HostError::CommandFailed { command, output } = &error else {
            return Stop::Host(error);
        };
        let (out, err) = (output.stdout_text(), output.stderr_text());
        let version = &params.version;
        let message = if planned.reason == VERIFY {
            format!("Failed to verify GPG signature of commit/tag \"{version}\"")
        } else if command.contains(" checkout ") || command.contains(" reset ") {
            format!("Failed to checkout {version}")
        } else if command.contains(" fetch ") {
            format!("Failed to download remote objects and refs: {out} {err}")
        } else if command.contains(" submodule ") {
            format!("Failed to init/update submodules: {out}{err}")
        } else if command.contains(" archive ") {
            "Failed to perform archive operation".to_owned()
        } else {
            err.trim().to_owned()
        };
        Stop::failed(message)
            .with("cmd", command.clone())
            .with("rc", output.status)
            .with("stdout", out)
            .with("stderr", err)
    }
}

/// What brings a checkout that is there to the version.
fn update(
    params: &Params,
    observed: &Observed,
    checkout: &Checkout,
    plan: &mut Plan,
) -> Result<(), Stop> {
    let Some(dest) = &observed.dest else { return Ok(()) };
    plan.set("before", checkout.commit.clone());
    plan.set("after", checkout.commit.clone());
    if let (Some(from), Some(to)) = (&checkout.moves_from, &params.separate_git_dir) {
        let to = to.to_string_lossy().into_owned();
        plan.set("git_dir_before", from.to_string_lossy().into_owned());
        plan.set("git_dir_now", to.clone());
        let command = observed.git.at(dest, ["init", "--separate-git-dir", &to]);
        let commit = Some(checkout.commit.clone());
        push(dest, [commit.clone(), commit], vec![command], "the repository moves", plan);
    }
    if !params.update {
        return Ok(());
    }
    if checkout.modified {
        let place = dest.display().to_string();
        if !params.force {
            let stop = Stop::failed(Error::Modified(place));
            return Err(stop.with("before", checkout.commit.clone()).with("changed", false));
        }
        plan.set("msg", format!("Local modifications exist in the destination: {place}"));
    }
    plan.set("remote_url_changed", checkout.url.is_some() && checkout.url_differs);
    let target = observed.remote.commit.clone().or_else(|| checkout.resolved.clone());
    if let Some(target) = target.clone().or_else(|| Some(params.version.clone())) {
        plan.set("after", target);
    }
    let branch = match observed.remote.kind {
        Kind::Head => Some(&checkout.head),
        Kind::Branch => Some(&params.version),
        Kind::Tag | Kind::Commit => None,
    };
    let stands = target.as_ref() == Some(&checkout.commit)
        && (params.bare || checkout.branch.as_ref() == branch);
    if stands && !checkout.modified && !checkout.url_differs && !checkout.submodules_differ {
        return Ok(());
    }
    let mut commands = Vec::new();
    let mut reasons = Vec::new();
    if checkout.modified {
        commands.push(observed.git.at(dest, ["reset", "--hard", "HEAD"]));
        reasons.push("there are local changes");
    }
    if checkout.url_differs {
        let words = ["remote", "set-url", &params.remote, &observed.repo];
        commands.push(observed.git.at(dest, words));
        reasons.push("the remote differs");
    }
    if checkout.submodules_differ {
        plan.set("submodules_changed", true);
        reasons.push("submodules differ");
    }
    commands.extend(commands::fetch(params, observed, checkout, dest));
    commands.extend(commands::switch(params, observed, Some(checkout)));
    commands.extend(commands::submodules(params, &observed.git, dest));
    let mut before = Some(checkout.commit.clone());
    if params.verify_commit || !reasons.is_empty() {
        let reason = if reasons.is_empty() { "it differs".to_owned() } else { reasons.join(", ") };
        push(dest, [before, target.clone()], commands, &reason, plan);
        if params.verify_commit {
            verify(params, observed, dest, plan);
        }
        before = target.clone();
        commands = Vec::new();
    }
    commands.push(observed.git.at(dest, ["rev-parse", "HEAD"]));
    push(dest, [before, target], commands, ARRIVE, plan);
    Ok(())
}

fn verify(params: &Params, observed: &Observed, dest: &Path, plan: &mut Plan) {
    let annotated = observed.checkout.as_ref().is_some_and(|checkout| checkout.is_annotated_tag)
        || observed.remote.kind == Kind::Tag;
    let mut words = vec![if annotated { "verify-tag" } else { "verify-commit" }, &params.version];
    if params.gpg_allowlist.as_ref().is_some_and(|list| !list.is_empty()) {
        words.push("--raw");
    }
    let command = observed.git.at(dest, words);
    let commit = observed.remote.commit.clone();
    push(dest, [commit.clone(), commit], vec![command], VERIFY, plan);
}

/// Adds an effect on the checkout, with its commit before and after.
fn push(
    dest: &Path,
    [before, after]: [Option<String>; 2],
    commands: Vec<Command>,
    reason: &str,
    plan: &mut Plan,
) {
    let change = SettingChange {
        kind: "git".to_owned(),
        name: dest.to_string_lossy().into_owned(),
        before: before.map(Json::from),
        after: after.map(Json::from),
        commands,
        fills: vec![dest.to_owned()],
        ..SettingChange::default()
    };
    plan.push(Effect::Setting(change), reason);
}

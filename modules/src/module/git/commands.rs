//! Calls of git.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Checkout, Kind, Observed, Params};
use crate::effect::Command;
use crate::module::program;

/// The program and what its calls share.
#[derive(Debug, Clone, Default)]
pub(super) struct Git {
    pub(super) program: String,
    /// How it calls `ssh`.
    pub(super) ssh: String,
    pub(super) umask: Option<u32>,
}

impl Git {
    /// A call somewhere.
    pub(super) fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut argv: Vec<String> = Vec::new();
        if let Some(umask) = self.umask {
            let script = "umask \"$1\"; shift; exec \"$@\"";
            argv.extend(["/bin/sh", "-c", script, "sh"].map(str::to_owned));
            argv.push(format!("{umask:04o}"));
        }
        argv.push(self.program.clone());
        argv.extend(words.into_iter().map(str::to_owned));
        let mut command = program::command(argv);
        let environment: &mut BTreeMap<String, String> = &mut command.environment;
        environment.insert("GIT_SSH_COMMAND".to_owned(), self.ssh.clone());
        command
    }

    /// A call in the checkout.
    pub(super) fn at<'a>(&self, dest: &Path, words: impl IntoIterator<Item = &'a str>) -> Command {
        Command { directory: Some(dest.to_owned()), ..self.call(words) }
    }
}

/// Makes the checkout.
pub(super) fn clone(params: &Params, observed: &Observed, dest: &Path) -> Vec<Command> {
    let mut words: Vec<String> = vec!["clone".to_owned()];
    if params.bare {
        words.push("--bare".to_owned());
    } else {
        words.extend(["--origin".to_owned(), params.remote.clone()]);
    }
    let named = matches!(observed.remote.kind, Kind::Branch | Kind::Tag);
    let mut branch = false;
    if let Some(depth) = params.depth {
        let head = params.version == "HEAD" || params.refspec.is_some();
        if head || named {
            words.extend(["--depth".to_owned(), depth.to_string()]);
            branch = !head;
        }
    }
    if let Some(reference) = &params.reference {
        words.extend(["--reference".to_owned(), reference.clone()]);
    }
    if params.single_branch {
        words.push("--single-branch".to_owned());
        branch |= named;
    }
    if branch {
        words.extend(["--branch".to_owned(), params.version.clone()]);
    }
    if let Some(directory) = &params.separate_git_dir {
        words.push(format!("--separate-git-dir={}", directory.display()));
    }
    words.extend([observed.repo.clone(), dest.to_string_lossy().into_owned()]);
    let git = &observed.git;
    let mut commands = vec![git.call(words.iter().map(String::as_str))];
    if params.bare && params.remote != "origin" {
        commands.push(git.at(dest, ["remote", "add", &params.remote, &observed.repo]));
    }
    if let Some(refspec) = &params.refspec {
        let depth = params.depth.map(|depth| format!("--depth={depth}"));
        let words = std::iter::once("fetch").chain(depth.as_deref());
        commands.push(git.at(dest, words.chain([params.remote.as_str(), refspec.as_str()])));
    }
    commands
}

/// Fetches what a checkout that is there lacks.
pub(super) fn fetch(
    params: &Params,
    observed: &Observed,
    checkout: &Checkout,
    dest: &Path,
) -> Vec<Command> {
    let (remote, version) = (params.remote.as_str(), params.version.as_str());
    let mut words: Vec<String> = vec!["fetch".to_owned()];
    let mut specs: Vec<String> = Vec::new();
    if let Some(depth) = params.depth {
        match (&params.refspec, observed.remote.kind) {
            (Some(refspec), _) => specs.push(refspec.clone()),
            (None, Kind::Head) => specs.push(checkout.head.clone()),
            (None, Kind::Branch) => {
                if checkout.branch.as_deref() != Some(version) {
                    specs.push(format!("+refs/heads/{version}:refs/heads/{version}"));
                }
                specs.push(format!("+refs/heads/{version}:refs/remotes/{remote}/{version}"));
            }
            (None, Kind::Tag) => specs.push(format!("+refs/tags/{version}:refs/tags/{version}")),
            (None, Kind::Commit) => {}
        }
        if !specs.is_empty() {
            words.extend(["--depth".to_owned(), depth.to_string()]);
        }
    }
    if specs.is_empty() {
        if params.bare {
            let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
            specs.extend(all.map(str::to_owned));
        } else {
            words.push("--tags".to_owned());
        }
        specs.extend(params.refspec.clone());
    }
    words.extend(params.force.then(|| "--force".to_owned()));
    words.push(remote.to_owned());
    words.extend(specs);
    vec![observed.git.at(dest, words.iter().map(String::as_str))]
}

/// Puts the working tree at the version.
pub(super) fn switch(
    params: &Params,
    observed: &Observed,
    checkout: Option<&Checkout>,
) -> Vec<Command> {
    let Some(dest) = observed.dest.as_deref().filter(|_| !params.bare) else { return Vec::new() };
    let (git, remote, version) = (&observed.git, &params.remote, params.version.as_str());
    match (observed.remote.kind, checkout) {
        // a fresh clone stands there
        (Kind::Head, None) => Vec::new(),
        (Kind::Head, Some(checkout)) => vec![
            git.at(dest, ["checkout", "--force", &checkout.head]),
            git.at(dest, ["reset", "--hard", &format!("{remote}/{}", checkout.head), "--"]),
        ],
        (Kind::Branch, Some(checkout)) if checkout.has_branch => vec![
            git.at(dest, ["checkout", "--force", version]),
            git.at(dest, ["reset", "--hard", &format!("{remote}/{version}")]),
        ],
        (Kind::Branch, _) => {
            // a shallow clone follows one branch only
            let mut commands = Vec::new();
            if let Some(depth) = params.depth.filter(|_| checkout.is_some()) {
                let depth = format!("--depth={depth}");
                let spec = format!("+refs/heads/{version}:refs/remotes/{remote}/{version}");
                commands.push(git.at(dest, ["fetch", &depth, remote, &spec]));
            }
            let start = format!("{remote}/{version}");
            commands.push(git.at(dest, ["checkout", "--force", "--track", "-B", version, &start]));
            commands
        }
        (Kind::Tag | Kind::Commit, _) => vec![git.at(dest, ["checkout", "--force", version])],
    }
}

/// Brings submodules to what the version has of them; nothing happens where there are none.
pub(super) fn submodules(params: &Params, git: &Git, dest: &Path) -> Vec<Command> {
    if !params.recursive || params.bare {
        return Vec::new();
    }
    let mut update = vec!["submodule", "update", "--init", "--recursive"];
    update.extend(params.track_submodules.then_some("--remote"));
    update.extend(params.force.then_some("--force"));
    vec![git.at(dest, ["submodule", "sync"]), git.at(dest, update)]
}

/// The primary key that signed, from what git prints of gpg's status.
pub(super) fn signer(status: &str) -> String {
    for line in status.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.get(1) == Some(&"VALIDSIG") {
            let primary = if words.len() == 11 { words.get(10) } else { words.get(11) };
            return primary.or(words.get(2)).copied().unwrap_or_default().to_owned();
        }
    }
    String::new()
}

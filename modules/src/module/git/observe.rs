//! What the checkout and the remote have.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::archive::Archive;
use super::commands::Git;
use super::{Checkout, Error, Kind, Observed, Params, Remote};
use crate::contract::Stop;
use crate::effect::{Command, Output};
use crate::host::{FileKind, Follow, Host};
use crate::module::{expansion, program};

pub(super) fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
    if params.dest.is_none() && params.clone {
        return Err(Stop::failed(Error::NoDestination));
    }
    let mut warnings = Vec::new();
    let git = git(params, &mut warnings, host)?;
    let expanded = expansion::path(Path::new(&params.repo), host)?;
    let repo = if expanded.is_absolute() {
        format!("file://{}", expanded.display())
    } else {
        params.repo.clone()
    };
    let dest = match &params.dest {
        Some(dest) => Some(absolute(expansion::path(dest, host)?)),
        None => None,
    };
    let mut observed = Observed {
        git,
        repo,
        dest,
        remote: Remote::default(),
        checkout: None,
        archive: None,
        warnings,
    };
    if let Some(dest) = observed.dest.clone()
        && let Some(repository) = repository(params, &dest, host)?
    {
        observed.checkout = Some(checkout(params, &observed, &dest, &repository, host)?);
    }
    let asks_remote = observed.checkout.is_none() || params.update;
    if asks_remote {
        observed.remote = remote(params, &observed, host)?;
    }
    if params.depth.is_some() && observed.checkout.is_none() && params.clone {
        let has_name = observed.remote.kind != Kind::Commit || params.refspec.is_some();
        if !has_name {
            observed.warnings.push(
                "Ignoring depth argument. Shallow clones are only available for HEAD, branches, \
                 tags or in combination with refspec."
                    .to_owned(),
            );
        }
    }
    if let (Some(archive), Some(dest)) = (&params.archive, observed.dest.clone()) {
        let path = expansion::path(archive, host)?;
        observed.archive = Some(Archive::observe(params, &observed, path, &dest, host)?);
    }
    Ok(observed)
}

fn absolute(path: PathBuf) -> PathBuf {
    if path.is_absolute() { path.components().collect() } else { Path::new("/").join(path) }
}

fn git(params: &Params, warnings: &mut Vec<String>, host: &mut dyn Host) -> Result<Git, Stop> {
    let program = match &params.executable {
        Some(path) => expansion::path(path, host)?.to_string_lossy().into_owned(),
        None => program::required(host, "git")?,
    };
    let umask = match &params.umask {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => {
            let digits = text.trim().trim_start_matches("0o");
            Some(u32::from_str_radix(digits, 8).map_err(|_| Stop::failed(Error::Umask))?)
        }
        Some(_) => return Err(Stop::failed(Error::UmaskType)),
    };
    let mut options = host.environment("GIT_SSH_OPTS").unwrap_or_default();
    if let Some(given) = &params.ssh_opts {
        options = format!("{options} {given}");
    }
    let decided = ["StrictHostKeyChecking=no", "StrictHostKeyChecking=accept-new"]
        .iter()
        .any(|option| options.contains(option));
    if params.accept_hostkey && !decided {
        options.push_str(" -o StrictHostKeyChecking=no");
    }
    if params.accept_newhostkey {
        let Some(ssh) = host.find_program("ssh")? else { return Err(Stop::failed(Error::NoSsh)) };
        let ssh = ssh.to_string_lossy().into_owned();
        let option = "StrictHostKeyChecking=accept-new";
        if !program::query(host, [ssh.as_str(), "-o", option, "-V"])?.success() {
            let text = "Your ssh client does not support accept_newhostkey option, therefore it \
                        cannot be used.";
            warnings.push(text.to_owned());
        } else if !decided {
            options = format!("{options} -o {option}");
        }
    }
    if !options.contains("BatchMode=yes") {
        options.push_str(" -o BatchMode=yes");
    }
    if let Some(key) = &params.key_file {
        let key = expansion::path(key, host)?;
        options = format!("{options} -i {}", shell_words::quote(&key.to_string_lossy()));
        if !options.contains("IdentitiesOnly=yes") {
            options.push_str(" -o IdentitiesOnly=yes");
        }
    }
    let client = host.environment("GIT_SSH").or_else(|| host.environment("GIT_SSH_COMMAND"));
    let ssh = format!("{} {}", client.unwrap_or_else(|| "ssh".to_owned()), options.trim());
    Ok(Git { program, ssh, umask })
}

/// Where the repository of the checkout is; `None` when there is none.
fn repository(params: &Params, dest: &Path, host: &mut dyn Host) -> Result<Option<PathBuf>, Stop> {
    let name = dest.to_string_lossy().into_owned();
    if host.rehearsed("git", &name).is_some_and(|kept| kept.value.is_some()) {
        return Ok(Some(dest.join(".git")));
    }
    let mut path = if params.bare { dest.to_owned() } else { dest.join(".git") };
    let stat = host.stat(&path, Follow::Yes)?;
    if stat.is_some_and(|stat| stat.kind == FileKind::File) {
        let text = host.read(&path)?;
        let text = String::from_utf8_lossy(&text);
        let leads = text.trim_end().strip_prefix("gitdir: ").map(|to| dest.join(to));
        path = leads.ok_or_else(|| Stop::failed(Error::GitFile))?;
        let stat = host.stat(&path, Follow::Yes)?;
        if stat.is_none_or(|stat| stat.kind != FileKind::Directory) {
            return Err(Stop::failed(Error::GitFile));
        }
    }
    Ok(host.stat(&path.join("config"), Follow::Yes)?.map(|_| path))
}

fn ask(command: &Command, host: &mut dyn Host) -> Result<Output, Stop> {
    Ok(host.query(command)?)
}

fn line(output: &Output) -> Option<String> {
    let text = output.stdout_text();
    let line = text.trim();
    (output.success() && !line.is_empty()).then(|| line.to_owned())
}

fn checkout(
    params: &Params,
    observed: &Observed,
    dest: &Path,
    repository: &Path,
    host: &mut dyn Host,
) -> Result<Checkout, Stop> {
    let git = &observed.git;
    let version = params.version.as_str();
    if let Some(kept) = host.rehearsed("git", &dest.to_string_lossy()) {
        // it was cloned or brought to a commit by an earlier task
        let commit = kept.value.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned();
        return Ok(Checkout {
            resolved: Some(commit.clone()).filter(|commit| commit == version),
            branch: Some(version.to_owned()),
            head: version.to_owned(),
            url: Some(observed.repo.clone()),
            commit,
            ..Checkout::default()
        });
    }
    let mut found = Checkout {
        commit: line(&ask(&git.at(dest, ["rev-parse", "HEAD"]), host)?).unwrap_or_default(),
        ..Checkout::default()
    };
    if let Some(separate) = &params.separate_git_dir
        && separate != repository
    {
        if host.stat(separate, Follow::Yes)?.is_some() {
            return Err(Stop::failed(Error::GitDirExists(separate.display().to_string())));
        }
        found.moves_from = Some(repository.to_owned());
    }
    if !params.update {
        return Ok(found);
    }
    if !params.bare {
        let status = git.at(dest, ["status", "--porcelain", "--untracked-files=no"]);
        found.modified = line(&ask(&status, host)?).is_some();
    }
    let branch = git.at(dest, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
    found.branch = line(&ask(&branch, host)?);
    let remote_head = format!("refs/remotes/{}/HEAD", params.remote);
    found.head = match &found.branch {
        Some(branch) => branch.clone(),
        None => {
            let head = git.at(dest, ["symbolic-ref", "--quiet", "--short", &remote_head]);
            let head = line(&ask(&head, host)?).unwrap_or_default();
            let prefix = format!("{}/", params.remote);
            head.strip_prefix(&prefix).unwrap_or(&head).to_owned()
        }
    };
    let verify = ["rev-parse", "--verify", "--quiet"];
    let commit = format!("{version}^{{commit}}");
    found.resolved = line(&ask(&git.at(dest, verify.into_iter().chain([commit.as_str()])), host)?);
    let local = format!("refs/heads/{version}");
    found.has_branch =
        line(&ask(&git.at(dest, verify.into_iter().chain([local.as_str()])), host)?).is_some();
    if params.verify_commit {
        let kind = git.at(dest, ["cat-file", "-t", version]);
        found.is_annotated_tag = line(&ask(&kind, host)?).as_deref() == Some("tag");
    }
    found.url = line(&ask(&git.at(dest, ["ls-remote", "--get-url", &params.remote]), host)?);
    found.url_differs = match &found.url {
        Some(url) => *url != observed.repo && !same_place(url, &observed.repo, host)?,
        None => false,
    };
    let modules = dest.join(".gitmodules");
    if params.recursive && !params.bare && host.stat(&modules, Follow::Yes)?.is_some() {
        let status = ask(&git.at(dest, ["submodule", "status"]), host)?;
        let differs = status.stdout_text().lines().any(|line| !line.starts_with(' '));
        found.submodules_differ = differs || params.track_submodules;
    }
    Ok(found)
}

/// Whether two names of a repository lead to the same directory.
fn same_place(one: &str, other: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    let mut place = |name: &str| -> Result<PathBuf, Stop> {
        let path = expansion::path(Path::new(name), host)?;
        Ok(super::super::host_path::follow_links(host, &path)?)
    };
    Ok(place(one)? == place(other)?)
}

/// What the remote has of the version.
fn remote(params: &Params, observed: &Observed, host: &mut dyn Host) -> Result<Remote, Stop> {
    let version = params.version.as_str();
    let head = observed.checkout.as_ref().map(|checkout| checkout.head.clone());
    let branch = match &head {
        Some(head) if version == "HEAD" => format!("refs/heads/{head}"),
        _ => format!("refs/heads/{version}"),
    };
    let tag = format!("refs/tags/{version}");
    let peeled = format!("{tag}^{{}}");
    let words = ["ls-remote", &observed.repo, "HEAD", &branch, &tag, &peeled];
    let output = ask(&observed.git.call(words), host)?;
    if !output.success() {
        // what Ansible asks first
        let (git, repo) = (&observed.git.program, &observed.repo);
        let asked = format!("{git} ls-remote {repo} -h refs/heads/{version}");
        return Err(program::failure(&output).with("cmd", asked));
    }
    let text = output.stdout_text();
    let commit = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(_, found)| *found == name)
            .map(|(commit, _)| commit.to_owned())
    };
    if version == "HEAD" {
        let name = if head.is_some() { branch.as_str() } else { "HEAD" };
        let Some(commit) = commit(name) else {
            return Err(Stop::failed(Error::NoRevision(version.to_owned()))
                .with("rc", output.status)
                .with("stdout", text.clone())
                .with("stderr", output.stderr_text()));
        };
        return Ok(Remote { commit: Some(commit), kind: Kind::Head });
    }
    if let Some(commit) = commit(&branch) {
        return Ok(Remote { commit: Some(commit), kind: Kind::Branch });
    }
    if let Some(commit) = commit(&peeled).or_else(|| commit(&tag)) {
        return Ok(Remote { commit: Some(commit), kind: Kind::Tag });
    }
    let is_whole = version.len() == 40 && version.chars().all(|digit| digit.is_ascii_hexdigit());
    let resolved = observed.checkout.as_ref().and_then(|checkout| checkout.resolved.clone());
    let commit = resolved.or_else(|| is_whole.then(|| version.to_owned()));
    Ok(Remote { commit, kind: Kind::Commit })
}

//! Repositories, by the programs of this machine (`git`, `hg`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{GalaxyError, Voice};

/// Whether certificates of servers are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificates {
    /// They must be good.
    #[default]
    Checked,
    /// Whatever they are.
    Ignored,
}

/// A git repository with a collection in it: `git+URL#FOLDER,VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// What it is called.
    pub(super) name: String,
    /// Branch, tag or commit; `HEAD` where none is named.
    pub(super) version: String,
    /// The repository.
    pub(super) url: String,
    /// The folder in it; empty for its root.
    pub(super) folder: String,
}

impl Pointer {
    /// Takes a pointer apart; a version beside it counts where it names none.
    pub(super) fn parse(text: &str, version: &str) -> Self {
        let (text, version) = match text.split_once(',') {
            Some((text, version)) => (text, version),
            None if version.is_empty() || version == "*" => (text, "HEAD"),
            None => (text, version),
        };
        let path = text.strip_prefix("git+").unwrap_or(text);
        let (url, folder) = path.split_once('#').unwrap_or((path, ""));
        let last = || url.rsplit('/').next().unwrap_or(url);
        let name = if url.ends_with("/.git") {
            url.rsplit('/').nth(1).unwrap_or(url)
        } else if !url.contains("://") && !url.contains('@') {
            url
        } else {
            last().strip_suffix(".git").unwrap_or_else(last)
        };
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            url: url.to_owned(),
            folder: folder.trim_matches('/').to_owned(),
        }
    }
}

/// The path of a program.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Clones a collection's repository below a folder; gives the folder of the collection.
pub(super) fn clone_collection(
    pointer: &Pointer,
    below: &Path,
    certificates: Certificates,
) -> Result<PathBuf, GalaxyError> {
    let url = &pointer.url;
    let git = program("git").ok_or_else(|| {
        GalaxyError::refused(format!(
            "Could not find git executable to extract the collection from the Git repository \
             `{url}`."
        ))
    })?;
    let name = pointer.name.replace('/', "_");
    let there = tempfile::Builder::new()
        .prefix(&name)
        .tempdir_in(below)
        .map_err(GalaxyError::file("make a folder in", below))?
        .keep();
    let mut clone = Command::new(&git);
    clone.arg("clone");
    if pointer.version == "HEAD" {
        clone.arg("--depth=1");
    }
    if certificates == Certificates::Ignored {
        clone.args(["-c", "http.sslVerify=false"]);
    }
    clone.arg("--").arg(url).arg(&there);
    if !succeeds(&mut clone) {
        return Err(GalaxyError::refused(format!(
            "Failed to clone a Git repository from `{url}`."
        )));
    }
    let mut switch = Command::new(&git);
    // a version is never an option
    let version = &pointer.version;
    switch.current_dir(&there).args(["checkout", version.as_str()]);
    if version.starts_with('-') || !succeeds(&mut switch) {
        return Err(GalaxyError::refused(format!(
            "Failed to switch a cloned Git repo `{url}` to the requested revision `{version}`."
        )));
    }
    Ok(if pointer.folder.is_empty() { there } else { there.join(&pointer.folder) })
}

/// Whether a program ends well; what it says goes to ours.
fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A role's repository.
#[derive(Debug)]
pub(super) struct RoleRepository<'a> {
    /// `git` or `hg`.
    pub(super) scm: &'a str,
    pub(super) source: &'a str,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    /// Whether `.git` comes along.
    pub(super) keep_history: bool,
    pub(super) certificates: Certificates,
}

/// Packs a role's repository into a tarball below a folder.
pub(super) fn pack_role(
    role: &RoleRepository<'_>,
    below: &Path,
    voice: &dyn Voice,
) -> Result<PathBuf, GalaxyError> {
    let scm = role.scm;
    if !matches!(scm, "git" | "hg") {
        return Err(GalaxyError::refused(format!("- scm {scm} is not currently supported")));
    }
    let program = program(scm).ok_or_else(|| {
        GalaxyError::refused(format!(
            "Could not find/use '{scm}', it is required to continue with installing '{}'.",
            role.source
        ))
    })?;
    let folder =
        tempfile::tempdir_in(below).map_err(GalaxyError::file("make a folder in", below))?.keep();
    let mut clone: Vec<&str> = vec!["clone"];
    match (role.certificates, scm) {
        (Certificates::Ignored, "git") => clone.extend(["-c", "http.sslVerify=false"]),
        (Certificates::Ignored, _) => clone.push("--insecure"),
        (Certificates::Checked, _) => {}
    }
    clone.extend(["--", role.source, role.name]);
    run(&program, &clone, &folder)?;
    let checkout = folder.join(role.name);
    let version = role.version.filter(|version| !version.is_empty());
    if let (Some(version), "git") = (version, scm) {
        if version.starts_with('-') {
            return Err(GalaxyError::refused(format!("`{version}` is no version")));
        }
        run(&program, &["checkout", version], &checkout)?;
    }
    let tarball = folder.join("role.tar");
    if role.keep_history {
        voice.detail(
            3,
            &format!("tarring {} from {} to {}", role.name, folder.display(), tarball.display()),
        );
        let file = std::fs::File::create(&tarball).map_err(GalaxyError::file("write", &tarball))?;
        let mut builder = tar::Builder::new(file);
        builder.follow_symlinks(false);
        builder
            .append_dir_all(role.name, &checkout)
            .and_then(|()| builder.finish())
            .map_err(GalaxyError::file("pack", &checkout))?;
        return Ok(tarball);
    }
    let shown = tarball.display().to_string();
    let prefix = format!("{}/", role.name);
    match scm {
        "git" => {
            let prefix = format!("--prefix={prefix}");
            let output = format!("--output={shown}");
            run(&program, &["archive", &prefix, &output, version.unwrap_or("HEAD")], &checkout)?;
        }
        _ => {
            let mut words = vec!["archive", "--prefix", &prefix];
            if let Some(version) = version {
                words.extend(["-r", version]);
            }
            words.push(&shown);
            run(&program, &words, &checkout)?;
        }
    }
    Ok(tarball)
}

fn run(program: &Path, words: &[&str], folder: &Path) -> Result<(), GalaxyError> {
    let shown = format!("{} {}", program.display(), words.join(" "));
    let done = Command::new(program)
        .args(words.iter().map(OsStr::new))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| GalaxyError::refused(format!("when executing {shown}: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let code = done.status.code().map_or("none".to_owned(), |code| code.to_string());
    Err(GalaxyError::refused(format!(
        "- command {shown} failed in directory {} (rc={code}) - {}",
        folder.display(),
        String::from_utf8_lossy(&done.stderr)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `parse_scm` of ansible-core 2.19.
    #[test]
    fn pointers_are_taken_apart() {
        for (text, version, name, at, url, folder) in [
            ("git+file:///x/repo/.git", "*", "repo", "HEAD", "file:///x/repo/.git", ""),
            ("git+https://h/o/r.git#/c/", "*", "r", "HEAD", "https://h/o/r.git", "c"),
            ("git+https://h/o/r.git,v1", "*", "r", "v1", "https://h/o/r.git", ""),
            ("git@h:o/r.git#a/b,main", "1.0", "r", "main", "git@h:o/r.git", "a/b"),
            ("https://h/o/r", "devel", "r", "devel", "https://h/o/r", ""),
            ("/x/repo", "", "/x/repo", "HEAD", "/x/repo", ""),
        ] {
            let found = Pointer::parse(text, version);
            assert_eq!(
                (found.name, found.version, found.url, found.folder),
                (name.to_owned(), at.to_owned(), url.to_owned(), folder.to_owned()),
                "{text}"
            );
        }
    }
}

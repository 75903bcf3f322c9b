//! Roles: installed, told of, removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::checkout::{RoleRepository, pack_role};
use super::document::{self, plain, to_yaml};
use super::role_archive::RoleArchive;
use super::server::Notice;
use super::{Certificates, GalaxyError, RoleRequirement, Server, Voice, http};

/// Where roles lie: the first folder is the one that they are put into.
#[derive(Debug, Clone)]
pub struct RoleFolders {
    /// The folders.
    pub paths: Vec<PathBuf>,
    /// Whether servers' certificates are checked.
    pub certificates: Certificates,
    /// Replace what is there.
    pub force: bool,
    /// Replace what is there, and what it needs.
    pub force_with_deps: bool,
    /// Install only what is asked for directly.
    pub no_deps: bool,
    /// Keep the repository's past (`.git`).
    pub keep_history: bool,
    /// Go on with the next role after an error.
    pub ignore_errors: bool,
}

/// A role and its folders.
#[derive(Debug)]
pub struct Role<'a> {
    /// What was asked for.
    pub wanted: RoleRequirement,
    folders: &'a RoleFolders,
    /// The folder that it is in, or would be in.
    pub folder: PathBuf,
}

impl<'a> Role<'a> {
    /// A role in the first of the folders.
    pub fn new(wanted: RoleRequirement, folders: &'a RoleFolders) -> Self {
        let first = folders.paths.first().cloned().unwrap_or_default();
        let folder = first.join(&wanted.name);
        Self { wanted, folders, folder }
    }

    /// The same in another folder.
    #[must_use]
    pub fn in_folder(self, folder: PathBuf) -> Self {
        Self { folder, ..self }
    }

    fn places(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.folders.paths.iter().map(|path| path.join(&self.wanted.name))
    }

    /// Whether it is in one of the folders.
    pub fn exists(&self) -> bool {
        self.places().any(|path| path.is_dir())
    }

    /// What its `meta/main.yml` says, wherever it is; none where it is not, or is not understood.
    pub fn meta(&self) -> Option<Json> {
        let pages = self
            .places()
            .flat_map(|path| ["meta/main.yml", "meta/main.yaml"].map(|page| path.join(page)));
        let page = pages.into_iter().find(|page| page.is_file())?;
        document::read(&page).ok()
    }

    /// What is noted of its installation.
    pub fn note(&self) -> Option<Json> {
        let path = self.folder.join("meta/.galaxy_install_info");
        path.is_file().then(|| document::read(&path).ok()).flatten().filter(Json::is_object)
    }

    /// The version that was installed.
    pub fn version(&self) -> Option<String> {
        self.note()?.get("version").filter(|version| !version.is_null()).map(plain)
    }

    /// Removes it, where it is a role.
    ///
    /// # Errors
    ///
    /// Files that cannot be removed.
    pub fn remove(&self) -> Result<bool, GalaxyError> {
        if self.meta().is_none_or(|meta| meta.is_null()) || !self.folder.exists() {
            return Ok(false);
        }
        fs::remove_dir_all(&self.folder).map_err(GalaxyError::file("remove", &self.folder))?;
        Ok(true)
    }

    /// Fetches its tarball.
    fn fetch(
        &mut self,
        below: &Path,
        servers: &[Server],
        voice: &dyn Voice,
    ) -> Result<Option<PathBuf>, GalaxyError> {
        if let Some(scm) = &self.wanted.scm {
            let repository = RoleRepository {
                scm,
                source: &self.wanted.source,
                name: &self.wanted.name,
                version: self.wanted.version.as_deref(),
                keep_history: self.folders.keep_history,
                certificates: self.folders.certificates,
            };
            return pack_role(&repository, below, voice).map(Some);
        }
        let source = self.wanted.source.clone();
        if Path::new(&source).is_file() {
            return Ok(Some(PathBuf::from(source)));
        }
        let url = match source.contains("://") {
            true => source,
            false => self.on_server(servers, voice)?,
        };
        voice.say(&format!("- downloading role from {url}"));
        let timeout = Duration::from_mins(1);
        let answer = http::get(&url, None, self.folders.certificates, timeout);
        let body = match answer {
            Ok(answer) if answer.status < 400 => answer.body,
            Ok(answer) => {
                voice.error(&format!("failed to download the file: HTTP Error {}", answer.status));
                return Ok(None);
            }
            Err(error) => {
                voice.error(&format!("failed to download the file: {error}"));
                return Ok(None);
            }
        };
        let path = below.join("role.tar.gz");
        fs::write(&path, body).map_err(GalaxyError::file("write", &path))?;
        Ok(Some(path))
    }

    /// Where a server has it; settles the version.
    fn on_server(&mut self, servers: &[Server], voice: &dyn Voice) -> Result<String, GalaxyError> {
        let source = self.wanted.source.clone();
        let Some(server) = servers.first() else {
            return Err(GalaxyError::refused("No valid role data found"));
        };
        let Some(found) = server.role(&source, Notice::Given, voice)? else {
            return Err(GalaxyError::refused(format!(
                "- sorry, {source} was not found on {}.",
                server.url
            )));
        };
        let text =
            |value: &Json, key: &str| value.get(key).filter(|value| !value.is_null()).map(plain);
        let versions = server.role_versions(&text(&found, "id").unwrap_or_default(), voice);
        let names: Vec<String> = versions.iter().filter_map(|row| text(row, "name")).collect();
        let wanted = self.wanted.version.clone().filter(|version| !version.is_empty());
        let version = match wanted {
            Some(version) => {
                if version != "master" && !names.is_empty() && !names.contains(&version) {
                    return Err(GalaxyError::refused(format!(
                        "- the specified version ({version}) of {} was not found in the list of \
                         available versions ({}).",
                        self.wanted.name,
                        names.join(", ")
                    )));
                }
                version
            }
            None => latest(&names)
                .or_else(|| text(&found, "github_branch").filter(|branch| !branch.is_empty()))
                .unwrap_or_else(|| "master".to_owned()),
        };
        self.wanted.version = Some(version.clone());
        let row = versions.iter().find(|row| text(row, "name").as_ref() == Some(&version));
        if let Some(row) = row
            && let Some(url) = text(row, "download_url").or_else(|| text(row, "source"))
        {
            return Ok(url);
        }
        match (text(&found, "github_user"), text(&found, "github_repo")) {
            (Some(user), Some(repository)) => {
                Ok(format!("https://github.com/{user}/{repository}/archive/{version}.tar.gz"))
            }
            _ => Err(GalaxyError::refused(format!("the server names no source of {source}"))),
        }
    }

    /// Installs it; what its `meta/main.yml` says, or none where it could not be fetched.
    fn install(
        &mut self,
        servers: &[Server],
        voice: &dyn Voice,
    ) -> Result<Option<Json>, GalaxyError> {
        let below = tempfile::Builder::new()
            .prefix("galaxy-")
            .tempdir()
            .map_err(GalaxyError::file("make a folder in", &std::env::temp_dir()))?;
        let Some(tarball) = self.fetch(below.path(), servers, voice)? else { return Ok(None) };
        let archive = RoleArchive::read(&tarball)?;
        let places: Vec<PathBuf> = self.places().collect();
        for (number, place) in places.iter().enumerate() {
            self.folder.clone_from(place);
            let shown = place.display();
            voice.say(&format!("- extracting {} to {shown}", self.wanted.name));
            match self.put(&archive, place) {
                Err(GalaxyError::File { source, .. })
                    if source.kind() == std::io::ErrorKind::PermissionDenied
                        && number + 1 < places.len() => {}
                Err(GalaxyError::File { source, .. }) => {
                    return Err(GalaxyError::refused(format!(
                        "Could not update files in {shown}: {source}"
                    )));
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        voice.say(&format!("- {} was installed successfully", self.wanted));
        Ok(Some(archive.meta))
    }

    fn put(&self, archive: &RoleArchive, place: &Path) -> Result<(), GalaxyError> {
        if place.exists() {
            if !place.is_dir() {
                return Err(GalaxyError::refused(
                    "the specified roles path exists and is not a directory.",
                ));
            }
            if !self.folders.force && !self.folders.force_with_deps {
                return Err(GalaxyError::refused(format!(
                    "the specified role {} appears to already exist. Use --force to replace it.",
                    self.wanted.name
                )));
            }
            if !self.remove()? {
                return Err(GalaxyError::refused(format!(
                    "{} doesn't appear to contain a role.\n  please remove this directory manually \
                     if you really want to put the role here.",
                    place.display()
                )));
            }
        }
        fs::create_dir_all(place).map_err(GalaxyError::file("make", place))?;
        archive.unpack(place)?;
        let meta = place.join("meta");
        fs::create_dir_all(&meta).map_err(GalaxyError::file("make", &meta))?;
        let format = format_description!(
            "[weekday repr:short] [month repr:short] [day padding:space] \
             [hour]:[minute]:[second] [year]"
        );
        let now = OffsetDateTime::now_utc().format(&format).unwrap_or_default();
        let note = json!({ "install_date": now, "version": self.wanted.version });
        let path = meta.join(".galaxy_install_info");
        fs::write(&path, to_yaml(&note)).map_err(GalaxyError::file("write", &path))
    }

    /// The roles that it needs, by `meta/main.yml` and `meta/requirements.yml`.
    fn needs(&self, meta: &Json) -> Result<Vec<RoleRequirement>, GalaxyError> {
        let list = |value: Option<Json>, what: &str| match value {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::Array(entries)) => Ok(entries),
            Some(other) => Err(GalaxyError::refused(format!(
                "Expected role dependencies to be a list. Role {} has {what} {}",
                self.wanted,
                crate::template::json_repr(&other)
            ))),
        };
        let mut entries =
            list(meta.get("dependencies").cloned(), "meta/main.yml with dependencies")?;
        let files = ["meta/requirements.yml", "meta/requirements.yaml"];
        let file = files.iter().map(|name| self.folder.join(name)).find(|path| path.is_file());
        let further = file.map(|path| document::read(&path)).transpose()?;
        entries.extend(list(further, "meta/requirements.yml")?);
        entries.iter().map(RoleRequirement::of).collect()
    }
}

/// The newest of names of versions, by the numbers in them.
fn latest(names: &[String]) -> Option<String> {
    let parts = |name: &str| -> Vec<(u64, String)> {
        let name = name.trim_start_matches(['v', 'V']);
        let split = name.split(['.', '-', '_', '+']);
        split
            .map(|part| {
                let digits =
                    part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let (number, rest) = part.split_at(digits);
                (number.parse().unwrap_or_default(), rest.to_owned())
            })
            .collect()
    };
    names.iter().max_by_key(|name| parts(name)).cloned()
}

/// Installs roles and what they need. With a file of roles and names beside it, only those.
///
/// # Errors
///
/// A role that cannot be installed, unless errors are to be passed over.
pub fn install_roles(
    wanted: Vec<RoleRequirement>,
    only: &[String],
    folders: &RoleFolders,
    servers: &[Server],
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    let mut wanted = wanted;
    let mut number = 0;
    let forced = folders.force || folders.force_with_deps;
    let failed = |text: String| {
        voice.warn(&text);
        match folders.ignore_errors {
            true => Ok(()),
            false => Err(GalaxyError::refused(
                "- you can use --ignore-errors to skip failed roles and finish processing the list.",
            )),
        }
    };
    while let Some(next) = wanted.get(number).cloned() {
        number += 1;
        if !only.is_empty() && !only.contains(&next.name) {
            voice.detail(3, &format!("Skipping role {}", next.name));
            continue;
        }
        voice.detail(3, &format!("Processing role {} ", next.name));
        let mut role = Role::new(next, folders);
        if !settle(&role, forced, voice)? {
            continue;
        }
        let meta = match role.install(servers, voice) {
            Ok(Some(meta)) => meta,
            Ok(None) => {
                failed(format!("- {} was NOT installed successfully.", role.wanted.name))?;
                continue;
            }
            Err(error) => {
                failed(format!("- {} was NOT installed successfully: {error} ", role.wanted.name))?;
                continue;
            }
        };
        if folders.no_deps {
            continue;
        }
        if meta.is_null() {
            let shown = role.folder.display();
            voice.warn(&format!("Meta file {shown} is empty. Skipping dependencies."));
            continue;
        }
        for need in role.needs(&meta)? {
            depend(&role, need, &mut wanted, voice)?;
        }
    }
    Ok(())
}

/// Whether a role is to be installed, given what is there.
fn settle(role: &Role<'_>, forced: bool, voice: &dyn Voice) -> Result<bool, GalaxyError> {
    if role.note().is_none() {
        return Ok(true);
    }
    let there = role.version();
    let shown = |version: Option<&String>| match version.filter(|version| !version.is_empty()) {
        Some(version) => version.clone(),
        None => "unspecified".to_owned(),
    };
    let (name, wanted) = (&role.wanted.name, shown(role.wanted.version.as_ref()));
    let noted = there.clone().unwrap_or_else(|| "None".to_owned());
    if forced {
        voice.say(&format!("- changing role {name} from {noted} to {wanted}"));
        role.remove()?;
        return Ok(true);
    }
    if there.unwrap_or_default() == role.wanted.version.clone().unwrap_or_default() {
        voice.say(&format!("- {} is already installed, skipping.", role.wanted));
    } else {
        voice.warn(&format!(
            "- {name} ({noted}) is already installed - use --force to change version to {wanted}"
        ));
    }
    Ok(false)
}

fn depend(
    role: &Role<'_>,
    need: RoleRequirement,
    wanted: &mut Vec<RoleRequirement>,
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    // a plain name is on no server
    if !need.name.contains('.') && !need.source.contains('.') && need.scm.is_none() {
        return Ok(());
    }
    let there = Role::new(need.clone(), role.folders);
    if there.note().is_none() {
        if wanted.iter().any(|wanted| wanted.name == need.name) {
            voice.say(&format!("- dependency {} already pending installation.", need.name));
        } else {
            voice.say(&format!("- adding dependency: {need}"));
            wanted.push(need);
        }
        return Ok(());
    }
    let (noted, asked) = (there.version(), need.version.clone());
    let same = noted.clone().unwrap_or_default() == asked.clone().unwrap_or_default();
    let noted = noted.unwrap_or_else(|| "None".to_owned());
    match (same, role.folders.force_with_deps) {
        (false, true) => {
            let asked = asked.filter(|asked| !asked.is_empty());
            voice.say(&format!(
                "- changing dependent role {} from {noted} to {}",
                need.name,
                asked.as_deref().unwrap_or("unspecified")
            ));
            there.remove()?;
            wanted.push(need);
        }
        (false, false) => voice.warn(&format!(
            "- dependency {need} ({}) from role {} differs from already installed version \
             ({noted}), skipping",
            asked.unwrap_or_default(),
            role.wanted.name
        )),
        // once is enough
        (true, true) if !wanted.contains(&need) => wanted.push(need),
        (true, _) => {
            voice.say(&format!("- dependency {} is already installed, skipping.", need.name));
        }
    }
    Ok(())
}

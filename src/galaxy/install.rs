//! Putting collections in place, or fetching them for later.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::artifact::Artifact;
use super::build::{build, build_folder};
use super::document::to_yaml;
use super::requirement::{Origin, collections_below};
use super::resolve::{Picking, Workshop, resolve};
use super::version::meets;
use super::{Certificates, Collection, GalaxyError, Installed, Server, Voice, find, with_root};

/// How collections are installed.
#[derive(Debug, Clone, Default)]
pub struct Install {
    /// Folders of the search path where collections may be already.
    pub search: Vec<PathBuf>,
    /// Replace what is there.
    pub force: bool,
    /// Replace what is there, and what it needs.
    pub force_with_deps: bool,
    /// Install only what is asked for directly.
    pub no_deps: bool,
    /// Take what comes before a release.
    pub pre_releases: bool,
    /// Replace what is there by what is newer.
    pub upgrade: bool,
    /// Ask no server.
    pub offline: bool,
    /// Go on with the next collection after an error.
    pub ignore_errors: bool,
    /// Whether servers' certificates are checked.
    pub certificates: Certificates,
    /// Whether nothing is said of signatures that are not verified.
    pub no_signatures: bool,
}

impl Install {
    fn picking(&self) -> Picking {
        Picking {
            no_deps: self.no_deps,
            pre_releases: self.pre_releases,
            upgrade: self.upgrade,
            offline: self.offline,
        }
    }
}

/// Installs collections, and what they need, below a folder of the search path.
///
/// # Errors
///
/// A collection that is not to be had, requirements that cannot be met together, files that cannot
/// be written.
pub fn install(
    wanted: &[Collection],
    below: &Path,
    how: &Install,
    servers: &[Server],
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    let workshop = Workshop::new(servers, how.certificates, voice)?;
    let below = with_root(below);
    fs::create_dir_all(&below).map_err(GalaxyError::file("make", &below))?;
    let wanted: Vec<Collection> =
        wanted.iter().cloned().map(|wanted| workshop.known(wanted)).collect::<Result<_, _>>()?;
    let places: Vec<PathBuf> = std::iter::once(below.clone()).chain(how.search.clone()).collect();
    let existing: Vec<Collection> =
        find(&places, None, voice)?.iter().map(Collection::from).collect();
    let direct = direct(&workshop, &wanted)?;
    let there = |wanted: &Collection| {
        existing.iter().any(|existing| {
            existing.name == wanted.name && meets(&existing.version_text(), &wanted.version_text())
        })
    };
    let forced = how.force || how.force_with_deps;
    if !forced && !how.upgrade && direct.iter().all(there) {
        voice.say(
            "Nothing to do. All requested collections are already installed. If you want to \
             reinstall them, consider using `--force`.",
        );
        return Ok(());
    }
    let preferred: Vec<Collection> = match (how.force_with_deps, how.force) {
        (true, _) => Vec::new(),
        (false, true) => existing
            .into_iter()
            .filter(|existing| !direct.iter().any(|direct| direct.name == existing.name))
            .collect(),
        (false, false) => existing,
    };
    voice.say("Process install dependency map");
    let picked = resolve(&workshop, &wanted, &preferred, how.picking())?;
    voice.say("Starting collection install process");
    for collection in &picked {
        if collection.origin.is_virtual() {
            voice.detail(4, &format!("Encountered {collection}, skipping."));
            continue;
        }
        if preferred.contains(collection) {
            voice.say(&format!("'{collection}' is already installed, skipping."));
            continue;
        }
        match place(&workshop, collection, &below, how) {
            Err(error) if how.ignore_errors => voice.warn(&format!(
                "Failed to install collection {collection} but skipping due to --ignore-errors \
                 being set. Error: {error}"
            )),
            done => done?,
        }
    }
    Ok(())
}

/// What is asked for directly: the collections of a folder of folders instead of it.
fn direct(workshop: &Workshop<'_>, wanted: &[Collection]) -> Result<Vec<Collection>, GalaxyError> {
    let mut direct = Vec::new();
    for wanted in wanted {
        match &wanted.origin {
            Origin::Folders(path) => {
                for path in collections_below(Path::new(path)) {
                    direct.push(workshop.wanted(&path.display().to_string(), "*")?);
                }
            }
            _ => direct.push(wanted.clone()),
        }
    }
    Ok(direct)
}

fn place(
    workshop: &Workshop<'_>,
    collection: &Collection,
    below: &Path,
    how: &Install,
) -> Result<(), GalaxyError> {
    let artifact = workshop.artifact(collection)?;
    let (namespace, name) = collection.parts();
    let folder = below.join(namespace).join(name);
    let voice = workshop.voice;
    voice.say(&format!("Installing '{collection}' to '{}'", folder.display()));
    // what is read must not be what is replaced
    let same = fs::canonicalize(&artifact).ok() == fs::canonicalize(&folder).ok();
    if folder.exists() && same {
        return Err(GalaxyError::refused(format!(
            "'{}' cannot be installed over itself",
            folder.display()
        )));
    }
    let read = match collection.origin {
        Origin::Folder(_) => None,
        _ => Some(Artifact::read(&artifact)?),
    };
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(GalaxyError::file("remove", &folder))?;
    }
    match read {
        None => {
            let meta = workshop.meta(collection)?;
            build_folder(&artifact, &meta, &folder, voice)?;
            let shown = folder.display();
            voice.say(&format!("Created collection for {collection} at {shown}"));
        }
        Some(read) => {
            read.unpack(&folder)?;
            forget_source(below, namespace, name);
            if let Origin::Server(_) = collection.origin {
                note_source(workshop, collection, below, how)?;
            }
        }
    }
    voice.say(&format!("{collection} was installed successfully"));
    Ok(())
}

/// Removes what is noted of earlier installations.
fn forget_source(below: &Path, namespace: &str, name: &str) {
    let prefix = format!("{namespace}.{name}-");
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let noted = entry.file_name().to_string_lossy().into_owned();
        if noted.starts_with(&prefix) && noted.ends_with(".info") {
            // a note that stays does no harm
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Notes which server a collection came from.
fn note_source(
    workshop: &Workshop<'_>,
    collection: &Collection,
    below: &Path,
    how: &Install,
) -> Result<(), GalaxyError> {
    let (release, server) = workshop.release(collection)?;
    let (namespace, name) = collection.parts();
    let server = workshop.servers.get(server).map_or("", |server| server.url.as_str());
    if !how.no_signatures && release.signatures.as_array().is_some_and(|all| !all.is_empty()) {
        workshop.voice.warn(
            "The GnuPG keyring used for collection signature verification was not configured but \
             signatures were provided by the Galaxy server to verify authenticity. Configure a \
             keyring for ansible-galaxy to use or disable signature verification. Skipping \
             signature verification.",
        );
    }
    let note = json!({
        "format_version": "1.0.0",
        "namespace": namespace,
        "name": name,
        "version": collection.version,
        "server": server,
        "version_url": release.href,
        "download_url": release.download_url,
        "signatures": release.signatures,
    });
    let folder = below.join(format!("{namespace}.{name}-{}.info", collection.version_text()));
    fs::create_dir_all(&folder).map_err(GalaxyError::file("make", &folder))?;
    let path = folder.join("GALAXY.yml");
    fs::write(&path, to_yaml(&note)).map_err(GalaxyError::file("write", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
        .map_err(GalaxyError::file("set the mode of", &path))
}

impl From<&Installed> for Collection {
    fn from(installed: &Installed) -> Self {
        Self {
            name: Some(installed.name.clone()),
            version: Json::from(installed.version.clone()),
            origin: Origin::Folder(installed.folder.display().to_string()),
        }
    }
}

/// Fetches collections, and what they need, into a folder, with a `requirements.yml` of them.
///
/// # Errors
///
/// As [`install`].
pub fn download(
    wanted: &[Collection],
    folder: &Path,
    how: &Install,
    servers: &[Server],
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    let workshop = Workshop::new(servers, how.certificates, voice)?;
    fs::create_dir_all(folder).map_err(GalaxyError::file("make", folder))?;
    let wanted: Vec<Collection> =
        wanted.iter().cloned().map(|wanted| workshop.known(wanted)).collect::<Result<_, _>>()?;
    voice.say("Process download dependency map");
    let picked = resolve(&workshop, &wanted, &[], how.picking())?;
    let shown = folder.display();
    voice.say(&format!("Starting collection download process to '{shown}'"));
    let mut rows = Vec::new();
    for collection in &picked {
        if collection.origin.is_virtual() {
            voice.say(&format!("{collection} is not downloadable"));
            continue;
        }
        voice.say(&format!("Downloading collection '{collection}' to '{shown}'"));
        let artifact = workshop.artifact(collection)?;
        let path = match collection.origin {
            Origin::Folder(_) => build(&artifact, folder, true, voice)?,
            _ => {
                let path = folder.join(artifact.file_name().unwrap_or_default());
                fs::copy(&artifact, &path).map_err(GalaxyError::file("write", &path))?;
                path
            }
        };
        voice.say(&format!("Collection '{collection}' was downloaded successfully"));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        rows.push(json!({ "name": name, "version": collection.version }));
    }
    let path = folder.join("requirements.yml");
    voice.say(&format!(
        "Writing requirements.yml file of downloaded collections to '{}'",
        path.display()
    ));
    fs::write(&path, to_yaml(&json!({ "collections": rows })))
        .map_err(GalaxyError::file("write", &path))
}

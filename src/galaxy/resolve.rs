//! Which version of each collection: all that is asked for, directly or by others, must be met.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::artifact::Artifact;
use super::checkout::{Pointer, clone_collection};
use super::document::plain;
use super::manifest::digest;
use super::meta::{Lacking, Meta};
use super::requirement::{Origin, Wanted, collections_below};
use super::server::Release;
use super::version::{is_pre_release, meets, order, pinned};
use super::{Certificates, Collection, GalaxyError, Server, Voice, http};

/// How collections are picked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Picking {
    /// Take only what is asked for directly.
    pub(super) no_deps: bool,
    /// Take what comes before a release.
    pub(super) pre_releases: bool,
    /// Take newer ones than those that are installed.
    pub(super) upgrade: bool,
    /// Ask no server.
    pub(super) offline: bool,
}

/// Fetches and keeps what collections are made of, below a private folder.
pub(super) struct Workshop<'a> {
    pub(super) servers: &'a [Server],
    pub(super) certificates: Certificates,
    pub(super) voice: &'a dyn Voice,
    folder: tempfile::TempDir,
    artifacts: RefCell<HashMap<String, PathBuf>>,
    metas: RefCell<HashMap<String, Rc<Meta>>>,
    releases: RefCell<HashMap<String, (Release, usize)>>,
}

impl<'a> Workshop<'a> {
    pub(super) fn new(
        servers: &'a [Server],
        certificates: Certificates,
        voice: &'a dyn Voice,
    ) -> Result<Self, GalaxyError> {
        let folder = tempfile::Builder::new()
            .prefix("galaxy-")
            .tempdir()
            .map_err(GalaxyError::file("make a folder in", &std::env::temp_dir()))?;
        Ok(Self {
            servers,
            certificates,
            voice,
            folder,
            artifacts: RefCell::default(),
            metas: RefCell::default(),
            releases: RefCell::default(),
        })
    }

    /// The file or folder of a collection; fetched where it is not there yet.
    pub(super) fn artifact(&self, collection: &Collection) -> Result<PathBuf, GalaxyError> {
        let source = match &collection.origin {
            Origin::Server(_) => collection.to_string(),
            other => other.source().to_owned(),
        };
        if let Some(path) = self.artifacts.borrow().get(&source) {
            return Ok(path.clone());
        }
        let path = match &collection.origin {
            Origin::Server(_) => {
                let (release, server) = self.release(collection)?;
                let server = self.servers.get(server);
                self.download(&release.download_url, Some(&release.sha256), server)?
            }
            Origin::Url(url) => self.download(url, None, None).map_err(|error| {
                GalaxyError::refused(format!(
                    "Failed to download collection tar from '{url}': {error}"
                ))
            })?,
            Origin::Git(pointer) => clone_collection(
                &Pointer::parse(pointer, &collection.version_text()),
                self.folder.path(),
                self.certificates,
            )?,
            Origin::File(path) | Origin::Folder(path) | Origin::Folders(path) => {
                PathBuf::from(path)
            }
        };
        self.artifacts.borrow_mut().insert(source, path.clone());
        Ok(path)
    }

    fn download(
        &self,
        url: &str,
        sha256: Option<&str>,
        server: Option<&Server>,
    ) -> Result<PathBuf, GalaxyError> {
        let name = url.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("collection");
        let name = name.split(['?', '#']).next().unwrap_or(name);
        let stem = name.strip_suffix(".tar.gz").unwrap_or(name);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{stem}-"))
            .tempdir_in(self.folder.path())
            .map_err(GalaxyError::file("make a folder in", self.folder.path()))?
            .keep();
        self.voice.say(&format!("Downloading {url} to {}", folder.display()));
        let certificates = server.map_or(self.certificates, |server| server.certificates);
        let token = server.and_then(|server| server.token.as_ref());
        let answer = http::get(url, token, certificates, Duration::from_mins(1))?;
        if answer.status >= 400 {
            return Err(GalaxyError::refused(format!("HTTP Error {}", answer.status)));
        }
        if sha256.is_some_and(|expected| expected != digest(&answer.body)) {
            return Err(GalaxyError::refused("Mismatch artifact hash with downloaded file"));
        }
        let path = folder.join(name);
        std::fs::write(&path, &answer.body).map_err(GalaxyError::file("write", &path))?;
        Ok(path)
    }

    /// What a server says of a version.
    pub(super) fn release(&self, collection: &Collection) -> Result<(Release, usize), GalaxyError> {
        let key = collection.to_string();
        if let Some(found) = self.releases.borrow().get(&key) {
            return Ok(found.clone());
        }
        let (namespace, name) = collection.parts();
        let mut last = None;
        for number in self.asked(&collection.origin) {
            let Some(server) = self.servers.get(number) else { continue };
            match server.release(namespace, name, &collection.version_text(), self.voice) {
                Ok(release) => {
                    let found = (release, number);
                    self.releases.borrow_mut().insert(key, found.clone());
                    return Ok(found);
                }
                Err(error) => last = Some(self.skipped(server, collection, error)),
            }
        }
        Err(last.unwrap_or_else(|| {
            GalaxyError::refused(format!("Failed to find collection {collection}"))
        }))
    }

    /// The servers that are asked for a collection.
    fn asked(&self, origin: &Origin) -> Vec<usize> {
        match origin {
            Origin::Server(Some(number)) => vec![*number],
            _ => (0..self.servers.len()).collect(),
        }
    }

    fn skipped(&self, server: &Server, collection: &Collection, error: GalaxyError) -> GalaxyError {
        if error.status().is_none() {
            self.voice.warn(&format!(
                "Skipping Galaxy server {}. Got an unexpected error when getting available versions \
                 of collection {}: {error}",
                server.url,
                collection.name.as_deref().unwrap_or_default(),
            ));
        }
        error
    }

    /// The versions that servers have, each with its server.
    fn versions(&self, collection: &Collection) -> Result<Vec<(String, usize)>, GalaxyError> {
        let (namespace, name) = collection.parts();
        let (mut found, mut last, mut answered) = (Vec::new(), None, false);
        for number in self.asked(&collection.origin) {
            let Some(server) = self.servers.get(number) else { continue };
            match server.versions(namespace, name, self.voice) {
                Ok(versions) => {
                    answered = true;
                    found.extend(versions.into_iter().map(|version| (version, number)));
                }
                Err(error) => last = Some(self.skipped(server, collection, error)),
            }
        }
        match last {
            Some(error) if !answered => Err(error),
            _ => Ok(found),
        }
    }

    /// What a file or folder says of itself.
    pub(super) fn meta(&self, collection: &Collection) -> Result<Rc<Meta>, GalaxyError> {
        let source = collection.origin.source().to_owned();
        if let Some(meta) = self.metas.borrow().get(&source) {
            return Ok(Rc::clone(meta));
        }
        let path = self.artifact(collection)?;
        let meta = match &collection.origin {
            Origin::Folder(_) => {
                Meta::of_folder(&path, Lacking::Refused, self.voice)?.ok_or_else(|| {
                    GalaxyError::refused(format!(
                        "Failed to find the collection dir deps: The collection galaxy.yml path \
                         '{}/galaxy.yml' does not exist.",
                        path.display()
                    ))
                })?
            }
            _ => Artifact::read(&path)?.meta()?,
        };
        let meta = Rc::new(meta);
        self.metas.borrow_mut().insert(source, Rc::clone(&meta));
        Ok(meta)
    }

    /// The same with the name and version that its file or folder has.
    pub(super) fn known(&self, mut collection: Collection) -> Result<Collection, GalaxyError> {
        let told =
            matches!(collection.origin, Origin::Url(_) | Origin::File(_) | Origin::Folder(_));
        if !told {
            return Ok(collection);
        }
        let meta = self.meta(&collection)?;
        if collection.name.is_none() {
            collection.name = Some(meta.full_name().ok_or_else(|| {
                GalaxyError::refused(format!(
                    "Collection at '{}' has invalid metadata",
                    collection.origin.source()
                ))
            })?);
        }
        if collection.version_text() == "*" {
            collection.version = meta.version().clone();
        }
        Ok(collection)
    }

    /// What a collection needs.
    fn dependencies(&self, collection: &Collection) -> Result<Vec<(String, String)>, GalaxyError> {
        match &collection.origin {
            Origin::Server(_) => Ok(self.release(collection)?.0.dependencies),
            Origin::Git(_) => {
                let path = self.artifact(collection)?;
                Ok(vec![(path.display().to_string(), "*".to_owned())])
            }
            Origin::Folders(path) => Ok(collections_below(Path::new(path))
                .into_iter()
                .map(|path| (path.display().to_string(), "*".to_owned()))
                .collect()),
            _ => Ok(self.meta(collection)?.dependencies()),
        }
    }

    /// Of a dependency's name and condition.
    pub(super) fn wanted(&self, name: &str, version: &str) -> Result<Collection, GalaxyError> {
        let wanted = Wanted { name: Some(name), version: Json::from(version), ..Wanted::default() };
        self.known(Collection::of(&wanted)?)
    }
}

/// A requirement and who has it.
#[derive(Debug, Clone)]
struct Demand {
    wanted: Collection,
    /// The identity of the collection that needs it; none where it is asked for directly.
    by: Option<String>,
    /// How that one is shown.
    shown: String,
}

type Demands = IndexMap<String, Vec<Demand>>;
type Picked = IndexMap<String, Collection>;

/// Picks a version for each collection, in the order in which they are installed. `installed` are
/// kept where they are good enough.
pub(super) fn resolve(
    workshop: &Workshop<'_>,
    wanted: &[Collection],
    installed: &[Collection],
    picking: Picking,
) -> Result<Vec<Collection>, GalaxyError> {
    let mut demands = Demands::new();
    for wanted in wanted {
        let demand = Demand { wanted: wanted.clone(), by: None, shown: String::new() };
        demands.entry(wanted.identity()).or_default().push(demand);
    }
    let mut search = Search { workshop, installed, picking, conflict: Vec::new() };
    if let Some(picked) = search.solve(&Picked::new(), &demands)? {
        return Ok(picked.into_values().collect());
    }
    let mut lines = vec![
        "Failed to resolve the requested dependencies map. Could not satisfy the following \
         requirements:"
            .to_owned(),
    ];
    lines.extend(search.conflict.iter().map(|demand| {
        let origin = match &demand.by {
            None => "direct request".to_owned(),
            Some(_) => format!("dependency of {}", demand.shown),
        };
        format!("* {} ({origin})", demand.wanted)
    }));
    if !picking.pre_releases {
        lines.push(
            "Hint: Pre-releases hosted on Galaxy or Automation Hub are not installed by default \
             unless a specific version is requested. To enable pre-releases globally, use --pre."
                .to_owned(),
        );
    }
    Err(GalaxyError::refused(lines.join("\n")))
}

struct Search<'a> {
    workshop: &'a Workshop<'a>,
    installed: &'a [Collection],
    picking: Picking,
    /// What could not be met last.
    conflict: Vec<Demand>,
}

impl Search<'_> {
    fn solve(&mut self, picked: &Picked, demands: &Demands) -> Result<Option<Picked>, GalaxyError> {
        let open = demands.iter().find(|(identity, demands)| match picked.get(*identity) {
            Some(candidate) => !demands.iter().all(|demand| satisfies(candidate, demand)),
            None => true,
        });
        let Some((identity, asked)) = open else { return Ok(Some(picked.clone())) };
        let candidates = self.candidates(asked)?;
        for candidate in candidates {
            if !asked.iter().all(|demand| satisfies(&candidate, demand)) {
                continue;
            }
            let mut demands = demands.clone();
            // what another version of it needed counts no more
            for others in demands.values_mut() {
                others.retain(|demand| demand.by.as_ref() != Some(identity));
            }
            demands.retain(|_, demands| !demands.is_empty());
            let needs = self.workshop.dependencies(&candidate)?;
            if !self.picking.no_deps || candidate.origin.is_virtual() {
                for (name, version) in needs {
                    let wanted = self.workshop.wanted(&name, &version)?;
                    let demand =
                        Demand { by: Some(identity.clone()), shown: candidate.to_string(), wanted };
                    demands.entry(demand.wanted.identity()).or_default().push(demand);
                }
            }
            let mut picked = picked.clone();
            picked.insert(identity.clone(), candidate);
            picked.retain(|identity, _| demands.contains_key(identity));
            if let Some(found) = self.solve(&picked, &demands)? {
                return Ok(Some(found));
            }
        }
        if self.conflict.is_empty() {
            self.conflict.clone_from(asked);
        }
        Ok(None)
    }

    /// All that could be picked, the best first.
    fn candidates(&self, demands: &[Demand]) -> Result<Vec<Collection>, GalaxyError> {
        let Some(first) = demands.first().map(|demand| &demand.wanted) else {
            return Ok(Vec::new());
        };
        let all =
            |candidate: &Collection| demands.iter().all(|demand| satisfies(candidate, demand));
        let kept = |candidate: &&Collection| candidate.name == first.name && all(candidate);
        let Origin::Server(_) = first.origin else {
            return self.concrete(first).map(|candidate| vec![candidate]);
        };
        let there: Vec<Collection> = self.installed.iter().filter(kept).cloned().collect();
        if !self.picking.upgrade && !there.is_empty() {
            return Ok(there);
        }
        let versions = match self.picking.offline {
            true => Vec::new(),
            false => self.workshop.versions(first)?,
        };
        let releases_exist = versions.iter().any(|(version, _)| !is_pre_release(version));
        let pins: Vec<String> = demands
            .iter()
            .filter_map(|demand| pinned(&demand.wanted.version_text()).map(str::to_owned))
            .collect();
        let admitted = |version: &String| {
            !(is_pre_release(version) && releases_exist)
                || self.picking.pre_releases
                || pins.contains(version)
        };
        let mut latest: Vec<(String, usize)> =
            versions.into_iter().filter(|(version, _)| admitted(version)).collect();
        // the first of equal servers comes first
        latest.sort_by(|(one, at), (other, there)| match order(other, one) {
            Ordering::Equal => at.cmp(there),
            unequal => unequal,
        });
        let latest: Vec<Collection> = latest
            .into_iter()
            .map(|(version, server)| Collection {
                name: first.name.clone(),
                version: Json::from(version),
                origin: Origin::Server(Some(server)),
            })
            .filter(all)
            .collect();
        let newest = |candidate: &Collection| {
            latest.iter().all(|latest| {
                order(&latest.version_text(), &candidate.version_text()) != Ordering::Greater
            })
        };
        let mut found: Vec<Collection> = there.into_iter().filter(newest).collect();
        found.extend(latest);
        Ok(found)
    }

    /// What a file, folder or repository is.
    fn concrete(&self, wanted: &Collection) -> Result<Collection, GalaxyError> {
        if wanted.origin.is_virtual() {
            return Ok(Collection { version: Json::from("*"), ..wanted.clone() });
        }
        let meta = self.workshop.meta(wanted)?;
        let version = meta.version();
        let rule = "A SemVer-compliant version or '*' is required. See https://semver.org to learn \
                    how to compose it correctly. This is an issue with the collection.";
        let text = plain(version);
        if version.is_array() || version.is_object() {
            return Err(GalaxyError::refused(format!(
                "Invalid version found for the collection '{wanted}'. {rule}"
            )));
        }
        if !version.is_string() || (text != "*" && super::version::parse(&text).is_none()) {
            let class = crate::template::type_name(&crate::template::from_json(version));
            return Err(GalaxyError::refused(format!(
                "Invalid version found for the collection '{wanted}': {text} (<class '{class}'>). \
                 {rule}"
            )));
        }
        Ok(Collection { version: version.clone(), ..wanted.clone() })
    }
}

fn satisfies(candidate: &Collection, demand: &Demand) -> bool {
    let wanted = demand.wanted.version_text();
    demand.wanted.origin.is_virtual()
        || candidate.origin.is_virtual()
        || wanted == "*"
        || meets(&candidate.version_text(), &wanted)
}

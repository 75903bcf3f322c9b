//! Whether installed collections are what was built.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use canvass_modules::module::wildcard;
use serde_json::Value as Json;

use super::artifact::Artifact;
use super::manifest::checksum;
use super::meta::{MANIFEST, Meta};
use super::requirement::Origin;
use super::resolve::Workshop;
use super::{Certificates, Collection, GalaxyError, Server, Voice, with_root};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// Everything is as it was built.
    Good,
    /// Something differs.
    Modified,
}

/// Compares an installed collection with what its server has, or, offline, with its own manifest.
///
/// # Errors
///
/// A collection that is not installed, or that no server has.
pub fn verify(
    wanted: &Collection,
    search: &[PathBuf],
    servers: &[Server],
    offline: bool,
    voice: &dyn Voice,
) -> Result<Verified, GalaxyError> {
    let Origin::Server(_) = wanted.origin else {
        return Err(GalaxyError::refused(format!(
            "'{}' type is not supported. The format namespace.name is expected.",
            wanted.origin.word()
        )));
    };
    let (namespace, short) = wanted.parts();
    let name = wanted.name.as_deref().unwrap_or_default();
    let mut missing = format!("Collection {name} is not installed in any of the collection paths.");
    let mut folder = None;
    for path in search {
        let there = with_root(path).join(namespace).join(short);
        if there.join(MANIFEST).is_file() {
            folder = Some(there);
            break;
        }
        if there.is_dir() {
            missing = format!(
                "Collection {name} does not have a MANIFEST.json. A MANIFEST.json is expected if \
                 the collection has been built and installed via ansible-galaxy"
            );
        }
    }
    let folder = folder.ok_or_else(|| GalaxyError::refused(missing))?;
    let meta = Meta::of_folder(&folder, super::meta::Lacking::Refused, voice)?;
    let version = meta.map(|meta| meta.version().clone()).unwrap_or_default();
    let local = Collection { name: wanted.name.clone(), version, origin: wanted.origin.clone() };
    let workshop = Workshop::new(servers, Certificates::Checked, voice)?;
    let remote = match offline {
        true => None,
        false => {
            let mut remote = local.clone();
            if wanted.version_text() != "*" {
                remote.version = wanted.version.clone();
            }
            // whether a server has it is known before it is compared
            workshop.release(&remote)?;
            Some(remote)
        }
    };
    voice.say(&format!("Verifying '{local}'."));
    voice.say(&format!("Installed collection found at '{}'", folder.display()));
    if let Some(remote) = &remote
        && remote.version_text() != local.version_text()
    {
        voice.say(&format!(
            "{name} has the version '{}' but is being compared to '{}'",
            local.version_text(),
            remote.version_text()
        ));
        return Ok(Verified::Modified);
    }
    let artifact =
        remote.as_ref().map(|remote| Artifact::read(&workshop.artifact(remote)?)).transpose()?;
    let modified = compared(&folder, artifact.as_ref(), voice)?;
    if modified.is_empty() {
        let what = match artifact {
            Some(_) => "match the remote collection",
            None => "are internally consistent with its manifest",
        };
        voice.say(&format!("Successfully verified that checksums for '{local}' {what}."));
        return Ok(Verified::Good);
    }
    voice.say(&format!("Collection {name} contains modified content in the following files:"));
    for difference in &modified {
        voice.say(&format!("    {}", difference.name));
        voice.detail(
            1,
            &format!("    Expected: {}\n    Found: {}", difference.expected, difference.found),
        );
    }
    Ok(Verified::Modified)
}

struct Difference {
    name: String,
    expected: String,
    found: String,
}

fn compared(
    folder: &Path,
    artifact: Option<&Artifact>,
    voice: &dyn Voice,
) -> Result<Vec<Difference>, GalaxyError> {
    let mut modified = Vec::new();
    let json = |name: &str| match artifact {
        Some(artifact) => artifact.json(name),
        None => installed_json(folder, name),
    };
    let expected = match artifact {
        Some(artifact) => super::manifest::digest(artifact.file(MANIFEST)?),
        None => checksum(&folder.join(MANIFEST))?,
    };
    compare(folder, MANIFEST, &expected, &mut modified);
    voice.say(&format!("MANIFEST.json hash: {expected}"));
    let manifest = json(MANIFEST)?;
    let text = |value: &Json, key: &str| {
        value.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let of_files = manifest.get("file_manifest_file").cloned().unwrap_or_default();
    let (files, expected) = (text(&of_files, "name"), text(&of_files, "chksum_sha256"));
    compare(folder, &files, &expected, &mut modified);
    let (mut names, mut folders) =
        (BTreeSet::from([MANIFEST.to_owned(), "FILES.json".to_owned()]), BTreeSet::new());
    let listed = json(&files)?;
    for row in listed.get("files").and_then(Json::as_array).into_iter().flatten() {
        let name = text(row, "name");
        if text(row, "ftype") == "file" {
            compare(folder, &name, &text(row, "chksum_sha256"), &mut modified);
            names.insert(name);
        } else {
            folders.insert(name);
        }
    }
    unlisted(folder, Path::new(""), (&names, &folders), &mut modified, voice)?;
    Ok(modified)
}

fn installed_json(folder: &Path, name: &str) -> Result<Json, GalaxyError> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|_| {
        GalaxyError::refused(format!(
            "The collection '{name}' path '{}' does not exist.",
            path.display()
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|_| {
        GalaxyError::refused(format!(
            "Collection tar file member {name} does not contain a valid json string."
        ))
    })
}

fn compare(folder: &Path, name: &str, expected: &str, modified: &mut Vec<Difference>) {
    let path = folder.join(name);
    let found = if path.is_file() { checksum(&path).ok() } else { None };
    if found.as_deref() != Some(expected) {
        modified.push(Difference {
            name: name.to_owned(),
            expected: expected.to_owned(),
            found: found.unwrap_or_else(|| "None".to_owned()),
        });
    }
}

/// What is there and nobody lists.
fn unlisted(
    folder: &Path,
    relative: &Path,
    (names, folders): (&BTreeSet<String>, &BTreeSet<String>),
    modified: &mut Vec<Difference>,
    voice: &dyn Voice,
) -> Result<(), GalaxyError> {
    let inside = folder.join(relative);
    let mut entries: Vec<PathBuf> = fs::read_dir(&inside)
        .map_err(GalaxyError::file("read", &inside))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let below = relative.join(path.file_name().unwrap_or_default());
        let name = below.display().to_string();
        let mut add = |what: &str| {
            modified.push(Difference {
                name: name.clone(),
                expected: format!("the {what} does not exist"),
                found: format!("the {what} exists"),
            });
        };
        if path.is_dir() {
            if !folders.contains(&name) {
                add("directory");
            }
            if !path.is_symlink() {
                unlisted(folder, &below, (names, folders), modified, voice)?;
            }
        } else if wildcard::matches("*.pyc", &name) {
            voice.detail(1, &format!("Ignoring verification for {}", path.display()));
        } else if !names.contains(&name) {
            add("file");
        }
    }
    Ok(())
}

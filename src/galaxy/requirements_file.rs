//! `requirements.yml`

use std::path::Path;

use serde_json::Value as Json;

use super::document::{self, plain};
use super::requirement::{Wanted, is_http};
use super::{Collection, GalaxyError, RoleRequirement, Server, Voice};

/// What a file asks for.
#[derive(Debug, Default)]
pub struct Requirements {
    /// Roles, in order.
    pub roles: Vec<RoleRequirement>,
    /// Collections, in order.
    pub collections: Vec<Collection>,
    /// Servers that the file names and nobody configured; they come after those that are.
    pub further: Vec<String>,
}

/// Reads a file; `roles_only` is whether it may be a plain list of roles.
///
/// # Errors
///
/// A file that is missing, empty or of another form.
pub fn read_requirements(
    path: &Path,
    roles_only: bool,
    servers: &[Server],
    voice: &dyn Voice,
) -> Result<Requirements, GalaxyError> {
    let shown = path.display();
    let refused = |message: String| Err(GalaxyError::Refused(message));
    if !path.exists() {
        return refused(format!("The requirements file '{shown}' does not exist."));
    }
    voice.detail(3, &format!("Reading requirement file at '{shown}'"));
    let content = document::read(path).map_err(|error| {
        GalaxyError::refused(format!(
            "Failed to parse the requirements yml at '{shown}' with the following error:\n{error}"
        ))
    })?;
    let mut requirements = Requirements::default();
    match &content {
        Json::Null => return refused(format!("No requirements found in file '{shown}'")),
        Json::Array(_) if !roles_only => {
            return refused(
                "Expecting requirements file to be a dict with the key 'collections' that contains \
                 a list of collections to install"
                    .to_owned(),
            );
        }
        Json::Array(entries) => {
            for entry in entries {
                roles(entry, path, &mut requirements.roles)?;
            }
        }
        Json::Object(fields) => {
            let extra: Vec<&str> = fields
                .keys()
                .map(String::as_str)
                .filter(|key| !matches!(*key, "roles" | "collections"))
                .collect();
            if !extra.is_empty() {
                return refused(format!(
                    "Expecting only 'roles' and/or 'collections' as base keys in the requirements \
                     file. Found: {}",
                    extra.join(", ")
                ));
            }
            let list = |key: &str| match fields.get(key) {
                None | Some(Json::Null) => Ok([].as_slice()),
                Some(Json::Array(entries)) => Ok(entries.as_slice()),
                Some(_) => Err(GalaxyError::refused(format!("'{key}' in '{shown}' is no list"))),
            };
            for entry in list("roles")? {
                roles(entry, path, &mut requirements.roles)?;
            }
            for entry in list("collections")? {
                let found = collection(entry, servers, &mut requirements.further)?;
                requirements.collections.push(found);
            }
        }
        other => {
            return refused(format!(
                "Expecting requirements yaml to be a list or dictionary but got {}",
                crate::template::type_name(&crate::template::from_json(other))
            ));
        }
    }
    Ok(requirements)
}

fn roles(entry: &Json, file: &Path, found: &mut Vec<RoleRequirement>) -> Result<(), GalaxyError> {
    let Some(include) = entry.get("include").map(plain) else {
        found.push(RoleRequirement::of(entry)?);
        return Ok(());
    };
    let path = Path::new(&include);
    if !path.is_file() {
        return Err(GalaxyError::refused(format!(
            "Failed to find include requirements file '{include}' in '{}'",
            file.display()
        )));
    }
    let wrong = |error: GalaxyError| {
        GalaxyError::refused(format!(
            "Unable to load data from include requirements file: {} {error}",
            file.display()
        ))
    };
    let content = document::read(path).map_err(wrong)?;
    for entry in content.as_array().into_iter().flatten() {
        found.push(RoleRequirement::of(entry).map_err(wrong)?);
    }
    Ok(())
}

fn collection(
    entry: &Json,
    servers: &[Server],
    further: &mut Vec<String>,
) -> Result<Collection, GalaxyError> {
    let Json::Object(fields) = entry else {
        let name = plain(entry);
        return Collection::of(&Wanted {
            name: Some(&name),
            version: Json::from("*"),
            ..Wanted::default()
        });
    };
    let text = |key: &str| fields.get(key).filter(|value| !value.is_null()).map(plain);
    let (name, source, kind) = (text("name"), text("source"), text("type"));
    if fields.get("signatures").is_some_and(|value| !value.is_null()) {
        return Err(GalaxyError::refused(format!(
            "Signatures were provided to verify {} but no keyring was configured.",
            name.unwrap_or_default()
        )));
    }
    let mut wanted = Wanted {
        name: name.as_deref(),
        version: fields.get("version").cloned().unwrap_or_else(|| Json::from("*")),
        source: source.as_deref().filter(|source| !source.is_empty()),
        kind: kind.as_deref(),
        server: None,
    };
    // a source names a server where nothing else is meant
    if wanted.name.is_some()
        && wanted.kind.is_none_or(|kind| kind == "galaxy")
        && let Some(source) = wanted.source.take()
    {
        let known = servers.iter().position(|server| server.name == source || server.url == source);
        wanted.server = Some(match known {
            Some(number) => number,
            None if !is_http(source) => {
                return Err(GalaxyError::refused(format!(
                    "Collections requirement 'source' entry should contain a valid Galaxy API URL \
                     but it does not: {source} is not an HTTP URL."
                )));
            }
            None => {
                let there = further.iter().position(|known| known == source);
                servers.len()
                    + there.unwrap_or_else(|| {
                        further.push(source.to_owned());
                        further.len() - 1
                    })
            }
        });
    }
    Collection::of(&wanted)
}

//! What a collection says of itself: `galaxy.yml` before it is built, `MANIFEST.json` after.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::document::{self, plain};
use super::{GalaxyError, Voice};

/// Keys of text.
const TEXTS: [&str; 10] = [
    "namespace",
    "name",
    "version",
    "readme",
    "description",
    "license_file",
    "repository",
    "documentation",
    "homepage",
    "issues",
];
/// Keys of lists.
const LISTS: [&str; 4] = ["authors", "license", "tags", "build_ignore"];
/// Keys that must be there.
const REQUIRED: [&str; 5] = ["authors", "name", "namespace", "readme", "version"];
/// The keys of `collection_info`, in the order in which they are written.
const INFO: [&str; 14] = [
    "namespace",
    "name",
    "version",
    "authors",
    "readme",
    "tags",
    "description",
    "license",
    "license_file",
    "dependencies",
    "repository",
    "documentation",
    "homepage",
    "issues",
];

/// The name of the file of a collection's source.
pub(super) const SOURCE: &str = "galaxy.yml";
/// The name of the file of a built collection.
pub(super) const MANIFEST: &str = "MANIFEST.json";

/// What a collection says of itself.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    /// All keys with values of their types.
    fields: Map<String, Json>,
    /// The value of `manifest`, where it is given.
    pub(super) manifest: Option<Json>,
}

/// What becomes of a `galaxy.yml` that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    /// An error.
    Refused,
    /// A warning, and nothing is known.
    Warned,
}

impl Meta {
    /// Of a folder, built or not; none where it is neither.
    pub(super) fn of_folder(
        folder: &Path,
        lacking: Lacking,
        voice: &dyn Voice,
    ) -> Result<Option<Self>, GalaxyError> {
        if folder.join(MANIFEST).is_file() {
            return Self::installed(folder).map(Some);
        }
        if folder.join(SOURCE).is_file() {
            return Self::source(folder, lacking, voice);
        }
        Ok(None)
    }

    /// Of a folder that is to be built.
    pub(super) fn of_source(folder: &Path, voice: &dyn Voice) -> Result<Self, GalaxyError> {
        let path = folder.join(SOURCE);
        let none = || {
            let path = path.display();
            GalaxyError::refused(format!("The collection galaxy.yml path '{path}' does not exist."))
        };
        if !path.is_file() {
            return Err(none());
        }
        Self::source(folder, Lacking::Refused, voice)?.ok_or_else(none)
    }

    fn source(
        folder: &Path,
        lacking: Lacking,
        voice: &dyn Voice,
    ) -> Result<Option<Self>, GalaxyError> {
        let path = folder.join(SOURCE);
        let shown = path.display();
        let content = document::read(&path).map_err(|error| {
            GalaxyError::refused(format!(
                "Failed to parse the galaxy.yml at '{shown}' with the following error:\n{error}"
            ))
        })?;
        let wrong = |message: String| match lacking {
            Lacking::Refused => Err(GalaxyError::Refused(message)),
            Lacking::Warned => {
                voice.warn(&message);
                Ok(None)
            }
        };
        let Json::Object(mut fields) = content else {
            return wrong(format!(
                "The collection galaxy.yml at '{shown}' is incorrectly formatted."
            ));
        };
        let missing: Vec<&str> =
            REQUIRED.into_iter().filter(|key| !fields.contains_key(*key)).collect();
        if !missing.is_empty() {
            return wrong(format!(
                "The collection galaxy.yml at '{shown}' is missing the following mandatory keys: {}",
                missing.join(", ")
            ));
        }
        let known = |key: &str| {
            TEXTS.contains(&key)
                || LISTS.contains(&key)
                || matches!(key, "dependencies" | "manifest")
        };
        let extra: Vec<&str> =
            fields.keys().map(String::as_str).filter(|key| !known(key)).collect();
        if !extra.is_empty() {
            voice.warn(&format!(
                "Found unknown keys in collection galaxy.yml at '{shown}': {}",
                extra.join(", ")
            ));
        }
        for key in TEXTS {
            fields.entry(key).or_insert(Json::Null);
        }
        for key in LISTS {
            let list = match fields.remove(key) {
                None | Some(Json::Null) => Json::Array(Vec::new()),
                Some(Json::Array(items)) => Json::Array(items),
                Some(other) => Json::Array(vec![other]),
            };
            fields.insert(key.to_owned(), list);
        }
        fields.entry("dependencies").or_insert_with(|| Json::Object(Map::new()));
        let manifest = fields.remove("manifest");
        if fields.get("version").is_none_or(is_nothing) {
            fields.insert("version".to_owned(), Json::from("*"));
        }
        Ok(Some(Self { fields, manifest }))
    }

    fn installed(folder: &Path) -> Result<Self, GalaxyError> {
        let path = folder.join(MANIFEST);
        let bytes = std::fs::read(&path).map_err(GalaxyError::file("read", &path))?;
        let meta = Self::of_manifest(&bytes)?;
        if is_nothing(meta.field("version")) {
            return Err(GalaxyError::refused(format!(
                "Collection metadata file `{MANIFEST}` at `{}` is expected to have a valid SemVer \
                 version value but got {}",
                folder.display(),
                crate::template::json_repr(meta.field("version")),
            )));
        }
        Ok(meta)
    }

    /// Of the content of a `MANIFEST.json`.
    pub(super) fn of_manifest(bytes: &[u8]) -> Result<Self, GalaxyError> {
        let manifest: Json = serde_json::from_slice(bytes).map_err(|_| {
            GalaxyError::refused(format!(
                "Collection tar file member {MANIFEST} does not contain a valid json string."
            ))
        })?;
        match manifest.get("collection_info") {
            Some(Json::Object(fields)) => Ok(Self { fields: fields.clone(), manifest: None }),
            _ => Err(GalaxyError::refused(format!("`collection_info` is missing in {MANIFEST}"))),
        }
    }

    fn field(&self, key: &str) -> &Json {
        self.fields.get(key).unwrap_or(&Json::Null)
    }

    /// `namespace`
    pub(super) fn namespace(&self) -> String {
        plain(self.field("namespace"))
    }

    /// `name`
    pub(super) fn name(&self) -> String {
        plain(self.field("name"))
    }

    /// `namespace.name`; none where one of them is no text.
    pub(super) fn full_name(&self) -> Option<String> {
        let text = |key| self.field(key).as_str();
        Some(format!("{}.{}", text("namespace")?, text("name")?))
    }

    /// `version`, whatever it is.
    pub(super) fn version(&self) -> &Json {
        self.field("version")
    }

    /// What it needs, with conditions on their versions.
    pub(super) fn dependencies(&self) -> Vec<(String, String)> {
        let Json::Object(dependencies) = self.field("dependencies") else { return Vec::new() };
        dependencies.iter().map(|(name, wanted)| (name.clone(), plain(wanted))).collect()
    }

    /// The patterns of files that are left out.
    pub(super) fn build_ignore(&self) -> Vec<String> {
        let Json::Array(patterns) = self.field("build_ignore") else { return Vec::new() };
        patterns.iter().map(plain).collect()
    }

    /// `license_file`, where there is one.
    pub(super) fn license_file(&self) -> Option<PathBuf> {
        self.field("license_file").as_str().filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// What stands in `MANIFEST.json` of it.
    pub(super) fn info(&self) -> Json {
        let mut info = Map::new();
        for key in INFO {
            let value = self.field(key).clone();
            let value =
                if key == "license_file" && is_nothing(&value) { Json::Null } else { value };
            info.insert(key.to_owned(), value);
        }
        Json::Object(info)
    }
}

fn is_nothing(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("")
}

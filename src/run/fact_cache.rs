//! Facts that outlive a run: a JSON file a host, in the form of ansible-core's cache plugin
//! `jsonfile`, so that both may use the same folder.
//!
//! A file is called `PREFIXs1_HOST` and holds `{"__payload__": TEXT}`; the text is the mapping of
//! facts. A value that is more than JSON can say is a mapping with `__ansible_type`. What was
//! encrypted is kept as its ciphertext.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use minijinja::Value;
use rustix::fs::Access;
use serde_json::{Map, Value as Json, json};

use crate::template::{from_json, timestamp, to_json, type_name, vaulted};
use crate::vars::UnknownResult;
use crate::vault;

/// Facts of a host, with names as modules return them.
pub(crate) type HostFacts = IndexMap<String, Value>;

/// The version of the form, which is part of the names of the files.
const SCHEMA: &str = "s1_";

/// A folder of facts.
#[derive(Debug)]
pub struct FactFiles {
    directory: PathBuf,
    prefix: String,
    timeout: Option<Duration>,
}

/// Why facts cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FactCacheError {
    /// No folder was named.
    #[error(
        "error, 'ansible.builtin.jsonfile' cache plugin requires the 'fact_caching_connection' \
         config option to be set (to a writeable directory path)"
    )]
    NoDirectory,
    /// The folder cannot be made or used.
    #[error("cannot use the cache dir `{}`: {source}", .directory.display())]
    Directory {
        /// The folder.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("cannot use the cache file `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file holds something else.
    #[error(
        "The cache file {} was corrupt, or did not otherwise contain valid data. It has been \
         removed.",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
}

impl FactFiles {
    /// A folder, made where it is not there; facts older than the timeout are not read.
    ///
    /// # Errors
    ///
    /// No folder is named, or it cannot be made or written.
    pub fn open(
        directory: Option<PathBuf>,
        prefix: String,
        timeout: Option<Duration>,
    ) -> Result<Self, FactCacheError> {
        let directory = directory.ok_or(FactCacheError::NoDirectory)?;
        let failed = |source| FactCacheError::Directory { directory: directory.clone(), source };
        fs::create_dir_all(&directory).map_err(failed)?;
        rustix::fs::access(&directory, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| failed(error.into()))?;
        Ok(Self { directory, prefix, timeout })
    }

    fn path(&self, host: &str) -> Option<PathBuf> {
        // a name with a slash would lead elsewhere
        let name = format!("{}{SCHEMA}{host}", self.prefix);
        (!name.contains('/')).then(|| self.directory.join(name))
    }

    /// The facts of a host, if they are there and young enough.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no such file; the latter is removed.
    pub(crate) fn read(&self, host: &str) -> Result<Option<HostFacts>, FactCacheError> {
        let Some(path) = self.path(host) else { return Ok(None) };
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Ok(None),
            _ => Err(FactCacheError::File { path: path.clone(), source }),
        };
        let written = match fs::metadata(&path).and_then(|found| found.modified()) {
            Ok(written) => written,
            Err(error) => return failed(error),
        };
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        if self.timeout.is_some_and(|timeout| age > timeout) {
            return Ok(None);
        }
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) => return failed(error),
        };
        match parse(&text) {
            Some(facts) => Ok(Some(facts)),
            None => {
                let _ = fs::remove_file(&path);
                Err(FactCacheError::Corrupt { path })
            }
        }
    }

    /// Replaces the file of a host as a whole.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn write(&self, host: &str, facts: &HostFacts) -> Result<(), FactCacheError> {
        let Some(path) = self.path(host) else { return Ok(()) };
        // what a dry run does not know is not kept
        let known = |value: &Value| value.downcast_object_ref::<UnknownResult>().is_none();
        let facts = facts.iter().filter(|(_, value)| known(value));
        let payload = Map::from_iter(facts.map(|(name, value)| (name.clone(), kept(value))));
        let text = json!({"__payload__": Json::Object(payload).to_string()}).to_string();
        replace(&path, &text).map_err(|source| FactCacheError::File { path, source })
    }

    /// Removes the file of a host.
    pub fn forget(&self, host: &str) {
        if let Some(path) = self.path(host) {
            // what is not there is forgotten
            let _ = fs::remove_file(path);
        }
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(format!(".{}.", std::process::id()));
    name.push(path.file_name().unwrap_or_default());
    let staged = path.with_file_name(name);
    let mut file = fs::File::create(&staged)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    fs::rename(&staged, path)
}

fn parse(text: &[u8]) -> Option<HostFacts> {
    let whole: Json = serde_json::from_slice(text).ok()?;
    let payload: Json = serde_json::from_str(whole.get("__payload__")?.as_str()?).ok()?;
    let facts = payload.as_object()?;
    Some(facts.iter().map(|(name, value)| (name.clone(), found(value))).collect())
}

/// A value as it is written.
fn kept(value: &Value) -> Json {
    if let Some(ciphertext) = vault::ciphertext_of(value) {
        return json!({"ciphertext": &*ciphertext, "__ansible_type": "EncryptedString"});
    }
    match value.kind() {
        minijinja::value::ValueKind::Map => {
            let names = value.try_iter().into_iter().flatten();
            names
                .filter_map(|name| {
                    let entry = value.get_item(&name).ok()?;
                    Some((crate::template::python_text(&name).ok()?, kept(&entry)))
                })
                .collect::<Map<_, _>>()
                .into()
        }
        minijinja::value::ValueKind::Seq => {
            value.try_iter().into_iter().flatten().map(|element| kept(&element)).collect()
        }
        minijinja::value::ValueKind::Plain
            if matches!(type_name(value), "date" | "time" | "datetime") =>
        {
            let kind = match type_name(value) {
                "date" => "AnsibleSerializableDate",
                "time" => "AnsibleSerializableTime",
                _ => "AnsibleSerializableDateTime",
            };
            let mut written = Map::new();
            written.insert("iso8601".to_owned(), to_json(value).unwrap_or_default());
            if kind != "AnsibleSerializableDate" {
                written.insert("fold".to_owned(), Json::from(0));
            }
            written.insert("__ansible_type".to_owned(), Json::from(kind));
            written.into()
        }
        // a value that cannot be read is nothing that could be kept
        _ => to_json(value).unwrap_or_default(),
    }
}

/// A value as it was written.
fn found(json: &Json) -> Value {
    match json {
        Json::Array(elements) => Value::from_iter(elements.iter().map(found)),
        Json::Object(fields) => match fields.get("__ansible_type").and_then(Json::as_str) {
            Some(kind) => tagged(kind, fields),
            None => {
                let entries = fields.iter().map(|(name, value)| (name.as_str(), found(value)));
                Value::from_object(
                    entries
                        .map(|(name, value)| (Value::from(name), value))
                        .collect::<IndexMap<Value, Value>>(),
                )
            }
        },
        plain => from_json(plain),
    }
}

/// A value that says of itself what it is.
fn tagged(kind: &str, fields: &Map<String, Json>) -> Value {
    let text = |fields: &Map<String, Json>, name: &str| {
        fields.get(name).and_then(Json::as_str).map(str::to_owned)
    };
    if let Some(ciphertext) = text(fields, "ciphertext") {
        return vaulted(&Arc::from(ciphertext), None);
    }
    if kind.starts_with("AnsibleSerializable") {
        let written = text(fields, "iso8601").unwrap_or_default();
        return timestamp(&written).unwrap_or_else(|| Value::from(written));
    }
    let value = fields.get("value").unwrap_or(&Json::Null);
    let tags = fields.get("tags").and_then(Json::as_array);
    let ciphertext =
        tags.into_iter().flatten().find_map(|tag| text(tag.as_object()?, "ciphertext"));
    match (ciphertext, value) {
        (Some(ciphertext), Json::String(plaintext)) => vault::wrapped(&ciphertext, plaintext),
        _ => found(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path, timeout: Option<Duration>) -> FactFiles {
        FactFiles::open(Some(directory.join("facts")), "p_".to_owned(), timeout).unwrap()
    }

    #[test]
    fn facts_are_there_in_the_next_run_until_they_are_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let cache = files(folder.path(), Some(Duration::from_mins(1)));
        assert!(cache.read("h").unwrap().is_none());
        let value = json!({"a": [1, "{{ b }}", null], "ansible_type": {"x": 1.5}});
        let facts = HostFacts::from_iter([("ansible_one".to_owned(), from_json(&value))]);
        cache.write("h", &facts).unwrap();
        let path = folder.path().join("facts/p_s1_h");
        let read = |cache: &FactFiles| {
            cache.read("h").unwrap().map(|facts| to_json(&facts["ansible_one"]).unwrap())
        };
        assert_eq!(read(&cache), Some(value.clone()));
        let old = SystemTime::now() - Duration::from_secs(61);
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(read(&cache), None);
        assert_eq!(read(&files(folder.path(), None)), Some(value));
        cache.forget("h");
        assert!(!path.exists());
    }

    #[test]
    fn what_ansible_wrote_is_read_and_what_is_broken_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = files(folder.path(), None);
        let path = folder.path().join("facts/p_s1_h");
        // written by ansible-core 2.19.14
        let payload = r#"{"l": {"value": [{"value": "x{{", "tags": [{"path": "/p.yml", "line_num":
            1, "col_num": 2, "__ansible_type": "Origin"}], "__ansible_type": "_AnsibleTaggedStr"},
            null], "tags": [], "__ansible_type": "_AnsibleTaggedList"}, "n": 1}"#;
        fs::write(&path, json!({"__payload__": payload}).to_string()).unwrap();
        let facts = cache.read("h").unwrap().unwrap();
        assert_eq!(to_json(&facts["l"]).unwrap(), json!(["x{{", null]));
        fs::write(&path, "{").unwrap();
        assert!(matches!(cache.read("h"), Err(FactCacheError::Corrupt { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn what_was_encrypted_is_kept_as_its_ciphertext() {
        let folder = tempfile::tempdir().unwrap();
        let cache = files(folder.path(), None);
        let ciphertext = "$ANSIBLE_VAULT;1.1;AES256\n66616374\n";
        let secret = vault::wrapped(ciphertext, "the plain text of it");
        let facts = HostFacts::from_iter([("s".to_owned(), Value::from(vec![secret]))]);
        cache.write("h", &facts).unwrap();
        let text = fs::read_to_string(folder.path().join("facts/p_s1_h")).unwrap();
        assert!(!text.contains("plain text") && text.contains("66616374"), "{text}");
        let read = cache.read("h").unwrap().unwrap();
        let value = read["s"].get_item(&Value::from(0)).unwrap();
        assert_eq!(value.as_str(), Some("the plain text of it"));
    }
}

//! Which role is wanted, and where it is to be had.

use serde_json::Value as Json;

use super::GalaxyError;
use super::document::plain;

/// A role that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleRequirement {
    /// What it is called here.
    pub name: String,
    /// A name on a server, an address, a file, a repository.
    pub source: String,
    /// `git` or `hg`, where the source is a repository.
    pub scm: Option<String>,
    /// Branch, tag or version.
    pub version: Option<String>,
}

impl RoleRequirement {
    /// Takes `source[,version[,name]]`.
    ///
    /// # Errors
    ///
    /// More than two commas.
    pub fn parse(text: &str) -> Result<Self, GalaxyError> {
        let parts: Vec<&str> = text.trim().split(',').collect();
        let (source, version, name) = match parts.as_slice() {
            [source] => (*source, None, None),
            [source, version] => (*source, Some(*version), None),
            [source, version, name] => (*source, Some(*version), Some(*name)),
            _ => {
                return Err(GalaxyError::refused(format!(
                    "Invalid role line ({text}). Proper format is \
                     'role_name[,version[,name]]'"
                )));
            }
        };
        let name = name.map_or_else(|| name_of(source), str::to_owned);
        let (scm, source) = match source.split_once('+') {
            Some((scm, source)) => (Some(scm.to_owned()), source),
            None => (None, source),
        };
        let version = version.map(str::to_owned);
        Ok(Self { name, source: source.to_owned(), scm, version })
    }

    /// Of an entry of a requirements file or of a role's dependencies.
    ///
    /// # Errors
    ///
    /// An entry that names nothing, or is of an old form.
    pub(super) fn of(entry: &Json) -> Result<Self, GalaxyError> {
        let Json::Object(fields) = entry else {
            return match entry {
                Json::String(text) => Self::parse(text),
                _ => Err(GalaxyError::refused(format!(
                    "`{}` names no role",
                    crate::template::json_repr(entry)
                ))),
            };
        };
        let text = |key: &str| fields.get(key).filter(|value| !value.is_null()).map(plain);
        if let Some(role) = text("role") {
            if role.contains(',') {
                return Err(GalaxyError::refused(format!(
                    "Invalid old style role requirement: {role}"
                )));
            }
            let source = text("src").unwrap_or_else(|| role.clone());
            return Ok(Self { name: role, source, scm: text("scm"), version: text("version") });
        }
        let (mut scm, mut source) = (text("scm"), text("src"));
        if let Some(given) = &source {
            let prefixed = given.contains("github.com")
                && given.contains("http")
                && !given.contains('+')
                && !given.ends_with(".tar.gz");
            let given = if prefixed { format!("git+{given}") } else { given.clone() };
            let plain = match given.split_once('+') {
                Some((kind, rest)) => {
                    scm = Some(kind.to_owned());
                    rest.to_owned()
                }
                None => given,
            };
            source = Some(plain);
        }
        let name = match (text("name"), &source) {
            (Some(name), _) => name,
            (None, Some(source)) => name_of(source),
            (None, None) => {
                return Err(GalaxyError::refused("Must specify name or src for role"));
            }
        };
        let source = source.unwrap_or_else(|| name.clone());
        let version = Some(text("version").unwrap_or_default());
        Ok(Self { name, source, scm, version })
    }
}

impl std::fmt::Display for RoleRequirement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version.as_deref().filter(|version| !version.is_empty()) {
            Some(version) => write!(formatter, "{} ({version})", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// The role's name of an address: its last part without its ending.
pub(crate) fn name_of(source: &str) -> String {
    if !source.contains("://") && !source.contains('@') {
        return source.to_owned();
    }
    let last = source.rsplit('/').next().unwrap_or(source);
    let last = last.strip_suffix(".git").unwrap_or(last);
    let last = last.strip_suffix(".tar.gz").unwrap_or(last);
    last.split(',').next().unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As `RoleRequirement.role_yaml_parse` of ansible-core 2.19.
    #[test]
    fn roles_are_named_in_many_ways() {
        for (entry, name, source, scm, version) in [
            (json!("user.role"), "user.role", "user.role", None, None),
            (json!("user.role,1.0"), "user.role", "user.role", None, Some("1.0")),
            (json!("user.role,1.0,other"), "other", "user.role", None, Some("1.0")),
            (
                json!("git+https://h/o/ansible-x.git,v1"),
                "ansible-x",
                "https://h/o/ansible-x.git",
                Some("git"),
                Some("v1"),
            ),
            (json!("http://h/a.tar.gz"), "a", "http://h/a.tar.gz", None, None),
            (json!({"role": "x"}), "x", "x", None, None),
            (json!({"src": "user.role"}), "user.role", "user.role", None, Some("")),
            (
                json!({"src": "https://github.com/o/r", "version": "main", "name": "n"}),
                "n",
                "https://github.com/o/r",
                Some("git"),
                Some("main"),
            ),
            (
                json!({"src": "git@h:o/r.git", "scm": "git"}),
                "r",
                "git@h:o/r.git",
                Some("git"),
                Some(""),
            ),
        ] {
            let found = RoleRequirement::of(&entry).unwrap();
            assert_eq!(found.name, name, "{entry}");
            assert_eq!(found.source, source, "{entry}");
            assert_eq!(found.scm.as_deref(), scm, "{entry}");
            assert_eq!(found.version.as_deref(), version, "{entry}");
        }
        for wrong in [json!("a,b,c,d"), json!({"role": "a,b"}), json!({"version": "1"})] {
            assert!(RoleRequirement::of(&wrong).is_err(), "{wrong}");
        }
    }
}

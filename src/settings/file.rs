//! Which `ansible.cfg` is read.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Ini, SettingsError};

/// The file of the machine.
const OF_MACHINE: &str = "/etc/ansible/ansible.cfg";

/// A file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub ini: Ini,
    /// Its text.
    pub text: String,
}

/// Which file was found, and what is worth knowing of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The file, if there is one.
    pub path: Option<PathBuf>,
    /// A file that was passed over.
    pub warnings: Vec<String>,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is no INI file.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("cfg" | "ini")) {
            return Err(SettingsError::FileType { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        let ini = Ini::parse(&text)
            .map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), ini, text })
    }
}

/// Looks for the file: `ANSIBLE_CONFIG`, the working directory (not where everybody may write),
/// the home, the machine.
pub(super) fn find(named: Option<&str>, working: Option<&Path>, home: Option<&Path>) -> Found {
    let mut places = Vec::new();
    if let Some(named) = named {
        let path = super::value::resolve(named, None, home);
        places.push(if path.is_dir() { path.join("ansible.cfg") } else { path });
    }
    let mut passed_over = None;
    if let Some(working) = working {
        let file = working.join("ansible.cfg");
        let open = std::fs::metadata(working).is_ok_and(|meta| meta.permissions().mode() & 2 != 0);
        if !open {
            places.push(file);
        } else if file.exists() {
            passed_over = Some(working);
        }
    }
    places.extend(home.map(|home| home.join(".ansible.cfg")));
    places.push(PathBuf::from(OF_MACHINE));
    let named_path = named.and(places.first().cloned());
    let path = places.into_iter().find(|path| path.exists() && !path.is_dir());
    let warnings = match passed_over {
        Some(working) if named_path != path || path.is_none() => vec![format!(
            "Ansible is being run in a world writable directory ({}), ignoring it as an \
             ansible.cfg source. For more information see \
             https://docs.ansible.com/ansible/devel/reference_appendices/config.html#cfg-in-world-writable-dir",
            working.display()
        )],
        _ => Vec::new(),
    };
    Found { path, warnings }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn takes_the_first_file_and_none_that_everybody_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let [work, home] = ["work", "home"].map(|name| folder.path().join(name));
        for path in [&work, &home] {
            fs::create_dir(path).unwrap();
        }
        fs::set_permissions(&work, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(work.join("ansible.cfg"), "").unwrap();
        fs::write(home.join(".ansible.cfg"), "").unwrap();
        let named = home.join(".ansible.cfg");
        let found = |named: Option<&Path>| {
            find(named.map(|path| path.to_str().unwrap()), Some(&work), Some(&home))
        };
        assert_eq!(found(None).path, Some(work.join("ansible.cfg")));
        assert_eq!(found(Some(&named)).path, Some(named.clone()));
        assert_eq!(found(Some(&work)).path, Some(work.join("ansible.cfg")));
        fs::set_permissions(&work, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(found(None).path, Some(named.clone()));
        assert_eq!(found(None).warnings.len(), 1);
        assert_eq!(found(Some(&named)).warnings.len(), 0);
    }
}

//! New roles and collections, from a skeleton.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fancy_regex::Regex;
use minijinja::Value;

use super::GalaxyError;
use crate::template::{FileOptions, Templar};
use crate::vars::{Layer, Scope, Var};

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A role.
    Role,
    /// A collection.
    Collection,
}

impl Made {
    fn title(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::Collection => "Collection",
        }
    }

    /// Its files where nobody brings a skeleton, with their contents.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Role => &[
                ("README.md", include_str!("skeleton/role/README.md")),
                ("defaults/main.yml.j2", "---\n# Defaults of {{ role_name }}\n"),
                ("handlers/main.yml.j2", "---\n# Handlers of {{ role_name }}\n"),
                ("meta/main.yml.j2", include_str!("skeleton/role/meta.yml.j2")),
                ("tasks/main.yml.j2", "---\n# Tasks of {{ role_name }}\n"),
                ("tests/inventory", "localhost\n"),
                ("tests/test.yml.j2", include_str!("skeleton/role/test.yml.j2")),
                ("vars/main.yml.j2", "---\n# Variables of {{ role_name }}\n"),
            ],
            Self::Collection => &[
                ("README.md.j2", include_str!("skeleton/collection/README.md.j2")),
                ("galaxy.yml.j2", include_str!("skeleton/collection/galaxy.yml.j2")),
                ("meta/runtime.yml", include_str!("skeleton/collection/meta/runtime.yml")),
                ("plugins/README.md.j2", include_str!("skeleton/collection/plugins/README.md.j2")),
            ],
        }
    }

    /// Its empty folders.
    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Role => &["files", "templates"],
            Self::Collection => &["docs", "roles"],
        }
    }
}

/// What a new role or collection is made of.
#[derive(Debug)]
pub struct Skeleton<'a> {
    /// What it is.
    pub made: Made,
    /// Its name.
    pub name: &'a str,
    /// The folder that it is made in.
    pub below: &'a Path,
    /// A folder of templates, where it is not that of this program.
    pub skeleton: Option<&'a Path>,
    /// Expressions of names that are not taken over from that folder.
    pub ignored: &'a [String],
    /// Variables of its templates, over those that are always there.
    pub variables: &'a Layer,
    /// Whether what is there is replaced.
    pub force: bool,
}

impl Skeleton<'_> {
    /// Makes it; what was made, in words.
    ///
    /// # Errors
    ///
    /// A folder that is there already, a skeleton that is not, a template that fails.
    pub fn make(&self) -> Result<String, GalaxyError> {
        let folder = match (self.made, self.name.split_once('.')) {
            (Made::Collection, Some((namespace, name))) => self.below.join(namespace).join(name),
            _ => self.below.join(self.name),
        };
        self.clear(&folder)?;
        if let Some(skeleton) = self.skeleton
            && !skeleton.exists()
        {
            return Err(GalaxyError::refused(format!(
                "- the skeleton path '{}' does not exist, cannot init {}",
                skeleton.display(),
                self.made.title().to_lowercase()
            )));
        }
        fs::create_dir_all(&folder).map_err(GalaxyError::file("make", &folder))?;
        let scope = self.scope();
        match self.skeleton {
            Some(skeleton) => self.copy(skeleton, &folder, &scope)?,
            None => self.own(&folder, &scope)?,
        }
        Ok(format!("- {} {} was created successfully", self.made.title(), self.name))
    }

    fn clear(&self, folder: &Path) -> Result<(), GalaxyError> {
        let shown = folder.display();
        if folder.is_file() {
            return Err(GalaxyError::refused(format!(
                "- the path {shown} already exists, but is a file - aborting"
            )));
        }
        if !folder.exists() {
            return Ok(());
        }
        if !self.force {
            return Err(GalaxyError::refused(format!(
                "- the directory {shown} already exists. You can use --force to re-initialize this \
                 directory,\nhowever it will reset any main.yml files that may have\nbeen modified \
                 there already."
            )));
        }
        // the folder itself stays: it may be the one that we are in
        for entry in fs::read_dir(folder).map_err(GalaxyError::file("read", folder))?.flatten() {
            let path = entry.path();
            let gone = match path.is_dir() && !path.is_symlink() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            gone.map_err(GalaxyError::file("remove", &path))?;
        }
        Ok(())
    }

    fn scope(&self) -> Scope {
        let mut layer = Layer::new();
        let mut set = |name: &str, value: Value| {
            layer.insert(name.to_owned(), Var::Data(value));
        };
        let text = |text: &str| Value::from(text);
        let list = |items: &[&str]| items.iter().map(|item| Value::from(*item)).collect::<Value>();
        set(
            "ansible_plugin_list_dir",
            text("https://docs.ansible.com/ansible-core/2.19/plugins/plugins.html"),
        );
        match self.made {
            Made::Role => {
                for (name, value) in [
                    ("description", "your role description"),
                    ("author", "your name"),
                    ("company", "your company (optional)"),
                    ("license", "license (GPL-2.0-or-later, MIT, etc)"),
                    ("role_name", self.name),
                    ("role_type", "default"),
                    ("issue_tracker_url", "http://example.com/issue/tracker"),
                    ("repository_url", "http://example.com/repository"),
                    ("documentation_url", "http://docs.example.com"),
                    ("homepage_url", "http://example.com"),
                    ("min_ansible_version", "2.1"),
                ] {
                    set(name, text(value));
                }
                set("dependencies", list(&[]));
            }
            Made::Collection => {
                let (namespace, name) = self.name.split_once('.').unwrap_or_default();
                for (name, value) in [
                    ("description", "your collection description"),
                    ("namespace", namespace),
                    ("collection_name", name),
                    ("version", "1.0.0"),
                    ("readme", "README.md"),
                    ("repository", "http://example.com/repository"),
                    ("documentation", "http://docs.example.com"),
                    ("homepage", "http://example.com"),
                    ("issues", "http://example.com/issue/tracker"),
                ] {
                    set(name, text(value));
                }
                set("authors", list(&["your name <example@domain.com>"]));
                set("license", list(&["GPL-2.0-or-later"]));
                set("build_ignore", list(&[]));
            }
        }
        layer.extend(self.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        Scope::new(vec![Arc::new(layer)])
    }

    fn own(&self, folder: &Path, scope: &Scope) -> Result<(), GalaxyError> {
        for name in self.made.folders() {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(GalaxyError::file("make", &path))?;
        }
        for (name, text) in self.made.files() {
            let path = folder.join(name.strip_suffix(".j2").unwrap_or(name));
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(GalaxyError::file("make", parent))?;
            let text = match name.ends_with(".j2") {
                true => self.rendered(Path::new(name), text, scope, folder)?,
                false => (*text).to_owned(),
            };
            fs::write(&path, text).map_err(GalaxyError::file("write", &path))?;
        }
        Ok(())
    }

    fn copy(&self, skeleton: &Path, folder: &Path, scope: &Scope) -> Result<(), GalaxyError> {
        let ignored: Vec<Regex> = self
            .ignored
            .iter()
            .map(|text| {
                // a match begins at the beginning
                Regex::new(&format!("^(?:{text})"))
                    .map_err(|error| GalaxyError::refused(format!("`{text}`: {error}")))
            })
            .collect::<Result<_, _>>()?;
        let is_ignored =
            |name: &str| ignored.iter().any(|regex| regex.is_match(name).unwrap_or(false));
        let mut folders = vec![PathBuf::new()];
        while let Some(relative) = folders.pop() {
            let inside = skeleton.join(&relative);
            for entry in fs::read_dir(&inside).map_err(GalaxyError::file("read", &inside))? {
                let entry = entry.map_err(GalaxyError::file("read", &inside))?;
                let (from, below) = (entry.path(), relative.join(entry.file_name()));
                let to = folder.join(&below);
                if from.is_dir() {
                    if is_ignored(&entry.file_name().to_string_lossy()) {
                        continue;
                    }
                    if from.is_symlink() {
                        copy_link(&from, &to)?;
                    } else {
                        fs::create_dir_all(&to).map_err(GalaxyError::file("make", &to))?;
                        folders.push(below);
                    }
                    continue;
                }
                let within = match relative.as_os_str().is_empty() {
                    true => format!("./{}", below.display()),
                    false => below.display().to_string(),
                };
                if is_ignored(&within) {
                    continue;
                }
                let is_template = below.extension().is_some_and(|ending| ending == "j2");
                if is_template && !self.is_in_templates(&relative) {
                    let text =
                        fs::read_to_string(&from).map_err(GalaxyError::file("read", &from))?;
                    let to = to.with_extension("");
                    let text = self.rendered(&from, &text, scope, folder)?;
                    fs::write(&to, text).map_err(GalaxyError::file("write", &to))?;
                } else if from.is_symlink() {
                    copy_link(&from, &to)?;
                } else {
                    let bytes = fs::read(&from).map_err(GalaxyError::file("read", &from))?;
                    fs::write(&to, bytes).map_err(GalaxyError::file("write", &to))?;
                }
            }
        }
        Ok(())
    }

    /// Whether the templates of a folder are part of what is made.
    fn is_in_templates(&self, relative: &Path) -> bool {
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        let first = parts.first().map(AsRef::as_ref).unwrap_or_default();
        match self.made {
            Made::Role => first == "templates",
            Made::Collection => {
                matches!(first, "playbooks" | "roles")
                    && parts.iter().any(|part| part == "templates")
            }
        }
    }

    fn rendered(
        &self,
        path: &Path,
        text: &str,
        scope: &Scope,
        folder: &Path,
    ) -> Result<String, GalaxyError> {
        Templar::new().file(path, text, &FileOptions::default(), scope).map_err(|error| {
            // half of it is of no use
            let _ = fs::remove_dir_all(folder);
            GalaxyError::refused(format!(
                "Failed to create {} {}. Templating {} failed with the error: {error}",
                self.made.title(),
                self.name,
                path.display()
            ))
        })
    }
}

fn copy_link(from: &Path, to: &Path) -> Result<(), GalaxyError> {
    let target = fs::read_link(from).map_err(GalaxyError::file("read", from))?;
    symlink(target, to).map_err(GalaxyError::file("link", to))
}

//! Looking at a host from outside: files, owners and processes, without a shell on it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::description::ExpectedFile;

/// A host's file system as seen from here.
#[derive(Debug)]
pub(crate) struct View {
    root: PathBuf,
    name: String,
}

impl View {
    /// This machine.
    pub(crate) fn local() -> Self {
        Self { root: PathBuf::from("/"), name: "localhost".to_owned() }
    }

    /// A lab host, by the process that holds its namespaces; its child is the first one inside.
    pub(crate) fn of_lab(name: &str, pid: u32) -> Result<Self> {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let init = children.split_whitespace().next().context("the lab host has no process")?;
        Ok(Self { root: PathBuf::from(format!("/proc/{init}/root")), name: name.to_owned() })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The command lines of all processes that are not of the kernel or of the lab itself.
    pub(crate) fn processes(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(self.at("/proc"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
                && let Ok(line) = fs::read(entry.path().join("cmdline"))
            {
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                if !line.trim().is_empty() && !line.contains(" lab-host ") {
                    found.insert(line.trim().to_owned());
                }
            }
        }
        Ok(found)
    }

    /// Whether something is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.at(path)).is_ok()
    }

    /// What lies in the folders for temporary files, the cached runner aside, which may lie there
    /// for users who have no home.
    pub(crate) fn temporary_files(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for folder in ["/tmp", "/var/tmp", "/dev/shm", "/run/user"] {
            if let Ok(entries) = fs::read_dir(self.at(folder)) {
                for entry in entries {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    if !name.starts_with(".canvass-") {
                        found.insert(format!("{folder}/{name}"));
                    }
                }
            }
        }
        Ok(found)
    }

    /// That a file is as expected.
    pub(crate) fn holds(&self, path: &str, expected: &ExpectedFile) -> Result<()> {
        if !expected.hosts.is_empty() && !expected.hosts.contains(&self.name) {
            return Ok(());
        }
        self.compare(path, expected).with_context(|| format!("`{path}` on {}", self.name))
    }

    fn compare(&self, path: &str, expected: &ExpectedFile) -> Result<()> {
        let seen = self.at(path);
        let metadata = match fs::symlink_metadata(&seen) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                ensure!(expected.kind.as_deref() == Some("absent"), "is not there");
                return Ok(());
            }
            metadata => metadata?,
        };
        let kind = match () {
            () if metadata.is_symlink() => "link",
            () if metadata.is_dir() => "directory",
            () => "file",
        };
        if let Some(wanted) = &expected.kind {
            ensure!(wanted == kind, "is a {kind}");
        }
        if let Some(wanted) = &expected.mode {
            let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
            ensure!(*wanted == mode, "has mode {mode}");
        }
        if let Some(wanted) = &expected.owner {
            let owner = self.name_of("/etc/passwd", "uid_map", metadata.uid())?;
            ensure!(*wanted == owner, "belongs to {owner}");
        }
        if let Some(wanted) = &expected.group {
            let group = self.name_of("/etc/group", "gid_map", metadata.gid())?;
            ensure!(*wanted == group, "is of the group {group}");
        }
        if expected.content.is_some() || expected.contains.is_some() {
            let content = match kind {
                "link" => fs::read_link(&seen)?.to_string_lossy().into_owned(),
                _ => String::from_utf8_lossy(&fs::read(&seen)?).into_owned(),
            };
            if let Some(wanted) = &expected.content {
                ensure!(*wanted == content, "holds {content:?}");
            }
            if let Some(wanted) = &expected.contains {
                ensure!(content.contains(wanted), "holds {content:?}");
            }
        }
        Ok(())
    }

    /// The name of an id, which the host may know by another number.
    fn name_of(&self, table: &str, map: &str, id: u32) -> Result<String> {
        let id = inside(self.root.parent().map(|dir| dir.join(map)).as_deref(), id);
        let text = fs::read_to_string(self.at(table))?;
        let line = text.lines().find(|line| line.split(':').nth(2) == Some(&id.to_string()));
        let name = line.and_then(|line| line.split(':').next());
        Ok(name.map_or_else(|| id.to_string(), str::to_owned))
    }
}

/// An id as it is inside a user namespace (`user_namespaces(7)`).
fn inside(map: Option<&Path>, id: u32) -> u32 {
    let text = map.and_then(|map| fs::read_to_string(map).ok());
    for line in text.unwrap_or_default().lines() {
        let numbers: Vec<u32> =
            line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        if let [within, outside, count] = numbers.as_slice()
            && id >= *outside
            && id - outside < *count
        {
            return within + (id - outside);
        }
    }
    id
}

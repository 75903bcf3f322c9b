//! `ansible.builtin.yum_repository`: a repository in a file of `/etc/yum.repos.d`.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: the file.
//!
//! ```yaml
//! - name: The vendor's packages
//!   ansible.builtin.yum_repository:
//!     name: vendor
//!     description: Packages of the vendor
//!     baseurl: https://example.com/el/$releasever/$basearch
//!     gpgkey: https://example.com/key.asc
//!     gpgcheck: true
//! ```
//!
//! Returns `repo` and `state`.

mod params;
mod sections;

use std::path::PathBuf;

pub use params::{Params, State};

use self::sections::Sections;
use super::file_attributes::Wanted;
use crate::contract::{Module, Plan, Stop};
use crate::effect::{Content, Effect, WriteFile};
use crate::host::{FileKind, FileStat, Follow, Host};

/// The module.
#[derive(Debug)]
pub struct YumRepository;

/// What is known of the file.
#[derive(Debug)]
pub struct Observed {
    path: PathBuf,
    stat: Option<FileStat>,
    sections: Sections,
    wanted: Wanted,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nowhere to put it.
    #[error("Repo directory '{0}' does not exist.")]
    NoDirectory(String),
    /// Nobody knows where the packages are.
    #[error("state is present but any of the following are missing: baseurl, mirrorlist, metalink")]
    NoAddress,
    /// It has no description.
    #[error("state is present but all of the following are missing: description")]
    NoDescription,
}

impl Module for YumRepository {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if params.state == State::Present {
            if params.baseurl.is_none() && params.mirrorlist.is_none() && params.metalink.is_none()
            {
                return Err(Stop::failed(Error::NoAddress));
            }
            if params.description.is_none() {
                return Err(Stop::failed(Error::NoDescription));
            }
        }
        let directory = params.reposdir.clone().unwrap_or_else(|| "/etc/yum.repos.d".into());
        let directory = super::expansion::path(&directory, host)?;
        let there = host.stat(&directory, Follow::Yes)?;
        if there.is_none_or(|stat| stat.kind != FileKind::Directory) {
            return Err(Stop::failed(Error::NoDirectory(directory.display().to_string())));
        }
        let file = params.file.as_ref().unwrap_or(&params.name);
        let path = directory.join(format!("{file}.repo"));
        let mut stat = host.stat(&path, Follow::Yes)?.filter(|stat| stat.kind == FileKind::File);
        let bytes = if stat.is_some() { host.read(&path)? } else { Vec::new() };
        let sections = Sections::parse(&String::from_utf8_lossy(&bytes));
        let wanted = params.attributes.resolve(host)?;
        if let Some(stat) = &mut stat {
            wanted.complete(&path, stat, host);
        }
        Ok(Observed { path, stat, sections, wanted })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("repo", params.name.clone());
        plan.set("state", params.state.word());
        let mut after = observed.sections.clone();
        after.remove(&params.name);
        if params.state == State::Present {
            after.add(&params.name, params.fields());
        }
        let changed = after.sorted() != observed.sections.sorted();
        if changed && after.is_empty() {
            plan.push(
                Effect::Remove { path: observed.path.clone() },
                "no repository is left in it",
            );
        } else if changed {
            let attributes = match &observed.stat {
                Some(stat) => observed.wanted.for_replaced(stat),
                None => observed.wanted.for_new(FileKind::File),
            };
            let write = WriteFile {
                path: observed.path.clone(),
                content: Content::Bytes(after.text().into_bytes()),
                attributes,
                validate: None,
                backup: false,
                unsafe_writes: params.attributes.unsafe_writes,
            };
            plan.push(Effect::WriteFile(write), "the repository differs");
        } else if let Some(stat) = &observed.stat {
            observed.wanted.plan(&observed.path, stat, &mut plan);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Params, YumRepository};
    use crate::contract::{Module as _, Plan, Stop};
    use crate::effect::{Content, Effect};
    use crate::host::Host as _;
    use crate::host::memory::MemoryHost;
    use crate::params::Params as _;

    fn plan(host: &mut MemoryHost, arguments: &Json) -> Result<Plan, Stop> {
        let params = Params::parse("x", arguments.as_object().unwrap()).unwrap();
        let observed = YumRepository::observe(&params, host)?;
        let plan = YumRepository::plan(&params, &observed)?;
        for planned in &plan.effects {
            host.apply(planned).unwrap();
        }
        Ok(plan)
    }

    #[test]
    fn repositories_come_and_go() {
        let mut host = MemoryHost::new().with_file(
            "/etc/yum.repos.d/all.repo",
            "# ours\n[old]\nname=Old\nbaseurl = http://o/\n",
        );
        let given = json!({
            "name": "new", "file": "all", "description": "New one", "baseurl": ["http://a/", "http://b/"],
            "gpgcheck": true, "enabled": "no", "exclude": "x y",
        });
        let first = plan(&mut host, &given).unwrap();
        let Effect::WriteFile(write) = &first.effects[0].effect else { panic!() };
        let Content::Bytes(bytes) = &write.content else { panic!() };
        // as the module of ansible-core 2.19 composes it; not yet recorded from a run of it
        assert_eq!(
            String::from_utf8_lossy(bytes),
            "[old]\nname = Old\nbaseurl = http://o/\n\n[new]\nbaseurl = http://a/\n\thttp://b/\n\
             enabled = 0\nexclude = x y\ngpgcheck = 1\nname = New one\n\n"
        );
        assert!(!plan(&mut host, &given).unwrap().changes());
        for (name, removes_file) in [("new", false), ("old", true)] {
            let given = json!({"name": name, "file": "all", "state": "absent"});
            let plan = plan(&mut host, &given).unwrap();
            let removed = matches!(plan.effects[0].effect, Effect::Remove { .. });
            assert_eq!(removed, removes_file);
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut host = MemoryHost::new().with_directory("/etc/yum.repos.d");
        for (arguments, message) in [
            (
                json!({"name": "a"}),
                "state is present but any of the following are missing: baseurl, mirrorlist, metalink",
            ),
            (
                json!({"name": "a", "baseurl": "x"}),
                "state is present but all of the following are missing: description",
            ),
            (
                json!({"name": "a", "state": "absent", "reposdir": "/no"}),
                "Repo directory '/no' does not exist.",
            ),
        ] {
            assert_eq!(plan(&mut host, &arguments).unwrap_err().to_string(), message);
        }
    }
}

//! `ansible.builtin.stat`: tells what a path is.
//!
//! Follows the module of ansible-core 2.19. Check mode: full. Diff: none.
//!
//! `mimetype` and `charset` come from the program `file`, `version` from `lsattr`, as in Ansible;
//! where the program is missing they are `unknown` and empty. `attributes` and `attr_flags` need no
//! program.
//! Differs: `readable`, `writeable` and `executable` follow from owner, group and mode, access
//! lists are not looked at; in a rehearsal a file that the play would make has no mime type yet.
//!
//! ```yaml
//! - name: Look whether the site was set up
//!   ansible.builtin.stat:
//!     path: /srv/site/.done
//!   register: done
//! ```
//!
//! Returns `stat`: `exists`, and where it does `path`, `mode`, `isdir`, `ischr`, `isblk`, `isreg`,
//! `isfifo`, `islnk`, `issock`, `uid`, `gid`, `pw_name`, `gr_name`, `size`, `inode`, `dev`, `nlink`,
//! `atime`, `mtime`, `ctime`, `block_size`, `blocks`, `device_type`, the permissions one by one,
//! `readable`, `writeable`, `executable`, `lnk_source` and `lnk_target` of links, `checksum` of
//! files, `mimetype`, `charset`, `attributes`, `attr_flags`, `version`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/stat_module.html>

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::file_facts::{ChecksumAlgorithm, facts};
use super::host_path;
use crate::contract::{Module, Plan, Stop};
use crate::effect::Command;
use crate::host::{AccountKey, FileKind, FileStat, Follow, Host, HostError};
use crate::params;

params! {
    /// Parameters of `ansible.builtin.stat`.
    pub struct Params {
        /// The path.
        path ("dest", "name"): PathBuf,
        /// Whether links are followed.
        follow: bool = false,
        /// Whether the checksum of a file is told.
        get_checksum: bool = true,
        /// The digest of `checksum`.
        checksum_algorithm ("checksum", "checksum_algo"): ChecksumAlgorithm = ChecksumAlgorithm::Sha1,
        /// Whether mime type and encoding are told.
        get_mime ("mime", "mime_type", "mime-type"): bool = true,
        /// Whether the attributes that `lsattr` knows are told.
        get_attributes ("attr", "attributes"): bool = true,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name below what is no directory.
    #[error("Not a directory")]
    NotDirectory,
}

/// The module.
#[derive(Debug)]
pub struct Stat;

impl Module for Stat {
    type Params = Params;
    type Observed = Map<String, Json>;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Map<String, Json>, Stop> {
        let path = host_path::expand(host, &params.path)?;
        let follow = if params.follow { Follow::Yes } else { Follow::No };
        let mut told = match host.stat(&path, follow)? {
            None => {
                // a name below a file is an error, as the kernel tells it
                if let Some(parent) = path.parent()
                    && let Some(stat) = host.stat(parent, Follow::Yes)?
                    && stat.kind != FileKind::Directory
                {
                    return Err(Stop::failed(Error::NotDirectory));
                }
                return Ok(Map::from_iter([("exists".to_owned(), Json::from(false))]));
            }
            Some(stat) => describe(params, &path, &stat, host)?,
        };
        told.insert("exists".to_owned(), true.into());
        Ok(told)
    }

    fn plan(_params: &Params, observed: &Map<String, Json>) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("stat", observed.clone());
        Ok(plan)
    }
}

fn describe(
    params: &Params,
    path: &Path,
    stat: &FileStat,
    host: &mut dyn Host,
) -> Result<Map<String, Json>, HostError> {
    let mut told = facts(&path.display().to_string(), stat);
    let access = match host.stat(path, Follow::Yes)? {
        Some(end) => access(&end, host)?,
        None => 0,
    };
    let mut set = |field: &str, value: Json| told.insert(field.to_owned(), value);
    set("block_size", stat.block_size.into());
    set("blocks", stat.blocks.into());
    set("device_type", stat.special_device.into());
    set("readable", (access & 4 != 0).into());
    set("writeable", (access & 2 != 0).into());
    set("executable", (access & 1 != 0).into());
    if let Some(target) = &stat.link_target {
        let end = host_path::follow_links(host, path)?;
        set("lnk_source", end.display().to_string().into());
        set("lnk_target", target.display().to_string().into());
    }
    if params.get_checksum && stat.kind == FileKind::File && access & 4 != 0 {
        set("checksum", host.digest(path, params.checksum_algorithm.into())?.into());
    }
    // a number that only a rehearsal gives: programs do not see such a file
    let real = stat.inode != 0;
    if params.get_mime {
        let mime = if real { mime(path, host)? } else { None };
        let (mimetype, charset) = mime.unwrap_or(("unknown".to_owned(), "unknown".to_owned()));
        set("mimetype", mimetype.into());
        set("charset", charset.into());
    }
    if params.get_attributes {
        let version = if real { version(path, host)? } else { None };
        // without a version Ansible tells nothing
        let told = version.is_some() || !real || host.find_program("lsattr")?.is_none();
        let flags = if told { host.flags(path).unwrap_or_default() } else { None };
        let flags = flags.unwrap_or_default();
        set("version", json!(version));
        set("attributes", json!(flags.names()));
        set("attr_flags", flags.letters().into());
    }
    Ok(told)
}

/// What the runner's user may do, as the three bits of a permission.
fn access(stat: &FileStat, host: &mut dyn Host) -> Result<u32, HostError> {
    let me = host.identity()?;
    if me.id == Some(0) {
        let executable = stat.kind == FileKind::Directory || stat.mode & 0o111 != 0;
        return Ok(if executable { 7 } else { 6 });
    }
    if me.is(&stat.owner) {
        return Ok((stat.mode >> 6) & 7);
    }
    let user = match me.id {
        Some(id) => host.user(&AccountKey::Id(id))?,
        None => None,
    };
    let mut member =
        user.as_ref().is_some_and(|user| user.gid.is_some() && user.gid == stat.group.id);
    if !member && let Some(name) = me.name.or(user.map(|user| user.name)) {
        member = host.groups()?.iter().any(|group| {
            group.gid.is_some() && group.gid == stat.group.id && group.members.contains(&name)
        });
    }
    Ok(if member { (stat.mode >> 3) & 7 } else { stat.mode & 7 })
}

/// Mime type and encoding, from `file`; those of a link are its own, whatever `follow` says.
fn mime(path: &Path, host: &mut dyn Host) -> Result<Option<(String, String)>, HostError> {
    let Some(program) = host.find_program("file")? else { return Ok(None) };
    let mut argv = vec![program.display().to_string(), "--brief".to_owned()];
    argv.extend(["--mime-type", "--mime-encoding", "--no-dereference"].map(str::to_owned));
    argv.extend(["--".to_owned(), path.display().to_string()]);
    let output = host.query(&Command::new(argv))?;
    let text = output.stdout_text();
    let parsed = text.trim().split_once("; charset=");
    Ok(parsed
        .filter(|_| output.success())
        .map(|(mimetype, charset)| (mimetype.to_owned(), charset.to_owned())))
}

/// The version of a file, from `lsattr`.
fn version(path: &Path, host: &mut dyn Host) -> Result<Option<String>, HostError> {
    let Some(program) = host.find_program("lsattr")? else { return Ok(None) };
    let argv = [program.display().to_string(), "-vd".to_owned(), path.display().to_string()];
    let output = host.query(&Command::new(argv))?;
    let text = output.stdout_text();
    Ok(text.split_whitespace().next().filter(|_| output.success()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Output;
    use crate::execute::{Execution, execute};
    use crate::host::fake::FakeHost;

    fn stat(host: &mut FakeHost, arguments: &Json) -> Json {
        let arguments = arguments.as_object().unwrap();
        let done =
            execute::<Stat>("ansible.builtin.stat", Execution { host, arguments, diff: false });
        done.returned.get("stat").cloned().unwrap_or_else(|| done.returned["msg"].clone())
    }

    #[test]
    fn a_file_is_told_in_full() {
        let mut host = FakeHost::new();
        host.directory("/usr", 0o755).directory("/usr/bin", 0o755);
        host.file("/usr/bin/file", "").file("/usr/bin/lsattr", "").file("/tmp/f", "zzz");
        host.flag("/tmp/f", "e");
        host.outputs.insert(
            "/usr/bin/file --brief --mime-type --mime-encoding --no-dereference -- /tmp/f".into(),
            Output { stdout: b"text/plain; charset=us-ascii\n".to_vec(), ..Output::default() },
        );
        host.outputs.insert(
            "/usr/bin/lsattr -vd /tmp/f".into(),
            Output {
                stdout: b"117359174 --------------e------- /tmp/f\n".to_vec(),
                ..Output::default()
            },
        );
        let told = stat(&mut host, &json!({"path": "/tmp/f"}));
        // the fields that ansible-core 2.19.14 gave for such a file
        let mut told = told;
        told.as_object_mut().unwrap().remove("inode");
        let expected: Json = serde_json::from_str(
            r#"{
            "attr_flags": "e", "attributes": ["extents"], "block_size": 4096, "blocks": 8,
            "charset": "us-ascii", "checksum": "40fa37ec00c761c7dbb6ebdee6d4a260b922f5f4",
            "device_type": 0, "executable": false, "exists": true, "gid": 0, "gr_name": "root",
            "isblk": false, "ischr": false, "isdir": false, "isfifo": false, "isgid": false,
            "islnk": false, "isreg": true, "issock": false, "isuid": false,
            "mimetype": "text/plain", "mode": "0644", "nlink": 1, "path": "/tmp/f",
            "pw_name": "root", "readable": true, "rgrp": true, "roth": true, "rusr": true,
            "size": 3, "uid": 0, "version": "117359174", "wgrp": false, "woth": false,
            "writeable": true, "wusr": true, "xgrp": false, "xoth": false, "xusr": false,
            "atime": 1000.0, "mtime": 1000.0, "ctime": 1000.0, "dev": 1}"#,
        )
        .unwrap();
        assert_eq!(told, expected);
    }

    #[test]
    fn links_and_missing_paths_are_told() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "zzz").link("/tmp/l", "f").link("/tmp/d", "none");
        let told = stat(&mut host, &json!({"path": "/tmp/l"}));
        assert_eq!((&told["lnk_source"], &told["lnk_target"]), (&json!("/tmp/f"), &json!("f")));
        assert_eq!((&told["islnk"], &told["checksum"]), (&json!(true), &Json::Null));
        assert_eq!((&told["readable"], &told["executable"]), (&json!(true), &json!(false)));
        assert_eq!((&told["mimetype"], &told["version"]), (&json!("unknown"), &Json::Null));
        let told = stat(
            &mut host,
            &json!({"path": "/tmp/l", "follow": true, "mime": "no", "attr": "no", "checksum": "md5"}),
        );
        assert_eq!((&told["isreg"], &told["checksum"]), (&json!(true), &json!("Md5:zzz")));
        assert!(told.get("mimetype").is_none() && told.get("attributes").is_none());
        for arguments in [json!({"path": "/tmp/none"}), json!({"path": "/tmp/d", "follow": true})] {
            assert_eq!(stat(&mut host, &arguments), json!({"exists": false}));
        }
    }
}

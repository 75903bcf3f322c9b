//! `ansible.builtin.assemble`: makes a file of the files of a directory, in order of their names.
//!
//! Follows the module of ansible-core 2.19 for `remote_src: true`, its default; for fragments on
//! the controller the engine puts them together and delivers the text as a copy. Check mode:
//! full. Diff: full.
//!
//! ```yaml
//! - name: Put the configuration together
//!   ansible.builtin.assemble:
//!     src: /etc/site/conf.d
//!     dest: /etc/site/site.conf
//!     regexp: '\.conf$'
//! ```
//!
//! Returns `msg` (`OK`), `src`, `dest`, `checksum`, `md5sum`, `backup_file` with `backup`, `validation`
//! (`rc`, `stdout`, `stderr`) where a command accepted the new file, and of what is there `state`, `mode`, `owner`, `group`, `uid`, `gid`, `size`.
//!
//! Source: <https://docs.ansible.com/ansible-core/2.19/collections/ansible/builtin/assemble_module.html>

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::copy::{self, Copy, EngineSource};
use super::file_attributes::FileAttributes;
use super::host_path;
use crate::contract::{Conclusion, Module, Plan, Returned, Stop};
use crate::effect::{Applied, Content, Effect};
use crate::host::{FileKind, Follow, Host};
use crate::params;
use crate::python_regex::{self, Flags};

params! {
    /// Parameters of `ansible.builtin.assemble`.
    pub struct Params {
        /// The directory.
        src: PathBuf,
        /// The file.
        dest: PathBuf,
        /// What stands between two fragments; escapes like `\n` are read.
        delimiter: Option<String>,
        /// Whether `src` is on the host.
        remote_src: bool = true,
        /// Pattern that the names of fragments match.
        regexp: Option<String>,
        /// Whether names that start with a dot are left out.
        ignore_hidden: bool = false,
        /// Whether the old file is kept beside.
        backup: bool = false,
        /// Command that must accept the new file, with `%s` for its name.
        validate: Option<String>,
        /// Whether vaulted fragments are decrypted; the engine does it.
        decrypt: bool = true,
        /// Owner, group and mode.
        @flatten attributes: FileAttributes,
    }
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("Source ({0}) does not exist")]
    Missing(String),
    /// It is no directory.
    #[error("Source ({0}) is not a directory")]
    NotDirectory(String),
    /// The pattern is none.
    #[error("Invalid Regexp ({reason}) in \"{pattern}\"")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// A directory is in the place of the file.
    #[error("attempted to take checksum of directory: {0}")]
    Directory(String),
    /// The engine did not do its part.
    #[error("fragments of the controller are put together by the engine")]
    NotRemote,
}

/// The fragments together, and the file as it is.
#[derive(Debug)]
pub struct Observed {
    source: PathBuf,
    content: Vec<u8>,
    file: copy::Observed,
}

/// The module.
#[derive(Debug)]
pub struct Assemble;

impl Params {
    /// What remains once the fragments are together. The content is put into the plan, so that
    /// it may be no text.
    fn delivery(&self) -> copy::Params {
        copy::Params {
            src: None,
            content: Some(Json::from("")),
            dest: self.dest.clone(),
            _original_basename: None,
            remote_src: false,
            directory_mode: None,
            backup: self.backup,
            validate: self.validate.clone(),
            force: true,
            follow: false,
            local_follow: None,
            checksum: None,
            decrypt: self.decrypt,
            attributes: self.attributes.clone(),
            engine: EngineSource::default(),
        }
    }
}

impl Module for Assemble {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        if !params.remote_src {
            return Err(Stop::failed(Error::NotRemote));
        }
        let source = host_path::expand(host, &params.src)?;
        let name = source.display().to_string();
        match host.stat(&source, Follow::Yes)? {
            None => return Err(Stop::failed(Error::Missing(name))),
            Some(stat) if stat.kind != FileKind::Directory => {
                return Err(Stop::failed(Error::NotDirectory(name)));
            }
            Some(_) => {}
        }
        let fragments = fragments(params, &source, host)?;
        let content = join(&fragments, params.delimiter.as_deref());
        let dest = host_path::expand(host, &params.dest)?;
        let there = host.stat(&dest, Follow::Yes)?;
        if there.is_some_and(|stat| stat.kind == FileKind::Directory) {
            return Err(Stop::failed(Error::Directory(dest.display().to_string())));
        }
        let mut file = Copy::observe(&params.delivery(), host)?;
        file.hold(content.clone());
        Ok(Observed { source, content, file })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Copy::plan(&params.delivery(), &observed.file)?;
        for planned in &mut plan.effects {
            if let Effect::WriteFile(write) = &mut planned.effect {
                write.content = Content::Bytes(observed.content.clone());
            }
        }
        plan.returned.shift_remove("path");
        plan.set("src", observed.source.display().to_string());
        plan.set("msg", "OK");
        Ok(plan)
    }

    fn conclude(
        params: &Params,
        observed: &Observed,
        plan: &Plan,
        applied: &[Applied],
    ) -> Result<Conclusion, Stop> {
        let mut concluded = Copy::conclude(&params.delivery(), &observed.file, plan, applied)?;
        if let Some(Applied::Written { validation: Some(output), .. }) = applied.first() {
            let validation = json!({
                "rc": output.status,
                "stdout": output.stdout_text(),
                "stderr": output.stderr_text(),
            });
            concluded.returned.insert("validation".to_owned(), validation);
        }
        Ok(concluded)
    }

    fn revisit(
        params: &Params,
        observed: &Observed,
        host: &mut dyn Host,
        returned: &mut Returned,
    ) -> Result<(), Stop> {
        // the sum is told whether or not the file was written
        let params = copy::Params { remote_src: true, ..params.delivery() };
        Copy::revisit(&params, &observed.file, host, returned)
    }
}

fn fragments(params: &Params, directory: &Path, host: &mut dyn Host) -> Result<Vec<Vec<u8>>, Stop> {
    let regex = match &params.regexp {
        Some(pattern) => {
            let regex = python_regex::compile(pattern, Flags::default());
            Some(regex.map_err(|reason| {
                Stop::failed(Error::Pattern {
                    pattern: pattern.clone(),
                    reason: reason.to_string(),
                })
            })?)
        }
        None => None,
    };
    let mut fragments = Vec::new();
    for name in host.list(directory)? {
        let hidden = params.ignore_hidden && name.starts_with('.');
        let wanted = match &regex {
            Some(regex) => regex.is_found(&name).map_err(Stop::failed)?,
            None => true,
        };
        let path = directory.join(&name);
        let stat = host.stat(&path, Follow::Yes)?;
        if wanted && !hidden && stat.is_some_and(|stat| stat.kind == FileKind::File) {
            fragments.push(host.read(&path)?);
        }
    }
    Ok(fragments)
}

/// One after the other, each on lines of its own.
pub fn join(fragments: &[Vec<u8>], delimiter: Option<&str>) -> Vec<u8> {
    let delimiter = delimiter.map(unescape).filter(|delimiter| !delimiter.is_empty());
    let mut content: Vec<u8> = Vec::new();
    for (index, fragment) in fragments.iter().enumerate() {
        if index > 0 {
            if !fragments.get(index - 1).is_some_and(|before| before.ends_with(b"\n")) {
                content.push(b'\n');
            }
            if let Some(delimiter) = &delimiter {
                content.extend_from_slice(delimiter.as_bytes());
                if !delimiter.ends_with('\n') {
                    content.push(b'\n');
                }
            }
        }
        content.extend_from_slice(fragment);
    }
    content
}

/// Reads `\n`, `\t`, `\r` and `\\`; others stay.
fn unescape(text: &str) -> String {
    let mut read = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            read.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => read.push('\n'),
            Some('t') => read.push('\t'),
            Some('r') => read.push('\r'),
            Some('\\') | None => read.push('\\'),
            Some(other) => read.extend(['\\', other]),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::execute::{Executed, Execution, execute};
    use crate::host::fake::FakeHost;
    use crate::wire::Status;

    fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
        let arguments = arguments.as_object().unwrap();
        execute::<Assemble>("ansible.builtin.assemble", Execution { host, arguments, diff: false })
    }

    #[test]
    fn fragments_come_in_order_of_their_names() {
        let mut host = FakeHost::new();
        host.directory("/tmp/d", 0o755).directory("/tmp/d/sub", 0o755);
        host.file("/tmp/d/2.conf", "b").file("/tmp/d/1.conf", "a\n").file("/tmp/d/.h", "h\n");
        host.file("/tmp/d/3.txt", "c\n").file("/tmp/d/sub/x", "x");
        let cases = [
            (json!({}), "h\na\nb\nc\n"),
            (json!({"ignore_hidden": true}), "a\nb\nc\n"),
            (json!({"regexp": r"\.conf$"}), "a\nb"),
            (json!({"ignore_hidden": true, "delimiter": "##"}), "a\n##\nb\n##\nc\n"),
            (json!({"ignore_hidden": true, "delimiter": r"#\n"}), "a\n#\nb\n#\nc\n"),
        ];
        for (mut arguments, expected) in cases {
            arguments["src"] = json!("/tmp/d");
            arguments["dest"] = json!("/tmp/out");
            let done = run(&mut host, &arguments);
            assert_eq!((done.status, host.text("/tmp/out").as_str()), (Status::Changed, expected));
            assert_eq!(
                (&done.returned["msg"], &done.returned["src"]),
                (&json!("OK"), &json!("/tmp/d"))
            );
            assert_eq!(done.returned["md5sum"], json!(format!("Md5:{expected}")));
            let again = run(&mut host, &arguments);
            assert_eq!((again.status, &again.returned), (Status::Ok, &done.returned));
        }
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let mut host = FakeHost::new();
        host.file("/tmp/f", "");
        for (source, remote, message) in [
            ("/tmp/none", true, "Source (/tmp/none) does not exist"),
            ("/tmp/f", true, "Source (/tmp/f) is not a directory"),
            ("/tmp", false, "fragments of the controller are put together by the engine"),
        ] {
            let arguments = json!({"src": source, "dest": "/tmp/out", "remote_src": remote});
            assert_eq!(run(&mut host, &arguments).returned["msg"], json!(message));
        }
    }
}

//! `ansible.posix.patch`: changes that a patch file tells.
//!
//! Follows the module of ansible.posix 2.1. Check mode: full. Diff: the files.
//!
//! Differs: the patch is applied to copies of the files, and what comes of them takes their place;
//! the program that applies it is GNU's.
//!
//! ```yaml
//! - name: Mend the start script
//!   ansible.posix.patch:
//!     src: start.patch
//!     basedir: /opt/app
//!     strip: 1
//! ```
//!
//! Returns nothing of its own.

use std::path::{Path, PathBuf};

use crate::contract::{Module, Plan, Stop};
use crate::effect::{Attributes, Content, Effect, Output, WriteFile};
use crate::host::{Follow, Host};
use crate::module::copy::EngineSource;
use crate::module::{expansion, host_path, program};
use crate::params::Rule;
use crate::{choices, params};

choices! {
    /// Whether the patch is in the files.
    pub enum State {
        /// It is not.
        Absent = "absent",
        /// It is.
        Present = "present",
    }
}

params! {
    /// Parameters of `ansible.posix.patch`.
    pub struct Params {
        /// The patch: a file of the controller, or of the host with `remote_src`.
        src ("patchfile"): PathBuf,
        /// The file that is patched, where the patch is about one.
        dest ("originalfile"): Option<PathBuf>,
        /// The directory that names in the patch start from.
        basedir: Option<PathBuf>,
        /// How many directories of the names in the patch are left out.
        strip: i64 = 0,
        /// Whether `src` is on the host.
        remote_src: bool = false,
        /// Whether old files are kept beside, with a number.
        backup: bool = false,
        /// Whether line ends are left as they are.
        binary: bool = false,
        /// Whether spaces may differ.
        ignore_whitespace: bool = false,
        /// Whether the patch is in the files.
        state: State = State::Present,
        /// The patch, sent by the engine.
        @flatten engine: EngineSource,
    }
    rules [Rule::RequiredOneOf(&["dest", "basedir"])]
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no patch.
    #[error("src {0} doesn't exist or not readable")]
    NoSource(String),
    /// There is no file.
    #[error("dest {0} doesn't exist or not writable")]
    NoDestination(String),
    /// There is no directory.
    #[error("basedir {0} doesn't exist")]
    NoDirectory(String),
    /// There is no program.
    #[error("patch command not found")]
    NoProgram,
}

/// The module.
#[derive(Debug)]
pub struct Patch;

/// A file before and after.
#[derive(Debug)]
struct File {
    path: PathBuf,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    /// The name that keeps the old one.
    backup: PathBuf,
    missing_directories: Vec<PathBuf>,
}

/// The files that the patch changes; none when it is there already.
#[derive(Debug, Default)]
pub struct Observed {
    files: Vec<File>,
}

impl Module for Patch {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let content = match &params.engine.source {
            Some(source) => Content::Source(source.clone()),
            None => Content::File(expansion::path(&params.src, host)?),
        };
        let there = |host: &mut dyn Host, path: &Path| {
            host.stat(path, Follow::Yes).map(|stat| stat.is_some())
        };
        if let Content::File(path) = &content
            && !there(host, path)?
        {
            return Err(Stop::failed(Error::NoSource(path.display().to_string())));
        }
        let dest = params.dest.as_ref().map(|dest| expansion::path(dest, host)).transpose()?;
        if let Some(dest) = &dest
            && !there(host, dest)?
        {
            return Err(Stop::failed(Error::NoDestination(dest.display().to_string())));
        }
        let directory = match (&params.basedir, &dest) {
            (Some(directory), _) => expansion::path(directory, host)?,
            (None, Some(dest)) => host_path::parent(dest),
            (None, None) => PathBuf::from("."),
        };
        if !there(host, &directory)? {
            return Err(Stop::failed(Error::NoDirectory(directory.display().to_string())));
        }
        let Some(program) = host.find_program("patch")? else {
            return Err(Stop::failed(Error::NoProgram));
        };
        let program = program.to_string_lossy().into_owned();
        let patch = host.lay_out(&content)?.to_string_lossy().into_owned();
        let scratch = host.scratch()?;
        let mut trial = Trial { params, host, program, patch, directory, scratch, dest };
        let files = trial.files();
        let scratch = trial.scratch.clone();
        host.discard(&scratch);
        Ok(Observed { files: files? })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        for file in observed.files.iter().filter(|file| file.before != file.after) {
            if params.backup && file.before.is_some() {
                let copy = Effect::CopyFile { from: file.path.clone(), to: file.backup.clone() };
                plan.push(copy, "the old one is kept");
            }
            let Some(after) = &file.after else {
                plan.push(Effect::Remove { path: file.path.clone() }, "the patch removes it");
                continue;
            };
            for directory in &file.missing_directories {
                let effect = Effect::MakeDirectory { path: directory.clone(), mode: None };
                plan.push(effect, "it is absent");
            }
            let write = WriteFile {
                path: file.path.clone(),
                content: Content::Bytes(after.clone()),
                attributes: Attributes::default(),
                validate: None,
                backup: false,
                unsafe_writes: false,
            };
            plan.push(Effect::WriteFile(write), "the patch changes it");
        }
        Ok(plan)
    }
}

/// The patch, tried on copies in a private directory.
struct Trial<'a> {
    params: &'a Params,
    host: &'a mut dyn Host,
    program: String,
    patch: String,
    /// Where names of the patch start.
    directory: PathBuf,
    scratch: PathBuf,
    dest: Option<PathBuf>,
}

/// What stands for the one file that is patched, in the private directory.
const ONE: &str = "file";

impl Trial<'_> {
    fn files(&mut self) -> Result<Vec<File>, Stop> {
        let names = match &self.dest {
            Some(dest) => vec![(ONE.to_owned(), dest.clone())],
            None => self.named()?,
        };
        let mut files = Vec::new();
        for (name, path) in &names {
            files.push(self.copy(name, path)?);
        }
        if self.run(&["--dry-run"], self.params.state == State::Present)?.success() {
            return Ok(Vec::new());
        }
        let options = ["--batch", "--reject-file=-"];
        let output = self.run(&options, self.params.state == State::Absent)?;
        if !output.success() {
            let (errors, said) = (output.stderr_text(), output.stdout_text());
            return Err(Stop::failed(if errors.is_empty() { said } else { errors }));
        }
        for (file, (name, _)) in files.iter_mut().zip(&names) {
            let copy = self.scratch.join(name);
            let there = self.host.stat(&copy, Follow::Yes)?.is_some();
            file.after = if there { Some(self.host.read(&copy)?) } else { None };
        }
        Ok(files)
    }

    /// The files that the patch names, as it names them and where they are.
    fn named(&mut self) -> Result<Vec<(String, PathBuf)>, Stop> {
        let patch = self.host.read(Path::new(&self.patch))?;
        let strip = usize::try_from(self.params.strip).unwrap_or_default();
        let mut names: Vec<(String, PathBuf)> = Vec::new();
        for line in String::from_utf8_lossy(&patch).lines() {
            let name = ["--- ", "+++ ", "*** "].iter().find_map(|mark| line.strip_prefix(mark));
            let Some(name) = name.and_then(|name| name.split('\t').next()).map(str::trim_end)
            else {
                continue;
            };
            let parts: Vec<&str> = name.split('/').skip(strip).collect();
            let outside = parts.is_empty() || parts.iter().any(|part| matches!(*part, "" | ".."));
            if outside || name == "/dev/null" {
                continue;
            }
            let name = parts.join("/");
            if !names.iter().any(|(known, _)| *known == name) {
                let path = self.directory.join(&name);
                names.push((name, path));
            }
        }
        Ok(names)
    }

    /// Copies a file into the private directory.
    fn copy(&mut self, name: &str, path: &Path) -> Result<File, Stop> {
        let copy = self.scratch.join(name).to_string_lossy().into_owned();
        let parent = host_path::parent(Path::new(&copy)).to_string_lossy().into_owned();
        program::query(self.host, ["mkdir", "-p", "--", &parent])?;
        let stat = self.host.stat(path, Follow::Yes)?;
        let mut file = File {
            path: host_path::follow_links(self.host, path)?,
            before: None,
            after: None,
            backup: PathBuf::new(),
            missing_directories: Vec::new(),
        };
        if stat.is_some() {
            let content = Content::File(path.to_owned());
            let from = self.host.lay_out(&content)?.to_string_lossy().into_owned();
            let output = program::query(self.host, ["cp", "--", &from, &copy])?;
            if !output.success() {
                return Err(program::failure(&output));
            }
            file.before = Some(self.host.read(path)?);
            file.backup = self.backup(path)?;
        } else {
            file.missing_directories = host_path::ancestors(self.host, path)?.0;
        }
        Ok(file)
    }

    /// The next name that numbers an old file.
    fn backup(&mut self, path: &Path) -> Result<PathBuf, Stop> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = |other: &String| {
            let rest = other.strip_prefix(&name)?.strip_prefix(".~")?.strip_suffix('~')?;
            rest.parse::<u64>().ok()
        };
        let directory = host_path::parent(path);
        let last = self.host.list(&directory)?.iter().filter_map(number).max().unwrap_or_default();
        Ok(directory.join(format!("{name}.~{}~", last + 1)))
    }

    fn run(&mut self, options: &[&str], reverse: bool) -> Result<Output, Stop> {
        let mut argv = vec![self.program.clone(), "--quiet".to_owned(), "--forward".to_owned()];
        argv.extend(options.iter().map(|option| (*option).to_owned()));
        argv.push(format!("--strip={}", self.params.strip));
        argv.push(format!("--directory={}", self.scratch.display()));
        argv.push(format!("--input={}", self.patch));
        let flags = [
            (self.params.binary, "--binary"),
            (self.params.ignore_whitespace, "--ignore-whitespace"),
            (reverse, "--reverse"),
        ];
        argv.extend(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| (*flag).to_owned()));
        argv.extend(self.dest.iter().map(|_| ONE.to_owned()));
        Ok(program::query(self.host, argv)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Patch;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::live::{Interrupt, LiveHost};
    use crate::host::memory::MemoryHost;
    use crate::wire::Status;

    const PATCH: &str = "--- a/one\n+++ b/one\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n\
        --- /dev/null\n+++ b/sub/two\n@@ -0,0 +1 @@\n+added\n";

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Patch>(host, arguments)
    }

    #[test]
    fn patches_come_and_go() {
        if !std::path::Path::new("/usr/bin/patch").exists() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let text = |name: &str| std::fs::read_to_string(path(name)).ok();
        std::fs::write(path("one"), "same\nold\n").unwrap();
        std::fs::write(path("p"), PATCH).unwrap();
        let mut host = LiveHost::new(std::sync::Arc::new(Interrupt::new()));
        let mut arguments = json!({
            "src": path("p"), "remote_src": true, "basedir": place.path(), "strip": 1, "backup": true,
        });
        let ended = run(&mut host, &arguments);
        assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
        assert_eq!(text("one").as_deref(), Some("same\nnew\n"));
        assert_eq!(text("one.~1~").as_deref(), Some("same\nold\n"));
        assert_eq!(text("sub/two").as_deref(), Some("added\n"));
        assert_eq!(run(&mut host, &arguments).status, Status::Ok);
        arguments["state"] = json!("absent");
        assert_eq!(run(&mut host, &arguments).status, Status::Changed);
        assert_eq!((text("one").as_deref(), text("sub/two")), (Some("same\nold\n"), None));
        assert_eq!(run(&mut host, &arguments).status, Status::Ok);
        let of_one = json!({"src": path("p"), "remote_src": true, "dest": path("sub")});
        assert_eq!(run(&mut host, &of_one).status, Status::Failed);
    }

    #[test]
    fn refusals_are_worded_as_the_collection_words_them() {
        let host = || MemoryHost::new().with_file("/p", PATCH).with_file("/etc/one", "same\n");
        for (arguments, message) in [
            (json!({"src": "/p"}), "one of the following is required: dest, basedir"),
            (json!({"src": "/no", "dest": "/etc/one"}), "src /no doesn't exist or not readable"),
            (json!({"src": "/p", "dest": "/no"}), "dest /no doesn't exist or not writable"),
            (json!({"src": "/p", "basedir": "/no"}), "basedir /no doesn't exist"),
            (json!({"src": "/p", "dest": "/etc/one"}), "patch command not found"),
        ] {
            assert_eq!(run(&mut host(), &arguments).returned["msg"], message);
        }
    }
}

//! `community.general.modprobe`: modules of the kernel, now and at each start.
//!
//! Follows the module of community.general 11. Check mode: full. Diff: files and the module.
//!
//! Differs: no empty lines come between the lines of a file in which one is commented out.
//!
//! ```yaml
//! - name: Bridge packets pass the firewall
//!   community.general.modprobe:
//!     name: br_netfilter
//!     persistent: present
//! ```
//!
//! Returns `name`, `params`, `state`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::contract::{Module, Plan, Planned, Stop};
use crate::effect::{Attributes, Content, Effect, Output, SettingChange, WriteFile};
use crate::host::{FileKind, Follow, Host, HostError};
use crate::module::program;
use crate::{choices, params};

choices! {
    /// Whether it is loaded.
    pub enum State {
        /// It is not.
        Absent = "absent",
        /// It is.
        Present = "present",
    }
}

choices! {
    /// Whether it is loaded at each start.
    pub enum Persistent {
        /// Nothing is done about it.
        Disabled = "disabled",
        /// It is.
        Present = "present",
        /// It is not.
        Absent = "absent",
    }
}

params! {
    /// Parameters of `community.general.modprobe`.
    pub struct Params {
        /// The module.
        name: String,
        /// Whether it is loaded.
        state: State = State::Present,
        /// What it is loaded with.
        params: String = String::new(),
        /// Whether it is loaded at each start.
        persistent: Persistent = Persistent::Disabled,
    }
}

/// The module.
#[derive(Debug)]
pub struct Modprobe;

/// What is known of the module.
#[derive(Debug)]
pub struct Observed {
    program: String,
    loaded: bool,
    /// What is said of a module that the kernel has by another name.
    warning: Option<String>,
    /// Files of `/etc/modules-load.d`.
    loads: Vec<(PathBuf, String)>,
    /// Files of `/etc/modprobe.d`.
    options: Vec<(PathBuf, String)>,
    /// Words of `params`.
    words: Vec<String>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the kernel is not there.
    #[error("[Errno 2] No such file or directory: '{0}'")]
    NoFile(String),
    /// The parameters are no words.
    #[error("No closing quotation")]
    Words,
}

const LOADS: &str = "/etc/modules-load.d";
const OPTIONS: &str = "/etc/modprobe.d";
const KIND: &str = "kernel module";

impl Module for Modprobe {
    type Params = Params;
    type Observed = Observed;

    fn observe(params: &Params, host: &mut dyn Host) -> Result<Observed, Stop> {
        let program = program::required(host, "modprobe")?;
        let words = shell_words::split(&params.params).map_err(|_| Stop::failed(Error::Words))?;
        let mut loaded = is_loaded(&params.name, host).map_err(|stop| named(params, stop))?;
        let mut warning = None;
        if params.state == State::Present && !loaded {
            let argv = [program.as_str(), "-n", &params.name];
            let argv = argv.into_iter().chain(words.iter().map(String::as_str));
            let output = program::query(host, argv)?;
            if !output.success() {
                return Err(failure(params, &output));
            }
            // the kernel may have it by another name
            let argv = [program.as_str(), "-n", "--first-time", &params.name];
            let argv = argv.into_iter().chain(words.iter().map(String::as_str));
            let output = program::query(host, argv)?;
            if !output.success() {
                loaded = true;
                warning = Some(output.stderr_text());
            }
        }
        let (mut loads, mut options) = (Vec::new(), Vec::new());
        if params.persistent != Persistent::Disabled {
            loads = files(LOADS, host)?;
            options = files(OPTIONS, host)?;
        }
        Ok(Observed { program, loaded, warning, loads, options, words })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan, Stop> {
        let mut plan = Plan::nothing();
        plan.set("name", params.name.clone());
        plan.set("params", params.params.clone());
        plan.set("state", params.state.word());
        if let Some(warning) = &observed.warning {
            plan.set("warnings", vec![warning.clone()]);
        }
        match (params.state, observed.loaded) {
            (State::Present, false) => {
                let argv = [observed.program.clone(), params.name.clone()];
                let argv = argv.into_iter().chain(observed.words.iter().cloned());
                plan.push(setting(params, observed, argv.collect()), "it is not loaded");
            }
            (State::Absent, true) => {
                let argv = [&observed.program, "-r", &params.name].map(str::to_owned).to_vec();
                plan.push(setting(params, observed, argv), "it is loaded");
            }
            _ => {}
        }
        observed.plan_files(params, &mut plan);
        Ok(plan)
    }

    fn explain(params: &Params, _: &Observed, _: &Planned, error: HostError) -> Stop {
        match error {
            HostError::CommandFailed { output, .. } => failure(params, &output),
            error => Stop::Host(error),
        }
    }
}

fn setting(params: &Params, observed: &Observed, argv: Vec<String>) -> Effect {
    let told = |loaded: bool| Some(Json::from(if loaded { "loaded" } else { "not loaded" }));
    Effect::Setting(SettingChange {
        kind: KIND.to_owned(),
        name: params.name.clone(),
        before: told(observed.loaded),
        after: told(params.state == State::Present),
        commands: vec![program::command(argv)],
        ..SettingChange::default()
    })
}

fn failure(params: &Params, output: &Output) -> Stop {
    let stop = Stop::failed(output.stderr_text())
        .with("rc", output.status)
        .with("stdout", output.stdout_text())
        .with("stderr", output.stderr_text());
    named(params, stop)
}

fn named(params: &Params, stop: Stop) -> Stop {
    stop.with("name", params.name.clone())
        .with("params", params.params.clone())
        .with("state", params.state.word())
}

impl Observed {
    fn plan_files(&self, params: &Params, plan: &mut Plan) {
        let name = params.name.as_str();
        let loads = self.loads.iter().any(|(_, text)| text.lines().any(|it| names(it, name)));
        let mut set: Vec<&str> = Vec::new();
        for (_, text) in &self.options {
            set.extend(text.lines().filter_map(|line| option_of(line, name)));
        }
        set.sort_unstable();
        set.dedup();
        let mut wanted: Vec<&str> = params.params.split_whitespace().collect();
        wanted.sort_unstable();
        wanted.dedup();
        match params.persistent {
            Persistent::Disabled => {}
            Persistent::Present => {
                if !loads {
                    let path = Path::new(LOADS).join(format!("{name}.conf"));
                    plan.push(write(&path, format!("{name}\n")), "it is not loaded at the start");
                }
                if set != wanted {
                    let path = Path::new(OPTIONS).join(format!("{name}.conf"));
                    self.comment_out(&self.options, Some(&path), plan, |line| {
                        option_of(line, name).is_some()
                    });
                    let words = params.params.split_whitespace();
                    let lines: Vec<String> =
                        words.map(|word| format!("options {name} {word}")).collect();
                    let text = format!("{}\n", lines.join("\n"));
                    plan.push(write(&path, text), "its options differ");
                }
            }
            Persistent::Absent => {
                self.comment_out(&self.loads, None, plan, |line| names(line, name));
                self.comment_out(&self.options, None, plan, |line| option_of(line, name).is_some());
            }
        }
    }

    fn comment_out(
        &self,
        files: &[(PathBuf, String)],
        but: Option<&Path>,
        plan: &mut Plan,
        goes: impl Fn(&str) -> bool,
    ) {
        for (path, text) in files.iter().filter(|(path, _)| Some(path.as_path()) != but) {
            let new: String = text
                .split_inclusive('\n')
                .map(|line| {
                    if goes(line.trim_end_matches('\n')) {
                        format!("#{line}")
                    } else {
                        line.to_owned()
                    }
                })
                .collect();
            if new != *text {
                plan.push(write(path, new), "it is named there");
            }
        }
    }
}

fn write(path: &Path, text: String) -> Effect {
    Effect::WriteFile(WriteFile {
        path: path.to_owned(),
        content: Content::Bytes(text.into_bytes()),
        attributes: Attributes::default(),
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

/// Whether a line names the module, perhaps with a comment behind.
fn names(line: &str, name: &str) -> bool {
    line.split(['#', ';']).next().is_some_and(|text| text.trim_matches(' ') == name)
}

/// The option of the module that a line sets.
fn option_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("options ")?.strip_prefix(name)?.strip_prefix(' ')?;
    let (option, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.trim_start_matches(' ');
    let (key, value) = option.split_once('=')?;
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let fits = !key.is_empty() && key.chars().all(word) && !value.is_empty();
    (fits && (rest.is_empty() || rest.starts_with(['#', ';']))).then_some(option)
}

/// Whether the kernel has it, loaded or built in.
/// A file that tells of modules, or the words of Python for there being none.
fn read(path: &str, host: &mut dyn Host) -> Result<Vec<u8>, Stop> {
    match host.read(Path::new(path)) {
        Err(HostError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(Stop::failed(Error::NoFile(path.to_owned())))
        }
        read => Ok(read?),
    }
}

fn is_loaded(name: &str, host: &mut dyn Host) -> Result<bool, Stop> {
    if let Some(kept) = host.rehearsed(KIND, name) {
        return Ok(kept.value == Some(Json::from("loaded")));
    }
    let modules = read("/proc/modules", host)?;
    let known = format!("{} ", name.replace('-', "_"));
    if String::from_utf8_lossy(&modules).lines().any(|line| line.starts_with(&known)) {
        return Ok(true);
    }
    let release = host.read(Path::new("/proc/sys/kernel/osrelease"))?;
    let release = String::from_utf8_lossy(&release).trim().to_owned();
    let path = format!("/lib/modules/{release}/modules.builtin");
    let builtin = read(&path, host)?;
    let file = format!("/{name}.ko");
    Ok(String::from_utf8_lossy(&builtin).lines().any(|line| line.trim_end().ends_with(&file)))
}

fn files(directory: &str, host: &mut dyn Host) -> Result<Vec<(PathBuf, String)>, Stop> {
    let directory = Path::new(directory);
    let mut found = Vec::new();
    if !host.stat(directory, Follow::Yes)?.is_some_and(|stat| stat.kind == FileKind::Directory) {
        return Ok(found);
    }
    for name in host.list(directory)? {
        let path = directory.join(name);
        if host.stat(&path, Follow::Yes)?.is_some_and(|stat| stat.kind == FileKind::File) {
            let text = String::from_utf8_lossy(&host.read(&path)?).into_owned();
            found.push((path, text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{LOADS, Modprobe, names, option_of};
    use crate::effect::Output;
    use crate::execute::Executed;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::recorded::programs_run_as_recorded;
    use crate::wire::Status;

    fn host(modules: &str) -> MemoryHost {
        MemoryHost::new()
            .with_program("modprobe")
            .with_file("/proc/modules", modules)
            .with_file("/proc/sys/kernel/osrelease", "6.1\n")
            .with_file("/lib/modules/6.1/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
            .with_directory("/etc/modules-load.d")
            .with_file("/etc/modprobe.d/a.conf", "options br x=1 # c\n# options br y=2\n")
            .with_output(&["/usr/bin/modprobe", "-n", "br"], Output::default())
            .with_output(&["/usr/bin/modprobe", "-n", "br", "x=2"], Output::default())
            .with_output(&["/usr/bin/modprobe", "-n", "--first-time", "br"], Output::default())
            .with_output(
                &["/usr/bin/modprobe", "-n", "--first-time", "br", "x=2"],
                Output::default(),
            )
    }

    fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
        crate::recorded::run::<Modprobe>(host, arguments)
    }

    #[test]
    fn modules_come_and_go() {
        let table: &[(&str, Json, &[(&str, &str)], bool)] = &[
            ("br 1 0\n", json!({"name": "br"}), &[], false),
            ("", json!({"name": "ext4"}), &[], false),
            ("", json!({"name": "br"}), &[], true),
            ("br 1 0\n", json!({"name": "br", "state": "absent"}), &[], true),
            ("", json!({"name": "br", "state": "absent"}), &[], false),
            (
                "",
                json!({"name": "br", "params": "x=2", "persistent": "present"}),
                &[
                    ("/etc/modules-load.d/br.conf", "br\n"),
                    ("/etc/modprobe.d/a.conf", "#options br x=1 # c\n# options br y=2\n"),
                    ("/etc/modprobe.d/br.conf", "options br x=2\n"),
                ],
                true,
            ),
            (
                "",
                json!({"name": "br", "state": "absent", "persistent": "absent"}),
                &[("/etc/modprobe.d/a.conf", "#options br x=1 # c\n# options br y=2\n")],
                true,
            ),
        ];
        for (modules, arguments, files, changed) in table {
            let mut host = host(modules);
            let ended = run(&mut host, arguments);
            let status = if *changed { Status::Changed } else { Status::Ok };
            assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
            for (path, text) in *files {
                let there = host.read(path.as_ref()).unwrap();
                assert_eq!(String::from_utf8(there).unwrap(), *text, "{path}");
            }
            assert_eq!(run(&mut host, arguments).status, Status::Ok, "{arguments}");
        }
    }

    #[test]
    fn outcomes_are_those_of_the_collection() {
        programs_run_as_recorded::<Modprobe>(
            || MemoryHost::new().with_directory(LOADS),
            // the collection doubles the ends of lines there
            &include_str!("modprobe_cases.json").replace("\\n\\n", "\\n"),
        );
    }

    #[test]
    fn unknown_modules_are_refused() {
        let stderr = "modprobe: FATAL: Module no not found in directory /lib/modules/6.1\n";
        let output = Output { status: 1, stderr: stderr.into(), ..Output::default() };
        let mut host = host("").with_output(&["/usr/bin/modprobe", "-n", "no"], output);
        let ended = run(&mut host, &json!({"name": "no"}));
        assert_eq!((ended.status, &ended.returned["msg"]), (Status::Failed, &json!(stderr)));
    }

    #[test]
    fn lines_are_read() {
        assert!(names("br  # c", "br") && names(" br", "br") && !names("br2", "br"));
        assert_eq!(option_of("options br x=1 ; c", "br"), Some("x=1"));
        assert_eq!(option_of("options br x=1 y=2", "br"), None);
        assert_eq!(option_of("options brx x=1", "br"), None);
    }
}

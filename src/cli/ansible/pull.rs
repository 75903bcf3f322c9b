//! `ansible-pull`: a repository of playbooks comes here, and then runs here.
//!
//! Both steps are programs of their own, this one by other names: `ansible` brings the repository,
//! `ansible-playbook` runs what is in it, with the settings and the folder that it has there.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use canvass_modules::host::live::{Interrupt, LiveHost, NoSources};
use canvass_modules::module::setup::full_name_of;
use clap::Parser;
use serde_json::{Map, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::super::{CommandError, print};
use super::options::{Base, Connect, ExtraVars, Hosts, ModulePath, RunAsPassword, Subset, Vault};
use super::{Invocation, talk};
use crate::settings::Settings;

/// Brings a repository of playbooks here, and runs one of it here.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-pull",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    base: Base,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    vault: Vault,
    #[command(flatten)]
    extra_vars: ExtraVars,
    #[command(flatten)]
    subset: Subset,
    #[command(flatten)]
    hosts: Hosts,
    #[command(flatten)]
    module_path: ModulePath,
    #[command(flatten)]
    password: RunAsPassword,
    /// Remove the checkout after the run
    #[arg(long)]
    purge: bool,
    /// Run only when the repository has changed
    #[arg(short = 'o', long = "only-if-changed")]
    only_if_changed: bool,
    /// Wait for some of this many seconds first, so that hosts do not all ask at once
    #[arg(short, long)]
    sleep: Option<String>,
    /// Run even when the repository could not be brought
    #[arg(short, long)]
    force: bool,
    /// The folder of the checkout
    #[arg(short, long)]
    directory: Option<String>,
    /// The repository
    #[arg(short = 'U', long)]
    url: Option<String>,
    /// Bring all of its past
    #[arg(long)]
    full: bool,
    /// Branch, tag or commit
    #[arg(short = 'C', long)]
    checkout: Option<String>,
    /// Take the host key of the repository's host where it is not known
    #[arg(long)]
    accept_host_key: bool,
    /// The module that brings it: `git` or `subversion`
    #[arg(short, long, default_value = "git")]
    module_name: String,
    /// Run only when the commit is signed well
    #[arg(long)]
    verify_commit: bool,
    /// Undo changes in the checkout
    #[arg(long)]
    clean: bool,
    /// Bring submodules at their newest commits
    #[arg(long)]
    track_subs: bool,
    /// Change nothing; tell what would change
    #[arg(long)]
    check: bool,
    /// Show how files change
    #[arg(long)]
    diff: bool,
    /// Playbooks of the repository
    #[arg(value_name = "playbook.yml")]
    playbooks: Vec<PathBuf>,
}

/// The modules that Ansible knows for this.
const MODULES: [&str; 4] = ["git", "subversion", "hg", "bzr"];

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible-pull") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let settings = &invocation.settings;
    let verbosity = arguments.base.verbosity;
    talk::header("ansible-pull", settings, verbosity);
    let pull = Pull::new(&arguments, settings)?;
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let now = OffsetDateTime::now_local().unwrap_or_else(|_| OffsetDateTime::now_utc());
    print(&format!("Starting Ansible Pull at {}\n", now.format(&format).unwrap_or_default()));
    let words = invocation.arguments.iter().map(|word| word.to_string_lossy());
    print(&format!("{}\n", words.collect::<Vec<_>>().join(" ")));
    if let Some(seconds) = pull.sleep {
        print(&format!("Sleeping for {seconds} seconds...\n"));
        std::thread::sleep(Duration::from_secs(seconds));
    }
    let (code, changed) = pull.bring(settings)?;
    if code != 0 {
        if !arguments.force {
            return Ok(ExitCode::from(code));
        }
        talk::warning("Unable to update repository. Continuing with (forced) run of playbook.");
    } else if arguments.only_if_changed && !changed {
        print("Repository has not changed, quitting\n");
        return Ok(ExitCode::SUCCESS);
    }
    let Some(playbooks) = pull.playbooks() else {
        return Err(CommandError::options("Could not find a playbook to run.", None));
    };
    let code = pull.run(&playbooks)?;
    if arguments.purge
        && let Err(error) = std::fs::remove_dir_all(&pull.directory)
    {
        talk::error(&format!("Failed to remove {}: {error}", pull.directory.display()));
    }
    Ok(ExitCode::from(code))
}

struct Pull<'a> {
    arguments: &'a Arguments,
    url: &'a str,
    directory: PathBuf,
    /// The name of this host with its domain.
    name: String,
    sleep: Option<u64>,
    /// Inventories, as they are meant from here.
    inventories: Vec<String>,
}

impl<'a> Pull<'a> {
    fn new(arguments: &'a Arguments, settings: &Settings) -> Result<Self, CommandError> {
        let wrong = |text: String| Err(CommandError::options(text, None));
        let module = arguments.module_name.as_str();
        if !MODULES.contains(&module) {
            return wrong(format!(
                "Unsupported repo module {module}, choices are {}",
                MODULES.join(",")
            ));
        }
        if matches!(module, "hg" | "bzr") {
            return wrong(format!("`--module-name {module}` is not supported yet"));
        }
        if !arguments.module_path.module_path.is_empty() {
            return wrong("`--module-path` is not supported yet".to_owned());
        }
        let name = full_name();
        let directory = match &arguments.directory {
            Some(directory) => crate::inventory::absolute(directory),
            None => settings.path("ANSIBLE_HOME").unwrap_or_default().join("pull").join(&name),
        };
        if directory.exists() && !directory.is_dir() {
            let shown = directory.display();
            return wrong(format!("{shown} is not a valid or accessible directory."));
        }
        let sleep = match &arguments.sleep {
            None => None,
            Some(text) => match text.parse::<u64>() {
                Ok(most) if most > 0 => Some(random() % most),
                _ => return wrong(format!("{text} is not a number.")),
            },
        };
        let Some(url) = arguments.url.as_deref() else {
            return wrong("URL for repository not specified, use -h for help".to_owned());
        };
        let from_here = |inventory: &String| match inventory.contains(',') {
            true => inventory.clone(),
            false => crate::inventory::absolute(inventory).display().to_string(),
        };
        let inventories = arguments.hosts.inventory.iter().map(from_here).collect();
        Ok(Self { arguments, url, directory, name, sleep, inventories })
    }

    /// The inventories that there are.
    fn inventory_words(&self) -> Vec<String> {
        let there = |inventory: &&String| inventory.contains(',') || Path::new(inventory).exists();
        let there = self.inventories.iter().filter(there);
        there.flat_map(|inventory| ["-i".to_owned(), inventory.clone()]).collect()
    }

    /// The names of this host.
    fn limit(&self) -> String {
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let mut names = vec![self.name.clone(), node.clone(), short(&self.name), short(&node)];
        names.sort();
        names.dedup();
        names.retain(|name| !name.is_empty());
        let names: Vec<String> = ["localhost".to_owned()]
            .into_iter()
            .chain(names)
            .chain(["127.0.0.1".to_owned()])
            .collect();
        names.join(",")
    }

    fn base_words(&self) -> Vec<String> {
        let mut words = vec!["-c".to_owned(), "local".to_owned()];
        let verbosity = usize::from(self.arguments.base.verbosity);
        if verbosity > 0 {
            words.push(format!("-{}", "v".repeat(verbosity)));
        }
        words
    }

    fn extra_vars(&self) -> impl Iterator<Item = String> + '_ {
        let given = &self.arguments.extra_vars.extra_vars;
        given.iter().flat_map(|text| ["-e".to_owned(), text.clone()])
    }

    /// What the module is told.
    fn module_arguments(&self) -> serde_json::Value {
        let arguments = self.arguments;
        let mut words = Map::new();
        let mut set = |name: &str, value: serde_json::Value| {
            words.insert(name.to_owned(), value);
        };
        set("repo", json!(self.url));
        set("dest", json!(self.directory.display().to_string()));
        if arguments.module_name == "subversion" {
            if let Some(checkout) = &arguments.checkout {
                set("revision", json!(checkout));
            }
            if !arguments.full {
                set("export", json!(true));
            }
        } else {
            if let Some(checkout) = &arguments.checkout {
                set("version", json!(checkout));
            }
            if let Some(key) = &arguments.connect.private_key {
                set("key_file", json!(key.display().to_string()));
            }
            for (name, given) in [
                ("accept_hostkey", arguments.accept_host_key),
                ("verify_commit", arguments.verify_commit),
                ("track_submodules", arguments.track_subs),
            ] {
                if given {
                    set(name, json!(true));
                }
            }
            if !arguments.full {
                set("depth", json!(1));
            }
        }
        if arguments.clean {
            set("force", json!(true));
        }
        serde_json::Value::Object(words)
    }

    /// Brings the repository; the exit code, and whether something changed.
    fn bring(&self, settings: &Settings) -> Result<(u8, bool), CommandError> {
        let mut words = self.inventory_words();
        if words.is_empty() {
            words.extend(["-i".to_owned(), "localhost,".to_owned()]);
        }
        words.extend(self.base_words());
        words.extend(["-m".to_owned(), self.arguments.module_name.clone()]);
        words.extend(["-a".to_owned(), self.module_arguments().to_string()]);
        words.extend(["all".to_owned(), "-l".to_owned(), self.limit()]);
        words.extend(self.extra_vars());
        let mut command = self.program("ansible", words)?;
        // its output is read, whatever the settings make of it
        command.env("ANSIBLE_CALLBACK_RESULT_FORMAT", "json");
        command.env("ANSIBLE_LOAD_CALLBACK_PLUGINS", "0");
        if talk::color(settings) == crate::report::Color::On {
            command.env("ANSIBLE_FORCE_COLOR", "1");
        }
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| CommandError::other(format!("cannot run `ansible`: {error}"), None))?;
        let mut changed = false;
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                changed |= ["\"changed\": true", "changed: True", "| CHANGED =>"]
                    .iter()
                    .any(|mark| line.contains(mark));
                print(&format!("{line}\n"));
            }
        }
        Ok((code(child.wait())?, changed))
    }

    /// The playbooks to run.
    fn playbooks(&self) -> Option<Vec<PathBuf>> {
        let usable = |path: &Path| match std::fs::File::open(path) {
            Ok(_) => Ok(()),
            Err(_) if path.exists() => Err(format!("{}: File is not readable", path.display())),
            Err(_) => Err(format!("{}: File does not exist", path.display())),
        };
        let named = &self.arguments.playbooks;
        if !named.is_empty() {
            let paths: Vec<PathBuf> = named.iter().map(|name| self.directory.join(name)).collect();
            let wrong: Vec<String> = paths.iter().filter_map(|path| usable(path).err()).collect();
            if wrong.is_empty() {
                return Some(paths);
            }
            talk::warning(&wrong.join("\n"));
            return None;
        }
        let short = self.name.split('.').next().unwrap_or_default();
        let mut wrong = Vec::new();
        for name in [self.name.as_str(), short, "local"] {
            let path = self.directory.join(format!("{name}.yml"));
            match usable(&path) {
                Ok(()) => return Some(vec![path]),
                Err(error) => wrong.push(error),
            }
        }
        talk::warning(&wrong.join("\n"));
        None
    }

    /// Runs playbooks; the exit code.
    fn run(&self, playbooks: &[PathBuf]) -> Result<u8, CommandError> {
        let arguments = self.arguments;
        let mut words = self.base_words();
        words.extend(playbooks.iter().map(|path| path.display().to_string()));
        let shown = |path: &PathBuf| path.display().to_string();
        let files = arguments.vault.vault_password_file.iter().map(shown);
        words.extend(files.map(|file| format!("--vault-password-file={file}")));
        words.extend(arguments.vault.vault_id.iter().map(|id| format!("--vault-id={id}")));
        for (name, file) in [
            ("--become-password-file", &arguments.password.become_password_file),
            ("--connection-password-file", &arguments.connect.connection_password_file),
        ] {
            words.extend(file.iter().map(|file| format!("{name}={}", file.display())));
        }
        words.extend(self.extra_vars());
        for (name, given) in [
            ("--ask-vault-password", arguments.vault.ask_vault_password),
            ("--ask-become-pass", arguments.password.ask_become_pass),
            ("--ask-pass", arguments.connect.ask_pass),
            ("--check", arguments.check),
            ("--diff", arguments.diff),
            ("--flush-cache", arguments.hosts.flush_cache),
            ("--list-hosts", arguments.hosts.list_hosts),
        ] {
            if given {
                words.push(name.to_owned());
            }
        }
        for (name, tags) in
            [("--skip-tags", &arguments.subset.skip_tags), ("--tags", &arguments.subset.tags)]
        {
            if !tags.is_empty() {
                words.extend([name.to_owned(), tags.join(",")]);
            }
        }
        let limit = arguments.hosts.limit.clone().unwrap_or_else(|| self.limit());
        words.extend(["-l".to_owned(), limit]);
        words.extend(self.inventory_words());
        let mut command = self.program("ansible-playbook", words)?;
        command.current_dir(&self.directory);
        code(command.status())
    }

    /// This program by another name.
    fn program(&self, name: &str, words: Vec<String>) -> Result<Command, CommandError> {
        let program = std::env::current_exe()
            .map_err(|error| CommandError::other(format!("cannot find `{name}`: {error}"), None))?;
        let mut command = Command::new(program);
        command.arg0(name).args(words.into_iter().map(OsString::from));
        Ok(command)
    }
}

fn code(ended: std::io::Result<std::process::ExitStatus>) -> Result<u8, CommandError> {
    let status = ended
        .map_err(|error| CommandError::other(format!("cannot run a program: {error}"), None))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The name of this host with its domain.
fn full_name() -> String {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut host = LiveHost::new(Arc::new(Interrupt::new()));
    host.begin(environment, Box::new(NoSources));
    let node = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    full_name_of(&mut host).ok().filter(|name| !name.is_empty()).unwrap_or_else(node)
}

/// Some number; each process has its own.
fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

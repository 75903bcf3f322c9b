//! `canvass play`: runs playbooks.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::connection::{BecomeMethod, HostKeys};
use crate::diagnostics::Diagnostic;
use crate::graph::TagFilter;
use crate::inventory::{Inventory, InventorySettings, LiveInventory};
use crate::lab::{Lab, Names, Start};
use crate::playbook::{Playbook, SearchPaths, Strategy};
use crate::report::event::RunMode;
use crate::report::file::ReportFile;
use crate::report::human::{DiffOutput, HumanOptions, HumanReport, Verbosity};
use crate::report::{ColorChoice, Consumer};
use crate::run::{
    Behaviour, CheckMode, ConnectionDefaults, DiffMode, Gathering, PrivilegeDefaults, RunSettings,
    Stepping,
};
use crate::settings::Settings;
use crate::template::Templar;
use crate::vars::HashBehaviour;

use super::ansible::{Vault, unlock};
use super::error::draw;
use super::launch::Launch;
use super::read::Reader;
use super::{CommandError, extra_vars, prompt, say};

/// Arguments of `canvass play`.
#[derive(Debug, Args)]
pub(crate) struct PlayArguments {
    /// Playbooks, in order
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,

    #[command(flatten)]
    hosts: HostArguments,

    #[command(flatten)]
    what: WhatArguments,

    #[command(flatten)]
    connection: ConnectionArguments,

    #[command(flatten)]
    privilege: PrivilegeArguments,

    #[command(flatten)]
    vault: Vault,

    #[command(flatten)]
    output: OutputArguments,
}

/// Which hosts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hosts")]
struct HostArguments {
    /// Inventory file, folder or list of hosts with a comma in it; may be given several times
    #[arg(short, long, value_name = "SOURCE")]
    inventory: Vec<String>,
    /// Only hosts of this pattern (`@FILE` reads patterns from a file)
    #[arg(short, long, value_name = "PATTERN")]
    limit: Option<String>,
    /// Bring up this many throwaway hosts on this machine, run there, and take them down
    #[arg(long, value_name = "N", conflicts_with = "inventory")]
    lab: Option<NonZeroUsize>,
    /// Work on this many hosts at once
    #[arg(short, long, value_name = "N", default_value = "50")]
    forks: NonZeroUsize,
}

/// What is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is done")]
struct WhatArguments {
    /// Dry run: nothing is changed, and the report shows what would be
    #[arg(short = 'C', long)]
    check: bool,
    /// Registered results hold diffs (the report always shows them)
    #[arg(short = 'D', long)]
    diff: bool,
    /// Variables: `key=value`, a JSON or YAML mapping, or `@FILE`
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Only tasks with one of these tags (separated by commas)
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    tags: Vec<String>,
    /// Not the tasks with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    skip_tags: Vec<String>,
    /// How hosts wait for each other in plays that do not say
    #[arg(long, value_enum, default_value_t = StrategyWord::Linear)]
    strategy: StrategyWord,
    /// End a task that takes longer than this many seconds
    #[arg(long, value_name = "SECONDS")]
    task_timeout: Option<u64>,
    /// Folders of roles, separated by colons
    #[arg(long, value_name = "PATH", env = "ANSIBLE_ROLES_PATH")]
    roles_path: Option<String>,
    /// Read everything, check it, and stop before the first connection
    #[arg(long)]
    syntax_check: bool,
    /// Name the hosts of each play and stop
    #[arg(long)]
    list_hosts: bool,
}

/// How hosts are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
struct ConnectionArguments {
    /// Way to the hosts: `ssh`, `openssh` (the system's client) or `local`
    #[arg(short, long, value_name = "WAY", default_value = "ssh")]
    connection: String,
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Log in with this key
    #[arg(long, alias = "key-file", value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    ask_pass: bool,
    /// Read the login password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "ask_pass")]
    connection_password_file: Option<PathBuf>,
    /// Seconds until a host that does not answer counts as unreachable
    #[arg(short = 'T', long, value_name = "SECONDS", default_value = "10")]
    timeout: u64,
    /// What to do about the keys of hosts
    #[arg(long, value_enum, default_value_t = HostKeysWord::Strict)]
    host_keys: HostKeysWord,
    /// Options of ssh for all hosts (`-o Key=Value`, `-F`, `-i`, `-J`)
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    ssh_common_args: Option<String>,
    /// More of them
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    ssh_extra_args: Option<String>,
}

/// How privilege is taken.
#[derive(Debug, Args)]
#[command(next_help_heading = "Privilege")]
struct PrivilegeArguments {
    /// Act as another user (root by default)
    #[arg(short, long)]
    r#become: bool,
    /// The way: `sudo`, `su` or `doas`
    #[arg(long, value_name = "WAY", default_value = "sudo")]
    become_method: String,
    /// The user
    #[arg(long, value_name = "USER", default_value = "root")]
    become_user: String,
    /// Ask for its password
    #[arg(short = 'K', long)]
    ask_become_pass: bool,
    /// Read its password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "ask_become_pass")]
    become_password_file: Option<PathBuf>,
}

/// What is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArguments {
    /// Tell more; up to four times
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Leave the diffs out of the report
    #[arg(long)]
    no_diff: bool,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorWord::Auto)]
    color: ColorWord,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StrategyWord {
    Linear,
    Free,
    HostPinned,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HostKeysWord {
    /// Only keys in `known_hosts`
    Strict,
    /// New hosts are written down, changed keys refused
    AcceptNew,
    /// Any key
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorWord {
    Auto,
    Always,
    Never,
}

/// Runs the command.
pub(crate) async fn play(arguments: PlayArguments) -> Result<ExitCode, CommandError> {
    unlock(&arguments.vault, &Settings::default())?;
    let settings = arguments.settings()?;
    let templar = Templar::new();
    let search = search_paths(arguments.what.roles_path.as_deref());
    let reader = Reader::new(search, &templar, &settings, tell);
    let playbooks = reader.playbooks(&arguments.playbooks)?;
    let problems = crate::run::check(&playbooks, &templar);
    if !problems.is_empty() {
        return Err(CommandError::parse(problems));
    }
    if arguments.what.syntax_check {
        for playbook in &playbooks {
            say(&format!("`{}` is in order", playbook.path.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let lab = match arguments.hosts.lab {
        Some(count) => {
            let start = Start::new(Names::numbered(count.get())).map_err(super::lab::wrong)?;
            Some(Lab::up(start).await.map_err(super::lab::wrong)?)
        }
        None => None,
    };
    let end = arguments.on_hosts(settings, playbooks, &reader, lab.as_ref()).await;
    if let Some(lab) = lab {
        lab.down().await.map_err(super::lab::wrong)?;
    }
    end
}

impl PlayArguments {
    async fn on_hosts(
        &self,
        settings: RunSettings,
        playbooks: Vec<Playbook>,
        reader: &Reader,
        lab: Option<&Lab>,
    ) -> Result<ExitCode, CommandError> {
        let inventory = self.inventory(&playbooks, lab)?;
        self.limit_meets(&inventory.now())?;
        if self.what.list_hosts {
            return self.list_hosts(&inventory.now(), &playbooks);
        }
        let launch =
            Launch { settings, playbooks, inventory, reader, consumers: self.consumers()? };
        launch.run().await
    }

    fn settings(&self) -> Result<RunSettings, CommandError> {
        let wrong =
            |error: crate::template::TemplateError| CommandError::options(error.to_string(), None);
        let connection = &self.connection;
        let mut ssh_arguments = Vec::new();
        for text in connection.ssh_common_args.iter().chain(&connection.ssh_extra_args) {
            ssh_arguments.extend(shell_words::split(text).map_err(|error| {
                CommandError::options(format!("cannot split `{text}`: {error}"), None)
            })?);
        }
        let set = |words: &[String]| {
            words
                .iter()
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect()
        };
        Ok(RunSettings {
            mode: if self.what.check { RunMode::Rehearsal } else { RunMode::Apply },
            check: CheckMode::Rehearsal,
            diff: if self.what.diff { DiffMode::On } else { DiffMode::Off },
            forks: self.hosts.forks,
            tags: TagFilter { only: set(&self.what.tags), skip: set(&self.what.skip_tags) },
            limit: self.hosts.limit.clone(),
            extra_vars: extra_vars::parse(&self.what.extra_vars, HashBehaviour::Replace)?,
            gathering: Gathering::default(),
            strategy: match self.what.strategy {
                StrategyWord::Linear => Strategy::Linear,
                StrategyWord::Free => Strategy::Free,
                StrategyWord::HostPinned => Strategy::HostPinned,
            },
            connection: ConnectionDefaults {
                transport: crate::run::transport(&connection.connection).map_err(wrong)?,
                user: connection.user.clone(),
                private_key: connection.private_key.clone(),
                password: prompt::secret(
                    connection.ask_pass,
                    connection.connection_password_file.as_deref(),
                    "SSH password: ",
                    "--connection-password-file FILE",
                )?,
                ssh_arguments,
                timeout: Duration::from_secs(connection.timeout.max(1)),
                host_keys: match connection.host_keys {
                    HostKeysWord::Strict => HostKeys::Strict,
                    HostKeysWord::AcceptNew => HostKeys::AcceptNew,
                    HostKeysWord::Off => HostKeys::Off,
                },
            },
            start_at: None,
            stepping: Stepping::Straight,
            privilege: PrivilegeDefaults {
                programs: std::collections::BTreeMap::new(),
                r#become: self.privilege.r#become,
                user: self.privilege.become_user.clone(),
                method: become_method(&self.privilege.become_method).map_err(wrong)?,
                password: prompt::secret(
                    self.privilege.ask_become_pass,
                    self.privilege.become_password_file.as_deref(),
                    "become password: ",
                    "--become-password-file FILE",
                )?,
                allow_same_user: false,
            },
            verbosity: self.output.verbose,
            task_timeout: self.what.task_timeout.map(Duration::from_secs),
            behaviour: Behaviour::default(),
            fact_cache: None,
            rejected_modules: Arc::default(),
        })
    }

    fn inventory(
        &self,
        playbooks: &[Playbook],
        lab: Option<&Lab>,
    ) -> Result<Arc<LiveInventory>, CommandError> {
        let mut sources = self.hosts.inventory.clone();
        if let Some(lab) = lab {
            sources.push(lab.inventory_path().to_string_lossy().into_owned());
        }
        let mut folders: Vec<PathBuf> = playbooks
            .iter()
            .flat_map(|playbook| {
                let plays = playbook.plays.iter().map(|play| play.path.as_path());
                std::iter::once(playbook.path.as_path()).chain(plays)
            })
            .map(|path| path.parent().map(Path::to_owned).unwrap_or_default())
            .collect();
        folders.dedup();
        let inventory = LiveInventory::load(sources, folders, InventorySettings::default())
            .map_err(|errors| CommandError::parse_all(&errors))?;
        let now = inventory.now();
        for warning in now.warnings() {
            say(&draw(warning));
        }
        if now.hosts().is_empty() {
            let text = "no inventory was given, only `localhost` is there";
            say(&draw(&Diagnostic::warning(text, None)));
        }
        Ok(Arc::new(inventory))
    }

    /// A limit that no host meets is a mistake.
    fn limit_meets(&self, inventory: &Inventory) -> Result<(), CommandError> {
        use crate::inventory::Pattern;
        let Some(limit) = &self.hosts.limit else { return Ok(()) };
        let wrong = |error: crate::inventory::PatternError| CommandError::parse_all(&[error]);
        let met = Pattern::limit(limit)
            .and_then(|limit| inventory.select(&Pattern::parse("all:localhost")?, Some(&limit)))
            .map_err(wrong)?;
        if met.hosts.is_empty() {
            return Err(CommandError::other(
                format!("Specified hosts and/or --limit does not match any hosts: `{limit}`"),
                Some("`--list-hosts` without `--limit` names the hosts of each play"),
            ));
        }
        Ok(())
    }

    fn consumers(&self) -> Result<Vec<Box<dyn Consumer>>, CommandError> {
        let color = match self.output.color {
            ColorWord::Auto => ColorChoice::Auto,
            ColorWord::Always => ColorChoice::Always,
            ColorWord::Never => ColorChoice::Never,
        };
        let options = HumanOptions {
            verbosity: Verbosity::from(self.output.verbose),
            diff: if self.output.no_diff { DiffOutput::Hidden } else { DiffOutput::Shown },
            ..HumanOptions::detect(color)
        };
        let human = HumanReport::new(std::io::stdout(), std::io::stderr(), options);
        let mut consumers: Vec<Box<dyn Consumer>> = vec![Box::new(human)];
        if let Some(path) = &self.output.report {
            let file = ReportFile::create(path).map_err(|error| {
                CommandError::options(format!("cannot write `--report`: {error}"), None)
            })?;
            consumers.push(Box::new(file));
        }
        Ok(consumers)
    }

    fn list_hosts(
        &self,
        inventory: &Inventory,
        playbooks: &[Playbook],
    ) -> Result<ExitCode, CommandError> {
        let mut text = String::new();
        for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
            let pattern = crate::run::pattern_text(play);
            let hosts = hosts_of(inventory, &pattern, self.hosts.limit.as_deref())?;
            text.push_str(&format!("{pattern}: {} host(s)\n", hosts.len()));
            for host in hosts {
                text.push_str(&format!("  {host}\n"));
            }
        }
        super::print(&text);
        Ok(ExitCode::SUCCESS)
    }
}

/// Folders of roles.
pub(super) fn search_paths(roles_path: Option<&str>) -> SearchPaths {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match roles_path {
        Some(text) => SearchPaths::from_roles_path(text, home.as_deref()),
        None => SearchPaths::with_home(home.as_deref()),
    }
}

fn tell(diagnostic: &Diagnostic) {
    say(&draw(diagnostic));
}

/// The hosts of a pattern within a limit.
pub(super) fn hosts_of(
    inventory: &Inventory,
    pattern: &str,
    limit: Option<&str>,
) -> Result<Vec<String>, CommandError> {
    use crate::inventory::{Pattern, PatternError};
    let wrong = |error: PatternError| CommandError::parse_all(&[error]);
    let pattern = Pattern::parse(pattern).map_err(wrong)?;
    let limit = limit.map(Pattern::limit).transpose().map_err(wrong)?;
    let hosts = inventory.select(&pattern, limit.as_ref()).map_err(wrong)?.hosts;
    Ok(hosts.iter().map(|host| host.as_str().to_owned()).collect())
}

fn become_method(word: &str) -> Result<BecomeMethod, crate::template::TemplateError> {
    crate::run::become_method(word)
}

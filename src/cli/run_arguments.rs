//! The arguments that say what a run is: all that a plan keeps of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use canvass_modules::wire::{Fetching, Streaming};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::connection::{BecomeMethod, HostKeys};
use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::TagFilter;
use crate::inventory::{Inventory, InventorySettings, LiveInventory};
use crate::lab::{Lab, Names, Start};
use crate::playbook::{Playbook, Strategy};
use crate::report::event::RunMode;
use crate::report::mask::{MASK, Secrets};
use crate::run::{
    Behaviour, CheckMode, ConnectionDefaults, DiffMode, Gathering, Overlap, PrivilegeDefaults,
    Profiling, RunSettings, Shard, Stepping,
};
use crate::settings::Settings;
use crate::template::Templar;
use crate::template::Told;
use crate::vars::HashBehaviour;

use super::ansible::{Vault, unlock};
use super::error::draw;
use super::output::OutputArguments;
use super::play::search_paths;
use super::read::Reader;
use super::{CommandError, extra_vars, prompt, say, switch};

/// What a run is.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunArguments {
    /// Playbooks, in order
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,

    #[command(flatten)]
    pub hosts: HostArguments,

    #[command(flatten)]
    pub what: WhatArguments,

    #[command(flatten)]
    pub connection: ConnectionArguments,

    #[command(flatten)]
    pub privilege: PrivilegeArguments,

    #[command(flatten)]
    pub vault: Vault,
}

/// Which hosts.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Hosts")]
pub(super) struct HostArguments {
    /// Inventory file, folder or list of hosts with a comma in it; may be given several times
    #[arg(short, long, value_name = "SOURCE")]
    pub inventory: Vec<String>,
    /// Only hosts of this pattern (`@FILE` reads patterns from a file)
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Only the hosts of this share: K/N is run K of N that share the hosts among them
    #[arg(long, value_name = "K/N")]
    #[serde(default)]
    pub shard: Option<Shard>,
    /// Bring up this many throwaway hosts on this machine, run there, and take them down
    #[arg(long, value_name = "N", conflicts_with = "inventory")]
    pub lab: Option<NonZeroUsize>,
    /// Work on this many hosts at once
    #[arg(short, long, value_name = "N", default_value = "50")]
    pub forks: NonZeroUsize,
}

/// What is done.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "What is done")]
pub(super) struct WhatArguments {
    /// Registered results hold diffs (the report always shows them)
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Variables: `key=value`, a JSON or YAML mapping, or `@FILE`
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Mask the values of these variables wherever they show (separated by commas)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', env = "CANVASS_SECRET_VARS")]
    #[serde(default)]
    pub secret_var: Vec<String>,
    /// Only tasks with one of these tags (separated by commas)
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// Not the tasks with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// How hosts wait for each other in plays that do not say
    #[arg(long, value_enum, default_value_t = StrategyWord::Linear, env = "ANSIBLE_STRATEGY")]
    pub strategy: StrategyWord,
    /// Begin plays at once that run under `dag` and have nothing to do with each other
    #[arg(
        long,
        env = "CANVASS_OVERLAP_PLAYS",
        value_parser = clap::builder::BoolishValueParser::new(),
    )]
    #[serde(default)]
    pub overlap_plays: bool,
    /// End a task that takes longer than this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub task_timeout: Option<u64>,
    /// A dry run fetches no packages and no package lists: what they would bring is unknown
    /// (`CANVASS_FETCH_PACKAGES=no` says so for all)
    #[arg(long)]
    #[serde(default)]
    pub no_fetch_packages: bool,
    /// Folders of roles, separated by colons
    #[arg(long, value_name = "PATH", env = "ANSIBLE_ROLES_PATH")]
    pub roles_path: Option<String>,
}

/// How hosts are reached.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArguments {
    /// Way to the hosts: `ssh`, `openssh` (the system's client) or `local`
    #[arg(short, long, value_name = "WAY", default_value = "ssh")]
    pub connection: String,
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this key
    #[arg(long, alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Read the login password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "ask_pass")]
    pub connection_password_file: Option<PathBuf>,
    /// Seconds until a host that does not answer counts as unreachable
    #[arg(short = 'T', long, value_name = "SECONDS", default_value = "10")]
    pub timeout: u64,
    /// What to do about the keys of hosts
    #[arg(long, value_enum, default_value_t = HostKeysWord::Strict)]
    pub host_keys: HostKeysWord,
    /// Options of ssh for all hosts (`-o Key=Value`, `-F`, `-i`, `-J`)
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,
    /// More of them
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,
}

/// How privilege is taken.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Privilege")]
pub(super) struct PrivilegeArguments {
    /// Act as another user (root by default)
    #[arg(short, long)]
    pub r#become: bool,
    /// The way: `sudo`, `su` or `doas`
    #[arg(long, value_name = "WAY", default_value = "sudo")]
    pub become_method: String,
    /// The user
    #[arg(long, value_name = "USER", default_value = "root")]
    pub become_user: String,
    /// Ask for its password
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
    /// Read its password from a file
    #[arg(long, value_name = "FILE", conflicts_with = "ask_become_pass")]
    pub become_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StrategyWord {
    /// All hosts end a task before any begins the next
    Linear,
    /// Each host at its own pace
    Free,
    /// As `free`, and a host keeps its place among the forks
    #[value(alias = "host_pinned")]
    HostPinned,
    /// Hosts wait for each other only where the play couples them
    Dag,
}

impl From<StrategyWord> for Strategy {
    fn from(word: StrategyWord) -> Self {
        match word {
            StrategyWord::Linear => Self::Linear,
            StrategyWord::Free => Self::Free,
            StrategyWord::HostPinned => Self::HostPinned,
            StrategyWord::Dag => Self::Dag,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HostKeysWord {
    /// Only keys in `known_hosts`
    Strict,
    /// New hosts are written down, changed keys refused
    AcceptNew,
    /// Any key
    Off,
}

/// Secrets are not kept: where they come from, if not from where they came before.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secrets")]
pub(super) struct Again {
    /// Variables, where a secret was in `--extra-vars`: all of them again
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Log in with this key
    #[arg(long, alias = "key-file", value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Read the login password from a file
    #[arg(long, value_name = "FILE")]
    connection_password_file: Option<PathBuf>,
    /// Read the become password from a file
    #[arg(long, value_name = "FILE")]
    become_password_file: Option<PathBuf>,

    #[command(flatten)]
    vault: Vault,
}

impl Again {
    /// Adds what is not kept; `what` it was kept in is told where that fails.
    pub(super) fn give(&self, run: &mut RunArguments, what: &str) -> Result<(), CommandError> {
        let lacking = run.what.extra_vars.iter().any(|text| text.contains(MASK));
        match (lacking, self.extra_vars.is_empty()) {
            (true, true) => {
                let text =
                    format!("a secret was in the `--extra-vars` of the {what}: it is not kept");
                return Err(CommandError::options(text, Some("give them all again with `-e`")));
            }
            (false, false) => {
                let text = format!("`--extra-vars` are those of the {what}: it has all of them");
                return Err(CommandError::options(text, None));
            }
            (true, false) => run.what.extra_vars.clone_from(&self.extra_vars),
            (false, true) => {}
        }
        let vault = &self.vault;
        if !vault.vault_id.is_empty()
            || !vault.vault_password_file.is_empty()
            || vault.ask_vault_password
        {
            run.vault = vault.clone();
        }
        if self.private_key.is_some() {
            run.connection.private_key.clone_from(&self.private_key);
        }
        if self.connection_password_file.is_some() {
            run.connection.ask_pass = false;
            run.connection.connection_password_file.clone_from(&self.connection_password_file);
        }
        if self.become_password_file.is_some() {
            run.privilege.ask_become_pass = false;
            run.privilege.become_password_file.clone_from(&self.become_password_file);
        }
        Ok(())
    }
}

/// What was read for a run.
pub(super) struct Prepared {
    pub settings: RunSettings,
    pub playbooks: Vec<Playbook>,
    pub reader: Reader,
}

impl RunArguments {
    /// Reads the passwords of vaults and the playbooks, and checks what can be checked without
    /// hosts.
    pub(super) fn prepare(
        &self,
        mode: RunMode,
        output: &OutputArguments,
    ) -> Result<Prepared, CommandError> {
        unlock(&self.vault, &Settings::default())?;
        let mut settings = self.settings(mode, output.verbose)?;
        output.ask(&mut settings);
        crate::template::listen(|told| match told {
            Told::Warning(text) => say(&draw(&Diagnostic::warning(text, None))),
            Told::Discouraged { text, span, .. } => {
                say(&draw(&Diagnostic::warning(text, span.cloned())));
            }
            Told::Deprecation { .. } => {}
        });
        let templar = Templar::new();
        let search = search_paths(self.what.roles_path.as_deref());
        // what only a later Ansible will not have is no concern of these commands
        let tell = |diagnostic: &Diagnostic| match diagnostic.severity {
            Severity::Deprecation => {}
            _ => say(&draw(diagnostic)),
        };
        let reader = Reader::new(search, &templar, &settings, tell);
        let playbooks = reader.playbooks(&self.playbooks)?;
        let mut problems = crate::run::check(&playbooks, &templar);
        if self.hosts.shard.is_some() {
            let plays = playbooks.iter().flat_map(|playbook| &playbook.plays);
            problems.extend(Shard::check(plays));
        }
        match problems.is_empty() {
            true => Ok(Prepared { settings, playbooks, reader }),
            false => Err(CommandError::parse(problems)),
        }
    }

    /// The playbooks and options as they are kept: without secrets.
    pub(super) fn without(&self, secrets: &Secrets) -> Result<serde_json::Value, CommandError> {
        let mut run =
            serde_json::to_value(self).map_err(|error| CommandError::caused(&error, None))?;
        let vars = run.pointer_mut("/what/extra_vars").and_then(|vars| vars.as_array_mut());
        for text in vars.into_iter().flatten() {
            if let Some(plain) = text.as_str() {
                *text = secrets.mask(plain).into();
            }
        }
        Ok(run)
    }

    /// Throwaway hosts, where they are asked for.
    pub(super) async fn lab(&self) -> Result<Option<Lab>, CommandError> {
        let Some(count) = self.hosts.lab else { return Ok(None) };
        let start = Start::new(Names::numbered(count.get())).map_err(super::lab::wrong)?;
        Lab::up(start).await.map(Some).map_err(super::lab::wrong)
    }

    /// The settings of a run in this mode.
    pub(super) fn settings(
        &self,
        mode: RunMode,
        verbosity: u8,
    ) -> Result<RunSettings, CommandError> {
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
            mode,
            check: CheckMode::Rehearsal,
            diff: if self.what.diff { DiffMode::On } else { DiffMode::Off },
            forks: self.hosts.forks,
            tags: TagFilter { only: set(&self.what.tags), skip: set(&self.what.skip_tags) },
            limit: self.hosts.limit.clone(),
            extra_vars: extra_vars::parse(&self.what.extra_vars, HashBehaviour::Replace)?,
            gathering: Gathering::default(),
            strategy: self.what.strategy.into(),
            connection: ConnectionDefaults {
                transport: crate::run::transport(&connection.connection).map_err(wrong)?,
                user: connection.user.clone(),
                port: None,
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
            shard: self.hosts.shard,
            start_at: None,
            stepping: Stepping::Straight,
            streaming: Streaming::Off,
            fetching: match self.what.no_fetch_packages || !switch::fetches_packages()? {
                true => Fetching::Off,
                false => Fetching::On,
            },
            profiling: Profiling::Off,
            overlap: if self.what.overlap_plays { Overlap::Apart } else { Overlap::Never },
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
            verbosity,
            tells_invocation: verbosity > 2,
            task_timeout: self.what.task_timeout.map(Duration::from_secs),
            behaviour: Behaviour::default(),
            fact_cache: None,
            rejected_modules: Arc::default(),
            secret_variables: Arc::new(self.what.secret_var.iter().cloned().collect()),
        })
    }

    /// The hosts.
    pub(super) fn inventory(
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
    pub(super) fn limit_meets(&self, inventory: &Inventory) -> Result<(), CommandError> {
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
}

fn become_method(word: &str) -> Result<BecomeMethod, crate::template::TemplateError> {
    crate::run::become_method(word)
}

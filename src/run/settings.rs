//! What a run is told by the command line, as plain values.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use canvass_modules::wire::{Fetching, Streaming};

use crate::connection::{BecomeMethod, HostKeys, Secret, Transport};
use crate::graph::TagFilter;
use crate::playbook::Strategy;
use crate::report::event::RunMode;
use crate::vars::{HashBehaviour, Layer};

use super::fact_cache::FactFiles;
use super::shard::Shard;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Whether hosts are changed.
    pub mode: RunMode,
    /// What a dry run is.
    pub check: CheckMode,
    /// Whether registered results hold diffs (`--diff`).
    pub diff: DiffMode,
    /// How many hosts are worked on at once.
    pub forks: NonZeroUsize,
    /// `--tags` and `--skip-tags`.
    pub tags: TagFilter,
    /// `--limit`.
    pub limit: Option<String>,
    /// Which of several runs that share the hosts this is.
    pub shard: Option<Shard>,
    /// `--extra-vars`: they win over all others.
    pub extra_vars: Layer,
    /// When facts are gathered.
    pub gathering: Gathering,
    /// The strategy of plays that name none.
    pub strategy: Strategy,
    /// How hosts are reached that say nothing of it.
    pub connection: ConnectionDefaults,
    /// How privilege is taken where nothing else is said.
    pub privilege: PrivilegeDefaults,
    /// Number of `-v`.
    pub verbosity: u8,
    /// Whether reported results hold with which arguments modules were called.
    pub tells_invocation: bool,
    /// Bound on every task that names none.
    pub task_timeout: Option<Duration>,
    /// What plays mean that say nothing else.
    pub behaviour: Behaviour,
    /// Where facts outlive the run.
    pub fact_cache: Option<Arc<FactFiles>>,
    /// Modules that the user has forbidden, by their fully qualified names.
    pub rejected_modules: Arc<BTreeSet<String>>,
    /// Variables whose values are masked wherever they show.
    pub secret_variables: Arc<BTreeSet<String>>,
    /// The task that is the first to run (`--start-at-task`).
    pub start_at: Option<String>,
    /// Whether someone is asked before each task (`--step`).
    pub stepping: Stepping,
    /// Whether it is told what commands print while they run (`--stream`).
    pub streaming: Streaming,
    /// Whether a dry run fetches packages to look into them (`--no-fetch-packages`).
    pub fetching: Fetching,
    /// Whether it is told where the time went (`--profile`).
    pub profiling: Profiling,
    /// Whether plays run at once that have nothing to do with each other (`--overlap-plays`).
    pub overlap: Overlap,
}

/// Whether plays run at once that have nothing to do with each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// They follow each other, as in Ansible.
    #[default]
    Never,
    /// They do where it makes no difference to what comes of them.
    Apart,
}

/// Whether it is told where the time of a run went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profiling {
    /// It is not.
    #[default]
    Off,
    /// It is, with each task of each host.
    On,
}

/// Whether facts that a task with `no_log` sets are secret from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HiddenFacts {
    /// They are masked wherever they show.
    #[default]
    Masked,
    /// Other tasks may show them, as in Ansible.
    Shown,
}

/// Whether someone is asked before each task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stepping {
    /// Nobody is.
    #[default]
    Straight,
    /// Someone is.
    Asking,
}

/// When the task debugger opens where no keyword says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debugging {
    /// Whether it opens when a task fails (`enable_task_debugger`).
    pub enabled: bool,
    /// Whether it stays away from failures that are ignored (`task_debugger_ignore_errors`).
    pub ignores_ignored: bool,
}

impl Default for Debugging {
    fn default() -> Self {
        Self { enabled: false, ignores_ignored: true }
    }
}

/// Ansible's settings that change what plays mean, with its defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Whether facts that a task with `no_log` sets are secret from then on.
    pub hidden_facts: HiddenFacts,
    /// Whether a failure on one host ends the play for all (`any_errors_fatal`).
    pub any_errors_fatal: bool,
    /// Whether handlers run on hosts that failed (`force_handlers`, `--force-handlers`).
    pub force_handlers: bool,
    /// Whether results of tasks that say nothing of it are hidden (`no_log`).
    pub no_log: bool,
    /// What a pattern does that matches no host (`host_pattern_mismatch`).
    pub pattern_mismatch: PatternMismatch,
    /// What a mapping means that several layers of variables have (`hash_behaviour`).
    pub hash: HashBehaviour,
    /// When the task debugger opens.
    pub debugging: Debugging,
    /// Whether facts are variables of their own, too (`inject_facts_as_vars`).
    pub facts: FactNames,
}

/// Under which names facts are variables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FactNames {
    /// As `ansible_facts.name` and as `ansible_name`.
    #[default]
    Injected,
    /// As `ansible_facts.name` only; `ansible_local` stays.
    Apart,
}

/// What a pattern does that matches no host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PatternMismatch {
    /// It ends the run.
    Error,
    /// It is told.
    #[default]
    Warning,
    /// Nothing.
    Ignore,
}

/// What a dry run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckMode {
    /// A task sees what those before it would have made.
    Rehearsal,
    /// As in Ansible, each task is alone with the host as it is.
    Alone,
}

/// When a play gathers facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gathering {
    /// Unless it says `gather_facts: false`.
    #[default]
    Implicit,
    /// Only where it says `gather_facts: true`.
    Explicit,
    /// As implicit, of hosts of which nothing is known yet.
    Smart,
}

/// Whether registered results hold diffs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffMode {
    /// They do (`--diff`).
    On,
    /// They do not; the report draws them all the same.
    Off,
}

/// How hosts are reached that say nothing of it themselves.
#[derive(Debug, Clone)]
pub struct ConnectionDefaults {
    /// `-c`
    pub transport: Transport,
    /// `-u`
    pub user: Option<String>,
    /// The port of hosts that name none (`remote_port`).
    pub port: Option<u16>,
    /// `--private-key`
    pub private_key: Option<PathBuf>,
    /// `-k`
    pub password: Option<Secret>,
    /// `--ssh-common-args` and `--ssh-extra-args`, as words.
    pub ssh_arguments: Vec<String>,
    /// `-T`
    pub timeout: Duration,
    /// What is done about host keys.
    pub host_keys: HostKeys,
}

/// How privilege is taken where nothing else is said.
#[derive(Debug, Clone)]
pub struct PrivilegeDefaults {
    /// `-b`
    pub r#become: bool,
    /// `--become-user`
    pub user: String,
    /// `--become-method`
    pub method: BecomeMethod,
    /// `-K`
    pub password: Option<Secret>,
    /// Whether a user who is logged in becomes who it is already (`become_allow_same_user`).
    pub allow_same_user: bool,
    /// What is said of each program.
    pub programs: BTreeMap<BecomeMethod, BecomeProgram>,
}

/// What settings say of a program that lets one become another user.
#[derive(Debug, Clone, Default)]
pub struct BecomeProgram {
    /// `become_exe`
    pub executable: Option<String>,
    /// `become_flags`
    pub flags: Option<String>,
    /// `sudo_chdir`
    pub directory: Option<String>,
    /// `become_pass`
    pub password: Option<Secret>,
    /// `prompt_l10n` of `su`
    pub prompts: Vec<String>,
}

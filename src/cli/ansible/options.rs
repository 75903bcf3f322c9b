//! The options that Ansible's programs share, a group each as in Ansible.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

/// Every program.
#[derive(Debug, Args)]
pub(in crate::cli) struct Base {
    /// Show versions and paths, and stop
    #[arg(long)]
    pub version: bool,
    /// Tell more; up to six times
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    pub verbosity: u8,
}

/// Every program that runs tasks.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    #[command(flatten)]
    pub base: Base,
    #[command(flatten)]
    pub check: Check,
    #[command(flatten)]
    pub extra_vars: ExtraVars,
    #[command(flatten)]
    pub vault: Vault,
    #[command(flatten)]
    pub fork: Fork,
    #[command(flatten)]
    pub module_path: ModulePath,
    #[command(flatten)]
    pub connect: Connect,
    #[command(flatten)]
    pub run_as: RunAs,
}

/// How hosts are reached.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection Options")]
pub(in crate::cli) struct Connect {
    /// Log in with this key
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Log in as this user
    #[arg(short, long, value_name = "REMOTE_USER")]
    pub user: Option<String>,
    /// Way to the hosts (default: `ssh`)
    #[arg(short, long)]
    pub connection: Option<String>,
    /// Seconds until a host that does not answer counts as unreachable
    #[arg(short = 'T', long)]
    pub timeout: Option<u64>,
    /// Options of ssh, sftp and scp (for example a `ProxyCommand`)
    #[arg(long, allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,
    /// Options of sftp, which this program does not use
    #[arg(long, allow_hyphen_values = true)]
    pub sftp_extra_args: Option<String>,
    /// Options of scp, which this program does not use
    #[arg(long, allow_hyphen_values = true)]
    pub scp_extra_args: Option<String>,
    /// Options of ssh
    #[arg(long, allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,
    /// Ask for the login password
    #[arg(short = 'k', long, conflicts_with = "connection_password_file")]
    pub ask_pass: bool,
    /// Read the login password from a file, or from what it prints where it is a program
    #[arg(long, visible_alias = "conn-pass-file", value_name = "FILE")]
    pub connection_password_file: Option<PathBuf>,
}

/// How privilege is taken.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Privilege Escalation Options")]
pub(in crate::cli) struct RunAs {
    /// Act as another user
    #[arg(short, long)]
    pub r#become: bool,
    /// The way (default: `sudo`)
    #[arg(long)]
    pub become_method: Option<String>,
    /// The user (default: `root`)
    #[arg(long)]
    pub become_user: Option<String>,
    #[command(flatten)]
    pub password: RunAsPassword,
}

/// The password with which privilege is taken.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct RunAsPassword {
    /// Ask for the password
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,
    /// Read the password from a file, or from what it prints where it is a program
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE")]
    pub become_password_file: Option<PathBuf>,
}

/// Which hosts.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options")]
#[expect(clippy::struct_field_names, reason = "fields are called as the options")]
pub(in crate::cli) struct Hosts {
    /// Inventory file, folder, or hosts with commas between them; may be given several times
    #[arg(short, long, visible_alias = "inventory-file")]
    pub inventory: Vec<String>,
    /// Name the matching hosts and stop
    #[arg(long)]
    pub list_hosts: bool,
    /// Only hosts that also match this pattern
    #[arg(short, long, value_name = "SUBSET", allow_hyphen_values = true)]
    pub limit: Option<String>,
    /// Forget the cached facts of every host first
    #[arg(long)]
    pub flush_cache: bool,
}

/// Dry runs and diffs.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Check {
    /// Change nothing; tell what would change
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show how files change
    #[arg(short = 'D', long)]
    pub diff: bool,
}

/// Variables.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ExtraVars {
    /// `key=value`, a YAML or JSON mapping, or `@FILE`; may be given several times
    #[arg(short, long, allow_hyphen_values = true)]
    pub extra_vars: Vec<String>,
}

/// Which tasks.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Subset {
    /// Only plays and tasks with one of these tags; may be given several times
    #[arg(short, long)]
    pub tags: Vec<String>,
    /// Not the plays and tasks with one of these tags; may be given several times
    #[arg(long)]
    pub skip_tags: Vec<String>,
}

/// Secrets of vaults.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "fields are called as the options")]
pub(in crate::cli) struct Vault {
    /// A vault identity with its source, `LABEL@FILE`; may be given several times
    #[arg(long, value_name = "VAULT_IDS")]
    pub vault_id: Vec<String>,
    /// Ask for the vault password
    #[arg(
        short = 'J',
        long,
        visible_alias = "ask-vault-pass",
        conflicts_with = "vault_password_file"
    )]
    pub ask_vault_password: bool,
    /// Read the vault password from a file, or from what it prints where it is a program
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_file: Vec<PathBuf>,
}

/// How many hosts at once.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Fork {
    /// Work on this many hosts at once (default: 5)
    #[arg(short, long)]
    pub forks: Option<NonZeroUsize>,
}

/// Where modules lie.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct ModulePath {
    /// Further folders of modules, with colons between them
    #[arg(short = 'M', long)]
    pub module_path: Vec<String>,
}

/// A playbook's folder for programs without a playbook.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct BaseFolder {
    /// The folder that stands for the playbook's: `group_vars/`, `roles/` …
    #[arg(long, value_name = "DIR")]
    pub playbook_dir: Option<PathBuf>,
}

/// Bound on tasks.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct TaskTimeout {
    /// End a task that takes longer than this many seconds
    #[arg(long)]
    pub task_timeout: Option<u64>,
}

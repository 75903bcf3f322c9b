//! The arguments of `ansible-galaxy`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::super::options::ExtraVars;

/// Makes, fetches, installs and verifies roles and collections.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-galaxy",
    disable_version_flag = true,
    disable_help_subcommand = true,
    infer_long_args = true,
    args_override_self = true
)]
pub(super) struct Arguments {
    /// Show versions and paths, and stop
    #[arg(long)]
    version: bool,
    /// Tell more; up to six times
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    pub verbosity: u8,
    #[command(subcommand)]
    pub kind: Kind,
}

#[derive(Debug, Subcommand)]
pub(super) enum Kind {
    /// Collections
    Collection {
        #[command(subcommand)]
        action: CollectionAction,
    },
    /// Roles
    Role {
        #[command(subcommand)]
        action: RoleAction,
    },
}

/// What every action takes.
#[derive(Debug, Default, Args)]
pub(super) struct Common {
    /// The Galaxy server: its address, or its name in the settings
    #[arg(short, long)]
    pub server: Option<String>,
    /// Which API of the server is used
    #[arg(long, hide = true, value_parser = ["2", "3"])]
    pub api_version: Option<String>,
    /// The token that the server asks for
    #[arg(long, visible_alias = "api-key")]
    pub token: Option<String>,
    /// Take any certificate
    #[arg(short = 'c', long)]
    pub ignore_certs: bool,
    /// Seconds that the server may take
    #[arg(long)]
    pub timeout: Option<u64>,
    /// Tell more; up to six times
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    pub verbosity: u8,
}

/// Replacing what is there.
#[derive(Debug, Default, Args)]
pub(super) struct Force {
    /// Replace what is there
    #[arg(short, long)]
    pub force: bool,
}

/// What is kept of a server's answers: nothing, so both have little to do.
#[derive(Debug, Default, Args)]
pub(super) struct Cache {
    /// Forget the answers that Ansible has kept of servers
    #[arg(long)]
    pub clear_response_cache: bool,
    /// Do not use kept answers; none are
    #[arg(long)]
    pub no_cache: bool,
}

/// Signatures.
#[derive(Debug, Default, Args)]
pub(super) struct Signatures {
    /// The keyring that signatures are verified with
    #[arg(long)]
    pub keyring: Option<PathBuf>,
    /// A further signature
    #[arg(long)]
    pub signature: Vec<String>,
    /// How many signatures must be good
    #[arg(long)]
    pub required_valid_signature_count: Option<String>,
    /// Faults of signatures that are passed over
    #[arg(long, visible_alias = "ignore-signature-status-codes", num_args = 1..)]
    pub ignore_signature_status_code: Vec<String>,
}

impl Signatures {
    fn refused(&self) -> Option<&'static str> {
        [
            ("--keyring", self.keyring.is_some()),
            ("--signature", !self.signature.is_empty()),
            ("--required-valid-signature-count", self.required_valid_signature_count.is_some()),
            ("--ignore-signature-status-code", !self.ignore_signature_status_code.is_empty()),
        ]
        .iter()
        .find(|(_, given)| *given)
        .map(|(name, _)| *name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Yaml,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum CollectionAction {
    /// Fetch collections and what they need, for later
    Download {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        cache: Cache,
        /// Not what they need
        #[arg(short, long)]
        no_deps: bool,
        /// The folder that they are put into
        #[arg(short = 'p', long, default_value = "./collections")]
        download_path: PathBuf,
        /// A file that names collections
        #[arg(short, long)]
        requirements_file: Option<PathBuf>,
        /// Also what comes before a release
        #[arg(long)]
        pre: bool,
        /// Collections
        #[arg(value_name = "collection")]
        names: Vec<String>,
    },
    /// Make a new collection
    Init {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        force: Force,
        /// The folder that it is made in
        #[arg(long, default_value = "./")]
        init_path: PathBuf,
        /// The folder of templates that it is made of
        #[arg(long)]
        collection_skeleton: Option<PathBuf>,
        #[command(flatten)]
        extra_vars: ExtraVars,
        /// Its name
        #[arg(value_name = "collection_name")]
        name: String,
    },
    /// Build tarballs of collections
    Build {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        force: Force,
        /// The folder that they are put into
        #[arg(long, default_value = "./")]
        output_path: PathBuf,
        /// Folders of collections
        #[arg(value_name = "collection", default_value = ".")]
        folders: Vec<PathBuf>,
    },
    /// Publish a tarball
    Publish {
        #[command(flatten)]
        common: Common,
        /// Do not wait for its import
        #[arg(long)]
        no_wait: bool,
        /// Seconds to wait for its import; 0 for no bound
        #[arg(long, default_value_t = 0)]
        import_timeout: u64,
        /// The tarball
        #[arg(value_name = "collection_path")]
        path: PathBuf,
    },
    /// Install collections and what they need
    Install(Box<CollectionInstall>),
    /// Name what is installed
    List {
        #[command(flatten)]
        common: Common,
        /// Further folders that are searched, with colons between them
        #[arg(short = 'p', long)]
        collections_path: Vec<String>,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
        /// Only this one
        collection: Option<String>,
    },
    /// Compare installed collections with what was published
    Verify {
        #[command(flatten)]
        common: Common,
        /// Further folders that are searched, with colons between them
        #[arg(short = 'p', long)]
        collections_path: Vec<String>,
        /// Go on after an error
        #[arg(short, long)]
        ignore_errors: bool,
        /// Compare with their own manifests only
        #[arg(long)]
        offline: bool,
        /// A file that names collections
        #[arg(short, long)]
        requirements_file: Option<PathBuf>,
        #[command(flatten)]
        signatures: Signatures,
        /// Collections
        #[arg(value_name = "collection_name")]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct CollectionInstall {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub cache: Cache,
    /// Go on after an error
    #[arg(short, long)]
    pub ignore_errors: bool,
    /// Not what they need
    #[arg(short, long, conflicts_with = "force_with_deps")]
    pub no_deps: bool,
    /// Replace what is there, and what it needs
    #[arg(long)]
    pub force_with_deps: bool,
    /// The folder that they are put into
    #[arg(short = 'p', long)]
    pub collections_path: Option<String>,
    /// A file that names collections
    #[arg(short, long)]
    pub requirements_file: Option<PathBuf>,
    /// Also what comes before a release
    #[arg(long)]
    pub pre: bool,
    /// Replace what is there by what is newer
    #[arg(short = 'U', long)]
    pub upgrade: bool,
    /// Verify no signatures
    #[arg(long)]
    pub disable_gpg_verify: bool,
    #[command(flatten)]
    pub signatures: Signatures,
    /// Ask no server
    #[arg(long)]
    pub offline: bool,
    /// Names, paths, addresses, repositories
    #[arg(value_name = "collection_name")]
    pub names: Vec<String>,
}

/// Folders of roles.
#[derive(Debug, Default, Args)]
pub(super) struct RolesPath {
    /// Folders of roles, with colons between them, before those of the settings
    #[arg(short = 'p', long)]
    pub roles_path: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RoleAction {
    /// Make a new role
    Init {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        force: Force,
        /// Ask no server; none is asked
        #[arg(long)]
        offline: bool,
        /// The folder that it is made in
        #[arg(long, default_value = "./")]
        init_path: PathBuf,
        /// The folder of templates that it is made of
        #[arg(long)]
        role_skeleton: Option<PathBuf>,
        /// What kind of role it is; only `default` is there
        #[arg(long = "type", default_value = "default")]
        kind: String,
        #[command(flatten)]
        extra_vars: ExtraVars,
        /// Its name
        #[arg(value_name = "role_name")]
        name: String,
    },
    /// Remove roles
    Remove {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        roles_path: RolesPath,
        /// Roles
        #[arg(required = true, value_name = "role")]
        names: Vec<String>,
    },
    /// Remove a role from the server
    Delete {
        #[command(flatten)]
        common: Common,
        /// Whose repository it is
        github_user: String,
        /// The repository
        github_repo: String,
    },
    /// Name what is installed
    List {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        roles_path: RolesPath,
        /// Only this one
        role: Option<String>,
    },
    /// Look for roles on the server
    Search {
        #[command(flatten)]
        common: Common,
        /// Platforms, with commas between them
        #[arg(long)]
        platforms: Option<String>,
        /// Tags, with commas between them
        #[arg(long)]
        galaxy_tags: Option<String>,
        /// Who made them
        #[arg(long)]
        author: Option<String>,
        /// Words
        #[arg(value_name = "searchterm")]
        words: Vec<String>,
    },
    /// Import a role into the server
    Import {
        #[command(flatten)]
        common: Common,
        /// Do not wait for the import
        #[arg(long)]
        no_wait: bool,
        /// The branch that is imported
        #[arg(long)]
        branch: Option<String>,
        /// What the role is called, where not as its repository
        #[arg(long)]
        role_name: Option<String>,
        /// Only tell how far the last import is
        #[arg(long)]
        status: bool,
        /// Whose repository it is
        github_user: String,
        /// The repository
        github_repo: String,
    },
    /// Tie the server to a source (not supported yet)
    Setup(Refused),
    /// Tell of roles
    Info {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        roles_path: RolesPath,
        /// Ask no server
        #[arg(long)]
        offline: bool,
        /// Roles
        #[arg(required = true, value_name = "role_name[,version]")]
        names: Vec<String>,
    },
    /// Install roles and what they need
    Install(Box<RoleInstall>),
}

#[derive(Debug, Args)]
pub(super) struct RoleInstall {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub roles_path: RolesPath,
    /// Go on after an error
    #[arg(short, long)]
    pub ignore_errors: bool,
    /// Not what they need
    #[arg(short, long, conflicts_with = "force_with_deps")]
    pub no_deps: bool,
    /// Replace what is there, and what it needs
    #[arg(long)]
    pub force_with_deps: bool,
    /// A file that names roles, and collections where `role` is not said
    #[arg(short = 'r', long)]
    pub role_file: Option<PathBuf>,
    /// Keep what the repository knows of its past
    #[arg(short = 'g', long)]
    pub keep_scm_meta: bool,
    /// Verify no signatures of collections
    #[arg(long)]
    pub disable_gpg_verify: bool,
    #[command(flatten)]
    pub signatures: Signatures,
    /// Names, paths, addresses, repositories
    #[arg(value_name = "role_name")]
    pub names: Vec<String>,
}

/// The arguments of what is not there.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Refused {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<OsString>,
}

/// An action.
pub(super) trait Action {
    /// What every action takes.
    fn common(&self) -> &Common;

    /// What of it is not there.
    fn refused(&self) -> Option<String>;
}

/// The common arguments of what is not there.
static NOTHING: Common = Common {
    server: None,
    api_version: None,
    token: None,
    ignore_certs: false,
    timeout: None,
    verbosity: 0,
};

fn refused(common: &Common, signatures: Option<&Signatures>) -> Option<String> {
    let api = common.api_version.is_some().then_some("--api-version");
    api.or_else(|| signatures?.refused()).map(str::to_owned)
}

impl Action for CollectionAction {
    fn common(&self) -> &Common {
        match self {
            Self::Download { common, .. }
            | Self::Init { common, .. }
            | Self::Build { common, .. }
            | Self::List { common, .. }
            | Self::Publish { common, .. }
            | Self::Verify { common, .. } => common,
            Self::Install(install) => &install.common,
        }
    }

    fn refused(&self) -> Option<String> {
        match self {
            Self::Install(install) => refused(&install.common, Some(&install.signatures)),
            Self::Verify { common, signatures, .. } => refused(common, Some(signatures)),
            other => refused(other.common(), None),
        }
    }
}

impl Action for RoleAction {
    fn common(&self) -> &Common {
        match self {
            Self::Init { common, .. }
            | Self::Remove { common, .. }
            | Self::List { common, .. }
            | Self::Search { common, .. }
            | Self::Delete { common, .. }
            | Self::Import { common, .. }
            | Self::Info { common, .. } => common,
            Self::Install(install) => &install.common,
            Self::Setup(_) => &NOTHING,
        }
    }

    fn refused(&self) -> Option<String> {
        match self {
            Self::Setup(_) => Some("ansible-galaxy role setup".to_owned()),
            Self::Init { kind, .. } if kind != "default" => Some(format!("--type {kind}")),
            Self::Install(install) => refused(&install.common, Some(&install.signatures)),
            other => refused(other.common(), None),
        }
    }
}

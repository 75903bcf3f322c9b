//! `ansible-inventory`: shows the inventory as it was understood.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::diagnostics::Diagnostic;
use crate::inventory::{
    Format, GraphVars, Inventory, InventoryError, InventorySettings, Listing, Pattern,
    PatternError, Share,
};
use crate::settings::Settings;
use crate::vars::HashBehaviour;
use crate::vars::Layer;

use super::super::{CommandError, extra_vars};
use super::options::{Base, BaseFolder, ExtraVars, Hosts, Vault};
use super::{Invocation, inventory, talk};

/// Shows what an inventory holds, as an inventory script answers by default.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-inventory",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    base: Base,
    #[command(flatten)]
    hosts: Hosts,
    #[command(flatten)]
    vault: Vault,
    #[command(flatten)]
    base_folder: BaseFolder,
    #[command(flatten)]
    extra_vars: ExtraVars,
    #[command(flatten)]
    action: Action,
    #[command(flatten)]
    form: Form,
    /// The group that `--graph` begins at
    #[arg(value_name = "group")]
    group: Option<String>,
}

/// What is shown; one of them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Actions")]
struct Action {
    /// Show all hosts
    #[arg(long)]
    list: bool,
    /// Show the variables of one host, whatever the limit
    #[arg(long)]
    host: Option<String>,
    /// Draw the groups, whatever the limit
    #[arg(long)]
    graph: bool,
}

/// How it is shown.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Form")]
struct Form {
    /// As YAML
    #[arg(short, long)]
    yaml: bool,
    /// As TOML
    #[arg(long)]
    toml: bool,
    /// With variables in the graph
    #[arg(long)]
    vars: bool,
    /// Leave variables of groups with the groups, to use the listing as an inventory
    #[arg(long)]
    export: bool,
    /// Write to a file
    #[arg(long, value_name = "OUTPUT_FILE")]
    output: Option<PathBuf>,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    match invocation.parse::<Arguments>("ansible-inventory") {
        Ok(arguments) => arguments.run(Face::Ansible(&invocation.settings)),
        Err(code) => Ok(code),
    }
}

/// Who shows it.
#[derive(Clone, Copy)]
pub(in crate::cli) enum Face<'a> {
    /// `ansible-inventory`, by its settings.
    Ansible(&'a Settings),
    /// `canvass inventory`.
    Native,
}

impl Face<'_> {
    fn tell(self, diagnostic: &Diagnostic) {
        match self {
            Self::Ansible(_) => talk::diagnostic(diagnostic),
            Self::Native => crate::cli::say(&crate::cli::error::draw(diagnostic)),
        }
    }

    fn load(
        self,
        hosts: &Hosts,
        folders: &[PathBuf],
        extra_vars: &Layer,
    ) -> Result<Arc<Inventory>, CommandError> {
        if let Self::Ansible(settings) = self {
            return Ok(inventory::load(hosts, settings, folders, extra_vars)?.now());
        }
        let how =
            InventorySettings { extra_vars: extra_vars.clone(), ..InventorySettings::default() };
        let loaded = Inventory::load(&hosts.inventory, folders, &how)
            .map_err(|errors| CommandError::parse_all(&errors))?;
        loaded.warnings().iter().for_each(|warning| self.tell(warning));
        Ok(Arc::new(loaded))
    }
}

impl Arguments {
    /// Shows what was asked for.
    pub(in crate::cli) fn run(&self, face: Face<'_>) -> Result<ExitCode, CommandError> {
        let Action { list, host, graph } = &self.action;
        match [*list, host.is_some(), *graph].into_iter().filter(|asked| *asked).count() {
            0 => {
                let text = "No action selected, at least one of --host, --graph or --list needs \
                            to be specified.";
                return Err(CommandError::options(text, None));
            }
            1 => {}
            _ => {
                let text = "Conflicting options used, only one of --host, --graph or --list can \
                            be used at the same time.";
                return Err(CommandError::options(text, None));
            }
        }
        match face {
            Face::Ansible(settings) => super::unlock(&self.vault, settings)?,
            Face::Native => super::unlock(&self.vault, &Settings::default())?,
        }
        let hash = match face {
            Face::Ansible(settings) => super::run::hash_behaviour(settings),
            Face::Native => HashBehaviour::Replace,
        };
        let extra_vars = extra_vars::parse(&self.extra_vars.extra_vars, hash)?;
        let folder = self.base_folder.playbook_dir.clone();
        let (folder, export) = match face {
            Face::Ansible(settings) => (
                folder.or_else(|| settings.path("PLAYBOOK_DIR")),
                settings.boolean("INVENTORY_EXPORT"),
            ),
            Face::Native => (folder, false),
        };
        let share = match self.form.export || export {
            true => Share::Own,
            false => Share::All,
        };
        // the current folder counts as a playbook's where hosts are shown with all they see
        let folders = [folder.clone().unwrap_or_else(|| PathBuf::from("."))];
        let inventory = face.load(&self.hosts, &folders, &extra_vars)?;
        let playbook_dir = match share {
            Share::All => folders.into_iter().next(),
            Share::Own => folder,
        };
        let hosts = match host.is_some() {
            true => Vec::new(),
            false => self.within_limit(&inventory, face)?,
        };
        let listing = Listing { inventory: &inventory, share, playbook_dir, extra_vars, hosts };
        self.show(&listing, face)
    }

    fn within_limit(
        &self,
        inventory: &Inventory,
        face: Face<'_>,
    ) -> Result<Vec<String>, CommandError> {
        let wrong = |error: PatternError| CommandError::parse_all(&[error]);
        let limit = self.hosts.limit.as_deref().map(Pattern::limit).transpose().map_err(wrong)?;
        let all = Pattern::parse("all").map_err(wrong)?;
        let met = inventory.select(&all, limit.as_ref()).map_err(wrong)?;
        met.warnings.iter().for_each(|warning| face.tell(warning));
        Ok(met.hosts.iter().map(|host| host.as_str().to_owned()).collect())
    }

    fn show(&self, listing: &Listing<'_>, face: Face<'_>) -> Result<ExitCode, CommandError> {
        let format = match (self.form.yaml, self.form.toml) {
            (true, _) => Format::Yaml,
            (false, true) => Format::Toml,
            (false, false) => Format::Json,
        };
        let text = if let Some(pattern) = &self.action.host {
            let host = one_host(listing.inventory, pattern, face)?;
            listing.host(&host, format).map_err(|error| broken(&error))?
        } else if self.action.graph {
            let group = self.group.as_deref().unwrap_or("all");
            let vars = if self.form.vars { GraphVars::Shown } else { GraphVars::Hidden };
            listing.graph(group, vars).map_err(|error| broken(&error))?.ok_or_else(|| {
                let text = "Pattern must be valid group name when using --graph";
                CommandError::options(text, None)
            })?
        } else {
            listing.all(format).map_err(|error| broken(&error))?
        };
        if text.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        match &self.form.output {
            None => {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                crate::cli::print(&format!("{text}{end}"));
            }
            Some(path) => std::fs::write(path, text).map_err(|error| {
                let path = path.display();
                let text = format!("Unable to write to destination file '{path}': {error}");
                CommandError::other(text, None)
            })?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The one host that is meant.
fn one_host(inventory: &Inventory, pattern: &str, face: Face<'_>) -> Result<String, CommandError> {
    let wrong = |error: PatternError| CommandError::parse_all(&[error]);
    let pattern = Pattern::parse(pattern).map_err(wrong)?;
    let met = inventory.select(&pattern, None).map_err(wrong)?;
    met.warnings.iter().for_each(|warning| face.tell(warning));
    match met.hosts.as_slice() {
        [host] => Ok(host.as_str().to_owned()),
        _ => {
            let text = "You must pass a single valid host to --host parameter";
            Err(CommandError::options(text, None))
        }
    }
}

fn broken(error: &Arc<InventoryError>) -> CommandError {
    CommandError::parse(vec![Diagnostic::error(&**error)])
}

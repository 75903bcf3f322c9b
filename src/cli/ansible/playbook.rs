//! `ansible-playbook`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::run::Stepping;
use crate::template::Templar;

use super::super::CommandError;
use super::super::launch::{Bonds, Launch};
use super::super::read::Reader;
use super::listing::{self, Wanted};
use super::options::{Common, Hosts, Subset};
use super::run::Groups;
use super::{Invocation, callbacks, facts, inventory, run, talk};

/// Runs playbooks on hosts.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-playbook",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    hosts: Hosts,
    /// Run handlers even after a task failed
    #[arg(long)]
    force_handlers: bool,
    #[command(flatten)]
    subset: Subset,
    /// Read the playbooks, check them, and stop
    #[arg(long)]
    syntax_check: bool,
    /// Name the tasks that would run, and stop
    #[arg(long)]
    list_tasks: bool,
    /// Name the tags that there are, and stop
    #[arg(long)]
    list_tags: bool,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// Begin with the task of this name
    #[arg(long, value_name = "TASK")]
    start_at_task: Option<String>,
    /// Playbooks, in order
    #[arg(required = true, value_name = "playbook")]
    playbooks: Vec<PathBuf>,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let mut arguments: Arguments = match invocation.parse("ansible-playbook") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let settings = &invocation.settings;
    let search = run::search_paths(settings, &arguments.common.module_path);
    for path in &mut arguments.playbooks {
        if let Some(found) = path.to_str().and_then(|name| search.collection_playbook(name)) {
            *path = found;
        }
    }
    for path in &arguments.playbooks {
        let path = path.display();
        match std::fs::metadata(path.to_string()) {
            Ok(there) if there.is_dir() => {
                let text = format!("the playbook: {path} does not appear to be a file");
                return Err(CommandError::other(text, None));
            }
            Ok(_) => {}
            Err(_) => {
                let text = format!("the playbook: {path} could not be found");
                return Err(CommandError::other(text, None));
            }
        }
    }
    let groups = arguments.groups();
    talk::header("ansible-playbook", settings, groups.verbosity(settings));
    let mut run_settings = groups.settings(settings)?;
    run_settings.start_at.clone_from(&arguments.start_at_task);
    if arguments.step {
        run_settings.stepping = Stepping::Asking;
    }
    let folders: Vec<PathBuf> = arguments.playbooks.iter().map(|path| run::folder(path)).collect();
    let inventory =
        inventory::load(&arguments.hosts, settings, &folders, &run_settings.extra_vars)?;
    facts::flush(&arguments.hosts, &inventory, &run_settings);
    let lists = arguments.syntax_check
        || arguments.hosts.list_hosts
        || arguments.list_tasks
        || arguments.list_tags;
    let told = if lists { inventory::Told::Here } else { inventory::Told::InTheRun };
    inventory::select(&inventory.now(), "all", arguments.hosts.limit.as_deref(), settings, told)?;
    let templar = Templar::new();
    let reader = Reader::new(search, &templar, &run_settings, talk::diagnostic).late();
    let playbooks = reader.playbooks(&arguments.playbooks)?;
    let wanted = Wanted {
        hosts: arguments.hosts.list_hosts,
        tasks: arguments.list_tasks,
        tags: arguments.list_tags,
    };
    if arguments.syntax_check || wanted.is_something() {
        let wanted = if arguments.syntax_check { Wanted::default() } else { wanted };
        let limit = arguments.hosts.limit.as_deref();
        let text =
            listing::text(&playbooks, &inventory.now(), limit, wanted, (&templar, &run_settings))?;
        super::super::print(&text);
        return Ok(ExitCode::SUCCESS);
    }
    for playbook in &playbooks {
        let (count, path) = (playbook.plays.len(), playbook.path.display());
        talk::verbose(2, &format!("{count} plays in {path}"));
    }
    let look = groups.look(settings)?;
    let word = settings.text("DEFAULT_STDOUT_CALLBACK").unwrap_or_default();
    let mut consumers: Vec<_> = callbacks::retry(settings).into_iter().collect();
    consumers.push(callbacks::output(&word, &look, settings)?);
    consumers.extend(callbacks::enabled(&look, settings)?);
    consumers.extend(callbacks::record("ansible-playbook", &look, settings)?);
    let launch = Launch {
        settings: run_settings,
        playbooks,
        inventory,
        reader: &reader,
        consumers,
        bonds: Bonds::default(),
    };
    super::super::block_on(launch.run())
}

impl Arguments {
    fn groups(&self) -> Groups<'_> {
        Groups {
            common: &self.common,
            limit: self.hosts.limit.as_deref(),
            subset: Some(&self.subset),
            task_timeout: None,
            force_handlers: self.force_handlers,
        }
    }
}

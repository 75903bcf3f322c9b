//! `ansible`: one task on hosts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::{Map, json};

use crate::settings::Settings;
use crate::source::SourceFile;
use crate::template::{Templar, holds_template};

use super::super::CommandError;
use super::super::launch::{Bonds, Launch};
use super::super::read::Reader;
use super::options::{BaseFolder, Common, Hosts, TaskTimeout};
use super::run::Groups;
use super::{Invocation, callbacks, facts, inventory, run, talk};

/// Runs one task on hosts.
#[derive(Debug, Parser)]
#[command(
    name = "ansible",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    hosts: Hosts,
    /// Seconds between looks at a task in the background
    #[arg(short = 'P', long)]
    poll: Option<u64>,
    /// Let the task run in the background for at most this many seconds
    #[arg(short = 'B', long, default_value_t = 0)]
    background: u64,
    /// A line a host
    #[arg(short, long)]
    one_line: bool,
    /// Also write each host's result as a file of this folder
    #[arg(short, long)]
    tree: Option<PathBuf>,
    #[command(flatten)]
    base_folder: BaseFolder,
    #[command(flatten)]
    task_timeout: TaskTimeout,
    /// The module's arguments: `key=value …` or JSON
    #[arg(short, long, allow_hyphen_values = true)]
    args: Option<String>,
    /// The module (default: `command`)
    #[arg(short, long)]
    module_name: Option<String>,
    /// Which hosts
    #[arg(allow_hyphen_values = true)]
    pattern: String,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let settings = &invocation.settings;
    let groups = arguments.groups();
    talk::header("ansible", settings, groups.verbosity(settings));
    let run_settings = groups.settings(settings)?;
    let folder = arguments.base_folder.playbook_dir.clone();
    let folder = folder.or_else(|| settings.path("PLAYBOOK_DIR")).unwrap_or_default();
    let folders = [std::path::absolute(&folder).unwrap_or(folder.clone())];
    let inventory =
        inventory::load(&arguments.hosts, settings, &folders, &run_settings.extra_vars)?;
    facts::flush(&arguments.hosts, &inventory, &run_settings);
    let limit = arguments.hosts.limit.as_deref();
    let told =
        if arguments.hosts.list_hosts { inventory::Told::Here } else { inventory::Told::InTheRun };
    let hosts = match inventory::select(&inventory.now(), &arguments.pattern, limit, settings, told)
    {
        Err(error) if limit.is_some() => return Err(error),
        Err(_) => {
            talk::warning("No hosts matched, nothing to do");
            // a template may still name some
            if !arguments.hosts.list_hosts && !holds_template(&arguments.pattern) {
                return Ok(ExitCode::SUCCESS);
            }
            Vec::new()
        }
        Ok(hosts) => hosts,
    };
    if arguments.hosts.list_hosts {
        let mut text = format!("  hosts ({}):\n", hosts.len());
        for host in hosts {
            text.push_str(&format!("    {host}\n"));
        }
        super::super::print(&text);
        return Ok(ExitCode::SUCCESS);
    }
    let templar = Templar::new();
    let reader = Reader::new(
        run::search_paths(settings, &arguments.common.module_path),
        &templar,
        &run_settings,
        talk::diagnostic,
    )
    .late();
    let playbooks = reader.given(&arguments.play(settings, &folder)?)?;
    let look = groups.look(settings)?;
    let loads = settings.boolean("DEFAULT_LOAD_CALLBACK_PLUGINS");
    let word = match (arguments.one_line, loads) {
        (true, _) => "oneline".to_owned(),
        (false, true) => settings.text("DEFAULT_STDOUT_CALLBACK").unwrap_or_default(),
        (false, false) => "minimal".to_owned(),
    };
    let mut consumers = vec![callbacks::output(&word, &look, settings)?];
    if loads {
        consumers.extend(callbacks::enabled(&look, settings)?);
    }
    if let Some(folder) = &arguments.tree {
        consumers.push(Box::new(callbacks::tree(settings, Some(folder))));
    }
    consumers.extend(callbacks::record("ansible", &look, settings)?);
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

/// Modules that need arguments.
const WANT_ARGUMENTS: [&str; 5] = ["command", "shell", "raw", "script", "win_command"];

impl Arguments {
    fn groups(&self) -> Groups<'_> {
        Groups {
            common: &self.common,
            limit: self.hosts.limit.as_deref(),
            subset: None,
            task_timeout: self.task_timeout.task_timeout,
            force_handlers: false,
        }
    }

    /// The task as a playbook of one play.
    fn play(&self, settings: &Settings, folder: &Path) -> Result<Arc<SourceFile>, CommandError> {
        let module = self.module_name.clone().or_else(|| settings.text("DEFAULT_MODULE_NAME"));
        let module = module.unwrap_or_else(|| "command".to_owned());
        let given = self.args.clone().or_else(|| settings.text("DEFAULT_MODULE_ARGS"));
        let text = given.filter(|text| !text.is_empty());
        let short = module.rsplit('.').next().unwrap_or(&module);
        if text.is_none() && WANT_ARGUMENTS.contains(&short) {
            let mut message = format!("No argument passed to {module} module");
            if self.pattern.ends_with(".yml") {
                message.push_str(" (did you mean to run ansible-playbook?)");
            }
            return Err(CommandError::options(message, None));
        }
        let parsed = text.as_deref().filter(|text| text.starts_with('{') && text.ends_with('}'));
        let parsed: Option<serde_json::Value> =
            parsed.and_then(|text| serde_json::from_str(text).ok());
        let arguments = match (parsed, text) {
            (Some(parsed), _) => parsed,
            (None, Some(text)) => json!(text),
            (None, None) => serde_json::Value::Null,
        };
        let mut task = Map::new();
        match module.contains("{{") {
            true => task.insert("action".to_owned(), json!({"module": module, "args": arguments})),
            false => task.insert(module, arguments),
        };
        if self.background > 0 {
            let poll = self
                .poll
                .map_or(settings.integer("DEFAULT_POLL_INTERVAL"), |poll| i64::try_from(poll).ok());
            task.insert("async".to_owned(), json!(self.background));
            task.insert("poll".to_owned(), json!(poll.unwrap_or(15)));
        }
        let play = json!([{
            "name": "Ansible Ad-Hoc",
            "hosts": self.pattern,
            "gather_facts": false,
            "tasks": [task],
        }]);
        Ok(SourceFile::new(&folder.join("__adhoc_playbook__"), play.to_string()))
    }
}

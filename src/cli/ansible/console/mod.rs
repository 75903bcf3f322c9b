//! `ansible-console`: tasks, one after the other, on hosts that are chosen by `cd`.

mod commands;
mod line;
mod task;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use super::super::CommandError;
use super::options::{BaseFolder, Common, Hosts, ModulePath, TaskTimeout};
use super::run::Groups;
use super::{Invocation, inventory, talk};
use crate::inventory::LiveInventory;
use crate::report::default::DefaultOptions;
use crate::run::{RunSettings, Stepping};
use crate::settings::Settings;

use line::{Line, Lines};

/// Runs tasks as they are typed.
#[derive(Debug, Parser)]
#[command(
    name = "ansible-console",
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    hosts: Hosts,
    #[command(flatten)]
    base_folder: BaseFolder,
    #[command(flatten)]
    task_timeout: TaskTimeout,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// Which hosts
    #[arg(default_value = "all", allow_hyphen_values = true)]
    pattern: String,
}

/// Runs the program.
pub(super) fn main(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let arguments: Arguments = match invocation.parse("ansible-console") {
        Ok(arguments) => arguments,
        Err(code) => return Ok(code),
    };
    let settings = &invocation.settings;
    let groups = arguments.groups();
    talk::header("ansible-console", settings, groups.verbosity(settings));
    let mut run = groups.settings(settings)?;
    if arguments.step {
        run.stepping = Stepping::Asking;
    }
    let look = groups.look(settings)?;
    let folder = arguments.base_folder.playbook_dir.clone();
    let folder = folder.or_else(|| settings.path("PLAYBOOK_DIR")).unwrap_or_default();
    let folders = [std::path::absolute(&folder).unwrap_or_else(|_| folder.clone())];
    let inventory = inventory::load(&arguments.hosts, settings, &folders, &run.extra_vars)?;
    let limit = arguments.hosts.limit.as_deref();
    inventory::select(
        &inventory.now(),
        &arguments.pattern,
        limit,
        settings,
        inventory::Told::Here,
    )?;
    let mut console = Console {
        settings,
        folder,
        inventory,
        limit: arguments.hosts.limit.clone(),
        pattern: arguments.pattern.clone(),
        remote_user: run.connection.user.clone(),
        r#become: run.privilege.r#become,
        become_user: arguments.common.run_as.become_user.clone(),
        become_method: arguments.common.run_as.become_method.clone(),
        check: arguments.common.check.check,
        diff: arguments.common.check.diff || settings.boolean("DIFF_ALWAYS"),
        forks: run.forks,
        timeout: run.task_timeout.map_or(0, |timeout| timeout.as_secs()),
        collections: Vec::new(),
        module_path: arguments.common.module_path.clone(),
        verbosity: groups.verbosity(settings),
        run,
        look,
    };
    console.read(Lines::new(settings))
}

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
}

/// What tasks are run with; commands change it.
struct Console<'a> {
    settings: &'a Settings,
    folder: std::path::PathBuf,
    inventory: Arc<LiveInventory>,
    limit: Option<String>,
    /// Which hosts.
    pattern: String,
    remote_user: Option<String>,
    r#become: bool,
    become_user: Option<String>,
    become_method: Option<String>,
    check: bool,
    diff: bool,
    forks: NonZeroUsize,
    /// Seconds; 0 is no bound.
    timeout: u64,
    /// Collections whose modules have short names.
    collections: Vec<String>,
    module_path: ModulePath,
    verbosity: u8,
    /// As the command line has it, with its passwords.
    run: RunSettings,
    look: DefaultOptions,
}

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    End,
}

impl Console<'_> {
    /// Reads lines to the end.
    fn read(&mut self, mut lines: Lines) -> Result<ExitCode, CommandError> {
        super::super::print("Welcome to the ansible console. Type help or ? to list commands.\n\n");
        loop {
            lines.offer(self.names());
            let line = lines.next(&self.prompt()).map_err(|error| {
                CommandError::other(format!("cannot read what is typed: {error}"), None)
            })?;
            let next = match line {
                Line::Text(text) => self.line(text.trim()),
                // what was typed so far counts no more
                Line::Interrupted => Next::Line,
                Line::End => self.command("exit", "").unwrap_or(Next::End),
            };
            if next == Next::End {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    fn line(&mut self, text: &str) -> Next {
        if text.is_empty() || text.starts_with('#') {
            return Next::Line;
        }
        if let Some(command) = text.strip_prefix('!') {
            self.task("shell", command.trim());
            return Next::Line;
        }
        if let Some(topic) = text.strip_prefix('?') {
            self.help(topic.trim());
            return Next::Line;
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Some(next) = self.command(word, rest.trim()) {
            return next;
        }
        match self.is_module(word) {
            true => self.task(word, rest.trim()),
            false => self.task("shell", text),
        }
        Next::Line
    }

    /// The hosts of the pattern, in order; what is wrong with it is told once.
    fn hosts(&self) -> Vec<String> {
        let limit = self.limit.as_deref();
        inventory::select(
            &self.inventory.now(),
            &self.pattern,
            limit,
            self.settings,
            inventory::Told::Here,
        )
        .unwrap_or_default()
    }

    fn prompt(&self) -> String {
        let user = self.remote_user.clone().or_else(|| std::env::var("USER").ok());
        let user = user.or_else(|| std::env::var("LOGNAME").ok()).unwrap_or_else(login);
        let is_root = self.r#become && matches!(self.become_user.as_deref(), None | Some("root"));
        format!(
            "{user}@{} ({})[f:{}]{} ",
            self.pattern,
            self.hosts().len(),
            self.forks,
            if is_root { '#' } else { '$' }
        )
    }
}

/// The name of who runs this.
fn login() -> String {
    let id = rustix::process::getuid().as_raw();
    let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| id.to_string())
}

//! `canvass graph`: the steps of playbooks.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::diagnostics::Diagnostic;
use crate::graph::{Order, StepKind, Steps, TagFilter};
use crate::playbook::Play;
use crate::run::KnownNames;
use crate::template::Templar;

use super::CommandError;
use super::read::Reader;

/// Arguments of `canvass graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    /// Playbooks, in order
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    /// Folders of roles, separated by colons
    #[arg(long, value_name = "PATH", env = "ANSIBLE_ROLES_PATH")]
    roles_path: Option<String>,
}

/// Runs the command.
pub(crate) fn graph(arguments: &GraphArguments) -> Result<ExitCode, CommandError> {
    let reader = Reader {
        modules: crate::run::ModuleTable::Early,
        rejected: Arc::default(),
        search: super::play::search_paths(arguments.roles_path.as_deref()),
        names: KnownNames { templar: Templar::new(), extra_vars: Arc::default() },
        tell: |warning| super::say(&super::error::draw(warning)),
    };
    let playbooks = reader.playbooks(&arguments.playbooks)?;
    let mut text = String::new();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        draw(play, &mut text).map_err(|error| CommandError::parse(vec![error]))?;
    }
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn draw(play: &Play, text: &mut String) -> Result<(), Diagnostic> {
    let steps =
        Steps::compile(play, &TagFilter::default()).map_err(|error| Diagnostic::error(&error))?;
    let ties = crate::run::ties(play, &steps);
    let order = Order::new(&steps, play.strategy.unwrap_or_default(), &ties);
    let _ = writeln!(text, "play on `{}`", crate::run::pattern_text(play));
    for (number, step) in steps.list.iter().enumerate() {
        let kind = match step.kind {
            StepKind::Facts | StepKind::Task => "task",
            StepKind::Handler | StepKind::InHandler => "handler",
            StepKind::Flush => "flush",
            StepKind::RoleEnd => continue,
        };
        let task = &step.task.task;
        let name = task.name.as_ref().and_then(|name| name.as_str()).unwrap_or(&task.action.module);
        let role = step.task.role.as_ref().map(|role| format!("{} : ", role.name));
        let waits: Vec<&str> = order
            .edges_into(number)
            .filter(|(from, _)| number > 0 || from.is_some())
            .map(|(_, reason)| reason.words())
            .collect();
        let waits = match waits.is_empty() {
            true => String::new(),
            false => format!("  waits for {}", waits.join(", ")),
        };
        let _ = writeln!(
            text,
            "  {number:>3} {kind:<7} {}{name}  [{}]{waits}",
            role.unwrap_or_default(),
            task.span.place()
        );
    }
    Ok(())
}

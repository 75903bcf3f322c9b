//! What `ansible-playbook --list-hosts`, `--list-tasks` and `--list-tags` print.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::graph::{Section, Step, StepKind, Steps, TagFilter};
use crate::inventory::Inventory;
use crate::playbook::{Play, Playbook};
use crate::run::{Heading, RunSettings};
use crate::source::Node;
use crate::template::Templar;

use super::super::{CommandError, play};

/// What is listed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub hosts: bool,
    pub tasks: bool,
    pub tags: bool,
}

impl Wanted {
    pub(super) fn is_something(self) -> bool {
        self.hosts || self.tasks || self.tags
    }
}

/// The text of a listing.
pub(super) fn text(
    playbooks: &[Playbook],
    inventory: &Inventory,
    limit: Option<&str>,
    wanted: Wanted,
    known: (&Templar, &RunSettings),
) -> Result<String, CommandError> {
    let (templar, settings) = known;
    let outside = [Arc::new(settings.extra_vars.clone())];
    let mut filter = settings.tags.clone();
    if wanted.tags && filter.only.is_empty() && filter.skip.is_empty() {
        filter.only = ["never", "all"].map(str::to_owned).into();
    }
    let mut text = String::new();
    for playbook in playbooks {
        let _ = writeln!(text, "\nplaybook: {}", playbook.path.display());
        for (number, play) in playbook.plays.iter().enumerate() {
            // what cannot be rendered is told even where nothing of it is listed
            let Heading { name, patterns, .. } =
                Heading::render(templar, play, number, inventory, &outside)
                    .map_err(|error| CommandError::parse(vec![*error]))?;
            if !wanted.is_something() {
                continue;
            }
            let tags = play.keywords.tags.join(",");
            let _ = writeln!(
                text,
                "\n  play #{} ({}): {name}\tTAGS: [{tags}]",
                number + 1,
                patterns.join(","),
            );
            if wanted.hosts {
                hosts(&mut text, &patterns, inventory, limit)?;
            }
            if wanted.tasks || wanted.tags {
                tasks(&mut text, play, &filter, wanted)
                    .map_err(|error| CommandError::parse(vec![error]))?;
            }
        }
    }
    Ok(text)
}

fn hosts(
    text: &mut String,
    patterns: &[String],
    inventory: &Inventory,
    limit: Option<&str>,
) -> Result<(), CommandError> {
    let shown: Vec<String> = patterns.iter().map(|pattern| format!("'{pattern}'")).collect();
    let hosts = play::hosts_of(inventory, &patterns.join(":"), limit)?;
    let _ = writeln!(text, "    pattern: [{}]\n    hosts ({}):", shown.join(", "), hosts.len());
    for host in hosts {
        let _ = writeln!(text, "      {host}");
    }
    Ok(())
}

fn tasks(
    text: &mut String,
    play: &Play,
    filter: &TagFilter,
    wanted: Wanted,
) -> Result<(), Diagnostic> {
    let steps = Steps::compile(play, filter).map_err(|error| Diagnostic::error(&error))?;
    let of_play: BTreeSet<String> = play.keywords.tags.iter().cloned().collect();
    let mut all = of_play.clone();
    if wanted.tasks {
        text.push_str("    tasks:\n");
    }
    for step in steps.list.iter().filter(|step| is_listed(step)) {
        let task = &step.task;
        let tags: BTreeSet<String> = of_play.union(&task.tags).cloned().collect();
        all.extend(tags.iter().cloned());
        if wanted.tasks {
            let name = match task.task.name.as_ref().and_then(Node::as_str) {
                Some(name) => match &task.role {
                    // as the name of what includes a role is told
                    Some(_) if task.task.action.module == "ansible.builtin.include_role" => {
                        name.to_owned()
                    }
                    Some(role) => format!("{} : {name}", role.name),
                    None => name.to_owned(),
                },
                None => task.task.action.written.clone(),
            };
            let _ = writeln!(text, "      {name}\tTAGS: [{}]", joined(&tags));
        }
    }
    if wanted.tags {
        let _ = writeln!(text, "      TASK TAGS: [{}]", joined(&all));
    }
    Ok(())
}

fn joined(tags: &BTreeSet<String>) -> String {
    tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What stands in `rescue` and `always` is not listed.
fn is_listed(step: &Step) -> bool {
    step.kind == StepKind::Task
        && step.position.iter().all(|position| position.section == Section::Block)
}

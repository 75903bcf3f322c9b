//! Tasks whose module is not there: refused before the first connection, unless they never run.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::graph::{StepTask, Steps, TagFilter};
use crate::playbook::{Play, Playbook};

use super::context::{PlayContext, RunContext};
use super::heading::Heading;
use super::magic::PlayHosts;
use super::{hosts_of, job, read_hosts, vars_files};

/// What all tasks say of modules that are not there.
pub fn missing_modules(playbooks: &[Playbook]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        // what cannot be compiled was told before
        let Ok(steps) = Steps::compile(play, &TagFilter::default()) else { continue };
        let tasks = steps.list.iter().map(|step| &step.task).chain(&steps.handlers);
        problems.extend(tasks.filter_map(|task| told(task)));
    }
    problems.dedup();
    problems
}

fn told(task: &StepTask) -> Option<Diagnostic> {
    task.task.action.missing.as_ref().map(|error| Diagnostic::error(&**error))
}

/// The same of those tasks whose conditions do not say, by what is known before hosts are asked
/// (inventory, files, command line), that they are skipped on all hosts.
pub(super) async fn of_run(run: &Arc<RunContext>, plays: &[(usize, Arc<Play>)]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (number, play) in plays {
        let Ok(steps) = Steps::compile(play, &run.settings.tags) else { continue };
        let is_missing = |task: &StepTask| task.task.action.missing.is_some();
        // handlers may be called for by anything
        problems.extend(steps.handlers.iter().filter_map(|task| told(task)));
        if !steps.list.iter().any(|step| is_missing(&step.task)) {
            continue;
        }
        let context = before(run, play, *number, &steps).await;
        let layers = context.as_ref().map(|(context, _)| context.layers(&steps, &[]));
        for (at, step) in steps.list.iter().enumerate() {
            let skipped = match (&context, layers.as_ref().and_then(|layers| layers.get(at))) {
                (Some((context, hosts)), Some(layers)) => hosts.iter().all(|host| {
                    let scope = context.step_scope(host, layers);
                    let mut conditions =
                        step.task.keywords.iter().rev().flat_map(|level| &level.when);
                    conditions.any(|condition| {
                        matches!(run.templar.condition(condition, &scope), Ok(false))
                    })
                }),
                _ => false,
            };
            problems.extend(told(&step.task).filter(|_| !skipped));
        }
    }
    problems.dedup();
    problems
}

/// A play as it is before its first task, and its hosts.
async fn before(
    run: &Arc<RunContext>,
    play: &Arc<Play>,
    number: usize,
    steps: &Steps,
) -> Option<(Arc<PlayContext>, Vec<String>)> {
    let outside = [Arc::clone(&run.extra_vars), Arc::clone(&run.magic)];
    let heading = {
        let (run, play) = (Arc::clone(run), Arc::clone(play));
        let render =
            move || Heading::render(&run.templar, &play, number, &run.inventory.now(), &outside);
        job::blocking(render).await.ok()?
    };
    let (hosts, _) = hosts_of(run, play, &heading).ok()?;
    let directory = play.path.parent().map(std::path::PathBuf::from).unwrap_or_default();
    read_hosts(run, &hosts, &directory).await.ok()?;
    let files =
        vars_files::read(run, play, &directory, &hosts).await.unwrap_or_else(|_| HashMap::new());
    let names = PlayHosts { all: hosts.clone(), batch: hosts.clone() };
    let context = PlayContext::new(run, play, &heading, steps, &names, files, &Arc::default());
    Some((context, hosts))
}

//! Whether a play has nothing to do with others: then it may run beside them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::graph::{PlayEdge, PlayReason, StepTask, Steps, TagFilter};
use crate::playbook::{Includes, Play, is_include};
use crate::template::Templar;

use super::super::action::Meta;
use super::super::context::{PlayContext, RunContext};
use super::super::heading::Heading;
use super::super::magic::PlayHosts;
use super::super::{hosts_of, vars_files};
use super::machines::{self, Machine};
use super::{Coupling, moves, said};

/// The hosts that a play works on, and the machines that they are.
#[derive(Debug)]
pub(crate) struct Reach {
    hosts: HashSet<String>,
    machines: HashSet<Machine>,
}

impl Reach {
    /// Why two plays may not run at once, of which neither has to do with hosts of others.
    pub(crate) fn meets(&self, other: &Self) -> Option<PlayReason> {
        if !self.hosts.is_disjoint(&other.hosts) {
            return Some(PlayReason::Hosts);
        }
        (!self.machines.is_disjoint(&other.machines)).then_some(PlayReason::Machine)
    }
}

/// Why a play runs beside no other, as far as the playbook and what it includes tell.
pub fn apart(play: &Arc<Play>, steps: &Steps, includes: &Arc<Includes>) -> Option<PlayEdge> {
    if !play.vars_prompt.is_empty() {
        return Some(PlayReason::Input.into());
    }
    let mut coupling = Coupling::of_play(play, includes, &TagFilter::default());
    for layer in vars_files::without_hosts(&Templar::new(), play, &[]) {
        coupling.words.learn(&layer);
    }
    coupling.apart(steps)
}

/// The hosts of a play; an edge where it has to do with others. Nothing is told.
pub(crate) async fn reach(
    run: &RunContext,
    play: &Arc<Play>,
    number: usize,
) -> Result<Reach, PlayEdge> {
    if !play.vars_prompt.is_empty() {
        return Err(PlayReason::Input.into());
    }
    let unknown = || PlayEdge::from(PlayReason::Unknown);
    // what is worth knowing is told when the play begins
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let mut silent = RunContext { reserved: Arc::default(), ..run.clone() };
    silent.events = events;
    let silent = Arc::new(silent);
    let outside = [Arc::clone(&run.extra_vars), Arc::clone(&run.magic)];
    let heading = tokio::task::block_in_place(|| {
        Heading::render(&run.templar, play, number, &run.inventory.now(), &outside)
    });
    // what is wrong is told when its turn has come
    let heading = heading.map_err(|_| unknown())?;
    let (hosts, _) = hosts_of(&silent, play, &heading).map_err(|_| unknown())?;
    let directory = play.path.parent().map(std::path::PathBuf::from).unwrap_or_default();
    let files = vars_files::read(&silent, play, &directory, &hosts).await.map_err(|_| unknown())?;
    tokio::task::block_in_place(|| {
        let steps = Steps::compile(play, &run.settings.tags).map_err(|_| unknown())?;
        let names = PlayHosts { all: hosts.clone(), batch: hosts.clone() };
        let context =
            PlayContext::new(&silent, play, &heading, &steps, &names, files, &Arc::default());
        let machines: HashSet<Machine> =
            hosts.iter().filter_map(|host| machines::of(&context, host)).collect();
        if machines.contains(&Machine::Here) {
            return Err(PlayReason::Machine.into());
        }
        match Coupling::of_hosts(&context, &hosts).apart(&steps) {
            Some(edge) => Err(edge),
            None => Ok(Reach { hosts: hosts.into_iter().collect(), machines }),
        }
    })
}

impl Coupling {
    /// Why these steps, and what they include, concern more than the hosts of their play.
    fn apart(&mut self, steps: &Steps) -> Option<PlayEdge> {
        let handlers = Steps::of_handlers(&steps.handlers);
        self.prepare(steps);
        self.prepare(&handlers);
        self.first_edge(steps).or_else(|| self.first_edge(&handlers))
    }

    fn first_edge(&self, steps: &Steps) -> Option<PlayEdge> {
        steps.list.iter().find_map(|step| self.edge_of(&step.task))
    }

    fn edge_of(&self, task: &Arc<StepTask>) -> Option<PlayEdge> {
        let module = task.task.action.module.as_str();
        let here = |reason| Some(PlayEdge { reason, place: Some(task.task.span.place()) });
        if is_include(module) {
            let Some(steps) = self.brought.by(task) else { return here(PlayReason::Unknown) };
            let handlers = steps.handlers.iter();
            let inner = self
                .first_edge(steps)
                .or_else(|| handlers.clone().find_map(|one| self.edge_of(one)));
            if inner.is_some() {
                return inner;
            }
        }
        reason_of_keywords(task)
            .or_else(|| reason_of_module(task))
            .or_else(|| {
                let found = self.found_in(task);
                match (found.other_hosts, found.controller) {
                    (true, _) => Some(PlayReason::OtherHosts),
                    (false, true) => Some(PlayReason::Controller),
                    (false, false) => None,
                }
            })
            .and_then(here)
    }
}

fn reason_of_keywords(task: &StepTask) -> Option<PlayReason> {
    if said(task, |level| level.delegate_to.as_ref()) {
        return Some(PlayReason::Delegation);
    }
    if said(task, |level| level.debugger.as_ref()) {
        return Some(PlayReason::Input);
    }
    moves(task).then_some(PlayReason::Machine)
}

fn reason_of_module(task: &StepTask) -> Option<PlayReason> {
    let action = &task.task.action;
    if action.template.is_some() {
        return Some(PlayReason::Unknown);
    }
    match action.module.as_str() {
        "ansible.builtin.add_host" | "ansible.builtin.group_by" => Some(PlayReason::Groups),
        "ansible.builtin.set_stats" => Some(PlayReason::Statistics),
        "ansible.builtin.fetch" | "ansible.posix.synchronize" => Some(PlayReason::Controller),
        "ansible.builtin.pause" => Some(PlayReason::Input),
        "ansible.builtin.include_vars" => Some(PlayReason::Unknown),
        "ansible.builtin.meta" => match Meta::of(&task.task) {
            Some(Meta::RefreshInventory) => Some(PlayReason::Groups),
            Some(Meta::ClearHostErrors) => Some(PlayReason::Errors),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{self, NoNames, SearchPaths};
    use crate::run::ModuleTable;

    fn reason(play: &str, included: &str) -> Option<PlayReason> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("play.yml");
        std::fs::write(&path, format!("- hosts: web\n  gather_facts: false\n{play}")).unwrap();
        std::fs::write(folder.path().join("more.yml"), included).unwrap();
        let (search, names) = (SearchPaths::default(), NoNames);
        let loaded = playbook::load(&path, &ModuleTable::Early, &search, &names);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{play}: {errors:?}"));
        let play = &loaded.playbook.plays[0];
        let steps = Steps::compile(play, &TagFilter::default()).unwrap();
        let includes = Arc::new(Includes::new(ModuleTable::Early, names, search));
        apart(play, &steps, &includes).map(|edge| edge.reason)
    }

    #[test]
    fn what_has_to_do_with_other_hosts_has_a_reason() {
        use PlayReason::{
            Controller, Delegation, Errors, Groups, Input, Machine, OtherHosts, Statistics, Unknown,
        };
        let tasks: &[(&str, Option<PlayReason>)] = &[
            ("command: \"true\"", None),
            ("{command: \"true\", run_once: true, any_errors_fatal: true}", None),
            ("debug: {msg: \"{{ ansible_play_hosts }} {{ groups.all }}\"}", None),
            ("include_tasks: more.yml", None),
            ("{command: \"true\", delegate_to: db}", Some(Delegation)),
            ("local_action: command true", Some(Delegation)),
            ("debug: {msg: \"{{ hostvars.db.x }}\"}", Some(OtherHosts)),
            ("debug: {msg: \"{{ far }}\"}", Some(OtherHosts)),
            ("add_host: {name: x}", Some(Groups)),
            ("group_by: {key: x}", Some(Groups)),
            ("meta: refresh_inventory", Some(Groups)),
            ("meta: clear_host_errors", Some(Errors)),
            ("meta: end_play", None),
            ("set_stats: {data: {x: 1}}", Some(Statistics)),
            ("fetch: {src: a, dest: b}", Some(Controller)),
            ("debug: {msg: \"{{ lookup('pipe', 'date') }}\"}", Some(Controller)),
            ("pause: {seconds: 1}", Some(Input)),
            ("{command: \"true\", debugger: always}", Some(Input)),
            ("{command: \"true\", connection: local}", Some(Machine)),
            ("include_vars: x.yml", Some(Unknown)),
            ("include_tasks: \"{{ x }}.yml\"", Some(Unknown)),
            ("include_role: {name: missing}", Some(Unknown)),
        ];
        for (task, expected) in tasks {
            let vars = "  vars: {far: \"{{ hostvars.db.y }}\"}\n";
            let play = format!("{vars}  tasks:\n    - {task}\n");
            assert_eq!(reason(&play, "- command: \"true\"\n"), *expected, "{task}");
            // where it is included, and as a handler
            let play = format!("{vars}  tasks:\n    - include_tasks: more.yml\n");
            if !task.contains("more.yml") {
                assert_eq!(reason(&play, &format!("- {task}\n")), *expected, "{task}");
            }
        }
        let handler = "  handlers:\n    - {name: x, command: a, delegate_to: db}\n";
        assert_eq!(reason(handler, ""), Some(Delegation));
        let asks = "  vars_prompt: [{name: x}]\n";
        assert_eq!(reason(asks, ""), Some(Input));
    }
}

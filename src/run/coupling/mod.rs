//! Where a play couples its hosts: the ties of `strategy: dag`.
//!
//! Under `dag` a host waits for others only where something of the play needs it. What a step is
//! tied to is read off its keywords, its module and the [`words`] of its templates, through the
//! variables that they name. Where that cannot be known (a name that is computed, a template that
//! includes another), the step is tied.

mod apart;
mod brought;
mod machines;
mod words;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::graph::{Reason, Step, StepKind, StepTask, Steps, TagFilter, Tie, Ties};
use crate::playbook::{Includes, Keywords, Play, is_include};
use crate::source::{Kind, Node};
use crate::vars::Layer;

use super::action::{self, Meta, bypasses_host_loop, returns_facts};
use super::context::{self, PlayContext, layer};

pub use apart::apart;
pub(crate) use apart::{Reach, reach};
use brought::{Brought, Reader};
use words::Words;

/// How the steps of a play are tied to other hosts, as far as the playbook and what it includes
/// tell.
pub fn ties(play: &Arc<Play>, steps: &Steps, includes: &Arc<Includes>) -> Vec<Ties> {
    Coupling::of_play(play, includes, &TagFilter::default()).ties(steps)
}

/// What is known of a play's batch.
pub(crate) struct Coupling {
    words: Words,
    /// What ties every step.
    everywhere: Option<Reason>,
    /// `any_errors_fatal` of plays that do not say.
    fatal: bool,
    /// The folder of the playbook.
    directory: PathBuf,
    /// Texts of templates by where they are looked for; none where nothing was found.
    templates: HashMap<Vec<PathBuf>, Option<String>>,
    /// What includes bring.
    brought: Brought,
    /// Whether there is another host at all.
    alone: bool,
}

impl Coupling {
    /// What the playbook and what it includes tell.
    fn of_play(play: &Arc<Play>, includes: &Arc<Includes>, filter: &TagFilter) -> Self {
        let reader = Reader {
            includes: Arc::clone(includes),
            filter: filter.clone(),
            play: Arc::clone(play),
        };
        let mut this = Self {
            words: Words::default(),
            everywhere: play.max_fail_percentage.as_ref().map(|_| Reason::FailureLimit),
            fatal: false,
            directory: play.path.parent().map(Path::to_owned).unwrap_or_default(),
            templates: HashMap::new(),
            brought: Brought::new(reader),
            alone: false,
        };
        this.words.learn(&layer(&play.keywords.vars));
        this
    }

    /// What the variables of a batch tell, too.
    pub(crate) fn of_batch(play: &PlayContext, batch: &[String]) -> Self {
        if batch.len() < 2 {
            let tags = &play.run.settings.tags;
            return Self { alone: true, ..Self::of_play(&play.play, &play.run.includes, tags) };
        }
        Self::of_hosts(play, batch)
    }

    fn of_hosts(play: &PlayContext, batch: &[String]) -> Self {
        let mut this = Self::of_play(&play.play, &play.run.includes, &play.run.settings.tags);
        if machines::are_shared(play, batch) {
            this.everywhere.get_or_insert(Reason::OneMachine);
        }
        this.fatal = play.run.settings.behaviour.any_errors_fatal;
        this.words.learn(&play.run.extra_vars);
        let mut seen = std::collections::HashSet::new();
        let mut learn = |words: &mut Words, layer: &Arc<Layer>| {
            if seen.insert(Arc::as_ptr(layer)) {
                words.learn(layer);
            }
        };
        for host in batch {
            for layer in play.vars_files.get(host).into_iter().flatten() {
                learn(&mut this.words, layer);
            }
            let listed = play.run.inventory.host(host, &play.directory).unwrap_or_default();
            for layer in &listed.layers {
                learn(&mut this.words, layer);
            }
            learn(&mut this.words, &play.run.hosts.of(host).included);
        }
        this
    }

    /// Notes variables that came while the play runs; whether more steps are tied by them.
    pub(crate) fn learn_while_running(&mut self, variables: &Layer) -> bool {
        if self.alone {
            return false;
        }
        let before = self.words.leading();
        self.words.learn(variables);
        self.words.close();
        self.words.leading() != before
    }

    /// How the steps of a part are tied to other hosts.
    pub(crate) fn ties(&mut self, steps: &Steps) -> Vec<Ties> {
        if self.alone {
            return vec![Ties::default(); steps.list.len()];
        }
        self.prepare(steps);
        steps.list.iter().map(|step| self.of_step(step)).collect()
    }

    /// Reads what steps name.
    fn prepare(&mut self, steps: &Steps) {
        self.learn_all(steps);
        // the other threads of the runtime go on meanwhile
        let brought = tokio::task::block_in_place(|| self.brought.read(steps));
        for steps in &brought {
            self.learn_all(steps);
        }
        self.words.close();
    }

    fn learn_all(&mut self, steps: &Steps) {
        for step in &steps.list {
            self.learn(&step.task);
        }
        self.read_templates(steps);
    }

    /// Notes the variables that come with a step.
    fn learn(&mut self, step: &StepTask) {
        for level in &step.keywords {
            self.words.learn_once(&level.vars);
        }
        for role in step.role.iter().chain(&step.dependents) {
            for entries in [&role.params, &role.defaults, &role.vars, &role.keywords.vars] {
                self.words.learn_once(entries);
            }
        }
    }

    fn of_step(&self, step: &Step) -> Ties {
        let mut about = match step.kind {
            StepKind::RoleEnd => return Ties::default(),
            StepKind::Flush => Ties { ties: Vec::new(), sets: true },
            StepKind::Facts | StepKind::Task | StepKind::Handler | StepKind::InHandler => {
                let mut ties = self.of_keywords(&step.task);
                ties.extend(self.of_module(&step.task));
                ties.extend(self.of_words(&step.task));
                Ties { ties, sets: sets(&step.task) }
            }
        };
        about.ties.extend(self.everywhere.map(Tie::Around));
        about
    }

    fn of_keywords(&self, task: &StepTask) -> Vec<Tie> {
        let mut ties = Vec::new();
        if said(task, |level| level.run_once.as_ref()) {
            ties.push(Tie::Before(Reason::Once));
        }
        if said(task, |level| level.delegate_to.as_ref()) {
            ties.push(Tie::Around(Reason::Delegation));
        }
        if said(task, |level| level.throttle.as_ref()) {
            ties.push(Tie::Before(Reason::Throttle));
        }
        let fatal = task.keywords.iter().any(|level| level.any_errors_fatal.is_some());
        if said(task, |level| level.any_errors_fatal.as_ref()) || (self.fatal && !fatal) {
            ties.push(Tie::Around(Reason::FatalForAll));
        }
        if moves(task) {
            ties.push(Tie::Around(Reason::OneMachine));
        }
        ties
    }

    fn of_module(&self, task: &Arc<StepTask>) -> Option<Tie> {
        let action = &task.task.action;
        if action.template.is_some() {
            return Some(Tie::Around(Reason::Once));
        }
        Some(match action.module.as_str() {
            "ansible.builtin.group_by" => Tie::Around(Reason::Groups),
            module if is_include(module) => {
                // hosts that skip it must not be gone when others learn what it ties
                return (!self.brings_nothing_tied(task)).then_some(Tie::Around(Reason::Role));
            }
            "ansible.builtin.set_stats" => Tie::Around(Reason::Statistics),
            "ansible.builtin.fetch" | "ansible.posix.synchronize" => {
                Tie::Around(Reason::Controller)
            }
            "ansible.builtin.meta" => match Meta::of(&task.task) {
                Some(meta) if !meta.is_for_all() => return None,
                Some(_) | None => Tie::Before(Reason::Once),
            },
            _ if bypasses_host_loop(&task.task) => Tie::Before(Reason::Once),
            _ => return None,
        })
    }

    /// Whether it is known what an include brings, and that it concerns none but the hosts that
    /// enter it.
    fn brings_nothing_tied(&self, include: &Arc<StepTask>) -> bool {
        self.brought.by(include).is_some_and(|steps| {
            brought::is_for_itself(steps)
                && steps.list.iter().all(|step| self.of_step(step).ties.is_empty())
        })
    }

    fn of_words(&self, task: &StepTask) -> Vec<Tie> {
        let found = self.found_in(task);
        let mut ties = Vec::new();
        if found.hosts_left {
            ties.push(Tie::Around(Reason::HostsLeft));
        }
        if found.other_hosts {
            ties.push(Tie::Reads);
        }
        if found.controller {
            ties.push(Tie::Around(Reason::Controller));
        }
        ties
    }

    /// What the words of a task lead to.
    fn found_in(&self, task: &StepTask) -> words::Found {
        let mut found = self.words.implied();
        for_each_node(task, &mut |node| found |= self.words.in_node(node));
        if task.task.action.module == "ansible.builtin.template" {
            found |= self.in_template(task);
        }
        found
    }

    /// Reads what `template` tasks render, each file once.
    fn read_templates(&mut self, steps: &Steps) {
        let named = steps.list.iter().filter_map(|step| self.template_of(&step.task));
        let new: Vec<_> = named.filter(|places| !self.templates.contains_key(places)).collect();
        if new.is_empty() {
            return;
        }
        // the other threads of the runtime go on meanwhile
        let read = tokio::task::block_in_place(|| {
            let text = |path: &PathBuf| std::fs::read_to_string(path).ok();
            new.into_iter()
                .map(|places| (places.iter().find_map(&text), places))
                .collect::<Vec<_>>()
        });
        self.templates.extend(read.into_iter().map(|(text, places)| (places, text)));
    }

    /// Where the file that a `template` task renders may be.
    fn template_of(&self, task: &StepTask) -> Option<Vec<PathBuf>> {
        let action = &task.task.action;
        if action.module != "ansible.builtin.template" {
            return None;
        }
        let (_, source) = action.arguments.iter().find(|(name, _)| name == "src")?;
        let source = source.as_str().filter(|source| !source.contains('{'))?;
        let directories = context::directories(task, &self.directory);
        Some(directories.candidates("templates", Path::new(source)))
    }

    /// The words of the file that a `template` task renders.
    fn in_template(&self, task: &StepTask) -> words::Found {
        let places = self.template_of(task);
        match places.and_then(|places| self.templates.get(&places)) {
            Some(Some(text)) => self.words.in_template(text),
            _ => words::Found::ANYTHING,
        }
    }
}

/// Whether a keyword is there, and not plainly `false`.
fn said(task: &StepTask, pick: fn(&Keywords) -> Option<&Node>) -> bool {
    let node = task.keywords.iter().find_map(|level| pick(level));
    node.is_some_and(|node| !matches!(node.kind, Kind::Bool(false) | Kind::Null))
}

/// Whether a task is for another address than that of its host.
fn moves(task: &StepTask) -> bool {
    // what says otherwise for the whole play was looked at for each host
    let own = task.keywords.len().saturating_sub(1);
    task.keywords.iter().take(own).any(|level| {
        level.connection.is_some() || level.port.is_some() || level.vars.iter().any(is_address)
    })
}

fn is_address((name, _): &(String, Node)) -> bool {
    matches!(
        name.as_str(),
        "ansible_connection"
            | "ansible_host"
            | "ansible_ssh_host"
            | "ansible_port"
            | "ansible_ssh_port"
    )
}

/// Whether a task may set variables of its host.
fn sets(task: &StepTask) -> bool {
    let module = task.task.action.module.as_str();
    let sets = matches!(
        module,
        "ansible.builtin.set_fact"
            | "ansible.builtin.include_vars"
            | "ansible.builtin.add_host"
            | "ansible.builtin.group_by"
            | "ansible.builtin.meta"
    );
    let known = canvass_modules::registry::find(module).is_some() || action::find(module).is_some();
    let facts = sets || returns_facts(module);
    task.task.register.is_some() || facts || is_include(module) || !known
}

/// All nodes of a task that may hold templates, apart from variables.
fn for_each_node(step: &StepTask, see: &mut dyn FnMut(&Node)) {
    let task = &step.task;
    let action = &task.action;
    let lists = [&task.changed_when, &task.failed_when, &task.until];
    let control = &task.loop_control;
    let single = [
        action.template.as_ref(),
        action.variable_arguments.as_ref(),
        task.r#loop.as_ref().map(|over| &over.value),
        task.retries.as_ref(),
        task.delay.as_ref(),
        task.r#async.as_ref(),
        task.poll.as_ref(),
        control.loop_var.as_ref(),
        control.index_var.as_ref(),
        control.label.as_ref(),
        control.pause.as_ref(),
    ];
    action.arguments.iter().for_each(|(_, node)| see(node));
    lists.into_iter().flatten().flatten().for_each(&mut *see);
    control.break_when.iter().flatten().for_each(&mut *see);
    single.into_iter().flatten().for_each(&mut *see);
    for level in &step.keywords {
        level.nodes().for_each(&mut *see);
    }
}

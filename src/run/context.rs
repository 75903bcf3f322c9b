//! What all tasks of a run, and of a play, share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use minijinja::Value;
use serde_json::Value as Json;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::diagnostics::Diagnostic;
use crate::graph::{StepTask, Steps};
use crate::inventory::LiveInventory;
use crate::playbook::{Includes, Keywords, Play, Role};
use crate::report::event::{Event, Level};
use crate::report::mask::Secrets;
use crate::source::Place;
use crate::template::{Directories, Templar};
use crate::vars::{HashBehaviour, Layer, Scope, Var, merged};

use super::action::LocalFiles;
use super::heading::Heading;
use super::hold::{Keeper, OnDrift};
use super::host_vars::{HostTable, HostVars};
use super::job::blocking;
use super::journal::Journal;
use super::magic;
use super::pool::Pool;
use super::prompts::{Ask, Question};
use super::reserved::Warned;
use super::settings::{FactNames, RunSettings};
use super::unforeseen::Unforeseen;

/// What all tasks of a run share. Plays that overlap have one each, which differ in who hears of
/// them and in what ends them.
#[derive(Clone)]
pub(crate) struct RunContext {
    pub settings: Arc<RunSettings>,
    pub templar: Arc<Templar>,
    pub inventory: Arc<LiveInventory>,
    /// Reads what tasks include.
    pub includes: Arc<Includes>,
    pub hosts: Arc<HostTable>,
    /// The controller's files that go to hosts.
    pub files: Arc<LocalFiles>,
    /// Variables with reserved names that were warned of.
    pub reserved: Arc<Warned>,
    pub pool: Pool,
    /// What a dry run cannot know of hosts any more.
    pub unforeseen: Arc<Unforeseen>,
    /// One for each host that may be worked on at once.
    pub forks: Arc<Semaphore>,
    /// Ends the play before its next tasks.
    pub halt: CancellationToken,
    /// Asks the user, where there is one.
    pub ask: Option<Ask>,
    /// Asks whoever is at standard input.
    pub prompt: Ask,
    /// The last mark that the report has come to.
    pub heard: watch::Receiver<u64>,
    /// How many marks there were.
    pub marks: Arc<AtomicU64>,
    pub secrets: Arc<Mutex<Secrets>>,
    /// Who hears what steps would do, and agrees with it.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Keeps what each host has done.
    pub journal: Option<Arc<Journal>>,
    /// Room for what commands print.
    pub room: Arc<Semaphore>,
    pub events: UnboundedSender<Event>,
    /// Variables that are the same for all hosts and plays.
    pub magic: Arc<Layer>,
    /// `--extra-vars`
    pub extra_vars: Arc<Layer>,
    /// What the command line says of connections, where no variable says it.
    pub connection: Arc<Layer>,
}

impl RunContext {
    /// The same for a play that is told of elsewhere and ends by itself.
    pub(crate) fn for_play(
        &self,
        events: UnboundedSender<Event>,
        halt: CancellationToken,
    ) -> Arc<Self> {
        let pool = self.pool.telling(events.clone());
        Arc::new(Self { pool, halt, events, ..self.clone() })
    }

    /// Tells the report something.
    pub(crate) fn tell(&self, event: Event) {
        // a report that has ended has nothing more to hear
        let _ = self.events.send(event);
    }

    /// Asks whoever is at standard input, once the report has told all that came before.
    pub(crate) async fn asked(&self, question: Question) -> Option<String> {
        self.caught_up().await;
        let prompt = Arc::clone(&self.prompt);
        blocking(move || prompt(&question)).await
    }

    /// Waits until the report has told all that came before.
    pub(crate) async fn caught_up(&self) {
        let mark = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        self.tell(Event::Waiting { mark });
        // a report that has ended has told all that it will
        let _ = self.heard.clone().wait_for(|heard| *heard >= mark).await;
    }

    /// Tells the report something worth knowing.
    pub(crate) fn notice(&self, level: Level, text: impl Into<String>, place: Option<Place>) {
        let text = self.mask(&text.into());
        self.tell(Event::Notice { level, text, place, host: None, marked: false });
    }

    /// Warns of something in the user's files.
    pub(crate) fn remark(&self, text: impl Into<String>, place: Option<Place>) {
        let (level, text) = (Level::Warning, self.mask(&text.into()));
        self.tell(Event::Notice { level, text, place, host: None, marked: true });
    }

    /// Tells of a use of what goes away.
    pub(crate) fn goes_away(&self, text: String, place: Option<Place>) {
        let (level, text) = (Level::Deprecation, self.mask(&text));
        self.tell(Event::Notice { level, text, place, host: None, marked: true });
    }

    /// A text without secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.secrets().mask(text).into_owned()
    }

    /// A message without secrets.
    pub(crate) fn masked(&self, told: Diagnostic) -> Diagnostic {
        let secrets = self.secrets();
        let mask = |text: &str| secrets.mask(text).into_owned();
        Diagnostic {
            message: mask(&told.message),
            label: told.label.as_deref().map(mask),
            hints: told.hints.iter().map(|hint| mask(hint)).collect(),
            ..told
        }
    }

    /// A value without secrets.
    pub(crate) fn mask_json(&self, value: &mut Json) {
        self.secrets().mask_json(value);
    }

    /// All secrets that are known by now.
    pub(crate) fn secrets(&self) -> std::sync::MutexGuard<'_, Secrets> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.learn();
        secrets
    }

    /// What follows where a step is not what was approved.
    pub(crate) fn on_drift(&self) -> OnDrift {
        self.keeper.as_ref().map(|keeper| keeper.on_drift()).unwrap_or_default()
    }

    /// From now on this text is masked wherever it shows.
    pub(crate) fn keep_secret(&self, text: &str) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).add(text);
    }
}

/// What all tasks of a play's batch share.
pub(crate) struct PlayContext {
    pub run: Arc<RunContext>,
    pub play: Arc<Play>,
    pub number: usize,
    pub name: String,
    /// The folder of the playbook.
    pub directory: PathBuf,
    /// Variables of the play that are the same for all hosts.
    pub magic: Arc<Layer>,
    /// `playbook_dir`, the one of them that `hostvars` shows.
    folder: Arc<Layer>,
    /// The hosts of the play.
    hosts: magic::PlayHosts,
    /// Names of the hosts that are still in the play, once some have left it.
    present: RwLock<Arc<Layer>>,
    /// Answers of `vars_prompt`, and `vars`.
    vars: Vec<Arc<Layer>>,
    /// Variables of the roles that the whole play sees; included roles add theirs.
    exports: RwLock<Exports>,
    /// `vars_files` of each host of the batch, the strongest first.
    pub vars_files: HashMap<String, Vec<Arc<Layer>>>,
}

/// What roles give to the whole play, the last role first.
#[derive(Default)]
struct Exports {
    /// `vars`
    vars: Vec<Arc<Layer>>,
    /// `defaults`
    defaults: Vec<Arc<Layer>>,
}

impl Exports {
    fn add(&mut self, role: &Role) {
        let add = |layers: &mut Vec<Arc<Layer>>, entries| {
            let layer = layer(entries);
            if !layer.is_empty() {
                layers.insert(0, layer);
            }
        };
        add(&mut self.vars, &role.vars);
        add(&mut self.defaults, &role.defaults);
    }
}

/// The variables that a step adds, the strongest first.
#[derive(Default, Clone)]
pub(crate) struct StepLayers {
    /// What the debugger set; nothing is stronger.
    debugged: Vec<Arc<Layer>>,
    /// What tasks still under way set when they have gone well.
    ahead: Arc<Layer>,
    /// Variables of includes, which are among those of the task, too.
    includes: Vec<Arc<Layer>>,
    params: Vec<Arc<Layer>>,
    task: Vec<Arc<Layer>>,
    role: Vec<Arc<Layer>>,
    defaults: Vec<Arc<Layer>>,
    pub directories: Arc<Directories>,
    magic: Arc<Layer>,
}

/// The folders whose `group_vars` and `host_vars` a task sees in the place of those beside its
/// playbook (`playbook_vars_root`), the weakest first.
fn variable_folders(directories: &Directories) -> Option<Vec<&Path>> {
    static ROOT: LazyLock<Option<String>> =
        LazyLock::new(|| crate::settings::current().text("PLAYBOOK_VARS_ROOT"));
    let nearest = [directories.roles.first().map(PathBuf::as_path), directories.task.as_deref()];
    let mut folders: Vec<&Path> = nearest.into_iter().flatten().collect();
    match ROOT.as_deref() {
        Some("bottom" | "playbook_dir") => folders.truncate(1),
        Some("all") => folders.dedup(),
        _ => return None,
    }
    Some(folders)
}

/// What a host of which nothing is known has: facts, but none.
static NO_FACTS: LazyLock<Arc<Layer>> = LazyLock::new(|| {
    let none: Value = Value::from_pairs(std::iter::empty::<(Value, Value)>());
    Arc::new(Layer::from([("ansible_facts".to_owned(), Var::Data(none))]))
});

impl PlayContext {
    pub(crate) fn new(
        run: &Arc<RunContext>,
        play: &Arc<Play>,
        heading: &Heading,
        steps: &Steps,
        hosts: &magic::PlayHosts,
        vars_files: HashMap<String, Vec<Arc<Layer>>>,
        answers: &Arc<Layer>,
    ) -> Arc<Self> {
        let mut exports = Exports::default();
        for role in steps.exported.iter().filter(|role| role.public) {
            exports.add(role);
        }
        let directory = play.path.parent().map(PathBuf::from).unwrap_or_default();
        let name = heading.name.clone();
        let mut magic = magic::of_play(play, &name, hosts, &steps.exported);
        Arc::new_cyclic(|this| {
            magic.insert("hostvars".to_owned(), data(magic::AllHosts::value(this)));
            Self {
                run: Arc::clone(run),
                number: heading.number,
                folder: Arc::new(magic::of_folder(play)),
                magic: Arc::new(magic),
                name,
                vars: vec![Arc::clone(answers), layer(&play.keywords.vars)],
                hosts: hosts.clone(),
                present: RwLock::default(),
                exports: RwLock::new(exports),
                vars_files,
                directory,
                play: Arc::clone(play),
            }
        })
    }

    /// The view of a host without a task, of which connections read.
    pub(crate) fn host_scope(&self, host: &str) -> Scope {
        self.scope(host, None)
    }

    /// The view of a host without a play: `hostvars` knows nothing of what a play or its roles set.
    pub(crate) fn hostvars_scope(&self, host: &str) -> Scope {
        let run = &self.run;
        let known = run.hosts.of(host);
        let listed = run.inventory.host(host, &self.directory).unwrap_or_default();
        let mut layers =
            vec![Arc::clone(&listed.magic), Arc::clone(&self.folder), Arc::clone(&run.magic)];
        layers.extend([&run.extra_vars, &known.set, &known.included].map(Arc::clone));
        layers.push(self.facts(&known));
        layers.extend(listed.layers.iter().cloned());
        self.complete(layers)
    }

    /// The view of a task on a host, by Ansible's precedence.
    pub(crate) fn step_scope(&self, host: &str, layers: &StepLayers) -> Scope {
        self.scope(host, Some(layers))
    }

    /// What the steps of a part add; `items` are the variables of the rounds that included it,
    /// the innermost first.
    pub(crate) fn layers(&self, steps: &Steps, items: &[Arc<Layer>]) -> Vec<Arc<StepLayers>> {
        let of_step = |step| Arc::new(StepLayers::of(step, &self.play, &self.directory, items));
        steps.list.iter().map(of_step).collect()
    }

    /// Some hosts have left the play, or take part again: `is_out` tells of each.
    pub(crate) fn hosts_have_left(&self, is_out: impl Fn(&str) -> bool) {
        let still = |hosts: &[String]| {
            hosts.iter().filter(|host| !is_out(host.as_str())).cloned().collect()
        };
        let hosts =
            magic::PlayHosts { all: still(&self.hosts.all), batch: still(&self.hosts.batch) };
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(magic::of_hosts(&hosts));
    }

    /// From now on the whole play sees the variables of these roles.
    pub(crate) fn export(&self, roles: &[Arc<Role>]) {
        let mut exports = self.exports.write().unwrap_or_else(PoisonError::into_inner);
        for role in roles.iter().filter(|role| role.public) {
            exports.add(role);
        }
    }

    fn scope(&self, host: &str, step: Option<&StepLayers>) -> Scope {
        let run = &self.run;
        let behaviour = &run.settings.behaviour;
        let known = run.hosts.of(host);
        // a broken variables file was told before the play began
        let listed = match step.and_then(|step| variable_folders(&step.directories)) {
            None => run.inventory.host(host, &self.directory),
            Some(folders) => run.inventory.host_beside(host, &folders),
        };
        let listed = listed.unwrap_or_default();
        let mut layers: Vec<Arc<Layer>> =
            step.map(|step| step.debugged.clone()).unwrap_or_default();
        layers.push(Arc::clone(&listed.magic));
        layers.push(Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner)));
        layers.push(Arc::clone(&self.magic));
        layers.push(Arc::clone(&run.magic));
        if let Some(step) = step {
            layers.push(Arc::clone(&step.magic));
        }
        layers.push(Arc::clone(&run.extra_vars));
        if let Some(step) = step {
            layers.extend(one(behaviour.hash, &step.includes));
            layers.extend(step.params.iter().cloned());
            layers.push(Arc::clone(&step.ahead));
        }
        layers.push(Arc::clone(&known.set));
        layers.push(Arc::clone(&known.included));
        if let Some(step) = step {
            layers.extend(one(behaviour.hash, &step.task));
            layers.extend(step.role.iter().cloned());
        }
        let exports = self.exports.read().unwrap_or_else(PoisonError::into_inner);
        layers.extend(exports.vars.iter().cloned());
        layers.extend(self.vars_files.get(host).into_iter().flatten().cloned());
        layers.extend(self.vars.iter().cloned());
        layers.push(self.facts(&known));
        layers.extend(listed.layers.iter().cloned());
        if let Some(step) = step {
            layers.extend(step.defaults.iter().cloned());
        }
        layers.extend(exports.defaults.iter().cloned());
        drop(exports);
        let directories = step.map(|step| Arc::clone(&step.directories)).unwrap_or_default();
        self.complete(layers).with_directories(directories)
    }

    fn facts(&self, known: &HostVars) -> Arc<Layer> {
        match self.run.settings.behaviour.facts {
            FactNames::Injected => Arc::clone(&known.facts),
            FactNames::Apart => Arc::new(apart(&known.facts)),
        }
    }

    /// These layers and the weakest ones, which everybody sees.
    fn complete(&self, mut layers: Vec<Arc<Layer>>) -> Scope {
        layers.push(Arc::clone(&self.run.connection));
        layers.push(Arc::clone(&NO_FACTS));
        layers.retain(|layer| !layer.is_empty());
        if self.run.settings.behaviour.hash == HashBehaviour::Merge {
            layers = vec![Arc::new(merged(&layers))];
        }
        Scope::new(layers)
    }
}

impl StepLayers {
    /// The same with a layer over all others.
    pub(crate) fn with_strongest(&self, layer: Layer) -> Self {
        let mut layers = self.clone();
        layers.debugged.insert(0, Arc::new(layer));
        layers
    }

    /// The same, as if these variables were set already.
    pub(crate) fn with_set(&self, ahead: &Arc<Layer>) -> Self {
        Self { ahead: Arc::clone(ahead), ..self.clone() }
    }

    fn of(step: &crate::graph::Step, play: &Play, playbook: &Path, items: &[Arc<Layer>]) -> Self {
        let task = &step.task;
        let roles: Vec<&Arc<Role>> = task.role.iter().chain(task.dependents.iter().rev()).collect();
        let is_role =
            |level: &Arc<Keywords>| roles.iter().any(|role| Arc::ptr_eq(&role.keywords, level));
        let task_layers = task
            .keywords
            .iter()
            .filter(|level| !Arc::ptr_eq(level, &play.keywords) && !is_role(level))
            .map(|level| layer(&level.vars));
        let is_include = matches!(
            task.task.action.module.as_str(),
            "ansible.builtin.include_tasks" | "ansible.builtin.include_role"
        );
        let includes = task
            .keywords
            .iter()
            .filter(|level| {
                level.is_include || (is_include && Arc::ptr_eq(level, &task.task.keywords))
            })
            .map(|level| layer(&level.vars));
        Self {
            debugged: Vec::new(),
            ahead: Arc::default(),
            includes: items.iter().cloned().chain(includes).filter(filled).collect(),
            params: roles.iter().map(|role| layer(&role.params)).filter(filled).collect(),
            task: task_layers.chain(items.iter().cloned()).filter(filled).collect(),
            role: role_layers(task).into_iter().filter(filled).collect(),
            defaults: default_layers(task).into_iter().filter(filled).collect(),
            directories: Arc::new(directories(task, playbook)),
            magic: Arc::new(magic::of_step(task)),
        }
    }
}

/// Variables of the task's role: of its use, its own, those of the roles that it depends on, then
/// of the roles that led to it.
fn role_layers(task: &StepTask) -> Vec<Arc<Layer>> {
    let mut layers = Vec::new();
    if let Some(role) = &task.role {
        layers.extend([layer(&role.keywords.vars), layer(&role.vars)]);
        layers.extend(depended_on(role).into_iter().map(|role| layer(&role.vars)));
    }
    for outer in task.dependents.iter().rev() {
        layers.extend([layer(&outer.vars), layer(&outer.keywords.vars)]);
    }
    layers
}

/// Defaults of the task's role, of the roles that led to it, then of those that it depends on.
fn default_layers(task: &StepTask) -> Vec<Arc<Layer>> {
    let mut layers: Vec<Arc<Layer>> = task
        .role
        .iter()
        .chain(task.dependents.iter().rev())
        .map(|role| layer(&role.defaults))
        .collect();
    let inner = task.role.iter().flat_map(depended_on);
    layers.extend(inner.map(|role| layer(&role.defaults)));
    layers
}

/// All roles that a role depends on, the strongest first.
fn depended_on(role: &Arc<Role>) -> Vec<&Arc<Role>> {
    let mut found = Vec::new();
    for dependency in role.dependencies.iter().rev() {
        found.push(dependency);
        found.extend(depended_on(dependency));
    }
    found
}

/// Variables of one kind: among themselves mappings are not merged.
fn one(hash: HashBehaviour, layers: &[Arc<Layer>]) -> Vec<Arc<Layer>> {
    match (hash, layers) {
        (HashBehaviour::Merge, [_, _, ..]) => {
            let weakest_first = layers.iter().rev().flat_map(|layer| layer.iter());
            let all = weakest_first.map(|(name, value)| (name.clone(), value.clone()));
            vec![Arc::new(all.collect())]
        }
        _ => layers.to_vec(),
    }
}

/// Facts without those that are variables of their own.
fn apart(facts: &Layer) -> Layer {
    let kept = ["ansible_facts", "ansible_local"];
    kept.into_iter().filter_map(|name| Some((name.to_owned(), facts.get(name)?.clone()))).collect()
}

fn filled(layer: &Arc<Layer>) -> bool {
    !layer.is_empty()
}

/// Where a task looks for files.
pub(crate) fn directories(task: &StepTask, playbook: &Path) -> Directories {
    Directories {
        roles: task
            .role
            .iter()
            .chain(task.dependents.iter().rev())
            .map(|role| role.path.clone())
            .collect(),
        task: task.task.path.parent().map(PathBuf::from),
        playbook: playbook.to_owned(),
        action: task.task.action.module.as_str().to_owned(),
    }
}

pub(crate) fn layer(entries: &[(String, crate::source::Node)]) -> Arc<Layer> {
    Arc::new(entries.iter().map(|(name, node)| (name.clone(), Var::from(node))).collect())
}

/// The host pattern as text.
pub fn pattern_text(play: &Play) -> String {
    match play.hosts.as_seq() {
        Some(parts) => parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join(","),
        None => play.hosts.as_str().unwrap_or_default().to_owned(),
    }
}

/// A data value as a variable.
pub(crate) fn data(value: impl Into<Value>) -> Var {
    Var::Data(value.into())
}

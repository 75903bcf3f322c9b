//! Compiles a play into its steps.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::Explain;
use crate::playbook::{Block, Entry, Keywords, Play, Role, Task};
use crate::source::{Kind, Span};

use super::tags::TagFilter;

/// The steps of a play in Ansible's order: facts, `pre_tasks`, roles, `tasks`, `post_tasks`, with
/// the handlers behind each of the three parts and behind `meta: flush_handlers`.
#[derive(Debug)]
pub struct Steps {
    /// The steps.
    pub list: Vec<Step>,
    /// The blocks that have a rescue or an always part.
    pub blocks: Vec<BlockSteps>,
}

/// A node of the graph.
#[derive(Debug)]
pub struct Step {
    /// What kind of step it is.
    pub kind: StepKind,
    /// What is done.
    pub task: Arc<StepTask>,
    /// The blocks that it stands in, the outermost first.
    pub position: Vec<Position>,
}

/// The kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Gathers facts, when the play asks for it.
    Facts,
    /// Runs a task.
    Task,
    /// Runs a handler on the hosts that notified it.
    Handler,
}

/// A task with all that it inherits.
#[derive(Debug)]
pub struct StepTask {
    /// The task.
    pub task: Arc<Task>,
    /// The role that it belongs to.
    pub role: Option<Arc<Role>>,
    /// The roles that led to it by dependencies, the outermost first.
    pub dependents: Vec<Arc<Role>>,
    /// Keywords from the nearest (its own) to the farthest (the play's).
    pub keywords: Vec<Arc<Keywords>>,
    /// All its tags.
    pub tags: BTreeSet<String>,
}

/// The place of a step in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Index in [`Steps::blocks`].
    pub block: usize,
    /// Its part.
    pub section: Section,
}

/// The parts of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `block`
    Block,
    /// `rescue`
    Rescue,
    /// `always`
    Always,
}

/// The steps of a block's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSteps {
    /// Steps of `block`.
    pub block: Range<usize>,
    /// Steps of `rescue`.
    pub rescue: Range<usize>,
    /// Steps of `always`.
    pub always: Range<usize>,
}

/// Why a play has no graph.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A block with rescue or always stands among the handlers.
    #[error("a block with `rescue` or `always` cannot be a handler")]
    BlockAsHandler {
        /// Where.
        span: Span,
    },
}

impl Explain for CompileError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::BlockAsHandler { span } => Some(span),
        }
    }

    fn hints(&self) -> Vec<String> {
        vec!["write the tasks of the block as handlers that `listen` to one topic".to_owned()]
    }
}

impl Steps {
    /// Compiles a play; only steps that the tags select are in it.
    pub fn compile(play: &Play, filter: &TagFilter) -> Result<Self, CompileError> {
        let mut compiler = Compiler {
            filter,
            handlers: Vec::new(),
            steps: Self { list: Vec::new(), blocks: Vec::new() },
            position: Vec::new(),
        };
        compiler.handlers = compiler.collect_handlers(play)?;
        let play_keywords = Context::of_play(play);
        let facts = play_keywords.task(&Arc::new(gather_facts(play)));
        if filter.selects(&play_keywords.tags_with_always()) && !never_gathers(play) {
            compiler.push(StepKind::Facts, Arc::new(facts));
        }
        compiler.entries(&play.pre_tasks, &play_keywords);
        compiler.flush();
        let mut done = Vec::new();
        for role in &play.roles {
            compiler.role(role, &play_keywords, &mut done);
        }
        compiler.entries(&play.tasks, &play_keywords);
        compiler.flush();
        compiler.entries(&play.post_tasks, &play_keywords);
        compiler.flush();
        Ok(compiler.steps)
    }

    /// The handlers among the steps, each once.
    pub fn handlers(&self) -> impl Iterator<Item = &Arc<StepTask>> {
        let mut seen = BTreeSet::new();
        self.list
            .iter()
            .filter(|step| step.kind == StepKind::Handler)
            .filter(move |step| seen.insert(Arc::as_ptr(&step.task) as usize))
            .map(|step| &step.task)
    }
}

/// Whether the play says `gather_facts: false` without a template.
fn never_gathers(play: &Play) -> bool {
    matches!(play.gather_facts.as_ref().map(|node| &node.kind), Some(Kind::Bool(false)))
}

/// The task that gathers facts.
fn gather_facts(play: &Play) -> Task {
    let mut task = Task::plain("Gathering Facts", "ansible.builtin.setup", &play.span, &play.path);
    task.action.arguments.clone_from(&play.gather_arguments);
    task.keywords = Arc::new(Keywords { tags: vec!["always".to_owned()], ..Keywords::default() });
    task
}

/// What an entry inherits.
#[derive(Clone)]
struct Context {
    role: Option<Arc<Role>>,
    dependents: Vec<Arc<Role>>,
    keywords: Vec<Arc<Keywords>>,
}

impl Context {
    fn of_play(play: &Play) -> Self {
        Self { role: None, dependents: Vec::new(), keywords: vec![Arc::clone(&play.keywords)] }
    }

    fn inside(&self, keywords: &Arc<Keywords>) -> Self {
        let mut inner = self.clone();
        inner.keywords.insert(0, Arc::clone(keywords));
        inner
    }

    fn inside_role(&self, role: &Arc<Role>) -> Self {
        let mut inner = self.inside(&role.keywords);
        if let Some(outer) = inner.role.replace(Arc::clone(role)) {
            inner.dependents.push(outer);
        }
        inner
    }

    fn tags(&self) -> BTreeSet<String> {
        self.keywords.iter().flat_map(|keywords| keywords.tags.iter().cloned()).collect()
    }

    fn tags_with_always(&self) -> BTreeSet<String> {
        let mut tags = self.tags();
        tags.insert("always".to_owned());
        tags
    }

    fn task(&self, task: &Arc<Task>) -> StepTask {
        let inner = self.inside(&task.keywords);
        StepTask {
            task: Arc::clone(task),
            tags: inner.tags(),
            role: inner.role,
            dependents: inner.dependents,
            keywords: inner.keywords,
        }
    }
}

struct Compiler<'a> {
    filter: &'a TagFilter,
    handlers: Vec<Arc<StepTask>>,
    steps: Steps,
    position: Vec<Position>,
}

impl Compiler<'_> {
    fn push(&mut self, kind: StepKind, task: Arc<StepTask>) {
        self.steps.list.push(Step { kind, task, position: self.position.clone() });
    }

    fn flush(&mut self) {
        for handler in self.handlers.clone() {
            self.push(StepKind::Handler, handler);
        }
    }

    fn entries(&mut self, entries: &[Entry], context: &Context) {
        for entry in entries {
            match entry {
                Entry::Task(task) => self.task(task, context),
                Entry::Block(block) => self.block(block, context),
            }
        }
    }

    fn task(&mut self, task: &Arc<Task>, context: &Context) {
        let step = context.task(task);
        let meta = step.task.action.module == "ansible.builtin.meta";
        if !self.filter.selects(&step.tags) && !(meta && self.filter.is_open()) {
            return;
        }
        let flushes = meta
            && step.task.action.arguments.iter().any(|(name, value)| {
                name == "_raw_params"
                    && value.as_str().is_some_and(|text| text.trim() == "flush_handlers")
            });
        self.push(StepKind::Task, Arc::new(step));
        if flushes {
            self.flush();
        }
    }

    fn block(&mut self, block: &Block, context: &Context) {
        let inner = context.inside(&block.keywords);
        if block.rescue.is_empty() && block.always.is_empty() {
            self.entries(&block.block, &inner);
            return;
        }
        let number = self.steps.blocks.len();
        self.steps.blocks.push(BlockSteps { block: 0..0, rescue: 0..0, always: 0..0 });
        let parts = [
            (Section::Block, &block.block),
            (Section::Rescue, &block.rescue),
            (Section::Always, &block.always),
        ];
        let ranges = parts.map(|(section, entries)| {
            let start = self.steps.list.len();
            self.position.push(Position { block: number, section });
            self.entries(entries, &inner);
            self.position.pop();
            start..self.steps.list.len()
        });
        let [block, rescue, always] = ranges;
        if let Some(slot) = self.steps.blocks.get_mut(number) {
            *slot = BlockSteps { block, rescue, always };
        }
    }

    fn role(&mut self, role: &Arc<Role>, context: &Context, done: &mut Vec<RoleUse>) {
        let usage = RoleUse::of(role);
        if !role.allow_duplicates && done.contains(&usage) {
            return;
        }
        done.push(usage);
        let inner = context.inside_role(role);
        for dependency in &role.dependencies {
            self.role(dependency, &inner, done);
        }
        self.entries(&role.tasks, &inner);
    }

    fn collect_handlers(&self, play: &Play) -> Result<Vec<Arc<StepTask>>, CompileError> {
        let context = Context::of_play(play);
        let mut found = Vec::new();
        for role in &play.roles {
            Self::role_handlers(role, &context, &mut found)?;
        }
        Self::handler_entries(&play.handlers, &context, &mut found)?;
        Ok(found)
    }

    fn role_handlers(
        role: &Arc<Role>,
        context: &Context,
        found: &mut Vec<Arc<StepTask>>,
    ) -> Result<(), CompileError> {
        let inner = context.inside_role(role);
        for dependency in &role.dependencies {
            Self::role_handlers(dependency, &inner, found)?;
        }
        let known =
            |step: &Arc<StepTask>| step.role.as_ref().is_some_and(|other| other.path == role.path);
        if found.iter().any(known) {
            return Ok(());
        }
        Self::handler_entries(&role.handlers, &inner, found)
    }

    fn handler_entries(
        entries: &[Entry],
        context: &Context,
        found: &mut Vec<Arc<StepTask>>,
    ) -> Result<(), CompileError> {
        for entry in entries {
            match entry {
                Entry::Task(task) => found.push(Arc::new(context.task(task))),
                // an import stands as a plain block around what it brought
                Entry::Block(block) if block.rescue.is_empty() && block.always.is_empty() => {
                    Self::handler_entries(&block.block, &context.inside(&block.keywords), found)?;
                }
                Entry::Block(block) => {
                    return Err(CompileError::BlockAsHandler { span: block.span.clone() });
                }
            }
        }
        Ok(())
    }
}

/// A role with what it is given: the same use runs only once in a play.
#[derive(PartialEq)]
struct RoleUse {
    path: std::path::PathBuf,
    given: String,
}

impl RoleUse {
    fn of(role: &Role) -> Self {
        let given = role
            .params
            .iter()
            .chain(&role.keywords.vars)
            .map(|(name, value)| format!("{name}={:?}", value.kind))
            .collect::<Vec<_>>()
            .join("\n");
        Self { path: role.path.clone(), given }
    }
}

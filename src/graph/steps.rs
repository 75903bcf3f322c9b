//! Compiles plays, included files and included roles into steps.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::Explain;
use crate::playbook::{Block, Entry, Keywords, Play, Role, Task};
use crate::source::{Kind, Node, Span};

use super::tags::TagFilter;

/// Steps in Ansible's order. Those of a play: facts, `pre_tasks`, roles, `tasks`, `post_tasks`,
/// with a flush of handlers behind each of the three parts.
#[derive(Debug, Default)]
pub struct Steps {
    /// The steps.
    pub list: Vec<Step>,
    /// The blocks that have a rescue or an always part.
    pub blocks: Vec<BlockSteps>,
    /// The handlers that the play, file or role brings, in the order in which they run.
    pub handlers: Vec<Arc<StepTask>>,
    /// The roles whose variables the whole play sees.
    pub exported: Vec<Arc<Role>>,
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
    /// Runs a task of a file that a handler included.
    InHandler,
    /// Runs the handlers that were notified so far: [`Steps::handlers`] of all that was compiled.
    Flush,
    /// A role is done.
    RoleEnd,
}

/// A task with all that it inherits.
#[derive(Debug, Clone)]
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
    /// The use of its role, where that runs only once.
    pub role_use: Option<RoleUse>,
}

impl StepTask {
    /// What it notifies: its own `notify`, else that of the nearest block.
    pub fn notify(&self) -> &[Node] {
        self.keywords
            .iter()
            .find(|level| !level.notify.is_empty())
            .map(|level| level.notify.as_slice())
            .unwrap_or_default()
    }
}

/// A role with what it is given: the same use runs only once on a host in a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoleUse(u64);

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
    /// Files or roles that include each other without an end.
    #[error("includes are nested more than {limit} deep")]
    NestedTooDeep {
        /// How deep they may nest.
        limit: usize,
        /// The include that goes too far.
        span: Span,
    },
}

impl Explain for CompileError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::BlockAsHandler { span } | Self::NestedTooDeep { span, .. } => Some(span),
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::BlockAsHandler { .. } => {
                "write the tasks of the block as handlers that `listen` to one topic"
            }
            Self::NestedTooDeep { .. } => "give the include a `when` that ends it",
        };
        vec![hint.to_owned()]
    }
}

impl Steps {
    /// Compiles a play; only steps that the tags select are in it.
    pub fn compile(play: &Play, filter: &TagFilter) -> Result<Self, CompileError> {
        let mut compiler = Compiler::new(filter, StepKind::Task);
        let context = Context::of_play(play);
        let facts = context.task(&Arc::new(gather_facts(play)));
        if filter.selects(&context.tags_with_always()) && !never_gathers(play) {
            compiler.push(StepKind::Facts, Arc::new(facts));
        }
        let flush = Arc::new(context.task(&Arc::new(flush_handlers(play))));
        compiler.entries(&play.pre_tasks, &context)?;
        compiler.push(StepKind::Flush, Arc::clone(&flush));
        for role in &play.roles {
            compiler.role(role, &context)?;
        }
        compiler.entries(&play.tasks, &context)?;
        compiler.push(StepKind::Flush, Arc::clone(&flush));
        compiler.entries(&play.post_tasks, &context)?;
        compiler.push(StepKind::Flush, flush);
        compiler.handler_entries(&play.handlers, &context)?;
        Ok(compiler.steps)
    }

    /// Compiles the entries of a file that a task included. They inherit the variables of the
    /// include and, of what stands around it, everything; `apply` stands around them as a block.
    pub fn of_file(
        include: &StepTask,
        entries: &[Entry],
        kind: StepKind,
        filter: &TagFilter,
    ) -> Result<Self, CompileError> {
        let mut compiler = Compiler::new(filter, kind);
        compiler.entries(entries, &Context::of_include(include))?;
        Ok(compiler.steps)
    }

    /// Compiles a role that a task included.
    pub fn of_role(
        include: &StepTask,
        role: &Arc<Role>,
        kind: StepKind,
        filter: &TagFilter,
    ) -> Result<Self, CompileError> {
        let mut compiler = Compiler::new(filter, kind);
        compiler.role(role, &Context::of_include(include))?;
        if !role.public {
            compiler.steps.exported.retain(|other| !Arc::ptr_eq(other, role));
        }
        Ok(compiler.steps)
    }

    /// The handlers as steps.
    pub fn of_handlers(handlers: &[Arc<StepTask>]) -> Self {
        let step = |handler: &Arc<StepTask>| Step {
            kind: StepKind::Handler,
            task: Arc::clone(handler),
            position: Vec::new(),
        };
        Self { list: handlers.iter().map(step).collect(), ..Self::default() }
    }
}

/// The task that runs handlers at the end of a part of the play.
fn flush_handlers(play: &Play) -> Task {
    Task::plain("Flush handlers", "ansible.builtin.meta", &play.span, &play.path)
}

/// Whether the play says `gather_facts: false` without a template.
fn never_gathers(play: &Play) -> bool {
    matches!(play.gather_facts.as_ref().map(|node| &node.kind), Some(Kind::Bool(false)))
}

/// The task that gathers facts.
fn gather_facts(play: &Play) -> Task {
    let module = "ansible.builtin.gather_facts";
    let mut task = Task::plain("Gathering Facts", module, &play.span, &play.path);
    task.action.arguments.clone_from(&play.gather_arguments);
    task.keywords = Arc::new(Keywords { tags: vec!["always".to_owned()], ..Keywords::default() });
    task
}

/// What an entry inherits.
#[derive(Clone)]
struct Context {
    role: Option<Arc<Role>>,
    role_use: Option<RoleUse>,
    dependents: Vec<Arc<Role>>,
    keywords: Vec<Arc<Keywords>>,
}

impl Context {
    fn of_play(play: &Play) -> Self {
        Self {
            role: None,
            role_use: None,
            dependents: Vec::new(),
            keywords: vec![Arc::clone(&play.keywords)],
        }
    }

    fn of_include(include: &StepTask) -> Self {
        let mut keywords: Vec<Arc<Keywords>> = include.keywords.iter().skip(1).cloned().collect();
        let own = &include.task.keywords;
        if !own.vars.is_empty() {
            let vars = own.vars.clone();
            let level = Keywords { vars, is_include: true, ..Keywords::default() };
            keywords.insert(0, Arc::new(level));
        }
        keywords.splice(0..0, include.task.apply.iter().cloned());
        Self {
            role: include.role.clone(),
            role_use: include.role_use,
            dependents: include.dependents.clone(),
            keywords,
        }
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
        inner.role_use = (!role.allow_duplicates).then(|| RoleUse::of(role));
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
            role_use: inner.role_use,
            dependents: inner.dependents,
            keywords: inner.keywords,
        }
    }
}

struct Compiler<'a> {
    filter: &'a TagFilter,
    /// What kind of steps the tasks become.
    kind: StepKind,
    steps: Steps,
    position: Vec<Position>,
}

impl<'a> Compiler<'a> {
    fn new(filter: &'a TagFilter, kind: StepKind) -> Self {
        Self { filter, kind, steps: Steps::default(), position: Vec::new() }
    }

    fn push(&mut self, kind: StepKind, task: Arc<StepTask>) {
        self.steps.list.push(Step { kind, task, position: self.position.clone() });
    }

    fn entries(&mut self, entries: &[Entry], context: &Context) -> Result<(), CompileError> {
        for entry in entries {
            match entry {
                Entry::Task(task) => self.task(task, context),
                Entry::Block(block) => self.block(block, context)?,
                Entry::Role(import) => {
                    self.role(&import.role, &context.inside(&import.keywords))?;
                }
            }
        }
        Ok(())
    }

    fn task(&mut self, task: &Arc<Task>, context: &Context) {
        let step = context.task(task);
        if !self.filter.selects(&step.tags) {
            return;
        }
        self.push(self.kind, Arc::new(step));
    }

    fn block(&mut self, block: &Block, context: &Context) -> Result<(), CompileError> {
        let inner = context.inside(&block.keywords);
        if block.rescue.is_empty() && block.always.is_empty() {
            return self.entries(&block.block, &inner);
        }
        let number = self.steps.blocks.len();
        self.steps.blocks.push(BlockSteps { block: 0..0, rescue: 0..0, always: 0..0 });
        let parts = [
            (Section::Block, &block.block),
            (Section::Rescue, &block.rescue),
            (Section::Always, &block.always),
        ];
        let mut ranges = [0..0, 0..0, 0..0];
        for ((section, entries), range) in parts.into_iter().zip(&mut ranges) {
            let start = self.steps.list.len();
            self.position.push(Position { block: number, section });
            let compiled = self.entries(entries, &inner);
            self.position.pop();
            compiled?;
            *range = start..self.steps.list.len();
        }
        let [block, rescue, always] = ranges;
        if let Some(slot) = self.steps.blocks.get_mut(number) {
            *slot = BlockSteps { block, rescue, always };
        }
        Ok(())
    }

    fn role(&mut self, role: &Arc<Role>, context: &Context) -> Result<(), CompileError> {
        let inner = context.inside_role(role);
        for dependency in &role.dependencies {
            self.role(dependency, &inner)?;
        }
        let known = |other: &Arc<StepTask>| {
            other.role.as_ref().is_some_and(|other| {
                other.path == role.path && other.files.handlers == role.files.handlers
            })
        };
        if !self.steps.handlers.iter().any(known) {
            self.handler_entries(&role.handlers, &inner)?;
        }
        self.steps.exported.push(Arc::clone(role));
        self.entries(&role.tasks, &inner)?;
        let mut end = Task::plain("Role end", "ansible.builtin.meta", &role.span, &role.path);
        end.keywords = Arc::default();
        self.push(StepKind::RoleEnd, Arc::new(inner.task(&Arc::new(end))));
        Ok(())
    }

    fn handler_entries(
        &mut self,
        entries: &[Entry],
        context: &Context,
    ) -> Result<(), CompileError> {
        for entry in entries {
            match entry {
                Entry::Task(task) => self.steps.handlers.push(Arc::new(context.task(task))),
                // an import stands as a plain block around what it brought
                Entry::Block(block) if block.rescue.is_empty() && block.always.is_empty() => {
                    self.handler_entries(&block.block, &context.inside(&block.keywords))?;
                }
                Entry::Block(block) => {
                    return Err(CompileError::BlockAsHandler { span: block.span.clone() });
                }
                Entry::Role(import) => {
                    return Err(CompileError::BlockAsHandler { span: import.role.span.clone() });
                }
            }
        }
        Ok(())
    }
}

impl RoleUse {
    fn of(role: &Role) -> Self {
        let mut hasher = DefaultHasher::new();
        role.name.hash(&mut hasher);
        plain(&role.path).hash(&mut hasher);
        for (name, value) in role.params.iter().chain(&role.keywords.vars) {
            name.hash(&mut hasher);
            hash_value(value, &mut hasher);
        }
        for condition in &role.keywords.when {
            hash_value(condition, &mut hasher);
        }
        role.keywords.tags.hash(&mut hasher);
        role.files.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The path in full, so that it is the same from wherever the role is used.
fn plain(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in full.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            _ => plain.push(part),
        }
    }
    plain
}

/// What a value says, wherever it stands.
fn hash_value(node: &Node, hasher: &mut DefaultHasher) {
    match &node.kind {
        Kind::Seq(elements) => elements.iter().for_each(|element| hash_value(element, hasher)),
        Kind::Map(entries) => entries.iter().for_each(|(name, value)| {
            hash_value(name, hasher);
            hash_value(value, hasher);
        }),
        Kind::Unsafe(inner) => hash_value(inner, hasher),
        scalar => format!("{scalar:?}").hash(hasher),
    }
}

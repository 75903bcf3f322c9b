//! The types that a playbook is parsed into.
//!
//! What may hold a template stays a [`Node`] and is rendered when its task runs; what may not is
//! parsed at once.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::PlaybookError;
use super::own_module::OwnModule;
use crate::source::{Node, Span};

/// A playbook file with all that it imports.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// The file.
    pub path: PathBuf,
    /// Its plays in order.
    pub plays: Vec<Arc<Play>>,
}

/// A play: hosts and what is done on them.
#[derive(Debug)]
pub struct Play {
    /// Its name; the host pattern where it has none.
    pub name: Option<Node>,
    /// The playbook file that it stands in.
    pub path: PathBuf,
    /// The host pattern: text or a list of texts.
    pub hosts: Node,
    /// Keywords that its tasks inherit (`vars` among them).
    pub keywords: Arc<Keywords>,
    /// `vars_prompt`: variables that are asked for before the play.
    pub vars_prompt: Vec<Prompt>,
    /// `vars_files`: each text, or a list of alternatives.
    pub vars_files: Vec<Node>,
    /// `gather_facts`.
    pub gather_facts: Option<Node>,
    /// `gather_subset`, `gather_timeout` and `fact_path`, as arguments of `setup`.
    pub gather_arguments: Vec<(String, Node)>,
    /// `serial`: a number, a percentage or a list of them.
    pub serial: Option<Node>,
    /// How hosts wait for each other; `None` takes the setting.
    pub strategy: Option<Strategy>,
    /// Whether the debugger opens when a task fails (`strategy: debug`).
    pub debugs: bool,
    /// `force_handlers`.
    pub force_handlers: Option<Node>,
    /// `max_fail_percentage`.
    pub max_fail_percentage: Option<Node>,
    /// `order`.
    pub order: Option<Node>,
    /// Tasks before the roles.
    pub pre_tasks: Vec<Entry>,
    /// Roles, their dependencies before them.
    pub roles: Vec<Arc<Role>>,
    /// Tasks.
    pub tasks: Vec<Entry>,
    /// Tasks at the end.
    pub post_tasks: Vec<Entry>,
    /// Handlers of the play (those of its roles stand in [`Role::handlers`]).
    pub handlers: Vec<Entry>,
    /// Where it starts.
    pub span: Span,
}

/// A variable of `vars_prompt`.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// The variable.
    pub name: String,
    /// The question; the name where there is none.
    pub question: Option<Node>,
    /// What an empty answer means.
    pub default: Option<Node>,
    /// Whether the answer is not shown.
    pub private: bool,
    /// Whether it is asked for twice.
    pub confirm: bool,
    /// The hash that is made of the answer: `encrypt`, with `salt` and `salt_size`.
    pub encrypt: Option<String>,
    /// `salt`
    pub salt: Option<String>,
    /// `salt_size`
    pub salt_size: Option<u32>,
    /// Whether the answer is data, never a template.
    pub is_unsafe: bool,
    /// Where it stands.
    pub span: Span,
}

/// How hosts wait for each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// All hosts of a batch end a task before any begins the next.
    #[default]
    Linear,
    /// Each host goes on at its own pace.
    Free,
    /// As `free`, and a host that has begun keeps its place among the forks until it is done.
    HostPinned,
    /// Each host goes on as soon as what its next task reads is there; hosts wait for each other
    /// only where the play couples them.
    Dag,
}

/// A role as used at one place of a play.
#[derive(Debug)]
pub struct Role {
    /// Its name as written.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Keywords of its use (`tags`, `when`, `become` …) with `vars:` of the use.
    pub keywords: Arc<Keywords>,
    /// Role parameters: further keys of its use.
    pub params: Vec<(String, Node)>,
    /// `defaults/main`.
    pub defaults: Vec<(String, Node)>,
    /// `vars/main`.
    pub vars: Vec<(String, Node)>,
    /// The roles of `meta/main` `dependencies`, which run before it.
    pub dependencies: Vec<Arc<Role>>,
    /// `tasks/main`.
    pub tasks: Vec<Entry>,
    /// `handlers/main`.
    pub handlers: Vec<Entry>,
    /// Whether the same use may run again: `meta/main` or the import says
    /// `allow_duplicates: true`.
    pub allow_duplicates: bool,
    /// Whether the whole play sees its `defaults` and `vars`.
    pub public: bool,
    /// The files that are read in place of `main`.
    pub files: RoleFiles,
    /// Where it is used.
    pub span: Span,
}

impl Role {
    /// The collection that it comes from.
    pub fn collection(&self) -> Option<String> {
        let collection = super::collections::collection_of(&self.path)?;
        let behind = self.name.strip_prefix(&collection)?;
        behind.starts_with('.').then_some(collection)
    }

    /// Whether it has variables that the whole play sees.
    pub fn gives_variables(&self) -> bool {
        self.public && !(self.vars.is_empty() && self.defaults.is_empty())
    }
}

/// The files of a role that a use names: `tasks_from`, `handlers_from`, `defaults_from`,
/// `vars_from`. `None` is `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RoleFiles {
    /// `tasks_from`
    pub tasks: Option<String>,
    /// `handlers_from`
    pub handlers: Option<String>,
    /// `defaults_from`
    pub defaults: Option<String>,
    /// `vars_from`
    pub vars: Option<String>,
}

/// `import_role`: a role where a task could stand.
#[derive(Debug)]
pub struct RoleImport {
    /// Keywords of the import, `vars` among them.
    pub keywords: Arc<Keywords>,
    /// The role.
    pub role: Arc<Role>,
}

/// A task or a block.
#[derive(Debug, Clone)]
pub enum Entry {
    /// One task.
    Task(Arc<Task>),
    /// Tasks that share keywords, with rescue and always.
    Block(Arc<Block>),
    /// A role that was imported.
    Role(Arc<RoleImport>),
}

/// `block`, `rescue`, `always`.
#[derive(Debug)]
pub struct Block {
    /// Its name.
    pub name: Option<Node>,
    /// Keywords that its tasks inherit.
    pub keywords: Arc<Keywords>,
    /// What is done.
    pub block: Vec<Entry>,
    /// What is done when something in `block` failed.
    pub rescue: Vec<Entry>,
    /// What is done in any case.
    pub always: Vec<Entry>,
    /// Where it starts.
    pub span: Span,
}

/// A task or a handler.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name; may hold a template.
    pub name: Option<Node>,
    /// What it does.
    pub action: Action,
    /// Keywords that it shares with blocks and plays.
    pub keywords: Arc<Keywords>,
    /// `loop`.
    pub r#loop: Option<Loop>,
    /// `loop_control`.
    pub loop_control: LoopControl,
    /// `register`.
    pub register: Option<String>,
    /// `apply` of an include: keywords of what it includes.
    pub apply: Option<Arc<Keywords>>,
    /// `listen` of a handler: texts.
    pub listen: Vec<Node>,
    /// `changed_when`: conditions that must all hold.
    pub changed_when: Option<Vec<Node>>,
    /// `failed_when`: conditions that must all hold.
    pub failed_when: Option<Vec<Node>>,
    /// `until`: conditions that must all hold.
    pub until: Option<Vec<Node>>,
    /// `retries`.
    pub retries: Option<Node>,
    /// `delay` in seconds.
    pub delay: Option<Node>,
    /// `async`: seconds that it may take as a job of its own.
    pub r#async: Option<Node>,
    /// `poll`: seconds between two looks at the job; 0 leaves it alone.
    pub poll: Option<Node>,
    /// The file that it stands in (search paths start from its folder).
    pub path: PathBuf,
    /// Where it starts.
    pub span: Span,
}

/// What a task does: a module with arguments.
#[derive(Debug, Clone)]
pub struct Action {
    /// Fully qualified name of the module.
    pub module: String,
    /// The name as written.
    pub written: String,
    /// Where the name stands.
    pub span: Span,
    /// Its arguments: `key=value` text, mapping and `args:` in one; free-form text is
    /// `_raw_params`.
    pub arguments: Vec<(String, Node)>,
    /// The place of each argument's name, as far as it has one, in the order of `arguments`.
    pub argument_spans: Vec<Span>,
    /// The name as a template, where only the run tells it; [`Action::module`] is empty then.
    pub template: Option<Node>,
    /// The program that the module is, where it is the user's own.
    pub own: Option<Arc<OwnModule>>,
    /// Why what lies in the place of such a module cannot run.
    pub refused: Option<String>,
    /// What is said of the module, which is not there, unless the task never runs.
    pub missing: Option<Arc<PlaybookError>>,
    /// `args: "{{ variable }}"` or the whole argument as one template.
    pub variable_arguments: Option<Node>,
}

impl Action {
    /// What a task without a name goes by: its module as written, and the role that it includes.
    pub fn described(&self) -> String {
        let is_role = |(name, _): &&(String, Node)| matches!(name.as_str(), "name" | "role");
        match self.arguments.iter().find(is_role) {
            Some((_, role)) if self.module == "ansible.builtin.include_role" => {
                format!("{} : {}", self.written, role.as_str().unwrap_or_default())
            }
            _ => self.written.clone(),
        }
    }
}

/// What a task repeats over.
#[derive(Debug, Clone)]
pub struct Loop {
    /// The lookup of `with_<lookup>`; `None` is `loop`.
    pub lookup: Option<String>,
    /// The list, or what the lookup gets.
    pub value: Node,
}

/// `loop_control`.
#[derive(Debug, Clone, Default)]
pub struct LoopControl {
    /// Name of the loop variable; `item` by default.
    pub loop_var: Option<Node>,
    /// Name of a variable with the index, from 0.
    pub index_var: Option<Node>,
    /// What is shown for an item.
    pub label: Option<Node>,
    /// Seconds between items.
    pub pause: Option<Node>,
    /// Whether `ansible_loop` is set.
    pub extended: Option<Node>,
    /// Whether `ansible_loop.allitems` is set.
    pub extended_allitems: Option<Node>,
    /// Conditions that end the loop.
    pub break_when: Option<Vec<Node>>,
}

/// Keywords that plays, roles, blocks and tasks share; the nearest to the task wins, except where
/// it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Keywords {
    /// Conditions; those of all levels must hold.
    pub when: Vec<Node>,
    /// Tags; those of all levels count.
    pub tags: Vec<String>,
    /// Variables.
    pub vars: Vec<(String, Node)>,
    /// Whether they are those of an include, which win over `set_fact` and `register`.
    pub is_include: bool,
    /// `notify`: texts; the nearest level that has some counts.
    pub notify: Vec<Node>,
    /// `module_defaults`: mappings from modules to arguments, or templates; outer ones first, later
    /// ones win.
    pub module_defaults: Vec<Node>,
    /// The groups that `module_defaults` names.
    pub action_groups: Vec<super::ActionGroup>,
    /// `collections`: where names without a dot are looked for first.
    pub collections: Vec<String>,
    /// Environment: mappings or templates; outer ones first, later ones win.
    pub environment: Vec<Node>,
    /// `become`.
    pub r#become: Option<Node>,
    /// `become_user`.
    pub become_user: Option<Node>,
    /// `become_method`.
    pub become_method: Option<Node>,
    /// `become_flags`.
    pub become_flags: Option<Node>,
    /// `become_exe`.
    pub become_exe: Option<Node>,
    /// `connection`.
    pub connection: Option<Node>,
    /// `remote_user`.
    pub remote_user: Option<Node>,
    /// `port`.
    pub port: Option<Node>,
    /// `ignore_errors`.
    pub ignore_errors: Option<Node>,
    /// `ignore_unreachable`.
    pub ignore_unreachable: Option<Node>,
    /// `no_log`.
    pub no_log: Option<Node>,
    /// `delegate_to`.
    pub delegate_to: Option<Node>,
    /// `delegate_facts`.
    pub delegate_facts: Option<Node>,
    /// `run_once`.
    pub run_once: Option<Node>,
    /// `check_mode`.
    pub check_mode: Option<Node>,
    /// `diff`.
    pub diff: Option<Node>,
    /// `any_errors_fatal`.
    pub any_errors_fatal: Option<Node>,
    /// `throttle`.
    pub throttle: Option<Node>,
    /// `timeout` in seconds.
    pub timeout: Option<Node>,
    /// `debugger`: when someone is let look at the task.
    pub debugger: Option<Node>,
}

impl Keywords {
    /// All values that may hold templates, apart from `vars`.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        let single = [
            &self.r#become,
            &self.become_user,
            &self.become_method,
            &self.become_flags,
            &self.become_exe,
            &self.connection,
            &self.remote_user,
            &self.port,
            &self.ignore_errors,
            &self.ignore_unreachable,
            &self.no_log,
            &self.delegate_to,
            &self.delegate_facts,
            &self.run_once,
            &self.check_mode,
            &self.diff,
            &self.any_errors_fatal,
            &self.throttle,
            &self.timeout,
            &self.debugger,
        ];
        let lists = [&self.when, &self.notify, &self.module_defaults, &self.environment];
        single.into_iter().flatten().chain(lists.into_iter().flatten())
    }
}

impl Task {
    /// A task of one module, without arguments or keywords.
    pub fn plain(name: &str, module: &str, span: &Span, path: &std::path::Path) -> Self {
        Self {
            name: Some(Node::text(name, span.clone())),
            action: Action {
                module: module.to_owned(),
                written: module.to_owned(),
                span: span.clone(),
                arguments: Vec::new(),
                argument_spans: Vec::new(),
                template: None,
                variable_arguments: None,
                own: None,
                refused: None,
                missing: None,
            },
            keywords: Arc::default(),
            r#loop: None,
            loop_control: LoopControl::default(),
            register: None,
            apply: None,
            listen: Vec::new(),
            changed_when: None,
            failed_when: None,
            until: None,
            retries: None,
            delay: None,
            r#async: None,
            poll: None,
            path: path.to_owned(),
            span: span.clone(),
        }
    }
}

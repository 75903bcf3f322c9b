//! `ansible.builtin.include_tasks` and `include_role`: tasks that come while the play runs.

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::playbook::{RoleFiles, RoleInclude, Task};
use crate::source::{Kind, Node};

use super::{ActionError, ActionInput, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.include_tasks`.
    pub struct IncludeTasksParams {
        /// The file.
        file: Option<String>,
        /// The file, as free form.
        _raw_params: Option<String>,
        /// Keywords of the included tasks; taken out when the task is read.
        apply: Option<Map<String, Json>>,
    }
    rules [
        params::Rule::RequiredOneOf(&["file", "_raw_params"]),
    ]
}

params! {
    /// Parameters of `ansible.builtin.include_role`.
    pub struct IncludeRoleParams {
        /// The role.
        name ("role"): String,
        /// The file in `tasks`.
        tasks_from: String = "main".to_owned(),
        /// The file in `vars`.
        vars_from: String = "main".to_owned(),
        /// The file in `defaults`.
        defaults_from: String = "main".to_owned(),
        /// The file in `handlers`.
        handlers_from: String = "main".to_owned(),
        /// Whether the role runs again where it has run.
        allow_duplicates: bool = true,
        /// Whether the whole play sees the role's variables.
        public: Option<bool>,
        /// Whether the role's argument specification is checked.
        rolespec_validate: bool = true,
        /// Keywords of the role's tasks; taken out when the task is read.
        apply: Option<Map<String, Json>>,
    }
}

/// What a task wants to include.
pub(crate) enum Include {
    /// A file of tasks, as written.
    Tasks(String),
    /// A role.
    Role(RoleInclude),
}

/// An include, and the fields of its result.
pub(crate) struct IncludeCall {
    pub what: Include,
    pub returned: Map<String, Json>,
}

/// What a task includes, where no template has a say in it.
pub(crate) fn as_written(task: &Task) -> Option<Include> {
    let action = &task.action;
    if action.template.is_some() || action.variable_arguments.is_some() {
        return None;
    }
    let arguments = action.arguments.iter();
    let arguments = arguments.map(|(name, node)| Some((name.clone(), plain(node)?)));
    let arguments: Map<String, Json> = arguments.collect::<Option<_>>()?;
    let call = match action.module.as_str() {
        "ansible.builtin.include_tasks" => tasks_call(arguments),
        "ansible.builtin.include_role" => role_call(arguments),
        _ => return None,
    };
    call.ok().map(|call| call.what)
}

/// A value without a template.
fn plain(node: &Node) -> Option<Json> {
    match &node.kind {
        Kind::Str(text) if !text.value.contains('{') => Some(Json::from(text.value.as_str())),
        Kind::Bool(value) => Some(Json::from(*value)),
        _ => None,
    }
}

pub(super) fn tasks(
    _input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    tasks_call(arguments).map(Prepared::Include)
}

fn tasks_call(arguments: Map<String, Json>) -> Result<IncludeCall, ActionError> {
    let params: IncludeTasksParams = parse("ansible.builtin.include_tasks", &arguments)?;
    let file = params.file.or(params._raw_params).unwrap_or_default().trim().to_owned();
    let mut returned = Map::new();
    returned.insert("include".to_owned(), Json::from(file.as_str()));
    returned.insert("include_args".to_owned(), Json::Object(Map::new()));
    Ok(IncludeCall { what: Include::Tasks(file), returned })
}

pub(super) fn role(
    _input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    role_call(arguments).map(Prepared::Include)
}

fn role_call(arguments: Map<String, Json>) -> Result<IncludeCall, ActionError> {
    let params: IncludeRoleParams = parse("ansible.builtin.include_role", &arguments)?;
    let mut returned = Map::new();
    returned.insert("include".to_owned(), Json::from(params.name.as_str()));
    returned.insert("include_args".to_owned(), Json::Object(arguments));
    let from = |name: String| (name != "main").then_some(name);
    let role = RoleInclude {
        name: params.name,
        files: RoleFiles {
            tasks: from(params.tasks_from),
            handlers: from(params.handlers_from),
            defaults: from(params.defaults_from),
            vars: from(params.vars_from),
        },
        public: params.public.or_else(crate::settings::public_roles).unwrap_or(false),
        allow_duplicates: params.allow_duplicates,
        validate: params.rolespec_validate,
    };
    Ok(IncludeCall { what: Include::Role(role), returned })
}

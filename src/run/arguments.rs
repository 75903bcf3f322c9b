//! Arguments of a task: rendered, checked, handed to an action or to the runner.

use canvass_modules::params::{OptionSpec, ParamValue as _};
use canvass_modules::registry;
use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::graph::StepTask;
use crate::playbook::{Action, GROUP_PREFIX, group_name, key_values, qualify};
use crate::report::event::ErrorCause;
use crate::source::{Kind, Node, Place};
use crate::template::{Templar, TemplateError, TemplateErrorKind, is_omit, to_json};
use crate::vars::Scope;

use super::action::{self, ActionError, ActionInput, After, Prepared, RemoteCall};
use super::causes;

/// Arguments of an item.
pub(super) struct Rendered {
    pub arguments: Map<String, Json>,
    /// The same as values, with what JSON does not tell: vault, dates.
    pub values: IndexMap<String, Value>,
    /// Values that must never show.
    pub secrets: Vec<String>,
}

/// Why arguments cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgumentError {
    /// A template in one of them cannot be rendered.
    #[error(
        "Task failed: Finalization of task args for '{module}' failed: Error while resolving \
         value for '{argument}': {error}"
    )]
    Render { module: String, argument: String, error: TemplateError, place: Option<Place> },
    /// The template that stands for all of them cannot be rendered.
    #[error("Task failed: Finalization of task args for '{module}' failed: {error}")]
    Whole { module: String, error: TemplateError },
    /// A name that can be no variable.
    #[error("Task failed: Invalid variable name {0}.")]
    VariableName(String),
    /// The whole is no mapping.
    #[error(
        "Task failed: Finalization of task args for '{module}' failed: Task args must resolve to \
         a 'dict' not '{got}'."
    )]
    NoMapping { module: String, got: &'static str, place: Place },
}

impl ArgumentError {
    /// Why they are unknown, if they are.
    pub(super) fn unknown(&self) -> Option<String> {
        match self {
            Self::Render {
                error: TemplateError { kind: TemplateErrorKind::Unknown(reason), .. },
                ..
            }
            | Self::Whole {
                error: TemplateError { kind: TemplateErrorKind::Unknown(reason), .. },
                ..
            } => Some(reason.clone()),
            _ => None,
        }
    }
}

impl ArgumentError {
    /// What led to it, in a task that stands here.
    pub(super) fn causes(&self, task: Place) -> Vec<ErrorCause> {
        let (module, why) = match self {
            Self::Render { module, argument, error, place } => {
                let said = format!("Error while resolving value for '{argument}'");
                (module, causes::within(&said, place.clone(), error))
            }
            Self::Whole { module, error } => (module, causes::of_template(error)),
            Self::NoMapping { module, got, place } => {
                let message = format!("Task args must resolve to a 'dict' not '{got}'.");
                (module, vec![ErrorCause::new(message, Some(place.clone()))])
            }
            Self::VariableName(name) => return invalid_name(name, task),
        };
        let message = format!("Task failed: Finalization of task args for '{module}' failed.");
        let mut all = vec![ErrorCause::new(message, Some(task))];
        all.extend(why);
        all
    }
}

/// What led to it where a name, quoted, can be no variable.
pub(super) fn invalid_name(name: &str, task: Place) -> Vec<ErrorCause> {
    let help = "Variable names must be strings starting with a letter or underscore character, \
                and contain only letters, numbers and underscores.";
    let message = format!("Invalid variable name {name}.");
    vec![
        ErrorCause::new("Task failed.", Some(task)),
        ErrorCause { help: Some(help.to_owned()), ..ErrorCause::new(message, None) },
    ]
}

/// Renders the arguments of a task; those that are `omit` are left out.
pub(super) fn render(
    templar: &Templar,
    scope: &Scope,
    step: &StepTask,
) -> Result<Rendered, ArgumentError> {
    let action = &step.task.action;
    let module = &action.module;
    let failed = |argument: &str, node: &Node, error: TemplateError| ArgumentError::Render {
        module: module.clone(),
        argument: argument.to_owned(),
        place: Some(node.span.place()),
        error,
    };
    let expressions = action::find(module).map_or(&[] as &[&str], |entry| entry.expressions);
    let mut arguments = Map::new();
    let mut values = IndexMap::new();
    if let Some(whole) = &action.variable_arguments {
        let failed = |error| ArgumentError::Whole { module: module.clone(), error };
        let value = templar.node(whole, scope).map_err(failed)?;
        match to_json(&value).map_err(failed)? {
            Json::Object(map) => arguments = map,
            Json::Null => {}
            // `key=value` text that a template gave
            Json::String(text) if key_values(&text).is_some() => {
                let pairs = key_values(&text).unwrap_or_default();
                arguments.extend(pairs.into_iter().map(|(name, value)| (name, Json::from(value))));
            }
            _ => {
                return Err(ArgumentError::NoMapping {
                    module: module.clone(),
                    got: crate::template::type_name(&value),
                    place: whole.span.place(),
                });
            }
        }
    }
    let given = |name: &str| {
        arguments.contains_key(name) || action.arguments.iter().any(|(written, _)| written == name)
    };
    for (name, value) in defaults(templar, scope, step, given)? {
        arguments.entry(name).or_insert(value);
    }
    for (name, node) in &action.arguments {
        if expressions.contains(&name.as_str()) {
            let value = match &node.kind {
                Kind::Unsafe(inner) => inner.as_str().map(Json::from),
                _ => match node.as_str() {
                    Some(text) => Some(Json::from(text)),
                    // it is no expression, which the action tells
                    None => templar.node(node, scope).ok().and_then(|it| to_json(&it).ok()),
                },
            };
            arguments.insert(name.clone(), value.unwrap_or_default());
            continue;
        }
        let value = templar.node(node, scope).map_err(|error| failed(name, node, error))?;
        if is_omit(&value) {
            continue;
        }
        let name = argument_name(templar, scope, module, name, &node.span)?;
        let json = to_json(&value).map_err(|error| failed(&name, node, error))?;
        arguments.insert(name.clone(), json);
        values.insert(name, value);
    }
    let secrets = options(module).map(|options| secrets(&options, &arguments)).unwrap_or_default();
    Ok(Rendered { arguments, values, secrets })
}

/// What `module_defaults` of all levels give to the module of a task: of each name the nearest
/// level's arguments alone; those of groups come before those of the module.
fn defaults(
    templar: &Templar,
    scope: &Scope,
    step: &StepTask,
    given: impl Fn(&str) -> bool,
) -> Result<Map<String, Json>, ArgumentError> {
    let module = &step.task.action.module;
    let failed = |argument: &str, error: TemplateError| ArgumentError::Render {
        module: module.clone(),
        argument: argument.to_owned(),
        place: error.way.asked.as_ref().or(error.span.as_ref()).map(crate::source::Span::place),
        error,
    };
    let whole = |error| failed("module_defaults", error);
    let mut named: IndexMap<String, Given<'_>> = IndexMap::new();
    let levels = step.keywords.iter().rev().flat_map(|level| &level.module_defaults);
    for node in levels {
        match &node.kind {
            Kind::Map(entries) => {
                let entries = entries.iter().filter_map(|(name, value)| {
                    Some((default_name(name.as_str()?), Given::Written(value)))
                });
                named.extend(entries);
            }
            _ => {
                let rendered = templar.node(node, scope).map_err(whole)?;
                for name in rendered.try_iter().into_iter().flatten() {
                    let Some(key) = name.as_str().map(default_name) else { continue };
                    named
                        .insert(key, Given::Rendered(rendered.get_item(&name).unwrap_or_default()));
                }
            }
        }
    }
    let groups = step.keywords.iter().flat_map(|level| &level.action_groups);
    let groups: Vec<&str> = groups
        .filter(|group| group.modules.contains(module))
        .map(|group| group.name.as_str())
        .collect();
    let is_group =
        |name: &str| name.strip_prefix(GROUP_PREFIX).is_some_and(|it| groups.contains(&it));
    let (of_groups, of_module): (Vec<_>, Vec<_>) = named
        .iter()
        .filter(|(name, _)| *name == module || is_group(name))
        .partition(|(name, _)| *name != module);
    let mut defaults = Map::new();
    for (_, arguments) in of_groups.into_iter().chain(of_module) {
        // each is rendered for itself: those of other modules may need what is not there
        let arguments = match arguments {
            Given::Written(Node { kind: Kind::Map(entries), .. }) => {
                for (name, node) in entries {
                    let Some(name) = name.as_str().filter(|name| !given(name)) else { continue };
                    let value = templar.node(node, scope).map_err(|error| failed(name, error))?;
                    if is_omit(&value) {
                        continue;
                    }
                    let json = to_json(&value).map_err(|error| failed(name, error))?;
                    defaults.insert(name.to_owned(), json);
                }
                continue;
            }
            Given::Written(node) => templar.node(node, scope).map_err(whole)?,
            Given::Rendered(value) => value.clone(),
        };
        if let Json::Object(arguments) = to_json(&arguments).map_err(whole)? {
            defaults.extend(arguments);
        }
    }
    Ok(defaults)
}

/// Defaults of a module or a group.
enum Given<'s> {
    /// As they stand in a playbook.
    Written(&'s Node),
    /// As a template gave them.
    Rendered(Value),
}

/// The full name of a key of `module_defaults`.
fn default_name(written: &str) -> String {
    match written.strip_prefix(GROUP_PREFIX) {
        Some(group) => format!("{GROUP_PREFIX}{}", group_name(group)),
        None => qualify(written),
    }
}

/// The name of an argument; `set_fact` alone takes templates there.
fn argument_name(
    templar: &Templar,
    scope: &Scope,
    module: &str,
    name: &str,
    span: &crate::source::Span,
) -> Result<String, ArgumentError> {
    if module != "ansible.builtin.set_fact" || !crate::template::holds_template(name) {
        return Ok(name.to_owned());
    }
    let key = crate::source::Node::text(name, span.clone());
    let value = templar.node(&key, scope).map_err(|error| ArgumentError::Render {
        module: module.to_owned(),
        argument: name.to_owned(),
        place: error.span.as_ref().map(crate::source::Span::place),
        error,
    })?;
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => {
            let kind = crate::template::type_name(&value);
            Err(ArgumentError::VariableName(format!("'{value}' of type '{kind}'")))
        }
    }
}

fn options(module: &str) -> Option<Vec<OptionSpec>> {
    match action::find(module) {
        Some(entry) => entry.options.map(|options| options()),
        None => registry::find(module).map(|entry| (entry.options)()),
    }
}

/// Values of secret options; `NAME_no_log` says whether the option `NAME` is one.
fn secrets(options: &[OptionSpec], arguments: &Map<String, Json>) -> Vec<String> {
    let hidden = |option: &&OptionSpec| {
        let switch = arguments.get(&format!("{}_no_log", option.name));
        switch.is_some_and(|value| bool::from_json(value).unwrap_or_default())
    };
    let secret = options.iter().filter(|option| option.secret || hidden(option));
    secret
        .flat_map(|option| std::iter::once(option.name).chain(option.aliases.iter().copied()))
        .filter_map(|name| Some(canvass_modules::params::plain(arguments.get(name)?)))
        .filter(|text| !text.is_empty())
        .collect()
}

/// Hands the arguments to the controller's action, or to the runner's module after a check.
pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    hand_over(input, arguments).map_err(|error| match error {
        ActionError::Parameters(errors) => {
            let name = error_name(&input.step.task.action);
            let errors = errors.into_iter().map(|error| error.named(&name)).collect();
            ActionError::Parameters(errors)
        }
        error => error,
    })
}

fn hand_over(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let action = &input.step.task.action;
    if action.module == "ansible.builtin.shell" && arguments.contains_key("expand_argument_vars") {
        return Err(ActionError::Include(format!(
            "Unsupported parameters for ({}) module: expand_argument_vars",
            action.written
        )));
    }
    let module = &input.step.task.action.module;
    let takes_text = match action::find(module) {
        _ if action.own.is_some() => false,
        Some(entry) => entry.free_form,
        None => registry::find(module).is_none_or(|entry| entry.free_form),
    };
    if !takes_text && arguments.contains_key("_raw_params") {
        let text = format!("Action '{}' does not support raw params.", action.written);
        return Err(ActionError::Include(text));
    }
    if let Some(own) = &action.own {
        return action::prepare_own(input, arguments, own);
    }
    if let Some(entry) = action::find(module) {
        return (entry.prepare)(input, arguments);
    }
    let Some(entry) = registry::find(module) else {
        if let Some(missing) = &action.missing {
            return Err(ActionError::Include(missing.kind.to_string()));
        }
        let why = action.refused.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        return Err(ActionError::Include(format!("module `{module}` is not supported yet{why}")));
    };
    (entry.check)(&arguments).map_err(ActionError::Parameters)?;
    Ok(Prepared::Remote(RemoteCall {
        module: module.clone(),
        arguments,
        source: None,
        after: After::Nothing,
    }))
}

/// The name by which Ansible's errors call a module: as written, but for those that run through
/// an action of their own.
fn error_name(action: &Action) -> String {
    match action.module.strip_prefix("ansible.builtin.") {
        Some("command" | "shell") => "ansible.legacy.command".to_owned(),
        Some(name @ ("copy" | "uri" | "unarchive")) => format!("ansible.legacy.{name}"),
        _ => action.written.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_option_is_secret_where_another_says_so() {
        let options = options("ansible.posix.mount").unwrap();
        for (switch, expected) in [
            (json!(true), vec!["password=swordfish"]),
            (json!("yes"), vec!["password=swordfish"]),
            (json!(false), vec![]),
            (json!(null), vec![]),
        ] {
            let arguments = json!({"opts": "password=swordfish", "opts_no_log": switch});
            assert_eq!(secrets(&options, arguments.as_object().unwrap()), expected, "{switch}");
        }
    }
}

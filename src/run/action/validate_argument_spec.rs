//! `ansible.builtin.validate_argument_spec`: checks variables against a specification.

use canvass_modules::params;
use serde_json::{Map, Value as Json};

use crate::run::argument_spec;
use crate::template::to_json;

use super::{ActionError, ActionInput, Finished, Prepared, parse};

params! {
    /// Parameters of `ansible.builtin.validate_argument_spec`.
    pub struct ValidateParams {
        /// The options by name.
        argument_spec: Map<String, Json>,
        /// Values that win over variables of their names.
        provided_arguments: Option<Map<String, Json>>,
        /// What the result says of what was checked.
        validate_args_context: Option<Map<String, Json>>,
    }
}

pub(super) fn prepare(
    input: &ActionInput<'_>,
    arguments: Map<String, Json>,
) -> Result<Prepared, ActionError> {
    let params: ValidateParams = parse("ansible.builtin.validate_argument_spec", &arguments)?;
    let spec = params.argument_spec;
    let mut values = Map::new();
    for name in spec.keys() {
        if let Some(var) = input.scope.find(name) {
            let value = input.templar.var(var, input.scope).and_then(|value| to_json(&value))?;
            values.insert(name.clone(), value);
        }
    }
    values.extend(params.provided_arguments.unwrap_or_default());
    let secrets = argument_spec::secrets(&spec, &values);
    let mut errors = argument_spec::validate(&spec, &mut values);
    for secret in &secrets {
        for error in &mut errors {
            *error = error.replace(secret.as_str(), "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER");
        }
    }
    let mut returned = Map::new();
    let context = params.validate_args_context.unwrap_or_default();
    returned.insert("validate_args_context".to_owned(), Json::Object(context));
    if errors.is_empty() {
        returned.insert("msg".to_owned(), Json::from("The arg spec validation passed"));
        return Ok(Prepared::Done(Finished::ok(returned)));
    }
    let message = format!("Validation of arguments failed:\n{}", errors.join("\n"));
    returned.insert("msg".to_owned(), Json::from(message));
    returned.insert("argument_spec_data".to_owned(), Json::Object(spec));
    returned.insert("argument_errors".to_owned(), Json::from(errors));
    Ok(Prepared::Done(Finished { failed: true, ..Finished::ok(returned) }))
}

//! `ansible.utils.validate`.

use minijinja::Value;

use super::Request;
use crate::template::failure::{Failure, Outcome};
use crate::template::filters;

/// `validate`
pub(super) fn validate(request: &Request<'_>) -> Outcome<Vec<Value>> {
    let [data, criteria, ..] = request.terms.as_slice() else {
        return Err(Failure::failed(
            "missing either 'data' or 'criteria' value in lookup input, refer \
             ansible.utils.validate lookup plugin documentation for details",
        ));
    };
    // a variable sets an option of the engine, too
    let option = |name: &str| match request.options.iter().find(|(option, _)| option == name) {
        Some((_, value)) => Ok(Some(value.clone())),
        None if name == "engine" => Ok(None),
        None => Ok(request.scope.lookup(&format!("ansible_validate_jsonschema_{name}"))?),
    };
    filters::validate(data, criteria, &option)
}

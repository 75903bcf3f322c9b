//! Checks values against an argument specification, as `validate_argument_spec` and roles with
//! `meta/argument_specs` do.
//!
//! The rules and the wording of what is wrong are those of ansible-core 2.19:
//! <https://docs.ansible.com/ansible-core/2.19/dev_guide/developing_program_flow_modules.html#argument-spec>.

mod types;

use serde_json::{Map, Value as Json};

use crate::template::json_text as python_text;

/// An argument specification: options by name.
type Spec = Map<String, Json>;

/// What is wrong with values, in the order in which Ansible tells it.
pub(crate) fn validate(spec: &Spec, values: &mut Map<String, Json>) -> Vec<String> {
    let mut checker = Checker::default();
    let rules = Map::new();
    checker.level(spec, values, &rules);
    checker.nested(spec, values);
    checker.unsupported_last();
    checker.errors
}

/// Values of options that say `no_log`, to be masked.
pub(crate) fn secrets(spec: &Spec, values: &Map<String, Json>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, option) in spec {
        let Some(value) = given(option, name, values) else { continue };
        if flag(option, "no_log") {
            found.push(python_text(value));
        }
        if let Some(options) = option.get("options").and_then(Json::as_object) {
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for element in elements.iter().filter_map(Json::as_object) {
                found.extend(secrets(options, element));
            }
        }
    }
    found.retain(|text| !text.is_empty());
    found
}

fn given<'v>(option: &Json, name: &str, values: &'v Map<String, Json>) -> Option<&'v Json> {
    values.get(name).or_else(|| aliases(option).iter().find_map(|alias| values.get(*alias)))
}

fn flag(option: &Json, name: &str) -> bool {
    option.get(name).is_some_and(|value| types::boolean(value) == Some(true))
}

fn aliases(option: &Json) -> Vec<&str> {
    let aliases = option.get("aliases").and_then(Json::as_array);
    aliases.into_iter().flatten().filter_map(Json::as_str).collect()
}

#[derive(Default)]
struct Checker {
    errors: Vec<String>,
    /// The options that nest around what is checked.
    around: Vec<String>,
    /// Names that no option has, and those that there are.
    unsupported: Vec<(String, String)>,
}

impl Checker {
    fn found_in(&self, message: String) -> String {
        match self.around.is_empty() {
            true => message,
            false => format!("{message} found in {}", self.around.join(" -> ")),
        }
    }

    fn error(&mut self, message: String) {
        let message = self.found_in(message);
        self.errors.push(message);
    }

    /// One level of options with the rules between them.
    fn level(&mut self, spec: &Spec, values: &mut Map<String, Json>, rules: &Spec) {
        for (name, option) in spec {
            for alias in aliases(option) {
                if let Some(value) = values.get(alias).cloned() {
                    values.insert(name.clone(), value);
                }
            }
        }
        self.unsupported(spec, values);
        self.exclusive(rules, values);
        defaults(spec, values, false);
        let mut missing: Vec<&str> = spec
            .iter()
            .filter(|(name, option)| flag(option, "required") && !values.contains_key(*name))
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            self.error(format!("missing required arguments: {}", missing.join(", ")));
        }
        self.types(spec, values);
        self.choices(spec, values);
        self.rules(rules, values);
        defaults(spec, values, true);
    }

    fn unsupported(&mut self, spec: &Spec, values: &Map<String, Json>) {
        let known = |name: &str| {
            spec.iter().any(|(option, about)| option == name || aliases(about).contains(&name))
        };
        let mut names: Vec<&str> = spec.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut others: Vec<&str> = spec.values().flat_map(aliases).collect();
        others.sort_unstable();
        let mut supported = names.join(", ");
        if !others.is_empty() {
            supported = format!("{supported} ({})", others.join(", "));
        }
        for name in values.keys().filter(|name| !known(name)) {
            let path = self.around.iter().chain([name]).map(String::as_str);
            let path = path.collect::<Vec<_>>().join(".");
            self.unsupported.push((path, supported.clone()));
        }
    }

    fn unsupported_last(&mut self) {
        let Some((_, supported)) = self.unsupported.last().cloned() else { return };
        let mut names: Vec<String> = self.unsupported.drain(..).map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        let names = names.join(", ");
        self.errors.push(format!("{names}. Supported parameters include: {supported}."));
    }

    fn types(&mut self, spec: &Spec, values: &mut Map<String, Json>) {
        for (name, option) in spec {
            let Some(value) = values.get(name).cloned() else { continue };
            let default = option.get("default").unwrap_or(&Json::Null);
            if value.is_null() && !flag(option, "required") && default.is_null() {
                continue;
            }
            let wanted = option.get("type").and_then(Json::as_str).unwrap_or("str");
            match types::convert(wanted, &value) {
                Ok(converted) => {
                    let elements = option.get("elements").and_then(Json::as_str);
                    let converted = match (elements, converted) {
                        (Some(wanted), Json::Array(values)) => {
                            Json::Array(self.elements(name, wanted, values))
                        }
                        (_, other) => other,
                    };
                    values.insert(name.clone(), converted);
                }
                Err(reason) => {
                    let found = match self.around.is_empty() {
                        true => String::new(),
                        false => format!(" found in '{}'.", self.around.join(" -> ")),
                    };
                    self.errors.push(format!(
                        "argument '{name}' is of type {}{found} and we were unable to convert to \
                         {wanted}: {reason}",
                        types::name(&value)
                    ));
                }
            }
        }
    }

    fn elements(&mut self, name: &str, wanted: &str, values: Vec<Json>) -> Vec<Json> {
        let mut converted = Vec::new();
        for value in values {
            match types::convert(wanted, &value) {
                Ok(value) => converted.push(value),
                Err(reason) => {
                    let found = match self.around.is_empty() {
                        true => String::new(),
                        false => format!(" found in '{}'", self.around.join(" -> ")),
                    };
                    self.errors.push(format!(
                        "Elements value for option '{name}'{found} is of type {} and we were \
                         unable to convert to {wanted}: {reason}",
                        types::name(&value)
                    ));
                }
            }
        }
        converted
    }

    fn choices(&mut self, spec: &Spec, values: &Map<String, Json>) {
        for (name, option) in spec {
            let Some(choices) = option.get("choices").filter(|choices| !choices.is_null()) else {
                continue;
            };
            let Some(choices) = choices.as_array() else {
                let text = python_text(choices);
                self.error(format!(
                    "internal error: choices for argument {name} are not iterable: {text}"
                ));
                continue;
            };
            let listed = || choices.iter().map(python_text).collect::<Vec<_>>().join(", ");
            match values.get(name) {
                None => {}
                Some(Json::Array(values)) => {
                    let wrong: Vec<String> = values
                        .iter()
                        .filter(|value| !choices.contains(value))
                        .map(python_text)
                        .collect();
                    if !wrong.is_empty() {
                        let (listed, wrong) = (listed(), wrong.join(", "));
                        self.error(format!(
                            "value of {name} must be one or more of: {listed}. Got no match for: \
                             {wrong}"
                        ));
                    }
                }
                Some(value) if !choices.contains(value) => {
                    let (listed, got) = (listed(), python_text(value));
                    self.error(format!("value of {name} must be one of: {listed}, got: {got}"));
                }
                Some(_) => {}
            }
        }
    }

    fn exclusive(&mut self, rules: &Spec, values: &Map<String, Json>) {
        for terms in groups(rules.get("mutually_exclusive")) {
            if terms.iter().filter(|term| values.contains_key(**term)).count() > 1 {
                self.error(format!("parameters are mutually exclusive: {}", terms.join("|")));
                return;
            }
        }
    }

    fn rules(&mut self, rules: &Spec, values: &Map<String, Json>) {
        let has = |term: &str| values.contains_key(term);
        for terms in groups(rules.get("required_together")) {
            let count = terms.iter().filter(|term| has(term)).count();
            if count > 0 && count < terms.len() {
                self.error(format!("parameters are required together: {}", terms.join(", ")));
            }
        }
        for terms in groups(rules.get("required_one_of")) {
            if !terms.iter().any(|term| has(term)) {
                self.error(format!("one of the following is required: {}", terms.join(", ")));
            }
        }
        let conditions = rules.get("required_if").and_then(Json::as_array);
        for condition in conditions.into_iter().flatten().filter_map(Json::as_array) {
            self.required_if(condition, values);
        }
        let by = rules.get("required_by").and_then(Json::as_object);
        for (key, needed) in by.into_iter().flatten() {
            if !values.get(key).is_some_and(|value| !value.is_null()) {
                continue;
            }
            let needed = needed.as_array().map_or(std::slice::from_ref(needed), Vec::as_slice);
            let missing: Vec<&str> = needed
                .iter()
                .filter_map(Json::as_str)
                .filter(|name| values.get(*name).is_none_or(Json::is_null))
                .collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                self.error(format!("missing parameter(s) required by '{key}': {missing}"));
            }
        }
    }

    fn required_if(&mut self, condition: &[Json], values: &Map<String, Json>) {
        let [key, wanted, needed, rest @ ..] = condition else { return };
        let Some(key) = key.as_str() else { return };
        if values.get(key) != Some(wanted) {
            return;
        }
        let any = rest.first().and_then(types::boolean) == Some(true);
        let needed: Vec<&str> =
            needed.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let missing: Vec<&str> = needed
            .iter()
            .copied()
            .filter(|name| values.get(*name).is_none_or(Json::is_null))
            .collect();
        let allowed = if any { needed.len().saturating_sub(1) } else { 0 };
        if missing.len() > allowed {
            let amount = if any { "any" } else { "all" };
            let (wanted, missing) = (python_text(wanted), missing.join(", "));
            self.error(format!(
                "{key} is {wanted} but {amount} of the following are missing: {missing}"
            ));
        }
    }

    /// Options of options.
    fn nested(&mut self, spec: &Spec, values: &mut Map<String, Json>) {
        for (name, option) in spec {
            let wanted = option.get("type").and_then(Json::as_str);
            let elements = option.get("elements").and_then(Json::as_str);
            if wanted != Some("dict") && !(wanted == Some("list") && elements == Some("dict")) {
                continue;
            }
            let Some(options) = option.get("options").and_then(Json::as_object) else { continue };
            let rules = option.as_object().cloned().unwrap_or_default();
            if flag(option, "apply_defaults") && values.get(name).is_none_or(Json::is_null) {
                values.insert(name.clone(), Json::Object(Map::new()));
            }
            let Some(value) = values.get_mut(name).filter(|value| !value.is_null()) else {
                continue;
            };
            self.around.push(name.clone());
            let list = match value {
                Json::Array(list) => list.as_mut_slice(),
                one => std::slice::from_mut(one),
            };
            for element in list {
                let Some(element) = element.as_object_mut() else {
                    self.errors
                        .push(format!("value of '{name}' must be of type dict or list of dicts"));
                    continue;
                };
                self.level(options, element, &rules);
                self.nested(options, element);
            }
            self.around.pop();
        }
    }
}

/// Fills in defaults; in a second round what has none becomes null.
fn defaults(spec: &Spec, values: &mut Map<String, Json>, all: bool) {
    for (name, option) in spec {
        let default = option.get("default").cloned().unwrap_or_default();
        if !values.contains_key(name) && (all || !default.is_null()) {
            values.insert(name.clone(), default);
        }
    }
}

/// Groups of names: a list of lists, or one list.
fn groups(rule: Option<&Json>) -> Vec<Vec<&str>> {
    let Some(list) = rule.and_then(Json::as_array) else { return Vec::new() };
    if list.iter().all(Json::is_string) {
        return vec![list.iter().filter_map(Json::as_str).collect()];
    }
    list.iter()
        .filter_map(Json::as_array)
        .map(|group| group.iter().filter_map(Json::as_str).collect())
        .collect()
}

#[cfg(test)]
mod tests;

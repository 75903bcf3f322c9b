//! Checks of arguments as a whole: names, needs, and conditions between options.

use serde_json::Value as Json;

use super::error::mismatch;
use super::{OptionKind, OptionSpec, ParamError, ParamValue as _, Rule, plain};

/// Finds what is wrong with arguments of which some values are not known yet (templates).
///
/// `arguments` gives each name with its value, or `None` where a template stands.
pub fn check(
    module: &str,
    options: &[OptionSpec],
    rules: &[Rule],
    arguments: &[(&str, Option<&Json>)],
) -> Vec<ParamError> {
    let names: Vec<String> = arguments.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut errors = unsupported(module, options, names.iter());
    let missing: Vec<&str> = options
        .iter()
        .filter(|option| {
            option.required && !arguments.iter().any(|(name, _)| option.answers_to(name))
        })
        .map(|option| option.name)
        .collect();
    if !missing.is_empty() {
        errors.push(ParamError::Missing(missing.join(", ")));
    }
    for (name, value) in arguments {
        let Some(option) = options.iter().find(|option| option.answers_to(name)) else { continue };
        if let Some(value) = value.filter(|value| !value.is_null())
            && let Err(expected) = (option.check)(value)
        {
            errors.push(mismatch(name, value, expected));
        }
    }
    if errors.is_empty() && arguments.iter().all(|(_, value)| value.is_some()) {
        errors = broken_rules(options, rules, &|name| {
            arguments.iter().find(|(given, _)| *given == name).and_then(|(_, value)| *value)
        });
    }
    errors
}

pub(super) fn unsupported<'a>(
    module: &str,
    options: &[OptionSpec],
    names: impl Iterator<Item = &'a String>,
) -> Vec<ParamError> {
    names
        .filter(|name| !name.starts_with("_canvass_"))
        .filter(|name| !options.iter().any(|option| option.answers_to(name)))
        .map(|name| ParamError::Unsupported {
            module: module.to_owned(),
            name: name.clone(),
            supported: supported(options),
            suggestion: nearest(name, options),
        })
        .collect()
}

fn supported(options: &[OptionSpec]) -> String {
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.join(", ")
    };
    let own: Vec<&str> = options.iter().map(|option| option.name).collect();
    let aliases: Vec<&str> = options.iter().flat_map(|option| option.aliases).copied().collect();
    match aliases.is_empty() {
        true => sorted(own),
        false => format!("{} ({})", sorted(own), sorted(aliases)),
    }
}

fn nearest(name: &str, options: &[OptionSpec]) -> Option<String> {
    options
        .iter()
        .flat_map(|option| std::iter::once(option.name).chain(option.aliases.iter().copied()))
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min()
        .map(|(_, known)| known.to_owned())
}

pub(super) fn broken_rules<'a>(
    options: &[OptionSpec],
    rules: &[Rule],
    value: &dyn Fn(&str) -> Option<&'a Json>,
) -> Vec<ParamError> {
    let lookup = |name: &str| -> Option<&'a Json> {
        let spec = options.iter().find(|option| option.name == name);
        value(name).or_else(|| spec?.aliases.iter().find_map(|alias| value(alias)))
    };
    // Ansible sets defaults after it has looked for what excludes what, and before all else
    let defaulted = |name: &str| options.iter().any(|it| it.name == name && it.default.is_some());
    let given = |name: &str| lookup(name).is_some() || defaulted(name);
    let missing = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| !given(name)).collect()
    };
    let text = |name: &str| -> Option<String> {
        let spec = options.iter().find(|option| option.name == name)?;
        let given = lookup(name).map(plain).or_else(|| spec.default.clone())?;
        if spec.kind == OptionKind::Bool {
            // whatever the word for it, as Python prints it
            return bool::from_json(&Json::from(given)).ok().map(|value| plain(&value.into()));
        }
        Some(given)
    };
    let mut errors = Vec::new();
    for rule in rules {
        match rule {
            Rule::MutuallyExclusive(names) => {
                if names.iter().filter(|name| lookup(name).is_some()).count() > 1 {
                    errors.push(ParamError::Exclusive(names));
                }
            }
            Rule::RequiredOneOf(names) => {
                if !names.iter().any(|name| given(name)) {
                    errors.push(ParamError::OneOf(names));
                }
            }
            Rule::RequiredTogether(names) => {
                let missing = missing(names).len();
                if missing != 0 && missing != names.len() {
                    errors.push(ParamError::Together(names));
                }
            }
            Rule::RequiredIf(name, wanted, needs) => {
                let lacks = missing(needs);
                if !lacks.is_empty() && text(name).as_deref() == Some(wanted) {
                    errors.push(ParamError::If { name, value: wanted, missing: lacks.join(", ") });
                }
            }
            Rule::RequiredBy(name, needs) => {
                let lacks = missing(needs);
                if given(name) && !lacks.is_empty() {
                    errors.push(ParamError::By { name, missing: lacks.join(", ") });
                }
            }
        }
    }
    errors
}

//! Filters that keep, remove or rename the keys of dictionaries: those of `community.general` work
//! on a list of dictionaries, those of `ansible.utils` on anything, at any depth.

use indexmap::IndexMap;
use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{
    Class, class_of, dict, elements, entries, equal, is_mapping, list, text, truth, type_name,
};
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("community.general.keep_keys", &["data", "target", "matching_parameter"], |call| {
        let rules = Rules::of_list(call)?;
        renamed(call, |key| Ok(rules.first(key)?.map(|_| key.to_owned())))
    }),
    filter("community.general.remove_keys", &["data", "target", "matching_parameter"], |call| {
        let rules = Rules::of_list(call)?;
        renamed(call, |key| Ok(rules.first(key)?.is_none().then(|| key.to_owned())))
    }),
    filter("community.general.replace_keys", &["data", "target", "matching_parameter"], |call| {
        let rules = Rules::of_pairs(call)?;
        renamed(call, |key| Ok(Some(rules.first(key)?.unwrap_or(key).to_owned())))
    }),
    filter("ansible.utils.keep_keys", &["data", "target", "matching_parameter"], |call| {
        let rules = Rules::of_names(call, "keep_keys", "Input is not valid for keep operation")?;
        kept(call.value()?, &rules)
    }),
    filter("ansible.utils.remove_keys", &["data", "target", "matching_parameter"], |call| {
        let rules =
            Rules::of_names(call, "remove_keys", "Input is not valid for attribute removal")?;
        cleared(&removed(call.value()?, &rules)?)
    }),
    filter("ansible.utils.replace_keys", &["data", "target", "matching_parameter"], |call| {
        containers(call, "replace_keys", "Input is not valid for replace operation")?;
        let rules = Rules::of_pairs_anywhere(call)?;
        replaced(call.value()?, &rules)
    }),
];

/// How a key is compared with a target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matching {
    Equal,
    StartsWith,
    EndsWith,
    Regex,
}

/// Targets, each with what takes its place.
struct Rules {
    matching: Matching,
    pairs: Vec<(String, String)>,
}

/// What messages say of a value's type.
fn class(value: &Value) -> String {
    format!("<class '{}'>", type_name(value))
}

impl Rules {
    fn matching(call: &Bound<'_>, equal: &str) -> Outcome<Matching> {
        let name = call.text_or(2, equal)?;
        Ok(match name.as_str() {
            "starts_with" => Matching::StartsWith,
            "ends_with" => Matching::EndsWith,
            "regex" => Matching::Regex,
            other if other == equal => Matching::Equal,
            other if equal == "equal" => {
                return Err(call.refuse(format!(
                    "The matching_parameter must be one of ['equal', 'starts_with', 'ends_with', \
                     'regex']. matching_parameter={other}"
                )));
            }
            other => {
                return Err(call.refuse(format!(
                    "value of matching_parameter must be one of: equality, starts_with, \
                     ends_with, regex, got: {other}"
                )));
            }
        })
    }

    /// The data must be dictionaries with text keys, the target text or a list of it.
    fn of_list(call: &Bound<'_>) -> Outcome<Self> {
        check_records(call)?;
        let matching = Self::matching(call, "equal")?;
        let none = Value::from(());
        let target = call.given(1).unwrap_or(&none);
        let names = match class_of(target) {
            Class::Text => vec![text(target)?],
            Class::List | Class::Tuple => {
                let mut names = Vec::new();
                for name in elements(target)? {
                    if class_of(&name) != Class::Text {
                        return Err(call.refuse(format!(
                            "The target items must be strings. {} is {}",
                            text(&name)?,
                            class(&name)
                        )));
                    }
                    names.push(text(&name)?);
                }
                names
            }
            _ => {
                return Err(call.refuse(format!(
                    "The target must be a string or a list. target is {}.",
                    class(target)
                )));
            }
        };
        if names.is_empty() || (class_of(target) == Class::Text && !truth(target)?) {
            return Err(call.refuse("The target can't be empty."));
        }
        if matching == Matching::Regex {
            if names.len() > 1 {
                return Err(call.refuse(
                    "Single item is required in the target list if matching_parameter=regex.",
                ));
            }
            for name in &names {
                if compiled(name, Flags::default()).is_err() {
                    return Err(call.refuse(format!(
                        "The target must be a valid regex if matching_parameter=regex. target is \
                         {name}"
                    )));
                }
            }
        }
        let pairs = names.into_iter().map(|name| (name, String::new())).collect();
        Ok(Self { matching, pairs })
    }

    /// As [`Self::of_list`]; the target pairs what was before with what comes after.
    fn of_pairs(call: &Bound<'_>) -> Outcome<Self> {
        check_records(call)?;
        let matching = Self::matching(call, "equal")?;
        let none = Value::from(());
        let target = call.given(1).unwrap_or(&none);
        if class_of(target) != Class::List {
            return Err(call.refuse("The target must be a list."));
        }
        let pairs = pairs(call, target)?;
        if pairs.is_empty() {
            return Err(call.refuse("The target can't be empty."));
        }
        Ok(Self { matching, pairs })
    }

    fn of_names(call: &Bound<'_>, name: &str, message: &str) -> Outcome<Self> {
        containers(call, name, message)?;
        let matching = Self::matching(call, "equality")?;
        let target = call.required(1)?;
        let names = match target.as_str() {
            Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
            None => elements(target)?.iter().map(text).collect::<Outcome<Vec<_>>>()?,
        };
        let pairs = names.into_iter().map(|name| (name, String::new())).collect();
        Ok(Self { matching, pairs })
    }

    fn of_pairs_anywhere(call: &Bound<'_>) -> Outcome<Self> {
        let matching = Self::matching(call, "equality")?;
        Ok(Self { matching, pairs: pairs(call, call.required(1)?)? })
    }

    fn meets(&self, key: &str, target: &str) -> Outcome<bool> {
        Ok(match self.matching {
            Matching::Equal => key == target,
            Matching::StartsWith => key.starts_with(target),
            Matching::EndsWith => key.ends_with(target),
            Matching::Regex => {
                compiled(&format!("\\A(?:{target})"), Flags::default())?.is_found(key)?
            }
        })
    }

    /// What takes the place of the first target that a key meets.
    fn first(&self, key: &str) -> Outcome<Option<&str>> {
        for (target, after) in &self.pairs {
            if self.meets(key, target)? {
                return Ok(Some(after));
            }
        }
        Ok(None)
    }
}

/// Dictionaries with `before` and `after`.
fn pairs(call: &Bound<'_>, target: &Value) -> Outcome<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for pair in elements(target)? {
        if !is_mapping(&pair) {
            return Err(call.refuse(format!(
                "The target items must be dictionaries. {} is {}",
                text(&pair)?,
                class(&pair)
            )));
        }
        let mut words = [None, None];
        for (key, value) in entries(&pair)? {
            match key.as_str() {
                Some("before") => words[0] = Some(value),
                Some("after") => words[1] = Some(value),
                _ => {}
            }
        }
        let [Some(before), Some(after)] = words else {
            return Err(
                call.refuse("All dictionaries in target must include attributes: after, before.")
            );
        };
        for (name, word) in [("before", &before), ("after", &after)] {
            if class_of(word) != Class::Text {
                return Err(call.refuse(format!(
                    "The attributes {name} must be strings. {} is {}",
                    text(word)?,
                    class(word)
                )));
            }
        }
        pairs.push((text(&before)?, text(&after)?));
    }
    Ok(pairs)
}

fn check_records(call: &Bound<'_>) -> Outcome<()> {
    let data = call.value()?;
    if !matches!(class_of(data), Class::List | Class::Tuple | Class::Text) {
        return Err(call.refuse(format!(
            "First argument must be a list. {} is {}",
            text(data)?,
            class(data)
        )));
    }
    for element in elements(data)? {
        if !is_mapping(&element) {
            return Err(call.refuse(format!(
                "The data items must be dictionaries. {} is {}",
                text(&element)?,
                class(&element)
            )));
        }
        let keys: Vec<Value> = entries(&element)?.into_iter().map(|(key, _)| key).collect();
        if keys.iter().any(|key| class_of(key) != Class::Text) {
            return Err(call.refuse(format!(
                "Top level keys must be strings. keys: dict_keys({})",
                text(&list(keys))?
            )));
        }
    }
    Ok(())
}

/// The dictionaries of a list with their keys as a rule names them; without those it drops.
fn renamed(call: &Bound<'_>, name: impl Fn(&str) -> Outcome<Option<String>>) -> Outcome<Value> {
    let mut all = Vec::new();
    for element in call.elements(0)? {
        let mut made = IndexMap::new();
        for (key, value) in entries(&element)? {
            if let Some(name) = name(&text(&key)?)? {
                made.insert(Value::from(name), value);
            }
        }
        all.push(dict(made));
    }
    Ok(list(all))
}

fn containers(call: &Bound<'_>, name: &str, message: &str) -> Outcome<()> {
    let value = call.value()?;
    if class_of(value) == Class::List || is_mapping(value) {
        return Ok(());
    }
    Err(call.refuse(format!("Error when using plugin '{name}': {message}")))
}

fn is_container(value: &Value) -> bool {
    class_of(value) == Class::List || is_mapping(value)
}

fn is_empty(value: &Value) -> Outcome<bool> {
    Ok(is_container(value) && elements(value)?.is_empty())
}

/// Only what a rule names, and what is within it.
fn kept(value: &Value, rules: &Rules) -> Outcome<Value> {
    if class_of(value) == Class::List {
        return elements(value)?
            .iter()
            .map(|one| kept(one, rules))
            .collect::<Outcome<_>>()
            .map(list);
    }
    if !is_mapping(value) {
        return Ok(value.clone());
    }
    let mut made = IndexMap::new();
    for (key, value) in entries(value)? {
        let name = text(&key)?;
        let mut found = None;
        for (target, _) in &rules.pairs {
            if name == *target {
                found = Some(value.clone());
            } else if !is_container(&value) {
                if rules.meets(&name, target)? {
                    found = Some(value.clone());
                }
            } else {
                let mut inner = kept(&value, rules)?;
                if class_of(&inner) == Class::List {
                    let mut full = Vec::new();
                    for element in elements(&inner)? {
                        if !is_empty(&element)? {
                            full.push(element);
                        }
                    }
                    inner = list(full);
                }
                if !is_empty(&inner)? {
                    found = Some(inner);
                }
            }
        }
        if found.is_none() && is_container(&value) {
            let inner = kept(&value, rules)?;
            found = if is_empty(&inner)? { None } else { Some(inner) };
        }
        if let Some(found) = found {
            made.insert(key, found);
        }
    }
    Ok(dict(made))
}

fn removed(value: &Value, rules: &Rules) -> Outcome<Value> {
    if class_of(value) == Class::List {
        let all = elements(value)?;
        return all.iter().map(|one| removed(one, rules)).collect::<Outcome<_>>().map(list);
    }
    if !is_mapping(value) {
        return Ok(value.clone());
    }
    let mut made = IndexMap::new();
    for (key, value) in entries(value)? {
        if rules.first(&text(&key)?)?.is_none() {
            made.insert(key, removed(&value, rules)?);
        }
    }
    Ok(dict(made))
}

/// Without what is empty in lists.
fn cleared(value: &Value) -> Outcome<Value> {
    if class_of(value) == Class::List {
        let mut full = Vec::new();
        for element in elements(value)? {
            if truth(&element)? {
                full.push(cleared(&element)?);
            }
        }
        return Ok(list(full));
    }
    if !is_mapping(value) {
        return Ok(value.clone());
    }
    let mut made = IndexMap::new();
    for (key, value) in entries(value)? {
        made.insert(key, cleared(&value)?);
    }
    Ok(dict(made))
}

/// With other keys; one that is replaced moves to the end.
fn replaced(value: &Value, rules: &Rules) -> Outcome<Value> {
    if class_of(value) == Class::List {
        let all = elements(value)?;
        return all.iter().map(|one| replaced(one, rules)).collect::<Outcome<_>>().map(list);
    }
    if !is_mapping(value) {
        return Ok(value.clone());
    }
    let mut made: Vec<(Value, Value)> = entries(value)?;
    for (target, after) in &rules.pairs {
        for (key, _) in made.clone() {
            if !rules.meets(&text(&key)?, target)? {
                continue;
            }
            let Some(index) = made.iter().position(|(known, _)| *known == key) else {
                continue;
            };
            let (_, value) = made.remove(index);
            let after = Value::from(after.as_str());
            let mut place = None;
            for (index, (known, _)) in made.iter().enumerate() {
                if equal(known, &after)? {
                    place = Some(index);
                }
            }
            match place.and_then(|index| made.get_mut(index)) {
                Some(entry) => entry.1 = value,
                None => made.push((after, value)),
            }
        }
    }
    let mut all = IndexMap::new();
    for (key, value) in made {
        all.insert(key, replaced(&value, rules)?);
    }
    Ok(dict(all))
}

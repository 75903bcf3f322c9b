//! Filters that bring facts of several sources together, or tell them apart.

use indexmap::IndexMap;
use minijinja::Value;

use super::{Filter, filter};
use crate::difflib::unified;
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, JsonStyle, class_of, dict, dump_json, elements, entries, is_mapping, list, mapping_get,
    repr, sort_by, text, truth,
};
use crate::template::regex::{Flags, compiled};

/// All lines around a change are shown.
const MOST_LINES: usize = 1 << 40;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter(
        "ansible.utils.consolidate",
        &["data_sources", "fail_missing_match_key", "fail_missing_match_value", "fail_duplicate"],
        consolidate,
    ),
    filter("ansible.utils.fact_diff", &["before", "after", "plugin", "common"], fact_diff),
];

/// A list of facts, and the key by which they are matched.
struct Source {
    name: Value,
    key: Value,
    data: Vec<Value>,
}

fn sources(call: &Bound<'_>) -> Outcome<Vec<Source>> {
    let part = |source: &Value, name: &str| {
        mapping_get(source, &Value::from(name))?.ok_or_else(|| {
            call.refuse(format!("missing required arguments: {name} found in data_sources"))
        })
    };
    let mut found = Vec::new();
    for source in call.list(0)? {
        if !is_mapping(&source) {
            return Err(call.refuse("data_sources holds more than mappings"));
        }
        let data = elements(&part(&source, "data")?)?;
        found.push(Source { name: part(&source, "name")?, key: part(&source, "match_key")?, data });
    }
    Ok(found)
}

/// The values, each once, sorted.
fn sorted(values: &[Value]) -> Outcome<Vec<Value>> {
    let mut unique: IndexMap<Value, ()> = IndexMap::new();
    unique.extend(values.iter().map(|value| (value.clone(), ())));
    sort_by(unique.into_keys().map(|value| (value.clone(), value)).collect(), false)
}

fn reported(call: &Bound<'_>, kinds: &[(&str, Vec<String>)]) -> Outcome<()> {
    let told: Vec<String> = kinds
        .iter()
        .filter(|(_, messages)| !messages.is_empty())
        .map(|(kind, messages)| {
            let messages = messages.join(", ");
            format!("Error when using plugin 'consolidate': '{kind}' reported {messages}")
        })
        .collect();
    if told.is_empty() { Ok(()) } else { Err(call.refuse(told.join("; "))) }
}

fn consolidate(call: &Bound<'_>) -> Outcome<Value> {
    let sources = sources(call)?;
    let (wants_keys, wants_values, wants_unique) =
        (call.flag_or_true(1)?, call.flag_or_true(2)?, call.flag_or_true(3)?);
    let (mut without_key, mut twice, mut matched) = (Vec::new(), Vec::new(), Vec::new());
    for (index, source) in sources.iter().enumerate() {
        let mut values = Vec::new();
        for (entry, facts) in source.data.iter().enumerate() {
            match mapping_get(facts, &source.key)? {
                Some(value) => values.push(value),
                None if wants_keys => without_key.push(format!(
                    "missing match key '{}' in data source {} in list entry {}",
                    text(&source.key)?,
                    index + 1,
                    entry + 1
                )),
                None => {}
            }
        }
        let unique = sorted(&values)?;
        if wants_unique && unique.len() != values.len() {
            twice.push(format!("duplicate values in data source {}", index + 1));
        }
        matched.push(unique);
    }
    reported(call, &[("fail_missing_match_key", without_key), ("fail_duplicate", twice)])?;
    let all = sorted(&matched.concat())?;
    let mut missing = Vec::new();
    if wants_values {
        for (index, values) in matched.iter().enumerate() {
            let lacks = all.iter().filter(|value| !values.contains(value)).map(text);
            let lacks = lacks.collect::<Outcome<Vec<String>>>()?;
            if !lacks.is_empty() {
                let lacks = lacks.join(", ");
                missing.push(format!("missing match value {lacks} in data source {}", index + 1));
            }
        }
    }
    reported(call, &[("fail_missing_match_value", missing)])?;
    let mut together: IndexMap<Value, IndexMap<Value, Value>> = IndexMap::new();
    for source in &sources {
        let mut by_value: IndexMap<Value, &Value> = IndexMap::new();
        for facts in &source.data {
            if let Some(value) = mapping_get(facts, &source.key)? {
                by_value.insert(value, facts);
            }
        }
        for value in &all {
            let facts =
                by_value.get(value).map_or_else(|| dict(IndexMap::new()), |it| (*it).clone());
            together.entry(value.clone()).or_default().insert(source.name.clone(), facts);
        }
    }
    Ok(dict(together.into_iter().map(|(value, facts)| (value, dict(facts))).collect()))
}

fn fact_diff(call: &Bound<'_>) -> Outcome<Value> {
    let plugin = match call.some(2) {
        None => Vec::new(),
        Some(plugin) => entries(plugin)?,
    };
    let option = |name: &str| plugin.iter().find(|(key, _)| key.as_str() == Some(name));
    if let Some((_, name)) = option("name")
        && name.as_str() != Some("ansible.utils.native")
    {
        return Err(call.refuse(format!("the plugin {} is not supported", text(name)?)));
    }
    let skipped = match option("vars") {
        Some((_, vars)) => mapping_get(vars, &Value::from("skip_lines"))?,
        None => None,
    };
    let mut patterns = Vec::new();
    for pattern in skipped
        .filter(|skipped| !skipped.is_none())
        .map(|all| elements(&all))
        .transpose()?
        .unwrap_or_default()
    {
        let pattern = text(&pattern)?;
        patterns.push(compiled(&pattern, Flags::default()).map_err(|error| {
            call.refuse(format!(
                "Error when using filter plugin 'fact_diff': The regex '{pattern}', is not valid. \
                 The error was {}.",
                error.kind
            ))
        })?);
    }
    let mut sides = Vec::new();
    for index in [0, 1] {
        let value = call.required(index)?;
        let mut lines = match class_of(value) {
            Class::List | Class::Tuple => {
                Some(elements(value)?.iter().map(text).collect::<Outcome<Vec<String>>>()?)
            }
            Class::Text if !patterns.is_empty() => {
                Some(value.as_str().unwrap_or_default().lines().map(str::to_owned).collect())
            }
            Class::Dict if !patterns.is_empty() => {
                Some(elements(value)?.iter().map(text).collect::<Outcome<Vec<String>>>()?)
            }
            _ => None,
        };
        if let Some(lines) = &mut lines {
            let mut kept = Vec::new();
            for line in std::mem::take(lines) {
                let mut is_skipped = false;
                for pattern in &patterns {
                    is_skipped |= pattern.match_start(&line)?.is_some();
                }
                if !is_skipped {
                    kept.push(line);
                }
            }
            *lines = kept;
        }
        sides.push(match (lines, class_of(value)) {
            (Some(lines), _) => lines.join("\n") + "\n",
            (None, Class::None) => String::new(),
            (None, Class::Text) => text(value)?,
            (None, Class::Dict) => {
                let style = JsonStyle { indent: Some(4), sort_keys: true, ..JsonStyle::default() };
                dump_json(value, &style)? + "\n"
            }
            (None, _) => {
                let name = crate::template::python::type_name(value);
                let text = format!("'{name}' object has no attribute 'splitlines'");
                return Err(Failure::failed(text));
            }
        });
    }
    let mut sides = sides.into_iter();
    let (before, after) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
    let common = call.some(3).map_or(Ok(false), truth)?;
    let binary = [(&before, "destination"), (&after, "source")];
    let drawn = match binary.into_iter().find(|(text, _)| text.contains('\0')) {
        Some((_, name)) => format!("diff skipped: {name} file appears to be binary\n"),
        None => match unified(&before, &after, "before", "after", MOST_LINES) {
            drawn if drawn.is_empty() => drawn,
            drawn => drawn + "\n",
        },
    };
    let lines = drawn.lines().filter(|line| !common || !line.starts_with(['+', '-']));
    repr(&list(lines.map(Value::from).collect())).map(Value::from)
}

//! JSON and YAML.

use minijinja::Value;

use super::{Filter, filter};
use crate::source::{SourceFile, yaml};
use crate::template::eval::Bound;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{
    Class, JsonStyle, as_integer, class_of, deeper, dict, dump_json, elements, entries, finalise,
    is_markup, list, markup, parse_json, text, truth, type_name, vaulted,
};
use crate::template::trust::{is_trusted, trusted};
use crate::template::yaml_emitter::{YamlStyle, dump_yaml};
use crate::vars::Var;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("to_json", &["value", "**"], |call| json(call, JsonStyle::default())),
    filter("to_nice_json", &["value", "**"], |call| {
        json(call, JsonStyle { indent: Some(4), sort_keys: true, ..JsonStyle::default() })
    }),
    filter("tojson", &["value", "indent"], |call| {
        let indent = call.some(1).map(|_| call.size(1, 0)).transpose()?;
        let style = JsonStyle { indent, sort_keys: true, ..JsonStyle::default() };
        refuse_ranges(call.value()?)?;
        let dumped = dump_json(call.value()?, &style)?;
        let safe = dumped
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\'', "\\u0027");
        Ok(markup(safe))
    }),
    filter("from_json", &["value", "profile", "**"], |call| {
        let value = call.value()?;
        let profile = call.some(1).map(|_| call.text(1)).transpose()?;
        let trust = match profile.as_deref() {
            None | Some("tagless") => JsonTrust::Nothing,
            Some("legacy") if is_trusted(value) => JsonTrust::All,
            Some("inventory_legacy") if is_trusted(value) => JsonTrust::Inventory,
            Some("legacy" | "inventory_legacy") => JsonTrust::Marks,
            Some(other) => return Err(call.refuse(format!("Unknown profile name '{other}'."))),
        };
        match value.as_str() {
            Some(text) => Ok(trust.apply(&parse_json(text)?, &mut Vec::new())),
            None => Err(call.refuse(format!(
                "the JSON object must be str, bytes or bytearray, not {}",
                type_name(value)
            ))),
        }
    }),
    filter("ansible._protomatter.apply_trust", &["value"], |call| {
        let value = call.value()?;
        Ok(value.as_str().map_or_else(|| value.clone(), trusted))
    }),
    filter("ansible._protomatter.finalize", &["value"], |call| finalise(call.value()?)),
    filter("to_yaml", &["value", "**"], |call| yaml_text(call, YamlStyle::default())),
    filter("to_nice_yaml", &["value", "**"], |call| {
        yaml_text(call, YamlStyle { indent: 4, flow: Some(false), ..YamlStyle::default() })
    }),
    filter("community.general.to_yaml", &["value", "**"], |call| {
        yaml_text(call, YamlStyle::default())
    }),
    filter("community.general.to_nice_yaml", &["value", "**"], |call| {
        yaml_text(call, YamlStyle { indent: 2, flow: Some(false), ..YamlStyle::default() })
    }),
    filter("from_yaml", &["value"], |call| {
        let value = call.value()?;
        let Some(source) = value.as_str() else {
            return Ok(value.clone());
        };
        if is_markup(value) {
            return Err(call.refuse("a string or stream input is required"));
        }
        let parsed = parse_yaml(source)?;
        Ok(if is_trusted(value) { all_trusted(&parsed) } else { parsed })
    }),
    filter("from_yaml_all", &["value"], |call| {
        let value = call.value()?;
        let Some(source) = value.as_str() else {
            return Ok(if value.is_none() { list(Vec::new()) } else { value.clone() });
        };
        if source.trim().is_empty() {
            return Ok(list(Vec::new()));
        }
        let mut documents = Vec::new();
        for document in split_documents(source) {
            let parsed = parse_yaml(&document)?;
            documents.push(if is_trusted(value) { all_trusted(&parsed) } else { parsed });
        }
        Ok(list(documents))
    }),
];

/// Refuses the ranges in a value, which Python's own JSON writer does not know.
fn refuse_ranges(value: &Value) -> Outcome<()> {
    match class_of(value) {
        Class::Range => Err(Failure::failed("Object of type range is not JSON serializable")),
        Class::List | Class::Tuple => {
            elements(value)?.iter().try_for_each(|element| deeper(|| refuse_ranges(element)))
        }
        Class::Dict => {
            entries(value)?.iter().try_for_each(|(_, entry)| deeper(|| refuse_ranges(entry)))
        }
        _ => Ok(()),
    }
}

/// The same, where all texts are the user's: YAML that stands in a text of theirs.
fn all_trusted(value: &Value) -> Value {
    match class_of(value) {
        Class::Text => value.as_str().map_or_else(|| value.clone(), trusted),
        Class::List => elements(value)
            .map_or_else(|_| value.clone(), |all| list(all.iter().map(all_trusted).collect())),
        Class::Dict => {
            let entries = entries(value).unwrap_or_default().into_iter();
            dict(entries.map(|(key, entry)| (key, all_trusted(&entry))).collect())
        }
        _ => value.clone(),
    }
}

/// Which texts of JSON are the user's own, by the profile that it is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonTrust {
    /// None, and nothing in it is marked.
    Nothing,
    /// None; vault values are.
    Marks,
    /// All but those that are marked as unsafe.
    All,
    /// Of these, variables of hosts and groups.
    Inventory,
}

impl JsonTrust {
    /// The value with its texts as they are; `path` holds the keys above it.
    fn apply(self, value: &Value, path: &mut Vec<String>) -> Value {
        if self == Self::Nothing {
            return value.clone();
        }
        match class_of(value) {
            Class::Text if self.holds(path) => trusted(value.as_str().unwrap_or_default()),
            Class::List => {
                path.push(String::new());
                let elements = elements(value).unwrap_or_default();
                let all = elements.iter().map(|element| self.apply(element, path)).collect();
                path.pop();
                list(all)
            }
            Class::Dict => self.mapping(&entries(value).unwrap_or_default(), path),
            _ => value.clone(),
        }
    }

    fn mapping(self, entries: &[(Value, Value)], path: &mut Vec<String>) -> Value {
        if let [(key, value)] = entries
            && let Some(text) = value.as_str()
        {
            match key.as_str() {
                Some("__ansible_unsafe") => return Value::from(text),
                Some("__ansible_vault") => return vaulted(&text.into(), None),
                _ => {}
            }
        }
        let mut read = indexmap::IndexMap::new();
        for (key, value) in entries {
            path.push(key.as_str().unwrap_or_default().to_owned());
            read.insert(key.clone(), self.apply(value, path));
            path.pop();
        }
        dict(read)
    }

    fn holds(self, path: &[String]) -> bool {
        match (self, path) {
            (Self::All, _) => true,
            (Self::Inventory, [first, second, _, _, ..]) if first == "_meta" => {
                second == "hostvars"
            }
            (Self::Inventory, [_, second, _, ..]) => second == "vars",
            _ => false,
        }
    }
}

fn json(call: &Bound<'_>, mut style: JsonStyle) -> Outcome<Value> {
    for (name, value) in &call.keywords {
        match name.as_str() {
            "indent" if value.is_none() => style.indent = None,
            "indent" => {
                let indent = as_integer(value).unwrap_or_default().clamp(0, 100);
                style.indent = usize::try_from(indent).ok();
            }
            "sort_keys" => style.sort_keys = truth(value)?,
            "ensure_ascii" => style.ensure_ascii = truth(value)?,
            "separators" => {
                if let [comma, colon] = elements(value)?.as_slice() {
                    style.separators = Some((text(comma)?, text(colon)?));
                }
            }
            "vault_to_text" | "preprocess_unsafe" => {}
            other => return Err(call.refuse(format!("the option '{other}' is not supported"))),
        }
    }
    dump_json(call.value()?, &style).map(Value::from)
}

fn yaml_text(call: &Bound<'_>, mut style: YamlStyle) -> Outcome<Value> {
    for (name, value) in &call.keywords {
        let number = || i32::try_from(as_integer(value).unwrap_or_default()).unwrap_or(i32::MAX);
        match name.as_str() {
            "indent" => style.indent = number(),
            "width" => style.width = number(),
            "sort_keys" => style.sort_keys = truth(value)?,
            "default_flow_style" if value.is_none() => style.flow = None,
            "default_flow_style" => style.flow = Some(truth(value)?),
            "allow_unicode" => style.unicode = truth(value)?,
            "explicit_start" => style.explicit_start = truth(value)?,
            "canonical" => style.canonical = truth(value)?,
            "explicit_end" => style.explicit_end = truth(value)?,
            "default_style" if value.is_none() => {}
            "default_style" => style.quote = text(value)?.chars().next(),
            "dump_vault_tags" => style.vault_tags = value.is_none() || truth(value)?,
            "vault_to_text" => {}
            "redact_sensitive_values" if !truth(value)? => {}
            other => return Err(call.refuse(format!("the option '{other}' is not supported"))),
        }
    }
    dump_yaml(call.value()?, &style).map(Value::from)
}

/// A YAML text as data: nothing in it is a template.
pub(in crate::template) fn parse_yaml(source: &str) -> Outcome<Value> {
    let file = SourceFile::new(std::path::Path::new("<text>"), source.to_owned());
    let loaded = yaml::parse(&file)
        .map_err(|error| Failure::failed(format!("the text is no YAML: {error}")))?;
    let Some(node) = loaded.node else {
        return Ok(Value::from(()));
    };
    let span = node.span.clone();
    let plain = crate::source::Node { kind: crate::source::Kind::Unsafe(Box::new(node)), span };
    // `!vault` values in it are opened when they are read
    crate::vars::Scope::default().render(&Var::from(&plain))
}

fn split_documents(source: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in source.lines() {
        let separator = line == "---" || line.starts_with("--- ");
        let content = documents.last().is_some_and(|document| !document.trim().is_empty());
        if separator && content {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(if separator { line.get(3..).unwrap_or_default() } else { line });
            document.push('\n');
        }
    }
    documents
}

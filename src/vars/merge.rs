//! `hash_behaviour = merge`: mappings of one name are one mapping.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;

use super::layer::{Layer, Var};

/// What a variable means that several layers have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HashBehaviour {
    /// The strongest layer's value.
    #[default]
    Replace,
    /// Where all have a mapping, one of all their keys; of a key the strongest value, and so on
    /// inside it.
    Merge,
}

/// One layer of all, the strongest first.
pub fn merged(layers: &[Arc<Layer>]) -> Layer {
    let mut all = Layer::new();
    for layer in layers.iter().rev() {
        for (name, strong) in layer.iter() {
            let value = match all.get(name) {
                Some(weak) => merge(weak, strong),
                None => strong.clone(),
            };
            all.insert(name.clone(), value);
        }
    }
    all
}

/// A value over a weaker one.
pub fn merge(weak: &Var, strong: &Var) -> Var {
    if let (Var::Data(weak), Var::Data(strong)) = (weak, strong) {
        return Var::Data(merge_data(weak, strong));
    }
    let (Some(mut all), Some(over)) = (entries(weak), entries(strong)) else {
        return strong.clone();
    };
    for (name, strong) in over {
        let value = match all.get(&name) {
            Some(weak) => merge(weak, &strong),
            None => strong,
        };
        all.insert(name, value);
    }
    Var::Map(Arc::new(all))
}

/// The entries of a mapping.
fn entries(var: &Var) -> Option<IndexMap<String, Var>> {
    match var {
        Var::Map(entries) => Some((**entries).clone()),
        Var::Data(value) if value.kind() == ValueKind::Map => Some(
            value
                .try_iter()
                .ok()?
                .map(|name| {
                    let value = value.get_item(&name).unwrap_or_default();
                    (name.to_string(), Var::Data(value))
                })
                .collect(),
        ),
        _ => None,
    }
}

fn merge_data(weak: &Value, strong: &Value) -> Value {
    let is_map = |value: &Value| value.kind() == ValueKind::Map;
    if !is_map(weak) || !is_map(strong) {
        return strong.clone();
    }
    let mut all: IndexMap<Value, Value> = IndexMap::new();
    for name in weak.try_iter().into_iter().flatten() {
        let value = weak.get_item(&name).unwrap_or_default();
        all.insert(name, value);
    }
    for name in strong.try_iter().into_iter().flatten() {
        let strong = strong.get_item(&name).unwrap_or_default();
        let value = match all.get(&name) {
            Some(weak) => merge_data(weak, &strong),
            None => strong,
        };
        all.insert(name, value);
    }
    Value::from_object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, yaml};

    fn layer(text: &str) -> Arc<Layer> {
        let file = SourceFile::new(std::path::Path::new("f.yml"), text.to_owned());
        let node = yaml::parse(&file).unwrap().node.unwrap();
        let entries = node.as_map().unwrap().iter();
        Arc::new(
            entries
                .map(|(name, value)| (name.as_str().unwrap().to_owned(), Var::from(value)))
                .collect(),
        )
    }

    #[test]
    fn mappings_of_one_name_are_one() {
        let strong = layer("a: {x: {p: 1}, y: '{{ z }}', 3: c}\nb: [1]\nc: {k: 1}\nz: 5\n");
        let weak = layer("a: {x: {p: 0, q: 2}, 3: b, w: 4}\nb: [2]\nc: text\n");
        let scope = crate::vars::Scope::new(vec![Arc::new(merged(&[strong, weak]))]);
        for (name, expected) in
            [("a", r#"{"x":{"p":1,"q":2},"3":"c","w":4,"y":5}"#), ("b", "[1]"), ("c", r#"{"k":1}"#)]
        {
            let value = scope.value(name).unwrap().unwrap();
            assert_eq!(crate::template::to_json(&value).unwrap().to_string(), expected, "{name}");
        }
    }
}

//! What `set_stats` gathers in a run.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};

/// The values by host; those of the run as a whole are under [`RUN`].
#[derive(Debug, Default)]
pub(crate) struct CustomStats(BTreeMap<String, Map<String, Json>>);

/// Where the values of the run as a whole are.
pub(crate) const RUN: &str = "_run";

impl CustomStats {
    /// Takes in what a task's result, or the results of its items, tell.
    pub(crate) fn take(&mut self, host: &str, result: &Map<String, Json>) {
        if let Some(Json::Array(items)) = result.get("results") {
            for item in items.iter().filter_map(Json::as_object) {
                self.take_one(host, item);
            }
        }
        self.take_one(host, result);
    }

    fn take_one(&mut self, host: &str, result: &Map<String, Json>) {
        let Some(stats) = result.get("ansible_stats") else { return };
        let flag = |name: &str| stats.get(name).and_then(Json::as_bool);
        let Some(Json::Object(data)) = stats.get("data") else { return };
        let of = if flag("per_host").unwrap_or(true) { host } else { RUN };
        for (name, value) in data {
            let kept = self.0.entry(of.to_owned()).or_default();
            match kept.get_mut(name) {
                Some(old) if flag("aggregate").unwrap_or(false) => add(old, value),
                _ => {
                    kept.insert(name.clone(), value.clone());
                }
            }
        }
    }

    /// Takes in what another part of the run gathered after this one.
    pub(crate) fn join(&mut self, later: Self) {
        for (of, values) in later.0 {
            self.0.entry(of).or_default().extend(values);
        }
    }

    /// What was gathered.
    pub(crate) fn gathered(&self) -> &BTreeMap<String, Map<String, Json>> {
        &self.0
    }
}

/// Adds numbers, joins texts and lists, merges mappings; unlike things are left alone.
fn add(old: &mut Json, new: &Json) {
    match (old, new) {
        (Json::Number(old), Json::Number(new)) if old.is_f64() == new.is_f64() => {
            let sum = match (old.as_i64(), new.as_i64()) {
                (Some(one), Some(other)) => one.checked_add(other).map(Number::from),
                _ => old
                    .as_f64()
                    .zip(new.as_f64())
                    .and_then(|(one, other)| Number::from_f64(one + other)),
            };
            if let Some(sum) = sum {
                *old = sum;
            }
        }
        (Json::String(old), Json::String(new)) => old.push_str(new),
        (Json::Array(old), Json::Array(new)) => old.extend(new.iter().cloned()),
        (Json::Object(old), Json::Object(new)) => merge(old, new),
        (old @ Json::Bool(_), Json::Bool(new)) => {
            // as in Python, where they are numbers
            let sum = i64::from(*old == Json::Bool(true)) + i64::from(*new);
            *old = Json::from(sum);
        }
        _ => {}
    }
}

fn merge(old: &mut Map<String, Json>, new: &Map<String, Json>) {
    for (name, value) in new {
        match (old.get_mut(name), value) {
            (Some(Json::Object(below)), Json::Object(value)) => merge(below, value),
            _ => {
                old.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::CustomStats;

    #[test]
    fn values_are_added_or_replaced_as_ansible_does() {
        let table: &[(Json, Json, Json)] = &[
            (json!(10), json!(15), json!(25)),
            (json!(1.5), json!(1.0), json!(2.5)),
            (json!("a"), json!("b"), json!("ab")),
            (json!([1]), json!([2]), json!([1, 2])),
            (json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), json!({"a": {"b": 1, "c": 2}})),
            (json!(1), json!("b"), json!(1)),
        ];
        for (old, new, expected) in table {
            let mut stats = CustomStats::default();
            for value in [old, new] {
                let result = json!({"ansible_stats":
                    {"data": {"x": value}, "per_host": false, "aggregate": true}});
                stats.take("h", result.as_object().unwrap());
            }
            assert_eq!(json!(stats.gathered()), json!({"_run": {"x": expected}}));
        }
    }

    #[test]
    fn hosts_have_their_own() {
        let mut stats = CustomStats::default();
        for value in [1, 2] {
            let result = json!({"results": [{"ansible_stats":
                {"data": {"x": value}, "per_host": true, "aggregate": false}}]});
            stats.take("h", result.as_object().unwrap());
        }
        assert_eq!(json!(stats.gathered()), json!({"h": {"x": 2}}));
    }
}

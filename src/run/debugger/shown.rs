//! Values as Python's `pprint` shows them.

use serde_json::Value as Json;

use crate::template::json_repr;

/// The widest line.
const WIDTH: usize = 80;

/// The value on one line, or with each of its elements on one of its own.
pub(super) fn pretty(value: &Json) -> String {
    draw(value, 0, 0)
}

/// `indent` columns stand before it, and `behind` after it on its last line.
fn draw(value: &Json, indent: usize, behind: usize) -> String {
    let line = json_repr(value);
    if line.chars().count() + indent + behind <= WIDTH {
        return line;
    }
    let separator = format!(",\n{}", " ".repeat(indent + 1));
    match value {
        Json::Array(elements) => {
            let elements = elements.iter().map(|element| draw(element, indent + 1, 1));
            format!("[{}]", elements.collect::<Vec<_>>().join(&separator))
        }
        Json::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| name.as_str());
            let entries = entries.into_iter().map(|(name, value)| {
                let name = json_repr(&Json::from(name.as_str()));
                let width = name.chars().count() + 2;
                format!("{name}: {}", draw(value, indent + 1 + width, 1))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(&separator))
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Expected values are those of Python's `pprint.pformat`.
    #[test]
    fn values_look_as_in_python() {
        let long = "x".repeat(40);
        for (value, expected) in [
            (json!({"b": 1, "a": [true, null]}), "{'b': 1, 'a': [True, None]}".to_owned()),
            (json!([long, long]), format!("['{long}',\n '{long}']")),
            (
                json!({"b": long, "a": [long, long]}),
                format!("{{'a': ['{long}',\n       '{long}'],\n 'b': '{long}'}}"),
            ),
        ] {
            assert_eq!(pretty(&value), expected);
        }
    }
}

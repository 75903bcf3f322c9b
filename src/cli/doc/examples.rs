//! Examples of filters, tests and lookups with what they give.
//!
//! They are recorded from ansible-core by `tests/oracle/examples.py`.

use super::catalogue::Topic;

/// A line each: kind, name, expression, the result as JSON or `-` where it is told nowhere.
const EXAMPLES: &str = include_str!("examples.tsv");

/// An expression, and what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Example {
    expression: &'static str,
    result: Option<&'static str>,
}

impl Example {
    /// As it is shown: the template, and below it the result as a comment.
    pub(super) fn text(self) -> String {
        let result = self.result.map(|result| format!("\n# {result}")).unwrap_or_default();
        format!("{{{{ {} }}}}{result}", self.expression)
    }
}

/// The example of a thing by its full name.
pub(super) fn of(topic: Topic, name: &str) -> Option<Example> {
    all().find(|(kind, known, _)| *kind == topic.word() && *known == name).map(|(.., found)| found)
}

fn all() -> impl Iterator<Item = (&'static str, &'static str, Example)> {
    EXAMPLES.lines().filter_map(|line| {
        let mut columns = line.splitn(4, '\t');
        let (kind, name, expression) = (columns.next()?, columns.next()?, columns.next()?);
        let result = columns.next().filter(|result| *result != "-");
        Some((kind, name, Example { expression, result }))
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use serde_json::{Value as Json, json};

    use super::super::catalogue::names;
    use super::*;
    use crate::template::{Directories, finalised, from_json, template_value, to_json};
    use crate::vars::{Layer, Scope, Var};

    #[test]
    fn everything_has_an_example_that_gives_what_ansible_gives() {
        for topic in [Topic::Filter, Topic::Test, Topic::Lookup] {
            for name in names(topic) {
                assert!(of(topic, &name).is_some(), "{name} has no example");
            }
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/examples");
        let layer: Layer = [
            ("playbook_dir".to_owned(), json!(folder)),
            ("groups".to_owned(), json!({ "all": ["host"] })),
        ]
        .into_iter()
        .map(|(name, value)| (name, Var::Data(from_json(&value))))
        .collect();
        let directories =
            Directories { playbook: PathBuf::from(&folder), ..Directories::default() };
        let scope = Scope::new(vec![Arc::new(layer)]).with_directories(Arc::new(directories));
        let mut wrong = Vec::new();
        for (kind, name, example) in all() {
            let Some(result) = example.result else { continue };
            let recorded: Json = serde_json::from_str(result).unwrap();
            let source = format!("{{{{ {} }}}}", example.expression);
            let ours = template_value(&source, None, &scope).and_then(|value| finalised(&value));
            let ours = ours.map(|value| to_json(&value).unwrap());
            match ours {
                Ok(ours) if ours == recorded => {}
                Ok(ours) => wrong.push(format!("{kind} {name}: {ours}, not {recorded}")),
                Err(error) => wrong.push(format!("{kind} {name}: {error:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

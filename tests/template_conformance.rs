//! Templates give what ansible-core gives: recorded by `tests/oracle/templates.py`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use canvass::source::{Node, SourceFile, Span, yaml};
use canvass::template::{Templar, is_omit, to_json};
use canvass::vars::{Layer, Scope, Var};
use serde_json::{Value as Json, json};

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new("tests/fixtures").join(name)).unwrap()
}

fn scope() -> Scope {
    let file = SourceFile::new(Path::new("vars.yml"), fixture("templates.vars.yml"));
    let node = yaml::load(&file).unwrap().node.unwrap();
    let layer: Layer = node
        .as_map()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.as_str().unwrap().to_owned(), Var::from(value)))
        .collect();
    Scope::new(vec![Arc::new(layer)])
}

/// What canvass makes of a case, in the form of the recording.
fn outcome(case: &Json) -> Json {
    let source = case["source"].as_str().unwrap();
    let span = Span::at(&SourceFile::new(Path::new("case"), source.to_owned()), 1, 1);
    let node = Node::text(source, span);
    let (templar, scope) = (Templar::new(), scope());
    let value = match case["mode"].as_str().unwrap() {
        "template" => templar.node(&node, &scope),
        "expression" => templar.expression(source, None, &scope),
        _ => templar.condition(&node, &scope).map(Into::into),
    };
    match value {
        Ok(value) if is_omit(&value) => {
            json!({ "error": "A template was resolved to an Omit scalar." })
        }
        Ok(value) => match to_json(&value) {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": error.to_string() }),
        },
        Err(error) => json!({ "error": error.to_string().replace(" at 'case:1:1'", " at PLACE") }),
    }
}

/// Values must be equal, and so must be errors.
fn agrees(recorded: &Json, ours: &Json) -> bool {
    match (recorded.get("error"), ours.get("error")) {
        (None, None) => recorded["value"] == ours["value"],
        (Some(recorded), Some(ours)) => recorded == ours,
        _ => false,
    }
}

#[test]
fn templates_give_what_ansible_gives() {
    compare("templates.json");
}

#[test]
fn plugins_of_collections_give_what_theirs_give() {
    compare("collections.json");
}

fn compare(recording: &str) {
    let document: Json = serde_json::from_str(&fixture(recording)).unwrap();
    let known = document["known_differences"].as_array().unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert!(cases.len() > 250, "the recording has only {} cases", cases.len());
    let mut differences = String::new();
    let mut count = 0;
    for case in cases {
        let ours = outcome(case);
        let is_known = known.iter().any(|known| known["source"] == case["source"]);
        if agrees(case, &ours) == is_known {
            count += 1;
            differences.push_str(&format!(
                "{} {}\n  recorded {}\n  ours     {}{}\n",
                case["mode"],
                case["source"],
                case.get("error").or(case.get("value")).unwrap(),
                ours.get("error").or(ours.get("value")).unwrap(),
                if is_known { " (listed as a known difference)" } else { "" },
            ));
        }
    }
    assert!(count == 0, "{count} of {} cases differ:\n{differences}", cases.len());
}

#[test]
fn known_differences_are_few_and_explained() {
    for recording in ["templates.json", "collections.json"] {
        let document: Json = serde_json::from_str(&fixture(recording)).unwrap();
        let known = document["known_differences"].as_array().unwrap();
        let cases = document["cases"].as_array().unwrap().len();
        assert!(known.len() * 100 <= cases * 3, "{} known differences", known.len());
        for difference in known {
            assert!(difference["reason"].is_string(), "{difference}");
        }
    }
}

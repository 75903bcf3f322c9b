//! Diffs against Python's, recorded by `tests/oracle/difflib_cases.py`.

use canvass_modules::diff::Diff;
use serde_json::{Value as Json, json};

use super::*;

fn diff(before: Json, after: Json) -> Diff {
    Diff {
        before_header: "/etc/x".to_owned(),
        after_header: "/etc/x".to_owned(),
        before,
        after,
        note: None,
    }
}

#[test]
fn equals_python_on_random_edits() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/difflib_cases.jsonl");
    let path = std::env::var("CANVASS_DIFF_CASES").unwrap_or_else(|_| recorded.to_owned());
    let cases = std::fs::read_to_string(path).unwrap();
    let mut compared = 0;
    for (number, line) in cases.lines().enumerate() {
        let case: Json = serde_json::from_str(line).unwrap();
        let [before, after, expected] =
            ["before", "after", "diff"].map(|field| case[field].as_str().unwrap());
        let drawn = unified(before, after, "before: f", "after: f", 3);
        assert_eq!(drawn, expected, "case {number}: {line}");
        compared += 1;
    }
    assert!(compared >= 60, "only {compared} cases");
}

#[test]
fn draws_text() {
    let text = draw(&diff(json!("a\nb\nc\n"), json!("a\nB\nc")));
    assert_eq!(
        text,
        "--- before: /etc/x\n+++ after: /etc/x\n@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+c\n\
         \\ No newline at end of file\n\n"
    );
}

#[test]
fn draws_attributes_as_json_with_sorted_keys() {
    let before = json!({"state": "absent", "path": "/etc/é", "mode": "0644"});
    let after = json!({"state": "file", "path": "/etc/é", "mode": "0644"});
    assert_eq!(
        draw(&diff(before, after)),
        "--- before: /etc/x\n+++ after: /etc/x\n@@ -1,5 +1,5 @@\n {\n     \"mode\": \"0644\",\n     \
         \"path\": \"/etc/\\u00e9\",\n-    \"state\": \"absent\"\n+    \"state\": \"file\"\n }\n\n"
    );
}

#[test]
fn draws_headers_only_where_there_are_any() {
    let bare = Diff {
        before_header: String::new(),
        after_header: String::new(),
        before: Json::Null,
        after: json!("x\n"),
        note: None,
    };
    assert_eq!(draw(&bare), "--- before\n+++ after\n@@ -0,0 +1 @@\n+x\n\n");
}

#[test]
fn draws_nothing_for_equal_sides() {
    assert_eq!(draw(&diff(json!("a\n"), json!("a\n"))), "");
    assert_eq!(draw(&diff(Json::Null, json!(""))), "");
}

#[test]
fn says_why_a_content_is_not_shown() {
    let binary = diff(json!("a\0b"), json!("text\n"));
    assert_eq!(draw(&binary), "diff skipped: destination file appears to be binary\n");
    let mut large = diff(Json::Null, Json::Null);
    large.note = Some("larger than 104448 bytes".to_owned());
    assert_eq!(draw(&large), "diff skipped: /etc/x: larger than 104448 bytes\n");
}

#[test]
fn is_quick_on_long_texts() {
    let old: String = (0..20_000).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
    let new = old.replace("line 7777\n", "line seven\n");
    let drawn = draw(&diff(json!(old), json!(new)));
    assert_eq!(drawn.lines().count(), 12, "{drawn}");
}

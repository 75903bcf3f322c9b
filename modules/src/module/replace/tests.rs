//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave, except where told.

use serde_json::{Value as Json, json};

use super::Replace;
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;
use crate::recorded::{EditCase as Case, edits_are_those_of_ansible};
use crate::wire::Status;

fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
    let arguments = arguments.as_object().unwrap();
    execute::<Replace>("ansible.builtin.replace", Execution { host, arguments, diff: false })
}

#[test]
fn outcomes_are_those_of_ansible() {
    use Status::{Changed, Failed, Ok};
    let cases: &[Case] = &[
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "X"}"#,
            Changed,
            "1 replacements made",
            Some("a\nX\nc\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"regexp": "z", "replace": "X"}"#, Ok, "", Some("a\nb\nc\n")),
        (Some("a\nb\nc\n"), r#"{"regexp": "b\n"}"#, Changed, "1 replacements made", Some("a\nc\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^", "replace": "> "}"#,
            Changed,
            "4 replacements made",
            Some("> a\n> b\n> c\n> "),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "(a|c)", "replace": "[\\1]"}"#,
            Changed,
            "2 replacements made",
            Some("[a]\nb\n[c]\n"),
        ),
        (
            Some("aaa"),
            r#"{"regexp": "a", "replace": "b"}"#,
            Changed,
            "3 replacements made",
            Some("bbb"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "X", "after": "a"}"#,
            Changed,
            "1 replacements made",
            Some("a\nX\nc\n"),
        ),
        (
            Some("b\na\nb\n"),
            r#"{"regexp": "b", "replace": "X", "after": "a"}"#,
            Changed,
            "1 replacements made",
            Some("b\na\nX\n"),
        ),
        (
            Some("b\na\nb\n"),
            r#"{"regexp": "b", "replace": "X", "before": "a"}"#,
            Changed,
            "1 replacements made",
            Some("X\na\nb\n"),
        ),
        (
            Some("b\ns\nb\ne\nb\n"),
            r#"{"regexp": "b", "replace": "X", "after": "s", "before": "e"}"#,
            Changed,
            "1 replacements made",
            Some("b\ns\nX\ne\nb\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "after": "zz", "replace": "q"}"#,
            Ok,
            "Pattern for before/after params did not match the given file: zz(?P<subsection>.*)",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "before": "zz", "replace": "q"}"#,
            Ok,
            "Pattern for before/after params did not match the given file: (?P<subsection>.*)zz",
            Some("a\nb\nc\n"),
        ),
        (None, r#"{"regexp": "b"}"#, Failed, "Path /tmp/e does not exist !", None),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "(", "replace": "q"}"#,
            Failed,
            "missing ), unterminated subpattern at position 0",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "X", "backup": true}"#,
            Changed,
            "1 replacements made",
            Some("a\nX\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "X", "validate": "false %s"}"#,
            Failed,
            "failed to validate: rc:1 error:",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "q", "replace": "X", "mode": "0600"}"#,
            Changed,
            "ownership, perms or SE linux context changed",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"path": "/tmp", "regexp": "x"}"#,
            Failed,
            "Path /tmp is a directory !",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "(?P<l>b)", "replace": "\\g<l>\\g<l>"}"#,
            Changed,
            "1 replacements made",
            Some("a\nbb\nc\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"regexp": "b", "replace": "b"}"#, Ok, "", Some("a\nb\nc\n")),
        (
            Some("Größe\n"),
            r#"{"regexp": "ö", "replace": "oe"}"#,
            Changed,
            "1 replacements made",
            Some("Groeße\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"regexp": "\\Ab"}"#, Ok, "", Some("a\nb\nc\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "c\\n\\Z", "replace": "Z"}"#,
            Changed,
            "1 replacements made",
            Some("a\nb\nZ"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "x\\ty"}"#,
            Changed,
            "1 replacements made",
            Some("a\nx\ty\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "x\\\\y"}"#,
            Changed,
            "1 replacements made",
            Some("a\nx\\y\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "x\\qy"}"#,
            Failed,
            "Unable to process replace due to error: bad escape \\q at position 1",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "x*", "replace": "-"}"#,
            Changed,
            "7 replacements made",
            Some("-a-\n-b-\n-c-\n-"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "replace": "X", "encoding": "latin1"}"#,
            Changed,
            "1 replacements made",
            Some("a\nX\nc\n"),
        ),
        (
            Some("s\nb\ne\n"),
            r#"{"regexp": "b", "replace": "X", "after": ".*s", "before": "e.*"}"#,
            Changed,
            "1 replacements made",
            Some("s\nX\ne\n"),
        ),
    ];
    edits_are_those_of_ansible::<Replace>(cases);
}

#[test]
fn an_unknown_encoding_is_refused() {
    let mut host = FakeHost::new();
    host.file("/tmp/e", "a\n");
    let done = run(&mut host, &json!({"path": "/tmp/e", "regexp": "a", "encoding": "ebcdic"}));
    assert_eq!(done.status, Status::Failed);
}

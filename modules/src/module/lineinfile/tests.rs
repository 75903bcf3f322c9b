//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave, except where told.

use serde_json::{Value as Json, json};

use super::Lineinfile;
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;
use crate::recorded::{EditCase as Case, edits_are_those_of_ansible};
use crate::wire::Status;

fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
    let arguments = arguments.as_object().unwrap();
    execute::<Lineinfile>("ansible.builtin.lineinfile", Execution { host, arguments, diff: false })
}

#[test]
fn outcomes_are_those_of_ansible() {
    use Status::{Changed, Failed, Ok};
    let cases: &[Case] = &[
        (Some("a\nb\nc\n"), r#"{"line": "d"}"#, Changed, "line added", Some("a\nb\nc\nd\n")),
        (Some("a\nb\nc\n"), r#"{"line": "b"}"#, Ok, "", Some("a\nb\nc\n")),
        (Some("a\nb"), r#"{"line": "c"}"#, Changed, "line added", Some("a\nb\nc\n")),
        (Some(""), r#"{"line": "c"}"#, Changed, "line added", Some("c\n")),
        (None, r#"{"line": "c"}"#, Failed, "Destination /tmp/e does not exist !", None),
        (None, r#"{"line": "c", "create": true}"#, Changed, "line added", Some("c\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertafter": "a"}"#,
            Changed,
            "line added",
            Some("a\nx\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertbefore": "b"}"#,
            Changed,
            "line added",
            Some("a\nx\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertbefore": "BOF"}"#,
            Changed,
            "line added",
            Some("x\na\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertafter": "EOF"}"#,
            Changed,
            "line added",
            Some("a\nb\nc\nx\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertafter": "zzz"}"#,
            Changed,
            "line added",
            Some("a\nb\nc\nx\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertbefore": "zzz"}"#,
            Changed,
            "line added",
            Some("a\nb\nc\nx\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"line": "x", "insertafter": "a"}"#,
            Changed,
            "line added",
            Some("a\na\nx\nb\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"line": "x", "insertafter": "a", "firstmatch": true}"#,
            Changed,
            "line added",
            Some("a\nx\na\nb\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"line": "x", "insertbefore": "a"}"#,
            Changed,
            "line added",
            Some("a\nx\na\nb\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"line": "x", "insertbefore": "a", "firstmatch": true}"#,
            Changed,
            "line added",
            Some("x\na\na\nb\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^b", "line": "B"}"#,
            Changed,
            "line replaced",
            Some("a\nB\nc\n"),
        ),
        (
            Some("b1\nb2\n"),
            r#"{"regexp": "^b", "line": "B"}"#,
            Changed,
            "line replaced",
            Some("b1\nB\n"),
        ),
        (
            Some("b1\nb2\n"),
            r#"{"regexp": "^b", "line": "B", "firstmatch": true}"#,
            Changed,
            "line replaced",
            Some("B\nb2\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^z", "line": "B"}"#,
            Changed,
            "line added",
            Some("a\nb\nc\nB\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^z", "line": "B", "insertafter": "a"}"#,
            Changed,
            "line added",
            Some("a\nB\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^z", "line": "B", "insertbefore": "a"}"#,
            Changed,
            "line added",
            Some("B\na\nb\nc\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"regexp": "^z", "line": "b"}"#, Ok, "", Some("a\nb\nc\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^z", "line": "b", "insertafter": "c"}"#,
            Ok,
            "",
            Some("a\nb\nc\n"),
        ),
        (
            Some("k=1\nx\n"),
            r#"{"regexp": "^(k)=(\\d)", "line": "\\1=\\g<2>0", "backrefs": true}"#,
            Changed,
            "line replaced",
            Some("k=10\nx\n"),
        ),
        (
            Some("x\n"),
            r#"{"regexp": "^(k)=(\\d)", "line": "\\1=2", "backrefs": true}"#,
            Ok,
            "",
            Some("x\n"),
        ),
        (
            Some("k=1\n"),
            r#"{"regexp": "^(?P<n>k)=.*$", "line": "\\g<n>=9", "backrefs": true}"#,
            Changed,
            "line replaced",
            Some("k=9\n"),
        ),
        (
            Some("k=1"),
            r#"{"regexp": "^(k)=1", "line": "\\1=2", "backrefs": true}"#,
            Changed,
            "line replaced",
            Some("k=2\n"),
        ),
        (
            Some("k=1\n"),
            r#"{"regexp": "^(k)=1", "line": "\\3=2", "backrefs": true}"#,
            Failed,
            "invalid group reference 3 at position 1",
            Some("k=1\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^b", "state": "absent"}"#,
            Changed,
            "1 line(s) removed",
            Some("a\nc\n"),
        ),
        (
            Some("a\nb\nb\n"),
            r#"{"line": "b", "state": "absent"}"#,
            Changed,
            "2 line(s) removed",
            Some("a\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"regexp": "^q", "state": "absent"}"#, Ok, "", Some("a\nb\nc\n")),
        (None, r#"{"regexp": "^q", "state": "absent"}"#, Ok, "file not present", None),
        (
            Some("a\nb\nc\n"),
            r#"{"search_string": "b", "line": "B"}"#,
            Changed,
            "line replaced",
            Some("a\nB\nc\n"),
        ),
        (
            Some("a.c\nabc\n"),
            r#"{"search_string": "b", "state": "absent"}"#,
            Changed,
            "1 line(s) removed",
            Some("a.c\n"),
        ),
        (Some("a\nb\nc\n"), "{}", Failed, "line is required with state=present", Some("a\nb\nc\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"state": "absent"}"#,
            Failed,
            "one of line, search_string, or regexp is required with state=absent",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "b", "search_string": "b", "line": "x"}"#,
            Failed,
            "parameters are mutually exclusive: regexp|search_string",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertafter": "a", "insertbefore": "b"}"#,
            Failed,
            "parameters are mutually exclusive: insertbefore|insertafter",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"backrefs": true, "line": "x"}"#,
            Failed,
            "regexp is required with backrefs=true",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "(", "line": "x"}"#,
            Failed,
            "missing ), unterminated subpattern at position 0",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "", "line": "a\n"}"#,
            Changed,
            "line replaced",
            Some("a\nb\na\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "a", "regexp": "c", "insertbefore": "b"}"#,
            Changed,
            "line replaced",
            Some("a\nb\na\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"line": "x\n"}"#, Changed, "line added", Some("a\nb\nc\nx\n\n")),
        (Some("a\r\nb\r\n"), r#"{"line": "c"}"#, Changed, "line added", Some("a\r\nb\r\nc\n")),
        (
            Some("a\r\nb\r\n"),
            r#"{"regexp": "^a$", "line": "x"}"#,
            Changed,
            "line added",
            Some("a\r\nb\r\nx\n"),
        ),
        (Some("a\r\nb\r\n"), r#"{"line": "a"}"#, Changed, "line replaced", Some("a\nb\r\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "backup": true}"#,
            Changed,
            "line added",
            Some("a\nb\nc\nx\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "mode": "0600"}"#,
            Changed,
            "line added and ownership, perms or SE linux context changed",
            Some("a\nb\nc\nx\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "a", "mode": "0600"}"#,
            Changed,
            "ownership, perms or SE linux context changed",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "validate": "false %s"}"#,
            Failed,
            "failed to validate: rc:1 error:",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "validate": "false"}"#,
            Failed,
            "validate must contain %s: false",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "x", "insertafter": "b$", "regexp": "^c$"}"#,
            Changed,
            "line replaced",
            Some("a\nb\nx\n"),
        ),
        (Some("x\nb\nx\n"), r#"{"line": "x", "insertafter": "b"}"#, Ok, "", Some("x\nb\nx\n")),
        (Some("b\nx\nx\n"), r#"{"line": "x", "insertbefore": "b"}"#, Ok, "", Some("b\nx\nx\n")),
        (
            Some("a\nx\nb\n"),
            r#"{"line": "x", "insertbefore": "b", "regexp": "^y"}"#,
            Ok,
            "",
            Some("a\nx\nb\n"),
        ),
        (Some("b\nx\n"), r#"{"line": "x", "insertbefore": "BOF"}"#, Ok, "", Some("b\nx\n")),
        (
            Some("b\nx\n"),
            r#"{"line": "x", "insertbefore": "BOF", "regexp": "^q"}"#,
            Ok,
            "",
            Some("b\nx\n"),
        ),
        (Some(""), r#"{"line": ""}"#, Changed, "line added", Some("\n")),
        (
            Some("a\nb\nc\n"),
            r#"{"line": "tab\\tx"}"#,
            Changed,
            "line added",
            Some("a\nb\nc\ntab\\tx\n"),
        ),
        (
            Some("ab\nb\n"),
            r#"{"search_string": "b", "line": "Z", "firstmatch": true}"#,
            Changed,
            "line replaced",
            Some("Z\nb\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"regexp": "^b", "line": "x", "insertafter": "zz", "create": true}"#,
            Changed,
            "line replaced",
            Some("a\nx\nc\n"),
        ),
        (
            None,
            r#"{"line": "x", "create": true, "mode": "0600", "insertafter": "q"}"#,
            Changed,
            "line added and ownership, perms or SE linux context changed",
            Some("x\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"path": "/tmp/nodir/x", "line": "x", "create": true}"#,
            Changed,
            "line added",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"path": "/tmp", "line": "x"}"#,
            Failed,
            "Path /tmp is a directory !",
            Some("a\nb\nc\n"),
        ),
        (
            Some("k=1\nk=2\n"),
            r#"{"regexp": "^k=", "line": "K=\\g<0>", "backrefs": true, "firstmatch": true}"#,
            Changed,
            "line replaced",
            Some("K=k=\nk=2\n"),
        ),
        (Some("a\nb"), r#"{"regexp": "b", "line": "b"}"#, Changed, "line replaced", Some("a\nb\n")),
        (Some("a\nb"), r#"{"regexp": "b", "line": "B"}"#, Changed, "line replaced", Some("a\nB\n")),
        (
            Some("a\nb"),
            r#"{"line": "x", "insertbefore": "b"}"#,
            Changed,
            "line added",
            Some("a\nx\nb"),
        ),
        // Ansible joins the lines to `bx`
        (
            Some("a\nb"),
            r#"{"line": "x", "insertafter": "b"}"#,
            Changed,
            "line added",
            Some("a\nb\nx\n"),
        ),
    ];
    edits_are_those_of_ansible::<Lineinfile>(cases);
}

#[test]
fn results_have_the_fields_of_ansible() {
    let mut host = FakeHost::new();
    host.file("/tmp/e", "a\nb\n");
    let done = run(&mut host, &json!({"path": "/tmp/e", "line": "x", "backup": true}));
    assert_eq!(done.returned["backup"], json!("/tmp/e.1.backup~"));
    let done = run(&mut host, &json!({"path": "/tmp/e", "line": "x"}));
    assert_eq!(done.returned["backup"], json!(""));
    let done = run(&mut host, &json!({"path": "/tmp/e", "regexp": "[ab]", "state": "absent"}));
    assert_eq!(done.returned["found"], json!(2));
    let done = run(&mut host, &json!({"path": "/tmp/none", "line": "x"}));
    assert_eq!(done.returned["rc"], json!(257));
}

#[test]
fn links_are_edited_where_they_lead() {
    let mut host = FakeHost::new();
    host.file("/tmp/f", "a\n").link("/tmp/l", "f");
    run(&mut host, &json!({"path": "/tmp/l", "line": "b", "mode": "0600", "owner": "www"}));
    assert_eq!((host.text("/tmp/f"), host.mode("/tmp/f")), ("a\nb\n".to_owned(), 0o600));
    assert_eq!(host.mode("/tmp/l"), 0o777);
}

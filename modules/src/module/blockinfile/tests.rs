//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave, except where told.

use serde_json::{Value as Json, json};

use super::Blockinfile;
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;
use crate::recorded::{EditCase as Case, edits_are_those_of_ansible};
use crate::wire::Status;

fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
    let arguments = arguments.as_object().unwrap();
    execute::<Blockinfile>(
        "ansible.builtin.blockinfile",
        Execution { host, arguments, diff: false },
    )
}

#[test]
fn outcomes_are_those_of_ansible() {
    use Status::{Changed, Failed, Ok};
    let cases: &[Case] = &[
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x\ny"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x\ny\n"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a"),
            r#"{"block": "x"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some(""),
            r#"{"block": "x"}"#,
            Changed,
            "Block inserted",
            Some("# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (None, r#"{"block": "x"}"#, Failed, "Path /tmp/e does not exist !", None),
        (
            None,
            r#"{"block": "x", "create": true}"#,
            Changed,
            "File created",
            Some("# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"block": "x"}"#,
            Ok,
            "",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"block": "y\nz"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\ny\nz\n# END ANSIBLE MANAGED BLOCK\nb\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"block": ""}"#,
            Changed,
            "Block removed",
            Some("a\nb\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"state": "absent"}"#,
            Changed,
            "Block removed",
            Some("a\nb\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"block": "q", "insertafter": "b"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nq\n# END ANSIBLE MANAGED BLOCK\nb\n"),
        ),
        (Some("a\nb\nc\n"), r#"{"block": ""}"#, Ok, "", Some("a\nb\nc\n")),
        (Some("a\nb\nc\n"), r#"{"state": "absent", "block": "x"}"#, Ok, "", Some("a\nb\nc\n")),
        (None, r#"{"state": "absent"}"#, Failed, "Path /tmp/e does not exist !", None),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertafter": "a"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertbefore": "b"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertbefore": "BOF"}"#,
            Changed,
            "Block inserted",
            Some("# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\na\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertafter": "zz"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertbefore": "zz"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"block": "x", "insertafter": "a"}"#,
            Changed,
            "Block inserted",
            Some("a\na\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
        ),
        (
            Some("a\na\nb\n"),
            r#"{"block": "x", "insertbefore": "a"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\na\nb\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "marker": "<!-- {mark} X -->"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n<!-- BEGIN X -->\nx\n<!-- END X -->\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r##"{"block": "x", "marker": "# {mark} q", "marker_begin": "S", "marker_end": "F"}"##,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# S q\nx\n# F q\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "marker": "nomark"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\nnomark\nx\nnomark\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "marker": "{mark}\n"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\nBEGIN\n\nx\nEND\n\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "append_newline": true}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "prepend_newline": true}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "append_newline": true, "prepend_newline": true, "insertafter": "a"}"#,
            Changed,
            "Block inserted",
            Some("a\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n\nb\nc\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nb\n"),
            r#"{"block": "x", "append_newline": true, "prepend_newline": true}"#,
            Changed,
            "Block inserted",
            Some("a\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n\nb\n"),
        ),
        (
            Some("a\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n\nb\n"),
            r#"{"block": "x", "append_newline": true, "prepend_newline": true}"#,
            Ok,
            "",
            Some("a\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n\nb\n"),
        ),
        (
            Some("a\n\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n\nb\n"),
            r#"{"block": "x", "state": "absent", "append_newline": true, "prepend_newline": true}"#,
            Changed,
            "Block removed",
            Some("a\n\n\nb\n"),
        ),
        (
            Some("# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
            r#"{"block": "y", "prepend_newline": true, "append_newline": true}"#,
            Changed,
            "Block inserted",
            Some("# BEGIN ANSIBLE MANAGED BLOCK\ny\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n"),
            r#"{"block": "y"}"#,
            Changed,
            "Block inserted",
            Some(
                "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# BEGIN ANSIBLE MANAGED BLOCK\ny\n# END ANSIBLE MANAGED BLOCK\n",
            ),
        ),
        (
            Some("a\n# END ANSIBLE MANAGED BLOCK\nx\n# BEGIN ANSIBLE MANAGED BLOCK\nc\n"),
            r#"{"block": "y"}"#,
            Changed,
            "Block inserted",
            Some("a\n# BEGIN ANSIBLE MANAGED BLOCK\ny\n# END ANSIBLE MANAGED BLOCK\nc\n"),
        ),
        (
            Some(
                "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nm\n# BEGIN ANSIBLE MANAGED BLOCK\nz\n# END ANSIBLE MANAGED BLOCK\n",
            ),
            r#"{"block": "y"}"#,
            Changed,
            "Block inserted",
            Some(
                "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nm\n# BEGIN ANSIBLE MANAGED BLOCK\ny\n# END ANSIBLE MANAGED BLOCK\n",
            ),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "backup": true}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "mode": "0600"}"#,
            Changed,
            "Block inserted and ownership, perms or SE linux context changed",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "validate": "false %s"}"#,
            Failed,
            "failed to validate: rc:1 error:",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertafter": "a", "insertbefore": "b"}"#,
            Failed,
            "parameters are mutually exclusive: insertbefore|insertafter",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\r\n"),
            r#"{"block": "x"}"#,
            Changed,
            "Block inserted",
            Some("a\r\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "path": "/tmp"}"#,
            Failed,
            "Path /tmp is a directory !",
            Some("a\nb\nc\n"),
        ),
        (
            Some("a\nb\nc"),
            r#"{"block": "x", "insertafter": "^a\\nb"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "insertafter": "a\nb"}"#,
            Changed,
            "Block inserted",
            Some("a\nb\nc\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ),
        (
            Some("a\nb\nc\n"),
            r#"{"block": "x", "path": "/tmp/nodir/x", "create": true}"#,
            Changed,
            "File created",
            Some("a\nb\nc\n"),
        ),
    ];
    edits_are_those_of_ansible::<Blockinfile>(cases);
}

#[test]
fn a_second_run_changes_nothing() {
    for arguments in [
        json!({"block": "x\ny"}),
        json!({"block": "x", "insertafter": "a", "append_newline": true, "prepend_newline": true}),
        json!({"block": "x", "insertbefore": "BOF", "marker": "; {mark}"}),
        json!({"block": "x", "insertbefore": "c"}),
    ] {
        let mut host = FakeHost::new();
        host.file("/tmp/e", "a\nb\nc");
        let mut arguments = arguments;
        arguments["path"] = json!("/tmp/e");
        assert_eq!(run(&mut host, &arguments).status, Status::Changed, "{arguments}");
        assert_eq!(run(&mut host, &arguments).status, Status::Ok, "{arguments}");
    }
}

#[test]
fn a_pattern_with_the_flag_m_sees_the_whole_text() {
    for (option, pattern, before) in [
        ("insertafter", "(?m)^a\nb", "a\nb\n"),
        ("insertafter", "(?m)^a\nb$\n", "a\nb\nc\n"),
        ("insertbefore", "(?m)^b\nc", "a\n"),
        ("insertafter", "(?m)^zz\nc", "a\nb\nc\nd\n"),
        ("insertafter", "(?m)^[ac]$", "a\n"),
    ] {
        let mut host = FakeHost::new();
        host.file("/tmp/e", "a\nb\nc\nd\n");
        run(&mut host, &json!({"path": "/tmp/e", "block": "x", option: pattern}));
        let text = host.text("/tmp/e");
        assert_eq!(text.split('#').next(), Some(before), "{pattern}");
    }
}

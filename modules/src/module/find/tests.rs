//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave.

use serde_json::{Value as Json, json};

use super::Find;
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;

fn run(arguments: &Json) -> Executed {
    let mut host = FakeHost::new();
    host.directory("/tmp/d", 0o755).file("/tmp/d/x", "x\n").link("/tmp/d/lx", "x");
    host.directory("/tmp/d/sub", 0o700).file("/tmp/d/sub/y.log", "one\ntwo\n");
    host.file("/tmp/d/.h", "").link("/tmp/d/sub/up", "..").file("/tmp/f", "");
    let arguments = arguments.as_object().unwrap();
    execute::<Find>("ansible.builtin.find", Execution { host: &mut host, arguments, diff: false })
}

#[test]
fn files_are_listed_by_their_conditions() {
    let cases = [
        (json!({}), vec!["x"]),
        (json!({"hidden": true}), vec![".h", "x"]),
        (json!({"recurse": true}), vec!["x", "sub/y.log"]),
        (
            json!({"recurse": true, "file_type": "any"}),
            vec!["lx", "sub", "x", "sub/up", "sub/y.log"],
        ),
        (json!({"file_type": "directory"}), vec!["sub"]),
        (json!({"file_type": "link", "recurse": true}), vec!["lx", "sub/up"]),
        (json!({"recurse": true, "depth": 1}), vec!["x"]),
        (json!({"recurse": true, "patterns": "*.log,*.txt"}), vec!["sub/y.log"]),
        (json!({"recurse": true, "patterns": ["^y"], "use_regex": true}), vec!["sub/y.log"]),
        (json!({"recurse": true, "excludes": "*.log"}), vec!["x"]),
        (json!({"recurse": true, "contains": "tw"}), vec!["sub/y.log"]),
        (json!({"recurse": true, "contains": "wo"}), vec![]),
        (json!({"recurse": true, "contains": "e\nt", "read_whole_file": true}), vec!["sub/y.log"]),
        (json!({"recurse": true, "size": "3"}), vec!["sub/y.log"]),
        (json!({"recurse": true, "size": "-3b"}), vec!["x"]),
        (json!({"age": "1s"}), vec![]),
        (json!({"age": "-1d"}), vec!["x"]),
        (json!({"mode": "0644"}), vec!["x"]),
        (json!({"mode": "u=rw,go=r"}), vec!["x"]),
        (json!({"mode": "0100", "exact_mode": false, "file_type": "directory"}), vec!["sub"]),
        (json!({"mode": "0600"}), vec![]),
        (json!({"recurse": true, "limit": 1}), vec!["x"]),
    ];
    for (mut arguments, expected) in cases {
        arguments["paths"] = json!("/tmp/d");
        let done = run(&arguments);
        let files = done.returned["files"].as_array().unwrap();
        let found: Vec<&str> = files
            .iter()
            .map(|file| file["path"].as_str().unwrap().trim_start_matches("/tmp/d/"))
            .collect();
        assert_eq!(found, expected, "{arguments}");
        assert_eq!(done.returned["matched"], json!(expected.len()));
    }
}

#[test]
fn results_have_the_fields_of_ansible() {
    let done = run(&json!({"path": "/tmp/d", "get_checksum": true}));
    assert_eq!(done.returned["examined"], json!(4));
    assert_eq!(done.returned["msg"], json!("All paths examined"));
    assert_eq!(done.returned["skipped_paths"], json!({}));
    let file = &done.returned["files"][0];
    assert_eq!(file["checksum"], json!("6fcf9dfbd479ed82697fee719b9f8c610a11ff2a"));
    assert_eq!((&file["mode"], &file["isreg"]), (&json!("0644"), &json!(true)));
    let done = run(&json!({"paths": "/tmp/none,/tmp/f"}));
    assert_eq!(done.returned["msg"], json!("Not all paths examined, check warnings for details"));
    assert_eq!(
        done.returned["skipped_paths"],
        json!({"/tmp/none": "'/tmp/none' is not a directory", "/tmp/f": "'/tmp/f' is not a directory"})
    );
    for (arguments, message) in [
        (json!({"paths": "/tmp", "age": "xx"}), "failed to process age"),
        (json!({"paths": "/tmp", "size": "xx"}), "failed to process size"),
        (json!({"paths": "/tmp", "limit": 0}), "limit cannot be 0 (use None for unlimited)"),
    ] {
        assert_eq!(run(&arguments).returned["msg"], json!(message));
    }
}

#[test]
fn a_link_that_leads_back_up_ends() {
    let done =
        run(&json!({"paths": "/tmp/d", "recurse": true, "follow": true, "file_type": "link"}));
    assert!(done.returned["files"].as_array().unwrap().len() > 2);
}

//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave.

use serde_json::{Map, Value as Json, json};

use super::Copy;
use crate::effect::{Effect, Output};
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;
use crate::module::template::Template;
use crate::wire::Status;

const A: &str = "3f786850e387550fdab836ed7e6dc881de23001b";
const HI: &str = "55ca6286e3e4f4fba5d0448333fa99fc5a404a73";
const X: &str = "6fcf9dfbd479ed82697fee719b9f8c610a11ff2a";

fn host() -> FakeHost {
    let mut host = FakeHost::new();
    host.file("/tmp/f", "hi\n").directory("/tmp/dir", 0o755).file("/tmp/dir/x", "x\n");
    host.directory("/tmp/dir/sub", 0o755).file("/tmp/dir/sub/y", "y\n").link("/tmp/dir/lx", "x");
    host.directory("/tmp/empty", 0o755).link("/tmp/l", "f").link("/tmp/dang", "nowhere");
    host.link("/tmp/ldir", "empty").file("/tmp/c", "a\n");
    host
}

fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
    let arguments: &Map<String, Json> = arguments.as_object().unwrap();
    execute::<Copy>("ansible.builtin.copy", Execution { host, arguments, diff: false })
}

fn expect(host: &mut FakeHost, arguments: &Json, status: &Status, fields: &Json) {
    let done = run(host, arguments);
    assert_eq!(done.status, *status, "{arguments}: {:?}", done.returned);
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(
            done.returned.get(field).unwrap_or(&Json::Null),
            value,
            "{field} of {arguments}"
        );
    }
    if *status == Status::Changed {
        let again = run(host, arguments);
        assert_eq!(again.status, Status::Ok, "second run of {arguments}: {:?}", again.effects);
    }
}

#[test]
fn content_goes_where_ansible_puts_it() {
    use Status::{Changed, Ok};
    let cases = [
        (
            json!({"content": "a\n", "dest": "/tmp/c1"}),
            Changed,
            json!({"checksum": A, "dest": "/tmp/c1", "md5sum": "Md5:a\n", "mode": "0644", "size": 2, "state": "file", "path": null}),
        ),
        (
            json!({"content": "a\n", "dest": "/tmp/c"}),
            Ok,
            json!({"checksum": A, "dest": "/tmp/c", "path": "/tmp/c", "mode": "0644", "size": 2, "state": "file", "md5sum": null, "src": null}),
        ),
        (
            json!({"content": "a\n", "dest": "/tmp/c", "mode": "u+x"}),
            Changed,
            json!({"checksum": A, "path": "/tmp/c", "mode": "0744", "md5sum": null}),
        ),
        (
            json!({"content": "zzz", "dest": "/tmp/c", "force": false}),
            Ok,
            json!({"dest": "/tmp/c", "checksum": null, "mode": null}),
        ),
        (json!({"content": "zzz", "dest": "/tmp/c9", "force": false}), Changed, json!({"size": 3})),
        (
            json!({"content": "zzz", "dest": "/tmp/l"}),
            Changed,
            json!({"dest": "/tmp/l", "state": "file"}),
        ),
        (
            json!({"content": "zzz", "dest": "/tmp/l", "follow": true}),
            Changed,
            json!({"dest": "/tmp/f", "state": "file"}),
        ),
        (
            json!({"content": "hi\n", "dest": "/tmp/l", "follow": true}),
            Ok,
            json!({"path": "/tmp/f"}),
        ),
        (
            json!({"content": "hi\n", "dest": "/tmp/l"}),
            Changed,
            json!({"dest": "/tmp/l", "state": "file"}),
        ),
        (json!({"content": "q", "dest": "/tmp/dang"}), Changed, json!({"dest": "/tmp/dang"})),
        (
            json!({"content": "q", "dest": "/tmp/dang", "follow": true}),
            Changed,
            json!({"dest": "/tmp/nowhere"}),
        ),
        (
            json!({"content": {"a": [1, true, null], "b": "ö\n"}, "dest": "/tmp/c1"}),
            Changed,
            json!({"size": 39}),
        ),
        (
            json!({"src": "/tmp/dir/x", "dest": "/tmp/r1", "remote_src": true}),
            Changed,
            json!({"checksum": X, "src": "/tmp/dir/x", "dest": "/tmp/r1", "md5sum": "Md5:x\n", "mode": "0644"}),
        ),
        (
            json!({"src": "/tmp/dir/x", "dest": "/tmp/empty/", "remote_src": true}),
            Changed,
            json!({"dest": "/tmp/empty/x"}),
        ),
        (
            json!({"src": "/tmp/dir/x", "dest": "/tmp/newd/", "remote_src": true}),
            Changed,
            json!({"dest": "/tmp/newd/x"}),
        ),
        (
            json!({"src": "/tmp/l", "dest": "/tmp/r1", "remote_src": true}),
            Changed,
            json!({"checksum": HI, "state": "file"}),
        ),
    ];
    for (arguments, status, fields) in cases {
        expect(&mut host(), &arguments, &status, &fields);
    }
}

#[test]
fn data_as_content_is_written_as_python_writes_json() {
    let mut host = host();
    run(&mut host, &json!({"content": {"a": [1, true, null], "b": "ö\n"}, "dest": "/tmp/c1"}));
    assert_eq!(host.text("/tmp/c1"), r#"{"a": [1, true, null], "b": "\u00f6\n"}"#);
}

#[test]
fn sources_of_the_engine_are_only_wanted_when_they_differ() {
    let mut host = host();
    let source = host.source(7, "hi\n");
    let cases = [
        ("/tmp/f", Status::Ok, json!({"path": "/tmp/f", "checksum": HI})),
        ("/tmp/c1", Status::Changed, json!({"dest": "/tmp/c1", "checksum": HI, "mode": "0600"})),
        ("/tmp/empty", Status::Changed, json!({"dest": "/tmp/empty/name", "mode": "0600"})),
        ("/tmp/ldir", Status::Ok, json!({"dest": "/tmp/ldir/name"})),
        ("/tmp/nod/x/", Status::Changed, json!({"dest": "/tmp/nod/x/name", "mode": "0600"})),
    ];
    host.file("/tmp/f", "hi\n");
    run(&mut host, &json!({"content": "hi\n", "dest": "/tmp/f", "mode": "0600"}));
    for (dest, status, fields) in cases {
        let arguments = json!({"src": "files/other", "dest": dest, "mode": "0600", "directory_mode": "0711", "_original_basename": "name", "_canvass_source": source});
        expect(&mut host, &arguments, &status, &fields);
    }
    assert_eq!((host.mode("/tmp/nod"), host.mode("/tmp/nod/x")), (0o711, 0o711));
    // equal content is never asked for
    host.sources.clear();
    let arguments = json!({"src": "f", "dest": "/tmp/f", "_canvass_source": source});
    assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    let arguments = json!({"src": "f", "dest": "/tmp/new", "_canvass_source": source});
    assert_eq!(run(&mut host, &arguments).status, Status::Failed);
}

#[test]
fn trees_of_the_host_are_copied_with_their_modes() {
    let mut host = host();
    run(&mut host, &json!({"content": "x\n", "dest": "/tmp/dir/x", "mode": "0640"}));
    let cases = [
        (
            json!({"src": "/tmp/dir", "dest": "/tmp/D1", "remote_src": true}),
            json!({"dest": "/tmp/D1/dir", "checksum": null, "state": "directory"}),
        ),
        (
            json!({"src": "/tmp/dir/", "dest": "/tmp/D2", "remote_src": true, "mode": "0600"}),
            json!({"dest": "/tmp/D2", "mode": "0600"}),
        ),
        (
            json!({"src": "/tmp/dir/", "dest": "/tmp/D4/", "remote_src": true, "owner": "www"}),
            json!({"owner": "www"}),
        ),
        (
            json!({"src": "/tmp/dir", "dest": "/tmp/empty", "remote_src": true}),
            json!({"dest": "/tmp/empty/dir"}),
        ),
    ];
    for (arguments, fields) in cases {
        expect(&mut host, &arguments, &Status::Changed, &fields);
    }
    assert_eq!(
        host.paths("/tmp/D1"),
        ["/tmp/D1/dir", "/tmp/D1/dir/lx", "/tmp/D1/dir/sub", "/tmp/D1/dir/sub/y", "/tmp/D1/dir/x"]
    );
    assert_eq!((host.mode("/tmp/D2/x"), host.mode("/tmp/D2/sub")), (0o640, 0o755));
    // a changed file of the tree is brought back, the rest stays
    run(&mut host, &json!({"content": "other", "dest": "/tmp/D2/x"}));
    let done = run(&mut host, &json!({"src": "/tmp/dir/", "dest": "/tmp/D2", "remote_src": true}));
    assert_eq!((done.status, done.effects.len()), (Status::Changed, 1));
}

#[test]
fn links_of_a_tree_are_followed_when_asked_for() {
    let mut host = host();
    host.directory("/tmp/t", 0o755).file("/tmp/t/run", "go\n").link("/tmp/t/lrun", "run");
    host.directory("/tmp/t/sub", 0o700).link("/tmp/t/sub/up", "../run").link("/tmp/t/lsub", "sub");
    run(&mut host, &json!({"content": "go\n", "dest": "/tmp/t/run", "mode": "0751"}));
    let tree = |dest: &str, follow: Option<bool>| json!({"src": "/tmp/t/", "dest": dest, "remote_src": true, "local_follow": follow});
    expect(&mut host, &tree("/tmp/new", Some(true)), &Status::Changed, &json!({}));
    expect(&mut host, &tree("/tmp/empty", Some(true)), &Status::Changed, &json!({}));
    let parts = ["/lrun", "/lsub", "/lsub/up", "/run", "/sub", "/sub/up"];
    for (dest, link_mode) in [("/tmp/new", 0o751), ("/tmp/empty", 0o644)] {
        assert_eq!(host.paths(dest), parts.map(|part| format!("{dest}{part}")));
        // beside what was there the file of a link has the mode of every new file
        assert_eq!(host.mode(&format!("{dest}/lrun")), link_mode, "{dest}");
        assert_eq!(host.mode(&format!("{dest}/lsub")), 0o700, "{dest}");
        assert_eq!(host.mode(&format!("{dest}/lsub/up")), 0o751, "{dest}");
    }
    // a file with another content takes the mode of its source too
    run(&mut host, &json!({"content": "stop\n", "dest": "/tmp/empty/lrun", "mode": "0600"}));
    expect(&mut host, &tree("/tmp/empty", Some(true)), &Status::Changed, &json!({}));
    assert_eq!(host.mode("/tmp/empty/lrun"), 0o751);
    for follow in [Some(false), None] {
        let dest = format!("/tmp/kept{follow:?}");
        expect(&mut host, &tree(&dest, follow), &Status::Changed, &json!({}));
        let kept = ["/lrun", "/lsub", "/run", "/sub", "/sub/up"];
        assert_eq!(host.paths(&dest), kept.map(|part| format!("{dest}{part}")));
    }
    // a link to nothing is left out beside what was there, and refused in a new directory
    host.directory("/tmp/dd", 0o755).link("/tmp/dd/x", "nowhere").directory("/tmp/there", 0o755);
    host.directory("/tmp/loop", 0o755).link("/tmp/loop/me", ".");
    let cases = [
        ("dd", "there", None),
        ("dd", "none", Some("/tmp/dd/x cannot be copied: the link leads to nothing")),
        (
            "loop",
            "none",
            Some("/tmp/loop/me cannot be copied: the link leads to a directory that holds it"),
        ),
    ];
    for (from, to, message) in cases {
        let arguments = json!({
            "src": format!("/tmp/{from}/"), "dest": format!("/tmp/{to}"),
            "remote_src": true, "local_follow": true,
        });
        let done = run(&mut host, &arguments);
        assert_eq!(done.returned.get("msg").and_then(Json::as_str), message, "{arguments}");
    }
}

#[test]
fn mode_preserve_takes_the_mode_of_the_source() {
    let mut host = host();
    run(&mut host, &json!({"content": "x\n", "dest": "/tmp/dir/x", "mode": "0640"}));
    let arguments =
        json!({"src": "/tmp/dir/x", "dest": "/tmp/r2", "remote_src": true, "mode": "preserve"});
    expect(&mut host, &arguments, &Status::Changed, &json!({"mode": "0640"}));
}

#[test]
fn refusals_say_what_ansible_says() {
    let mut host = host();
    let bad = Output { status: 1, ..Output::default() };
    host.outputs.insert("grep v %s".to_owned(), bad);
    let cases = [
        (json!({"content": "a\n", "dest": "/tmp/empty"}), "can not use content with a dir as dest"),
        (json!({"content": "a\n", "dest": "/tmp/no/x/"}), "can not use content with a dir as dest"),
        (
            json!({"content": "a\n", "dest": "/tmp/no/x"}),
            "Destination directory /tmp/no does not exist",
        ),
        (
            json!({"content": "a\n", "dest": "/tmp/f/x"}),
            "Destination /tmp/f/x cannot be made: an ancestor is not a directory",
        ),
        (
            json!({"content": "w", "dest": "/tmp/v", "validate": "true"}),
            "validate must contain %s: true",
        ),
        (
            json!({"content": "w", "dest": "/tmp/v", "checksum": "aaa"}),
            "Copied file does not match the expected checksum. Transfer failed.",
        ),
        (
            json!({"src": "/tmp/none", "dest": "/tmp/v", "remote_src": true}),
            "Source /tmp/none not found",
        ),
        (
            json!({"src": "/tmp/dir/", "dest": "/tmp/f", "remote_src": true}),
            "cannot copy directory /tmp/dir/ over /tmp/f, which is no directory",
        ),
        (
            json!({"content": "q", "dest": "/tmp/ou", "owner": "nosuch"}),
            "chown failed: failed to look up user nosuch",
        ),
        (json!({"dest": "/tmp/ou"}), "src (or content) is required"),
        (json!({"dest": "/tmp/ou", "src": "f"}), "the content of f was not sent"),
        (
            json!({"dest": "/tmp/ou", "src": "f", "content": "x"}),
            "parameters are mutually exclusive: src|content",
        ),
    ];
    for (arguments, message) in cases {
        let done = run(&mut host, &arguments);
        assert_eq!(done.status, Status::Failed, "{arguments}");
        assert_eq!(done.returned["msg"], json!(message), "{arguments}");
        assert!(host.applied.is_empty(), "{arguments}");
    }
    let done = run(&mut host, &json!({"content": "w", "dest": "/tmp/v", "validate": "grep v %s"}));
    assert_eq!(done.status, Status::Failed);
    assert!(done.returned["msg"].as_str().unwrap().starts_with("failed to validate"));
    assert!(!host.paths("/tmp").contains(&"/tmp/v".to_owned()));
}

#[test]
fn the_old_file_is_kept_when_asked() {
    let mut host = host();
    let done = run(&mut host, &json!({"content": "b\n", "dest": "/tmp/c", "backup": true}));
    assert_eq!(done.returned["backup_file"], json!("/tmp/c.1.backup~"));
    assert_eq!((host.text("/tmp/c.1.backup~"), host.text("/tmp/c")), ("a\n".into(), "b\n".into()));
}

#[test]
fn owner_and_mode_go_with_the_new_file() {
    let mut host = host();
    let arguments = json!({"content": "b\n", "dest": "/tmp/c", "mode": "0600", "owner": "www"});
    expect(&mut host, &arguments, &Status::Changed, &json!({"mode": "0600", "owner": "www"}));
    let [Effect::WriteFile(write)] = host.applied.as_slice() else { panic!("{:?}", host.applied) };
    assert_eq!(write.attributes.mode, Some(0o600));
}

#[test]
fn a_template_is_delivered_like_a_copy() {
    let mut host = host();
    let source = host.source(1, "rendered\n");
    let arguments = json!({"src": "x.j2", "dest": "/tmp/empty/", "mode": "0640", "trim_blocks": "no", "newline_sequence": "\\n", "_canvass_source": source});
    for status in [Status::Changed, Status::Ok] {
        let arguments = arguments.as_object().unwrap();
        let execution = Execution { host: &mut host, arguments, diff: false };
        let done = execute::<Template>("ansible.builtin.template", execution);
        assert_eq!((done.status, &done.returned["dest"]), (status, &json!("/tmp/empty/x.j2")));
    }
}

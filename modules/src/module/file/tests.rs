//! Cases whose outcome real Ansible (ansible-core 2.19.14) gave.

use serde_json::{Map, Value as Json, json};

use super::File;
use crate::execute::{Executed, Execution, execute, foresee};
use crate::host::Host as _;
use crate::host::fake::FakeHost;
use crate::wire::Status;

fn host() -> FakeHost {
    let mut host = FakeHost::new();
    host.file("/tmp/f", "hi\n").directory("/tmp/dir", 0o755).file("/tmp/dir/x", "x\n");
    host.directory("/tmp/empty", 0o755).link("/tmp/l", "f").link("/tmp/dang", "nowhere");
    host.link("/tmp/ldir", "dir");
    host
}

fn run(host: &mut FakeHost, arguments: &Json) -> Executed {
    let arguments: &Map<String, Json> = arguments.as_object().unwrap();
    execute::<File>("ansible.builtin.file", Execution { host, arguments, diff: false })
}

/// Runs, compares, runs again: a second run changes nothing.
fn expect(host: &mut FakeHost, arguments: Json, status: &Status, fields: Json) {
    let done = run(host, &arguments);
    assert_eq!(done.status, *status, "{arguments}: {:?}", done.returned);
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(done.returned.get(field), Some(value), "{field} of {arguments}");
    }
    let steady = !matches!(arguments.get("state").and_then(Json::as_str), Some("touch"));
    if *status == Status::Changed && steady {
        let again = run(host, &arguments);
        assert_eq!(again.status, Status::Ok, "second run of {arguments}: {:?}", again.effects);
        assert_eq!(again.returned, done.returned, "second run of {arguments}");
    }
}

#[test]
fn states_give_what_ansible_gives() {
    use Status::{Changed, Ok};
    let cases = [
        (
            json!({"path": "/tmp/none", "state": "absent"}),
            Ok,
            json!({"path": "/tmp/none", "state": "absent"}),
        ),
        (
            json!({"path": "/tmp/f"}),
            Ok,
            json!({"path": "/tmp/f", "state": "file", "mode": "0644", "size": 3, "owner": "root", "group": "root", "uid": 0, "gid": 0}),
        ),
        (json!({"path": "/tmp/f", "mode": "0600"}), Changed, json!({"mode": "0600"})),
        (json!({"path": "/tmp/f", "mode": 384}), Changed, json!({"mode": "0600"})),
        (
            json!({"path": "/tmp/f", "owner": "www", "group": "33"}),
            Changed,
            json!({"owner": "www", "gid": 33}),
        ),
        (json!({"path": "/tmp/dir"}), Ok, json!({"path": "/tmp/dir", "state": "directory"})),
        (
            json!({"path": "/tmp/a/b/c", "state": "directory", "mode": "0750"}),
            Changed,
            json!({"path": "/tmp/a/b/c", "mode": "0750", "state": "directory"}),
        ),
        (json!({"path": "/tmp/ts/", "state": "directory"}), Changed, json!({"path": "/tmp/ts/"})),
        (json!({"path": "/tmp/ldir", "state": "directory"}), Ok, json!({"path": "/tmp/dir"})),
        (
            json!({"path": "/tmp/dang", "state": "directory"}),
            Changed,
            json!({"path": "/tmp/nowhere"}),
        ),
        (json!({"path": "/tmp/n3", "recurse": true}), Changed, json!({"state": "directory"})),
        (
            json!({"path": "/tmp/l2", "src": "f", "state": "link"}),
            Changed,
            json!({"dest": "/tmp/l2", "src": "f", "state": "link", "mode": "0777", "size": 1}),
        ),
        (
            json!({"path": "/tmp/l", "src": "f", "state": "link"}),
            Ok,
            json!({"dest": "/tmp/l", "src": "f"}),
        ),
        (
            json!({"path": "/tmp/l", "src": "dir", "state": "link"}),
            Changed,
            json!({"src": "dir", "size": 3}),
        ),
        (
            json!({"path": "/tmp/l3", "src": "nono", "state": "link", "force": true}),
            Changed,
            json!({"dest": "/tmp/l3", "src": "nono"}),
        ),
        (
            json!({"path": "/tmp/dir/x", "src": "../f", "state": "link", "force": true}),
            Changed,
            json!({"src": "../f", "state": "link"}),
        ),
        (
            json!({"path": "/tmp/empty", "src": "f", "state": "link", "force": true}),
            Changed,
            json!({"state": "link"}),
        ),
        (json!({"path": "/tmp/l", "state": "link"}), Ok, json!({"src": "f"})),
        (
            json!({"path": "/tmp/l", "mode": "0640"}),
            Changed,
            json!({"dest": "/tmp/l", "src": "f", "mode": "0777"}),
        ),
        (json!({"path": "/tmp/dang"}), Ok, json!({"dest": "/tmp/dang", "src": null})),
        (
            json!({"path": "/tmp/l", "src": "f", "state": "link", "mode": "0604"}),
            Changed,
            json!({"mode": "0777"}),
        ),
        (
            json!({"path": "/tmp/l", "src": "f", "state": "link", "mode": "0604", "follow": false}),
            Ok,
            json!({"mode": "0777"}),
        ),
        (
            json!({"path": "/tmp/h", "src": "/tmp/f", "state": "hard"}),
            Changed,
            json!({"dest": "/tmp/h", "src": "/tmp/f"}),
        ),
        (
            json!({"path": "/tmp/dir", "src": "/tmp/f", "state": "hard"}),
            Changed,
            json!({"dest": "/tmp/dir/f"}),
        ),
        (
            json!({"path": "/tmp/dir/x", "src": "/tmp/f", "state": "hard", "force": true}),
            Changed,
            json!({"dest": "/tmp/dir/x"}),
        ),
        (
            json!({"path": "/tmp/t", "state": "touch", "mode": "0640"}),
            Changed,
            json!({"dest": "/tmp/t", "mode": "0640", "size": 0, "state": "file"}),
        ),
        (
            json!({"path": "/tmp/l", "state": "touch", "mode": "0666"}),
            Changed,
            json!({"dest": "/tmp/l", "state": "link"}),
        ),
        (
            json!({"path": "/tmp/f", "state": "touch", "modification_time": "preserve", "access_time": "preserve"}),
            Ok,
            json!({"dest": "/tmp/f"}),
        ),
        (
            json!({"path": "/tmp/dang", "state": "absent"}),
            Changed,
            json!({"path": "/tmp/dang", "state": "absent"}),
        ),
        (json!({"path": "/tmp/dir", "state": "absent"}), Changed, json!({"state": "absent"})),
        (json!({"path": "~/n", "state": "absent"}), Ok, json!({"path": "/root/n"})),
    ];
    for (arguments, status, fields) in cases {
        expect(&mut host(), arguments, &status, fields);
    }
}

#[test]
fn refusals_say_what_ansible_says() {
    let cases = [
        (
            json!({"path": "/tmp/none", "state": "file"}),
            "file (/tmp/none) is absent, cannot continue",
        ),
        (json!({"path": "/tmp/none"}), "file (/tmp/none) is absent, cannot continue"),
        (
            json!({"path": "/tmp/dir", "state": "file"}),
            "file (/tmp/dir) is directory, cannot continue",
        ),
        (
            json!({"path": "/tmp/l", "state": "file", "follow": false}),
            "file (/tmp/l) is link, cannot continue",
        ),
        (
            json!({"path": "/tmp/dang", "state": "file"}),
            "file (/tmp/nowhere) is absent, cannot continue",
        ),
        (json!({"path": "/tmp/f", "state": "directory"}), "/tmp/f already exists as a file"),
        (
            json!({"path": "/tmp/ldir", "state": "directory", "follow": false}),
            "/tmp/ldir already exists as a link",
        ),
        (
            json!({"path": "/tmp/f/x", "state": "directory"}),
            "There was an issue creating /tmp/f/x as requested: an ancestor is not a directory",
        ),
        (
            json!({"path": "/tmp/l3", "src": "nono", "state": "link"}),
            "src file does not exist, use 'force=yes' if you really want to create the link: /tmp/nono",
        ),
        (
            json!({"path": "/tmp/dir/x", "src": "../f", "state": "link"}),
            "refusing to convert from file to symlink for /tmp/dir/x",
        ),
        (
            json!({"path": "/tmp/empty", "src": "f", "state": "link"}),
            "src file does not exist, use 'force=yes' if you really want to create the link: /tmp/empty/f",
        ),
        (
            json!({"path": "/tmp/empty", "src": "/tmp", "state": "link"}),
            "refusing to convert from directory to symlink for /tmp/empty",
        ),
        (
            json!({"path": "/tmp/dir", "src": "f", "state": "link", "force": true}),
            "the directory /tmp/dir is not empty, refusing to convert it",
        ),
        (json!({"path": "/tmp/zz", "state": "link"}), "src is required for creating new symlinks"),
        (json!({"path": "/tmp/zz", "state": "hard"}), "src is required for creating new hardlinks"),
        (json!({"path": "/tmp/f", "state": "hard"}), "src is required for creating new hardlinks"),
        (json!({"path": "/tmp/zz", "state": "hard", "src": "/tmp/nono"}), "src does not exist"),
        (
            json!({"path": "/tmp/dir/x", "state": "hard", "src": "/tmp/f"}),
            "Cannot link, file exists at destination",
        ),
        (
            json!({"path": "/tmp/f", "recurse": true, "state": "file"}),
            "recurse option requires state to be 'directory'",
        ),
        (
            json!({"path": "/tmp/f", "src": "f", "state": "touch"}),
            "src option requires state to be 'link' or 'hard'",
        ),
        (
            json!({"path": "/tmp/f", "owner": "nosuch"}),
            "chown failed: failed to look up user nosuch",
        ),
        (
            json!({"path": "/tmp/none", "owner": "nosuch"}),
            "file (/tmp/none) is absent, cannot continue",
        ),
        (
            json!({"path": "/tmp/f", "group": "nosuch"}),
            "chgrp failed: failed to look up group nosuch",
        ),
        (
            json!({"path": "/tmp/dang", "state": "touch"}),
            "Error while updating modification or access time: No such file or directory: /tmp/nowhere",
        ),
        (
            json!({"path": "/tmp/no/t", "state": "touch"}),
            "Error, could not touch target: the directory of /tmp/no/t does not exist",
        ),
        (
            json!({"path": "/tmp/no/t", "state": "link", "src": "/tmp"}),
            "Error while linking: the directory of /tmp/no/t does not exist",
        ),
        (
            json!({"path": "/tmp/f", "state": "touch", "modification_time": "xx"}),
            "Error while obtaining timestamp for time xx using format %Y%m%d%H%M.%S: time data 'xx' does not match format '%Y%m%d%H%M.%S'",
        ),
        (
            json!({"path": "/tmp/f", "modification_time": "1", "modification_time_format": "%Q"}),
            "time format `%Q` has a directive that is not supported: only %Y %m %d %H %M %S %y %j are",
        ),
    ];
    for (arguments, message) in cases {
        let mut host = host();
        let done = run(&mut host, &arguments);
        assert_eq!(done.status, Status::Failed, "{arguments}");
        assert_eq!(done.returned["msg"], json!(message), "{arguments}");
        assert!(host.applied.is_empty(), "{arguments}");
    }
}

#[test]
fn refusals_tell_what_is_there() {
    let done = run(&mut host(), &json!({"path": "/tmp/f", "state": "directory"}));
    assert_eq!((&done.returned["state"], &done.returned["size"]), (&json!("file"), &json!(3)));
}

#[test]
fn each_new_level_takes_the_mode() {
    let mut host = host();
    run(
        &mut host,
        &json!({"path": "/tmp/a/b", "state": "directory", "mode": "0711", "owner": "www"}),
    );
    assert_eq!((host.mode("/tmp/a"), host.mode("/tmp/a/b")), (0o711, 0o711));
}

#[test]
fn recursion_makes_only_directories_and_programs_searchable() {
    let mut host = host();
    host.file("/tmp/dir/run", "").directory("/tmp/dir/sub", 0o700).link("/tmp/dir/out", "../f");
    run(&mut host, &json!({"path": "/tmp/dir/run", "mode": "0755"}));
    let arguments =
        json!({"path": "/tmp/dir", "state": "directory", "recurse": true, "mode": "u=rwX,g=rX,o="});
    expect(&mut host, arguments, &Status::Changed, json!({"mode": "0750"}));
    let modes = ["/tmp/dir/x", "/tmp/dir/run", "/tmp/dir/sub", "/tmp/f"].map(|p| host.mode(p));
    assert_eq!(modes, [0o640, 0o750, 0o750, 0o640]);
}

#[test]
fn recursion_without_follow_leaves_what_links_lead_to() {
    let mut host = host();
    host.link("/tmp/dir/out", "../f").link("/tmp/dir/self", ".");
    let arguments = json!({"path": "/tmp/dir", "state": "directory", "recurse": true, "mode": "0700", "follow": false});
    expect(&mut host, arguments, &Status::Changed, json!({}));
    assert_eq!(host.mode("/tmp/f"), 0o644);
    // a link to its own directory ends
    let arguments =
        json!({"path": "/tmp/dir", "state": "directory", "recurse": true, "mode": "0711"});
    expect(&mut host, arguments, &Status::Changed, json!({}));
}

#[test]
fn times_are_set_when_they_differ() {
    let mut host = host();
    host.outputs.insert(
        "date -d 2020-01-02 03:04:05 +%s".to_owned(),
        crate::effect::Output { stdout: b"1577934245\n".to_vec(), ..Default::default() },
    );
    let arguments = json!({"path": "/tmp/f", "state": "touch", "modification_time": "202001020304.05", "access_time": "preserve"});
    assert_eq!(run(&mut host, &arguments).status, Status::Changed);
    assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    let stat = host.stat("/tmp/f".as_ref(), crate::host::Follow::No).unwrap().unwrap();
    assert_eq!((stat.modified.seconds, stat.accessed.seconds), (1_577_934_245, 1_000));
}

#[test]
fn a_dry_run_warns_of_accounts_that_are_not_there_yet() {
    let user =
        |what| format!("failed to look up user {what}. Create user up to this point in real play");
    let group = |what| {
        format!("failed to look up group {what}. Create group up to this point in real play")
    };
    let cases = [
        (json!({"owner": "nosuch"}), vec![user("nosuch")]),
        (
            json!({"owner": "111119", "group": "nosuch"}),
            vec![user("with uid 111119"), group("nosuch")],
        ),
        (json!({"group": "111118"}), vec![group("with gid 111118")]),
        (json!({"owner": "www", "group": "0"}), vec![]),
        (json!({"owner": "", "group": ""}), vec![]),
        (json!({"owner": "nosuch", "state": "absent"}), vec![]),
    ];
    for (mut arguments, warnings) in cases {
        arguments["path"] = json!("/tmp/none");
        let arguments = arguments.as_object().unwrap();
        let foreseen = foresee::<File>("ansible.builtin.file", arguments, &mut host());
        assert_eq!(foreseen, warnings, "{arguments:?}");
    }
}

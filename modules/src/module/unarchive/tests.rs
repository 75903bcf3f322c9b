//! Archives that the test makes with the programs of this machine; what comes of them was
//! recorded from ansible-core 2.19.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Unarchive;
use super::tar::{Member, parse};
use crate::execute::{Executed, Execution, execute};
use crate::host::live::{Interrupt, LiveHost};
use crate::host::rehearsal::RehearsalHost;
use crate::host::{FileKind, Follow, Host};
use crate::wire::Status;

fn live() -> LiveHost {
    LiveHost::new(Arc::new(Interrupt::new()))
}

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    let arguments: Map<String, Json> = arguments.as_object().unwrap().clone();
    execute::<Unarchive>("unarchive", Execution { host, arguments: &arguments, diff: true })
}

/// A directory with archives of `d/a.txt`, `d/ü b.txt`, `d/l -> a.txt` and `run.sh`.
fn archives() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let made = Command::new("sh")
        .arg("-ec")
        .arg(
            "mkdir -p s/d out && cd s && echo hi > d/a.txt && echo u > 'd/ü b.txt' \
             && ln -s a.txt d/l && chmod 750 d && echo '#!' > run.sh && chmod 755 run.sh \
             && tar czf ../t.tgz d run.sh && tar cf ../t.tar d run.sh && : > ../empty",
        )
        .current_dir(place.path())
        .status()
        .unwrap();
    assert!(made.success());
    place
}

fn arguments(place: &Path, archive: &str, more: &Json) -> Json {
    let mut all =
        json!({"src": place.join(archive), "dest": place.join("out"), "remote_src": true});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn names(host: &mut dyn Host, directory: &Path) -> Vec<String> {
    host.list(directory).unwrap()
}

#[test]
fn what_is_unpacked_stays_unpacked() {
    for (archive, handler, more, files) in [
        ("t.tgz", "TgzArchive", json!({}), json!(["d/", "d/a.txt", "d/ü b.txt", "d/l", "run.sh"])),
        ("t.tar", "TarArchive", json!({"exclude": "d"}), json!(["run.sh"])),
        ("t.tar", "TarArchive", json!({"include": "d/a.txt"}), json!(["d/a.txt"])),
        (
            "t.tgz",
            "TgzArchive",
            json!({"extra_opts": ["--strip-components=1"]}),
            json!(["", "a.txt", "ü b.txt", "l", ""]),
        ),
    ] {
        let place = archives();
        let mut given = arguments(place.path(), archive, &more);
        given["list_files"] = json!(true);
        let first = run(&mut live(), &given);
        assert_eq!(first.status, Status::Changed, "{:?}", first.returned);
        assert_eq!(first.returned["handler"], handler);
        let mut told = first.returned["files"].as_array().unwrap().clone();
        let mut wanted = files.as_array().unwrap().clone();
        told.sort_by_key(Json::to_string);
        wanted.sort_by_key(Json::to_string);
        assert_eq!(told, wanted);
        assert_eq!(first.returned["extract_results"]["rc"], 0);
        let second = run(&mut live(), &given);
        assert_eq!(second.status, Status::Ok, "{:?}", second.effects);
    }
}

#[test]
fn what_was_changed_is_unpacked_again() {
    let place = archives();
    let given = arguments(place.path(), "t.tgz", &json!({}));
    assert_eq!(run(&mut live(), &given).status, Status::Changed);
    let file = place.path().join("out/d/a.txt");
    std::fs::write(&file, "more").unwrap();
    let kept = arguments(place.path(), "t.tgz", &json!({"keep_newer": true}));
    assert_eq!(run(&mut live(), &kept).status, Status::Changed);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "more");
    assert_eq!(run(&mut live(), &given).status, Status::Changed);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hi\n");
}

#[test]
fn a_rehearsal_sees_what_an_archive_brings() {
    let place = archives();
    let out = place.path().join("out");
    let mut host = RehearsalHost::new(live());
    let given = arguments(place.path(), "t.tgz", &json!({"mode": "u=rwX,go="}));
    let first = run(&mut host, &given);
    assert_eq!(first.status, Status::Changed, "{:?}", first.returned);
    let told: Vec<&Json> = first.diffs.iter().map(|diff| &diff.after).collect();
    let line = ">f++++++.?? d/a.txt\n";
    assert!(told.iter().any(|after| after.as_str().is_some_and(|it| it.contains(line))));
    assert_eq!(names(&mut host, &out), ["d", "run.sh"]);
    assert_eq!(host.read(&out.join("d/l")).unwrap(), b"hi\n");
    let stat = host.stat(&out.join("run.sh"), Follow::No).unwrap().unwrap();
    assert_eq!((stat.kind, stat.mode), (FileKind::File, 0o700));
    assert!(std::fs::read_dir(&out).unwrap().next().is_none());
}

#[test]
fn refusals_are_worded_as_ansible_words_them() {
    let place = archives();
    let shown = |name: &str| place.path().join(name).display().to_string();
    for (archive, more, message) in [
        ("none", json!({}), format!("Source '{}' does not exist", shown("none"))),
        ("empty", json!({}), format!("Invalid archive '{}', the file is 0 bytes", shown("empty"))),
        (
            "t.tgz",
            json!({"dest": "/nowhere"}),
            "dest '/nowhere' must be an existing dir".to_owned(),
        ),
        (
            "t.tgz",
            json!({"include": "a", "exclude": "b"}),
            "parameters are mutually exclusive: include|exclude".to_owned(),
        ),
        ("s/run.sh", json!({}), format!("Failed to find handler for \"{}\".", shown("s/run.sh"))),
    ] {
        let ended = run(&mut live(), &arguments(place.path(), archive, &more));
        assert_eq!(ended.status, Status::Failed);
        let told = ended.returned["msg"].as_str().unwrap();
        assert!(told.starts_with(&message), "{told}");
    }
    let there = json!({"creates": place.path()});
    let skipped = run(&mut live(), &arguments(place.path(), "none", &there));
    assert_eq!(skipped.returned["skipped"], true);
}

#[test]
fn lists_of_tar_are_read() {
    let member = |kind, mode, size, name: &str, target: Option<&str>, hard| {
        let (name, target) = (name.to_owned(), target.map(str::to_owned));
        Some(Member { kind, mode, size, modified: 1_577_934_245, name, target, hard })
    };
    let at = "2020-01-02 03:04:05";
    let table = [
        (
            format!("-rw-r--r-- 0/0          12 {at} d/\\303\\274 b"),
            member(FileKind::File, 0o644, 12, "d/ü b", None, false),
        ),
        (
            format!("drwxr-x--- 0/0           0 {at} /d/"),
            member(FileKind::Directory, 0o750, 0, "d/", None, false),
        ),
        (
            format!("lrwxrwxrwx 1000/1000     0 {at} l -> a/b"),
            member(FileKind::Link, 0o777, 0, "l", Some("a/b"), false),
        ),
        (
            format!("hrw-r--r-- 0/0           0 {at}.5 h link to d/x"),
            member(FileKind::File, 0o644, 0, "h", Some("d/x"), true),
        ),
        ("tar: garbage".to_owned(), None),
    ];
    for (line, expected) in table {
        assert_eq!(parse(&line), expected, "{line}");
    }
}

//! Outcomes are those of community.general 11 on the same trees.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Archive;
use crate::execute::Executed;
use crate::host::Host as _;
use crate::host::live::{Interrupt, LiveHost};
use crate::host::rehearsal::RehearsalHost;
use crate::recorded::{run, with};
use crate::wire::Status;

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("t/sub/empty")).unwrap();
    std::fs::write(root.join("t/a.txt"), "hello\n").unwrap();
    std::fs::write(root.join("t/b.log"), "log\n").unwrap();
    std::fs::write(root.join("t/sub/c.txt"), "deep\n").unwrap();
    symlink("a.txt", root.join("t/link")).unwrap();
    folder
}

fn live() -> LiveHost {
    LiveHost::new(Arc::new(Interrupt::default()))
}

/// Arguments with the folder before their paths.
fn placed(root: &Path, arguments: &Json) -> Json {
    let text = arguments.to_string().replace("/R", &root.display().to_string());
    serde_json::from_str(&text).unwrap()
}

fn archived(ended: &Executed, root: &Path) -> Vec<String> {
    let root = root.display().to_string();
    let names = ended.returned["archived"].as_array().unwrap().iter();
    let mut names: Vec<String> =
        names.map(|name| name.as_str().unwrap().replace(&root, "")).collect();
    names.sort();
    names
}

#[test]
fn trees_are_packed_once() {
    let whole = ["/t/a.txt", "/t/b.log", "/t/link", "/t/sub", "/t/sub/c.txt", "/t/sub/empty"];
    let table: &[(Json, &[&str], &str)] = &[
        (json!({"path": "/R/t", "dest": "/R/x.tgz"}), &whole, "archive"),
        (json!({"path": "/R/t/", "dest": "/R/x.tar", "format": "tar"}), &whole, "archive"),
        (
            json!({"path": ["/R/t", "/R/none"], "dest": "/R/x.bz2", "format": "bz2"}),
            &whole,
            "incomplete",
        ),
        (
            json!({"path": "/R/t", "dest": "/R/x.zip", "format": "zip"}),
            &["/t/a.txt", "/t/b.log", "/t/link", "/t/sub/c.txt"],
            "archive",
        ),
        (
            json!({"path": "/R/t/*", "dest": "/R/x.xz", "format": "xz", "exclude_path": ["/R/t/*.log"]}),
            &["/t/a.txt", "/t/link", "/t/sub/c.txt", "/t/sub/empty"],
            "archive",
        ),
        (
            json!({"path": "/R/t", "dest": "/R/x.tgz", "exclusion_patterns": ["*.txt"]}),
            &["/t/b.log", "/t/link", "/t/sub", "/t/sub/empty"],
            "archive",
        ),
        (json!({"path": "/R/t/a.txt"}), &["/t/a.txt"], "compress"),
        (json!({"path": "/R/t/a.txt", "format": "xz"}), &["/t/a.txt"], "compress"),
        (json!({"path": "/R/t/a.txt", "format": "zip"}), &["/t/a.txt"], "archive"),
        (
            json!({"path": "/R/t/a.txt", "dest": "/R/one.tgz", "force_archive": true, "mode": "0600"}),
            &["/t/a.txt"],
            "archive",
        ),
        (json!({"path": "/R/none", "dest": "/R/x.tgz"}), &[], "absent"),
    ];
    for (arguments, names, state) in table {
        let folder = tree();
        let root = folder.path();
        let arguments = placed(root, arguments);
        let changes = *state != "absent";
        let told = run::<Archive>(&mut RehearsalHost::new(live()), &arguments);
        assert_eq!(told.status == Status::Changed, changes, "{arguments} {told:?}");
        let ended = run::<Archive>(&mut live(), &arguments);
        assert_eq!(ended.status == Status::Changed, changes, "{arguments} {ended:?}");
        assert_eq!(archived(&ended, root), *names, "{arguments}");
        assert_eq!(ended.returned["dest_state"], *state, "{arguments}");
        let again = run::<Archive>(&mut live(), &arguments);
        assert_eq!(again.status, Status::Ok, "{arguments} {again:?}");
        if changes && *state != "compress" {
            std::fs::write(root.join("t/a.txt"), "changed\n").unwrap();
            let expected = names.contains(&"/t/a.txt");
            let third = run::<Archive>(&mut live(), &arguments);
            assert_eq!(third.status == Status::Changed, expected, "{arguments}");
        }
    }
}

#[test]
fn what_is_packed_can_be_removed() {
    let folder = tree();
    let arguments = json!({"path": "/R/t", "dest": "/R/x.tgz", "remove": true});
    let arguments = placed(folder.path(), &arguments);
    let mut rehearsal = RehearsalHost::new(live());
    assert_eq!(run::<Archive>(&mut rehearsal, &arguments).status, Status::Changed);
    assert!(rehearsal.stat(&folder.path().join("t"), crate::host::Follow::Yes).unwrap().is_none());
    assert!(folder.path().join("t").exists());
    assert_eq!(run::<Archive>(&mut live(), &arguments).status, Status::Changed);
    assert!(!folder.path().join("t").exists());
    let again = run::<Archive>(&mut live(), &arguments);
    assert_eq!((again.status, &again.returned["dest_state"]), (Status::Ok, &json!("archive")));
}

#[test]
fn refusals_are_worded_as_the_collection_words_them() {
    let folder = tree();
    let base = json!({"path": "/R/t"});
    for (more, message) in [
        (json!({}), "Error, must specify \"dest\" when archiving multiple files or trees"),
        (json!({"path": "/R/none/*"}), "Error, no source paths were found"),
        (
            json!({"dest": "/R/t/x.tgz", "remove": true}),
            "Error, created archive can not be contained in source paths when remove=true",
        ),
    ] {
        let arguments = placed(folder.path(), &with(&base, &more));
        assert_eq!(run::<Archive>(&mut live(), &arguments).returned["msg"], message);
    }
}

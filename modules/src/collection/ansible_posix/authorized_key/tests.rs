//! Expected files were written by ansible.posix 2.1.0 from the same ones.

use serde_json::{Value as Json, json};

use super::AuthorizedKey;
use crate::execute::Executed;
use crate::host::memory::MemoryHost;
use crate::host::{Follow, Host};
use crate::wire::Status;

const FILE: &str = "/home/ann/.ssh/authorized_keys";

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    crate::recorded::run::<AuthorizedKey>(host, arguments)
}

#[test]
fn keys_come_and_go() {
    let there = "# me\nssh-rsa AAA one\nno-pty,command=\"a, b\" ssh-ed25519 BBB two words\n";
    let table = [
        (json!({"key": "ssh-rsa AAA one"}), None),
        (json!({"key": "ssh-rsa CCC"}), Some(format!("{there}ssh-rsa CCC \n"))),
        (json!({"key": "command=\"a, b\",no-pty ssh-ed25519 BBB two words"}), None),
        (
            json!({"key": "ssh-rsa AAA new"}),
            Some(
                "# me\nno-pty,command=\"a, b\" ssh-ed25519 BBB two words\nssh-rsa AAA new\n"
                    .to_owned(),
            ),
        ),
        (
            json!({"key": "ssh-rsa AAA one", "key_options": "no-pty", "comment": "x"}),
            Some(
                "# me\nno-pty,command=\"a, b\" ssh-ed25519 BBB two words\nno-pty ssh-rsa AAA x\n"
                    .to_owned(),
            ),
        ),
        (
            json!({"key": "ssh-ed25519 BBB", "state": "absent"}),
            Some("# me\nssh-rsa AAA one\n".to_owned()),
        ),
        (json!({"key": "ssh-rsa ZZZ", "state": "absent"}), None),
        (
            json!({"key": "ssh-rsa CCC c\n# x\n\nssh-rsa AAA one", "exclusive": true}),
            Some("ssh-rsa AAA one\nssh-rsa CCC c\n".to_owned()),
        ),
    ];
    for (mut arguments, expected) in table {
        arguments["user"] = json!("ann");
        let mut host = MemoryHost::new().with_user("ann", 1000).with_file(FILE, there);
        let ended = run(&mut host, &arguments);
        let status = if expected.is_some() { Status::Changed } else { Status::Ok };
        assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
        let text = String::from_utf8(host.read(FILE.as_ref()).unwrap()).unwrap();
        assert_eq!(text, expected.unwrap_or(there.to_owned()), "{arguments}");
        assert_eq!(run(&mut host, &arguments).status, Status::Ok, "{arguments}");
    }
}

#[test]
fn the_file_is_the_users() {
    let mut host = MemoryHost::new().with_user("ann", 1000).with_directory("/home/ann");
    let ended = run(&mut host, &json!({"user": "ann", "key": "ssh-rsa AAA one"}));
    assert_eq!((ended.status, &ended.returned["keyfile"]), (Status::Changed, &json!(FILE)));
    for (path, mode) in [(FILE, 0o600), ("/home/ann/.ssh", 0o700)] {
        let stat = host.stat(path.as_ref(), Follow::No).unwrap().unwrap();
        assert_eq!((stat.mode, stat.owner.id, stat.group.id), (mode, Some(1000), Some(1000)));
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for (arguments, message) in [
        (json!({"user": "ann", "key": "nonsense"}), "invalid key specified: nonsense"),
        (json!({"user": "ann", "key": "file:///no"}), "Path to a key file not found: /no"),
        (json!({"user": "ann", "key": "http://x/"}), "Error getting key from: http://x/"),
        (
            json!({"user": "bob", "key": "ssh-rsa A"}),
            "Failed to lookup user bob: \"getpwnam(): name not found: 'bob'\"",
        ),
    ] {
        let mut host = MemoryHost::new().with_user("ann", 1000);
        assert_eq!(run(&mut host, &arguments).returned["msg"], message);
    }
}

//! Outcomes are those of ansible.posix 2.1.0 on the same files.

use serde_json::{Value as Json, json};

use super::Mount;
use super::mounts::source_at;
use crate::effect::{Effect, Output};
use crate::execute::Executed;
use crate::host::Host;
use crate::host::memory::MemoryHost;
use crate::host::rehearsal::RehearsalHost;
use crate::wire::Status;

const TABLE: &str = "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
    30 1 8:2 / /srv rw shared:2 - ext4 /dev/sdb1 rw\n\
    31 30 8:2 /data /mnt/a\\040b rw - ext4 /dev/sdb1 rw\n";

const FSTAB: &str = "# root\n/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /srv ext4 defaults 0 0\n\
    /dev/sdc1 none swap sw 0 0\n/dev/sdd1 /old ext4 ro\n";

fn host() -> MemoryHost {
    MemoryHost::new()
        .with_program("mount")
        .with_program("umount")
        .with_file("/proc/self/mountinfo", TABLE)
        .with_file("/etc/fstab", FSTAB)
        .with_directory("/srv")
}

fn run(host: &mut dyn Host, arguments: &Json) -> Executed {
    crate::recorded::run::<Mount>(host, arguments)
}

fn commands(host: &MemoryHost) -> Vec<String> {
    let settings = host.applied().iter().filter_map(|effect| match effect {
        Effect::Setting(change) => Some(change.commands[0].argv.join(" ")),
        _ => None,
    });
    settings.map(|line| line.replace("/usr/bin/", "")).collect()
}

#[test]
fn entries_and_mounts_come_and_go() {
    let data = "/dev/sde1 /data xfs noatime 0 2\n";
    let entry = json!({"path": "/data", "src": "/dev/sde1", "fstype": "xfs", "opts": "noatime", "passno": 2});
    let srv = json!({"path": "/srv", "src": "/dev/sdb1", "fstype": "ext4"});
    let with = |base: &Json, more: &Json| {
        let mut all = base.clone();
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let remount = format!("sh -c {} sh", super::REMOUNT);
    let table: &[(Json, String, &[&str])] = &[
        (with(&entry, &json!({"state": "present"})), format!("{FSTAB}{data}"), &[]),
        (
            with(&entry, &json!({"state": "mounted"})),
            format!("{FSTAB}{data}"),
            &["mount -t xfs -o noatime /dev/sde1 /data"],
        ),
        (with(&srv, &json!({"state": "mounted"})), FSTAB.to_owned(), &[]),
        (
            with(&srv, &json!({"state": "mounted", "opts": "ro", "boot": false})),
            FSTAB.replace("/srv ext4 defaults", "/srv ext4 ro,noauto"),
            &[&remount],
        ),
        (json!({"path": "/srv", "state": "unmounted"}), FSTAB.to_owned(), &["umount /srv"]),
        (
            json!({"path": "/srv", "state": "absent"}),
            FSTAB.replace("/dev/sdb1 /srv ext4 defaults 0 0\n", ""),
            &["umount /srv", "rmdir -- /srv"],
        ),
        (
            json!({"path": "/srv", "state": "absent_from_fstab"}),
            FSTAB.replace("/dev/sdb1 /srv ext4 defaults 0 0\n", ""),
            &[],
        ),
        (json!({"path": "/none", "state": "absent"}), FSTAB.to_owned(), &[]),
        (
            json!({"path": "/old", "src": "/dev/sdd1", "fstype": "ext4", "opts": "ro",
                "state": "present"}),
            FSTAB.replace("/old ext4 ro\n", "/old ext4 ro 0 0\n"),
            &[],
        ),
        (
            json!({"path": "none", "src": "/dev/sdz", "fstype": "swap", "opts": "sw",
                "state": "present"}),
            format!("{FSTAB}/dev/sdz none swap sw 0 0\n"),
            &[],
        ),
        (
            json!({"path": "/srv", "state": "remounted", "opts": "noexec"}),
            FSTAB.to_owned(),
            &["mount -o remount,noexec /srv"],
        ),
        (
            with(&srv, &json!({"state": "ephemeral", "opts": "rw"})),
            FSTAB.to_owned(),
            &[&format!("{remount} -t ext4 -o rw /dev/sdb1")],
        ),
    ];
    for (arguments, fstab, expected) in table {
        let mut host = host();
        let ended = run(&mut host, arguments);
        let changed = *fstab != FSTAB || !expected.is_empty();
        let status = if changed { Status::Changed } else { Status::Ok };
        assert_eq!(ended.status, status, "{arguments}: {:?}", ended.returned);
        let text = String::from_utf8(host.read("/etc/fstab".as_ref()).unwrap()).unwrap();
        assert_eq!(text, *fstab, "{arguments}");
        assert_eq!(commands(&host), *expected, "{arguments}");
    }
}

#[test]
fn a_rehearsal_knows_what_would_be_mounted() {
    let mut host = RehearsalHost::new(host());
    let arguments =
        json!({"path": "/data", "src": "/dev/sde1", "fstype": "xfs", "state": "mounted"});
    assert_eq!(run(&mut host, &arguments).status, Status::Changed);
    assert_eq!(run(&mut host, &arguments).status, Status::Ok);
    let gone = json!({"path": "/data", "state": "unmounted"});
    assert_eq!(run(&mut host, &gone).status, Status::Changed);
}

#[test]
fn refusals_are_worded_as_the_collection_words_them() {
    let other = json!({"path": "/srv", "src": "/dev/x", "fstype": "ext4", "state": "ephemeral"});
    let ended = run(&mut host(), &other);
    assert!(ended.returned["msg"].as_str().unwrap().starts_with("Ephemeral mount point is"));
    let output = Output { status: 32, stderr: b"no such device\n".to_vec(), ..Output::default() };
    let argv = ["/usr/bin/mount", "-t", "xfs", "/dev/no", "/no"];
    let mut host = host().with_output(&argv, output);
    let ended = run(
        &mut host,
        &json!({"path": "/no", "src": "/dev/no", "fstype": "xfs", "state": "mounted"}),
    );
    assert_eq!(ended.returned["msg"], "Error mounting /no: no such device\n");
    assert_eq!(host.read("/etc/fstab".as_ref()).unwrap(), FSTAB.as_bytes());
    let ended = run(&mut host, &json!({"path": "/no", "state": "mounted"}));
    assert_eq!(
        ended.returned["msg"],
        "state is mounted but all of the following are missing: src, fstype"
    );
}

#[test]
fn the_table_of_mounts_is_read() {
    for (path, expected) in [
        ("/srv", Some("/dev/sdb1")),
        ("/", Some("/dev/sda1")),
        ("/mnt/a b", Some("/srv/data")),
        ("/none", None),
    ] {
        assert_eq!(source_at(TABLE, path.as_ref()).as_deref(), expected, "{path}");
    }
}

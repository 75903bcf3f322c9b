use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::contract::Planned;
use crate::effect::{
    AccountAction, Attributes, Command, Content, GroupChange, PackageChange, PackageStep,
    Principal, UnitAction, UnitChange, UserChange, WriteFile,
};
use crate::host::UnitState;
use crate::host::memory::MemoryHost;

fn draw(mut host: MemoryHost, effects: Vec<Effect>) -> Vec<Diff> {
    let mut collector = DiffCollector::new();
    for effect in effects {
        collector.before(&effect, &mut host);
        collector.after(&effect);
        host.apply(&Planned { effect, reason: String::new() }).unwrap();
    }
    collector.finish(&mut host)
}

fn write(path: &str, content: &[u8]) -> Effect {
    Effect::WriteFile(WriteFile {
        path: PathBuf::from(path),
        content: Content::Bytes(content.to_vec()),
        attributes: Attributes::default(),
        validate: None,
        backup: false,
        unsafe_writes: false,
    })
}

fn attributes(owner: Option<&str>, mode: Option<u32>) -> Attributes {
    let owner = owner.map(|name| Principal { name: Some(name.to_owned()), id: None });
    Attributes { owner, mode, ..Attributes::default() }
}

fn sides(diffs: &[Diff]) -> Vec<(Json, Json)> {
    diffs.iter().map(|diff| (diff.before.clone(), diff.after.clone())).collect()
}

#[test]
fn a_changed_file_shows_both_texts() {
    let host = MemoryHost::new().with_file("/etc/motd", "old\n");
    let diffs = draw(host, vec![write("/etc/motd", b"new\n")]);
    assert_eq!(diffs, [Diff::new("/etc/motd", json!("old\n"), json!("new\n"))]);
}

#[test]
fn what_cannot_be_shown_says_why() {
    let large = vec![b'x'; 104_449];
    for (content, note) in [(b"a\0b".as_slice(), "binary"), (&large, "larger than 104448 bytes")] {
        let diffs = draw(MemoryHost::new(), vec![write("/etc/motd", content)]);
        assert_eq!(diffs.len(), 1);
        assert_eq!(diffs[0].note.as_deref(), Some(note));
        assert_eq!((&diffs[0].before, &diffs[0].after), (&json!(""), &json!("")));
    }
}

#[test]
fn several_effects_on_a_path_give_one_diff() {
    let effects = vec![
        Effect::MakeDirectory { path: "/srv".into(), mode: None },
        Effect::SetAttributes {
            path: "/srv".into(),
            attributes: attributes(Some("ann"), Some(0o700)),
        },
    ];
    let diffs = draw(MemoryHost::new().with_user("ann", 1000), effects);
    assert_eq!(
        sides(&diffs),
        [(
            json!({"path": "/srv", "state": "absent"}),
            json!({"path": "/srv", "state": "directory", "mode": "0700", "owner": "ann"}),
        )]
    );
}

#[test]
fn only_what_changes_is_shown() {
    let host = MemoryHost::new().with_file("/etc/motd", "x");
    let effect = Effect::SetAttributes {
        path: "/etc/motd".into(),
        attributes: attributes(Some("root"), Some(0o600)),
    };
    assert_eq!(
        sides(&draw(host, vec![effect])),
        [(
            json!({"path": "/etc/motd", "mode": "0644"}),
            json!({"path": "/etc/motd", "mode": "0600"}),
        )]
    );
}

#[test]
fn flags_are_shown_as_ansible_shows_them() {
    let with = |stat: &mut crate::host::FileStat| {
        stat.flags = Some(crate::host::FileFlags::from_bits(0x0008_0000));
    };
    let host = MemoryHost::new().with_file("/etc/motd", "x").with_stat("/etc/motd", with);
    let flags = crate::host::FlagChange::parse("+i");
    let effect = Effect::SetAttributes {
        path: "/etc/motd".into(),
        attributes: Attributes { flags, ..Attributes::default() },
    };
    assert_eq!(
        sides(&draw(host, vec![effect])),
        [(
            json!({"path": "/etc/motd", "attributes": "e"}),
            json!({"path": "/etc/motd", "attributes": "+i"}),
        )]
    );
}

#[test]
fn links_and_removals_tell_their_states() {
    let host = MemoryHost::new().with_file("/etc/a", "x").with_link("/etc/l", "a");
    let effects = vec![
        Effect::MakeSymlink { path: "/etc/l".into(), target: "b".into() },
        Effect::Remove { path: "/etc/a".into() },
    ];
    assert_eq!(
        sides(&draw(host, effects)),
        [
            (json!({"path": "/etc/l", "src": "a"}), json!({"path": "/etc/l", "src": "b"})),
            (
                json!({"path": "/etc/a", "state": "file"}),
                json!({"path": "/etc/a", "state": "absent"})
            ),
        ]
    );
}

#[test]
fn accounts_show_what_was_asked_for() {
    let effects = vec![
        Effect::Group(GroupChange {
            action: AccountAction::Create,
            name: "web".to_owned(),
            commands: Vec::new(),
            gid: Some(70),
        }),
        Effect::User(UserChange {
            action: AccountAction::Create,
            name: "ann".to_owned(),
            shell: Some("/bin/zsh".to_owned()),
            groups: Some(vec!["web".to_owned()]),
            ..UserChange::default()
        }),
    ];
    assert_eq!(
        sides(&draw(MemoryHost::new(), effects)),
        [
            (
                json!({"name": "web", "state": "absent"}),
                json!({"name": "web", "state": "present", "gid": 70})
            ),
            (
                json!({"name": "ann", "state": "absent"}),
                json!({"name": "ann", "state": "present", "groups": ["web"],
                       "home": "/home/ann", "shell": "/bin/zsh"})
            ),
        ]
    );
}

#[test]
fn units_and_packages_show_their_states() {
    let unit = UnitState { exists: true, active: true, ..UnitState::default() };
    let act = |action| {
        Effect::Unit(UnitChange {
            name: "web.service".to_owned(),
            action,
            command: Command::default(),
        })
    };
    let packages = Effect::Packages(PackageChange {
        manager: "apt".to_owned(),
        command: Command::default(),
        install: vec![PackageStep { name: "web".into(), from: None, to: Some("1".into()) }],
        remove: vec![PackageStep { name: "old".into(), from: Some("2".into()), to: None }],
    });
    let host = MemoryHost::new().with_unit("web.service", unit);
    let effects = vec![packages, act(UnitAction::Enable), act(UnitAction::Restart)];
    assert_eq!(
        sides(&draw(host, effects)),
        [
            (json!({"web": "absent", "old": "2"}), json!({"web": "1", "old": "absent"})),
            (
                json!({"name": "web.service", "state": "active", "enablement": ""}),
                json!({"name": "web.service", "state": "restarted", "enablement": "enabled"})
            ),
        ]
    );
}

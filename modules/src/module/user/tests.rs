//! Tables from parameters and what is there to commands.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::{Observed, Params, User};
use crate::contract::Module as _;
use crate::effect::{Applied, Command, Effect, Output};
use crate::host::{Group, HostError, User as Found};
use crate::module::group::Tools;
use crate::params::Params as _;

fn params(mut arguments: Json) -> Params {
    arguments["name"] = json!("ua");
    Params::parse("user", arguments.as_object().unwrap()).unwrap()
}

fn nobody() -> Observed {
    Observed {
        found: None,
        primary: None,
        wanted: Vec::new(),
        missing_group: None,
        memberships: Vec::new(),
        namesake: false,
        home: None,
        home_exists: true,
        old_home_exists: true,
        parent_exists: true,
        home_mode: 0o755,
        aging: Vec::new(),
        shell: None,
        key: super::observe::Key::default(),
        host_name: "h1".to_owned(),
        tools: Tools::Shadow,
    }
}

fn somebody() -> Observed {
    let found = Found {
        name: "ua".to_owned(),
        uid: Some(1002),
        gid: Some(1002),
        comment: String::new(),
        home: PathBuf::from("/home/ua"),
        shell: "/bin/sh".to_owned(),
        password_hash: Some("!".to_owned()),
        expires: None,
    };
    let memberships = vec!["adm".to_owned()];
    Observed {
        home: Some(found.home.clone()),
        found: Some(found),
        memberships,
        namesake: true,
        ..nobody()
    }
}

fn commands(arguments: Json, observed: &Observed) -> Vec<Command> {
    let plan = User::plan(&params(arguments), observed).unwrap();
    plan.effects
        .into_iter()
        .flat_map(|planned| match planned.effect {
            Effect::User(change) => change.commands,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn lines(commands: &[Command]) -> Vec<String> {
    commands.iter().map(|command| command.argv.join(" ")).collect()
}

#[test]
fn users_are_made_changed_and_removed() {
    let wanted = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let video = Observed { wanted: wanted(&["video"]), ..somebody() };
    let staff = Group { name: "staff".to_owned(), gid: Some(50), members: Vec::new() };
    let table: &[(Json, Observed, &[&str])] = &[
        (json!({}), nobody(), &["useradd -m ua", "getent passwd ua"]),
        (
            json!({"create_home": false, "system": true}),
            nobody(),
            &["useradd -M -r ua", "getent passwd ua"],
        ),
        (
            json!({"uid": 5, "non_unique": true, "shell": "/bin/zsh", "comment": "A B", "expires": 1_893_456_000}),
            Observed { namesake: true, shell: Some("/bin/zsh".to_owned()), ..nobody() },
            &["useradd -u 5 -c A B -s /bin/zsh -e 2030-01-01 -o -N -m ua", "getent passwd ua"],
        ),
        (
            json!({"groups": "adm,video", "group": "staff"}),
            Observed {
                wanted: wanted(&["adm", "video"]),
                primary: Some(staff.clone()),
                ..nobody()
            },
            &["useradd -g staff -G adm,video -m ua", "getent passwd ua"],
        ),
        (
            json!({"home": "/srv/a/ua"}),
            Observed { home: Some(PathBuf::from("/srv/a/ua")), parent_exists: false, ..nobody() },
            &["mkdir -p -- /srv/a", "useradd -d /srv/a/ua -m ua", "getent passwd ua"],
        ),
        (json!({}), somebody(), &[]),
        (json!({"uid": 1002, "shell": "/bin/sh", "comment": ""}), somebody(), &[]),
        (
            json!({"uid": 7, "comment": "C"}),
            somebody(),
            &["usermod -u 7 -c C ua", "getent passwd ua"],
        ),
        (json!({"groups": "video"}), video.clone(), &["usermod -G video ua", "getent passwd ua"]),
        (
            json!({"groups": "video", "append": true}),
            video,
            &["usermod -a -G video ua", "getent passwd ua"],
        ),
        (json!({"groups": "adm"}), Observed { wanted: wanted(&["adm"]), ..somebody() }, &[]),
        (json!({"groups": []}), somebody(), &["usermod -G  ua", "getent passwd ua"]),
        (json!({"groups": [], "append": true}), somebody(), &[]),
        (
            json!({"group": "staff"}),
            Observed { primary: Some(staff), ..somebody() },
            &["usermod -g staff ua", "getent passwd ua"],
        ),
        (json!({"expires": -1}), somebody(), &[]),
        (
            json!({"expires": 1_893_456_000}),
            somebody(),
            &["usermod -e 2030-01-01 ua", "getent passwd ua"],
        ),
        (json!({"password_lock": true}), somebody(), &[]),
        (json!({"password_lock": false}), somebody(), &["usermod -U ua", "getent passwd ua"]),
        // a password that stays is locked and unlocked as one that is not named
        (
            json!({"password": "!", "password_lock": false}),
            somebody(),
            &["usermod -U ua", "getent passwd ua"],
        ),
        (json!({"password": "!"}), somebody(), &[]),
        (json!({"password": "$6$x", "update_password": "on_create"}), somebody(), &[]),
        (
            json!({"password_expire_max": 90}),
            Observed { aging: vec![Some(1), Some(0), Some(99_999), Some(7), None], ..somebody() },
            &["chage -M 90 ua", "getent passwd ua"],
        ),
        (
            json!({"password_expire_max": 90}),
            Observed { aging: vec![Some(1), Some(0), Some(90)], ..somebody() },
            &[],
        ),
        (
            json!({"home": "/srv/ua", "move_home": true}),
            Observed { home: Some(PathBuf::from("/srv/ua")), home_exists: false, ..somebody() },
            &["usermod -d /srv/ua -m ua", "getent passwd ua"],
        ),
        (json!({"state": "absent"}), nobody(), &[]),
        (
            json!({"state": "absent", "remove": true, "force": true}),
            somebody(),
            &["userdel -f -r ua"],
        ),
        (
            json!({"shell": "/bin/ash", "system": true}),
            Observed { tools: Tools::Busybox, shell: Some("/bin/ash".to_owned()), ..nobody() },
            &["adduser -D -s /bin/ash -S ua", "grep ^ua: /etc/passwd"],
        ),
    ];
    for (arguments, observed, expected) in table {
        assert_eq!(lines(&commands(arguments.clone(), observed)), *expected, "{arguments}");
    }
}

#[test]
fn a_password_is_no_argument() {
    for observed in [nobody(), somebody()] {
        let all = commands(json!({"password": "$6$secret", "password_lock": true}), &observed);
        assert!(lines(&all).iter().all(|line| !line.contains("secret")), "{all:?}");
        let stdin: Vec<&str> = all.iter().filter_map(|command| command.stdin.as_deref()).collect();
        assert_eq!(stdin, ["ua:!$6$secret\n"]);
    }
}

#[test]
fn a_missing_home_directory_is_made() {
    let observed = Observed { home_exists: false, ..somebody() };
    let all = lines(&commands(json!({}), &observed));
    assert_eq!(all[1..], ["chown -hR ua: /home/ua", "chmod 0755 /home/ua", "getent passwd ua"]);
    // one that is not there cannot be moved
    let home = Some(PathBuf::from("/srv/ua"));
    let observed = Observed { home, home_exists: false, old_home_exists: false, ..somebody() };
    let all = lines(&commands(json!({"home": "/srv/ua", "move_home": true}), &observed));
    assert_eq!(all[0], "usermod -d /srv/ua -m ua");
    assert_eq!(all[2..], ["chown -hR ua: /srv/ua", "chmod 0755 /srv/ua", "getent passwd ua"]);
}

#[test]
fn results_tell_what_became_of_the_user() {
    let given = params(json!({"generate_ssh_key": true, "groups": "adm"}));
    let observed = Observed { wanted: vec!["adm".to_owned()], ..nobody() };
    let plan = User::plan(&given, &observed).unwrap();
    let ran =
        |text: &str| Applied::Ran(Output { stdout: text.as_bytes().to_vec(), ..Output::default() });
    let applied = [
        ran("ua:x:1002:1003:A:/home/ua:/bin/sh\n"),
        ran("2048 SHA256:x (RSA)\n"),
        ran("ssh-rsa A\n"),
    ];
    let conclusion = User::conclude(&given, &observed, &plan, &applied).unwrap();
    assert_eq!(
        Json::from(conclusion.returned),
        json!({
            "name": "ua", "state": "present", "system": false, "create_home": true,
            "comment": "A", "groups": "adm", "ssh_key_file": "/home/ua/.ssh/id_rsa", "uid": 1002,
            "group": 1003, "home": "/home/ua", "shell": "/bin/sh",
            "ssh_fingerprint": "2048 SHA256:x (RSA)", "ssh_public_key": "ssh-rsa A",
        })
    );
}

#[test]
fn refusals_are_worded_as_ansible_words_them() {
    let observed = Observed { missing_group: Some("nogrp".to_owned()), ..somebody() };
    let stop = User::plan(&params(json!({"groups": "nogrp"})), &observed).unwrap_err();
    assert_eq!(stop.to_string(), "Group nogrp does not exist");
    let busybox = Observed { tools: Tools::Busybox, ..somebody() };
    let stop = User::plan(&params(json!({"uid": 5})), &busybox).unwrap_err();
    assert_eq!(stop.to_string(), "cannot change uid of user `ua`: there is no `usermod`");
    let plan = User::plan(&params(json!({})), &nobody()).unwrap();
    let output = Output {
        status: 4,
        stderr: b"useradd: UID 0 is not unique\n".to_vec(),
        ..Output::default()
    };
    let error = HostError::CommandFailed { command: String::new(), output: Box::new(output) };
    let stop = User::explain(&params(json!({})), &nobody(), &plan.effects[0], error);
    assert_eq!(stop.to_string(), "useradd: UID 0 is not unique\n");
}

#[test]
fn local_users_are_those_of_libuser() {
    let wanted = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let local = |observed: Observed| Observed { tools: Tools::Libuser, ..observed };
    let table: &[(Json, Observed, &[&str])] = &[
        (
            json!({"local": true, "expires": -1, "groups": "video"}),
            local(Observed { namesake: true, wanted: wanted(&["video"]), ..nobody() }),
            &["luseradd -n ua", "lchage -E -1 ua", "lgroupmod -M ua video", "getent passwd ua"],
        ),
        (
            json!({"local": true, "groups": "video", "comment": "C", "expires": 2_529_881_062_i64}),
            local(Observed { wanted: wanted(&["video"]), ..somebody() }),
            &[
                "lusermod -c C ua",
                "lgroupmod -M ua video",
                "lgroupmod -m ua adm",
                "lchage -E 29281 ua",
                "getent passwd ua",
            ],
        ),
        (
            json!({"local": true, "state": "absent", "remove": true, "force": true}),
            local(somebody()),
            &["luserdel -r ua"],
        ),
    ];
    for (arguments, observed, expected) in table {
        assert_eq!(lines(&commands(arguments.clone(), observed)), *expected, "{arguments}");
    }
}

#[test]
fn strange_parameters_are_warned_of() {
    let sha512 = format!("$6$salt${}", "a".repeat(86));
    let yescrypt = format!("$y$jCT$salt${}", "b".repeat(43));
    for (arguments, warned) in [
        (json!({"password": "plain"}), true),
        (json!({"password": sha512}), false),
        (json!({"password": format!("{sha512}+")}), true),
        (json!({"password": yescrypt}), false),
        (json!({"password": "*"}), false),
        (json!({"append": true}), true),
        (json!({"append": true, "groups": "adm"}), false),
    ] {
        let plan = User::plan(&params(arguments.clone()), &somebody()).unwrap();
        assert_eq!(plan.returned.contains_key("warnings"), warned, "{arguments}");
    }
}

#[test]
fn a_key_that_is_there_stays_unless_forced() {
    let key = super::observe::Key { public_exists: true, ..Default::default() };
    let observed = Observed { key, ..somebody() };
    let given = json!({"generate_ssh_key": true, "ssh_key_passphrase": "hunter2"});
    assert_eq!(commands(given.clone(), &observed), []);
    let mut forced = given;
    forced["force"] = json!(true);
    let calls = commands(forced, &observed);
    let lines = lines(&calls);
    assert!(lines[0].starts_with("rm -f -- /home/ua/.ssh/id_rsa"), "{lines:?}");
    assert!(lines[2].starts_with("setsid -w ssh-keygen -q -t rsa"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("hunter2")), "{lines:?}");
    assert_eq!(calls[2].stdin.as_deref(), Some("hunter2\nhunter2\n"));
}

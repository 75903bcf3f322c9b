use serde_json::{Value as Json, json};

use super::sources::file_name;
use super::{AptRepository, Params};
use crate::contract::{Module as _, Plan, Stop};
use crate::effect::{Content, Effect};
use crate::host::HttpResponse;
use crate::host::memory::MemoryHost;
use crate::params::Params as _;

fn plan(arguments: &Json) -> Result<Plan, Stop> {
    let info = br#"{"signing_key_fingerprint": "ABCD"}"#;
    let answer =
        |body: &[u8]| HttpResponse { status: 200, body: body.to_vec(), ..HttpResponse::default() };
    let mut host = MemoryHost::new()
        .with_program("apt-get")
        .with_directory("/etc/apt/trusted.gpg.d")
        .with_file("/etc/os-release", "VERSION_CODENAME=jammy\n")
        .with_file(
            "/etc/apt/sources.list",
            "#x\ndeb  http://a/ b main # mine\n# deb http://c d e\n",
        )
        .with_file("/etc/apt/sources.list.d/one.list", "deb http://one/ x y\n")
        .with_response("https://api.launchpad.net/1.0/~ann/+archive/tools", answer(info))
        .with_response(
            "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0xABCD",
            answer(b"KEY"),
        );
    let params = Params::parse("apt_repository", arguments.as_object().unwrap()).unwrap();
    let observed = AptRepository::observe(&params, &mut host)?;
    AptRepository::plan(&params, &observed)
}

/// What is done, by path.
fn done(plan: &Plan) -> Vec<String> {
    plan.effects
        .iter()
        .map(|planned| match &planned.effect {
            Effect::WriteFile(write) => {
                let Content::Bytes(bytes) = &write.content else { panic!() };
                format!("{}: {}", write.path.display(), String::from_utf8_lossy(bytes))
            }
            Effect::Remove { path } => format!("rm {}", path.display()),
            Effect::RefreshPackageLists { .. } => "update".to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn sources_come_and_go() {
    let ppa = "deb https://ppa.launchpadcontent.net/ann/tools/ubuntu jammy main";
    let table: &[(Json, &[&str])] = &[
        (json!({"repo": "deb http://a/  b main"}), &[]),
        (
            json!({"repo": "deb http://x.org/debian b main"}),
            &[
                "/etc/apt/sources.list.d/x_org_debian.list: deb http://x.org/debian b main\n",
                "update",
            ],
        ),
        (
            json!({"repo": "deb http://x/ b", "filename": "one", "update_cache": false}),
            &["/etc/apt/sources.list.d/one.list: deb http://one/ x y\ndeb http://x/ b\n"],
        ),
        (
            json!({"repo": "deb http://c d e"}),
            &[
                "/etc/apt/sources.list: # x\ndeb http://a/ b main # mine\ndeb http://c d e\n",
                "update",
            ],
        ),
        (
            json!({"repo": "deb http://one/ x y", "state": "absent"}),
            &["rm /etc/apt/sources.list.d/one.list", "update"],
        ),
        (json!({"repo": "deb http://none/ x y", "state": "absent"}), &[]),
        (
            json!({"repo": "ppa:ann/tools"}),
            &[
                "/etc/apt/trusted.gpg.d/ann-tools.asc: KEY",
                &format!("/etc/apt/sources.list.d/ppa_ann_tools_jammy.list: {ppa}\n"),
                "update",
            ],
        ),
    ];
    for (arguments, expected) in table {
        assert_eq!(done(&plan(arguments).unwrap()), *expected, "{arguments}");
    }
}

#[test]
fn what_is_no_source_is_refused() {
    for (repo, message) in [
        ("", "Please set argument 'repo' to a non-empty value"),
        ("http://x", "Invalid repository string: http://x"),
        ("# deb http://x y", "Invalid repository string: deb http://x y"),
    ] {
        assert_eq!(plan(&json!({"repo": repo})).unwrap_err().to_string(), message);
    }
}

#[test]
fn files_are_named_by_the_address() {
    for (source, name) in [
        (
            "deb [arch=amd64 signed-by=/x] https://user:pass@a.example.com/debian stable main",
            "a_example_com_debian.list",
        ),
        (
            "deb-src http://archive.canonical.com/ubuntu hardy partner",
            "archive_canonical_com_ubuntu.list",
        ),
        ("ppa:nginx/stable_jammy", "ppa_nginx_stable_jammy.list"),
    ] {
        assert_eq!(file_name(source), name);
    }
}

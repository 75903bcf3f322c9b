use serde_json::{Value as Json, json};

use super::{GitCheckout, Params};
use crate::contract::{Module as _, Plan, Stop};
use crate::effect::{Applied, Effect, Output};
use crate::host::Host as _;
use crate::host::memory::MemoryHost;
use crate::params::Params as _;

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

fn params(arguments: &Json) -> Params {
    let mut arguments = arguments.clone();
    arguments["repo"] = json!("https://x/app.git");
    arguments["dest"] = json!("/srv/app");
    Params::parse("git", arguments.as_object().unwrap()).unwrap()
}

fn told(text: &str) -> Output {
    Output { stdout: text.into(), ..Output::default() }
}

fn remote(host: MemoryHost, version: &str, head: &str, answer: &str) -> MemoryHost {
    let branch = format!("refs/heads/{head}");
    let tag = format!("refs/tags/{version}");
    let peeled = format!("{tag}^{{}}");
    let argv = ["/usr/bin/git", "ls-remote", "https://x/app.git", "HEAD", &branch, &tag, &peeled];
    host.with_program("git").with_output(&argv, told(answer))
}

/// A checkout on branch `main` at [`OLD`].
fn checkout(version: &str) -> MemoryHost {
    let commit = format!("{version}^{{commit}}");
    let branch = format!("refs/heads/{version}");
    let verify = ["/usr/bin/git", "rev-parse", "--verify", "--quiet"];
    let git = "/usr/bin/git";
    let mut host = MemoryHost::new().with_file("/srv/app/.git/config", "");
    for (words, answer) in [
        (&["rev-parse", "HEAD"][..], format!("{OLD}\n")),
        (&["status", "--porcelain", "--untracked-files=no"], String::new()),
        (&["symbolic-ref", "--quiet", "--short", "HEAD"], "main\n".to_owned()),
        (&["ls-remote", "--get-url", "origin"], "https://x/app.git\n".to_owned()),
    ] {
        let argv: Vec<&str> = std::iter::once(git).chain(words.iter().copied()).collect();
        host = host.with_output(&argv, told(&answer));
    }
    let has = if version == "main" { format!("{OLD}\n") } else { String::new() };
    for name in [&commit, &branch] {
        let argv: Vec<&str> = verify.into_iter().chain([name.as_str()]).collect();
        host = host.with_output(&argv, told(&has));
    }
    host
}

fn plan(host: &mut MemoryHost, arguments: &Json) -> Result<Plan, Stop> {
    let given = params(arguments);
    let observed = GitCheckout::observe(&given, host)?;
    GitCheckout::plan(&given, &observed)
}

fn commands(plan: &Plan) -> Vec<String> {
    let changes = plan.effects.iter().map(|planned| match &planned.effect {
        Effect::Setting(change) => change.commands.clone(),
        other => panic!("{other:?}"),
    });
    changes.flatten().map(|command| command.argv[1..].join(" ")).collect()
}

#[test]
fn a_missing_checkout_is_cloned() {
    let sub = ["submodule sync", "submodule update --init --recursive", "rev-parse HEAD"];
    let table: &[(Json, &str, &[&str])] = &[
        (json!({}), "HEAD", &["clone --origin origin https://x/app.git /srv/app"]),
        (
            json!({"version": "v1", "depth": 1}),
            "v1",
            &[
                "clone --origin origin --depth 1 --branch v1 https://x/app.git /srv/app",
                "checkout --force v1",
            ],
        ),
        (
            json!({"version": "dev", "single_branch": true, "separate_git_dir": "/g"}),
            "dev",
            &[
                "clone --origin origin --single-branch --branch dev --separate-git-dir=/g \
                 https://x/app.git /srv/app",
                "checkout --force --track -B dev origin/dev",
            ],
        ),
    ];
    let answer = format!("{OLD}\tHEAD\n{NEW}\trefs/heads/dev\n{NEW}\trefs/tags/v1\n");
    for (arguments, version, expected) in table {
        let mut host = remote(MemoryHost::new(), version, version, &answer);
        let plan = plan(&mut host, arguments).unwrap();
        let expected: Vec<&str> = expected.iter().chain(&sub).copied().collect();
        assert_eq!(commands(&plan), expected, "{arguments}");
        // what it holds is unknown afterwards, that it is there is not
        for planned in &plan.effects {
            host.apply(planned).unwrap();
        }
        let stat = host.stat("/srv/app".as_ref(), crate::host::Follow::Yes);
        assert!(stat.unwrap().is_some());
    }
}

#[test]
fn a_checkout_follows_its_version() {
    let branch = format!("{NEW}\tHEAD\n{NEW}\trefs/heads/main\n");
    let same = format!("{OLD}\tHEAD\n{OLD}\trefs/heads/main\n");
    let mut host = remote(checkout("HEAD"), "HEAD", "main", &branch);
    let moved = plan(&mut host, &json!({"recursive": false})).unwrap();
    assert_eq!(
        commands(&moved),
        [
            "fetch --tags origin",
            "checkout --force main",
            "reset --hard origin/main --",
            "rev-parse HEAD"
        ]
    );
    assert_eq!(moved.returned["before"], OLD);
    assert_eq!(moved.returned["after"], NEW);
    for version in ["HEAD", "main"] {
        let mut host = remote(checkout(version), version, "main", &same);
        let stands = plan(&mut host, &json!({"version": version})).unwrap();
        assert!(!stands.changes(), "{version}");
        assert_eq!(stands.returned["remote_url_changed"], json!(false));
    }
}

#[test]
fn the_result_is_read_from_git() {
    let branch = format!("{NEW}\tHEAD\n{NEW}\trefs/heads/main\n");
    let given = params(&json!({}));
    let mut host = remote(checkout("HEAD"), "HEAD", "main", &branch);
    let observed = GitCheckout::observe(&given, &mut host).unwrap();
    let plan = GitCheckout::plan(&given, &observed).unwrap();
    for (after, changed) in [(OLD, false), (NEW, true)] {
        let applied = vec![Applied::Ran(told(&format!("{after}\n")))];
        let conclusion = GitCheckout::conclude(&given, &observed, &plan, &applied).unwrap();
        assert_eq!((conclusion.changed, &conclusion.returned["after"]), (changed, &json!(after)));
    }
}

#[test]
fn local_changes_are_kept_unless_forced() {
    let argv = ["/usr/bin/git", "status", "--porcelain", "--untracked-files=no"];
    let same = format!("{OLD}\tHEAD\n{OLD}\trefs/heads/main\n");
    let host =
        || remote(checkout("HEAD"), "HEAD", "main", &same).with_output(&argv, told(" M x\n"));
    let stop = plan(&mut host(), &json!({})).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "Local modifications exist in the destination: /srv/app (force=no)."
    );
    let forced = plan(&mut host(), &json!({"force": true})).unwrap();
    assert_eq!(commands(&forced)[0], "reset --hard HEAD");
}

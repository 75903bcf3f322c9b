use super::*;
use std::time::Duration;

fn target() -> Target {
    Target::new("here", Transport::Local)
}

#[tokio::test]
async fn a_runner_works_on_this_machine() {
    let home = tempfile::tempdir().unwrap();
    let connection = connector(home.path()).connect(&target()).await.unwrap();
    let runner = connection.runner(&Privilege::Same).await.unwrap();
    ping(&runner).await;
    ping(&runner).await;
    runner.close().await;
    connection.close().await;
}

#[tokio::test]
async fn raw_commands_need_no_runner() {
    let home = tempfile::tempdir().unwrap();
    let connection = connector(home.path()).connect(&target()).await.unwrap();
    let script = "echo out; echo 'it''s' \"$((1 + 1))\"\ncat; echo err >&2; exit 3";
    let output = connection.raw(&Privilege::Same, script, None).await.unwrap();
    assert_eq!(output.status, 3);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "out\nits 2\n");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "err\n");

    let slow = connection.raw(&Privilege::Same, "sleep 60", Some(Duration::from_millis(200))).await;
    assert_eq!(words(slow), "here: the command did not end within 0.2 s");
}

/// A program that greets as a runner, waits for a task and goes on as this says.
fn pretender(then: &str) -> RunnerImage {
    let program = format!(
        r#"#!/bin/sh
h=$(sha256sum "$0"); h=${{h%% *}}
b='{{"message":"ready","version":"0","hash":"'$h'"}}'
printf '\ncanvass-runner %s\n' "$2"
printf "\\000\\000\\000\\$(printf %o ${{#b}})\\000$b"
head -c 1 >/dev/null
{then}
"#
    );
    let architecture = rustix::system::uname().machine().to_string_lossy().into_owned();
    RunnerImage::of_program(&architecture, program.as_bytes()).unwrap()
}

async fn runner_of(image: RunnerImage) -> Result<Runner, ConnectionError> {
    let home = tempfile::tempdir().unwrap();
    let connector = Connector::new(ConnectorSettings { runner: image, ..settings(home.path()) });
    let connection = connector.connect(&target()).await.unwrap();
    connection.runner(&Privilege::Same).await
}

#[tokio::test]
async fn a_runner_that_is_killed_is_lost_with_its_tasks() {
    let runner = runner_of(pretender("echo out of memory >&2; kill -9 $$")).await.unwrap();
    let (first, second) = tokio::join!(
        run(&runner, task(1, "ansible.builtin.ping", json!({}))),
        run(&runner, task(2, "ansible.builtin.ping", json!({}))),
    );
    for lost in [first.unwrap_err(), second.unwrap_err()] {
        assert!(lost.is_lost() && lost.is_unreachable(), "{lost}");
        let text = lost.to_string();
        assert!(text.contains("signal 9") && text.contains("out of memory"), "{text}");
    }
    assert!(runner.is_lost());
    // and says so to whoever comes later
    let later = run(&runner, task(3, "ansible.builtin.ping", json!({}))).await.unwrap_err();
    assert!(later.is_lost());
}

#[tokio::test]
async fn a_runner_that_talks_nonsense_is_refused() {
    let runner = runner_of(pretender("echo nonsense; sleep 60")).await.unwrap();
    let answer = run(&runner, task(1, "ansible.builtin.ping", json!({}))).await;
    assert!(words(answer).contains("the runner's answer cannot be read"));
}

#[tokio::test]
async fn a_runner_with_another_hash_is_refused() {
    let mut image = pretender("");
    let program = String::from_utf8(image.program().unwrap()).unwrap();
    let program = program.replace("h=${h%% *}", "h=0123456789");
    image = RunnerImage::of_program(&image.architecture, program.as_bytes()).unwrap();
    assert!(
        words(runner_of(image).await)
            .contains("is not the one that was sent (its hash is `0123456789`)")
    );
}

#[tokio::test]
async fn tasks_that_are_given_up_are_cancelled() {
    let home = tempfile::tempdir().unwrap();
    let seen = home.path().join("seen");
    // the frames that came: a task, then its cancellation
    let runner = runner_of(pretender(&format!("cat > {}", seen.display()))).await.unwrap();
    let waited = tokio::time::timeout(
        Duration::from_millis(300),
        run(&runner, task(9, "ansible.builtin.ping", json!({}))),
    );
    assert!(waited.await.is_err());
    runner.close().await;
    let frames = String::from_utf8_lossy(&std::fs::read(seen).unwrap()).into_owned();
    assert!(frames.contains(r#"{"message":"cancel","id":9}"#), "{frames}");
}

#[tokio::test]
async fn a_runner_for_another_machine_is_missed_by_name() {
    let image = RunnerImage::of_program("m68k", b"x").unwrap();
    let text = words(runner_of(image).await);
    assert!(
        text.contains("there is no runner for `x86_64`, only for m68k")
            || !cfg!(target_arch = "x86_64"),
        "{text}"
    );
    assert!(text.contains("canvass-runner-"), "{text}");
}

#[tokio::test]
async fn a_runner_for_another_machine_is_found_in_the_directory() {
    let home = tempfile::tempdir().unwrap();
    let image = pretender("sleep 1");
    let name = format!("canvass-runner-{}", image.architecture);
    std::fs::write(home.path().join(name), image.program().unwrap()).unwrap();
    let connector = Connector::new(ConnectorSettings {
        runner: RunnerImage::of_program("m68k", b"x").unwrap(),
        runner_directory: Some(home.path().to_owned()),
        ..settings(home.path())
    });
    let connection = connector.connect(&target()).await.unwrap();
    connection.runner(&Privilege::Same).await.unwrap();
}

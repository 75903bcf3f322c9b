//! Plays that overlap (`--overlap-plays`): both at once, told one after the other.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::play::Play;
use crate::site::Site;

/// Waits for a file of another host, and gives up.
const AWAIT: &str =
    "for i in $(seq 200); do test -e {{ root }}/WHAT && exit 0; sleep 0.1; done; exit 1";

fn play(text: &str) -> Play {
    let mut playbook = text.to_owned();
    for what in ["one", "two", "lost"] {
        playbook = playbook.replace(&format!("await {what}"), &AWAIT.replace("WHAT", what));
    }
    Play { hosts: 3, playbook, files: Vec::new() }
}

fn events(site: &Site) -> Vec<Json> {
    site.told().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const ARGUMENTS: [&str; 3] = ["--strategy", "dag", "--overlap-plays"];

/// Neither can end before the other has begun.
const EACH_OTHER: &str = r#"
- hosts: h1
  gather_facts: false
  tasks:
    - name: First
      shell: "touch {{ root }}/one; await two"
    - name: Second
      command: "true"
- hosts: h2
  gather_facts: false
  tasks:
    - name: Third
      shell: "touch {{ root }}/two; await one"
    - name: Fourth
      command: "true"
- hosts: h1
  gather_facts: false
  tasks:
    - name: Fifth
      command: "true"
"#;

#[test]
fn plays_that_share_no_host_begin_at_once_and_are_told_in_order() {
    let site = Site::new().unwrap();
    let output = site.played(&play(EACH_OTHER), &ARGUMENTS).unwrap();
    assert!(output.status.success(), "{}", site.told());
    let events = events(&site);
    let begun: Vec<(u64, u64, &str)> = events
        .iter()
        .filter(|event| event["event"] == "task_started")
        .map(|event| {
            let task = &event["task"];
            let number = |name: &str| task[name].as_u64().unwrap();
            (number("id"), number("play"), task["name"].as_str().unwrap())
        })
        .collect();
    let expected =
        [(0, 0, "First"), (1, 0, "Second"), (2, 1, "Third"), (3, 1, "Fourth"), (4, 2, "Fifth")];
    assert_eq!(begun, expected);
    let ended = |host: &str, task: u64| {
        events.iter().position(|event| {
            event["event"] == "host_finished" && event["host"] == host && event["task"] == task
        })
    };
    assert!(ended("h1", 1).unwrap() < ended("h2", 2).unwrap());
    let recap = &events.last().unwrap()["recap"];
    assert_eq!((&recap["h1"]["ok"], &recap["h2"]["ok"]), (&Json::from(3), &Json::from(2)));
}

/// The first play loses its only host while the second is in its first task.
const LOSES: &str = r#"
- hosts: h1
  gather_facts: false
  tasks:
    - name: Fail when the other is at work
      shell: "await two"
      failed_when: true
- hosts: h2:h3
  gather_facts: false
  tasks:
    - name: Be at work
      shell: "touch {{ root }}/two; await lost"
    - name: Come too late
      shell: "touch {{ root }}/late"
- hosts: h2
  gather_facts: false
  tasks:
    - name: Never begin
      shell: "touch {{ root }}/late"
"#;

#[test]
fn a_play_that_loses_all_its_hosts_ends_those_behind_it_before_their_next_tasks() {
    let site = &Site::new().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let began = Instant::now();
            let failed = || site.told().contains("\"status\":\"failed\"");
            while !failed() && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(10));
            }
            // what is told of has yet to be acted upon
            std::thread::sleep(Duration::from_millis(200));
            fs::write(site.root().join("lost"), "").unwrap();
        });
        site.played(&play(LOSES), &ARGUMENTS).unwrap()
    });
    let told = site.told();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(!site.root().join("late").exists(), "{told}");
    let recap = &events(site).pop().unwrap()["recap"];
    for (host, ok, failed) in [("h1", 0, 1), ("h2", 1, 0), ("h3", 1, 0)] {
        let line = &recap[host];
        assert_eq!((&line["ok"], &line["failed"]), (&ok.into(), &failed.into()), "{told}");
    }
}

/// The second says what the first learns to be a secret only afterwards.
const SECRET: &str = r#"
- hosts: h1
  gather_facts: false
  tasks:
    - shell: "await two"
    - command: echo not-for-others
      no_log: true
- hosts: h2
  gather_facts: false
  tasks:
    - shell: "echo not-for-others; touch {{ root }}/two"
"#;

#[test]
fn a_secret_of_the_first_play_is_masked_in_what_the_second_did_before() {
    let site = Site::new().unwrap();
    let output = site.played(&play(SECRET), &ARGUMENTS).unwrap();
    assert!(output.status.success(), "{}", site.told());
    let told: Vec<Json> =
        events(&site).into_iter().filter(|event| event["event"] == "host_finished").collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[2]["outcome"]["result"]["stdout"], "********");
}

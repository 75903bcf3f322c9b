//! The output against what ansible-playbook printed (`tests/oracle/default_output`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use canvass_modules::diff::Diff;
use serde_json::{Value as Json, json};

use super::*;
use crate::report::event::Recap;
use crate::report::human::tests::{Paper, changed, outcome, with_result};
use crate::source::Place;

const HOST: &str = "localhost";

fn playbook() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/default_output/playbook.yml"))
}

/// The events that the recorded playbook gives.
#[derive(Default)]
struct Script {
    events: Vec<Event>,
    tasks: usize,
}

impl Script {
    fn play(&mut self, name: &str) {
        let place = Place { file: playbook(), line: 2, column: 3 };
        let (name, hosts) = (name.to_owned(), vec![HOST.to_owned()]);
        self.events.push(Event::PlayStarted {
            play: 0,
            name,
            hosts,
            lockstep: true,
            check: false,
            place,
        });
    }

    fn task(&mut self, name: &str, module: &str, line: u32, column: u32) -> usize {
        let id = self.tasks;
        self.tasks += 1;
        let task = TaskHead {
            id,
            play: 0,
            name: name.to_owned(),
            role: None,
            module: format!("ansible.builtin.{module}"),
            action: String::new(),
            arguments: String::new(),
            handler: name == "told",
            check: false,
            place: Place { file: playbook(), line, column },
        };
        self.events.push(Event::TaskStarted { task });
        id
    }

    fn item(&mut self, task: usize, item: Json, outcome: Outcome) {
        let outcome = Box::new(Outcome { item: Some(item), ..outcome });
        self.events.push(Event::ItemFinished { task, host: HOST.to_owned(), outcome });
    }

    fn host(&mut self, task: usize, outcome: Outcome) {
        let (host, outcome) = (HOST.to_owned(), Box::new(outcome));
        self.events.push(Event::HostFinished { task, host, outcome });
    }
}

fn said(result: Json) -> Outcome {
    Outcome { verbose_always: true, ..with_result(Status::Ok, result) }
}

fn wrote(path: &str, after: &str) -> Outcome {
    let mut outcome = changed(path, "", after);
    let header = String::new();
    let diff = Diff { before_header: header, ..(*outcome.diffs.remove(0)).clone() };
    outcome.result.insert("diff".to_owned(), serde_json::to_value([&diff]).unwrap());
    outcome.result.insert("changed".to_owned(), Json::from(true));
    outcome.diffs = vec![diff.into()];
    outcome
}

fn failed(message: &str) -> Outcome {
    with_result(Status::Failed, json!({"msg": message, "changed": false, "failed": true}))
}

fn recorded_run() -> Vec<Event> {
    let mut script = Script::default();
    script.play("first play");
    let task = script.task("write a file", "copy", 6, 7);
    script.host(task, wrote("TARGET/f", "hello\nthere"));
    let task = script.task("write two", "copy", 8, 7);
    for item in ["one", "two"] {
        script.item(task, json!(item), wrote(&format!("TARGET/{item}"), &format!("a {item}\n")));
    }
    script.host(task, wrote("TARGET/one", "both items' diffs"));
    let task = script.task("debug", "debug", 11, 7);
    script.host(task, said(json!({"msg": "hi", "changed": false})));
    let task = script.task("debug", "debug", 12, 7);
    for item in [json!(1), json!({"a": "b's"})] {
        script.item(task, item.clone(), said(json!({"msg": item, "item": item, "failed": false})));
    }
    script.host(task, said(json!({"results": []})));
    let task = script.task("debug", "debug", 14, 7);
    script.host(task, said(json!({"inventory_hostname": "localhost", "changed": false})));
    let task = script.task("fails and is ignored", "fail", 15, 7);
    script.host(task, Outcome { ignored: true, ..failed("no\tway") });
    let task = script.task("fails for one item", "fail", 18, 7);
    script.item(task, json!(1), outcome(Status::Skipped));
    let mut second = failed("bad 2");
    second.result.insert("item".to_owned(), json!(2));
    second.result.insert("ansible_loop_var".to_owned(), json!("item"));
    script.item(task, json!(2), second);
    script.host(task, Outcome { ignored: true, ..failed("One or more items failed") });
    let task = script.task("is skipped", "fail", 23, 7);
    script.host(task, outcome(Status::Skipped));
    let task = script.task("is skipped for each", "fail", 26, 7);
    script.item(task, json!(1), outcome(Status::Skipped));
    script.item(task, json!(3), outcome(Status::Skipped));
    script.host(task, outcome(Status::Skipped));
    let hidden = Outcome { censored: true, ..said(json!({"censored": "hidden"})) };
    let task = script.task("hidden", "debug", 30, 7);
    script.host(task, hidden.clone());
    let task = script.task("hidden items", "debug", 33, 7);
    script.item(task, json!("secret"), hidden.clone());
    script.host(task, hidden);
    let task = script.task("elsewhere", "set_fact", 37, 7);
    let delegated_to = Some("other".to_owned());
    script.host(task, Outcome { delegated_to, ..outcome(Status::Changed) });
    let task = script.task("fail", "fail", 44, 11);
    script.host(task, failed("boom"));
    script.events.push(Event::Rescued { host: HOST.to_owned(), task });
    let task = script.task("debug", "debug", 46, 11);
    script.host(task, said(json!({"msg": "rescued"})));
    let task = script.task("told", "debug", 48, 7);
    script.host(task, said(json!({"msg": "handled"})));
    let place = Place { file: playbook(), line: 50, column: 3 };
    let (name, pattern) = ("nobody".to_owned(), "nobody".to_owned());
    script.events.push(Event::NoHosts { play: 1, name, pattern, place });
    script.play("last");
    let task = script.task("the end", "fail", 56, 7);
    script.host(task, failed("end"));
    let recap = Recap {
        ok: 12,
        changed: 3,
        failed: 1,
        skipped: 2,
        rescued: 1,
        ignored: 2,
        ..Recap::default()
    };
    script.events.push(Event::RunFinished {
        at: SystemTime::UNIX_EPOCH,
        recap: BTreeMap::from([(HOST.to_owned(), recap)]),
        exit_code: 2,
    });
    script.events
}

fn printed(events: &[Event], verbosity: Verbosity) -> String {
    let paper = Paper::default();
    let options = DefaultOptions { verbosity, ..DefaultOptions::default() };
    let mut output = DefaultOutput::new(paper.clone(), Paper::default(), options);
    for event in events {
        output.event(event).unwrap();
    }
    output.finish().unwrap();
    paper.text()
}

#[test]
fn equals_what_ansible_playbook_printed() {
    let expected = include_str!("../../../tests/oracle/default_output/expected.txt")
        .replace("PLAYBOOK", &playbook().to_string_lossy());
    let printed = printed(&recorded_run(), Verbosity::Normal);
    for (number, (ours, theirs)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {}", number + 1);
    }
    assert_eq!(printed, expected);
}

#[test]
fn tells_paths_and_results_when_asked() {
    let text = printed(&recorded_run(), Verbosity::Paths);
    assert!(text.contains(&format!("task path: {}:6\n", playbook().display())), "{text}");
    assert!(text.contains("changed: [localhost] => {\"changed\": true}\n"), "{text}");
    assert!(!text.contains("=> (item=secret)"), "{text}");
}

#[test]
fn an_unreachable_host_and_a_retry_read_as_ansible_words_them() {
    let mut script = Script::default();
    let task = script.task("wait", "command", 1, 1);
    script.events.push(Event::Retrying {
        task,
        host: HOST.to_owned(),
        left: 2,
        outcome: Box::new(outcome(Status::Failed)),
    });
    let lost = json!({"msg": "timed out\u{1b}[2J", "unreachable": true, "changed": false});
    script.host(task, with_result(Status::Unreachable, lost));
    let text = printed(&script.events, Verbosity::Normal);
    assert!(text.contains(
        "FAILED - RETRYING: [localhost]: wait (2 retries left).\n[ERROR]: Task failed: timed out"
    ));
    assert!(text.ends_with(
        "fatal: [localhost]: UNREACHABLE! \
             => {\"changed\": false, \"msg\": \"timed out\\u001b[2J\", \"unreachable\": true}\n"
    ));
}

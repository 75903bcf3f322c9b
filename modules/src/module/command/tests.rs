use serde_json::{Value as Json, json};

use super::{Command, Directory, Guard, Observed, Params, Shell};
use crate::contract::{Module, Stop};
use crate::effect::{Applied, Effect, Output, Timestamp};
use crate::module::local_time::LocalTime;
use crate::params::Params as _;

fn params(arguments: Json) -> Params {
    Params::parse("command", arguments.as_object().unwrap()).unwrap()
}

fn observed(words: &[&str]) -> Observed {
    Observed {
        words: words.iter().map(ToString::to_string).collect(),
        directory: Directory::Default,
        creates: None,
        removes: None,
        clock: LocalTime::utc(),
    }
}

fn command_of(plan: &crate::contract::Plan) -> &crate::effect::Command {
    match &plan.effects[0].effect {
        Effect::Run(command) => command,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_is_split_and_a_shell_line_is_not() {
    let given = params(json!({"_raw_params": "echo 'a b' | cat", "stdin": "x"}));
    let plan = Command::plan(&given, &observed(&["echo", "a b", "|", "cat"])).unwrap();
    assert_eq!(command_of(&plan).argv, ["echo", "a b", "|", "cat"]);
    assert_eq!(command_of(&plan).stdin.as_deref(), Some("x\n"));
    assert_eq!(plan.returned["cmd"], json!(["echo", "a b", "|", "cat"]));
    let plan = Shell::plan(&given, &observed(&[])).unwrap();
    assert_eq!(command_of(&plan).argv, ["/bin/sh", "-c", "echo 'a b' | cat"]);
    assert_eq!(plan.returned["cmd"], json!("echo 'a b' | cat"));
}

#[test]
fn guards_decide_without_running() {
    let given = params(json!({"cmd": "ls"}));
    let guard = |exists| Some(Guard { pattern: "/etc/p*".to_owned(), exists });
    let table = [
        (guard(true), None, Some("Did not run command since '/etc/p*' exists")),
        (guard(false), None, None),
        (None, guard(false), Some("Did not run command since '/etc/p*' does not exist")),
        (None, guard(true), None),
        (guard(false), guard(false), Some("Did not run command since '/etc/p*' does not exist")),
    ];
    for (creates, removes, message) in table {
        let observed = Observed { creates, removes, ..observed(&["ls"]) };
        let plan = Command::plan(&given, &observed).unwrap();
        assert_eq!(plan.changes(), message.is_none());
        assert_eq!(plan.returned.get("msg").and_then(Json::as_str), message);
    }
}

#[test]
fn output_is_worded_as_ansible_words_it() {
    let given = params(json!({"cmd": "x"}));
    let at = |seconds, nanoseconds| Some(Timestamp { seconds, nanoseconds });
    let output = Output {
        status: 3,
        stdout: b"a\n\nb\n\n".to_vec(),
        stderr: Vec::new(),
        started: at(0, 393_353_000),
        ended: at(0, 397_330_000),
    };
    let observed = observed(&["x"]);
    let plan = Command::plan(&given, &observed).unwrap();
    let ran = |output: &Output| {
        Command::conclude(&given, &observed, &plan, &[Applied::Ran(output.clone())])
    };
    let Err(Stop::Failed(failure)) = ran(&output) else { panic!() };
    assert_eq!(failure.message, "non-zero return code");
    assert_eq!(
        Json::Object(failure.returned),
        json!({
            "cmd": ["x"], "rc": 3, "stdout": "a\n\nb", "stdout_lines": ["a", "", "b"],
            "stderr": "", "stderr_lines": [], "start": "1970-01-01 00:00:00.393353",
            "end": "1970-01-01 00:00:00.397330", "delta": "0:00:00.003977", "changed": true,
        })
    );
    let ok = ran(&Output { status: 0, ..output }).unwrap();
    assert!(ok.changed);
    assert_eq!(ok.returned["msg"], json!(""));
}

#[test]
fn what_cannot_run_is_refused() {
    let table = [
        (json!({"cmd": " "}), "Argument 'args' to run_command must be list or string"),
        (json!({"argv": []}), "Error executing command."),
        (json!({"cmd": "echo 'a"}), "No closing quotation"),
    ];
    for (arguments, message) in table {
        let stop = Command::plan(&params(arguments), &observed(&[])).unwrap_err();
        assert_eq!(stop.to_string(), message);
    }
    let observed = Observed { directory: Directory::Missing, ..observed(&["ls"]) };
    let stop = Command::plan(&params(json!({"cmd": "ls"})), &observed).unwrap_err();
    assert_eq!(stop.to_string(), "Unable to change directory before execution.");
}

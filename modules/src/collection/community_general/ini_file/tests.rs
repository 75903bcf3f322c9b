//! Expected texts were written by community.general 12.0.0 from the same ones.

use serde_json::{Value as Json, json};

use super::IniFile;
use crate::execute::{Executed, Execution, execute};
use crate::host::Host as _;
use crate::host::memory::MemoryHost;
use crate::wire::Status;

fn run(text: Option<&str>, arguments: &Json) -> (Executed, Option<String>) {
    let mut host = MemoryHost::new();
    if let Some(text) = text {
        host = host.with_file("/etc/x.ini", text);
    }
    let mut all = json!({"path": "/etc/x.ini"});
    for (name, value) in arguments.as_object().unwrap() {
        all[name] = value.clone();
    }
    let arguments = all.as_object().unwrap();
    let ended =
        execute::<IniFile>("ini_file", Execution { host: &mut host, arguments, diff: true });
    let text = host.read("/etc/x.ini".as_ref()).ok();
    (ended, text.map(|text| String::from_utf8(text).unwrap()))
}

#[test]
fn outcomes_are_those_of_the_collection() {
    let table = include_str!("cases.json");
    let cases: Vec<Json> = serde_json::from_str(table).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let before = case["before"].as_str();
        let (ended, after) = run(before, &case["arguments"]);
        let shown = &case["arguments"];
        assert_eq!(after.as_deref(), case["after"].as_str(), "{shown}");
        assert_eq!(ended.returned["msg"], case["msg"], "{shown}");
        let changed = ended.status == Status::Changed;
        assert_eq!(json!(changed), case["changed"], "{shown}");
        let failed = ended.status == Status::Failed;
        assert_eq!(json!(failed), case["failed"], "{shown}");
    }
}

//! Runs modules on hosts in memory, and in the cases that `tests/oracle/modules.py` recorded from
//! Ansible's own modules.

use serde_json::{Map, Value as Json};

use crate::contract::Module;
use crate::effect::{Command, Effect, Output};
use crate::execute::{Executed, Execution, execute};
use crate::host::fake::FakeHost;
use crate::host::memory::MemoryHost;
use crate::host::{FileKind, Host};
use crate::wire::Status;

/// Runs a module with a diff.
pub(crate) fn run<M: Module>(host: &mut dyn Host, arguments: &Json) -> Executed {
    let arguments = arguments.as_object().unwrap();
    execute::<M>("module", Execution { host, arguments, diff: true })
}

/// Arguments with more of them, which count where both have one.
pub(crate) fn with(base: &Json, more: &Json) -> Json {
    let mut all = base.as_object().unwrap().clone();
    all.extend(more.as_object().unwrap().clone());
    Json::Object(all)
}

/// The commands of what was applied, in order, without the directories of their programs.
pub(crate) fn commands(host: &MemoryHost) -> Vec<Vec<String>> {
    let mut all: Vec<&Command> = Vec::new();
    for effect in host.applied() {
        match effect {
            Effect::Run(command) => all.push(command),
            Effect::Setting(change) => all.extend(&change.commands),
            Effect::Packages(change) => all.push(&change.command),
            Effect::Unit(change) => all.push(&change.command),
            Effect::User(change) => all.extend(&change.commands),
            Effect::Group(change) => all.extend(&change.commands),
            _ => {}
        }
    }
    let name = |word: &String| word.rsplit('/').next().unwrap().to_owned();
    all.iter()
        .map(|command| {
            let words = command.argv.iter();
            command.argv.first().map(name).into_iter().chain(words.skip(1).cloned()).collect()
        })
        .collect()
}

fn cases(text: &str) -> Vec<Json> {
    let cases: Vec<Json> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 5);
    cases
}

/// What differs from what was recorded.
struct Differences(Vec<String>);

impl Differences {
    fn note(&mut self, case: &Json, what: &str, ours: &Json, recorded: &Json) {
        if ours != recorded {
            let arguments = &case["arguments"];
            self.0.push(format!(
                "{arguments}\n  {what}\n    ours     {ours}\n    recorded {recorded}"
            ));
        }
    }

    fn compare(&mut self, ended: &Executed, case: &Json) {
        self.note(case, "failed", &(ended.status == Status::Failed).into(), &case["failed"]);
        self.note(case, "changed", &(ended.status == Status::Changed).into(), &case["changed"]);
        let field = |name: &str| ended.returned.get(name).unwrap_or(&Json::Null);
        if case["words"].is_null() {
            self.note(case, "msg", field("msg"), &case["msg"]);
        }
        for (name, value) in case["returned"].as_object().unwrap_or(&Map::new()) {
            self.note(case, name, field(name), value);
        }
    }

    fn end(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// Cases in which the module edits the file at `path`.
pub(crate) fn files_become_as_recorded<M: Module>(option: &str, path: &str, text: &str) {
    let mut differences = Differences(Vec::new());
    for case in cases(text) {
        let folder = path.rsplit_once('/').unwrap().0;
        let mut host = MemoryHost::new().with_directory(folder);
        if let Some(text) = case["before"].as_str() {
            host = host.with_file(path, text);
        }
        let arguments = with(&serde_json::json!({option: path}), &case["arguments"]);
        let ended = run::<M>(&mut host, &arguments);
        differences.compare(&ended, &case);
        let after = host.read(path.as_ref()).ok();
        let after = after.map(|text| String::from_utf8(text).unwrap());
        differences.note(&case, "after", &after.into(), &case["after"]);
    }
    differences.end();
}

/// Cases in which the module calls programs and changes files; what exists beside them is in
/// `host`. A rehearsal tells the same.
pub(crate) fn programs_run_as_recorded<M: Module>(host: fn() -> MemoryHost, text: &str) {
    let mut differences = Differences(Vec::new());
    for case in cases(text) {
        let laid = || {
            let mut host = host();
            for (path, text) in case["files"].as_object().into_iter().flatten() {
                host = host.with_file(path, text.as_str().unwrap());
            }
            for name in case["programs"].as_array().unwrap() {
                host = host.with_program(name.as_str().unwrap());
            }
            // of several answers the first counts: modules ask once
            for answer in case["answers"].as_array().into_iter().flatten().rev() {
                let said = |name: &str| answer[name].as_str().unwrap_or_default().into();
                let status = i32::try_from(answer["rc"].as_i64().unwrap_or_default()).unwrap();
                let (stdout, stderr) = (said("stdout"), said("stderr"));
                let output = Output { status, stdout, stderr, ..Output::default() };
                let words = answer["argv"].as_array().unwrap().iter();
                let mut argv: Vec<String> =
                    words.map(|word| word.as_str().unwrap().to_owned()).collect();
                argv[0] = format!("/usr/bin/{}", argv[0]);
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                host = host.with_output(&argv, output);
            }
            host
        };
        let mut live = laid();
        let ended = run::<M>(&mut live, &case["arguments"]);
        differences.compare(&ended, &case);
        // where the collection asks a library of Python's, ours asks programs
        if case["python"].is_null() {
            differences.note(&case, "ran", &commands(&live).into(), &case["ran"]);
        }
        for (path, text) in case["files_after"].as_object().into_iter().flatten() {
            let there = live.read(path.as_ref()).ok();
            let there = there.map(|text| String::from_utf8(text).unwrap());
            differences.note(&case, path, &there.into(), text);
        }
        let mut rehearsal = crate::host::rehearsal::RehearsalHost::new(laid());
        let told = run::<M>(&mut rehearsal, &case["arguments"]).status;
        if ended.status != Status::Failed {
            assert_eq!(told, ended.status, "rehearsal of {}", case["arguments"]);
        }
    }
    differences.end();
}

/// A block device of a host in memory.
pub(crate) fn device(host: MemoryHost, path: &str) -> MemoryHost {
    host.with_file(path, "").with_stat(path, |stat| stat.kind = FileKind::BlockDevice)
}

/// The file before, the arguments beside its path, how it ends, `msg`, the file after.
pub(crate) type EditCase =
    (Option<&'static str>, &'static str, Status, &'static str, Option<&'static str>);

/// Cases in which a module edits `/tmp/e`; `false %s` validates nothing.
pub(crate) fn edits_are_those_of_ansible<M: Module>(cases: &[EditCase]) {
    for (before, arguments, status, message, after) in cases {
        let mut host = FakeHost::new();
        let refuses = Output { status: 1, ..Output::default() };
        host.outputs.insert("false %s".to_owned(), refuses);
        if let Some(before) = before {
            host.file("/tmp/e", before);
        }
        let more = serde_json::from_str(arguments).unwrap();
        let arguments = with(&serde_json::json!({"path": "/tmp/e"}), &more);
        let done = run::<M>(&mut host, &arguments);
        assert_eq!(done.status, *status, "{arguments} on {before:?}: {:?}", done.returned);
        assert_eq!(done.returned["msg"], **message, "{arguments} on {before:?}");
        let there = host.paths("/tmp").contains(&"/tmp/e".to_owned());
        let text = there.then(|| host.text("/tmp/e"));
        assert_eq!(text.as_deref(), *after, "{arguments} on {before:?}");
    }
}

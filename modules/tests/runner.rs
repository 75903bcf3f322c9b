//! The runner binary, spoken to as the engine does.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use canvass_modules::wire::frame::{self, Kind};
use canvass_modules::wire::{FromRunner, ItemReply, Mode, Status, TaskRequest, ToRunner, Witness};
use serde_json::{Value as Json, json};

struct Runner {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Runner {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_canvass-runner"))
            .args(["serve", "m4rk"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "\n", "noise of a login shell ends with a line of its own");
        line.clear();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "canvass-runner m4rk\n");
        let mut runner = Self { child, input, output };
        let FromRunner::Ready { hash, version } = runner.receive() else { panic!("not ready") };
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        assert_eq!(hash.len(), 64);
        runner
    }

    fn send(&mut self, message: &ToRunner) {
        let body = serde_json::to_vec(message).unwrap();
        frame::write(self.input.as_mut().unwrap(), Kind::Message, &body).unwrap();
    }

    fn send_task(&mut self, id: u64, module: &str, items: &[Json]) {
        self.send(&ToRunner::Task(Box::new(request(id, module, items))));
    }

    fn receive(&mut self) -> FromRunner {
        let (kind, body) = frame::read(&mut self.output).unwrap().expect("an answer");
        assert_eq!(kind, Kind::Message);
        serde_json::from_slice(&body).unwrap()
    }

    fn item(&mut self) -> ItemReply {
        match self.receive() {
            FromRunner::Item(item) => *item,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(id: u64, module: &str, items: &[Json]) -> TaskRequest {
    TaskRequest {
        id,
        module: module.to_owned(),
        mode: Mode::Apply,
        diff: false,
        diff_limit: None,
        environment: std::collections::BTreeMap::new(),
        items: items.iter().map(|item| item.as_object().unwrap().clone()).collect(),
        bond: canvass_modules::wire::Bond::None,
        rehearsed: Vec::new(),
        timeout: None,
        sources: Vec::new(),
        follows: None,
        detach: None,
        witness: Witness::None,
        streaming: canvass_modules::wire::Streaming::Off,
        fetching: canvass_modules::wire::Fetching::On,
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_loop_is_one_request_and_a_stream_of_replies() {
    let mut runner = Runner::start();
    runner.send_task(
        7,
        "ansible.builtin.ping",
        &[json!({}), json!({"data": "x"}), json!({"data": "crash"})],
    );
    let replies: Vec<ItemReply> = (0..3).map(|_| runner.item()).collect();
    assert_eq!(
        replies.iter().map(|reply| (reply.task, reply.item)).collect::<Vec<_>>(),
        [(7, 0), (7, 1), (7, 2)]
    );
    assert_eq!(replies[0].returned["ping"], "pong");
    assert_eq!(replies[1].returned["ping"], "x");
    assert_eq!(replies[2].status, Status::Failed);
    assert_eq!(replies[2].returned["msg"], "Task failed: Module failed: boom");
}

#[test]
fn a_module_that_is_not_there_fails_its_task_only() {
    let mut runner = Runner::start();
    runner.send_task(1, "no.such.module", &[json!({})]);
    let reply = runner.item();
    assert_eq!(reply.status, Status::Failed);
    assert_eq!(reply.returned["msg"], "the runner has no module `no.such.module`");
    runner.send_task(2, "ansible.builtin.ping", &[json!({})]);
    assert_eq!(runner.item().status, Status::Ok);
}

#[test]
fn the_end_of_the_input_ends_the_runner() {
    let mut runner = Runner::start();
    runner.input = None;
    assert!(runner.child.wait().unwrap().success());
    let mut rest = Vec::new();
    runner.output.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn nonsense_on_the_channel_ends_the_runner_with_an_error() {
    let mut runner = Runner::start();
    runner.input.as_mut().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(!runner.child.wait().unwrap().success());
}

#[test]
fn the_hash_is_that_of_the_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_canvass-runner")).arg("hash").output().unwrap();
    let sum = Command::new("sha256sum").arg(env!("CARGO_BIN_EXE_canvass-runner")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        sum.split_whitespace().next().unwrap()
    );
}

/// Whether a process runs; one that waits to be collected does not.
fn runs(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

/// A shell with a child; both write their number, and the child ignores being asked to end.
fn family(directory: &Path) -> Json {
    let directory = directory.display();
    json!({"_raw_params": format!(
        "echo $$ > {directory}/parent; (trap '' TERM; sleep 60 & echo $! > {directory}/child; wait; wait) & wait"
    )})
}

fn wait_for_family(directory: &Path) -> [String; 2] {
    ["parent", "child"].map(|name| {
        let path = directory.join(name);
        let read = || std::fs::read_to_string(&path).unwrap_or_default();
        wait_until("the command starts", || read().ends_with('\n'));
        read()
    })
}

#[test]
fn a_cancelled_task_ends_with_its_processes_and_the_next_one_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mut runner = Runner::start();
    runner.send_task(1, "ansible.builtin.shell", &[family(directory.path()), json!({})]);
    runner.send_task(2, "ansible.builtin.ping", &[json!({})]);
    runner.send_task(3, "ansible.builtin.ping", &[json!({})]);
    let family = wait_for_family(directory.path());
    runner.send(&ToRunner::Cancel { id: 2 });
    runner.send(&ToRunner::Cancel { id: 1 });
    assert_eq!(runner.item().task, 3, "the cancelled ones are not answered");
    for pid in family {
        wait_until("the processes end", || !runs(&pid));
    }
}

#[test]
fn no_process_survives_the_end_of_the_input() {
    let directory = tempfile::tempdir().unwrap();
    let mut runner = Runner::start();
    runner.send_task(1, "ansible.builtin.shell", &[family(directory.path())]);
    let family = wait_for_family(directory.path());
    runner.input = None;
    runner.child.wait().unwrap();
    for pid in family {
        wait_until("the processes end", || !runs(&pid));
    }
}

#[test]
fn no_process_survives_a_signal() {
    let directory = tempfile::tempdir().unwrap();
    let mut runner = Runner::start();
    runner.send_task(1, "ansible.builtin.shell", &[family(directory.path())]);
    let family = wait_for_family(directory.path());
    let pid = runner.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(!runner.child.wait().unwrap().success());
    for pid in family {
        wait_until("the processes end", || !runs(&pid));
    }
}

#[test]
fn an_item_that_takes_too_long_fails_and_the_next_item_runs() {
    let mut runner = Runner::start();
    let items = [json!({"_raw_params": "sleep 60"}), json!({"_raw_params": "echo here"})];
    let task = TaskRequest { timeout: Some(1), ..request(1, "ansible.builtin.command", &items) };
    runner.send(&ToRunner::Task(Box::new(task)));
    let late = runner.item();
    assert_eq!(late.status, Status::Failed);
    assert_eq!(late.returned["msg"], "Task failed: Timed out after 1 second(s).");
    assert_eq!(runner.item().returned["stdout"], "here");
}

#[test]
fn what_follows_a_failure_is_not_done() {
    let directory = tempfile::tempdir().unwrap();
    let touch =
        |name: &str| json!({"_raw_params": format!("touch {name}"), "chdir": directory.path()});
    let fails = json!({"_raw_params": "false"});
    let mut runner = Runner::start();
    for (id, items, follows) in [
        (1, vec![touch("one")], None),
        (2, vec![touch("two"), fails, touch("three")], Some(1)),
        (3, vec![touch("never")], Some(2)),
        (4, vec![touch("never")], Some(3)),
        (5, vec![touch("five")], None),
        (6, vec![touch("never")], Some(4)),
    ] {
        let task = TaskRequest { follows, ..request(id, "ansible.builtin.command", &items) };
        runner.send(&ToRunner::Task(Box::new(task)));
    }
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(match runner.receive() {
            FromRunner::Item(item) => format!("{} {:?}", item.task, item.status),
            FromRunner::Passed { task } => format!("{task} passed"),
            other => panic!("{other:?}"),
        });
    }
    let expected = [
        "1 Changed",
        "2 Changed",
        "2 Failed",
        "2 Changed",
        "3 passed",
        "4 passed",
        "5 Changed",
        "6 passed",
    ];
    assert_eq!(answers, expected);
    let mut done: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    done.sort();
    assert_eq!(done, ["five", "one", "three", "two"]);
}

#[test]
fn a_rehearsal_remembers_and_a_check_forgets() {
    let directory = tempfile::tempdir().unwrap();
    let (parent, child) = (directory.path().join("a"), directory.path().join("a/b"));
    let task = |id, mode, path: &Path| {
        let items = [json!({"path": path, "state": "directory"})];
        ToRunner::Task(Box::new(TaskRequest {
            mode,
            diff: true,
            diff_limit: None,
            ..request(id, "ansible.builtin.file", &items)
        }))
    };
    let mut runner = Runner::start();
    runner.send(&task(1, Mode::Check, &parent));
    assert_eq!(runner.item().status, Status::Changed);
    runner.send(&task(2, Mode::Rehearse, &parent));
    let made = runner.item();
    assert_eq!(made.status, Status::Changed, "what was checked did not stay");
    assert_eq!(made.diffs[0].before, json!({"path": parent, "state": "absent"}));
    assert_eq!(made.diffs[0].after, json!({"path": parent, "state": "directory"}));
    for (id, status) in [(3, Status::Changed), (4, Status::Ok)] {
        runner.send(&task(id, Mode::Rehearse, &child));
        assert_eq!(runner.item().status, status);
    }
    assert!(!parent.exists());

    // another runner of the same host, for another user
    let mut other = Runner::start();
    let ToRunner::Task(mut request) = task(1, Mode::Rehearse, &parent) else { return };
    request.rehearsed = made.effects.into_iter().map(|record| record.effect).collect();
    other.send(&ToRunner::Task(request));
    assert_eq!(other.item().status, Status::Ok);
}

#[test]
fn a_large_source_is_asked_for_and_streamed_into_place() {
    use sha1::Digest as _;
    let directory = tempfile::tempdir().unwrap();
    let dest = directory.path().join("large");
    let content: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let sha1 = sha1::Sha1::digest(&content);
    let sha1 = sha1.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let source = json!({"id": 9, "size": content.len(), "sha1": sha1});
    let mut runner = Runner::start();
    let item = json!({"dest": dest, "src": "large", "_canvass_source": source});
    runner.send_task(1, "ansible.builtin.copy", &[item]);
    loop {
        match runner.receive() {
            FromRunner::Want { task: 1, source: 9, .. } => {
                let input = runner.input.as_mut().unwrap();
                for chunk in content.chunks(frame::BLOB_CHUNK) {
                    let body = [9_u64.to_be_bytes().as_slice(), chunk].concat();
                    frame::write(input, Kind::Blob, &body).unwrap();
                }
                let end = [9_u64.to_be_bytes().as_slice(), &[1]].concat();
                frame::write(input, Kind::BlobEnd, &end).unwrap();
            }
            FromRunner::Item(reply) => {
                assert_eq!(reply.status, Status::Changed, "{:?}", reply.returned);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(std::fs::read(&dest).unwrap() == content);
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing staged is left");
}

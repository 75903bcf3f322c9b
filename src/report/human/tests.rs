//! The report for people, from events written by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use canvass_modules::diff::Diff;
use canvass_modules::effect::{Attributes, Effect};
use canvass_modules::wire::EffectRecord;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::*;
use crate::report::event::{Outcome, Recap, RunMode, Status, TaskHead};
use crate::source::Place;

pub(crate) fn outcome(status: Status) -> Outcome {
    Outcome {
        spent: None,
        status,
        ignored: false,
        item: None,
        delegated_to: None,
        delegated_address: None,
        causes: Vec::new(),
        result: serde_json::Map::new(),
        diffs: Vec::new(),
        effects: Vec::new(),
        took: Duration::from_millis(1250),
        censored: false,
        verbose_always: false,
    }
}

pub(crate) fn with_result(status: Status, result: Json) -> Outcome {
    let Json::Object(result) = result else { panic!("a result is an object") };
    Outcome { result, ..outcome(status) }
}

pub(crate) fn changed(path: &str, before: &str, after: &str) -> Outcome {
    let diff = Diff {
        before_header: path.to_owned(),
        after_header: path.to_owned(),
        before: json!(before),
        after: json!(after),
        note: None,
    };
    Outcome { diffs: vec![diff.into()], ..with_result(Status::Changed, json!({"changed": true})) }
}

pub(crate) fn because(reason: &str, outcome: Outcome) -> Outcome {
    let effect = Effect::SetAttributes {
        path: PathBuf::from("/srv"),
        attributes: Attributes { mode: Some(0o755), ..Attributes::default() },
    };
    let effects = vec![EffectRecord { effect, reason: reason.to_owned() }.into()];
    Outcome { effects, ..outcome }
}

/// A run of one play, its events in order.
pub(crate) struct Run {
    pub(crate) events: Vec<Event>,
    recap: BTreeMap<String, Recap>,
    tasks: usize,
}

impl Run {
    pub(crate) fn new(mode: RunMode, hosts: &[String]) -> Self {
        let playbooks = vec!["site.yml".to_owned()];
        let place = place(1);
        let events = vec![
            Event::RunStarted { at: SystemTime::UNIX_EPOCH, mode, playbooks },
            Event::PlayStarted {
                play: 0,
                name: "site".to_owned(),
                hosts: hosts.to_vec(),
                lockstep: true,
                check: false,
                place,
            },
        ];
        let recap = hosts.iter().map(|host| (host.clone(), Recap::default())).collect();
        Self { events, recap, tasks: 0 }
    }

    pub(crate) fn task(&mut self, name: &str, module: &str) -> usize {
        let id = self.tasks;
        self.tasks += 1;
        let line = 10 * u32::try_from(self.tasks).unwrap();
        let head = TaskHead {
            id,
            play: 0,
            name: name.to_owned(),
            role: (id == 1).then(|| "web".to_owned()),
            module: format!("ansible.builtin.{module}"),
            action: String::new(),
            arguments: String::new(),
            handler: false,
            check: false,
            place: place(line),
        };
        self.events.push(Event::TaskStarted { task: head });
        id
    }

    pub(crate) fn item(&mut self, task: usize, host: &str, item: Json, of: Outcome) {
        let outcome = Box::new(Outcome { item: Some(item), ..of });
        self.events.push(Event::ItemFinished { task, host: host.to_owned(), outcome });
    }

    pub(crate) fn host(&mut self, task: usize, host: &str, outcome: Outcome) {
        let recap = self.recap.entry(host.to_owned()).or_default();
        match &outcome.status {
            Status::Ok => recap.ok += 1,
            Status::Changed => (recap.ok, recap.changed) = (recap.ok + 1, recap.changed + 1),
            Status::Skipped => recap.skipped += 1,
            Status::Failed if outcome.ignored => {
                (recap.ok, recap.ignored) = (recap.ok + 1, recap.ignored + 1);
            }
            Status::Failed => recap.failed += 1,
            Status::Unreachable => recap.unreachable += 1,
            Status::Unknown { .. } => recap.unknown += 1,
        }
        self.events.push(Event::HostStarted {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(2 * task as u64 + 1),
            task,
            host: host.to_owned(),
        });
        let outcome = Box::new(outcome);
        self.events.push(Event::HostFinished { task, host: host.to_owned(), outcome });
    }

    pub(crate) fn finish(mut self, exit_code: i32) -> Vec<Event> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(90);
        self.events.push(Event::RunFinished { at, recap: self.recap, exit_code });
        self.events
    }
}

fn place(line: u32) -> Place {
    Place { file: PathBuf::from("site.yml"), line, column: 7 }
}

pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix}{number:02}")).collect()
}

/// What both outputs hold.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shown(events: &[Event], options: HumanOptions) -> (String, String) {
    let (out, talk) = (Paper::default(), Paper::default());
    let mut report = HumanReport::new(out.clone(), talk.clone(), options);
    for event in events {
        report.event(event).unwrap();
    }
    report.finish().unwrap();
    (out.text(), talk.text())
}

fn with_diff() -> HumanOptions {
    HumanOptions { diff: DiffOutput::Shown, ..HumanOptions::default() }
}

fn success() -> Vec<Event> {
    let hosts = names("web", 3);
    let mut run = Run::new(RunMode::Apply, &hosts);
    let task = run.task("Gathering Facts", "setup");
    for host in &hosts {
        run.host(task, host, outcome(Status::Ok));
    }
    let task = run.task("write the page", "copy");
    run.host(task, "web02", changed("/srv/index", "old\n", "new\n"));
    run.host(task, "web01", changed("/srv/index", "", "new\n"));
    run.host(task, "web03", changed("/srv/index", "old\n", "new\n"));
    let task = run.task("install", "package");
    for host in &hosts {
        run.item(task, host, json!("nginx"), outcome(Status::Changed));
        run.item(task, host, json!("curl"), outcome(Status::Ok));
        run.host(task, host, because("nginx is not installed", outcome(Status::Changed)));
    }
    let task = run.task("say", "debug");
    for host in &hosts {
        let said = with_result(Status::Ok, json!({"msg": "hello", "changed": false}));
        run.host(task, host, Outcome { verbose_always: true, ..said });
    }
    let task = run.task("only elsewhere", "command");
    for host in &hosts {
        run.host(task, host, outcome(Status::Skipped));
    }
    run.finish(0)
}

#[test]
fn success_without_diff() {
    assert_snapshot!(shown(&success(), HumanOptions::default()).0.trim(), @r"
    PLAY [site] on web[01-03]

    TASK [web : write the page]
      changed: web[01-03]

    TASK [install]
      changed: web[01-03] (items: nginx)

    TASK [say]
      web[01-03]: hello

    CHANGES ************************************************************************

    TASK [web : write the page]  site.yml:20
    changed: web[01-03]

    TASK [install]  site.yml:30
    changed: web[01-03]
      - nginx is not installed

    2 tasks with nothing to do, 1 skipped (-v tells them)

    PLAY RECAP *********************************************************************
    web01                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0   
    web02                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0   
    web03                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
    ");
}

#[test]
fn lines_have_the_time_before_them() {
    let options = HumanOptions { timestamps: Timestamps::On, ..HumanOptions::default() };
    let (out, _) = shown(&success(), options);
    let told: Vec<&str> = out.lines().take_while(|line| !line.contains("CHANGES")).collect();
    assert!(told.len() > 5, "{out}");
    for line in told.iter().filter(|line| !line.is_empty()) {
        let (time, rest) = line.split_once("Z ").unwrap();
        assert!(time.len() == 19 && time.starts_with("20") && !rest.is_empty(), "{line}");
    }
    assert!(out.contains("\nPLAY RECAP"), "what stands at the end has none");
}

#[test]
fn success_with_diff_and_results() {
    let options = HumanOptions { verbosity: Verbosity::Results, ..with_diff() };
    assert_snapshot!(shown(&success(), options).0.trim(), @r#"
    PLAY [site] on web[01-03]

    TASK [Gathering Facts]
      ok: web[01-03] => {}

    TASK [web : write the page]
      changed: web[01-03] => {"changed": true}

    TASK [install]
      changed: web[01-03] (item=nginx) => {}
      ok: web[01-03] (item=curl) => {}
      changed: web[01-03]

    TASK [say]
      web[01-03]: hello

    TASK [only elsewhere]
      skipped: web[01-03] => {}

    CHANGES ************************************************************************

    TASK [web : write the page]  site.yml:20
    changed: web01
    --- before: /srv/index
    +++ after: /srv/index
    @@ -0,0 +1 @@
    +new

    changed: web[02-03]
    --- before: /srv/index
    +++ after: /srv/index
    @@ -1 +1 @@
    -old
    +new

    TASK [install]  site.yml:30
    changed: web[01-03]
      - nginx is not installed

    2 tasks with nothing to do, 1 skipped

    PLAY RECAP *********************************************************************
    web01                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0   
    web02                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0   
    web03                      : ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
    "#);
}

#[test]
fn effects_with_reasons_and_times() {
    let mut run = Run::new(RunMode::Apply, &["h".to_owned()]);
    let task = run.task("mode", "file");
    let result = with_result(Status::Changed, json!({"path": "/srv", "diff": {}, "_ansible_x": 1}));
    run.host(task, "h", because("mode is 0700, not 0755", result));
    let options = HumanOptions { verbosity: Verbosity::Effects, ..HumanOptions::default() };
    assert_snapshot!(shown(&run.finish(0), options).0.trim(), @r#"
    PLAY [site] on h

    TASK [mode]
      task path: site.yml:10
      changed: h => {
        "diff": {},
        "path": "/srv"
    } (1.250s)
        - set attributes: mode is 0700, not 0755

    CHANGES ************************************************************************

    TASK [mode]  site.yml:10
    changed: h
      - mode is 0700, not 0755

    PLAY RECAP *********************************************************************
    h                          : ok=1    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
    "#);
}

#[test]
fn rehearsal_with_unknowns() {
    let hosts = names("web", 40);
    let mut run = Run::new(RunMode::Rehearsal, &hosts);
    let task = run.task("config", "template");
    for host in &hosts {
        run.host(task, host, changed("/etc/web.conf", "a\n", "b\n"));
    }
    let task = run.task("migrate", "command");
    for host in &hosts {
        let reason = "the command `migrate` was not run".to_owned();
        run.host(task, host, outcome(Status::Unknown { reason }));
    }
    let task = run.task("restart when migrated", "service");
    for host in &hosts {
        let reason = "`when` reads `migrated`, which is unknown".to_owned();
        run.host(task, host, outcome(Status::Unknown { reason }));
    }
    assert_snapshot!(shown(&run.finish(0), with_diff()).0.trim(), @r"
    PLAY [site] on web[01-40]

    TASK [config]
      would change: web[01-40]

    TASK [web : migrate]
      unknown: web[01-40]: the command `migrate` was not run

    TASK [restart when migrated]
      unknown: web[01-40]: `when` reads `migrated`, which is unknown

    WOULD CHANGE *******************************************************************

    TASK [config]  site.yml:10
    would change: web[01-40]
    --- before: /etc/web.conf
    +++ after: /etc/web.conf
    @@ -1 +1 @@
    -a
    +b

    UNKNOWN BEFORE IT IS DONE ******************************************************

    TASK [web : migrate]  site.yml:20
    unknown: web[01-40]: the command `migrate` was not run

    TASK [restart when migrated]  site.yml:30
    unknown: web[01-40]: `when` reads `migrated`, which is unknown

    PLAY RECAP *********************************************************************
    web[01-40]                 : ok=1    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0    unknown=2
    ");
}

#[test]
fn failures_with_reason_and_place() {
    let hosts = names("db", 5);
    let mut run = Run::new(RunMode::Apply, &hosts);
    let task = run.task("Gathering Facts", "setup");
    for host in hosts.iter().take(4) {
        run.host(task, host, outcome(Status::Ok));
    }
    let lost = json!({"msg": "connect to db05 port 22: connection timed out", "unreachable": true});
    run.host(task, "db05", with_result(Status::Unreachable, lost));
    let task = run.task("migrate", "command");
    for host in ["db01", "db02"] {
        let stderr = "error: relation \"x\"\n  does not exist\n";
        let result =
            json!({"msg": "non-zero return code", "rc": 2, "stderr": stderr, "stdout": "log"});
        run.host(task, host, with_result(Status::Failed, result));
    }
    run.item(task, "db03", json!({"name": "a"}), outcome(Status::Ok));
    run.item(
        task,
        "db03",
        json!({"name": "b"}),
        with_result(Status::Failed, json!({"msg": "no b"})),
    );
    run.host(task, "db03", with_result(Status::Failed, json!({"msg": "One or more items failed"})));
    let ignored = with_result(Status::Failed, json!({"msg": "first\nsecond"}));
    run.host(task, "db04", Outcome { ignored: true, ..ignored });
    run.events.push(Event::Rescued { host: "db02".to_owned(), task });
    run.events.push(Event::Interrupted);
    let (out, spoken) = shown(&run.finish(99), HumanOptions::default());
    assert_eq!(spoken, "interrupted: what is in work is being ended\n");
    assert_snapshot!(out.trim(), @r#"
    PLAY [site] on db[01-05]

    TASK [Gathering Facts]
      unreachable: db05: connect to db05 port 22: connection timed out

    TASK [web : migrate]
      failed: db01: non-zero return code
      failed: db02: non-zero return code
      failed: db03 (item={"name": "b"}): no b
      failed: db04: first second (ignored)
      rescued: db02

    The run was interrupted; this is what was done until then.

    Nothing was changed.

    UNREACHABLE AND FAILED *********************************************************

    TASK [Gathering Facts]  site.yml:10
    unreachable: db05: connect to db05 port 22: connection timed out

    TASK [web : migrate]  site.yml:20
    failed: db01: non-zero return code (rc 2)
      stderr:
        error: relation "x"
          does not exist
    failed: db02 (rescued): non-zero return code (rc 2)
      stderr:
        error: relation "x"
          does not exist
    failed: db03 (item={"name": "b"}): no b
    failed: db04 (ignored):
        first
        second

    PLAY RECAP *********************************************************************
    db01                       : ok=1    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0   
    db02                       : ok=1    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0   
    db03                       : ok=1    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0   
    db04                       : ok=2    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=1   
    db05                       : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
    "#);
}

#[test]
fn control_characters_of_hosts_do_nothing() {
    let evil = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\rx";
    let mut run = Run::new(RunMode::Apply, &[evil.to_owned()]);
    let task = run.task(evil, "command");
    run.host(task, evil, changed(evil, evil, "fine\r\n\u{1b}[31mred\n"));
    let task = run.task("fails", "command");
    let result = json!({"msg": evil, "rc": 1, "stderr": evil});
    run.item(task, evil, json!(evil), with_result(Status::Failed, result.clone()));
    run.host(task, evil, with_result(Status::Failed, result.clone()));
    let task = run.task("says", "debug");
    run.host(task, evil, Outcome { verbose_always: true, ..with_result(Status::Ok, result) });
    run.host(task, evil, outcome(Status::Unknown { reason: evil.to_owned() }));
    run.events.push(Event::Notice {
        marked: false,
        level: Level::Warning,
        text: evil.to_owned(),
        place: None,
        host: Some(evil.to_owned()),
    });
    let events = run.finish(2);
    for verbosity in [0, 1, 2, 3] {
        let options = HumanOptions { verbosity: verbosity.into(), ..with_diff() };
        let (out, spoken) = shown(&events, options);
        for text in [out, spoken] {
            let hostile = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(hostile, None, "{text:?}");
        }
    }
}

#[test]
fn no_log_hides_what_happened() {
    let mut run = Run::new(RunMode::Apply, &["h".to_owned()]);
    let task = run.task("set the password", "user");
    let mut secret = because("hunter2 differs", changed("/etc/shadow", "hunter1\n", "hunter2\n"));
    secret.censored = true;
    run.host(task, "h", secret);
    let task = run.task("use it", "command");
    let failed =
        with_result(Status::Failed, json!({"msg": "hunter2 is wrong", "stderr": "hunter2"}));
    let failed = Outcome { censored: true, ..failed };
    run.item(task, "h", json!("hunter2"), failed.clone());
    run.host(task, "h", failed);
    let events = run.finish(2);
    assert_snapshot!(shown(&events, with_diff()).0.trim(), @r"
    PLAY [site] on h

    TASK [set the password]
      changed: h

    TASK [web : use it]
      failed: h: hidden because the task has `no_log`

    CHANGES ************************************************************************

    TASK [set the password]  site.yml:10
    changed: h

    UNREACHABLE AND FAILED *********************************************************

    TASK [web : use it]  site.yml:20
    failed: h: hidden because the task has `no_log`

    PLAY RECAP *********************************************************************
    h                          : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0
    ");
    let json = serde_json::to_string(&gathered(&events)).unwrap();
    assert!(!json.contains("hunter"), "{json}");
}

fn gathered(events: &[Event]) -> ChangeReport {
    let mut gatherer = Gatherer::new();
    for event in events {
        gatherer.event(event);
    }
    gatherer.report()
}

#[test]
fn five_hundred_hosts_read_as_one() {
    let report = |count: usize| {
        let hosts: Vec<String> = (1..=count).map(|number| format!("web{number:03}")).collect();
        let mut run = Run::new(RunMode::Apply, &hosts);
        for path in ["/etc/a", "/etc/b"] {
            let task = run.task(path, "copy");
            for host in &hosts {
                run.host(task, host, changed(path, "1\n2\n", "1\n3\n"));
            }
        }
        shown(&run.finish(0), with_diff()).0
    };
    let (one, many) = (report(1), report(500));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&many.replace("web[001-500]", "web001")), words(&one));
    assert_eq!(many.lines().count(), one.lines().count());
}

#[test]
fn batches_of_a_play_are_one_task() {
    let mut run = Run::new(RunMode::Apply, &["a1".to_owned()]);
    let first = run.task("t", "copy");
    run.host(first, "a1", changed("/x", "1\n", "2\n"));
    let hosts = vec!["a2".to_owned()];
    run.events.push(Event::PlayStarted {
        play: 0,
        name: "site".to_owned(),
        hosts,
        lockstep: true,
        check: false,
        place: place(1),
    });
    let Event::TaskStarted { task: mut head } = run.events[2].clone() else { panic!() };
    head.id = 7;
    run.events.push(Event::TaskStarted { task: head });
    run.host(7, "a2", changed("/x", "1\n", "2\n"));
    let report = gathered(&run.finish(0));
    assert_eq!(report.tasks().count(), 1);
    let task = report.tasks().next().unwrap();
    assert_eq!(task.changes.len(), 1);
    assert_eq!(task.changes[0].hosts, ["a1", "a2"]);
}

#[test]
fn warnings_are_talk_and_told_once() {
    let mut run = Run::new(RunMode::Apply, &["h".to_owned()]);
    for level in [Level::Warning, Level::Warning, Level::Debug] {
        let text = "old syntax".to_owned();
        run.events.push(Event::Notice {
            level,
            text,
            place: Some(place(3)),
            host: None,
            marked: false,
        });
    }
    let (_, spoken) = shown(&run.finish(0), HumanOptions::default());
    assert_eq!(spoken, "[WARNING]: old syntax (site.yml:3:7)\n");
}

#[test]
fn long_diffs_are_cut_with_a_count() {
    let mut run = Run::new(RunMode::Apply, &["h".to_owned()]);
    let task = run.task("long", "copy");
    let long: String = (0..50).map(|number| format!("{number}\n")).collect::<Vec<_>>().concat();
    run.host(task, "h", changed("/x", "", &long));
    let (out, _) = shown(&run.finish(0), HumanOptions { longest_diff: 5, ..with_diff() });
    assert!(out.contains("+1\n... 49 more lines of this diff are in `--report FILE`\n"), "{out}");
}

#[test]
fn a_live_view_leaves_failures_and_messages_for_lines() {
    let options = HumanOptions { live: Live::On, ..HumanOptions::default() };
    let (out, _) = shown(&success(), options);
    let before = out.split("CHANGES").next().unwrap();
    assert_eq!(before, "\nPLAY [site] on web[01-03]\n\nTASK [say]\n  web[01-03]: hello\n\n");
}

#[test]
fn says_nothing_of_a_run_that_never_began_and_tells_when_one_broke_off() {
    assert_eq!(shown(&[], HumanOptions::default()).0, "");
    let mut events = success();
    events.pop();
    let (out, _) = shown(&events, HumanOptions::default());
    assert!(out.contains("\nThe run broke off; this is what was done until then.\n"), "{out}");
}

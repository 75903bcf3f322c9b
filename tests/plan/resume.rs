//! Runs that fail, lose a host or are killed, and go on: each host at its own place, whatever the
//! strategy.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use canvass::record::RunId;

use super::{HIDDEN, SECRET, Story, command, ends, says};

const RESUMED: &str = r#"
- name: Launch
  hosts: lab
  gather_facts: false
  tasks:
    - name: Count
      shell: echo once >> /etc/count; cat /etc/count
      register: counted
    - name: Configure
      template: {src: app.conf.j2, dest: /etc/app.conf}
      notify: Restart
    - name: Hide
      command: echo hidden-by-no-log
      no_log: true
      register: hidden
    - block:
        - command: "false"
      rescue:
        - shell: echo rescued >> /etc/count
    - name: Stumble
      shell: |
        if test -e /etc/stand; then exit 0; fi
        if test "{{ inventory_hostname }}" = h2; then kill -9 $PPID; fi
    - name: Note
      copy: {content: "{{ counted.stdout }} {{ hidden.stdout | length }}\n", dest: /etc/note}
  handlers:
    - name: Restart
      shell: echo restarted >> /etc/restarted
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_during_an_apply_goes_on_at_its_own_place() {
    let story = Story::begin(2).await;
    story.write("site.yml", RESUMED);
    ends(&story.plan(&[]), 0);
    let died = story.apply(&[]);
    ends(&died, 4);
    let count = "once\nrescued\n";
    for (host, note) in [("h1", Some("once 16\n")), ("h2", None)] {
        assert_eq!(story.read(host, "/etc/count").as_deref(), Some(count));
        assert_eq!(story.read(host, "/etc/note").as_deref(), note);
    }
    assert_eq!(story.read("h2", "/etc/restarted"), None);
    let journal = story.records().journal(RunId(2)).unwrap().unwrap();
    assert!(journal.contains("\"done\""), "{journal}");
    assert!(!journal.contains(SECRET) && !journal.contains(HIDDEN), "{journal}");
    // what it was made from must be the same
    let playbook = fs::read_to_string(story.path("site.yml")).unwrap();
    story.write("site.yml", &playbook.replace("echo once", "echo twice"));
    let refused = story.canvass(&["resume"]);
    ends(&refused, 1);
    says(&refused.stderr, &["`site.yml` has changed"]);
    story.write("site.yml", &playbook);
    fs::write(story.on("h2", "/etc/stand"), "").unwrap();
    // by its number among the runs that were recorded
    let resumed = story.canvass(&["resume", "2"]);
    ends(&resumed, 0);
    for host in ["h1", "h2"] {
        assert_eq!(story.read(host, "/etc/count").as_deref(), Some(count), "{host}");
        assert_eq!(story.read(host, "/etc/note").as_deref(), Some("once 16\n"), "{host}");
        assert_eq!(story.read(host, "/etc/restarted").as_deref(), Some("restarted\n"), "{host}");
    }
    assert!(!resumed.stdout.contains("Count"), "{}", resumed.stdout);
    assert_eq!(story.records().journal(RunId(2)).unwrap(), None);
    assert!(story.records().newest_resumable().unwrap().is_none());
    ends(&story.canvass(&["resume"]), 1);
    story.lab.down().await.unwrap();
}

/// A host fails in the middle; each step leaves a line where it was done.
const MIDDLE: &str = r#"
- name: Launch
  hosts: lab
  gather_facts: false
SERIAL
  tasks:
    - name: One
      shell: echo one >> /etc/steps
      notify: Restart
    - name: Remember
      set_fact: {remembered: "{{ inventory_hostname }}"}
    - name: Two
      shell: echo two >> /etc/steps; test -e /etc/stand || test "$(cat /etc/fails)" != yes
      register: two
    - name: Three
      shell: echo "three {{ remembered }} {{ two.rc }}" >> /etc/steps
  handlers:
    - name: Restart
      shell: echo restarted >> /etc/steps
- name: Afterwards
  hosts: lab
  gather_facts: false
  tasks:
    - name: Four
      shell: echo four >> /etc/steps
"#;

/// What hosts have done, in their order, before the run goes on and after it.
struct Course {
    arguments: &'static [&'static str],
    serial: &'static str,
    before: [&'static str; 3],
    after: [&'static str; 3],
}

const DONE: &str = "one two three restarted four";

/// The host that failed does its second step again, and all that comes after it.
const AGAIN: &str = "one two two three restarted four";

const COURSES: [Course; 4] = [
    Course {
        arguments: &["--strategy", "linear"],
        serial: "",
        before: [DONE, "one two", DONE],
        after: [DONE, AGAIN, DONE],
    },
    // all hosts of the second batch have failed: the third one does not begin
    Course {
        arguments: &["--strategy", "linear"],
        serial: "  serial: 1",
        before: ["one two three restarted", "one two", ""],
        after: [DONE, AGAIN, DONE],
    },
    Course {
        arguments: &["--strategy", "free"],
        serial: "",
        before: [DONE, "one two", DONE],
        after: [DONE, AGAIN, DONE],
    },
    Course {
        arguments: &["--strategy", "dag"],
        serial: "",
        before: [DONE, "one two", DONE],
        after: [DONE, AGAIN, DONE],
    },
];

fn steps(story: &Story) -> [String; 3] {
    ["h1", "h2", "h3"].map(|host| {
        let text = story.read(host, "/etc/steps").unwrap_or_default();
        let lines = text.lines().map(|line| match line.split_once(' ') {
            // with what was registered and set before
            Some((word, rest)) if rest == format!("{host} 0") => word,
            _ => line,
        });
        lines.collect::<Vec<_>>().join(" ")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_host_goes_on_at_its_own_place_under_every_strategy() {
    let story = Story::begin(3).await;
    for Course { arguments, serial, before, after } in COURSES {
        for (host, fails) in [("h1", "no"), ("h2", "yes"), ("h3", "no")] {
            story.shell(host, &format!("rm -f /etc/steps /etc/stand; echo {fails} > /etc/fails"));
        }
        story.write("site.yml", &MIDDLE.replace("SERIAL", serial));
        let play = ["play", "-i", "hosts.ini", "site.yml", "--vault-id", "launch@vault-password"];
        ends(&story.canvass(&[&play, arguments].concat()), 2);
        assert_eq!(steps(&story), before, "{arguments:?} {serial}");
        // it fails again: nothing is lost by that
        ends(&story.canvass(&["resume"]), 2);
        story.shell("h2", "sed -i '$d' /etc/steps; touch /etc/stand");
        ends(&story.canvass(&["resume"]), 0);
        assert_eq!(steps(&story), after, "{arguments:?} {serial}");
    }
    story.lab.down().await.unwrap();
}

const LONG: &str = "
- hosts: lab
  gather_facts: false
  tasks:
    - name: Count
      shell: echo once >> /etc/count
    - name: Wait
      shell: touch /etc/begun; while ! test -e /etc/go; do sleep 0.05; done
    - name: Note
      shell: echo noted >> /etc/count
";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_can_be_resumed() {
    let story = Story::begin(2).await;
    story.write("site.yml", LONG);
    for strategy in ["linear", "dag"] {
        for host in ["h1", "h2"] {
            story.shell(host, "rm -f /etc/count /etc/begun /etc/go");
        }
        let mut play = command::canvass(&story.path("home"));
        play.args(["play", "-i", "hosts.ini", "site.yml", "--strategy", strategy])
            .args(["--vault-id", "launch@vault-password"])
            .current_dir(story.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut play = play.spawn().unwrap();
        let started = Instant::now();
        let begun = |host| story.read(host, "/etc/begun").is_some();
        while !(begun("h1") && begun("h2")) {
            assert!(started.elapsed() < Duration::from_mins(1));
            std::thread::sleep(Duration::from_millis(20));
        }
        // what is done is on its way into the record
        std::thread::sleep(Duration::from_millis(500));
        says(&story.canvass(&["history"]).stdout, &["still on"]);
        let too_early = story.canvass(&["resume"]);
        ends(&too_early, 1);
        says(&too_early.stderr, &["there is no run that broke off or failed"]);
        let number = story.records().newest(1).unwrap()[0].id.to_string();
        let too_early = story.canvass(&["resume", &number]);
        ends(&too_early, 1);
        says(&too_early.stderr, &[&format!("run {number} is still on")]);
        play.kill().unwrap();
        play.wait().unwrap();
        says(&story.canvass(&["history"]).stdout, &["cut off (can be resumed)"]);
        for host in ["h1", "h2"] {
            fs::write(story.on(host, "/etc/go"), "").unwrap();
        }
        let resumed = story.canvass(&["resume"]);
        ends(&resumed, 0);
        says(&resumed.stderr, &["h1: 1 steps are done", "h2: 1 steps are done"]);
        for host in ["h1", "h2"] {
            assert_eq!(story.read(host, "/etc/count").as_deref(), Some("once\nnoted\n"), "{host}");
        }
        assert!(story.records().newest_resumable().unwrap().is_none());
    }
    story.lab.down().await.unwrap();
}

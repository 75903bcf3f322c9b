//! What happens where a host is not what the plan saw: `--on-drift`, under every strategy.

use std::time::{Duration, Instant};

use super::command::{self, Watch};
use super::{Story, ends, says};

/// The first task of h1 changes what its second one meets, which no rehearsal can see.
const SURPRISE: &str = r#"
- hosts: lab
  gather_facts: false
SERIAL
  tasks:
    - name: Act
      shell: test "$(cat /etc/name)" != h1 || echo surprise > /etc/list
    - name: Line
      lineinfile: {path: /etc/list, line: wanted, create: true}
    - name: Last
      copy: {content: x, dest: /etc/last}
"#;

/// What is told to do, what is answered, the exit code, and whether h1 and h2 come to the end.
type Case = (&'static str, &'static str, i32, [bool; 2]);

const CASES: [Case; 4] = [
    ("stop-host", "", 2, [false, true]),
    ("stop-run", "", 2, [false, false]),
    ("ask", "n\n", 2, [false, true]),
    ("ask", "y\n", 0, [true, true]),
];

#[tokio::test(flavor = "multi_thread")]
async fn drift_in_the_middle_of_a_run_does_what_is_asked_for() {
    let story = Story::begin(2).await;
    for host in ["h1", "h2"] {
        story.shell(host, &format!("echo {host} > /etc/name"));
    }
    for (strategy, serial) in [("linear", ""), ("linear", "  serial: 1"), ("free", ""), ("dag", "")]
    {
        story.write("site.yml", &SURPRISE.replace("SERIAL", serial));
        ends(&story.plan(&["--strategy", strategy]), 0);
        for (word, answer, code, reach) in CASES {
            // hosts at their own pace may be past it before another one has drifted: see below
            if word == "stop-run" && matches!(strategy, "free" | "dag") {
                continue;
            }
            let applied = story.said(answer, &["apply", "launch.plan", "--on-drift", word]);
            let case = format!("{strategy} {serial} {word} {answer}");
            assert_eq!(applied.code, Some(code), "{case}: {applied:?}");
            let told = [&*applied.stdout, &applied.stderr].concat();
            says(&told, &["otherwise than in the plan: write file `/etc/list`"]);
            // a batch that has lost all its hosts ends the play
            let reach = [reach[0], reach[1] && (serial.is_empty() || reach[0])];
            let last = ["h1", "h2"].map(|host| story.read(host, "/etc/last").is_some());
            assert_eq!(last, reach, "{case}: {told}");
            let lines = story.read("h1", "/etc/list").unwrap();
            assert_eq!(lines.contains("wanted"), reach[0], "{case}: {lines}");
            for host in ["h1", "h2"] {
                story.shell(host, "rm -f /etc/list /etc/last");
            }
        }
    }
    story.lab.down().await.unwrap();
}

/// The second host is in its first task until the first one has drifted in its second.
const HELD_UP: &str = r#"
- hosts: lab
  gather_facts: false
  tasks:
    - name: Act
      shell: |
        if test "$(cat /etc/name)" = h1; then echo surprise > /etc/list; exit; fi
        while ! test -e /etc/go; do sleep 0.02; done
    - name: Line
      lineinfile: {path: /etc/list, line: wanted, create: true}
    - name: Last
      copy: {content: x, dest: /etc/last}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_stops_hosts_at_their_own_pace_before_their_next_task() {
    let hosts = Story::begin(2).await;
    let story = &hosts;
    for host in ["h1", "h2"] {
        story.shell(host, &format!("echo {host} > /etc/name"));
    }
    story.write("site.yml", HELD_UP);
    for strategy in ["free", "dag"] {
        ends(&story.plan(&["--strategy", strategy]), 0);
        let mut apply = command::canvass(&story.path("home"));
        apply
            .args(["apply", "launch.plan", "--on-drift", "stop-run", "--events", "events"])
            .current_dir(story.folder.path());
        let drifted = || {
            let told = std::fs::read_to_string(story.path("events")).unwrap_or_default();
            told.contains("otherwise than in the plan: write file `/etc/list`")
        };
        let applied = std::thread::scope(|scope| {
            let started = Instant::now();
            scope.spawn(move || {
                // without it, the second host goes on as well, and is seen to have done so
                while !drifted() && started.elapsed() < Duration::from_secs(30) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                std::fs::write(story.on("h2", "/etc/go"), "").unwrap();
            });
            let watch = Watch { within: Duration::from_mins(1), interrupt_when: None, stdin: "" };
            command::run(apply, &watch).unwrap()
        });
        ends(&applied, 2);
        says(&applied.stderr, &["the run is stopped: `h1` is not what was approved"]);
        for host in ["h1", "h2"] {
            assert_eq!(story.read(host, "/etc/last"), None, "{strategy} {host}");
        }
        assert_eq!(story.read("h1", "/etc/list").as_deref(), Some("surprise\n"), "{strategy}");
        assert_eq!(story.read("h2", "/etc/list"), None, "{strategy}");
        story.shell("h1", "rm -f /etc/list");
        story.shell("h2", "rm -f /etc/go");
        std::fs::remove_file(story.path("events")).unwrap();
    }
    hosts.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_that_is_agreed_with_before_the_run_is_applied() {
    let story = Story::begin(2).await;
    ends(&story.plan(&[]), 0);
    std::fs::write(story.on("h2", "/etc/greeting"), "edited by hand\n").unwrap();
    // nobody is there to be asked
    let unanswered = story.apply(&["--on-drift", "ask"]);
    assert_ne!(unanswered.code, Some(0), "{unanswered:?}");
    says(&unanswered.stderr, &["`--on-drift ask` has nobody to ask"]);
    assert_eq!(story.read("h1", "/etc/greeting"), None);
    // one answer is enough: what was agreed with is not asked about again
    let agreed = story.said("y\n", &["apply", "launch.plan", "--on-drift", "ask"]);
    ends(&agreed, 0);
    says(&agreed.stderr, &["h2: Greet (site.yml:8): "]);
    for host in ["h1", "h2"] {
        let greeting = format!("hello from {host}\n");
        assert_eq!(story.read(host, "/etc/greeting"), Some(greeting));
    }
    story.lab.down().await.unwrap();
}

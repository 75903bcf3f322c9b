//! What happens where a host is not what the plan saw: `--on-drift`, under every strategy.

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
            // hosts at their own pace may be past it before another one has drifted
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

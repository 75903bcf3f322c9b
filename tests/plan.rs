//! Plans on lab hosts: made, read, signed, applied; and stopped where anything is not as it was.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "harness/command.rs"]
mod command;
#[path = "plan/drift.rs"]
mod drift;
#[path = "plan/resume.rs"]
mod resume;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use canvass::lab::{Lab, Names, Start};
use canvass::record::{BOUND, RecordSettings, Records};
use command::{Ended, Watch};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A project and the hosts that it is for.
struct Story {
    folder: TempDir,
    lab: Lab,
}

const SECRET: &str = "s3cret-of-the-vault";
const HIDDEN: &str = "hidden-by-no-log";

const PLAYBOOK: &str = r#"
- name: Launch
  hosts: lab
  gather_facts: false
  vars:
    note: noted
  tasks:
    - name: Greet
      copy: {content: "hello from {{ inventory_hostname }}\n", dest: /etc/greeting, mode: "0644"}
    - name: Configure
      template: {src: app.conf.j2, dest: /etc/app.conf, mode: "0600"}
      notify: Restart
    - name: Hide
      copy: {content: "hidden-by-no-log\n", dest: /etc/hidden}
      no_log: true
    - name: Ask
      command: echo asked
      register: asked
    - name: Note
      copy: {content: "{{ asked.stdout }} {{ note }}\n", dest: /etc/note}
  handlers:
    - name: Restart
      command: touch /etc/restarted
"#;

impl Story {
    async fn begin(hosts: usize) -> Self {
        let start =
            Start { names: Names::numbered(hosts), program: env!("CARGO_BIN_EXE_canvass").into() };
        let lab = Lab::up(start).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let story = Self { folder, lab };
        fs::create_dir_all(story.path("group_vars")).unwrap();
        fs::create_dir_all(story.path("templates")).unwrap();
        fs::create_dir_all(story.path("home")).unwrap();
        fs::copy(story.lab.inventory_path(), story.path("hosts.ini")).unwrap();
        story.write("site.yml", PLAYBOOK);
        story.write("templates/app.conf.j2", "password={{ password }}\n");
        story.write("vault-password", "open sesame\n");
        story.write("secrets.yml", &format!("password: {SECRET}\n"));
        let encrypted = story.canvass(&[
            "vault",
            "encrypt",
            "--vault-id",
            "launch@vault-password",
            "secrets.yml",
        ]);
        assert_eq!(encrypted.code, Some(0), "{encrypted:?}");
        fs::rename(story.path("secrets.yml"), story.path("group_vars/lab.yml")).unwrap();
        story
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn canvass(&self, arguments: &[&str]) -> Ended {
        self.said("", arguments)
    }

    fn said(&self, stdin: &str, arguments: &[&str]) -> Ended {
        let mut command = command::canvass(&self.path("home"));
        command.args(arguments).current_dir(self.folder.path());
        let watch = Watch { within: Duration::from_mins(2), interrupt_when: None, stdin };
        let ended = command::run(command, &watch).unwrap();
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(SECRET) && !text.contains(HIDDEN), "{text}");
        }
        ended
    }

    fn records(&self) -> Records {
        let home = self.path("home");
        Records::read(&RecordSettings::of(None, Some(&home), BOUND).unwrap()).unwrap().unwrap()
    }

    fn plan(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["plan", "-i", "hosts.ini", "site.yml", "-o", "launch.plan"];
        arguments.extend(["--vault-id", "launch@vault-password"]);
        arguments.extend(more);
        let ended = self.canvass(&arguments);
        let text = fs::read_to_string(self.path("launch.plan")).unwrap_or_default();
        for secret in [SECRET, HIDDEN] {
            assert!(!text.contains(secret), "the plan holds `{secret}`");
        }
        ended
    }

    fn apply(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["apply", "launch.plan"];
        arguments.extend(more);
        self.canvass(&arguments)
    }

    /// Refused before any host is touched, for this reason.
    fn refuses(&self, reason: &str) {
        let ended = self.apply(&[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        for host in self.lab.hosts() {
            assert_eq!(self.read(&host.name, "/etc/greeting"), None, "{}", ended.stderr);
        }
    }

    fn on(&self, host: &str, path: &str) -> PathBuf {
        let host = self.lab.hosts().find(|one| one.name == host).unwrap();
        let children = format!("/proc/{pid}/task/{pid}/children", pid = host.pid);
        let children = fs::read_to_string(children).unwrap();
        let inside = children.split_whitespace().next().unwrap();
        Path::new("/proc").join(inside).join("root").join(path.trim_start_matches('/'))
    }

    fn read(&self, host: &str, path: &str) -> Option<String> {
        fs::read_to_string(self.on(host, path)).ok()
    }

    fn shell(&self, host: &str, script: &str) -> String {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.lab.ssh_config_path()).args([host, script]);
        let output = ssh.output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn kept(&self) -> Json {
        serde_json::from_slice(&fs::read(self.path("launch.plan")).unwrap()).unwrap()
    }
}

fn ends(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{}\n{}", ended.stdout, ended.stderr);
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_read_and_applied() {
    let story = Story::begin(2).await;
    // what would change is told by the exit code, and nothing is changed
    ends(&story.plan(&["--detailed-exitcode", "-e", "note=given"]), 2);
    assert_eq!(story.read("h1", "/etc/greeting"), None);
    let shown = story.canvass(&["show", "-v", "launch.plan"]);
    ends(&shown, 0);
    says(
        &shown.stdout,
        &[
            "+hello from ‹host›",
            "+password=********",
            "--extra-vars note=given",
            "sealed with a vault password",
            "signature  none",
            "  group_vars/lab.yml\n",
            "  site.yml\n",
            "  templates/app.conf.j2\n",
            "command `echo` is not run in a dry run",
            "met /etc/greeting: nothing",
            "hosts      2 to change of 2",
        ],
    );
    let plan = story.kept();
    assert_eq!(plan["schema"], "canvass-plan/1");
    assert_eq!(plan["hosts"], serde_json::json!(["h1", "h2"]));
    // what the same step does on both is kept once
    let motd = plan["steps"].as_array().unwrap();
    let count = |name: &str| motd.iter().filter(|step| step["task"] == name).count();
    assert_eq!((count("Greet"), count("Configure"), count("Note")), (2, 1, 1));
    // the plan holds in another copy of the project
    let applied = story.apply(&[]);
    ends(&applied, 0);
    says(&applied.stderr, &["[h1] was unknown in the plan: write file `/etc/note`"]);
    for host in ["h1", "h2"] {
        assert_eq!(story.read(host, "/etc/greeting"), Some(format!("hello from {host}\n")));
        assert_eq!(story.read(host, "/etc/app.conf"), Some(format!("password={SECRET}\n")));
        assert_eq!(story.read(host, "/etc/note").as_deref(), Some("asked given\n"));
        assert_eq!(story.read(host, "/etc/restarted").as_deref(), Some(""));
    }
    // it is done: it does not fit the hosts any more
    let again = story.apply(&[]);
    ends(&again, 2);
    says(&again.stderr, &["[h1] left as it is: ", "Greet (site.yml:8): no longer: write file"]);
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_are_not_the_same_are_refused_by_name() {
    let story = Story::begin(1).await;
    ends(&story.plan(&["--expires", "2h"]), 0);
    let untouched = fs::read_to_string(story.path("site.yml")).unwrap();
    story.write("site.yml", &untouched.replace("echo asked", "echo tampered"));
    story.refuses("`site.yml` has changed");
    story.write("site.yml", &untouched);
    fs::rename(story.path("templates/app.conf.j2"), story.path("aside")).unwrap();
    story.refuses("`templates/app.conf.j2` is gone");
    fs::rename(story.path("aside"), story.path("templates/app.conf.j2")).unwrap();
    fs::create_dir(story.path("host_vars")).unwrap();
    story.write("host_vars/h1.yml", "note: another\n");
    story.refuses("`host_vars/h1.yml` was not there");
    fs::remove_dir_all(story.path("host_vars")).unwrap();
    let inventory = fs::read_to_string(story.path("hosts.ini")).unwrap();
    story.write("hosts.ini", &inventory.replace("\nh1 ", "\nh3 ansible_host=127.0.0.1\nh1 "));
    story.refuses("`hosts.ini` has changed");
    story.refuses("host `h3` was not in the inventory");
    story.write("hosts.ini", &inventory);
    // another engine, and a plan that is too old
    let plan = fs::read_to_string(story.path("launch.plan")).unwrap();
    let engine = format!("\"engine\": \"{}\"", env!("CARGO_PKG_VERSION"));
    story.write("launch.plan", &plan.replacen(&engine, "\"engine\": \"0.0.1\"", 1));
    story.refuses("the plan was made by canvass 0.0.1");
    let year = plan.split("\"expires\": \"").nth(1).unwrap().get(..4).unwrap().to_owned();
    let old = plan.replacen(&format!("\"expires\": \"{year}"), "\"expires\": \"2001", 1);
    story.write("launch.plan", &old);
    story.refuses("the plan has expired");
    story.write("launch.plan", &plan);
    // without the password that sealed it nothing goes
    story.write("vault-password", "open barley\n");
    let locked = story.apply(&[]);
    assert_ne!(locked.code, Some(0), "{locked:?}");
    assert_eq!(story.read("h1", "/etc/greeting"), None);
    story.write("vault-password", "open sesame\n");
    ends(&story.apply(&[]), 0);
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_drifted_is_left_as_it_is() {
    let story = Story::begin(2).await;
    fs::write(story.on("h1", "/etc/greeting"), "an old one\n").unwrap();
    fs::write(story.on("h2", "/etc/greeting"), "an old one\n").unwrap();
    ends(&story.plan(&[]), 0);
    // somebody edits a file between plan and apply
    fs::write(story.on("h2", "/etc/greeting"), "edited by hand\n").unwrap();
    let stopped = story.apply(&["--on-drift", "stop-run"]);
    ends(&stopped, 2);
    says(&stopped.stderr, &["h2: Greet (site.yml:8): `/etc/greeting`: another content"]);
    assert_eq!(story.read("h1", "/etc/greeting").as_deref(), Some("an old one\n"));
    let asked = story.said("n\n", &["apply", "launch.plan", "--on-drift", "ask"]);
    ends(&asked, 2);
    says(&asked.stderr, &["apply the plan there all the same?"]);
    assert_eq!(story.read("h2", "/etc/greeting").as_deref(), Some("edited by hand\n"));
    assert_eq!(story.read("h2", "/etc/app.conf"), None);
    // the other host was as the plan saw it
    assert_eq!(story.read("h1", "/etc/greeting").as_deref(), Some("hello from h1\n"));
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_of_another_version_is_drift() {
    let story = Story::begin(1).await;
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return;
    }
    for version in ["1.0", "1.5", "2.0"] {
        let root = story.path(&format!("probe-{version}"));
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: canvass-probe\nVersion: {version}\nArchitecture: all\nMaintainer: nobody \
             <nobody@example.org>\nDescription: a probe\n"
        );
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let built = Command::new("dpkg-deb").arg("-b").arg(&root).output().unwrap();
        assert!(built.status.success(), "{built:?}");
        let file = story.path(&format!("probe-{version}.deb"));
        fs::copy(file, story.on("h1", &format!("/srv/probe-{version}.deb"))).unwrap();
    }
    story.shell("h1", "dpkg -i /srv/probe-1.0.deb");
    story.write(
        "site.yml",
        "- hosts: lab\n  gather_facts: false\n  tasks:\n    - name: Mark\n      copy: {content: x, \
         dest: /etc/greeting}\n    - name: Upgrade\n      apt: {deb: /srv/probe-2.0.deb}\n",
    );
    ends(&story.plan(&[]), 0);
    let shown = story.canvass(&["show", "-v", "launch.plan"]);
    says(&shown.stdout, &["met package canvass-probe: ", "version 1.0"]);
    story.shell("h1", "dpkg -i /srv/probe-1.5.deb");
    let drifted = story.apply(&[]);
    ends(&drifted, 2);
    says(&drifted.stderr, &["`package canvass-probe`: version 1.5, was 1.0"]);
    assert_eq!(story.read("h1", "/etc/greeting"), None);
    story.shell("h1", "dpkg -i --force-downgrade /srv/probe-1.0.deb");
    ends(&story.apply(&[]), 0);
    let version = story.shell("h1", "dpkg-query -W -f '${Version}' canvass-probe");
    assert_eq!(version, "2.0");
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_during_an_apply_is_held_step_by_step() {
    let story = Story::begin(1).await;
    // the first task changes what the second one meets, which no rehearsal can see
    story.write(
        "site.yml",
        "- hosts: lab\n  gather_facts: false\n  tasks:\n    - name: Act\n      shell: echo \
         surprise > /etc/list\n    - name: Line\n      lineinfile: {path: /etc/list, line: wanted, \
         create: true}\n      ignore_errors: true\n    - name: Last\n      copy: {content: x, dest: \
         /etc/last}\n",
    );
    ends(&story.plan(&[]), 0);
    let held = story.apply(&[]);
    ends(&held, 2);
    says(
        &held.stdout,
        &["not what was approved: otherwise than in the plan: write file `/etc/list`"],
    );
    assert_eq!(story.read("h1", "/etc/list").as_deref(), Some("surprise\n"));
    assert_eq!(story.read("h1", "/etc/last"), None);
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_vault_password_no_digest_is_of_a_secret() {
    let story = Story::begin(1).await;
    fs::remove_dir_all(story.path("group_vars")).unwrap();
    story.write(
        "site.yml",
        "- hosts: lab\n  gather_facts: false\n  tasks:\n    - name: Hide\n      copy: {content: \
         hidden-by-no-log, dest: /etc/hidden}\n      no_log: true\n",
    );
    fs::write(story.on("h1", "/etc/hidden"), "1234").unwrap();
    ends(&story.canvass(&["plan", "-i", "hosts.ini", "site.yml", "-o", "launch.plan"]), 0);
    let plan = story.kept();
    assert_eq!(plan["key"]["open"].as_str().map(str::len), Some(64));
    let step = &plan["steps"][0];
    assert_eq!(step["observed"], serde_json::json!([]));
    assert_eq!(step["effects"][0]["about"], Json::Null);
    assert!(!plan.to_string().contains(HIDDEN));
    ends(&story.apply(&[]), 0);
    assert_eq!(story.read("h1", "/etc/hidden").as_deref(), Some(HIDDEN));
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_signers_make_plans_that_are_applied() {
    let story = Story::begin(1).await;
    for name in ["ann", "bob"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(story.path(name))
            .status()
            .unwrap();
        assert!(made.success());
    }
    ends(&story.plan(&["--sign", "ann"]), 0);
    let key = fs::read_to_string(story.path("ann.pub")).unwrap();
    story.write("allowed", &format!("ann@example.org {key}"));
    let key = fs::read_to_string(story.path("bob.pub")).unwrap();
    story.write("others", &format!("bob@example.org {key}"));
    says(&story.canvass(&["show", "launch.plan"]).stdout, &["ED25519", "not verified"]);
    let other = story.apply(&["--verify", "others"]);
    ends(&other, 1);
    says(&other.stderr, &["no allowed signer made the signature"]);
    // one letter of the plan, and the signature is broken
    let plan = fs::read_to_string(story.path("launch.plan")).unwrap();
    story.write("launch.plan", &plan.replacen("\"forks\": 50", "\"forks\": 51", 1));
    ends(&story.apply(&["--verify", "allowed"]), 1);
    says(&story.canvass(&["show", "launch.plan"]).stdout, &["BROKEN"]);
    story.write("launch.plan", &plan);
    assert_eq!(story.read("h1", "/etc/greeting"), None);
    let applied = story.apply(&["--verify", "allowed", "--identity", "ann@example.org"]);
    ends(&applied, 0);
    says(&applied.stderr, &["the plan is signed by ann@example.org"]);
    story.lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_holds_an_inventory() {
    let story = Story::begin(1).await;
    story.write(
        "site.yml",
        "- hosts: lab\n  gather_facts: false\n  tasks:\n    - shell: touch /etc/begun; while ! \
         test -e /etc/go; do sleep 0.05; done\n",
    );
    let play = ["play", "-i", "hosts.ini", "site.yml", "--lock"];
    let (home, folder) = (story.path("home"), story.folder.path().to_owned());
    let first = std::thread::spawn(move || {
        let mut command = command::canvass(&home);
        command.args(play).args(["--vault-id", "launch@vault-password"]).current_dir(folder);
        let within = Duration::from_mins(2);
        command::run(command, &Watch { within, interrupt_when: None, stdin: "" }).unwrap()
    });
    let started = std::time::Instant::now();
    while story.read("h1", "/etc/begun").is_none() {
        assert!(started.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = story.canvass(&play);
    ends(&second, 1);
    says(
        &second.stderr,
        &["the inventory is locked by ", "(process ", ": play site.yml", " since "],
    );
    fs::write(story.on("h1", "/etc/go"), "").unwrap();
    ends(&first.join().unwrap(), 0);
    ends(
        &story.canvass(&[
            "play",
            "-i",
            "hosts.ini",
            "site.yml",
            "--lock",
            "--vault-id",
            "launch@vault-password",
        ]),
        0,
    );
    story.lab.down().await.unwrap();
}

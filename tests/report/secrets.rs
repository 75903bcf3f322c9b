//! Secrets of every kind, planted in every channel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::command::{self, Ended, Watch};

/// Each kind of secret has a word of its own; around it stands what every encoding changes.
const KINDS: [&str; 7] = ["vault", "prompt", "nolog", "lookup", "become", "login", "listed"];

fn word(kind: &str) -> String {
    format!("Q7x{kind}K9z")
}

fn secret(kind: &str) -> String {
    format!("{} \"a'b$/é%", word(kind))
}

/// Shows a value in every way that a playbook has.
const TASKS: &str = r#"
    - name: "named {{ value }}"
      ansible.builtin.debug:
        msg: "{{ value }} and {{ value | to_json }} and {{ [value] | to_nice_yaml }}"
    - name: Encodings
      ansible.builtin.debug:
        msg:
          - "{{ value | b64encode }}"
          - "{{ ('user:' ~ value) | b64encode }}"
          - "{{ ('ab' ~ value ~ 'yz') | b64encode }}"
          - "{{ value | urlencode }}"
          - "{{ value | quote }}"
          - "{{ value | to_json(ensure_ascii=true) }}"
          - "{{ {'key': value, value: 1} | to_json | to_json }}"
    - name: A diff
      ansible.builtin.copy:
        content: "password={{ value }}\n"
        dest: "{{ work }}/{{ kind }}.conf"
        mode: "0600"
    - name: Another diff
      ansible.builtin.lineinfile:
        path: "{{ work }}/{{ kind }}.conf"
        line: "again={{ value }}"
    - name: A command
      ansible.builtin.command:
        argv: [sh, -c, "echo said $1; echo err $1 >&2; exit 3", sh, "{{ value }}"]
      ignore_errors: true
    - name: A loop
      ansible.builtin.debug:
        msg: "item {{ item }}"
      loop: ["{{ value }}", "{{ value | b64encode }}"]
    - name: A module of one's own
      own:
        word: "{{ value }}"
    - name: A failure
      ansible.builtin.fail:
        msg: "cannot log in with {{ value }}"
      ignore_errors: true
    - name: An assertion
      ansible.builtin.assert:
        that: [value == 'nothing']
        fail_msg: "{{ value }} is not nothing"
      ignore_errors: true
    - name: A template that fails
      ansible.builtin.debug:
        msg: "{{ (value ~ missing) }} {{ lookup('file', '/nonexistent/' ~ value) }}"
      ignore_errors: true
    - name: A fact
      ansible.builtin.set_fact:
        fact: "{{ value }}"
"#;

/// A module that says what it is handed.
const OWN: &str = r#"#!/bin/sh
# WANT_JSON
printf '{"changed": true, "handed": %s}' "$(cat "$1")"
"#;

fn playbook() -> String {
    let mut text = r#"- name: Secrets
  hosts: all
  gather_facts: false
  vars_files: [plain.yml, vault.yml]
  vars_prompt:
    - name: prompt
      prompt: password
      private: true
      default: "{{ planted_prompt }}"
  tasks:
    - name: From a task with no_log
      ansible.builtin.command: cat nolog.txt
      args:
        chdir: "{{ playbook_dir }}"
      no_log: true
      check_mode: false
      register: shown
    - name: Learn where they come from
      ansible.builtin.set_fact:
        from: "{{ {'vault': vault, 'prompt': prompt, 'nolog': shown.stdout, 'become': become_pw,
                 'lookup': lookup('password', playbook_dir ~ '/kept.txt'), 'login': login_pw,
                 'listed': listed} }}"
"#
    .to_owned();
    for kind in KINDS {
        text.push_str(&format!("    - name: All of {kind}\n      vars:\n"));
        text.push_str(&format!("        kind: {kind}\n        value: \"{{{{ from.{kind} }}}}\"\n"));
        text.push_str("      block:\n");
        for line in TASKS.lines().filter(|line| !line.is_empty()) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Result<Self> {
        let place =
            Self { folder: tempfile::Builder::new().prefix("secrets-").tempdir_in("/tmp")? };
        let yaml = |name: &str, kind: &str| {
            format!("{name}: {}\n", serde_json::to_string(&secret(kind)).unwrap_or_default())
        };
        place.write("site.yml", &playbook())?;
        // what is asked for and what passwords are is plain here, so that tasks can show it
        let plain = yaml("become_pw", "become") + &yaml("login_pw", "login");
        place.write("plain.yml", &plain)?;
        fs::create_dir(place.path("library"))?;
        place.write("library/own", OWN)?;
        place.write("vault.yml", &yaml("vault", "vault"))?;
        place.write("vault-password", "opens everything\n")?;
        place.write("nolog.txt", &format!("{}\n", secret("nolog")))?;
        place.write("kept.txt", &format!("{}\n", secret("lookup")))?;
        place.write("become.txt", &format!("{}\n", secret("become")))?;
        place.write("login.txt", &format!("{}\n", secret("login")))?;
        place.write(
            "listed.json",
            &format!("{{{}, {}}}", json("listed", "listed"), json("planted_prompt", "prompt")),
        )?;
        let mut encrypt = place.program("canvass");
        encrypt.args(["vault", "encrypt", "--vault-password-file", "vault-password", "vault.yml"]);
        let ended = place.run(encrypt)?;
        ensure!(ended.code == Some(0), "{}", ended.stderr);
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.path(name), text)?)
    }

    fn program(&self, name: &str) -> Command {
        let home = self.path("home");
        let mut command = command::canvass(&home);
        if name != "canvass" {
            let link = self.path(name);
            let _ = std::os::unix::fs::symlink(command.get_program(), &link);
            let named = Command::new(link);
            command = named;
            command::quiet(&mut command, &home);
        }
        command.current_dir(self.folder.path());
        command.env("XDG_STATE_HOME", self.path("state"));
        command
    }

    fn run(&self, command: Command) -> Result<Ended> {
        let within = Duration::from_mins(2);
        command::run(command, &Watch { within, interrupt_when: None, stdin: "" })
    }

    /// The options that bring the secrets.
    fn secrets(&self, command: &mut Command) {
        let work = self.path("work");
        let _ = fs::remove_dir_all(&work);
        let _ = fs::create_dir(&work);
        command.args(["-i", "localhost,", "-c", "local", "-e", "@listed.json", "-e"]);
        command.arg(format!("work={}", work.display()));
        command.args(["--vault-password-file", "vault-password"]);
        command.args(["--become-password-file", "become.txt"]);
        command.args(["--connection-password-file", "login.txt"]);
    }
}

fn json(name: &str, kind: &str) -> String {
    format!("\"{name}\": {}", serde_json::to_string(&secret(kind)).unwrap_or_default())
}

/// What would betray a secret: its word, and the word within any Base64.
fn traces(kind: &str) -> Vec<String> {
    let word = word(kind);
    let mut found = vec![word.clone()];
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&b"\0\0"[..before], word.as_bytes()].concat());
        let (first, last) = ((before * 8).div_ceil(6), (before + word.len()) * 8 / 6);
        found.extend(encoded.get(first..last).map(str::to_owned));
    }
    found
}

fn is_clean(channel: &str, bytes: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(bytes);
    for kind in KINDS {
        for trace in traces(kind) {
            let Some(at) = text.find(&trace) else { continue };
            let from = text.floor_char_boundary(at.saturating_sub(200));
            let to = text.ceil_char_boundary((at + 100).min(text.len()));
            anyhow::bail!("the secret by {kind} is in {channel}: …{}…", &text[from..to]);
        }
    }
    Ok(())
}

fn file_is_clean(path: &Path) -> Result<()> {
    let bytes = fs::read(path)?;
    ensure!(!bytes.is_empty(), "{} is empty", path.display());
    is_clean(&path.display().to_string(), &bytes)
}

/// Whether an effect tells what a program is handed.
fn holds_command_with_input(value: &Json) -> bool {
    match value {
        Json::Object(members) => members.iter().any(|(name, member)| {
            (name == "handed" && member.is_string()) || holds_command_with_input(member)
        }),
        Json::Array(elements) => elements.iter().any(holds_command_with_input),
        _ => false,
    }
}

/// All secrets are masked in all that is told or kept, by both faces of the program.
pub(crate) fn planted() -> Result<()> {
    let place = Place::new()?;
    for dry in [true, false] {
        let mut command = place.program("canvass");
        command.arg("play");
        place.secrets(&mut command);
        command.args([
            "--secret-var",
            "listed",
            "-vvvv",
            "--diff",
            "--annotations",
            "github",
            "--stream",
        ]);
        let files = ["r.html", "r.md", "r.xml", "r.json"];
        for file in files {
            command.args(["--report", file]);
        }
        command.args(["--events", "events.jsonl", "--step-summary", "site.yml"]);
        command.env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
        if dry {
            command.arg("--check");
        }
        let ended = place.run(command)?;
        is_clean("standard output", ended.stdout.as_bytes())?;
        is_clean("standard error", ended.stderr.as_bytes())?;
        ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
        ensure!(ended.stdout.matches("********").count() > 100, "{}", ended.stdout);
        for file in files.iter().chain(&["events.jsonl", "summary.md"]) {
            file_is_clean(&place.path(file))?;
        }
        file_is_clean(&place.path("state/canvass/records.db"))?;
        // what a module of one's own is handed would be there as text
        let report: Json = serde_json::from_slice(&fs::read(place.path("r.json"))?)?;
        ensure!(!holds_command_with_input(&report), "a command's input is in the report");
        for format in ["json", "text", "html", "md", "xml"] {
            let mut command = place.program("canvass");
            command.args(["report", "last", "--format", format]);
            let ended = place.run(command)?;
            ensure!(ended.code == Some(0), "{}", ended.stderr);
            is_clean(&format!("the record as {format}"), ended.stdout.as_bytes())?;
        }
        if !dry {
            // what belongs on the host is there
            let written = fs::read_to_string(place.path("work/vault.conf"))?;
            ensure!(written.contains(&word("vault")), "{written}");
        }
    }
    plan(&place)?;
    under_ansibles_name(&place)
}

fn plan(place: &Place) -> Result<()> {
    let mut command = place.program("canvass");
    command.arg("plan");
    place.secrets(&mut command);
    command.args(["--secret-var", "listed", "-vvvv", "-o", "launch.plan", "site.yml"]);
    let ended = place.run(command)?;
    is_clean("what plan says", ended.stdout.as_bytes())?;
    is_clean("what plan says beside it", ended.stderr.as_bytes())?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    file_is_clean(&place.path("launch.plan"))?;
    let mut command = place.program("canvass");
    command.args(["show", "launch.plan"]);
    let ended = place.run(command)?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    is_clean("the plan as it is shown", [ended.stdout, ended.stderr].concat().as_bytes())
}

fn under_ansibles_name(place: &Place) -> Result<()> {
    let mut command = place.program("ansible-playbook");
    place.secrets(&mut command);
    command.args(["-vvvv", "--diff", "site.yml"]);
    for (name, value) in [
        ("ANSIBLE_LOG_PATH", "debug.log"),
        ("ANSIBLE_CALLBACKS_ENABLED", "junit,tree"),
        ("JUNIT_OUTPUT_DIR", "junit"),
        ("CANVASS_SECRET_VARS", "listed"),
    ] {
        command.env(name, value);
    }
    command.env("ANSIBLE_CALLBACK_TREE_DIR", place.path("tree"));
    let ended = place.run(command)?;
    is_clean("standard output of ansible-playbook", ended.stdout.as_bytes())?;
    is_clean("standard error of ansible-playbook", ended.stderr.as_bytes())?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    file_is_clean(&place.path("debug.log"))?;
    for folder in ["junit", "tree"] {
        for entry in fs::read_dir(place.path(folder))? {
            file_is_clean(&entry?.path())?;
        }
    }
    Ok(())
}

/// In a dry run a failure may be a reason for not knowing; what `no_log` hides is not in it, nor in
/// what reads its result.
pub(crate) fn hidden_reasons() -> Result<()> {
    const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - command: touch never
    - file: {src: /nowhere/planted-word, dest: /nowhere/link, state: link}
      no_log: true
      register: hidden
    - debug: {msg: '{{ hidden.msg }}'}
";
    let folder = tempfile::Builder::new().prefix("reasons-").tempdir_in("/tmp")?;
    let folder = folder.path();
    fs::write(folder.join("site.yml"), PLAYBOOK)?;
    let mut play = crate::command::canvass(folder);
    play.args(["play", "-i", "localhost,", "-c", "local", "--check", "site.yml", "-vvv"])
        .args(["--report", "report.json"])
        .current_dir(folder);
    let ended = play.output()?;
    let told = String::from_utf8_lossy(&ended.stdout);
    let report = fs::read_to_string(folder.join("report.json"))?;
    for text in [&*told, &report] {
        ensure!(text.contains("now it fails"), "{text}");
        ensure!(!text.contains("planted-word"), "{text}");
    }
    Ok(())
}

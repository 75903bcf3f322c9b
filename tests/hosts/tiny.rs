//! A host that has busybox and dropbear, and nothing else.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{Hosts, ends, says};

/// What this machine lacks to make one.
pub(crate) fn missing() -> Option<String> {
    let there = |words: &[&str]| {
        let (program, arguments) = words.split_first()?;
        Command::new(program).args(arguments).output().ok()
    };
    let tools: [&[&str]; 3] = [&["busybox"], &["dropbear", "-V"], &["dropbearkey"]];
    let lacking = tools.into_iter().find(|words| there(words).is_none())?;
    lacking.first().map(|program| format!("{program} is missing"))
}

const PLAYBOOK: &str = "
- name: On a tiny host
  hosts: all
  tasks:
    - name: Ask
      ansible.builtin.command: id -un
      register: who
      changed_when: false
      check_mode: false
    - name: Make a directory
      ansible.builtin.file:
        path: /etc/app
        state: directory
        mode: '0755'
    - name: Write
      ansible.builtin.copy:
        content: |
          user={{ who.stdout }} {{ ansible_facts.user_id }}
          host={{ ansible_facts.hostname }}
        dest: /etc/app/conf
        mode: '0600'
        force: false
    - name: Set a line
      ansible.builtin.lineinfile:
        path: /etc/app/conf
        regexp: '^tiny='
        line: tiny=true
    - name: Count
      ansible.builtin.shell: wc -l < /etc/app/conf
      register: lines
      changed_when: false
      when: not ansible_check_mode
    - name: See
      ansible.builtin.assert:
        that: [ansible_check_mode or lines.stdout | int == 3, who.stdout == 'root']
";

/// Runs, leaves nothing but the runner, and says what it cannot do there.
pub(crate) fn busybox(hosts: &Hosts) -> Result<()> {
    ends(&hosts.play(PLAYBOOK, &["--check"])?, 0).context("in the dry run")?;
    ensure!(!hosts.file("b1", "etc/app").exists(), "the dry run made something");
    ends(&hosts.play(PLAYBOOK, &[])?, 0)?;
    let again = hosts.play(PLAYBOOK, &[])?;
    ends(&again, 0)?;
    says(&again, "Nothing was changed.")?;
    let written = fs::read_to_string(hosts.file("b1", "etc/app/conf"))?;
    ensure!(written == "user=root root\nhost=b1\ntiny=true\n", "{written}");
    let temporary: Vec<_> = ["tmp", "var/tmp"]
        .iter()
        .filter_map(|folder| fs::read_dir(hosts.file("b1", folder)).ok())
        .flatten()
        .collect();
    ensure!(temporary.is_empty(), "left behind: {temporary:?}");
    let cached = fs::read_dir(hosts.file("b1", "root/.cache/canvass"))?.count();
    ensure!(cached == 1, "{cached} files are in the cache");
    only_the_server_runs(hosts)?;
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: id
      become: true
";
    let ended = hosts.play(playbook, &["-e", "ansible_user=ops"])?;
    ends(&ended, 2)?;
    says(&ended, "sudo")
}

/// Waits until only the first process and the server are left.
fn only_the_server_runs(hosts: &Hosts) -> Result<()> {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.raw: ps -o comm
      register: all
      changed_when: false
    - ansible.builtin.debug:
        msg: 'stray: {{ all.stdout_lines | reject(\"in\", [\"init\", \"dropbear\", \"sh\", \"ps\", \"COMMAND\"]) | list }}'
";
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let ended = hosts.play(playbook, &[])?;
        ends(&ended, 0)?;
        if ended.stdout.contains("stray: []") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "still running:\n{}", ended.stdout);
    }
}

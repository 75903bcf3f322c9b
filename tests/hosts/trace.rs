//! Whether anything of a secret can be found where others may look.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{Hosts, ends};

const LOGIN: &str = "deploy-pw";
const VARIABLE: &str = "kept-in-a-vars-file";

const PLAYBOOK: &str = "
- name: With secrets
  hosts: all
  gather_facts: false
  become: true
  vars_files: [secrets.yml]
  tasks:
    - name: Write the secret
      ansible.builtin.copy:
        content: '{{ token }}'
        dest: /root/token
        mode: '0600'
      no_log: true
    - name: Hand it to a command
      ansible.builtin.command:
        argv: [cat, '-']
        stdin: '{{ token }}'
      changed_when: false
      no_log: true
    - name: Be seen for a while
      ansible.builtin.command: sleep 1
      changed_when: false
    - name: Fail with it
      ansible.builtin.shell:
        cmd: cat; exit 3
        stdin: '{{ token }}'
      no_log: true
";

/// The login's password (`-k`), that of sudo (`-K`) and a variable are in no process list or
/// environment, on the host or here, in no log of either side, and in nothing that is told.
pub(crate) fn secrets(hosts: &Hosts) -> Result<()> {
    let folder = hosts.dir.path();
    let password = folder.join("password");
    fs::write(&password, format!("{LOGIN}\n"))?;
    fs::write(folder.join("secrets.yml"), format!("token: {VARIABLE}\n"))?;
    let known = format!("known={}", hosts.run().join("known_hosts").display());
    let report = folder.join("report.json");
    let (password, told) = (password.to_string_lossy(), report.to_string_lossy());
    let arguments = [
        "-e",
        "ansible_user=deploy",
        "-e",
        "ansible_ssh_private_key_file=/nonexistent",
        "-e",
        &known,
        "--connection-password-file",
        &password,
        "--become-password-file",
        &password,
        "--report",
        &told,
        "--diff",
        "-vvv",
    ];
    let done = AtomicBool::new(false);
    let (ended, seen) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                // the hosts' processes show here too
                seen.extend(processes());
                thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        let ended = hosts.play(PLAYBOOK, &arguments);
        done.store(true, Ordering::Relaxed);
        (ended, watch.join().unwrap_or_default())
    });
    let ended = ended?;
    ends(&ended, 2)?;
    ensure!(seen.is_empty(), "processes show it: {seen:?}");
    ensure!(fs::read_to_string(hosts.file("s1", "root/token"))? == VARIABLE, "nothing was written");
    for (what, text) in [
        ("standard output", ended.stdout),
        ("standard error", ended.stderr),
        ("the report", fs::read_to_string(&report)?),
    ] {
        for secret in [LOGIN, VARIABLE] {
            ensure!(!text.contains(secret), "{what} holds `{secret}`:\n{text}");
        }
    }
    for place in [
        folder.join("home"),
        hosts.file("s1", "var/log"),
        hosts.file("s1", "run/log"),
        hosts.file("s1", "tmp"),
        hosts.file("s1", "var/tmp"),
        hosts.file("s1", "home"),
    ] {
        holds_no_secret(&place)?;
    }
    Ok(())
}

/// Command lines and environments that hold a secret.
fn processes() -> Vec<String> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        for name in ["cmdline", "environ"] {
            // processes come and go
            let text = fs::read(process.path().join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).replace('\0', " ");
            if text.contains(LOGIN) || text.contains(VARIABLE) {
                found.push(format!("{name}: {text}"));
            }
        }
    }
    found
}

fn holds_no_secret(place: &Path) -> Result<()> {
    let Ok(kind) = fs::symlink_metadata(place) else { return Ok(()) };
    if kind.is_dir() {
        for entry in fs::read_dir(place)? {
            holds_no_secret(&entry?.path())?;
        }
    } else if kind.is_file() {
        let content = fs::read(place)?;
        for secret in [LOGIN, VARIABLE] {
            let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
            ensure!(!found, "{} holds `{secret}`", place.display());
        }
    }
    Ok(())
}

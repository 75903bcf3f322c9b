//! The way over SSH against real OpenSSH servers on the loopback, started by each test.
//!
//! Where `sshd` or `ssh-keygen` is missing, the tests are reported as ignored, with the reason in
//! their names.

#[path = "harness/command.rs"]
mod command;
#[path = "openssh/server.rs"]
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use command::{Ended, Watch};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value as Json;
use server::{Server, Site};

const TESTS: [(&str, fn() -> Result<()>); 10] = [
    ("a_play_runs_over_sshd_and_leaves_only_the_runner", leaves_only_the_runner),
    ("an_unknown_host_key_is_refused", unknown_key_is_refused),
    ("a_changed_host_key_is_refused_in_all_modes_but_off", changed_key_is_refused),
    ("accept_new_writes_the_key_down", accept_new_writes_the_key_down),
    ("a_foreign_key_does_not_log_in", foreign_key_does_not_log_in),
    ("a_port_without_a_server_is_unreachable", closed_port_is_unreachable),
    ("a_jump_host_is_passed", jump_host_is_passed),
    ("one_jump_host_that_drops_some_carries_thirty", one_jump_host_carries_thirty),
    ("the_openssh_client_carries_the_same_play", openssh_client_carries_the_play),
    ("fifty_hosts_run_at_once", fifty_hosts_run_at_once),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let missing = server::missing();
    let trials = TESTS.map(|(name, test)| {
        let name = match &missing {
            Some(reason) => format!("{name} (skipped: {reason})"),
            None => name.to_owned(),
        };
        Trial::test(name, move || test().map_err(|error| Failed::from(format!("{error:#}"))))
            .with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

const PLAYBOOK: &str = r#"
- name: Over SSH
  hosts: all
  gather_facts: false
  tasks:
    - name: Ask who is there
      ansible.builtin.command: id -un
      register: who
      changed_when: false
    - name: Write
      ansible.builtin.copy:
        content: "{{ inventory_hostname }} as {{ who.stdout }}\n"
        dest: "{{ target }}/{{ inventory_hostname }}"
        mode: "0644"
"#;

fn play(site: &Site, inventory: &str, more: &[&str]) -> Result<Ended> {
    played_by(command::canvass(&site.path().join("home")), site, inventory, more)
}

fn played_by(mut command: Command, site: &Site, inventory: &str, more: &[&str]) -> Result<Ended> {
    let path = site.path();
    fs::write(path.join("inventory.ini"), inventory)?;
    fs::write(path.join("playbook.yml"), PLAYBOOK)?;
    fs::create_dir_all(path.join("target"))?;
    command.current_dir(path).args(["play", "-i", "inventory.ini", "--private-key", "id"]);
    command.arg("-e").arg(format!("target={}", path.join("target").display()));
    command.args(["--report", "report.json"]).args(more).arg("playbook.yml");
    let watch = Watch { within: Duration::from_secs(90), interrupt_when: None, stdin: "" };
    command::run(command, &watch)
}

fn ends(ended: &Ended, code: i32) -> Result<()> {
    ensure!(
        ended.code == Some(code),
        "ended with {:?}, not {code}\n{}\n{}",
        ended.code,
        ended.stdout,
        ended.stderr
    );
    Ok(())
}

fn says(ended: &Ended, words: &[&str]) -> Result<()> {
    let all = format!("{}{}", ended.stdout, ended.stderr);
    let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        ensure!(flat.contains(word), "the output lacks `{word}`:\n{all}");
    }
    Ok(())
}

fn host(name: &str, server: &Server) -> String {
    format!("{name} ansible_host=127.0.0.1 ansible_port={}\n", server.port())
}

fn leaves_only_the_runner() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    site.knows(&server)?;
    let before = site.temporary_files()?;
    let earlier = site.earlier_runners()?;
    let ended = play(&site, &host("one", &server), &[])?;
    ends(&ended, 0)?;
    let written = fs::read_to_string(site.path().join("target/one"))?;
    ensure!(written == format!("one as {}\n", site.user()), "{written}");
    let again = play(&site, &host("one", &server), &[])?;
    ends(&again, 0)?;
    says(&again, &["Nothing was changed."])?;
    // one that a run without a cache has left where the cache would be looked for next serves, too
    let cached: Vec<String> = server.cached()?;
    ensure!(
        matches!(cached.as_slice(), [only] if only.starts_with("runner-"))
            || (cached.is_empty() && !earlier.is_empty()),
        "the cache holds {cached:?}, and there was {earlier:?}"
    );
    let new: BTreeSet<_> = site.temporary_files()?.difference(&before).cloned().collect();
    ensure!(new.is_empty(), "left behind: {new:?}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while let left = server.processes()?
        && !left.is_empty()
    {
        ensure!(Instant::now() < deadline, "still running: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn unknown_key_is_refused() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    let ended = play(&site, &host("one", &server), &[])?;
    ends(&ended, 4)?;
    says(&ended, &["host key", "is not known", "accept-new", "unreachable=1"])?;
    ensure!(!site.path().join("target/one").exists(), "the play ran");
    ensure!(site.known_hosts().is_empty(), "the key was written down");
    Ok(())
}

fn changed_key_is_refused() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    let other = site.server("two")?;
    site.knows_as(&server, &other)?;
    for mode in ["strict", "accept-new"] {
        let ended = play(&site, &host("one", &server), &["--host-keys", mode])?;
        ends(&ended, 4)?;
        says(&ended, &["HAS CHANGED", "ssh-keygen -R"])?;
    }
    ends(&play(&site, &host("one", &server), &["--host-keys", "off"])?, 0)
}

fn accept_new_writes_the_key_down() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    ends(&play(&site, &host("one", &server), &["--host-keys", "accept-new"])?, 0)?;
    let known = site.known_hosts();
    ensure!(known.contains(&server.public_key()?), "known_hosts holds {known:?}");
    ends(&play(&site, &host("one", &server), &[])?, 0)
}

fn foreign_key_does_not_log_in() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    site.knows(&server)?;
    site.new_key("stranger")?;
    fs::copy(site.path().join("stranger"), site.path().join("id"))?;
    let ended = play(&site, &host("one", &server), &[])?;
    ends(&ended, 4)?;
    says(&ended, &["authentication as", "publickey", "unreachable=1"])
}

fn closed_port_is_unreachable() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    site.knows(&server)?;
    let port = server::free_port()?;
    let inventory =
        host("one", &server) + &format!("gone ansible_host=127.0.0.1 ansible_port={port}\n");
    let ended = play(&site, &inventory, &[])?;
    ends(&ended, 4)?;
    says(&ended, &["connection refused"])?;
    ensure!(site.path().join("target/one").exists(), "the other host did not finish");
    Ok(())
}

fn jump_host_is_passed() -> Result<()> {
    let site = Site::new()?;
    let inner = site.server("inner")?;
    let jump = site.server("jump")?;
    site.knows(&inner)?;
    site.knows(&jump)?;
    let user = site.user();
    site.ssh_config(&format!(
        "Host jump\n  HostName 127.0.0.1\n  Port {}\n  User {user}\n  IdentityFile {}\n\n\
         Host inner\n  HostName 127.0.0.1\n  Port {}\n  User {user}\n  ProxyJump jump\n",
        jump.port(),
        site.path().join("id").display(),
        inner.port()
    ))?;
    for way in ["ssh", "openssh"] {
        let _ = fs::remove_file(site.path().join("target/inner"));
        let config = format!("-F {}", site.path().join("home/.ssh/config").display());
        let ended = play(&site, "inner\n", &["-c", way, "--ssh-common-args", &config])?;
        ends(&ended, 0).with_context(|| way.to_owned())?;
        ensure!(site.path().join("target/inner").exists(), "nothing was written");
        ensure!(jump.log()?.contains("Accepted publickey"), "the jump host was not used");
    }
    Ok(())
}

/// All go over one connection to the jump host; servers that hang up on some are called again.
fn one_jump_host_carries_thirty() -> Result<()> {
    let site = Site::new()?;
    let busy = "MaxStartups 4:50:8";
    let jump = site.server_with("jump", busy)?;
    site.knows(&jump)?;
    let mut inventory = String::new();
    let mut servers = Vec::new();
    for tens in 0..3_u8 {
        let server = site.server_with(&format!("inner{tens}"), busy)?;
        site.knows(&server)?;
        for last in 1..=server::ADDRESSES {
            let number = tens * server::ADDRESSES + last;
            let port = server.port();
            inventory += &format!("n{number:02} ansible_host=127.0.0.{last} ansible_port={port}\n");
        }
        servers.push(server);
    }
    site.ssh_config(&format!(
        "Host jump\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
        jump.port(),
        site.path().join("id").display(),
    ))?;
    let config = site.path().join("home/.ssh/config");
    let way = format!("-F {} -o ProxyJump=jump", config.display());
    let ended = play(&site, &inventory, &["--ssh-common-args", &way])?;
    ends(&ended, 0)?;
    says(&ended, &["changed: n[01-30]"])?;
    let logins = jump.log()?.matches("Accepted publickey").count();
    ensure!(logins == 1, "{logins} logins on the jump host");
    Ok(())
}

fn openssh_client_carries_the_play() -> Result<()> {
    let site = Site::new()?;
    let server = site.server("one")?;
    site.knows(&server)?;
    let known =
        format!("-o UserKnownHostsFile={}", site.path().join("home/.ssh/known_hosts").display());
    let more = ["-c", "openssh", "--ssh-common-args", &known];
    ends(&play(&site, &host("one", &server), &more)?, 0)?;
    ensure!(site.path().join("target/one").exists(), "nothing was written");
    // and what the client says is told
    fs::write(site.path().join("home/.ssh/known_hosts"), "")?;
    let ended = play(&site, &host("one", &server), &more)?;
    ends(&ended, 4)?;
    says(&ended, &["unreachable=1"])
}

fn fifty_hosts_run_at_once() -> Result<()> {
    let site = Site::new()?;
    let mut inventory = String::new();
    let mut servers = Vec::new();
    // as many addresses: names of one address would share a connection
    for tens in 0..5_u8 {
        let server = site.server(&format!("many{tens}"))?;
        site.knows(&server)?;
        for last in 1..=server::ADDRESSES {
            let number = tens * server::ADDRESSES + last;
            let port = server.port();
            inventory += &format!("n{number:02} ansible_host=127.0.0.{last} ansible_port={port}\n");
        }
        servers.push(server);
    }
    // a login lets programs have fewer files open than there are hosts; they may have more
    let mut command = Command::new("/bin/sh");
    command::quiet(&mut command, &site.path().join("home"));
    let program = env!("CARGO_BIN_EXE_canvass");
    command.args(["-c", "ulimit -Sn 40 && exec \"$0\" \"$@\"", program]);
    let ended = played_by(command, &site, &inventory, &[])?;
    ends(&ended, 0)?;
    says(&ended, &["changed: n[01-50]"])?;
    let report: Json = serde_json::from_slice(&fs::read(site.path().join("report.json"))?)?;
    let recap = report.get("recap").and_then(Json::as_object).context("no recap")?;
    ensure!(recap.len() == 50, "{} hosts", recap.len());
    ensure!(
        recap.values().all(|counts| counts.get("changed").and_then(Json::as_i64) == Some(1)),
        "{recap:?}"
    );
    ensure!(fs::read_dir(site.path().join("target"))?.count() == 50, "files are missing");
    Ok(())
}

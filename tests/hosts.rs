//! Hosts with systemd and sudo, and one with busybox alone, in network namespaces that `hosts/up`
//! makes.
//!
//! They need root, `systemd-nspawn` and, once, `mmdebstrap` with a registry; where something is
//! missing, the tests are reported as ignored, with the reason in their names. `HOSTS_LAYER` names
//! a file system that is there already; `HOSTS_CACHE` a folder that keeps what was fetched.

#[path = "harness/command.rs"]
mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use command::{Ended, Watch};
use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

#[path = "hosts/tiny.rs"]
mod tiny;
#[path = "hosts/trace.rs"]
mod trace;

const TESTS: [(&str, fn(&Hosts) -> Result<()>); 7] = [
    ("the_sample_site_comes_up_on_systemd", sample_site),
    ("sudo_takes_privilege_with_and_without_a_password", sudo),
    ("what_a_user_may_not_do_fails_in_a_dry_run_too", unprivileged),
    ("a_service_is_started_stopped_and_enabled", service),
    ("a_host_that_is_cut_off_ends_unreachable_and_others_finish", cut_off),
    ("noise_and_places_without_programs_do_no_harm", hostile_login),
    ("passwords_and_secrets_leave_no_trace", trace::secrets),
];

const TINY: [(&str, fn(&Hosts) -> Result<()>); 1] =
    [("busybox_and_dropbear_are_enough", tiny::busybox)];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // the hosts are shared
    arguments.test_threads = Some(1);
    // what is not asked for is not made
    let lacking = if arguments.list { None } else { missing() };
    let layer = if arguments.list || lacking.is_some() { None } else { no_layer() };
    let big =
        TESTS.map(|(name, test)| trial(name, Hosts::up, test, lacking.as_ref().or(layer.as_ref())));
    let no_tiny = lacking.clone().or_else(tiny::missing);
    let small = TINY.map(|(name, test)| trial(name, Hosts::tiny, test, no_tiny.as_ref()));
    let trials: Vec<Trial> = big.into_iter().chain(small).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(
    name: &str,
    up: fn() -> Result<Hosts>,
    test: fn(&Hosts) -> Result<()>,
    missing: Option<&String>,
) -> Trial {
    let name = match missing {
        Some(reason) => format!("{name} (skipped: {reason})"),
        None => name.to_owned(),
    };
    let run = move || {
        up().and_then(|hosts| test(&hosts)).map_err(|error| Failed::from(format!("{error:#}")))
    };
    Trial::test(name, run).with_ignored_flag(missing.is_some())
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/up"))
}

/// The file system that hosts share.
fn layer() -> PathBuf {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let cached = || folder("HOSTS_CACHE").map(|cache| cache.join("layer"));
    let own = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts-layer");
    folder("HOSTS_LAYER").or_else(cached).unwrap_or_else(own)
}

/// What keeps hosts from coming up on this machine.
fn missing() -> Option<String> {
    let said = match script().arg("missing").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    (!said.is_empty()).then_some(said)
}

/// Why there is no file system for the big ones; makes it.
fn no_layer() -> Option<String> {
    if std::env::var_os("HOSTS_LAYER").is_some() {
        return None;
    }
    let made = script().arg("layer").arg(layer()).output();
    match made {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "no file system for hosts: {}",
            String::from_utf8_lossy(&output.stderr)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        )),
        Err(error) => Some(error.to_string()),
    }
}

/// Two fresh hosts, `s1` and `s2`, or a tiny one, `b1`.
struct Hosts {
    dir: TempDir,
}

impl Hosts {
    fn up() -> Result<Self> {
        let hosts = Self { dir: tempfile::Builder::new().prefix("hosts-").tempdir_in("/tmp")? };
        fs::create_dir(hosts.dir.path().join("home"))?;
        let status = script().arg("start").arg(hosts.run()).arg(layer()).arg("2").status()?;
        ensure!(status.success(), "the hosts did not come up");
        Ok(hosts)
    }

    fn tiny() -> Result<Self> {
        let hosts = Self { dir: tempfile::Builder::new().prefix("hosts-").tempdir_in("/tmp")? };
        fs::create_dir(hosts.dir.path().join("home"))?;
        let status = script().arg("tiny").arg(hosts.run()).status()?;
        ensure!(status.success(), "the host did not come up");
        Ok(hosts)
    }

    /// A file of a host, as it is seen from here.
    fn file(&self, host: &str, path: &str) -> PathBuf {
        self.run().join(host).join("root").join(path)
    }

    fn run(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Runs a playbook that is given as text.
    fn play(&self, playbook: &str, more: &[&str]) -> Result<Ended> {
        let path = self.dir.path().join("playbook.yml");
        fs::write(&path, playbook)?;
        self.play_file(&path, more)
    }

    fn play_file(&self, playbook: &Path, more: &[&str]) -> Result<Ended> {
        let home = self.dir.path().join("home");
        let mut command = script();
        command::quiet(&mut command, &home);
        command.arg("run").arg(self.run()).arg(command::canvass(&home).get_program());
        command.arg("play").arg("-i").arg(self.run().join("inventory.ini"));
        command.args(more).arg(playbook);
        let watch = Watch { within: Duration::from_mins(2), interrupt_when: None, stdin: "" };
        command::run(command, &watch)
    }

    fn fault(&self, what: &str, host: &str) -> Result<()> {
        let status = script().arg(what).arg(self.run()).arg(host).status()?;
        ensure!(status.success(), "{what} {host}");
        Ok(())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = script().arg("down").arg(self.run()).status();
    }
}

fn ends(ended: &Ended, code: i32) -> Result<()> {
    let Ended { code: ended, stdout, stderr } = ended;
    ensure!(*ended == Some(code), "ended with {ended:?}, not {code}\n{stdout}\n{stderr}");
    Ok(())
}

fn says(ended: &Ended, word: &str) -> Result<()> {
    let said = ended.stdout.contains(word) || ended.stderr.contains(word);
    ensure!(said, "the output lacks `{word}`:\n{}\n{}", ended.stdout, ended.stderr);
    Ok(())
}

fn sample_site(hosts: &Hosts) -> Result<()> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/site.yml");
    ends(&hosts.play_file(&site, &["--check"])?, 0).context("in the dry run")?;
    ends(&hosts.play_file(&site, &[])?, 0)?;
    let again = hosts.play_file(&site, &[])?;
    ends(&again, 0).context("in the second run")?;
    says(&again, "Nothing was changed.")
}

fn sudo(hosts: &Hosts) -> Result<()> {
    let playbook = "
- name: Privilege
  hosts: all
  gather_facts: false
  tasks:
    - name: Ask who it is
      ansible.builtin.command: id -un
      register: who
      changed_when: false
      become: true
      become_user: \"{{ as }}\"
    - name: See
      ansible.builtin.assert:
        that: who.stdout == as
";
    let password = hosts.dir.path().join("password");
    fs::write(&password, "deploy-pw\n")?;
    let with = ["--become-password-file", &password.to_string_lossy()];
    for user in ["root", "ops"] {
        let who = format!("as={user}");
        let plain = ["-e", "ansible_user=ops", "-e", &who];
        ends(&hosts.play(playbook, &plain)?, 0)?;
        let asked = [&["-e", "ansible_user=deploy", "-e", &who], &with[..]].concat();
        let ended = hosts.play(playbook, &asked)?;
        ends(&ended, 0)?;
        ensure!(!ended.stdout.contains("deploy-pw"), "the password was told");
    }
    let none = hosts.play(playbook, &["-e", "ansible_user=deploy", "-e", "as=root"])?;
    ends(&none, 2)?;
    says(&none, "Missing sudo password")?;
    fs::write(&password, "wrong-pw\n")?;
    let asked = [&["-e", "ansible_user=deploy", "-e", "as=root"], &with[..]].concat();
    let wrong = hosts.play(playbook, &asked)?;
    ends(&wrong, 2)?;
    says(&wrong, "Incorrect sudo password")?;
    ensure!(!wrong.stdout.contains("wrong-pw"), "the password was told");
    Ok(())
}

/// Dry run and run of somebody without privilege say the same.
fn unprivileged(hosts: &Hosts) -> Result<()> {
    let playbook = "
- name: Without privilege
  hosts: all
  gather_facts: false
  ignore_errors: true
  tasks:
    - file: {path: /home/ops/own, state: directory, mode: '0755'}
    - copy: {dest: /home/ops/own/file, content: x, mode: '0644'}
    - copy: {dest: /etc/of-the-system, content: x}
    - lineinfile: {path: /etc/hosts, line: 127.0.0.9 nine}
    - file: {path: /etc/hostname, mode: '0600'}
    - file: {path: /etc/hostname, state: absent}
    - file: {path: /srv/directory, state: directory}
    - group: {name: mine}
    - user: {name: me}
";
    for (mode, own) in [(&["--check"][..], 2), (&[], 2), (&["--check"], 0)] {
        let ended = hosts.play(playbook, &[mode, &["-e", "ansible_user=ops"]].concat())?;
        ends(&ended, 0)?;
        for host in ["s1", "s2"] {
            says(&ended, &format!("{host:<27}: ok=9    changed={own}"))?;
        }
        says(&ended, "ignored=7")?;
        for refusal in [
            "cannot create a file in `/etc`: Permission denied",
            "cannot set the mode of `/etc/hostname`: Operation not permitted",
            "cannot remove `/etc/hostname`: Permission denied",
            "cannot create directory `/srv/directory`: Permission denied",
        ] {
            says(&ended, refusal)?;
        }
    }
    Ok(())
}

fn service(hosts: &Hosts) -> Result<()> {
    let playbook = "
- name: A unit
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the unit
      ansible.builtin.copy:
        content: |
          [Service]
          ExecStart=/bin/sleep infinity
          [Install]
          WantedBy=multi-user.target
        dest: /etc/systemd/system/sleeper.service
        mode: '0644'
      notify: Restart it
    - name: Start it
      ansible.builtin.systemd_service:
        name: sleeper
        state: started
        enabled: true
        daemon_reload: true
  handlers:
    - name: Restart it
      ansible.builtin.service:
        name: sleeper
        state: restarted
";
    ends(&hosts.play(playbook, &["--check"])?, 0).context("in the dry run")?;
    ends(&hosts.play(playbook, &[])?, 0)?;
    let again = hosts.play(playbook, &[])?;
    ends(&again, 0)?;
    says(&again, "Nothing was changed.")?;
    let stop = "
- name: Stop it
  hosts: all
  gather_facts: false
  tasks:
    - name: Stop
      ansible.builtin.service:
        name: sleeper
        state: stopped
        enabled: false
    - name: See
      ansible.builtin.command: systemctl is-active sleeper
      register: state
      changed_when: false
      failed_when: state.stdout == 'active'
";
    ends(&hosts.play(stop, &[])?, 0)
}

fn cut_off(hosts: &Hosts) -> Result<()> {
    let playbook = "
- name: Long
  hosts: all
  gather_facts: false
  vars:
    ansible_ssh_common_args: -o UserKnownHostsFile={{ known }} -o ServerAliveInterval=2 -o ServerAliveCountMax=2
  tasks:
    - name: Work for a while
      ansible.builtin.shell: touch /etc/begun; sleep 8
      changed_when: false
    - name: Finish
      ansible.builtin.copy:
        content: x
        dest: /etc/finished
        mode: '0644'
";
    let begun = |host: &str| hosts.run().join(host).join("root/etc/begun");
    let started = Instant::now();
    let ended = thread::scope(|scope| {
        let play = scope.spawn(|| {
            let known = format!("known={}", hosts.run().join("known_hosts").display());
            hosts.play(playbook, &["-T", "5", "-e", &known])
        });
        while !begun("s2").exists() && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(50));
        }
        hosts.fault("cut", "s2")?;
        play.join().map_err(|_| anyhow::anyhow!("the play panicked"))?
    })?;
    ends(&ended, 4)?;
    ensure!(started.elapsed() < Duration::from_mins(1), "it took {:?}", started.elapsed());
    says(&ended, "s2")?;
    says(&ended, "unreachable=1")?;
    ensure!(hosts.run().join("s1/root/etc/finished").exists(), "the other host did not finish");
    ensure!(
        !hosts.run().join("s2/root/etc/finished").exists(),
        "the host that was cut off went on"
    );
    Ok(())
}

fn hostile_login(hosts: &Hosts) -> Result<()> {
    for host in ["s1", "s2"] {
        let noise = "echo Welcome; echo oops >&2; printf 'no end of line'; umask 027\n";
        fs::write(hosts.file(host, "home/ops/.bashrc"), noise)?;
    }
    let places = "
- name: Programs may not run where they usually lie
  hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.shell: mount -t tmpfs -o noexec,mode=1777 none /tmp
    - ansible.builtin.shell: mount --bind /home /home && mount -o remount,bind,noexec /home
";
    ends(&hosts.play(places, &[])?, 0)?;
    let playbook = "
- name: Behind them
  hosts: all
  tasks:
    - name: Write
      ansible.builtin.copy:
        content: '{{ ansible_facts.user_id }} on {{ ansible_facts.hostname }}'
        dest: /home/ops/written
        mode: '0644'
    - name: Ask
      ansible.builtin.command: cat /home/ops/written
      become: true
      register: read
      changed_when: false
    - name: See
      ansible.builtin.assert:
        that: read.stdout == 'ops on ' ~ inventory_hostname
";
    let as_ops = ["-e", "ansible_user=ops"];
    ends(&hosts.play(playbook, &as_ops)?, 0)?;
    let again = hosts.play(playbook, &as_ops)?;
    ends(&again, 0)?;
    says(&again, "Nothing was changed.")?;
    let cached = hosts.file("s1", "home/ops/.cache/canvass");
    let left: Vec<_> = fs::read_dir(cached).into_iter().flatten().collect();
    ensure!(left.is_empty(), "left where programs may not run: {left:?}");
    Ok(())
}

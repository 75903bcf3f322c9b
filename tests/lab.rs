//! Lab hosts, with OpenSSH's client.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use canvass::lab::{Lab, LabCommand, Names, Start};

fn start(count: usize) -> Start {
    Start { names: Names::numbered(count), program: env!("CARGO_BIN_EXE_canvass").into() }
}

fn ssh(config: &Path, host: &str, command: &str) -> Output {
    Command::new("ssh").arg("-F").arg(config).args([host, command]).output().unwrap()
}

fn said(config: &Path, host: &str, command: &str) -> String {
    let output = ssh(config, host, command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Processes whose command line names this folder.
fn processes_of(dir: &Path) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&*dir.to_string_lossy()))
        .collect()
}

fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_differ_from_each_other_and_from_the_machine() {
    let lab = Lab::up(start(2)).await.unwrap();
    let config = lab.ssh_config_path();
    let dir = config.parent().unwrap().to_owned();
    for (name, other) in [("h1", "h2"), ("h2", "h1")] {
        assert_eq!(said(&config, name, "hostname; id -u"), format!("{name}\n0"));
        assert_eq!(
            said(&config, name, "cat /proc/1/cmdline | tr '\\0' ' ' | grep -c lab-host"),
            "1"
        );
        // in folders of all kinds: copied or overlaid, in memory
        for file in ["/etc/canvass-lab", "/usr/local/bin/canvass-lab", "/tmp/canvass-lab", "/run/x"]
        {
            said(&config, name, &format!("! test -e {file} && echo {name} > {file}"));
            assert_eq!(said(&config, name, &format!("cat {file}")), name);
            assert!(!Path::new(file).exists() || file == "/run/x", "{file} of {other}");
        }
    }
    // the machine's settings and devices are out of reach
    assert!(!ssh(&config, "h1", "echo 1 > /proc/sys/vm/swappiness").status.success());
    assert!(!ssh(&config, "h1", "ls /dev/vda /dev/sda /dev/kmsg").status.success());

    let inventory = fs::read_to_string(lab.inventory_path()).unwrap();
    assert!(inventory.contains("h1 ansible_host=127.0.0.1 ansible_port="), "{inventory}");
    lab.down().await.unwrap();
    assert!(!dir.exists());
    assert_eq!(processes_of(&dir), [""; 0]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&*dir.to_string_lossy()));
    assert!(!Path::new("/etc/canvass-lab").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_carries_streams_and_ends() {
    let lab = Lab::up(start(1)).await.unwrap();
    let config = lab.ssh_config_path();
    let table = [
        ("exit 7", Some(7), "", ""),
        ("echo out; echo err >&2", Some(0), "out\n", "err\n"),
        ("nowhere-to-be-found 2>/dev/null", Some(127), "", ""),
        ("kill -TERM $$", Some(255), "", ""),
        ("echo $HOME $USER $SHELL; pwd", Some(0), "/root root /bin/bash\n/root\n", ""),
    ];
    for (command, code, out, err) in table {
        let output = ssh(&config, "h1", command);
        assert_eq!(output.status.code(), code, "{command}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), out, "{command}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), err, "{command}");
    }
    // much both ways at once
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut child = Command::new("ssh")
        .arg("-F")
        .arg(&config)
        .args(["h1", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let feeder = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
    // an orphan is taken in and a terminal is one
    assert_eq!(
        said(&config, "h1", "(sleep 0.1 &) ; sleep 0.3; ps -e -o stat= | grep -c Z || true"),
        "0"
    );
    let output = Command::new("ssh")
        .arg("-F")
        .arg(&config)
        .args(["-tt", "h1", "tty; stty size"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("/dev/pts/"), "{output:?}");
    // keys of others stay outside
    let stranger = tempfile::tempdir().unwrap();
    let key = stranger.path().join("key");
    Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    let text = fs::read_to_string(&config).unwrap();
    let foreign = stranger.path().join("config");
    let own = lab.key_path();
    fs::write(&foreign, text.replace(&*own.to_string_lossy(), &key.to_string_lossy())).unwrap();
    assert_eq!(ssh(&foreign, "h1", "true").status.code(), Some(255));
    lab.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_come_up_leaves_nothing() {
    let mut start = start(2);
    start.program = "/bin/false".into();
    let error = Lab::up(start).await.unwrap_err().to_string();
    assert!(error.starts_with("lab host `h") && error.contains("did not come up"), "{error}");
}

/// Holds a lab for the next test, which kills this one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as a child of another test"]
async fn holds_a_lab() {
    let lab = Lab::up(start(2)).await.unwrap();
    println!("\nLAB {}", lab.inventory_path().parent().unwrap().display());
    tokio::time::sleep(Duration::from_mins(2)).await;
    drop(lab);
}

#[test]
fn hosts_end_with_a_parent_that_is_killed() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "holds_a_lab", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(parent.stdout.take().unwrap());
    let dir = output
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("LAB ").map(PathBuf::from))
        .unwrap();
    let config = dir.join("ssh_config");
    said(&config, "h1", "sleep 300 > /dev/null 2>&1 < /dev/null & true");
    assert!(!processes_of(&dir).is_empty());
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("hosts are left", || processes_of(&dir).is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_lab_stays_until_it_is_taken_down() {
    let listed = LabCommand::up(Start {
        names: Names::of(["kept-1".to_owned(), "kept-2".to_owned()]).unwrap(),
        ..start(0)
    })
    .await
    .unwrap();
    assert!(listed.len() >= 2 && listed.iter().all(|host| host.up));
    let again =
        LabCommand::up(Start { names: Names::of(["kept-2".to_owned()]).unwrap(), ..start(0) });
    assert!(again.await.is_err());
    let output = LabCommand::shell(Some("kept-2"), &["hostname".into()]).unwrap().output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "kept-2\n", "{output:?}");
    let left = LabCommand::Down(vec!["kept-1".into()]).run().await.unwrap();
    assert!(left.iter().all(|host| host.name != "kept-1"));
    assert!(LabCommand::shell(Some("kept-1"), &[]).is_err());
    let left = LabCommand::Down(vec!["kept-2".into()]).run().await.unwrap();
    assert!(left.iter().all(|host| host.name != "kept-2"));
}

//! Runs are kept, listed, shown and compared.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::command::{self, Ended, Watch};

const PLAYBOOK: &str = "
- name: Records
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the page
      ansible.builtin.copy:
        content: \"right\\n\"
        dest: \"{{ playbook_dir }}/page\"
        mode: '0644'
    - name: Be asked
      ansible.builtin.command: 'true'
      changed_when: false
";

fn place() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("records-").tempdir_in("/tmp")?;
    fs::write(folder.path().join("site.yml"), PLAYBOOK)?;
    Ok(folder)
}

fn program(folder: &Path) -> Command {
    let mut command = command::canvass(folder);
    command.current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Ended> {
    let mut command = program(folder);
    command.args(arguments);
    let within = Duration::from_mins(1);
    command::run(command, &Watch { within, interrupt_when: None, stdin: "" })
}

fn play(folder: &Path, more: &[&str]) -> Result<()> {
    let ended =
        run(folder, &[&["play", "-i", "localhost,", "-c", "local", "site.yml"], more].concat())?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    Ok(())
}

fn runs(folder: &Path) -> Result<Vec<Json>> {
    let ended = run(folder, &["history", "--format", "json"])?;
    ensure!(ended.code == Some(0), "{}", ended.stderr);
    Ok(serde_json::from_str(&ended.stdout)?)
}

/// Two runs that share the hosts are told as one, from their records and from files.
pub(crate) fn merged() -> Result<()> {
    let folder = place()?;
    let folder = folder.path();
    let hosts: Vec<String> = (1..=6).map(|number| format!("h{number}")).collect();
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.json", shard.replace('/', "-"));
        let inventory = hosts.join(",");
        let ended = run(
            folder,
            &[
                "play", "-i", &inventory, "-c", "local", "site.yml", "--shard", shard, "--report",
                &file,
            ],
        )?;
        ensure!(ended.code == Some(0), "{ended:?}");
    }
    let mut told = Vec::new();
    for runs in [["1-2.json", "2-2.json"], ["last", "last~1"]] {
        let ended =
            run(folder, &[&["report", "merge"], &runs[..], &["--format", "json"]].concat())?;
        ensure!(ended.code == Some(0), "{ended:?}");
        told.push(serde_json::from_str::<Json>(&ended.stdout)?);
    }
    ensure!(told[0] == told[1], "records and files tell the same");
    let recap = told[0]["recap"].as_object().context("no recap")?;
    ensure!(recap.keys().eq(hosts.iter()), "{recap:?}");
    let tasks = told[0]["plays"][0]["tasks"].as_array().context("no tasks")?;
    ensure!(tasks.len() == 2, "each task is there once: {tasks:?}");
    ensure!(tasks[0]["hosts"].as_object().is_some_and(|told| told.len() == 6), "{}", tasks[0]);
    let twice = run(folder, &["report", "merge", "last", "1-2.json", "2-2.json"])?;
    ensure!(twice.code == Some(1) && twice.stderr.contains("is in more than one"), "{twice:?}");
    Ok(())
}

/// From no run to a drift that two runs show.
pub(crate) fn story() -> Result<()> {
    let folder = place()?;
    let folder = folder.path();
    let none = run(folder, &["history"])?;
    ensure!(none.code == Some(1) && none.stderr.contains("no run was recorded yet"), "{none:?}");
    play(folder, &[])?;
    play(folder, &[])?;
    fs::write(folder.join("page"), "drifted\n")?;
    play(folder, &[])?;
    play(folder, &["--no-record"])?;
    let mut off = program(folder);
    off.args(["play", "-i", "localhost,", "-c", "local", "site.yml"]).env("CANVASS_RECORD", "no");
    let watch = Watch { within: Duration::from_mins(1), interrupt_when: None, stdin: "" };
    ensure!(command::run(off, &watch)?.code == Some(0));
    let link = folder.join("ansible-playbook");
    std::os::unix::fs::symlink(program(folder).get_program(), &link)?;
    let mut ansible = Command::new(link);
    command::quiet(&mut ansible, folder);
    ansible.args(["-i", "localhost,", "-c", "local", "site.yml"]).current_dir(folder);
    ensure!(command::run(ansible, &watch)?.code == Some(0));
    let told = runs(folder)?;
    let words: Vec<_> =
        told.iter().map(|run| (&run["id"], &run["program"], &run["changed"])).collect();
    ensure!(told.len() == 4, "{words:?}");
    ensure!(told[0]["program"] == "ansible-playbook" && told[1]["program"] == "canvass play");
    ensure!(told[1]["changed"] == 1 && told[2]["changed"] == 0, "{words:?}");
    let compared = run(folder, &["compare", "2", "3"])?;
    ensure!(
        compared.stdout.starts_with("1 task drifted")
            && compared.stdout.contains("-drifted\n+right"),
        "{compared:?}"
    );
    let report = run(folder, &["report", "last~1", "-o", "page.html", "-o", "page.json"])?;
    ensure!(report.code == Some(0), "{report:?}");
    ensure!(fs::read_to_string(folder.join("page.html"))?.contains("1 task changed 1 host."));
    // a report as a file is as good as a record
    let same = run(folder, &["compare", "3", "page.json"])?;
    ensure!(same.stdout.starts_with("Both runs did the same."), "{same:?}");
    let unknown = run(folder, &["report", "77"])?;
    ensure!(unknown.code == Some(1) && unknown.stderr.contains("no run `77`"), "{unknown:?}");
    // what cannot be recorded is told and loses no run
    let state = folder.join("file");
    fs::write(&state, "")?;
    let mut lost = program(folder);
    lost.args(["play", "-i", "localhost,", "-c", "local", "site.yml"])
        .env("XDG_STATE_HOME", &state);
    let lost = command::run(lost, &watch)?;
    ensure!(lost.code == Some(0) && lost.stderr.contains("was not recorded"), "{lost:?}");
    Ok(())
}

/// `history serve` shows the runs, changes nothing, and answers nobody who came by another name.
pub(crate) fn served() -> Result<()> {
    let folder = place()?;
    let folder = folder.path();
    play(folder, &[])?;
    play(folder, &[])?;
    let mut server =
        Server(program(folder).args(["history", "serve"]).stderr(Stdio::piped()).spawn()?);
    let mut line = String::new();
    BufReader::new(server.0.stderr.take().context("no output")?).read_line(&mut line)?;
    let address = line.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address = address.context(line.clone())?.to_owned();
    let ask = |method: &str, path: &str, host: &str| -> Result<String> {
        let mut stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    for (method, path, host, status, holds) in [
        ("GET", "/", &*address, 200, "/compare/1/2"),
        ("GET", "/runs/1", &address, 200, "1 task changed 1 host."),
        ("GET", "/runs/2.json", &address, 200, "canvass-report/1"),
        ("GET", "/runs/2.md", &address, 200, "nothing changed"),
        ("GET", "/compare/1/2", &address, 200, "changed → ok"),
        ("GET", "/runs/9", &address, 404, ""),
        ("GET", "/../etc/passwd", &address, 404, ""),
        ("POST", "/", &address, 405, ""),
        ("GET", "/", "evil.example", 421, ""),
    ] {
        let answer = ask(method, path, host)?;
        let right = answer.starts_with(&format!("HTTP/1.1 {status} "))
            && answer.to_lowercase().contains(&holds.to_lowercase());
        ensure!(right, "{method} {path} as {host}: {answer}");
    }
    server.interrupt()
}

/// A server that ends with its test.
struct Server(Child);

impl Server {
    /// What Ctrl-C does.
    fn interrupt(&mut self) -> Result<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).context("no process")?;
        kill_process(pid, Signal::INT)?;
        let sent = Instant::now();
        while sent.elapsed() < Duration::from_secs(20) {
            if let Some(ended) = self.0.try_wait()? {
                ensure!(ended.success(), "{ended}");
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("Ctrl-C did not end it");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // has ended already when all is well
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

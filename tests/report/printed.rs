//! What commands print while they run, and where the time of a run went.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value as Json;

use crate::command;

/// The secret comes in two pieces; the command ends only when somebody has heard it.
const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - name: Long
      ansible.builtin.shell: |
        echo first; printf 'login hunt'; sleep 0.3; echo 'er2-of-old'
        while ! test -e go; do sleep 0.02; done
        echo last; echo troubled >&2
      args: {chdir: '{{ playbook_dir }}'}
    - name: Hidden
      ansible.builtin.shell: echo nobody-sees-this
      no_log: true
";

/// Lines are told before the command has ended, without secrets; the profile stands in the report.
pub(crate) fn heard() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("printed-").tempdir_in("/tmp")?;
    let folder = folder.path();
    fs::write(folder.join("site.yml"), PLAYBOOK)?;
    let mut play = command::canvass(folder);
    play.args(["play", "-i", "localhost,", "-c", "local", "site.yml", "--stream", "--profile"])
        .args(["-e", "password=hunter2-of-old", "--secret-var", "password"])
        .args(["--events", "events.jsonl", "--report", "report.json", "--report", "page.html"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut play = play.spawn()?;
    let started = Instant::now();
    let mut told = String::new();
    for line in BufReader::new(play.stdout.take().context("no output")?).lines() {
        let line = line?;
        if line == "  localhost | login ********" {
            fs::write(folder.join("go"), "")?;
        }
        told.push_str(&line);
        told.push('\n');
        ensure!(started.elapsed() < Duration::from_mins(1), "{told}");
    }
    ensure!(play.wait()?.success(), "{told}");
    for line in ["  localhost | first\n", "  localhost | last\n", "  localhost | troubled\n"] {
        ensure!(told.contains(line), "{line:?} is missing:\n{told}");
    }
    ensure!(told.contains("\nPROFILE ") && told.contains("\ntask Long "), "{told}");
    let report = fs::read_to_string(folder.join("report.json"))?;
    let events = fs::read_to_string(folder.join("events.jsonl"))?;
    let page = fs::read_to_string(folder.join("page.html"))?;
    for text in [&told, &report, &events, &page] {
        ensure!(!text.contains("hunter2") && !text.contains("nobody-sees-this"), "{text}");
    }
    let output = events.lines().find(|line| line.contains("\"event\":\"output\""));
    let output: Json = serde_json::from_str(output.context("no output among the events")?)?;
    ensure!(output["lines"][0] == "first" && output["stream"] == "stdout", "{output}");
    let report: Json = serde_json::from_str(&report)?;
    let long = &report["plays"][0]["tasks"][0]["hosts"]["localhost"];
    let spent = &long["spent"];
    let part = |name: &str| spent[name].as_f64().unwrap_or_default();
    ensure!(part("apply") >= 0.3 && part("bootstrap") > 0.0, "{spent}");
    let all: f64 = spent.as_object().context("no profile")?.values().filter_map(Json::as_f64).sum();
    let waited = part("barrier") + part("queue");
    let took = long["seconds"].as_f64().unwrap_or_default();
    ensure!((all - waited - took).abs() < 0.02, "{spent} are not {took}");
    ensure!(page.contains("id=\"profile\"") && page.contains("class=\"part-apply\""));
    Ok(())
}

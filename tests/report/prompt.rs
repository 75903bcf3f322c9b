//! Someone at a terminal is asked: a bell rings, and nothing is drawn over the question.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::command;

const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - name: Long
      ansible.builtin.command: sleep 0.5
    - name: Ask
      ansible.builtin.pause: {prompt: Shall it go on}
";

/// Time in which a live view draws several times.
const DRAWN: Duration = Duration::from_millis(600);

pub(crate) fn asked() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("prompt-").tempdir_in("/tmp")?;
    let folder = folder.path();
    fs::write(folder.join("site.yml"), PLAYBOOK)?;
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let end = OpenOptions::new().read(true).write(true).open(name.to_str()?)?;
    let mut play = command::canvass(folder);
    play.args(["play", "-i", "localhost,", "-c", "local", "site.yml"])
        .env("TERM", "xterm")
        .current_dir(folder)
        .stdin(end.try_clone()?)
        .stdout(end.try_clone()?)
        .stderr(end);
    let mut running = play.spawn()?;
    // its own copies of the terminal's end would keep it open
    drop(play);
    let mut master = File::from(master);
    let ended = talked(&mut master);
    if ended.is_err() {
        running.kill()?;
    }
    let status = running.wait()?;
    ended?;
    ensure!(status.success());
    Ok(())
}

/// Waits for the question, looks at what stands around it, and answers.
fn talked(master: &mut File) -> Result<()> {
    let heard = read(master.try_clone()?);
    let mut told = String::new();
    while !told.contains("Shall it go on:") {
        let more = heard.recv_timeout(Duration::from_mins(1));
        told += &more.with_context(|| format!("nobody was asked: {told:?}"))?;
    }
    while let Ok(more) = heard.recv_timeout(DRAWN) {
        told += &more;
        ensure!(told.len() < 100_000, "drawn while someone is asked: {told:?}");
    }
    let (before, after) = told.split_once("Shall it go on:").context("asked")?;
    ensure!(before.contains("0s Long"), "no live view: {before:?}");
    ensure!(before.ends_with("\u{7}[Ask]\r\n"), "no bell: {before:?}");
    ensure!(after.trim().is_empty(), "drawn over the question: {after:?}");
    master.write_all(b"\n")?;
    Ok(())
}

/// What is written to the terminal, as it comes.
fn read(mut master: File) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length) = master.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if length == 0 || sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}

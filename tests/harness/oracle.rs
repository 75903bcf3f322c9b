//! What Ansible counts for the same scenario: recorded by it, compared with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::command;
use super::drive::{Counts, Stage, recorded};
use super::snapshot;

/// The words of Ansible's recap.
const WORDS: [&str; 7] =
    ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"];

/// The `ansible-playbook` to record with instead of testing.
pub(crate) fn program() -> Option<OsString> {
    std::env::var_os("ORACLE_ANSIBLE_PLAYBOOK")
}

/// Runs the scenario with Ansible and writes its counts.
pub(crate) fn record(stage: &Stage<'_>, program: &OsString) -> Result<()> {
    let mut command = Command::new(program);
    command::quiet(&mut command, &stage.work.path().join("home"));
    for (name, value) in [
        ("ANSIBLE_NOCOLOR", "1"),
        ("ANSIBLE_LOCALHOST_WARNING", "0"),
        ("ANSIBLE_INVENTORY_UNPARSED_WARNING", "0"),
        ("ANSIBLE_SSH_CONTROL_PATH_DIR", &stage.work.path().join("cp").to_string_lossy()),
        ("ANSIBLE_TIMEOUT", "10"),
        ("ANSIBLE_PIPELINING", "1"),
        ("ANSIBLE_SSH_TRANSFER_METHOD", "piped"),
    ] {
        command.env(name, value);
    }
    command.args(stage.place());
    if let Some(python) = Path::new(program).parent().map(|folder| folder.join("python"))
        && python.is_file()
    {
        command.arg("-e").arg(format!("ansible_python_interpreter={}", python.display()));
    }
    command.args(stage.arguments(&stage.description.args));
    let ended = stage.run(command)?;
    let counts = recap(&ended.stdout);
    ensure!(!counts.is_empty(), "no recap\n{}\n{}", ended.stdout, ended.stderr);
    ensure!(
        ended.code == Some(stage.description.exit_code),
        "Ansible ends with {:?}\n{}\n{}",
        ended.code,
        ended.stdout,
        ended.stderr
    );
    let text = serde_json::to_string_pretty(&counts)? + "\n";
    snapshot::write(&recorded(&stage.folder.path), &text)
}

/// That a run's counts are the recorded ones.
pub(crate) fn counts_the_same(folder: &Path, recap: &Counts) -> Result<()> {
    let path = recorded(folder);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{}: run tests/oracle/scenarios.sh", path.display()))?;
    let expected: Counts = serde_json::from_str(&text)?;
    let counted: Counts = recap
        .iter()
        .map(|(host, counts)| {
            let kept = counts.iter().filter(|(word, _)| WORDS.contains(&word.as_str()));
            (host.clone(), kept.map(|(word, count)| (word.clone(), *count)).collect())
        })
        .collect();
    ensure!(counted == expected, "counts differ\nours:      {counted:?}\nAnsible's: {expected:?}");
    Ok(())
}

/// The counts of `PLAY RECAP`.
fn recap(output: &str) -> Counts {
    let lines = output.lines().skip_while(|line| !line.starts_with("PLAY RECAP")).skip(1);
    lines
        .filter_map(|line| {
            let (host, counts) = line.split_once(" : ")?;
            let counts: BTreeMap<String, i64> = counts
                .split_whitespace()
                .filter_map(|pair| {
                    let (word, count) = pair.split_once('=')?;
                    Some((word.to_owned(), count.parse().ok()?))
                })
                .collect();
            Some((host.trim().to_owned(), counts))
        })
        .collect()
}

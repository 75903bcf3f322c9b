//! A scenario from its folder to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use canvass::lab::{Lab, Names, Start};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::command::{self, Ended, Watch};
use super::description::{Description, Hosts, SecondRun};
use super::folders::Folder;
use super::lab_view::View;
use super::oracle;
use super::redaction::Redaction;
use super::report::Report;
use super::snapshot;

/// How long a host may take to get rid of what a run started.
const QUIET: Duration = Duration::from_secs(5);

/// Runs a scenario: dry run, run, second run.
pub(crate) fn scenario(folder: &Folder) -> Result<()> {
    let description = Description::read(&folder.path.join("scenario.yml"))?;
    if let Some(program) = oracle::program() {
        return if description.ansible {
            oracle::record(&Stage::set(folder, &description)?, &program)
        } else {
            Ok(())
        };
    }
    let stage = Stage::set(folder, &description)?;
    let before = stage.left_behind()?;
    let dry = match description.check_first && description.hosts != Hosts::None {
        true => Some(stage.play(&["--check"]).context("in the dry run")?),
        false => None,
    };
    if dry.is_some() {
        stage.is_quiet(&before, &[]).context("after the dry run")?;
    }
    let real = stage.play(&[])?;
    stage.matches_snapshot(&real.ended)?;
    if let Some(dry) = &dry {
        dry.ends_with(description.check_exit_code.unwrap_or(description.exit_code))
            .context("in the dry run")?;
        if let (Some(dry), Some(real)) = (&dry.report, &real.report) {
            dry.foretells(real, &description.unknown, &description.after_unknown)?;
        }
    }
    real.ends_with(description.exit_code)?;
    stage.judge(&real)?;
    stage.second_run(&real)?;
    let asked: Vec<&str> = description.expect_files.keys().map(String::as_str).collect();
    stage.is_quiet(&before, &asked)?;
    stage.down()
}

/// Where a scenario plays.
pub(crate) struct Stage<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) description: &'a Description,
    pub(crate) work: TempDir,
    lab: Option<Lab>,
    redaction: Redaction,
}

/// A run and its report, if it came so far as to write one.
struct Played {
    ended: Ended,
    report: Option<Report>,
}

impl<'a> Stage<'a> {
    /// Brings up what the scenario needs.
    pub(crate) fn set(folder: &'a Folder, description: &'a Description) -> Result<Self> {
        let work = tempfile::Builder::new().prefix("scenario-").tempdir_in("/tmp")?;
        fs::create_dir(work.path().join("work"))?;
        fs::create_dir(work.path().join("home"))?;
        let mut redaction = Redaction::default();
        let lab = match description.hosts {
            Hosts::Lab(count) => {
                let start = Start {
                    names: Names::numbered(count),
                    program: env!("CARGO_BIN_EXE_canvass").into(),
                };
                let lab = runtime()?.block_on(Lab::up(start))?;
                if let Some(folder) = lab.inventory_path().parent() {
                    redaction.path(folder, "[lab]");
                }
                Some(lab)
            }
            Hosts::Local | Hosts::None => None,
        };
        redaction.path(work.path().join("work"), "[work]");
        redaction.path(work.path(), "[stage]");
        redaction.path(&folder.path, "[scenario]");
        Ok(Self { folder, description, work, lab, redaction })
    }

    fn down(mut self) -> Result<()> {
        if let Some(lab) = self.lab.take() {
            runtime()?.block_on(lab.down())?;
        }
        Ok(())
    }

    /// The arguments that say where.
    pub(crate) fn place(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(lab) = &self.lab {
            arguments.extend(["-i".into(), lab.inventory_path().to_string_lossy().into_owned()]);
        }
        let mut own = false;
        for name in ["inventory.yml", "inventory.ini", "inventory"] {
            if self.folder.path.join(name).exists() {
                arguments.extend(["-i".into(), name.into()]);
                own = true;
            }
        }
        if self.description.hosts == Hosts::Local {
            if !own {
                arguments.extend(["-i".into(), "localhost,".into()]);
            }
            arguments.extend(["-c".into(), "local".into()]);
            arguments.extend(["-e".into(), format!("work={}", self.work_folder())]);
        }
        arguments
    }

    /// The scenario's own arguments.
    pub(crate) fn arguments(&self, from: &[String]) -> Vec<String> {
        from.iter().map(|argument| argument.replace("{work}", &self.work_folder())).collect()
    }

    fn work_folder(&self) -> String {
        self.work.path().join("work").to_string_lossy().into_owned()
    }

    fn play(&self, more: &[&str]) -> Result<Played> {
        let report = self.work.path().join("report.json");
        let _ = fs::remove_file(&report);
        let mut command = command::canvass(&self.work.path().join("home"));
        command.arg("play").args(self.place()).args(more).arg("--report").arg(&report);
        command.args(self.arguments(&self.description.args));
        command.args(self.arguments(&self.description.canvass_args));
        let ended = self.run(command)?;
        let report = match Report::read(&report) {
            Ok((read, text)) => {
                self.omits("the report file", &text)?;
                Some(read)
            }
            Err(error) if report.exists() => return Err(error),
            Err(_) => None,
        };
        self.omits("standard output", &ended.stdout)?;
        self.omits("standard error", &ended.stderr)?;
        Ok(Played { ended, report })
    }

    /// Runs a command that lacks only the playbook.
    pub(crate) fn run(&self, mut command: Command) -> Result<Ended> {
        command.arg("playbook.yml").current_dir(&self.folder.path);
        command.envs(&self.description.env);
        let views = self.views()?;
        let there = self.description.interrupt_at.as_deref().map(|path| {
            let views = &views;
            move || views.iter().all(|view| view.has(path))
        });
        let watch = Watch {
            within: Duration::from_secs(self.description.within_seconds),
            interrupt_when: there.as_ref().map(|there| there as &dyn Fn() -> bool),
            stdin: &self.description.stdin,
        };
        command::run(command, &watch)
    }

    fn omits(&self, place: &str, text: &str) -> Result<()> {
        for word in &self.description.expect_output_omits {
            ensure!(!text.contains(word), "{place} holds `{word}`:\n{text}");
        }
        Ok(())
    }

    fn matches_snapshot(&self, ended: &Ended) -> Result<()> {
        let code = ended.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let text = format!(
            "--- stdout\n{}\n--- stderr\n{}\n--- exit {code}\n",
            self.redaction.apply(&ended.stdout)?,
            self.redaction.apply(&ended.stderr)?
        );
        snapshot::holds(&self.folder.path.join("expected/report.txt"), &text)
    }

    /// What the real run must have brought.
    fn judge(&self, real: &Played) -> Result<()> {
        for word in &self.description.expect_output_contains {
            let said = real.ended.stdout.contains(word) || real.ended.stderr.contains(word);
            ensure!(said, "the output lacks `{word}`:\n{}{}", real.ended.stdout, real.ended.stderr);
        }
        if self.description.hosts == Hosts::None {
            ensure!(real.report.is_none(), "a run that must not begin wrote a report");
        }
        if self.description.interrupt_at.is_some() {
            let told = real.report.as_ref().context("an interrupted run wrote no report")?;
            ensure!(told.is_interrupted(), "the report does not tell of the interrupt");
        }
        for view in self.views()? {
            for (path, file) in &self.description.expect_files {
                view.holds(&path.replace("{work}", &self.work_folder()), file)?;
            }
        }
        if self.description.ansible {
            let report = real.report.as_ref().context("there is no report to count by")?;
            oracle::counts_the_same(&self.folder.path, &report.recap)?;
        }
        Ok(())
    }

    fn second_run(&self, first: &Played) -> Result<()> {
        if self.description.hosts == Hosts::None {
            return Ok(());
        }
        let judge: fn(&Report, &Report) -> Result<()> = match &self.description.second_run {
            SecondRun::Skip(_) => return Ok(()),
            SecondRun::Unchanged => |second, _| second.changed_nothing(),
            SecondRun::Same => |second, first| second.is_same(first),
        };
        let second = self.play(&[]).context("in the second run")?;
        second.ends_with(self.description.exit_code).context("in the second run")?;
        match (&first.report, &second.report) {
            (Some(first), Some(second)) => judge(second, first),
            (None, None) => Ok(()),
            _ => bail!("only one of two runs wrote a report"),
        }
    }

    fn views(&self) -> Result<Vec<View>> {
        match &self.lab {
            Some(lab) => lab.hosts().map(|host| View::of_lab(&host.name, host.pid)).collect(),
            None => Ok(vec![View::local()]),
        }
    }

    /// Processes and temporary files of each lab host.
    fn left_behind(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        if self.lab.is_some() {
            for view in self.views()? {
                found.extend(view.processes()?);
                found.extend(view.temporary_files()?);
            }
        }
        Ok(found)
    }

    /// That nothing but what the scenario asked for is left on lab hosts.
    fn is_quiet(&self, before: &BTreeSet<String>, asked: &[&str]) -> Result<()> {
        let deadline = Instant::now() + QUIET;
        loop {
            let mut left: Vec<String> = self.left_behind()?.difference(before).cloned().collect();
            left.retain(|found| !asked.iter().any(|path| found.starts_with(path)));
            if left.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "left on the hosts: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Played {
    fn ends_with(&self, code: i32) -> Result<()> {
        let Ended { code: ended, stdout, stderr } = &self.ended;
        ensure!(
            *ended == Some(code),
            "ended with {ended:?}, not {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        Ok(())
    }
}

/// Counts by host and word.
pub(crate) type Counts = BTreeMap<String, BTreeMap<String, i64>>;

/// Where a scenario keeps what Ansible counted.
pub(crate) fn recorded(folder: &Path) -> PathBuf {
    folder.join("expected/ansible.json")
}

/// The runtime that lab hosts hang on.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().ok()).as_ref().context("no runtime")
}

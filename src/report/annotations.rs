//! Failures at their file and line, as GitHub and GitLab show them beside the code.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::entries::circumstances;
use super::hosts::fold;
use super::model::{ChangeReport, Failure, Position, TaskReport};
use super::outlet::Outlet;
use super::text::clean;

/// GitHub shows ten errors of a step; more are counted in the last one.
const MOST: usize = 10;

/// The file that GitLab's `codequality` report names by default.
pub const GITLAB_FILE: &str = "gl-code-quality-report.json";

/// What failed and nothing caught, with where it stands.
fn failures(report: &ChangeReport) -> impl Iterator<Item = (&TaskReport, &Failure)> {
    let all = report.tasks().flat_map(|task| task.failures.iter().map(move |it| (task, it)));
    all.filter(|(_, failure)| !failure.ignored && !failure.rescued)
}

/// Paths from the top of the repository, as both want them.
fn path(position: &Position, top: Option<&Path>) -> String {
    let file = std::path::absolute(&position.file).unwrap_or_else(|_| (&position.file).into());
    let within = top.and_then(|top| file.strip_prefix(top).ok());
    within.map_or_else(|| position.file.clone(), |path| path.to_string_lossy().into_owned())
}

fn message(failure: &Failure) -> String {
    let (hosts, reason) = (fold(&failure.hosts), clean(failure.cause.reason.trim()));
    format!("{}{}: {reason}", clean(&hosts), circumstances(failure))
}

/// Lines that GitHub's runner reads from standard output.
pub struct Github<O> {
    /// Standard output.
    pub out: O,
    /// The top of the repository (`GITHUB_WORKSPACE`).
    pub top: Option<PathBuf>,
}

impl<O: Write + Send> Outlet for Github<O> {
    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        let count = failures(report).count();
        for (number, (task, failure)) in failures(report).take(MOST).enumerate() {
            let file = property(&path(&task.place, self.top.as_deref()));
            let (line, column) = (task.place.line, task.place.column);
            let title = property(&format!("{}: {}", failure.status.word(), task.title()));
            let mut text = message(failure);
            if number + 1 == MOST && count > MOST {
                text = format!("{text}\n(and {} more failures)", count - MOST);
            }
            let text = data(&text);
            writeln!(
                self.out,
                "::error file={file},line={line},col={column},title={title}::{text}"
            )?;
        }
        self.out.flush()
    }
}

/// A value after `::`: no line of it can be a command of its own.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value before it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A Code Quality report of GitLab.
pub struct Gitlab {
    /// Where it is written.
    pub file: PathBuf,
    /// The top of the repository (`CI_PROJECT_DIR`).
    pub top: Option<PathBuf>,
}

impl Outlet for Gitlab {
    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        let found = failures(report).map(|(task, failure)| {
            let path = path(&task.place, self.top.as_deref());
            let description = format!("{}: {}", task.title(), message(failure));
            let identity = format!("{path}\0{}\0{}", task.title(), failure.cause.reason);
            let digest = Sha256::digest(identity);
            let fingerprint: Vec<String> =
                digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({
                "description": description,
                "check_name": failure.status.word(),
                "fingerprint": fingerprint.concat(),
                "severity": "major",
                "location": {"path": path, "lines": {"begin": task.place.line}},
            })
        });
        let text = serde_json::to_string_pretty(&Json::Array(found.collect()))? + "\n";
        fs::write(&self.file, text).map_err(|error| {
            let text = format!("failed to write `{}`: {error}", self.file.display());
            io::Error::new(error.kind(), text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::{RunMode, Status};
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Paper, Run, names, with_result};

    fn report() -> ChangeReport {
        let hosts = names("web", 3);
        let mut run = Run::new(RunMode::Apply, &hosts);
        let task = run.task("a: b, 100%", "command");
        for host in &hosts {
            run.host(task, host, with_result(Status::Failed, json!({"msg": "no\n::stop::x"})));
        }
        let mut gatherer = Gatherer::new();
        for event in run.finish(2) {
            gatherer.event(&event);
        }
        gatherer.report()
    }

    #[test]
    fn github_reads_one_line_a_failure() {
        let paper = Paper::default();
        let mut github = Github { out: paper.clone(), top: std::env::current_dir().ok() };
        github.take(&report()).unwrap();
        assert_eq!(
            paper.text(),
            "::error file=site.yml,line=10,col=7,title=failed%3A a%3A b%2C 100%25::\
             web[01-03]: no%0A::stop::x\n"
        );
    }

    #[test]
    fn gitlab_reads_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(GITLAB_FILE);
        Gitlab { file: file.clone(), top: None }.take(&report()).unwrap();
        let read: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        assert_eq!(read[0]["location"], json!({"path": "site.yml", "lines": {"begin": 10}}));
        assert_eq!(read[0]["fingerprint"].as_str().unwrap().len(), 64);
        assert_eq!(read[0]["description"], "a: b, 100%: web[01-03]: no\n::stop::x");
    }
}

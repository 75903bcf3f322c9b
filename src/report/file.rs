//! `--report FILE`: the change report as a file, in the face that its ending names.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::face::Face;
use super::model::ChangeReport;
use super::outlet::Outlet;
use crate::source::replace;

/// A file that takes the report.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    face: Face,
}

impl ReportFile {
    /// Will write to `path`, which is replaced when it is there.
    ///
    /// # Errors
    ///
    /// No file can be written there, so that nobody learns that after the run.
    pub fn create(path: impl Into<PathBuf>, face: Face) -> io::Result<Self> {
        let path = path.into();
        refuse_devices(&path)?;
        let beside = beside(&path);
        File::create(&beside).map_err(|error| named(&beside, &error))?;
        fs::remove_file(&beside)?;
        Ok(Self { path, face })
    }
}

impl Outlet for ReportFile {
    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        write(report, self.face, &self.path)
    }
}

/// Writes a report, whole or not at all: what is half written must not be taken for one.
///
/// # Errors
///
/// The file cannot be written.
pub fn write(report: &ChangeReport, face: Face, path: &Path) -> io::Result<()> {
    refuse_devices(path)?;
    let text = face.draw(report)?;
    replace(path, |file| file.write_all(text.as_bytes())).map_err(|error| named(path, &error))
}

/// Adds a report to the end of a file, as the summary of a step on GitHub is written.
#[derive(Debug)]
pub struct Appended {
    /// The file.
    pub path: PathBuf,
    /// What is added.
    pub face: Face,
}

impl Outlet for Appended {
    fn take(&mut self, report: &ChangeReport) -> io::Result<()> {
        let text = self.face.draw(report)?;
        let file = File::options().append(true).create(true).open(&self.path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| named(&self.path, &error))
    }
}

/// A rename would replace a device, a pipe or a directory.
fn refuse_devices(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            Err(named(path, &error))
        }
        _ => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    let text = format!("failed to write the report `{}`: {error}", path.display());
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::report::Consumer as _;
    use crate::report::event::{Event, RunMode, Status};
    use crate::report::human::tests::{Run, changed, names, outcome, with_result};
    use crate::report::outlet::Gathered;

    fn events() -> Vec<Event> {
        let hosts = names("web", 2);
        let mut run = Run::new(RunMode::Rehearsal, &hosts);
        let task = run.task("page", "copy");
        for host in hosts.iter().rev() {
            run.host(task, host, changed("/x", "", "new\n"));
        }
        let task = run.task("migrate", "command");
        run.host(task, "web01", outcome(Status::Unknown { reason: "not run".to_owned() }));
        let result = json!({"msg": "no", "rc": 3, "stderr": "why"});
        run.host(task, "web02", with_result(Status::Failed, result));
        run.finish(2)
    }

    fn written(events: &[Event], path: &Path) -> Json {
        let file = ReportFile::create(path, Face::Json).unwrap();
        let mut gathered = Gathered::new(vec![Box::new(file)]);
        for event in events {
            gathered.event(event).unwrap();
        }
        gathered.finish().unwrap();
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn writes_the_documented_fields() {
        let directory = tempfile::tempdir().unwrap();
        let report = written(&events(), &directory.path().join("report.json"));
        assert_eq!(report["schema"], "canvass-report/1");
        assert_eq!(report["mode"], "rehearsal");
        assert_eq!(report["started"], "1970-01-01T00:00:00Z");
        assert_eq!(report["exit_code"], 2);
        assert_eq!(report["recap"]["web01"]["unknown"], 1);
        let tasks = &report["plays"][0]["tasks"];
        assert_eq!(tasks[0]["place"], json!({"file": "site.yml", "line": 10, "column": 7}));
        assert_eq!(tasks[0]["changes"][0]["hosts"], json!(["web01", "web02"]));
        let unified = "--- before: /x\n+++ after: /x\n@@ -0,0 +1 @@\n+new\n\n";
        assert_eq!(tasks[0]["changes"][0]["unified"], unified);
        assert_eq!(tasks[1]["unknown"], json!([{"hosts": ["web01"], "reason": "not run"}]));
        assert_eq!(
            tasks[1]["failures"],
            json!([{
                "hosts": ["web02"], "status": "failed", "ignored": false, "rescued": false,
                "cause": {"item": null, "reason": "no", "rc": 3, "stderr": "why", "stdout": null}
            }])
        );
    }

    #[test]
    fn names_every_field_in_the_documentation() {
        fn fields(value: &Json, path: &str, found: &mut Vec<String>) {
            match value {
                // names of hosts are no fields, and a diff and an effect are described elsewhere
                Json::Object(map) if !path.ends_with("diff") && !path.ends_with("effect") => {
                    for (name, value) in map {
                        if !name.starts_with("web") {
                            found.push(name.clone());
                        }
                        fields(value, name, found);
                    }
                }
                Json::Array(items) => items.iter().for_each(|item| fields(item, path, found)),
                _ => {}
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let report = written(&events(), &directory.path().join("report.json"));
        let documentation = include_str!("../../docs/report.md");
        let mut found = Vec::new();
        fields(&report, "", &mut found);
        assert!(found.len() > 50, "{found:?}");
        for name in found {
            assert!(documentation.contains(&format!("`{name}`")), "`{name}` is not documented");
        }
    }

    #[test]
    fn leaves_nothing_beside_and_replaces_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        fs::write(&path, "old").unwrap();
        written(&events(), &path);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn refuses_before_the_run_what_it_could_not_write_after_it() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().to_owned(), directory.path().join("missing/report.json")] {
            let error = ReportFile::create(&path, Face::Json).unwrap_err().to_string();
            assert!(error.contains("failed to write the report"), "{error}");
        }
        let error = ReportFile::create("/dev/null", Face::Json).unwrap_err().to_string();
        assert!(error.ends_with("`/dev/null`: not a regular file"), "{error}");
    }
}

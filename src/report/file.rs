//! `--report FILE.json`: the change report as a file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Consumer;
use super::event::Event;
use super::gather::Gatherer;
use super::model::ChangeReport;

/// Gathers the change report and writes it when the run is over.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    gatherer: Gatherer,
}

impl ReportFile {
    /// Will write to `path`, which is replaced when it is there.
    ///
    /// Fails where no file can be written, so that nobody learns that after the run.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        refuse_devices(&path)?;
        let beside = beside(&path);
        File::create(&beside).map_err(|error| named(&beside, &error))?;
        fs::remove_file(&beside)?;
        Ok(Self { path, gatherer: Gatherer::new() })
    }
}

impl Consumer for ReportFile {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.gatherer.event(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        write(&self.gatherer.report(), &self.path)
    }
}

/// Writes a report atomically: beside, synced, renamed.
pub fn write(report: &ChangeReport, path: &Path) -> io::Result<()> {
    refuse_devices(path)?;
    let beside = beside(path);
    let written = write_to(report, &beside).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // what is half written must not be taken for a report; the first error is the one to tell
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|error| named(path, &error))
}

fn write_to(report: &ChangeReport, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.into_inner()?.sync_all()
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

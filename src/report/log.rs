//! A log of what is said (`log_path`): what goes to an output goes to a file, too, with the time.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use time::macros::format_description;

use super::Consumer;
use super::event::{Event, Level};
use super::human::Verbosity;

/// The file.
#[derive(Debug, Clone)]
pub struct Log {
    file: Arc<Mutex<File>>,
    user: Arc<str>,
}

impl Log {
    /// Appends to a file, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub fn open(path: &Path, user: &str) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), user: Arc::from(user) })
    }

    /// Writes a message; escape sequences stay out.
    pub fn write(&self, text: &str) {
        let text = console::strip_ansi_codes(text);
        let text = text.trim_start_matches('\n');
        if text.is_empty() {
            return;
        }
        let level = match text {
            text if text.starts_with("[ERROR]") => "ERROR",
            text if text.starts_with("[WARNING]") => "WARNING",
            _ => "INFO",
        };
        let format = format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second],[subsecond digits:3]"
        );
        let now = OffsetDateTime::now_local().unwrap_or_else(|_| OffsetDateTime::now_utc());
        let now = now.format(format).unwrap_or_default();
        let (pid, user) = (std::process::id(), &self.user);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let record = format!("{now} p={pid} u={user} n=ansible {level}| {text}{end}");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // a log that cannot be written is no reason to end a run
        let _ = file.write_all(record.as_bytes());
    }
}

/// Writes messages to a log that are too detailed for the output (`log_verbosity`).
#[derive(Debug)]
pub struct LoggedDetails {
    log: Log,
    /// How much the output shows.
    shown: Verbosity,
    /// How much the log holds.
    logged: Verbosity,
}

impl LoggedDetails {
    /// What is beyond `shown` and not beyond `logged`.
    pub fn new(log: Log, shown: Verbosity, logged: Verbosity) -> Self {
        Self { log, shown, logged }
    }
}

impl Consumer for LoggedDetails {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::Notice { level, text, .. } = event else { return Ok(()) };
        let needed = match level {
            Level::Trace => Verbosity::Effects,
            Level::Debug => Verbosity::Paths,
            Level::Info | Level::Warning | Level::Deprecation => return Ok(()),
        };
        if self.shown < needed && needed <= self.logged {
            self.log.write(text);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output whose text is logged, too.
#[derive(Debug)]
pub struct Logged<W> {
    inner: W,
    log: Option<Log>,
    pending: Vec<u8>,
}

impl<W: Write> Logged<W> {
    /// With or without a log.
    pub fn new(inner: W, log: Option<Log>) -> Self {
        Self { inner, log, pending: Vec::new() }
    }
}

impl<W: Write> Write for Logged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if let Some(log) = &self.log {
            self.pending.extend_from_slice(bytes.get(..written).unwrap_or_default());
            // what is said ends with a line
            if self.pending.ends_with(b"\n") && self.pending.iter().any(|byte| *byte != b'\n') {
                log.write(&String::from_utf8_lossy(&self.pending));
                self.pending.clear();
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_a_record_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::open(&path, "me").unwrap();
        let mut out = Logged::new(Vec::new(), Some(log.clone()));
        writeln!(out, "\nPLAY [x]").unwrap();
        writeln!(out, "\u{1b}[0;32mok: [h] => {{\n    1\n}}\u{1b}[0m").unwrap();
        log.write("[WARNING]: w");
        let text = std::fs::read_to_string(path).unwrap();
        let records: Vec<&str> = text
            .split_inclusive('\n')
            .map(|line| line.split_once(" n=ansible ").map_or(line, |it| it.1))
            .collect();
        assert_eq!(
            records,
            [
                "INFO| PLAY [x]\n",
                "INFO| ok: [h] => {\n",
                "    1\n",
                "}\n",
                "WARNING| [WARNING]: w\n"
            ]
        );
        assert!(text.contains(&format!(" p={} u=me n=ansible INFO| PLAY", std::process::id())));
    }
}

//! The database.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use crate::report::entries::Digest;
use crate::report::event::RunMode;
use crate::report::model::ChangeReport;

use super::{Beginning, Ongoing, RecordError, RecordSettings, RunId, RunName, RunRecord};

/// The part of a record that holds its change report.
pub const REPORT: &str = "report";

/// The part that holds what each host has done, of a run that did not end well.
const JOURNAL: &str = "journal";

/// The number of the database's form.
const FORM: i64 = 2;

/// How long another program may hold the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes that a run takes beside its parts.
const ROW: u64 = 1024;

/// `parts` keeps what belongs to a run by name, compressed: its report, and what it needs to be
/// gone on with. While a run is on, that is in `journal`, as it comes.
const TABLES: &str = "
    PRAGMA auto_vacuum = INCREMENTAL;
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started TEXT NOT NULL,
        finished TEXT,
        mode TEXT NOT NULL,
        program TEXT NOT NULL,
        folder TEXT NOT NULL,
        playbooks TEXT NOT NULL,
        exit_code INTEGER,
        verdict TEXT,
        hosts INTEGER NOT NULL DEFAULT 0,
        changed INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS parts (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (run, kind)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS journal (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        lines TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 2;
    COMMIT;
";

const RUN: &str = "SELECT id, started, finished, mode, program, folder, playbooks, exit_code, \
                   verdict, hosts, changed, failed, \
                   EXISTS (SELECT 1 FROM journal WHERE run = runs.id) \
                   OR EXISTS (SELECT 1 FROM parts WHERE run = runs.id AND kind = 'journal') \
                   AS resumable FROM runs";

/// The records of a user.
#[derive(Debug)]
pub struct Records {
    connection: Connection,
    path: PathBuf,
    bound: u64,
}

impl Records {
    /// Opens the database, which is made where it is missing; only its owner can read it.
    ///
    /// # Errors
    ///
    /// It cannot be made or opened, or a newer program wrote it.
    pub fn open(settings: &RecordSettings) -> Result<Self, RecordError> {
        let path = settings.file.clone();
        let made = |source| RecordError::Make { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(made)?;
        }
        // SQLite gives its journal the permissions of the file
        File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| RecordError::Make { path: path.clone(), source })?;
        let records = Self::connect(&path, settings.bound, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if records.form()? < FORM {
            records.asked(records.connection.execute_batch(TABLES))?;
        }
        Ok(records)
    }

    /// Opens it to be read only; `None` where nothing was ever recorded.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or a newer program wrote it.
    pub fn read(settings: &RecordSettings) -> Result<Option<Self>, RecordError> {
        if !settings.file.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let records = Self::connect(&settings.file, settings.bound, flags)?;
        match records.form()? {
            0 => Ok(None),
            FORM => Ok(Some(records)),
            // what an older program wrote gets its present form
            _ => Self::open(settings).map(Some),
        }
    }

    fn connect(path: &Path, bound: u64, flags: OpenFlags) -> Result<Self, RecordError> {
        let wrong = |source| RecordError::Database { path: path.to_owned(), source };
        let connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
        connection.busy_timeout(PATIENCE).map_err(wrong)?;
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;")
            .map_err(wrong)?;
        if !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
            // a run does not wait for the disk: what it adds goes into the log, whole or not at all
            connection.execute_batch("PRAGMA journal_mode = WAL;").map_err(wrong)?;
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .map_err(wrong)?;
        }
        Ok(Self { connection, path: path.to_owned(), bound })
    }

    /// The number of its form; 0 for one without tables.
    fn form(&self) -> Result<i64, RecordError> {
        let found = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        let found: i64 = self.asked(found)?;
        match found > FORM {
            true => Err(RecordError::Newer { path: self.path.clone(), found }),
            false => Ok(found),
        }
    }

    fn asked<T>(&self, answer: rusqlite::Result<T>) -> Result<T, RecordError> {
        answer.map_err(|source| RecordError::Database { path: self.path.clone(), source })
    }

    /// Notes that a run begins.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn begin(&self, beginning: &Beginning) -> Result<RunId, RecordError> {
        let Beginning { started, mode, program, folder, playbooks } = beginning;
        let playbooks = serde_json::to_string(playbooks).unwrap_or_default();
        let done = self.connection.execute(
            "INSERT INTO runs (started, mode, program, folder, playbooks) VALUES (?, ?, ?, ?, ?)",
            params![started, word(*mode), program, folder, playbooks],
        );
        self.asked(done)?;
        Ok(RunId(self.connection.last_insert_rowid()))
    }

    /// Keeps more of what each host has done while a run is on.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn note(&self, run: RunId, lines: &str) -> Result<(), RecordError> {
        let done = self
            .connection
            .prepare(
                "INSERT INTO journal (run, number, lines) VALUES \
                 (?1, (SELECT coalesce(max(number), 0) + 1 FROM journal WHERE run = ?1), ?2)",
            )
            .and_then(|mut statement| statement.execute(params![run.0, lines]));
        self.asked(done).map(drop)
    }

    /// What each host has done in a run that did not end well; `None` for another one.
    ///
    /// # Errors
    ///
    /// As [`Self::attached`].
    pub fn journal(&self, run: RunId) -> Result<Option<String>, RecordError> {
        if let Some(text) = self.attached(run, JOURNAL)? {
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
        let all = || -> rusqlite::Result<Vec<String>> {
            let sql = "SELECT lines FROM journal WHERE run = ? ORDER BY number";
            self.connection.prepare(sql)?.query_map([run.0], |row| row.get(0))?.collect()
        };
        let lines = self.asked(all())?;
        Ok((!lines.is_empty()).then(|| lines.concat()))
    }

    /// Another run has gone on with this one, or it ended well: it is not gone on with.
    fn forget_journal(&self, run: RunId) -> Result<(), RecordError> {
        let gone =
            self.connection.execute("DELETE FROM journal WHERE run = ?", [run.0]).and_then(|_| {
                let sql = "DELETE FROM parts WHERE run = ? AND kind = ?";
                self.connection.execute(sql, params![run.0, JOURNAL])
            });
        self.asked(gone).map(drop)
    }

    /// The newest run that can be gone on with, apart from those that are on.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn newest_resumable(&self) -> Result<Option<RunRecord>, RecordError> {
        let sql = format!("{RUN} WHERE resumable ORDER BY id DESC");
        let first = || -> rusqlite::Result<Option<RunRecord>> {
            let mut statement = self.connection.prepare(&sql)?;
            let mut runs = statement.query_map([], |row| self.record(row))?;
            runs.find(|run| !run.as_ref().is_ok_and(|run| run.on)).transpose()
        };
        self.asked(first())
    }

    /// From now on this process works on a run; `None` where another one does.
    ///
    /// # Errors
    ///
    /// The lock cannot be made.
    pub fn work_on(&self, run: RunId) -> Result<Option<Ongoing>, RecordError> {
        Ongoing::begin(&self.path, run)
    }

    /// Keeps the report of a run that is over, and lets the oldest runs go. What each host has done
    /// stays where the run did not end well, and goes of the run that it went on with.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn finish(
        &self,
        run: RunId,
        report: &ChangeReport,
        went_on_with: Option<RunId>,
    ) -> Result<(), RecordError> {
        let digest = Digest::of(report);
        let broken = |source| RecordError::Broken { run: run.0, source };
        let data = packed_json(report).map_err(broken)?;
        let done = self.connection.execute_batch("BEGIN IMMEDIATE");
        self.asked(done)?;
        let kept = self
            .keep(run, report, &digest, &data)
            .and_then(|()| self.settle(run, report.exit_code == Some(0)))
            .and_then(|()| went_on_with.map_or(Ok(()), |before| self.forget_journal(before)));
        let end = if kept.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.asked(self.connection.execute_batch(end));
        kept.and(ended)?;
        self.prune()
    }

    fn keep(
        &self,
        run: RunId,
        report: &ChangeReport,
        digest: &Digest,
        data: &[u8],
    ) -> Result<(), RecordError> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let done = self.connection.execute(
            "UPDATE runs SET finished = ?, exit_code = ?, verdict = ?, hosts = ?, changed = ?, \
             failed = ? WHERE id = ?",
            params![
                report.finished,
                report.exit_code,
                digest.verdict(report),
                count(digest.hosts),
                count(digest.changed),
                count(digest.failed + digest.unreachable),
                run.0
            ],
        );
        self.asked(done)?;
        self.put(run, REPORT, data)
    }

    /// What each host has done is packed, or goes when all is done.
    fn settle(&self, run: RunId, ended_well: bool) -> Result<(), RecordError> {
        let journal = match ended_well {
            true => None,
            false => self.journal(run)?,
        };
        self.forget_journal(run)?;
        journal.map_or(Ok(()), |journal| self.attach(run, JOURNAL, journal.as_bytes()))
    }

    fn put(&self, run: RunId, kind: &str, data: &[u8]) -> Result<(), RecordError> {
        let done = self.connection.execute(
            "INSERT OR REPLACE INTO parts (run, kind, data) VALUES (?, ?, ?)",
            params![run.0, kind, data],
        );
        self.asked(done).map(drop)
    }

    /// Keeps something else that belongs to a run; what was there by this name is replaced.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn attach(&self, run: RunId, kind: &str, text: &[u8]) -> Result<(), RecordError> {
        let data = packed(text).map_err(|source| RecordError::Broken { run: run.0, source })?;
        self.put(run, kind, &data)
    }

    /// What belongs to a run by this name.
    ///
    /// # Errors
    ///
    /// The database cannot be read, or the data is broken.
    pub fn attached(&self, run: RunId, kind: &str) -> Result<Option<Vec<u8>>, RecordError> {
        let found = self
            .connection
            .query_row(
                "SELECT data FROM parts WHERE run = ? AND kind = ?",
                params![run.0, kind],
                |row| row.get::<_, Vec<u8>>(0),
            )
            .optional();
        let Some(data) = self.asked(found)? else { return Ok(None) };
        let mut text = Vec::new();
        ZlibDecoder::new(data.as_slice())
            .read_to_end(&mut text)
            .map_err(|source| RecordError::Broken { run: run.0, source })?;
        Ok(Some(text))
    }

    /// The change report of a run; `None` for one that was cut off before it had any.
    ///
    /// # Errors
    ///
    /// As [`Self::attached`].
    pub fn report(&self, run: RunId) -> Result<Option<ChangeReport>, RecordError> {
        let Some(text) = self.attached(run, REPORT)? else { return Ok(None) };
        let read = serde_json::from_slice(&text);
        read.map(Some).map_err(|error| RecordError::Broken { run: run.0, source: error.into() })
    }

    /// Which run a name means.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn find(&self, name: RunName) -> Result<RunRecord, RecordError> {
        let (found, told) = match name {
            RunName::Number(run) => {
                let sql = format!("{RUN} WHERE id = ?");
                (self.connection.query_row(&sql, [run.0], |row| self.record(row)), run.to_string())
            }
            RunName::Last(back) => {
                let sql = format!("{RUN} ORDER BY id DESC LIMIT 1 OFFSET ?");
                (
                    self.connection.query_row(&sql, [back], |row| self.record(row)),
                    format!("last~{back}"),
                )
            }
        };
        self.asked(found.optional())?.ok_or(RecordError::NoRun(told))
    }

    /// The newest runs, the newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn newest(&self, most: u32) -> Result<Vec<RunRecord>, RecordError> {
        let all = || {
            let sql = format!("{RUN} ORDER BY id DESC LIMIT ?");
            self.connection.prepare(&sql)?.query_map([most], |row| self.record(row))?.collect()
        };
        self.asked(all())
    }

    /// Lets the oldest runs go until the rest is within the bound; the newest one stays.
    fn prune(&self) -> Result<(), RecordError> {
        let bound = i64::try_from(self.bound).unwrap_or(i64::MAX);
        let row = i64::try_from(ROW).unwrap_or(i64::MAX);
        let gone = self.connection.execute(
            "DELETE FROM runs WHERE id <> (SELECT max(id) FROM runs) AND id IN (
                SELECT id FROM (
                    SELECT id, sum(bytes) OVER (ORDER BY id DESC) AS total FROM (
                        SELECT id, ?2
                            + coalesce((SELECT sum(length(data)) FROM parts WHERE run = id), 0)
                            + coalesce((SELECT sum(length(lines)) FROM journal WHERE run = id), 0)
                            AS bytes
                        FROM runs
                    )
                ) WHERE total > ?1
             )",
            params![bound, row],
        );
        if self.asked(gone)? > 0 {
            self.asked(self.connection.execute_batch("PRAGMA incremental_vacuum;"))?;
        }
        Ok(())
    }

    fn record(&self, row: &Row<'_>) -> rusqlite::Result<RunRecord> {
        let mode: String = row.get(3)?;
        let playbooks: String = row.get(6)?;
        let count = |place: usize| row.get::<_, i64>(place).map(i64::unsigned_abs);
        let id = RunId(row.get(0)?);
        Ok(RunRecord {
            id,
            started: row.get(1)?,
            finished: row.get(2)?,
            mode: if mode == "rehearsal" { RunMode::Rehearsal } else { RunMode::Apply },
            program: row.get(4)?,
            folder: row.get(5)?,
            playbooks: serde_json::from_str(&playbooks).unwrap_or_default(),
            exit_code: row.get(7)?,
            verdict: row.get(8)?,
            hosts: count(9)?,
            changed: count(10)?,
            failed: count(11)?,
            resumable: row.get(12)?,
            on: Ongoing::is(&self.path, id),
        })
    }
}

/// A report as packed JSON; unpacked it may be of many megabytes, which never lie in memory.
fn packed_json(report: &ChangeReport) -> std::io::Result<Vec<u8>> {
    let mut packer = BufWriter::new(ZlibEncoder::new(Vec::new(), Compression::fast()));
    serde_json::to_writer(&mut packer, report)?;
    packer.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()
}

fn packed(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text)?;
    packer.finish()
}

fn word(mode: RunMode) -> &'static str {
    match mode {
        RunMode::Apply => "apply",
        RunMode::Rehearsal => "rehearsal",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::report::event::Status;
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Run, changed, names, outcome};

    fn report(lines: usize) -> ChangeReport {
        let hosts = names("web", 2);
        let mut run = Run::new(RunMode::Apply, &hosts);
        let task = run.task("page", "copy");
        // what does not shrink when it is packed
        let text: Vec<String> = (0..lines).map(|line| format!("{:x}\n", line * 7919)).collect();
        for host in &hosts {
            run.host(task, host, changed("/x", "", &text.concat()));
        }
        let task = run.task("rest", "command");
        run.host(task, "web01", outcome(Status::Failed));
        let mut gatherer = Gatherer::new();
        for event in run.finish(2) {
            gatherer.event(&event);
        }
        gatherer.report()
    }

    fn beginning() -> Beginning {
        Beginning {
            started: "2026-11-26T15:33:04Z".to_owned(),
            mode: RunMode::Apply,
            program: "canvass play".to_owned(),
            folder: "/srv".to_owned(),
            playbooks: vec!["site.yml".to_owned()],
        }
    }

    #[test]
    fn a_run_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/canvass/records.db");
        let settings = RecordSettings { file: file.clone(), bound: 1 << 20 };
        assert!(Records::read(&settings).unwrap().is_none());
        let records = Records::open(&settings).unwrap();
        let run = records.begin(&beginning()).unwrap();
        assert_eq!(records.report(run).unwrap(), None);
        records.attach(run, "resume", b"where each host stands").unwrap();
        let report = report(3);
        records.finish(run, &report, None).unwrap();
        let read = Records::read(&settings).unwrap().unwrap();
        assert_eq!(read.report(run).unwrap(), Some(report));
        assert_eq!(read.attached(run, "resume").unwrap().unwrap(), b"where each host stands");
        let found = read.find(RunName::Last(0)).unwrap();
        assert_eq!(found, read.find(RunName::Number(run)).unwrap());
        assert_eq!((found.hosts, found.changed, found.failed), (2, 2, 1));
        assert_eq!(found.verdict.as_deref(), Some("1 host failed, 1 task changed 2 hosts"));
        assert!(read.find(RunName::Last(1)).is_err());
        assert!(read.begin(&beginning()).is_err(), "it is read only");
        for path in [file.clone(), file.parent().unwrap().to_owned()] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{path:?}");
        }
    }

    #[test]
    fn what_hosts_have_done_stays_until_all_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let settings = RecordSettings { file: folder.path().join("records.db"), bound: 1 << 20 };
        let records = Records::open(&settings).unwrap();
        let began = || {
            let run = records.begin(&beginning()).unwrap();
            records.note(run, "one\n").unwrap();
            records.note(run, "two\n").unwrap();
            run
        };
        let kept = |run| records.journal(run).unwrap();
        let broke_off = began();
        let failed = began();
        let both = Some("one\ntwo\n".to_owned());
        records.finish(failed, &report(1), None).unwrap();
        assert_eq!((kept(broke_off), kept(failed)), (both.clone(), both.clone()));
        let newest = || records.newest_resumable().unwrap().map(|run| run.id);
        assert_eq!(newest(), Some(failed));
        let second = began();
        let well = ChangeReport { exit_code: Some(0), ..report(1) };
        records.finish(second, &well, Some(failed)).unwrap();
        assert_eq!((kept(second), kept(failed), kept(broke_off)), (None, None, both));
        assert_eq!(newest(), Some(broke_off));
        let listed: Vec<bool> = records.newest(9).unwrap().iter().map(|r| r.resumable).collect();
        assert_eq!(listed, [false, false, true]);
    }

    #[test]
    fn the_oldest_runs_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records.db");
        let records =
            Records::open(&RecordSettings { file: file.clone(), bound: 200_000 }).unwrap();
        let report = report(3000);
        for _ in 0..40 {
            let run = records.begin(&beginning()).unwrap();
            records.finish(run, &report, None).unwrap();
        }
        let left = records.newest(100).unwrap();
        assert!(left.len() > 1 && left.len() < 40, "{}", left.len());
        assert_eq!(left[0].id, RunId(40));
        assert!(fs::metadata(&file).unwrap().len() < 500_000);
        let small = Records::open(&RecordSettings { file, bound: 1 }).unwrap();
        let run = small.begin(&beginning()).unwrap();
        small.finish(run, &report, None).unwrap();
        assert_eq!(small.newest(100).unwrap().len(), 1);
    }

    #[test]
    fn what_a_newer_program_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = RecordSettings { file: folder.path().join("records.db"), bound: 1 };
        let records = Records::open(&settings).unwrap();
        records.connection.execute_batch("PRAGMA user_version = 99").unwrap();
        let error = Records::open(&settings).unwrap_err();
        assert!(matches!(error, RecordError::Newer { found: 99, .. }), "{error}");
        let broken = RecordSettings { file: folder.path().join("broken.db"), bound: 1 };
        fs::write(&broken.file, "no database at all, but long enough to be looked at").unwrap();
        let error = Records::open(&broken).unwrap_err().told();
        assert!(error.contains("broken.db") && error.contains("not a database"), "{error}");
    }
}

//! Jobs: a task that goes on when the channel is gone, and leaves its result in a file.
//!
//! The runner starts itself again as `canvass-runner job` in a session of its own and hands it
//! the request through a pipe, so nothing of the task but its result touches the disk. The file
//! has the form and the place of Ansible's (`~/.ansible_async/ID`); only its owner can read it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::run;
use crate::execute::Executed;
use crate::host::live::{Interrupt, LiveHost, NoSources, RequestSources};
use crate::module::expansion;
use crate::wire::{Detach, Status, TaskRequest};

/// Starts a job for one item, and says under which name it goes.
pub(super) fn start(
    task: &TaskRequest,
    arguments: &Map<String, Json>,
    host: &mut LiveHost,
) -> Executed {
    let started = task.detach.clone().ok_or_else(|| io::Error::other("no job")).and_then(|job| {
        let directory = expansion::text(&job.directory, host).map_err(io::Error::other)?;
        let detach = Some(Detach { directory, ..job });
        launch(&TaskRequest { detach, items: vec![arguments.clone()], ..task.clone() })
    });
    let (status, returned) = match started {
        Ok((name, path)) => {
            let told = json!({
                "started": true,
                "finished": false,
                "ansible_job_id": name,
                "results_file": path,
            });
            (Status::Changed, told)
        }
        Err(error) => (Status::Failed, json!({"msg": format!("could not start the job: {error}")})),
    };
    let returned = returned.as_object().cloned().unwrap_or_default();
    Executed { returned, ..Executed::new(status) }
}

/// Starts the process and waits until it stands on its own.
fn launch(task: &TaskRequest) -> io::Result<(String, String)> {
    let mut child = Command::new("/proc/self/exe")
        .arg("job")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        serde_json::to_writer(&mut input, task)?;
        input.flush()?;
    }
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let name = job_name(task, child.id());
    // collects it when it ends before the runner does
    std::thread::Builder::new().name("job".to_owned()).spawn(move || {
        let _ = child.wait();
    })?;
    match line.trim_end().split_once(' ') {
        Some(("at", path)) => Ok((name, path.to_owned())),
        Some((_, reason)) => Err(io::Error::other(reason.to_owned())),
        None => Err(io::Error::other("it ended at once")),
    }
}

fn job_name(task: &TaskRequest, process: u32) -> String {
    let prefix = task.detach.as_ref().map(|detach| detach.job.as_str()).unwrap_or_default();
    format!("{prefix}.{process}")
}

/// The job's own process: reads the request, stands on its own, works, leaves the result.
pub fn work(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut request = Vec::new();
    input.read_to_end(&mut request)?;
    let task: TaskRequest = serde_json::from_slice(&request)?;
    // a leader of its group already is one that nobody ends with the runner
    let _ = rustix::process::setsid();
    let record = match Record::create(&task) {
        Ok(record) => Arc::new(record),
        Err(error) => return writeln!(output, "failed {error}"),
    };
    writeln!(output, "at {}", record.path.display())?;
    output.flush()?;
    let interrupt = Arc::new(Interrupt::new());
    let limit = task.detach.as_ref().map_or(0, |detach| detach.limit);
    watch(limit, Arc::clone(&record), Arc::clone(&interrupt))?;
    let mut host = LiveHost::new(interrupt);
    host.begin(task.environment, Box::new(RequestSources::new(task.sources, Box::new(NoSources))));
    let arguments = task.items.into_iter().next().unwrap_or_default();
    let executed = run(&task.module, &mut host, &arguments, task.diff, None);
    record.finish(result(executed))
}

/// Ends the job when its time is over.
fn watch(limit: u64, record: Arc<Record>, interrupt: Arc<Interrupt>) -> io::Result<()> {
    std::thread::Builder::new().name("limit".to_owned()).spawn(move || {
        // who polls gives up first, as with Ansible's supervisor, which looks now and then
        std::thread::sleep(Duration::from_secs(limit).saturating_add(Duration::from_secs(1)));
        interrupt.end_everything();
        let told = json!({
            "msg": "Timeout exceeded",
            "failed": true,
            "child_pid": std::process::id(),
        });
        let _ = record.finish(told.as_object().cloned().unwrap_or_default());
        std::process::exit(1);
    })?;
    Ok(())
}

/// A result as a module prints it.
fn result(executed: Executed) -> Map<String, Json> {
    let mut told = executed.returned;
    match executed.status {
        Status::Failed => {
            told.insert("failed".to_owned(), Json::from(true));
            told.entry("changed").or_insert(Json::from(false));
        }
        status => {
            told.insert("changed".to_owned(), Json::from(status == Status::Changed));
        }
    }
    told
}

/// The file that holds the result.
struct Record {
    path: PathBuf,
    /// Whether the last word is said.
    over: Mutex<bool>,
}

impl Record {
    fn create(task: &TaskRequest) -> io::Result<Self> {
        let directory = task.detach.as_ref().map(|detach| detach.directory.as_str());
        let directory = Path::new(directory.unwrap_or("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
            io::Error::other(format!(
                "could not create directory: {}: {error}",
                directory.display()
            ))
        })?;
        let name = job_name(task, std::process::id());
        let record = Self { path: directory.join(&name), over: Mutex::new(false) };
        record.write(&json!({"started": true, "finished": false, "ansible_job_id": name}))?;
        Ok(record)
    }

    /// Leaves the result; the first one counts.
    fn finish(&self, result: Map<String, Json>) -> io::Result<()> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *over, true) {
            return Ok(());
        }
        self.write(&Json::Object(result))
    }

    fn write(&self, content: &Json) -> io::Result<()> {
        let beside = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        serde_json::to_writer(&mut file, content)?;
        std::fs::rename(&beside, &self.path)
    }
}

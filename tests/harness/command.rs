//! Running the binary: its whole output, a time limit, Ctrl-C at a given moment.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// What a process said and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// The binary under test, free of what the environment of the tests would tell it.
pub(crate) fn canvass(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canvass"));
    quiet(&mut command, home);
    command
}

/// A small environment that is the same everywhere.
pub(crate) fn quiet(command: &mut Command, home: &Path) {
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    command.env("HOME", home).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("COLUMNS", "80");
    command.env("NO_COLOR", "1").env("TERM", "dumb");
}

/// How a process is watched.
pub(crate) struct Watch<'a> {
    /// It must end in this time.
    pub(crate) within: Duration,
    /// It is sent SIGINT when this holds.
    pub(crate) interrupt_when: Option<&'a dyn Fn() -> bool>,
    /// Its standard input.
    pub(crate) stdin: &'a str,
}

/// Runs to the end.
pub(crate) fn run(mut command: Command, watch: &Watch<'_>) -> Result<Ended> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}", command.get_program().display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        use std::io::Write as _;
        // a program that reads nothing is no error
        let _ = stdin.write_all(watch.stdin.as_bytes());
    }
    let output = listen(child.stdout.take());
    let errors = listen(child.stderr.take());
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let started = Instant::now();
    let mut interrupted = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let (Some(holds), Some(pid), false) = (watch.interrupt_when, pid, interrupted)
            && holds()
        {
            kill_process(pid, Signal::INT)?;
            interrupted = true;
        }
        if started.elapsed() > watch.within {
            child.kill()?;
            child.wait()?;
            bail!(
                "did not end within {:?}\n--- stdout\n{}\n--- stderr\n{}",
                watch.within,
                output.finish(),
                errors.finish()
            );
        }
        thread::sleep(Duration::from_millis(5));
    };
    if watch.interrupt_when.is_some() && !interrupted {
        bail!("ended before it could be interrupted");
    }
    Ok(Ended { code: status.code(), stdout: output.finish(), stderr: errors.finish() })
}

/// A stream that is read to its end beside the process.
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

fn listen(stream: Option<impl Read + Send + 'static>) -> Stream {
    let text = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&text);
    let reader = thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer)
            && count > 0
        {
            if let (Ok(mut heard), Some(bytes)) = (heard.lock(), buffer.get(..count)) {
                heard.extend_from_slice(bytes);
            }
        }
    });
    Stream { text, reader }
}

impl Stream {
    fn finish(self) -> String {
        let Self { text, reader } = self;
        let _ = reader.join();
        let text = text.lock().map(|text| text.clone()).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

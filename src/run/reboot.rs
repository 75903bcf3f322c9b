//! Starts a host anew: the command, then the wait until another start of it works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use canvass_modules::wire::Mode;
use serde_json::{Map, Value as Json};

use crate::connection::{ConnectionError, Output, Target, Transport};

use super::action::Reboot;
use super::job::{Job, Setting};
use super::outcome::{TaskResult, Verdict};

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(12);

/// The longest wait for the answer of a host that may be gone.
const ANSWER: Duration = Duration::from_secs(20);

impl Job {
    /// Does what the action says.
    pub(super) async fn rebooted(&self, setting: &Arc<Setting>, how: &Reboot) -> TaskResult {
        if setting.target.transport == Transport::Local {
            let message = format!(
                "Running {} with local connection would reboot the control node.",
                how.written
            );
            return ended(Verdict::Failed, false, Duration::ZERO, Some(message));
        }
        if setting.mode != Mode::Apply {
            self.script_rehearsed(setting, &how.written, "a host that starts anew may be another");
            return ended(Verdict::Changed, true, Duration::ZERO, None);
        }
        if let Err(held) = self.script_agrees(setting, &how.written).await {
            return *held;
        }
        let asker = Asker { job: self, setting, how, target: setting.target.clone() };
        match asker.reboot().await {
            Ok(result) => result,
            Err(message) => TaskResult::failed(message),
        }
    }
}

fn ended(verdict: Verdict, rebooted: bool, took: Duration, message: Option<String>) -> TaskResult {
    let mut returned = Map::new();
    returned.insert("rebooted".to_owned(), Json::from(rebooted));
    returned.insert("elapsed".to_owned(), Json::from(took.as_secs()));
    if let Some(message) = message {
        returned.insert("msg".to_owned(), Json::from(message));
    }
    TaskResult::new(verdict, returned)
}

/// What is to be true of the host.
enum Wanted<'a> {
    /// It is another start than this.
    AnotherStart(&'a str),
    /// The test succeeds.
    Works,
}

/// Asks one host.
struct Asker<'a> {
    job: &'a Job,
    setting: &'a Setting,
    how: &'a Reboot,
    target: Target,
}

impl Asker<'_> {
    async fn reboot(mut self) -> Result<TaskResult, String> {
        let how = self.how;
        let release = self.run("cat /etc/os-release 2>/dev/null; true", ANSWER).await;
        let release = release.map_err(|error| error.to_string())?;
        let distribution = distribution(&text(&release.stdout));
        let before = match self.boot_time().await {
            Ok(before) => before,
            Err(message) => {
                let mut result = TaskResult::failed(message);
                // so the action names it here
                result.result.insert("reboot".to_owned(), Json::from(false));
                return Ok(result);
            }
        };
        let (program, arguments) = how.program(&distribution);
        let program = self.found(program).await?;
        let script = format!("{program} {arguments}");
        let answer = self.run(script.trim_end(), ANSWER).await;
        let started = Instant::now();
        if let Ok(output) = &answer
            && output.status != 0
        {
            let (said, error) = (text(&output.stdout), text(&output.stderr));
            let message =
                format!("Reboot command failed. Error was: '{}, {}'", said.trim(), error.trim());
            return Ok(ended(Verdict::Failed, false, started.elapsed(), Some(message)));
        }
        tokio::time::sleep(how.post_delay).await;
        if let Some(connect) = how.connect {
            self.target.connect_timeout = connect;
        }
        for (wanted, what) in [
            (Wanted::AnotherStart(&before), "last boot time check"),
            (Wanted::Works, "post-reboot test command"),
        ] {
            if !self.comes_true(&wanted).await {
                let bound = how.timeout.as_secs();
                let message = format!("Timed out waiting for {what} (timeout={bound})");
                return Ok(ended(Verdict::Failed, true, started.elapsed(), Some(message)));
            }
        }
        // the runner of the start before is gone
        self.job.play.run.pool.reset(&self.target).await;
        Ok(ended(Verdict::Changed, true, started.elapsed(), None))
    }

    async fn run(&self, script: &str, limit: Duration) -> Result<Output, ConnectionError> {
        let pool = &self.job.play.run.pool;
        pool.raw(&self.target, &self.setting.privilege, script, Some(limit)).await
    }

    async fn boot_time(&self) -> Result<String, String> {
        let answer = self.run(&self.how.boot_time_command, ANSWER).await;
        let output = answer.map_err(|error| error.to_string())?;
        if output.status == 0 {
            return Ok(text(&output.stdout).trim().to_owned());
        }
        Err(format!(
            "{}: failed to get host boot time info, rc: {}, stdout: {}, stderr: {}",
            self.how.written,
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        ))
    }

    /// The path of a program of the host.
    async fn found(&self, program: String) -> Result<String, String> {
        if program.starts_with('/') {
            return Ok(program);
        }
        let answer = self.run(&self.how.search(&program), ANSWER).await;
        let output = answer.map_err(|error| error.to_string())?;
        let path = text(&output.stdout).trim().to_owned();
        if path.is_empty() {
            let paths: Vec<String> =
                self.how.search_paths.iter().map(|path| format!("'{path}'")).collect();
            return Err(format!(
                "Task failed: Unable to find command \"{program}\" in search paths: [{}]",
                paths.join(", ")
            ));
        }
        Ok(path)
    }

    /// Tries until it is so; waits longer each time.
    async fn comes_true(&self, wanted: &Wanted<'_>) -> bool {
        let started = Instant::now();
        let mut wait = Duration::from_secs(1);
        while started.elapsed() < self.how.timeout {
            if self.is_so(wanted).await {
                return true;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST);
        }
        false
    }

    async fn is_so(&self, wanted: &Wanted<'_>) -> bool {
        let (script, limit) = match wanted {
            Wanted::AnotherStart(_) => (&self.how.boot_time_command, ANSWER),
            Wanted::Works => (&self.how.test_command, self.how.timeout.max(ANSWER)),
        };
        match self.run(script, limit).await {
            Ok(output) => {
                let said = text(&output.stdout);
                let another = match wanted {
                    Wanted::AnotherStart(before) => {
                        !said.trim().is_empty() && said.trim() != *before
                    }
                    Wanted::Works => true,
                };
                output.status == 0 && another
            }
            Err(_) => {
                self.job.play.run.pool.reset(&self.target).await;
                false
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `ID` of `os-release`.
fn distribution(release: &str) -> String {
    let line = release.lines().find_map(|line| line.strip_prefix("ID="));
    line.unwrap_or_default().trim_matches('"').to_owned()
}

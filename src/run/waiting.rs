//! Tasks that wait: for someone, for some time, for a host.

use std::sync::Arc;
use std::time::Instant;

use canvass_modules::wire::{Bond, Fetching, Mode, Streaming, TaskRequest, Witness};
use serde_json::Map;

use crate::connection::Hearers;
use crate::report::event::Level;

use super::action::{Pause, Reconnect, pause_clock};
use super::job::{Job, Setting, blocking};
use super::outcome::{TaskResult, Verdict};

impl Job {
    /// Asks someone, or lets time pass; a dry run does neither.
    pub(super) async fn paused(&self, setting: &Setting, pause: Pause) -> TaskResult {
        let (started, _) = pause_clock();
        let mut answer = None;
        if setting.mode == Mode::Apply {
            if let Some(wait) = pause.wait {
                self.play.run.notice(Level::Info, pause.announced.as_str(), None);
                tokio::time::sleep(wait).await;
            }
            if pause.is_question() {
                // who is asked has the screen alone
                self.play.run.caught_up().await;
                let pause = Arc::new(pause);
                let asked = Arc::clone(&pause);
                answer = blocking(move || asked.ask()).await;
                if answer.is_none() {
                    self.play.run.notice(
                        Level::Warning,
                        "Not waiting for response to prompt as stdin is not interactive",
                        None,
                    );
                }
                return TaskResult::from_finished(
                    pause.finish(started, answer.as_deref().unwrap_or_default()),
                );
            }
        }
        TaskResult::from_finished(pause.finish(started, answer.as_deref().unwrap_or_default()))
    }

    /// Connects anew until the host answers.
    pub(super) async fn reconnected(&self, setting: &Arc<Setting>, how: Reconnect) -> TaskResult {
        if setting.mode != Mode::Apply {
            return TaskResult::new(Verdict::Skipped, Map::new());
        }
        let started = Instant::now();
        tokio::time::sleep(how.delay).await;
        let trying = Instant::now();
        let mut target = setting.target.clone();
        target.connect_timeout = how.connect;
        let mut result = loop {
            self.play.run.pool.reset(&target).await;
            let request = ping(setting);
            let pool = &self.play.run.pool;
            match pool
                .task(&target, &setting.privilege, request, Vec::new(), Hearers::default())
                .await
            {
                Ok(_) => break TaskResult::new(Verdict::Ok, Map::new()),
                Err(error) if trying.elapsed() + how.sleep >= how.timeout => {
                    let text = format!("timed out waiting for ping module test: {error}");
                    break TaskResult::failed(text);
                }
                Err(_) => {}
            }
            tokio::time::sleep(how.sleep).await;
        };
        result.set("elapsed", started.elapsed().as_secs());
        result
    }
}

fn ping(setting: &Setting) -> TaskRequest {
    TaskRequest {
        id: 0,
        module: "ansible.builtin.ping".to_owned(),
        mode: Mode::Apply,
        diff: false,
        diff_limit: None,
        environment: setting.environment.clone(),
        items: vec![Map::new()],
        bond: Bond::None,
        rehearsed: Vec::new(),
        timeout: None,
        sources: Vec::new(),
        follows: None,
        detach: None,
        witness: Witness::None,
        streaming: Streaming::Off,
        fetching: Fetching::On,
    }
}

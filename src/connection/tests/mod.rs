//! Connections against real programs: shells, `sshd`, `ssh`.

mod bootstrap;
mod lab;
mod local;
mod server;
mod sshd;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use canvass_modules::wire::{ItemReply, Mode, TaskRequest, Witness};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::ssh_config::{ConfigFiles, Home};
use super::*;

/// Settings of a run whose user has this home and no agent.
fn settings(home: &Path) -> ConnectorSettings {
    ConnectorSettings {
        home: Home {
            directory: home.to_owned(),
            user: "root".into(),
            uid: "0".into(),
            host_name: "here".into(),
            variables: HashMap::new(),
        },
        files: ConfigFiles { user: Some(home.join(".ssh/config")), system: None },
        ..ConnectorSettings::of_process()
    }
}

/// A task for one module with one item.
fn task(id: u64, module: &str, arguments: Json) -> TaskRequest {
    TaskRequest {
        id,
        module: module.into(),
        mode: Mode::Apply,
        diff: false,
        diff_limit: None,
        environment: BTreeMap::new(),
        items: vec![arguments.as_object().cloned().unwrap_or_default()],
        bond: canvass_modules::wire::Bond::None,
        rehearsed: Vec::new(),
        timeout: None,
        sources: Vec::new(),
        follows: None,
        detach: None,
        witness: Witness::None,
        streaming: canvass_modules::wire::Streaming::Off,
        fetching: canvass_modules::wire::Fetching::On,
    }
}

/// Lets a runner do a task and gives its replies.
async fn run(runner: &Runner, request: TaskRequest) -> Result<Vec<ItemReply>, ConnectionError> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    runner.task(request, Vec::new(), sender).await?;
    let mut replies = Vec::new();
    while let Ok(reply) = receiver.try_recv() {
        replies.push(reply);
    }
    Ok(replies)
}

/// Pings a runner; its answer must be a pong.
async fn ping(runner: &Runner) {
    let replies =
        run(runner, task(7, "ansible.builtin.ping", json!({"data": "door"}))).await.unwrap();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].returned.get("ping"), Some(&json!("door")), "{replies:?}");
}

/// Says why a test does nothing.
#[expect(clippy::print_stderr, reason = "nobody else reports on tests")]
fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    eprintln!("skipped: {test}: {reason}");
}

fn connector(home: &Path) -> Arc<Connector> {
    Connector::new(settings(home))
}

/// The words of a problem.
fn words<T>(result: Result<T, ConnectionError>) -> String {
    match result {
        Ok(_) => panic!("must fail"),
        Err(error) => error.to_string(),
    }
}

//! A typed task becomes a run.

use std::time::Duration;

use serde_json::{Map, json};

use super::super::super::launch::{Bonds, Launch};
use super::super::super::read::Reader;
use super::super::super::{CommandError, block_on};
use super::super::{callbacks, run, talk};
use super::Console;
use crate::report::default::DefaultOptions;
use crate::report::event::RunMode;
use crate::report::human::Verbosity;
use crate::run::{DiffMode, RunSettings};
use crate::source::SourceFile;
use crate::template::Templar;

impl Console<'_> {
    /// Runs a module on the chosen hosts; what is wrong is told.
    pub(super) fn task(&self, module: &str, text: &str) {
        if let Err(error) = self.run_task(module, text) {
            error.diagnostics().iter().for_each(talk::diagnostic);
        }
    }

    fn run_task(&self, module: &str, text: &str) -> Result<(), CommandError> {
        let run = self.run_settings()?;
        let look =
            DefaultOptions { verbosity: Verbosity::from(self.verbosity), ..self.look.clone() };
        let templar = Templar::new();
        let paths = run::search_paths(self.settings, &self.module_path);
        let reader = Reader::new(paths, &templar, &run, talk::diagnostic).late();
        let file = self.folder.join("__console_playbook__");
        let playbooks = reader.given(&SourceFile::new(&file, self.play(module, text)))?;
        let word = match self.settings.text("DEFAULT_STDOUT_CALLBACK") {
            Some(word)
                if word != "default" && self.settings.boolean("DEFAULT_LOAD_CALLBACK_PLUGINS") =>
            {
                word
            }
            _ => "minimal".to_owned(),
        };
        let output = callbacks::output(&word, &look, self.settings)?;
        let launch = Launch {
            settings: run,
            playbooks,
            inventory: self.inventory.clone(),
            reader: &reader,
            consumers: vec![output],
            bonds: Bonds::default(),
        };
        // how it ended was told; the console goes on
        block_on(launch.run()).map(drop)
    }

    fn run_settings(&self) -> Result<RunSettings, CommandError> {
        let mut run = self.run.clone();
        run.mode = if self.check { RunMode::Rehearsal } else { RunMode::Apply };
        run.diff = if self.diff { DiffMode::On } else { DiffMode::Off };
        run.forks = self.forks;
        run.verbosity = self.verbosity;
        run.limit.clone_from(&self.limit);
        run.task_timeout = (self.timeout > 0).then(|| Duration::from_secs(self.timeout));
        Ok(run)
    }

    /// The playbook of one task.
    fn play(&self, module: &str, text: &str) -> String {
        let mut task = Map::new();
        let arguments = if text.is_empty() { json!(null) } else { json!(text) };
        task.insert(module.to_owned(), arguments);
        let mut play = Map::new();
        for (name, value) in [
            ("name", json!("Ansible Shell")),
            ("hosts", json!(self.pattern)),
            ("gather_facts", json!(false)),
            ("become", json!(self.r#become)),
            ("tasks", json!([task])),
        ] {
            play.insert(name.to_owned(), value);
        }
        for (name, value) in [
            ("remote_user", &self.remote_user),
            ("become_user", &self.become_user),
            ("become_method", &self.become_method),
        ] {
            if let Some(value) = value {
                play.insert(name.to_owned(), json!(value));
            }
        }
        if !self.collections.is_empty() {
            play.insert("collections".to_owned(), json!(self.collections));
        }
        json!([play]).to_string()
    }
}

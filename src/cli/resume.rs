//! `canvass resume`: goes on with a run that failed or broke off.

use std::process::ExitCode;
use std::sync::Arc;

use canvass_modules::host::sha256;
use clap::Args;

use crate::plan::{self, Hold, Key, UnknownSteps, inputs};
use crate::record::RunRecord;
use crate::report::event::RunMode;
use crate::run::{Keeper, Past};
use crate::source;

use super::journal::{self, Header};
use super::launch::{Bonds, Launch};
use super::lock::Lock;
use super::output::OutputArguments;
use super::plan::hosts;
use super::run_arguments::{Again, Prepared, RunArguments};
use super::{CommandError, block_on, say};

/// Arguments of `canvass resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run: its number (`canvass history`), or `last` for the newest that did not end well
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,

    /// Take the lock of the inventory; a run that holds it is named
    #[arg(long)]
    lock: bool,

    #[command(flatten)]
    again: Again,

    #[command(flatten)]
    output: OutputArguments,
}

/// Runs the command.
pub(crate) fn resume(arguments: &ResumeArguments) -> Result<ExitCode, CommandError> {
    let (record, header, past, _on) = journal::find(&arguments.run)?;
    std::env::set_current_dir(&header.folder).map_err(|error| {
        CommandError::other(format!("cannot go to `{}`: {error}", header.folder.display()), None)
    })?;
    let engine = env!("CARGO_PKG_VERSION");
    if header.engine != engine {
        let text = format!("the run was one of canvass {}, this is {engine}", header.engine);
        return Err(CommandError::other(text, Some("begin it anew")));
    }
    let mut run: RunArguments = serde_json::from_value(header.run.clone())
        .map_err(|error| CommandError::other(format!("the run's options: {error}"), None))?;
    arguments.again.give(&mut run, "run")?;
    let _lock = match arguments.lock {
        true => Some(Lock::take(&run.hosts.inventory, format!("resume {}", record.id))?),
        false => None,
    };
    block_on(Resuming { arguments, header, past: Arc::new(past), record, run }.go())
}

struct Resuming<'a> {
    arguments: &'a ResumeArguments,
    header: Header,
    past: Arc<Past>,
    record: RunRecord,
    run: RunArguments,
}

impl Resuming<'_> {
    async fn go(self) -> Result<ExitCode, CommandError> {
        source::inputs::watch();
        let root = self.header.folder.clone();
        let known = inputs::of(&self.past.inputs, &root);
        let changed = inputs::changed(&known, &root);
        let texts = |changed: &[inputs::Changed]| -> Vec<String> {
            changed.iter().map(ToString::to_string).collect()
        };
        let read = self.run.prepare(RunMode::Apply, &self.arguments.output).and_then(|prepared| {
            let inventory = self.run.inventory(&prepared.playbooks, None)?;
            Ok((prepared, inventory))
        });
        let (prepared, inventory) = match read {
            Err(_) if !changed.is_empty() => return Err(self.refused(&texts(&changed))),
            read => read?,
        };
        let mut reasons = texts(&changed);
        let unknown = inputs::unknown(&known, &source::inputs::noted(), &root);
        reasons.extend(texts(&unknown).into_iter().filter(|text| !texts(&changed).contains(text)));
        let present = hosts(&inventory);
        reasons.extend(super::apply::other_hosts(&self.header.hosts, &present));
        let keeper = self.keeper(&mut reasons)?;
        if !reasons.is_empty() {
            return Err(self.refused(&reasons));
        }
        for host in self.past.hosts() {
            say(&format!("{host}: {} steps are done", self.past.steps_of(host)));
        }
        let mut header = Header::of(&self.run, present)?;
        header.plan.clone_from(&self.header.plan);
        header.held.clone_from(&self.header.held);
        let recording = self.arguments.output.recording("canvass resume", Some(self.record.id))?;
        let consumers = self.arguments.output.consumers(recording.as_ref())?;
        let past = Some(Arc::clone(&self.past));
        // without a record there is no other run to go on with, but this one still goes on
        let journal = match recording {
            Some(recording) => header.begin(past, recording),
            None => header.begin_unkept(past),
        };
        let Prepared { settings, playbooks, reader } = prepared;
        let launch = Launch {
            settings,
            playbooks,
            inventory,
            reader: &reader,
            consumers,
            bonds: Bonds { keeper, journal: Some(journal), held: self.header.held.clone() },
        };
        let end = launch.end().await?;
        Ok(ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1)))
    }

    /// The plan that the run was held to holds it still.
    fn keeper(&self, reasons: &mut Vec<String>) -> Result<Option<Arc<dyn Keeper>>, CommandError> {
        let Some(name) = &self.header.plan else { return Ok(None) };
        let (plan, bytes) =
            plan::read(&name.file).map_err(|error| CommandError::caused(&error, None))?;
        if sha256(&bytes) != name.sha256 {
            reasons.push(format!("`{}` has changed", name.file.display()));
        }
        let key = Key::open(&plan.key).map_err(|error| CommandError::caused(&error, None))?;
        let unknown = match name.strict_unknown {
            true => UnknownSteps::Refused,
            false => UnknownSteps::Shown,
        };
        let root = self.header.folder.clone();
        Ok(Some(Arc::new(Hold::new(&plan, key, root, name.on_drift, unknown))))
    }

    fn refused(&self, reasons: &[String]) -> CommandError {
        let run = self.record.id;
        let text = format!("run {run} cannot go on: what it was made from is not the same");
        CommandError::other(
            std::iter::once(text).chain(reasons.iter().cloned()).collect::<Vec<_>>().join("\n  "),
            Some("begin it anew"),
        )
    }
}

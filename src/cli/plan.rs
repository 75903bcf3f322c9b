//! `canvass plan`: rehearses playbooks and keeps what they would do.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clap::Args;

use crate::inventory::LiveInventory;
use crate::lab::Lab;
use crate::plan::{self, Key, Plan, Recorder, SCHEMA, inputs, signature};
use crate::report::Consumer;
use crate::report::event::{Event, RunMode};
use crate::report::gather::Gatherer;
use crate::report::mask::MASK;
use crate::report::model::ChangeReport;
use crate::report::moment::rfc3339;
use crate::run::{Keeper, RunEnd};
use crate::{source, vault};

use super::launch::{Bonds, Launch};
use super::output::OutputArguments;
use super::play::detailed;
use super::run_arguments::{Prepared, RunArguments};
use super::{CommandError, say, switch};

/// Arguments of `canvass plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    plan: KeepArguments,

    #[command(flatten)]
    output: OutputArguments,
}

/// What becomes of the plan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan")]
struct KeepArguments {
    /// Write the plan to this file; without, it is only shown
    #[arg(short, long, value_name = "FILE", conflicts_with = "lab")]
    out: Option<PathBuf>,
    /// The plan is good for so long: `90m`, `2h`, `7d`
    #[arg(long, value_name = "TIME", requires = "out")]
    expires: Option<String>,
    /// Sign it with this SSH key, as `ssh-keygen -Y sign` does (`FILE.sig`)
    #[arg(long, value_name = "KEY", requires = "out")]
    sign: Option<PathBuf>,
    /// Seal the key of its digests with the password of this vault id; by default with the first
    /// vault password that is given
    #[arg(long, value_name = "VAULT_ID", requires = "out")]
    encrypt_vault_id: Option<String>,
    /// End with 0 when nothing would change, with 2 when something would or may, and with 1 when a
    /// host failed
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Runs the command.
pub(crate) async fn plan(mut arguments: PlanArguments) -> Result<ExitCode, CommandError> {
    source::inputs::watch();
    // whoever applies it may have set nothing
    arguments.run.what.no_fetch_packages |= !switch::fetches_packages()?;
    let prepared = arguments.run.prepare(RunMode::Rehearsal, &arguments.output)?;
    let expires = match arguments.plan.expires.as_deref().map(plan::after).transpose() {
        Ok(expires) => expires,
        Err(error) => {
            return Err(CommandError::options(format!("--expires: {error}"), None));
        }
    };
    let expires = expires.and_then(|after| SystemTime::now().checked_add(after));
    let lab = arguments.run.lab().await?;
    let end = arguments.rehearse(prepared, lab.as_ref(), expires).await;
    if let Some(lab) = lab {
        lab.down().await.map_err(super::lab::wrong)?;
    }
    end
}

impl PlanArguments {
    async fn rehearse(
        &self,
        prepared: Prepared,
        lab: Option<&Lab>,
        expires: Option<SystemTime>,
    ) -> Result<ExitCode, CommandError> {
        let inventory = self.run.inventory(&prepared.playbooks, lab)?;
        self.run.limit_meets(&inventory.now())?;
        let root = root()?;
        let id = self.plan.encrypt_vault_id.as_deref();
        let keyring = vault::keyring();
        let wrong = |error: &dyn std::error::Error| CommandError::caused(error, None);
        let secret = keyring.encrypting(id).map_err(|error| wrong(&error))?;
        let (key, form) = Key::make(secret).map_err(|error| wrong(&error))?;
        let recorder = Arc::new(Recorder::new(key, root.clone(), None));
        let recording = self.output.recording("canvass plan", None)?;
        let mut consumers = self.output.consumers(recording.as_ref())?;
        let listener = Listener::default();
        consumers.push(Box::new(listener.clone()));
        let hosts = hosts(&inventory);
        let end = rehearsal(&prepared, inventory, consumers, recorder.clone()).await?;
        let code = match self.plan.detailed_exitcode {
            true => detailed(&end),
            false => ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1)),
        };
        let Some(out) = &self.plan.out else { return Ok(code) };
        if end.exit_code != 0 {
            say("no plan was written: the rehearsal did not come to its end on all hosts");
            return Ok(code);
        }
        let (steps, courses) = plan::shared(&recorder.courses());
        let plan = Plan {
            schema: SCHEMA.to_owned(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            created: rfc3339(SystemTime::now()),
            expires: expires.map(rfc3339),
            run: self.run.without(&end.secrets)?,
            inputs: inputs::of(&source::inputs::noted(), &root),
            hosts,
            key: form,
            steps,
            courses,
            report: listener.report(),
        };
        self.keep(&plan, out)?;
        Ok(code)
    }

    fn keep(&self, plan: &Plan, out: &Path) -> Result<(), CommandError> {
        let wrong = |error: &dyn std::error::Error| CommandError::caused(error, None);
        // a signature of another plan must not stand beside this one
        let _ = std::fs::remove_file(signature::beside(out));
        plan::write(plan, out).map_err(|error| wrong(&error))?;
        let mut text = format!("the plan is in `{}`", out.display());
        if let Some(key) = &self.plan.sign {
            let bytes = std::fs::read(out).map_err(|error| wrong(&error))?;
            let signed = signature::sign(&bytes, out, key).map_err(|error| wrong(&error))?;
            text.push_str(&format!(", its signature in `{}`", signed.display()));
        }
        say(&text);
        if plan.run.to_string().contains(MASK) {
            say("a secret in `--extra-vars` is not kept: `canvass apply` takes it again");
        }
        Ok(())
    }
}

/// Rehearses, with someone who listens to every step.
pub(super) async fn rehearsal(
    prepared: &Prepared,
    inventory: Arc<LiveInventory>,
    consumers: Vec<Box<dyn Consumer>>,
    keeper: Arc<dyn Keeper>,
) -> Result<RunEnd, CommandError> {
    let launch = Launch {
        settings: prepared.settings.clone(),
        playbooks: prepared.playbooks.clone(),
        inventory,
        reader: &prepared.reader,
        consumers,
        bonds: Bonds { keeper: Some(keeper), ..Bonds::default() },
    };
    launch.end().await
}

/// All hosts of an inventory, sorted.
pub(super) fn hosts(inventory: &LiveInventory) -> Vec<String> {
    let inventory = inventory.now();
    let mut hosts: Vec<String> =
        inventory.hosts().iter().map(|host| host.as_str().to_owned()).collect();
    hosts.sort();
    hosts
}

/// The folder that files of a plan are named from.
pub(super) fn root() -> Result<PathBuf, CommandError> {
    std::env::current_dir().map_err(|error| {
        CommandError::other(format!("cannot tell the current folder: {error}"), None)
    })
}

/// Gathers the change report of a run for whoever started it.
#[derive(Debug, Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Gatherer>>);

impl Listener {
    /// The report so far.
    pub(super) fn report(&self) -> ChangeReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).report()
    }
}

impl Consumer for Listener {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

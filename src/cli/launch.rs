//! Starting a run: events go to their readers, Ctrl-C ends it in order.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connector, open_files};
use crate::inventory::LiveInventory;
use crate::playbook::Playbook;
use crate::report::Consumer;
use crate::report::event::Event;
use crate::report::mask::Secrets;
use crate::run::{Journal, Keeper, Run, RunEnd, RunSettings};

use super::CommandError;
use super::read::Reader;

/// What a run works with.
pub(super) struct Launch<'a> {
    pub settings: RunSettings,
    pub playbooks: Vec<Playbook>,
    pub inventory: Arc<LiveInventory>,
    /// Reads what tasks include.
    pub reader: &'a Reader,
    /// Who reads the events.
    pub consumers: Vec<Box<dyn Consumer>>,
    pub bonds: Bonds,
}

/// What holds a run, and what is kept of it.
#[derive(Default)]
pub(super) struct Bonds {
    /// Who hears what steps would do, and agrees with it.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Keeps what each host has done.
    pub journal: Option<Journal>,
    /// Hosts that count as failed before the run begins, with the reason.
    pub held: BTreeMap<String, String>,
}

impl Launch<'_> {
    /// Runs to the end.
    pub(super) async fn run(self) -> Result<ExitCode, CommandError> {
        let end = self.end().await?;
        Ok(ExitCode::from(u8::try_from(end.exit_code).unwrap_or(1)))
    }

    /// Runs to the end, and tells what came of it.
    pub(super) async fn end(self) -> Result<RunEnd, CommandError> {
        let Self { settings, playbooks, inventory, reader, consumers, bonds } = self;
        let Bonds { keeper, journal, held } = bonds;
        let tell = reader.tell;
        let mut secrets = Secrets::new();
        for secret in
            [&settings.connection.password, &settings.privilege.password].into_iter().flatten()
        {
            secrets.add(secret.expose());
        }
        open_files::raise();
        let connector = Connector::new(super::connector_settings(tell));
        let (events, heard) = mpsc::unbounded_channel();
        let (told_up_to, told) = watch::channel(0);
        let room = Arc::new(Semaphore::new(ROOM));
        let given_back = Arc::clone(&room);
        let report =
            tokio::task::spawn_blocking(move || listen(heard, consumers, &told_up_to, &given_back));
        let cancel = CancellationToken::new();
        let interrupts = tokio::spawn(interrupted(cancel.clone()));
        let run = Run {
            settings,
            playbooks,
            includes: reader.includes(),
            inventory,
            connector,
            templar: Arc::clone(&reader.names.templar),
            ask: super::prompt::asker().map(|ask| match &keeper {
                // an apply rehearses first: nobody is asked the same twice
                Some(_) => super::prompt::remembered(ask),
                None => ask,
            }),
            prompt: super::prompt::reader(),
            heard: told,
            room,
            secrets,
            keeper,
            journal,
            held,
            events,
            cancel,
        };
        let end = run.run().await;
        interrupts.abort();
        let told = report.await;
        end.stopped.iter().for_each(tell);
        if let Ok(Err(error)) = told
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(CommandError::other(format!("cannot write the report: {error}"), None));
        }
        Ok(end)
    }
}

/// So many events of what commands print may wait to be told.
const ROOM: usize = 64;

/// Hands the events on until the run has no more to say.
fn listen(
    mut heard: mpsc::UnboundedReceiver<Event>,
    mut consumers: Vec<Box<dyn Consumer>>,
    told_up_to: &watch::Sender<u64>,
    room: &Semaphore,
) -> io::Result<()> {
    let mut result = Ok(());
    while let Some(event) = heard.blocking_recv() {
        result = result.and(consumers.event(&event));
        match event {
            Event::Waiting { mark } => drop(told_up_to.send_replace(mark)),
            Event::Output { .. } => room.add_permits(1),
            _ => {}
        }
    }
    result.and(consumers.finish())
}

/// The first Ctrl-C (or SIGTERM) ends the run in order, the second one at once.
async fn interrupted(cancel: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if cancel.is_cancelled() {
            std::process::exit(crate::run::EXIT_INTERRUPTED);
        }
        cancel.cancel();
    }
}

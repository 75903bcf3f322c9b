//! Plays that run at once (`--overlap-plays`).
//!
//! Consecutive plays under `dag` begin together where none has to do with hosts of another. Each has
//! a tally of its own, and is told of when those before it have ended, so that the report is that
//! of plays which follow each other. Where one ends the run, because it has lost all its hosts, those
//! behind it end before their next tasks.

use std::sync::Arc;

use canvass_modules::wire::Streaming;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::diagnostics::Diagnostic;
use crate::graph::{PlayEdge, PlayReason};
use crate::playbook::{Play, Strategy};
use crate::report::event::{Event, Level};

use super::context::RunContext;
use super::coupling::{Reach, reach};
use super::settings::{Overlap, Stepping};
use super::tally::Tally;
use super::{Onward, play_through};

/// How many plays, from the first of these on, may run at once.
pub(super) async fn count(run: &Arc<RunContext>, plays: &[(usize, Arc<Play>)]) -> usize {
    if plays.len() < 2 || run.settings.overlap == Overlap::Never {
        return 1;
    }
    if let Some(why) = hindrance(run) {
        if let [(0, _), ..] = plays {
            run.notice(Level::Info, format!("plays do not overlap {why}"), None);
        }
        return 1;
    }
    let mut known: Vec<Reach> = Vec::new();
    for (number, play) in plays {
        match beside(run, play, *number, &known).await {
            Ok(reach) => known.push(reach),
            Err(edge) => {
                if let [(before, _), (behind, play), ..] =
                    plays.get(known.len().saturating_sub(1)..).unwrap_or_default()
                {
                    let text = format!("play {behind} begins behind play {before}: {edge}");
                    run.notice(Level::Debug, text, Some(play.span.place()));
                }
                break;
            }
        }
    }
    known.len().max(1)
}

/// Why plays do not overlap at all: someone is asked between tasks, or each play is to find what
/// the one before it has left.
fn hindrance(run: &RunContext) -> Option<&'static str> {
    let settings = &run.settings;
    let goes_on = run.journal.as_ref().is_some_and(|journal| journal.goes_on());
    [
        (settings.stepping == Stepping::Asking, "with `--step`"),
        (settings.streaming == Streaming::On, "with `--stream`"),
        (settings.start_at.is_some(), "with `--start-at-task`"),
        (settings.behaviour.debugging.enabled, "with the debugger"),
        (run.keeper.is_some(), "in a plan"),
        (goes_on, "in a run that is gone on with"),
    ]
    .into_iter()
    .find_map(|(holds, why)| holds.then_some(why))
}

async fn beside(
    run: &RunContext,
    play: &Arc<Play>,
    number: usize,
    others: &[Reach],
) -> Result<Reach, PlayEdge> {
    if play.strategy.unwrap_or(run.settings.strategy) != Strategy::Dag {
        return Err(PlayReason::Strategy.into());
    }
    if play.debugs {
        return Err(PlayReason::Input.into());
    }
    let reach = reach(run, play, number).await?;
    match others.iter().find_map(|other| reach.meets(other)) {
        Some(reason) => Err(reason.into()),
        None => Ok(reach),
    }
}

type End = Result<Onward, Vec<Diagnostic>>;

/// A play at work.
struct AtWork {
    heard: UnboundedReceiver<Event>,
    halt: CancellationToken,
    end: Option<(End, Tally)>,
}

/// Runs plays at once, and tells of them in their order.
pub(super) async fn run(
    run: &Arc<RunContext>,
    plays: &[(usize, Arc<Play>)],
    tally: &mut Tally,
    cancel: &CancellationToken,
) -> End {
    let mut working = JoinSet::new();
    let mut all = Vec::new();
    for (at, (number, play)) in plays.iter().enumerate() {
        let (events, heard) = unbounded_channel();
        let halt = CancellationToken::new();
        let run = run.for_play(events, halt.clone());
        let (play, number, mut tally, cancel) =
            (Arc::clone(play), *number, tally.apart(), cancel.clone());
        working.spawn(async move {
            let end = play_through(&run, &play, number, &mut tally, &cancel).await;
            (at, end, tally)
        });
        all.push(AtWork { heard, halt, end: None });
    }
    for at in 0..all.len() {
        told(run, &mut all, at, tally, &mut working).await;
    }
    whole(all.into_iter().filter_map(|play| play.end).map(|(end, _)| end))
}

/// Hands on what is heard of a play until it has ended; what has become a secret since it was said,
/// in the plays before, is masked.
async fn told(
    run: &RunContext,
    all: &mut [AtWork],
    at: usize,
    tally: &mut Tally,
    working: &mut JoinSet<(usize, End, Tally)>,
) {
    let before = tally.tasks();
    let tell = |mut event: Event| {
        if let Some(outcome) = event.outcome_mut() {
            run.secrets().mask_outcome(outcome);
        }
        run.tell(event.renumbered(before));
    };
    while let Some(play) = all.get_mut(at) {
        if let Some((_, own)) = &mut play.end {
            while let Ok(event) = play.heard.try_recv() {
                tell(event);
            }
            tally.take(std::mem::take(own));
            return;
        }
        tokio::select! {
            Some(event) = play.heard.recv() => tell(event),
            done = working.join_next() => match done {
                Some(Ok((ended, end, own))) => {
                    if !matches!(end, Ok(Onward::Next)) {
                        all.iter().skip(ended + 1).for_each(|later| later.halt.cancel());
                    }
                    if let Some(play) = all.get_mut(ended) {
                        play.end = Some((end, own));
                    }
                }
                Some(Err(error)) if error.is_panic() => {
                    std::panic::resume_unwind(error.into_panic())
                }
                Some(Err(_)) | None => return,
            },
        }
    }
}

/// How plays ended as a whole.
fn whole(ends: impl Iterator<Item = End>) -> End {
    let mut onward = Onward::Next;
    let mut wrong = Vec::new();
    for end in ends {
        match end {
            Ok(Onward::Next) => {}
            Ok(other) => {
                if onward != Onward::Interrupted {
                    onward = other;
                }
            }
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if wrong.is_empty() { Ok(onward) } else { Err(wrong) }
}

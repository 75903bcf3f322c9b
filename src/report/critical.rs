//! The critical path: which work of which host the end of a run waited for.

use super::model::{ChangeReport, TaskStatus};

/// Seconds by which a piece of work may seem to begin before what it waited for ended.
const BLUR: f64 = 0.05;

/// A task on a host on which the end of the run hung.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg<'a> {
    /// Number of the task among all tasks of the report.
    pub task: usize,
    /// The host.
    pub host: &'a str,
    /// When it began, in seconds after the run began.
    pub started: f64,
    /// How long it took.
    pub seconds: f64,
}

impl Leg<'_> {
    fn ended(&self) -> f64 {
        self.started + self.seconds
    }
}

/// From the first work to the last that ended. Work waits for what its host did before, in a play
/// in lock-step for what any of its hosts did before, and for the plays before its own.
pub fn path(report: &ChangeReport) -> Vec<Leg<'_>> {
    let mut work: Vec<(usize, bool, Leg<'_>)> = Vec::new();
    let mut number = 0;
    for (index, play) in report.plays.iter().enumerate() {
        for task in &play.tasks {
            for (host, told) in &task.hosts {
                if told.status != TaskStatus::Skipped {
                    let (started, seconds) = (told.started, told.seconds);
                    let leg = Leg { task: number, host, started, seconds };
                    work.push((index, play.lockstep, leg));
                }
            }
            number += 1;
        }
    }
    work.sort_by(|(.., a), (.., b)| a.ended().total_cmp(&b.ended()));
    let mut path: Vec<Leg<'_>> = Vec::new();
    let mut at = work.len();
    while let Some(next) = at.checked_sub(1) {
        let Some((play, lockstep, leg)) = work.get(next) else { break };
        let before = |(its_play, _, other): &(usize, bool, Leg<'_>)| {
            let waited_for =
                other.host == leg.host || *its_play < *play || (*lockstep && its_play == play);
            waited_for
                && (*its_play, other.task) != (*play, leg.task)
                && other.task < leg.task
                && other.ended() <= leg.started + BLUR
        };
        let found = work.get(..next).and_then(|earlier| earlier.iter().rposition(before));
        path.push(leg.clone());
        at = found.map_or(0, |found| found + 1);
    }
    path.reverse();
    path
}

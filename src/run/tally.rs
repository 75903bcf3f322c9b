//! What has come of the hosts so far: the recap and who is out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::graph::RoleUse;
use crate::report::event::Recap;

use super::custom_stats::CustomStats;
use super::outcome::Verdict;

/// The recap in the making.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What `set_stats` gathered.
    pub(crate) stats: CustomStats,
    recap: BTreeMap<String, Recap>,
    failed: BTreeSet<String>,
    lost: BTreeSet<String>,
    /// Hosts that are not what was approved: nothing brings them back.
    held: BTreeSet<String>,
    /// Whether one of them has ended the run.
    drifted: bool,
    /// Whether a file that was included could not be understood.
    misread: bool,
    tasks: usize,
    play_ended: bool,
    started: bool,
    /// Uses of roles that are done in this play, by host.
    roles: HashMap<String, HashSet<RoleUse>>,
}

impl Tally {
    /// For a play that overlaps others: who is out already, and nothing else.
    pub(crate) fn apart(&self) -> Self {
        Self {
            failed: self.failed.clone(),
            lost: self.lost.clone(),
            held: self.held.clone(),
            ..Self::default()
        }
    }

    /// Takes in what came of a play that was [`apart`](Self::apart).
    pub(crate) fn take(&mut self, play: Self) {
        self.stats.join(play.stats);
        for (host, line) in play.recap {
            *self.recap.entry(host).or_default() += line;
        }
        self.failed.extend(play.failed);
        self.lost.extend(play.lost);
        self.held.extend(play.held);
        self.tasks += play.tasks;
    }

    /// How many tasks have a number.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// A number for a task.
    pub(crate) fn next_task(&mut self) -> usize {
        self.tasks += 1;
        self.tasks - 1
    }

    /// Counts how a task ended on a host.
    pub(crate) fn count(&mut self, host: &str, verdict: &Verdict, ignored: bool, changed: bool) {
        let line = self.recap.entry(host.to_owned()).or_default();
        match verdict {
            Verdict::Ok => line.ok += 1,
            Verdict::Changed => {
                line.ok += 1;
                line.changed += 1;
            }
            Verdict::Skipped => line.skipped += 1,
            Verdict::Failed if ignored => {
                line.ok += 1;
                line.ignored += 1;
                line.changed += u64::from(changed);
            }
            Verdict::Failed => line.failed += 1,
            Verdict::Unreachable if ignored => {
                line.ok += 1;
                line.ignored += 1;
            }
            Verdict::Unreachable => line.unreachable += 1,
            Verdict::Unknown(_) => line.unknown += 1,
        }
    }

    /// A task runs again on a host: how it ended before does not count.
    pub(crate) fn uncount(&mut self, host: &str, verdict: &Verdict, ignored: bool, changed: bool) {
        let before = self.recap.remove(host).unwrap_or_default();
        self.count(host, verdict, ignored, changed);
        let counted = self.recap.remove(host).unwrap_or_default();
        let less = |all: u64, one: u64| all.saturating_sub(one);
        let line = Recap {
            ok: less(before.ok, counted.ok),
            changed: less(before.changed, counted.changed),
            unreachable: less(before.unreachable, counted.unreachable),
            failed: less(before.failed, counted.failed),
            skipped: less(before.skipped, counted.skipped),
            ignored: less(before.ignored, counted.ignored),
            unknown: less(before.unknown, counted.unknown),
            ..before
        };
        self.recap.insert(host.to_owned(), line);
    }

    /// The task that `--start-at-task` names was found.
    pub(crate) fn start(&mut self) {
        self.started = true;
    }

    /// Whether it was found.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// A rescue caught the failure that was counted last.
    pub(crate) fn rescued(&mut self, host: &str) {
        let line = self.recap.entry(host.to_owned()).or_default();
        line.failed = line.failed.saturating_sub(1);
        line.rescued += 1;
    }

    /// The host failed and leaves the run.
    pub(crate) fn fail(&mut self, host: &str) {
        self.failed.insert(host.to_owned());
    }

    /// The host cannot be reached and leaves the run.
    pub(crate) fn lose(&mut self, host: &str) {
        self.lost.insert(host.to_owned());
    }

    /// The host is not what was approved and leaves the run.
    pub(crate) fn hold(&mut self, host: &str) {
        self.held.insert(host.to_owned());
    }

    /// A host that is not what was approved ends the run.
    pub(crate) fn drift(&mut self) {
        self.drifted = true;
    }

    /// Whether such a host has ended the run.
    pub(crate) fn has_drifted(&self) -> bool {
        self.drifted
    }

    /// A file that was included cannot be understood: it ends the run.
    pub(crate) fn misread(&mut self) {
        self.misread = true;
    }

    /// Whether such a file has ended the run.
    pub(crate) fn has_misread(&self) -> bool {
        self.misread
    }

    /// A use of a role is done on a host.
    pub(crate) fn role_is_complete(&mut self, host: &str, role: RoleUse) {
        self.roles.entry(host.to_owned()).or_default().insert(role);
    }

    /// The uses of roles that are done on a host in this play.
    pub(crate) fn complete_roles(&self, host: &str) -> HashSet<RoleUse> {
        self.roles.get(host).cloned().unwrap_or_default()
    }

    /// Another play begins: its roles run anew.
    pub(crate) fn begin_play(&mut self) {
        self.roles.clear();
    }

    /// `meta: clear_host_errors`: hosts take part again.
    pub(crate) fn forgive<'h>(&mut self, hosts: impl Iterator<Item = &'h String>) {
        for host in hosts {
            self.failed.remove(host);
            self.lost.remove(host);
        }
    }

    /// `meta: end_play`: the batches that follow are not begun.
    pub(crate) fn end_play(&mut self) {
        self.play_ended = true;
    }

    /// Whether the play was ended, asked once.
    pub(crate) fn take_play_ended(&mut self) -> bool {
        std::mem::take(&mut self.play_ended)
    }

    /// Whether a host has left the run.
    pub(crate) fn is_out(&self, host: &str) -> bool {
        self.failed.contains(host) || self.lost.contains(host) || self.held.contains(host)
    }

    /// The exit code, as Ansible's: 4 when a host was unreachable, 2 when one failed.
    pub(crate) fn exit_code(&self) -> i32 {
        match (self.lost.is_empty(), self.failed.is_empty() && self.held.is_empty()) {
            (false, _) => 4,
            (true, false) => 2,
            (true, true) => 0,
        }
    }

    /// The recap.
    pub(crate) fn recap(&self) -> BTreeMap<String, Recap> {
        self.recap.clone()
    }
}

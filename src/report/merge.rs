//! Several reports as one: those of runs that shared the hosts (`--shard`).

use super::hosts::natural;
use super::model::{
    Change, ChangeReport, Failure, PlayReport, SharedEffect, SharedItems, TaskReport, Unknown,
};
use super::moment::seconds_between;

/// Why reports are none of one piece of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to merge")]
    Nothing,
    /// They are of other playbooks.
    #[error("one is of {0}, another of {1}")]
    Playbooks(String, String),
    /// Dry runs and runs.
    #[error("one is of a dry run, another is not")]
    Modes,
    /// The same host in two of them.
    #[error("`{0}` is in more than one of them: they are not shards of one run")]
    Twice(String),
}

/// Joins them. Times count from the begin of the first run.
///
/// # Errors
///
/// They are of other playbooks or modes, or a host is in two of them.
pub fn merge(reports: Vec<ChangeReport>) -> Result<ChangeReport, MergeError> {
    let mut reports = reports;
    // the first to begin comes first; moments of one form sort as text
    reports.sort_by(|a, b| a.started.cmp(&b.started));
    let mut reports = reports.into_iter();
    let mut merged = reports.next().ok_or(MergeError::Nothing)?;
    for mut report in reports {
        if report.playbooks != merged.playbooks {
            let [one, other] = [&merged, &report].map(|report| report.playbooks.join(", "));
            return Err(MergeError::Playbooks(one, other));
        }
        if report.mode != merged.mode {
            return Err(MergeError::Modes);
        }
        let known = |host: &String| {
            merged.recap.contains_key(host)
                || merged.plays.iter().any(|play| play.hosts.contains(host))
        };
        let hosts = report.plays.iter().flat_map(|play| &play.hosts).chain(report.recap.keys());
        if let Some(twice) = hosts.into_iter().find(|host| known(host)) {
            return Err(MergeError::Twice(twice.clone()));
        }
        let later = match (&merged.started, &report.started) {
            (Some(first), Some(this)) => seconds_between(first, this).unwrap_or_default(),
            _ => 0.0,
        };
        for task in report.plays.iter_mut().flat_map(|play| &mut play.tasks) {
            task.hosts.values_mut().for_each(|host| host.started += later);
        }
        merged.finished = match (merged.finished.take(), report.finished.take()) {
            (Some(one), Some(other)) => Some(one.max(other)),
            // one that broke off has not ended
            _ => None,
        };
        merged.interrupted |= report.interrupted;
        merged.exit_code = worst(merged.exit_code, report.exit_code);
        merged.recap.extend(report.recap);
        for notice in report.notices {
            if !merged.notices.contains(&notice) {
                merged.notices.push(notice);
            }
        }
        for play in report.plays {
            add_play(&mut merged.plays, play);
        }
    }
    Ok(merged)
}

/// The exit code of both: none where one broke off; what is no matter of hosts wins over what is;
/// failed and unreachable hosts count as in one run.
fn worst(one: Option<i32>, other: Option<i32>) -> Option<i32> {
    let rank = |code: &i32| match code {
        0 => 0,
        2 => 1,
        4 => 2,
        _ => 3,
    };
    let (one, other) = (one?, other?);
    Some(if rank(&other) > rank(&one) { other } else { one })
}

fn add_play(plays: &mut Vec<PlayReport>, play: PlayReport) {
    let Some(known) = plays.iter_mut().find(|known| known.number == play.number) else {
        let place = plays.partition_point(|known| known.number < play.number);
        plays.insert(place, play);
        return;
    };
    if known.hosts.is_empty() {
        known.name = play.name;
    }
    known.hosts.extend(play.hosts);
    known.hosts.sort_by(|a, b| natural(a, b));
    known.lockstep |= play.lockstep;
    if known.unmatched_pattern.is_some() {
        known.unmatched_pattern = play.unmatched_pattern;
    }
    let mut behind = 0;
    // of equal tasks the first is the first
    let mut taken = vec![false; known.tasks.len()];
    for task in play.tasks {
        let same = (0..known.tasks.len()).find(|index| {
            taken.get(*index) == Some(&false)
                && known.tasks.get(*index).is_some_and(|other| is_same(other, &task))
        });
        match same.and_then(|index| Some((index, known.tasks.get_mut(index)?))) {
            Some((index, other)) => {
                add_task(other, task);
                if let Some(taken) = taken.get_mut(index) {
                    *taken = true;
                }
                behind = index + 1;
            }
            None => {
                known.tasks.insert(behind, task);
                taken.insert(behind, true);
                behind += 1;
            }
        }
    }
}

fn is_same(one: &TaskReport, other: &TaskReport) -> bool {
    one.place == other.place
        && one.role == other.role
        && one.name == other.name
        && one.handler == other.handler
}

fn add_task(known: &mut TaskReport, task: TaskReport) {
    known.hosts.extend(task.hosts);
    known.hosts.sort_by(|a, _, b, _| natural(a, b));
    let same = |a: &Change, b: &Change| a.diff == b.diff;
    join(&mut known.changes, task.changes, same, |change| &mut change.hosts);
    let same = |a: &SharedEffect, b: &SharedEffect| a.record == b.record;
    join(&mut known.effects, task.effects, same, |effect| &mut effect.hosts);
    let same = |a: &Failure, b: &Failure| {
        a.cause == b.cause && (a.status, a.ignored, a.rescued) == (b.status, b.ignored, b.rescued)
    };
    join(&mut known.failures, task.failures, same, |failure| &mut failure.hosts);
    let same = |a: &Unknown, b: &Unknown| a.reason == b.reason;
    join(&mut known.unknown, task.unknown, same, |unknown| &mut unknown.hosts);
    let same = |a: &SharedItems, b: &SharedItems| a.items == b.items;
    join(&mut known.items, task.items, same, |items| &mut items.hosts);
}

/// Adds what is shared by hosts: what is there already gets more hosts.
fn join<T>(
    known: &mut Vec<T>,
    more: Vec<T>,
    is_same: impl Fn(&T, &T) -> bool,
    hosts: impl Fn(&mut T) -> &mut Vec<String>,
) {
    for mut one in more {
        match known.iter_mut().find(|known| is_same(known, &one)) {
            Some(known) => {
                let all = hosts(known);
                all.append(hosts(&mut one));
                all.sort_by(|a, b| natural(a, b));
            }
            None => known.push(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::event::{RunMode, Status};
    use crate::report::gather::Gatherer;
    use crate::report::human::tests::{Run, changed, outcome, with_result};

    /// Of these hosts; the second task fails on `web03`, and only `web02` comes to the third.
    fn shard(hosts: &[&str]) -> ChangeReport {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut run = Run::new(RunMode::Apply, &hosts);
        let task = run.task("page", "copy");
        for host in &hosts {
            run.host(task, host, changed("/x", "", "new\n"));
        }
        let task = run.task("check", "command");
        let mut code = 0;
        for host in &hosts {
            let fails = host == "web03";
            code = if fails { 2 } else { code };
            run.host(
                task,
                host,
                match fails {
                    true => with_result(Status::Failed, json!({"msg": "no"})),
                    false => outcome(Status::Ok),
                },
            );
        }
        if hosts.iter().any(|host| host == "web02") {
            let task = run.task("more", "command");
            run.host(task, "web02", outcome(Status::Changed));
        }
        let task = run.task("last", "command");
        for host in hosts.iter().filter(|host| *host != "web03") {
            run.host(task, host, outcome(Status::Ok));
        }
        let mut gatherer = Gatherer::new();
        for event in run.finish(code) {
            gatherer.event(&event);
        }
        let mut report = gatherer.report();
        for task in report.plays.iter_mut().flat_map(|play| &mut play.tasks) {
            // where a task stands does not hang on which others ran
            task.place.line = u32::try_from(task.name.len()).unwrap();
        }
        report
    }

    #[test]
    fn shards_are_as_one_run() {
        let merged = merge(vec![shard(&["web03", "web10"]), shard(&["web01", "web02"])]).unwrap();
        let names: Vec<&str> = merged.tasks().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["page", "check", "more", "last"]);
        let page = merged.tasks().next().unwrap();
        assert_eq!(page.changes.len(), 1);
        assert_eq!(page.changes[0].hosts, ["web01", "web02", "web03", "web10"]);
        let check = merged.tasks().nth(1).unwrap();
        assert_eq!(check.failures[0].hosts, ["web03"]);
        assert_eq!(check.hosts.keys().next_back().unwrap(), "web10");
        assert_eq!(merged.plays[0].hosts.len(), 4);
        assert_eq!((merged.exit_code, merged.recap.len()), (Some(2), 4));
    }

    #[test]
    fn what_is_not_of_one_run_is_refused() {
        let one = || shard(&["web01"]);
        assert_eq!(
            merge(vec![one(), shard(&["web02", "web01"])]),
            Err(MergeError::Twice("web01".to_owned()))
        );
        let other = ChangeReport { playbooks: vec!["db.yml".to_owned()], ..shard(&["web02"]) };
        assert!(matches!(merge(vec![one(), other]), Err(MergeError::Playbooks(..))));
        let dry = ChangeReport { mode: RunMode::Rehearsal, ..shard(&["web02"]) };
        assert_eq!(merge(vec![one(), dry]), Err(MergeError::Modes));
        assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
        let broke_off = ChangeReport { exit_code: None, ..shard(&["web02"]) };
        assert_eq!(merge(vec![one(), broke_off]).unwrap().exit_code, None);
    }
}

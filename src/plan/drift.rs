//! What differs between a host as a plan knows it and as it is.

use std::collections::BTreeMap;

use canvass_modules::observation::{Observation, PathState};

use super::format::{PlannedEffect, Step, StepKey};

/// A step that is not what was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Its title.
    pub title: String,
    /// Where its task stands.
    pub place: String,
    /// What differs, in words.
    pub differences: Vec<String>,
}

/// Compares the steps that a plan has of a host with those of a new rehearsal.
pub fn between(approved: &[&Step], present: &[Step]) -> Vec<Drift> {
    let mut order: Vec<&StepKey> = Vec::new();
    let mut by_key: BTreeMap<&StepKey, (Vec<&Step>, Vec<&Step>)> = BTreeMap::new();
    for step in approved {
        order.push(&step.at);
        by_key.entry(&step.at).or_default().0.push(step);
    }
    for step in present {
        order.push(&step.at);
        by_key.entry(&step.at).or_default().1.push(step);
    }
    let mut drifts = Vec::new();
    for key in order {
        let Some((approved, present)) = by_key.remove(key) else { continue };
        for index in 0..approved.len().max(present.len()) {
            let (was, is) = (approved.get(index).copied(), present.get(index).copied());
            let differences = differences(was, is);
            if let Some(step) = is.or(was).filter(|_| !differences.is_empty()) {
                drifts.push(Drift {
                    title: step.title(),
                    place: step.at.place.to_string(),
                    differences,
                });
            }
        }
    }
    drifts
}

/// What differs of one step.
pub fn differences(approved: Option<&Step>, present: Option<&Step>) -> Vec<String> {
    match (approved, present) {
        (None, None) => Vec::new(),
        (Some(was), None) if was.is_open() => vec!["it is no longer unknown".to_owned()],
        (Some(was), None) => {
            was.effects.iter().map(|effect| format!("no longer: {}", effect.label())).collect()
        }
        (None, Some(is)) if is.is_open() => {
            vec![format!("now it is unknown: {}", is.unknown.as_deref().unwrap_or_default())]
        }
        (None, Some(is)) => {
            is.effects.iter().map(|effect| format!("not in the plan: {}", effect.label())).collect()
        }
        (Some(was), Some(is)) => {
            let mut told = observations(&was.observed, &is.observed);
            told.extend(effects(&was.effects, &is.effects));
            if was.is_open() != is.is_open() {
                told.push("what can be known of it differs".to_owned());
            }
            told
        }
    }
}

/// What differs in what effects met.
pub fn observations(was: &[Observation], is: &[Observation]) -> Vec<String> {
    let mut told = Vec::new();
    for present in is {
        let subject = present.subject();
        match was.iter().find(|one| one.subject() == subject) {
            Some(before) if before == present => {}
            Some(before) => told.push(format!("`{subject}`: {}", change(before, present))),
            None => {}
        }
    }
    told
}

/// What differs in effects.
fn effects(was: &[PlannedEffect], is: &[PlannedEffect]) -> Vec<String> {
    let mut left: Vec<&PlannedEffect> = was.iter().collect();
    let mut more = Vec::new();
    for effect in is {
        match left.iter().position(|one| one.digest == effect.digest) {
            Some(index) => drop(left.remove(index)),
            None => more.push(effect),
        }
    }
    let mut told = Vec::new();
    for effect in more {
        let same = |one: &&PlannedEffect| one.kind == effect.kind && one.about == effect.about;
        match left.iter().position(same) {
            Some(index) => {
                left.remove(index);
                told.push(format!("otherwise than in the plan: {}", effect.label()));
            }
            None => told.push(format!("not in the plan: {}", effect.label())),
        }
    }
    told.extend(left.iter().map(|effect| format!("no longer: {}", effect.label())));
    told
}

fn change(before: &Observation, present: &Observation) -> String {
    let versions = |one: &Option<String>| one.clone().unwrap_or_else(|| "none".to_owned());
    match (before, present) {
        (Observation::Path(was), Observation::Path(is)) => path_change(was, is),
        (Observation::Package { version: was, .. }, Observation::Package { version: is, .. }) => {
            format!("version {}, was {}", versions(is), versions(was))
        }
        (Observation::Unit { active: was, .. }, Observation::Unit { active: is, .. })
            if was != is =>
        {
            let word = |active: bool| if active { "runs" } else { "does not run" };
            format!("{}, {} before", word(*is), word(*was))
        }
        _ => "is not what the plan saw".to_owned(),
    }
}

fn path_change(was: &PathState, is: &PathState) -> String {
    if was.kind != is.kind {
        return match (was.kind, is.kind) {
            (None, _) => "is there now".to_owned(),
            (_, None) => "is gone".to_owned(),
            _ => "is of another kind".to_owned(),
        };
    }
    let mut told = Vec::new();
    if was.content != is.content {
        told.push("another content".to_owned());
    }
    if let (Some(old), Some(new)) = (was.mode, is.mode)
        && old != new
    {
        told.push(format!("mode {new:04o}, was {old:04o}"));
    }
    for (what, old, new) in [("owner", &was.owner, &is.owner), ("group", &was.group, &is.group)] {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            told.push(format!("{what} {new}, was {old}"));
        }
    }
    if was.target != is.target {
        told.push("leads elsewhere".to_owned());
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Position;

    fn step(line: u32, digests: &[&str], observed: Vec<Observation>) -> Step {
        let place = Position { file: "site.yml".to_owned(), line, column: 7 };
        Step {
            at: StepKey { play: 0, role: None, handler: false, place, item: None },
            task: "motd".to_owned(),
            module: "ansible.builtin.copy".to_owned(),
            unknown: None,
            effects: digests
                .iter()
                .map(|digest| PlannedEffect {
                    kind: "write_file".to_owned(),
                    about: Some("/etc/motd".to_owned()),
                    digest: (*digest).to_owned(),
                })
                .collect(),
            observed,
        }
    }

    fn package(version: Option<&str>) -> Vec<Observation> {
        vec![Observation::Package {
            manager: "apt".to_owned(),
            name: "nginx".to_owned(),
            version: version.map(str::to_owned),
        }]
    }

    fn told(was: &[Step], is: &[Step]) -> Vec<String> {
        let drifts = between(&was.iter().collect::<Vec<_>>(), is);
        drifts.into_iter().flat_map(|drift| drift.differences).collect()
    }

    #[test]
    fn words_each_difference() {
        let one = || vec![step(4, &["a"], package(Some("1")))];
        assert_eq!(told(&one(), &one()), [""; 0]);
        for (is, words) in [
            (vec![step(4, &["a"], package(Some("2")))], "`package nginx`: version 2, was 1"),
            (
                vec![step(4, &["b"], package(Some("1")))],
                "otherwise than in the plan: write file `/etc/motd`",
            ),
            (vec![], "no longer: write file `/etc/motd`"),
            (
                vec![one().remove(0), step(9, &["c"], vec![])],
                "not in the plan: write file `/etc/motd`",
            ),
        ] {
            assert_eq!(told(&one(), &is), [words]);
        }
    }
}

//! A play as nodes and edges, ready to be drawn.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::graph::{
    Order, PlayEdge, PlayReason, Reason, Section, Step, StepKind, Steps, TagFilter,
};
use crate::playbook::{Includes, Play, Strategy};
use crate::report::critical;
use crate::report::model::{ChangeReport, Position};
use crate::report::profile;
use crate::source::Place;

/// A play.
pub(super) struct Picture {
    pub title: String,
    /// How it follows the play before it, where both run under `dag`.
    pub follows: Option<Follows>,
    /// Why it runs beside no other play.
    alone: Option<PlayEdge>,
    strategy: Strategy,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// How a play follows the one before it.
pub(super) enum Follows {
    /// It waits for its end.
    Waits(PlayEdge),
    /// It may begin with it, if they share no host.
    MayOverlap,
}

impl Follows {
    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Waits(edge) => format!("waits for the play before it: {edge}"),
            Self::MayOverlap => "may overlap the play before it, if they share no host and no \
                                 machine (--overlap-plays)"
                .to_owned(),
        }
    }

    /// Whether it waits.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Waits(_))
    }
}

/// Notes how each play follows the one before it.
pub(super) fn follow(pictures: &mut [Picture]) {
    let mut before: Option<&Picture> = None;
    for picture in pictures {
        if let Some(last) = before
            && last.strategy == Strategy::Dag
            && picture.strategy == Strategy::Dag
        {
            let same = (last.title == picture.title).then_some(PlayEdge::from(PlayReason::Hosts));
            let edge = same.or_else(|| picture.alone.clone()).or_else(|| last.alone.clone());
            picture.follows = Some(edge.map_or(Follows::MayOverlap, Follows::Waits));
        }
        before = Some(picture);
    }
}

/// A step.
pub(super) struct Node {
    /// Its number among all steps of the play.
    pub number: usize,
    pub kind: &'static str,
    pub title: String,
    pub place: Place,
    /// The parts of blocks that it stands in, as far as they are `rescue` or `always`.
    pub section: Option<&'static str>,
    /// What a run took for it.
    pub took: Option<Took>,
}

/// What a run took for a step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Took {
    /// Seconds from the begin of its first host to the end of its last.
    pub seconds: f64,
    /// Seconds of it on the critical path.
    pub critical: f64,
    /// The share of the whole critical path, from 0 to 1.
    pub share: f64,
}

impl Took {
    /// In words.
    pub(super) fn words(&self) -> String {
        let whole = profile::seconds(self.seconds);
        match self.heat() {
            0 => whole,
            _ => format!(
                "{whole}, {} on the critical path ({:.0}%)",
                profile::seconds(self.critical),
                self.share * 100.0
            ),
        }
    }

    /// How hot it is, from 1 to 4; 0 where the critical path has next to nothing of it.
    pub(super) fn heat(&self) -> usize {
        match self.share {
            share if share < 0.01 => 0,
            share if share < 0.1 => 1,
            share if share < 0.25 => 2,
            share if share < 0.5 => 3,
            _ => 4,
        }
    }
}

impl Node {
    /// How hot it is.
    pub(super) fn heat(&self) -> usize {
        self.took.map_or(0, |took| took.heat())
    }

    /// Its title, with what it took.
    pub(super) fn label(&self) -> String {
        match self.took {
            Some(took) => format!("{} ({})", self.title, profile::seconds(took.seconds)),
            None => self.title.clone(),
        }
    }
}

/// Tells the steps of plays what a run took for them; gives the seconds of the critical path that
/// are in none of them, and whether any step was found.
pub(super) fn colour(pictures: &mut [Picture], report: &ChangeReport) -> (f64, bool) {
    let path = critical::path(report);
    let whole: f64 = path.iter().map(|leg| leg.seconds).sum();
    let mut rest = whole;
    let mut found = false;
    let mut number = 0;
    for play in &report.plays {
        for task in &play.tasks {
            let critical: f64 =
                path.iter().filter(|leg| leg.task == number).map(|leg| leg.seconds).sum();
            number += 1;
            let Some((start, end)) = task.span() else { continue };
            let node = pictures.get_mut(play.number).and_then(|picture| {
                picture.nodes.iter_mut().find(|node| is_at(&node.place, &task.place))
            });
            let Some(node) = node else { continue };
            found = true;
            rest -= critical;
            let took = node.took.get_or_insert_default();
            took.seconds += end - start;
            took.critical += critical;
            took.share += if whole > 0.0 { critical / whole } else { 0.0 };
        }
    }
    (rest.max(0.0), found)
}

/// Whether a step of a playbook is the one that a report tells of, which may name the file from
/// another folder.
fn is_at(place: &Place, told: &Position) -> bool {
    let (here, there) = (place.file.as_path(), Path::new(&told.file));
    (place.line, place.column) == (told.line, told.column)
        && (here.ends_with(there) || there.ends_with(here) || here.file_name() == there.file_name())
}

/// What one step waits for; indexes among the nodes, `from` is `None` for the play's begin.
pub(super) struct Edge {
    pub from: Option<usize>,
    pub to: usize,
    pub reasons: Vec<Reason>,
}

impl Edge {
    /// All its reasons in words.
    pub(super) fn words(&self) -> String {
        self.reasons.iter().map(|reason| reason.words()).collect::<Vec<_>>().join(", ")
    }

    /// Whether it couples hosts.
    pub(super) fn couples_hosts(&self) -> bool {
        self.reasons.iter().any(|reason| reason.couples_hosts())
    }
}

impl Picture {
    /// Compiles a play and lays its edges.
    pub(super) fn of(
        play: &Arc<Play>,
        strategy: Strategy,
        includes: &Arc<Includes>,
    ) -> Result<Self, Diagnostic> {
        let steps = Steps::compile(play, &TagFilter::default())
            .map_err(|error| Diagnostic::error(&error))?;
        let ties = crate::run::ties(play, &steps, includes);
        let order = Order::new(&steps, strategy, &ties);
        // the end of a role is no step that anyone sees: its edges are those of its neighbours
        let mut before = Vec::with_capacity(steps.list.len());
        let mut nodes: Vec<Node> = Vec::new();
        for (number, step) in steps.list.iter().enumerate() {
            nodes.extend(node(number, step));
            before.push(nodes.len().checked_sub(1));
        }
        let mut edges: Vec<Edge> = Vec::new();
        for step in 0..steps.list.len() {
            let shown = step.checked_sub(1).and_then(|last| before.get(last).copied().flatten());
            let to = shown.map_or(0, |last| last + 1);
            if to >= nodes.len() {
                continue;
            }
            for (from, reason) in order.edges_into(step) {
                let from = from.and_then(|from| before.get(from).copied().flatten());
                if from.is_none() && !reason.couples_hosts() || from.is_some_and(|from| from >= to)
                {
                    continue;
                }
                let known = edges.iter_mut().find(|edge| edge.from == from && edge.to == to);
                match known {
                    Some(edge) if !edge.reasons.contains(&reason) => edge.reasons.push(reason),
                    Some(_) => {}
                    None => edges.push(Edge { from, to, reasons: vec![reason] }),
                }
            }
        }
        for edge in &mut edges {
            edge.reasons.sort_unstable();
        }
        edges.sort_by_key(|edge| (edge.to, edge.reasons.first().copied(), edge.from));
        let title = format!("play on {}", crate::run::pattern_text(play));
        let alone = crate::run::apart(play, &steps, includes);
        Ok(Self { title, follows: None, alone, strategy, nodes, edges })
    }

    /// What a node waits for.
    pub(super) fn into(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.to == node)
    }
}

fn node(number: usize, step: &Step) -> Option<Node> {
    let kind = match step.kind {
        StepKind::Facts | StepKind::Task => "task",
        StepKind::Handler | StepKind::InHandler => "handler",
        StepKind::Flush => "flush",
        StepKind::RoleEnd => return None,
    };
    let task = &step.task.task;
    let name = task.name.as_ref().and_then(|name| name.as_str()).unwrap_or(&task.action.module);
    let role = step.task.role.as_ref().map(|role| format!("{} : ", role.name));
    let section = step.position.iter().rev().find_map(|position| match position.section {
        Section::Rescue => Some("rescue"),
        Section::Always => Some("always"),
        Section::Block => None,
    });
    Some(Node {
        number,
        kind,
        title: format!("{}{name}", role.unwrap_or_default()),
        place: task.span.place(),
        section,
        took: None,
    })
}

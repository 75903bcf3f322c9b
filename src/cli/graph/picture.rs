//! A play as nodes and edges, ready to be drawn.

use crate::diagnostics::Diagnostic;
use crate::graph::{Order, Reason, Section, Step, StepKind, Steps, TagFilter};
use crate::playbook::{Play, Strategy};

/// A play.
pub(super) struct Picture {
    pub title: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// A step.
pub(super) struct Node {
    /// Its number among all steps of the play.
    pub number: usize,
    pub kind: &'static str,
    pub title: String,
    pub place: String,
    /// The parts of blocks that it stands in, as far as they are `rescue` or `always`.
    pub section: Option<&'static str>,
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
    pub(super) fn of(play: &Play, strategy: Strategy) -> Result<Self, Diagnostic> {
        let steps = Steps::compile(play, &TagFilter::default())
            .map_err(|error| Diagnostic::error(&error))?;
        let ties = crate::run::ties(play, &steps);
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
        Ok(Self { title, nodes, edges })
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
        place: task.span.place().to_string(),
        section,
    })
}

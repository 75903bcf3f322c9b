//! The edges: who waits for whom, and why.

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::playbook::Strategy;

use super::steps::Steps;

/// Why a step waits for the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The order inside a host is the playbook's.
    HostOrder,
    /// `linear`: all hosts of the batch end a step before any begins the next.
    LockStep,
}

impl Reason {
    /// Whether the step waits for all hosts of the batch, not only for its own.
    pub fn couples_hosts(self) -> bool {
        match self {
            Self::HostOrder => false,
            Self::LockStep => true,
        }
    }
}

/// The graph of a play's steps under a strategy.
#[derive(Debug)]
pub struct Order {
    graph: DiGraph<usize, Reason>,
}

impl Order {
    /// Lays the edges between the steps.
    pub fn new(steps: &Steps, strategy: Strategy) -> Self {
        let mut graph = DiGraph::with_capacity(steps.list.len(), steps.list.len() * 2);
        let nodes: Vec<NodeIndex> =
            (0..steps.list.len()).map(|step| graph.add_node(step)).collect();
        for (before, after) in nodes.iter().zip(nodes.iter().skip(1)) {
            graph.add_edge(*before, *after, Reason::HostOrder);
            match strategy {
                Strategy::Linear => {
                    graph.add_edge(*before, *after, Reason::LockStep);
                }
                Strategy::Free | Strategy::HostPinned => {}
            }
        }
        Self { graph }
    }

    /// Whether a host that is ready for the step waits until all hosts of the batch are.
    pub fn couples_hosts(&self, step: usize) -> bool {
        self.graph
            .edges_directed(NodeIndex::new(step), Direction::Incoming)
            .any(|edge| edge.weight().couples_hosts())
    }

    /// The edges with their reasons: from step, to step.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, Reason)> {
        self.graph.edge_references().filter_map(|edge| {
            let from = self.graph.node_weight(edge.source())?;
            let to = self.graph.node_weight(edge.target())?;
            Some((*from, *to, *edge.weight()))
        })
    }
}

//! The edges: who waits for whom, and why.

use std::fmt;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::playbook::Strategy;

use super::steps::Steps;

/// Why a step waits for the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The order inside a host is the playbook's.
    HostOrder,
    /// `linear`: all hosts of the batch end a step before any begins the next.
    LockStep,
    /// One host does it for all of the batch: `run_once`, `add_host`, `pause`, some of `meta`.
    Once,
    /// It works on another host than its own: `delegate_to`.
    Delegation,
    /// It reads variables of other hosts, which they must have set, and not set anew.
    OtherHosts,
    /// It reads which hosts are still in the play.
    HostsLeft,
    /// It changes the groups, which all hosts read.
    Groups,
    /// A failure is one of all hosts: `any_errors_fatal`.
    FatalForAll,
    /// Failures are counted after each step: `max_fail_percentage`.
    FailureLimit,
    /// Few hosts do it at once, in the order of the batch: `throttle`.
    Throttle,
    /// It writes on this machine, from which other hosts' tasks read.
    Controller,
    /// Several names of the batch are one machine.
    OneMachine,
    /// It brings what nobody knows beforehand, tasks that tie hosts, or a role whose variables or
    /// handlers the whole play sees.
    Role,
    /// It adds to figures of the whole run: `set_stats`.
    Statistics,
}

impl Reason {
    /// Whether the step waits for all hosts of the batch, not only for its own.
    pub fn couples_hosts(self) -> bool {
        self != Self::HostOrder
    }

    /// What the step waits for.
    pub fn words(self) -> &'static str {
        match self {
            Self::HostOrder => "its own last step",
            Self::LockStep => "all hosts (linear)",
            Self::Once => "all hosts (one does it for all)",
            Self::Delegation => "all hosts (delegate_to)",
            Self::OtherHosts => "all hosts (variables of other hosts)",
            Self::HostsLeft => "all hosts (which hosts are left)",
            Self::Groups => "all hosts (groups change)",
            Self::FatalForAll => "all hosts (any_errors_fatal)",
            Self::FailureLimit => "all hosts (max_fail_percentage)",
            Self::Throttle => "all hosts (throttle)",
            Self::Controller => "all hosts (writes on the controller)",
            Self::OneMachine => "all hosts (some are one machine)",
            Self::Role => "all hosts (brings tasks or roles)",
            Self::Statistics => "all hosts (set_stats)",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words())
    }
}

/// How a step is tied to other hosts under `dag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// All hosts come to it before any begins it.
    Before(Reason),
    /// And all end it before any goes on.
    Around(Reason),
    /// All hosts have ended the last step that may set what it reads, and none begins the next
    /// that may before all have ended this one.
    Reads,
}

/// What `dag` knows of a step.
#[derive(Debug, Clone, Default)]
pub struct Ties {
    /// How it is tied to other hosts.
    pub ties: Vec<Tie>,
    /// Whether it may set variables of its host.
    pub sets: bool,
}

/// Which hosts a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// None.
    Nobody,
    /// All hosts have come to the part that the step stands in.
    Entry,
    /// All hosts have ended this step.
    Ended(usize),
    /// All hosts have come to the step itself; they go on together.
    Together,
}

/// The graph of the steps of a part under a strategy.
///
/// The first node is the entry into the part and the last its exit; the steps lie between.
#[derive(Debug)]
pub struct Order {
    graph: DiGraph<(), Reason>,
    /// What each step waits for; a host that goes past an edge of another has waited for it too.
    waits: Vec<Wait>,
    /// What hosts wait for that have left the part.
    behind: Wait,
}

impl Order {
    /// Lays the edges between the steps; under `dag` they follow `ties`, one for each step.
    pub fn new(steps: &Steps, strategy: Strategy, ties: &[Ties]) -> Self {
        let count = steps.list.len();
        let mut graph = DiGraph::with_capacity(count + 2, count * 2);
        let nodes: Vec<NodeIndex> = (0..count + 2).map(|_| graph.add_node(())).collect();
        for (before, after) in nodes.iter().zip(nodes.iter().skip(1)) {
            graph.add_edge(*before, *after, Reason::HostOrder);
        }
        let mut order = Self { graph, waits: vec![Wait::Nobody; count], behind: Wait::Nobody };
        match strategy {
            Strategy::Linear => (0..count).for_each(|step| order.before(step, Reason::LockStep)),
            Strategy::Dag => order.tie(ties),
            Strategy::Free | Strategy::HostPinned => {}
        }
        order.pass_on();
        order
    }

    fn tie(&mut self, ties: &[Ties]) {
        for (step, about) in ties.iter().enumerate().take(self.waits.len()) {
            for tie in &about.ties {
                match tie {
                    Tie::Before(reason) => self.before(step, *reason),
                    Tie::Around(reason) => {
                        self.before(step, *reason);
                        self.edge(Some(step), step + 1, *reason);
                    }
                    Tie::Reads => {
                        let before = ties.iter().take(step).rposition(|other| other.sets);
                        self.edge(before, step, Reason::OtherHosts);
                        let after = ties.iter().skip(step + 1).position(|other| other.sets);
                        let after = after.map_or(self.waits.len(), |more| step + 1 + more);
                        self.edge(Some(step), after, Reason::OtherHosts);
                    }
                }
            }
        }
    }

    /// All hosts come to a step before any begins it.
    fn before(&mut self, step: usize, reason: Reason) {
        self.edge(step.checked_sub(1), step, reason);
        if let Some(wait) = self.waits.get_mut(step) {
            *wait = Wait::Together;
        }
    }

    /// All hosts end a step, or come to the part, before any begins another; the step behind the
    /// last is the exit.
    fn edge(&mut self, from: Option<usize>, to: usize, reason: Reason) {
        let nodes = (NodeIndex::new(from.map_or(0, |from| from + 1)), NodeIndex::new(to + 1));
        self.graph.add_edge(nodes.0, nodes.1, reason);
        let wait = self.waits.get_mut(to).unwrap_or(&mut self.behind);
        *wait = (*wait).max(from.map_or(Wait::Entry, Wait::Ended));
    }

    /// A host may go past a step without doing it; what it waits for there, it waits for at the
    /// next, or behind the part.
    fn pass_on(&mut self) {
        let mut reached = Wait::Nobody;
        for (step, wait) in self.waits.iter_mut().enumerate() {
            *wait = (*wait).max(reached);
            reached = match *wait {
                Wait::Together if step == 0 => Wait::Entry,
                Wait::Together => Wait::Ended(step - 1),
                wait => wait,
            };
        }
        self.behind = self.behind.max(reached);
    }

    /// Which hosts a step waits for.
    pub fn wait(&self, step: usize) -> Wait {
        self.waits.get(step).copied().unwrap_or(Wait::Nobody)
    }

    /// Which hosts those wait for that have left the part.
    pub fn behind(&self) -> Wait {
        self.behind
    }

    /// What leads to a step: the steps (`None` is the entry) and the reasons.
    pub fn edges_into(&self, step: usize) -> impl Iterator<Item = (Option<usize>, Reason)> {
        self.graph
            .edges_directed(NodeIndex::new(step + 1), Direction::Incoming)
            .map(|edge| (edge.source().index().checked_sub(1), *edge.weight()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::steps::{Step, StepKind, StepTask};
    use crate::playbook::Task;
    use crate::source::{SourceFile, Span};

    fn steps(count: usize) -> Steps {
        let path = std::path::Path::new("play.yml");
        let span = Span::at(&SourceFile::new(path, String::new()), 1, 1);
        let task = Arc::new(StepTask {
            task: Arc::new(Task::plain("x", "ansible.builtin.ping", &span, path)),
            role: None,
            dependents: Vec::new(),
            keywords: Vec::new(),
            tags: std::collections::BTreeSet::new(),
            role_use: None,
        });
        let step = |_| Step { kind: StepKind::Task, task: Arc::clone(&task), position: Vec::new() };
        Steps { list: (0..count).map(step).collect(), ..Steps::default() }
    }

    /// `b` tied before, `a` around, `r` reads, `s` sets, `.` nothing.
    fn waits(row: &str) -> (Vec<Wait>, Wait) {
        let ties: Vec<Ties> = row
            .chars()
            .map(|mark| match mark {
                'b' => Ties { ties: vec![Tie::Before(Reason::Once)], sets: false },
                'a' => Ties { ties: vec![Tie::Around(Reason::Delegation)], sets: false },
                'r' => Ties { ties: vec![Tie::Reads], sets: false },
                mark => Ties { ties: Vec::new(), sets: mark == 's' },
            })
            .collect();
        let order = Order::new(&steps(row.len()), Strategy::Dag, &ties);
        ((0..row.len()).map(|step| order.wait(step)).collect(), order.behind())
    }

    #[test]
    fn ties_become_edges() {
        use Wait::{Ended, Entry, Nobody, Together};
        let cases: &[(&str, &[Wait], Wait)] = &[
            ("...", &[Nobody, Nobody, Nobody], Nobody),
            // those that go past the last step without doing it wait behind the part
            (".b.", &[Nobody, Together, Ended(0)], Ended(0)),
            ("b.", &[Together, Entry], Entry),
            ("b", &[Together], Entry),
            (".a.", &[Nobody, Together, Ended(1)], Ended(1)),
            (".a", &[Nobody, Together], Ended(1)),
            // the step that sets is further back, and the next that sets waits
            ("s.r.s.", &[Nobody, Nobody, Ended(0), Ended(0), Ended(2), Ended(2)], Ended(2)),
            (".r", &[Nobody, Entry], Ended(1)),
            ("sra.", &[Nobody, Ended(0), Together, Ended(2)], Ended(2)),
        ];
        for (row, expected, behind) in cases {
            assert_eq!(waits(row), (expected.to_vec(), *behind), "{row}");
        }
    }

    #[test]
    fn linear_goes_in_step_and_free_does_not() {
        let linear = Order::new(&steps(2), Strategy::Linear, &[]);
        assert_eq!([linear.wait(0), linear.wait(1)], [Wait::Together; 2]);
        assert!(linear.edges_into(1).any(|edge| edge == (Some(0), Reason::LockStep)));
        let free = Order::new(&steps(2), Strategy::Free, &[]);
        assert_eq!([free.wait(0), free.wait(1)], [Wait::Nobody; 2]);
    }
}

//! The graph of steps: what a play does, in which order, and who waits for whom.
//!
//! A play is [compiled](steps) into steps in Ansible's order; the [strategy](order) lays the
//! edges between them. What a task includes while the play runs is compiled into steps of its own,
//! and a host's [trail] leads through both. What a host may begin is read off the edges alone, so that a strategy is
//! nothing but a set of edges.

mod cursor;
mod order;
mod plays;
mod steps;
mod tags;
mod trail;

pub use cursor::Fate;
pub use order::{Order, Reason, Tie, Ties, Wait};
pub use plays::{PlayEdge, PlayReason};
pub use steps::{
    BlockSteps, CompileError, Position, RoleUse, Section, Step, StepKind, StepTask, Steps,
};
pub use tags::{TagFilter, Tagged};
pub use trail::{At, Trail};

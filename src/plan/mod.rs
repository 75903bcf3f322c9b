//! Plans: a rehearsal that is kept, read, approved, and held to.
//!
//! [`Recorder`] listens to a rehearsal and gives the steps of every host: what each would do and
//! what it met. A [`Plan`] keeps them with the inputs that they come from and the report of the
//! rehearsal; [`format`](mod@format) is its form, described in `docs/plan.md`. [`Hold`] holds a run
//! to the steps of a plan, and [`drift`] tells two rehearsals of a host apart. [`signature`] signs
//! plans and verifies them with `ssh-keygen`.

pub mod canonical;
pub mod drift;
mod expiry;
mod file;
pub mod format;
mod hold;
pub mod inputs;
mod key;
mod recorder;
pub mod signature;
mod told;

pub use expiry::{ExpiryError, after};
pub use file::{PlanError, read, write};
pub use format::{Plan, Position, SCHEMA, Step};
pub use hold::{Hold, UnknownSteps};
pub use key::{Key, KeyError, KeyForm};
pub use recorder::{Courses, Recorder, shared};

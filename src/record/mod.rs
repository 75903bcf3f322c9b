//! Records: every run is kept in a small database of the user's.
//!
//! It is one file of `SQLite`, `$XDG_STATE_HOME/canvass/records.db` (`~/.local/state` by default), that
//! only its owner can read. The oldest runs go when it grows beyond its bound. Of a run that fails
//! or breaks off it also keeps what each host has done, so that another run can go on there. What
//! cannot be recorded is a warning: no run is lost by it.

mod error;
mod ongoing;
mod place;
mod recorder;
mod run;
mod store;

pub use error::RecordError;
pub use ongoing::Ongoing;
pub use place::{BOUND, RecordSettings, size};
pub use recorder::{Recorder, Recording, Tell};
pub use run::{Beginning, RunId, RunName, RunRecord};
pub use store::{REPORT, Records};

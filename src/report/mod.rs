//! What people and machines read of a run.
//!
//! [`event`] is the border: `run` sends [`event::Event`]s, in order and already masked, and every
//! [`Consumer`] reads them.

pub mod annotations;
pub mod callback;
mod color;
pub mod compare;
pub mod critical;
pub mod default;
pub mod diff;
pub mod entries;
pub mod event;
pub mod events;
pub mod face;
pub mod file;
pub mod gather;
pub mod hosts;
pub mod human;
pub mod log;
pub mod mask;
pub mod merge;
pub mod minimal;
pub mod model;
pub mod moment;
pub mod outlet;
pub mod profile;
pub mod python_json;
mod recap;
pub mod retry;
pub mod spent;
pub mod text;
mod xml;

pub use color::{Color, ColorChoice, Terminal};

use std::io;

use event::Event;

/// Reads the events of a run.
pub trait Consumer: Send {
    /// Takes the next event.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes what is left to say; called once, after the last event, also when the run broke off.
    fn finish(&mut self) -> io::Result<()>;
}

/// Several consumers of the same events; all of them get each event, the first error is returned.
impl<C: Consumer + ?Sized> Consumer for Vec<Box<C>> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.iter_mut().map(|consumer| consumer.event(event)).fold(Ok(()), Result::and)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.iter_mut().map(|consumer| consumer.finish()).fold(Ok(()), Result::and)
    }
}

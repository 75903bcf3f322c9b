//! What canvass does on a host: the modules, the contract that they keep, and the runner.
//!
//! The way of a task through this crate:
//!
//! 1. [`wire`] decodes a [`wire::TaskRequest`] that the engine sent down the channel.
//! 2. [`registry`] finds the module; its [`params`] turn the arguments into a typed struct.
//! 3. The module *observes* through the [`host::Host`] port, *plans* typed
//!    [`effect::Effect`]s in a pure function, and the host *applies* them ([`contract`]).
//! 4. [`diff`] draws what changes from the effects; a [`wire::ItemReply`] goes back.
//!
//! A live host acts; a rehearsal keeps an overlay of what would be there. No module knows which.

pub mod archive;
pub mod collection;
pub mod contract;
pub mod diff;
pub mod effect;
mod evidence;
pub mod execute;
pub mod host;
pub mod module;
pub mod observation;
pub mod params;
pub mod python_regex;
#[cfg(test)]
pub(crate) mod recorded;
pub mod registry;
pub mod wire;

//! Where the time of a task on a host went (`--profile`).

use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the time of a task on a host went, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Waiting for the other hosts of the play at this step.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub barrier: f64,
    /// Waiting for a place among the forks, or for `throttle`.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub queue: f64,
    /// Evaluating templates, conditions and loops, and the part of a module that works here.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub render: f64,
    /// Opening the connection.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub connect: f64,
    /// Starting the runner on the host, and bringing it there where it is missing.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bootstrap: f64,
    /// The way to the host and back.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub wire: f64,
    /// The host looks what there is.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub observe: f64,
    /// The host changes what must change, and runs commands.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub apply: f64,
    /// Anything else: pauses, delays between tries, polling.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub other: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nothing(seconds: &f64) -> bool {
    *seconds <= 0.0
}

impl Spent {
    /// The names of the parts, in the order of [`Self::parts`].
    pub const NAMES: [&'static str; 9] =
        ["barrier", "queue", "render", "connect", "bootstrap", "wire", "observe", "apply", "other"];

    /// The parts, in the order in which they come about.
    pub fn parts(&self) -> [f64; 9] {
        let Self { barrier, queue, render, connect, bootstrap, wire, observe, apply, other } =
            *self;
        [barrier, queue, render, connect, bootstrap, wire, observe, apply, other]
    }

    /// All of it.
    pub fn whole(&self) -> f64 {
        self.parts().iter().sum()
    }

    /// What is known of an exchange with a host that took so long: the rest was the way.
    pub(crate) fn on_the_way(mut self, whole: Duration) -> Self {
        self.wire += (whole.as_secs_f64() - self.whole()).max(0.0);
        self
    }

    /// Of a task that took so long from its first template to its result: the rest is told so.
    pub(crate) fn in_all(mut self, whole: Duration) -> Self {
        self.other += (whole.as_secs_f64() - self.whole()).max(0.0);
        self
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.barrier += more.barrier;
        self.queue += more.queue;
        self.render += more.render;
        self.connect += more.connect;
        self.bootstrap += more.bootstrap;
        self.wire += more.wire;
        self.observe += more.observe;
        self.apply += more.apply;
        self.other += more.other;
    }
}

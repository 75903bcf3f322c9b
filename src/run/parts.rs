//! The parts of a play's batch: the play itself, and what came while it ran.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::{At, CompileError, Order, Step, StepKind, StepTask, Steps};
use crate::playbook::Strategy;
use crate::vars::{Layer, Scope};

use super::context::{PlayContext, StepLayers};
use super::included::Included;

/// Where a step stands among all steps of a batch: of two hosts the one with the lower key is
/// behind. A part lies between the step that brought it and the next.
pub(crate) type Key = Vec<usize>;

/// How deep includes may nest: a file that includes itself must come to an end.
const NESTING_LIMIT: usize = 500;

/// All parts, in the order in which they came.
pub(crate) struct Parts {
    strategy: Strategy,
    steps: Vec<Arc<Steps>>,
    about: Vec<Part>,
    /// Runs of handlers: the step that lets them run, and how many there are.
    handlers: HashMap<(At, usize), usize>,
}

struct Part {
    /// The key of the step that brought it, and its own number.
    prefix: Key,
    order: Order,
    layers: Vec<Arc<StepLayers>>,
    /// The variables of the rounds that included it, the innermost first.
    items: Vec<Arc<Layer>>,
}

impl Parts {
    pub(crate) fn new(play: &PlayContext, steps: Steps, strategy: Strategy) -> Self {
        let mut parts =
            Self { strategy, steps: Vec::new(), about: Vec::new(), handlers: HashMap::new() };
        parts.add(play, steps, Key::new(), Vec::new());
        parts
    }

    /// The steps of all parts.
    pub(crate) fn steps(&self) -> &[Arc<Steps>] {
        &self.steps
    }

    /// A step.
    pub(crate) fn step(&self, at: At) -> Option<&Step> {
        self.steps.get(at.part)?.list.get(at.step)
    }

    /// What a step adds to the variables of a host.
    pub(crate) fn layers(&self, at: At) -> Option<Arc<StepLayers>> {
        self.about.get(at.part)?.layers.get(at.step).cloned()
    }

    /// The variables that a host sees at a step.
    pub(crate) fn scope(&self, play: &PlayContext, host: &str, at: At) -> Scope {
        match self.layers(at) {
            Some(layers) => play.step_scope(host, &layers),
            None => play.host_scope(host),
        }
    }

    /// Where a step stands.
    pub(crate) fn key(&self, at: At) -> Key {
        let prefix = self.about.get(at.part).map(|part| part.prefix.as_slice());
        let mut key = Vec::with_capacity(prefix.map_or(1, |prefix| prefix.len() + 1));
        key.extend_from_slice(prefix.unwrap_or_default());
        key.push(at.step);
        key
    }

    /// Whether a host that is ready for the step waits until all hosts of the batch are.
    pub(crate) fn couples_hosts(&self, at: At) -> bool {
        // no edge leads to a first step, but all hosts come to it together
        (at.step == 0 && self.strategy == Strategy::Linear)
            || self.about.get(at.part).is_some_and(|part| part.order.couples_hosts(at.step))
    }

    /// The part with what a step included.
    pub(crate) fn include(
        &mut self,
        play: &PlayContext,
        at: At,
        included: &Included,
    ) -> Result<usize, CompileError> {
        let Some(step) = self.step(at) else { return Ok(self.steps.len()) };
        // each level adds the step and the part
        if self.key(at).len() > 2 * NESTING_LIMIT {
            let span = step.task.task.span.clone();
            return Err(CompileError::NestedTooDeep { limit: NESTING_LIMIT, span });
        }
        let kind = match step.kind {
            StepKind::Handler | StepKind::InHandler => StepKind::InHandler,
            StepKind::Facts | StepKind::Task | StepKind::Flush | StepKind::RoleEnd => {
                StepKind::Task
            }
        };
        let steps = included.compile(play, &step.task, kind)?;
        let mut items: Vec<Arc<Layer>> = vec![Arc::clone(&included.item)];
        items.extend(self.about.get(at.part).into_iter().flat_map(|part| part.items.clone()));
        items.retain(|layer| !layer.is_empty());
        Ok(self.add(play, steps, self.key(at), items))
    }

    /// The part with the handlers that are known by now, behind a step that lets them run.
    pub(crate) fn handlers(
        &mut self,
        play: &PlayContext,
        at: At,
        handlers: &[Arc<StepTask>],
    ) -> usize {
        if let Some(known) = self.handlers.get(&(at, handlers.len())) {
            return *known;
        }
        let part = self.add(play, Steps::of_handlers(handlers), self.key(at), Vec::new());
        self.handlers.insert((at, handlers.len()), part);
        part
    }

    fn add(
        &mut self,
        play: &PlayContext,
        steps: Steps,
        mut prefix: Key,
        items: Vec<Arc<Layer>>,
    ) -> usize {
        let number = self.steps.len();
        if number > 0 {
            prefix.push(number);
        }
        self.about.push(Part {
            prefix,
            order: Order::new(&steps, self.strategy),
            layers: play.layers(&steps, &items),
            items,
        });
        self.steps.push(Arc::new(steps));
        number
    }
}

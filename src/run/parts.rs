//! The parts of a play's batch: the play itself, and what came while it ran.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::graph::{At, CompileError, Order, Step, StepKind, StepTask, Steps, Wait};
use crate::playbook::Strategy;
use crate::vars::{Layer, Scope};

use super::context::{PlayContext, StepLayers};
use super::coupling::Coupling;
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
    /// What was included, by the step that did: hosts that come there later go the same way.
    included: Vec<(At, Included, usize)>,
    /// What ties the hosts to each other, under `dag`.
    coupling: Option<Coupling>,
    /// By the first key behind a part: the lowest place of all hosts with which a host may go on
    /// there.
    behind: BTreeMap<Key, Key>,
}

struct Part {
    /// The key of the step that brought it, and its own number.
    prefix: Key,
    order: Order,
    layers: Vec<Arc<StepLayers>>,
    /// The step that lets these handlers run, where they are some: a host enters them without
    /// having waited there.
    flush: Option<At>,
    /// The variables of the rounds that included it, the innermost first.
    items: Vec<Arc<Layer>>,
}

impl Parts {
    pub(crate) fn new(
        play: &PlayContext,
        steps: Steps,
        strategy: Strategy,
        batch: &[String],
    ) -> Self {
        let coupling = (strategy == Strategy::Dag).then(|| Coupling::of_batch(play, batch));
        let mut parts = Self {
            strategy,
            steps: Vec::new(),
            about: Vec::new(),
            handlers: HashMap::new(),
            included: Vec::new(),
            coupling,
            behind: BTreeMap::new(),
        };
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

    /// The lowest place of all hosts with which a host that is ready for the step may go on;
    /// `None` where it waits for nobody.
    pub(crate) fn gate(&self, at: At) -> Option<Key> {
        let part = self.about.get(at.part)?;
        let key = self.key(at);
        let before = part.flush.and_then(|flush| self.gate(flush));
        let behind = self.behind.range::<Key, _>(..=&key).next_back().map(|(_, gate)| gate.clone());
        let own = match part.order.wait(at.step) {
            Wait::Together => Some(key),
            wait => part.gate(wait),
        };
        own.max(behind).max(before)
    }

    /// Variables came while the play runs (`include_vars`): what they lead to ties steps, too.
    pub(crate) fn learn(&mut self, variables: &Layer) {
        let Some(coupling) = self.coupling.as_mut().filter(|_| !variables.is_empty()) else {
            return;
        };
        if coupling.learn_while_running(variables) {
            for (steps, about) in self.steps.iter().zip(&mut self.about) {
                about.order = Order::new(steps, self.strategy, &coupling.ties(steps));
            }
            self.behind.clear();
            (0..self.about.len()).for_each(|part| self.wait_behind(part));
        }
    }

    /// The part with what a step included, and whether it is new. Of equal ones a host enters each
    /// once, so those that it enters already are left out.
    pub(crate) fn include(
        &mut self,
        play: &PlayContext,
        at: At,
        included: &Included,
        entered: &VecDeque<usize>,
    ) -> Result<(usize, bool), CompileError> {
        let known = self.included.iter().find(|(other, what, part)| {
            *other == at && what.is_same(included) && !entered.contains(part)
        });
        if let Some((_, _, part)) = known {
            return Ok((*part, false));
        }
        let Some(step) = self.step(at) else { return Ok((self.steps.len(), true)) };
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
        let part = self.add(play, steps, self.key(at), items);
        self.included.push((at, included.clone(), part));
        Ok((part, true))
    }

    /// Hosts wait for each other behind a part: at the next one that its step brought, or at the
    /// next step.
    fn wait_behind(&mut self, part: usize) {
        let Some(part) = self.about.get(part) else { return };
        let (Some(gate), Some(end)) = (part.gate(part.order.behind()), part.end()) else { return };
        // what lies behind this part lies behind those before it, too
        let before = self.behind.range::<Key, _>(..=&end).next_back().map(|(_, gate)| gate);
        let gate = before.filter(|before| **before > gate).cloned().unwrap_or(gate);
        for (_, later) in self.behind.range_mut::<Key, _>(&end..) {
            if *later < gate {
                later.clone_from(&gate);
            }
        }
        self.behind.insert(end, gate);
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
        if let Some(about) = self.about.get_mut(part) {
            about.flush = Some(at);
        }
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
        let ties = self.coupling.as_mut().map(|coupling| coupling.ties(&steps)).unwrap_or_default();
        self.about.push(Part {
            prefix,
            order: Order::new(&steps, self.strategy, &ties),
            flush: None,
            layers: play.layers(&steps, &items),
            items,
        });
        self.steps.push(Arc::new(steps));
        self.wait_behind(number);
        number
    }
}

impl Part {
    /// The lowest place of all hosts with which a host need not wait any more.
    fn gate(&self, wait: Wait) -> Option<Key> {
        let step = match wait {
            Wait::Nobody | Wait::Together => return None,
            Wait::Entry => 0,
            Wait::Ended(step) => step + 1,
        };
        Some(self.prefix.iter().copied().chain([step]).collect())
    }

    /// The first key behind all of its steps; `None` behind the play.
    fn end(&self) -> Option<Key> {
        let mut end = self.prefix.clone();
        *end.last_mut()? += 1;
        Some(end)
    }
}

//! Where a host stands: among the steps of its play, and among those of what it has included.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cursor::{Cursor, Fate};
use super::steps::Steps;

/// A step of one part: part 0 is the play, each further one a file, a role or a run of handlers
/// that came while the play ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// The part.
    pub part: usize,
    /// The step in it.
    pub step: usize,
}

/// The way of a host through parts that nest: while it is in an included part it still stands, one
/// level up, at the step that included it.
#[derive(Debug, Clone)]
pub struct Trail {
    frames: Vec<Frame>,
}

#[derive(Debug, Clone)]
struct Frame {
    part: usize,
    cursor: Cursor,
    /// Parts that the same step included, still to come.
    queued: VecDeque<usize>,
}

impl Trail {
    /// A host before the first step of its play.
    pub fn new(parts: &[Arc<Steps>]) -> Self {
        let mut trail = Self { frames: Vec::new() };
        if let Some(steps) = parts.first() {
            trail.frames.push(Frame {
                part: 0,
                cursor: Cursor::new(steps),
                queued: VecDeque::new(),
            });
        }
        trail
    }

    /// The step that comes next; `None` at the end of the play.
    pub fn next(&self, parts: &[Arc<Steps>]) -> Option<At> {
        let frame = self.frames.last()?;
        let step = frame.cursor.next(parts.get(frame.part)?)?;
        Some(At { part: frame.part, step })
    }

    /// Enters the parts that the next step brought, one after the other.
    pub fn enter(&mut self, mut included: VecDeque<usize>, parts: &[Arc<Steps>]) -> Option<Fate> {
        let Some(part) = included.pop_front() else { return self.done(parts) };
        let cursor = parts.get(part).map(|steps| Cursor::new(steps)).unwrap_or_default();
        self.frames.push(Frame { part, cursor, queued: included });
        self.settle(parts)
    }

    /// Goes past the step that was done. Where an always part ends with a failure pending, tells
    /// what becomes of it.
    pub fn done(&mut self, parts: &[Arc<Steps>]) -> Option<Fate> {
        let frame = self.frames.last_mut()?;
        match frame.cursor.done(parts.get(frame.part)?) {
            Some(Fate::Failed) => Some(self.out(parts)),
            Some(fate) => Some(fate),
            None => self.settle(parts),
        }
    }

    /// The step failed.
    pub fn failed(&mut self, parts: &[Arc<Steps>]) -> Fate {
        let Some(frame) = self.frames.last_mut() else { return Fate::Failed };
        let Some(steps) = parts.get(frame.part) else { return Fate::Failed };
        match frame.cursor.failed(steps) {
            Fate::Failed => self.out(parts),
            fate => fate,
        }
    }

    /// The part that the host stands in has failed as a whole: so has the step that included it.
    fn out(&mut self, parts: &[Arc<Steps>]) -> Fate {
        if self.frames.len() <= 1 {
            return Fate::Failed;
        }
        self.frames.pop();
        self.failed(parts)
    }

    /// Leaves parts that are done.
    fn settle(&mut self, parts: &[Arc<Steps>]) -> Option<Fate> {
        if self.frames.len() <= 1 || self.next(parts).is_some() {
            return None;
        }
        // an empty rest leads past the step that included it
        let rest = self.frames.pop().map(|frame| frame.queued).unwrap_or_default();
        self.enter(rest, parts)
    }

    /// The step of the play that the host stands at.
    pub fn root_step(&self, parts: &[Arc<Steps>]) -> Option<usize> {
        self.frames.first()?.cursor.next(parts.first()?)
    }

    /// Forgets failures that are pending behind always parts.
    pub fn forgive(&mut self) {
        for frame in &mut self.frames {
            frame.cursor.forgive();
        }
    }

    /// Goes on at a step of the play itself, outside all blocks.
    pub fn go_to(&mut self, step: usize) {
        self.frames.truncate(1);
        if let Some(frame) = self.frames.first_mut() {
            frame.cursor.go_to(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::steps::{BlockSteps, Position, Section, Step, StepKind, StepTask};
    use crate::playbook::Task;
    use crate::source::{SourceFile, Span};

    /// Steps without blocks, or one block with a rescue over all but the last two.
    fn part(length: usize, rescued: bool) -> Arc<Steps> {
        let path = std::path::Path::new("play.yml");
        let span = Span::at(&SourceFile::new(path, String::new()), 1, 1);
        let task = Arc::new(StepTask {
            task: Arc::new(Task::plain("x", "ansible.builtin.ping", &span, path)),
            role: None,
            role_use: None,
            dependents: Vec::new(),
            keywords: Vec::new(),
            tags: std::collections::BTreeSet::new(),
        });
        let rescue = length.saturating_sub(2);
        let position = |step: usize| match (rescued, step) {
            (true, step) if step < rescue => vec![Position { block: 0, section: Section::Block }],
            (true, step) if step == rescue => vec![Position { block: 0, section: Section::Rescue }],
            _ => Vec::new(),
        };
        let list = (0..length)
            .map(|step| Step {
                kind: StepKind::Task,
                task: Arc::clone(&task),
                position: position(step),
            })
            .collect();
        let blocks = match rescued {
            true => {
                vec![BlockSteps { block: 0..rescue, rescue: rescue..rescue + 1, always: 0..0 }]
            }
            false => Vec::new(),
        };
        Arc::new(Steps { list, blocks, ..Steps::default() })
    }

    fn walk(trail: &mut Trail, parts: &[Arc<Steps>]) -> Vec<(usize, usize)> {
        let mut seen = Vec::new();
        while let Some(at) = trail.next(parts) {
            seen.push((at.part, at.step));
            trail.done(parts);
        }
        seen
    }

    #[test]
    fn an_included_part_comes_between_its_step_and_the_next() {
        let parts = [part(2, false), part(2, false), part(0, false), part(1, false)];
        let mut trail = Trail::new(&parts);
        trail.enter(VecDeque::from([1, 2, 3]), &parts);
        assert_eq!(walk(&mut trail, &parts), [(1, 0), (1, 1), (3, 0), (0, 1)]);
        let mut trail = Trail::new(&parts);
        trail.enter(VecDeque::from([2]), &parts);
        assert_eq!(walk(&mut trail, &parts), [(0, 1)]);
    }

    #[test]
    fn a_failure_in_a_part_is_one_of_the_step_that_included_it() {
        let parts = [part(4, true), part(2, false), part(1, false)];
        let mut trail = Trail::new(&parts);
        trail.enter(VecDeque::from([1, 2]), &parts);
        assert_eq!(trail.failed(&parts), Fate::Rescued);
        assert_eq!(walk(&mut trail, &parts), [(0, 2), (0, 3)]);
        let parts = [part(2, false), part(2, false)];
        let mut trail = Trail::new(&parts);
        trail.enter(VecDeque::from([1]), &parts);
        assert_eq!(trail.failed(&parts), Fate::Failed);
        assert_eq!(trail.next(&parts), None);
    }
}

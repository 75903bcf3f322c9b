//! Where a host stands among the steps of a play: a state machine over blocks.

use super::steps::{Section, Steps};

/// Where a host stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor {
    next: usize,
    /// Blocks whose rescue part this host is in or has passed.
    rescuing: Vec<usize>,
    /// Blocks whose always part this host does with a failure still pending.
    pending: Vec<usize>,
}

/// What a failure means for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A rescue part takes over.
    Rescued,
    /// An always part comes first; the host fails behind it.
    Pending,
    /// The host leaves the play.
    Failed,
}

impl Cursor {
    /// A host before the first step.
    pub(super) fn new(steps: &Steps) -> Self {
        let mut cursor = Self::default();
        cursor.settle(steps);
        cursor
    }

    /// The step that comes next; `None` at the end.
    pub(super) fn next(&self, steps: &Steps) -> Option<usize> {
        (self.next < steps.list.len()).then_some(self.next)
    }

    /// Goes past the step that was done. At the end of an always part a failure that was pending
    /// goes on, and this tells where to.
    pub(super) fn done(&mut self, steps: &Steps) -> Option<Fate> {
        self.next += 1;
        self.settle(steps)
    }

    /// The step failed.
    pub(super) fn failed(&mut self, steps: &Steps) -> Fate {
        let from = steps
            .list
            .get(self.next)
            .map(|step| step.position.iter().rev().copied().collect::<Vec<_>>())
            .unwrap_or_default();
        for position in from {
            let Some(block) = steps.blocks.get(position.block) else { continue };
            self.pending.retain(|pending| *pending != position.block);
            if position.section == Section::Block && !block.rescue.is_empty() {
                self.rescuing.push(position.block);
                self.next = block.rescue.start;
                return Fate::Rescued;
            }
            if position.section != Section::Always && !block.always.is_empty() {
                self.pending.push(position.block);
                self.next = block.always.start;
                return Fate::Pending;
            }
        }
        self.next = steps.list.len();
        Fate::Failed
    }

    /// Forgets failures that are pending.
    pub(super) fn forgive(&mut self) {
        self.pending.clear();
    }

    /// Goes on at a later step, outside all blocks.
    pub(super) fn go_to(&mut self, step: usize) {
        self.next = step;
        self.pending.clear();
    }

    /// Skips rescue parts that are not for this host, and lets pending failures out at the end of
    /// their always part.
    fn settle(&mut self, steps: &Steps) -> Option<Fate> {
        loop {
            if let Some(block) = self.pending.last().copied()
                && let Some(ranges) = steps.blocks.get(block)
                && self.next >= ranges.always.end
            {
                self.next = ranges.always.end.saturating_sub(1);
                return match self.failed(steps) {
                    Fate::Pending => self.settle(steps),
                    fate => Some(fate),
                };
            }
            let skipped = steps.list.get(self.next).and_then(|step| {
                step.position
                    .iter()
                    .find(|position| {
                        position.section == Section::Rescue
                            && !self.rescuing.contains(&position.block)
                    })
                    .and_then(|position| steps.blocks.get(position.block))
            });
            match skipped {
                Some(block) => self.next = block.rescue.end,
                None => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::steps::{BlockSteps, Position, Step, StepKind, StepTask};
    use crate::playbook::Task;
    use crate::source::{SourceFile, Span};

    /// `b` block, `r` rescue, `a` always of one block, `.` outside; nested blocks by two rows.
    fn steps(rows: &[&str]) -> Steps {
        let length = rows.first().map_or(0, |row| row.len());
        let range = |row: &str, mark: char| {
            let start = row.find(mark).unwrap_or(0);
            start..row.rfind(mark).map_or(0, |last| last + 1)
        };
        let blocks = rows
            .iter()
            .map(|row| BlockSteps {
                block: range(row, 'b'),
                rescue: range(row, 'r'),
                always: range(row, 'a'),
            })
            .collect();
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
        let list = (0..length)
            .map(|index| Step {
                kind: StepKind::Task,
                task: Arc::clone(&task),
                position: rows
                    .iter()
                    .enumerate()
                    .filter_map(|(block, row)| {
                        let section = match row.as_bytes()[index] {
                            b'b' => Section::Block,
                            b'r' => Section::Rescue,
                            b'a' => Section::Always,
                            _ => return None,
                        };
                        Some(Position { block, section })
                    })
                    .collect(),
            })
            .collect();
        Steps { list, blocks, ..Steps::default() }
    }

    /// Walks a play in which the named steps fail; gives the steps done and whether the host is
    /// in the play at the end.
    fn walk(rows: &[&str], failing: &[usize]) -> (Vec<usize>, bool) {
        let steps = steps(rows);
        let mut cursor = Cursor::new(&steps);
        let mut done = Vec::new();
        let mut alive = true;
        while let Some(next) = cursor.next(&steps) {
            done.push(next);
            let fate = if failing.contains(&next) {
                Some(cursor.failed(&steps))
            } else {
                cursor.done(&steps)
            };
            alive &= fate != Some(Fate::Failed);
        }
        (done, alive)
    }

    #[test]
    fn blocks_go_as_ansible_goes_through_them() {
        let cases: &[(&[&str], &[usize], &[usize], bool)] = &[
            (&["..."], &[], &[0, 1, 2], true),
            (&["..."], &[1], &[0, 1], false),
            (&["bbra."], &[], &[0, 1, 3, 4], true),
            (&["bbra."], &[0], &[0, 2, 3, 4], true),
            (&["bbra."], &[0, 2], &[0, 2, 3], false),
            (&["bba.."], &[0], &[0, 2], false),
            (&["bbr.."], &[1], &[0, 1, 2, 3, 4], true),
            // an always inside a block with a rescue
            (&["bbbr.", "ba..."], &[0], &[0, 1, 3, 4], true),
            (&["bbbra", "br..."], &[0, 1], &[0, 1, 3, 4], true),
            // a failing always
            (&["ba."], &[1], &[0, 1], false),
            (&["bbr.", "ba.."], &[0, 1], &[0, 1, 2, 3], true),
        ];
        for (rows, failing, expected, alive) in cases {
            assert_eq!(walk(rows, failing), (expected.to_vec(), *alive), "{rows:?} {failing:?}");
        }
    }
}

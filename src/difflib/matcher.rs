//! Matching of two sequences as Python's `difflib.SequenceMatcher` does it.
//!
//! The longest block of equal lines is found, then the same left and right of it. From 200 lines
//! on, a line that makes up more than 1 % of the new side (and one more) starts no block: that
//! keeps the search fast and finds the blocks that people see.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Lines from which popular ones start no block.
const POPULAR_FROM: usize = 200;

/// A run of equal lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Block {
    old: usize,
    new: usize,
    length: usize,
}

/// What happens between old and new lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// The lines are the same.
    Equal(Range<usize>, Range<usize>),
    /// Old lines (maybe none) give way to new lines (maybe none).
    Replace(Range<usize>, Range<usize>),
}

/// The edits that turn old into new, in order.
pub(super) fn edits<T: Eq + std::hash::Hash>(old: &[T], new: &[T]) -> Vec<Edit> {
    let (old, new) = number(old, new);
    let mut edits = Vec::new();
    let (mut at_old, mut at_new) = (0, 0);
    for block in Matcher::new(&old, &new).blocks() {
        if at_old < block.old || at_new < block.new {
            edits.push(Edit::Replace(at_old..block.old, at_new..block.new));
        }
        (at_old, at_new) = (block.old + block.length, block.new + block.length);
        if block.length > 0 {
            edits.push(Edit::Equal(block.old..at_old, block.new..at_new));
        }
    }
    edits
}

/// Gives equal lines equal numbers, so that comparing is cheap.
fn number<'a, T: Eq + std::hash::Hash>(old: &'a [T], new: &'a [T]) -> (Vec<usize>, Vec<usize>) {
    let mut numbers: HashMap<&'a T, usize> = HashMap::new();
    let mut all = |lines: &'a [T]| -> Vec<usize> {
        lines
            .iter()
            .map(|line| {
                let next = numbers.len();
                *numbers.entry(line).or_insert(next)
            })
            .collect()
    };
    (all(old), all(new))
}

struct Matcher<'a> {
    old: &'a [usize],
    new: &'a [usize],
    /// Where each line stands on the new side; popular lines are left out.
    places: HashMap<usize, Vec<usize>>,
}

impl<'a> Matcher<'a> {
    fn new(old: &'a [usize], new: &'a [usize]) -> Self {
        let mut places: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, line) in new.iter().enumerate() {
            places.entry(*line).or_default().push(at);
        }
        if new.len() >= POPULAR_FROM {
            let most = new.len() / 100 + 1;
            places.retain(|_, found| found.len() <= most);
        }
        Self { old, new, places }
    }

    /// All blocks in order, adjacent ones joined; an empty one at the end.
    fn blocks(&self) -> Vec<Block> {
        let mut found: HashSet<Block> = HashSet::new();
        let mut waiting = vec![(0..self.old.len(), 0..self.new.len())];
        while let Some((old, new)) = waiting.pop() {
            let block = self.longest(old.clone(), new.clone());
            if block.length == 0 {
                continue;
            }
            found.insert(block);
            if old.start < block.old && new.start < block.new {
                waiting.push((old.start..block.old, new.start..block.new));
            }
            let (old_end, new_end) = (block.old + block.length, block.new + block.length);
            if old_end < old.end && new_end < new.end {
                waiting.push((old_end..old.end, new_end..new.end));
            }
        }
        let mut sorted: Vec<Block> = found.into_iter().collect();
        sorted.sort_unstable();
        let mut joined: Vec<Block> = Vec::with_capacity(sorted.len() + 1);
        for block in sorted {
            match joined.last_mut() {
                Some(last)
                    if last.old + last.length == block.old
                        && last.new + last.length == block.new =>
                {
                    last.length += block.length;
                }
                _ => joined.push(block),
            }
        }
        joined.push(Block { old: self.old.len(), new: self.new.len(), length: 0 });
        joined
    }

    /// The longest block within both ranges: of several the one that starts first on the old
    /// side, then first on the new side; then grown over popular lines.
    fn longest(&self, old: Range<usize>, new: Range<usize>) -> Block {
        let mut best = Block { old: old.start, new: new.start, length: 0 };
        // lengths of the blocks that end at (row before, place)
        let mut ending: HashMap<usize, usize> = HashMap::new();
        for row in old.clone() {
            let mut ending_here = HashMap::new();
            let places = self.old.get(row).and_then(|line| self.places.get(line));
            for &place in places.into_iter().flatten() {
                if place < new.start {
                    continue;
                }
                if place >= new.end {
                    break;
                }
                let before = place.checked_sub(1).and_then(|left| ending.get(&left));
                let length = before.copied().unwrap_or(0) + 1;
                ending_here.insert(place, length);
                if length > best.length {
                    best = Block { old: row + 1 - length, new: place + 1 - length, length };
                }
            }
            ending = ending_here;
        }
        while best.old > old.start && best.new > new.start && self.same(best.old - 1, best.new - 1)
        {
            best = Block { old: best.old - 1, new: best.new - 1, length: best.length + 1 };
        }
        while best.old + best.length < old.end
            && best.new + best.length < new.end
            && self.same(best.old + best.length, best.new + best.length)
        {
            best.length += 1;
        }
        best
    }

    fn same(&self, old: usize, new: usize) -> bool {
        self.old.get(old) == self.new.get(new)
    }
}

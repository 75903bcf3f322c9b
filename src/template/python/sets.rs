//! The order in which a set of Python gives whole numbers: that of its hash table. Texts have no
//! such order there, as their hashes differ from run to run; here they keep that of the lists.

use minijinja::Value;

use super::class::as_integer;

/// What is made of two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum SetOperation {
    Union,
    Intersection,
    Difference,
    SymmetricDifference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Empty,
    /// Something was here.
    Gone,
    Taken(i128),
}

/// The hash table of `set`: open addressing, with a few neighbours looked at before a jump.
struct Table {
    slots: Vec<Slot>,
    /// Slots that are not empty.
    fill: usize,
    used: usize,
}

const SMALLEST: usize = 8;
const NEIGHBOURS: usize = 9;
const MODULUS: i128 = (1 << 61) - 1;

/// `hash(number)`, as the unsigned number that it is for the table.
fn hash(number: i128) -> u64 {
    let hash = number % MODULUS;
    let hash = if hash == -1 { -2 } else { hash };
    i64::try_from(hash).unwrap_or_default().cast_unsigned()
}

impl Table {
    fn new() -> Self {
        Self { slots: vec![Slot::Empty; SMALLEST], fill: 0, used: 0 }
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// The slot of a number, or the empty one where it belongs.
    fn find(&self, number: i128) -> usize {
        let mask = self.mask();
        let mut perturbation = hash(number);
        let wide = |value: u64| usize::try_from(value).unwrap_or_default();
        let mut index = wide(perturbation) & mask;
        loop {
            let last = if index + NEIGHBOURS <= mask { index + NEIGHBOURS } else { index };
            for place in index..=last {
                match self.slots.get(place) {
                    Some(Slot::Gone) => {}
                    Some(Slot::Taken(other)) if *other != number => {}
                    _ => return place,
                }
            }
            perturbation >>= 5;
            let next = index.wrapping_mul(5).wrapping_add(1).wrapping_add(wide(perturbation));
            index = next & mask;
        }
    }

    fn contains(&self, number: i128) -> bool {
        self.slots.get(self.find(number)) == Some(&Slot::Taken(number))
    }

    fn put(&mut self, number: i128) -> bool {
        let place = self.find(number);
        match self.slots.get_mut(place) {
            Some(slot @ Slot::Empty) => {
                *slot = Slot::Taken(number);
                self.fill += 1;
                self.used += 1;
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, number: i128) {
        if self.put(number) && self.fill * 5 >= self.mask() * 3 {
            self.resize(if self.used > 50_000 { self.used * 2 } else { self.used * 4 });
        }
    }

    fn resize(&mut self, least: usize) {
        let mut size = SMALLEST;
        while size <= least {
            size *= 2;
        }
        let numbers = self.numbers();
        *self = Self { slots: vec![Slot::Empty; size], fill: 0, used: 0 };
        for number in numbers {
            self.put(number);
        }
    }

    fn discard(&mut self, number: i128) -> bool {
        let place = self.find(number);
        match self.slots.get_mut(place) {
            Some(slot @ Slot::Taken(_)) => {
                *slot = Slot::Gone;
                self.used -= 1;
                true
            }
            _ => false,
        }
    }

    fn numbers(&self) -> Vec<i128> {
        let taken = |slot: &Slot| match slot {
            Slot::Taken(number) => Some(*number),
            Slot::Empty | Slot::Gone => None,
        };
        self.slots.iter().filter_map(taken).collect()
    }

    fn of(numbers: &[i128]) -> Self {
        let mut table = Self::new();
        for number in numbers {
            table.add(*number);
        }
        table
    }

    /// Takes in another table, as `set.update` does.
    fn merge(&mut self, other: &Self) {
        if (self.fill + other.used) * 5 >= self.mask() * 3 {
            self.resize((self.used + other.used) * 2);
        }
        if self.fill == 0 && self.mask() == other.mask() && other.fill == other.used {
            self.slots.clone_from(&other.slots);
            (self.fill, self.used) = (other.fill, other.used);
            return;
        }
        let fresh = self.fill == 0;
        for number in other.numbers() {
            if fresh {
                self.put(number);
            } else {
                self.add(number);
            }
        }
    }

    fn copied(&self) -> Self {
        let mut copy = Self::new();
        copy.merge(self);
        copy
    }
}

/// The numbers that an operation on two lists as sets gives, in Python's order; `None` where not
/// all are whole numbers.
pub(in crate::template) fn numbers_of_sets(
    operation: SetOperation,
    left: &[Value],
    right: &[Value],
) -> Option<Vec<Value>> {
    let numbers = |values: &[Value]| values.iter().map(as_integer).collect::<Option<Vec<_>>>();
    let (left_numbers, right_numbers) = (numbers(left)?, numbers(right)?);
    let (one, other) = (Table::of(&left_numbers), Table::of(&right_numbers));
    let made = match operation {
        SetOperation::Union => {
            let mut made = one.copied();
            made.merge(&other);
            made
        }
        SetOperation::Intersection => {
            let (small, large) =
                if other.used > one.used { (&one, &other) } else { (&other, &one) };
            let both: Vec<i128> =
                small.numbers().into_iter().filter(|number| large.contains(*number)).collect();
            Table::of(&both)
        }
        SetOperation::Difference if one.used >> 2 > other.used => {
            let mut made = one.copied();
            for number in other.numbers() {
                made.discard(number);
            }
            made
        }
        SetOperation::Difference => {
            let rest: Vec<i128> =
                one.numbers().into_iter().filter(|number| !other.contains(*number)).collect();
            Table::of(&rest)
        }
        SetOperation::SymmetricDifference => {
            let mut made = other.copied();
            for number in one.numbers() {
                if !made.discard(number) {
                    made.add(number);
                }
            }
            made
        }
    };
    // the element that was there first stands for its equals: `true` and `1`
    let all = || left.iter().chain(right);
    let first = |number: i128| all().find(|value| as_integer(value) == Some(number)).cloned();
    Some(made.numbers().into_iter().filter_map(first).collect())
}

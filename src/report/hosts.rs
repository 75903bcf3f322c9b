//! Folding of host names: `web[01-40], db[1,3,5-7]` in place of 44 names.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Longest run of digits that is taken as a number; longer ones are names.
const LONGEST_NUMBER: usize = 18;

/// Folds host names into one short text, sorted as people sort (`web2` before `web10`).
///
/// The order and repetition of the input do not matter.
pub fn fold<I>(hosts: I) -> String
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    fold_groups(hosts).join(", ")
}

/// Folds host names into groups that differ in one number each.
pub fn fold_groups<I>(hosts: I) -> Vec<String>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let unique: BTreeSet<String> = hosts.into_iter().map(|host| host.as_ref().to_owned()).collect();
    let mut names: Vec<String> = unique.into_iter().collect();
    names.sort_by(|a, b| natural(a, b));

    let mut families: HashMap<Family, usize> = HashMap::new();
    for name in &names {
        for (family, _) in families_of(name) {
            *families.entry(family).or_default() += 1;
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Family, usize> = HashMap::new();
    for name in &names {
        // the largest family wins; among equals the one whose number stands last
        let best = families_of(name)
            .into_iter()
            .max_by_key(|(family, _)| (families.get(family).copied(), family.prefix.len()));
        let Some((family, number)) = best else {
            groups.push(Group { family: Family::alone(name), numbers: Vec::new() });
            continue;
        };
        let place = places.get(&family).copied();
        if let Some(group) = place.and_then(|place| groups.get_mut(place)) {
            group.numbers.push(number);
        } else {
            places.insert(family.clone(), groups.len());
            groups.push(Group { family, numbers: vec![number] });
        }
    }
    groups.iter().map(Group::draw).collect()
}

/// Compares names as people do: runs of digits by their value.
pub fn natural(left: &str, right: &str) -> Ordering {
    let (mut lefts, mut rights) = (pieces(left).into_iter(), pieces(right).into_iter());
    loop {
        match (lefts.next(), rights.next()) {
            (None, None) => return left.cmp(right),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => {
                let order = match (one.digits(), other.digits()) {
                    // without leading zeros the longer one is the greater one
                    (Some(m), Some(n)) => (m.len(), m).cmp(&(n.len(), n)),
                    _ => one.text.cmp(other.text),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

/// A name with one number taken out of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Family {
    prefix: String,
    suffix: String,
}

impl Family {
    fn alone(name: &str) -> Self {
        Self { prefix: name.to_owned(), suffix: String::new() }
    }
}

/// A number as it is written.
#[derive(Debug, Clone)]
struct Number {
    value: u64,
    text: String,
}

#[derive(Debug)]
struct Group {
    family: Family,
    numbers: Vec<Number>,
}

impl Group {
    fn draw(&self) -> String {
        let Family { prefix, suffix } = &self.family;
        match self.numbers.as_slice() {
            [] => prefix.clone(),
            [only] => format!("{prefix}{}{suffix}", only.text),
            _ => format!("{prefix}[{}]{suffix}", self.ranges()),
        }
    }

    fn ranges(&self) -> String {
        let mut sorted: Vec<&Number> = self.numbers.iter().collect();
        sorted.sort_by(|a, b| (a.value, &a.text).cmp(&(b.value, &b.text)));
        let mut ranges: Vec<(&Number, &Number)> = Vec::new();
        for number in sorted {
            match ranges.last_mut() {
                Some((first, last)) if follows(first, last, number) => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        let mut text = String::new();
        for (first, last) in ranges {
            let comma = if text.is_empty() { "" } else { "," };
            // writing to a string cannot fail
            let _ = if first.text == last.text {
                write!(text, "{comma}{}", first.text)
            } else {
                write!(text, "{comma}{}-{}", first.text, last.text)
            };
        }
        text
    }
}

/// Whether `number` continues the range, written in the same width rule as its first.
fn follows(first: &Number, last: &Number, number: &Number) -> bool {
    last.value.checked_add(1) == Some(number.value)
        && number.text == written(number.value, &first.text)
}

/// A value in the width rule of a range's first number: padded only when that has a leading zero.
fn written(value: u64, first: &str) -> String {
    let width = if first.starts_with('0') { first.len() } else { 0 };
    format!("{value:0width$}")
}

struct Piece<'a> {
    start: usize,
    text: &'a str,
}

impl Piece<'_> {
    /// The digits of a number without leading zeros.
    fn digits(&self) -> Option<&str> {
        let number = self.text.starts_with(|c: char| c.is_ascii_digit());
        number.then(|| self.text.trim_start_matches('0'))
    }

    fn number(&self) -> Option<u64> {
        (self.text.len() <= LONGEST_NUMBER).then(|| self.text.parse().ok()).flatten()
    }
}

/// Splits a name into runs of digits and runs of anything else.
fn pieces(name: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut digits = None;
    for (at, character) in name.char_indices() {
        let digit = character.is_ascii_digit();
        if digits.is_some_and(|before| before != digit) {
            pieces.push(Piece { start, text: name.get(start..at).unwrap_or_default() });
            start = at;
        }
        digits = Some(digit);
    }
    if start < name.len() {
        pieces.push(Piece { start, text: name.get(start..).unwrap_or_default() });
    }
    pieces
}

/// Every way to take one number out of a name.
fn families_of(name: &str) -> Vec<(Family, Number)> {
    pieces(name)
        .iter()
        .filter_map(|piece| {
            let value = piece.number()?;
            let family = Family {
                prefix: name.get(..piece.start)?.to_owned(),
                suffix: name.get(piece.start + piece.text.len()..)?.to_owned(),
            };
            Some((family, Number { value, text: piece.text.to_owned() }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reverse of [`fold`], for names without brackets and commas.
    fn unfold(text: &str) -> Vec<String> {
        let mut names = Vec::new();
        for group in text.split(", ").filter(|group| !group.is_empty()) {
            let Some((prefix, rest)) = group.split_once('[') else {
                names.push(group.to_owned());
                continue;
            };
            let (ranges, suffix) = rest.split_once(']').unwrap();
            for range in ranges.split(',') {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                for value in first.parse::<u64>().unwrap()..=last.parse().unwrap() {
                    names.push(format!("{prefix}{}{suffix}", written(value, first)));
                }
            }
        }
        names
    }

    #[test]
    fn folds_names_that_differ_in_one_number() {
        let forty: Vec<String> = (1..=40).map(|n| format!("web{n:02}")).collect();
        assert_eq!(fold(&forty), "web[01-40]");
        let cases: &[(&[&str], &str)] = &[
            (&[], ""),
            (&["localhost"], "localhost"),
            (&["web1"], "web1"),
            (&["web1", "web2"], "web[1-2]"),
            (&["db7", "db1", "db3", "db5", "db6"], "db[1,3,5-7]"),
            (&["web8", "web9", "web10", "web11"], "web[8-11]"),
            (&["n08", "n09", "n10"], "n[08-10]"),
            (&["n1", "n01", "n2"], "n[01,1-2]"),
            (&["n9", "n010"], "n[9,010]"),
            (&["web1.dc1.example", "web2.dc1.example"], "web[1-2].dc1.example"),
            (&["r1-n1", "r1-n2", "r2-n1", "r2-n2"], "r1-n[1-2], r2-n[1-2]"),
            (&["10.0.0.1", "10.0.0.2", "10.0.0.3"], "10.0.0.[1-3]"),
            (&["b", "web2", "a", "web1"], "a, b, web[1-2]"),
            (&["h", "h"], "h"),
            (&["x123456789012345678901", "x2"], "x2, x123456789012345678901"),
            (&["hôte1", "hôte2", "一1"], "hôte[1-2], 一1"),
        ];
        for (names, folded) in cases {
            assert_eq!(fold(*names), *folded, "{names:?}");
        }
    }

    #[test]
    fn is_the_same_for_every_order_and_loses_no_name() {
        let mut names: Vec<String> = Vec::new();
        for n in [0u64, 1, 2, 3, 9, 10, 11, 99, 100, 101] {
            names.extend([
                format!("web{n}"),
                format!("web{n:02}"),
                format!("web{n:03}"),
                format!("web{n}.dc2"),
                format!("db-{n}-a{}", n % 3),
                format!("only{n}x"),
            ]);
        }
        names.push("plain".to_owned());
        let folded = fold(&names);
        let expected: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(unfold(&folded).into_iter().collect::<BTreeSet<_>>(), expected, "{folded}");
        for step in [7, 11, 13] {
            let shuffled: Vec<&String> =
                (0..names.len()).map(|at| &names[at * step % names.len()]).collect();
            assert_eq!(fold(shuffled), folded);
        }
    }

    #[test]
    fn sorts_numbers_by_value() {
        let mut names = vec!["web10", "web2", "web1", "db1", "web"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["db1", "web", "web1", "web2", "web10"]);
    }
}

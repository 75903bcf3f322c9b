//! Short words that stand for numbers (<https://hashids.org>), by `community.general`.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{as_integer, elements, is_sequence, list, truth};

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter(
        "community.general.hashids_encode",
        &["nums", "salt", "alphabet", "min_length"],
        |call| {
            let value = call.value()?;
            let values = if is_sequence(value) { elements(value)? } else { vec![value.clone()] };
            let numbers: Option<Vec<u128>> = values
                .iter()
                .map(|value| as_integer(value).and_then(|number| u128::try_from(number).ok()))
                .collect();
            let hashids = Hashids::of(call)?;
            let numbers = numbers.filter(|numbers| !numbers.is_empty());
            Ok(Value::from(numbers.map_or_else(String::new, |numbers| hashids.encode(&numbers))))
        },
    ),
    filter(
        "community.general.hashids_decode",
        &["hashid", "salt", "alphabet", "min_length"],
        |call| {
            let hashids = Hashids::of(call)?;
            let word = call.text(0)?;
            let numbers = hashids.decode(&word).filter(|numbers| hashids.encode(numbers) == word);
            Ok(list(numbers.unwrap_or_default().into_iter().map(Value::from).collect()))
        },
    ),
];

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890";
const SEPARATORS: &str = "cfhistuCFHISTU";

struct Hashids {
    salt: Vec<char>,
    minimum: usize,
    alphabet: Vec<char>,
    separators: Vec<char>,
    guards: Vec<char>,
}

/// The letters in an order that a salt decides.
fn shuffled(mut letters: Vec<char>, salt: &[char]) -> Vec<char> {
    if salt.is_empty() {
        return letters;
    }
    let mut sum = 0_usize;
    for (step, last) in (1..letters.len()).rev().enumerate() {
        let place = step % salt.len();
        let code = salt.get(place).map_or(0, |letter| *letter as usize);
        sum += code;
        letters.swap(last, (code + place + sum) % last);
    }
    letters
}

fn at(letters: &[char], index: u128) -> char {
    let length = u128::try_from(letters.len().max(1)).unwrap_or(1);
    let index = usize::try_from(index % length).unwrap_or_default();
    letters.get(index).copied().unwrap_or_default()
}

fn number_of(word: &str, alphabet: &[char]) -> Option<u128> {
    let length = u128::try_from(alphabet.len()).ok()?;
    word.chars().try_fold(0_u128, |number, letter| {
        let place = alphabet.iter().position(|known| *known == letter)?;
        number.checked_mul(length)?.checked_add(u128::try_from(place).ok()?)
    })
}

fn word_of(mut number: u128, alphabet: &[char]) -> String {
    let length = u128::try_from(alphabet.len().max(1)).unwrap_or(1);
    let mut word = Vec::new();
    loop {
        word.push(at(alphabet, number));
        number /= length;
        if number == 0 {
            return word.into_iter().rev().collect();
        }
    }
}

impl Hashids {
    fn of(call: &Bound<'_>) -> Outcome<Self> {
        let given = |index, default: &str| match call.some(index) {
            Some(value) if truth(value)? => crate::template::python::text(value),
            _ => Ok(default.to_owned()),
        };
        let salt: Vec<char> = given(1, "")?.chars().collect();
        let wanted = given(2, ALPHABET)?;
        let minimum = call.size(3, 0)?;
        let mut separators: Vec<char> =
            SEPARATORS.chars().filter(|letter| wanted.contains(*letter)).collect();
        let mut alphabet: Vec<char> = Vec::new();
        for letter in wanted.chars() {
            if !alphabet.contains(&letter) && !separators.contains(&letter) {
                alphabet.push(letter);
            }
        }
        if alphabet.len() + separators.len() < 16 {
            return Err(call.refuse("Alphabet must contain at least 16 unique characters."));
        }
        separators = shuffled(separators, &salt);
        let needed = (alphabet.len() * 2).div_ceil(7);
        if let Some(missing) = needed.checked_sub(separators.len()).filter(|missing| *missing > 0) {
            separators.extend(alphabet.drain(..missing.min(alphabet.len())));
        }
        alphabet = shuffled(alphabet, &salt);
        let count = alphabet.len().div_ceil(12);
        let from = if alphabet.len() < 3 { &mut separators } else { &mut alphabet };
        let guards = from.drain(..count.min(from.len())).collect();
        Ok(Self { salt, minimum, alphabet, separators, guards })
    }

    /// The alphabet for the next number.
    fn next(&self, lottery: char, alphabet: Vec<char>) -> Vec<char> {
        let salt: Vec<char> = std::iter::once(lottery)
            .chain(self.salt.iter().copied())
            .chain(alphabet.iter().copied())
            .take(alphabet.len())
            .collect();
        shuffled(alphabet, &salt)
    }

    fn encode(&self, numbers: &[u128]) -> String {
        let sum: u128 = (100..).zip(numbers).map(|(modulus, number)| number % modulus).sum();
        let lottery = at(&self.alphabet, sum);
        let mut alphabet = self.alphabet.clone();
        let mut encoded = String::from(lottery);
        for (index, number) in (0..).zip(numbers) {
            alphabet = self.next(lottery, alphabet);
            let last = word_of(*number, &alphabet);
            encoded.push_str(&last);
            let code = last.chars().next().map_or(1, u128::from) + index;
            encoded.push(at(&self.separators, number % code));
        }
        encoded.pop();
        if encoded.chars().count() < self.minimum {
            return self.lengthened(encoded.chars().collect(), alphabet, sum);
        }
        encoded
    }

    fn lengthened(&self, encoded: Vec<char>, mut alphabet: Vec<char>, sum: u128) -> String {
        let guard = |letter: Option<&char>| {
            at(&self.guards, sum + letter.map_or(0, |letter| u128::from(*letter)))
        };
        let mut word = vec![guard(encoded.first())];
        word.extend(encoded);
        if word.len() < self.minimum {
            word.push(guard(word.get(2)));
        }
        let half = alphabet.len() / 2;
        while word.len() < self.minimum && !alphabet.is_empty() {
            let salt = alphabet.clone();
            alphabet = shuffled(alphabet, &salt);
            let (left, right) = alphabet.split_at(half);
            word = [right, &word, left].concat();
            let excess = word.len().saturating_sub(self.minimum);
            word = word.into_iter().skip(excess / 2).take(self.minimum).collect();
        }
        word.into_iter().collect()
    }

    fn decode(&self, word: &str) -> Option<Vec<u128>> {
        let parts: Vec<&str> = word.split(|letter| self.guards.contains(&letter)).collect();
        let body = if (2..=3).contains(&parts.len()) { parts.get(1) } else { parts.first() }?;
        let mut letters = body.chars();
        let lottery = letters.next()?;
        let mut alphabet = self.alphabet.clone();
        let mut numbers = Vec::new();
        for part in letters.as_str().split(|letter| self.separators.contains(&letter)) {
            alphabet = self.next(lottery, alphabet);
            numbers.push(number_of(part, &alphabet)?);
        }
        Some(numbers)
    }
}

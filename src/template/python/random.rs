//! Python's `random`: the Mersenne Twister where a seed is given, the system's numbers otherwise.

use minijinja::Value;
use sha2::{Digest, Sha512};

use super::class::{Class, as_float, as_integer, class_of, type_name};
use crate::template::failure::{Failure, Outcome};

/// A source of random numbers.
pub(in crate::template) enum Randomness {
    /// The system's.
    System,
    /// `random.Random(seed)`: the same numbers for the same seed.
    Seeded(Box<Twister>),
}

/// Python's `hash()` of a float as an unsigned number: its value modulo the prime 2⁶¹ - 1.
fn float_hash(number: f64) -> u64 {
    const PRIME: u64 = (1 << 61) - 1;
    let signed = |hash: u64| if number.is_sign_negative() { hash.wrapping_neg() } else { hash };
    if !number.is_finite() {
        return if number.is_nan() { 0 } else { signed(314_159) };
    }
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i64::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    // two to the 61st is one
    let turn = u32::try_from(exponent.rem_euclid(61)).unwrap_or_default();
    let turned = (u128::from(mantissa) << turn) % u128::from(PRIME);
    match u64::try_from(turned).unwrap_or_default() {
        // -1 is no hash
        1 if number.is_sign_negative() => signed(2),
        hash => signed(hash),
    }
}

impl Randomness {
    /// The source for a seed; the system's where the seed is none.
    pub(in crate::template) fn of_seed(seed: Option<&Value>) -> Outcome<Self> {
        let Some(seed) = seed else {
            return Ok(Self::System);
        };
        let key = match (seed.as_str(), as_integer(seed)) {
            (Some(text), _) => {
                let mut bytes = text.as_bytes().to_vec();
                bytes.extend(Sha512::digest(text.as_bytes()));
                words(&bytes)
            }
            (None, Some(number)) => words(&number.unsigned_abs().to_be_bytes()),
            (None, None) if class_of(seed) == Class::Float => {
                words(&float_hash(as_float(seed).unwrap_or_default()).to_be_bytes())
            }
            (None, None) => {
                return Err(Failure::failed(format!(
                    "The only supported seed types are: None, int, float, str, bytes, and \
                     bytearray, not {}.",
                    type_name(seed)
                )));
            }
        };
        Ok(Self::Seeded(Box::new(Twister::new(&key))))
    }

    /// A whole number from 0 up to, not including, a bound.
    pub(in crate::template) fn below(&mut self, bound: u128) -> u128 {
        if bound == 0 {
            return 0;
        }
        let bits = u128::BITS - bound.leading_zeros();
        loop {
            let number = match self {
                Self::System => system_bits(bits),
                Self::Seeded(twister) => twister.bits(bits),
            };
            if number < bound {
                return number;
            }
        }
    }

    /// An index into so many elements.
    pub(in crate::template) fn index(&mut self, length: usize) -> Outcome<usize> {
        if length == 0 {
            return Err(Failure::failed("Cannot choose from an empty sequence"));
        }
        Ok(usize::try_from(self.below(length as u128)).unwrap_or_default())
    }

    /// `random.shuffle`
    pub(in crate::template) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = usize::try_from(self.below(last as u128 + 1)).unwrap_or_default();
            values.swap(last, other);
        }
    }
}

fn system_bits(bits: u32) -> u128 {
    use ring::rand::SecureRandom as _;
    use std::hash::{BuildHasher as _, Hasher as _};
    // a hasher's keys come from the system, too: never all zeros, whatever fails
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    let mut bytes = u128::from(hasher.finish()).to_be_bytes();
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    u128::from_be_bytes(bytes) >> (u128::BITS - bits)
}

/// A big-endian number as words of 32 bits, the lowest first, without zeros at the high end.
fn words(bytes: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> = bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte)))
        .collect();
    while words.len() > 1 && words.last() == Some(&0) {
        words.pop();
    }
    words
}

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// MT19937.
pub(in crate::template) struct Twister {
    state: [u32; SIZE],
    position: usize,
}

impl Twister {
    /// `init_by_array` of the reference implementation.
    fn new(key: &[u32]) -> Self {
        let mut state = [0_u32; SIZE];
        let mut previous = 19_650_218_u32;
        for (index, word) in (0_u32..).zip(state.iter_mut()) {
            if index > 0 {
                previous =
                    1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(index);
            }
            *word = previous;
        }
        let mut twister = Self { state, position: SIZE };
        let (mut index, mut used) = (1, 0);
        for _ in 0..SIZE.max(key.len()) {
            let mixed = twister.mixed(index, 1_664_525);
            let word = key.get(used).copied().unwrap_or_default();
            let offset = u32::try_from(used).unwrap_or_default();
            twister.put(index, mixed.wrapping_add(word).wrapping_add(offset));
            index = twister.next_index(index);
            used = (used + 1) % key.len().max(1);
        }
        for _ in 0..SIZE - 1 {
            let mixed = twister.mixed(index, 1_566_083_941);
            let offset = u32::try_from(index).unwrap_or_default();
            twister.put(index, mixed.wrapping_sub(offset));
            index = twister.next_index(index);
        }
        twister.put(0, 0x8000_0000);
        twister
    }

    fn at(&self, index: usize) -> u32 {
        self.state.get(index % SIZE).copied().unwrap_or_default()
    }

    fn put(&mut self, index: usize, word: u32) {
        if let Some(place) = self.state.get_mut(index) {
            *place = word;
        }
    }

    fn mixed(&self, index: usize, factor: u32) -> u32 {
        let before = self.at(index - 1);
        self.at(index) ^ (before ^ (before >> 30)).wrapping_mul(factor)
    }

    fn next_index(&mut self, index: usize) -> usize {
        if index + 1 < SIZE {
            return index + 1;
        }
        let last = self.at(SIZE - 1);
        self.put(0, last);
        1
    }

    fn word(&mut self) -> u32 {
        if self.position >= SIZE {
            for index in 0..SIZE {
                let joined = (self.at(index) & 0x8000_0000) | (self.at(index + 1) & 0x7fff_ffff);
                let magic = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                let word = self.at(index + SHIFT) ^ (joined >> 1) ^ magic;
                self.put(index, word);
            }
            self.position = 0;
        }
        let mut word = self.at(self.position);
        self.position += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// `getrandbits`
    fn bits(&mut self, mut wanted: u32) -> u128 {
        let (mut number, mut place) = (0_u128, 0);
        while wanted > 0 {
            let mut word = self.word();
            if wanted < 32 {
                word >>= 32 - wanted;
            }
            number |= u128::from(word) << place;
            place += 32;
            wanted = wanted.saturating_sub(32);
        }
        number
    }
}

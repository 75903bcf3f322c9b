//! The hash of `crypt(3)` that is made of MD5, as passlib and Apache have it.

use md5::{Digest as _, Md5};

/// The whole hash: `magic` is `$1$`, or `$apr1$` for Apache's.
pub fn hash(magic: &str, secret: &str, salt: &str) -> String {
    const ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];
    let (secret, salt_bytes) = (secret.as_bytes(), salt.as_bytes());
    let alternate =
        Md5::new().chain_update(secret).chain_update(salt_bytes).chain_update(secret).finalize();
    let mut first =
        Md5::new().chain_update(secret).chain_update(magic.as_bytes()).chain_update(salt_bytes);
    first.update(alternate.iter().cycle().take(secret.len()).copied().collect::<Vec<u8>>());
    let mut bits = secret.len();
    while bits > 0 {
        let first_byte = secret.get(..1).unwrap_or_default();
        first.update(if bits & 1 == 1 { b"\0".as_slice() } else { first_byte });
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let odd = round % 2 == 1;
        next.update(if odd { secret } else { digest.as_slice() });
        if round % 3 != 0 {
            next.update(salt_bytes);
        }
        if round % 7 != 0 {
            next.update(secret);
        }
        next.update(if odd { digest.as_slice() } else { secret });
        digest = next.finalize();
    }
    let ordered: Vec<u8> = ORDER.iter().filter_map(|index| digest.get(*index).copied()).collect();
    format!("{magic}{salt}${}", encoded(&ordered))
}

/// Bytes in the order of `crypt(3)`: three bytes a group of four letters, the lowest bits first.
pub fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().rev().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        let letters = (group.len() * 8).div_ceil(6);
        text.extend((0..letters).map(|place| letter(word >> (6 * place))));
    }
    text
}

/// The letter of the lowest six bits.
pub fn letter(bits: u32) -> char {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let index = usize::try_from(bits & 63).unwrap_or_default();
    LETTERS.get(index).copied().map_or('.', char::from)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn hashes_are_those_of_passlib() {
        assert_eq!(hash("$1$", "abc", "abc"), "$1$abc$czj10a8hEuHoKfs5PmF8//");
        assert_eq!(hash("$apr1$", "secret", "abcdefgh"), "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/");
        assert_eq!(hash("$apr1$", "", "x"), "$apr1$x$tMwYqBfQwi3FYAr0aJc8M/");
    }
}

//! Password hashes in the modular crypt format, as `crypt(3)` and passlib write them.

use canvass_modules::module::md5_crypt;

use super::failure::{Failure, Outcome};
use super::python::Randomness;
use super::work::spend;

/// A scheme that `password_hash` and the lookup `password` know.
pub(super) struct Scheme {
    /// passlib's name.
    pub(super) name: &'static str,
    /// The salt's size where none is asked for; the longest too.
    pub(super) salt_size: usize,
    rounds: Option<Rounds>,
    run: fn(&Wish<'_>) -> Outcome<String>,
}

/// The rounds of a scheme.
struct Rounds {
    default: u32,
    least: u32,
    most: u32,
}

/// What is hashed, and how; all checked.
struct Wish<'a> {
    secret: &'a str,
    salt: &'a str,
    rounds: u32,
    ident: &'a str,
}

/// Options of a hash as they are given.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) salt: Option<String>,
    pub(super) salt_size: Option<i128>,
    pub(super) rounds: Option<i128>,
    pub(super) ident: Option<String>,
}

const SHA_ROUNDS: (u32, u32) = (1000, 999_999_999);

static SCHEMES: [Scheme; 4] = [
    Scheme { name: "md5_crypt", salt_size: 8, rounds: None, run: md5_crypt },
    Scheme {
        name: "bcrypt",
        salt_size: 22,
        rounds: Some(Rounds { default: 12, least: 4, most: 31 }),
        run: bcrypt,
    },
    Scheme {
        name: "sha256_crypt",
        salt_size: 16,
        rounds: Some(Rounds { default: 535_000, least: SHA_ROUNDS.0, most: SHA_ROUNDS.1 }),
        run: |wish| sha_crypt(wish, "5"),
    },
    Scheme {
        name: "sha512_crypt",
        salt_size: 16,
        rounds: Some(Rounds { default: 656_000, least: SHA_ROUNDS.0, most: SHA_ROUNDS.1 }),
        run: |wish| sha_crypt(wish, "6"),
    },
];

/// The short names that `password_hash` takes.
pub(super) const SHORT_NAMES: [(&str, &str); 4] = [
    ("md5", "md5_crypt"),
    ("blowfish", "bcrypt"),
    ("sha256", "sha256_crypt"),
    ("sha512", "sha512_crypt"),
];

/// The scheme of passlib's name.
pub(super) fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

/// A salt of letters, digits, dot and slash.
pub(super) fn random_salt(size: usize) -> String {
    let mut randomness = Randomness::System;
    (0..size)
        .map(|_| md5_crypt::letter(u32::try_from(randomness.below(64)).unwrap_or_default()))
        .collect()
}

/// What rounds cost: those of bcrypt double the work.
fn work_of(scheme: &str, rounds: u32) -> usize {
    let all = match scheme {
        "bcrypt" => 50_u64 << rounds.min(32),
        _ => u64::from(rounds),
    };
    usize::try_from(all).unwrap_or(usize::MAX)
}

fn could_not(reason: impl std::fmt::Display) -> Box<Failure> {
    Failure::failed(format!("Could not hash the secret: {reason}"))
}

impl Scheme {
    /// The hash of a secret.
    pub(super) fn hash(&self, secret: &str, settings: &Settings) -> Outcome<String> {
        let name = self.name;
        let salt = match settings.salt.as_deref().filter(|salt| !salt.is_empty()) {
            Some(salt) => salt.to_owned(),
            None => random_salt(self.chosen_salt_size(settings.salt_size)?),
        };
        if salt.chars().any(|letter| !letter.is_ascii_alphanumeric() && !"./".contains(letter)) {
            return Err(could_not(format!("invalid characters in {name} salt")));
        }
        let exact = name == "bcrypt";
        if exact && salt.len() < self.salt_size {
            let size = self.salt_size;
            return Err(could_not(format!(
                "salt too small (bcrypt requires exactly {size} chars)"
            )));
        }
        if salt.len() > self.salt_size {
            let rule = if exact { "exactly" } else { "<=" };
            return Err(could_not(format!(
                "salt too large ({name} requires {rule} {} chars)",
                self.salt_size
            )));
        }
        let ident = settings.ident.as_deref().filter(|ident| !ident.is_empty()).unwrap_or("2b");
        let rounds = self.chosen_rounds(settings.rounds)?;
        spend(work_of(name, rounds))?;
        (self.run)(&Wish { secret, salt: &salt, rounds, ident })
    }

    fn chosen_salt_size(&self, wanted: Option<i128>) -> Outcome<usize> {
        let Some(wanted) = wanted.filter(|wanted| *wanted != 0) else {
            return Ok(self.salt_size);
        };
        let most = self.salt_size;
        match usize::try_from(wanted) {
            Ok(size) if size <= most => Ok(size),
            Ok(_) => Err(could_not(format!(
                "{}: salt_size ({wanted}) above max_salt_size ({most})",
                self.name
            ))),
            Err(_) => Err(could_not(format!(
                "{}: salt_size ({wanted}) below min_salt_size (0)",
                self.name
            ))),
        }
    }

    fn chosen_rounds(&self, wanted: Option<i128>) -> Outcome<u32> {
        let Some(rounds) = &self.rounds else {
            return Ok(0);
        };
        let Some(wanted) = wanted.filter(|wanted| *wanted != 0) else {
            return Ok(rounds.default);
        };
        let (name, least, most) = (self.name, rounds.least, rounds.most);
        if wanted < i128::from(least) {
            return Err(could_not(format!(
                "{name}: min_desired_rounds ({wanted}) is too low, must be at least {least}"
            )));
        }
        if wanted > i128::from(most) {
            return Err(could_not(format!(
                "{name}: min_desired_rounds ({wanted}) is too large, cannot be more than {most}"
            )));
        }
        Ok(u32::try_from(wanted).unwrap_or(most))
    }
}

/// The order in which bytes are written: groups of three, each from the one before it.
fn groups(
    first: [usize; 3],
    count: usize,
    turned: fn([usize; 3]) -> [usize; 3],
) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(first), move |group| Some(turned(*group).map(|index| index + 1)))
        .take(count)
        .flatten()
}

fn ordered(bytes: &[u8], order: impl Iterator<Item = usize>) -> Vec<u8> {
    order.filter_map(|index| bytes.get(index).copied()).collect()
}

fn sha_crypt(wish: &Wish<'_>, ident: &str) -> Outcome<String> {
    let params = sha_crypt::Params::new(wish.rounds).map_err(could_not)?;
    let (secret, salt) = (wish.secret.as_bytes(), wish.salt.as_bytes());
    let digest = match ident {
        "5" => {
            let digest = sha_crypt::sha256_crypt(secret, salt, params);
            let order = groups([20, 10, 0], 10, |[low, middle, high]| [middle, high, low]);
            md5_crypt::encoded(&ordered(&digest, order.chain([30, 31])))
        }
        _ => {
            let digest = sha_crypt::sha512_crypt(secret, salt, params);
            let order = groups([42, 21, 0], 21, |[low, middle, high]| [high, low, middle]);
            md5_crypt::encoded(&ordered(&digest, order.chain([63])))
        }
    };
    let rounds = match wish.rounds {
        5000 => String::new(),
        rounds => format!("rounds={rounds}$"),
    };
    Ok(format!("${ident}${rounds}{}${digest}", wish.salt))
}

fn bcrypt(wish: &Wish<'_>) -> Outcome<String> {
    let version = match wish.ident.trim_matches('$') {
        "2a" => bcrypt::Version::TwoA,
        "2b" => bcrypt::Version::TwoB,
        "2y" => bcrypt::Version::TwoY,
        other => return Err(could_not(format!("invalid ident: '{other}'"))),
    };
    // 22 letters hold 132 bits; the last four are no part of the salt
    let decoded = base64::alphabet::BCRYPT;
    let engine = base64::engine::GeneralPurpose::new(
        &decoded,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    let bytes = base64::Engine::decode(&engine, wish.salt).map_err(could_not)?;
    let salt: [u8; 16] = bytes.try_into().map_err(|_| could_not("the salt must have 16 bytes"))?;
    let parts = bcrypt::hash_with_salt(wish.secret, wish.rounds, salt).map_err(could_not)?;
    Ok(parts.format_for_version(version))
}

fn md5_crypt(wish: &Wish<'_>) -> Outcome<String> {
    Ok(md5_crypt::hash("$1$", wish.secret, wish.salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_passlib() {
        let cases = [
            ("md5_crypt", "abc", None, "$1$abc$iCQ2D3nhptRYi27fDYv2s1"),
            (
                "sha256_crypt",
                "abcdefgh",
                Some(5000),
                "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
            ),
            (
                "sha512_crypt",
                "abcdefgh",
                Some(5000),
                "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/\
                 cZ/1GM/O6IND4WQhG.",
            ),
            (
                "bcrypt",
                "1234567890123456789012",
                Some(5),
                "$2b$05$123456789012345678901u.97m5mwuxOR3RvRKYm9sasohx5Mnzwq",
            ),
        ];
        for (name, salt, rounds, expected) in cases {
            let settings = Settings { salt: Some(salt.to_owned()), rounds, ..Settings::default() };
            let hashed = scheme(name).unwrap().hash("secret", &settings).unwrap();
            assert_eq!(hashed, expected, "{name}");
        }
    }
}

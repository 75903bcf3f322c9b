//! How long a plan is good.

use std::time::Duration;

/// What is no duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time; write `90m`, `2h`, `7d` or `30s`")]
pub struct ExpiryError(String);

/// A duration from a number and a unit: `30s`, `90m`, `2h`, `7d`, `2w`.
///
/// # Errors
///
/// When it is none, or nothing.
pub fn after(text: &str) -> Result<Duration, ExpiryError> {
    let wrong = || ExpiryError(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let seconds: u64 = match trimmed.strip_prefix(digits).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let whole =
        count.checked_mul(seconds).filter(|whole| (1..=u64::from(u32::MAX)).contains(whole));
    whole.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("90m", 5400), ("2h", 7200), ("1d", 86400)] {
            assert_eq!(after(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "2", "0h", "-1h", "1.5h", "2y", "99999999999999w"] {
            assert_eq!(after(text), Err(ExpiryError(text.to_owned())));
        }
    }
}

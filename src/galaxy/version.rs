//! Versions of collections, and what requirements say of them.

use std::cmp::Ordering;

use semver::Version;

/// A version by the rules of <https://semver.org>.
pub(super) fn parse(text: &str) -> Option<Version> {
    Version::parse(text).ok()
}

/// A version of a requirement, which may leave out what is zero: `1`, `1.2`.
fn loose(text: &str) -> Option<Version> {
    let text = text.trim();
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    parse(&format!("{numbers}{}{rest}", ".0".repeat(missing)))
}

/// Whether it comes before a release.
pub(super) fn is_pre_release(text: &str) -> bool {
    parse(text).is_some_and(|version| !version.pre.is_empty())
}

/// The order of two versions; what is no version comes first.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) => one.cmp_precedence(&other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// Whether a version is admitted by all of a requirement's conditions, with commas between them;
/// `*` admits each, and a version `*` is admitted by each.
pub(super) fn meets(version: &str, requirement: &str) -> bool {
    requirement.split(',').all(|condition| {
        let condition = condition.trim();
        let (operator, wanted) = operator(condition);
        if wanted == "*" || version == "*" {
            return true;
        }
        let (Some(version), Some(wanted)) = (parse(version), loose(wanted)) else {
            return version == wanted;
        };
        let order = version.cmp_precedence(&wanted);
        match operator {
            "!=" => order != Ordering::Equal,
            ">=" => order != Ordering::Less,
            ">" => order == Ordering::Greater,
            "<=" => order != Ordering::Greater,
            "<" => order == Ordering::Less,
            _ => order == Ordering::Equal,
        }
    })
}

fn operator(condition: &str) -> (&'static str, &str) {
    for operator in ["!=", "==", ">=", "<=", "=", ">", "<"] {
        if let Some(wanted) = condition.strip_prefix(operator) {
            return (operator, wanted);
        }
    }
    ("==", condition)
}

/// The version that a requirement names itself, where it is no range.
pub(super) fn pinned(requirement: &str) -> Option<&str> {
    let plain = requirement.trim_start_matches('=').trim();
    (!plain.starts_with(['<', '>', '!', '*'])).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `meets_requirements` of ansible-core 2.19 answers.
    #[test]
    fn requirements_admit_versions() {
        for (version, requirement, admitted) in [
            ("1.0.0", "*", true),
            ("1.0.0", "1.0.0", true),
            ("1.0.0", "==1.0.0", true),
            ("1.0.0", "=1.0.0", true),
            ("1.0.0", "!=1.0.0", false),
            ("1.5.0", ">=1.0.0,<2.0.0", true),
            ("2.0.0", ">=1.0.0,<2.0.0", false),
            ("1.0.0", ">1.0.0", false),
            ("1.0.0", "1.0", true),
            ("1.2.0", ">=1", true),
            ("1.0.0-beta.1", "<1.0.0", true),
            ("1.0.0+build", "1.0.0", true),
            ("*", "1.0.0", true),
        ] {
            assert_eq!(meets(version, requirement), admitted, "{version} {requirement}");
        }
        assert_eq!(order("1.10.0", "1.9.0"), Ordering::Greater);
        assert!(is_pre_release("1.0.0-rc1") && !is_pre_release("1.0.0"));
        assert_eq!(pinned("=1.0.0-a"), Some("1.0.0-a"));
        assert_eq!(pinned(">=1.0.0"), None);
    }
}

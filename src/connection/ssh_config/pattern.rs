//! Patterns of host names: `*`, `?`, and `!` before a pattern that must not match.

/// Whether the text is what the pattern says.
pub(crate) fn matches_pattern(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut reached) = (0, 0);
    // where to go on when the part after the last `*` does not fit: that part, and the text
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(reached) {
            Some('*') => {
                reached += 1;
                retry = Some((reached, at));
            }
            Some(letter) if *letter == '?' || Some(letter) == text.get(at) => {
                at += 1;
                reached += 1;
            }
            _ => match &mut retry {
                Some((after_star, from)) => {
                    *from += 1;
                    (reached, at) = (*after_star, *from);
                }
                None => return false,
            },
        }
    }
    pattern.get(reached..).unwrap_or_default().iter().all(|letter| *letter == '*')
}

/// Whether one of the patterns matches and none of the negated ones does.
///
/// Letter case does not count, as in names of hosts.
pub(crate) fn matches_list<'p>(text: &str, patterns: impl IntoIterator<Item = &'p str>) -> bool {
    let text = text.to_lowercase();
    let mut found = false;
    for pattern in patterns {
        let pattern = pattern.to_lowercase();
        match pattern.strip_prefix('!') {
            Some(negated) if matches_pattern(&text, negated) => return false,
            Some(_) => {}
            None => found |= matches_pattern(&text, &pattern),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_whole() {
        for (text, pattern, expected) in [
            ("web1", "web1", true),
            ("web1", "web", false),
            ("web1", "web?", true),
            ("web", "web?", false),
            ("web1.example", "*.example", true),
            ("a.b.c", "*.*", true),
            ("aXbXc", "a*X*c", true),
            ("aaab", "*ab", true),
            ("", "*", true),
            ("", "", true),
            ("x", "", false),
            ("10.0.0.1", "10.0.0.*", true),
        ] {
            assert_eq!(matches_pattern(text, pattern), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn lists_need_a_match_and_no_negated_one() {
        for (text, patterns, expected) in [
            ("web1", &["web*", "!web2"][..], true),
            ("web2", &["web*", "!web2"], false),
            ("web2", &["!web2", "*"], false),
            ("web1", &["!web2"], false),
            ("WEB1", &["web1"], true),
            ("web1", &[], false),
        ] {
            assert_eq!(matches_list(text, patterns.iter().copied()), expected, "{text}");
        }
    }
}

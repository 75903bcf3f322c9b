//! Wildcards: `fnmatch` on names and `glob` on the paths of a host, as Python has them.

use std::path::{Path, PathBuf};

use crate::host::{FileKind, Follow, Host, HostError};

/// Whether a name matches a pattern of `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_from(&pattern, &name)
}

/// Whether a text has wildcards at all.
pub fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => {
            (0..=name.len()).any(|skip| matches_from(rest, name.get(skip..).unwrap_or_default()))
        }
        Some((first, rest)) => {
            let Some((character, names)) = name.split_first() else { return false };
            if *first == '[' {
                if let Some((set, rest)) = bracket(rest) {
                    return in_set(set, *character) && matches_from(rest, names);
                }
            } else if *first == '?' {
                return matches_from(rest, names);
            }
            first == character && matches_from(rest, names)
        }
    }
}

/// What stands between brackets, and what follows; `None` when the bracket is not closed.
fn bracket(after: &[char]) -> Option<(&[char], &[char])> {
    let skip = usize::from(after.first() == Some(&'!'));
    // a `]` that comes first is a member
    let end = after.iter().skip(skip + 1).position(|character| *character == ']')? + skip + 1;
    Some((after.get(..end)?, after.get(end + 1..)?))
}

fn in_set(set: &[char], character: char) -> bool {
    let (negated, set) = match set.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    let mut rest = set;
    while let Some((low, after)) = rest.split_first() {
        rest = match after {
            ['-', high, after @ ..] => {
                found |= (*low..=*high).contains(&character);
                after
            }
            _ => {
                found |= *low == character;
                after
            }
        };
    }
    found != negated
}

/// The paths of the host that match, sorted; a pattern without wildcards matches what is there.
///
/// Names with a leading dot are only matched by a leading dot; `**` is as `*`.
pub fn glob(pattern: &Path, host: &mut dyn Host) -> Result<Vec<PathBuf>, HostError> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        if !has_wildcards(&name) {
            for path in &mut found {
                path.push(component);
            }
            continue;
        }
        let mut deeper = Vec::new();
        for directory in found {
            let here = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            let is_directory =
                host.stat(here, Follow::Yes)?.is_some_and(|stat| stat.kind == FileKind::Directory);
            if !is_directory {
                continue;
            }
            for entry in host.list(here)? {
                if matches(&name, &entry) && (!entry.starts_with('.') || name.starts_with('.')) {
                    deeper.push(directory.join(entry));
                }
            }
        }
        found = deeper;
    }
    let mut there = Vec::new();
    for path in found {
        if !path.as_os_str().is_empty() && host.stat(&path, Follow::No)?.is_some() {
            there.push(path);
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_as_in_fnmatch() {
        let table = [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("?", "", false),
            ("ansible_*ip*", "ansible_default_ipv4", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]x", "]x", true),
            ("[ab", "[ab", true),
            ("1.2*", "1.2-3", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

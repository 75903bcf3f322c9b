//! Shell patterns: `*`, `?`, `[abc]`, `[!a-c]`.

/// A shell pattern, for whole names, upper and lower case told apart.
#[derive(Debug)]
pub(in crate::inventory) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug)]
enum Token {
    /// `*`.
    Many,
    /// `?`.
    One,
    /// `[…]`.
    Set(Set),
    /// Itself.
    Plain(char),
}

#[derive(Debug)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Glob {
    /// The pattern of this text; a bracket that nothing closes is itself.
    pub(super) fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            tokens.push(match character {
                '*' => Token::Many,
                '?' => Token::One,
                '[' => match set(rest) {
                    Some((set, behind)) => {
                        rest = behind;
                        Token::Set(set)
                    }
                    None => Token::Plain('['),
                },
                plain => Token::Plain(plain),
            });
        }
        Self { tokens }
    }

    /// Whether the whole name matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut token, mut place) = (0, 0);
        // where to go on when the last `*` takes one character more
        let mut retry = None;
        loop {
            let next = name.get(place).copied();
            match (self.tokens.get(token), next) {
                (Some(Token::Many), _) => {
                    retry = Some((token, place));
                    token += 1;
                    continue;
                }
                (Some(expected), Some(character)) if expected.takes(character) => {
                    token += 1;
                    place += 1;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            match retry {
                Some((many, taken)) if taken < name.len() => {
                    retry = Some((many, taken + 1));
                    (token, place) = (many + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Many | Self::One => true,
            Self::Plain(plain) => *plain == character,
            Self::Set(set) => {
                let inside =
                    set.ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                inside != set.negated
            }
        }
    }
}

/// The set behind a bracket, and what follows it.
fn set(text: &str) -> Option<(Set, &str)> {
    let (negated, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    // a bracket that stands first is a member
    let from = usize::from(body.starts_with(']'));
    let close = body.get(from..)?.find(']')? + from;
    let (inside, behind) = body.split_at_checked(close)?;
    let members: Vec<char> = inside.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        rest = match rest {
            [first, '-', last, others @ ..] => {
                ranges.push((*first, *last));
                others
            }
            [one, others @ ..] => {
                ranges.push((*one, *one));
                others
            }
            [] => break,
        };
    }
    Some((Set { negated, ranges }, behind.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_python_fnmatch_does() {
        let table = [
            ("web*", "web1", true),
            ("web*", "aweb", false),
            ("*b*1", "web-b-11", true),
            ("web?", "web12", false),
            ("web[12]", "web2", true),
            ("web[!12]", "web2", false),
            ("web[a-c]", "webb", true),
            ("web[]x]", "web]", true),
            ("web[c-a]", "webb", false),
            ("web[a-]", "web-", true),
            ("web[", "web[", true),
            ("WEB*", "web1", false),
            ("*", "", true),
            ("a*b*c", "axxbyyb", false),
        ];
        for (pattern, name, matches) in table {
            assert_eq!(Glob::new(pattern).matches(name), matches, "{pattern} {name}");
        }
    }
}

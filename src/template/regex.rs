//! Python's regular expressions, compiled once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fancy_regex::{Captures, Regex};

use super::failure::{Failure, Outcome};

/// What `re.I` and its like say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    anywhere: Regex,
    whole: Regex,
}

static COMPILED: LazyLock<Mutex<HashMap<(String, Flags), Arc<Pattern>>>> =
    LazyLock::new(Mutex::default);

/// So many patterns are kept; then all are forgotten.
const CAPACITY: usize = 1024;

/// The pattern, compiled now or before.
pub(super) fn compiled(pattern: &str, flags: Flags) -> Outcome<Arc<Pattern>> {
    let key = (pattern.to_owned(), flags);
    let known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let translated = translate(pattern);
    let letters: String = [(flags.ignore_case, 'i'), (flags.multi_line, 'm'), (flags.dot_all, 's')]
        .into_iter()
        .filter_map(|(set, letter)| set.then_some(letter))
        .collect();
    let prefix = if letters.is_empty() { String::new() } else { format!("(?{letters})") };
    let compile = |source: String| {
        Regex::new(&source).map_err(|error| {
            Failure::failed(format!("the regular expression '{pattern}' is wrong: {error}"))
        })
    };
    let made = Arc::new(Pattern {
        anywhere: compile(format!("{prefix}{translated}"))?,
        whole: compile(format!("{prefix}\\A(?:{translated})\\z"))?,
    });
    let mut cache = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CAPACITY {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&made));
    Ok(made)
}

/// Python's spelling of a pattern to the engine's: `\Z` is the very end there, `$` also stands
/// before a last newline.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('Z') if !in_class => out.push_str("\\z"),
                Some(letter) if letter.is_alphanumeric() || letter.is_ascii_punctuation() => {
                    if "_'\"`,;:=!%@/<> ".contains(letter) && letter != '<' && letter != '>' {
                        out.push(letter);
                    } else if letter == '<' || letter == '>' {
                        out.push(letter);
                    } else {
                        out.push('\\');
                        out.push(letter);
                    }
                }
                Some(letter) => out.push(letter),
                None => out.push('\\'),
            },
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if letters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            '$' if !in_class => out.push_str("(?:$|(?=\\n\\z))"),
            letter => out.push(letter),
        }
    }
    out
}

fn failed(error: fancy_regex::Error) -> Box<Failure> {
    Failure::failed(format!("the regular expression cannot be run: {error}"))
}

impl Pattern {
    /// How many groups it has.
    pub(super) fn groups(&self) -> usize {
        self.anywhere.captures_len() - 1
    }

    /// The first match.
    pub(super) fn search<'t>(&self, text: &'t str) -> Outcome<Option<Captures<'t>>> {
        self.anywhere.captures(text).map_err(failed)
    }

    /// The match at the very start.
    pub(super) fn match_start<'t>(&self, text: &'t str) -> Outcome<Option<Captures<'t>>> {
        let found = self.search(text)?;
        Ok(found.filter(|found| found.get(0).is_some_and(|whole| whole.start() == 0)))
    }

    /// The match of the whole text.
    pub(super) fn full_match<'t>(&self, text: &'t str) -> Outcome<Option<Captures<'t>>> {
        self.whole.captures(text).map_err(failed)
    }

    /// All matches.
    pub(super) fn all<'t>(&self, text: &'t str) -> Outcome<Vec<Captures<'t>>> {
        self.anywhere.captures_iter(text).collect::<Result<_, _>>().map_err(failed)
    }

    /// Text with matches replaced, at most `count` of them where it is not 0.
    pub(super) fn replace(&self, text: &str, replacement: &str, count: usize) -> Outcome<(String, usize)> {
        let mut out = String::new();
        let mut end = 0;
        let mut done = 0;
        for found in self.all(text)? {
            if count > 0 && done >= count {
                break;
            }
            let Some(whole) = found.get(0) else {
                continue;
            };
            out.push_str(text.get(end..whole.start()).unwrap_or_default());
            expand(replacement, &found, &mut out)?;
            end = whole.end();
            done += 1;
        }
        out.push_str(text.get(end..).unwrap_or_default());
        Ok((out, done))
    }
}

/// A replacement with `\1`, `\g<name>` and escapes resolved.
pub(super) fn expand(template: &str, found: &Captures<'_>, out: &mut String) -> Outcome<()> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let after = escape.get(1..).unwrap_or_default();
        let Some(letter) = after.chars().next() else {
            return Err(Failure::failed("bad escape (end of pattern)"));
        };
        let mut used = letter.len_utf8();
        match letter {
            'g' => {
                let Some((name, tail)) =
                    after.get(1..).and_then(|after| after.strip_prefix('<')).and_then(|after| after.split_once('>'))
                else {
                    return Err(Failure::failed("missing <"));
                };
                let group = match name.parse::<usize>() {
                    Ok(index) if index < found.len() => found.get(index),
                    Ok(index) => {
                        return Err(Failure::failed(format!("invalid group reference {index}")));
                    }
                    Err(_) => found.name(name),
                };
                out.push_str(group.map_or("", |group| group.as_str()));
                used = after.len() - tail.len();
            }
            '0' => out.push('\0'),
            '1'..='9' => {
                let length = after.chars().take(2).take_while(char::is_ascii_digit).count();
                let index: usize = after.get(..length).unwrap_or_default().parse().unwrap_or_default();
                if index >= found.len() {
                    return Err(Failure::failed(format!("invalid group reference {index}")));
                }
                out.push_str(found.get(index).map_or("", |group| group.as_str()));
                used = length;
            }
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\\' => out.push('\\'),
            letter if letter.is_ascii_alphabetic() => {
                return Err(Failure::failed(format!("bad escape \\{letter}")));
            }
            letter => {
                out.push('\\');
                out.push(letter);
            }
        }
        rest = after.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(())
}

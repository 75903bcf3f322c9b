//! From Python's dialect to that of `fancy-regex`.

use std::fmt::Write as _;

use super::replacement::is_identifier;
use super::{Error, Flags};

/// `\b` for which only ASCII letters, digits and `_` make words.
const ASCII_BOUNDARY: &str =
    "(?:(?<![0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// Translates a pattern; gives also its flags with those that it sets itself.
pub(super) fn translate(pattern: &str, flags: Flags) -> Result<(String, Flags), Error> {
    let mut translation = Translation {
        pattern,
        characters: pattern.chars().collect(),
        at: 0,
        output: String::new(),
        groups: Vec::new(),
        flags,
        repeatable: Repeatable::No,
    };
    translation.global_flags()?;
    let mut letters = String::new();
    for (set, letter) in [
        (translation.flags.ignore_case, 'i'),
        (translation.flags.multi_line, 'm'),
        (translation.flags.dot_all, 's'),
    ] {
        if set {
            letters.push(letter);
        }
    }
    let flags = translation.flags;
    translation.run()?;
    let output = translation.output;
    let output = if letters.is_empty() { output } else { format!("(?{letters}){output}") };
    Ok((output, flags))
}

struct Translation<'p> {
    pattern: &'p str,
    characters: Vec<char>,
    at: usize,
    output: String,
    /// Where open groups start, and the flags outside of them.
    groups: Vec<(usize, Flags)>,
    flags: Flags,
    repeatable: Repeatable,
}

/// What a quantifier would follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeatable {
    Yes,
    No,
    Repeated,
}

impl Translation<'_> {
    fn peek(&self, offset: usize) -> Option<char> {
        self.characters.get(self.at + offset).copied()
    }

    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Refused { pattern: self.pattern.to_owned(), reason: reason.into() }
    }

    /// Takes `(?im)` at the start.
    fn global_flags(&mut self) -> Result<(), Error> {
        while self.peek(0) == Some('(') && self.peek(1) == Some('?') {
            let letters: String = self
                .characters
                .iter()
                .skip(self.at + 2)
                .take_while(|c| c.is_ascii_alphabetic())
                .collect();
            let length = letters.chars().count();
            if length == 0 || self.peek(2 + length) != Some(')') || letters.starts_with('P') {
                break;
            }
            self.flags = self.with_flags(&letters, Switch::On)?;
            self.at += length + 3;
        }
        Ok(())
    }

    fn with_flags(&self, letters: &str, switch: Switch) -> Result<Flags, Error> {
        let mut flags = self.flags;
        let on = switch == Switch::On;
        for letter in letters.chars() {
            match letter {
                'i' => flags.ignore_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'x' => flags.verbose = on,
                'a' => flags.ascii = on,
                'u' => flags.ascii = false,
                other => return Err(self.refused(format!("flag `{other}` is not supported"))),
            }
        }
        Ok(flags)
    }

    fn run(&mut self) -> Result<(), Error> {
        while let Some(character) = self.peek(0) {
            if self.flags.verbose && character.is_ascii_whitespace() {
                self.at += 1;
                continue;
            }
            match character {
                '\\' => self.escape()?,
                '[' => self.set()?,
                '(' => self.open()?,
                ')' => self.close()?,
                '*' | '+' | '?' => self.quantifier(1)?,
                '{' => match self.braces() {
                    Some((written, length)) => {
                        self.check_repeat()?;
                        self.output.push_str(&written);
                        self.at += length;
                        self.quantifier_suffix();
                    }
                    None => self.literal("\\{"),
                },
                '}' => self.literal("\\}"),
                ']' => self.literal("\\]"),
                '$' if !self.flags.multi_line => self.anchor(r"(?=\n?\z)"),
                '$' => self.anchor("$"),
                '^' => self.anchor("^"),
                '|' => self.anchor("|"),
                '#' if self.flags.verbose => {
                    while self.peek(0).is_some_and(|character| character != '\n') {
                        self.at += 1;
                    }
                }
                other => {
                    let text = other.to_string();
                    self.literal(&text);
                }
            }
        }
        match self.groups.first() {
            Some(_) => {
                let start = self.groups.last().map(|(start, _)| *start).unwrap_or_default();
                Err(Error::MissingParenthesis(start))
            }
            None => Ok(()),
        }
    }

    fn literal(&mut self, text: &str) {
        self.output.push_str(text);
        self.at += 1;
        self.repeatable = Repeatable::Yes;
    }

    fn anchor(&mut self, text: &str) {
        self.output.push_str(text);
        self.at += 1;
        self.repeatable = if text == "|" || text == "^" { Repeatable::No } else { Repeatable::Yes };
    }

    fn check_repeat(&self) -> Result<(), Error> {
        match self.repeatable {
            Repeatable::Yes => Ok(()),
            Repeatable::No => Err(Error::NothingToRepeat(self.at)),
            Repeatable::Repeated => Err(Error::MultipleRepeat(self.at)),
        }
    }

    fn quantifier(&mut self, length: usize) -> Result<(), Error> {
        self.check_repeat()?;
        if let Some(character) = self.peek(0) {
            self.output.push(character);
        }
        self.at += length;
        self.quantifier_suffix();
        Ok(())
    }

    /// `?` makes it lazy, `+` possessive.
    fn quantifier_suffix(&mut self) {
        if let Some(suffix @ ('?' | '+')) = self.peek(0) {
            self.output.push(suffix);
            self.at += 1;
        }
        self.repeatable = Repeatable::Repeated;
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; anything else is literal.
    fn braces(&self) -> Option<(String, usize)> {
        let inner: String =
            self.characters.iter().skip(self.at + 1).take_while(|c| **c != '}').collect();
        let length = inner.chars().count();
        self.peek(length + 1).filter(|character| *character == '}')?;
        let number = |text: &str| text.chars().all(|character| character.is_ascii_digit());
        let written = match inner.split_once(',') {
            Some((least, most)) if number(least) && number(most) => {
                format!("{{{},{most}}}", if least.is_empty() { "0" } else { least })
            }
            None if !inner.is_empty() && number(&inner) => format!("{{{inner}}}"),
            _ => return None,
        };
        Some((written, length + 2))
    }

    fn open(&mut self) -> Result<(), Error> {
        let start = self.at;
        let outside = self.flags;
        if self.peek(1) == Some('?') {
            match (self.peek(2), self.peek(3)) {
                (Some('#'), _) => {
                    while let Some(character) = self.peek(0) {
                        self.at += 1;
                        if character == ')' {
                            return Ok(());
                        }
                    }
                    return Err(Error::MissingParenthesis(start));
                }
                (Some(mark @ (':' | '=' | '!' | '>')), _) => {
                    self.output.push_str("(?");
                    self.output.push(mark);
                    self.at += 3;
                }
                (Some('<'), Some(mark @ ('=' | '!'))) => {
                    self.output.push_str("(?<");
                    self.output.push(mark);
                    self.at += 4;
                }
                (Some('P'), Some('<')) => {
                    let name = self.name(4, '>')?;
                    let _ = write!(self.output, "(?P<{name}>");
                    self.at += name.chars().count() + 5;
                }
                (Some('P'), Some('=')) => {
                    let name = self.name(4, ')')?;
                    let _ = write!(self.output, "(?P={name})");
                    self.at += name.chars().count() + 5;
                    self.repeatable = Repeatable::Yes;
                    return Ok(());
                }
                (Some('('), _) => self.condition()?,
                (Some(letter), _) if letter.is_ascii_alphabetic() || letter == '-' => {
                    self.scoped_flags()?;
                }
                (mark, next) => {
                    // `?<` and `?P` need a further character to be known
                    let next = next.filter(|_| matches!(mark, Some('<' | 'P')));
                    let extension: String = ['?'].into_iter().chain(mark).chain(next).collect();
                    return Err(Error::UnknownExtension { extension, position: start + 1 });
                }
            }
        } else {
            self.output.push('(');
            self.at += 1;
        }
        self.groups.push((start, outside));
        self.repeatable = Repeatable::No;
        Ok(())
    }

    /// A name from `offset` up to `end`.
    fn name(&self, offset: usize, end: char) -> Result<String, Error> {
        let name: String =
            self.characters.iter().skip(self.at + offset).take_while(|c| **c != end).collect();
        if is_identifier(&name) {
            Ok(name)
        } else {
            Err(Error::BadGroupName { name, position: self.at + offset })
        }
    }

    /// `(?(1)yes|no)`, by number or name.
    fn condition(&mut self) -> Result<(), Error> {
        let name: String =
            self.characters.iter().skip(self.at + 3).take_while(|c| **c != ')').collect();
        if name.chars().all(|character| character.is_ascii_digit()) && !name.is_empty() {
            let _ = write!(self.output, "(?({name})");
        } else if is_identifier(&name) {
            let _ = write!(self.output, "(?(<{name}>)");
        } else {
            return Err(Error::BadGroupName { name, position: self.at + 3 });
        }
        self.at += name.chars().count() + 4;
        Ok(())
    }

    /// `(?i-s:…)`.
    fn scoped_flags(&mut self) -> Result<(), Error> {
        let written: String = self
            .characters
            .iter()
            .skip(self.at + 2)
            .take_while(|c| !matches!(c, ':' | ')'))
            .collect();
        let length = written.chars().count();
        if self.peek(2 + length) != Some(':') {
            return Err(self.refused(format!(
                "global flags not at the start of the expression at position {}",
                self.at
            )));
        }
        let (on, off) = written.split_once('-').unwrap_or((written.as_str(), ""));
        self.flags = self.with_flags(on, Switch::On)?;
        self.flags = self.with_flags(off, Switch::Off)?;
        let ours = |letters: &str| letters.replace(['x', 'a', 'u'], "");
        let (on, off) = (ours(on), ours(off));
        self.output.push_str("(?");
        self.output.push_str(&on);
        if !off.is_empty() {
            self.output.push('-');
            self.output.push_str(&off);
        }
        self.output.push(':');
        self.at += length + 3;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let (_, outside) = self.groups.pop().ok_or(Error::UnbalancedParenthesis(self.at))?;
        self.flags = outside;
        self.literal(")");
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Error> {
        let next = self.peek(1).ok_or(Error::EndsWithBackslash(self.at))?;
        let ascii = self.flags.ascii;
        let translated = match next {
            'Z' => r"\z".to_owned(),
            'A' => r"\A".to_owned(),
            'b' if ascii => ASCII_BOUNDARY.to_owned(),
            'B' if ascii => format!("(?!{ASCII_BOUNDARY})"),
            'b' => r"\b".to_owned(),
            'B' => r"\B".to_owned(),
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => class(next, ascii).to_owned(),
            '1'..='9' => {
                self.back_reference();
                return Ok(());
            }
            _ => {
                let (value, length) = self.character_escape(next)?;
                self.output.push_str(&quoted(value));
                self.at += length;
                self.repeatable = Repeatable::Yes;
                return Ok(());
            }
        };
        self.output.push_str(&translated);
        self.at += 2;
        self.repeatable = Repeatable::Yes;
        Ok(())
    }

    fn back_reference(&mut self) {
        let digits: Vec<u32> = (1..4)
            .map_while(|offset| self.peek(offset).and_then(|character| character.to_digit(10)))
            .collect();
        let (number, length) = match digits.as_slice() {
            [a, b, c] if *a < 4 && *b < 8 && *c < 8 => {
                let value = char::from_u32(a * 64 + b * 8 + c).unwrap_or_default();
                self.output.push_str(&quoted(value));
                self.at += 4;
                self.repeatable = Repeatable::Yes;
                return;
            }
            [a, b, ..] => (a * 10 + b, 3),
            [a] => (*a, 2),
            [] => (0, 1),
        };
        // the group keeps a digit that follows apart
        let _ = write!(self.output, "(?:\\{number})");
        self.at += length;
        self.repeatable = Repeatable::Yes;
    }

    /// The character that an escape stands for, and the length of the escape.
    fn character_escape(&self, next: char) -> Result<(char, usize), Error> {
        let simple = |character: char| Ok((character, 2));
        let bad = |length: usize| {
            let escape = self.characters.iter().skip(self.at).take(length).collect();
            Error::BadEscape { escape, position: self.at }
        };
        let numeric = |digits: usize| {
            let text: String = self.characters.iter().skip(self.at + 2).take(digits).collect();
            let whole = text.chars().count() == digits;
            u32::from_str_radix(&text, 16)
                .ok()
                .filter(|_| whole)
                .and_then(char::from_u32)
                .map(|character| (character, digits + 2))
                .ok_or_else(|| bad(2 + text.chars().count()))
        };
        match next {
            'n' => simple('\n'),
            't' => simple('\t'),
            'r' => simple('\r'),
            'a' => simple('\x07'),
            'f' => simple('\x0c'),
            'v' => simple('\x0b'),
            'x' => numeric(2),
            'u' => numeric(4),
            'U' => numeric(8),
            '0' => {
                let octal = |offset: usize| self.peek(offset).and_then(|c| c.to_digit(8));
                let (value, length) = match (octal(2), octal(3)) {
                    (Some(a), Some(b)) => (a * 8 + b, 4),
                    (Some(a), None) => (a, 3),
                    (None, _) => (0, 2),
                };
                Ok((char::from_u32(value).unwrap_or_default(), length))
            }
            letter if letter.is_ascii_alphanumeric() => Err(bad(2)),
            other => simple(other),
        }
    }

    /// `[…]`.
    fn set(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.output.push('[');
        self.at += 1;
        if self.peek(0) == Some('^') {
            self.output.push('^');
            self.at += 1;
        }
        let first = self.at;
        loop {
            let character = self.peek(0).ok_or(Error::UnterminatedSet(start))?;
            match character {
                ']' if self.at > first => break,
                '\\' => self.set_escape(start)?,
                '-' if self.is_range(first) => {
                    self.output.push('-');
                    self.at += 1;
                }
                other => {
                    self.output.push_str(&quoted(other));
                    self.at += 1;
                }
            }
        }
        self.literal("]");
        Ok(())
    }

    /// Whether a `-` in a set stands between two characters.
    fn is_range(&self, first: usize) -> bool {
        let last = self.peek(1).is_none_or(|next| next == ']');
        self.at > first && !last
    }

    fn set_escape(&mut self, start: usize) -> Result<(), Error> {
        let next = self.peek(1).ok_or(Error::UnterminatedSet(start))?;
        let (text, length) = match next {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => (class(next, self.flags.ascii).to_owned(), 2),
            'b' => (quoted('\x08'), 2),
            '1'..='7' => {
                let digits: Vec<u32> = (1..4)
                    .map_while(|offset| self.peek(offset).and_then(|c| c.to_digit(8)))
                    .collect();
                let value = digits.iter().fold(0, |value, digit| value * 8 + digit);
                (quoted(char::from_u32(value).unwrap_or_default()), digits.len() + 1)
            }
            _ => {
                let (character, length) = self.character_escape(next)?;
                (quoted(character), length)
            }
        };
        self.output.push_str(&text);
        self.at += length;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

fn class(letter: char, ascii: bool) -> &'static str {
    match (letter, ascii) {
        ('d', true) => "[0-9]",
        ('D', true) => "[^0-9]",
        ('w', true) => "[0-9A-Za-z_]",
        ('W', true) => "[^0-9A-Za-z_]",
        ('s', true) => r"[\x09-\x0d\x20]",
        ('S', true) => r"[^\x09-\x0d\x20]",
        ('d', false) => r"\d",
        ('D', false) => r"\D",
        ('w', false) => r"\w",
        ('W', false) => r"\W",
        ('s', false) => r"\s",
        _ => r"\S",
    }
}

/// A character that stands for itself in and out of sets.
fn quoted(character: char) -> String {
    if character.is_ascii() && !character.is_ascii_alphanumeric() {
        format!("\\x{:02x}", u32::from(character))
    } else {
        character.to_string()
    }
}

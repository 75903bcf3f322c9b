//! Replacements with references to groups.

use super::{Captures, Error, Regex};

/// A replacement, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Number { group: usize, position: usize },
    Name(String),
}

impl Template {
    /// Reads a replacement as Python does.
    pub fn parse(template: &str) -> Result<Self, Error> {
        let characters: Vec<char> = template.chars().collect();
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(character) = characters.get(at).copied() {
            if character != '\\' {
                text.push(character);
                at += 1;
                continue;
            }
            let next = characters.get(at + 1).copied().ok_or(Error::EndsWithBackslash(at))?;
            let (reference, length) = escape(&characters, at, next)?;
            match reference {
                Part::Text(literal) => text.push_str(&literal),
                reference => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(reference);
                }
            }
            at += length;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { parts })
    }

    /// Refuses references that the pattern has no group for.
    pub fn check(&self, regex: &Regex) -> Result<(), Error> {
        let names: Vec<Option<&str>> = regex.group_names().collect();
        for part in &self.parts {
            match part {
                Part::Number { group, position } if *group >= names.len() => {
                    return Err(Error::InvalidGroup { group: *group, position: *position });
                }
                Part::Name(name) if !names.contains(&Some(name.as_str())) => {
                    return Err(Error::UnknownGroup(name.clone()));
                }
                Part::Number { .. } | Part::Name(_) | Part::Text(_) => {}
            }
        }
        Ok(())
    }

    /// Puts the groups of a match in; a group that took no part is empty.
    pub fn expand(&self, captures: &Captures<'_>) -> Result<String, Error> {
        let mut expanded = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => expanded.push_str(text),
                Part::Number { group, position } if *group >= captures.len() => {
                    return Err(Error::InvalidGroup { group: *group, position: *position });
                }
                Part::Number { group, .. } => {
                    expanded.push_str(captures.get(*group).map_or("", |found| found.as_str()));
                }
                Part::Name(name) => {
                    expanded.push_str(captures.name(name).map_or("", |found| found.as_str()));
                }
            }
        }
        Ok(expanded)
    }
}

/// What an escape stands for, and how many characters it is long.
fn escape(characters: &[char], at: usize, next: char) -> Result<(Part, usize), Error> {
    let literal = |text: &str| Ok((Part::Text(text.to_owned()), 2));
    let digit = |offset: usize| characters.get(at + offset).copied().and_then(|c| c.to_digit(10));
    match next {
        'n' => literal("\n"),
        't' => literal("\t"),
        'r' => literal("\r"),
        'a' => literal("\x07"),
        'b' => literal("\x08"),
        'f' => literal("\x0c"),
        'v' => literal("\x0b"),
        '\\' => literal("\\"),
        'g' => group_name(characters, at),
        '0' => {
            let octal = |offset: usize| digit(offset).filter(|digit| *digit < 8);
            let (value, length) = match (octal(2), octal(3)) {
                (Some(a), Some(b)) => (a * 8 + b, 4),
                (Some(a), None) => (a, 3),
                (None, _) => (0, 2),
            };
            Ok((Part::Text(character(value)), length))
        }
        '1'..='9' => {
            let first = digit(1).unwrap_or_default();
            let Some(second) = digit(2) else {
                return Ok((Part::Number { group: first as usize, position: at + 1 }, 2));
            };
            if let (true, true, Some(third)) = (first < 4, second < 8, digit(3).filter(|d| *d < 8))
            {
                return Ok((Part::Text(character(first * 64 + second * 8 + third)), 4));
            }
            Ok((Part::Number { group: (first * 10 + second) as usize, position: at + 1 }, 3))
        }
        letter if letter.is_ascii_alphabetic() => {
            Err(Error::BadEscape { escape: format!("\\{letter}"), position: at })
        }
        other => Ok((Part::Text(format!("\\{other}")), 2)),
    }
}

fn character(value: u32) -> String {
    char::from_u32(value).map(String::from).unwrap_or_default()
}

fn group_name(characters: &[char], at: usize) -> Result<(Part, usize), Error> {
    if characters.get(at + 2) != Some(&'<') {
        return Err(Error::MissingAngle(at + 2));
    }
    let name: String =
        characters.iter().skip(at + 3).take_while(|character| **character != '>').collect();
    let length = name.chars().count();
    if characters.get(at + 3 + length) != Some(&'>') || name.is_empty() {
        return Err(Error::BadGroupName { name, position: at + 3 });
    }
    let part = match name.parse() {
        Ok(group) => Part::Number { group, position: at + 3 },
        Err(_) if is_identifier(&name) => Part::Name(name),
        Err(_) => return Err(Error::BadGroupName { name, position: at + 3 }),
    };
    Ok((part, length + 4))
}

/// Whether it can be a group's name.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

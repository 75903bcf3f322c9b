//! Permission bits as tasks write them: octal text, numbers, `u=rwX,g-w`, `preserve`.
//!
//! Follows `mode` of ansible-core 2.19: text is octal with or without a leading zero, a number is
//! what YAML made of it (`0644` without quotes is already 420), anything else is symbolic.

use std::fmt;

use serde_json::Value as Json;

use crate::host::FileKind;
use crate::params::{Expected, OptionKind, ParamValue, plain};

/// What the permission bits shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMode {
    /// These bits.
    Bits(u32),
    /// A change of the bits that are there.
    Symbolic(Vec<Clause>),
    /// The bits of the source of a copy.
    Preserve,
}

/// One part of a symbolic mode: `g-w`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    who: Vec<Who>,
    operator: Operator,
    permissions: Vec<char>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    User,
    Group,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Remove,
    Assign,
}

impl ParamValue for FileMode {
    const KIND: OptionKind = OptionKind::Raw;

    fn from_json(value: &Json) -> Result<Self, Expected> {
        match value {
            Json::Number(number) => number
                .as_u64()
                .and_then(|bits| u32::try_from(bits).ok())
                .filter(|bits| *bits <= 0o7777)
                .map(Self::Bits)
                .ok_or_else(|| {
                    Expected::Form(format!(
                        "Invalid mode supplied, only permission info is allowed: {number}"
                    ))
                }),
            other => Self::parse(&plain(other)),
        }
    }
}

impl FileMode {
    /// Reads the text of a mode.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let text = text.trim();
        if text == "preserve" {
            return Ok(Self::Preserve);
        }
        let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix("0O")).unwrap_or(text);
        if let Ok(bits) = u32::from_str_radix(digits, 8) {
            return Ok(Self::Bits(bits & 0o7777));
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            parse_clauses(part, &mut clauses).ok_or_else(|| {
                Expected::Refused(
                    "mode must be in octal or symbolic form",
                    format!("bad symbolic permission for mode: {text}"),
                )
            })?;
        }
        Ok(Self::Symbolic(clauses))
    }

    /// The bits that a file with these bits shall have; `None` for [`FileMode::Preserve`].
    pub fn of(&self, current: u32, kind: FileKind, umask: u32) -> Option<u32> {
        match self {
            Self::Bits(bits) => Some(*bits),
            Self::Symbolic(clauses) => {
                Some(clauses.iter().fold(current, |mode, clause| clause.apply(mode, kind, umask)))
            }
            Self::Preserve => None,
        }
    }
}

fn parse_clauses(part: &str, clauses: &mut Vec<Clause>) -> Option<()> {
    // a part without an operator names users and changes nothing
    let operator_at = part.find(['+', '-', '=']).unwrap_or(part.len());
    let (users, mut rest) = part.split_at(operator_at);
    let mut who = Vec::new();
    for user in users.chars() {
        match user {
            'u' => who.push(Who::User),
            'g' => who.push(Who::Group),
            'o' => who.push(Who::Other),
            // stands for all alone, and never beside others
            'a' if users == "a" => who.extend([Who::User, Who::Group, Who::Other]),
            _ => return None,
        }
    }
    while !rest.is_empty() {
        let mut characters = rest.chars();
        let operator = match characters.next()? {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            '=' => Operator::Assign,
            _ => return None,
        };
        let tail = characters.as_str();
        let end = tail.find(['+', '-', '=']).unwrap_or(tail.len());
        let (permissions, after) = tail.split_at(end);
        let known = permissions.chars().all(|permission| "rwxXst".contains(permission));
        if !known && !matches!(permissions, "u" | "g" | "o") {
            return None;
        }
        clauses.push(Clause {
            who: who.clone(),
            operator,
            permissions: permissions.chars().collect(),
        });
        rest = after;
    }
    Some(())
}

impl Clause {
    fn apply(&self, mode: u32, kind: FileKind, umask: u32) -> u32 {
        let everyone = [Who::User, Who::Group, Who::Other];
        // without `ugoa` the bits of the umask stay as they are
        let (who, allowed) = if self.who.is_empty() {
            (everyone.as_slice(), 0o7777 & !umask)
        } else {
            (self.who.as_slice(), 0o7777)
        };
        who.iter().fold(mode, |mode, who| {
            let bits = self.bits(*who, mode, kind) & allowed;
            match self.operator {
                Operator::Add => mode | bits,
                Operator::Remove => mode & !bits,
                Operator::Assign => (mode & !who.mask()) | bits,
            }
        })
    }

    fn bits(&self, who: Who, mode: u32, kind: FileKind) -> u32 {
        let class = |bits: u32| bits << who.shift();
        self.permissions.iter().fold(0, |bits, permission| {
            bits | match permission {
                'r' => class(4),
                'w' => class(2),
                'x' => class(1),
                'X' if kind == FileKind::Directory || mode & 0o111 != 0 => class(1),
                's' => who.set_id(),
                't' if who == Who::Other => 0o1000,
                'u' => class((mode >> 6) & 7),
                'g' => class((mode >> 3) & 7),
                'o' => class(mode & 7),
                _ => 0,
            }
        })
    }
}

impl Who {
    fn shift(self) -> u32 {
        match self {
            Self::User => 6,
            Self::Group => 3,
            Self::Other => 0,
        }
    }

    fn set_id(self) -> u32 {
        match self {
            Self::User => 0o4000,
            Self::Group => 0o2000,
            Self::Other => 0,
        }
    }

    fn mask(self) -> u32 {
        match self {
            Self::User => 0o4700,
            Self::Group => 0o2070,
            Self::Other => 0o1007,
        }
    }
}

/// Bits as results show them: `0644`.
pub(crate) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

impl fmt::Display for FileMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bits(bits) => formatter.write_str(&octal(*bits)),
            Self::Symbolic(_) => formatter.write_str("symbolic"),
            Self::Preserve => formatter.write_str("preserve"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn modes_give_the_bits_that_chmod_gives() {
        use FileKind::{Directory, File};
        let cases = [
            (json!("0644"), File, 0o777, 0o644),
            (json!("644"), File, 0o777, 0o644),
            (json!("0o755"), File, 0, 0o755),
            (json!(420), File, 0, 0o644),
            (json!("2775"), Directory, 0, 0o2775),
            (json!("0100644"), File, 0, 0o644),
            (json!("u=rwX,g=rX,o="), File, 0o644, 0o640),
            (json!("u=rwX,g=rX,o="), File, 0o755, 0o750),
            (json!("u=rwX,g=rX,o="), Directory, 0o600, 0o750),
            (json!("a+x"), File, 0o644, 0o755),
            (json!("+x"), File, 0o600, 0o711),
            (json!("+w"), File, 0o400, 0o600),
            (json!("u+s,g-w"), File, 0o775, 0o4755),
            (json!("g+s"), Directory, 0o755, 0o2755),
            (json!("o+t"), Directory, 0o777, 0o1777),
            (json!("g=u"), File, 0o640, 0o660),
            (json!("u+r-w"), File, 0o200, 0o400),
            (json!("go="), File, 0o755, 0o700),
            (json!("u=rw,go=r"), File, 0o777, 0o644),
            (json!("o=g"), File, 0o750, 0o755),
            (json!("u=rw,o"), File, 0o444, 0o644),
            (json!("u"), File, 0o640, 0o640),
            (json!(""), File, 0o640, 0o640),
        ];
        for (value, kind, current, expected) in cases {
            let mode = FileMode::from_json(&value).unwrap();
            assert_eq!(mode.of(current, kind, 0o022), Some(expected), "{value} of {current:o}");
        }
        assert_eq!(FileMode::from_json(&json!("preserve")).unwrap(), FileMode::Preserve);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for value in [
            json!("abc"),
            json!("u=q"),
            json!("999"),
            json!("u=r,q"),
            json!("ao=r"),
            json!("oa=r"),
            json!(-1),
            json!(70000),
        ] {
            assert!(FileMode::from_json(&value).is_err(), "{value}");
        }
    }
}

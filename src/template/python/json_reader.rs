//! JSON as Python's `json.loads` reads it, with its errors.

use indexmap::IndexMap;
use minijinja::Value;

use super::arithmetic::parse_whole;
use super::containers::{dict, list};
use super::integer;
use crate::template::failure::{Failure, Outcome};

/// Deeper nesting is refused, so that no text overflows the stack.
const MAXIMUM_DEPTH: usize = 500;

struct Reader<'t> {
    text: &'t str,
    position: usize,
    depth: usize,
}

/// `json.loads(text)`
pub(in crate::template) fn parse_json(text: &str) -> Outcome<Value> {
    if text.starts_with('\u{feff}') {
        return Err(Failure::failed(
            "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)",
        ));
    }
    let mut reader = Reader { text, position: 0, depth: 0 };
    reader.skip_blanks();
    let value = reader.value()?;
    reader.skip_blanks();
    if reader.peek().is_some() {
        return Err(reader.error("Extra data", reader.position));
    }
    Ok(value)
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.position += 1;
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.position += word.len();
        }
        found
    }

    fn error(&self, message: &str, at: usize) -> Box<Failure> {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        let index = before.chars().count();
        Failure::failed(format!("{message}: line {line} column {column} (char {index})"))
    }

    fn value(&mut self) -> Outcome<Value> {
        let start = self.position;
        match self.peek() {
            Some('"') => {
                self.position += 1;
                self.string().map(Value::from)
            }
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            _ => {
                for (word, value) in [
                    ("null", Value::from(())),
                    ("true", Value::from(true)),
                    ("false", Value::from(false)),
                    ("NaN", Value::from(f64::NAN)),
                    ("Infinity", Value::from(f64::INFINITY)),
                    ("-Infinity", Value::from(f64::NEG_INFINITY)),
                ] {
                    if self.takes(word) {
                        return Ok(value);
                    }
                }
                self.number().ok_or_else(|| self.error("Expecting value", start))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Outcome<Value>) -> Outcome<Value> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(Failure::failed(
                "maximum recursion depth exceeded while decoding a JSON object from a unicode string",
            ));
        }
        self.depth += 1;
        self.position += 1;
        let value = crate::template::stack::on_enough_stack(|| read(self));
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Outcome<Value> {
        let mut elements = Vec::new();
        self.skip_blanks();
        if self.takes("]") {
            return Ok(list(elements));
        }
        loop {
            elements.push(self.value()?);
            self.skip_blanks();
            if self.takes("]") {
                return Ok(list(elements));
            }
            if !self.takes(",") {
                return Err(self.error("Expecting ',' delimiter", self.position));
            }
            self.skip_blanks();
        }
    }

    fn object(&mut self) -> Outcome<Value> {
        let mut members: IndexMap<Value, Value> = IndexMap::new();
        self.skip_blanks();
        if self.takes("}") {
            return Ok(dict(members));
        }
        loop {
            let named = "Expecting property name enclosed in double quotes";
            if !self.takes("\"") {
                return Err(self.error(named, self.position));
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.takes(":") {
                return Err(self.error("Expecting ':' delimiter", self.position));
            }
            self.skip_blanks();
            let value = self.value()?;
            members.insert(Value::from(key), value);
            self.skip_blanks();
            if self.takes("}") {
                return Ok(dict(members));
            }
            if !self.takes(",") {
                return Err(self.error("Expecting ',' delimiter", self.position));
            }
            self.skip_blanks();
        }
    }

    /// The rest of a string after its opening quote.
    fn string(&mut self) -> Outcome<String> {
        let begin = self.position - 1;
        let mut out = String::new();
        loop {
            let at = self.position;
            let Some(letter) = self.peek() else {
                return Err(self.error("Unterminated string starting at", begin));
            };
            self.position += letter.len_utf8();
            match letter {
                '"' => return Ok(out),
                '\\' => out.push(self.escape(at, begin)?),
                letter if u32::from(letter) < 0x20 => {
                    return Err(self.error("Invalid control character at", at));
                }
                letter => out.push(letter),
            }
        }
    }

    fn escape(&mut self, at: usize, begin: usize) -> Outcome<char> {
        let Some(letter) = self.peek() else {
            return Err(self.error("Unterminated string starting at", begin));
        };
        self.position += letter.len_utf8();
        Ok(match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                let before = self.position;
                if (0xd800..0xdc00).contains(&first) && self.takes("\\u") {
                    let second = self.unit()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
                    }
                    self.position = before;
                }
                // half of a pair is no character of its own
                char::from_u32(first).unwrap_or('\u{fffd}')
            }
            _ => return Err(self.error("Invalid \\escape", at)),
        })
    }

    fn unit(&mut self) -> Outcome<u32> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.position += 4;
                Ok(unit)
            }
            None => Err(self.error("Invalid \\uXXXX escape", self.position - 1)),
        }
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|d: char| d.is_ascii_digit()).len();
        let sign = usize::from(rest.starts_with('-'));
        let whole = match rest.get(sign..)? {
            after if after.starts_with('0') => 1,
            after => digits(after),
        };
        if whole == 0 {
            return None;
        }
        let mut end = sign + whole;
        let mut is_float = false;
        if let Some(fraction) = rest.get(end..)?.strip_prefix('.').map(digits).filter(|n| *n > 0) {
            end += 1 + fraction;
            is_float = true;
        }
        if let Some(exponent) = rest.get(end..)?.strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let count = digits(exponent.get(sign..)?);
            if count > 0 {
                end += 1 + sign + count;
                is_float = true;
            }
        }
        let written = rest.get(..end)?;
        let integer = if is_float { None } else { parse_whole(written, 10) };
        let value = match integer {
            Some(number) => integer::whole(number),
            None => Value::from(written.parse::<f64>().ok()?),
        };
        self.position += end;
        Some(value)
    }
}

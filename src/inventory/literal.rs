//! Values of INI inventories: Python literals where they are some, text where not.
//!
//! `1` is a number, `True` a boolean, `None` nothing, `[1, 'a']` a list, `{'a': 1}` a mapping and
//! `"x"` text without its quotes; `yes`, `0644`, `1.2.3` and `two words` are text as they stand.
//! What Ansible does by Python's `ast.literal_eval`, with these departures: complex numbers,
//! `\N{…}` escapes and whole numbers beyond 128 bits stay text as written.

use crate::source::{Kind, Node, Span, Text};

/// The most brackets within each other; Python refuses more than 200, too.
const DEEPEST: usize = 200;

/// The value of this text.
pub(super) fn parse(text: &str, span: &Span) -> Node {
    let mut parser = Parser { rest: text, span, depth: 0 };
    parser.whole().unwrap_or_else(|| Node::text(text, span.clone()))
}

struct Parser<'a> {
    rest: &'a str,
    span: &'a Span,
    depth: usize,
}

/// Every method takes what it understands and gives `None` where the text is no literal.
impl Parser<'_> {
    fn whole(&mut self) -> Option<Node> {
        let first = self.value()?;
        if !self.take(',') {
            return self.end().then_some(first);
        }
        let mut elements = vec![first];
        while !self.end() {
            elements.push(self.value()?);
            if !self.take(',') && !self.end() {
                return None;
            }
        }
        Some(self.node(Kind::Seq(elements)))
    }

    fn node(&self, kind: Kind) -> Node {
        Node { kind, span: self.span.clone() }
    }

    /// Whether nothing follows but space and a comment.
    fn end(&mut self) -> bool {
        self.skip();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
    }

    fn take(&mut self, character: char) -> bool {
        self.skip();
        self.take_here(character)
    }

    fn take_here(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Node> {
        self.skip();
        match self.rest.chars().next()? {
            '[' => self.nested('[', Self::list),
            '(' => self.nested('(', Self::group),
            '{' => self.nested('{', Self::braces),
            '\'' | '"' => self.texts(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            character if character.is_alphabetic() || character == '_' => self.word(),
            _ => None,
        }
    }

    fn nested(&mut self, open: char, inside: fn(&mut Self) -> Option<Kind>) -> Option<Node> {
        self.take(open);
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let kind = inside(self)?;
        self.depth -= 1;
        Some(self.node(kind))
    }

    /// Elements up to a closing bracket, and whether a comma stood behind one of them.
    fn elements(&mut self, close: char) -> Option<(Vec<Node>, bool)> {
        let (mut elements, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            elements.push(self.value()?);
            if self.take(',') {
                comma = true;
            } else if self.take(close) {
                break;
            } else {
                return None;
            }
        }
        Some((elements, comma))
    }

    fn list(&mut self) -> Option<Kind> {
        Some(Kind::Seq(self.elements(']')?.0))
    }

    /// A tuple, or a value in parentheses.
    fn group(&mut self) -> Option<Kind> {
        let (mut elements, comma) = self.elements(')')?;
        if elements.len() == 1 && !comma {
            return elements.pop().map(|element| element.kind);
        }
        Some(Kind::Seq(elements))
    }

    /// A mapping or a set.
    fn braces(&mut self) -> Option<Kind> {
        if self.take('}') {
            return Some(Kind::Map(Vec::new()));
        }
        let first = self.key()?;
        if !self.take(':') {
            return self.set(first);
        }
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut key = first;
        loop {
            let value = self.value()?;
            match entries.iter_mut().find(|(known, _)| known.kind == key.kind) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
            if self.take('}') {
                return Some(Kind::Map(entries));
            }
            if !self.take(',') {
                return None;
            }
            if self.take('}') {
                return Some(Kind::Map(entries));
            }
            key = self.key()?;
            if !self.take(':') {
                return None;
            }
        }
    }

    /// A scalar: Python hashes no lists and no mappings (tuples, which it does, stay text here).
    fn key(&mut self) -> Option<Node> {
        self.value().filter(|key| !matches!(key.kind, Kind::Map(_) | Kind::Seq(_)))
    }

    fn set(&mut self, first: Node) -> Option<Kind> {
        let mut elements = vec![first];
        if self.take(',') {
            elements.extend(self.elements('}')?.0);
            if elements.iter().any(|element| matches!(element.kind, Kind::Map(_) | Kind::Seq(_))) {
                return None;
            }
        } else if !self.take('}') {
            return None;
        }
        let mut members: Vec<Node> = Vec::new();
        for element in elements {
            if !members.iter().any(|member| member.kind == element.kind) {
                members.push(element);
            }
        }
        Some(Kind::Seq(members))
    }

    /// `True`, `False`, `None`, or the prefix of a string.
    fn word(&mut self) -> Option<Node> {
        let length = self
            .rest
            .find(|character: char| !(character.is_alphanumeric() || character == '_'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(length)?;
        let kind = match word {
            "True" => Kind::Bool(true),
            "False" => Kind::Bool(false),
            "None" => Kind::Null,
            "set" => {
                let inside = rest.trim_start().strip_prefix('(')?;
                let rest = inside.trim_start().strip_prefix(')')?;
                self.rest = rest;
                return Some(self.node(Kind::Seq(Vec::new())));
            }
            _ if rest.starts_with(['\'', '"']) => return self.texts(),
            _ => return None,
        };
        self.rest = rest;
        Some(self.node(kind))
    }

    fn number(&mut self) -> Option<Node> {
        if let Some(rest) = self.rest.strip_prefix("...") {
            self.rest = rest;
            return Some(Node::text("...", self.span.clone()));
        }
        let negative = self.take_here('-');
        if !negative {
            self.take_here('+');
        }
        self.skip();
        let digits = self.number_text();
        if let Some(imaginary) = digits.strip_suffix(['j', 'J']).filter(|_| !negative) {
            // a complex number has no other form here than its text
            let Some(Kind::Float(part)) =
                float(imaginary, false).or_else(|| imaginary.parse().ok().map(Kind::Float))
            else {
                return None;
            };
            return Some(Node::text(format!("{part}j"), self.span.clone()));
        }
        let kind = whole_number(&digits, negative).or_else(|| float(&digits, negative))?;
        Some(self.node(kind))
    }

    /// The characters of a number, with the sign of its exponent.
    fn number_text(&mut self) -> String {
        let mut text = String::new();
        let hexadecimal = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        while let Some(character) = self.rest.chars().next() {
            let sign = matches!(character, '+' | '-') && !hexadecimal && text.ends_with(['e', 'E']);
            if !(character.is_ascii_alphanumeric() || matches!(character, '.' | '_') || sign) {
                break;
            }
            text.push(character);
            self.take_here(character);
        }
        text
    }

    /// Strings that stand behind each other are one.
    fn texts(&mut self) -> Option<Node> {
        let mut value = String::new();
        loop {
            let mut raw = false;
            let mut bytes = false;
            while let Some(prefix) = self.rest.chars().next().filter(char::is_ascii_alphabetic) {
                match prefix.to_ascii_lowercase() {
                    'r' if !raw => raw = true,
                    'b' if !bytes => bytes = true,
                    'u' if !raw && !bytes => {}
                    _ => return None,
                }
                self.take_here(prefix);
            }
            let quote = self.rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
            let escapes = match (raw, bytes) {
                (true, _) => Escapes::Raw,
                (false, true) => Escapes::Bytes,
                (false, false) => Escapes::Text,
            };
            self.string(quote, escapes, &mut value)?;
            self.skip();
            if !self.rest.starts_with(['\'', '"', 'r', 'R', 'u', 'U', 'b', 'B']) {
                break;
            }
        }
        let text = Text { value, plain: false };
        Some(self.node(Kind::Str(text)))
    }

    fn string(&mut self, quote: char, escapes: Escapes, value: &mut String) -> Option<()> {
        let triple = quote.to_string().repeat(3);
        let close = if self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = self.rest.strip_prefix(close.as_str())?;
        loop {
            if let Some(rest) = self.rest.strip_prefix(close.as_str()) {
                self.rest = rest;
                return Some(());
            }
            let character = self.rest.chars().next()?;
            self.take_here(character);
            if character != '\\' {
                value.push(character);
                continue;
            }
            let escaped = self.rest.chars().next()?;
            self.take_here(escaped);
            if matches!(escapes, Escapes::Raw) {
                value.extend(['\\', escaped]);
            } else {
                self.escape(escaped, escapes, value)?;
            }
        }
    }

    fn escape(&mut self, escaped: char, escapes: Escapes, value: &mut String) -> Option<()> {
        let wide = matches!(escapes, Escapes::Text);
        let character = match escaped {
            '\\' | '\'' | '"' => escaped,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => self.coded(2, 2, 16)?,
            'u' if wide => self.coded(4, 4, 16)?,
            'U' if wide => self.coded(8, 8, 16)?,
            'N' if wide => return None,
            '0'..='7' => {
                let mut code = escaped.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    self.rest = self.rest.get(1..)?;
                }
                char::from_u32(code)?
            }
            other => {
                value.extend(['\\', other]);
                return Some(());
            }
        };
        value.push(character);
        Some(())
    }

    fn coded(&mut self, least: usize, most: usize, radix: u32) -> Option<char> {
        let digits: String =
            self.rest.chars().take(most).take_while(|digit| digit.is_digit(radix)).collect();
        if digits.len() < least {
            return None;
        }
        self.rest = self.rest.get(digits.len()..)?;
        char::from_u32(u32::from_str_radix(&digits, radix).ok()?)
    }
}

/// What backslashes do in a string.
#[derive(Clone, Copy)]
enum Escapes {
    Text,
    Bytes,
    Raw,
}

/// Digits without their underscores, which may only stand between digits.
fn joined(digits: &str) -> Option<String> {
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!misplaced && !digits.is_empty()).then(|| digits.replace('_', ""))
}

fn whole_number(text: &str, negative: bool) -> Option<Kind> {
    let (radix, digits) = match text.get(..2) {
        Some("0x" | "0X") => (16, text.get(2..)?),
        Some("0o" | "0O") => (8, text.get(2..)?),
        Some("0b" | "0B") => (2, text.get(2..)?),
        _ => (10, text),
    };
    let digits = joined(if radix == 10 { digits } else { digits.trim_start_matches('_') })?;
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if radix == 10 && digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let value = i128::from_str_radix(&digits, radix).ok()?;
    Some(Kind::Int(if negative { -value } else { value }))
}

fn float(text: &str, negative: bool) -> Option<Kind> {
    if !text.contains(['.', 'e', 'E'])
        || text.chars().any(|c| !(c.is_ascii_digit() || "._eE+-".contains(c)))
        || !text.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let value: f64 = text
        .split(['.', 'e', 'E', '+', '-'])
        .filter(|part| !part.is_empty())
        .all(|part| joined(part).is_some())
        .then(|| text.replace('_', ""))?
        .parse()
        .ok()?;
    Some(Kind::Float(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::SourceFile;

    /// The value as Python's `repr` has it, for a short table.
    fn shown(node: &Node) -> String {
        let list = |elements: &[Node]| elements.iter().map(shown).collect::<Vec<_>>().join(", ");
        match &node.kind {
            Kind::Null => "None".into(),
            Kind::Bool(true) => "True".into(),
            Kind::Bool(false) => "False".into(),
            Kind::Int(number) => number.to_string(),
            Kind::Float(number) => format!("{number:?}"),
            Kind::Str(text) => format!("'{}'", text.value.escape_debug()),
            Kind::Seq(elements) => format!("[{}]", list(elements)),
            Kind::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(k, v)| format!("{}: {}", shown(k), shown(v))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn values_are_python_literals_or_text() {
        let file = Arc::new(SourceFile { path: "hosts".into(), text: String::new() });
        let span = Span { file, line: 1, column: 1, length: 1 };
        // right column: what `ast.literal_eval` of Python 3.11 gives, or the text where it fails
        let table = [
            ("1", "1"),
            (" 1", "1"),
            ("-1", "-1"),
            ("--1", "'--1'"),
            ("1_000", "1000"),
            ("0x1f", "31"),
            ("0o644", "420"),
            ("0644", "'0644'"),
            ("00", "0"),
            ("1.10", "1.1"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("1e-3", "0.001"),
            ("0644.5", "644.5"),
            ("1.2.3", "'1.2.3'"),
            ("1 2", "'1 2'"),
            ("1 # one", "1"),
            ("1,2", "[1, 2]"),
            ("True", "True"),
            ("true", "'true'"),
            ("yes", "'yes'"),
            ("None", "None"),
            ("...", "'...'"),
            ("", "''"),
            ("two words", "'two words'"),
            ("'x'", "'x'"),
            ("\"a\" 'b'", "'ab'"),
            (r"'a\nb\x41\u00e4\101\q'", r"'a\nbAäA\\q'"),
            (r"r'a\n'", r"'a\\n'"),
            ("b'x'", "'x'"),
            ("f'x'", "'f\\'x\\''"),
            ("'x", "'\\'x'"),
            ("'''a'b'''", "'a\\'b'"),
            ("[1, 'a', None,]", "[1, 'a', None]"),
            ("[1 2]", "'[1 2]'"),
            ("[a]", "'[a]'"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("()", "[]"),
            ("{'a': 1, 'a': [True]}", "{'a': [True]}"),
            ("{'a': 1, 2: {}}", "{'a': 1, 2: {}}"),
            ("{1, 2, 1}", "[1, 2]"),
            ("{a: 1}", "'{a: 1}'"),
            ("{'a' 1}", "'{\\'a\\' 1}'"),
            ("{{ x }}", "'{{ x }}'"),
            ("{{ 'x' }}", "'{{ \\'x\\' }}'"),
            ("['{{ x }}']", "['{{ x }}']"),
            ("/usr/bin/python3", "'/usr/bin/python3'"),
            ("-o ProxyJump=x", "'-o ProxyJump=x'"),
            ("1j", "'1j'"),
        ];
        for (text, value) in table {
            assert_eq!(shown(&parse(text, &span)), value, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep, &span).as_str(), Some(deep.as_str()));
    }
}

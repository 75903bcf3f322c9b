//! Text to tokens.

use num_bigint::BigInt;

use super::options::{Backslashes, Options, Whitespace};
use super::{Range, SyntaxError, lines};

/// Python reads no number with more digits.
const MOST_DIGITS: usize = 4300;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Data(String),
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name(String),
    Integer(BigInt),
    Float(f64),
    Text(String),
    Operator(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range,
}

/// Longest first, so that `**` is not two `*`.
const OPERATORS: [&str; 25] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Variable,
    Block,
    Comment,
    LineStatement,
    LineComment,
}

/// In the order of Jinja where two begin at one place and are of one length.
const OPENINGS: [Opening; 5] = [
    Opening::Variable,
    Opening::LineStatement,
    Opening::LineComment,
    Opening::Comment,
    Opening::Block,
];

/// An opening mark that was found.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    /// Where what follows it begins.
    after: usize,
    length: usize,
}

/// What is known of the marks of a kind that follow.
#[derive(Clone, Copy)]
enum Ahead {
    /// It was not looked for them.
    Unknown,
    /// There are none.
    Nowhere,
    Found(Mark),
}

pub(super) struct Lexer<'a> {
    source: &'a str,
    options: &'a Options,
    position: usize,
    tokens: Vec<Token>,
    /// The next mark of each kind.
    ahead: [Ahead; 5],
}

type Outcome<T> = Result<T, SyntaxError>;

/// The tokens of a template.
pub(super) fn template_tokens(source: &str, options: &Options) -> Outcome<Vec<Token>> {
    let mut lexer =
        Lexer { source, options, position: 0, tokens: Vec::new(), ahead: [Ahead::Unknown; 5] };
    lexer.template()?;
    Ok(lexer.finish())
}

/// The tokens of a bare expression.
pub(super) fn expression_tokens(source: &str, options: &Options) -> Outcome<Vec<Token>> {
    let mut lexer =
        Lexer { source, options, position: 0, tokens: Vec::new(), ahead: [Ahead::Unknown; 5] };
    lexer.code(None)?;
    Ok(lexer.finish())
}

impl<'a> Lexer<'a> {
    fn finish(mut self) -> Vec<Token> {
        let end = self.source.len();
        self.tokens.push(Token { kind: Kind::End, range: Range { start: end, end } });
        self.tokens
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.position..).unwrap_or_default()
    }

    fn error<T>(&self, message: impl Into<String>, start: usize) -> Outcome<T> {
        let end = self.position.max(start + 1).min(self.source.len().max(start));
        Err(SyntaxError::new(message, Range { start, end }))
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, range: Range { start, end: self.position } });
    }

    fn data(&mut self, text: &str, start: usize) {
        if text.is_empty() {
            return;
        }
        let text = if self.options.newline == "\n" {
            text.to_owned()
        } else {
            text.replace('\n', &self.options.newline)
        };
        let range = Range { start, end: start + text.len() };
        self.tokens.push(Token { kind: Kind::Data(text), range });
    }

    /// The next opening mark, the longest where several begin: its place, its kind and where what
    /// follows it begins.
    fn opening(&mut self) -> Option<(usize, Opening, usize)> {
        let mut first: Option<(Mark, Opening)> = None;
        for (index, kind) in OPENINGS.into_iter().enumerate() {
            let known = self.ahead.get(index).copied().unwrap_or(Ahead::Unknown);
            let ahead = match known {
                // what is ahead stays ahead until it is passed
                Ahead::Nowhere => known,
                Ahead::Found(mark) if mark.at >= self.position => known,
                _ => self.mark(kind).map_or(Ahead::Nowhere, Ahead::Found),
            };
            if let Some(slot) = self.ahead.get_mut(index) {
                *slot = ahead;
            }
            let Ahead::Found(mark) = ahead else { continue };
            let order = |mark: &Mark| (mark.at, usize::MAX - mark.length);
            if first.as_ref().is_none_or(|(first, _)| order(&mark) < order(first)) {
                first = Some((mark, kind));
            }
        }
        first.map(|(mark, kind)| (mark.at, kind, mark.after))
    }

    /// The next opening mark of a kind.
    fn mark(&self, kind: Opening) -> Option<Mark> {
        let markers = &self.options.markers;
        let line = |prefix: &Option<String>, find: lines::Find| {
            let prefix = prefix.as_ref()?;
            let (at, after) = find(self.source, self.position, prefix)?;
            Some(Mark { at, after, length: prefix.len() })
        };
        let [open, _] = match kind {
            Opening::Variable => &markers.variable,
            Opening::Block => &markers.block,
            Opening::Comment => &markers.comment,
            Opening::LineStatement => return line(&markers.line_statement, lines::statement),
            Opening::LineComment => return line(&markers.line_comment, lines::comment),
        };
        let at = self.position + self.rest().find(open.as_str())?;
        Some(Mark { at, after: at + open.len(), length: open.len() })
    }

    fn template(&mut self) -> Outcome<()> {
        while let Some((at, opening, after)) = self.opening() {
            let start = self.position;
            let text = self.source.get(start..at).unwrap_or_default();
            self.position = after;
            let sign = self.take_sign();
            let text = self.strip_before(text, start, opening, sign);
            self.data(text, start);
            match opening {
                Opening::Comment => self.comment(at)?,
                Opening::Variable => {
                    self.push(Kind::VariableBegin, at);
                    self.code(Some(Opening::Variable))?;
                }
                Opening::Block => {
                    if !self.raw(at)? {
                        self.push(Kind::BlockBegin, at);
                        self.code(Some(Opening::Block))?;
                    }
                }
                Opening::LineStatement => {
                    self.push(Kind::BlockBegin, at);
                    self.code(Some(Opening::LineStatement))?;
                }
                Opening::LineComment => {
                    self.position += self.rest().find('\n').unwrap_or(self.rest().len());
                }
            }
        }
        let start = self.position;
        let text = self.rest();
        self.position = self.source.len();
        self.data(text, start);
        Ok(())
    }

    fn take_sign(&mut self) -> Option<char> {
        let sign = self.rest().chars().next().filter(|sign| matches!(sign, '-' | '+'));
        if sign.is_some() {
            self.position += 1;
        }
        sign
    }

    fn strip_before<'t>(
        &self,
        text: &'t str,
        start: usize,
        opening: Opening,
        sign: Option<char>,
    ) -> &'t str {
        if sign == Some('-') {
            return text.trim_end();
        }
        let strips = self.options.before_blocks == Whitespace::Trim
            && opening != Opening::Variable
            && sign.is_none();
        if !strips {
            return text;
        }
        let line = text.rfind('\n').map_or(0, |newline| newline + 1);
        let at_line_start = line > 0
            || start == 0
            || self.source.get(..start).is_some_and(|before| before.ends_with('\n'));
        let (kept, blanks) = text.split_at(line);
        if at_line_start && blanks.chars().all(char::is_whitespace) { kept } else { text }
    }

    /// Past the end mark of a block or comment, and of what follows it when it trims.
    fn after_block(&mut self, sign: Option<char>) {
        match sign {
            Some('-') => self.skip_whitespace(),
            Some(_) => {}
            None if self.options.after_blocks == Whitespace::Trim
                && self.rest().starts_with('\n') =>
            {
                self.position += 1;
            }
            None => {}
        }
    }

    fn skip_whitespace(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn comment(&mut self, at: usize) -> Outcome<()> {
        let [_, close] = &self.options.markers.comment;
        let Some(found) = self.rest().find(close.as_str()) else {
            return self.error("Missing end of comment tag", at);
        };
        let body = self.rest().get(..found).unwrap_or_default();
        let sign = body.chars().next_back().filter(|sign| matches!(sign, '-' | '+'));
        self.position += found + close.len();
        self.after_block(sign);
        Ok(())
    }

    /// `name` after the opening mark with its closing mark: the sign before it and the length.
    fn block_word(&self, text: &str, word: &str) -> Option<(Option<char>, usize)> {
        let [_, close] = &self.options.markers.block;
        let trimmed = text.trim_start();
        let after = trimmed.strip_prefix(word)?.trim_start();
        let (sign, after) = match after.strip_prefix(['-', '+']) {
            Some(stripped) if stripped.starts_with(close.as_str()) => {
                (after.chars().next(), stripped)
            }
            _ => (None, after),
        };
        let after = after.strip_prefix(close.as_str())?;
        Some((sign, text.len() - after.len()))
    }

    fn raw(&mut self, at: usize) -> Outcome<bool> {
        let Some((sign, length)) = self.block_word(self.rest(), "raw") else {
            return Ok(false);
        };
        self.position += length;
        if sign == Some('-') {
            self.skip_whitespace();
        }
        let [open, _] = &self.options.markers.block;
        let start = self.position;
        if start == self.source.len() {
            return Ok(true);
        }
        let mut search = start;
        while let Some(found) = self.source.get(search..).and_then(|rest| rest.find(open.as_str()))
        {
            let mark = search + found;
            self.position = mark + open.len();
            let before = self.take_sign();
            if let Some((after, length)) = self.block_word(self.rest(), "endraw") {
                self.position += length;
                let text = self.source.get(start..mark).unwrap_or_default();
                let text = self.strip_before(text, start, Opening::Block, before);
                self.data(text, start);
                self.after_block(after);
                return Ok(true);
            }
            search = mark + open.len();
        }
        self.position = self.source.len();
        self.error("Missing end of raw directive", at)
    }

    /// Tokens up to the closing mark, or to the end of a bare expression.
    fn code(&mut self, inside: Option<Opening>) -> Outcome<()> {
        let mut open: Vec<&'static str> = Vec::new();
        loop {
            if inside == Some(Opening::LineStatement) && open.is_empty() && self.close_line() {
                return Ok(());
            }
            self.skip_whitespace();
            let start = self.position;
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Ok(());
            };
            if open.is_empty() && self.close(inside, start) {
                return Ok(());
            }
            if first == '"' || first == '\'' {
                self.text(first, start, inside)?;
            } else if first.is_ascii_digit() {
                self.number(start)?;
            } else if first == '_' || first.is_alphabetic() {
                let length = rest
                    .find(|letter: char| letter != '_' && !letter.is_alphanumeric())
                    .unwrap_or(rest.len());
                self.position += length;
                let name = rest.get(..length).unwrap_or_default().to_owned();
                self.push(Kind::Name(name), start);
            } else {
                self.operator(start, first, &mut open)?;
            }
        }
    }

    fn close(&mut self, inside: Option<Opening>, start: usize) -> bool {
        let (pair, kind) = match inside {
            Some(Opening::Variable) => (&self.options.markers.variable, Kind::VariableEnd),
            Some(Opening::Block) => (&self.options.markers.block, Kind::BlockEnd),
            _ => return false,
        };
        let [_, close] = pair;
        let rest = self.rest();
        if rest.starts_with(close.as_str()) {
            self.position += close.len();
            self.push(kind.clone(), start);
            if kind == Kind::BlockEnd {
                self.after_block(None);
            }
            return true;
        }
        let Some(sign) = rest.chars().next().filter(|sign| matches!(sign, '-' | '+')) else {
            return false;
        };
        let signed = rest.get(1..).is_some_and(|after| after.starts_with(close.as_str()));
        if !signed || (sign == '+' && kind == Kind::VariableEnd) {
            return false;
        }
        self.position += 1 + close.len();
        self.push(kind, start);
        self.after_block(Some(sign));
        true
    }

    /// Past the end of a line that is a statement, and past the blank lines after it.
    fn close_line(&mut self) -> bool {
        let start = self.position;
        let Some(length) = lines::end(self.rest()) else { return false };
        self.position += length;
        self.push(Kind::BlockEnd, start);
        true
    }

    fn operator(&mut self, start: usize, first: char, open: &mut Vec<&'static str>) -> Outcome<()> {
        let rest = self.rest();
        let Some(operator) = OPERATORS.into_iter().find(|symbol| rest.starts_with(symbol)) else {
            return self.error(format!("unexpected char '{first}' at {start}"), start);
        };
        self.position += operator.len();
        match operator {
            "(" => open.push(")"),
            "[" => open.push("]"),
            "{" => open.push("}"),
            ")" | "]" | "}" => match open.pop() {
                None => return self.error(format!("unexpected '{operator}'"), start),
                Some(expected) if expected != operator => {
                    let message = format!("unexpected '{operator}', expected '{expected}'");
                    return self.error(message, start);
                }
                Some(_) => {}
            },
            _ => {}
        }
        self.push(Kind::Operator(operator), start);
        Ok(())
    }

    fn text(&mut self, quote: char, start: usize, inside: Option<Opening>) -> Outcome<()> {
        let body = self.rest().get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = body.char_indices().find_map(|(at, letter)| {
            let ends = !escaped && letter == quote;
            escaped = !escaped && letter == '\\';
            ends.then_some(at)
        });
        let Some(end) = end else {
            self.position = start + 1;
            return self.error(format!("unexpected char \"{quote}\" at {start}"), start);
        };
        let raw = body.get(..end).unwrap_or_default();
        self.position = start + end + 2;
        let literal =
            self.options.backslashes == Backslashes::Literal && inside == Some(Opening::Variable);
        let text = if literal || !raw.contains('\\') {
            raw.to_owned()
        } else {
            match super::super::python::unescape(raw) {
                Some(text) => text,
                None => return self.error("malformed escape in a string", start),
            }
        };
        self.push(Kind::Text(text), start);
        Ok(())
    }

    fn number(&mut self, start: usize) -> Outcome<()> {
        let rest = self.rest();
        let after_dot = self.source.get(..start).is_some_and(|before| before.ends_with('.'));
        let digits = |text: &str, radix: u32| {
            text.find(|digit: char| !digit.is_digit(radix) && digit != '_').unwrap_or(text.len())
        };
        let lower = rest.get(..2).map(str::to_ascii_lowercase).unwrap_or_default();
        let radix = match lower.as_str() {
            "0x" => Some(16),
            "0o" => Some(8),
            "0b" => Some(2),
            _ => None,
        };
        if let Some(radix) = radix {
            let body = rest.get(2..).unwrap_or_default();
            let length = digits(body, radix);
            self.position += 2 + length;
            let plain = body.get(..length).unwrap_or_default().replace('_', "");
            return match BigInt::parse_bytes(plain.as_bytes(), radix) {
                Some(number) => {
                    self.push(Kind::Integer(number), start);
                    Ok(())
                }
                None => self.error("malformed number", start),
            };
        }
        let mut length = digits(rest, 10);
        let mut float = false;
        if !after_dot {
            let fraction = rest.get(length..).and_then(|tail| tail.strip_prefix('.'));
            if let Some(fraction) =
                fraction.filter(|tail| tail.starts_with(|c: char| c.is_ascii_digit()))
            {
                length += 1 + digits(fraction, 10);
                float = true;
            }
            let exponent = rest.get(length..).and_then(|tail| tail.strip_prefix(['e', 'E']));
            if let Some(exponent) = exponent {
                let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if unsigned.starts_with(|digit: char| digit.is_ascii_digit()) {
                    length += 1 + (exponent.len() - unsigned.len()) + digits(unsigned, 10);
                    float = true;
                }
            }
        }
        self.position += length;
        let plain = rest.get(..length).unwrap_or_default().replace('_', "");
        let kind = if float {
            plain.parse().ok().map(Kind::Float)
        } else {
            plain.parse().ok().filter(|_| plain.len() <= MOST_DIGITS).map(Kind::Integer)
        };
        match kind {
            Some(kind) => {
                self.push(kind, start);
                Ok(())
            }
            None => self.error("number is too large", start),
        }
    }
}

//! Tokens of a query.

use minijinja::Value;

use crate::template::python::parse_json;

/// A kind of token, with what it carries.
#[derive(Debug, Clone)]
pub(super) enum Token {
    Identifier(String),
    Quoted(String),
    Literal(Value),
    Number(i128),
    Dot,
    Star,
    Flatten,
    Filter,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParenthesis,
    RightParenthesis,
    Comma,
    Colon,
    Current,
    Reference,
    Pipe,
    Or,
    And,
    Not,
    Comparator(Comparator),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A token, where it starts, and its text for messages.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) text: String,
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
    query: String,
}

pub(super) fn tokens(query: &str) -> Result<Vec<Placed>, String> {
    if query.is_empty() {
        return Err("Invalid JMESPath expression: cannot be empty.".to_owned());
    }
    let mut lexer = Lexer { letters: query.chars().collect(), at: 0, query: query.to_owned() };
    let mut tokens = Vec::new();
    while let Some(letter) = lexer.peek(0) {
        if matches!(letter, ' ' | '\t' | '\n' | '\r') {
            lexer.at += 1;
            continue;
        }
        let start = lexer.at;
        let token = lexer.token(letter)?;
        let text = lexer.letters.get(start..lexer.at).unwrap_or_default().iter().collect();
        tokens.push(Placed { token, start, text });
    }
    tokens.push(Placed { token: Token::End, start: lexer.at, text: String::new() });
    Ok(tokens)
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn error(&self, at: usize, message: &str) -> String {
        format!("Bad jmespath expression: {message}:\n{}\n{}^", self.query, " ".repeat(at))
    }

    fn token(&mut self, letter: char) -> Result<Token, String> {
        let next = self.peek(1);
        let (token, length) = match (letter, next) {
            ('.', _) => (Token::Dot, 1),
            ('*', _) => (Token::Star, 1),
            (']', _) => (Token::RightBracket, 1),
            (',', _) => (Token::Comma, 1),
            (':', _) => (Token::Colon, 1),
            ('@', _) => (Token::Current, 1),
            ('(', _) => (Token::LeftParenthesis, 1),
            (')', _) => (Token::RightParenthesis, 1),
            ('{', _) => (Token::LeftBrace, 1),
            ('}', _) => (Token::RightBrace, 1),
            ('[', Some(']')) => (Token::Flatten, 2),
            ('[', Some('?')) => (Token::Filter, 2),
            ('[', _) => (Token::LeftBracket, 1),
            ('|', Some('|')) => (Token::Or, 2),
            ('|', _) => (Token::Pipe, 1),
            ('&', Some('&')) => (Token::And, 2),
            ('&', _) => (Token::Reference, 1),
            ('<', Some('=')) => (Token::Comparator(Comparator::LessOrEqual), 2),
            ('<', _) => (Token::Comparator(Comparator::Less), 1),
            ('>', Some('=')) => (Token::Comparator(Comparator::GreaterOrEqual), 2),
            ('>', _) => (Token::Comparator(Comparator::Greater), 1),
            ('!', Some('=')) => (Token::Comparator(Comparator::NotEqual), 2),
            ('!', _) => (Token::Not, 1),
            ('=', Some('=')) => (Token::Comparator(Comparator::Equal), 2),
            ('=', _) => return Err(self.error(self.at, "Unknown token '='")),
            ('\'', _) => {
                let raw = self.until('\'')?;
                return Ok(Token::Literal(Value::from(raw.replace("\\'", "'"))));
            }
            ('`', _) => return self.literal(),
            ('"', _) => {
                let start = self.at;
                let raw = format!("\"{}\"", self.until('"')?);
                let read = parse_json(&raw).ok().and_then(|name| name.as_str().map(str::to_owned));
                return read.map(Token::Quoted).ok_or_else(|| self.error(start, "Invalid escape"));
            }
            ('-' | '0'..='9', _) => return self.number(),
            (letter, _) if letter.is_ascii_alphabetic() || letter == '_' => {
                let start = self.at;
                while self.peek(0).is_some_and(|next| next.is_ascii_alphanumeric() || next == '_') {
                    self.at += 1;
                }
                let name = self.letters.get(start..self.at).unwrap_or_default();
                return Ok(Token::Identifier(name.iter().collect()));
            }
            (letter, _) => return Err(self.error(self.at, &format!("Unknown token {letter}"))),
        };
        self.at += length;
        Ok(token)
    }

    fn number(&mut self) -> Result<Token, String> {
        let start = self.at;
        self.at += 1;
        while self.peek(0).is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
        }
        let text: String = self.letters.get(start..self.at).unwrap_or_default().iter().collect();
        let number = text.parse().map(Token::Number);
        number.map_err(|_| self.error(start, &format!("Unknown token '{text}'")))
    }

    /// The text up to a delimiter; backslashes stay.
    fn until(&mut self, delimiter: char) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => return Err(self.error(start, &format!("Unclosed {delimiter} delimiter"))),
                Some(letter) if letter == delimiter => break,
                Some('\\') => {
                    text.push('\\');
                    self.at += 1;
                    text.extend(self.peek(0));
                    self.at += 1;
                }
                Some(letter) => {
                    text.push(letter);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(text)
    }

    /// JSON between back quotes; words that are none are text.
    fn literal(&mut self) -> Result<Token, String> {
        let start = self.at;
        let text = self.until('`')?.replace("\\`", "`");
        let read = parse_json(&text).or_else(|_| parse_json(&format!("\"{}\"", text.trim_start())));
        read.map(Token::Literal).map_err(|_| self.error(start, &format!("Bad token {text}")))
    }
}

impl Token {
    /// Its name in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Identifier(_) => "unquoted_identifier",
            Self::Quoted(_) => "quoted_identifier",
            Self::Literal(_) => "literal",
            Self::Number(_) => "number",
            Self::Dot => "dot",
            Self::Star => "star",
            Self::Flatten => "flatten",
            Self::Filter => "filter",
            Self::LeftBracket => "lbracket",
            Self::RightBracket => "rbracket",
            Self::LeftBrace => "lbrace",
            Self::RightBrace => "rbrace",
            Self::LeftParenthesis => "lparen",
            Self::RightParenthesis => "rparen",
            Self::Comma => "comma",
            Self::Colon => "colon",
            Self::Current => "current",
            Self::Reference => "expref",
            Self::Pipe => "pipe",
            Self::Or => "or",
            Self::And => "and",
            Self::Not => "not",
            Self::Comparator(Comparator::Equal) => "eq",
            Self::Comparator(Comparator::NotEqual) => "ne",
            Self::Comparator(Comparator::Less) => "lt",
            Self::Comparator(Comparator::LessOrEqual) => "lte",
            Self::Comparator(Comparator::Greater) => "gt",
            Self::Comparator(Comparator::GreaterOrEqual) => "gte",
            Self::End => "eof",
        }
    }

    /// How tightly it binds what is on its left.
    pub(super) fn binding(&self) -> u8 {
        match self {
            Self::Pipe => 1,
            Self::Or => 2,
            Self::And => 3,
            Self::Comparator(_) => 5,
            Self::Flatten => 9,
            Self::Star => 20,
            Self::Filter => 21,
            Self::Dot => 40,
            Self::Not => 45,
            Self::LeftBrace => 50,
            Self::LeftBracket => 55,
            Self::LeftParenthesis => 60,
            _ => 0,
        }
    }
}

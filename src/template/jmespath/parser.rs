//! A query as a tree: a parser of operators by precedence.

use minijinja::Value;

use super::lexer::{Comparator, Placed, Token, tokens};

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// The value at hand.
    Current,
    Field(String),
    Literal(Value),
    Index(i128),
    Slice([Option<i128>; 3]),
    /// One after the other: each works on what the one before gave.
    Chain(Box<Node>, Box<Node>),
    /// The right for each element of the list that the left gives.
    Projection(Box<Node>, Box<Node>),
    /// The right for each value of the mapping that the left gives.
    ValueProjection(Box<Node>, Box<Node>),
    /// The right for each element of the left that meets the condition.
    FilterProjection {
        left: Box<Node>,
        right: Box<Node>,
        condition: Box<Node>,
    },
    Flatten(Box<Node>),
    Comparison(Comparator, Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Not(Box<Node>),
    List(Vec<Node>),
    Hash(Vec<(String, Node)>),
    Call(String, Vec<Node>),
    /// `&expression`
    Reference(Box<Node>),
}

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

/// Operators that bind less tightly end a projection.
const PROJECTION_STOP: u8 = 10;
const STAR: u8 = 20;
const FLATTEN: u8 = 9;
const FILTER: u8 = 21;
const DOT: u8 = 40;
const NOT: u8 = 45;
/// Queries nest no deeper.
const MAXIMUM_DEPTH: usize = 200;

pub(super) fn parse(query: &str) -> Result<Node, String> {
    let mut parser = Parser { query, tokens: tokens(query)?, at: 0, depth: 0 };
    let node = parser.expression(0)?;
    match parser.peek(0) {
        Token::End => Ok(node),
        _ => Err(parser.error(&format!("Unexpected token: {}", parser.text()))),
    }
}

fn boxed(node: Node) -> Box<Node> {
    Box::new(node)
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at + ahead).map_or(&Token::End, |placed| &placed.token)
    }

    fn text(&self) -> &str {
        self.tokens.get(self.at).map_or("", |placed| placed.text.as_str())
    }

    fn error(&self, message: &str) -> String {
        let start = self.tokens.get(self.at).map_or(0, |placed| placed.start);
        if matches!(self.peek(0), Token::End) {
            let column = self.query.chars().count() + 1;
            return format!(
                "Invalid jmespath expression: Incomplete expression:\n\"{}\"\n{}^",
                self.query,
                " ".repeat(column)
            );
        }
        format!(
            "{message}: Parse error at column {start}, token \"{}\" ({}), for expression:\n\
             \"{}\"\n{}^",
            self.text(),
            self.peek(0).name().to_uppercase(),
            self.query,
            " ".repeat(start + 1)
        )
    }

    fn expect(&mut self, name: &str) -> Result<(), String> {
        if self.peek(0).name() == name {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(&format!("Expecting: {name}, got: {}", self.peek(0).name())))
    }

    fn expression(&mut self, binding: u8) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return Err("the expression is nested too deeply".to_owned());
        }
        let mut left = self.prefix()?;
        while binding < self.peek(0).binding() {
            left = self.infix(left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Node, String> {
        let token = self.peek(0).clone();
        let refused = self.error("invalid token");
        self.at += 1;
        Ok(match token {
            Token::Literal(value) => Node::Literal(value),
            Token::Identifier(name) => Node::Field(name),
            Token::Quoted(name) => {
                if matches!(self.peek(0), Token::LeftParenthesis) {
                    return Err(self.error("Quoted identifier not allowed for function names."));
                }
                Node::Field(name)
            }
            Token::Star => {
                let right = match self.peek(0) {
                    Token::RightBracket => Node::Current,
                    _ => self.projected(STAR)?,
                };
                Node::ValueProjection(boxed(Node::Current), boxed(right))
            }
            Token::Filter => self.filter(Node::Current)?,
            Token::LeftBrace => self.hash()?,
            Token::LeftParenthesis => {
                let inner = self.expression(0)?;
                self.expect("rparen")?;
                inner
            }
            Token::Flatten => self.flatten(Node::Current)?,
            Token::Not => Node::Not(boxed(self.expression(NOT)?)),
            Token::LeftBracket => match (self.peek(0), self.peek(1)) {
                (Token::Number(_) | Token::Colon, _) => self.index(Node::Current)?,
                (Token::Star, Token::RightBracket) => {
                    self.at += 2;
                    let right = self.projected(STAR)?;
                    Node::Projection(boxed(Node::Current), boxed(right))
                }
                _ => self.list()?,
            },
            Token::Current => Node::Current,
            Token::Reference => Node::Reference(boxed(self.expression(0)?)),
            _ => return Err(refused),
        })
    }

    fn infix(&mut self, left: Node) -> Result<Node, String> {
        let token = self.peek(0).clone();
        let refused = self.error("invalid token");
        self.at += 1;
        Ok(match token {
            Token::Dot if matches!(self.peek(0), Token::Star) => {
                self.at += 1;
                let right = self.projected(DOT)?;
                Node::ValueProjection(boxed(left), boxed(right))
            }
            Token::Dot => Node::Chain(boxed(left), boxed(self.after_dot(DOT)?)),
            Token::Pipe => Node::Chain(boxed(left), boxed(self.expression(1)?)),
            Token::Or => Node::Or(boxed(left), boxed(self.expression(2)?)),
            Token::And => Node::And(boxed(left), boxed(self.expression(3)?)),
            Token::Comparator(comparator) => {
                Node::Comparison(comparator, boxed(left), boxed(self.expression(5)?))
            }
            Token::LeftParenthesis => {
                let Node::Field(name) = left else {
                    self.at = self.at.saturating_sub(2);
                    return Err(self.error(&format!("Invalid function name '{}'", self.text())));
                };
                let mut arguments = Vec::new();
                while !matches!(self.peek(0), Token::RightParenthesis) {
                    arguments.push(self.expression(0)?);
                    if matches!(self.peek(0), Token::Comma) {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Node::Call(name, arguments)
            }
            Token::Filter => self.filter(left)?,
            Token::Flatten => self.flatten(left)?,
            Token::LeftBracket => match self.peek(0) {
                Token::Number(_) | Token::Colon => self.index(left)?,
                _ => {
                    self.expect("star")?;
                    self.expect("rbracket")?;
                    Node::Projection(boxed(left), boxed(self.projected(STAR)?))
                }
            },
            _ => return Err(refused),
        })
    }

    fn flatten(&mut self, left: Node) -> Result<Node, String> {
        let flat = Node::Flatten(boxed(left));
        Ok(Node::Projection(boxed(flat), boxed(self.projected(FLATTEN)?)))
    }

    fn filter(&mut self, left: Node) -> Result<Node, String> {
        let condition = self.expression(0)?;
        self.expect("rbracket")?;
        let right = match self.peek(0) {
            Token::Flatten => Node::Current,
            _ => self.projected(FILTER)?,
        };
        let (left, right, condition) = (boxed(left), boxed(right), boxed(condition));
        Ok(Node::FilterProjection { left, right, condition })
    }

    /// `number]` or `start:stop:step]`
    fn index(&mut self, left: Node) -> Result<Node, String> {
        if let (Token::Number(index), Token::RightBracket) = (self.peek(0), self.peek(1)) {
            let index = *index;
            self.at += 2;
            return Ok(Node::Chain(boxed(left), boxed(Node::Index(index))));
        }
        let mut parts = [None; 3];
        let mut place = 0;
        while !matches!(self.peek(0), Token::RightBracket) {
            match self.peek(0) {
                Token::Colon if place < 2 => place += 1,
                Token::Number(number) => {
                    let number = *number;
                    if let Some(part) = parts.get_mut(place) {
                        *part = Some(number);
                    }
                }
                _ => return Err(self.error("syntax error")),
            }
            self.at += 1;
        }
        self.at += 1;
        let sliced = Node::Chain(boxed(left), boxed(Node::Slice(parts)));
        Ok(Node::Projection(boxed(sliced), boxed(self.projected(STAR)?)))
    }

    /// What is done with each element of a projection.
    fn projected(&mut self, binding: u8) -> Result<Node, String> {
        match self.peek(0) {
            token if token.binding() < PROJECTION_STOP => Ok(Node::Current),
            Token::LeftBracket | Token::Filter => self.expression(binding),
            Token::Dot => {
                self.at += 1;
                self.after_dot(binding)
            }
            _ => Err(self.error("syntax error")),
        }
    }

    fn after_dot(&mut self, binding: u8) -> Result<Node, String> {
        match self.peek(0) {
            Token::Identifier(_) | Token::Quoted(_) | Token::Star => self.expression(binding),
            Token::LeftBracket => {
                self.at += 1;
                self.list()
            }
            Token::LeftBrace => {
                self.at += 1;
                self.hash()
            }
            token => Err(self.error(&format!(
                "Expecting: ['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], \
                 got: {}",
                token.name()
            ))),
        }
    }

    fn list(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        loop {
            nodes.push(self.expression(0)?);
            if matches!(self.peek(0), Token::RightBracket) {
                self.at += 1;
                return Ok(Node::List(nodes));
            }
            self.expect("comma")?;
        }
    }

    fn hash(&mut self) -> Result<Node, String> {
        let mut pairs = Vec::new();
        loop {
            let name = match self.peek(0) {
                Token::Identifier(name) | Token::Quoted(name) => name.clone(),
                token => {
                    return Err(self.error(&format!(
                        "Expecting: ['quoted_identifier', 'unquoted_identifier'], got: {}",
                        token.name()
                    )));
                }
            };
            self.at += 1;
            self.expect("colon")?;
            pairs.push((name, self.expression(0)?));
            match self.peek(0) {
                Token::Comma => self.at += 1,
                Token::RightBrace => {
                    self.at += 1;
                    return Ok(Node::Hash(pairs));
                }
                _ => {}
            }
        }
    }
}

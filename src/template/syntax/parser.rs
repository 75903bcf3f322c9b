//! Tokens to expressions.

mod postfix;

use std::sync::{Arc, OnceLock};

use minijinja::Value;

use crate::template::python::whole;

use super::super::stack::on_enough_stack;
use super::SyntaxError;
use super::lexer::{self, Kind, Token};
use super::options::Options;
use super::tree::{BinaryOperator, ComparisonOperator, Expression, Node, Range, Template};

pub(super) type Outcome<T> = Result<T, SyntaxError>;
pub(super) type Expr = Node<Expression>;

/// Whether templates in string constants of conditions and lookups are rendered
/// (`allow_embedded_templates`).
fn renders_embedded() -> bool {
    static RENDERS: OnceLock<bool> = OnceLock::new();
    *RENDERS.get_or_init(|| crate::settings::current().boolean("ALLOW_EMBEDDED_TEMPLATES"))
}

/// Deeper nesting is refused, so that no text overflows the stack.
const MAXIMUM_DEPTH: usize = 120;

/// Reads tokens; expressions here, statements in `statements.rs`.
pub(super) struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
    embedded: Embedded,
    /// The same around the call at hand, where keywords stay.
    around: Embedded,
    /// Filters and tests that there are not, where no `if` guards them yet.
    unknown: Vec<SyntaxError>,
    /// Whether statements stand in a loop, which `{% break %}` can end.
    pub(super) in_loop: bool,
    pub(super) blocks: Vec<(Arc<str>, Arc<Vec<super::Statement>>)>,
}

/// What happens to templates inside of string constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::template) enum Embedded {
    /// They are rendered: in conditions, and in the arguments of lookups.
    Rendered,
    /// They are text.
    Kept,
}

/// Parses a template.
pub(in crate::template) fn parse_template(source: &str, options: &Options) -> Outcome<Template> {
    let mut parser = Parser::new(lexer::template_tokens(source, options)?, Embedded::Kept);
    let body = parser.template()?;
    parser.all_known_since(0)?;
    Ok(Template { body, blocks: parser.blocks })
}

/// Parses a bare expression.
pub(in crate::template) fn parse_expression(
    source: &str,
    embedded: Embedded,
) -> Outcome<Node<Expression>> {
    let tokens = lexer::expression_tokens(source, &Options::default())?;
    let mut parser = Parser::new(tokens, embedded);
    let expression = parser.expression()?;
    match parser.peek() {
        Kind::End => parser.all_known_since(0).map(|()| expression),
        _ => parser.error("chunk after expression"),
    }
}

impl Parser {
    fn new(tokens: Vec<Token>, embedded: Embedded) -> Self {
        Self {
            tokens,
            position: 0,
            depth: 0,
            embedded,
            around: embedded,
            unknown: Vec::new(),
            in_loop: false,
            blocks: Vec::new(),
        }
    }

    /// How many unknown names there are so far.
    pub(super) fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// Refuses a name that came since then.
    pub(super) fn all_known_since(&self, count: usize) -> Outcome<()> {
        self.unknown.get(count).map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Leaves names that came since then to those who get there: an `if` may keep all away.
    pub(super) fn guard_since(&mut self, count: usize) {
        self.unknown.truncate(count);
    }

    pub(super) fn peek(&self) -> &Kind {
        self.tokens.get(self.position).map_or(&Kind::End, |token| &token.kind)
    }

    fn peek_after(&self) -> &Kind {
        self.tokens.get(self.position + 1).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether a name stood among the tokens since a position.
    pub(super) fn names_between(&self, first: usize, name: &str) -> bool {
        let read = self.tokens.get(first..self.position).unwrap_or_default();
        read.iter().any(|token| matches!(&token.kind, Kind::Name(found) if found == name))
    }

    pub(super) fn range(&self) -> Range {
        self.tokens.get(self.position).map_or(Range::default(), |token| token.range)
    }

    /// From `start` to the end of the last token.
    pub(super) fn since(&self, start: usize) -> Range {
        let last = self.position.checked_sub(1).and_then(|last| self.tokens.get(last));
        Range { start, end: last.map_or(start, |token| token.range.end) }
    }

    pub(super) fn advance(&mut self) -> Kind {
        let kind = self.tokens.get(self.position).map(|token| token.kind.clone());
        self.position += 1;
        kind.unwrap_or(Kind::End)
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Outcome<T> {
        Err(SyntaxError::new(message, self.range()))
    }

    pub(super) fn unexpected<T>(&self, expected: &str) -> Outcome<T> {
        let message = match self.peek() {
            Kind::End => format!("unexpected end of template, expected '{expected}'."),
            found => format!("expected token '{expected}', got '{}'", describe(found)),
        };
        self.error(message)
    }

    pub(super) fn skip_operator(&mut self, operator: &str) -> bool {
        let found = matches!(self.peek(), Kind::Operator(found) if *found == operator);
        if found {
            self.position += 1;
        }
        found
    }

    pub(super) fn expect_operator(&mut self, operator: &str) -> Outcome<()> {
        if self.skip_operator(operator) { Ok(()) } else { self.unexpected(operator) }
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Kind::Name(found) if found == name)
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.position += 1;
        }
        found
    }

    pub(super) fn expect_any_name(&mut self) -> Outcome<Arc<str>> {
        match self.peek() {
            Kind::Name(name) => {
                let name = Arc::from(name.as_str());
                self.position += 1;
                Ok(name)
            }
            _ => self.unexpected("name"),
        }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return self.error("the template is nested too deeply");
        }
        let parsed = on_enough_stack(|| parse(self));
        self.depth -= 1;
        parsed
    }

    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.nested(parse)
    }

    fn node(&self, kind: Expression, start: usize) -> Expr {
        Node { kind, range: self.since(start) }
    }

    /// An expression, or several with commas between as a tuple.
    pub(super) fn tuple_or_expression(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        self.not_empty()?;
        let first = self.expression()?;
        self.tuple_rest(first, start, Self::expression)
    }

    /// Refuses a statement, output or parenthesis that ends where an expression must stand.
    fn not_empty(&self) -> Outcome<()> {
        match self.peek() {
            found @ (Kind::VariableEnd | Kind::BlockEnd) => {
                self.error(format!("Expected an expression, got '{}'", describe(found)))
            }
            _ => Ok(()),
        }
    }

    /// As [`Self::tuple_or_expression`], leaving an `if` to the statement around it.
    pub(super) fn tuple_without_condition(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        self.not_empty()?;
        let first = self.or()?;
        self.tuple_rest(first, start, Self::or)
    }

    fn tuple_rest(
        &mut self,
        first: Expr,
        start: usize,
        element: fn(&mut Self) -> Outcome<Expr>,
    ) -> Outcome<Expr> {
        if !matches!(self.peek(), Kind::Operator(",")) {
            return Ok(first);
        }
        let mut elements = vec![first];
        while self.skip_operator(",") {
            let ends = matches!(
                self.peek(),
                Kind::VariableEnd | Kind::BlockEnd | Kind::End | Kind::Operator(")")
            );
            if ends || self.is_name("in") {
                break;
            }
            elements.push(element(self)?);
        }
        Ok(self.node(Expression::Tuple(elements), start))
    }

    pub(super) fn expression(&mut self) -> Outcome<Expr> {
        self.nested(Self::conditional)
    }

    fn conditional(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let unknown = self.unknown();
        let mut then = self.or()?;
        while self.skip_name("if") {
            let condition = Box::new(self.or()?);
            let otherwise =
                if self.skip_name("else") { Some(Box::new(self.expression()?)) } else { None };
            self.guard_since(unknown);
            let kind = Expression::Conditional { condition, then: Box::new(then), otherwise };
            then = self.node(kind, start);
        }
        Ok(then)
    }

    pub(super) fn or(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let mut left = self.and()?;
        while self.skip_name("or") {
            let right = self.and()?;
            left = self.node(Expression::Or(Box::new(left), Box::new(right)), start);
        }
        Ok(left)
    }

    fn and(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let mut left = self.not()?;
        while self.skip_name("and") {
            let right = self.not()?;
            left = self.node(Expression::And(Box::new(left), Box::new(right)), start);
        }
        Ok(left)
    }

    fn not(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        if self.skip_name("not") {
            let inner = self.nested(Self::not)?;
            return Ok(self.node(Expression::Not(Box::new(inner)), start));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let left = self.sum()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.comparison_operator() {
            rest.push((operator, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(left);
        }
        Ok(self.node(Expression::Compare(Box::new(left), rest), start))
    }

    fn comparison_operator(&mut self) -> Option<ComparisonOperator> {
        let operator = match self.peek() {
            Kind::Operator("==") => ComparisonOperator::Equal,
            Kind::Operator("!=") => ComparisonOperator::NotEqual,
            Kind::Operator("<") => ComparisonOperator::Less,
            Kind::Operator("<=") => ComparisonOperator::LessOrEqual,
            Kind::Operator(">") => ComparisonOperator::Greater,
            Kind::Operator(">=") => ComparisonOperator::GreaterOrEqual,
            Kind::Name(name) if name == "in" => ComparisonOperator::In,
            Kind::Name(name) if name == "not" => match self.peek_after() {
                Kind::Name(after) if after == "in" => {
                    self.position += 1;
                    ComparisonOperator::NotIn
                }
                _ => return None,
            },
            _ => return None,
        };
        self.position += 1;
        Some(operator)
    }

    fn binary(
        &mut self,
        operators: &[(&str, BinaryOperator)],
        operand: fn(&mut Self) -> Outcome<Expr>,
    ) -> Outcome<Expr> {
        let start = self.range().start;
        let mut left = operand(self)?;
        while let Some(operator) = self.one_of(operators) {
            let right = operand(self)?;
            let kind = Expression::Binary(operator, Box::new(left), Box::new(right));
            left = self.node(kind, start);
        }
        Ok(left)
    }

    fn one_of(&mut self, operators: &[(&str, BinaryOperator)]) -> Option<BinaryOperator> {
        let Kind::Operator(found) = self.peek() else {
            return None;
        };
        let (_, operator) = operators.iter().find(|(symbol, _)| symbol == found)?;
        self.position += 1;
        Some(*operator)
    }

    fn sum(&mut self) -> Outcome<Expr> {
        let operators = [("+", BinaryOperator::Add), ("-", BinaryOperator::Subtract)];
        self.binary(&operators, Self::concatenation)
    }

    fn concatenation(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let first = self.product()?;
        if !matches!(self.peek(), Kind::Operator("~")) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_operator("~") {
            parts.push(self.product()?);
        }
        Ok(self.node(Expression::Concat(parts), start))
    }

    fn product(&mut self) -> Outcome<Expr> {
        let operators = [
            ("*", BinaryOperator::Multiply),
            ("/", BinaryOperator::Divide),
            ("//", BinaryOperator::FloorDivide),
            ("%", BinaryOperator::Modulo),
        ];
        self.binary(&operators, Self::power)
    }

    fn power(&mut self) -> Outcome<Expr> {
        self.binary(&[("**", BinaryOperator::Power)], Self::filtered_unary)
    }

    fn filtered_unary(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let operand = self.unary()?;
        self.filters_and_tests(operand, start)
    }

    /// A sign and its operand without filters, which apply to the signed value.
    fn unary(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        if self.skip_operator("-") {
            let operand = self.nested(Self::unary)?;
            return Ok(self.node(Expression::Negate(Box::new(operand)), start));
        }
        if self.skip_operator("+") {
            let operand = self.nested(Self::unary)?;
            return Ok(self.node(Expression::Positive(Box::new(operand)), start));
        }
        let primary = self.primary()?;
        self.postfix(primary, start)
    }

    fn primary(&mut self) -> Outcome<Expr> {
        let start = self.range().start;
        let kind = match self.peek().clone() {
            Kind::Name(name) => {
                self.position += 1;
                match name.as_str() {
                    "true" | "True" => Expression::Constant(Value::from(true)),
                    "false" | "False" => Expression::Constant(Value::from(false)),
                    "none" | "None" => Expression::Constant(Value::from(())),
                    name => Expression::Name(Arc::from(name)),
                }
            }
            Kind::Integer(number) => {
                self.position += 1;
                Expression::Constant(whole(number))
            }
            Kind::Float(number) => {
                self.position += 1;
                Expression::Constant(Value::from(number))
            }
            Kind::Text(_) => self.text(),
            Kind::Operator("(") => {
                self.position += 1;
                return self.parenthesised(start);
            }
            Kind::Operator("[") => {
                self.position += 1;
                Expression::List(self.elements("]")?)
            }
            Kind::Operator("{") => {
                self.position += 1;
                self.dict()?
            }
            Kind::End => return self.error("unexpected 'end of template'"),
            found => {
                let found = describe(&found);
                return self.error(format!("unexpected '{found}'"));
            }
        };
        Ok(self.node(kind, start))
    }

    /// Neighbouring string constants are one.
    fn text(&mut self) -> Expression {
        let mut text = String::new();
        while let Kind::Text(part) = self.peek() {
            text.push_str(part);
            self.position += 1;
        }
        let holds_template = text.contains("{{") || text.contains("{%") || text.contains("{#");
        if holds_template && self.embedded == Embedded::Rendered && renders_embedded() {
            Expression::Embedded(Arc::from(text))
        } else {
            Expression::Constant(Value::from(text))
        }
    }

    fn parenthesised(&mut self, start: usize) -> Outcome<Expr> {
        if self.skip_operator(")") {
            return Ok(self.node(Expression::Tuple(Vec::new()), start));
        }
        let inner = self.tuple_or_expression()?;
        self.expect_operator(")")?;
        Ok(Node { range: self.since(start), ..inner })
    }

    fn elements(&mut self, close: &str) -> Outcome<Vec<Expr>> {
        let mut elements = Vec::new();
        while !self.skip_operator(close) {
            if !elements.is_empty() {
                self.expect_operator(",")?;
                if self.skip_operator(close) {
                    break;
                }
            }
            elements.push(self.expression()?);
        }
        Ok(elements)
    }

    fn dict(&mut self) -> Outcome<Expression> {
        let mut entries = Vec::new();
        while !self.skip_operator("}") {
            if !entries.is_empty() {
                self.expect_operator(",")?;
                if self.skip_operator("}") {
                    break;
                }
            }
            let key = self.expression()?;
            self.expect_operator(":")?;
            entries.push((key, self.expression()?));
        }
        Ok(Expression::Dict(entries))
    }
}

/// A token in words.
pub(super) fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Data(_) => "template data / text".to_owned(),
        Kind::VariableBegin => "begin of print statement".to_owned(),
        Kind::VariableEnd => "end of print statement".to_owned(),
        Kind::BlockBegin => "begin of statement block".to_owned(),
        Kind::BlockEnd => "end of statement block".to_owned(),
        Kind::Name(name) => name.clone(),
        Kind::Integer(_) => "integer".to_owned(),
        Kind::Float(_) => "float".to_owned(),
        Kind::Text(_) => "string".to_owned(),
        Kind::Operator(operator) => (*operator).to_owned(),
        Kind::End => "end of template".to_owned(),
    }
}

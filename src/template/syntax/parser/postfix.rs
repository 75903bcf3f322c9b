//! What stands behind an operand: attributes, subscripts, calls, filters and tests.

use std::sync::Arc;

use super::{Embedded, Expr, Outcome, Parser};
use crate::template::python::whole;
use crate::template::syntax::SyntaxError;
use crate::template::syntax::lexer::Kind;
use crate::template::syntax::tree::{Arguments, Expression, Node};
use crate::template::{filters, tests};

impl Parser {
    pub(super) fn postfix(&mut self, mut target: Expr, start: usize) -> Outcome<Expr> {
        loop {
            let kind = if self.skip_operator(".") {
                self.attribute(target)?
            } else if self.skip_operator("[") {
                self.subscript(target)?
            } else if self.skip_operator("(") {
                let arguments = self.call_arguments(&target)?;
                Expression::Call(Box::new(target), arguments)
            } else {
                return Ok(target);
            };
            target = self.node(kind, start);
        }
    }

    /// Arguments; those of a lookup may have templates in their constants.
    fn call_arguments(&mut self, callee: &Expr) -> Outcome<Arguments> {
        let outer = self.embedded;
        let around = std::mem::replace(&mut self.around, outer);
        if matches!(&callee.kind, Expression::Name(name) if matches!(&**name, "lookup" | "query" | "q"))
        {
            self.embedded = Embedded::Rendered;
        }
        let arguments = self.arguments();
        (self.embedded, self.around) = (outer, around);
        arguments
    }

    fn attribute(&mut self, target: Expr) -> Outcome<Expression> {
        match self.advance() {
            Kind::Name(name) => Ok(Expression::Attribute(Box::new(target), Arc::from(name))),
            Kind::Integer(index) => {
                let range = self.range();
                let index = Node { kind: Expression::Constant(whole(index)), range };
                Ok(Expression::Item(Box::new(target), Box::new(index)))
            }
            _ => {
                self.position -= 1;
                self.error("expected name or number")
            }
        }
    }

    fn subscript(&mut self, target: Expr) -> Outcome<Expression> {
        let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
        let mut colons = 0;
        for part in &mut parts {
            if !matches!(self.peek(), Kind::Operator(":" | "]")) {
                *part = Some(Box::new(self.tuple_or_expression()?));
            }
            if !self.skip_operator(":") {
                break;
            }
            colons += 1;
        }
        self.expect_operator("]")?;
        if colons > 0 {
            return Ok(Expression::Slice(Box::new(target), parts));
        }
        let [Some(index), _, _] = parts else {
            return self.error("Expected an expression, got ']'");
        };
        Ok(Expression::Item(Box::new(target), index))
    }

    /// The arguments of a call after its opening parenthesis.
    pub(in crate::template::syntax) fn arguments(&mut self) -> Outcome<Arguments> {
        let mut arguments = Arguments::default();
        let mut first = true;
        while !self.skip_operator(")") {
            if !first {
                self.expect_operator(",")?;
                if self.skip_operator(")") {
                    break;
                }
            }
            first = false;
            if self.skip_operator("**") {
                arguments.double_star = Some(Box::new(self.expression()?));
            } else if self.skip_operator("*") {
                arguments.star = Some(Box::new(self.expression()?));
            } else if let (Kind::Name(name), Kind::Operator("=")) = (self.peek(), self.peek_after())
            {
                let name = Arc::from(name.as_str());
                self.position += 2;
                let positional = std::mem::replace(&mut self.embedded, self.around);
                let value = self.expression();
                self.embedded = positional;
                arguments.keyword.push((name, value?));
            } else if arguments.keyword.is_empty() && arguments.double_star.is_none() {
                arguments.positional.push(self.expression()?);
            } else {
                return self.error("invalid syntax for function call expression");
            }
        }
        Ok(arguments)
    }

    pub(in crate::template::syntax) fn filters_and_tests(
        &mut self,
        mut target: Expr,
        start: usize,
    ) -> Outcome<Expr> {
        loop {
            if self.skip_operator("|") {
                target = self.filter(target, start)?;
            } else if self.is_name("is") {
                self.position += 1;
                target = self.test(target, start)?;
            } else if self.skip_operator("(") {
                // what a filter gave is called
                let arguments = self.arguments()?;
                target = self.node(Expression::Call(Box::new(target), arguments), start);
            } else {
                return Ok(target);
            }
        }
    }

    fn dotted_name(&mut self) -> Outcome<String> {
        let mut name = self.expect_any_name()?.to_string();
        while matches!(self.peek(), Kind::Operator(".")) {
            self.position += 1;
            name.push('.');
            name.push_str(&self.expect_any_name()?);
        }
        Ok(name)
    }

    pub(in crate::template::syntax) fn filter(
        &mut self,
        target: Expr,
        start: usize,
    ) -> Outcome<Expr> {
        let range = self.range();
        let name = self.dotted_name()?;
        let found = filters::find(&name);
        let arguments =
            if self.skip_operator("(") { self.arguments()? } else { Arguments::default() };
        let filter = match found {
            Ok(filter) => filter,
            Err(unknown) => return Ok(self.nothing_named("filter", &name, unknown.at(range))),
        };
        let kind = Expression::Filter { target: Box::new(target), filter, arguments };
        Ok(self.node(kind, start))
    }

    fn test(&mut self, target: Expr, start: usize) -> Outcome<Expr> {
        let negated = self.skip_name("not");
        let range = self.range();
        let name = self.dotted_name()?;
        let found = tests::find(&name);
        let arguments = if self.skip_operator("(") {
            self.arguments()?
        } else if self.begins_argument() {
            let start = self.range().start;
            let argument = self.primary()?;
            let argument = self.postfix(argument, start)?;
            Arguments { positional: vec![argument], ..Arguments::default() }
        } else {
            Arguments::default()
        };
        let test = match found {
            Ok(test) => test,
            Err(unknown) => return Ok(self.nothing_named("test", &name, unknown.at(range))),
        };
        let kind = Expression::Test { target: Box::new(target), test, arguments };
        let tested = self.node(kind, start);
        if negated {
            return Ok(self.node(Expression::Not(Box::new(tested)), start));
        }
        Ok(tested)
    }

    fn nothing_named(&mut self, family: &'static str, name: &str, error: SyntaxError) -> Expr {
        let range = error.range;
        self.unknown.push(error);
        Node { kind: Expression::Unknown(family, Arc::from(name)), range }
    }

    /// Whether the argument of a test without parentheses follows.
    fn begins_argument(&self) -> bool {
        match self.peek() {
            Kind::Name(name) => !matches!(
                name.as_str(),
                "else" | "or" | "and" | "is" | "if" | "in" | "not" | "recursive"
            ),
            Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) => true,
            Kind::Operator(operator) => matches!(*operator, "[" | "{"),
            _ => false,
        }
    }
}

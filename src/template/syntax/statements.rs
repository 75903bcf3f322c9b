//! Tokens to statements.

use std::sync::{Arc, OnceLock};

use super::lexer::Kind;
use super::parser::{Expr, Outcome, Parser, describe};
use super::tree::{Import, Loop, Macro, MacroReads, Statement, Target};
use super::{Expression, Node};

/// Whether the user has switched on an extension of Jinja (`jinja2_extensions`).
fn extends_with(extension: &str) -> bool {
    static EXTENSIONS: OnceLock<Vec<String>> = OnceLock::new();
    let list = || crate::settings::current().list("DEFAULT_JINJA2_EXTENSIONS");
    EXTENSIONS.get_or_init(list).iter().any(|name| name == extension)
}

/// What is said of a tag that is none here.
fn unknown_tag(name: &str, ends: &[End], inside: Option<&str>) -> String {
    let mut message = format!("Encountered unknown tag '{name}'.");
    if !ends.is_empty() {
        let ends = ends.join("' or '");
        let looking = format!(" Jinja was looking for the following tags: '{ends}'.");
        message.push_str(&looking);
    }
    if let Some(outer) = inside {
        message.push_str(&format!(" The innermost block that needs to be closed is '{outer}'."));
    }
    message
}

/// Which tag ended a body.
type End = &'static str;

impl Parser {
    pub(super) fn template(&mut self) -> Outcome<Vec<Statement>> {
        let (body, _) = self.body(&[], None)?;
        Ok(body)
    }

    /// Statements up to one of the tags (left at its name), or to the end of the text.
    fn body(&mut self, ends: &[End], inside: Option<&str>) -> Outcome<(Vec<Statement>, End)> {
        let mut body = Vec::new();
        loop {
            match self.peek() {
                Kind::End => {
                    if let Some(tag) = inside {
                        let expected = ends.join("' or '");
                        return self.error(format!(
                            "Unexpected end of template. Jinja was looking for the following \
                             tags: '{expected}'. The innermost block that needs to be closed is \
                             '{tag}'."
                        ));
                    }
                    return Ok((body, ""));
                }
                Kind::Data(text) => {
                    body.push(Statement::Data(Arc::from(text.as_str())));
                    self.advance();
                }
                Kind::VariableBegin => {
                    self.advance();
                    let expression = self.tuple_or_expression()?;
                    match self.peek() {
                        Kind::VariableEnd => self.advance(),
                        _ => return self.unexpected("end of print statement"),
                    };
                    body.push(Statement::Output(expression));
                }
                Kind::BlockBegin => {
                    self.advance();
                    let found = ends.iter().find(|end| self.is_name(end));
                    if let Some(end) = found {
                        return Ok((body, end));
                    }
                    let statement = self.deeper(|parser| parser.statement(ends, inside))?;
                    body.push(statement);
                }
                other => {
                    let message = format!("unexpected '{}'", describe(other));
                    return self.error(message);
                }
            }
        }
    }

    fn block_end(&mut self) -> Outcome<()> {
        match self.peek() {
            Kind::BlockEnd => {
                self.advance();
                Ok(())
            }
            _ => self.unexpected("end of statement block"),
        }
    }

    /// The end of a tag that a body follows; a colon before it is Python's.
    fn body_begin(&mut self) -> Outcome<()> {
        self.skip_operator(":");
        self.block_end()
    }

    /// A body that ends with one tag, which is consumed.
    fn closed_body(&mut self, end: End, tag: &str) -> Outcome<Vec<Statement>> {
        self.body_begin()?;
        let unknown = self.unknown();
        let (body, _) = self.body(&[end], Some(tag))?;
        if tag != "if" {
            // Jinja looks at these for themselves, whatever is around them
            self.all_known_since(unknown)?;
        }
        self.advance();
        Ok(body)
    }

    fn statement(&mut self, ends: &[End], inside: Option<&str>) -> Outcome<Statement> {
        let range = self.range();
        let Kind::Name(tag) = self.advance() else {
            return Err(super::SyntaxError::new("tag name expected", range));
        };
        let statement = match tag.as_str() {
            "for" => return self.for_loop(),
            "if" => return self.condition(),
            "with" => self.with()?,
            "set" => self.set()?,
            "autoescape" => {
                self.expression()?;
                Statement::Group(self.closed_body("endautoescape", "autoescape")?)
            }
            "filter" => {
                let start = self.range();
                let target = Node { kind: Expression::Captured, range: start };
                let filtered = self.filter(target, start.start)?;
                let filtered = self.filters_and_tests(filtered, start.start)?;
                Statement::FilterBlock(filtered, self.closed_body("endfilter", "filter")?)
            }
            "block" => self.block()?,
            "extends" => Statement::Extends(self.expression()?),
            "include" => self.include()?,
            "import" => {
                let name = self.expression()?;
                if !self.skip_name("as") {
                    return self.unexpected("as");
                }
                let target = self.expect_any_name()?;
                let context = self.import_context(Import::WithoutContext);
                Statement::Import { name, target, context }
            }
            "from" => self.from_import()?,
            "macro" => {
                let name = self.expect_any_name()?;
                self.expect_operator("(")?;
                let parameters = self.parameters()?;
                Statement::Macro(Arc::new(self.macro_body(name, parameters, "endmacro", "macro")?))
            }
            "call" => self.call_block()?,
            "do" if extends_with("jinja2.ext.do") => Statement::Do(self.tuple_or_expression()?),
            "break" | "continue" if extends_with("jinja2.ext.loopcontrols") => {
                if !self.in_loop {
                    return Err(super::SyntaxError::new(format!("'{tag}' outside loop"), range));
                }
                if tag == "break" { Statement::Break } else { Statement::Continue }
            }
            name => {
                return Err(super::SyntaxError::new(unknown_tag(name, ends, inside), range));
            }
        };
        self.block_end()?;
        Ok(statement)
    }

    /// A name that something is assigned to.
    fn assigned_name(&mut self) -> Outcome<Arc<str>> {
        match self.peek() {
            Kind::Name(_) => self.expect_any_name(),
            Kind::BlockEnd => self.error("Expected an expression, got 'end of statement block'"),
            Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) => {
                self.error("can't assign to 'const'")
            }
            _ => self.unexpected("name"),
        }
    }

    fn target(&mut self, stop: Option<&str>) -> Outcome<Target> {
        let mut targets = Vec::new();
        let mut several = false;
        loop {
            let target = if self.skip_operator("(") {
                let inner = self.target(stop)?;
                self.expect_operator(")")?;
                inner
            } else {
                let name = self.assigned_name()?;
                if self.skip_operator(".") {
                    Target::Attribute(name, self.expect_any_name()?)
                } else {
                    Target::Name(name)
                }
            };
            targets.push(target);
            if !self.skip_operator(",") {
                break;
            }
            several = true;
            let ends = matches!(self.peek(), Kind::Operator(")" | "=") | Kind::BlockEnd);
            if ends || stop.is_some_and(|stop| self.is_name(stop)) {
                break;
            }
        }
        match (several, targets.pop()) {
            (false, Some(target)) => Ok(target),
            (_, last) => {
                targets.extend(last);
                Ok(Target::Several(targets))
            }
        }
    }

    fn for_loop(&mut self) -> Outcome<Statement> {
        let target = self.target(Some("in"))?;
        if !self.skip_name("in") {
            return self.unexpected("in");
        }
        let iterated = self.tuple_without_condition()?;
        let condition = if self.skip_name("if") { Some(self.expression()?) } else { None };
        let recursive = self.skip_name("recursive");
        self.body_begin()?;
        let unknown = self.unknown();
        let outer = std::mem::replace(&mut self.in_loop, true);
        let (body, end) = self.body(&["endfor", "else"], Some("for"))?;
        self.in_loop = outer;
        self.all_known_since(unknown)?;
        self.advance();
        let otherwise = if end == "else" { self.closed_body("endfor", "for")? } else { Vec::new() };
        self.block_end()?;
        let parsed = Loop { target, iterated, condition, recursive, body, otherwise };
        Ok(Statement::For(Arc::new(parsed)))
    }

    fn condition(&mut self) -> Outcome<Statement> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let unknown = self.unknown();
        loop {
            let test = self.tuple_without_condition()?;
            self.body_begin()?;
            let (body, end) = self.body(&["elif", "else", "endif"], Some("if"))?;
            self.advance();
            branches.push((test, body));
            match end {
                "elif" => {}
                "else" => {
                    otherwise = self.closed_body("endif", "if")?;
                    break;
                }
                _ => break,
            }
        }
        self.block_end()?;
        self.guard_since(unknown);
        Ok(Statement::If(branches, otherwise))
    }

    fn with(&mut self) -> Outcome<Statement> {
        let mut assignments = Vec::new();
        while !matches!(self.peek(), Kind::BlockEnd) {
            if !assignments.is_empty() {
                self.expect_operator(",")?;
            }
            let name = self.expect_any_name()?;
            self.expect_operator("=")?;
            assignments.push((Target::Name(name), self.expression()?));
        }
        Ok(Statement::With(assignments, self.closed_body("endwith", "with")?))
    }

    fn set(&mut self) -> Outcome<Statement> {
        let target = self.target(None)?;
        if self.skip_operator("=") {
            return Ok(Statement::Set(target, self.tuple_or_expression()?));
        }
        let range = self.range();
        let captured = Node { kind: Expression::Captured, range };
        let filtered = self.filters_and_tests(captured, range.start)?;
        let filtered =
            if matches!(filtered.kind, Expression::Captured) { None } else { Some(filtered) };
        Ok(Statement::SetBlock(target, filtered, self.closed_body("endset", "set")?))
    }

    fn block(&mut self) -> Outcome<Statement> {
        let name = self.expect_any_name()?;
        self.skip_name("scoped");
        let required = self.skip_name("required");
        let range = self.range();
        let body = self.closed_body("endblock", "block")?;
        let is_blank = |statement: &Statement| match statement {
            Statement::Data(text) => text.trim().is_empty(),
            _ => false,
        };
        if required && !body.iter().all(is_blank) {
            let message = "Required blocks can only contain comments or whitespace";
            return Err(super::SyntaxError::new(message, range));
        }
        if self.is_name(&name) {
            self.advance();
        }
        if self.blocks.iter().any(|(known, _)| *known == name) {
            return self.error(format!("block '{name}' defined twice"));
        }
        self.blocks.push((Arc::clone(&name), Arc::new(body)));
        Ok(Statement::Block(name, required))
    }

    fn import_context(&mut self, default: Import) -> Import {
        if self.skip_name("with") {
            self.skip_name("context");
            Import::WithContext
        } else if self.skip_name("without") {
            self.skip_name("context");
            Import::WithoutContext
        } else {
            default
        }
    }

    fn include(&mut self) -> Outcome<Statement> {
        let name = self.expression()?;
        let ignore_missing = self.skip_name("ignore");
        if ignore_missing && !self.skip_name("missing") {
            return self.unexpected("missing");
        }
        let context = self.import_context(Import::WithContext);
        Ok(Statement::Include { name, ignore_missing, context })
    }

    fn from_import(&mut self) -> Outcome<Statement> {
        let name = self.expression()?;
        if !self.skip_name("import") {
            return self.unexpected("import");
        }
        let mut names = Vec::new();
        let mut context = Import::WithoutContext;
        loop {
            if matches!(self.peek(), Kind::BlockEnd) {
                break;
            }
            if self.is_name("with") || self.is_name("without") {
                context = self.import_context(context);
                break;
            }
            let imported = self.expect_any_name()?;
            let known_as =
                if self.skip_name("as") { self.expect_any_name()? } else { Arc::clone(&imported) };
            names.push((imported, known_as));
            if !self.skip_operator(",") {
                context = self.import_context(context);
                break;
            }
        }
        Ok(Statement::FromImport { name, names, context })
    }

    fn parameters(&mut self) -> Outcome<Vec<(Arc<str>, Option<Expr>)>> {
        let mut parameters: Vec<(Arc<str>, Option<Expr>)> = Vec::new();
        while !self.skip_operator(")") {
            if !parameters.is_empty() {
                self.expect_operator(",")?;
                if self.skip_operator(")") {
                    break;
                }
            }
            let name = self.expect_any_name()?;
            let default = if self.skip_operator("=") { Some(self.expression()?) } else { None };
            let after_default = parameters.last().is_some_and(|(_, default)| default.is_some());
            if default.is_none() && after_default {
                return self.error("non-default argument follows default argument");
            }
            parameters.push((name, default));
        }
        Ok(parameters)
    }

    fn macro_body(
        &mut self,
        name: Arc<str>,
        parameters: Vec<(Arc<str>, Option<Expr>)>,
        end: End,
        tag: &str,
    ) -> Outcome<Macro> {
        let first = self.position();
        let outer = std::mem::replace(&mut self.in_loop, false);
        let body = self.closed_body(end, tag)?;
        self.in_loop = outer;
        let reads = MacroReads {
            varargs: self.names_between(first, "varargs"),
            kwargs: self.names_between(first, "kwargs"),
            caller: self.names_between(first, "caller"),
        };
        Ok(Macro { name, parameters, body, reads })
    }

    fn call_block(&mut self) -> Outcome<Statement> {
        let parameters = if self.skip_operator("(") { self.parameters()? } else { Vec::new() };
        let call = self.expression()?;
        if !matches!(call.kind, Expression::Call(..)) {
            return self.error("expected call");
        }
        let body = self.macro_body(Arc::from("caller"), parameters, "endcall", "call")?;
        Ok(Statement::CallBlock(call, Arc::new(body)))
    }
}

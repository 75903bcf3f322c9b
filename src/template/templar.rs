//! Renders nodes, variables, conditions and template files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use serde_json::{Map, Number, Value as Json};

use super::cache;
use super::eval::{Environment, FileContext, Interpreter, Output};
use super::failure::{Failure, Outcome};
use super::header::file_options;
use super::lookups;
use super::place::narrow;
use super::python::{self, Class, as_float, as_integer, class_of, finalise, finalise_marked, text};
use super::render::{
    expression_value, holds_template, strip_newline, template_value, with_newlines_as,
};
use super::syntax::{Embedded, SyntaxError};
use super::told::{deprecated, discouraged};
use super::trust::is_trusted;
use super::work;
use super::{TemplateError, TemplateErrorKind};
use crate::source::{Kind, Node, Span};
use crate::vars::{Scope, Var};

/// Renders; one for a run, shared by all hosts.
#[derive(Debug, Clone)]
pub struct Templar {
    /// What one rendering may spend.
    most: u64,
}

/// Options of the `template` module.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// `trim_blocks`
    pub trim_blocks: bool,
    /// `lstrip_blocks`
    pub lstrip_blocks: bool,
    /// `newline_sequence`
    pub newline: String,
    /// `variable_start_string` and its family: variable, block, comment; start and end.
    pub markers: Option<[String; 6]>,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { trim_blocks: true, lstrip_blocks: false, newline: "\n".to_owned(), markers: None }
    }
}

impl Default for Templar {
    fn default() -> Self {
        Self { most: work::USUAL }
    }
}

impl Templar {
    /// A templar for a run.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A templar that lets one rendering do so many evaluations; text and lists that are made
    /// count, too.
    pub fn bounded(most: u64) -> Arc<Self> {
        Arc::new(Self { most })
    }

    /// The value of a node, all templates in it rendered, keys too.
    pub fn node(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        let var = Var::from(node);
        self.complete(|| stored(scope.render(&var)?, Some(&node.span)), Some(&node.span))
    }

    /// The value of a variable, all templates in it rendered.
    pub fn var(&self, var: &Var, scope: &Scope) -> Result<Value, TemplateError> {
        self.complete(|| stored(scope.render(var)?, None), None)
    }

    /// The value of a bare expression (`var:` of debug, `that:` of assert).
    pub fn expression(
        &self,
        text: &str,
        span: Option<&Span>,
        scope: &Scope,
    ) -> Result<Value, TemplateError> {
        self.complete(|| stored(expression_value(text, Embedded::Kept, span, scope)?, span), span)
    }

    /// The value of an expression where text that tells why (`<< error 1 - 'x' is undefined >>`)
    /// stands for what is missing; and those reasons.
    pub fn marked_expression(
        &self,
        text: &str,
        span: Option<&Span>,
        scope: &Scope,
    ) -> Result<(Value, Vec<String>), TemplateError> {
        let run = || {
            let value = match expression_value(text, Embedded::Kept, span, scope) {
                Ok(value) => value,
                Err(failure) => failure.into_undefined()?,
            };
            let marked = finalise_marked(&value);
            let (value, told) = marked.map_err(|failure| failure.of_text("expression"))?;
            Ok((plain(value, span)?, told))
        };
        self.complete(run, span)
    }

    /// Whether a condition holds (`when`, `until` …): text is an expression, a boolean is itself.
    pub fn condition(&self, condition: &Node, scope: &Scope) -> Result<bool, TemplateError> {
        let run = || condition_value(condition, scope).map_err(in_condition);
        self.complete(run, Some(&condition.span))
    }

    /// The elements that a lookup gives for `with_<name>`.
    pub fn lookup_loop(
        &self,
        name: &str,
        value: &Node,
        scope: &Scope,
    ) -> Result<Vec<Value>, TemplateError> {
        let var = Var::from(value);
        self.complete(
            || {
                let terms = scope.render(&var)?;
                let terms = match name.rsplit('.').next() {
                    Some("first_found") => lookups::defined(&terms)?,
                    _ => finalise(&terms)?,
                };
                let terms = match class_of(&terms) {
                    Class::List | Class::Tuple => python::elements(&terms)?,
                    _ => vec![terms],
                };
                let found = lookups::run_loop(name, terms, scope)?;
                found.into_iter().map(|found| stored(found, Some(&value.span))).collect()
            },
            Some(&value.span),
        )
    }

    /// The text of a template file.
    pub fn file(
        &self,
        path: &Path,
        text: &str,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        self.in_file(path, text, options, scope, render_file)
    }

    /// What a template file gives: a value where it is one expression, nothing where it is empty.
    pub(super) fn file_value(
        &self,
        path: &Path,
        text: &str,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<Value, TemplateError> {
        self.in_file(path, text, options, scope, file_value)
    }

    /// Runs a rendering within its bounds; its failure with a place.
    fn complete<T>(
        &self,
        run: impl FnOnce() -> Outcome<T>,
        span: Option<&Span>,
    ) -> Result<T, TemplateError> {
        work::bounded(self.most, run)
            .map_err(|failure| failure.of_text("template").into_error(span))
    }

    fn in_file<T>(
        &self,
        path: &Path,
        text: &str,
        options: &FileOptions,
        scope: &Scope,
        render: fn(&str, &FileContext, &Scope) -> Outcome<T>,
    ) -> Result<T, TemplateError> {
        let source = text.replace("\r\n", "\n");
        let (source, options) = self.complete(|| file_options(&source, options), None)?;
        let mut folders: Vec<PathBuf> = path.parent().map(Path::to_path_buf).into_iter().collect();
        for candidate in scope.directories().candidates("templates", Path::new("")) {
            if !folders.contains(&candidate) {
                folders.push(candidate);
            }
        }
        let files = FileContext { folders, options };
        let rendered = work::bounded(self.most, || render(source, &files, scope));
        rendered.map_err(|mut failure| {
            let offset = text.find(source).unwrap_or_default();
            if failure.span.is_none()
                && let Some(range) = failure.range
            {
                failure.span =
                    Some(file_span(path, text, offset + range.start, offset + range.end));
            }
            failure.of_text("template").into_error(None)
        })
    }

    /// Finds what is wrong with the templates in a node without rendering: syntax, unknown
    /// filters, tests and lookups.
    pub fn check(&self, node: &Node) -> Result<(), TemplateError> {
        match &node.kind {
            Kind::Str(text) if holds_template(&text.value) => {
                cache::inline(strip_newline(&text.value))
                    .map(|_| ())
                    .map_err(|error| syntax_error(error, &text.value, &node.span))
            }
            Kind::Seq(elements) => elements.iter().try_for_each(|element| self.check(element)),
            Kind::Map(entries) => entries.iter().try_for_each(|(key, value)| {
                self.check(key)?;
                self.check(value)
            }),
            _ => Ok(()),
        }
    }

    /// As [`Self::check`] for a condition.
    pub fn check_condition(&self, node: &Node) -> Result<(), TemplateError> {
        match &node.kind {
            Kind::Str(text) if is_wrapped(&text.value) => self.check(node),
            Kind::Str(text) => cache::expression(&text.value, Embedded::Rendered)
                .map(|_| ())
                .map_err(|error| syntax_error(error, &text.value, &node.span)),
            Kind::Seq(elements) => {
                elements.iter().try_for_each(|element| self.check_condition(element))
            }
            _ => Ok(()),
        }
    }
}

/// A value as it leaves the templates, for a variable to keep.
fn stored(value: Value, span: Option<&Span>) -> Outcome<Value> {
    plain(finalise(&value)?, span)
}

/// A value where no text knows any longer that it is HTML.
fn plain(value: Value, span: Option<&Span>) -> Outcome<Value> {
    let Some(plain) = python::without_markup(&value)? else { return Ok(value) };
    discouraged("Type 'Markup' is unsupported in variable storage, converting to 'str'.", span);
    Ok(plain)
}

fn syntax_error(error: SyntaxError, source: &str, span: &Span) -> TemplateError {
    TemplateError {
        span: Some(narrow(span, source, Some(error.range))),
        way: Box::default(),
        kind: TemplateErrorKind::Syntax { message: error.message, hint: error.hint },
    }
}

/// Whether a condition is a whole template (`{{ … }}`) instead of an expression.
fn is_wrapped(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("{{") || text.starts_with("{%"))
        && (text.ends_with("}}") || text.ends_with("%}"))
}

/// What is said before the reason why a condition cannot be told.
pub(crate) const IN_CONDITION: &str = "Error while evaluating conditional: ";

fn in_condition(mut failure: Box<Failure>) -> Box<Failure> {
    if let TemplateErrorKind::Undefined { message, .. } = &mut failure.kind {
        message.insert_str(0, IN_CONDITION);
    }
    failure
}

fn condition_value(condition: &Node, scope: &Scope) -> Outcome<bool> {
    let value = match &condition.kind {
        Kind::Bool(flag) => return Ok(*flag),
        Kind::Str(source) if is_wrapped(&source.value) => {
            let value = template_value(&source.value, Some(&condition.span), scope)?;
            // text of the user's that a template gives is an expression in its turn
            match value.as_str() {
                Some(inner) if inner.trim().is_empty() => {
                    let holds = empty_condition(&condition.span)?;
                    surrounded(&condition.span);
                    return Ok(holds);
                }
                Some(inner) if is_trusted(&value) => {
                    expression_value(inner, Embedded::Rendered, Some(&condition.span), scope)?
                }
                Some(_) => {
                    return Err(Failure::refused("Encountered untrusted template or expression."));
                }
                None => {
                    surrounded(&condition.span);
                    value
                }
            }
        }
        Kind::Str(source) => {
            let text = source.value.trim();
            if text.is_empty() {
                return empty_condition(&condition.span);
            }
            expression_value(text, Embedded::Rendered, Some(&condition.span), scope)?
        }
        Kind::Null => return empty_condition(&condition.span),
        Kind::Unsafe(_) => {
            return Err(Failure::refused("Encountered untrusted template or expression."));
        }
        _ if broken_conditions_count() => scope.render(&Var::from(condition))?,
        _ => return Err(Failure::refused("Conditional expressions must be strings.")),
    };
    python::usable(&value)?;
    if class_of(&value) == Class::Bool {
        return Ok(value.is_true());
    }
    let kind = python::type_name(&value).to_owned();
    let holds = python::truth(&value)?;
    let value = if holds { "True" } else { "False" }.to_owned();
    let place = condition.span.place().to_string();
    let kind = TemplateErrorKind::NotBoolean { value, kind, place };
    if broken_conditions_count() {
        deprecated(&kind.to_string(), &condition.span, Some(BROKEN));
        return Ok(holds);
    }
    Err(Failure::new(kind))
}

/// Why a broken condition counts.
const BROKEN: &str = "Broken conditionals are currently allowed because the \
                      `ALLOW_BROKEN_CONDITIONALS` configuration option is enabled.";

/// A condition that a template is put around.
fn surrounded(span: &Span) {
    let text = "Conditionals should not be surrounded by templating delimiters such as {{ }} or \
                {% %}.";
    deprecated(text, span, None);
}

/// Whether a condition that is no boolean counts by its truth (`allow_broken_conditionals`).
fn broken_conditions_count() -> bool {
    static COUNT: OnceLock<bool> = OnceLock::new();
    *COUNT.get_or_init(|| crate::settings::current().boolean("ALLOW_BROKEN_CONDITIONALS"))
}

/// What a condition without an expression gives.
fn empty_condition(span: &Span) -> Outcome<bool> {
    if broken_conditions_count() {
        let text = "Empty conditional expression was evaluated as True.";
        deprecated(text, span, Some(BROKEN));
        return Ok(true);
    }
    Err(Failure::refused("Empty conditional expressions are not allowed."))
}

fn render_file(source: &str, files: &FileContext, scope: &Scope) -> Outcome<String> {
    let value = file_value(source, files, scope)?;
    let value = with_newlines_as(value, source, &files.options.newline);
    match value.is_none() {
        // a template that gives nothing makes an empty file; a text that is none stays as it is
        true if holds_template(source) => Ok(String::new()),
        true => Ok(source.to_owned()),
        false => text(&value),
    }
}

fn file_value(source: &str, files: &FileContext, scope: &Scope) -> Outcome<Value> {
    let template = cache::template(strip_newline(source), &files.options)?;
    let environment = Environment { files: Some(files), ..Environment::new(scope) };
    let mut interpreter = Interpreter::new(&environment);
    let mut output = Output::default();
    interpreter.template(&template, &mut output)?;
    let range = output.range();
    let value = output.into_value()?;
    stored(value, None).map_err(|mut failure| {
        failure.range = failure.range.or(range);
        failure
    })
}

fn file_span(path: &Path, text: &str, start: usize, end: usize) -> Span {
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let fragment = text.get(start..end).and_then(|part| part.lines().next()).unwrap_or_default();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Span {
        file: Arc::new(crate::source::SourceFile {
            path: path.to_path_buf(),
            text: text.to_owned(),
        }),
        line: number(before.matches('\n').count() + 1),
        column: number(column),
        length: number(fragment.chars().count().max(1)),
    }
}

/// Whether a value is what `omit` stands for.
pub fn is_omit(value: &Value) -> bool {
    class_of(value) == Class::Omit
}

/// A rendered value as JSON; entries that are `omit` are left out.
pub fn to_json(value: &Value) -> Result<Json, TemplateError> {
    json(value).map_err(|failure| failure.into_error(None))
}

/// A rendered value as a variable keeps it: plain data without entries that are `omit`; what was
/// encrypted still knows it.
pub fn kept(value: &Value) -> Value {
    let every = |values: Vec<Value>| {
        let values = values.iter().filter(|value| !is_omit(value));
        values.map(kept).collect::<Vec<_>>()
    };
    match class_of(value) {
        Class::List | Class::Tuple | Class::Range => {
            python::elements(value).map_or_else(|_| value.clone(), |all| Value::from(every(all)))
        }
        Class::Dict => {
            let Ok(entries) = python::entries(value) else { return value.clone() };
            let entries = entries.into_iter().filter(|(_, value)| !is_omit(value));
            let entries = entries.map(|(key, value)| (key, kept(&value)));
            Value::from_object(entries.collect::<indexmap::IndexMap<Value, Value>>())
        }
        _ => value.clone(),
    }
}

fn json(value: &Value) -> Outcome<Json> {
    python::usable(value)?;
    Ok(match class_of(value) {
        Class::None | Class::Omit => Json::Null,
        Class::Blank => return python::finalise(value).map(|_| Json::Null),
        Class::Bool => Json::Bool(value.is_true()),
        Class::Integer => {
            let Some(number) = as_integer(value) else {
                return Ok(Json::String(python::digits(value)?));
            };
            let small = i64::try_from(number).map(Number::from);
            let large = || u64::try_from(number).map(Number::from);
            match small.or_else(|_| large()) {
                Ok(number) => Json::Number(number),
                Err(_) => Json::String(number.to_string()),
            }
        }
        Class::Float => {
            let number = as_float(value).unwrap_or_default();
            Number::from_f64(number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Class::List | Class::Tuple | Class::Range => {
            let mut elements = Vec::new();
            for element in python::elements(value)? {
                if class_of(&element) != Class::Omit {
                    elements.push(python::deeper(|| json(&element))?);
                }
            }
            Json::Array(elements)
        }
        Class::Dict => {
            let mut members = Map::new();
            for (key, entry) in python::entries(value)? {
                if class_of(&entry) != Class::Omit {
                    members.insert(text(&key)?, python::deeper(|| json(&entry))?);
                }
            }
            Json::Object(members)
        }
        Class::DateTime => Json::String(super::time::iso_text(value).unwrap_or_default()),
        _ => Json::String(text(value)?),
    })
}

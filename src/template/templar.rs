//! Renders nodes, variables, conditions and template files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use serde_json::Value as Json;

use super::{TemplateError, TemplateErrorKind};
use crate::source::{Node, Span};
use crate::vars::{Scope, Var};

/// Renders; one for a run, shared by all hosts.
#[derive(Debug, Clone, Default)]
pub struct Templar {}

/// Where lookups and template includes look for files, the first first.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// The folder of the role, where the task belongs to one.
    pub role: Option<PathBuf>,
    /// The folder of the file that the task stands in.
    pub task: Option<PathBuf>,
    /// The folder of the playbook.
    pub playbook: PathBuf,
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

impl Templar {
    /// A templar for a run.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The value of a node, all templates in it rendered, keys too.
    pub fn node(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        self.var(&Var::from(node), scope)
    }

    /// The value of a variable, all templates in it rendered.
    pub fn var(&self, _var: &Var, _scope: &Scope) -> Result<Value, TemplateError> {
        Err(TemplateError { kind: TemplateErrorKind::Failed("not built".to_owned()), span: None })
    }

    /// The value of a bare expression (`var:` of debug, `that:` of assert).
    pub fn expression(
        &self,
        _text: &str,
        _span: Option<&Span>,
        _scope: &Scope,
    ) -> Result<Value, TemplateError> {
        Err(TemplateError { kind: TemplateErrorKind::Failed("not built".to_owned()), span: None })
    }

    /// Whether a condition holds (`when`, `until` …): text is an expression, a boolean is itself.
    pub fn condition(&self, _condition: &Node, _scope: &Scope) -> Result<bool, TemplateError> {
        Ok(true)
    }

    /// The elements that a lookup gives for `with_<name>`.
    pub fn lookup_loop(
        &self,
        _name: &str,
        _value: &Node,
        _scope: &Scope,
    ) -> Result<Vec<Value>, TemplateError> {
        Ok(Vec::new())
    }

    /// The text of a template file.
    pub fn file(
        &self,
        _path: &Path,
        _text: &str,
        _options: &FileOptions,
        _scope: &Scope,
    ) -> Result<String, TemplateError> {
        Ok(String::new())
    }

    /// Finds what is wrong with the templates in a node without rendering: syntax, unknown
    /// filters, tests and lookups.
    pub fn check(&self, _node: &Node) -> Result<(), TemplateError> {
        Ok(())
    }

    /// As [`Self::check`] for a condition.
    pub fn check_condition(&self, _node: &Node) -> Result<(), TemplateError> {
        Ok(())
    }
}

/// Whether a value is what `omit` stands for.
pub fn is_omit(_value: &Value) -> bool {
    false
}

/// A rendered value as JSON; entries that are `omit` are left out.
pub fn to_json(_value: &Value) -> Result<Json, TemplateError> {
    Ok(Json::Null)
}

/// stub
pub fn from_json(_value: &Json) -> Value {
    Value::UNDEFINED
}

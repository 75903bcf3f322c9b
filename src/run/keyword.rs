//! Keywords of a task as they stand after inheritance and rendering.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::diagnostics::Explain;
use crate::graph::StepTask;
use crate::playbook::Keywords;
use crate::source::{Kind, Node, Span};
use crate::template::{Templar, TemplateError, TemplateErrorKind, holds_template, is_omit};
use crate::vars::Scope;

/// A keyword whose value cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeywordError {
    /// Its template cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template of a keyword that has to be named cannot be rendered.
    #[error("Error processing keyword '{keyword}': {error}")]
    Rendering {
        /// The keyword.
        keyword: &'static str,
        /// Why.
        error: TemplateError,
        /// Where the keyword's value stands.
        span: Span,
    },
    /// Its value is no number.
    #[error(
        "Error processing keyword '{keyword}': The value '{got}' could not be converted to \
         '{wanted}'."
    )]
    Number {
        /// The keyword.
        keyword: &'static str,
        /// Python's name of the type that it must have.
        wanted: &'static str,
        /// What it is.
        got: String,
        /// Where.
        span: Span,
    },
    /// Its value is no boolean.
    #[error(
        "Error processing keyword '{keyword}': The value '{got}' could not be converted to 'bool'."
    )]
    Boolean {
        /// The keyword.
        keyword: &'static str,
        /// What it is.
        got: String,
        /// Where.
        span: Span,
    },
    /// A time that no task can have.
    #[error("Timeout {seconds} is invalid, it must be between 0 and {LONGEST_TIMEOUT}.")]
    Timeout {
        /// Seconds.
        seconds: f64,
        /// Where.
        span: Span,
    },
    /// Its value is no whole number.
    #[error("Failed to convert the {keyword} value to an integer: {reason}")]
    Integer {
        /// The keyword.
        keyword: &'static str,
        /// Why it is none.
        reason: String,
        /// Where.
        span: Span,
    },
    /// What a task loops over is no list.
    #[error("The `loop` value must resolve to a 'list', not '{got}'.")]
    Loop {
        /// Python's name of its type.
        got: &'static str,
        /// Where.
        span: Span,
    },
    /// Its value is of the wrong kind.
    #[error("`{keyword}` must be {wanted}, not `{got}`")]
    Kind {
        /// The keyword.
        keyword: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        got: String,
        /// Where.
        span: Span,
    },
}

/// The longest `timeout` of a task, in seconds.
pub(super) const LONGEST_TIMEOUT: u32 = 100_000_000;

impl Explain for KeywordError {
    fn span(&self) -> Option<&Span> {
        match self {
            Self::Template(error) => error.span(),
            Self::Rendering { error, span, .. } => error.span().or(Some(span)),
            Self::Kind { span, .. }
            | Self::Loop { span, .. }
            | Self::Boolean { span, .. }
            | Self::Number { span, .. }
            | Self::Timeout { span, .. }
            | Self::Integer { span, .. } => Some(span),
        }
    }
}

/// Reads the keywords of a task in a scope.
#[derive(Clone, Copy)]
pub(crate) struct KeywordReader<'a> {
    pub(crate) templar: &'a Templar,
    pub(crate) scope: &'a Scope,
    pub(crate) levels: &'a [std::sync::Arc<Keywords>],
}

impl<'a> KeywordReader<'a> {
    pub(crate) fn of(templar: &'a Templar, scope: &'a Scope, task: &'a StepTask) -> Self {
        Self { templar, scope, levels: &task.keywords }
    }

    /// The node of the nearest level that has the keyword.
    pub(crate) fn nearest(&self, pick: fn(&Keywords) -> Option<&Node>) -> Option<&'a Node> {
        self.levels.iter().find_map(|level| pick(level))
    }

    /// A boolean keyword.
    pub(crate) fn boolean(
        &self,
        keyword: &'static str,
        pick: fn(&Keywords) -> Option<&Node>,
    ) -> Result<Option<bool>, KeywordError> {
        for node in self.levels.iter().filter_map(|level| pick(level)) {
            if let Some(value) = self.boolean_or_omit(keyword, node)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// A boolean from a node.
    pub(crate) fn boolean_node(
        &self,
        keyword: &'static str,
        node: &Node,
    ) -> Result<bool, KeywordError> {
        Ok(self.boolean_or_omit(keyword, node)?.unwrap_or_default())
    }

    /// A boolean; `omit` is as if the level did not have the keyword.
    fn boolean_or_omit(
        &self,
        keyword: &'static str,
        node: &Node,
    ) -> Result<Option<bool>, KeywordError> {
        if let Kind::Bool(value) = node.kind {
            return Ok(Some(value));
        }
        let value = self.rendered(keyword, node)?;
        if is_omit(&value) {
            return Ok(None);
        }
        truth(&value).map(Some).ok_or_else(|| KeywordError::Boolean {
            keyword,
            got: value.to_string(),
            span: node.span.clone(),
        })
    }

    /// A text keyword; empty text and null count as not given.
    pub(crate) fn text(
        &self,
        keyword: &'static str,
        pick: fn(&Keywords) -> Option<&Node>,
    ) -> Result<Option<String>, KeywordError> {
        for node in self.levels.iter().filter_map(|level| pick(level)) {
            let value = match keyword {
                // it is looked at before all else, and is not named
                "delegate_to" => self.templar.node(node, self.scope)?,
                _ => self.rendered(keyword, node)?,
            };
            if is_omit(&value) {
                continue;
            }
            return Ok(match value.kind() {
                ValueKind::None | ValueKind::Undefined => None,
                _ => Some(value.to_string()).filter(|text| !text.is_empty()),
            });
        }
        Ok(None)
    }

    /// A keyword that is a whole number.
    pub(crate) fn integer(&self, keyword: &'static str, node: &Node) -> Result<i64, KeywordError> {
        let refused =
            |reason: String| KeywordError::Integer { keyword, reason, span: node.span.clone() };
        let value =
            self.templar.node(node, self.scope).map_err(|error| refused(error.to_string()))?;
        let number = match value.kind() {
            ValueKind::Number | ValueKind::Bool => i64::try_from(value.clone()).ok(),
            ValueKind::String => value.as_str().and_then(|text| text.trim().parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| {
            refused(match value.as_str() {
                Some(text) => format!("invalid literal for int() with base 10: '{text}'"),
                None => {
                    let kind = crate::template::type_name(&value);
                    format!(
                        "int() argument must be a string, a bytes-like object or a real number, \
                         not '{kind}'"
                    )
                }
            })
        })
    }

    /// A number keyword.
    pub(crate) fn number(&self, keyword: &'static str, node: &Node) -> Result<f64, KeywordError> {
        let value = self.rendered(keyword, node)?;
        let number = match value.kind() {
            ValueKind::Number => f64::try_from(value.clone()).ok(),
            ValueKind::String => value.as_str().and_then(|text| text.trim().parse().ok()),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| KeywordError::Number {
            keyword: if keyword == "async" { "async_val" } else { keyword },
            wanted: if matches!(keyword, "delay" | "pause") { "float" } else { "int" },
            got: value.to_string(),
            span: node.span.clone(),
        })
    }

    /// Refuses a task with a keyword that cannot be rendered, whether or not it counts here.
    pub(crate) fn refuse_unreadable(&self) -> Result<(), KeywordError> {
        type Pick = fn(&Keywords) -> Option<&Node>;
        const LOOKED_AT: [(&str, Pick); 10] = [
            ("become", |level| level.r#become.as_ref()),
            ("become_user", |level| level.become_user.as_ref()),
            ("become_method", |level| level.become_method.as_ref()),
            ("become_flags", |level| level.become_flags.as_ref()),
            ("become_exe", |level| level.become_exe.as_ref()),
            ("connection", |level| level.connection.as_ref()),
            ("remote_user", |level| level.remote_user.as_ref()),
            ("no_log", |level| level.no_log.as_ref()),
            ("ignore_errors", |level| level.ignore_errors.as_ref()),
            ("ignore_unreachable", |level| level.ignore_unreachable.as_ref()),
        ];
        for (keyword, pick) in LOOKED_AT {
            if let Some(node) = self.nearest(pick)
                && node.as_str().is_some_and(holds_template)
            {
                self.rendered(keyword, node)?;
            }
        }
        match self.nearest(|level| level.port.as_ref()) {
            Some(node) if node.as_str().is_some_and(holds_template) => {
                let value = self.rendered("port", node)?;
                if is_omit(&value) { Ok(()) } else { self.number("port", node).map(|_| ()) }
            }
            _ => Ok(()),
        }
    }

    /// What `notify` names.
    pub(crate) fn topics(&self, notify: &[Node]) -> Result<Vec<String>, KeywordError> {
        let mut topics = Vec::new();
        for node in notify {
            let value = self.rendered("notify", node)?;
            match value.kind() {
                _ if is_omit(&value) => {}
                ValueKind::Seq => {
                    topics.extend(value.try_iter().into_iter().flatten().map(|it| it.to_string()));
                }
                _ => topics.push(value.to_string()),
            }
        }
        Ok(topics)
    }

    /// The value of a keyword's node.
    pub(super) fn rendered(
        &self,
        keyword: &'static str,
        node: &Node,
    ) -> Result<Value, KeywordError> {
        self.templar.node(node, self.scope).map_err(|error| match error.kind {
            TemplateErrorKind::Unknown(_) => KeywordError::Template(error),
            _ => KeywordError::Rendering { keyword, error, span: node.span.clone() },
        })
    }

    /// The environment: the outermost level first, nearer ones over it.
    pub(crate) fn environment(&self) -> Result<BTreeMap<String, String>, KeywordError> {
        let mut environment = BTreeMap::new();
        for level in self.levels.iter().rev() {
            for node in &level.environment {
                self.add_environment(node, &mut environment)?;
            }
        }
        Ok(environment)
    }

    /// The environment in which facts are gathered: without what only facts would tell.
    pub(crate) fn environment_of_facts(&self) -> Result<BTreeMap<String, String>, KeywordError> {
        let mut environment = BTreeMap::new();
        for node in self.levels.iter().rev().flat_map(|level| &level.environment) {
            let Kind::Map(entries) = &node.kind else {
                self.add_environment(node, &mut environment)?;
                continue;
            };
            for (name, value) in entries {
                match self.templar.node(value, self.scope) {
                    Ok(value) if !is_omit(&value) => {
                        environment.insert(name.shown(), python_text(&value));
                    }
                    Err(error) if !error.to_string().contains("ansible_env") => {
                        return Err(error.into());
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Ok(environment)
    }

    fn add_environment(
        &self,
        node: &Node,
        environment: &mut BTreeMap<String, String>,
    ) -> Result<(), KeywordError> {
        let value = self.rendered("environment", node)?;
        let wrong = || KeywordError::Kind {
            keyword: "environment",
            wanted: "a mapping or a list of mappings",
            got: value.to_string(),
            span: node.span.clone(),
        };
        let maps = match value.kind() {
            ValueKind::Map => vec![value.clone()],
            ValueKind::Seq | ValueKind::Iterable => {
                value.try_iter().map_err(|_| wrong())?.collect()
            }
            ValueKind::None | ValueKind::Undefined => Vec::new(),
            _ if is_omit(&value) => Vec::new(),
            _ => return Err(wrong()),
        };
        for map in maps {
            for name in map.try_iter().map_err(|_| wrong())? {
                let value = map.get_item(&name).unwrap_or_default();
                if !is_omit(&value) {
                    environment.insert(name.to_string(), python_text(&value));
                }
            }
        }
        Ok(())
    }
}

/// Text of a value as Python's `str()` gives it for scalars.
pub(crate) fn python_text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::None | ValueKind::Undefined => String::new(),
        _ => value.to_string(),
    }
}

/// The boolean that a value or word stands for.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true()),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(0) => Some(false),
            Ok(1) => Some(true),
            _ => None,
        },
        ValueKind::String => match value.as_str()?.to_lowercase().as_str() {
            "yes" | "on" | "1" | "true" | "t" | "y" => Some(true),
            "no" | "off" | "0" | "false" | "f" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

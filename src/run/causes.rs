//! What led to a failure, from the task down to the value that refused, as Ansible tells it.

use crate::diagnostics::Explain as _;
use crate::report::event::ErrorCause;
use crate::source::{Place, Span};
use crate::template::{IN_CONDITION, TemplateError, TemplateErrorKind};

use super::keyword::KeywordError;

/// What to try where a condition is no boolean.
const BROKEN_CONDITION: &str = "Broken conditionals can be temporarily allowed with the \
                                `ALLOW_BROKEN_CONDITIONALS` configuration option.";

/// What is said of text that comes from a host, a lookup or a filter.
const UNTRUSTED: &str = "Encountered untrusted template or expression.";

/// What to try then.
const TRUST_WANTED: &str = "Templates and expressions must be defined by trusted sources such as \
                            playbooks or roles, not untrusted sources such as module results.";

/// What to try where a loop is over something else than a list.
const LIST_WANTED: &str = "Provide a list of items/templates, or a template resolving to a list.";

/// What led to it below a keyword.
pub(super) fn of_keyword(error: &KeywordError) -> Vec<ErrorCause> {
    match error {
        KeywordError::Template(error) => of_template(error),
        KeywordError::Rendering { keyword, error, span } => {
            within(&format!("Error processing keyword '{keyword}'"), Some(span.place()), error)
        }
        KeywordError::Number { keyword, .. } | KeywordError::Boolean { keyword, .. } => {
            let place = error.span().map(Span::place);
            let named = format!("Error processing keyword '{keyword}'");
            let whole = error.to_string();
            let why = whole.strip_prefix(&named).and_then(|why| why.strip_prefix(": "));
            vec![
                ErrorCause::new(format!("{named}."), place.clone()),
                ErrorCause::new(why.unwrap_or(&whole), place),
            ]
        }
        KeywordError::Loop { span, .. } => {
            let help = Some(LIST_WANTED.to_owned());
            vec![ErrorCause { help, ..ErrorCause::new(error.to_string(), Some(span.place())) }]
        }
        KeywordError::Timeout { .. } | KeywordError::Integer { .. } | KeywordError::Kind { .. } => {
            vec![ErrorCause::new(error.to_string(), error.span().map(Span::place))]
        }
    }
}

/// What led to it where nothing but the value is to be named.
pub(super) fn of_template(error: &TemplateError) -> Vec<ErrorCause> {
    let asked = error.way.asked.as_ref().map(Span::place);
    if let TemplateErrorKind::Undefined { message, .. } = &error.kind
        && let (Some(why), Some(failed)) = (message.strip_prefix(IN_CONDITION), error.way.nested())
    {
        let said = IN_CONDITION.trim_end_matches(": ");
        return vec![
            ErrorCause::new(format!("{said}."), asked),
            at(why.to_owned(), error, Some(failed.place())),
        ];
    }
    let failed = error.way.failed.as_ref().map(Span::place);
    let help = match &error.kind {
        TemplateErrorKind::NotBoolean { .. } => Some(BROKEN_CONDITION.to_owned()),
        TemplateErrorKind::Failed(text) if text.ends_with(UNTRUSTED) => {
            Some(TRUST_WANTED.to_owned())
        }
        _ => None,
    };
    vec![ErrorCause { help, ..at(error.to_string(), error, failed.or(asked)) }]
}

/// What led to it where a value stands here; `said` names the value.
pub(super) fn within(said: &str, node: Option<Place>, error: &TemplateError) -> Vec<ErrorCause> {
    match error.way.nested() {
        Some(failed) => vec![
            ErrorCause::new(format!("{said}."), node),
            at(error.to_string(), error, Some(failed.place())),
        ],
        None => vec![at(format!("{said}: {error}"), error, node)],
    }
}

fn at(message: String, error: &TemplateError, value: Option<Place>) -> ErrorCause {
    let place = error.span.as_ref().map(Span::place).or_else(|| value.clone());
    ErrorCause { value, ..ErrorCause::new(message, place) }
}

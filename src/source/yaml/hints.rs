//! What to try when YAML is wrong: the usual mistakes, looked for near the place.

use crate::source::{Problem, Span};

/// What to try.
pub(super) fn hints(problem: &Problem, span: &Span) -> Vec<String> {
    match problem {
        Problem::Syntax(text, context) => near(text, *context, span),
        Problem::UnhashableKey => near("", None, span).into_iter().take(1).collect(),
        Problem::Documents => {
            vec!["remove the `---` between the documents, or make two files".to_owned()]
        }
        Problem::TooLarge(_) | Problem::Scalar { .. } => {
            vec!["put the value in quotes if it is text".to_owned()]
        }
        Problem::UnknownTag(tag) if tag.starts_with('!') => {
            vec!["put the value in quotes if it begins with `!`".to_owned()]
        }
        Problem::UnknownTag(tag) => vec![format!("put `{tag}` in quotes if it is text")],
        Problem::Character(_) => {
            vec!["remove the character, or write it as an escape in double quotes".to_owned()]
        }
        _ => Vec::new(),
    }
}

fn near(problem: &str, context: Option<&str>, span: &Span) -> Vec<String> {
    let here = span.file.line(span.line).unwrap_or_default();
    let before = span
        .line
        .checked_sub(1)
        .filter(|line| *line > 0)
        .and_then(|line| span.file.line(line))
        .unwrap_or_default();
    // the place is often on the line after the mistake
    [here, before]
        .into_iter()
        .find_map(|line| mistake(line, problem, context))
        .into_iter()
        .collect()
}

fn mistake(line: &str, problem: &str, context: Option<&str>) -> Option<String> {
    let indent = line.len() - line.trim_start().len();
    if line.get(..indent).is_some_and(|blank| blank.contains('\t'))
        || (problem.contains("cannot start any token") && line.contains('\t'))
    {
        return Some("indent with spaces, not with tabs".to_owned());
    }
    if problem.contains("cannot start any token")
        && let Some(value) = line.split_once(": ").map(|(_, value)| value.trim_start())
        && let Some(first) = value.chars().next().filter(|c| matches!(c, '%' | '@' | '`'))
    {
        return Some(format!("put a value that begins with `{first}` in quotes"));
    }
    let (key, value) = key_and_value(line);
    if value.starts_with("{{") || (key.is_empty() && line.trim_start().starts_with("{{")) {
        let value = if value.is_empty() { line.trim() } else { value };
        return Some(format!("a value that begins with `{{{{` must be quoted: {}", quoted(value)));
    }
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return match closing(value, quote) {
            None => Some(format!("the quote {quote} is not closed")),
            Some(rest) if !rest.is_empty() && !rest.starts_with([',', ']', '}', '#']) => Some(
                format!("text follows the closing quote; quote the whole value: {}", quoted(value)),
            ),
            Some(_) => None,
        };
    }
    if context.is_some_and(|context| context.contains("quoted scalar")) {
        return Some("a quote is not closed".to_owned());
    }
    if problem.contains("mapping values are not allowed") && value.contains(": ") {
        return Some(format!("a value with `: ` in it must be quoted: {}", quoted(value)));
    }
    missing_space(line)
}

/// The key and the value of a line `- key: value`.
fn key_and_value(line: &str) -> (&str, &str) {
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix("- ") {
        line = rest.trim_start();
    }
    match line.split_once(": ") {
        Some((key, value)) => (key.trim(), value.trim()),
        None => ("", line),
    }
}

fn quoted(value: &str) -> String {
    if !value.contains('"') {
        format!("\"{value}\"")
    } else if !value.contains('\'') {
        format!("'{value}'")
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

/// What stands after the closing quote.
fn closing(value: &str, quote: char) -> Option<&str> {
    let mut characters = value.char_indices().skip(1).peekable();
    while let Some((offset, character)) = characters.next() {
        if character == '\\' && quote == '"' {
            characters.next();
        } else if character == quote {
            if quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
                continue;
            }
            return value.get(offset + 1..).map(str::trim);
        }
    }
    None
}

/// `key:value` where a space lacks.
fn missing_space(line: &str) -> Option<String> {
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix("- ") {
        line = rest.trim_start();
    }
    let (key, value) = line.split_once(':')?;
    let word =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    (word && value.starts_with(|c: char| !c.is_whitespace() && c != '/'))
        .then(|| format!("put a space after the colon: `{key}: {value}`"))
}

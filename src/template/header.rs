//! The `#jinja2:` header of a template.

use super::failure::{Failure, Outcome};
use super::python;
use super::syntax::{Backslashes, Markers, Options, Whitespace};
use super::templar::FileOptions;

/// What a header gives an option.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    None,
    Bool(bool),
    Text(String),
    /// A value of a type that no option has.
    Other(&'static str),
}

/// The options of a file with those of its `#jinja2:` header, and the text after the header.
pub(super) fn file_options<'t>(
    source: &'t str,
    options: &FileOptions,
) -> Outcome<(&'t str, Options)> {
    let mut parsed = Options {
        after_blocks: whitespace(options.trim_blocks),
        before_blocks: whitespace(options.lstrip_blocks),
        newline: options.newline.clone(),
        backslashes: Backslashes::Escapes,
        markers: Markers::default(),
    };
    if let Some(
        [variable_start, variable_end, block_start, block_end, comment_start, comment_end],
    ) = options.markers.clone()
    {
        parsed.markers = Markers {
            variable: [variable_start, variable_end],
            block: [block_start, block_end],
            comment: [comment_start, comment_end],
            ..Markers::default()
        };
    }
    let Some(header) = source.strip_prefix("#jinja2:") else {
        refuse(&parsed.markers)?;
        return Ok((source, parsed));
    };
    let Some((line, rest)) = header.split_once('\n') else {
        return wrong("Missing newline after '#jinja2:' override.");
    };
    for pair in line.split(',') {
        if pair.trim().is_empty() {
            return wrong("Empty '#jinja2:' override pair not allowed.");
        }
        let Some((key, value)) = pair.split_once(':') else {
            return wrong(&format!(
                "Missing key-value separator `:` in '#jinja2:' override pair {}.",
                quoted(pair)
            ));
        };
        set(&mut parsed, key.trim(), value)?;
    }
    refuse(&parsed.markers)?;
    Ok((rest, parsed))
}

fn whitespace(trim: bool) -> Whitespace {
    if trim { Whitespace::Trim } else { Whitespace::Keep }
}

fn wrong<T>(what: &str) -> Outcome<T> {
    Err(Failure::refused(format!("Syntax error in template: {what}")))
}

/// Refuses markers that would be everywhere, and those that are the same.
fn refuse(markers: &Markers) -> Outcome<()> {
    let [variable, variable_end] = &markers.variable;
    let [block, block_end] = &markers.block;
    let [comment, comment_end] = &markers.comment;
    if block == variable || variable == comment || comment == block {
        return wrong("Block, variable and comment start strings must be different.");
    }
    let named = [
        ("variable_start_string", Some(variable)),
        ("variable_end_string", Some(variable_end)),
        ("block_start_string", Some(block)),
        ("block_end_string", Some(block_end)),
        ("comment_start_string", Some(comment)),
        ("comment_end_string", Some(comment_end)),
        ("line_statement_prefix", markers.line_statement.as_ref()),
        ("line_comment_prefix", markers.line_comment.as_ref()),
    ];
    match named.iter().find(|(_, marker)| marker.is_some_and(String::is_empty)) {
        None => Ok(()),
        Some((name, _)) => wrong(&format!("the option '{name}' is empty")),
    }
}

fn set(options: &mut Options, key: &str, value: &str) -> Outcome<()> {
    let markers = &mut options.markers;
    let ([variable_start, variable_end], [block_start, block_end], [comment_start, comment_end]) =
        (&mut markers.variable, &mut markers.block, &mut markers.comment);
    let marker = match key {
        "trim_blocks" => {
            options.after_blocks = whitespace(switch(key, value)?);
            return Ok(());
        }
        "lstrip_blocks" => {
            options.before_blocks = whitespace(switch(key, value)?);
            return Ok(());
        }
        // newlines at the end are those of the file, anyway
        "keep_trailing_newline" => return switch(key, value).map(|_| ()),
        "line_statement_prefix" => {
            markers.line_statement = prefix(key, value)?;
            return Ok(());
        }
        "line_comment_prefix" => {
            markers.line_comment = prefix(key, value)?;
            return Ok(());
        }
        "newline_sequence" => {
            options.newline = newline(literal(value)?)?;
            return Ok(());
        }
        "variable_start_string" => variable_start,
        "variable_end_string" => variable_end,
        "block_start_string" => block_start,
        "block_end_string" => block_end,
        "comment_start_string" => comment_start,
        "comment_end_string" => comment_end,
        _ => return wrong(&format!("Invalid '#jinja2:' override key {}.", quoted(key))),
    };
    *marker = match literal(value)? {
        Literal::Text(text) => text,
        other => return wrong_type(key, "<class 'str'>", &other),
    };
    Ok(())
}

fn switch(key: &str, value: &str) -> Outcome<bool> {
    match literal(value)? {
        Literal::Bool(flag) => Ok(flag),
        other => wrong_type(key, "<class 'bool'>", &other),
    }
}

fn prefix(key: &str, value: &str) -> Outcome<Option<String>> {
    match literal(value)? {
        Literal::Text(text) => Ok(Some(text)),
        Literal::None => Ok(None),
        other => wrong_type(key, "<class 'str'> or <class 'NoneType'>", &other),
    }
}

fn newline(value: Literal) -> Outcome<String> {
    let shown = match value {
        Literal::Text(text) if matches!(text.as_str(), "\n" | "\r\n" | "\r") => return Ok(text),
        Literal::Text(text) => quoted(&text),
        Literal::Bool(flag) => if flag { "True" } else { "False" }.to_owned(),
        Literal::None => "None".to_owned(),
        Literal::Other(kind) => format!("a value of type {kind}"),
    };
    wrong(&format!(
        "TemplateOverrides.newline_sequence must be one of ('\\n', '\\r\\n', '\\r') instead of {shown}"
    ))
}

fn wrong_type<T>(key: &str, wanted: &str, given: &Literal) -> Outcome<T> {
    let kind = match given {
        Literal::None => "NoneType",
        Literal::Bool(_) => "bool",
        Literal::Text(_) => "str",
        Literal::Other(kind) => kind,
    };
    wrong(&format!("TemplateOverrides.{key} must be {wanted} instead of <class '{kind}'>"))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    python::repr_text(text, &mut quoted);
    quoted
}

/// A Python literal.
fn literal(source: &str) -> Outcome<Literal> {
    let mut rest = source.trim();
    while let Some(inner) = rest.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        rest = inner.trim();
    }
    let (prefix, body) = match rest.find(['\'', '"']) {
        Some(at @ 0..=2) => rest.split_at(at),
        _ => ("", rest),
    };
    let raw = prefix.eq_ignore_ascii_case("r");
    let is_text = prefix.is_empty() || raw || prefix.eq_ignore_ascii_case("u");
    if is_text && body.starts_with(['\'', '"']) {
        return texts(body, raw).map(Literal::Text);
    }
    let word = rest.split('#').next().unwrap_or_default().trim();
    let name = |word: &str| {
        word.chars().all(|letter| letter == '_' || letter.is_alphanumeric())
            && !word.starts_with(|letter: char| letter.is_ascii_digit())
    };
    match word {
        "True" => Ok(Literal::Bool(true)),
        "False" => Ok(Literal::Bool(false)),
        "None" => Ok(Literal::None),
        _ if prefix.eq_ignore_ascii_case("b") => Ok(Literal::Other("bytes")),
        _ if word.parse::<i64>().is_ok() => Ok(Literal::Other("int")),
        _ if word.parse::<f64>().is_ok() && !name(word) => Ok(Literal::Other("float")),
        _ if word.starts_with('[') && word.ends_with(']') => Ok(Literal::Other("list")),
        _ if word.starts_with('{') && word.ends_with('}') => Ok(Literal::Other("dict")),
        _ if !word.is_empty() && name(word) => {
            wrong(&format!("malformed node or string on line 1: {word}"))
        }
        _ => wrong(&format!("invalid syntax: {}", source.trim())),
    }
}

/// Text constants that follow each other, up to a comment.
fn texts(source: &str, raw: bool) -> Outcome<String> {
    let mut text = String::new();
    let mut rest = source;
    while let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
        let body = rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = body.char_indices().find_map(|(at, letter)| {
            let ends = !escaped && letter == quote;
            escaped = !escaped && letter == '\\';
            ends.then_some(at)
        });
        let Some((inner, after)) =
            end.and_then(|end| Some((body.get(..end)?, body.get(end + 1..)?)))
        else {
            return wrong(&format!("unterminated string literal: {source}"));
        };
        match raw {
            true => text.push_str(inner),
            false => match python::unescape(inner) {
                Some(inner) => text.push_str(&inner),
                None => return wrong(&format!("malformed escape in a string: {source}")),
            },
        }
        rest = after.trim_start();
    }
    match rest.is_empty() || rest.starts_with('#') {
        true => Ok(text),
        false => wrong(&format!("invalid syntax: {source}")),
    }
}

#[cfg(test)]
mod tests {
    use super::file_options;
    use crate::template::FileOptions;

    #[test]
    fn what_no_option_takes_is_refused() {
        for (source, hint) in [
            ("#jinja2: variable_start_string: '\n", "unterminated string literal"),
            ("#jinja2: variable_start_string: \"[%\n", "unterminated string literal"),
            ("#jinja2: comment_end_string: ''\n", "'comment_end_string' is empty"),
            ("#jinja2: line_comment_prefix: ''\n", "'line_comment_prefix' is empty"),
            ("#jinja2: trim_blocks: true\n", "malformed node or string on line 1"),
            ("#jinja2: trim_blocks: 1\n", "must be <class 'bool'> instead of <class 'int'>"),
            ("#jinja2: trim_blocks: True,\n", "Empty '#jinja2:' override pair not allowed."),
            ("#jinja2: trim_blocks: True", "Missing newline after '#jinja2:' override."),
            ("#jinja2: newline_sequence: 'x'\n", "must be one of"),
            ("#jinja2: variable_start_string: '{%'\n", "must be different"),
        ] {
            let refused = file_options(source, &FileOptions::default()).err().unwrap();
            assert!(format!("{refused:?}").contains(hint), "{source:?}: {refused:?}");
        }
        for source in [
            "#jinja2: variable_start_string: '[%'\nx",
            "#jinja2: variable_start_string: '[' '%' # both\nx",
            "#jinja2: line_statement_prefix: None, trim_blocks: (True)\nx",
        ] {
            let taken = file_options(source, &FileOptions::default());
            assert_eq!(taken.ok().map(|(rest, _)| rest), Some("x"), "{source}");
        }
    }
}

//! Filters of text.

use minijinja::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::{Filter, filter};
use crate::template::eval::{Bound, Call};
use crate::template::failure::{Failure, Outcome};
use crate::template::methods;
use crate::template::python::{
    self, Wrapping, as_integer, is_markup, is_space, like, percent, repr, text, tuple, wrap,
};
use crate::template::syntax::BinaryOperator;

/// The family.
pub(super) const FILTERS: &[Filter] = &[
    filter("lower", &["value"], |call| Ok(like(call.value()?, call.text(0)?.to_lowercase()))),
    filter("upper", &["value"], |call| Ok(like(call.value()?, call.text(0)?.to_uppercase()))),
    filter("capitalize", &["value"], |call| {
        Ok(like(call.value()?, methods::capitalize(&call.text(0)?)))
    }),
    filter("title", &["value"], |call| Ok(Value::from(title(&call.text(0)?)))),
    filter("replace", &["value", "old", "new", "count"], |call| {
        let (value, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
        Ok(Value::from(match call.integer(3)? {
            Some(count) if count >= 0 => {
                value.replacen(&old, &new, usize::try_from(count).unwrap_or_default())
            }
            _ => value.replace(&old, &new),
        }))
    }),
    filter("trim", &["value", "chars"], |call| {
        let value = call.text(0)?;
        let trimmed = match call.some(1) {
            Some(letters) => {
                let letters = text(letters)?;
                value.trim_matches(|letter| letters.contains(letter)).to_owned()
            }
            None => value.trim_matches(is_space).to_owned(),
        };
        Ok(like(call.value()?, trimmed))
    }),
    filter("indent", &["value", "width", "first", "blank"], indent),
    filter("quote", &["value"], |call| {
        let value = call.value()?;
        let plain = if value.is_none() { String::new() } else { text(value)? };
        let quoted = shell_quote(&plain);
        // quotes that are put around HTML are escaped
        let quotes = is_markup(value) && quoted != plain;
        let quoted =
            if quotes { quoted.replace('\'', "&#39;").replace('"', "&#34;") } else { quoted };
        Ok(like(value, quoted))
    }),
    filter("comment", &["text", "style", "**"], comment),
    filter("split", &["value", "sep", "maxsplit"], |call| {
        let mut arguments = Call::default();
        for index in 1..3 {
            if let Some(argument) = call.given(index) {
                arguments.positional.push(argument.clone());
            }
        }
        let value = Value::from(call.string_or(0, |class| {
            format!("descriptor 'split' for 'str' objects doesn't apply to a '{class}' object")
        })?);
        methods::call(call.environment, &value, "split", arguments)
    }),
    filter("pprint", &["value"], |call| repr(call.value()?).map(Value::from)),
    filter("format", &["value", "*", "**"], |call| {
        if !call.rest.is_empty() && !call.keywords.is_empty() {
            return Err(Failure::failed(
                "can't handle positional and keyword arguments at the same time",
            ));
        }
        let arguments = if call.keywords.is_empty() {
            tuple(call.rest.clone())
        } else {
            python::string_keys(call.keywords.clone())
        };
        percent(&soft(call)?, &arguments)
    }),
    filter("center", &["value", "width"], |call| {
        let width = call.size(1, 80)?;
        let mut arguments = Call::default();
        arguments.positional.push(Value::from(width));
        methods::call(call.environment, &soft(call)?, "center", arguments)
    }),
    filter("wordcount", &["value"], |call| {
        let value = call.text(0)?;
        let words = value
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty());
        Ok(Value::from(words.count()))
    }),
    filter(
        "wordwrap",
        &["value", "width", "break_long_words", "wrapstring", "break_on_hyphens"],
        |call| {
            let separator = call.text_or(3, "\n")?;
            let wrapping = Wrapping {
                width: call.size(1, 79)?.max(1),
                break_long_words: call.flag_or_true(2)?,
                break_on_hyphens: call.flag_or_true(4)?,
            };
            let refusal = |class: &str| format!("'{class}' object has no attribute 'splitlines'");
            let text = call.string_or(0, refusal)?;
            let mut lines = Vec::new();
            for line in methods::split_lines(text, false) {
                lines.push(wrap(&line, wrapping)?.join(&separator));
            }
            Ok(Value::from(lines.join(&separator)))
        },
    ),
    filter("truncate", &["value", "length", "killwords", "end", "leeway"], truncate),
    filter("striptags", &["value"], |call| Ok(Value::from(python::strip_tags(&call.text(0)?)))),
    filter("community.general.unicode_normalize", &["data", "form"], |call| {
        let value = call.value()?;
        let Some(data) = value.as_str() else {
            let class = python::type_name(value);
            return Err(call.refuse(format!("<class '{class}'> is not a valid input type")));
        };
        Ok(Value::from(match call.text_or(1, "NFC")?.as_str() {
            "NFC" => data.nfc().collect::<String>(),
            "NFD" => data.nfd().collect(),
            "NFKC" => data.nfkc().collect(),
            "NFKD" => data.nfkd().collect(),
            other => return Err(call.refuse(format!("{other} is not a valid form"))),
        }))
    }),
];

/// The value as text; HTML stays HTML.
fn soft(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.required(0)?;
    Ok(if python::is_text(value) { value.clone() } else { Value::from(call.text(0)?) })
}

fn title(text: &str) -> String {
    let mut titled = String::new();
    let mut start = true;
    for letter in text.chars() {
        if start {
            titled.extend(letter.to_uppercase());
        } else {
            titled.extend(letter.to_lowercase());
        }
        start = letter.is_whitespace() || "-({[<".contains(letter);
    }
    titled
}

fn indent(call: &Bound<'_>) -> Outcome<Value> {
    let value = call.string_or(0, |class| match class {
        "list" => "'list' object has no attribute 'splitlines'".to_owned(),
        "tuple" => "can only concatenate tuple (not \"str\") to tuple".to_owned(),
        _ => format!("unsupported operand type(s) for +=: '{class}' and 'str'"),
    })?;
    let prefix = match call.some(1) {
        None => "    ".to_owned(),
        Some(width) => match as_integer(width) {
            Some(width) => " ".repeat(usize::try_from(width.clamp(0, 10_000)).unwrap_or_default()),
            None => text(width)?,
        },
    };
    let (first, blank) = (call.flag(2)?, call.flag(3)?);
    // a newline is put behind and taken off again, so that the last line counts
    let lines: Vec<&str> = value.split('\n').collect();
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let indented = if index == 0 { first } else { blank || !line.is_empty() };
        if indented {
            out.push_str(&prefix);
        }
        out.push_str(line);
    }
    Ok(like(call.value()?, out))
}

/// `shlex.quote`
pub(in crate::template) fn shell_quote(text: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "_@%+=:,./-".contains(letter);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn comment(call: &Bound<'_>) -> Outcome<Value> {
    let style = call.text_or(1, "plain")?;
    let (decoration, beginning, end) = match style.as_str() {
        "plain" => ("# ", "", ""),
        "erlang" => ("% ", "", ""),
        "c" => ("// ", "", ""),
        "cblock" => (" * ", "/*", " */"),
        "xml" => (" - ", "<!--", "-->"),
        _ => return Err(call.refuse(format!("Invalid style '{style}'."))),
    };
    let option =
        |name: &str, default: &str| call.keyword(name).map_or_else(|| Ok(default.to_owned()), text);
    let newline = option("newline", "\n")?;
    let decoration = option("decoration", decoration)?;
    let beginning = option("beginning", beginning)?;
    let end = option("end", end)?;
    let prefix = option("prefix", decoration.trim_end())?;
    let postfix = option("postfix", decoration.trim_end())?;
    let count = |name: &str| {
        let number = call.keyword(name).and_then(as_integer).unwrap_or(1);
        usize::try_from(number).unwrap_or_default().min(1000)
    };
    let body = match call.value()?.as_str() {
        Some(body) => body.to_owned(),
        None => {
            let class = python::type_name(call.value()?);
            return Err(call.refuse(format!("'{class}' object has no attribute 'replace'")));
        }
    };
    let body = body.replace(newline.as_str(), &format!("{newline}{decoration}"));
    let body = format!("{decoration}{body}")
        .replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end()));
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&beginning);
        out.push_str(&newline);
    }
    if !prefix.is_empty() {
        for _ in 0..count("prefix_count") {
            out.push_str(&prefix);
            if prefix != newline {
                out.push_str(&newline);
            }
        }
    }
    out.push_str(&body);
    for _ in 0..count("postfix_count") {
        out.push_str(&newline);
        out.push_str(&postfix);
    }
    if !end.is_empty() {
        out.push_str(&newline);
        out.push_str(&end);
    }
    Ok(Value::from(out))
}

fn truncate(call: &Bound<'_>) -> Outcome<Value> {
    let given = call.value()?;
    let limit = call.size(1, 255)?;
    let end = call.text_or(3, "...")?;
    let leeway = call.size(4, 5)?;
    let kept = limit.checked_sub(end.chars().count()).ok_or_else(|| {
        Failure::failed(format!("expected length >= {}, got {limit}", end.chars().count()))
    })?;
    let joined = |cut: String| {
        let end = call.some(3).cloned().unwrap_or_else(|| Value::from("..."));
        python::binary(BinaryOperator::Add, &like(given, cut), &end)
    };
    let container = python::is_mapping(given) || python::is_sequence(given);
    if container && python::length(given)? <= limit + leeway {
        // what is short enough is left as it is
        return Ok(given.clone());
    }
    if !container && given.as_str().is_none() {
        python::usable(given)?;
        let class = python::type_name(given);
        return Err(call.refuse(format!("object of type '{class}' has no len()")));
    }
    let value = call.text(0)?;
    if value.chars().count() <= limit + leeway {
        return Ok(given.clone());
    }
    let cut: String = value.chars().take(kept).collect();
    if call.flag(2)? {
        return joined(cut);
    }
    joined(cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before).to_owned())
}

//! Methods of text.

use minijinja::Value;

use super::super::eval::Call;
use super::super::failure::{Failure, Outcome};
use super::super::python::{
    self, as_integer, elements, format_method, is_space, list, tuple, type_name,
};

pub(super) const METHODS: [&str; 47] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
    "decode",
    "isprintable",
    "translate",
];

const WITHOUT_ARGUMENTS: [&str; 18] = [
    "capitalize",
    "casefold",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "lower",
    "swapcase",
    "title",
    "upper",
    "isprintable",
];

struct Given<'a> {
    method: &'a str,
    call: &'a Call,
}

impl Given<'_> {
    fn value(&self, index: usize, name: &str) -> Option<&Value> {
        let keyword = self.call.keywords.iter().find(|(keyword, _)| keyword == name);
        self.call.positional.get(index).or(keyword.map(|(_, value)| value))
    }

    fn text(&self, index: usize, name: &str) -> Outcome<&str> {
        match self.value(index, name) {
            Some(value) => value.as_str().ok_or_else(|| {
                let given = type_name(value);
                Failure::failed(format!("{}() argument must be str, not {given}", self.method))
            }),
            None => Err(Failure::failed(format!("{}() is missing an argument", self.method))),
        }
    }

    fn optional_text(&self, index: usize, name: &str) -> Outcome<Option<&str>> {
        match self.value(index, name) {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(_) => self.text(index, name).map(Some),
        }
    }

    fn integer(&self, index: usize, name: &str) -> Option<i128> {
        self.value(index, name).and_then(as_integer)
    }
}

/// Calls a method of text.
pub(super) fn call(value: &Value, method: &str, call: Call) -> Outcome<Value> {
    let arguments = call.positional.len() + call.keywords.len();
    if arguments > 0 && WITHOUT_ARGUMENTS.contains(&method) {
        return Err(Failure::failed(format!(
            "{}.{method}() takes no arguments ({arguments} given)",
            type_name(value)
        )));
    }
    let text = value.as_str().unwrap_or_default();
    if method == "format" {
        return format_method(value, &call.positional, &call.keywords).map(Value::from);
    }
    let given = Given { method, call: &call };
    if let Some(changed) = case(text, method) {
        return Ok(Value::from(changed));
    }
    if let Some(answer) = predicate(text, method) {
        return Ok(Value::from(answer));
    }
    match method {
        "strip" | "lstrip" | "rstrip" => strip(text, method, given.optional_text(0, "chars")?),
        "split" | "rsplit" => split(text, &given),
        "splitlines" => {
            let keep = given.value(0, "keepends").map_or(Ok(false), python::truth)?;
            Ok(list(split_lines(text, keep).into_iter().map(Value::from).collect()))
        }
        "join" => join(text, &given),
        "startswith" | "endswith" => affix(text, &given),
        "find" | "index" | "rfind" | "rindex" => find(text, &given),
        "count" => {
            let wanted = given.text(0, "sub")?;
            let count = if wanted.is_empty() {
                text.chars().count() + 1
            } else {
                text.matches(wanted).count()
            };
            Ok(Value::from(count))
        }
        "replace" => {
            let (old, new) = (given.text(0, "old")?, given.text(1, "new")?);
            let count = given.integer(2, "count").and_then(|count| usize::try_from(count).ok());
            Ok(Value::from(match count {
                Some(count) => text.replacen(old, new, count),
                None => text.replace(old, new),
            }))
        }
        "partition" | "rpartition" => partition(text, &given),
        "removeprefix" => {
            let prefix = given.text(0, "prefix")?;
            Ok(Value::from(text.strip_prefix(prefix).unwrap_or(text)))
        }
        "removesuffix" => {
            let suffix = given.text(0, "suffix")?;
            Ok(Value::from(text.strip_suffix(suffix).unwrap_or(text)))
        }
        "ljust" | "rjust" | "center" | "zfill" => pad(text, &given),
        "expandtabs" => {
            let size = given.integer(0, "tabsize").unwrap_or(8);
            Ok(Value::from(expand_tabs(text, usize::try_from(size).unwrap_or_default())))
        }
        "encode" | "decode" => Ok(Value::from(text)),
        "translate" => match given.value(0, "table") {
            Some(table) if python::is_mapping(table) => translated(text, table),
            _ => Err(Failure::failed("translate() takes a dict")),
        },
        "format_map" => match given.value(0, "mapping") {
            Some(mapping) => {
                let mut named = Vec::new();
                for (key, value) in python::entries(mapping)? {
                    named.push((python::text(&key)?, value));
                }
                format_method(value, &[], &named).map(Value::from)
            }
            None => Err(Failure::failed("format_map() takes exactly one argument (0 given)")),
        },
        name => Err(Failure::failed(format!("'str' object has no attribute '{name}'"))),
    }
}

/// `str.capitalize`
pub(in crate::template) fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + &letters.as_str().to_lowercase(),
        None => String::new(),
    }
}

fn case(text: &str, method: &str) -> Option<String> {
    Some(match method {
        "upper" => text.to_uppercase(),
        "lower" => text.to_lowercase(),
        "casefold" => text.to_lowercase().replace('ß', "ss").replace('ς', "σ").replace('ſ', "s"),
        "capitalize" => capitalize(text),
        "swapcase" => text
            .chars()
            .flat_map(|letter| -> Vec<char> {
                if letter.is_uppercase() {
                    letter.to_lowercase().collect()
                } else {
                    letter.to_uppercase().collect()
                }
            })
            .collect(),
        "title" => {
            let mut inside = false;
            let mut titled = String::new();
            for letter in text.chars() {
                if !letter.is_alphabetic() {
                    titled.push(letter);
                } else if inside {
                    titled.extend(letter.to_lowercase());
                } else {
                    titled.extend(letter.to_uppercase());
                }
                inside = letter.is_alphabetic();
            }
            titled
        }
        _ => return None,
    })
}

/// Neither a control character nor a blank that would be escaped.
fn is_printable(letter: char) -> bool {
    !letter.is_control() && !letter.is_whitespace()
}

/// The text with its letters replaced by code, as a table says.
fn translated(text: &str, table: &Value) -> Outcome<Value> {
    let mut out = String::new();
    for letter in text.chars() {
        match python::mapping_get(table, &Value::from(u32::from(letter)))? {
            None => out.push(letter),
            Some(to) if to.is_none() => {}
            Some(to) => match as_integer(&to).and_then(|code| u32::try_from(code).ok()) {
                Some(code) => out.extend(char::from_u32(code)),
                None => out.push_str(&python::text(&to)?),
            },
        }
    }
    Ok(Value::from(out))
}

fn predicate(text: &str, method: &str) -> Option<bool> {
    let all = |check: fn(char) -> bool| !text.is_empty() && text.chars().all(check);
    let cased = |wanted: fn(char) -> bool, refused: fn(char) -> bool| {
        text.chars().any(wanted) && !text.chars().any(refused)
    };
    Some(match method {
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => text.is_ascii(),
        "isprintable" => text.chars().all(|letter| letter == ' ' || is_printable(letter)),
        "isdecimal" => all(|letter| letter.is_ascii_digit()),
        "isdigit" => {
            all(|letter| letter.is_ascii_digit() || "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉".contains(letter))
        }
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(is_space),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        "istitle" => !text.is_empty() && case(text, "title").as_deref() == Some(text),
        "isidentifier" => {
            let mut letters = text.chars();
            letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
                && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
        }
        _ => return None,
    })
}

fn strip(text: &str, method: &str, letters: Option<&str>) -> Outcome<Value> {
    let drops = |letter: char| match letters {
        Some(letters) => letters.contains(letter),
        None => is_space(letter),
    };
    Ok(Value::from(match method {
        "lstrip" => text.trim_start_matches(drops),
        "rstrip" => text.trim_end_matches(drops),
        _ => text.trim_matches(drops),
    }))
}

/// `str.split` and `str.rsplit` without a separator or with one.
fn split(text: &str, given: &Given<'_>) -> Outcome<Value> {
    let separator = given.optional_text(0, "sep")?;
    let limit = given.integer(1, "maxsplit").unwrap_or(-1);
    let limit = usize::try_from(limit).ok();
    let from_right = given.method == "rsplit";
    let parts: Vec<String> = match separator {
        Some("") => return Err(Failure::failed("empty separator")),
        Some(separator) => match (limit, from_right) {
            (None, _) => text.split(separator).map(str::to_owned).collect(),
            (Some(limit), false) => text.splitn(limit + 1, separator).map(str::to_owned).collect(),
            (Some(limit), true) => {
                let mut parts: Vec<String> =
                    text.rsplitn(limit + 1, separator).map(str::to_owned).collect();
                parts.reverse();
                parts
            }
        },
        None => split_whitespace(text, limit, from_right),
    };
    Ok(list(parts.into_iter().map(Value::from).collect()))
}

fn split_whitespace(text: &str, limit: Option<usize>, from_right: bool) -> Vec<String> {
    let Some(limit) = limit else {
        let words = text.split(is_space).filter(|word| !word.is_empty());
        return words.map(str::to_owned).collect();
    };
    let mut parts = Vec::new();
    let mut rest = if from_right {
        text.trim_end_matches(is_space)
    } else {
        text.trim_start_matches(is_space)
    };
    while parts.len() < limit && !rest.is_empty() {
        let cut = if from_right { rest.rfind(is_space) } else { rest.find(is_space) };
        let Some(cut) = cut else {
            break;
        };
        let (left, right) = rest.split_at(cut);
        if from_right {
            parts.push(right.trim_start_matches(is_space).to_owned());
            rest = left.trim_end_matches(is_space);
        } else {
            parts.push(left.to_owned());
            rest = right.trim_start_matches(is_space);
        }
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    if from_right {
        parts.reverse();
    }
    parts
}

const ENDS_OF_LINES: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// `str.splitlines`
pub(in crate::template) fn split_lines(text: &str, keep_ends: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ENDS_OF_LINES) {
        let tail = rest.get(at..).unwrap_or_default();
        let end = if tail.starts_with("\r\n") {
            2
        } else {
            tail.chars().next().map_or(1, char::len_utf8)
        };
        let cut = if keep_ends { at + end } else { at };
        lines.push(rest.get(..cut).unwrap_or_default().to_owned());
        rest = rest.get(at + end..).unwrap_or_default();
    }
    if !rest.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

fn join(separator: &str, given: &Given<'_>) -> Outcome<Value> {
    let Some(values) = given.value(0, "iterable") else {
        return Err(Failure::failed("join() takes exactly one argument (0 given)"));
    };
    let mut parts = Vec::new();
    for (index, element) in elements(values)?.iter().enumerate() {
        let part = element.as_str().ok_or_else(|| {
            let found = type_name(element);
            Failure::failed(format!("sequence item {index}: expected str instance, {found} found"))
        })?;
        parts.push(part.to_owned());
    }
    Ok(Value::from(parts.join(separator)))
}

fn affix(text: &str, given: &Given<'_>) -> Outcome<Value> {
    let start = given.integer(1, "start").unwrap_or(0);
    let text = slice_text(text, start, given.integer(2, "end"));
    let matches = |affix: &str| {
        if given.method == "startswith" { text.starts_with(affix) } else { text.ends_with(affix) }
    };
    if let Some(value) = given.value(0, "prefix")
        && python::is_sequence(value)
    {
        for affix in elements(value)? {
            if affix.as_str().is_some_and(matches) {
                return Ok(Value::from(true));
            }
        }
        return Ok(Value::from(false));
    }
    Ok(Value::from(matches(given.text(0, "prefix")?)))
}

fn slice_text(text: &str, start: i128, end: Option<i128>) -> String {
    let length = i128::try_from(text.chars().count()).unwrap_or(i128::MAX);
    let bound = |bound: i128| {
        let bound = if bound < 0 { bound + length } else { bound };
        usize::try_from(bound.clamp(0, length)).unwrap_or_default()
    };
    let (start, end) = (bound(start), bound(end.unwrap_or(length)));
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn find(text: &str, given: &Given<'_>) -> Outcome<Value> {
    let wanted = given.text(0, "sub")?;
    let start = given.integer(1, "start").unwrap_or(0);
    let searched = slice_text(text, start, given.integer(2, "end"));
    let from_right = given.method.starts_with('r');
    let at = if from_right { searched.rfind(wanted) } else { searched.find(wanted) };
    match at {
        Some(at) => {
            let inside = searched.get(..at).unwrap_or_default().chars().count();
            let skipped = text.chars().count() - slice_text(text, start, None).chars().count();
            Ok(Value::from(inside + skipped))
        }
        None if given.method.ends_with("index") => Err(Failure::failed("substring not found")),
        None => Ok(Value::from(-1)),
    }
}

fn partition(text: &str, given: &Given<'_>) -> Outcome<Value> {
    let separator = given.text(0, "sep")?;
    if separator.is_empty() {
        return Err(Failure::failed("empty separator"));
    }
    let parts = if given.method == "partition" {
        text.split_once(separator).map_or([text, "", ""], |(left, right)| [left, separator, right])
    } else {
        text.rsplit_once(separator).map_or(["", "", text], |(left, right)| [left, separator, right])
    };
    Ok(tuple(parts.into_iter().map(Value::from).collect()))
}

fn pad(text: &str, given: &Given<'_>) -> Outcome<Value> {
    let width = given.integer(0, "width").unwrap_or_default().clamp(0, 100_000);
    let width = usize::try_from(width).unwrap_or_default();
    let missing = width.saturating_sub(text.chars().count());
    if given.method == "zfill" {
        let (sign, digits) = match text.strip_prefix(['-', '+']) {
            Some(digits) => text.split_at(text.len() - digits.len()),
            None => ("", text),
        };
        return Ok(Value::from(format!("{sign}{}{digits}", "0".repeat(missing))));
    }
    let fill = given.optional_text(1, "fillchar")?.unwrap_or(" ");
    if fill.chars().count() != 1 {
        let message = "The fill character must be exactly one character long";
        return Err(Failure::failed(message));
    }
    let left = match given.method {
        "ljust" => 0,
        "rjust" => missing,
        _ => missing / 2 + (missing & width & 1),
    };
    Ok(Value::from(format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))))
}

fn expand_tabs(text: &str, size: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for letter in text.chars() {
        match letter {
            '\t' if size > 0 => {
                let blanks = size - column % size;
                out.push_str(&" ".repeat(blanks));
                column += blanks;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(letter);
                column = 0;
            }
            letter => {
                out.push(letter);
                column += 1;
            }
        }
    }
    out
}

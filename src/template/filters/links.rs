//! `urlize`: addresses in text become links.

use minijinja::Value;

use super::{Filter, filter};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::{escape, escaped, text};
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const FILTERS: &[Filter] = &[filter(
    "urlize",
    &["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"],
    urlize,
)];

const HTTP: &str = r"^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}])))(?::[\d]{1,5})?(?:[/?#]\S*)?$";
const MAIL: &str = r"^\S+@\w[\w.-]*\.\w+$";

struct Attributes {
    relation: String,
    target: String,
    limit: Option<usize>,
    schemes: Vec<String>,
}

fn urlize(call: &Bound<'_>) -> Outcome<Value> {
    let mut relations: Vec<String> =
        call.text_or(4, "")?.split_whitespace().map(str::to_owned).collect();
    if call.flag(2)? {
        relations.push("nofollow".to_owned());
    }
    relations.push("noopener".to_owned());
    relations.sort();
    relations.dedup();
    let target = call.text_or(3, "")?;
    let schemes = match call.some(5) {
        Some(schemes) => crate::template::python::elements(schemes)?
            .iter()
            .map(text)
            .collect::<Outcome<Vec<_>>>()?,
        None => Vec::new(),
    };
    let scheme_form = compiled(r"^[\w.+-]{2,}:(/){0,2}\Z", Flags::default())?;
    for scheme in &schemes {
        if !scheme_form.is_found(scheme)? {
            return Err(call.refuse(format!("'{scheme}' is not a valid URI scheme prefix.")));
        }
    }
    let attributes = Attributes {
        relation: format!(" rel=\"{}\"", escape(&relations.join(" "))),
        target: match target.as_str() {
            "" => String::new(),
            target => format!(" target=\"{}\"", escape(target)),
        },
        limit: call.some(1).map(|_| call.size(1, 0)).transpose()?,
        schemes,
    };
    let escaped = escaped(call.required(0)?)?;
    let mut out = String::new();
    let mut rest = escaped.as_str();
    while !rest.is_empty() {
        let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        out.push_str(&linked(word, &attributes)?);
        let blank_end = after.find(|letter: char| !letter.is_whitespace()).unwrap_or(after.len());
        let (blank, after) = after.split_at(blank_end);
        out.push_str(blank);
        rest = after;
    }
    Ok(Value::from(out))
}

fn linked(word: &str, attributes: &Attributes) -> Outcome<String> {
    let mut middle = word;
    while let Some(after) =
        ["(", "<", "&lt;"].iter().find_map(|opening| middle.strip_prefix(opening))
    {
        middle = after;
    }
    let head = word.get(..word.len() - middle.len()).unwrap_or_default();
    let whole = middle;
    while let Some(before) =
        [")", ">", ".", ",", "&gt;"].iter().find_map(|closing| middle.strip_suffix(closing))
    {
        middle = before;
    }
    let mut length = middle.len();
    for (opening, closing) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
        let (inside, tail) = whole.split_at(length);
        let openings = inside.matches(opening).count();
        if openings <= inside.matches(closing).count() {
            continue;
        }
        let moved = openings.min(tail.matches(closing).count());
        if let Some((at, found)) = tail.match_indices(closing).nth(moved.wrapping_sub(1)) {
            length += at + found.len();
        }
    }
    let (middle, tail) = whole.split_at(length);
    Ok(format!("{head}{}{tail}", link(middle, attributes)?))
}

fn link(word: &str, attributes: &Attributes) -> Outcome<String> {
    let Attributes { relation, target, limit, schemes } = attributes;
    let flags = Flags { ignore_case: true, ..Flags::default() };
    let mail = compiled(MAIL, Flags::default())?;
    if compiled(HTTP, flags)?.is_found(word)? {
        let shown = match limit {
            Some(limit) if word.chars().count() > *limit => {
                format!("{}...", word.chars().take(*limit).collect::<String>())
            }
            _ => word.to_owned(),
        };
        let full = word.starts_with("https://") || word.starts_with("http://");
        let scheme = if full { "" } else { "https://" };
        return Ok(format!("<a href=\"{scheme}{word}\"{relation}{target}>{shown}</a>"));
    }
    if let Some(address) = word.strip_prefix("mailto:")
        && mail.is_found(address)?
    {
        return Ok(format!("<a href=\"{word}\">{address}</a>"));
    }
    let address = word.contains('@')
        && !word.starts_with("www.")
        && !word.starts_with('@')
        && !word.contains(':');
    if address && mail.is_found(word)? {
        return Ok(format!("<a href=\"mailto:{word}\">{word}</a>"));
    }
    if schemes.iter().any(|scheme| word != scheme && word.starts_with(scheme.as_str())) {
        return Ok(format!("<a href=\"{word}\"{relation}{target}>{word}</a>"));
    }
    Ok(word.to_owned())
}

//! The last step of an expression, which may be something to make.

use std::sync::LazyLock;

use fancy_regex::Regex;

/// What the last step asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// An element, perhaps with a text.
    Element(String, Option<String>),
    /// An element that conditions hold for.
    Where(String, Vec<String>),
    /// An attribute, perhaps with a value.
    Attribute(String, Option<String>),
    /// A text.
    Text(String),
}

/// The forms of a last step, in the order in which they are tried.
static FORMS: LazyLock<Vec<(Form, Option<Regex>)>> = LazyLock::new(|| {
    let name = r"[a-zA-Z-][a-zA-Z0-9_\-\.]*";
    let name = format!("{name}|{name}:{name}");
    let text = r#"('(?:.*)'|"(?:.*)")"#;
    [
        (Form::Element, format!("^(.*)/({name})$")),
        (Form::ElementWithText, format!(r"^(.*)/({name})/text\(\)={text}$")),
        (Form::Attribute, format!("^(.*)/@({name})$")),
        (Form::AttributeWithValue, format!("^(.*)/@({name})={text}$")),
        (Form::Where, format!(r"^(.*)/({name})\[(.*)\]$")),
        (Form::Text, format!(r"^(.*)/text\(\)={text}$")),
    ]
    .map(|(form, pattern)| (form, Regex::new(&pattern).ok()))
    .into()
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Element,
    ElementWithText,
    Attribute,
    AttributeWithValue,
    Where,
    Text,
}

/// Splits an expression before its last step; `None` where that is nothing to make.
pub(super) fn split(xpath: &str) -> Option<(String, Step)> {
    let xpath = xpath.trim();
    for (form, pattern) in FORMS.iter() {
        let Some(Ok(Some(groups))) = pattern.as_ref().map(|pattern| pattern.captures(xpath)) else {
            continue;
        };
        let group = |number: usize| {
            groups.get(number).map(|group| group.as_str().to_owned()).unwrap_or_default()
        };
        let inside = |number: usize| {
            let text = group(number);
            text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned()
        };
        let step = match form {
            Form::Element => Step::Element(group(2), None),
            Form::ElementWithText => Step::Element(group(2), Some(inside(3))),
            Form::Attribute => Step::Attribute(group(2), None),
            Form::AttributeWithValue => Step::Attribute(group(2), Some(inside(3))),
            Form::Where => {
                let conditions = group(3);
                let conditions = conditions.split(" and ").map(|one| one.trim().to_owned());
                Step::Where(group(2), conditions.collect())
            }
            Form::Text => Step::Text(inside(2)),
        };
        return Some((group(1), step));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Step, split};

    #[test]
    fn last_steps_are_told_apart() {
        let text = |text: &str| Some(text.to_owned());
        let table = [
            ("/a/b", Some(("/a", Step::Element("b".into(), None)))),
            ("/a/x:b", Some(("/a", Step::Element("x:b".into(), None)))),
            ("/a/b/text()='c'", Some(("/a", Step::Element("b".into(), text("c"))))),
            ("/a/@b", Some(("/a", Step::Attribute("b".into(), None)))),
            ("/a/@b=\"c\"", Some(("/a", Step::Attribute("b".into(), text("c"))))),
            (
                "/a/b[@c='d' and e]",
                Some(("/a", Step::Where("b".into(), vec!["@c='d'".into(), "e".into()]))),
            ),
            ("./text()='c'", Some((".", Step::Text("c".into())))),
            ("/a/*", None),
        ];
        for (xpath, expected) in table {
            let expected = expected.map(|(before, step)| (before.to_owned(), step));
            assert_eq!(split(xpath), expected, "{xpath}");
        }
    }
}

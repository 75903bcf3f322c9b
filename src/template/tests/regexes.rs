//! `match`, `search` and `regex`.

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::regex::{Flags, compiled};

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("match", &["value", "pattern", "ignorecase", "multiline"], |call| {
        matched(call, [2, 3], Anchor::Start)
    }),
    test("search", &["value", "pattern", "ignorecase", "multiline"], |call| {
        matched(call, [2, 3], Anchor::Anywhere)
    }),
    test("regex", &["value", "pattern", "ignorecase", "multiline", "match_type"], |call| {
        let anchor = match call.text_or(4, "search")?.as_str() {
            "search" => Anchor::Anywhere,
            "match" => Anchor::Start,
            "fullmatch" => Anchor::Whole,
            other => return Err(call.refuse(format!("invalid match_type '{other}'"))),
        };
        matched(call, [2, 3], anchor)
    }),
];

enum Anchor {
    Start,
    Anywhere,
    Whole,
}

fn matched(call: &Bound<'_>, [ignore, multi]: [usize; 2], anchor: Anchor) -> Outcome<bool> {
    let text = call.text(0)?;
    let flags = Flags {
        ignore_case: call.flag(ignore)?,
        multi_line: call.flag(multi)?,
        ..Flags::default()
    };
    let pattern = call.text(1)?;
    let regex = compiled(&pattern, flags)?;
    Ok(match anchor {
        Anchor::Anywhere => regex.is_found(&text)?,
        Anchor::Start => regex.match_start(&text)?.is_some(),
        Anchor::Whole => {
            let whole = format!("(?:{pattern})\\Z");
            compiled(&whole, flags)?.match_start(&text)?.is_some()
        }
    })
}

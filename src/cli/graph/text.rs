//! The graph as lines.

use std::fmt::Write as _;

use super::picture::Picture;

/// A line a step, with what it waits for.
pub(super) fn draw(picture: &Picture, text: &mut String) {
    let follows = picture.follows.as_ref().map(|follows| format!("  ({})", follows.words()));
    let _ = writeln!(text, "{}{}", picture.title, follows.unwrap_or_default());
    for (index, node) in picture.nodes.iter().enumerate() {
        let last = index.checked_sub(1);
        let waits: Vec<String> = picture
            .into(index)
            .map(|edge| match edge.from {
                Some(from) if Some(from) != last => {
                    let number = picture.nodes.get(from).map_or(from, |node| node.number);
                    format!("{} at {number}", edge.words())
                }
                _ => edge.words(),
            })
            .collect();
        let waits = match waits.is_empty() {
            true => String::new(),
            false => format!("  waits for {}", waits.join(", ")),
        };
        let section = node.section.map(|section| format!("{section}: ")).unwrap_or_default();
        let (number, kind, title, place) = (node.number, node.kind, &node.title, &node.place);
        let took = node.took.map(|took| format!("  took {}", took.words())).unwrap_or_default();
        let _ = writeln!(text, "  {number:>3} {kind:<7} {section}{title}  [{place}]{waits}{took}");
    }
}

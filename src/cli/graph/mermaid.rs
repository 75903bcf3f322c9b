//! The graph as a Mermaid flow chart, as Markdown on GitHub and GitLab shows it.

use std::fmt::Write as _;

use super::dot::HEAT;
use super::picture::Picture;

/// All plays as one chart, each a subgraph.
pub(super) fn draw(pictures: &[Picture]) -> String {
    let mut text = String::from("flowchart TD\n");
    for (play, picture) in pictures.iter().enumerate() {
        let _ = writeln!(text, "  subgraph play{play} [{}]", quoted(&picture.title));
        for (index, node) in picture.nodes.iter().enumerate() {
            let section = node.section.map(|section| format!("{section}: ")).unwrap_or_default();
            let label = quoted(&format!("{} {section}{}", node.number, node.label()));
            let (open, close) = match node.kind {
                "flush" => ("([", "])"),
                "handler" => ("[[", "]]"),
                _ => ("[", "]"),
            };
            let _ = writeln!(text, "    p{play}n{index}{open}{label}{close}");
        }
        if picture.edges.iter().any(|edge| edge.from.is_none()) {
            let _ = writeln!(text, "    p{play}begin((\" \"))");
        }
        for edge in &picture.edges {
            let from = edge.from.map_or_else(|| "begin".to_owned(), |from| format!("n{from}"));
            let arrow = if edge.couples_hosts() { "==>" } else { "-->" };
            let label = quoted(&edge.words());
            let _ = writeln!(text, "    p{play}{from} {arrow}|{label}| p{play}n{}", edge.to);
        }
        text.push_str("  end\n");
    }
    for (play, (before, picture)) in pictures.iter().zip(pictures.iter().skip(1)).enumerate() {
        let (Some(follows), Some(last), false) =
            (&picture.follows, before.nodes.len().checked_sub(1), picture.nodes.is_empty())
        else {
            continue;
        };
        let arrow = if follows.waits() { "==>" } else { "-.->" };
        let (next, label) = (play + 1, quoted(&follows.words()));
        let _ = writeln!(text, "  p{play}n{last} {arrow}|{label}| p{next}n0");
    }
    for (heat, colour) in HEAT.iter().enumerate().skip(1) {
        let hot: Vec<String> = pictures
            .iter()
            .enumerate()
            .flat_map(|(play, picture)| {
                let nodes = picture.nodes.iter().enumerate();
                nodes
                    .filter(move |(_, node)| node.heat() == heat)
                    .map(move |(index, _)| format!("p{play}n{index}"))
            })
            .collect();
        if !hot.is_empty() {
            let _ =
                writeln!(text, "  classDef heat{heat} fill:{colour},stroke:#c2571a,color:#1f2430");
            let _ = writeln!(text, "  class {} heat{heat}", hot.join(","));
        }
    }
    text
}

/// Text in quotes; what Mermaid or HTML would read is written by its number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '#' | ';' | '<' | '>' | '&' | '`' | '\\' => {
                let _ = write!(quoted, "#{};", u32::from(letter));
            }
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

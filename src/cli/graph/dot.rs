//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::picture::Picture;

/// All plays as one graph, each a cluster.
pub(super) fn draw(pictures: &[Picture]) -> String {
    let mut text = String::from(
        "digraph plays {\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge \
         [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for (play, picture) in pictures.iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{play} {{");
        let _ = writeln!(text, "    label={};", quoted(&picture.title));
        for (index, node) in picture.nodes.iter().enumerate() {
            let section = node.section.map(|section| format!("{section}: ")).unwrap_or_default();
            let label = quoted(&format!("{} {section}{}\n{}", node.number, node.title, node.place));
            let shape = match node.kind {
                "flush" => ", shape=ellipse",
                "handler" => ", style=\"rounded,dashed\"",
                _ => "",
            };
            let _ = writeln!(text, "    p{play}_{index} [label={label}{shape}];");
        }
        text.push_str("  }\n");
        if picture.edges.iter().any(|edge| edge.from.is_none()) {
            let _ = writeln!(text, "  p{play}_begin [shape=point, label=\"\"];");
        }
        for edge in &picture.edges {
            let from = edge.from.map_or_else(|| "begin".to_owned(), |from| from.to_string());
            let (to, label) = (edge.to, quoted(&edge.words()));
            let weight = if edge.couples_hosts() { ", penwidth=2" } else { "" };
            let _ = writeln!(text, "  p{play}_{from} -> p{play}_{to} [label={label}{weight}];");
        }
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

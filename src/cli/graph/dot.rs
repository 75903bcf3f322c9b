//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::picture::Picture;

/// Colours of steps on the critical path, by heat.
pub(super) const HEAT: [&str; 5] = ["#ffffff", "#fff1dc", "#ffd9a8", "#ffb066", "#ff7a3c"];

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
            let title = node.label();
            let label = quoted(&format!("{} {section}{title}\n{}", node.number, node.place));
            let shape = match node.kind {
                "flush" => ", shape=ellipse",
                "handler" => ", style=\"rounded,dashed\"",
                _ => "",
            };
            // warmer where more of the critical path is
            let heat = match node.heat() {
                0 => String::new(),
                heat => format!(
                    ", fillcolor=\"{}\", style=\"rounded,filled{}\"",
                    HEAT.get(heat).copied().unwrap_or_default(),
                    if node.kind == "handler" { ",dashed" } else { "" }
                ),
            };
            let shape = if heat.is_empty() || node.kind == "flush" { shape } else { "" };
            let _ = writeln!(text, "    p{play}_{index} [label={label}{shape}{heat}];");
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
    for (play, (before, picture)) in pictures.iter().zip(pictures.iter().skip(1)).enumerate() {
        let (Some(follows), Some(last), false) =
            (&picture.follows, before.nodes.len().checked_sub(1), picture.nodes.is_empty())
        else {
            continue;
        };
        let style = if follows.waits() { "penwidth=2" } else { "style=dashed" };
        let (next, label) = (play + 1, quoted(&follows.words()));
        let _ = writeln!(text, "  p{play}_{last} -> p{next}_0 [label={label}, {style}];");
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
